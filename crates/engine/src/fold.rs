//! What every event does to the state. The only code that changes it, live and in a fold alike.

use std::sync::Arc;

use ringway_model::{IntentId, Place, Span, StepKind, StepResult, Timestamp, VisitKind};

use crate::by_hand::Saying;
use crate::command::Subject;
use crate::engine::{Engine, Fault, FleetHold};
use crate::event::{Event, Then};
use crate::fleet::Fleet;
use crate::fold_care::care_issued;
use crate::hold::HostHold;
use crate::host::{Ending, HostState};
use crate::lane::{InLane, LaneAsk};
use crate::rollout::{Approval, Overridden, Rollout, RolloutState, Stage};
use crate::slot::{Class, SlotRec};

impl Engine {
    #[expect(
        clippy::too_many_lines,
        reason = "the table of what every event does is read as one"
    )]
    pub(crate) fn fold(&mut self, event: &Event) -> Result<(), Fault> {
        let at = self.now;
        self.check_goes_on(event)?;
        match event {
            Event::StepIssued {
                intent,
                visit,
                position,
                attempt,
            } => {
                if *visit == VisitKind::Errand {
                    return self.fold_errand(*intent, (*position, *attempt));
                }
                return self.fold_issued(*intent, *visit, *position, *attempt, None);
            }
            Event::WorkAsked {
                intent,
                visit,
                position,
                attempt,
                due,
            } => return self.fold_issued(*intent, *visit, *position, *attempt, Some(*due)),
            Event::WorkTold {
                intent,
                actor,
                told,
                reason,
                exhibit,
            } => {
                let (r, slot) = self
                    .find_open(*intent)
                    .ok_or_else(|| Fault::new(format!("{intent} is told and nobody waits")))?;
                let saying = Saying {
                    actor,
                    told: *told,
                    reason,
                    exhibit: exhibit.as_ref(),
                };
                self.fold_told(r, slot, saying);
            }
            Event::StepEnded {
                intent,
                result,
                then,
            } => return self.fold_ended(*intent, result, *then),
            Event::HostMoved {
                rollout,
                slot,
                to,
                until,
            } => {
                let r = self.index_of(*rollout)?;
                self.check_slot(r, slot.0)?;
                if self.rollouts[r].rec.slots[slot.index()].state.class() != to.class() {
                    self.check_open(r, slot.0)?;
                }
                self.fold_moved(r, slot.0, *to, *until);
            }
            Event::EvidenceChanged { host, probe, to } => {
                if host.index() >= self.fleet.evidence.len() {
                    return Err(Fault::new(format!("evidence of unknown host {}", host.0)));
                }
                if probe.index() >= self.fleet.spec.probes.len() {
                    return Err(Fault::new(format!("evidence by unknown probe {}", probe.0)));
                }
                self.fold_evidence(*host, *probe, *to);
            }
            Event::Restarted { rollout, slot } => {
                let r = self.index_of(*rollout)?;
                self.check_slot(r, slot.0)?;
                let rec = &mut self.rollouts[r].rec.slots[slot.index()];
                rec.restarts = rec.restarts.saturating_add(1);
            }
            Event::Recovered { epoch, last_alive } => {
                self.epoch = *epoch;
                self.recovered_at = at;
                self.fold_recovered(*last_alive);
            }
            Event::Alive => {}
            #[cfg(feature = "planted-bugs")]
            Event::ClockJumped { .. } if self.bug(crate::planted::Bug::JumpCredited) => {}
            Event::ClockJumped { from } => {
                #[cfg(feature = "planted-bugs")]
                let credited = self.bug(crate::planted::Bug::StratumOverJump);
                #[cfg(not(feature = "planted-bugs"))]
                let credited = false;
                self.unwitnessed(if credited { at } else { *from }, Some(at));
                for r in 0..self.rollouts.len() {
                    if self.soak_runs(r) {
                        self.hold_soak(r, *from);
                        self.continue_soak(r, at);
                    }
                }
            }
            Event::FleetAdopted { fleet } => {
                // Its hosts would have other numbers, or none.
                if let Some(open) = self.rollouts.iter().find(|it| !it.rec.state.is_final()) {
                    let id = open.rec.id;
                    return Err(Fault::new(format!("{id} runs over another fleet")));
                }
                let spec = self
                    .fleets
                    .get(fleet)
                    .ok_or_else(|| Fault::new(format!("fleet {fleet} is missing")))?;
                let holds = self.holds.in_fleet(&self.fleet.spec, spec);
                self.fleet = Fleet::new(spec.clone());
                self.fleet_digest = Some(*fleet);
                self.holds = holds;
                self.exceptions.resolve(&self.fleet.spec);
                self.advisories.resolve(&self.fleet.spec);
                self.recount_changes();
                self.place_protections();
                self.count_errands();
                // No rollout is under way, so only somebody else's work takes anything.
                self.claim_maintenance();
                self.fleet.recount_all();
            }
            Event::Stopped { actor, reason } => {
                self.hold = FleetHold::Stopped {
                    by: actor.clone(),
                    reason: reason.clone(),
                };
                self.hold_all_soaks(at);
            }
            Event::Went { .. } => self.hold = FleetHold::Free,
            Event::Faulted { what } => {
                self.hold = FleetHold::Faulted { what: what.clone() };
                self.hold_all_soaks(at);
            }
            Event::Proposed {
                rollout,
                plan,
                actor,
                key,
            } => {
                if rollout.0 as usize != self.rollouts.len() + 1 {
                    return Err(Fault::new(format!("rollout {rollout} is out of order")));
                }
                let known = self
                    .plans
                    .get(plan)
                    .ok_or_else(|| Fault::new(format!("plan {plan} is missing")))?;
                if self.fleet_digest != Some(known.fleet) {
                    return Err(Fault::new(format!("plan {plan} is of another fleet")));
                }
                let new = Rollout::new(
                    *rollout,
                    *plan,
                    known.clone(),
                    actor.clone(),
                    key.clone(),
                    at,
                );
                self.rollouts.push(new);
                self.mark_poisoned_in(self.rollouts.len() - 1);
                self.mark_advised_in(self.rollouts.len() - 1);
                self.build_index(self.rollouts.len() - 1);
            }
            Event::Approved {
                rollout,
                subject,
                actor,
                digest,
                conditions,
            } => {
                let r = self.index_of(*rollout)?;
                self.rollouts[r].rec.approvals.push(Approval {
                    subject: *subject,
                    actor: actor.clone(),
                    digest: *digest,
                    conditions: conditions.clone(),
                    given: None,
                });
            }
            Event::ApprovalGiven { rollout, .. } => {
                let r = self.index_of(*rollout)?;
                self.fold_given(r, event);
            }
            Event::SoakCutShort { rollout, ring, .. } => {
                *self.stage_of(*rollout)? = Stage::Promoting { ring: *ring };
            }
            Event::Asked { rollout, .. } => {
                let r = self.index_of(*rollout)?;
                self.fold_asked(r, event);
            }
            Event::Answered {
                rollout,
                number,
                actor,
                text,
            } => {
                let r = self.index_of(*rollout)?;
                self.fold_answered(r, *number, actor, text)?;
            }
            Event::ApprovalVoided {
                rollout,
                subject,
                actor,
                ..
            } => {
                let r = self.index_of(*rollout)?;
                self.rollouts[r]
                    .rec
                    .approvals
                    .retain(|a| a.subject != *subject || a.actor != *actor);
            }
            Event::Declined {
                rollout,
                actor,
                reason,
            } => {
                #[cfg(feature = "planted-bugs")]
                let ignored = self.bug(crate::planted::Bug::NoIgnored);
                let r = self.index_of(*rollout)?;
                let rec = &mut self.rollouts[r].rec;
                if let Some(&stage) = rec.state.stage() {
                    let ring = stage.ring();
                    let subject = Subject::Promotion { ring };
                    #[cfg(feature = "planted-bugs")]
                    let subject = if ignored { Subject::Start } else { subject };
                    let early = Subject::Early { ring };
                    rec.approvals
                        .retain(|yes| yes.subject != subject && yes.subject != early);
                    rec.state = RolloutState::Paused {
                        stage,
                        by: actor.clone(),
                        reason: reason.clone(),
                    };
                }
            }
            Event::RingOpened { rollout, ring } => {
                let r = self.index_of(*rollout)?;
                self.fold_opened(r, *ring)?;
            }
            Event::SoakBegan { rollout, ring } => {
                let stage = Stage::Soaking {
                    ring: *ring,
                    accrued: Span::ZERO,
                    since: Some(at),
                };
                *self.stage_of(*rollout)? = stage;
                let r = self.index_of(*rollout)?;
                self.rollouts[r].rec.terms.worked = Span::ZERO;
            }
            Event::SoakHeld { rollout } => {
                self.stage_of(*rollout)?;
                self.hold_soak(self.index_of(*rollout)?, at);
            }
            Event::SoakContinued { rollout } => {
                self.stage_of(*rollout)?;
                self.continue_soak(self.index_of(*rollout)?, at);
            }
            Event::SoakEnded { rollout } => {
                let stage = self.stage_of(*rollout)?;
                *stage = Stage::Promoting { ring: stage.ring() };
                let r = self.index_of(*rollout)?;
                self.rollouts[r].rec.terms.worked = Span::ZERO;
            }
            Event::Promoted { rollout, ring } => {
                let r = self.index_of(*rollout)?;
                self.rollouts[r].rec.promoted = ring.0 + 1;
            }
            Event::Paused {
                rollout,
                actor,
                reason,
            } => {
                let stage = *self.stage_of(*rollout)?;
                let state = RolloutState::Paused {
                    stage,
                    by: actor.clone(),
                    reason: reason.clone(),
                };
                self.set_state(*rollout, state)?;
            }
            Event::Halted { rollout, cause } => {
                self.stage_of(*rollout)?;
                self.hold_soak(self.index_of(*rollout)?, at);
                let state = RolloutState::Halted {
                    stage: *self.stage_of(*rollout)?,
                    cause: cause.clone(),
                };
                self.set_state(*rollout, state)?;
            }
            Event::Resumed { rollout, .. } => {
                let stage = *self.stage_of(*rollout)?;
                let r = self.index_of(*rollout)?;
                if matches!(self.rollouts[r].rec.state, RolloutState::Halted { .. }) {
                    let Rollout { rec, idx, .. } = &mut self.rollouts[r];
                    for (forgiven, count) in rec.forgiven.iter_mut().zip(&idx.rings) {
                        *forgiven = count.counted;
                    }
                    rec.accepted.clone_from(&idx.counted);
                }
                self.set_state(*rollout, RolloutState::Advancing(stage))?;
            }
            Event::CancelBegan { rollout, .. } => {
                self.set_state(*rollout, RolloutState::Cancelling)?;
            }
            Event::RollbackBegan { rollout, .. } => {
                let r = self.index_of(*rollout)?;
                let was_final = self.rollouts[r].rec.state.is_final();
                if was_final && !self.knows_hosts_of(r) {
                    return Err(Fault::new(format!("{rollout} ran over another fleet")));
                }
                self.rollouts[r].rec.state = RolloutState::RollingBack;
                self.list_protections_of(r);
                if was_final {
                    self.build_index(r);
                    self.claim_all(r);
                }
                self.fill_queues(r);
                self.watch_rollout(r);
            }
            Event::Finished { rollout, how } => {
                let r = self.index_of(*rollout)?;
                self.fold_finished(r, *how);
            }
            Event::HostsAdopted { incarnation, .. } => {
                Arc::make_mut(&mut self.adopted).insert(*incarnation);
            }
            Event::HostSkipped {
                rollout,
                slot,
                actor,
                reason,
            } => {
                let r = self.index_of(*rollout)?;
                self.check_open(r, slot.0)?;
                let words = (actor.clone(), reason.clone());
                self.rollouts[r].rec.skipped.insert(slot.0, words);
                self.set_slot(r, slot.0, HostState::Skipped, Timestamp::NEVER);
            }
            Event::HostRetried { rollout, slot, .. } => {
                let r = self.index_of(*rollout)?;
                self.check_slot(r, slot.0)?;
                self.fold_retried(r, slot.0);
            }
            Event::HostHeld {
                host,
                kind,
                actor,
                reason,
                until,
            } => {
                let hold = HostHold {
                    by: actor.clone(),
                    reason: reason.clone(),
                    until: *until,
                };
                self.fold_held(*host, *kind, hold)?;
            }
            Event::HostReleased { host, kind, .. } => self.fold_released(*host, *kind)?,
            Event::CalendarKnown { rollout, calendar } => {
                let r = self.index_of(*rollout)?;
                self.fold_calendar(r, calendar)?;
            }
            Event::FreezeOverridden {
                rollout,
                freeze,
                actor,
                reason,
                until,
            } => {
                let r = self.index_of(*rollout)?;
                let overridden = Overridden {
                    until: *until,
                    by: actor.clone(),
                    reason: reason.clone(),
                };
                self.fold_overridden(r, freeze, overridden);
            }
            Event::GateSaid {
                rollout,
                gate,
                says,
                why,
            } => {
                let r = self.index_of(*rollout)?;
                self.fold_gate(r, *gate, *says, why)?;
            }
            Event::Commented { rollout, .. } => {
                self.index_of(*rollout)?;
            }
            Event::ChangeNamed { rollout, change } => {
                let r = self.index_of(*rollout)?;
                self.rollouts[r].rec.change = Some(change.clone());
            }
            Event::FleetRefreshed { fleet, .. } => self.fold_refreshed(*fleet)?,
            Event::PlanRevised { rollout, plan } => {
                let r = self.index_of(*rollout)?;
                self.fold_revised(r, *plan)?;
            }
            Event::PeerChosen { intent, peer } => self.fold_peer(*intent, *peer)?,
            Event::Excepted { exception, .. } => self.fold_excepted(exception)?,
            Event::ExceptionEnded { id, .. } => self.fold_exception_ended(id)?,
            Event::ChangedOutside {
                rollout,
                slot,
                found,
                was,
            } => {
                let r = self.index_of(*rollout)?;
                self.check_slot(r, slot.0)?;
                self.fold_outside(r, slot.0, found.as_deref(), was);
            }
            Event::LaneEntered {
                rollout,
                actor,
                reason,
                ..
            } => {
                let r = self.index_of(*rollout)?;
                let (by, reason) = (actor.clone(), reason.clone());
                let since = at;
                self.fold_lane(r, Some(InLane { by, reason, since }));
            }
            Event::LaneAsked {
                rollout,
                plan,
                actor,
                reason,
                ..
            } => {
                let r = self.index_of(*rollout)?;
                self.rollouts[r].rec.lane.asked = Some(LaneAsk {
                    plan: *plan,
                    by: actor.clone(),
                    reason: reason.clone(),
                    at,
                });
            }
            Event::LaneLapsed { rollout, .. } => {
                let r = self.index_of(*rollout)?;
                self.fold_lapsed(r);
            }
            Event::Expedited {
                rollout,
                lane,
                actor,
                reason,
                ..
            } => {
                let r = self.index_of(*rollout)?;
                let entered = lane.as_ref().map(|_| InLane {
                    by: actor.clone(),
                    reason: reason.clone(),
                    since: at,
                });
                self.fold_lane(r, entered);
            }
            Event::Poisoned { .. } | Event::Unpoisoned { .. } => self.fold_poison(event),
            Event::UnpoisonAsked { .. }
            | Event::UnpoisonApproved { .. }
            | Event::UnpoisonLapsed { .. } => self.fold_unpoisoning(event),
            Event::SupersedeBegan { rollout, by, .. } => {
                let (r, by) = (self.index_of(*rollout)?, self.index_of(*by)?);
                self.fold_supersede_began(r, by);
            }
            Event::UntestedAccepted {
                rollout,
                stratum,
                actor,
                reason,
            } => self.fold_untested(*rollout, (stratum, actor, reason))?,
            Event::Advised { .. } | Event::AdvisoryRuled { .. } => self.fold_advisory(event)?,
            Event::ProtectionEnds { .. } | Event::ProtectionGone { .. } => {
                self.fold_protection(event)?;
            }
        }
        Ok(())
    }

    fn hold_all_soaks(&mut self, at: Timestamp) {
        for r in 0..self.rollouts.len() {
            self.hold_soak(r, at);
        }
    }

    fn set_state(
        &mut self,
        rollout: ringway_model::RolloutId,
        state: RolloutState,
    ) -> Result<(), Fault> {
        let r = self.index_of(rollout)?;
        self.rollouts[r].rec.state = state;
        Ok(())
    }

    fn stage_of(&mut self, rollout: ringway_model::RolloutId) -> Result<&mut Stage, Fault> {
        let r = self.index_of(rollout)?;
        let word = self.rollouts[r].rec.state.word();
        self.rollouts[r]
            .rec
            .state
            .stage_mut()
            .ok_or_else(|| Fault::new(format!("{rollout} is {word}, at no ring")))
    }

    pub(crate) fn index_of(&self, rollout: ringway_model::RolloutId) -> Result<usize, Fault> {
        let index = (rollout.0 as usize)
            .checked_sub(1)
            .filter(|&index| index < self.rollouts.len());
        index.ok_or_else(|| Fault::new(format!("rollout {rollout} is unknown")))
    }

    #[expect(
        clippy::too_many_lines,
        reason = "what an issued step changes is read as one"
    )]
    fn fold_issued(
        &mut self,
        intent: IntentId,
        visit: VisitKind,
        position: u8,
        attempt: u8,
        by_hand: Option<Timestamp>,
    ) -> Result<(), Fault> {
        let r = self.index_of(intent.rollout())?;
        let slot = intent.slot().0;
        self.check_open(r, slot)?;
        let host = self.host_of(r, slot);
        let repair = self.fleet.uses[host.index()].used > 0;
        #[cfg(feature = "planted-bugs")]
        let besides = matches!(
            self.planted,
            Some(crate::planted::Bug::VisitBesideErrand | crate::planted::Bug::ErrandBesideVisit)
        );
        #[cfg(not(feature = "planted-bugs"))]
        let besides = false;
        if self.fleet.errands.contains_key(&host) && !besides {
            return Err(Fault::new(format!(
                "{intent} is issued while an errand runs"
            )));
        }
        let rollout = &mut self.rollouts[r];
        let Some(step) = rollout.plan.routes[rollout.plan.slots[slot as usize].route.index()]
            .step(visit, position)
        else {
            return Err(Fault::new(format!(
                "{intent} is a step that its route does not have"
            )));
        };
        let kind = step.kind;
        let at_peer = step.step.at == Place::Peer;
        care_issued(&mut rollout.rec, intent, kind, at_peer)?;
        let rec = &mut rollout.rec.slots[slot as usize];
        if intent.serial() != rec.serial.wrapping_add(1)
            || matches!(
                rec.state,
                HostState::Running { .. } | HostState::ByHand { .. }
            )
        {
            return Err(Fault::new(format!(
                "{intent} is issued while another step runs, or out of order"
            )));
        }
        rec.serial = intent.serial();
        let ending = rec
            .state
            .visit()
            .map_or(Ending::Well, |(.., ending)| ending);
        let begins = rec.state.visit().is_none();
        if begins {
            rollout.rec.recovered.remove(&slot);
            rec.flags &= !SlotRec::OF_VISIT;
            rec.restarts = 0;
            rec.set(SlotRec::REPAIR, repair);
            if visit == VisitKind::Rollback {
                rec.set(SlotRec::TRIED, true);
            }
        }
        match kind {
            StepKind::Drain => rec.set(SlotRec::DRAINED, true),
            StepKind::Apply | StepKind::Rollback => rec.set(SlotRec::APPLYING, true),
            StepKind::Inspect
            | StepKind::Precheck
            | StepKind::Ready
            | StepKind::Last
            | StepKind::Silence
            | StepKind::Reboot
            | StepKind::Verify
            | StepKind::CareVerify
            | StepKind::Undrain
            | StepKind::Unsilence
            | StepKind::Stage
            | StepKind::Recovery
            | StepKind::Protect
            | StepKind::Unprotect => {}
        }
        if begins {
            // Nobody blames a host for being down while it is visited, whichever rollout visits it.
            for other in 0..self.rollouts.len() {
                if let Some(slot) = self.slot_of(other, host) {
                    self.forget_downs(other, slot);
                }
            }
            self.unwatch_boot(host);
        }
        if let Some(due) = by_hand {
            let state = HostState::ByHand {
                visit,
                position,
                attempt,
                ending,
            };
            self.set_slot(r, slot, state, due);
            self.fold_work_asked(r, slot);
            return Ok(());
        }
        self.set_slot(
            r,
            slot,
            HostState::Running {
                visit,
                position,
                attempt,
                ending,
            },
            Timestamp::NEVER,
        );
        Ok(())
    }

    #[expect(
        clippy::too_many_lines,
        reason = "what an ended step changes is read as one"
    )]
    fn fold_ended(
        &mut self,
        intent: IntentId,
        result: &StepResult,
        then: Then,
    ) -> Result<(), Fault> {
        if let Some(at) = self.find_errand(intent) {
            return self.fold_errand_ended(at, result, then);
        }
        let Some((r, slot)) = self.find_open(intent) else {
            return Err(Fault::new(format!("{intent} ended but does not run")));
        };
        self.check_open(r, slot)?;
        let rollout = &self.rollouts[r];
        let Some((visit, position, attempt, ending)) =
            rollout.rec.slots[slot as usize].state.visit()
        else {
            return Err(Fault::new(format!("{intent} ended outside a visit")));
        };
        let kind = rollout
            .step(slot, visit, position)
            .map_or(StepKind::Inspect, |step| step.kind);
        self.note_result(r, slot, kind, visit, ending, result);
        self.note_care(r, slot, (kind, attempt), result);
        self.note_staged(r, slot, kind, result);
        self.note_recovery(r, slot, kind, result);
        if let StepResult::Protected { name } = result {
            self.fold_protected(r, slot, name)?;
        }
        #[cfg(feature = "planted-bugs")]
        if self.bug(crate::planted::Bug::ResultRevivesHalt)
            && let RolloutState::Halted { stage, .. } = self.rollouts[r].rec.state
        {
            self.rollouts[r].rec.state = RolloutState::Advancing(stage);
        }
        match then {
            Then::Step {
                position,
                attempt,
                ending,
            } => {
                self.set_slot(
                    r,
                    slot,
                    HostState::Ready {
                        visit,
                        position,
                        attempt,
                        ending,
                    },
                    Timestamp::NEVER,
                );
            }
            Then::Retry {
                position,
                attempt,
                at,
            } => {
                self.set_slot(
                    r,
                    slot,
                    HostState::Backoff {
                        visit,
                        position,
                        attempt,
                        ending,
                    },
                    at,
                );
            }
            Then::End { to, until } => {
                if matches!(to, HostState::NotReady { .. }) {
                    self.note_unready(r, slot);
                }
                self.end_visit(r, slot, to, until);
                // A visit that succeeded is the repetition that ends a failure, whichever visit that was in.
                if matches!(to.class(), Class::Settling | Class::Done) {
                    self.set_counted(r, slot, false);
                }
            }
            Then::Nothing | Then::Over => {
                return Err(Fault::new(format!(
                    "{intent} ended without anything following"
                )));
            }
        }
        Ok(())
    }

    /// The visit is over. Where it touched the host's service, what was known of its health is forgotten: evidence from
    /// before an update proves nothing about it.
    fn end_visit(&mut self, r: usize, slot: u32, to: HostState, until: Timestamp) {
        let host = self.host_of(r, slot);
        let visit = self.rollouts[r].rec.slots[slot as usize].state.visit();
        let touched = self.rollouts[r].rec.slots[slot as usize]
            .is(SlotRec::DRAINED | SlotRec::APPLYING)
            || visit.is_some_and(|(kind, ..)| kind != VisitKind::Update);
        #[cfg(feature = "planted-bugs")]
        let touched = touched && !self.bug(crate::planted::Bug::EvidenceKept);
        if touched {
            self.forget_evidence(host);
        }
        self.fold_moved(r, slot, to, until);
        if touched {
            self.watch_again(host);
            if matches!(to.class(), Class::Settling | Class::Done) {
                self.watch_boot(r, slot);
            }
        }
    }

    fn fold_moved(&mut self, r: usize, slot: u32, to: HostState, until: Timestamp) {
        let from = self.rollouts[r].rec.slots[slot as usize].state;
        self.set_slot(r, slot, to, until);
        match to.class() {
            Class::Failed => self.set_counted(r, slot, true),
            Class::RolledBack => self.set_counted(r, slot, false),
            Class::Done if to == HostState::Updated && from != to => self.widen_ramp(r),
            Class::Pending
            | Class::Visiting
            | Class::Settling
            | Class::Done
            | Class::Debt
            | Class::Skipped
            | Class::Vanished
            | Class::Excepted
            | Class::Outside
            | Class::Withheld => {}
        }
        if to.class() == Class::Failed {
            self.forget_downs(r, slot);
        }
    }
}
