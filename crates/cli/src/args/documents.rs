//! Arguments of the commands that look at documents.

use std::path::PathBuf;

use clap::Args;
use clap_complete::Shell;

/// Which documents.
#[derive(Clone, Debug, Args)]
pub(crate) struct Documents {
    /// Files, or directories whose *.yaml and *.yml (and those in recipes/) are read [default: .]
    #[arg(value_name = "PATH")]
    pub(crate) paths: Vec<PathBuf>,
}

/// Documents, and the choices a plan is made with.
#[derive(Clone, Debug, Args)]
pub(crate) struct Planned {
    /// The documents.
    #[command(flatten)]
    pub(crate) documents: Documents,
    /// The policy; needed where there is more than one
    #[arg(long, value_name = "NAME")]
    pub(crate) policy: Option<String>,
    /// The update; needed where there is more than one
    #[arg(long, value_name = "NAME")]
    pub(crate) update: Option<String>,
    /// What every choice that documents leave open is made with
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    pub(crate) seed: u64,
}

/// A schema.
#[derive(Debug, Args)]
pub(crate) struct Schema {
    /// fleet, policy, update, recipe, care or people
    #[arg(value_name = "KIND")]
    pub(crate) kind: String,
}

/// Completions for a shell.
#[derive(Debug, Args)]
pub(crate) struct Completions {
    /// The shell
    #[arg(value_enum)]
    pub(crate) shell: Shell,
}
