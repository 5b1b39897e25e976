//! Where a rollout stands: what halts, goes on, goes back and ends.

use ringway_engine::{Final, HaltCause};
use ringway_model::RolloutId;

use super::facts::{Facts, Phase};
use super::{Broken, ensure};

impl Facts {
    pub(super) fn set_phase(&mut self, id: RolloutId, phase: Phase) -> Result<(), Broken> {
        // A soak stands still in a halt; it runs through a pause.
        if phase == Phase::Halted {
            self.soak_held(id)?;
        }
        let rollout = self.rollout_mut(id)?;
        ensure!(
            !rollout.phase.is_over(),
            Story,
            "{id} is over and becomes {phase:?}"
        );
        if matches!(
            phase,
            Phase::RollingBack | Phase::Cancelling | Phase::Superseding
        ) {
            rollout.soak = None;
        }
        rollout.phase = phase;
        Ok(())
    }

    pub(super) fn halted(&mut self, id: RolloutId, cause: &HaltCause) -> Result<(), Broken> {
        if let HaltCause::Failures {
            ring,
            failed,
            limit,
        } = cause
        {
            self.check_halt(id, ring.index(), *failed, *limit)?;
            self.counted.halts += 1;
        }
        self.set_phase(id, Phase::Halted)
    }

    pub(super) fn resumed(&mut self, id: RolloutId) -> Result<(), Broken> {
        let rollout = self.rollout_mut(id)?;
        ensure!(
            matches!(rollout.phase, Phase::Paused | Phase::Halted),
            Story,
            "{id} is resumed and was neither paused nor halted"
        );
        let (was, slots) = (rollout.phase, rollout.slots.len());
        rollout.phase = Phase::Advancing;
        for slot in 0..slots {
            if was == Phase::Halted && self.rollouts[&id].slots[slot].suspected {
                self.change(id, slot, |facts| {
                    facts.forgiven = true;
                    facts.accepted |= facts.blamed;
                });
            }
        }
        Ok(())
    }

    /// A no: the rollout pauses and every yes to the same thing is void; before its start it ends.
    pub(super) fn declined(&mut self, id: RolloutId) -> Result<(), Broken> {
        let rollout = self.rollout_mut(id)?;
        rollout.decline();
        let phase = match rollout.phase {
            Phase::Proposed => Phase::Cancelling,
            Phase::Advancing
            | Phase::Paused
            | Phase::Halted
            | Phase::RollingBack
            | Phase::Cancelling
            | Phase::Superseding
            | Phase::Over => Phase::Paused,
        };
        self.set_phase(id, phase)
    }

    /// A rollout goes back; one that was over counts again.
    pub(super) fn rollback_began(&mut self, id: RolloutId) -> Result<(), Broken> {
        self.check_place_is_free(id)?;
        if self.rollout(id)?.phase.is_over() {
            let plan = self.rollout(id)?.plan.clone();
            let mut down = 0;
            for (index, slot) in plan.slots.iter().enumerate() {
                let record = self.rollouts[&id].slots[index];
                self.count_host(slot.host, &record, true);
                let host = &mut self.hosts[slot.host.index()];
                host.seats.push((
                    id,
                    u32::try_from(index).expect("slots are numbered in 32 bits"),
                ));
                down += u32::from(host.is_down());
            }
            let rollout = self.rollout_mut(id)?;
            rollout.down = down;
            rollout.phase = Phase::RollingBack;
            if plan.fleet != self.fleet_digest {
                self.count_anew();
            }
            return Ok(());
        }
        self.set_phase(id, Phase::RollingBack)
    }

    pub(super) fn finished(&mut self, id: RolloutId, how: Final) -> Result<(), Broken> {
        self.check_end(id, how)?;
        let plan = self.rollout_mut(id)?.plan.clone();
        // A rollout that is over takes nobody down: its hosts give back what they counted for.
        for (index, slot) in plan.slots.iter().enumerate() {
            let record = self.rollouts[&id].slots[index];
            self.count_host(slot.host, &record, false);
            self.hosts[slot.host.index()]
                .seats
                .retain(|(rollout, _)| *rollout != id);
        }
        if self.rollout(id)?.opened > 0 {
            self.forget_unwatched(&plan);
        }
        let rollout = self.rollout_mut(id)?;
        rollout.phase = Phase::Over;
        rollout.how = Some(how);
        rollout.soak = None;
        Ok(())
    }
}
