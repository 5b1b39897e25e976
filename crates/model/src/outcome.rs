//! What became of a host in a rollout: one word each, the same in code, YAML, API and docs.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::step::{FailWhy, StepKind, VisitKind};

/// The stated outcome of a host in one rollout, final or not (I12: every host has one).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HostOutcome {
    /// Not begun; why it waits is asked separately.
    Pending,
    /// A visit is going on.
    Visiting {
        /// Why it is visited.
        visit: VisitKind,
        /// The step it is at.
        step: StepKind,
        /// Which attempt at that step, from 1.
        attempt: u8,
    },
    /// Back in service with the update, observed for the policy's `settle`.
    Settling,
    /// It has the update and was healthy for the policy's `settle`.
    Updated,
    /// Inspection found the release already there.
    Already,
    /// The update is applied; its restart was withheld by a hold.
    RestartWithheld,
    /// A step failed for good.
    Failed {
        /// The step.
        step: StepKind,
        /// Why.
        why: FailWhy,
    },
    /// It has the update and harm was observed after it.
    Unhealthy {
        /// What was observed.
        why: FailWhy,
    },
    /// It has its previous content again.
    RolledBack,
    /// Taking it back failed.
    RollbackFailed {
        /// The step.
        step: StepKind,
        /// Why.
        why: FailWhy,
    },
    /// Never reached, nothing changed: debt, retried.
    Offline,
    /// Unhealthy before the update, and left alone: debt, retried when it is healthy.
    Held,
    /// Unreachable after a disruptive step began. Counts as failed.
    Lost,
    /// Left out by a person's decision. Neither debt nor evidence.
    Skipped,
    /// A person holds it, or somebody else works on it: debt, visited when that ends.
    OnHold,
    /// Failed, and to be visited again by a person's decision. Counts as failed and as down until that succeeds.
    Again,
    /// No longer of the fleet. Neither debt nor evidence; visited after all should it come back.
    Vanished,
    /// Its group was not ready for it to be taken down; asked again. Nothing was changed.
    NotReady,
    /// It goes last of its group, and waits for the others. Nothing was changed.
    GoesLast,
    /// In a visit, at a step that a person does by hand, until somebody says how it ended.
    ByHand {
        /// Why it is visited.
        visit: VisitKind,
        /// The step.
        step: StepKind,
    },
    /// An exception leaves it out: neither failed nor debt nor done; visited when that ends.
    Excepted,
    /// Its exception ended when its ring had been promoted: visited with the last ring.
    CatchUp,
    /// It has the release, and somebody else put it there in the middle of the rollout: no evidence for its ring.
    ChangedOutside,
    /// Not visited, and another rollout has taken the place of this one.
    Superseded,
    /// An advisory keeps the update from it: neither failed nor debt nor done; visited when that is withdrawn.
    Advised,
}

impl HostOutcome {
    /// The one word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Visiting { .. } => "visiting",
            Self::Settling => "settling",
            Self::Updated => "updated",
            Self::Already => "already",
            Self::RestartWithheld => "applied, restart withheld",
            Self::Failed { .. } => "failed",
            Self::Unhealthy { .. } => "unhealthy",
            Self::RolledBack => "rolled back",
            Self::RollbackFailed { .. } => "rollback failed",
            Self::Offline => "offline",
            Self::Held => "held (unhealthy before the update)",
            Self::Lost => "lost",
            Self::Skipped => "skipped",
            Self::OnHold => "on hold",
            Self::Again => "failed, to be visited again",
            Self::Vanished => "vanished (no longer of the fleet)",
            Self::NotReady => "not ready",
            Self::GoesLast => "goes last",
            Self::ByHand { .. } => "waiting for a person",
            Self::Excepted => "excepted",
            Self::CatchUp => "to catch up",
            Self::ChangedOutside => "changed outside",
            Self::Superseded => "superseded",
            Self::Advised => "held by an advisory",
        }
    }
}

impl fmt::Display for HostOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Visiting {
                visit,
                step,
                attempt,
            } => {
                f.write_str("visiting (")?;
                if !matches!(visit, VisitKind::Update) {
                    write!(f, "{}: ", visit.word())?;
                }
                write!(f, "{step}")?;
                if *attempt > 1 {
                    write!(f, ", attempt {attempt}")?;
                }
                f.write_str(")")
            }
            Self::Failed { step, why } | Self::RollbackFailed { step, why } => {
                write!(f, "{} ({step}: {})", self.word(), why.words())
            }
            Self::Unhealthy { why } => write!(f, "unhealthy ({})", why.words()),
            Self::ByHand { step, .. } => write!(f, "{} ({step} by hand)", self.word()),
            Self::Pending
            | Self::Settling
            | Self::Updated
            | Self::Already
            | Self::RestartWithheld
            | Self::RolledBack
            | Self::Offline
            | Self::Held
            | Self::Lost
            | Self::Skipped
            | Self::OnHold
            | Self::Again
            | Self::Vanished
            | Self::NotReady
            | Self::GoesLast
            | Self::Excepted
            | Self::CatchUp
            | Self::ChangedOutside
            | Self::Superseded
            | Self::Advised => f.write_str(self.word()),
        }
    }
}
