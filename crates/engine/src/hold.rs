//! What people say of single hosts: not to be touched (a hold, or somebody else's work), left out, visited again.
//!
//! This module decides what such a word changes; `fold` carries it out. Holds are of hosts of the fleet and hold in every
//! rollout, those to come too; a skip and a retry are of one rollout.
//!
//! # Invariants
//!
//! * While a host is held nothing preparing or disruptive starts on it (I4); what was begun is brought back into service.
//! * A host somebody else works on counts as down (I3, I7), and what its probes say meanwhile blames no update.
//! * A failure stays one: a host to be visited again is as failed and as down as before until that visit has succeeded.
//! * A host that was left out is no evidence: a ring of which nobody has the update is not promoted (I11).

use std::collections::{BTreeMap, BTreeSet};

use ringway_model::{Actor, HostId, RolloutId, Slot, Timestamp, VisitKind, WaitingOn};
use ringway_scheduler::FleetSpec;
use serde::{Deserialize, Serialize};

use crate::by_hand::Saying;
use crate::command::{Command, HoldKind, Rejected};
use crate::engine::Engine;
use crate::event::Event;
use crate::host::HostState;
use crate::rollout::RolloutState;
use crate::slot::SlotRec;

/// The longest text of a comment, in bytes: a paragraph, not a document.
const LONGEST_COMMENT: usize = 4096;

/// What is said of a host that is gone.
const GONE: (&str, &str) = (
    "is no longer of the fleet",
    "it is visited once the fleet's document names it again: `ringway refresh`",
);

/// A hold in force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct HostHold {
    pub(crate) by: Actor,
    pub(crate) reason: String,
    pub(crate) until: Option<Timestamp>,
}

/// Who left a host out, and why, by slot.
pub(crate) type Skipped = BTreeMap<u32, (Actor, String)>;

/// All holds of a fleet's hosts.
#[derive(Clone, Debug, Default)]
pub(crate) struct Holds {
    /// By host and kind. The host first: what is asked all the time is whether one host is held.
    pub(crate) of: BTreeMap<(HostId, HoldKind), HostHold>,
    /// Those that end by themselves, earliest first. Derived.
    ends: BTreeSet<(Timestamp, HostId, HoldKind)>,
}

impl Holds {
    /// The same holds of a fleet that takes another's place: hosts are the same where their names are. What is not there
    /// any more is held by nobody.
    pub(crate) fn in_fleet(&self, before: &FleetSpec, after: &FleetSpec) -> Self {
        let mut holds = Self::default();
        if self.of.is_empty() {
            return holds;
        }
        let known: BTreeMap<&str, usize> = after
            .hosts
            .iter()
            .enumerate()
            .map(|(index, host)| (&*host.name, index))
            .collect();
        for ((host, kind), hold) in &self.of {
            let name = before.hosts.get(host.index()).map(|host| &*host.name);
            if let Some(&index) = name.and_then(|name| known.get(name)) {
                let host = HostId(u32::try_from(index).unwrap_or(u32::MAX));
                holds.insert(host, *kind, hold.clone());
            }
        }
        holds
    }

    pub(crate) fn insert(&mut self, host: HostId, kind: HoldKind, hold: HostHold) {
        self.remove(host, kind);
        if let Some(until) = hold.until {
            self.ends.insert((until, host, kind));
        }
        self.of.insert((host, kind), hold);
    }

    pub(crate) fn remove(&mut self, host: HostId, kind: HoldKind) -> Option<HostHold> {
        let hold = self.of.remove(&(host, kind))?;
        if let Some(until) = hold.until {
            self.ends.remove(&(until, host, kind));
        }
        Some(hold)
    }

    /// The hold in force on a host; somebody else's work is the more specific thing to say.
    pub(crate) fn on(&self, host: HostId) -> Option<(HoldKind, &HostHold)> {
        if self.of.is_empty() {
            return None;
        }
        let of = |kind| Some((kind, self.of.get(&(host, kind))?));
        of(HoldKind::Maintenance).or_else(|| of(HoldKind::Hold))
    }

    /// The hold of a host, whatever else it is under.
    pub(crate) fn hold(&self, host: HostId) -> Option<&HostHold> {
        self.of.get(&(host, HoldKind::Hold))
    }

    /// When nobody holds a host any more, from this instant on; none where that has no end.
    pub(crate) fn free_from(&self, host: HostId, from: Timestamp) -> Option<Timestamp> {
        let kinds = [HoldKind::Maintenance, HoldKind::Hold].into_iter();
        let mut held = kinds.filter_map(|kind| self.of.get(&(host, kind)));
        held.try_fold(from, |from, hold| Some(from.max(hold.until?)))
    }

    /// Whether somebody else works on a host.
    pub(crate) fn is_maintained(&self, host: HostId) -> bool {
        !self.of.is_empty() && self.of.contains_key(&(host, HoldKind::Maintenance))
    }

    /// When the next one ends by itself.
    pub(crate) fn next_end(&self) -> Option<Timestamp> {
        self.ends.first().map(|(at, ..)| *at)
    }
}

fn reason_missing(what: &str, hint: &str) -> Rejected {
    Rejected::new("reason-missing", format!("{what} needs a reason"), hint)
}

impl Engine {
    /// Whether nothing preparing or disruptive may start for a visit: its rollout or the fleet is held, or its host is.
    pub(crate) fn is_stayed(&self, r: usize, slot: u32, visit: VisitKind) -> bool {
        self.is_held_for(r, visit)
            || self.has_vanished(self.host_of(r, slot))
            || visit != VisitKind::Rollback && self.is_on_hold(self.host_of(r, slot))
            || self.is_poisoned(r, slot, visit)
            || self.is_advised(r, slot, visit)
    }

    /// Whether nobody's word keeps a step from starting; what time says is asked beside it.
    pub(crate) fn is_wanted(&self, r: usize, slot: u32, visit: VisitKind, position: u8) -> bool {
        (!self.is_stayed(r, slot, visit) || self.may_go_on_when_held(r, slot, visit, position))
            && !self.puts_poison_back(r, slot, visit, position)
            && !self.restarts_for_others(r, slot, visit, position)
    }

    /// Whether somebody said that a host is not to be touched.
    pub(crate) fn is_on_hold(&self, host: HostId) -> bool {
        #[cfg(feature = "planted-bugs")]
        if self.bug(crate::planted::Bug::HoldNotInVisit) {
            return false;
        }
        self.holds.on(host).is_some()
    }

    /// Whether a host failed in a rollout and is being visited again.
    pub(crate) fn is_failed_again(&self, r: usize, slot: u32) -> bool {
        self.rollouts[r].rec.again.contains(&slot)
    }

    /// Whether a host that failed and was visited again is down where that visit came to nothing.
    pub(crate) fn stays_down(&self, r: usize, slot: u32) -> bool {
        #[cfg(feature = "planted-bugs")]
        if self.bug(crate::planted::Bug::FailedCheckIsUp) {
            return false;
        }
        self.is_failed_again(r, slot)
    }

    /// Why a host is not to be touched.
    pub(crate) fn host_hold(&self, host: HostId) -> Option<WaitingOn> {
        #[cfg(feature = "planted-bugs")]
        if self.bug(crate::planted::Bug::HoldIgnored) {
            return None;
        }
        let (kind, hold) = self.holds.on(host)?;
        let (by, reason, until) = (hold.by.clone(), hold.reason.clone(), hold.until);
        Some(match kind {
            HoldKind::Hold => WaitingOn::HostHold { by, reason, until },
            HoldKind::Maintenance => WaitingOn::Maintenance { by, reason, until },
        })
    }

    /// A command that is about single hosts, and the rollout it is about.
    #[expect(
        clippy::too_many_lines,
        reason = "the table of words about hosts is read as one"
    )]
    pub(crate) fn about_hosts(
        &mut self,
        actor: &Actor,
        command: &Command,
        out: &mut Vec<Event>,
    ) -> Result<Option<RolloutId>, Rejected> {
        match command {
            Command::Skip {
                rollout,
                host,
                reason,
            } => {
                self.skip(self.known(*rollout)?, actor, host, reason, out)?;
                Ok(Some(*rollout))
            }
            Command::Retry {
                rollout,
                host,
                reason,
            } => {
                self.retry(self.known(*rollout)?, actor, host, reason, out)?;
                Ok(Some(*rollout))
            }
            Command::Hold {
                hosts,
                kind,
                reason,
                until,
            } => {
                self.hold_hosts(actor, (hosts, *kind), reason, *until, out)?;
                Ok(None)
            }
            Command::Release {
                hosts,
                kind,
                reason,
            } => {
                self.release_hosts(actor, (hosts, *kind), reason, out)?;
                Ok(None)
            }
            Command::Comment {
                rollout,
                host,
                text,
            } => {
                self.comment(self.known(*rollout)?, actor, host.as_deref(), text, out)?;
                Ok(Some(*rollout))
            }
            Command::Done {
                rollout,
                host,
                told,
                reason,
                exhibit,
            } => {
                let saying = Saying {
                    actor,
                    told: *told,
                    reason,
                    exhibit: exhibit.as_ref(),
                };
                self.done(*rollout, host, saying, out)
            }
            Command::Propose { .. }
            | Command::ProposeAs { .. }
            | Command::ProposeIn { .. }
            | Command::Expedite { .. }
            | Command::Approve { .. }
            | Command::Reject { .. }
            | Command::Pause { .. }
            | Command::Resume { .. }
            | Command::Halt { .. }
            | Command::Cancel { .. }
            | Command::Rollback { .. }
            | Command::Stop { .. }
            | Command::Go { .. }
            | Command::Adopt { .. }
            | Command::OverrideFreeze { .. }
            | Command::Refresh { .. }
            | Command::PromoteEarly { .. }
            | Command::Ask { .. }
            | Command::Except { .. }
            | Command::EndException { .. }
            | Command::Unprotect { .. }
            | Command::Unprotected { .. }
            | Command::Answer { .. }
            | Command::Poison { .. }
            | Command::Unpoison { .. }
            | Command::ApproveUnpoison { .. }
            | Command::RejectUnpoison { .. }
            | Command::Supersede { .. }
            | Command::AcceptUntested { .. }
            | Command::Advise { .. }
            | Command::RuleAdvisory { .. } => Ok(None),
        }
    }

    /// Hosts are not to be touched from now on.
    fn hold_hosts(
        &mut self,
        actor: &Actor,
        (names, kind): (&[String], HoldKind),
        reason: &str,
        until: Option<Timestamp>,
        out: &mut Vec<Event>,
    ) -> Result<(), Rejected> {
        if reason.trim().is_empty() {
            let what = format!("a {}", kind.word());
            return Err(reason_missing(&what, "say why: `--reason`"));
        }
        if until.is_some_and(|until| until <= self.now) {
            return Err(Rejected::new(
                "wrong-state",
                "the instant it is to end at has passed",
                "name one that is to come",
            ));
        }
        let hold = HostHold {
            by: actor.clone(),
            reason: reason.to_owned(),
            until,
        };
        for host in self.named(names)? {
            if self.holds.of.get(&(host, kind)) == Some(&hold) {
                continue;
            }
            self.emit(
                Event::HostHeld {
                    host,
                    kind,
                    actor: actor.clone(),
                    reason: reason.to_owned(),
                    until,
                },
                out,
            );
            for r in 0..self.rollouts.len() {
                if let Some(slot) = self.slot_of(r, host) {
                    self.take_back_slot(r, slot, out);
                }
            }
        }
        Ok(())
    }

    /// Hosts may be touched again.
    fn release_hosts(
        &mut self,
        actor: &Actor,
        (names, kind): (&[String], HoldKind),
        reason: &str,
        out: &mut Vec<Event>,
    ) -> Result<(), Rejected> {
        for host in self.named(names)? {
            if self.holds.of.contains_key(&(host, kind)) {
                self.release(host, kind, Some(actor), reason, out);
            }
        }
        Ok(())
    }

    /// Ends the holds whose time is over.
    pub(crate) fn end_holds(&mut self, out: &mut Vec<Event>) {
        while let Some(&(at, host, kind)) = self.holds.ends.first()
            && at <= self.now
        {
            self.release(host, kind, None, "its time is over", out);
        }
    }

    pub(crate) fn release(
        &mut self,
        host: HostId,
        kind: HoldKind,
        actor: Option<&Actor>,
        reason: &str,
        out: &mut Vec<Event>,
    ) {
        let reason = reason.to_owned();
        let actor = actor.cloned();
        self.emit(
            Event::HostReleased {
                host,
                kind,
                actor,
                reason,
            },
            out,
        );
        if self.holds.on(host).is_some() {
            return;
        }
        #[cfg(feature = "planted-bugs")]
        if self.bug(crate::planted::Bug::ReleaseForgotten) {
            return;
        }
        for r in 0..self.rollouts.len() {
            let Some(slot) = self.slot_of(r, host) else {
                continue;
            };
            if self.rollouts[r].rec.slots[slot as usize].state == HostState::OnHold {
                self.move_host(r, slot, HostState::Pending, Timestamp::NEVER, out);
            } else {
                // One that settles in a rollout which only waits to end has its bound from now on.
                self.take_back_slot(r, slot, out);
            }
        }
    }

    /// The hosts of these names, each once.
    pub(crate) fn named(&self, names: &[String]) -> Result<BTreeSet<HostId>, Rejected> {
        let known: BTreeMap<&str, usize> = if names.len() > 1 {
            let hosts = self.fleet.spec.hosts.iter().enumerate();
            hosts.map(|(index, host)| (&*host.name, index)).collect()
        } else {
            BTreeMap::new()
        };
        let find = |name: &String| {
            if names.len() > 1 {
                known.get(name.as_str()).copied()
            } else {
                let mut hosts = self.fleet.spec.hosts.iter();
                hosts.position(|host| host.name == *name)
            }
        };
        let found = names.iter().map(|name| {
            let index = find(name).ok_or_else(|| self.unknown(name))?;
            Ok(HostId(u32::try_from(index).unwrap_or(u32::MAX)))
        });
        found.collect()
    }

    fn unknown(&self, name: &str) -> Rejected {
        let (why, hint) = if self.fleet_digest.is_none() {
            (
                "no fleet is known yet".to_owned(),
                "the first rollout makes its fleet known",
            )
        } else {
            (
                format!("fleet `{}` has no host `{name}`", self.fleet.spec.name),
                "`ringway status --all` lists the hosts of a rollout",
            )
        };
        Rejected::new("not-found", why, hint)
    }

    /// The place of a host in a rollout that is not over.
    fn seat(&self, r: usize, name: &str) -> Result<u32, Rejected> {
        let id = self.rollouts[r].rec.id;
        let hosts = self.named(std::slice::from_ref(&name.to_owned()))?;
        if self.rollouts[r].rec.state.is_final() {
            return Err(Rejected::new(
                "wrong-state",
                format!("rollout {id} is {}", self.rollouts[r].rec.state.word()),
                "it is over; a new `ringway run` visits those that are without the update",
            ));
        }
        let slot = hosts.first().and_then(|&host| self.slot_of(r, host));
        slot.ok_or_else(|| {
            Rejected::new(
                "not-found",
                format!("host `{name}` is no target of rollout {id}"),
                "`ringway why HOST` names the rollouts it is a target of",
            )
        })
    }

    /// Only a rollout that goes on, or can, still visits anybody because of a word.
    fn can_still_visit(&self, r: usize) -> Result<(), Rejected> {
        match self.rollouts[r].rec.state {
            RolloutState::Proposed
            | RolloutState::Advancing(_)
            | RolloutState::Paused { .. }
            | RolloutState::Halted { .. } => Ok(()),
            RolloutState::RollingBack
            | RolloutState::Cancelling
            | RolloutState::Completed
            | RolloutState::RolledBack
            | RolloutState::Cancelled
            | RolloutState::Superseding { .. }
            | RolloutState::Superseded { .. } => Err(Rejected::new(
                "wrong-state",
                format!(
                    "rollout {} is {}",
                    self.rollouts[r].rec.id,
                    self.rollouts[r].rec.state.word()
                ),
                "it visits no more hosts for the update",
            )),
        }
    }

    /// Leaves a host out of a rollout.
    #[expect(
        clippy::too_many_lines,
        reason = "the table of who can be left out is read as one"
    )]
    fn skip(
        &mut self,
        r: usize,
        actor: &Actor,
        host: &str,
        reason: &str,
        out: &mut Vec<Event>,
    ) -> Result<(), Rejected> {
        let slot = self.seat(r, host)?;
        self.can_still_visit(r)?;
        let record = self.rollouts[r].rec.slots[slot as usize];
        let wrong = |what: &str, hint: &str| {
            Err(Rejected::new(
                "wrong-state",
                format!("host `{host}` {what}"),
                hint,
            ))
        };
        match record.state {
            HostState::Skipped => return Ok(()),
            HostState::Pending
            | HostState::Offline
            | HostState::Held
            | HostState::OnHold
            | HostState::NotReady { .. }
            | HostState::GoesLast { .. }
            | HostState::Excepted
            | HostState::CatchUp
                if !record.is(SlotRec::CHANGED) => {}
            HostState::Pending
            | HostState::Offline
            | HostState::Held
            | HostState::OnHold
            | HostState::NotReady { .. }
            | HostState::GoesLast { .. }
            | HostState::Excepted
            | HostState::CatchUp => {
                return wrong(
                    "may have the update already",
                    "an interrupted visit cannot be left out; `rollback` takes hosts back",
                );
            }
            HostState::Running { .. }
            | HostState::Ready { .. }
            | HostState::Backoff { .. }
            | HostState::Settling => {
                return wrong("is being visited", "wait until that is over");
            }
            HostState::ByHand { .. } => {
                return wrong("is being worked on by hand", "`done` says how that ended");
            }
            HostState::Updated | HostState::Already | HostState::ChangedOutside => {
                return wrong("has the update", "`rollback` takes hosts back");
            }
            HostState::RestartWithheld => {
                return wrong(
                    "has the update and was not restarted",
                    "`ringway why` says what its restart waits for; `rollback` takes it back",
                );
            }
            HostState::Failed { .. }
            | HostState::Unhealthy { .. }
            | HostState::Lost
            | HostState::Again => {
                return wrong(
                    "failed, and a failure stays one",
                    "`retry` visits it again, also where it was mended by hand: it is looked at first; `resume` after a halt accepts it",
                );
            }
            HostState::RolledBack | HostState::RollbackFailed { .. } => {
                return wrong("was taken back", "it is not visited any more");
            }
            HostState::Vanished => return wrong(GONE.0, GONE.1),
        }
        if reason.trim().is_empty() {
            return Err(reason_missing("leaving a host out", "say why: `--reason`"));
        }
        self.emit(
            Event::HostSkipped {
                rollout: self.rollouts[r].rec.id,
                slot: Slot(slot),
                actor: actor.clone(),
                reason: reason.to_owned(),
            },
            out,
        );
        Ok(())
    }

    /// Visits a host again, or after all.
    #[expect(
        clippy::too_many_lines,
        reason = "one arm for each case is read as one table"
    )]
    fn retry(
        &mut self,
        r: usize,
        actor: &Actor,
        host: &str,
        reason: &str,
        out: &mut Vec<Event>,
    ) -> Result<(), Rejected> {
        let slot = self.seat(r, host)?;
        self.can_still_visit(r)?;
        let wrong = |what: &str, hint: &str| {
            Err(Rejected::new(
                "wrong-state",
                format!("host `{host}` {what}"),
                hint,
            ))
        };
        let failed = match self.rollouts[r].rec.slots[slot as usize].state {
            HostState::Again | HostState::Pending => return Ok(()),
            HostState::Offline
            | HostState::Skipped
            | HostState::CatchUp
            | HostState::NotReady { .. }
            | HostState::GoesLast { .. } => false,
            HostState::Excepted => {
                return wrong(
                    "is left out by an exception or an advisory",
                    "`ringway why` names it; `exception end` or `advisory withdraw` lets the host be visited",
                );
            }
            HostState::Failed { .. } | HostState::Unhealthy { .. } | HostState::Lost => true,
            HostState::Running { .. }
            | HostState::Ready { .. }
            | HostState::Backoff { .. }
            | HostState::Settling => {
                return wrong("is being visited", "wait until that is over");
            }
            HostState::ByHand { .. } => {
                return wrong("is being worked on by hand", "`done` says how that ended");
            }
            HostState::Updated | HostState::Already | HostState::ChangedOutside => {
                return wrong("has the update", "there is nothing to repeat");
            }
            HostState::RestartWithheld => {
                return wrong(
                    "has the update and waits to be restarted",
                    "`ringway why` says what for",
                );
            }
            HostState::Held => {
                return wrong(
                    "was unhealthy before the update",
                    "it is visited once its probe is good",
                );
            }
            HostState::OnHold => {
                return wrong(
                    "is on hold",
                    "`release` or `maintenance end` lets it be visited",
                );
            }
            HostState::RolledBack | HostState::RollbackFailed { .. } => {
                return wrong("was taken back", "it is not visited any more");
            }
            HostState::Vanished => return wrong(GONE.0, GONE.1),
        };
        if failed && reason.trim().is_empty() {
            return Err(reason_missing(
                "visiting a host again that failed",
                "say what is different now: `--reason`",
            ));
        }
        self.emit(
            Event::HostRetried {
                rollout: self.rollouts[r].rec.id,
                slot: Slot(slot),
                actor: actor.clone(),
                reason: reason.to_owned(),
            },
            out,
        );
        let host = BTreeSet::from([self.host_of(r, slot)]);
        self.settle_exceptions(r, Some(&host), out);
        Ok(())
    }

    /// Writes something down.
    fn comment(
        &mut self,
        r: usize,
        actor: &Actor,
        host: Option<&str>,
        text: &str,
        out: &mut Vec<Event>,
    ) -> Result<(), Rejected> {
        if text.trim().is_empty() {
            return Err(Rejected::new("reason-missing", "there is no text", ""));
        }
        if text.len() > LONGEST_COMMENT {
            return Err(Rejected::new(
                "wrong-state",
                format!("the text has more than {LONGEST_COMMENT} bytes"),
                "write it elsewhere, and here where it is",
            ));
        }
        // A rollout that is over has no index of its hosts any more; what people say of it comes late more often than not.
        let slot = match host {
            None => None,
            Some(name) => {
                let id = self.rollouts[r].rec.id;
                let spec = self.fleets.get(&self.rollouts[r].plan.fleet);
                let slots = &self.rollouts[r].plan.slots;
                let found = slots.iter().position(|slot| {
                    let host = spec.and_then(|spec| spec.hosts.get(slot.host.index()));
                    host.is_some_and(|host| host.name == name)
                });
                let missing = || {
                    Rejected::new(
                        "not-found",
                        format!("host `{name}` is no target of rollout {id}"),
                        "leave the host out, or name one of its targets",
                    )
                };
                Some(Slot::at(found.ok_or_else(missing)?))
            }
        };
        self.emit(
            Event::Commented {
                rollout: self.rollouts[r].rec.id,
                slot,
                actor: actor.clone(),
                text: text.to_owned(),
            },
            out,
        );
        Ok(())
    }
}
