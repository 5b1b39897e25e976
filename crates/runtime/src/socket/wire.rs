//! What goes over the control socket.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ringway_engine::view::{FleetView, HostView, ProtectionView, Waiting};
use ringway_engine::{Accepted, Command, Rejected};
use ringway_executor::port::{HandIn, Proposal, Refresh, Supersession};
use ringway_model::{ChangeId, Content, Digest, RingIndex, RolloutId};
use ringway_scheduler::{FleetSpec, Plan};
use serde::{Deserialize, Serialize};

/// One question, one line.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Question {
    /// Is somebody there?
    Ping,
    /// Carry this rollout out.
    Propose(Bundle),
    /// Take this fleet into rollouts in flight.
    Refresh(Renewal),
    /// Do this.
    Command(Command),
    /// How does the fleet stand?
    View,
    /// How does this host stand, in every rollout?
    Host {
        /// Its name.
        name: String,
    },
    /// How do the hosts of this rollout stand?
    Hosts {
        /// The rollout.
        rollout: RolloutId,
        /// Only this ring.
        ring: Option<String>,
    },
    /// What was made of hosts before they were changed, and is there?
    Protections {
        /// Only of this host.
        host: Option<String>,
    },
    /// Why does this ring not move?
    Ring {
        /// The rollout.
        rollout: RolloutId,
        /// The ring.
        ring: RingIndex,
    },
    /// How does the fleet stand, now and at every change? Answered until the connection is closed.
    Follow,
    /// Do this, with the file that it names.
    HandIn(Handed),
    /// Put this rollout in the place of another one.
    Supersede(Superseding),
}

/// One answer, one line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Answer {
    /// Somebody is here.
    Pong {
        /// The process.
        pid: u32,
        /// The program's version.
        version: String,
    },
    /// Done, and durable.
    Accepted(Accepted),
    /// It does not fit.
    Rejected(Rejected),
    /// The fleet.
    View(Box<FleetView>),
    /// Hosts.
    Hosts(Vec<HostView>),
    /// What was made of hosts.
    Protections(Vec<ProtectionView>),
    /// Reasons.
    Waiting(Vec<Waiting>),
    /// The decider is ending and did not carry this out.
    Ending,
    /// The question could not be understood.
    NotUnderstood {
        /// Why.
        why: String,
    },
}

/// A proposal with its contents as bytes, so that both sides compute the same digests.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Bundle {
    /// The encoded fleet, base64.
    fleet: String,
    /// The encoded plan, base64.
    plan: String,
    /// The documents as written: kind and name, text.
    documents: Vec<(String, String)>,
    /// The caller's own name for the request.
    key: Option<String>,
    /// The rollout's ticket.
    #[serde(default)]
    change: Option<ChangeId>,
    /// Why it hurries.
    #[serde(default)]
    reason: Option<String>,
}

/// A proposal, with what else there is to say of a rollout that takes the place of another one.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Superseding {
    /// The rollout whose place it takes.
    pub rollout: RolloutId,
    /// The new one.
    bundle: Bundle,
    /// What is poisoned with it.
    poison: Vec<Content>,
    /// Why.
    pub reason: String,
}

impl Superseding {
    /// Packs what was decided.
    pub fn pack(supersession: &Supersession) -> Self {
        Self {
            rollout: supersession.rollout,
            bundle: Bundle::pack(&supersession.proposal),
            poison: supersession.poison.clone(),
            reason: supersession.reason.clone(),
        }
    }

    /// Unpacks it.
    ///
    /// # Errors
    ///
    /// As [`Bundle::unpack`].
    pub fn unpack(self) -> Result<Supersession, Unreadable> {
        Ok(Supersession {
            rollout: self.rollout,
            proposal: self.bundle.unpack()?,
            poison: self.poison,
            reason: self.reason,
        })
    }
}

/// A command with the file that it names.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Handed {
    /// The command.
    pub command: Command,
    /// The file's bytes, base64.
    file: String,
}

impl Handed {
    /// Packs a command and its file.
    pub fn pack(handed: &HandIn) -> Self {
        Self {
            command: handed.command.clone(),
            file: STANDARD.encode(&handed.bytes),
        }
    }

    /// Unpacks them.
    ///
    /// # Errors
    ///
    /// A file that is not what it should be.
    pub fn unpack(self) -> Result<HandIn, Unreadable> {
        let bytes = STANDARD.decode(&self.file).map_err(|e| Unreadable {
            part: "file",
            why: e.to_string(),
        })?;
        Ok(HandIn {
            command: self.command,
            bytes,
        })
    }
}

/// A bundle that does not hold a proposal.
#[derive(Debug, thiserror::Error)]
#[error("the {part} cannot be read: {why}")]
pub struct Unreadable {
    part: &'static str,
    why: String,
}

impl Bundle {
    /// Packs a proposal.
    pub fn pack(proposal: &Proposal) -> Self {
        Self {
            fleet: STANDARD.encode(proposal.fleet.encode().1),
            plan: STANDARD.encode(proposal.plan.encode().1),
            documents: proposal.documents.clone(),
            key: proposal.key.clone(),
            change: proposal.change.clone(),
            reason: proposal.reason.clone(),
        }
    }

    /// Unpacks the proposal, and checks that its parts belong together.
    ///
    /// # Errors
    ///
    /// A part that is not what it should be, or a plan for another fleet.
    pub fn unpack(self) -> Result<Proposal, Unreadable> {
        let (fleet, fleet_bytes) = fleet_in(&self.fleet)?;
        let plan = plan_in(&self.plan)?;
        if plan.fleet != Digest::of(&fleet_bytes) {
            return Err(Unreadable {
                part: "plan",
                why: "it is for another fleet".to_owned(),
            });
        }
        Ok(Proposal {
            fleet: Arc::new(fleet),
            plan: Arc::new(plan),
            documents: self.documents,
            key: self.key,
            change: self.change,
            reason: self.reason,
        })
    }
}

/// A fleet that was read anew, and the plans that change with it, as bytes.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Renewal {
    /// The encoded fleet, base64.
    fleet: String,
    /// By rollout: the encoded revision of its plan, base64.
    plans: Vec<(RolloutId, String)>,
    /// The documents as written: kind and name, text.
    documents: Vec<(String, String)>,
}

impl Renewal {
    /// Packs what was read.
    pub fn pack(refresh: &Refresh) -> Self {
        let plans = refresh.plans.iter();
        Self {
            fleet: STANDARD.encode(refresh.fleet.encode().1),
            plans: plans
                .map(|(rollout, plan)| (*rollout, STANDARD.encode(plan.encode().1)))
                .collect(),
            documents: refresh.documents.clone(),
        }
    }

    /// Unpacks what was read. Whether its parts belong together is the decider's to say.
    ///
    /// # Errors
    ///
    /// A part that is not what it should be.
    pub fn unpack(self) -> Result<Refresh, Unreadable> {
        let plans = self.plans.into_iter();
        let plans = plans.map(|(rollout, text)| Ok((rollout, Arc::new(plan_in(&text)?))));
        Ok(Refresh {
            fleet: Arc::new(fleet_in(&self.fleet)?.0),
            plans: plans.collect::<Result<_, _>>()?,
            documents: self.documents,
        })
    }
}

fn bytes_in(part: &'static str, text: &str) -> Result<Vec<u8>, Unreadable> {
    STANDARD.decode(text).map_err(|e| Unreadable {
        part,
        why: e.to_string(),
    })
}

fn fleet_in(text: &str) -> Result<(FleetSpec, Vec<u8>), Unreadable> {
    let bytes = bytes_in("fleet", text)?;
    let fleet = FleetSpec::decode(&bytes).map_err(|e| Unreadable {
        part: "fleet",
        why: e.to_string(),
    })?;
    Ok((fleet, bytes))
}

fn plan_in(text: &str) -> Result<Plan, Unreadable> {
    Plan::decode(&bytes_in("plan", text)?).map_err(|e| Unreadable {
        part: "plan",
        why: e.to_string(),
    })
}
