//! What is so, rebuilt from events alone: the state that every checker asks.
//!
//! # Invariants
//!
//! * A slot changes in one place, `Facts::change` (in `counts`), which keeps every counter true.
//! * Nothing here decides or judges, except that an event must be possible after the ones before it.

mod host;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ringway_engine::{Calendar, Ending, Event, Final, HoldKind, HostState, Input};
use ringway_model::{
    Actor, Content, Digest, Epoch, Evidence, HostId, IntentId, ProbeId, RolloutId, Says, Slot,
    Span, StepKind, Timestamp, VisitKind,
};
use ringway_scheduler::{FleetSpec, Plan};

pub(super) use host::HostFacts;

use super::advisories::Notice;
use super::approvals::Approval;
use super::care::is_harmless;
use super::coverage::CoverageFacts;
use super::errands::ErrandFacts;
use super::exceptions::InForce;
use super::hands::Said;
use super::recovery::RecoveryFacts;
use super::unpoison::{AskedBack, yes_to_unpoison};
use super::{Broken, ensure};

/// Counts of what was checked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counted {
    /// Events seen.
    pub events: u64,
    /// Steps that were issued.
    pub issued: u64,
    /// Promotions.
    pub promotions: u64,
    /// Halts because of failures.
    pub halts: u64,
}

/// Where a rollout stands, as its events say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    Proposed,
    Advancing,
    Paused,
    Halted,
    RollingBack,
    Cancelling,
    Superseding,
    Over,
}

impl Phase {
    pub(super) const fn is_over(self) -> bool {
        matches!(self, Self::Over)
    }
}

/// A soak with the time that really counts toward it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Soak {
    pub(super) ring: usize,
    pub(super) accrued: Span,
    /// What of it was working time.
    pub(super) worked: Span,
    pub(super) since: Option<Timestamp>,
    pub(super) ended: bool,
}

/// Counters of one ring.
#[derive(Clone, Debug, Default)]
pub(super) struct RingFacts {
    pub(super) pending: u32,
    /// In a visit or settling.
    pub(super) moving: u32,
    pub(super) withheld: u32,
    pub(super) done: u32,
    pub(super) debt: u32,
    /// Hosts that a person left out, or that are gone.
    pub(super) skipped: u32,
    /// Hosts that count toward the ring's failures and that no person has accepted.
    pub(super) blamed: u32,
    /// Hosts that may be counted: those, and hosts with any unhappy attempt at all.
    pub(super) suspected: u32,
    /// By gate: done hosts that report.
    pub(super) reporting: Vec<u32>,
    /// By gate: done hosts that are up.
    pub(super) up: Vec<u32>,
}

/// Counters of one group in one ring.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct GroupFacts {
    pub(super) planned: u32,
    pub(super) done: u32,
    pub(super) debt: u32,
    pub(super) skipped: u32,
}

/// A visit in progress.
#[derive(Clone, Copy, Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is one fact that a rule asks for by its name"
)]
pub(super) struct Visit {
    pub(super) kind: VisitKind,
    /// The position and attempt that run or come next.
    pub(super) at: (u8, u8),
    pub(super) running: Option<IntentId>,
    pub(super) ending: Ending,
    /// The next step starts no earlier.
    pub(super) not_before: Timestamp,
    /// A step that takes the host down was issued and is not known never to have begun.
    pub(super) took_down: bool,
    /// A drain was issued, is not known never to have begun, and no undrain was issued after it.
    pub(super) drained: bool,
    /// An apply was issued and is not known never to have begun.
    pub(super) applying: bool,
    /// The position of a step that was interrupted and must be looked at before it is run again.
    pub(super) owes_look: Option<u8>,
    /// Something was begun that may have changed the host's health.
    pub(super) touched: bool,
    /// The apply is known to be done.
    pub(super) applied: bool,
    /// A silence was begun, is not known never to have, and its end was not issued after it.
    pub(super) silenced: bool,
    /// What was so before the step that runs was issued: `took_down`, `drained`, `applying`, `touched`, `silenced`.
    pub(super) before: (bool, bool, bool, bool, bool),
    /// The host was down when the visit began: its repair needs no slot and no peers.
    pub(super) repair: bool,
    /// By when work by hand should be done.
    pub(super) due: Timestamp,
    /// Whether the host answers, and what was done where it did not.
    pub(super) recovery: RecoveryFacts,
}

/// One host in one rollout.
#[derive(Clone, Copy, Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is one fact that a rule asks for by its name"
)]
pub(super) struct SlotFacts {
    /// The state it rests in, or rested in before the visit.
    pub(super) rest: HostState,
    /// Since when.
    pub(super) since: Timestamp,
    pub(super) visit: Option<Visit>,
    /// The last serial issued.
    pub(super) serial: u16,
    /// Counts toward the ring's failures until this step succeeds, or for good.
    pub(super) blamed: bool,
    pub(super) blamed_for: Option<StepKind>,
    /// Had an attempt that was not happy, whether or not the documents count it.
    pub(super) suspected: bool,
    /// A person may have accepted it by resuming after a halt: it was suspected then.
    pub(super) forgiven: bool,
    /// A person accepted its failure by resuming after a halt: it counted then.
    pub(super) accepted: bool,
    /// An apply may have changed the host in this rollout.
    pub(super) changed: bool,
    /// A drain may have taken the host out of service and nothing has put it back.
    pub(super) out_of_service: bool,
    /// Since when its group is not ready for it, and when that was said last.
    pub(super) unready: Option<(Timestamp, Timestamp)>,
    /// What it had before any change is known.
    pub(super) known_before: bool,
    /// An apply began on it.
    pub(super) applied_to: bool,
    /// A visit that takes it back has begun.
    pub(super) tried_back: bool,
    /// A person left it out, and nobody has taken that back.
    pub(super) left_out: bool,
    /// What is done for it outside its visits.
    pub(super) errand: ErrandFacts,
    /// An inspection of this rollout found something else than the release, and said what.
    pub(super) looked: bool,
}

impl SlotFacts {
    /// A host of which nothing has happened.
    pub(super) const fn fresh(now: Timestamp) -> Self {
        Self {
            rest: HostState::Pending,
            since: now,
            visit: None,
            serial: 0,
            blamed: false,
            blamed_for: None,
            suspected: false,
            forgiven: false,
            accepted: false,
            changed: false,
            out_of_service: false,
            unready: None,
            known_before: false,
            applied_to: false,
            tried_back: false,
            left_out: false,
            errand: ErrandFacts::NONE,
            looked: false,
        }
    }

    pub(super) fn class(&self) -> Class {
        if self.visit.is_some() {
            return Class::Moving;
        }
        match self.rest {
            HostState::NotReady { visit } | HostState::GoesLast { visit } => match visit {
                VisitKind::Update | VisitKind::Rollback | VisitKind::Errand => Class::Pending,
                VisitKind::Restart => Class::Withheld,
            },
            HostState::Pending | HostState::Again => Class::Pending,
            // Neither is waited for, and neither proves anything.
            HostState::Skipped
            | HostState::Vanished
            | HostState::Excepted
            | HostState::CatchUp
            | HostState::ChangedOutside => Class::Skipped,
            HostState::Settling
            | HostState::Running { .. }
            | HostState::Ready { .. }
            | HostState::Backoff { .. }
            | HostState::ByHand { .. } => Class::Moving,
            HostState::Updated | HostState::Already => Class::Done,
            HostState::RestartWithheld => Class::Withheld,
            HostState::Offline | HostState::Held | HostState::OnHold => Class::Debt,
            HostState::Failed { .. }
            | HostState::Unhealthy { .. }
            | HostState::RolledBack
            | HostState::RollbackFailed { .. }
            | HostState::Lost => Class::Other,
        }
    }

    /// Down by the table of what counts as down.
    pub(super) fn is_down(&self) -> bool {
        self.visit.is_some_and(|visit| visit.took_down)
            || match self.rest {
                HostState::Failed { step, .. } => !is_harmless(step),
                HostState::Unhealthy { .. }
                | HostState::RollbackFailed { .. }
                | HostState::Lost
                | HostState::Again => true,
                HostState::Pending
                | HostState::Running { .. }
                | HostState::Ready { .. }
                | HostState::Backoff { .. }
                | HostState::Settling
                | HostState::Updated
                | HostState::Already
                | HostState::RestartWithheld
                | HostState::RolledBack
                | HostState::Offline
                | HostState::Held
                | HostState::Skipped
                | HostState::OnHold
                | HostState::Vanished
                | HostState::NotReady { .. }
                | HostState::GoesLast { .. }
                | HostState::Excepted
                | HostState::CatchUp
                | HostState::ChangedOutside
                | HostState::ByHand { .. } => false,
            }
    }

    pub(super) fn is_settling(&self) -> bool {
        self.visit.is_none() && self.rest == HostState::Settling
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    Pending,
    Moving,
    Withheld,
    Done,
    Debt,
    Skipped,
    Other,
}

/// One rollout.
#[derive(Clone, Debug)]
pub(super) struct RolloutFacts {
    pub(super) plan: Arc<Plan>,
    pub(super) starter: Actor,
    pub(super) phase: Phase,
    /// How it ended last.
    pub(super) how: Option<Final>,
    /// Rings opened.
    pub(super) opened: usize,
    /// Rings promoted.
    pub(super) promoted: usize,
    pub(super) soak: Option<Soak>,
    pub(super) rings: Vec<RingFacts>,
    /// By ring x group.
    pub(super) groups: Vec<GroupFacts>,
    pub(super) slots: Vec<SlotFacts>,
    pub(super) approvals: Vec<Approval>,
    /// Questions by number, and whether they were answered.
    pub(super) questions: BTreeMap<u32, bool>,
    /// Targets that are down, over all rollouts, each host once.
    pub(super) down: u32,
    /// When work may run, as far as it is known.
    pub(super) calendar: Option<Calendar>,
    /// By its number: what an external gate says.
    pub(super) gates: Vec<Says>,
    /// By name: until when people may work in a freeze.
    pub(super) overridden: BTreeMap<String, Timestamp>,
    /// What is known of its lane.
    pub(super) lane: super::lanes::LaneFacts,
    /// Hosts that were told to be changed outside.
    pub(super) outside: u32,
    /// Another one has taken its place.
    pub(super) superseded: bool,
    /// What was seen of each stratum.
    pub(super) coverage: CoverageFacts,
}

/// Everything that the checkers know.
#[derive(Clone, Debug, Default)]
pub(super) struct Facts {
    pub(super) fleets: BTreeMap<Digest, Arc<FleetSpec>>,
    pub(super) plans: BTreeMap<Digest, Arc<Plan>>,
    pub(super) fleet: Option<Arc<FleetSpec>>,
    /// By rollout: the one that has taken its place.
    pub(super) superseded: BTreeMap<RolloutId, RolloutId>,
    pub(super) fleet_digest: Digest,
    /// The fleet before this batch, where it was refreshed in it.
    pub(super) before_refresh: Option<Arc<FleetSpec>>,
    /// Rollouts whose plans were revised in this batch.
    pub(super) misfits: Vec<RolloutId>,
    pub(super) now: Timestamp,
    /// The instant of the batch before.
    last: Timestamp,
    pub(super) epoch: Epoch,
    pub(super) stopped: bool,
    pub(super) faulted: bool,
    pub(super) hosts: Vec<HostFacts>,
    /// Databases whose hosts a person decided to take over.
    pub(super) adopted: BTreeSet<u64>,
    /// By availability group: members known to be up that nothing claims.
    pub(super) able: Vec<u32>,
    pub(super) rollouts: BTreeMap<RolloutId, RolloutFacts>,
    pub(super) approved: BTreeMap<Digest, String>,
    pub(super) counted: Counted,
    /// Results in the batch's inputs: what an end of a step must come from.
    pub(super) results: Vec<(IntentId, ringway_model::StepResult)>,
    /// Words of people about work by hand in the batch's inputs, and what they mean where they were taken.
    pub(super) told_by_hand: Vec<Said>,
    pub(super) words: Vec<(IntentId, ringway_model::StepResult)>,
    /// Evidence in the batch's inputs.
    pub(super) heard: Vec<(HostId, ProbeId, Evidence)>,
    /// What external gates said in the batch's inputs.
    pub(super) said: Vec<(RolloutId, u16, Says)>,
    /// The step that is issued next runs on this peer.
    pub(super) chosen: Option<(IntentId, HostId)>,
    pub(super) touched: Vec<RolloutId>,
    /// Hosts that were released in the batch.
    pub(super) released: Vec<HostId>,
    /// What is poisoned.
    pub(super) poisons: Vec<Content>,
    /// What people ask to take back of that, by number.
    pub(super) unpoisonings: BTreeMap<u32, AskedBack>,
    /// Who said yes to that in the batch's inputs, and to which digest.
    pub(super) yeses: Vec<(u32, Actor, Digest)>,
    /// By what was shown of it: the digest that binds a yes to that.
    pub(super) shown_to_agree: BTreeMap<String, Digest>,
    /// The number of the last one.
    pub(super) last_unpoisoning: u32,
    /// What an inspection found on a host of a rollout before the rollout changed it.
    pub(super) found: BTreeMap<(RolloutId, Slot), String>,
    /// By host's name: whose `apply` began there, the latest last.
    pub(super) given: BTreeMap<String, Vec<(RolloutId, Slot)>>,
    /// Hosts that broke in this batch, in flight in a rollout that was superseded: where they are to be visited.
    pub(super) broken_meanwhile: Vec<(RolloutId, usize)>,
    /// Holds that end by themselves, earliest first.
    pub(super) hold_ends: BTreeSet<(Timestamp, HostId, HoldKind)>,
    /// By host: with whom it was in the availability groups that it has been in.
    pub(super) former: BTreeMap<HostId, Vec<Arc<BTreeSet<HostId>>>>,
    /// When a decider took over last.
    pub(super) taken_over: Timestamp,
    /// Exceptions in force, by id.
    pub(super) exceptions: BTreeMap<String, InForce>,
    /// Advisories, by id; those that count no more included.
    pub(super) notices: BTreeMap<String, Notice>,
    /// Whether exceptions, advisories, the fleet or the rollouts changed in this batch.
    pub(super) exceptions_changed: bool,
    /// By host's name: rollouts that began to change it.
    pub(super) applied: BTreeMap<String, BTreeSet<RolloutId>>,
    /// Hosts that were found to be changed outside in this batch, and of which that is not told yet.
    pub(super) outside_untold: Vec<(RolloutId, Slot)>,
    /// What was made of hosts before they were changed.
    pub(super) protections: super::protections::Protections,
    /// All that was ever listed of them: the host's name, and its own.
    pub(super) once_listed: BTreeSet<(String, String)>,
    /// A rollout that this batch must pause.
    pub(super) must_pause: Option<RolloutId>,
}

/// The longest gap between two batches that a soak is credited with: a jump of up to two minutes is no gap, and the last
/// sign of life before it may be a minute old.
const CREDITED_GAP: Span = Span::minutes(3);

impl Facts {
    pub(super) fn begin_batch(&mut self, at: Timestamp, inputs: &[Input]) -> Result<(), Broken> {
        ensure!(
            at >= self.now,
            Story,
            "time went back from {} to {at}",
            self.now
        );
        let told = inputs
            .iter()
            .any(|input| matches!(input, Input::ClockJumped { .. } | Input::Recovered { .. }));
        if at.since(self.now) > CREDITED_GAP && !told {
            let from = self.now;
            self.stop_credit(from, at);
        }
        self.last = self.now;
        self.now = at;
        self.touched.clear();
        self.results.clear();
        self.heard.clear();
        self.said.clear();
        self.words.clear();
        self.told_by_hand = inputs.iter().filter_map(Said::of).collect();
        self.yeses = inputs.iter().filter_map(yes_to_unpoison).collect();
        for input in inputs {
            match input {
                Input::StepEnded { intent, result } => self.results.push((*intent, result.clone())),
                Input::Evidence { host, probe, to } => self.heard.push((*host, *probe, *to)),
                Input::GateSaid {
                    rollout,
                    gate,
                    says,
                    ..
                } => self.said.push((*rollout, *gate, *says)),
                Input::Command { .. }
                | Input::Restarted { .. }
                | Input::Recovered { .. }
                | Input::ClockJumped { .. }
                | Input::Tick
                | Input::Alive
                | Input::Calendar { .. } => {}
            }
        }
        Ok(())
    }

    pub(super) fn end_batch(&mut self) -> Result<(), Broken> {
        let touched = std::mem::take(&mut self.touched);
        for &rollout in &touched {
            self.after_batch(rollout)?;
            self.check_standing(rollout)?;
        }
        self.touched = touched;
        self.check_refreshed()?;
        self.check_broken()?;
        self.check_exceptions()?;
        self.check_outside()?;
        self.check_holds()
    }

    /// The last instant that a soak is credited with where the decider says that it ran until `claimed`: the journal says
    /// at least every minute that it runs, so more than the longest gap after the last row is not believed.
    pub(super) fn credited(&self, claimed: Timestamp) -> Timestamp {
        claimed.min(self.last + CREDITED_GAP)
    }

    /// Soaks run up to `from` and go on at `to`: what lies between is not credited.
    fn stop_credit(&mut self, from: Timestamp, to: Timestamp) {
        for rollout in self.rollouts.values_mut() {
            rollout.credit_and_go_on(from, to);
            rollout.nobody_saw(from, to);
        }
    }

    #[expect(
        clippy::too_many_lines,
        reason = "one arm for each event is the table of what events mean"
    )]
    pub(super) fn event(&mut self, event: &Event) -> Result<(), Broken> {
        self.counted.events += 1;
        match event {
            Event::Recovered { epoch, last_alive } => self.recovered(*epoch, *last_alive),
            Event::Alive => Ok(()),
            Event::ClockJumped { from } => {
                let (from, now) = (self.credited(*from), self.now);
                self.stop_credit(from, now);
                Ok(())
            }
            Event::FleetAdopted { fleet } => self.adopted(*fleet),
            Event::Stopped { .. } => {
                self.stopped = true;
                self.hold_soaks();
                Ok(())
            }
            Event::Went { .. } => {
                self.stopped = false;
                self.faulted = false;
                Ok(())
            }
            Event::Faulted { what } => {
                self.faulted = true;
                ensure!(
                    false,
                    Story,
                    "the engine found an invariant of its own broken: {what}"
                );
                Ok(())
            }
            Event::Proposed {
                rollout,
                plan,
                actor,
                ..
            } => self.proposed(*rollout, *plan, actor),
            Event::Approved {
                rollout,
                subject,
                actor,
                digest,
                conditions,
            } => self.approve(*rollout, *subject, actor, *digest, conditions),
            Event::ApprovalGiven {
                rollout,
                subject,
                actor,
                digest,
                conditions,
                shown,
                reason,
            } => {
                ensure!(
                    !matches!(subject, ringway_engine::Subject::Early { .. })
                        || !reason.trim().is_empty(),
                    Story,
                    "{actor} wants the soak of {rollout} to end early and does not say why"
                );
                self.approval_given(*rollout, *subject, (actor, *digest), conditions, shown)
            }
            Event::SoakCutShort {
                rollout,
                ring,
                observed,
                people,
            } => self.soak_cut_short(*rollout, ring.index(), (*observed, people)),
            Event::Asked {
                rollout,
                number,
                text,
                ..
            } => self.asked(*rollout, *number, text),
            Event::Answered {
                rollout,
                number,
                text,
                ..
            } => self.answered(*rollout, *number, text),
            Event::ApprovalVoided {
                rollout,
                subject,
                actor,
                ..
            } => self.void(*rollout, *subject, actor),
            Event::RingOpened { rollout, ring } => self.ring_opened(*rollout, ring.index()),
            Event::SoakBegan { rollout, ring } => self.soak_began(*rollout, ring.index()),
            Event::SoakHeld { rollout } => self.soak_held(*rollout),
            Event::SoakContinued { rollout } => self.soak_continued(*rollout),
            Event::SoakEnded { rollout } => self.soak_ended(*rollout),
            Event::Promoted { rollout, ring } => self.promoted(*rollout, ring.index()),
            Event::Paused { rollout, .. } => self.set_phase(*rollout, Phase::Paused),
            Event::Declined { rollout, .. } => self.declined(*rollout),
            Event::Halted { rollout, cause } => self.halted(*rollout, cause),
            Event::Resumed { rollout, .. } => self.resumed(*rollout),
            Event::CancelBegan { rollout, .. } => self.set_phase(*rollout, Phase::Cancelling),
            Event::RollbackBegan { rollout, .. } => self.rollback_began(*rollout),
            Event::Finished { rollout, how } => self.finished(*rollout, *how),
            Event::StepIssued {
                intent,
                visit,
                position,
                attempt,
            } => self.step_issued(*intent, *visit, (*position, *attempt), None),
            Event::WorkAsked {
                intent,
                visit,
                position,
                attempt,
                due,
            } => self.step_issued(*intent, *visit, (*position, *attempt), Some(*due)),
            Event::WorkTold {
                intent,
                actor,
                told,
                exhibit,
                ..
            } => self.work_told(*intent, actor, *told, exhibit.as_ref()),
            Event::StepEnded {
                intent,
                result,
                then,
            } => {
                self.note_found(*intent, result);
                self.note_given(*intent, result);
                self.step_ended(*intent, result, *then)
            }
            Event::PeerChosen { intent, peer } => self.peer_chosen(*intent, *peer),
            Event::HostMoved {
                rollout,
                slot,
                to,
                until,
            } => self.host_moved(*rollout, *slot, *to, *until),
            Event::EvidenceChanged { host, probe, to } => self.evidence_changed(*host, *probe, *to),
            Event::Restarted { rollout, slot } => {
                let (rollout, slot) = self.place(*rollout, *slot)?;
                let host = rollout.plan.slots[slot].host;
                ensure!(
                    !self.hosts[host.index()].is_maintained(),
                    I11,
                    "a restart of host {} counts while somebody else works on it",
                    host.0
                );
                Ok(())
            }
            Event::HostsAdopted {
                incarnation,
                reason,
                ..
            } => {
                ensure!(
                    !reason.trim().is_empty(),
                    Story,
                    "the hosts of database {incarnation} were taken over without a reason"
                );
                self.adopted.insert(*incarnation);
                Ok(())
            }
            Event::HostSkipped {
                rollout,
                slot,
                reason,
                ..
            } => self.skipped(*rollout, *slot, reason),
            Event::HostRetried { rollout, slot, .. } => self.retried(*rollout, *slot),
            Event::HostHeld {
                host,
                kind,
                reason,
                until,
                ..
            } => self.held(*host, *kind, reason, *until),
            Event::HostReleased {
                host, kind, actor, ..
            } => self.released(*host, *kind, actor.is_none()),
            Event::CalendarKnown { rollout, calendar } => {
                let (calendar, now) = (calendar.clone(), self.now);
                let rollout = self.rollout_mut(*rollout)?;
                let terms = &rollout.plan.terms;
                let tables = rollout.plan.times.tables.iter();
                let apart =
                    tables.filter(|table| terms.freeze_override && !table.freezes.is_empty());
                let apart: usize = apart.map(|table| 1 + table.freezes.len()).sum();
                let rules = rollout.plan.times.tables.len() + terms.hours.len() + apart;
                ensure!(
                    calendar.tables.len() == rules,
                    I8,
                    "a calendar has {} rules and its plan {rules}",
                    calendar.tables.len()
                );
                // What passed until now is counted by the hours that were known.
                rollout.credit_and_go_on(now, now);
                rollout.calendar = Some(calendar);
                Ok(())
            }
            Event::ChangeNamed { rollout, .. } => {
                let facts = self.rollout(*rollout)?;
                ensure!(
                    facts.phase == Phase::Proposed && facts.opened == 0,
                    Story,
                    "{rollout} is given a ticket after it began"
                );
                Ok(())
            }
            Event::FreezeOverridden {
                rollout,
                freeze,
                reason,
                until,
                ..
            } => self.freeze_overridden(*rollout, freeze, reason, *until),
            Event::GateSaid {
                rollout,
                gate,
                says,
                ..
            } => self.gate_said(*rollout, *gate, *says),
            Event::LaneEntered { .. }
            | Event::LaneAsked { .. }
            | Event::LaneLapsed { .. }
            | Event::Expedited { .. } => self.lane_event(event),
            Event::Poisoned {
                contents, reason, ..
            } => self.poisoned(contents, reason),
            Event::Unpoisoned {
                contents,
                actor,
                reason,
            } => {
                self.check_agreed(contents, actor, reason)?;
                self.unpoisoned(contents, reason)
            }
            Event::UnpoisonAsked { .. }
            | Event::UnpoisonApproved { .. }
            | Event::UnpoisonLapsed { .. } => self.unpoisoning(event),
            Event::SupersedeBegan {
                rollout,
                by,
                reason,
                ..
            } => self.superseded(*rollout, *by, reason),
            Event::UntestedAccepted {
                rollout,
                stratum,
                reason,
                ..
            } => self.untested_accepted(*rollout, stratum, reason),
            Event::Advised { .. } | Event::AdvisoryRuled { .. } => self.advisory_said(event),
            Event::ProtectionEnds {
                rollout,
                slot,
                number,
                actor,
                reason,
            } => self.protection_ends((*rollout, slot.0, *number), actor.is_some(), reason),
            Event::ProtectionGone {
                rollout,
                slot,
                number,
                reason,
                ..
            } => self.protection_gone((*rollout, slot.0, *number), reason),
            Event::FleetRefreshed { fleet, actor } => self.refreshed(*fleet, actor),
            Event::Excepted { exception, .. } => self.excepted(exception),
            Event::ChangedOutside { rollout, slot, .. } => self.changed_outside(*rollout, *slot),
            Event::ExceptionEnded { id, actor, reason } => {
                self.exception_ended(id, actor.is_none(), reason)
            }
            Event::PlanRevised { rollout, plan } => self.revised(*rollout, *plan),
            Event::Commented { rollout, slot, .. } => {
                let plan = &self.rollout(*rollout)?.plan;
                ensure!(
                    slot.is_none_or(|slot| slot.index() < plan.slots.len()),
                    Story,
                    "a comment is about a slot that {rollout} does not have"
                );
                Ok(())
            }
        }
    }

    fn hold_soaks(&mut self) {
        let now = self.now;
        for rollout in self.rollouts.values_mut() {
            rollout.credit(now);
        }
    }
}

/// The ring of a slot, by looking for the ring whose range contains it.
pub(super) fn ring_of(plan: &Plan, slot: usize) -> usize {
    plan.rings
        .iter()
        .position(|ring| {
            let first = ring.first.0 as usize;
            (first..first + ring.planned as usize).contains(&slot)
        })
        .expect("every slot is in a ring")
}
