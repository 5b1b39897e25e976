//! Hosts that are broken and do not answer: what brings them back, so that the visit that mends them can go on.
//!
//! This module decides when a recipe's `recovery` runs, and for how long its host may take to answer then. What follows from
//! its end is decided where that of every step is; `fold` carries it out.
//!
//! # The rule
//!
//! A host of the ring `recovery` is asked for the first step of its visit that runs on the host as often as `retry` says. Where
//! it does not answer, `recovery` runs beside it, as often as `retry` says until its command succeeds. Then the host is asked
//! again, until it answers or `back_within` is over. In one visit it is brought back once; a person's `retry` is another visit.
//!
//! # Invariants
//!
//! * It runs for nobody else: not in other rings, not in other visits, not for a host that has answered in this visit, not once
//!   anything was done to it in this visit.
//! * A host that a gate's probe finds up is not brought back: what serves is not taken down to be mended.
//! * Its host is down in every account before it, meanwhile, and until its visit has ended (I3, I7).

use ringway_model::{
    AfterCrash, Evidence, FailWhy, Place, RingIndex, Span, StepKind, StepResult, Timestamp,
};
use ringway_scheduler::plan::More;

use crate::engine::Engine;
use crate::event::Then;
use crate::slot::SlotRec;
use crate::visit::Ended;

/// How often a host is asked that was brought back: seldom enough that ten minutes of it are forty lines of the journal, often
/// enough that nobody waits for the next one.
const ASKED_EVERY: Span = Span::seconds(15);

/// In place of the instant by which a host has to answer: it has answered in this visit.
const ANSWERED: Timestamp = Timestamp::NEVER;

impl Engine {
    /// What follows where the first step of a visit was not answered by its host, and where it was not recovery's own command
    /// that could not be run; none where that is nothing special.
    pub(crate) fn unanswered(&self, ended: Ended) -> Option<Then> {
        if ended.kind == StepKind::Recovery {
            // It runs beside the host, of which this says nothing.
            return Some(
                self.try_again(ended)
                    .unwrap_or_else(|| self.fail(ended, FailWhy::Refused)),
            );
        }
        let Ended { r, slot, visit, .. } = ended;
        let route = self.rollouts[r].route(slot);
        let recovery = route.position(visit, StepKind::Recovery)?;
        if !self.is_first_asked(ended) {
            return None;
        }
        let as_recovery = Ended {
            kind: StepKind::Recovery,
            ..ended
        };
        if let Some(&until) = self.rollouts[r].rec.recovered.get(&slot) {
            if until == ANSWERED {
                return None;
            }
            if self.now >= until {
                return Some(self.fail(as_recovery, FailWhy::NotBack));
            }
            if !self.may_run(r, slot, visit, ended.position) {
                return Some(self.turn_back(ended));
            }
            return Some(Then::Retry {
                position: ended.position,
                attempt: ended.attempt,
                at: (self.now + ASKED_EVERY).min(until),
            });
        }
        if !self.may_be_recovered(r, slot) {
            return None;
        }
        if let Some(again) = self.asked_again(ended) {
            return Some(again);
        }
        if !self.may_run(r, slot, visit, ended.position) {
            return Some(self.turn_back(ended));
        }
        if self.serves(r, slot) {
            return Some(self.fail(as_recovery, FailWhy::Serves));
        }
        Some(Then::Step {
            position: recovery,
            attempt: 1,
            ending: ended.ending,
        })
    }

    fn asked_again(&self, ended: Ended) -> Option<Then> {
        #[cfg(feature = "planted-bugs")]
        if self.bug(crate::planted::Bug::RecoversUnasked) {
            return None;
        }
        self.try_again(ended)
    }

    /// Whether a host is one of those that may be brought back: broken by what its rollout supersedes, and down since.
    fn may_be_recovered(&self, r: usize, slot: u32) -> bool {
        #[cfg(feature = "planted-bugs")]
        if self.bug(crate::planted::Bug::RecoversAnybody) {
            return true;
        }
        self.is_recovery(r, RingIndex::at(self.rollouts[r].ring_of(slot)))
            && self.is_failed_again(r, slot)
    }

    /// Whether a probe finds a host up although it does not answer.
    fn serves(&self, r: usize, slot: u32) -> bool {
        #[cfg(feature = "planted-bugs")]
        if self.bug(crate::planted::Bug::RecoversWhatServes) {
            return false;
        }
        #[cfg(feature = "planted-bugs")]
        if self.bug(crate::planted::Bug::ServesUnseen) {
            return true;
        }
        self.gate_that_is(r, slot, Evidence::Up).is_some()
    }

    /// Whether a step is the first of its visit for which the host itself is asked, and nothing was done to it before.
    fn is_first_asked(&self, ended: Ended) -> bool {
        let Ended { r, slot, visit, .. } = ended;
        let rollout = &self.rollouts[r];
        if ended.kind.takes_down()
            || rollout.rec.slots[slot as usize].is(SlotRec::DRAINED | SlotRec::APPLYING)
        {
            return false;
        }
        let asks = |position: u8| {
            let step = rollout.step(slot, visit, position);
            step.is_some_and(|step| {
                let left_out = step.kind.may_postpone() && self.asks_nobody(r, slot, visit);
                step.step.at == Place::Host && !left_out
            })
        };
        let first = self.first_counted(r, slot, visit);
        asks(ended.position) && !(first..ended.position).any(asks)
    }

    /// A host was brought back, or it is not known whether: it has so long to answer. Or it answered, so that it need not be.
    pub(crate) fn note_recovery(
        &mut self,
        r: usize,
        slot: u32,
        kind: StepKind,
        result: &StepResult,
    ) {
        let step = self.rollouts[r].route(slot).step_for(kind);
        let Some(step) = step else { return };
        let More::Recovery { back_within } = step.more else {
            let silent = matches!(result, StepResult::Unreachable | StepResult::NotStarted);
            if step.step.at == Place::Host && !silent && self.may_be_recovered(r, slot) {
                self.rollouts[r].rec.recovered.insert(slot, ANSWERED);
            }
            return;
        };
        let is_over = match result {
            StepResult::Done => true,
            StepResult::Interrupted => step.step.after_crash == AfterCrash::Inspect,
            StepResult::Found { .. }
            | StepResult::Back { .. }
            | StepResult::Failed(_)
            | StepResult::Unreachable
            | StepResult::NotStarted
            | StepResult::Answered { .. }
            | StepResult::Protected { .. } => false,
        };
        #[cfg(feature = "planted-bugs")]
        let is_over = is_over && !self.bug(crate::planted::Bug::RecoversForEver);
        if is_over {
            let until = self.now + back_within;
            self.rollouts[r].rec.recovered.insert(slot, until);
        }
    }
}
