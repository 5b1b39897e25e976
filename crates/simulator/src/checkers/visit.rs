//! What may follow for a host: the ends of steps and the moves of hosts, against the tables of outcomes, of what counts
//! as failed, and of what a hold does (the second half of I4: no host is left drained).

use ringway_engine::{Ending, HostState, Then};
use ringway_model::{
    Evidence, FailWhy, IntentId, Place, RolloutId, Slot, StepKind, StepResult, Timestamp, VisitKind,
};

use super::care::{check_postponed, is_harmless, is_question};
use super::facts::{Facts, RolloutFacts, SlotFacts, Visit};
use super::hands::is_by_hand;
use super::recovery::note_answer;
use super::results::check_result;
use super::starts::{begun, may_repeat, step_of};
use super::{Broken, ensure};

impl Facts {
    pub(super) fn step_ended(
        &mut self,
        intent: IntentId,
        result: &StepResult,
        then: Then,
    ) -> Result<(), Broken> {
        if self.errand_ended(intent, result, then)? {
            return Ok(());
        }
        let now = self.now;
        let (rollout, slot) = self.place(intent.rollout(), intent.slot())?;
        let host = rollout.plan.slots[slot].host;
        let Some(visit) = rollout.slots[slot]
            .visit
            .filter(|visit| visit.running == Some(intent))
        else {
            return Err((
                super::Invariant::I5,
                format!("{intent} has a result and was not outstanding"),
            ));
        };
        let Some(step) = step_of(rollout, slot, visit.kind, visit.at.0) else {
            return Err((super::Invariant::I15, format!("{intent} is of no plan")));
        };
        self.check_heard(intent, result, is_by_hand(step), then)?;
        let (kind, repeatable) = (step.kind, may_repeat(step));
        let step = step.clone();
        let attempts = rollout.plan.retry.times.saturating_add(1);
        let before = rollout.slots[slot];
        let recovers = self.check_recovery(intent, &visit, &step, (result, then))?;
        check_result(intent, (&step, visit.at.0), result, (then, recovers))?;
        self.note_protected(intent, kind, result)?;
        self.check_whose(intent, &before, result, then)?;
        self.check_answer(intent, &visit, &step, (result, then))?;
        self.note_answer(intent, &step, result);
        self.hosts[host.index()].running = None;
        self.change(intent.rollout(), slot, |facts| {
            note_result(facts, kind, repeatable, result);
            note_answer(facts, &step, result, now);
            // Who was to put it back could not be reached, and is not waited for: that is told as the failure it is.
            let is_given_up = kind == StepKind::Undrain
                && step.step.at == Place::Peer
                && *result == StepResult::Unreachable
                && goes_elsewhere(then, visit.at.0);
            if let Some(visit) = facts.visit.as_mut().filter(|_| is_given_up) {
                visit.drained = false;
            }
        });
        self.follow(intent, &visit, attempts, then)
    }

    /// What is said to follow, against what may.
    fn follow(
        &mut self,
        intent: IntentId,
        visit: &Visit,
        attempts: u8,
        then: Then,
    ) -> Result<(), Broken> {
        let slot = intent.slot().index();
        match then {
            Then::Nothing | Then::Over => Ok(()),
            Then::Step {
                position,
                attempt,
                ending,
            } => {
                self.check_skip(intent.rollout(), slot, position, ending)?;
                self.go_on(
                    intent.rollout(),
                    slot,
                    (position, attempt),
                    ending,
                    self.now,
                );
                Ok(())
            }
            Then::Retry {
                position,
                attempt,
                at,
            } => {
                let is_awaited = visit.recovery.is_awaited(self.now, at) && attempt == visit.at.1;
                ensure!(
                    position == visit.at.0
                        && (is_awaited || attempt <= attempts && attempt == visit.at.1 + 1),
                    Story,
                    "{intent} is repeated as attempt {attempt} of {attempts} at step {position}"
                );
                let step = {
                    let (rollout, slot) = self.place(intent.rollout(), intent.slot())?;
                    step_of(rollout, slot, visit.kind, position).map(|step| step.kind)
                };
                if let Some(step) = step {
                    self.check_time(intent, (visit.kind, position, step), at)?;
                }
                self.go_on(
                    intent.rollout(),
                    slot,
                    (position, attempt),
                    visit.ending,
                    at,
                );
                Ok(())
            }
            Then::End { to, until } => {
                self.check_exit(intent.rollout(), slot, to, until)?;
                let touched = self.rollout(intent.rollout())?.slots[slot]
                    .visit
                    .is_some_and(|visit| visit.touched || visit.kind != VisitKind::Update);
                if touched {
                    let host = self.rollouts[&intent.rollout()].plan.slots[slot].host;
                    self.forget_evidence(host);
                }
                self.end_visit(intent.rollout(), slot, to)
            }
        }
    }

    #[expect(
        clippy::too_many_lines,
        reason = "one arm for each case is read as one table"
    )]
    pub(super) fn host_moved(
        &mut self,
        id: RolloutId,
        slot: Slot,
        to: HostState,
        until: Timestamp,
    ) -> Result<(), Broken> {
        let (rollout, index) = self.place(id, slot)?;
        let facts = rollout.slots[index];
        if matches!(to, HostState::ByHand { .. }) {
            return self.check_overdue(id, slot, until);
        }
        if let Some(visit) = facts.visit {
            ensure!(
                visit.running.is_none(),
                I5,
                "slot {} of {id} moves to {to:?} while a step of it has no result",
                slot.0
            );
        }
        match to {
            HostState::Running { .. } | HostState::ByHand { .. } => Err((
                super::Invariant::I5,
                format!("slot {} of {id} runs a step that was not issued", slot.0),
            )),
            HostState::Ready {
                position,
                attempt,
                ending,
                ..
            }
            | HostState::Backoff {
                position,
                attempt,
                ending,
                ..
            } => {
                ensure!(
                    facts.visit.is_some(),
                    Story,
                    "slot {} of {id} is in a visit that no step began",
                    slot.0
                );
                self.gives_up_undrain(id, index, to)?;
                self.check_lack(id, index, ending)?;
                self.check_skip(id, index, position, ending)?;
                let not_before = if matches!(to, HostState::Backoff { .. }) {
                    until
                } else {
                    self.now
                };
                self.go_on(id, index, (position, attempt), ending, not_before);
                Ok(())
            }
            HostState::Pending
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
            | HostState::ChangedOutside => {
                self.gives_up_undrain(id, index, to)?;
                self.check_exit(id, index, to, until)?;
                self.end_visit(id, index, to)
            }
        }
    }

    /// I14: a host that was never reached is tried again, unless it has used up its step numbers.
    fn check_exit(
        &self,
        id: RolloutId,
        slot: usize,
        to: HostState,
        until: Timestamp,
    ) -> Result<(), Broken> {
        const NEARLY_USED_UP: u16 = 60_000;
        let serial = self.rollout(id)?.slots[slot].serial;
        ensure!(
            to != HostState::Offline || until != Timestamp::NEVER || serial > NEARLY_USED_UP,
            I14,
            "slot {slot} of {id} is offline and will never be tried again"
        );
        Ok(())
    }

    /// Steps may be left out only on the way back into service, and never the `undrain` that somebody waits for.
    fn check_skip(&self, id: RolloutId, slot: usize, to: u8, ending: Ending) -> Result<(), Broken> {
        let rollout = self.rollout(id)?;
        let visit = rollout.slots[slot]
            .visit
            .unwrap_or_else(|| begun(VisitKind::Update));
        for left_out in visit.at.0.saturating_add(1)..to {
            let Some(step) = step_of(rollout, slot, visit.kind, left_out) else {
                continue;
            };
            let unasked = is_question(step.kind) && rollout.slots[slot].rest == HostState::Again
                || self.was_done_before(id, slot, step.kind);
            let jumps = visit.applying && left_out <= applied_at(rollout, slot, visit.kind);
            ensure!(
                ending != Ending::Well || jumps || unasked,
                I11,
                "slot {slot} of {id} leaves out `{}` and is heading for success",
                step.kind
            );
            ensure!(
                // Who is lost cannot be told to come back; the silence about it can be ended.
                step.kind != StepKind::Undrain || !visit.drained || ending == Ending::Lost,
                I4,
                "slot {slot} of {id} leaves out the `undrain` of a drained host"
            );
        }
        if matches!(ending, Ending::Well) || to == visit.at.0 {
            return Ok(());
        }
        if let Some(step) = step_of(rollout, slot, visit.kind, to) {
            ensure!(
                !matches!(
                    step.kind,
                    StepKind::Ready
                        | StepKind::Last
                        | StepKind::Protect
                        | StepKind::Silence
                        | StepKind::Drain
                        | StepKind::Apply
                        | StepKind::Reboot
                ) || visit.kind == VisitKind::Rollback,
                I4,
                "slot {slot} of {id} is heading for {ending:?} and goes on to `{}`",
                step.kind
            );
        }
        Ok(())
    }

    fn go_on(
        &mut self,
        id: RolloutId,
        slot: usize,
        at: (u8, u8),
        ending: Ending,
        not_before: Timestamp,
    ) {
        self.change(id, slot, |facts| {
            if let Some(visit) = &mut facts.visit {
                visit.at = at;
                visit.ending = ending;
                visit.not_before = not_before;
            }
        });
    }

    /// A visit is over, or a host changes from one resting state to another.
    fn end_visit(&mut self, id: RolloutId, slot: usize, to: HostState) -> Result<(), Broken> {
        let facts = self.rollout(id)?.slots[slot];
        ensure!(
            facts.visit.is_some()
                || facts.rest != HostState::Vanished
                || matches!(
                    to,
                    HostState::Pending | HostState::Skipped | HostState::Vanished
                ),
            Story,
            "slot {slot} of {id} was gone and is {to:?} without a visit"
        );
        ensure!(
            to != HostState::Pending || !facts.left_out,
            I12,
            "slot {slot} of {id} was left out by a person, was gone, and is to be visited"
        );
        if let Some(visit) = facts.visit {
            self.check_ending(id, slot, &visit, to)?;
        }
        // The same state again only tells when it is due to change; it claims nothing new.
        if facts.visit.is_some() || facts.rest != to {
            self.check_claim(id, slot, &facts, to)?;
        }
        let now = self.now;
        self.change(id, slot, |facts| {
            if facts.visit.is_some() || facts.rest != to {
                facts.since = now;
            }
            facts.visit = None;
            facts.rest = to;
            match to {
                HostState::Failed { .. } | HostState::Unhealthy { .. } | HostState::Lost => {
                    facts.blamed = true;
                    facts.blamed_for = None;
                    facts.suspected = true;
                }
                HostState::Settling
                | HostState::Updated
                | HostState::Already
                | HostState::ChangedOutside
                | HostState::RolledBack => absolve(facts),
                // Never reached is no failure, and no repetition that succeeded either.
                HostState::Offline
                | HostState::Held
                | HostState::OnHold
                | HostState::Excepted
                | HostState::CatchUp => {
                    facts.suspected = facts.blamed;
                }
                HostState::RollbackFailed { .. } => facts.suspected = true,
                // A hold took it back: what failed still counts until a repetition succeeds.
                HostState::Pending
                | HostState::RestartWithheld
                | HostState::Running { .. }
                | HostState::Ready { .. }
                | HostState::Backoff { .. }
                | HostState::Skipped
                | HostState::Again
                | HostState::Vanished
                | HostState::NotReady { .. }
                | HostState::GoesLast { .. }
                | HostState::ByHand { .. } => {}
            }
            if !matches!(to, HostState::NotReady { .. }) {
                facts.unready = None;
            }
        });
        self.note_broken(id, slot)
    }

    /// No host is left drained, and a visit ends as its steps say.
    #[expect(
        clippy::too_many_lines,
        reason = "the table of how a visit may end is read as one"
    )]
    fn check_ending(
        &self,
        id: RolloutId,
        slot: usize,
        visit: &Visit,
        to: HostState,
    ) -> Result<(), Broken> {
        ensure!(
            !visit.drained || matches!(to, HostState::Lost | HostState::Vanished),
            I4,
            "slot {slot} of {id} ends as {to:?} and is left drained"
        );
        self.check_silence(id, slot, visit, to)?;
        self.check_not_given_up(id, slot, visit, to)?;
        let rollout = self.rollout(id)?;
        match to {
            HostState::Pending => {
                ensure!(
                    !visit.applied && visit.kind == VisitKind::Update,
                    I12,
                    "slot {slot} of {id} is pending again after its `apply` was done"
                );
                ensure!(
                    rollout.slots[slot].rest != HostState::Again,
                    I3,
                    "slot {slot} of {id} failed, its visit came to nothing, and it counts as up"
                );
            }
            HostState::Again => ensure!(
                !visit.applied && visit.kind == VisitKind::Update && visit.repair,
                Story,
                "slot {slot} of {id} is to be visited again and had not failed"
            ),
            HostState::Offline => ensure!(
                !visit.took_down && rollout.slots[slot].rest != HostState::Again,
                I11,
                "slot {slot} of {id} counts as never reached after a step took it down"
            ),
            HostState::Already => ensure!(
                rollout.slots[slot].rest != HostState::Again,
                I3,
                "slot {slot} of {id} was down, and counts as one that needed nothing"
            ),
            HostState::Lost => ensure!(
                visit.took_down
                    || visit.touched
                    || visit.kind != VisitKind::Update
                    || rollout.slots[slot].changed
                    || rollout.slots[slot].rest == HostState::Again,
                Story,
                "slot {slot} of {id} is lost and no step took it down"
            ),
            HostState::Settling | HostState::Updated | HostState::RolledBack => {
                let last = u8::try_from(
                    rollout.plan.routes[rollout.plan.slots[slot].route.index()].visits
                        [visit.kind as usize]
                        .len()
                        .saturating_sub(1),
                )
                .unwrap_or(u8::MAX);
                // A look that finds an interrupted `apply` done stands for it, and it may have been the last step.
                let done = visit.at.0 == last
                    || visit.applied
                        && step_of(rollout, slot, visit.kind, last)
                            .is_some_and(|step| step.kind == StepKind::Apply);
                ensure!(
                    done && visit.ending == Ending::Well,
                    I11,
                    "slot {slot} of {id} is {to:?} after step {} of {last} with {:?}",
                    visit.at.0,
                    visit.ending
                );
            }
            HostState::RestartWithheld => ensure!(
                visit.applying || visit.kind == VisitKind::Restart || rollout.slots[slot].changed,
                I12,
                "slot {slot} of {id} is {to:?} and nothing was applied"
            ),
            HostState::Failed { step, .. } => ensure!(
                rollout.slots[slot].rest != HostState::Again || !is_harmless(step),
                I3,
                "slot {slot} of {id} was down, its visit failed at `{step}`, and it counts as up"
            ),
            HostState::Running { .. }
            | HostState::Ready { .. }
            | HostState::Backoff { .. }
            | HostState::ByHand { .. }
            | HostState::ChangedOutside
            | HostState::Unhealthy { .. }
            | HostState::RollbackFailed { .. }
            | HostState::Held
            | HostState::Vanished => {}
            HostState::NotReady { visit: of } | HostState::GoesLast { visit: of } => {
                check_postponed(id, slot, visit, (to, of))?;
            }
            // An exception that came in its middle: what it ends as otherwise changed nothing.
            HostState::Excepted => ensure!(
                !visit.applied && visit.kind == VisitKind::Update,
                I12,
                "slot {slot} of {id} is left out by the end of a visit that changed it"
            ),
            // Nobody is left out or held by the end of a visit.
            HostState::Skipped | HostState::OnHold | HostState::CatchUp => {
                ensure!(false, Story, "slot {slot} of {id} ends a visit as {to:?}");
            }
        }
        Ok(())
    }

    /// I11: what a state claims about a host's health is known, not hoped.
    #[expect(
        clippy::too_many_lines,
        reason = "the table of what each state claims is read as one"
    )]
    fn check_claim(
        &self,
        id: RolloutId,
        slot: usize,
        facts: &SlotFacts,
        to: HostState,
    ) -> Result<(), Broken> {
        let rollout = self.rollout(id)?;
        let host = &self.hosts[rollout.plan.slots[slot].host.index()];
        match to {
            HostState::Updated => {
                let settled = if facts.visit.is_none() && facts.rest == HostState::Settling {
                    self.now.since(facts.since)
                } else {
                    ringway_model::Span::ZERO
                };
                ensure!(
                    settled >= rollout.plan.pace.settle,
                    I11,
                    "slot {slot} of {id} is updated after settling for {settled} of {}",
                    rollout.plan.pace.settle
                );
                for gate in &rollout.plan.gates {
                    let (known, since) = host.evidence(gate.probe);
                    ensure!(
                        known == Evidence::Up && self.now.since(since) >= rollout.plan.pace.settle,
                        I11,
                        "slot {slot} of {id} is updated and gate `{}` finds it {known:?} since {since}",
                        gate.name
                    );
                }
            }
            HostState::Unhealthy {
                why: FailWhy::ProbeDown,
            } => {
                let down = rollout.plan.gates.iter().any(|gate| {
                    let (known, since) = host.evidence(gate.probe);
                    known == Evidence::Down && self.now.since(since) >= gate.down_for
                });
                // A rollout that is to end does not wait for evidence for ever: silence is told as harm there.
                let ending = rollout.is_ending();
                ensure!(
                    down || ending,
                    I11,
                    "slot {slot} of {id} is unhealthy and no gate found it down for long enough"
                );
                ensure!(
                    !host.is_maintained(),
                    I11,
                    "slot {slot} of {id} is unhealthy while somebody else works on its host"
                );
            }
            HostState::OnHold => ensure!(
                !host.holds.is_empty(),
                Story,
                "slot {slot} of {id} is on hold and nobody holds its host"
            ),
            HostState::Skipped => ensure!(
                facts.left_out && facts.rest == HostState::Vanished,
                Story,
                "slot {slot} of {id} is {to:?} and nobody said so"
            ),
            HostState::Again if facts.visit.is_none() => self.check_broken_meanwhile(id, slot)?,
            HostState::Again | HostState::NotReady { .. } | HostState::GoesLast { .. } => ensure!(
                facts.visit.is_some(),
                Story,
                "slot {slot} of {id} is {to:?} and nobody said so"
            ),
            HostState::Excepted => self.check_excepted(id, slot, facts)?,
            HostState::CatchUp => self.check_to_catch_up(id, slot, facts)?,
            HostState::Held => ensure!(
                rollout
                    .plan
                    .gates
                    .iter()
                    .any(|gate| host.evidence(gate.probe).0 == Evidence::Down),
                I11,
                "slot {slot} of {id} is held and no gate finds it down"
            ),
            HostState::Vanished => ensure!(
                self.is_gone(rollout.plan.slots[slot].host),
                Story,
                "slot {slot} of {id} is told to be gone and is of the fleet"
            ),
            HostState::RollbackFailed { why, .. } if facts.visit.is_none() => {
                self.check_given_up(id, slot, why)?;
            }
            HostState::Pending => self.check_readmitted(id, slot, facts)?,
            HostState::Running { .. }
            | HostState::Ready { .. }
            | HostState::Backoff { .. }
            | HostState::ByHand { .. }
            | HostState::Settling
            | HostState::Already
            | HostState::ChangedOutside
            | HostState::RestartWithheld
            | HostState::Failed { .. }
            | HostState::Unhealthy { .. }
            | HostState::RolledBack
            | HostState::RollbackFailed { .. }
            | HostState::Offline
            | HostState::Lost => {}
        }
        Ok(())
    }
}

/// The position of the `apply` of a visit; 0 where it has none.
fn applied_at(rollout: &RolloutFacts, slot: usize, kind: VisitKind) -> u8 {
    let mut positions = 0..u8::MAX;
    let apply = positions.find(|&at| {
        let step = step_of(rollout, slot, kind, at);
        step.is_none_or(|step| step.kind == StepKind::Apply)
    });
    apply.unwrap_or(0)
}

/// Whether something else than the step at this position follows.
const fn goes_elsewhere(then: Then, at: u8) -> bool {
    match then {
        Then::Step { position, .. } | Then::Retry { position, .. } => position != at,
        Then::End { .. } => true,
        Then::Nothing | Then::Over => false,
    }
}

/// What a result says of whether the host can be taken back: that it was changed, and that it is known what it had.
fn note_way_back(facts: &mut SlotFacts, visit: &Visit, kind: StepKind, result: &StepResult) {
    let began = !matches!(result, StepResult::NotStarted | StepResult::Unreachable);
    let finds = matches!(
        result,
        StepResult::Found {
            previous: Some(_),
            ..
        }
    );
    facts.known_before |=
        finds && visit.kind == VisitKind::Update && !visit.applying && !facts.applied_to;
    facts.applied_to |= kind == StepKind::Apply && began;
}

/// What a result says of the host: what began, what counts as failed, what must be looked at.
#[expect(
    clippy::too_many_lines,
    reason = "one arm for each case is read as one table"
)]
fn note_result(facts: &mut SlotFacts, kind: StepKind, repeatable: bool, result: &StepResult) {
    let Some(mut visit) = facts.visit else {
        return;
    };
    visit.running = None;
    note_way_back(facts, &visit, kind, result);
    let counts = visit.kind != VisitKind::Rollback
        && matches!(
            kind,
            StepKind::Drain
                | StepKind::Apply
                | StepKind::Reboot
                | StepKind::Verify
                | StepKind::CareVerify
        );
    let unhappy = !is_harmless(kind);
    match result {
        StepResult::Done | StepResult::Found { .. } | StepResult::Back { .. } => {
            // A failure from before the visit ends with the visit, not with one step of it.
            if facts.blamed_for == Some(kind) && facts.rest != HostState::Again {
                absolve(facts);
            }
            match kind {
                StepKind::Undrain => facts.out_of_service = false,
                StepKind::Stage => facts.errand.staged = true,
                StepKind::Apply => visit.applied = true,
                StepKind::Inspect => {
                    visit.owes_look = None;
                    let found = matches!(
                        result,
                        StepResult::Found {
                            installed: true,
                            ..
                        }
                    );
                    visit.applied |= found && visit.applying;
                    let said = matches!(
                        result,
                        StepResult::Found {
                            installed: false,
                            previous: Some(_)
                        }
                    );
                    facts.looked |= said && visit.kind == VisitKind::Update && !visit.applying;
                }
                StepKind::Recovery
                | StepKind::Precheck
                | StepKind::Protect
                | StepKind::Unprotect
                | StepKind::Ready
                | StepKind::Last
                | StepKind::Silence
                | StepKind::Unsilence
                | StepKind::Drain
                | StepKind::Rollback
                | StepKind::Reboot
                | StepKind::Verify
                | StepKind::CareVerify => {}
            }
        }
        StepResult::Failed(_) => {
            facts.suspected |= unhappy;
            if counts {
                facts.blamed = true;
                facts.blamed_for = Some(kind);
            }
        }
        StepResult::Unreachable => {
            facts.suspected |= unhappy;
            visit.never_began();
        }
        StepResult::Interrupted => {
            facts.suspected |= unhappy;
            if !repeatable {
                visit.owes_look = Some(visit.at.0);
            }
        }
        StepResult::NotStarted => visit.never_began(),
        StepResult::Answered { .. } | StepResult::Protected { .. } => {}
    }
    facts.visit = Some(visit);
}

impl Visit {
    /// The step that was issued never began: what it would have changed is as it was.
    const fn never_began(&mut self) {
        let silenced = self.silenced;
        (
            self.took_down,
            self.drained,
            self.applying,
            self.touched,
            self.silenced,
        ) = self.before;
        // An end that never began was owed, and is not owed again: it is known to be of no use.
        self.silenced &= silenced;
    }
}

/// A host no longer counts as failed, for anybody.
fn absolve(facts: &mut SlotFacts) {
    facts.blamed = false;
    facts.blamed_for = None;
    facts.suspected = false;
    (facts.forgiven, facts.accepted) = (false, false);
}
