//! One command of a recipe or of a role's care.

use ringway_model::{AfterCrash, Place, Span};

use super::probe::PLACES;
use crate::fields::{Cx, Fields};
use crate::problem::Code;
use crate::scalar;
use crate::shape::{Is, Key, Shape, may, must};
use crate::validated::{Expect, Step};
use crate::yaml::Node;

/// Longer than almost every command takes, short enough that a hanging one is noticed within a coffee.
pub(crate) const TIMEOUT: Span = Span::minutes(10);

/// The keys every step has.
pub(crate) const RUN: Key = must(
    "run",
    Is::Command,
    "\"systemctl restart web\"",
    "What is executed; values reach it as environment variables.",
);
pub(crate) const AT: Key = may(
    "at",
    Is::Word(&["host", "controller"]),
    "Where it runs; `host` where absent.",
);
/// The same of a role's care, which may run beside the host.
pub(crate) const AT_PEER: Key = may(
    "at",
    Is::Word(&["host", "controller", "peer"]),
    "Where it runs; `host` where absent. `peer` is another member of the host's availability group that is evidently up.",
);
pub(crate) const TIMEOUT_KEY: Key = may(
    "timeout",
    Is::Span,
    "How long it may take; `10m` where absent.",
);
/// The key of steps that change something.
pub(crate) const AFTER_CRASH: Key = may(
    "after_crash",
    Is::Word(&["inspect", "repeat"]),
    "What is done when it began and left no result: `inspect` first, or `repeat` it, only where that does no harm; `inspect` where absent.",
);
pub(crate) const EXPECT: Key = may(
    "expect",
    Is::Of(&EXPECT_SHAPE),
    "What its output must be, beyond exit code 0.",
);

static EXPECT_SHAPE: Shape = Shape {
    what: "`expect`",
    about: "What a step's output must be. One of these.",
    keys: &[
        may(
            "at_least",
            Is::Count,
            "Its last line is a number of at least this.",
        ),
        may("contains", Is::Text, "It contains this text."),
        may("equals", Is::Text, "Trimmed, it is this text."),
    ],
    later: &[],
};

/// A step that looks and changes nothing; a crash repeats it.
pub(crate) static CHECK: Shape = Shape {
    what: "step",
    about: "A command that looks and changes nothing.",
    keys: &[RUN, AT, TIMEOUT_KEY, EXPECT],
    later: &[],
};

/// A step that changes something.
pub(crate) static CHANGE: Shape = Shape {
    what: "step",
    about: "A command that changes something.",
    keys: &[RUN, AT, TIMEOUT_KEY, AFTER_CRASH, EXPECT],
    later: &[],
};

/// The same of a role's care.
pub(crate) static CARE_CHECK: Shape = Shape {
    what: "step",
    about: "A command that looks and changes nothing.",
    keys: &[RUN, AT_PEER, TIMEOUT_KEY, EXPECT],
    later: &[],
};

/// The same of a role's care.
pub(crate) static CARE_CHANGE: Shape = Shape {
    what: "step",
    about: "A command that changes something.",
    keys: &[RUN, AT_PEER, TIMEOUT_KEY, AFTER_CRASH, EXPECT],
    later: &[],
};

/// Where a step of a role's care may run.
static CARE_PLACES: [(&str, Place); 3] = [
    ("host", Place::Host),
    ("controller", Place::Controller),
    ("peer", Place::Peer),
];
/// Nothing that installs runs beside its host.
static RECIPE_LATER: [(&str, &str); 1] = [("peer", "steps of a recipe on a peer of the host")];

static AFTER_CRASHES: [(&str, AfterCrash); 2] = [
    ("inspect", AfterCrash::Inspect),
    ("repeat", AfterCrash::Repeat),
];
static LATER_CRASHES: [(&str, &str); 1] = [("ask", "questions to a person after a crash")];

/// Reads a step that looks.
pub(crate) fn check(cx: &Cx<'_>, node: &Node<'_>) -> Option<Step> {
    let fields = Fields::open(cx, &CHECK, node)?;
    common(&fields, AfterCrash::Repeat)
}

/// Reads a step of a role's care that looks.
pub(crate) fn care_check(cx: &Cx<'_>, node: &Node<'_>) -> Option<Step> {
    let fields = Fields::open(cx, &CARE_CHECK, node)?;
    common(&fields, AfterCrash::Repeat)
}

/// Reads a step of a role's care that changes something.
pub(crate) fn care_change(cx: &Cx<'_>, node: &Node<'_>) -> Option<Step> {
    let fields = Fields::open(cx, &CARE_CHANGE, node)?;
    let after_crash = after_crash(&fields);
    common(&fields, after_crash)
}

/// Reads a step that changes something.
pub(crate) fn change(cx: &Cx<'_>, node: &Node<'_>) -> Option<Step> {
    let fields = Fields::open(cx, &CHANGE, node)?;
    let after_crash = after_crash(&fields);
    common(&fields, after_crash)
}

/// What a crash means for a step that changes something.
pub(crate) fn after_crash(fields: &Fields<'_, '_, '_, '_>) -> AfterCrash {
    fields
        .read("after_crash", scalar::word(&AFTER_CRASHES, &LATER_CRASHES))
        .unwrap_or_default()
}

/// Reads the keys every step has, and `expect` where the element has it.
pub(crate) fn common(fields: &Fields<'_, '_, '_, '_>, after_crash: AfterCrash) -> Option<Step> {
    let run = fields.read("run", scalar::command);
    let bounds = bounds(fields);
    Some(Step {
        run: run?,
        at: bounds.at,
        timeout: bounds.timeout,
        after_crash,
        expect: bounds.expect,
    })
}

/// What a step is beside its command.
pub(crate) struct Bounds {
    pub(crate) at: Place,
    pub(crate) timeout: Span,
    pub(crate) expect: Option<Expect>,
}

/// Reads the keys that every step has beside its command, and `expect` where the element has it.
pub(crate) fn bounds(fields: &Fields<'_, '_, '_, '_>) -> Bounds {
    let beside = fields
        .shape
        .key("at")
        .is_some_and(|key| matches!(key.kind, Is::Word(words) if words.contains(&"peer")));
    let at = if beside {
        fields.read("at", scalar::word(&CARE_PLACES, &[]))
    } else {
        fields.read("at", scalar::word(&PLACES, &RECIPE_LATER))
    };
    let timeout = fields
        .read("timeout", scalar::span_from(Span(1)))
        .unwrap_or(TIMEOUT);
    let has_expect = fields.shape.key("expect").is_some();
    let expect = if has_expect {
        fields.read("expect", expect)
    } else {
        None
    };
    Bounds {
        at: at.unwrap_or_default(),
        timeout,
        expect,
    }
}

fn expect(cx: &Cx<'_>, node: &Node<'_>) -> Option<Expect> {
    let fields = Fields::open(cx, &EXPECT_SHAPE, node)?;
    scalar::exactly_one(&fields, &["at_least", "contains", "equals"])?;
    let at_least = fields.read("at_least", integer).map(Expect::AtLeast);
    let contains = fields.read("contains", scalar::text).map(Expect::Contains);
    let equals = fields.read("equals", scalar::text).map(Expect::Equals);
    at_least.or(contains).or(equals)
}

fn integer(cx: &Cx<'_>, node: &Node<'_>) -> Option<i64> {
    let text = scalar::value(cx, node)?;
    match text.parse() {
        Ok(number) => Some(number),
        Err(_) => cx.fail(
            Code::BadValue,
            node.place,
            format!("`{text}` is not a whole number"),
            "write digits only",
        ),
    }
}
