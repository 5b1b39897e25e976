//! What a probe says of a host, and what is known of it now; and what is known of a condition outside the fleet.

use serde::{Deserialize, Serialize};

/// What one run of a probe found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Sample {
    /// The service answered as expected.
    Up,
    /// It answered otherwise, refused, or did not answer in time: a fact about the host.
    Down(String),
    /// The probe itself could not be run: nothing is known about the host.
    Blind(String),
}

/// What is known of one host by one probe at this moment. Only `Up` is positive evidence; silence never is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Evidence {
    /// No fresh sample: never probed, probed too long ago, or the probe could not be run.
    #[default]
    Unknown,
    /// The last sample was good and is fresh.
    Up,
    /// The last sample was bad.
    Down,
}

/// What an external gate says. Only `Open` lets anything begin; silence never does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Says {
    /// No fresh answer: never asked, asked too long ago, or the answer says nothing.
    #[default]
    Unknown,
    /// Work may begin.
    Open,
    /// It may not.
    Closed,
}

impl Says {
    /// The word people are shown.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Open => "open",
            Self::Closed => "closed",
        }
    }
}
