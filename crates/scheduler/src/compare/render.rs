//! A comparison as text: what a reviewer must know first, then what changed of each ring, then who moves. What is the same
//! is not said, or said once.

use std::cmp::Ordering;

use ringway_model::Span;
use ringway_policy::validated::{AlreadyUnhealthy, NotBy, OnHalt};

use super::parts::{
    Comparison, EvidenceTerms, ExternalSide, FirstSoak, Place, RingSide, Side, Terms,
};
use crate::report::{ApprovalReport, EarlyReport, about, evidence_in_words, pace_in_words};
use crate::text::Text;
use crate::words::{counted, hosts, push, shortened};

/// Host names shown for one move.
const NAMES: usize = 8;
/// Moves shown, and strata shown.
const LINES: usize = 24;

/// Writes a comparison as text of at most 100 columns.
pub fn render(comparison: &Comparison) -> String {
    let mut text = Text::default();
    head(&mut text, comparison);
    if comparison.is_change() {
        rings(&mut text, comparison);
        moves(&mut text, comparison);
        coverage(&mut text, comparison);
        terms(&mut text, &comparison.before.terms, &comparison.after.terms);
    }
    foot(&mut text, comparison);
    text.finish()
}

/// `old -> new`, or what both are.
pub(super) fn change(old: &str, new: &str) -> String {
    if old == new {
        old.to_owned()
    } else {
        format!("{old} -> {new}")
    }
}

fn number<T: ToString>(old: &T, new: &T) -> String {
    change(&old.to_string(), &new.to_string())
}

/// How much later or sooner, more or less.
fn by(old: Span, new: Span, more: &str, less: &str) -> String {
    let (old, new) = (about(old), about(new));
    match new.cmp(&old) {
        Ordering::Greater => format!(" ({} {more})", about(new.less(old))),
        Ordering::Less => format!(" ({} {less})", about(old.less(new))),
        Ordering::Equal => String::new(),
    }
}

fn head(text: &mut Text, comparison: &Comparison) {
    let Comparison { before, after, .. } = comparison;
    let policies = if before.policy == after.policy {
        format!("policy `{}` before and after", after.policy)
    } else {
        format!("policy `{}` and then `{}`", before.policy, after.policy)
    };
    text.heading(&format!(
        "{policies}: update `{}` over fleet `{}`",
        comparison.update, comparison.fleet
    ));
    if !comparison.is_change() {
        text.entry(
            "no change",
            &format!(
                "{} would be updated in the same rings, under the same terms",
                hosts(after.targets)
            ),
        );
        return;
    }
    let mut who = number(&before.targets, &after.targets);
    push(
        &mut who,
        format_args!("; {} stay in their ring", comparison.stay),
    );
    for (count, what) in [
        (comparison.gained, "become targets"),
        (comparison.lost, "are targets no more"),
    ] {
        if count > 0 {
            push(&mut who, format_args!(", {count} {what}"));
        }
    }
    text.entry("targets", &who);
    if before.unclaimed + after.unclaimed > 0 {
        let left = number(&before.unclaimed, &after.unclaimed);
        text.entry("in no ring", &left);
    }
    text.entry("first stop", &first_soak(before, after));
    let finish = change(
        &about(before.total_ms).to_string(),
        &about(after.total_ms).to_string(),
    );
    let later = by(before.total_ms, after.total_ms, "later", "sooner");
    text.entry(
        "finish",
        &format!("after {finish}{later}, if all goes well"),
    );
    text.entry("exposure", &exposure(before, after));
}

/// Host-hours, since that is what is compared with the risk of going on.
fn exposure(before: &Side, after: &Side) -> String {
    let hours = |span: Span| span.millis().div_ceil(3_600_000);
    let (old, new) = (hours(before.exposure_ms), hours(after.exposure_ms));
    let differs = match new.cmp(&old) {
        Ordering::Greater => format!(" ({} more)", new - old),
        Ordering::Less => format!(" ({} fewer)", old - new),
        Ordering::Equal => String::new(),
    };
    format!(
        "{}{differs} host-hours without the update, if all goes well",
        number(&old, &new)
    )
}

/// The first time that harm which shows only after the visits can halt the rollout.
fn first_soak(before: &Side, after: &Side) -> String {
    let said = |soak: &Option<FirstSoak>| match soak {
        None => "never: no soak can halt".to_owned(),
        Some(soak) => format!(
            "in the soak of `{}`, when {} have it (until {} after the start)",
            soak.ring,
            hosts(soak.hosts as usize),
            about(soak.ends_ms)
        ),
    };
    let (old, new) = (said(&before.first_soak), said(&after.first_soak));
    if old == new {
        format!("{old}, as before")
    } else {
        format!("{old} -> {new}")
    }
}

fn rings(text: &mut Text, comparison: &Comparison) {
    let mut same = Vec::new();
    for pair in &comparison.rings {
        let old = pair.before.map(|at| &comparison.before.rings[at]);
        let new = pair.after.map(|at| &comparison.after.rings[at]);
        match (old, new) {
            (Some(old), Some(new)) if old == new => same.push(new.name.as_str()),
            (Some(old), Some(new)) => ring(text, old, new),
            (None, Some(ring)) => one_sided(text, ring, "new"),
            (Some(ring), None) => one_sided(text, ring, "gone"),
            (None, None) => {}
        }
    }
    if !same.is_empty() {
        let names = shortened(same.iter().copied(), same.len(), NAMES);
        text.heading(&format!("The same in every way: {names}"));
    }
}

/// A ring that both plans have and that is not the same in both.
fn ring(text: &mut Text, old: &RingSide, new: &RingSide) {
    text.heading(&format!(
        "Ring {}: {} hosts",
        change(&old.name, &new.name),
        number(&old.hosts, &new.hosts)
    ));
    let halts = change(&halts(old), &halts(new));
    let terms = [
        (
            "halts",
            (old.halts_on, old.can_halt()) != (new.halts_on, new.can_halt()),
            halts,
        ),
        (
            "leaves",
            old.debt_allowed != new.debt_allowed,
            format!(
                "at most {} hosts behind that are offline or held",
                number(&old.debt_allowed, &new.debt_allowed)
            ),
        ),
        (
            "soak",
            (old.soak_ms, old.working_ms) != (new.soak_ms, new.working_ms),
            change(&soak(old), &soak(new)),
        ),
        (
            "windows",
            old.windows != new.windows,
            change(&windows(&old.windows), &windows(&new.windows)),
        ),
        (
            "then",
            old.after_soak != new.after_soak,
            change(
                &approval(old.after_soak.as_ref()),
                &approval(new.after_soak.as_ref()),
            ),
        ),
        (
            "early",
            old.early != new.early,
            change(&early(old.early.as_ref()), &early(new.early.as_ref())),
        ),
        ("at stake", old.risk != new.risk, at_stake(old, new)),
        (
            "first of",
            (old.strata_new, old.hosts_new) != (new.strata_new, new.hosts_new),
            format!(
                "{} kinds of host that no ring before it has",
                number(&old.strata_new, &new.strata_new)
            ),
        ),
        ("when", old.estimate != new.estimate, when(old, new)),
    ];
    for (key, differs, words) in terms {
        if differs {
            text.entry(key, &words);
        }
    }
}

fn one_sided(text: &mut Text, ring: &RingSide, what: &str) {
    text.heading(&format!(
        "Ring {}: {what} ({})",
        ring.name,
        hosts(ring.hosts as usize)
    ));
    text.entry("halts", &halts(ring));
    text.entry("soak", &soak(ring));
    text.entry("then", &approval(ring.after_soak.as_ref()));
    if ring.early.is_some() {
        text.entry("early", &early(ring.early.as_ref()));
    }
    if ring.hosts > 0 {
        text.entry("at stake", &at_stake(ring, ring));
    }
    text.entry("when", &when(ring, ring));
}

fn soak(ring: &RingSide) -> String {
    match ring.working_ms {
        None => ring.soak_ms.to_string(),
        Some(working) => format!("{} with {working} of working time", ring.soak_ms),
    }
}

pub(super) fn windows(names: &[String]) -> String {
    if names.is_empty() {
        "no further limit".to_owned()
    } else {
        names.join(" or ")
    }
}

fn halts(ring: &RingSide) -> String {
    match ring.halts_on {
        Some(limit) if ring.can_halt() => format!("on failure no. {limit}"),
        Some(limit) => format!("on failure no. {limit}, so never"),
        None => "on no number of failures".to_owned(),
    }
}

fn at_stake(old: &RingSide, new: &RingSide) -> String {
    format!(
        "{} have the update when it halts at once, {} where harm shows in the soak",
        number(&old.risk.shows_at_once, &new.risk.shows_at_once),
        number(&old.risk.shows_in_soak, &new.risk.shows_in_soak)
    )
}

fn when(old: &RingSide, new: &RingSide) -> String {
    let both = |of: fn(&RingSide) -> Span| {
        change(&about(of(old)).to_string(), &about(of(new)).to_string())
    };
    format!(
        "starts after {}, all settled after {}, soaked after {}",
        both(|ring| ring.estimate.starts_ms),
        both(|ring| ring.estimate.settled_ms),
        both(|ring| ring.estimate.ends_ms)
    )
}

fn approval(wanted: Option<&ApprovalReport>) -> String {
    let Some(wanted) = wanted else {
        return "no approval".to_owned();
    };
    let mut words = counted(usize::from(wanted.needed), "approval");
    if !wanted.by.is_empty() {
        push(&mut words, format_args!(" by {}", wanted.by.join(", ")));
    }
    if let Some(between) = &wanted.between {
        push(&mut words, format_args!(", {between}"));
    }
    if let Some(expire) = wanted.expire_ms {
        push(&mut words, format_args!(", void after {expire}"));
    }
    for not_by in &wanted.not_by {
        words.push_str(match not_by {
            NotBy::PolicyAuthor => ", not by the policy's author",
            NotBy::Starter => ", not by who starts it",
        });
    }
    words
}

fn early(early: Option<&EarlyReport>) -> String {
    early.map_or_else(
        || "never".to_owned(),
        |early| {
            let rule = approval(Some(&early.approvals));
            format!("after {} with {rule}", early.at_least_ms)
        },
    )
}

fn place(place: &Place) -> &str {
    match place {
        Place::Ring(name) => name,
        Place::NoRing => "(no ring)",
        Place::NoRelease => "(no release)",
        Place::NotMeant => "(not meant)",
    }
}

fn moves(text: &mut Text, comparison: &Comparison) {
    if comparison.moves.is_empty() {
        return;
    }
    let count = comparison.moves.iter().map(|one| one.count).sum();
    let verb = if count == 1 { "changes" } else { "change" };
    text.heading(&format!("{} {verb} places", hosts(count)));
    for one in comparison.moves.iter().take(LINES) {
        let names = shortened(one.hosts.iter().map(String::as_str), one.count, NAMES);
        let way = format!("{} -> {}", place(&one.from), place(&one.to));
        text.entry(&way, &format!("{}: {names}", one.count));
    }
    more(text, comparison.moves.len(), "moves");
}

fn more(text: &mut Text, count: usize, what: &str) {
    if count > LINES {
        text.entry("", &format!("... and {} more {what}", count - LINES));
    }
}

fn coverage(text: &mut Text, comparison: &Comparison) {
    let changed = &comparison.coverage.changed;
    if changed.is_empty() {
        return;
    }
    text.heading(&format!(
        "{} met first in another ring (by {})",
        counted(changed.len(), "kind of host").replace("kind of hosts", "kinds of host"),
        comparison.coverage.by.join(", ")
    ));
    for one in changed.iter().take(LINES) {
        let ring = |ring: &Option<String>| ring.clone().unwrap_or_else(|| "(no ring)".to_owned());
        let way = format!("{} -> {}", ring(&one.before), ring(&one.after));
        text.entry(
            &way,
            &format!("{} ({})", one.stratum, hosts(one.hosts as usize)),
        );
    }
    more(text, changed.len(), "kinds");
}

#[expect(
    clippy::too_many_lines,
    reason = "one part of a policy after the other is told"
)]
fn terms(text: &mut Text, old: &Terms, new: &Terms) {
    if old == new {
        return;
    }
    text.heading("Terms of the whole rollout");
    if old.start != new.start {
        let both = change(&approval(old.start.as_ref()), &approval(new.start.as_ref()));
        text.entry("start", &both);
    }
    if old.unpoison != new.unpoison {
        let both = (old.unpoison.as_ref(), new.unpoison.as_ref());
        text.entry("unpoison", &change(&approval(both.0), &approval(both.1)));
    }
    if old.pace != new.pace {
        text.entry(
            "pace",
            &format!("before: {}", pace_in_words(&old.pace, None)),
        );
        text.entry("", &format!("after: {}", pace_in_words(&new.pace, None)));
    }
    for gate in &old.gates {
        match new.gates.iter().find(|one| one.name == gate.name) {
            None => text.entry("gate", &format!("`{}` is gone", gate.name)),
            Some(one) if one == gate => {}
            Some(one) => text.entry(
                "gate",
                &format!(
                    "`{}`: probe `{}`, down for {}, {} must report",
                    gate.name,
                    change(&gate.probe, &one.probe),
                    number(&gate.down_for_ms, &one.down_for_ms),
                    change(&gate.min_reporting, &one.min_reporting)
                ),
            ),
        }
    }
    for gate in &new.gates {
        if old.gates.iter().all(|one| one.name != gate.name) {
            text.entry(
                "gate",
                &format!(
                    "`{}` is new: a host whose probe `{}` is down for {} counts as failed",
                    gate.name, gate.probe, gate.down_for_ms
                ),
            );
        }
    }
    external(text, &old.external, &new.external);
    super::calendar::render(text, old, new);
    if old.freeze_override != new.freeze_override {
        let may = |may| if may { "may" } else { "may not" };
        let both = change(may(old.freeze_override), may(new.freeze_override));
        text.entry(
            "freezes",
            &format!("people {both} work in them with a reason"),
        );
    }
    if old.offline_retry_ms != new.offline_retry_ms {
        let both = number(&old.offline_retry_ms, &new.offline_retry_ms);
        text.entry("offline", &format!("tried again after {both}"));
    }
    if old.outside_pause_at != new.outside_pause_at {
        let both = number(&old.outside_pause_at, &new.outside_pause_at);
        let what = format!("pauses when others changed more hosts than {both}");
        text.entry("outside", &what);
    }
    if old.evidence != new.evidence {
        let words = |terms: &Option<EvidenceTerms>| {
            terms.as_ref().map_or_else(
                || "none is asked for".to_owned(),
                |one| evidence_in_words(&one.by, one.hosts, one.healthy_ms, one.where_missing),
            )
        };
        text.entry("evidence", &format!("before: {}", words(&old.evidence)));
        text.entry("", &format!("after: {}", words(&new.evidence)));
    }
    let unhealthy = |how| match how {
        AlreadyUnhealthy::Hold => "left alone",
        AlreadyUnhealthy::Update => "updated all the same",
    };
    if old.already_unhealthy != new.already_unhealthy {
        let both = change(
            unhealthy(old.already_unhealthy),
            unhealthy(new.already_unhealthy),
        );
        text.entry(
            "unhealthy",
            &format!("hosts that were so before are {both}"),
        );
    }
    let halt = |how| match how {
        OnHalt::Withhold => "withheld",
        OnHalt::Finish => "done",
    };
    if old.on_halt != new.on_halt {
        let both = change(halt(old.on_halt), halt(new.on_halt));
        text.entry("on a halt", &format!("restarts that are due are {both}"));
    }
}

/// Conditions outside the fleet that one of the two has.
fn external(text: &mut Text, old: &[ExternalSide], new: &[ExternalSide]) {
    for gate in old {
        match new.iter().find(|one| one.name == gate.name) {
            None => text.entry("gate", &format!("external `{}` is gone", gate.name)),
            Some(one) if one == gate => {}
            Some(one) => {
                let every = number(&gate.every_ms, &one.every_ms);
                let timeout = number(&gate.timeout_ms, &one.timeout_ms);
                let run = if gate.run == one.run {
                    ""
                } else {
                    " by another command"
                };
                text.entry(
                    "gate",
                    &format!(
                        "external `{}`: asked{run} every {every}, for an answer within {timeout}",
                        gate.name
                    ),
                );
            }
        }
    }
    for gate in new {
        if old.iter().all(|one| one.name != gate.name) {
            let every = gate.every_ms;
            text.entry(
                "gate",
                &format!(
                    "external `{}` is new, asked every {every}: nothing begins unless it is open",
                    gate.name
                ),
            );
        }
    }
}

fn foot(text: &mut Text, comparison: &Comparison) {
    text.heading(&format!(
        "Plans {} and {}, both with seed {}; `ringway plan` explains one, `ringway what-if` tries both on \
         simulated futures",
        comparison.before.plan.short(),
        comparison.after.plan.short(),
        comparison.seed
    ));
}
