//! A policy: how an update may spread.

use std::collections::BTreeMap;

use ringway_model::Digest;

use super::fleet::{MAX_PROBES, optional};
use super::{approvals, evidence, freeze, gate, lane, limits, ring, window};
use crate::fields::{Cx, Fields, Named, not_supported};
use crate::problem::{Code, Report};
use crate::scalar;
use crate::shape::{Is, Shape, may, must};
use crate::validated::{
    AlreadyUnhealthy, Approvals, NotBy, OUTSIDE_PAUSE_AT, OnHalt, Policy, PolicyCalendar,
};
use crate::yaml::{Node, Value};

/// The document.
pub(crate) static POLICY: Shape = Shape {
    what: "policy",
    about: "How an update may spread.",
    keys: &[
        must(
            "ringway",
            Is::Word(&["policy/v1"]),
            "policy/v1",
            "The kind of document.",
        ),
        must("name", Is::Name, "monthly", "The policy's name."),
        may(
            "author",
            Is::Name,
            "Who wrote it: the person that `not_by: [policy-author]` means.",
        ),
        may(
            "accept",
            Is::List(&Is::Of(&super::accept::ACCEPT)),
            "Findings of `ringway lint` that are accepted.",
        ),
        must(
            "applies_to",
            Is::Selector,
            "os startswith windows",
            "Which hosts it is about; the denominator of `take`.",
        ),
        may(
            "start",
            Is::Of(&approvals::APPROVALS),
            "What must be approved before anything starts.",
        ),
        may(
            "unpoison",
            Is::Of(&approvals::APPROVALS),
            "Who must agree before content that a rollout of this policy has in its plan, and that somebody poisoned, may be installed again; a reason is enough where absent. It has no hours.",
        ),
        must(
            "rings",
            Is::List(&Is::Of(&ring::RING)),
            "[{ name: all, hosts: rest, soak: 1h }]",
            "The rings in order.",
        ),
        may("pace", Is::Of(&limits::PACE), "How fast."),
        may(
            "budget",
            Is::Of(&limits::BUDGET),
            "How many targets may be down at once.",
        ),
        may("retry", Is::Of(&limits::RETRY), "What is repeated."),
        may(
            "halt",
            Is::Of(&limits::HALT),
            "When it stops; on the first failure where absent.",
        ),
        may(
            "offline",
            Is::Of(&limits::OFFLINE),
            "How many hosts a ring may leave behind.",
        ),
        may(
            "outside",
            Is::Of(&limits::OUTSIDE),
            "What somebody else's patching does to the rollout.",
        ),
        may(
            "gates",
            Is::List(&Is::Of(&gate::GATE)),
            "Conditions on updated hosts, at most 16; and conditions outside the fleet, at most 16.",
        ),
        may(
            "evidence",
            Is::Of(&evidence::EVIDENCE),
            "What must be known of every kind of host before a later ring visits more of them; nothing where absent.",
        ),
        may(
            "windows",
            Is::List(&Is::Name),
            "Windows of the fleet of which one must be open too: it narrows when work may run, and never widens it.",
        ),
        may(
            "freezes",
            Is::Map(&Is::Either(&[
                Is::Word(&["with_reason"]),
                Is::Of(&freeze::FREEZE),
            ])),
            "When no work of its rollouts may run, by name, besides the fleet's freezes. `override: with_reason` is none: it permits people to work in a freeze if they give a reason.",
        ),
        may(
            "due",
            Is::Map(&Is::Span),
            "Within which time of its release an update is to be everywhere, by its severity; `other` is for those that are not named. It reports, and overrides nothing.",
        ),
        may(
            "already_unhealthy",
            Is::Word(&["hold", "update"]),
            "What happens to hosts that are unhealthy before the update; `hold` where absent.",
        ),
        may(
            "on_halt",
            Is::Word(&["withhold", "finish"]),
            "What a halt does to a host whose restart is due: withhold it, or finish the visit; `withhold` where absent.",
        ),
        may(
            "lanes",
            Is::Map(&Is::Of(&lane::LANE)),
            "Reviewed ways to hurry, by name.",
        ),
        may(
            "recovery",
            Is::Of(&RECOVERY),
            "In which order hosts are mended where its rollout supersedes one that did harm.",
        ),
    ],
    later: &[],
};

static RECOVERY: Shape = Shape {
    what: "recovery",
    about: "In which order hosts are mended where a rollout supersedes one that did harm.",
    keys: &[must(
        "first",
        Is::List(&Is::Selector),
        "[role = domain-controller, tier = 0]",
        "Who comes first, then second, and so on; all others come behind, of the broken ones those first of whose availability group the fewest members are left.",
    )],
    later: &[],
};

static ALREADY: [(&str, AlreadyUnhealthy); 2] = [
    ("hold", AlreadyUnhealthy::Hold),
    ("update", AlreadyUnhealthy::Update),
];
static ON_HALT: [(&str, OnHalt); 2] = [("withhold", OnHalt::Withhold), ("finish", OnHalt::Finish)];

/// Reads a policy document.
#[expect(clippy::too_many_lines, reason = "it is read as one list")]
pub(crate) fn read(cx: &Cx<'_>, node: &Node<'_>, digest: Digest) -> Option<Policy> {
    let fields = Fields::open(cx, &POLICY, node)?;
    fields.read("ringway", |_, _| Some(()));
    let name = fields.read("name", scalar::defined(Named::Policy));
    let shown = name.clone().unwrap_or_default();
    let author = fields.read("author", scalar::name);
    fields.read("accept", |cx, node| {
        super::accept::read(cx, node, &format!("policy/{shown}"))
    });
    let applies_to = cx.about("`applies_to`".to_owned(), || {
        fields.read("applies_to", scalar::selector)
    });
    if let Some(node) = fields.get("applies_to") {
        cx.place(format!("policy {shown} applies_to"), node.place);
    }
    let start = cx.about("`start`".to_owned(), || {
        fields.read("start", |cx, node| {
            approvals::read(cx, node, &format!("policy {shown} start"))
        })
    });
    let unpoison = cx.about("`unpoison`".to_owned(), || unpoison(&fields, &shown));
    let rings = fields.read("rings", |cx, node| ring::read_all(cx, node, &shown));
    let gates = fields.read("gates", |cx, node| gates(cx, node, &shown));
    let pace = fields
        .read("pace", limits::pace)
        .unwrap_or_else(limits::default_pace);
    let budget_down = fields.read("budget", limits::budget);
    let retry = fields
        .read("retry", limits::retry)
        .unwrap_or_else(limits::default_retry);
    let halt = fields
        .read("halt", limits::halt)
        .unwrap_or_else(limits::default_halt);
    let offline = fields
        .read("offline", limits::offline)
        .unwrap_or_else(limits::default_offline);
    let outside_pause_at = fields.read("outside", limits::outside);
    let already_unhealthy = fields.read("already_unhealthy", scalar::word(&ALREADY, &[]));
    let on_halt = fields.read("on_halt", scalar::word(&ON_HALT, &[]));
    let recovery = fields.read("recovery", |cx, node| recovery(cx, node, &shown));
    let calendar = calendar(&fields, &shown);
    let due = fields.read("due", due);
    let lanes = fields.read("lanes", |cx, node| lane::read_all(cx, node, &shown));
    let (gates, external) = optional(&fields, "gates", gates)?;
    let wanted = fields.read("evidence", evidence::read);
    if let Some(node) = fields.get("evidence") {
        cx.place(format!("policy {shown} evidence"), node.place);
        evidence::check_gates(cx, node, gates.len());
    }
    let policy = Policy {
        name: name?,
        digest,
        author,
        applies_to: applies_to?,
        start,
        unpoison: optional(&fields, "unpoison", unpoison.map(Some))?,
        rings: rings?,
        pace,
        budget_down,
        retry,
        halt,
        offline,
        gates,
        external,
        already_unhealthy: already_unhealthy.unwrap_or_default(),
        on_halt: on_halt.unwrap_or_default(),
        calendar: calendar?,
        due: optional(&fields, "due", due)?,
        outside_pause_at: outside_pause_at.unwrap_or(OUTSIDE_PAUSE_AT),
        lanes: optional(&fields, "lanes", lanes)?,
        recovery_first: optional(&fields, "recovery", recovery)?,
        evidence: optional(&fields, "evidence", wanted.map(Some))?,
    };
    check_author(&fields, &policy);
    Some(policy)
}

/// Who is mended first.
fn recovery(cx: &Cx<'_>, node: &Node<'_>, policy: &str) -> Option<Vec<ringway_model::Selector>> {
    let fields = Fields::open(cx, &RECOVERY, node)?;
    let place = fields
        .get("first")
        .map_or(fields.start(), |node| node.place);
    cx.place(format!("policy {policy} recovery"), place);
    fields.read("first", |cx, node| scalar::list(cx, node, scalar::selector))
}

/// When work may run.
fn calendar(fields: &Fields<'_, '_, '_, '_>, policy: &str) -> Option<PolicyCalendar> {
    let windows = fields.cx.about(format!("policy `{policy}`"), || {
        fields.read("windows", window::list)
    });
    let freezes = fields.read("freezes", |cx, node| freeze::of_policy(cx, node, policy));
    let (freezes, freeze_override) = optional(fields, "freezes", freezes)?;
    Some(PolicyCalendar {
        windows: optional(fields, "windows", windows)?,
        freezes,
        freeze_override,
    })
}

/// Due dates by severity.
fn due(cx: &Cx<'_>, node: &Node<'_>) -> Option<BTreeMap<String, ringway_model::Span>> {
    let due = scalar::map(cx, node, "due dates", |cx, name, place, value| {
        if name == "exploited" {
            let report = not_supported("`exploited`", "due dates of what is exploited", place);
            cx.report(report);
            return None;
        }
        let name = scalar::check_name(cx, name, place)?;
        let span = scalar::span_from(ringway_model::Span::minutes(1))(cx, value)?;
        Some((name, span))
    })?;
    Some(due.into_iter().collect())
}

/// The gates of a policy: those on probes, and those outside the fleet.
fn gates(
    cx: &Cx<'_>,
    node: &Node<'_>,
    policy: &str,
) -> Option<(
    Vec<crate::validated::Gate>,
    Vec<crate::validated::ExternalGate>,
)> {
    let gates = scalar::list(cx, node, |cx, node| gate::read(cx, node, policy));
    if let Value::List(items) = &node.value {
        unique(cx, "gate", items);
        let is_external = |item: &&Node<'_>| match &item.value {
            Value::Map { entries, .. } => entries.iter().any(|entry| entry.key == "external"),
            Value::Scalar { .. } | Value::List(_) => false,
        };
        let (external, others): (Vec<_>, Vec<_>) = items.iter().partition(is_external);
        for (kind, hint) in [
            (others, "join gates on the same probe"),
            (external, "let one command ask for several things"),
        ] {
            if kind.len() > MAX_PROBES {
                let message = format!("{} gates; there may be {MAX_PROBES}", kind.len());
                return cx.fail(Code::TooMany, kind[MAX_PROBES].place, message, hint);
            }
        }
    }
    let (mut of_probes, mut external) = (Vec::new(), Vec::new());
    for gate in gates? {
        match gate {
            gate::AnyGate::Probe(gate) => of_probes.push(gate),
            gate::AnyGate::External(gate) => external.push(gate),
        }
    }
    Some((of_probes, external))
}

/// The approval rules of a policy, with the path their places are noted under.
pub(crate) fn approval_rules(policy: &Policy) -> impl Iterator<Item = (String, &Approvals)> {
    let start = policy
        .start
        .iter()
        .map(|rule| (format!("policy {} start", policy.name), rule));
    let rings = policy.rings.iter().flat_map(|ring| {
        let path = |key| format!("policy {} ring {} {key}", policy.name, ring.name);
        let after = ring.after_soak.iter();
        let early = ring.early.iter().map(|early| &early.rule);
        after
            .map(move |rule| (path("after_soak"), rule))
            .chain(early.map(move |rule| (path("promote_early"), rule)))
    });
    let lanes = policy.lanes.values().flat_map(|lane| {
        let path = |key| format!("policy {} lane {} {key}", policy.name, lane.name);
        let start = lane.start.iter();
        let after = lane.after_soak.iter();
        start
            .map(move |rule| (path("start"), rule))
            .chain(after.map(move |rule| (path("after_soak"), rule)))
    });
    let unpoison = policy.unpoison.iter();
    let unpoison = unpoison.map(|rule| (format!("policy {} unpoison", policy.name), rule));
    start.chain(unpoison).chain(rings).chain(lanes)
}

/// Whose yes taking a poisoning back needs. It counts at any hour: content may be poisoned by mistake at night, too.
fn unpoison(fields: &Fields<'_, '_, '_, '_>, policy: &str) -> Option<Approvals> {
    fields.read("unpoison", |cx, node| {
        let rule = approvals::read(cx, node, &format!("policy {policy} unpoison"))?;
        if rule.between.is_none() {
            return Some(rule);
        }
        let message = "`unpoison` has hours, and a poisoning waits for none".to_owned();
        let hint = "leave `between` out: a yes to taking a poisoning back counts at any hour";
        let place = scalar::first_line(cx, node.place);
        cx.fail(Code::KeyConflict, place, message, hint)
    })
}

/// `not_by: [policy-author]` means nobody when nobody is said to be the author.
fn check_author(fields: &Fields<'_, '_, '_, '_>, policy: &Policy) {
    if policy.author.is_some() {
        return;
    }
    for (path, rule) in approval_rules(policy) {
        if rule.not_by.contains(&NotBy::PolicyAuthor) {
            let place = fields
                .cx
                .notes
                .borrow()
                .places
                .get(&format!("{path} not_by"))
                .copied();
            let message =
                "`policy-author` may not approve, and the policy does not say who that is";
            fields.cx.report(
                Report::new(Code::KeyConflict, place.unwrap_or(fields.start()), message)
                    .hint("add `author: NAME` to the policy"),
            );
        }
    }
}

/// Names of elements of a list stand once.
pub(crate) fn unique(cx: &Cx<'_>, what: &str, items: &[Node<'_>]) {
    let mut first = BTreeMap::new();
    for item in items {
        let Value::Map { entries, .. } = &item.value else {
            continue;
        };
        let Some(name) = entries.iter().find(|entry| entry.key == "name") else {
            continue;
        };
        let Value::Scalar { text, .. } = &name.value.value else {
            continue;
        };
        if let Some(&before) = first.get(text.as_ref()) {
            let message = format!("there is another {what} `{text}`");
            cx.report(
                Report::new(Code::DuplicateName, name.value.place, message)
                    .first_at(before)
                    .hint("give one of them another name"),
            );
        } else {
            first.insert(text.to_string(), name.value.place);
        }
    }
}

/// Whether the element is of a kind that comes later; then that is its one problem.
pub(crate) fn only_later(cx: &Cx<'_>, node: &Node<'_>, shape: &Shape, marks: &[&str]) -> bool {
    let Value::Map { entries, .. } = &node.value else {
        return false;
    };
    let Some(mark) = entries
        .iter()
        .find(|entry| marks.contains(&entry.key.as_ref()))
    else {
        return false;
    };
    let about = shape
        .later
        .iter()
        .find(|(name, _)| *name == mark.key)
        .map_or("", |(_, about)| about);
    cx.report(not_supported(
        &format!("`{}`", mark.key),
        about,
        mark.key_place,
    ));
    true
}
