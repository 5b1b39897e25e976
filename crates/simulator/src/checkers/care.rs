//! What the care of roles asks and silences: a host that says that it goes last never goes before another one of its
//! group, nobody goes whose group is not ready, nobody is left silenced, and what runs beside a host runs on a member of
//! its availability group that is known to be up. And that nothing of this is waited for without an end (I14).

use ringway_engine::{Ending, HostState, Then};
use ringway_model::{
    FailWhy, HostId, IntentId, Place, RolloutId, Span, StepKind, StepResult, Timestamp, VisitKind,
};
use ringway_scheduler::plan::{More, StepPlan};

use super::facts::{Class, Facts, RolloutFacts, SlotFacts, Visit, ring_of};
use super::starts::step_of;
use super::{Broken, ensure};

/// Whether a step only asks something about the host's group.
pub(super) const fn is_question(kind: StepKind) -> bool {
    matches!(kind, StepKind::Ready | StepKind::Last)
}

/// Whether a failure of the step leaves the host in service.
pub(super) const fn is_harmless(kind: StepKind) -> bool {
    match kind {
        StepKind::Inspect
        | StepKind::Precheck
        | StepKind::Ready
        | StepKind::Last
        | StepKind::Silence
        | StepKind::Unsilence
        | StepKind::Stage
        | StepKind::Protect
        | StepKind::Unprotect => true,
        StepKind::Drain
        | StepKind::Apply
        | StepKind::Rollback
        | StepKind::Reboot
        | StepKind::Verify
        | StepKind::CareVerify
        | StepKind::Undrain
        | StepKind::Recovery => false,
    }
}

impl Facts {
    /// A peer is chosen for the step that is issued next.
    pub(super) fn peer_chosen(&mut self, intent: IntentId, peer: HostId) -> Result<(), Broken> {
        // What was made in a rollout is removed when it is over.
        let (rollout, slot) = if self.may_remove(intent) {
            (self.rollout(intent.rollout())?, intent.slot().index())
        } else {
            self.place(intent.rollout(), intent.slot())?
        };
        let host = rollout.plan.slots[slot].host;
        let Some(fleet) = &self.fleet else {
            return Ok(());
        };
        ensure!(
            peer.index() < fleet.hosts.len() && peer != host,
            I15,
            "{intent} runs on {peer:?}, which is no other host of the fleet"
        );
        let cell = fleet.hosts[host.index()].cell;
        // Who left its group in the middle of a visit is put back by those it was with.
        let once = self.former.get(&host).into_iter().flatten();
        let was_peer = rollout.slots[slot].visit.is_some()
            && once.into_iter().any(|members| members.contains(&peer));
        ensure!(
            match cell {
                Some(cell) => fleet.hosts[peer.index()].cell == Some(cell),
                None => was_peer,
            },
            I15,
            "{intent} of host {} runs on host {}, which is no peer of it",
            host.0,
            peer.0
        );
        ensure!(
            self.is_able(peer) && self.hosts[peer.index()].holds.is_empty(),
            I7,
            "{intent} runs on host {}, which is not known to be up and left in peace",
            peer.0
        );
        self.chosen = Some((intent, peer));
        Ok(())
    }

    /// A step runs on a peer exactly where its plan says so.
    pub(super) fn check_place(&mut self, intent: IntentId, step: &StepPlan) -> Result<(), Broken> {
        let chosen = self.chosen.take().map(|(intent, _)| intent);
        ensure!(
            (step.step.at == Place::Peer) == (chosen == Some(intent)),
            I15,
            "{intent} (`{}`) was given to a peer: {chosen:?}; its plan says {:?}",
            step.kind,
            step.step.at
        );
        Ok(())
    }

    /// What follows from an answer.
    #[expect(
        clippy::too_many_lines,
        reason = "what each answer must lead to is read as one"
    )]
    pub(super) fn check_answer(
        &self,
        intent: IntentId,
        visit: &Visit,
        step: &StepPlan,
        (result, then): (&StepResult, Then),
    ) -> Result<(), Broken> {
        let (rollout, slot) = self.place(intent.rollout(), intent.slot())?;
        let goes_on = matches!(
            then,
            Then::Step {
                ending: Ending::Well,
                ..
            }
        );
        let yes = match result {
            StepResult::Answered { yes } => *yes,
            StepResult::Done
            | StepResult::Found { .. }
            | StepResult::Back { .. }
            | StepResult::Protected { .. }
            | StepResult::Failed(_)
            | StepResult::Unreachable
            | StepResult::Interrupted
            | StepResult::NotStarted => {
                // Only an answer postpones anything.
                ensure!(
                    !matches!(
                        then,
                        Then::End {
                            to: HostState::NotReady { .. } | HostState::GoesLast { .. },
                            ..
                        }
                    ),
                    I14,
                    "{intent} ended with {result:?} and its host waits as if it had answered"
                );
                return Ok(());
            }
        };
        ensure!(
            is_question(step.kind),
            Story,
            "{intent} (`{}`) was answered and asked nothing",
            step.kind
        );
        match (step.kind == StepKind::Ready, yes) {
            (true, true) => {}
            (true, false) => {
                ensure!(
                    !goes_on,
                    I7,
                    "{intent}: its group is not ready and the host is taken"
                );
                self.check_not_ready(intent, &rollout.slots[slot], step, then)?;
            }
            (false, true) if goes_on => {
                let first = self.first_that_remains(rollout, slot);
                ensure!(
                    first.is_none(),
                    I7,
                    "{intent}: the host goes last and is taken before {first:?}"
                );
            }
            (false, _) => {
                let postponed = matches!(
                    then,
                    Then::End {
                        to: HostState::GoesLast { .. },
                        ..
                    }
                );
                ensure!(
                    !postponed || yes && self.first_that_remains(rollout, slot).is_some(),
                    I14,
                    "{intent}: the host is told to go last after nobody"
                );
                if let Then::End { until, .. } = then
                    && postponed
                {
                    ensure!(
                        until != Timestamp::NEVER && visit.kind != VisitKind::Rollback,
                        I14,
                        "{intent}: the host goes last and is never asked again"
                    );
                }
            }
        }
        Ok(())
    }

    fn check_not_ready(
        &self,
        intent: IntentId,
        facts: &SlotFacts,
        step: &StepPlan,
        then: Then,
    ) -> Result<(), Broken> {
        let Then::End {
            to: HostState::NotReady { .. },
            until,
        } = then
        else {
            return Ok(());
        };
        let More::Ready { within, .. } = step.more else {
            return Ok(());
        };
        let since = self.unready_since(facts, within);
        ensure!(
            self.now.since(since) < within && until <= since + within,
            I14,
            "{intent}: its group is not ready since {since}, which is waited for until {until} and not for {within}"
        );
        Ok(())
    }

    /// Since when the answer is no: answers that lie further apart than they count are not of one wait.
    fn unready_since(&self, facts: &SlotFacts, within: Span) -> Timestamp {
        match facts.unready {
            Some((since, asked)) if self.now.since(asked) <= within => since,
            Some(_) | None => self.now,
        }
    }

    /// Notes an answer.
    pub(super) fn note_answer(&mut self, intent: IntentId, step: &StepPlan, result: &StepResult) {
        let (More::Ready { within, .. }, StepResult::Answered { yes }) = (&step.more, result)
        else {
            return;
        };
        let (id, slot) = (intent.rollout(), intent.slot().index());
        let Some(facts) = self.rollouts.get(&id).map(|rollout| rollout.slots[slot]) else {
            return;
        };
        let noted = (!yes).then(|| (self.unready_since(&facts, *within), self.now));
        self.change(id, slot, |facts| facts.unready = noted);
    }

    /// The first other host of the same availability group (of the same group, where there is none) that is to be visited
    /// in an open ring, or is being visited or settles.
    fn first_that_remains(&self, rollout: &RolloutFacts, slot: usize) -> Option<usize> {
        let fleet = self.fleet.as_ref()?;
        let kin = |slot: usize| {
            let host = &fleet.hosts[rollout.plan.slots[slot].host.index()];
            (host.cell, host.group.filter(|_| host.cell.is_none()))
        };
        (0..rollout.slots.len()).find(|&other| {
            other != slot
                && matches!(
                    rollout.slots[other].class(),
                    Class::Pending | Class::Moving | Class::Withheld
                )
                && kin(other) == kin(slot)
                && ring_of(&rollout.plan, other) < rollout.opened
        })
    }

    /// No visit ends while its host may be silenced, unless nobody can be told to unsilence it.
    pub(super) fn check_silence(
        &self,
        id: RolloutId,
        slot: usize,
        visit: &Visit,
        to: HostState,
    ) -> Result<(), Broken> {
        if !visit.silenced {
            return Ok(());
        }
        let rollout = self.rollout(id)?;
        let route = &rollout.plan.routes[rollout.plan.slots[slot].route.index()];
        let end = route
            .steps
            .iter()
            .find(|step| step.kind == StepKind::Unsilence);
        let excused = match end.map(|step| step.step.at) {
            Some(Place::Host) => matches!(to, HostState::Lost | HostState::Offline),
            Some(Place::Peer) => self.has_no_peer(rollout, slot),
            Some(Place::Controller) => false,
            None => true,
        };
        ensure!(
            excused,
            I4,
            "slot {slot} of {id} ends as {to:?} and is left silenced"
        );
        Ok(())
    }

    /// Whether no other member of a host's availability group can run anything for it; of one that left its group in the
    /// middle of a visit, nobody who was with it all the time.
    fn has_no_peer(&self, rollout: &RolloutFacts, slot: usize) -> bool {
        let host = rollout.plan.slots[slot].host;
        let able = |member: &HostId| {
            *member != host && self.is_able(*member) && self.hosts[member.index()].holds.is_empty()
        };
        let Some(fleet) = &self.fleet else {
            return true;
        };
        match fleet.hosts[host.index()].cell {
            Some(cell) => {
                let cell = fleet.cells.get(cell.index());
                !cell.is_some_and(|cell| cell.members.iter().any(able))
            }
            None => match self.former.get(&host).map(Vec::as_slice) {
                Some([first, others @ ..]) => !first
                    .iter()
                    .filter(|member| others.iter().all(|cell| cell.contains(member)))
                    .any(able),
                Some([]) | None => true,
            },
        }
    }

    /// A host is told not to go back without a visit: for want of a peer that nothing can bring, and for nothing else.
    pub(super) fn check_given_up(
        &self,
        id: RolloutId,
        slot: usize,
        why: FailWhy,
    ) -> Result<(), Broken> {
        let rollout = self.rollout(id)?;
        let host = rollout.plan.slots[slot].host;
        let mut steps = (0_u8..).map_while(|at| step_of(rollout, slot, VisitKind::Rollback, at));
        let first = steps.find(|step| !is_question(step.kind));
        let at_peer = first.is_some_and(|step| step.step.at == Place::Peer);
        let cell = self.fleet.as_ref().and_then(|fleet| {
            let cell = fleet.hosts[host.index()].cell?;
            fleet.cells.get(cell.index())
        });
        let members = cell.map_or(&[][..], |cell| &cell.members);
        let is_down = |member: &HostId| {
            let seats = &self.hosts[member.index()].seats;
            let seat = seats.iter().find(|(rollout, _)| *rollout == id);
            seat.is_some_and(|(_, slot)| rollout.slots[*slot as usize].is_down())
        };
        ensure!(
            why == FailWhy::NoPeer
                && at_peer
                && members
                    .iter()
                    .filter(|member| **member != host)
                    .all(is_down),
            I12,
            "slot {slot} of {id} is not taken back ({why:?}), and there may be a peer for it yet"
        );
        Ok(())
    }

    /// Nobody is waited for in vain at a takeover: what is known of nobody then is no lack of a peer.
    pub(super) fn check_lack(&self, id: RolloutId, slot: usize, now: Ending) -> Result<(), Broken> {
        let visit = self.rollout(id)?.slots[slot].visit;
        let was = visit.map_or(Ending::Well, |visit| visit.ending);
        let lacks = |ending| {
            matches!(
                ending,
                Ending::Failed {
                    why: FailWhy::NoPeer,
                    ..
                }
            )
        };
        let host = self.rollout(id)?.plan.slots[slot].host;
        let fresh = self.fleet.as_ref().and_then(|fleet| {
            let cell = fleet.hosts[host.index()].cell?;
            Some(fleet.cells[cell.index()].fresh)
        });
        let Some(fresh) = fresh.filter(|_| lacks(now) && !lacks(was)) else {
            return Ok(());
        };
        ensure!(
            self.now >= self.taken_over + fresh,
            I11,
            "slot {slot} of {id} fails for want of a peer, and nobody was asked since the takeover at {}",
            self.taken_over
        );
        Ok(())
    }

    /// A host that moves on from an `undrain` which was not run: there was nobody to run it.
    pub(super) fn gives_up_undrain(
        &mut self,
        id: RolloutId,
        slot: usize,
        to: HostState,
    ) -> Result<(), Broken> {
        let rollout = self.rollout(id)?;
        let Some(visit) = rollout.slots[slot].visit.filter(|visit| visit.drained) else {
            return Ok(());
        };
        let Some(step) = step_of(rollout, slot, visit.kind, visit.at.0) else {
            return Ok(());
        };
        let stays = matches!(to, HostState::Ready { position, .. } | HostState::Backoff { position, .. } if position == visit.at.0);
        let given_up = step.kind == StepKind::Undrain && step.step.at == Place::Peer && !stays;
        ensure!(
            !given_up || self.has_no_peer(rollout, slot),
            I4,
            "slot {slot} of {id} is left drained, and a peer of host {} could put it back",
            rollout.plan.slots[slot].host.0
        );
        if given_up {
            self.change(id, slot, |facts| {
                if let Some(visit) = &mut facts.visit {
                    visit.drained = false;
                }
            });
        }
        Ok(())
    }

    /// Whether a host may have been out of reach when its visit ended.
    pub(super) fn may_be_away(&self, id: RolloutId, host: HostId) -> bool {
        let Some(rollout) = self.rollouts.get(&id) else {
            return false;
        };
        let mut slots = rollout.plan.slots.iter().zip(&rollout.slots);
        slots.any(|(slot, facts)| {
            slot.host == host && matches!(facts.rest, HostState::Lost | HostState::Offline)
        })
    }
}

/// A postponed visit changed nothing, and there is one to postpone.
pub(super) fn check_postponed(
    id: RolloutId,
    slot: usize,
    visit: &Visit,
    (to, of): (HostState, VisitKind),
) -> Result<(), Broken> {
    ensure!(
        of == visit.kind && of != VisitKind::Rollback && !visit.took_down,
        Story,
        "slot {slot} of {id} waits as {to:?} after a {} visit that touched it",
        visit.kind.word()
    );
    Ok(())
}
