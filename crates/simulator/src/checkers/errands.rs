//! Errands: what runs for a host outside its visits. One step at a time on a host (I2), nothing in a held scope or on a host
//! that is not to be touched (I4), not before the ring before the host's is open (I1), no more at once than the recipe says
//! (Pace), and nothing of how it ends becomes something of its host.

use ringway_engine::Then;
use ringway_model::{IntentId, Place, RolloutId, StepKind, StepResult, Timestamp};
use ringway_scheduler::plan::{More, StepPlan};

use super::facts::{Class, Facts, Phase, RolloutFacts, ring_of};
use super::{Broken, ensure};

/// An errand that runs, and what staging a host has come to.
#[derive(Clone, Copy, Debug)]
pub(super) struct ErrandFacts {
    /// The errand that runs, its position and attempt.
    pub(super) runs: Option<(IntentId, u8, u8)>,
    /// What is to be installed lies on the host.
    pub(super) staged: bool,
    /// The attempt at staging that comes next, and not before when; none where there is none to come.
    next: Option<(u8, Option<Timestamp>)>,
    /// Whether any attempt was made.
    tried: bool,
}

impl ErrandFacts {
    /// Nothing was done.
    pub(super) const NONE: Self = Self {
        runs: None,
        staged: false,
        next: None,
        tried: false,
    };
}

/// The errands by position: what the journal's numbers mean.
const KINDS: [StepKind; 2] = [StepKind::Stage, StepKind::Unprotect];

/// The step of an errand, from the plan's tables.
pub(super) fn errand_of(rollout: &RolloutFacts, slot: usize, position: u8) -> Option<&StepPlan> {
    let kind = KINDS.get(usize::from(position))?;
    let route = &rollout.plan.routes[rollout.plan.slots[slot].route.index()];
    route.steps.iter().find(|step| step.kind == *kind)
}

impl Facts {
    /// Where an errand runs that removes something; none where it is for something else.
    fn removes_at(&self, intent: IntentId, position: u8) -> Option<Place> {
        let rollout = self.rollout(intent.rollout()).ok()?;
        let slot = intent.slot().index();
        let step = (slot < rollout.slots.len())
            .then(|| errand_of(rollout, slot, position))
            .flatten()?;
        (step.kind == StepKind::Unprotect).then_some(step.step.at)
    }

    /// An errand is decided.
    pub(super) fn errand_issued(
        &mut self,
        intent: IntentId,
        (position, attempt): (u8, u8),
    ) -> Result<(), Broken> {
        let id = intent.rollout();
        if let Some(at) = self.removes_at(intent, position) {
            return self.removal_issued(intent, (at, attempt));
        }
        let (rollout, slot) = self.place(id, intent.slot())?;
        let host = rollout.plan.slots[slot].host;
        let facts = rollout.slots[slot];
        ensure!(
            facts.serial.checked_add(1) == Some(intent.serial()),
            I5,
            "{intent} follows step {} of its slot: an id was left out or used again",
            facts.serial
        );
        let Some(step) = errand_of(rollout, slot, position) else {
            return Err((
                super::Invariant::I15,
                format!("{intent} is an errand that its plan does not have"),
            ));
        };
        if let Some(running) = self.hosts[host.index()].running {
            ensure!(
                false,
                I2,
                "{intent} starts on host {} while {running} runs there",
                host.0
            );
        }
        ensure!(
            facts.visit.is_none(),
            I2,
            "{intent} is an errand for host {} in the middle of its visit",
            host.0
        );
        self.visited_by_none(intent)?;
        match step.kind {
            StepKind::Stage => self.check_stage(intent, step, attempt)?,
            StepKind::Inspect
            | StepKind::Precheck
            | StepKind::Drain
            | StepKind::Apply
            | StepKind::Rollback
            | StepKind::Reboot
            | StepKind::Verify
            | StepKind::CareVerify
            | StepKind::Undrain
            | StepKind::Ready
            | StepKind::Last
            | StepKind::Silence
            | StepKind::Protect
            | StepKind::Unprotect
            | StepKind::Unsilence
            | StepKind::Recovery => {
                return Err((
                    super::Invariant::Story,
                    format!("{intent} runs `{}` outside a visit", step.kind),
                ));
            }
        }
        self.hosts[host.index()].running = Some(intent);
        self.change(id, slot, |facts| {
            facts.serial = intent.serial();
            facts.errand.runs = Some((intent, position, attempt));
            facts.errand.tried = true;
        });
        Ok(())
    }

    /// I2: no visit of another rollout is under way on the host either, whether or not a step of it runs now.
    fn visited_by_none(&self, intent: IntentId) -> Result<(), Broken> {
        let (rollout, slot) = self.place(intent.rollout(), intent.slot())?;
        let host = rollout.plan.slots[slot].host;
        for (other, place) in &self.hosts[host.index()].seats {
            let visited = self.rollouts.get(other).is_some_and(|rollout| {
                !rollout.phase.is_over() && rollout.slots[*place as usize].visit.is_some()
            });
            ensure!(
                !visited,
                I2,
                "{intent} is an errand for host {}, which {other} visits",
                host.0
            );
        }
        Ok(())
    }

    /// Whether a host may be staged now.
    fn check_stage(&self, intent: IntentId, step: &StepPlan, attempt: u8) -> Result<(), Broken> {
        let (rollout, slot) = self.place(intent.rollout(), intent.slot())?;
        let facts = &rollout.slots[slot];
        self.check_errand_scope(intent)?;
        ensure!(
            facts.class() == Class::Pending && !facts.errand.staged,
            Story,
            "{intent} stages a host that is {:?} (staged already: {})",
            facts.rest,
            facts.errand.staged
        );
        let ring = ring_of(&rollout.plan, slot);
        ensure!(
            rollout.opened > 0 && ring <= rollout.opened,
            I1,
            "{intent} stages ring {ring} while {} rings are open",
            rollout.opened
        );
        let (next, not_before) = facts.errand.next.unwrap_or((1, None));
        ensure!(
            facts.errand.next.is_some() || !facts.errand.tried,
            Story,
            "{intent} stages a host again that was given up"
        );
        ensure!(
            attempt == next && not_before.is_none_or(|at| at <= self.now),
            Story,
            "{intent} stages as attempt {attempt}; due is attempt {next}, not before {not_before:?}"
        );
        let staging = rollout.slots.iter().filter(|facts| {
            let position = facts.errand.runs.map(|(_, position, _)| position);
            position == Some(0)
        });
        let limit = match step.more {
            More::Stage { at_once } => usize::from(at_once),
            More::Nothing
            | More::Inspect { .. }
            | More::Reboot { .. }
            | More::Ready { .. }
            | More::Last { .. }
            | More::Silence { .. }
            | More::Recovery { .. }
            | More::Protect { .. }
            | More::Manual { .. } => 0,
        };
        let staging = staging.count();
        ensure!(
            staging < limit,
            Pace,
            "{intent} stages a host while {staging} are being staged, of {limit} at once"
        );
        Ok(())
    }

    /// I4: no errand starts in a held scope, on a held host, or on one that is gone. I10: none fetches what is poisoned, or
    /// what an advisory keeps from its host.
    pub(super) fn check_errand_scope(&self, intent: IntentId) -> Result<(), Broken> {
        let (rollout, slot) = self.place(intent.rollout(), intent.slot())?;
        let host = rollout.plan.slots[slot].host;
        ensure!(
            rollout.phase == Phase::Advancing && !self.stopped && !self.faulted,
            I4,
            "{intent} is an errand of a rollout that is {}",
            rollout.word()
        );
        ensure!(
            self.hosts[host.index()].holds.is_empty() && !self.is_gone(host),
            I4,
            "{intent} is an errand for host {}, which is not to be touched, or gone",
            host.0
        );
        self.check_harmless(intent)
    }

    /// An errand ended. Whether it was one.
    pub(super) fn errand_ended(
        &mut self,
        intent: IntentId,
        result: &StepResult,
        then: Then,
    ) -> Result<bool, Broken> {
        if self.removal_ended(intent, result, then)? {
            self.check_heard(intent, result, false, then)?;
            return Ok(true);
        }
        // Not by `place`: its rollout may be over, and a download that ends then is nobody's business.
        let rollout = self.rollout(intent.rollout())?;
        let slot = intent.slot().index();
        let Some(facts) = rollout.slots.get(slot) else {
            return Ok(false);
        };
        let runs = facts.errand.runs;
        let Some((_, position, attempt)) = runs.filter(|(runs, ..)| *runs == intent) else {
            ensure!(
                then != Then::Over,
                Story,
                "{intent} is over as an errand and was none"
            );
            return Ok(false);
        };
        self.check_heard(intent, result, false, then)?;
        let host = rollout.plan.slots[slot].host;
        let tries = rollout.plan.retry.times.saturating_add(1).max(2);
        let next = match then {
            Then::Over => {
                ensure!(
                    *result != StepResult::NotStarted,
                    I14,
                    "{intent} never began and is over"
                );
                None
            }
            Then::Retry {
                position: again,
                attempt: next,
                at,
            } => {
                let never_began = *result == StepResult::NotStarted;
                let expected = if never_began { attempt } else { attempt + 1 };
                ensure!(
                    again == position && next == expected && (next <= tries || position != 0),
                    Story,
                    "{intent} is repeated as attempt {next} after attempt {attempt}"
                );
                ensure!(
                    *result != StepResult::Done,
                    Story,
                    "{intent} did what it was for and is repeated"
                );
                Some((next, Some(at)))
            }
            Then::Step { .. } | Then::End { .. } | Then::Nothing => {
                return Err((
                    super::Invariant::Story,
                    format!("{intent} is an errand, and {then:?} follows for its host"),
                ));
            }
        };
        self.hosts[host.index()].running = None;
        let staged = position == 0 && *result == StepResult::Done;
        // Of no counter, and so also where its rollout is over meanwhile.
        let errand = &mut self.rollout_mut(intent.rollout())?.slots[slot].errand;
        errand.runs = None;
        if position == 0 {
            errand.staged |= staged;
            errand.next = next;
        }
        Ok(true)
    }

    /// Whether a step of a visit may be left out because it was done before: by an errand, or by a visit whose end it outlives.
    pub(super) fn was_done_before(&self, id: RolloutId, slot: usize, kind: StepKind) -> bool {
        let facts = self.rollouts.get(&id).map(|rollout| rollout.slots[slot]);
        kind == StepKind::Stage && facts.is_some_and(|facts| facts.errand.staged)
            || kind == StepKind::Protect && self.is_protected(id, slot)
    }

    /// An errand is handed out, if it is one: judged like a step of a visit.
    pub(super) fn may_hand_errand_out(&self, intent: IntentId) -> Option<Result<(), Broken>> {
        let (rollout, slot) = self.place(intent.rollout(), intent.slot()).ok()?;
        let (runs, ..) = rollout.slots[slot].errand.runs?;
        (runs == intent).then(|| self.check_errand_scope(intent))
    }
}
