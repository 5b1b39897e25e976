//! Work that a person does by hand: how it is asked for, how it ends, and what is said of it meanwhile.
//!
//! A step by a person is a step of its visit like any other: it waits for its window, its budget and its peers, and the
//! host counts as visited while somebody works on it. Nothing runs, so nothing is looked for after a crash, nothing is taken
//! back by a hold, and no time is up: only a person knows how it stands.
//!
//! # Invariants
//!
//! * Such a step is never given to a worker, and ends by a person's word alone (I11, I15).
//! * A word that it is done comes with evidence where the recipe wants it, and is of the host that waits for it.
//! * That the work was never begun is believed only where nothing would ask for it again at once.

use ringway_model::{
    Actor, FailWhy, HostId, IntentId, RolloutId, Slot, Span, StepResult, Timestamp, VisitKind,
    WaitingOn,
};
use ringway_scheduler::plan::{More, StepPlan};
use serde::{Deserialize, Serialize};

use crate::command::{Exhibit, Rejected, Told};
use crate::engine::{Engine, OrderView};
use crate::event::Event;
use crate::host::HostState;
use crate::view::ToldView;

/// The largest file that is handed in with a word: a photograph, a log, a report; not an image of a disk.
pub const LARGEST_EXHIBIT: u64 = 1 << 20;

/// What people have to do with a host in a rollout.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Handwork {
    /// Since when somebody is to work on it; absent where nobody is.
    pub(crate) since: Option<Timestamp>,
    /// How it ended last.
    pub(crate) told: Option<Word>,
}

/// What a person said of their work.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Word {
    pub(crate) at: Timestamp,
    pub(crate) by: Actor,
    pub(crate) told: Told,
    pub(crate) reason: String,
    pub(crate) exhibit: Option<Exhibit>,
}

/// What was said, as it was said.
#[derive(Clone, Copy)]
pub(crate) struct Saying<'a> {
    pub(crate) actor: &'a Actor,
    pub(crate) told: Told,
    pub(crate) reason: &'a str,
    pub(crate) exhibit: Option<&'a Exhibit>,
}

fn wrong(why: String, hint: &str) -> Rejected {
    Rejected::new("wrong-state", why, hint)
}

impl Engine {
    /// Somebody says how work by hand ended.
    pub(crate) fn done(
        &mut self,
        rollout: Option<RolloutId>,
        host: &str,
        saying: Saying<'_>,
        out: &mut Vec<Event>,
    ) -> Result<Option<RolloutId>, Rejected> {
        let Some((r, slot)) = self.worked_on(rollout, host)? else {
            if let Some(r) = self.said_already(host, saying) {
                return Ok(Some(self.rollouts[r].rec.id));
            }
            let why = format!("nobody is to work on host `{host}` by hand");
            return Err(wrong(why, "`ringway why HOST` says what it waits for"));
        };
        let Saying { told, reason, .. } = saying;
        self.check_saying(r, slot, host, saying)?;
        let id = self.rollouts[r].rec.id;
        let intent = IntentId::new(
            id,
            Slot(slot),
            self.rollouts[r].rec.slots[slot as usize].serial,
        );
        self.emit(
            Event::WorkTold {
                intent,
                actor: saying.actor.clone(),
                told,
                reason: reason.to_owned(),
                exhibit: saying.exhibit.cloned(),
            },
            out,
        );
        let result = self.result_of(told);
        self.work_ended(intent, r, slot, &result, out);
        Ok(Some(id))
    }

    #[cfg_attr(
        not(feature = "planted-bugs"),
        expect(clippy::unused_self, reason = "only a planted mistake asks")
    )]
    const fn result_of(&self, told: Told) -> StepResult {
        #[cfg(feature = "planted-bugs")]
        if matches!(self.planted, Some(crate::planted::Bug::FailedByHandIsDone)) {
            return StepResult::Done;
        }
        match told {
            Told::Done => StepResult::Done,
            Told::Failed => StepResult::Failed(FailWhy::Person),
            Told::Untouched => StepResult::NotStarted,
        }
    }

    /// Whether a saying is enough.
    fn check_saying(
        &self,
        r: usize,
        slot: u32,
        host: &str,
        saying: Saying<'_>,
    ) -> Result<(), Rejected> {
        let Some((visit, position, ..)) = self.rollouts[r].rec.slots[slot as usize].state.visit()
        else {
            return Ok(());
        };
        let step = self.rollouts[r].step(slot, visit, position);
        let wants_evidence =
            step.is_some_and(|step| matches!(step.more, More::Manual { evidence: true, .. }));
        #[cfg(feature = "planted-bugs")]
        let wants_evidence = wants_evidence && !self.bug(crate::planted::Bug::EvidenceNotAsked);
        if saying
            .exhibit
            .is_some_and(|exhibit| exhibit.size > LARGEST_EXHIBIT)
        {
            return Err(Rejected::new(
                "too-large",
                format!("the evidence has more than {LARGEST_EXHIBIT} bytes"),
                "hand in what shows that it is done, and say with `--reason` where the rest is",
            ));
        }
        match saying.told {
            Told::Done if wants_evidence && saying.exhibit.is_none() => Err(Rejected::new(
                "evidence-missing",
                format!("the recipe wants evidence that the work on `{host}` is done"),
                "hand a file in: `done HOST --evidence FILE`",
            )),
            Told::Failed | Told::Untouched if saying.reason.trim().is_empty() => {
                Err(Rejected::new(
                    "reason-missing",
                    "saying that the work was not done needs a reason",
                    "say why: `--reason`",
                ))
            }
            Told::Untouched if self.may_run(r, slot, visit, position) => Err(wrong(
                format!("nothing holds host `{host}`, and it would be asked for again at once"),
                "`hold HOST` first, or `pause`; `done HOST --failed` where it was begun",
            )),
            Told::Done | Told::Failed | Told::Untouched => Ok(()),
        }
    }

    /// The rollout and place in which somebody is to work on a host of this name.
    fn worked_on(
        &self,
        rollout: Option<RolloutId>,
        host: &str,
    ) -> Result<Option<(usize, u32)>, Rejected> {
        // One that is no longer of the fleet is told of all the same: somebody may still be there.
        let mut spec = self.fleet.spec.hosts.iter();
        if !spec.any(|known| known.name == host) {
            self.named(std::slice::from_ref(&host.to_owned()))?;
        }
        let wanted = rollout.map(|rollout| self.known(rollout)).transpose()?;
        let hosts = self.fleet.spec.hosts.iter().enumerate();
        let meant: Vec<HostId> = hosts
            .filter(|(_, known)| known.name == host)
            .map(|(index, _)| HostId::at(index))
            .collect();
        let mut all = (0..self.rollouts.len()).filter(|r| wanted.is_none_or(|wanted| wanted == *r));
        Ok(all.find_map(|r| {
            let slots = meant.iter().filter_map(|&host| self.slot_of(r, host));
            let mut asked = slots.filter(|&slot| {
                let state = self.rollouts[r].rec.slots[slot as usize].state;
                matches!(state, HostState::ByHand { .. })
            });
            Some((r, asked.next()?))
        }))
    }

    /// The rollout in which exactly this was the last word on a host: said again, it changes nothing.
    fn said_already(&self, host: &str, saying: Saying<'_>) -> Option<usize> {
        let mut hosts = self.fleet.spec.hosts.iter();
        let host = hosts.position(|known| known.name == host)?;
        // Hosts of another fleet have other numbers.
        let mut ours = (0..self.rollouts.len())
            .rev()
            .filter(|&r| self.knows_hosts_of(r));
        ours.find(|&r| {
            let words = self.rollouts[r].rec.by_hand.iter();
            let mut words = words.filter_map(|(slot, work)| Some((slot, work.told.as_ref()?)));
            words.any(|(slot, word)| {
                self.host_of(r, *slot).index() == host
                    && word.by == *saying.actor
                    && word.told == saying.told
                    && word.reason == saying.reason
                    && word.exhibit.as_ref() == saying.exhibit
            })
        })
    }

    /// A step that would be issued is asked of a person instead.
    pub(crate) fn ask_person(
        &mut self,
        (r, slot): (usize, u32),
        asked: &Event,
        within: Span,
        out: &mut Vec<Event>,
    ) {
        let Event::StepIssued {
            intent,
            visit,
            position,
            attempt,
        } = *asked
        else {
            return;
        };
        #[cfg(feature = "planted-bugs")]
        if self.bug(crate::planted::Bug::HandworkIsRun) {
            self.emit(asked.clone(), out);
            return;
        }
        let due = self.now + within;
        self.emit(
            Event::WorkAsked {
                intent,
                visit,
                position,
                attempt,
                due,
            },
            out,
        );
        #[cfg(feature = "planted-bugs")]
        if self.bug(crate::planted::Bug::NobodyAwaited) {
            self.work_ended(intent, r, slot, &StepResult::Done, out);
        }
        #[cfg(not(feature = "planted-bugs"))]
        let _ = (r, slot);
    }

    /// The time that the work should take is over: it is told once, and nothing else follows.
    pub(crate) fn overdue(&mut self, r: usize, slot: u32, out: &mut Vec<Event>) {
        let record = self.rollouts[r].rec.slots[slot as usize];
        #[cfg(feature = "planted-bugs")]
        if self.bug(crate::planted::Bug::OverdueIsDone) {
            let intent = IntentId::new(self.rollouts[r].rec.id, Slot(slot), record.serial);
            self.work_ended(intent, r, slot, &StepResult::Done, out);
            return;
        }
        self.move_host(r, slot, record.state, Timestamp::NEVER, out);
    }

    /// What a host on which somebody is to work waits for; `others` are more such hosts.
    pub(crate) fn hand_waits(&self, r: usize, slot: u32, others: u32) -> Option<WaitingOn> {
        let rollout = &self.rollouts[r];
        let record = rollout.rec.slots[slot as usize];
        let HostState::ByHand {
            visit, position, ..
        } = record.state
        else {
            return None;
        };
        let StepPlan {
            step,
            more:
                More::Manual {
                    instructions,
                    evidence,
                },
            ..
        } = rollout.step(slot, visit, position)?
        else {
            return None;
        };
        let since = rollout.rec.by_hand.get(&slot)?.since?;
        Some(WaitingOn::ByHand {
            host: self.host_name(r, slot),
            work: instructions.clone(),
            since,
            due: since + step.timeout,
            overdue: record.until == Timestamp::NEVER,
            evidence: *evidence,
            outside: visit != VisitKind::Rollback && !self.may_work_now(r, slot),
            others,
        })
    }

    /// The first host of a rollout on which somebody is to work, with how many more there are.
    pub(crate) fn hands_wait(&self, r: usize) -> Option<WaitingOn> {
        let works = self.rollouts[r].rec.by_hand.iter();
        let mut asked = works.filter(|(_, work)| work.since.is_some());
        let (&first, _) = asked.next()?;
        let others = u32::try_from(asked.count()).unwrap_or(u32::MAX);
        self.hand_waits(r, first, others)
    }

    /// Steps that people are to do by hand and that nobody has told of yet.
    pub fn by_hand(&self) -> Vec<(IntentId, OrderView)> {
        let mut all = Vec::new();
        for (r, rollout) in self.rollouts.iter().enumerate() {
            for (&slot, work) in &rollout.rec.by_hand {
                let record = rollout.rec.slots[slot as usize];
                let Some((visit, position, attempt, ending)) =
                    record.state.visit().filter(|_| work.since.is_some())
                else {
                    continue;
                };
                let intent = IntentId::new(rollout.rec.id, Slot(slot), record.serial);
                let order = self.order_view((r, slot), visit, (position, attempt), ending);
                all.push((intent, order));
            }
        }
        all
    }

    /// How many hosts of a ring people work on by hand.
    pub(crate) fn hands_in(&self, r: usize, ring: usize) -> u32 {
        let works = self.rollouts[r].rec.by_hand.iter();
        let asked = works.filter(|(slot, work)| {
            work.since.is_some() && self.rollouts[r].ring_of(**slot) == ring
        });
        u32::try_from(asked.count()).unwrap_or(u32::MAX)
    }

    /// What was said last of work by hand on a host.
    pub(crate) fn told_view(&self, r: usize, slot: u32) -> Option<ToldView> {
        let word = self.rollouts[r].rec.by_hand.get(&slot)?.told.as_ref()?;
        Some(ToldView {
            told: word.told,
            by: word.by.0.clone(),
            at: word.at,
            reason: word.reason.clone(),
            evidence: word.exhibit.clone(),
        })
    }

    /// Somebody is to work on a slot's host from now on.
    pub(crate) fn fold_work_asked(&mut self, r: usize, slot: u32) {
        let since = Some(self.now);
        self.rollouts[r].rec.by_hand.entry(slot).or_default().since = since;
    }

    /// What was said is kept, until something else is.
    pub(crate) fn fold_told(&mut self, r: usize, slot: u32, saying: Saying<'_>) {
        let word = Word {
            at: self.now,
            by: saying.actor.clone(),
            told: saying.told,
            reason: saying.reason.to_owned(),
            exhibit: saying.exhibit.cloned(),
        };
        self.rollouts[r].rec.by_hand.entry(slot).or_default().told = Some(word);
    }

    /// Nobody is to work on a slot's host any more.
    pub(crate) fn nobody_works(&mut self, r: usize, slot: u32) {
        if let Some(work) = self.rollouts[r].rec.by_hand.get_mut(&slot) {
            work.since = None;
            if work.told.is_none() {
                self.rollouts[r].rec.by_hand.remove(&slot);
            }
        }
    }
}
