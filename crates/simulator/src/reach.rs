//! Which transitions and reasons a run has been through, so that a suite can say what it never reached.

use std::collections::{BTreeMap, BTreeSet};

use ringway_engine::{Event, HoldKind, HostState, Ruling, Subject, Then, Told};
use ringway_model::{FailWhy, IntentId, RolloutId, Says, Slot, StepKind, StepResult, VisitKind};

use crate::trace::word;

/// Everything that was reached, as words.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reach {
    /// Of hosts: `state + event -> state`.
    pub hosts: BTreeSet<String>,
    /// Of rollouts: `state + event`.
    pub rollouts: BTreeSet<String>,
    /// Reasons why something did not move.
    pub waiting: BTreeSet<&'static str>,
    /// Codes of refused commands.
    pub refused: BTreeSet<String>,
    /// Why steps failed.
    pub whys: BTreeSet<FailWhy>,
    /// Databases whose hosts were taken over.
    pub adopted: BTreeSet<u64>,
    /// Crashes while at least one step had no result.
    pub crashes_with_steps: u32,
    /// All crashes.
    pub crashes: u32,
    /// Deciders that were replaced while they lived.
    pub takeovers: u32,
    /// Of these, those that found out because the store refused them.
    pub fenced: u32,
    /// Faults that struck while at least one step had no result.
    pub faults_with_steps: u32,
    /// Poisonings.
    pub poisonings: u32,
    /// Of these, those while a step that installs what is poisoned had no result.
    pub poisonings_at_work: u32,
    /// Rollouts in whose place another one was put.
    pub supersessions: u32,
    /// Of these, while something of them was in flight.
    pub supersessions_in_flight: u32,
    /// Broken hosts that did not answer and were brought back.
    pub recovered: u32,
    /// What went wrong while a step of a kind ran, or with its request or result, and how often.
    pub faults: BTreeMap<(&'static str, StepKind), u32>,
    /// How errands went, by their position: what runs for hosts outside their visits.
    pub errands: BTreeSet<(u8, &'static str)>,
    runs: BTreeMap<IntentId, u8>,
    at: BTreeMap<(RolloutId, Slot), &'static str>,
    stands: BTreeMap<RolloutId, &'static str>,
}

impl Reach {
    /// Adds what another run reached.
    pub fn add(&mut self, other: &Self) {
        self.hosts.extend(other.hosts.iter().cloned());
        self.rollouts.extend(other.rollouts.iter().cloned());
        self.waiting.extend(other.waiting.iter().copied());
        self.refused.extend(other.refused.iter().cloned());
        self.whys.extend(other.whys.iter().copied());
        self.errands.extend(other.errands.iter().copied());
        self.adopted.extend(other.adopted.iter().copied());
        self.crashes += other.crashes;
        self.crashes_with_steps += other.crashes_with_steps;
        self.takeovers += other.takeovers;
        self.fenced += other.fenced;
        self.faults_with_steps += other.faults_with_steps;
        self.poisonings += other.poisonings;
        self.poisonings_at_work += other.poisonings_at_work;
        self.supersessions += other.supersessions;
        self.supersessions_in_flight += other.supersessions_in_flight;
        self.recovered += other.recovered;
        for (key, times) in &other.faults {
            *self.faults.entry(*key).or_default() += times;
        }
    }

    /// Notes an event.
    #[expect(
        clippy::too_many_lines,
        reason = "one arm for each event is the table of what is reached"
    )]
    pub(crate) fn event(&mut self, event: &Event) {
        match event {
            Event::StepIssued {
                intent,
                visit: VisitKind::Errand,
                position,
                ..
            } => {
                self.runs.insert(*intent, *position);
            }
            Event::StepIssued { intent, visit, .. } => {
                self.host(
                    (intent.rollout(), intent.slot()),
                    &format!("issue {}", visit.word()),
                    "running",
                );
            }
            Event::StepEnded {
                intent,
                result,
                then,
            } => {
                if let StepResult::Failed(why) = result {
                    self.whys.insert(*why);
                }
                if let Some(position) = self.runs.remove(intent) {
                    self.errands.insert((position, result_word(result)));
                    return;
                }
                let to = match then {
                    Then::Step { .. } => "ready",
                    Then::Retry { .. } => "backoff",
                    Then::End { to, .. } => word(*to),
                    Then::Nothing | Then::Over => return,
                };
                self.host((intent.rollout(), intent.slot()), result_word(result), to);
            }
            Event::HostMoved {
                rollout, slot, to, ..
            } => self.host((*rollout, *slot), move_word(*to), word(*to)),
            Event::Proposed { rollout, .. } => self.rollout(*rollout, "propose", "proposed"),
            Event::Approved { rollout, .. } => self.stay(*rollout, "approve"),
            Event::ApprovalGiven {
                rollout, subject, ..
            } => self.stay(
                *rollout,
                match subject {
                    Subject::Start | Subject::Promotion { .. } => "approve",
                    Subject::Early { .. } => "approve early",
                    Subject::Lane => "approve a lane",
                },
            ),
            Event::ApprovalVoided {
                rollout, subject, ..
            } => self.stay(
                *rollout,
                match subject {
                    Subject::Start | Subject::Promotion { .. } => "void",
                    Subject::Early { .. } => "void early",
                    Subject::Lane => "void a lane",
                },
            ),
            Event::Declined { rollout, .. } => self.rollout(*rollout, "decline", "paused"),
            Event::RingOpened { rollout, .. } => self.rollout(*rollout, "open", "visiting"),
            Event::SoakBegan { rollout, .. } => self.rollout(*rollout, "soak", "soaking"),
            Event::SoakHeld { rollout } => self.stay(*rollout, "hold-soak"),
            Event::SoakContinued { rollout } => self.stay(*rollout, "continue-soak"),
            Event::SoakEnded { rollout } => self.rollout(*rollout, "end-soak", "promoting"),
            Event::Promoted { rollout, .. } => self.rollout(*rollout, "promote", "promoted"),
            Event::Paused { rollout, .. } => self.rollout(*rollout, "pause", "paused"),
            Event::Halted { rollout, .. } => self.rollout(*rollout, "halt", "halted"),
            Event::Resumed { rollout, .. } => self.rollout(*rollout, "resume", "resumed"),
            Event::CancelBegan { rollout, .. } => self.rollout(*rollout, "cancel", "cancelling"),
            Event::RollbackBegan { rollout, .. } => {
                self.rollout(*rollout, "rollback", "rolling-back");
            }
            Event::SupersedeBegan { rollout, .. } => {
                self.rollout(*rollout, "supersede", "superseding");
            }
            Event::Finished { rollout, .. } => self.rollout(*rollout, "finish", "over"),
            Event::Restarted { rollout, .. } => self.stay(*rollout, "restarted"),
            Event::Recovered { .. } => self.all("recover"),
            Event::ClockJumped { .. } => self.all("jump"),
            Event::Stopped { .. } => self.all("stop"),
            Event::Went { .. } => self.all("go"),
            Event::HostsAdopted { incarnation, .. } => {
                self.adopted.insert(*incarnation);
                self.all("adopt");
            }
            Event::HostSkipped { rollout, slot, .. } => {
                self.host((*rollout, *slot), "skip", "skipped");
            }
            Event::HostRetried { rollout, slot, .. } => {
                let at = (*rollout, *slot);
                // A failed check before anything was touched only waits for its turn; the two are told together.
                let to = match self.at.get(&at) {
                    Some(&("failed" | "unhealthy" | "lost")) => "again",
                    Some(_) | None => "pending",
                };
                self.host(at, "retry", to);
            }
            Event::LaneEntered { rollout, .. } => self.stay(*rollout, "start in a lane"),
            Event::LaneAsked { rollout, .. } => self.stay(*rollout, "ask for a lane"),
            Event::LaneLapsed { rollout, .. } => self.stay(*rollout, "lapse a lane"),
            Event::Expedited { rollout, lane, .. } => self.stay(
                *rollout,
                if lane.is_some() {
                    "enter a lane"
                } else {
                    "leave a lane"
                },
            ),
            Event::Poisoned { .. } => self.all("poison"),
            Event::Unpoisoned { .. } => self.all("unpoison"),
            Event::UnpoisonAsked { .. } => self.all("ask to unpoison"),
            Event::UnpoisonApproved { .. } => self.all("agree to unpoison"),
            Event::UnpoisonLapsed { .. } => self.all("unpoison no more"),
            Event::Advised { .. } => self.all("advise"),
            Event::AdvisoryRuled { ruling, .. } => self.all(match ruling {
                Ruling::Withdraw => "withdraw an advisory",
                Ruling::Accept => "accept an advisory",
                Ruling::Dismiss => "dismiss an advisory",
            }),
            Event::HostHeld { kind, .. } => self.all(match kind {
                HoldKind::Hold => "hold a host",
                HoldKind::Maintenance => "maintain a host",
            }),
            Event::HostReleased { kind, actor, .. } => self.all(match (kind, actor) {
                (HoldKind::Hold, Some(_)) => "release a host",
                (HoldKind::Hold, None) => "release a host by time",
                (HoldKind::Maintenance, Some(_)) => "end a maintenance",
                (HoldKind::Maintenance, None) => "end a maintenance by time",
            }),
            Event::WorkAsked { intent, visit, .. } => self.host(
                (intent.rollout(), intent.slot()),
                &format!("ask {}", visit.word()),
                "by-hand",
            ),
            Event::WorkTold { told, intent, .. } => self.host(
                (intent.rollout(), intent.slot()),
                match told {
                    Told::Done => "tell done",
                    Told::Failed => "tell failed",
                    Told::Untouched => "tell untouched",
                },
                "by-hand",
            ),
            Event::Commented { rollout, .. } => self.stay(*rollout, "comment"),
            Event::Asked { rollout, .. } => self.stay(*rollout, "ask"),
            Event::Answered { rollout, .. } => self.stay(*rollout, "answer"),
            Event::SoakCutShort { rollout, .. } => self.rollout(*rollout, "cut short", "promoting"),
            Event::CalendarKnown { rollout, .. } => self.stay(*rollout, "calendar"),
            Event::ChangeNamed { rollout, .. } => self.stay(*rollout, "name a change"),
            Event::FreezeOverridden { rollout, .. } => self.stay(*rollout, "override a freeze"),
            Event::UntestedAccepted { rollout, .. } => self.stay(*rollout, "accept untested"),
            Event::GateSaid { rollout, says, .. } => self.stay(
                *rollout,
                match says {
                    Says::Open => "gate opens",
                    Says::Closed => "gate closes",
                    Says::Unknown => "gate is silent",
                },
            ),
            Event::ChangedOutside { rollout, .. } => self.stay(*rollout, "changed outside"),
            Event::Excepted { .. } => self.all("except hosts"),
            Event::ExceptionEnded { actor: Some(_), .. } => self.all("end an exception"),
            Event::ExceptionEnded { actor: None, .. } => self.all("end an exception by time"),
            Event::ProtectionEnds { actor: Some(_), .. } => self.all("unprotect"),
            Event::ProtectionEnds { actor: None, .. } => self.all("end a protection by time"),
            Event::ProtectionGone { .. } => self.all("tell a protection gone"),
            Event::FleetRefreshed { .. } => self.all("refresh"),
            Event::PlanRevised { rollout, .. } => self.revised(*rollout),
            Event::Alive
            | Event::PeerChosen { .. }
            | Event::FleetAdopted { .. }
            | Event::Faulted { .. }
            | Event::EvidenceChanged { .. } => {}
        }
    }

    fn host(&mut self, at: (RolloutId, Slot), event: &str, to: &'static str) {
        let from = self.at.insert(at, to).unwrap_or("pending");
        self.hosts.insert(format!("{from} + {event} -> {to}"));
    }

    /// Slots of rings to come are numbered anew; what is at them has no step behind it.
    fn revised(&mut self, id: RolloutId) {
        self.stay(id, "revise");
        let waits = [
            "pending", "skipped", "held", "on-hold", "vanished", "excepted",
        ];
        self.at
            .retain(|(rollout, _), word| *rollout != id || !waits.contains(word));
    }

    fn rollout(&mut self, id: RolloutId, event: &str, to: &'static str) {
        let from = self.stands.insert(id, to).unwrap_or("none");
        self.rollouts.insert(format!("{from} + {event}"));
    }

    fn stay(&mut self, id: RolloutId, event: &str) {
        let at = self.stands.get(&id).copied().unwrap_or("none");
        self.rollouts.insert(format!("{at} + {event}"));
    }

    fn all(&mut self, event: &str) {
        let standing: BTreeSet<&str> = self.stands.values().copied().collect();
        for at in standing {
            self.rollouts.insert(format!("{at} + {event}"));
        }
    }
}

const fn result_word(result: &StepResult) -> &'static str {
    match result {
        StepResult::Done => "done",
        StepResult::Found {
            installed: true, ..
        } => "found it",
        StepResult::Found { .. } => "found another",
        StepResult::Back { .. } => "back",
        StepResult::Failed(_) => "failed",
        StepResult::Unreachable => "unreachable",
        StepResult::Interrupted => "interrupted",
        StepResult::NotStarted => "not started",
        StepResult::Protected { .. } => "protected",
        StepResult::Answered { yes: true } => "yes",
        StepResult::Answered { yes: false } => "no",
    }
}

const fn move_word(to: HostState) -> &'static str {
    match to {
        HostState::Ready { .. } => "led back",
        HostState::Pending
        | HostState::Running { .. }
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
        | HostState::NotReady { .. }
        | HostState::GoesLast { .. }
        | HostState::Excepted
        | HostState::CatchUp
        | HostState::ChangedOutside => "moved",
        HostState::ByHand { .. } => "overdue",
    }
}
