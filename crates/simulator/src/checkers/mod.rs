//! The invariants, checked by code that shares nothing with the code that decides.
//!
//! The checkers read accepted inputs and events (with the fleets and plans these refer to), rebuild from them what is
//! so, with their own arithmetic, and compare every decision with the rules as they are written. They use the plain
//! types of the other crates and none of their functions that decide. They run after every batch in tests and in
//! simulation, and over a whole journal in `ringway audit`.
//!
//! # Invariants
//!
//! * An observation costs O(1) or O(log n), except at a recovery, a promotion or the end of a rollout.
//! * What the checkers demand is at most what the documents promise: a decider that is stricter passes.

mod advisories;
mod approvals;
mod beginnings;
mod budgets;
mod care;
mod counts;
mod coverage;
mod errands;
mod exceptions;
mod facts;
mod hands;
mod lanes;
mod outside;
mod phases;
mod places;
mod poison;
mod promotion;
mod protections;
mod recovery;
mod refresh;
mod results;
mod starts;
mod supersede;
mod terms;
mod times;
mod told;
mod unpoison;
mod visit;
mod words;

use std::fmt;
use std::sync::Arc;

use ringway_engine::{Event, HostState, Input};
use ringway_model::{
    CellId, Digest, HostId, HostOutcome, IntentId, RolloutId, Slot, Span, Timestamp,
};
use ringway_scheduler::{FleetSpec, Plan};

pub use facts::Counted;
use facts::Facts;
pub(crate) use starts::takes_down;

/// A rule of the table of invariants.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Invariant {
    /// No visit of ring k+1 starts before ring k was promoted.
    I1,
    /// A host has at most one step running.
    I2,
    /// No disruptive step starts if a disruption budget would be exceeded.
    I3,
    /// Nothing preparing or disruptive starts in a held scope, and what was begun is brought back into service.
    I4,
    /// Every step has a durable intent; one without a result is re-attached or inspected, never blindly repeated.
    I5,
    /// A group's visits start only after the groups it depends on.
    I6,
    /// No disruptive step starts unless the members that must stay up are known to be up.
    I7,
    /// A visit starts only inside its windows, outside freezes, and when its remaining steps fit before the window ends.
    I8,
    /// A promotion has its approvals.
    I9,
    /// Poisoned content is never issued again.
    I10,
    /// Silence is never success.
    I11,
    /// Every host ends in a stated outcome.
    I12,
    /// The journal's chain is unbroken; the state is the fold of the journal.
    I13,
    /// Nothing waits for ever without a stated reason and an exit.
    I14,
    /// No command reaches a host unless a person registered the document it is from.
    I15,
    /// Nobody who is left out by an exception is visited for its update, and nobody is forgotten when it ends.
    Excepted,
    /// Nobody whom an advisory holds is given what it is about, nobody else is left out, and what nobody verified does nothing.
    Advised,
    /// Nothing is changed on a host without what it can be taken back by, where its recipe makes that; and that is kept, listed and
    /// removed as was said.
    Protected,
    /// A rollout halts on the failure its policy says: not later, and not earlier.
    Halts,
    /// No more hosts are visited at once than the policy's pace says.
    Pace,
    /// A world whose end is known before it begins ends so.
    Expected,
    /// Events tell a possible story: each follows from the ones before it.
    Story,
}

impl fmt::Display for Invariant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// A rule that a decision broke.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{invariant} is broken at {at}: {what}")]
pub struct Violation {
    /// The rule.
    pub invariant: Invariant,
    /// The instant of the batch.
    pub at: Timestamp,
    /// What was seen, with the ids.
    pub what: String,
}

/// A rule and what broke it; the instant is added where the batch is known.
pub(crate) type Broken = (Invariant, String);

/// Fails with a rule and a message unless a condition holds.
macro_rules! ensure {
    ($condition:expr, $invariant:ident, $($message:tt)+) => {
        if !$condition {
            return Err(($crate::checkers::Invariant::$invariant, format!($($message)+)));
        }
    };
}
pub(crate) use ensure;

/// All checkers of one fleet's journal.
#[derive(Clone, Debug, Default)]
pub struct Checkers {
    facts: Facts,
}

impl Checkers {
    /// Checkers that have seen nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Provides a fleet before an event refers to it.
    pub fn provide_fleet(&mut self, digest: Digest, fleet: Arc<FleetSpec>) {
        self.facts.fleets.insert(digest, fleet);
    }

    /// Provides a plan before an event refers to it.
    pub fn provide_plan(&mut self, digest: Digest, plan: Arc<Plan>) {
        // The first copy is kept: a rollout's own plan is told by which copy it is.
        self.facts.plans.entry(digest).or_insert(plan);
    }

    /// One batch of the journal: the inputs that were accepted, and the events they led to.
    ///
    /// # Errors
    ///
    /// The first rule that the batch breaks. The checkers must not be used after that.
    pub fn observe(
        &mut self,
        at: Timestamp,
        inputs: &[Input],
        events: &[Event],
    ) -> Result<(), Violation> {
        self.batch(at, inputs, events)
            .map_err(|(invariant, what)| Violation {
                invariant,
                at,
                what,
            })
    }

    fn batch(&mut self, at: Timestamp, inputs: &[Input], events: &[Event]) -> Result<(), Broken> {
        self.facts.begin_batch(at, inputs)?;
        for event in events {
            self.facts.event(event)?;
        }
        self.facts.check_all_of_it(inputs, events)?;
        self.facts.check_asked_anew(inputs)?;
        self.facts.end_batch()
    }

    /// What must be so when nothing more will happen: no host is left in the middle of a rollout that is over.
    ///
    /// # Errors
    ///
    /// The first rule that is broken.
    pub fn finish(&self) -> Result<(), Violation> {
        self.facts.ended().map_err(|(invariant, what)| Violation {
            invariant,
            at: self.facts.now,
            what,
        })
    }

    /// Whether a step that was issued may be handed out now: what a stop between decision and act is judged on.
    ///
    /// # Errors
    ///
    /// I4, I5 or I15 where it may not.
    pub fn may_hand_out(&self, intent: IntentId) -> Result<(), Violation> {
        self.facts
            .may_hand_out(intent)
            .map_err(|(invariant, what)| Violation {
                invariant,
                at: self.facts.now,
                what,
            })
    }

    /// The availability group whose members an outstanding step relies on, where it is the one that takes its host down.
    pub fn relies_on_peers(&self, intent: IntentId) -> Option<CellId> {
        self.facts.relies_on_peers(intent)
    }

    /// Whether a step is of a visit that has taken its host down already, and begins nothing.
    pub fn goes_on(&self, intent: IntentId) -> bool {
        self.facts.goes_on(intent)
    }

    /// Whether a step without a result is of a visit that installs what is poisoned.
    pub fn poison_is_at_work(&self) -> bool {
        self.facts.poison_is_at_work()
    }

    /// Steps that were issued and have no result.
    pub fn outstanding(&self) -> Vec<IntentId> {
        self.facts.outstanding()
    }

    /// Whether a person decided that hosts of another database may be taken over.
    pub fn has_adopted(&self, incarnation: u64) -> bool {
        self.facts.adopted.contains(&incarnation)
    }

    /// Whether a rollout is over.
    pub fn is_over(&self, rollout: RolloutId) -> bool {
        self.facts
            .rollouts
            .get(&rollout)
            .is_some_and(|rollout| rollout.phase.is_over())
    }

    /// Whether an outstanding step is of a visit that repairs a host which was down when it began.
    pub fn is_repair(&self, intent: IntentId) -> bool {
        self.facts.is_repair(intent)
    }

    /// Whether an outstanding step is the first of its visit that takes its host down.
    pub fn is_first_down(&self, intent: IntentId) -> bool {
        self.facts.is_first_down(intent)
    }

    /// Whether an `apply` began on a host of which nobody knows that it never did.
    pub fn may_have_changed(&self, rollout: RolloutId, slot: Slot) -> bool {
        let rollout = self.facts.rollouts.get(&rollout);
        rollout
            .and_then(|rollout| rollout.slots.get(slot.index()))
            .is_some_and(|facts| facts.changed)
    }

    /// The disruption budgets that count a host which an outstanding step is about to take down: whose, how many, of whom.
    pub fn budgets_over(
        &self,
        intent: IntentId,
        host: HostId,
    ) -> Vec<(RolloutId, u32, Vec<HostId>)> {
        self.facts.budgets_over(intent, host)
    }

    /// The word for where a rollout stands.
    pub fn state_of(&self, rollout: RolloutId) -> Option<&'static str> {
        let rollout = self.facts.rollouts.get(&rollout)?;
        Some(rollout.word())
    }

    /// Whether an advisory keeps what a rollout installs from a host.
    pub fn is_held_by_advisory(&self, rollout: RolloutId, slot: Slot) -> bool {
        let rollout = self.facts.rollouts.get(&rollout);
        rollout.is_some_and(|rollout| self.facts.advisory_over(rollout, slot.index()).is_some())
    }

    /// Whether a host of a rollout is left out by an advisory.
    pub fn is_left_out_by_advisory(&self, rollout: RolloutId, slot: Slot) -> bool {
        self.facts.is_left_out_by_advisory(rollout, slot.index())
    }

    /// What has become of a host in a rollout.
    pub fn outcome_of(&self, rollout: RolloutId, slot: Slot) -> Option<HostOutcome> {
        let rollout = self.facts.rollouts.get(&rollout)?;
        rollout.outcome(slot.index())
    }

    /// Whether a host may be out of service at the end: it is lost, or its `undrain` failed for good.
    pub fn may_be_drained(&self, host: HostId) -> bool {
        self.facts.rollouts.values().any(|rollout| {
            rollout
                .plan
                .slots
                .iter()
                .zip(&rollout.slots)
                .any(|(slot, facts)| {
                    slot.host == host
                        && match facts.rest {
                            HostState::Lost | HostState::Vanished => true,
                            HostState::Failed { .. }
                            | HostState::Unhealthy { .. }
                            | HostState::RollbackFailed { .. }
                            | HostState::Again => facts.out_of_service,
                            HostState::Pending
                            | HostState::Running { .. }
                            | HostState::Ready { .. }
                            | HostState::Backoff { .. }
                            | HostState::Settling
                            | HostState::Updated
                            | HostState::Already
                            | HostState::RestartWithheld
                            | HostState::RolledBack
                            | HostState::Offline
                            | HostState::Held
                            | HostState::Skipped
                            | HostState::NotReady { .. }
                            | HostState::GoesLast { .. }
                            | HostState::OnHold
                            | HostState::Excepted
                            | HostState::CatchUp
                            | HostState::ChangedOutside
                            | HostState::ByHand { .. } => false,
                        }
                })
        })
    }

    /// Whether a host may have been out of reach when its visit in a rollout ended.
    pub(crate) fn may_be_away(&self, rollout: RolloutId, host: HostId) -> bool {
        self.facts.may_be_away(rollout, host)
    }

    /// Whether nothing was done on a host in any rollout, and nothing is going on there.
    pub(crate) fn is_untouched(&self, host: HostId) -> bool {
        self.facts.is_untouched(host)
    }

    /// What was made of hosts before they were changed and is not known to be gone: host, rollout, name.
    pub fn protections(&self) -> Vec<(String, RolloutId, String)> {
        self.facts.protections_listed()
    }

    /// Whether something that was made of a host was listed once.
    pub(crate) fn was_listed(&self, host: &str, name: &str) -> bool {
        self.facts.was_listed(host, name)
    }

    /// Of what a slot of a rollout made, the one of this number: the host's name, and its own.
    pub fn protection(
        &self,
        rollout: RolloutId,
        slot: Slot,
        number: u32,
    ) -> Option<(String, String)> {
        self.facts.protection(rollout, slot, number)
    }

    /// Whether something is to be removed and nothing is in the way but time.
    pub fn removal_to_come(&self) -> bool {
        self.facts.removal_to_come()
    }

    /// What should have been removed by now: its time has been over for so long, or somebody wants it, and nothing is in the way.
    pub fn overdue_removal(&self, by: Span) -> Option<String> {
        self.facts.overdue(by)
    }

    /// Counts that a trace shows and a test asserts.
    pub fn counted(&self) -> Counted {
        self.facts.counted
    }
}
