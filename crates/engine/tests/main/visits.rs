//! What becomes of a host from the ends of its steps.

use ringway_model::{Evidence, FailWhy, Span, StepKind, StepResult, VisitKind};

use crate::support::{Hand, gate, plan};

fn failed() -> StepResult {
    StepResult::Failed(FailWhy::Exit)
}

#[test]
fn a_good_visit_runs_every_step_in_order_and_the_host_is_updated() {
    use StepKind::{Apply, CareVerify, Drain, Inspect, Precheck, Reboot, Undrain, Verify};
    let mut hand = Hand::start(plan(&[1]));
    hand.visit(0);
    let kinds: Vec<StepKind> = hand.steps(0).into_iter().map(|(_, kind)| kind).collect();
    assert_eq!(
        kinds,
        [
            Inspect, Precheck, Drain, Apply, Reboot, Verify, CareVerify, Undrain
        ]
    );
    assert_eq!(
        (hand.state(0).as_str(), hand.rollout().as_str()),
        ("updated", "completed")
    );
}

/// The table of what a failure at each step means: its outcome, and whether the host is put back into service.
#[test]
fn a_failure_ends_in_its_stated_outcome_and_leaves_no_host_drained() {
    for (kind, outcome, undrained) in [
        (
            StepKind::Inspect,
            "failed (inspect: its command failed)",
            false,
        ),
        (
            StepKind::Precheck,
            "failed (precheck: its command failed)",
            false,
        ),
        (StepKind::Drain, "failed (drain: its command failed)", true),
        (StepKind::Apply, "failed (apply: its command failed)", true),
        (
            StepKind::Reboot,
            "failed (reboot: its command failed)",
            true,
        ),
        (
            StepKind::Verify,
            "failed (verify: its command failed)",
            true,
        ),
        (
            StepKind::CareVerify,
            "failed (care-verify: its command failed)",
            true,
        ),
    ] {
        let mut hand = Hand::start(plan(&[1]));
        hand.until(0, kind);
        hand.end(0, failed());
        assert_eq!(hand.running(0).is_some(), undrained, "{kind}");
        hand.visit(0);
        assert_eq!(hand.state(0), outcome, "{kind}");
        assert_eq!(
            hand.steps(0).iter().any(|(_, k)| *k == StepKind::Undrain),
            undrained,
            "{kind}"
        );
        assert_eq!(hand.rollout(), "halted", "{kind}");
    }
}

#[test]
fn a_step_that_fails_twice_and_then_works_counts_as_failed_only_meanwhile() {
    let (fleet, mut the_plan) = plan(&[2, 1]);
    the_plan.retry.times = 2;
    the_plan.rings[0].halt_on = Some(2);
    let mut hand = Hand::start((fleet, the_plan));
    hand.until(0, StepKind::Apply);
    for wait in [1, 2] {
        hand.end(0, failed());
        assert_eq!(hand.host_waiting(0), ["retry"]);
        assert_eq!(hand.engine.view(hand.now).rollouts[0].hit, 1);
        hand.pass(Span::seconds(wait * 60 - 1));
        assert_eq!(hand.running(0), None, "the wait doubles");
        hand.pass(Span::seconds(1));
        assert_eq!(hand.running(0), Some(StepKind::Apply));
    }
    hand.visit(0);
    hand.visit(1);
    assert_eq!(hand.state(0), "updated");
    hand.visit(2);
    assert_eq!(hand.rollout(), "completed");
}

#[test]
fn an_unreachable_host_is_debt_before_anything_was_done_and_lost_after() {
    for (kind, outcome) in [
        (StepKind::Inspect, "offline"),
        (StepKind::Precheck, "offline"),
        (StepKind::Drain, "offline"),
        (StepKind::Apply, "lost"),
        (StepKind::Reboot, "lost"),
        (StepKind::Verify, "lost"),
        (StepKind::Undrain, "lost"),
    ] {
        let mut hand = Hand::start(plan(&[1, 1]));
        hand.until(0, kind);
        hand.end(0, StepResult::Unreachable);
        assert_eq!(hand.state(0), outcome, "{kind}");
        assert_eq!(
            hand.rollout(),
            if outcome == "lost" {
                "halted"
            } else {
                "advancing"
            },
            "{kind}"
        );
    }
}

#[test]
fn an_offline_host_is_retried_and_a_ring_waits_for_it_beyond_its_allowance() {
    let mut hand = Hand::start(plan(&[2, 1]));
    hand.visit(0);
    hand.end(1, StepResult::Unreachable);
    assert_eq!(hand.waiting(), ["debt"]);
    assert_eq!(hand.host_waiting(1), ["offline"]);
    hand.pass(Span::minutes(10));
    assert_eq!(hand.running(1), Some(StepKind::Inspect));
    hand.visit(1);
    assert_eq!(
        hand.running(2),
        Some(StepKind::Inspect),
        "the next ring opens"
    );
}

#[test]
fn a_host_that_has_the_release_already_is_not_touched() {
    let mut hand = Hand::start(plan(&[1]));
    hand.end(
        0,
        StepResult::Found {
            installed: true,
            previous: Some("new".into()),
        },
    );
    assert_eq!(
        (hand.state(0).as_str(), hand.steps(0).len()),
        ("already", 1)
    );
    assert_eq!(hand.rollout(), "completed");
}

#[test]
fn an_interrupted_apply_is_inspected_before_it_is_repeated() {
    for (installed, next) in [(true, StepKind::Reboot), (false, StepKind::Apply)] {
        let mut hand = Hand::start(plan(&[1]));
        hand.until(0, StepKind::Apply);
        hand.end(0, StepResult::Interrupted);
        assert_eq!(hand.running(0), Some(StepKind::Inspect));
        hand.end(
            0,
            StepResult::Found {
                installed,
                previous: Some("torn".into()),
            },
        );
        assert_eq!(hand.running(0), Some(next));
        assert_eq!(
            hand.engine.host_views("h0")[0].previous.as_deref(),
            Some("old"),
            "what it had stays what it had"
        );
    }
}

#[test]
fn an_apply_that_is_interrupted_again_and_again_fails() {
    let mut hand = Hand::start(plan(&[1]));
    hand.until(0, StepKind::Apply);
    for _ in 0..2 {
        hand.end(0, StepResult::Interrupted);
        hand.end(
            0,
            StepResult::Found {
                installed: false,
                previous: None,
            },
        );
    }
    assert_eq!(hand.running(0), Some(StepKind::Undrain));
    hand.visit(0);
    assert!(
        hand.state(0).starts_with("failed (apply"),
        "{}",
        hand.state(0)
    );
}

#[test]
fn a_restart_loop_or_a_host_that_does_not_come_back_is_never_tried_again() {
    for why in [FailWhy::RestartLoop, FailWhy::NotBack] {
        let (fleet, mut the_plan) = plan(&[1]);
        the_plan.retry.times = 5;
        let mut hand = Hand::start((fleet, the_plan));
        hand.until(0, StepKind::Reboot);
        hand.end(0, StepResult::Failed(why));
        hand.visit(0);
        assert!(hand.state(0).starts_with("unhealthy"), "{}", hand.state(0));
        assert_eq!(
            hand.steps(0)
                .iter()
                .filter(|(_, kind)| *kind == StepKind::Reboot)
                .count(),
            1
        );
    }
}

#[test]
fn a_step_that_never_began_is_decided_again() {
    let mut hand = Hand::start(plan(&[1]));
    hand.until(0, StepKind::Apply);
    let before = hand.steps(0).len();
    hand.end(0, StepResult::NotStarted);
    assert_eq!(hand.running(0), Some(StepKind::Apply));
    assert_eq!(hand.steps(0).len(), before + 1);
}

#[test]
fn late_and_repeated_results_change_nothing() {
    let mut hand = Hand::start(plan(&[1]));
    let (intent, _) = hand.running_in(crate::support::ONE, 0).unwrap();
    hand.good(0);
    let before = (hand.journal.len(), hand.engine.state_digest());
    for result in [
        StepResult::Done,
        failed(),
        StepResult::Unreachable,
        StepResult::NotStarted,
    ] {
        let _ = hand.take(ringway_engine::Input::StepEnded { intent, result });
    }
    let unknown =
        ringway_model::IntentId::new(ringway_model::RolloutId(9), ringway_model::Slot(9), 9);
    let _ = hand.take(ringway_engine::Input::StepEnded {
        intent: unknown,
        result: StepResult::Done,
    });
    assert_eq!((hand.journal.len(), hand.engine.state_digest()), before);
}

#[test]
fn a_host_settles_only_on_evidence_from_after_its_visit() {
    let (fleet, mut the_plan) = plan(&[1]);
    the_plan.gates.push(gate());
    the_plan.pace.settle = Span::minutes(5);
    let mut hand = Hand::start((fleet, the_plan));
    assert_eq!(hand.host_waiting(0), ["baseline"]);
    hand.evidence(0, Evidence::Up);
    hand.visit(0);
    assert_eq!(
        (hand.state(0).as_str(), hand.host_waiting(0)),
        ("settling", vec!["not-up".to_owned()])
    );
    hand.pass(Span::hours(1));
    assert_eq!(
        hand.state(0),
        "settling",
        "silence neither fails nor promotes"
    );
    hand.evidence(0, Evidence::Up);
    hand.pass(Span::minutes(4));
    assert_eq!(hand.state(0), "settling");
    hand.pass(Span::minutes(1));
    assert_eq!(
        (hand.state(0).as_str(), hand.rollout().as_str()),
        ("updated", "completed")
    );
}

#[test]
fn a_probe_that_is_down_for_too_long_makes_a_host_unhealthy_and_a_shorter_time_does_not() {
    let (fleet, mut the_plan) = plan(&[1, 1]);
    the_plan.gates.push(gate());
    the_plan.pace.settle = Span::minutes(5);
    the_plan.rings[0].soak = Span::hours(4);
    let mut hand = Hand::start((fleet, the_plan));
    hand.evidence(0, Evidence::Up);
    hand.visit(0);
    hand.evidence(0, Evidence::Down);
    hand.pass(Span::seconds(179));
    hand.evidence(0, Evidence::Up);
    hand.pass(Span::minutes(5));
    assert_eq!(
        (hand.state(0).as_str(), hand.waiting()),
        ("updated", vec!["soak"])
    );
    hand.pass(Span::hours(1));
    hand.evidence(0, Evidence::Down);
    hand.pass(Span::minutes(3));
    assert!(hand.state(0).starts_with("unhealthy"), "{}", hand.state(0));
    assert_eq!(hand.rollout(), "halted");
}

#[test]
fn more_restarts_than_said_are_harm() {
    let (fleet, mut the_plan) = plan(&[1]);
    the_plan.gates.push(gate());
    the_plan.pace.settle = Span::minutes(5);
    let mut hand = Hand::start((fleet, the_plan));
    hand.evidence(0, Evidence::Up);
    hand.visit(0);
    hand.evidence(0, Evidence::Up);
    let restart = || ringway_engine::Input::Restarted {
        host: ringway_model::HostId(0),
    };
    let _ = hand.take(restart());
    assert_eq!(
        hand.state(0),
        "settling",
        "the route allows two restarts, and its reboot was the first"
    );
    let _ = hand.take(restart());
    assert_eq!(
        hand.state(0),
        "unhealthy (the host restarted more often than said)"
    );
    assert_eq!(hand.rollout(), "halted");
}

#[test]
fn a_host_that_was_unhealthy_before_is_left_alone_until_it_is_well() {
    let (fleet, mut the_plan) = plan(&[2]);
    the_plan.gates.push(gate());
    the_plan.rings[0].debt_allowed = 1;
    the_plan.rings[0].soak = Span::hours(1);
    let mut hand = Hand::start((fleet, the_plan));
    hand.evidence(0, Evidence::Down);
    assert_eq!(
        (hand.state(0).as_str(), hand.steps(0).len()),
        ("held (unhealthy before the update)", 0)
    );
    assert_eq!(hand.host_waiting(0), ["unhealthy-before"]);
    hand.evidence(0, Evidence::Up);
    assert_eq!(hand.running(0), Some(StepKind::Inspect));
}

#[test]
fn a_rollback_takes_every_changed_host_back_and_the_broken_ones_first() {
    let (fleet, mut the_plan) = plan(&[3]);
    the_plan.pace.at_once = std::num::NonZeroU32::new(1).unwrap();
    let mut hand = Hand::start((fleet, the_plan));
    hand.visit(0);
    hand.until(1, StepKind::Verify);
    hand.end(1, failed());
    hand.visit(1);
    assert_eq!(hand.rollout(), "halted");
    let rollback = ringway_engine::Command::Rollback {
        rollout: crate::support::ONE,
        reason: "harm".into(),
    };
    assert_eq!(hand.command("olga", rollback.clone()), Ok(true));
    assert_eq!(
        hand.running(0),
        None,
        "one at once, and the broken one first"
    );
    assert_eq!(hand.running(1), Some(StepKind::Drain));
    hand.visit(1);
    hand.visit(0);
    assert_eq!(
        (
            hand.state(0).as_str(),
            hand.state(1).as_str(),
            hand.state(2).as_str()
        ),
        ("rolled back", "rolled back", "pending")
    );
    assert_eq!(hand.rollout(), "rolled back");
    assert!(
        hand.steps(0)
            .contains(&(VisitKind::Rollback, StepKind::Rollback))
    );
    assert_eq!(
        hand.command("olga", rollback),
        Ok(false),
        "asking again changes nothing"
    );
}

#[test]
fn a_rollback_that_fails_is_an_outcome_and_the_host_is_put_back_into_service() {
    let mut hand = Hand::start(plan(&[1]));
    hand.visit(0);
    hand.command(
        "olga",
        ringway_engine::Command::Rollback {
            rollout: crate::support::ONE,
            reason: "no".into(),
        },
    )
    .unwrap();
    hand.until(0, StepKind::Rollback);
    hand.end(0, failed());
    assert_eq!(hand.running(0), Some(StepKind::Undrain));
    hand.visit(0);
    assert_eq!(
        hand.state(0),
        "rollback failed (rollback: its command failed)"
    );
    assert_eq!(hand.rollout(), "rolled back");
}
