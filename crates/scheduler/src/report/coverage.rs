//! Which strata each ring has examples of.

use std::collections::BTreeMap;

use ringway_model::canonical_value;
use ringway_policy::validated::{Policy, RingHosts};

use super::parts::{Coverage, StratumReport};
use crate::consent::{MOST_STRATA, Strata};
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
    let (mut by, asked_for) = labels(fleet, plan, policy);
    let group = |host: &HostSpec| group_of(fleet, host);
    let counts = if by.is_empty() {
        by.push(GROUP.to_owned());
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

/// The labels by which hosts are told apart, and whether a ring asks for them.
fn labels(fleet: &FleetSpec, plan: &Plan, policy: Option<&Policy>) -> (Vec<String>, bool) {
    let mut by: Vec<String> = Vec::new();
    let covers = (0..plan.rings.len()).filter_map(|ring| cover_of(policy, ring));
    for label in covers.flatten() {
        if !by.contains(label) {
            by.push(label.clone());
        }
    }
    if by.is_empty() {
        (usual(fleet, plan), false)
    } else {
        (by, true)
    }
}

fn group_of<'f>(fleet: &'f FleetSpec, host: &HostSpec) -> Option<&'f str> {
    host.group
        .map(|group| fleet.groups[group.index()].name.as_str())
}

/// Which stratum each host in a ring is of, by the same labels; nothing where that tells nobody anything.
/// What was told apart before keeps its number.
pub(crate) fn strata_of(
    fleet: &FleetSpec,
    plan: &Plan,
    policy: &Policy,
    before: &[String],
) -> Strata {
    let (by, _) = labels(fleet, plan, Some(policy));
    let strata = tell_apart(fleet, plan, &by, before).unwrap_or_default();
    if strata.names.len() < 2 {
        return Strata::default();
    }
    strata
}

/// Which stratum each host in a ring is of, by these labels, or by its group where there are none. Absent where there are
/// more than can be told apart. What was told apart before keeps its number.
pub(crate) fn tell_apart(
    fleet: &FleetSpec,
    plan: &Plan,
    by: &[String],
    before: &[String],
) -> Option<Strata> {
    let mut numbers: BTreeMap<Vec<Option<&str>>, u16> = BTreeMap::new();
    let mut strata = Strata {
        names: before.to_vec(),
        of_slot: Vec::new(),
    };
    let mut key = Vec::new();
    for slot in &plan.slots {
        let host = &fleet.hosts[slot.host.index()];
        key.clear();
        if by.is_empty() {
            key.push(group_of(fleet, host));
        } else {
            let values = by.iter();
            key.extend(values.map(|label| value_of(host, label).map(canonical_value)));
        }
        let number = numbers.get(&key).copied().unwrap_or_else(|| {
            let by_group = [GROUP.to_owned()];
            let labels = if by.is_empty() { &by_group[..] } else { by };
            let name = named(labels, &key);
            let known = strata.names[..before.len()]
                .iter()
                .position(|one| *one == name);
            let number = known.unwrap_or_else(|| {
                strata.names.push(name);
                strata.names.len() - 1
            });
            let number = u16::try_from(number).unwrap_or(u16::MAX);
            numbers.insert(key.clone(), number);
            number
        });
        if strata.names.len() > MOST_STRATA {
            return None;
        }
        strata.of_slot.push(number);
    }
    Some(strata)
}

impl Coverage {
    /// Whether hosts are told apart by the fleet's groups, since no ring says by what, and they have none of the usual labels.
    pub(crate) fn is_by_groups(&self) -> bool {
        !self.asked_for && self.by == [GROUP]
    }
}

/// What a stratum is called by where hosts have no label that tells them apart.
const GROUP: &str = "group";

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
