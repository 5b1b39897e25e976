//! What events do to errands: a part of `fold`.

use ringway_model::{IntentId, Place, StepKind, StepResult, VisitKind};

use crate::engine::{Engine, Fault};
use crate::errand::{Runs, STAGE, Staged, UNPROTECT};
use crate::event::Then;
use crate::fold_care::care_issued;

impl Engine {
    /// An errand was decided.
    pub(crate) fn fold_errand(
        &mut self,
        intent: IntentId,
        (position, attempt): (u8, u8),
    ) -> Result<(), Fault> {
        let r = self.index_of(intent.rollout())?;
        let slot = intent.slot().0;
        self.check_slot(r, slot)?;
        let Some(step) = self.rollouts[r].step(slot, VisitKind::Errand, position) else {
            return Err(Fault::new(format!(
                "{intent} is an errand that its route does not have"
            )));
        };
        let (kind, at_peer) = (step.kind, step.step.at == Place::Peer);
        let host = if position == UNPROTECT {
            self.fold_removal(r, slot, attempt)?
        } else {
            self.host_of(r, slot)
        };
        let rec = &mut self.rollouts[r].rec;
        care_issued(rec, intent, kind, at_peer)?;
        let record = &mut rec.slots[slot as usize];
        #[cfg(feature = "planted-bugs")]
        let besides = matches!(
            self.planted,
            Some(crate::planted::Bug::ErrandBesideVisit | crate::planted::Bug::VisitBesideErrand)
        );
        #[cfg(not(feature = "planted-bugs"))]
        let besides = false;
        let runs_elsewhere = self.fleet.errands.contains_key(&host) && !besides;
        if intent.serial() != record.serial.wrapping_add(1)
            || record.state.visit().is_some()
            || runs_elsewhere
        {
            return Err(Fault::new(format!(
                "{intent} is issued while another step runs, or out of order"
            )));
        }
        record.serial = intent.serial();
        let runs = Runs {
            serial: intent.serial(),
            position,
            attempt,
        };
        rec.errands.running.insert(slot, runs);
        self.fleet.errands.insert(host, (r, slot));
        self.list_stage(r, slot);
        Ok(())
    }

    /// An errand ended.
    pub(crate) fn fold_errand_ended(
        &mut self,
        (r, slot): (usize, u32),
        result: &StepResult,
        then: Then,
    ) -> Result<(), Fault> {
        let running = &self.rollouts[r].rec.errands.running;
        let Some(&runs) = running.get(&slot) else {
            return Err(Fault::new("an errand ended that does not run"));
        };
        let host = self.errand_host(r, slot, runs.position);
        if runs.position == UNPROTECT {
            self.fold_removal_ended(r, slot, result, then)?;
        }
        let errands = &mut self.rollouts[r].rec.errands;
        errands.running.remove(&slot);
        self.fleet.errands.remove(&host);
        self.rollouts[r].rec.peers.remove(&slot);
        let errands = &mut self.rollouts[r].rec.errands;
        if runs.position == STAGE {
            let staged = match then {
                Then::Retry { attempt, at, .. } => Staged::Again { attempt, at },
                Then::Over if *result == StepResult::Done => Staged::Done,
                Then::Over => Staged::Failed {
                    why: match result {
                        StepResult::Failed(why) => Some(*why),
                        StepResult::Interrupted => Some(ringway_model::FailWhy::Interrupted),
                        StepResult::Done
                        | StepResult::Found { .. }
                        | StepResult::Back { .. }
                        | StepResult::Unreachable
                        | StepResult::NotStarted
                        | StepResult::Protected { .. }
                        | StepResult::Answered { .. } => None,
                    },
                },
                Then::Step { .. } | Then::End { .. } | Then::Nothing => {
                    return Err(Fault::new("a visit follows from the end of an errand"));
                }
            };
            errands.staged.insert(slot, staged);
            self.wake_staged(r, slot);
        }
        self.list_stage(r, slot);
        // Whoever waited for it is looked at again.
        for other in 0..self.rollouts.len() {
            if let Some(slot) = self.slot_of(other, host) {
                self.wake_parked_host(other, slot);
            }
        }
        Ok(())
    }

    /// A step of a visit ended well that an errand may have done before it.
    pub(crate) fn note_staged(&mut self, r: usize, slot: u32, kind: StepKind, result: &StepResult) {
        if kind == StepKind::Stage && *result == StepResult::Done {
            let errands = &mut self.rollouts[r].rec.errands;
            errands.staged.insert(slot, Staged::Done);
        }
    }

    /// Which errands run on which hosts, from the records.
    pub(crate) fn count_errands(&mut self) {
        self.fleet.errands.clear();
        for r in 0..self.rollouts.len() {
            let running = self.rollouts[r].rec.errands.running.iter();
            let running: Vec<(u32, u8)> =
                running.map(|(&slot, runs)| (slot, runs.position)).collect();
            for (slot, position) in running {
                let host = self.errand_host(r, slot, position);
                self.fleet.errands.insert(host, (r, slot));
            }
        }
    }
}
