//! Exceptions: hosts that are left out of updates until a day.
//!
//! What is done with one is the engine's. Whether its end has come is not known here.

use ringway_model::Digest;

use super::clock::moment;
use crate::fields::{Cx, Fields, Named};
use crate::problem::Code;
use crate::scalar;
use crate::shape::{Is, Shape, must};
use crate::validated::{Exception, Excepts};
use crate::yaml::Node;

/// The word for every update.
const ALL: &str = "all";

/// The document.
pub(crate) static EXCEPTION: Shape = Shape {
    what: "exception",
    about: "Hosts that are left out of updates until a day, with an owner, a reason and who approved it.",
    keys: &[
        must(
            "ringway",
            Is::Word(&["exception/v1"]),
            "exception/v1",
            "The kind of document.",
        ),
        must(
            "id",
            Is::Name,
            "EXC-0042",
            "By which people know it. One of the same id takes its place.",
        ),
        must(
            "hosts",
            Is::Selector,
            "name = pacs-1",
            "Which hosts: those that the selector matches in the fleet as it is at the time.",
        ),
        must(
            "updates",
            Is::Either(&[Is::Name, Is::List(&Is::Name)]),
            "all",
            "Which updates: `all`, or their names.",
        ),
        must(
            "until",
            Is::Text,
            "2026-07-31",
            "When it ends: a day, which it includes, or a time on the clock (`2026-07-31 18:00`), both in the fleet's zone, or an instant (`2026-07-31T17:00:00Z`). The hosts are visited then.",
        ),
        must("owner", Is::Text, "radiology", "Whose it is."),
        must(
            "reason",
            Is::Text,
            "vendor certifies quarterly",
            "Why; whoever looks at the host is told.",
        ),
        must(
            "approved_by",
            Is::List(&Is::Name),
            "[ciso]",
            "The teams or people who approved it; where there is a `people/v1` document they are in it.",
        ),
    ],
    later: &[],
};

/// Reads an exception.
pub(crate) fn read(cx: &Cx<'_>, node: &Node<'_>, digest: Digest) -> Option<Exception> {
    let fields = Fields::open(cx, &EXCEPTION, node)?;
    fields.read("ringway", |_, _| Some(()));
    let id = fields.read("id", scalar::defined(Named::Exception));
    let subject = id
        .as_ref()
        .map_or_else(|| "`hosts`".to_owned(), |id| format!("exception `{id}`"));
    let hosts = cx.about(subject, || fields.read("hosts", scalar::selector));
    let written = fields
        .get("hosts")
        .filter(|_| hosts.is_some())
        .and_then(|node| scalar::value(cx, node));
    let updates = fields.read("updates", updates);
    let until = fields.read("until", moment);
    let owner = fields.read("owner", scalar::value);
    let reason = fields.read("reason", scalar::value);
    let approved_by = fields.read("approved_by", |cx, node| {
        let names = scalar::names(cx, node, scalar::name)?;
        if names.is_empty() {
            let message = "nobody has approved it".to_owned();
            let hint = "name the teams or people who did: `approved_by: [ciso]`";
            return cx.fail(Code::BadValue, node.place, message, hint);
        }
        Some(names)
    });
    let id = id?;
    if let Some(node) = fields.get("approved_by") {
        cx.place(approved_path(&id), node.place);
    }
    if let Some(place) = fields.get("until").map(|node| node.place) {
        cx.place(until_path(&id), place);
    }
    Some(Exception {
        id,
        digest,
        hosts: hosts?,
        written: written?,
        updates: updates?,
        until: until?,
        owner: owner?,
        reason: reason?,
        approved_by: approved_by?,
    })
}

/// Where the people who approved an exception are written.
pub(crate) fn approved_path(id: &str) -> String {
    format!("exception/{id}/approved_by")
}

/// Where the end of an exception is written.
pub(crate) fn until_path(id: &str) -> String {
    format!("exception/{id}/until")
}

fn updates(cx: &Cx<'_>, node: &Node<'_>) -> Option<Excepts> {
    let names = scalar::one_or_more(cx, node, scalar::name)?;
    match names.as_slice() {
        [] => {
            let message = "no update is named".to_owned();
            let hint = "write `all`, or the names of updates";
            cx.fail(Code::BadValue, node.place, message, hint)
        }
        [all] if all == ALL => Some(Excepts::All),
        names if names.iter().any(|name| name == ALL) => {
            let message = "`all` stands beside names of updates".to_owned();
            let hint = "write `all` alone, or only names";
            cx.fail(Code::BadValue, node.place, message, hint)
        }
        _ => Some(Excepts::Named(names)),
    }
}
