//! A maintenance window of a fleet.

use std::collections::BTreeMap;

use ringway_model::Span;

use super::clock::{day_rules, parsed, start_time, zone};
use super::cron;
use crate::fields::{Cx, Fields, Named};
use crate::problem::{Code, Report};
use crate::scalar;
use crate::shape::{Is, Shape, may, must};
use crate::validated::{Binding, Starts, Window};
use crate::yaml::{Node, Value};

/// The longest window. What is open for longer than a month is no window but a time without one.
const LONGEST: Span = Span::hours(31 * 24);

/// One window.
pub(crate) static WINDOW: Shape = Shape {
    what: "window",
    about: "When work may run on the hosts that have it. A host has a window, or several of which one must be open.",
    keys: &[
        may(
            "days",
            Is::Either(&[Is::Text, Is::List(&Is::Text)]),
            "On which days it begins: `mon-thu`, `sat | sun`, `daily`, a day of the month as `second tuesday + 4d` (`first` to `fifth`, `last`), or a list of such.",
        ),
        may(
            "start",
            Is::Text,
            "When it begins on these days, on the clock of its zone; where the clock skips that time, later by as much.",
        ),
        may(
            "cron",
            Is::Text,
            "When it begins, instead of `days` and `start`: minute, hour, day of the month, month, day of the week.",
        ),
        must(
            "for",
            Is::Span,
            "6h",
            "How long it is open, in elapsed time whatever the clock does. Over midnight it belongs to the day on which it begins.",
        ),
        may(
            "zone",
            Is::Text,
            "Whose clock it means; where absent, that of each host.",
        ),
        may(
            "binding",
            Is::Word(&["always"]),
            "That nothing may ignore it.",
        ),
    ],
    later: &[],
};

/// Reads the windows of a fleet.
pub(crate) fn read_all(cx: &Cx<'_>, node: &Node<'_>) -> Option<BTreeMap<String, Window>> {
    let windows = scalar::map(cx, node, "windows", |cx, name, place, value| {
        let name = scalar::check_name(cx, name, place)?;
        cx.define(Named::Window, &name, place);
        let window = cx.about(format!("window `{name}`"), || read(cx, value))?;
        Some((name, window))
    })?;
    Some(windows.into_iter().collect())
}

fn read(cx: &Cx<'_>, node: &Node<'_>) -> Option<Window> {
    let fields = Fields::open(cx, &WINDOW, node)?;
    let starts = starts(&fields);
    let length = fields.read("for", |cx, node| {
        let span = scalar::span_from(Span::minutes(1))(cx, node)?;
        if span > LONGEST {
            let message = format!("`{span}` is too long: the most is `{LONGEST}`");
            let hint = "a host without `window` may be worked on at any time";
            return cx.fail(Code::BadSpan, node.place, message, hint);
        }
        Some(span)
    });
    let zone = fields.read("zone", zone);
    let binding = fields.read("binding", scalar::word(&[("always", Binding::Always)], &[]));
    if fields.get("zone").is_some() && zone.is_none()
        || fields.get("binding").is_some() && binding.is_none()
    {
        return None;
    }
    Some(Window {
        starts: starts?,
        length: length?,
        zone,
        binding: binding.unwrap_or_default(),
    })
}

fn starts(fields: &Fields<'_, '_, '_, '_>) -> Option<Starts> {
    let cron = fields.read("cron", |cx, node| parsed(cx, node, cron::parse));
    let days = fields.read("days", day_rules);
    let at = fields.read("start", |cx, node| parsed(cx, node, start_time));
    if fields.get("cron").is_some() {
        let other = ["days", "start"]
            .into_iter()
            .find(|key| fields.get(key).is_some());
        if let Some(other) = other {
            let message = format!("{} has both `cron` and `{other}`", fields.title());
            let hint = "keep `cron`, or `days` and `start`";
            let place = fields.key_place(other);
            return fields.cx.fail(Code::KeyConflict, place, message, hint);
        }
        return cron.map(Starts::Cron);
    }
    if fields.get("days").is_none() && fields.get("start").is_none() {
        // A key that is not known has been reported, and is meant to be one of them.
        if !fields.has_unknown() {
            let message = format!("{} does not say when it begins", fields.title());
            let hint = "for example `days: mon-thu, start: \"22:00\"`";
            let report = Report::new(Code::MissingKey, fields.start(), message);
            fields.cx.report(report.hint(hint).absent());
        }
        return None;
    }
    if !fields.has_unknown() {
        fields.must_have("days", "mon-thu");
        fields.must_have("start", "\"22:00\"");
    }
    Some(Starts::On {
        days: days?,
        at: at?,
    })
}

/// A list of names of windows, none twice.
pub(crate) fn list(cx: &Cx<'_>, node: &Node<'_>) -> Option<Vec<String>> {
    scalar::names(cx, node, scalar::reference(Named::Window))
}

/// Names of windows, none twice: one, or a list.
pub(crate) fn names(cx: &Cx<'_>, node: &Node<'_>) -> Option<Vec<String>> {
    match &node.value {
        Value::List(_) => list(cx, node),
        Value::Scalar { .. } | Value::Map { .. } => {
            Some(vec![scalar::reference(Named::Window)(cx, node)?])
        }
    }
}
