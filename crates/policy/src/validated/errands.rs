//! What a recipe does for a host beside the steps that install: fetching ahead, bringing back who answers nobody, and what it
//! leaves there until it is removed.

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

/// What brings a broken host back that does not answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recovery {
    /// The command; it runs beside the host.
    pub step: Step,
    /// How long the host has to answer once the command has ended.
    pub back_within: Span,
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
