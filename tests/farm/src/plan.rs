//! What a farm is made of.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::switch::Switch;

/// One host of a farm.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostPlan {
    /// Its name: lower-case letters, digits and `-`.
    pub name: String,
    /// Its role, which a bad version may name. A `jump` host has no service.
    pub role: String,
    /// What else the fleet's document says of it.
    pub labels: BTreeMap<String, String>,
    /// The host through which alone it can be reached.
    pub behind: Option<String>,
    /// What is wrong with it from the start.
    pub switches: Vec<Switch>,
    /// Versions that are bad for this host, and how: `crash`, `late-crash`, `sick`, `late-sick`, `hang`, `late-start`,
    /// `refused` as in a version's own name; `restart-loop`: with it the host restarts three times more after a restart,
    /// and its service ends at once; `stays-away`: with it the host does not come back, once, until it is healed.
    pub faults: BTreeMap<String, String>,
}

impl HostPlan {
    /// A host with nothing but a name and a role.
    pub fn new(name: &str, role: &str) -> Self {
        Self {
            name: name.to_owned(),
            role: role.to_owned(),
            labels: BTreeMap::new(),
            behind: None,
            switches: Vec::new(),
            faults: BTreeMap::new(),
        }
    }

    /// The same, reached only through the host of that name.
    #[must_use]
    pub fn behind(mut self, jump: &str) -> Self {
        self.behind = Some(jump.to_owned());
        self
    }

    /// The same, for which this version is bad in this way.
    #[must_use]
    pub fn suffers(mut self, version: &str, fault: &str) -> Self {
        self.faults.insert(version.to_owned(), fault.to_owned());
        self
    }

    /// The same, with this wrong from the start.
    #[must_use]
    pub fn with(mut self, switch: Switch) -> Self {
        self.switches.push(switch);
        self
    }
}

/// A farm to be started.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Its hosts.
    pub hosts: Vec<HostPlan>,
    /// Its folder; absent: a new temporary one, which is taken away with the farm. All users must be able to pass
    /// through the folders above it.
    pub base: Option<PathBuf>,
    /// The port of every `sshd`.
    pub port: u16,
    /// Its addresses are in `127.NETWORK.0.0/16`; absent: a network that no other farm has.
    pub network: Option<u8>,
    /// Whether hosts have a service that runs. Absent: where there are at most 64.
    pub services: Option<bool>,
    /// The version that is installed at first.
    pub version: String,
    /// Whether it stays when the process that started it ends.
    pub stays: bool,
}

/// The roles of [`Plan::of`], over and over again: mostly web servers, and pairs of databases.
const ROLES: [&str; 12] = [
    "web",
    "db",
    "web",
    "db",
    "web",
    "cache",
    "web",
    "directory",
    "web",
    "cache",
    "web",
    "directory",
];
/// Above this number of hosts they have no services, and one host key: nobody asks thousands of them how they are.
const SMALL: usize = 64;

impl Plan {
    /// A farm of so many hosts, in roles, with labels that policies and groups can use: `env` (`lab` for the first two,
    /// `prod` for the others), `site` (`north` and `south` in turns), and for pairs (`db`, `cache`, `directory`) `pair`.
    pub fn of(hosts: usize) -> Self {
        let mut met: BTreeMap<&str, usize> = BTreeMap::new();
        let hosts = (0..hosts)
            .map(|index| {
                let role = ROLES[index % ROLES.len()];
                let number = met.entry(role).or_default();
                *number += 1;
                let mut host = HostPlan::new(&format!("{role}-{number}"), role);
                let env = if index < 2 { "lab" } else { "prod" };
                let site = if *number % 2 == 1 { "north" } else { "south" };
                host.labels.insert("env".to_owned(), env.to_owned());
                host.labels.insert("site".to_owned(), site.to_owned());
                if role != "web" {
                    let pair = number.div_ceil(2);
                    host.labels
                        .insert("pair".to_owned(), format!("{role}-{pair}"));
                }
                host
            })
            .collect();
        Self::made_of(hosts)
    }

    /// A farm of these hosts.
    pub fn made_of(hosts: Vec<HostPlan>) -> Self {
        Self {
            hosts,
            base: None,
            port: 2222,
            network: None,
            services: None,
            version: "1.0".to_owned(),
            stays: false,
        }
    }

    /// The same, with a host more.
    #[must_use]
    pub fn and(mut self, host: HostPlan) -> Self {
        self.hosts.push(host);
        self
    }

    /// Whether this host has a service that runs.
    pub(crate) fn serves(&self, host: &HostPlan) -> bool {
        host.role != "jump" && self.services.unwrap_or(self.hosts.len() <= SMALL)
    }

    /// Whether all hosts show the same key.
    pub(crate) fn one_key(&self) -> bool {
        self.hosts.len() > SMALL
    }

    /// What is wrong with it, if anything is.
    pub(crate) fn check(&self) -> Result<(), String> {
        if self.hosts.is_empty() || self.hosts.len() > crate::address::MOST_HOSTS {
            return Err(format!(
                "a farm has 1 to {} hosts",
                crate::address::MOST_HOSTS
            ));
        }
        let mut names = std::collections::BTreeSet::new();
        for host in &self.hosts {
            let good = |text: &str| {
                !text.is_empty()
                    && text
                        .bytes()
                        .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
            };
            if !good(&host.name) || !good(&host.role) {
                return Err(format!(
                    "`{}` ({}) is no name of a host and its role",
                    host.name, host.role
                ));
            }
            if !names.insert(&host.name) {
                return Err(format!("there are two hosts `{}`", host.name));
            }
        }
        let lost = self.hosts.iter().find(|host| {
            host.behind
                .as_ref()
                .is_some_and(|jump| !names.contains(jump))
        });
        lost.map_or(Ok(()), |host| {
            Err(format!(
                "`{}` is behind a host that is not there",
                host.name
            ))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_farm_of_24_has_pairs_of_everything_but_web_servers() {
        let plan = Plan::of(24);
        plan.check().unwrap();
        let count = |role: &str| plan.hosts.iter().filter(|host| host.role == role).count();
        assert_eq!(
            ["web", "db", "cache", "directory"].map(count),
            [12, 4, 4, 4]
        );
        assert_eq!(plan.hosts[0].name, "web-1");
        assert_eq!(plan.hosts[0].labels["env"], "lab");
        assert_eq!(plan.hosts[2].labels["env"], "prod");
    }

    #[test]
    fn a_plan_that_cannot_be_is_refused() {
        let host = |name| HostPlan::new(name, "web");
        for hosts in [
            vec![],
            vec![host("a"), host("a")],
            vec![host("a b")],
            vec![host("a").behind("b")],
        ] {
            assert!(Plan::made_of(hosts).check().is_err());
        }
    }
}
