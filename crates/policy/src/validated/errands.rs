//! What a recipe does for a host outside its visits, and what it leaves there until it is removed outside of one.

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

/// What is made before anything is changed, and removed again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Protect {
    /// The command that makes it and prints its name. It is run again after a crash.
    pub step: Step,
    /// How long it is kept at least.
    pub keep: Span,
    /// The command that removes it. It is run again after a crash.
    pub remove: Step,
}
