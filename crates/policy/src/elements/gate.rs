//! A gate: a condition on updated hosts, deterministic.

use ringway_model::{Share, Span};

use crate::fields::{Cx, Fields, Named};
use crate::scalar;
use crate::shape::{Is, Shape, may, must};
use crate::validated::Gate;
use crate::yaml::Node;

/// Longer than a service needs to come up, shorter than people need to notice.
const DOWN_FOR: Span = Span::minutes(3);
/// Silence is never success: every updated host must report unless the policy says that fewer are enough.
const MIN_REPORTING: Share = Share::ALL;

/// One gate.
pub(crate) static GATE: Shape = Shape {
    what: "gate",
    about: "A condition on updated hosts: a hard guard on a probe.",
    keys: &[
        must(
            "name",
            Is::Name,
            "answers",
            "The gate's name, unique in the policy.",
        ),
        must("probe", Is::Name, "up", "The probe, one of the fleet's."),
        may("down", Is::Of(&DOWN), "When a host counts as unhealthy."),
        may(
            "min_reporting",
            Is::Share,
            "How many of a ring's updated hosts must report for its soak to count, rounded up; `100%` where absent.",
        ),
    ],
    later: &[
        ("metric", "gates on metrics"),
        ("worse_by", "gates on metrics"),
        ("confidence", "gates on metrics"),
        ("then", "gates that pause or note"),
        ("external", "external gates"),
    ],
};

static DOWN: Shape = Shape {
    what: "`down`",
    about: "When a host counts as unhealthy.",
    keys: &[must(
        "for",
        Is::Span,
        "3m",
        "How long its probe may be bad; `3m` where `down` is absent.",
    )],
    later: &[],
};

/// Reads a gate of a policy.
pub(crate) fn read(cx: &Cx<'_>, node: &Node<'_>, policy: &str) -> Option<Gate> {
    // A gate of a later kind has no probe; saying so would only send people the wrong way.
    if super::policy::only_later(cx, node, &GATE, &["metric", "external"]) {
        return None;
    }
    let fields = Fields::open(cx, &GATE, node)?;
    cx.about(fields.title(), || {
        let name = fields.read("name", scalar::name);
        let probe = fields.read("probe", scalar::reference(Named::Probe));
        if let (Some(name), Some(node)) = (&name, fields.get("probe")) {
            cx.place(format!("policy {policy} gate {name}"), node.place);
        }
        let down_for = fields.read("down", |cx, node| {
            Fields::open(cx, &DOWN, node)?.read("for", scalar::span_from(Span(1)))
        });
        let min_reporting = fields.read("min_reporting", scalar::some_share);
        Some(Gate {
            name: name?,
            probe: probe?,
            down_for: down_for.unwrap_or(DOWN_FOR),
            min_reporting: min_reporting.unwrap_or(MIN_REPORTING),
        })
    })
}
