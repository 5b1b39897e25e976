//! Which strata each ring has examples of.

use std::collections::BTreeMap;

use ringway_model::canonical_value;
use ringway_policy::validated::{Policy, RingHosts};

use super::parts::{Coverage, StratumReport};
use crate::index::value_of;
use crate::plan::Plan;
use crate::spec::{FleetSpec, HostSpec};
use crate::stratum::named;

/// What tells hosts apart where no ring says: what a host does, and what it runs on.
pub(crate) const USUAL: [&str; 2] = ["role", "os"];

/// By the values of a stratum: its hosts in each ring.
type Counts<'f> = BTreeMap<Vec<Option<&'f str>>, Vec<u32>>;

/// The strata of all hosts in rings. Their labels are those that rings cover by, else the usual ones as far as some
/// host has them, else the group.
pub(super) fn coverage(fleet: &FleetSpec, plan: &Plan, policy: Option<&Policy>) -> Coverage {
    let covers: Vec<_> = (0..plan.rings.len())
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
        by = usual(fleet, plan);
    }
    let group = |host: &HostSpec| {
        host.group
            .map(|group| fleet.groups[group.index()].name.as_str())
    };
    let counts = if by.is_empty() {
        by.push("group".to_owned());
        counts(fleet, plan, |host, key| key.push(group(host)))
    } else {
        let value = |host, label: &String| value_of(host, label).map(canonical_value);
        counts(fleet, plan, |host, key| {
            key.extend(by.iter().map(|label| value(host, label)));
        })
    };
    let first_of_all = plan
        .rings
        .iter()
        .position(|ring| ring.planned > 0)
        .unwrap_or_default();
    let strata = counts.into_iter().map(|(values, in_rings)| {
        let first_ring = in_rings
            .iter()
            .position(|&hosts| hosts > 0)
            .unwrap_or_default();
        StratumReport {
            stratum: named(&by, &values),
            hosts: in_rings.iter().sum(),
            unseen_before: first_ring > first_of_all && covers[first_ring].is_none(),
            first_ring,
            in_rings,
        }
    });
    Coverage {
        strata: strata.collect(),
        by: by.clone(),
        asked_for,
    }
}

/// The usual labels that some host in a ring has.
fn usual(fleet: &FleetSpec, plan: &Plan) -> Vec<String> {
    let has = |label: &str| {
        let mut slots = plan.slots.iter();
        slots.any(|slot| value_of(&fleet.hosts[slot.host.index()], label).is_some())
    };
    USUAL
        .into_iter()
        .filter(|label| has(label))
        .map(str::to_owned)
        .collect()
}

fn counts<'f>(
    fleet: &'f FleetSpec,
    plan: &Plan,
    key_of: impl Fn(&'f HostSpec, &mut Vec<Option<&'f str>>),
) -> Counts<'f> {
    let mut counts = Counts::new();
    let mut key = Vec::new();
    for (at, ring) in plan.rings.iter().enumerate() {
        for slot in &plan.slots[ring.slots()] {
            key.clear();
            key_of(&fleet.hosts[slot.host.index()], &mut key);
            // Most hosts are of a stratum that is known already: no key is made for them.
            if let Some(counts) = counts.get_mut(&key) {
                counts[at] += 1;
            } else {
                let mut first = vec![0; plan.rings.len()];
                first[at] = 1;
                counts.insert(key.clone(), first);
            }
        }
    }
    counts
}

/// The labels that a ring of a policy covers by.
pub(crate) fn cover_of(policy: Option<&Policy>, ring: usize) -> Option<&[String]> {
    match &policy?.rings.get(ring)?.hosts {
        RingHosts::Rest => None,
        RingHosts::Select { cover, .. } => cover.as_ref().map(|cover| cover.by.as_slice()),
    }
}
