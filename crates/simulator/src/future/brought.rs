//! What is brought to Ringway in a future, and its answers: a rollout's time has come, and it starts or takes the place of the one
//! before it, whatever has become of that by then; an advisory arrives.
//!
//! What a host gets with it is cumulative: it takes the place of what the earlier ones installed, and their harm goes with
//! them. Decides nothing about who is visited when; the plan that is made of the parts does.

use std::sync::Arc;

use ringway_engine::{Accepted, Command, Rejected};
use ringway_executor::port::{Arrival, Order, Proposal, Supersession};
use ringway_model::{Actor, RolloutId};
use ringway_scheduler::{make_superseding, superseded_by};

use super::hosts::Cause;
use super::outcome::Ended;
use super::people::{ASKS_AGAIN, STARTER};
use super::run::{Future, Happening, Track};
use super::setting::planned;

impl Future<'_> {
    /// A rollout's time has come. Exceptions come with it, again and again until Ringway has heard of both.
    pub(super) fn starts(&mut self, index: usize) {
        if !self.set.exceptions.is_empty() && self.tracks[index].id.is_none() {
            let ticket = self.ticket();
            self.arrives(Arrival::Commanded {
                ticket,
                actor: Actor(STARTER.to_owned()),
                order: Order::Command(Command::Except {
                    exceptions: self.set.exceptions.clone(),
                }),
            });
        }
        let before = index
            .checked_sub(1)
            .filter(|_| self.planned[index].supersedes);
        match before.and_then(|before| self.tracks[before].id) {
            Some(before) if self.set.papers.is_some() => self.supersede(index, before),
            Some(_) | None => self.propose(index),
        }
    }

    /// Whether the rollout behind this one is to take its place.
    pub(super) fn will_be_superseded(&self, index: usize) -> bool {
        let next = self.planned.get(index + 1);
        next.is_some_and(|next| next.supersedes && self.tracks[index + 1].ended.is_none())
    }

    fn supersede(&mut self, index: usize, before: RolloutId) {
        let track = &self.tracks[index];
        if track.id.is_some() || track.ended.is_some() {
            return;
        }
        self.after(ASKS_AGAIN, Happening::Starts(index));
        let (Some(executor), Some(documents)) = (&self.executor, &self.set.papers) else {
            return;
        };
        let engine = executor.engine();
        let (Some(old), Some(situation)) = (engine.plan_of(before), engine.situation(before))
        else {
            return;
        };
        let first = &self.planned[index];
        let names = (&*first.plan.policy, &*first.plan.update);
        let made = make_superseding(
            &self.set.fleet,
            documents,
            names,
            (&old.0, &old.1),
            &situation,
            first.plan.lane.as_ref().map(|lane| &*lane.name),
        );
        let plan = match made {
            Ok((plan, _)) => Arc::new(plan),
            Err(problems) => {
                self.tracks[index].ended = Some(Ended::Refused(problems.to_string()));
                return;
            }
        };
        let update = &documents.updates[&plan.update];
        let supersession = Supersession {
            rollout: before,
            proposal: Proposal {
                fleet: Arc::clone(&self.set.fleet),
                plan: Arc::clone(&plan),
                documents: self.set.documents.clone(),
                key: Some(format!("rollout-{index}")),
                change: None,
                reason: None,
            },
            poison: superseded_by(update, &old.0),
            reason: "the vendor has a fix".to_owned(),
        };
        let hosts = self.hosts.all.len();
        let page = self.tracks[index].page;
        self.tracks[index] = Track::new(&plan);
        self.tracks[index].page = page;
        self.planned[index] = Arc::new(planned(plan, first.starts, true, hosts));
        let ticket = self.ticket();
        self.proposals.insert(ticket, index);
        self.arrives(Arrival::Commanded {
            ticket,
            actor: Actor(STARTER.to_owned()),
            order: Order::Supersede(Box::new(supersession)),
        });
    }

    /// What a host gets takes the place of what the rollouts that are superseded have left on it.
    pub(super) fn replaces(&mut self, host: usize, rollout: usize) {
        let mut next = rollout;
        while self.planned[next].supersedes && next > 0 {
            next -= 1;
            let bit = 1 << next;
            self.hosts.all[host].era += 1;
            self.hosts.all[host].has &= !bit;
            self.carries(host, next, false);
            self.hosts.all[host].broken_by &= !bit;
            if self.hosts.all[host].broken_by == 0 {
                self.set_cause(host, Cause::Broken, false);
            }
            self.set_cause(host, Cause::Late, false);
        }
    }

    /// Advisories arrive when they are published.
    pub(super) fn await_advisories(&mut self) {
        for index in 0..self.set.advisories.len() {
            let published = self.set.advisories[index].published.unwrap_or(self.now);
            self.after(published.since(self.now), Happening::Advises(index));
        }
    }

    /// Somebody brings an advisory, again and again until Ringway has heard of it.
    pub(super) fn advises(&mut self, index: usize) {
        if self.advised.contains(&index) {
            return;
        }
        self.after(ASKS_AGAIN, Happening::Advises(index));
        let ticket = self.ticket();
        self.advising.insert(ticket, index);
        self.arrives(Arrival::Commanded {
            ticket,
            actor: Actor(STARTER.to_owned()),
            order: Order::Command(Command::Advise {
                advisories: vec![self.set.advisories[index].clone()],
            }),
        });
    }

    pub(super) fn replied(&mut self, ticket: u64, answer: Result<Accepted, Rejected>) {
        if let Some(index) = self.proposals.remove(&ticket) {
            match answer {
                Ok(accepted) => self.accepted(index, accepted.rollout),
                Err(rejected) if rejected.code == "unanswered" => {}
                Err(rejected) if rejected.code == "stale-parts" => {
                    self.say(&format!(
                        "! rollout {index} is planned anew: {}",
                        rejected.why
                    ));
                }
                Err(rejected) => {
                    self.say(&format!("! rollout {index} refused: {}", rejected.why));
                    self.tracks[index].ended = Some(Ended::Refused(rejected.why));
                }
            }
        } else if let Some(index) = self.advising.remove(&ticket) {
            if !matches!(&answer, Err(rejected) if rejected.code == "unanswered") {
                self.advised.insert(index);
            }
        } else if let Some(deed) = self.asked.remove(&ticket)
            && let Err(rejected) = answer
        {
            self.say(&format!("! refused: {}", rejected.code));
            self.refused(deed);
        }
    }

    fn accepted(&mut self, index: usize, id: Option<RolloutId>) {
        let track = &mut self.tracks[index];
        if track.id.is_none() {
            track.id = id;
            track.began = self.now;
            track.count.begin(self.now);
        }
    }
}
