//! What people are shown of errands: how far a ring is staged, and how a host stands.

use ringway_model::{FailWhy, StepKind, Timestamp, VisitKind, WaitingOn};
use serde::{Deserialize, Serialize};

use crate::engine::Engine;
use crate::errand::{STAGE, Staged};
use crate::view::Waiting;

/// How far a ring is staged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct StagedView {
    /// Hosts on which what is to be installed lies, or was installed since.
    pub done: u32,
    /// Hosts that are being staged.
    pub running: u32,
    /// Hosts that could not be staged: their visits do it.
    pub failed: u32,
    /// Hosts of the ring that have something to be staged.
    pub of: u32,
}

/// How staging a host stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct StageView {
    /// How.
    pub state: StageState,
    /// In words.
    pub words: String,
    /// Why it does not begin; empty where it runs, is over, or has nothing in its way.
    pub waiting: Vec<Waiting>,
}

/// How staging a host stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StageState {
    /// It has not begun.
    ToCome,
    /// It runs.
    Running,
    /// It failed and is tried again.
    Again,
    /// It is done.
    Done,
    /// It failed for good, and the visit does it.
    Failed,
}

fn failed(why: Option<FailWhy>) -> &'static str {
    why.map_or("it could not be reached", FailWhy::words)
}

impl Engine {
    /// How far a ring is staged, where that is begun with and something is to be fetched.
    pub(crate) fn staged_view(&self, r: usize, ring: usize) -> Option<StagedView> {
        let rollout = &self.rollouts[r];
        let slots = rollout.plan.rings[ring].slots();
        if ring > usize::from(rollout.rec.opened) || rollout.rec.opened == 0 {
            return None;
        }
        let has_stage = |slot: &usize| {
            let route = &rollout.plan.routes[rollout.plan.slots[*slot].route.index()];
            route.step_for(StepKind::Stage).is_some()
        };
        let mut routes = rollout.plan.routes.iter();
        if !routes.any(|route| route.step_for(StepKind::Stage).is_some()) {
            return None;
        }
        let of = slots.clone().filter(has_stage).count();
        let number = |slot: usize| u32::try_from(slot).unwrap_or(u32::MAX);
        let range = number(slots.start)..number(slots.end);
        let errands = &rollout.rec.errands;
        let staged = errands.staged.range(range.clone());
        let count = |is: fn(&Staged) -> bool| {
            let found = staged.clone().filter(|(_, staged)| is(staged));
            number(found.count())
        };
        let running = errands.running.range(range);
        let running = running.filter(|(_, runs)| runs.position == STAGE);
        Some(StagedView {
            done: count(|staged| *staged == Staged::Done),
            running: number(running.count()),
            failed: count(|staged| matches!(staged, Staged::Failed { .. })),
            of: number(of),
        })
    }

    /// How staging a host stands; none where nothing is fetched for it ahead, or it has been visited without.
    pub(crate) fn stage_view(&self, r: usize, slot: u32) -> Option<StageView> {
        let rollout = &self.rollouts[r];
        rollout.route(slot).step_for(StepKind::Stage)?;
        let errands = &rollout.rec.errands;
        let runs = errands.running.get(&slot);
        let runs = runs.filter(|runs| runs.position == STAGE);
        let (state, words, waiting) = match (runs, errands.staged.get(&slot)) {
            (Some(runs), _) => (
                StageState::Running,
                format!("being staged (attempt {})", runs.attempt),
                None,
            ),
            (None, Some(Staged::Done)) => (
                StageState::Done,
                "staged: what is to be installed is there".to_owned(),
                None,
            ),
            (None, Some(Staged::Again { attempt, at })) => (
                StageState::Again,
                format!("could not be staged; attempt {attempt} at {at}"),
                Some(self.stage_waits(r, slot, Some(*at))),
            ),
            (None, Some(Staged::Failed { why })) => (
                StageState::Failed,
                format!(
                    "could not be staged ({}); its visit does it first",
                    failed(*why)
                ),
                None,
            ),
            (None, None) => {
                if !self.wants_stage(r, slot) {
                    return None;
                }
                let waits = self.stage_waits(r, slot, None);
                (StageState::ToCome, "not staged yet".to_owned(), Some(waits))
            }
        };
        Some(StageView {
            state,
            words,
            waiting: waiting.map(Waiting::from).into_iter().collect(),
        })
    }

    /// Why staging a host does not begin.
    fn stage_waits(&self, r: usize, slot: u32, again: Option<Timestamp>) -> WaitingOn {
        let host = self.host_of(r, slot);
        if self.is_held_for(r, VisitKind::Update) {
            return self.hold_reason(r);
        }
        if let Some(on) = self.host_hold(host).or_else(|| self.errand_on(host)) {
            return on;
        }
        let harm = self.poison_keeps(r, slot, VisitKind::Update);
        if let Some(on) = harm.or_else(|| self.advisory_keeps(r, slot, VisitKind::Update)) {
            return on;
        }
        let busy = self.fleet.uses[host.index()].busy;
        if busy != 0 {
            let rollout = ringway_model::RolloutId(busy);
            return WaitingOn::Busy { rollout };
        }
        if let Some(at) = again.filter(|at| *at > self.now) {
            return WaitingOn::Retry { at };
        }
        let (in_flight, limit) = self.staging_of(r);
        if in_flight >= limit {
            WaitingOn::Staging { in_flight, limit }
        } else {
            WaitingOn::Worker
        }
    }
}
