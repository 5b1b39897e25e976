//! Taking a rollout back: whether that may begin, and for which hosts it is still to be done.
//!
//! This module does not decide how a host goes back: that is a visit like others.
//!
//! # Invariants
//!
//! * What a later rollout has changed is not put back to what was there before it.
//! * A rollout that ran over another fleet is not taken back: its hosts are not known by their numbers any more.

use std::collections::BTreeMap;

use ringway_model::{Actor, RolloutId};

use crate::command::Rejected;
use crate::engine::Engine;
use crate::event::Event;
use crate::host::HostState;
use crate::rollout::{Rollout, RolloutState};

impl Engine {
    pub(crate) fn begin_rollback(
        &mut self,
        r: usize,
        actor: &Actor,
        reason: &str,
        out: &mut Vec<Event>,
    ) -> Result<(), Rejected> {
        let id = self.rollouts[r].rec.id;
        let hosts = self.rollouts[r].rec.slots.len();
        let in_visit = self.rollouts[r].idx.visiting > 0;
        if !in_visit
            && !(0..hosts)
                .any(|slot| self.can_roll_back(r, u32::try_from(slot).unwrap_or(u32::MAX)))
        {
            return nothing_to_roll_back(id).map(|_| ());
        }
        if let Some(later) = self.later_change(r) {
            let why = format!("rollout {later} has changed hosts of rollout {id} since");
            return Err(Rejected::new(
                "wrong-state",
                why,
                "roll that one back first",
            ));
        }
        if self.rollouts[r].rec.state.is_final() && !self.knows_hosts_of(r) {
            let why =
                format!("another fleet has taken the place of the one that rollout {id} ran over");
            return Err(Rejected::new(
                "fleet-changed",
                why,
                "start a rollout of the previous release instead",
            ));
        }
        let was_over = self.rollouts[r].rec.state.is_final();
        self.emit(
            Event::RollbackBegan {
                rollout: id,
                actor: actor.clone(),
                reason: reason.to_owned(),
            },
            out,
        );
        #[cfg(feature = "planted-bugs")]
        let was_over = was_over && !self.bug(crate::planted::Bug::RollbackMissesGone);
        if was_over {
            // Hosts came and went while nobody asked after it.
            self.leave_and_return(r, out);
        }
        self.take_back(r, out);
        Ok(())
    }

    /// Another rollout that has changed a host after this one did, and has not taken it back: what this one would put
    /// there is older than that.
    fn later_change(&self, r: usize) -> Option<RolloutId> {
        let changes = |rollout: &Rollout| {
            let spec = self.fleets.get(&rollout.plan.fleet)?;
            let slots = rollout
                .plan
                .slots
                .iter()
                .zip(&rollout.rec.slots)
                .enumerate();
            let changed = slots.filter_map(|(at, (slot, record))| {
                // By name, for another rollout may have run over a fleet in which its hosts have other numbers.
                let name = spec.hosts.get(slot.host.index())?.name.clone();
                let stands = record.state != HostState::RolledBack;
                stands.then_some((name, rollout.changed(at)?))
            });
            Some(changed.collect::<BTreeMap<_, _>>())
        };
        let mine = changes(&self.rollouts[r])?;
        self.rollouts
            .iter()
            .filter(|other| other.rec.id != self.rollouts[r].rec.id)
            .filter(|other| other.rec.state != RolloutState::RolledBack)
            .find(|other| {
                let theirs = changes(other).unwrap_or_default();
                let mut later = theirs.iter();
                later.any(|(host, order)| mine.get(host).is_some_and(|own| order > own))
            })
            .map(|other| other.rec.id)
    }

    pub(crate) fn rolls_back_more(&self, r: usize) -> bool {
        self.to_roll_back(r).next().is_some()
    }

    /// Slots that wait to be taken back, wherever they wait.
    pub(crate) fn to_roll_back(&self, r: usize) -> impl Iterator<Item = u32> {
        let idx = &self.rollouts[r].idx;
        let queued = idx
            .again
            .iter()
            .chain(&idx.parked_hosts)
            .chain(idx.parked_cells.values().flatten())
            .chain(idx.parked_peers.values().flatten())
            .chain(idx.parked_budgets.values().flatten());
        queued
            .copied()
            .filter(move |&slot| self.can_roll_back(r, slot))
    }
}

pub(crate) fn nothing_to_roll_back(id: RolloutId) -> Result<RolloutId, Rejected> {
    let hint = "hosts go back only to what `inspect` found before the update was applied";
    Err(Rejected::new(
        "nothing-to-roll-back",
        format!("no host of rollout {id} can be rolled back"),
        hint,
    ))
}
