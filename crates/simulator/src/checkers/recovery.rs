//! What brings back a broken host that does not answer runs for nobody else, and nobody to whom it is owed is given up without
//! it.
//!
//! Who may be brought back is read here from the plan's parts, from the results of steps and from the probes, by the rule as it
//! is written, and not from what the decider remembers.

use ringway_engine::{Ending, HostState, Then};
use ringway_model::{
    AfterCrash, Evidence, FailWhy, IntentId, Place, RolloutId, Span, StepKind, StepResult,
    Timestamp, VisitKind,
};
use ringway_scheduler::Part;
use ringway_scheduler::plan::{More, StepPlan};

use super::facts::{Facts, RolloutFacts, SlotFacts, Visit};
use super::starts::{step_of, takes_down};
use super::supersede::part_in;
use super::{Broken, ensure};

/// Whether the host of a visit answers, and what was done where it did not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RecoveryFacts {
    /// The last attempt that was not answered.
    unanswered: u8,
    /// A step was answered on the host itself.
    answered: bool,
    /// By when the host has to answer that was brought back.
    until: Option<Timestamp>,
    /// What brings it back was decided.
    tried: bool,
}

impl RecoveryFacts {
    pub(super) const NONE: Self = Self {
        unanswered: 0,
        answered: false,
        until: None,
        tried: false,
    };

    /// Whether a host is asked once more because it was brought back and has time to answer.
    pub(super) fn is_awaited(&self, now: Timestamp, at: Timestamp) -> bool {
        self.until
            .is_some_and(|until| now < until && at <= until && !self.answered)
    }
}

/// What a result says of whether the host answers.
pub(super) fn note_answer(
    facts: &mut SlotFacts,
    step: &StepPlan,
    result: &StepResult,
    now: Timestamp,
) {
    let Some(visit) = &mut facts.visit else {
        return;
    };
    let recovery = &mut visit.recovery;
    if let More::Recovery { back_within } = step.more {
        let repeats = step.step.after_crash == AfterCrash::Repeat;
        let is_over = matches!(result, StepResult::Done)
            || matches!(result, StepResult::Interrupted) && !repeats;
        if is_over {
            recovery.until = Some(now + back_within);
        }
        return;
    }
    if step.step.at != Place::Host {
        return;
    }
    match result {
        StepResult::Unreachable if !takes_down(step.kind) => {
            recovery.unanswered = recovery.unanswered.max(visit.at.1);
        }
        StepResult::Unreachable | StepResult::NotStarted => {}
        StepResult::Done
        | StepResult::Found { .. }
        | StepResult::Back { .. }
        | StepResult::Failed(_)
        | StepResult::Interrupted
        | StepResult::Protected { .. }
        | StepResult::Answered { .. } => recovery.answered = true,
    }
}

/// Whether a host is one of those that may be brought back.
fn is_owed(rollout: &RolloutFacts, slot: usize, visit: &Visit) -> bool {
    visit.kind == VisitKind::Update
        && rollout.slots[slot].rest == HostState::Again
        && part_in(rollout, slot) == Some(Part::Broken)
}

impl Facts {
    /// A visit begins with asking the host.
    pub(super) fn check_not_recovered_first(
        &self,
        intent: IntentId,
        kind: StepKind,
    ) -> Result<(), Broken> {
        let (rollout, slot) = self.place(intent.rollout(), intent.slot())?;
        let host = rollout.plan.slots[slot].host;
        ensure!(
            kind != StepKind::Recovery,
            Story,
            "{intent} brings back host {}, which nobody has asked",
            host.0
        );
        Ok(())
    }

    /// Whether what follows from a step is that its host is brought back; only where that may be.
    pub(super) fn check_recovery(
        &mut self,
        intent: IntentId,
        visit: &Visit,
        step: &StepPlan,
        (result, then): (&StepResult, Then),
    ) -> Result<bool, Broken> {
        let (rollout, slot) = self.place(intent.rollout(), intent.slot())?;
        if says_that_it_serves(then) {
            let known = &self.hosts[rollout.plan.slots[slot].host.index()];
            let mut gates = rollout.plan.gates.iter();
            ensure!(
                gates.any(|gate| known.evidence(gate.probe).0 == Evidence::Up),
                I12,
                "{intent} ended with {result:?}: its host is not brought back since it serves, and no probe says so"
            );
        }
        let Then::Step { position, .. } = then else {
            return Ok(false);
        };
        let next = step_of(rollout, slot, visit.kind, position);
        let recovers = next.is_some_and(|next| next.kind == StepKind::Recovery);
        if !recovers || step.kind == StepKind::Recovery {
            return Ok(false);
        }
        let attempts = rollout.plan.retry.times.saturating_add(1);
        let is_silent = *result == StepResult::Unreachable
            && step.step.at == Place::Host
            && !visit.recovery.answered
            && !takes_down(step.kind);
        let host = rollout.plan.slots[slot].host;
        ensure!(
            is_silent && is_owed(rollout, slot, visit),
            Story,
            "{intent} ended with {result:?}, and host {} is brought back, which is no broken one that does not answer",
            host.0
        );
        ensure!(
            visit.at.1 >= attempts,
            Story,
            "host {} is brought back and was asked {} times of {attempts}",
            host.0,
            visit.at.1
        );
        ensure!(
            !visit.recovery.tried,
            Story,
            "host {} is brought back a second time in one visit",
            host.0
        );
        ensure!(
            !visit.applying && !visit.drained,
            I4,
            "host {} is brought back in the middle of what its visit does to it",
            host.0
        );
        let known = &self.hosts[host.index()];
        let mut gates = rollout.plan.gates.iter();
        ensure!(
            gates.all(|gate| known.evidence(gate.probe).0 != Evidence::Up),
            I7,
            "host {} is brought back and a probe finds that it serves",
            host.0
        );
        self.change(intent.rollout(), slot, |facts| {
            if let Some(visit) = &mut facts.visit {
                visit.recovery.tried = true;
            }
        });
        Ok(true)
    }

    /// A broken host that may be brought back is not given up before that was tried, and what is told of it is so.
    pub(super) fn check_not_given_up(
        &self,
        id: RolloutId,
        slot: usize,
        visit: &Visit,
        to: HostState,
    ) -> Result<(), Broken> {
        let rollout = self.rollout(id)?;
        let route = &rollout.plan.routes[rollout.plan.slots[slot].route.index()];
        let has_way = route
            .steps
            .iter()
            .any(|step| step.kind == StepKind::Recovery);
        let is_silent = visit.recovery.unanswered > 0 && !visit.recovery.answered;
        ensure!(
            to != HostState::Lost || !has_way || !is_silent || !is_owed(rollout, slot, visit),
            I12,
            "slot {slot} of {id} is lost without a word of what was to bring it back"
        );
        if let HostState::Failed {
            step: StepKind::Recovery,
            why,
        } = to
        {
            ensure!(
                visit.recovery.tried || why == FailWhy::Serves,
                I12,
                "slot {slot} of {id} failed at what brings it back, and that never ran"
            );
            let is_awaited = visit
                .recovery
                .until
                .is_some_and(|until| why == FailWhy::NotBack && self.now + Span(1) < until);
            ensure!(
                !is_awaited,
                I12,
                "slot {slot} of {id} is given up before its time to answer is over"
            );
        }
        Ok(())
    }
}

/// Whether a broken host is not brought back because a probe finds that it serves.
const fn says_that_it_serves(then: Then) -> bool {
    const fn is_it(step: StepKind, why: FailWhy) -> bool {
        matches!((step, why), (StepKind::Recovery, FailWhy::Serves))
    }
    match then {
        Then::End {
            to: HostState::Failed { step, why },
            ..
        }
        | Then::Step {
            ending: Ending::Failed { step, why },
            ..
        } => is_it(step, why),
        Then::End { .. } | Then::Step { .. } | Then::Retry { .. } | Then::Nothing | Then::Over => {
            false
        }
    }
}
