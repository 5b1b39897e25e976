//! What had to be told, from the events alone, and how it was: with arithmetic of its own.
//!
//! Promised is: what happened reaches each rule that asks for it, under one id; twice only where a teller died before it had
//! noted the first time. What is open is told once, and again as often as the rule says; to somebody else once. Of what is
//! over nobody is reminded.

use std::collections::{BTreeMap, BTreeSet};

use ringway_engine::{Event, Final, HostState, Then};
use ringway_executor::notices::{Message, Told, Why};
use ringway_model::{RolloutId, Span, Timestamp};
use ringway_policy::validated::{NotifyRule, Topic};

use super::because;

/// The longest wait between two attempts, and a little.
const LONGEST_WAIT: Span = Span::minutes(61);

/// Something that is open: a halt, a pause, a question with its number.
type Thing = (Topic, RolloutId, u32);

/// What just happens, and is open at no time.
const fn is_past(topic: Topic) -> bool {
    matches!(
        topic,
        Topic::Promoted | Topic::Completed | Topic::Ended | Topic::Failed
    )
}

/// That everything is stopped: of no rollout.
const STOPPED: Thing = (Topic::Stopped, RolloutId(0), 0);

/// The rollout of which a host fails by this event.
fn fails(event: &Event) -> Option<RolloutId> {
    let (rollout, to) = if let Event::StepEnded {
        intent,
        then: Then::End { to, .. },
        ..
    } = event
    {
        (intent.rollout(), to)
    } else if let Event::HostMoved { rollout, to, .. } = event {
        (*rollout, to)
    } else {
        return None;
    };
    let fails = matches!(
        to,
        HostState::Failed { .. }
            | HostState::Unhealthy { .. }
            | HostState::Lost
            | HostState::RollbackFailed { .. }
    );
    fails.then_some(rollout)
}

/// How telling something that lies in the outbox went.
#[derive(Default)]
struct How {
    /// By which ids it arrived as news, each with the numbers that were told together.
    ids: BTreeMap<String, Vec<u64>>,
    /// How often it arrived as news.
    arrived: u32,
    /// How often a teller died then.
    unnoted: u32,
    /// When it was noted as told last.
    well: Option<Timestamp>,
    /// When something was tried last.
    tried: Option<Timestamp>,
    escalated: u32,
    escalations_unnoted: u32,
    escalation_tried: Option<Timestamp>,
}

pub(super) struct Account {
    rules: Vec<NotifyRule>,
    /// What is open now, since when.
    open: BTreeMap<Thing, Timestamp>,
    /// What was asked and not answered, of rollouts that are over, too.
    asked: BTreeSet<(RolloutId, u32)>,
    /// How often each thing that is news at once happened.
    happened: BTreeMap<(Topic, RolloutId), u32>,
    /// Since when everything is stopped.
    stopped: Option<Timestamp>,
    /// Whether there is a rollout, by whose rules it is told that everything is stopped.
    proposed: bool,
    /// By number in the outbox.
    how: BTreeMap<u64, How>,
    /// Of what each number is: the rule, and what.
    what: BTreeMap<u64, (String, Thing)>,
    /// The teller was not there until then.
    away: Timestamp,
}

impl Account {
    pub(super) fn new(rules: &[NotifyRule]) -> Self {
        Self {
            rules: rules.to_vec(),
            open: BTreeMap::new(),
            asked: BTreeSet::new(),
            happened: BTreeMap::new(),
            stopped: None,
            proposed: false,
            how: BTreeMap::new(),
            what: BTreeMap::new(),
            away: Timestamp(0),
        }
    }

    /// A row is durable.
    pub(super) fn row(&mut self, at: Timestamp, events: &[Event]) {
        let before = self.open.clone();
        for event in events {
            self.event(at, event);
        }
        // However many hosts fail together, it is one thing to tell.
        let failed: BTreeSet<RolloutId> = events.iter().filter_map(fails).collect();
        for rollout in failed {
            *self.happened.entry((Topic::Failed, rollout)).or_default() += 1;
        }
        if self.stopped.is_some() && self.proposed {
            self.open.entry(STOPPED).or_insert(at);
        } else {
            self.open.remove(&STOPPED);
        }
        // What goes on over the row began when it began, whatever happened in between.
        for (thing, since) in &mut self.open {
            if let Some(first) = before.get(thing) {
                *since = *first;
            }
        }
    }

    fn event(&mut self, at: Timestamp, event: &Event) {
        if let Event::Stopped { .. } = event {
            self.stopped.get_or_insert(at);
        }
        if let Event::Went { .. } = event {
            self.stopped = None;
        }
        if let Event::Proposed { .. } = event {
            self.proposed = true;
        }
        if let Event::Promoted { rollout, .. } = event {
            *self
                .happened
                .entry((Topic::Promoted, *rollout))
                .or_default() += 1;
        }
        if let Event::Finished { rollout, how } = event {
            let topic = match how {
                Final::Completed => Topic::Completed,
                Final::RolledBack | Final::Cancelled | Final::Superseded => Topic::Ended,
            };
            *self.happened.entry((topic, *rollout)).or_default() += 1;
            self.open.retain(|(_, of, _), _| of != rollout);
        }
        let held = if let Event::Halted { rollout, .. } = event {
            Some((*rollout, Some(Topic::Halted)))
        } else if let Event::Paused { rollout, .. } | Event::Declined { rollout, .. } = event {
            Some((*rollout, Some(Topic::Paused)))
        } else if let Event::Resumed { rollout, .. }
        | Event::CancelBegan { rollout, .. }
        | Event::RollbackBegan { rollout, .. }
        | Event::SupersedeBegan { rollout, .. } = event
        {
            Some((*rollout, None))
        } else {
            None
        };
        if let Some((rollout, topic)) = held {
            self.open.retain(|(topic, of, _), _| {
                *of != rollout || !matches!(topic, Topic::Halted | Topic::Paused)
            });
            self.open
                .extend(topic.map(|topic| ((topic, rollout, 0), at)));
        }
        if let Event::Asked {
            rollout, number, ..
        } = event
        {
            self.asked.insert((*rollout, *number));
            self.open.insert((Topic::Question, *rollout, *number), at);
        }
        // A rollout that was over goes on, with what is still asked about it.
        if let Event::RollbackBegan { rollout, .. } = event {
            let again = self.asked.iter().filter(|(of, _)| of == rollout);
            let again: Vec<Thing> = again
                .map(|&(of, number)| (Topic::Question, of, number))
                .collect();
            for thing in again {
                self.open.entry(thing).or_insert(at);
            }
        }
        if let Event::Answered {
            rollout, number, ..
        } = event
        {
            self.asked.remove(&(*rollout, *number));
            self.open.remove(&(Topic::Question, *rollout, *number));
        }
    }

    pub(super) fn was_away(&mut self, until: Timestamp) {
        self.away = self.away.max(until);
    }

    fn rule(&self, name: &str) -> Result<&NotifyRule, String> {
        let mut rules = self.rules.iter();
        let rule = rules.find(|rule| rule.name == name);
        rule.ok_or_else(|| format!("rule `{name}` is nobody's"))
    }

    /// A message is on its way to its receiver.
    pub(super) fn delivery(
        &mut self,
        message: &Message,
        about: &[&Told],
        now: Timestamp,
        arrives: bool,
    ) -> Result<(), String> {
        let rule = self.rule(&message.rule)?.clone();
        for one in about {
            let matter = &one.matter;
            let said = because(message.why);
            let name = format!("{} of {}", said, matter.key);
            if !rule.when.contains(&matter.topic) {
                return Err(format!("{name}: rule `{}` does not ask for it", rule.name));
            }
            let number = matter.key.rsplit('/').next().unwrap_or_default();
            let number = number.parse().unwrap_or(0);
            let rollout = matter.rollout.unwrap_or(RolloutId(0));
            let thing = (matter.topic, rollout, number);
            self.what.insert(one.id, (rule.name.clone(), thing));
            let is_known = matches!(
                matter.topic,
                Topic::Halted | Topic::Paused | Topic::Question | Topic::Stopped
            );
            let is_open = self.open.contains_key(&thing);
            let how = self.how.entry(one.id).or_default();
            let is_first = how.tried.is_none();
            let must_be_open = is_first || !matches!(message.why, Why::New);
            if is_past(matter.topic) && !matches!(message.why, Why::New) {
                return Err(format!("{name}: that has happened, and is not open"));
            }
            if is_known && !is_open && must_be_open {
                return Err(format!("{name}: that is over"));
            }
            match message.why {
                Why::New => {
                    if arrives {
                        // Whoever gets it twice can know by its id; only what is told with others by now is another message.
                        let mut before = how.ids.iter();
                        let again =
                            before.find(|(id, of)| **id != message.id && **of == message.about);
                        if let Some((id, _)) = again {
                            return Err(format!("{name}: told as {} after {id}", message.id));
                        }
                        how.ids.insert(message.id.clone(), message.about.clone());
                        how.arrived += 1;
                    }
                }
                Why::Reminder(_) => {
                    let due = rule.remind.zip(how.well).map(|(every, well)| well + every);
                    let is_early = due.is_none_or(|due| now < due);
                    if is_early {
                        return Err(format!("{name}: too early"));
                    }
                }
                Why::Escalation => {
                    let after = rule.escalate.as_ref().map(|it| one.opened + it.after);
                    if after.is_none_or(|after| now < after) {
                        return Err(format!("{name}: too early"));
                    }
                    how.escalation_tried = Some(now);
                    how.escalated += u32::from(arrives);
                }
            }
            // Until it is noted.
            if arrives {
                match message.why {
                    Why::New => how.unnoted += 1,
                    Why::Escalation => how.escalations_unnoted += 1,
                    Why::Reminder(_) => {}
                }
            }
            if !matches!(message.why, Why::Escalation) {
                how.tried = Some(now);
            }
        }
        Ok(())
    }

    /// The teller has noted how it went.
    pub(super) fn noted(&mut self, message: &Message, now: Timestamp, arrived: bool) {
        for id in message.about.iter().filter(|_| arrived) {
            let how = self.how.entry(*id).or_default();
            match message.why {
                Why::New => {
                    how.unnoted -= 1;
                    how.well = Some(now);
                }
                Why::Reminder(_) => how.well = Some(now),
                Why::Escalation => how.escalations_unnoted -= 1,
            }
        }
    }

    /// A teller rests: nothing that had to be told by now is left.
    pub(super) fn check_rest(&self, now: Timestamp) -> Result<(), String> {
        for (thing, since) in &self.open {
            for rule in self
                .rules
                .iter()
                .filter(|rule| rule.when.contains(&thing.0))
            {
                let told = self
                    .what
                    .iter()
                    .filter(|(_, (name, what))| *name == rule.name && what == thing);
                let how = told.filter_map(|(id, _)| self.how.get(id)).next_back();
                let how = how.filter(|how| how.tried.is_some_and(|tried| tried >= *since));
                let name = format!("{} about {} {:?}", rule.name, thing.1, thing.0);
                let Some(how) = how else {
                    // Told with what came before it, which may be tried again later.
                    if *since + rule.group + LONGEST_WAIT < now {
                        return Err(format!("{name} was not told since {since}"));
                    }
                    continue;
                };
                // What was refused is tried again until it is over.
                let is_stale =
                    |tried: Option<Timestamp>| tried.is_none_or(|tried| tried + LONGEST_WAIT < now);
                let due = rule.remind.zip(how.well).map(|(every, well)| well + every);
                if due.is_some_and(|due| due < now)
                    && (how.tried <= how.well || is_stale(how.tried))
                {
                    return Err(format!("{name} was not reminded"));
                }
                if how.well.is_none() && is_stale(how.tried) {
                    return Err(format!("{name} was refused and is tried no more"));
                }
                let after = rule.escalate.as_ref().map(|it| *since + it.after);
                let is_late = after.is_some_and(|after| after + Span::minutes(1) < now);
                if is_late && how.escalated == 0 && is_stale(how.escalation_tried) {
                    return Err(format!("{name} was not escalated"));
                }
            }
        }
        Ok(())
    }

    /// All is over, and whoever tells has had the time.
    pub(super) fn check_end(&self) -> Result<(), String> {
        for ((topic, rollout), times) in &self.happened {
            for rule in self.rules.iter().filter(|rule| rule.when.contains(topic)) {
                let told = self.what.iter().filter(|(id, (name, thing))| {
                    let arrived = self.how.get(id).is_some_and(|how| how.arrived > 0);
                    *name == rule.name && (thing.0, thing.1) == (*topic, *rollout) && arrived
                });
                let told = told.count();
                if told != *times as usize {
                    return Err(format!(
                        "{} was told {told} times of {rollout} {topic:?}, which happened {times} times",
                        rule.name
                    ));
                }
            }
        }
        for (id, how) in &self.how {
            // A teller that died before the note of it has told it once more than it knows.
            let times = how.arrived - how.unnoted.min(how.arrived);
            if times > 1 {
                return Err(format!("{id} was told {times} times, as {:?}", how.ids));
            }
            if how.escalated - how.escalations_unnoted.min(how.escalated) > 1 {
                return Err(format!("{id} was escalated more than once"));
            }
        }
        Ok(())
    }
}
