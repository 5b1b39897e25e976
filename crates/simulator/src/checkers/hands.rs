//! Work by hand: it is asked of a person and never of a worker (I15), and ends by a person's word alone (I11), with the
//! evidence that its recipe wants.

use ringway_engine::{Command, Ending, Exhibit, Input, Then, Told};
use ringway_model::{Actor, FailWhy, IntentId, RolloutId, Slot, StepResult, Timestamp};
use ringway_scheduler::plan::{More, StepPlan};

use super::facts::Facts;
use super::starts::step_of;
use super::{Broken, ensure};

/// A word of a person in a batch's inputs.
#[derive(Clone, Debug)]
pub(super) struct Said {
    actor: Actor,
    host: String,
    told: Told,
    exhibit: Option<Exhibit>,
}

impl Said {
    pub(super) fn of(input: &Input) -> Option<Self> {
        let Input::Command {
            actor,
            command:
                Command::Done {
                    host,
                    told,
                    exhibit,
                    ..
                },
        } = input
        else {
            return None;
        };
        Some(Self {
            actor: actor.clone(),
            host: host.clone(),
            told: *told,
            exhibit: exhibit.clone(),
        })
    }
}

/// Whether a person does a step.
pub(super) const fn is_by_hand(step: &StepPlan) -> bool {
    match step.more {
        More::Manual { .. } => true,
        More::Nothing
        | More::Inspect { .. }
        | More::Reboot { .. }
        | More::Ready { .. }
        | More::Last { .. }
        | More::Silence { .. }
        | More::Recovery { .. }
        | More::Protect { .. }
        | More::Stage { .. } => false,
    }
}

impl Facts {
    /// A person says how the step ended that their host is at.
    pub(super) fn work_told(
        &mut self,
        intent: IntentId,
        actor: &Actor,
        told: Told,
        exhibit: Option<&Exhibit>,
    ) -> Result<(), Broken> {
        let (rollout, slot) = self.place(intent.rollout(), intent.slot())?;
        let host = rollout.plan.slots[slot].host;
        let visit = rollout.slots[slot].visit;
        let at = visit.filter(|visit| visit.running == Some(intent));
        let step = at.and_then(|visit| step_of(rollout, slot, visit.kind, visit.at.0));
        let Some(more) = step.map(|step| &step.more) else {
            return Err((
                super::Invariant::I11,
                format!("{intent} is told by {actor} and nobody works there"),
            ));
        };
        let More::Manual { evidence, .. } = more else {
            return Err((
                super::Invariant::I11,
                format!("{actor} tells of {intent}, which a command does"),
            ));
        };
        ensure!(
            told != Told::Done || !evidence || exhibit.is_some(),
            I11,
            "{intent} is done, says {actor}, and shows nothing for it"
        );
        let name = self
            .fleet
            .as_ref()
            .map(|fleet| fleet.hosts[host.index()].name.clone());
        let was_said = self.told_by_hand.iter().any(|said| {
            said.actor == *actor
                && Some(&said.host) == name.as_ref()
                && said.told == told
                && said.exhibit.as_ref() == exhibit
        });
        ensure!(
            was_said,
            I11,
            "{intent} ended by a word of {actor} that nobody said"
        );
        let result = match told {
            Told::Done => StepResult::Done,
            Told::Failed => StepResult::Failed(FailWhy::Person),
            Told::Untouched => StepResult::NotStarted,
        };
        self.words.push((intent, result));
        Ok(())
    }

    /// A result of a step that a person did is their word; of any other it is not.
    pub(super) fn check_heard(
        &self,
        intent: IntentId,
        result: &StepResult,
        by_hand: bool,
        then: Then,
    ) -> Result<(), Broken> {
        let heard = if by_hand { &self.words } else { &self.results };
        ensure!(
            heard
                .iter()
                .any(|(heard, what)| *heard == intent && what == result),
            I11,
            "{intent} ended with {result:?}, which nobody reported"
        );
        // Whoever says that nothing was begun is not asked for the same at once.
        let again = matches!(
            then,
            Then::Step {
                ending: Ending::Well,
                ..
            }
        );
        ensure!(
            !(by_hand && *result == StepResult::NotStarted && again),
            Story,
            "{intent} was never begun, as a person says, and its visit goes on"
        );
        Ok(())
    }

    /// Work is said to be overdue: it is, and still going on.
    pub(super) fn check_overdue(
        &self,
        id: RolloutId,
        slot: Slot,
        until: Timestamp,
    ) -> Result<(), Broken> {
        let (rollout, index) = self.place(id, slot)?;
        let visit = rollout.slots[index].visit;
        let at = visit.filter(|visit| visit.running.is_some());
        let step = at.and_then(|visit| step_of(rollout, index, visit.kind, visit.at.0));
        let by_hand = step.is_some_and(is_by_hand);
        let due = at.map_or(Timestamp::NEVER, |visit| visit.due);
        ensure!(
            by_hand && until == Timestamp::NEVER && due <= self.now,
            Story,
            "slot {} of {id} is said to be worked on by hand for too long",
            slot.0
        );
        Ok(())
    }
}
