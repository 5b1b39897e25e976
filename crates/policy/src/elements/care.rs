//! The care of a role: when the next of its hosts may be taken down and which goes last, how monitoring is silenced
//! meanwhile, and how hosts are taken out of service and put back.

use ringway_model::{AfterCrash, Digest, Span};

use super::step::{self, AT_PEER, EXPECT, RUN, TIMEOUT_KEY};
use crate::fields::{Cx, Fields, Named};
use crate::problem::{Code, Report};
use crate::scalar;
use crate::shape::{Is, Shape, may, must};
use crate::validated::{Care, Last, Ready, Silence, Step};
use crate::yaml::Node;

/// Long enough for replication to catch up after a restart, short enough to be noticed within the same window.
const WITHIN: Span = Span::minutes(30);
/// A question that changes nothing can be asked every minute.
const ASKED_EVERY: Span = Span::minutes(1);
/// Where everybody says that they go last a person is needed, and a minute more or less is nothing.
const LAST_EVERY: Span = Span::minutes(5);
/// Questions that each are a short visit: more often is load on whoever answers.
const LEAST_EVERY: Span = Span::seconds(1);
/// The most questions while one `ready` is awaited. A host has 60,000 steps in a rollout, and a question is up to four.
const MOST_QUESTIONS: u64 = 2000;
/// As long as the longest visit of an ordinary server takes.
const AT_MOST: Span = Span::minutes(60);

static READY: Shape = Shape {
    what: "`ready`",
    about: "Asks, before a host is taken down, whether that may be now: exit code 0 is yes, 1 is no, any other is a failure of the question.",
    keys: &[
        RUN,
        AT_PEER,
        TIMEOUT_KEY,
        EXPECT,
        may(
            "within",
            Is::Span,
            "How long the answer may be no before the host fails; `30m` where absent.",
        ),
        may(
            "every",
            Is::Span,
            "How long after a no it is asked again; `1m` where absent.",
        ),
    ],
    later: &[],
};

static LAST: Shape = Shape {
    what: "`last`",
    about: "Asks, right before a host is taken out of service, whether it goes last of its availability group (of its group, where it has none): exit code 0 is yes, 1 is no, any other is a failure of the question.",
    keys: &[
        must("when", Is::Command, "./is-primary", "The question."),
        AT_PEER,
        TIMEOUT_KEY,
        EXPECT,
        may(
            "every",
            Is::Span,
            "Where all that are left say yes: how long until each is asked again; `5m` where absent.",
        ),
    ],
    later: &[],
};

static SILENCE: Shape = Shape {
    what: "`silence`",
    about: "Silences the monitoring of a host before it is taken out of service. Both commands are told `SILENCE_SECONDS`.",
    keys: &[
        must(
            "run",
            Is::Command,
            "./silence",
            "Silences, for at most `SILENCE_SECONDS`: it must end by itself then.",
        ),
        must(
            "end",
            Is::Command,
            "./unsilence",
            "Ends the silence, once the host is back in service; also where there is none.",
        ),
        AT_PEER,
        TIMEOUT_KEY,
        may(
            "at_most",
            Is::Span,
            "After how long the silence ends by itself; `60m` where absent.",
        ),
    ],
    later: &[],
};

/// The document.
pub(crate) static CARE: Shape = Shape {
    what: "care",
    about: "How hosts of a role are taken out of service and put back; wraps any recipe.",
    keys: &[
        must(
            "ringway",
            Is::Word(&["care/v1"]),
            "care/v1",
            "The kind of document.",
        ),
        must("name", Is::Name, "web", "The care's name."),
        may(
            "ready",
            Is::Of(&READY),
            "Whether the next host of the role may be taken down now; it is waited for.",
        ),
        may(
            "last",
            Is::Of(&LAST),
            "Whether the host goes last of its group, as the primary of a database does.",
        ),
        may(
            "silence",
            Is::Of(&SILENCE),
            "Silences monitoring before `drain`, and ends that after `undrain`.",
        ),
        may(
            "drain",
            Is::Of(&step::CARE_CHANGE),
            "Takes a host out of service; needs `undrain`.",
        ),
        may(
            "verify",
            Is::Of(&step::CARE_CHECK),
            "Checks that the host does its work again.",
        ),
        may(
            "undrain",
            Is::Of(&step::CARE_CHANGE),
            "Puts the host back into service; needs `drain`.",
        ),
    ],
    later: &[],
};

/// Reads a care document.
pub(crate) fn read(cx: &Cx<'_>, node: &Node<'_>, digest: Digest) -> Option<Care> {
    let fields = Fields::open(cx, &CARE, node)?;
    fields.read("ringway", |_, _| Some(()));
    let name = fields.read("name", scalar::defined(Named::Care));
    let ready = fields.read("ready", ready);
    let last = fields.read("last", last);
    let silence = fields.read("silence", silence);
    let drain = fields.read("drain", step::care_change);
    let verify = fields.read("verify", step::care_check);
    let undrain = fields.read("undrain", step::care_change);
    for (has, needs, why) in [
        ("drain", "undrain", "hosts would stay out of service"),
        (
            "undrain",
            "drain",
            "nothing would have been taken out of service",
        ),
    ] {
        if fields.get(has).is_some() && fields.get(needs).is_none() {
            let message = format!("{} has `{has}` without `{needs}`: {why}", fields.title());
            let hint = format!("add `{needs}: {{ run: ... }}`");
            cx.report(Report::new(Code::KeyConflict, fields.key_place(has), message).hint(hint));
        }
    }
    // A key that is not known has been reported, and is what was meant.
    if fields.has_only(&["ringway", "name"]) {
        let message = format!("{} does nothing", fields.title());
        cx.report(
            Report::new(Code::MissingKey, fields.start(), message)
                .hint("add `drain` and `undrain`, `verify`, `ready`, `last` or `silence`")
                .absent(),
        );
    }
    Some(Care {
        name: name?,
        digest,
        ready,
        last,
        silence,
        drain,
        verify,
        undrain,
    })
}

fn ready(cx: &Cx<'_>, node: &Node<'_>) -> Option<Ready> {
    let fields = Fields::open(cx, &READY, node)?;
    let step = step::common(&fields, AfterCrash::Repeat);
    let within = fields
        .read("within", scalar::span_from(LEAST_EVERY))
        .unwrap_or(WITHIN);
    let every = fields
        .read("every", scalar::span_from(LEAST_EVERY))
        .unwrap_or_else(|| ASKED_EVERY.min(within));
    let too_often = within.millis() / every.millis().max(1) > MOST_QUESTIONS;
    if every > within || too_often {
        let message = format!("{} asks every {every} within {within}", fields.title());
        let hint = if too_often {
            format!("more than {MOST_QUESTIONS} questions: ask less often, or wait less long")
        } else {
            "it would be asked once: set `every` to at most `within`".to_owned()
        };
        let place = fields.key_place(if fields.get("every").is_some() {
            "every"
        } else {
            "within"
        });
        cx.report(Report::new(Code::BadValue, place, message).hint(hint));
        return None;
    }
    Some(Ready {
        step: step?,
        within,
        every,
    })
}

fn last(cx: &Cx<'_>, node: &Node<'_>) -> Option<Last> {
    let fields = Fields::open(cx, &LAST, node)?;
    let when = fields.read("when", scalar::command);
    let step::Bounds {
        at,
        timeout,
        expect,
    } = step::bounds(&fields);
    let every = fields
        .read("every", scalar::span_from(LEAST_EVERY))
        .unwrap_or(LAST_EVERY);
    Some(Last {
        step: Step {
            run: when?,
            at,
            timeout,
            after_crash: AfterCrash::Repeat,
            expect,
        },
        every,
    })
}

fn silence(cx: &Cx<'_>, node: &Node<'_>) -> Option<Silence> {
    let fields = Fields::open(cx, &SILENCE, node)?;
    let run = fields.read("run", scalar::command);
    let end = fields.read("end", scalar::command);
    let step::Bounds { at, timeout, .. } = step::bounds(&fields);
    let at_most = fields
        .read("at_most", scalar::span_from(Span::minutes(1)))
        .unwrap_or(AT_MOST);
    // A role's care is idempotent by contract: what was interrupted is told again.
    let step = |run| Step {
        run,
        at,
        timeout,
        after_crash: AfterCrash::Repeat,
        expect: None,
    };
    Some(Silence {
        begin: step(run?),
        end: step(end?),
        at_most,
    })
}
