//! A plan's terms: working time of a soak, hours for approvals, freezes that people override, external gates.

use ringway_calendar::{FreezeRule, Timetable};
use ringway_engine::{Calendar, Command, Event, Input, Subject, Table};
use ringway_model::{Actor, RingIndex, Says, Span, StepKind, Timestamp};
use ringway_policy::validated::{Command as Run, Frozen, Hours, Moment, ZoneName};
use ringway_scheduler::terms::{DuePlan, ExternalPlan, HoursPlan, Terms, Working};
use ringway_scheduler::times::Times;

use crate::support::{Hand, ONE, approvals, plan};

const BEGIN: Timestamp = Timestamp(1_000_000);

fn minutes(pairs: &[(u64, u64)]) -> Vec<(Timestamp, Timestamp)> {
    let at = |minute| BEGIN + Span::minutes(minute);
    pairs.iter().map(|&(a, b)| (at(a), at(b))).collect()
}

/// Tells when each rule of the plan holds.
fn tell(hand: &mut Hand, rules: &[&[(u64, u64)]]) {
    let tables = rules.iter().map(|open| Table {
        open: minutes(open),
        frozen: Vec::new(),
    });
    let calendar = Calendar {
        zones: "test".to_owned(),
        until: BEGIN + Span::hours(24 * 400),
        tables: tables.collect(),
    };
    let _ = hand.take(Input::Calendar {
        rollout: ONE,
        calendar,
    });
}

fn hours() -> HoursPlan {
    HoursPlan {
        zone: ZoneName::utc(),
        hours: Hours(Vec::new()),
    }
}

/// One host, whose ring soaks for an hour of which half an hour must be working time.
fn working() -> Hand {
    let (fleet, mut the_plan) = plan(&[1, 1]);
    the_plan.rings[0].soak = Span::hours(1);
    the_plan.terms = Terms {
        hours: vec![hours()],
        working: vec![
            Some(Working {
                time: Span::minutes(30),
                hours: 0,
            }),
            None,
        ],
        ..Terms::default()
    };
    Hand::start((fleet, the_plan))
}

fn soak_until(hand: &Hand) -> Option<Timestamp> {
    hand.engine.view(hand.now).rollouts[0].rings[0].soak_until
}

/// The soak of the first ring began at the beginning: nothing takes time here but what is let pass.
#[test]
fn a_soak_ends_when_enough_of_it_was_working_time_and_says_when_that_is() {
    let mut hand = working();
    tell(&mut hand, &[&[(50, 70), (200, 300)]]);
    hand.visit(0);
    assert_eq!(hand.waiting(), ["soak"]);
    let end = BEGIN + Span::minutes(210);
    assert_eq!(
        soak_until(&hand),
        Some(end),
        "20 minutes in the first hours, 10 in the second"
    );
    hand.pass(Span::minutes(100));
    assert_eq!((soak_until(&hand), hand.running(1)), (Some(end), None));
    hand.pass(Span::minutes(109));
    assert_eq!(hand.running(1), None);
    hand.pass(Span::minutes(1));
    assert_eq!(hand.running(1), Some(StepKind::Inspect));
}

#[test]
fn working_time_in_which_nobody_ran_or_that_nobody_knew_of_does_not_count() {
    let mut hand = working();
    hand.visit(0);
    assert_eq!(
        hand.waiting(),
        ["calendar"],
        "nobody knows when people work"
    );
    hand.pass(Span::minutes(10));
    tell(&mut hand, &[&[(0, 1000)]]);
    // 10 minutes passed before anybody knew; 5 count, then Ringway is away for 100.
    hand.pass(Span::minutes(5));
    hand.crash(Span::minutes(100));
    assert_eq!(
        soak_until(&hand),
        Some(hand.now + Span::minutes(45)),
        "45 minutes of observation are missing, 25 of working time"
    );
    // Other hours from now on: what was counted stays.
    tell(&mut hand, &[&[(0, 115), (300, 400)]]);
    assert_eq!(soak_until(&hand), Some(BEGIN + Span::minutes(325)));
    hand.pass(Span::minutes(209));
    assert_eq!(hand.running(1), None);
    hand.pass(Span::minutes(1));
    assert_eq!(hand.running(1), Some(StepKind::Inspect));
}

/// A snapshot keeps what was counted.
#[test]
fn a_snapshot_keeps_working_time_gates_and_overrides() {
    let mut hand = working();
    tell(&mut hand, &[&[(0, 1000)]]);
    hand.visit(0);
    hand.pass(Span::minutes(10));
    hand.command(
        "ana",
        Command::Stop {
            reason: "lunch".to_owned(),
        },
    )
    .unwrap();
    let again = hand.decoded(&hand.engine.encode());
    assert_eq!(again.state_digest(), hand.engine.state_digest());
    let mut gated = gated();
    say(&mut gated, Says::Closed);
    let again = gated.decoded(&gated.engine.encode());
    assert_eq!(again.gate_says(ONE, 0), Some(Says::Closed));
    let mut frozen = frozen(true);
    override_freeze(&mut frozen, "closing", "urgent", 100).unwrap();
    let again = frozen.decoded(&frozen.engine.encode());
    assert_eq!(
        again.view(frozen.now).rollouts[0].overrides,
        frozen.engine.view(frozen.now).rollouts[0].overrides
    );
}

/// A ring whose promotion needs a yes that counts in some hours.
fn by_day() -> Hand {
    let (fleet, mut the_plan) = plan(&[1, 1]);
    the_plan.rings[0].soak = Span::minutes(10);
    the_plan.rings[0].after_soak = Some(approvals(1, &["ana"]));
    the_plan.terms = Terms {
        hours: vec![hours()],
        after_soak: vec![Some(0), None],
        ..Terms::default()
    };
    Hand::start((fleet, the_plan))
}

fn approve(hand: &mut Hand) -> Result<bool, String> {
    let approval = hand.engine.view(hand.now).rollouts[0]
        .approval
        .clone()
        .unwrap();
    let command = Command::Approve {
        rollout: ONE,
        subject: Subject::Promotion { ring: RingIndex(0) },
        digest: approval.digest,
    };
    hand.command("ana", command)
        .map_err(|rejected| format!("{}: {}", rejected.code, rejected.hint.unwrap_or_default()))
}

#[test]
fn a_yes_outside_its_hours_is_refused_with_when_it_counts_and_a_no_never_is() {
    let mut hand = by_day();
    hand.visit(0);
    assert!(
        approve(&mut hand).unwrap_err().starts_with("outside-hours"),
        "nobody knows the hours"
    );
    tell(&mut hand, &[&[(60, 120)]]);
    hand.pass(Span::minutes(20));
    assert_eq!(hand.waiting(), ["approval", "approval-hours"]);
    let opens = BEGIN + Span::minutes(60);
    assert_eq!(
        approve(&mut hand),
        Err(format!("outside-hours: approve from {opens} on"))
    );
    let shown = hand.engine.view(hand.now).rollouts[0]
        .approval
        .clone()
        .unwrap();
    assert_eq!(shown.counts_from, Some(opens));
    let mut other = by_day();
    tell(&mut other, &[&[(60, 120)]]);
    let no = Command::Reject {
        rollout: ONE,
        reason: "not now".to_owned(),
    };
    assert_eq!(other.command("ana", no).map_err(|it| it.code), Ok(true));
    hand.pass(Span::minutes(40));
    assert_eq!(hand.waiting(), ["approval"]);
    assert_eq!(approve(&mut hand), Ok(true));
    assert_eq!(hand.running(1), Some(StepKind::Inspect));
}

/// Hours are about the yes: what was approved by day happens when its time comes.
#[test]
fn a_yes_that_was_given_in_its_hours_promotes_outside_of_them() {
    let mut hand = by_day();
    tell(&mut hand, &[&[(0, 5)]]);
    hand.visit(0);
    assert_eq!(approve(&mut hand), Ok(true));
    hand.pass(Span::minutes(10));
    assert_eq!(hand.running(1), Some(StepKind::Inspect));
}

/// Two rings of one host, behind an external gate.
fn gated() -> Hand {
    let (fleet, mut the_plan) = plan(&[1, 1]);
    the_plan.rings[0].soak = Span::minutes(10);
    the_plan.terms.external.push(ExternalPlan {
        name: "change-open".to_owned(),
        run: Run::Shell("./change-approved".to_owned()),
        every: Span::minutes(5),
        timeout: Span::seconds(30),
    });
    Hand::start((fleet, the_plan))
}

fn say(hand: &mut Hand, says: Says) {
    let why = "CHG-1".to_owned();
    let _ = hand.take(Input::GateSaid {
        rollout: ONE,
        gate: 0,
        says,
        why,
    });
}

#[test]
fn nothing_begins_unless_a_gate_is_open_and_what_has_begun_goes_on() {
    let mut hand = gated();
    assert_eq!(
        (hand.waiting(), hand.running(0)),
        (vec!["external-gate"], None)
    );
    say(&mut hand, Says::Closed);
    assert_eq!(hand.running(0), None);
    let why = &hand.engine.view(hand.now).rollouts[0].waiting[0].why;
    assert!(
        why.contains("gate `change-open` is closed") && why.contains("CHG-1"),
        "{why}"
    );
    say(&mut hand, Says::Open);
    assert_eq!(hand.running(0), Some(StepKind::Inspect));
    let told = hand.journal.len();
    say(&mut hand, Says::Open);
    assert_eq!(hand.journal.len(), told, "the same once more is no news");
    say(&mut hand, Says::Closed);
    hand.visit(0);
    assert_eq!(hand.state(0), "updated", "a visit that has begun goes on");
    hand.pass(Span::minutes(10));
    assert_eq!(
        (hand.waiting(), hand.running(1)),
        (vec!["external-gate"], None)
    );
    say(&mut hand, Says::Open);
    assert_eq!(hand.running(1), Some(StepKind::Inspect));
}

/// Nobody asked while nobody ran.
#[test]
fn what_a_gate_said_before_a_crash_is_not_known_after_it() {
    let mut hand = gated();
    say(&mut hand, Says::Open);
    hand.visit(0);
    hand.pass(Span::minutes(10));
    hand.until(1, StepKind::Apply);
    hand.crash(Span::minutes(1));
    assert_eq!(hand.engine.gate_says(ONE, 0), Some(Says::Unknown));
    assert_eq!(hand.running(1), Some(StepKind::Apply));
    hand.visit(1);
    assert_eq!(
        hand.rollout(),
        "advancing",
        "the last ring is not promoted either"
    );
    say(&mut hand, Says::Open);
    assert_eq!(hand.rollout(), "completed");
}

#[test]
fn a_rollback_asks_no_gate() {
    let mut hand = gated();
    say(&mut hand, Says::Open);
    hand.visit(0);
    say(&mut hand, Says::Closed);
    let command = Command::Rollback {
        rollout: ONE,
        reason: "it is slow".to_owned(),
    };
    hand.command("ana", command).unwrap();
    assert!(hand.running(0).is_some());
}

/// One host in two freezes; the first holds in the minutes 0 to 500, the second from 300 on. Windows end at 450.
fn frozen(permitted: bool) -> Hand {
    let (fleet, mut the_plan) = plan(&[1]);
    let freeze = |name: &str| FreezeRule {
        name: name.to_owned(),
        whose: ringway_calendar::Whose::Policy,
        reason: None,
        zone: None,
        when: Frozen::Between {
            from: Moment::Instant(BEGIN),
            until: Moment::Instant(BEGIN),
        },
    };
    the_plan.times = Times {
        tables: vec![Timetable {
            freezes: vec![freeze("closing"), freeze("fair")],
            ..Timetable::always()
        }],
        of_slot: vec![0],
    };
    the_plan.terms.freeze_override = permitted;
    the_plan.terms.binding = ["fair".to_owned()].into();
    let mut hand = Hand::start((fleet, the_plan));
    if permitted {
        tell(&mut hand, &[&[], &[(0, 450)], &[(0, 500)], &[(300, 900)]]);
    } else {
        tell(&mut hand, &[&[]]);
    }
    hand
}

fn override_freeze(
    hand: &mut Hand,
    freeze: &str,
    reason: &str,
    minute: u64,
) -> Result<bool, String> {
    let command = Command::OverrideFreeze {
        rollout: ONE,
        freeze: freeze.to_owned(),
        reason: reason.to_owned(),
        until: BEGIN + Span::minutes(minute),
    };
    hand.command("ana", command)
        .map_err(|rejected| rejected.code)
}

/// The longest visit may take 85 minutes: see `times`.
#[test]
fn an_overridden_freeze_lets_a_visit_start_that_fits_before_it_holds_again() {
    let mut hand = frozen(true);
    assert_eq!(hand.running(0), None);
    assert_eq!(
        override_freeze(&mut hand, "closing", "urgent", 84),
        Ok(true)
    );
    assert_eq!(hand.running(0), None, "it would not end in time");
    assert_eq!(
        override_freeze(&mut hand, "closing", "urgent", 85),
        Ok(true)
    );
    assert_eq!(hand.running(0), Some(StepKind::Inspect));
    assert_eq!(
        override_freeze(&mut hand, "closing", "urgent", 85),
        Ok(false),
        "it was so"
    );
    let last = hand
        .journal
        .iter()
        .rev()
        .find_map(|(_, event)| match event {
            Event::FreezeOverridden { actor, reason, .. } => Some((actor.clone(), reason.clone())),
            _ => None,
        });
    assert_eq!(last, Some((Actor("ana".to_owned()), "urgent".to_owned())));
    // It ends by itself: the rest of a visit that takes longer waits, and the host is back in service meanwhile.
    hand.until(0, StepKind::Precheck);
    hand.pass(Span::minutes(60));
    hand.good(0);
    assert_eq!(
        (hand.running(0), hand.state(0)),
        (None, "pending".to_owned())
    );
}

/// Windows hold all the same, and so does every other freeze.
#[test]
fn an_override_opens_no_window_and_no_other_freeze() {
    let mut hand = frozen(true);
    override_freeze(&mut hand, "closing", "urgent", 5000).unwrap();
    assert_eq!(hand.running(0), Some(StepKind::Inspect));
    let mut late = frozen(true);
    late.pass(Span::minutes(216));
    override_freeze(&mut late, "closing", "urgent", 5000).unwrap();
    assert_eq!(late.running(0), None, "84 minutes until the other freeze");
    let view = &late.engine.host_views("h0")[0];
    assert_eq!(
        view.waiting[0].earliest, None,
        "after it no window is open any more"
    );
}

#[test]
fn who_may_not_work_in_a_freeze_is_told_why() {
    let mut hand = frozen(true);
    for (freeze, reason, minute, code) in [
        ("fair", "urgent", 100, "not-allowed"),
        ("no-such", "urgent", 100, "not-found"),
        ("closing", " ", 100, "reason-missing"),
        ("closing", "urgent", 0, "wrong-state"),
    ] {
        let said = override_freeze(&mut hand, freeze, reason, minute);
        assert_eq!(said, Err(code.to_owned()), "{freeze} {reason} {minute}");
    }
    let mut never = frozen(false);
    let said = override_freeze(&mut never, "closing", "urgent", 100);
    assert_eq!(
        said,
        Err("not-allowed".to_owned()),
        "the policy does not let it"
    );
}

#[test]
fn a_due_date_is_told_with_when_the_rollout_can_be_complete() {
    let (fleet, mut the_plan) = plan(&[1, 1]);
    the_plan.rings[0].soak = Span::hours(10);
    the_plan.rings[1].soak = Span::ZERO;
    the_plan.terms.due = Some(DuePlan {
        by: "critical".to_owned(),
        within: Span::hours(10),
        released: None,
    });
    let mut hand = Hand::start((fleet, the_plan));
    let due = hand.engine.view(hand.now).rollouts[0].due.clone().unwrap();
    assert_eq!(due.at, BEGIN + Span::hours(10));
    assert!(due.missed && due.earliest > Some(due.at), "{due:?}");
    hand.visit(0);
    let due = hand.engine.view(hand.now).rollouts[0].due.clone().unwrap();
    assert_eq!(due.rings[0].soaked, BEGIN + Span::hours(10));
    assert_eq!(due.rings.len(), 2);
}
