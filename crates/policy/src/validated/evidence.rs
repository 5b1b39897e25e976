//! What must be known of a kind of host before more of them are visited.

use std::num::NonZeroU32;

use ringway_model::Span;
use serde::{Deserialize, Serialize};

/// `evidence` of a policy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    /// The labels whose combinations are the strata.
    pub by: Vec<String>,
    /// How many hosts of a stratum must have the update and have been seen healthy with it.
    pub hosts: NonZeroU32,
    /// How long its hosts must have been seen healthy with it, added up over them.
    pub healthy: Span,
    /// What becomes of a ring with a stratum that lacks it.
    pub where_missing: WhereMissing,
}

/// What becomes of a ring with a stratum of which too little is known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum WhereMissing {
    /// It does not begin.
    #[default]
    Hold,
    /// It begins; of the stratum only as many hosts as must have been seen go first, and the others wait.
    Canary,
}

impl WhereMissing {
    /// The word in documents.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Hold => "hold",
            Self::Canary => "canary",
        }
    }
}
