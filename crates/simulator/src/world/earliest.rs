//! What people are told of the future: that something moves at this instant at the earliest. It must never be too late.
//!
//! A person who is told "not before six" goes home. So each time somebody looks, every instant that a view states is kept,
//! and what happens afterwards is held against it: whatever moves earlier must have been moved by something that nobody could
//! know of when it was said, as a decision of a person or other hours.
//!
//! # Invariants
//!
//! * Only what was said of a state is held against what followed on it: a row that was decided before somebody looked
//!   contradicts nothing.

use std::collections::BTreeMap;

use ringway_engine::view::{HostView, RolloutView, Waiting};
use ringway_engine::{Event, HostState};
use ringway_model::{RolloutId, Slot, Timestamp, VisitKind, WaitingOn};

/// What does not happen before an instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum What {
    /// The soak of the rollout ends.
    SoakEnds,
    /// A yes to the rollout is taken.
    YesCounts,
    /// A visit of the rollout begins.
    AnyVisit,
    /// The next ring of the rollout begins.
    NextRing,
    /// A visit of the host begins for which evidence was missing.
    Evident(Slot),
    /// A step runs on the host.
    Step(Slot),
    /// The host is no longer offline.
    Back(Slot),
    /// The host has settled.
    Settled(Slot),
}

/// That it was said.
#[derive(Clone, Debug)]
struct Said {
    /// When.
    at: Timestamp,
    /// The instant.
    earliest: Timestamp,
    /// In which words.
    why: String,
}

/// Everything that was said and not taken back.
#[derive(Clone, Debug, Default)]
pub(super) struct Stated {
    all: BTreeMap<(RolloutId, What), Said>,
}

/// What a reason of a host keeps from happening.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "most reasons state no instant"
)]
fn of_host(slot: Slot, on: &WaitingOn) -> Option<What> {
    match on {
        WaitingOn::Offline { .. } => Some(What::Back(slot)),
        WaitingOn::Settle { .. } => Some(What::Settled(slot)),
        WaitingOn::Evidence { .. } => Some(What::Evident(slot)),
        WaitingOn::Retry { .. }
        | WaitingOn::HostHold { .. }
        | WaitingOn::Maintenance { .. }
        | WaitingOn::Exception { .. }
        | WaitingOn::Window { .. }
        | WaitingOn::Freeze { .. } => Some(What::Step(slot)),
        _ => None,
    }
}

/// What a reason of a rollout keeps from happening.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "most reasons state no instant"
)]
fn of_rollout(on: &WaitingOn, is_visiting: bool) -> Option<What> {
    match on {
        WaitingOn::Soak { .. } => Some(What::SoakEnds),
        WaitingOn::ApprovalHours { .. } => Some(What::YesCounts),
        // While hosts are visited it is one of these that waits for it.
        WaitingOn::Evidence { .. } if !is_visiting => Some(What::NextRing),
        WaitingOn::Window { .. }
        | WaitingOn::Freeze { .. }
        | WaitingOn::HostHold { .. }
        | WaitingOn::Maintenance { .. } => Some(What::AnyVisit),
        _ => None,
    }
}

impl Stated {
    /// Somebody looks at a rollout and its hosts.
    pub(super) fn look(&mut self, now: Timestamp, rollout: &RolloutView, hosts: &[HostView]) {
        self.forget(rollout.id);
        let visits = |waiting: &Waiting| matches!(waiting.on, WaitingOn::Visits { .. });
        let is_visiting = rollout.waiting.iter().any(visits);
        for waiting in &rollout.waiting {
            let what = of_rollout(&waiting.on, is_visiting);
            self.say(now, rollout.id, what, waiting);
        }
        for host in hosts {
            // Whoever works on a host that settles keeps it from nothing but that.
            if matches!(host.outcome, ringway_model::HostOutcome::Settling) {
                let settles = |one: &&Waiting| matches!(one.on, WaitingOn::Settle { .. });
                for waiting in host.waiting.iter().filter(settles) {
                    self.say(now, host.rollout, of_host(host.slot, &waiting.on), waiting);
                }
                continue;
            }
            for waiting in &host.waiting {
                self.say(now, host.rollout, of_host(host.slot, &waiting.on), waiting);
            }
        }
    }

    fn say(&mut self, at: Timestamp, rollout: RolloutId, what: Option<What>, waiting: &Waiting) {
        if let (Some(what), Some(earliest)) = (what, waiting.earliest) {
            let said = Said {
                at,
                earliest,
                why: waiting.why.clone(),
            };
            self.all.insert((rollout, what), said);
        }
    }

    fn forget(&mut self, rollout: RolloutId) {
        self.all.retain(|(id, _), _| *id != rollout);
    }

    /// What of what was said does not hold: the words, and when it happened nevertheless.
    fn contradicted(&self, at: Timestamp, rollout: RolloutId, what: What) -> Option<String> {
        let said = self.all.get(&(rollout, what))?;
        (said.at < at && at < said.earliest).then(|| {
            format!(
                "at {} people were told of {rollout} ({what:?}): {}; it happened at {at}, before {}",
                said.at, said.why, said.earliest
            )
        })
    }

    /// Holds an event against what was said, then forgets what nobody could know of before it.
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "most events explain nothing that moves too early"
    )]
    pub(super) fn event(&mut self, at: Timestamp, event: &Event) -> Option<String> {
        let happened = happened(event);
        let mut happened = happened.into_iter();
        let found = happened.find_map(|(rollout, what)| self.contradicted(at, rollout, what));
        match event {
            Event::Recovered { .. }
            | Event::HostReleased { actor: Some(_), .. }
            | Event::SupersedeBegan { .. }
            | Event::HostsAdopted { .. }
            | Event::HostHeld { .. }
            | Event::Excepted { .. }
            | Event::ExceptionEnded { actor: Some(_), .. }
            | Event::Poisoned { .. }
            | Event::Advised { .. }
            | Event::AdvisoryRuled { .. }
            | Event::Unpoisoned { .. }
            | Event::UnpoisonAsked { .. }
            | Event::UnpoisonApproved { .. }
            | Event::UnpoisonLapsed { .. } => {
                self.all.clear();
            }
            Event::CalendarKnown { rollout, .. }
            | Event::FreezeOverridden { rollout, .. }
            | Event::UntestedAccepted { rollout, .. }
            | Event::RingOpened { rollout, .. }
            | Event::Paused { rollout, .. }
            | Event::Declined { rollout, .. }
            | Event::Halted { rollout, .. }
            | Event::Resumed { rollout, .. }
            | Event::CancelBegan { rollout, .. }
            | Event::RollbackBegan { rollout, .. }
            | Event::Expedited { rollout, .. }
            | Event::LaneEntered { rollout, .. }
            | Event::Finished { rollout, .. } => self.forget(*rollout),
            Event::FleetRefreshed { .. } | Event::PlanRevised { .. } => {
                let evident = |what: &What| matches!(what, What::NextRing | What::Evident(_));
                self.all.retain(|(_, what), _| !evident(what));
            }
            Event::HostRetried { rollout, slot, .. } | Event::HostSkipped { rollout, slot, .. } => {
                self.forget_host(*rollout, *slot);
                self.all.remove(&(*rollout, What::AnyVisit));
                // A person takes a host out of what was asked for, or an example's place comes free.
                let evident = |what: &What| matches!(what, What::NextRing | What::Evident(_));
                let kept = |id: &RolloutId, what: &What| id != rollout || !evident(what);
                self.all.retain(|(id, what), _| kept(id, what));
            }
            Event::HostMoved { rollout, slot, .. } => {
                self.forget_host(*rollout, *slot);
                // One more host that wants to be visited was not among those it was said of.
                self.all.remove(&(*rollout, What::AnyVisit));
            }
            Event::StepEnded { intent, .. } => {
                self.forget_host(intent.rollout(), intent.slot());
                self.all.remove(&(intent.rollout(), What::AnyVisit));
            }
            _ => {}
        }
        found
    }

    fn forget_host(&mut self, rollout: RolloutId, slot: Slot) {
        for what in [What::Step(slot), What::Back(slot), What::Settled(slot)] {
            self.all.remove(&(rollout, what));
        }
    }
}

/// What an event is the happening of.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "only some events are what people were told of"
)]
fn happened(event: &Event) -> Vec<(RolloutId, What)> {
    match event {
        Event::StepIssued {
            intent,
            visit,
            position,
            attempt,
        } => {
            // An errand is nobody's visit.
            if *visit == VisitKind::Errand {
                return Vec::new();
            }
            let mut all = vec![(intent.rollout(), What::Step(intent.slot()))];
            if *visit == VisitKind::Update && (*position, *attempt) == (0, 1) {
                all.push((intent.rollout(), What::Evident(intent.slot())));
            }
            if *visit != VisitKind::Rollback && (*position, *attempt) == (0, 1) {
                all.push((intent.rollout(), What::AnyVisit));
            }
            all
        }
        Event::HostMoved {
            rollout, slot, to, ..
        } => match to {
            HostState::Pending => vec![(*rollout, What::Back(*slot))],
            HostState::Updated => vec![(*rollout, What::Settled(*slot))],
            _ => Vec::new(),
        },
        Event::SoakEnded { rollout } => vec![(*rollout, What::SoakEnds)],
        Event::RingOpened { rollout, .. } => vec![(*rollout, What::NextRing)],
        Event::Approved { rollout, .. } => vec![(*rollout, What::YesCounts)],
        _ => Vec::new(),
    }
}
