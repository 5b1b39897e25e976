//! Evidence of kinds of hosts: what is counted, what waits for it, and who may let it go on without.

use ringway_engine::{Command, Event, HoldKind, Subject};
use ringway_model::{Evidence, RingIndex, Span, StepKind, StepResult, Timestamp, WaitingOn};
use ringway_policy::validated::{AlreadyUnhealthy, WhereMissing};
use ringway_scheduler::consent::Strata;
use ringway_scheduler::evidence::EvidencePlan;
use ringway_scheduler::{FleetSpec, Plan};

use crate::support::{Hand, ONE, approvals, gate, plan};

/// Rings of hosts of these strata, of which four host-hours of one host must be seen.
fn asked(rings: &[&[u16]], where_missing: WhereMissing) -> (FleetSpec, Plan) {
    let sizes: Vec<u32> = rings
        .iter()
        .map(|ring| u32::try_from(ring.len()).unwrap())
        .collect();
    let (fleet, mut the_plan) = plan(&sizes);
    the_plan.gates = vec![gate()];
    the_plan.already_unhealthy = AlreadyUnhealthy::Update;
    for ring in &mut the_plan.rings {
        ring.halt_on = None;
    }
    the_plan.evidence = Some(EvidencePlan {
        by: vec!["role".into()],
        hosts: 1,
        healthy: Span::hours(4),
        where_missing,
        strata: Strata {
            names: vec!["role=web".into(), "role=sql".into()],
            of_slot: rings.concat(),
        },
    });
    (fleet, the_plan)
}

fn hold(rings: &[&[u16]]) -> Hand {
    Hand::start(asked(rings, WhereMissing::Hold))
}

/// A host gets the update and is seen healthy.
fn update(hand: &mut Hand, host: u32) {
    hand.visit(host);
    hand.evidence(host, Evidence::Up);
}

/// Time passes, and as in the loop a row a minute says that somebody is there while anything asks for that.
fn watch(hand: &mut Hand, span: Span) {
    let until = hand.now + span;
    while hand.now + Span::minutes(1) < until {
        hand.now = hand.now + Span::minutes(1);
        let _ = hand.take(ringway_engine::Input::Alive);
    }
    hand.pass(until.since(hand.now));
}

fn healthy(hand: &Hand) -> Vec<(String, Span, Option<Timestamp>)> {
    let view = hand.engine.view(hand.now);
    let lacking = &view.rollouts[0].coverage.as_ref().unwrap().lacking;
    let told = lacking.iter();
    told.map(|one| (one.stratum.clone(), one.healthy_ms, one.until))
        .collect()
}

fn skip(hand: &mut Hand, host: &str) {
    let command = Command::Skip {
        rollout: ONE,
        host: host.into(),
        reason: "not now".into(),
    };
    hand.command("ana", command).unwrap();
}

fn accept(hand: &mut Hand, actor: &str, stratum: &str, reason: &str) -> Result<bool, String> {
    let command = Command::AcceptUntested {
        rollout: ONE,
        stratum: stratum.into(),
        reason: reason.into(),
    };
    hand.command(actor, command)
        .map_err(|rejected| rejected.code)
}

#[test]
fn a_ring_begins_when_every_stratum_it_comes_to_was_seen_healthy_for_long_enough() {
    let mut hand = hold(&[&[0, 1], &[0, 0, 1]]);
    update(&mut hand, 0);
    let begin = hand.now;
    watch(&mut hand, Span::hours(3));
    update(&mut hand, 1);
    assert_eq!(hand.waiting(), ["evidence", "evidence"]);
    let waits = hand.engine.waiting(ONE);
    let sql = waits.iter().find_map(|on| match on {
        WaitingOn::Evidence {
            stratum,
            hosts,
            healthy,
            until,
            ..
        } if stratum == "role=sql" => Some((*hosts, *healthy, *until)),
        _ => None,
    });
    let end = begin + Span::hours(7);
    assert_eq!(sql, Some((1, Span::ZERO, Some(end))));
    watch(&mut hand, Span::hours(1));
    assert_eq!(hand.waiting(), ["evidence"], "four hours of web were seen");
    assert_eq!(hand.engine.next_wake(), Some(end));
    watch(&mut hand, Span::hours(3).less(Span(1)));
    assert_eq!(hand.running(2), None);
    watch(&mut hand, Span(1));
    assert_eq!(hand.running(2), Some(StepKind::Inspect));
    assert_eq!(hand.running(4), Some(StepKind::Inspect));
}

#[test]
fn two_hosts_show_it_in_half_the_time_and_the_first_ring_waits_for_nothing() {
    let mut hand = hold(&[&[0, 0], &[0]]);
    update(&mut hand, 0);
    update(&mut hand, 1);
    assert_eq!(healthy(&hand)[0].2, Some(hand.now + Span::hours(2)));
    watch(&mut hand, Span::hours(2));
    assert_eq!(hand.running(2), Some(StepKind::Inspect));
}

/// A probe that is silent, a crash, a clock that jumped, somebody else at work: nobody saw a healthy host then.
/// No row says that anybody was there: a process that hung, or one that had nothing more to wait for.
#[test]
fn time_in_which_the_journal_was_silent_counts_for_nothing() {
    let mut hand = hold(&[&[0], &[0]]);
    update(&mut hand, 0);
    watch(&mut hand, Span::hours(1));
    assert_eq!(healthy(&hand)[0].1, Span::hours(1));
    hand.pass(Span::hours(10));
    let comment = Command::Comment {
        rollout: ONE,
        host: None,
        text: "good morning".into(),
    };
    hand.command("ana", comment).unwrap();
    let seen = healthy(&hand)[0].1;
    assert!(seen <= Span::hours(1), "{seen}: the night was not seen");
    assert_eq!(hand.running(1), None);
    watch(&mut hand, Span::hours(4));
    assert!(hand.running(1).is_some(), "it is gathered again");
}

#[test]
fn time_that_nobody_witnessed_counts_for_nothing() {
    let mut hand = hold(&[&[0], &[0]]);
    update(&mut hand, 0);
    watch(&mut hand, Span::hours(1));
    hand.evidence(0, Evidence::Unknown);
    watch(&mut hand, Span::hours(10));
    assert_eq!(healthy(&hand)[0].1, Span::hours(1));
    hand.evidence(0, Evidence::Up);
    watch(&mut hand, Span::hours(1));
    hand.crash(Span::hours(10));
    assert_eq!(healthy(&hand)[0].1, Span::hours(2), "ten hours nobody ran");
    watch(&mut hand, Span::minutes(1));
    hand.evidence(0, Evidence::Up);
    hand.now = hand.now + Span::hours(5);
    let from = hand.now - Span::hours(5);
    let _ = hand.take(ringway_engine::Input::ClockJumped { from });
    assert_eq!(
        healthy(&hand)[0].1,
        Span::hours(2),
        "the clock was set forward"
    );
    watch(&mut hand, Span::minutes(30));
    let held = |kind| Command::Hold {
        hosts: vec!["h0".into()],
        kind,
        reason: "disk".into(),
        until: None,
    };
    hand.command("ana", held(HoldKind::Hold)).unwrap();
    watch(&mut hand, Span::hours(5));
    assert_eq!(healthy(&hand)[0].1, Span::minutes(150), "it was held");
    let again = hand.decoded(&hand.engine.encode());
    assert_eq!(again.state_digest(), hand.engine.state_digest());
    let known = again.view(hand.now).rollouts[0].coverage.clone().unwrap();
    assert_eq!(known.lacking[0].healthy_ms, Span::minutes(150));
    let release = Command::Release {
        hosts: vec!["h0".into()],
        kind: HoldKind::Hold,
        reason: "done".into(),
    };
    hand.command("ana", release).unwrap();
    watch(&mut hand, Span::minutes(90));
    assert_eq!(hand.running(1), Some(StepKind::Inspect));
}

#[test]
fn a_host_that_fails_takes_what_it_showed_with_it() {
    let mut hand = hold(&[&[0, 0], &[0]]);
    update(&mut hand, 0);
    hand.visit(1);
    watch(&mut hand, Span::hours(3));
    // The second one never comes up: the first alone is not waited for by the soak, but by the ring's hosts.
    hand.evidence(0, Evidence::Down);
    watch(&mut hand, Span::minutes(3));
    assert!(hand.state(0).starts_with("unhealthy"), "{}", hand.state(0));
    hand.evidence(1, Evidence::Up);
    assert_eq!(healthy(&hand)[0].1, Span::ZERO);
    watch(&mut hand, Span::hours(4).less(Span(1)));
    assert_eq!(hand.running(2), None);
    watch(&mut hand, Span(1));
    assert_eq!(hand.running(2), Some(StepKind::Inspect));
}

#[test]
fn where_the_policy_lets_examples_go_first_one_goes_and_the_others_of_its_kind_wait() {
    let rings: [&[u16]; 2] = [&[0], &[0, 1, 1, 1]];
    let mut hand = Hand::start(asked(&rings, WhereMissing::Canary));
    update(&mut hand, 0);
    assert_eq!(hand.running(1), None, "web was seen for no time yet");
    assert_eq!(
        hand.running(2),
        Some(StepKind::Inspect),
        "the example of sql"
    );
    assert_eq!((hand.running(3), hand.running(4)), (None, None));
    hand.visit(2);
    watch(&mut hand, Span::hours(1));
    hand.evidence(2, Evidence::Up);
    let waits = hand.engine.host_waiting(ONE, ringway_model::Slot(3));
    let until = match waits.as_slice() {
        [WaitingOn::Evidence { until, .. }] => *until,
        other => panic!("{other:?}"),
    };
    assert_eq!(until, Some(hand.now + Span::hours(4)));
    watch(&mut hand, Span::hours(3));
    assert_eq!(
        hand.running(1),
        Some(StepKind::Inspect),
        "web was seen for four hours"
    );
    assert_eq!(hand.running(3), None);
    watch(&mut hand, Span::hours(1));
    assert_eq!(hand.running(3), Some(StepKind::Inspect));
    assert_eq!(hand.running(4), Some(StepKind::Inspect));
}

#[test]
fn an_example_that_fails_is_followed_by_no_other_until_a_person_says_so() {
    let rings: [&[u16]; 2] = [&[0], &[1, 1]];
    let mut hand = Hand::start(asked(&rings, WhereMissing::Canary));
    update(&mut hand, 0);
    assert_eq!(hand.running(1), Some(StepKind::Inspect));
    hand.until(1, StepKind::Apply);
    hand.end(1, StepResult::Failed(ringway_model::FailWhy::Exit));
    while hand.running(1).is_some() {
        hand.good(1);
    }
    assert!(hand.state(1).starts_with("failed"), "{}", hand.state(1));
    assert_eq!(hand.running(2), None);
    watch(&mut hand, Span::hours(20));
    assert_eq!(hand.running(2), None);
    let again = Command::Retry {
        rollout: ONE,
        host: "h1".into(),
        reason: "its disk was full".into(),
    };
    hand.command("ana", again).unwrap();
    assert_eq!(
        hand.running(1),
        Some(StepKind::Inspect),
        "it is tried again"
    );
    assert_eq!(hand.running(2), None);
}

#[test]
fn the_stratum_of_hosts_that_are_skipped_is_asked_for_no_more() {
    let mut hand = hold(&[&[0], &[0, 1]]);
    update(&mut hand, 0);
    watch(&mut hand, Span::hours(4));
    assert_eq!(hand.waiting(), ["evidence"]);
    assert_eq!(
        healthy(&hand)[0].2,
        None,
        "nobody is left who could show it"
    );
    skip(&mut hand, "h2");
    assert_eq!(hand.running(1), Some(StepKind::Inspect));
}

#[test]
fn those_who_would_let_the_ring_begin_may_let_it_go_on_untested_and_their_yes_is_asked_for_again() {
    let (fleet, mut the_plan) = asked(&[&[0], &[0, 1]], WhereMissing::Hold);
    the_plan.rings[0].after_soak = Some(approvals(1, &["ana", "ben"]));
    let mut hand = Hand::start((fleet, the_plan));
    update(&mut hand, 0);
    let yes = |hand: &mut Hand| {
        let digest = hand.engine.view(hand.now).rollouts[0]
            .approval
            .as_ref()
            .unwrap()
            .digest;
        let subject = Subject::Promotion { ring: RingIndex(0) };
        let command = Command::Approve {
            rollout: ONE,
            subject,
            digest,
        };
        hand.command("ben", command).unwrap()
    };
    assert!(yes(&mut hand));
    let before = hand.engine.view(hand.now).rollouts[0]
        .approval
        .clone()
        .unwrap();
    for (actor, stratum, reason, code) in [
        ("eve", "role=sql", "urgent", "not-allowed"),
        ("ana", "role=sql", " ", "reason-missing"),
        ("ana", "role=mail", "urgent", "not-found"),
    ] {
        assert_eq!(accept(&mut hand, actor, stratum, reason), Err(code.into()));
    }
    assert_eq!(accept(&mut hand, "ana", "role=sql", "exploited"), Ok(true));
    assert_eq!(accept(&mut hand, "ana", "role=sql", "exploited"), Ok(false));
    let after = hand.engine.view(hand.now).rollouts[0]
        .approval
        .clone()
        .unwrap();
    assert!(
        after.by.is_empty(),
        "what was said before was said of something else"
    );
    assert_ne!(before.digest, after.digest);
    let voided = hand.journal.iter().any(
        |(_, event)| matches!(event, Event::ApprovalVoided { why, .. } if why.contains("role=sql")),
    );
    assert!(voided);
    watch(&mut hand, Span::hours(4));
    assert_eq!(hand.waiting(), ["approval"]);
    assert!(yes(&mut hand));
    assert_eq!(hand.running(2), Some(StepKind::Inspect));
    assert_eq!(
        accept(&mut hand, "ana", "role=web", "exploited"),
        Err("wrong-state".into())
    );
}

#[test]
fn what_asks_for_no_evidence_has_nothing_to_accept() {
    let mut hand = Hand::start(plan(&[1, 1]));
    assert_eq!(
        accept(&mut hand, "ana", "role=sql", "urgent"),
        Err("not-allowed".into())
    );
    assert_eq!(hand.engine.view(hand.now).rollouts[0].coverage, None);
}
