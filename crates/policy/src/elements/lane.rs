//! `lanes` of a policy: reviewed ways to hurry.
//!
//! A key that would let a lane give way on what keeps a fleet safe is refused with that sentence, so that nobody looks for
//! how it is spelled.

use std::collections::BTreeMap;
use std::num::NonZeroU32;

use ringway_model::{Selector, Share, Span};

use super::approvals::{self, APPROVALS};
use super::fleet::optional;
use super::limits::RAMPS;
use crate::fields::{Cx, Fields, nearest};
use crate::problem::{Code, Report};
use crate::scalar;
use crate::shape::{Is, Shape, may, must};
use crate::validated::{Approvals, Lane, LanePace, LaneSoak, Update};
use crate::yaml::{Entry, Node, Value};

/// One lane.
pub(crate) static LANE: Shape = Shape {
    what: "lane",
    about: "A reviewed way to hurry: for rollouts that start in it, and for those that people let into it.",
    keys: &[
        must(
            "allowed_when",
            Is::Text,
            "exploited or severity = critical",
            "For which updates: a condition over their `severity`, `exploited`, `disclosed` and `name`.",
        ),
        may(
            "soak",
            Is::Of(&SOAK),
            "How much shorter soaks are, and the working time in them; as long where absent.",
        ),
        may(
            "working_time",
            Is::Word(&["ignore"]),
            "That soaks need no working time.",
        ),
        may(
            "windows",
            Is::Word(&["ignore"]),
            "That windows do not count, but for those that are `binding: always`.",
        ),
        may(
            "freezes",
            Is::Of(&FREEZES),
            "That its rollouts work in freezes that are not `binding: always`, if somebody says why.",
        ),
        may(
            "start",
            Is::Of(&APPROVALS),
            "What its start, and entering it, needs; as the policy's `start` where absent.",
        ),
        may(
            "after_soak",
            Is::Of(&APPROVALS),
            "What going on after a ring needs, of rings that need something.",
        ),
        may(
            "pace",
            Is::Of(&PACE),
            "How fast; as the policy where absent.",
        ),
    ],
    later: &[],
};

static SOAK: Shape = Shape {
    what: "`soak` of a lane",
    about: "How much shorter soaks are.",
    keys: &[
        must(
            "scale",
            Is::Text,
            "0.1",
            "This part of what each ring says, over 0 and at most 1; rounded up to seconds.",
        ),
        must(
            "at_least",
            Is::Span,
            "30m",
            "Never shorter than this, where the ring's own is not.",
        ),
    ],
    later: &[],
};

static FREEZES: Shape = Shape {
    what: "`freezes` of a lane",
    about: "Whether its rollouts work in freezes.",
    keys: &[must(
        "override",
        Is::Word(&["with_reason"]),
        "with_reason",
        "They do, if somebody says why when they start or enter it.",
    )],
    later: &[],
};

static PACE: Shape = Shape {
    what: "`pace` of a lane",
    about: "How fast.",
    keys: &[
        may("at_once", Is::Count, "Visits at once, at the most."),
        may(
            "ramp",
            Is::Word(&["double", "off"]),
            "How the number at once grows.",
        ),
    ],
    later: &[],
};

/// What never gives way, whoever hurries, and why.
const NEVER: [(&str, &str); 13] = [
    (
        "budget",
        "how much may be down at once is what the service can bear, in a hurry too",
    ),
    (
        "keep_up",
        "who must stay up is what the service can bear, in a hurry too",
    ),
    (
        "gates",
        "a gate is how harm is seen, and a hurry is when it must be",
    ),
    ("halt", "harm stops a rollout that hurries as any other"),
    ("retry", "what is repeated says nothing of how long to wait"),
    (
        "offline",
        "a host that was left behind is not updated sooner by it",
    ),
    ("outside", "another tool at work is a danger in a hurry too"),
    ("rings", "who goes first is what was reviewed"),
    ("applies_to", "who is updated is what was reviewed"),
    (
        "cover",
        "which kinds of hosts are tried first is what finds harm early",
    ),
    (
        "already_unhealthy",
        "a host that is ill before is no evidence in a hurry either",
    ),
    ("on_halt", "what a halt does was reviewed"),
    (
        "poison",
        "content that is known to do harm is installed by nobody",
    ),
];

/// Reads the lanes of a policy.
pub(crate) fn read_all(
    cx: &Cx<'_>,
    node: &Node<'_>,
    policy: &str,
) -> Option<BTreeMap<String, Lane>> {
    let lanes = scalar::map(cx, node, "lanes", |cx, name, place, value| {
        let name = scalar::check_name(cx, name, place)?;
        let path = format!("policy {policy} lane {name}");
        cx.place(path.clone(), place);
        let lane = cx.about(format!("lane `{name}`"), || read(cx, value, &name, &path));
        Some((name, lane?))
    })?;
    Some(lanes.into_iter().collect())
}

fn read(cx: &Cx<'_>, node: &Node<'_>, name: &str, path: &str) -> Option<Lane> {
    if refuses(cx, node, name) {
        return None;
    }
    let fields = Fields::open(cx, &LANE, node)?;
    let allowed_when = fields.read("allowed_when", condition);
    let soak = fields.read("soak", |cx, node| {
        cx.place(format!("{path} soak"), scalar::first_line(cx, node.place));
        soak(cx, node)
    });
    let ignore: &'static [(&str, bool)] = &[("ignore", true)];
    let working = fields.read("working_time", scalar::word(ignore, &[]));
    let windows = fields.read("windows", scalar::word(ignore, &[]));
    let freezes = fields.read("freezes", |cx, node| {
        let fields = Fields::open(cx, &FREEZES, node)?;
        let words: &'static [(&str, bool)] = &[("with_reason", true)];
        fields.read("override", scalar::word(words, &[]))
    });
    let start = approvals(&fields, "start", path);
    let after_soak = approvals(&fields, "after_soak", path);
    let pace = fields.read("pace", |cx, node| pace(cx, node, name));
    Some(Lane {
        name: name.to_owned(),
        allowed_when: allowed_when?,
        soak: optional(&fields, "soak", soak.map(Some))?,
        ignores_working_time: optional(&fields, "working_time", working)?,
        ignores_windows: optional(&fields, "windows", windows)?,
        overrides_freezes: optional(&fields, "freezes", freezes)?,
        start: optional(&fields, "start", start.map(Some))?,
        after_soak: optional(&fields, "after_soak", after_soak.map(Some))?,
        pace: optional(&fields, "pace", pace)?,
    })
}

/// Whether a lane would give way where none does; then that is its one problem.
fn refuses(cx: &Cx<'_>, node: &Node<'_>, name: &str) -> bool {
    let never = |entry: &&Entry<'_>| NEVER.iter().find(|(key, _)| *key == entry.key);
    let Value::Map { entries, .. } = &node.value else {
        return false;
    };
    let mut refused = false;
    for entry in entries {
        if let Some((key, why)) = never(&entry) {
            let message = format!("lane `{name}` names `{key}`, which never gives way: {why}");
            let hint = "leave it out: what the policy and the fleet say of it holds in every lane";
            cx.report(Report::new(Code::NeverGivesWay, entry.key_place, message).hint(hint));
            refused = true;
        }
    }
    refused
}

/// For which updates.
fn condition(cx: &Cx<'_>, node: &Node<'_>) -> Option<Selector> {
    let text = scalar::value(cx, node)?;
    match Selector::parse_condition(&text) {
        Ok(condition) => {
            let known = Update::TRAITS;
            let labels = condition.labels();
            let unknown = labels.iter().find(|it| !known.contains(&it.name.as_str()));
            let Some(unknown) = unknown else {
                return Some(condition);
            };
            let place = cx.inside(node, unknown.at as usize, unknown.name.len());
            let message = format!(
                "an update has no `{}` that a lane could ask for",
                unknown.name
            );
            let hint = match nearest(&unknown.name, known.into_iter()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("there is `{}`", known.join("`, `")),
            };
            cx.fail(Code::UnknownName, place, message, &hint)
        }
        Err(error) => {
            let place = cx.inside(node, error.at, error.len);
            let report =
                Report::new(Code::BadSelector, place, error.message).maybe_hint(error.hint);
            cx.report(report);
            None
        }
    }
}

fn soak(cx: &Cx<'_>, node: &Node<'_>) -> Option<LaneSoak> {
    let fields = Fields::open(cx, &SOAK, node)?;
    let scale = fields.read("scale", scale);
    let at_least = fields.read("at_least", scalar::span_from(Span::seconds(1)));
    Some(LaneSoak {
        scale: scale?,
        at_least: at_least?,
    })
}

/// A part of a whole, as a number over 0 and at most 1.
fn scale(cx: &Cx<'_>, node: &Node<'_>) -> Option<Share> {
    let text = scalar::value(cx, node)?;
    let (whole, behind) = text.split_once('.').unwrap_or((&text, ""));
    let is_number = |digits: &str| digits.bytes().all(|byte| byte.is_ascii_digit());
    let is_plain = !whole.is_empty() && is_number(whole) && is_number(behind);
    let parts = format!("{behind:0<6}").parse::<u32>().ok();
    let millionths = whole.parse::<u32>().ok().zip(parts).filter(|_| {
        is_plain && behind.len() <= 6 && text.ends_with(|last: char| last.is_ascii_digit())
    });
    let millionths =
        millionths.and_then(|(whole, parts)| whole.checked_mul(1_000_000)?.checked_add(parts));
    let share = millionths
        .filter(|part| *part > 0)
        .and_then(Share::from_millionths);
    if share.is_some() {
        return share;
    }
    let message = match millionths {
        Some(0) => "a scale of 0 leaves nothing of a soak".to_owned(),
        Some(_) => format!("a scale of {text} would make soaks longer"),
        None => format!("`{text}` is not a scale"),
    };
    let hint = "write a number over 0 and at most 1, for example `0.1` for a tenth; at most six digits after the point";
    cx.fail(Code::BadValue, node.place, message, hint)
}

/// Approvals of a lane. They count at any hour: who hurries cannot wait for one.
fn approvals(fields: &Fields<'_, '_, '_, '_>, key: &'static str, path: &str) -> Option<Approvals> {
    fields.read(key, |cx, node| {
        let rule = approvals::read(cx, node, &format!("{path} {key}"))?;
        if rule.between.is_none() {
            return Some(rule);
        }
        let message = format!("`{key}` of a lane has hours, and a hurry knows none");
        let hint = "leave `between` out: a yes in a lane counts at any hour";
        cx.fail(
            Code::KeyConflict,
            scalar::first_line(cx, node.place),
            message,
            hint,
        )
    })
}

fn pace(cx: &Cx<'_>, node: &Node<'_>, lane: &str) -> Option<LanePace> {
    if let Value::Map { entries, .. } = &node.value
        && let Some(entry) = entries.iter().find(|entry| entry.key == "settle")
    {
        let message = format!(
            "lane `{lane}` names `settle`, which never gives way: a host counts when it was seen healthy, in a hurry too"
        );
        return cx.fail(
            Code::NeverGivesWay,
            entry.key_place,
            message,
            "leave it out",
        );
    }
    let fields = Fields::open(cx, &PACE, node)?;
    let at_once = fields.read("at_once", scalar::number(1, 100_000));
    let ramp = fields.read("ramp", scalar::word(&RAMPS, &[]));
    Some(LanePace {
        at_once: optional(&fields, "at_once", at_once.map(NonZeroU32::new))?,
        ramp: optional(&fields, "ramp", ramp.map(Some))?,
    })
}
