//! What follows from the end of a step.
//!
//! A visit is a row of steps with one rule above all others: once it has begun to take a host out of service, every way
//! out of it leads through putting the host back.

use ringway_model::{
    AfterCrash, FailWhy, IntentId, Place, RolloutId, Slot, StepKind, StepResult, Timestamp,
    VisitKind,
};
use ringway_policy::validated::OnHalt;

use crate::engine::{Engine, FleetHold};
use crate::event::{Event, Then};
use crate::host::{Ending, HostState};
use crate::rollout::RolloutState;
use crate::slot::SlotRec;

/// A step that ended, with what is needed to say what follows.
#[derive(Clone, Copy)]
pub(crate) struct Ended {
    pub(crate) r: usize,
    pub(crate) slot: u32,
    pub(crate) visit: VisitKind,
    pub(crate) position: u8,
    pub(crate) attempt: u8,
    pub(crate) ending: Ending,
    pub(crate) kind: StepKind,
    /// Whether the step is not known never to have begun.
    pub(crate) began: bool,
}

impl Engine {
    pub(crate) fn step_ended(
        &mut self,
        intent: IntentId,
        result: &StepResult,
        out: &mut Vec<Event>,
    ) {
        if let Some(at) = self.find_errand(intent) {
            self.errand_ended(intent, at, result, out);
            return;
        }
        let found = self.find(intent);
        // Late, repeated, or about a step nobody knows: accepted, and nothing changes.
        let Some((r, slot)) = found else { return };
        self.work_ended(intent, r, slot, result, out);
    }

    /// The step that a host is at ended.
    pub(crate) fn work_ended(
        &mut self,
        intent: IntentId,
        r: usize,
        slot: u32,
        result: &StepResult,
        out: &mut Vec<Event>,
    ) {
        let Some((visit, position, attempt, ending)) =
            self.rollouts[r].rec.slots[slot as usize].state.visit()
        else {
            return;
        };
        let Some(kind) = self.rollouts[r]
            .step(slot, visit, position)
            .map(|step| step.kind)
        else {
            return;
        };
        let began = !matches!(result, StepResult::NotStarted);
        let then = self.follow(
            Ended {
                r,
                slot,
                visit,
                position,
                attempt,
                ending,
                kind,
                began,
            },
            result,
        );
        let (then, outside) = self.or_outside((r, slot), result, then);
        let then = self.of_the_fleet(r, slot, then);
        self.emit(
            Event::StepEnded {
                intent,
                result: result.clone(),
                then,
            },
            out,
        );
        let is_gone = matches!(
            then,
            Then::End {
                to: HostState::Vanished,
                ..
            }
        );
        if let Some(outside) = outside.filter(|_| !is_gone) {
            self.tell_outside((r, slot), outside, out);
        }
    }

    fn follow(&self, ended: Ended, result: &StepResult) -> Then {
        #[cfg(feature = "planted-bugs")]
        if self.bug(crate::planted::Bug::UnreachableIsDone) && *result == StepResult::Unreachable
            || self.bug(crate::planted::Bug::VerifyIgnored) && ended.kind == StepKind::Verify
            || self.bug(crate::planted::Bug::FailedUnprotected)
                && ended.kind == StepKind::Protect
                && matches!(result, StepResult::Failed(_))
        {
            return self.after_success(ended);
        }
        match result {
            StepResult::Done | StepResult::Back { .. } | StepResult::Protected { .. } => {
                self.after_success(ended)
            }
            StepResult::Found { installed, .. } => self.after_inspection(ended, *installed),
            StepResult::Failed(why) => self.after_failure(ended, *why),
            StepResult::Unreachable => self.after_unreachable(ended),
            StepResult::Interrupted => self.after_interruption(ended),
            StepResult::NotStarted => self.go_to(ended, ended.position, ended.attempt),
            StepResult::Answered { yes } => self.after_answer(ended, *yes),
        }
    }

    fn after_success(&self, ended: Ended) -> Then {
        match (ended.ending, ended.kind) {
            // The host is back in service; where the visit was heading is where it is.
            (
                Ending::BackToPending
                | Ending::Withheld
                | Ending::Failed { .. }
                | Ending::Offline
                | Ending::Lost,
                StepKind::Undrain | StepKind::Unsilence,
            ) => self.end_silence(ended, ended.ending),
            #[cfg(feature = "planted-bugs")]
            (_, StepKind::Recovery) if self.bug(crate::planted::Bug::RecoveredUninspected) => {
                self.go_to(ended, ended.position + 2, 1)
            }
            (
                Ending::Well
                | Ending::BackToPending
                | Ending::Withheld
                | Ending::Failed { .. }
                | Ending::Offline
                | Ending::Lost,
                _,
            ) => self.go_to(ended, ended.position + 1, 1),
        }
    }

    fn after_inspection(&self, ended: Ended, installed: bool) -> Then {
        let record = self.rollouts[ended.r].rec.slots[ended.slot as usize];
        if !record.is(SlotRec::APPLYING) {
            // A failed host that is visited again may be out of service: it goes through all of its visit.
            let untouched =
                !record.is(SlotRec::CHANGED) && !self.is_failed_again(ended.r, ended.slot);
            return if installed && ended.visit == VisitKind::Update && untouched {
                Then::End {
                    to: HostState::Already,
                    until: Timestamp::NEVER,
                }
            } else {
                self.go_to(ended, ended.position + 1, 1)
            };
        }
        // A look after an interrupted `apply`: was it done after all?
        let Some(apply) = self.rollouts[ended.r]
            .route(ended.slot)
            .position(ended.visit, StepKind::Apply)
        else {
            return self.fail(ended, FailWhy::Interrupted);
        };
        if installed {
            return self.go_to(ended, apply + 1, 1);
        }
        let attempts = self.rollouts[ended.r]
            .plan
            .retry
            .times
            .saturating_add(1)
            .max(2);
        if ended.attempt < attempts {
            self.go_to(ended, apply, ended.attempt + 1)
        } else {
            self.fail(ended, FailWhy::Interrupted)
        }
    }

    fn after_failure(&self, ended: Ended, why: FailWhy) -> Then {
        match why {
            // A host that restarts in a loop or does not come back is never tried again: that would be the harm itself.
            // Whoever worked on it by hand and says that it failed knows better than to be asked again at once.
            FailWhy::RestartLoop
            | FailWhy::NotBack
            | FailWhy::Fenced
            | FailWhy::ProbeDown
            | FailWhy::Serves
            | FailWhy::Person => self.fail(ended, why),
            FailWhy::Exit
            | FailWhy::Unexpected
            | FailWhy::TimedOut
            | FailWhy::Interrupted
            | FailWhy::NotReady
            | FailWhy::NoPeer
            | FailWhy::PeerUnreachable
            | FailWhy::Refused => self
                .try_again(ended)
                .unwrap_or_else(|| self.fail(ended, why)),
        }
    }

    /// The next attempt at the same step, where there is one, the scope is not held and there is time for it. Where work must
    /// stop before, the last attempt was the last: a host would stay out of service while it waits, and a step that fails in
    /// every window anew would never count.
    pub(crate) fn try_again(&self, ended: Ended) -> Option<Then> {
        let (r, slot, visit, position) = (ended.r, ended.slot, ended.visit, ended.position);
        let retry = &self.rollouts[r].plan.retry;
        if ended.attempt > retry.times {
            return None;
        }
        if !self.is_wanted(r, slot, visit, position) {
            return Some(self.turn_back(ended));
        }
        let wait = retry.wait.times(1 << u32::from(ended.attempt - 1).min(16));
        let (at, attempt) = (self.now + wait, ended.attempt + 1);
        let is_late = self.out_of_time_at(r, slot, visit, position, at).is_some();
        #[cfg(feature = "planted-bugs")]
        let is_late = is_late && !self.bug(crate::planted::Bug::RetryOutlastsWindow);
        if is_late {
            return None;
        }
        Some(Then::Retry {
            position,
            attempt,
            at,
        })
    }

    fn after_unreachable(&self, ended: Ended) -> Then {
        if self.is_beside(ended) {
            // Of the host itself that says nothing. The next attempt is another member's.
            let why = FailWhy::PeerUnreachable;
            return self.after_failure(ended, why);
        }
        if let Some(then) = self.unanswered(ended) {
            return then;
        }
        if ended.kind == StepKind::Unsilence && ended.ending != Ending::Well {
            let again = self.try_again(ended);
            return again.unwrap_or_else(|| self.end_as(ended, ended.ending));
        }
        let record = self.rollouts[ended.r].rec.slots[ended.slot as usize];
        // The flag of the step itself is set since it was issued; it is known not to have begun.
        let own = match ended.kind {
            StepKind::Drain => SlotRec::DRAINED,
            StepKind::Apply | StepKind::Rollback => SlotRec::APPLYING,
            StepKind::Inspect
            | StepKind::Precheck
            | StepKind::Ready
            | StepKind::Last
            | StepKind::Silence
            | StepKind::Reboot
            | StepKind::Verify
            | StepKind::CareVerify
            | StepKind::Undrain
            | StepKind::Unsilence
            | StepKind::Stage
            | StepKind::Recovery
            | StepKind::Protect
            | StepKind::Unprotect => 0,
        };
        let touched = record.is((SlotRec::DRAINED | SlotRec::APPLYING) & !own)
            || record.is(SlotRec::RETRYING);
        #[cfg(feature = "planted-bugs")]
        let lost_is_offline = self.bug(crate::planted::Bug::LostIsOffline);
        #[cfg(feature = "planted-bugs")]
        if lost_is_offline && ended.visit == VisitKind::Update {
            let until = self.now + self.rollouts[ended.r].plan.offline_retry;
            return Then::End {
                to: HostState::Offline,
                until,
            };
        }
        let untouched = !record.is(SlotRec::CHANGED) && !self.is_failed_again(ended.r, ended.slot);
        if !touched && ended.visit == VisitKind::Update && untouched {
            return self.end_silence(ended, Ending::Offline);
        }
        if ended.kind.takes_down() {
            return self.end_silence(ended, Ending::Lost);
        }
        let again = self.try_again(ended);
        again.unwrap_or_else(|| self.end_silence(ended, Ending::Lost))
    }

    /// Whether a step runs on a peer of its host.
    fn is_beside(&self, ended: Ended) -> bool {
        let step = self.rollouts[ended.r].step(ended.slot, ended.visit, ended.position);
        step.is_some_and(|step| step.step.at == Place::Peer)
    }

    /// The step began, is not running, and left no result; re-attaching has shown that.
    fn after_interruption(&self, ended: Ended) -> Then {
        #[cfg(feature = "planted-bugs")]
        if self.bug(crate::planted::Bug::InterruptedRepeated) {
            return self.go_to(ended, ended.position, ended.attempt);
        }
        let rollout = &self.rollouts[ended.r];
        let Some(step) = rollout.step(ended.slot, ended.visit, ended.position) else {
            return self.fail(ended, FailWhy::Interrupted);
        };
        match ended.kind {
            StepKind::Apply | StepKind::Rollback => match step.step.after_crash {
                AfterCrash::Repeat => self.again_or_fail(ended),
                AfterCrash::Inspect => match self.inspection(ended) {
                    Some(position) => self.go_to(ended, position, ended.attempt),
                    None => self.fail(ended, FailWhy::Interrupted),
                },
            },
            // Looking and checking change nothing, and a role's care is idempotent by contract; so is what is fetched, and a
            // snapshot.
            StepKind::Inspect
            | StepKind::Precheck
            | StepKind::Ready
            | StepKind::Last
            | StepKind::Silence
            | StepKind::Drain
            | StepKind::Verify
            | StepKind::CareVerify
            | StepKind::Undrain
            | StepKind::Unsilence
            | StepKind::Stage
            | StepKind::Protect
            | StepKind::Unprotect => self.again_or_fail(ended),
            StepKind::Reboot => match step.step.after_crash {
                AfterCrash::Repeat => self.again_or_fail(ended),
                AfterCrash::Inspect => self.fail(ended, FailWhy::Interrupted),
            },
            StepKind::Recovery => match step.step.after_crash {
                AfterCrash::Repeat => self.again_or_fail(ended),
                // Whether it did what it was for is seen by whether the host answers.
                AfterCrash::Inspect => self.go_to(ended, ended.position + 1, 1),
            },
        }
    }

    /// An interrupted step has at least one more attempt: the interruption may not have been its fault.
    fn again_or_fail(&self, ended: Ended) -> Then {
        #[cfg(feature = "planted-bugs")]
        if self.bug(crate::planted::Bug::InterruptedIsDone) && ended.kind == StepKind::Verify {
            return self.go_to(ended, ended.position + 1, 1);
        }
        if ended.attempt > self.rollouts[ended.r].plan.retry.times.max(1) {
            return self.fail(ended, FailWhy::Interrupted);
        }
        self.go_to(ended, ended.position, ended.attempt + 1)
    }

    /// Where the visit's route can look at what is installed; a rollback visit cannot.
    fn inspection(&self, ended: Ended) -> Option<u8> {
        self.rollouts[ended.r]
            .route(ended.slot)
            .position(ended.visit, StepKind::Inspect)
    }

    /// The step failed for good.
    pub(crate) fn fail(&self, ended: Ended, why: FailWhy) -> Then {
        if ended.kind == StepKind::Unsilence {
            // The silence ends by itself. What is so of the host does not depend on it.
            return self.end_as(ended, ended.ending);
        }
        let applying = self.rollouts[ended.r].rec.slots[ended.slot as usize].is(SlotRec::APPLYING);
        let ended = if ended.kind == StepKind::Inspect && applying {
            // The look was for the sake of the change that was interrupted, and that is what failed.
            Ended {
                kind: StepKind::Apply,
                ..ended
            }
        } else {
            ended
        };
        let ending = match ended.ending {
            // What failed first is what is told.
            Ending::Failed { step, why } => Ending::Failed { step, why },
            Ending::Well
            | Ending::BackToPending
            | Ending::Withheld
            | Ending::Offline
            | Ending::Lost => Ending::Failed {
                step: ended.kind,
                why,
            },
        };
        if ended.kind == StepKind::Undrain {
            return self.end_silence(ended, ending);
        }
        #[cfg(feature = "planted-bugs")]
        if self.bug(crate::planted::Bug::UndrainForgotten) {
            return self.end_as(ended, ending);
        }
        self.leave(ended, ending)
    }

    /// Goes to a step of the visit if it may run now; ends the visit behind its last one.
    pub(crate) fn go_to(&self, ended: Ended, position: u8, attempt: u8) -> Then {
        // What brings a host back is left out unless the host did not answer, which was so.
        let is_repeated = ended.kind == StepKind::Recovery && position == ended.position;
        let position = if is_repeated {
            position
        } else {
            self.heeded(ended.r, ended.slot, ended.visit, position)
        };
        if self.rollouts[ended.r]
            .step(ended.slot, ended.visit, position)
            .is_none()
        {
            return self.end_as(ended, Ending::Well);
        }
        if self.may_run(ended.r, ended.slot, ended.visit, position) {
            return Then::Step {
                position,
                attempt,
                ending: ended.ending,
            };
        }
        self.turn_back(Ended { position, ..ended })
    }

    /// The scope is held and the step at `position` may not start: back into service, with what was reached so far.
    pub(crate) fn turn_back(&self, ended: Ended) -> Then {
        let ending = match ended.ending {
            Ending::Failed { .. }
            | Ending::Withheld
            | Ending::BackToPending
            | Ending::Offline
            | Ending::Lost => ended.ending,
            Ending::Well => {
                self.ending_when_turned_back(ended.r, ended.slot, ended.visit, ended.position)
            }
        };
        self.leave(ended, ending)
    }

    /// What a visit has reached when the step at `position` is not to start.
    pub(crate) fn ending_when_turned_back(
        &self,
        r: usize,
        slot: u32,
        visit: VisitKind,
        position: u8,
    ) -> Ending {
        let applied = self.rollouts[r]
            .route(slot)
            .position(VisitKind::Update, StepKind::Apply)
            .is_some_and(|apply| position > apply);
        match visit {
            VisitKind::Update if !applied => Ending::BackToPending,
            VisitKind::Update | VisitKind::Restart | VisitKind::Errand => Ending::Withheld,
            // Whatever it has by now, it is not taken back.
            VisitKind::Rollback => Ending::Failed {
                step: self.rollouts[r]
                    .step(slot, visit, position)
                    .map_or(StepKind::Rollback, |step| step.kind),
                why: FailWhy::Interrupted,
            },
        }
    }

    /// Heads for an ending that is not the planned one: only what puts the host back into service still runs.
    fn leave(&self, ended: Ended, ending: Ending) -> Then {
        let record = self.rollouts[ended.r].rec.slots[ended.slot as usize];
        let own = ended.kind == StepKind::Drain && !ended.began && !record.is(SlotRec::RETRYING);
        let drained = record.is(SlotRec::DRAINED) && !own;
        let undrain = self.rollouts[ended.r]
            .route(ended.slot)
            .position(ended.visit, StepKind::Undrain);
        match undrain {
            Some(position) if drained => Then::Step {
                position,
                attempt: 1,
                ending,
            },
            Some(_) | None => self.end_silence(ended, ending),
        }
    }

    /// Ends the silence of a host that needs nothing else any more, where it may be silenced, and the visit with that.
    fn end_silence(&self, ended: Ended, ending: Ending) -> Then {
        #[cfg(feature = "planted-bugs")]
        if self.bug(crate::planted::Bug::SilenceForgotten) {
            return self.end_as(ended, ending);
        }
        let rollout = &self.rollouts[ended.r];
        let runs = matches!(
            rollout.rec.slots[ended.slot as usize].state,
            HostState::Running { .. }
        );
        // The step itself is noted as a silence since it was issued.
        let own = ended.kind == StepKind::Silence && runs && !ended.began && ended.attempt == 1;
        let is_silenced = rollout.rec.silenced.contains(&ended.slot) && !own;
        let position = rollout
            .route(ended.slot)
            .position(ended.visit, StepKind::Unsilence);
        let step = position.and_then(|at| rollout.step(ended.slot, ended.visit, at));
        let unreached = matches!(ending, Ending::Offline | Ending::Lost)
            && step.is_some_and(|step| step.step.at == Place::Host);
        match position {
            Some(position) if is_silenced && !unreached && ended.kind != StepKind::Unsilence => {
                Then::Step {
                    position,
                    attempt: 1,
                    ending,
                }
            }
            Some(_) | None => self.end_as(ended, ending),
        }
    }

    fn end_as(&self, ended: Ended, ending: Ending) -> Then {
        let (to, until) = self.state_after(ended.r, ended.slot, ended.visit, ending);
        Then::End { to, until }
    }

    /// The state a visit of this kind ends in, and when that is due to change by itself.
    pub(crate) fn state_after(
        &self,
        r: usize,
        slot: u32,
        visit: VisitKind,
        ending: Ending,
    ) -> (HostState, Timestamp) {
        let never = Timestamp::NEVER;
        match ending {
            // A visit that came to nothing has mended nothing.
            Ending::BackToPending if self.is_failed_again(r, slot) => (HostState::Again, never),
            Ending::BackToPending => (HostState::Pending, never),
            #[cfg(feature = "planted-bugs")]
            Ending::Offline if self.bug(crate::planted::Bug::OfflineForgotten) => {
                (HostState::Offline, never)
            }
            Ending::Offline => (
                HostState::Offline,
                self.now + self.rollouts[r].plan.offline_retry,
            ),
            Ending::Lost => (HostState::Lost, never),
            Ending::Withheld => (HostState::RestartWithheld, never),
            Ending::Failed {
                step,
                why: why @ (FailWhy::RestartLoop | FailWhy::NotBack),
            } if visit != VisitKind::Rollback && step != StepKind::Recovery => {
                (HostState::Unhealthy { why }, never)
            }
            // It was down before the check that failed, and is.
            Ending::Failed { step, why }
                if step.leaves_up() && visit != VisitKind::Rollback && self.stays_down(r, slot) =>
            {
                (HostState::Unhealthy { why }, never)
            }
            Ending::Failed { step, why } => match visit {
                VisitKind::Rollback => (HostState::RollbackFailed { step, why }, never),
                VisitKind::Update | VisitKind::Restart | VisitKind::Errand => {
                    (HostState::Failed { step, why }, never)
                }
            },
            Ending::Well => match visit {
                VisitKind::Rollback => (HostState::RolledBack, never),
                VisitKind::Update | VisitKind::Restart | VisitKind::Errand => {
                    let plan = &self.rollouts[r].plan;
                    let settle = plan.pace.settle;
                    #[cfg(feature = "planted-bugs")]
                    if self.bug(crate::planted::Bug::SettleSkipped) {
                        return (HostState::Updated, never);
                    }
                    if !plan.gates.is_empty() {
                        // The evidence of before is forgotten with this very event; settling begins with the first good
                        // sample, and where the rollout is to end it must not wait for ever.
                        (HostState::Settling, self.settle_bound(r))
                    } else if settle.millis() == 0 {
                        (HostState::Updated, never)
                    } else {
                        (HostState::Settling, self.now + settle)
                    }
                }
            },
        }
    }

    /// When settling ends without any evidence: only where the rollout is ending anyway.
    pub(crate) fn settle_bound(&self, r: usize) -> Timestamp {
        if !self.rollouts[r].rec.state.is_ending() {
            return Timestamp::NEVER;
        }
        let plan = &self.rollouts[r].plan;
        let patience = plan.gates.iter().map(|gate| gate.down_for).max();
        self.now + plan.pace.settle.plus(patience.unwrap_or_default())
    }

    /// Whether new work is held for visits of this kind in a rollout (I4).
    pub(crate) fn is_held_for(&self, r: usize, visit: VisitKind) -> bool {
        #[cfg(feature = "planted-bugs")]
        if self.bug(crate::planted::Bug::StartsWhileHalted) {
            return false;
        }
        let fleet_held = !matches!(self.hold, FleetHold::Free);
        #[cfg(feature = "planted-bugs")]
        let fleet_held = fleet_held && !(r == 0 && self.bug(crate::planted::Bug::StopMissesOne));
        #[cfg(feature = "planted-bugs")]
        if self.bug(crate::planted::Bug::SupersededGoesOn) && self.withholds_restarts(r) {
            return fleet_held;
        }
        match &self.rollouts[r].rec.state {
            RolloutState::Advancing(_) => fleet_held,
            RolloutState::RollingBack => visit != VisitKind::Rollback || fleet_held,
            RolloutState::Proposed
            | RolloutState::Paused { .. }
            | RolloutState::Halted { .. }
            | RolloutState::Cancelling
            | RolloutState::Completed
            | RolloutState::RolledBack
            | RolloutState::Cancelled
            | RolloutState::Superseding { .. }
            | RolloutState::Superseded { .. } => true,
        }
    }

    /// Whether a visit that has begun may go on to this step although its scope is held.
    pub(crate) fn may_go_on_when_held(
        &self,
        r: usize,
        slot: u32,
        visit: VisitKind,
        position: u8,
    ) -> bool {
        let rollout = &self.rollouts[r];
        rollout.step(slot, visit, position).is_some_and(|step| {
            // A policy may want visits finished when its rollout is held; not on a host that is not to be touched itself, and
            // not where a fix is there: the host gets that before it restarts.
            let finishes = rollout.plan.on_halt == OnHalt::Finish
                && !self.withholds_restarts(r)
                && !self.is_on_hold(self.host_of(r, slot))
                && !self.is_poisoned(r, slot, visit)
                && !self.is_advised(r, slot, visit);
            step.kind.may_start_when_held(visit) || step.kind == StepKind::Reboot && finishes
        })
    }

    pub(crate) fn may_run(&self, r: usize, slot: u32, visit: VisitKind, position: u8) -> bool {
        self.is_wanted(r, slot, visit, position)
            && self.out_of_time(r, slot, visit, position).is_none()
    }

    /// A hold begins: hosts that wait between two attempts do not stay out of service for the length of it.
    pub(crate) fn take_back(&mut self, r: usize, out: &mut Vec<Event>) {
        if self.rollouts[r].idx.visiting == 0 && self.rollouts[r].idx.settling == 0 {
            return;
        }
        for slot in 0..self.rollouts[r].rec.slots.len() {
            self.take_back_slot(r, u32::try_from(slot).unwrap_or(u32::MAX), out);
        }
    }

    /// The same for one host.
    pub(crate) fn take_back_slot(&mut self, r: usize, slot: u32, out: &mut Vec<Event>) {
        let record = self.rollouts[r].rec.slots[slot as usize];
        match record.state {
            HostState::Ready {
                visit,
                position,
                ending,
                ..
            }
            | HostState::Backoff {
                visit,
                position,
                ending,
                ..
            } => {
                if !self.may_run(r, slot, visit, position) {
                    self.turn_back_now(r, slot, visit, position, ending, out);
                }
            }
            HostState::Settling if record.until == Timestamp::NEVER => {
                let until = self.settle_bound(r);
                if until != Timestamp::NEVER {
                    self.move_host(r, slot, HostState::Settling, until, out);
                }
            }
            HostState::Pending
            | HostState::Running { .. }
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
            | HostState::ChangedOutside
            // Nobody can be called back from there; the visit goes on, or back, when they have said how it ended.
            | HostState::ByHand { .. } => {}
        }
    }

    /// A host between two steps is sent back into service.
    pub(crate) fn turn_back_now(
        &mut self,
        r: usize,
        slot: u32,
        visit: VisitKind,
        position: u8,
        ending: Ending,
        out: &mut Vec<Event>,
    ) {
        let kind = self.rollouts[r]
            .step(slot, visit, position)
            .map_or(StepKind::Inspect, |step| step.kind);
        let ended = Ended {
            r,
            slot,
            visit,
            position,
            attempt: 1,
            ending,
            kind,
            began: false,
        };
        let then = self.turn_back(ended);
        self.follow_by_moving(r, slot, visit, then, out);
    }

    /// A host between two steps goes on as is said to follow.
    pub(crate) fn follow_by_moving(
        &mut self,
        r: usize,
        slot: u32,
        visit: VisitKind,
        then: Then,
        out: &mut Vec<Event>,
    ) {
        let (to, until) = match self.of_the_fleet(r, slot, then) {
            Then::Step {
                position,
                attempt,
                ending,
            } => (
                HostState::Ready {
                    visit,
                    position,
                    attempt,
                    ending,
                },
                Timestamp::NEVER,
            ),
            Then::End { to, until } => (to, until),
            Then::Retry { .. } | Then::Nothing | Then::Over => return,
        };
        self.move_host(r, slot, to, until, out);
    }

    pub(crate) fn move_host(
        &mut self,
        r: usize,
        slot: u32,
        to: HostState,
        until: Timestamp,
        out: &mut Vec<Event>,
    ) {
        let rollout: RolloutId = self.rollouts[r].rec.id;
        self.emit(
            Event::HostMoved {
                rollout,
                slot: Slot(slot),
                to,
                until,
            },
            out,
        );
    }

    /// Whether the host has the update and is observed for harm.
    pub(crate) fn is_observed(&self, r: usize, slot: u32) -> bool {
        let state = self.rollouts[r].rec.slots[slot as usize].state;
        state.class().is_observed()
    }
}
