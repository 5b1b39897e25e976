//! The state as bytes: for snapshots, and for the digest by which two folds are compared.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ringway_model::{Actor, Digest, Epoch, HostId, RolloutId, Timestamp};
use ringway_scheduler::{FleetSpec, Plan};
use serde::{Deserialize, Serialize};

use crate::by_hand::Handwork;
use crate::command::HoldKind;
use crate::engine::{Engine, Fault, FleetHold};
use crate::fleet::Fleet;
use crate::hold::{HostHold, Skipped};
use crate::rollout::{Approval, Index, RampState, Record, Rollout, RolloutState};
use crate::slot::SlotRec;
use crate::times::Calendar;

/// The format of a snapshot; one of another format is not read, and the journal is folded instead.
const FORMAT: u8 = 2;

/// The same with what people said of single hosts behind it. Where nobody said anything a state is written in the format
/// before, because journals have digests of that.
const FORMAT_WITH_WORDS: u8 = 3;

/// The same again with what came after that behind it, where there is anything.
const FORMAT_WITH_MORE: u8 = 4;

/// What came after [`Words`].
#[derive(Default, Serialize, Deserialize)]
struct More {
    /// Work by hand, by the rollout's index, where there is anything.
    by_hand: Vec<(u32, BTreeMap<u32, Handwork>)>,
}

impl More {
    const fn is_empty(&self) -> bool {
        self.by_hand.is_empty()
    }
}

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
    pub fn encode(&self) -> Vec<u8> {
        let words = self.words();
        let has_words = !words.holds.is_empty()
            || !words.skipped.is_empty()
            || !words.again.is_empty()
            || !words.calendars.is_empty();
        let more = self.more();
        let format = match (more.is_empty(), has_words) {
            (false, _) => FORMAT_WITH_MORE,
            (true, true) => FORMAT_WITH_WORDS,
            (true, false) => FORMAT,
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
        let bytes = postcard::to_allocvec(&state).expect(plain);
        match format {
            FORMAT_WITH_MORE => postcard::to_extend(&(words, more), bytes).expect(plain),
            FORMAT_WITH_WORDS => postcard::to_extend(&words, bytes).expect(plain),
            _ => bytes,
        }
    }

    fn more(&self) -> More {
        let rollouts = (0_u32..).zip(&self.rollouts);
        More {
            by_hand: rollouts
                .filter(|(_, rollout)| !rollout.rec.by_hand.is_empty())
                .map(|(index, rollout)| (index, rollout.rec.by_hand.clone()))
                .collect(),
        }
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
    pub fn decode(
        bytes: &[u8],
        fleets: BTreeMap<Digest, Arc<FleetSpec>>,
        plans: BTreeMap<Digest, Arc<Plan>>,
    ) -> Result<Self, Fault> {
        let format = bytes.first().copied();
        if !matches!(format, Some(FORMAT | FORMAT_WITH_WORDS | FORMAT_WITH_MORE)) {
            return Err(Fault::new("the snapshot is of another format"));
        }
        let unreadable = |_| Fault::new("the snapshot does not read back");
        let (stored, rest): (Stored, _) = postcard::take_from_bytes(bytes).map_err(unreadable)?;
        let (words, more): (Words, More) = match format {
            Some(FORMAT_WITH_MORE) => postcard::from_bytes(rest).map_err(unreadable)?,
            Some(FORMAT_WITH_WORDS) => {
                let words = postcard::from_bytes(rest).map_err(unreadable)?;
                (words, More::default())
            }
            _ => (Words::default(), More::default()),
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
            if plan.slots.len() != rec.slots.len() {
                return Err(Fault::new(format!(
                    "the snapshot does not fit plan {}",
                    rec.plan
                )));
            }
            engine.rollouts.push(Rollout {
                plan: plan.clone(),
                rec,
                idx: Index::default(),
            });
        }
        engine.take_words(words)?;
        for (index, by_hand) in more.by_hand {
            let rollout = engine.rollouts.get_mut(index as usize);
            let rollout = rollout.ok_or_else(|| Fault::new("the snapshot misses a rollout"))?;
            rollout.rec.by_hand = by_hand;
        }
        engine.fleets = fleets;
        engine.plans = plans;
        debug_assert_eq!(Some(stored.format), format);
        engine.rebuild();
        Ok(engine)
    }

    /// What people said of single hosts, as a snapshot has it.
    fn take_words(&mut self, words: Words) -> Result<(), Fault> {
        for (host, kind, hold) in words.holds {
            if host.index() >= self.fleet.spec.hosts.len() {
                return Err(Fault::new("the snapshot is of another fleet"));
            }
            self.holds.insert(host, kind, hold);
        }
        for (index, skipped) in words.skipped {
            let rollout = self.rollouts.get_mut(index as usize);
            let rollout = rollout.ok_or_else(|| Fault::new("the snapshot misses a rollout"))?;
            rollout.rec.skipped = skipped;
        }
        for (index, again) in words.again {
            let rollout = self.rollouts.get_mut(index as usize);
            let rollout = rollout.ok_or_else(|| Fault::new("the snapshot misses a rollout"))?;
            rollout.rec.again = again;
        }
        for (index, calendar) in words.calendars {
            let rollout = self.rollouts.get_mut(index as usize);
            let rollout = rollout.ok_or_else(|| Fault::new("the snapshot misses a rollout"))?;
            if calendar.tables.len() != rollout.plan.times.tables.len() {
                return Err(Fault::new("the snapshot is of another plan"));
            }
            rollout.rec.calendar = Some(calendar);
        }
        Ok(())
    }
}
