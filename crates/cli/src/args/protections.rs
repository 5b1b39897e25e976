//! Arguments of `protections` and `unprotect`.

use clap::Args;
use ringway_model::RolloutId;

use super::rollout::{Observed, When};

/// What was made of hosts before they were changed.
#[derive(Debug, Args)]
pub(crate) struct Protections {
    /// Only of this host
    #[arg(long, value_name = "HOST")]
    pub(crate) host: Option<String>,
    /// Which journal.
    #[command(flatten)]
    pub(crate) observed: Observed,
}

/// What is to be removed before its time, or is gone.
#[derive(Debug, Args)]
pub(crate) struct Unprotect {
    /// The host, as `ringway protections` shows it
    #[arg(value_name = "HOST")]
    pub(crate) host: String,
    /// What this rollout made; needed where several have made something that is there
    #[arg(long, value_name = "ROLLOUT")]
    pub(crate) rollout: Option<RolloutId>,
    /// Whatever any rollout made
    #[arg(long, conflicts_with = "rollout")]
    pub(crate) all: bool,
    /// You have removed it by hand: nothing is run, and it is listed no more
    #[arg(long)]
    pub(crate) done: bool,
    /// Why; it is journaled with your name
    #[arg(long, short, value_name = "TEXT")]
    pub(crate) reason: String,
    /// When, where nothing runs.
    #[command(flatten)]
    pub(crate) when: When,
    /// Which journal.
    #[command(flatten)]
    pub(crate) observed: Observed,
}
