//! A fleet that changes while rollouts run: numbers stay, nobody changes the ring he is in or joins one that has begun (I1),
//! nothing is begun on a host that is gone (I4) and its outcome says so (I12), a yes is to the hosts that were shown (I9),
//! and what was known of a host holds for it only as it was asked (I7).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ringway_engine::{HoldKind, HostState, Subject};
use ringway_model::{Actor, CellId, Digest, HostId, ProbeId, RolloutId};
use ringway_scheduler::{FleetSpec, Plan};

use super::facts::{Facts, GroupFacts, RingFacts, SlotFacts, ring_of};
use super::{Broken, Invariant, ensure};

/// With whom a host was in its availability group, where that is another one by now.
type Former = Option<Arc<BTreeSet<HostId>>>;

impl Facts {
    /// The fleet is another one from now on.
    pub(super) fn refreshed(&mut self, digest: Digest, actor: &Actor) -> Result<(), Broken> {
        let (Some(after), Some(before)) = (self.fleets.get(&digest).cloned(), self.fleet.clone())
        else {
            return Err((
                Invariant::I15,
                format!("fleet {digest:?} is taken in and nobody registered it"),
            ));
        };
        ensure!(!actor.0.is_empty(), I15, "nobody refreshed the fleet");
        let same_hosts = before.hosts.len() <= after.hosts.len()
            && before
                .hosts
                .iter()
                .zip(&after.hosts)
                .all(|(a, b)| a.name == b.name);
        let same_probes = before.probes.len() <= after.probes.len()
            && before
                .probes
                .iter()
                .zip(&after.probes)
                .all(|(a, b)| a.name == b.name);
        ensure!(
            same_hosts && same_probes,
            I2,
            "fleet {} gives hosts or probes other numbers than they had",
            digest.short()
        );
        for &host in &after.vanished {
            let spec = &after.hosts[host.index()];
            ensure!(
                spec.cell.is_none() && spec.group.is_none(),
                I7,
                "host {} is gone and still counts as a peer",
                host.0
            );
        }
        for index in 0..before.hosts.len() {
            for probe in no_longer_so(&before, &after, HostId::at(index)) {
                self.hosts[index].evidence.remove(&probe);
            }
        }
        self.note_former(&before, &after);
        self.hosts.resize_with(after.hosts.len(), Default::default);
        self.fleet = Some(after);
        self.fleet_digest = digest;
        self.before_refresh = Some(before);
        self.count_anew();
        Ok(())
    }

    /// Notes with whom hosts were in their availability groups, where that is another one from now on, or none.
    fn note_former(&mut self, before: &FleetSpec, after: &FleetSpec) {
        let mut known: BTreeMap<(CellId, Option<CellId>), Former> = BTreeMap::new();
        for (index, host) in before.hosts.iter().enumerate() {
            let Some(was) = host.cell else { continue };
            let is = after.hosts[index].cell;
            let others = known.entry((was, is)).or_insert_with(|| {
                let members = &before.cells[was.index()].members;
                let same = is.is_some_and(|is| after.cells[is.index()].members == *members);
                (!same).then(|| Arc::new(members.iter().copied().collect()))
            });
            if let Some(others) = others {
                let former = self.former.entry(HostId::at(index)).or_default();
                former.push(Arc::clone(others));
            }
        }
    }

    /// A rollout goes on by the next revision of its plan.
    #[expect(clippy::too_many_lines, reason = "it is read as one list")]
    pub(super) fn revised(&mut self, id: RolloutId, digest: Digest) -> Result<(), Broken> {
        let Some(after) = self.plans.get(&digest).cloned() else {
            return Err((
                Invariant::I15,
                format!("{id} goes on by plan {digest:?}, which nobody registered"),
            ));
        };
        let rollout = self.rollout(id)?;
        let before = rollout.plan.clone();
        let name = |plan: &Plan| plan.lane.as_ref().map(|lane| lane.name.clone());
        let changes_lane = name(&before) != name(&after);
        check_revision(id, &before, &after, rollout.opened, changes_lane)?;
        ensure!(
            after
                .revises
                .as_ref()
                .is_some_and(|it| Some(it.of) == self.registered(id)),
            I15,
            "{id} goes on by a revision of another plan"
        );
        let (old, new) = (members(&before), members(&after));
        for approval in &rollout.approvals {
            let lets = match approval.subject() {
                Subject::Start => 0,
                Subject::Promotion { ring } | Subject::Early { ring } => ring.index() + 1,
                Subject::Lane => usize::MAX,
            };
            ensure!(
                old.get(&lets) == new.get(&lets),
                I9,
                "{id} keeps a yes to ring {lets}, in which others are now"
            );
        }
        let places: BTreeMap<HostId, usize> = places(&after);
        let now = self.now;
        let fresh = SlotFacts::fresh(now);
        let mut slots = vec![fresh; after.slots.len()];
        for (planned, facts) in before.slots.iter().zip(&rollout.slots) {
            slots[places[&planned.host]] = *facts;
        }
        if changes_lane {
            self.check_lane_change(id, digest, (&before, &after))?;
        }
        let rollout = self.rollout_mut(id)?;
        // Rules that were not there are unknown, and those that were are where they belong in the new order.
        if let Some(calendar) = rollout.calendar.as_mut().filter(|_| !changes_lane) {
            let terms = &after.terms;
            let apart = after.times.tables[before.times.tables.len()..]
                .iter()
                .filter(|table| terms.freeze_override && !table.freezes.is_empty())
                .map(|table| 1 + table.freezes.len())
                .sum::<usize>();
            let mut tables = calendar.tables.clone();
            let others = tables.split_off(before.times.tables.len());
            tables.resize_with(after.times.tables.len(), Default::default);
            tables.extend(others);
            tables.resize_with(tables.len() + apart, Default::default);
            calendar.tables = tables;
        }
        rollout.plan = after.clone();
        rollout.slots = slots;
        let moved = |slot: usize| places[&before.slots[slot].host];
        rollout.coverage.renumbered(&after, now, moved);
        for approval in &mut rollout.approvals {
            approval.renumber(|slot| places[&before.slots[slot].host]);
        }
        for (index, slot) in after.slots.iter().enumerate() {
            let place = u32::try_from(index).expect("slots are numbered in 32 bits");
            let seats = &mut self.hosts[slot.host.index()].seats;
            seats.retain(|(rollout, _)| *rollout != id);
            seats.push((id, place));
        }
        self.misfits.push(id);
        self.exceptions_changed = true;
        self.count_anew();
        Ok(())
    }

    /// At the end of a batch in which the fleet changed every host that is gone is told to be, none other is, and nobody
    /// waits to be given another release than its labels ask for.
    pub(super) fn check_refreshed(&mut self) -> Result<(), Broken> {
        let (Some(before), Some(fleet)) = (self.before_refresh.take(), self.fleet.clone()) else {
            self.misfits.clear();
            return Ok(());
        };
        for (id, rollout) in &self.rollouts {
            if rollout.phase.is_over() {
                continue;
            }
            for (slot, facts) in rollout.slots.iter().enumerate() {
                let host = rollout.plan.slots[slot].host;
                let is_gone = fleet.vanished.contains(&host);
                let is_told = match facts.rest {
                    HostState::Vanished => is_gone,
                    // It has what it had, and nobody will touch it.
                    HostState::RolledBack => true,
                    HostState::Pending
                    | HostState::Running { .. }
                    | HostState::Ready { .. }
                    | HostState::Backoff { .. }
                    | HostState::Settling
                    | HostState::Updated
                    | HostState::Already
                    | HostState::RestartWithheld
                    | HostState::Failed { .. }
                    | HostState::Unhealthy { .. }
                    | HostState::RollbackFailed { .. }
                    | HostState::Offline
                    | HostState::Held
                    | HostState::Lost
                    | HostState::Skipped
                    | HostState::OnHold
                    | HostState::Again
                    | HostState::NotReady { .. }
                    | HostState::GoesLast { .. }
                    | HostState::Excepted
                    | HostState::CatchUp
                    | HostState::ChangedOutside
                    | HostState::ByHand { .. } => !is_gone,
                };
                ensure!(
                    is_told || facts.visit.is_some(),
                    I12,
                    "slot {slot} of {id} is {:?}, and host {} is {} the fleet",
                    facts.rest,
                    host.0,
                    if is_gone { "gone from" } else { "of" }
                );
            }
        }
        for id in std::mem::take(&mut self.misfits) {
            self.check_misfits(id, &before, &fleet)?;
        }
        Ok(())
    }

    fn check_misfits(
        &self,
        id: RolloutId,
        before: &FleetSpec,
        after: &FleetSpec,
    ) -> Result<(), Broken> {
        let rollout = self.rollout(id)?;
        let misfits = rollout.plan.revises.iter().flat_map(|it| &it.misfits);
        for misfit in misfits {
            let index = misfit.host.index();
            let changed = before
                .hosts
                .get(index)
                .is_some_and(|spec| spec.labels != after.hosts[index].labels);
            let slot = rollout
                .plan
                .slots
                .iter()
                .position(|slot| slot.host == misfit.host);
            let Some(facts) = slot.filter(|_| changed).map(|slot| rollout.slots[slot]) else {
                continue;
            };
            let waits = facts.visit.is_none()
                && !facts.changed
                && matches!(
                    facts.rest,
                    HostState::Pending
                        | HostState::Offline
                        | HostState::Held
                        | HostState::OnHold
                        | HostState::Excepted
                );
            ensure!(
                !waits || self.hosts[index].holds.contains_key(&HoldKind::Hold),
                I15,
                "host {index} waits in {id} for `{}` and its labels ask for {:?}",
                misfit.planned,
                misfit.now
            );
        }
        Ok(())
    }

    /// Whether a host is no longer of the fleet.
    pub(super) fn is_gone(&self, host: HostId) -> bool {
        self.fleet
            .as_ref()
            .is_some_and(|fleet| fleet.vanished.contains(&host))
    }

    /// Counts everything from the slots and from what is known of hosts, for both have other meanings now.
    pub(super) fn count_anew(&mut self) {
        let Some(fleet) = self.fleet.clone() else {
            return;
        };
        self.able = vec![0; fleet.cells.len()];
        for index in 0..self.hosts.len() {
            let host = HostId::at(index);
            if let Some(cell) = fleet.hosts[index].cell.filter(|_| self.is_able(host)) {
                self.able[cell.index()] += 1;
            }
        }
        let open = self
            .rollouts
            .iter()
            .filter(|(_, rollout)| !rollout.phase.is_over());
        let open: Vec<RolloutId> = open.map(|(id, _)| *id).collect();
        for id in open {
            let plan = self.rollouts[&id].plan.clone();
            let gates = plan.gates.len();
            let mut groups = vec![GroupFacts::default(); plan.rings.len() * fleet.groups.len()];
            let mut down = 0;
            for (slot, planned) in plan.slots.iter().enumerate() {
                if let Some(group) = fleet.hosts[planned.host.index()].group {
                    let at = ring_of(&plan, slot) * fleet.groups.len() + group.index();
                    groups[at].planned += 1;
                }
                down += u32::from(self.hosts[planned.host.index()].is_down());
            }
            if let Some(rollout) = self.rollouts.get_mut(&id) {
                rollout.groups = groups;
                rollout.down = down;
                rollout.rings = vec![
                    RingFacts {
                        reporting: vec![0; gates],
                        up: vec![0; gates],
                        ..RingFacts::default()
                    };
                    plan.rings.len()
                ];
            }
            for slot in 0..plan.slots.len() {
                let record = self.rollouts[&id].slots[slot];
                self.count_slot(id, slot, &record, true);
            }
            self.touched.push(id);
        }
        self.look_at_all_coverage();
    }
}

/// The probes whose evidence of a host is of another host, or of another question, than from now on.
fn no_longer_so(before: &FleetSpec, after: &FleetSpec, host: HostId) -> BTreeSet<ProbeId> {
    let all = (0..before.probes.len()).map(ProbeId::at);
    let (was, is) = (&before.hosts[host.index()], &after.hosts[host.index()]);
    let moved = was.address != is.address
        || was.labels != is.labels
        || after.vanished.contains(&host)
        || before.connections[usize::from(was.connect)]
            != after.connections[usize::from(is.connect)];
    let kept_up = |fleet: &FleetSpec, cell: Option<ringway_model::CellId>| {
        let cell = &fleet.cells[cell?.index()];
        Some((cell.probe, cell.fresh))
    };
    if moved || kept_up(before, was.cell) != kept_up(after, is.cell) {
        return all.collect();
    }
    all.filter(|probe| before.probes[probe.index()].probe != after.probes[probe.index()].probe)
        .collect()
}

fn places(plan: &Plan) -> BTreeMap<HostId, usize> {
    let slots = plan.slots.iter().enumerate();
    slots.map(|(index, slot)| (slot.host, index)).collect()
}

/// By ring: its hosts.
fn members(plan: &Plan) -> BTreeMap<usize, BTreeSet<HostId>> {
    let mut members: BTreeMap<usize, BTreeSet<HostId>> = BTreeMap::new();
    for (index, slot) in plan.slots.iter().enumerate() {
        members
            .entry(ring_of(plan, index))
            .or_default()
            .insert(slot.host);
    }
    members
}

/// Everybody is where he was, and rings that have begun are what they were.
fn check_revision(
    id: RolloutId,
    before: &Plan,
    after: &Plan,
    begun: usize,
    changes_lane: bool,
) -> Result<(), Broken> {
    let there = places(after);
    ensure!(
        there.len() == after.slots.len(),
        I2,
        "a revision of the plan of {id} has a host twice"
    );
    ensure!(
        (&before.policy, &before.update, before.seed) == (&after.policy, &after.update, after.seed)
            && before.gates == after.gates,
        I15,
        "a revision of the plan of {id} is of another policy, update or seed"
    );
    for (index, slot) in before.slots.iter().enumerate() {
        let ring = ring_of(before, index);
        let Some(&now) = there.get(&slot.host) else {
            return Err((
                Invariant::I12,
                format!(
                    "host {} is forgotten by a revision of the plan of {id}",
                    slot.host.0
                ),
            ));
        };
        ensure!(
            ring_of(after, now) == ring && (ring >= begun || now == index),
            I1,
            "host {} is moved from ring {ring} by a revision of the plan of {id}",
            slot.host.0
        );
        let route = |plan: &Plan, slot: usize| plan.routes[plan.slots[slot].route.index()].clone();
        ensure!(
            route(before, index) == route(after, now),
            I15,
            "host {} is given another content by a revision of the plan of {id}",
            slot.host.0
        );
    }
    let (old, new) = (members(before), members(after));
    for ring in 0..begun {
        ensure!(
            old.get(&ring) == new.get(&ring),
            I1,
            "somebody joins ring {ring} of {id}, which has begun"
        );
        let (was, is) = (&before.rings[ring], &after.rings[ring]);
        ensure!(
            (was.halt_on, was.debt_allowed) == (is.halt_on, is.debt_allowed)
                && (changes_lane || was.soak == is.soak),
            Halts,
            "ring {ring} of {id} has begun and is judged by other numbers from now on"
        );
    }
    Ok(())
}
