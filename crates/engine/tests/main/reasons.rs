//! Everything that keeps a host is told, not only what decides; and where nothing goes on, which hosts are kept by what.

use ringway_calendar::Timetable;
use ringway_engine::view::HostView;
use ringway_engine::{Calendar, Command, HoldKind, Input, Table};
use ringway_model::{Evidence, Span, Timestamp};
use ringway_scheduler::times::Times;

use crate::support::{Hand, ONE, gate, group, plan};

const BEGIN: Timestamp = Timestamp(1_000_000);

/// A rule that limits something, whatever: the instants are told.
fn limited() -> Timetable {
    let mut rule = Timetable::always();
    rule.layers.push(ringway_calendar::Layer {
        whose: ringway_calendar::Whose::Fleet,
        windows: std::collections::BTreeMap::new(),
    });
    rule
}

/// Hosts in one ring, on which work may run from these hours on, for a day.
fn open_in(hosts: u32, hours: u64) -> Hand {
    let (fleet, mut the_plan) = plan(&[hosts]);
    the_plan.times = Times {
        tables: vec![limited()],
        of_slot: vec![0; hosts as usize],
    };
    let mut hand = Hand::start((fleet, the_plan));
    let opens = BEGIN + Span::hours(hours);
    let calendar = Calendar {
        zones: "test".to_owned(),
        until: BEGIN + Span::hours(24 * 400),
        tables: vec![Table {
            open: vec![(opens, opens + Span::hours(24))],
            frozen: Vec::new(),
        }],
    };
    let rollout = ONE;
    let _ = hand.take(Input::Calendar { rollout, calendar });
    hand
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

fn view(hand: &Hand, host: u32) -> HostView {
    let mut views = hand.engine.host_views(&format!("h{host}"));
    views.pop().unwrap()
}

fn pause(hand: &mut Hand) {
    let pause = Command::Pause {
        rollout: ONE,
        reason: "look".into(),
    };
    hand.command("olga", pause).unwrap();
}

#[test]
fn a_host_is_told_with_every_reason_and_the_latest_of_their_ends() {
    let mut hand = open_in(1, 100);
    hold(
        &mut hand,
        "h0",
        HoldKind::Hold,
        Some(BEGIN + Span::hours(120)),
    );
    let soon = BEGIN + Span::hours(4);
    hold(&mut hand, "h0", HoldKind::Maintenance, Some(soon));
    assert_eq!(hand.host_waiting(0), ["maintenance", "host-hold", "window"]);
    let told = view(&hand, 0);
    assert_eq!(told.waiting[0].earliest, Some(soon));
    assert_eq!(told.not_before, Some(BEGIN + Span::hours(120)));
    pause(&mut hand);
    let all = hand.host_waiting(0);
    assert_eq!(all, ["pause", "maintenance", "host-hold", "window"]);
}

/// When a hold ends its window may be over: then it is the next one that counts.
#[test]
fn the_earliest_of_all_is_in_a_window() {
    let mut hand = open_in(1, 100);
    hold(
        &mut hand,
        "h0",
        HoldKind::Hold,
        Some(BEGIN + Span::hours(130)),
    );
    let told = view(&hand, 0);
    assert_eq!(told.waiting.len(), 2, "{:?}", told.waiting);
    // No window is known after that one: what is known is told.
    assert_eq!(told.not_before, Some(BEGIN + Span::hours(130)));
}

#[test]
fn a_held_host_of_a_later_ring_is_told_of_its_hold_and_of_what_comes_first() {
    let mut hand = Hand::start(plan(&[1, 1]));
    hold(&mut hand, "h1", HoldKind::Hold, None);
    assert_eq!(hand.host_waiting(1), ["earlier-ring", "host-hold"]);
    let told = view(&hand, 1);
    assert_eq!(told.waiting[0].details, ["1 visit in flight, 0 to come"]);
    let ring = hand.engine.ring_waiting(ONE, ringway_model::RingIndex(1));
    let names: Vec<&str> = ring.iter().map(ringway_model::WaitingOn::name).collect();
    assert_eq!(names, ["earlier-ring", "visits"]);
}

#[test]
fn where_nothing_goes_on_hosts_are_named_with_what_keeps_them() {
    let mut hand = open_in(3, 100);
    hold(&mut hand, "h1", HoldKind::Hold, None);
    let rollout = hand.engine.rollout(ONE).unwrap();
    let kept: Vec<(&str, Vec<String>, u32)> = rollout
        .kept
        .iter()
        .map(|one| (one.waiting.on.name(), one.hosts.clone(), one.count))
        .collect();
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    assert_eq!(
        kept,
        [
            ("window", names(&["h0", "h1", "h2"]), 3),
            ("host-hold", names(&["h1"]), 1)
        ]
    );
    assert_eq!(
        rollout.kept[0].waiting.earliest,
        Some(BEGIN + Span::hours(100))
    );
    let visits = &rollout.waiting[0];
    assert_eq!(visits.on.name(), "visits");
    assert!(visits.unblocked_by.contains("what keeps its hosts"));
}

#[test]
fn hosts_that_are_too_many_to_be_left_behind_are_named() {
    let mut hand = Hand::start(plan(&[2]));
    hold(&mut hand, "h0", HoldKind::Hold, None);
    hand.visit(0);
    hand.visit(1);
    assert_eq!(hand.waiting(), ["debt"]);
    let rollout = hand.engine.rollout(ONE).unwrap();
    assert_eq!(
        rollout.waiting[0].why,
        "1 host offline or held, none may be left behind"
    );
    assert!(rollout.waiting[0].unblocked_by.contains("`release`"));
    assert_eq!(rollout.kept[0].waiting.on.name(), "host-hold");
    assert_eq!(rollout.kept[0].hosts, ["h0"]);
}

#[test]
fn members_of_a_group_that_do_not_count_are_named_with_why() {
    let (mut fleet, mut the_plan) = plan(&[1, 2]);
    group(&mut fleet, "db", &[0, 1, 2], &[], Some(2));
    the_plan.gates = vec![gate()];
    let mut hand = Hand::idle();
    hand.propose(fleet, the_plan);
    let until = hand.now + Span::hours(4);
    hold(&mut hand, "h1", HoldKind::Maintenance, Some(until));
    for host in 0..3 {
        hand.evidence(host, Evidence::Up);
    }
    assert_eq!(hand.host_waiting(0), ["peer-evidence"]);
    let told = view(&hand, 0);
    assert_eq!(
        told.waiting[0].details,
        [format!(
            "`h1` is in maintenance declared by ana until {until}: disk"
        )]
    );
    assert_eq!(told.waiting[0].earliest, Some(until));
    hand.evidence(2, Evidence::Down);
    let told = view(&hand, 0);
    assert_eq!(told.waiting[0].details.len(), 2, "{:?}", told.waiting);
    assert_eq!(told.waiting[0].details[1], "`h2` is down by its probe `up`");
    // Two are missing, and the later of the two can come when the maintenance ends.
    assert_eq!(told.waiting[0].earliest, Some(until));
}
