//! What a recipe does for a host outside its visits.

use std::num::NonZeroU16;

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
