//! The machine that Ringway runs on, among those that it updates.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use ringway_model::HostId;
use ringway_policy::validated::Connection;

use super::super::facts::{Facts, Here};
use super::super::finding::Found;
use super::list;
use crate::spec::{FleetSpec, HostSpec};
use crate::words::hosts;

/// Hosts of a fleet that are this machine: a connection that is `local` says so, a name or an address may. None where
/// all are: a fleet of processes of this machine is a demonstration, or meant.
pub fn own_hosts(fleet: &FleetSpec, here: &Here) -> Vec<HostId> {
    let is_own = |host: &HostSpec| {
        matches!(connection(fleet, host), Connection::Local) || is_here(fleet, host, here)
    };
    let hosts = fleet.hosts.iter().enumerate();
    let own = hosts.filter(|(_, host)| is_own(host));
    let own: Vec<HostId> = own.map(|(at, _)| HostId::at(at)).collect();
    if own.len() == fleet.hosts.len() {
        return Vec::new();
    }
    own
}

/// Ringway's own host among the targets: its restart ends Ringway in the middle of the rollout.
pub(in super::super) fn own(facts: &Facts<'_>, into: &mut Found) {
    let own: BTreeSet<HostId> = own_hosts(facts.fleet, facts.here).into_iter().collect();
    if own.is_empty() {
        return;
    }
    let slots = facts.plan.slots.iter().map(|slot| slot.host);
    let own: Vec<&str> = slots
        .filter(|host| own.contains(host))
        .map(|host| facts.host(host).name.as_str())
        .collect();
    let Some(first) = own.first() else { return };
    into.add(
        facts.in_fleet().key("hosts").named(first),
        format!(
            "{} among the targets {} the machine that Ringway runs on: a restart ends it in the \
             middle of the rollout, and nobody watches until it is started again: {}",
            hosts(own.len()),
            if own.len() == 1 { "is" } else { "are" },
            list(own.iter().copied())
        ),
        "leave it out of `applies_to` and update it by itself, or run Ringway elsewhere",
    );
}

/// Two targets with one address: one server under two names, which would be taken down by two visits at once.
pub(in super::super) fn same_address(facts: &Facts<'_>, into: &mut Found) {
    let mut by_way: BTreeMap<(String, String), Vec<&str>> = BTreeMap::new();
    for slot in &facts.plan.slots {
        let host = facts.host(slot.host);
        if let Some(way) = way(facts.fleet, host) {
            by_way.entry(way).or_default().push(&host.name);
        }
    }
    let alike = by_way.iter().filter(|(_, names)| names.len() > 1);
    for ((address, _), names) in alike {
        let first = names.first().expect("there are two at least");
        into.add(
            facts.in_fleet().key("hosts").named(first),
            format!(
                "{} are reached at one address, `{address}`: if they are one server, two visits can \
                 take it down at once, and it counts twice in every share",
                list(names.iter().copied())
            ),
            "leave all but one of its names out of the fleet; if they are several behind one address, \
             give each its `port`",
        );
    }
}

/// The address and the port at which a host is reached directly; nothing of one behind a jump host, whose address is one of
/// another network, and of a process of this machine.
fn way(fleet: &FleetSpec, host: &HostSpec) -> Option<(String, String)> {
    let Connection::Ssh(ssh) = connection(fleet, host) else {
        return None;
    };
    let port = ssh.port.as_deref().unwrap_or_default();
    let label = port
        .strip_prefix('{')
        .and_then(|port| port.strip_suffix('}'));
    let port = label
        .and_then(|label| host.labels.get(label))
        .unwrap_or(port);
    ssh.jump
        .is_empty()
        .then(|| (host.address.to_lowercase(), port.to_owned()))
}

fn connection<'f>(fleet: &'f FleetSpec, host: &HostSpec) -> &'f Connection {
    &fleet.connections[usize::from(host.connect)]
}

fn is_here(fleet: &FleetSpec, host: &HostSpec, here: &Here) -> bool {
    if is_name(&host.name, here) || is_name(&host.address, here) {
        return true;
    }
    // Behind a jump host an address is one of another network: 127.0.0.1 there is not this machine.
    let is_direct = match connection(fleet, host) {
        Connection::Local => true,
        Connection::Ssh(ssh) => ssh.jump.is_empty(),
        // Nothing of it is run or restarted from here.
        Connection::Unreached => return false,
    };
    let address: Option<IpAddr> = host.address.parse().ok();
    is_direct
        && (host.address.eq_ignore_ascii_case("localhost")
            || address
                .is_some_and(|address| address.is_loopback() || here.addresses.contains(&address)))
}

/// The same name, or one of them without its domain.
fn is_name(name: &str, here: &Here) -> bool {
    let first = |name: &str| name.split('.').next().unwrap_or_default().to_lowercase();
    let is_address = name.parse::<IpAddr>().is_ok();
    !is_address
        && here.names.iter().any(|own| {
            own.eq_ignore_ascii_case(name)
                || (own.contains('.') != name.contains('.') && first(own) == first(name))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A short name and one with a domain may be one machine; two domains are two.
    #[test]
    fn names_are_the_same_with_and_without_their_domain() {
        let here = |name: &str| Here {
            names: [name.to_owned()].into(),
            addresses: BTreeSet::new(),
        };
        for (own, name, same) in [
            ("deploy", "deploy", true),
            ("deploy", "Deploy", true),
            ("deploy", "deploy.example.net", true),
            ("deploy.example.net", "deploy", true),
            ("deploy.example.net", "deploy.example.org", false),
            ("deploy", "deploy-2", false),
            ("10", "10.0.0.1", false),
        ] {
            assert_eq!(is_name(name, &here(own)), same, "{own} {name}");
        }
    }
}
