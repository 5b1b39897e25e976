//! What is made of hosts before they are changed: when it must be, how long it is kept, how it ends, and what is told of it.

use ringway_engine::view::{ProtectionState, ProtectionView};
use ringway_engine::{Command, Event, HoldKind};
use ringway_model::{FailWhy, Place, Span, StepKind, StepResult, VisitKind};
use ringway_scheduler::{FleetSpec, Plan};

use crate::superseding::{command, fix_of, state, visit_in};
use crate::support::{Hand, ONE, full_route, group, plan, step};

const KEEP: Span = Span::hours(48);

/// A plan whose recipe protects hosts for two days; one retry, a minute later.
fn protecting(rings: &[u32]) -> (FleetSpec, Plan) {
    let (fleet, mut plan) = plan(rings);
    let mut route = full_route();
    let at = u8::try_from(route.steps.len()).unwrap();
    route.steps.push(step(StepKind::Protect));
    route.steps.push(step(StepKind::Unprotect));
    // Behind `precheck`, in updates alone.
    route.visits[0].insert(2, at);
    plan.routes = vec![route];
    plan.retry.times = 1;
    plan.retry.wait = Span::minutes(1);
    (fleet, plan)
}

fn listed(hand: &Hand) -> Vec<ProtectionView> {
    hand.engine.protections(None)
}

fn one(hand: &Hand) -> ProtectionView {
    let mut listed = listed(hand);
    assert_eq!(listed.len(), 1, "{listed:?}");
    listed.remove(0)
}

fn count(hand: &Hand, host: u32, kind: StepKind) -> usize {
    let steps = hand.steps(host).into_iter();
    steps.filter(|(_, of)| *of == kind).count()
}

fn unprotect(host: &str) -> Command {
    Command::Unprotect {
        host: host.into(),
        rollout: None,
        reason: "the disk is full".into(),
    }
}

fn gone(host: &str) -> Command {
    Command::Unprotected {
        host: host.into(),
        rollout: None,
        reason: "removed by hand".into(),
    }
}

fn hold(host: &str) -> Command {
    Command::Hold {
        hosts: vec![host.into()],
        kind: HoldKind::Hold,
        reason: "load test".into(),
        until: None,
    }
}

fn release(host: &str) -> Command {
    Command::Release {
        hosts: vec![host.into()],
        kind: HoldKind::Hold,
        reason: String::new(),
    }
}

#[test]
fn a_host_is_protected_before_it_is_touched_and_that_is_removed_when_its_time_and_its_rollout_are_over()
 {
    let (fleet, mut plan) = protecting(&[1]);
    plan.rings[0].soak = Span::hours(72);
    let mut hand = Hand::start((fleet, plan));
    hand.until(0, StepKind::Protect);
    let order = hand
        .engine
        .order(hand.running_in(ONE, 0).unwrap().0)
        .unwrap();
    assert_eq!(order.protection.as_deref(), Some("ringway-h0-1-1"));
    hand.good(0);
    assert_eq!(hand.running(0), Some(StepKind::Drain));
    let order = hand
        .engine
        .order(hand.running_in(ONE, 0).unwrap().0)
        .unwrap();
    assert_eq!(order.protection.as_deref(), Some("snap"));
    let made = one(&hand);
    assert_eq!((made.name.as_str(), made.until), ("snap", hand.now + KEEP));
    assert_eq!(made.words, "kept until its time and r1 are over");
    hand.visit(0);
    // Its time is over, and its rollout is not: it soaks.
    hand.pass(KEEP);
    assert_eq!(one(&hand).words, "kept until r1 is over");
    assert_eq!(hand.running(0), None);
    hand.pass(Span::hours(24));
    assert_eq!(hand.rollout(), "completed");
    assert_eq!(hand.running(0), Some(StepKind::Unprotect));
    assert_eq!(one(&hand).state, ProtectionState::Removing);
    hand.good(0);
    assert_eq!(listed(&hand), []);
    assert_eq!(count(&hand, 0, StepKind::Unprotect), 1);
    assert_eq!(hand.engine.next_wake(), None);
}

#[test]
fn one_that_is_kept_outlives_its_rollout_until_its_time_is_over() {
    let mut hand = Hand::start(protecting(&[1]));
    hand.visit(0);
    assert_eq!(hand.rollout(), "completed");
    let made = one(&hand);
    assert_eq!(made.words, "kept until its time is over");
    assert_eq!(hand.engine.next_wake(), Some(made.until));
    hand.pass(KEEP.less(Span(1)));
    assert_eq!(hand.running(0), None);
    hand.pass(Span(1));
    assert_eq!(hand.running(0), Some(StepKind::Unprotect));
}

#[test]
fn what_fails_to_protect_fails_its_host_as_a_check_does_and_nothing_is_changed() {
    let mut hand = Hand::start(protecting(&[1]));
    hand.until(0, StepKind::Protect);
    hand.end(0, StepResult::Failed(FailWhy::Exit));
    hand.pass(Span::minutes(1));
    assert_eq!(hand.running(0), Some(StepKind::Protect));
    hand.end(0, StepResult::Failed(FailWhy::Unexpected));
    assert_eq!(
        hand.state(0),
        "failed (protect: its output was not what was expected)"
    );
    assert_eq!(hand.rollout(), "halted");
    for kind in [StepKind::Drain, StepKind::Apply] {
        assert_eq!(count(&hand, 0, kind), 0, "{kind}");
    }
    assert_eq!(listed(&hand), []);
}

#[test]
fn an_interrupted_attempt_is_made_again_under_the_same_name() {
    let mut hand = Hand::start(protecting(&[1]));
    hand.until(0, StepKind::Protect);
    let called = |hand: &Hand| {
        let intent = hand.running_in(ONE, 0).unwrap().0;
        hand.engine.order(intent).unwrap().protection
    };
    let first = called(&hand);
    hand.end(0, StepResult::Interrupted);
    assert_eq!(hand.running(0), Some(StepKind::Protect));
    assert_eq!(called(&hand), first);
}

#[test]
fn a_further_visit_makes_a_second_one_only_where_the_first_shows_nothing_of_use() {
    // A failed `drain` leaves the host unchanged, a failed `apply` does not.
    for (fails, after, made) in [
        (StepKind::Drain, Span::hours(1), 1),
        (StepKind::Drain, Span::hours(23), 1),
        (StepKind::Drain, Span::hours(24), 2),
        (StepKind::Apply, Span::hours(24), 1),
        (StepKind::Apply, Span::hours(400), 1),
    ] {
        let (fleet, mut plan) = protecting(&[1]);
        plan.retry.times = 0;
        let mut hand = Hand::start((fleet, plan));
        hand.until(0, fails);
        hand.end(0, StepResult::Failed(FailWhy::Exit));
        // It is put back into service.
        hand.visit(0);
        assert_eq!(hand.rollout(), "halted");
        hand.pass(after);
        let retry = Command::Retry {
            rollout: ONE,
            host: "h0".into(),
            reason: "mended".into(),
        };
        hand.command("ana", retry).unwrap();
        let resume = Command::Resume {
            rollout: ONE,
            reason: "mended".into(),
        };
        hand.command("ana", resume).unwrap();
        hand.visit(0);
        let protects = count(&hand, 0, StepKind::Protect);
        assert_eq!(protects, made, "{fails} failed {after} ago");
        assert_eq!(
            count(&hand, 0, StepKind::Apply),
            if fails == StepKind::Apply { 2 } else { 1 }
        );
    }
}

#[test]
fn one_that_was_removed_is_made_anew_and_counts_from_the_next_number_that_is_free() {
    let (fleet, mut plan) = protecting(&[1]);
    plan.retry.times = 0;
    let mut hand = Hand::start((fleet, plan));
    hand.until(0, StepKind::Drain);
    hand.end(0, StepResult::Failed(FailWhy::Exit));
    hand.visit(0);
    hand.command("ana", unprotect("h0")).unwrap();
    assert_eq!(hand.running(0), Some(StepKind::Unprotect));
    hand.good(0);
    let retry = Command::Retry {
        rollout: ONE,
        host: "h0".into(),
        reason: "mended".into(),
    };
    hand.command("ana", retry).unwrap();
    let resume = Command::Resume {
        rollout: ONE,
        reason: "mended".into(),
    };
    hand.command("ana", resume).unwrap();
    hand.until(0, StepKind::Protect);
    assert_eq!(count(&hand, 0, StepKind::Protect), 2);
    hand.good(0);
    assert_eq!(one(&hand).state, ProtectionState::Kept);
}

#[test]
fn nothing_is_removed_on_a_host_that_is_visited_or_held_or_while_everything_is_stopped() {
    let mut hand = Hand::start(protecting(&[1]));
    hand.until(0, StepKind::Apply);
    hand.command("ana", unprotect("h0")).unwrap();
    assert_eq!(one(&hand).state, ProtectionState::Ending);
    assert_eq!(one(&hand).waiting[0].on.name(), "busy");
    hand.until(0, StepKind::Undrain);
    hand.command("ana", hold("h0")).unwrap();
    hand.good(0);
    assert_eq!(hand.running(0), None);
    assert_eq!(one(&hand).waiting[0].on.name(), "host-hold");
    let stop = Command::Stop {
        reason: "power".into(),
    };
    hand.command("ana", stop).unwrap();
    hand.command("ana", release("h0")).unwrap();
    assert_eq!(one(&hand).waiting[0].on.name(), "stop");
    assert_eq!(hand.running(0), None);
    let go = Command::Go {
        reason: "power is back".into(),
    };
    hand.command("ana", go).unwrap();
    assert_eq!(hand.running(0), Some(StepKind::Unprotect));
    // Held before it has begun: it is taken back, and tried when the hold is over.
    hand.command("ana", hold("h0")).unwrap();
    let intent = hand.running_in(ONE, 0).unwrap().0;
    assert!(!hand.engine.still_wanted(intent));
    hand.end(0, StepResult::NotStarted);
    assert_eq!(hand.running(0), None);
    hand.command("ana", release("h0")).unwrap();
    assert_eq!(hand.running(0), Some(StepKind::Unprotect));
    hand.good(0);
    assert_eq!(listed(&hand), []);
}

#[test]
fn a_removal_that_fails_is_tried_for_a_day_and_is_then_a_persons() {
    let mut hand = Hand::start(protecting(&[1]));
    hand.visit(0);
    hand.pass(KEEP);
    let begun = hand.now;
    let results = [
        StepResult::Failed(FailWhy::Exit),
        StepResult::Unreachable,
        StepResult::Interrupted,
        StepResult::Failed(FailWhy::TimedOut),
        StepResult::Failed(FailWhy::Exit),
        StepResult::Failed(FailWhy::Refused),
    ];
    for (result, minutes) in results.into_iter().zip([10, 30, 90, 270, 810, 0]) {
        assert_eq!(hand.running(0), Some(StepKind::Unprotect));
        hand.end(0, result);
        assert_eq!(hand.running(0), None);
        if minutes > 0 {
            let again = hand.now + Span::minutes(minutes);
            assert_eq!(one(&hand).waiting[0].earliest, Some(again));
            hand.crash(Span::seconds(1));
            hand.pass(Span::minutes(minutes));
        }
    }
    assert!(hand.now.since(begun) < Span::hours(21));
    let left = one(&hand);
    assert_eq!(left.state, ProtectionState::Stuck);
    assert!(
        left.words.contains("the host would not let it run"),
        "{}",
        left.words
    );
    hand.pass(Span::hours(1000));
    assert_eq!(count(&hand, 0, StepKind::Unprotect), 6);
    // By a person's word it is tried again, or is gone.
    hand.command("ana", unprotect("h0")).unwrap();
    assert_eq!(hand.running(0), Some(StepKind::Unprotect));
    let refused = hand.command("ana", gone("h0")).unwrap_err();
    assert_eq!(refused.code, "wrong-state");
    hand.end(0, StepResult::Failed(FailWhy::Exit));
    assert!(hand.command("ana", gone("h0")).unwrap());
    assert_eq!(listed(&hand), []);
    assert_eq!(
        hand.command("ana", gone("h0")).unwrap_err().code,
        "not-found"
    );
}

#[test]
fn whoever_has_mended_what_a_removal_failed_of_does_not_wait_for_its_next_attempt() {
    let mut hand = Hand::start(protecting(&[1]));
    hand.visit(0);
    hand.pass(KEEP);
    hand.end(0, StepResult::Failed(FailWhy::Exit));
    assert!(
        one(&hand).words.contains("`ringway unprotect h0`"),
        "{:?}",
        one(&hand)
    );
    assert_eq!(hand.running(0), None);
    assert_eq!(hand.command("ana", unprotect("h0")), Ok(true));
    assert_eq!(hand.running(0), Some(StepKind::Unprotect));
    assert_eq!(count(&hand, 0, StepKind::Unprotect), 2);
    hand.end(0, StepResult::Done);
    assert_eq!(listed(&hand), []);
}

#[test]
fn people_say_why_and_nobody_says_it_is_gone_in_the_middle_of_a_visit() {
    let mut hand = Hand::start(protecting(&[1]));
    hand.until(0, StepKind::Apply);
    let refused = hand.command("ana", gone("h0")).unwrap_err();
    assert_eq!(refused.code, "wrong-state");
    for reason in ["", " "] {
        let silent = Command::Unprotect {
            host: "h0".into(),
            rollout: None,
            reason: reason.into(),
        };
        assert_eq!(
            hand.command("ana", silent).unwrap_err().code,
            "reason-missing"
        );
    }
    assert_eq!(
        hand.command("ana", unprotect("h7")).unwrap_err().code,
        "not-found"
    );
    assert!(hand.command("ana", unprotect("h0")).unwrap());
    assert!(
        !hand.command("ben", unprotect("h0")).unwrap(),
        "it is so already"
    );
    assert_eq!(one(&hand).by.as_deref(), Some("ana"));
}

#[test]
fn a_rollout_that_goes_back_keeps_what_its_hosts_go_back_by() {
    let mut hand = Hand::start(protecting(&[1]));
    hand.visit(0);
    // Its time is over in this very moment, and somebody wants everybody back.
    hand.now = hand.now + KEEP;
    let back = Command::Rollback {
        rollout: ONE,
        reason: "logins are slow".into(),
    };
    hand.command("ana", back).unwrap();
    assert_eq!(hand.running(0), Some(StepKind::Drain));
    hand.until(0, StepKind::Rollback);
    let order = hand
        .engine
        .order(hand.running_in(ONE, 0).unwrap().0)
        .unwrap();
    assert_eq!(order.protection.as_deref(), Some("snap"));
    assert_eq!(order.visit, VisitKind::Rollback);
    hand.until(0, StepKind::Unprotect);
    assert_eq!(hand.rollout(), "rolled back");
    hand.good(0);
    assert_eq!(listed(&hand), []);
}

/// A fix that comes to nothing leaves the bad update to be rolled back, by what was made before it.
#[test]
fn what_was_made_before_a_bad_update_is_kept_until_its_fix_is_over() {
    let mut hand = Hand::start(protecting(&[1, 1]));
    hand.until(0, StepKind::Verify);
    hand.end(0, StepResult::Failed(FailWhy::Exit));
    hand.pass(Span::minutes(1));
    hand.end(0, StepResult::Failed(FailWhy::Exit));
    hand.visit(0);
    assert_eq!(hand.rollout(), "halted");
    hand.pass(KEEP);
    let mut fix = fix_of(&hand, ONE);
    fix.rings[0].soak = Span::hours(1);
    let order = command(&mut hand, ONE, fix, true);
    hand.command("olga", order).unwrap();
    assert_eq!(hand.rollout(), "superseded");
    let two = ringway_model::RolloutId(2);
    let told = |hand: &Hand| {
        let all = listed(hand).into_iter();
        let of_one = all.filter(|one| one.rollout == ONE);
        of_one.map(|one| one.words).collect::<Vec<_>>()
    };
    assert_eq!(told(&hand), ["kept until r2 is over"]);
    visit_in(&mut hand, two, 0);
    hand.pass(Span::minutes(30));
    assert_eq!(told(&hand), ["kept until r2 is over"]);
    hand.pass(Span::minutes(30));
    while hand.running_in(two, 1).is_some() {
        visit_in(&mut hand, two, 1);
    }
    assert_eq!(state(&hand, two), "completed");
    assert_eq!(hand.running(0), Some(StepKind::Unprotect));
}

/// Somebody wants everybody back in the moment in which a removal was decided and had not begun.
#[test]
fn a_removal_that_has_not_begun_does_not_begin_once_its_rollout_goes_back() {
    let mut hand = Hand::start(protecting(&[1]));
    hand.visit(0);
    hand.pass(KEEP);
    let (intent, kind) = hand.running_in(ONE, 0).unwrap();
    assert_eq!(kind, StepKind::Unprotect);
    assert!(hand.engine.still_wanted(intent));
    let back = Command::Rollback {
        rollout: ONE,
        reason: "logins are slow".into(),
    };
    hand.command("ana", back).unwrap();
    assert!(!hand.engine.still_wanted(intent));
    hand.end(0, StepResult::NotStarted);
    hand.until(0, StepKind::Rollback);
    let order = hand.engine.order(hand.running_in(ONE, 0).unwrap().0);
    assert_eq!(order.unwrap().protection.as_deref(), Some("snap"));
}

/// Thousands of removals take a night; a fix for a fleet that has changed meanwhile does not wait for it.
#[test]
fn another_fleet_is_taken_while_something_is_removed() {
    let mut hand = Hand::start(protecting(&[2]));
    hand.visit(0);
    hand.visit(1);
    hand.pass(KEEP);
    assert_eq!(hand.running(1), Some(StepKind::Unprotect));
    // `h1` is the first host there, and `h0` the second.
    let (mut fleet, plan) = plan(&[2]);
    fleet.hosts[0].name = "h1".into();
    fleet.hosts[1].name = "h0".into();
    hand.propose(fleet, plan);
    let two = ringway_model::RolloutId(2);
    for host in [0, 1] {
        assert_eq!(hand.running_in(two, host), None, "something is removed");
    }
    // Of the second host there, which is the first of the fleet before.
    let (intent, kind) = hand.running_in(ONE, 1).unwrap();
    assert_eq!(kind, StepKind::Unprotect);
    let result = StepResult::Done;
    let _ = hand.take(ringway_engine::Input::StepEnded { intent, result });
    assert_eq!(hand.running_in(two, 0), None);
    assert!(hand.running_in(two, 1).is_some(), "it is free now");
    let bytes = hand.engine.encode();
    assert_eq!(hand.decoded(&bytes).protections(None), listed(&hand));
}

#[test]
fn a_host_in_another_fleet_is_found_by_its_name_and_one_that_is_gone_is_a_persons() {
    let mut hand = Hand::start(protecting(&[2]));
    hand.visit(0);
    hand.visit(1);
    assert_eq!(hand.rollout(), "completed");
    // Another fleet: `h0` is the second host there, and `h1` is none.
    let (mut fleet, plan) = plan(&[2]);
    fleet.hosts[0].name = "other".into();
    fleet.hosts[1].name = "h0".into();
    hand.propose(fleet, plan);
    hand.pass(KEEP);
    let views = listed(&hand);
    let states: Vec<(&str, ProtectionState)> = views
        .iter()
        .map(|one| (one.host.as_str(), one.state))
        .collect();
    assert_eq!(
        states,
        [
            ("h0", ProtectionState::Ending),
            ("h1", ProtectionState::Stuck)
        ]
    );
    assert!(
        views[1].words.contains("no longer of the fleet"),
        "{}",
        views[1].words
    );
    // The second host is being visited, by the new rollout; its visit ends first.
    assert_eq!(views[0].waiting[0].on.name(), "busy");
    let two = ringway_model::RolloutId(2);
    while let Some((intent, kind)) = hand.running_in(two, 1) {
        let result = crate::support::good(kind);
        let _ = hand.take(ringway_engine::Input::StepEnded { intent, result });
    }
    let (intent, kind) = hand.running_in(ONE, 1).unwrap();
    assert_eq!(kind, StepKind::Unprotect);
    assert_eq!(
        hand.engine.order(intent).unwrap().protection.as_deref(),
        Some("snap")
    );
    let bytes = hand.engine.encode();
    assert_eq!(hand.decoded(&bytes).protections(None), listed(&hand));
    let result = StepResult::Done;
    let _ = hand.take(ringway_engine::Input::StepEnded { intent, result });
    assert!(hand.command("ana", gone("h1")).unwrap());
    assert_eq!(listed(&hand), []);
}

#[test]
fn a_removal_on_a_peer_runs_on_one_that_is_evidently_up() {
    let (mut fleet, mut plan) = protecting(&[2]);
    for step in &mut plan.routes[0].steps {
        if step.kind == StepKind::Unprotect {
            step.step.at = Place::Peer;
        }
    }
    group(&mut fleet, "pair", &[0, 1], &[], Some(1));
    let mut hand = Hand::start((fleet, plan));
    for host in [0, 1] {
        hand.evidence(host, ringway_model::Evidence::Up);
    }
    while hand.rollout() != "completed" {
        for host in [0, 1] {
            hand.visit(host);
            hand.evidence(host, ringway_model::Evidence::Up);
        }
    }
    hand.evidence(1, ringway_model::Evidence::Unknown);
    hand.command("ana", unprotect("h0")).unwrap();
    let first = hand.engine.protections(Some("h0")).remove(0);
    assert_eq!(first.waiting[0].on.name(), "no-peer");
    hand.evidence(1, ringway_model::Evidence::Up);
    let (intent, _) = hand.running_in(ONE, 0).unwrap();
    assert_eq!(
        hand.engine.order(intent).unwrap().peer,
        Some(ringway_model::HostId(1))
    );
    let chosen =
        |event: &Event| matches!(event, Event::PeerChosen { intent: of, .. } if *of == intent);
    assert!(hand.journal.iter().any(|(_, event)| chosen(event)));
    // The peer is not of the next fleet, and nobody needs to know it any more.
    hand.good(0);
    hand.evidence(0, ringway_model::Evidence::Up);
    let (mut fleet, plan) = protecting(&[1]);
    fleet.hosts[0].name = "h0".into();
    hand.propose(fleet, plan);
    let _ = hand.decoded(&hand.engine.encode());
}

#[test]
fn the_last_free_worker_removes_only_while_nobody_is_visited() {
    let mut hand = Hand::start(protecting(&[1, 1]));
    hand.until(0, StepKind::Drain);
    hand.visit(0);
    // The second ring's host is visited, and there is one worker more.
    assert!(hand.running(1).is_some());
    hand.workers = 2;
    hand.command("ana", unprotect("h0")).unwrap();
    assert_eq!(hand.running(0), None);
    assert_eq!(
        one(&hand).words,
        "to be removed: ana wants it removed: the disk is full"
    );
    hand.visit(1);
    assert_eq!(hand.running(0), Some(StepKind::Unprotect));
}
