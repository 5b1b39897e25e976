//! What the engine knows of the fleet across all rollouts: evidence, locks, budgets' use, availability groups.
//!
//! Flat arrays by `HostId`. Everything but the evidence is derived from the rollouts' slots.

use std::collections::BTreeMap;
use std::sync::Arc;

use ringway_model::{CellId, Evidence, HostId, ProbeId};
use ringway_scheduler::FleetSpec;

/// No availability group, no slot, no rollout.
pub(crate) const NONE: u32 = u32::MAX;

/// Per-host facts derived from all rollouts together.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct HostUse {
    /// The rollout (its index + 1) that visits the host; 0: none. Invariant I2 rests on this.
    pub(crate) busy: u32,
    /// Rollouts in which the host takes a slot of the disruption budget.
    pub(crate) used: u8,
    /// Rollouts in which the host takes a slot of its availability group.
    pub(crate) claims: u8,
}

/// The fleet, as the engine counts it.
#[derive(Clone, Debug)]
pub(crate) struct Fleet {
    pub(crate) spec: Arc<FleetSpec>,
    /// Two bits for each of 16 probes.
    pub(crate) evidence: Vec<u32>,
    pub(crate) uses: Vec<HostUse>,
    /// Hosts on which an errand runs: the rollout's index and the slot. Invariant I2 rests on this, too.
    pub(crate) errands: BTreeMap<HostId, (usize, u32)>,
    /// The host's availability group, or `NONE`.
    pub(crate) cell: Vec<u32>,
    /// The host's group, or `u16::MAX`.
    pub(crate) group: Vec<u16>,
    /// By availability group: members with fresh evidence of being up that no visit or failure claims.
    pub(crate) able: Vec<u32>,
    /// By group: groups that wait for it.
    pub(crate) dependents: Vec<Vec<u16>>,
}

impl Fleet {
    pub(crate) fn new(spec: Arc<FleetSpec>) -> Self {
        let mut dependents = vec![Vec::new(); spec.groups.len()];
        for (index, group) in spec.groups.iter().enumerate() {
            for (before, _) in &group.after {
                dependents[before.index()].push(u16::try_from(index).unwrap_or(u16::MAX));
            }
        }
        Self {
            evidence: vec![0; spec.hosts.len()],
            uses: vec![HostUse::default(); spec.hosts.len()],
            errands: BTreeMap::new(),
            cell: spec
                .hosts
                .iter()
                .map(|host| host.cell.map_or(NONE, |cell| cell.0))
                .collect(),
            group: spec
                .hosts
                .iter()
                .map(|host| host.group.map_or(u16::MAX, |group| group.0))
                .collect(),
            able: vec![0; spec.cells.len()],
            dependents,
            spec,
        }
    }

    pub(crate) fn evidence(&self, host: HostId, probe: ProbeId) -> Evidence {
        evidence_in(self.evidence[host.index()], probe)
    }

    /// Sets the evidence and returns the bits before and after.
    pub(crate) fn set_evidence(
        &mut self,
        host: HostId,
        probe: ProbeId,
        to: Evidence,
    ) -> (u32, u32) {
        let before = self.evidence[host.index()];
        let bits = match to {
            Evidence::Unknown => 0,
            Evidence::Up => 1,
            Evidence::Down => 2,
        };
        let shift = u32::from(probe.0) * 2;
        let after = before & !(3 << shift) | (bits << shift);
        self.write_evidence(host, after);
        (before, after)
    }

    /// Writes all evidence of a host and keeps its availability group's count true.
    pub(crate) fn write_evidence(&mut self, host: HostId, bits: u32) -> bool {
        let was = self.is_able(host);
        self.evidence[host.index()] = bits;
        self.recount(host, was)
    }

    pub(crate) fn cell_of(&self, host: HostId) -> Option<CellId> {
        let cell = self.cell[host.index()];
        (cell != NONE).then_some(CellId(cell))
    }

    /// Whether the host counts as a member that stays up: fresh evidence, and nobody claims it.
    pub(crate) fn is_able(&self, host: HostId) -> bool {
        self.cell_of(host).is_some_and(|cell| {
            self.uses[host.index()].claims == 0
                && self.evidence(host, self.spec.cells[cell.index()].probe) == Evidence::Up
        })
    }

    /// How many members that count as up could be taken now; `None` where not even one that does not.
    pub(crate) fn spare(&self, cell: CellId) -> Option<u32> {
        let spec = &self.spec.cells[cell.index()];
        let able = self.able[cell.index()];
        let members = u32::try_from(spec.members.len()).unwrap_or(NONE);
        let must = if spec.accepts_outage() {
            0
        } else {
            spec.must_stay_up
        };
        let by_minimum = able.checked_sub(must)?;
        let by_limit = spec.down_at_most.checked_sub(members - able)?;
        Some(by_minimum.min(by_limit))
    }

    /// Keeps the availability group's count true after a change of `host`; true when a member became able.
    pub(crate) fn recount(&mut self, host: HostId, was: bool) -> bool {
        let is = self.is_able(host);
        if let Some(cell) = self.cell_of(host) {
            let able = &mut self.able[cell.index()];
            *able = *able + u32::from(is) - u32::from(was);
        }
        is && !was
    }

    /// Counts the members that stay up from scratch.
    pub(crate) fn recount_all(&mut self) {
        for (index, cell) in self.spec.clone().cells.iter().enumerate() {
            let able = cell
                .members
                .iter()
                .filter(|&&member| self.is_able(member))
                .count();
            self.able[index] = u32::try_from(able).unwrap_or(NONE);
        }
    }
}

/// The evidence of one probe in a host's bits.
pub(crate) const fn evidence_in(bits: u32, probe: ProbeId) -> Evidence {
    match bits >> (probe.0 as u32 * 2) & 3 {
        1 => Evidence::Up,
        2 => Evidence::Down,
        _ => Evidence::Unknown,
    }
}
