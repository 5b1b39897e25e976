//! The parts of a comparison. Field names are those of the JSON output; spans are milliseconds and say so in their names.

use std::collections::BTreeMap;

use ringway_model::{Digest, Span};
use ringway_policy::validated::{AlreadyUnhealthy, Command, Freeze, OnHalt};
use serde::Serialize;

use crate::report::{ApprovalReport, EarlyReport, GateReport, PaceReport, RingEstimate};

/// Two plans of one update over one fleet, side by side.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Comparison {
    /// The fleet's name.
    pub fleet: String,
    /// The update's name.
    pub update: String,
    /// What every free choice of the second plan was made with.
    pub seed: u64,
    /// The first plan.
    pub before: Side,
    /// The second plan.
    pub after: Side,
    /// Which ring of one is which of the other: in the order of the second plan, those that are gone where they were.
    pub rings: Vec<RingPair>,
    /// Hosts that change places, by both places in the order of the rings.
    pub moves: Vec<Move>,
    /// Hosts that are in the same ring as before.
    pub stay: usize,
    /// Hosts that become targets.
    pub gained: usize,
    /// Hosts that are targets no more.
    pub lost: usize,
    /// What each ring has examples of.
    pub coverage: CoverageChange,
}

impl Comparison {
    /// Whether a rollout would be another one. Names and texts of the documents are not looked at, those of rings are.
    pub fn is_change(&self) -> bool {
        let of = |side: &Side| {
            let mut side = side.clone();
            side.plan = Digest::default();
            side.policy = String::new();
            side
        };
        !self.moves.is_empty() || of(&self.before) != of(&self.after)
    }
}

/// One of the two plans.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Side {
    /// Its digest.
    pub plan: Digest,
    /// Its policy.
    pub policy: String,
    /// Hosts to be updated, in a ring or not.
    pub targets: usize,
    /// Hosts that `applies_to` matches and no release does.
    pub not_applicable: usize,
    /// Targets that no ring claims.
    pub unclaimed: usize,
    /// Its rings in order.
    pub rings: Vec<RingSide>,
    /// The first soak that can halt; absent: none can.
    pub first_soak: Option<FirstSoak>,
    /// From the start to the promotion of the last ring, if all goes well.
    pub total_ms: Span,
    /// Time without the update, summed over the hosts in rings, if all goes well: as if the hosts of a ring got it evenly
    /// from its start until all have settled.
    pub exposure_ms: Span,
    /// What holds in all rings.
    pub terms: Terms,
}

/// A ring of one of the plans.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RingSide {
    /// Its name.
    pub name: String,
    /// Hosts in it.
    pub hosts: u32,
    /// The failure that halts; absent: none does.
    pub halts_on: Option<u32>,
    /// Hosts it may leave behind.
    pub debt_allowed: u32,
    /// The wait with observation.
    pub soak_ms: Span,
    /// How much of it must be working time.
    pub working_ms: Option<Span>,
    /// Windows of the fleet of which one must be open too.
    pub windows: Vec<String>,
    /// What must be approved before going on.
    pub after_soak: Option<ApprovalReport>,
    /// How people may end the soak before its time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub early: Option<EarlyReport>,
    /// When, if all goes well.
    pub estimate: RingEstimate,
    /// Hosts that have the update when this ring halts.
    pub risk: Risk,
    /// Strata of which it, or a ring before it, has an example.
    pub strata_seen: usize,
    /// Strata of which no ring before it has one.
    pub strata_new: usize,
    /// Its hosts of those strata.
    pub hosts_new: u32,
}

impl RingSide {
    /// Whether failures of its own can halt it.
    pub fn can_halt(&self) -> bool {
        self.halts_on.is_some_and(|limit| limit <= self.hosts)
    }
}

/// How many hosts have the update when a ring halts, those of earlier rings among them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Risk {
    /// At the most, where every host of this ring fails during its visit.
    pub shows_at_once: u32,
    /// Where the fault shows when all of this ring's hosts have it.
    pub shows_in_soak: u32,
}

/// The first time that something which shows only after the visits can halt the rollout: the first ring with hosts, a
/// soak, a gate that looks at them, and a number of failures that halts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FirstSoak {
    /// The ring.
    pub ring: String,
    /// Hosts that have the update by then.
    pub hosts: u32,
    /// When this soak begins, if all goes well.
    pub begins_ms: Span,
    /// When it ends.
    pub ends_ms: Span,
}

/// What holds in all rings of a plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Terms {
    /// What must be approved before anything starts.
    pub start: Option<ApprovalReport>,
    /// What taking back a poisoning of its content needs besides a reason.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unpoison: Option<ApprovalReport>,
    /// How fast, how many may be down, what is repeated.
    pub pace: PaceReport,
    /// What updated hosts are observed by.
    pub gates: Vec<GateReport>,
    /// What is asked outside the fleet.
    pub external: Vec<ExternalSide>,
    /// Windows of the fleet of which one must be open besides the host's own.
    pub windows: Vec<String>,
    /// The policy's freezes, by name.
    pub freezes: BTreeMap<String, Freeze>,
    /// Whether people may work in a freeze if they say why.
    pub freeze_override: bool,
    /// Within which time an update is to be everywhere, by its severity.
    pub due_ms: BTreeMap<String, Span>,
    /// How long until the next attempt to reach an offline host.
    pub offline_retry_ms: Span,
    /// More hosts than this that somebody else changes pause the rollout.
    pub outside_pause_at: u32,
    /// What must be known of a stratum before a later ring visits more of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub evidence: Option<EvidenceTerms>,
    /// What happens to hosts that are unhealthy before the update.
    pub already_unhealthy: AlreadyUnhealthy,
    /// What a halt does to hosts applied and not restarted.
    pub on_halt: OnHalt,
}

/// What must be known of a stratum before a later ring visits more of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct EvidenceTerms {
    /// The labels whose combinations are the strata.
    pub by: Vec<String>,
    /// Hosts that must have been seen healthy.
    pub hosts: u32,
    /// How long, together.
    pub healthy_ms: Span,
    /// What becomes of a ring with a stratum that lacks it.
    pub where_missing: &'static str,
}

/// A condition that a command knows of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ExternalSide {
    /// Its name.
    pub name: String,
    /// The command.
    pub run: Command,
    /// How often it is asked.
    pub every_ms: Span,
    /// How long one answer may take.
    pub timeout_ms: Span,
}

/// A ring of each plan that is the same one: it has the same name, or is all that is left in its position. One of the
/// two is absent where a ring is new, or gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct RingPair {
    /// Its number in the first plan, from 0.
    pub before: Option<usize>,
    /// Its number in the second plan.
    pub after: Option<usize>,
}

/// Hosts that change from one place to another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Move {
    /// Where they were.
    pub from: Place,
    /// Where they are.
    pub to: Place,
    /// How many.
    pub count: usize,
    /// Their names, in the order of the fleet.
    pub hosts: Vec<String>,
}

/// Where a host is in a plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// In this ring.
    Ring(String),
    /// A target that no ring claims.
    NoRing,
    /// `applies_to` matches it, and no release does.
    NoRelease,
    /// `applies_to` does not match it.
    NotMeant,
}

/// How what is met, and when, changes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CoverageChange {
    /// The labels whose combinations are the strata: those that rings of either policy cover by, else the usual ones.
    pub by: Vec<String>,
    /// Strata of the first plan, and of the second.
    pub strata: [usize; 2],
    /// Strata that are met first in another ring.
    pub changed: Vec<StratumChange>,
}

/// A stratum that is met first in another ring.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct StratumChange {
    /// Its labels and values.
    pub stratum: String,
    /// Its hosts in rings of the second plan, or of the first where the second has none.
    pub hosts: u32,
    /// The ring of the first plan that meets it first.
    pub before: Option<String>,
    /// The ring of the second plan that does.
    pub after: Option<String>,
}
