//! An acceptance: a finding of `ringway lint` that people know of and leave as it is, with their reason.

use ringway_model::{Span, Timestamp};

use crate::fields::{Cx, Fields};
use crate::problem::Code;
use crate::scalar;
use crate::shape::{Is, Shape, may, must};
use crate::validated::Acceptance;
use crate::yaml::Node;

/// One acceptance. Which lints there are is not known here: `ringway lint` itself tells of one that is unknown.
pub(crate) static ACCEPT: Shape = Shape {
    what: "acceptance",
    about: "A finding of `ringway lint` that is accepted: it is listed with its reason and no longer counts.",
    keys: &[
        must(
            "lint",
            Is::Name,
            "no-gate",
            "The finding's code. In a policy: of its own findings; in a fleet: of every policy's.",
        ),
        must(
            "reason",
            Is::Text,
            "\"the hosts have no service yet\"",
            "Why it is accepted.",
        ),
        may(
            "until",
            Is::Text,
            "The last day on which it is, for example `2026-12-31`; the day ends at midnight UTC.",
        ),
    ],
    later: &[],
};

/// Reads `accept` of a document and notes what it accepts. `of` is the document: `policy/monthly`.
pub(crate) fn read(cx: &Cx<'_>, node: &Node<'_>, of: &str) -> Option<()> {
    let read = scalar::list(cx, node, |cx, node| {
        let fields = Fields::open(cx, &ACCEPT, node)?;
        let lint = fields.read("lint", scalar::name);
        let reason = fields.read("reason", scalar::value);
        let until = fields.read("until", day);
        // A day that was written and cannot be read must not become "for ever".
        if until.is_none() && fields.get("until").is_some() {
            return None;
        }
        Some((lint?, reason?, until))
    })?;
    let all = read.into_iter().enumerate();
    let all = all.map(|(at, (lint, reason, until))| Acceptance {
        of: of.to_owned(),
        at,
        lint,
        reason,
        until,
    });
    cx.notes.borrow_mut().acceptances.extend(all);
    Some(())
}

/// A day, as the instant at which it begins in UTC.
fn day(cx: &Cx<'_>, node: &Node<'_>) -> Option<Timestamp> {
    let text = scalar::value(cx, node)?;
    let parsed = text.parse::<jiff::civil::Date>().ok();
    // The parser takes a time of day along; that would be read and ignored.
    let day = parsed.filter(|day| day.to_string() == text);
    let Some(day) = day else {
        return cx.fail(
            Code::BadValue,
            node.place,
            format!("`{text}` is not a day"),
            "write year, month and day, for example `2026-12-31`",
        );
    };
    let since = jiff::civil::date(1970, 1, 1)
        .until((jiff::Unit::Day, day))
        .ok()?;
    let days = i64::from(since.get_days());
    let length = i64::try_from(Span::hours(24).millis()).ok()?;
    Some(Timestamp(days * length))
}
