//! What a recipe fetches ahead of its visits: where, how much at once, and what follows from how it ends.

use ringway_engine::view::StageState;
use ringway_engine::{Command, Event, HoldKind};
use ringway_model::{FailWhy, Span, StepKind, StepResult, VisitKind};
use ringway_scheduler::plan::More;
use ringway_scheduler::{FleetSpec, Plan};

use crate::support::{Hand, ONE, plan, step};

/// A plan whose recipe stages, on so many hosts at once; two retries, a minute apart.
fn staging(rings: &[u32], at_once: u16) -> (FleetSpec, Plan) {
    let (fleet, mut plan) = plan(rings);
    let route = &mut plan.routes[0];
    let mut stage = step(StepKind::Stage);
    stage.more = More::Stage { at_once };
    let at = u8::try_from(route.steps.len()).unwrap();
    route.steps.push(stage);
    route.visits[0].insert(0, at);
    plan.retry.times = 1;
    plan.retry.wait = Span::minutes(1);
    // Nothing is visited by itself: what is staged is seen alone.
    plan.pace.at_once = std::num::NonZeroU32::MIN;
    (fleet, plan)
}

fn errands(hand: &Hand, host: u32) -> usize {
    let steps = hand.steps(host).into_iter();
    steps
        .filter(|(visit, _)| *visit == VisitKind::Errand)
        .count()
}

fn state(hand: &Hand, host: u32) -> Option<StageState> {
    let views = hand.engine.host_views(&format!("h{host}"));
    views[0].staged.as_ref().map(|staged| staged.state)
}

fn waits(hand: &Hand, host: u32) -> Vec<&'static str> {
    let views = hand.engine.host_views(&format!("h{host}"));
    let staged = views[0].staged.iter();
    staged
        .flat_map(|staged| staged.waiting.iter().map(|waiting| waiting.on.name()))
        .collect()
}

fn said(reason: &str) -> String {
    reason.to_owned()
}

#[test]
fn hosts_of_the_open_ring_and_of_the_next_one_are_staged_and_no_others() {
    let mut hand = Hand::start(staging(&[2, 2, 2], 10));
    // The first host is being visited: its visit stages first.
    assert_eq!(hand.steps(0), [(VisitKind::Update, StepKind::Stage)]);
    for host in 1..4 {
        assert_eq!(
            hand.steps(host),
            [(VisitKind::Errand, StepKind::Stage)],
            "h{host}"
        );
    }
    for host in 4..6 {
        assert_eq!(hand.steps(host), [], "h{host}");
        assert_eq!(state(&hand, host), None);
    }
    hand.good(1);
    hand.good(2);
    let view = hand.engine.view(hand.now);
    let staged: Vec<_> = view.rollouts[0]
        .rings
        .iter()
        .map(|ring| ring.staged)
        .collect();
    let counts = |at: usize| staged[at].map(|one| (one.done, one.running, one.failed, one.of));
    assert_eq!(counts(0), Some((1, 0, 0, 2)));
    assert_eq!(counts(1), Some((1, 1, 0, 2)));
    assert_eq!(counts(2), None);
    // A host that is staged does not fetch anything in its visit.
    hand.visit(0);
    assert_eq!(hand.running(1), Some(StepKind::Inspect));
    hand.visit(1);
    assert_eq!(errands(&hand, 4), 1, "the next ring has begun");
}

#[test]
fn an_errand_takes_no_place_in_the_pace_and_a_visit_waits_for_it() {
    let (fleet, mut plan) = staging(&[4], 1);
    plan.pace.at_once = std::num::NonZeroU32::new(2).unwrap();
    let mut hand = Hand::start((fleet, plan));
    assert_eq!(hand.running(2), Some(StepKind::Stage));
    assert_eq!(state(&hand, 2), Some(StageState::Running));
    assert_eq!(state(&hand, 3), Some(StageState::ToCome));
    assert_eq!(waits(&hand, 3), ["staging"]);
    // A visit is over, and the next one is that of the host on which the errand runs: another host goes first.
    hand.visit(0);
    assert_eq!(hand.steps(2), [(VisitKind::Errand, StepKind::Stage)]);
    assert_eq!(hand.steps(3), [(VisitKind::Update, StepKind::Stage)]);
    hand.visit(3);
    assert_eq!(hand.host_waiting(2), ["step"]);
    hand.good(2);
    assert_eq!(hand.running(2), Some(StepKind::Inspect));
}

#[test]
fn a_failed_stage_is_tried_again_and_then_left_to_the_visit_and_counts_for_nothing() {
    let mut hand = Hand::start(staging(&[1, 2], 10));
    hand.end(1, StepResult::Failed(FailWhy::Exit));
    assert_eq!(state(&hand, 1), Some(StageState::Again));
    assert_eq!(waits(&hand, 1), ["retry"]);
    hand.end(2, StepResult::Unreachable);
    hand.pass(Span::minutes(1));
    assert_eq!(hand.running(1), Some(StepKind::Stage));
    hand.end(1, StepResult::Failed(FailWhy::TimedOut));
    assert_eq!(state(&hand, 1), Some(StageState::Failed));
    hand.end(2, StepResult::Interrupted);
    assert_eq!(state(&hand, 2), Some(StageState::Failed));
    hand.pass(Span::hours(24));
    assert_eq!((errands(&hand, 1), errands(&hand, 2)), (2, 2));
    assert_eq!(
        (hand.state(1), hand.state(2)),
        (said("pending"), said("pending"))
    );
    assert_eq!(hand.rollout(), "advancing");
    hand.visit(0);
    // Its visit stages first; a failure there is one as of a check, and the host is not touched.
    assert_eq!(hand.running(1), Some(StepKind::Stage));
    hand.end(1, StepResult::Failed(FailWhy::Exit));
    hand.pass(Span::minutes(1));
    hand.end(1, StepResult::Failed(FailWhy::Exit));
    assert_eq!(hand.state(1), "failed (stage: its command failed)");
    assert_eq!(hand.rollout(), "halted");
}

#[test]
fn nothing_is_staged_in_a_held_scope_or_on_a_host_that_is_not_to_be_touched() {
    let mut hand = Hand::start(staging(&[1, 3], 1));
    assert_eq!(hand.running(1), Some(StepKind::Stage));
    let hold = Command::Hold {
        hosts: vec!["h2".into()],
        kind: HoldKind::Hold,
        reason: "an audit".into(),
        until: None,
    };
    hand.command("ana", hold).unwrap();
    hand.good(1);
    assert_eq!(waits(&hand, 2), ["host-hold"]);
    assert_eq!(
        hand.running(3),
        Some(StepKind::Stage),
        "the next one is staged"
    );
    let pause = Command::Pause {
        rollout: ONE,
        reason: "lunch".into(),
    };
    hand.command("ana", pause).unwrap();
    // What runs may end; what has not begun is not wanted any more, and begins when the rollout goes on.
    let (intent, _) = hand.running_in(ONE, 3).unwrap();
    assert!(!hand.engine.still_wanted(intent));
    hand.end(3, StepResult::NotStarted);
    assert_eq!(hand.running(3), None);
    assert_eq!(waits(&hand, 3), ["pause"]);
    let resume = Command::Resume {
        rollout: ONE,
        reason: String::new(),
    };
    hand.command("ana", resume).unwrap();
    assert_eq!(hand.running(3), Some(StepKind::Stage));
    let release = Command::Release {
        hosts: vec!["h2".into()],
        kind: HoldKind::Hold,
        reason: String::new(),
    };
    hand.command("ana", release).unwrap();
    hand.good(3);
    assert_eq!(hand.running(2), Some(StepKind::Stage));
}

#[test]
fn the_last_free_worker_is_never_given_to_an_errand() {
    let mut hand = Hand::idle();
    hand.workers = 2;
    let (fleet, plan) = staging(&[1, 4], 10);
    hand.propose(fleet, plan);
    assert_eq!(
        hand.engine.outstanding().len(),
        1,
        "the visit has the other one"
    );
    assert_eq!(waits(&hand, 1), ["worker"]);
    hand.workers = 4;
    hand.pass(Span::ZERO);
    assert_eq!(hand.engine.outstanding().len(), 3);
}

#[test]
fn an_errand_outlives_a_crash_and_its_rollout_and_is_found_again() {
    let mut hand = Hand::start(staging(&[1, 2], 1));
    let (intent, _) = hand.running_in(ONE, 1).unwrap();
    hand.crash(Span::minutes(5));
    assert!(hand.engine.outstanding().contains(&intent));
    let snapshot = hand.engine.encode();
    let decoded = hand.decoded(&snapshot);
    assert_eq!(decoded.state_digest(), hand.engine.state_digest());
    assert!(decoded.outstanding().contains(&intent));
    let cancel = Command::Cancel {
        rollout: ONE,
        reason: "no".into(),
    };
    hand.command("ana", cancel).unwrap();
    hand.visit(0);
    hand.end(1, StepResult::Done);
    assert_eq!(hand.engine.outstanding(), []);
    assert_eq!(hand.state(1), "pending");
    // A late word changes nothing.
    let before = hand.journal.len();
    let _ = hand.take(ringway_engine::Input::StepEnded {
        intent,
        result: StepResult::Done,
    });
    assert_eq!(hand.journal.len(), before);
    assert!(
        hand.journal
            .iter()
            .all(|(_, event)| !matches!(event, Event::Faulted { .. }))
    );
}

/// Whoever hands an errand out withdraws it there, and it was decided anew at once, a row of the journal each time.
#[test]
fn what_is_poisoned_or_kept_away_by_an_advisory_is_not_fetched_until_that_is_over() {
    let poison = || Command::Poison {
        what: ringway_engine::Poisoning::Rollout {
            rollout: ONE,
            releases: Vec::new(),
        },
        reason: said("it breaks logins"),
    };
    let unpoison = || Command::Unpoison {
        id: said("new"),
        build: None,
        reason: said("it was something else"),
    };
    let advise = || Command::Advise {
        advisories: vec![ringway_engine::Advisory {
            id: said("K-1"),
            source: said("us"),
            rank: ringway_model::Rank::Internal,
            about: vec![ringway_policy::validated::About {
                name: said("new"),
                build: None,
            }],
            affects: None,
            effect: ringway_model::Effect::Hold,
            fixed_by: None,
            published: None,
            reference: None,
            says: None,
        }],
    };
    let withdraw = || Command::RuleAdvisory {
        id: said("K-1"),
        ruling: ringway_engine::Ruling::Withdraw,
        reason: said("it is well"),
    };
    let cases: [(Command, Command, &str); 2] = [
        (poison(), unpoison(), "poisoned"),
        (advise(), withdraw(), "advisory"),
    ];
    for (harm, end, why) in cases {
        let mut hand = Hand::start(staging(&[1, 3], 1));
        let (intent, _) = hand.running_in(ONE, 1).unwrap();
        hand.command("ana", harm).unwrap();
        assert!(!hand.engine.still_wanted(intent), "{why}");
        hand.end(1, StepResult::NotStarted);
        assert_eq!((errands(&hand, 1), errands(&hand, 2)), (1, 0), "{why}");
        let issued = hand.journal.len();
        hand.pass(Span::minutes(5));
        assert_eq!(
            hand.journal.len(),
            issued,
            "{why}: {:?}",
            hand.journal.last()
        );
        if why == "poisoned" {
            // A host that an advisory holds is left out, and waits for nothing to be fetched.
            assert_eq!(waits(&hand, 2), [why]);
        }
        hand.command("ana", end).unwrap();
        assert_eq!(hand.running(1), Some(StepKind::Stage), "{why}");
    }
}
