//! What people say of single hosts: not to be touched, left out, visited again. The facts that follow from it, and that
//! nothing else follows: a failure stays one (I12), a hold ends when it says (I14), and what was left out is no evidence.

use std::collections::BTreeMap;

use ringway_engine::{HoldKind, HostState};
use ringway_model::{HostId, RolloutId, Slot, Timestamp};
use ringway_scheduler::FleetSpec;

use super::facts::{Class, Facts, HostFacts};
use super::{Broken, ensure};

impl Facts {
    /// A person left a host out.
    pub(super) fn skipped(
        &mut self,
        id: RolloutId,
        slot: Slot,
        reason: &str,
    ) -> Result<(), Broken> {
        ensure!(
            !reason.trim().is_empty(),
            Story,
            "slot {} of {id} is left out without a reason",
            slot.0
        );
        let (rollout, index) = self.place(id, slot)?;
        let facts = rollout.slots[index];
        ensure!(
            facts.visit.is_none()
                && !facts.changed
                && matches!(
                    facts.rest,
                    HostState::Pending
                        | HostState::Offline
                        | HostState::Held
                        | HostState::OnHold
                        | HostState::Excepted
                        | HostState::CatchUp
                        | HostState::NotReady { .. }
                        | HostState::GoesLast { .. }
                ),
            I12,
            "slot {} of {id} is left out and is {:?}",
            slot.0,
            facts.rest
        );
        let now = self.now;
        self.change(id, index, |facts| {
            facts.rest = HostState::Skipped;
            facts.left_out = true;
            facts.since = now;
        });
        Ok(())
    }

    /// A person wants a host to be visited, or visited again.
    pub(super) fn retried(&mut self, id: RolloutId, slot: Slot) -> Result<(), Broken> {
        let (rollout, index) = self.place(id, slot)?;
        let facts = rollout.slots[index];
        ensure!(
            facts.visit.is_none()
                && matches!(
                    facts.rest,
                    HostState::Offline
                        | HostState::Skipped
                        | HostState::CatchUp
                        | HostState::NotReady { .. }
                        | HostState::GoesLast { .. }
                        | HostState::Failed { .. }
                        | HostState::Unhealthy { .. }
                        | HostState::Lost
                ),
            Story,
            "slot {} of {id} is to be visited again and is {:?}",
            slot.0,
            facts.rest
        );
        let (now, down) = (self.now, facts.is_down());
        self.change(id, index, |facts| {
            // What failed is as down as before; that it counts as failed does not change either.
            facts.rest = if facts.class() == Class::Withheld {
                HostState::RestartWithheld
            } else if down {
                HostState::Again
            } else {
                HostState::Pending
            };
            facts.unready = None;
            facts.left_out = false;
            facts.since = now;
        });
        Ok(())
    }

    /// Somebody asks a question about a rollout.
    pub(super) fn asked(&mut self, id: RolloutId, number: u32, text: &str) -> Result<(), Broken> {
        let rollout = self.rollout_mut(id)?;
        let last = rollout.questions.keys().next_back().copied().unwrap_or(0);
        ensure!(
            number == last + 1 && !text.trim().is_empty() && !rollout.phase.is_over(),
            Story,
            "question {number} of {id} comes after {last}, says nothing, or comes too late"
        );
        rollout.questions.insert(number, false);
        Ok(())
    }

    /// Somebody answers one.
    pub(super) fn answered(
        &mut self,
        id: RolloutId,
        number: u32,
        text: &str,
    ) -> Result<(), Broken> {
        let open = self.rollout_mut(id)?.questions.get_mut(&number);
        let Some(answered) = open.filter(|answered| !**answered) else {
            return Err((
                super::Invariant::Story,
                format!("question {number} of {id} is answered and is not open"),
            ));
        };
        ensure!(
            !text.trim().is_empty(),
            Story,
            "{id}: an answer says nothing"
        );
        *answered = true;
        Ok(())
    }

    /// A host is not to be touched.
    pub(super) fn held(
        &mut self,
        host: HostId,
        kind: HoldKind,
        reason: &str,
        until: Option<Timestamp>,
    ) -> Result<(), Broken> {
        ensure!(
            !reason.trim().is_empty(),
            Story,
            "host {} is held without a reason",
            host.0
        );
        ensure!(
            host.index() < self.hosts.len(),
            Story,
            "host {} is held and is none of the fleet",
            host.0
        );
        ensure!(
            until.is_none_or(|until| until > self.now),
            I14,
            "host {} is held until {until:?}, which has passed",
            host.0
        );
        self.with_holds(host, |holds| {
            holds.insert(kind, until);
        });
        Ok(())
    }

    /// A host may be touched again, as far as this kind of hold is concerned.
    pub(super) fn released(
        &mut self,
        host: HostId,
        kind: HoldKind,
        by_time: bool,
    ) -> Result<(), Broken> {
        let held = self
            .hosts
            .get(host.index())
            .and_then(|facts| facts.holds.get(&kind).copied());
        let Some(until) = held else {
            return Err((
                super::Invariant::Story,
                format!("host {} is released and was not held", host.0),
            ));
        };
        ensure!(
            !by_time || until.is_some_and(|until| until <= self.now),
            I4,
            "host {} is released by time and was to be held until {until:?}",
            host.0
        );
        self.with_holds(host, |holds| {
            holds.remove(&kind);
        });
        if kind == HoldKind::Maintenance {
            self.forget_evidence(host);
        }
        self.released.push(host);
        Ok(())
    }

    /// Changes what holds a host and keeps the counters true that depend on it.
    fn with_holds(
        &mut self,
        host: HostId,
        with: impl FnOnce(&mut BTreeMap<HoldKind, Option<Timestamp>>),
    ) {
        let was_able = self.is_able(host);
        let facts = &mut self.hosts[host.index()];
        let was_down = facts.is_down();
        for (kind, until) in &facts.holds {
            if let Some(until) = until {
                self.hold_ends.remove(&(*until, host, *kind));
            }
        }
        with(&mut facts.holds);
        for (kind, until) in &facts.holds {
            if let Some(until) = until {
                self.hold_ends.insert((*until, host, *kind));
            }
        }
        let is_down = facts.is_down();
        self.recount_down(host, was_down, is_down);
        self.recount_cell(host, was_able);
        self.look_at_coverage(host);
    }

    /// At the end of a batch no hold is in force whose time is over, and nobody waits for one that has ended.
    pub(super) fn check_holds(&mut self) -> Result<(), Broken> {
        for host in std::mem::take(&mut self.released) {
            let facts = &self.hosts[host.index()];
            if !facts.holds.is_empty() {
                continue;
            }
            for (id, slot) in &facts.seats {
                ensure!(
                    self.rollout(*id)?.slots[*slot as usize].rest != HostState::OnHold
                        || self.rollout(*id)?.slots[*slot as usize].visit.is_some(),
                    I14,
                    "slot {slot} of {id} is on hold and nothing holds host {}",
                    host.0
                );
            }
        }
        if let Some((until, host, _)) = self.hold_ends.first() {
            ensure!(
                *until > self.now,
                I14,
                "host {} is held although that was to end at {until}",
                host.0
            );
        }
        Ok(())
    }
}

/// The facts of a fleet's hosts when it takes another's place: what is held stays held, by its name.
pub(super) fn carried(
    hosts: &[HostFacts],
    before: Option<&FleetSpec>,
    after: &FleetSpec,
) -> Vec<HostFacts> {
    let mut fresh = vec![HostFacts::default(); after.hosts.len()];
    let Some(before) = before else {
        return fresh;
    };
    let held = hosts.iter().zip(&before.hosts);
    let mut held = held.filter(|(facts, _)| !facts.holds.is_empty()).peekable();
    if held.peek().is_none() {
        return fresh;
    }
    let names = after.hosts.iter().enumerate();
    let places: BTreeMap<&str, usize> = names.map(|(index, host)| (&*host.name, index)).collect();
    for (facts, spec) in held {
        if let Some(&index) = places.get(&*spec.name) {
            fresh[index].holds.clone_from(&facts.holds);
        }
    }
    fresh
}
