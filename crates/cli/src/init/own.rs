//! The machine that Ringway runs on among the hosts: it is left out, with why.

use ringway_model::Selector;
use ringway_policy::validated::Connection;
use ringway_scheduler::FleetSpec;
use ringway_scheduler::lint::{Here, own_hosts};

use super::labels::{Said, selecting};

/// Hosts that count as this machine, among all of a fleet.
pub(super) struct Own<'f> {
    fleet: &'f FleetSpec,
    pub(super) names: Vec<String>,
    /// How many of them are said to be worked on from here.
    local: usize,
    /// What selects all others.
    pub(super) applies_to: String,
    /// How many others there are.
    pub(super) others: usize,
}

impl<'f> Own<'f> {
    pub(super) fn of(fleet: &'f FleetSpec, here: &Here) -> Self {
        let own: Vec<_> = own_hosts(fleet, here)
            .into_iter()
            .map(|host| &fleet.hosts[host.index()])
            .collect();
        let is_local = |connect: u16| {
            let connection = fleet.connections.get(usize::from(connect));
            matches!(connection, Some(Connection::Local))
        };
        let names: Vec<String> = own.iter().map(|host| host.name.clone()).collect();
        let applies_to = match (names.as_slice(), selecting(fleet, &names)) {
            ([], _) => "all".to_owned(),
            (_, Some((label, value))) => format!("{label} != {value}"),
            (some, None) => some
                .iter()
                .map(|name| format!("name != {name}"))
                .collect::<Vec<_>>()
                .join(" and "),
        };
        Self {
            fleet,
            local: own.iter().filter(|host| is_local(host.connect)).count(),
            applies_to,
            others: fleet.hosts.len() - names.len(),
            names,
        }
    }

    /// Why they are left out; nothing where none is.
    pub(super) fn why(&self) -> Option<String> {
        let count = self.names.len();
        if count == 0 {
            return None;
        }
        let machine = "the machine that Ringway runs on, whose restart would end it in the middle of a rollout";
        Some(if self.local == 0 {
            format!("by name or address they are {machine}")
        } else {
            let whose = if self.local == count {
                "the inventory says".to_owned()
            } else {
                format!("of {} the inventory says", self.local)
            };
            format!(
                "{whose} `ansible_connection: local`, which is {machine}; what is worked on from here by an API needs a policy of its \
                 own, and `connect: none` with steps `at: controller` or by hand"
            )
        })
    }

    /// How many of the others are for trying things on.
    pub(super) fn trial(&self, said: &Said) -> usize {
        let selector = said.trial.as_ref();
        let Some(selector) = selector.and_then(|text| Selector::parse(text).ok()) else {
            return 0;
        };
        let hosts = self.fleet.hosts.iter();
        hosts
            .filter(|host| !self.names.contains(&host.name))
            .filter(|host| selector.matches(&host.name, &host.labels))
            .count()
    }
}
