//! Rings, soaks, ramps, groups, budgets and availability groups.

use std::num::NonZeroU32;

use ringway_engine::{Command, Input};
use ringway_model::{Evidence, FailWhy, RolloutId, Share, Span, StepKind, StepResult, Timestamp};
use ringway_policy::validated::Ramp;

use ringway_scheduler::lane::LanePlan;
use ringway_scheduler::times::Times;

use crate::support::{Hand, ONE, gate, group, plan};

#[test]
fn a_ring_starts_only_after_the_ring_before_it_has_soaked() {
    let (fleet, mut the_plan) = plan(&[1, 1]);
    the_plan.rings[0].soak = Span::hours(4);
    let mut hand = Hand::start((fleet, the_plan));
    assert_eq!(
        (hand.running(0), hand.running(1)),
        (Some(StepKind::Inspect), None)
    );
    assert_eq!(hand.host_waiting(1), ["earlier-ring"]);
    hand.visit(0);
    hand.pass(Span(Span::hours(4).millis() - 1));
    assert_eq!((hand.running(1), hand.waiting()), (None, vec!["soak"]));
    hand.pass(Span(1));
    assert_eq!(hand.running(1), Some(StepKind::Inspect));
}

/// A regression one tick before the soak ends halts, and the late tick must not revive the ring.
#[test]
fn regression_wins_over_a_tick_that_arrives_late() {
    let (fleet, mut the_plan) = plan(&[1, 1]);
    the_plan.rings[0].soak = Span::hours(1);
    the_plan.gates.push(gate());
    let mut hand = Hand::start((fleet, the_plan));
    hand.evidence(0, Evidence::Up);
    hand.visit(0);
    hand.evidence(0, Evidence::Up);
    hand.pass(Span::minutes(56));
    hand.evidence(0, Evidence::Down);
    hand.pass(Span::minutes(3));
    assert_eq!(hand.rollout(), "halted");
    hand.pass(Span::hours(5));
    assert_eq!((hand.rollout().as_str(), hand.running(1)), ("halted", None));
}

#[test]
fn a_soak_is_not_credited_with_the_time_ringway_was_down() {
    let (fleet, mut the_plan) = plan(&[1, 1]);
    the_plan.rings[0].soak = Span::hours(2);
    let mut hand = Hand::start((fleet, the_plan));
    hand.visit(0);
    hand.pass(Span::hours(1));
    hand.crash(Span::hours(10));
    hand.pass(Span::minutes(59));
    assert_eq!(hand.running(1), None);
    hand.pass(Span::minutes(1));
    assert_eq!(hand.running(1), Some(StepKind::Inspect));
}

#[test]
fn a_clock_that_jumps_adds_no_soak() {
    let (fleet, mut the_plan) = plan(&[1, 1]);
    the_plan.rings[0].soak = Span::hours(2);
    let mut hand = Hand::start((fleet, the_plan));
    hand.visit(0);
    hand.pass(Span::hours(1));
    let from = hand.now;
    hand.now = hand.now + Span::hours(30);
    let _ = hand.take(Input::ClockJumped { from });
    assert_eq!(hand.running(1), None);
    hand.pass(Span::hours(1));
    assert_eq!(hand.running(1), Some(StepKind::Inspect));
}

#[test]
fn a_soak_stands_still_while_too_few_hosts_report_and_nothing_is_promoted_on_silence() {
    let (fleet, mut the_plan) = plan(&[2, 1]);
    the_plan.rings[0].soak = Span::hours(1);
    the_plan.gates.push(gate());
    the_plan.gates[0].min_reporting = Share::ALL;
    let mut hand = Hand::start((fleet, the_plan));
    for host in 0..2 {
        hand.evidence(host, Evidence::Up);
        hand.visit(host);
        hand.evidence(host, Evidence::Up);
    }
    hand.pass(Span::minutes(30));
    hand.evidence(1, Evidence::Unknown);
    assert_eq!(hand.waiting(), ["blind"]);
    hand.pass(Span::hours(9));
    assert_eq!((hand.waiting(), hand.running(2)), (vec!["blind"], None));
    hand.evidence(1, Evidence::Up);
    hand.pass(Span::minutes(29));
    assert_eq!(hand.running(2), None);
    hand.evidence(2, Evidence::Up);
    hand.pass(Span::minutes(1));
    hand.evidence(2, Evidence::Up);
    assert_eq!(hand.running(2), Some(StepKind::Inspect));
}

#[test]
fn the_ramp_starts_at_one_and_doubles_with_what_settles_and_a_failure_freezes_it() {
    let (fleet, mut the_plan) = plan(&[40]);
    the_plan.pace.ramp = Ramp::Double;
    the_plan.pace.at_once = NonZeroU32::new(8).unwrap();
    the_plan.rings[0].halt_on = None;
    let mut hand = Hand::start((fleet, the_plan));
    let running = |hand: &Hand| (0..40).filter(|&host| hand.running(host).is_some()).count();
    assert_eq!(running(&hand), 1);
    hand.visit(0);
    assert_eq!(running(&hand), 2);
    hand.visit(1);
    hand.visit(2);
    assert_eq!(running(&hand), 4);
    hand.until(3, StepKind::Verify);
    hand.end(3, StepResult::Failed(FailWhy::Exit));
    for host in 4..12 {
        hand.visit(host);
    }
    assert_eq!(running(&hand), 4, "frozen");
    assert!(hand.waiting().contains(&"ramp"), "{:?}", hand.waiting());
}

#[test]
fn at_most_as_many_hosts_are_down_as_the_budget_says_and_failed_ones_count() {
    let (fleet, mut the_plan) = plan(&[6]);
    the_plan.budget_down = Some(2);
    the_plan.rings[0].halt_on = None;
    let mut hand = Hand::start((fleet, the_plan));
    let running = |hand: &Hand| (0..6).filter(|&host| hand.running(host).is_some()).count();
    assert_eq!(running(&hand), 2);
    hand.until(0, StepKind::Verify);
    hand.end(0, StepResult::Failed(FailWhy::Exit));
    hand.visit(0);
    assert_eq!(running(&hand), 1, "the failed host takes one of the two");
    assert_eq!(hand.host_waiting(5), ["budget"]);
}

#[test]
fn a_group_waits_for_the_groups_it_depends_on() {
    let (mut fleet, mut the_plan) = plan(&[4]);
    group(&mut fleet, "directory", &[0, 1], &[], None);
    group(&mut fleet, "web", &[2, 3], &[0], None);
    the_plan.rings[0].halt_on = None;
    let mut hand = Hand::start((fleet, the_plan));
    assert_eq!(
        (hand.running(2), hand.host_waiting(2)),
        (None, vec!["dependency".to_owned()])
    );
    hand.visit(0);
    assert_eq!(hand.running(2), None);
    hand.visit(1);
    assert_eq!(
        (hand.running(2), hand.running(3)),
        (Some(StepKind::Inspect), Some(StepKind::Inspect))
    );
}

#[test]
fn a_group_does_not_start_after_one_that_failed() {
    let (mut fleet, mut the_plan) = plan(&[2]);
    group(&mut fleet, "directory", &[0], &[], None);
    group(&mut fleet, "web", &[1], &[0], None);
    the_plan.rings[0].halt_on = None;
    let mut hand = Hand::start((fleet, the_plan));
    hand.until(0, StepKind::Apply);
    hand.end(0, StepResult::Failed(FailWhy::Exit));
    hand.visit(0);
    assert_eq!(
        (hand.running(1), hand.host_waiting(1)),
        (None, vec!["dependency".to_owned()])
    );
    assert!(hand.waiting().contains(&"dependency"));
}

/// What is left of a visit is a visit: a restart that was withheld waits for what its group depends on, too.
#[test]
fn a_withheld_restart_waits_while_a_group_it_depends_on_is_not_well() {
    let (mut fleet, mut the_plan) = plan(&[2]);
    group(&mut fleet, "directory", &[0], &[], None);
    group(&mut fleet, "web", &[1], &[0], None);
    the_plan.rings[0].halt_on = None;
    the_plan.gates = vec![gate()];
    let mut hand = Hand::start((fleet, the_plan));
    (0..2).for_each(|host| hand.evidence(host, Evidence::Up));
    hand.visit(0);
    hand.evidence(0, Evidence::Up);
    hand.until(1, StepKind::Apply);
    let reason = "look".to_owned();
    let rollout = ONE;
    hand.command("olga", Command::Pause { rollout, reason })
        .unwrap();
    hand.visit(1);
    assert_eq!(hand.state(1), "applied, restart withheld");
    hand.evidence(0, Evidence::Down);
    hand.pass(Span::minutes(4));
    assert!(hand.state(0).starts_with("unhealthy"), "{}", hand.state(0));
    let reason = "looked".to_owned();
    hand.command("olga", Command::Resume { rollout, reason })
        .unwrap();
    assert_eq!(hand.running(1), None);
    assert_eq!(hand.host_waiting(1), ["dependency"]);
    let host = "h0".to_owned();
    let reason = "mended".to_owned();
    let retry = Command::Retry {
        rollout,
        host,
        reason,
    };
    hand.command("olga", retry).unwrap();
    hand.visit(0);
    hand.evidence(0, Evidence::Up);
    assert_eq!(hand.running(1), Some(StepKind::Drain));
}

/// An outage is accepted where the minimum can never be met; where it can, it holds.
#[test]
fn an_accepted_outage_is_of_the_groups_that_cannot_do_without_one() {
    let (mut fleet, the_plan) = plan(&[5]);
    group(&mut fleet, "a", &[0, 1, 2, 3], &[], Some(3));
    group(&mut fleet, "b", &[4], &[], Some(3));
    for cell in &mut fleet.cells {
        cell.accept_outage = Some("site b has one".into());
        cell.down_at_most = 3;
    }
    let mut hand = Hand::start((fleet, the_plan));
    (0..5).for_each(|host| hand.evidence(host, Evidence::Up));
    let running = |hand: &Hand| (0..4).filter(|host| hand.running(*host).is_some()).count();
    assert_eq!(hand.running(4), Some(StepKind::Inspect), "it is accepted");
    assert_eq!(running(&hand), 1);
    let first = (0..4).find(|host| hand.running(*host).is_some()).unwrap();
    assert_eq!(hand.host_waiting((first + 1) % 4), ["peer-evidence"]);
    hand.visit(first);
    hand.evidence(first, Evidence::Up);
    assert_eq!(running(&hand), 1);
}

/// What hurries in a lane goes before what does not, however old that is.
#[test]
fn a_rollout_in_a_lane_goes_before_an_older_one() {
    let (fleet, mut the_plan) = plan(&[4]);
    the_plan.budget_down = Some(1);
    let mut hand = Hand::start((fleet.clone(), the_plan.clone()));
    let mut hurried = the_plan;
    hurried.update = "another".into();
    hurried.rings[0].planned = 4;
    hurried.lane = Some(LanePlan {
        name: "fast".to_owned(),
        allowed_when: "exploited".to_owned(),
        soak: None,
        ignores_windows: false,
        overrides_freezes: false,
        rings: Vec::new(),
        times: Times::default(),
    });
    hand.propose(fleet, hurried);
    let two = RolloutId(2);
    let first = (0..4).find(|host| hand.running(*host).is_some()).unwrap();
    assert!((0..4).all(|host| hand.running_in(two, host).is_none()));
    hand.visit(first);
    assert!((0..4).any(|host| hand.running_in(two, host).is_some()));
    assert!((0..4).all(|host| hand.running_in(ONE, host).is_none()));
}

#[test]
fn peers_go_one_at_a_time_and_only_on_positive_evidence() {
    let (mut fleet, the_plan) = plan(&[2]);
    group(&mut fleet, "pair", &[0, 1], &[], Some(1));
    let mut hand = Hand::start((fleet, the_plan));
    assert_eq!(
        (hand.running(0), hand.running(1)),
        (None, None),
        "nothing is known of anybody"
    );
    assert_eq!(hand.host_waiting(0), ["peer-evidence"]);
    hand.evidence(0, Evidence::Up);
    assert_eq!(hand.running(1), Some(StepKind::Inspect), "its peer is up");
    hand.evidence(1, Evidence::Up);
    assert_eq!(hand.running(0), None, "its peer is being visited");
    hand.visit(1);
    assert_eq!(
        hand.running(0),
        None,
        "what was known of its peer is from before the visit"
    );
    hand.evidence(1, Evidence::Up);
    assert_eq!(hand.running(0), Some(StepKind::Inspect));
}

#[test]
fn a_visit_turns_back_when_its_peer_goes_down_meanwhile() {
    for (at, outcome) in [
        (StepKind::Drain, "pending"),
        (StepKind::Apply, "applied, restart withheld"),
    ] {
        let (mut fleet, the_plan) = plan(&[2]);
        group(&mut fleet, "pair", &[0, 1], &[], Some(1));
        let mut hand = Hand::start((fleet, the_plan));
        hand.pass(Span::minutes(2));
        hand.evidence(0, Evidence::Up);
        hand.until(1, at);
        hand.evidence(0, Evidence::Down);
        hand.good(1);
        assert_eq!(hand.running(1), Some(StepKind::Undrain), "{at}");
        hand.good(1);
        assert_eq!(hand.state(1), outcome, "{at}");
        hand.evidence(0, Evidence::Up);
        hand.visit(1);
        assert_eq!(
            hand.state(1),
            "updated",
            "{at}: it goes on when its peer is back"
        );
    }
}

#[test]
fn two_rollouts_never_visit_one_host_at_once() {
    let (fleet, the_plan) = plan(&[2]);
    let mut hand = Hand::start((fleet.clone(), the_plan.clone()));
    let mut second = the_plan;
    second.update = "another".into();
    hand.propose(fleet, second);
    let two = RolloutId(2);
    assert_eq!(hand.running_in(two, 0), None);
    hand.visit(0);
    assert!(hand.running_in(two, 0).is_some());
    assert_eq!(hand.engine.host_views("h1")[1].waiting[0].on.name(), "busy");
}

#[test]
fn the_whole_life_of_a_rollout_is_the_same_after_a_crash_at_every_event() {
    let make = || {
        let (mut fleet, mut the_plan) = plan(&[1, 3]);
        group(&mut fleet, "pair", &[1, 2], &[], Some(1));
        the_plan.gates.push(gate());
        the_plan.pace.settle = Span::minutes(1);
        the_plan.rings[0].soak = Span::hours(1);
        Hand::start((fleet, the_plan))
    };
    let drive = |hand: &mut Hand| {
        for _ in 0..400 {
            for host in 0..4 {
                hand.evidence(host, Evidence::Up);
                if hand.running(host).is_some() {
                    hand.good(host);
                }
            }
            hand.pass(Span::minutes(1));
        }
    };
    let crash = |hand: &mut Hand| {
        hand.crash(Span::ZERO);
        (0..4).for_each(|host| hand.evidence(host, Evidence::Up));
    };
    let mut undisturbed = make();
    drive(&mut undisturbed);
    assert_eq!(undisturbed.rollout(), "completed");
    let mut disturbed = make();
    for _ in 0..150 {
        for host in 0..4 {
            disturbed.evidence(host, Evidence::Up);
            if disturbed.running(host).is_some() {
                crash(&mut disturbed);
                disturbed.good(host);
                crash(&mut disturbed);
            }
        }
        disturbed.pass(Span::minutes(1));
    }
    drive(&mut disturbed);
    assert_eq!(disturbed.rollout(), "completed");
    for host in 0..4 {
        assert_eq!(
            disturbed.steps(host),
            undisturbed.steps(host),
            "no step is lost or doubled on h{host}"
        );
    }
}

#[test]
fn a_snapshot_reads_back_to_the_same_state() {
    let (fleet, the_plan) = plan(&[2, 2]);
    let mut hand = Hand::start((fleet, the_plan));
    hand.until(0, StepKind::Apply);
    hand.command(
        "olga",
        Command::Pause {
            rollout: ONE,
            reason: "look".into(),
        },
    )
    .unwrap();
    let folded = hand.folded();
    let bytes = hand.engine.encode();
    assert_eq!(folded.encode(), bytes);
    assert!(
        ringway_engine::Engine::decode(&bytes, [].into(), [].into()).is_err(),
        "its documents are missing"
    );
    assert!(ringway_engine::Engine::decode(b"\x09nonsense", [].into(), [].into()).is_err());
}

#[test]
fn time_never_goes_backwards() {
    let (fleet, mut the_plan) = plan(&[1, 1]);
    the_plan.rings[0].soak = Span::hours(1);
    let mut hand = Hand::start((fleet, the_plan));
    hand.visit(0);
    let then = hand.now;
    hand.pass(Span::minutes(59));
    let mut out = Vec::new();
    let _ = hand.engine.handle(Timestamp(0), &Input::Tick, &mut out);
    hand.engine.advance(Timestamp(0), 10, &mut out);
    assert!(out.is_empty());
    assert_eq!(hand.engine.next_wake(), Some(then + Span::hours(1)));
}

/// What one rollout installs while another is to take the host back would be overwritten, and counted on.
#[test]
fn a_host_that_is_to_go_back_in_one_rollout_is_not_updated_by_another() {
    let (fleet, mut first) = plan(&[2]);
    first.rings[0].soak = Span::hours(1);
    first.pace.at_once = NonZeroU32::new(1).unwrap();
    let mut hand = Hand::start((fleet.clone(), first));
    hand.visit(0);
    hand.visit(1);
    let reason = "harm".to_owned();
    let rollback = Command::Rollback {
        rollout: ONE,
        reason,
    };
    hand.command("olga", rollback).unwrap();
    assert_eq!(hand.running(0), Some(StepKind::Drain));
    let (_, mut second) = plan(&[2]);
    second.update = "the fix".into();
    hand.propose(fleet, second);
    let two = RolloutId(2);
    assert_eq!(
        hand.running_in(two, 1),
        None,
        "it waits for its turn to go back"
    );
    let waiting = &hand.engine.host_views("h1")[1].waiting;
    assert_eq!(waiting[0].on.name(), "busy");
    hand.visit(0);
    hand.visit(1);
    assert!(hand.running_in(two, 0).is_some() && hand.running_in(two, 1).is_some());
}

/// A rollback must not wait for a slot that only the repair of a broken host can free.
#[test]
fn what_breaks_during_a_rollback_goes_back_first() {
    let (fleet, mut the_plan) = plan(&[3]);
    the_plan.gates.push(gate());
    the_plan.budget_down = Some(1);
    the_plan.rings[0].halt_on = None;
    the_plan.rings[0].soak = Span::hours(9);
    let mut hand = Hand::start((fleet, the_plan));
    for host in 0..3 {
        hand.evidence(host, Evidence::Up);
        hand.visit(host);
        hand.evidence(host, Evidence::Up);
    }
    let reason = "harm".to_owned();
    hand.command(
        "olga",
        Command::Rollback {
            rollout: ONE,
            reason,
        },
    )
    .unwrap();
    assert_eq!(hand.running(0), Some(StepKind::Drain));
    hand.evidence(2, Evidence::Down);
    hand.pass(Span::minutes(3));
    assert!(hand.state(2).starts_with("unhealthy") || hand.running(2).is_some());
    hand.visit(0);
    assert!(hand.running(2).is_some(), "the broken one needs no slot");
    hand.visit(2);
    hand.visit(1);
    assert_eq!(hand.rollout(), "rolled back");
}

/// Before a crash and after it, a rollout that only waits to end ends, however silent its probes are.
#[test]
fn a_cancelled_rollout_ends_although_its_probes_are_silent() {
    for crashes in [false, true] {
        let (fleet, mut the_plan) = plan(&[1]);
        the_plan.gates.push(gate());
        the_plan.pace.settle = Span::minutes(5);
        let mut hand = Hand::start((fleet, the_plan));
        hand.evidence(0, Evidence::Up);
        hand.visit(0);
        let reason = "no".to_owned();
        hand.command(
            "olga",
            Command::Cancel {
                rollout: ONE,
                reason,
            },
        )
        .unwrap();
        assert_eq!(hand.rollout(), "cancelling");
        if crashes {
            hand.crash(Span::minutes(1));
        }
        hand.pass(Span::minutes(8));
        assert_eq!(hand.rollout(), "cancelled", "crashes: {crashes}");
    }
}
