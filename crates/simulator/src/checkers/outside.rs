//! Hosts that somebody else changed: they are told apart from those that had the release before, prove nothing, and pause the
//! rollout where there are too many.

use ringway_engine::{HostState, Then};
use ringway_model::{HostId, IntentId, RolloutId, Slot, StepKind, StepResult, VisitKind};

use super::facts::{Facts, Phase, SlotFacts};
use super::{Broken, ensure};

impl Facts {
    /// Whether a rollout other than this one began to change a host, at any time.
    fn was_changed_elsewhere(&self, id: RolloutId, host: HostId) -> bool {
        let name = self
            .fleet
            .as_ref()
            .map(|fleet| &fleet.hosts[host.index()].name);
        let applied = name.and_then(|name| self.applied.get(name));
        applied.is_some_and(|rollouts| rollouts.iter().any(|other| *other != id))
    }

    /// Notes that a rollout begins to change a host.
    pub(super) fn note_applied(&mut self, id: RolloutId, host: HostId) {
        if let Some(fleet) = &self.fleet {
            let name = fleet.hosts[host.index()].name.clone();
            self.applied.entry(name).or_default().insert(id);
        }
    }

    /// What an inspection makes of a host that has the release: where an earlier one of this rollout found something else, and
    /// no rollout changed the host, somebody else did.
    pub(super) fn check_whose(
        &mut self,
        intent: IntentId,
        facts: &SlotFacts,
        result: &StepResult,
        then: Then,
    ) -> Result<(), Broken> {
        let Then::End { to, .. } = then else {
            return Ok(());
        };
        let (rollout, slot) = self.place(intent.rollout(), intent.slot())?;
        let host = rollout.plan.slots[slot].host;
        let elsewhere = self.was_changed_elsewhere(intent.rollout(), host);
        if to == HostState::Already {
            ensure!(
                !facts.looked || facts.changed || elsewhere,
                I11,
                "{intent} found the release, which was not there when it was looked at before, and it counts as if it had been"
            );
        }
        if to == HostState::ChangedOutside {
            let installed = matches!(
                result,
                StepResult::Found {
                    installed: true,
                    ..
                }
            );
            ensure!(
                installed && !facts.changed && (facts.looked || elsewhere),
                I11,
                "{intent} is told to be changed outside, and nothing says that it ever had anything else"
            );
            self.outside_untold.push((intent.rollout(), intent.slot()));
        }
        Ok(())
    }

    /// A host is told to be changed outside, with what was found.
    pub(super) fn changed_outside(&mut self, id: RolloutId, slot: Slot) -> Result<(), Broken> {
        let told = self.outside_untold.iter();
        let at = { told }.position(|untold| *untold == (id, slot));
        let Some(at) = at else {
            let what = format!(
                "slot {} of {id} is told to be changed outside and does not rest so",
                slot.0
            );
            return Err((super::Invariant::I11, what));
        };
        self.outside_untold.remove(at);
        let rollout = self.rollout_mut(id)?;
        rollout.outside += 1;
        if rollout.outside == rollout.plan.outside_pause_at + 1 && rollout.phase == Phase::Advancing
        {
            self.must_pause = Some(id);
        }
        Ok(())
    }

    /// At the end of a batch what was found is told, and what is one too many has paused its rollout.
    pub(super) fn check_outside(&mut self) -> Result<(), Broken> {
        let untold = self.outside_untold.first();
        ensure!(
            untold.is_none(),
            I12,
            "{untold:?} was changed outside, and nobody was told what was found"
        );
        if let Some(id) = self.must_pause.take() {
            let phase = self.rollout(id)?.phase;
            ensure!(
                phase != Phase::Advancing,
                I11,
                "{id} goes on although more of its hosts were changed outside than its policy lets pass"
            );
        }
        Ok(())
    }

    /// Whether a host waits in every rollout it is a target of, and none has begun to change it.
    pub(super) fn is_untouched(&self, host: HostId) -> bool {
        self.rollouts.values().all(|rollout| {
            let slots = rollout.plan.slots.iter().zip(&rollout.slots);
            let mut own = slots.filter(|(slot, _)| slot.host == host);
            own.all(|(_, facts)| facts.visit.is_none() && !facts.changed && waits(facts.rest))
        })
    }
}

/// Whether nothing was done on a host that rests so.
const fn waits(rest: HostState) -> bool {
    match rest {
        HostState::Pending
        | HostState::Offline
        | HostState::Held
        | HostState::OnHold
        | HostState::Skipped
        | HostState::Excepted
        | HostState::CatchUp => true,
        HostState::NotReady { visit } | HostState::GoesLast { visit } => {
            matches!(visit, VisitKind::Update)
        }
        HostState::Failed { step, .. } => {
            matches!(step, StepKind::Inspect | StepKind::Precheck)
        }
        HostState::Running { .. }
        | HostState::Ready { .. }
        | HostState::Backoff { .. }
        | HostState::ByHand { .. }
        | HostState::Settling
        | HostState::Updated
        | HostState::Already
        | HostState::ChangedOutside
        | HostState::RestartWithheld
        | HostState::Unhealthy { .. }
        | HostState::RolledBack
        | HostState::RollbackFailed { .. }
        | HostState::Lost
        | HostState::Again
        | HostState::Vanished => false,
    }
}
