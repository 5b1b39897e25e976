//! The state of one rollout: what is recorded ([`Record`]) and what is derived from that ([`Index`]).

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use ringway_model::{
    Actor, ChangeId, Digest, HostId, RingIndex, RolloutId, RouteId, Says, Slot, Span, Timestamp,
    VisitKind,
};
use ringway_policy::validated::Ramp;
use ringway_scheduler::Plan;
use ringway_scheduler::plan::{Route, StepPlan};
use serde::{Deserialize, Serialize};

use crate::by_hand::Handwork;
use crate::care::{Kin, Remaining, Unready};
use crate::command::Subject;
use crate::coverage::{Coverage, CoverageRecord};
use crate::errand::Errands;
use crate::event::{Conditions, HaltCause, Shown};
use crate::fleet::Fleet;
use crate::hold::Skipped;
use crate::lane::LaneRecord;
use crate::outside::Outside;
use crate::slot::{Class, SlotRec};
use crate::tested::Tested;
use crate::times::Calendar;

/// Where a rollout stands. Names say what is true now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RolloutState {
    /// It waits for the approvals of its start.
    Proposed,
    /// It goes on.
    Advancing(Stage),
    /// It rests; left by resume, rollback or cancel.
    Paused {
        /// Where it was.
        stage: Stage,
        /// By whom.
        by: Actor,
        /// Why.
        reason: String,
    },
    /// It stopped because of harm; left by resume with a reason, rollback or cancel.
    Halted {
        /// Where it was.
        stage: Stage,
        /// Why.
        cause: HaltCause,
    },
    /// Hosts go back to what they had.
    RollingBack,
    /// It ends once what is in flight is finished.
    Cancelling,
    /// Over: every ring promoted.
    Completed,
    /// Over: hosts are back.
    RolledBack,
    /// Over without completion.
    Cancelled,
    /// Another rollout takes its place; it ends once what is in flight is finished.
    Superseding {
        /// That one.
        by: RolloutId,
    },
    /// Over: another rollout has taken its place.
    Superseded {
        /// That one.
        by: RolloutId,
    },
}

/// How far it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Stage {
    /// The ring's hosts are visited.
    Visiting {
        /// The ring.
        ring: RingIndex,
    },
    /// The ring is observed.
    Soaking {
        /// The ring.
        ring: RingIndex,
        /// Observed so far, without what runs since `since`.
        accrued: Span,
        /// Since when it runs; absent while it stands still.
        since: Option<Timestamp>,
    },
    /// The ring was observed for long enough; evidence and approvals decide.
    Promoting {
        /// The ring.
        ring: RingIndex,
    },
}

impl Stage {
    /// The ring the rollout is at.
    pub const fn ring(&self) -> RingIndex {
        match self {
            Self::Visiting { ring } | Self::Soaking { ring, .. } | Self::Promoting { ring } => {
                *ring
            }
        }
    }
}

impl RolloutState {
    /// The word people are shown.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Proposed => "proposed",
            Self::Advancing(_) => "advancing",
            Self::Paused { .. } => "paused",
            Self::Halted { .. } => "halted",
            Self::RollingBack => "rolling back",
            Self::Cancelling => "cancelling",
            Self::Completed => "completed",
            Self::RolledBack => "rolled back",
            Self::Cancelled => "cancelled",
            Self::Superseding { .. } => "superseding",
            Self::Superseded { .. } => "superseded",
        }
    }

    /// Whether it is over.
    pub const fn is_final(&self) -> bool {
        match self {
            Self::Completed | Self::RolledBack | Self::Cancelled | Self::Superseded { .. } => true,
            Self::Proposed
            | Self::Advancing(_)
            | Self::Paused { .. }
            | Self::Halted { .. }
            | Self::RollingBack
            | Self::Cancelling
            | Self::Superseding { .. } => false,
        }
    }

    /// Whether it only waits for what is in flight, or for hosts to go back, and then is over.
    pub(crate) const fn is_ending(&self) -> bool {
        match self {
            Self::RollingBack | Self::Cancelling | Self::Superseding { .. } => true,
            Self::Proposed
            | Self::Advancing(_)
            | Self::Paused { .. }
            | Self::Halted { .. }
            | Self::Completed
            | Self::RolledBack
            | Self::Cancelled
            | Self::Superseded { .. } => false,
        }
    }

    /// The rollout that takes its place.
    pub const fn superseded_by(&self) -> Option<RolloutId> {
        match self {
            Self::Superseding { by } | Self::Superseded { by } => Some(*by),
            Self::Proposed
            | Self::Advancing(_)
            | Self::Paused { .. }
            | Self::Halted { .. }
            | Self::RollingBack
            | Self::Cancelling
            | Self::Completed
            | Self::RolledBack
            | Self::Cancelled => None,
        }
    }

    /// How far it is, where it is at a ring.
    pub const fn stage(&self) -> Option<&Stage> {
        match self {
            Self::Advancing(stage) | Self::Paused { stage, .. } | Self::Halted { stage, .. } => {
                Some(stage)
            }
            Self::Proposed
            | Self::RollingBack
            | Self::Cancelling
            | Self::Completed
            | Self::RolledBack
            | Self::Cancelled
            | Self::Superseding { .. }
            | Self::Superseded { .. } => None,
        }
    }

    pub(crate) const fn stage_mut(&mut self) -> Option<&mut Stage> {
        match self {
            Self::Advancing(stage) | Self::Paused { stage, .. } | Self::Halted { stage, .. } => {
                Some(stage)
            }
            Self::Proposed
            | Self::RollingBack
            | Self::Cancelling
            | Self::Completed
            | Self::RolledBack
            | Self::Cancelled
            | Self::Superseding { .. }
            | Self::Superseded { .. } => None,
        }
    }
}

impl Stage {
    /// Credits a running soak up to `at` and stands it still.
    pub(crate) fn hold_soak(&mut self, at: Timestamp) {
        if let Self::Soaking { accrued, since, .. } = self
            && let Some(began) = since.take()
        {
            *accrued = accrued.plus(at.since(began));
        }
    }
}

/// How many visits at once the ring may have now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RampState {
    pub(crate) limit: u32,
    /// Visits settled since the limit was set.
    pub(crate) settled: u32,
}

/// A yes that was given.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Approval {
    pub(crate) subject: Subject,
    pub(crate) actor: Actor,
    pub(crate) digest: Digest,
    pub(crate) conditions: Conditions,
    /// What journals did not have at first. Written beside, too.
    #[serde(skip)]
    pub(crate) given: Option<Given>,
}

impl Approval {
    /// When it is void by itself.
    pub(crate) fn expires(&self) -> Option<Timestamp> {
        self.given.as_ref()?.shown.expires
    }
}

/// When a yes was given, why, and what was shown with it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Given {
    pub(crate) at: Timestamp,
    pub(crate) shown: Shown,
    pub(crate) reason: String,
}

/// A question about what people are asked to approve.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct AskedRec {
    pub(crate) number: u32,
    pub(crate) at: Timestamp,
    pub(crate) by: Actor,
    pub(crate) to: Option<String>,
    pub(crate) text: String,
    pub(crate) answer: Option<(Timestamp, Actor, String)>,
}

/// How things stood when the last yes was given.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LastYes {
    pub(crate) at: Timestamp,
    pub(crate) person: String,
    pub(crate) subject: Subject,
    pub(crate) failed: Vec<Slot>,
    pub(crate) done: u32,
}

/// What is recorded of a rollout: the fold of its events.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Record {
    pub(crate) id: RolloutId,
    pub(crate) plan: Digest,
    pub(crate) starter: Actor,
    pub(crate) key: Option<String>,
    pub(crate) state: RolloutState,
    /// Rings opened so far.
    pub(crate) opened: u16,
    /// Rings promoted so far.
    pub(crate) promoted: u16,
    pub(crate) ramp: RampState,
    /// By ring: failures a person has accepted by resuming.
    pub(crate) forgiven: Vec<u32>,
    /// The hosts whose failures those are: one that is mended takes its own acceptance with it and nobody else's.
    pub(crate) accepted: BTreeSet<u32>,
    pub(crate) approvals: Vec<Approval>,
    pub(crate) slots: Vec<SlotRec>,
    /// Since when a gate's probe is bad, by slot and gate; only for hosts that have the update.
    pub(crate) downs: BTreeMap<(u32, u8), Timestamp>,
    /// Distinct texts of what hosts had before.
    pub(crate) previous: Vec<String>,
    /// Hosts that counted as failed at any time.
    pub(crate) hit: u32,
    /// By slot: which change of the fleet's hosts the last one by this rollout was (`Engine::changes`), 0 for none. Empty
    /// before the first.
    pub(crate) changed: Vec<u32>,
    /// Who left a host out, and why, by slot. Not part of what formats before 3 had: `snapshot` writes it beside.
    #[serde(skip)]
    pub(crate) skipped: Skipped,
    /// Hosts that failed and are to be visited again, or are: failed and down until that has succeeded. Written beside, too.
    #[serde(skip)]
    pub(crate) again: BTreeSet<u32>,
    /// The instants of the plan's rules about time. Written beside, too.
    #[serde(skip)]
    pub(crate) calendar: Option<Calendar>,
    /// Hosts whose group is not ready for them. Written beside, too.
    #[serde(skip)]
    pub(crate) unready: BTreeMap<u32, Unready>,
    /// Hosts in a visit whose monitoring may be silenced. Written beside, too.
    #[serde(skip)]
    pub(crate) silenced: BTreeSet<u32>,
    /// Where the steps run that run on a peer, each with its serial. Written beside, too.
    #[serde(skip)]
    pub(crate) peers: BTreeMap<u32, (u16, HostId)>,
    /// What people have to do by hand and have said of it, by slot. Written beside, too.
    #[serde(skip)]
    pub(crate) by_hand: BTreeMap<u32, Handwork>,
    /// What is done for its hosts outside their visits. Written beside, too.
    #[serde(skip)]
    pub(crate) errands: Errands,
    /// Hosts of a visit that were brought back, and by when each has to answer. Written beside, too.
    #[serde(skip)]
    pub(crate) recovered: BTreeMap<u32, Timestamp>,
    /// What was found on hosts that somebody else changed, by slot. Written beside, too.
    #[serde(skip)]
    pub(crate) outside: BTreeMap<u32, Outside>,
    /// The ticket of the rollout. Written beside, too.
    #[serde(skip)]
    pub(crate) change: Option<ChangeId>,
    /// What the plan's terms have come to. Written beside, too, and only where it is something.
    #[serde(skip)]
    pub(crate) terms: TermsRecord,
    /// By the number of a timetable: when work may run with freezes overridden, where one is. Derived.
    #[serde(skip)]
    pub(crate) effective: BTreeMap<usize, Vec<(Timestamp, Timestamp)>>,
    /// By whom it is in a lane, and who asks for one. Written beside, too.
    #[serde(skip)]
    pub(crate) lane: LaneRecord,
    /// What people asked, in the order of their numbers. Written beside, too.
    #[serde(skip)]
    pub(crate) asked: Vec<AskedRec>,
    /// The last yes of all, as it was given. Written beside, too.
    #[serde(skip)]
    pub(crate) last_yes: Option<LastYes>,
    /// What was seen of its updated hosts, where its plan asks for evidence. Written beside, too.
    #[serde(skip)]
    pub(crate) coverage: CoverageRecord,
}

/// Who lets work run in a freeze.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Overridden {
    pub(crate) until: Timestamp,
    pub(crate) by: Actor,
    pub(crate) reason: String,
}

/// What the terms of a plan have come to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct TermsRecord {
    /// Working time that the soak under way was observed in, without what passes since it runs.
    pub(crate) worked: Span,
    /// By name: freezes that are, or were, overridden.
    pub(crate) overridden: BTreeMap<String, Overridden>,
    /// By the number of an external gate: what it says, since when, and what it added. Empty before the first.
    pub(crate) gates: Vec<(Says, Timestamp, String)>,
    /// When it was proposed, where its plan has a due date that counts from then.
    pub(crate) started: Option<Timestamp>,
}

/// Counters of one ring, kept true by `Engine::set_slot`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct RingCount {
    pub(crate) pending: u32,
    pub(crate) visiting: u32,
    pub(crate) settling: u32,
    pub(crate) done: u32,
    pub(crate) failed: u32,
    pub(crate) debt: u32,
    pub(crate) withheld: u32,
    pub(crate) rolled_back: u32,
    pub(crate) skipped: u32,
    pub(crate) vanished: u32,
    pub(crate) excepted: u32,
    pub(crate) outside: u32,
    /// Hosts that count toward the ring's failures.
    pub(crate) counted: u32,
    /// Done hosts that every gate finds up.
    pub(crate) evident: u32,
    /// Done hosts of which no gate is without evidence.
    pub(crate) reporting: u32,
}

impl RingCount {
    pub(crate) const fn of(&mut self, class: Class) -> &mut u32 {
        match class {
            Class::Pending => &mut self.pending,
            Class::Visiting => &mut self.visiting,
            Class::Settling => &mut self.settling,
            Class::Done => &mut self.done,
            Class::Failed => &mut self.failed,
            Class::Debt => &mut self.debt,
            Class::Withheld => &mut self.withheld,
            Class::RolledBack => &mut self.rolled_back,
            Class::Skipped => &mut self.skipped,
            Class::Vanished => &mut self.vanished,
            Class::Excepted => &mut self.excepted,
            Class::Outside => &mut self.outside,
        }
    }
}

/// Counters of one group in one ring.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct GroupCount {
    pub(crate) planned: u32,
    pub(crate) done: u32,
    pub(crate) failed: u32,
    pub(crate) debt: u32,
    /// Those that a person or an exception left out, and those that are gone.
    pub(crate) skipped: u32,
}

/// What is derived from the record, so that no decision needs a scan. Never journaled; made anew after a fold.
#[derive(Clone, Debug, Default)]
pub(crate) struct Index {
    /// By `HostId`: the host's slot, or `NONE`.
    pub(crate) slot_of: Vec<u32>,
    pub(crate) rings: Vec<RingCount>,
    /// By ring x group.
    pub(crate) groups: Vec<GroupCount>,
    pub(crate) visiting: u32,
    pub(crate) settling: u32,
    /// Targets that take a slot of the budget, over all rollouts, each once.
    pub(crate) used: u32,
    /// The first slot of the open ring that was not looked at yet.
    pub(crate) cursor: u32,
    /// Slots to look at before the cursor's.
    pub(crate) again: VecDeque<u32>,
    pub(crate) parked_groups: BTreeMap<(u16, u16), Vec<u32>>,
    pub(crate) parked_cells: BTreeMap<u32, VecDeque<u32>>,
    pub(crate) parked_hosts: BTreeSet<u32>,
    /// By availability group: slots of which a step needs a peer.
    pub(crate) parked_peers: BTreeMap<u32, BTreeSet<u32>>,
    /// By who they go last of: slots that wait for the others, each with when it is to be asked again.
    pub(crate) parked_last: BTreeMap<Kin, BTreeSet<(Timestamp, u32)>>,
    /// Whether any host is asked whether it goes last: only then it is kept who remains.
    pub(crate) asks_last: bool,
    /// By who they could go last of: slots that remain.
    pub(crate) remaining: BTreeMap<Kin, Remaining>,
    /// By the instant at which work may run on them: slots that wait for it; `NEVER` where none is known.
    pub(crate) parked_times: BTreeMap<Timestamp, Vec<u32>>,
    /// By the index of another rollout: slots that wait for a slot of its disruption budget.
    pub(crate) parked_budgets: BTreeMap<usize, BTreeSet<u32>>,
    /// Whether a host of it is staged.
    pub(crate) stages: bool,
    /// Slots to be staged.
    pub(crate) to_stage: BTreeSet<u32>,
    /// Slots to be staged again after a failed attempt, and when.
    pub(crate) stage_again: BTreeMap<u32, Timestamp>,
    /// Slots between two steps.
    pub(crate) runnable: VecDeque<u32>,
    /// Slots that count as failed.
    pub(crate) counted: BTreeSet<u32>,
    /// `Record::previous` by text.
    pub(crate) previous: BTreeMap<String, u32>,
    /// What was tried, by kind of host and by gate.
    pub(crate) tested: Tested,
    /// What is known of each stratum.
    pub(crate) coverage: Coverage,
    /// By stratum: slots that wait until more is known of it.
    pub(crate) parked_strata: BTreeMap<u16, BTreeSet<u32>>,
}

/// One rollout.
#[derive(Clone, Debug)]
pub(crate) struct Rollout {
    pub(crate) rec: Record,
    pub(crate) idx: Index,
    pub(crate) plan: Arc<Plan>,
    /// By `RouteId`: the number of the poisoning that covers it. Derived, and empty where nothing is poisoned.
    pub(crate) poisoned: Vec<Option<usize>>,
    /// By `RouteId`: the ids of the advisories that hold whom they affect from it. Derived, and empty where there are none.
    pub(crate) advised: Vec<Vec<String>>,
    /// Whether its hosts have the numbers in the fleet that they have in its plan. Derived, since comparing all names costs
    /// too much to be done for each host that is shown.
    pub(crate) same_hosts: bool,
}

impl Rollout {
    pub(crate) fn new(
        id: RolloutId,
        digest: Digest,
        plan: Arc<Plan>,
        starter: Actor,
        key: Option<String>,
        at: Timestamp,
    ) -> Self {
        let rec = Record {
            id,
            plan: digest,
            starter,
            key,
            state: RolloutState::Proposed,
            opened: 0,
            promoted: 0,
            ramp: RampState {
                limit: 1,
                settled: 0,
            },
            forgiven: vec![0; plan.rings.len()],
            accepted: BTreeSet::new(),
            approvals: Vec::new(),
            slots: vec![SlotRec::NEW; plan.slots.len()],
            downs: BTreeMap::new(),
            previous: Vec::new(),
            hit: 0,
            changed: Vec::new(),
            skipped: Skipped::new(),
            again: BTreeSet::new(),
            calendar: None,
            unready: BTreeMap::new(),
            silenced: BTreeSet::new(),
            peers: BTreeMap::new(),
            errands: Errands::default(),
            change: None,
            terms: TermsRecord {
                gates: vec![(Says::Unknown, at, String::new()); plan.terms.external.len()],
                started: plan.terms.due.as_ref().map(|_| at),
                ..TermsRecord::default()
            },
            effective: BTreeMap::new(),
            lane: LaneRecord::default(),
            asked: Vec::new(),
            last_yes: None,
            coverage: CoverageRecord::default(),
            by_hand: BTreeMap::new(),
            recovered: BTreeMap::new(),
            outside: BTreeMap::new(),
        };
        Self {
            rec,
            idx: Index::default(),
            plan,
            poisoned: Vec::new(),
            advised: Vec::new(),
            same_hosts: true,
        }
    }

    pub(crate) fn ring_of(&self, slot: u32) -> usize {
        self.plan.ring_of(Slot(slot)).index()
    }

    pub(crate) fn route_id(&self, slot: u32) -> RouteId {
        self.plan.slots[slot as usize].route
    }

    pub(crate) fn route(&self, slot: u32) -> &Route {
        &self.plan.routes[self.route_id(slot).index()]
    }

    pub(crate) fn step(&self, slot: u32, visit: VisitKind, position: u8) -> Option<&StepPlan> {
        self.route(slot).step(visit, position)
    }

    pub(crate) fn previous(&self, slot: u32) -> Option<&String> {
        let index = self.rec.slots[slot as usize].previous;
        index
            .checked_sub(1)
            .and_then(|index| self.rec.previous.get(index as usize))
    }

    /// The slot's host was changed, as this change of all.
    pub(crate) fn changed_as(&mut self, slot: u32, order: u32) {
        let rec = &mut self.rec;
        if rec.changed.is_empty() {
            rec.changed = vec![0; rec.slots.len()];
        }
        rec.changed[slot as usize] = order;
    }

    /// Which change of all the last one of the slot's host was; `None` where it was not changed.
    pub(crate) fn changed(&self, slot: usize) -> Option<u32> {
        let order = self.rec.changed.get(slot).copied().unwrap_or(0);
        self.rec.slots[slot].is(SlotRec::CHANGED).then_some(order)
    }

    /// The ramp of a ring that opens.
    pub(crate) fn first_ramp(&self) -> RampState {
        let limit = match self.plan.pace.ramp {
            Ramp::Double => 1,
            Ramp::Off => self.plan.pace.at_once.get(),
        };
        RampState { limit, settled: 0 }
    }

    /// Whether a failure keeps the ramp where it is: while a host of the open ring counts as failed that no person has
    /// accepted.
    pub(crate) fn ramp_is_frozen(&self) -> bool {
        let ring = usize::from(self.rec.opened.saturating_sub(1));
        self.idx
            .rings
            .get(ring)
            .is_some_and(|count| count.counted > self.rec.forgiven[ring])
    }

    /// Whether every gate finds a host with this evidence up, and whether every gate has evidence.
    pub(crate) fn gates_say(&self, bits: u32) -> (bool, bool) {
        let mut says = (true, true);
        for gate in &self.plan.gates {
            match crate::fleet::evidence_in(bits, gate.probe) {
                ringway_model::Evidence::Up => {}
                ringway_model::Evidence::Down => says.0 = false,
                ringway_model::Evidence::Unknown => says = (false, false),
            }
        }
        says
    }

    /// Whether a group's hosts in a ring are done and healthy, those left behind within the ring's allowance,
    /// those that a person or an exception left out and those that are gone aside.
    pub(crate) fn group_is_done(&self, fleet: &Fleet, ring: usize, group: usize) -> bool {
        let count = self.idx.groups[ring * fleet.spec.groups.len() + group];
        let tolerated = self.idx.rings[ring].debt <= self.plan.rings[ring].debt_allowed;
        count.done + count.skipped + if tolerated { count.debt } else { 0 } >= count.planned
    }
}
