//! Which messages are due, from what lies in the outbox and the time.
//!
//! # Invariants
//!
//! * What was told well is not told again but as a reminder; what was not is tried again, ever more slowly, for three days.
//! * A message that is tried again has the same id, so that whoever gets it twice can know.
//! * What was over before it was ever tried is not told: nobody is woken for what somebody has done already.
//! * A matter that is open is told to whom it escalates to once, and to its own people as often as they wish.
//! * A matter whose rule could not be read stays as it is: only a plan that was read and has no such rule lets one go.

use std::collections::BTreeMap;

use ringway_model::{Digest, Span, Timestamp};
use ringway_policy::validated::{NotifyRule, NotifyTo};
use serde::{Deserialize, Serialize};

use super::matters::Matter;

/// How long is tried to tell something that is over or just happened.
const GIVEN_UP_AFTER: Span = Span::hours(72);

/// How long what was told and is over is kept, so that `status` and people can look at it.
const KEPT: Span = Span::hours(30 * 24);

/// The wait after the n-th attempt that failed (from 1): 10 s, doubled up to an hour.
fn retry_wait(attempts: u32) -> Span {
    Span::seconds(10 << attempts.saturating_sub(1).min(9)).min(Span::hours(1))
}

/// A matter as it lies in the outbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// Its number; never used again.
    pub id: u64,
    /// Since when.
    pub opened: Timestamp,
    /// When it was over; what just happened is over at once.
    pub closed: Option<Timestamp>,
    /// What it is.
    pub matter: Matter,
    /// How telling it went.
    pub so_far: SoFar,
}

/// How telling a matter went so far.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub struct SoFar {
    /// How often it was told well to its own people.
    pub times: u32,
    /// When it was told well last.
    pub last: Option<Timestamp>,
    /// Attempts since then that failed.
    pub failures: u32,
    /// When the last one was made.
    pub tried: Option<Timestamp>,
    /// When it was told well to whom it escalates to.
    pub escalated: Option<Timestamp>,
    /// Attempts at that which failed.
    pub escalation_failures: u32,
    /// When the last one was made.
    pub escalation_tried: Option<Timestamp>,
    /// What the last attempt that failed met.
    pub trouble: Option<String>,
    /// It was given up.
    pub given_up: bool,
}

/// Why a message is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Why {
    /// It is new.
    New,
    /// It is still so: the how-manieth reminder.
    Reminder(u32),
    /// It is still so, and its own people did not end it.
    Escalation,
}

/// Something to deliver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// By which whoever gets it twice can know.
    pub id: String,
    /// The plan whose rule it is: commands run in its directory.
    pub plan: Digest,
    /// The rule's name.
    pub rule: String,
    /// To whom.
    pub to: NotifyTo,
    /// Why.
    pub why: Why,
    /// What it tells, the oldest first.
    pub about: Vec<u64>,
}

/// What is to be done now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Due {
    /// To be delivered.
    pub messages: Vec<Message>,
    /// Matters to be given up.
    pub given_up: Vec<u64>,
    /// Matters to be forgotten.
    pub forgotten: Vec<u64>,
    /// When time alone makes something due.
    pub next: Option<Timestamp>,
}

/// The rule of a matter, as far as it is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule<'r> {
    /// This one.
    Of(&'r NotifyRule),
    /// Its plan was read, and has no such rule.
    None,
    /// Its plan could not be read now.
    Unread,
}

/// How a delivery went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was told.
    Well,
    /// It was not, and why; nothing secret is in it.
    Failed(String),
}

impl SoFar {
    /// After a delivery.
    #[must_use]
    pub fn after(mut self, why: Why, at: Timestamp, outcome: &Outcome) -> Self {
        match (why, outcome) {
            (Why::New | Why::Reminder(_), Outcome::Well) => {
                self.times += 1;
                self.last = Some(at);
                self.failures = 0;
                self.tried = Some(at);
                self.trouble = None;
            }
            (Why::New | Why::Reminder(_), Outcome::Failed(trouble)) => {
                self.failures += 1;
                self.tried = Some(at);
                self.trouble = Some(trouble.clone());
            }
            (Why::Escalation, Outcome::Well) => {
                self.escalated = Some(at);
                self.trouble = None;
            }
            (Why::Escalation, Outcome::Failed(trouble)) => {
                self.escalation_failures += 1;
                self.escalation_tried = Some(at);
                self.trouble = Some(trouble.clone());
            }
        }
        self
    }
}

/// What is due at `now`. `rule` gives the rule of this name in this plan; what has none is forgotten, and what could not be
/// read waits for its caller to look again.
pub fn due<'r>(outbox: &[Told], rule: impl Fn(&Digest, &str) -> Rule<'r>, now: Timestamp) -> Due {
    let mut due = Due::default();
    let mut by_rule: BTreeMap<(Digest, &str), Vec<&Told>> = BTreeMap::new();
    for one in outbox {
        by_rule
            .entry((one.matter.plan, &one.matter.rule))
            .or_default()
            .push(one);
    }
    for ((plan, name), matters) in by_rule {
        match rule(&plan, name) {
            Rule::Of(rule) => of_rule(rule, &matters, now, &mut due),
            Rule::None => due.forgotten.extend(matters.iter().map(|one| one.id)),
            Rule::Unread => {}
        }
    }
    due
}

fn of_rule(rule: &NotifyRule, matters: &[&Told], now: Timestamp, due: &mut Due) {
    let mut fresh = Vec::new();
    for one in matters {
        match one.stands(now) {
            Stands::Fresh => fresh.push(*one),
            Stands::Open => open(rule, one, now, due),
            Stands::Rests { forgotten_at } => later_or(forgotten_at, now, due, |due| {
                due.forgotten.push(one.id);
            }),
            Stands::TooLate => due.given_up.push(one.id),
        }
    }
    together(rule, &fresh, now, due);
    for one in fresh.iter().filter(|one| one.closed.is_none()) {
        escalate(rule, one, now, due);
    }
}

/// How a matter stands.
enum Stands {
    /// It was not told yet.
    Fresh,
    /// It was told and goes on.
    Open,
    /// Nothing more is to be told of it.
    Rests { forgotten_at: Timestamp },
    /// It could not be told for too long.
    TooLate,
}

impl Told {
    fn stands(&self, now: Timestamp) -> Stands {
        let over = self.closed.map(|closed| Stands::Rests {
            forgotten_at: closed + KEPT,
        });
        if self.so_far.given_up || self.so_far.times > 0 {
            return over.unwrap_or(Stands::Open);
        }
        let was_tried = self.so_far.failures > 0;
        match self.closed {
            // What somebody has done already wakes nobody.
            Some(_) if self.matter.topic.stays_open() && !was_tried => {
                over.unwrap_or(Stands::Fresh)
            }
            Some(closed) if now.since(closed) > GIVEN_UP_AFTER => Stands::TooLate,
            Some(_) | None => Stands::Fresh,
        }
    }
}

/// What is new: everything that came within the group's time of the first, as one message.
fn together(rule: &NotifyRule, fresh: &[&Told], now: Timestamp, due: &mut Due) {
    let mut left = fresh;
    while let Some((first, _)) = left.split_first() {
        let until = first.opened + rule.group;
        let count = left.iter().take_while(|one| one.opened <= until).count();
        let (group, rest) = left.split_at(count);
        left = rest;
        let tried = group.iter().filter_map(|one| one.so_far.tried).max();
        let failures = group
            .iter()
            .map(|one| one.so_far.failures)
            .max()
            .unwrap_or(0);
        let at = tried.map_or(until, |tried| (tried + retry_wait(failures)).max(until));
        later_or(at, now, due, |due| {
            due.messages.push(message(rule, &rule.to, Why::New, group));
        });
    }
}

/// What was told and goes on: again, and to somebody else.
fn open(rule: &NotifyRule, one: &Told, now: Timestamp, due: &mut Due) {
    if let (Some(every), Some(last)) = (rule.remind, one.so_far.last) {
        let retry = one.so_far.tried.filter(|_| one.so_far.failures > 0);
        let retry = retry.map(|tried| tried + retry_wait(one.so_far.failures));
        let at = retry.unwrap_or(last + every);
        later_or(at, now, due, |due| {
            let why = Why::Reminder(one.so_far.times);
            match due.messages.last_mut() {
                // What is due again at the same time is one message.
                Some(last)
                    if last.why == why
                        && last.rule == rule.name
                        && last.plan == one.matter.plan =>
                {
                    last.about.push(one.id);
                }
                Some(_) | None => due.messages.push(message(rule, &rule.to, why, &[one])),
            }
        });
    }
    escalate(rule, one, now, due);
}

fn escalate(rule: &NotifyRule, one: &Told, now: Timestamp, due: &mut Due) {
    let Some(escalate) = rule.escalate.as_ref() else {
        return;
    };
    if one.so_far.escalated.is_some() || !one.matter.topic.stays_open() {
        return;
    }
    let again = one.so_far.escalation_tried;
    let again = again.map(|tried| tried + retry_wait(one.so_far.escalation_failures));
    let at = again.unwrap_or(one.opened + escalate.after);
    later_or(at, now, due, |due| {
        due.messages
            .push(message(rule, &escalate.to, Why::Escalation, &[one]));
    });
}

fn message(rule: &NotifyRule, to: &NotifyTo, why: Why, about: &[&Told]) -> Message {
    let first = about.first().map_or(0, |one| one.id);
    let id = match why {
        Why::New => format!("{first}"),
        Why::Reminder(n) => format!("{first}-r{n}"),
        Why::Escalation => format!("{first}-e"),
    };
    Message {
        id,
        plan: about
            .first()
            .map_or_else(Digest::default, |one| one.matter.plan),
        rule: rule.name.clone(),
        to: to.clone(),
        why,
        about: about.iter().map(|one| one.id).collect(),
    }
}

/// Does it where its time has come, and otherwise notes when it will.
fn later_or(at: Timestamp, now: Timestamp, due: &mut Due, so: impl FnOnce(&mut Due)) {
    if at <= now {
        so(due);
    } else {
        due.next = Some(due.next.map_or(at, |next| next.min(at)));
    }
}
