//! What the care of a role asks before a host is taken down, and who runs what runs beside it.
//!
//! Two questions may postpone a visit: whether the group is ready for its next member to go (`ready`), and whether this
//! host goes last of it (`last`). Nothing has been changed by then, so that the host rests again, without a lock, a slot
//! of a budget or a place in the pace, until it is asked anew. Some steps run on a *peer*: another member of the
//! availability group, chosen here when the step is decided, and written down with it.
//!
//! # Invariants
//!
//! * A host that says that it goes last goes when no other member of its group in the open rings is to be visited or
//!   being visited. Where all that are left say so, nobody goes, and each is asked again at a steady pace.
//! * No answer is waited for longer than its care says, and none that is older than that counts.
//! * What mends a host is not asked: a rollback, and a visit of a host that failed and is down already.
//! * A peer is evidently up, in nobody's visit, and in nobody's hands. Without one nothing begins, and what brings a host
//!   back into service waits for one as long as the step itself may take. A host that is to be taken back waits for one as
//!   long as there may be one; where every other member is down for good, that it cannot be is told as its outcome.

use std::collections::BTreeSet;

use ringway_model::{
    FailWhy, HostId, Place, RingIndex, Slot, Span, StepKind, Timestamp, VisitKind, WaitingOn,
};
use ringway_scheduler::plan::{More, StepPlan};
use ringway_scheduler::spec::CellSpec;
use serde::{Deserialize, Serialize};

use crate::engine::Engine;
use crate::event::{Event, Then};
use crate::fleet::NONE;
use crate::host::HostState;
use crate::rollout::Rollout;
use crate::slot::Class;
use crate::start::Block;
use crate::visit::Ended;

/// Since when a host's group is not ready for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Unready {
    /// The first no.
    pub(crate) since: Timestamp,
    /// The last one.
    pub(crate) asked: Timestamp,
}

/// Those of a kin in the open rings that are still to be visited for the update, or are being visited.
#[derive(Clone, Debug, Default)]
pub(crate) struct Remaining {
    /// Those that go first, or were not asked yet.
    pub(crate) first: BTreeSet<u32>,
    /// Those that say that they go last.
    pub(crate) last: BTreeSet<u32>,
}

/// Those among whom a host can go last: its availability group, or its group where it has none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kin {
    Cell(u32),
    Group(u16),
}

impl Engine {
    pub(crate) fn kin_of(&self, host: HostId) -> Kin {
        match self.fleet.cell[host.index()] {
            NONE => Kin::Group(self.fleet.group[host.index()]),
            cell => Kin::Cell(cell),
        }
    }

    fn kin_name(&self, host: HostId) -> String {
        let spec = &self.fleet.spec;
        match self.kin_of(host) {
            Kin::Cell(cell) => spec.cells[cell as usize].name.clone(),
            Kin::Group(group) => spec
                .groups
                .get(usize::from(group))
                .map_or_else(String::new, |group| group.name.clone()),
        }
    }

    /// Whether a host of the open rings is still to be visited for the update, or is being visited.
    fn remains(&self, r: usize, slot: u32) -> bool {
        let rollout = &self.rollouts[r];
        let class = rollout.rec.slots[slot as usize].state.class();
        rollout.ring_of(slot) < usize::from(rollout.rec.opened)
            && matches!(
                class,
                Class::Pending | Class::Visiting | Class::Settling | Class::Withheld
            )
    }

    /// Counts a slot among those that remain, or no more: before its state changes, after it, and when its ring opens.
    pub(crate) fn count_kin(&mut self, r: usize, slot: u32, on: bool) {
        if !self.rollouts[r].idx.asks_last || !self.remains(r, slot) {
            return;
        }
        let kin = self.kin_of(self.host_of(r, slot));
        let Rollout { rec, idx, .. } = &mut self.rollouts[r];
        let goes_last = matches!(rec.slots[slot as usize].state, HostState::GoesLast { .. });
        let remaining = idx.remaining.entry(kin).or_default();
        let of = if goes_last {
            &mut remaining.last
        } else {
            &mut remaining.first
        };
        if on {
            of.insert(slot);
        } else {
            of.remove(&slot);
        }
    }

    /// Counts the slots of a ring that opens.
    pub(crate) fn count_kin_of(&mut self, r: usize, ring: RingIndex) {
        for slot in self.rollouts[r].plan.rings[ring.index()].slots() {
            self.count_kin(r, u32::try_from(slot).unwrap_or(NONE), true);
        }
    }

    /// Counts all slots that remain, for an index made anew.
    pub(crate) fn count_all_kin(&mut self, r: usize) {
        let Rollout { idx, plan, .. } = &mut self.rollouts[r];
        let asks = |step: &StepPlan| step.kind == StepKind::Last;
        idx.asks_last = plan.routes.iter().any(|route| route.steps.iter().any(asks));
        idx.remaining.clear();
        if idx.asks_last {
            for slot in 0..plan.slots.len() {
                self.count_kin(r, u32::try_from(slot).unwrap_or(NONE), true);
            }
        }
    }

    /// What follows from the answer to a question.
    pub(crate) fn after_answer(&self, ended: Ended, yes: bool) -> Then {
        match ended.kind {
            StepKind::Ready if yes => self.go_to(ended, ended.position + 1, 1),
            #[cfg(feature = "planted-bugs")]
            StepKind::Ready if self.bug(crate::planted::Bug::NoIsReady) => {
                self.go_to(ended, ended.position + 1, 1)
            }
            StepKind::Ready => self.not_ready(ended),
            StepKind::Last if yes => self.goes_last(ended),
            StepKind::Last => self.go_to(ended, ended.position + 1, 1),
            StepKind::Inspect
            | StepKind::Precheck
            | StepKind::Silence
            | StepKind::Drain
            | StepKind::Apply
            | StepKind::Rollback
            | StepKind::Reboot
            | StepKind::Verify
            | StepKind::CareVerify
            | StepKind::Undrain
            | StepKind::Unsilence
            | StepKind::Stage
            | StepKind::Recovery
            | StepKind::Protect
            | StepKind::Unprotect => self.fail(ended, FailWhy::Unexpected),
        }
    }

    fn not_ready(&self, ended: Ended) -> Then {
        let Some((within, every)) = self.patience(ended.r, ended.slot) else {
            return self.fail(ended, FailWhy::NotReady);
        };
        let since = self.unready_since(ended.r, ended.slot);
        #[cfg(feature = "planted-bugs")]
        let within = if self.bug(crate::planted::Bug::ReadyForEver) {
            Span::hours(24 * 365)
        } else {
            within
        };
        let until = since + within;
        if self.now >= until {
            return self.fail(ended, FailWhy::NotReady);
        }
        Then::End {
            to: HostState::NotReady { visit: ended.visit },
            until: (self.now + every).min(until),
        }
    }

    fn goes_last(&self, ended: Ended) -> Then {
        #[cfg(feature = "planted-bugs")]
        if self.bug(crate::planted::Bug::LastIgnored) {
            return self.go_to(ended, ended.position + 1, 1);
        }
        let remaining = self.kin_left(ended.r, ended.slot);
        let is_alone = remaining.is_none_or(|of| of.first.len() + of.last.len() <= 1);
        let step = self.rollouts[ended.r].step(ended.slot, ended.visit, ended.position);
        match step.map(|step| &step.more) {
            Some(More::Last { every }) if !is_alone => Then::End {
                to: HostState::GoesLast { visit: ended.visit },
                until: self.now + *every,
            },
            Some(_) | None => self.go_to(ended, ended.position + 1, 1),
        }
    }

    /// How long a host's `ready` is waited for, and how often it is asked.
    fn patience(&self, r: usize, slot: u32) -> Option<(Span, Span)> {
        let steps = &self.rollouts[r].route(slot).steps;
        steps.iter().find_map(|step| match step.more {
            More::Ready { within, every } => Some((within, every)),
            More::Nothing
            | More::Inspect { .. }
            | More::Reboot { .. }
            | More::Last { .. }
            | More::Silence { .. }
            | More::Manual { .. }
            | More::Recovery { .. }
            | More::Protect { .. }
            | More::Stage { .. } => None,
        })
    }

    /// Since when the answer of a host's `ready` is no, where it is no now. One that nobody has asked for long, because
    /// work may not run or the rollout was held, proves nothing of the time between.
    fn unready_since(&self, r: usize, slot: u32) -> Timestamp {
        let within = self
            .patience(r, slot)
            .map_or(Span::ZERO, |(within, _)| within);
        match self.rollouts[r].rec.unready.get(&slot) {
            Some(unready) if self.now.since(unready.asked) <= within => unready.since,
            Some(_) | None => self.now,
        }
    }

    /// A host's group is not ready for it: notes since when.
    pub(crate) fn note_unready(&mut self, r: usize, slot: u32) {
        let (since, asked) = (self.unready_since(r, slot), self.now);
        let unready = Unready { since, asked };
        self.rollouts[r].rec.unready.insert(slot, unready);
    }

    /// Whether a visit of a host mends what is down already, so that nobody is asked whether the host may go.
    pub(crate) fn asks_nobody(&self, r: usize, slot: u32, visit: VisitKind) -> bool {
        visit == VisitKind::Rollback || self.is_failed_again(r, slot)
    }

    /// The first step of a visit from a position on that is not left out.
    pub(crate) fn heeded(&self, r: usize, slot: u32, visit: VisitKind, mut position: u8) -> u8 {
        position = position.max(self.first_counted(r, slot, visit));
        let asks_nobody = self.asks_nobody(r, slot, visit);
        while let Some(step) = self.rollouts[r].step(slot, visit, position)
            && (asks_nobody && step.kind.may_postpone()
                || step.kind == StepKind::Protect && self.is_protected(r, slot))
        {
            position += 1;
        }
        position
    }

    /// Why a host whose visit was postponed does not begin another one.
    pub(crate) fn postponed(&self, r: usize, slot: u32) -> Option<Block> {
        let record = self.rollouts[r].rec.slots[slot as usize];
        match record.state {
            HostState::NotReady { .. } if record.until > self.now => {
                let (within, _) = self.patience(r, slot)?;
                let unready = self.rollouts[r].rec.unready.get(&slot)?;
                Some(Block::Time(WaitingOn::NotReady {
                    since: unready.since,
                    again: record.until,
                    until: unready.since + within,
                }))
            }
            HostState::GoesLast { .. } => self.waits_for_others(r, slot, record.until),
            HostState::NotReady { .. }
            | HostState::Pending
            | HostState::Running { .. }
            | HostState::Ready { .. }
            | HostState::Backoff { .. }
            | HostState::Settling
            | HostState::Updated
            | HostState::Already
            | HostState::RestartWithheld
            | HostState::Failed { .. }
            | HostState::Unhealthy { .. }
            | HostState::RolledBack
            | HostState::RollbackFailed { .. }
            | HostState::Offline
            | HostState::Held
            | HostState::Lost
            | HostState::Skipped
            | HostState::OnHold
            | HostState::Again
            | HostState::Vanished
            | HostState::Excepted
            | HostState::CatchUp
            | HostState::ChangedOutside
            | HostState::ByHand { .. } => None,
        }
    }

    /// Those that remain of whom a host is one.
    fn kin_left(&self, r: usize, slot: u32) -> Option<&Remaining> {
        let kin = self.kin_of(self.host_of(r, slot));
        self.rollouts[r].idx.remaining.get(&kin)
    }

    fn waits_for_others(&self, r: usize, slot: u32, again: Timestamp) -> Option<Block> {
        let of = self.kin_left(r, slot)?;
        let count = |slots: &BTreeSet<u32>| u32::try_from(slots.len()).unwrap_or(u32::MAX);
        let group = || self.kin_name(self.host_of(r, slot));
        if let Some(next) = of.first.first() {
            return Some(Block::Last(WaitingOn::GoesLast {
                group: group(),
                next: self.host_name(r, *next),
                others: count(&of.first),
            }));
        }
        (of.last.len() > 1 && again > self.now).then(|| {
            Block::Last(WaitingOn::AllLast {
                group: group(),
                hosts: count(&of.last),
                again,
            })
        })
    }

    /// Those that go last of a host's group are looked at again where nobody is left who goes before them: all that are to
    /// be asked again by now, and the last one of all in any case. While somebody is left, nothing that happens to anybody
    /// lets one of them go, and nobody is looked at.
    pub(crate) fn wake_last(&mut self, r: usize, host: HostId) {
        if self.rollouts[r].idx.parked_last.is_empty() {
            return;
        }
        let (kin, now) = (self.kin_of(host), self.now);
        let idx = &mut self.rollouts[r].idx;
        let of = idx.remaining.get(&kin);
        let (first, last) = of.map_or((0, 0), |of| (of.first.len(), of.last.len()));
        let Some(parked) = idx.parked_last.get_mut(&kin).filter(|_| first == 0) else {
            return;
        };
        let later = parked.split_off(&(now + Span(1), 0));
        let due = std::mem::replace(parked, later);
        let alone = if last <= 1 {
            std::mem::take(parked)
        } else {
            BTreeSet::new()
        };
        // In the order of the plan, whoever was to be asked first.
        let woken: BTreeSet<u32> = due.union(&alone).map(|(_, slot)| *slot).collect();
        if parked.is_empty() {
            idx.parked_last.remove(&kin);
        }
        idx.again.extend(woken);
    }

    /// One that goes last is to be asked again.
    pub(crate) fn wake_last_host(&mut self, r: usize, slot: u32) {
        let kin = self.kin_of(self.host_of(r, slot));
        let Rollout { rec, idx, .. } = &mut self.rollouts[r];
        let of = idx.remaining.get(&kin);
        // While somebody goes before it, it is not asked.
        if of.is_some_and(|of| !of.first.is_empty()) {
            return;
        }
        if let Some(parked) = idx.parked_last.get_mut(&kin)
            && parked.remove(&(rec.slots[slot as usize].until, slot))
        {
            idx.again.push_back(slot);
        }
    }

    /// Whether a member of an availability group may be given something to run for another one.
    fn is_peer(&self, peer: HostId) -> bool {
        #[cfg(feature = "planted-bugs")]
        if self.bug(crate::planted::Bug::AnyPeer) {
            return true;
        }
        self.fleet.is_able(peer) && self.holds.on(peer).is_none()
    }

    /// The availability group whose members may run something for a host. In mid-visit a host that was taken out of the
    /// fleet's document, or of its group, is put back into service by those it was among when the visit began.
    pub(crate) fn peers_of(&self, r: usize, host: HostId) -> Option<&CellSpec> {
        if let Some(cell) = self.fleet.cell_of(host) {
            return self.fleet.spec.cells.get(cell.index());
        }
        #[cfg(feature = "planted-bugs")]
        if self.bug(crate::planted::Bug::GoneHasNoPeer) {
            return None;
        }
        let slot = self.slot_of(r, host)?;
        self.rollouts[r].rec.slots[slot as usize].state.visit()?;
        let mut plan = &self.rollouts[r].plan;
        loop {
            let fleet = self.fleets.get(&plan.fleet)?;
            if let Some(cell) = fleet.hosts.get(host.index())?.cell {
                return fleet.cells.get(cell.index());
            }
            plan = self.plans.get(&plan.revises.as_ref()?.of)?;
        }
    }

    /// The name of those who may run something for a host, or of its group where there are none.
    pub(crate) fn peers_name(&self, r: usize, host: HostId) -> String {
        let cell = self.peers_of(r, host);
        cell.map_or_else(|| self.kin_name(host), |cell| cell.name.clone())
    }

    /// The peer that runs an attempt at a step for a host: by the order of the members behind the host, and the next one
    /// at the next attempt.
    pub(crate) fn peer_for(&self, r: usize, host: HostId, attempt: u8) -> Option<HostId> {
        let members = &self.peers_of(r, host)?.members;
        let at = members.iter().position(|member| *member == host)?;
        let behind = members[at + 1..].iter().chain(&members[..at]);
        let able = behind.copied().filter(|peer| self.is_peer(*peer));
        let number = usize::from(attempt.max(1));
        let able: Vec<HostId> = able.take(number).collect();
        able.get((number - 1) % able.len().max(1)).copied()
    }

    /// Whether a step of a visit runs on a peer, and none can be had.
    pub(crate) fn lacks_peer(&self, r: usize, slot: u32, visit: VisitKind, position: u8) -> bool {
        let step = self.rollouts[r].step(slot, visit, position);
        step.is_some_and(|step| step.step.at == Place::Peer)
            && self.peer_for(r, self.host_of(r, slot), 1).is_none()
    }

    /// Why a visit cannot begin where some of its steps run on a peer. One that takes its host back begins where its first
    /// step can: what may be mended is not left as it is for a peer that is needed later only.
    pub(crate) fn without_peer(&self, r: usize, slot: u32, visit: VisitKind) -> Option<WaitingOn> {
        let step = match visit {
            VisitKind::Update | VisitKind::Restart | VisitKind::Errand => {
                self.rollouts[r].route(slot).at_peer(visit)?
            }
            VisitKind::Rollback => {
                let first = self.first_back(r, slot)?;
                (first.step.at == Place::Peer).then_some(first)?
            }
        };
        let host = self.host_of(r, slot);
        if self.peer_for(r, host, 1).is_some() {
            return None;
        }
        Some(WaitingOn::NoPeer {
            group: self.peers_name(r, host),
            step: step.kind.word().to_owned(),
            until: None,
        })
    }

    /// The step by which a host begins to go back.
    fn first_back(&self, r: usize, slot: u32) -> Option<&StepPlan> {
        let visit = VisitKind::Rollback;
        self.rollouts[r].step(slot, visit, self.heeded(r, slot, visit, 0))
    }

    /// Whether a host that needs a peer to go back will have none, whatever comes: every other member is down in the same
    /// rollout, and either is not taken back any more or needs a peer for that itself.
    pub(crate) fn goes_back_alone(&self, r: usize, slot: u32) -> bool {
        if !self.is_rolling_back(r) {
            return false;
        }
        let state = |slot: u32| self.rollouts[r].rec.slots[slot as usize].state;
        let host = self.host_of(r, slot);
        let is_down = state(slot).is_down();
        let stays_down = |other: u32| {
            let needs_peer = self
                .first_back(r, other)
                .is_some_and(|step| step.step.at == Place::Peer);
            state(other).is_down() && (!self.can_roll_back(r, other) || is_down && needs_peer)
        };
        let cell = self.fleet.cell_of(host);
        let members = cell.map_or(&[][..], |cell| &self.fleet.spec.cells[cell.index()].members);
        let mut others = members.iter().filter(|member| **member != host);
        others.all(|member| self.slot_of(r, *member).is_some_and(stays_down))
    }

    /// A host will not be taken back, for want of a peer.
    pub(crate) fn give_up(&mut self, r: usize, slot: u32, out: &mut Vec<Event>) {
        let first = self.first_back(r, slot);
        let to = HostState::RollbackFailed {
            step: first.map_or(StepKind::Rollback, |step| step.kind),
            why: FailWhy::NoPeer,
        };
        self.move_host(r, slot, to, Timestamp::NEVER, out);
    }

    /// A member is down: whoever waited in its rollout for a peer to go back may have nobody left to wait for.
    pub(crate) fn wake_forlorn(&mut self, r: usize, host: HostId) {
        let cell = self.fleet.cell[host.index()];
        let idx = &mut self.rollouts[r].idx;
        idx.again
            .extend(idx.parked_peers.remove(&cell).unwrap_or_default());
    }

    /// What a host in mid-visit waits for whose next step lacks a peer.
    pub(crate) fn peer_waits(
        &self,
        r: usize,
        slot: u32,
        visit: VisitKind,
        position: u8,
    ) -> Option<WaitingOn> {
        let step = self.rollouts[r].step(slot, visit, position)?;
        let until = self.rollouts[r].rec.slots[slot as usize].until;
        self.lacks_peer(r, slot, visit, position)
            .then(|| WaitingOn::NoPeer {
                group: self.peers_name(r, self.host_of(r, slot)),
                step: step.kind.word().to_owned(),
                until: (until != Timestamp::NEVER).then_some(until),
            })
    }

    /// A step between two others lacks a peer. What has not begun to take its host down does not begin to; what brings it
    /// back waits for as long as the step may take. Whether the host waits.
    pub(crate) fn wait_for_peer(&mut self, r: usize, slot: u32, out: &mut Vec<Event>) -> bool {
        let record = self.rollouts[r].rec.slots[slot as usize];
        let HostState::Ready {
            visit,
            position,
            ending,
            ..
        } = record.state
        else {
            return false;
        };
        let Some(step) = self.rollouts[r].step(slot, visit, position) else {
            return false;
        };
        let (kind, timeout) = (step.kind, step.step.timeout);
        if record.until != Timestamp::NEVER || self.may_be_fresh_soon(r, slot) {
            return true;
        }
        if kind.may_start_when_held(visit) {
            self.move_host(r, slot, record.state, self.now + timeout, out);
        } else {
            self.turn_back_now(r, slot, visit, position, ending, out);
        }
        false
    }

    /// A step waited for a peer for as long as it may take.
    pub(crate) fn peer_overdue(&mut self, r: usize, slot: u32, out: &mut Vec<Event>) {
        let HostState::Ready {
            visit,
            position,
            attempt,
            ending,
        } = self.rollouts[r].rec.slots[slot as usize].state
        else {
            return;
        };
        let state = self.rollouts[r].rec.slots[slot as usize].state;
        if !self.lacks_peer(r, slot, visit, position) {
            // It waits for a worker. Should it lack a peer again, it waits as long for that as it may.
            self.move_host(r, slot, state, Timestamp::NEVER, out);
            return;
        }
        if let Some(at) = self.fresh_at(r, slot).filter(|at| *at > self.now) {
            // Nothing is known of anybody since the takeover, and will be.
            self.move_host(r, slot, state, at, out);
            return;
        }
        let Some(step) = self.rollouts[r].step(slot, visit, position) else {
            return;
        };
        let ended = Ended {
            r,
            slot,
            visit,
            position,
            attempt,
            ending,
            kind: step.kind,
            began: false,
        };
        let then = self.fail(ended, FailWhy::NoPeer);
        self.follow_by_moving(r, slot, visit, then, out);
    }

    /// Notes who runs a step, where that is a peer.
    pub(crate) fn choose_peer(
        &mut self,
        intent: ringway_model::IntentId,
        visit: VisitKind,
        (position, attempt): (u8, u8),
        out: &mut Vec<Event>,
    ) -> bool {
        let Ok(r) = self.index_of(intent.rollout()) else {
            return false;
        };
        let Slot(slot) = intent.slot();
        let step = self.rollouts[r].step(slot, visit, position);
        if step.is_none_or(|step| step.step.at != Place::Peer) {
            return true;
        }
        let Some(peer) = self.peer_for(r, self.host_of(r, slot), attempt) else {
            return false;
        };
        self.emit(Event::PeerChosen { intent, peer }, out);
        true
    }

    /// Whoever waits for a member of an availability group to be there is looked at again.
    pub(crate) fn wake_peers(&mut self, host: HostId) {
        let cell = self.fleet.cell[host.index()];
        if cell == NONE {
            return;
        }
        for rollout in &mut self.rollouts {
            let idx = &mut rollout.idx;
            if let Some(parked) = idx.parked_peers.remove(&cell) {
                idx.again.extend(parked);
            }
        }
    }
}
