//! Names that refer to something must find it.

use crate::builtin;
use crate::fields::{Named, Notes, Reference, nearest};
use crate::problem::{Code, Found, Report};
use crate::validated::Documents;

/// Reports every name that finds nothing.
pub(super) fn check(documents: &Documents, notes: &Notes, found: &mut Found) {
    for reference in &notes.references {
        let key = (reference.to, reference.name.clone());
        if !notes.names.contains_key(&key) && is_asked(documents, reference) {
            found.report(unknown(notes, reference));
        }
    }
}

/// Whether there are documents in which the name could be.
fn is_asked(documents: &Documents, reference: &Reference) -> bool {
    match reference.to {
        Named::Probe | Named::Group | Named::Window => documents.fleet.is_some(),
        Named::Recipe => builtin::RECIPES
            .iter()
            .all(|(name, _)| *name != reference.name),
        // A world is read alone as well as with what it speaks of.
        Named::Policy => !documents.policies.is_empty(),
        Named::Update => !documents.updates.is_empty(),
        Named::Host
        | Named::Care
        | Named::Team
        | Named::World
        | Named::Exception
        | Named::Advisory => true,
    }
}

fn unknown(notes: &Notes, reference: &Reference) -> Report {
    let Reference {
        to,
        name,
        place,
        by,
    } = reference;
    let known: Vec<&str> = notes
        .names
        .keys()
        .filter(|(what, _)| what == to)
        .map(|(_, name)| name.as_str())
        .collect();
    if *to == Named::Team && known.is_empty() {
        let message = format!("nobody says who is in team `{name}`");
        return Report::new(Code::NoPeople, *place, message)
            .hint("add a `people/v1` document with its teams");
    }
    let built_in = builtin::RECIPES
        .iter()
        .map(|(name, _)| *name)
        .filter(|_| *to == Named::Recipe);
    let hint = match nearest(name, known.iter().copied().chain(built_in)) {
        Some(near) => format!("did you mean `{near}`?"),
        None if *to == Named::Care => {
            let known = if known.is_empty() {
                String::new()
            } else {
                format!("; there are {}", super::listed(&known))
            };
            format!(
                "a care is a document: name its file beside these (those that are shipped lie in `policies/cares`), or copy it to \
                 them{known}"
            )
        }
        None if known.is_empty() => format!("no document defines a {}", to.word()),
        None => format!("there are {}", super::listed(&known)),
    };
    let message = format!("{by} names an unknown {} `{name}`", to.word());
    Report::new(Code::UnknownName, *place, message.trim_start()).hint(hint)
}
