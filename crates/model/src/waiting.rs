//! Why something does not move. Every non-moving state has a reason with its data, and what would unblock it (I14).

use serde::{Deserialize, Serialize};

use crate::advisory::{Effect, Rank};
use crate::content::Content;
use crate::evidence::Says;
use crate::ids::{Actor, HostId, RolloutId};
use crate::time::{Span, Timestamp};

/// The reason, with its data. CLI, API and console print the same words.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", rename_all_fields = "kebab-case")]
pub enum WaitingOn {
    /// Everything in the fleet is stopped.
    Stop {
        /// By whom.
        by: Actor,
        /// Why.
        reason: String,
    },
    /// The engine found one of its own invariants broken and stopped.
    Fault {
        /// What it found.
        what: String,
    },
    /// The rollout is paused.
    Pause {
        /// By whom.
        by: Actor,
        /// Why.
        reason: String,
    },
    /// The rollout is halted, and a person must decide how it goes on.
    Halt {
        /// Why.
        cause: String,
    },
    /// Approvals are missing, for the start or for going on after a ring.
    Approval {
        /// What a yes starts: the ring's name.
        to: String,
        /// Teams that may approve; empty when everybody may.
        by: Vec<String>,
        /// Valid approvals so far.
        have: u8,
        /// Approvals needed.
        need: u8,
        /// Who could still give one; empty where anybody may.
        #[serde(default)]
        could: Vec<String>,
        /// Who must not, although of the right team, each with why.
        #[serde(default)]
        cannot: Vec<String>,
        /// When the first of those that were given is void unless it is used.
        #[serde(default)]
        expires: Option<Timestamp>,
    },
    /// An earlier ring is not promoted yet.
    EarlierRing {
        /// The ring's name.
        ring: String,
    },
    /// Visits of the ring are still going on or to come.
    Visits {
        /// Hosts not begun.
        pending: u32,
        /// Hosts being visited or settling.
        in_flight: u32,
    },
    /// The ring soaks.
    Soak {
        /// When it ends if nothing interrupts it.
        until: Timestamp,
    },
    /// The soak stands still because too few hosts of the ring report.
    Blind {
        /// Hosts of the ring that must report.
        need: u32,
        /// Hosts that do.
        have: u32,
    },
    /// A gate has no verdict yet: some updated hosts are not evidently up.
    Gate {
        /// The gate's name.
        gate: String,
        /// Updated hosts of the ring.
        need: u32,
        /// Those evidently up.
        have: u32,
    },
    /// More hosts are offline or held than the policy allows the ring to leave behind.
    Debt {
        /// Hosts left behind.
        have: u32,
        /// Hosts that may be.
        allowed: u32,
    },
    /// A group that comes first is not done and healthy.
    Dependency {
        /// The group.
        group: String,
        /// Its hosts in this ring that are not done.
        open: u32,
        /// Its hosts in this ring that failed.
        failed: u32,
    },
    /// The ramp allows no further visit yet.
    Ramp {
        /// Visits at once now.
        in_flight: u32,
        /// Visits allowed now.
        limit: u32,
        /// Whether a failed attempt froze the ramp.
        frozen: bool,
    },
    /// The rollout's disruption budget is used up.
    Budget {
        /// Hosts down or about to be.
        used: u32,
        /// Hosts that may be.
        limit: u32,
    },
    /// Too many members of the availability group are down already.
    Peers {
        /// The availability group: group and label value.
        group: String,
        /// Members down or about to be.
        used: u32,
        /// Members that may be.
        limit: u32,
    },
    /// There is no fresh evidence that enough members of the availability group are up.
    PeerEvidence {
        /// The availability group: group and label value.
        group: String,
        /// Members that must stay up.
        need: u32,
        /// Other members evidently up.
        have: u32,
    },
    /// The availability group can never be kept up: too few members.
    Impossible {
        /// The availability group: group and label value.
        group: String,
    },
    /// Another rollout is visiting the host.
    Busy {
        /// The rollout.
        rollout: RolloutId,
    },
    /// Nothing is known yet about the host's health before the update.
    Baseline {
        /// The gate that has no evidence.
        gate: String,
    },
    /// The host was unhealthy before the update.
    UnhealthyBefore {
        /// The gate it fails.
        gate: String,
    },
    /// The host cannot be reached.
    Offline {
        /// The next attempt.
        retry_at: Timestamp,
    },
    /// A failed attempt is repeated later.
    Retry {
        /// When.
        at: Timestamp,
    },
    /// The host settles.
    Settle {
        /// When it has settled if nothing happens.
        until: Timestamp,
    },
    /// The host has the update but is not evidently up; it fails when this goes on.
    NotUp {
        /// The gate.
        gate: String,
        /// When it counts as unhealthy; absent while nothing is known (silence fails nobody and promotes nobody).
        until: Option<Timestamp>,
    },
    /// A step is running.
    Step {
        /// The host.
        host: HostId,
        /// The step's word.
        step: String,
    },
    /// All workers are busy.
    Worker,
    /// The update's restart is withheld until the hold ends.
    HoldEnds,
    /// A person holds the host.
    HostHold {
        /// By whom.
        by: Actor,
        /// Why.
        reason: String,
        /// When it ends by itself; absent: when somebody releases it.
        until: Option<Timestamp>,
    },
    /// Somebody else works on the host, as was declared.
    Maintenance {
        /// Who declared it.
        by: Actor,
        /// What for.
        reason: String,
        /// When it ends by itself; absent: when somebody ends it.
        until: Option<Timestamp>,
    },
    /// Work may not run on the host now: no window is open, or what is left of one is too short.
    Window {
        /// How long the rest of the visit may take; a window must be open for so long.
        for_at_least: Span,
        /// When one is; absent: in none that is known.
        opens: Option<Timestamp>,
    },
    /// A freeze holds.
    Freeze {
        /// Which, and why.
        reason: String,
        /// When it is over.
        until: Timestamp,
        /// When work may run next; absent: in no window that is known.
        opens: Option<Timestamp>,
    },
    /// When work may run is not known yet: the rules of the plan wait for the time zone database.
    Calendar,
    /// No host of the ring has the update: all were skipped or left behind, and nothing speaks for going on.
    NobodyUpdated {
        /// The ring's name.
        ring: String,
    },
    /// A yes does not count now: it is outside the hours in which it may be given.
    ApprovalHours {
        /// What a yes starts: the ring's name.
        to: String,
        /// When one counts again; absent: in no hours that are known.
        opens: Option<Timestamp>,
    },
    /// An external gate does not say that work may begin.
    ExternalGate {
        /// Its name.
        gate: String,
        /// What it says.
        says: Says,
        /// What its command added, as it ended.
        why: String,
        /// Since when.
        since: Timestamp,
        /// How often it is asked.
        every: Span,
    },
    /// The host's group was not ready for it to be taken down.
    NotReady {
        /// Since when the answer is no.
        since: Timestamp,
        /// When it is asked again.
        again: Timestamp,
        /// When it fails if the answer is still no.
        until: Timestamp,
    },
    /// The host goes last of its group, and others are still to be visited.
    GoesLast {
        /// The group, or the availability group.
        group: String,
        /// The first of the others by the plan's order.
        next: String,
        /// How many others there are.
        others: u32,
    },
    /// Every host of the group that is left says that it goes last.
    AllLast {
        /// The group, or the availability group.
        group: String,
        /// How many they are, this one included.
        hosts: u32,
        /// When this one is asked again.
        again: Timestamp,
    },
    /// A step runs on another member of the availability group, and none is evidently up and left in peace.
    NoPeer {
        /// The availability group: group and label value.
        group: String,
        /// The step's word.
        step: String,
        /// When the step counts as failed; absent where nothing of a visit has begun.
        until: Option<Timestamp>,
    },
    /// A person works on a host by hand, and nobody has said yet how it ended.
    ByHand {
        /// The host's name.
        host: String,
        /// What is to be done.
        work: String,
        /// Since when.
        since: Timestamp,
        /// By when it should be done. It is not taken for done or failed then: only a person knows.
        due: Timestamp,
        /// Whether that has passed.
        overdue: bool,
        /// Whether a file must be handed in with the word that it is done.
        evidence: bool,
        /// Whether work may not run there any more by its windows.
        outside: bool,
        /// Other hosts of the rollout that people work on.
        others: u32,
    },
    /// As many hosts as may are being staged.
    Staging {
        /// How many.
        in_flight: u32,
        /// How many may be.
        limit: u32,
    },
    /// An exception leaves the host out until it ends.
    Exception {
        /// Its id.
        id: String,
        /// Whose it is.
        owner: String,
        /// When it ends by itself.
        until: Timestamp,
    },
    /// The host's ring was promoted while an exception left it out: it is visited with the last ring.
    CatchUp {
        /// The last ring's name.
        ring: String,
    },
    /// What would be installed is poisoned.
    Poisoned {
        /// What, without its digest.
        content: Content,
        /// Who poisoned it.
        by: Actor,
        /// Why.
        reason: String,
    },
    /// Another rollout has taken the place of this one: it visits nobody any more.
    Superseded {
        /// That one.
        by: RolloutId,
    },
    /// Too little is known of a stratum for a later ring to visit more hosts of it.
    Evidence {
        /// The stratum: its labels and values.
        stratum: String,
        /// Its hosts that have the update and were seen healthy with it.
        hosts: u32,
        /// How many must be.
        need_hosts: u32,
        /// How long they were seen healthy with it, together.
        healthy: Span,
        /// How long they must have been.
        need_healthy: Span,
        /// Its hosts that are being visited, or settle.
        under_way: u32,
        /// When that can be at the earliest; absent where that is open, since it is not certain that a host on its way will
        /// show it, or no host of it is left that could.
        until: Option<Timestamp>,
    },
    /// An advisory keeps what would be installed, or the restart into it, from the host.
    Advisory {
        /// Its id.
        id: String,
        /// Whose it is.
        source: String,
        /// How far that is believed.
        rank: Rank,
        /// What it asks for: a hold, or a poisoning.
        effect: Effect,
        /// Who accepted it, where nobody has verified it.
        accepted_by: Option<Actor>,
        /// The update that mends it, where it says one.
        fixed_by: Option<String>,
        /// Labels that the host lacks, because of which it may not be meant.
        lacks: Vec<String>,
    },
    /// Its visit restarts the host, into what another rollout installed there and whose restart that one withholds.
    Withheld {
        /// That one.
        rollout: RolloutId,
    },
    /// What would be installed is poisoned, and somebody asks that it be so no longer.
    Unpoisoning {
        /// What, without its digest.
        content: Content,
        /// The number of what is asked.
        number: u32,
        /// Who asks.
        by: Actor,
        /// The policy whose approvals are missing.
        policy: String,
        /// Approvals it has.
        have: u8,
        /// Approvals it needs.
        need: u8,
        /// The teams that may give them; empty: anybody.
        teams: Vec<String>,
        /// When it is asked no longer.
        until: Option<Timestamp>,
    },
}

impl WaitingOn {
    /// The variant's name, as tests count coverage by it.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Stop { .. } => "stop",
            Self::Fault { .. } => "fault",
            Self::Pause { .. } => "pause",
            Self::Halt { .. } => "halt",
            Self::Approval { .. } => "approval",
            Self::EarlierRing { .. } => "earlier-ring",
            Self::Visits { .. } => "visits",
            Self::Soak { .. } => "soak",
            Self::Blind { .. } => "blind",
            Self::Gate { .. } => "gate",
            Self::Debt { .. } => "debt",
            Self::Dependency { .. } => "dependency",
            Self::Ramp { .. } => "ramp",
            Self::Budget { .. } => "budget",
            Self::Peers { .. } => "peers",
            Self::PeerEvidence { .. } => "peer-evidence",
            Self::Impossible { .. } => "impossible",
            Self::Busy { .. } => "busy",
            Self::Baseline { .. } => "baseline",
            Self::UnhealthyBefore { .. } => "unhealthy-before",
            Self::Offline { .. } => "offline",
            Self::Retry { .. } => "retry",
            Self::Settle { .. } => "settle",
            Self::NotUp { .. } => "not-up",
            Self::Step { .. } => "step",
            Self::Worker => "worker",
            Self::HoldEnds => "hold-ends",
            Self::HostHold { .. } => "host-hold",
            Self::Maintenance { .. } => "maintenance",
            Self::NobodyUpdated { .. } => "nobody-updated",
            Self::Window { .. } => "window",
            Self::Freeze { .. } => "freeze",
            Self::Calendar => "calendar",
            Self::ApprovalHours { .. } => "approval-hours",
            Self::ExternalGate { .. } => "external-gate",
            Self::NotReady { .. } => "not-ready",
            Self::GoesLast { .. } => "goes-last",
            Self::AllLast { .. } => "all-last",
            Self::NoPeer { .. } => "no-peer",
            Self::ByHand { .. } => "by-hand",
            Self::Staging { .. } => "staging",
            Self::Exception { .. } => "exception",
            Self::CatchUp { .. } => "catch-up",
            Self::Poisoned { .. } => "poisoned",
            Self::Superseded { .. } => "superseded",
            Self::Evidence { .. } => "evidence",
            Self::Advisory { .. } => "advisory",
            Self::Withheld { .. } => "withheld",
            Self::Unpoisoning { .. } => "unpoisoning",
        }
    }

    /// Every variant's name.
    pub const NAMES: [&'static str; 49] = [
        "stop",
        "fault",
        "pause",
        "halt",
        "approval",
        "earlier-ring",
        "visits",
        "soak",
        "blind",
        "gate",
        "debt",
        "dependency",
        "ramp",
        "budget",
        "peers",
        "peer-evidence",
        "impossible",
        "busy",
        "baseline",
        "unhealthy-before",
        "offline",
        "retry",
        "settle",
        "not-up",
        "step",
        "worker",
        "hold-ends",
        "host-hold",
        "maintenance",
        "nobody-updated",
        "window",
        "freeze",
        "calendar",
        "approval-hours",
        "external-gate",
        "not-ready",
        "goes-last",
        "all-last",
        "no-peer",
        "by-hand",
        "staging",
        "exception",
        "catch-up",
        "poisoned",
        "superseded",
        "evidence",
        "advisory",
        "withheld",
        "unpoisoning",
    ];

    /// The earliest instant at which this can be over by itself, where that is known.
    pub const fn earliest(&self) -> Option<Timestamp> {
        match self {
            Self::Soak { until } | Self::Settle { until } | Self::Exception { until, .. } => {
                Some(*until)
            }
            Self::Retry { at } | Self::Offline { retry_at: at } => Some(*at),
            Self::HostHold { until, .. }
            | Self::Maintenance { until, .. }
            | Self::Evidence { until, .. } => *until,
            Self::Window { opens, .. }
            | Self::Freeze { opens, .. }
            | Self::ApprovalHours { opens, .. } => *opens,
            Self::NotReady { again, .. } => Some(*again),
            Self::Stop { .. }
            | Self::Fault { .. }
            | Self::Pause { .. }
            | Self::Halt { .. }
            | Self::Approval { .. }
            | Self::EarlierRing { .. }
            | Self::Visits { .. }
            | Self::Blind { .. }
            | Self::Gate { .. }
            | Self::Debt { .. }
            | Self::Dependency { .. }
            | Self::Ramp { .. }
            | Self::Budget { .. }
            | Self::Peers { .. }
            | Self::PeerEvidence { .. }
            | Self::Impossible { .. }
            | Self::Busy { .. }
            | Self::Baseline { .. }
            | Self::UnhealthyBefore { .. }
            | Self::NotUp { .. }
            | Self::Step { .. }
            | Self::Worker
            | Self::HoldEnds
            | Self::Calendar
            | Self::ExternalGate { .. }
            | Self::GoesLast { .. }
            | Self::AllLast { .. }
            | Self::NoPeer { .. }
            | Self::NobodyUpdated { .. }
            | Self::ByHand { .. }
            | Self::CatchUp { .. }
            | Self::Staging { .. }
            | Self::Poisoned { .. }
            | Self::Unpoisoning { .. }
            | Self::Superseded { .. }
            | Self::Advisory { .. }
            | Self::Withheld { .. } => None,
        }
    }

    /// What would unblock it.
    #[expect(clippy::too_many_lines, reason = "it is read as one list")]
    pub const fn unblocked_by(&self) -> &'static str {
        match self {
            Self::Stop { .. } => "a person's `go`",
            Self::Fault { .. } => "a person's `go`, with a reason",
            Self::Pause { .. } => "a person's `resume`",
            Self::Halt { .. } => "a person's `resume` with a reason, `rollback` or `cancel`",
            Self::Approval { .. } => "a person's `ringway approve`",
            Self::EarlierRing { .. } => "the promotion of that ring",
            Self::Visits { in_flight: 0, .. } => "the end of what keeps its hosts",
            Self::Visits { .. } | Self::Step { .. } | Self::Busy { .. } | Self::Staging { .. } => {
                "the end of what is going on"
            }
            Self::Soak { .. }
            | Self::Settle { .. }
            | Self::Retry { .. }
            | Self::Window { opens: Some(_), .. }
            | Self::Freeze { opens: Some(_), .. } => "time",
            Self::Blind { .. } | Self::Gate { .. } | Self::Baseline { .. } => {
                "fresh samples of its probe"
            }
            Self::PeerEvidence { .. } => "fresh good samples of members that nobody works on",
            Self::Debt { .. } => {
                "the hosts coming back, a person's `release` of those that are held, `skip` of those that do not come, or `cancel`"
            }
            Self::Dependency { .. } => {
                "that group being done and healthy; a `rollback` or `cancel` where it failed"
            }
            Self::Ramp { .. } => "visits that settle; when frozen, a person's `halt` and `resume`",
            Self::Budget { .. } | Self::Peers { .. } => "hosts coming back up",
            Self::Impossible { .. } => "a larger group, or `accept_outage` in the fleet",
            Self::UnhealthyBefore { .. } | Self::NotUp { .. } => "the host's probe being good",
            Self::Offline { .. } => "the host coming back",
            Self::Worker => "a free worker",
            Self::HoldEnds => "a person's `resume`, `rollback` or `cancel`",
            Self::HostHold { until: None, .. } => "a person's `release`",
            Self::HostHold { until: Some(_), .. } => "time, or a person's `release`",
            Self::Maintenance { until: None, .. } => "its end: `maintenance end`",
            Self::Maintenance { until: Some(_), .. } => "its end, by time or `maintenance end`",
            Self::Window { opens: None, .. } | Self::Freeze { opens: None, .. } => {
                "other windows in the fleet or the policy, and a new rollout"
            }
            Self::Calendar => {
                "the machine's time zone database; the log says what is wrong with it"
            }
            Self::NotReady { .. } => "its `ready` saying yes; a person's `retry` asks at once",
            Self::GoesLast { .. } => "the others being done, or a person's `skip`",
            Self::AllLast { .. } => {
                "one of them saying no, as after a switchover by hand, or a person's `skip`"
            }
            Self::NoPeer { .. } => "fresh good samples of another member's probe",
            Self::NobodyUpdated { .. } => {
                "a person's `retry` of a host that was skipped, a host that comes back, or `cancel`"
            }
            Self::ApprovalHours { opens: Some(_), .. } => "time, and then a person's `approve`",
            Self::ApprovalHours { opens: None, .. } => {
                "other hours in the policy, and a new rollout"
            }
            Self::ExternalGate {
                says: Says::Closed, ..
            } => "the gate's command saying that it is open; a person's `cancel`",
            Self::ExternalGate { .. } => {
                "an answer of the gate's command: exit code 0 says open; a person's `cancel`"
            }
            Self::ByHand { .. } => "a person's word how it ended: `done`",
            Self::Exception { .. } => "its end, by time or `exception end`",
            Self::CatchUp { .. } => "that ring being opened, or a person's `retry`",
            Self::Evidence { until: Some(_), .. } => {
                "time, while its updated hosts are seen healthy; a person's `approve --accept-untested`, or `skip` of its hosts to come"
            }
            Self::Evidence {
                until: None,
                under_way: 1..,
                ..
            } => {
                "the end of its visits, then time; a person's `approve --accept-untested`, or `skip` of its hosts to come"
            }
            Self::Evidence { until: None, .. } => {
                "a person's `retry` of a host of it, `approve --accept-untested`, or `skip` of its hosts to come"
            }
            Self::Poisoned { .. } => {
                "a rollout of other content once this one is cancelled; a person's `skip`, `rollback` or `unpoison`"
            }
            Self::Unpoisoning { .. } => {
                "people's `approve --unpoison`; or a person's `skip`, `rollback` or `cancel`"
            }
            Self::Superseded { .. } => "the rollout that took its place",
            Self::Withheld { .. } => {
                "the other rollout's `resume` or `rollback`, or a fix in its place: `supersede`; a person's `skip`"
            }
            Self::Advisory {
                fixed_by: Some(_), ..
            } => {
                "a rollout of the update that mends it, once this one is over or cancelled; its withdrawal: `advisory withdraw`"
            }
            Self::Advisory { fixed_by: None, .. } => {
                "a rollout of other content, once this one is over or cancelled; its withdrawal: `advisory withdraw`"
            }
        }
    }
}
