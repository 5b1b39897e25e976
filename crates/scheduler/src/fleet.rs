//! From the fleet document to the fleet as the engine sees it.
//!
//! This module gives every host, group, availability group and probe its number and resolves every name once. It
//! decides nothing about a rollout. The document was validated; what would not fit all the same is a [`FleetProblem`]
//! and never a panic.

use std::collections::{BTreeMap, BTreeSet};

use ringway_model::{CellId, GroupId, HostId, IntentId, ProbeId};
use ringway_policy::validated::{Connection, Fleet, Group, KeepUp};

use crate::graph;
use crate::index::HostIndex;
use crate::spec::{CellSpec, FleetSpec, GroupSpec, HostSpec, Names, ProbeSpec};
use crate::thresholds;

/// How a missing `per` label is shown.
pub(crate) const NONE: &str = "(none)";

/// Probes of a fleet: the evidence of a host is kept in 16 places.
pub(crate) const MAX_PROBES: usize = 16;

/// A fleet that cannot be compiled.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FleetProblem {
    /// Groups wait for one another in a circle.
    #[error("groups wait for one another: {}", circle(groups))]
    Cycle {
        /// Each after the next one, the last after the first.
        groups: Vec<String>,
    },
    /// An `after` names no group.
    #[error("group `{group}` comes after `{after}`, which is not a group")]
    UnknownGroup {
        /// The group.
        group: String,
        /// What it names.
        after: String,
    },
    /// A host is selected by two groups.
    #[error("host `{host}` is in two groups, `{first}` and `{second}`")]
    TwoGroups {
        /// The host.
        host: String,
        /// One group.
        first: String,
        /// The other one.
        second: String,
    },
    /// A `keep_up` names no probe.
    #[error("group `{group}` keeps up by probe `{probe}`, which is not a probe")]
    UnknownProbe {
        /// The group.
        group: String,
        /// What it names.
        probe: String,
    },
    /// No `connect` matches a host.
    #[error("nothing says how host `{host}` is reached")]
    Unreachable {
        /// The host.
        host: String,
    },
    /// A fleet of another name takes the place of one that rollouts run over.
    #[error("the fleet is called `{after}`, and rollouts run over `{before}`")]
    Renamed {
        /// The one that rollouts run over.
        before: String,
        /// The other one.
        after: String,
    },
    /// There is more of something than fits.
    #[error("{count} {what}, at most {limit} fit")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// How many there are.
        count: usize,
        /// How many fit.
        limit: usize,
    },
}

fn circle(groups: &[String]) -> String {
    let first = groups.first().into_iter();
    let names: Vec<_> = groups
        .iter()
        .chain(first)
        .map(|name| format!("`{name}`"))
        .collect();
    names.join(" after ")
}

/// Compiles a fleet. Hosts keep the order of the document; groups are in topological order, otherwise as written;
/// availability groups follow their groups and the values of their labels, members without the label last.
///
/// # Errors
///
/// The first thing that does not fit.
pub fn compile_fleet(fleet: &Fleet) -> Result<FleetSpec, FleetProblem> {
    bounded("hosts", fleet.hosts.len(), IntentId::MAX_SLOT as usize)?;
    bounded("groups", fleet.groups.len(), usize::from(u16::MAX))?;
    bounded("connections", fleet.connect.len(), usize::from(u16::MAX))?;
    bounded("probes", fleet.probes.len(), MAX_PROBES)?;
    let order = graph::topological(&fleet.groups)?;
    let selectors = fleet.groups.iter().map(|group| &group.select);
    let selectors = selectors.chain(fleet.connect.iter().map(|connect| &connect.select));
    let labels: BTreeSet<&str> = selectors
        .flat_map(|select| select.labels())
        .map(|label| label.name.as_str())
        .chain(fleet.groups.iter().filter_map(per))
        .collect();
    let index = HostIndex::new(&fleet.hosts, labels);
    let (connections, connect) = connections(fleet, &index)?;
    let mut hosts: Vec<HostSpec> = fleet
        .hosts
        .iter()
        .zip(connect)
        .map(|(host, connect)| HostSpec {
            name: host.name.clone(),
            address: host.address.clone().unwrap_or_else(|| host.name.clone()),
            labels: host.labels.clone(),
            group: None,
            cell: None,
            connect,
        })
        .collect();
    let mut cells = Vec::new();
    for (id, &at) in order.iter().enumerate() {
        let group = &fleet.groups[at];
        let members = index.select(&group.select);
        join(&mut hosts, GroupId::at(id), &members, &order, fleet)?;
        if let Some(keep_up) = &group.keep_up {
            let probe =
                probe_id(fleet, &keep_up.probe).ok_or_else(|| FleetProblem::UnknownProbe {
                    group: group.name.clone(),
                    probe: keep_up.probe.clone(),
                })?;
            let members = match &keep_up.per {
                None => vec![(None, members)],
                Some(label) => index.by_value(label, &members),
            };
            cells_of(
                GroupId::at(id),
                (group, keep_up),
                probe,
                members,
                &mut hosts,
                &mut cells,
            );
        }
    }
    Ok(FleetSpec {
        name: fleet.name.clone(),
        document: fleet.digest,
        groups: groups(fleet, &order),
        hosts,
        cells,
        probes: fleet
            .probes
            .iter()
            .map(|(name, probe)| ProbeSpec {
                name: name.clone(),
                probe: probe.clone(),
            })
            .collect(),
        connections,
        vanished: BTreeSet::new(),
    })
}

/// Hosts by name, for commands and output.
pub fn names(fleet: &FleetSpec) -> Names {
    let hosts = fleet.hosts.iter().enumerate();
    Names {
        hosts: hosts
            .map(|(at, host)| (host.name.clone(), HostId::at(at)))
            .collect(),
    }
}

pub(crate) fn bounded(what: &'static str, count: usize, limit: usize) -> Result<(), FleetProblem> {
    if count <= limit {
        Ok(())
    } else {
        Err(FleetProblem::TooMany { what, count, limit })
    }
}

fn probe_id(fleet: &Fleet, name: &str) -> Option<ProbeId> {
    fleet
        .probes
        .keys()
        .position(|probe| probe == name)
        .map(ProbeId::at)
}

/// By host: which connection; the first selector that matches counts.
fn connections(
    fleet: &Fleet,
    index: &HostIndex<'_>,
) -> Result<(Vec<Connection>, Vec<u16>), FleetProblem> {
    const OPEN: u16 = u16::MAX;
    let mut of = vec![OPEN; fleet.hosts.len()];
    for (connect, number) in fleet.connect.iter().zip(0_u16..) {
        for host in index.select(&connect.select) {
            let of = &mut of[host as usize];
            if *of == OPEN {
                *of = number;
            }
        }
    }
    if let Some(at) = of.iter().position(|&number| number == OPEN) {
        return Err(FleetProblem::Unreachable {
            host: fleet.hosts[at].name.clone(),
        });
    }
    Ok((
        fleet
            .connect
            .iter()
            .map(|connect| connect.with.clone())
            .collect(),
        of,
    ))
}

fn join(
    hosts: &mut [HostSpec],
    id: GroupId,
    members: &[u32],
    order: &[usize],
    fleet: &Fleet,
) -> Result<(), FleetProblem> {
    for &member in members {
        let host = &mut hosts[member as usize];
        if let Some(other) = host.group.replace(id) {
            let name = |id: GroupId| fleet.groups[order[id.index()]].name.clone();
            return Err(FleetProblem::TwoGroups {
                host: host.name.clone(),
                first: name(other),
                second: name(id),
            });
        }
    }
    Ok(())
}

fn groups(fleet: &Fleet, order: &[usize]) -> Vec<GroupSpec> {
    let ids: BTreeMap<&str, GroupId> = order
        .iter()
        .enumerate()
        .map(|(id, &at)| (fleet.groups[at].name.as_str(), GroupId::at(id)))
        .collect();
    order
        .iter()
        .map(|&at| {
            let group = &fleet.groups[at];
            // Named twice is waited for once, in the stricter way.
            let mut after: BTreeMap<GroupId, bool> = BTreeMap::new();
            for first in &group.after {
                *after.entry(ids[first.group.as_str()]).or_default() |= first.across_rings;
            }
            GroupSpec {
                name: group.name.clone(),
                after: after.into_iter().collect(),
                rings: group.rings,
                care: group.care.clone(),
            }
        })
        .collect()
}

/// The label by which a group's members are told apart.
fn per(group: &Group) -> Option<&str> {
    group.keep_up.as_ref()?.per.as_deref()
}

/// The availability groups of a group whose members are told apart by the value of its `per` label. Members without it
/// form one of their own, named `(none)`, so that none of them is forgotten.
fn cells_of(
    id: GroupId,
    (group, keep_up): (&Group, &KeepUp),
    probe: ProbeId,
    members: Vec<(Option<&str>, Vec<u32>)>,
    hosts: &mut [HostSpec],
    cells: &mut Vec<CellSpec>,
) {
    for (value, members) in members {
        if members.is_empty() {
            continue;
        }
        let cell = CellId::at(cells.len());
        for &member in &members {
            hosts[member as usize].cell = Some(cell);
        }
        let name = match &keep_up.per {
            None => group.name.clone(),
            Some(label) => format!("{} {label}={}", group.name, value.unwrap_or(NONE)),
        };
        let count = u32::try_from(members.len()).expect("the number of hosts is bounded");
        let must_stay_up = thresholds::must_stay_up(keep_up.minimum, count);
        cells.push(CellSpec {
            group: id,
            name,
            members: members.into_iter().map(HostId).collect(),
            must_stay_up,
            down_at_most: thresholds::down_at_most(keep_up.down_at_most, count, must_stay_up),
            probe,
            fresh: keep_up.fresh,
            accept_outage: keep_up.accept_outage.clone(),
        });
    }
}
