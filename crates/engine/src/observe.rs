//! Evidence and time: what a host's probes say after the update, and states that change by themselves.

use std::cmp::Reverse;

use ringway_model::{Evidence, FailWhy, HostId, ProbeId, Timestamp};
use ringway_policy::validated::AlreadyUnhealthy;

use crate::engine::Engine;
use crate::event::Event;
use crate::host::HostState;

impl Engine {
    /// What is known of a host changed.
    pub(crate) fn evidence(
        &mut self,
        host: HostId,
        probe: ProbeId,
        to: Evidence,
        out: &mut Vec<Event>,
    ) {
        let known = host.index() < self.fleet.evidence.len()
            && probe.index() < self.fleet.spec.probes.len();
        if !known || self.fleet.evidence(host, probe) == to {
            return;
        }
        self.emit(Event::EvidenceChanged { host, probe, to }, out);
        for r in 0..self.rollouts.len() {
            let Some(slot) = self.slot_of(r, host) else {
                continue;
            };
            if !self.rollouts[r]
                .plan
                .gates
                .iter()
                .any(|gate| gate.probe == probe)
            {
                continue;
            }
            let record = self.rollouts[r].rec.slots[slot as usize];
            if self.is_observed(r, slot) {
                let until = self.due(r, slot);
                if until != record.until {
                    self.move_host(r, slot, record.state, until, out);
                }
            } else if record.state == HostState::Held
                && self.gate_that_is_not(r, slot, Evidence::Up).is_none()
            {
                self.move_host(r, slot, HostState::Pending, Timestamp::NEVER, out);
            }
        }
    }

    /// When an observed host's state is due to change by itself, from what is known now.
    fn due(&self, r: usize, slot: u32) -> Timestamp {
        let rollout = &self.rollouts[r];
        let deadline = rollout
            .rec
            .downs
            .range((slot, 0)..=(slot, u8::MAX))
            .map(|(&(_, gate), &since)| since + rollout.plan.gates[usize::from(gate)].down_for)
            .min();
        match (deadline, rollout.rec.slots[slot as usize].state) {
            (Some(deadline), _) => deadline,
            (None, HostState::Settling)
                if self.gate_that_is_not(r, slot, Evidence::Up).is_none() =>
            {
                self.now + rollout.plan.pace.settle
            }
            (None, HostState::Settling) => self.settle_bound(r),
            (None, _) => Timestamp::NEVER,
        }
    }

    /// The first gate whose evidence on the host is another than `wanted`.
    pub(crate) fn gate_that_is_not(&self, r: usize, slot: u32, wanted: Evidence) -> Option<usize> {
        (0..self.rollouts[r].plan.gates.len())
            .find(|&gate| self.gate_evidence(r, slot, gate) != wanted)
    }

    /// The first gate whose evidence on the host is this.
    pub(crate) fn gate_that_is(&self, r: usize, slot: u32, evidence: Evidence) -> Option<usize> {
        (0..self.rollouts[r].plan.gates.len())
            .find(|&gate| self.gate_evidence(r, slot, gate) == evidence)
    }

    /// Whether the policy leaves hosts alone that are unhealthy before the update.
    pub(crate) fn minds_baseline(&self, r: usize) -> bool {
        self.rollouts[r].plan.already_unhealthy == AlreadyUnhealthy::Hold
    }

    /// Carries out every state change that is due.
    pub(crate) fn fire_timers(&mut self, out: &mut Vec<Event>) {
        while let Some(&Reverse((at, r, slot))) = self.timers.peek() {
            let (rollout, stale) = (r as usize, self.is_stale(at, r as usize, slot));
            if !stale && at > self.now {
                return;
            }
            self.timers.pop();
            if !stale {
                self.fire(rollout, slot, out);
            }
        }
    }

    fn is_stale(&self, at: Timestamp, r: usize, slot: u32) -> bool {
        self.rollouts[r].rec.state.is_final()
            || self.rollouts[r].rec.slots[slot as usize].until != at
    }

    fn fire(&mut self, r: usize, slot: u32, out: &mut Vec<Event>) {
        let never = Timestamp::NEVER;
        match self.rollouts[r].rec.slots[slot as usize].state {
            HostState::Backoff {
                visit,
                position,
                attempt,
                ending,
            } => {
                self.move_host(
                    r,
                    slot,
                    HostState::Ready {
                        visit,
                        position,
                        attempt,
                        ending,
                    },
                    never,
                    out,
                );
            }
            HostState::Settling => {
                let healthy = self.gate_that_is_not(r, slot, Evidence::Up).is_none();
                let to = if healthy {
                    HostState::Updated
                } else {
                    HostState::Unhealthy {
                        why: FailWhy::ProbeDown,
                    }
                };
                self.move_host(r, slot, to, never, out);
            }
            HostState::Updated | HostState::Already => {
                self.move_host(
                    r,
                    slot,
                    HostState::Unhealthy {
                        why: FailWhy::ProbeDown,
                    },
                    never,
                    out,
                );
            }
            HostState::Offline => self.move_host(r, slot, HostState::Pending, never, out),
            HostState::Pending
            | HostState::Running { .. }
            | HostState::Ready { .. }
            | HostState::RestartWithheld
            | HostState::Failed { .. }
            | HostState::Unhealthy { .. }
            | HostState::RolledBack
            | HostState::RollbackFailed { .. }
            | HostState::Held
            | HostState::Lost => {}
        }
    }
}
