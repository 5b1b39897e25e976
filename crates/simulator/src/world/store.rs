//! A store in memory that fails as disks do: before a write, after it, or because it is full.

use std::collections::BTreeMap;

use ringway_executor::port::{AppendFailure, Blob, Loaded, Row, Snapshot};
use ringway_model::{Digest, Epoch};

/// What happens to one append.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It is written and said to be.
    Written,
    /// It is not written and said to have failed.
    Refused,
    /// It is written, and said to have failed.
    WrittenUnsaid,
    /// The disk is full.
    Full,
}

/// What lies on the disk that does not exist.
#[derive(Clone, Debug, Default)]
pub struct MemoryStore {
    rows: Vec<Row>,
    blobs: BTreeMap<Digest, Blob>,
    snapshots: Vec<Snapshot>,
    epoch: Epoch,
}

/// The number that tells this database from every other.
pub(super) const INCARNATION: u64 = 0x5249_4e47;

impl MemoryStore {
    /// A new decider takes the fleet over.
    pub fn claim(&mut self) -> Epoch {
        self.epoch = Epoch(self.epoch.0 + 1);
        self.epoch
    }

    /// The epoch of the decider that holds the fleet.
    pub const fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// Everything the decider of an epoch needs to go on.
    pub fn load(&self, epoch: Epoch) -> Loaded {
        let snapshot = self.snapshots.last().cloned();
        let from = snapshot.as_ref().map_or(0, |snapshot| snapshot.seq);
        Loaded {
            incarnation: INCARNATION,
            epoch,
            snapshot,
            rows: self
                .rows
                .iter()
                .filter(|row| row.seq > from)
                .cloned()
                .collect(),
            blobs: self.blobs.values().cloned().collect(),
        }
    }

    /// The same, without a snapshot.
    pub fn load_all(&self, epoch: Epoch) -> Loaded {
        Loaded {
            snapshot: None,
            rows: self.rows.clone(),
            ..self.load(epoch)
        }
    }

    /// Writes a row, unless its decider is no longer the one that holds the fleet.
    ///
    /// # Errors
    ///
    /// What the decider is told; a row may be there all the same.
    pub fn append(&mut self, row: Row, blobs: Vec<Blob>, fate: Fate) -> Result<(), AppendFailure> {
        if row.epoch != self.epoch {
            return Err(AppendFailure::Fenced);
        }
        match fate {
            Fate::Full => return Err(AppendFailure::DiskFull),
            Fate::Refused => return Err(AppendFailure::Other("input/output error".to_owned())),
            Fate::Written | Fate::WrittenUnsaid => {}
        }
        let next = self.rows.last().map_or(1, |last| last.seq + 1);
        if row.seq != next {
            return Err(AppendFailure::Other(format!(
                "row {} does not follow row {}",
                row.seq,
                next - 1
            )));
        }
        self.rows.push(row);
        for blob in blobs {
            self.blobs.insert(blob.digest, blob);
        }
        match fate {
            Fate::WrittenUnsaid => Err(AppendFailure::Other("no answer".to_owned())),
            Fate::Written | Fate::Refused | Fate::Full => Ok(()),
        }
    }

    /// Keeps a snapshot.
    pub fn keep(&mut self, snapshot: Snapshot) {
        if self
            .rows
            .get(
                usize::try_from(snapshot.seq)
                    .unwrap_or(usize::MAX)
                    .wrapping_sub(1),
            )
            .is_some_and(|row| row.hash == snapshot.hash)
        {
            self.snapshots.push(snapshot);
        }
    }

    /// All rows.
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// All content.
    pub fn blobs(&self) -> &BTreeMap<Digest, Blob> {
        &self.blobs
    }
}
