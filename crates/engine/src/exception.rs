//! Exceptions: hosts that are left out of updates until a day, with an owner, a reason and people who approved it.
//!
//! This module decides which hosts an exception leaves out, and what becomes of them when it comes and when it ends. An
//! exception is of the fleet and holds in every rollout, those to come too. It means hosts by a selector, which is read
//! anew whenever the fleet is another one.
//!
//! # Invariants
//!
//! * While an exception is in force no visit for an update that it covers starts on its hosts. A visit that has begun goes on
//!   to its end, and a host goes back where its rollout does: that undoes what the rollout did.
//! * A host that is left out is neither failed nor debt nor done: it keeps no ring from promotion and proves nothing (I11).
//! * A host is visited after all when its exception ends: with its ring, or with the last one where its own was promoted.

use std::collections::{BTreeMap, BTreeSet};

use ringway_model::{Actor, HostId, Selector, Slot, Timestamp, VisitKind, WaitingOn};
use ringway_policy::validated::Excepts;
use ringway_scheduler::FleetSpec;
use serde::{Deserialize, Serialize};

use crate::command::Rejected;
use crate::consent::check_length;
use crate::engine::{Engine, Fault};
use crate::event::{Event, Then};
use crate::host::HostState;
use crate::slot::Class;
use crate::start::Block;
use crate::view::ExceptionView;

/// An exception, as it is in force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exception {
    /// By which people know it.
    pub id: String,
    /// Which hosts: a selector, as written.
    pub hosts: String,
    /// Which updates.
    pub updates: Excepts,
    /// When it ends by itself.
    pub until: Timestamp,
    /// Whose it is.
    pub owner: String,
    /// Why.
    pub reason: String,
    /// The teams or people who approved it.
    pub approved_by: Vec<String>,
}

/// All exceptions in force.
#[derive(Clone, Debug, Default)]
pub(crate) struct Exceptions {
    /// By id.
    pub(crate) of: BTreeMap<String, Exception>,
    /// By id: the hosts that its selector means in the fleet as it is. Derived.
    hosts: BTreeMap<String, BTreeSet<HostId>>,
}

impl Exceptions {
    /// The exception that leaves a host out of an update; of several the one that ends last.
    pub(crate) fn on(&self, host: HostId, update: &str) -> Option<&Exception> {
        if self.of.is_empty() {
            return None;
        }
        let all = self.of.values().filter(|exception| {
            exception.updates.covers(update)
                && self
                    .hosts
                    .get(&exception.id)
                    .is_some_and(|hosts| hosts.contains(&host))
        });
        all.max_by_key(|exception| exception.until)
    }

    /// Takes one, in place of the one of its id.
    pub(crate) fn insert(&mut self, exception: Exception, fleet: &FleetSpec) -> Result<(), Fault> {
        let selector = Selector::parse(&exception.hosts)
            .map_err(|_| Fault::new(format!("exception {} has no selector", exception.id)))?;
        let hosts = meant(&selector, fleet);
        self.hosts.insert(exception.id.clone(), hosts);
        self.of.insert(exception.id.clone(), exception);
        Ok(())
    }

    /// Reads every selector anew, for a fleet that takes the place of another.
    pub(crate) fn resolve(&mut self, fleet: &FleetSpec) {
        for exception in self.of.values() {
            // What was taken has a selector.
            let selector = Selector::parse(&exception.hosts).ok();
            let hosts = selector.map(|selector| meant(&selector, fleet));
            self.hosts
                .insert(exception.id.clone(), hosts.unwrap_or_default());
        }
    }

    /// When the next one ends by itself.
    pub(crate) fn next_end(&self) -> Option<Timestamp> {
        self.of.values().map(|exception| exception.until).min()
    }
}

fn meant(selector: &Selector, fleet: &FleetSpec) -> BTreeSet<HostId> {
    let hosts = fleet.hosts.iter().enumerate();
    hosts
        .filter(|(_, host)| selector.matches(&host.name, &host.labels))
        .map(|(index, _)| HostId::at(index))
        .collect()
}

/// Whether a host in this state has not begun, or is back as it was: an exception that comes leaves it out. Failures stay
/// what they are, what was postponed in the middle of its update is not begun anew.
pub(crate) const fn rests(state: HostState) -> bool {
    match state {
        HostState::Pending
        | HostState::Offline
        | HostState::Held
        | HostState::OnHold
        | HostState::CatchUp => true,
        HostState::NotReady { visit } | HostState::GoesLast { visit } => {
            matches!(visit, VisitKind::Update)
        }
        HostState::Running { .. }
        | HostState::Ready { .. }
        | HostState::Backoff { .. }
        | HostState::ByHand { .. }
        | HostState::Settling
        | HostState::Updated
        | HostState::Already
        | HostState::RestartWithheld
        | HostState::Failed { .. }
        | HostState::Unhealthy { .. }
        | HostState::RolledBack
        | HostState::RollbackFailed { .. }
        | HostState::Lost
        | HostState::Skipped
        | HostState::Again
        | HostState::Vanished
        | HostState::ChangedOutside
        | HostState::Excepted => false,
    }
}

/// Why an exception is none.
fn check(exception: &Exception, now: Timestamp) -> Result<(), Rejected> {
    let Exception {
        id,
        hosts,
        updates: _,
        until,
        owner,
        reason,
        approved_by,
    } = exception;
    if *until <= now {
        return Err(Rejected::new(
            "wrong-state",
            format!("exception `{id}` ended at {until}"),
            "name an end that is to come, or leave it out",
        ));
    }
    let texts = [id, owner, reason].into_iter().chain(approved_by);
    for text in texts.clone() {
        check_length(text, "exception")?;
    }
    let lacks = [("id", id), ("owner", owner), ("reason", reason)];
    if let Some((key, _)) = lacks.iter().find(|(_, text)| text.trim().is_empty()) {
        return Err(Rejected::new(
            "reason-missing",
            format!("exception `{id}` has no `{key}`"),
            "whoever looks at it later must know whose it is, and why",
        ));
    }
    check_length(hosts, "selector")?;
    let selector = Selector::parse(hosts);
    selector.map(|_| ()).map_err(|e| {
        let why = format!("exception `{id}` does not say which hosts: {e}");
        Rejected::new("wrong-state", why, "write a selector")
    })
}

impl Engine {
    /// The exception that leaves a slot's host out of its rollout.
    fn exception_of(&self, r: usize, slot: u32) -> Option<&Exception> {
        if self.exceptions.of.is_empty() {
            return None;
        }
        let host = self.host_of(r, slot);
        let update = &self.rollouts[r].plan.update;
        self.exceptions.on(host, update)
    }

    /// Whether an exception leaves a host out.
    pub(crate) fn is_excepted(&self, r: usize, slot: u32) -> bool {
        self.exception_of(r, slot).is_some()
    }

    /// Whether anything leaves a host out: an exception, or an advisory.
    fn is_left_out(&self, r: usize, slot: u32) -> bool {
        let is_advised = self.is_held_by_advisory(r, slot);
        #[cfg(feature = "planted-bugs")]
        let is_advised = is_advised && !self.bug(crate::planted::Bug::AdvisoryNotAtStart);
        is_advised || self.is_excepted(r, slot)
    }

    /// Why a host is left out.
    pub(crate) fn exception_waits(&self, r: usize, slot: u32) -> Option<WaitingOn> {
        let exception = self.exception_of(r, slot)?;
        Some(WaitingOn::Exception {
            id: exception.id.clone(),
            owner: exception.owner.clone(),
            until: exception.until,
        })
    }

    /// What an exception makes of a host whose visit could start.
    pub(crate) fn kept_by_exception(&self, r: usize, slot: u32) -> Option<Block> {
        #[cfg(feature = "planted-bugs")]
        if self.bug(crate::planted::Bug::ExceptionIgnored) {
            return None;
        }
        let on = self.exception_waits(r, slot)?;
        let state = self.rollouts[r].rec.slots[slot as usize].state;
        Some(if rests(state) {
            Block::Excepted(on)
        } else {
            Block::Host(on)
        })
    }

    /// What a host waits for that is to catch up.
    pub(crate) fn catches_up_with(&self, r: usize) -> WaitingOn {
        let last = self.rollouts[r].plan.rings.last();
        WaitingOn::CatchUp {
            ring: last.map_or_else(String::new, |ring| ring.name.clone()),
        }
    }

    /// Slots of a ring that an exception leaves out, or that are to catch up.
    pub(crate) fn excepted_in(&self, r: usize, ring: usize) -> Vec<u32> {
        let rollout = &self.rollouts[r];
        let Some(plan) = rollout.plan.rings.get(ring) else {
            return Vec::new();
        };
        if rollout
            .idx
            .rings
            .get(ring)
            .is_none_or(|it| it.excepted == 0)
        {
            return Vec::new();
        }
        let is_excepted = |slot: &usize| rollout.rec.slots[*slot].state.class() == Class::Excepted;
        let slots = plan.slots().filter(is_excepted);
        slots.map(|slot| Slot::at(slot).0).collect()
    }

    /// Exceptions are in force from now on: all of them, or none where one does not fit.
    pub(crate) fn except(
        &mut self,
        actor: &Actor,
        exceptions: &[Exception],
        out: &mut Vec<Event>,
    ) -> Result<(), Rejected> {
        for exception in exceptions {
            check(exception, self.now)?;
        }
        for exception in exceptions {
            let before = self.exceptions.of.get(&exception.id);
            if before == Some(exception) {
                continue;
            }
            let mut hosts = self.hosts_of_exception(&exception.id);
            self.emit(
                Event::Excepted {
                    exception: exception.clone(),
                    actor: actor.clone(),
                },
                out,
            );
            // Those that it does not mean any more are let go with it.
            hosts.extend(self.hosts_of_exception(&exception.id));
            self.settle_all_exceptions(&hosts, out);
        }
        Ok(())
    }

    /// Ends an exception before its time.
    pub(crate) fn end_exception(
        &mut self,
        actor: &Actor,
        id: &str,
        reason: &str,
        out: &mut Vec<Event>,
    ) -> Result<(), Rejected> {
        if !self.exceptions.of.contains_key(id) {
            return Err(Rejected::new(
                "not-found",
                format!("no exception `{id}` is in force"),
                "`ringway exception list` names those that are",
            ));
        }
        if reason.trim().is_empty() {
            return Err(Rejected::new(
                "reason-missing",
                "ending an exception before its time needs a reason",
                "say why: `--reason`",
            ));
        }
        check_length(reason, "reason")?;
        self.end_one_exception(id, Some(actor), reason, out);
        Ok(())
    }

    /// Ends the exceptions whose time is over.
    pub(crate) fn end_exceptions(&mut self, out: &mut Vec<Event>) {
        while let Some(id) = self
            .exceptions
            .of
            .values()
            .find(|exception| exception.until <= self.now)
            .map(|exception| exception.id.clone())
        {
            self.end_one_exception(&id, None, "its time is over", out);
        }
    }

    fn end_one_exception(
        &mut self,
        id: &str,
        actor: Option<&Actor>,
        reason: &str,
        out: &mut Vec<Event>,
    ) {
        let hosts = self.hosts_of_exception(id);
        self.emit(
            Event::ExceptionEnded {
                id: id.to_owned(),
                actor: actor.cloned(),
                reason: reason.to_owned(),
            },
            out,
        );
        self.settle_all_exceptions(&hosts, out);
    }

    fn hosts_of_exception(&self, id: &str) -> BTreeSet<HostId> {
        self.exceptions.hosts.get(id).cloned().unwrap_or_default()
    }

    fn settle_all_exceptions(&mut self, hosts: &BTreeSet<HostId>, out: &mut Vec<Event>) {
        for r in 0..self.rollouts.len() {
            self.settle_exceptions(r, Some(hosts), out);
        }
    }

    /// Leaves hosts of a rollout out that an exception covers, and takes those back in that none covers any more; all hosts
    /// where none are named.
    pub(crate) fn settle_exceptions(
        &mut self,
        r: usize,
        hosts: Option<&BTreeSet<HostId>>,
        out: &mut Vec<Event>,
    ) {
        if !self.rollouts[r].takes_in() {
            return;
        }
        let slots: Vec<u32> = if let Some(hosts) = hosts {
            let slots = hosts.iter().filter_map(|host| self.slot_of(r, *host));
            slots.collect()
        } else {
            let slots = self.rollouts[r].rec.slots.len();
            (0..u32::try_from(slots).unwrap_or(u32::MAX)).collect()
        };
        for slot in slots {
            let state = self.rollouts[r].rec.slots[slot as usize].state;
            let is_covered = self.is_left_out(r, slot);
            #[cfg(feature = "planted-bugs")]
            let is_covered = is_covered
                && !(self.bug(crate::planted::Bug::ExceptionIgnored)
                    && state != HostState::Excepted);
            if is_covered && rests(state) {
                self.move_host(r, slot, HostState::Excepted, Timestamp::NEVER, out);
            } else if !is_covered && state == HostState::Excepted {
                self.readmit(r, slot, out);
            }
        }
    }

    /// No exception covers a host any more: it goes with its ring, or where that was promoted with the last one.
    fn readmit(&mut self, r: usize, slot: u32, out: &mut Vec<Event>) {
        #[cfg(feature = "planted-bugs")]
        if self.bug(crate::planted::Bug::ExceptionOutlivesItself) {
            return;
        }
        let rollout = &self.rollouts[r];
        let is_promoted = rollout.ring_of(slot) < usize::from(rollout.rec.promoted);
        #[cfg(feature = "planted-bugs")]
        let is_promoted = is_promoted && !self.bug(crate::planted::Bug::ExceptedJumpsIn);
        let to = if is_promoted && !self.is_last_opened(r) {
            HostState::CatchUp
        } else {
            HostState::Pending
        };
        self.move_host(r, slot, to, Timestamp::NEVER, out);
    }

    fn is_last_opened(&self, r: usize) -> bool {
        let rollout = &self.rollouts[r];
        usize::from(rollout.rec.opened) >= rollout.plan.rings.len()
    }

    /// A ring was opened: if it is the last one, those that are to catch up are visited with it.
    pub(crate) fn let_catch_up(&mut self, r: usize, out: &mut Vec<Event>) {
        #[cfg(feature = "planted-bugs")]
        if self.bug(crate::planted::Bug::CatchUpForgotten) {
            return;
        }
        if !self.is_last_opened(r) {
            return;
        }
        let rings = self.rollouts[r].plan.rings.len();
        for ring in 0..rings {
            for slot in self.excepted_in(r, ring) {
                if self.rollouts[r].rec.slots[slot as usize].state == HostState::CatchUp {
                    self.move_host(r, slot, HostState::Pending, Timestamp::NEVER, out);
                }
            }
        }
    }

    /// What follows for a host from the end of a visit that has changed nothing, where an exception has come meanwhile.
    pub(crate) fn unless_excepted(&self, r: usize, slot: u32, then: Then) -> Then {
        match then {
            Then::End { to, .. }
                if rests(to) && self.rollouts[r].takes_in() && self.is_left_out(r, slot) =>
            {
                Then::End {
                    to: HostState::Excepted,
                    until: Timestamp::NEVER,
                }
            }
            Then::End { .. }
            | Then::Step { .. }
            | Then::Retry { .. }
            | Then::Nothing
            | Then::Over => then,
        }
    }

    pub(crate) fn fold_excepted(&mut self, exception: &Exception) -> Result<(), Fault> {
        let before = self.hosts_of_exception(&exception.id);
        #[cfg(feature = "planted-bugs")]
        let exception = &if self.bug(crate::planted::Bug::ExceptionNeverEnds) {
            Exception {
                until: Timestamp::NEVER,
                ..exception.clone()
            }
        } else {
            exception.clone()
        };
        self.exceptions
            .insert(exception.clone(), &self.fleet.spec)?;
        self.wake_excepted(&before);
        Ok(())
    }

    pub(crate) fn fold_exception_ended(&mut self, id: &str) -> Result<(), Fault> {
        if self.exceptions.of.remove(id).is_none() {
            return Err(Fault::new(format!("exception {id} ends and was not there")));
        }
        let hosts = self.exceptions.hosts.remove(id).unwrap_or_default();
        self.wake_excepted(&hosts);
        Ok(())
    }

    /// Hosts that wait for an exception to end and are in no state of their own for that are looked at again.
    fn wake_excepted(&mut self, hosts: &BTreeSet<HostId>) {
        for &host in hosts {
            for r in 0..self.rollouts.len() {
                if let Some(slot) = self.slot_of(r, host) {
                    self.wake_parked_host(r, slot);
                }
            }
        }
    }

    pub(crate) fn exception_views(&self) -> Vec<ExceptionView> {
        let all = self.exceptions.of.values();
        all.map(|exception| {
            let hosts = self
                .exceptions
                .hosts
                .get(&exception.id)
                .into_iter()
                .flatten();
            let hosts = hosts.filter(|host| !self.has_vanished(**host));
            let names = hosts.map(|host| self.fleet.spec.hosts[host.index()].name.clone());
            ExceptionView {
                id: exception.id.clone(),
                select: exception.hosts.clone(),
                hosts: names.collect(),
                updates: exception.updates.names().to_vec(),
                until: exception.until,
                owner: exception.owner.clone(),
                reason: exception.reason.clone(),
                approved_by: exception.approved_by.clone(),
            }
        })
        .collect()
    }
}
