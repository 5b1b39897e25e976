//! Freezes of a fleet and of a policy: once, or as often as a calendar says.

use std::collections::BTreeMap;

use ringway_model::{Digest, Selector};

use super::clock::{is_surely_not_before, moment, zone};
use super::fleet::optional;
use super::ssh::file;
use crate::fields::{Cx, Fields};
use crate::ical::Ical;
use crate::problem::{Code, Report};
use crate::read::Kind;
use crate::scalar;
use crate::shape::{Is, Shape, may};
use crate::validated::{Binding, Freeze, FreezeOverride, Frozen, LocalTime, Moment, TimeOfDay};
use crate::yaml::{Node, Value};

/// One freeze.
pub(crate) static FREEZE: Shape = Shape {
    what: "freeze",
    about: "When no work may run; it wins over every window.",
    keys: &[
        may(
            "from",
            Is::Text,
            "When it begins: a day (`2026-12-18`), a time on the clock (`2026-12-18 18:00`) or an instant (`2026-12-18T17:00:00Z`).",
        ),
        may(
            "until",
            Is::Text,
            "When it ends: a day, which it includes, a time on the clock or an instant.",
        ),
        may(
            "ical",
            Is::Text,
            "An iCalendar file instead of `from` and `until`: no work runs during its events. Below the directory of this document, unless it is absolute.",
        ),
        may(
            "reason",
            Is::Text,
            "Why; people who wait are told. For a file only where an event does not say it itself.",
        ),
        may("select", Is::Selector, "Which hosts; all where absent."),
        may(
            "zone",
            Is::Text,
            "Whose clock days and times without a zone mean; where absent, that of each host.",
        ),
        may(
            "binding",
            Is::Word(&["always"]),
            "That nobody may work in it, whatever a policy permits.",
        ),
    ],
    later: &[],
};

/// The key of a policy's freezes that is no freeze.
const OVERRIDE: &str = "override";

/// Whose freezes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Owner {
    pub(crate) kind: Kind,
    /// The name of its document; empty where it has none.
    pub(crate) name: String,
}

/// Reads the freezes of a fleet.
pub(crate) fn of_fleet(
    cx: &Cx<'_>,
    node: &Node<'_>,
    fleet: &str,
) -> Option<BTreeMap<String, Freeze>> {
    let owner = Owner {
        kind: Kind::Fleet,
        name: fleet.to_owned(),
    };
    let freezes = scalar::map(cx, node, "freezes", |cx, name, place, value| {
        if name == OVERRIDE {
            let message = "`override` is no freeze: a fleet does not say who may work in one";
            let hint = "write `freezes: { override: with_reason }` in a policy";
            return cx.fail(Code::ReservedName, place, message.to_owned(), hint);
        }
        let name = scalar::check_name(cx, name, place)?;
        Some((name.clone(), one(cx, value, &name, &owner)?))
    })?;
    Some(freezes.into_iter().collect())
}

/// Reads the freezes of a policy, and whether people may work in one.
pub(crate) fn of_policy(
    cx: &Cx<'_>,
    node: &Node<'_>,
    policy: &str,
) -> Option<(BTreeMap<String, Freeze>, FreezeOverride)> {
    let owner = Owner {
        kind: Kind::Policy,
        name: policy.to_owned(),
    };
    let mut allowed = FreezeOverride::Never;
    let read = scalar::map(cx, node, "freezes", |cx, name, place, value| {
        if name == OVERRIDE {
            let words: &'static [(&str, FreezeOverride)] =
                &[("with_reason", FreezeOverride::WithReason)];
            return scalar::word(words, &[])(cx, value).map(Err);
        }
        let name = scalar::check_name(cx, name, place)?;
        Some(Ok((name.clone(), one(cx, value, &name, &owner)?)))
    })?;
    let mut freezes = BTreeMap::new();
    for entry in read {
        match entry {
            Ok((name, freeze)) => {
                freezes.insert(name, freeze);
            }
            Err(way) => allowed = way,
        }
    }
    Some((freezes, allowed))
}

fn one(cx: &Cx<'_>, node: &Node<'_>, name: &str, owner: &Owner) -> Option<Freeze> {
    cx.about(format!("freeze `{name}`"), || read(cx, node, name, owner))
}

fn read(cx: &Cx<'_>, node: &Node<'_>, name: &str, owner: &Owner) -> Option<Freeze> {
    let fields = Fields::open(cx, &FREEZE, node)?;
    let select = match fields.get("select") {
        Some(node) => {
            let path = format!("{} {} freeze {name}", owner.kind.word(), owner.name);
            cx.place(path, node.place);
            fields.read("select", scalar::selector)
        }
        None => Some(Selector::All),
    };
    let reason = fields.read("reason", scalar::value);
    let zone = fields.read("zone", zone);
    let from = fields.read("from", moment);
    let until = fields.read("until", moment);
    let file = fields.read("ical", |cx, node| Some((file(cx, node)?, node)));
    let when = if fields.get("ical").is_some() {
        let other = ["from", "until"]
            .into_iter()
            .find(|key| fields.get(key).is_some());
        if let Some(other) = other {
            let message = format!("{} has both `ical` and `{other}`", fields.title());
            let hint = "make two freezes of it: one from the file, and one with `from` and `until`";
            return cx.fail(Code::KeyConflict, fields.key_place(other), message, hint);
        }
        let (path, node) = file?;
        cx.notes.borrow_mut().calendars.push(Ical {
            path: path.clone(),
            place: node.place,
            owner: owner.clone(),
            element: name.to_owned(),
        });
        Frozen::Events {
            file: path,
            digest: Digest::default(),
            events: Vec::new(),
        }
    } else {
        between(&fields, from, until)?
    };
    let binding = fields.read("binding", scalar::word(&[("always", Binding::Always)], &[]));
    let zone = (zone.is_some() || fields.get("zone").is_none()).then_some(zone)?;
    Some(Freeze {
        select: select?,
        reason: optional(&fields, "reason", reason.map(Some))?,
        zone,
        when,
        binding: optional(&fields, "binding", binding)?,
    })
}

/// A freeze that is written out needs a beginning, an end and a reason.
fn between(
    fields: &Fields<'_, '_, '_, '_>,
    from: Option<Moment>,
    until: Option<Moment>,
) -> Option<Frozen> {
    let is_none = ["from", "until"]
        .iter()
        .all(|key| fields.get(key).is_none());
    if is_none && !fields.has_unknown() {
        let message = format!("{} does not say when it holds", fields.title());
        let hint = "set `from` and `until`, or name an iCalendar file with `ical`";
        let report = Report::new(Code::MissingKey, fields.start(), message);
        fields.cx.report(report.hint(hint).absent());
        return None;
    }
    if !fields.has_unknown() {
        fields.must_have("from", "2026-12-18");
        fields.must_have("until", "2027-01-06");
        fields.must_have("reason", "year-end closing");
    }
    let (from, until) = (from?, until?);
    let is_backwards = is_surely_not_before(&from, &end_of(&until));
    if is_backwards {
        let message = format!("{} ends before it begins", fields.title());
        let place = match fields.get("until").map(|node| (&node.value, node.place)) {
            Some((Value::Scalar { .. }, place)) => place,
            Some(_) | None => fields.start(),
        };
        let hint = format!("write an `until` that is later than `{from}`");
        return fields.cx.fail(Code::BadValue, place, message, &hint);
    }
    Some(Frozen::Between { from, until })
}

/// The end; that of a day is its last moment.
fn end_of(until: &Moment) -> Moment {
    match until {
        Moment::Date(date) => Moment::Local(LocalTime {
            date: *date,
            time: TimeOfDay::END,
        }),
        Moment::Local(_) | Moment::Zoned(..) | Moment::Instant(_) => until.clone(),
    }
}
