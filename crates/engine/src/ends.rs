//! How things end, and what follows: why a rollout halts, how one is over, and what comes after a step.

use ringway_model::{Actor, RingIndex, Timestamp};
use serde::{Deserialize, Serialize};

use crate::host::{Ending, HostState};

/// Why a rollout halted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum HaltCause {
    /// A ring had as many failures as its policy allows to see.
    Failures {
        /// The ring.
        ring: RingIndex,
        /// Hosts that count as failed.
        failed: u32,
        /// The failure that halts.
        limit: u32,
    },
    /// A person said so.
    Person {
        /// Who.
        actor: Actor,
        /// Why.
        reason: String,
    },
}

/// How a rollout can be over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Final {
    /// Every ring was promoted; hosts left behind are named debt.
    Completed,
    /// Every host that could go back did, or failed to.
    RolledBack,
    /// Ended without completion.
    Cancelled,
    /// Another rollout has taken its place.
    Superseded,
}

/// What follows for a host from the end of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Then {
    /// The step at this position is next, now or as soon as it may start.
    Step {
        /// Position in the visit.
        position: u8,
        /// Which attempt, from 1.
        attempt: u8,
        /// What the visit is heading for.
        ending: Ending,
    },
    /// The step at this position is next, not before this instant.
    Retry {
        /// Position in the visit.
        position: u8,
        /// Which attempt, from 2.
        attempt: u8,
        /// The instant.
        at: Timestamp,
    },
    /// The visit is over, or the host settles.
    End {
        /// The host's state.
        to: HostState,
        /// When this state is due to change by itself; `NEVER` where it is not.
        until: Timestamp,
    },
    /// Nothing: the result was late, repeated, or about a step nobody knows. (Not journaled.)
    Nothing,
    /// Nothing for a visit: the step was an errand, and it is over.
    Over,
}
