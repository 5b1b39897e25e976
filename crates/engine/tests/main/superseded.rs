//! What stands beside a rollout that was superseded or holds restarts back: hosts that break since, fixes by another way, other
//! rollouts, and the way back.

use ringway_engine::{Command, Event, HostState};
use ringway_model::{Evidence, FailWhy, RolloutId, Span, StepKind, StepResult};
use ringway_scheduler::Part;

use crate::superseding::{
    TWO, command, fix_of, halt, state, supersede, three_parts, visit_in, waits, words,
};
use crate::support::{Hand, ONE, approvals, gate, plan};

/// The fix came by another way than what it mends: whoever has it is not broken, and whoever was taken back from it is.
#[test]
fn a_fix_by_another_recipe_mends_and_one_that_was_taken_back_does_not() {
    for (is_taken_back, part) in [(false, Part::Latent), (true, Part::Broken)] {
        let mut hand = three_parts();
        let mut fix = fix_of(&hand, ONE);
        fix.routes[0].recipe = "out of band".into();
        let order = command(&mut hand, ONE, fix, false);
        hand.command("olga", order).unwrap();
        for host in [0, 2, 1, 3, 4] {
            visit_in(&mut hand, TWO, host);
        }
        assert_eq!(state(&hand, TWO), "completed");
        if is_taken_back {
            let back = Command::Rollback {
                rollout: TWO,
                reason: "it is no better".into(),
            };
            hand.command("olga", back).unwrap();
            visit_in(&mut hand, TWO, 0);
            assert_eq!(words(&hand, TWO, 0), "rolled back");
        }
        let situation = hand.engine.situation(TWO).unwrap();
        assert_eq!(situation.part("h0"), part, "taken back: {is_taken_back}");
        // Only what is broken is visited without a slot of the budget, and whatever its peers do.
        if !is_taken_back {
            supersede(&mut hand, TWO, false).unwrap();
            let (third, _) = hand.engine.plan_of(RolloutId(3)).unwrap();
            assert_eq!(third.rings[0].name, "latent");
        }
    }
}

/// The fix is rejected before it began: the old rollout has a way back, and no more once anybody was visited.
#[test]
fn a_rollout_goes_back_where_nobody_was_visited_in_its_place() {
    for (is_rejected, code) in [(true, None), (false, Some("wrong-state"))] {
        let (fleet, mut the_plan) = plan(&[2, 1]);
        the_plan.start = Some(approvals(1, &["ana"]));
        let mut hand = Hand::idle();
        hand.propose(fleet, the_plan);
        let approve = |hand: &mut Hand, rollout: RolloutId| {
            let of = rollout.0 as usize - 1;
            let view = hand.engine.view(hand.now).rollouts.swap_remove(of);
            let yes = Command::Approve {
                rollout,
                subject: ringway_engine::Subject::Start,
                digest: view.approval.unwrap().digest,
            };
            hand.command("ana", yes).unwrap();
        };
        let back = || Command::Rollback {
            rollout: ONE,
            reason: "the fix is none".into(),
        };
        approve(&mut hand, ONE);
        hand.visit(0);
        hand.visit(1);
        hand.visit(2);
        supersede(&mut hand, ONE, false).unwrap();
        assert_eq!(
            hand.command("olga", back()).unwrap_err().code,
            "wrong-state",
            "it may still begin"
        );
        if !is_rejected {
            approve(&mut hand, TWO);
            visit_in(&mut hand, TWO, 0);
        }
        let end = Command::Cancel {
            rollout: TWO,
            reason: "it is no fix".into(),
        };
        hand.command("ana", end).unwrap();
        for host in 0..3 {
            visit_in(&mut hand, TWO, host);
        }
        assert_eq!(state(&hand, TWO), "cancelled");
        let asked = hand.command("olga", back());
        assert_eq!(
            asked.err().map(|refused| refused.code),
            code.map(str::to_owned)
        );
        if is_rejected {
            for host in 0..3 {
                hand.visit(host);
            }
            assert_eq!(hand.rollout(), "rolled back");
        }
    }
}

/// In flight when the fix took over, and broken since: down in the account of the fix, and visited by it though it is unwell.
#[test]
fn what_breaks_after_the_decision_is_down_in_the_new_rollout() {
    for at in [StepKind::Apply, StepKind::Drain] {
        let (fleet, mut the_plan) = plan(&[2]);
        the_plan.gates = vec![gate()];
        the_plan.rings[0].halt_on = Some(9);
        the_plan.budget_down = Some(1);
        let mut hand = Hand::idle();
        hand.propose(fleet, the_plan);
        for host in 0..2 {
            hand.evidence(host, Evidence::Up);
        }
        let first = u32::from(hand.running(0).is_none());
        let other = 1 - first;
        hand.until(first, at);
        supersede(&mut hand, ONE, false).unwrap();
        if at == StepKind::Apply {
            hand.end(first, StepResult::Failed(FailWhy::Exit));
            hand.visit(first);
        } else {
            // It is out of service, and does not answer who would put it back.
            hand.good(first);
            hand.end(first, StepResult::Unreachable);
        }
        hand.evidence(first, Evidence::Down);
        assert_eq!(hand.rollout(), "superseded", "at {at}");
        let is_told = |event: &Event| {
            let again = HostState::Again;
            matches!(event, Event::HostMoved { rollout, to, .. } if (*rollout, *to) == (TWO, again))
        };
        assert!(
            hand.journal.iter().any(|(_, event)| is_told(event)),
            "at {at}"
        );
        let stands = (words(&hand, TWO, first), waits(&hand, TWO, first));
        assert!(hand.running_in(TWO, first).is_some(), "at {at}: {stands:?}");
        assert_eq!(
            hand.running_in(TWO, other),
            None,
            "at {at}: the budget is used up"
        );
        hand.crash(Span::minutes(1));
        visit_in(&mut hand, TWO, first);
        hand.evidence(first, Evidence::Up);
        hand.evidence(other, Evidence::Up);
        hand.pass(Span::minutes(1));
        assert!(hand.running_in(TWO, other).is_some(), "at {at}");
    }
}

/// A broken host whose next visit fails before anything is touched is as down as before.
#[test]
fn a_broken_host_whose_visit_fails_at_a_check_stays_down() {
    for kind in [StepKind::Inspect, StepKind::Precheck] {
        let (fleet, mut the_plan) = plan(&[2]);
        the_plan.rings[0].halt_on = Some(9);
        the_plan.budget_down = Some(1);
        the_plan.pace.at_once = std::num::NonZeroU32::MIN;
        let mut hand = Hand::start((fleet, the_plan));
        hand.until(0, StepKind::Reboot);
        hand.end(0, StepResult::Failed(FailWhy::NotBack));
        hand.visit(0);
        assert_eq!(hand.running(1), None, "the budget is used up");
        let again = Command::Retry {
            rollout: ONE,
            host: "h0".into(),
            reason: "rebuilt".into(),
        };
        hand.command("ana", again).unwrap();
        hand.until(0, kind);
        hand.end(0, StepResult::Failed(FailWhy::Exit));
        assert_eq!(hand.state(0), "unhealthy (its command failed)", "{kind}");
        assert_eq!(hand.running(1), None, "{kind}: it is as down as before");
    }
}

/// One rollout keeps a host from restarting into what it installed; no other one restarts it, but the one in its place.
#[test]
fn a_restart_that_is_withheld_is_no_other_rollouts_either() {
    let halted = || {
        let mut hand = Hand::start(plan(&[1]));
        hand.until(0, StepKind::Apply);
        halt(&mut hand);
        hand.visit(0);
        assert_eq!(hand.state(0), "applied, restart withheld");
        hand
    };
    let other = |restarts: bool| {
        let (fleet, mut other) = plan(&[1]);
        other.update = "other".into();
        other.routes[0].release = "other".into();
        other.routes[0].recipe = "other".into();
        if !restarts {
            other.routes[0].visits[0].retain(|step| *step != 4);
        }
        (fleet, other)
    };
    let propose = |hand: &mut Hand, restarts: bool| {
        let (fleet, plan) = other(restarts);
        hand.propose(fleet, plan);
    };
    let mut hand = halted();
    propose(&mut hand, true);
    assert_eq!(waits(&hand, TWO, 0), ["withheld"]);
    hand.crash(Span::minutes(1));
    assert_eq!(waits(&hand, TWO, 0), ["withheld"]);
    let resume = Command::Resume {
        rollout: ONE,
        reason: "it was something else".into(),
    };
    hand.command("olga", resume).unwrap();
    hand.visit(0);
    visit_in(&mut hand, TWO, 0);
    assert_eq!(words(&hand, TWO, 0), "updated");
    // What restarts nobody goes on; what is over keeps it as well.
    let mut hand = halted();
    let cancel = Command::Cancel {
        rollout: ONE,
        reason: "no".into(),
    };
    hand.command("olga", cancel).unwrap();
    propose(&mut hand, false);
    visit_in(&mut hand, TWO, 0);
    assert_eq!(words(&hand, TWO, 0), "updated");
    let (fleet, mut third) = other(true);
    third.update = "third".into();
    hand.propose(fleet, third);
    let three = RolloutId(3);
    assert_eq!(waits(&hand, three, 0), ["withheld"]);
    // Whoever takes its place brings the fix first; then others may.
    supersede(&mut hand, ONE, false).unwrap();
    let four = RolloutId(4);
    assert_eq!(hand.running_in(three, 0), None);
    visit_in(&mut hand, four, 0);
    assert_eq!(words(&hand, four, 0), "updated");
    visit_in(&mut hand, three, 0);
    assert_eq!(words(&hand, three, 0), "updated");
}

/// Success that was none: the key was another rollout's, and the bad update was neither ended nor poisoned.
#[test]
fn the_key_of_another_rollout_is_refused_and_its_own_is_known_again() {
    let with_key = |order: Command, wanted: &str| match order {
        Command::Supersede {
            rollout,
            fleet,
            plan,
            change,
            poison,
            reason,
            ..
        } => Command::Supersede {
            rollout,
            fleet,
            plan,
            key: Some(wanted.to_owned()),
            change,
            poison,
            reason,
        },
        other => other,
    };
    let mut hand = Hand::idle();
    let (fleet, the_plan) = plan(&[1, 1]);
    hand.propose(fleet, the_plan);
    hand.until(0, StepKind::Apply);
    let (fleet, known) = (hand.fleets[0].0, hand.plans[0].0);
    let propose = Command::Propose {
        fleet,
        plan: known,
        key: Some("c".into()),
    };
    hand.command("olga", propose).unwrap();
    let fix = fix_of(&hand, ONE);
    let order = command(&mut hand, ONE, fix, true);
    let refused = hand.command("olga", with_key(order.clone(), "c"));
    assert_eq!(refused.unwrap_err().code, "key-taken");
    assert_eq!(hand.rollout(), "advancing");
    assert!(hand.command("olga", with_key(order.clone(), "d")).unwrap());
    assert!(!hand.command("olga", with_key(order, "d")).unwrap());
}
