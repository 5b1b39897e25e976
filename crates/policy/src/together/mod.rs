//! Checks across documents: names that must exist, labels that some host must have, groups, people, parameters.
//!
//! Nothing here runs when a source could not be read at all. A check that needs a document which is absent, or has
//! problems of its own, is left out; it never guesses.

mod approvals;
mod calendars;
mod exceptions;
mod groups;
mod labels;
mod members;
mod names;
mod parameters;

use std::collections::BTreeSet;

use self::members::Members;
use crate::fields::Notes;
use crate::problem::Found;
use crate::validated::Documents;
use crate::yaml::Place;

/// Checks documents against each other.
///
/// `zones` are the time zones that exist; empty where nobody says.
pub(crate) fn check(
    documents: &Documents,
    zones: &BTreeSet<String>,
    notes: &Notes,
    found: &mut Found,
) {
    names::check(documents, notes, found);
    approvals::check(documents, notes, found);
    parameters::check(documents, notes, found);
    calendars::check(documents, zones, notes, found);
    exceptions::check(documents, notes, found);
    let Some(fleet) = &documents.fleet else {
        return;
    };
    let members = Members::new(fleet);
    labels::check(documents, fleet, &members, notes, found);
    groups::check(fleet, &members, notes, found);
}

/// A noted place; the beginning of the first source where nothing was noted, which only loses the pointer.
pub(crate) fn place(notes: &Notes, path: &str) -> Place {
    let nowhere = Place {
        source: 0,
        start: 0,
        end: 0,
    };
    notes.places.get(path).copied().unwrap_or(nowhere)
}

/// The first few names and how many more there are.
pub(crate) fn listed(names: &[&str]) -> String {
    const SHOWN: usize = 4;
    let shown = names
        .iter()
        .take(SHOWN)
        .map(|name| format!("`{name}`"))
        .collect::<Vec<_>>();
    match names.len().saturating_sub(SHOWN) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}
