//! Who is told what in worlds in which somebody wants to be: the outbox as a store keeps it, a teller that dies between a
//! delivery and the note of it, receivers that refuse. What had to be told is in `account`.
//!
//! # Invariants
//!
//! * What is open and what happened reaches the outbox with its row or not at all, as the store does it.
//! * A teller knows only what lies in the outbox, and the time.

mod account;
#[cfg(feature = "planted-bugs")]
mod mistaken;

use std::collections::{BTreeMap, BTreeSet};

use ringway_engine::Event;
use ringway_executor::notices::{Message, Notices, Outcome, Rule, SoFar, Told, Why, due};
use ringway_executor::port::Row;
use ringway_model::{Digest, Span, Timestamp};
use ringway_policy::validated::{Command, Escalate, Notify, NotifyRule, NotifyTo, Topic};

use super::{Happening, World};
use crate::checkers::Invariant;
use crate::dice::Dice;
use crate::documents::Papers;
use account::Account;

/// The text of the document, of which only the digest matters.
pub(super) const TEXT: &str = "notify";

/// Turns of a teller that lead to the next one at once, before that is taken for a loop without an end.
const MOST_TURNS: u32 = 1000;

/// Draws who wants to be told what.
pub(crate) fn with_rules(papers: &mut Papers, dice: &mut Dice) {
    let topics = [
        Topic::ApprovalNeeded,
        Topic::Halted,
        Topic::Paused,
        Topic::Stopped,
        Topic::Failed,
        Topic::Promoted,
        Topic::Completed,
        Topic::Ended,
        Topic::Question,
    ];
    let to = |name: &str| NotifyTo::Run(Command::Shell(name.to_owned()));
    let rule = |name: &str, dice: &mut Dice| {
        let mut when: BTreeSet<Topic> = topics.into_iter().filter(|_| dice.chance(60)).collect();
        when.insert(Topic::Completed);
        NotifyRule {
            name: name.to_owned(),
            when,
            to: to(name),
            group: Span::seconds(*dice.pick(&[0, 30, 240])),
            remind: dice
                .chance(70)
                .then(|| dice.span(Span::minutes(5), Span::minutes(40))),
            escalate: dice.chance(50).then(|| Escalate {
                after: dice.span(Span::minutes(5), Span::minutes(60)),
                to: to("somebody else"),
            }),
        }
    };
    let names = if dice.chance(40) {
        &["chat", "pager"][..]
    } else {
        &["chat"]
    };
    papers.documents.notify = Notify {
        digest: Digest::of(TEXT.as_bytes()),
        rules: names.iter().map(|name| rule(name, dice)).collect(),
    };
}

/// The outbox, and who delivers from it.
pub(super) struct Post {
    dice: Dice,
    rules: Vec<NotifyRule>,
    /// What is to be written with a row, by its hash.
    with_row: BTreeMap<Digest, Notices>,
    outbox: Vec<Told>,
    numbers: u64,
    /// The teller is dead until then.
    away: Timestamp,
    /// When its next turn is.
    turn: Option<(Timestamp, u64)>,
    account: Account,
    /// What was delivered in this turn, for the story.
    story: Vec<String>,
    #[cfg(feature = "planted-bugs")]
    planted: Option<ringway_engine::planted::Bug>,
}

impl Post {
    pub(super) fn new(seed: u64, rules: &[NotifyRule]) -> Option<Self> {
        (!rules.is_empty()).then(|| Self {
            dice: Dice::new(seed, "who is told"),
            rules: rules.to_vec(),
            with_row: BTreeMap::new(),
            outbox: Vec::new(),
            numbers: 0,
            away: Timestamp(0),
            turn: None,
            account: Account::new(rules),
            story: Vec::new(),
            #[cfg(feature = "planted-bugs")]
            planted: None,
        })
    }

    /// A row is asked to be written, with what people are to be told of it.
    pub(super) fn with_row(&mut self, row: &Row, notices: Notices) {
        #[cfg(feature = "planted-bugs")]
        let notices = self.mistaken_notices(row.at, notices);
        self.with_row.insert(row.hash, notices);
    }

    /// A row is durable.
    fn durable(&mut self, row: &Row, events: &[Event]) {
        self.account.row(row.at, events);
        let Some(notices) = self.with_row.remove(&row.hash) else {
            return;
        };
        let at = row.at;
        if let Some(open) = notices.open {
            for one in self.outbox.iter_mut().filter(|one| one.closed.is_none()) {
                if open.iter().all(|matter| matter.key != one.matter.key) {
                    one.closed = Some(at);
                }
            }
            for matter in open {
                let mut lying = self.outbox.iter();
                let known = lying.any(|one| one.closed.is_none() && one.matter.key == matter.key);
                if !known {
                    self.put(matter, at, None);
                }
            }
        }
        for matter in notices.happened {
            self.put(matter, at, Some(at));
        }
    }

    fn put(
        &mut self,
        matter: ringway_executor::notices::Matter,
        opened: Timestamp,
        closed: Option<Timestamp>,
    ) {
        self.numbers += 1;
        self.outbox.push(Told {
            id: self.numbers,
            opened,
            closed,
            matter,
            so_far: SoFar::default(),
        });
    }

    /// One turn of the teller: when the next one is, or what is wrong.
    fn tell(&mut self, now: Timestamp, healing: bool) -> Result<Option<Timestamp>, String> {
        if now < self.away && !healing {
            return Ok(Some(self.away));
        }
        for _ in 0..MOST_TURNS {
            let rules = &self.rules;
            let of = |_: &Digest, name: &str| {
                let rule = rules.iter().find(|rule| rule.name == *name);
                rule.map_or(Rule::None, Rule::Of)
            };
            let due = due(&self.looked_at(now), of, now);
            for one in &mut self.outbox {
                one.so_far.given_up |= due.given_up.contains(&one.id);
            }
            self.outbox.retain(|one| !due.forgotten.contains(&one.id));
            if due.messages.is_empty() && due.given_up.is_empty() && due.forgotten.is_empty() {
                self.account.check_rest(now)?;
                return Ok(due.next);
            }
            for message in due.messages {
                if !self.deliver(&message, now, healing)? {
                    let away = self.dice.span(Span::seconds(10), Span::minutes(15));
                    self.away = now + away;
                    self.account.was_away(self.away);
                    return Ok(Some(self.away));
                }
            }
        }
        Err("a teller tells the same without an end".to_owned())
    }

    /// What the teller sees in the outbox.
    #[cfg(not(feature = "planted-bugs"))]
    fn looked_at(&self, _: Timestamp) -> std::borrow::Cow<'_, [Told]> {
        std::borrow::Cow::Borrowed(&self.outbox)
    }

    /// Delivers a message; false where the teller dies before it has noted how that went.
    fn deliver(
        &mut self,
        message: &Message,
        now: Timestamp,
        healing: bool,
    ) -> Result<bool, String> {
        let about: Vec<&Told> = self
            .outbox
            .iter()
            .filter(|one| message.about.contains(&one.id))
            .collect();
        let fate = if healing { 100 } else { self.dice.below(100) };
        let arrives = fate >= 15;
        let keys: Vec<&str> = about.iter().map(|one| one.matter.key.as_str()).collect();
        let how = if arrives {
            because(message.why)
        } else {
            "refuses to be told"
        };
        self.story
            .push(format!("{} {how} of {}", message.rule, keys.join(", ")));
        self.account.delivery(message, &about, now, arrives)?;
        // Between the delivery and the note of it.
        if (15..23).contains(&fate) {
            return Ok(false);
        }
        let outcome = if arrives {
            Outcome::Well
        } else {
            Outcome::Failed("refused".to_owned())
        };
        for one in &mut self.outbox {
            if message.about.contains(&one.id) {
                one.so_far = one.so_far.clone().after(message.why, now, &outcome);
            }
        }
        self.account.noted(message, now, arrives);
        Ok(true)
    }
}

impl World {
    /// What people are to be told of a row that became durable.
    pub(super) fn post_row(&mut self, row: &Row, events: &[Event]) {
        let Some(post) = &mut self.post else { return };
        post.durable(row, events);
        self.next_turn(Some(self.now));
    }

    /// The teller looks into the outbox.
    pub(super) fn tells(&mut self) {
        // Whoever tells is a part of the process that decides, and has its clock.
        let (now, healing) = (self.told_now(), self.healing);
        let Some(post) = &mut self.post else { return };
        post.turn = None;
        // It ends with the process that decides, and the row of the next one's takeover wakes the next.
        if self.executor.is_none() && !healing {
            return;
        }
        let Some(post) = &mut self.post else { return };
        let told = post.tell(now, healing);
        for line in std::mem::take(&mut post.story) {
            self.say(&format!("@ {line}"));
        }
        match told {
            Ok(next) => self.next_turn(next.map(|at| self.at_of_told(at))),
            Err(what) => self.broken(Invariant::I14, what),
        }
    }

    fn next_turn(&mut self, at: Option<Timestamp>) {
        let Some(at) = at else { return };
        let at = at.max(self.now);
        let Some(post) = &mut self.post else { return };
        if post.turn.is_some_and(|(before, _)| before <= at) {
            return;
        }
        if let Some(before) = post.turn.take() {
            self.queue.remove(&before);
        }
        let key = self.after(at.since(self.now), Happening::Tells);
        if let Some(post) = &mut self.post {
            post.turn = Some(key);
        }
    }

    /// Everything that had to be told was, once whoever tells has had the time.
    pub(super) fn check_post(&mut self) {
        let mut now = self.told_now();
        let Some(post) = &mut self.post else { return };
        let end = now + Span::hours(3);
        let told = loop {
            match post.tell(now, true) {
                Ok(Some(next)) if next <= end => now = next.max(now + Span(1)),
                Ok(_) => break post.account.check_end(),
                Err(what) => break Err(what),
            }
        };
        for line in std::mem::take(&mut post.story) {
            self.say(&format!("@ {line}"));
        }
        if let Err(what) = told {
            self.broken(Invariant::I14, what);
        }
    }
}

/// Why a message was sent, for people.
pub(super) fn because(why: Why) -> &'static str {
    match why {
        Why::New => "told",
        Why::Reminder(_) => "reminded",
        Why::Escalation => "escalated",
    }
}
