//! Approvals: enough distinct people, for what they were shown (I9).

use ringway_engine::{Command, Subject};
use ringway_model::{Digest, FailWhy, RingIndex, Span, StepKind, StepResult};
use ringway_policy::validated::NotBy;

use crate::support::{Hand, ONE, approvals, plan};

const AFTER: Subject = Subject::Promotion { ring: RingIndex(0) };

fn two_rings() -> Hand {
    let (fleet, mut the_plan) = plan(&[3, 1]);
    let mut need = approvals(2, &["ana", "ben", "dora", "olga"]);
    need.not_by = vec![NotBy::PolicyAuthor, NotBy::Starter];
    the_plan.rings[0].after_soak = Some(need);
    the_plan.rings[0].halt_on = Some(3);
    the_plan.rings[0].soak = Span::hours(1);
    Hand::start((fleet, the_plan))
}

fn shown(hand: &Hand) -> Digest {
    hand.engine.view(hand.now).rollouts[0]
        .approval
        .as_ref()
        .unwrap()
        .digest
}

fn approve(hand: &mut Hand, who: &str) -> Result<bool, String> {
    let digest = shown(hand);
    hand.command(
        who,
        Command::Approve {
            rollout: ONE,
            subject: AFTER,
            digest,
        },
    )
    .map_err(|rejected| rejected.code)
}

#[test]
fn a_promotion_needs_distinct_people_of_the_teams_and_duties_are_separated() {
    let mut hand = two_rings();
    (0..3).for_each(|host| hand.visit(host));
    hand.pass(Span::hours(1));
    assert_eq!(hand.waiting(), ["approval"]);
    assert_eq!(
        approve(&mut hand, "mallory"),
        Err("not-allowed".into()),
        "of no team"
    );
    assert_eq!(
        approve(&mut hand, "dora"),
        Err("not-allowed".into()),
        "the policy's author"
    );
    assert_eq!(
        approve(&mut hand, "olga"),
        Err("not-allowed".into()),
        "who started it"
    );
    assert_eq!(approve(&mut hand, "ana"), Ok(true));
    assert_eq!(approve(&mut hand, "ana"), Err("already-approved".into()));
    assert_eq!(hand.running(3), None);
    assert_eq!(approve(&mut hand, "ben"), Ok(true));
    assert_eq!(hand.running(3), Some(StepKind::Inspect));
}

#[test]
fn an_early_yes_is_kept_and_counts_when_its_time_comes() {
    let mut hand = two_rings();
    assert_eq!(approve(&mut hand, "ana"), Ok(true));
    assert_eq!(approve(&mut hand, "ben"), Ok(true));
    (0..3).for_each(|host| hand.visit(host));
    assert_eq!(
        hand.running(3),
        None,
        "an early yes does not shorten the soak"
    );
    hand.pass(Span::hours(1));
    assert_eq!(hand.running(3), Some(StepKind::Inspect));
}

#[test]
fn a_yes_is_void_where_what_came_is_worse_than_what_was_shown() {
    let mut hand = two_rings();
    approve(&mut hand, "ana").unwrap();
    approve(&mut hand, "ben").unwrap();
    hand.until(0, StepKind::Verify);
    hand.end(0, StepResult::Failed(FailWhy::Exit));
    (0..3).for_each(|host| hand.visit(host));
    hand.pass(Span::hours(1));
    assert_eq!((hand.waiting(), hand.running(3)), (vec!["approval"], None));
    assert_eq!(
        approve(&mut hand, "ana"),
        Ok(true),
        "seeing the failure, they may still say yes"
    );
    assert_eq!(approve(&mut hand, "ben"), Ok(true));
    assert_eq!(hand.running(3), Some(StepKind::Inspect));
}

#[test]
fn a_yes_to_what_is_no_longer_there_is_rejected() {
    let mut hand = two_rings();
    let digest = shown(&hand);
    hand.until(0, StepKind::Verify);
    hand.end(0, StepResult::Failed(FailWhy::Exit));
    let stale = hand.command(
        "ana",
        Command::Approve {
            rollout: ONE,
            subject: AFTER,
            digest,
        },
    );
    assert_eq!(stale.unwrap_err().code, "stale-digest");
}

#[test]
fn nothing_starts_before_the_start_is_approved_and_a_no_cancels_it() {
    let (fleet, mut the_plan) = plan(&[1]);
    the_plan.start = Some(approvals(1, &["ana"]));
    let mut hand = Hand::start((fleet, the_plan));
    assert_eq!((hand.waiting(), hand.running(0)), (vec!["approval"], None));
    let digest = shown(&hand);
    hand.command(
        "ana",
        Command::Approve {
            rollout: ONE,
            subject: Subject::Start,
            digest,
        },
    )
    .unwrap();
    assert_eq!(hand.running(0), Some(StepKind::Inspect));

    let (fleet, mut the_plan) = plan(&[1]);
    the_plan.start = Some(approvals(1, &["ana"]));
    let mut hand = Hand::start((fleet, the_plan));
    let no = Command::Reject {
        rollout: ONE,
        reason: "not this month".into(),
    };
    assert_eq!(
        hand.command("ben", no.clone()).unwrap_err().code,
        "not-allowed"
    );
    hand.command("ana", no).unwrap();
    assert_eq!(hand.rollout(), "cancelled");
}

#[test]
fn a_no_to_a_promotion_pauses_and_takes_back_every_yes() {
    let mut hand = two_rings();
    approve(&mut hand, "ana").unwrap();
    hand.command(
        "ben",
        Command::Reject {
            rollout: ONE,
            reason: "not yet".into(),
        },
    )
    .unwrap();
    assert_eq!(hand.rollout(), "paused");
    hand.command(
        "olga",
        Command::Resume {
            rollout: ONE,
            reason: String::new(),
        },
    )
    .unwrap();
    assert!(
        hand.engine.view(hand.now).rollouts[0]
            .approval
            .as_ref()
            .unwrap()
            .by
            .is_empty()
    );
}

/// Whoever paused it resumes it without knowing of the no: the yes from before must not count then.
#[test]
fn a_no_to_a_paused_rollout_takes_back_every_yes_too() {
    let mut hand = two_rings();
    approve(&mut hand, "ana").unwrap();
    (0..3).for_each(|host| hand.visit(host));
    let (rollout, reason) = (ONE, "lunch".to_owned());
    hand.command("olga", Command::Pause { rollout, reason })
        .unwrap();
    let no = Command::Reject {
        rollout: ONE,
        reason: "wrong build".into(),
    };
    assert!(hand.command("ben", no.clone()).unwrap(), "it counts");
    assert!(!hand.command("ben", no).unwrap(), "it was so already");
    let view = &hand.engine.view(hand.now).rollouts[0];
    assert!(view.approval.as_ref().unwrap().by.is_empty());
    let words = format!("{:?}", view.waiting);
    assert!(words.contains("wrong build"), "{words}");
    let reason = "found".to_owned();
    hand.command("olga", Command::Resume { rollout, reason })
        .unwrap();
    hand.pass(Span::hours(2));
    assert_eq!(hand.waiting(), ["approval"]);
}

#[test]
fn a_rollout_keeps_its_ticket_and_no_other_one_is_taken_for_it() {
    let change = |text: &str| text.parse::<ringway_model::ChangeId>().unwrap();
    let (fleet, the_plan) = plan(&[1]);
    let mut hand = Hand::start((fleet, the_plan));
    let propose = |hand: &mut Hand, key: &str, named: Option<&str>| {
        let (fleet, plan) = (hand.fleets[0].0, hand.plans[0].0);
        let key = Some(key.to_owned());
        let command = match named {
            None => Command::Propose { fleet, plan, key },
            Some(named) => Command::ProposeAs {
                fleet,
                plan,
                key,
                change: change(named),
            },
        };
        hand.command("olga", command)
            .map_err(|rejected| rejected.code)
    };
    assert_eq!(propose(&mut hand, "k", Some("CHG1")), Ok(true));
    assert_eq!(propose(&mut hand, "k", Some("CHG1")), Ok(false));
    assert_eq!(propose(&mut hand, "k", None), Ok(false), "a key is enough");
    assert_eq!(
        propose(&mut hand, "k", Some("CHG2")),
        Err("another-change".into())
    );
    assert_eq!(propose(&mut hand, "l", None), Ok(true));
    assert_eq!(
        propose(&mut hand, "l", Some("CHG2")),
        Err("another-change".into())
    );
    for bad in ["", " ", "a\u{1b}[31m", "a\nb", &"k".repeat(257)] {
        assert_eq!(propose(&mut hand, bad, None), Err("bad-key".into()));
    }
    let view = hand.engine.view(hand.now);
    let named: Vec<_> = view.rollouts.iter().map(|one| &one.change).collect();
    assert_eq!(named, [&None, &Some(change("CHG1")), &None]);
    let bytes = hand.engine.encode();
    let (fleets, plans) = (hand.fleets.clone(), hand.plans.clone());
    let back = ringway_engine::Engine::decode(
        &bytes,
        fleets.into_iter().collect(),
        plans.into_iter().collect(),
    );
    assert_eq!(back.unwrap().encode(), bytes, "also over a snapshot");
}
