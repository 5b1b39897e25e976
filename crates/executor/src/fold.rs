//! Rows back into a state: recovery and audit read the journal through this and nothing else.
//!
//! A fold checks everything that can be checked without deciding anything: places without gaps, the hash chain, time and
//! epochs that never go back, a body that reads, events that fit the state, and the state's digest wherever the journal
//! has one. It never repairs: the first row that is wrong ends it.

use ringway_engine::{Engine, Event};
use ringway_model::{Digest, Epoch, Timestamp};
use serde::{Deserialize, Serialize};

use crate::codec::{Batch, DecodeError};
use crate::library::{Library, LibraryError};
use crate::port::{Row, Snapshot};

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
        let (head, state) = unpack(&snapshot.body).map_err(unreadable)?;
        if (head.seq, head.hash) != (snapshot.seq, snapshot.hash) {
            return Err(unreadable("it is of another row".to_owned()));
        }
        let engine = Engine::decode(&state, library.fleets.clone(), library.plans.clone())
            .map_err(|fault| unreadable(fault.what))?;
        let mut fold = Self {
            engine,
            head,
            confirmed: 0,
        };
        fold.confirm(snapshot.state)?;
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
        for event in &batch.events {
            self.engine
                .apply(row.at, event)
                .map_err(|fault| Corrupt::Event {
                    seq,
                    what: fault.what,
                })?;
            if let Event::FleetAdopted { fleet } = event {
                self.head.fleet = Some(*fleet);
            }
        }
        self.head = Head {
            seq,
            hash: row.hash,
            at: row.at,
            epoch: row.epoch,
            ..self.head
        };
        if let Some(written) = batch.state {
            self.confirm(written)?;
        }
        Ok(batch)
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
    pub fn finish(mut self) -> (Engine, Head) {
        self.engine.after_fold();
        (self.engine, self.head)
    }

    /// The state at this row as a snapshot.
    pub fn snapshot(&self) -> Snapshot {
        snapshot(&self.engine, &self.head, self.engine.state_digest())
    }

    fn confirm(&mut self, written: Digest) -> Result<(), Corrupt> {
        let found = self.engine.state_digest();
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

/// The format of a snapshot's body.
const SNAPSHOT_VERSION: u8 = 1;

/// The state at a row, with its digest, as a snapshot.
pub(crate) fn snapshot(engine: &Engine, head: &Head, state: Digest) -> Snapshot {
    let body = postcard::to_extend(&(head, engine.encode()), vec![SNAPSHOT_VERSION])
        .expect("a head and bytes have an encoding, and memory is the only limit");
    Snapshot {
        seq: head.seq,
        hash: head.hash,
        state,
        body,
    }
}

fn unpack(body: &[u8]) -> Result<(Head, Vec<u8>), String> {
    match body.split_first() {
        Some((&SNAPSHOT_VERSION, rest)) => {
            postcard::from_bytes(rest).map_err(|error| error.to_string())
        }
        Some((version, _)) => Err(format!("format version {version} is not known")),
        None => Err("it is empty".to_owned()),
    }
}
