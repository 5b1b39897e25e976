//! Kinds of hosts that a ring meets without anything known about them.

use std::collections::{BTreeMap, BTreeSet};

use ringway_policy::validated::WhereMissing;

use super::super::facts::Facts;
use super::super::finding::Found;
use super::list;
use crate::report::cover_of;
use crate::words::{hosts, several};

/// Strata that no earlier ring has an example of.
pub(in super::super) fn unseen(facts: &Facts<'_>, into: &mut Found) {
    let report = facts.report;
    // Where examples go first nothing is met without anything known about it, whichever ring meets it.
    let examples = facts.plan.evidence.as_ref();
    let examples = examples.filter(|of| of.where_missing == WhereMissing::Canary);
    let by = &report.coverage.by;
    if examples.is_some_and(|of| by.iter().all(|label| of.by.contains(label))) {
        return;
    }
    for (at, ring) in report.rings.iter().enumerate() {
        let strata = report.coverage.strata.iter();
        let new = strata.filter(|stratum| stratum.unseen_before && stratum.first_ring == at);
        let count = new.clone().count();
        if count == 0 {
            continue;
        }
        let affected: u32 = new.clone().map(|stratum| stratum.in_rings[at]).sum();
        let counted = match count {
            1 => "a stratum".to_owned(),
            count => several(count, "stratum", "strata"),
        };
        let message = format!(
            "ring `{}` is the first to meet {counted}, {affected} of its {}: {}",
            ring.name,
            hosts(ring.hosts),
            list(new.map(|stratum| {
                let name = stratum.stratum.as_str();
                let of_group = report.coverage.is_by_groups();
                let group = name.split_once('=').filter(|_| of_group);
                group.map_or(name, |(_, group)| group)
            }))
        );
        let hint = if report.coverage.is_by_groups() {
            "give the hosts a label that tells their groups apart, for example `role`, and an earlier ring `cover: { by: [role] }`"
                .to_owned()
        } else {
            format!("`cover: {{ by: [{}] }}` in an earlier ring", by.join(", "))
        };
        into.add(facts.in_ring(at), message, hint);
    }
}

/// How imported groups are called as labels.
const GROUP: &str = "group.";
/// Members of a group that one ring meets at the least before that is told: of a single one nothing can go first.
const MANY: u32 = 2;

/// By label of a group: its members among the targets, by their slots, which stand in the order of the rings.
type Groups<'f> = BTreeMap<&'f str, BTreeSet<usize>>;

/// Groups of an inventory of which no early ring has a member, and a late one several. What rings cover by says nothing of them:
/// all domain controllers can be of one `os`, and that seen on others. Late is a ring with which more than half of the targets are
/// updated.
pub(in super::super) fn unseen_groups(facts: &Facts<'_>, into: &mut Found) {
    let groups = groups(facts);
    let plan = facts.plan;
    let examples = plan.evidence.as_ref();
    let examples = examples.filter(|of| of.where_missing == WhereMissing::Canary);
    let is_exemplified =
        |label: &str| examples.is_some_and(|of| of.by.iter().any(|one| one == label));
    let by = &facts.report.coverage.by;
    let (mut updated, mut is_first) = (0, true);
    for at in facts.peopled() {
        let slots = plan.rings[at].slots();
        updated += slots.len();
        let is_late = !is_first && updated * 2 > facts.targets();
        is_first = false;
        if !is_late {
            continue;
        }
        let is_covered = |label: &str| {
            let cover = cover_of(facts.policy(), at).unwrap_or_default();
            by.iter().chain(cover).any(|one| one == label)
        };
        let unseen = groups.iter().filter(|(label, members)| {
            let is_new = members.first().is_some_and(|first| slots.contains(first));
            let here = members.range(slots.clone()).count();
            is_new
                && u32::try_from(here).unwrap_or(u32::MAX) >= MANY
                && !is_covered(label)
                && !is_exemplified(label)
                && !is_parent(members, &groups)
                && !is_alias(label, members, &groups)
        });
        let unseen: Vec<(&str, usize)> = unseen
            .map(|(label, members)| (*label, members.range(slots.clone()).count()))
            .collect();
        if unseen.is_empty() {
            continue;
        }
        let named: Vec<String> = unseen
            .iter()
            .map(|(label, here)| {
                let name = label.strip_prefix(GROUP).unwrap_or(label);
                format!("{name} ({here})")
            })
            .collect();
        let labels: Vec<&str> = unseen.iter().map(|(label, _)| *label).collect();
        into.add(
            facts.in_ring(at),
            format!(
                "ring `{}` is the first to meet {} of the inventory, several hosts of each at once: {}",
                facts.plan.rings[at].name,
                match unseen.len() {
                    1 => "a group".to_owned(),
                    count => several(count, "group", "groups"),
                },
                list(named.iter().map(String::as_str))
            ),
            format!(
                "`cover` by their labels in an earlier ring ({}), or by a `role` that tells such hosts apart",
                list(labels.iter().copied())
            ),
        );
    }
}

fn groups<'f>(facts: &Facts<'f>) -> Groups<'f> {
    let mut groups = Groups::new();
    for (at, slot) in facts.plan.slots.iter().enumerate() {
        let labels = facts.host(slot.host).labels.iter();
        for (label, _) in labels.filter(|(label, _)| label.starts_with(GROUP)) {
            groups.entry(label).or_default().insert(at);
        }
    }
    groups
}

/// Whether smaller groups together have all of these: then they tell more than it.
fn is_parent(members: &BTreeSet<usize>, groups: &Groups<'_>) -> bool {
    let smaller = groups.values();
    let smaller = smaller.filter(|one| one.len() < members.len() && one.is_subset(members));
    let together: BTreeSet<usize> = smaller.flatten().copied().collect();
    together.len() == members.len()
}

/// Whether a group before it has the very same hosts.
fn is_alias(label: &str, members: &BTreeSet<usize>, groups: &Groups<'_>) -> bool {
    groups.range(..label).any(|(_, other)| other == members)
}
