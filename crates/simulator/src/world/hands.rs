//! People who work on hosts by hand: they come late, work for as long as it takes, sometimes fail, and sometimes forget to
//! say so.
//!
//! # Invariants
//!
//! * Nobody says that nothing was begun once it was, nor that it is done before it is.

use std::sync::Arc;

use ringway_engine::{Command, Event, Exhibit, Told};
use ringway_executor::port::{HandIn, Order};
use ringway_model::{Digest, HostId, IntentId, Span, StepKind, Timestamp, VisitKind};
use ringway_scheduler::plan::More;

use super::steps::{Change, effect};
use super::{Happening, World};
use crate::checkers::Invariant;

/// What a person has to do with one host.
#[derive(Clone, Debug)]
pub(super) struct Handwork {
    host: HostId,
    kind: StepKind,
    change: Change,
    within: Span,
    /// What is going on.
    stage: Doing,
    /// How often they said so and were not heard.
    said: u32,
}

/// How far a person is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Doing {
    /// On the way, or looking for the key.
    Comes,
    /// Not going to begin, and says so.
    Declines,
    /// At work.
    Works,
    /// Finished, and it is to be said.
    Says(Told),
}

impl World {
    /// What durable events ask of people, and what they were heard to say.
    pub(super) fn people_hear(&mut self, events: &[Event]) {
        for event in events {
            if let Event::WorkAsked {
                intent,
                visit,
                position,
                ..
            } = event
            {
                self.is_asked(*intent, *visit, *position);
            } else if let Event::WorkTold { intent, .. } = event {
                self.handwork.remove(intent);
            }
        }
    }

    fn is_asked(&mut self, intent: IntentId, visit: VisitKind, position: u8) {
        // Whoever joined later is in a revision of the plan only.
        let open = self.executor.as_ref().and_then(|executor| {
            let mut open = executor.engine().open_rollouts();
            open.find(|(id, _)| *id == intent.rollout())
                .map(|(_, plan)| Arc::clone(plan))
        });
        let index = intent.rollout().0 as usize - 1;
        let Some(plan) = open.or_else(|| self.plans.get(index).cloned()) else {
            return;
        };
        let Some(&slot) = plan.slots.get(intent.slot().index()) else {
            return;
        };
        let route = &plan.routes[slot.route.index()];
        let Some(step) = route.step(visit, position) else {
            return;
        };
        if !matches!(step.more, More::Manual { .. }) {
            let what = format!("{intent} asks a person for what a command does");
            self.broken(Invariant::I15, what);
            return;
        }
        let change = effect(
            (slot.host, route),
            step.kind,
            visit,
            self.hosts[slot.host.index()].first.get(&route.recipe),
        );
        let declines = self.hands.chance(12);
        let work = Handwork {
            host: slot.host,
            kind: step.kind,
            change,
            within: step.step.timeout,
            stage: if declines {
                Doing::Declines
            } else {
                Doing::Comes
            },
            said: 0,
        };
        self.handwork.insert(intent, work);
        let wait = self.hands.span(Span::seconds(5), Span::minutes(15));
        self.after(wait, Happening::Hand(intent));
    }

    /// A person does the next thing about a host, until they were heard.
    pub(super) fn hand(&mut self, intent: IntentId) {
        let Some(mut work) = self.handwork.remove(&intent) else {
            return;
        };
        let wait = match work.stage {
            Doing::Comes => {
                if !self.begins_by_hand(intent, &work) {
                    return;
                }
                work.stage = Doing::Works;
                let longest = work.within.plus(Span(work.within.millis() / 2));
                self.hands.span(Span::seconds(30), longest)
            }
            Doing::Works => {
                work.stage = Doing::Says(self.ends_by_hand(&work));
                // Most say so at once; some the next day.
                let forgets = self.hands.chance(10);
                let latest = Span::minutes(if forgets { 300 } else { 3 });
                self.hands.span(Span::seconds(1), latest)
            }
            Doing::Declines => {
                work.said += 1;
                let told = if self.healing || work.said > 3 {
                    Told::Failed
                } else {
                    Told::Untouched
                };
                self.says(&work, told);
                self.hands.span(Span::minutes(1), Span::minutes(5))
            }
            Doing::Says(told) => {
                work.said += 1;
                self.says(&work, told);
                self.hands.span(Span::minutes(1), Span::minutes(5))
            }
        };
        self.handwork.insert(intent, work);
        let hurry = Span::minutes(2);
        let wait = if self.healing { wait.min(hurry) } else { wait };
        self.after(wait, Happening::Hand(intent));
    }

    /// The truth of I2, I3 and I7: who is at the host, and who else is down.
    fn begins_by_hand(&mut self, intent: IntentId, work: &Handwork) -> bool {
        let host = work.host;
        self.check_truly_down(intent, host, work.kind);
        if let Some((other, _)) = self.hosts[host.index()].running() {
            let what = format!("somebody works on h{} for {intent} beside {other}", host.0);
            self.broken(Invariant::I2, what);
            return false;
        }
        self.say(&format!("! somebody works on h{} for {intent}", host.0));
        self.hosts[host.index()].in_hand = Some(intent);
        true
    }

    fn ends_by_hand(&mut self, work: &Handwork) -> Told {
        let (host, now): (HostId, Timestamp) = (work.host, self.now);
        self.hosts[host.index()].in_hand = None;
        if self.hands.chance(12) {
            self.hurts(host, &work.change);
            return Told::Failed;
        }
        self.take_effect(host, &work.change, now);
        Told::Done
    }

    /// A word about work by hand: now and then without a reason or what shows it, at first.
    fn says(&mut self, work: &Handwork, told: Told) {
        let who = *self.hands.pick(&["ana", "ben", "eve"]);
        let host = self.fleet.hosts[work.host.index()].name.clone();
        let careless = work.said == 1 && self.hands.chance(25);
        let reason = if careless { "" } else { "at the device" };
        let bytes = format!("photograph of {host}").into_bytes();
        let exhibit = (told == Told::Done && !careless).then(|| Exhibit {
            digest: Digest::of(&bytes),
            name: "photograph.txt".to_owned(),
            size: bytes.len() as u64,
        });
        let has_exhibit = exhibit.is_some();
        let command = Command::Done {
            rollout: None,
            host,
            told,
            reason: reason.to_owned(),
            exhibit,
        };
        let order = if has_exhibit {
            Order::HandIn(Box::new(HandIn { command, bytes }))
        } else {
            Order::Command(command)
        };
        self.ask(who, order);
    }
}
