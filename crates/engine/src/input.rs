//! Everything that can happen to the engine.

use ringway_model::{
    Actor, Epoch, Evidence, HostId, IntentId, ProbeId, RolloutId, Says, StepResult, Timestamp,
};
use serde::{Deserialize, Serialize};

use crate::command::Command;
use crate::times::Calendar;

/// One thing that happened. Late, repeated and unknown results are accepted and change nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Input {
    /// Somebody asked for something.
    Command {
        /// Who.
        actor: Actor,
        /// What.
        command: Command,
    },
    /// A step ended, or is known not to have begun.
    StepEnded {
        /// Which.
        intent: IntentId,
        /// How.
        result: StepResult,
    },
    /// What is known of a host by a probe changed.
    Evidence {
        /// The host.
        host: HostId,
        /// The probe.
        probe: ProbeId,
        /// What is known now.
        to: Evidence,
    },
    /// A host was seen to have restarted outside a `reboot` step.
    Restarted {
        /// The host.
        host: HostId,
    },
    /// A decider took the fleet over: after a start, a crash or a takeover.
    Recovered {
        /// Its fencing number.
        epoch: Epoch,
        /// When the decider before it was last known to run; no soak is credited after this.
        last_alive: Timestamp,
    },
    /// The clock moved by more than two minutes between two inputs without a reason.
    ClockJumped {
        /// The last instant before.
        from: Timestamp,
    },
    /// Time passed.
    Tick,
    /// Time passed and a soak is running: the journal must say that Ringway was there.
    Alive,
    /// The instants of a plan's rules about time, from some version of the time zone database.
    Calendar {
        /// The rollout.
        rollout: RolloutId,
        /// They.
        calendar: Calendar,
    },
    /// An external gate answered, or has not for too long.
    GateSaid {
        /// The rollout.
        rollout: RolloutId,
        /// The gate's number in the plan.
        gate: u16,
        /// What is known now.
        says: Says,
        /// What its command added.
        why: String,
    },
}

impl Input {
    /// The rollout it is about; `None` for one that does not exist yet, and for what is about hosts and the fleet.
    pub const fn rollout(&self) -> Option<RolloutId> {
        match self {
            Self::Command { command, .. } => command.rollout(),
            Self::StepEnded { intent, .. } => Some(intent.rollout()),
            Self::Calendar { rollout, .. } | Self::GateSaid { rollout, .. } => Some(*rollout),
            Self::Evidence { .. }
            | Self::Restarted { .. }
            | Self::Recovered { .. }
            | Self::ClockJumped { .. }
            | Self::Tick
            | Self::Alive => None,
        }
    }
}
