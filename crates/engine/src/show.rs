//! Makes the views people are shown from the state, and says why what does not move does not move (I14).

use std::collections::BTreeMap;

use ringway_model::{
    Evidence, HostOutcome, RingIndex, RolloutId, Slot, StepKind, Timestamp, VisitKind, WaitingOn,
};

use crate::command::Subject;
use crate::engine::{Engine, FleetHold};
use crate::host::HostState;
use crate::rollout::{RingCount, Rollout, RolloutState, Stage};
use crate::view::{
    FleetView, GateView, HoldView, HostView, OverrideView, RingView, RolloutView, Waiting,
};

impl Engine {
    /// The fleet and every rollout.
    pub fn view(&self, now: Timestamp) -> FleetView {
        FleetView {
            fleet: self
                .fleet_digest
                .is_some()
                .then(|| self.fleet.spec.name.clone()),
            stopped: self.stopped(),
            observing: false,
            holds: self.hold_views(),
            exceptions: self.exception_views(),
            poisons: self.poison_views(),
            unpoisonings: self.unpoison_views(),
            advisories: self.advisories(),
            protections: self.protection_counts(now.max(self.now)),
            at: now.max(self.now),
            rollouts: (0..self.rollouts.len())
                .map(|r| self.rollout_view(r, now))
                .collect(),
        }
    }

    /// Why everything stands still, if it does.
    pub fn stopped(&self) -> Option<WaitingOn> {
        match &self.hold {
            FleetHold::Free => None,
            FleetHold::Stopped { by, reason } => Some(WaitingOn::Stop {
                by: by.clone(),
                reason: reason.clone(),
            }),
            FleetHold::Faulted { what } => Some(WaitingOn::Fault { what: what.clone() }),
        }
    }

    /// Every rollout with its plan, oldest first.
    pub fn plans_of_rollouts(&self) -> impl Iterator<Item = (RolloutId, &ringway_scheduler::Plan)> {
        let rollouts = self.rollouts.iter();
        rollouts.map(|rollout| (rollout.rec.id, rollout.plan.as_ref()))
    }

    /// The digest of a rollout's plan, or of the newest one's.
    pub fn plan_digest(&self, rollout: Option<RolloutId>) -> Option<ringway_model::Digest> {
        let rollout = match rollout {
            Some(id) => self.rollouts.get(self.index_of(id).ok()?),
            None => self.rollouts.last(),
        };
        rollout.map(|rollout| rollout.rec.plan)
    }

    /// The ticket of a rollout.
    pub fn change(&self, rollout: RolloutId) -> Option<&ringway_model::ChangeId> {
        let r = self.index_of(rollout).ok()?;
        self.rollouts[r].rec.change.as_ref()
    }

    /// Hosts that are not to be touched, those together that somebody held together.
    fn hold_views(&self) -> Vec<HoldView> {
        let mut together: BTreeMap<_, Vec<String>> = BTreeMap::new();
        for ((host, kind), hold) in &self.holds.of {
            let key = (*kind, hold.until, hold.by.clone(), hold.reason.clone());
            let name = self.fleet.spec.hosts[host.index()].name.clone();
            together.entry(key).or_default().push(name);
        }
        let views = together.into_iter();
        views
            .map(|((kind, until, by, reason), hosts)| HoldView {
                kind,
                by: by.0,
                reason,
                until,
                hosts,
            })
            .collect()
    }

    /// Where a rollout stands: cheap enough to be asked after every batch. Absent where there is no such rollout.
    pub fn standing(&self, rollout: RolloutId) -> Option<&RolloutState> {
        let r = self.index_of(rollout).ok()?;
        Some(&self.rollouts[r].rec.state)
    }

    /// One rollout, as people are shown it; absent where there is none of this id.
    pub fn rollout(&self, rollout: RolloutId) -> Option<RolloutView> {
        let r = self.index_of(rollout).ok()?;
        Some(self.rollout_view(r, self.now))
    }

    /// The plan of the newest rollout.
    pub fn newest_plan(&self) -> Option<&std::sync::Arc<ringway_scheduler::Plan>> {
        self.rollouts.last().map(|rollout| &rollout.plan)
    }

    /// Every host of a rollout, or of one of its rings; empty where there is no such rollout or ring.
    pub fn hosts_of(&self, rollout: RolloutId, ring: Option<&str>) -> Vec<HostView> {
        let Ok(r) = self.index_of(rollout) else {
            return Vec::new();
        };
        let rings = self.rollouts[r]
            .plan
            .rings
            .iter()
            .filter(|plan| ring.is_none_or(|name| plan.name == name));
        let slots = rings.flat_map(ringway_scheduler::plan::RingPlan::slots);
        slots
            .map(|slot| self.host_view(r, u32::try_from(slot).unwrap_or(u32::MAX)))
            .collect()
    }

    /// A host in every rollout it is or was a target of.
    pub fn host_views(&self, name: &str) -> Vec<HostView> {
        let Some(host) = self
            .fleet
            .spec
            .hosts
            .iter()
            .position(|host| host.name == name)
        else {
            return Vec::new();
        };
        let mut views = Vec::new();
        for r in 0..self.rollouts.len() {
            let slot = self.rollouts[r]
                .plan
                .slots
                .iter()
                .position(|slot| slot.host.index() == host);
            views.extend(slot.map(|slot| {
                let slot = u32::try_from(slot).unwrap_or(u32::MAX);
                let view = self.host_view(r, slot);
                // For one host only: what there is to say takes a look at others.
                HostView {
                    waiting: self.told_in_detail(r, slot, view.waiting),
                    ..view
                }
            }));
        }
        views
    }

    /// Why a ring of a rollout does not move; empty where it does or is over.
    pub fn ring_waiting(&self, rollout: RolloutId, ring: RingIndex) -> Vec<WaitingOn> {
        let Ok(r) = self.index_of(rollout) else {
            return Vec::new();
        };
        let rec = &self.rollouts[r].rec;
        if ring.0 < rec.promoted || rec.state.is_final() {
            Vec::new()
        } else if ring.0 >= rec.opened && rec.opened > 0 {
            let at = usize::from(rec.opened - 1);
            let earlier = WaitingOn::EarlierRing {
                ring: self.rollouts[r].plan.rings[at].name.clone(),
            };
            let evidence = self.coverage_waits(r, ring.index());
            // What comes first waits for something itself, and that is what has to happen.
            let waits = self.waiting(rollout);
            let waits = waits.into_iter().filter(|on| *on != earlier);
            let known: Vec<_> = std::iter::once(earlier.clone()).chain(evidence).collect();
            let waits = waits.filter(|on| !known.contains(on)).collect::<Vec<_>>();
            known.into_iter().chain(waits).collect()
        } else {
            self.waiting(rollout)
        }
    }

    /// Why a rollout does not move. Empty only where a step is running or it is over.
    pub fn waiting(&self, rollout: RolloutId) -> Vec<WaitingOn> {
        let Ok(r) = self.index_of(rollout) else {
            return Vec::new();
        };
        let state = &self.rollouts[r].rec.state;
        if state.is_final() {
            return Vec::new();
        }
        let held = self.hold != FleetHold::Free
            || matches!(
                state,
                RolloutState::Paused { .. } | RolloutState::Halted { .. }
            );
        if held {
            // Nothing else would move it; what still runs down is told beside it. Who is only observed holds nothing up.
            let in_flight = self.rollouts[r].idx.visiting;
            let mut reasons = vec![self.hold_reason(r)];
            reasons.extend((in_flight > 0).then_some(WaitingOn::Visits {
                pending: 0,
                in_flight,
            }));
            reasons.extend(self.hands_wait(r));
            if let Some(Stage::Soaking { ring, .. }) = self.stage(r) {
                reasons.extend(self.soak_waits(r, ring));
            }
            return reasons;
        }
        let mut reasons = Vec::new();
        match (state, self.stage(r)) {
            (RolloutState::Proposed, _) => {
                reasons.extend(self.gate_waits(r));
                reasons.extend(self.approval_waits(r));
            }
            (_, Some(Stage::Visiting { ring })) => reasons.extend(self.visiting_waits(r, ring)),
            (_, Some(Stage::Soaking { ring, .. })) => reasons.extend(self.soak_waits(r, ring)),
            (_, Some(Stage::Promoting { ring })) => {
                reasons.extend(self.promotion_waits(r, ring));
                reasons.extend(self.coverage_waits(r, ring.next().index()));
                reasons.extend(self.restart_waits(r, ring));
                reasons.extend(self.gate_waits(r));
                reasons.extend(self.approval_waits(r));
            }
            (_, None) => reasons.extend(self.ending_waits(r)),
        }
        reasons
    }

    /// By what a rollout is halted, whatever else stands still; none where it is not.
    pub fn halt_of(&self, rollout: RolloutId) -> Option<WaitingOn> {
        let r = self.index_of(rollout).ok()?;
        let RolloutState::Halted { cause, .. } = &self.rollouts[r].rec.state else {
            return None;
        };
        let cause = self.cause_words(r, cause);
        Some(WaitingOn::Halt { cause })
    }

    /// The approval that is missing, and when one counts where it does not now.
    fn approval_waits(&self, r: usize) -> Vec<WaitingOn> {
        let Some((on, subject)) = self.approval_wanted(r) else {
            return Vec::new();
        };
        let hours = self.outside_hours(r, subject);
        std::iter::once(on).chain(hours).collect()
    }

    fn soak_waits(&self, r: usize, ring: RingIndex) -> Vec<WaitingOn> {
        if let Some(until) = self.soak_until(&self.rollouts[r]) {
            #[cfg(feature = "planted-bugs")]
            let until = if self.bug(crate::planted::Bug::ToldTooLate) {
                until + ringway_model::Span::seconds(10)
            } else {
                until
            };
            return vec![if until == Timestamp::NEVER {
                WaitingOn::Calendar
            } else {
                WaitingOn::Soak { until }
            }];
        }
        self.blind(r, ring)
            .map(|(need, have)| WaitingOn::Blind { need, have })
            .into_iter()
            .collect()
    }

    fn ending_waits(&self, r: usize) -> Vec<WaitingOn> {
        let idx = &self.rollouts[r].idx;
        let in_flight = idx.visiting + idx.settling;
        let pending = self.to_roll_back(r).count();
        let visits = WaitingOn::Visits {
            pending: u32::try_from(pending).unwrap_or(u32::MAX),
            in_flight,
        };
        let mut reasons: Vec<_> = std::iter::once(visits).chain(self.hands_wait(r)).collect();
        if in_flight == 0 {
            reasons.extend(self.first_of_waits(r, self.to_roll_back(r)));
        }
        reasons
    }

    fn visiting_waits(&self, r: usize, ring: RingIndex) -> Vec<WaitingOn> {
        let rollout = &self.rollouts[r];
        let count = rollout.idx.rings[ring.index()];
        let in_flight = rollout.idx.visiting + rollout.idx.settling;
        let mut reasons = Vec::new();
        let pending = count.pending + count.withheld - self.restarts_advised(r, ring.index());
        if pending + in_flight > 0 {
            reasons.push(WaitingOn::Visits { pending, in_flight });
            reasons.extend(self.hands_wait(r));
            // What keeps the next host is worth knowing only where nothing else is going on.
            reasons.extend(self.next_visit_waits(r, ring));
        } else if let Some((have, allowed)) = self.too_much_debt(r, ring) {
            reasons.push(WaitingOn::Debt { have, allowed });
        } else if self.nobody_updated(r, ring) {
            let name = rollout.plan.rings[ring.index()].name.clone();
            reasons.push(WaitingOn::NobodyUpdated { ring: name });
            reasons.extend(self.all_advised(r, ring));
        } else {
            reasons.extend(self.promotion_waits(r, ring));
        }
        reasons
    }

    /// What keeps the host from its visit that may be the next one: where all wait for an instant, one of those whose instant
    /// comes first, and otherwise one that may be visited at any moment.
    fn next_visit_waits(&self, r: usize, ring: RingIndex) -> Option<WaitingOn> {
        let rollout = &self.rollouts[r];
        let opened = rollout.plan.rings[..=ring.index()].iter();
        let slots = opened.flat_map(ringway_scheduler::plan::RingPlan::slots);
        let slots = slots.map(|slot| u32::try_from(slot).unwrap_or(u32::MAX));
        self.first_of_waits(r, slots)
    }

    /// The same of these slots.
    fn first_of_waits(&self, r: usize, slots: impl Iterator<Item = u32>) -> Option<WaitingOn> {
        /// Where so many hosts in a row wait for an instant, those after them do as well, and their instants are known.
        const LOOKED_AT: usize = 1000;
        let waits = |slot: u32| {
            let visit = self.wanted_visit(r, slot)?;
            match self.may_start(r, slot, visit) {
                Ok(()) => self.live.then_some(WaitingOn::Worker),
                Err(block) => Some(self.if_staged(r, slot, visit, block.waiting())),
            }
        };
        let parked = self.rollouts[r].idx.parked_times.first_key_value();
        let parked = parked.and_then(|(_, slots)| slots.first().copied());
        let mut first: Option<WaitingOn> = None;
        for on in slots
            .filter_map(waits)
            .take(LOOKED_AT)
            .chain(parked.and_then(waits))
        {
            let sooner = |than: &WaitingOn| on.earliest() < than.earliest();
            if first.as_ref().is_none_or(sooner) {
                first = Some(on);
            }
            if first.as_ref().is_some_and(|on| on.earliest().is_none()) {
                break;
            }
        }
        first
    }

    /// Why a host does not move; empty where a step runs on it or its outcome is final.
    pub fn host_waiting(&self, rollout: RolloutId, slot: Slot) -> Vec<WaitingOn> {
        let Ok(r) = self.index_of(rollout) else {
            return Vec::new();
        };
        let slot = slot.0;
        let record = self.rollouts[r].rec.slots[slot as usize];
        if self.rollouts[r].rec.state.is_final() {
            return Vec::new();
        }
        if self.is_rolling_back(r) && self.can_roll_back(r, slot) {
            return self.start_waits(r, slot);
        }
        match record.state {
            HostState::Ready { .. } | HostState::Backoff { .. } | HostState::ByHand { .. } => {
                self.visit_waiting(r, slot).into_iter().collect()
            }
            HostState::Settling => vec![self.settle_waits(r, slot)],
            HostState::Updated | HostState::Already | HostState::ChangedOutside => {
                let gate = self
                    .gate_that_is(r, slot, Evidence::Down)
                    .map(|gate| self.gate_name(r, gate));
                gate.map(|gate| WaitingOn::NotUp {
                    gate,
                    until: some(record.until),
                })
                .into_iter()
                .collect()
            }
            HostState::Offline => vec![WaitingOn::Offline {
                retry_at: record.until,
            }],
            HostState::Held => {
                let gate = self.gate_that_is_not(r, slot, Evidence::Up).unwrap_or(0);
                vec![WaitingOn::UnhealthyBefore {
                    gate: self.gate_name(r, gate),
                }]
            }
            HostState::RestartWithheld if self.is_held_for(r, VisitKind::Restart) => {
                vec![WaitingOn::HoldEnds, self.hold_reason(r)]
            }
            HostState::OnHold => self.host_hold(self.host_of(r, slot)).into_iter().collect(),
            HostState::Pending
            | HostState::RestartWithheld
            | HostState::Again
            | HostState::NotReady { .. }
            | HostState::GoesLast { .. } => self.start_waits(r, slot),
            HostState::Running { .. }
            | HostState::Failed { .. }
            | HostState::Unhealthy { .. }
            | HostState::RolledBack
            | HostState::RollbackFailed { .. }
            | HostState::Lost
            | HostState::Skipped
            | HostState::Vanished => Vec::new(),
            HostState::Excepted => {
                let exception = self.exception_waits(r, slot).into_iter();
                exception.chain(self.advisory_waits(r, slot)).collect()
            }
            HostState::CatchUp => vec![self.catches_up_with(r)],
        }
    }

    fn start_waits(&self, r: usize, slot: u32) -> Vec<WaitingOn> {
        let Some(visit) = self.wanted_visit(r, slot) else {
            return Vec::new();
        };
        match self.may_start(r, slot, visit) {
            Ok(()) => vec![WaitingOn::Worker],
            Err(block) => vec![self.if_staged(r, slot, visit, block.waiting())],
        }
    }

    fn settle_waits(&self, r: usize, slot: u32) -> WaitingOn {
        let until = self.rollouts[r].rec.slots[slot as usize].until;
        let host = self.host_of(r, slot);
        if let Some(on) = self
            .host_hold(host)
            .filter(|_| self.holds.is_maintained(host))
        {
            return on;
        }
        match self.gate_that_is_not(r, slot, Evidence::Up) {
            Some(gate) => WaitingOn::NotUp {
                gate: self.gate_name(r, gate),
                until: some(until),
            },
            None => WaitingOn::Settle { until },
        }
    }

    pub(crate) fn gate_name(&self, r: usize, gate: usize) -> String {
        self.rollouts[r]
            .plan
            .gates
            .get(gate)
            .map_or_else(String::new, |gate| gate.name.clone())
    }

    fn rollout_view(&self, r: usize, looked: Timestamp) -> RolloutView {
        let rollout = &self.rollouts[r];
        let ring = self
            .stage(r)
            .map(|stage| rollout.plan.rings[stage.ring().index()].name.clone());
        let at = self.subject(r);
        let (now, later): (Vec<_>, Vec<_>) = self
            .approval_views(r)
            .into_iter()
            .partition(|view| Some(view.subject) == at || view.subject == Subject::Lane);
        let mut now = now.into_iter();
        let approval = now.next();
        let later = now.chain(later).collect();
        let (lane, lane_asked) = self.lane_views(r);
        RolloutView {
            id: rollout.rec.id,
            policy: rollout.plan.policy.clone(),
            update: rollout.plan.update.clone(),
            plan: rollout.rec.plan,
            starter: rollout.rec.starter.0.clone(),
            change: rollout.rec.change.clone(),
            state: rollout.rec.state.word().to_owned(),
            is_final: rollout.rec.state.is_final(),
            superseded_by: rollout.rec.state.superseded_by(),
            supersedes: rollout.plan.supersedes.as_ref().map(|it| it.rollout),
            ring,
            waiting: self
                .waiting(rollout.rec.id)
                .into_iter()
                .map(Waiting::from)
                .collect(),
            kept: self.kept_views(r),
            rings: (0..rollout.plan.rings.len())
                .map(|ring| self.ring_view(r, ring))
                .collect(),
            approval,
            later,
            early: self.early_view(r),
            questions: self.question_views(r),
            author: rollout.plan.author.clone(),
            overrides: self.override_views(r),
            lane,
            lane_asked,
            gates: gate_views(rollout),
            coverage: self.coverage_view(r),
            due: self.due_view(r, looked.max(self.now)),
            not_applicable: self.not_applicable(r),
            hit: rollout.rec.hit,
            too_late: self.too_late(r),
        }
    }

    /// How many hosts of the fleet the update is for by its policy, and none of its releases is.
    fn not_applicable(&self, r: usize) -> u32 {
        let hosts = self.rollouts[r].plan.not_applicable.iter();
        let there = hosts.filter(|host| !self.has_vanished(**host));
        u32::try_from(there.count()).unwrap_or(u32::MAX)
    }

    fn too_late(&self, r: usize) -> Vec<String> {
        let revision = self.rollouts[r].plan.revises.as_ref();
        let hosts = revision.map_or(&[][..], |revision| &revision.too_late);
        let hosts = hosts.iter().filter(|host| !self.has_vanished(**host));
        let hosts = hosts.filter_map(|host| self.fleet.spec.hosts.get(host.index()));
        hosts.map(|host| host.name.clone()).collect()
    }

    fn ring_view(&self, r: usize, ring: usize) -> RingView {
        let rollout = &self.rollouts[r];
        let plan = &rollout.plan.rings[ring];
        let at = self.stage(r).filter(|stage| stage.ring().index() == ring);
        let phase = match at {
            _ if ring < usize::from(rollout.rec.promoted) => "promoted",
            Some(Stage::Visiting { .. }) => "visiting",
            Some(Stage::Soaking { .. }) => "soaking",
            Some(Stage::Promoting { .. }) => "promoting",
            None if ring < usize::from(rollout.rec.opened) => "opened",
            None => "to come",
        };
        // A rollout that is over has no counters any more; its records are counted when somebody asks.
        let count = rollout.idx.rings.get(ring).copied().unwrap_or_else(|| {
            let mut count = RingCount::default();
            for record in &rollout.rec.slots[plan.slots()] {
                *count.of(record.state.class()) += 1;
            }
            count
        });
        RingView {
            name: plan.name.clone(),
            phase: phase.to_owned(),
            planned: plan.planned,
            pending: count.pending,
            visiting: count.visiting,
            by_hand: self.hands_in(r, ring),
            staged: self.staged_view(r, ring),
            settling: count.settling,
            done: count.done,
            failed: count.failed,
            again: self.failed_and_again(r, ring),
            debt: count.debt,
            on_hold: if at.is_some() && count.debt > 0 {
                self.held_for_good(r, ring)
            } else {
                0
            },
            withheld: count.withheld,
            rolled_back: count.rolled_back,
            skipped: count.skipped,
            vanished: count.vanished,
            excepted: count.excepted,
            outside: count.outside,
            halt_on: plan.halt_on,
            soak_until: at
                .filter(|stage| matches!(stage, Stage::Soaking { .. }))
                .and_then(|_| some(self.soak_until(rollout)?)),
        }
    }

    /// Hosts of a ring that people hold, without a time at which that ends.
    fn held_for_good(&self, r: usize, ring: usize) -> u32 {
        let rollout = &self.rollouts[r];
        let slots = rollout.plan.rings[ring].slots();
        let held = slots.filter(|&slot| {
            rollout.rec.slots[slot].state == HostState::OnHold && {
                let host = rollout.plan.slots[slot].host;
                let hold = self.host_hold(host);
                hold.is_some_and(|on| on.earliest().is_none())
            }
        });
        u32::try_from(held.count()).unwrap_or(u32::MAX)
    }

    /// Freezes that people let work run in.
    fn override_views(&self, r: usize) -> Vec<OverrideView> {
        let overridden = self.rollouts[r].rec.terms.overridden.iter();
        let now = overridden.filter(|(_, one)| self.now < one.until);
        now.map(|(freeze, one)| OverrideView {
            freeze: freeze.clone(),
            by: one.by.0.clone(),
            reason: one.reason.clone(),
            until: one.until,
        })
        .collect()
    }

    pub(crate) fn host_name(&self, r: usize, slot: u32) -> String {
        let host = self.host_of(r, slot);
        self.fleet
            .spec
            .hosts
            .get(host.index())
            .map_or_else(|| format!("host {}", host.0), |host| host.name.clone())
    }

    fn host_view(&self, r: usize, slot: u32) -> HostView {
        let rollout = &self.rollouts[r];
        let host = self.fleet.spec.hosts.get(self.host_of(r, slot).index());
        let outcome = self.outcome(r, slot);
        let waiting = self.host_waits_in_full(r, slot);
        HostView {
            host: self.host_name(r, slot),
            rollout: rollout.rec.id,
            change: rollout.rec.change.clone(),
            slot: Slot(slot),
            ring: rollout.plan.rings[rollout.ring_of(slot)].name.clone(),
            group: host
                .and_then(|host| host.group)
                .map(|group| self.fleet.spec.groups[group.index()].name.clone()),
            outcome,
            words: match (outcome, rollout.rec.skipped.get(&slot)) {
                (HostOutcome::ChangedOutside, _) => self
                    .outside_words(r, slot)
                    .unwrap_or_else(|| outcome.to_string()),
                (HostOutcome::Superseded, _) => {
                    let by = rollout.rec.state.superseded_by();
                    by.map_or_else(|| outcome.to_string(), |by| format!("{outcome} by {by}"))
                }
                (_, Some((by, reason))) => format!("{outcome} by {by}: {reason}"),
                (_, None) => outcome.to_string(),
            },
            again: self.is_again(r, slot),
            previous: rollout.previous(slot).cloned(),
            advised: self.advised_of(r, slot),
            poisoned: self.poison_had(r, slot),
            last_word: None,
            down: self.gates_down(r, slot),
            told: self.told_view(r, slot),
            staged: self.stage_view(r, slot),
            protections: self.protections_in(r, slot),
            not_before: self.not_before(r, slot, &waiting),
            waiting: waiting.into_iter().map(Waiting::from).collect(),
        }
    }

    /// What became of a host so far.
    #[expect(clippy::too_many_lines, reason = "it is read as one list")]
    pub(crate) fn outcome(&self, r: usize, slot: u32) -> HostOutcome {
        let state = self.rollouts[r].rec.slots[slot as usize].state;
        match state {
            HostState::Running {
                visit,
                position,
                attempt,
                ..
            }
            | HostState::Ready {
                visit,
                position,
                attempt,
                ..
            }
            | HostState::Backoff {
                visit,
                position,
                attempt,
                ..
            } => {
                let step = self.rollouts[r]
                    .step(slot, visit, position)
                    .map_or(StepKind::Inspect, |step| step.kind);
                HostOutcome::Visiting {
                    visit,
                    step,
                    attempt,
                }
            }
            HostState::ByHand {
                visit, position, ..
            } => {
                let step = self.rollouts[r]
                    .step(slot, visit, position)
                    .map_or(StepKind::Apply, |step| step.kind);
                HostOutcome::ByHand { visit, step }
            }
            // Whoever was left behind is left to the rollout that took the place of this one.
            HostState::Pending
            | HostState::NotReady {
                visit: VisitKind::Update,
            }
            | HostState::GoesLast {
                visit: VisitKind::Update,
            }
            | HostState::Offline
            | HostState::Held
            | HostState::OnHold
            | HostState::Excepted
            | HostState::CatchUp
                if self.rollouts[r].rec.state.superseded_by().is_some() =>
            {
                HostOutcome::Superseded
            }
            HostState::Pending => HostOutcome::Pending,
            HostState::Settling => HostOutcome::Settling,
            HostState::Updated => HostOutcome::Updated,
            HostState::Already => HostOutcome::Already,
            HostState::RestartWithheld => HostOutcome::RestartWithheld,
            HostState::Failed { step, why } => HostOutcome::Failed { step, why },
            HostState::Unhealthy { why } => HostOutcome::Unhealthy { why },
            HostState::RolledBack => HostOutcome::RolledBack,
            HostState::RollbackFailed { step, why } => HostOutcome::RollbackFailed { step, why },
            HostState::Offline => HostOutcome::Offline,
            HostState::Held => HostOutcome::Held,
            HostState::Lost => HostOutcome::Lost,
            HostState::Skipped => HostOutcome::Skipped,
            HostState::OnHold => HostOutcome::OnHold,
            HostState::Again => HostOutcome::Again,
            HostState::Vanished => HostOutcome::Vanished,
            HostState::NotReady { .. } => HostOutcome::NotReady,
            HostState::GoesLast { .. } => HostOutcome::GoesLast,
            HostState::Excepted if self.is_left_out_by_advisory(r, slot) => HostOutcome::Advised,
            HostState::Excepted => HostOutcome::Excepted,
            HostState::CatchUp => HostOutcome::CatchUp,
            HostState::ChangedOutside => HostOutcome::ChangedOutside,
        }
    }
}

fn gate_views(rollout: &Rollout) -> Vec<GateView> {
    let gates = rollout.plan.terms.external.iter();
    let known = gates.zip(&rollout.rec.terms.gates);
    known
        .map(|(gate, (says, since, why))| GateView {
            gate: gate.name.clone(),
            says: *says,
            since: *since,
            why: why.clone(),
            every_ms: gate.every,
        })
        .collect()
}

fn some(until: Timestamp) -> Option<Timestamp> {
    (until != Timestamp::NEVER).then_some(until)
}
