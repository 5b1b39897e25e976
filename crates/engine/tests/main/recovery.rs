//! A broken host that does not answer is brought back before it is mended: whom that is for, how often, and what becomes of it.

use ringway_engine::{Command, HoldKind, Input};
use ringway_model::{AfterCrash, Evidence, FailWhy, Place, RolloutId, Span, StepKind, StepResult};
use ringway_scheduler::Plan;
use ringway_scheduler::plan::Route;

use crate::superseding::{command, fix_of, state, three_parts, visit_in, words};
use crate::support::{Hand, ONE, gate, step};

const TWO: RolloutId = RolloutId(2);

/// A route that brings its hosts back from the controller.
fn with_recovery(route: &mut Route, after_crash: AfterCrash) {
    let mut recovery = step(StepKind::Recovery);
    recovery.step.at = Place::Controller;
    recovery.step.after_crash = after_crash;
    let at = u8::try_from(route.steps.len()).unwrap();
    route.steps.push(recovery);
    route.visits[0].insert(0, at);
}

/// `h0` is broken, and its fix can bring it back.
fn broken(change: impl FnOnce(&mut Plan)) -> Hand {
    let mut hand = three_parts();
    let mut fix = fix_of(&hand, ONE);
    with_recovery(&mut fix.routes[0], AfterCrash::Inspect);
    change(&mut fix);
    let order = command(&mut hand, ONE, fix, false);
    hand.command("olga", order).unwrap();
    hand
}

fn runs(hand: &Hand) -> Option<StepKind> {
    hand.running_in(TWO, 0).map(|(_, kind)| kind)
}

fn end(hand: &mut Hand, result: StepResult) {
    let (intent, _) = hand.running_in(TWO, 0).expect("a step of h0 runs");
    let _ = hand.take(Input::StepEnded { intent, result });
}

#[test]
fn a_broken_host_that_does_not_answer_is_brought_back_and_then_mended() {
    let mut hand = broken(|_| {});
    assert_eq!(runs(&hand), Some(StepKind::Inspect), "it is asked first");
    end(&mut hand, StepResult::Unreachable);
    assert_eq!(runs(&hand), Some(StepKind::Recovery));
    end(&mut hand, StepResult::Done);
    assert_eq!(
        runs(&hand),
        Some(StepKind::Inspect),
        "it is looked at what it has"
    );
    visit_in(&mut hand, TWO, 0);
    assert_eq!(words(&hand, TWO, 0), "updated");
}

#[test]
fn a_broken_host_that_answers_is_mended_without_it() {
    let mut hand = broken(|_| {});
    visit_in(&mut hand, TWO, 0);
    assert_eq!(words(&hand, TWO, 0), "updated");
    let tried = hand.journal.iter().filter(|(_, event)| {
        matches!(event, ringway_engine::Event::StepIssued { intent, position: 0, .. } if intent.rollout() == TWO)
    });
    assert_eq!(tried.count(), 0);
}

/// One answer that was lost is no reason to cut the power.
#[test]
fn it_is_asked_as_often_as_retry_says_and_brought_back_as_often() {
    let mut hand = broken(|fix| fix.retry.times = 1);
    end(&mut hand, StepResult::Unreachable);
    assert_eq!(runs(&hand), None, "it is asked once more, in a minute");
    hand.pass(Span::minutes(1));
    assert_eq!(runs(&hand), Some(StepKind::Inspect));
    end(&mut hand, StepResult::Unreachable);
    assert_eq!(runs(&hand), Some(StepKind::Recovery));
    end(&mut hand, StepResult::Failed(FailWhy::Exit));
    hand.pass(Span::minutes(1));
    assert_eq!(runs(&hand), Some(StepKind::Recovery), "a second time");
    end(&mut hand, StepResult::Failed(FailWhy::Exit));
    assert_eq!(
        words(&hand, TWO, 0),
        "failed (recovery: its command failed)"
    );
}

#[test]
fn it_has_its_time_to_answer_and_fails_at_recovery_where_it_does_not() {
    let mut hand = broken(|_| {});
    end(&mut hand, StepResult::Unreachable);
    end(&mut hand, StepResult::Done);
    let began = hand.now;
    while runs(&hand) == Some(StepKind::Inspect) {
        end(&mut hand, StepResult::Unreachable);
        hand.pass(Span::seconds(15));
    }
    assert_eq!(
        words(&hand, TWO, 0),
        "failed (recovery: the host did not come back in time)"
    );
    let took = hand.now.since(began);
    assert!(
        took >= Span::minutes(10) && took <= Span::minutes(11),
        "{took}"
    );
    // It was the only one of its ring: nobody has shown that the fix helps.
    assert_eq!(state(&hand, TWO), "halted");
}

#[test]
fn a_host_that_comes_back_late_is_mended() {
    let mut hand = broken(|_| {});
    end(&mut hand, StepResult::Unreachable);
    end(&mut hand, StepResult::Done);
    for _ in 0..8 {
        end(&mut hand, StepResult::Unreachable);
        hand.pass(Span::seconds(15));
    }
    visit_in(&mut hand, TWO, 0);
    assert_eq!(words(&hand, TWO, 0), "updated");
}

/// Where the decider died in the middle, whether it helped is seen by whether the host answers; where it may be repeated, it is.
#[test]
fn an_interrupted_one_is_looked_up_by_asking_the_host() {
    for (after_crash, next) in [
        (AfterCrash::Inspect, StepKind::Inspect),
        (AfterCrash::Repeat, StepKind::Recovery),
    ] {
        let mut hand = broken(|fix| {
            let last = fix.routes[0].steps.last_mut().unwrap();
            last.step.after_crash = after_crash;
        });
        end(&mut hand, StepResult::Unreachable);
        hand.crash(Span::minutes(1));
        end(&mut hand, StepResult::Interrupted);
        assert_eq!(runs(&hand), Some(next), "{after_crash:?}");
        let mut restored = hand.decoded(&hand.engine.encode());
        restored.after_fold();
        assert_eq!(restored.state_digest(), hand.engine.state_digest());
    }
}

#[test]
fn a_host_that_serves_is_not_taken_down_to_be_mended() {
    let mut hand = broken(|fix| fix.gates = vec![gate()]);
    hand.evidence(0, Evidence::Up);
    end(&mut hand, StepResult::Unreachable);
    assert_eq!(
        words(&hand, TWO, 0),
        "failed (recovery: the host does not answer, and a probe finds that it serves)"
    );
}

/// A halt takes it back where it stands: nothing was begun.
#[test]
fn nobody_is_brought_back_in_a_rollout_that_is_held() {
    let mut hand = broken(|_| {});
    let halt = Command::Halt {
        rollout: TWO,
        reason: "the console is down".to_owned(),
    };
    hand.command("olga", halt).unwrap();
    end(&mut hand, StepResult::Unreachable);
    assert_eq!(runs(&hand), None);
    let resume = Command::Resume {
        rollout: TWO,
        reason: "it is up".to_owned(),
    };
    hand.command("olga", resume).unwrap();
    assert_eq!(runs(&hand), Some(StepKind::Inspect), "as down as it was");
}

/// Nor one that waits for its next attempt: somebody stands at the host meanwhile.
#[test]
fn what_brings_a_host_back_is_not_tried_again_in_a_rollout_that_is_held() {
    let mut hand = broken(|fix| fix.retry.times = 1);
    end(&mut hand, StepResult::Unreachable);
    hand.pass(Span::minutes(1));
    end(&mut hand, StepResult::Unreachable);
    assert_eq!(runs(&hand), Some(StepKind::Recovery));
    end(&mut hand, StepResult::Failed(FailWhy::Exit));
    let hold = Command::Hold {
        hosts: vec!["h0".to_owned()],
        kind: HoldKind::Hold,
        reason: "I am at its console".to_owned(),
        until: None,
    };
    hand.command("olga", hold).unwrap();
    hand.pass(Span::minutes(5));
    assert_eq!(runs(&hand), None);
    let release = Command::Release {
        hosts: vec!["h0".to_owned()],
        kind: HoldKind::Hold,
        reason: "it is as it was".to_owned(),
    };
    hand.command("olga", release).unwrap();
    assert_eq!(runs(&hand), Some(StepKind::Inspect), "it is asked first");
}

/// Who has answered is not brought back in this visit, whatever its first step was and however silent it is then.
#[test]
fn a_host_that_has_answered_is_not_brought_back() {
    let mut hand = broken(|fix| {
        let at = u8::try_from(fix.routes[0].steps.len()).unwrap();
        fix.routes[0].steps.push(step(StepKind::Stage));
        fix.routes[0].visits[0].insert(1, at);
    });
    while runs(&hand) == Some(StepKind::Stage) {
        end(&mut hand, StepResult::Done);
    }
    assert_eq!(runs(&hand), Some(StepKind::Inspect));
    end(&mut hand, StepResult::Unreachable);
    assert_ne!(runs(&hand), Some(StepKind::Recovery));
}

/// In other rings a silent host is what it was before there was such a step: the restart of `h2` was withheld.
#[test]
fn a_host_that_is_not_broken_is_never_brought_back() {
    let mut hand = broken(|_| {});
    visit_in(&mut hand, TWO, 0);
    let (intent, kind) = hand.running_in(TWO, 2).unwrap();
    assert_eq!(kind, StepKind::Inspect);
    let result = StepResult::Unreachable;
    let _ = hand.take(Input::StepEnded { intent, result });
    assert_eq!(hand.running_in(TWO, 2), None);
    assert_eq!(words(&hand, TWO, 2), "offline");
}

/// What a person says about it begins another visit, in which it may be brought back again.
#[test]
fn a_retry_brings_it_back_again() {
    let mut hand = broken(|_| {});
    end(&mut hand, StepResult::Unreachable);
    end(&mut hand, StepResult::Failed(FailWhy::Exit));
    let retry = Command::Retry {
        rollout: TWO,
        host: "h0".to_owned(),
        reason: "the console answers now".to_owned(),
    };
    hand.command("olga", retry).unwrap();
    let resume = Command::Resume {
        rollout: TWO,
        reason: "h0 is tried again".to_owned(),
    };
    hand.command("olga", resume).unwrap();
    assert_eq!(runs(&hand), Some(StepKind::Inspect));
    end(&mut hand, StepResult::Unreachable);
    assert_eq!(runs(&hand), Some(StepKind::Recovery));
}
