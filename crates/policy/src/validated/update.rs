//! An update and its releases. What the vendor says of a release is told to people; the engine decides nothing by it.

use std::collections::BTreeMap;

use ringway_model::{Digest, Selector, Timestamp};
use serde::{Deserialize, Serialize};

/// What is installed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Update {
    /// Its name.
    pub name: String,
    /// Digest of the document as written.
    pub digest: Digest,
    /// When the vendor released it.
    pub released: Option<Timestamp>,
    /// How bad what it mends is.
    pub severity: Option<String>,
    /// What it mends; ids are unique.
    pub cves: Vec<Cve>,
    /// One per product line; the first selector that matches counts.
    pub releases: Vec<Release>,
    /// What it takes the place of.
    pub supersedes: Vec<String>,
    /// The recipe's name.
    pub recipe: String,
}

/// A vulnerability that an update mends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cve {
    /// Its id, as written.
    pub id: String,
    /// How bad it is.
    pub severity: Option<String>,
    /// Whether it is known to be exploited.
    pub exploited: bool,
    /// Whether it was publicly disclosed before it was mended.
    pub disclosed: bool,
}

/// The content for one product line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Release {
    /// For which hosts.
    pub select: Selector,
    /// Its id, as written.
    pub id: String,
    /// Its build, as written.
    pub build: Option<String>,
    /// Values for the recipe's parameters.
    pub with: BTreeMap<String, String>,
    /// What its vendor says of it.
    pub vendor: Vendor,
}

/// What a vendor says of a release.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Vendor {
    /// The ids of the releases it takes the place of.
    pub supersedes: Vec<String>,
    /// Whether a host restarts before it is in effect.
    pub restart: Option<Restart>,
    /// Whether it changes what runs, without a restart. Its content is another than that of the standard release.
    pub hotpatch: bool,
    /// The ids of what it mends, of those of the update. `None`: all of them.
    pub cves: Option<Vec<String>>,
}

/// Whether a host restarts before a release is in effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Restart {
    /// It does not.
    Never,
    /// It may have to.
    Maybe,
    /// It does.
    Always,
}

impl Restart {
    /// Its word in a document.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Never => "never",
            Self::Maybe => "maybe",
            Self::Always => "always",
        }
    }
}

impl Update {
    /// What a release of it mends.
    pub fn mends<'u>(&'u self, release: &'u Release) -> impl Iterator<Item = &'u Cve> {
        let of = release.vendor.cves.as_deref();
        self.cves
            .iter()
            .filter(move |cve| of.is_none_or(|ids| ids.contains(&cve.id)))
    }
}
