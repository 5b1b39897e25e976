//! The counters that the rules ask for, kept true on every change of a slot or of what is known of a host.
//!
//! # Invariants
//!
//! * A slot changes in one place, [`Facts::change`], and evidence in one, `set_evidence`: both take what was counted for
//!   the state before away and add what the state after counts for.

use std::collections::BTreeSet;

use ringway_model::{CellId, Evidence, HostId, ProbeId, RolloutId};
use ringway_scheduler::{FleetSpec, Plan};

use super::facts::{Class, Facts, SlotFacts, ring_of};
use super::{Broken, ensure};

impl Facts {
    /// What was known of a host's health is forgotten: evidence from before an update proves nothing about it.
    pub(super) fn forget_evidence(&mut self, host: HostId) {
        let known: Vec<ProbeId> = self.hosts[host.index()].evidence.keys().copied().collect();
        for probe in known {
            self.set_evidence(host, probe, Evidence::Unknown);
        }
    }

    /// A rollout is over: what nobody else asks for is not asked any more, and what was known of it grows old.
    pub(super) fn forget_unwatched(&mut self, plan: &Plan) {
        let Some(fleet) = self.fleet.clone() else {
            return;
        };
        let cells: BTreeSet<CellId> = plan
            .slots
            .iter()
            .filter_map(|slot| fleet.hosts[slot.host.index()].cell)
            .collect();
        let of_gates = plan.slots.iter().flat_map(|slot| {
            let gates = plan.gates.iter();
            gates.map(|gate| (slot.host, gate.probe))
        });
        let of_cells = cells.iter().flat_map(|cell| {
            let cell = &fleet.cells[cell.index()];
            cell.members.iter().map(|&member| (member, cell.probe))
        });
        let asked: BTreeSet<(HostId, ProbeId)> = of_gates.chain(of_cells).collect();
        for (host, probe) in asked {
            if !self.is_asked_for(&fleet, host, probe) {
                self.set_evidence(host, probe, Evidence::Unknown);
            }
        }
    }

    /// Whether a rollout under way asks for a probe of a host: for a gate, or since it has a host of the same availability
    /// group.
    fn is_asked_for(&self, fleet: &FleetSpec, host: HostId, probe: ProbeId) -> bool {
        let under_way = |of: HostId| {
            let seats = self.hosts[of.index()].seats.iter();
            seats.filter_map(|(id, _)| self.rollouts.get(id).filter(|rollout| rollout.opened > 0))
        };
        let for_a_gate = under_way(host)
            .any(|rollout| rollout.plan.gates.iter().any(|gate| gate.probe == probe));
        let cell = fleet.hosts[host.index()].cell;
        let cell = cell.map(|cell| &fleet.cells[cell.index()]);
        for_a_gate
            || cell.is_some_and(|cell| {
                let mut members = cell.members.iter();
                cell.probe == probe && members.any(|member| under_way(*member).next().is_some())
            })
    }

    pub(super) fn evidence_changed(
        &mut self,
        host: HostId,
        probe: ProbeId,
        to: Evidence,
    ) -> Result<(), Broken> {
        ensure!(
            host.index() < self.hosts.len(),
            Story,
            "evidence of host {} is of no host",
            host.0
        );
        ensure!(
            self.heard.contains(&(host, probe, to)),
            I11,
            "evidence of host {} changed to {to:?} and nothing was heard of it",
            host.0
        );
        self.set_evidence(host, probe, to);
        Ok(())
    }

    /// Writes what is known of a host and keeps the counters true that depend on it.
    fn set_evidence(&mut self, host: HostId, probe: ProbeId, to: Evidence) {
        let was_able = self.is_able(host);
        let (before, _) = self.hosts[host.index()].evidence(probe);
        let now = self.now;
        self.hosts[host.index()].evidence.insert(probe, (to, now));
        self.recount_cell(host, was_able);
        let seats = std::mem::take(&mut self.hosts[host.index()].seats);
        for &(id, slot) in &seats {
            let Some(rollout) = self.rollouts.get_mut(&id) else {
                continue;
            };
            if rollout.slots[slot as usize].class() != Class::Done {
                continue;
            }
            let ring = ring_of(&rollout.plan, slot as usize);
            for (gate, plan) in rollout.plan.gates.iter().enumerate() {
                if plan.probe == probe {
                    let counts = &mut rollout.rings[ring];
                    add(
                        &mut counts.reporting[gate],
                        before != Evidence::Unknown,
                        false,
                    );
                    add(&mut counts.reporting[gate], to != Evidence::Unknown, true);
                    add(&mut counts.up[gate], before == Evidence::Up, false);
                    add(&mut counts.up[gate], to == Evidence::Up, true);
                }
            }
            self.touched.push(id);
        }
        self.hosts[host.index()].seats = seats;
        self.look_at_coverage(host);
    }

    /// Whether a member is known to be up and nothing claims it.
    pub(super) fn is_able(&self, host: HostId) -> bool {
        let Some(fleet) = &self.fleet else {
            return false;
        };
        let facts = &self.hosts[host.index()];
        fleet.hosts[host.index()].cell.is_some_and(|cell| {
            facts.down_in == 0
                && !facts.is_maintained()
                && facts.settling_in == 0
                && facts.evidence(fleet.cells[cell.index()].probe).0 == Evidence::Up
        })
    }

    pub(super) fn recount_cell(&mut self, host: HostId, was: bool) {
        let is = self.is_able(host);
        if let Some(cell) = self
            .fleet
            .as_ref()
            .and_then(|fleet| fleet.hosts[host.index()].cell)
        {
            add(&mut self.able[cell.index()], was, false);
            add(&mut self.able[cell.index()], is, true);
        }
    }

    /// Changes one slot and keeps every counter true.
    pub(super) fn change(&mut self, id: RolloutId, slot: usize, with: impl FnOnce(&mut SlotFacts)) {
        let Some(rollout) = self.rollouts.get(&id) else {
            return;
        };
        let (before, host) = (rollout.slots[slot], rollout.plan.slots[slot].host);
        let mut after = before;
        with(&mut after);
        self.count_slot(id, slot, &before, false);
        self.count_host(host, &before, false);
        if let Some(rollout) = self.rollouts.get_mut(&id) {
            rollout.slots[slot] = after;
        }
        self.count_slot(id, slot, &after, true);
        self.count_host(host, &after, true);
        self.look_at_coverage(host);
        self.touched.push(id);
    }

    pub(super) fn count_slot(&mut self, id: RolloutId, slot: usize, record: &SlotFacts, on: bool) {
        let groups = self.fleet.as_ref().map_or(0, |fleet| fleet.groups.len());
        let Some(rollout) = self.rollouts.get_mut(&id) else {
            return;
        };
        let (ring, host) = (ring_of(&rollout.plan, slot), rollout.plan.slots[slot].host);
        let class = record.class();
        let counts = &mut rollout.rings[ring];
        add(&mut counts.pending, class == Class::Pending, on);
        add(&mut counts.moving, class == Class::Moving, on);
        add(&mut counts.withheld, class == Class::Withheld, on);
        add(&mut counts.done, class == Class::Done, on);
        add(&mut counts.debt, class == Class::Debt, on);
        add(&mut counts.skipped, class == Class::Skipped, on);
        add(&mut counts.blamed, record.blamed && !record.forgiven, on);
        add(
            &mut counts.suspected,
            record.suspected && !record.accepted,
            on,
        );
        if class == Class::Done {
            for (gate, plan) in rollout.plan.gates.iter().enumerate() {
                let (known, _) = self.hosts[host.index()].evidence(plan.probe);
                add(&mut counts.reporting[gate], known != Evidence::Unknown, on);
                add(&mut counts.up[gate], known == Evidence::Up, on);
            }
        }
        let group = self
            .fleet
            .as_ref()
            .and_then(|fleet| fleet.hosts[host.index()].group);
        if let Some(group) = group {
            let counts = &mut rollout.groups[ring * groups + group.index()];
            add(&mut counts.done, class == Class::Done, on);
            add(&mut counts.debt, class == Class::Debt, on);
            add(&mut counts.skipped, class == Class::Skipped, on);
        }
    }

    pub(super) fn count_host(&mut self, host: HostId, record: &SlotFacts, on: bool) {
        let was_able = self.is_able(host);
        let facts = &mut self.hosts[host.index()];
        let was_down = facts.is_down();
        add(&mut facts.down_in, record.is_down(), on);
        add(&mut facts.settling_in, record.is_settling(), on);
        let is_down = facts.is_down();
        self.recount_down(host, was_down, is_down);
        self.recount_cell(host, was_able);
    }

    /// Keeps true how many targets of each rollout are down.
    pub(super) fn recount_down(&mut self, host: HostId, was: bool, is: bool) {
        if was == is {
            return;
        }
        for (id, _) in &self.hosts[host.index()].seats {
            if let Some(rollout) = self.rollouts.get_mut(id) {
                add(&mut rollout.down, true, is);
            }
        }
    }
}

fn add(counter: &mut u32, applies: bool, on: bool) {
    if applies {
        *counter = if on {
            counter.wrapping_add(1)
        } else {
            counter.wrapping_sub(1)
        };
    }
}
