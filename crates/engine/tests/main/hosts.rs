//! What people say of single hosts: not to be touched, somebody else's work, left out, visited again.

use ringway_engine::{Command, Engine, Event, HoldKind};
use ringway_model::{
    Evidence, FailWhy, HostId, ProbeId, Span, StepKind, StepResult, Timestamp, VisitKind,
};

use crate::support::{Hand, ONE, gate, group, plan};

fn name(host: u32) -> String {
    format!("h{host}")
}

fn hold(hand: &mut Hand, host: u32, kind: HoldKind, until: Option<Timestamp>) -> bool {
    let command = Command::Hold {
        hosts: vec![name(host)],
        kind,
        reason: "month end".into(),
        until,
    };
    hand.command("ana", command).unwrap()
}

fn release(hand: &mut Hand, host: u32, kind: HoldKind) -> bool {
    let command = Command::Release {
        hosts: vec![name(host)],
        kind,
        reason: String::new(),
    };
    hand.command("ben", command).unwrap()
}

fn skip(hand: &mut Hand, host: u32, reason: &str) -> Result<bool, String> {
    let command = Command::Skip {
        rollout: ONE,
        host: name(host),
        reason: reason.into(),
    };
    hand.command("ana", command).map_err(|no| no.code)
}

fn retry(hand: &mut Hand, host: u32, reason: &str) -> Result<bool, String> {
    let command = Command::Retry {
        rollout: ONE,
        host: name(host),
        reason: reason.into(),
    };
    hand.command("ana", command).map_err(|no| no.code)
}

/// Two rings of two hosts, one at a time, a failure allowed.
fn two_rings() -> Hand {
    let (fleet, mut the_plan) = plan(&[2, 2]);
    the_plan.pace.at_once = 1.try_into().unwrap();
    the_plan.rings[0].halt_on = Some(2);
    the_plan.rings[0].debt_allowed = 1;
    Hand::start((fleet, the_plan))
}

#[test]
fn a_held_host_is_not_visited_and_is_once_it_is_released() {
    let mut hand = two_rings();
    assert!(hold(&mut hand, 1, HoldKind::Hold, None));
    assert!(
        !hold(&mut hand, 1, HoldKind::Hold, None),
        "it is so already"
    );
    hand.visit(0);
    assert_eq!(hand.running(1), None);
    assert_eq!(
        (hand.state(1), hand.host_waiting(1)),
        ("on hold".into(), vec!["host-hold".to_owned()])
    );
    // One host may be left behind in that ring: the rollout goes on without it, and comes back to it.
    assert_eq!(hand.running(2), Some(StepKind::Inspect));
    let views = hand.engine.view(hand.now).holds;
    assert_eq!(
        (views.len(), views[0].hosts.as_slice()),
        (1, [name(1)].as_slice())
    );
    hand.visit(2);
    assert!(release(&mut hand, 1, HoldKind::Hold));
    assert!(!release(&mut hand, 1, HoldKind::Hold), "it is so already");
    hand.visit(3);
    hand.visit(1);
    assert_eq!(
        (hand.state(1), hand.rollout()),
        ("updated".into(), "completed".into())
    );
}

#[test]
fn a_hold_ends_by_itself_and_not_before_its_time() {
    let mut hand = two_rings();
    let until = hand.now + Span::hours(1);
    hold(&mut hand, 0, HoldKind::Hold, Some(until));
    hand.visit(0);
    assert_eq!(hand.state(0), "on hold");
    assert_eq!(hand.engine.next_wake(), Some(until));
    hand.pass(Span::minutes(59));
    assert_eq!(hand.state(0), "on hold");
    hand.pass(Span::minutes(1));
    assert_eq!(hand.state(0), "pending");
    assert!(hand.engine.view(hand.now).holds.is_empty());
}

/// The same as a pause, for one host: what it was begun with is undone, and the others go on.
#[test]
fn a_hold_in_the_middle_of_a_visit_brings_the_host_back_into_service_at_every_step() {
    for (kind, then, state) in [
        (StepKind::Inspect, None, "on hold"),
        (StepKind::Precheck, None, "on hold"),
        (StepKind::Drain, Some(StepKind::Undrain), "on hold"),
        (
            StepKind::Apply,
            Some(StepKind::Undrain),
            "applied, restart withheld",
        ),
        (StepKind::Reboot, Some(StepKind::Verify), "updated"),
        (StepKind::Verify, Some(StepKind::CareVerify), "updated"),
    ] {
        let mut hand = two_rings();
        hand.until(0, kind);
        hold(&mut hand, 0, HoldKind::Hold, None);
        assert_eq!(hand.running(0), Some(kind), "what runs is not interrupted");
        hand.good(0);
        assert_eq!(hand.running(0), then, "{kind}");
        hand.visit(0);
        assert_eq!(hand.state(0), state, "{kind}");
        hand.visit(1);
        release(&mut hand, 0, HoldKind::Hold);
        while hand.running(0).is_none() {
            let busy = (1..4).find(|host| hand.running(*host).is_some());
            match busy {
                Some(host) => hand.visit(host),
                None => break,
            }
        }
        hand.visit(0);
        assert_eq!(hand.state(0), "updated", "{kind}");
    }
}

/// Somebody else's work counts as down: a peer is not taken beside it, and a budget has a slot less.
#[test]
fn a_host_somebody_works_on_counts_as_down_for_peers_and_budgets() {
    let (mut fleet, mut the_plan) = plan(&[3]);
    group(&mut fleet, "dc", &[0, 1], &[], Some(1));
    the_plan.budget_down = Some(3);
    the_plan.rings[0].debt_allowed = 1;
    let mut hand = Hand::start((fleet, the_plan));
    hold(&mut hand, 0, HoldKind::Maintenance, None);
    (0..2).for_each(|host| hand.evidence(host, Evidence::Up));
    assert_eq!(hand.running(0), None);
    assert_eq!(hand.running(1), None, "its peer is down by somebody's work");
    assert_eq!(hand.host_waiting(1), ["peer-evidence"]);
    assert_eq!(hand.running(2), Some(StepKind::Inspect));
    hand.visit(2);
    hand.crash(Span::minutes(1));
    (0..2).for_each(|host| hand.evidence(host, Evidence::Up));
    assert_eq!(hand.running(1), None, "it is remembered over a crash");
    release(&mut hand, 0, HoldKind::Maintenance);
    assert_eq!(
        (hand.running(0), hand.running(1)),
        (Some(StepKind::Inspect), None),
        "it goes first: taking a member that is not known to be up takes nothing away"
    );
}

/// Probes that fail because somebody works on a host are nobody's fault, and a restart is none either.
#[test]
fn no_update_is_blamed_for_what_happens_while_somebody_else_works_on_its_host() {
    let (fleet, mut the_plan) = plan(&[1, 1]);
    the_plan.gates = vec![gate()];
    the_plan.rings[0].soak = Span::hours(2);
    let mut hand = Hand::start((fleet, the_plan));
    hand.evidence(0, Evidence::Up);
    hand.visit(0);
    hand.evidence(0, Evidence::Up);
    assert_eq!(hand.state(0), "updated");
    hand.evidence(0, Evidence::Down);
    hand.pass(Span::minutes(2));
    hold(&mut hand, 0, HoldKind::Maintenance, None);
    hand.pass(Span::minutes(30));
    assert_eq!(hand.state(0), "updated");
    release(&mut hand, 0, HoldKind::Maintenance);
    hand.evidence(0, Evidence::Down);
    hand.pass(Span::minutes(2));
    assert_eq!(hand.state(0), "updated", "its three minutes begin anew");
    hand.pass(Span::minutes(1));
    assert!(hand.state(0).starts_with("unhealthy"), "{}", hand.state(0));
}

#[test]
fn a_host_that_is_left_out_is_no_debt_and_nothing_waits_for_it() {
    let (mut fleet, mut the_plan) = plan(&[2, 1]);
    group(&mut fleet, "first", &[0], &[], None);
    group(&mut fleet, "second", &[1], &[0], None);
    the_plan.rings[0].debt_allowed = 0;
    let mut hand = Hand::start((fleet, the_plan));
    assert_eq!(skip(&mut hand, 1, " "), Err("reason-missing".into()));
    assert_eq!(
        skip(&mut hand, 0, "no"),
        Err("wrong-state".into()),
        "it is being visited"
    );
    assert_eq!(skip(&mut hand, 1, "its disk is being replaced"), Ok(true));
    assert_eq!(skip(&mut hand, 1, "again"), Ok(false));
    assert_eq!(hand.state(1), "skipped by ana: its disk is being replaced");
    hand.visit(0);
    assert_eq!(hand.state(0), "updated");
    assert_eq!(
        hand.running(2),
        Some(StepKind::Inspect),
        "ring 0 was promoted without it"
    );
    assert_eq!(hand.engine.view(hand.now).rollouts[0].rings[0].skipped, 1);
    assert_eq!(retry(&mut hand, 1, ""), Ok(true), "after all");
    hand.visit(1);
    hand.visit(2);
    assert_eq!(
        (hand.state(1), hand.rollout()),
        ("updated".into(), "completed".into())
    );
}

/// Nobody may talk a ring into being promoted by leaving out everybody who could say something about it.
#[test]
fn a_ring_of_which_everybody_was_left_out_is_not_promoted() {
    let (fleet, mut the_plan) = plan(&[2, 1]);
    the_plan.start = Some(crate::support::approvals(1, &[]));
    let mut hand = Hand::start((fleet, the_plan));
    skip(&mut hand, 0, "no").unwrap();
    skip(&mut hand, 1, "no").unwrap();
    let digest = hand.engine.view(hand.now).rollouts[0]
        .approval
        .as_ref()
        .unwrap()
        .digest;
    let yes = Command::Approve {
        rollout: ONE,
        subject: ringway_engine::Subject::Start,
        digest,
    };
    hand.command("ben", yes).unwrap();
    hand.pass(Span::hours(9));
    assert_eq!(
        (hand.waiting(), hand.running(2)),
        (vec!["nobody-updated"], None)
    );
    retry(&mut hand, 1, "").unwrap();
    hand.visit(1);
    assert_eq!(hand.running(2), Some(StepKind::Inspect));
}

/// It keeps its slot of the budget, counts as failed, and stops counting when its visit has succeeded.
#[test]
fn a_host_that_is_visited_again_is_as_failed_and_as_down_as_before_until_it_is_well() {
    let (fleet, mut the_plan) = plan(&[4]);
    the_plan.pace.at_once = 1.try_into().unwrap();
    the_plan.budget_down = Some(1);
    the_plan.rings[0].halt_on = Some(2);
    let mut hand = Hand::start((fleet, the_plan));
    hand.until(0, StepKind::Apply);
    hand.end(0, StepResult::Failed(FailWhy::Exit));
    hand.visit(0);
    assert!(hand.state(0).starts_with("failed"), "{}", hand.state(0));
    assert_eq!(hand.waiting(), ["visits", "budget"]);
    assert_eq!(retry(&mut hand, 0, ""), Err("reason-missing".into()));
    hand.workers = 0;
    assert_eq!(retry(&mut hand, 0, "the disk was full"), Ok(true));
    assert_eq!(hand.state(0), "failed, to be visited again");
    assert_eq!(hand.host_waiting(1), ["budget"], "it is as down as before");
    hand.workers = 1;
    hand.pass(Span::ZERO);
    assert_eq!(
        hand.running(0),
        Some(StepKind::Inspect),
        "a repair needs no further slot"
    );
    hand.visit(0);
    assert_eq!(hand.state(0), "updated");
    hand.until(1, StepKind::Apply);
    hand.end(1, StepResult::Failed(FailWhy::Exit));
    hand.visit(1);
    assert_eq!(hand.rollout(), "advancing", "one failure counts, not two");
    let issued = hand.steps(0).into_iter();
    assert_eq!(
        issued
            .filter(|step| *step == (VisitKind::Update, StepKind::Apply))
            .count(),
        2
    );
}

#[test]
fn an_offline_host_is_tried_at_once_where_a_person_says_so() {
    let mut hand = two_rings();
    hand.end(0, StepResult::Unreachable);
    assert_eq!(hand.state(0), "offline");
    assert_eq!(retry(&mut hand, 0, ""), Ok(true));
    assert_eq!(hand.state(0), "pending");
    assert_eq!(retry(&mut hand, 0, ""), Ok(false));
}

#[test]
fn words_that_do_not_fit_are_refused_with_a_code() {
    let mut hand = two_rings();
    let held = |hosts: &[&str], reason: &str, until| Command::Hold {
        hosts: hosts.iter().map(|&host| host.to_owned()).collect(),
        kind: HoldKind::Hold,
        reason: reason.into(),
        until,
    };
    let mut refused = |command| hand.command("ana", command).unwrap_err().code;
    assert_eq!(refused(held(&["h0", "nobody"], "why", None)), "not-found");
    assert_eq!(refused(held(&["h0"], "", None)), "reason-missing");
    assert_eq!(
        refused(held(&["h0"], "why", Some(Timestamp(5)))),
        "wrong-state"
    );
    assert!(hand.engine.view(hand.now).holds.is_empty(), "all or none");
    hand.visit(0);
    assert_eq!(
        skip(&mut hand, 0, "no"),
        Err("wrong-state".into()),
        "it has the update"
    );
    assert_eq!(retry(&mut hand, 0, "no"), Err("wrong-state".into()));
    let comment = |text: String, host: Option<&str>| Command::Comment {
        rollout: ONE,
        host: host.map(str::to_owned),
        text,
    };
    assert_eq!(
        hand.command("ana", comment("x".repeat(5000), None))
            .unwrap_err()
            .code,
        "wrong-state"
    );
    assert_eq!(
        hand.command("ana", comment("x".into(), Some("h9")))
            .unwrap_err()
            .code,
        "not-found"
    );
    assert!(
        hand.command("ana", comment("called the vendor".into(), Some("h1")))
            .unwrap()
    );
    let noted = hand.journal.iter().any(
        |(_, event)| matches!(event, Event::Commented { slot: Some(slot), .. } if slot.0 == 1),
    );
    assert!(noted);
}

/// A state with words in it goes through a snapshot; one without is written as before there were any.
#[test]
fn words_are_kept_in_snapshots() {
    let mut hand = two_rings();
    assert_eq!(hand.engine.encode().first(), Some(&2));
    let until = hand.now + Span::hours(1);
    hold(&mut hand, 3, HoldKind::Maintenance, Some(until));
    skip(&mut hand, 1, "no").unwrap();
    let bytes = hand.engine.encode();
    assert_eq!(bytes.first(), Some(&3));
    let read = hand.decoded(&bytes);
    assert_eq!(read.encode(), bytes);
    assert_eq!(read.view(hand.now).holds, hand.engine.view(hand.now).holds);
    assert_eq!(read.host_views("h1"), hand.engine.host_views("h1"));
}

/// A word about a host whose turn has not come keeps nobody else from theirs.
#[test]
fn a_host_of_a_later_ring_that_is_left_out_and_taken_in_again_holds_up_nobody() {
    let mut hand = two_rings();
    skip(&mut hand, 3, "no").unwrap();
    retry(&mut hand, 3, "").unwrap();
    hand.visit(0);
    assert_eq!(hand.running(1), Some(StepKind::Inspect));
    (1..4).for_each(|host| hand.visit(host));
    assert_eq!(
        (hand.state(3), hand.rollout()),
        ("updated".into(), "completed".into())
    );
}

/// Whoever is woken for a slot of its availability group and does not want it gives it to the next.
#[test]
fn a_peer_that_is_left_out_gives_its_turn_to_the_next() {
    let (mut fleet, the_plan) = plan(&[3]);
    group(&mut fleet, "dc", &[0, 1, 2], &[], Some(1));
    let mut hand = Hand::start((fleet, the_plan));
    (0..3).for_each(|host| hand.evidence(host, Evidence::Up));
    let first = (0..3).find(|host| hand.running(*host).is_some()).unwrap();
    let rest: Vec<u32> = (0..3).filter(|host| *host != first).collect();
    assert_eq!(hand.running(rest[0]), None);
    skip(&mut hand, rest[0], "no").unwrap();
    hand.visit(first);
    hand.evidence(first, Evidence::Up);
    assert_eq!(hand.running(rest[1]), Some(StepKind::Inspect));
    hand.visit(rest[1]);
    assert_eq!(hand.rollout(), "completed");
}

/// A host that failed is down, its probe says so, and that is no reason to leave it as it is.
#[test]
fn a_failed_host_whose_probe_is_down_is_visited_again_all_the_same() {
    let (fleet, mut the_plan) = plan(&[2]);
    the_plan.gates = vec![gate()];
    the_plan.rings[0].halt_on = Some(3);
    let mut hand = Hand::start((fleet, the_plan));
    (0..2).for_each(|host| hand.evidence(host, Evidence::Up));
    hand.until(0, StepKind::Drain);
    hand.end(0, StepResult::Failed(FailWhy::Exit));
    hand.visit(0);
    assert!(hand.state(0).starts_with("failed"), "{}", hand.state(0));
    hand.evidence(0, Evidence::Down);
    retry(&mut hand, 0, "mended").unwrap();
    assert_eq!(hand.running(0), Some(StepKind::Inspect));
    // A step of the visit that needs two attempts mends nothing by itself.
    hand.until(0, StepKind::Drain);
    hold(&mut hand, 0, HoldKind::Hold, None);
    hand.good(0);
    hand.visit(0);
    assert_eq!(hand.state(0), "failed, to be visited again");
    // That is kept in a snapshot, too, where nothing else is said of any host.
    release(&mut hand, 0, HoldKind::Hold);
    let bytes = hand.engine.encode();
    assert_eq!(bytes.first(), Some(&3));
    assert_eq!(hand.decoded(&bytes).encode(), bytes);
    hand.visit(0);
    hand.evidence(0, Evidence::Up);
    assert_eq!(hand.state(0), "updated");
}

/// `on_halt: finish` is about a rollout that is held, not about a host that is not to be touched.
#[test]
fn no_held_host_is_restarted_whatever_the_policy_wants_finished() {
    let (fleet, mut the_plan) = plan(&[2]);
    the_plan.on_halt = ringway_policy::validated::OnHalt::Finish;
    the_plan.rings[0].debt_allowed = 1;
    let mut hand = Hand::start((fleet, the_plan));
    hand.until(0, StepKind::Apply);
    hold(&mut hand, 0, HoldKind::Maintenance, None);
    hand.good(0);
    assert_eq!(hand.running(0), Some(StepKind::Undrain));
    hand.visit(0);
    assert_eq!(hand.state(0), "applied, restart withheld");
}

/// What is done to a host by others is not held against it where its rollout only waits to end either.
#[test]
fn a_rollout_that_ends_blames_nobody_for_somebody_elses_work() {
    let (fleet, mut the_plan) = plan(&[1, 1]);
    the_plan.gates = vec![gate()];
    the_plan.pace.settle = Span::minutes(5);
    let mut hand = Hand::start((fleet, the_plan));
    hand.evidence(0, Evidence::Up);
    hand.visit(0);
    hand.evidence(0, Evidence::Up);
    assert_eq!(hand.state(0), "settling");
    let cancel = Command::Cancel {
        rollout: ONE,
        reason: "no".into(),
    };
    hand.command("ana", cancel).unwrap();
    hold(&mut hand, 0, HoldKind::Maintenance, None);
    hand.evidence(0, Evidence::Down);
    hand.pass(Span::hours(1));
    assert_eq!(
        (hand.state(0), hand.host_waiting(0)),
        ("settling".into(), vec!["maintenance".to_owned()])
    );
    release(&mut hand, 0, HoldKind::Maintenance);
    hand.evidence(0, Evidence::Up);
    hand.pass(Span::minutes(5));
    assert_eq!(
        (hand.state(0), hand.rollout()),
        ("updated".into(), "cancelled".into())
    );
}

/// A row that was damaged and fits all the same must not be taken for another one.
#[test]
fn evidence_by_a_probe_that_is_not_there_does_not_fit() {
    let mut hand = Hand::start(plan(&[1]));
    let by = |probe| Event::EvidenceChanged {
        host: HostId(0),
        probe: ProbeId(probe),
        to: Evidence::Down,
    };
    assert!(hand.engine.apply(hand.now, &by(0)).is_ok());
    for probe in [16, u8::MAX] {
        let fault = hand.engine.apply(hand.now, &by(probe)).unwrap_err();
        assert!(fault.what.contains("unknown probe"), "{fault}");
    }
}

/// Snapshots are bytes on a disk: one whose rollout has hosts that its fleet does not have is refused.
#[test]
fn a_snapshot_of_hosts_that_the_fleet_does_not_have_does_not_fit() {
    let hand = Hand::start(plan(&[1]));
    let bytes = hand.engine.encode();
    let fleets = || hand.fleets.iter().cloned().collect();
    let plans = |host: u32| {
        let plans = hand.plans.iter().cloned();
        let other = plans.map(|(digest, plan)| {
            let mut plan = (*plan).clone();
            plan.slots[0].host = HostId(host);
            (digest, std::sync::Arc::new(plan))
        });
        other.collect()
    };
    assert!(Engine::decode(&bytes, fleets(), plans(0)).is_ok());
    let fault = Engine::decode(&bytes, fleets(), plans(10)).unwrap_err();
    assert!(fault.what.contains("does not fit plan"), "{fault}");
}

/// Rows are bytes, too.
#[test]
fn no_other_fleet_is_adopted_while_a_rollout_is_under_way_and_none_that_ran_over_one_goes_back() {
    let mut hand = Hand::start(plan(&[2]));
    let (mut other, other_plan) = plan(&[1]);
    other.name = "other".into();
    let adopts = Event::FleetAdopted {
        fleet: other.digest(),
    };
    let mut engine = hand.folded();
    engine.provide_fleet(other.digest(), other.clone().into());
    let fault = engine.apply(hand.now, &adopts).unwrap_err();
    assert!(fault.what.contains("r1 runs over another fleet"), "{fault}");

    hand.visit(0);
    hand.visit(1);
    hand.propose(other, other_plan);
    let back = Event::RollbackBegan {
        rollout: ONE,
        actor: ringway_model::Actor("ana".into()),
        reason: "x".into(),
    };
    let fault = hand.folded().apply(hand.now, &back).unwrap_err();
    assert!(fault.what.contains("r1 ran over another fleet"), "{fault}");
}

#[test]
fn nothing_is_issued_or_moved_in_a_rollout_that_is_over() {
    let mut hand = Hand::start(plan(&[1]));
    hand.visit(0);
    assert_eq!(hand.rollout(), "completed");
    let slot = ringway_model::Slot(0);
    let issued = Event::StepIssued {
        intent: ringway_model::IntentId::new(ONE, slot, 90),
        visit: ringway_model::VisitKind::Update,
        position: 0,
        attempt: 1,
    };
    let moved = Event::HostMoved {
        rollout: ONE,
        slot,
        to: ringway_engine::HostState::Pending,
        until: ringway_model::Timestamp::NEVER,
    };
    for event in [issued, moved] {
        let fault = hand.folded().apply(hand.now, &event).unwrap_err();
        assert!(fault.what.contains("r1 is over"), "{fault}");
    }
}

/// Nobody finds out by guessing names which host it was.
#[test]
fn a_halt_names_the_hosts_that_failed_also_where_they_are_tried_again() {
    let (fleet, mut plan) = plan(&[2]);
    plan.retry.times = 2;
    plan.retry.wait = Span::minutes(1);
    plan.rings[0].halt_on = Some(1);
    let mut hand = Hand::start((fleet, plan));
    hand.until(1, StepKind::Apply);
    hand.end(1, StepResult::Failed(FailWhy::Exit));
    let view = hand.engine.view(hand.now).rollouts.remove(0);
    assert_eq!(view.state, "halted");
    assert!(
        view.waiting[0].why.ends_with("halts on no. 1): h1"),
        "{view:?}"
    );
    assert_eq!(view.rings[0].again, 1);
    let host = hand.engine.host_views("h1").remove(0);
    assert!(host.again, "{host:?}");
    // Nobody tries it again once the rollout is over.
    let cancel = Command::Cancel {
        rollout: ONE,
        reason: "x".into(),
    };
    hand.command("ana", cancel).unwrap();
    for host in [0, 1] {
        while hand.running(host).is_some() {
            hand.good(host);
        }
    }
    assert_eq!(hand.rollout(), "cancelled");
    assert!(!hand.engine.host_views("h1").remove(0).again);
}
