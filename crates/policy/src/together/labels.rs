//! Labels that something names, and selections of hosts, must find some.

use std::collections::{BTreeMap, BTreeSet};

use ringway_model::selector::Comparison;
use ringway_model::{Selector, Share};

use super::members::Members;
use crate::elements::probe::needs;
use crate::fields::{Notes, nearest};
use crate::problem::{Code, Found, Report};
use crate::validated::{Documents, Fleet, Freeze, Host, Policy, RingHosts};
use crate::yaml::Place;

/// Reports unknown labels, selections that match nothing, and labels that probes miss.
pub(super) fn check(
    documents: &Documents,
    fleet: &Fleet,
    members: &Members<'_>,
    notes: &Notes,
    found: &mut Found,
) {
    let labels: BTreeSet<&str> = fleet
        .hosts
        .iter()
        .flat_map(|host| host.labels.iter().map(|(name, _)| name))
        .collect();
    for used in &notes.labels {
        if labels.contains(used.label.as_str()) || used.label == "name" {
            continue;
        }
        let hint = nearest(&used.label, labels.iter().copied()).map_or_else(
            || {
                let known: Vec<&str> = labels.iter().copied().collect();
                match known.as_slice() {
                    [] => "no host has a label".to_owned(),
                    known => format!("the fleet's labels are {}", super::listed(known)),
                }
            },
            |near| format!("did you mean `{near}`?"),
        );
        let message = format!("{} names a label no host has: `{}`", used.by, used.label);
        let message = message.trim_start();
        found.report(Report::new(Code::UnknownLabel, used.place, message).hint(hint));
    }
    for (group, members) in fleet.groups.iter().zip(&members.of_group) {
        if !members.is_empty() {
            continue;
        }
        let place = super::place(notes, &format!("group {} select", group.name));
        selection(
            fleet,
            &[&group.select],
            &labels,
            place,
            &format!("group `{}`", group.name),
            found,
        );
    }
    freezes(
        fleet,
        "fleet",
        &fleet.name,
        &fleet.calendar.freezes,
        &labels,
        notes,
        found,
    );
    for policy in documents.policies.values() {
        freezes(
            fleet,
            "policy",
            &policy.name,
            &policy.calendar.freezes,
            &labels,
            notes,
            found,
        );
        policy_selections(fleet, policy, &labels, notes, found);
        gate_probes(fleet, policy, notes, found);
    }
}

/// A freeze of no host is a mistyped one.
fn freezes(
    fleet: &Fleet,
    kind: &str,
    document: &str,
    freezes: &BTreeMap<String, Freeze>,
    labels: &BTreeSet<&str>,
    notes: &Notes,
    found: &mut Found,
) {
    for (name, freeze) in freezes {
        let place = super::place(notes, &format!("{kind} {document} freeze {name}"));
        let what = format!("freeze `{name}`");
        selection(fleet, &[&freeze.select], labels, place, &what, found);
    }
}

fn policy_selections(
    fleet: &Fleet,
    policy: &Policy,
    labels: &BTreeSet<&str>,
    notes: &Notes,
    found: &mut Found,
) {
    let path = format!("policy {}", policy.name);
    let place = super::place(notes, &format!("{path} applies_to"));
    let applies = &policy.applies_to;
    let what = format!("policy `{}`", policy.name);
    if !selection(fleet, &[applies], labels, place, &what, found) {
        return;
    }
    for ring in &policy.rings {
        if let RingHosts::Select { select, .. } = &ring.hosts {
            let place = super::place(notes, &format!("{path} ring {}", ring.name));
            let what = format!("ring `{}`", ring.name);
            selection(fleet, &[select, applies], labels, place, &what, found);
        }
    }
    for select in &policy.recovery_first {
        let place = super::place(notes, &format!("{path} recovery"));
        let what = format!("`{select}` in `recovery`");
        selection(fleet, &[select, applies], labels, place, &what, found);
    }
}

/// Whether some host is matched by all selectors; none is a problem of the first.
fn selection(
    fleet: &Fleet,
    selectors: &[&Selector],
    labels: &BTreeSet<&str>,
    place: Place,
    what: &str,
    found: &mut Found,
) -> bool {
    let meets = |host: &Host, selector: &Selector| selector.matches(&host.name, &host.labels);
    if fleet
        .hosts
        .iter()
        .any(|host| selectors.iter().all(|selector| meets(host, selector)))
    {
        return true;
    }
    // An unknown label has been reported, and is why nothing matches.
    let names = selectors.iter().flat_map(|selector| selector.labels());
    if names
        .map(|label| label.name.as_str())
        .any(|n| n != "name" && !labels.contains(n))
    {
        return false;
    }
    let first = selectors[0];
    let elsewhere = fleet.hosts.iter().any(|host| meets(host, first));
    let (message, hint) = if elsewhere {
        let hint = "the policy's `applies_to` matches none of the hosts it selects".to_owned();
        (
            format!("{what} selects no host that the policy applies to"),
            hint,
        )
    } else {
        (format!("{what} selects no host"), odd_value(fleet, first))
    };
    found.report(Report::new(Code::EmptySelection, place, message).hint(hint));
    false
}

/// The condition in a selector that no host meets, with what may be meant.
fn odd_value(fleet: &Fleet, selector: &Selector) -> String {
    let mut compared = Vec::new();
    conditions(selector, &mut compared);
    for (label, comparison, value) in compared {
        let word = if comparison == Comparison::Eq {
            "="
        } else {
            "startswith"
        };
        let single = Selector::parse(&format!("{label} {word} '{value}'"));
        if single.is_ok_and(|s| fleet.hosts.iter().any(|h| s.matches(&h.name, &h.labels))) {
            continue;
        }
        let known: BTreeSet<&str> = fleet
            .hosts
            .iter()
            .filter_map(|h| {
                h.labels
                    .get(label)
                    .or((label == "name").then_some(h.name.as_str()))
            })
            .collect();
        let message = format!("no host has `{label} {word} {value}`");
        let near = nearest(value, known.iter().copied());
        if let Some(near) = near.filter(|_| comparison == Comparison::Eq) {
            return format!("{message}; did you mean `{near}`?");
        }
        let known: Vec<&str> = known.into_iter().collect();
        return format!("{message}; its values are {}", super::listed(&known));
    }
    "no host meets all its conditions at once".to_owned()
}

/// What a selector asks of labels, except what it asks them not to be.
fn conditions<'s>(selector: &'s Selector, out: &mut Vec<(&'s str, Comparison, &'s str)>) {
    match selector {
        Selector::Compare(_, Comparison::Ne, _)
        | Selector::All
        | Selector::Has(_)
        | Selector::Not(_) => {}
        Selector::Compare(label, comparison, values) => {
            out.extend(
                values
                    .iter()
                    .map(|value| (label.name.as_str(), *comparison, value.as_str())),
            );
        }
        Selector::And(parts) | Selector::Or(parts) => {
            for part in parts {
                conditions(part, out);
            }
        }
    }
}

/// A gate's probe must be able to ask every host the policy applies to.
fn gate_probes(fleet: &Fleet, policy: &Policy, notes: &Notes, found: &mut Found) {
    for gate in &policy.gates {
        let what = format!("gate `{}`", gate.name);
        let place = super::place(notes, &format!("policy {} gate {}", policy.name, gate.name));
        let hosts = fleet
            .hosts
            .iter()
            .filter(|host| policy.applies_to.matches(&host.name, &host.labels));
        probe_needs(fleet, &gate.probe, &hosts, place, &what, found);
    }
}

/// Reports hosts that lack a label which the probe needs to ask them.
pub(super) fn probe_needs<'f>(
    fleet: &Fleet,
    probe: &str,
    hosts: &(impl Iterator<Item = &'f Host> + Clone),
    place: Place,
    what: &str,
    found: &mut Found,
) {
    let Some(asked) = fleet.probes.get(probe) else {
        return;
    };
    for label in needs(asked) {
        let known = fleet
            .hosts
            .iter()
            .any(|host| host.labels.get(label).is_some());
        let lacking: Vec<&str> = hosts
            .clone()
            .filter(|host| host.labels.get(label).is_none())
            .map(|host| host.name.as_str())
            .collect();
        if known && !lacking.is_empty() {
            let message = format!(
                "{what} asks probe `{probe}`, which needs label `{label}`, of hosts without it"
            );
            let hint = format!("give {} the label `{label}`", super::listed(&lacking));
            found.report(Report::new(Code::ProbeNeedsLabel, place, message).hint(hint));
        }
    }
}

/// Members that must stay up, of so many.
pub(super) fn must_stay_up(minimum: crate::validated::Minimum, members: usize) -> usize {
    let rounded_up = |share: Share| {
        let members = u32::try_from(members).unwrap_or(u32::MAX);
        share.of_rounded_up(members) as usize
    };
    match minimum {
        crate::validated::Minimum::AtLeast(n) => n as usize,
        crate::validated::Minimum::Share(share) => rounded_up(share),
    }
}
