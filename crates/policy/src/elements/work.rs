//! What changes a host: a command, or a person who works on it by hand.

use ringway_model::Span;

use super::recipe::placeholders;
use super::step;
use crate::fields::{Cx, Fields};
use crate::scalar;
use crate::shape::{Is, Shape, may, must};
use crate::validated::{Manual, Work};
use crate::yaml::{Node, Value};

/// Long enough for an afternoon at an appliance, short enough that a forgotten one is told the same day.
const WITHIN: Span = Span::hours(4);

/// A step that a person does by hand.
pub(crate) static BY_HAND: Shape = Shape {
    what: "step by hand",
    about: "A step that a person does by hand, on hosts that no command reaches.",
    keys: &[must(
        "manual",
        Is::Of(&MANUAL),
        "{ instructions: \"install {build} from the vendor's console\" }",
        "A person does it, and says with `ringway done` how it ended.",
    )],
    later: &[],
};

static MANUAL: Shape = Shape {
    what: "`manual`",
    about: "Work that a person does by hand. Nothing runs meanwhile: the visit goes on when somebody says with `ringway done` how it ended.",
    keys: &[
        must(
            "instructions",
            Is::Text,
            "\"install {build} from the vendor's console\"",
            "What is to be done, as people are shown it; may contain `{build}`, `{id}` and any `{parameter}`.",
        ),
        may(
            "evidence",
            Is::Word(&["required", "optional"]),
            "Whether a file must be handed in with the word that it is done; `required` where absent.",
        ),
        may(
            "within",
            Is::Span,
            "How long it should take; `4h` where absent. A window must be open for so long. When it has passed the work is told to be overdue, and nothing else happens.",
        ),
    ],
    later: &[],
};

/// Reads a command, or `manual`.
pub(crate) fn read(cx: &Cx<'_>, node: &Node<'_>, parameters: &[&str]) -> Option<Work> {
    if !is_by_hand(node) {
        return step::change(cx, node).map(Work::Run);
    }
    Fields::open(cx, &BY_HAND, node)?
        .read("manual", |cx, node| manual(cx, node, parameters))
        .map(Work::Manual)
}

pub(super) fn is_by_hand(node: &Node<'_>) -> bool {
    match &node.value {
        Value::Map { entries, .. } => entries.iter().any(|entry| entry.key == "manual"),
        Value::Scalar { .. } | Value::List(_) => false,
    }
}

fn manual(cx: &Cx<'_>, node: &Node<'_>, parameters: &[&str]) -> Option<Manual> {
    let fields = Fields::open(cx, &MANUAL, node)?;
    let instructions = fields.read("instructions", |cx, node| {
        placeholders(cx, node, &["build", "id"], parameters)
    });
    let evidence = fields
        .read(
            "evidence",
            scalar::word(&[("required", true), ("optional", false)], &[]),
        )
        .unwrap_or(true);
    let within = fields
        .read("within", scalar::span_from(Span::minutes(1)))
        .unwrap_or(WITHIN);
    Some(Manual {
        instructions: instructions?,
        evidence,
        within,
    })
}
