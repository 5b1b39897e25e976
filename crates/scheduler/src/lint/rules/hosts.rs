//! The machine that Ringway runs on, among those that it updates.

use std::net::IpAddr;

use ringway_policy::validated::Connection;

use super::super::facts::{Facts, Here};
use super::super::finding::Found;
use super::list;
use crate::spec::{FleetSpec, HostSpec};
use crate::words::hosts;

/// Ringway's own host among the targets: its restart ends Ringway in the middle of the rollout.
pub(in super::super) fn own(facts: &Facts<'_>, into: &mut Found) {
    let is_local = |host: &HostSpec| matches!(connection(facts.fleet, host), Connection::Local);
    // A fleet of processes of this machine is a demonstration, or meant.
    if facts.fleet.hosts.iter().all(is_local) {
        return;
    }
    let slots = facts.plan.slots.iter().map(|slot| facts.host(slot.host));
    let own: Vec<&str> = slots
        .filter(|host| is_local(host) || is_here(facts.fleet, host, facts.here))
        .map(|host| host.name.as_str())
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
