//! Whether a visit may start, whether its next step may, and in which order they do.
//!
//! One function says why a host is not visited; the decider and the answer to "why is it not moving?" both ask it.

use ringway_model::{
    Evidence, HostId, IntentId, RolloutId, Slot, StepKind, Timestamp, VisitKind, WaitingOn,
};
use ringway_scheduler::plan::StepPlan;

use crate::engine::{Engine, FleetHold};
use crate::event::Event;
use crate::exception::rests;
use crate::host::HostState;
use crate::rollout::{Rollout, RolloutState, Stage};
use crate::slot::{Class, SlotRec};

/// What keeps a visit from starting, and where its host waits meanwhile.
#[derive(Clone, Debug)]
pub(crate) enum Block {
    /// Nothing of the rollout may start.
    All(WaitingOn),
    /// The host's group may not.
    Group(WaitingOn),
    /// The host's availability group may not.
    Cell(WaitingOn),
    /// The disruption budget of the rollout with this index may not; it is another rollout's than the host's visit.
    Budget(usize, WaitingOn),
    /// The host itself may not.
    Host(WaitingOn),
    /// The host is unhealthy already and is left alone.
    Hold(WaitingOn),
    /// Somebody said that the host is not to be touched, and nothing has been done to it.
    OnHold(WaitingOn),
    /// An exception or an advisory leaves the host out.
    Excepted(WaitingOn),
    /// Work may not run on the host now, or its group is not ready for it.
    Time(WaitingOn),
    /// Too little is known of the host's stratum.
    Stratum(u16, WaitingOn),
    /// The host goes last of its group.
    Last(WaitingOn),
    /// A step of it runs on a peer, and there is none.
    Peer(WaitingOn),
}

impl Block {
    pub(crate) fn waiting(self) -> WaitingOn {
        match self {
            Self::All(on)
            | Self::Group(on)
            | Self::Cell(on)
            | Self::Budget(_, on)
            | Self::Stratum(_, on)
            | Self::Host(on)
            | Self::Hold(on)
            | Self::OnHold(on)
            | Self::Excepted(on)
            | Self::Time(on)
            | Self::Last(on)
            | Self::Peer(on) => on,
        }
    }
}

impl Engine {
    /// The visit a host wants now, if any.
    pub(crate) fn wanted_visit(&self, r: usize, slot: u32) -> Option<VisitKind> {
        let rollout = &self.rollouts[r];
        match (
            &rollout.rec.state,
            rollout.rec.slots[slot as usize].state.class(),
        ) {
            (RolloutState::RollingBack, _) => {
                self.can_roll_back(r, slot).then_some(VisitKind::Rollback)
            }
            (_, Class::Pending) => Some(VisitKind::Update),
            (_, Class::Withheld) => Some(VisitKind::Restart),
            _ => None,
        }
    }

    /// Whether a visit may start now: the same locks, budgets and conditions for the decider and for `why`.
    #[expect(
        clippy::result_large_err,
        reason = "the reason to wait is the answer, and most of them are small"
    )]
    #[expect(clippy::too_many_lines, reason = "it is read as one list")]
    pub(crate) fn may_start(&self, r: usize, slot: u32, visit: VisitKind) -> Result<(), Block> {
        if self.is_held_for(r, visit) {
            return Err(Block::All(self.hold_reason(r)));
        }
        let opened = usize::from(self.rollouts[r].rec.opened);
        #[cfg(feature = "planted-bugs")]
        let opened = opened + usize::from(self.bug(crate::planted::Bug::RingsOverlap));
        if visit != VisitKind::Rollback && self.rollouts[r].ring_of(slot) >= opened {
            return Err(Block::All(self.earlier_ring(r)));
        }
        if let Some(on) = self.gate_keeps(r, visit) {
            return Err(Block::All(on));
        }
        if let Some(on) = self.poison_keeps(r, slot, visit) {
            return Err(Block::Host(on));
        }
        if let Some(on) = self.advisory_keeps(r, slot, visit) {
            let state = self.rollouts[r].rec.slots[slot as usize].state;
            return Err(if visit == VisitKind::Update && rests(state) {
                Block::Excepted(on)
            } else {
                Block::Host(on)
            });
        }
        if let Some(rollout) = self.withheld_elsewhere(r, slot, visit) {
            return Err(Block::Host(WaitingOn::Withheld { rollout }));
        }
        let host = self.host_of(r, slot);
        if visit == VisitKind::Update
            && let Some(block) = self.kept_by_exception(r, slot)
        {
            return Err(block);
        }
        if let Some(on) = self.host_hold(host) {
            let state = self.rollouts[r].rec.slots[slot as usize].state;
            let rests = matches!(
                state,
                HostState::Pending | HostState::NotReady { .. } | HostState::GoesLast { .. }
            );
            return Err(if rests && visit == VisitKind::Update {
                Block::OnHold(on)
            } else {
                Block::Host(on)
            });
        }
        if let Some(block) = self.kept_by_coverage(r, slot, visit) {
            return Err(block);
        }
        if let Some(block) = self
            .postponed(r, slot)
            .filter(|_| visit != VisitKind::Rollback)
        {
            return Err(block);
        }
        let first = self.first_counted(r, slot, visit);
        if let Some(on) = self.out_of_time(r, slot, visit, first) {
            return Err(Block::Time(on));
        }
        self.within_pace(r, visit)?;
        // A host that is down already needs no further slot to be repaired.
        let repair = self.fleet.uses[host.index()].used > 0;
        if !repair {
            self.within_budget(r, host)?;
        }
        if self.is_busy_elsewhere(r, host) && !self.ignores_busy() {
            return Err(Block::Host(WaitingOn::Busy {
                rollout: RolloutId(self.fleet.uses[host.index()].busy),
            }));
        }
        if let Some(on) = self.errand_on(host) {
            return Err(Block::Host(on));
        }
        if visit != VisitKind::Rollback
            && let Some(other) = self.goes_back_in(r, host)
        {
            return Err(Block::Host(WaitingOn::Busy { rollout: other }));
        }
        if visit == VisitKind::Update {
            self.baseline(r, slot)?;
        }
        let waits = visit != VisitKind::Rollback;
        #[cfg(feature = "planted-bugs")]
        let waits = waits
            && (visit != VisitKind::Restart
                || !self.bug(crate::planted::Bug::RestartBeforeDependencies));
        if waits {
            self.after_dependencies(r, slot)?;
        }
        if !repair {
            self.peers_stay_up(host).map_err(Block::Cell)?;
        }
        self.without_peer(r, slot, visit)
            .map_or(Ok(()), |on| Err(Block::Peer(on)))
    }

    #[cfg_attr(
        not(feature = "planted-bugs"),
        expect(clippy::unused_self, reason = "only a planted mistake asks")
    )]
    const fn ignores_busy(&self) -> bool {
        #[cfg(feature = "planted-bugs")]
        if matches!(self.planted, Some(crate::planted::Bug::BusyIgnored)) {
            return true;
        }
        false
    }

    /// Another rollout that is to take the host back to what it had. What is installed meanwhile would be overwritten by
    /// that, and counted on by nobody the wiser.
    fn goes_back_in(&self, r: usize, host: HostId) -> Option<RolloutId> {
        (0..self.rollouts.len())
            .filter(|&other| other != r && self.is_rolling_back(other))
            .find(|&other| {
                self.slot_of(other, host)
                    .is_some_and(|slot| self.can_roll_back(other, slot))
            })
            .map(|other| self.rollouts[other].rec.id)
    }

    /// Why everything in a rollout stands still.
    pub(crate) fn hold_reason(&self, r: usize) -> WaitingOn {
        match &self.hold {
            FleetHold::Stopped { by, reason } => {
                return WaitingOn::Stop {
                    by: by.clone(),
                    reason: reason.clone(),
                };
            }
            FleetHold::Faulted { what } => return WaitingOn::Fault { what: what.clone() },
            FleetHold::Free => {}
        }
        match &self.rollouts[r].rec.state {
            RolloutState::Paused { by, reason, .. } => WaitingOn::Pause {
                by: by.clone(),
                reason: reason.clone(),
            },
            RolloutState::Halted { cause, .. } => WaitingOn::Halt {
                cause: self.cause_words(r, cause),
            },
            RolloutState::Proposed => self
                .approval_wanted(r)
                .map_or(WaitingOn::Worker, |(on, _)| on),
            &RolloutState::Superseding { by } | &RolloutState::Superseded { by } => {
                WaitingOn::Superseded { by }
            }
            RolloutState::Advancing(_)
            | RolloutState::RollingBack
            | RolloutState::Cancelling
            | RolloutState::Completed
            | RolloutState::RolledBack
            | RolloutState::Cancelled => {
                let idx = &self.rollouts[r].idx;
                WaitingOn::Visits {
                    pending: 0,
                    in_flight: idx.visiting + idx.settling,
                }
            }
        }
    }

    fn earlier_ring(&self, r: usize) -> WaitingOn {
        let at = usize::from(self.rollouts[r].rec.opened.saturating_sub(1));
        WaitingOn::EarlierRing {
            ring: self.rollouts[r].plan.rings[at].name.clone(),
        }
    }

    #[expect(
        clippy::result_large_err,
        reason = "the reason to wait is the answer, and most of them are small"
    )]
    fn within_pace(&self, r: usize, visit: VisitKind) -> Result<(), Block> {
        #[cfg(feature = "planted-bugs")]
        if self.bug(crate::planted::Bug::PaceIgnored) {
            return Ok(());
        }
        let rollout = &self.rollouts[r];
        let (in_flight, limit, frozen) = if visit == VisitKind::Rollback {
            (rollout.idx.visiting, rollout.plan.pace.at_once.get(), false)
        } else {
            (
                rollout.idx.visiting + rollout.idx.settling,
                rollout.rec.ramp.limit,
                rollout.ramp_is_frozen(),
            )
        };
        if in_flight < limit {
            Ok(())
        } else {
            Err(Block::All(WaitingOn::Ramp {
                in_flight,
                limit,
                frozen,
            }))
        }
    }

    /// Whether every budget that counts the host has a slot for it: its rollout's own, and those of the other rollouts
    /// under way that it is a target of. Where its own is full nothing of the rollout can start; another's keeps only the
    /// hosts that it counts.
    #[expect(
        clippy::result_large_err,
        reason = "the reason to wait is the answer, and most of them are small"
    )]
    fn within_budget(&self, r: usize, host: HostId) -> Result<(), Block> {
        let full = self
            .budgets(r, host)
            .filter(|(_, used, limit)| used >= limit);
        // The own one first, whatever its number.
        let Some((whose, used, limit)) = full.min_by_key(|(whose, ..)| (*whose != r, *whose))
        else {
            return Ok(());
        };
        let on = WaitingOn::Budget { used, limit };
        Err(if whose == r {
            Block::All(on)
        } else {
            Block::Budget(whose, on)
        })
    }

    /// The disruption budgets that count a host: whose they are, how many of their slots are taken, how many there are.
    fn budgets(&self, r: usize, host: HostId) -> impl Iterator<Item = (usize, u32, u32)> {
        (0..self.rollouts.len()).filter_map(move |other| {
            let rollout = &self.rollouts[other];
            let counts =
                other == r || rollout.rec.opened > 0 && self.slot_of(other, host).is_some();
            #[cfg(feature = "planted-bugs")]
            let counts =
                counts && (other == r || !self.bug(crate::planted::Bug::OtherBudgetsIgnored));
            let limit = rollout.plan.budget_down.filter(|_| counts)?;
            #[cfg(feature = "planted-bugs")]
            let limit = limit + u32::from(self.bug(crate::planted::Bug::BudgetOffByOne));
            Some((other, rollout.idx.used, limit))
        })
    }

    /// A host that was unhealthy before the update is not blamed on it, and not touched unless the policy says so.
    #[expect(
        clippy::result_large_err,
        reason = "the reason to wait is the answer, and most of them are small"
    )]
    fn baseline(&self, r: usize, slot: u32) -> Result<(), Block> {
        #[cfg(feature = "planted-bugs")]
        if self.bug(crate::planted::Bug::BaselineIgnored) {
            return Ok(());
        }
        // A host that an attempt has changed already may be unwell because of it, and so may one that failed: that is
        // nothing from before.
        let record = self.rollouts[r].rec.slots[slot as usize];
        let tried = record.is(SlotRec::CHANGED) || record.state == HostState::Again;
        // So may one that a rollout has changed which this one supersedes: it is just who the fix is for.
        if tried || self.is_of_a_part(r, slot) || !self.minds_baseline(r) {
            return Ok(());
        }
        let name = |gate: usize| self.rollouts[r].plan.gates[gate].name.clone();
        if let Some(gate) = self.gate_that_is(r, slot, Evidence::Down) {
            return Err(Block::Hold(WaitingOn::UnhealthyBefore { gate: name(gate) }));
        }
        match self.gate_that_is_not(r, slot, Evidence::Up) {
            Some(gate) => Err(Block::Host(WaitingOn::Baseline { gate: name(gate) })),
            None => Ok(()),
        }
    }

    #[expect(
        clippy::result_large_err,
        reason = "the reason to wait is the answer, and most of them are small"
    )]
    fn after_dependencies(&self, r: usize, slot: u32) -> Result<(), Block> {
        let group = self.fleet.group[self.host_of(r, slot).index()];
        if group == u16::MAX {
            return Ok(());
        }
        let ring = self.rollouts[r].ring_of(slot);
        let Some((before, ring)) = self.open_dependency(r, ring, usize::from(group)) else {
            return Ok(());
        };
        let count = self.rollouts[r].idx.groups[ring * self.fleet.spec.groups.len() + before];
        Err(Block::Group(WaitingOn::Dependency {
            group: self.fleet.spec.groups[before].name.clone(),
            open: count.planned - count.done,
            failed: count.failed,
        }))
    }

    /// Whether taking this member leaves those up that must stay up, on fresh positive evidence (I7).
    #[expect(
        clippy::result_large_err,
        reason = "the reason to wait is the answer, and most of them are small"
    )]
    pub(crate) fn peers_stay_up(&self, host: HostId) -> Result<(), WaitingOn> {
        let Some(cell_id) = self.fleet.cell_of(host) else {
            return Ok(());
        };
        let cell = &self.fleet.spec.cells[cell_id.index()];
        let group = cell.name.clone();
        if cell.is_impossible() {
            return Err(WaitingOn::Impossible { group });
        }
        let itself = u32::from(self.fleet.is_able(host));
        let able = self.fleet.able[cell_id.index()] - itself;
        let members = u32::try_from(cell.members.len()).unwrap_or(u32::MAX);
        #[cfg(feature = "planted-bugs")]
        let able = if self.bug(crate::planted::Bug::UnknownCountsAsUp) {
            let others = cell.members.iter().filter(|&&member| {
                member != host
                    && self.fleet.uses[member.index()].claims == 0
                    && self.fleet.evidence(member, cell.probe) != Evidence::Down
            });
            u32::try_from(others.count()).unwrap_or(0)
        } else {
            able
        };
        let used = members - 1 - able;
        let accepted = cell.accepts_outage();
        #[cfg(feature = "planted-bugs")]
        let accepted = accepted
            || cell.accept_outage.is_some()
                && self.bug(crate::planted::Bug::OutageAcceptedEverywhere);
        if !accepted && able < cell.must_stay_up {
            return Err(WaitingOn::PeerEvidence {
                group,
                need: cell.must_stay_up,
                have: able,
            });
        }
        if used + 1 > cell.down_at_most {
            return Err(WaitingOn::Peers {
                group,
                used,
                limit: cell.down_at_most,
            });
        }
        Ok(())
    }

    /// Starts as many visits as pace, budgets, peers and workers allow.
    pub(crate) fn start_visits(&mut self, r: usize, free: &mut u32, out: &mut Vec<Event>) {
        while *free > 0 {
            let Some((slot, again)) = self.next_candidate(r) else {
                return;
            };
            self.looks += 1;
            let Some(visit) = self.wanted_visit(r, slot) else {
                // It may have been woken for a slot of a budget or of its availability group that it does not want any more.
                let host = self.host_of(r, slot);
                self.wake_cell(host);
                self.wake_budgets_of(host);
                continue;
            };
            match self.may_start(r, slot, visit) {
                Ok(()) => {
                    let first = self.heeded(r, slot, visit, 0);
                    *free -= self.issue(r, slot, visit, (first, 1), out);
                }
                Err(Block::All(_)) => {
                    self.put_back(r, slot, again);
                    return;
                }
                Err(block) => self.park(r, slot, &block, out),
            }
        }
    }

    /// The next host to look at, and whether it was queued (not met in the plan's order).
    fn next_candidate(&mut self, r: usize) -> Option<(u32, bool)> {
        #[cfg(feature = "planted-bugs")]
        let overlaps = self.bug(crate::planted::Bug::RingsOverlap);
        let rollout = &mut self.rollouts[r];
        if let Some(slot) = rollout.idx.again.pop_front() {
            return Some((slot, true));
        }
        let Some(Stage::Visiting { ring }) = rollout.rec.state.stage() else {
            return None;
        };
        let end = rollout.plan.rings[ring.index()].slots().end;
        #[cfg(feature = "planted-bugs")]
        let end = if overlaps {
            rollout.plan.slots.len()
        } else {
            end
        };
        let slot = rollout.idx.cursor;
        ((slot as usize) < end).then(|| {
            rollout.idx.cursor += 1;
            (slot, false)
        })
    }

    fn put_back(&mut self, r: usize, slot: u32, again: bool) {
        let idx = &mut self.rollouts[r].idx;
        if again {
            idx.again.push_front(slot);
        } else {
            idx.cursor -= 1;
        }
    }

    fn park(&mut self, r: usize, slot: u32, block: &Block, out: &mut Vec<Event>) {
        let host = self.host_of(r, slot);
        let ring = u16::try_from(self.rollouts[r].ring_of(slot)).unwrap_or(u16::MAX);
        match block {
            Block::Cell(_) => {
                let cell = self.fleet.cell[host.index()];
                self.rollouts[r]
                    .idx
                    .parked_cells
                    .entry(cell)
                    .or_default()
                    .push_back(slot);
                self.wake_budgets_of(host);
                return;
            }
            Block::Budget(whose, _) => {
                let parked = &mut self.rollouts[r].idx.parked_budgets;
                parked.entry(*whose).or_default().insert(slot);
            }
            Block::Group(_) => {
                let group = self.fleet.group[host.index()];
                self.rollouts[r]
                    .idx
                    .parked_groups
                    .entry((ring, group))
                    .or_default()
                    .push(slot);
            }
            Block::Host(_) => {
                self.rollouts[r].idx.parked_hosts.insert(slot);
            }
            Block::Hold(_) => self.move_host(r, slot, HostState::Held, Timestamp::NEVER, out),
            Block::Time(on) => {
                let opens = on.earliest().unwrap_or(Timestamp::NEVER);
                let parked = &mut self.rollouts[r].idx.parked_times;
                parked.entry(opens).or_default().push(slot);
            }
            Block::Stratum(stratum, _) => {
                let parked = &mut self.rollouts[r].idx.parked_strata;
                parked.entry(*stratum).or_default().insert(slot);
            }
            Block::OnHold(_) => self.move_host(r, slot, HostState::OnHold, Timestamp::NEVER, out),
            Block::Excepted(_) => {
                self.move_host(r, slot, HostState::Excepted, Timestamp::NEVER, out);
            }
            Block::Last(_) => {
                let kin = self.kin_of(host);
                let Rollout { rec, idx, .. } = &mut self.rollouts[r];
                let again = rec.slots[slot as usize].until;
                idx.parked_last
                    .entry(kin)
                    .or_default()
                    .insert((again, slot));
            }
            Block::Peer(_) if self.goes_back_alone(r, slot) => self.give_up(r, slot, out),
            Block::Peer(_) => {
                let cell = self.fleet.cell[host.index()];
                let parked = &mut self.rollouts[r].idx.parked_peers;
                parked.entry(cell).or_default().insert(slot);
            }
            Block::All(_) => {}
        }
        // It may have been woken for a slot of its availability group or of a budget; the next one there gets the chance.
        self.wake_cell(host);
        self.wake_budgets_of(host);
    }

    /// Issues the next steps of visits in flight; those that bring a host back into service first.
    pub(crate) fn issue_next_steps(&mut self, r: usize, free: &mut u32, out: &mut Vec<Event>) {
        let mut waiting = Vec::new();
        while let Some(slot) = self.rollouts[r].idx.runnable.pop_front() {
            let HostState::Ready {
                visit,
                position,
                attempt,
                ending,
            } = self.rollouts[r].rec.slots[slot as usize].state
            else {
                continue;
            };
            if !self.may_run(r, slot, visit, position) {
                self.turn_back_now(r, slot, visit, position, ending, out);
                continue;
            }
            // What a person does needs no worker.
            let by_hand = self.rollouts[r]
                .step(slot, visit, position)
                .is_some_and(StepPlan::is_by_hand);
            if *free == 0 && !by_hand {
                waiting.push(slot);
                break;
            }
            match self.peers_allow(r, slot, visit, position) {
                Ok(()) if self.lacks_peer(r, slot, visit, position) => {
                    if self.wait_for_peer(r, slot, out) {
                        waiting.push(slot);
                    }
                }
                Ok(()) => *free -= self.issue(r, slot, visit, (position, attempt), out),
                // A visit that may not go on does not keep its host out of service. A rollback is left half done only where
                // its rollout was given up: the peer it waits for may be lost for good.
                Err(_)
                    if visit == VisitKind::Rollback && !self.is_given_up(r)
                        || self.may_be_fresh_soon(r, slot) =>
                {
                    waiting.push(slot);
                }
                Err(_) => self.turn_back_now(r, slot, visit, position, ending, out),
            }
        }
        for slot in waiting.into_iter().rev() {
            self.rollouts[r].idx.runnable.push_front(slot);
        }
    }

    /// Whether the budget and the peers of a host in mid-visit still allow its next step.
    #[expect(
        clippy::result_large_err,
        reason = "the reason to wait is the answer, and most of them are small"
    )]
    pub(crate) fn peers_allow(
        &self,
        r: usize,
        slot: u32,
        visit: VisitKind,
        position: u8,
    ) -> Result<(), WaitingOn> {
        let takes_down = self.rollouts[r]
            .step(slot, visit, position)
            .is_some_and(|step| step.kind.takes_down());
        #[cfg(feature = "planted-bugs")]
        let takes_down = takes_down && !self.bug(crate::planted::Bug::PeersAskedOnce);
        let record = self.rollouts[r].rec.slots[slot as usize];
        let host = self.host_of(r, slot);
        // A host that another rollout had counted down is no repair any more once that rollout is over; one that is down in
        // this one, and visited again, stays one.
        let repair = record.is(SlotRec::REPAIR)
            && (visit == VisitKind::Rollback
                || self.fleet.uses[host.index()].used > 1
                || self.is_failed_again(r, slot));
        if !takes_down || repair {
            return Ok(());
        }
        // A visit has its slot from its start on, but hosts also fail on their own: while the budget is overdrawn, a host
        // that is still in service stays there.
        if !record.is(SlotRec::DRAINED | SlotRec::APPLYING)
            && let Some((_, used, limit)) =
                self.budgets(r, host).find(|(_, used, limit)| used > limit)
        {
            return Err(WaitingOn::Budget { used, limit });
        }
        self.peers_stay_up(host)
    }

    /// Whether a person has cancelled the rollout, or put another one in its place.
    fn is_given_up(&self, r: usize) -> bool {
        matches!(
            self.rollouts[r].rec.state,
            RolloutState::Cancelling | RolloutState::Superseding { .. }
        )
    }

    /// After a takeover nothing is known of anybody for a moment; that is no reason to turn back yet.
    pub(crate) fn may_be_fresh_soon(&self, r: usize, slot: u32) -> bool {
        self.fresh_at(r, slot).is_some_and(|at| self.now < at)
    }

    /// By when a takeover is no reason any more that nothing is known of a host's peers; `None` where it has none.
    pub(crate) fn fresh_at(&self, r: usize, slot: u32) -> Option<Timestamp> {
        let cell = self.peers_of(r, self.host_of(r, slot))?;
        Some(self.recovered_at + cell.fresh)
    }

    /// Issues a step, and says how many workers it takes: none where a person does it, or where the slot has used up its step
    /// numbers and is left behind as debt instead. A visit begins only with enough numbers left for its whole length, so that
    /// no host is left in the middle of one.
    fn issue(
        &mut self,
        r: usize,
        slot: u32,
        visit: VisitKind,
        (position, attempt): (u8, u8),
        out: &mut Vec<Event>,
    ) -> u32 {
        const LONGEST_VISIT: u16 = 4096;
        let record = self.rollouts[r].rec.slots[slot as usize];
        let begins = record.state.visit().is_none();
        let next = record.serial.checked_add(1);
        let Some(serial) = next.filter(|&next| !begins || next < u16::MAX - LONGEST_VISIT) else {
            self.move_host(r, slot, HostState::Offline, Timestamp::NEVER, out);
            return 0;
        };
        let intent = IntentId::new(self.rollouts[r].rec.id, Slot(slot), serial);
        if !self.choose_peer(intent, visit, (position, attempt), out) {
            return 0;
        }
        let issued = Event::StepIssued {
            intent,
            visit,
            position,
            attempt,
        };
        let step = self.rollouts[r].step(slot, visit, position);
        if let Some(step) = step.filter(|step| step.is_by_hand()) {
            let within = step.step.timeout;
            self.ask_person((r, slot), &issued, within, out);
            return 0;
        }
        self.emit(issued, out);
        1
    }

    /// What a host in mid-visit waits for.
    pub(crate) fn visit_waiting(&self, r: usize, slot: u32) -> Option<WaitingOn> {
        let record = self.rollouts[r].rec.slots[slot as usize];
        let (visit, position, ..) = record.state.visit()?;
        let kind = self.rollouts[r]
            .step(slot, visit, position)
            .map_or(StepKind::Inspect, |step| step.kind);
        Some(match record.state {
            HostState::Backoff { .. } => WaitingOn::Retry { at: record.until },
            HostState::Ready { .. } => self
                .peers_allow(r, slot, visit, position)
                .err()
                .or_else(|| self.peer_waits(r, slot, visit, position))
                .unwrap_or(WaitingOn::Worker),
            HostState::ByHand { .. } => self.hand_waits(r, slot, 0)?,
            HostState::Running { .. }
            | HostState::Pending
            | HostState::Settling
            | HostState::Updated
            | HostState::Already
            | HostState::RestartWithheld
            | HostState::Failed { .. }
            | HostState::Unhealthy { .. }
            | HostState::RolledBack
            | HostState::RollbackFailed { .. }
            | HostState::Offline
            | HostState::Held
            | HostState::Lost
            | HostState::Skipped
            | HostState::OnHold
            | HostState::Again
            | HostState::Vanished
            | HostState::NotReady { .. }
            | HostState::GoesLast { .. }
            | HostState::Excepted
            | HostState::CatchUp
            | HostState::ChangedOutside => WaitingOn::Step {
                host: self.host_of(r, slot),
                step: kind.word().to_owned(),
            },
        })
    }
}
