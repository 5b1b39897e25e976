//! Arguments of the commands that let rollouts happen on a fleet that does not exist.

use std::path::PathBuf;

use clap::Args;
use clap::builder::RangedU64ValueParser;

use super::Documents;

/// The most futures that can be asked for at once; what each says is kept until all are summed up.
const MOST_TRIALS: u64 = 100_000;

/// One future, or many.
#[derive(Clone, Debug, Args)]
pub(crate) struct Simulate {
    /// The documents.
    #[command(flatten)]
    pub(crate) documents: Documents,
    /// The policy; needed where there is more than one and the world names none
    #[arg(long, value_name = "NAME")]
    pub(crate) policy: Option<String>,
    /// Where.
    #[command(flatten)]
    pub(crate) place: Place,
    /// Let so many futures happen, of this seed and the next ones, and show how they differ
    #[arg(long, value_name = "NUMBER", value_parser = RangedU64ValueParser::<u64>::new().range(1..=MOST_TRIALS))]
    pub(crate) trials: Option<u64>,
    /// How many lines of the story are shown, of those that matter to a person
    #[arg(
        long,
        value_name = "NUMBER",
        default_value_t = 30,
        conflicts_with = "all"
    )]
    pub(crate) lines: usize,
    /// Show the whole story: a line for every event
    #[arg(long, conflicts_with = "trials")]
    pub(crate) all: bool,
}

/// Many futures, of several policies or soaks.
#[derive(Clone, Debug, Args)]
pub(crate) struct WhatIf {
    /// The documents.
    #[command(flatten)]
    pub(crate) documents: Documents,
    /// The policy; given several times, they are compared with one another
    #[arg(long, value_name = "NAME")]
    pub(crate) policy: Vec<String>,
    /// Where.
    #[command(flatten)]
    pub(crate) place: Place,
    /// How many futures each of them meets: in half of them the update is bad
    #[arg(long, value_name = "NUMBER", default_value_t = 1000, value_parser = RangedU64ValueParser::<u64>::new().range(2..=MOST_TRIALS))]
    pub(crate) trials: u64,
    /// How many times as long as written the soaks are, in each variant [default: 0,1/4,1/2,1,2; for several policies: 1]
    #[arg(long, value_name = "LIST")]
    pub(crate) soaks: Option<String>,
}

/// The world and the update, and what becomes of the answer.
#[derive(Clone, Debug, Args)]
pub(crate) struct Place {
    /// The update; needed where there is more than one and the world names none
    #[arg(long, value_name = "NAME")]
    pub(crate) update: Option<String>,
    /// A lane of the policy: the reviewed way to hurry
    #[arg(long, value_name = "NAME")]
    pub(crate) lane: Option<String>,
    /// The world; needed where there is more than one. Where there is none, everything goes as it should
    #[arg(long, value_name = "NAME")]
    pub(crate) world: Option<String>,
    /// The number that everything random comes from: the same one gives the same futures
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    pub(crate) seed: u64,
    /// Write a page for a browser into this file, with everything it needs in it
    #[arg(long, value_name = "FILE")]
    pub(crate) html: Option<PathBuf>,
}
