//! Arguments of the commands about rollouts and the fleet.

use std::num::{NonZeroU16, NonZeroU32};
use std::path::PathBuf;

use clap::Args;
use ringway_model::{ChangeId, RolloutId, Span};

use super::hosts::Until;
use super::{Documents, Goal, Planned, ShownDigest};

/// Carry a rollout out.
#[derive(Debug, Args)]
pub(crate) struct Run {
    /// The documents and the choices.
    #[command(flatten)]
    pub(crate) planned: Planned,
    /// Run exactly the plan that `plan --save FILE` wrote; refused where the documents no longer give it
    #[arg(long, value_name = "FILE", conflicts_with_all = ["policy", "update", "lane", "seed", "paths"])]
    pub(crate) plan: Option<PathBuf>,
    /// A name of your own for this request: asked twice, it is one rollout
    #[arg(long, value_name = "KEY")]
    pub(crate) key: Option<String>,
    /// The ticket by which your change management knows this rollout, as in `CHG0012345`; kept with it and shown wherever it is
    #[arg(long, value_name = "ID")]
    pub(crate) change: Option<ChangeId>,
    /// Why it hurries, where it runs in a lane; it is journaled with your name, and freezes give way to no lane without it
    #[arg(long, short, value_name = "TEXT")]
    pub(crate) reason: Option<String>,
    /// Propose nothing; go on with what the data directory holds
    #[arg(long, conflicts_with_all = ["policy", "update", "lane", "reason", "key", "change", "plan"])]
    pub(crate) resume: bool,
    /// Exit with code 4 where a person is needed, instead of waiting for one
    #[arg(long)]
    pub(crate) no_wait: bool,
    /// Look at every host and change none: inspect, probe, wait and gate as a real run would, in a journal of its own
    #[arg(long)]
    pub(crate) observe: bool,
    /// How much at once.
    #[command(flatten)]
    pub(crate) bounds: Bounds,
}

/// Take a changed fleet in.
#[derive(Debug, Args)]
pub(crate) struct Refresh {
    /// The documents.
    #[command(flatten)]
    pub(crate) documents: Documents,
    /// Say what would change; change nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Which journal.
    #[command(flatten)]
    pub(crate) observed: Observed,
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
    /// Which journal.
    #[command(flatten)]
    pub(crate) observed: Observed,
}

/// What is due.
#[derive(Debug, Args)]
pub(crate) struct Due {
    /// Which journal.
    #[command(flatten)]
    pub(crate) observed: Observed,
}

/// How long hosts are without an update.
#[derive(Debug, Args)]
pub(crate) struct Exposure {
    /// The rollout [default: every one that is not over]
    #[arg(value_name = "ROLLOUT")]
    pub(crate) rollout: Option<RolloutId>,
    /// Which journal.
    #[command(flatten)]
    pub(crate) observed: Observed,
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
    /// Which journal.
    #[command(flatten)]
    pub(crate) observed: Observed,
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
    /// Which journal.
    #[command(flatten)]
    pub(crate) observed: Observed,
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
    /// Ahead of time: going on to this ring, or to `completion`
    #[arg(long, value_name = "RING")]
    pub(crate) ring: Option<String>,
    /// That what is poisoned may be installed again: what is asked under this number, as `ringway poison` lists it
    #[arg(long, value_name = "NUMBER", conflicts_with_all = ["ring", "rollout", "accept_untested"])]
    pub(crate) unpoison: Option<u32>,
    /// Only show what there is to approve
    #[arg(long, conflicts_with_all = ["yes", "digest"])]
    pub(crate) show: bool,
    /// Approve nothing but this: hosts of this stratum may be visited although `evidence` of it is lacking, as `ringway why`
    /// names it, as in `os=debian-12 role=sql`; needs `--reason`
    #[arg(long, value_name = "STRATUM", requires = "reason", conflicts_with_all = ["ring", "show", "yes", "digest"])]
    pub(crate) accept_untested: Option<String>,
    /// Why a stratum may go on untested; it is journaled with your name
    #[arg(long, short, value_name = "TEXT", requires = "accept_untested")]
    pub(crate) reason: Option<String>,
    /// Do not ask, approve what is shown
    #[arg(long, short)]
    pub(crate) yes: bool,
    /// Approve only this digest, as it was shown before, or as it begins (12 digits or more); does not ask
    #[arg(long, value_name = "DIGEST")]
    pub(crate) digest: Option<ShownDigest>,
    /// When, where nothing runs.
    #[command(flatten)]
    pub(crate) when: When,
    /// Which journal.
    #[command(flatten)]
    pub(crate) observed: Observed,
}

/// Going on before the soak is over.
#[derive(Debug, Args)]
pub(crate) struct Promote {
    /// End the soak that runs before its time
    #[arg(long)]
    pub(crate) early: bool,
    /// Why; it is journaled with your name
    #[arg(long, short, value_name = "TEXT", default_value = "")]
    pub(crate) reason: String,
    /// Which rollout.
    #[command(flatten)]
    pub(crate) which: Which,
    /// Do not ask, approve what is shown
    #[arg(long, short)]
    pub(crate) yes: bool,
    /// Approve only this digest, as it was shown before, or as it begins (12 digits or more); does not ask
    #[arg(long, value_name = "DIGEST")]
    pub(crate) digest: Option<ShownDigest>,
    /// When, where nothing runs.
    #[command(flatten)]
    pub(crate) when: When,
    /// Which journal.
    #[command(flatten)]
    pub(crate) observed: Observed,
}

/// A question.
#[derive(Debug, Args)]
pub(crate) struct Ask {
    /// What
    #[arg(value_name = "TEXT")]
    pub(crate) text: String,
    /// Whom: a team or a person of the policy
    #[arg(long, value_name = "WHO")]
    pub(crate) to: Option<String>,
    /// Which rollout.
    #[command(flatten)]
    pub(crate) which: Which,
    /// When, where nothing runs.
    #[command(flatten)]
    pub(crate) when: When,
    /// Which journal.
    #[command(flatten)]
    pub(crate) observed: Observed,
}

/// An answer.
#[derive(Debug, Args)]
pub(crate) struct Answer {
    /// The number of the question
    #[arg(value_name = "NUMBER")]
    pub(crate) number: u32,
    /// What
    #[arg(value_name = "TEXT")]
    pub(crate) text: String,
    /// Which rollout.
    #[command(flatten)]
    pub(crate) which: Which,
    /// When, where nothing runs.
    #[command(flatten)]
    pub(crate) when: When,
    /// Which journal.
    #[command(flatten)]
    pub(crate) observed: Observed,
}

/// A no.
#[derive(Debug, Args)]
pub(crate) struct Reject {
    /// Not to what a rollout waits for, but to taking a poisoning back: what is asked under this number
    #[arg(long, value_name = "NUMBER", conflicts_with = "rollout")]
    pub(crate) unpoison: Option<u32>,
    /// Why; it is journaled with your name
    #[arg(long, short, value_name = "TEXT")]
    pub(crate) reason: String,
    /// Which rollout.
    #[command(flatten)]
    pub(crate) which: Which,
    /// When, where nothing runs.
    #[command(flatten)]
    pub(crate) when: When,
    /// Which journal.
    #[command(flatten)]
    pub(crate) observed: Observed,
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
    /// When, where nothing runs.
    #[command(flatten)]
    pub(crate) when: When,
    /// Which journal.
    #[command(flatten)]
    pub(crate) observed: Observed,
}

/// Something with a reason, about the whole fleet.
#[derive(Debug, Args)]
pub(crate) struct FleetReason {
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

/// Taking over hosts of another database.
#[derive(Debug, Args)]
pub(crate) struct Adopt {
    /// The other database: the number that `ringway why HOST` names
    #[arg(value_name = "INCARNATION")]
    pub(crate) incarnation: u64,
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

/// A freeze that a rollout may work in.
#[derive(Debug, Args)]
pub(crate) struct OverrideFreeze {
    /// The freeze, by its name in the fleet or the policy
    #[arg(value_name = "FREEZE")]
    pub(crate) freeze: String,
    /// When it holds again: an instant (`2026-12-24T06:00:00Z`) or a span from now (`4h`)
    #[arg(long, value_name = "INSTANT|SPAN")]
    pub(crate) until: Until,
    /// Why; it is journaled with your name
    #[arg(long, short, value_name = "TEXT")]
    pub(crate) reason: String,
    /// Which rollout.
    #[command(flatten)]
    pub(crate) which: Which,
    /// When, where nothing runs.
    #[command(flatten)]
    pub(crate) when: When,
    /// Which journal.
    #[command(flatten)]
    pub(crate) observed: Observed,
}

/// A lane that a rollout goes into, or comes back from.
#[derive(Debug, Args)]
pub(crate) struct Expedite {
    /// The rollout, as in `r3`
    #[arg(value_name = "ROLLOUT")]
    pub(crate) rollout: RolloutId,
    /// The documents it was planned with.
    #[command(flatten)]
    pub(crate) documents: Documents,
    /// The lane of its policy
    #[arg(
        long,
        value_name = "NAME",
        required_unless_present = "end",
        conflicts_with = "end"
    )]
    pub(crate) lane: Option<String>,
    /// Go on as the policy says for everybody; a request that nobody has approved yet is withdrawn
    #[arg(long)]
    pub(crate) end: bool,
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

/// The audit.
#[derive(Debug, Args)]
pub(crate) struct Audit {
    /// Which journal.
    #[command(flatten)]
    pub(crate) observed: Observed,
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
    /// Which journal.
    #[command(flatten)]
    pub(crate) observed: Observed,
}

/// How much is done at once, where this process decides.
#[derive(Clone, Copy, Debug, Args)]
#[command(next_help_heading = "Where this process decides")]
pub(crate) struct Bounds {
    /// Steps at once, on all hosts together
    #[arg(
        long,
        env = "RINGWAY_WORKERS",
        value_name = "NUMBER",
        default_value = "64"
    )]
    pub(crate) workers: NonZeroU32,
    /// How many connections.
    #[command(flatten)]
    pub(crate) connections: Connections,
}

/// How many hosts are connected at once.
#[derive(Clone, Copy, Debug, Args)]
#[command(next_help_heading = "Where this process decides")]
pub(crate) struct Connections {
    /// Connections to hosts that are open at once; each needs a file descriptor
    #[arg(
        long,
        env = "RINGWAY_CONNECTIONS",
        value_name = "NUMBER",
        default_value = "512"
    )]
    pub(crate) connections: NonZeroU16,
}

/// Which journal.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct Observed {
    /// Of what `run --observe` observes, not of what is done
    #[arg(long)]
    pub(crate) observe: bool,
}

/// When a command is carried out, where nothing runs.
#[derive(Clone, Copy, Debug, Args)]
#[command(next_help_heading = "Where nothing runs")]
pub(crate) struct When {
    /// Do it now: this process takes the fleet over, and stays with what follows
    #[arg(long, conflicts_with = "later")]
    pub(crate) now: bool,
    /// Leave it in the inbox: it is done first when `ringway run` runs next
    #[arg(long)]
    pub(crate) later: bool,
    /// How much at once.
    #[command(flatten)]
    pub(crate) bounds: Bounds,
}
