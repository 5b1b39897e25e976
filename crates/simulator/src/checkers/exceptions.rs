//! Exceptions: nobody who is left out is visited, nobody is left out without one, and nobody is forgotten when it ends.

use std::collections::BTreeSet;

use ringway_engine::{Exception, HostState};
use ringway_model::{HostId, RolloutId, Selector, Timestamp, VisitKind};
use ringway_policy::validated::Excepts;

use super::facts::{Facts, Phase, RolloutFacts, SlotFacts, ring_of};
use super::{Broken, Invariant, ensure};

/// An exception, as far as rules ask for it.
#[derive(Clone, Debug)]
pub(super) struct InForce {
    hosts: Selector,
    /// Which updates; every one where there are none.
    updates: Option<BTreeSet<String>>,
    until: Timestamp,
}

/// Whether the rollout may still visit somebody for the update.
const fn takes_in(rollout: &RolloutFacts) -> bool {
    match rollout.phase {
        Phase::Proposed | Phase::Advancing | Phase::Paused | Phase::Halted => true,
        Phase::RollingBack | Phase::Cancelling | Phase::Superseding | Phase::Over => false,
    }
}

/// Whether a host is to be left out that rests so: it waits to be visited, for whatever reason.
fn waits(rest: HostState) -> bool {
    let of_update = VisitKind::Update;
    rest == HostState::Pending
        || rest == HostState::Offline
        || rest == HostState::Held
        || rest == HostState::OnHold
        || rest == HostState::CatchUp
        || rest == (HostState::NotReady { visit: of_update })
        || rest == (HostState::GoesLast { visit: of_update })
}

impl Facts {
    /// An exception is in force.
    pub(super) fn excepted(&mut self, exception: &Exception) -> Result<(), Broken> {
        let id = &exception.id;
        ensure!(
            exception.until > self.now,
            Excepted,
            "exception {id} begins and ended at {}",
            exception.until
        );
        ensure!(
            !exception.owner.trim().is_empty() && !exception.reason.trim().is_empty(),
            Story,
            "exception {id} has no owner or no reason"
        );
        let Ok(hosts) = Selector::parse(&exception.hosts) else {
            let what = format!("exception {id} is of hosts that nobody can tell");
            return Err((Invariant::Story, what));
        };
        let updates = match &exception.updates {
            Excepts::All => None,
            Excepts::Named(names) => Some(names.iter().cloned().collect()),
        };
        let in_force = InForce {
            hosts,
            updates,
            until: exception.until,
        };
        self.exceptions.insert(id.clone(), in_force);
        self.exceptions_changed = true;
        Ok(())
    }

    /// An exception is over.
    pub(super) fn exception_ended(
        &mut self,
        id: &str,
        by_time: bool,
        reason: &str,
    ) -> Result<(), Broken> {
        let Some(ended) = self.exceptions.remove(id) else {
            let what = format!("exception {id} ends and was not in force");
            return Err((Invariant::Story, what));
        };
        ensure!(
            !by_time || ended.until <= self.now,
            Excepted,
            "exception {id} ends by time before {}",
            ended.until
        );
        ensure!(
            by_time || !reason.trim().is_empty(),
            Story,
            "somebody ends exception {id} and does not say why"
        );
        self.exceptions_changed = true;
        Ok(())
    }

    /// The exception that leaves a host out of an update, if there is one.
    fn exception_over(&self, host: HostId, update: &str) -> Option<&str> {
        let spec = self.fleet.as_ref()?.hosts.get(host.index())?;
        let mut all = self.exceptions.iter();
        let found = all.find(|(_, one)| {
            let of_update = one.updates.as_ref();
            of_update.is_none_or(|names| names.contains(update))
                && one.hosts.matches(&spec.name, &spec.labels)
        });
        found.map(|(id, _)| id.as_str())
    }

    fn exception_of(&self, id: RolloutId, slot: usize) -> Result<Option<&str>, Broken> {
        let plan = &self.rollout(id)?.plan;
        Ok(self.exception_over(plan.slots[slot].host, &plan.update))
    }

    /// What leaves a host out, if anything does: an exception, or an advisory.
    fn left_out_by(&self, id: RolloutId, slot: usize) -> Result<Option<&str>, Broken> {
        let advisory = self.advisory_over(self.rollout(id)?, slot);
        Ok(self.exception_of(id, slot)?.or(advisory))
    }

    /// A visit for an update begins: nobody may have left its host out.
    pub(super) fn check_not_excepted(&self, id: RolloutId, slot: usize) -> Result<(), Broken> {
        if let Some(exception) = self.exception_of(id, slot)? {
            let what = format!(
                "a visit of slot {slot} of {id} begins, which exception {exception} leaves out"
            );
            return Err((Invariant::Excepted, what));
        }
        Ok(())
    }

    /// A host is told to be left out.
    pub(super) fn check_excepted(
        &self,
        id: RolloutId,
        slot: usize,
        facts: &SlotFacts,
    ) -> Result<(), Broken> {
        ensure!(
            self.left_out_by(id, slot)?.is_some(),
            Excepted,
            "slot {slot} of {id} is left out and neither an exception nor an advisory says so"
        );
        ensure!(
            facts.visit.is_some() || waits(facts.rest),
            Excepted,
            "slot {slot} of {id} is {:?} and left out all the same",
            facts.rest
        );
        Ok(())
    }

    /// A host is told to catch up: it was left out while its ring was promoted, and the last ring is to come.
    pub(super) fn check_to_catch_up(
        &self,
        id: RolloutId,
        slot: usize,
        facts: &SlotFacts,
    ) -> Result<(), Broken> {
        let rollout = self.rollout(id)?;
        ensure!(
            facts.visit.is_none()
                && facts.rest == HostState::Excepted
                && self.left_out_by(id, slot)?.is_none()
                && ring_of(&rollout.plan, slot) < rollout.promoted
                && rollout.opened < rollout.plan.rings.len(),
            Excepted,
            "slot {slot} of {id} is to catch up and has nothing to catch up with"
        );
        Ok(())
    }

    /// A host waits to be visited again: one that was left out does so only when nothing leaves it out any more, and after
    /// its ring was promoted only with the last one.
    pub(super) fn check_readmitted(
        &self,
        id: RolloutId,
        slot: usize,
        facts: &SlotFacts,
    ) -> Result<(), Broken> {
        let was_aside = matches!(facts.rest, HostState::Excepted | HostState::CatchUp);
        if facts.visit.is_some() || !was_aside {
            return Ok(());
        }
        let rollout = self.rollout(id)?;
        let is_late = ring_of(&rollout.plan, slot) < rollout.promoted;
        ensure!(
            self.left_out_by(id, slot)?.is_none(),
            Excepted,
            "slot {slot} of {id} is to be visited and an exception or an advisory leaves it out"
        );
        ensure!(
            !is_late || rollout.opened == rollout.plan.rings.len(),
            Excepted,
            "slot {slot} of {id} is visited out of turn: its ring was promoted without it"
        );
        Ok(())
    }

    /// What must be so at the end of a batch in which exceptions, advisories, the fleet or the rollouts changed.
    pub(super) fn check_exceptions(&mut self) -> Result<(), Broken> {
        let over = self.exceptions.iter();
        let mut over = over.filter(|(_, one)| one.until <= self.now);
        if let Some((id, one)) = over.next() {
            let what = format!("exception {id} is in force and ended at {}", one.until);
            return Err((Invariant::Excepted, what));
        }
        if !std::mem::take(&mut self.exceptions_changed) {
            return Ok(());
        }
        for (id, rollout) in &self.rollouts {
            if !takes_in(rollout) {
                continue;
            }
            for (slot, facts) in rollout.slots.iter().enumerate() {
                if facts.visit.is_some() {
                    continue;
                }
                let over = self.exception_over(rollout.plan.slots[slot].host, &rollout.plan.update);
                let over = over.or_else(|| self.advisory_over(rollout, slot));
                ensure!(
                    over.is_none() || !waits(facts.rest),
                    Excepted,
                    "slot {slot} of {id} is {:?} although {over:?} leaves it out",
                    facts.rest
                );
                ensure!(
                    over.is_some() || facts.rest != HostState::Excepted,
                    Excepted,
                    "slot {slot} of {id} is left out and what did that is over"
                );
                ensure!(
                    facts.rest != HostState::CatchUp || rollout.opened < rollout.plan.rings.len(),
                    Excepted,
                    "slot {slot} of {id} is to catch up and the last ring is open"
                );
            }
        }
        Ok(())
    }
}

/// Whoever is to catch up was visited before the rollout is complete.
pub(super) fn check_caught_up(id: RolloutId, rollout: &RolloutFacts) -> Result<(), Broken> {
    let mut left = rollout.slots.iter().enumerate();
    let left = left.find(|(_, facts)| facts.rest == HostState::CatchUp && facts.visit.is_none());
    ensure!(
        left.is_none(),
        I12,
        "{id} is completed and slot {} was to catch up",
        left.map_or(0, |(slot, _)| slot)
    );
    Ok(())
}
