//! The state as bytes: for snapshots, and for the digest by which two folds are compared.

mod parts;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ringway_model::{Actor, ChangeId, Digest, Epoch, HostId, RolloutId, Timestamp};
use ringway_scheduler::plan::SlotPlan;
use ringway_scheduler::{FleetSpec, Plan};
use serde::{Deserialize, Serialize};

use crate::advisory::Known;
use crate::by_hand::Handwork;
use crate::care::Unready;
use crate::command::HoldKind;
use crate::coverage::CoverageRecord;
use crate::engine::{Engine, Fault, FleetHold};
use crate::errand::Errands;
use crate::exception::Exception;
use crate::fleet::Fleet;
use crate::hold::{HostHold, Skipped};
use crate::lane::LaneRecord;
use crate::outside::Outside;
use crate::poison::Poison;
use crate::protection::{Key, Protection};
use crate::rollout::{
    Approval, AskedRec, Given, Index, LastYes, RampState, Record, Rollout, RolloutState,
    TermsRecord,
};
use crate::slot::SlotRec;
use crate::times::Calendar;
use crate::unpoison::Unpoisonings;

/// The format of a snapshot; one of another format is not read, and the journal is folded instead.
const FORMAT: u8 = 2;

/// The same with what people said of single hosts behind it. Where nobody said anything a state is written in the format
/// before, because journals have digests of that.
const FORMAT_WITH_WORDS: u8 = 3;

/// The same with tickets behind that, for the same reason: journals have digests of states that have words and no tickets.
const FORMAT_WITH_CHANGES: u8 = 4;

/// The same with what the terms of plans have come to behind that.
const FORMAT_WITH_TERMS: u8 = 5;

/// The same with what the care of roles is waited for behind that.
const FORMAT_WITH_CARE: u8 = 6;

/// The same with what people said of approvals behind that.
const FORMAT_WITH_CONSENT: u8 = 7;

/// By slot: the step that runs elsewhere, and where.
type Peers = BTreeMap<u32, (u16, HostId)>;

/// What the care of roles is waited for, by the rollout's index, where there is anything.
#[derive(Default, Serialize, Deserialize)]
struct Cares {
    unready: Vec<(u32, BTreeMap<u32, Unready>)>,
    silenced: Vec<(u32, BTreeSet<u32>)>,
    peers: Vec<(u32, Peers)>,
}

impl Cares {
    const fn is_empty(&self) -> bool {
        self.unready.is_empty() && self.silenced.is_empty() && self.peers.is_empty()
    }
}

/// The same with work by hand behind that.
const FORMAT_WITH_HANDS: u8 = 8;

/// The same with errands behind that.
const FORMAT_WITH_ERRANDS: u8 = 9;

/// What is done outside visits, by the rollout's index, where there is anything.
type Errandry = Vec<(u32, Errands)>;

/// The same with exceptions behind that.
const FORMAT_WITH_EXCEPTIONS: u8 = 10;

/// The same with what was found on hosts that others changed behind that.
const FORMAT_WITH_OUTSIDE: u8 = 11;

/// What was found on hosts that others changed, by the rollout's index, where there is anything.
type Found = Vec<(u32, BTreeMap<u32, Outside>)>;

/// The same with what is poisoned behind that.
const FORMAT_WITH_POISON: u8 = 12;

/// The same with lanes behind that.
const FORMAT_WITH_LANES: u8 = 13;

/// Lanes of rollouts, by the rollout's index, where there is anything.
type Lanes = Vec<(u32, LaneRecord)>;

/// The same with what was seen of updated hosts behind that.
const FORMAT_WITH_COVERAGE: u8 = 14;

/// What was seen of updated hosts, by the rollout's index, where there is anything.
type Coverages = Vec<(u32, CoverageRecord)>;

/// The same with advisories behind that.
const FORMAT_WITH_ADVISORIES: u8 = 15;

/// The same with protections behind that.
const FORMAT_WITH_PROTECTIONS: u8 = 16;

/// The same with what brings broken hosts back, and what is asked to be taken back of what is poisoned, behind that.
const FORMAT_WITH_RECOVERY: u8 = 17;

/// By when hosts have to answer that were brought back, by the rollout's index, where there is anything.
type Recovered = Vec<(u32, BTreeMap<u32, Timestamp>)>;

/// Work by hand, by the rollout's index.
type Hands = Vec<(u32, BTreeMap<u32, Handwork>)>;

/// The tickets of rollouts, by the rollout's index.
type Changes = Vec<(u32, ChangeId)>;

/// What people said of single hosts.
#[derive(Default, Serialize, Deserialize)]
struct Words {
    holds: Vec<(HostId, HoldKind, HostHold)>,
    /// By the rollout's index, where there is anything.
    skipped: Vec<(u32, Skipped)>,
    /// The same of hosts that are visited again.
    again: Vec<(u32, BTreeSet<u32>)>,
    /// The same of calendars.
    calendars: Vec<(u32, Calendar)>,
}

/// By the rollout's index, where there is anything.
type Terms = Vec<(u32, TermsRecord)>;

/// What people said of approvals, each by the rollout's index.
#[derive(Default, Serialize, Deserialize)]
struct Consented {
    /// With the index of the approval.
    given: Vec<(u32, u32, Given)>,
    asked: Vec<(u32, Vec<AskedRec>)>,
    last_yes: Vec<(u32, LastYes)>,
}

impl Consented {
    const fn is_empty(&self) -> bool {
        self.given.is_empty() && self.asked.is_empty() && self.last_yes.is_empty()
    }
}

#[derive(Serialize)]
struct State<'e> {
    format: u8,
    last_event: Timestamp,
    epoch: Epoch,
    recovered_at: Timestamp,
    fleet: Option<Digest>,
    hold: &'e FleetHold,
    evidence: &'e [u32],
    rollouts: Vec<&'e Record>,
    adopted: &'e BTreeSet<u64>,
    changes: u32,
}

/// The state as format 1 had it, because journals have digests of that. It is only written, never read.
#[derive(Serialize)]
struct StateV1<'e> {
    format: u8,
    last_event: Timestamp,
    epoch: Epoch,
    recovered_at: Timestamp,
    fleet: Option<Digest>,
    hold: &'e FleetHold,
    evidence: &'e [u32],
    rollouts: Vec<RecordV1<'e>>,
}

#[derive(Serialize)]
struct RecordV1<'e> {
    id: RolloutId,
    plan: &'e Digest,
    starter: &'e Actor,
    key: &'e Option<String>,
    state: &'e RolloutState,
    opened: u16,
    promoted: u16,
    ramp: RampState,
    forgiven: &'e [u32],
    accepted: &'e BTreeSet<u32>,
    approvals: &'e [Approval],
    slots: &'e [SlotRec],
    downs: &'e BTreeMap<(u32, u8), Timestamp>,
    previous: &'e [String],
    hit: u32,
}

impl<'e> From<&'e Record> for RecordV1<'e> {
    fn from(rec: &'e Record) -> Self {
        Self {
            id: rec.id,
            plan: &rec.plan,
            starter: &rec.starter,
            key: &rec.key,
            state: &rec.state,
            opened: rec.opened,
            promoted: rec.promoted,
            ramp: rec.ramp,
            forgiven: &rec.forgiven,
            accepted: &rec.accepted,
            approvals: &rec.approvals,
            slots: &rec.slots,
            downs: &rec.downs,
            previous: &rec.previous,
            hit: rec.hit,
        }
    }
}

#[derive(Deserialize)]
struct Stored {
    format: u8,
    last_event: Timestamp,
    epoch: Epoch,
    recovered_at: Timestamp,
    fleet: Option<Digest>,
    hold: FleetHold,
    evidence: Vec<u32>,
    rollouts: Vec<Record>,
    adopted: BTreeSet<u64>,
    changes: u32,
}

impl Engine {
    /// The state as bytes. Equal states give equal bytes.
    #[expect(
        clippy::too_many_lines,
        reason = "one arm for each case is read as one table"
    )]
    pub fn encode(&self) -> Vec<u8> {
        let words = self.words();
        let has_words = !words.holds.is_empty()
            || !words.skipped.is_empty()
            || !words.again.is_empty()
            || !words.calendars.is_empty();
        let cares = self.cares();
        let (changes, consented) = (self.changes_named(), self.consented());
        let terms: Terms = (0_u32..)
            .zip(&self.rollouts)
            .filter(|(_, rollout)| rollout.rec.terms != TermsRecord::default())
            .map(|(index, rollout)| (index, rollout.rec.terms.clone()))
            .collect();
        let hands = self.handwork();
        let errands = self.errandry();
        let outside: Found = (0_u32..)
            .zip(&self.rollouts)
            .filter(|(_, rollout)| !rollout.rec.outside.is_empty())
            .map(|(index, rollout)| (index, rollout.rec.outside.clone()))
            .collect();
        let poisons = self.poisons_to_write();
        let lanes: Lanes = (0_u32..)
            .zip(&self.rollouts)
            .filter(|(_, rollout)| rollout.rec.lane != LaneRecord::default())
            .map(|(index, rollout)| (index, rollout.rec.lane.clone()))
            .collect();
        let coverages = self.coverages();
        let advisories = self.advisories_to_write();
        let protections = self.protections_to_write();
        let recovered: Recovered = (0_u32..)
            .zip(&self.rollouts)
            .filter(|(_, rollout)| !rollout.rec.recovered.is_empty())
            .map(|(index, rollout)| (index, rollout.rec.recovered.clone()))
            .collect();
        let format = if !recovered.is_empty() || !self.unpoisonings.is_empty() {
            FORMAT_WITH_RECOVERY
        } else if !protections.is_empty() {
            FORMAT_WITH_PROTECTIONS
        } else if !advisories.is_empty() {
            FORMAT_WITH_ADVISORIES
        } else if !coverages.is_empty() {
            FORMAT_WITH_COVERAGE
        } else if !lanes.is_empty() {
            FORMAT_WITH_LANES
        } else if !poisons.is_empty() {
            FORMAT_WITH_POISON
        } else if !outside.is_empty() {
            FORMAT_WITH_OUTSIDE
        } else if !self.exceptions.of.is_empty() {
            FORMAT_WITH_EXCEPTIONS
        } else if !errands.is_empty() {
            FORMAT_WITH_ERRANDS
        } else if !hands.is_empty() {
            FORMAT_WITH_HANDS
        } else if !consented.is_empty() {
            FORMAT_WITH_CONSENT
        } else if !cares.is_empty() {
            FORMAT_WITH_CARE
        } else if !terms.is_empty() {
            FORMAT_WITH_TERMS
        } else if !changes.is_empty() {
            FORMAT_WITH_CHANGES
        } else if has_words {
            FORMAT_WITH_WORDS
        } else {
            FORMAT
        };
        let state = State {
            format,
            last_event: self.last_event,
            epoch: self.epoch,
            recovered_at: self.recovered_at,
            fleet: self.fleet_digest,
            hold: self.hold_to_write(),
            evidence: &self.fleet.evidence,
            rollouts: self.rollouts.iter().map(|rollout| &rollout.rec).collect(),
            adopted: &self.adopted,
            changes: self.changes,
        };
        let plain = "the state is plain data and memory is there";
        let mut bytes = postcard::to_allocvec(&state).expect(plain);
        if format >= FORMAT_WITH_WORDS {
            bytes = postcard::to_extend(&words, bytes).expect(plain);
        }
        if format >= FORMAT_WITH_CHANGES {
            bytes = postcard::to_extend(&changes, bytes).expect(plain);
        }
        if format >= FORMAT_WITH_TERMS {
            bytes = postcard::to_extend(&terms, bytes).expect(plain);
        }
        if format >= FORMAT_WITH_CARE {
            bytes = postcard::to_extend(&cares, bytes).expect(plain);
        }
        if format >= FORMAT_WITH_CONSENT {
            bytes = postcard::to_extend(&consented, bytes).expect(plain);
        }
        if format >= FORMAT_WITH_HANDS {
            bytes = postcard::to_extend(&hands, bytes).expect(plain);
        }
        if format >= FORMAT_WITH_ERRANDS {
            bytes = postcard::to_extend(&errands, bytes).expect(plain);
        }
        if format >= FORMAT_WITH_EXCEPTIONS {
            let exceptions: Vec<&Exception> = self.exceptions.of.values().collect();
            bytes = postcard::to_extend(&exceptions, bytes).expect(plain);
        }
        if format >= FORMAT_WITH_OUTSIDE {
            bytes = postcard::to_extend(&outside, bytes).expect(plain);
        }
        if format >= FORMAT_WITH_POISON {
            bytes = postcard::to_extend(&poisons, bytes).expect(plain);
        }
        if format >= FORMAT_WITH_LANES {
            bytes = postcard::to_extend(&lanes, bytes).expect(plain);
        }
        if format >= FORMAT_WITH_COVERAGE {
            bytes = postcard::to_extend(&coverages, bytes).expect(plain);
        }
        if format >= FORMAT_WITH_ADVISORIES {
            bytes = postcard::to_extend(&advisories, bytes).expect(plain);
        }
        if format >= FORMAT_WITH_PROTECTIONS {
            bytes = postcard::to_extend(&protections, bytes).expect(plain);
        }
        if format >= FORMAT_WITH_RECOVERY {
            bytes = postcard::to_extend(&(&recovered, &self.unpoisonings), bytes).expect(plain);
        }
        bytes
    }

    fn coverages(&self) -> Coverages {
        #[cfg(feature = "planted-bugs")]
        if self.bug(crate::planted::Bug::SnapshotForgetsStrata) {
            return Coverages::new();
        }
        let rollouts = (0_u32..).zip(&self.rollouts);
        rollouts
            .filter(|(_, rollout)| !rollout.rec.coverage.is_empty())
            .map(|(index, rollout)| (index, rollout.rec.coverage.clone()))
            .collect()
    }

    fn take_coverages(&mut self, coverages: Coverages) -> Result<(), Fault> {
        for (index, coverage) in coverages {
            let rollout = self.rollouts.get_mut(index as usize);
            let rollout = rollout.ok_or_else(|| Fault::new("the snapshot misses a rollout"))?;
            let mut slots = coverage.seen.keys();
            if slots.any(|slot| *slot as usize >= rollout.rec.slots.len()) {
                return Err(Fault::new("the snapshot is of another plan"));
            }
            rollout.rec.coverage = coverage;
        }
        Ok(())
    }

    fn handwork(&self) -> Hands {
        let rollouts = (0_u32..).zip(&self.rollouts);
        rollouts
            .filter(|(_, rollout)| !rollout.rec.by_hand.is_empty())
            .map(|(index, rollout)| (index, rollout.rec.by_hand.clone()))
            .collect()
    }

    fn errandry(&self) -> Errandry {
        let rollouts = (0_u32..).zip(&self.rollouts);
        rollouts
            .filter(|(_, rollout)| !rollout.rec.errands.is_empty())
            .map(|(index, rollout)| (index, rollout.rec.errands.clone()))
            .collect()
    }

    fn changes_named(&self) -> Changes {
        let rollouts = (0_u32..).zip(&self.rollouts);
        rollouts
            .filter_map(|(index, rollout)| Some((index, rollout.rec.change.clone()?)))
            .collect()
    }

    fn cares(&self) -> Cares {
        let mut cares = Cares::default();
        for (index, rollout) in (0_u32..).zip(&self.rollouts) {
            let rec = &rollout.rec;
            if !rec.unready.is_empty() {
                cares.unready.push((index, rec.unready.clone()));
            }
            if !rec.silenced.is_empty() {
                cares.silenced.push((index, rec.silenced.clone()));
            }
            if !rec.peers.is_empty() {
                cares.peers.push((index, rec.peers.clone()));
            }
        }
        cares
    }

    fn consented(&self) -> Consented {
        let mut consented = Consented::default();
        for (index, rollout) in (0_u32..).zip(&self.rollouts) {
            let rec = &rollout.rec;
            for (number, yes) in (0_u32..).zip(&rec.approvals) {
                let given = yes.given.iter();
                consented
                    .given
                    .extend(given.map(|given| (index, number, given.clone())));
            }
            if !rec.asked.is_empty() {
                consented.asked.push((index, rec.asked.clone()));
            }
            let last = rec.last_yes.iter();
            consented
                .last_yes
                .extend(last.map(|last| (index, last.clone())));
        }
        consented
    }

    fn take_consented(&mut self, consented: Consented) -> Result<(), Fault> {
        let missing = || Fault::new("the snapshot misses a rollout or an approval");
        for (index, number, given) in consented.given {
            let rollout = self.rollouts.get_mut(index as usize).ok_or_else(missing)?;
            let yes = rollout.rec.approvals.get_mut(number as usize);
            yes.ok_or_else(missing)?.given = Some(given);
        }
        for (index, asked) in consented.asked {
            let rollout = self.rollouts.get_mut(index as usize).ok_or_else(missing)?;
            rollout.rec.asked = asked;
        }
        for (index, last) in consented.last_yes {
            let rollout = self.rollouts.get_mut(index as usize).ok_or_else(missing)?;
            rollout.rec.last_yes = Some(last);
        }
        Ok(())
    }

    fn words(&self) -> Words {
        let holds = self.holds.of.iter();
        let rollouts = (0_u32..).zip(&self.rollouts);
        let calendars = rollouts.clone().filter_map(|(index, rollout)| {
            let calendar = rollout.rec.calendar.clone()?;
            Some((index, calendar))
        });
        let again = rollouts.clone().filter_map(|(index, rollout)| {
            let again = &rollout.rec.again;
            (!again.is_empty()).then(|| (index, again.clone()))
        });
        Words {
            again: again.collect(),
            calendars: calendars.collect(),
            holds: holds
                .map(|((host, kind), hold)| (*host, *kind, hold.clone()))
                .collect(),
            skipped: rollouts
                .filter(|(_, rollout)| !rollout.rec.skipped.is_empty())
                .map(|(index, rollout)| (index, rollout.rec.skipped.clone()))
                .collect(),
        }
    }

    #[cfg_attr(
        not(feature = "planted-bugs"),
        expect(
            clippy::missing_const_for_fn,
            reason = "only a planted mistake makes it more than a field"
        )
    )]
    fn hold_to_write(&self) -> &FleetHold {
        #[cfg(feature = "planted-bugs")]
        if self.bug(crate::planted::Bug::SnapshotForgetsStop) {
            return &FleetHold::Free;
        }
        &self.hold
    }

    fn poisons_to_write(&self) -> Vec<&Poison> {
        #[cfg(feature = "planted-bugs")]
        if self.bug(crate::planted::Bug::SnapshotForgetsPoison) {
            return Vec::new();
        }
        self.poisons_given()
    }

    fn advisories_to_write(&self) -> Vec<&Known> {
        #[cfg(feature = "planted-bugs")]
        if self.bug(crate::planted::Bug::SnapshotForgetsAdvisories) {
            return Vec::new();
        }
        self.advisories.of.values().collect()
    }

    fn protections_to_write(&self) -> Vec<(&Key, &Protection)> {
        #[cfg(feature = "planted-bugs")]
        if self.bug(crate::planted::Bug::SnapshotForgetsProtections) {
            return Vec::new();
        }
        self.protections.of.iter().collect()
    }

    /// The digest that format 1 gave this state: what journals of that time have written down.
    pub fn state_digest_v1(&self) -> Digest {
        let state = StateV1 {
            format: 1,
            last_event: self.last_event,
            epoch: self.epoch,
            recovered_at: self.recovered_at,
            fleet: self.fleet_digest,
            hold: &self.hold,
            evidence: &self.fleet.evidence,
            rollouts: self
                .rollouts
                .iter()
                .map(|rollout| RecordV1::from(&rollout.rec))
                .collect(),
        };
        let bytes =
            postcard::to_allocvec(&state).expect("the state is plain data and memory is there");
        Digest::of(&bytes)
    }

    /// The digest of [`Engine::encode`].
    pub fn state_digest(&self) -> Digest {
        Digest::of(&self.encode())
    }

    /// The engine whose state these bytes are. Call [`Engine::after_fold`] before it decides.
    ///
    /// # Errors
    ///
    /// The bytes are no state of this format, or refer to a fleet or plan that is not given.
    #[expect(
        clippy::too_many_lines,
        reason = "each part that came later is read behind the one before"
    )]
    pub fn decode(
        bytes: &[u8],
        fleets: BTreeMap<Digest, Arc<FleetSpec>>,
        plans: BTreeMap<Digest, Arc<Plan>>,
    ) -> Result<Self, Fault> {
        let format = bytes.first().copied();
        let known = FORMAT..=FORMAT_WITH_RECOVERY;
        let Some(format) = format.filter(|format| known.contains(format)) else {
            return Err(Fault::new("the snapshot is of another format"));
        };
        let unreadable = |_| Fault::new("the snapshot does not read back");
        let (stored, rest): (Stored, _) = postcard::take_from_bytes(bytes).map_err(unreadable)?;
        let (words, rest): (Words, _) = if format >= FORMAT_WITH_WORDS {
            postcard::take_from_bytes(rest).map_err(unreadable)?
        } else {
            (Words::default(), rest)
        };
        let (changes, rest): (Changes, _) = if format >= FORMAT_WITH_CHANGES {
            postcard::take_from_bytes(rest).map_err(unreadable)?
        } else {
            (Changes::new(), rest)
        };
        let (terms, rest): (Terms, _) = if format >= FORMAT_WITH_TERMS {
            postcard::take_from_bytes(rest).map_err(unreadable)?
        } else {
            (Terms::new(), rest)
        };
        let (cares, rest): (Cares, _) = if format >= FORMAT_WITH_CARE {
            postcard::take_from_bytes(rest).map_err(unreadable)?
        } else {
            (Cares::default(), rest)
        };
        let (consented, rest): (Consented, _) = if format >= FORMAT_WITH_CONSENT {
            postcard::take_from_bytes(rest).map_err(unreadable)?
        } else {
            (Consented::default(), rest)
        };
        let (hands, rest): (Hands, _) = if format >= FORMAT_WITH_HANDS {
            postcard::take_from_bytes(rest).map_err(unreadable)?
        } else {
            (Hands::new(), rest)
        };
        let (errands, rest): (Errandry, _) = if format >= FORMAT_WITH_ERRANDS {
            postcard::take_from_bytes(rest).map_err(unreadable)?
        } else {
            (Errandry::new(), rest)
        };
        let (exceptions, rest): (Vec<Exception>, _) = if format >= FORMAT_WITH_EXCEPTIONS {
            postcard::take_from_bytes(rest).map_err(unreadable)?
        } else {
            (Vec::new(), rest)
        };
        let (outside, rest): (Found, _) = if format >= FORMAT_WITH_OUTSIDE {
            postcard::take_from_bytes(rest).map_err(unreadable)?
        } else {
            (Found::new(), rest)
        };
        let (poisons, rest): (Vec<Poison>, _) = if format >= FORMAT_WITH_POISON {
            postcard::take_from_bytes(rest).map_err(unreadable)?
        } else {
            (Vec::new(), rest)
        };
        let (lanes, rest): (Lanes, _) = if format >= FORMAT_WITH_LANES {
            postcard::take_from_bytes(rest).map_err(unreadable)?
        } else {
            (Lanes::new(), rest)
        };
        let (coverages, rest): (Coverages, _) = if format >= FORMAT_WITH_COVERAGE {
            postcard::take_from_bytes(rest).map_err(unreadable)?
        } else {
            (Coverages::new(), rest)
        };
        let (advisories, rest): (Vec<Known>, _) = if format >= FORMAT_WITH_ADVISORIES {
            postcard::take_from_bytes(rest).map_err(unreadable)?
        } else {
            (Vec::new(), rest)
        };
        let (protections, rest): (Vec<(Key, Protection)>, _) = if format >= FORMAT_WITH_PROTECTIONS
        {
            postcard::take_from_bytes(rest).map_err(unreadable)?
        } else {
            (Vec::new(), rest)
        };
        let (recovered, unpoisonings): (Recovered, Unpoisonings) = if format >= FORMAT_WITH_RECOVERY
        {
            postcard::from_bytes(rest).map_err(unreadable)?
        } else {
            (Recovered::new(), Unpoisonings::default())
        };
        let mut engine = Self::new();
        engine.now = stored.last_event;
        engine.last_event = stored.last_event;
        engine.epoch = stored.epoch;
        engine.recovered_at = stored.recovered_at;
        engine.hold = stored.hold;
        engine.fleet_digest = stored.fleet;
        engine.adopted = Arc::new(stored.adopted);
        engine.changes = stored.changes;
        if let Some(digest) = stored.fleet {
            let spec = fleets
                .get(&digest)
                .ok_or_else(|| Fault::new(format!("fleet {digest} is missing")))?;
            engine.fleet = Fleet::new(spec.clone());
            if engine.fleet.evidence.len() != stored.evidence.len() {
                return Err(Fault::new("the snapshot is of another fleet"));
            }
            engine.fleet.evidence = stored.evidence;
        }
        for rec in stored.rollouts {
            let plan = plans
                .get(&rec.plan)
                .ok_or_else(|| Fault::new(format!("plan {} is missing", rec.plan)))?;
            let orders = rec.changed.len();
            // One that is over may be of a fleet that is no longer there.
            let known = engine.fleet.spec.hosts.len();
            let is_known = |slot: &SlotPlan| slot.host.index() < known;
            let is_of_fleet = rec.state.is_final() || plan.slots.iter().all(is_known);
            if plan.slots.len() != rec.slots.len()
                || orders != 0 && orders != rec.slots.len()
                || !is_of_fleet
            {
                return Err(Fault::new(format!(
                    "the snapshot does not fit plan {}",
                    rec.plan
                )));
            }
            engine.rollouts.push(Rollout {
                plan: plan.clone(),
                rec,
                idx: Index::default(),
                poisoned: Vec::new(),
                advised: Vec::new(),
                // Made with the indices, before anything is decided or shown.
                same_hosts: true,
            });
        }
        engine.poisons = poisons;
        engine.unpoisonings = unpoisonings;
        engine.take_protections(protections)?;
        for known in advisories {
            engine.advisories.insert(known, &engine.fleet.spec)?;
        }
        engine.poison_as_advised();
        engine.mark_advised();
        engine.take_words(words)?;
        for exception in exceptions {
            engine.exceptions.insert(exception, &engine.fleet.spec)?;
        }
        for (index, by_hand) in hands {
            let rollout = engine.rollouts.get_mut(index as usize);
            let rollout = rollout.ok_or_else(|| Fault::new("the snapshot misses a rollout"))?;
            rollout.rec.by_hand = by_hand;
        }
        for (index, outside) in outside {
            let rollout = engine.rollouts.get_mut(index as usize);
            let rollout = rollout.ok_or_else(|| Fault::new("the snapshot misses a rollout"))?;
            rollout.rec.outside = outside;
        }
        for (index, errands) in errands {
            let rollout = engine.rollouts.get_mut(index as usize);
            let rollout = rollout.ok_or_else(|| Fault::new("the snapshot misses a rollout"))?;
            rollout.rec.errands = errands;
        }
        for (index, recovered) in recovered {
            let rollout = engine.rollouts.get_mut(index as usize);
            let rollout = rollout.ok_or_else(|| Fault::new("the snapshot misses a rollout"))?;
            rollout.rec.recovered = recovered;
        }
        for (index, lane) in lanes {
            let rollout = engine.rollouts.get_mut(index as usize);
            let rollout = rollout.ok_or_else(|| Fault::new("the snapshot misses a rollout"))?;
            rollout.rec.lane = lane;
        }
        engine.take_terms(terms)?;
        engine.take_coverages(coverages)?;
        engine.take_consented(consented)?;
        for (index, change) in changes {
            let rollout = engine.rollouts.get_mut(index as usize);
            let rollout = rollout.ok_or_else(|| Fault::new("the snapshot misses a rollout"))?;
            rollout.rec.change = Some(change);
        }
        engine.take_cares(cares)?;
        engine.fleets = fleets;
        engine.plans = plans;
        debug_assert_eq!(stored.format, format);
        engine.rebuild();
        Ok(engine)
    }
}
