//! Which strata each ring has examples of.

use std::collections::BTreeMap;

use ringway_model::canonical_value;
use ringway_policy::validated::{Policy, RingHosts};

use super::parts::{Coverage, StratumReport};
use crate::coverage::named;
use crate::index::value_of;
use crate::plan::Plan;
use crate::spec::FleetSpec;

/// What tells hosts apart where no ring says: what a host does, and what it runs on.
const USUAL: [&str; 2] = ["role", "os"];

/// The strata of all hosts in rings. Their labels are those that rings cover by, else the usual ones as far as some
/// host has them, else the group.
pub(super) fn coverage(fleet: &FleetSpec, plan: &Plan, policy: Option<&Policy>) -> Coverage {
    let covers: Vec<Option<&[String]>> = (0..plan.rings.len())
        .map(|ring| cover_of(policy, ring))
        .collect();
    let mut by: Vec<String> = Vec::new();
    for label in covers.iter().flatten().copied().flatten() {
        if !by.contains(label) {
            by.push(label.clone());
        }
    }
    let asked_for = !by.is_empty();
    if !asked_for {
        let hosts = || {
            plan.slots
                .iter()
                .map(|slot| &fleet.hosts[slot.host.index()])
        };
        by = USUAL
            .into_iter()
            .filter(|label| hosts().any(|host| value_of(host, label).is_some()))
            .map(str::to_owned)
            .collect();
    }
    let by_group = by.is_empty();
    let mut counts: BTreeMap<Vec<Option<&str>>, Vec<u32>> = BTreeMap::new();
    let mut key = Vec::new();
    for (at, ring) in plan.rings.iter().enumerate() {
        for slot in &plan.slots[ring.slots()] {
            let host = &fleet.hosts[slot.host.index()];
            key.clear();
            if by_group {
                key.push(
                    host.group
                        .map(|group| fleet.groups[group.index()].name.as_str()),
                );
            } else {
                key.extend(
                    by.iter()
                        .map(|label| value_of(host, label).map(canonical_value)),
                );
            }
            if !counts.contains_key(&key) {
                counts.insert(key.clone(), vec![0; plan.rings.len()]);
            }
            if let Some(counts) = counts.get_mut(&key) {
                counts[at] += 1;
            }
        }
    }
    if by_group {
        by.push("group".to_owned());
    }
    let first_of_all = plan
        .rings
        .iter()
        .position(|ring| ring.planned > 0)
        .unwrap_or_default();
    let strata = counts
        .into_iter()
        .map(|(values, in_rings)| {
            let first_ring = in_rings
                .iter()
                .position(|&count| count > 0)
                .unwrap_or_default();
            StratumReport {
                stratum: named(&by, &values),
                hosts: in_rings.iter().sum(),
                unseen_before: first_ring > first_of_all && covers[first_ring].is_none(),
                first_ring,
                in_rings,
            }
        })
        .collect();
    Coverage {
        by,
        asked_for,
        strata,
    }
}

fn cover_of(policy: Option<&Policy>, ring: usize) -> Option<&[String]> {
    match &policy?.rings.get(ring)?.hosts {
        RingHosts::Rest => None,
        RingHosts::Select { cover, .. } => cover.as_ref().map(|cover| cover.by.as_slice()),
    }
}
