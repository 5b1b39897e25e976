//! In which order the hosts of a ring should start.
//!
//! Groups in topological order, hosts of no group last; within a group the first member of every availability group,
//! then the second ones, and so on, so that visits do not queue behind a peer while others could go; then as drawn.

use ringway_model::GroupId;

use crate::spec::FleetSpec;

/// What a ring's hosts are sorted by.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Start {
    no_group: bool,
    group: Option<GroupId>,
    /// The how-manieth of its availability group in this ring.
    turn: u32,
    /// Its place in the drawn order.
    place: u32,
    host: u32,
}

/// Sorts one ring's hosts. `place` gives every host's place in the drawn order; `turns` has a zero for every
/// availability group of the fleet, and has again afterwards.
pub(crate) fn in_starting_order(
    fleet: &FleetSpec,
    hosts: &mut [u32],
    place: &[u32],
    turns: &mut [u32],
) {
    hosts.sort_unstable_by_key(|&host| place[host as usize]);
    let mut starts: Vec<Start> = hosts
        .iter()
        .map(|&host| {
            let spec = &fleet.hosts[host as usize];
            let turn = spec.cell.map_or(0, |cell| {
                let turn = &mut turns[cell.index()];
                *turn += 1;
                *turn
            });
            let (group, place) = (spec.group, place[host as usize]);
            Start {
                no_group: group.is_none(),
                group,
                turn,
                place,
                host,
            }
        })
        .collect();
    starts.sort_unstable();
    for (host, start) in hosts.iter_mut().zip(starts) {
        *host = start.host;
        if let Some(cell) = fleet.hosts[start.host as usize].cell {
            turns[cell.index()] = 0;
        }
    }
}
