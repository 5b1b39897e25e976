//! The command line: every command, option and default, with the help people read.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use ringway_model::{Digest, RolloutId};

/// The exit codes, as `--help` shows them. `docs/reference/cli.md` explains them; `exit.rs` is where they are decided.
const EXIT_CODES: &str = "\
Exit codes:
    0  done: what was asked for is so
    1  the request does not fit the state, or another error
    2  invalid documents or usage; nothing was changed
    3  the rollout is halted, and a person must decide how it goes on
    4  the rollout waits for a person (an approval, a resume, a go)
    5  the rollout was cancelled or rolled back
    6  another process holds the data directory and does not answer, or nothing is there to ask
    7  the engine found a fault of its own, or the journal cannot be trusted
  130  interrupted; the rollout is safe and `ringway run --resume` continues it";

/// Carries an update across a fleet ring by ring, and stops before the damage spreads.
#[derive(Debug, Parser)]
#[command(name = "ringway", version, after_help = EXIT_CODES, max_term_width = 100)]
pub(crate) struct Cli {
    /// Options of every command.
    #[command(flatten)]
    pub(crate) global: Global,
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Cmd,
}

/// Options of every command.
#[derive(Debug, Args)]
pub(crate) struct Global {
    /// Where the journal and the control socket are
    #[arg(
        long,
        global = true,
        env = "RINGWAY_DATA",
        default_value = ".ringway",
        value_name = "DIR"
    )]
    pub(crate) data: PathBuf,
    /// How data is printed on standard output
    #[arg(long, global = true, value_enum, default_value = "text")]
    pub(crate) output: Output,
}

/// How data is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Output {
    /// For people
    Text,
    /// One JSON value
    Json,
    /// One JSON value on each line
    Ndjson,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Cmd {
    /// Check documents; change nothing
    Check(Documents),
    /// Show who would be updated when, and why; change nothing
    Plan(Planned),
    /// Carry a rollout out, or go on with one
    Run(Run),
    /// Show how the fleet and its rollouts stand
    Status(Status),
    /// Say why a host, a ring or a rollout does not move
    Why(Why),
    /// Say yes to the start of a rollout, or to going on after a ring
    Approve(Approve),
    /// Say no; the rollout pauses
    Reject(Reasoned),
    /// Let a rollout rest; what is in flight is brought back into service
    Pause(Reasoned),
    /// Let a paused or halted rollout go on
    Resume(Reasoned),
    /// Stop a rollout because of harm
    Halt(Reasoned),
    /// Stop everything in the fleet
    Stop(FleetReason),
    /// Let a stopped fleet go on
    Go(FleetReason),
    /// End a rollout without completion
    Cancel(Reasoned),
    /// Take every updated host of a rollout back to what it had
    Rollback(Reasoned),
    /// Print the journal's events
    Journal(Journal),
    /// Check the journal: its chain, its state digests, and every invariant
    Audit,
    /// Print the JSON Schema of a kind of document
    Schema(Schema),
    /// Show what Ringway is for, on real processes of this machine, in under two minutes
    Demo(Demo),
    /// A server of the demo
    #[command(hide = true)]
    DemoServer(DemoServer),
}

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

/// Carry a rollout out.
#[derive(Debug, Args)]
pub(crate) struct Run {
    /// The documents and the choices.
    #[command(flatten)]
    pub(crate) planned: Planned,
    /// A name of your own for this request: asked twice, it is one rollout
    #[arg(long, value_name = "KEY")]
    pub(crate) key: Option<String>,
    /// Propose nothing; go on with what the data directory holds
    #[arg(long, conflicts_with_all = ["paths", "policy", "update", "key"])]
    pub(crate) resume: bool,
    /// Exit with code 4 where a person is needed, instead of waiting for one
    #[arg(long)]
    pub(crate) no_wait: bool,
}

/// Show how things stand.
#[derive(Debug, Args)]
pub(crate) struct Status {
    /// Go on showing it until it is over: in place on a terminal, line by line otherwise
    #[arg(long)]
    pub(crate) watch: bool,
    /// Also rollouts that are over
    #[arg(long)]
    pub(crate) all: bool,
}

/// Why something does not move.
#[derive(Debug, Args)]
pub(crate) struct Why {
    /// A host or a ring; without it, the rollout as a whole
    #[arg(value_name = "HOST|RING")]
    pub(crate) what: Option<String>,
    /// Which rollout.
    #[command(flatten)]
    pub(crate) which: Which,
}

/// Which rollout.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct Which {
    /// The rollout, as in `r3`; needed where several are going on
    #[arg(long, value_name = "ID")]
    pub(crate) rollout: Option<RolloutId>,
}

/// A yes.
#[derive(Debug, Args)]
pub(crate) struct Approve {
    /// Which rollout.
    #[command(flatten)]
    pub(crate) which: Which,
    /// Do not ask, approve what is shown
    #[arg(long, short)]
    pub(crate) yes: bool,
    /// Approve only this digest, as it was shown before; does not ask
    #[arg(long, value_name = "DIGEST")]
    pub(crate) digest: Option<Digest>,
}

/// Something with a reason, about a rollout.
#[derive(Debug, Args)]
pub(crate) struct Reasoned {
    /// Why; it is journaled with your name
    #[arg(long, short, value_name = "TEXT", default_value = "")]
    pub(crate) reason: String,
    /// Which rollout.
    #[command(flatten)]
    pub(crate) which: Which,
}

/// Something with a reason, about the whole fleet.
#[derive(Debug, Args)]
pub(crate) struct FleetReason {
    /// Why; it is journaled with your name
    #[arg(long, short, value_name = "TEXT", default_value = "")]
    pub(crate) reason: String,
}

/// The journal.
#[derive(Debug, Args)]
pub(crate) struct Journal {
    /// Only from this batch on
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    pub(crate) from: u64,
    /// Also what came in, not only what was decided
    #[arg(long)]
    pub(crate) inputs: bool,
}

/// A schema.
#[derive(Debug, Args)]
pub(crate) struct Schema {
    /// fleet, policy, update, recipe, care or people
    #[arg(value_name = "KIND")]
    pub(crate) kind: String,
}

/// The demo.
#[derive(Debug, Args)]
pub(crate) struct Demo {
    /// Keep the demo's directory, to look at its documents and journals
    #[arg(long)]
    pub(crate) keep: bool,
}

/// A server of the demo.
#[derive(Debug, Args)]
pub(crate) struct DemoServer {
    /// The server's own directory
    pub(crate) home: PathBuf,
    /// The port on 127.0.0.1
    pub(crate) port: u16,
    /// Its role
    pub(crate) role: String,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }
}
