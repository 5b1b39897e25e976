//! A fleet as its document is now, with the numbers that rollouts in flight know its hosts and probes by.
//!
//! Hosts keep their numbers by their names; new ones get the next numbers, and those of hosts that are gone stay theirs, so
//! that one which comes back is the same host again. Probes keep their numbers too, because plans name them: one that is
//! gone from the document stays as it was. Groups and availability groups are those of the document as it is now. This
//! module decides nothing about a rollout.

use std::collections::{BTreeMap, BTreeSet};

use ringway_model::{HostId, IntentId, ProbeId};
use ringway_policy::validated::Fleet;

use crate::fleet::{FleetProblem, MAX_PROBES, bounded, compile_fleet};
use crate::spec::{FleetSpec, HostSpec};

/// Compiles a fleet's document as [`compile_fleet`] does, for rollouts that run over `before`.
///
/// # Errors
///
/// As [`compile_fleet`]; a fleet of another name; more probes or hosts than fit, counting those that are gone.
pub fn refresh_fleet(before: &FleetSpec, fleet: &Fleet) -> Result<FleetSpec, FleetProblem> {
    if before.name != fleet.name {
        return Err(FleetProblem::Renamed {
            before: before.name.clone(),
            after: fleet.name.clone(),
        });
    }
    let mut spec = compile_fleet(fleet)?;
    let probes = number_probes(before, &mut spec)?;
    let numbers = number_hosts(before, &spec);
    let total = numbers.iter().map(|number| number.index() + 1).max();
    let total = total.unwrap_or(0).max(before.hosts.len());
    bounded("hosts", total, IntentId::MAX_SLOT as usize)?;
    let mut hosts: Vec<Option<HostSpec>> = vec![None; total];
    for (host, number) in spec.hosts.drain(..).zip(&numbers) {
        hosts[number.index()] = Some(host);
    }
    for cell in &mut spec.cells {
        cell.probe = probes[cell.probe.index()];
        for member in &mut cell.members {
            *member = numbers[member.index()];
        }
        cell.members.sort_unstable();
    }
    let places = hosts.into_iter().zip(0_u32..);
    for (host, number) in places.map(|(host, number)| (host, HostId(number))) {
        let host = match host {
            Some(host) => host,
            None => gone(before, number, &mut spec)?,
        };
        spec.hosts.push(host);
    }
    Ok(spec)
}

/// The numbers of the document's hosts, in its order.
fn number_hosts(before: &FleetSpec, spec: &FleetSpec) -> Vec<HostId> {
    let known = before.hosts.iter().enumerate();
    let known: BTreeMap<&str, usize> = known.map(|(at, host)| (&*host.name, at)).collect();
    let mut next = before.hosts.len();
    let hosts = spec.hosts.iter();
    hosts
        .map(|host| {
            let number = known.get(&*host.name).copied().unwrap_or_else(|| {
                next += 1;
                next - 1
            });
            HostId::at(number)
        })
        .collect()
}

/// Gives probes the numbers they had, and returns by the document's number which one that is.
fn number_probes(before: &FleetSpec, spec: &mut FleetSpec) -> Result<Vec<ProbeId>, FleetProblem> {
    let mut probes = before.probes.clone();
    let mut numbers = Vec::new();
    for probe in spec.probes.drain(..) {
        let known = probes.iter().position(|other| other.name == probe.name);
        let number = known.unwrap_or(probes.len());
        if known.is_some() {
            probes[number] = probe;
        } else {
            probes.push(probe);
        }
        numbers.push(number);
    }
    bounded(
        "probes, with those that are gone,",
        probes.len(),
        MAX_PROBES,
    )?;
    spec.probes = probes;
    Ok(numbers.into_iter().map(ProbeId::at).collect())
}

/// A host that is gone, as it was reached last: what was begun on it may have to be ended.
fn gone(
    before: &FleetSpec,
    number: HostId,
    spec: &mut FleetSpec,
) -> Result<HostSpec, FleetProblem> {
    let host = &before.hosts[number.index()];
    let way = &before.connections[usize::from(host.connect)];
    let known = spec.connections.iter().position(|other| other == way);
    let connect = known.unwrap_or(spec.connections.len());
    if known.is_none() {
        spec.connections.push(way.clone());
    }
    bounded("connections", connect, usize::from(u16::MAX))?;
    spec.vanished.insert(number);
    Ok(HostSpec {
        group: None,
        cell: None,
        connect: u16::try_from(connect).expect("it was just bounded"),
        ..host.clone()
    })
}

impl FleetSpec {
    /// Whether this fleet gives every host and probe of another one the number it has there.
    pub fn keeps_numbers_of(&self, before: &Self) -> bool {
        let hosts = self.hosts.iter().zip(&before.hosts);
        let probes = self.probes.iter().zip(&before.probes);
        self.hosts.len() >= before.hosts.len()
            && self.probes.len() >= before.probes.len()
            && hosts.into_iter().all(|(a, b)| a.name == b.name)
            && probes.into_iter().all(|(a, b)| a.name == b.name)
    }

    /// Hosts that are there.
    pub fn present(&self) -> BTreeSet<HostId> {
        let hosts = (0..self.hosts.len()).map(HostId::at);
        hosts.filter(|host| !self.vanished.contains(host)).collect()
    }
}
