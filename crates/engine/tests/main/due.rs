//! When a rollout can be complete at the earliest, from what is left of it: windows, holds and visits of the hosts it waits for.

use ringway_calendar::Timetable;
use ringway_engine::view::DueView;
use ringway_engine::{Calendar, Command, HoldKind, Input, Table};
use ringway_model::{Span, StepKind, Timestamp};
use ringway_scheduler::plan::More;
use ringway_scheduler::terms::DuePlan;
use ringway_scheduler::times::Times;
use ringway_scheduler::{FleetSpec, Plan};

use crate::support::{Hand, ONE, plan};

const BEGIN: Timestamp = Timestamp(1_000_000);
const DAY: Span = Span::hours(24);

/// One ring of so many hosts, due within a day.
fn due_tomorrow(hosts: u32) -> (FleetSpec, Plan) {
    let (fleet, mut the_plan) = plan(&[hosts]);
    the_plan.rings[0].halt_on = Some(hosts);
    the_plan.terms.due = Some(DuePlan {
        by: "critical".to_owned(),
        within: DAY,
        released: None,
    });
    (fleet, the_plan)
}

fn due(hand: &Hand) -> DueView {
    hand.engine.view(hand.now).rollouts[0].due.clone().unwrap()
}

fn hold(hand: &mut Hand, host: &str, kind: HoldKind, until: Option<Timestamp>) {
    let hold = Command::Hold {
        hosts: vec![host.to_owned()],
        kind,
        reason: "disk".into(),
        until,
    };
    hand.command("ana", hold).unwrap();
}

/// Some have their windows tonight, and one on Saturday: when the others are done, that one is what is left.
#[test]
fn what_is_left_of_an_open_ring_waits_for_its_own_windows() {
    let (fleet, mut the_plan) = due_tomorrow(3);
    let mut limited = Timetable::always();
    limited.layers.push(ringway_calendar::Layer {
        whose: ringway_calendar::Whose::Fleet,
        windows: std::collections::BTreeMap::new(),
    });
    the_plan.times = Times {
        tables: vec![limited, Timetable::always()],
        of_slot: vec![0, 1, 1],
    };
    let mut hand = Hand::start((fleet, the_plan));
    let saturday = BEGIN + Span::hours(24 * 5);
    let open = vec![(saturday, saturday + Span::hours(8))];
    let always = vec![(BEGIN, BEGIN + Span::hours(24 * 400))];
    let tables = [open, always].map(|open| Table {
        open,
        frozen: Vec::new(),
    });
    let calendar = Calendar {
        zones: "test".to_owned(),
        until: BEGIN + Span::hours(24 * 400),
        tables: tables.into(),
    };
    let rollout = ONE;
    let _ = hand.take(Input::Calendar { rollout, calendar });
    for visited in [1, 2] {
        let told = due(&hand);
        assert!(told.missed && told.earliest >= Some(saturday), "{told:?}");
        hand.visit(visited);
    }
    let told = due(&hand);
    assert!(told.missed && told.earliest >= Some(saturday), "{told:?}");
    assert!(told.earliest < Some(saturday + Span::hours(8)), "{told:?}");
    assert_eq!(told.rings[0].starts, saturday);
}

#[test]
fn a_host_that_may_not_be_left_behind_is_waited_for_until_its_hold_ends() {
    for kind in [HoldKind::Hold, HoldKind::Maintenance] {
        let mut hand = Hand::start(due_tomorrow(2));
        let until = hand.now + Span::hours(24 * 5);
        hold(&mut hand, "h0", kind, Some(until));
        // What was begun on it is brought back, and what is not begun waits.
        hand.visit(0);
        hand.visit(1);
        let told = due(&hand);
        assert!(told.missed && told.earliest >= Some(until), "{told:?}");
        assert_eq!(told.held, [""; 0]);
    }
}

#[test]
fn a_host_that_may_be_left_behind_is_not_waited_for() {
    let (fleet, mut the_plan) = due_tomorrow(2);
    the_plan.rings[0].debt_allowed = 1;
    let mut hand = Hand::start((fleet, the_plan));
    hold(&mut hand, "h0", HoldKind::Hold, None);
    hand.visit(0);
    let told = due(&hand);
    assert!(!told.missed && told.earliest < Some(told.at), "{told:?}");
    assert_eq!(told.held, [""; 0]);
}

#[test]
fn a_hold_without_an_end_is_said_to_keep_it_from_being_complete() {
    let mut hand = Hand::start(due_tomorrow(2));
    hold(&mut hand, "h0", HoldKind::Hold, None);
    hand.visit(0);
    hand.visit(1);
    let told = due(&hand);
    assert_eq!((told.held, told.missed), (vec!["h0".to_owned()], false));
    hand.pass(Span::hours(25));
    assert!(due(&hand).missed, "the date has passed");
}

/// Somebody who looks later than the last thing that happened is told of what is to come.
#[test]
fn what_is_the_earliest_has_not_passed() {
    let mut hand = Hand::start(due_tomorrow(1));
    hold(&mut hand, "h0", HoldKind::Hold, None);
    hand.visit(0);
    let later = hand.now + Span::hours(2);
    let view = hand.engine.view(later);
    let told = view.rollouts[0].due.as_ref().unwrap();
    assert!(told.earliest >= Some(later), "{told:?}");
}

#[test]
fn visits_in_flight_take_what_is_left_of_them_and_settle() {
    let (fleet, mut the_plan) = due_tomorrow(1);
    the_plan.pace.settle = Span::hours(3);
    for step in &mut the_plan.routes[0].steps {
        if step.kind == StepKind::Apply {
            step.step.timeout = Span::hours(30);
            step.more = More::Manual {
                instructions: "at the console".into(),
                evidence: false,
            };
        }
    }
    let mut hand = Hand::start((fleet, the_plan));
    hand.until(0, StepKind::Drain);
    hand.good(0);
    let by_hand = hand.now + Span::hours(33);
    let told = due(&hand);
    assert!(told.missed && told.earliest >= Some(by_hand), "{told:?}");
    let done = Command::Done {
        rollout: None,
        host: "h0".into(),
        told: ringway_engine::Told::Done,
        reason: String::new(),
        exhibit: None,
    };
    hand.command("ana", done).unwrap();
    let told = due(&hand);
    assert!(!told.missed, "{told:?}");
    hand.visit(0);
    assert_eq!(hand.state(0), "settling");
    let told = due(&hand);
    assert_eq!(told.earliest, Some(hand.now + Span::hours(3)));
}
