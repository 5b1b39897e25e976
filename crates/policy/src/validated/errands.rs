//! What a recipe does for a host around its visits.

use std::num::NonZeroU16;

use ringway_model::Span;
use serde::{Deserialize, Serialize};

use super::Step;

/// What is fetched ahead of visits, outside windows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stage {
    /// The command. It is run again after a crash.
    pub step: Step,
    /// On how many hosts of a rollout at once.
    pub at_once: NonZeroU16,
}

/// A snapshot before a host is taken down.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Protect {
    /// Takes it; the last line of what it prints is its name.
    pub step: Step,
    /// Removes it; absent: a person does, somewhere else.
    pub release: Option<Step>,
    /// How long it is kept after its host ended well.
    pub keep: Span,
}
