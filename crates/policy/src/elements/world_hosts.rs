//! What hosts of a world are like, and what updates do to them.

use std::cell::RefCell;
use std::collections::BTreeMap;

use ringway_model::{Share, Span, StepKind};

use super::fleet::optional;
use super::range;
use crate::fields::{Cx, Fields, Named, nearest};
use crate::problem::{Code, Report};
use crate::scalar;
use crate::shape::{Is, Shape, may, must};
use crate::validated::{Away, Does, Flaky, HostModel, Regression, Shows, SpanRange, StepFails};
use crate::yaml::{Node, Value};

/// What some hosts are like.
pub(crate) static HOSTS: Shape = Shape {
    what: "entry of `hosts`",
    about: "What some hosts are like.",
    keys: &[
        must("select", Is::Selector, "all", "Which hosts."),
        may(
            "steps",
            Is::Map(&Is::Text),
            "How long a kind of step takes, one span or a range; where absent from half to twice what a plan assumes.",
        ),
        may(
            "fails",
            Is::List(&Is::Of(&FAILS)),
            "Steps that fail although nothing is wrong with the update.",
        ),
        may(
            "offline",
            Is::Of(&OFFLINE),
            "Hosts that cannot be reached when the world begins.",
        ),
        may(
            "flaky",
            Is::Of(&FLAKY),
            "Hosts whose service goes away by itself now and then.",
        ),
        may(
            "already",
            Is::Share,
            "Hosts that have the update already; `0%` where absent.",
        ),
        may(
            "recovers",
            Is::Share,
            "Hosts that answer once a recipe's `recovery` that ends well has brought them back; the others are said to be back and are not. `100%` where absent.",
        ),
    ],
    later: &[],
};

static FAILS: Shape = Shape {
    what: "entry of `fails`",
    about: "A step that fails.",
    keys: &[
        must("step", Is::Word(&STEP_WORDS), "apply", "Which."),
        must("share", Is::Share, "2%", "On which share of the hosts."),
        may(
            "times",
            Is::Count,
            "How many attempts fail before one succeeds; all where absent.",
        ),
        may(
            "hangs",
            Is::Flag,
            "It does not end by itself; `no` where absent.",
        ),
    ],
    later: &[],
};

static OFFLINE: Shape = Shape {
    what: "`offline`",
    about: "Hosts that are away for a while.",
    keys: &[
        must("share", Is::Share, "5%", "Which share of the hosts."),
        must(
            "for",
            Is::Text,
            "1d-4d",
            "For how long, one span or a range.",
        ),
    ],
    later: &[],
};

static FLAKY: Shape = Shape {
    what: "`flaky`",
    about: "A service that goes away by itself.",
    keys: &[
        must("share", Is::Share, "1%", "On which share of the hosts."),
        must(
            "every",
            Is::Span,
            "7d",
            "The mean time from one coming back to the next going away.",
        ),
        must(
            "for",
            Is::Text,
            "1m-10m",
            "How long it is away, one span or a range.",
        ),
    ],
    later: &[],
};

/// Harm.
pub(crate) static REGRESSION: Shape = Shape {
    what: "regression",
    about: "Harm that an update does.",
    keys: &[
        must(
            "name",
            Is::Name,
            "lsass",
            "What it is called in what is printed.",
        ),
        may(
            "update",
            Is::Name,
            "The update that does it; every one where absent.",
        ),
        must(
            "select",
            Is::Selector,
            "role = dc",
            "To which hosts it may happen.",
        ),
        may(
            "share",
            Is::Share,
            "To which share of those it does; `100%` where absent.",
        ),
        must(
            "does",
            Is::Either(&[
                Is::Word(&[
                    "down",
                    "silent",
                    "restart-loop",
                    "install-fails",
                    "verify-fails",
                ]),
                Is::Of(&LATE),
            ]),
            "down",
            "What happens: the service is down, the host answers nobody besides (`silent`), the host restarts in a loop, `apply` or `verify` fails, or the service is late.",
        ),
        may(
            "shows",
            Is::Either(&[Is::Word(&["at-once"]), Is::Of(&SHOWS)]),
            "When it shows, counted from the visit's restart or from `apply`; `at-once` where absent.",
        ),
    ],
    later: &[],
};

static LATE: Shape = Shape {
    what: "`does`",
    about: "A service that comes up late.",
    keys: &[must(
        "late",
        Is::Text,
        "2m-10m",
        "How late, one span or a range.",
    )],
    later: &[],
};

static SHOWS: Shape = Shape {
    what: "`shows`",
    about: "When harm shows; one of these.",
    keys: &[
        may("within", Is::Text, "After a time in this range."),
        may(
            "mean",
            Is::Span,
            "After a time without memory of this mean.",
        ),
        may(
            "trigger",
            Is::Span,
            "On all hosts that have the update, this long after the world's beginning.",
        ),
    ],
    later: &[],
};

const STEP_WORDS: [&str; 14] = [
    "recovery",
    "inspect",
    "precheck",
    "ready",
    "last",
    "silence",
    "drain",
    "apply",
    "rollback",
    "reboot",
    "verify",
    "care-verify",
    "undrain",
    "unsilence",
];

/// Attempts that fail, at the most: more than any policy repeats.
const MOST_TIMES: u32 = 100;

fn step_of(word: &str) -> Option<StepKind> {
    StepKind::ALL.into_iter().find(|kind| kind.word() == word)
}

/// Reads an entry of `hosts`.
pub(crate) fn host_model(cx: &Cx<'_>, node: &Node<'_>) -> Option<HostModel> {
    let fields = Fields::open(cx, &HOSTS, node)?;
    let select = fields.read("select", scalar::selector);
    let steps = fields.read("steps", steps);
    let fails = fields.read("fails", |cx, node| scalar::list(cx, node, fails));
    let offline = fields.read("offline", offline);
    let flaky = fields.read("flaky", flaky);
    let already = fields.read("already", scalar::share);
    let recovers = fields.read("recovers", scalar::share);
    Some(HostModel {
        select: select?,
        steps: optional(&fields, "steps", steps)?,
        fails: optional(&fields, "fails", fails)?,
        offline,
        flaky,
        already: already.unwrap_or_default(),
        recovers: recovers.unwrap_or(Share::ALL),
    })
}

fn steps(cx: &Cx<'_>, node: &Node<'_>) -> Option<BTreeMap<StepKind, SpanRange>> {
    let steps = RefCell::new(BTreeMap::new());
    scalar::map(cx, node, "steps", |cx, name, place, value| {
        let range = range::spans(Span::ZERO)(cx, value);
        let Some(kind) = step_of(name) else {
            let hint = nearest(name, STEP_WORDS.into_iter()).map_or_else(
                || format!("there are `{}`", STEP_WORDS.join("`, `")),
                |near| format!("did you mean `{near}`?"),
            );
            let message = format!("`{name}` is not a kind of step");
            cx.report(Report::new(Code::BadValue, place, message).hint(hint));
            return None;
        };
        steps.borrow_mut().insert(kind, range?);
        Some(())
    })?;
    Some(steps.into_inner())
}

fn fails(cx: &Cx<'_>, node: &Node<'_>) -> Option<StepFails> {
    let fields = Fields::open(cx, &FAILS, node)?;
    let step = fields.read("step", step);
    let share = fields.read("share", scalar::share);
    let times = fields
        .read("times", scalar::number(1, MOST_TIMES))
        .map(|times| u8::try_from(times).expect("at most MOST_TIMES"));
    let hangs = fields.read("hangs", scalar::flag);
    Some(StepFails {
        step: step?,
        share: share?,
        times,
        hangs: hangs.unwrap_or(false),
    })
}

fn step(cx: &Cx<'_>, node: &Node<'_>) -> Option<StepKind> {
    let word = scalar::value(cx, node)?;
    if let Some(kind) = step_of(&word) {
        return Some(kind);
    }
    let hint = nearest(&word, STEP_WORDS.into_iter()).map(|near| format!("did you mean `{near}`?"));
    let message = format!("`{word}` is not one of `{}`", STEP_WORDS.join("`, `"));
    cx.report(Report::new(Code::BadValue, node.place, message).maybe_hint(hint));
    None
}

fn offline(cx: &Cx<'_>, node: &Node<'_>) -> Option<Away> {
    let fields = Fields::open(cx, &OFFLINE, node)?;
    let share = fields.read("share", scalar::share);
    let lasts = fields.read("for", range::spans(Span::ZERO));
    Some(Away {
        share: share?,
        lasts: lasts?,
    })
}

fn flaky(cx: &Cx<'_>, node: &Node<'_>) -> Option<Flaky> {
    let fields = Fields::open(cx, &FLAKY, node)?;
    let share = fields.read("share", scalar::share);
    // More often than that it would not be a service, and a year of it would be a hundred thousand events for each host.
    let every = fields.read("every", scalar::span_from(Span::minutes(5)));
    let lasts = fields.read("for", range::spans(Span::ZERO));
    Some(Flaky {
        share: share?,
        every: every?,
        lasts: lasts?,
    })
}

/// Reads an entry of `regressions`.
pub(crate) fn regression(cx: &Cx<'_>, node: &Node<'_>) -> Option<Regression> {
    let fields = Fields::open(cx, &REGRESSION, node)?;
    cx.about(fields.title(), || {
        let name = fields.read("name", scalar::name);
        let update = fields.read("update", scalar::reference(Named::Update));
        let select = fields.read("select", scalar::selector);
        let share = fields.read("share", scalar::some_share);
        let does = fields.read("does", does);
        let shows = fields.read("shows", shows);
        let does = does?;
        let in_step = matches!(does, Does::InstallFails | Does::VerifyFails);
        if in_step && shows.is_some_and(|shows| shows != Shows::AtOnce) {
            let message = "a step that fails shows that at once".to_owned();
            let place = fields.key_place("shows");
            return cx.fail(Code::KeyConflict, place, message, "leave `shows` out");
        }
        Some(Regression {
            name: name?,
            update,
            select: select?,
            share: share.unwrap_or(Share::ALL),
            does,
            shows: if fields.get("shows").is_some() {
                shows?
            } else {
                Shows::AtOnce
            },
        })
    })
}

fn does(cx: &Cx<'_>, node: &Node<'_>) -> Option<Does> {
    const WORDS: &[(&str, Does)] = &[
        ("down", Does::Down),
        ("silent", Does::Silent),
        ("restart-loop", Does::RestartLoop),
        ("install-fails", Does::InstallFails),
        ("verify-fails", Does::VerifyFails),
    ];
    if !matches!(node.value, Value::Map { .. }) {
        return scalar::word(WORDS, &[])(cx, node);
    }
    let fields = Fields::open(cx, &LATE, node)?;
    fields
        .read("late", range::spans(Span::ZERO))
        .map(Does::Late)
}

fn shows(cx: &Cx<'_>, node: &Node<'_>) -> Option<Shows> {
    if !matches!(node.value, Value::Map { .. }) {
        return scalar::word(&[("at-once", Shows::AtOnce)], &[])(cx, node);
    }
    let fields = Fields::open(cx, &SHOWS, node)?;
    scalar::exactly_one(&fields, &["within", "mean", "trigger"])?;
    let within = fields.read("within", range::spans(Span::ZERO));
    let mean = fields.read("mean", scalar::span_from(Span::seconds(1)));
    let trigger = fields.read("trigger", scalar::span);
    within
        .map(Shows::Within)
        .or(mean.map(Shows::Mean))
        .or(trigger.map(Shows::Trigger))
}
