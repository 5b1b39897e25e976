//! Rings that claim nobody, steps from one ring to the next that are too large, and hosts that no ring has.

use std::collections::BTreeMap;

use ringway_model::Span;

use super::super::facts::{Facts, InPlan};
use super::super::finding::Found;
use super::list;
use crate::words::{hosts, several};

/// From how many hosts on a ring is large: as many as a policy visits at once where it says nothing, which is what a
/// person can still follow. Below that the ramp and the first failure do what a soak would.
const LARGE: usize = 10;
/// Up to this many hundredths of the targets nothing is known yet: one or two hosts in a hundred show what happens to
/// every host, and not what happens to one in ten.
const LITTLE: usize = 2;
/// From this many hundredths of the targets on it is everything, as far as harm is concerned.
const ALMOST_ALL: usize = 80;

/// Rings that select, with how many targets they select and in which rings these are.
fn unpeopled(facts: &Facts<'_>) -> Vec<(usize, BTreeMap<InPlan, usize>)> {
    let mut found = Vec::new();
    let mut places = None;
    // Of a fix, rings are empty whose hosts have all had what it mends: that is how it is meant.
    if facts.plan.supersedes.is_some() {
        return found;
    }
    for (at, _, select) in facts.selecting() {
        if facts.plan.rings.get(at).is_none_or(|ring| ring.planned > 0) {
            continue;
        }
        let places = places.get_or_insert_with(|| facts.places());
        let mut where_to = BTreeMap::new();
        for host in facts.select(select) {
            let place = places[host as usize];
            if place != InPlan::NoTarget {
                *where_to.entry(place).or_default() += 1;
            }
        }
        found.push((at, where_to));
    }
    found
}

/// A ring that selects none of the targets.
pub(in super::super) fn empty(facts: &Facts<'_>, into: &mut Found) {
    for (at, selected) in unpeopled(facts) {
        if selected.is_empty() {
            let name = &facts.plan.rings[at].name;
            into.add(
                facts.in_ring(at).key("hosts").key("select"),
                format!(
                    "no host is in ring `{name}`: it selects none of the {}",
                    several(facts.targets(), "target", "targets")
                ),
                "such a ring proves nothing; compare its `select` with the labels of the fleet",
            );
        }
    }
}

/// A ring that selects targets which earlier rings have claimed, all of them.
pub(in super::super) fn never_reached(facts: &Facts<'_>, into: &mut Found) {
    for (at, selected) in unpeopled(facts) {
        let count: usize = selected.values().sum();
        if count == 0 {
            continue;
        }
        let claimed: Vec<String> = selected
            .iter()
            .map(|(place, count)| match place {
                InPlan::Ring(ring) => format!("{} {count}", facts.plan.rings[*ring].name),
                InPlan::Unclaimed | InPlan::NoTarget => format!("in no ring {count}"),
            })
            .collect();
        into.add(
            facts.in_ring(at).key("hosts").key("select"),
            format!(
                "ring `{}` is never reached: each of the {} it selects is in another ring ({})",
                facts.plan.rings[at].name,
                hosts(count),
                list(claimed.iter().map(String::as_str))
            ),
            "move it before the ring that claims its hosts, or let that one `take` a part",
        );
    }
}

/// A ring for the rest where there is no rest.
pub(in super::super) fn nothing_left(facts: &Facts<'_>, into: &mut Found) {
    if facts.plan.supersedes.is_some() {
        return;
    }
    let selecting: Vec<usize> = facts.selecting().map(|(at, ..)| at).collect();
    for (at, ring) in facts.plan.rings.iter().enumerate() {
        if ring.planned == 0 && !selecting.contains(&at) {
            into.add(
                facts.in_ring(at).key("hosts"),
                format!(
                    "no host is in ring `{}`: earlier rings claim all {}",
                    ring.name,
                    several(facts.targets(), "target", "targets")
                ),
                "nothing has to be done where it is there for hosts that come later",
            );
        }
    }
}

/// Targets that no ring claims.
pub(in super::super) fn unclaimed(facts: &Facts<'_>, into: &mut Found) {
    let unclaimed = &facts.report.unclaimed;
    if !unclaimed.is_empty() {
        into.add(
            facts.in_policy().key("rings"),
            format!(
                "no ring claims {}, which will not be updated: {}",
                hosts(unclaimed.len()),
                list(unclaimed.iter().map(String::as_str))
            ),
            "end the rings with one that has `hosts: rest`",
        );
    }
}

/// Whether nothing is waited for between a ring and a large one after it.
pub(super) fn goes_straight_on(facts: &Facts<'_>, at: usize) -> Option<usize> {
    let next = facts.next_peopled(at)?;
    let is_large = facts.report.rings[next].hosts >= LARGE;
    let ring = &facts.plan.rings[at];
    (ring.planned > 0 && ring.soak == Span::ZERO && is_large).then_some(next)
}

/// No soak before a large ring.
pub(in super::super) fn no_soak(facts: &Facts<'_>, into: &mut Found) {
    for at in facts.peopled() {
        let Some(next) = goes_straight_on(facts, at) else {
            continue;
        };
        let rings = &facts.report.rings;
        into.add(
            facts.in_ring(at).key("soak"),
            format!(
                "ring `{}` ({}) has no soak, and ring `{}` after it has {}: harm that takes time \
                 to show is met there",
                rings[at].name,
                hosts(rings[at].hosts),
                rings[next].name,
                hosts(rings[next].hosts)
            ),
            "set `soak` to the time that such harm needs, for example `soak: 4h`",
        );
    }
}

/// From almost nothing to almost everything.
pub(in super::super) fn large_jump(facts: &Facts<'_>, into: &mut Found) {
    let targets = facts.targets();
    let mut before = 0;
    for at in facts.peopled() {
        let ring = &facts.report.rings[at];
        let is_little = before * 100 <= targets * LITTLE;
        if is_little && ring.hosts >= LARGE && ring.hosts * 100 >= targets * ALMOST_ALL {
            let known = match before {
                0 => "none has".to_owned(),
                before => format!("only {}", several(before, "has", "have")),
            };
            into.add(
                facts.in_ring(at),
                format!(
                    "ring `{}` has {} of the {targets} targets, and {known} been updated before",
                    ring.name, ring.hosts
                ),
                "put a ring between them that takes a tenth or a fifth, for example `take: 10%`",
            );
        }
        before += ring.hosts;
    }
}
