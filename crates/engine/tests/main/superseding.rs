//! A newer rollout takes over from another one: which parts of the fleet it begins with, what carries over, and what never
//! happens again.

use std::sync::Arc;

use ringway_engine::{Command, Rejected};
use ringway_model::{
    Content, Digest, Evidence, FailWhy, RolloutId, RouteId, Span, StepKind, StepResult,
};
use ringway_policy::validated::{AlreadyUnhealthy, OnHalt};
use ringway_scheduler::plan::{RingPlan, SlotPlan};
use ringway_scheduler::{FleetSpec, Part, Plan, Supersedes};

use crate::support::{Hand, ONE, approvals, full_route, gate, good, group, plan};

pub(crate) const TWO: RolloutId = RolloutId(2);

/// A plan of a fix that begins with the parts in which a rollout has left the fleet now.
pub(crate) fn fix_of(hand: &Hand, old: RolloutId) -> Plan {
    let situation = hand.engine.situation(old).unwrap();
    let (before, fleet) = hand.engine.plan_of(old).unwrap();
    let part = |slot: &SlotPlan| situation.part(&fleet.hosts[slot.host.index()].name);
    let mut rings: Vec<(String, Vec<SlotPlan>)> = Vec::new();
    let mut parts = Vec::new();
    for touched in Part::TOUCHED {
        let of: Vec<SlotPlan> = before
            .slots
            .iter()
            .copied()
            .filter(|slot| part(slot) == touched)
            .collect();
        if !of.is_empty() {
            rings.push((touched.words().to_owned(), of));
            parts.push(touched);
        }
    }
    let begins = before.supersedes.as_ref().map_or(0, |it| it.parts.len());
    for ring in &before.rings[begins..] {
        let slots = before.slots[ring.slots()].iter().copied();
        let slots = slots.filter(|slot| part(slot) == Part::Untouched);
        rings.push((ring.name.clone(), slots.collect()));
    }
    let mut fix = full_route();
    fix.release = format!("fix of {}", before.routes[0].release);
    let mut first = 0;
    let rings_of_plan = rings.iter().enumerate().map(|(at, (name, hosts))| {
        let planned = u32::try_from(hosts.len()).unwrap();
        let ring = RingPlan {
            name: name.clone(),
            first: ringway_model::Slot(first),
            planned,
            halt_on: (parts.get(at) != Some(&Part::Broken)).then_some(1),
            debt_allowed: 0,
            soak: Span::ZERO,
            after_soak: None,
        };
        first += planned;
        ring
    });
    Plan {
        update: "fix".into(),
        rings: rings_of_plan.collect(),
        slots: rings
            .iter()
            .flat_map(|(_, hosts)| hosts)
            .map(|slot| SlotPlan {
                route: RouteId(0),
                ..*slot
            })
            .collect(),
        routes: vec![fix],
        supersedes: Some(Supersedes {
            rollout: old,
            situation: situation.digest(),
            parts,
        }),
        ..(*before).clone()
    }
}

fn registered(hand: &mut Hand, plan: Plan) -> (Digest, Digest) {
    let digest = Digest::of(format!("{plan:?}").as_bytes());
    let fleet = plan.fleet;
    hand.plans.push((digest, Arc::new(plan)));
    let known = hand.plans.last().unwrap().1.clone();
    hand.engine.provide_plan(digest, known);
    (fleet, digest)
}

pub(crate) fn command(hand: &mut Hand, old: RolloutId, plan: Plan, poison: bool) -> Command {
    let (before, _) = hand.engine.plan_of(old).unwrap();
    let (fleet, plan) = registered(hand, plan);
    let mut contents: Vec<Content> = before
        .routes
        .iter()
        .map(ringway_scheduler::plan::Route::content)
        .collect();
    contents.retain(|_| poison);
    Command::Supersede {
        rollout: old,
        fleet,
        plan,
        key: None,
        change: None,
        poison: contents,
        reason: "the vendor ships a fix".to_owned(),
    }
}

/// Puts the fix in the place of a rollout, as it stands now.
pub(crate) fn supersede(hand: &mut Hand, old: RolloutId, poison: bool) -> Result<bool, Rejected> {
    let plan = fix_of(hand, old);
    let command = command(hand, old, plan, poison);
    hand.command("olga", command)
}

pub(crate) fn halt(hand: &mut Hand) {
    let halt = Command::Halt {
        rollout: ONE,
        reason: "logins fail".to_owned(),
    };
    hand.command("olga", halt).unwrap();
}

pub(crate) fn words(hand: &Hand, rollout: RolloutId, host: u32) -> String {
    let views = hand.engine.host_views(&format!("h{host}"));
    let view = views.iter().find(|view| view.rollout == rollout).unwrap();
    view.words.clone()
}

pub(crate) fn waits(hand: &Hand, rollout: RolloutId, host: u32) -> Vec<&'static str> {
    let views = hand.engine.host_views(&format!("h{host}"));
    let view = views.iter().find(|view| view.rollout == rollout).unwrap();
    view.waiting
        .iter()
        .map(|waiting| waiting.on.name())
        .collect()
}

pub(crate) fn state(hand: &Hand, rollout: RolloutId) -> String {
    let rollouts = hand.engine.view(hand.now).rollouts;
    rollouts[rollout.0 as usize - 1].state.clone()
}

fn good_in(hand: &mut Hand, rollout: RolloutId, host: u32) {
    let (intent, kind) = hand.running_in(rollout, host).unwrap();
    let result = good(kind);
    let _ = hand.take(ringway_engine::Input::StepEnded { intent, result });
}

pub(crate) fn visit_in(hand: &mut Hand, rollout: RolloutId, host: u32) {
    for _ in 0..20 {
        if hand.running_in(rollout, host).is_none() {
            return;
        }
        good_in(hand, rollout, host);
    }
    panic!("the visit of h{host} does not end");
}

fn until_in(hand: &mut Hand, rollout: RolloutId, host: u32, kind: StepKind) {
    while hand.running_in(rollout, host).map(|(_, kind)| kind) != Some(kind) {
        good_in(hand, rollout, host);
    }
}

fn fail_in(hand: &mut Hand, rollout: RolloutId, host: u32, why: FailWhy) {
    let (intent, _) = hand.running_in(rollout, host).unwrap();
    let result = StepResult::Failed(why);
    let _ = hand.take(ringway_engine::Input::StepEnded { intent, result });
}

/// Five hosts: h0 broke at its restart, h1 has the update, the restart of h2 was withheld, h3 and h4 were never visited.
pub(crate) fn three_parts() -> Hand {
    let (fleet, mut the_plan) = plan(&[3, 2]);
    the_plan.rings[0].halt_on = Some(2);
    let mut hand = Hand::start((fleet, the_plan));
    hand.visit(1);
    hand.until(2, StepKind::Apply);
    hand.until(0, StepKind::Reboot);
    hand.end(0, StepResult::Failed(FailWhy::RestartLoop));
    hand.visit(0);
    halt(&mut hand);
    hand.visit(2);
    assert_eq!(hand.state(2), "applied, restart withheld");
    hand
}

#[test]
fn the_parts_are_what_became_of_every_host() {
    let hand = three_parts();
    let situation = hand.engine.situation(ONE).unwrap();
    for (host, part) in [
        (0, Part::Broken),
        (1, Part::Latent),
        (2, Part::Withheld),
        (3, Part::Untouched),
        (4, Part::Untouched),
    ] {
        assert_eq!(situation.part(&format!("h{host}")), part, "h{host}");
    }
}

#[test]
fn what_is_in_flight_is_put_by_what_has_begun() {
    use StepKind::{Apply, CareVerify, Drain, Inspect, Precheck, Reboot, Undrain, Verify};
    for (kind, part) in [
        (Inspect, Part::Untouched),
        (Precheck, Part::Untouched),
        (Drain, Part::Untouched),
        (Apply, Part::Withheld),
        (Reboot, Part::Withheld),
        (Verify, Part::Latent),
        (CareVerify, Part::Latent),
        (Undrain, Part::Latent),
    ] {
        let mut hand = Hand::start(plan(&[1]));
        hand.until(0, kind);
        assert_eq!(
            hand.engine.situation(ONE).unwrap().part("h0"),
            part,
            "at {kind}"
        );
    }
}

/// One command does all of it, and the fix reaches what is broken first.
#[test]
fn broken_hosts_are_mended_first_then_withheld_ones_then_latent_ones_then_the_rest() {
    let mut hand = three_parts();
    assert!(supersede(&mut hand, ONE, true).unwrap());
    assert_eq!(
        hand.rollout(),
        "superseded",
        "nothing was in flight any more"
    );
    for (host, next) in [(0, 2), (2, 1), (1, 3)] {
        assert_eq!(
            hand.running_in(TWO, host).map(|(_, kind)| kind),
            Some(StepKind::Inspect)
        );
        assert_eq!(
            hand.running_in(TWO, next),
            None,
            "h{next} waits for h{host}"
        );
        visit_in(&mut hand, TWO, host);
    }
    visit_in(&mut hand, TWO, 3);
    visit_in(&mut hand, TWO, 4);
    assert_eq!(state(&hand, TWO), "completed");
    assert_eq!(words(&hand, TWO, 0), "updated");
    assert_eq!(words(&hand, ONE, 4), "superseded by r2");
}

/// The host is applied and not restarted: the fix comes before any restart.
#[test]
fn a_host_whose_restart_was_withheld_gets_the_fix_before_it_restarts() {
    let mut hand = three_parts();
    supersede(&mut hand, ONE, false).unwrap();
    visit_in(&mut hand, TWO, 0);
    let mut seen = Vec::new();
    while let Some((_, kind)) = hand.running_in(TWO, 2) {
        seen.push(kind);
        good_in(&mut hand, TWO, 2);
    }
    let at = |kind| seen.iter().position(|seen| *seen == kind);
    assert!(at(StepKind::Apply) < at(StepKind::Reboot), "{seen:?}");
    assert_eq!(hand.running(2), None);
}

/// Whatever the policy says of halts: a host that has the bad update does not restart into it.
#[test]
fn what_is_in_flight_ends_by_the_two_rules_and_the_old_rollout_with_it() {
    use StepKind::{Apply, CareVerify, Drain, Inspect, Precheck, Reboot, Undrain, Verify};
    for on_halt in [OnHalt::Withhold, OnHalt::Finish] {
        for (kind, outcome) in [
            (Inspect, "superseded by r2"),
            (Precheck, "superseded by r2"),
            (Drain, "superseded by r2"),
            (Apply, "applied, restart withheld"),
            (Reboot, "updated"),
            (Verify, "updated"),
            (CareVerify, "updated"),
            (Undrain, "updated"),
        ] {
            let (fleet, mut the_plan) = plan(&[1, 1]);
            the_plan.on_halt = on_halt;
            let mut hand = Hand::start((fleet, the_plan));
            hand.until(0, kind);
            supersede(&mut hand, ONE, true).unwrap();
            assert_eq!(hand.rollout(), "superseding", "at {kind}");
            assert_eq!(hand.running(0), Some(kind), "what runs is let end");
            assert_eq!(
                hand.running_in(TWO, 0),
                None,
                "two visits of one host at {kind}"
            );
            hand.visit(0);
            assert_eq!(words(&hand, ONE, 0), outcome, "{on_halt:?} at {kind}");
            assert_eq!(hand.rollout(), "superseded", "at {kind}");
            assert!(hand.running_in(TWO, 0).is_some(), "{on_halt:?} at {kind}");
            let restarts = hand
                .steps(0)
                .iter()
                .filter(|(_, kind)| *kind == Reboot)
                .count();
            let wanted = usize::from(outcome == "updated");
            assert_eq!(restarts, wanted, "{on_halt:?} at {kind}");
        }
    }
}

/// What it is called, what happens, and the part a host is in then.
type Case = (&'static str, fn(&mut Hand), Part);

/// Every state in which there is something to take over.
#[test]
fn a_rollout_is_superseded_from_every_state_but_one_in_which_it_was_already() {
    let as_is = |_: &mut Hand| {};
    let cancel = |hand: &mut Hand| {
        let (rollout, reason) = (ONE, "look".to_owned());
        hand.command("olga", Command::Cancel { rollout, reason })
            .unwrap();
    };
    let pause = |hand: &mut Hand| {
        let (rollout, reason) = (ONE, "look".to_owned());
        hand.command("olga", Command::Pause { rollout, reason })
            .unwrap();
    };
    let back = |hand: &mut Hand| {
        hand.visit(0);
        let (rollout, reason) = (ONE, "look".to_owned());
        hand.command("olga", Command::Rollback { rollout, reason })
            .unwrap();
    };
    let complete = |hand: &mut Hand| {
        hand.visit(0);
        hand.visit(1);
    };
    let cases: [Case; 6] = [
        ("advancing", as_is, Part::Withheld),
        ("paused", pause, Part::Withheld),
        ("halted", halt, Part::Withheld),
        ("cancelling", cancel, Part::Withheld),
        ("rolling back", back, Part::Latent),
        ("completed", complete, Part::Latent),
    ];
    for (name, set, part) in cases {
        let mut hand = Hand::start(plan(&[1, 1]));
        hand.until(0, StepKind::Apply);
        set(&mut hand);
        assert_eq!(hand.rollout(), name);
        assert_eq!(
            hand.engine.situation(ONE).unwrap().part("h0"),
            part,
            "{name}"
        );
        supersede(&mut hand, ONE, false).unwrap();
        hand.visit(0);
        hand.visit(1);
        assert_eq!(hand.rollout(), "superseded", "{name}");
        visit_in(&mut hand, TWO, 0);
        visit_in(&mut hand, TWO, 1);
        assert_eq!(state(&hand, TWO), "completed", "{name}");
        let again = supersede(&mut hand, ONE, false).unwrap_err();
        assert_eq!(again.code, "wrong-state", "{name}");
        assert!(again.hint.unwrap().contains("supersede r2"), "{name}");
    }
}

#[test]
fn a_proposed_rollout_ends_at_once() {
    let (fleet, mut the_plan) = plan(&[1]);
    the_plan.start = Some(approvals(1, &["ana"]));
    let mut hand = Hand::start((fleet, the_plan));
    supersede(&mut hand, ONE, false).unwrap();
    assert_eq!(
        (hand.rollout(), state(&hand, TWO)),
        ("superseded".into(), "proposed".into())
    );
}

/// Between the plan and the decision a host went on: the plan is of a fleet that is not so any more.
#[test]
fn a_plan_of_parts_that_are_not_so_any_more_is_refused() {
    let mut hand = Hand::start(plan(&[1, 1]));
    hand.until(0, StepKind::Drain);
    let stale = fix_of(&hand, ONE);
    hand.good(0);
    let command_of_old = command(&mut hand, ONE, stale, true);
    let refused = hand.command("olga", command_of_old).unwrap_err();
    assert_eq!(refused.code, "stale-parts");
    assert_eq!(hand.rollout(), "advancing", "nothing of it was done");
    assert!(hand.engine.view(hand.now).poisons.is_empty());
    supersede(&mut hand, ONE, true).unwrap();
}

/// A plan that says the right digest and has a host in a ring of another part.
#[test]
fn a_plan_that_puts_a_host_into_another_part_is_refused() {
    let mut hand = three_parts();
    let mut wrong = fix_of(&hand, ONE);
    wrong.slots.swap(0, 4);
    let wrong = command(&mut hand, ONE, wrong, false);
    assert_eq!(hand.command("olga", wrong).unwrap_err().code, "stale-parts");
}

#[test]
fn a_plan_that_supersedes_is_no_plan_to_propose() {
    let mut hand = three_parts();
    let plan = fix_of(&hand, ONE);
    let (fleet, plan) = registered(&mut hand, plan);
    let key = None;
    let refused = hand
        .command("olga", Command::Propose { fleet, plan, key })
        .unwrap_err();
    assert_eq!(refused.code, "wrong-state");
}

#[test]
fn superseding_says_why_and_is_done_once() {
    let mut hand = three_parts();
    let plan = fix_of(&hand, ONE);
    let order = command(&mut hand, ONE, plan, true);
    let Command::Supersede {
        rollout,
        fleet,
        plan,
        key,
        change,
        poison,
        ..
    } = order.clone()
    else {
        panic!("it is one");
    };
    let silent = Command::Supersede {
        rollout,
        fleet,
        plan,
        key,
        change,
        poison,
        reason: " ".into(),
    };
    assert_eq!(
        hand.command("olga", silent).unwrap_err().code,
        "reason-missing"
    );
    assert!(hand.command("olga", order.clone()).unwrap());
    assert!(
        !hand.command("olga", order).unwrap(),
        "said twice it is done once"
    );
    assert_eq!(hand.engine.view(hand.now).rollouts.len(), 2);
}

#[test]
fn the_fix_must_not_be_what_is_poisoned() {
    let mut hand = three_parts();
    let mut same = fix_of(&hand, ONE);
    same.routes[0].release = "new".into();
    let same = command(&mut hand, ONE, same, true);
    assert_eq!(hand.command("olga", same).unwrap_err().code, "poisoned");
    assert_eq!(hand.rollout(), "halted");
}

#[test]
fn approvals_never_carry_over() {
    let (fleet, mut the_plan) = plan(&[2, 1]);
    the_plan.start = Some(approvals(1, &["ana"]));
    let mut hand = Hand::start((fleet, the_plan));
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
    hand.command("ana", yes).unwrap();
    hand.visit(0);
    supersede(&mut hand, ONE, false).unwrap();
    assert_eq!(
        state(&hand, TWO),
        "proposed",
        "the fix waits for a yes of its own"
    );
    assert_eq!(hand.running_in(TWO, 0), None);
    let digest = hand.engine.view(hand.now).rollouts[1]
        .approval
        .as_ref()
        .unwrap()
        .digest;
    let yes = Command::Approve {
        rollout: TWO,
        subject: ringway_engine::Subject::Start,
        digest,
    };
    hand.command("ana", yes).unwrap();
    assert!(hand.running_in(TWO, 0).is_some());
}

/// The host was seen to be well with the bad update: that says nothing of the fix.
#[test]
fn evidence_never_carries_over() {
    let (fleet, mut the_plan) = plan(&[1, 1]);
    the_plan.gates = vec![gate()];
    the_plan.already_unhealthy = AlreadyUnhealthy::Update;
    let mut hand = Hand::start((fleet, the_plan));
    hand.visit(0);
    hand.evidence(0, Evidence::Up);
    halt(&mut hand);
    hand.visit(1);
    supersede(&mut hand, ONE, false).unwrap();
    visit_in(&mut hand, TWO, 0);
    assert_eq!(
        words(&hand, TWO, 0),
        "settling",
        "its evidence is from before the fix"
    );
    assert_eq!(hand.running_in(TWO, 1), None);
    hand.evidence(0, Evidence::Up);
    assert!(hand.running_in(TWO, 1).is_some());
}

/// `already_unhealthy: hold` is for hosts that nobody broke; these are whom the fix is for.
#[test]
fn unhealthy_hosts_of_the_parts_are_visited_and_others_are_held() {
    let (fleet, mut the_plan) = plan(&[2, 1]);
    the_plan.gates = vec![gate()];
    the_plan.rings[0].halt_on = Some(9);
    let mut hand = Hand::idle();
    for host in 0..3 {
        hand.evidence(host, Evidence::Up);
    }
    hand.propose(fleet, the_plan);
    for host in 0..3 {
        hand.evidence(host, Evidence::Up);
    }
    hand.visit(0);
    hand.visit(1);
    hand.evidence(0, Evidence::Down);
    hand.evidence(1, Evidence::Up);
    hand.pass(Span::minutes(4));
    assert_eq!(
        words(&hand, ONE, 0),
        "unhealthy (its probe was down for longer than its gate allows)"
    );
    supersede(&mut hand, ONE, false).unwrap();
    // The old rollout had begun to look at the third.
    if hand.running(2).is_some() {
        hand.good(2);
    }
    assert!(
        hand.running_in(TWO, 0).is_some(),
        "down, and visited all the same"
    );
    visit_in(&mut hand, TWO, 0);
    hand.evidence(0, Evidence::Up);
    hand.evidence(1, Evidence::Down);
    assert!(hand.running_in(TWO, 1).is_some(), "latent and down by now");
    visit_in(&mut hand, TWO, 1);
    hand.evidence(2, Evidence::Down);
    hand.evidence(1, Evidence::Up);
    assert_eq!(hand.running_in(TWO, 2), None);
    let stands = (hand.engine.waiting(TWO), words(&hand, TWO, 1));
    let is = words(&hand, TWO, 2);
    assert_eq!(is, "held (unhealthy before the update)", "{stands:?}");
}

/// Three are down and the budget is one: each can be mended all the same, and nobody else is taken down meanwhile.
#[test]
fn a_broken_host_needs_no_slot_and_keeps_taking_one_until_it_is_mended() {
    let (fleet, mut the_plan) = plan(&[3, 1]);
    the_plan.rings[0].halt_on = Some(9);
    the_plan.budget_down = Some(3);
    let mut hand = Hand::start((fleet, the_plan));
    for host in 0..3 {
        hand.until(host, StepKind::Reboot);
        hand.end(host, StepResult::Failed(FailWhy::NotBack));
        hand.visit(host);
    }
    let mut fix = fix_of(&hand, ONE);
    fix.budget_down = Some(1);
    let order = command(&mut hand, ONE, fix, false);
    hand.command("olga", order).unwrap();
    for host in 0..3 {
        assert!(
            hand.running_in(TWO, host).is_some(),
            "h{host} is down already"
        );
    }
    visit_in(&mut hand, TWO, 0);
    visit_in(&mut hand, TWO, 1);
    until_in(&mut hand, TWO, 2, StepKind::Apply);
    fail_in(&mut hand, TWO, 2, FailWhy::Exit);
    visit_in(&mut hand, TWO, 2);
    assert_eq!(waits(&hand, TWO, 3), ["budget"], "h2 is still down");
}

/// The old rollout counted it down; it is up once the fix settled, in whatever rollout it broke.
#[test]
fn a_mended_host_is_not_down_for_ever() {
    let (mut fleet, mut the_plan) = plan(&[2]);
    group(&mut fleet, "dc", &[0, 1], &[], Some(1));
    the_plan.gates = vec![gate()];
    the_plan.already_unhealthy = AlreadyUnhealthy::Update;
    the_plan.rings[0].halt_on = Some(9);
    let mut hand = Hand::idle();
    hand.propose(fleet, the_plan);
    for host in 0..2 {
        hand.evidence(host, Evidence::Up);
    }
    let first = u32::from(hand.running(0).is_none());
    let other = 1 - first;
    hand.until(first, StepKind::Reboot);
    hand.end(first, StepResult::Failed(FailWhy::RestartLoop));
    hand.visit(first);
    hand.evidence(first, Evidence::Down);
    assert_eq!(
        hand.running(other),
        None,
        "the last one that is up stays up"
    );
    supersede(&mut hand, ONE, false).unwrap();
    assert!(hand.running_in(TWO, first).is_some());
    visit_in(&mut hand, TWO, first);
    assert_eq!(
        hand.running_in(TWO, other),
        None,
        "not while its peer settles"
    );
    hand.evidence(first, Evidence::Up);
    hand.pass(Span::minutes(1));
    let stands = (
        words(&hand, TWO, first),
        hand.engine.waiting(TWO),
        state(&hand, TWO),
    );
    assert!(hand.running_in(TWO, other).is_some(), "{stands:?}");
}

/// A broken host that does not answer is as broken as it was: it is lost, and halts nothing.
#[test]
fn silence_of_a_broken_host_is_no_new_harm() {
    let mut hand = three_parts();
    supersede(&mut hand, ONE, false).unwrap();
    let (intent, _) = hand.running_in(TWO, 0).unwrap();
    let result = StepResult::Unreachable;
    let _ = hand.take(ringway_engine::Input::StepEnded { intent, result });
    assert_eq!(words(&hand, TWO, 0), "lost");
    // It was the only one of its ring, so nobody has shown yet that the fix helps: a person decides.
    assert_eq!(state(&hand, TWO), "halted");
    let resume = Command::Resume {
        rollout: TWO,
        reason: "h0 is rebuilt".into(),
    };
    hand.command("olga", resume).unwrap();
    assert!(
        hand.running_in(TWO, 2).is_some(),
        "accepted, and the others get the fix"
    );
}

/// The fix did harm as well: the third rollout begins with what both have left.
#[test]
fn a_rollout_that_supersedes_is_superseded_in_its_turn() {
    let mut hand = three_parts();
    supersede(&mut hand, ONE, true).unwrap();
    fail_in(&mut hand, TWO, 0, FailWhy::Exit);
    visit_in(&mut hand, TWO, 0);
    assert_eq!(
        hand.engine.situation(TWO).unwrap().hosts,
        hand.engine.situation(ONE).unwrap().hosts
    );
    supersede(&mut hand, TWO, true).unwrap();
    let three = RolloutId(3);
    for host in [0, 2, 1, 3, 4] {
        visit_in(&mut hand, three, host);
    }
    assert_eq!(state(&hand, three), "completed");
    assert_eq!(
        (state(&hand, ONE), state(&hand, TWO)),
        ("superseded".into(), "superseded".into())
    );
}

/// What a host had before the fix is the bad update, and that is poisoned.
#[test]
fn a_rollback_of_the_fix_does_not_go_back_to_what_was_poisoned() {
    for poison in [true, false] {
        let mut hand = Hand::start(plan(&[1]));
        hand.visit(0);
        supersede(&mut hand, ONE, poison).unwrap();
        let found = StepResult::Found {
            installed: false,
            previous: Some("new".into()),
        };
        let (intent, _) = hand.running_in(TWO, 0).unwrap();
        let _ = hand.take(ringway_engine::Input::StepEnded {
            intent,
            result: found,
        });
        visit_in(&mut hand, TWO, 0);
        assert_eq!(state(&hand, TWO), "completed");
        let back = Command::Rollback {
            rollout: TWO,
            reason: "look".into(),
        };
        assert_eq!(hand.command("olga", back).is_err(), poison);
    }
}

#[test]
fn a_superseded_rollout_is_asked_for_nothing_any_more() {
    let mut hand = three_parts();
    supersede(&mut hand, ONE, false).unwrap();
    let (rollout, reason) = (ONE, String::from("look"));
    for order in [
        Command::Resume {
            rollout,
            reason: reason.clone(),
        },
        Command::Rollback {
            rollout,
            reason: reason.clone(),
        },
        Command::Cancel {
            rollout,
            reason: reason.clone(),
        },
        Command::Retry {
            rollout,
            host: "h0".into(),
            reason,
        },
    ] {
        assert_eq!(hand.command("olga", order).unwrap_err().code, "wrong-state");
    }
}

/// A crash right behind the decision: whoever takes over knows all of it.
#[test]
fn the_decision_survives_a_crash() {
    let mut hand = Hand::start(plan(&[1, 1]));
    hand.until(0, StepKind::Apply);
    supersede(&mut hand, ONE, true).unwrap();
    hand.crash(Span::minutes(1));
    assert_eq!(hand.rollout(), "superseding");
    hand.end(0, StepResult::Done);
    hand.visit(0);
    assert_eq!(words(&hand, ONE, 0), "applied, restart withheld");
    assert_eq!(hand.rollout(), "superseded");
    visit_in(&mut hand, TWO, 0);
    visit_in(&mut hand, TWO, 1);
    assert_eq!(state(&hand, TWO), "completed");
    let decoded = hand.decoded(&hand.engine.encode());
    assert_eq!(decoded.state_digest(), hand.engine.state_digest());
}

/// A host that was fixed has not what is poisoned any more, and so reads `ringway poison`.
#[test]
fn hosts_that_got_the_fix_do_not_have_what_is_poisoned_any_more() {
    let mut hand = three_parts();
    supersede(&mut hand, ONE, true).unwrap();
    let has = |hand: &Hand| hand.engine.view(hand.now).poisons[0].has.clone();
    assert_eq!(has(&hand), ["h0", "h1", "h2"]);
    for host in [0, 2, 1] {
        visit_in(&mut hand, TWO, host);
    }
    assert_eq!(has(&hand), Vec::<String>::new());
}

/// The two kinds of parts that have no ring here: nobody is broken, and a ring of the policy may be empty.
#[test]
fn membership_carries_over_and_an_empty_ring_is_passed() {
    let (fleet, the_plan): (FleetSpec, Plan) = plan(&[1, 2]);
    let mut hand = Hand::start((fleet, the_plan));
    hand.visit(0);
    supersede(&mut hand, ONE, false).unwrap();
    let view = &hand.engine.view(hand.now).rollouts[1];
    let rings: Vec<(&str, u32)> = view
        .rings
        .iter()
        .map(|ring| (ring.name.as_str(), ring.planned))
        .collect();
    assert_eq!(rings, [("latent", 1), ("ring0", 0), ("ring1", 2)]);
    assert_eq!(view.supersedes, Some(ONE));
}
