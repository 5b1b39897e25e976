//! What the loop may be told from outside, and the limits it sets itself, each with its argument.

use ringway_model::Span;

/// What differs between installations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Config {
    /// Steps that may run at once, over all rollouts. An intent is decided only for a free one.
    pub workers: u32,
    /// Batches between two snapshots, at least; see [`Config::default`].
    pub snapshot_every: u64,
    /// How the loop learns what probes find.
    pub watch: Watch,
    /// How often the journal says that Ringway is there while a soak runs; see [`Config::default`].
    pub alive_every: Span,
}

/// How the loop learns what probes find, and whether hosts restart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Watch {
    /// It asks, again and again, and an answer counts for as long as it is fresh: the only way with a real fleet.
    #[default]
    Asks,
    /// It asks once, and is told from then on whenever the answer changes: for worlds that know when something does. In
    /// such a world a week in which nothing happens costs nothing.
    Told,
}

impl Default for Config {
    /// 64 workers: a step is mostly waiting for a host, so this is far more than two cores need, and each costs a
    /// process or a connection.
    ///
    /// A snapshot at the earliest every 1024 batches, so that small fleets do not write the same few kilobytes again
    /// and again. For large fleets another rule is the stricter one: a snapshot is due only when the journal since the
    /// last one is as long as that one was. So snapshots at most double what is written, and recovery never folds more
    /// than about as many bytes as the state itself has.
    ///
    /// `Alive` every 45 s: the documents promise at least every 60 s. A commit on a busy disk may take seconds and a busy
    /// machine wakes late; 45 s leaves 15 s for both. It decides only how much soak a crash can cost, so a world without
    /// crashes may write it as seldom as it likes.
    fn default() -> Self {
        Self {
            workers: 64,
            snapshot_every: 1024,
            watch: Watch::Asks,
            alive_every: ALIVE_EVERY,
        }
    }
}

/// Arrivals decided in one batch, at the most.
///
/// A halt that arrives while a batch is being committed waits for that commit and is decided first in the next batch.
/// 4096 results are about 150 kB of journal, which a disk makes durable in a few milliseconds, so the halt is far below
/// its 250 ms; and at that size the cost of a commit is spread over so many results that larger batches gain nothing.
pub(crate) const BATCH: usize = 4096;

/// How often the journal of a real fleet says that Ringway is there while a soak runs: see [`Config::default`].
const ALIVE_EVERY: Span = Span::seconds(45);

/// How old a decision may be when its step is handed out.
///
/// A step is decided on evidence that is fresh to 60 s by default and handed out when its batch is durable, which takes
/// milliseconds. After a disk was full or hung it may be minutes, and the peers it relied on may be down by then. Ten
/// seconds are beyond any healthy commit and well below the freshness; a step that only restores service is handed out
/// however late.
pub(crate) const DECISION_AGE: Span = Span::seconds(10);

/// The wait before the n-th attempt to write (from 1) after the disk was full or the store failed: 1 s, doubled up to 30 s. Long enough not to
/// keep a sick disk busy, short enough that nobody waits long once it is well.
pub(crate) fn retry_wait(attempt: u32) -> Span {
    Span::seconds(1 << (attempt.clamp(1, 6) - 1)).min(Span::seconds(30))
}
