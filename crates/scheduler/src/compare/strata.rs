//! Which strata each ring of two plans meets, told apart by the same labels in both.

use std::collections::BTreeSet;

use ringway_policy::validated::Policy;

use super::parts::{CoverageChange, RingPair, StratumChange};
use crate::index::{HostIndex, Strata, value_of};
use crate::plan::Plan;
use crate::report::{USUAL, cover_of};
use crate::spec::FleetSpec;
use crate::stratum;

/// What a ring has met.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct RingStrata {
    /// Strata that it or a ring before it has an example of.
    pub(super) seen: usize,
    /// Strata that no ring before it has one of.
    pub(super) new: usize,
    /// Its hosts of those.
    pub(super) hosts_new: u32,
}

/// A stratum in one plan.
#[derive(Clone, Copy, Default)]
struct First {
    ring: Option<usize>,
    hosts: u32,
}

/// The strata of two plans.
pub(super) struct Met {
    by: Vec<String>,
    /// By stratum: a host of it.
    examples: Vec<u32>,
    /// By plan and stratum: where it is met first.
    firsts: [Vec<First>; 2],
    /// By plan and ring.
    pub(super) sides: [Vec<RingStrata>; 2],
}

impl Met {
    pub(super) fn new(fleet: &FleetSpec, plans: [(&Plan, &Policy); 2]) -> Self {
        let by = labels(fleet, &plans);
        let all: BTreeSet<u32> = plans
            .iter()
            .flat_map(|(plan, _)| plan.slots.iter().map(|slot| slot.host.0))
            .collect();
        let all: Vec<u32> = all.into_iter().collect();
        let index = HostIndex::new(&fleet.hosts, by.iter().map(String::as_str).collect());
        let strata = index.strata(&by, &all);
        let mut examples = vec![u32::MAX; strata.count as usize];
        for &host in &all {
            let example = &mut examples[strata.of[host as usize] as usize];
            *example = host.min(*example);
        }
        let [(firsts, rings), (more_firsts, more_rings)] =
            plans.map(|(plan, _)| one_plan(plan, &strata));
        Self {
            by,
            examples,
            firsts: [firsts, more_firsts],
            sides: [rings, more_rings],
        }
    }

    /// Strata that another ring meets first.
    pub(super) fn change(
        &self,
        fleet: &FleetSpec,
        plans: [&Plan; 2],
        pairs: &[RingPair],
    ) -> CoverageChange {
        let [old, new] = &self.firsts;
        let is_same = |old: First, new: First| {
            let pair = RingPair {
                before: old.ring,
                after: new.ring,
            };
            pair.before == pair.after && pair.before.is_none() || pairs.contains(&pair)
        };
        let name = |plan: &Plan, first: First| Some(plan.rings[first.ring?].name.clone());
        let mut changed: Vec<StratumChange> = old
            .iter()
            .zip(new)
            .zip(&self.examples)
            .filter(|((old, new), _)| !is_same(**old, **new))
            .map(|((&old, &new), &example)| StratumChange {
                stratum: stratum::of(&fleet.hosts[example as usize], &self.by),
                hosts: if new.hosts > 0 { new.hosts } else { old.hosts },
                before: name(plans[0], old),
                after: name(plans[1], new),
            })
            .collect();
        changed.sort_by(|a, b| {
            b.hosts
                .cmp(&a.hosts)
                .then_with(|| a.stratum.cmp(&b.stratum))
        });
        let count = |firsts: &[First]| firsts.iter().filter(|first| first.ring.is_some()).count();
        CoverageChange {
            by: self.by.clone(),
            strata: [count(old), count(new)],
            changed,
        }
    }
}

/// The labels that rings of either policy cover by, else the usual ones that some host has.
fn labels(fleet: &FleetSpec, plans: &[(&Plan, &Policy); 2]) -> Vec<String> {
    let mut by: Vec<String> = Vec::new();
    for (plan, policy) in plans {
        let covers = (0..plan.rings.len()).filter_map(|ring| cover_of(Some(policy), ring));
        for label in covers.flatten() {
            if !by.contains(label) {
                by.push(label.clone());
            }
        }
    }
    if by.is_empty() {
        let has = |label: &&str| {
            fleet
                .hosts
                .iter()
                .any(|host| value_of(host, label).is_some())
        };
        by.extend(USUAL.into_iter().filter(has).map(str::to_owned));
    }
    by
}

fn one_plan(plan: &Plan, strata: &Strata) -> (Vec<First>, Vec<RingStrata>) {
    let mut firsts = vec![First::default(); strata.count as usize];
    let mut seen = 0;
    let mut rings = Vec::with_capacity(plan.rings.len());
    for (at, ring) in plan.rings.iter().enumerate() {
        let mut met = RingStrata::default();
        for slot in &plan.slots[ring.slots()] {
            let first = &mut firsts[strata.of[slot.host.index()] as usize];
            first.hosts += 1;
            if first.ring.is_none() {
                first.ring = Some(at);
                met.new += 1;
            }
            if first.ring == Some(at) {
                met.hosts_new += 1;
            }
        }
        seen += met.new;
        met.seen = seen;
        rings.push(met);
    }
    (firsts, rings)
}
