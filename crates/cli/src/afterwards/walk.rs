//! The journal row by row, a page at a time, beside whoever decides.
//!
//! # Invariants
//!
//! * What is read is the journal as it ended when the walk began; rows that come later are not part of it.
//! * Every fleet and plan that these rows refer to is known from the start.

use std::collections::VecDeque;
use std::path::Path;

use ringway_executor::Library;
use ringway_executor::codec::Batch;
use ringway_executor::port::Row;
use ringway_model::Digest;
use ringway_store::{Head, Reader, SqliteReader};

use crate::exit::{End, Failure, chain};
use crate::session::cannot_open;

/// Rows that are read at once.
const PAGE: u32 = 1000;

/// A walk over the journal.
pub(crate) struct Walk {
    reader: SqliteReader,
    head: Head,
    page: VecDeque<Row>,
    next: u64,
}

impl Walk {
    /// At the first row, with every fleet and plan there is.
    ///
    /// # Errors
    ///
    /// Exit code 6: there is no journal. Exit code 7: it cannot be read.
    pub(crate) async fn begin(data: &Path) -> Result<(Self, Library), Failure> {
        let reader = SqliteReader::open_read_only(data)
            .await
            .map_err(|e| cannot_open(&e))?;
        // First where it ends, then what is registered: so nothing that those rows refer to is missing.
        let head = reader.head().await.map_err(|e| unreadable(&e))?;
        let blobs = reader.fleets_and_plans().await;
        let blobs = blobs.map_err(|e| unreadable(&e))?;
        let library = Library::read(&blobs).map_err(|e| untrusted(&e))?;
        let walk = Self {
            reader,
            head,
            page: VecDeque::new(),
            next: 1,
        };
        Ok((walk, library))
    }

    /// The next row; `None` after the last one.
    ///
    /// # Errors
    ///
    /// Exit code 7: it cannot be read.
    pub(crate) async fn row(&mut self) -> Result<Option<Row>, Failure> {
        if self.page.is_empty() {
            let rows = self.reader.rows(self.next, PAGE).await;
            self.page = rows.map_err(|e| unreadable(&e))?.into();
        }
        let row = self.page.pop_front();
        let row = row.filter(|row| row.seq <= self.head.seq);
        if let Some(row) = &row {
            self.next = row.seq + 1;
        }
        Ok(row)
    }

    /// The next row with what is in it.
    ///
    /// # Errors
    ///
    /// Exit code 7: it cannot be read.
    pub(crate) async fn batch(&mut self) -> Result<Option<(Row, Batch)>, Failure> {
        let Some(row) = self.row().await? else {
            return Ok(None);
        };
        let batch = Batch::decode(&row.body)
            .map_err(|e| Failure::new(End::Fault, format!("row {}: {e}", row.seq)))?;
        Ok(Some((row, batch)))
    }

    /// Where the journal ends.
    pub(crate) const fn head(&self) -> &Head {
        &self.head
    }

    /// The text of a registered document.
    ///
    /// # Errors
    ///
    /// Exit code 7: it cannot be read.
    pub(crate) async fn text(&self, digest: Digest) -> Result<Option<String>, Failure> {
        let blob = self.reader.blob(digest).await.map_err(|e| unreadable(&e))?;
        Ok(blob.and_then(|blob| String::from_utf8(blob.bytes).ok()))
    }
}

fn unreadable(error: &dyn std::error::Error) -> Failure {
    Failure::new(End::Fault, chain(error))
}

/// A journal that is not what was written.
pub(crate) fn untrusted(error: &dyn std::error::Error) -> Failure {
    Failure::new(
        End::Fault,
        format!("the journal cannot be trusted: {}", chain(error)),
    )
    .hint("`ringway audit` checks all of it; nothing was changed")
}
