//! A group of hosts: what must come before it, and what of it must stay up.

use std::num::NonZeroU32;

use ringway_model::Span;

use super::fleet::optional;
use crate::fields::{Cx, Fields, Named};
use crate::scalar;
use crate::shape::{Is, Shape, may, must};
use crate::validated::{After, Group, KeepUp, Minimum, RingSpread};
use crate::yaml::{Node, Value};

/// How old evidence may be: two probes at their usual pace, so that one lost answer does not stop everything.
const FRESH: Span = Span::seconds(60);

/// One group.
pub(crate) static GROUP: Shape = Shape {
    what: "group",
    about: "A set of hosts, node of the dependency graph. A host belongs to at most one.",
    keys: &[
        must(
            "name",
            Is::Name,
            "web",
            "The group's name, unique in the fleet.",
        ),
        must("select", Is::Selector, "role = web", "Which hosts."),
        may(
            "after",
            Is::List(&Is::Either(&[Is::Name, Is::Of(&AFTER)])),
            "Groups that must be done and healthy first, within the same ring or across rings.",
        ),
        may(
            "keep_up",
            Is::Of(&KEEP_UP),
            "What must stay up while members are visited.",
        ),
        may(
            "rings",
            Is::Word(&["apart", "together"]),
            "Whether the members of one availability group go in different rings or in one.",
        ),
        may(
            "care",
            Is::Name,
            "How hosts of this role are taken out of and put back into service.",
        ),
    ],
    later: &[],
};

static AFTER: Shape = Shape {
    what: "dependency",
    about: "A group that must come first.",
    keys: &[
        must("group", Is::Name, "databases", "The group's name."),
        may(
            "across_rings",
            Is::Flag,
            "Whether its members in earlier rings must be healthy too; `no` where absent.",
        ),
    ],
    later: &[],
};

static KEEP_UP: Shape = Shape {
    what: "`keep_up`",
    about: "What of a group must stay up. One of `at_least` and `share`.",
    keys: &[
        may(
            "per",
            Is::Text,
            "The label whose values tell availability groups apart; absent: the whole group is one.",
        ),
        may("at_least", Is::Count, "How many members must stay up."),
        may(
            "share",
            Is::Share,
            "Which share of the members must stay up, rounded up.",
        ),
        may(
            "down_at_most",
            Is::Count,
            "How many members may be down at once, whatever the minimum allows.",
        ),
        must(
            "probe",
            Is::Name,
            "up",
            "The probe that gives the evidence.",
        ),
        may(
            "fresh",
            Is::Span,
            "How old evidence may be; `60s` where absent.",
        ),
        may(
            "accept_outage",
            Is::Text,
            "Why an outage is accepted where the minimum can never be met.",
        ),
    ],
    later: &[],
};

static SPREADS: [(&str, RingSpread); 2] = [
    ("apart", RingSpread::Apart),
    ("together", RingSpread::Together),
];

/// Reads a group.
pub(crate) fn read(cx: &Cx<'_>, node: &Node<'_>) -> Option<Group> {
    let fields = Fields::open(cx, &GROUP, node)?;
    cx.about(fields.title(), || {
        let name = fields.read("name", scalar::defined(Named::Group));
        let select = fields.read("select", scalar::selector);
        let after = fields.read("after", |cx, node| scalar::list(cx, node, after));
        let keep_up = fields.read("keep_up", keep_up);
        let rings = fields.read("rings", scalar::word(&SPREADS, &[]));
        let care = fields.read("care", scalar::reference(Named::Care));
        if let Some(name) = &name {
            cx.place(
                format!("group {name} select"),
                fields.get("select").unwrap_or(node).place,
            );
            cx.place(format!("group {name} keep_up"), fields.key_place("keep_up"));
        }
        Some(Group {
            name: name?,
            select: select?,
            after: optional(&fields, "after", after)?,
            keep_up,
            rings: rings.unwrap_or_default(),
            care,
        })
    })
}

fn after(cx: &Cx<'_>, node: &Node<'_>) -> Option<After> {
    let group = scalar::reference(Named::Group);
    if matches!(node.value, Value::Map { .. }) {
        let fields = Fields::open(cx, &AFTER, node)?;
        let across_rings = fields.read("across_rings", scalar::flag).unwrap_or(false);
        return Some(After {
            group: fields.read("group", group)?,
            across_rings,
        });
    }
    Some(After {
        group: group(cx, node)?,
        across_rings: false,
    })
}

fn keep_up(cx: &Cx<'_>, node: &Node<'_>) -> Option<KeepUp> {
    let fields = Fields::open(cx, &KEEP_UP, node)?;
    let one = scalar::exactly_one(&fields, &["at_least", "share"]);
    let per = fields.read("per", scalar::label);
    let at_least = fields
        .read("at_least", scalar::number(1, u32::MAX))
        .map(Minimum::AtLeast);
    let share = fields.read("share", scalar::some_share).map(Minimum::Share);
    let down_at_most = fields.read("down_at_most", scalar::number(1, u32::MAX));
    let probe = fields.read("probe", scalar::reference(Named::Probe));
    let fresh = fields
        .read("fresh", scalar::span_from(Span(1)))
        .unwrap_or(FRESH);
    let accept_outage = fields.read("accept_outage", scalar::value);
    one?;
    Some(KeepUp {
        per,
        minimum: at_least.or(share)?,
        down_at_most: down_at_most.and_then(NonZeroU32::new),
        probe: probe?,
        fresh,
        accept_outage,
    })
}
