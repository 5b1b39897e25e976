//! Documents whose every value is known to be meaningful. Nothing here needs to be checked again.

use std::collections::BTreeMap;
use std::num::{NonZeroU16, NonZeroU32};

use ringway_model::{AfterCrash, Digest, Labels, Place, Selector, Share, Span};
use serde::{Deserialize, Serialize};

mod accept;
mod advisory;
mod calendar;
mod errands;
mod events;
mod evidence;
mod exception;
mod lane;
mod maintenance;
mod notify;
mod people;
mod update;
mod world;

pub use accept::Acceptance;
pub use advisory::{About, Advisory};
pub use calendar::{
    Binding, Cron, CronDays, Date, DayRule, FleetCalendar, Freeze, FreezeOverride, Frozen,
    HostCalendar, Hours, HoursOfDay, LocalTime, Moment, Nth, PolicyCalendar, Starts, TimeOfDay,
    Weekday, Weekdays, Window, ZoneName,
};
pub use errands::{Protect, Recovery, Stage};
pub use events::{Event, EventLength, Frequency, Repeat, RepeatEnds};
pub use evidence::{Evidence, WhereMissing};
pub use exception::{Exception, Excepts};
pub use lane::{Lane, LanePace, LaneSoak};
pub use maintenance::{Announced, AnnouncedFor, Maintenance};
pub use notify::{Escalate, Notify, NotifyRule, NotifyTo, Topic};
pub use people::{People, Person, Team};
pub use update::{Cve, Release, Restart, Update, Vendor};
pub use world::{
    AfterHalt, Away, Does, FaultModel, Flaky, HostModel, PeopleModel, Priors, Regression,
    ShareRange, Shows, SpanRange, StepFails, Watch, World, WorldRollout,
};

/// A fleet: what there is, and what depends on what.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fleet {
    /// The fleet's name.
    pub name: String,
    /// Digest of the document as written.
    pub digest: Digest,
    /// Hosts in the order written; names are unique.
    pub hosts: Vec<Host>,
    /// Probes by name, at most 16.
    pub probes: BTreeMap<String, Probe>,
    /// Groups in the order written; names are unique; `after` has been checked to name groups and to have no cycle.
    pub groups: Vec<Group>,
    /// How hosts are reached; the first selector that matches counts, and every host matches one.
    pub connect: Vec<Connect>,
    /// When work may run. Every window that is named here, by a policy or by a ring is one of its windows.
    pub calendar: FleetCalendar,
}

/// One server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Host {
    /// Its name.
    pub name: String,
    /// Where it is reached; its name where this is absent.
    pub address: Option<String>,
    /// What is known of it.
    pub labels: Labels,
    /// When work may run on it.
    pub calendar: HostCalendar,
}

/// How hosts are reached.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Connect {
    /// For which hosts.
    pub select: Selector,
    /// How.
    pub with: Connection,
}

/// A way to reach a host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Connection {
    /// Every "host" is a set of processes of this machine.
    Local,
    /// A server that is reached over SSH.
    Ssh(Box<Ssh>),
    /// Nothing reaches it: people work on it by hand, and commands and probes run at the controller.
    Unreached,
}

/// A connection over SSH.
///
/// Files are as written: `~/` is the home of the user that Ringway runs as, anything else that is not absolute is below
/// the directory of the documents.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ssh {
    /// What speaks the protocol.
    pub via: SshVia,
    /// The user to log in as; may contain `{label}`. Absent: the user that Ringway runs as, or what `ssh_config` says.
    pub user: Option<String>,
    /// The port; may be `{label}`. Absent: 22, or what `ssh_config` says.
    pub port: Option<String>,
    /// Files of private keys, tried in this order. A certificate beside one (`KEY-cert.pub`) is offered with it.
    pub keys: Vec<String>,
    /// Prints the passphrase of the keys. Runs where Ringway runs.
    pub passphrase: Option<Command>,
    /// Whether the agent at `SSH_AUTH_SOCK` is asked, after the keys.
    pub agent: bool,
    /// How the host proves that it is the one meant.
    pub host_keys: HostKeys,
    /// Hosts on the way, the first reached from here.
    pub jump: Vec<Jump>,
    /// How long one connection may take, from its start until the user is logged in.
    pub connect_timeout: Span,
    /// How often an idle connection is asked whether it still lives; after three questions without an answer it counts
    /// as lost.
    pub keepalive: Span,
    /// Commands at once on one host, probes among them.
    pub at_once: NonZeroU16,
    /// Another user whose rights commands have.
    pub r#become: Option<Become>,
    /// The directory on the host below which run directories lie; absolute, or below the login's home. May contain
    /// `{host}` and `{label}`.
    pub root: String,
    /// The configuration file for the system's `ssh`; absent: its own.
    pub config: Option<String>,
}

/// What speaks the SSH protocol.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum SshVia {
    /// Ringway itself: one connection for many commands, no process for each.
    #[default]
    Ringway,
    /// The system's `ssh`, with everything in `ssh_config`.
    System,
}

/// How a host proves that it is the one meant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum HostKeys {
    /// By a key in one of these files; empty: `~/.ssh/known_hosts` and `/etc/ssh/ssh_known_hosts`.
    KnownHosts(Vec<String>),
    /// As before; a host that is not in the first file is written into it when it is met for the first time.
    AcceptNew(Vec<String>),
    /// By one of these fingerprints (`SHA256:...`) or public keys (`ssh-ed25519 AAAA...`).
    Pinned(Vec<String>),
}

/// A host on the way to others. What is absent is as for the host itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Jump {
    /// Where it is reached: from here, or from the hop before.
    pub address: String,
    /// The user to log in as.
    pub user: Option<String>,
    /// The port; 22 where absent.
    pub port: Option<u16>,
    /// Files of private keys; empty: those of the connection.
    pub keys: Vec<String>,
    /// How it proves that it is the one meant; absent: as for the host.
    pub host_keys: Option<HostKeys>,
}

/// Another user whose rights commands have.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Become {
    /// The user; `root` where none is written.
    pub user: String,
    /// Prints the password that `sudo` wants. Runs where Ringway runs. Absent: `sudo` must not want one.
    pub password: Option<Command>,
}

/// A repeated question to a host: is it well?
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Probe {
    /// What is asked.
    pub ask: Ask,
    /// How often.
    pub every: Span,
    /// How long one question may take.
    pub timeout: Span,
}

/// What a probe asks. Texts may contain `{host}`, `{address}` and `{label}` for any label.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Ask {
    /// An HTTP request.
    Http {
        /// The port; a label in braces, as in `"{port}"`, is replaced by the host's own.
        port: String,
        /// The path.
        path: String,
        /// The status that is good.
        status: u16,
        /// A text the body must contain.
        body_contains: Option<String>,
    },
    /// A TCP connection that is accepted.
    Tcp {
        /// The port, as in `Http`.
        port: String,
    },
    /// A command that ends with exit code 0.
    Run {
        /// The command.
        run: Command,
        /// Where it runs.
        at: Place,
    },
}

/// Something to execute.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Command {
    /// A text for `/bin/sh`. Values reach it as environment variables, never pasted into the text.
    Shell(String),
    /// A program and its arguments, no shell.
    Program(Vec<String>),
}

/// A set of hosts, node of the dependency graph. A host belongs to at most one group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    /// Its name.
    pub name: String,
    /// Which hosts.
    pub select: Selector,
    /// Groups that must be done and healthy first.
    pub after: Vec<After>,
    /// What must stay up while members are visited.
    pub keep_up: Option<KeepUp>,
    /// How the members of one availability group are spread over rings.
    pub rings: RingSpread,
    /// The care of its role, by name.
    pub care: Option<String>,
}

/// A group that must come first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct After {
    /// Its name.
    pub group: String,
    /// Whether its members in all earlier rings must (still) be healthy too, or only those of the same ring.
    pub across_rings: bool,
}

/// How members of one availability group are spread over rings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum RingSpread {
    /// As it falls.
    #[default]
    Any,
    /// In different rings, as far as there are rings.
    Apart,
    /// All in one ring.
    Together,
}

/// What must stay up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeepUp {
    /// The label whose values tell availability groups apart; absent: the whole group is one.
    pub per: Option<String>,
    /// How many must stay up.
    pub minimum: Minimum,
    /// How many may be down at once, whatever the minimum allows.
    pub down_at_most: Option<NonZeroU32>,
    /// The probe that gives the evidence.
    pub probe: String,
    /// How old evidence may be.
    pub fresh: Span,
    /// Why an outage is accepted where the minimum can never be met.
    pub accept_outage: Option<String>,
}

/// How many members must stay up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Minimum {
    /// So many.
    AtLeast(u32),
    /// This share of the members, rounded up.
    Share(Share),
}

/// How an update may spread.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// Its name.
    pub name: String,
    /// Digest of the document as written.
    pub digest: Digest,
    /// Who wrote it: the person `not_by: [policy-author]` means.
    pub author: Option<String>,
    /// Which hosts it is about; the denominator of `take`.
    pub applies_to: Selector,
    /// What must be approved before anything starts.
    pub start: Option<Approvals>,
    /// What taking back a poisoning of content needs that a rollout of this policy has in its plan; absent: a reason.
    pub unpoison: Option<Approvals>,
    /// The rings in order; at least one.
    pub rings: Vec<Ring>,
    /// How fast.
    pub pace: Pace,
    /// How many targets may be down at once: a share (rounded down, never below 1) or a number.
    pub budget_down: Option<Amount>,
    /// What is repeated.
    pub retry: Retry,
    /// When it stops.
    pub halt: Halt,
    /// How many hosts a ring may leave behind.
    pub offline: Offline,
    /// Conditions on updated hosts.
    pub gates: Vec<Gate>,
    /// Conditions outside the fleet.
    pub external: Vec<ExternalGate>,
    /// What happens to hosts that are unhealthy before the update.
    pub already_unhealthy: AlreadyUnhealthy,
    /// What a hold does to a host whose update is applied and not restarted yet.
    pub on_halt: OnHalt,
    /// When work may run, within what the fleet allows.
    pub calendar: PolicyCalendar,
    /// By the severity of an update, or [`OTHER`]: within which time it is to be everywhere.
    pub due: BTreeMap<String, Span>,
    /// More hosts than this that somebody else changes pause the rollout, once.
    pub outside_pause_at: u32,
    /// Which hosts are mended first, in this order, where a rollout supersedes one that did harm.
    pub recovery_first: Vec<Selector>,
    /// By name: how a rollout may hurry.
    pub lanes: BTreeMap<String, Lane>,
    /// What must be known of a kind of host before a later ring visits more of them; absent: nothing.
    pub evidence: Option<Evidence>,
}

/// `outside` of a policy that has none: one or two may be a person who could not wait; more is another tool at work.
pub const OUTSIDE_PAUSE_AT: u32 = 3;

/// What stands in `due` for every severity that does not.
pub const OTHER: &str = "other";

/// A condition that a command at the controller knows of: a change that must be approved elsewhere, an incident that is open.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExternalGate {
    /// Its name, unique among all gates of the policy.
    pub name: String,
    /// The command: 0 means open, 1 closed, anything else that nobody knows.
    pub run: Command,
    /// How often it is asked.
    pub every: Span,
    /// How long one answer may take.
    pub timeout: Span,
}

/// A number of hosts, or a share of some.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Amount {
    /// So many.
    Count(u32),
    /// This share of the whole the context names.
    Share(Share),
}

/// Approvals that something needs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approvals {
    /// How many distinct people.
    pub needed: u8,
    /// Of which teams; empty: anybody.
    pub by: Vec<String>,
    /// Who may not.
    pub not_by: Vec<NotBy>,
    /// In which hours, on the clock of the fleet's zone; absent: at any time.
    pub between: Option<Hours>,
    /// How long a yes that is not used stands; absent: as long as what it was given for.
    pub expire: Option<Span>,
}

/// How a ring's soak may be ended before its time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Early {
    /// How long the ring must have been observed all the same.
    pub at_least: Span,
    /// Who must want it.
    pub rule: Approvals,
}

/// Somebody who may not approve, so that duties are separated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum NotBy {
    /// The policy's author.
    PolicyAuthor,
    /// Who started the rollout.
    Starter,
}

/// An ordered part of the fleet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ring {
    /// Its name, unique in the policy.
    pub name: String,
    /// Which hosts.
    pub hosts: RingHosts,
    /// The wait with observation after its last reachable host has settled.
    pub soak: Span,
    /// How much of the fleet's working hours must have passed in that wait as well.
    pub working_time: Option<Span>,
    /// Windows of the fleet of which one must be open too, besides the policy's. None: no further limit.
    pub windows: Vec<String>,
    /// What must be approved before the next ring starts; on the last ring, before the rollout completes.
    pub after_soak: Option<Approvals>,
    /// Whether and how people may end its soak before its time; absent: they may not.
    pub early: Option<Early>,
}

/// Which hosts a ring claims of those that no earlier ring has claimed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RingHosts {
    /// All that are left.
    Rest,
    /// Some.
    Select {
        /// Of these.
        select: Selector,
        /// So many; a share is of `applies_to`, rounded up, at least one. Absent: all of them.
        take: Option<Amount>,
        /// One host of every stratum that comes in a later ring.
        cover: Option<Cover>,
        /// Labels whose values should be spread evenly.
        spread: Vec<String>,
    },
}

/// Which differences between hosts a ring must contain an example of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cover {
    /// The labels whose combinations are the strata.
    pub by: Vec<String>,
    /// Whether the ring may take more than `take` to contain them all.
    pub may_exceed_take: bool,
}

/// How fast.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pace {
    /// Visits at once, at the most.
    pub at_once: NonZeroU32,
    /// How the number at once grows within a ring.
    pub ramp: Ramp,
    /// How long a host must be healthy after its visit before it counts.
    pub settle: Span,
}

/// How the number of visits at once grows within a ring.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Ramp {
    /// From 1, doubled each time as many visits have settled; a failed attempt freezes it.
    #[default]
    Double,
    /// `at_once` from the start.
    Off,
}

/// What is repeated after a failed attempt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retry {
    /// How many further attempts a step has.
    pub times: u8,
    /// The wait before the first of them; doubled for each further one.
    pub wait: Span,
}

/// When a ring's failures stop the rollout.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Halt {
    /// On this failure.
    pub failed: Option<NonZeroU32>,
    /// On failure no. floor(limit x planned) + 1.
    pub failed_share: Option<FailedShare>,
}

/// A share of a ring's planned hosts that may fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailedShare {
    /// The share.
    pub limit: Share,
    /// The smallest ring it applies to, in planned hosts.
    pub counts_from: u32,
}

/// How many of a ring's planned hosts may be offline or held when it is promoted: the larger of the two, never all.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Offline {
    /// A share of the ring's planned hosts, rounded down.
    pub allow: Share,
    /// A number.
    pub or: u32,
    /// How long until the next attempt to reach one.
    pub retry: Span,
}

/// A condition on updated hosts: a hard guard, deterministic.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gate {
    /// Its name, unique in the policy.
    pub name: String,
    /// The probe.
    pub probe: String,
    /// How long the probe may be bad before the host counts as unhealthy.
    pub down_for: Span,
    /// How many of a ring's updated hosts must report for its soak to count.
    pub min_reporting: Share,
}

/// What happens to hosts that are unhealthy before the update.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum AlreadyUnhealthy {
    /// Left alone and named; visited when they are healthy again.
    #[default]
    Hold,
    /// Updated all the same.
    Update,
}

/// What a hold does to a host whose update is applied and not restarted yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum OnHalt {
    /// Its restart is withheld.
    #[default]
    Withhold,
    /// Its visit is finished.
    Finish,
}

/// How an update is installed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recipe {
    /// Its name.
    pub name: String,
    /// Digest of the document as written.
    pub digest: Digest,
    /// Parameters and their defaults; `None`: required.
    pub parameters: BTreeMap<String, Option<String>>,
    /// Looks at what is installed.
    pub inspect: Option<Inspect>,
    /// Checks that the host can take it.
    pub precheck: Option<Step>,
    /// Installs.
    pub apply: Work,
    /// Restarts.
    pub reboot: Option<Reboot>,
    /// Checks that it works.
    pub verify: Option<Step>,
    /// Takes it back.
    pub rollback: Option<Work>,
    /// Fetches what is to be installed, ahead of visits.
    pub stage: Option<Stage>,
    /// Brings a broken host back that does not answer.
    pub recovery: Option<Recovery>,
    /// Makes what a host can be taken back by, before anything is changed.
    pub protect: Option<Protect>,
    /// Prints, on one host of each product line, exactly what an update would install there now. What it prints becomes
    /// the parameter `manifest` of a release, so that it is part of what is approved.
    pub manifest: Option<Step>,
}

/// What changes a host: a command, or a person who works on it by hand.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Work {
    /// A command.
    Run(Step),
    /// A person.
    Manual(Manual),
}

impl Work {
    /// The command, where it is one.
    pub const fn command(&self) -> Option<&Step> {
        match self {
            Self::Run(step) => Some(step),
            Self::Manual(_) => None,
        }
    }
}

/// Work on a host that a person does by hand.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manual {
    /// What is to be done; may contain `{build}`, `{id}` and `{parameter}`.
    pub instructions: String,
    /// Whether a file must be handed in with the word that it is done.
    pub evidence: bool,
    /// How long it should take. A window must be open for so long; when it has passed the work is overdue, and nothing
    /// else.
    pub within: Span,
}

/// What a recipe can do beyond installing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "a table of abilities, each of which a recipe has or has not"
)]
pub struct Abilities {
    /// It can tell what is installed.
    pub inspect: bool,
    /// It can go back to what was installed before.
    pub rollback: bool,
    /// It can say beforehand exactly what it would install.
    pub manifest: bool,
    /// It restarts the host or its service, at least where that is needed.
    pub reboot: bool,
    /// It can bring back a broken host that does not answer.
    pub recovery: bool,
    /// It makes a snapshot before it changes anything.
    pub protect: bool,
}

impl Recipe {
    /// What the recipe can do, by the steps it has.
    pub fn abilities(&self) -> Abilities {
        let knows_previous = self
            .inspect
            .as_ref()
            .is_some_and(|inspect| inspect.previous.is_some());
        Abilities {
            inspect: self.inspect.is_some(),
            rollback: self.rollback.is_some() && knows_previous,
            manifest: self.manifest.is_some(),
            reboot: self.reboot.is_some(),
            recovery: self.recovery.is_some(),
            protect: self.protect.is_some(),
        }
    }
}

/// One command of a recipe or of a role's care.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// What is executed. Values reach it as environment variables: `HOST`, `ADDRESS`, `UPDATE`, `RELEASE`, `BUILD`,
    /// `PREVIOUS`, `WANTED` (the build, or in a rollback visit the previous one), every parameter in upper case, and
    /// every label as `LABEL_<NAME>`; at a peer also `PEER` and `PEER_ADDRESS`, in a silence `SILENCE_SECONDS`, in `protect`
    /// `PROTECT_AS`, and behind that `PROTECTION`.
    pub run: Command,
    /// Where it runs.
    pub at: Place,
    /// How long it may take.
    pub timeout: Span,
    /// What is done when it began, is not running, and left no result.
    pub after_crash: AfterCrash,
    /// What its output must be.
    pub expect: Option<Expect>,
}

/// What a step's output must be, beyond exit code 0.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Expect {
    /// Its last line, trimmed, is a number of at least this.
    AtLeast(i64),
    /// It contains this text.
    Contains(String),
    /// Trimmed, it is this text.
    Equals(String),
}

/// Looks at what is installed. Texts may contain `{output}` (its output, trimmed), `{build}`, `{id}` and `{parameter}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inspect {
    /// The command; `expect` is not used.
    pub step: Step,
    /// The trimmed output that means that the release is there.
    pub installed_when: String,
    /// What a rollback goes back to; absent: there is no rollback.
    pub previous: Option<String>,
}

/// Restarts a host or its service, and waits until it is back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reboot {
    /// The command that restarts.
    pub step: Step,
    /// Restarts only when this holds.
    pub when: When,
    /// Prints something that changes with every restart.
    pub boot_id: Option<Command>,
    /// The fewest and the most restarts that are right.
    pub restarts: (NonZeroU16, NonZeroU16),
    /// How long the host has to come back.
    pub back_within: Span,
}

/// When a host is restarted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum When {
    /// Always.
    Always,
    /// When this file exists on the host.
    File(String),
    /// When this command ends with exit code 0 on the host.
    Run(Command),
}

/// How hosts of a role are taken out of service and put back; wraps any recipe.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Care {
    /// Its name.
    pub name: String,
    /// Digest of the document as written.
    pub digest: Digest,
    /// Whether the next host may be taken down.
    pub ready: Option<Ready>,
    /// Whether a host goes last of its group.
    pub last: Option<Last>,
    /// Silences monitoring.
    pub silence: Option<Silence>,
    /// Takes a host out of service. Present exactly when `undrain` is.
    pub drain: Option<Step>,
    /// Checks that the host does its work again.
    pub verify: Option<Step>,
    /// Puts it back.
    pub undrain: Option<Step>,
}

/// Asks whether the next host of a role may be taken down.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ready {
    /// The question: exit code 0 is yes, 1 is no.
    pub step: Step,
    /// How long the answer may be no.
    pub within: Span,
    /// How long after a no it is asked again.
    pub every: Span,
}

/// Asks whether a host goes last of its group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Last {
    /// The question: exit code 0 is yes, 1 is no.
    pub step: Step,
    /// How long until each is asked again where all that are left say yes.
    pub every: Span,
}

/// Silences the monitoring of a host for the length of its visit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Silence {
    /// Begins the silence.
    pub begin: Step,
    /// Ends it; may be run where there is none.
    pub end: Step,
    /// After how long it ends by itself.
    pub at_most: Span,
}

/// All documents of one directory, valid alone and together.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Documents {
    /// The fleet, if there is one.
    pub fleet: Option<Fleet>,
    /// Policies by name.
    pub policies: BTreeMap<String, Policy>,
    /// Updates by name.
    pub updates: BTreeMap<String, Update>,
    /// Recipes by name.
    pub recipes: BTreeMap<String, Recipe>,
    /// Cares by name.
    pub cares: BTreeMap<String, Care>,
    /// Worlds by name.
    pub worlds: BTreeMap<String, World>,
    /// Announced work by the name of its document.
    pub maintenances: BTreeMap<String, Maintenance>,
    /// Exceptions by id.
    pub exceptions: BTreeMap<String, Exception>,
    /// Advisories by id.
    pub advisories: BTreeMap<String, Advisory>,
    /// The people; empty when no document says who they are.
    pub people: People,
    /// Who is told what; without rules when no document says so.
    pub notify: Notify,
    /// The text of each document as written, by kind and name: `policy/monthly`, `people/people`. Its digest is the
    /// document's.
    pub texts: BTreeMap<String, String>,
    /// Findings that documents accept, in the order in which they were read.
    pub acceptances: Vec<Acceptance>,
    /// What was read and left out, and what was said twice, in sentences for people.
    pub notes: Vec<String>,
}
