//! What begins: a decider, a fleet, a rollout.

use std::collections::BTreeMap;

use ringway_model::{Actor, Digest, Epoch, HostId, RolloutId, Says, Timestamp};

use super::facts::{Facts, GroupFacts, Phase, RingFacts, RolloutFacts, SlotFacts, ring_of};
use super::lanes::LaneFacts;
use super::{Broken, ensure};

impl Facts {
    pub(super) fn recovered(&mut self, epoch: Epoch, last_alive: Timestamp) -> Result<(), Broken> {
        ensure!(
            epoch >= self.epoch,
            Story,
            "decider {epoch} took over from the later decider {}",
            self.epoch
        );
        self.epoch = epoch;
        self.taken_over = self.now;
        let (last_alive, now) = (self.credited(last_alive), self.now);
        for rollout in self.rollouts.values_mut() {
            rollout.credit(last_alive);
            rollout.nobody_saw(last_alive, now);
            rollout.gates.fill(Says::Unknown);
        }
        // Nobody looked while nobody ran: everything is unknown again.
        for host in 0..self.hosts.len() {
            self.forget_evidence(HostId::at(host));
        }
        Ok(())
    }

    pub(super) fn adopted(&mut self, digest: Digest) -> Result<(), Broken> {
        let Some(fleet) = self.fleets.get(&digest).cloned() else {
            return Err((
                super::Invariant::I15,
                format!("fleet {digest:?} is adopted and nobody registered it"),
            ));
        };
        if self.fleet.is_some() && self.fleet_digest == digest {
            return Ok(());
        }
        self.able = vec![0; fleet.cells.len()];
        self.hosts = super::words::carried(&self.hosts, self.fleet.as_deref(), &fleet);
        let hosts = self.hosts.iter().enumerate();
        self.hold_ends = hosts
            .flat_map(|(index, facts)| {
                let ends = facts.holds.iter();
                ends.filter_map(move |(kind, until)| Some(((*until)?, HostId::at(index), *kind)))
            })
            .collect();
        self.fleet = Some(fleet);
        self.fleet_digest = digest;
        Ok(())
    }

    pub(super) fn proposed(
        &mut self,
        id: RolloutId,
        digest: Digest,
        actor: &Actor,
    ) -> Result<(), Broken> {
        let (Some(plan), Some(fleet)) = (self.plans.get(&digest).cloned(), self.fleet.clone())
        else {
            return Err((
                super::Invariant::I15,
                format!("{id} is proposed with plan {digest:?}, which nobody registered"),
            ));
        };
        ensure!(!actor.0.is_empty(), I15, "{id} was proposed by nobody");
        ensure!(
            self.rollouts
                .keys()
                .next_back()
                .is_none_or(|last| *last < id),
            Story,
            "{id} is proposed after a later one"
        );
        self.check_proposed(id, &plan)?;
        let groups = fleet.groups.len();
        let mut rollout = RolloutFacts {
            starter: actor.clone(),
            phase: Phase::Proposed,
            how: None,
            opened: 0,
            promoted: 0,
            soak: None,
            rings: plan
                .rings
                .iter()
                .map(|ring| RingFacts {
                    pending: ring.planned,
                    reporting: vec![0; plan.gates.len()],
                    up: vec![0; plan.gates.len()],
                    ..RingFacts::default()
                })
                .collect(),
            groups: vec![GroupFacts::default(); plan.rings.len() * groups],
            slots: vec![SlotFacts::fresh(self.now); plan.slots.len()],
            approvals: Vec::new(),
            questions: BTreeMap::new(),
            down: 0,
            calendar: None,
            gates: vec![Says::Unknown; plan.terms.external.len()],
            overridden: BTreeMap::new(),
            lane: LaneFacts::default(),
            outside: 0,
            superseded: false,
            coverage: super::coverage::CoverageFacts::default(),
            plan: plan.clone(),
        };
        for (index, slot) in plan.slots.iter().enumerate() {
            let host = &mut self.hosts[slot.host.index()];
            host.seats.push((
                id,
                u32::try_from(index).expect("slots are numbered in 32 bits"),
            ));
            rollout.down += u32::from(host.is_down());
            if let Some(group) = fleet.hosts[slot.host.index()].group {
                let ring = ring_of(&plan, index);
                rollout.groups[ring * groups + group.index()].planned += 1;
            }
        }
        self.rollouts.insert(id, rollout);
        self.exceptions_changed = true;
        Ok(())
    }
}
