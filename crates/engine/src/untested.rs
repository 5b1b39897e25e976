//! A person's word that a kind of host may go on although too little is known of it: whose word counts, and what it voids.
//!
//! It is of one stratum of one rollout, by those who may let the ring begin that comes to it first. Whoever said yes to such a
//! ring before that expected it to wait, and is asked again.

use std::collections::BTreeSet;

use ringway_model::{Actor, RingIndex, RolloutId};

use crate::command::{Rejected, Subject};
use crate::consent::check_length;
use crate::coverage::Untested;
use crate::engine::{Engine, Fault};
use crate::event::Event;
use crate::rollout::{Rollout, RolloutState};

impl Engine {
    /// A person lets a stratum go on although too little is known of it.
    pub(crate) fn accept_untested(
        &mut self,
        r: usize,
        actor: &Actor,
        (name, reason): (&str, &str),
        out: &mut Vec<Event>,
    ) -> Result<(), Rejected> {
        let rollout = self.rollouts[r].rec.id;
        let ring = self.may_be_accepted(r, actor, name, reason)?;
        let known = self.rollouts[r].rec.coverage.accepted.get(name);
        if known.is_some_and(|known| known.by == *actor && known.reason == reason) {
            return Ok(());
        }
        let event = Event::UntestedAccepted {
            rollout,
            stratum: name.to_owned(),
            actor: actor.clone(),
            reason: reason.to_owned(),
        };
        self.emit(event, out);
        // Whoever said yes before expected that the ring would wait for what is now taken for granted.
        let given = self.rollouts[r].rec.approvals.iter();
        let given: Vec<(Subject, Actor)> = given
            .filter(|yes| yes.subject != Subject::Start && yes.subject.next() >= ring)
            .map(|yes| (yes.subject, yes.actor.clone()))
            .collect();
        for (subject, actor) in given {
            let why = format!("`{name}` was accepted untested since it was given");
            self.void(r, subject, actor, why, out);
        }
        Ok(())
    }

    /// The first ring that has hosts to come of a stratum which this person may accept untested.
    fn may_be_accepted(
        &self,
        r: usize,
        actor: &Actor,
        name: &str,
        reason: &str,
    ) -> Result<usize, Rejected> {
        let Rollout { rec, idx, plan, .. } = &self.rollouts[r];
        let (rollout, word) = (rec.id, rec.state.word());
        let is_at_a_ring = match rec.state {
            RolloutState::Advancing(_) | RolloutState::Paused { .. } | RolloutState::Proposed => {
                true
            }
            RolloutState::Halted { .. }
            | RolloutState::RollingBack
            | RolloutState::Superseding { .. }
            | RolloutState::Superseded { .. }
            | RolloutState::Cancelling
            | RolloutState::Completed
            | RolloutState::RolledBack
            | RolloutState::Cancelled => false,
        };
        if !is_at_a_ring {
            let why = format!("rollout {rollout} is {word}");
            let hint = "nothing of it waits for evidence";
            return Err(Rejected::new("wrong-state", why, hint));
        }
        let Some(evidence) = &plan.evidence else {
            let why = format!("policy `{}` asks for no evidence", plan.policy);
            let hint = "nothing of the rollout waits for it";
            return Err(Rejected::new("not-allowed", why, hint));
        };
        if reason.trim().is_empty() {
            let why = "going on without evidence needs a reason";
            return Err(Rejected::new("reason-missing", why, "say why: `--reason`"));
        }
        check_length(reason, "reason")?;
        let number = evidence.strata.names.iter().position(|known| known == name);
        let number = number.and_then(|number| u16::try_from(number).ok());
        let lacking = |ring: usize| self.lacking(r, ring);
        let mut rings = idx.coverage.later_rings();
        let Some(number) = number else {
            let all: BTreeSet<u16> = rings.flat_map(lacking).collect();
            let all = all.into_iter().take(8);
            let names: Vec<String> = all.map(|one| format!("`{}`", evidence.name(one))).collect();
            let hint = match names.as_slice() {
                [] => "every stratum to come has its evidence".to_owned(),
                names => format!("those that lack evidence: {}", names.join(", ")),
            };
            let why = format!("rollout {rollout} has no stratum `{name}`");
            return Err(Rejected::new("not-found", why, &hint));
        };
        let Some(ring) = rings.find(|ring| idx.coverage.to_come(*ring, number) > 0) else {
            let why = format!("no host of `{name}` is to come in rollout {rollout}");
            return Err(Rejected::new(
                "wrong-state",
                why,
                "there is nothing to accept",
            ));
        };
        if !self.lacks(r, evidence, number) && !rec.coverage.accepted.contains_key(name) {
            let why = format!("rollout {rollout} has its evidence of `{name}`");
            return Err(Rejected::new(
                "wrong-state",
                why,
                "there is nothing to accept",
            ));
        }
        // It is for those to say who would let the ring begin.
        let before = RingIndex::at(ring - 1);
        if let Some(rule) = self.rule(r, Subject::Promotion { ring: before }) {
            self.may_approve(r, rule, actor)?;
        }
        Ok(ring)
    }

    /// A person's word was given.
    pub(crate) fn fold_untested(
        &mut self,
        rollout: RolloutId,
        (stratum, actor, reason): (&str, &Actor, &str),
    ) -> Result<(), Fault> {
        let r = self.index_of(rollout)?;
        let untested = Untested {
            by: actor.clone(),
            reason: reason.to_owned(),
            at: self.now,
        };
        let accepted = &mut self.rollouts[r].rec.coverage.accepted;
        accepted.insert(stratum.to_owned(), untested);
        Ok(())
    }
}
