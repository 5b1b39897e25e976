//! What was decided. Applying all events in order to a new engine gives the state: the journal is these.

use ringway_model::{
    Actor, ChangeId, Content, Digest, Epoch, Evidence, HostId, IntentId, ProbeId, RingIndex,
    RolloutId, Says, Slot, Span, StepResult, Timestamp, VisitKind,
};
use serde::{Deserialize, Serialize};

use crate::advisory::{Advisory, Ruling};
use crate::command::{Exhibit, HoldKind, Subject, Told};
pub use crate::ends::{Final, HaltCause, Then};
use crate::exception::Exception;
use crate::host::HostState;
use crate::times::Calendar;

/// One decided fact. All events of a batch share the batch's instant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Event {
    /// A decider took over. Evidence is unknown again, and soaks stand still until there is some.
    Recovered {
        /// Its fencing number.
        epoch: Epoch,
        /// The last instant soaks are credited to.
        last_alive: Timestamp,
    },
    /// Ringway was running at this instant.
    Alive,
    /// The clock jumped; soaks are not credited for the gap.
    ClockJumped {
        /// The last instant before.
        from: Timestamp,
    },
    /// The fleet that rollouts run over from now on.
    FleetAdopted {
        /// Digest of its `FleetSpec`.
        fleet: Digest,
    },
    /// Everything stopped.
    Stopped {
        /// By whom.
        actor: Actor,
        /// Why.
        reason: String,
    },
    /// A stopped or faulted fleet goes on.
    Went {
        /// By whom.
        actor: Actor,
        /// Why.
        reason: String,
    },
    /// The engine found one of its own invariants broken; everything stopped.
    Faulted {
        /// What it found.
        what: String,
    },
    /// A rollout exists.
    Proposed {
        /// Its id.
        rollout: RolloutId,
        /// Digest of its plan.
        plan: Digest,
        /// Who started it.
        actor: Actor,
        /// The caller's own name for the request.
        key: Option<String>,
    },
    /// Somebody said yes.
    Approved {
        /// The rollout.
        rollout: RolloutId,
        /// To what.
        subject: Subject,
        /// Who.
        actor: Actor,
        /// The digest that was shown.
        digest: Digest,
        /// The conditions that were shown, under which the approval is kept.
        conditions: Conditions,
    },
    /// Somebody's yes no longer stands, because what came is worse than what was shown.
    ApprovalVoided {
        /// The rollout.
        rollout: RolloutId,
        /// To what.
        subject: Subject,
        /// Whose.
        actor: Actor,
        /// A word why.
        why: String,
    },
    /// Somebody said no; the rollout pauses.
    Declined {
        /// The rollout.
        rollout: RolloutId,
        /// Who.
        actor: Actor,
        /// Why.
        reason: String,
    },
    /// A ring's visits may start.
    RingOpened {
        /// The rollout.
        rollout: RolloutId,
        /// The ring.
        ring: RingIndex,
    },
    /// A ring's last reachable host has settled.
    SoakBegan {
        /// The rollout.
        rollout: RolloutId,
        /// The ring.
        ring: RingIndex,
    },
    /// The soak stands still.
    SoakHeld {
        /// The rollout.
        rollout: RolloutId,
    },
    /// The soak goes on.
    SoakContinued {
        /// The rollout.
        rollout: RolloutId,
    },
    /// The ring was observed for long enough.
    SoakEnded {
        /// The rollout.
        rollout: RolloutId,
    },
    /// The ring's evidence and approvals allow going on.
    Promoted {
        /// The rollout.
        rollout: RolloutId,
        /// The ring.
        ring: RingIndex,
    },
    /// The rollout rests.
    Paused {
        /// The rollout.
        rollout: RolloutId,
        /// By whom.
        actor: Actor,
        /// Why.
        reason: String,
    },
    /// The rollout stopped because of harm.
    Halted {
        /// The rollout.
        rollout: RolloutId,
        /// Why.
        cause: HaltCause,
    },
    /// A paused or halted rollout goes on.
    Resumed {
        /// The rollout.
        rollout: RolloutId,
        /// By whom.
        actor: Actor,
        /// Why.
        reason: String,
    },
    /// The rollout will end without completion, once what is in flight is finished.
    CancelBegan {
        /// The rollout.
        rollout: RolloutId,
        /// By whom.
        actor: Actor,
        /// Why.
        reason: String,
    },
    /// Hosts that have the update go back to what they had.
    RollbackBegan {
        /// The rollout.
        rollout: RolloutId,
        /// By whom.
        actor: Actor,
        /// Why.
        reason: String,
    },
    /// The rollout is over.
    Finished {
        /// The rollout.
        rollout: RolloutId,
        /// How.
        how: Final,
    },
    /// A step was decided: the intent to run it. The first one of a visit begins the visit.
    StepIssued {
        /// Its id.
        intent: IntentId,
        /// The kind of visit it belongs to.
        visit: VisitKind,
        /// Its position in that visit.
        position: u8,
        /// Which attempt, from 1.
        attempt: u8,
    },
    /// A step ended, and what follows from it for its host.
    StepEnded {
        /// Its id.
        intent: IntentId,
        /// How.
        result: StepResult,
        /// What follows.
        then: Then,
    },
    /// A host's state changed for another reason than the end of a step: time, evidence, a hold.
    HostMoved {
        /// The rollout.
        rollout: RolloutId,
        /// The host's slot.
        slot: Slot,
        /// Its state now.
        to: HostState,
        /// When this state is due to change by itself; `NEVER` where it is not.
        until: Timestamp,
    },
    /// What is known of a host changed.
    EvidenceChanged {
        /// The host.
        host: HostId,
        /// By which probe.
        probe: ProbeId,
        /// What is known now.
        to: Evidence,
    },
    /// A host of a rollout restarted outside a `reboot` step.
    Restarted {
        /// The rollout.
        rollout: RolloutId,
        /// The host's slot.
        slot: Slot,
    },
    /// Hosts of another database of this fleet may be taken over from now on.
    HostsAdopted {
        /// The other database.
        incarnation: u64,
        /// By whom.
        actor: Actor,
        /// Why.
        reason: String,
    },
    /// A person left a host out; its state is `Skipped` from now on.
    HostSkipped {
        /// The rollout.
        rollout: RolloutId,
        /// The host's slot.
        slot: Slot,
        /// Who.
        actor: Actor,
        /// Why.
        reason: String,
    },
    /// A person wants a host to be visited (again).
    HostRetried {
        /// The rollout.
        rollout: RolloutId,
        /// The host's slot.
        slot: Slot,
        /// Who.
        actor: Actor,
        /// Why.
        reason: String,
    },
    /// A host is not to be touched.
    HostHeld {
        /// The host.
        host: HostId,
        /// Whether it is only that, or somebody else's work.
        kind: HoldKind,
        /// By whom.
        actor: Actor,
        /// Why.
        reason: String,
        /// When it ends by itself.
        until: Option<Timestamp>,
    },
    /// A host may be touched again, as far as this hold is concerned.
    HostReleased {
        /// The host.
        host: HostId,
        /// Which kind of hold ended.
        kind: HoldKind,
        /// By whom; absent: its time was over.
        actor: Option<Actor>,
        /// Why.
        reason: String,
    },
    /// Somebody wrote something down. Decides nothing.
    Commented {
        /// The rollout.
        rollout: RolloutId,
        /// The host's slot, where it is about one.
        slot: Option<Slot>,
        /// Who.
        actor: Actor,
        /// What.
        text: String,
    },
    /// The instants of a plan's rules about time are known.
    CalendarKnown {
        /// The rollout.
        rollout: RolloutId,
        /// They.
        calendar: Calendar,
    },
    /// The ticket by which a change management system knows the rollout that was just proposed.
    ChangeNamed {
        /// The rollout.
        rollout: RolloutId,
        /// The ticket.
        change: ChangeId,
    },
    /// People may work in a freeze, in one rollout and for some time.
    FreezeOverridden {
        /// The rollout.
        rollout: RolloutId,
        /// The freeze.
        freeze: String,
        /// Who decided it.
        actor: Actor,
        /// Why.
        reason: String,
        /// When the freeze holds again.
        until: Timestamp,
    },
    /// What an external gate says changed.
    GateSaid {
        /// The rollout.
        rollout: RolloutId,
        /// The gate's number in the plan.
        gate: u16,
        /// What is known now.
        says: Says,
        /// What its command added.
        why: String,
    },
    /// The fleet that rollouts in flight run over is another one from now on. Its hosts have the numbers they had.
    FleetRefreshed {
        /// Digest of its `FleetSpec`.
        fleet: Digest,
        /// By whom.
        actor: Actor,
    },
    /// A rollout goes on by the next revision of its plan.
    PlanRevised {
        /// The rollout.
        rollout: RolloutId,
        /// Digest of the revision.
        plan: Digest,
    },
    /// The step that is issued next runs on another member of the host's availability group.
    PeerChosen {
        /// The step's id.
        intent: IntentId,
        /// Where it runs.
        peer: HostId,
    },
    /// Somebody said yes. (`Approved` is how journals told it before there was more to show.)
    ApprovalGiven {
        /// The rollout.
        rollout: RolloutId,
        /// To what.
        subject: Subject,
        /// The user who said it.
        actor: Actor,
        /// The digest that was shown.
        digest: Digest,
        /// The conditions that were shown, under which the approval is kept.
        conditions: Conditions,
        /// What else was shown, and as whom they said it.
        shown: Shown,
        /// Why, where they said so.
        reason: String,
    },
    /// People ended a soak before its time, as the policy lets them.
    SoakCutShort {
        /// The rollout.
        rollout: RolloutId,
        /// The ring.
        ring: RingIndex,
        /// How long it was observed.
        observed: Span,
        /// Who wanted it.
        people: Vec<String>,
    },
    /// Somebody asks a question about what is to be approved.
    Asked {
        /// The rollout.
        rollout: RolloutId,
        /// Its number in the rollout, from 1.
        number: u32,
        /// Who.
        actor: Actor,
        /// Whom: a person or a team.
        to: Option<String>,
        /// What.
        text: String,
    },
    /// Somebody answers a question.
    Answered {
        /// The rollout.
        rollout: RolloutId,
        /// The question's number.
        number: u32,
        /// Who.
        actor: Actor,
        /// What.
        text: String,
    },
    /// A step was decided that a person does by hand: the intent to have it done. The first one of a visit begins the
    /// visit. Nothing runs, and it ends by a person's word.
    WorkAsked {
        /// Its id.
        intent: IntentId,
        /// The kind of visit it belongs to.
        visit: VisitKind,
        /// Its position in that visit.
        position: u8,
        /// Which attempt, from 1.
        attempt: u8,
        /// By when it should be done.
        due: Timestamp,
    },
    /// A person said how work by hand ended; the end of the step follows.
    WorkTold {
        /// The step.
        intent: IntentId,
        /// Who.
        actor: Actor,
        /// How it ended.
        told: Told,
        /// Why.
        reason: String,
        /// What shows it.
        exhibit: Option<Exhibit>,
    },
    /// An exception is in force from now on, in place of the one of this id where there is one.
    Excepted {
        /// It.
        exception: Exception,
        /// By whom it was brought.
        actor: Actor,
    },
    /// An exception is over.
    ExceptionEnded {
        /// Its id.
        id: String,
        /// By whom; absent: its time was over.
        actor: Option<Actor>,
        /// Why.
        reason: String,
    },
    /// An inspection found the release on a host, and somebody else must have put it there. Its state is in the end of the step.
    ChangedOutside {
        /// The rollout.
        rollout: RolloutId,
        /// The host's slot.
        slot: Slot,
        /// The content that is there, as inspection told it.
        found: Option<String>,
        /// What was known of it before.
        was: String,
    },
    /// Content must not be installed any more, by any rollout.
    Poisoned {
        /// Which.
        contents: Vec<Content>,
        /// By whom.
        actor: Actor,
        /// Why.
        reason: String,
    },
    /// Content may be installed again.
    Unpoisoned {
        /// Which.
        contents: Vec<Content>,
        /// By whom.
        actor: Actor,
        /// Why.
        reason: String,
    },
    /// Another rollout, which was proposed just now, takes the place of this one: it visits nobody any more.
    SupersedeBegan {
        /// The rollout.
        rollout: RolloutId,
        /// The one that takes its place.
        by: RolloutId,
        /// Who decided it.
        actor: Actor,
        /// Why.
        reason: String,
    },
    /// A rollout that was proposed in a lane of its policy.
    LaneEntered {
        /// The rollout.
        rollout: RolloutId,
        /// The lane.
        lane: String,
        /// By whom.
        actor: Actor,
        /// Why; empty where nobody said: then no freeze gives way.
        reason: String,
    },
    /// Somebody asks that a rollout go on in a lane of its policy.
    LaneAsked {
        /// The rollout.
        rollout: RolloutId,
        /// The lane.
        lane: String,
        /// Digest of its plan in that lane.
        plan: Digest,
        /// Who.
        actor: Actor,
        /// Why.
        reason: String,
    },
    /// What was asked for so is asked for no more.
    LaneLapsed {
        /// The rollout.
        rollout: RolloutId,
        /// A word why.
        why: String,
    },
    /// A rollout goes on in a lane of its policy, or again as everybody; its plan changes with it.
    Expedited {
        /// The rollout.
        rollout: RolloutId,
        /// The lane; absent: none any more.
        lane: Option<String>,
        /// Digest of its plan from now on.
        plan: Digest,
        /// Who asked for it.
        actor: Actor,
        /// Why.
        reason: String,
        /// The people who approved it.
        people: Vec<String>,
    },
    /// A person lets a stratum go on although too little is known of it.
    UntestedAccepted {
        /// The rollout.
        rollout: RolloutId,
        /// The stratum: its labels and values.
        stratum: String,
        /// Who.
        actor: Actor,
        /// Why.
        reason: String,
    },
    /// This is what somebody says of the content of updates from now on, in place of what is known under this id. Unless its
    /// rank is unverified it counts at once.
    Advised {
        /// It.
        advisory: Advisory,
        /// By whom it was brought.
        actor: Actor,
    },
    /// A person said what becomes of an advisory.
    AdvisoryRuled {
        /// Its id.
        id: String,
        /// What.
        ruling: Ruling,
        /// Who.
        actor: Actor,
        /// Why.
        reason: String,
    },
    /// Somebody asks that content may be installed again, to which policies want others to agree. It stays poisoned.
    UnpoisonAsked {
        /// The number of what is asked, from 1.
        number: u32,
        /// Which content.
        contents: Vec<Content>,
        /// Who.
        actor: Actor,
        /// Why.
        reason: String,
    },
    /// Somebody agrees. With the last one that is needed the content is poisoned no longer, which is told by itself.
    UnpoisonApproved {
        /// The number of what is asked.
        number: u32,
        /// The user who said it.
        actor: Actor,
        /// The person whose user that is.
        person: String,
        /// The team of which that person is a deputy, where they are no member of any that may approve.
        deputy_in: Option<String>,
        /// The digest that was shown.
        digest: Digest,
    },
    /// It is asked no longer, and the content stays poisoned.
    UnpoisonLapsed {
        /// The number of what was asked.
        number: u32,
        /// Who said no; absent: nobody, it is void.
        actor: Option<Actor>,
        /// Why.
        why: String,
    },
    /// What was made of a host before it was changed is to be removed.
    ProtectionEnds {
        /// The rollout that made it.
        rollout: RolloutId,
        /// The host's slot.
        slot: Slot,
        /// Its number among those of that slot.
        number: u32,
        /// Who wants that; absent: its time is over.
        actor: Option<Actor>,
        /// Why.
        reason: String,
    },
    /// A person said that it is gone: it is listed no more.
    ProtectionGone {
        /// The rollout that made it.
        rollout: RolloutId,
        /// The host's slot.
        slot: Slot,
        /// Its number among those of that slot.
        number: u32,
        /// Who.
        actor: Actor,
        /// Why.
        reason: String,
    },
}

impl Event {
    /// The rollout it is about; `None` for the fleet, for a host in all rollouts, and for Ringway itself.
    pub const fn rollout(&self) -> Option<RolloutId> {
        match self {
            Self::Proposed { rollout, .. }
            | Self::UntestedAccepted { rollout, .. }
            | Self::Approved { rollout, .. }
            | Self::ApprovalVoided { rollout, .. }
            | Self::Declined { rollout, .. }
            | Self::RingOpened { rollout, .. }
            | Self::SoakBegan { rollout, .. }
            | Self::SoakHeld { rollout }
            | Self::SoakContinued { rollout }
            | Self::SoakEnded { rollout }
            | Self::Promoted { rollout, .. }
            | Self::Paused { rollout, .. }
            | Self::Halted { rollout, .. }
            | Self::Resumed { rollout, .. }
            | Self::CancelBegan { rollout, .. }
            | Self::RollbackBegan { rollout, .. }
            | Self::Finished { rollout, .. }
            | Self::HostMoved { rollout, .. }
            | Self::Restarted { rollout, .. }
            | Self::HostSkipped { rollout, .. }
            | Self::HostRetried { rollout, .. }
            | Self::Commented { rollout, .. }
            | Self::CalendarKnown { rollout, .. }
            | Self::ChangeNamed { rollout, .. }
            | Self::FreezeOverridden { rollout, .. }
            | Self::GateSaid { rollout, .. }
            | Self::PlanRevised { rollout, .. }
            | Self::LaneEntered { rollout, .. }
            | Self::LaneAsked { rollout, .. }
            | Self::LaneLapsed { rollout, .. }
            | Self::Expedited { rollout, .. }
            | Self::ApprovalGiven { rollout, .. }
            | Self::SoakCutShort { rollout, .. }
            | Self::Asked { rollout, .. }
            | Self::SupersedeBegan { rollout, .. }
            | Self::ChangedOutside { rollout, .. }
            | Self::ProtectionEnds { rollout, .. }
            | Self::ProtectionGone { rollout, .. }
            | Self::Answered { rollout, .. } => Some(*rollout),
            Self::StepIssued { intent, .. }
            | Self::StepEnded { intent, .. }
            | Self::PeerChosen { intent, .. }
            | Self::WorkAsked { intent, .. }
            | Self::WorkTold { intent, .. } => Some(intent.rollout()),
            Self::Recovered { .. }
            | Self::Alive
            | Self::ClockJumped { .. }
            | Self::FleetAdopted { .. }
            | Self::Stopped { .. }
            | Self::Went { .. }
            | Self::Faulted { .. }
            | Self::EvidenceChanged { .. }
            | Self::HostsAdopted { .. }
            | Self::HostHeld { .. }
            | Self::HostReleased { .. }
            | Self::Excepted { .. }
            | Self::ExceptionEnded { .. }
            | Self::FleetRefreshed { .. }
            | Self::Poisoned { .. }
            | Self::Unpoisoned { .. }
            | Self::UnpoisonAsked { .. }
            | Self::UnpoisonApproved { .. }
            | Self::UnpoisonLapsed { .. }
            | Self::Advised { .. }
            | Self::AdvisoryRuled { .. } => None,
        }
    }
}

/// What a gate finds of a ring: its verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Every updated host is evidently up, and none is to come.
    Pass,
    /// Not every host is known yet.
    Inconclusive,
    /// Some updated host is down.
    Regressed,
}

impl Verdict {
    /// By which a digest knows it: whether it regressed. Silence is no success and no harm: a promotion waits for what is not
    /// known, and a yes must not be void because nobody could be asked for a moment, as after every takeover.
    pub(crate) const fn code(self) -> u8 {
        match self {
            Self::Pass | Self::Inconclusive => 0,
            Self::Regressed => 1,
        }
    }

    /// The word people are shown.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Inconclusive => "inconclusive",
            Self::Regressed => "regressed",
        }
    }
}

/// What an approver was shown besides [`Conditions`], and as whom they approved.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shown {
    /// The person whose user said yes.
    pub person: String,
    /// The team of which that person is a deputy, where they are no member of any that may approve.
    pub deputy_in: Option<String>,
    /// By gate of the plan: its verdict on the ring that was observed; none for a start.
    pub gates: Vec<Verdict>,
    /// Slots of the ring to come that people left out, ascending: with the plan, who is in it.
    pub left_out: Vec<Slot>,
    /// Kinds of hosts of the ring to come of which no earlier ring has an example with the update, or one to come:
    /// numbers of the plan's strata, ascending.
    pub untested: Vec<u16>,
    /// When the yes is void unless it was used.
    pub expires: Option<Timestamp>,
}

/// What an approver was shown beyond the documents: an approval is void where what arrives is worse.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Conditions {
    /// Slots of all rings so far that count as failed, ascending.
    pub failed: Vec<Slot>,
    /// Hosts left behind in the ring.
    pub debt: u32,
}
