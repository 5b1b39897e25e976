//! What happened in a world, one dense line per event, and its digest.
//!
//! # Invariants
//!
//! * The same seed gives the same lines, byte for byte.

use std::collections::VecDeque;
use std::fmt::Write as _;

use ringway_engine::{Event, HostState, Then};
use ringway_model::{Digest, Hasher, Timestamp};

/// Lines in order. Every line goes into the digest; only the last ones are kept unless all are asked for.
#[derive(Clone)]
pub struct Trace {
    began: Timestamp,
    digest: Hasher,
    kept: VecDeque<String>,
    keep: usize,
    lines: u64,
}

impl Trace {
    /// A trace that keeps its last `keep` lines; times are told from `began` on.
    pub fn new(began: Timestamp, keep: usize) -> Self {
        Self {
            began,
            digest: Hasher::default(),
            kept: VecDeque::new(),
            keep,
            lines: 0,
        }
    }

    /// Adds a line.
    pub fn say(&mut self, now: Timestamp, what: &str) {
        let since = now.since(self.began).0;
        let line = format!("{:>7}.{:03} {what}", since / 1000, since % 1000);
        self.digest = std::mem::take(&mut self.digest).part(line.as_bytes());
        self.lines += 1;
        if self.kept.len() >= self.keep {
            self.kept.pop_front();
        }
        self.kept.push_back(line);
    }

    /// The lines that are kept.
    pub fn lines(&self) -> Vec<String> {
        self.kept.iter().cloned().collect()
    }

    /// How many lines there were.
    pub const fn count(&self) -> u64 {
        self.lines
    }

    /// The digest of every line so far.
    pub fn digest(&self) -> Digest {
        self.digest.clone().finish()
    }
}

/// A journaled event in a few words.
#[expect(clippy::too_many_lines, reason = "one arm for each event")]
pub(crate) fn dense(event: &Event) -> String {
    match event {
        Event::StepIssued {
            intent,
            visit,
            position,
            attempt,
        } => format!("> {intent} {} step {position} #{attempt}", visit.word()),
        Event::StepEnded {
            intent,
            result,
            then,
        } => {
            let mut line = format!("< {intent} {result:?} ");
            match then {
                Then::Step {
                    position, ending, ..
                } => write!(line, "-> step {position} {ending:?}"),
                Then::Retry {
                    position, attempt, ..
                } => write!(line, "-> step {position} #{attempt} later"),
                Then::End { to, .. } => write!(line, "-> {to:?}"),
                Then::Nothing => write!(line, "-> nothing"),
                Then::Over => write!(line, "-> over"),
            }
            .expect("a string takes every text");
            line
        }
        Event::HostMoved {
            rollout, slot, to, ..
        } => format!("~ {rollout}-s{} {to:?}", slot.0),
        Event::PeerChosen { intent, peer } => format!("@ {intent} on h{}", peer.0),
        Event::CalendarKnown { rollout, calendar } => {
            let open: usize = calendar.tables.iter().map(|table| table.open.len()).sum();
            format!(
                "= {rollout} may work in {open} windows of {} rules",
                calendar.tables.len()
            )
        }
        Event::EvidenceChanged { host, probe, to } => format!("? h{} p{} {to:?}", host.0, probe.0),
        Event::Recovered { .. }
        | Event::Alive
        | Event::ClockJumped { .. }
        | Event::FleetAdopted { .. }
        | Event::Stopped { .. }
        | Event::Went { .. }
        | Event::Faulted { .. }
        | Event::Proposed { .. }
        | Event::Approved { .. }
        | Event::ApprovalVoided { .. }
        | Event::Declined { .. }
        | Event::RingOpened { .. }
        | Event::SoakBegan { .. }
        | Event::SoakHeld { .. }
        | Event::SoakContinued { .. }
        | Event::SoakEnded { .. }
        | Event::Promoted { .. }
        | Event::Paused { .. }
        | Event::Halted { .. }
        | Event::Resumed { .. }
        | Event::CancelBegan { .. }
        | Event::RollbackBegan { .. }
        | Event::Finished { .. }
        | Event::Restarted { .. }
        | Event::HostsAdopted { .. }
        | Event::HostSkipped { .. }
        | Event::HostRetried { .. }
        | Event::HostHeld { .. }
        | Event::HostReleased { .. }
        | Event::Poisoned { .. }
        | Event::Unpoisoned { .. }
        | Event::UnpoisonAsked { .. }
        | Event::UnpoisonApproved { .. }
        | Event::UnpoisonLapsed { .. }
        | Event::SupersedeBegan { .. }
        | Event::LaneEntered { .. }
        | Event::LaneAsked { .. }
        | Event::LaneLapsed { .. }
        | Event::Expedited { .. }
        | Event::UntestedAccepted { .. }
        | Event::Advised { .. }
        | Event::AdvisoryRuled { .. }
        | Event::Commented { .. }
        | Event::ApprovalGiven { .. }
        | Event::SoakCutShort { .. }
        | Event::Asked { .. }
        | Event::Answered { .. }
        | Event::ChangeNamed { .. }
        | Event::FreezeOverridden { .. }
        | Event::GateSaid { .. }
        | Event::FleetRefreshed { .. }
        | Event::PlanRevised { .. }
        | Event::WorkAsked { .. }
        | Event::WorkTold { .. }
        | Event::Excepted { .. }
        | Event::ChangedOutside { .. }
        | Event::ProtectionEnds { .. }
        | Event::ProtectionGone { .. }
        | Event::ExceptionEnded { .. } => format!("= {event:?}"),
    }
}

/// The word of a host's state, as reach is counted by it.
pub(crate) const fn word(state: HostState) -> &'static str {
    match state {
        HostState::Pending => "pending",
        HostState::Running { .. } => "running",
        HostState::Ready { .. } => "ready",
        HostState::Backoff { .. } => "backoff",
        HostState::Settling => "settling",
        HostState::Updated => "updated",
        HostState::Already => "already",
        HostState::RestartWithheld => "withheld",
        HostState::Failed { .. } => "failed",
        HostState::Unhealthy { .. } => "unhealthy",
        HostState::RolledBack => "rolled-back",
        HostState::RollbackFailed { .. } => "rollback-failed",
        HostState::Offline => "offline",
        HostState::Held => "held",
        HostState::Lost => "lost",
        HostState::Skipped => "skipped",
        HostState::OnHold => "on-hold",
        HostState::Vanished => "vanished",
        HostState::Again => "again",
        HostState::NotReady { .. } => "not-ready",
        HostState::GoesLast { .. } => "goes-last",
        HostState::ByHand { .. } => "by-hand",
        HostState::Excepted => "excepted",
        HostState::CatchUp => "catch-up",
        HostState::ChangedOutside => "changed-outside",
    }
}
