//! The state as bytes: for snapshots, and for the digest by which two folds are compared.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ringway_model::{Actor, Digest, Epoch, RolloutId, Timestamp};
use ringway_scheduler::{FleetSpec, Plan};
use serde::{Deserialize, Serialize};

use crate::engine::{Engine, Fault, FleetHold};
use crate::fleet::Fleet;
use crate::rollout::{Approval, Index, RampState, Record, Rollout, RolloutState};
use crate::slot::SlotRec;

/// The format of a snapshot; one of another format is not read, and the journal is folded instead.
const FORMAT: u8 = 2;

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
        let state = State {
            format: FORMAT,
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
        postcard::to_allocvec(&state).expect("the state is plain data and memory is there")
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
        if bytes.first() != Some(&FORMAT) {
            return Err(Fault::new("the snapshot is of another format"));
        }
        let stored: Stored = postcard::from_bytes(bytes)
            .map_err(|_| Fault::new("the snapshot does not read back"))?;
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
        engine.fleets = fleets;
        engine.plans = plans;
        debug_assert_eq!(stored.format, FORMAT);
        engine.rebuild();
        Ok(engine)
    }
}
