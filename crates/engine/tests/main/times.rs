//! When work may run (I8): windows as instants, and what they mean at every step of a visit.

use ringway_calendar::Timetable;
use ringway_engine::{Calendar, Event, Input, Table};
use ringway_model::{FailWhy, Span, StepKind, StepResult, Timestamp};
use ringway_scheduler::times::Times;

use crate::support::{Hand, ONE, plan};

/// Every step of the route may take ten minutes, the restart five more to come back: 85 minutes in all.
const VISIT: Span = Span::minutes(85);

/// A rule that limits something, whatever: the instants are told.
fn limited() -> Timetable {
    let mut rule = Timetable::always();
    rule.layers.push(ringway_calendar::Layer {
        whose: ringway_calendar::Whose::Fleet,
        windows: std::collections::BTreeMap::new(),
    });
    rule
}

/// Two hosts in one ring; work on the first is limited.
fn limited_first() -> Hand {
    let (fleet, mut the_plan) = plan(&[2]);
    the_plan.times = Times {
        tables: vec![limited(), Timetable::always()],
        of_slot: vec![0, 1],
    };
    the_plan.rings[0].halt_on = Some(2);
    Hand::start((fleet, the_plan))
}

fn minutes(from: Timestamp, pairs: &[(u64, u64)]) -> Vec<(Timestamp, Timestamp)> {
    let at = |minute| from + Span::minutes(minute);
    pairs.iter().map(|&(a, b)| (at(a), at(b))).collect()
}

fn tell(hand: &mut Hand, open: &[(u64, u64)], frozen: &[(u64, u64)]) {
    let from = Timestamp(1_000_000);
    let frozen = minutes(from, frozen).into_iter();
    let calendar = Calendar {
        zones: "test".to_owned(),
        until: from + Span::hours(24 * 400),
        tables: vec![
            Table {
                open: minutes(from, open),
                frozen: frozen
                    .map(|(a, b)| (a, b, "`closing`".to_owned()))
                    .collect(),
            },
            Table {
                open: minutes(from, &[(0, 1_000_000)]),
                frozen: Vec::new(),
            },
        ],
    };
    let _ = hand.take(Input::Calendar {
        rollout: ONE,
        calendar,
    });
}

#[test]
fn nothing_limited_starts_before_anybody_knows_when_it_may() {
    let mut hand = limited_first();
    assert!(hand.engine.wants_calendar(ONE));
    assert_eq!(
        (hand.running(0), hand.running(1)),
        (None, Some(StepKind::Inspect))
    );
    assert_eq!(hand.host_waiting(0), ["calendar"]);
    tell(&mut hand, &[(0, 600)], &[]);
    assert!(!hand.engine.wants_calendar(ONE));
    assert_eq!(hand.running(0), Some(StepKind::Inspect));
    let told = hand.journal.len();
    tell(&mut hand, &[(0, 600)], &[]);
    assert_eq!(hand.journal.len(), told, "the same once more is no news");
}

#[test]
fn a_visit_starts_only_where_all_of_it_fits_and_says_when_that_is() {
    let mut hand = limited_first();
    let fits = VISIT.millis() / 60_000;
    tell(
        &mut hand,
        &[(0, fits - 1), (200, 200 + fits), (400, 600)],
        &[],
    );
    hand.visit(1);
    assert_eq!(
        (hand.running(0), hand.host_waiting(0)),
        (None, vec!["window".to_owned()])
    );
    let opens = Timestamp(1_000_000) + Span::minutes(200);
    let view = &hand.engine.host_views("h0")[0];
    assert_eq!(view.waiting[0].earliest, Some(opens));
    assert_eq!(hand.engine.next_wake(), Some(opens));
    hand.pass(Span::minutes(199));
    assert_eq!(hand.running(0), None);
    hand.pass(Span::minutes(1));
    assert_eq!(hand.running(0), Some(StepKind::Inspect));
}

/// What takes longer than planned does not run into the hours that were promised to others.
#[test]
fn a_visit_that_no_longer_fits_is_brought_back_into_service_and_goes_on_in_the_next_window() {
    for (kind, takes, then, state) in [
        (StepKind::Inspect, 60, None, "pending"),
        (StepKind::Precheck, 60, None, "pending"),
        (StepKind::Drain, 60, Some(StepKind::Undrain), "pending"),
        (
            StepKind::Apply,
            80,
            Some(StepKind::Undrain),
            "applied, restart withheld",
        ),
        (StepKind::Reboot, 200, Some(StepKind::Verify), "updated"),
    ] {
        let mut hand = limited_first();
        tell(&mut hand, &[(0, 90), (300, 900)], &[]);
        hand.visit(1);
        hand.until(0, kind);
        hand.pass(Span::minutes(takes));
        hand.good(0);
        assert_eq!(hand.running(0), then, "{kind}");
        hand.visit(0);
        assert_eq!(hand.state(0), state, "{kind}");
        if state == "updated" {
            continue;
        }
        assert_eq!(hand.host_waiting(0), ["window"], "{kind}");
        hand.pass(Span::minutes(300 - takes));
        hand.visit(0);
        assert_eq!(
            (hand.state(0), hand.rollout()),
            ("updated".into(), "completed".into()),
            "{kind}"
        );
    }
}

/// A host does not stay out of service to wait for an attempt that its window leaves no time for, and a step that fails in
/// every window counts.
#[test]
fn an_attempt_that_work_must_stop_before_is_not_waited_for() {
    for (open, again) in [(90, false), (140, true)] {
        let (fleet, mut the_plan) = plan(&[1]);
        the_plan.times = Times {
            tables: vec![limited(), Timetable::always()],
            of_slot: vec![0],
        };
        the_plan.rings[0].halt_on = Some(2);
        the_plan.retry.times = 2;
        the_plan.retry.wait = Span::minutes(10);
        let mut hand = Hand::start((fleet, the_plan));
        tell(&mut hand, &[(0, open), (1000, 2000)], &[]);
        hand.until(0, StepKind::Apply);
        hand.pass(Span::minutes(30));
        hand.end(0, StepResult::Failed(FailWhy::Exit));
        if again {
            assert_eq!(hand.running(0), None, "it waits");
            hand.pass(Span::minutes(10));
            assert_eq!(hand.running(0), Some(StepKind::Apply));
            hand.pass(Span::minutes(30));
            // The next one would be twenty minutes later.
            hand.end(0, StepResult::Failed(FailWhy::Exit));
        }
        assert_eq!(hand.running(0), Some(StepKind::Undrain), "{open}");
        hand.visit(0);
        assert_eq!(hand.state(0), "failed (apply: its command failed)");
    }
}

#[test]
fn a_freeze_is_told_by_its_name_and_a_newer_calendar_wakes_whoever_waits() {
    let mut hand = limited_first();
    tell(&mut hand, &[(500, 900)], &[(0, 500)]);
    assert_eq!(hand.host_waiting(0), ["freeze"]);
    let words = hand.engine.host_views("h0")[0].waiting[0].why.clone();
    assert!(words.contains("`closing`"), "{words}");
    tell(&mut hand, &[(0, 900)], &[]);
    assert_eq!(hand.running(0), Some(StepKind::Inspect));
    let known = hand.journal.iter();
    let known = known.filter(|(_, event)| matches!(event, Event::CalendarKnown { .. }));
    assert_eq!(known.count(), 2);
}

/// Whoever ends one of two freezes should know of the other.
#[test]
fn every_freeze_that_holds_is_told_with_its_end() {
    let mut hand = limited_first();
    let from = Timestamp(1_000_000);
    let frozen = [(0, 500, "`closing` (the books)"), (0, 900, "`fair`")];
    let frozen = frozen.map(|(a, b, words)| {
        let at = |minute| from + Span::minutes(minute);
        (at(a), at(b), words.to_owned())
    });
    let open = Table {
        open: minutes(from, &[(0, 1_000_000)]),
        frozen: Vec::new(),
    };
    let calendar = Calendar {
        zones: "test".to_owned(),
        until: from + Span::hours(24 * 400),
        tables: vec![
            Table {
                open: minutes(from, &[(900, 2000)]),
                frozen: frozen.into(),
            },
            open,
        ],
    };
    let rollout = ONE;
    let _ = hand.take(Input::Calendar { rollout, calendar });
    let words = hand.engine.host_views("h0")[0].waiting[0].why.clone();
    let ends = [900, 500].map(|minute| from + Span::minutes(minute));
    let expected = format!(
        "frozen until {}: `fair`, and until {}: `closing` (the books); work may run from {} on",
        ends[0], ends[1], ends[0]
    );
    assert_eq!(words, expected);
}

/// The time zone database may be gone after a crash; what was known is journaled and stays known.
#[test]
fn what_is_known_survives_a_crash_and_a_snapshot() {
    let mut hand = limited_first();
    tell(&mut hand, &[(100, 900)], &[]);
    hand.crash(Span::minutes(1));
    assert_eq!(hand.host_waiting(0), ["window"]);
    let bytes = hand.engine.encode();
    assert_eq!(hand.decoded(&bytes).encode(), bytes);
    hand.pass(Span::minutes(99));
    assert_eq!(hand.running(0), Some(StepKind::Inspect));
}

/// A rollback brings hosts back; it does not wait for a window.
#[test]
fn a_rollback_is_exempt() {
    let mut hand = limited_first();
    tell(&mut hand, &[(0, 90)], &[]);
    hand.visit(1);
    hand.until(0, StepKind::Verify);
    hand.end(0, StepResult::Failed(FailWhy::Exit));
    hand.visit(0);
    hand.pass(Span::minutes(300));
    let back = ringway_engine::Command::Rollback {
        rollout: ONE,
        reason: "harm".into(),
    };
    hand.command("ana", back).unwrap();
    while let Some(host) = (0..2).find(|host| hand.running(*host).is_some()) {
        hand.visit(host);
    }
    assert_eq!(
        (hand.state(0), hand.rollout()),
        ("rolled back".into(), "rolled back".into())
    );
}

/// Where no window that is known is long enough, a person is told, and the rollout can be ended.
#[test]
fn a_window_that_never_fits_is_said_and_keeps_nobody_from_ending_the_rollout() {
    let mut hand = limited_first();
    tell(&mut hand, &[(10, 20), (50, 60)], &[]);
    hand.visit(1);
    let view = &hand.engine.host_views("h0")[0];
    assert_eq!(
        (view.waiting[0].on.name(), view.waiting[0].earliest),
        ("window", None)
    );
    assert_eq!(hand.engine.next_wake(), None);
    let cancel = ringway_engine::Command::Cancel {
        rollout: ONE,
        reason: "no".into(),
    };
    hand.command("ana", cancel).unwrap();
    assert_eq!(hand.rollout(), "cancelled");
}
