//! Going on from ring to ring: I1, I11 and I12 where a ring opens, soaks, is promoted, and where a rollout ends; and that
//! a rollout halts on exactly the failure its policy says.

use ringway_engine::{Final, HostState, Subject};
use ringway_model::{RingIndex, RolloutId, Slot, Timestamp, VisitKind};

use super::facts::{Facts, Phase, RolloutFacts, Soak};
use super::{Broken, ensure};

impl Facts {
    pub(super) fn ring_opened(&mut self, id: RolloutId, ring: usize) -> Result<(), Broken> {
        let held = self.stopped || self.faulted;
        let rollout = self.rollout(id)?;
        ensure!(
            ring == rollout.opened && ring == rollout.promoted && ring < rollout.rings.len(),
            I1,
            "{id} opens ring {ring} after {} were opened and {} promoted",
            rollout.opened,
            rollout.promoted
        );
        ensure!(
            !held && matches!(rollout.phase, Phase::Proposed | Phase::Advancing),
            I4,
            "{id} opens ring {ring} in a scope that is held"
        );
        if ring == 0 {
            rollout.check_gates(&format!("{id} begins"))?;
            self.check_approvals(id, Subject::Start)?;
        }
        self.check_ring_covered(id, ring)?;
        let rollout = self.rollout_mut(id)?;
        rollout.opened += 1;
        rollout.phase = Phase::Advancing;
        rollout.soak = None;
        Ok(())
    }

    pub(super) fn soak_began(&mut self, id: RolloutId, ring: usize) -> Result<(), Broken> {
        let now = self.now;
        // Whose restart only an advisory keeps away is not waited for.
        let kept = self.restarts_kept(id, ring);
        let rollout = self.rollout_mut(id)?;
        let counts = &rollout.rings[ring];
        ensure!(
            ring + 1 == rollout.opened && ring == rollout.promoted,
            I1,
            "{id} soaks ring {ring}, which is not the open one"
        );
        ensure!(
            counts.pending == 0 && counts.moving == 0 && counts.withheld == kept,
            I11,
            "{id} soaks ring {ring} with {} hosts to come, {} in flight and {} withheld",
            counts.pending,
            counts.moving,
            counts.withheld
        );
        check_somebody(id, rollout, ring)?;
        rollout.soak = Some(Soak {
            ring,
            accrued: ringway_model::Span::ZERO,
            worked: ringway_model::Span::ZERO,
            since: Some(now),
            ended: false,
        });
        Ok(())
    }

    pub(super) fn soak_held(&mut self, id: RolloutId) -> Result<(), Broken> {
        let now = self.now;
        let rollout = self.rollout_mut(id)?;
        rollout.credit(now);
        Ok(())
    }

    pub(super) fn soak_continued(&mut self, id: RolloutId) -> Result<(), Broken> {
        let now = self.now;
        let rollout = self.rollout_mut(id)?;
        let Some(soak) = &mut rollout.soak else {
            return Err((
                super::Invariant::Story,
                format!("{id} continues a soak that never began"),
            ));
        };
        soak.since.get_or_insert(now);
        Ok(())
    }

    pub(super) fn soak_ended(&mut self, id: RolloutId) -> Result<(), Broken> {
        let now = self.now;
        let rollout = self.rollout_mut(id)?;
        rollout.credit(now);
        let Some(soak) = rollout.soak else {
            return Err((
                super::Invariant::Story,
                format!("{id} ends a soak that never began"),
            ));
        };
        let plan = &rollout.plan.rings[soak.ring];
        let worked = rollout.working_wanted(soak.ring);
        ensure!(
            plan.planned == 0 || soak.accrued >= plan.soak && soak.worked >= worked,
            I11,
            "{id} ends the soak of ring {} after {} of observation, {} of it in working time; its policy says {}, and {worked}",
            soak.ring,
            soak.accrued,
            soak.worked,
            plan.soak
        );
        rollout.soak = Some(Soak {
            ended: true,
            since: None,
            ..soak
        });
        Ok(())
    }

    pub(super) fn promoted(&mut self, id: RolloutId, ring: usize) -> Result<(), Broken> {
        self.counted.promotions += 1;
        let held = self.stopped || self.faulted;
        let rollout = self.rollout(id)?;
        ensure!(
            ring == rollout.promoted && ring + 1 == rollout.opened,
            I1,
            "{id} promotes ring {ring} after {} were promoted and {} opened",
            rollout.promoted,
            rollout.opened
        );
        ensure!(
            !held && rollout.phase == Phase::Advancing,
            I4,
            "{id} promotes ring {ring} in a scope that is held"
        );
        // A ring without hosts has nothing to observe.
        if rollout.plan.rings[ring].planned > 0 {
            ensure!(
                rollout
                    .soak
                    .is_some_and(|soak| soak.ring == ring && soak.ended),
                I11,
                "{id} promotes ring {ring} before its soak ended"
            );
        }
        // The last promotion completes the rollout, and that waits for everybody.
        let is_last = ring + 1 == rollout.plan.rings.len();
        let kept = if is_last {
            0
        } else {
            self.restarts_kept(id, ring)
        };
        check_ring(id, rollout, ring, kept)?;
        rollout.check_gates(&format!("{id} promotes ring {ring}"))?;
        self.check_approvals(
            id,
            Subject::Promotion {
                ring: RingIndex::at(ring),
            },
        )?;
        let rollout = self.rollout_mut(id)?;
        rollout.promoted += 1;
        rollout.soak = None;
        Ok(())
    }

    /// The halt came on the failure that the policy says, counted from those a person has accepted.
    pub(super) fn check_halt(
        &self,
        id: RolloutId,
        ring: usize,
        failed: u32,
        limit: u32,
    ) -> Result<(), Broken> {
        let rollout = self.rollout(id)?;
        let counts = &rollout.rings[ring];
        let reached = rollout.plan.rings[ring]
            .halt_on
            .is_some_and(|on| counts.suspected >= on && limit >= on);
        // Where nobody is left who could prove that the update is harmless, there is no going on either.
        let hopeless =
            counts.done == 0 && counts.pending == 0 && counts.moving == 0 && counts.suspected > 0;
        ensure!(
            reached || hopeless,
            Halts,
            "{id} halts in ring {ring} on {failed} failures (limit {limit}); {} count at the most, and the policy says {:?}",
            counts.suspected,
            rollout.plan.rings[ring].halt_on
        );
        Ok(())
    }

    /// What must be so after every batch: a ring with too many failures is halted, and a soak that nobody can see stands
    /// still.
    pub(super) fn after_batch(&self, id: RolloutId) -> Result<(), Broken> {
        let Some(rollout) = self.rollouts.get(&id) else {
            return Ok(());
        };
        if !matches!(rollout.phase, Phase::Advancing | Phase::Paused) {
            return Ok(());
        }
        for (ring, counts) in rollout.rings.iter().enumerate().take(rollout.opened) {
            let Some(on) = rollout.plan.rings[ring].halt_on else {
                continue;
            };
            ensure!(
                counts.blamed < on,
                Halts,
                "{id} goes on with {} failures in ring {ring} that nobody accepted; it halts on failure no. {on}",
                counts.blamed
            );
        }
        let Some(soak) = rollout.soak.filter(|soak| soak.since.is_some()) else {
            return Ok(());
        };
        let counts = &rollout.rings[soak.ring];
        for (gate, plan) in rollout.plan.gates.iter().enumerate() {
            let need = share_up(plan.min_reporting.millionths(), counts.done);
            ensure!(
                counts.reporting[gate] >= need,
                I11,
                "{id} soaks ring {} while {} of {} hosts report to gate `{}`; {need} must",
                soak.ring,
                counts.reporting[gate],
                counts.done,
                plan.name
            );
        }
        Ok(())
    }

    /// I12: a rollout that is over leaves every host in a stated outcome.
    pub(super) fn check_end(&self, id: RolloutId, how: Final) -> Result<(), Broken> {
        let rollout = self.rollout(id)?;
        let fits = match how {
            Final::Completed => {
                rollout.phase == Phase::Advancing && rollout.promoted == rollout.rings.len()
            }
            Final::RolledBack => rollout.phase == Phase::RollingBack,
            // What never started has nothing to finish.
            Final::Cancelled => {
                matches!(rollout.phase, Phase::Cancelling | Phase::Proposed)
            }
            Final::Superseded => rollout.phase == Phase::Superseding,
        };
        ensure!(
            fits,
            I12,
            "{id} ends as {how:?} while it is {:?} with {} of {} rings promoted",
            rollout.phase,
            rollout.promoted,
            rollout.rings.len()
        );
        if how == Final::Completed {
            super::exceptions::check_caught_up(id, rollout)?;
        }
        for (ring, counts) in rollout.rings.iter().enumerate() {
            ensure!(
                counts.moving == 0,
                I12,
                "{id} ends as {how:?} with {} hosts of ring {ring} in the middle of a visit",
                counts.moving
            );
            ensure!(
                how != Final::Completed || (counts.pending == 0 && counts.withheld == 0),
                I12,
                "{id} is completed with {} hosts of ring {ring} never visited and {} not restarted",
                counts.pending,
                counts.withheld
            );
        }
        if how == Final::RolledBack {
            check_nobody_left(id, rollout, |slot| self.had_poison((id, slot)))?;
        }
        Ok(())
    }

    /// What must be so when nothing more happens.
    pub(super) fn ended(&self) -> Result<(), Broken> {
        for (id, rollout) in &self.rollouts {
            ensure!(
                self.registered(*id).is_some(),
                I15,
                "{id} has a plan that nobody registered"
            );
            if rollout.phase.is_over() {
                continue;
            }
            for (slot, facts) in rollout.slots.iter().enumerate() {
                ensure!(
                    facts
                        .visit
                        .is_none_or(|visit| visit.not_before != Timestamp::NEVER),
                    I14,
                    "slot {slot} of {id} waits for ever"
                );
            }
        }
        Ok(())
    }
}

/// I12: what is told to have gone back has: no host is left that has the update, of which it is known what it had before,
/// and that nobody tried to take back. What it had before may be poisoned by now: that is put back on nobody.
fn check_nobody_left(
    id: RolloutId,
    rollout: &RolloutFacts,
    is_poison: impl Fn(Slot) -> bool,
) -> Result<(), Broken> {
    for (slot, facts) in rollout.slots.iter().enumerate() {
        let route = &rollout.plan.routes[rollout.plan.slots[slot].route.index()];
        let can = facts.applied_to
            && facts.known_before
            && !is_poison(Slot::at(slot))
            && !route.visits[VisitKind::Rollback as usize].is_empty();
        let is_told = facts.tried_back
            || matches!(
                facts.rest,
                HostState::RollbackFailed { .. } | HostState::Vanished
            );
        ensure!(
            !can || is_told,
            I12,
            "{id} ends as rolled back, and slot {slot} could be taken back and is {:?}",
            facts.rest
        );
    }
    Ok(())
}

/// I11: everything in the ring has an outcome that is known, and what is left behind is within its allowance. So many are not
/// restarted for nothing but an advisory.
pub(super) fn check_ring(
    id: RolloutId,
    rollout: &RolloutFacts,
    ring: usize,
    kept: u32,
) -> Result<(), Broken> {
    let (counts, plan) = (&rollout.rings[ring], &rollout.plan.rings[ring]);
    ensure!(
        counts.pending == 0 && counts.moving == 0 && counts.withheld == kept,
        I11,
        "{id} promotes ring {ring} with {} hosts to come, {} in flight and {} withheld",
        counts.pending,
        counts.moving,
        counts.withheld
    );
    ensure!(
        counts.debt <= plan.debt_allowed,
        I11,
        "{id} promotes ring {ring} with {} hosts left behind; {} may be",
        counts.debt,
        plan.debt_allowed
    );
    check_somebody(id, rollout, ring)?;
    for (gate, gate_plan) in rollout.plan.gates.iter().enumerate() {
        ensure!(
            counts.up[gate] == counts.done,
            I11,
            "{id} promotes ring {ring} and gate `{}` finds {} of {} hosts up",
            gate_plan.name,
            counts.up[gate],
            counts.done
        );
    }
    Ok(())
}

/// I11: somebody has the update, or failed and was accepted: hosts that were left out prove nothing.
fn check_somebody(id: RolloutId, rollout: &RolloutFacts, ring: usize) -> Result<(), Broken> {
    let (counts, plan) = (&rollout.rings[ring], &rollout.plan.rings[ring]);
    let aside = counts.skipped + counts.debt;
    ensure!(
        plan.planned == 0 || aside < plan.planned,
        I11,
        "{id} goes on after ring {ring}, of whose {} hosts {} were skipped and {} left behind",
        plan.planned,
        counts.skipped,
        counts.debt
    );
    Ok(())
}

/// A share in millionths of a count, rounded up: what must be so.
fn share_up(millionths: u32, count: u32) -> u32 {
    u32::try_from((u64::from(millionths) * u64::from(count)).div_ceil(1_000_000))
        .unwrap_or(u32::MAX)
}
