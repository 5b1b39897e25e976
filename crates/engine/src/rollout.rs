//! The state of one rollout.

use ringway_model::{Actor, RingIndex, Span, Timestamp};
use serde::{Deserialize, Serialize};

use crate::event::HaltCause;

/// Where a rollout stands. Names say what is true now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RolloutState {
    /// It waits for the approvals of its start.
    Proposed,
    /// It goes on.
    Advancing(Stage),
    /// It rests; left by resume, rollback or cancel.
    Paused {
        /// Where it was.
        stage: Stage,
        /// By whom.
        by: Actor,
        /// Why.
        reason: String,
    },
    /// It stopped because of harm; left by resume with a reason, rollback or cancel.
    Halted {
        /// Where it was.
        stage: Stage,
        /// Why.
        cause: HaltCause,
    },
    /// Hosts go back to what they had.
    RollingBack,
    /// It ends once what is in flight is finished.
    Cancelling,
    /// Over: every ring promoted.
    Completed,
    /// Over: hosts are back.
    RolledBack,
    /// Over without completion.
    Cancelled,
}

/// How far it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Stage {
    /// The ring's hosts are visited.
    Visiting {
        /// The ring.
        ring: RingIndex,
    },
    /// The ring is observed.
    Soaking {
        /// The ring.
        ring: RingIndex,
        /// Observed so far, without what runs since `since`.
        accrued: Span,
        /// Since when it runs; absent while it stands still.
        since: Option<Timestamp>,
    },
    /// The ring was observed for long enough; evidence and approvals decide.
    Promoting {
        /// The ring.
        ring: RingIndex,
    },
}

impl Stage {
    /// The ring the rollout is at.
    pub const fn ring(&self) -> RingIndex {
        match self {
            Self::Visiting { ring } | Self::Soaking { ring, .. } | Self::Promoting { ring } => {
                *ring
            }
        }
    }
}
