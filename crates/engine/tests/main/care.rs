//! The care of a role: who is asked before a host is taken down, who waits for whom, who is silenced and unsilenced, and
//! who runs what runs beside a host.

use ringway_engine::{Command, Input};
use ringway_model::{Evidence, FailWhy, HostId, Place, Span, StepKind, StepResult};
use ringway_scheduler::plan::Route;
use ringway_scheduler::{FleetSpec, Plan};

use crate::support::{Hand, ONE, full_route, gate, group, plan, step};

const YES: StepResult = StepResult::Answered { yes: true };
const NO: StepResult = StepResult::Answered { yes: false };

/// A route with every step of a care, some of which run elsewhere.
fn cared(elsewhere: &[(StepKind, Place)]) -> Route {
    use StepKind::{Apply, Inspect, Last, Precheck, Ready, Rollback};
    // What is fetched ahead is no part of a care, nor is what a host is protected by.
    let others = [StepKind::Stage, StepKind::Protect, StepKind::Unprotect];
    let kinds = StepKind::ALL.into_iter();
    let kinds: Vec<_> = kinds.filter(|kind| !others.contains(kind)).collect();
    let mut steps: Vec<_> = kinds.iter().copied().map(step).collect();
    for (kind, place) in elsewhere {
        let found = steps.iter_mut().find(|step| step.kind == *kind);
        found.unwrap().step.at = *place;
    }
    let list = |leaves_out: &[StepKind]| {
        let kinds = kinds.iter().zip(0_u8..);
        let kept = kinds.filter(|(kind, _)| !leaves_out.contains(kind));
        kept.map(|(_, at)| at).collect()
    };
    Route {
        settings: std::collections::BTreeSet::new(),
        visits: [
            list(&[Rollback]),
            list(&[Inspect, Precheck, Apply, Rollback]),
            list(&[Inspect, Precheck, Ready, Last, Apply]),
        ],
        steps,
        ..full_route()
    }
}

/// So many hosts in one ring, all of one availability group of which all but one must stay up.
fn members(hosts: u32, elsewhere: &[(StepKind, Place)]) -> (FleetSpec, Plan) {
    let (mut fleet, mut plan) = plan(&[hosts]);
    let all: Vec<u32> = (0..hosts).collect();
    group(&mut fleet, "databases", &all, &[], Some(hosts - 1));
    plan.routes = vec![cared(elsewhere)];
    plan.rings[0].halt_on = None;
    (fleet, plan)
}

fn start(hosts: u32, elsewhere: &[(StepKind, Place)]) -> Hand {
    let mut hand = Hand::start(members(hosts, elsewhere));
    // Nobody hopes any more for what a takeover made unknown.
    hand.pass(Span::minutes(2));
    // The last ones first: h0 is the first whose peers are known to be up.
    for host in (0..hosts).rev() {
        hand.evidence(host, Evidence::Up);
    }
    hand
}

/// The host that is visited.
fn visited(hand: &Hand) -> u32 {
    let mut hosts = (0..9).filter(|host| hand.running(*host).is_some());
    hosts.next().expect("somebody is visited")
}

fn words(hand: &Hand, host: u32) -> String {
    let views = hand.engine.host_views(&format!("h{host}"));
    views[0].waiting[0].why.clone()
}

/// The visit of a host goes on to its end, and its probe is good after it.
fn done(hand: &mut Hand, host: u32) {
    hand.visit(host);
    hand.evidence(host, Evidence::Up);
}

#[test]
fn a_group_that_is_not_ready_is_asked_again_and_nothing_is_held_meanwhile() {
    let mut hand = start(2, &[]);
    let first = visited(&hand);
    hand.until(first, StepKind::Ready);
    hand.end(first, NO);
    assert_eq!(hand.state(first), "not ready");
    let other = 1 - first;
    assert_eq!(
        hand.running(other),
        Some(StepKind::Inspect),
        "the other takes the slot that is free"
    );
    hand.until(other, StepKind::Ready);
    hand.end(other, NO);
    assert_eq!((hand.running(0), hand.running(1)), (None, None));
    assert_eq!(hand.host_waiting(first), ["not-ready"]);
    hand.pass(Span::seconds(59));
    assert_eq!(hand.running(first), None, "not before it is due");
    hand.pass(Span::seconds(1));
    hand.until(visited(&hand), StepKind::Ready);
    hand.end(visited(&hand), YES);
    assert_eq!(hand.running(visited(&hand)), Some(StepKind::Last));
}

#[test]
fn a_no_that_lasts_is_a_failed_check_of_a_host_that_is_up() {
    let mut hand = start(2, &[]);
    hand.command("olga", skip(1)).unwrap();
    let mut asked = 0;
    while hand.state(0) != "failed (ready: the answer was no for as long as its care waits)" {
        if hand.running(0).is_some() {
            hand.until(0, StepKind::Ready);
            hand.end(0, NO);
            asked += 1;
            assert!(asked < 20, "it is asked for ever");
        } else {
            assert_eq!(hand.host_waiting(0), ["not-ready"]);
            hand.pass(Span::minutes(1));
        }
    }
    assert_eq!(asked, 11, "at once, and every minute for ten minutes");
    assert!(
        !hand
            .steps(0)
            .iter()
            .any(|(_, kind)| *kind == StepKind::Silence)
    );
    // It is not down: nothing of it was touched. Nobody in the ring has the update, so the rollout has halted.
    resume(&mut hand);
    hand.command("olga", retry(0)).unwrap();
    assert_eq!(hand.running(0), Some(StepKind::Inspect));
    hand.until(0, StepKind::Ready);
    assert_eq!(hand.running(0), Some(StepKind::Ready), "it is asked anew");
}

#[test]
fn a_no_that_nobody_has_heard_for_long_does_not_count() {
    let mut hand = start(2, &[]);
    hand.command("olga", skip(1)).unwrap();
    hand.until(0, StepKind::Ready);
    hand.end(0, NO);
    let pause = Command::Pause {
        rollout: ONE,
        reason: "night".into(),
    };
    hand.command("olga", pause).unwrap();
    hand.pass(Span::hours(8));
    resume(&mut hand);
    hand.evidence(1, Evidence::Up);
    hand.until(0, StepKind::Ready);
    hand.end(0, NO);
    assert_eq!(hand.state(0), "not ready", "its ten minutes begin anew");
}

fn skip(host: u32) -> Command {
    Command::Skip {
        rollout: ONE,
        host: format!("h{host}"),
        reason: "not this one".into(),
    }
}

fn resume(hand: &mut Hand) {
    let resume = Command::Resume {
        rollout: ONE,
        reason: "go on".into(),
    };
    hand.command("olga", resume).unwrap();
}

fn retry(host: u32) -> Command {
    Command::Retry {
        rollout: ONE,
        host: format!("h{host}"),
        reason: "try".into(),
    }
}

#[test]
fn a_host_that_goes_last_waits_until_every_other_one_is_done() {
    let mut hand = start(3, &[]);
    let primary = visited(&hand);
    hand.until(primary, StepKind::Last);
    hand.end(primary, YES);
    assert_eq!(hand.state(primary), "goes last");
    assert_eq!(hand.host_waiting(primary), ["goes-last"]);
    for _ in 0..2 {
        let other = visited(&hand);
        assert_ne!(other, primary);
        hand.pass(Span::minutes(30));
        assert_eq!(hand.running(primary), None, "time alone changes nothing");
        done(&mut hand, other);
    }
    assert_eq!(hand.running(primary), Some(StepKind::Inspect));
    hand.until(primary, StepKind::Last);
    hand.end(primary, YES);
    assert_eq!(
        hand.running(primary),
        Some(StepKind::Silence),
        "asked again, it is postponed no more"
    );
    hand.visit(primary);
    assert_eq!(hand.state(primary), "updated");
}

#[test]
fn one_that_is_left_behind_is_not_waited_for() {
    let mut hand = start(2, &[]);
    let primary = visited(&hand);
    hand.until(primary, StepKind::Last);
    hand.end(primary, YES);
    let other = 1 - primary;
    hand.end(other, StepResult::Unreachable);
    assert_eq!(hand.state(other), "offline");
    assert_eq!(hand.running(primary), Some(StepKind::Inspect));
}

#[test]
fn a_role_that_moves_is_found_at_the_next_visit() {
    let mut hand = start(2, &[]);
    let first = visited(&hand);
    hand.until(first, StepKind::Last);
    hand.end(first, YES);
    let other = 1 - first;
    hand.until(other, StepKind::Last);
    // Now this one says so, and nobody would go: each is asked again.
    hand.end(other, YES);
    assert_eq!((hand.running(0), hand.running(1)), (None, None));
    assert_eq!(hand.host_waiting(other), ["all-last"]);
    let told = words(&hand, other);
    assert!(
        told.starts_with(
            "all 2 hosts of `databases` that are left say that they go last; asked again at "
        ),
        "{told}"
    );
    hand.pass(Span::minutes(5));
    hand.until(first, StepKind::Last);
    hand.end(first, NO);
    assert_eq!(hand.running(first), Some(StepKind::Silence));
    assert_eq!(hand.host_waiting(other), ["goes-last"]);
    done(&mut hand, first);
    hand.until(other, StepKind::Last);
    hand.end(other, YES);
    assert_eq!(hand.running(other), Some(StepKind::Silence));
}

#[test]
fn a_person_ends_a_wait_in_which_all_say_that_they_go_last() {
    for (name, command) in [("skip", skip(0)), ("retry", retry(0))] {
        let mut hand = start(2, &[]);
        for _ in 0..2 {
            let host = visited(&hand);
            hand.until(host, StepKind::Last);
            hand.end(host, YES);
        }
        assert_eq!(hand.host_waiting(0), ["all-last"], "{name}");
        hand.command("olga", command).unwrap();
        if name == "skip" {
            assert_eq!(hand.running(1), Some(StepKind::Inspect));
            hand.until(1, StepKind::Last);
            hand.end(1, YES);
            assert_eq!(hand.running(1), Some(StepKind::Silence), "nobody is left");
        } else {
            assert_eq!(hand.running(0), Some(StepKind::Inspect), "asked at once");
        }
    }
}

#[test]
fn a_question_that_fails_is_no_answer() {
    for kind in [StepKind::Ready, StepKind::Last, StepKind::Silence] {
        let mut hand = start(2, &[]);
        hand.command("olga", skip(1)).unwrap();
        hand.until(0, kind);
        hand.end(0, StepResult::Failed(FailWhy::TimedOut));
        if kind == StepKind::Silence {
            assert_eq!(
                hand.running(0),
                Some(StepKind::Unsilence),
                "it may have begun"
            );
            hand.good(0);
        }
        let words = format!("failed ({kind}: it did not end in time)");
        assert_eq!(hand.state(0), words);
        assert!(
            !hand
                .steps(0)
                .iter()
                .any(|(_, kind)| *kind == StepKind::Drain)
        );
        let counted = &hand.engine.view(hand.now).rollouts[0];
        assert_eq!(counted.rings[0].failed, 1);
    }
}

/// Nobody stays silenced, whatever becomes of the visit, and the end comes last.
#[test]
fn every_way_out_of_a_visit_ends_its_silence() {
    use StepKind::{Apply, CareVerify, Drain, Reboot, Silence, Undrain, Unsilence, Verify};
    let failed = || StepResult::Failed(FailWhy::Exit);
    for (kind, result, outcome) in [
        (Silence, failed(), "failed (silence: its command failed)"),
        (Drain, failed(), "failed (drain: its command failed)"),
        (Drain, StepResult::Unreachable, "offline"),
        (Apply, failed(), "failed (apply: its command failed)"),
        (Apply, StepResult::Unreachable, "lost"),
        (
            Reboot,
            StepResult::Failed(FailWhy::NotBack),
            "unhealthy (the host did not come back in time)",
        ),
        (Verify, failed(), "failed (verify: its command failed)"),
        (
            CareVerify,
            failed(),
            "failed (care-verify: its command failed)",
        ),
        (Undrain, failed(), "failed (undrain: its command failed)"),
        (Undrain, StepResult::Done, "updated"),
    ] {
        let ends = [(Silence, Place::Controller), (Unsilence, Place::Controller)];
        let mut hand = start(2, &ends);
        hand.command("olga", skip(1)).unwrap();
        hand.until(0, kind);
        hand.end(0, result.clone());
        while hand.running(0).is_some_and(|kind| kind != Unsilence) {
            hand.good(0);
        }
        assert_eq!(hand.running(0), Some(Unsilence), "{kind}: {result:?}");
        hand.good(0);
        assert_eq!(hand.state(0), outcome, "{kind}: {result:?}");
    }
}

#[test]
fn a_silence_that_never_began_is_not_ended_and_one_that_cannot_be_ended_changes_no_outcome() {
    let mut hand = start(2, &[]);
    hand.command("olga", skip(1)).unwrap();
    hand.until(0, StepKind::Silence);
    hand.end(0, StepResult::Unreachable);
    assert_eq!(hand.state(0), "offline", "and there is nothing to end");
    let mut hand = start(2, &[]);
    hand.command("olga", skip(1)).unwrap();
    hand.until(0, StepKind::Unsilence);
    hand.end(0, StepResult::Failed(FailWhy::Exit));
    assert_eq!(hand.state(0), "updated", "the silence ends by itself");
}

#[test]
fn a_hold_between_silence_and_drain_ends_the_silence_too() {
    let mut hand = start(2, &[]);
    hand.until(0, StepKind::Silence);
    let pause = Command::Pause {
        rollout: ONE,
        reason: "look".into(),
    };
    hand.command("olga", pause).unwrap();
    hand.good(0);
    assert_eq!(hand.running(0), Some(StepKind::Unsilence));
    hand.good(0);
    assert_eq!(hand.state(0), "pending");
}

fn peer(hand: &Hand, host: u32) -> Option<HostId> {
    let (intent, _) = hand.running_in(ONE, host).unwrap();
    hand.engine.order(intent).unwrap().peer
}

#[test]
fn a_peer_is_a_member_that_is_up_and_in_no_visit_and_stays_the_same_after_a_takeover() {
    let (fleet, mut plan) = members(3, &[(StepKind::Ready, Place::Peer)]);
    plan.retry.times = 3;
    let mut hand = Hand::start((fleet, plan));
    assert_eq!(
        hand.host_waiting(0),
        ["peer-evidence"],
        "nobody is known to be up"
    );
    for host in [2, 1, 0] {
        hand.evidence(host, Evidence::Up);
    }
    hand.until(0, StepKind::Ready);
    assert_eq!(peer(&hand, 0), Some(HostId(1)));
    hand.crash(Span::minutes(5));
    assert_eq!(peer(&hand, 0), Some(HostId(1)), "found again where it was");
    let decoded = hand.decoded(&hand.engine.encode());
    let (intent, _) = hand.running_in(ONE, 0).unwrap();
    assert_eq!(decoded.order(intent).unwrap().peer, Some(HostId(1)));
    for host in 0..3 {
        hand.evidence(host, Evidence::Up);
    }
    hand.end(0, StepResult::Unreachable);
    assert!(
        hand.state(0).starts_with("visiting"),
        "that says nothing of the host"
    );
    hand.pass(Span::minutes(1));
    assert_eq!(
        peer(&hand, 0),
        Some(HostId(2)),
        "the next attempt is the next one's"
    );
    hand.end(0, StepResult::Failed(FailWhy::Exit));
    hand.evidence(2, Evidence::Unknown);
    hand.pass(Span::minutes(2));
    assert_eq!(
        peer(&hand, 0),
        Some(HostId(1)),
        "of whom nothing is known runs nothing"
    );
}

#[test]
fn without_a_peer_no_visit_begins() {
    let (mut fleet, plan) = members(2, &[(StepKind::Drain, Place::Peer)]);
    fleet.cells[0].must_stay_up = 0;
    fleet.cells[0].down_at_most = 2;
    let mut hand = Hand::start((fleet, plan));
    hand.pass(Span::minutes(2));
    assert_eq!((hand.running(0), hand.running(1)), (None, None));
    assert_eq!(hand.host_waiting(0), ["no-peer"]);
    assert_eq!(
        words(&hand, 0),
        "no other member of `databases` is evidently up to run step `drain`"
    );
    hand.evidence(1, Evidence::Up);
    assert_eq!(hand.running(0), Some(StepKind::Inspect));
    assert_eq!(hand.running(1), None, "its own peer is being visited");
    hand.until(0, StepKind::Silence);
    hand.evidence(1, Evidence::Down);
    hand.good(0);
    assert_eq!(
        hand.running(0),
        Some(StepKind::Unsilence),
        "it is not taken down"
    );
    hand.good(0);
    assert_eq!(hand.state(0), "pending");
}

#[test]
fn what_brings_a_host_back_waits_for_a_peer_as_long_as_it_may_take_itself() {
    let mut hand = start(2, &[(StepKind::Undrain, Place::Peer)]);
    hand.until(0, StepKind::CareVerify);
    hand.evidence(1, Evidence::Unknown);
    hand.good(0);
    assert_eq!(hand.running(0), None);
    assert_eq!(hand.host_waiting(0), ["no-peer"]);
    hand.pass(Span::minutes(9));
    hand.evidence(1, Evidence::Up);
    assert_eq!(hand.running(0), Some(StepKind::Undrain));
    hand.end(0, StepResult::NotStarted);
    hand.evidence(1, Evidence::Unknown);
    hand.end(0, StepResult::NotStarted);
    hand.pass(Span::minutes(10));
    assert_eq!(hand.running(0), Some(StepKind::Unsilence));
    hand.good(0);
    assert_eq!(
        hand.state(0),
        "failed (undrain: no other member of its group was evidently up to run it)"
    );
}

#[test]
fn nobody_is_asked_whether_what_is_broken_may_be_mended() {
    let mut hand = start(2, &[]);
    hand.command("olga", skip(1)).unwrap();
    hand.until(0, StepKind::Verify);
    hand.end(0, StepResult::Failed(FailWhy::Exit));
    hand.visit(0);
    resume(&mut hand);
    hand.command("olga", retry(0)).unwrap();
    hand.until(0, StepKind::Precheck);
    hand.good(0);
    assert_eq!(hand.running(0), Some(StepKind::Silence));
    hand.visit(0);
    assert_eq!(hand.state(0), "updated");
}

#[test]
fn what_is_waited_for_survives_a_takeover_and_a_snapshot() {
    let mut hand = start(2, &[]);
    hand.until(0, StepKind::Ready);
    hand.end(0, NO);
    hand.until(1, StepKind::Drain);
    let bytes = hand.engine.encode();
    assert_eq!(hand.decoded(&bytes).encode(), bytes);
    assert_eq!(hand.folded().encode(), bytes);
    hand.crash(Span::minutes(2));
    hand.end(1, StepResult::NotStarted);
    hand.pass(Span::minutes(2));
    // Nobody is known to be up: the drain does not begin, and the silence is ended.
    assert_eq!(hand.running(1), Some(StepKind::Unsilence));
}

/// A pair of which either stands by the other, with a care whose first step on the way back runs on the peer.
fn pair() -> (FleetSpec, Plan) {
    let (fleet, mut plan) = members(2, &[(StepKind::Drain, Place::Peer)]);
    let quiet = [StepKind::Silence, StepKind::Unsilence];
    let places: Vec<u8> = (0_u8..)
        .zip(&plan.routes[0].steps)
        .filter(|(_, step)| quiet.contains(&step.kind))
        .map(|(at, _)| at)
        .collect();
    for visit in &mut plan.routes[0].visits {
        visit.retain(|at| !places.contains(at));
    }
    plan.rings[0].soak = Span::hours(9);
    (fleet, plan)
}

/// A host of the pair was applied to and did not pass its check.
fn broken(hand: &mut Hand, host: u32) {
    hand.until(host, StepKind::Verify);
    hand.end(host, StepResult::Failed(FailWhy::Exit));
    hand.visit(host);
    assert!(hand.state(host).starts_with("failed (verify"));
}

fn roll_back(hand: &mut Hand) {
    let reason = "harm".to_owned();
    let rollout = ONE;
    hand.command("olga", Command::Rollback { rollout, reason })
        .unwrap();
}

fn pair_with_one_broken() -> Hand {
    let mut hand = Hand::start(pair());
    hand.pass(Span::minutes(2));
    for host in [1, 0] {
        hand.evidence(host, Evidence::Up);
    }
    hand.command("olga", skip(1)).unwrap();
    broken(&mut hand, 0);
    hand
}

/// `run` halts and exits, `rollback` takes over before the first probe has answered: the rollout must not end as rolled back
/// with nothing taken back.
#[test]
fn a_rollback_waits_for_the_peer_that_its_first_step_runs_on() {
    let mut hand = pair_with_one_broken();
    hand.crash(Span::minutes(2));
    roll_back(&mut hand);
    assert_eq!(hand.rollout(), "rolling back");
    assert_eq!(hand.host_waiting(0), ["no-peer"]);
    // It is not bounded by a step that has not begun; a person ends it, or a peer.
    hand.pass(Span::hours(9));
    assert_eq!(hand.rollout(), "rolling back");
    hand.crash(Span::minutes(2));
    assert_eq!(hand.host_waiting(0), ["no-peer"]);
    hand.evidence(1, Evidence::Up);
    assert_eq!(hand.running(0), Some(StepKind::Drain));
    hand.visit(0);
    assert_eq!(hand.state(0), "rolled back");
    assert_eq!(hand.rollout(), "rolled back");
}

#[test]
fn a_hold_on_the_peer_delays_a_rollback_and_does_not_end_it() {
    let mut hand = pair_with_one_broken();
    let hosts = vec!["h1".to_owned()];
    let (kind, reason) = (ringway_engine::HoldKind::Hold, "its disk".to_owned());
    let hold = Command::Hold {
        hosts: hosts.clone(),
        kind,
        reason: reason.clone(),
        until: None,
    };
    hand.command("olga", hold).unwrap();
    roll_back(&mut hand);
    assert_eq!(hand.rollout(), "rolling back");
    let release = Command::Release {
        hosts,
        kind,
        reason,
    };
    hand.command("olga", release).unwrap();
    assert_eq!(hand.running(0), Some(StepKind::Drain));
    hand.visit(0);
    assert_eq!(hand.rollout(), "rolled back");
}

/// Each needs the other to go back, and neither is up: nobody waits for what cannot come, and each is told as it is.
#[test]
fn hosts_that_have_only_each_other_and_are_both_down_are_told_as_not_taken_back() {
    let (fleet, mut plan) = pair();
    plan.gates.push(gate());
    let mut hand = Hand::start((fleet, plan));
    hand.pass(Span::minutes(2));
    for host in [1, 0] {
        hand.evidence(host, Evidence::Up);
    }
    for _ in 0..2 {
        let host = visited(&hand);
        done(&mut hand, host);
        assert_eq!(hand.state(host), "updated");
    }
    for host in [0, 1] {
        hand.evidence(host, Evidence::Down);
    }
    hand.pass(Span::minutes(3));
    assert!(hand.state(0).starts_with("unhealthy"), "{}", hand.state(0));
    roll_back(&mut hand);
    let told = "rollback failed (drain: no other member of its group was evidently up to run it)";
    assert_eq!((&*hand.state(0), &*hand.state(1)), (told, told));
    assert_eq!(hand.rollout(), "rolled back");
}

/// Of whom a takeover knows nothing may well be up: a wait that was over while nobody looked goes on until that is known.
#[test]
fn a_takeover_is_no_reason_to_fail_a_host_whose_peer_is_up() {
    let mut hand = start(2, &[(StepKind::Undrain, Place::Peer)]);
    hand.until(0, StepKind::CareVerify);
    hand.evidence(1, Evidence::Unknown);
    hand.good(0);
    hand.crash(Span::minutes(11));
    assert_eq!(hand.host_waiting(0), ["no-peer"], "{}", hand.state(0));
    hand.pass(Span::seconds(59));
    hand.evidence(1, Evidence::Up);
    assert_eq!(hand.running(0), Some(StepKind::Undrain));
    // And without an answer it is told as before.
    hand.end(0, StepResult::NotStarted);
    hand.pass(Span::minutes(1));
    hand.evidence(1, Evidence::Unknown);
    hand.end(0, StepResult::NotStarted);
    hand.crash(Span::minutes(11));
    hand.pass(Span::minutes(1));
    assert_eq!(hand.running(0), Some(StepKind::Unsilence));
}

/// A wait for a peer that ended in a wait for a worker was over for good: the next one had no bound.
#[test]
fn each_wait_for_a_peer_has_its_own_bound() {
    let mut hand = start(2, &[(StepKind::Undrain, Place::Peer)]);
    hand.until(0, StepKind::CareVerify);
    hand.evidence(1, Evidence::Unknown);
    hand.good(0);
    assert_eq!(hand.host_waiting(0), ["no-peer"]);
    hand.workers = 0;
    hand.evidence(1, Evidence::Up);
    hand.pass(Span::minutes(11));
    assert_eq!(hand.host_waiting(0), ["worker"]);
    hand.evidence(1, Evidence::Unknown);
    hand.workers = 9;
    hand.pass(Span::seconds(1));
    assert_eq!(hand.host_waiting(0), ["no-peer"]);
    hand.pass(Span::minutes(9));
    assert_eq!(hand.host_waiting(0), ["no-peer"]);
    hand.pass(Span::minutes(1));
    assert_eq!(hand.running(0), Some(StepKind::Unsilence));
}

/// Those that go last are looked at when nobody is left before them, and not with everything that happens to anybody: that
/// was the square of a group's size.
#[test]
fn the_work_for_hosts_that_go_last_does_not_grow_with_the_square_of_their_group() {
    let looks = |hosts: u32| {
        let (mut fleet, mut the_plan) = plan(&[hosts]);
        let all: Vec<u32> = (0..hosts).collect();
        group(&mut fleet, "databases", &all, &[], None);
        the_plan.routes = vec![cared(&[])];
        the_plan.pace.at_once = std::num::NonZeroU32::new(4).unwrap();
        let mut hand = Hand::idle();
        hand.propose(fleet, the_plan);
        // The first half goes last; the second goes while they wait.
        while hand.rollout() != "completed" {
            let running = hand.engine.outstanding();
            if running.is_empty() {
                hand.pass(Span::minutes(5));
            }
            for intent in running {
                let order = hand.engine.order(intent).unwrap();
                let step = order.plan.routes[0].step(order.visit, order.position);
                let done = hand.engine.view(hand.now).rollouts[0].rings[0].done;
                let result = match step.unwrap().kind {
                    StepKind::Last if order.host.0 < hosts / 2 && done < hosts / 2 => YES,
                    kind => crate::support::good(kind),
                };
                let _ = hand.take(Input::StepEnded { intent, result });
            }
        }
        hand.engine.looks()
    };
    let (small, large) = (looks(12), looks(48));
    assert!(
        large <= small * 8,
        "four times the hosts took {large} looks instead of {small}"
    );
}
