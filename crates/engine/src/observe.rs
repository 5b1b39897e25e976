//! Evidence and time: what a host's probes say after the update, and states that change by themselves.

use std::cmp::Reverse;

use ringway_model::{Evidence, FailWhy, HostId, ProbeId, Slot, StepKind, Timestamp, VisitKind};
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
        #[cfg(feature = "planted-bugs")]
        if self.bug(crate::planted::Bug::DownUnheard) && to == Evidence::Down {
            return;
        }
        let was_up = self.fleet.evidence(host, probe) == Evidence::Up;
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
                let until = if was_up
                    && self.settles_for_the_end(r, slot)
                    && !self.is_in_other_hands(r, host)
                {
                    self.now
                } else {
                    self.due(r, slot)
                };
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

    /// Whether a host settles in a rollout that only waits for that to end. Such a host has one chance to be well: one
    /// that comes and goes would keep its rollout from ever ending.
    fn settles_for_the_end(&self, r: usize, slot: u32) -> bool {
        self.rollouts[r].rec.slots[slot as usize].state == HostState::Settling
            && self.rollouts[r].rec.state.is_ending()
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
        let record = rollout.rec.slots[slot as usize];
        // What is not known to be up while the rollout waits to end gets no more time than it had.
        let bound = if self.settles_for_the_end(r, slot) && !self.is_maintained(r, slot) {
            record.until
        } else {
            Timestamp::NEVER
        };
        match (deadline, record.state) {
            (Some(deadline), _) => deadline.min(bound),
            (None, HostState::Settling)
                if self.gate_that_is_not(r, slot, Evidence::Up).is_none() =>
            {
                self.now + rollout.plan.pace.settle
            }
            // Silence is nobody's fault while somebody else works on the host.
            (None, HostState::Settling) if self.is_maintained(r, slot) => Timestamp::NEVER,
            (None, HostState::Settling) => self.settle_bound(r).min(bound),
            (None, _) => Timestamp::NEVER,
        }
    }

    /// Whether somebody else works on a slot's host.
    fn is_maintained(&self, r: usize, slot: u32) -> bool {
        #[cfg(feature = "planted-bugs")]
        if self.bug(crate::planted::Bug::MaintenanceBlamed) {
            return false;
        }
        self.holds.is_maintained(self.host_of(r, slot))
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
            #[cfg(feature = "planted-bugs")]
            HostState::Backoff { .. } if self.bug(crate::planted::Bug::RetryForgotten) => {}
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
            HostState::Settling if self.gate_that_is_not(r, slot, Evidence::Up).is_none() => {
                self.move_host(r, slot, HostState::Updated, never, out);
            }
            state @ (HostState::Settling
            | HostState::Updated
            | HostState::Already
            | HostState::ChangedOutside) => {
                // Why it was due may be forgotten by now: another rollout has visited the host since.
                let due = self.due(r, slot);
                if due > self.now {
                    self.move_host(r, slot, state, due, out);
                } else {
                    let why = FailWhy::ProbeDown;
                    self.move_host(r, slot, HostState::Unhealthy { why }, never, out);
                }
            }
            HostState::Offline => self.move_host(r, slot, HostState::Pending, never, out),
            HostState::Ready { .. } => self.peer_overdue(r, slot, out),
            HostState::GoesLast { .. } => self.wake_last_host(r, slot),
            HostState::ByHand { .. } => self.overdue(r, slot, out),
            HostState::Pending
            | HostState::Running { .. }
            | HostState::NotReady { .. }
            | HostState::RestartWithheld
            | HostState::Failed { .. }
            | HostState::Unhealthy { .. }
            | HostState::RolledBack
            | HostState::RollbackFailed { .. }
            | HostState::Held
            | HostState::Lost
            | HostState::Skipped
            | HostState::OnHold
            | HostState::Again
            | HostState::Vanished
            | HostState::Excepted
            | HostState::CatchUp => {}
        }
    }

    /// A host restarted outside a `reboot` step. More restarts than its route says are harm.
    pub(crate) fn restarted(&mut self, host: HostId, out: &mut Vec<Event>) {
        for r in 0..self.rollouts.len() {
            let Some(slot) = self.slot_of(r, host) else {
                continue;
            };
            let record = self.rollouts[r].rec.slots[slot as usize];
            let observed = matches!(record.state, HostState::Settling | HostState::Updated);
            if !observed || self.is_in_other_hands(r, host) {
                continue;
            }
            self.emit(
                Event::Restarted {
                    rollout: self.rollouts[r].rec.id,
                    slot: Slot(slot),
                },
                out,
            );
            if u16::from(record.restarts) + 1 > self.restarts_allowed(r, slot) {
                let to = HostState::Unhealthy {
                    why: FailWhy::RestartLoop,
                };
                self.move_host(r, slot, to, Timestamp::NEVER, out);
            }
        }
    }

    fn restarts_allowed(&self, r: usize, slot: u32) -> u16 {
        let route = self.rollouts[r].route(slot);
        route
            .position(VisitKind::Update, StepKind::Reboot)
            .and_then(|position| route.step(VisitKind::Update, position))
            .map_or(u16::MAX, |step| match &step.more {
                ringway_scheduler::plan::More::Reboot { restarts, .. } => restarts.1,
                ringway_scheduler::plan::More::Nothing
                | ringway_scheduler::plan::More::Inspect { .. }
                | ringway_scheduler::plan::More::Ready { .. }
                | ringway_scheduler::plan::More::Last { .. }
                | ringway_scheduler::plan::More::Silence { .. }
                | ringway_scheduler::plan::More::Manual { .. }
                | ringway_scheduler::plan::More::Recovery { .. }
                | ringway_scheduler::plan::More::Protect { .. }
                | ringway_scheduler::plan::More::Stage { .. } => u16::MAX,
            })
    }
}
