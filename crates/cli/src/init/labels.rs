//! What the labels of hosts say about rings: which hosts are for trying things on, which kinds there are, what goes last.
//!
//! Only labels whose meaning is usual are looked at. Nothing here is certain; what becomes of it is planned and linted
//! before it is written, and it is there to be changed.

use std::collections::{BTreeMap, BTreeSet};

use ringway_scheduler::FleetSpec;
use ringway_scheduler::spec::HostSpec;

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
/// Groups of an inventory that may be told apart as kinds of hosts; more are another way to say role and place at once.
const MAX_GROUPS: usize = 12;
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
    /// The label of the place, where there are several.
    pub(super) site: Option<String>,
    /// Whether every host says its own port.
    pub(super) has_port: bool,
}

impl Said {
    /// What the labels of these hosts say.
    pub(super) fn by(fleet: &FleetSpec) -> Self {
        let hosts = &fleet.hosts;
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
        Self {
            trial: trial(&values, hosts),
            not_critical: critical.map(|label| format!("{label} != {CRITICAL}")),
            kinds: kinds(&values, hosts),
            site: site.map(|label| (*label).to_owned()),
            has_port: hosts.iter().all(|host| host.labels.get(PORT).is_some()),
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

/// Sets of labels that tell kinds apart, so few that one host of each is a small part of all.
fn kinds(values: &BTreeMap<&str, BTreeMap<&str, usize>>, hosts: &[HostSpec]) -> Vec<Vec<String>> {
    let usual: Vec<&str> = ["role", "os"]
        .into_iter()
        .filter(|label| values.contains_key(label))
        .collect();
    let mut groups: Vec<(usize, &str)> = values
        .iter()
        .filter(|(label, _)| label.strip_prefix(GROUP).is_some_and(is_kind))
        .map(|(label, values)| (values.values().sum::<usize>(), *label))
        .filter(|&(count, _)| count < hosts.len())
        .collect();
    groups.sort_by(|a, b| b.cmp(a));
    let mut groups: Vec<&str> = groups.into_iter().map(|(_, label)| label).collect();
    drop_parents(&mut groups, hosts);
    // Some of them would tell only some kinds apart.
    if groups.len() > MAX_GROUPS {
        groups.clear();
    }
    let mut sets: Vec<Vec<&str>> = vec![usual.clone()];
    sets.extend(usual.iter().map(|label| vec![*label]));
    if !usual.contains(&"role") {
        let mut all = groups.clone();
        all.extend(&usual);
        sets.insert(0, all);
        sets.push(groups);
    }
    let few = (hosts.len() / 4).max(3);
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
