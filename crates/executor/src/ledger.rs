//! Which steps are outstanding, and how far this process has got with each.
//!
//! The engine says *that* a step is outstanding; this list says whether it may be handed out, was handed out, or must be
//! found again. It is never journaled: after a crash everything outstanding has to be found again.

use std::collections::{BTreeMap, VecDeque};

use ringway_engine::Event;
use ringway_model::{IntentId, Timestamp};

/// How far this process has got with a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// Decided, not durable: nobody outside may know of it.
    Decided,
    /// Durable, and surely not begun.
    Ready,
    /// Of an earlier process, or nobody knows: it may have begun.
    Lost,
    /// Given to a worker, which will report.
    Out,
    /// Given to a worker and asked back; the worker will report all the same.
    AskedBack,
}

/// A step that can be handed out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Next {
    pub(crate) intent: IntentId,
    /// Whether it may have begun, so that it must be found and never begun anew.
    pub(crate) attach: bool,
    /// When it was decided.
    pub(crate) decided: Timestamp,
}

/// All outstanding steps.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ledger {
    stages: BTreeMap<IntentId, Stage>,
    /// What can be handed out, in the order it was decided.
    next: VecDeque<Next>,
}

impl Ledger {
    /// How many steps are outstanding.
    pub(crate) fn len(&self) -> u32 {
        u32::try_from(self.stages.len()).unwrap_or(u32::MAX)
    }

    /// Takes decided events in.
    pub(crate) fn decided(&mut self, events: &[Event]) {
        for event in events {
            match mark(event) {
                Mark::Issued(intent) => {
                    self.stages.insert(intent, Stage::Decided);
                }
                Mark::Ended(intent) => {
                    self.stages.remove(&intent);
                }
                Mark::MayRevoke | Mark::Nothing => {}
            }
        }
    }

    /// A batch is durable: its steps can be handed out.
    pub(crate) fn durable(&mut self, events: &[Event], at: Timestamp) {
        for event in events {
            if let Mark::Issued(intent) = mark(event)
                && let Some(stage) = self.stages.get_mut(&intent)
            {
                *stage = Stage::Ready;
                self.next.push_back(Next {
                    intent,
                    attach: false,
                    decided: at,
                });
            }
        }
    }

    /// The state was read back from the journal. What was handed out is still out, what was surely not begun is still
    /// to be handed out, and everything else has to be found.
    pub(crate) fn recovered(&mut self, outstanding: Vec<IntentId>) {
        let before = std::mem::take(self);
        let fresh: BTreeMap<IntentId, Next> = before
            .next
            .into_iter()
            .map(|next| (next.intent, next))
            .collect();
        for intent in outstanding {
            let stage = match before.stages.get(&intent) {
                Some(stage @ (Stage::Out | Stage::AskedBack | Stage::Ready)) => *stage,
                Some(Stage::Decided | Stage::Lost) | None => Stage::Lost,
            };
            self.stages.insert(intent, stage);
            if matches!(stage, Stage::Ready | Stage::Lost) {
                self.next
                    .push_back(fresh.get(&intent).copied().unwrap_or(Next {
                        intent,
                        attach: true,
                        decided: Timestamp::NEVER,
                    }));
            }
        }
    }

    /// A report that was taken in is to be taken in again: its step is out, as before.
    pub(crate) fn reinstate(&mut self, intent: IntentId) {
        self.stages.insert(intent, Stage::Out);
    }

    /// The next step to hand out.
    pub(crate) fn pop(&mut self) -> Option<Next> {
        self.next.pop_front()
    }

    /// A step was given to a worker.
    pub(crate) fn handed_out(&mut self, intent: IntentId) {
        self.stages.insert(intent, Stage::Out);
    }

    /// Steps that are out and not wanted any more because of these events: they are to be asked back, once.
    pub(crate) fn ask_back(
        &mut self,
        events: &[Event],
        is_wanted: impl Fn(IntentId) -> bool,
    ) -> Vec<IntentId> {
        let mut unwanted = Vec::new();
        if !events
            .iter()
            .any(|event| matches!(mark(event), Mark::MayRevoke))
        {
            return unwanted;
        }
        for (intent, stage) in &mut self.stages {
            if *stage == Stage::Out && !is_wanted(*intent) {
                *stage = Stage::AskedBack;
                unwanted.push(*intent);
            }
        }
        unwanted
    }
}

/// What an event does to running steps.
enum Mark {
    /// A step was decided.
    Issued(IntentId),
    /// A step ended.
    Ended(IntentId),
    /// Steps that have not begun may no longer be wanted.
    MayRevoke,
    /// Nothing.
    Nothing,
}

/// Reads an event for what it means to running steps.
const fn mark(event: &Event) -> Mark {
    match event {
        Event::StepIssued { intent, .. } => Mark::Issued(*intent),
        Event::StepEnded { intent, .. } => Mark::Ended(*intent),
        Event::Stopped { .. }
        | Event::Faulted { .. }
        | Event::Declined { .. }
        | Event::Paused { .. }
        | Event::Halted { .. }
        | Event::CancelBegan { .. }
        | Event::SupersedeBegan { .. }
        | Event::RollbackBegan { .. }
        | Event::Finished { .. }
        | Event::HostHeld { .. }
        | Event::FleetRefreshed { .. }
        | Event::Poisoned { .. }
        | Event::Advised { .. }
        | Event::AdvisoryRuled { .. } => Mark::MayRevoke,
        Event::Recovered { .. }
        | Event::Alive
        | Event::ProtectionEnds { .. }
        | Event::ProtectionGone { .. }
        | Event::PeerChosen { .. }
        | Event::ClockJumped { .. }
        | Event::FleetAdopted { .. }
        | Event::Went { .. }
        | Event::Proposed { .. }
        | Event::Approved { .. }
        | Event::ApprovalVoided { .. }
        | Event::RingOpened { .. }
        | Event::SoakBegan { .. }
        | Event::SoakHeld { .. }
        | Event::SoakContinued { .. }
        | Event::SoakEnded { .. }
        | Event::Promoted { .. }
        | Event::Resumed { .. }
        | Event::HostMoved { .. }
        | Event::EvidenceChanged { .. }
        | Event::Restarted { .. }
        | Event::HostsAdopted { .. }
        | Event::HostSkipped { .. }
        | Event::HostRetried { .. }
        | Event::HostReleased { .. }
        | Event::Unpoisoned { .. }
        | Event::UnpoisonAsked { .. }
        | Event::UnpoisonApproved { .. }
        | Event::UnpoisonLapsed { .. }
        | Event::UntestedAccepted { .. }
        | Event::Commented { .. }
        | Event::ApprovalGiven { .. }
        | Event::SoakCutShort { .. }
        | Event::Asked { .. }
        | Event::Answered { .. }
        | Event::CalendarKnown { .. }
        | Event::ChangeNamed { .. }
        | Event::FreezeOverridden { .. }
        | Event::GateSaid { .. }
        | Event::PlanRevised { .. }
        | Event::LaneEntered { .. }
        | Event::LaneAsked { .. }
        | Event::LaneLapsed { .. }
        | Event::Expedited { .. }
        // Nothing runs where a person works.
        | Event::WorkAsked { .. }
        | Event::WorkTold { .. }
        // A visit that has begun goes on to its end.
        | Event::Excepted { .. }
        | Event::ChangedOutside { .. }
        | Event::ExceptionEnded { .. } => Mark::Nothing,
    }
}
