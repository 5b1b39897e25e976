//! What people decided and what happened of itself, as lines in the words of the journal. Pure.
//!
//! Words about many hosts that one person said at once are one line.

use ringway_engine::{Event, HaltCause, HoldKind};
use ringway_model::{ChangeId, RolloutId, Timestamp};
use serde::Serialize;

use super::chronicle::Chronicle;
use crate::show::{self, Narrator};

/// Names that are listed in a line; the rest is counted.
const NAMES: usize = 8;

/// One line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct Line {
    /// The journal's row.
    pub(crate) seq: u64,
    /// In UTC.
    pub(crate) at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) rollout: Option<RolloutId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) change: Option<ChangeId>,
    /// Who decided it; absent where it came of itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) by: Option<String>,
    /// In words.
    pub(crate) words: String,
}

/// What an event is for somebody who was not there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A person's decision.
    Decision,
    /// A step of a rollout as a whole, or something about Ringway itself.
    Happening,
    /// Too small for a page, or told by numbers.
    Detail,
}

/// What kind of event it is, and who decided it.
#[expect(clippy::too_many_lines, reason = "it is read as one list")]
pub(crate) fn kind(event: &Event) -> (Kind, Option<&str>) {
    match event {
        Event::Stopped { actor, .. }
        | Event::Went { actor, .. }
        | Event::Proposed { actor, .. }
        | Event::Approved { actor, .. }
        | Event::ApprovalGiven { actor, .. }
        | Event::Asked { actor, .. }
        | Event::Answered { actor, .. }
        | Event::Declined { actor, .. }
        | Event::Paused { actor, .. }
        | Event::Halted {
            cause: HaltCause::Person { actor, .. },
            ..
        }
        | Event::Resumed { actor, .. }
        | Event::CancelBegan { actor, .. }
        | Event::SupersedeBegan { actor, .. }
        | Event::RollbackBegan { actor, .. }
        | Event::HostsAdopted { actor, .. }
        | Event::HostSkipped { actor, .. }
        | Event::HostRetried { actor, .. }
        | Event::HostHeld { actor, .. }
        | Event::HostReleased {
            actor: Some(actor), ..
        }
        | Event::Commented { actor, .. }
        | Event::WorkTold { actor, .. }
        | Event::Excepted { actor, .. }
        | Event::ProtectionGone { actor, .. }
        | Event::ProtectionEnds {
            actor: Some(actor), ..
        }
        | Event::ExceptionEnded {
            actor: Some(actor), ..
        }
        | Event::FleetRefreshed { actor, .. }
        | Event::Poisoned { actor, .. }
        | Event::Unpoisoned { actor, .. }
        | Event::UnpoisonAsked { actor, .. }
        | Event::UnpoisonApproved { actor, .. }
        | Event::UnpoisonLapsed {
            actor: Some(actor), ..
        }
        | Event::LaneEntered { actor, .. }
        | Event::LaneAsked { actor, .. }
        | Event::Expedited { actor, .. }
        | Event::UntestedAccepted { actor, .. }
        | Event::Advised { actor, .. }
        | Event::AdvisoryRuled { actor, .. }
        | Event::FreezeOverridden { actor, .. } => (Kind::Decision, Some(&actor.0)),
        Event::Recovered { .. }
        | Event::ClockJumped { .. }
        | Event::FleetAdopted { .. }
        | Event::PlanRevised { .. }
        | Event::Faulted { .. }
        | Event::ApprovalVoided { .. }
        | Event::LaneLapsed { .. }
        | Event::UnpoisonLapsed { actor: None, .. }
        | Event::RingOpened { .. }
        | Event::SoakBegan { .. }
        | Event::SoakEnded { .. }
        | Event::SoakCutShort { .. }
        | Event::Promoted { .. }
        | Event::Halted {
            cause: HaltCause::Failures { .. },
            ..
        }
        | Event::Finished { .. }
        | Event::Restarted { .. }
        | Event::GateSaid { .. }
        | Event::WorkAsked { .. }
        | Event::ExceptionEnded { actor: None, .. }
        | Event::ProtectionEnds { actor: None, .. }
        | Event::ChangedOutside { .. }
        | Event::HostReleased { actor: None, .. } => (Kind::Happening, None),
        Event::Alive
        | Event::SoakHeld { .. }
        | Event::PeerChosen { .. }
        | Event::SoakContinued { .. }
        | Event::StepIssued { .. }
        | Event::StepEnded { .. }
        | Event::HostMoved { .. }
        | Event::EvidenceChanged { .. }
        | Event::CalendarKnown { .. }
        | Event::ChangeNamed { .. } => (Kind::Detail, None),
    }
}

/// Lines as they are collected.
#[derive(Default)]
pub(crate) struct Lines {
    /// The oldest first.
    pub(crate) told: Vec<Line>,
    /// What was said last of hosts, and of which.
    together: Option<(Said, Vec<String>)>,
    /// How often the fleet was taken over since anything else was told.
    taken: u32,
}

/// What is the same for all hosts of which it was said at once.
#[derive(Clone, PartialEq, Eq)]
struct Said {
    seq: u64,
    is_held: bool,
    kind: HoldKind,
    by: Option<String>,
    reason: String,
    until: Option<Timestamp>,
}

impl Lines {
    /// Something was told elsewhere: what comes does not follow what stands here.
    pub(crate) fn interrupted(&mut self) {
        self.taken = 0;
    }

    /// Adds an event; the narrator and the chronicle have heard it.
    pub(crate) fn add(
        &mut self,
        seq: u64,
        at: Timestamp,
        event: &Event,
        narrator: &Narrator<'_>,
        chronicle: &Chronicle<'_>,
    ) {
        let taken = matches!(event, Event::Recovered { .. });
        self.taken = if taken { self.taken + 1 } else { 0 };
        if let Some((said, host)) = said(seq, event) {
            self.add_host(at, said, chronicle.host(host));
            return;
        }
        self.together = None;
        let rollout = event.rollout();
        let course = rollout.and_then(|id| chronicle.courses.get(&id));
        let mut words = narrator.event(event);
        if self.taken > 1 {
            self.told.pop();
            words = format!("{words}, the last of {} times in a row", self.taken);
        }
        self.told.push(Line {
            seq,
            at: at.to_string(),
            rollout,
            change: course.and_then(|course| course.change.clone()),
            by: kind(event).1.map(str::to_owned),
            words,
        });
    }

    /// Adds to what was said last.
    pub(super) fn tell_more(&mut self, more: &str) {
        if let Some(line) = self.told.last_mut() {
            line.words.push_str(more);
        }
    }

    fn add_host(&mut self, at: Timestamp, said: Said, host: String) {
        let is_more = self
            .together
            .as_ref()
            .is_some_and(|(last, _)| *last == said);
        let mut hosts = match self.together.take() {
            Some((_, hosts)) if is_more => hosts,
            Some(_) | None => Vec::new(),
        };
        hosts.push(host);
        if is_more {
            self.told.pop();
        }
        self.told.push(Line {
            seq: said.seq,
            at: at.to_string(),
            rollout: None,
            change: None,
            by: said.by.clone(),
            words: said.words(&hosts),
        });
        self.together = Some((said, hosts));
    }
}

impl Said {
    fn words(&self, hosts: &[String]) -> String {
        let count = u32::try_from(hosts.len()).unwrap_or(u32::MAX);
        let which = match hosts {
            [only] => only.clone(),
            several => format!(
                "{} ({})",
                show::hosts(count),
                show::shortened(several, NAMES)
            ),
        };
        let by = self
            .by
            .as_ref()
            .map_or_else(String::new, |by| format!(" by {by}"));
        let until = self
            .until
            .map_or_else(String::new, |at| format!(" until {at}"));
        let why = if self.reason.is_empty() {
            String::new()
        } else {
            format!(": {}", self.reason)
        };
        let word = self.kind.word();
        if self.is_held {
            format!("{which} not to be touched{until}: {word}{by}{why}")
        } else {
            format!("{which} may be touched again: {word} ended{by}{why}")
        }
    }
}

fn said(seq: u64, event: &Event) -> Option<(Said, ringway_model::HostId)> {
    if let Event::HostHeld {
        host,
        kind,
        actor,
        reason,
        until,
    } = event
    {
        let said = Said {
            seq,
            is_held: true,
            kind: *kind,
            by: Some(actor.0.clone()),
            reason: reason.clone(),
            until: *until,
        };
        return Some((said, *host));
    }
    if let Event::HostReleased {
        host,
        kind,
        actor,
        reason,
    } = event
    {
        let said = Said {
            seq,
            is_held: false,
            kind: *kind,
            by: actor.as_ref().map(|actor| actor.0.clone()),
            reason: reason.clone(),
            until: None,
        };
        return Some((said, *host));
    }
    None
}
