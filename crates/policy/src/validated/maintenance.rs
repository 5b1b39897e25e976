//! Announced work.

use ringway_model::{Digest, Selector, Timestamp};
use serde::{Deserialize, Serialize};

use super::calendar::ZoneName;
use super::events::Event;

/// Work on hosts that others have announced.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Maintenance {
    /// Its name.
    pub name: String,
    /// The digest of its text.
    pub digest: Digest,
    /// What is announced.
    pub work: Vec<Announced>,
}

/// One announced work.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Announced {
    /// Its name, unique in its document.
    pub name: String,
    /// On which hosts.
    pub hosts: Selector,
    /// When.
    pub when: AnnouncedFor,
    /// Why; absent only where events say it themselves.
    pub reason: Option<String>,
    /// Whose work it is.
    pub owner: String,
}

/// When announced work is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum AnnouncedFor {
    /// Once.
    Once {
        /// When it begins.
        from: Timestamp,
        /// When it ends, later than it begins.
        until: Timestamp,
    },
    /// During the events of an iCalendar file.
    Events {
        /// The file as written.
        file: String,
        /// The digest of the lines of it that are about its events, which are kept with the documents.
        digest: Digest,
        /// Whose clock days and times without a zone mean; there is one where some event needs it.
        zone: Option<ZoneName>,
        /// Its events that block time.
        events: Vec<Event>,
    },
}
