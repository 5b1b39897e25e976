//! What a driver's report means for the step it is about: one table.
//!
//! The driver says what happened; the step's own declarations (its expectation, what `inspect` looks for, how many
//! restarts are right) say what that means. Nothing here depends on the state of a rollout.

use ringway_model::{FailWhy, RawReport, StepResult};
use ringway_policy::validated::Expect;
use ringway_scheduler::plan::{More, StepPlan};

/// Reads a report by the step's declarations.
pub fn interpret(report: &RawReport, step: &StepPlan) -> StepResult {
    let is_question = matches!(step.more, More::Ready { .. } | More::Last { .. });
    match report {
        // As of `grep`: anything but yes and no is no answer. A client that is missing must not be heard as a no.
        RawReport::Ended { exit: 1, .. } if is_question => StepResult::Answered { yes: false },
        RawReport::Ended {
            exit: 0,
            output,
            restarts,
        } => ended_well(output, *restarts, step),
        RawReport::Ended { .. } => StepResult::Failed(FailWhy::Exit),
        RawReport::TimedOut { .. } => StepResult::Failed(FailWhy::TimedOut),
        RawReport::Unreachable { .. } => StepResult::Unreachable,
        RawReport::Interrupted => StepResult::Interrupted,
        RawReport::NeverStarted | RawReport::Withdrawn => StepResult::NotStarted,
        RawReport::NotBack { restarts, .. } => StepResult::Failed(restart_failure(*restarts, step)),
        RawReport::Fenced { .. } => StepResult::Failed(FailWhy::Fenced),
        RawReport::Refused { .. } => StepResult::Failed(FailWhy::Refused),
    }
}

fn ended_well(output: &str, restarts: u16, step: &StepPlan) -> StepResult {
    let output = output.trim();
    match &step.more {
        More::Inspect {
            installed_when,
            previous,
        } => StepResult::Found {
            installed: filled(installed_when, output).trim() == output,
            // Nothing found is nothing to go back to.
            previous: previous
                .as_ref()
                .filter(|text| !(output.is_empty() && text.contains(OUTPUT)))
                .map(|text| filled(text, output)),
        },
        // Without a restart the step's `when` said that none is needed.
        More::Reboot {
            restarts: (fewest, most),
            ..
        } => {
            if restarts == 0 || (*fewest..=*most).contains(&restarts) {
                StepResult::Back { restarts }
            } else {
                StepResult::Failed(restart_failure(restarts, step))
            }
        }
        // Nobody runs it, so nobody can report it: what says that it is done is a person's word.
        More::Manual { .. } => StepResult::Failed(FailWhy::Unexpected),
        More::Ready { .. } | More::Last { .. } => {
            let expect = step.step.expect.as_ref();
            let yes = expect.is_none_or(|expect| meets(output, expect));
            StepResult::Answered { yes }
        }
        More::Protect { .. } => named(output)
            .map_or(StepResult::Failed(FailWhy::Unexpected), |name| {
                StepResult::Protected { name }
            }),
        More::Nothing | More::Silence { .. } | More::Stage { .. } | More::Recovery { .. } => {
            match &step.step.expect {
                Some(expect) if !meets(output, expect) => StepResult::Failed(FailWhy::Unexpected),
                Some(_) | None => StepResult::Done,
            }
        }
    }
}

/// Longer than any name that a storage gives a snapshot; short enough to be shown in a line.
const LONGEST_NAME: usize = 200;

/// The name of what a `protect` made: one line, which a terminal can be shown and a command be given.
fn named(output: &str) -> Option<String> {
    let is_name = !output.is_empty()
        && output.chars().count() <= LONGEST_NAME
        && !output.chars().any(char::is_control);
    is_name.then(|| output.to_owned())
}

const OUTPUT: &str = "{output}";

fn filled(text: &str, output: &str) -> String {
    text.replace(OUTPUT, output)
}

fn meets(output: &str, expect: &Expect) -> bool {
    match expect {
        Expect::AtLeast(least) => output
            .lines()
            .next_back()
            .and_then(|line| line.trim().parse::<i64>().ok())
            .is_some_and(|number| number >= *least),
        Expect::Contains(text) => output.contains(text),
        Expect::Equals(text) => output == text.trim(),
    }
}

/// More restarts than said are a loop; anything else is a host that did not come back as it should.
fn restart_failure(seen: u16, step: &StepPlan) -> FailWhy {
    match &step.more {
        More::Reboot {
            restarts: (_, most),
            ..
        } if seen > *most => FailWhy::RestartLoop,
        More::Reboot { .. }
        | More::Inspect { .. }
        | More::Nothing
        | More::Ready { .. }
        | More::Last { .. }
        | More::Silence { .. }
        | More::Manual { .. }
        | More::Recovery { .. }
        | More::Protect { .. }
        | More::Stage { .. } => FailWhy::NotBack,
    }
}
