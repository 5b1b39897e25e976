//! What people are told: which matters a batch has, and when which message is due, on a clock that only this test moves.

use std::collections::BTreeSet;

use ringway_engine::Command;
use ringway_executor::notices::{Due, Matter, Outcome, Rule, SoFar, Told, Why, body, due};
use ringway_executor::port::{Order, Proposal};
use ringway_model::{Digest, RolloutId, Span, Timestamp};
use ringway_policy::validated::{Command as Run, Escalate, NotifyRule, NotifyTo, Topic};

use crate::fixture;
use crate::rig::Rig;

fn to(name: &str) -> NotifyTo {
    NotifyTo::Run(Run::Program(vec![name.to_owned()]))
}

fn rule() -> NotifyRule {
    NotifyRule {
        name: "ops".to_owned(),
        when: BTreeSet::from([Topic::Halted, Topic::Failed]),
        to: to("tell"),
        group: Span::minutes(2),
        remind: Some(Span::hours(4)),
        escalate: Some(Escalate {
            after: Span::hours(8),
            to: to("call"),
        }),
    }
}

fn matter(topic: Topic) -> Matter {
    Matter {
        key: format!("ops/{}/r1/", topic.word()),
        plan: Digest::of(b"plan"),
        rule: "ops".to_owned(),
        topic,
        fleet: "corp".to_owned(),
        rollout: Some(RolloutId(1)),
        change: "CHG1".parse().ok(),
        policy: "p".to_owned(),
        update: "u".to_owned(),
        why: "halted: 1 failed".to_owned(),
        unblocked_by: Some("a person's `resume`".to_owned()),
        commands: vec!["ringway resume --rollout r1 --reason WHY".to_owned()],
    }
}

fn told(id: u64, topic: Topic, opened: Span) -> Told {
    let opened = Timestamp(0) + opened;
    Told {
        id,
        opened,
        closed: (!topic.stays_open()).then_some(opened),
        matter: matter(topic),
        so_far: SoFar::default(),
    }
}

/// An outbox with one rule, and time that passes.
struct Post {
    outbox: Vec<Told>,
    now: Timestamp,
}

impl Post {
    fn new(outbox: Vec<Told>) -> Self {
        Self {
            outbox,
            now: Timestamp(0),
        }
    }

    fn due(&self) -> Due {
        let rule = rule();
        due(
            &self.outbox,
            |_, name| {
                if name == "ops" {
                    Rule::Of(&rule)
                } else {
                    Rule::None
                }
            },
            self.now,
        )
    }

    /// What is delivered by then, each with this outcome: when, why and about what.
    fn until(&mut self, end: Span, outcome: &Outcome) -> Vec<(Span, Why, Vec<u64>)> {
        let mut messages = Vec::new();
        loop {
            let due = self.due();
            for message in &due.messages {
                messages.push((
                    self.now.since(Timestamp(0)),
                    message.why,
                    message.about.clone(),
                ));
                for one in self
                    .outbox
                    .iter_mut()
                    .filter(|one| message.about.contains(&one.id))
                {
                    one.so_far = one.so_far.clone().after(message.why, self.now, outcome);
                }
            }
            for one in self
                .outbox
                .iter_mut()
                .filter(|one| due.given_up.contains(&one.id))
            {
                one.so_far.given_up = true;
            }
            self.outbox.retain(|one| !due.forgotten.contains(&one.id));
            if due.messages.is_empty() && due.given_up.is_empty() && due.forgotten.is_empty() {
                match due.next.filter(|at| *at <= Timestamp(0) + end) {
                    Some(next) => {
                        assert!(next > self.now, "time that does not pass is no time");
                        self.now = next;
                    }
                    None => break,
                }
            }
        }
        self.now = Timestamp(0) + end;
        messages
    }
}

#[test]
fn what_comes_together_is_told_together_and_what_comes_later_later() {
    let minutes = Span::minutes;
    let mut post = Post::new(vec![
        told(1, Topic::Failed, minutes(0)),
        told(2, Topic::Failed, minutes(1)),
        told(3, Topic::Failed, minutes(2)),
        told(4, Topic::Failed, minutes(3)),
    ]);
    let messages = post.until(Span::hours(1), &Outcome::Well);
    assert_eq!(
        messages,
        [
            (minutes(2), Why::New, vec![1, 2, 3]),
            (minutes(5), Why::New, vec![4])
        ]
    );
}

#[test]
fn what_stays_open_is_told_again_and_then_to_somebody_else_until_it_is_over() {
    let mut post = Post::new(vec![told(1, Topic::Halted, Span::ZERO)]);
    let messages = post.until(Span::hours(9), &Outcome::Well);
    let hours = |n| Span::hours(n).plus(Span::minutes(2));
    assert_eq!(
        messages,
        [
            (Span::minutes(2), Why::New, vec![1]),
            (hours(4), Why::Reminder(1), vec![1]),
            (Span::hours(8), Why::Escalation, vec![1]),
            (hours(8), Why::Reminder(2), vec![1]),
        ]
    );
    post.outbox[0].closed = Some(post.now);
    assert_eq!(post.until(Span::hours(200), &Outcome::Well), []);
    assert!(post.due().messages.is_empty());
    let kept = Span::hours(24 * 31);
    post.until(kept, &Outcome::Well);
    assert!(post.outbox.is_empty(), "what is over is forgotten at last");
}

#[test]
fn what_was_over_before_it_was_told_wakes_nobody() {
    let mut halted = told(1, Topic::Halted, Span::ZERO);
    halted.closed = Some(Timestamp(0) + Span::minutes(1));
    let mut post = Post::new(vec![halted, told(2, Topic::Failed, Span::ZERO)]);
    let messages = post.until(Span::hours(1), &Outcome::Well);
    assert_eq!(messages, [(Span::minutes(2), Why::New, vec![2])]);
}

#[test]
fn what_fails_is_tried_again_ever_more_slowly_under_the_same_id_and_given_up_at_last() {
    let mut post = Post::new(vec![told(1, Topic::Failed, Span::ZERO)]);
    let failed = Outcome::Failed("refused".to_owned());
    let messages = post.until(Span::hours(100), &failed);
    let at: Vec<u64> = messages.iter().map(|(at, ..)| at.millis() / 1000).collect();
    assert_eq!(at[..6], [120, 130, 150, 190, 270, 430]);
    let last_gap = at[at.len() - 1] - at[at.len() - 2];
    assert_eq!(last_gap, 3600);
    assert!(
        at[at.len() - 1] <= 72 * 3600 + 3600,
        "three days: {}",
        at[at.len() - 1]
    );
    assert!(post.outbox[0].so_far.given_up);
    assert_eq!(post.outbox[0].so_far.trouble.as_deref(), Some("refused"));
    assert!(
        messages
            .iter()
            .all(|(_, why, about)| *why == Why::New && about == &[1])
    );
    // It came through in the middle.
    let mut post = Post::new(vec![told(7, Topic::Halted, Span::ZERO)]);
    post.until(Span::minutes(3), &failed);
    let first = post.outbox[0].so_far.clone();
    assert_eq!((first.times, first.failures), (0, 3));
    post.until(Span::minutes(10), &Outcome::Well);
    let then = &post.outbox[0].so_far;
    assert_eq!((then.times, then.failures, &then.trouble), (1, 0, &None));
}

#[test]
fn a_message_says_what_a_person_types_and_has_an_id_of_its_own() {
    let outbox = vec![told(3, Topic::Halted, Span::ZERO)];
    let post = Post {
        now: Timestamp(0) + Span::minutes(2),
        outbox,
    };
    let due = post.due();
    let text = body(&due.messages[0], &post.outbox, 0xabc, false);
    let value: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(value["id"], "0000000000000abc-3");
    assert_eq!(value["because"], "new");
    assert_eq!(value["matters"][0]["change"], "CHG1");
    assert_eq!(
        value["matters"][0]["commands"][0],
        "ringway resume --rollout r1 --reason WHY"
    );
    let lines = value["text"].as_str().unwrap();
    assert!(lines.contains("r1 [CHG1] u by policy p halted"), "{lines}");
    assert!(lines.contains("type: ringway resume"), "{lines}");
}

#[test]
fn a_rule_that_no_plan_has_any_more_is_forgotten() {
    let outbox = vec![told(1, Topic::Halted, Span::ZERO)];
    let due = due(&outbox, |_, _| Rule::None, Timestamp(0));
    assert_eq!(due.forgotten, [1]);
    assert!(due.messages.is_empty());
}

#[test]
fn a_rule_that_could_not_be_read_lets_nothing_go() {
    let outbox = vec![
        told(1, Topic::Halted, Span::ZERO),
        told(2, Topic::Failed, Span::ZERO),
    ];
    let later = Timestamp(0) + Span::hours(24 * 365);
    assert_eq!(due(&outbox, |_, _| Rule::Unread, later), Due::default());
}

/// What is told is written with the row that decided it, once, and is over with the row that ends it.
#[test]
fn a_halt_is_open_from_the_row_that_halts_to_the_row_that_resumes() {
    let mut rig = Rig::new();
    rig.hold_steps = true;
    rig.settle();
    let mut proposal: Proposal = fixture::proposal();
    let mut plan = (*proposal.plan).clone();
    plan.notify = vec![rule()];
    proposal.plan = std::sync::Arc::new(plan);
    rig.order(1, Order::Propose(Box::new(proposal)));
    rig.settle();
    let rollout = RolloutId(1);
    let reason = || "why".to_owned();
    rig.order(
        2,
        Order::Command(Command::Halt {
            rollout,
            reason: reason(),
        }),
    );
    rig.settle();
    rig.order(
        3,
        Order::Command(Command::Resume {
            rollout,
            reason: reason(),
        }),
    );
    rig.settle();
    let open: Vec<(u64, usize)> = rig
        .notices
        .iter()
        .filter_map(|(seq, notices)| Some((*seq, notices.open.as_ref()?.len())))
        .collect();
    let counts: Vec<usize> = open.iter().map(|(_, count)| *count).collect();
    assert_eq!(counts, [0, 1, 0], "{open:?}");
    let halted = rig
        .notices
        .iter()
        .find_map(|(_, n)| n.open.as_ref()?.first());
    let halted = halted.unwrap();
    assert_eq!(halted.key, "ops/halted/r1/");
    assert!(halted.why.contains("why"), "{}", halted.why);
    assert_eq!(
        halted.commands[0],
        "ringway resume --rollout r1 --reason WHY"
    );
}

/// The keys that are open after each row, where they changed.
fn opened(rig: &Rig) -> Vec<Vec<String>> {
    let open = rig.notices.iter().filter_map(|(_, n)| n.open.as_ref());
    open.map(|open| open.iter().map(|one| one.key.clone()).collect())
        .collect()
}

/// A rig in which somebody wants to hear of these.
fn with_rule(topics: &[Topic], change: impl FnOnce(&mut ringway_scheduler::Plan)) -> Rig {
    let mut rig = Rig::new();
    rig.hold_steps = true;
    rig.settle();
    let mut proposal: Proposal = fixture::proposal();
    let mut plan = (*proposal.plan).clone();
    let when = topics.iter().copied().collect();
    plan.notify = vec![NotifyRule { when, ..rule() }];
    change(&mut plan);
    proposal.plan = std::sync::Arc::new(plan);
    rig.order(1, Order::Propose(Box::new(proposal)));
    rig.settle();
    rig
}

/// Nothing happens: a step runs and does not come back. Nobody would be told of anything by what happens.
#[test]
fn a_due_date_that_comes_to_be_missed_and_is_missed_is_told_although_nothing_happens() {
    let mut rig = with_rule(&[Topic::Overdue], |plan| {
        plan.terms.due = Some(ringway_scheduler::terms::DuePlan {
            by: "critical".to_owned(),
            within: Span::hours(10),
            released: None,
        });
    });
    let begun = rig.now;
    let none: [Vec<String>; 1] = [Vec::new()];
    assert_eq!(opened(&rig), none, "it can be met");
    let rows = rig.world.rows.len();
    rig.run_to(begun + Span::hours(9));
    assert_eq!(opened(&rig), none);
    let looked = rig.world.rows.len() - rows;
    assert!((8..=11).contains(&looked), "about hourly: {looked}");
    rig.run_to(begun + Span::hours(10).less(Span::minutes(1)));
    let will: Vec<String> = vec!["ops/overdue/r1/will-miss".to_owned()];
    let all = opened(&rig);
    assert_eq!(all.last(), Some(&will), "{all:?}");
    rig.run_to(begun + Span::hours(11));
    let missed: Vec<String> = vec!["ops/overdue/r1/missed".to_owned()];
    let all = opened(&rig);
    assert_eq!(all, [Vec::new(), will, missed.clone()]);
    let (row, notices) = rig.notices.last().unwrap();
    let at = rig
        .world
        .rows
        .iter()
        .find(|one| one.seq == *row)
        .unwrap()
        .at;
    assert!(
        at.since(begun) < Span::hours(10).plus(Span::minutes(1)),
        "as soon as it is missed"
    );
    let said = &notices.open.as_ref().unwrap()[0];
    assert!(said.why.starts_with("it was due ") && said.why.contains("(`critical`)"));
    assert_eq!(said.commands, ["ringway due"]);
    // What was missed is not looked at any more, and a decider that comes later says the same.
    let rows = rig.world.rows.len();
    rig.run_to(begun + Span::hours(20));
    assert_eq!(rig.world.rows.len(), rows);
    rig.crash();
    rig.settle();
    assert_eq!(opened(&rig).last(), Some(&missed));
}

#[test]
fn nobody_looks_at_a_due_date_that_no_rule_asks_about() {
    let mut rig = with_rule(&[Topic::Halted], |plan| {
        plan.terms.due = Some(ringway_scheduler::terms::DuePlan {
            by: "critical".to_owned(),
            within: Span::hours(10),
            released: None,
        });
    });
    let rows = rig.world.rows.len();
    rig.run_to(rig.now + Span::hours(20));
    assert_eq!(rig.world.rows.len(), rows);
}

#[test]
fn a_question_is_open_until_somebody_has_answered_it() {
    let mut rig = with_rule(&[Topic::Question], |_| {});
    let rollout = RolloutId(1);
    let ask = |text: &str| Command::Ask {
        rollout,
        to: None,
        text: text.to_owned(),
    };
    rig.command(2, ask("is the vendor told?"));
    rig.settle();
    rig.command(3, ask("and the ward?"));
    rig.settle();
    rig.command(
        4,
        Command::Answer {
            rollout,
            number: 1,
            text: "yes".to_owned(),
        },
    );
    rig.settle();
    let key = |number: u32| format!("ops/question/r1/{number}");
    let all = opened(&rig);
    assert_eq!(
        all,
        [vec![], vec![key(1)], vec![key(1), key(2)], vec![key(2)]]
    );
    let asked = rig
        .notices
        .iter()
        .find_map(|(_, n)| n.open.as_ref()?.first());
    let asked = asked.unwrap();
    assert_eq!(asked.why, "question 1: ana asks: is the vendor told?");
    assert_eq!(asked.commands, ["ringway answer 1 TEXT --rollout r1"]);
}

/// A proposal is open until somebody says what becomes of it, and a hold as long as it keeps hosts from an update.
#[test]
fn an_advisory_is_told_while_it_waits_for_a_word_or_holds_somebody() {
    let mut rig = with_rule(&[Topic::Advisory], |_| {});
    let advise = |id: &str, rank| Command::Advise {
        advisories: vec![ringway_engine::Advisory {
            id: id.to_owned(),
            source: "Microsoft".to_owned(),
            rank,
            about: vec![ringway_policy::validated::About {
                name: "web".to_owned(),
                build: None,
            }],
            affects: None,
            effect: ringway_model::Effect::Hold,
            fixed_by: None,
            published: None,
            reference: None,
            says: None,
        }],
    };
    let rule = |id: &str, ruling| Command::RuleAdvisory {
        id: id.to_owned(),
        ruling,
        reason: "so we decided".to_owned(),
    };
    rig.command(2, advise("A", ringway_model::Rank::Unverified));
    rig.settle();
    rig.command(3, advise("B", ringway_model::Rank::Vendor));
    rig.settle();
    rig.command(4, rule("A", ringway_engine::Ruling::Dismiss));
    rig.settle();
    rig.command(5, rule("B", ringway_engine::Ruling::Withdraw));
    rig.settle();
    let (proposed, holds) = (
        "ops/advisory/fleet/A/proposed".to_owned(),
        "ops/advisory/fleet/B/holds".to_owned(),
    );
    let all = opened(&rig);
    assert_eq!(
        all,
        [
            vec![],
            vec![proposed.clone()],
            vec![holds.clone(), proposed],
            vec![holds],
            vec![]
        ]
    );
}
