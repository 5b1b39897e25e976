//! A fleet that changes while rollouts run.

use std::collections::BTreeSet;
use std::sync::Arc;

use ringway_engine::{Command, Event, Rejected, Subject};
use ringway_model::{
    Digest, Evidence, HostId, Place, RingIndex, RolloutId, RouteId, Slot, Span, StepKind,
    StepResult, Timestamp,
};
use ringway_scheduler::plan::{ApprovalPlan, Joined, JoinsBecause, Misfit, Revision, SlotPlan};
use ringway_scheduler::{FleetSpec, Plan};

use crate::support::{Hand, ONE, group, plan};

/// Takes a changed fleet in, and with it a revision of the plan where there is one.
fn refresh(
    hand: &mut Hand,
    fleet: impl FnOnce(&mut FleetSpec),
    plan: Option<&dyn Fn(&mut Plan)>,
) -> Result<bool, Rejected> {
    let mut spec = FleetSpec::clone(hand.engine.fleet());
    fleet(&mut spec);
    let fleet = spec.digest();
    let spec = Arc::new(spec);
    hand.fleets.push((fleet, Arc::clone(&spec)));
    hand.engine.provide_fleet(fleet, spec);
    let plans = plan.map(|change| {
        let of = hand.plans.last().unwrap().0;
        let mut plan = Plan::clone(&hand.engine.open()[0].plan);
        plan.fleet = fleet;
        plan.revises = Some(Revision {
            of,
            joined: Vec::new(),
            too_late: Vec::new(),
            misfits: Vec::new(),
        });
        change(&mut plan);
        let (digest, plan) = (plan.digest(), Arc::new(plan));
        hand.plans.push((digest, Arc::clone(&plan)));
        hand.engine.provide_plan(digest, plan);
        (ONE, digest)
    });
    hand.command(
        "dora",
        Command::Refresh {
            fleet,
            plans: plans.into_iter().collect(),
        },
    )
}

fn without(hosts: &[u32]) -> impl FnOnce(&mut FleetSpec) {
    move |fleet| fleet.vanished = hosts.iter().copied().map(HostId).collect()
}

/// One more host, with the number that comes next.
fn with_one_more(fleet: &mut FleetSpec) {
    let mut host = fleet.hosts[0].clone();
    host.name = format!("h{}", fleet.hosts.len());
    fleet.hosts.push(host);
}

/// The newest host joins a ring, behind those that are there.
fn joins(ring: usize) -> impl Fn(&mut Plan) {
    move |plan| {
        let at = plan.rings[ring].slots().end;
        let host = HostId::at(plan.slots.len());
        let route = RouteId(0);
        plan.slots.insert(at, SlotPlan { host, route });
        plan.rings[ring].planned += 1;
        for later in &mut plan.rings[ring + 1..] {
            later.first = Slot(later.first.0 + 1);
        }
        let why = JoinsBecause::Seed;
        let ring = RingIndex::at(ring);
        let joined = Joined { host, ring, why };
        plan.revises.as_mut().unwrap().joined.push(joined);
    }
}

#[test]
fn a_host_that_is_gone_leaves_with_a_stated_outcome_and_returns_to_be_visited() {
    let mut hand = Hand::start(plan(&[1, 2]));
    refresh(&mut hand, without(&[1]), None).unwrap();
    assert_eq!(hand.state(1), "vanished (no longer of the fleet)");
    hand.visit(0);
    assert_eq!(hand.running(1), None, "nothing starts on it");
    hand.visit(2);
    refresh(&mut hand, without(&[]), None).unwrap();
    // The ring it is in has completed its rollout without it.
    assert_eq!(hand.state(1), "vanished (no longer of the fleet)");

    let mut hand = Hand::start(plan(&[2, 1]));
    refresh(&mut hand, without(&[1]), None).unwrap();
    refresh(&mut hand, without(&[]), None).unwrap();
    hand.visit(0);
    hand.visit(1);
    assert_eq!(hand.state(1), "updated");
}

/// Whatever runs on it is let end; after that it is only put back into service.
#[test]
fn a_host_that_is_gone_in_the_middle_of_its_visit_is_put_back_into_service() {
    use StepKind::{Apply, Drain, Inspect, Precheck, Reboot, Undrain, Verify};
    for (kind, drained) in [
        (Inspect, false),
        (Precheck, false),
        (Drain, true),
        (Apply, true),
        (Reboot, true),
        (Verify, true),
    ] {
        let mut hand = Hand::start(plan(&[1, 1]));
        hand.until(0, kind);
        refresh(&mut hand, without(&[0]), None).unwrap();
        assert_eq!(hand.running(0), Some(kind), "what runs is let end");
        hand.visit(0);
        assert_eq!(hand.state(0), "vanished (no longer of the fleet)", "{kind}");
        let undrained = hand.steps(0).iter().any(|(_, kind)| *kind == Undrain);
        assert_eq!(undrained, drained, "{kind}");
    }
    // One that cannot be reached any more is not lost: that it is gone is known.
    let mut hand = Hand::start(plan(&[1, 1]));
    hand.until(0, Apply);
    refresh(&mut hand, without(&[0]), None).unwrap();
    hand.end(0, StepResult::Unreachable);
    assert_eq!(hand.state(0), "vanished (no longer of the fleet)");
}

#[test]
fn a_ring_of_which_everybody_is_gone_proves_nothing() {
    let mut hand = Hand::start(plan(&[1, 1]));
    refresh(&mut hand, without(&[0]), None).unwrap();
    hand.visit(0);
    assert_eq!(hand.waiting(), ["nobody-updated"]);
    assert_eq!(hand.running(1), None);
}

#[test]
fn a_host_joins_a_ring_that_has_not_begun_and_is_visited_there() {
    let mut hand = Hand::start(plan(&[1, 1]));
    refresh(&mut hand, with_one_more, Some(&joins(1))).unwrap();
    assert_eq!(hand.running(0), Some(StepKind::Inspect), "what ran goes on");
    hand.visit(0);
    hand.visit(1);
    hand.visit(2);
    let done = hand.engine.rollout(ONE).unwrap();
    assert_eq!((done.state.as_str(), done.rings[1].done), ("completed", 2));
}

#[test]
fn slots_of_rings_to_come_are_numbered_anew_with_all_that_is_known_of_them() {
    let (fleet, mut the_plan) = plan(&[1, 1, 1]);
    the_plan.rings[2].debt_allowed = 0;
    let mut hand = Hand::start((fleet, the_plan));
    let reason = "its disks".to_owned();
    let host = "h2".to_owned();
    let skip = Command::Skip {
        rollout: ONE,
        host,
        reason,
    };
    hand.command("olga", skip).unwrap();
    refresh(&mut hand, with_one_more, Some(&joins(1))).unwrap();
    let view = hand.engine.host_views("h2").remove(0);
    assert_eq!((view.slot, view.ring.as_str()), (Slot(3), "ring2"));
    assert!(view.words.contains("its disks"), "{}", view.words);
}

#[test]
fn nobody_joins_a_ring_that_has_begun_and_nobody_changes_his() {
    let mut hand = Hand::start(plan(&[2, 2]));
    let before = hand.engine.state_digest();
    let moves = |plan: &mut Plan| plan.slots.swap(0, 2);
    let misses = |plan: &mut Plan| {
        plan.slots.pop();
        plan.rings[1].planned -= 1;
    };
    let eases = |plan: &mut Plan| plan.rings[0].halt_on = None;
    let twice = |plan: &mut Plan| plan.slots[3] = plan.slots[2];
    let of_another = |plan: &mut Plan| plan.revises.as_mut().unwrap().of = Digest::of(b"another");
    let unlike: [&dyn Fn(&mut Plan); 6] = [&joins(0), &moves, &misses, &eases, &twice, &of_another];
    for (case, change) in unlike.into_iter().enumerate() {
        let refused = refresh(&mut hand, with_one_more, Some(change)).unwrap_err();
        assert_eq!(refused.code, "stale-fleet", "{case}");
        // It is not the plan that the next revision is of.
        hand.plans.pop();
    }
    let renumbers = |fleet: &mut FleetSpec| fleet.hosts.swap(0, 1);
    let refused = refresh(&mut hand, renumbers, None).unwrap_err();
    assert_eq!(refused.code, "stale-fleet");
    assert_eq!(hand.engine.state_digest(), before);
}

#[test]
fn a_yes_to_a_ring_that_others_join_is_void_with_a_word() {
    let (fleet, mut the_plan) = plan(&[1, 1, 1]);
    the_plan.rings[0].after_soak = Some(ApprovalPlan {
        needed: 1,
        by: Vec::new(),
        people: BTreeSet::new(),
        not_by: Vec::new(),
    });
    for (ring, stands) in [(1, 0), (2, 1)] {
        let mut hand = Hand::start((fleet.clone(), the_plan.clone()));
        let digest = hand.engine.rollout(ONE).unwrap().approval.unwrap().digest;
        let ring_0 = RingIndex(0);
        let subject = Subject::Promotion { ring: ring_0 };
        let rollout = ONE;
        let approve = Command::Approve {
            rollout,
            subject,
            digest,
        };
        hand.command("ana", approve).unwrap();
        refresh(&mut hand, with_one_more, Some(&joins(ring))).unwrap();
        let by = hand.engine.rollout(ONE).unwrap().approval.unwrap().by;
        assert_eq!(by.len(), stands, "a host joins ring {ring}");
    }
}

#[test]
fn a_host_whose_release_is_another_one_now_is_held_until_a_person_decides() {
    let mut hand = Hand::start(plan(&[1, 1]));
    let relabelled = |fleet: &mut FleetSpec| {
        fleet.hosts[1].labels = [("n", "other")].into_iter().collect();
    };
    let misfits = |plan: &mut Plan| {
        let misfit = Misfit {
            host: HostId(1),
            planned: "new".to_owned(),
            now: None,
        };
        plan.revises.as_mut().unwrap().misfits.push(misfit);
    };
    refresh(&mut hand, relabelled, Some(&misfits)).unwrap();
    hand.visit(0);
    assert_eq!(hand.state(1), "on hold");
    let why = hand.engine.host_waiting(ONE, Slot(1)).remove(0).to_string();
    assert!(why.contains("they ask for `none` now"), "{why}");
    // Taken in again with nothing else changed it is not held again, once a person let it go.
    let release = Command::Release {
        hosts: vec!["h1".to_owned()],
        kind: ringway_engine::HoldKind::Hold,
        reason: "the planned one is right".to_owned(),
    };
    hand.command("olga", release).unwrap();
    refresh(&mut hand, |_| {}, Some(&misfits)).unwrap();
    hand.visit(1);
    assert_eq!(hand.state(1), "updated");
}

/// Labels that were put right again hold nobody, unless a person does by now.
#[test]
fn a_host_that_fits_again_is_let_go_of_and_a_persons_hold_stays() {
    for by_person in [false, true] {
        let mut hand = Hand::start(plan(&[1, 1]));
        let label = |value: &'static str| {
            move |fleet: &mut FleetSpec| {
                fleet.hosts[1].labels = [("n", value)].into_iter().collect();
            }
        };
        let misfits = |plan: &mut Plan| {
            let misfit = Misfit {
                host: HostId(1),
                planned: "new".to_owned(),
                now: Some("other".to_owned()),
            };
            plan.revises.as_mut().unwrap().misfits.push(misfit);
        };
        refresh(&mut hand, label("other"), Some(&misfits)).unwrap();
        hand.visit(0);
        assert_eq!(hand.state(1), "on hold");
        if by_person {
            let hold = Command::Hold {
                hosts: vec!["h1".to_owned()],
                kind: ringway_engine::HoldKind::Hold,
                reason: "being moved".to_owned(),
                until: None,
            };
            hand.command("olga", hold).unwrap();
        }
        refresh(&mut hand, label("1"), Some(&|_: &mut Plan| {})).unwrap();
        assert_eq!(hand.running(1).is_some(), !by_person);
        if by_person {
            assert_eq!(hand.state(1), "on hold");
        }
    }
}

#[test]
fn the_same_fleet_again_changes_nothing_and_without_a_rollout_there_is_none() {
    let mut hand = Hand::start(plan(&[1]));
    refresh(&mut hand, without(&[]), None).unwrap();
    let events = hand.journal.len();
    assert!(!refresh(&mut hand, |_| {}, None).unwrap());
    assert_eq!(hand.journal.len(), events);
    let mut idle = Hand::idle();
    let refused = refresh(&mut idle, |_| {}, None).unwrap_err();
    assert_eq!(refused.code, "not-found");
    assert!(
        idle.journal
            .iter()
            .all(|(at, event)| { *at > Timestamp(0) && matches!(event, Event::Recovered { .. }) })
    );
}

/// Found by a simulated world: back with other labels, it was to be given what was planned for it before it was gone.
#[test]
fn a_host_that_comes_back_as_another_one_is_held_too() {
    let mut hand = Hand::start(plan(&[1, 1]));
    refresh(&mut hand, without(&[1]), None).unwrap();
    let back = |fleet: &mut FleetSpec| {
        fleet.vanished.clear();
        fleet.hosts[1].labels = [("n", "other")].into_iter().collect();
    };
    let misfits = |plan: &mut Plan| {
        let misfit = Misfit {
            host: HostId(1),
            planned: "new".to_owned(),
            now: None,
        };
        plan.revises.as_mut().unwrap().misfits.push(misfit);
    };
    refresh(&mut hand, back, Some(&misfits)).unwrap();
    hand.visit(0);
    assert_eq!(hand.state(1), "on hold");
}

fn rollback(rollout: RolloutId) -> Command {
    let reason = "harm".to_owned();
    Command::Rollback { rollout, reason }
}

/// A refresh leaves rollouts that are over alone; one that goes back must not, for all that, begin anything on a host that
/// is gone.
#[test]
fn a_rollout_that_was_over_does_not_go_back_on_hosts_that_are_gone() {
    let (fleet, first) = plan(&[2, 1]);
    let mut second = first.clone();
    second.update = "another".into();
    second.slots.remove(1);
    second.slots.remove(0);
    second.rings.pop();
    second.rings[0].planned = 1;
    let mut hand = Hand::start((fleet.clone(), first));
    for host in 0..3 {
        hand.visit(host);
    }
    assert_eq!(hand.rollout(), "completed");
    hand.propose(fleet, second);
    refresh(&mut hand, without(&[1]), None).unwrap();
    assert_eq!(hand.rollout(), "completed");
    hand.command("olga", rollback(ONE)).unwrap();
    assert_eq!(hand.running(1), None, "it is gone");
    assert_eq!(hand.state(1), "vanished (no longer of the fleet)");
    hand.visit(0);
    assert_eq!(hand.state(0), "rolled back");
}

#[test]
fn a_host_that_a_person_left_out_stays_left_out_when_it_was_gone_and_is_back() {
    let mut hand = Hand::start(plan(&[1, 1]));
    let skip = Command::Skip {
        rollout: ONE,
        host: "h1".to_owned(),
        reason: "its disks".to_owned(),
    };
    hand.command("olga", skip).unwrap();
    refresh(&mut hand, without(&[1]), None).unwrap();
    assert!(hand.state(1).starts_with("vanished"), "{}", hand.state(1));
    refresh(&mut hand, without(&[]), None).unwrap();
    assert!(hand.state(1).starts_with("skipped"), "{}", hand.state(1));
    assert!(hand.state(1).contains("its disks"), "{}", hand.state(1));
    hand.visit(0);
    assert_eq!(hand.running(1), None);
}

/// The document says that a host is put back into service if that can be: its peers are there as before.
#[test]
fn a_host_that_is_gone_in_mid_visit_is_put_back_by_a_peer_it_had() {
    for crashes in [false, true] {
        let (mut fleet, mut the_plan) = plan(&[2]);
        group(&mut fleet, "pair", &[0, 1], &[], Some(1));
        let steps = &mut the_plan.routes[0].steps;
        let undrain = steps.iter_mut().find(|step| step.kind == StepKind::Undrain);
        undrain.unwrap().step.at = Place::Peer;
        let mut hand = Hand::start((fleet, the_plan));
        hand.evidence(1, Evidence::Up);
        hand.until(0, StepKind::Apply);
        let leaves = |fleet: &mut FleetSpec| {
            fleet.vanished.insert(HostId(0));
            fleet.hosts[0].cell = None;
            fleet.hosts[0].group = None;
            fleet.cells[0].members.retain(|member| *member != HostId(0));
        };
        // With a revision of the plan, which is over the fleet as it is now.
        refresh(&mut hand, leaves, Some(&|_| {})).unwrap();
        hand.evidence(1, Evidence::Unknown);
        hand.good(0);
        assert_eq!(hand.host_waiting(0), ["no-peer"], "crashes: {crashes}");
        let why = hand.engine.host_views("h0").remove(0).waiting.remove(0).why;
        assert!(why.contains("no other member of `pair`"), "{why}");
        if crashes {
            hand.crash(Span::minutes(1));
        }
        hand.evidence(1, Evidence::Up);
        let (intent, kind) = hand.running_in(ONE, 0).unwrap();
        assert_eq!(kind, StepKind::Undrain);
        assert_eq!(hand.engine.order(intent).unwrap().peer, Some(HostId(1)));
        hand.good(0);
        assert_eq!(hand.state(0), "vanished (no longer of the fleet)");
    }
}

/// A revision comes from a client. Taken at its word it could do away with what people are asked to approve.
#[test]
fn a_revision_changes_who_is_visited_and_nothing_that_people_are_asked() {
    let rule = |needed: u8| ApprovalPlan {
        needed,
        by: Vec::new(),
        people: BTreeSet::new(),
        not_by: Vec::new(),
    };
    let (fleet, mut the_plan) = plan(&[1, 1]);
    the_plan.rings[1].after_soak = Some(rule(2));
    the_plan.budget_down = Some(1);
    let mut hand = Hand::start((fleet, the_plan));
    let start = |plan: &mut Plan| plan.start = Some(rule(1));
    let after = |plan: &mut Plan| plan.rings[1].after_soak = None;
    let soak = |plan: &mut Plan| plan.rings[1].soak = Span::hours(1);
    let author = |plan: &mut Plan| plan.author = Some("eve".into());
    let users = |plan: &mut Plan| {
        plan.consent.users.insert("eve".into(), "ana".into());
    };
    let freeze = |plan: &mut Plan| plan.terms.freeze_override = true;
    let pace = |plan: &mut Plan| plan.pace.at_once = std::num::NonZeroU32::new(999).unwrap();
    let retry = |plan: &mut Plan| plan.retry.times = 9;
    let budget = |plan: &mut Plan| plan.budget_down = Some(9);
    let no_budget = |plan: &mut Plan| plan.budget_down = None;
    let halts = |plan: &mut Plan| plan.on_halt = ringway_policy::validated::OnHalt::Finish;
    let unknown = |plan: &mut Plan| {
        joins(1)(plan);
        plan.slots[2].host = HostId(999);
    };
    let changes: [&dyn Fn(&mut Plan); 12] = [
        &start, &after, &soak, &author, &users, &freeze, &pace, &retry, &budget, &no_budget,
        &halts, &unknown,
    ];
    for (case, change) in changes.into_iter().enumerate() {
        let refused = refresh(&mut hand, with_one_more, Some(change)).unwrap_err();
        assert_eq!(refused.code, "stale-fleet", "{case}");
        hand.plans.pop();
    }
    let grows = |plan: &mut Plan| {
        joins(1)(plan);
        plan.budget_down = Some(2);
    };
    refresh(&mut hand, with_one_more, Some(&grows)).unwrap();
}

#[test]
fn a_yes_is_void_for_a_host_that_joins_whatever_the_revision_says_of_that() {
    let (fleet, mut the_plan) = plan(&[1, 1]);
    the_plan.rings[0].after_soak = Some(ApprovalPlan {
        needed: 1,
        by: Vec::new(),
        people: BTreeSet::new(),
        not_by: Vec::new(),
    });
    let mut hand = Hand::start((fleet, the_plan));
    let digest = hand.engine.rollout(ONE).unwrap().approval.unwrap().digest;
    let subject = Subject::Promotion { ring: RingIndex(0) };
    let approve = Command::Approve {
        rollout: ONE,
        subject,
        digest,
    };
    hand.command("ana", approve).unwrap();
    let quietly = |plan: &mut Plan| {
        joins(1)(plan);
        plan.revises.as_mut().unwrap().joined.clear();
    };
    refresh(&mut hand, with_one_more, Some(&quietly)).unwrap();
    let by = hand.engine.rollout(ONE).unwrap().approval.unwrap().by;
    assert!(by.is_empty(), "{by:?}");
}
