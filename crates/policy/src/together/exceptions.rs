//! Whoever approved an exception must be somebody, where a document says who there is.

use std::collections::BTreeSet;

use crate::elements::exception::approved_path;
use crate::fields::{Notes, nearest};
use crate::problem::{Code, Found, Report};
use crate::validated::Documents;

/// Reports names that are neither a team's nor a person's.
pub(super) fn check(documents: &Documents, notes: &Notes, found: &mut Found) {
    let people = &documents.people;
    if people.teams.is_empty() {
        return;
    }
    let in_teams = people.teams.values();
    let in_teams = in_teams.flat_map(|team| team.members.iter().chain(&team.deputies));
    let known: BTreeSet<&str> = people
        .teams
        .keys()
        .chain(people.people.keys())
        .chain(in_teams)
        .map(String::as_str)
        .collect();
    for exception in documents.exceptions.values() {
        let unknown = exception.approved_by.iter();
        let unknown = unknown.filter(|name| !known.contains(name.as_str()));
        for name in unknown {
            let message = format!(
                "exception `{}` is approved by `{name}`, who is neither a team nor a person",
                exception.id
            );
            let place = super::place(notes, &approved_path(&exception.id));
            let near = nearest(name, known.iter().copied());
            let hint = near.map_or_else(
                || "name a team or a person of the people document".to_owned(),
                |near| format!("did you mean `{near}`?"),
            );
            found.report(Report::new(Code::UnknownName, place, message).hint(hint));
        }
    }
}
