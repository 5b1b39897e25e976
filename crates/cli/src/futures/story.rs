//! One future in the journal's words: a line for each event, and what only its journal says of its rollouts.
//!
//! A future's trace has a line for each event and, between them, what happened around Ringway: a death, a jump of its
//! clock. Its journal has the events themselves. The two are read side by side, so every line has the time at which it
//! really was, and the words that `ringway journal` has for it. Pure.

use std::collections::{BTreeMap, BTreeSet};

use ringway_engine::{Event, HostState, Then};
use ringway_executor::Library;
use ringway_executor::codec::Batch;
use ringway_model::{RolloutId, Slot, Span, StepResult};
use ringway_simulator::future::Outcome;
use serde::Serialize;

use crate::show::Narrator;

/// A line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Told {
    /// From the world's beginning on.
    pub(super) at_ms: Span,
    /// What.
    pub(super) text: String,
    /// Whether a person wants to read it who does not read every one.
    #[serde(skip)]
    pub(super) matters: bool,
}

/// What only the journal says of a rollout.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Chronicle {
    /// Its number.
    pub(super) id: Option<RolloutId>,
    /// Why it halted each time, and when.
    pub(super) halts: Vec<(Span, String)>,
    /// Hosts on which a visit went wrong, as Ringway saw it.
    pub(super) failed: BTreeSet<Slot>,
}

/// A future as it is told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Story {
    /// Every line.
    pub(super) lines: Vec<Told>,
    /// Of each rollout, in the order in which their plans were given.
    pub(super) chronicles: Vec<Chronicle>,
}

/// Lines that are shown, and how many are left out between the first and the last of them.
pub(super) struct Shown<'s> {
    pub(super) first: Vec<&'s Told>,
    pub(super) left_out: usize,
    pub(super) last: Vec<&'s Told>,
}

impl Story {
    /// What a future says whose trace and journal were kept.
    ///
    /// # Errors
    ///
    /// Where its journal does not read: a fault of ours.
    pub(super) fn of(outcome: &Outcome) -> Result<Self, String> {
        let store = outcome.journal.as_ref().ok_or("its journal was not kept")?;
        let blobs: Vec<_> = store.blobs().values().cloned().collect();
        let library = Library::read(&blobs).map_err(|e| e.to_string())?;
        let mut events = Vec::new();
        for row in store.rows() {
            let batch = Batch::decode(&row.body).map_err(|e| e.to_string())?;
            events.extend(batch.events);
        }
        let mut telling = Telling {
            narrator: Narrator::new(&library),
            story: Self {
                lines: Vec::with_capacity(outcome.trace.len()),
                chronicles: vec![Chronicle::default(); outcome.rollouts.len()],
            },
            places: BTreeMap::new(),
            failing: BTreeSet::new(),
        };
        let mut events = events.iter();
        for line in &outcome.trace {
            let (at, what) = parted(line);
            if let Some(around) = what.strip_prefix("! ") {
                telling.around(at, around);
            } else if let Some(event) = events.next() {
                telling.event(at, event);
            }
        }
        Ok(telling.story)
    }

    /// The lines that are shown: every one, or so many of those that matter, from both ends.
    pub(super) fn shown(&self, at_most: Option<usize>) -> Shown<'_> {
        let Some(at_most) = at_most else {
            return Shown {
                first: self.lines.iter().collect(),
                left_out: 0,
                last: Vec::new(),
            };
        };
        let mut first: Vec<&Told> = self.lines.iter().filter(|line| line.matters).collect();
        let left_out = first.len().saturating_sub(at_most);
        let last = if left_out == 0 {
            Vec::new()
        } else {
            let last = first.split_off(first.len() - at_most / 2);
            first.truncate(at_most - at_most / 2);
            last
        };
        Shown {
            first,
            left_out,
            last,
        }
    }
}

impl<'s> Shown<'s> {
    /// All of them.
    pub(super) fn all(&self) -> impl Iterator<Item = &'s Told> {
        self.first.iter().chain(&self.last).copied()
    }
}

struct Telling<'l> {
    narrator: Narrator<'l>,
    story: Story,
    /// Which of the futures' rollouts a rollout is.
    places: BTreeMap<RolloutId, usize>,
    /// Hosts whose last step failed.
    failing: BTreeSet<(RolloutId, Slot)>,
}

impl Telling<'_> {
    fn event(&mut self, at: Span, event: &Event) {
        self.narrator.learn(event);
        self.record(at, event);
        self.story.lines.push(Told {
            at_ms: at,
            text: self.narrator.event(event),
            matters: matters(event),
        });
    }

    /// Something that is no event: it happened around Ringway.
    fn around(&mut self, at: Span, what: &str) {
        let asks = what.split_once(" asks: ");
        let text = match asks {
            Some((who, command)) => {
                let word: String = command.chars().take_while(|c| c.is_alphabetic()).collect();
                format!("-- {who} asks: {}", word.to_lowercase())
            }
            None => format!("-- {what}"),
        };
        self.story.lines.push(Told {
            at_ms: at,
            text,
            // That a decider starts is told by what it writes first.
            matters: asks.is_none() && !what.starts_with("decider"),
        });
    }

    fn record(&mut self, at: Span, event: &Event) {
        if let Event::Proposed {
            rollout,
            key: Some(key),
            ..
        } = event
        {
            // The simulator starts its rollouts under their places.
            let place = key.strip_prefix("rollout-").and_then(|n| n.parse().ok());
            if let Some(place) = place {
                self.places.insert(*rollout, place);
                if let Some(chronicle) = self.of(*rollout) {
                    chronicle.id = Some(*rollout);
                }
            }
        }
        if let Event::StepEnded { intent, result, .. } = event {
            let host = (intent.rollout(), intent.slot());
            if matches!(result, StepResult::Failed(_)) {
                self.failing.insert(host);
            } else {
                self.failing.remove(&host);
            }
        }
        if let Event::Halted { rollout, cause } = event {
            let why = self.narrator.cause(*rollout, cause);
            // A host that is going to be tried once more counts for a halt.
            let failing = self.failing.iter().filter(|(of, _)| of == rollout);
            let failing: Vec<Slot> = failing.map(|(_, slot)| *slot).collect();
            if let Some(chronicle) = self.of(*rollout) {
                chronicle.halts.push((at, why));
                chronicle.failed.extend(failing);
            }
        }
        if let Some((rollout, slot)) = failure(event)
            && let Some(chronicle) = self.of(rollout)
        {
            chronicle.failed.insert(slot);
        }
    }

    fn of(&mut self, rollout: RolloutId) -> Option<&mut Chronicle> {
        let place = *self.places.get(&rollout)?;
        self.story.chronicles.get_mut(place)
    }
}

/// `     12.000 what`, parted.
fn parted(line: &str) -> (Span, &str) {
    let (time, what) = line.trim_start().split_once(' ').unwrap_or(("", line));
    let (seconds, millis) = time.split_once('.').unwrap_or((time, "0"));
    let number = |text: &str| text.parse::<u64>().unwrap_or(0);
    (Span(number(seconds) * 1000 + number(millis)), what)
}

/// The host that an event says something went wrong on.
fn failure(event: &Event) -> Option<(RolloutId, Slot)> {
    let (rollout, slot, to) = if let Event::HostMoved {
        rollout, slot, to, ..
    } = *event
    {
        (rollout, slot, to)
    } else if let Event::StepEnded {
        intent,
        then: Then::End { to, .. },
        ..
    } = *event
    {
        (intent.rollout(), intent.slot(), to)
    } else {
        return None;
    };
    went_wrong(to).then_some((rollout, slot))
}

const fn went_wrong(state: HostState) -> bool {
    match state {
        HostState::Failed { .. }
        | HostState::Unhealthy { .. }
        | HostState::RollbackFailed { .. }
        | HostState::Lost => true,
        HostState::Pending
        | HostState::Running { .. }
        | HostState::Ready { .. }
        | HostState::Backoff { .. }
        | HostState::Settling
        | HostState::Updated
        | HostState::Already
        | HostState::RestartWithheld
        | HostState::RolledBack
        | HostState::Offline
        | HostState::Held
        | HostState::Skipped
        | HostState::OnHold
        | HostState::Again
        | HostState::Vanished
        | HostState::NotReady { .. }
        | HostState::GoesLast { .. }
        | HostState::Excepted
        | HostState::CatchUp
        | HostState::ChangedOutside
        | HostState::ByHand { .. } => false,
    }
}

/// Whether somebody who does not read every line wants to read this one: all that is about a rollout as a whole, and
/// hosts on which something is not as it should be.
#[expect(clippy::too_many_lines, reason = "it is read as one list")]
fn matters(event: &Event) -> bool {
    match event {
        Event::StepIssued { .. }
        | Event::EvidenceChanged { .. }
        | Event::Alive
        | Event::FleetAdopted { .. }
        | Event::PeerChosen { .. }
        | Event::CalendarKnown { .. }
        | Event::ChangeNamed { .. }
        | Event::FleetRefreshed { .. }
        | Event::Poisoned { .. }
        | Event::Unpoisoned { .. }
        | Event::UnpoisonAsked { .. }
        | Event::UnpoisonApproved { .. }
        | Event::UnpoisonLapsed { .. }
        | Event::PlanRevised { .. } => false,
        Event::StepEnded { result, .. } => match result {
            StepResult::Failed(_) | StepResult::Unreachable => true,
            StepResult::Done
            | StepResult::Found { .. }
            | StepResult::Back { .. }
            | StepResult::Interrupted
            | StepResult::Answered { .. }
            | StepResult::Protected { .. }
            | StepResult::NotStarted => false,
        },
        Event::HostMoved { to, .. } => {
            let is_told = matches!(
                to,
                HostState::Offline | HostState::Held | HostState::ByHand { .. }
            );
            went_wrong(*to) || is_told
        }
        Event::LaneEntered { .. }
        | Event::LaneAsked { .. }
        | Event::LaneLapsed { .. }
        | Event::Expedited { .. }
        | Event::Recovered { .. }
        | Event::ClockJumped { .. }
        | Event::Stopped { .. }
        | Event::Went { .. }
        | Event::Faulted { .. }
        | Event::Proposed { .. }
        | Event::Approved { .. }
        | Event::ApprovalVoided { .. }
        | Event::Declined { .. }
        | Event::RingOpened { .. }
        | Event::SoakBegan { .. }
        | Event::SoakHeld { .. }
        | Event::SoakContinued { .. }
        | Event::SoakEnded { .. }
        | Event::Promoted { .. }
        | Event::Paused { .. }
        | Event::Halted { .. }
        | Event::Resumed { .. }
        | Event::CancelBegan { .. }
        | Event::RollbackBegan { .. }
        | Event::Finished { .. }
        | Event::Restarted { .. }
        | Event::HostsAdopted { .. }
        | Event::HostSkipped { .. }
        | Event::HostRetried { .. }
        | Event::HostHeld { .. }
        | Event::HostReleased { .. }
        | Event::Commented { .. }
        | Event::ApprovalGiven { .. }
        | Event::SoakCutShort { .. }
        | Event::Asked { .. }
        | Event::Answered { .. }
        | Event::FreezeOverridden { .. }
        | Event::UntestedAccepted { .. }
        | Event::GateSaid { .. }
        | Event::WorkAsked { .. }
        | Event::WorkTold { .. }
        | Event::Excepted { .. }
        | Event::ChangedOutside { .. }
        | Event::SupersedeBegan { .. }
        | Event::Advised { .. }
        | Event::AdvisoryRuled { .. }
        | Event::ProtectionGone { .. }
        | Event::ExceptionEnded { .. } => true,
        Event::ProtectionEnds { actor, .. } => actor.is_some(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn story(lines: usize) -> Story {
        let line = |index: usize| Told {
            at_ms: Span(index as u64),
            text: index.to_string(),
            matters: index.is_multiple_of(2),
        };
        Story {
            lines: (0..lines).map(line).collect(),
            chronicles: Vec::new(),
        }
    }

    #[test]
    fn of_a_long_story_both_ends_are_shown() {
        let story = story(40);
        let texts = |shown: &Shown<'_>| -> Vec<String> {
            shown.all().map(|line| line.text.clone()).collect()
        };
        let shown = story.shown(Some(5));
        assert_eq!(texts(&shown), ["0", "2", "4", "36", "38"]);
        assert_eq!(shown.left_out, 15);
        assert_eq!(story.shown(Some(20)).left_out, 0);
        assert_eq!(story.shown(Some(0)).left_out, 20);
        assert_eq!(texts(&story.shown(Some(1))), ["0"]);
        assert_eq!(texts(&story.shown(None)).len(), 40);
    }

    #[test]
    fn a_line_of_the_trace_is_parted_into_its_time_and_the_rest() {
        assert_eq!(
            parted("     12.250 ! the decider dies"),
            (Span(12_250), "! the decider dies")
        );
    }
}
