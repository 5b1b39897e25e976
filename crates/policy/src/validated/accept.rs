//! Findings that are known and left as they are.

use ringway_model::{Span, Timestamp};
use serde::{Deserialize, Serialize};

/// A finding of a lint that a document accepts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acceptance {
    /// The document it stands in, by kind and name: `policy/monthly`, `fleet/corp`.
    pub of: String,
    /// Its place among those of the document, from 0.
    pub at: usize,
    /// The code of the finding.
    pub lint: String,
    /// Why it is accepted.
    pub reason: String,
    /// The beginning of the last day on which it is, in UTC. Absent: it is for as long as it stands there.
    pub until: Option<Timestamp>,
}

impl Acceptance {
    /// Whether its last day is over.
    pub fn is_over(&self, now: Timestamp) -> bool {
        self.until.is_some_and(|day| now >= day + Span::hours(24))
    }

    /// Its last day as it was written: `2026-12-31`.
    pub fn last_day(&self) -> Option<String> {
        let instant = self.until?.to_string();
        instant.split_once('T').map(|(day, _)| day.to_owned())
    }
}
