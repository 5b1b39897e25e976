//! What a run directory says of restarts, as the script of [`restarts`](super::restarts) tells it.

use std::time::Duration;

use super::Outcome;

/// What is known of a `reboot` step's restarts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Restarts {
    /// How long ago its command ended, by the host's clock; nothing where it left no result.
    pub ended_ago: Option<Duration>,
    /// The note it was started with, which is the boot id before.
    pub note: String,
    /// The boot ids seen since, the earliest first.
    pub seen: Vec<String>,
}

impl Restarts {
    /// Reads the script's outcome: a line of seconds, a line that is the note, a line for each boot id.
    pub fn read(told: &Outcome) -> Self {
        let text = String::from_utf8_lossy(&told.output);
        let mut lines = text.lines().map(str::to_owned);
        let ended_ago = lines.next().and_then(|seconds| seconds.parse().ok());
        Self {
            ended_ago: ended_ago.map(Duration::from_secs),
            note: lines.next().unwrap_or_default(),
            seen: lines.filter(|id| !id.is_empty()).collect(),
        }
    }
}
