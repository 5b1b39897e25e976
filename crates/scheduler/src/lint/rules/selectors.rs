//! Conditions of selectors that no host meets although the selector as a whole matches some, so that `check` is content.

use std::collections::{BTreeMap, BTreeSet};

use ringway_model::selector::Comparison;
use ringway_model::{Selector, canonical_value};
use ringway_policy::validated::RingHosts;
use ringway_policy::{At, nearest};

use super::super::facts::Facts;
use super::super::finding::Found;
use super::list;
use crate::index::value_of;
use crate::spec::FleetSpec;
use crate::words::hosts;

/// A label that some host of the fleet has, and none of those that the policy applies to.
pub(in super::super) fn foreign_label(facts: &Facts<'_>, into: &mut Found) {
    let Some(policy) = facts.policy() else { return };
    let known: BTreeSet<&str> = facts
        .applies_to()
        .flat_map(|host| facts.host(host).labels.iter().map(|(name, _)| name))
        .collect();
    let applies_to = facts.report.applies_to;
    for (at, ring) in policy.rings.iter().enumerate() {
        let RingHosts::Select {
            select,
            cover,
            spread,
            ..
        } = &ring.hosts
        else {
            continue;
        };
        let in_hosts = || facts.in_ring(at).key("hosts");
        let selected = select.labels().into_iter();
        let selected = selected.map(|label| (label.name.as_str(), in_hosts().key("select")));
        let covered = cover.iter().flat_map(|cover| &cover.by);
        let covered = covered.map(|label| (label.as_str(), in_hosts().key("cover").key("by")));
        let spread = spread.iter();
        let spread = spread.map(|label| (label.as_str(), in_hosts().key("spread")));
        for (label, place) in selected.chain(covered).chain(spread) {
            if label == "name" || known.contains(label) {
                continue;
            }
            let hint = match nearest(label, known.iter().copied()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("their labels are {}", list(known.iter().copied())),
            };
            into.add(
                place,
                format!(
                    "ring `{}` names label `{label}`, which none of the {} has that the policy \
                     applies to",
                    ring.name,
                    hosts(applies_to)
                ),
                hint,
            );
        }
    }
}

/// A value that no host has and that is a slip of the finger away from one that some have.
pub(in super::super) fn misspelt_value(facts: &Facts<'_>, into: &mut Found) {
    for odd in odd_values(facts) {
        if let Some(near) = odd.near {
            into.add(
                odd.at,
                odd.message,
                format!("did you mean `{} {} {near}`?", odd.label, odd.word),
            );
        }
    }
}

/// Any other value that no host has.
pub(in super::super) fn unmatched_value(facts: &Facts<'_>, into: &mut Found) {
    for odd in odd_values(facts) {
        if odd.near.is_none() {
            into.add(
                odd.at,
                odd.message,
                "nothing has to be done where it is there for hosts that come later",
            );
        }
    }
}

/// A condition that no host meets.
struct Odd {
    at: At,
    label: String,
    word: &'static str,
    message: String,
    near: Option<String>,
}

fn odd_values(facts: &Facts<'_>) -> Vec<Odd> {
    let selectors = selectors(facts);
    let mut values: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (_, _, selector) in &selectors {
        for label in selector.labels() {
            values.entry(&label.name).or_default();
        }
    }
    for host in &facts.fleet.hosts {
        for (label, values) in &mut values {
            values.extend(value_of(host, label));
        }
    }
    let mut found = Vec::new();
    for (what, at, selector) in selectors {
        let mut compared = Vec::new();
        conditions(selector, &mut compared);
        for (label, comparison, value) in compared {
            let known = &values[label];
            // A label that no host has at all is a problem of the documents, and told as one.
            if known.is_empty() || meets(known, comparison, value) {
                continue;
            }
            let (word, so) = match comparison {
                Comparison::Eq => ("=", "no host has"),
                Comparison::StartsWith => ("startswith", "no host has"),
                Comparison::Ne => ("!=", "every host meets"),
            };
            found.push(Odd {
                at: at.clone(),
                label: label.to_owned(),
                word,
                message: format!("{what} asks for `{label} {word} {value}`, which {so}"),
                near: meant(value, known).map(str::to_owned),
            });
        }
    }
    found
}

/// The selectors of the policy, of the groups and of the update, each with what it is of.
fn selectors<'a>(facts: &Facts<'a>) -> Vec<(String, At, &'a Selector)> {
    let mut all = Vec::new();
    if let Some(policy) = facts.policy() {
        let at = facts.in_policy().key("applies_to");
        all.push((format!("policy `{}`", policy.name), at, &policy.applies_to));
    }
    for (at, ring, select) in facts.selecting() {
        let place = facts.in_ring(at).key("hosts").key("select");
        all.push((format!("ring `{}`", ring.name), place, select));
    }
    let fleet = facts.documents.fleet.as_ref();
    for group in fleet.into_iter().flat_map(|fleet| &fleet.groups) {
        let at = facts.in_group(&group.name).key("select");
        all.push((format!("group `{}`", group.name), at, &group.select));
    }
    let releases = facts
        .update()
        .into_iter()
        .flat_map(|update| &update.releases);
    for (at, release) in releases.enumerate() {
        let place = facts.in_update().key("releases").item(at).key("select");
        all.push((format!("release `{}`", release.id), place, &release.select));
    }
    all
}

fn conditions<'s>(selector: &'s Selector, into: &mut Vec<(&'s str, Comparison, &'s str)>) {
    match selector {
        Selector::All | Selector::Has(_) => {}
        Selector::Compare(label, comparison, values) => into.extend(
            values
                .iter()
                .map(|value| (label.name.as_str(), *comparison, value.as_str())),
        ),
        Selector::Not(inner) => conditions(inner, into),
        Selector::And(parts) | Selector::Or(parts) => {
            for part in parts {
                conditions(part, into);
            }
        }
    }
}

fn meets(known: &BTreeSet<&str>, comparison: Comparison, value: &str) -> bool {
    match comparison {
        // What is compared with `!=` should be something that some host has: else the condition excludes nobody.
        Comparison::Eq | Comparison::Ne => known
            .iter()
            .any(|known| canonical_value(known) == canonical_value(value)),
        Comparison::StartsWith => known.iter().any(|known| known.starts_with(value)),
    }
}

/// What was probably meant by a selector that matches no host: the first of its values that no host has and that is a slip
/// of the finger away from one that some have.
pub(super) fn meant_by(fleet: &FleetSpec, selector: &Selector) -> Option<String> {
    let mut compared = Vec::new();
    conditions(selector, &mut compared);
    compared.into_iter().find_map(|(label, comparison, value)| {
        let hosts = fleet.hosts.iter();
        let known: BTreeSet<&str> = hosts.filter_map(|host| value_of(host, label)).collect();
        if comparison != Comparison::Eq || meets(&known, comparison, value) {
            return None;
        }
        let near = meant(value, &known)?;
        Some(format!(
            "no host has `{label} = {value}`; did you mean `{label} = {near}`?"
        ))
    })
}

/// The value that was probably meant. Another number is another thing and no slip: `debian-13` is not `debian-12`.
pub(super) fn meant<'k>(value: &str, known: &BTreeSet<&'k str>) -> Option<&'k str> {
    let letters = |text: &str| -> String {
        let lower = text.to_lowercase();
        lower.chars().filter(|c| !c.is_ascii_digit()).collect()
    };
    let own = letters(value);
    let candidates = known.iter().copied();
    nearest(value, candidates.filter(|known| letters(known) != own))
}
