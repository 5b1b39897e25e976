//! What the checkers say of rollouts and hosts, for comparison with what the decider says of them.

use ringway_engine::{Final, HostState};
use ringway_model::{HostId, HostOutcome, IntentId, RolloutId, VisitKind};

use super::facts::{Facts, Phase, RolloutFacts};
use super::hands::is_by_hand;
use super::starts::step_of;

impl RolloutFacts {
    /// The word for where it stands.
    pub(super) fn word(&self) -> &'static str {
        match self.phase {
            Phase::Proposed => "proposed",
            Phase::Advancing => "advancing",
            Phase::Paused => "paused",
            Phase::Halted => "halted",
            Phase::RollingBack => "rolling back",
            Phase::Cancelling => "cancelling",
            Phase::Superseding => "superseding",
            Phase::Over if self.superseded => "superseded",
            Phase::Over => match self.how {
                Some(Final::Completed) => "completed",
                Some(Final::RolledBack) => "rolled back",
                Some(Final::Cancelled) | None => "cancelled",
                Some(Final::Superseded) => "superseded",
            },
        }
    }

    /// What has become of a host.
    pub(super) fn outcome(&self, slot: usize) -> Option<HostOutcome> {
        let facts = self.slots.get(slot)?;
        if let Some(visit) = facts.visit {
            let (position, attempt) = visit.at;
            let step = step_of(self, slot, visit.kind, position)?;
            let by_hand = is_by_hand(step) && visit.running.is_some();
            let step = step.kind;
            if by_hand {
                let visit = visit.kind;
                return Some(HostOutcome::ByHand { visit, step });
            }
            return Some(HostOutcome::Visiting {
                visit: visit.kind,
                step,
                attempt,
            });
        }
        let is_left = matches!(
            facts.rest,
            HostState::Pending
                | HostState::Offline
                | HostState::Held
                | HostState::OnHold
                | HostState::Excepted
                | HostState::CatchUp
                | HostState::NotReady {
                    visit: VisitKind::Update
                }
                | HostState::GoesLast {
                    visit: VisitKind::Update
                }
        );
        if self.superseded && is_left {
            return Some(HostOutcome::Superseded);
        }
        Some(match facts.rest {
            HostState::Pending => HostOutcome::Pending,
            HostState::Settling => HostOutcome::Settling,
            HostState::Updated => HostOutcome::Updated,
            HostState::Already => HostOutcome::Already,
            HostState::RestartWithheld => HostOutcome::RestartWithheld,
            HostState::Failed { step, why } => HostOutcome::Failed { step, why },
            HostState::Unhealthy { why } => HostOutcome::Unhealthy { why },
            HostState::RolledBack => HostOutcome::RolledBack,
            HostState::RollbackFailed { step, why } => HostOutcome::RollbackFailed { step, why },
            HostState::Offline => HostOutcome::Offline,
            HostState::Held => HostOutcome::Held,
            HostState::Lost => HostOutcome::Lost,
            HostState::Skipped => HostOutcome::Skipped,
            HostState::OnHold => HostOutcome::OnHold,
            HostState::Again => HostOutcome::Again,
            HostState::Vanished => HostOutcome::Vanished,
            HostState::NotReady { .. } => HostOutcome::NotReady,
            HostState::GoesLast { .. } => HostOutcome::GoesLast,
            HostState::Excepted => HostOutcome::Excepted,
            HostState::CatchUp => HostOutcome::CatchUp,
            HostState::ChangedOutside => HostOutcome::ChangedOutside,
            HostState::Running { .. }
            | HostState::Ready { .. }
            | HostState::Backoff { .. }
            | HostState::ByHand { .. } => {
                return None;
            }
        })
    }
}

impl Facts {
    pub(super) fn is_repair(&self, intent: IntentId) -> bool {
        self.place(intent.rollout(), intent.slot())
            .ok()
            .and_then(|(rollout, slot)| rollout.slots[slot].visit)
            .is_some_and(|visit| visit.repair)
    }

    pub(super) fn is_first_down(&self, intent: IntentId) -> bool {
        self.place(intent.rollout(), intent.slot())
            .ok()
            .and_then(|(rollout, slot)| rollout.slots[slot].visit)
            .is_none_or(|visit| !visit.before.0)
    }

    /// The budgets that count a host: its own rollout's, and those of others that have begun and have it as a target.
    pub(super) fn budgets_over(
        &self,
        intent: IntentId,
        host: HostId,
    ) -> Vec<(RolloutId, u32, Vec<HostId>)> {
        let seats = self.hosts[host.index()].seats.iter();
        seats
            .filter_map(|(id, _)| {
                let rollout = self.rollouts.get(id)?;
                let limit = rollout.plan.budget_down?;
                let counts = *id == intent.rollout() || rollout.opened > 0;
                let targets = rollout.plan.slots.iter().map(|slot| slot.host).collect();
                counts.then_some((*id, limit, targets))
            })
            .collect()
    }
}
