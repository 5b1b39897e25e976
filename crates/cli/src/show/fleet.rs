//! The fleet and its rollouts: rings as lanes, what each waits for, and what would unblock it.

use ringway_engine::view::{
    AdvisoryView, ApprovalView, ExceptionView, FleetView, HoldView, KeptView, PoisonView,
    QuestionView, RingView, RolloutView, Waiting,
};
use ringway_model::{RolloutId, Says, Span, Timestamp, WaitingOn};

use super::advisory::advisories;
use super::approving::{one_yes, others};
use super::bar::bar;
use super::coverage;
use super::paint::{Paint, bold, paint};
use super::protection;
use super::words::{ends, hosts, in_words, named, put, until};

/// The whole fleet. Rollouts that are over are only counted, unless `all` or nothing else is there.
pub(crate) fn fleet(view: &FleetView, all: bool) -> String {
    let Some(name) = &view.fleet else {
        return "no rollout yet; `ringway run` starts one".to_owned();
    };
    let mut text = format!(
        "fleet {}   {}\n",
        bold(name),
        paint(Paint::Faint, &view.at.to_string())
    );
    if let Some(on) = &view.stopped {
        let stopped = Waiting::from(on.clone());
        put(
            &mut text,
            format_args!(
                "{}\n",
                paint(
                    Paint::Bad,
                    &format!("everything is stopped: {}", stopped.why)
                )
            ),
        );
        put(
            &mut text,
            format_args!("  goes on with: {}\n", stopped.unblocked_by),
        );
    }
    text.push_str(&holds(&view.holds, view.at));
    text.push_str(&poisons(&view.poisons));
    text.push_str(&super::unpoisonings(&view.unpoisonings));
    // A note that is about nothing under way is in `advisory list`.
    let matters = |one: &&AdvisoryView| {
        let is_at_work = one.counts && one.advisory.effect.keeps() || !one.concerned.is_empty();
        one.is_open() && (one.is_proposed() || is_at_work)
    };
    let open = view.advisories.iter().filter(matters).cloned();
    text.push_str(&advisories(&open.collect::<Vec<_>>()));
    text.push_str(&exceptions(&view.exceptions, view.at));
    text.push_str(&protection::counted(&view.protections));
    let mut hidden = view.rollouts.len();
    for one in shown(view, all) {
        hidden -= 1;
        text.push('\n');
        text.push_str(&rollout(one, view.at));
    }
    if hidden > 0 {
        let note = format!("over and not shown: {hidden}; `ringway status --all` shows them");
        put(
            &mut text,
            format_args!("\n{}\n", paint(Paint::Faint, &note)),
        );
    }
    text
}

/// The rollouts that are shown: those that are open, or the last one, or all.
pub(crate) fn shown(view: &FleetView, all: bool) -> impl Iterator<Item = &RolloutView> {
    let open = view.rollouts.iter().any(|r| !r.is_final);
    let last = view.rollouts.len().saturating_sub(1);
    let rollouts = view.rollouts.iter().enumerate();
    rollouts
        .filter(move |(index, one)| !one.is_final || all || (!open && *index == last))
        .map(|(_, one)| one)
}

/// Hosts that are not to be touched: each word that somebody said, with whom it is about.
pub(crate) fn holds(holds: &[HoldView], now: Timestamp) -> String {
    let mut text = String::new();
    for hold in holds {
        let count = u32::try_from(hold.hosts.len()).unwrap_or(u32::MAX);
        let end = hold
            .until
            .map_or_else(String::new, |at| format!(" until {}", ends(now, at)));
        let line = format!("{} by {}{end}: {}", hold.kind.word(), hold.by, hold.reason);
        put(
            &mut text,
            format_args!(
                "{}\n    {}: {}\n",
                paint(Paint::Busy, &line),
                hosts(count),
                shortened(&hold.hosts, 8)
            ),
        );
    }
    text
}

/// What must not be installed any more, and whom that is about.
pub(crate) fn poisons(poisons: &[PoisonView]) -> String {
    let mut text = String::new();
    for poison in poisons {
        let build = poison.content.build.as_ref();
        let build = build.map_or_else(String::new, |build| format!(" (build {build})"));
        let line = format!(
            "poisoned: {}{build} by {}, {}: {}",
            poison.content.id, poison.by, poison.since, poison.reason
        );
        put(&mut text, format_args!("{}\n", paint(Paint::Bad, &line)));
        if !poison.has.is_empty() {
            let count = u32::try_from(poison.has.len()).unwrap_or(u32::MAX);
            let names = shortened(&poison.has, 8);
            put(
                &mut text,
                format_args!("    {} with it: {names}\n", hosts(count)),
            );
        }
        if poison.kept > 0 {
            put(
                &mut text,
                format_args!("    {} kept from it\n", hosts(poison.kept)),
            );
        }
    }
    text
}

/// Exceptions in force: whose, why, until when, and whom they leave out. Those that end soon stand out.
pub(crate) fn exceptions(exceptions: &[ExceptionView], now: Timestamp) -> String {
    /// A fortnight: as long as a new approval takes.
    const SOON: Span = Span::hours(24 * 14);
    let mut text = String::new();
    for one in exceptions {
        let left = one.until.since(now);
        let colour = if left <= SOON {
            Paint::Busy
        } else {
            Paint::Faint
        };
        let ends = match left.millis() / 86_400_000 {
            _ if one.until <= now => "is over and ends when it runs next".to_owned(),
            0 => format!("ends in {}", in_words(left)),
            1 => "ends in 1 day".to_owned(),
            days => format!("ends in {days} days"),
        };
        let updates = if one.updates.is_empty() {
            String::new()
        } else {
            format!(" from {}", one.updates.join(", "))
        };
        let line = format!(
            "exception {} of {} {ends} ({}): {}",
            one.id, one.owner, one.until, one.reason
        );
        let count = u32::try_from(one.hosts.len()).unwrap_or(u32::MAX);
        let names = if one.hosts.is_empty() {
            format!("nobody now (`{}`)", one.select)
        } else {
            format!("{}: {}", hosts(count), shortened(&one.hosts, 8))
        };
        put(
            &mut text,
            format_args!(
                "{}\n    leaves out{updates} {names}; approved by {}\n",
                paint(colour, &line),
                one.approved_by.join(", ")
            ),
        );
    }
    text
}

/// One rollout.
#[expect(clippy::too_many_lines, reason = "a page is read from top to bottom")]
pub(crate) fn rollout(view: &RolloutView, now: Timestamp) -> String {
    let state = paint(state_paint(&view.state), &state_words(view));
    let mut text = format!(
        "{}  {} by policy {}, started by {}   {state}\n",
        bold(&named(view.id, view.change.as_ref())),
        view.update,
        view.policy,
        view.starter
    );
    let width = view
        .rings
        .iter()
        .map(|ring| ring.name.len())
        .max()
        .unwrap_or(0);
    for ring in &view.rings {
        let here = if view.ring.as_ref() == Some(&ring.name) && !view.is_final {
            ">"
        } else {
            " "
        };
        put(
            &mut text,
            format_args!(
                "{here} {:width$}  {}  {}\n",
                ring.name,
                bar(ring),
                counts(ring, now)
            ),
        );
    }
    text.push_str(&reasons_of(view, now));
    text.push_str(&terms(view, now));
    if let Some(known) = &view.coverage {
        text.push_str(&coverage::lines(known, now));
    }
    if !view.is_final {
        text.push_str(&questions(&view.questions));
    }
    if let Some(wanted) = &view.approval {
        text.push_str(&approval(view.id, wanted, now));
    }
    if let Some(wanted) = view.early.as_ref().filter(|wanted| !wanted.by.is_empty()) {
        text.push_str(&approval(view.id, wanted, now));
    }
    for wanted in view.later.iter().filter(|wanted| !wanted.by.is_empty()) {
        text.push_str(&approval(view.id, wanted, now));
    }
    if view.hit > 0 {
        put(
            &mut text,
            format_args!(
                "  blast radius so far: {}\n",
                paint(Paint::Bad, &hosts(view.hit))
            ),
        );
    }
    if view.not_applicable > 0 {
        put(
            &mut text,
            format_args!(
                "  not applicable (no release): {}\n",
                hosts(view.not_applicable)
            ),
        );
    }
    if !view.too_late.is_empty() {
        put(
            &mut text,
            format_args!(
                "  came too late, are no part of it: {}\n",
                view.too_late.join(", ")
            ),
        );
    }
    text
}

/// Freezes that people let it work in, and what external gates say.
fn terms(view: &RolloutView, now: Timestamp) -> String {
    let mut text = String::new();
    if let Some(lane) = &view.lane {
        let since = lane
            .since
            .map_or_else(String::new, |at| format!(" since {at}"));
        let says = if lane.reason.is_empty() {
            format!(", started by {}", lane.by)
        } else {
            format!(", says {}: {}", lane.by, lane.reason)
        };
        put(
            &mut text,
            format_args!("  in lane {}{since}{says}\n", lane.name),
        );
        if lane.works_in_freezes {
            text.push_str("  works in freezes that are not binding, until the rollout ends\n");
        }
    }
    if let Some(asked) = &view.lane_asked {
        let soaks = if asked.soaks.is_empty() {
            String::new()
        } else {
            format!(" ({})", asked.soaks.join(", "))
        };
        put(
            &mut text,
            format_args!(
                "  {} asks for lane {}{soaks}: {}; it goes on as before until that is approved\n",
                asked.by, asked.name, asked.reason
            ),
        );
    }
    for one in &view.overrides {
        let end = until(now, one.until);
        put(
            &mut text,
            format_args!(
                "  works in freeze {} until {end}, says {}: {}\n",
                one.freeze, one.by, one.reason
            ),
        );
    }
    for gate in view.gates.iter().filter(|_| !view.is_final) {
        let colour = match gate.says {
            Says::Open => Paint::Good,
            Says::Closed | Says::Unknown => Paint::Busy,
        };
        let why = if gate.why.is_empty() {
            String::new()
        } else {
            format!(" ({})", gate.why)
        };
        put(
            &mut text,
            format_args!(
                "  gate {}: {} since {}{why}\n",
                gate.gate,
                paint(colour, gate.says.word()),
                gate.since
            ),
        );
    }
    text
}

/// What could be approved, in short: `ringway approve` shows the whole.
fn approval(rollout: RolloutId, view: &ApprovalView, now: Timestamp) -> String {
    let what = if view.at_least.is_some() {
        "a yes ends the soak early"
    } else {
        "a yes starts"
    };
    let mut text = format!("  {what}");
    if view.at_least.is_none() {
        put(
            &mut text,
            format_args!(" {} ({})", bold(&view.starts), hosts(view.hosts)),
        );
    }
    let given: Vec<String> = view.given.iter().map(|yes| one_yes(yes, now)).collect();
    let given = if given.is_empty() {
        "nobody yet".to_owned()
    } else {
        given.join(", ")
    };
    put(
        &mut text,
        format_args!(
            ": {} of {} approvals, given by {given}; digest {}\n",
            view.by.len(),
            view.need,
            view.digest.short()
        ),
    );
    if let Some(others) = others(view) {
        put(&mut text, format_args!("    could approve: {others}\n"));
    }
    if let Some(between) = &view.between {
        let now = view
            .counts_from
            .map_or_else(String::new, |at| format!("; not now, but from {at} on"));
        put(&mut text, format_args!("    counts only {between}{now}\n"));
    }
    if !view.failed.is_empty() {
        let list = paint(Paint::Bad, &shortened(&view.failed, 8));
        put(&mut text, format_args!("    failed so far: {list}\n"));
    }
    if !view.untested.is_empty() {
        let list = shortened(&view.untested, 4);
        put(&mut text, format_args!("    no ring has tested: {list}\n"));
    }
    let command = match view.at_least {
        Some(_) => format!("ringway promote --rollout {rollout} --early --reason TEXT"),
        None => format!("ringway approve --rollout {rollout}"),
    };
    let early = match (view.due, view.at_least) {
        (true, _) => String::new(),
        (false, None) => "; not due yet, an early yes is kept while things get no worse".to_owned(),
        (false, Some(at_least)) => format!("; not before {at_least} of it"),
    };
    let is_missing = view.by.len() < usize::from(view.need);
    if is_missing {
        put(&mut text, format_args!("    type: {command}{early}\n"));
    }
    text
}

/// What was asked and nobody has answered.
fn questions(questions: &[QuestionView]) -> String {
    let open = questions.iter().filter(|one| one.answer.is_none());
    open.fold(String::new(), |mut text, one| {
        let to = one.to.as_ref();
        let to = to.map_or_else(String::new, |to| format!(" {to}"));
        let line = format!("question {}: {} asks{to}: {}", one.number, one.by, one.text);
        let line = line.split_whitespace().collect::<Vec<_>>().join(" ");
        put(
            &mut text,
            format_args!(
                "  {}\n    type: ringway answer {} TEXT\n",
                paint(Paint::Busy, &line),
                one.number
            ),
        );
        text
    })
}

/// The first names, and how many more there are.
pub(crate) fn shortened(names: &[String], at_most: usize) -> String {
    let shown = names
        .iter()
        .take(at_most)
        .cloned()
        .collect::<Vec<_>>()
        .join(", ");
    match names.len().saturating_sub(at_most) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

/// What a rollout waits for, with the hosts of its ring that are kept.
pub(crate) fn reasons_of(view: &RolloutView, now: Timestamp) -> String {
    // What keeps hosts is said with their names.
    let is_told = |one: &&Waiting| !view.kept.iter().any(|kept| kept.waiting.on == one.on);
    let waiting: Vec<Waiting> = view.waiting.iter().filter(is_told).cloned().collect();
    format!("{}{}", reasons(&waiting, now), kept(&view.kept, now))
}

/// Reasons, each once: several parts of a rollout may wait for the same thing.
pub(crate) fn reasons(waiting: &[Waiting], now: Timestamp) -> String {
    let first = |(index, one): &(usize, &Waiting)| !waiting[..*index].contains(*one);
    waiting
        .iter()
        .enumerate()
        .filter(first)
        .map(|(_, one)| waits(one, now))
        .collect()
}

/// One reason with what would unblock it.
fn waits(waiting: &Waiting, now: Timestamp) -> String {
    let mut text = format!("  waits: {}\n", paint(Paint::Busy, &waiting.why));
    put(
        &mut text,
        format_args!("    unblocked by: {}", waiting.unblocked_by),
    );
    if let Some(at) = waiting.earliest {
        put(&mut text, format_args!("; earliest {}", until(now, at)));
    }
    text.push('\n');
    for line in &waiting.details {
        put(&mut text, format_args!("      {line}\n"));
    }
    if let WaitingOn::ByHand { host, .. } = &waiting.on {
        put(&mut text, format_args!("    type: ringway done {host}\n"));
    }
    text
}

/// What keeps hosts where nothing goes on: those together that are kept by the same.
fn kept(all: &[KeptView], now: Timestamp) -> String {
    /// So many reasons fit a screen; those of the fewest hosts are counted.
    const SHOWN: usize = 6;
    let mut text = String::new();
    for one in all.iter().take(SHOWN) {
        let more = one.count as usize - one.hosts.len().min(one.count as usize);
        let names = match more {
            0 => one.hosts.join(", "),
            more => format!("{} and {more} more", one.hosts.join(", ")),
        };
        let end = one.waiting.earliest;
        let end = end.map_or_else(String::new, |at| format!("; earliest {}", until(now, at)));
        put(
            &mut text,
            format_args!(
                "    {}: {names}: {}\n      unblocked by: {}{end}\n",
                hosts(one.count),
                paint(Paint::Busy, &one.waiting.why),
                one.waiting.unblocked_by
            ),
        );
        for line in &one.waiting.details {
            put(&mut text, format_args!("        {line}\n"));
        }
    }
    match all.len().saturating_sub(SHOWN) {
        0 => {}
        1 => text.push_str("    and for 1 more reason\n"),
        more => put(&mut text, format_args!("    and for {more} more reasons\n")),
    }
    text
}

/// A ring's numbers: only those that say something.
fn counts(ring: &RingView, now: Timestamp) -> String {
    let mut parts = vec![format!("{:>4} of {} done", ring.done, ring.planned)];
    for (count, word, colour) in [
        (ring.visiting, "visiting", Paint::Busy),
        (ring.settling, "settling", Paint::Busy),
        (ring.failed, "failed", Paint::Bad),
        (ring.again, "failed and tried again", Paint::Bad),
        (ring.withheld, "restart withheld", Paint::Busy),
        (ring.debt, "offline or held", Paint::Busy),
        (ring.rolled_back, "rolled back", Paint::Good),
        (ring.skipped, "skipped", Paint::Faint),
        (ring.vanished, "vanished", Paint::Faint),
        (ring.excepted, "excepted", Paint::Faint),
        (ring.outside, "changed outside", Paint::Busy),
    ] {
        if count > 0 {
            parts.push(paint(colour, &format!("{count} {word}")));
        }
    }
    // Once every host was visited nobody asks how it got there.
    if let Some(staged) = ring.staged.filter(|_| ring.pending > 0) {
        let mut text = format!("staged {} of {}", staged.done, staged.of);
        if staged.failed > 0 {
            put(&mut text, format_args!(" ({} could not be)", staged.failed));
        }
        parts.push(paint(Paint::Faint, &text));
    }
    match ring.soak_until {
        Some(at) => parts.push(format!("{}, until {}", ring.phase, until(now, at))),
        None => parts.push(ring.phase.clone()),
    }
    parts.join(" | ")
}

/// Where a rollout stands, with the one that takes its place, or whose place it takes.
pub(crate) fn state_words(view: &RolloutView) -> String {
    match (view.superseded_by, view.supersedes) {
        (Some(by), _) => format!("{} by {by}", view.state),
        (None, Some(old)) => format!("{} in the place of {old}", view.state),
        (None, None) => view.state.clone(),
    }
}

fn state_paint(state: &str) -> Paint {
    match state {
        "completed" | "rolled back" => Paint::Good,
        "halted" | "cancelled" | "superseded" => Paint::Bad,
        _ => Paint::Busy,
    }
}

#[cfg(test)]
mod tests {
    use ringway_model::{Digest, RolloutId};

    use super::*;
    use crate::show::paint::plain;

    fn ring(name: &str, phase: &str, planned: u32) -> RingView {
        RingView {
            name: name.to_owned(),
            phase: phase.to_owned(),
            planned,
            pending: planned,
            visiting: 0,
            by_hand: 0,
            staged: None,
            settling: 0,
            done: 0,
            failed: 0,
            again: 0,
            debt: 0,
            on_hold: 0,
            withheld: 0,
            rolled_back: 0,
            skipped: 0,
            vanished: 0,
            excepted: 0,
            outside: 0,
            halt_on: Some(1),
            soak_until: None,
        }
    }

    fn halted() -> RolloutView {
        let lab = RingView {
            done: 2,
            pending: 0,
            ..ring("lab", "promoted", 2)
        };
        let canary = RingView {
            done: 1,
            failed: 1,
            pending: 2,
            ..ring("canary", "visiting", 4)
        };
        RolloutView {
            id: RolloutId(1),
            policy: "careful".to_owned(),
            update: "april".to_owned(),
            plan: Digest::of(b"plan"),
            starter: "ana".to_owned(),
            change: None,
            state: "halted".to_owned(),
            is_final: false,
            superseded_by: None,
            supersedes: None,
            ring: Some("canary".to_owned()),
            kept: Vec::new(),
            waiting: vec![
                WaitingOn::Halt {
                    cause: "1 host failed".to_owned(),
                }
                .into(),
            ],
            rings: vec![lab, canary, ring("broad", "to come", 18)],
            approval: None,
            later: Vec::new(),
            early: None,
            questions: Vec::new(),
            author: None,
            coverage: None,
            overrides: Vec::new(),
            lane: None,
            lane_asked: None,
            gates: Vec::new(),
            due: None,
            not_applicable: 0,
            too_late: Vec::new(),
            hit: 1,
        }
    }

    #[test]
    fn a_halted_rollout_shows_its_lanes_the_cause_and_the_way_out() {
        let view = FleetView {
            fleet: Some("corp".to_owned()),
            stopped: None,
            observing: false,
            holds: Vec::new(),
            poisons: Vec::new(),
            unpoisonings: Vec::new(),
            advisories: Vec::new(),
            protections: ringway_engine::view::ProtectionCounts::default(),
            exceptions: Vec::new(),
            at: Timestamp(1_776_186_000_000),
            rollouts: vec![halted()],
        };
        let expected = "\
fleet corp   2026-04-14T17:00:00Z

r1  april by policy careful, started by ana   halted
  lab     ████████████████████████     2 of 2 done | promoted
> canary  ██████XXXXXX············     1 of 4 done | 1 failed | visiting
  broad   ························     0 of 18 done | to come
  waits: halted: 1 host failed
    unblocked by: a person's `resume` with a reason, `rollback` or `cancel`
  blast radius so far: 1 host
";
        assert_eq!(plain(&fleet(&view, false)), expected);
    }

    #[test]
    fn hosts_that_are_kept_are_named_with_what_keeps_them() {
        let window = WaitingOn::Window {
            for_at_least: Span::minutes(20),
            opens: Some(Timestamp(1_776_186_000_000)),
        };
        let view = RolloutView {
            state: "advancing".to_owned(),
            waiting: vec![
                WaitingOn::Visits {
                    pending: 9,
                    in_flight: 0,
                }
                .into(),
                window.clone().into(),
            ],
            kept: vec![KeptView {
                waiting: Waiting {
                    details: vec!["the host's window `nights`".to_owned()],
                    ..window.into()
                },
                hosts: vec!["web-1".to_owned(), "web-2".to_owned()],
                count: 9,
            }],
            ..halted()
        };
        let expected = "  waits: 0 visits in flight, 9 to come
    unblocked by: the end of what keeps its hosts
    9 hosts: web-1, web-2 and 7 more: no window is open for 20m more; work may run from 2026-04-14T17:00:00Z on
      unblocked by: time; earliest 2026-04-14T17:00:00Z (in 1h)
        the host's window `nights`
";
        let now = Timestamp(1_776_186_000_000 - 3_600_000);
        assert_eq!(plain(&reasons_of(&view, now)), expected);
    }

    #[test]
    fn whoever_works_by_hand_is_told_what_to_type() {
        let on = WaitingOn::ByHand {
            host: "web-1".to_owned(),
            work: "install it".to_owned(),
            since: Timestamp(0),
            due: Timestamp(1),
            overdue: false,
            evidence: false,
            outside: false,
            others: 0,
        };
        let text = plain(&reasons(&[on.into()], Timestamp(0)));
        assert!(text.ends_with("    type: ringway done web-1\n"), "{text}");
    }

    #[test]
    fn rollouts_that_are_over_make_room_for_those_that_are_not() {
        let over = RolloutView {
            is_final: true,
            state: "completed".to_owned(),
            ..halted()
        };
        let second = RolloutView {
            id: RolloutId(2),
            ..halted()
        };
        let view = FleetView {
            fleet: Some("corp".to_owned()),
            stopped: None,
            observing: false,
            holds: Vec::new(),
            poisons: Vec::new(),
            unpoisonings: Vec::new(),
            advisories: Vec::new(),
            protections: ringway_engine::view::ProtectionCounts::default(),
            exceptions: Vec::new(),
            at: Timestamp(0),
            rollouts: vec![over, second],
        };
        let (few, all) = (plain(&fleet(&view, false)), plain(&fleet(&view, true)));
        assert!(
            !few.contains("r1  ") && few.contains("r2  ") && few.contains("over and not shown: 1")
        );
        assert!(all.contains("r1  ") && all.contains("r2  "));
    }
}
