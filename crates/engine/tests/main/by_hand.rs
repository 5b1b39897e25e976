//! Work that a person does by hand: asked for like any step, run by nobody, ended by a person's word alone.

use ringway_engine::{Command, Event, Exhibit, HoldKind, Told};
use ringway_model::{
    Digest, Evidence, FailWhy, HostOutcome, Span, StepKind, StepResult, WaitingOn,
};
use ringway_scheduler::plan::More;
use ringway_scheduler::{FleetSpec, Plan};

use crate::support::{Hand, ONE, gate, plan};

/// A plan in which a person applies, with evidence and in an hour; everything else is run.
fn by_hand(rings: &[u32]) -> (FleetSpec, Plan) {
    let (fleet, mut plan) = plan(rings);
    manual(&mut plan, StepKind::Apply);
    (fleet, plan)
}

fn manual(plan: &mut Plan, kind: StepKind) {
    for step in &mut plan.routes[0].steps {
        if step.kind == kind {
            step.step.timeout = Span::hours(1);
            step.more = More::Manual {
                instructions: "install it at the console".into(),
                evidence: true,
            };
        }
    }
}

#[expect(
    clippy::unnecessary_wraps,
    reason = "evidence is optional wherever it is handed in"
)]
fn exhibit() -> Option<Exhibit> {
    Some(Exhibit {
        digest: Digest::of(b"a photograph"),
        name: "photo.png".into(),
        size: 12,
    })
}

fn done(host: &str, told: Told, reason: &str, exhibit: Option<Exhibit>) -> Command {
    Command::Done {
        rollout: None,
        host: host.into(),
        told,
        reason: reason.into(),
        exhibit,
    }
}

/// A host of such a plan at which a person is to work.
fn asked(rings: &[u32]) -> Hand {
    let mut hand = Hand::start(by_hand(rings));
    hand.until(0, StepKind::Drain);
    hand.good(0);
    hand
}

#[test]
fn a_person_is_asked_and_nothing_runs_until_they_tell() {
    let mut hand = asked(&[1]);
    assert_eq!(hand.running(0), None);
    assert_eq!(hand.engine.outstanding(), []);
    assert_eq!(hand.state(0), "waiting for a person (apply by hand)");
    assert_eq!(hand.host_waiting(0), ["by-hand"]);
    assert_eq!(hand.waiting(), ["visits", "by-hand"]);
    let by = hand.engine.by_hand();
    assert_eq!(by.len(), 1);
    assert!(
        hand.command("ana", done("h0", Told::Done, "", exhibit()))
            .unwrap()
    );
    assert_eq!(hand.running(0), Some(StepKind::Reboot));
    hand.visit(0);
    assert_eq!(hand.state(0), "updated");
    let told = hand.engine.host_views("h0")[0].told.clone().unwrap();
    assert_eq!((told.told, told.by.as_str()), (Told::Done, "ana"));
    assert_eq!(told.evidence, exhibit());
    assert_eq!(hand.rollout(), "completed");
}

/// A worker that reports what it was never given changes nothing: no report stands for a person's word.
#[test]
fn no_report_ends_what_a_person_does() {
    let mut hand = asked(&[1]);
    let intent = hand.engine.by_hand()[0].0;
    for result in [
        StepResult::Done,
        StepResult::NotStarted,
        StepResult::Interrupted,
    ] {
        let before = hand.journal.len();
        let _ = hand.take(ringway_engine::Input::StepEnded { intent, result });
        assert_eq!(hand.journal.len(), before);
    }
    assert_eq!(hand.state(0), "waiting for a person (apply by hand)");
}

#[test]
fn a_word_that_does_not_fit_is_refused_with_what_would() {
    let mut hand = asked(&[1]);
    let large = exhibit().map(|file| Exhibit {
        size: (1 << 20) + 1,
        ..file
    });
    for (command, code) in [
        (done("h0", Told::Done, "it is", None), "evidence-missing"),
        (done("h0", Told::Done, "it is", large), "too-large"),
        (done("h0", Told::Failed, " ", None), "reason-missing"),
        (done("h0", Told::Untouched, "", None), "reason-missing"),
        // Nothing holds it: it would be asked for again at once.
        (done("h0", Told::Untouched, "ill", None), "wrong-state"),
        (done("h7", Told::Done, "", exhibit()), "not-found"),
    ] {
        let refused = hand.command("ana", command.clone()).unwrap_err();
        assert_eq!(refused.code, code, "{command:?}");
        assert!(refused.hint.is_some(), "{command:?}");
    }
    hand.command("ana", done("h0", Told::Done, "", exhibit()))
        .unwrap();
    // The same again, as from an inbox that is read twice, changes nothing; another word has come too late.
    assert!(
        !hand
            .command("ana", done("h0", Told::Done, "", exhibit()))
            .unwrap()
    );
    let late = hand
        .command("ben", done("h0", Told::Failed, "no", None))
        .unwrap_err();
    assert_eq!(late.code, "wrong-state");
}

/// Whoever says that it failed is not asked again at once: the host is put back into service and counts as failed and
/// down, and a person decides.
#[test]
fn work_that_failed_is_a_failure_and_is_not_repeated_by_itself() {
    let (fleet, mut plan) = by_hand(&[2]);
    plan.retry.times = 3;
    let mut hand = Hand::start((fleet, plan));
    hand.until(0, StepKind::Drain);
    hand.good(0);
    hand.command("ana", done("h0", Told::Failed, "no license", None))
        .unwrap();
    assert_eq!(hand.running(0), Some(StepKind::Undrain));
    hand.good(0);
    let outcome = hand.engine.host_views("h0")[0].outcome;
    let why = FailWhy::Person;
    assert_eq!(
        outcome,
        HostOutcome::Failed {
            step: StepKind::Apply,
            why
        }
    );
    assert_eq!(hand.rollout(), "halted");
}

#[test]
fn overdue_work_is_told_once_and_nothing_else_follows() {
    let mut hand = asked(&[1]);
    hand.pass(Span::minutes(59));
    let waits = |hand: &Hand| hand.engine.host_views("h0")[0].waiting[0].on.clone();
    let WaitingOn::ByHand {
        overdue,
        since,
        due,
        ..
    } = waits(&hand)
    else {
        panic!("{:?}", waits(&hand))
    };
    assert_eq!((overdue, due), (false, since + Span::hours(1)));
    let before = hand.journal.len();
    hand.pass(Span::minutes(2));
    hand.pass(Span::hours(72));
    let events: Vec<_> = hand.journal[before..]
        .iter()
        .map(|(_, event)| event)
        .collect();
    assert!(
        matches!(events[..], [Event::HostMoved { .. }]),
        "{events:?}"
    );
    assert!(matches!(
        waits(&hand),
        WaitingOn::ByHand { overdue: true, .. }
    ));
    hand.command("ana", done("h0", Told::Done, "", exhibit()))
        .unwrap();
    hand.visit(0);
    assert_eq!(hand.state(0), "updated");
}

/// A hold calls nobody back. What it finds done is brought back into service; what was never begun is as it was.
#[test]
fn a_hold_waits_for_the_person_and_leads_back_from_there() {
    let pause = || Command::Pause {
        rollout: ONE,
        reason: "why".into(),
    };
    for (told, exhibit, state) in [
        (Told::Done, exhibit(), "applied, restart withheld"),
        (Told::Untouched, None, "pending"),
        (
            Told::Failed,
            None,
            "failed (apply: whoever did it by hand said that it failed)",
        ),
    ] {
        let mut hand = asked(&[1]);
        hand.command("ana", pause()).unwrap();
        assert_eq!(hand.state(0), "waiting for a person (apply by hand)");
        assert_eq!(hand.waiting(), ["pause", "visits", "by-hand"]);
        hand.command("ana", done("h0", told, "so it is", exhibit))
            .unwrap();
        hand.visit(0);
        assert_eq!(hand.state(0), state);
        assert_eq!(hand.steps(0).last().unwrap().1, StepKind::Undrain);
    }
    let mut hand = asked(&[1]);
    let hold = Command::Hold {
        hosts: vec!["h0".into()],
        kind: HoldKind::Hold,
        reason: "spares are missing".into(),
        until: None,
    };
    hand.command("ana", hold).unwrap();
    hand.command("ana", done("h0", Told::Untouched, "no spares", None))
        .unwrap();
    hand.visit(0);
    assert_eq!(hand.state(0), "on hold");
}

/// Ringway may be away for as long as it likes: nobody has to be found again.
#[test]
fn a_crash_in_the_middle_loses_nothing_and_asks_nobody_twice() {
    let mut hand = asked(&[1]);
    let before = hand.engine.by_hand()[0].0;
    hand.crash(Span::hours(5));
    assert_eq!(hand.engine.outstanding(), []);
    assert_eq!(hand.engine.by_hand()[0].0, before);
    let bytes = hand.engine.encode();
    let read = hand.decoded(&bytes);
    assert_eq!(read.state_digest(), hand.engine.state_digest());
    assert_eq!(read.by_hand()[0].0, before);
    hand.command("ana", done("h0", Told::Done, "", exhibit()))
        .unwrap();
    hand.visit(0);
    assert_eq!(hand.state(0), "updated");
    let asked = |(_, event): &&_| matches!(event, Event::WorkAsked { .. });
    assert_eq!(hand.journal.iter().filter(asked).count(), 1);
}

/// A word is evidence of the work; whether the service is well is for its probe to say. Silence promotes nobody.
#[test]
fn a_word_that_it_is_done_is_no_evidence_of_health() {
    let (fleet, mut plan) = by_hand(&[1, 1]);
    plan.gates = vec![gate()];
    let mut hand = Hand::start((fleet, plan));
    hand.evidence(0, Evidence::Up);
    hand.until(0, StepKind::Drain);
    hand.good(0);
    hand.command("ana", done("h0", Told::Done, "", exhibit()))
        .unwrap();
    hand.visit(0);
    hand.pass(Span::hours(24));
    assert_eq!(hand.state(0), "settling");
    assert_eq!(hand.running(1), None);
    hand.evidence(0, Evidence::Up);
    assert_eq!(hand.state(0), "updated");
}

#[test]
fn people_take_no_worker() {
    let mut hand = Hand::idle();
    hand.workers = 1;
    let (fleet, mut plan) = by_hand(&[3]);
    // Only what a person does.
    plan.routes[0].visits[0] = vec![3];
    hand.propose(fleet, plan);
    assert_eq!(hand.engine.by_hand().len(), 3);
    let WaitingOn::ByHand { others, host, .. } = hand.engine.waiting(ONE)[1].clone() else {
        panic!("{:?}", hand.engine.waiting(ONE))
    };
    assert_eq!((host.as_str(), others), ("h0", 2));
}

/// What takes a host back may be work by hand as well; nobody is asked before the first way is given up.
#[test]
fn a_person_takes_back_by_hand() {
    let (fleet, mut plan) = plan(&[1]);
    manual(&mut plan, StepKind::Rollback);
    let mut hand = Hand::start((fleet, plan));
    hand.visit(0);
    let rollback = Command::Rollback {
        rollout: ONE,
        reason: "slow".into(),
    };
    hand.command("ana", rollback).unwrap();
    hand.until(0, StepKind::Drain);
    hand.good(0);
    assert_eq!(hand.state(0), "waiting for a person (rollback by hand)");
    hand.command("ana", done("h0", Told::Done, "", exhibit()))
        .unwrap();
    hand.visit(0);
    assert_eq!(hand.rollout(), "rolled back");
}
