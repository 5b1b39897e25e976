//! What one source says of one host, each value with its place, before anything is decided between sources.

use std::collections::BTreeMap;
use std::fmt;

use crate::yaml::Place;

/// What can be said of a host.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum About {
    Address,
    Zone,
    /// Names of windows, separated by ` | `.
    Window,
    Label(String),
}

impl fmt::Display for About {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address => f.write_str("address"),
            Self::Zone => f.write_str("zone"),
            Self::Window => f.write_str("window"),
            Self::Label(name) => write!(f, "label `{name}`"),
        }
    }
}

/// A value and where it is said.
#[derive(Clone, Debug)]
pub(super) struct Told {
    pub(super) value: String,
    pub(super) place: Place,
}

/// A host as one source has it.
#[derive(Clone, Debug)]
pub(super) struct Offer {
    pub(super) host: String,
    pub(super) place: Place,
    pub(super) says: BTreeMap<About, Told>,
}

/// What separates names of windows in one text.
pub(super) const OR: &str = " | ";

/// The names of windows in one text, as in selectors separated by `|`.
pub(super) fn windows(text: &str) -> Vec<String> {
    text.split('|').map(|name| name.trim().to_owned()).collect()
}
