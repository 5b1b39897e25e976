//! Pause, halt, stop and cancel at every kind of step: nothing new starts, and no host is left drained (I4).

use ringway_engine::Command;
use ringway_model::{FailWhy, Span, StepKind, StepResult};

use crate::support::{Hand, ONE, plan};

fn holds() -> Vec<(&'static str, Command)> {
    let reason = || "look".to_owned();
    vec![
        (
            "pause",
            Command::Pause {
                rollout: ONE,
                reason: reason(),
            },
        ),
        (
            "halt",
            Command::Halt {
                rollout: ONE,
                reason: reason(),
            },
        ),
        ("stop", Command::Stop { reason: reason() }),
        (
            "cancel",
            Command::Cancel {
                rollout: ONE,
                reason: reason(),
            },
        ),
    ]
}

/// The two rules of a hold: before `apply` the host goes back as it was; after it, its restart is withheld.
#[test]
fn a_hold_at_any_step_ends_the_visit_by_the_two_rules() {
    use StepKind::{Apply, CareVerify, Drain, Inspect, Precheck, Reboot, Undrain, Verify};
    for (name, hold) in holds() {
        for (kind, outcome, drained) in [
            (Inspect, "pending", false),
            (Precheck, "pending", false),
            (Drain, "pending", true),
            (Apply, "applied, restart withheld", true),
            (Reboot, "updated", true),
            (Verify, "updated", true),
            (CareVerify, "updated", true),
            (Undrain, "updated", true),
        ] {
            let mut hand = Hand::start(plan(&[1, 1]));
            hand.until(0, kind);
            hand.command("olga", hold.clone()).unwrap();
            assert_eq!(hand.running(0), Some(kind), "{name}: what runs is let end");
            hand.visit(0);
            assert_eq!(hand.state(0), outcome, "{name} at {kind}");
            let undrained = hand.steps(0).iter().any(|(_, kind)| *kind == Undrain);
            assert_eq!(undrained, drained, "{name} at {kind}");
            assert_eq!(hand.running(1), None, "{name}: nothing new starts");
        }
    }
}

#[test]
fn a_host_between_two_attempts_is_not_left_drained_by_a_hold() {
    let (fleet, mut the_plan) = plan(&[1]);
    the_plan.retry.times = 3;
    the_plan.rings[0].halt_on = Some(5);
    for (name, hold) in holds() {
        let mut hand = Hand::start((fleet.clone(), the_plan.clone()));
        hand.until(0, StepKind::Apply);
        hand.end(0, StepResult::Failed(FailWhy::Exit));
        hand.command("olga", hold).unwrap();
        assert_eq!(hand.running(0), Some(StepKind::Undrain), "{name}");
        hand.visit(0);
        assert_eq!(hand.state(0), "pending", "{name}");
    }
}

#[test]
fn what_was_held_goes_on_when_the_hold_ends() {
    let mut hand = Hand::start(plan(&[2]));
    hand.until(0, StepKind::Drain);
    hand.until(1, StepKind::Apply);
    hand.command(
        "olga",
        Command::Pause {
            rollout: ONE,
            reason: "look".into(),
        },
    )
    .unwrap();
    hand.visit(0);
    hand.visit(1);
    assert_eq!(hand.host_waiting(1), ["hold-ends", "pause"]);
    hand.command(
        "olga",
        Command::Resume {
            rollout: ONE,
            reason: String::new(),
        },
    )
    .unwrap();
    assert_eq!(hand.running(0), Some(StepKind::Inspect));
    assert_eq!(
        hand.running(1),
        Some(StepKind::Drain),
        "a withheld host is not installed again"
    );
    hand.visit(0);
    hand.visit(1);
    assert_eq!(hand.rollout(), "completed");
}

#[test]
fn a_step_that_was_issued_and_has_not_begun_is_revoked_by_a_hold() {
    let mut hand = Hand::start(plan(&[1]));
    hand.until(0, StepKind::Drain);
    let (intent, _) = hand.running_in(ONE, 0).unwrap();
    assert!(hand.engine.still_wanted(intent));
    hand.command(
        "olga",
        Command::Halt {
            rollout: ONE,
            reason: "harm".into(),
        },
    )
    .unwrap();
    assert!(!hand.engine.still_wanted(intent));
    hand.end(0, StepResult::NotStarted);
    assert_eq!(
        (hand.state(0).as_str(), hand.running(0)),
        ("pending", None),
        "it was never drained"
    );
}

#[test]
fn a_halt_is_left_only_by_a_decision_and_resuming_needs_a_reason() {
    let mut hand = Hand::start(plan(&[1, 1]));
    hand.until(0, StepKind::Verify);
    hand.end(0, StepResult::Failed(FailWhy::Exit));
    hand.visit(0);
    hand.pass(Span::hours(100));
    assert_eq!((hand.rollout().as_str(), hand.running(1)), ("halted", None));
    let resume = |reason: &str| Command::Resume {
        rollout: ONE,
        reason: reason.into(),
    };
    assert_eq!(
        hand.command("olga", resume(" ")).unwrap_err().code,
        "reason-missing"
    );
    assert_eq!(
        hand.command(
            "olga",
            Command::Pause {
                rollout: ONE,
                reason: "x".into()
            }
        )
        .unwrap_err()
        .code,
        "wrong-state"
    );
    hand.command("olga", resume("the rack lost power")).unwrap();
    // Its only host failed: going on proves nothing about the update, and the ring is not promoted.
    assert_eq!(
        (hand.rollout().as_str(), hand.running(1)),
        ("advancing", None)
    );
    assert_eq!(hand.waiting(), ["gate"]);
}

#[test]
fn the_failure_that_halts_is_counted_as_the_plan_says_and_anew_after_a_resume() {
    let (fleet, mut the_plan) = plan(&[6]);
    the_plan.rings[0].halt_on = Some(2);
    let mut hand = Hand::start((fleet, the_plan));
    let fail = |hand: &mut Hand, host: u32| {
        hand.until(host, StepKind::Verify);
        hand.end(host, StepResult::Failed(FailWhy::Exit));
    };
    fail(&mut hand, 0);
    assert_eq!(hand.rollout(), "advancing");
    fail(&mut hand, 1);
    assert_eq!(hand.rollout(), "halted");
    hand.command(
        "olga",
        Command::Resume {
            rollout: ONE,
            reason: "known".into(),
        },
    )
    .unwrap();
    fail(&mut hand, 2);
    assert_eq!(hand.rollout(), "advancing");
    fail(&mut hand, 3);
    assert_eq!(hand.rollout(), "halted");
}

#[test]
fn a_stopped_fleet_starts_nothing_until_it_goes_and_soaks_stand_still() {
    let (fleet, mut the_plan) = plan(&[1, 1]);
    the_plan.rings[0].soak = Span::hours(2);
    let mut hand = Hand::start((fleet, the_plan));
    hand.visit(0);
    hand.pass(Span::hours(1));
    hand.command(
        "olga",
        Command::Stop {
            reason: "fire".into(),
        },
    )
    .unwrap();
    hand.pass(Span::hours(50));
    assert_eq!((hand.running(1), hand.waiting()[0]), (None, "stop"));
    hand.command(
        "olga",
        Command::Go {
            reason: String::new(),
        },
    )
    .unwrap();
    hand.pass(Span::minutes(59));
    assert_eq!(hand.running(1), None);
    hand.pass(Span::minutes(1));
    assert_eq!(hand.running(1), Some(StepKind::Inspect));
}

#[test]
fn a_soak_runs_through_a_pause() {
    let (fleet, mut the_plan) = plan(&[1, 1]);
    the_plan.rings[0].soak = Span::hours(2);
    let mut hand = Hand::start((fleet, the_plan));
    hand.visit(0);
    hand.command(
        "olga",
        Command::Pause {
            rollout: ONE,
            reason: "look".into(),
        },
    )
    .unwrap();
    hand.pass(Span::hours(2));
    assert_eq!(hand.running(1), None);
    hand.command(
        "olga",
        Command::Resume {
            rollout: ONE,
            reason: String::new(),
        },
    )
    .unwrap();
    assert_eq!(hand.running(1), Some(StepKind::Inspect));
}

/// What an attempt at the update did to a host is not from before the update.
#[test]
fn a_host_that_an_attempt_hurt_is_visited_again_and_not_called_unwell_before() {
    let (fleet, mut the_plan) = plan(&[1]);
    the_plan.gates.push(crate::support::gate());
    the_plan.retry.times = 3;
    the_plan.rings[0].halt_on = Some(5);
    let mut hand = Hand::start((fleet, the_plan));
    hand.evidence(0, ringway_model::Evidence::Up);
    hand.until(0, StepKind::Apply);
    hand.end(0, StepResult::Failed(FailWhy::Exit));
    let reason = "look".to_owned();
    hand.command(
        "olga",
        Command::Pause {
            rollout: ONE,
            reason,
        },
    )
    .unwrap();
    hand.visit(0);
    hand.evidence(0, ringway_model::Evidence::Down);
    let reason = String::new();
    hand.command(
        "olga",
        Command::Resume {
            rollout: ONE,
            reason,
        },
    )
    .unwrap();
    assert_eq!(hand.running(0), Some(StepKind::Inspect));
}
