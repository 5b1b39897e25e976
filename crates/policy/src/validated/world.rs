//! A world, as validated: how hosts, updates, people and Ringway's own machine behave when a rollout is tried on a fleet
//! that does not exist.
//!
//! A world holds assumptions, never measurements: whoever shows what came of it names it as that.
//!
//! # Invariants
//!
//! * Every range has its lower end first.
//! * A share of hosts is met host by host by a seeded choice, so two worlds that differ in one entry agree about the
//!   hosts of every other.

use std::collections::BTreeMap;

use ringway_model::{Selector, Share, Span, StepKind, Timestamp};
use serde::{Deserialize, Serialize};

/// How everything outside Ringway behaves.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct World {
    /// Its name.
    pub name: String,
    /// The instant it begins; absent: 2026-01-05T09:00:00Z, a Monday morning.
    pub begins: Option<Timestamp>,
    /// What is rolled out, in order. Empty: the one policy and update that the command names.
    pub rollouts: Vec<WorldRollout>,
    /// What hosts are like. Of each host the first entry that matches counts; one that none matches does everything
    /// right and takes as long as a plan assumes.
    pub hosts: Vec<HostModel>,
    /// Harm that updates do, for certain. Of each host every entry that matches counts.
    pub regressions: Vec<Regression>,
    /// Harm that updates may do: what a what-if draws its futures from, beside `regressions`.
    pub priors: Priors,
    /// What people do.
    pub people: PeopleModel,
    /// Which sets of hosts must not be lost, in place of the fleet's availability groups. Of each host the first entry that
    /// matches counts.
    pub watch: Vec<Watch>,
    /// What goes wrong around Ringway itself.
    pub faults: FaultModel,
}

/// Hosts of which some must serve at any time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Watch {
    /// What they are called in what is printed.
    pub name: String,
    /// Which hosts.
    pub select: Selector,
    /// The label whose values tell the sets apart; absent: they are one.
    pub per: Option<String>,
    /// How many of each must serve.
    pub at_least: u32,
}

/// One rollout of a world.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorldRollout {
    /// The policy's name.
    pub policy: String,
    /// The update's name.
    pub update: String,
    /// How long after the world's beginning it is started.
    pub starts: Span,
    /// Whether it takes the place of the rollout before it.
    pub supersedes: bool,
    /// The lane of its policy in which it runs.
    pub lane: Option<String>,
}

/// A length of time between two bounds, both included; each is as likely as every other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpanRange {
    /// The shortest.
    pub low: Span,
    /// The longest.
    pub high: Span,
}

/// A share between two bounds, both included; each is as likely as every other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShareRange {
    /// The smallest.
    pub low: Share,
    /// The largest.
    pub high: Share,
}

/// What hosts are like.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostModel {
    /// Which hosts.
    pub select: Selector,
    /// How long their steps take; a kind that is absent takes from half to twice what a plan assumes of it.
    pub steps: BTreeMap<StepKind, SpanRange>,
    /// Steps that fail although nothing is wrong with the update.
    pub fails: Vec<StepFails>,
    /// Hosts that cannot be reached when the world begins, and for how long.
    pub offline: Option<Away>,
    /// Hosts whose service goes away now and then, by itself.
    pub flaky: Option<Flaky>,
    /// Hosts that have the update already.
    pub already: Share,
    /// Hosts that answer once a `recovery` that ends well has brought them back; the others do not.
    pub recovers: Share,
}

/// A step that fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepFails {
    /// Which.
    pub step: StepKind,
    /// On which share of the hosts.
    pub share: Share,
    /// How many attempts fail before one succeeds; absent: all do.
    pub times: Option<u8>,
    /// It does not end by itself, instead of ending badly.
    pub hangs: bool,
}

/// Hosts that are away for a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Away {
    /// Which share of the hosts.
    pub share: Share,
    /// For how long.
    pub lasts: SpanRange,
}

/// A service that goes away by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Flaky {
    /// On which share of the hosts.
    pub share: Share,
    /// The mean time from one coming back to the next going away (exponential: without memory). Above zero.
    pub every: Span,
    /// How long it is away.
    pub lasts: SpanRange,
}

/// Harm that an update does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Regression {
    /// What it is called in what is printed.
    pub name: String,
    /// The update that does it; absent: every one.
    pub update: Option<String>,
    /// To which hosts it may happen.
    pub select: Selector,
    /// To which share of those it does.
    pub share: Share,
    /// What happens.
    pub does: Does,
    /// When it shows: counted from the visit's restart, or where the recipe has none from `apply`.
    pub shows: Shows,
}

/// What harm does to a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Does {
    /// Its service is down until the update is taken back.
    Down,
    /// The same, and the host answers nobody until a recipe's `recovery` brings it back.
    Silent,
    /// It restarts again and again until the update is taken back.
    RestartLoop,
    /// `apply` fails; nothing is installed. Shows in the step itself.
    InstallFails,
    /// The recipe's `verify` fails. Shows in the step itself.
    VerifyFails,
    /// Its service comes up so much later, and is well then.
    Late(SpanRange),
}

/// When harm shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Shows {
    /// At once.
    AtOnce,
    /// After a time in this range.
    Within(SpanRange),
    /// After a time without memory (exponential) of this mean. Above zero.
    Mean(Span),
    /// On all hosts that have the update by then, at this time after the world's beginning; on later ones at once.
    Trigger(Span),
}

/// How likely an update is to be bad, and in which way: the assumptions of a what-if.
///
/// Where a document says nothing these are the defaults. `docs/explanation/what-a-world-assumes.md` says of each where it
/// is from, and which are guesses.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Priors {
    /// How likely an update is to harm some hosts.
    pub bad: Share,
    /// Of those that do, how likely one is to harm every kind of host; the others harm one kind: the hosts that share
    /// the value of one of the labels of `by`, each kind as likely as every other.
    pub everywhere: Share,
    /// Labels that tell kinds of hosts apart; empty: those that the policy covers, or where it covers none `role`.
    pub by: Vec<String>,
    /// Which share of the hosts of a kind it harms.
    pub hits: ShareRange,
    /// How likely harm is to show at once; otherwise after a time without memory (exponential) whose mean is drawn from
    /// `slow`, each order of magnitude as likely as every other.
    pub at_once: Share,
    /// The means of harm that shows slowly. Above zero.
    pub slow: SpanRange,
    /// How likely harm is to be a failing installation instead of a service that is down.
    pub install_fails: Share,
    /// How many of a hundred hosts without the update are broken into in a year: the price of waiting.
    pub hazard_per_year: Share,
}

impl Default for Priors {
    fn default() -> Self {
        let percent = |percent: u32| {
            Share::from_millionths(percent * 10_000).expect("the shares here are below 100 %")
        };
        Self {
            bad: percent(5),
            everywhere: percent(20),
            by: Vec::new(),
            hits: ShareRange {
                low: percent(5),
                high: percent(100),
            },
            at_once: percent(50),
            slow: SpanRange {
                low: Span::minutes(30),
                high: Span::hours(72),
            },
            install_fails: percent(25),
            hazard_per_year: percent(2),
        }
    }
}

/// What people do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PeopleModel {
    /// From the moment that an approval is asked for until a person gives theirs; each person by themselves.
    pub approve: SpanRange,
    /// How often a person's first try is a mistake that Ringway refuses: an old digest, somebody who may not.
    pub mistakes: Share,
    /// From a halt or a pause until a person decides.
    pub decide: SpanRange,
    /// What they decide after a halt.
    pub after_halt: AfterHalt,
}

impl Default for PeopleModel {
    /// A quarter of an hour to four hours for an approval, five minutes to an hour for a halt, which somebody is called
    /// for; no mistakes.
    fn default() -> Self {
        Self {
            approve: SpanRange {
                low: Span::minutes(15),
                high: Span::hours(4),
            },
            mistakes: Share::default(),
            decide: SpanRange {
                low: Span::minutes(5),
                high: Span::hours(1),
            },
            after_halt: AfterHalt::Rollback,
        }
    }
}

/// What people decide after a halt.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum AfterHalt {
    /// Every changed host goes back.
    #[default]
    Rollback,
    /// They go on, as often as it halts.
    Resume,
    /// The rollout ends as it stands.
    Cancel,
    /// Nothing: the world ends there.
    Leave,
}

/// What goes wrong around Ringway itself, in the first `lasts` of the world.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FaultModel {
    /// How long faults happen; after that everything heals.
    pub lasts: Span,
    /// How many times Ringway dies; it comes back after a time in `back`.
    pub crashes: u16,
    /// How long Ringway is away.
    pub back: SpanRange,
    /// Share of results that are lost on the way and found again by asking.
    pub lost: Share,
    /// Share of results that arrive late, and how late.
    pub late: Share,
    /// How late.
    pub late_by: SpanRange,
    /// Share of results that arrive twice.
    pub doubled: Share,
    /// Share of writes to the journal that fail.
    pub bad_writes: Share,
    /// How many times Ringway's clock jumps.
    pub clock_jumps: u16,
}
