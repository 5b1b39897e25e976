//! What exactly an update installs on a host: its content, as opposed to the name somebody gave the update.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::digest::Digest;

/// The content of a release, as far as it is known.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Content {
    /// The id its vendor gave it: `KB5082142`.
    pub id: String,
    /// The build or version: `20348.5020`. Absent: any of this id.
    pub build: Option<String>,
    /// The digest of what is installed with which values, where a plan says that. The same under another id is the same.
    pub digest: Option<Digest>,
}

impl Content {
    /// Whether what is said of `self` is said of `other`, too. Siblings of one month (a hotpatch, the next cumulative update)
    /// have ids or builds of their own and are other content.
    pub fn covers(&self, other: &Self) -> bool {
        let is_same = self.digest.is_some() && self.digest == other.digest;
        let is_named = self.id == other.id
            && match (&self.build, self.digest) {
                // A release of this id that does not say its build may be just that one.
                (Some(build), _) => other.build.as_ref().is_none_or(|other| other == build),
                // A release without a build is known by its values, and the next one of the same name has others.
                (None, Some(_)) => false,
                (None, None) => true,
            };
        is_same || is_named
    }
}

impl fmt::Display for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.id)?;
        match (&self.build, &self.digest) {
            (Some(build), _) => write!(f, " (build {build})"),
            (None, Some(digest)) => write!(f, " (digest {digest})"),
            (None, None) => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn content(id: &str, build: Option<&str>, digest: Option<&str>) -> Content {
        Content {
            id: id.to_owned(),
            build: build.map(str::to_owned),
            digest: digest.map(|text| Digest::of(text.as_bytes())),
        }
    }

    #[test]
    fn content_is_what_is_installed_and_no_name() {
        let named = content("KB5082142", None, None);
        let built = content("KB5082142", Some("20348.5020"), None);
        let planned = content("KB5082142", Some("20348.5020"), Some("a"));
        let renamed = content("april", Some("20348.5020"), Some("a"));
        let hotpatch = content("KB5091576", Some("20348.5024"), Some("b"));
        let later = content("KB5082142", Some("20348.5024"), Some("c"));
        for (poison, other, covers) in [
            (&named, &planned, true),
            (&named, &later, true),
            (&named, &hotpatch, false),
            (&named, &renamed, false),
            (&built, &planned, true),
            (&built, &later, false),
            (&built, &named, true),
            (&planned, &named, true),
            (&planned, &renamed, true),
            (&planned, &built, true),
            (&planned, &later, false),
            (&planned, &hotpatch, false),
        ] {
            assert_eq!(poison.covers(other), covers, "{poison:?} of {other:?}");
        }
    }

    /// Without a build a release is known by its values: `security updates of today` are other ones tomorrow.
    #[test]
    fn a_release_without_a_build_is_known_by_its_values() {
        let today = content("debian-12", None, Some("nginx 1.24.0-2"));
        let tomorrow = content("debian-12", None, Some("nginx 1.24.0-3"));
        assert!(today.covers(&today) && !today.covers(&tomorrow));
    }
}
