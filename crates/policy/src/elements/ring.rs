//! A ring: which hosts, how long it soaks, and who says yes afterwards.

use ringway_model::Span;

use super::approvals::{self, APPROVALS, EARLY};
use super::fleet::optional;
use super::window;
use crate::fields::{Cx, Fields, nearest};
use crate::problem::{Code, LINE, Report};
use crate::scalar;
use crate::shape::{Is, Shape, may, must};
use crate::validated::{Cover, Early, Ring, RingHosts};
use crate::yaml::{Node, Value};

/// One ring.
pub(crate) static RING: Shape = Shape {
    what: "ring",
    about: "An ordered part of the fleet.",
    keys: &[
        must(
            "name",
            Is::Name,
            "canary",
            "The ring's name, unique in the policy.",
        ),
        must(
            "hosts",
            Is::Either(&[Is::Word(&["rest"]), Is::Of(&HOSTS)]),
            "{ select: env = lab }",
            "Which hosts, of those that no earlier ring has claimed; `rest`: all of those.",
        ),
        must(
            "soak",
            Is::Either(&[Is::Span, Is::Of(&SOAK)]),
            "30m",
            "The wait with observation after its last reachable host has settled.",
        ),
        may(
            "after_soak",
            Is::Of(&APPROVALS),
            "What must be approved before the next ring starts.",
        ),
        may(
            "promote_early",
            Is::Of(&EARLY),
            "Whether people may end the soak before its time, and who; they may not where absent.",
        ),
        may(
            "windows",
            Is::List(&Is::Name),
            "Windows of the fleet of which one must be open too, besides the policy's.",
        ),
    ],
    later: &[],
};

static HOSTS: Shape = Shape {
    what: "`hosts`",
    about: "Which hosts a ring claims.",
    keys: &[
        must("select", Is::Selector, "env = lab", "Of these."),
        may(
            "take",
            Is::Either(&[Is::Count, Is::Share]),
            "So many; a share is of `applies_to`, rounded up, at least one. Absent: all of them.",
        ),
        may(
            "cover",
            Is::Of(&COVER),
            "One host of every stratum that comes in a later ring.",
        ),
        may(
            "spread",
            Is::List(&Is::Text),
            "Labels whose values should be spread evenly.",
        ),
    ],
    later: &[],
};

static COVER: Shape = Shape {
    what: "`cover`",
    about: "Which differences between hosts a ring must contain an example of.",
    keys: &[
        must(
            "by",
            Is::List(&Is::Text),
            "[os, role]",
            "The labels whose combinations are the strata.",
        ),
        may(
            "may_exceed_take",
            Is::Flag,
            "Whether the ring may take more than `take` for it; `no` where absent.",
        ),
    ],
    later: &[],
};

static SOAK: Shape = Shape {
    what: "`soak`",
    about: "The wait with observation.",
    keys: &[
        must("for", Is::Span, "4h", "How long."),
        may(
            "working_time",
            Is::Span,
            "How much of the fleet's `working_hours` must have passed as well.",
        ),
    ],
    later: &[],
};

/// Reads a ring of a policy.
pub(crate) fn read(cx: &Cx<'_>, node: &Node<'_>, policy: &str) -> Option<Ring> {
    let fields = Fields::open(cx, &RING, node)?;
    cx.about(fields.title(), || {
        let name = fields.read("name", scalar::name);
        let shown = name.clone().unwrap_or_default();
        let path = format!("policy {policy} ring {shown}");
        if let Some(place) = fields.get("hosts").map(|node| select_place(node)) {
            cx.place(path.clone(), place);
        }
        let hosts = fields.read("hosts", hosts);
        let soak = fields.read("soak", |cx, node| {
            cx.place(format!("{path} soak"), scalar::first_line(cx, node.place));
            soak(cx, node)
        });
        let windows = fields.read("windows", window::list);
        let after_soak = fields.read("after_soak", |cx, node| {
            approvals::read(cx, node, &format!("{path} after_soak"))
        });
        let early = fields.read("promote_early", |cx, node| {
            approvals::early(cx, node, &format!("{path} promote_early"))
        });
        check_early(cx, &fields, early.as_ref(), soak.map(|(soak, _)| soak));
        Some(Ring {
            name: name?,
            hosts: hosts?,
            soak: soak?.0,
            working_time: soak?.1,
            windows: optional(&fields, "windows", windows)?,
            after_soak,
            early: optional(&fields, "promote_early", early.map(Some))?,
        })
    })
}

/// What ends a soak before its time must be able to.
fn check_early(
    cx: &Cx<'_>,
    fields: &Fields<'_, '_, '_, '_>,
    early: Option<&Early>,
    soak: Option<Span>,
) {
    if let (Some(early), Some(soak)) = (early, soak)
        && early.at_least >= soak
    {
        let message = format!(
            "`promote_early` can end nothing: it asks for {} of observation, and the soak is {soak}",
            early.at_least
        );
        let report = Report::new(
            Code::KeyConflict,
            fields.key_place("promote_early"),
            message,
        );
        cx.report(report.hint("ask for less than the soak, or leave it out"));
    }
}

/// Where a ring says which hosts: its selector, or all of `hosts`.
fn select_place(node: &Node<'_>) -> crate::yaml::Place {
    match &node.value {
        Value::Map { entries, .. } => entries
            .iter()
            .find(|entry| entry.key == "select")
            .map_or(node.place, |entry| entry.value.place),
        Value::Scalar { .. } | Value::List(_) => node.place,
    }
}

fn hosts(cx: &Cx<'_>, node: &Node<'_>) -> Option<RingHosts> {
    if let Value::Scalar { text, .. } = &node.value {
        if text == "rest" {
            return Some(RingHosts::Rest);
        }
        let message = format!("`{text}` does not say which hosts");
        let hint = match nearest(text, ["rest"].into_iter()) {
            Some(_) => "did you mean `rest`?".to_owned(),
            None => format!("write `hosts: {{ select: {text} }}`, or `hosts: rest`"),
        };
        return cx.fail(Code::BadValue, node.place, message, &hint);
    }
    let fields = Fields::open(cx, &HOSTS, node)?;
    let select = fields.read("select", scalar::selector);
    let take = fields.read("take", scalar::amount);
    let cover = fields.read("cover", cover);
    let spread = fields.read("spread", |cx, node| scalar::names(cx, node, scalar::label));
    Some(RingHosts::Select {
        select: select?,
        take,
        cover,
        spread: optional(&fields, "spread", spread)?,
    })
}

fn cover(cx: &Cx<'_>, node: &Node<'_>) -> Option<Cover> {
    let fields = Fields::open(cx, &COVER, node)?;
    let by = fields.read("by", |cx, node| scalar::names(cx, node, scalar::label));
    let may_exceed_take = fields
        .read("may_exceed_take", scalar::flag)
        .unwrap_or(false);
    Some(Cover {
        by: by?,
        may_exceed_take,
    })
}

/// How long a ring soaks, and how much of it in working time.
fn soak(cx: &Cx<'_>, node: &Node<'_>) -> Option<(Span, Option<Span>)> {
    match &node.value {
        Value::Map { .. } => {
            let fields = Fields::open(cx, &SOAK, node)?;
            let length = fields.read("for", scalar::span);
            let working = fields.read("working_time", scalar::span_from(Span::minutes(1)));
            let working = optional(&fields, "working_time", working.map(Some))?;
            Some((length?, working))
        }
        Value::Scalar { .. } | Value::List(_) => Some((scalar::span(cx, node)?, None)),
    }
}

/// The rings of a policy: at least one, names once, nothing after the ring that takes the rest.
pub(crate) fn read_all(cx: &Cx<'_>, node: &Node<'_>, policy: &str) -> Option<Vec<Ring>> {
    let Value::List(items) = &node.value else {
        return scalar::list(cx, node, |_, _| None::<Ring>);
    };
    if items.is_empty() {
        let message = "the policy has no ring".to_owned();
        let hint = "for example `rings: [{ name: all, hosts: rest, soak: 1h }]`";
        return cx.fail(Code::BadValue, node.place, message, hint);
    }
    let mut rest = None;
    let mut rings: Vec<Option<Ring>> = Vec::with_capacity(items.len());
    for item in items {
        let ring = read(cx, item, policy);
        if let (Some(ring), Some(rest)) = (&ring, rest) {
            let message = format!(
                "ring `{}` can claim no host: the ring {LINE} takes the rest",
                ring.name
            );
            let mut report = Report::new(Code::RingAfterRest, name_place(item), message)
                .hint("move the ring with `hosts: rest` to the end");
            report.also.push(rest);
            cx.report(report);
        }
        if let Some(Ring {
            hosts: RingHosts::Rest,
            ..
        }) = &ring
        {
            rest = rest.or(Some(name_place(item)));
        }
        rings.push(ring);
    }
    super::policy::unique(cx, "ring", items);
    rings.into_iter().collect()
}

/// Where the name of an element stands.
pub(crate) fn name_place(node: &Node<'_>) -> crate::yaml::Place {
    match &node.value {
        Value::Map { entries, .. } => entries
            .iter()
            .find(|entry| entry.key == "name")
            .map_or(node.place, |entry| entry.value.place),
        Value::Scalar { .. } | Value::List(_) => node.place,
    }
}
