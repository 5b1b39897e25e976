//! Restarts that a rollout withholds: what it installed on a host is there, and the host is not to restart into it.
//!
//! This module decides whether a visit of another rollout would bring that restart about. It moves nobody: such a visit waits,
//! with the rollout that withholds the restart as its reason.
//!
//! # Invariants
//!
//! * What a hold, a poisoning, an advisory or the end of its rollout withholds, no other rollout's visit does (I4, I10), but of the one
//!   that takes that rollout's place: that brings other content first.
//! * A rollback is never kept away: it mends.

use ringway_model::{RolloutId, StepKind, VisitKind};

use crate::engine::Engine;
use crate::host::HostState;
use crate::slot::Class;

impl Engine {
    /// The rollout that withholds a restart from a host which a visit of this one would bring about.
    pub(crate) fn withheld_elsewhere(
        &self,
        r: usize,
        slot: u32,
        visit: VisitKind,
    ) -> Option<RolloutId> {
        #[cfg(feature = "planted-bugs")]
        if self.bug(crate::planted::Bug::RestartsForOthers) {
            return None;
        }
        let restarts = self.rollouts[r].route(slot);
        let restarts = restarts.position(visit, StepKind::Reboot).is_some();
        if !restarts || visit == VisitKind::Rollback {
            return None;
        }
        // The latest first: whoever took the place of another and changed the host since has replaced what was withheld.
        let mut later = vec![r];
        for (other, at) in self.last_changes.all_of(self.host_of(r, slot)) {
            let state = self.rollouts[other].rec.slots[at as usize].state;
            let is_kept = state.class() == Class::Withheld
                && other != r
                && self.is_stayed(other, at, VisitKind::Restart)
                && !later.iter().any(|&one| self.has_superseded(one, other));
            if is_kept {
                return Some(self.rollouts[other].rec.id);
            }
            if state != HostState::RolledBack {
                later.push(other);
            }
        }
        None
    }

    /// Whether a step would restart its host into what another rollout withholds.
    pub(crate) fn restarts_for_others(
        &self,
        r: usize,
        slot: u32,
        visit: VisitKind,
        position: u8,
    ) -> bool {
        let step = self.rollouts[r].step(slot, visit, position);
        step.is_some_and(|step| step.kind == StepKind::Reboot)
            && self.withheld_elsewhere(r, slot, visit).is_some()
    }

    /// Whoever waits in another rollout for what becomes of a host in this one is looked at again.
    pub(crate) fn wake_elsewhere(&mut self, r: usize, slot: u32) {
        let host = self.rollouts[r].plan.slots[slot as usize].host;
        for other in 0..self.rollouts.len() {
            if let Some(slot) = self.slot_of(other, host).filter(|_| other != r) {
                self.wake_parked_host(other, slot);
            }
        }
    }

    /// The same for every host whose restart a rollout withholds, or did: it goes on, or what it installs is harmful no more.
    pub(crate) fn wake_withheld(&mut self, r: usize) {
        for slot in 0..self.rollouts[r].rec.slots.len() {
            if self.rollouts[r].rec.slots[slot].state.class() == Class::Withheld {
                self.wake_elsewhere(r, u32::try_from(slot).unwrap_or(u32::MAX));
            }
        }
    }
}
