//! A gate: a condition on updated hosts, deterministic; or one outside the fleet, of which a command knows.

use ringway_model::{Share, Span};

use super::fleet::optional;
use crate::fields::{Cx, Fields, Named};
use crate::problem::Code;
use crate::scalar;
use crate::shape::{Is, Shape, may, must};
use crate::validated::{ExternalGate, Gate};
use crate::yaml::Node;

/// Longer than a service needs to come up, shorter than people need to notice.
const DOWN_FOR: Span = Span::minutes(3);
/// A change that is approved elsewhere may be so a few minutes later here.
const EVERY: Span = Span::minutes(5);
/// More often than this it is load on somebody else's system.
const LEAST_EVERY: Span = Span::seconds(1);
/// A ticket system that needs longer to answer is not there.
const TIMEOUT: Span = Span::seconds(30);
/// Silence is never success: every updated host must report unless the policy says that fewer are enough.
const MIN_REPORTING: Share = Share::ALL;

/// One gate.
pub(crate) static GATE: Shape = Shape {
    what: "gate",
    about: "A condition on updated hosts: a hard guard on a probe. Or, with `external`, a condition outside the fleet.",
    keys: &[
        must(
            "name",
            Is::Name,
            "answers",
            "The gate's name, unique in the policy.",
        ),
        may(
            "probe",
            Is::Name,
            "The probe, one of the fleet's; required where there is no `external`.",
        ),
        may("down", Is::Of(&DOWN), "When a host counts as unhealthy."),
        may(
            "min_reporting",
            Is::Share,
            "How many of a ring's updated hosts must report for its soak to count, rounded up; `100%` where absent.",
        ),
        may(
            "external",
            Is::Of(&EXTERNAL),
            "Instead of `probe`: a command at the controller says whether work may begin. While it does not say so, no visit begins and no ring is promoted.",
        ),
    ],
    later: &[
        ("metric", "gates on metrics"),
        ("worse_by", "gates on metrics"),
        ("confidence", "gates on metrics"),
        ("then", "gates that pause or note"),
    ],
};

static EXTERNAL: Shape = Shape {
    what: "`external`",
    about: "A command that knows whether work may begin: exit code 0 says open, 1 closed; with any other, or without an answer in time, nobody knows.",
    keys: &[
        must(
            "run",
            Is::Command,
            "[./change-approved]",
            "The command; it runs at the controller.",
        ),
        may(
            "every",
            Is::Span,
            "How often it is asked; `5m` where absent.",
        ),
        may(
            "timeout",
            Is::Span,
            "How long one answer may take; `30s` where absent.",
        ),
    ],
    later: &[],
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

/// Reads a gate of a policy, of either kind.
pub(crate) fn read(cx: &Cx<'_>, node: &Node<'_>, policy: &str) -> Option<AnyGate> {
    // A gate of a later kind has no probe; saying so would only send people the wrong way.
    if super::policy::only_later(cx, node, &GATE, &["metric"]) {
        return None;
    }
    let fields = Fields::open(cx, &GATE, node)?;
    cx.about(fields.title(), || {
        let name = fields.read("name", scalar::name);
        if fields.get("external").is_some() {
            return external(&fields, name).map(AnyGate::External);
        }
        if !fields.has_unknown() {
            fields.must_have("probe", "up");
        }
        let probe = fields.read("probe", scalar::reference(Named::Probe));
        if let (Some(name), Some(node)) = (&name, fields.get("probe")) {
            cx.place(format!("policy {policy} gate {name}"), node.place);
        }
        let down_for = fields.read("down", |cx, node| {
            Fields::open(cx, &DOWN, node)?.read("for", scalar::span_from(Span(1)))
        });
        let min_reporting = fields.read("min_reporting", scalar::some_share);
        Some(AnyGate::Probe(Gate {
            name: name?,
            probe: probe?,
            down_for: down_for.unwrap_or(DOWN_FOR),
            min_reporting: min_reporting.unwrap_or(MIN_REPORTING),
        }))
    })
}

/// A gate of either kind.
pub(crate) enum AnyGate {
    Probe(Gate),
    External(ExternalGate),
}

fn external(fields: &Fields<'_, '_, '_, '_>, name: Option<String>) -> Option<ExternalGate> {
    for key in ["probe", "down", "min_reporting"] {
        if fields.get(key).is_some() {
            let message = format!("{} has both `external` and `{key}`", fields.title());
            let hint = "make two gates of it: one of a probe, one that is external";
            return fields
                .cx
                .fail(Code::KeyConflict, fields.key_place(key), message, hint);
        }
    }
    let gate = fields.read("external", |cx, node| {
        let fields = Fields::open(cx, &EXTERNAL, node)?;
        let run = fields.read("run", scalar::command);
        let every = fields.read("every", scalar::span_from(LEAST_EVERY));
        let timeout = fields.read("timeout", scalar::span_from(Span(1)));
        Some((
            run?,
            optional(&fields, "every", every.map(Some))?.unwrap_or(EVERY),
            optional(&fields, "timeout", timeout.map(Some))?.unwrap_or(TIMEOUT),
        ))
    });
    let (run, every, timeout) = gate?;
    Some(ExternalGate {
        name: name?,
        run,
        every,
        timeout,
    })
}
