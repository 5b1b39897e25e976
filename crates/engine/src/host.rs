//! A host's state in one rollout: one small word, typed.

use ringway_model::{FailWhy, StepKind, VisitKind};
use serde::{Deserialize, Serialize};

/// Where a host stands in its rollout. Names say what is true now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum HostState {
    /// Not visited, or back as it was after a visit that a hold ended before `apply`.
    Pending,
    /// A step of a visit runs.
    Running {
        /// The kind of visit.
        visit: VisitKind,
        /// The step's position in it.
        position: u8,
        /// Which attempt, from 1.
        attempt: u8,
        /// What the visit is heading for.
        ending: Ending,
    },
    /// Between two steps of a visit: the next one waits for a worker.
    Ready {
        /// The kind of visit.
        visit: VisitKind,
        /// The next step's position in it.
        position: u8,
        /// Which attempt, from 1.
        attempt: u8,
        /// What the visit is heading for.
        ending: Ending,
    },
    /// A failed attempt is repeated at `until`.
    Backoff {
        /// The kind of visit.
        visit: VisitKind,
        /// The step's position in it.
        position: u8,
        /// The attempt to come.
        attempt: u8,
        /// What the visit is heading for.
        ending: Ending,
    },
    /// The visit's steps are done; the host is observed until `until`.
    Settling,
    /// It has the update and settled.
    Updated,
    /// It had the release already.
    Already,
    /// Applied; its restart was withheld.
    RestartWithheld,
    /// A step failed for good.
    Failed {
        /// The step.
        step: StepKind,
        /// Why.
        why: FailWhy,
    },
    /// It has the update and harm was observed.
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
    /// Never reached; tried again at `until`.
    Offline,
    /// Unhealthy before the update; left alone.
    Held,
    /// Unreachable after a disruptive step began.
    Lost,
    /// Left out by a person's decision.
    Skipped,
    /// A person holds it, or somebody else works on it; visited when that ends.
    OnHold,
    /// Failed, and to be visited again by a person's decision. As down as it was.
    Again,
    /// No longer of the fleet; visited after all should it come back.
    Vanished,
    /// Its group was not ready for it to be taken down; asked again at `until`. As it was before the visit.
    NotReady {
        /// The visit that was postponed.
        visit: VisitKind,
    },
    /// It goes last of its group. As it was before the visit; where all that are left say so, asked again at `until`.
    GoesLast {
        /// The visit that was postponed.
        visit: VisitKind,
    },
    /// A person does a step of a visit by hand; overdue where `until` is `NEVER`.
    ByHand {
        /// The kind of visit.
        visit: VisitKind,
        /// The step's position in it.
        position: u8,
        /// Which attempt, from 1.
        attempt: u8,
        /// What the visit is heading for.
        ending: Ending,
    },
    /// An exception leaves it out; visited when that ends.
    Excepted,
    /// Its exception ended when its ring had been promoted; visited with the last ring.
    CatchUp,
    /// It has the release, and somebody else put it there.
    ChangedOutside,
}

/// What a visit is heading for. Everything but `Well` runs only what brings the host back into service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Ending {
    /// All its steps.
    Well,
    /// Back to pending: a hold ended the visit before `apply`.
    BackToPending,
    /// Applied, restart withheld.
    Withheld,
    /// Failed, after the host is back in service.
    Failed {
        /// The step that failed.
        step: StepKind,
        /// Why.
        why: FailWhy,
    },
    /// Never reached, once its silence is ended.
    Offline,
    /// Lost, once its silence is ended.
    Lost,
}
