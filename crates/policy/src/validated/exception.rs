//! Hosts that are left out, and until when.

use ringway_model::{Digest, Selector};
use serde::{Deserialize, Serialize};

use super::Moment;

/// Hosts that are left out of updates, with an owner, a reason and an end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exception {
    /// By which people know it.
    pub id: String,
    /// The digest of its text.
    pub digest: Digest,
    /// Which hosts.
    pub hosts: Selector,
    /// The same as written.
    pub written: String,
    /// Which updates.
    pub updates: Excepts,
    /// When it ends; a day is in it.
    pub until: Moment,
    /// Whose it is.
    pub owner: String,
    /// Why.
    pub reason: String,
    /// The teams or people who approved it.
    pub approved_by: Vec<String>,
}

/// Which updates an exception is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Excepts {
    /// Every one.
    All,
    /// Those of these names.
    Named(Vec<String>),
}

impl Excepts {
    /// Whether it is about the update of this name.
    pub fn covers(&self, update: &str) -> bool {
        match self {
            Self::All => true,
            Self::Named(names) => names.iter().any(|name| name == update),
        }
    }

    /// The names; none where it is about all.
    pub fn names(&self) -> &[String] {
        match self {
            Self::All => &[],
            Self::Named(names) => names,
        }
    }
}
