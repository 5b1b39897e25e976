//! What events do to what the care of a role is waited for: the part of `fold` about answers, silences and peers.

use ringway_model::{HostId, IntentId, StepKind, StepResult};

use crate::engine::{Engine, Fault};
use crate::rollout::Record;

/// A step is issued: where it runs must be what its plan says, and a silence is owed its end from now on.
pub(crate) fn care_issued(
    rec: &mut Record,
    intent: IntentId,
    kind: StepKind,
    at_peer: bool,
) -> Result<(), Fault> {
    let slot = intent.slot().0;
    let chosen = rec.peers.get(&slot).map(|(serial, _)| *serial);
    if at_peer != (chosen == Some(intent.serial())) {
        return Err(Fault::new(format!(
            "{intent} is issued, and where it runs is not what its plan says"
        )));
    }
    if kind == StepKind::Silence {
        rec.silenced.insert(slot);
    }
    Ok(())
}

impl Engine {
    /// A peer was chosen for the step that is issued next.
    pub(crate) fn fold_peer(&mut self, intent: IntentId, peer: HostId) -> Result<(), Fault> {
        let r = self.index_of(intent.rollout())?;
        self.check_slot(r, intent.slot().0)?;
        if peer.index() >= self.fleet.spec.hosts.len() {
            return Err(Fault::new(format!(
                "{intent} runs on unknown host {}",
                peer.0
            )));
        }
        let runs = (intent.serial(), peer);
        self.rollouts[r].rec.peers.insert(intent.slot().0, runs);
        Ok(())
    }

    /// What a result says of what the care of a role is waited for, and of its silence.
    pub(crate) fn note_care(
        &mut self,
        r: usize,
        slot: u32,
        (kind, attempt): (StepKind, u8),
        result: &StepResult,
    ) {
        let rec = &mut self.rollouts[r].rec;
        match result {
            StepResult::Answered { yes: true } if kind == StepKind::Ready => {
                rec.unready.remove(&slot);
            }
            // An earlier attempt may have silenced it all the same.
            StepResult::NotStarted | StepResult::Unreachable
                if kind == StepKind::Silence && attempt == 1 =>
            {
                rec.silenced.remove(&slot);
            }
            StepResult::Answered { .. }
            | StepResult::NotStarted
            | StepResult::Unreachable
            | StepResult::Done
            | StepResult::Found { .. }
            | StepResult::Back { .. }
            | StepResult::Failed(_)
            | StepResult::Protected { .. }
            | StepResult::Interrupted => {}
        }
    }
}
