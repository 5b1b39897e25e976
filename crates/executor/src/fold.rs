//! Rows back into a state: recovery and audit read the journal through this and nothing else.
//!
//! A fold checks everything that can be checked without deciding anything: places without gaps, the hash chain, time and
//! epochs that never go back, a body that reads, events that fit the state, and the state's digest wherever the journal
//! has one. It never repairs: the first row that is wrong ends it.

use ringway_engine::{Engine, Event};
use ringway_model::{Digest, Epoch, IntentId, Timestamp};
use serde::{Deserialize, Serialize};

use crate::codec::{Batch, DecodeError, VERSION};
use crate::library::{Library, LibraryError};
use crate::port::{Row, Snapshot};
use crate::words::{self, Stored, Word, Words};

/// A journal that does not read back to what was written. What differs names the row it was found at.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Corrupt {
    /// A row is missing, repeated or out of order.
    #[error("row {found} follows row {after}")]
    Gap {
        /// The row before.
        after: u64,
        /// The row found.
        found: u64,
    },
    /// A row, or one before it, was changed after it was written.
    #[error("the hash of row {seq} does not follow from the row before it")]
    Chain {
        /// The row.
        seq: u64,
    },
    /// Time goes back.
    #[error("row {seq} is older than the row before it")]
    Time {
        /// The row.
        seq: u64,
    },
    /// An earlier decider wrote after a later one.
    #[error("row {seq} is of epoch {found}, after a row of epoch {before}")]
    Epoch {
        /// The row.
        seq: u64,
        /// The epoch before.
        before: Epoch,
        /// The row's epoch.
        found: Epoch,
    },
    /// A row's body does not read.
    #[error("row {seq}: {error}")]
    Body {
        /// The row.
        seq: u64,
        /// Why.
        error: DecodeError,
    },
    /// An event does not fit the state before it.
    #[error("row {seq}: {what}")]
    Event {
        /// The row.
        seq: u64,
        /// What does not fit.
        what: String,
    },
    /// The state is not the one that was written down.
    #[error("the state after row {seq} is {}, but {} was written down", found.short(), written.short())]
    State {
        /// The row.
        seq: u64,
        /// The digest in the journal or the snapshot.
        written: Digest,
        /// The digest of the state that was folded.
        found: Digest,
    },
    /// The snapshot does not read.
    #[error("the snapshot after row {seq} does not read: {why}")]
    Snapshot {
        /// The last row it contains.
        seq: u64,
        /// Why.
        why: String,
    },
    /// A fleet or plan does not read.
    #[error(transparent)]
    Library(#[from] LibraryError),
}

/// The end of a journal that was read so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// The last row's place; 0: there is none.
    pub seq: u64,
    /// The last row's hash.
    pub hash: Digest,
    /// The last row's instant.
    pub at: Timestamp,
    /// The last row's epoch.
    pub epoch: Epoch,
    /// The fleet that rollouts run over.
    pub fleet: Option<Digest>,
}

impl Head {
    /// The end of an empty journal.
    pub const EMPTY: Self = Self {
        seq: 0,
        hash: Row::GENESIS,
        at: Timestamp(i64::MIN),
        epoch: Epoch(0),
        fleet: None,
    };
}

/// A state being read from rows.
#[derive(Debug)]
pub struct Fold {
    engine: Engine,
    head: Head,
    words: Words,
    /// State digests that were found to be right.
    confirmed: u64,
}

impl Fold {
    /// Before the first row. `library` has every fleet and plan that the rows refer to.
    pub fn new(library: &Library) -> Self {
        let mut engine = Engine::new();
        library.provide(&mut engine);
        Self {
            engine,
            head: Head::EMPTY,
            words: Words::default(),
            confirmed: 0,
        }
    }

    /// After the last row of a snapshot.
    ///
    /// # Errors
    ///
    /// When the snapshot does not read, or is not of the state it says.
    pub fn after(snapshot: &Snapshot, library: &Library) -> Result<Self, Corrupt> {
        let unreadable = |why: String| Corrupt::Snapshot {
            seq: snapshot.seq,
            why,
        };
        let Body { head, state, words } = unpack(&snapshot.body).map_err(unreadable)?;
        if (head.seq, head.hash) != (snapshot.seq, snapshot.hash) {
            return Err(unreadable("it is of another row".to_owned()));
        }
        let engine = Engine::decode(&state, library.fleets.clone(), library.plans.clone())
            .map_err(|fault| unreadable(fault.what))?;
        let mut fold = Self {
            engine,
            head,
            words: Words::restore(words),
            confirmed: 0,
        };
        fold.confirm(snapshot.state, VERSION)?;
        Ok(fold)
    }

    /// Reads the next row and returns what is in it.
    ///
    /// # Errors
    ///
    /// When the row does not follow from those before; the fold is of no use then.
    pub fn row(&mut self, row: &Row) -> Result<Batch, Corrupt> {
        let (seq, before) = (row.seq, self.head);
        if seq != before.seq + 1 {
            return Err(Corrupt::Gap {
                after: before.seq,
                found: seq,
            });
        }
        if row.hash_after(&before.hash) != row.hash {
            return Err(Corrupt::Chain { seq });
        }
        if row.at < before.at {
            return Err(Corrupt::Time { seq });
        }
        if row.epoch < before.epoch {
            return Err(Corrupt::Epoch {
                seq,
                before: before.epoch,
                found: row.epoch,
            });
        }
        let batch = Batch::decode(&row.body).map_err(|error| Corrupt::Body { seq, error })?;
        let mut said = Vec::new();
        for event in &batch.events {
            said.extend(self.said(&batch, event));
            self.engine
                .apply(row.at, event)
                .map_err(|fault| Corrupt::Event {
                    seq,
                    what: fault.what,
                })?;
            if let Event::FleetAdopted { fleet } | Event::FleetRefreshed { fleet, .. } = event {
                self.head.fleet = Some(*fleet);
            }
        }
        self.words.take(&batch.events, said);
        self.head = Head {
            seq,
            hash: row.hash,
            at: row.at,
            epoch: row.epoch,
            ..self.head
        };
        if let Some(written) = batch.state {
            self.confirm(written, row.body.first().copied().unwrap_or(VERSION))?;
        }
        Ok(batch)
    }

    /// The last word of the step that this event ends, where the batch has a note of it.
    fn said(&self, batch: &Batch, event: &Event) -> Option<(IntentId, Word)> {
        let Event::StepEnded { intent, result, .. } = event else {
            return None;
        };
        let (_, note) = batch.notes.iter().find(|(of, _)| of == intent)?;
        let order = self.engine.order(*intent)?;
        Some((*intent, words::word(&order, result, note)?))
    }

    /// What steps said that did not go well, for the hosts that are not well since.
    pub const fn words(&self) -> &Words {
        &self.words
    }

    /// The end of what was read.
    pub const fn head(&self) -> &Head {
        &self.head
    }

    /// The state after the last row that was read. Questions that need indices (what waits for what) have an answer only
    /// after [`Fold::finish`].
    pub const fn engine(&self) -> &Engine {
        &self.engine
    }

    /// How many state digests were found to be right.
    pub const fn confirmed(&self) -> u64 {
        self.confirmed
    }

    /// The state, ready to decide.
    pub fn finish(self) -> (Engine, Head) {
        let (engine, head, _) = self.finish_with_words();
        (engine, head)
    }

    /// The same, with what steps said that did not go well.
    pub fn finish_with_words(mut self) -> (Engine, Head, Words) {
        self.engine.after_fold();
        (self.engine, self.head, self.words)
    }

    /// The state at this row as a snapshot.
    pub fn snapshot(&self) -> Snapshot {
        let state = self.engine.state_digest();
        snapshot(&self.engine, &self.head, &self.words, state)
    }

    /// A digest that was written down in this version of the rows.
    fn confirm(&mut self, written: Digest, version: u8) -> Result<(), Corrupt> {
        let found = match version {
            1 => self.engine.state_digest_v1(),
            _ => self.engine.state_digest(),
        };
        if found != written {
            return Err(Corrupt::State {
                seq: self.head.seq,
                written,
                found,
            });
        }
        self.confirmed += 1;
        Ok(())
    }
}

/// The format of a snapshot's body. One of another format is not read: the journal is folded from its first row instead.
const SNAPSHOT_VERSION: u8 = 2;

/// What is in a snapshot's body.
#[derive(Serialize, Deserialize)]
struct Body {
    head: Head,
    state: Vec<u8>,
    words: Vec<Stored>,
}

/// The state at a row, with its digest, as a snapshot.
pub(crate) fn snapshot(engine: &Engine, head: &Head, words: &Words, state: Digest) -> Snapshot {
    let body = Body {
        head: *head,
        state: engine.encode(),
        words: words.store(),
    };
    let body = postcard::to_extend(&body, vec![SNAPSHOT_VERSION])
        .expect("a head, bytes and words have an encoding, and memory is the only limit");
    Snapshot {
        seq: head.seq,
        hash: head.hash,
        state,
        body,
    }
}

fn unpack(body: &[u8]) -> Result<Body, String> {
    match body.split_first() {
        Some((&SNAPSHOT_VERSION, rest)) => {
            postcard::from_bytes(rest).map_err(|error| error.to_string())
        }
        Some((version, _)) => Err(format!("format version {version} is not known")),
        None => Err("it is empty".to_owned()),
    }
}
