//! Arguments of `poison` and `unpoison`.

use clap::Args;
use ringway_model::RolloutId;

use super::rollout::{Observed, When};

/// What must not be installed any more.
#[derive(Debug, Args)]
pub(crate) struct Poison {
    /// Ids as updates have them (`KB5082142`): every build of each, or with `--rollout` these of its releases
    #[arg(value_name = "ID")]
    pub(crate) ids: Vec<String>,
    /// Only this build of the id
    #[arg(long, value_name = "BUILD", conflicts_with = "rollout")]
    pub(crate) build: Option<String>,
    /// What this rollout installs, and nothing else of the same name
    #[arg(long, value_name = "ROLLOUT")]
    pub(crate) rollout: Option<RolloutId>,
    /// Why; it is journaled with your name
    #[arg(long, short, value_name = "TEXT", default_value = "")]
    pub(crate) reason: String,
    /// When, where nothing runs.
    #[command(flatten)]
    pub(crate) when: When,
    /// Which journal.
    #[command(flatten)]
    pub(crate) observed: Observed,
}

/// What may be installed again.
#[derive(Debug, Args)]
pub(crate) struct Unpoison {
    /// The id, as `ringway poison` lists it
    #[arg(value_name = "ID")]
    pub(crate) id: String,
    /// Only this build of it
    #[arg(long, value_name = "BUILD")]
    pub(crate) build: Option<String>,
    /// What is known now that was not then; it is journaled with your name
    #[arg(long, short, value_name = "TEXT")]
    pub(crate) reason: String,
    /// When, where nothing runs.
    #[command(flatten)]
    pub(crate) when: When,
    /// Which journal.
    #[command(flatten)]
    pub(crate) observed: Observed,
}
