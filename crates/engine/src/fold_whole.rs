//! What is so once an event about more than one host happened: evidence of a probe, a new decider, a ring that opens, the end of a
//! rollout.

use ringway_model::{Evidence, HostId, ProbeId, RingIndex, Timestamp};

use crate::coverage::CoverageRecord;
use crate::engine::{Engine, Fault};
use crate::event::Final;
use crate::rollout::{Rollout, RolloutState, Stage, TermsRecord};

impl Engine {
    pub(crate) fn fold_evidence(&mut self, host: HostId, probe: ProbeId, to: Evidence) {
        let was_able = self.fleet.is_able(host);
        let (before, after) = self.fleet.set_evidence(host, probe, to);
        if !was_able && self.fleet.is_able(host) {
            self.wake_cell(host);
            self.wake_peers(host);
        }
        self.recount_evidence(host, before, after);
        let at = self.now;
        for r in 0..self.rollouts.len() {
            let Some(slot) = self.slot_of(r, host) else {
                continue;
            };
            self.wake_parked_host(r, slot);
            let in_other_hands = self.is_in_other_hands(r, host);
            let Rollout { rec, plan, .. } = &mut self.rollouts[r];
            let observed = rec.slots[slot as usize].state.class().is_observed();
            for (gate, _) in plan
                .gates
                .iter()
                .enumerate()
                .filter(|(_, gate)| gate.probe == probe)
            {
                let key = (slot, u8::try_from(gate).unwrap_or(u8::MAX));
                if to == Evidence::Down && observed && !in_other_hands {
                    rec.downs.entry(key).or_insert(at);
                } else {
                    rec.downs.remove(&key);
                }
            }
        }
    }

    pub(crate) fn fold_recovered(&mut self, last_alive: Timestamp) {
        #[cfg(feature = "planted-bugs")]
        let last_alive = if self.bug(crate::planted::Bug::SoakOverCrashGap) {
            self.now
        } else {
            last_alive
        };
        self.forget_gates();
        #[cfg(feature = "planted-bugs")]
        let witnessed = if self.bug(crate::planted::Bug::StratumOverGap) {
            self.now
        } else {
            last_alive
        };
        #[cfg(not(feature = "planted-bugs"))]
        let witnessed = last_alive;
        self.unwitnessed(witnessed, None);
        for r in 0..self.rollouts.len() {
            self.hold_soak(r, last_alive);
            let rollout = &mut self.rollouts[r];
            rollout.rec.downs.clear();
            if !rollout.plan.gates.is_empty() {
                for rec in &mut rollout.rec.slots {
                    if rec.state.class().is_observed() {
                        rec.until = Timestamp::NEVER;
                    }
                }
            }
        }
        #[cfg(feature = "planted-bugs")]
        if self.bug(crate::planted::Bug::EvidenceOutlivesCrash) {
            self.rebuild();
            return;
        }
        self.fleet.evidence.fill(0);
        self.rebuild();
    }

    pub(crate) fn fold_finished(&mut self, r: usize, how: Final) {
        self.release_all(r);
        let rollout = &mut self.rollouts[r];
        let by = rollout.rec.state.superseded_by();
        rollout.rec.state = match how {
            Final::Completed => RolloutState::Completed,
            Final::RolledBack => RolloutState::RolledBack,
            Final::Cancelled => RolloutState::Cancelled,
            // None that was not is told so by an engine.
            Final::Superseded => by.map_or(RolloutState::Cancelled, |by| {
                RolloutState::Superseded { by }
            }),
        };
        rollout.rec.approvals.clear();
        rollout.rec.downs.clear();
        rollout.rec.calendar = None;
        rollout.rec.last_yes = None;
        rollout.rec.terms = TermsRecord::default();
        rollout.rec.coverage = CoverageRecord::default();
        rollout.rec.effective.clear();
        let hosts: Vec<HostId> = rollout.plan.slots.iter().map(|slot| slot.host).collect();
        self.forget_rollout(r);
        self.list_protections_of(r);
        self.wake_all_of_budget(r);
        // Whoever waited for this rollout to be done with a host is looked at again.
        for host in hosts {
            for other in 0..self.rollouts.len() {
                if let Some(slot) = self.slot_of(other, host) {
                    self.wake_parked_host(other, slot);
                }
            }
        }
    }

    pub(crate) fn widen_ramp(&mut self, r: usize) {
        #[cfg(feature = "planted-bugs")]
        if self.bug(crate::planted::Bug::LiveForgetsRamp) && self.live {
            return;
        }
        let rollout = &mut self.rollouts[r];
        let frozen = rollout.ramp_is_frozen();
        let at_once = rollout.plan.pace.at_once.get();
        let ramp = &mut rollout.rec.ramp;
        ramp.settled = ramp.settled.saturating_add(1);
        if ramp.settled >= ramp.limit && ramp.limit < at_once && !frozen {
            ramp.limit = ramp.limit.saturating_mul(2).min(at_once);
            ramp.settled = 0;
        }
    }

    pub(crate) fn fold_opened(&mut self, r: usize, ring: RingIndex) -> Result<(), Fault> {
        let rollout = &mut self.rollouts[r];
        let Some(plan) = rollout.plan.rings.get(ring.index()) else {
            return Err(Fault::new(format!(
                "{} has no ring {}",
                rollout.rec.id, ring.0
            )));
        };
        rollout.idx.cursor = plan.first.0;
        rollout.rec.opened = ring.0 + 1;
        rollout.rec.ramp = rollout.first_ramp();
        rollout.rec.state = RolloutState::Advancing(Stage::Visiting { ring });
        self.count_kin_of(r, ring);
        self.watch_ring(r, ring.index());
        self.list_stages(r);
        Ok(())
    }
}
