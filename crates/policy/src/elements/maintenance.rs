//! Work on hosts that others have announced: which hosts, from when until when, why, and whose it is.
//!
//! What is done with it is the edge's: it becomes the words that a person would say with `ringway maintenance add`.

use ringway_model::Digest;

use super::clock::zone;
use super::fleet::optional;
use super::freeze::Owner;
use super::ssh::file;
use crate::fields::{Cx, Fields};
use crate::ical::Ical;
use crate::problem::{Code, Report};
use crate::read::Kind;
use crate::scalar;
use crate::shape::{Is, Shape, may, must};
use crate::validated::{Announced, AnnouncedFor, Maintenance};
use crate::yaml::Node;

/// The document.
pub(crate) static MAINTENANCE: Shape = Shape {
    what: "maintenance",
    about: "Work on hosts that others have announced; `ringway maintenance import` declares it.",
    keys: &[
        must(
            "ringway",
            Is::Word(&["maintenance/v1"]),
            "maintenance/v1",
            "The kind of document.",
        ),
        must(
            "name",
            Is::Name,
            "facilities",
            "Its name: work that is no longer in the document of this name ends with the next import.",
        ),
        must(
            "work",
            Is::List(&Is::Of(&WORK)),
            "[{ name: power, hosts: site = fra, from: .., until: .., reason: .., owner: .. }]",
            "What is announced; may be empty.",
        ),
    ],
    later: &[],
};

static WORK: Shape = Shape {
    what: "work",
    about: "One announced work.",
    keys: &[
        must(
            "name",
            Is::Name,
            "power",
            "Its name, unique in the document.",
        ),
        must("hosts", Is::Selector, "site = fra", "On which hosts."),
        may(
            "from",
            Is::Time,
            "When it begins: an instant, `2026-12-01T22:00:00+01:00`.",
        ),
        may("until", Is::Time, "When it ends."),
        may(
            "ical",
            Is::Text,
            "An iCalendar file instead of `from` and `until`: each of its events that block time is work on these hosts. Below the directory of this document, unless it is absolute.",
        ),
        may(
            "zone",
            Is::Text,
            "Whose clock days and times of the file mean that name no zone; needed where it has such.",
        ),
        may(
            "reason",
            Is::Text,
            "Why. For a file only where an event does not say it itself.",
        ),
        must("owner", Is::Text, "facilities", "Whose work it is."),
    ],
    later: &[],
};

/// Reads a maintenance document.
pub(crate) fn read(cx: &Cx<'_>, node: &Node<'_>, digest: Digest) -> Option<Maintenance> {
    let fields = Fields::open(cx, &MAINTENANCE, node)?;
    fields.read("ringway", |_, _| Some(()));
    let name = fields.read("name", scalar::name);
    let owner = Owner {
        kind: Kind::Maintenance,
        name: name.clone().unwrap_or_default(),
    };
    let work = fields.read("work", |cx, node| {
        let one = |cx: &Cx<'_>, node: &Node<'_>| Some((work(cx, node, &owner)?, node.place));
        let work = scalar::list(cx, node, one)?;
        for (at, (one, place)) in work.iter().enumerate() {
            let before = work[..at].iter().find(|(other, _)| other.name == one.name);
            if let Some((_, before)) = before {
                let message = format!("there is another work `{}`", one.name);
                let place = scalar::first_line(cx, *place);
                let report = Report::new(Code::DuplicateName, place, message).first_at(*before);
                cx.report(report.hint("give one of them another name"));
                return None;
            }
        }
        let work: Vec<Announced> = work.into_iter().map(|(one, _)| one).collect();
        Some(work)
    });
    Some(Maintenance {
        name: name?,
        digest,
        work: work?,
    })
}

fn work(cx: &Cx<'_>, node: &Node<'_>, owner: &Owner) -> Option<Announced> {
    let fields = Fields::open(cx, &WORK, node)?;
    let name = fields.read("name", scalar::name);
    cx.about(fields.title(), || {
        let hosts = fields.read("hosts", scalar::selector);
        let reason = fields.read("reason", scalar::value);
        let whose = fields.read("owner", scalar::value);
        let when = if fields.get("ical").is_some() {
            in_file(&fields, name.as_deref().unwrap_or_default(), owner)
        } else {
            once(&fields)
        };
        Some(Announced {
            name: name?,
            hosts: hosts?,
            when: when?,
            reason: optional(&fields, "reason", reason.map(Some))?,
            owner: whose?,
        })
    })
}

/// Work during the events of a file.
fn in_file(fields: &Fields<'_, '_, '_, '_>, name: &str, owner: &Owner) -> Option<AnnouncedFor> {
    let cx = fields.cx;
    let file = fields.read("ical", |cx, node| Some((file(cx, node)?, node.place)));
    let zone = fields.read("zone", zone);
    let other = ["from", "until"]
        .into_iter()
        .find(|key| fields.get(key).is_some());
    if let Some(other) = other {
        let message = format!("{} has both `ical` and `{other}`", fields.title());
        let hint = "make two works of it: one from the file, and one with `from` and `until`";
        return cx.fail(Code::KeyConflict, fields.key_place(other), message, hint);
    }
    let (path, place) = file?;
    cx.notes.borrow_mut().calendars.push(Ical {
        path: path.clone(),
        place,
        owner: owner.clone(),
        element: name.to_owned(),
    });
    Some(AnnouncedFor::Events {
        file: path,
        digest: Digest::default(),
        zone: optional(fields, "zone", zone.map(Some))?,
        events: Vec::new(),
    })
}

/// Work that is written out needs a beginning, an end and a reason.
fn once(fields: &Fields<'_, '_, '_, '_>) -> Option<AnnouncedFor> {
    let from = fields.read("from", scalar::time);
    let until = fields.read("until", scalar::time);
    if fields.get("zone").is_some() {
        let message = format!("{} has a `zone` and no `ical`", fields.title());
        let hint = "write the zone into `from` and `until`: `2026-12-01T22:00:00+01:00`";
        let place = fields.key_place("zone");
        return fields.cx.fail(Code::KeyConflict, place, message, hint);
    }
    fields.must_have("from", "2026-12-01T22:00:00+01:00");
    fields.must_have("until", "2026-12-02T06:00:00+01:00");
    fields.must_have("reason", "\"power, CHG-4711\"");
    let (from, until) = (from?, until?);
    if until <= from {
        let message = format!("{} ends before it begins", fields.title());
        let place = fields
            .get("until")
            .map_or(fields.start(), |node| node.place);
        let hint = "write `until` after `from`; both with their zone";
        return fields.cx.fail(Code::BadValue, place, message, hint);
    }
    Some(AnnouncedFor::Once { from, until })
}
