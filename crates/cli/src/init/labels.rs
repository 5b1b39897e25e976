//! What the labels of hosts say about rings: which hosts are for trying things on, which kinds there are, what goes last.
//!
//! Only labels whose meaning is usual are looked at. Nothing here is certain; what becomes of it is planned and linted
//! before it is written, and it is there to be changed.

use std::collections::{BTreeMap, BTreeSet};

use ringway_model::Selector;
use ringway_scheduler::FleetSpec;
use ringway_scheduler::spec::HostSpec;

use super::yaml::is_name;

/// Labels that say what a host is for.
const ENVIRONMENTS: [&str; 4] = ["env", "environment", "stage", "tier"];
/// Their values for hosts on which nothing is lost, the least first.
const TRIAL: [&str; 12] = [
    "lab",
    "sandbox",
    "dev",
    "development",
    "test",
    "testing",
    "ci",
    "qa",
    "integration",
    "staging",
    "stage",
    "preprod",
];
/// Names of the environment that is not for trying things on.
const PRODUCTION: [&str; 3] = ["prod", "production", "live"];
/// Labels that say how much depends on a host, and the value of those that go last.
const WEIGHTS: [&str; 3] = ["tier", "criticality", "importance"];
const CRITICAL: &str = "critical";
/// Labels that say where a host is.
const SITES: [&str; 7] = [
    "site",
    "datacenter",
    "data_center",
    "region",
    "location",
    "zone",
    "rack",
];
/// Groups of an inventory that are told apart as kinds of hosts at the most; more are another way to say role and place at once.
const MAX_GROUPS: usize = 12;
/// How many hosts a group has whose hosts may stand in for one another: one has nobody, and of more than these hardly anybody
/// says that they do.
const REDUNDANT: std::ops::RangeInclusive<usize> = 2..=8;
/// The port of a host's login, as inventories say it.
pub(super) const PORT: &str = "ansible_port";
/// How imported groups are called as labels.
const GROUP: &str = "group.";

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Said {
    /// Selects the hosts for trying things on.
    pub(super) trial: Option<String>,
    /// Selects all hosts that need not go last.
    pub(super) not_critical: Option<String>,
    /// Labels that tell kinds of hosts apart, the best choice first.
    pub(super) kinds: Vec<Vec<String>>,
    /// Labels of groups that would tell kinds apart, where no `role` does.
    pub(super) groups: Vec<String>,
    /// Hosts that may stand in for one another, by their number and name; none is in two.
    pub(super) redundant: Vec<Redundant>,
    /// The label of the place, where there are several.
    pub(super) site: Option<String>,
    /// Whether every host says its own port.
    pub(super) has_port: bool,
}

/// Hosts that may stand in for one another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Redundant {
    pub(super) name: String,
    /// What selects them.
    pub(super) select: String,
    pub(super) hosts: Vec<String>,
}

impl Said {
    /// What the labels of these hosts say, but for those that are left out.
    pub(super) fn by(fleet: &FleetSpec, left_out: &[String]) -> Self {
        let hosts = fleet.hosts.iter();
        let hosts = hosts.filter(|host| !left_out.contains(&host.name));
        let hosts: &[HostSpec] = &hosts.cloned().collect::<Vec<_>>();
        let mut values: BTreeMap<&str, BTreeMap<&str, usize>> = BTreeMap::new();
        for host in hosts {
            for (label, value) in host.labels.iter() {
                *values.entry(label).or_default().entry(value).or_default() += 1;
            }
        }
        let critical = WEIGHTS.iter().find(|label| {
            let some = values.get(**label).and_then(|values| values.get(CRITICAL));
            some.is_some_and(|&count| count < hosts.len())
        });
        let site = SITES.iter().find(|label| {
            let count = values.get(**label).map_or(0, BTreeMap::len);
            (2..=hosts.len() / 2).contains(&count)
        });
        let leaves = leaves(&values, hosts);
        Self {
            groups: if values.contains_key("role") {
                Vec::new()
            } else {
                leaves.iter().map(|label| (*label).to_owned()).collect()
            },
            redundant: redundant(&values, &leaves, hosts),
            trial: trial(&values, hosts),
            not_critical: critical.map(|label| format!("{label} != {CRITICAL}")),
            kinds: kinds(&values, hosts),
            site: site.map(|label| (*label).to_owned()),
            has_port: fleet
                .hosts
                .iter()
                .all(|host| host.labels.get(PORT).is_some()),
        }
    }
}

/// Selects hosts for trying things on, where there are some and others too: by an environment, or by groups.
fn trial(values: &BTreeMap<&str, BTreeMap<&str, usize>>, hosts: &[HostSpec]) -> Option<String> {
    let is_trial = |value: &str| TRIAL.iter().any(|trial| value.eq_ignore_ascii_case(trial));
    let is_part = |count: usize| count > 0 && count < hosts.len();
    for label in ENVIRONMENTS {
        let Some(known) = values.get(label) else {
            continue;
        };
        let some: Vec<&str> = known
            .keys()
            .copied()
            .filter(|value| is_trial(value))
            .collect();
        if is_part(some.iter().map(|value| known[value]).sum()) {
            return Some(format!("{label} = {}", some.join(" | ")));
        }
    }
    let groups: Vec<&str> = values
        .keys()
        .copied()
        .filter(|label| label.strip_prefix(GROUP).is_some_and(is_trial))
        .collect();
    let has = |host: &&HostSpec| groups.iter().any(|group| host.labels.get(group).is_some());
    let selected = hosts.iter().filter(has).count();
    is_part(selected).then(|| {
        let words = groups.iter().map(|group| format!("{group} = yes"));
        words.collect::<Vec<_>>().join(" or ")
    })
}

/// Groups that may be kinds of hosts, the largest first: no environments, and none that smaller ones together make up.
fn leaves<'v>(
    values: &BTreeMap<&'v str, BTreeMap<&'v str, usize>>,
    hosts: &[HostSpec],
) -> Vec<&'v str> {
    let mut groups: Vec<(usize, &str)> = values
        .iter()
        .filter(|(label, _)| label.strip_prefix(GROUP).is_some_and(is_kind))
        .map(|(label, values)| (values.values().sum::<usize>(), *label))
        .filter(|&(count, _)| count < hosts.len())
        .collect();
    groups.sort_by(|a, b| b.cmp(a));
    let mut groups: Vec<&str> = groups.into_iter().map(|(_, label)| label).collect();
    drop_parents(&mut groups, hosts);
    groups
}

/// Sets of labels that tell kinds apart, so few that one host of each is a small part of all.
fn kinds(values: &BTreeMap<&str, BTreeMap<&str, usize>>, hosts: &[HostSpec]) -> Vec<Vec<String>> {
    let usual: Vec<&str> = ["role", "os"]
        .into_iter()
        .filter(|label| values.contains_key(label))
        .collect();
    let few = (hosts.len() / 4).max(3);
    let groups = leaves(values, hosts);
    let mut sets: Vec<Vec<&str>> = vec![usual.clone()];
    sets.extend(usual.iter().map(|label| vec![*label]));
    if !usual.contains(&"role") {
        let some = [usual.as_slice(), &[]].map(|with| as_many_as_fit(with, &groups, few, hosts));
        // All of them where they are few; else some of them are better than none.
        let all = (groups.len() <= MAX_GROUPS).then(|| [groups.as_slice(), &usual].concat());
        let [with_usual, alone] = some;
        let first: Vec<Vec<&str>> = all.into_iter().chain([with_usual]).collect();
        sets.splice(0..0, first);
        if groups.len() <= MAX_GROUPS {
            sets.push(groups);
        }
        sets.push(alone);
    }
    let is_good = |set: &Vec<&str>| (2..=few).contains(&strata(set, hosts));
    let mut good: Vec<Vec<String>> = Vec::new();
    for set in sets.into_iter().filter(is_good) {
        let mut set: Vec<String> = set.into_iter().map(str::to_owned).collect();
        set.sort_unstable();
        if !good.contains(&set) {
            good.push(set);
        }
    }
    good
}

/// Labels, and as many groups beside them as leave one host of each kind a small part of all: the smallest first, since a ring that
/// takes hosts without looking meets the largest by itself. A group of one host has no other for which that one could show something.
fn as_many_as_fit<'v>(
    with: &[&'v str],
    groups: &[&'v str],
    few: usize,
    hosts: &[HostSpec],
) -> Vec<&'v str> {
    let mut set = with.to_vec();
    let is_single = |label: &str| {
        let has = hosts.iter().filter(|host| host.labels.get(label).is_some());
        has.count() < 2
    };
    for label in groups.iter().rev().filter(|label| !is_single(label)) {
        if set.len() - with.len() == MAX_GROUPS {
            break;
        }
        set.push(label);
        if strata(&set, hosts) > few {
            set.pop();
        }
    }
    set
}

/// Hosts that may stand in for one another, by a `role` or a group that only few have.
fn redundant(
    values: &BTreeMap<&str, BTreeMap<&str, usize>>,
    leaves: &[&str],
    hosts: &[HostSpec],
) -> Vec<Redundant> {
    let by_role = values
        .get("role")
        .into_iter()
        .flat_map(|roles| roles.keys());
    let by_role = by_role.map(|role| ((*role).to_owned(), format!("role = {role}")));
    let by_group = leaves.iter().rev();
    let by_group = by_group.map(|label| {
        let name = label.strip_prefix(GROUP).unwrap_or(label);
        (name.to_owned(), format!("{label} = yes"))
    });
    let mut found: Vec<Redundant> = Vec::new();
    for (name, select) in by_role.chain(by_group) {
        let Ok(selector) = Selector::parse(&select) else {
            continue;
        };
        let meant = hosts.iter();
        let meant = meant.filter(|host| selector.matches(&host.name, &host.labels));
        let names: Vec<String> = meant.map(|host| host.name.clone()).collect();
        let is_taken = |name: &String| found.iter().any(|one| one.hosts.contains(name));
        let is_new = found.iter().all(|one| one.name != name) && !names.iter().any(is_taken);
        if is_name(&name) && is_new && REDUNDANT.contains(&names.len()) && found.len() < MAX_GROUPS
        {
            found.push(Redundant {
                name,
                select,
                hosts: names,
            });
        }
    }
    found
}

/// What selects exactly these hosts by one label, where something does: shorter than their names, and right for those that come
/// later. What a host does and runs on says more than the group it is in.
pub(super) fn selecting(fleet: &FleetSpec, hosts: &[String]) -> Option<(String, String)> {
    let wanted: BTreeSet<&str> = hosts.iter().map(String::as_str).collect();
    if wanted.len() < 2 {
        return None;
    }
    let mut having: BTreeMap<(&str, &str), BTreeSet<&str>> = BTreeMap::new();
    for host in &fleet.hosts {
        let labels = host.labels.iter();
        for (label, value) in labels.filter(|(label, _)| !label.starts_with("ansible_")) {
            let names = having.entry((label, value)).or_default();
            names.insert(&host.name);
        }
    }
    let usual = ["role", "os"];
    let rank = |label: &str| {
        let known = usual.iter().position(|one| *one == label);
        known.unwrap_or(if label.starts_with(GROUP) { 2 } else { 3 })
    };
    let exact = having.iter().filter(|(_, names)| **names == wanted);
    let mut exact: Vec<(&str, &str)> = exact.map(|(of, _)| *of).collect();
    exact.sort_by_key(|(label, value)| (rank(label), *label, *value));
    let is_meant = |(label, value): &(&str, &str)| {
        let selector = Selector::parse(&format!("{label} = {value}"));
        let matches = |host: &&HostSpec| {
            let selector = selector.as_ref();
            selector.is_ok_and(|one| one.matches(&host.name, &host.labels))
        };
        let all = fleet.hosts.iter().filter(matches);
        all.map(|host| host.name.as_str()).collect::<BTreeSet<_>>() == wanted
    };
    let (label, value) = exact.into_iter().find(is_meant)?;
    Some((label.to_owned(), value.to_owned()))
}

/// A group whose hosts are all in smaller groups tells nothing apart that these do not.
fn drop_parents(groups: &mut Vec<&str>, hosts: &[HostSpec]) {
    let members = |label: &str| -> BTreeSet<usize> {
        let hosts = hosts.iter().enumerate();
        let has = hosts.filter(|(_, host)| host.labels.get(label).is_some());
        has.map(|(at, _)| at).collect()
    };
    let all: Vec<(&str, BTreeSet<usize>)> = groups
        .iter()
        .map(|label| (*label, members(label)))
        .collect();
    groups.retain(|label| {
        let own = members(label);
        let smaller = all
            .iter()
            .filter(|(_, other)| other.len() < own.len() && other.is_subset(&own));
        let covered: BTreeSet<usize> = smaller.flat_map(|(_, other)| other).copied().collect();
        covered != own
    });
}

/// Whether a group may be a kind of hosts, and not an environment, which has a ring of its own or is everything else.
fn is_kind(group: &str) -> bool {
    let mut known = TRIAL.iter().chain(&PRODUCTION);
    !known.any(|environment| group.eq_ignore_ascii_case(environment))
}

/// Different combinations of values.
fn strata(labels: &[&str], hosts: &[HostSpec]) -> usize {
    if labels.is_empty() {
        return 0;
    }
    let of = |host: &HostSpec| -> Vec<Option<String>> {
        let values = labels.iter().map(|label| host.labels.get(label));
        values.map(|value| value.map(str::to_owned)).collect()
    };
    hosts.iter().map(of).collect::<BTreeSet<_>>().len()
}
