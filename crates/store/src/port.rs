//! The port: what a store does, whatever database is behind it.
//!
//! Futures are boxed so that the edge can choose the database at run time. A handle to a [`Store`] *is* the claim on
//! the fleet: opening one takes the fleet over, and there is no such thing as a store that may not yet write.

use std::collections::BTreeMap;
use std::error::Error;
use std::pin::Pin;

use ringway_executor::notices::{Notices, SoFar, Told};
use ringway_executor::port::{AppendFailure, Blob, Loaded, Row, Snapshot};
use ringway_model::{Digest, Epoch};

/// What a store will answer.
pub type Answer<'a, T, E> = Pin<Box<dyn Future<Output = Result<T, E>> + Send + 'a>>;

/// Reads what is stored, beside a running decider or when nothing runs.
pub trait Reader: Send + Sync {
    /// Where the journal ends, and who holds it.
    fn head(&self) -> Answer<'_, Head, ReadError>;

    /// Everything needed to fold the state, as of one instant.
    fn load(&self, from: LoadFrom) -> Answer<'_, Loaded, ReadError>;

    /// At most `limit` rows in order, starting with row `from`; exactly as stored.
    ///
    /// A page also ends where it would hold more than about 16 MiB, so it may be short; it is empty only where there
    /// are no rows from `from` on (or `limit` is 0).
    fn rows(&self, from: u64, limit: u32) -> Answer<'_, Vec<Row>, ReadError>;

    /// Every registered fleet and plan: what rows refer to, without the rows.
    fn fleets_and_plans(&self) -> Answer<'_, Vec<Blob>, ReadError>;

    /// The content with this digest.
    fn blob(&self, digest: Digest) -> Answer<'_, Option<Blob>, ReadError>;

    /// What people are to be told, and how telling it went, the oldest first.
    fn outbox(&self) -> Answer<'_, Vec<Told>, ReadError>;

    /// The read model of this name, if there is one.
    fn read_model<'a>(&'a self, name: &'a str) -> Answer<'a, Option<ReadModel>, ReadError>;
}

/// Keeps what is decided. Dropping a future of these before it is done leaves it unknown whether it happened.
pub trait Store: Reader {
    /// The fencing number that opening this store took.
    fn epoch(&self) -> Epoch;

    /// Makes rows durable with the content they refer to: all of it, or nothing. Content that is there already is
    /// left as it is.
    fn append<'a>(&'a self, rows: &'a [Row], blobs: &'a [Blob]) -> Answer<'a, (), WriteError> {
        static NOTHING: Notices = Notices::NONE;
        self.append_and_tell(rows, blobs, &NOTHING)
    }

    /// The same, with what people are to be told of it.
    fn append_and_tell<'a>(
        &'a self,
        rows: &'a [Row],
        blobs: &'a [Blob],
        notices: &'a Notices,
    ) -> Answer<'a, (), WriteError>;

    /// Writes down how telling went, and forgets what needs no more telling. A number that is not there changes nothing.
    fn write_outbox<'a>(
        &'a self,
        so_far: &'a [(u64, SoFar)],
        forgotten: &'a [u64],
    ) -> Answer<'a, (), WriteError>;

    /// Keeps a snapshot of the state at a row, and of the older ones only the last.
    fn keep_snapshot<'a>(&'a self, snapshot: &'a Snapshot) -> Answer<'a, (), WriteError>;

    /// Puts a read model in the place of what was there under its name.
    fn replace_read_model<'a>(&'a self, model: &'a ReadModel) -> Answer<'a, (), WriteError>;

    /// Leaves the database in order for whoever opens it next. Nothing depends on this having been called.
    fn close(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>>;
}

/// Where the journal ends, and who holds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// Which database this is: a number drawn when it was made.
    pub incarnation: u64,
    /// The fencing number of the last process that took the fleet over.
    pub epoch: Epoch,
    /// The last row; 0 where there is none.
    pub seq: u64,
    /// That row's hash; [`Row::GENESIS`] where there is none.
    pub hash: Digest,
}

/// From where the state is to be folded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoadFrom {
    /// The newest snapshot that belongs to a row of the journal; the first row where there is none.
    Snapshot,
    /// The first row, whatever snapshots there are.
    FirstRow,
}

/// Something derived from the journal, so that it can be read without folding. Never a source of truth.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadModel {
    /// Its name.
    pub name: String,
    /// The last row it reflects; 0 for none.
    pub seq: u64,
    /// Its values (JSON) by their keys.
    pub entries: BTreeMap<String, String>,
}

/// Why something could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// What is stored is not what a store writes.
    #[error("read {what}: it is damaged")]
    Damaged {
        /// What it is.
        what: String,
    },
    /// The database did not answer.
    #[error("read the database")]
    Database(#[source] Box<dyn Error + Send + Sync>),
}

/// Why something was not stored.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// A later decider holds the fleet; nothing was stored.
    #[error("write as epoch {held}: epoch {current} holds the fleet")]
    Fenced {
        /// The fencing number of this handle.
        held: Epoch,
        /// The one in force.
        current: Epoch,
    },
    /// There is no room; nothing was stored.
    #[error("write the database: the disk is full")]
    DiskFull,
    /// It does not fit what is there; nothing was stored.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The database failed. Whether it was stored is not known until it is read again.
    #[error("write the database")]
    Database(#[source] Box<dyn Error + Send + Sync>),
}

/// What does not fit what is stored: a mistake of the caller, or a journal that was changed under its hands.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// A row is missing, repeated or out of order.
    #[error("append row {found} where row {expected} is next")]
    OutOfSequence {
        /// The row that would fit.
        expected: u64,
        /// The row that came.
        found: u64,
    },
    /// A row's hash does not follow from the row before it and its own content.
    #[error("append row {seq}: its hash does not chain on the row before")]
    BrokenChain {
        /// The row.
        seq: u64,
    },
    /// A row was decided by another decider than the one that appends it.
    #[error("append row {seq} of epoch {found} as epoch {held}")]
    ForeignEpoch {
        /// The row.
        seq: u64,
        /// The row's fencing number.
        found: Epoch,
        /// The fencing number of this handle.
        held: Epoch,
    },
    /// Content does not have the digest it comes under.
    #[error("store content under `{digest}`: its digest is another")]
    WrongDigest {
        /// The digest it came under.
        digest: Digest,
    },
    /// A snapshot or read model is of a row that is not in the journal.
    #[error("store the state at row {seq}: the journal has no such row")]
    UnknownRow {
        /// The row.
        seq: u64,
    },
    /// A value is larger than a database takes.
    #[error("store {bytes} bytes in one piece: the limit is {limit}")]
    TooLarge {
        /// Its size in bytes.
        bytes: usize,
        /// The largest size in bytes.
        limit: usize,
    },
}

/// What the loop is told. It reads the journal again after each of these, so a refusal needs no case of its own there.
impl From<WriteError> for AppendFailure {
    fn from(error: WriteError) -> Self {
        match error {
            WriteError::Fenced { .. } => Self::Fenced,
            WriteError::DiskFull => Self::DiskFull,
            WriteError::Refused(refusal) => Self::Other(refusal.to_string()),
            WriteError::Database(source) => Self::Other(with_causes(source.as_ref())),
        }
    }
}

/// An error and its causes on one line.
fn with_causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
