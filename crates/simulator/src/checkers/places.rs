//! Where facts are found: a rollout by its number, a slot in it, what runs. Checks nothing but that they are there.

use ringway_model::{IntentId, RolloutId, Slot};

use super::facts::{Facts, RolloutFacts};
use super::{Broken, ensure};

impl Facts {
    pub(super) fn rollout_mut(&mut self, id: RolloutId) -> Result<&mut RolloutFacts, Broken> {
        if !self.touched.contains(&id) {
            self.touched.push(id);
        }
        self.rollouts
            .get_mut(&id)
            .ok_or_else(|| (super::Invariant::Story, format!("{id} does not exist")))
    }

    pub(super) fn rollout(&self, id: RolloutId) -> Result<&RolloutFacts, Broken> {
        self.rollouts
            .get(&id)
            .ok_or_else(|| (super::Invariant::Story, format!("{id} does not exist")))
    }

    /// The rollout and the slot, which must exist.
    pub(super) fn place(
        &self,
        id: RolloutId,
        slot: Slot,
    ) -> Result<(&RolloutFacts, usize), Broken> {
        let rollout = self.rollout(id)?;
        ensure!(
            slot.index() < rollout.slots.len(),
            Story,
            "{id} has no slot {}",
            slot.0
        );
        ensure!(
            !rollout.phase.is_over(),
            I12,
            "{id} is over and something happens to its slot {}",
            slot.0
        );
        Ok((rollout, slot.index()))
    }

    pub(super) fn outstanding(&self) -> Vec<IntentId> {
        self.hosts.iter().filter_map(|host| host.running).collect()
    }
}
