//! Shares that come to nothing, or to everything.

use ringway_model::Share;
use ringway_policy::validated::{Amount, RingHosts};

use super::super::facts::{Facts, InPlan};
use super::super::finding::Found;
use super::rings_in_words;
use crate::words::hosts;

/// A `take` that is a share of all that `applies_to` matches, and reaches all that the ring selects: most people mean a
/// share of what they select.
pub(in super::super) fn takes_all(facts: &Facts<'_>, into: &mut Found) {
    let applies_to = facts.report.applies_to;
    let mut places = None;
    for (at, ring, select) in facts.selecting() {
        let RingHosts::Select {
            take: Some(Amount::Share(share)),
            ..
        } = &ring.hosts
        else {
            continue;
        };
        let Some(take) = facts.report.rings.get(at).and_then(|ring| ring.take) else {
            continue;
        };
        let places = places.get_or_insert_with(|| facts.places());
        let selected = facts.select(select).into_iter();
        let selected = selected.filter(|&host| places[host as usize] != InPlan::NoTarget);
        let selected = selected.count();
        if *share == Share::ALL || selected < 2 || (take as usize) < selected {
            continue;
        }
        into.add(
            facts.in_ring(at).key("hosts").key("take"),
            format!(
                "ring `{}` takes {share} of the {} that `applies_to` matches, which is {take}: that \
                 is all of the {} it selects",
                ring.name,
                hosts(applies_to),
                hosts(selected)
            ),
            "leave `take` out if all are meant; for a part of them write a smaller share or a number",
        );
    }
}

/// Shares that are less than one host here.
pub(in super::super) fn below_one(facts: &Facts<'_>, into: &mut Found) {
    let Some(policy) = facts.policy() else { return };
    let planned = |at: usize| facts.plan.rings[at].planned;
    for (at, ring, _) in facts.selecting() {
        if let RingHosts::Select {
            take: Some(Amount::Share(share)),
            ..
        } = &ring.hosts
            && below(*share, facts.report.applies_to)
        {
            into.add(
                facts.in_ring(at).key("hosts").key("take"),
                format!(
                    "{share} of {} is less than one: ring `{}` takes one",
                    hosts(facts.report.applies_to),
                    ring.name
                ),
                "write `take: 1`, if that is what is meant",
            );
        }
    }
    if let Some(Amount::Share(share)) = policy.budget_down
        && below(share, facts.targets())
    {
        into.add(
            facts.in_policy().key("budget").key("down"),
            format!(
                "{share} of {} is less than one: one may be down all the same",
                hosts(facts.targets())
            ),
            "write `down: 1`, if that is what is meant",
        );
    }
    let rings_of = |share: Share, from: u32| -> Vec<usize> {
        let is_below = |&at: &usize| planned(at) >= from && below(share, planned(at) as usize);
        facts.peopled().filter(is_below).collect()
    };
    let allow = policy.offline.allow;
    let none = rings_of(allow, 0);
    if policy.offline.or == 0 && !none.is_empty() {
        into.add(
            facts.in_policy().key("offline").key("allow"),
            format!(
                "{allow} of {} is less than one host: none of their hosts may be offline",
                rings_in_words(facts.report, &none)
            ),
            "add `or: 1` for small rings, if one may be",
        );
    }
    if let Some(share) = policy.halt.failed_share
        && policy.halt.failed.is_none_or(|failed| failed.get() > 1)
    {
        let first = rings_of(share.limit, share.counts_from);
        if !first.is_empty() {
            into.add(
                facts
                    .in_policy()
                    .key("halt")
                    .key("failed_share")
                    .key("limit"),
                format!(
                    "{} of {} is less than one host: the first failure halts there",
                    share.limit,
                    rings_in_words(facts.report, &first)
                ),
                "set `counts_from` to a ring size of which the share is a host or more",
            );
        }
    }
}

/// Whether a share of so many is something, and less than one.
fn below(share: Share, of: usize) -> bool {
    let of = u32::try_from(of).unwrap_or(u32::MAX);
    share.millionths() > 0 && of > 0 && share.of_rounded_down(of) == 0
}
