//! What steps said that did not go well, for the people who ask why.
//!
//! Nothing is decided from it. It is kept apart from the engine's state, and rebuilt like that from the journal (each
//! batch has the notes of its reports) and the snapshots, so that a restart forgets nothing.
//!
//! # Invariants
//!
//! * A host in a rollout has at most one last word; it is gone once the host is well. It is of the report that came last,
//!   but for a visit that has failed: then what is said while the host is put back into service is told only where the
//!   step that failed said nothing.
//! * What is kept is bounded; the oldest words go first.
//! * A note has no control characters but line breaks and tabs: it is shown on terminals.

use std::collections::BTreeMap;

use ringway_engine::view::{HostView, LastWord, ProtectionView};
use ringway_engine::{Ending, Event, HostState, OrderView, Then};
use ringway_model::{IntentId, RawReport, RolloutId, Slot, StepKind, StepResult};
use serde::{Deserialize, Serialize};

/// The longest note in bytes. An error message with its context is a few hundred; a batch of 4096 reports that all fail
/// stays below what a store takes in one row.
const LONGEST: usize = 4096;

/// Bytes of text that are kept in memory and in snapshots. A thousand hosts that say a full note each; a fleet in which
/// more fail than that has halted long before.
const KEPT: usize = 4 << 20;

/// What a word costs beside its text.
const OVERHEAD: usize = 128;

type Key = (RolloutId, Slot);

/// The last word of every host that has one.
#[derive(Clone, Debug, Default)]
pub struct Words {
    said: BTreeMap<Key, (u64, LastWord)>,
    /// By age, oldest first.
    order: BTreeMap<u64, Key>,
    next: u64,
    bytes: usize,
}

/// A word as it lies in a snapshot, oldest first.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Stored {
    rollout: RolloutId,
    slot: Slot,
    word: LastWord,
}

impl Words {
    /// The last word of a host in a rollout.
    pub fn of(&self, rollout: RolloutId, slot: Slot) -> Option<&LastWord> {
        self.said.get(&(rollout, slot)).map(|(_, word)| word)
    }

    /// Every last word, the oldest first.
    pub fn iter(&self) -> impl Iterator<Item = (RolloutId, Slot, &LastWord)> {
        self.order.values().filter_map(|&(rollout, slot)| {
            let word = self.of(rollout, slot)?;
            Some((rollout, slot, word))
        })
    }

    /// Fills in the last words of these hosts.
    pub fn fill(&self, views: &mut [HostView]) {
        for view in views {
            view.last_word = self.of(view.rollout, view.slot).cloned();
        }
    }

    /// The same for what was made of hosts: what a removal said that did not go well.
    pub fn fill_protections(&self, views: &mut [ProtectionView]) {
        for view in views {
            let word = self.of(view.rollout, view.slot);
            let word = word.filter(|word| word.step == StepKind::Unprotect);
            view.last_word = word.cloned();
        }
    }

    /// Takes a batch in: what went well since is forgotten, what did not is remembered.
    pub(crate) fn take(&mut self, events: &[Event], said: Vec<(IntentId, Word)>) {
        for event in events {
            if let Some(key) = is_well(event) {
                self.forget(key);
            }
            if let Some(key) = errand_went_well(event)
                && self
                    .of(key.0, key.1)
                    .is_some_and(|word| is_errand(word.step))
            {
                self.forget(key);
            }
        }
        for (intent, word) in said {
            let key = (intent.rollout(), intent.slot());
            match word {
                Word::Last(word) => self.say(key, word),
                Word::After(word) if !self.said.contains_key(&key) => self.say(key, word),
                Word::After(_) => {}
            }
        }
    }

    pub(crate) fn store(&self) -> Vec<Stored> {
        let words = self.iter().map(|(rollout, slot, word)| Stored {
            rollout,
            slot,
            word: word.clone(),
        });
        words.collect()
    }

    pub(crate) fn restore(stored: Vec<Stored>) -> Self {
        let mut words = Self::default();
        for Stored {
            rollout,
            slot,
            word,
        } in stored
        {
            words.say((rollout, slot), word);
        }
        words
    }

    fn say(&mut self, key: Key, word: LastWord) {
        self.forget(key);
        self.bytes += size(&word);
        self.order.insert(self.next, key);
        self.said.insert(key, (self.next, word));
        self.next += 1;
        while self.bytes > KEPT
            && let Some((_, &oldest)) = self.order.first_key_value()
        {
            self.forget(oldest);
        }
    }

    fn forget(&mut self, key: Key) {
        if let Some((age, word)) = self.said.remove(&key) {
            self.order.remove(&age);
            self.bytes -= size(&word);
        }
    }
}

const fn size(word: &LastWord) -> usize {
    word.text.len() + OVERHEAD
}

/// The host that is well by this event, so that what it said before matters no more.
fn is_well(event: &Event) -> Option<Key> {
    let (key, to) = if let Event::StepEnded {
        intent,
        then: Then::End { to, .. },
        ..
    } = event
    {
        ((intent.rollout(), intent.slot()), *to)
    } else if let Event::HostMoved {
        rollout, slot, to, ..
    } = event
    {
        ((*rollout, *slot), *to)
    } else {
        return None;
    };
    let well = matches!(
        to,
        HostState::Settling | HostState::Updated | HostState::Already | HostState::RolledBack
    );
    well.then_some(key)
}

/// The host for which an errand did what it was for, so that what it said before matters no more.
fn errand_went_well(event: &Event) -> Option<Key> {
    if let Event::StepEnded {
        intent,
        result: StepResult::Done,
        then: Then::Over,
    } = event
    {
        return Some((intent.rollout(), intent.slot()));
    }
    None
}

fn is_errand(step: StepKind) -> bool {
    StepKind::ERRANDS.contains(&step)
}

/// What a step's end leaves behind.
#[derive(Debug)]
pub(crate) enum Word {
    /// It is what there is to say of the host.
    Last(LastWord),
    /// The visit had failed before: an undrain of a host that never came back says nothing of why.
    After(LastWord),
}

/// The word that a step's end leaves behind: `order` is the step while it ran, `note` what the journal has of it.
pub(crate) fn word(order: &OrderView, result: &StepResult, note: &str) -> Option<Word> {
    let route = order.plan.routes.get(order.route.index())?;
    let step = route.step(order.visit, order.position)?.kind;
    let word = LastWord {
        step,
        attempt: order.attempt,
        what: what(step, result)?.to_owned(),
        text: note.to_owned(),
    };
    Some(match order.ending {
        // What could not be reached said so, and that is what there is to say.
        Ending::Failed { .. } | Ending::Offline | Ending::Lost => Word::After(word),
        Ending::Well | Ending::BackToPending | Ending::Withheld => Word::Last(word),
    })
}

/// How a step ended that did not go well, in words.
const fn what(step: StepKind, result: &StepResult) -> Option<&'static str> {
    match result {
        // That a host does not go last is no news; that nobody may go is what people ask about.
        StepResult::Answered { yes: false } if matches!(step, StepKind::Ready) => {
            Some("the answer was no")
        }
        StepResult::Failed(why) => Some(why.words()),
        StepResult::Unreachable => Some("it could not be reached"),
        StepResult::Interrupted => Some("it was interrupted"),
        StepResult::Done
        | StepResult::Found { .. }
        | StepResult::Back { .. }
        | StepResult::Answered { .. }
        | StepResult::Protected { .. }
        | StepResult::NotStarted => None,
    }
}

/// What the journal keeps of a report beside its result; nothing where all is well or nothing began.
pub(crate) fn note(step: StepKind, report: &RawReport, result: &StepResult) -> Option<String> {
    what(step, result)?;
    Some(match report {
        RawReport::Ended {
            exit: 0, output, ..
        }
        | RawReport::TimedOut { output } => harmless(output),
        RawReport::Ended { exit, output, .. } => {
            harmless(&format!("exit code {exit}\n{}", end(output)))
        }
        RawReport::Unreachable { why }
        | RawReport::NotBack { why, .. }
        | RawReport::Refused { why } => harmless(why),
        RawReport::Interrupted => {
            "it may have begun; it left no result, or its host did not say what became of it"
                .to_owned()
        }
        RawReport::Fenced { seen } => format!("the host has seen epoch {seen}"),
        RawReport::NeverStarted | RawReport::Withdrawn => return None,
    })
}

/// The end of a text, so that what is put before it stays.
fn end(text: &str) -> &str {
    let mut start = text.len().saturating_sub(LONGEST / 2);
    while !text.is_char_boundary(start) {
        start += 1;
    }
    &text[start..]
}

/// The end of a text in at most [`LONGEST`] bytes, with nothing in it that does something to a terminal or hides text
/// from its reader.
fn harmless(text: &str) -> String {
    let text = text.replace("\r\n", "\n");
    let clean: String = text.trim_end().chars().map(shown).collect();
    if clean.len() <= LONGEST {
        return clean;
    }
    let mark = '\u{2026}';
    let mut start = clean.len() - (LONGEST - mark.len_utf8());
    while !clean.is_char_boundary(start) {
        start += 1;
    }
    format!("{mark}{}", &clean[start..])
}

fn shown(c: char) -> char {
    match c {
        '\n' | '\t' => c,
        '\r' => '\n',
        // What turns the direction of writing, and what takes no room.
        '\u{200b}'..='\u{200f}'
        | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{2069}'
        | '\u{feff}' => char::REPLACEMENT_CHARACTER,
        _ if c.is_control() => char::REPLACEMENT_CHARACTER,
        _ => c,
    }
}

#[cfg(test)]
mod tests {
    use ringway_model::FailWhy;

    use super::*;

    fn word(text: &str) -> LastWord {
        LastWord {
            step: StepKind::Apply,
            attempt: 1,
            what: "its command failed".to_owned(),
            text: text.to_owned(),
        }
    }

    fn intent(slot: u32) -> IntentId {
        IntentId::new(RolloutId(1), Slot(slot), 1)
    }

    #[test]
    fn a_note_is_the_end_of_what_was_said_and_harmless() {
        let failed = StepResult::Failed(FailWhy::Exit);
        let ended = |exit, output: &str| RawReport::Ended {
            exit,
            output: output.to_owned(),
            restarts: 0,
        };
        for (name, report, result, expected) in [
            (
                "exit code and output",
                ended(3, "reading\nE: no such package\n"),
                failed.clone(),
                Some("exit code 3\nreading\nE: no such package"),
            ),
            (
                "colours, bells and tricks",
                ended(1, "\u{1b}[31mred\u{7}\r\nx\ry\u{202e}z\u{9b}1m\tt"),
                failed.clone(),
                Some("exit code 1\n\u{fffd}[31mred\u{fffd}\nx\ny\u{fffd}z\u{fffd}1m\tt"),
            ),
            (
                "an unexpected output",
                ended(0, "12\n"),
                StepResult::Failed(FailWhy::Unexpected),
                Some("12"),
            ),
            ("all is well", ended(0, "fine"), StepResult::Done, None),
            (
                "never reached",
                RawReport::Unreachable {
                    why: "connection refused".to_owned(),
                },
                StepResult::Unreachable,
                Some("connection refused"),
            ),
            (
                "refused",
                RawReport::Refused {
                    why: "no space left".to_owned(),
                },
                StepResult::Failed(FailWhy::Refused),
                Some("no space left"),
            ),
            (
                "taken back",
                RawReport::Withdrawn,
                StepResult::NotStarted,
                None,
            ),
        ] {
            assert_eq!(
                note(StepKind::Apply, &report, &result).as_deref(),
                expected,
                "{name}"
            );
        }
    }

    #[test]
    fn a_note_is_never_longer_than_its_bound() {
        for unit in ["x", "\u{fc}", "\u{1b}", "\u{1f600}", "line\n"] {
            let output = unit.repeat(20_000 / unit.len());
            for exit in [0, 7] {
                let report = RawReport::Ended {
                    exit,
                    output: output.clone(),
                    restarts: 0,
                };
                let note =
                    note(StepKind::Apply, &report, &StepResult::Failed(FailWhy::Exit)).unwrap();
                assert!(note.len() <= LONGEST, "{unit:?}: {}", note.len());
                assert!(note.len() > LONGEST / 2 - 8, "{unit:?}: {}", note.len());
            }
        }
    }

    #[test]
    fn the_oldest_words_go_first_when_there_are_too_many() {
        let mut words = Words::default();
        let long = "x".repeat(LONGEST);
        let many = u32::try_from(KEPT / LONGEST).unwrap() + 10;
        for slot in 0..many {
            words.take(&[], vec![(intent(slot), Word::Last(word(&long)))]);
        }
        assert!(words.bytes <= KEPT);
        assert_eq!(words.of(RolloutId(1), Slot(0)), None);
        assert!(words.of(RolloutId(1), Slot(many - 1)).is_some());
        assert_eq!(words.order.len(), words.said.len());
    }

    #[test]
    fn a_host_that_is_well_again_has_no_last_word() {
        let mut words = Words::default();
        words.take(
            &[],
            vec![
                (intent(1), Word::Last(word("a"))),
                (intent(2), Word::Last(word("b"))),
            ],
        );
        let well = Event::HostMoved {
            rollout: RolloutId(1),
            slot: Slot(1),
            to: HostState::Updated,
            until: ringway_model::Timestamp::NEVER,
        };
        let worse = Event::HostMoved {
            rollout: RolloutId(1),
            slot: Slot(2),
            to: HostState::Pending,
            until: ringway_model::Timestamp::NEVER,
        };
        words.take(&[well, worse], Vec::new());
        assert_eq!(words.of(RolloutId(1), Slot(1)), None);
        assert_eq!(words.of(RolloutId(1), Slot(2)), Some(&word("b")));
        assert_eq!(
            Words::restore(words.store()).of(RolloutId(1), Slot(2)),
            Some(&word("b"))
        );
    }
}
