//! One host that does not exist: its envelope, its service, and what is true of it whatever anybody believes.
//!
//! # Invariants
//!
//! * The envelope keeps the product's rules: a run directory named by the intent id is begun at most once; attaching to
//!   what is not there leaves a tombstone; a lower epoch than the highest seen is refused; one step at a time.
//! * Nothing here knows what the decider believes.

use std::collections::{BTreeMap, BTreeSet};

use ringway_model::{
    Epoch, HostId, IntentId, RawReport, RolloutId, Sample, Span, StepKind, Timestamp,
};

use super::store::INCARNATION;

/// What an execution in a run directory has come to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Run {
    /// Begun and running until this instant, with what it will report.
    Running {
        /// When it ends.
        until: Timestamp,
        /// What it reports then.
        report: RawReport,
    },
    /// Over, with its result.
    Over(RawReport),
    /// Begun, not running, no result.
    Interrupted,
    /// Never begun, and never to begin.
    Tombstone,
}

/// One execution of a step, for the ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Execution {
    /// Which.
    pub intent: IntentId,
    /// What it was for.
    pub kind: StepKind,
    /// When it began.
    pub began: Timestamp,
}

/// What a request to the envelope met.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Met {
    /// The step begins now.
    Begins,
    /// It is running; its result comes when it ends.
    Runs(Timestamp),
    /// It is decided already.
    Report(RawReport),
    /// Another step runs; ask again when it is over.
    Locked(Timestamp),
}

/// A host.
#[derive(Clone, Debug)]
pub struct SimHost {
    /// Its role.
    pub role: String,
    /// The database it belongs to.
    pub owner: u64,
    /// What is installed, by recipe.
    pub content: BTreeMap<String, String>,
    /// What was installed before anything happened.
    pub first: BTreeMap<String, String>,
    /// Counts its boots.
    pub boot: u64,
    /// Unreachable until then.
    pub offline_until: Timestamp,
    /// Its machine is down (restarting) until then.
    pub booting_until: Timestamp,
    /// Its service was stopped by something else until then.
    pub killed_until: Timestamp,
    /// Its probes cannot be run until then.
    pub blind_until: Timestamp,
    /// Its service comes and goes by itself.
    pub flaky: Option<Flaky>,
    /// Harm that is in it, by recipe.
    pub harm: BTreeMap<String, Harm>,
    /// Brought back although there is harm in it: it answers.
    pub revived: bool,
    /// Taken out of service by a `drain`.
    pub drained: bool,
    /// The rollout whose `drain` that was.
    pub drained_by: Option<RolloutId>,
    /// The step that somebody does on it by hand.
    pub in_hand: Option<IntentId>,
    /// Whether the visit that takes it down repairs it: it was down by itself before.
    pub in_repair: bool,
    /// Snapshots that are there: made, and removed by nobody.
    pub snapshots: BTreeSet<String>,
    /// Run directories.
    pub runs: BTreeMap<IntentId, Run>,
    /// Those of them that are errands, with the host that is visited.
    pub errands: BTreeMap<IntentId, HostId>,
    /// The highest epoch seen.
    pub epoch: Epoch,
    /// Every execution that began.
    pub ledger: Vec<Execution>,
    /// When its service restarts again because of a crash loop.
    pub next_crash: Timestamp,
}

/// What an update does to a host that it harms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Harm {
    /// The service is down from this instant.
    Down(Timestamp),
    /// The service is down until this instant, and well after it.
    Late(Timestamp),
    /// The host restarts again and again.
    Loop,
}

/// A service that is down for the first part of every period.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flaky {
    /// Since when.
    pub from: Timestamp,
    /// Until when.
    pub until: Timestamp,
    /// How often.
    pub period: Span,
    /// How much of each period it is down.
    pub down: Span,
}

impl Flaky {
    fn is_down(&self, now: Timestamp) -> bool {
        let since = now.since(self.from).0;
        now >= self.from && now < self.until && since % self.period.0.max(1) < self.down.0
    }
}

impl SimHost {
    /// A healthy host.
    pub fn new(role: &str, content: BTreeMap<String, String>) -> Self {
        Self {
            role: role.to_owned(),
            owner: INCARNATION,
            first: content.clone(),
            content,
            boot: 1,
            offline_until: Timestamp::default(),
            booting_until: Timestamp::default(),
            killed_until: Timestamp::default(),
            blind_until: Timestamp::default(),
            flaky: None,
            harm: BTreeMap::new(),
            revived: false,
            drained: false,
            drained_by: None,
            in_hand: None,
            in_repair: false,
            snapshots: BTreeSet::new(),
            runs: BTreeMap::new(),
            errands: BTreeMap::new(),
            epoch: Epoch(0),
            ledger: Vec::new(),
            next_crash: Timestamp::NEVER,
        }
    }

    /// Whether it can be reached.
    pub fn is_reachable(&self, now: Timestamp) -> bool {
        now >= self.offline_until && now >= self.booting_until
    }

    /// Whether harm has its service down.
    pub fn is_harmed(&self, now: Timestamp) -> bool {
        let mut harm = self.harm.values();
        harm.any(|harm| matches!(harm, Harm::Down(from) if now >= *from))
    }

    /// Whether its service is up, in truth.
    pub fn is_up(&self, now: Timestamp) -> bool {
        now >= self.booting_until
            && now >= self.killed_until
            && !self.flaky.is_some_and(|flaky| flaky.is_down(now))
            && self.harm.values().all(|harm| match harm {
                Harm::Down(from) => now < *from,
                Harm::Late(until) => now >= *until,
                Harm::Loop => true,
            })
    }

    /// What a probe finds now.
    pub fn sample(&self, now: Timestamp) -> Sample {
        if now < self.blind_until {
            Sample::Blind("the probe could not be run".to_owned())
        } else if now < self.offline_until || !self.is_up(now) {
            Sample::Down("no answer".to_owned())
        } else {
            Sample::Up
        }
    }

    /// The boot id, where it can be read.
    pub fn boot_id(&self, now: Timestamp) -> Option<String> {
        self.is_reachable(now)
            .then(|| format!("boot-{}", self.boot))
    }

    /// What the step that runs is for.
    pub fn running_kind(&self) -> Option<StepKind> {
        let (intent, _) = self.running()?;
        let execution = self.ledger.iter().rev().find(|one| one.intent == intent)?;
        Some(execution.kind)
    }

    /// The step of a visit of this host that runs on it, and when it ends.
    pub fn running(&self) -> Option<(IntentId, Timestamp)> {
        self.running_for(None)
    }

    /// The step that runs for a visit of another host, or of this one where none is named, and when it ends.
    pub fn running_for(&self, host: Option<HostId>) -> Option<(IntentId, Timestamp)> {
        self.runs.iter().find_map(|(intent, run)| match run {
            Run::Running { until, .. } if self.errands.get(intent).copied() == host => {
                Some((*intent, *until))
            }
            Run::Running { .. } | Run::Over(_) | Run::Interrupted | Run::Tombstone => None,
        })
    }

    /// Asks the envelope to run a step, or to find it.
    pub fn ask(
        &mut self,
        intent: IntentId,
        epoch: Epoch,
        attach: bool,
        errand_for: Option<HostId>,
    ) -> Met {
        if epoch < self.epoch {
            return Met::Report(RawReport::Fenced { seen: self.epoch.0 });
        }
        self.epoch = epoch;
        match self.runs.get(&intent) {
            Some(Run::Running { until, .. }) => return Met::Runs(*until),
            Some(Run::Over(report)) => return Met::Report(report.clone()),
            Some(Run::Interrupted) => return Met::Report(RawReport::Interrupted),
            Some(Run::Tombstone) => return Met::Report(RawReport::NeverStarted),
            None => {}
        }
        if attach {
            self.runs.insert(intent, Run::Tombstone);
            return Met::Report(RawReport::NeverStarted);
        }
        match self.running_for(errand_for) {
            Some((_, until)) => Met::Locked(until),
            None => Met::Begins,
        }
    }

    /// Its machine stops at once and boots until `until`: what ran is interrupted.
    pub fn power_lost(&mut self, until: Timestamp) {
        self.boot += 1;
        self.booting_until = self.booting_until.max(until);
        for run in self.runs.values_mut() {
            if matches!(run, Run::Running { .. }) {
                *run = Run::Interrupted;
            }
        }
    }
}
