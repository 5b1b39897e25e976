//! Lanes: who lets a rollout into one, what that changes, and what never gives way.

use std::sync::Arc;

use ringway_calendar::{FreezeRule, Layer, Timetable, Whose};
use ringway_engine::{Calendar, Command, Event, Input, Subject, Table};
use ringway_model::{Digest, FailWhy, RingIndex, Share, Span, StepKind, StepResult, Timestamp};
use ringway_policy::validated::{Frozen, LaneSoak, Moment, NotBy};
use ringway_scheduler::Plan;
use ringway_scheduler::lane::LanePlan;
use ringway_scheduler::plan::Revision;
use ringway_scheduler::times::Times;

use crate::support::{Hand, ONE, approvals, plan};

const BEGIN: Timestamp = Timestamp(1_000_000);

/// Three rings of a host, with ten hours of soak; going on after the first needs ana or ben.
fn three_rings() -> Hand {
    let (fleet, mut the_plan) = plan(&[1, 1, 1]);
    for ring in &mut the_plan.rings {
        ring.soak = Span::hours(10);
        ring.halt_on = Some(2);
    }
    the_plan.rings[0].after_soak = Some(approvals(1, &["ana", "ben"]));
    Hand::start((fleet, the_plan))
}

/// The lane of all these tests: a tenth of each soak and at least half an hour, with the yes of two people.
fn in_lane(plan: &Plan) -> Plan {
    let mut plan = plan.clone();
    let soak = LaneSoak {
        scale: Share::from_millionths(100_000).unwrap(),
        at_least: Span::minutes(30),
    };
    let rings = (0..plan.rings.len()).map(|ring| plan.without(ring).unwrap());
    let lane = LanePlan {
        name: "fast".to_owned(),
        allowed_when: "exploited".to_owned(),
        soak: Some(soak),
        ignores_windows: true,
        overrides_freezes: true,
        rings: rings.collect(),
        times: plan.without_lane().clone(),
    };
    for ring in &mut plan.rings {
        ring.soak = soak.of(ring.soak);
    }
    let mut start = approvals(2, &["eve", "flo", "olga", "ana"]);
    start.not_by = vec![NotBy::Starter];
    plan.start = Some(start);
    plan.terms.freeze_override = true;
    for table in &mut plan.times.tables {
        *table = table.ignoring_windows();
    }
    if plan.times.tables.iter().all(Timetable::is_always) {
        plan.times = Times::default();
    }
    plan.lane = Some(lane);
    plan
}

/// The plan without its lane.
fn ordinary(plan: &Plan) -> Plan {
    let mut plan = plan.clone();
    let lane = plan.lane.take().unwrap();
    for (ring, without) in plan.rings.iter_mut().zip(&lane.rings) {
        ring.soak = without.soak;
    }
    (plan.start, plan.times) = (None, lane.times);
    plan.terms.freeze_override = false;
    plan
}

/// The next revision of the plan, changed so, made known.
fn revision(hand: &mut Hand, change: impl FnOnce(&Plan) -> Plan) -> Digest {
    let view = hand.engine.view(hand.now).rollouts.remove(0);
    let mut plan = change(&hand.engine.open()[0].plan);
    plan.revises = Some(Revision {
        of: view.plan,
        joined: Vec::new(),
        too_late: Vec::new(),
        misfits: Vec::new(),
    });
    let (digest, plan) = (plan.digest(), Arc::new(plan));
    hand.plans.push((digest, Arc::clone(&plan)));
    hand.engine.provide_plan(digest, plan);
    digest
}

fn expedite(hand: &mut Hand, who: &str, plan: Digest, reason: &str) -> Result<bool, String> {
    let command = Command::Expedite {
        rollout: ONE,
        plan,
        reason: reason.to_owned(),
    };
    hand.command(who, command).map_err(|rejected| rejected.code)
}

fn ask(hand: &mut Hand) -> Digest {
    let digest = revision(hand, in_lane);
    assert_eq!(expedite(hand, "dan", digest, "exploited"), Ok(true));
    digest
}

fn yes(hand: &mut Hand, who: &str) -> Result<bool, String> {
    let view = hand.engine.view(hand.now).rollouts.remove(0);
    let wanted = view.approval.expect("it can be approved");
    assert_eq!(
        wanted.subject,
        Subject::Lane,
        "what is asked for comes first"
    );
    let command = Command::Approve {
        rollout: ONE,
        subject: Subject::Lane,
        digest: wanted.digest,
    };
    hand.command(who, command).map_err(|rejected| rejected.code)
}

fn lane(hand: &Hand) -> Option<String> {
    let view = hand.engine.view(hand.now).rollouts.remove(0);
    view.lane.map(|lane| lane.name)
}

fn phase(hand: &Hand, ring: usize) -> String {
    hand.engine.view(hand.now).rollouts[0].rings[ring]
        .phase
        .clone()
}

fn voided(hand: &Hand) -> Vec<String> {
    let events = hand.journal.iter().map(|(_, event)| event);
    let voided = events.filter_map(|event| match event {
        Event::ApprovalVoided { why, .. } => Some(why.clone()),
        _ => None,
    });
    voided.collect()
}

#[test]
fn a_lane_is_entered_with_the_yes_of_as_many_people_as_it_asks_for_and_of_no_others() {
    let mut hand = three_rings();
    hand.visit(0);
    ask(&mut hand);
    assert_eq!(lane(&hand), None, "nobody approved it");
    assert_eq!(
        yes(&mut hand, "ben"),
        Err("not-allowed".into()),
        "of no team"
    );
    assert_eq!(
        yes(&mut hand, "olga"),
        Err("not-allowed".into()),
        "she started it"
    );
    assert_eq!(yes(&mut hand, "eve"), Ok(true));
    assert_eq!(yes(&mut hand, "eve"), Err("already-approved".into()));
    assert_eq!(lane(&hand), None, "one of two");
    assert_eq!(yes(&mut hand, "flo"), Ok(true));
    assert_eq!(lane(&hand).as_deref(), Some("fast"));
    let people = hand.journal.iter().find_map(|(_, event)| match event {
        Event::Expedited { people, .. } => Some(people.clone()),
        _ => None,
    });
    assert_eq!(people.unwrap(), ["eve", "flo"]);
}

#[test]
fn whoever_asks_for_a_lane_may_not_approve_it_where_duties_are_separated() {
    let mut hand = three_rings();
    hand.visit(0);
    let digest = revision(&mut hand, in_lane);
    expedite(&mut hand, "eve", digest, "exploited").unwrap();
    assert_eq!(yes(&mut hand, "eve"), Err("not-allowed".into()));
    assert_eq!(yes(&mut hand, "ana"), Ok(true));
    assert_eq!(yes(&mut hand, "flo"), Ok(true));
    assert_eq!(lane(&hand).as_deref(), Some("fast"));
}

#[test]
fn a_soak_that_was_long_enough_for_the_lane_ends_as_it_is_entered() {
    let mut hand = three_rings();
    hand.visit(0);
    hand.pass(Span::minutes(70));
    ask(&mut hand);
    yes(&mut hand, "eve").unwrap();
    assert_eq!(phase(&hand, 0), "soaking");
    yes(&mut hand, "flo").unwrap();
    assert_eq!(phase(&hand, 0), "promoting", "an hour of ten was enough");
    assert_eq!(hand.waiting(), ["approval"], "its own approvals hold");
}

#[test]
fn what_was_observed_before_counts_in_the_lane_and_the_rest_is_waited_for() {
    let mut hand = three_rings();
    hand.visit(0);
    hand.pass(Span::minutes(20));
    ask(&mut hand);
    yes(&mut hand, "eve").unwrap();
    yes(&mut hand, "flo").unwrap();
    hand.pass(Span::minutes(39));
    assert_eq!(phase(&hand, 0), "soaking", "59 minutes of 60");
    hand.pass(Span::minutes(1));
    assert_eq!(phase(&hand, 0), "promoting");
}

#[test]
fn a_yes_to_what_is_to_come_is_void_when_the_plan_is_another_one() {
    let mut hand = three_rings();
    hand.visit(0);
    let view = hand.engine.view(hand.now).rollouts.remove(0);
    let ahead = view.approval.unwrap();
    let subject = Subject::Promotion { ring: RingIndex(0) };
    assert_eq!(ahead.subject, subject);
    let approve = Command::Approve {
        rollout: ONE,
        subject,
        digest: ahead.digest,
    };
    hand.command("ana", approve).unwrap();
    ask(&mut hand);
    yes(&mut hand, "eve").unwrap();
    yes(&mut hand, "flo").unwrap();
    assert_eq!(voided(&hand), ["the rollout entered lane `fast`"]);
    hand.pass(Span::hours(2));
    assert_eq!(
        (phase(&hand, 0), hand.waiting()),
        ("promoting".into(), vec!["approval"])
    );
}

#[test]
fn a_failure_between_two_yeses_voids_the_first() {
    let mut hand = three_rings();
    ask(&mut hand);
    yes(&mut hand, "eve").unwrap();
    hand.until(0, StepKind::Apply);
    hand.end(0, StepResult::Failed(FailWhy::Exit));
    assert!(voided(&hand)[0].contains("failed"), "{:?}", voided(&hand));
    assert_eq!(yes(&mut hand, "flo"), Ok(true));
    assert_eq!(lane(&hand), None, "one of two again");
}

#[test]
fn going_back_takes_nobodys_yes_and_the_rest_of_the_soak_is_waited_for() {
    let mut hand = three_rings();
    hand.visit(0);
    hand.pass(Span::minutes(70));
    ask(&mut hand);
    yes(&mut hand, "eve").unwrap();
    yes(&mut hand, "flo").unwrap();
    assert_eq!(phase(&hand, 0), "promoting");
    let digest = revision(&mut hand, ordinary);
    assert_eq!(
        expedite(&mut hand, "ben", digest, "mended at the firewall"),
        Ok(true)
    );
    assert_eq!((lane(&hand), phase(&hand, 0)), (None, "soaking".to_owned()));
    hand.pass(Span::minutes(9 * 60 - 1));
    assert_eq!(phase(&hand, 0), "soaking", "an hour counts, nine are left");
    hand.pass(Span::minutes(1));
    assert_eq!(phase(&hand, 0), "promoting");
}

#[test]
fn a_request_is_withdrawn_by_going_back_and_its_yeses_are_void() {
    let mut hand = three_rings();
    hand.visit(0);
    ask(&mut hand);
    yes(&mut hand, "eve").unwrap();
    let digest = revision(&mut hand, Plan::clone);
    assert_eq!(expedite(&mut hand, "ben", digest, "not needed"), Ok(true));
    assert_eq!(voided(&hand).len(), 1);
    let view = hand.engine.view(hand.now).rollouts.remove(0);
    assert!(view.lane_asked.is_none());
    assert_eq!(
        expedite(&mut hand, "ben", digest, "not needed"),
        Ok(false),
        "it is so"
    );
}

#[test]
fn a_plan_that_gives_way_where_no_lane_does_is_refused() {
    type Change = fn(&mut Plan);
    let changes: [(&str, Change); 10] = [
        ("a budget", |plan| plan.budget_down = Some(3)),
        ("a halt", |plan| plan.rings[1].halt_on = None),
        ("hosts left behind", |plan| plan.rings[1].debt_allowed = 1),
        ("who goes first", |plan| plan.slots.swap(0, 1)),
        ("a route", |plan| {
            plan.routes[0].release = "other".to_owned();
        }),
        ("what is repeated", |plan| plan.retry.times = 9),
        ("how long a host settles", |plan| plan.pace.settle = Span(1)),
        ("the policy's soak", |plan| {
            plan.lane.as_mut().unwrap().rings[1].soak = Span::hours(5);
            plan.rings[1].soak = Span::minutes(30);
        }),
        ("documents", |plan| {
            plan.documents
                .insert("policy/p".into(), Digest::of(b"another"));
        }),
        ("its update", |plan| plan.update = "another".to_owned()),
    ];
    for (what, change) in changes {
        let mut hand = three_rings();
        hand.visit(0);
        let digest = revision(&mut hand, |plan| {
            let mut plan = in_lane(plan);
            change(&mut plan);
            plan
        });
        let refused = expedite(&mut hand, "dan", digest, "exploited");
        assert_eq!(refused, Err("stale-plan".into()), "{what}");
    }
}

/// The plan says what was reviewed of its policy's lanes: what comes with a request is compared with that.
#[test]
fn a_plan_of_a_lane_that_nobody_reviewed_is_refused() {
    let (fleet, mut the_plan) = plan(&[1, 1, 1]);
    let terms = ringway_scheduler::lane::LaneTerms {
        rings: 3,
        binding: std::collections::BTreeSet::new(),
        digest: Digest::of(b"what was reviewed"),
    };
    the_plan.lanes.insert("fast".to_owned(), terms);
    let mut hand = Hand::start((fleet, the_plan));
    hand.visit(0);
    let digest = revision(&mut hand, in_lane);
    let refused = expedite(&mut hand, "dan", digest, "exploited");
    assert_eq!(refused, Err("stale-plan".into()));
    // And what it says of them is not changed on the way.
    let digest = revision(&mut hand, |plan| {
        let mut plan = in_lane(plan);
        plan.lanes.clear();
        plan
    });
    let refused = expedite(&mut hand, "dan", digest, "exploited");
    assert_eq!(refused, Err("stale-plan".into()));
}

/// Where another lane is asked for, wanting the present one means not to want that.
#[test]
fn a_request_is_withdrawn_from_within_a_lane_as_well() {
    let mut hand = three_rings();
    hand.visit(0);
    ask(&mut hand);
    for who in ["eve", "flo"] {
        yes(&mut hand, who).unwrap();
    }
    assert_eq!(lane(&hand), Some("fast".to_owned()));
    let other = revision(&mut hand, |plan| {
        let mut plan = plan.clone();
        plan.lane.as_mut().unwrap().name = "faster".to_owned();
        plan
    });
    assert_eq!(expedite(&mut hand, "dan", other, "exploited"), Ok(true));
    let same = revision(&mut hand, Plan::clone);
    assert_eq!(expedite(&mut hand, "ben", same, "not needed"), Ok(true));
    let view = hand.engine.view(hand.now).rollouts.remove(0);
    assert!(view.lane_asked.is_none());
    assert_eq!(lane(&hand), Some("fast".to_owned()));
    assert_eq!(expedite(&mut hand, "ben", same, "not needed"), Ok(false));
}

#[test]
fn a_lane_is_for_rollouts_on_their_way_and_takes_a_reason() {
    let mut hand = three_rings();
    hand.visit(0);
    let digest = revision(&mut hand, in_lane);
    assert_eq!(
        expedite(&mut hand, "dan", digest, " "),
        Err("reason-missing".into())
    );
    let halt = Command::Halt {
        rollout: ONE,
        reason: "harm".to_owned(),
    };
    hand.command("ana", halt).unwrap();
    assert_eq!(
        expedite(&mut hand, "dan", digest, "exploited"),
        Err("wrong-state".into())
    );
    let cancel = Command::Cancel {
        rollout: ONE,
        reason: "enough".to_owned(),
    };
    hand.command("ana", cancel).unwrap();
    assert_eq!(
        expedite(&mut hand, "dan", digest, "exploited"),
        Err("wrong-state".into())
    );
}

/// A window of the fleet that is never open, binding for everybody or not, in minutes from the beginning on.
fn closed(binding: bool) -> Hand {
    let (fleet, mut the_plan) = plan(&[1]);
    let zone = ringway_policy::validated::ZoneName::utc();
    let window = ringway_policy::read(&[ringway_policy::Source::new(
        "fleet.yaml",
        format!(
            "ringway: fleet/v1\nname: f\nhosts: [{{ name: a }}]\nconnect: [{{ select: all, local: {{}} }}]\nwindows: {{ w: {{ days: sun, start: \"02:00\", for: 3h{} }} }}\n",
            if binding { ", binding: always" } else { "" }
        )
        .into_bytes(),
    )])
    .unwrap()
    .fleet
    .unwrap()
    .calendar
    .windows["w"]
        .clone();
    the_plan.times = Times {
        tables: vec![Timetable {
            zone,
            layers: vec![Layer {
                whose: Whose::Fleet,
                windows: [("w".to_owned(), window)].into(),
            }],
            freezes: Vec::new(),
        }],
        of_slot: vec![0],
    };
    let mut hand = Hand::start((fleet, the_plan));
    let calendar = Calendar {
        zones: "test".to_owned(),
        until: BEGIN + Span::hours(24 * 400),
        tables: vec![Table::default()],
    };
    let _ = hand.take(Input::Calendar {
        rollout: ONE,
        calendar,
    });
    hand
}

#[test]
fn a_host_that_waits_for_a_window_starts_as_the_lane_is_entered_unless_that_is_binding() {
    for (binding, runs) in [(false, Some(StepKind::Inspect)), (true, None)] {
        let mut hand = closed(binding);
        assert_eq!(hand.running(0), None);
        ask(&mut hand);
        yes(&mut hand, "eve").unwrap();
        yes(&mut hand, "flo").unwrap();
        assert_eq!(hand.running(0), runs, "binding: {binding}");
        if binding {
            assert_eq!(hand.host_waiting(0), ["window"]);
        }
    }
}

/// A rollout that starts in its lane in two freezes, one of which is binding.
fn frozen(reason: Option<&str>, binding: &str) -> Hand {
    let (fleet, mut the_plan) = plan(&[1]);
    let moment = Moment::Instant(BEGIN);
    let freeze = |name: &str| FreezeRule {
        name: name.to_owned(),
        whose: Whose::Policy,
        reason: None,
        zone: None,
        when: Frozen::Between {
            from: moment.clone(),
            until: moment.clone(),
        },
    };
    the_plan.times = Times {
        tables: vec![Timetable {
            freezes: vec![freeze("closing")],
            ..Timetable::always()
        }],
        of_slot: vec![0],
    };
    let mut the_plan = in_lane(&the_plan);
    the_plan.start = None;
    the_plan.terms.binding = [binding.to_owned()].into();
    let mut hand = Hand::idle();
    match reason {
        None => hand.propose(fleet, the_plan),
        Some(reason) => {
            let fleet_digest = fleet.digest();
            the_plan.fleet = fleet_digest;
            let digest = the_plan.digest();
            hand.fleets.push((fleet_digest, Arc::new(fleet)));
            hand.plans.push((digest, Arc::new(the_plan)));
            hand.engine
                .provide_fleet(fleet_digest, Arc::clone(&hand.fleets[0].1));
            hand.engine
                .provide_plan(digest, Arc::clone(&hand.plans[0].1));
            let command = Command::ProposeIn {
                fleet: fleet_digest,
                plan: digest,
                key: None,
                change: None,
                reason: reason.to_owned(),
            };
            hand.command("olga", command).unwrap();
        }
    }
    let all = [&[][..], &[(0, 900)], &[(0, 500)]];
    let tables = all.map(|open: &[(u64, u64)]| Table {
        open: open
            .iter()
            .map(|(from, until)| (BEGIN + Span::minutes(*from), BEGIN + Span::minutes(*until)))
            .collect(),
        frozen: Vec::new(),
    });
    let calendar = Calendar {
        zones: "test".to_owned(),
        until: BEGIN + Span::hours(24 * 400),
        tables: tables.into(),
    };
    let _ = hand.take(Input::Calendar {
        rollout: ONE,
        calendar,
    });
    hand
}

#[test]
fn a_freeze_gives_way_to_a_lane_with_a_reason_and_never_where_it_is_binding() {
    for (reason, binding, runs) in [
        (None, "", None),
        (Some(""), "", None),
        (Some("exploited"), "", Some(StepKind::Inspect)),
        (Some("exploited"), "closing", None),
    ] {
        let hand = frozen(reason, binding);
        assert_eq!(lane(&hand).as_deref(), Some("fast"));
        assert_eq!(hand.running(0), runs, "{reason:?}, binding: {binding:?}");
    }
}

#[test]
fn a_reason_without_a_lane_is_refused() {
    let (fleet, mut the_plan) = plan(&[1]);
    let mut hand = Hand::idle();
    let fleet_digest = fleet.digest();
    the_plan.fleet = fleet_digest;
    let digest = the_plan.digest();
    hand.engine.provide_fleet(fleet_digest, Arc::new(fleet));
    hand.engine.provide_plan(digest, Arc::new(the_plan));
    let command = Command::ProposeIn {
        fleet: fleet_digest,
        plan: digest,
        key: None,
        change: None,
        reason: "exploited".to_owned(),
    };
    let refused = hand.command("olga", command).unwrap_err();
    assert_eq!(refused.code, "no-lane");
}

#[test]
fn a_snapshot_knows_the_lane_and_who_asks_for_one() {
    let mut hand = three_rings();
    hand.visit(0);
    ask(&mut hand);
    yes(&mut hand, "eve").unwrap();
    let again = hand.decoded(&hand.engine.encode());
    assert_eq!(again.state_digest(), hand.engine.state_digest());
    yes(&mut hand, "flo").unwrap();
    let again = hand.decoded(&hand.engine.encode());
    assert_eq!(again.state_digest(), hand.engine.state_digest());
    assert_eq!(again.view(hand.now), hand.engine.view(hand.now));
}
