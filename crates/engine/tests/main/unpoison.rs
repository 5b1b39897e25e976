//! Taking a poisoning back where policies say who must agree: nothing is installed before they have, and everybody knows to what.

use ringway_engine::{Command, Event, Poisoning};
use ringway_model::{Content, Digest, Span};
use ringway_policy::validated::NotBy;
use ringway_scheduler::consent::{RuleTerms, UnpoisonPlan};

use crate::support::{Hand, approvals, plan};

fn poison() -> Command {
    let content = Content {
        id: "new".to_owned(),
        build: None,
        digest: None,
    };
    Command::Poison {
        what: Poisoning::Content {
            contents: vec![content],
        },
        reason: "it breaks logins".to_owned(),
    }
}

fn unpoison(reason: &str) -> Command {
    Command::Unpoison {
        id: "new".to_owned(),
        build: None,
        reason: reason.to_owned(),
    }
}

/// A rollout whose content is poisoned; its policy asks for so many yeses of Ana, Ben and Chris.
fn poisoned(change: impl FnOnce(&mut UnpoisonPlan)) -> Hand {
    let (fleet, mut the_plan) = plan(&[1]);
    let mut rule = UnpoisonPlan {
        rule: approvals(2, &["ana", "ben", "chris"]),
        terms: RuleTerms::default(),
    };
    change(&mut rule);
    the_plan.unpoison = Some(rule);
    let users = ["ana", "anna"].map(|user| (user.to_owned(), "ana".to_owned()));
    the_plan.consent.users = users.into();
    let mut hand = Hand::idle();
    hand.propose(fleet, the_plan);
    hand.command("olga", poison()).unwrap();
    hand.end(0, ringway_model::StepResult::NotStarted);
    hand
}

fn asked(hand: &Hand) -> Option<(u32, Digest)> {
    let all = hand.engine.unpoisonings();
    all.first().map(|one| (one.number, one.digest))
}

fn yes(hand: &mut Hand, who: &str) -> Result<bool, String> {
    let (number, digest) = asked(hand).expect("something is asked");
    let command = Command::ApproveUnpoison { number, digest };
    hand.command(who, command).map_err(|refused| refused.code)
}

fn is_poisoned(hand: &Hand) -> bool {
    !hand.engine.view(hand.now).poisons.is_empty()
}

#[test]
fn what_is_poisoned_stays_so_until_enough_different_people_agreed() {
    let mut hand = poisoned(|_| {});
    hand.command("dan", unpoison("it was the virus scanner"))
        .unwrap();
    assert!(is_poisoned(&hand), "asking is not enough");
    assert_eq!(hand.running(0), None);
    assert_eq!(hand.host_waiting(0), ["unpoisoning"]);
    assert_eq!(
        yes(&mut hand, "eve"),
        Err("not-allowed".into()),
        "of no team"
    );
    assert_eq!(yes(&mut hand, "ana"), Ok(true));
    assert_eq!(
        yes(&mut hand, "anna"),
        Err("already-approved".into()),
        "one person"
    );
    assert!(is_poisoned(&hand));
    assert_eq!(hand.running(0), None);
    assert_eq!(yes(&mut hand, "ben"), Ok(true));
    assert!(!is_poisoned(&hand));
    assert_eq!(asked(&hand), None);
    assert!(hand.running(0).is_some(), "its visit begins");
    let by = hand.journal.iter().find_map(|(_, event)| match event {
        Event::Unpoisoned { actor, reason, .. } => Some((actor.0.clone(), reason.clone())),
        _ => None,
    });
    let said = ("dan".to_owned(), "it was the virus scanner".to_owned());
    assert_eq!(by, Some(said), "it is who asked who took it back, and why");
}

#[test]
fn where_no_policy_asks_a_reason_is_enough() {
    let mut hand = Hand::start(plan(&[1]));
    hand.command("olga", poison()).unwrap();
    hand.command("dan", unpoison("it was the virus scanner"))
        .unwrap();
    assert!(!is_poisoned(&hand) && asked(&hand).is_none());
}

#[test]
fn a_yes_is_to_exactly_what_was_shown() {
    let mut hand = poisoned(|_| {});
    hand.command("dan", unpoison("it was the virus scanner"))
        .unwrap();
    let (number, _) = asked(&hand).unwrap();
    let other = Command::ApproveUnpoison {
        number,
        digest: Digest::of(b"something else"),
    };
    assert_eq!(hand.command("ana", other).unwrap_err().code, "stale-digest");
    let unknown = Command::ApproveUnpoison {
        number: 7,
        digest: Digest::of(b"something else"),
    };
    assert_eq!(hand.command("ana", unknown).unwrap_err().code, "not-found");
    assert_eq!(yes(&mut hand, "ana"), Ok(true));
    hand.command("dan", unpoison("the vendor says so")).unwrap();
    assert_eq!(yes(&mut hand, "ben"), Ok(true));
    assert!(is_poisoned(&hand), "what Ana agreed to is asked no longer");
}

#[test]
fn a_no_and_a_poisoning_anew_end_what_was_asked() {
    for ends in [
        (
            "ben",
            Command::RejectUnpoison {
                number: 1,
                reason: "not understood".into(),
            },
        ),
        (
            "dan",
            Command::RejectUnpoison {
                number: 1,
                reason: "I was wrong".into(),
            },
        ),
        ("eve", poison()),
    ] {
        let mut hand = poisoned(|_| {});
        hand.command("dan", unpoison("it was the virus scanner"))
            .unwrap();
        assert_eq!(yes(&mut hand, "ana"), Ok(true));
        assert_eq!(hand.command(ends.0, ends.1.clone()), Ok(true), "{ends:?}");
        assert!(is_poisoned(&hand) && asked(&hand).is_none(), "{ends:?}");
        assert_eq!(hand.host_waiting(0), ["poisoned"]);
    }
    let mut hand = poisoned(|_| {});
    hand.command("dan", unpoison("it was the virus scanner"))
        .unwrap();
    let no = |reason: &str| Command::RejectUnpoison {
        number: 1,
        reason: reason.to_owned(),
    };
    assert_eq!(
        hand.command("eve", no("why")).unwrap_err().code,
        "not-allowed"
    );
    assert_eq!(
        hand.command("ana", no(" ")).unwrap_err().code,
        "reason-missing"
    );
}

#[test]
fn what_was_asked_is_void_in_the_time_that_the_policy_gives() {
    let mut hand = poisoned(|rule| rule.terms.expire = Some(Span::hours(24)));
    hand.command("dan", unpoison("it was the virus scanner"))
        .unwrap();
    assert_eq!(yes(&mut hand, "ana"), Ok(true));
    hand.pass(Span::hours(23));
    assert!(asked(&hand).is_some());
    let due = hand.engine.next_wake().expect("its time comes");
    assert!(due <= hand.now + Span::hours(1));
    hand.pass(Span::hours(1));
    assert!(is_poisoned(&hand) && asked(&hand).is_none());
}

#[test]
fn whoever_asks_may_not_agree_where_duties_are_separated() {
    let mut hand = poisoned(|rule| rule.rule.not_by = vec![NotBy::Starter]);
    hand.command("ana", unpoison("it was the virus scanner"))
        .unwrap();
    assert_eq!(yes(&mut hand, "ana"), Err("not-allowed".into()));
    assert_eq!(yes(&mut hand, "anna"), Err("not-allowed".into()));
    assert_eq!(yes(&mut hand, "ben"), Ok(true));
    assert_eq!(yes(&mut hand, "chris"), Ok(true));
    assert!(!is_poisoned(&hand));
}

/// Two policies have it in their plans: each must have what it asks for.
#[test]
fn of_several_policies_each_must_agree() {
    let mut hand = poisoned(|rule| rule.rule = approvals(1, &["ana"]));
    hand.command("dan", unpoison("first")).unwrap();
    hand.command(
        "dan",
        Command::RejectUnpoison {
            number: 1,
            reason: "later".into(),
        },
    )
    .unwrap();
    // The other rollout is from before the poisoning: it is taken back for a moment so that it can begin.
    hand.command("dan", unpoison("second")).unwrap();
    assert_eq!(yes(&mut hand, "ana"), Ok(true));
    let (fleet, mut other) = plan(&[1]);
    other.policy = "other".to_owned();
    other.unpoison = Some(UnpoisonPlan {
        rule: approvals(1, &["ben"]),
        terms: RuleTerms::default(),
    });
    hand.propose(fleet, other);
    hand.command("olga", poison()).unwrap();
    hand.command("dan", unpoison("third")).unwrap();
    assert_eq!(yes(&mut hand, "ana"), Ok(true));
    assert!(is_poisoned(&hand), "the other policy's is missing");
    assert_eq!(yes(&mut hand, "ben"), Ok(true));
    assert!(!is_poisoned(&hand));
}

#[test]
fn a_snapshot_remembers_what_is_asked_and_who_agreed() {
    let mut hand = poisoned(|_| {});
    hand.command("dan", unpoison("it was the virus scanner"))
        .unwrap();
    assert_eq!(yes(&mut hand, "ana"), Ok(true));
    let restored = hand.decoded(&hand.engine.encode());
    assert_eq!(restored.unpoisonings(), hand.engine.unpoisonings());
    assert_eq!(restored.state_digest(), hand.engine.state_digest());
}
