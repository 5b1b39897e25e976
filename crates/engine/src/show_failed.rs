//! What people are shown of hosts that failed: who they are, and of which a visit is made again.

use ringway_model::{Evidence, RingIndex};

use crate::engine::Engine;
use crate::event::HaltCause;
use crate::host::HostState;
use crate::slot::{Class, SlotRec};

impl Engine {
    pub(crate) fn cause_words(&self, r: usize, cause: &HaltCause) -> String {
        match cause {
            HaltCause::Failures {
                ring,
                failed,
                limit,
            } => {
                let name = &self.rollouts[r].plan.rings[ring.index()].name;
                format!(
                    "ring `{name}` had failure no. {failed} (its policy halts on no. {limit}){}",
                    self.who_failed(r, *ring)
                )
            }
            HaltCause::Person { actor, reason } => format!("by {actor}: {reason}"),
        }
    }

    /// The gates of a host with the update that do not find it up, each with its probe and since when that is bad, as far as it
    /// is known; empty where it is well, and where nothing is known.
    pub(crate) fn gates_down(&self, r: usize, slot: u32) -> Vec<String> {
        let rollout = &self.rollouts[r];
        let state = rollout.rec.slots[slot as usize].state;
        let had = matches!(state, HostState::Unhealthy { .. }) || state.class().is_observed();
        if !had {
            return Vec::new();
        }
        let host = self.host_of(r, slot);
        let gates = rollout.plan.gates.iter().enumerate();
        gates
            .filter(|(_, gate)| self.fleet.evidence(host, gate.probe) == Evidence::Down)
            .map(|(index, gate)| {
                let key = (slot, u8::try_from(index).unwrap_or(u8::MAX));
                let since = rollout.rec.downs.get(&key);
                let since = since.map_or_else(String::new, |at| format!(" since {at}"));
                let probe = self.fleet.spec.probes.get(gate.probe.index());
                let probe = probe.map_or("", |probe| &probe.name);
                format!("gate `{}`: probe `{probe}` is down{since}", gate.name)
            })
            .collect()
    }

    /// Hosts of a ring that count as failed and are visited again, or will be.
    pub(crate) fn failed_and_again(&self, r: usize, ring: usize) -> u32 {
        let slots = self.rollouts[r].plan.rings[ring].slots();
        let again = self.counted_in(r, &slots);
        let again = again.filter(|slot| self.is_again(r, *slot));
        u32::try_from(again.count()).unwrap_or(u32::MAX)
    }

    pub(crate) fn is_again(&self, r: usize, slot: u32) -> bool {
        let rollout = &self.rollouts[r].rec;
        let record = rollout.slots[slot as usize];
        // What is being taken back, or is over, is not tried again.
        record.is(SlotRec::COUNTED)
            && !self.is_rolling_back(r)
            && !rollout.state.is_final()
            && matches!(record.state.class(), Class::Pending | Class::Visiting)
    }

    fn counted_in(&self, r: usize, slots: &std::ops::Range<usize>) -> impl Iterator<Item = u32> {
        let slot = |slot: usize| u32::try_from(slot).unwrap_or(u32::MAX);
        let counted = &self.rollouts[r].idx.counted;
        counted.range(slot(slots.start)..slot(slots.end)).copied()
    }

    /// `: web-1, web-2 and 3 more`: the hosts of a ring that count as failed now.
    fn who_failed(&self, r: usize, ring: RingIndex) -> String {
        const NAMED: usize = 4;
        let slots = self.rollouts[r].plan.rings[ring.index()].slots();
        let mut failed = self.counted_in(r, &slots);
        let names: Vec<String> = failed
            .by_ref()
            .take(NAMED)
            .map(|slot| self.host_name(r, slot))
            .collect();
        let more = match failed.count() {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        if names.is_empty() {
            String::new()
        } else {
            format!(": {}{more}", names.join(", "))
        }
    }
}
