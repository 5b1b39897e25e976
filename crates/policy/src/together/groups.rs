//! Groups of a fleet: no cycles, no host in two, everything reachable, and what must stay up can.

use std::collections::{BTreeMap, BTreeSet};

use super::labels::{must_stay_up, probe_needs};
use super::members::Members;
use crate::elements::ssh::needs;
use crate::fields::{Named, Notes};
use crate::problem::{Code, Found, LINE, Report};
use crate::validated::{Connection, Fleet, Group, Host, KeepUp};
use crate::yaml::Place;

/// Checks the groups of a fleet.
pub(super) fn check(fleet: &Fleet, members: &Members<'_>, notes: &Notes, found: &mut Found) {
    cycles(fleet, notes, found);
    in_two(fleet, members, notes, found);
    for (group, members) in fleet.groups.iter().zip(&members.of_group) {
        if let Some(keep_up) = &group.keep_up {
            impossible(group, keep_up, members, notes, found);
            evidence(fleet, group, keep_up, members, notes, found);
        }
    }
    connected(fleet, notes, found);
}

/// Where a group says that it comes after another.
fn after_place(notes: &Notes, group: &str, after: &str) -> Option<Place> {
    let by = format!("group `{group}`");
    notes
        .references
        .iter()
        .find(|r| r.to == Named::Group && r.by == by && r.name == after)
        .map(|r| r.place)
}

/// Reports each cycle once, in full. Iterative: chains of groups may be long.
fn cycles(fleet: &Fleet, notes: &Notes, found: &mut Found) {
    let after: BTreeMap<&str, Vec<&str>> = fleet
        .groups
        .iter()
        .map(|group| {
            (
                group.name.as_str(),
                group.after.iter().map(|a| a.group.as_str()).collect(),
            )
        })
        .collect();
    let mut done: BTreeSet<&str> = BTreeSet::new();
    for group in &fleet.groups {
        // The way from `group` to where we are, with how many of each one's dependencies have been followed.
        let mut way: Vec<(&str, usize)> = vec![(&group.name, 0)];
        let mut on_way: BTreeSet<&str> = way.iter().map(|(name, _)| *name).collect();
        if done.contains(group.name.as_str()) {
            continue;
        }
        while let Some((name, next)) = way.last_mut() {
            let Some(&to) = after.get(*name).and_then(|all| all.get(*next)) else {
                done.insert(name);
                on_way.remove(*name);
                way.pop();
                continue;
            };
            *next += 1;
            if on_way.contains(to) {
                let start = way.iter().position(|(name, _)| *name == to).unwrap_or(0);
                let names: Vec<&str> = way[start..].iter().map(|(name, _)| *name).collect();
                report_cycle(&names, notes, found);
            } else if after.contains_key(to) && !done.contains(to) {
                on_way.insert(to);
                way.push((to, 0));
            }
        }
    }
}

fn report_cycle(names: &[&str], notes: &Notes, found: &mut Found) {
    let mut parts = Vec::with_capacity(names.len());
    let mut places = Vec::with_capacity(names.len());
    for (i, name) in names.iter().enumerate() {
        let after = names[(i + 1) % names.len()];
        parts.push(format!("`{name}` comes after `{after}` ({LINE})"));
        places.extend(after_place(notes, name, after));
    }
    let Some(&place) = places.first() else { return };
    let message = match names {
        [one] => format!("group `{one}` comes after itself"),
        _ => format!("groups wait for each other: {}", parts.join(", ")),
    };
    let mut report =
        Report::new(Code::Cycle, place, message).hint("take one of them out of its `after`");
    if names.len() > 1 {
        report.also = places;
    }
    found.report(report);
}

/// A host in two groups is a problem of the second.
fn in_two(fleet: &Fleet, members: &Members<'_>, notes: &Notes, found: &mut Found) {
    for (&(first, second), hosts) in &members.in_two {
        let (first, second) = (&fleet.groups[first].name, &fleet.groups[second].name);
        let place = super::place(notes, &format!("group {second} select"));
        let message = format!(
            "groups `{first}` and `{second}` both have {}",
            super::listed(hosts)
        );
        let hint = "a host belongs to at most one group: make one of the selectors narrower";
        found.report(Report::new(Code::TwoGroups, place, message).hint(hint));
    }
}

/// Availability groups of which not even one member can be taken.
fn impossible(
    group: &Group,
    keep_up: &KeepUp,
    members: &[&Host],
    notes: &Notes,
    found: &mut Found,
) {
    if keep_up.accept_outage.is_some() {
        return;
    }
    let mut cells: BTreeMap<Option<&str>, Vec<&str>> = BTreeMap::new();
    for host in members {
        let value = keep_up.per.as_deref().and_then(|per| host.labels.get(per));
        cells.entry(value).or_default().push(&host.name);
    }
    for (value, hosts) in cells {
        let needed = must_stay_up(keep_up.minimum, hosts.len());
        if needed < hosts.len() {
            continue;
        }
        let whom = match (&keep_up.per, value) {
            (Some(per), Some(value)) => format!(" with `{per} = {value}`"),
            (Some(per), None) => format!(" without label `{per}`"),
            (None, _) => String::new(),
        };
        let place = super::place(notes, &format!("group {} keep_up", group.name));
        let (of, taken) = match hosts.as_slice() {
            [one] => (
                "the only host".to_owned(),
                format!("`{one}` can never be taken"),
            ),
            all => {
                let of = format!("{needed} of the {} hosts", all.len());
                (
                    of,
                    format!("none of {} can ever be taken", super::listed(all)),
                )
            }
        };
        let message = format!(
            "group `{}`: {of}{whom} must stay up, so {taken}",
            group.name
        );
        let hint =
            "add members, ask for fewer, or take the outage with `accept_outage: \"reason\"`";
        found.report(Report::new(Code::ImpossibleKeepUp, place, message).hint(hint));
    }
}

/// Evidence must come often enough, and be possible for every member.
fn evidence(
    fleet: &Fleet,
    group: &Group,
    keep_up: &KeepUp,
    members: &[&Host],
    notes: &Notes,
    found: &mut Found,
) {
    let Some(probe) = fleet.probes.get(&keep_up.probe) else {
        return;
    };
    let place = super::place(notes, &format!("group {} keep_up", group.name));
    if keep_up.fresh < probe.every {
        let message = format!(
            "group `{}`: evidence is stale after {}, and probe `{}` asks only every {}",
            group.name, keep_up.fresh, keep_up.probe, probe.every
        );
        let hint = format!(
            "set `fresh` to at least `{}`, or probe more often",
            probe.every.times(2)
        );
        found.report(Report::new(Code::StaleEvidence, place, message).hint(hint));
    }
    let what = format!("group `{}`", group.name);
    probe_needs(
        fleet,
        &keep_up.probe,
        &members.iter().copied(),
        place,
        &what,
        found,
    );
}

/// Every host must be reached somehow, and have the labels that this needs.
fn connected(fleet: &Fleet, notes: &Notes, found: &mut Found) {
    let needs: Vec<Vec<&str>> = fleet
        .connect
        .iter()
        .map(|connect| match &connect.with {
            Connection::Local | Connection::Unreached => Vec::new(),
            Connection::Ssh(ssh) => needs(ssh),
        })
        .collect();
    let mut lost: Vec<&Host> = Vec::new();
    let mut lacking: BTreeMap<(usize, &str), Vec<&str>> = BTreeMap::new();
    for host in &fleet.hosts {
        let by = fleet
            .connect
            .iter()
            .position(|c| c.select.matches(&host.name, &host.labels));
        let Some(by) = by else {
            lost.push(host);
            continue;
        };
        for label in &needs[by] {
            if host.labels.get(label).is_none() {
                lacking.entry((by, label)).or_default().push(&host.name);
            }
        }
    }
    // A label that no host has is reported where it is named.
    let is_known = |label: &str| {
        fleet
            .hosts
            .iter()
            .any(|host| host.labels.get(label).is_some())
    };
    lacking.retain(|(_, label), _| is_known(label));
    for ((by, label), hosts) in lacking {
        let place = super::place(notes, &format!("connect {by}"));
        let listed = super::listed(&hosts);
        let lack = if hosts.len() == 1 { "lacks" } else { "lack" };
        let message = format!("the connection needs the label `{label}`, and {listed} {lack} it");
        let hint = format!("give {listed} the label `{label}`, or select others");
        found.report(Report::new(Code::ConnectNeedsLabel, place, message).hint(hint));
    }
    let Some(first) = lost.first() else { return };
    let names: Vec<&str> = lost.iter().map(|host| host.name.as_str()).collect();
    // Hosts that are imported stand in no document; the fleet that imports them does.
    let place = notes.names.get(&(Named::Host, first.name.clone())).copied();
    let fleet = || super::place(notes, &format!("fleet {}", fleet.name));
    let place = place.unwrap_or_else(fleet);
    let message = format!("no `connect` says how to reach {}", super::listed(&names));
    let hint =
        "add an entry to `connect` that selects them, for example `{ select: all, ssh: {} }`";
    found.report(Report::new(Code::NotConnected, place, message).hint(hint));
}
