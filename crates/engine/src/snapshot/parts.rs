//! The parts of a snapshot that stand behind the rest, put where they belong. What is not of this fleet, its rollouts or their plans
//! is a fault.

use super::{Cares, Terms, Words};
use crate::engine::{Engine, Fault};
use crate::protection::{Key, Protection};

impl Engine {
    pub(super) fn take_protections(
        &mut self,
        protections: Vec<(Key, Protection)>,
    ) -> Result<(), Fault> {
        for (key, protection) in protections {
            let rollout = self.rollouts.get(key.0 as usize);
            if rollout.is_none_or(|rollout| key.1 as usize >= rollout.rec.slots.len()) {
                return Err(Fault::new("the snapshot misses a rollout or a slot"));
            }
            self.protections.of.insert(key, protection);
        }
        self.place_protections();
        Ok(())
    }

    /// What the care of roles is waited for, as a snapshot has it.
    pub(super) fn take_cares(&mut self, cares: Cares) -> Result<(), Fault> {
        let missing = || Fault::new("the snapshot misses a rollout");
        for (index, unready) in cares.unready {
            let rollout = self.rollouts.get_mut(index as usize);
            rollout.ok_or_else(missing)?.rec.unready = unready;
        }
        for (index, silenced) in cares.silenced {
            let rollout = self.rollouts.get_mut(index as usize);
            rollout.ok_or_else(missing)?.rec.silenced = silenced;
        }
        for (index, peers) in cares.peers {
            let hosts = self.fleet.spec.hosts.len();
            if peers.values().any(|(_, peer)| peer.index() >= hosts) {
                return Err(Fault::new("the snapshot is of another fleet"));
            }
            let rollout = self.rollouts.get_mut(index as usize);
            rollout.ok_or_else(missing)?.rec.peers = peers;
        }
        Ok(())
    }

    /// What people said of single hosts, as a snapshot has it.
    pub(super) fn take_words(&mut self, words: Words) -> Result<(), Fault> {
        for (host, kind, hold) in words.holds {
            if host.index() >= self.fleet.spec.hosts.len() {
                return Err(Fault::new("the snapshot is of another fleet"));
            }
            self.holds.insert(host, kind, hold);
        }
        for (index, skipped) in words.skipped {
            let rollout = self.rollouts.get_mut(index as usize);
            let rollout = rollout.ok_or_else(|| Fault::new("the snapshot misses a rollout"))?;
            rollout.rec.skipped = skipped;
        }
        for (index, again) in words.again {
            let rollout = self.rollouts.get_mut(index as usize);
            let rollout = rollout.ok_or_else(|| Fault::new("the snapshot misses a rollout"))?;
            rollout.rec.again = again;
        }
        for (index, calendar) in words.calendars {
            let rollout = self.rollouts.get_mut(index as usize);
            let rollout = rollout.ok_or_else(|| Fault::new("the snapshot misses a rollout"))?;
            if calendar.tables.len() != rollout.plan.rules().count() {
                return Err(Fault::new("the snapshot is of another plan"));
            }
            rollout.rec.calendar = Some(calendar);
        }
        Ok(())
    }

    /// What the terms of plans have come to, as a snapshot has it.
    pub(super) fn take_terms(&mut self, terms: Terms) -> Result<(), Fault> {
        for (index, terms) in terms {
            let rollout = self.rollouts.get_mut(index as usize);
            let rollout = rollout.ok_or_else(|| Fault::new("the snapshot misses a rollout"))?;
            let gates = rollout.plan.terms.external.len();
            if !rollout.rec.state.is_final() && terms.gates.len() != gates {
                return Err(Fault::new("the snapshot is of another plan"));
            }
            rollout.rec.terms = terms;
        }
        for r in 0..self.rollouts.len() {
            self.refresh_effective(r);
        }
        Ok(())
    }
}
