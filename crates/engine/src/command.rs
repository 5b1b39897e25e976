//! What people and automation ask for, and how they are answered.

use ringway_model::{ChangeId, Content, Digest, RingIndex, RolloutId, Timestamp};
use serde::{Deserialize, Serialize};

use crate::advisory::{Advisory, Ruling};
use crate::exception::Exception;

/// Something a person or automation asks for. Idempotent: asking again for what already is so is accepted and changes
/// nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Command {
    /// A new rollout of a registered plan over a registered fleet. The same `key` twice is one rollout.
    Propose {
        /// Digest of the `FleetSpec`.
        fleet: Digest,
        /// Digest of the `Plan`.
        plan: Digest,
        /// The caller's own name for this request.
        key: Option<String>,
    },
    /// A yes to what is asked for, as it was shown.
    Approve {
        /// The rollout.
        rollout: RolloutId,
        /// What is approved.
        subject: Subject,
        /// The digest that was shown with it.
        digest: Digest,
    },
    /// A no: the rollout pauses.
    Reject {
        /// The rollout.
        rollout: RolloutId,
        /// Why.
        reason: String,
    },
    /// The rollout rests; what is in flight is finished or taken back to service.
    Pause {
        /// The rollout.
        rollout: RolloutId,
        /// Why.
        reason: String,
    },
    /// A paused or halted rollout goes on. After a halt, the failures so far are accepted by whoever resumes.
    Resume {
        /// The rollout.
        rollout: RolloutId,
        /// Why; required after a halt.
        reason: String,
    },
    /// The rollout stops because of harm.
    Halt {
        /// The rollout.
        rollout: RolloutId,
        /// Why.
        reason: String,
    },
    /// The rollout ends without completion.
    Cancel {
        /// The rollout.
        rollout: RolloutId,
        /// Why.
        reason: String,
    },
    /// Every host of the rollout that has the update goes back to what it had.
    Rollback {
        /// The rollout.
        rollout: RolloutId,
        /// Why.
        reason: String,
    },
    /// Everything in the fleet stops.
    Stop {
        /// Why.
        reason: String,
    },
    /// A stopped or faulted fleet goes on.
    Go {
        /// Why; required after a fault.
        reason: String,
    },
    /// Hosts that belong to another database of this fleet (one that was lost and made anew) are taken over from it.
    Adopt {
        /// The other database, by the number drawn when it was made.
        incarnation: u64,
        /// Why; required.
        reason: String,
    },
    /// A host is left out of a rollout.
    Skip {
        /// The rollout.
        rollout: RolloutId,
        /// The host's name.
        host: String,
        /// Why; required.
        reason: String,
    },
    /// A host is visited (again): one that failed, was skipped, or could not be reached.
    Retry {
        /// The rollout.
        rollout: RolloutId,
        /// The host's name.
        host: String,
        /// Why; required where it failed.
        reason: String,
    },
    /// Hosts are not to be touched, in any rollout. What has begun is brought back into service.
    Hold {
        /// Their names.
        hosts: Vec<String>,
        /// Whether it is only that, or somebody else's work.
        kind: HoldKind,
        /// Why; required.
        reason: String,
        /// When it ends by itself.
        until: Option<Timestamp>,
    },
    /// A hold of hosts ends.
    Release {
        /// Their names.
        hosts: Vec<String>,
        /// Of which kind.
        kind: HoldKind,
        /// Why.
        reason: String,
    },
    /// Something people should know of a rollout, or of a host in it. Decides nothing.
    Comment {
        /// The rollout.
        rollout: RolloutId,
        /// The host's name, where it is about one.
        host: Option<String>,
        /// What.
        text: String,
    },
    /// As `Propose`, with the ticket by which a change management system knows the rollout.
    ProposeAs {
        /// Digest of the `FleetSpec`.
        fleet: Digest,
        /// Digest of the `Plan`.
        plan: Digest,
        /// The caller's own name for this request.
        key: Option<String>,
        /// The ticket.
        change: ChangeId,
    },
    /// Work may run in a freeze, in one rollout.
    OverrideFreeze {
        /// The rollout.
        rollout: RolloutId,
        /// The freeze's name.
        freeze: String,
        /// Why; required.
        reason: String,
        /// Until when.
        until: Timestamp,
    },
    /// The fleet is another one from now on, while rollouts run over it.
    Refresh {
        /// Digest of its `FleetSpec`, in which hosts have the numbers they had.
        fleet: Digest,
        /// The rollouts whose plans change with it, each with the digest of the next revision.
        plans: Vec<(RolloutId, Digest)>,
    },
    /// A yes to ending the soak of the open ring before its time, as it was shown.
    PromoteEarly {
        /// The rollout.
        rollout: RolloutId,
        /// The ring whose soak it is.
        ring: RingIndex,
        /// The digest that was shown with it.
        digest: Digest,
        /// Why; required.
        reason: String,
    },
    /// A question about what is to be approved.
    Ask {
        /// The rollout.
        rollout: RolloutId,
        /// Whom: a person or a team; absent: whoever can answer.
        to: Option<String>,
        /// What.
        text: String,
    },
    /// An answer to a question.
    Answer {
        /// The rollout.
        rollout: RolloutId,
        /// The question's number.
        number: u32,
        /// What.
        text: String,
    },
    /// How work that a person did by hand has ended.
    Done {
        /// The rollout; absent: the one in which somebody is to work on the host.
        rollout: Option<RolloutId>,
        /// The host's name.
        host: String,
        /// How it ended.
        told: Told,
        /// Why; required where it was not done.
        reason: String,
        /// What shows it.
        exhibit: Option<Exhibit>,
    },
    /// These exceptions are in force, each in place of the one of its id where there is one.
    Except {
        /// They.
        exceptions: Vec<Exception>,
    },
    /// An exception ends before its time.
    EndException {
        /// Its id.
        id: String,
        /// Why; required.
        reason: String,
    },
    /// Content must not be installed any more, by any rollout. What has begun is brought back into service.
    Poison {
        /// Which.
        what: Poisoning,
        /// Why; required.
        reason: String,
    },
    /// Content may be installed again, where no policy asks that others agree; otherwise they are asked.
    Unpoison {
        /// Its id.
        id: String,
        /// Its build; absent: whatever is poisoned of this id.
        build: Option<String>,
        /// Why; required.
        reason: String,
    },
    /// A new rollout takes the place of another one. That one ends, and content of it is poisoned, in the same decision.
    Supersede {
        /// The rollout whose place it takes.
        rollout: RolloutId,
        /// Digest of the `FleetSpec`.
        fleet: Digest,
        /// Digest of the `Plan`, which says for which situation it was made.
        plan: Digest,
        /// The caller's own name for this request.
        key: Option<String>,
        /// The ticket by which a change management system knows the new rollout.
        change: Option<ChangeId>,
        /// What must not be installed any more.
        poison: Vec<Content>,
        /// Why; required.
        reason: String,
    },
    /// As `ProposeAs`, where the plan is made in a lane and somebody says why.
    ProposeIn {
        /// Digest of the `FleetSpec`.
        fleet: Digest,
        /// Digest of the `Plan`.
        plan: Digest,
        /// The caller's own name for this request.
        key: Option<String>,
        /// The ticket, where it has one.
        change: Option<ChangeId>,
        /// Why it hurries.
        reason: String,
    },
    /// A rollout is to go on in a lane of its policy, or again as everybody.
    Expedite {
        /// The rollout.
        rollout: RolloutId,
        /// Digest of the revision of its plan in that lane, or in none.
        plan: Digest,
        /// Why; required.
        reason: String,
    },
    /// A stratum may go on although too little is known of it.
    AcceptUntested {
        /// The rollout.
        rollout: RolloutId,
        /// The stratum, as it is told.
        stratum: String,
        /// Why; required.
        reason: String,
    },
    /// This is what somebody says of the content of updates, each in place of the one of its id where there is one.
    Advise {
        /// They.
        advisories: Vec<Advisory>,
    },
    /// What becomes of an advisory.
    RuleAdvisory {
        /// Its id.
        id: String,
        /// What.
        ruling: Ruling,
        /// Why; required.
        reason: String,
    },
    /// A yes to taking a poisoning back.
    ApproveUnpoison {
        /// The number of what is asked.
        number: u32,
        /// The digest that was shown.
        digest: Digest,
    },
    /// A no to it.
    RejectUnpoison {
        /// The number of what is asked.
        number: u32,
        /// Why; required.
        reason: String,
    },
    /// What was made of a host before it was changed is removed, before its time or after it was tried in vain.
    Unprotect {
        /// The host's name.
        host: String,
        /// The rollout that made it; absent: whatever is there.
        rollout: Option<RolloutId>,
        /// Why; required.
        reason: String,
    },
    /// What was made of a host is gone: a person has removed it.
    Unprotected {
        /// The host's name.
        host: String,
        /// The rollout that made it; absent: whatever was there.
        rollout: Option<RolloutId>,
        /// Why; required.
        reason: String,
    },
}

/// Which content is meant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Poisoning {
    /// What has these ids and builds.
    Content {
        /// Each.
        contents: Vec<Content>,
    },
    /// What a rollout installs.
    Rollout {
        /// The rollout.
        rollout: RolloutId,
        /// Ids of the releases that are meant; empty: all of its releases.
        releases: Vec<String>,
    },
}

impl Command {
    /// The rollout it is about; `None` for one that is to be made, for hosts and for the fleet.
    pub const fn rollout(&self) -> Option<RolloutId> {
        match self {
            Self::Approve { rollout, .. }
            | Self::Reject { rollout, .. }
            | Self::Pause { rollout, .. }
            | Self::Resume { rollout, .. }
            | Self::Halt { rollout, .. }
            | Self::Cancel { rollout, .. }
            | Self::Rollback { rollout, .. }
            | Self::Skip { rollout, .. }
            | Self::Retry { rollout, .. }
            | Self::Supersede { rollout, .. }
            | Self::Comment { rollout, .. }
            | Self::PromoteEarly { rollout, .. }
            | Self::Ask { rollout, .. }
            | Self::Answer { rollout, .. }
            | Self::OverrideFreeze { rollout, .. }
            | Self::Expedite { rollout, .. }
            | Self::AcceptUntested { rollout, .. } => Some(*rollout),
            Self::Propose { .. }
            | Self::ProposeAs { .. }
            | Self::ProposeIn { .. }
            | Self::Stop { .. }
            | Self::Go { .. }
            | Self::Adopt { .. }
            | Self::Hold { .. }
            | Self::Release { .. }
            | Self::Except { .. }
            | Self::EndException { .. }
            | Self::Refresh { .. }
            | Self::Poison { .. }
            | Self::Unpoison { .. }
            | Self::ApproveUnpoison { .. }
            | Self::RejectUnpoison { .. }
            | Self::Advise { .. }
            | Self::RuleAdvisory { .. } => None,
            Self::Done { rollout, .. }
            | Self::Unprotect { rollout, .. }
            | Self::Unprotected { rollout, .. } => *rollout,
        }
    }
}

/// How a person says that work by hand has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Told {
    /// It is done.
    Done,
    /// It failed, or was given up when it had begun.
    Failed,
    /// It was never begun, and the host is as it was.
    Untouched,
}

impl Told {
    /// The words people are shown.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Failed => "FAILED",
            Self::Untouched => "never begun",
        }
    }
}

/// A file that was handed in as evidence. Its content lies beside the journal, under its digest.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Exhibit {
    /// The digest of its bytes.
    pub digest: Digest,
    /// Its name where it came from, without directories.
    pub name: String,
    /// How many bytes it has.
    pub size: u64,
}

/// Why a host is not to be touched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HoldKind {
    /// Somebody says so.
    Hold,
    /// Somebody else works on it. It counts as down, and what its probes say is nobody's fault.
    Maintenance,
}

impl HoldKind {
    /// The word people are shown.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Hold => "hold",
            Self::Maintenance => "maintenance",
        }
    }
}

/// What an approval is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Subject {
    /// The start of the rollout.
    Start,
    /// Going on after this ring.
    Promotion {
        /// The ring that was observed.
        ring: RingIndex,
    },
    /// Ending the soak of this ring before its time.
    Early {
        /// The ring that is observed.
        ring: RingIndex,
    },
    /// Going on in the lane that is asked for.
    Lane,
}

/// A command that was carried out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Accepted {
    /// The rollout it was about or made; absent for the whole fleet.
    pub rollout: Option<RolloutId>,
    /// Whether it changed anything.
    pub changed: bool,
}

/// A command that does not fit: why, and what would.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{why}")]
pub struct Rejected {
    /// A stable code, as the documentation lists them: `not-found`, `wrong-state`, `not-allowed`, `stale-digest`,
    /// `already-approved`, `nothing-to-approve`, `reason-missing`, `fleet-changed`, `nothing-to-roll-back`, `another-change`,
    /// `bad-key`, `outside-hours`, `stale-fleet`, `evidence-missing`, `too-large`, `poisoned`,
    /// `bad-content`, `stale-parts`, `stale-plan`, `no-lane`, `bad-advisory`, `lower-rank`, `accepted-as-it-was`.
    pub code: String,
    /// Why, as a sentence fragment.
    pub why: String,
    /// What would fit.
    pub hint: Option<String>,
}
