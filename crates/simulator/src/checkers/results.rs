//! I11: what the result of a step lets follow. A visit goes on, and a host counts as updated, only after what says that the step
//! did what it was for; what nobody knows is no success.

use ringway_engine::{Ending, HostState, Then};
use ringway_model::{AfterCrash, IntentId, StepKind, StepResult};
use ringway_scheduler::plan::StepPlan;

use super::{Broken, ensure};

/// A result leads on only where it says that the step did what it was for.
pub(super) fn check_result(
    intent: IntentId,
    (step, at): (&StepPlan, u8),
    result: &StepResult,
    (then, recovers): (Then, bool),
) -> Result<(), Broken> {
    let kind = step.kind;
    let succeeded = matches!(
        result,
        StepResult::Done
            | StepResult::Found { .. }
            | StepResult::Back { .. }
            | StepResult::Protected { .. }
    );
    match then {
        Then::End {
            to: HostState::Settling | HostState::Updated | HostState::RolledBack,
            ..
        } => ensure!(
            // A silence ends by itself: what is so of the host does not depend on that it was ended.
            succeeded || kind == StepKind::Unsilence,
            I11,
            "{intent} (`{kind}`) ended with {result:?} and its visit is taken for a success"
        ),
        Then::End {
            to: HostState::Already,
            ..
        } => ensure!(
            matches!(
                result,
                StepResult::Found {
                    installed: true,
                    ..
                }
            ),
            I11,
            "{intent} ended with {result:?} and the release is taken to be there"
        ),
        Then::Retry { .. } => ensure!(
            !succeeded,
            Story,
            "{intent} ended with {result:?} and is repeated"
        ),
        Then::Step {
            ending: Ending::Well,
            position,
            ..
        } => ensure!(
            recovers || may_lead_on(step, result, position <= at),
            I11,
            "{intent} (`{kind}`) ended with {result:?} and its visit goes on as if nothing were wrong"
        ),
        Then::Step { .. } | Then::End { .. } | Then::Nothing | Then::Over => {}
    }
    Ok(())
}

/// Whether a visit goes on after a result as if nothing were wrong; `back`: with what came before the step, or with itself.
fn may_lead_on(step: &StepPlan, result: &StepResult, back: bool) -> bool {
    match result {
        StepResult::Failed(_) | StepResult::Unreachable => false,
        // Nobody knows what came of it. Whether it brought its host back is seen by whether that answers.
        StepResult::Interrupted => {
            back || step.kind == StepKind::Recovery && step.step.after_crash == AfterCrash::Inspect
        }
        StepResult::NotStarted => back,
        StepResult::Done
        | StepResult::Found { .. }
        | StepResult::Back { .. }
        | StepResult::Answered { .. }
        | StepResult::Protected { .. } => true,
    }
}
