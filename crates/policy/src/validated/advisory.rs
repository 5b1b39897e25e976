//! What somebody says of the content of updates.

use std::fmt;

use ringway_model::{Digest, Effect, Rank, Timestamp};
use serde::{Deserialize, Serialize};

/// What somebody says of the content of updates, which hosts it is about, and what it asks for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Advisory {
    /// By which people know it.
    pub id: String,
    /// The digest of its text.
    pub digest: Digest,
    /// Who says so.
    pub source: String,
    /// How far that is believed.
    pub rank: Rank,
    /// The content it is about; at least one.
    pub about: Vec<About>,
    /// Which hosts: a selector, as written, that parses; absent: all. None where it is to be poisoned.
    pub affects: Option<String>,
    /// What it asks for.
    pub effect: Effect,
    /// The update that mends it.
    pub fixed_by: Option<String>,
    /// When its source published it.
    pub published: Option<Timestamp>,
    /// Where it is told in full.
    pub reference: Option<String>,
    /// What it says.
    pub says: Option<String>,
}

/// Content that an advisory is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct About {
    /// The id of a release, or its build where that stands alone.
    pub name: String,
    /// The build, where only that one of the id is meant.
    pub build: Option<String>,
}

impl About {
    /// Whether a release of this id and build is meant.
    pub fn means(&self, id: &str, build: Option<&str>) -> bool {
        match &self.build {
            Some(own) => self.name == id && build == Some(own),
            None => self.name == id || build == Some(&self.name),
        }
    }
}

impl fmt::Display for About {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        match &self.build {
            Some(build) => write!(f, " (build {build})"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_is_meant_by_its_id_its_build_or_both() {
        let of = |name: &str, build: Option<&str>| About {
            name: name.to_owned(),
            build: build.map(str::to_owned),
        };
        for (about, id, build, means) in [
            (of("KB1", None), "KB1", None, true),
            (of("KB1", None), "KB1", Some("10.1"), true),
            (of("10.1", None), "KB1", Some("10.1"), true),
            (of("10.1", None), "KB1", Some("10.2"), false),
            (of("KB1", Some("10.1")), "KB1", Some("10.1"), true),
            (of("KB1", Some("10.1")), "KB1", Some("10.2"), false),
            (of("KB1", Some("10.1")), "KB1", None, false),
            (of("KB1", Some("10.1")), "KB2", Some("10.1"), false),
        ] {
            assert_eq!(about.means(id, build), means, "{about} of {id} {build:?}");
        }
    }
}
