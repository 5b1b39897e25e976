//! Hosts that somebody else changed: told apart from those that had the release before, no evidence, kept, and a pause.

use ringway_engine::{Command, Event, Poisoning};
use ringway_model::{Evidence, FailWhy, ProbeId, RolloutId, Span, StepKind, StepResult};
use ringway_scheduler::plan::More;
use ringway_scheduler::{FleetSpec, Plan};

use crate::support::{Hand, ONE, gate, plan};

fn found(installed: bool, content: &str) -> StepResult {
    StepResult::Found {
        installed,
        previous: Some(content.into()),
    }
}

/// A host is looked at, has something else, and a pause turns its visit back before anything is changed.
fn look_and_turn_back(hand: &mut Hand, host: u32) {
    hand.end(host, found(false, "1.0"));
    let reason = String::new();
    hand.command(
        "ana",
        Command::Pause {
            rollout: ONE,
            reason,
        },
    )
    .unwrap();
    hand.good(host);
    assert_eq!(hand.state(host), "pending");
    let reason = String::new();
    hand.command(
        "ana",
        Command::Resume {
            rollout: ONE,
            reason,
        },
    )
    .unwrap();
}

fn one_at_a_time(sizes: &[u32], pause_at: u32) -> (FleetSpec, Plan) {
    let (fleet, mut the_plan) = plan(sizes);
    the_plan.pace.at_once = 1.try_into().unwrap();
    the_plan.outside_pause_at = pause_at;
    (fleet, the_plan)
}

#[test]
fn what_was_there_when_it_was_first_looked_at_is_already_and_what_came_after_a_look_is_not() {
    let mut hand = Hand::start(one_at_a_time(&[3], 3));
    hand.end(0, found(true, "2.0"));
    assert_eq!(hand.state(0), "already");
    look_and_turn_back(&mut hand, 1);
    // Whichever comes next: the one that was looked at has the release now.
    while hand.running(1).is_none() {
        hand.visit(2);
    }
    hand.end(1, found(true, "2.0"));
    assert_eq!(hand.state(1), "changed outside (2.0, and it was 1.0)");
    let told = hand.journal.iter().find_map(|(_, event)| match event {
        Event::ChangedOutside { found, was, .. } => Some((found.clone(), was.clone())),
        _ => None,
    });
    assert_eq!(told, Some((Some("2.0".into()), "1.0".into())));
    let ring = &hand.engine.rollout(ONE).unwrap().rings[0];
    assert_eq!(ring.outside, 1);
    assert_eq!(ring.done + ring.pending + ring.visiting, 2);
}

/// The ring has nobody who was seen to be updated: nothing speaks for going on.
#[test]
fn a_ring_of_which_all_hosts_were_changed_outside_proves_nothing() {
    let mut hand = Hand::start(one_at_a_time(&[1, 1], 3));
    look_and_turn_back(&mut hand, 0);
    hand.end(0, found(true, "2.0"));
    assert_eq!(
        (hand.waiting(), hand.running(1)),
        (vec!["nobody-updated"], None)
    );
}

/// Whoever put it there: content that turns out to be harmful is found on it.
#[test]
fn what_somebody_else_installed_is_found_when_it_is_poisoned() {
    let (fleet, mut the_plan) = one_at_a_time(&[2], 3);
    the_plan.gates = vec![gate()];
    the_plan.rings[0].soak = Span::hours(1);
    let mut hand = Hand::start((fleet, the_plan));
    (0..2).for_each(|host| hand.evidence(host, Evidence::Up));
    look_and_turn_back(&mut hand, 0);
    while hand.running(0).is_none() {
        hand.visit(1);
        hand.evidence(1, Evidence::Up);
        hand.pass(Span::minutes(1));
    }
    hand.end(0, found(true, "2.0"));
    assert!(hand.state(0).starts_with("changed outside"));
    let what = Poisoning::Rollout {
        rollout: ONE,
        releases: Vec::new(),
    };
    let reason = "it breaks logins".to_owned();
    hand.command("ana", Command::Poison { what, reason })
        .unwrap();
    let has = |hand: &Hand| hand.engine.view(hand.now).poisons[0].has.clone();
    assert_eq!(has(&hand), ["h0", "h1"]);
    hand.evidence(0, Evidence::Down);
    hand.pass(Span::minutes(10));
    assert!(hand.state(0).starts_with("unhealthy"), "{}", hand.state(0));
    assert_eq!(has(&hand), ["h0", "h1"]);
}

#[test]
fn harm_on_a_host_that_was_changed_outside_is_seen() {
    let (fleet, mut the_plan) = one_at_a_time(&[2], 3);
    the_plan.gates = vec![gate()];
    the_plan.rings[0].soak = Span::hours(1);
    let mut hand = Hand::start((fleet, the_plan));
    hand.evidence(0, Evidence::Up);
    hand.evidence(1, Evidence::Up);
    look_and_turn_back(&mut hand, 0);
    while hand.running(0).is_none() {
        hand.visit(1);
        hand.evidence(1, Evidence::Up);
        hand.pass(Span::minutes(1));
    }
    hand.end(0, found(true, "2.0"));
    hand.evidence(0, Evidence::Down);
    hand.pass(Span::minutes(10));
    assert_eq!(
        hand.state(0),
        "unhealthy (its probe was down for longer than its gate allows)"
    );
    assert_eq!(hand.rollout(), "halted");
    let _ = ProbeId(0);
}

#[test]
fn more_than_the_policy_lets_pass_pause_the_rollout_once() {
    let (fleet, mut the_plan) = plan(&[4]);
    the_plan.outside_pause_at = 1;
    let mut hand = Hand::start((fleet, the_plan));
    for host in 0..4 {
        hand.end(host, found(false, "1.0"));
    }
    let reason = String::new;
    let (rollout, why) = (ONE, reason());
    let pause = Command::Pause {
        rollout,
        reason: why,
    };
    hand.command("ana", pause).unwrap();
    for host in 0..4 {
        hand.good(host);
    }
    let resume = |hand: &mut Hand| {
        let command = Command::Resume {
            rollout: ONE,
            reason: "meant".to_owned(),
        };
        hand.command("ana", command).unwrap();
    };
    resume(&mut hand);
    hand.end(0, found(true, "2.0"));
    assert_eq!(hand.rollout(), "advancing", "one is let pass");
    hand.end(1, found(true, "2.0"));
    assert_eq!(hand.rollout(), "paused");
    let view = hand.engine.rollout(ONE).unwrap();
    let why = &view.waiting[0].why;
    assert!(why.contains("2 hosts were changed outside"), "{why}");
    resume(&mut hand);
    // The third is told, and pauses nothing more.
    hand.end(2, found(true, "2.0"));
    assert_eq!(hand.state(2), "changed outside (2.0, and it was 1.0)");
    assert_eq!(hand.rollout(), "advancing");
}

/// A plan of the same update at another release, told apart by what its inspection looks for.
fn at(release: &str, (fleet, mut the_plan): (FleetSpec, Plan)) -> (FleetSpec, Plan) {
    for route in &mut the_plan.routes {
        route.release = release.into();
        for step in &mut route.steps {
            if let More::Inspect { installed_when, .. } = &mut step.more {
                *installed_when = release.into();
            }
        }
    }
    (fleet, the_plan)
}

fn in_second(hand: &mut Hand, result: StepResult) -> String {
    let (intent, kind) = hand.running_in(RolloutId(2), 0).unwrap();
    assert_eq!(kind, StepKind::Inspect);
    let _ = hand.take(ringway_engine::Input::StepEnded { intent, result });
    hand.engine.hosts_of(RolloutId(2), None)[0].words.clone()
}

#[test]
fn what_an_earlier_rollout_left_is_what_was_known() {
    for (second, words) in [
        ("2.0", "already"),
        ("3.0", "changed outside (3.0, and it was 2.0)"),
    ] {
        let (fleet, the_plan) = at("2.0", one_at_a_time(&[1], 3));
        let mut hand = Hand::start((fleet.clone(), the_plan));
        hand.visit(0);
        assert_eq!(hand.rollout(), "completed");
        let (_, next) = at(second, one_at_a_time(&[1], 3));
        hand.propose(fleet, next);
        assert_eq!(in_second(&mut hand, found(true, second)), words, "{second}");
    }
    // Nobody knows what a failed change left.
    let (fleet, the_plan) = at("2.0", one_at_a_time(&[1], 3));
    let mut hand = Hand::start((fleet.clone(), the_plan));
    hand.until(0, StepKind::Apply);
    hand.end(0, StepResult::Failed(FailWhy::Exit));
    hand.visit(0);
    let (rollout, reason) = (ONE, "no".to_owned());
    hand.command("ana", Command::Cancel { rollout, reason })
        .unwrap();
    let (_, next) = at("3.0", one_at_a_time(&[1], 3));
    hand.propose(fleet, next);
    assert_eq!(in_second(&mut hand, found(true, "3.0")), "already");
}

/// Decided alike after a crash and from a snapshot: which rollout changed a host last is made anew.
#[test]
fn what_is_known_outlives_a_crash_and_is_in_snapshots() {
    let mut hand = Hand::start(one_at_a_time(&[2], 3));
    look_and_turn_back(&mut hand, 0);
    hand.crash(Span::minutes(1));
    while hand.running(0).is_none() {
        hand.visit(1);
    }
    hand.end(0, found(true, "2.0"));
    assert_eq!(hand.state(0), "changed outside (2.0, and it was 1.0)");
    let decoded = hand.decoded(&hand.engine.encode());
    assert_eq!(decoded.state_digest(), hand.engine.state_digest());
    assert_eq!(decoded.hosts_of(ONE, None), hand.engine.hosts_of(ONE, None));
}
