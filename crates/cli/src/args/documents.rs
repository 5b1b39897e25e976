//! Arguments of the commands that look at documents.

use std::path::PathBuf;

use clap::Args;
use clap_complete::Shell;

use ringway_model::Timestamp;

use super::Connections;

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
    /// A lane of the policy: the reviewed way to hurry
    #[arg(long, value_name = "NAME")]
    pub(crate) lane: Option<String>,
    /// What every choice that documents leave open is made with
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    pub(crate) seed: u64,
}

/// A plan, when it could begin, and where it is kept.
#[derive(Clone, Debug, Args)]
pub(crate) struct Plan {
    /// The documents and the choices.
    #[command(flatten)]
    pub(crate) planned: Planned,
    /// Also write it into this file, with every document, so that `run --plan FILE` runs exactly this
    #[arg(long, value_name = "FILE")]
    pub(crate) save: Option<PathBuf>,
    /// Say when rings can be if it starts at this instant [default: now]
    #[arg(long, value_name = "INSTANT", value_parser = instant)]
    pub(crate) from: Option<Timestamp>,
}

/// Two policies over one fleet.
#[derive(Clone, Debug, Args)]
pub(crate) struct Diff {
    /// The policy as it is: a file that has it, or its name among the documents
    #[arg(value_name = "BEFORE")]
    pub(crate) before: String,
    /// The policy as it would be: a file that has it, or its name among the documents
    #[arg(value_name = "AFTER")]
    pub(crate) after: String,
    /// The fleet, the update and everything else.
    #[command(flatten)]
    pub(crate) documents: Documents,
    /// The policy that is meant in files that have more than one
    #[arg(long, value_name = "NAME")]
    pub(crate) policy: Option<String>,
    /// The update; needed where there is more than one
    #[arg(long, value_name = "NAME")]
    pub(crate) update: Option<String>,
    /// What every choice that documents leave open is made with, in both plans
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    pub(crate) seed: u64,
}

/// What a first directory of documents is made of.
#[derive(Debug, Args)]
pub(crate) struct Init {
    /// Where the documents are written; nothing that is there is changed
    #[arg(value_name = "DIR", default_value = ".")]
    pub(crate) directory: PathBuf,
    /// An Ansible inventory whose hosts are the fleet, a file or a directory of several; or a table in a file that ends in .csv
    #[arg(long, value_name = "INVENTORY", conflicts_with = "host")]
    pub(crate) from: Option<PathBuf>,
    /// A host; may be given several times
    #[arg(long, value_name = "NAME[=ADDRESS]")]
    pub(crate) host: Vec<String>,
    /// The fleet's name [default: that of the directory]
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<String>,
    /// How a host is asked whether it is well: `tcp:PORT` or `http:PORT/PATH` [default: `tcp:22`]
    #[arg(long, value_name = "PROBE")]
    pub(crate) probe: Option<String>,
    /// A team whose members may approve, by their user names; may be given several times [default: operators=YOU]
    #[arg(long, value_name = "TEAM=USER,...")]
    pub(crate) team: Vec<String>,
    /// Ask nothing; what is not given is as said above
    #[arg(long)]
    pub(crate) yes: bool,
}

/// Documents to be looked at for mistakes.
#[derive(Debug, Args)]
pub(crate) struct Lint {
    /// The documents.
    #[command(flatten)]
    pub(crate) documents: Documents,
    /// Only this policy [default: every one]
    #[arg(long, value_name = "NAME")]
    pub(crate) policy: Option<String>,
    /// Only this update [default: every one]
    #[arg(long, value_name = "NAME")]
    pub(crate) update: Option<String>,
    /// What every choice that documents leave open is made with
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    pub(crate) seed: u64,
    /// Say what a finding means, and read no documents; without a code, list all
    #[arg(long, value_name = "CODE", num_args = 0..=1, default_missing_value = "",
        conflicts_with_all = ["paths", "policy", "update", "seed"])]
    pub(crate) explain: Option<String>,
}

/// Hosts of the documents.
#[derive(Debug, Args)]
pub(crate) struct Hosts {
    /// The documents.
    #[command(flatten)]
    pub(crate) documents: Documents,
    /// Only this host; may be given several times
    #[arg(long, value_name = "NAME")]
    pub(crate) host: Vec<String>,
    /// Only hosts that this selector matches; may be given several times
    #[arg(long, value_name = "SELECTOR")]
    pub(crate) select: Vec<String>,
    /// Say where each value is from, and what does not count
    #[arg(long)]
    pub(crate) origins: bool,
}

/// When work may run.
#[derive(Clone, Debug, Args)]
pub(crate) struct Calendar {
    /// The documents and the choices.
    #[command(flatten)]
    pub(crate) planned: Planned,
    /// Only this host; may be given several times
    #[arg(long, value_name = "NAME")]
    pub(crate) host: Vec<String>,
    /// From this instant on [default: now]
    #[arg(long, value_name = "INSTANT", value_parser = instant)]
    pub(crate) from: Option<Timestamp>,
    /// For so many days
    #[arg(long, value_name = "NUMBER", default_value_t = 31, value_parser = clap::value_parser!(u16).range(1..=800))]
    pub(crate) days: u16,
}

fn instant(text: &str) -> Result<Timestamp, String> {
    let at: jiff::Timestamp = text
        .parse()
        .map_err(|_| "write date, time and zone, for example `2026-12-01T00:00:00Z`".to_owned())?;
    Ok(Timestamp(at.as_millisecond()))
}

/// Whether everything is ready.
#[derive(Debug, Args)]
pub(crate) struct Doctor {
    /// The documents.
    #[command(flatten)]
    pub(crate) documents: Documents,
    /// Only this host; may be given several times
    #[arg(long, value_name = "NAME")]
    pub(crate) host: Vec<String>,
    /// Only hosts that this selector matches; may be given several times
    #[arg(long, value_name = "SELECTOR")]
    pub(crate) select: Vec<String>,
    /// The update whose recipe is asked what is installed [default: the only one there is]
    #[arg(long, value_name = "NAME")]
    pub(crate) update: Option<String>,
    /// Show every check, not only what is wrong
    #[arg(long)]
    pub(crate) all: bool,
    /// Let warnings count: with one, the exit code is 1
    #[arg(long)]
    pub(crate) strict: bool,
    /// How many connections.
    #[command(flatten)]
    pub(crate) connections: Connections,
}

/// What an update would install.
#[derive(Debug, Args)]
pub(crate) struct Manifest {
    /// The update
    #[arg(value_name = "UPDATE")]
    pub(crate) update: String,
    /// The documents.
    #[command(flatten)]
    pub(crate) documents: Documents,
    /// A host that is asked for its product line's manifest; once for each line
    #[arg(long, value_name = "HOST", required = true)]
    pub(crate) on: Vec<String>,
    /// How many connections.
    #[command(flatten)]
    pub(crate) connections: Connections,
}

/// A schema.
#[derive(Debug, Args)]
pub(crate) struct Schema {
    /// fleet, policy, update, recipe, care, people, world, maintenance or notify; or inventory, for what a command of `import` prints
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

/// Manual pages.
#[derive(Debug, Args)]
pub(crate) struct Man {
    /// Where they are written; made if need be
    #[arg(value_name = "DIR")]
    pub(crate) directory: PathBuf,
}
