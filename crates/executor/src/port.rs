//! What the loop is told and what it asks for. Every request's result is a later arrival.

use std::collections::BTreeSet;
use std::sync::Arc;

use ringway_engine::{Accepted, Calendar, Command, Rejected};
use ringway_model::{
    Actor, ChangeId, Content, Digest, Epoch, Hasher, HostId, IntentId, ProbeId, RawReport,
    RolloutId, RouteId, Sample, Says, Timestamp, VisitKind,
};
use ringway_scheduler::{FleetSpec, Plan};
use serde::{Deserialize, Serialize};

use crate::notices::Notices;

/// Something that happened outside, with the instant it is told.
#[derive(Clone, Debug)]
pub enum Arrival {
    /// The store was read; the answer to [`Request::Load`].
    Loaded(Box<Loaded>),
    /// A batch is durable; the answer to [`Request::Append`].
    Appended {
        /// Its sequence number.
        seq: u64,
    },
    /// A batch is not durable, or nobody knows.
    AppendFailed {
        /// Its sequence number.
        seq: u64,
        /// What happened.
        why: AppendFailure,
    },
    /// Somebody asks for something.
    Commanded {
        /// The caller's ticket for the reply.
        ticket: u64,
        /// Who.
        actor: Actor,
        /// What.
        order: Order,
    },
    /// A step ended, or what re-attaching found.
    StepReported {
        /// Which.
        intent: IntentId,
        /// What the driver says.
        report: RawReport,
    },
    /// A probe was run.
    Probed {
        /// On which host.
        host: HostId,
        /// Which probe.
        probe: ProbeId,
        /// What it found.
        sample: Sample,
    },
    /// A host's boot id was read.
    BootSeen {
        /// The host.
        host: HostId,
        /// The boot id; absent where it could not be read.
        boot: Option<String>,
    },
    /// The instants of a plan's rules about time; the answer to [`Request::Calendar`]. None where they cannot be had: it is
    /// asked again later.
    CalendarTold {
        /// The rollout.
        rollout: RolloutId,
        /// The plan whose rules they are, as it was asked.
        plan: Arc<Plan>,
        /// They.
        calendar: Option<Box<Calendar>>,
    },
    /// An external gate answered; the answer to [`Request::AskGate`].
    GateTold {
        /// The rollout.
        rollout: RolloutId,
        /// The gate's number in its plan.
        gate: u16,
        /// The answer.
        answer: GateAnswer,
    },
    /// The instant asked for with [`Request::WakeAt`] has come, or any other reason to look at the clock.
    Woken,
}

/// What the command of an external gate says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GateAnswer {
    /// What it says.
    pub says: Says,
    /// What it printed last, or why it says nothing.
    pub why: String,
}

/// A command, with the documents it brings.
#[derive(Clone, Debug)]
pub enum Order {
    /// A new rollout; its documents are registered under the actor in the same commit.
    Propose(Box<Proposal>),
    /// The fleet as it is now; what comes with it is registered under the actor in the same commit.
    Refresh(Box<Refresh>),
    /// Anything else.
    Command(Command),
    /// A word about work by hand with the file that shows it, or a request for a lane with the plan in it; they are kept in
    /// the same commit.
    HandIn(Box<HandIn>),
    /// A new rollout in the place of another one; its documents are registered under the actor in the same commit.
    Supersede(Box<Supersession>),
}

/// A new rollout that takes the place of another one.
#[derive(Clone, Debug)]
pub struct Supersession {
    /// The rollout whose place it takes.
    pub rollout: RolloutId,
    /// The new one.
    pub proposal: Proposal,
    /// What is poisoned with it.
    pub poison: Vec<Content>,
    /// Why.
    pub reason: String,
}

/// A command that names a file or a plan, with its bytes.
#[derive(Clone, Debug)]
pub struct HandIn {
    /// The command.
    pub command: Command,
    /// They.
    pub bytes: Vec<u8>,
}

/// A new rollout with everything it is made of.
#[derive(Clone, Debug)]
pub struct Proposal {
    /// The fleet.
    pub fleet: Arc<FleetSpec>,
    /// The plan.
    pub plan: Arc<Plan>,
    /// The documents as written: kind and name, text.
    pub documents: Vec<(String, String)>,
    /// The caller's own name for the request.
    pub key: Option<String>,
    /// The ticket by which a change management system knows the rollout.
    pub change: Option<ChangeId>,
    /// Why it hurries, where its plan is made in a lane and somebody says so.
    pub reason: Option<String>,
}

/// The fleet as its document is now, with what follows from it for rollouts in flight.
#[derive(Clone, Debug)]
pub struct Refresh {
    /// The fleet, in which hosts have the numbers they had.
    pub fleet: Arc<FleetSpec>,
    /// Rollouts whose plans change with it, each with the next revision.
    pub plans: Vec<(RolloutId, Arc<Plan>)>,
    /// The documents as written: kind and name, text.
    pub documents: Vec<(String, String)>,
}

/// What the store holds.
#[derive(Clone, Debug, Default)]
pub struct Loaded {
    /// Which database this is: a number drawn when it was made.
    pub incarnation: u64,
    /// The fencing number this process holds.
    pub epoch: Epoch,
    /// The last snapshot, if there is one.
    pub snapshot: Option<Snapshot>,
    /// Every row after the snapshot, in order.
    pub rows: Vec<Row>,
    /// Every registered fleet and plan that the rows and the snapshot refer to.
    pub blobs: Vec<Blob>,
}

/// One batch as it lies in the journal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Row {
    /// Its place, from 1, without gaps.
    pub seq: u64,
    /// When it was decided.
    pub at: Timestamp,
    /// By which decider.
    pub epoch: Epoch,
    /// The encoded batch; its first byte is the format's version.
    pub body: Vec<u8>,
    /// SHA-256 over the hash of the row before and all of the above: [`Row::hash_after`].
    pub hash: Digest,
}

impl Row {
    /// What stands for the row before the first one.
    pub const GENESIS: Digest = Digest::from_bytes([0; 32]);

    /// The hash this row must have where `prev` is the hash of the row before it, [`Row::GENESIS`] for the first.
    ///
    /// The one definition of the chain, for those who write a row, those who store it and those who audit it.
    pub fn hash_after(&self, prev: &Digest) -> Digest {
        Hasher::default()
            .part(prev.as_bytes())
            .part(&self.seq.to_le_bytes())
            .part(&self.at.0.to_le_bytes())
            .part(&self.epoch.0.to_le_bytes())
            .part(&self.body)
            .finish()
    }
}

/// Content by its digest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Blob {
    /// The digest of `bytes`.
    pub digest: Digest,
    /// `fleet`, `plan`, or `document` (a text as written).
    pub kind: String,
    /// The content.
    pub bytes: Vec<u8>,
}

/// The engine's state at a row, so that recovery need not fold everything.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    /// The last row it contains.
    pub seq: u64,
    /// That row's hash.
    pub hash: Digest,
    /// The state digest, which a fold from the first row must reach too.
    pub state: Digest,
    /// The encoded state.
    pub body: Vec<u8>,
}

/// Why a batch did not become durable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AppendFailure {
    /// A later decider holds the fleet.
    Fenced,
    /// The disk is full: nothing new may start until there is room.
    DiskFull,
    /// Anything else; whether the batch is there is not known.
    Other(String),
}

/// Something the loop asks for.
#[derive(Clone, Debug)]
pub enum Request {
    /// Read the store.
    Load,
    /// Read the store from the first row on, without a snapshot: the one there is does not read. Answered like
    /// [`Request::Load`].
    LoadAll,
    /// Make this durable, all or nothing.
    Append {
        /// The batch.
        row: Row,
        /// Content it refers to.
        blobs: Vec<Blob>,
        /// What people are to be told with it.
        notices: Notices,
    },
    /// Keep this snapshot; nobody waits for it.
    KeepSnapshot(Snapshot),
    /// Run a step, or re-attach to it.
    Start(Start),
    /// Take a step back if it has not begun; it is reported `Withdrawn` then, and as it ends otherwise.
    Withdraw(IntentId),
    /// Run a probe once.
    Probe {
        /// On which host.
        host: HostId,
        /// Which probe.
        probe: ProbeId,
    },
    /// Read a host's boot id once.
    SeeBoot {
        /// The host.
        host: HostId,
        /// The rollout's plan, whose route says how.
        plan: Arc<Plan>,
        /// The route.
        route: RouteId,
    },
    /// Turn a plan's rules about time into instants, from this instant on and for more than a year.
    Calendar {
        /// The rollout.
        rollout: RolloutId,
        /// Its plan.
        plan: Arc<Plan>,
        /// The first instant.
        from: Timestamp,
    },
    /// Ask an external gate once.
    AskGate {
        /// The rollout.
        rollout: RolloutId,
        /// The gate's number in its plan.
        gate: u16,
        /// The plan.
        plan: Arc<Plan>,
        /// The name of the ring that the rollout is at; before the start, of the first.
        ring: String,
        /// The ticket by which a change management system knows it.
        change: Option<ChangeId>,
    },
    /// Come back at this instant. Replaces every earlier wish.
    WakeAt(Timestamp),
    /// Answer a caller. Sent only when what it says is durable.
    Reply {
        /// The caller's ticket.
        ticket: u64,
        /// The answer.
        answer: Result<Accepted, Rejected>,
    },
    /// The loop has ended: somebody else holds the fleet, or the journal cannot be read.
    End(Ended),
}

/// A step to run.
#[derive(Clone, Debug)]
pub struct Start {
    /// Its id.
    pub intent: IntentId,
    /// The fencing number to give to the host.
    pub epoch: Epoch,
    /// The database, so that a recreated one is not taken for this one.
    pub incarnation: u64,
    /// The host.
    pub host: HostId,
    /// The fleet the host is of.
    pub fleet: Arc<FleetSpec>,
    /// The plan the step is from.
    pub plan: Arc<Plan>,
    /// The route.
    pub route: RouteId,
    /// The kind of visit.
    pub visit: VisitKind,
    /// The step's position in it.
    pub position: u8,
    /// Which attempt, from 1.
    pub attempt: u8,
    /// What the host had before, as `inspect` found it.
    pub previous: Option<String>,
    /// What the last protection of the host is called; for a `protect` what the one that it makes may be called.
    pub protection: Option<String>,
    /// The member of the host's availability group on which the step runs, where its plan says `at: peer`.
    pub peer: Option<HostId>,
    /// Databases from which this one may take the host over, by a person's decision.
    pub adopts: Arc<BTreeSet<u64>>,
    /// Whether the step may have begun before a crash: find it by its id, and never begin it anew.
    pub attach: bool,
    /// Whether it may begin although its scope is held: it brings the host back into service, or its policy wants it
    /// finished. Any other is taken back by a stop.
    pub may_run_when_held: bool,
}

/// Why the loop ended.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Ended {
    /// A later decider holds the fleet.
    #[error("a later decider holds the fleet")]
    Fenced,
    /// The journal does not read back to what was written.
    #[error("the journal cannot be trusted: {0}")]
    Corrupt(String),
}
