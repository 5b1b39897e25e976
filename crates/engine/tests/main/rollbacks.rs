//! Which rollout goes back first, whose budget it needs for that, and whose hosts it may touch.

use std::num::NonZeroU32;

use ringway_engine::{Command, Input, WatchChange};
use ringway_model::{Digest, Evidence, FailWhy, HostId, RolloutId, Span, StepKind, StepResult};

use crate::support::{Hand, ONE, gate, good, group, plan};

const TWO: RolloutId = RolloutId(2);

fn rollback(rollout: RolloutId) -> Command {
    Command::Rollback {
        rollout,
        reason: "harm".to_owned(),
    }
}

/// Every step of a host's visit in a rollout does what it is for.
fn visit(hand: &mut Hand, rollout: RolloutId, host: u32) {
    while let Some((intent, kind)) = hand.running_in(rollout, host) {
        let result = good(kind);
        let _ = hand.take(Input::StepEnded { intent, result });
    }
}

#[test]
fn of_two_rollouts_over_a_host_the_one_that_changed_it_last_goes_back_first() {
    let (fleet, mut first) = plan(&[1]);
    first.rings[0].soak = Span::hours(9);
    let mut second = first.clone();
    second.update = "another".into();
    let mut hand = Hand::start((fleet.clone(), first));
    hand.visit(0);
    hand.propose(fleet, second);
    visit(&mut hand, TWO, 0);
    let refused = hand.command("olga", rollback(ONE)).unwrap_err();
    assert_eq!(refused.code, "wrong-state");
    assert!(refused.why.contains("r2 has changed"), "{}", refused.why);
    hand.command("olga", rollback(TWO)).unwrap();
    visit(&mut hand, TWO, 0);
    hand.command("olga", rollback(ONE)).unwrap();
}

#[test]
fn a_rollout_with_the_later_number_is_not_rolled_back_before_an_earlier_one_that_changed_its_hosts_since()
 {
    let (fleet, mut first) = plan(&[1]);
    first.rings[0].soak = Span::hours(9);
    let mut second = first.clone();
    second.update = "another".into();
    let mut hand = Hand::start((fleet.clone(), first));
    // The first one does not reach its host; the second one does; then the first tries again.
    hand.end(0, StepResult::Unreachable);
    hand.propose(fleet, second);
    visit(&mut hand, TWO, 0);
    hand.pass(Span::minutes(10));
    hand.visit(0);
    assert_eq!(hand.state(0), "updated");
    for crashes in [false, true] {
        if crashes {
            hand.crash(Span::ZERO);
        }
        let refused = hand.command("olga", rollback(TWO)).unwrap_err();
        assert!(refused.why.contains("r1 has changed"), "{}", refused.why);
    }
    hand.command("olga", rollback(ONE)).unwrap();
    hand.visit(0);
    assert_eq!(hand.rollout(), "rolled back");
    hand.command("olga", rollback(TWO)).unwrap();
}

/// A healthy host whose slot another rollout's budget does not give must not hold up those behind it.
#[test]
fn another_rollouts_full_budget_keeps_only_the_hosts_it_counts() {
    // The first rollout has hosts 0 to 2; the second, whose budget is full because of its failed host 3, has 0 and 3.
    let (fleet, mut first) = plan(&[4]);
    first.rings[0].planned = 3;
    first.slots.truncate(3);
    first.rings[0].soak = Span::hours(9);
    let mut hand = Hand::start((fleet.clone(), first));
    for host in 0..3 {
        hand.visit(host);
    }
    let (_, mut second) = plan(&[2]);
    second.update = "another".into();
    second.budget_down = Some(1);
    second.rings[0].halt_on = None;
    second.pace.at_once = NonZeroU32::new(1).unwrap();
    second.slots[0].host = HostId(3);
    second.slots[1].host = HostId(0);
    hand.propose(fleet, second);
    while let Some((intent, kind)) = hand.running_in(TWO, 3) {
        let result = if kind == StepKind::Apply {
            StepResult::Failed(FailWhy::Exit)
        } else {
            good(kind)
        };
        let _ = hand.take(Input::StepEnded { intent, result });
    }
    hand.command("olga", rollback(ONE)).unwrap();
    assert_eq!(hand.running(0), None);
    assert_eq!(hand.host_waiting(0), ["budget"]);
    assert!(
        hand.running(1).is_some(),
        "nobody but its own budget counts it"
    );
    for crashes in [false, true] {
        if crashes {
            hand.crash(Span::ZERO);
        }
        assert_eq!(hand.host_waiting(0), ["budget"], "crashes: {crashes}");
    }
    hand.visit(1);
    hand.visit(2);
    assert_eq!(hand.rollout(), "rolling back");
    // The broken host is repaired in its own rollout, which gives the slot back.
    hand.command("olga", rollback(TWO)).unwrap();
    visit(&mut hand, TWO, 3);
    assert!(hand.running(0).is_some(), "{:?}", hand.host_waiting(0));
    hand.visit(0);
    assert_eq!(hand.rollout(), "rolled back");
}

fn adopt(incarnation: u64, reason: &str) -> Command {
    Command::Adopt {
        incarnation,
        reason: reason.to_owned(),
    }
}

#[test]
fn hosts_of_another_database_are_taken_over_by_a_person_with_a_reason_and_tried_at_once() {
    let (fleet, the_plan) = plan(&[2]);
    let mut hand = Hand::start((fleet, the_plan));
    for host in 0..2 {
        hand.end(host, StepResult::Unreachable);
    }
    assert_eq!(hand.state(0), "offline");
    let refused = hand.command("olga", adopt(7, " ")).unwrap_err();
    assert_eq!(refused.code, "reason-missing");
    assert!(hand.engine.adopted().is_empty() && hand.running(0).is_none());
    assert!(hand.command("olga", adopt(7, "its disk is gone")).unwrap());
    assert_eq!(hand.engine.adopted().iter().collect::<Vec<_>>(), [&7]);
    assert!(hand.running(0).is_some() && hand.running(1).is_some());
    // Twice is once, and changes nothing that runs.
    assert!(!hand.command("olga", adopt(7, "its disk is gone")).unwrap());
    hand.crash(Span::minutes(1));
    assert_eq!(hand.engine.adopted().iter().collect::<Vec<_>>(), [&7]);
    let bytes = hand.engine.encode();
    assert_eq!(hand.folded().encode(), bytes);
}

/// Journals have digests of the state as the first format had it; nothing of later formats may be in them.
#[test]
fn the_digest_of_the_first_format_does_not_see_what_came_later() {
    let mut hand = Hand::idle();
    let (first, now) = (hand.engine.state_digest_v1(), hand.engine.state_digest());
    hand.command("olga", adopt(7, "why")).unwrap();
    assert_eq!(hand.engine.state_digest_v1(), first);
    assert_ne!(hand.engine.state_digest(), now);
    // Format, last event, epoch, takeover, no fleet, no hold, no evidence, no rollouts: by hand.
    let at = [0x80, 0x89, 0x7a];
    let bytes = [&[1][..], &at, &[1], &at, &[0, 0, 0, 0]].concat();
    assert_eq!(first, Digest::of(&bytes));
}

/// A new watch forgets what is known, and a host that settles while its rollout waits to end would be told unhealthy for it.
#[test]
fn an_order_to_roll_back_forgets_nothing_that_is_known_of_hosts() {
    let (fleet, mut the_plan) = plan(&[2]);
    the_plan.gates.push(gate());
    the_plan.pace.settle = Span::minutes(5);
    the_plan.rings[0].soak = Span::hours(9);
    let mut hand = Hand::start((fleet, the_plan));
    for host in 0..2 {
        hand.evidence(host, Evidence::Up);
        hand.visit(host);
        hand.evidence(host, Evidence::Up);
    }
    let is_watch = |change: &WatchChange| matches!(change, WatchChange::Watch { .. });
    assert!(hand.engine.take_watch_changes().iter().any(is_watch));
    hand.command("olga", rollback(ONE)).unwrap();
    assert!(!hand.engine.take_watch_changes().iter().any(is_watch));
}

/// The peer that a host in the middle of its rollback waits for may never come back. Whoever gives the rollout up must get
/// its end, with the host in service and what it is told as.
#[test]
fn a_rollback_that_its_peers_hold_up_ends_where_its_rollout_is_given_up() {
    let (mut fleet, mut the_plan) = plan(&[2]);
    group(&mut fleet, "pair", &[0, 1], &[], Some(1));
    the_plan.rings[0].soak = Span::hours(9);
    let mut hand = Hand::start((fleet, the_plan));
    hand.evidence(1, Evidence::Up);
    hand.visit(0);
    hand.command("olga", rollback(ONE)).unwrap();
    assert_eq!(hand.running(0), Some(StepKind::Drain));
    hand.evidence(1, Evidence::Down);
    hand.good(0);
    assert_eq!(hand.running(0), None, "its peer is down");
    hand.pass(Span::hours(9));
    assert_eq!(hand.rollout(), "rolling back");
    let reason = "its peer is gone".to_owned();
    let rollout = ONE;
    hand.command("olga", Command::Cancel { rollout, reason })
        .unwrap();
    assert_eq!(hand.running(0), Some(StepKind::Undrain));
    hand.good(0);
    assert!(
        hand.state(0).starts_with("rollback failed"),
        "{}",
        hand.state(0)
    );
    assert_eq!(hand.rollout(), "cancelled");
}
