//! Approvals beyond the plain yes: ahead of time, expiring, by deputies and by several users of one person; what voids them;
//! soaks that people end early; questions.

use std::collections::BTreeMap;

use ringway_engine::view::ApprovalView;
use ringway_engine::{Command, Event, HoldKind, Subject};
use ringway_model::{Evidence, FailWhy, RingIndex, Span, StepKind, StepResult, WaitingOn};
use ringway_policy::validated::NotBy;
use ringway_scheduler::Plan;
use ringway_scheduler::consent::{EarlyPlan, RingConsent, RuleTerms, Strata};

use crate::support::{Hand, ONE, approvals, gate, plan};

const FIRST: RingIndex = RingIndex(0);

/// Three rings of two hosts and an hour of soak; going on after each of the first two needs ana or ben.
fn three_rings(change: impl FnOnce(&mut Plan)) -> Hand {
    let (fleet, mut the_plan) = plan(&[2, 2, 1]);
    for ring in &mut the_plan.rings[..2] {
        ring.after_soak = Some(approvals(1, &["ana", "ben", "chris"]));
        ring.halt_on = Some(3);
        ring.soak = Span::hours(1);
    }
    the_plan.consent.rings = vec![RingConsent::default(); 3];
    change(&mut the_plan);
    Hand::start((fleet, the_plan))
}

fn views(hand: &Hand) -> Vec<ApprovalView> {
    let view = hand.engine.view(hand.now).rollouts.remove(0);
    view.approval.into_iter().chain(view.later).collect()
}

fn code(result: Result<bool, ringway_engine::Rejected>) -> Result<bool, String> {
    result.map_err(|rejected| rejected.code)
}

fn yes(hand: &mut Hand, who: &str, ring: u16) -> Result<bool, String> {
    let subject = Subject::Promotion {
        ring: RingIndex(ring),
    };
    let view = views(hand).into_iter().find(|one| one.subject == subject);
    let digest = view.expect("it can be approved").digest;
    let rollout = ONE;
    code(hand.command(
        who,
        Command::Approve {
            rollout,
            subject,
            digest,
        },
    ))
}

fn early(hand: &mut Hand, who: &str, reason: &str) -> Result<bool, String> {
    let view = hand.engine.view(hand.now).rollouts.remove(0);
    let digest = view.early.expect("it may be ended early").digest;
    let (rollout, ring, reason) = (ONE, FIRST, reason.to_owned());
    code(hand.command(
        who,
        Command::PromoteEarly {
            rollout,
            ring,
            digest,
            reason,
        },
    ))
}

fn voided(hand: &Hand) -> Vec<String> {
    let events = hand.journal.iter().map(|(_, event)| event);
    let voided = events.filter_map(|event| match event {
        Event::ApprovalVoided { why, .. } => Some(why.clone()),
        _ => None,
    });
    voided.collect()
}

fn visit_all(hand: &mut Hand, hosts: std::ops::Range<u32>) {
    hosts.for_each(|host| hand.visit(host));
}

#[test]
fn a_later_ring_can_be_approved_ahead_and_the_yes_is_used_when_its_time_comes() {
    let mut hand = three_rings(|_| {});
    assert_eq!(
        views(&hand)
            .iter()
            .map(|one| one.starts.as_str())
            .collect::<Vec<_>>(),
        ["ring1", "ring2"]
    );
    assert_eq!(yes(&mut hand, "ben", 1), Ok(true));
    visit_all(&mut hand, 0..2);
    hand.pass(Span::hours(1));
    assert_eq!(hand.waiting(), ["approval"], "the yes is to the ring after");
    assert_eq!(yes(&mut hand, "ana", 0), Ok(true));
    visit_all(&mut hand, 2..4);
    hand.pass(Span::hours(1));
    assert_eq!(hand.running(4), Some(StepKind::Inspect));
    assert!(voided(&hand).is_empty());
}

#[test]
fn a_ring_that_is_behind_or_not_there_cannot_be_approved() {
    let mut hand = three_rings(|_| {});
    yes(&mut hand, "ana", 0).unwrap();
    visit_all(&mut hand, 0..2);
    hand.pass(Span::hours(1));
    for subject in [
        Subject::Start,
        Subject::Promotion { ring: FIRST },
        Subject::Promotion { ring: RingIndex(2) },
        Subject::Promotion { ring: RingIndex(9) },
    ] {
        let digest = views(&hand)[0].digest;
        let command = Command::Approve {
            rollout: ONE,
            subject,
            digest,
        };
        let answer = code(hand.command("ben", command));
        assert_eq!(answer, Err("nothing-to-approve".to_owned()), "{subject:?}");
    }
}

#[test]
fn a_yes_that_is_not_used_in_its_time_is_void_and_says_so() {
    let mut hand = three_rings(|plan| {
        plan.consent.rings[0].after_soak.expire = Some(Span::minutes(30));
        plan.rings[0].after_soak.as_mut().unwrap().needed = 2;
    });
    yes(&mut hand, "ana", 0).unwrap();
    let ends = hand.now + Span::minutes(30);
    assert_eq!(views(&hand)[0].given[0].expires, Some(ends));
    assert_eq!(hand.engine.next_wake(), Some(ends));
    visit_all(&mut hand, 0..2);
    hand.pass(Span::minutes(29));
    assert!(voided(&hand).is_empty());
    hand.pass(Span::minutes(1));
    assert_eq!(
        voided(&hand),
        ["it was not used in the time for which it was given"]
    );
    hand.pass(Span::minutes(31));
    yes(&mut hand, "ana", 0).unwrap();
    let waits = hand.engine.waiting(ONE);
    let WaitingOn::Approval {
        have,
        expires,
        could,
        ..
    } = &waits[0]
    else {
        panic!("{waits:?}");
    };
    assert_eq!((*have, *expires), (1, Some(hand.now + Span::minutes(30))));
    assert_eq!(could, &["ben", "chris"]);
    yes(&mut hand, "ben", 0).unwrap();
    assert_eq!(hand.running(2), Some(StepKind::Inspect));
    hand.pass(Span::hours(2));
    assert_eq!(
        voided(&hand).len(),
        1,
        "one that was used needs no time any more"
    );
}

#[test]
fn a_crash_forgets_neither_when_a_yes_ends_nor_what_was_asked() {
    let mut hand = three_rings(|plan| {
        plan.consent.rings[0].after_soak.expire = Some(Span::hours(3));
        plan.rings[0].after_soak.as_mut().unwrap().needed = 2;
    });
    yes(&mut hand, "ana", 0).unwrap();
    let ask = Command::Ask {
        rollout: ONE,
        to: Some("ben".into()),
        text: "is the vendor told?".into(),
    };
    hand.command("ana", ask).unwrap();
    let before = hand.engine.view(hand.now).rollouts.remove(0);
    let bytes = hand.engine.encode();
    let again = hand.decoded(&bytes);
    assert_eq!(again.encode(), bytes);
    let after = again.view(hand.now).rollouts.remove(0);
    assert_eq!(
        (before.approval, before.questions),
        (after.approval, after.questions)
    );
    hand.crash(Span::hours(4));
    assert_eq!(voided(&hand).len(), 1, "its time was over while nobody ran");
}

/// Ana is a user of two names; somebody else has the user name `ana`.
#[test]
fn people_count_and_not_their_users() {
    let mut hand = three_rings(|plan| {
        plan.consent.users = BTreeMap::from(
            [("amueller", "ana"), ("ana-adm", "ana")].map(|(a, b)| (a.to_owned(), b.to_owned())),
        );
        let rule = plan.rings[0].after_soak.as_mut().unwrap();
        rule.needed = 2;
        rule.not_by = vec![NotBy::PolicyAuthor];
        plan.author = Some("ana-adm".into());
        let rule = plan.rings[1].after_soak.as_mut().unwrap();
        rule.needed = 2;
    });
    assert_eq!(
        yes(&mut hand, "amueller", 0),
        Err("not-allowed".into()),
        "she wrote it"
    );
    assert_eq!(
        yes(&mut hand, "ana", 1),
        Err("not-allowed".into()),
        "somebody else"
    );
    assert_eq!(yes(&mut hand, "amueller", 1), Ok(true));
    assert_eq!(yes(&mut hand, "ana-adm", 1), Err("already-approved".into()));
    let given = &views(&hand)[1].given[0];
    assert_eq!(
        (given.person.as_str(), given.user.as_str()),
        ("ana", "amueller")
    );
}

/// The policy's author is named as a person. Taken for a user name it was that of somebody else, and she could approve her own
/// policy.
#[test]
fn the_policys_author_is_a_person_and_may_not_approve_by_whichever_user_name() {
    for author in ["ana", "root"] {
        let mut hand = three_rings(|plan| {
            plan.consent.users = BTreeMap::from([("root".to_owned(), "ana".to_owned())]);
            plan.author = Some(author.into());
            plan.rings[0].after_soak.as_mut().unwrap().not_by = vec![NotBy::PolicyAuthor];
        });
        let refused = yes(&mut hand, "root", 0);
        assert_eq!(refused, Err("not-allowed".into()), "author {author}");
        assert_eq!(yes(&mut hand, "ben", 0), Ok(true));
    }
}

#[test]
fn a_deputys_yes_counts_and_is_recorded_as_one() {
    let mut hand = three_rings(|plan| {
        let deputies = &mut plan.consent.rings[0].after_soak.deputies;
        deputies.insert("chris".into(), "operators".into());
    });
    visit_all(&mut hand, 0..2);
    hand.pass(Span::hours(1));
    yes(&mut hand, "chris", 0).unwrap();
    let shown = hand.journal.iter().find_map(|(_, event)| match event {
        Event::ApprovalGiven { shown, .. } => Some(shown.clone()),
        _ => None,
    });
    let shown = shown.unwrap();
    assert_eq!(
        (shown.person.as_str(), shown.deputy_in.as_deref()),
        ("chris", Some("operators"))
    );
    assert_eq!(hand.running(2), Some(StepKind::Inspect));
}

/// Whoever says yes at three in the morning must not wait for hosts that nobody will begin.
#[test]
fn a_yes_tells_which_hosts_are_held_and_that_none_begins_before_one_is_free() {
    let mut hand = three_rings(|_| ());
    visit_all(&mut hand, 0..2);
    hand.pass(Span::hours(1));
    let first = |hand: &Hand| {
        let view = views(hand).remove(0);
        (view.held, view.first_start)
    };
    assert_eq!(first(&hand), (vec![], Some(hand.now)));
    let mut hold = |host: &str, kind, until| {
        let hold = Command::Hold {
            hosts: vec![host.to_owned()],
            kind,
            reason: "load test".to_owned(),
            until,
        };
        hand.command("ana", hold).unwrap();
        (first(&hand), hand.now)
    };
    let ((held, at), now) = hold("h2", HoldKind::Hold, None);
    assert_eq!((held, at), (vec!["h2".to_owned()], Some(now)));
    let until = now + Span::hours(3);
    let ((held, at), _) = hold("h3", HoldKind::Maintenance, Some(until));
    assert_eq!(held, ["h2", "h3"]);
    assert_eq!(at, Some(until));
    // Maintenance that ends does not end what somebody else said of the host.
    let ((_, at), _) = hold("h3", HoldKind::Hold, None);
    assert_eq!(at, None);
}

#[test]
fn who_could_approve_and_who_must_not_is_said_by_name() {
    let mut hand = three_rings(|plan| {
        let rule = plan.rings[0].after_soak.as_mut().unwrap();
        rule.not_by = vec![NotBy::PolicyAuthor, NotBy::Starter];
        rule.people.insert("dora".into());
        let terms: &mut RuleTerms = &mut plan.consent.rings[0].after_soak;
        terms.deputies.insert("chris".into(), "operators".into());
    });
    visit_all(&mut hand, 0..2);
    hand.pass(Span::hours(1));
    let waits = hand.engine.waiting(ONE);
    assert_eq!(
        waits[0].to_string(),
        "0 of 1 approvals for `ring1` (by operators); could give one: ana, ben, chris (deputy in operators); not: dora (wrote the policy)"
    );
}

#[test]
fn a_yes_is_void_where_people_leave_out_hosts_of_the_ring_to_come() {
    let mut hand = three_rings(|_| {});
    yes(&mut hand, "ana", 0).unwrap();
    let skip = Command::Skip {
        rollout: ONE,
        host: "h3".into(),
        reason: "its disks".into(),
    };
    hand.command("ben", skip).unwrap();
    assert_eq!(
        views(&hand)[0].given[0].void_now.as_deref(),
        Some("the ring to come has other hosts than when it was given")
    );
    assert!(
        voided(&hand).is_empty(),
        "it is judged when its time has come"
    );
    visit_all(&mut hand, 0..2);
    hand.pass(Span::hours(1));
    assert_eq!(
        voided(&hand),
        ["the ring to come has other hosts than when it was given"]
    );
    assert_eq!(hand.waiting(), ["approval"]);
    assert_eq!(views(&hand)[0].left_out, ["h3"]);
    yes(&mut hand, "ana", 0).unwrap();
    assert_eq!(hand.running(2), Some(StepKind::Inspect));
}

#[test]
fn a_yes_is_void_where_a_gate_regressed_at_the_time_it_was_to_count() {
    let mut hand = three_rings(|plan| {
        plan.gates = vec![gate()];
        plan.rings[0].after_soak.as_mut().unwrap().needed = 2;
    });
    for host in 0..5 {
        hand.evidence(host, Evidence::Up);
    }
    visit_all(&mut hand, 0..2);
    (0..2).for_each(|host| hand.evidence(host, Evidence::Up));
    yes(&mut hand, "ana", 0).unwrap();
    // A moment of silence or of trouble in the middle of the soak is what a soak is for.
    hand.evidence(0, Evidence::Down);
    hand.pass(Span::minutes(1));
    hand.evidence(0, Evidence::Up);
    hand.pass(Span::minutes(30));
    assert!(voided(&hand).is_empty());
    hand.evidence(1, Evidence::Unknown);
    hand.pass(Span::minutes(30));
    hand.evidence(1, Evidence::Up);
    hand.pass(Span::minutes(30));
    assert_eq!(hand.waiting(), ["approval"]);
    assert!(voided(&hand).is_empty(), "silence is no verdict");
    hand.evidence(1, Evidence::Down);
    assert_eq!(
        voided(&hand),
        ["gate `answers` regressed since it was given"]
    );
}

/// Ring 1 has a kind of host of which ring 0 had one example.
#[test]
fn a_yes_is_void_where_nothing_is_left_of_a_kind_of_host_that_was_to_be_tried() {
    let mut hand = three_rings(|plan| {
        plan.consent.strata = Strata {
            names: vec!["os=a".into(), "os=b".into(), "os=c".into()],
            of_slot: vec![0, 1, 1, 2, 0],
        };
        plan.rings[0].debt_allowed = 1;
        plan.retry.times = 0;
    });
    assert_eq!(
        views(&hand)[0].untested,
        ["os=c"],
        "nobody ever meant to try it"
    );
    yes(&mut hand, "ana", 0).unwrap();
    let skip = Command::Skip {
        rollout: ONE,
        host: "h1".into(),
        reason: "its disks".into(),
    };
    hand.visit(0);
    hand.end(1, StepResult::Unreachable);
    hand.command("ben", skip).unwrap();
    hand.pass(Span::hours(1));
    assert_eq!(
        voided(&hand),
        ["no host of kind `os=b` has the update any more"]
    );
    assert_eq!(views(&hand)[0].untested, ["os=b", "os=c"]);
    assert_eq!(
        yes(&mut hand, "ana", 0),
        Ok(true),
        "who sees that may say yes"
    );
    assert_eq!(hand.running(2), Some(StepKind::Inspect));
}

fn may_be_early(needed: u8) -> Hand {
    three_rings(|plan| {
        plan.gates = vec![gate()];
        plan.rings[0].after_soak = None;
        plan.consent.rings[0].early = Some(EarlyPlan {
            at_least: Span::minutes(10),
            rule: approvals(needed, &["ana", "ben"]),
            terms: RuleTerms::default(),
        });
    })
}

fn all_up(hand: &mut Hand) {
    (0..5).for_each(|host| hand.evidence(host, Evidence::Up));
    visit_all(hand, 0..2);
    (0..2).for_each(|host| hand.evidence(host, Evidence::Up));
}

#[test]
fn people_end_a_soak_early_with_enough_of_them_a_reason_and_evidence() {
    let mut hand = may_be_early(2);
    all_up(&mut hand);
    assert_eq!(early(&mut hand, "ana", " "), Err("reason-missing".into()));
    assert_eq!(early(&mut hand, "chris", "why"), Err("not-allowed".into()));
    assert_eq!(early(&mut hand, "ana", "exploited"), Ok(true));
    hand.pass(Span::minutes(10));
    assert_eq!((hand.waiting(), hand.running(2)), (vec!["soak"], None));
    hand.evidence(1, Evidence::Unknown);
    assert_eq!(early(&mut hand, "ben", "exploited"), Ok(true));
    assert_eq!(hand.running(2), None, "silence is never success");
    hand.evidence(1, Evidence::Up);
    assert_eq!(hand.running(2), Some(StepKind::Inspect));
    let cut = hand.journal.iter().find_map(|(_, event)| match event {
        Event::SoakCutShort {
            observed, people, ..
        } => Some((*observed, people.clone())),
        _ => None,
    });
    assert_eq!(
        cut,
        Some((Span::minutes(10), vec!["ana".into(), "ben".into()]))
    );
}

/// In the hours 08:00 to 08:20 of this test's day, and for four minutes.
#[test]
fn a_yes_to_an_early_end_counts_within_its_hours_and_for_its_time() {
    let mut hand = three_rings(|plan| {
        plan.gates = vec![gate()];
        plan.rings[0].after_soak = None;
        plan.consent.rings[0].early = Some(EarlyPlan {
            at_least: Span::minutes(10),
            rule: approvals(2, &["ana", "ben"]),
            terms: RuleTerms {
                expire: Some(Span::minutes(4)),
                ..RuleTerms::default()
            },
        });
        plan.terms.hours = vec![ringway_scheduler::terms::HoursPlan {
            zone: ringway_policy::validated::ZoneName::utc(),
            hours: ringway_policy::validated::Hours(Vec::new()),
        }];
        plan.terms.early = vec![Some(0)];
    });
    let begin = hand.now;
    let open = vec![(begin + Span::minutes(3), begin + Span::minutes(23))];
    let _ = hand.take(ringway_engine::Input::Calendar {
        rollout: ONE,
        calendar: ringway_engine::Calendar {
            zones: "test".to_owned(),
            until: begin + Span::hours(24 * 400),
            tables: vec![ringway_engine::Table {
                open,
                frozen: Vec::new(),
            }],
        },
    });
    all_up(&mut hand);
    assert_eq!(
        early(&mut hand, "ana", "exploited"),
        Err("outside-hours".into())
    );
    hand.pass(Span::minutes(4));
    assert_eq!(early(&mut hand, "ana", "exploited"), Ok(true));
    let waits = hand.now + Span::minutes(4);
    assert_eq!(hand.engine.next_wake(), Some(waits), "it ends by itself");
    hand.pass(Span::minutes(5));
    assert_eq!(
        voided(&hand),
        ["it was not used in the time for which it was given"]
    );
    assert_eq!(early(&mut hand, "ben", "exploited"), Ok(true));
    hand.pass(Span::minutes(2));
    assert_eq!(hand.running(2), None, "ana's yes is void");
    assert_eq!(early(&mut hand, "ana", "exploited"), Ok(true));
    assert_eq!(hand.running(2), Some(StepKind::Inspect));
}

#[test]
fn a_soak_never_ends_early_before_the_policys_bound() {
    let mut hand = may_be_early(1);
    all_up(&mut hand);
    hand.pass(Span::minutes(4));
    early(&mut hand, "ana", "exploited").unwrap();
    assert_eq!(hand.engine.next_wake(), Some(hand.now + Span::minutes(6)));
    hand.pass(Span::minutes(5));
    assert_eq!(hand.running(2), None);
    hand.pass(Span::minutes(1));
    assert_eq!(hand.running(2), Some(StepKind::Inspect));
}

#[test]
fn a_failure_after_the_yes_voids_it_and_a_pause_keeps_the_soak() {
    let mut hand = may_be_early(1);
    all_up(&mut hand);
    early(&mut hand, "ana", "exploited").unwrap();
    let pause = |reason: &str| Command::Pause {
        rollout: ONE,
        reason: reason.into(),
    };
    hand.command("ben", pause("lunch")).unwrap();
    hand.pass(Span::minutes(12));
    assert_eq!(hand.waiting(), ["pause", "soak"]);
    hand.evidence(1, Evidence::Down);
    hand.pass(Span::minutes(4));
    assert!(hand.state(1).starts_with("unhealthy"), "{}", hand.state(1));
    let resume = Command::Resume {
        rollout: ONE,
        reason: String::new(),
    };
    hand.command("ben", resume).unwrap();
    assert_eq!(
        voided(&hand),
        ["`h1` failed, and had not when it was given"]
    );
    assert_eq!(hand.running(2), None);
}

#[test]
fn what_no_policy_lets_people_do_is_refused_by_name() {
    let mut hand = three_rings(|_| {});
    visit_all(&mut hand, 0..2);
    let digest = views(&hand)[0].digest;
    let command = Command::PromoteEarly {
        rollout: ONE,
        ring: FIRST,
        digest,
        reason: "exploited".into(),
    };
    let rejected = hand.command("ana", command).unwrap_err();
    assert_eq!(
        (rejected.code.as_str(), rejected.why.as_str()),
        (
            "not-allowed",
            "policy `policy` does not let ring `ring0` be promoted early"
        )
    );
    let digest = views(&hand)[0].digest;
    let command = Command::Approve {
        rollout: ONE,
        subject: Subject::Early { ring: FIRST },
        digest,
    };
    assert_eq!(
        code(hand.command("ana", command)),
        Err("reason-missing".into())
    );
}

#[test]
fn a_question_is_shown_until_somebody_answers_it_and_holds_nothing_up() {
    let mut hand = three_rings(|_| {});
    let ask = |to: Option<&str>, text: &str| Command::Ask {
        rollout: ONE,
        to: to.map(str::to_owned),
        text: text.to_owned(),
    };
    let answer = |number, text: &str| Command::Answer {
        rollout: ONE,
        number,
        text: text.to_owned(),
    };
    assert_eq!(
        code(hand.command("eve", ask(None, " "))),
        Err("reason-missing".into())
    );
    assert_eq!(
        code(hand.command("eve", ask(Some("nobody"), "why?"))),
        Err("not-found".into())
    );
    assert_eq!(
        code(hand.command("eve", ask(Some("operators"), "why?"))),
        Ok(true)
    );
    assert_eq!(
        code(hand.command("ana", answer(2, "so"))),
        Err("not-found".into())
    );
    visit_all(&mut hand, 0..2);
    hand.pass(Span::hours(1));
    yes(&mut hand, "ana", 0).unwrap();
    assert_eq!(hand.running(2), Some(StepKind::Inspect));
    let open = |hand: &Hand| {
        let questions = hand.engine.view(hand.now).rollouts.remove(0).questions;
        questions.iter().filter(|one| one.answer.is_none()).count()
    };
    assert_eq!(open(&hand), 1);
    assert_eq!(code(hand.command("ana", answer(1, "because"))), Ok(true));
    assert_eq!(
        code(hand.command("ana", answer(1, "because"))),
        Ok(false),
        "said again"
    );
    assert_eq!(
        code(hand.command("ben", answer(1, "no"))),
        Err("wrong-state".into())
    );
    assert_eq!(open(&hand), 0);
}

#[test]
fn what_changed_since_the_last_yes_is_told() {
    let mut hand = three_rings(|_| {});
    yes(&mut hand, "ana", 0).unwrap();
    hand.until(0, StepKind::Verify);
    hand.end(0, StepResult::Failed(FailWhy::Exit));
    visit_all(&mut hand, 0..2);
    let since = views(&hand)[0].since.clone().unwrap();
    assert_eq!(
        (since.person.as_str(), since.starts.as_str(), since.updated),
        ("ana", "ring1", 1)
    );
    assert_eq!((since.failed.len(), since.mended.len()), (1, 0));
}

#[test]
fn questions_keep_their_numbers_when_a_rollout_that_is_over_goes_back() {
    let mut hand = three_rings(|plan| {
        for ring in &mut plan.rings {
            ring.after_soak = None;
            ring.soak = Span::ZERO;
        }
    });
    let ask = || Command::Ask {
        rollout: ONE,
        to: None,
        text: "why?".into(),
    };
    hand.command("ana", ask()).unwrap();
    for host in 0..5 {
        hand.visit(host);
    }
    assert_eq!(hand.rollout(), "completed");
    assert_eq!(code(hand.command("ana", ask())), Err("wrong-state".into()));
    let back = Command::Rollback {
        rollout: ONE,
        reason: "slow".into(),
    };
    hand.command("ana", back).unwrap();
    hand.command("ana", ask()).unwrap();
    let questions = hand.engine.view(hand.now).rollouts.remove(0).questions;
    let numbers: Vec<u32> = questions.iter().map(|one| one.number).collect();
    assert_eq!(numbers, [1, 2]);
}
