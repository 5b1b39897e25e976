//! What may start: I1 (rings in order), I2 (one step at a time), I4 (held scopes), I5 (never blindly repeated),
//! I6 (groups in order) and I15 (registered documents only), judged when a step is issued.

use ringway_engine::{Ending, HostState};
use ringway_model::{
    AfterCrash, CellId, Digest, Evidence, IntentId, RolloutId, StepKind, Timestamp, VisitKind,
};
use ringway_policy::validated::{AlreadyUnhealthy, OnHalt};
use ringway_scheduler::plan::StepPlan;

use super::care::is_question;
use super::facts::{Facts, Phase, RolloutFacts, Visit, ring_of};
use super::hands::is_by_hand;
use super::recovery::RecoveryFacts;
use super::{Broken, ensure};

impl Facts {
    #[expect(clippy::too_many_lines, reason = "it is read as one list")]
    pub(super) fn step_issued(
        &mut self,
        intent: IntentId,
        kind: VisitKind,
        (position, attempt): (u8, u8),
        by_hand: Option<Timestamp>,
    ) -> Result<(), Broken> {
        self.counted.issued += 1;
        if kind == VisitKind::Errand {
            return self.errand_issued(intent, (position, attempt));
        }
        let id = intent.rollout();
        let (rollout, slot) = self.place(id, intent.slot())?;
        let host = rollout.plan.slots[slot].host;
        let facts = rollout.slots[slot];
        ensure!(
            facts.serial.checked_add(1) == Some(intent.serial()),
            I5,
            "{intent} follows step {} of its slot: an id was left out or used again",
            facts.serial
        );
        let step = step_of(rollout, slot, kind, position)
            .ok_or_else(|| {
                (
                    super::Invariant::I15,
                    format!(
                        "{intent} is step {position} of a {} visit, which its plan does not have",
                        kind.word()
                    ),
                )
            })?
            .clone();
        ensure!(
            is_by_hand(&step) == by_hand.is_some(),
            I15,
            "{intent} is asked of a person where a command does it, or of a worker where a person does"
        );
        if let Some(running) = self.hosts[host.index()].running {
            ensure!(
                false,
                I2,
                "{intent} starts on host {} while {running} runs there",
                host.0
            );
        }
        self.check_place(intent, &step)?;
        self.check_scope(intent, kind, step.kind)?;
        self.check_poison(intent, kind, step.kind)?;
        self.check_not_superseded(intent, kind, step.kind)?;
        self.check_restart(intent, kind, step.kind)?;
        self.check_advised(intent, kind, step.kind)?;
        self.check_protected(intent, (kind, step.kind))?;
        self.check_time(intent, (kind, position, step.kind), self.now)?;
        match facts.visit {
            None => {
                self.check_gates_of_visit(intent, kind)?;
                self.check_beginning(intent, kind, (position, attempt))?;
                self.check_not_recovered_first(intent, step.kind)?;
            }
            Some(visit) => check_next(intent, self.now, &visit, kind, (position, attempt))?,
        }
        if let Some(owed) = facts.visit.and_then(|visit| visit.owes_look) {
            ensure!(
                owed != position,
                I5,
                "{intent} repeats an interrupted `{}` that nobody looked at",
                step.kind
            );
        }
        if takes_down(step.kind) {
            self.check_budget(intent, host)?;
            self.check_peers(intent, host)?;
        }
        self.note_issue(intent, kind, (position, attempt), step.kind);
        if let Some(due) = by_hand {
            self.change(id, slot, |facts| {
                if let Some(visit) = &mut facts.visit {
                    visit.due = due;
                }
            });
        }
        Ok(())
    }

    /// What is so once a step was issued.
    fn note_issue(&mut self, intent: IntentId, kind: VisitKind, at: (u8, u8), step: StepKind) {
        let (id, slot) = (intent.rollout(), intent.slot().index());
        let host = self.rollouts[&id].plan.slots[slot].host;
        let repair = self.hosts[host.index()].is_down();
        self.hosts[host.index()].running = Some(intent);
        if step == StepKind::Apply {
            self.note_applied(id, host);
        }
        self.change(id, slot, |facts| {
            facts.serial = intent.serial();
            facts.tried_back |= kind == VisitKind::Rollback;
            let mut visit = facts.visit.unwrap_or_else(|| Visit {
                repair,
                ..begun(kind)
            });
            visit.at = at;
            visit.running = Some(intent);
            visit.before = (
                visit.took_down,
                visit.drained,
                visit.applying,
                visit.touched,
                visit.silenced,
            );
            visit.took_down |= takes_down(step);
            visit.touched |= takes_down(step);
            match step {
                StepKind::Drain => {
                    visit.drained = true;
                    facts.out_of_service = true;
                }
                StepKind::Undrain => visit.drained = false,
                StepKind::Silence => visit.silenced = true,
                StepKind::Unsilence => visit.silenced = false,
                StepKind::Apply => {
                    visit.applying = true;
                    facts.changed = true;
                }
                StepKind::Inspect
                | StepKind::Precheck
                | StepKind::Ready
                | StepKind::Last
                | StepKind::Stage
                | StepKind::Recovery
                | StepKind::Protect
                | StepKind::Unprotect
                | StepKind::Rollback
                | StepKind::Reboot
                | StepKind::Verify
                | StepKind::CareVerify => {}
            }
            facts.visit = Some(visit);
        });
    }

    /// A visit begins: at its first step, from a state that such a visit is for, in an open ring (I1), after the groups
    /// it depends on (I6).
    #[expect(
        clippy::too_many_lines,
        reason = "everything that a beginning must hold is checked in one place"
    )]
    fn check_beginning(
        &self,
        intent: IntentId,
        kind: VisitKind,
        at: (u8, u8),
    ) -> Result<(), Broken> {
        let (rollout, slot) = self.place(intent.rollout(), intent.slot())?;
        let rest = rollout.slots[slot].rest;
        // A host that failed and is down is not asked whether it may go.
        let left_out = (0..at.0).all(|position| {
            let step = step_of(rollout, slot, kind, position);
            step.is_some_and(|step| {
                step.kind == StepKind::Recovery
                    || rest == HostState::Again && is_question(step.kind)
                    || self.was_done_before(intent.rollout(), slot, step.kind)
            })
        });
        ensure!(
            left_out && at.1 == 1,
            Story,
            "{intent} begins a visit at step {} attempt {}",
            at.0,
            at.1
        );
        let fits = match kind {
            VisitKind::Update => {
                matches!(
                    rest,
                    HostState::Pending
                        | HostState::Offline
                        | HostState::Held
                        | HostState::Again
                        | HostState::NotReady {
                            visit: VisitKind::Update
                        }
                        | HostState::GoesLast {
                            visit: VisitKind::Update
                        }
                )
            }
            VisitKind::Restart => matches!(
                rest,
                HostState::RestartWithheld
                    | HostState::NotReady {
                        visit: VisitKind::Restart
                    }
                    | HostState::GoesLast {
                        visit: VisitKind::Restart
                    }
            ),
            VisitKind::Errand => false,
            VisitKind::Rollback => {
                rollout.slots[slot].changed
                    && !matches!(rest, HostState::RolledBack | HostState::Already)
            }
        };
        ensure!(
            fits,
            Story,
            "{intent} begins a {} visit of a host that is {rest:?}",
            kind.word()
        );
        if kind == VisitKind::Update {
            self.check_not_excepted(intent.rollout(), slot)?;
            self.check_covered(intent, slot)?;
        }
        let host = rollout.plan.slots[slot].host;
        ensure!(
            self.hosts[host.index()].holds.is_empty(),
            I4,
            "{intent} begins a {} visit of host {}, which somebody said is not to be touched",
            kind.word(),
            host.0
        );
        ensure!(
            !self.is_gone(host),
            I4,
            "{intent} begins a {} visit of host {}, which is gone from the fleet",
            kind.word(),
            host.0
        );
        ensure!(
            kind != VisitKind::Rollback || rollout.phase == Phase::RollingBack,
            I4,
            "{intent} takes a host back and nobody asked for it"
        );
        if kind == VisitKind::Rollback {
            ensure!(
                !self.stopped && !self.faulted,
                I4,
                "{intent} begins a rollback visit in a stopped fleet"
            );
            return Ok(());
        }
        check_pace(intent, rollout)?;
        if kind == VisitKind::Update {
            self.check_baseline(intent, rollout, slot)?;
        }
        let ring = ring_of(&rollout.plan, slot);
        ensure!(
            ring < rollout.opened && ring <= rollout.promoted,
            I1,
            "{intent} visits ring {ring}; {} rings are open and {} promoted",
            rollout.opened,
            rollout.promoted
        );
        self.check_dependencies(intent, rollout, slot, ring)
    }

    /// I11: where the policy leaves hosts alone that are unhealthy before the update, a host is known to be well when its
    /// first visit begins.
    fn check_baseline(
        &self,
        intent: IntentId,
        rollout: &RolloutFacts,
        slot: usize,
    ) -> Result<(), Broken> {
        // One that has something of what is superseded is who the fix is for, well or not.
        let tried = rollout.slots[slot].changed
            || rollout.slots[slot].rest == HostState::Again
            || super::supersede::part_in(rollout, slot).is_some();
        if rollout.plan.already_unhealthy != AlreadyUnhealthy::Hold || tried {
            return Ok(());
        }
        let host = &self.hosts[rollout.plan.slots[slot].host.index()];
        for gate in &rollout.plan.gates {
            let (known, _) = host.evidence(gate.probe);
            ensure!(
                known == Evidence::Up,
                I11,
                "{intent} visits a host that gate `{}` finds {known:?} before the update",
                gate.name
            );
        }
        Ok(())
    }

    /// I6: every group that comes first is done and healthy in this ring, and in earlier ones where said; hosts left
    /// behind within a ring's allowance do not count against it.
    fn check_dependencies(
        &self,
        intent: IntentId,
        rollout: &RolloutFacts,
        slot: usize,
        ring: usize,
    ) -> Result<(), Broken> {
        let Some(fleet) = &self.fleet else {
            return Ok(());
        };
        let Some(group) = fleet.hosts[rollout.plan.slots[slot].host.index()].group else {
            return Ok(());
        };
        for &(before, across) in &fleet.groups[group.index()].after {
            let from = if across { 0 } else { ring };
            for earlier in from..=ring {
                let counts = rollout.groups[earlier * fleet.groups.len() + before.index()];
                let tolerated =
                    rollout.rings[earlier].debt <= rollout.plan.rings[earlier].debt_allowed;
                let open = counts.planned - counts.done;
                ensure!(
                    open <= counts.skipped + if tolerated { counts.debt } else { 0 },
                    I6,
                    "{intent} visits group `{}` while {open} of `{}` in ring {earlier} are not done ({} left behind)",
                    fleet.groups[group.index()].name,
                    fleet.groups[before.index()].name,
                    counts.debt
                );
            }
        }
        Ok(())
    }

    /// I4: in a held scope nothing preparing or disruptive starts.
    fn check_scope(
        &self,
        intent: IntentId,
        visit: VisitKind,
        kind: StepKind,
    ) -> Result<(), Broken> {
        let (rollout, slot) = self.place(intent.rollout(), intent.slot())?;
        let restorative = matches!(
            kind,
            StepKind::Verify
                | StepKind::CareVerify
                | StepKind::Undrain
                | StepKind::Unsilence
                | StepKind::Recovery
        );
        if visit == VisitKind::Rollback || restorative {
            return Ok(());
        }
        // `on_halt: finish`: a visit of a host whose update is applied goes on to its restart.
        let finishes = kind == StepKind::Reboot
            && rollout.plan.on_halt == OnHalt::Finish
            && self.hosts[rollout.plan.slots[slot].host.index()]
                .holds
                .is_empty()
            && rollout.slots[slot]
                .visit
                .is_some_and(|visit| visit.applying || visit.kind == VisitKind::Restart);
        let host = rollout.plan.slots[slot].host;
        let host_held = !self.hosts[host.index()].holds.is_empty() || self.is_gone(host);
        let held = self.stopped || self.faulted || rollout.phase != Phase::Advancing || host_held;
        ensure!(
            !held || finishes,
            I4,
            "{intent} starts `{kind}` of a {} visit in a scope that is held ({:?}{}{}{})",
            visit.word(),
            rollout.phase,
            if self.stopped { ", stopped" } else { "" },
            if self.faulted { ", faulted" } else { "" },
            if host_held { ", its host" } else { "" }
        );
        Ok(())
    }

    /// What is judged when a step is handed out: it is outstanding, and no hold that is durable by now forbids it.
    pub(super) fn may_hand_out(&self, intent: IntentId) -> Result<(), Broken> {
        if let Some(judged) = self.may_hand_removal_out(intent) {
            return judged;
        }
        let (rollout, slot) = self.place(intent.rollout(), intent.slot())?;
        let host = rollout.plan.slots[slot].host;
        ensure!(
            self.hosts[host.index()].running == Some(intent),
            I5,
            "{intent} is handed out and its intent is not in the journal, or has a result"
        );
        if let Some(judged) = self.may_hand_errand_out(intent) {
            return judged;
        }
        let Some(visit) = rollout.slots[slot].visit else {
            return Err((
                super::Invariant::I5,
                format!("{intent} is handed out and is of no visit"),
            ));
        };
        let Some(step) = step_of(rollout, slot, visit.kind, visit.at.0) else {
            return Err((super::Invariant::I15, format!("{intent} is of no plan")));
        };
        ensure!(
            !is_by_hand(step),
            I15,
            "{intent} is handed to a worker and a person does it"
        );
        self.check_scope(intent, visit.kind, step.kind)?;
        self.check_poison(intent, visit.kind, step.kind)?;
        self.check_advised(intent, visit.kind, step.kind)
    }

    /// The availability group whose members an outstanding step relies on: where it is the step that takes its host down.
    pub(super) fn relies_on_peers(&self, intent: IntentId) -> Option<CellId> {
        let (rollout, slot) = self.place(intent.rollout(), intent.slot()).ok()?;
        let host = rollout.plan.slots[slot].host;
        let visit = rollout.slots[slot].visit?;
        let step = step_of(rollout, slot, visit.kind, visit.at.0)?;
        let first = takes_down(step.kind) && !visit.before.0 && !visit.repair;
        let fleet = self.fleet.as_ref()?;
        let cell = fleet.hosts[host.index()].cell.filter(|_| first)?;
        let spec = &fleet.cells[cell.index()];
        let can_be_met = (spec.must_stay_up as usize) < spec.members.len();
        (can_be_met || spec.accept_outage.is_none()).then_some(cell)
    }

    /// Whether a step is of a visit that has taken its host down already.
    pub(super) fn goes_on(&self, intent: IntentId) -> bool {
        let place = self.place(intent.rollout(), intent.slot()).ok();
        let visit = place.and_then(|(rollout, slot)| rollout.slots[slot].visit);
        visit.is_some_and(|visit| visit.before.0)
    }

    /// The digest of the plan that a rollout was registered with.
    pub(super) fn registered(&self, rollout: RolloutId) -> Option<Digest> {
        let plan = &self.rollouts.get(&rollout)?.plan;
        self.plans
            .iter()
            .find(|(_, known)| std::sync::Arc::ptr_eq(known, plan))
            .map(|(digest, _)| *digest)
    }
}

/// No more visits at once than the policy's pace; a host that settles still counts.
fn check_pace(intent: IntentId, rollout: &RolloutFacts) -> Result<(), Broken> {
    let moving: u32 = rollout.rings.iter().map(|ring| ring.moving).sum();
    let at_once = rollout.plan.pace.at_once.get();
    ensure!(
        moving < at_once,
        Pace,
        "{intent} begins a visit beside {moving} others; {at_once} may be visited at once"
    );
    Ok(())
}

/// Within a visit the next step is the one that followed from the last, not before its time.
fn check_next(
    intent: IntentId,
    now: Timestamp,
    visit: &Visit,
    kind: VisitKind,
    at: (u8, u8),
) -> Result<(), Broken> {
    ensure!(
        visit.running.is_none(),
        I5,
        "{intent} starts while a step of the same visit has no result"
    );
    ensure!(
        visit.kind == kind && visit.at == at,
        Story,
        "{intent} is step {} attempt {} of a {} visit; step {} attempt {} of a {} visit was next",
        at.0,
        at.1,
        kind.word(),
        visit.at.0,
        visit.at.1,
        visit.kind.word()
    );
    ensure!(
        now >= visit.not_before,
        Story,
        "{intent} starts before {}, when its repetition was due",
        visit.not_before
    );
    Ok(())
}

/// A visit of which nothing has happened.
pub(super) const fn begun(kind: VisitKind) -> Visit {
    Visit {
        kind,
        at: (0, 1),
        running: None,
        ending: Ending::Well,
        not_before: Timestamp(i64::MIN),
        took_down: false,
        drained: false,
        applying: false,
        owes_look: None,
        touched: false,
        applied: false,
        silenced: false,
        before: (false, false, false, false, false),
        repair: false,
        due: Timestamp::NEVER,
        recovery: RecoveryFacts::NONE,
    }
}

/// The step at a position of a visit, from the plan's tables.
pub(super) fn step_of(
    rollout: &RolloutFacts,
    slot: usize,
    kind: VisitKind,
    position: u8,
) -> Option<&StepPlan> {
    let route = &rollout.plan.routes[rollout.plan.slots[slot].route.index()];
    let list = match kind {
        VisitKind::Update => &route.visits[0],
        VisitKind::Restart => &route.visits[1],
        VisitKind::Rollback => &route.visits[2],
        VisitKind::Errand => return super::errands::errand_of(rollout, slot, position),
    };
    let index = *list.get(usize::from(position))?;
    route.steps.get(usize::from(index))
}

/// Whether a step takes the host's service down: the table of what counts as down.
pub(crate) const fn takes_down(kind: StepKind) -> bool {
    match kind {
        StepKind::Drain | StepKind::Apply | StepKind::Reboot | StepKind::Rollback => true,
        StepKind::Inspect
        | StepKind::Precheck
        | StepKind::Ready
        | StepKind::Last
        | StepKind::Silence
        | StepKind::Protect
        | StepKind::Unprotect
        | StepKind::Verify
        | StepKind::CareVerify
        | StepKind::Undrain
        | StepKind::Unsilence
        | StepKind::Stage
        | StepKind::Recovery => false,
    }
}

/// Whether an interrupted step may be run again without a look: where it is declared idempotent, and where it changes
/// nothing or is a role's care, which is idempotent by contract.
pub(super) const fn may_repeat(step: &StepPlan) -> bool {
    matches!(step.step.after_crash, AfterCrash::Repeat)
        || !matches!(
            step.kind,
            StepKind::Apply | StepKind::Rollback | StepKind::Reboot
        )
}
