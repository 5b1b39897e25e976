//! Errands: steps that run for a host outside its visits, and what follows from their ends.
//!
//! A recipe's `stage` fetches what is to be installed, on the hosts of the open ring and of the one after it. An errand
//! takes no lock, no window, no budget and no place in the pace of visits; it has a pace of its own. It never decides
//! anything about a visit but when it may begin: a host has one step at a time, an errand included. What a recipe's `protect` made
//! is removed by another errand, of which `protection` decides.
//!
//! # Invariants
//!
//! * No errand starts on a host on which another step runs, in any rollout, and no visit begins on a host on which an
//!   errand runs (I2).
//! * Nothing is staged in a scope that is held, nor on a host that is not to be touched or is gone (I4), nor what is poisoned
//!   or kept from the host by an advisory (I10).
//! * How an errand ends says nothing of its host's service: it is no failure of its ring, and takes no host down.
//! * The last free worker is never given to an errand: what brings a host back into service must not wait for a download.

use std::collections::BTreeMap;

use ringway_model::{
    FailWhy, HostId, IntentId, Slot, StepKind, StepResult, Timestamp, VisitKind, WaitingOn,
};
use ringway_scheduler::plan::More;
use serde::{Deserialize, Serialize};

use crate::engine::{Engine, OrderView};
use crate::event::{Event, Then};
use crate::host::{Ending, HostState};
use crate::rollout::RolloutState;
use crate::slot::Class;

/// The position of `stage` among the errands.
pub(crate) const STAGE: u8 = 0;

/// The position of `unprotect` among the errands.
pub(crate) const UNPROTECT: u8 = 1;

/// Hosts that are looked at in one go. More that cannot be staged now, because somebody holds or visits them, are looked at
/// another time; their visits stage them otherwise.
pub(crate) const LOOKED_AT: usize = 256;

/// What is done for the hosts of a rollout outside their visits, by slot.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Errands {
    /// The errand that runs.
    pub(crate) running: BTreeMap<u32, Runs>,
    /// What staging has come to.
    pub(crate) staged: BTreeMap<u32, Staged>,
}

impl Errands {
    pub(crate) fn is_empty(&self) -> bool {
        self.running.is_empty() && self.staged.is_empty()
    }

    /// Hosts that are being staged.
    fn staging(&self) -> usize {
        let all = self.running.values();
        all.filter(|runs| runs.position == STAGE).count()
    }
}

/// An errand that runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Runs {
    pub(crate) serial: u16,
    /// Which, by [`StepKind::ERRANDS`].
    pub(crate) position: u8,
    /// Which attempt, from 1.
    pub(crate) attempt: u8,
}

/// What staging a host has come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Staged {
    /// What is to be installed lies there.
    Done,
    /// It is tried again at this instant.
    Again { attempt: u8, at: Timestamp },
    /// It is not tried any more; the visit does. Why; none where the host could not be reached.
    Failed { why: Option<FailWhy> },
}

impl Engine {
    /// The rollout index and slot of an errand that runs now.
    pub(crate) fn find_errand(&self, intent: IntentId) -> Option<(usize, u32)> {
        let r = (intent.rollout().0 as usize).checked_sub(1)?;
        let Slot(slot) = intent.slot();
        let runs = self.rollouts.get(r)?.rec.errands.running.get(&slot)?;
        (runs.serial == intent.serial()).then_some((r, slot))
    }

    /// Every errand that runs.
    pub(crate) fn errands_running(&self) -> impl Iterator<Item = IntentId> {
        self.rollouts.iter().flat_map(|rollout| {
            let running = rollout.rec.errands.running.iter();
            running.map(|(&slot, runs)| IntentId::new(rollout.rec.id, Slot(slot), runs.serial))
        })
    }

    /// What a worker needs to know of an errand that runs.
    pub(crate) fn errand_order(&self, intent: IntentId) -> Option<OrderView> {
        let (r, slot) = self.find_errand(intent)?;
        let &runs = self.rollouts[r].rec.errands.running.get(&slot)?;
        let at = (runs.position, runs.attempt);
        let mut order = self.order_view((r, slot), VisitKind::Errand, at, Ending::Well);
        order.may_run_when_held = false;
        if runs.position == UNPROTECT {
            // Its rollout may be over, and of a fleet in which hosts had other numbers.
            order.host = self.errand_host(r, slot, runs.position);
            let removed = self.removed_now(r, slot);
            order.protection = removed.map(|(_, protection)| protection.name.clone());
        }
        Some(order)
    }

    /// Whether an errand that has not begun may still begin.
    pub(crate) fn errand_wanted(&self, intent: IntentId) -> bool {
        let Some((r, slot)) = self.find_errand(intent) else {
            return false;
        };
        let runs = self.rollouts[r].rec.errands.running.get(&slot);
        if runs.is_some_and(|runs| runs.position == UNPROTECT) {
            return self.removal_wanted(intent);
        }
        !self.is_stayed(r, slot, VisitKind::Update)
    }

    /// What a host waits for on which an errand runs.
    pub(crate) fn errand_on(&self, host: HostId) -> Option<WaitingOn> {
        #[cfg(feature = "planted-bugs")]
        if self.bug(crate::planted::Bug::VisitBesideErrand) {
            return None;
        }
        let &(r, slot) = self.fleet.errands.get(&host)?;
        let runs = self.rollouts.get(r)?.rec.errands.running.get(&slot)?;
        let kind = StepKind::ERRANDS.get(usize::from(runs.position))?;
        Some(WaitingOn::Step {
            host,
            step: kind.word().to_owned(),
        })
    }

    /// Whether what is to be installed on a host lies there, so that its visit need not fetch it.
    pub(crate) fn is_staged(&self, r: usize, slot: u32) -> bool {
        let staged = &self.rollouts[r].rec.errands.staged;
        #[cfg(feature = "planted-bugs")]
        if self.bug(crate::planted::Bug::FailedIsStaged) {
            return matches!(
                staged.get(&slot),
                Some(Staged::Done | Staged::Failed { .. })
            );
        }
        staged.get(&slot) == Some(&Staged::Done)
    }

    /// The first position of a visit that is counted: nobody is brought back who answers, and a host that is staged does not
    /// fetch anything in its visit.
    pub(crate) fn first_counted(&self, r: usize, slot: u32, visit: VisitKind) -> u8 {
        if self.is_staged(r, slot) {
            self.after_stage(r, slot, visit)
        } else {
            self.first_answered(r, slot, visit)
        }
    }

    /// The first position of a visit behind what brings its host back.
    pub(crate) fn first_answered(&self, r: usize, slot: u32, visit: VisitKind) -> u8 {
        let step = self.rollouts[r].step(slot, visit, 0);
        u8::from(step.is_some_and(|step| step.kind == StepKind::Recovery))
    }

    /// The first position of a visit behind what is fetched for it.
    pub(crate) fn after_stage(&self, r: usize, slot: u32, visit: VisitKind) -> u8 {
        let first = self.first_answered(r, slot, visit);
        let step = self.rollouts[r].step(slot, visit, first);
        first + u8::from(step.is_some_and(|step| step.kind == StepKind::Stage))
    }

    /// What a visit waits for that may begin sooner once its host is staged: the earliest instant is as if it were.
    pub(crate) fn if_staged(
        &self,
        r: usize,
        slot: u32,
        visit: VisitKind,
        on: WaitingOn,
    ) -> WaitingOn {
        let behind = self.after_stage(r, slot, visit);
        let is_longer = behind > self.first_answered(r, slot, visit)
            && !self.is_staged(r, slot)
            && !self.has_failed_to_stage(r, slot);
        if !is_longer {
            return on;
        }
        let sooner = || {
            let on = self.out_of_time(r, slot, visit, behind);
            on.map_or(Some(self.now), |on| on.earliest())
        };
        if let WaitingOn::Window { for_at_least, .. } = on {
            let opens = sooner();
            return WaitingOn::Window {
                for_at_least,
                opens,
            };
        }
        if let WaitingOn::Freeze { reason, until, .. } = on {
            let opens = sooner();
            return WaitingOn::Freeze {
                reason,
                until,
                opens,
            };
        }
        on
    }

    fn has_failed_to_stage(&self, r: usize, slot: u32) -> bool {
        let staged = &self.rollouts[r].rec.errands.staged;
        matches!(staged.get(&slot), Some(Staged::Failed { .. }))
    }

    /// A host that waits for an instant at which there is room for more than its visit needs now is looked at again.
    pub(crate) fn wake_staged(&mut self, r: usize, slot: u32) {
        let idx = &mut self.rollouts[r].idx;
        let found = idx.parked_times.iter_mut().find_map(|(at, slots)| {
            let place = slots.iter().position(|parked| *parked == slot)?;
            slots.remove(place);
            Some((*at, slots.is_empty()))
        });
        if let Some((at, is_empty)) = found {
            if is_empty {
                idx.parked_times.remove(&at);
            }
            idx.again.push_back(slot);
        }
    }

    /// Whether a host waits to be staged, now or after a failed attempt.
    pub(crate) fn wants_stage(&self, r: usize, slot: u32) -> bool {
        let rollout = &self.rollouts[r];
        let record = &rollout.rec.slots[slot as usize];
        let opened = usize::from(rollout.rec.opened);
        let errands = &rollout.rec.errands;
        opened > 0
            && !rollout.rec.state.is_final()
            && rollout.ring_of(slot) <= opened
            && record.state.class() == Class::Pending
            && record.state != HostState::Again
            && rollout.route(slot).step_for(StepKind::Stage).is_some()
            && !errands.running.contains_key(&slot)
            && !matches!(
                errands.staged.get(&slot),
                Some(Staged::Done | Staged::Failed { .. })
            )
    }

    /// Keeps the list of hosts that wait to be staged true after a change of one.
    pub(crate) fn list_stage(&mut self, r: usize, slot: u32) {
        if !self.live || !self.rollouts[r].idx.stages {
            return;
        }
        let wants = self.wants_stage(r, slot);
        let Some(rollout) = self.rollouts.get_mut(r) else {
            return;
        };
        let (idx, errands) = (&mut rollout.idx, &rollout.rec.errands);
        idx.to_stage.remove(&slot);
        idx.stage_again.remove(&slot);
        match errands.staged.get(&slot) {
            Some(Staged::Again { at, .. }) if wants => {
                idx.stage_again.insert(slot, *at);
            }
            None if wants => {
                idx.to_stage.insert(slot);
            }
            Some(Staged::Done | Staged::Again { .. } | Staged::Failed { .. }) | None => {}
        }
    }

    /// Lists every host of a rollout that waits to be staged.
    pub(crate) fn list_stages(&mut self, r: usize) {
        let Some(rollout) = self.rollouts.get_mut(r) else {
            return;
        };
        let mut routes = rollout.plan.routes.iter();
        rollout.idx.stages = routes.any(|route| route.step_for(StepKind::Stage).is_some());
        rollout.idx.to_stage.clear();
        rollout.idx.stage_again.clear();
        if !rollout.idx.stages || rollout.rec.opened == 0 {
            return;
        }
        let through = rollout.plan.rings.iter();
        let through = through.take(usize::from(rollout.rec.opened) + 1);
        let end = through.map(|ring| ring.slots().end).max().unwrap_or(0);
        for slot in 0..u32::try_from(end).unwrap_or(u32::MAX) {
            self.list_stage(r, slot);
        }
    }

    /// When the next failed stage is tried again.
    pub(crate) fn next_errand(&self) -> Option<Timestamp> {
        let rollouts = self.rollouts.iter();
        let open =
            rollouts.filter(|rollout| matches!(rollout.rec.state, RolloutState::Advancing(_)));
        let again = open.flat_map(|rollout| rollout.idx.stage_again.values().copied());
        again.filter(|at| *at > self.now).min()
    }

    /// Begins to stage hosts of the open ring and of the one after it, as many at once as the recipe says.
    pub(crate) fn start_stages(&mut self, r: usize, free: &mut u32, out: &mut Vec<Event>) {
        let idx = &self.rollouts[r].idx;
        if idx.to_stage.is_empty() && idx.stage_again.is_empty() {
            return;
        }
        #[cfg(feature = "planted-bugs")]
        let held = self.is_held_for(r, VisitKind::Update)
            && !self.bug(crate::planted::Bug::StagesWhileHeld);
        #[cfg(not(feature = "planted-bugs"))]
        let held = self.is_held_for(r, VisitKind::Update);
        if held {
            return;
        }
        let at_once = usize::from(self.stage_pace(r));
        let again = idx.stage_again.iter();
        let due = again.filter(|(_, at)| **at <= self.now);
        let due = due
            .map(|(&slot, _)| slot)
            .chain(idx.to_stage.iter().copied());
        let candidates: Vec<u32> = due.take(LOOKED_AT).collect();
        for slot in candidates {
            if *free <= 1 || self.rollouts[r].rec.errands.staging() >= at_once {
                return;
            }
            if self.may_stage(r, slot) && self.issue_errand(r, slot, (STAGE, None), out) {
                *free -= 1;
            }
        }
    }

    /// How many hosts of a rollout are being staged, and how many may be.
    pub(crate) fn staging_of(&self, r: usize) -> (u32, u32) {
        let staging = self.rollouts[r].rec.errands.staging();
        let in_flight = u32::try_from(staging).unwrap_or(u32::MAX);
        (in_flight, u32::from(self.stage_pace(r)))
    }

    /// On how many hosts of a rollout at once; the least of what its routes say.
    fn stage_pace(&self, r: usize) -> u16 {
        #[cfg(feature = "planted-bugs")]
        if self.bug(crate::planted::Bug::StagePaceIgnored) {
            return u16::MAX;
        }
        let routes = self.rollouts[r].plan.routes.iter();
        let paces = routes.filter_map(|route| match route.step_for(StepKind::Stage)?.more {
            More::Stage { at_once } => Some(at_once),
            More::Nothing
            | More::Inspect { .. }
            | More::Reboot { .. }
            | More::Ready { .. }
            | More::Last { .. }
            | More::Silence { .. }
            | More::Recovery { .. }
            | More::Protect { .. }
            | More::Manual { .. } => None,
        });
        paces.min().unwrap_or(1)
    }

    fn may_stage(&self, r: usize, slot: u32) -> bool {
        let host = self.host_of(r, slot);
        let is_free =
            self.fleet.uses[host.index()].busy == 0 && !self.fleet.errands.contains_key(&host);
        #[cfg(feature = "planted-bugs")]
        let is_free = is_free || self.bug(crate::planted::Bug::ErrandBesideVisit);
        self.wants_stage(r, slot)
            && is_free
            && !self.is_not_to_be_touched(host)
            && !self.fetches_harm(r, slot)
    }

    /// Whether what would be fetched is poisoned, or an advisory keeps it from the host. Whoever would hand such an errand out
    /// withdraws it, and it would be decided again at once, for ever.
    fn fetches_harm(&self, r: usize, slot: u32) -> bool {
        #[cfg(feature = "planted-bugs")]
        if self.bug(crate::planted::Bug::HarmIsStaged) {
            return false;
        }
        self.is_poisoned(r, slot, VisitKind::Update) || self.is_advised(r, slot, VisitKind::Update)
    }

    /// Whether somebody said that a host is not to be touched, or it is gone.
    pub(crate) fn is_not_to_be_touched(&self, host: HostId) -> bool {
        #[cfg(feature = "planted-bugs")]
        if self.bug(crate::planted::Bug::HeldHostStaged) {
            return false;
        }
        self.holds.on(host).is_some() || self.has_vanished(host)
    }

    /// Issues an errand, on a peer where it runs on one, if its host has a step number left for it and for a whole visit.
    pub(crate) fn issue_errand(
        &mut self,
        r: usize,
        slot: u32,
        (position, peer): (u8, Option<HostId>),
        out: &mut Vec<Event>,
    ) -> bool {
        const LONGEST_VISIT: u16 = 8192;
        let rec = &self.rollouts[r].rec;
        let next = rec.slots[slot as usize].serial.checked_add(1);
        let Some(serial) = next.filter(|next| *next < u16::MAX - LONGEST_VISIT) else {
            return false;
        };
        let intent = IntentId::new(rec.id, Slot(slot), serial);
        let attempt = self.errand_attempt(r, slot, position);
        if let Some(peer) = peer {
            self.emit(Event::PeerChosen { intent, peer }, out);
        }
        let event = Event::StepIssued {
            intent,
            visit: VisitKind::Errand,
            position,
            attempt,
        };
        self.emit(event, out);
        true
    }

    fn errand_attempt(&self, r: usize, slot: u32, position: u8) -> u8 {
        if position == UNPROTECT {
            return self.removal_attempt(r, slot);
        }
        match self.rollouts[r].rec.errands.staged.get(&slot) {
            Some(Staged::Again { attempt, .. }) => *attempt,
            Some(Staged::Done | Staged::Failed { .. }) | None => 1,
        }
    }

    /// An errand ended.
    pub(crate) fn errand_ended(
        &mut self,
        intent: IntentId,
        (r, slot): (usize, u32),
        result: &StepResult,
        out: &mut Vec<Event>,
    ) {
        let Some(&runs) = self.rollouts[r].rec.errands.running.get(&slot) else {
            return;
        };
        let then = self.after_errand(r, runs, result);
        let result = result.clone();
        self.emit(
            Event::StepEnded {
                intent,
                result,
                then,
            },
            out,
        );
    }

    fn after_errand(&self, r: usize, runs: Runs, result: &StepResult) -> Then {
        let Runs {
            position, attempt, ..
        } = runs;
        if position == UNPROTECT {
            return self.after_removal(runs, result);
        }
        let retry = &self.rollouts[r].plan.retry;
        // An interruption may not have been its fault: there is one more attempt at least, and that at once.
        let (tries, wait) = match result {
            StepResult::Done => return Then::Over,
            // It never began: it may, as soon as nothing is in its way.
            StepResult::NotStarted => {
                return Then::Retry {
                    position,
                    attempt,
                    at: self.now,
                };
            }
            StepResult::Interrupted => (retry.times.max(1), ringway_model::Span::ZERO),
            StepResult::Failed(_)
            | StepResult::Unreachable
            | StepResult::Found { .. }
            | StepResult::Back { .. }
            | StepResult::Protected { .. }
            | StepResult::Answered { .. } => {
                let doublings = u32::from(attempt.saturating_sub(1)).min(16);
                (retry.times, retry.wait.times(1 << doublings))
            }
        };
        if attempt > tries {
            return Then::Over;
        }
        Then::Retry {
            position,
            attempt: attempt + 1,
            at: self.now + wait,
        }
    }
}
