//! Announced work.

use ringway_model::{Digest, Selector, Timestamp};
use serde::{Deserialize, Serialize};

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
    /// When it begins.
    pub from: Timestamp,
    /// When it ends.
    pub until: Timestamp,
    /// Why.
    pub reason: String,
    /// Whose work it is.
    pub owner: String,
}
