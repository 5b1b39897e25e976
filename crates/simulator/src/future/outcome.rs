//! What became of a future, measured on its hosts.

use std::sync::Arc;

use ringway_engine::{RolloutState, Stage};
use ringway_model::{Digest, HostId, RingIndex, Span};
use ringway_scheduler::Plan;
use serde::Serialize;

use super::harm::Drawn;
use super::run::Stood;
use crate::checkers::Violation;
use crate::world::MemoryStore;

/// One future.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// Its seed.
    pub seed: u64,
    /// Its rollouts, in the order in which their plans were given.
    pub rollouts: Vec<RolloutOutcome>,
    /// Their plans as they were carried out: one that supersedes another is made when it does.
    pub plans: Vec<Arc<Plan>>,
    /// Availability groups that had fewer members in service than must stay up, at any time and with a rollout to blame
    /// for at least one of the others; where the world watches sets of its own, those.
    pub groups_lost: u32,
    /// How long it took, from the world's beginning.
    pub lasted: Span,
    /// The bad update that was drawn, if one was.
    pub drawn: Option<Drawn>,
    /// The first rule that was broken, where the checkers looked.
    pub violation: Option<Violation>,
    /// The trace's last lines, where they were to be kept.
    pub trace: Vec<String>,
    /// The digest of the whole trace and how many lines it has, where it was told.
    pub digest: Option<(Digest, u64)>,
    /// How it went over time, where that was to be kept.
    pub curve: Vec<Point>,
    /// The journal, where it was to be kept.
    pub journal: Option<MemoryStore>,
    /// Who and what was hit, by number, where the journal was to be kept: names are for whoever reads the story.
    pub struck: Struck,
}

/// Who and what was hit in a future.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Struck {
    /// Of each rollout: the targets on which its update's harm showed at any time.
    pub hosts: Vec<Vec<HostId>>,
    /// The availability groups or watched sets that were lost, by their place in [`super::Setting::kept`].
    pub cells: Vec<usize>,
}

/// One rollout of a future. Spans are from its start on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct RolloutOutcome {
    /// The policy.
    pub policy: String,
    /// The update.
    pub update: String,
    /// When it was started, from the world's beginning on; absent where it never was.
    pub began_ms: Option<Span>,
    /// How it ended.
    pub ended: Ended,
    /// When it was over; absent where it never was.
    pub over_ms: Option<Span>,
    /// Its rings.
    pub rings: Vec<RingTimes>,
    /// Its first halt.
    pub halt: Option<Halt>,
    /// Targets.
    pub targets: u32,
    /// Targets that have the update at the end.
    pub updated: u32,
    /// Targets on which the update's harm showed at any time, failed installations among them: the blast radius.
    pub hit: u32,
    /// Targets that carry harm at the end which has not shown yet.
    pub carrying: u32,
    /// Milliseconds that targets were without the update until it was over, summed over them.
    pub exposure_ms: u64,
}

impl RolloutOutcome {
    /// The exposure in whole host-hours, rounded.
    pub const fn exposure_hours(&self) -> u64 {
        super::hosts::hours(self.exposure_ms)
    }
}

/// How a rollout ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ended {
    /// Every ring was promoted.
    Completed,
    /// The hosts went back.
    RolledBack,
    /// It was given up.
    Cancelled,
    /// A later one took its place.
    Superseded,
    /// It halted and nobody decided anything: the world says so.
    LeftHalted,
    /// It never came to an end: what it waits for.
    Waits(String),
    /// It was refused at its start: why.
    Refused(String),
}

impl Ended {
    /// The word in output.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::RolledBack => "rolled back",
            Self::Cancelled => "cancelled",
            Self::Superseded => "superseded",
            Self::LeftHalted => "left halted",
            Self::Waits(_) => "waits",
            Self::Refused(_) => "refused",
        }
    }
}

/// When a ring came how far.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct RingTimes {
    /// Its name.
    pub name: String,
    /// Its hosts.
    pub planned: u32,
    /// Its visits could start.
    pub opened_ms: Option<Span>,
    /// Its hosts had settled.
    pub settled_ms: Option<Span>,
    /// It had been observed for long enough.
    pub soaked_ms: Option<Span>,
    /// It was promoted.
    pub promoted_ms: Option<Span>,
}

/// A halt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Halt {
    /// When.
    pub at_ms: Span,
    /// In which ring.
    pub ring: RingIndex,
    /// Targets that had the update.
    pub updated: u32,
    /// Targets on which its harm had shown.
    pub hit: u32,
}

/// How a future stood at an instant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Point {
    /// From the world's beginning on.
    pub at_ms: Span,
    /// Of each rollout, by ring: targets with the update.
    pub updated: Vec<Vec<u32>>,
    /// Hosts that are broken.
    pub broken: u32,
    /// Of each rollout: targets on which its harm has shown.
    pub hit: Vec<u32>,
}

impl Ended {
    /// How a rollout that is over ended.
    pub(super) const fn of(state: &RolloutState) -> Self {
        match state {
            RolloutState::Completed => Self::Completed,
            RolloutState::RolledBack => Self::RolledBack,
            RolloutState::Superseding { .. } | RolloutState::Superseded { .. } => Self::Superseded,
            RolloutState::Proposed
            | RolloutState::Advancing(_)
            | RolloutState::Paused { .. }
            | RolloutState::Halted { .. }
            | RolloutState::RollingBack
            | RolloutState::Cancelling
            | RolloutState::Cancelled => Self::Cancelled,
        }
    }
}

impl Stood {
    /// What a rollout's state means for somebody outside.
    pub(super) const fn of(state: &RolloutState) -> Self {
        match state {
            RolloutState::Proposed => Self::Proposed,
            RolloutState::Advancing(Stage::Visiting { ring }) => Self::Visiting(ring.0),
            RolloutState::Advancing(Stage::Soaking { ring, .. }) => Self::Soaking(ring.0),
            RolloutState::Advancing(Stage::Promoting { ring }) => Self::Promoting(ring.0),
            RolloutState::Paused { .. } => Self::Paused,
            RolloutState::Halted { stage, .. } => Self::Halted(stage.ring().0),
            RolloutState::RollingBack
            | RolloutState::Cancelling
            | RolloutState::Superseding { .. } => Self::Ending,
            RolloutState::Completed
            | RolloutState::RolledBack
            | RolloutState::Cancelled
            | RolloutState::Superseded { .. } => Self::Over,
        }
    }
}
