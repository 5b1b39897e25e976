//! Arguments of the commands about rollouts and the fleet.

use clap::Args;
use ringway_model::{Digest, RolloutId, Span};

use super::{Goal, Planned};

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

/// Wait for something.
#[derive(Debug, Args)]
pub(crate) struct Wait {
    /// The rollout, as in `r3`; needed where several are going on
    #[arg(value_name = "ROLLOUT")]
    pub(crate) rollout: Option<RolloutId>,
    /// What for: `done`, `promoted:RING`, or `needs-person` (halted, paused, or an approval is missing)
    #[arg(long, value_name = "WHAT", default_value = "done")]
    pub(crate) until: Goal,
    /// How long at the most, as in `90m`; then the exit code is 124 [default: for ever]
    #[arg(long, value_name = "SPAN")]
    pub(crate) timeout: Option<Span>,
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
