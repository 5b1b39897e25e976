//! What is so of one host, over all rollouts.

use std::collections::BTreeMap;

use ringway_engine::HoldKind;
use ringway_model::{Evidence, IntentId, ProbeId, RolloutId, Timestamp};

/// One host over all rollouts.
#[derive(Clone, Debug, Default)]
pub(in crate::checkers) struct HostFacts {
    pub(in crate::checkers) running: Option<IntentId>,
    /// By probe: what is known, and since when.
    pub(in crate::checkers) evidence: BTreeMap<ProbeId, (Evidence, Timestamp)>,
    /// Rollouts in which it is down.
    pub(in crate::checkers) down_in: u32,
    /// Rollouts in which it settles.
    pub(in crate::checkers) settling_in: u32,
    /// What holds it, and when that ends by itself.
    pub(in crate::checkers) holds: BTreeMap<HoldKind, Option<Timestamp>>,
    /// Its places in rollouts that are not over.
    pub(in crate::checkers) seats: Vec<(RolloutId, u32)>,
}

impl HostFacts {
    /// Down in a rollout, or by somebody else's work.
    pub(in crate::checkers) fn is_down(&self) -> bool {
        self.down_in > 0 || self.is_maintained()
    }

    pub(in crate::checkers) fn is_maintained(&self) -> bool {
        self.holds.contains_key(&HoldKind::Maintenance)
    }

    pub(in crate::checkers) fn evidence(&self, probe: ProbeId) -> (Evidence, Timestamp) {
        self.evidence.get(&probe).copied().unwrap_or_default()
    }
}
