//! Arguments of `supersede`.

use clap::Args;
use ringway_model::{ChangeId, RolloutId};

use super::documents::Documents;
use super::rollout::{Observed, When};

/// A newer rollout in the place of one that did harm.
#[derive(Debug, Args)]
pub(crate) struct Supersede {
    /// The rollout whose place it takes, in flight or over
    #[arg(value_name = "ROLLOUT")]
    pub(crate) rollout: RolloutId,
    /// The documents.
    #[command(flatten)]
    pub(crate) documents: Documents,
    /// What is installed instead: an update among the documents by its name, or a file that has it
    #[arg(long, value_name = "UPDATE")]
    pub(crate) with: String,
    /// The policy; that of the old rollout where it is among the documents
    #[arg(long, value_name = "NAME")]
    pub(crate) policy: Option<String>,
    /// A lane of the policy: the reviewed way to hurry
    #[arg(long, value_name = "NAME")]
    pub(crate) lane: Option<String>,
    /// Poison what the new update says it supersedes of the old rollout: it is never installed again
    #[arg(long)]
    pub(crate) poison: bool,
    /// Say in which parts the fleet is, and show the plan; change nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Why; it is journaled with your name
    #[arg(long, short, value_name = "TEXT", default_value = "")]
    pub(crate) reason: String,
    /// The ticket by which a change management system knows the new rollout
    #[arg(long, value_name = "ID")]
    pub(crate) change: Option<ChangeId>,
    /// Your own name for this request: the same one twice is one rollout
    #[arg(long, value_name = "NAME")]
    pub(crate) key: Option<String>,
    /// When, where nothing runs.
    #[command(flatten)]
    pub(crate) when: When,
    /// Which journal.
    #[command(flatten)]
    pub(crate) observed: Observed,
}
