//! What a recipe does for a host beside the steps that install: fetches ahead of visits, and brings back who does not answer.

use std::num::NonZeroU16;

use ringway_model::{AfterCrash, Place, Span};

use super::step::{self, AFTER_CRASH, AT, RUN, TIMEOUT_KEY};
use crate::fields::{Cx, Fields};
use crate::problem::Code;
use crate::scalar;
use crate::shape::{Is, Key, Shape, may, must};
use crate::validated::{Recovery, Stage, Step};
use crate::yaml::{Node, Value};

/// As many hosts at once as a small mirror serves without being noticed.
const AT_ONCE: u16 = 10;

/// What is fetched ahead of visits.
pub(crate) static STAGE: Shape = Shape {
    what: "`stage`",
    about: "Fetches what is to be installed, ahead of the visit and outside windows. It must take nothing out of service, and do no harm when it runs twice: after a crash it is run again.",
    keys: &[
        RUN,
        AT,
        TIMEOUT_KEY,
        may(
            "at_once",
            Is::Count,
            "On how many hosts of a rollout at once; 10 where absent.",
        ),
    ],
    later: &[],
};

/// Reads `stage`.
pub(crate) fn stage(cx: &Cx<'_>, node: &Node<'_>) -> Option<Stage> {
    let fields = Fields::open(cx, &STAGE, node)?;
    let at_once = fields
        .read("at_once", scalar::number(1, 1000))
        .and_then(|number| u16::try_from(number).ok())
        .unwrap_or(AT_ONCE);
    Some(Stage {
        step: step::common(&fields, AfterCrash::Repeat)?,
        at_once: NonZeroU16::new(at_once)?,
    })
}

/// As long as a host has after `reboot`: it comes up the same way.
const BACK_WITHIN: Span = Span::minutes(10);

/// Whoever has not answered by then does not come back by itself; and each time it is asked is a step of its visit.
const LONGEST_BACK: Span = Span::hours(12);

/// Beside the host: it does not answer.
const AT_RECOVERY: Key = must(
    "at",
    Is::Word(&["controller", "peer"]),
    "controller",
    "Where it runs: where Ringway does, or on another member of the host's availability group that is evidently up. Not on the host: it does not answer.",
);

/// What brings a host back that does not answer.
pub(crate) static RECOVERY: Shape = Shape {
    what: "`recovery`",
    about: "Brings a broken host back that does not answer: a power cycle, the console of its hypervisor, the image it had before. It runs only in the ring `recovery` of a rollout that supersedes another one, and only where the host was asked as often as `retry` says and did not answer. Then the visit goes on with its first step.",
    keys: &[
        RUN,
        AT_RECOVERY,
        TIMEOUT_KEY,
        AFTER_CRASH,
        may(
            "back_within",
            Is::Span,
            "How long the host has to answer once the command has ended, 12h at the most; `10m` where absent.",
        ),
    ],
    later: &[],
};

static RECOVERY_PLACES: [(&str, Place); 2] =
    [("controller", Place::Controller), ("peer", Place::Peer)];

/// Reads `recovery`.
pub(crate) fn recovery(cx: &Cx<'_>, node: &Node<'_>) -> Option<Recovery> {
    let fields = Fields::open(cx, &RECOVERY, node)?;
    let run = fields.read("run", scalar::command);
    let at = fields.read("at", recovery_at);
    let timeout = fields.read("timeout", scalar::span_from(Span(1)));
    let after_crash = step::after_crash(&fields);
    let back_within = fields.read("back_within", back_within);
    Some(Recovery {
        step: Step {
            run: run?,
            at: at?,
            timeout: timeout.unwrap_or(step::TIMEOUT),
            after_crash,
            expect: None,
        },
        back_within: back_within.unwrap_or(BACK_WITHIN),
    })
}

fn recovery_at(cx: &Cx<'_>, node: &Node<'_>) -> Option<Place> {
    if let Value::Scalar { text, .. } = &node.value
        && text == "host"
    {
        let message = "`recovery` cannot run on its host, which does not answer".to_owned();
        let hint = "let it run `at: controller`, where the management board is reached from, or `at: peer`";
        return cx.fail(Code::BadValue, node.place, message, hint);
    }
    scalar::word(&RECOVERY_PLACES, &[])(cx, node)
}

fn back_within(cx: &Cx<'_>, node: &Node<'_>) -> Option<Span> {
    let span = scalar::span_from(Span(1))(cx, node)?;
    if span > LONGEST_BACK {
        let message = format!("`{span}` is too long: the most is `{LONGEST_BACK}`");
        let hint = "its host is asked all the while; what takes a day is better done by hand, and then `ringway retry`";
        return cx.fail(Code::BadSpan, node.place, message, hint);
    }
    Some(span)
}
