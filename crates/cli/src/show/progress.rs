//! What has changed between two views, one line each: the account that `run` gives while it works.

use ringway_engine::view::{ApprovalView, FleetView, RingView, RolloutView, Waiting};
use ringway_model::WaitingOn;

use super::fleet::state_words;
use super::words::{hosts, named, until};

/// A line for each change that a person would want to read.
pub(crate) fn changes(before: Option<&FleetView>, now: &FleetView) -> Vec<String> {
    let mut lines = Vec::new();
    let was_stopped = before.is_some_and(|view| view.stopped.is_some());
    match (&now.stopped, was_stopped) {
        (Some(on), false) => lines.push(format!("everything stopped: {on}")),
        (None, true) => lines.push("the fleet goes on".to_owned()),
        (Some(_), true) | (None, false) => {}
    }
    for rollout in &now.rollouts {
        let old = before.and_then(|view| view.rollouts.iter().find(|r| r.id == rollout.id));
        // What was over when we came is nobody's news.
        if old.is_none() && rollout.is_final {
            continue;
        }
        rollout_changes(old, rollout, now, &mut lines);
    }
    lines
}

fn rollout_changes(
    old: Option<&RolloutView>,
    new: &RolloutView,
    fleet: &FleetView,
    lines: &mut Vec<String>,
) {
    let id = named(new.id, new.change.as_ref());
    for (index, ring) in new.rings.iter().enumerate() {
        let old_ring = old.and_then(|r| r.rings.get(index));
        ring_changes(&format!("{id} {}", ring.name), old_ring, ring, fleet, lines);
    }
    if old.is_none_or(|o| o.state != new.state) {
        // A hold's reason begins with the state's own word.
        let why = new.waiting.first().filter(|_| !new.is_final);
        lines.push(match why {
            Some(waiting) if waiting.why.starts_with(&new.state) => format!("{id} {}", waiting.why),
            Some(waiting) => format!("{id} is {}: {}", state_words(new), waiting.why),
            None => format!("{id} is {}", state_words(new)),
        });
    }
    let asked = by_hand(old, new);
    lines.extend(asked.map(|asked| format!("{id} waits: {asked}")));
    let (old_wish, wish) = (old.and_then(|o| o.approval.as_ref()), new.approval.as_ref());
    let is_wanted = |wish: &&ApprovalView| wish.due && wish.by.len() < usize::from(wish.need);
    if let Some(wish) = wish
        .filter(is_wanted)
        .filter(|w| old_wish.is_none_or(|o| !o.due || o.by != w.by))
    {
        let (have, need) = (wish.by.len(), wish.need);
        lines.push(format!(
            "{id} waits for approval of {}: {have} of {need}; `ringway approve` gives one",
            wish.starts
        ));
    }
}

/// That somebody is to work by hand, where more do than before: nothing else ends that, and a `run` seems to stand still.
fn by_hand(old: Option<&RolloutView>, new: &RolloutView) -> Option<String> {
    let of = |waiting: &Waiting| {
        if let WaitingOn::ByHand { host, others, .. } = &waiting.on {
            Some((host.clone(), *others))
        } else {
            None
        }
    };
    let mut all = new.waiting.iter();
    let (waiting, (host, others)) = all.find_map(|one| Some((one, of(one)?)))?;
    let before = old.and_then(|old| old.waiting.iter().find_map(of));
    if before.is_some_and(|(was, more)| was == host && more >= others) {
        return None;
    }
    let command = waiting.on.commands(Some(new.id)).into_iter().next()?;
    Some(format!(
        "{}; `{command}` tells that it is done",
        waiting.why
    ))
}

fn ring_changes(
    name: &str,
    old: Option<&RingView>,
    new: &RingView,
    fleet: &FleetView,
    lines: &mut Vec<String>,
) {
    let count = |of: fn(&RingView) -> u32| (old.map_or(0, of), of(new));
    for (of, word) in [
        ((|r| r.done) as fn(&RingView) -> u32, "done"),
        (|r| r.failed, "failed"),
        (|r| r.again, "failed, and to be tried again"),
        (|r| r.withheld, "applied, restart withheld"),
        (|r| r.debt, "offline or held"),
        (|r| r.rolled_back, "rolled back"),
    ] {
        let (before, after) = count(of);
        if after > before && old.is_some() {
            lines.push(format!("{name}: {after} of {} {word}", new.planned));
        }
    }
    if old.is_none_or(|o| o.phase == new.phase) {
        return;
    }
    match (new.phase.as_str(), new.soak_until) {
        ("visiting", _) => lines.push(format!("{name}: begins, {}", hosts(new.planned))),
        ("soaking", Some(at)) => lines.push(format!("{name}: soaks until {}", until(fleet.at, at))),
        (phase, _) => lines.push(format!("{name}: {phase}")),
    }
}

#[cfg(test)]
mod tests {
    use ringway_engine::Subject;
    use ringway_model::{Digest, RolloutId, Timestamp};

    use super::*;

    fn wish(by: &[&str]) -> ApprovalView {
        ApprovalView {
            subject: Subject::Start,
            starts: "lab".to_owned(),
            hosts: 2,
            digest: Digest::of(b"shown"),
            need: 2,
            by: by.iter().map(|who| (*who).to_owned()).collect(),
            teams: Vec::new(),
            between: None,
            counts_from: None,
            due: true,
            failed: Vec::new(),
            ring: None,
            given: Vec::new(),
            could: Vec::new(),
            cannot: Vec::new(),
            at_least: None,
            debt: 0,
            left_out: Vec::new(),
            excepted: Vec::new(),
            held: Vec::new(),
            gates: Vec::new(),
            untested: Vec::new(),
            first_start: None,
            closed: None,
            at_once: None,
            way_back: None,
            since: None,
        }
    }

    fn view(state: &str, waiting: Option<WaitingOn>, by: &[&str]) -> FleetView {
        let one = RolloutView {
            id: RolloutId(1),
            policy: "p".to_owned(),
            update: "u".to_owned(),
            plan: Digest::of(b"plan"),
            change: None,
            starter: "ana".to_owned(),
            state: state.to_owned(),
            is_final: state == "completed",
            superseded_by: None,
            supersedes: None,
            ring: None,
            kept: Vec::new(),
            waiting: waiting.into_iter().map(Into::into).collect(),
            rings: Vec::new(),
            approval: Some(wish(by)),
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
            hit: 0,
        };
        FleetView {
            fleet: Some("f".to_owned()),
            stopped: None,
            observing: false,
            holds: Vec::new(),
            exceptions: Vec::new(),
            poisons: Vec::new(),
            unpoisonings: Vec::new(),
            advisories: Vec::new(),
            protections: ringway_engine::view::ProtectionCounts::default(),
            at: Timestamp(0),
            rollouts: vec![one],
        }
    }

    #[test]
    fn a_change_of_state_is_told_once_with_its_reason() {
        let advancing = view("advancing", None, &["ana", "ben"]);
        let halted = view(
            "halted",
            Some(WaitingOn::Halt {
                cause: "2 failed".to_owned(),
            }),
            &["ana", "ben"],
        );
        assert_eq!(changes(Some(&advancing), &halted), ["r1 halted: 2 failed"]);
        assert_eq!(changes(Some(&halted), &halted), [""; 0]);
    }

    /// Nobody must be asked for a yes that is there already.
    #[test]
    fn an_approval_is_asked_for_until_there_are_enough() {
        let (none, one, both) = (
            view("proposed", None, &[]),
            view("proposed", None, &["ana"]),
            view("proposed", None, &["ana", "ben"]),
        );
        let asks = changes(Some(&none), &one);
        assert_eq!(
            asks,
            ["r1 waits for approval of lab: 1 of 2; `ringway approve` gives one"]
        );
        assert_eq!(changes(Some(&one), &both), [""; 0]);
    }

    /// Nothing else ends it, and whoever only sees that a visit is in flight waits for ever.
    #[test]
    fn work_by_hand_is_told_once_with_the_command_that_ends_it() {
        let work = |others| {
            let on = WaitingOn::ByHand {
                host: "pacs-1".to_owned(),
                work: "install 7.4.2".to_owned(),
                since: Timestamp(0),
                due: Timestamp(1),
                overdue: false,
                evidence: true,
                outside: false,
                others,
            };
            let mut view = view("advancing", Some(on), &[]);
            view.rollouts[0].approval = None;
            view
        };
        let told = changes(None, &work(0));
        assert!(
            told.iter().any(|line| line.contains("`pacs-1` by hand")
                && line.contains("`ringway done pacs-1 --evidence FILE` tells")),
            "{told:?}"
        );
        assert_eq!(changes(Some(&work(0)), &work(0)), [""; 0]);
        assert_eq!(changes(Some(&work(1)), &work(0)), [""; 0]);
        assert_eq!(changes(Some(&work(0)), &work(1)).len(), 1);
    }

    #[test]
    fn what_was_over_before_anybody_looked_is_no_news() {
        assert_eq!(changes(None, &view("completed", None, &[])), [""; 0]);
    }
}
