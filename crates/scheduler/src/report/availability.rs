//! Redundant peers: what must stay up, and which rings have them.

use std::collections::BTreeMap;

use ringway_policy::validated::RingSpread;

use super::parts::{AvailabilityReport, CellReport, KeepUpReport};
use crate::plan::Plan;
use crate::spec::{CellSpec, FleetSpec};

/// Availability groups that have a host in a ring, by group in its order. A group that says how its members are spread
/// over rings and keeps nothing up counts as one.
pub(super) fn availability(fleet: &FleetSpec, plan: &Plan) -> Vec<AvailabilityReport> {
    let mut in_rings: BTreeMap<(usize, Option<usize>), Vec<u32>> = BTreeMap::new();
    for (at, ring) in plan.rings.iter().enumerate() {
        for slot in &plan.slots[ring.slots()] {
            let host = &fleet.hosts[slot.host.index()];
            let Some(group) = host.group else { continue };
            let is_spread = fleet.groups[group.index()].rings != RingSpread::Any;
            if host.cell.is_some() || is_spread {
                let key = (group.index(), host.cell.map(ringway_model::CellId::index));
                in_rings
                    .entry(key)
                    .or_insert_with(|| vec![0; plan.rings.len()])[at] += 1;
            }
        }
    }
    let mut sizes = vec![0; fleet.groups.len()];
    for group in fleet.hosts.iter().filter_map(|host| host.group) {
        sizes[group.index()] += 1;
    }
    let mut reports: Vec<AvailabilityReport> = Vec::new();
    let mut last = None;
    for ((group, cell), in_rings) in in_rings {
        if last != Some(group) {
            last = Some(group);
            let spec = &fleet.groups[group];
            reports.push(AvailabilityReport {
                group: spec.name.clone(),
                rings: spec.rings,
                cells: Vec::new(),
            });
        }
        let cell = cell.map(|cell| &fleet.cells[cell]);
        let report = reports
            .last_mut()
            .expect("one was just pushed for the group");
        report.cells.push(CellReport {
            name: cell.map_or_else(|| report.group.clone(), |cell| cell.name.clone()),
            members: cell.map_or(sizes[group], |cell| cell.members.len()),
            is_apart: in_rings.iter().all(|&count| count <= 1),
            is_impossible: cell.is_some_and(CellSpec::is_impossible),
            in_rings,
            keep_up: cell.map(|cell| keep_up(fleet, cell)),
        });
    }
    reports
}

fn keep_up(fleet: &FleetSpec, cell: &CellSpec) -> KeepUpReport {
    KeepUpReport {
        must_stay_up: cell.must_stay_up,
        down_at_most: cell.down_at_most,
        probe: fleet.probes[cell.probe.index()].name.clone(),
        fresh_ms: cell.fresh,
        accept_outage: cell.accept_outage.clone(),
    }
}
