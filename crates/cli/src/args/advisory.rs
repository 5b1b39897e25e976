//! Arguments of `advisory`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::rollout::{Observed, When};

/// What somebody says of the content of updates.
#[derive(Debug, Args)]
pub(crate) struct Advisories {
    /// What about it.
    #[command(subcommand)]
    pub(crate) what: AboutAdvisories,
}

/// What is done about advisories.
#[derive(Debug, Subcommand)]
pub(crate) enum AboutAdvisories {
    /// List them: what counts, what waits for a word, what contradicts what, and whom each keeps from an update
    List(ListAdvisories),
    /// Show all there is to know of one
    Show(ShowAdvisory),
    /// Take those of documents, each in place of the one of its id; what is of rank `unverified` becomes a proposal
    Add(AddAdvisory),
    /// End one: whom it held is visited after all
    Withdraw(RuleAdvisory),
    /// Let a proposal count, under your name
    Accept(RuleAdvisory),
    /// Let a proposal not count
    Dismiss(RuleAdvisory),
}

/// Which advisories to list.
#[derive(Debug, Args)]
pub(crate) struct ListAdvisories {
    /// Those too that were withdrawn or dismissed
    #[arg(long)]
    pub(crate) all: bool,
    /// Which journal.
    #[command(flatten)]
    pub(crate) observed: Observed,
}

/// One advisory.
#[derive(Debug, Args)]
pub(crate) struct ShowAdvisory {
    /// Its id, as `ringway advisory list` shows it
    #[arg(value_name = "ID")]
    pub(crate) id: String,
    /// Which journal.
    #[command(flatten)]
    pub(crate) observed: Observed,
}

/// Advisories in documents.
#[derive(Debug, Args)]
pub(crate) struct AddAdvisory {
    /// Files with `advisory/v1` documents
    #[arg(value_name = "FILE", required = true)]
    pub(crate) files: Vec<PathBuf>,
    /// When, where nothing runs.
    #[command(flatten)]
    pub(crate) when: When,
    /// Which journal.
    #[command(flatten)]
    pub(crate) observed: Observed,
}

/// What becomes of an advisory.
#[derive(Debug, Args)]
pub(crate) struct RuleAdvisory {
    /// Its id, as `ringway advisory list` shows it
    #[arg(value_name = "ID")]
    pub(crate) id: String,
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

impl AboutAdvisories {
    /// Whether it is about what is observed.
    pub(crate) const fn observes(&self) -> bool {
        match self {
            Self::List(args) => args.observed.observe,
            Self::Show(args) => args.observed.observe,
            Self::Add(args) => args.observed.observe,
            Self::Withdraw(args) | Self::Accept(args) | Self::Dismiss(args) => {
                args.observed.observe
            }
        }
    }
}
