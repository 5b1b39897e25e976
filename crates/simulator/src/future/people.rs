//! People of a future: they start rollouts, approve what is due, and decide after a halt, each after a while.

use std::sync::Arc;

use ringway_engine::{Command, Exhibit, Subject, Told};
use ringway_executor::port::{Arrival, HandIn, Order, Proposal};
use ringway_model::{Actor, Digest, RolloutId, Span};
use ringway_policy::validated::{AfterHalt, NotBy};
use ringway_scheduler::Plan;
use ringway_scheduler::plan::ApprovalPlan;

use super::outcome::Ended;
use super::roll::{About, Roll};
use super::run::{Future, Happening, Stood};

/// Who starts every rollout.
pub(super) const STARTER: &str = "starter";

/// How long until somebody looks again whether what they asked for is so.
const LOOKS_AGAIN: Span = Span::hours(1);

/// How often somebody asks again for a rollout that Ringway did not answer about.
pub(super) const ASKS_AGAIN: Span = Span::minutes(1);

/// After how long somebody asks whether a rollout has got on at all. One that has not is given up: what a person would
/// have to repair by hand is no part of a world.
///
/// The longest waits that end by themselves are a night's and a weekend's; soaks do not count, since a soak ends.
const GIVES_UP: Span = Span::hours(7 * 24);

/// Something a person is about to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Deed {
    /// Approve what is due, as the n-th to do so.
    Approve {
        rollout: usize,
        page: u32,
        number: u32,
    },
    /// Decide after a halt or a pause.
    Decide { rollout: usize, page: u32 },
    /// Give the rollout up, if it stands where it stood: by its hosts with the update, and those hit.
    GiveUp {
        rollout: usize,
        page: u32,
        stood: (u32, u32),
    },
}

impl Deed {
    const fn whose(self) -> (usize, u32) {
        match self {
            Self::Approve { rollout, page, .. }
            | Self::Decide { rollout, page }
            | Self::GiveUp { rollout, page, .. } => (rollout, page),
        }
    }
}

impl Future<'_> {
    /// A rollout is started, again and again until Ringway has heard of it.
    pub(super) fn propose(&mut self, index: usize) {
        let track = &self.tracks[index];
        if track.id.is_some() || track.ended.is_some() {
            return;
        }
        let proposal = Proposal {
            fleet: Arc::clone(&self.set.fleet),
            plan: Arc::clone(&self.planned[index].plan),
            documents: self.set.documents.clone(),
            key: Some(format!("rollout-{index}")),
            change: None,
            reason: None,
        };
        let ticket = self.ticket();
        self.proposals.insert(ticket, index);
        self.arrives(Arrival::Commanded {
            ticket,
            actor: Actor(STARTER.to_owned()),
            order: Order::Propose(Box::new(proposal)),
        });
        self.after(ASKS_AGAIN, Happening::Starts(index));
    }

    pub(super) fn ticket(&mut self) -> u64 {
        self.tickets += 1;
        self.tickets
    }

    fn command(&mut self, actor: &str, command: Command, deed: Deed) {
        let ticket = self.ticket();
        self.asked.insert(ticket, deed);
        self.say(&format!("! {actor} asks: {command:?}"));
        self.arrives(Arrival::Commanded {
            ticket,
            actor: Actor(actor.to_owned()),
            order: Order::Command(command),
        });
    }

    /// Whoever was heard works there no more, and whoever is asked for the first time begins.
    pub(super) fn look_at_hands(&mut self) {
        let Some(executor) = &self.executor else {
            return;
        };
        let asked = executor.engine().by_hand();
        if asked.is_empty() && self.hands.is_empty() {
            return;
        }
        let open = asked.iter().map(|(intent, _)| *intent).collect();
        self.hands = self.hands.intersection(&open).copied().collect();
        for (intent, order) in &asked {
            if !self.hands.contains(intent) {
                self.is_asked(*intent, order);
            }
        }
    }

    /// Somebody says how their work on a host ended.
    pub(super) fn say_done(&mut self, host: String, told: Told) {
        let ticket = self.ticket();
        let bytes = b"a photograph".to_vec();
        let exhibit = (told == Told::Done).then(|| Exhibit {
            digest: Digest::of(&bytes),
            name: "photograph".to_owned(),
            size: bytes.len() as u64,
        });
        let has_exhibit = exhibit.is_some();
        let command = Command::Done {
            rollout: None,
            host,
            told,
            reason: "as the world says".to_owned(),
            exhibit,
        };
        self.arrives(Arrival::Commanded {
            ticket,
            actor: Actor("technician".to_owned()),
            order: if has_exhibit {
                Order::HandIn(Box::new(HandIn { command, bytes }))
            } else {
                Order::Command(command)
            },
        });
    }

    /// A rollout stands elsewhere than before: whoever has to do something about it will.
    pub(super) fn people_see(&mut self, index: usize, stood: Stood) {
        let page = self.tracks[index].page;
        if matches!(
            stood,
            Stood::Visiting(_) | Stood::Promoting(_) | Stood::Ending
        ) {
            self.watch_progress(index);
        }
        match stood {
            Stood::Proposed | Stood::Promoting(_) => {
                let missing = self.missing(index);
                for number in 0..missing {
                    self.approve_after(index, page, number);
                }
            }
            Stood::Halted(_) if self.set.world.people.after_halt == AfterHalt::Leave => {
                if !self.will_be_superseded(index) {
                    self.end(index, Ended::LeftHalted);
                }
            }
            Stood::Halted(_) | Stood::Paused => {
                let range = self.set.world.people.decide;
                let parts = [index as u64, u64::from(page)];
                let span = Roll::of(self.seed, About::Decides, &parts).within(range);
                let deed = Deed::Decide {
                    rollout: index,
                    page,
                };
                self.after(span.max(Span::seconds(1)), Happening::Acts(deed));
            }
            Stood::Visiting(_) | Stood::Soaking(_) | Stood::Ending | Stood::Over => {}
        }
    }

    fn watch_progress(&mut self, index: usize) {
        let deed = Deed::GiveUp {
            rollout: index,
            page: self.tracks[index].page,
            stood: self.got_to(index),
        };
        self.after(GIVES_UP, Happening::Acts(deed));
    }

    fn got_to(&self, index: usize) -> (u32, u32) {
        let count = &self.tracks[index].count;
        (count.with.iter().sum(), count.hit)
    }

    fn cancel(&mut self, id: RolloutId, reason: &str, deed: Deed) {
        let command = Command::Cancel {
            rollout: id,
            reason: reason.to_owned(),
        };
        self.command("operator", command, deed);
    }

    fn approve_after(&mut self, index: usize, page: u32, number: u32) {
        let range = self.set.world.people.approve;
        let parts = [index as u64, u64::from(page), u64::from(number)];
        let span = Roll::of(self.seed, About::Approves, &parts).within(range);
        let deed = Deed::Approve {
            rollout: index,
            page,
            number,
        };
        self.after(span.max(Span::seconds(1)), Happening::Acts(deed));
    }

    /// How many approvals a rollout still needs.
    fn missing(&self, index: usize) -> u32 {
        let view = self.tracks[index]
            .id
            .zip(self.executor.as_ref())
            .and_then(|(id, executor)| executor.engine().rollout(id));
        view.and_then(|view| view.approval).map_or(0, |approval| {
            let by = u32::try_from(approval.by.len()).unwrap_or(u32::MAX);
            u32::from(approval.need).saturating_sub(by)
        })
    }

    pub(super) fn acts(&mut self, deed: Deed) {
        let (rollout, page) = deed.whose();
        let track = &self.tracks[rollout];
        let Some(id) = track
            .id
            .filter(|_| track.page == page && track.ended.is_none())
        else {
            return;
        };
        match deed {
            Deed::Approve { number, .. } => self.approve(rollout, id, number, deed),
            Deed::Decide { .. } => self.decide(rollout, id, deed),
            Deed::GiveUp { stood, .. } => {
                if stood == self.got_to(rollout) {
                    self.cancel(id, "it does not get on", deed);
                }
                self.watch_progress(rollout);
                return;
            }
        }
        // Ringway may have been away, or somebody's yes may be void by then.
        self.after(LOOKS_AGAIN, Happening::Acts(deed));
    }

    fn approve(&mut self, index: usize, id: RolloutId, number: u32, deed: Deed) {
        let view = self
            .executor
            .as_ref()
            .and_then(|executor| executor.engine().rollout(id));
        let Some(approval) = view.and_then(|view| view.approval) else {
            return;
        };
        if usize::from(approval.need) <= approval.by.len() {
            return;
        }
        let plan = Arc::clone(&self.planned[index].plan);
        let wanted = match approval.subject {
            // Nobody of the described worlds asks for a lane.
            Subject::Lane => None,
            Subject::Start => plan.start.as_ref(),
            Subject::Promotion { ring } | Subject::Early { ring } => {
                plan.rings[ring.index()].after_soak.as_ref()
            }
        };
        let Some(wanted) = wanted else {
            return;
        };
        let Some(who) = somebody(wanted, &plan, &approval.by) else {
            return;
        };
        // They speak by their user name.
        let mut users = plan.consent.users.iter();
        let user = users.find(|(_, person)| **person == who);
        let who = user.map_or_else(|| who.clone(), |(user, _)| user.clone());
        let parts = [
            index as u64,
            u64::from(self.tracks[index].page),
            number.into(),
        ];
        let errs = self.tickets_are_mistaken(&parts);
        let digest = if errs {
            Digest::of(b"what was shown yesterday")
        } else {
            approval.digest
        };
        let command = Command::Approve {
            rollout: id,
            subject: approval.subject,
            digest,
        };
        self.command(&who, command, deed);
    }

    /// Whether a person's first try is a mistake.
    fn tickets_are_mistaken(&self, parts: &[u64]) -> bool {
        Roll::of(self.seed, About::Mistakes, parts).is_in(self.set.world.people.mistakes)
    }

    fn decide(&mut self, index: usize, id: RolloutId, deed: Deed) {
        let reason = "decided in a simulated world".to_owned();
        let command = match self.standing(index) {
            Some(Stood::Halted(_)) => match self.set.world.people.after_halt {
                AfterHalt::Rollback => Command::Rollback {
                    rollout: id,
                    reason,
                },
                AfterHalt::Cancel | AfterHalt::Leave => Command::Cancel {
                    rollout: id,
                    reason,
                },
                AfterHalt::Resume => Command::Resume {
                    rollout: id,
                    reason,
                },
            },
            Some(Stood::Paused) => Command::Resume {
                rollout: id,
                reason,
            },
            Some(
                Stood::Proposed
                | Stood::Visiting(_)
                | Stood::Soaking(_)
                | Stood::Promoting(_)
                | Stood::Ending
                | Stood::Over,
            )
            | None => return,
        };
        self.command("operator", command, deed);
    }

    /// Ringway refused what a person asked for.
    pub(super) fn refused(&mut self, deed: Deed) {
        let (index, page) = deed.whose();
        let Some(id) = self.tracks[index]
            .id
            .filter(|_| self.tracks[index].page == page)
        else {
            return;
        };
        match deed {
            // Most people see at once what was wrong, and look again after a while.
            Deed::Approve { number, .. } => {
                self.approve_after(index, page, number.saturating_add(1000));
            }
            // There is nothing to go back to: the rollout ends as it stands.
            Deed::Decide { .. } => {
                if self.set.world.people.after_halt == AfterHalt::Rollback {
                    let deed = Deed::GiveUp {
                        rollout: index,
                        page,
                        stood: self.got_to(index),
                    };
                    self.cancel(id, "there is nothing to go back to", deed);
                }
            }
            Deed::GiveUp { .. } => {}
        }
    }
}

/// Somebody who may approve and has not.
fn somebody(wanted: &ApprovalPlan, plan: &Plan, by: &[String]) -> Option<String> {
    let may = |who: &str| {
        !by.iter().any(|other| other == who)
            && wanted.not_by.iter().all(|not| match not {
                NotBy::Starter => who != STARTER,
                NotBy::PolicyAuthor => !plan.is_author(who),
            })
    };
    if wanted.people.is_empty() {
        (1..=64)
            .map(|number| format!("person-{number}"))
            .find(|who| may(who))
    } else {
        wanted.people.iter().find(|who| may(who)).cloned()
    }
}
