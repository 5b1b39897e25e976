//! How fast a rollout goes, how much of it may be down or fail, what is repeated: `pace`, `budget`, `retry`, `halt`,
//! `offline`, `outside`.
//!
//! Every default here is the careful one: a policy that says nothing halts on the first failure, repeats nothing, and
//! leaves no host behind.

use std::num::NonZeroU32;

use ringway_model::{Share, Span};

use crate::fields::{Cx, Fields};
use crate::problem::{Code, Report};
use crate::scalar;
use crate::shape::{Is, Shape, may, must};
use crate::validated::{Amount, FailedShare, Halt, OUTSIDE_PAUSE_AT, Offline, Pace, Ramp, Retry};
use crate::yaml::Node;

/// How fast.
pub(crate) static PACE: Shape = Shape {
    what: "`pace`",
    about: "How fast hosts of a ring are visited.",
    keys: &[
        may(
            "at_once",
            Is::Count,
            "Visits at once, at the most; 10 where absent.",
        ),
        may(
            "ramp",
            Is::Word(&["double", "off"]),
            "How the number at once grows: from 1, doubled as visits settle; or `off`. `double` where absent.",
        ),
        may(
            "settle",
            Is::Span,
            "How long a host must be healthy after its visit before it counts; `5m` where absent.",
        ),
    ],
    later: &[],
};

/// How many may be down.
pub(crate) static BUDGET: Shape = Shape {
    what: "`budget`",
    about: "The disruption budget.",
    keys: &[must(
        "down",
        Is::Either(&[Is::Count, Is::Share]),
        "5%",
        "How many targets may be down at once: a number, or a share, rounded down but never below 1.",
    )],
    later: &[],
};

/// What is repeated.
pub(crate) static RETRY: Shape = Shape {
    what: "`retry`",
    about: "What is repeated after a failed attempt.",
    keys: &[
        may(
            "times",
            Is::Count,
            "How many further attempts a step has; none where absent.",
        ),
        may(
            "wait",
            Is::Span,
            "The wait before the first of them, doubled for each further one; `10m` where absent.",
        ),
    ],
    later: &[],
};

/// When it stops.
pub(crate) static HALT: Shape = Shape {
    what: "`halt`",
    about: "When a ring's failures stop the rollout; the smaller of the two wins. Absent: on the first failure.",
    keys: &[
        may("failed", Is::Count, "On this failure of a ring."),
        may(
            "failed_share",
            Is::Of(&FAILED_SHARE),
            "On more failures than a share of the ring's planned hosts.",
        ),
    ],
    later: &[],
};

static FAILED_SHARE: Shape = Shape {
    what: "`failed_share`",
    about: "A share of a ring's planned hosts that may fail.",
    keys: &[
        must(
            "limit",
            Is::Share,
            "2%",
            "The share, rounded down: the failure after it halts.",
        ),
        may(
            "counts_from",
            Is::Count,
            "The smallest ring it applies to, in planned hosts; 1 where absent.",
        ),
    ],
    later: &[],
};

/// How many may be changed by others.
pub(crate) static OUTSIDE: Shape = Shape {
    what: "`outside`",
    about: "Hosts that somebody else changes while the rollout runs.",
    keys: &[may(
        "pause_at",
        Is::Count,
        "More of them than this pause the rollout, once; 3 where absent.",
    )],
    later: &[],
};

/// How many may be left behind.
pub(crate) static OFFLINE: Shape = Shape {
    what: "`offline`",
    about: "How many of a ring's hosts may be offline or held when it is promoted: the larger of the two, never all.",
    keys: &[
        may(
            "allow",
            Is::Share,
            "A share of the ring's planned hosts, rounded down; `0%` where absent.",
        ),
        may("or", Is::Count, "A number of hosts; 0 where absent."),
        may(
            "retry",
            Is::Span,
            "How long until the next attempt to reach one; `10m` where absent.",
        ),
    ],
    later: &[],
};

/// More attempts than this hide a fault instead of riding out a hiccup.
const MAX_RETRIES: u32 = 20;

pub(crate) static RAMPS: [(&str, Ramp); 2] = [("double", Ramp::Double), ("off", Ramp::Off)];

/// `pace` of a policy that has none. Ten at once is what a person can still follow; settling for five minutes shows a
/// service that dies after its start.
pub(crate) fn default_pace() -> Pace {
    Pace {
        at_once: NonZeroU32::new(10).expect("ten is not zero"),
        ramp: Ramp::Double,
        settle: Span::minutes(5),
    }
}

/// `retry` of a policy that has none: a step that fails and then works is worth a person's look.
pub(crate) fn default_retry() -> Retry {
    Retry {
        times: 0,
        wait: Span::minutes(10),
    }
}

/// `halt` of a policy that has none: the first failure.
pub(crate) fn default_halt() -> Halt {
    Halt {
        failed: NonZeroU32::new(1),
        failed_share: None,
    }
}

/// `offline` of a policy that has none: no host is left behind.
pub(crate) fn default_offline() -> Offline {
    Offline {
        allow: Share::from_millionths(0).expect("nothing is a share"),
        or: 0,
        retry: Span::minutes(10),
    }
}

/// Reads `pace`.
pub(crate) fn pace(cx: &Cx<'_>, node: &Node<'_>) -> Option<Pace> {
    let fields = Fields::open(cx, &PACE, node)?;
    let default = default_pace();
    let at_once = fields
        .read("at_once", scalar::number(1, 100_000))
        .and_then(NonZeroU32::new);
    Some(Pace {
        at_once: at_once.unwrap_or(default.at_once),
        ramp: fields
            .read("ramp", scalar::word(&RAMPS, &[]))
            .unwrap_or(default.ramp),
        settle: fields
            .read("settle", scalar::span)
            .unwrap_or(default.settle),
    })
}

/// Reads `budget`.
pub(crate) fn budget(cx: &Cx<'_>, node: &Node<'_>) -> Option<Amount> {
    Fields::open(cx, &BUDGET, node)?.read("down", scalar::amount)
}

/// Reads `retry`.
pub(crate) fn retry(cx: &Cx<'_>, node: &Node<'_>) -> Option<Retry> {
    let fields = Fields::open(cx, &RETRY, node)?;
    let default = default_retry();
    let times = fields.read("times", scalar::number(0, MAX_RETRIES));
    Some(Retry {
        times: times.map_or(default.times, |n| {
            u8::try_from(n).expect("at most MAX_RETRIES")
        }),
        wait: fields.read("wait", scalar::span).unwrap_or(default.wait),
    })
}

/// Reads `halt`. One that would never halt a small ring is a problem.
pub(crate) fn halt(cx: &Cx<'_>, node: &Node<'_>) -> Option<Halt> {
    let fields = Fields::open(cx, &HALT, node)?;
    let failed = fields
        .read("failed", scalar::number(1, u32::MAX))
        .and_then(NonZeroU32::new);
    let failed_share = fields.read("failed_share", failed_share);
    match (
        fields.get("failed"),
        fields.get("failed_share"),
        failed_share,
    ) {
        (None, None, _) => {
            let message = "`halt` does not say when".to_owned();
            let hint = "set `failed: 1`, or leave `halt` out: then the first failure halts";
            cx.report(Report::new(Code::UnsafeHalt, node.place, message).hint(hint));
            None
        }
        (None, Some(_), Some(share)) if share.counts_from > 1 => {
            let n = share.counts_from;
            let message = format!("rings of fewer than {n} hosts would never halt");
            let place = fields.key_place("failed_share");
            cx.report(
                Report::new(Code::UnsafeHalt, place, message).hint("add `failed: 1` for those"),
            );
            None
        }
        _ => Some(Halt {
            failed,
            failed_share,
        }),
    }
}

fn failed_share(cx: &Cx<'_>, node: &Node<'_>) -> Option<FailedShare> {
    let fields = Fields::open(cx, &FAILED_SHARE, node)?;
    let limit = fields.read("limit", scalar::share);
    let counts_from = fields
        .read("counts_from", scalar::number(1, u32::MAX))
        .unwrap_or(1);
    let limit = limit?;
    if limit == Share::ALL {
        let message = "a limit of 100% never halts".to_owned();
        let node = fields.get("limit").unwrap_or(node);
        return cx.fail(
            Code::UnsafeHalt,
            node.place,
            message,
            "write less than `100%`",
        );
    }
    Some(FailedShare { limit, counts_from })
}

/// Reads `outside`.
pub(crate) fn outside(cx: &Cx<'_>, node: &Node<'_>) -> Option<u32> {
    let fields = Fields::open(cx, &OUTSIDE, node)?;
    let pause_at = fields.read("pause_at", scalar::number(0, u32::MAX));
    Some(pause_at.unwrap_or(OUTSIDE_PAUSE_AT))
}

/// Reads `offline`.
pub(crate) fn offline(cx: &Cx<'_>, node: &Node<'_>) -> Option<Offline> {
    let fields = Fields::open(cx, &OFFLINE, node)?;
    let default = default_offline();
    Some(Offline {
        allow: fields.read("allow", scalar::share).unwrap_or(default.allow),
        or: fields
            .read("or", scalar::number(0, u32::MAX))
            .unwrap_or(default.or),
        retry: fields
            .read("retry", scalar::span_from(Span::seconds(1)))
            .unwrap_or(default.retry),
    })
}
