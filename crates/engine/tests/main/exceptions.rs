//! Exceptions: hosts that are left out until an instant, and what becomes of them then.

use ringway_engine::{Command, Event, Exception, HoldKind, HostState};
use ringway_model::{HostId, RolloutId, Span, StepKind, StepResult, Timestamp, WaitingOn};
use ringway_policy::validated::Excepts;

use crate::support::{Hand, ONE, plan};

fn exception(id: &str, hosts: &str, until: Timestamp) -> Exception {
    Exception {
        id: id.into(),
        hosts: hosts.into(),
        updates: Excepts::All,
        until,
        owner: "radiology".into(),
        reason: "vendor certifies quarterly".into(),
        approved_by: vec!["ciso".into()],
    }
}

fn except(hand: &mut Hand, exception: Exception) -> Result<bool, String> {
    let command = Command::Except {
        exceptions: vec![exception],
    };
    hand.command("ana", command).map_err(|no| no.code)
}

fn end(hand: &mut Hand, id: &str, reason: &str) -> Result<bool, String> {
    let command = Command::EndException {
        id: id.into(),
        reason: reason.into(),
    };
    hand.command("ben", command).map_err(|no| no.code)
}

fn in_hours(hand: &Hand, hours: u64) -> Timestamp {
    hand.now + Span::hours(hours)
}

/// Rings of these sizes, one host at a time.
fn rings(sizes: &[u32]) -> Hand {
    let (fleet, mut the_plan) = plan(sizes);
    the_plan.pace.at_once = 1.try_into().unwrap();
    Hand::start((fleet, the_plan))
}

#[test]
fn an_excepted_host_is_neither_visited_nor_waited_for_nor_counted_as_anything() {
    let mut hand = rings(&[2, 2]);
    let until = in_hours(&hand, 9);
    assert_eq!(
        except(&mut hand, exception("E", "name = h1", until)),
        Ok(true)
    );
    assert_eq!(
        except(&mut hand, exception("E", "name = h1", until)),
        Ok(false),
        "it is so already"
    );
    assert_eq!(
        (hand.state(1), hand.host_waiting(1)),
        ("excepted".into(), vec!["exception".to_owned()])
    );
    hand.visit(0);
    // No debt is allowed in the ring, and it was promoted without the host.
    assert_eq!(hand.running(2), Some(StepKind::Inspect));
    let view = hand.engine.rollout(ONE).unwrap();
    let ring = &view.rings[0];
    assert_eq!(
        (ring.excepted, ring.debt, ring.failed, ring.done),
        (1, 0, 0, 1)
    );
    let exceptions = hand.engine.view(hand.now).exceptions;
    assert_eq!(exceptions[0].hosts, ["h1"]);
    assert_eq!(exceptions[0].until, until);
    let waits = hand.engine.hosts_of(ONE, None)[1].waiting[0].clone();
    assert_eq!(waits.earliest, Some(until));
    assert_eq!(
        waits.on,
        WaitingOn::Exception {
            id: "E".into(),
            owner: "radiology".into(),
            until,
        }
    );
}

#[test]
fn an_exception_that_ends_lets_its_host_go_with_its_ring() {
    let mut hand = rings(&[2, 2]);
    let until = in_hours(&hand, 1);
    except(&mut hand, exception("E", "name = h1 | h3", until)).unwrap();
    assert_eq!(hand.engine.next_wake(), Some(until));
    hand.pass(Span::minutes(59));
    assert_eq!(hand.state(1), "excepted");
    hand.pass(Span::minutes(1));
    // The first ring is not promoted, so that both are in their rings again.
    assert_eq!(
        (hand.state(1), hand.state(3)),
        ("pending".into(), "pending".into())
    );
    for host in 0..4 {
        hand.visit(host);
    }
    assert_eq!(hand.rollout(), "completed");
    assert!(hand.engine.view(hand.now).exceptions.is_empty());
}

#[test]
fn a_host_whose_ring_was_promoted_without_it_is_visited_with_the_last_ring() {
    let mut hand = rings(&[2, 1, 2]);
    let until = in_hours(&hand, 1);
    except(&mut hand, exception("E", "name = h1", until)).unwrap();
    hand.visit(0);
    assert_eq!(hand.running(2), Some(StepKind::Inspect));
    hand.pass(Span::hours(1));
    assert_eq!(
        (hand.state(1), hand.host_waiting(1)),
        ("to catch up".into(), vec!["catch-up".to_owned()])
    );
    hand.visit(2);
    // The last ring is open: it is in its turn, and the completion waits for it.
    assert_eq!(hand.state(1), "visiting (inspect)");
    hand.visit(1);
    hand.visit(3);
    hand.visit(4);
    assert_eq!(
        (hand.state(1), hand.rollout()),
        ("updated".into(), "completed".into())
    );
}

#[test]
fn who_is_to_catch_up_may_be_visited_sooner_left_out_or_excepted_again() {
    for (word, state) in [
        ("retry", "visiting (inspect)"),
        ("skip", "skipped by ana: why"),
        ("except", "excepted"),
    ] {
        let mut hand = rings(&[2, 1, 2]);
        let until = in_hours(&hand, 1);
        except(&mut hand, exception("E", "name = h1", until)).unwrap();
        hand.visit(0);
        hand.until(2, StepKind::Apply);
        end(&mut hand, "E", "certified").unwrap();
        assert_eq!(hand.state(1), "to catch up");
        let (rollout, host) = (ONE, "h1".to_owned());
        let reason = "why".to_owned();
        let command = match word {
            "retry" => Command::Retry {
                rollout,
                host,
                reason,
            },
            "skip" => Command::Skip {
                rollout,
                host,
                reason,
            },
            _ => Command::Except {
                exceptions: vec![exception("F", "all", in_hours(&hand, 5))],
            },
        };
        hand.command("ana", command).unwrap();
        if word == "retry" {
            hand.visit(2);
        }
        assert_eq!(hand.state(1), state, "{word}");
    }
}

/// What has begun goes on to its end; what a pause turned back is left out from then on.
#[test]
fn a_visit_that_has_begun_goes_on_and_one_that_is_turned_back_does_not_begin_anew() {
    let mut hand = rings(&[2]);
    hand.until(0, StepKind::Apply);
    let until = in_hours(&hand, 1);
    except(&mut hand, exception("E", "all", until)).unwrap();
    assert_eq!(hand.running(0), Some(StepKind::Apply));
    assert_eq!(hand.state(1), "excepted");
    hand.visit(0);
    assert_eq!(hand.state(0), "updated");

    let mut hand = rings(&[2]);
    hand.until(0, StepKind::Precheck);
    except(&mut hand, exception("E", "all", until)).unwrap();
    let (rollout, reason) = (ONE, String::new());
    hand.command("ana", Command::Pause { rollout, reason })
        .unwrap();
    hand.good(0);
    assert_eq!(hand.state(0), "excepted");
    let (rollout, reason) = (ONE, String::new());
    hand.command("ana", Command::Resume { rollout, reason })
        .unwrap();
    assert_eq!(hand.running(0), None);
    // Nobody has the update, and nothing speaks for going on.
    assert_eq!(hand.waiting(), ["nobody-updated"]);
}

#[test]
fn every_host_that_waits_is_left_out_and_a_failure_stays_one() {
    // Offline is debt no longer.
    let mut hand = rings(&[2]);
    hand.end(0, StepResult::Unreachable);
    assert_eq!(hand.state(0), "offline");
    let until = in_hours(&hand, 9);
    except(&mut hand, exception("E", "name = h0", until)).unwrap();
    assert_eq!(hand.state(0), "excepted");
    hand.visit(1);
    assert_eq!(hand.rollout(), "completed");

    // On hold: left out, and held again when the exception ends.
    let mut hand = rings(&[2]);
    let command = Command::Hold {
        hosts: vec!["h1".into()],
        kind: HoldKind::Hold,
        reason: "month end".into(),
        until: None,
    };
    hand.command("ana", command).unwrap();
    hand.visit(0);
    assert_eq!(hand.state(1), "on hold");
    except(&mut hand, exception("E", "name = h1", until)).unwrap();
    assert_eq!(
        (hand.state(1), hand.rollout()),
        ("excepted".into(), "completed".into())
    );

    // Failed: as failed as before, and not visited again.
    let mut hand = rings(&[2]);
    hand.end(0, StepResult::Failed(ringway_model::FailWhy::Exit));
    let before = hand.state(0);
    except(&mut hand, exception("E", "name = h0", until)).unwrap();
    assert_eq!(hand.state(0), before);
    let (rollout, host) = (ONE, "h0".to_owned());
    let reason = "mended".to_owned();
    hand.command(
        "ana",
        Command::Retry {
            rollout,
            host,
            reason,
        },
    )
    .unwrap();
    assert_eq!(hand.state(0), "excepted", "nothing was changed on it");
}

#[test]
fn only_the_updates_that_are_named_are_kept_away() {
    let mut hand = rings(&[2]);
    let until = in_hours(&hand, 1);
    let of = |name: &str| Exception {
        updates: Excepts::Named(vec![name.into()]),
        ..exception("E", "name = h1", until)
    };
    except(&mut hand, of("another")).unwrap();
    assert_eq!(hand.state(1), "pending");
    // The same id: the other one takes its place.
    except(&mut hand, of("update")).unwrap();
    assert_eq!(hand.state(1), "excepted");
    except(&mut hand, of("another")).unwrap();
    assert_eq!(hand.state(1), "pending");
    assert_eq!(hand.engine.view(hand.now).exceptions.len(), 1);
}

/// Of several the last one counts; one that ends leaves the host to the others.
#[test]
fn a_host_is_visited_when_its_last_exception_has_ended() {
    let mut hand = rings(&[2]);
    let (soon, late) = (in_hours(&hand, 1), in_hours(&hand, 2));
    except(&mut hand, exception("A", "name = h1", late)).unwrap();
    except(&mut hand, exception("B", "n = 1", soon)).unwrap();
    let waits = hand.engine.hosts_of(ONE, None)[1].waiting[0].earliest;
    assert_eq!(waits, Some(late));
    hand.pass(Span::hours(1));
    assert_eq!(hand.state(1), "excepted");
    hand.pass(Span::hours(1));
    assert_eq!(hand.state(1), "pending");
}

#[test]
fn an_exception_is_there_before_the_fleet_is_and_for_rollouts_to_come() {
    let mut hand = Hand::idle();
    let until = in_hours(&hand, 9);
    except(&mut hand, exception("E", "name = h1", until)).unwrap();
    let (fleet, the_plan) = plan(&[2]);
    hand.propose(fleet.clone(), the_plan.clone());
    assert_eq!(hand.state(1), "excepted");
    hand.visit(0);
    assert_eq!(hand.rollout(), "completed");
    hand.propose(fleet, the_plan);
    let second = hand.engine.hosts_of(RolloutId(2), None);
    assert_eq!(second[1].outcome.word(), "excepted");
}

/// The rollout takes back what it did, whoever is left out.
#[test]
fn a_host_that_has_the_update_goes_back_with_its_rollout() {
    let mut hand = rings(&[2]);
    let until = in_hours(&hand, 9);
    except(&mut hand, exception("E", "name = h1", until)).unwrap();
    hand.visit(0);
    except(&mut hand, exception("F", "all", until)).unwrap();
    assert_eq!(hand.state(0), "updated");
    assert_eq!(
        (hand.state(1), hand.rollout()),
        ("excepted".into(), "completed".into())
    );
    let (rollout, reason) = (ONE, "harm".to_owned());
    hand.command("ana", Command::Rollback { rollout, reason })
        .unwrap();
    hand.visit(0);
    assert_eq!(
        (hand.state(0), hand.rollout()),
        ("rolled back".into(), "rolled back".into())
    );
    assert_eq!(hand.state(1), "excepted");
}

#[test]
fn what_is_no_exception_is_refused_and_changes_nothing() {
    let mut hand = rings(&[2]);
    let until = in_hours(&hand, 9);
    let good = || exception("E", "name = h1", until);
    let events = hand.journal.len();
    for (wrong, code) in [
        (exception("E", "name = h1", hand.now), "wrong-state"),
        (exception("E", "name =", until), "wrong-state"),
        (exception("", "all", until), "reason-missing"),
        (
            Exception {
                owner: " ".into(),
                ..good()
            },
            "reason-missing",
        ),
        (
            Exception {
                reason: String::new(),
                ..good()
            },
            "reason-missing",
        ),
        (
            Exception {
                reason: "x".repeat(5000),
                ..good()
            },
            "wrong-state",
        ),
    ] {
        // One that is wrong keeps the right one beside it away, too.
        let command = Command::Except {
            exceptions: vec![exception("F", "all", until), wrong],
        };
        assert_eq!(hand.command("ana", command).unwrap_err().code, code);
    }
    assert_eq!(end(&mut hand, "E", "why"), Err("not-found".into()));
    except(&mut hand, good()).unwrap();
    assert_eq!(end(&mut hand, "E", " "), Err("reason-missing".into()));
    let told = hand.journal[events..].iter();
    let told = told.filter(|(_, event)| {
        matches!(event, Event::Excepted { .. } | Event::ExceptionEnded { .. })
    });
    assert_eq!(told.count(), 1);
}

/// A process that ends and one that goes on know the same, whether they read events or a snapshot.
#[test]
fn exceptions_outlive_a_crash_and_are_in_snapshots() {
    let mut hand = rings(&[2, 2]);
    let until = in_hours(&hand, 1);
    except(&mut hand, exception("E", "name = h1", until)).unwrap();
    let decoded = hand.decoded(&hand.engine.encode());
    assert_eq!(decoded.state_digest(), hand.engine.state_digest());
    assert_eq!(
        decoded.view(hand.now).exceptions,
        hand.engine.view(hand.now).exceptions
    );
    hand.crash(Span::hours(2));
    // Its time was over while nobody ran.
    assert_eq!(hand.state(1), "pending");
    assert!(hand.engine.view(hand.now).exceptions.is_empty());
    let slot = ringway_model::Slot(1);
    let moved = hand.journal.iter().any(|(_, event)| {
        matches!(event, Event::HostMoved { slot: at, to: HostState::Pending, .. } if *at == slot)
    });
    assert!(moved && hand.engine.fleet().hosts.len() > HostId(1).index());
}
