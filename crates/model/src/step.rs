//! Steps: what they are, what they may do to a host's service, and how they can end.

use std::cmp::Ordering;
use std::fmt;

use serde::{Deserialize, Serialize};

/// What a step is for. How the variants follow one another here is the journal's format; in a visit they follow one
/// another as in [`StepKind::ALL`], and so they are ordered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StepKind {
    /// Looks at what is installed; changes nothing.
    Inspect,
    /// Checks that the host can take the update (room, a clean state); changes nothing.
    Precheck,
    /// Takes the host out of service, gently.
    Drain,
    /// Installs.
    Apply,
    /// Takes a host back to what it had.
    Rollback,
    /// Restarts the host or its service, and waits until it is back.
    Reboot,
    /// The recipe's check that what was installed works.
    Verify,
    /// The role's check that the host does its work again.
    CareVerify,
    /// Puts the host back into service.
    Undrain,
    /// Asks whether the next member of the host's group may be taken down.
    Ready,
    /// Asks whether the host goes last of its group.
    Last,
    /// Silences the monitoring of the host, for a while that ends by itself.
    Silence,
    /// Ends that silence.
    Unsilence,
    /// Fetches what is to be installed, ahead of the visit.
    Stage,
    /// Brings a broken host back that does not answer, so that its visit can go on.
    Recovery,
    /// Makes what the host can be taken back by: a snapshot, before anything is changed.
    Protect,
    /// Removes what `protect` made.
    Unprotect,
}

impl StepKind {
    /// Every kind, in the order inside a visit.
    pub const ALL: [Self; 17] = [
        Self::Recovery,
        Self::Stage,
        Self::Inspect,
        Self::Precheck,
        Self::Protect,
        Self::Ready,
        Self::Last,
        Self::Silence,
        Self::Drain,
        Self::Apply,
        Self::Rollback,
        Self::Reboot,
        Self::Verify,
        Self::CareVerify,
        Self::Undrain,
        Self::Unsilence,
        Self::Unprotect,
    ];

    /// What runs for a host outside its visits, by position in a visit of the kind [`VisitKind::Errand`].
    pub const ERRANDS: [Self; 2] = [Self::Stage, Self::Unprotect];

    /// The kind's place in [`StepKind::ALL`].
    const fn rank(self) -> u8 {
        match self {
            Self::Recovery => 0,
            Self::Stage => 1,
            Self::Inspect => 2,
            Self::Precheck => 3,
            Self::Protect => 4,
            Self::Ready => 5,
            Self::Last => 6,
            Self::Silence => 7,
            Self::Drain => 8,
            Self::Apply => 9,
            Self::Rollback => 10,
            Self::Reboot => 11,
            Self::Verify => 12,
            Self::CareVerify => 13,
            Self::Undrain => 14,
            Self::Unsilence => 15,
            Self::Unprotect => 16,
        }
    }

    /// The word in documents and output.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Inspect => "inspect",
            Self::Precheck => "precheck",
            Self::Drain => "drain",
            Self::Apply => "apply",
            Self::Rollback => "rollback",
            Self::Reboot => "reboot",
            Self::Verify => "verify",
            Self::CareVerify => "care-verify",
            Self::Undrain => "undrain",
            Self::Ready => "ready",
            Self::Last => "last",
            Self::Silence => "silence",
            Self::Unsilence => "unsilence",
            Self::Stage => "stage",
            Self::Recovery => "recovery",
            Self::Protect => "protect",
            Self::Unprotect => "unprotect",
        }
    }

    /// What the step does to a host's service in an update visit.
    pub const fn class(self) -> StepClass {
        match self {
            // Nobody is served worse while nobody would be told of it: a silence owes its end, and takes nothing down.
            // What is fetched lies there and does nothing, and so does a snapshot.
            Self::Inspect
            | Self::Precheck
            | Self::Ready
            | Self::Last
            | Self::Silence
            | Self::Stage
            | Self::Protect
            | Self::Unprotect => StepClass::Preparing,
            Self::Drain | Self::Apply | Self::Reboot => StepClass::Disruptive,
            // Who answers nobody has no service to lose.
            Self::Rollback
            | Self::Verify
            | Self::CareVerify
            | Self::Undrain
            | Self::Unsilence
            | Self::Recovery => StepClass::Restorative,
        }
    }

    /// Whether it may start in a scope that is halted, paused or stopped (I4). In a rollback visit everything may. A host that
    /// answers nobody is not brought back there: somebody may be at it.
    pub const fn may_start_when_held(self, visit: VisitKind) -> bool {
        let restores =
            matches!(self.class(), StepClass::Restorative) && !matches!(self, Self::Recovery);
        matches!(visit, VisitKind::Rollback) || restores
    }

    /// Whether a failure of it says nothing of the host's service: it was not touched, or is back.
    ///
    /// Such a failure counts once it is final, and the host is not down by it.
    pub const fn leaves_up(self) -> bool {
        match self {
            Self::Inspect
            | Self::Precheck
            | Self::Ready
            | Self::Last
            | Self::Silence
            | Self::Unsilence
            | Self::Stage
            | Self::Protect
            | Self::Unprotect => true,
            Self::Drain
            | Self::Apply
            | Self::Rollback
            | Self::Reboot
            | Self::Verify
            | Self::CareVerify
            | Self::Undrain
            | Self::Recovery => false,
        }
    }

    /// Whether it is a question about the group that may postpone a visit.
    pub const fn may_postpone(self) -> bool {
        matches!(self, Self::Ready | Self::Last)
    }

    /// Whether starting it takes a host's service down, and so needs its budgets and its peers (I3, I7).
    ///
    /// A `rollback` changes a host exactly as `apply` does, so it counts here although it is restorative.
    pub const fn takes_down(self) -> bool {
        matches!(
            self,
            Self::Drain | Self::Apply | Self::Reboot | Self::Rollback
        )
    }
}

impl PartialOrd for StepKind {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for StepKind {
    fn cmp(&self, other: &Self) -> Ordering {
        self.rank().cmp(&other.rank())
    }
}

impl fmt::Display for StepKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// What a step does to a host's service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum StepClass {
    /// No effect on service.
    Preparing,
    /// May take the service down.
    Disruptive,
    /// Brings the service back or checks that it is.
    Restorative,
}

/// Why a host is visited.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum VisitKind {
    /// To bring the update.
    Update,
    /// To finish what a hold interrupted: the update is applied, its restart was withheld.
    Restart,
    /// To take the host back to what it had.
    Rollback,
    /// No visit: one step on its own, outside of any. Which one is its position, by [`StepKind::ERRANDS`].
    Errand,
}

impl VisitKind {
    /// Every kind of visit, in the order of their step lists in a route.
    pub const ALL: [Self; 3] = [Self::Update, Self::Restart, Self::Rollback];

    /// The word in output.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Update => "update",
            Self::Restart => "restart",
            Self::Rollback => "rollback",
            Self::Errand => "errand",
        }
    }
}

/// Where a step runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Place {
    /// On the host that is visited.
    #[default]
    Host,
    /// Where Ringway runs.
    Controller,
    /// On another member of the host's availability group, which the engine chooses when it decides the step.
    Peer,
}

/// What is done when re-attaching has shown that a step is not running and left no result.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AfterCrash {
    /// Run it again: only where the step is declared idempotent.
    Repeat,
    /// Ask the recipe's `inspect` first.
    #[default]
    Inspect,
}

/// What a driver or an envelope says of one execution of a step, before anything is read into it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RawReport {
    /// It ended by itself.
    Ended {
        /// The exit code; 128 + n where signal n ended it.
        exit: i32,
        /// The end of what it printed, bounded by the driver, secrets redacted.
        output: String,
        /// Restarts of the host seen during a `reboot` step; 0 for every other step, and where its `when` said no.
        restarts: u16,
    },
    /// It did not end within its timeout; its process group was ended.
    TimedOut {
        /// The end of what it printed.
        output: String,
    },
    /// The host could not be reached, and nothing is known to have begun there.
    Unreachable {
        /// What the attempt met.
        why: String,
    },
    /// It began, is not running any more, and left no result.
    Interrupted,
    /// It is known never to have begun.
    NeverStarted,
    /// It was taken back before it began.
    Withdrawn,
    /// A `reboot`: the host did not come back, or its restarts were not those expected.
    NotBack {
        /// Restarts seen.
        restarts: u16,
        /// What was missing.
        why: String,
    },
    /// The host has seen a later decider and refuses this one.
    Fenced {
        /// The epoch the host has seen.
        seen: u64,
    },
    /// The host was reached and nothing began there: it would not let this step run (no `sudo`, a full disk, a tool that
    /// is missing).
    Refused {
        /// What it lacks, in a sentence that can be shown.
        why: String,
    },
}

/// What a step's end means, read from its report by the step's own declarations.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum StepResult {
    /// It did what it was for.
    Done,
    /// An `inspect`: what was found.
    Found {
        /// Whether the release is already there.
        installed: bool,
        /// What a rollback would go back to.
        previous: Option<String>,
    },
    /// A `reboot`: the host is back after so many restarts (0: none was needed).
    Back {
        /// Restarts seen.
        restarts: u16,
    },
    /// It failed.
    Failed(FailWhy),
    /// The host could not be reached.
    Unreachable,
    /// It began and left no result.
    Interrupted,
    /// It never began: it may be decided again.
    NotStarted,
    /// A `ready` or a `last`: the answer.
    Answered {
        /// Whether it is yes.
        yes: bool,
    },
    /// A `protect`: what it made is there.
    Protected {
        /// The name it printed: what `unprotect` and `rollback` are given.
        name: String,
    },
}

/// Why a step, or a host, failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FailWhy {
    /// Its command ended with an exit code other than 0.
    Exit,
    /// Its output was not what was expected.
    Unexpected,
    /// It did not end in time.
    TimedOut,
    /// It began and left no result, and its inspection did not show it done.
    Interrupted,
    /// The host restarted more often than said.
    RestartLoop,
    /// The host did not come back in time after a restart.
    NotBack,
    /// Its probe was bad for longer than its gate allows.
    ProbeDown,
    /// The host refused this decider.
    Fenced,
    /// The host was reached and would not let the step run.
    Refused,
    /// Its group was not ready for as long as its care waits.
    NotReady,
    /// No member of its availability group was evidently up to run it.
    NoPeer,
    /// The member of its availability group that was to run it could not be reached.
    PeerUnreachable,
    /// Whoever did it by hand said that it failed.
    Person,
    /// The host does not answer, and a probe finds that it serves: it is not taken down to be mended.
    Serves,
}

impl FailWhy {
    /// The words people are shown.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Exit => "its command failed",
            Self::Unexpected => "its output was not what was expected",
            Self::TimedOut => "it did not end in time",
            Self::Interrupted => "it was interrupted and inspection did not find it done",
            Self::RestartLoop => "the host restarted more often than said",
            Self::NotBack => "the host did not come back in time",
            Self::ProbeDown => "its probe was down for longer than its gate allows",
            Self::Fenced => "the host refused this decider",
            Self::Refused => "the host would not let it run",
            Self::NotReady => "the answer was no for as long as its care waits",
            Self::NoPeer => "no other member of its group was evidently up to run it",
            Self::PeerUnreachable => "the member that was to run it could not be reached",
            Self::Person => "whoever did it by hand said that it failed",
            Self::Serves => "the host does not answer, and a probe finds that it serves",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_ordered_as_they_follow_one_another_in_a_visit() {
        for (place, kind) in StepKind::ALL.into_iter().enumerate() {
            assert_eq!(usize::from(kind.rank()), place, "{kind}");
        }
        assert!(StepKind::ALL.is_sorted());
    }
}
