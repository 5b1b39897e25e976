//! A new rollout: whether it may exist, and which one is meant where it is asked for again.
//!
//! It decides nothing about what the rollout then does.
//!
//! # Invariants
//!
//! * The same key is the same rollout for ever, over or not, whatever plan comes with it.
//! * A rollout has the ticket it was proposed with, and never another one.

use ringway_model::{Actor, ChangeId, Digest, RolloutId};
use ringway_scheduler::Plan;

use crate::command::{Command, Rejected};
use crate::consent::check_length;
use crate::engine::Engine;
use crate::event::Event;
use crate::rollout::Record;

/// What a caller calls the rollout it asks for.
#[derive(Clone, Copy)]
pub(crate) struct Asked<'a> {
    pub(crate) key: Option<&'a str>,
    pub(crate) change: Option<&'a ChangeId>,
    /// Why it hurries, where it is in a lane.
    pub(crate) reason: Option<&'a str>,
}

/// A plan that begins with the parts in which another rollout left the fleet takes the place of that one, or is none.
fn refuse_superseding(plan: &Plan) -> Result<(), Rejected> {
    let Some(supersedes) = &plan.supersedes else {
        return Ok(());
    };
    let why = format!("the plan supersedes rollout {}", supersedes.rollout);
    let hint = "`ringway supersede` carries it out";
    Err(Rejected::new("wrong-state", why, hint))
}

/// The longest name of a request, in bytes: it is kept for ever, and shown in one line.
const LONGEST_KEY: usize = 256;

fn is_bad_key(key: &str) -> bool {
    key.trim().is_empty() || key.len() > LONGEST_KEY || key.chars().any(char::is_control)
}

impl Record {
    /// The rollout for a caller who asks for it again by its key. One that calls it by another ticket means another rollout.
    fn goes_by(&self, change: Option<&ChangeId>) -> Result<RolloutId, Rejected> {
        let Some(wanted) = change.filter(|change| self.change.as_ref() != Some(change)) else {
            return Ok(self.id);
        };
        let id = self.id;
        let own = self.change.as_ref().map_or_else(
            || "has no change".to_owned(),
            |change| format!("has change {change}"),
        );
        Err(Rejected::new(
            "another-change",
            format!("{id} has this key and {own}, not {wanted}"),
            "the change of a rollout is said when it is proposed; another rollout needs another key",
        ))
    }
}

impl Engine {
    /// A command that asks for a new rollout; any other is none of this module's business.
    pub(crate) fn asked_for(
        &mut self,
        actor: &Actor,
        command: &Command,
        out: &mut Vec<Event>,
    ) -> Result<Option<RolloutId>, Rejected> {
        if let Command::Propose { fleet, plan, key } = command {
            let asked = Asked {
                key: key.as_deref(),
                change: None,
                reason: None,
            };
            return self.propose(actor, *fleet, *plan, asked, out).map(Some);
        }
        if let Command::ProposeAs {
            fleet,
            plan,
            key,
            change,
        } = command
        {
            let asked = Asked {
                key: key.as_deref(),
                change: Some(change),
                reason: None,
            };
            return self.propose(actor, *fleet, *plan, asked, out).map(Some);
        }
        if let Command::ProposeIn {
            fleet,
            plan,
            key,
            change,
            reason,
        } = command
        {
            let asked = Asked {
                key: key.as_deref(),
                change: change.as_ref(),
                reason: Some(reason),
            };
            return self.propose(actor, *fleet, *plan, asked, out).map(Some);
        }
        Ok(None)
    }

    /// The rollout that a caller asked for before by the same key.
    pub(crate) fn known_by(&self, asked: Asked<'_>) -> Option<Result<RolloutId, Rejected>> {
        let key = asked.key?;
        let mut rollouts = self.rollouts.iter();
        let known = rollouts.find(|rollout| rollout.rec.key.as_deref() == Some(key))?;
        Some(known.rec.goes_by(asked.change))
    }

    /// Whether a plan is known, and for this fleet.
    pub(crate) fn check_plan(&self, fleet: Digest, plan: Digest) -> Result<(), Rejected> {
        let (Some(_), Some(known)) = (self.fleets.get(&fleet), self.plans.get(&plan)) else {
            return Err(Rejected::new(
                "not-found",
                "its documents are not registered",
                "propose it with its documents",
            ));
        };
        let changed = |why| Err(Rejected::new("fleet-changed", why, "make a new plan"));
        if known.fleet != fleet {
            return changed("the plan was made for another fleet");
        }
        if !self.knows_all_of(known) {
            return changed("the plan names hosts or probes that its fleet does not have");
        }
        Ok(())
    }

    fn propose(
        &mut self,
        actor: &Actor,
        fleet: Digest,
        plan: Digest,
        asked: Asked<'_>,
        out: &mut Vec<Event>,
    ) -> Result<RolloutId, Rejected> {
        if let Some(known) = self.known_by(asked) {
            return known;
        }
        self.check_plan(fleet, plan)?;
        if let Some(known) = self.plans.get(&plan) {
            refuse_superseding(known)?;
        }
        self.begin(actor, fleet, plan, asked, out)
    }

    /// Makes a rollout of a plan that is known and checked, if there may be one.
    pub(crate) fn begin(
        &mut self,
        actor: &Actor,
        fleet: Digest,
        plan: Digest,
        Asked {
            key,
            change,
            reason,
        }: Asked<'_>,
        out: &mut Vec<Event>,
    ) -> Result<RolloutId, Rejected> {
        if key.is_some_and(is_bad_key) {
            return Err(Rejected::new(
                "bad-key",
                format!("a key has 1 to {LONGEST_KEY} characters, and none that a terminal obeys"),
                "for example `change-4711`",
            ));
        }
        let mut lane = None;
        if let Some(known) = self.plans.get(&plan) {
            self.refuses_poisoned(known)?;
            lane = known.lane.as_ref().map(|lane| lane.name.clone());
        }
        if lane.is_none() && reason.is_some() {
            let why = "a reason is said for a lane, and the plan is made in none";
            return Err(Rejected::new(
                "no-lane",
                why,
                "name the lane, or give no reason",
            ));
        }
        check_length(reason.unwrap_or_default(), "reason")?;
        if self.rollouts.len() as u64 >= u64::from(ringway_model::IntentId::MAX_ROLLOUT) {
            return Err(Rejected::new(
                "wrong-state",
                "this fleet has used up its rollout numbers",
                "begin a new data directory",
            ));
        }
        if self.fleet_digest != Some(fleet) {
            if self
                .rollouts
                .iter()
                .any(|rollout| !rollout.rec.state.is_final())
            {
                return Err(Rejected::new(
                    "fleet-changed",
                    "the fleet differs from the one that rollouts in flight run over",
                    "`ringway refresh` takes the change into them; then propose again",
                ));
            }
            self.errands_stay_known(fleet)?;
            self.emit(Event::FleetAdopted { fleet }, out);
        }
        let rollout = RolloutId(u32::try_from(self.rollouts.len() + 1).unwrap_or(u32::MAX));
        self.emit(
            Event::Proposed {
                rollout,
                plan,
                actor: actor.clone(),
                key: key.map(str::to_owned),
            },
            out,
        );
        if let Some(change) = change.cloned() {
            self.emit(Event::ChangeNamed { rollout, change }, out);
        }
        if let Some(lane) = lane {
            let event = Event::LaneEntered {
                rollout,
                lane,
                actor: actor.clone(),
                reason: reason.unwrap_or_default().to_owned(),
            };
            self.emit(event, out);
        }
        self.settle_exceptions(self.rollouts.len() - 1, None, out);
        Ok(rollout)
    }

    /// Hosts of another fleet have other numbers, and what runs outside of visits is known by them. A removal is known by its host's
    /// name, too, so that a fix need not wait until a queue of them is empty; one that runs at a peer is not.
    fn errands_stay_known(&self, fleet: Digest) -> Result<(), Rejected> {
        let Some(spec) = self.fleets.get(&fleet) else {
            return Ok(());
        };
        let is_known = |(r, slot): (usize, u32)| {
            let removed = self.removed_now(r, slot);
            removed.is_some_and(|(_, protection)| {
                !self.rollouts[r].rec.peers.contains_key(&slot)
                    && spec.hosts.iter().any(|host| host.name == protection.host)
            })
        };
        if spec.keeps_numbers_of(&self.fleet.spec)
            || self.fleet.errands.values().copied().all(is_known)
        {
            return Ok(());
        }
        Err(Rejected::new(
            "fleet-changed",
            "an errand still runs on a host of the fleet before",
            "propose again when it has ended; `ringway journal` shows it",
        ))
    }
}
