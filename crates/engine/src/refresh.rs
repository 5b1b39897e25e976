//! A fleet that changes while rollouts run: hosts that join, vanish, come back, or are other ones than they were.
//!
//! This module decides what a fleet that was read anew means for every rollout in flight, and carries it out in a fold. It
//! computes no plan: who joins which ring is the scheduler's to say, and comes in as the next revision of a plan.
//!
//! # Invariants
//!
//! * A host, a probe, a slot of a ring that has begun: each keeps its number for as long as a rollout knows it by that.
//! * Nobody joins a ring that has begun; nobody changes the ring he is in.
//! * Nothing preparing or disruptive starts on a host that is gone (I4), and its outcome says so (I12).
//! * What was known of a host's health holds only for the host as it was asked (I7, I11).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ringway_model::{Actor, Digest, HostId, ProbeId, RolloutId, Slot, Timestamp};
use ringway_scheduler::plan::{Misfit, Revision, RingPlan, SlotPlan};
use ringway_scheduler::{FleetSpec, Plan};

use crate::command::{HoldKind, Rejected, Subject};
use crate::engine::{Engine, Fault, WatchChange};
use crate::event::{Event, Then};
use crate::fleet::{Fleet, NONE};
use crate::host::HostState;
use crate::rollout::{Rollout, RolloutState};
use crate::slot::{Class, SlotRec};

/// A rollout that is not over, for whoever computes the next revision of its plan.
#[derive(Clone, Debug)]
pub struct Open {
    /// Its id.
    pub rollout: RolloutId,
    /// Its plan.
    pub plan: Arc<Plan>,
    /// How many of its rings have begun.
    pub begun: usize,
    /// Whether it still visits hosts for the update, so that others may join.
    pub takes_in: bool,
}

impl Rollout {
    /// Whether it goes on visiting hosts for the update, or may.
    pub(crate) const fn takes_in(&self) -> bool {
        match self.rec.state {
            RolloutState::Proposed
            | RolloutState::Advancing(_)
            | RolloutState::Paused { .. }
            | RolloutState::Halted { .. } => true,
            RolloutState::RollingBack
            | RolloutState::Cancelling
            | RolloutState::Completed
            | RolloutState::RolledBack
            | RolloutState::Cancelled
            | RolloutState::Superseding { .. }
            | RolloutState::Superseded { .. } => false,
        }
    }
}

impl Engine {
    /// Every rollout that is not over, with its plan.
    pub fn open(&self) -> Vec<Open> {
        let open = self.rollouts.iter();
        let open = open.filter(|rollout| !rollout.rec.state.is_final());
        open.map(|rollout| Open {
            rollout: rollout.rec.id,
            plan: Arc::clone(&rollout.plan),
            begun: usize::from(rollout.rec.opened),
            takes_in: rollout.takes_in(),
        })
        .collect()
    }

    /// The digest of the fleet that rollouts run over; none before the first.
    pub const fn fleet_digest(&self) -> Option<Digest> {
        self.fleet_digest
    }

    /// Whether a host is no longer of the fleet.
    pub(crate) fn has_vanished(&self, host: HostId) -> bool {
        #[cfg(feature = "planted-bugs")]
        if self.bug(crate::planted::Bug::VanishedVisited) {
            return false;
        }
        self.fleet.spec.vanished.contains(&host)
    }

    /// Whether a host is to be left alone by a rollback, since it is no longer of the fleet.
    pub(crate) fn is_beyond_rollback(&self, host: HostId) -> bool {
        #[cfg(feature = "planted-bugs")]
        if self.bug(crate::planted::Bug::RollbackMissesGone) {
            return false;
        }
        self.has_vanished(host)
    }

    /// Whether the hosts of a rollout's plan have the numbers in the fleet that they have there.
    pub(crate) fn knows_hosts_of(&self, r: usize) -> bool {
        let digest = self.rollouts[r].plan.fleet;
        self.fleet_digest == Some(digest)
            || self
                .fleets
                .get(&digest)
                .is_some_and(|before| self.fleet.spec.keeps_numbers_of(before))
    }

    /// What follows for a host from the end of a step, or of a visit that is turned back, where it is no longer of the fleet.
    pub(crate) fn of_the_fleet(&self, r: usize, slot: u32, then: Then) -> Then {
        match then {
            Then::End { to, .. }
                if to != HostState::RolledBack && self.has_vanished(self.host_of(r, slot)) =>
            {
                Then::End {
                    to: HostState::Vanished,
                    until: Timestamp::NEVER,
                }
            }
            Then::End { .. }
            | Then::Step { .. }
            | Then::Retry { .. }
            | Then::Nothing
            | Then::Over => self.unless_excepted(r, slot, then),
        }
    }

    /// The fleet is another one from now on, and with it the plans of rollouts in flight.
    pub(crate) fn refresh(
        &mut self,
        actor: &Actor,
        fleet: Digest,
        plans: &[(RolloutId, Digest)],
        out: &mut Vec<Event>,
    ) -> Result<(), Rejected> {
        let revisions = self.check_refresh(fleet, plans)?;
        let before = Arc::clone(&self.fleet.spec);
        if self.fleet_digest != Some(fleet) {
            let actor = actor.clone();
            self.emit(Event::FleetRefreshed { fleet, actor }, out);
        }
        for (r, digest, plan) in revisions {
            let Some(revision) = plan.revises.clone() else {
                continue;
            };
            self.void_changed(r, &plan, out);
            let (rollout, plan) = (self.rollouts[r].rec.id, digest);
            let known = self.rollouts[r].plan.revises.clone();
            self.emit(Event::PlanRevised { rollout, plan }, out);
            self.lapse_lane(r, "the fleet has changed since it was asked for", out);
            let fit_again = known.iter().flat_map(|known| &known.misfits);
            let fit_again =
                fit_again.filter(|one| revision.misfits.iter().all(|it| it.host != one.host));
            self.release_fits(rollout, fit_again, actor, out);
            self.hold_misfits(r, &revision, (&before, actor), out);
        }
        for r in 0..self.rollouts.len() {
            if !self.rollouts[r].rec.state.is_final() {
                self.leave_and_return(r, out);
                self.settle_exceptions(r, None, out);
                // Where a rollout only waits to end, silence must not keep it from that.
                if !self.rollouts[r].takes_in() {
                    self.take_back(r, out);
                }
            }
        }
        Ok(())
    }

    /// Whether a fleet and revisions fit what is so now; they were computed on what was so when they were read.
    fn check_refresh(
        &self,
        fleet: Digest,
        plans: &[(RolloutId, Digest)],
    ) -> Result<Vec<(usize, Digest, Arc<Plan>)>, Rejected> {
        if self.fleet_digest.is_none() {
            return Err(Rejected::new(
                "not-found",
                "no rollout has begun, so there is no fleet to refresh",
                "`ringway run` takes the fleet as it is",
            ));
        }
        let unknown = || {
            Rejected::new(
                "not-found",
                "its documents are not registered",
                "bring them with it",
            )
        };
        let spec = self.fleets.get(&fleet).ok_or_else(unknown)?;
        let stale = |what: String| Rejected::new("stale-fleet", what, "refresh again");
        if !spec.keeps_numbers_of(&self.fleet.spec) || spec.name != self.fleet.spec.name {
            return Err(stale("the fleet has changed since it was read".to_owned()));
        }
        let mut seen = BTreeSet::new();
        let mut found = Vec::new();
        for (rollout, digest) in plans {
            let r = self.known(*rollout)?;
            let plan = self.plans.get(digest).ok_or_else(unknown)?;
            let fits = plan.fleet == fleet && self.fits(r, plan);
            if !seen.insert(*rollout) || !fits {
                return Err(stale(format!(
                    "rollout {rollout} has gone on since the fleet was read"
                )));
            }
            found.push((r, *digest, Arc::clone(plan)));
        }
        Ok(found)
    }

    /// Whether a plan can take the place of a rollout's.
    fn fits(&self, r: usize, plan: &Plan) -> bool {
        let rollout = &self.rollouts[r];
        #[cfg(feature = "planted-bugs")]
        if self.bug(crate::planted::Bug::RevisionUnchecked) {
            return rollout.takes_in();
        }
        let Rollout {
            rec, plan: before, ..
        } = rollout;
        let begun = usize::from(rec.opened);
        let slots = before.rings[..begun]
            .iter()
            .map(|ring| ring.slots().end)
            .max()
            .unwrap_or(0);
        let revises = plan.revises.as_ref().map(|revision| revision.of);
        rollout.takes_in()
            && revises == Some(rec.plan)
            && plan.rings.len() >= before.rings.len()
            && plan.rings[..begun] == before.rings[..begun]
            && plan.slots.get(..slots) == Some(&before.slots[..slots])
            && plan.gates == before.gates
            && plan.supersedes == before.supersedes
            && keeps_steps(plan, rollout)
            && rings_of(plan, before)
            && judges_alike(plan, before)
            && self.knows_all_of(plan)
            && self.budget_fits(plan, before)
    }

    /// Whether every host and probe that a plan names is of its fleet.
    pub(crate) fn knows_all_of(&self, plan: &Plan) -> bool {
        self.fleets.get(&plan.fleet).is_some_and(|fleet| {
            let mut slots = plan.slots.iter();
            let mut gates = plan.gates.iter();
            slots.all(|slot| slot.host.index() < fleet.hosts.len())
                && gates.all(|gate| gate.probe.index() < fleet.probes.len())
        })
    }

    /// Whether a revision's disruption budget grows with its hosts at the most. It is a share of those that are there, rounded.
    fn budget_fits(&self, plan: &Plan, before: &Plan) -> bool {
        let (Some(is), Some(was)) = (plan.budget_down, before.budget_down) else {
            return plan.budget_down == before.budget_down;
        };
        let there = |plan: &Plan| {
            let fleet = self.fleets.get(&plan.fleet);
            let is_there =
                |slot: &&SlotPlan| fleet.is_some_and(|fleet| !fleet.vanished.contains(&slot.host));
            plan.slots.iter().filter(is_there).count() as u64
        };
        is <= was || u64::from(is) * there(before) <= (u64::from(was) + 1) * there(plan)
    }

    /// A yes to a ring is a yes to who is in it.
    fn void_changed(&mut self, r: usize, plan: &Plan, out: &mut Vec<Event>) {
        #[cfg(feature = "planted-bugs")]
        if self.bug(crate::planted::Bug::RevisionKeepsApprovals) {
            return;
        }
        // Who joins is seen in the plan, whatever it says of that.
        let before = self.rollouts[r].plan.slots.iter();
        let known: BTreeSet<HostId> = before.map(|slot| slot.host).collect();
        let slots = plan.slots.iter().enumerate();
        let joined = slots.filter(|(_, slot)| !known.contains(&slot.host));
        let changed: BTreeSet<usize> = joined
            .map(|(at, _)| plan.ring_of(Slot::at(at)).index())
            .collect();
        let approvals = self.rollouts[r].rec.approvals.iter();
        let void: Vec<(Subject, Actor)> = approvals
            .filter(|approval| changed.contains(&approval.subject.next()))
            .map(|approval| (approval.subject, approval.actor.clone()))
            .collect();
        for (subject, actor) in void {
            let event = Event::ApprovalVoided {
                rollout: self.rollouts[r].rec.id,
                subject,
                actor,
                why: "hosts joined the ring that it lets be visited".to_owned(),
            };
            self.emit(event, out);
        }
    }

    /// Hosts whose labels changed so that the update has another release for them are not given the one that was planned
    /// until a person says so: they are held. Those that have it already are not touched any more.
    fn hold_misfits(
        &mut self,
        r: usize,
        revision: &Revision,
        (before, actor): (&FleetSpec, &Actor),
        out: &mut Vec<Event>,
    ) {
        #[cfg(feature = "planted-bugs")]
        if self.bug(crate::planted::Bug::MisfitUpdated) {
            return;
        }
        for misfit in &revision.misfits {
            let host = misfit.host;
            let is_new = before
                .hosts
                .get(host.index())
                .is_some_and(|spec| spec.labels != self.fleet.spec.hosts[host.index()].labels);
            let Some(slot) = self.slot_of(r, host).filter(|_| is_new) else {
                continue;
            };
            let record = self.rollouts[r].rec.slots[slot as usize];
            // One that was gone and is back waits from now on, too.
            let class = record.state.class();
            let waits = matches!(
                class,
                Class::Pending | Class::Debt | Class::Vanished | Class::Excepted
            );
            if !waits || record.is(SlotRec::CHANGED) {
                continue;
            }
            let reason = held_because(self.rollouts[r].rec.id, misfit);
            let event = Event::HostHeld {
                host,
                kind: HoldKind::Hold,
                actor: actor.clone(),
                reason,
                until: None,
            };
            self.emit(event, out);
            for other in 0..self.rollouts.len() {
                if let Some(slot) = self.slot_of(other, host) {
                    self.take_back_slot(other, slot, out);
                }
            }
        }
    }

    /// Hosts that were held for their labels, and that fit what was planned again. A hold that somebody has put in its place is
    /// that person's.
    fn release_fits<'m>(
        &mut self,
        rollout: RolloutId,
        fit: impl Iterator<Item = &'m Misfit>,
        actor: &Actor,
        out: &mut Vec<Event>,
    ) {
        for misfit in fit {
            let host = misfit.host;
            let because = held_because(rollout, misfit);
            if self
                .holds
                .hold(host)
                .is_some_and(|hold| hold.reason == because)
            {
                let reason = "its labels ask for the planned release again";
                self.release(host, HoldKind::Hold, Some(actor), reason, out);
            }
        }
    }

    /// What a host is that is back. Whom a person left out before stays left out: that it was gone is no word of anybody.
    fn returns_as(&self, r: usize, slot: u32) -> HostState {
        let is_left_out = self.rollouts[r].rec.skipped.contains_key(&slot);
        #[cfg(feature = "planted-bugs")]
        let is_left_out = is_left_out && !self.bug(crate::planted::Bug::ReturnForgetsSkip);
        if is_left_out {
            HostState::Skipped
        } else {
            HostState::Pending
        }
    }

    /// Hosts that are gone leave the rollout, those that are back return to it.
    pub(crate) fn leave_and_return(&mut self, r: usize, out: &mut Vec<Event>) {
        for slot in 0..self.rollouts[r].rec.slots.len() {
            let slot = u32::try_from(slot).unwrap_or(u32::MAX);
            let state = self.rollouts[r].rec.slots[slot as usize].state;
            let is_gone = self.has_vanished(self.host_of(r, slot));
            #[cfg(feature = "planted-bugs")]
            let (returns, leaves) = (
                !self.bug(crate::planted::Bug::ReturnForgotten),
                !(self.bug(crate::planted::Bug::VanishedCounts) && state.class() == Class::Done),
            );
            #[cfg(not(feature = "planted-bugs"))]
            let (returns, leaves) = (true, true);
            match state {
                HostState::Vanished if !is_gone && returns => {
                    let to = self.returns_as(r, slot);
                    self.move_host(r, slot, to, Timestamp::NEVER, out);
                }
                HostState::Ready { .. } | HostState::Backoff { .. } if is_gone => {
                    self.take_back_slot(r, slot, out);
                }
                HostState::Pending
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
                    if is_gone && leaves =>
                {
                    self.move_host(r, slot, HostState::Vanished, Timestamp::NEVER, out);
                }
                // A step that runs is ended by its result, one by hand by a word; what was taken back is so.
                HostState::Running { .. }
                | HostState::ByHand { .. }
                | HostState::Ready { .. }
                | HostState::Backoff { .. }
                | HostState::RolledBack
                | HostState::Vanished
                | HostState::Pending
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
                | HostState::ChangedOutside => {}
            }
        }
    }

    /// The fleet changes, and everything that is counted of it.
    pub(crate) fn fold_refreshed(&mut self, digest: Digest) -> Result<(), Fault> {
        let spec = self.fleets.get(&digest).cloned();
        let spec = spec.ok_or_else(|| Fault::new(format!("fleet {digest} is missing")))?;
        let before = Arc::clone(&self.fleet.spec);
        if !spec.keeps_numbers_of(&before) {
            return Err(Fault::new(format!("fleet {digest} has other numbers")));
        }
        let mut evidence = self.fleet.evidence.clone();
        let mut forgotten = BTreeSet::new();
        for (index, bits) in evidence.iter_mut().enumerate() {
            let kept = *bits & self.still_so(&before, &spec, HostId::at(index));
            if kept != *bits {
                forgotten.insert(HostId::at(index));
            }
            *bits = kept;
        }
        evidence.resize(spec.hosts.len(), 0);
        self.fleet = Fleet::new(Arc::clone(&spec));
        self.fleet.evidence = evidence;
        self.fleet_digest = Some(digest);
        self.exceptions.resolve(&self.fleet.spec);
        self.advisories.resolve(&self.fleet.spec);
        self.place_protections();
        self.rebuild_counts();
        for &host in &forgotten {
            for r in 0..self.rollouts.len() {
                let Some(slot) = self.slot_of(r, host) else {
                    continue;
                };
                self.forget_downs(r, slot);
                // It is to be observed anew.
                let Rollout { rec, plan, .. } = &mut self.rollouts[r];
                let record = &mut rec.slots[slot as usize];
                let observed = record.state.class().is_observed();
                if observed && !plan.gates.is_empty() {
                    record.until = Timestamp::NEVER;
                }
                self.weigh(r, slot);
            }
        }
        self.watch_refreshed(&before);
        Ok(())
    }

    /// Which bits of a host's evidence hold for it as it is now: it is reached and asked as before.
    #[cfg_attr(
        not(feature = "planted-bugs"),
        expect(clippy::unused_self, reason = "a planted mistake needs it")
    )]
    fn still_so(&self, before: &FleetSpec, after: &FleetSpec, host: HostId) -> u32 {
        #[cfg(feature = "planted-bugs")]
        if self.bug(crate::planted::Bug::RefreshKeepsEvidence) {
            return u32::MAX;
        }
        let (was, is) = (&before.hosts[host.index()], &after.hosts[host.index()]);
        let way =
            |fleet: &FleetSpec, connect: u16| fleet.connections.get(usize::from(connect)).cloned();
        let freshest = |fleet: &FleetSpec, cell: Option<ringway_model::CellId>| {
            cell.map(|cell| {
                let cell = &fleet.cells[cell.index()];
                (cell.probe, cell.fresh)
            })
        };
        let same = was.address == is.address
            && was.labels == is.labels
            && way(before, was.connect) == way(after, is.connect)
            && freshest(before, was.cell) == freshest(after, is.cell)
            && !after.vanished.contains(&host);
        if !same {
            return 0;
        }
        let probes = before.probes.iter().zip(&after.probes).enumerate();
        let probes = probes.filter(|(_, (was, is))| was.probe == is.probe);
        probes.fold(0, |bits, (index, _)| bits | 3 << (index * 2))
    }

    /// Asks for what is to be known of the fleet as it is now, and no more for what is gone.
    fn watch_refreshed(&mut self, before: &FleetSpec) {
        if !self.live {
            return;
        }
        let after = Arc::clone(&self.fleet.spec);
        for &host in after.vanished.difference(&before.vanished) {
            for probe in 0..before.probes.len() {
                let probe = ProbeId::at(probe);
                self.watch.push(WatchChange::Unwatch { host, probe });
            }
            self.unwatch_boot(host);
        }
        for r in 0..self.rollouts.len() {
            if !self.rollouts[r].rec.state.is_final() {
                self.watch_unknown(r);
            }
        }
    }

    /// A rollout goes on by the next revision of its plan: every slot's record goes where its host is.
    pub(crate) fn fold_revised(&mut self, r: usize, digest: Digest) -> Result<(), Fault> {
        let plan = self.plans.get(&digest).cloned();
        let plan = plan.ok_or_else(|| Fault::new(format!("plan {digest} is missing")))?;
        let mut place = vec![NONE; self.fleet.spec.hosts.len()];
        for (slot, planned) in (0_u32..).zip(&plan.slots) {
            let known = place.get_mut(planned.host.index());
            *known.ok_or_else(|| Fault::new(format!("plan {digest} has an unknown host")))? = slot;
        }
        let rollout = &mut self.rollouts[r];
        let moves = rollout.plan.slots.iter().zip(&rollout.rec.slots);
        let moves = moves.zip(0_u32..).map(|((planned, record), slot)| {
            let to = place.get(planned.host.index()).copied().unwrap_or(NONE);
            // Steps are known by the slot they were issued for.
            if to == NONE || to != slot && record.serial != 0 {
                return Err(Fault::new(format!("plan {digest} misplaces slot {slot}")));
            }
            Ok(to)
        });
        let moves: Vec<u32> = moves.collect::<Result<_, _>>()?;
        let changes_lane = self.changes_lane(r, &plan);
        let runs = changes_lane && self.leave_for_lane(r, &plan);
        let rollout = &mut self.rollouts[r];
        if let Some(calendar) = rollout.rec.calendar.as_mut().filter(|_| !changes_lane) {
            calendar.make_room(&rollout.plan, &plan, self.now);
        }
        rollout.revise(digest, plan, &moves);
        if changes_lane {
            self.go_on_in_lane(r, runs);
        }
        self.mark_poisoned_in(r);
        self.mark_advised_in(r);
        self.rebuild_counts();
        self.times_changed(r);
        Ok(())
    }
}

/// Why a host is held whose labels ask for another release than the planned one.
fn held_because(rollout: RolloutId, misfit: &Misfit) -> String {
    let (planned, now) = (&misfit.planned, misfit.now.as_deref().unwrap_or("none"));
    format!(
        "its labels changed: {rollout} planned it with release `{planned}`, and they ask for `{now}` now; \
         `skip` it, or `release` it to the planned one"
    )
}

impl Rollout {
    /// Takes the next revision of its plan. `moves` gives by slot where its record goes.
    fn revise(&mut self, digest: Digest, plan: Arc<Plan>, moves: &[u32]) {
        let rec = &mut self.rec;
        let to = |slot: u32| moves[slot as usize];
        let mut slots = vec![SlotRec::NEW; plan.slots.len()];
        for (record, &to) in rec.slots.iter().zip(moves) {
            slots[to as usize] = *record;
        }
        if !rec.changed.is_empty() {
            let mut changed = vec![0; slots.len()];
            for (order, &to) in rec.changed.iter().zip(moves) {
                changed[to as usize] = *order;
            }
            rec.changed = changed;
        }
        rec.slots = slots;
        rec.forgiven.resize(plan.rings.len(), 0);
        rec.accepted = rec.accepted.iter().map(|&slot| to(slot)).collect();
        rec.again = rec.again.iter().map(|&slot| to(slot)).collect();
        let skipped = std::mem::take(&mut rec.skipped).into_iter();
        rec.skipped = skipped.map(|(slot, said)| (to(slot), said)).collect();
        let outside = std::mem::take(&mut rec.outside).into_iter();
        rec.outside = outside.map(|(slot, found)| (to(slot), found)).collect();
        let downs = std::mem::take(&mut rec.downs).into_iter();
        rec.downs = downs
            .map(|((slot, gate), since)| ((to(slot), gate), since))
            .collect();
        rec.coverage.moved(to);
        for yes in &mut rec.approvals {
            let given = yes.given.iter_mut();
            let left_out = given.flat_map(|given| given.shown.left_out.iter_mut());
            for slot in left_out.chain(&mut yes.conditions.failed) {
                slot.0 = to(slot.0);
            }
        }
        for slot in rec.last_yes.iter_mut().flat_map(|last| &mut last.failed) {
            slot.0 = to(slot.0);
        }
        rec.plan = digest;
        self.plan = plan;
    }
}

/// Whether every host for which a step was issued, be it an errand, keeps its slot: steps are known by that.
fn keeps_steps(plan: &Plan, rollout: &Rollout) -> bool {
    let before = rollout.plan.slots.iter().zip(&rollout.rec.slots);
    let mut known = before.zip(&plan.slots);
    known.all(|((planned, record), slot)| record.serial == 0 || planned.host == slot.host)
        && plan.slots.len() >= rollout.rec.slots.len()
}

/// Whether every host of the plan before is in the same ring with the same route, and none is there twice.
fn rings_of(plan: &Plan, before: &Plan) -> bool {
    let mut places = BTreeMap::new();
    for (index, slot) in plan.slots.iter().enumerate() {
        let place = (plan.ring_of(Slot::at(index)), slot.route);
        if places.insert(slot.host, place).is_some() {
            return false;
        }
    }
    let routes = plan.routes.get(..before.routes.len());
    routes == Some(&before.routes[..])
        && before.slots.iter().enumerate().all(|(index, slot)| {
            let place = (before.ring_of(Slot::at(index)), slot.route);
            places.get(&slot.host) == Some(&place)
        })
}

/// Whether a revision asks of people, and judges, as the plan before it: what people were asked to approve is no other one
/// because hosts joined. Rings to come may have other hosts, and thresholds that follow from how many those are; the ring
/// of those that come too late is like the last one.
fn judges_alike(plan: &Plan, before: &Plan) -> bool {
    let like = |ring: &RingPlan, model: &RingPlan| {
        ring.soak == model.soak && ring.after_soak == model.after_soak
    };
    let rings = plan.rings.iter().zip(&before.rings);
    let mut kept = rings.map(|(ring, was)| ring.name == was.name && like(ring, was));
    let added = plan.rings.get(before.rings.len()..).unwrap_or_default();
    let last = before.rings.last();
    kept.all(|kept| kept)
        && added.len() <= 1
        && added
            .iter()
            .all(|ring| last.is_some_and(|last| like(ring, last)))
        && plan.policy == before.policy
        && plan.update == before.update
        && plan.seed == before.seed
        && plan.start == before.start
        && plan.author == before.author
        && plan.pace == before.pace
        && plan.retry == before.retry
        && plan.offline_retry == before.offline_retry
        && plan.already_unhealthy == before.already_unhealthy
        && plan.on_halt == before.on_halt
        && plan.notify == before.notify
        && evidence_alike(plan, before)
        && plan.unpoison == before.unpoison
        && terms_alike(plan, before)
}

/// The same for what must be known of kinds of hosts: hosts that join may be of further kinds.
fn evidence_alike(plan: &Plan, before: &Plan) -> bool {
    match (&plan.evidence, &before.evidence) {
        (None, None) => true,
        (Some(now), Some(was)) => {
            now.by == was.by
                && now.hosts == was.hosts
                && now.healthy == was.healthy
                && now.where_missing == was.where_missing
                && now.strata.names.starts_with(&was.strata.names)
        }
        (Some(_), None) | (None, Some(_)) => false,
    }
}

/// The same for what is kept by ring: a ring that is added has what the last one has.
fn terms_alike(plan: &Plan, before: &Plan) -> bool {
    fn extends<T: PartialEq>(now: &[T], was: &[T]) -> bool {
        let added = now.get(was.len()..);
        now.get(..was.len()) == Some(was)
            && added.is_some_and(|added| added.iter().all(|one| Some(one) == was.last()))
    }
    let (terms, were) = (&plan.terms, &before.terms);
    let (consent, was) = (&plan.consent, &before.consent);
    extends(&terms.working, &were.working)
        && extends(&terms.after_soak, &were.after_soak)
        && extends(&terms.early, &were.early)
        && terms.hours == were.hours
        && terms.start == were.start
        && terms.freeze_override == were.freeze_override
        && terms.binding == were.binding
        && terms.external == were.external
        && terms.due == were.due
        && extends(&consent.rings, &was.rings)
        && consent.users == was.users
        && consent.contacts == was.contacts
        && consent.start == was.start
}
