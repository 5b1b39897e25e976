//! Reading the journal back: at the start, and whenever it is not known whether a batch is durable.

use std::collections::VecDeque;

use ringway_engine::{Accepted, Event, Rejected};
use ringway_model::{Digest, Timestamp};

use crate::decide::answer;
use crate::fold::{Corrupt, Fold};
use crate::library::Library;
use crate::machine::{Executor, Growth, Happening, Phase};
use crate::port::{Ended, Loaded, Request, Row};

/// A batch of which it is not known whether it is durable.
#[derive(Clone, Debug)]
pub(crate) struct Lost {
    seq: u64,
    hash: Digest,
    at: Timestamp,
    events: Vec<Event>,
    replies: Vec<(u64, Result<Accepted, Rejected>)>,
    kept: Vec<Happening>,
}

impl Lost {
    pub(crate) fn of(commit: crate::commit::Commit) -> Self {
        Self {
            seq: commit.row.seq,
            hash: commit.row.hash,
            at: commit.row.at,
            events: commit.events,
            replies: commit.replies,
            kept: commit.kept,
        }
    }

    fn is_in(&self, rows: &[Row]) -> bool {
        rows.iter()
            .any(|row| row.seq == self.seq && row.hash == self.hash)
    }
}

impl Executor {
    /// The journal was read: folds it and takes the fleet over.
    pub(crate) fn loaded(&mut self, now: Timestamp, loaded: &Loaded, out: &mut Vec<Request>) {
        if !matches!(self.phase, Phase::Unread { .. } | Phase::Loading) {
            return;
        }
        let (library, fold) = match read(loaded) {
            Ok(read) => read,
            // A snapshot only saves time: one that this program does not read, as after a newer one, is done without.
            Err(Corrupt::Snapshot { .. }) if loaded.snapshot.is_some() => {
                out.push(Request::LoadAll);
                return;
            }
            Err(corrupt) => return self.end(Ended::Corrupt(corrupt.to_string()), out),
        };
        if fold.head().epoch > loaded.epoch {
            return self.end(Ended::Fenced, out);
        }
        let was_empty = fold.head().seq == 0;
        (self.engine, self.head, self.words) = fold.finish_with_words();
        #[cfg(feature = "planted-bugs")]
        self.engine.plant(self.planted);
        self.fleet = self.head.fleet;
        self.library = library;
        (self.epoch, self.incarnation) = (loaded.epoch, loaded.incarnation);
        #[cfg(feature = "planted-bugs")]
        if !was_empty && self.has(ringway_engine::planted::Bug::EpochNotRaised) {
            self.epoch = self.head.epoch;
        }
        self.growth = Growth {
            batches: loaded.rows.len() as u64,
            bytes: loaded.rows.iter().map(|row| row.body.len() as u64).sum(),
            snapshot: loaded
                .snapshot
                .as_ref()
                .map_or(0, |snapshot| snapshot.body.len() as u64),
        };
        if let Some(lost) = self.lost.take() {
            self.found(lost, &loaded.rows, out);
        }
        let outstanding = self.engine.outstanding();
        #[cfg(feature = "planted-bugs")]
        let outstanding = self.planted_forgets(outstanding);
        self.ledger.recovered(outstanding);
        self.watching.restart();
        self.calendars_asked.clear();
        self.open_matters = None;
        // What gates said before is not known any more; they are asked again at once.
        self.gates.restart();
        let is_gate = |one: &Happening| matches!(one, Happening::Gate(..));
        self.inbox.happenings.retain(|one| !is_gate(one));
        #[cfg(feature = "planted-bugs")]
        {
            self.gates.never_stale = self.has(ringway_engine::planted::Bug::GateNeverStale);
        }
        let now = self.clock.not_before(self.head.at.max(now));
        self.inbox.recovered = Some(if was_empty { now } else { self.head.at });
        self.is_ready = false;
        self.phase = Phase::Idle;
    }

    /// Whether a deliberate mistake is planted.
    #[cfg(feature = "planted-bugs")]
    pub(crate) fn has(&self, bug: ringway_engine::planted::Bug) -> bool {
        self.planted == Some(bug)
    }

    #[cfg(feature = "planted-bugs")]
    fn planted_forgets(
        &self,
        mut outstanding: Vec<ringway_model::IntentId>,
    ) -> Vec<ringway_model::IntentId> {
        if self.planted == Some(ringway_engine::planted::Bug::IntentForgotten) {
            outstanding.pop();
        }
        outstanding
    }

    /// What became of a batch: it is in the journal and everything that waited for it goes on, or it is not and what was
    /// in it is decided again.
    fn found(&mut self, lost: Lost, rows: &[Row], out: &mut Vec<Request>) {
        if lost.is_in(rows) {
            self.ledger.durable(&lost.events, lost.at);
            answer(lost.replies, out);
            return;
        }
        answer(unanswered(lost.replies), out);
        for happening in &lost.kept {
            if let Happening::Report(intent, _) = happening {
                self.ledger.reinstate(*intent);
            }
        }
        let later = std::mem::take(&mut self.inbox.happenings);
        self.inbox.happenings = VecDeque::from(lost.kept);
        self.inbox.happenings.extend(later);
    }

    /// Tells everybody who waits for a decision that there will be none.
    pub(crate) fn refuse_commands(&mut self, out: &mut Vec<Request>) {
        let waiting = std::mem::take(&mut self.inbox.commands);
        out.extend(waiting.into_iter().map(|asked| Request::Reply {
            ticket: asked.ticket,
            answer: Err(try_again()),
        }));
    }
}

fn read(loaded: &Loaded) -> Result<(Library, Fold), Corrupt> {
    let library = Library::read(&loaded.blobs)?;
    let mut fold = match &loaded.snapshot {
        Some(snapshot) => Fold::after(snapshot, &library)?,
        None => Fold::new(&library),
    };
    for row in &loaded.rows {
        fold.row(row)?;
    }
    Ok((library, fold))
}

/// The answers to commands whose batch was lost. A refusal rests on what was durable before, and stands.
pub(crate) fn unanswered(
    replies: Vec<(u64, Result<Accepted, Rejected>)>,
) -> Vec<(u64, Result<Accepted, Rejected>)> {
    replies
        .into_iter()
        .map(|(ticket, answer)| (ticket, answer.and_then(|_| Err(try_again()))))
        .collect()
}

/// The answer to a command that was not decided, or whose decision was lost.
fn try_again() -> Rejected {
    Rejected {
        code: "try-again".to_owned(),
        why: "it could not be recorded, and nothing was done".to_owned(),
        hint: Some(
            "send it again; a command that was carried out is not carried out twice".to_owned(),
        ),
    }
}
