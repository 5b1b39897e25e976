//! Whether a row fits the state: bytes on a disk may say anything, and what does not fit is refused before it is folded.

use ringway_model::RolloutId;

use crate::engine::{Engine, Fault};
use crate::event::Event;

/// The rollout that goes on by this event, which it only does while it is not over.
fn of_open(event: &Event) -> Option<RolloutId> {
    if let Event::Declined { rollout, .. }
    | Event::RingOpened { rollout, .. }
    | Event::SoakBegan { rollout, .. }
    | Event::SoakHeld { rollout }
    | Event::SoakContinued { rollout }
    | Event::SoakEnded { rollout }
    | Event::Promoted { rollout, .. }
    | Event::Paused { rollout, .. }
    | Event::Halted { rollout, .. }
    | Event::Resumed { rollout, .. }
    | Event::CancelBegan { rollout, .. }
    | Event::Finished { rollout, .. } = event
    {
        Some(*rollout)
    } else {
        None
    }
}

impl Engine {
    /// A rollout that is over does not go on.
    pub(crate) fn check_goes_on(&self, event: &Event) -> Result<(), Fault> {
        let Some(rollout) = of_open(event) else {
            return Ok(());
        };
        if self.rollouts[self.index_of(rollout)?].rec.state.is_final() {
            return Err(Fault::new(format!("{rollout} is over, and goes on")));
        }
        Ok(())
    }

    pub(crate) fn check_slot(&self, r: usize, slot: u32) -> Result<(), Fault> {
        if (slot as usize) < self.rollouts[r].rec.slots.len() {
            Ok(())
        } else {
            Err(Fault::new(format!(
                "slot {slot} of {} is unknown",
                self.rollouts[r].rec.id
            )))
        }
    }

    /// A rollout that is over has no counts any more that a host could change.
    pub(crate) fn check_open(&self, r: usize, slot: u32) -> Result<(), Fault> {
        self.check_slot(r, slot)?;
        let record = &self.rollouts[r].rec;
        if record.state.is_final() {
            let id = record.id;
            return Err(Fault::new(format!(
                "{id} is over, and its slot {slot} moves"
            )));
        }
        Ok(())
    }
}
