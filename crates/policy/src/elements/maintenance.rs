//! Work on hosts that others have announced: which hosts, from when until when, why, and whose it is.
//!
//! What is done with it is the edge's: it becomes the words that a person would say with `ringway maintenance add`.

use ringway_model::Digest;

use crate::fields::{Cx, Fields};
use crate::problem::{Code, Report};
use crate::scalar;
use crate::shape::{Is, Shape, must};
use crate::validated::{Announced, Maintenance};
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
        must(
            "from",
            Is::Time,
            "2026-12-01T22:00:00+01:00",
            "When it begins.",
        ),
        must(
            "until",
            Is::Time,
            "2026-12-02T06:00:00+01:00",
            "When it ends.",
        ),
        must("reason", Is::Text, "\"power, CHG-4711\"", "Why."),
        must("owner", Is::Text, "facilities", "Whose work it is."),
    ],
    later: &[("ical", "works that are in iCalendar files")],
};

/// Reads a maintenance document.
pub(crate) fn read(cx: &Cx<'_>, node: &Node<'_>, digest: Digest) -> Option<Maintenance> {
    let fields = Fields::open(cx, &MAINTENANCE, node)?;
    fields.read("ringway", |_, _| Some(()));
    let name = fields.read("name", scalar::name);
    let work = fields.read("work", |cx, node| {
        let work = scalar::list(cx, node, |cx, node| Some((work(cx, node)?, node.place)))?;
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

fn work(cx: &Cx<'_>, node: &Node<'_>) -> Option<Announced> {
    let fields = Fields::open(cx, &WORK, node)?;
    let name = fields.read("name", scalar::name);
    cx.about(fields.title(), || {
        let hosts = fields.read("hosts", scalar::selector);
        let from = fields.read("from", scalar::time);
        let until = fields.read("until", scalar::time);
        let reason = fields.read("reason", scalar::value);
        let owner = fields.read("owner", scalar::value);
        if let (Some(from), Some(until)) = (from, until)
            && until <= from
        {
            let message = format!("{} ends before it begins", fields.title());
            let place = fields
                .get("until")
                .map_or(fields.start(), |node| node.place);
            let report = Report::new(Code::BadValue, place, message);
            cx.report(report.hint("write `until` after `from`; both with their zone"));
            return None;
        }
        Some(Announced {
            name: name?,
            hosts: hosts?,
            from: from?,
            until: until?,
            reason: reason?,
            owner: owner?,
        })
    })
}
