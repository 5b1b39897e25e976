//! Which hosts a rollout halted on, and what their steps said: whoever reads of it tomorrow asks that first. Pure.

use std::collections::BTreeMap;

use ringway_engine::{Event, HaltCause, HostState, Then};
use ringway_executor::codec::Batch;
use ringway_model::{RolloutId, Slot, StepResult};

use super::chronicle::{Chronicle, Course};
use crate::show;

/// Hosts that are named of one halt; the rest is counted.
const NAMED: usize = 4;

/// Characters of what a step said that are told; `history` has all of it.
const LONGEST: usize = 120;

/// What was heard so far.
#[derive(Default)]
pub(super) struct Fallen {
    /// Why the last step of a host did not go well, until a visit ends well.
    why: BTreeMap<(RolloutId, Slot), String>,
}

impl Fallen {
    /// Hears a batch.
    pub(super) fn hear(&mut self, batch: &Batch) {
        for event in &batch.events {
            let Event::StepEnded {
                intent,
                result,
                then,
            } = event
            else {
                continue;
            };
            let host = (intent.rollout(), intent.slot());
            if let Some(words) = failed(result) {
                let mut notes = batch.notes.iter();
                let said = notes.find(|(of, _)| of == intent);
                let said = said.and_then(|(_, text)| show::telling(text));
                let said = said.map_or_else(String::new, |line| format!(": {}", cut(line)));
                self.why.insert(host, format!("{words}{said}"));
            } else if matches!(then, Then::End { to, .. } if !is_failed(*to)) {
                self.why.remove(&host);
            }
        }
    }

    /// `: fs-1 (its command failed: no space left), fs-2 and 3 more`, of a halt because of failures; the chronicle has heard it.
    pub(super) fn behind(&self, event: &Event, chronicle: &Chronicle<'_>) -> Option<String> {
        let Event::Halted {
            rollout,
            cause: HaltCause::Failures { ring, .. },
        } = event
        else {
            return None;
        };
        let course = chronicle.courses.get(rollout)?;
        let slots = (0..course.hosts.len()).map(Slot::at);
        let fell = slots.filter(|slot| course.ring_of(*slot) == *ring && self.fell(course, *slot));
        let names: Vec<String> = fell
            .map(|slot| {
                let name = course.host(slot);
                match self.why.get(&(course.id, slot)) {
                    Some(why) => format!("{name} ({why})"),
                    None => name,
                }
            })
            .collect();
        (!names.is_empty()).then(|| format!(": {}", show::shortened(&names, NAMED)))
    }

    /// Whether a host counts as failed: also one that is tried again and has not done well yet.
    fn fell(&self, course: &Course, slot: Slot) -> bool {
        let Some(stood) = course.hosts.get(slot.index()) else {
            return false;
        };
        let is_tried = matches!(
            stood.state,
            HostState::Running { .. } | HostState::Ready { .. } | HostState::Backoff { .. }
        );
        is_failed(stood.state) || is_tried && self.why.contains_key(&(course.id, slot))
    }
}

const fn is_failed(state: HostState) -> bool {
    matches!(
        state,
        HostState::Failed { .. }
            | HostState::Unhealthy { .. }
            | HostState::RollbackFailed { .. }
            | HostState::Lost
            | HostState::Again
    )
}

const fn failed(result: &StepResult) -> Option<&'static str> {
    match result {
        StepResult::Failed(why) => Some(why.words()),
        StepResult::Unreachable => Some("it could not be reached"),
        StepResult::Interrupted => Some("it was interrupted"),
        StepResult::Done
        | StepResult::Found { .. }
        | StepResult::Back { .. }
        | StepResult::NotStarted
        | StepResult::Protected { .. }
        | StepResult::Answered { .. } => None,
    }
}

fn cut(line: &str) -> String {
    if line.chars().count() <= LONGEST {
        return line.to_owned();
    }
    let kept: String = line.chars().take(LONGEST - 1).collect();
    format!("{kept}\u{2026}")
}
