//! Hosts, groups and their variables while an inventory is read, and what a host's variables are in the end.
//!
//! Decides precedence as Ansible does: `all` before its groups, a parent before its children, then by priority and name;
//! what stands in files beside the inventory after what stands in it; a host's own last.

use std::collections::{BTreeMap, BTreeSet};

use super::value::{Value, Var};
use crate::yaml::Place;

/// Variables by name.
pub(crate) type Vars = BTreeMap<String, Var>;

/// The group that every host is in.
pub(crate) const ALL: &str = "all";
/// The group of hosts that are in no other one.
pub(crate) const UNGROUPED: &str = "ungrouped";

/// A group.
#[derive(Debug)]
pub(crate) struct Group {
    pub(crate) name: String,
    parents: BTreeSet<usize>,
    pub(crate) vars: Vars,
    priority: i64,
    depth: usize,
}

/// A host.
#[derive(Debug)]
pub(crate) struct Host {
    pub(crate) name: String,
    pub(crate) place: Place,
    /// The groups it is in itself; hosts with the same ones have the same groups in all.
    pub(crate) groups: BTreeSet<usize>,
    pub(crate) vars: Vars,
}

/// What has been read so far.
#[derive(Debug)]
pub(crate) struct Data {
    pub(crate) groups: Vec<Group>,
    pub(crate) hosts: Vec<Host>,
    group_of: BTreeMap<String, usize>,
    host_of: BTreeMap<String, usize>,
}

impl Data {
    pub(crate) fn new() -> Self {
        let mut data = Self {
            groups: Vec::new(),
            hosts: Vec::new(),
            group_of: BTreeMap::new(),
            host_of: BTreeMap::new(),
        };
        data.group(ALL);
        data.group(UNGROUPED);
        data
    }

    /// The group of this name, new where there is none.
    pub(crate) fn group(&mut self, name: &str) -> usize {
        if let Some(&group) = self.group_of.get(name) {
            return group;
        }
        self.groups.push(Group {
            name: name.to_owned(),
            parents: BTreeSet::new(),
            vars: Vars::new(),
            priority: 1,
            depth: 0,
        });
        self.group_of.insert(name.to_owned(), self.groups.len() - 1);
        self.groups.len() - 1
    }

    pub(crate) fn has_group(&self, name: &str) -> bool {
        self.group_of.contains_key(name)
    }

    /// Puts a host into a group. The port counts where the host is met for the first time.
    pub(crate) fn host(
        &mut self,
        name: &str,
        group: usize,
        port: Option<u16>,
        place: Place,
    ) -> usize {
        let known = self.host_of.get(name).copied();
        let host = known.unwrap_or_else(|| {
            let mut vars = Vars::new();
            if let Some(port) = port {
                let value = Value::Int(port.to_string());
                vars.insert("ansible_port".to_owned(), Var { value, place });
            }
            self.hosts.push(Host {
                name: name.to_owned(),
                place,
                groups: BTreeSet::new(),
                vars,
            });
            self.host_of.insert(name.to_owned(), self.hosts.len() - 1);
            self.hosts.len() - 1
        });
        self.hosts[host].groups.insert(group);
        host
    }

    /// Sets a variable of a host. Where a group has the host's name, Ansible gives it to the group.
    pub(crate) fn set_of_host(&mut self, host: usize, name: String, var: Var) {
        match self.group_of.get(&self.hosts[host].name) {
            Some(&group) => self.set_of_group(group, name, var),
            None => {
                self.hosts[host].vars.insert(name, var);
            }
        }
    }

    /// Sets a variable of a group.
    pub(crate) fn set_of_group(&mut self, group: usize, name: String, var: Var) {
        if name == "ansible_group_priority"
            && let Some(priority) = var.value.text().and_then(|text| text.parse().ok())
        {
            self.groups[group].priority = priority;
            return;
        }
        self.groups[group].vars.insert(name, var);
    }

    /// Puts a group below another. False where that would make a circle: `all` is above every group, also above one that is
    /// not yet put below it.
    pub(crate) fn child(&mut self, parent: usize, child: usize) -> bool {
        let is_all = self.groups[child].name == ALL;
        if parent == child || is_all || self.ancestors(parent).contains(&child) {
            return false;
        }
        self.groups[child].parents.insert(parent);
        true
    }

    fn ancestors(&self, group: usize) -> BTreeSet<usize> {
        let mut all = BTreeSet::new();
        let mut open = vec![group];
        while let Some(next) = open.pop() {
            for &parent in &self.groups[next].parents {
                if all.insert(parent) {
                    open.push(parent);
                }
            }
        }
        all
    }

    /// Puts groups without a parent below `all`, hosts without a group into `ungrouped`, and measures depths.
    pub(crate) fn settle(&mut self) {
        let all = self.group(ALL);
        let ungrouped = self.group(UNGROUPED);
        for group in 0..self.groups.len() {
            if group != all && self.groups[group].parents.is_empty() {
                self.groups[group].parents.insert(all);
            }
        }
        for host in &mut self.hosts {
            let elsewhere = host.groups.iter().any(|g| *g != all && *g != ungrouped);
            if elsewhere {
                host.groups.remove(&ungrouped);
            } else {
                host.groups.insert(ungrouped);
            }
        }
        // The longest way from `all`; there are no circles.
        let mut changed = true;
        while changed {
            changed = false;
            for group in 0..self.groups.len() {
                let parents = &self.groups[group].parents;
                let depth = parents.iter().map(|&p| self.groups[p].depth + 1).max();
                if let Some(depth) = depth.filter(|depth| *depth > self.groups[group].depth) {
                    self.groups[group].depth = depth;
                    changed = true;
                }
            }
        }
    }

    /// All groups of a host without `all`: those that count last come last.
    pub(crate) fn all_groups(&self, own: &BTreeSet<usize>) -> Vec<usize> {
        let mut all: BTreeSet<usize> = own.clone();
        for &group in own {
            all.extend(self.ancestors(group));
        }
        let mut sorted: Vec<usize> = all
            .into_iter()
            .filter(|&group| self.groups[group].name != ALL)
            .collect();
        sorted.sort_by(|&a, &b| {
            let key = |group: usize| {
                let group = &self.groups[group];
                (group.depth, group.priority, group.name.as_str())
            };
            key(a).cmp(&key(b))
        });
        sorted
    }
}
