//! Which hosts each group has, for thousands of groups over a million hosts.
//!
//! Most groups ask for one value of one label. A host is only held against the groups that ask for its own values, and
//! against those of which that cannot be said; whether it is a member is decided by the selector alone.

use std::collections::BTreeMap;

use ringway_model::selector::Comparison;
use ringway_model::{Selector, canonical_value};

use crate::validated::{Fleet, Host};

/// The hosts of all groups.
pub(super) struct Members<'f> {
    /// By group: its hosts, in the order of the fleet.
    pub(super) of_group: Vec<Vec<&'f Host>>,
    /// By two groups, the first of a host and a further one: the hosts.
    pub(super) in_two: BTreeMap<(usize, usize), Vec<&'f str>>,
}

impl<'f> Members<'f> {
    /// The members of each group of a fleet.
    pub(super) fn new(fleet: &'f Fleet) -> Self {
        let candidates = Candidates::new(fleet);
        let mut members = Self {
            of_group: vec![Vec::new(); fleet.groups.len()],
            in_two: BTreeMap::new(),
        };
        let mut groups = Vec::new();
        for host in &fleet.hosts {
            candidates.of(host, &mut groups);
            let is_member = |group: &usize| {
                fleet.groups[*group]
                    .select
                    .matches(&host.name, &host.labels)
            };
            groups.retain(is_member);
            for &group in &groups {
                members.of_group[group].push(host);
            }
            for &further in groups.iter().skip(1) {
                let two = members.in_two.entry((groups[0], further)).or_default();
                two.push(&host.name);
            }
        }
        members
    }
}

/// The groups that a host may be a member of.
#[derive(Default)]
struct Candidates<'f> {
    /// By a label, and by a value of it in its canonical spelling: groups that only hosts with this value can be in.
    asking: BTreeMap<&'f str, BTreeMap<&'f str, Vec<usize>>>,
    /// Groups that ask for no value.
    others: Vec<usize>,
}

impl<'f> Candidates<'f> {
    fn new(fleet: &'f Fleet) -> Self {
        let mut candidates = Self::default();
        for (index, group) in fleet.groups.iter().enumerate() {
            let Some((label, values)) = asked_for(&group.select) else {
                candidates.others.push(index);
                continue;
            };
            let by_value = candidates.asking.entry(label).or_default();
            for value in values {
                by_value
                    .entry(canonical_value(value))
                    .or_default()
                    .push(index);
            }
        }
        candidates
    }

    /// Fills in those of this host, ascending.
    fn of(&self, host: &Host, groups: &mut Vec<usize>) {
        groups.clear();
        groups.extend(&self.others);
        for (label, by_value) in &self.asking {
            let own_name = (*label == "name").then_some(host.name.as_str());
            let value = host.labels.get(label).or(own_name);
            let asking = value.and_then(|value| by_value.get(canonical_value(value)));
            groups.extend(asking.into_iter().flatten());
        }
        groups.sort_unstable();
        groups.dedup();
    }
}

/// A label and the values of which a host must have one, if the selector is to match it.
fn asked_for(selector: &Selector) -> Option<(&str, &[String])> {
    match selector {
        Selector::Compare(label, Comparison::Eq, values) => Some((&label.name, values)),
        Selector::And(parts) => parts.iter().find_map(asked_for),
        Selector::Compare(_, Comparison::Ne | Comparison::StartsWith, _)
        | Selector::All
        | Selector::Has(_)
        | Selector::Not(_)
        | Selector::Or(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use ringway_model::Digest;

    use super::*;
    use crate::validated::{FleetCalendar, Group, HostCalendar, RingSpread};

    #[test]
    fn the_members_of_a_group_are_those_its_selector_matches() {
        let host = |name: &str, labels: &[(&str, &str)]| Host {
            name: name.to_owned(),
            address: None,
            labels: labels.iter().copied().collect(),
            calendar: HostCalendar::default(),
        };
        let selectors = [
            "role = web",
            "role = web | db and env = prod",
            "tier != low and role = db",
            "not role = web",
            "pam = true",
            "pam = no | maybe",
            "name = a-1 | c-1",
            "name startswith a",
            "role = web or env = lab",
            "all",
            "has tier",
            "env = prod and not role = web or role = db",
            "role = web | web",
        ];
        let fleet = Fleet {
            name: "f".to_owned(),
            digest: Digest::default(),
            hosts: vec![
                host("a-1", &[("role", "web"), ("env", "prod"), ("pam", "yes")]),
                host("a-2", &[("role", "db"), ("env", "lab"), ("tier", "low")]),
                host("b-1", &[("role", "db"), ("env", "prod"), ("pam", "False")]),
                host("c-1", &[]),
                host("c-2", &[("name", "a-1"), ("role", "web")]),
            ],
            probes: BTreeMap::new(),
            groups: selectors
                .iter()
                .map(|text| Group {
                    name: (*text).to_owned(),
                    select: Selector::parse(text).unwrap(),
                    after: Vec::new(),
                    keep_up: None,
                    rings: RingSpread::Any,
                    care: None,
                })
                .collect(),
            connect: Vec::new(),
            calendar: FleetCalendar::default(),
        };
        let members = Members::new(&fleet).of_group;
        for (group, members) in fleet.groups.iter().zip(members) {
            let is_member = |host: &&Host| group.select.matches(&host.name, &host.labels);
            let expected: Vec<&Host> = fleet.hosts.iter().filter(is_member).collect();
            assert_eq!(members, expected, "{}", group.name);
        }
    }
}
