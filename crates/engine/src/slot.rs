//! One host's record in one rollout: 24 bytes, because there may be a million of them.

use ringway_model::{Timestamp, VisitKind};
use serde::{Deserialize, Serialize};

use crate::host::{Ending, HostState};

/// The record behind a slot. Its state is changed in one place only, `Engine::set_slot`, which keeps every counter true.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SlotRec {
    /// Where the host stands.
    pub(crate) state: HostState,
    /// The serial of the last step issued; 0 before the first.
    pub(crate) serial: u16,
    /// Facts about the visit and the host; see the constants.
    pub(crate) flags: u8,
    /// Restarts seen since the visit's reboot step began.
    pub(crate) restarts: u8,
    /// What a rollback goes back to: an index into the rollout's table, from 1; 0: unknown.
    pub(crate) previous: u32,
    /// When the state is due to change by itself.
    pub(crate) until: Timestamp,
}

const _: () = assert!(
    size_of::<SlotRec>() == 24,
    "a million hosts are the reason for this layout"
);
const _: () = assert!(size_of::<HostState>() <= 8, "the state is one word");

impl SlotRec {
    /// A `drain` of the visit was issued, and is not known never to have begun.
    pub(crate) const DRAINED: u8 = 1;
    /// An `apply` (or `rollback`) of the visit was issued, and is not known never to have begun.
    pub(crate) const APPLYING: u8 = 2;
    /// An `apply` began in some visit: the host may have the update.
    pub(crate) const CHANGED: u8 = 4;
    /// The host counts toward its ring's failures.
    pub(crate) const COUNTED: u8 = 8;
    /// The host counted toward its ring's failures at some time.
    pub(crate) const HIT: u8 = 16;
    /// The host was down already when the visit began: its repair needs no further slot.
    pub(crate) const REPAIR: u8 = 32;
    /// A rollback visit has begun.
    pub(crate) const TRIED: u8 = 64;
    /// The step that runs is known to have failed before in this visit (its success clears `COUNTED`).
    pub(crate) const RETRYING: u8 = 128;

    /// What belongs to one visit and is forgotten when the next begins.
    pub(crate) const OF_VISIT: u8 = Self::DRAINED | Self::APPLYING | Self::REPAIR | Self::RETRYING;

    pub(crate) const NEW: Self = Self {
        state: HostState::Pending,
        serial: 0,
        flags: 0,
        restarts: 0,
        previous: 0,
        until: Timestamp::NEVER,
    };

    pub(crate) const fn is(self, flag: u8) -> bool {
        self.flags & flag != 0
    }

    pub(crate) const fn set(&mut self, flag: u8, on: bool) {
        if on {
            self.flags |= flag;
        } else {
            self.flags &= !flag;
        }
    }
}

/// Which counter of its ring a host is in. Every host is in exactly one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    Pending,
    Visiting,
    Settling,
    Done,
    Failed,
    Debt,
    Withheld,
    RolledBack,
    Skipped,
    Vanished,
    /// Left out by an exception, or to catch up after one.
    Excepted,
    /// Changed by somebody else: it has the release and is no evidence.
    Outside,
}

impl Class {
    /// Whether harm on such a host is looked for: it has the release, whoever put it there.
    pub(crate) const fn is_observed(self) -> bool {
        matches!(self, Self::Settling | Self::Done | Self::Outside)
    }
}

impl HostState {
    pub(crate) const fn class(self) -> Class {
        match self {
            Self::NotReady { visit } | Self::GoesLast { visit } => match visit {
                VisitKind::Update | VisitKind::Rollback | VisitKind::Errand => Class::Pending,
                VisitKind::Restart => Class::Withheld,
            },
            Self::Pending | Self::Again => Class::Pending,
            Self::Running { .. }
            | Self::Ready { .. }
            | Self::Backoff { .. }
            | Self::ByHand { .. } => Class::Visiting,
            Self::Settling => Class::Settling,
            Self::Updated | Self::Already => Class::Done,
            Self::RestartWithheld => Class::Withheld,
            Self::Failed { .. }
            | Self::Unhealthy { .. }
            | Self::RollbackFailed { .. }
            | Self::Lost => Class::Failed,
            Self::RolledBack => Class::RolledBack,
            Self::Offline | Self::Held | Self::OnHold => Class::Debt,
            Self::Skipped => Class::Skipped,
            Self::Vanished => Class::Vanished,
            Self::Excepted | Self::CatchUp => Class::Excepted,
            Self::ChangedOutside => Class::Outside,
        }
    }

    /// Whether the host is down by its outcome: failed for good, or unhealthy. A failed check before anything was
    /// touched is not.
    pub(crate) const fn is_down(self) -> bool {
        match self {
            Self::Failed { step, .. } => !step.leaves_up(),
            Self::Unhealthy { .. } | Self::RollbackFailed { .. } | Self::Lost | Self::Again => true,
            Self::Pending
            | Self::Running { .. }
            | Self::Ready { .. }
            | Self::Backoff { .. }
            | Self::Settling
            | Self::Updated
            | Self::Already
            | Self::RestartWithheld
            | Self::RolledBack
            | Self::Offline
            | Self::Held
            | Self::Skipped
            | Self::OnHold
            | Self::Vanished
            | Self::NotReady { .. }
            | Self::GoesLast { .. }
            | Self::Excepted
            | Self::CatchUp
            | Self::ChangedOutside
            | Self::ByHand { .. } => false,
        }
    }

    /// Whether the host takes a slot of its rollout's disruption budget: from its visit's start, so that the slot is
    /// there when the first disruptive step wants it.
    pub(crate) const fn takes_budget(self) -> bool {
        matches!(self.class(), Class::Visiting) || self.is_down()
    }

    /// Whether the host takes a slot of its availability group: until it has settled, because a fault may show only
    /// then, and its peer must not be next before that is known.
    pub(crate) const fn takes_peer_slot(self) -> bool {
        self.takes_budget() || matches!(self, Self::Settling)
    }

    /// The visit the host is in, with the position, attempt and ending of the step that runs or comes next.
    pub(crate) const fn visit(self) -> Option<(VisitKind, u8, u8, Ending)> {
        match self {
            Self::Running {
                visit,
                position,
                attempt,
                ending,
            }
            | Self::Ready {
                visit,
                position,
                attempt,
                ending,
            }
            | Self::Backoff {
                visit,
                position,
                attempt,
                ending,
            }
            | Self::ByHand {
                visit,
                position,
                attempt,
                ending,
            } => Some((visit, position, attempt, ending)),
            Self::Pending
            | Self::Settling
            | Self::Updated
            | Self::Already
            | Self::RestartWithheld
            | Self::Failed { .. }
            | Self::Unhealthy { .. }
            | Self::RolledBack
            | Self::RollbackFailed { .. }
            | Self::Offline
            | Self::Held
            | Self::Lost
            | Self::Skipped
            | Self::OnHold
            | Self::Again
            | Self::Vanished
            | Self::NotReady { .. }
            | Self::GoesLast { .. }
            | Self::Excepted
            | Self::CatchUp
            | Self::ChangedOutside => None,
        }
    }
}
