//! Protections: what a recipe makes of a host before it changes anything, kept so long and listed until it is removed.
//!
//! This module decides whether a visit has to make one, when one is to be removed, and what follows from the end of a removal. What
//! makes one is a step of a visit, and is decided with the others; what removes one is an errand, outside of visits.
//!
//! # Invariants
//!
//! * Nothing is applied on a host whose route has `protect` without a protection that this rollout made of it and that is there.
//! * None is removed by itself before its time is over and its rollout is, with whatever took the place of that; a person may have
//!   it removed sooner.
//! * None is removed while its host is visited, is not to be touched or is gone from the fleet, or while everything is stopped (I4).
//! * Each that was made is listed until its removal ended well, or a person says that it is gone. No removal begins after that.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound::{Excluded, Unbounded};

use ringway_model::{
    Actor, FailWhy, HostId, IntentId, Place, RolloutId, Slot, Span, StepKind, StepResult,
    Timestamp, VisitKind, WaitingOn,
};
use ringway_scheduler::plan::More;
use serde::{Deserialize, Serialize};

use crate::command::Rejected;
use crate::consent::check_length;
use crate::engine::{Engine, Fault, FleetHold};
use crate::errand::{LOOKED_AT, Runs, UNPROTECT};
use crate::event::{Event, Then};
use crate::slot::SlotRec;

/// Attempts at a removal. With the waits between them a host that is away for a night is still reached.
const TRIES: u8 = 6;

/// How long after the first failed attempt the second is made; three times as long after each further one. All six are made within
/// 21 hours.
const WAIT: Span = Span::minutes(10);

/// Removals at once. Nobody waits for them, and a storage that merges snapshots is slow for everybody meanwhile.
const AT_ONCE: usize = 10;

/// What a host was like longer ago than this is not what it should go back to.
const FRESH: Span = Span::hours(24);

/// A protection: the rollout's index, the slot, and its number, from 1.
pub(crate) type Key = (u32, u32, u32);

/// What was made of a host, and is not known to be gone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Protection {
    /// The host's name: numbers of hosts are of one fleet, and this outlives fleets.
    pub(crate) host: String,
    /// What it is called where it was made.
    pub(crate) name: String,
    pub(crate) made: Timestamp,
    /// How long it is kept at least.
    pub(crate) until: Timestamp,
    pub(crate) stands: Stands,
    /// Who wants it removed and why, where somebody does.
    pub(crate) asked: Option<(Actor, String)>,
    /// The host in the fleet as it is now. Derived.
    #[serde(skip)]
    pub(crate) at: Option<HostId>,
}

/// How a protection stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Stands {
    /// It is kept.
    Kept,
    /// It is to be removed, by this attempt and not before this instant.
    Ending { attempt: u8, at: Timestamp },
    /// It is being removed.
    Removing { attempt: u8 },
    /// It could not be removed, and is not tried any more. Why; none where the host could not be reached.
    Stuck {
        why: Option<FailWhy>,
        since: Timestamp,
    },
}

/// All protections that are listed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Protections {
    pub(crate) of: BTreeMap<Key, Protection>,
    /// Those that end by time alone, by when. Derived.
    ends: BTreeSet<(Timestamp, Key)>,
    /// Those to be removed, by the instant before which that does not begin. Derived.
    ending: BTreeSet<(Timestamp, Key)>,
    /// The last of these that was looked at. Derived.
    looked_at: Option<(Timestamp, Key)>,
}

impl Protections {
    /// Those of a slot, the one made first before the others.
    pub(crate) fn of_slot(
        &self,
        r: usize,
        slot: u32,
    ) -> impl DoubleEndedIterator<Item = (Key, &Protection)> {
        let r = number(r);
        let all = self.of.range((r, slot, 0)..=(r, slot, u32::MAX));
        all.map(|(key, protection)| (*key, protection))
    }
}

fn number(index: usize) -> u32 {
    u32::try_from(index).unwrap_or(u32::MAX)
}

impl Engine {
    /// Whether a visit need not make a protection: this rollout made one of the host that is kept, and it shows what the host was
    /// like before the rollout changed it, or just now.
    pub(crate) fn is_protected(&self, r: usize, slot: u32) -> bool {
        #[cfg(feature = "planted-bugs")]
        if self.bug(crate::planted::Bug::UnprotectedGoesOn) {
            return true;
        }
        #[cfg(feature = "planted-bugs")]
        if self.bug(crate::planted::Bug::AnyProtection) {
            let host = self.host_of(r, slot);
            let mut all = self.protections.of.values();
            if all.any(|protection| protection.at == Some(host)) {
                return true;
            }
        }
        let changed = self.rollouts[r].rec.slots[slot as usize].is(SlotRec::CHANGED);
        let mut all = self.protections.of_slot(r, slot);
        all.any(|(_, protection)| {
            let kept_for = protection.until.since(protection.made);
            let fresh = FRESH.min(Span(kept_for.millis() / 2));
            protection.stands == Stands::Kept
                && (changed || self.now.since(protection.made) < fresh)
        })
    }

    /// What a step is given of protections: the name of the last one, and one to come where it makes that.
    pub(crate) fn protection_for(
        &self,
        r: usize,
        slot: u32,
        (visit, position): (VisitKind, u8),
    ) -> Option<String> {
        let step = self.rollouts[r].step(slot, visit, position)?;
        if step.kind == StepKind::Protect {
            return Some(self.protect_as(r, slot));
        }
        let last = self.protections.of_slot(r, slot).next_back();
        last.map(|(_, protection)| protection.name.clone())
    }

    /// The number that the next protection of a slot gets.
    fn next_protection(&self, r: usize, slot: u32) -> u32 {
        let last = self.protections.of_slot(r, slot).next_back();
        last.map_or(1, |((_, _, last), _)| last.saturating_add(1))
    }

    /// What the next protection of a host may be called so that nothing else of it is: the same for every attempt at it.
    fn protect_as(&self, r: usize, slot: u32) -> String {
        let host = self.host_name(r, slot);
        let id = self.rollouts[r].rec.id.0;
        format!("ringway-{host}-{id}-{}", self.next_protection(r, slot))
    }

    /// The protection that an errand of a slot removes, or would.
    pub(crate) fn removed_now(&self, r: usize, slot: u32) -> Option<(Key, &Protection)> {
        let mut all = self.protections.of_slot(r, slot);
        all.find(|(_, protection)| matches!(protection.stands, Stands::Removing { .. }))
    }

    /// The protection of a slot that is removed next, of those whose removal may be tried by now, with its attempt.
    fn next_to_remove(&self, r: usize, slot: u32) -> Option<(Key, u8)> {
        let mut all = self.protections.of_slot(r, slot);
        all.find_map(|(key, protection)| match protection.stands {
            Stands::Ending { attempt, at } if at <= self.now => Some((key, attempt)),
            Stands::Ending { .. }
            | Stands::Kept
            | Stands::Removing { .. }
            | Stands::Stuck { .. } => None,
        })
    }

    /// Which attempt the next removal of a slot is.
    pub(crate) fn removal_attempt(&self, r: usize, slot: u32) -> u8 {
        self.next_to_remove(r, slot)
            .map_or(1, |(_, attempt)| attempt)
    }

    /// The rollout because of which somebody may want hosts to be as they were before this one: this one while it is not over, or
    /// one that took its place and is not. A fix that comes to nothing leaves the one before it to be rolled back.
    pub(crate) fn not_past(&self, r: usize) -> Option<RolloutId> {
        let mut at = r;
        loop {
            let record = &self.rollouts[at].rec;
            if !record.state.is_final() {
                return Some(record.id);
            }
            let next = record.state.superseded_by()?;
            let next = self.index_of(next).ok()?;
            // Always a later one, so this comes to an end.
            if next <= at {
                return None;
            }
            at = next;
        }
    }

    /// Whether a rollout is over, and whatever took its place.
    pub(crate) fn is_past(&self, r: usize) -> bool {
        self.not_past(r).is_none()
    }

    /// What keeps a protection from being removed that is to be; none where nothing does.
    pub(crate) fn removal_waits(&self, key: Key) -> Option<WaitingOn> {
        let protection = self.protections.of.get(&key)?;
        let Stands::Ending { at, .. } = protection.stands else {
            return None;
        };
        let (r, host) = (key.0 as usize, protection.at?);
        if !matches!(self.hold, FleetHold::Free) {
            return Some(self.hold_reason(r));
        }
        if protection.asked.is_none()
            && let Some(rollout) = self.not_past(r)
        {
            return Some(WaitingOn::Busy { rollout });
        }
        #[cfg(feature = "planted-bugs")]
        let ignores_holds = self.bug(crate::planted::Bug::RemovedWhileHeld);
        #[cfg(not(feature = "planted-bugs"))]
        let ignores_holds = false;
        if let Some(on) = self.host_hold(host).filter(|_| !ignores_holds) {
            return Some(on);
        }
        if let Some(on) = self.errand_on(host) {
            return Some(on);
        }
        let busy = self.fleet.uses[host.index()].busy;
        if busy != 0 {
            let rollout = RolloutId(busy);
            return Some(WaitingOn::Busy { rollout });
        }
        if at > self.now {
            return Some(WaitingOn::Retry { at });
        }
        let step = self.rollouts[r]
            .route(key.1)
            .step_for(StepKind::Unprotect)?;
        if step.step.at == Place::Peer && self.peer_for(r, host, 1).is_none() {
            return Some(WaitingOn::NoPeer {
                group: self.peers_name(r, host),
                step: step.kind.word().to_owned(),
                until: None,
            });
        }
        None
    }

    /// When the next protection ends by time, or its removal is tried again.
    pub(crate) fn next_removal(&self) -> Option<Timestamp> {
        let all = &self.protections;
        let later = all.ending.range((self.now + Span(1), (0, 0, 0))..);
        let first = |(at, _): &(Timestamp, Key)| *at;
        let ends = all.ends.first().map(first);
        ends.into_iter().chain(later.map(first).next()).min()
    }

    /// Ends the protections whose time is over, with their rollouts.
    pub(crate) fn end_protections(&mut self, out: &mut Vec<Event>) {
        while let Some(&(at, key)) = self.protections.ends.first()
            && at <= self.now
        {
            self.end_protection(key, None, "its time is over", out);
        }
    }

    fn end_protection(
        &mut self,
        (r, slot, number): Key,
        actor: Option<&Actor>,
        reason: &str,
        out: &mut Vec<Event>,
    ) {
        let event = Event::ProtectionEnds {
            rollout: self.rollouts[r as usize].rec.id,
            slot: Slot(slot),
            number,
            actor: actor.cloned(),
            reason: reason.to_owned(),
        };
        self.emit(event, out);
    }

    /// Begins to remove what is to be removed, while nothing that brings a host back may need the worker.
    pub(crate) fn start_removals(&mut self, free: &mut u32, out: &mut Vec<Event>) {
        if self.protections.ending.is_empty() || !matches!(self.hold, FleetHold::Free) {
            return;
        }
        let running = self.fleet.errands.values();
        let removing = running.filter(|(r, slot)| {
            let runs = self.rollouts[*r].rec.errands.running.get(slot);
            runs.is_some_and(|runs| runs.position == UNPROTECT)
        });
        let mut room = AT_ONCE.saturating_sub(removing.count());
        let visited = self.rollouts.iter().any(|rollout| rollout.idx.visiting > 0);
        let least = u32::from(visited);
        if room == 0 || *free <= least {
            return;
        }
        // Those that wait for something are gone through in turns, so that no turn of the loop looks at all of them.
        let last = self.protections.looked_at;
        let first = |at: &(Timestamp, Key)| *at <= (self.now, (u32::MAX, u32::MAX, u32::MAX));
        let all = &self.protections.ending;
        let behind = last.map(|last| all.range((Excluded(last), Unbounded)));
        let before = last.map_or_else(|| all.range(..), |last| all.range(..=last));
        let due = behind.into_iter().flatten().take_while(|at| first(at));
        let due = due.chain(before.take_while(|at| first(at)));
        let due: Vec<(Timestamp, Key)> = due.take(LOOKED_AT).copied().collect();
        for (at, key) in due {
            if room == 0 || *free <= least {
                return;
            }
            self.protections.looked_at = Some((at, key));
            if self.removal_waits(key).is_none() && self.issue_removal(key, out) {
                *free -= 1;
                room -= 1;
            }
        }
    }

    fn issue_removal(&mut self, key: Key, out: &mut Vec<Event>) -> bool {
        let (r, slot) = (key.0 as usize, key.1);
        let next = self
            .next_to_remove(r, slot)
            .filter(|(next, _)| *next == key);
        let host = self.protections.of.get(&key).and_then(|it| it.at);
        let step = self.rollouts[r].route(slot).step_for(StepKind::Unprotect);
        let (Some((_, attempt)), Some(host), Some(step)) = (next, host, step) else {
            return false;
        };
        let peer = match step.step.at {
            Place::Host | Place::Controller => None,
            Place::Peer => match self.peer_for(r, host, attempt) {
                None => return false,
                peer @ Some(_) => peer,
            },
        };
        self.issue_errand(r, slot, (UNPROTECT, peer), out)
    }

    /// What follows from the end of a removal.
    pub(crate) fn after_removal(&self, runs: Runs, result: &StepResult) -> Then {
        let Runs {
            position, attempt, ..
        } = runs;
        match result {
            StepResult::Done => Then::Over,
            // It never began: it may, as soon as nothing is in its way.
            StepResult::NotStarted => Then::Retry {
                position,
                attempt,
                at: self.now,
            },
            StepResult::Failed(_)
            | StepResult::Interrupted
            | StepResult::Unreachable
            | StepResult::Found { .. }
            | StepResult::Back { .. }
            | StepResult::Answered { .. }
            | StepResult::Protected { .. } => {
                if attempt >= TRIES {
                    return Then::Over;
                }
                let wait = WAIT.times(3_u64.pow(u32::from(attempt.saturating_sub(1))));
                Then::Retry {
                    position,
                    attempt: attempt + 1,
                    at: self.now + wait,
                }
            }
        }
    }

    /// The protections of a host that somebody means, of one rollout or of all.
    fn meant(&self, host: &str, rollout: Option<RolloutId>) -> Result<Vec<Key>, Rejected> {
        let r = rollout.map(|rollout| self.known(rollout)).transpose()?;
        let all = self.protections.of.iter();
        let all = all.filter(|((at, ..), protection)| {
            protection.host == host && r.is_none_or(|r| r == *at as usize)
        });
        let found: Vec<Key> = all.map(|(key, _)| *key).collect();
        if found.is_empty() {
            let of = rollout.map_or_else(String::new, |rollout| format!(" of rollout {rollout}"));
            return Err(Rejected::new(
                "not-found",
                format!("host `{host}` has no protection{of}"),
                "`ringway protections` lists those that are there",
            ));
        }
        Ok(found)
    }

    /// Somebody wants the protections of a host removed: before their time, after it was tried in vain, or without waiting for the
    /// next attempt.
    pub(crate) fn unprotect(
        &mut self,
        actor: &Actor,
        (host, rollout): (&str, Option<RolloutId>),
        reason: &str,
        out: &mut Vec<Event>,
    ) -> Result<(), Rejected> {
        check_reason(reason)?;
        for key in self.meant(host, rollout)? {
            let protection = &self.protections.of[&key];
            let is_new = match protection.stands {
                Stands::Kept | Stands::Stuck { .. } => true,
                Stands::Ending { at, .. } => protection.asked.is_none() || at > self.now,
                Stands::Removing { .. } => false,
            };
            if is_new {
                self.end_protection(key, Some(actor), reason, out);
            }
        }
        Ok(())
    }

    /// Somebody says that the protections of a host are gone: they are listed no more, and nothing is removed.
    pub(crate) fn unprotected(
        &mut self,
        actor: &Actor,
        (host, rollout): (&str, Option<RolloutId>),
        reason: &str,
        out: &mut Vec<Event>,
    ) -> Result<(), Rejected> {
        check_reason(reason)?;
        let meant = self.meant(host, rollout)?;
        for &(r, slot, _) in &meant {
            let runs = self.rollouts[r as usize].rec.errands.running.get(&slot);
            if runs.is_some_and(|runs| runs.position == UNPROTECT) {
                return Err(Rejected::new(
                    "wrong-state",
                    format!("a protection of host `{host}` is being removed right now"),
                    "look again when that has ended: `ringway protections`",
                ));
            }
            let state = self.rollouts[r as usize].rec.slots[slot as usize].state;
            if state.visit().is_some() && !self.rollouts[r as usize].rec.state.is_final() {
                return Err(Rejected::new(
                    "wrong-state",
                    format!(
                        "host `{host}` is being visited, and may be changed because it is protected"
                    ),
                    "say it when the visit is over, or `ringway hold` the host first",
                ));
            }
        }
        for (r, slot, number) in meant {
            let event = Event::ProtectionGone {
                rollout: self.rollouts[r as usize].rec.id,
                slot: Slot(slot),
                number,
                actor: actor.clone(),
                reason: reason.to_owned(),
            };
            self.emit(event, out);
        }
        Ok(())
    }

    /// Whether a removal that has not begun may still begin.
    pub(crate) fn removal_wanted(&self, intent: IntentId) -> bool {
        let Some((r, slot)) = self.find_errand(intent) else {
            return false;
        };
        let Some((_, removed)) = self.removed_now(r, slot) else {
            return false;
        };
        matches!(self.hold, FleetHold::Free)
            && (removed.asked.is_some() || self.is_past(r))
            && (removed.at)
                .is_some_and(|host| self.holds.on(host).is_none() && !self.has_vanished(host))
    }

    /// A `protect` ended well: what it made is listed from now on.
    pub(crate) fn fold_protected(&mut self, r: usize, slot: u32, name: &str) -> Result<(), Fault> {
        let step = self.rollouts[r].route(slot).step_for(StepKind::Protect);
        let Some(&More::Protect { keep }) = step.map(|step| &step.more) else {
            return Err(Fault::new(
                "a host was protected whose plan does not say so",
            ));
        };
        let key = (number(r), slot, self.next_protection(r, slot));
        let protection = Protection {
            host: self.host_name(r, slot),
            name: name.to_owned(),
            made: self.now,
            until: self.now + keep,
            stands: Stands::Kept,
            asked: None,
            at: Some(self.host_of(r, slot)),
        };
        self.protections.of.insert(key, protection);
        self.list_protection(key);
        Ok(())
    }

    /// A protection is to be removed, or somebody said that it is gone.
    pub(crate) fn fold_protection(&mut self, event: &Event) -> Result<(), Fault> {
        if let Event::ProtectionGone {
            rollout,
            slot,
            number,
            ..
        } = event
        {
            return self.fold_protection_gone((*rollout, slot.0, *number));
        }
        let Event::ProtectionEnds {
            rollout,
            slot,
            number,
            actor,
            reason,
        } = event
        else {
            return Ok(());
        };
        let at = self.now;
        self.change_protection((*rollout, slot.0, *number), |protection| {
            protection.stands = Stands::Ending { attempt: 1, at };
            protection.asked = actor.clone().map(|actor| (actor, reason.clone()));
        })
    }

    fn fold_protection_gone(
        &mut self,
        (rollout, slot, number): (RolloutId, u32, u32),
    ) -> Result<(), Fault> {
        let r = self.index_of(rollout)?;
        let key = (crate::protection::number(r), slot, number);
        self.unlist_protection(key);
        let gone = self.protections.of.remove(&key);
        let gone = gone.map(|_| ());
        gone.ok_or_else(|| Fault::new(format!("protection {number} of {rollout} is gone twice")))
    }

    /// A removal was decided: of the first that is to be removed now.
    pub(crate) fn fold_removal(
        &mut self,
        r: usize,
        slot: u32,
        attempt: u8,
    ) -> Result<HostId, Fault> {
        let next = self.next_to_remove(r, slot);
        let key = next
            .filter(|(_, next)| *next == attempt)
            .map(|(key, _)| key);
        let host = key.and_then(|key| self.protections.of.get(&key)?.at);
        let (Some(key), Some(host)) = (key, host) else {
            return Err(Fault::new(
                "a removal is issued of nothing that is to be removed",
            ));
        };
        self.unlist_protection(key);
        if let Some(protection) = self.protections.of.get_mut(&key) {
            protection.stands = Stands::Removing { attempt };
        }
        Ok(host)
    }

    /// A removal ended.
    pub(crate) fn fold_removal_ended(
        &mut self,
        r: usize,
        slot: u32,
        result: &StepResult,
        then: Then,
    ) -> Result<(), Fault> {
        let Some(key) = self.removed_now(r, slot).map(|(key, _)| key) else {
            return Err(Fault::new(
                "a removal ended of nothing that is being removed",
            ));
        };
        let since = self.now;
        let stands = match then {
            Then::Retry { attempt, at, .. } => Some(Stands::Ending { attempt, at }),
            Then::Over if *result == StepResult::Done => None,
            Then::Over => {
                let why = match result {
                    StepResult::Failed(why) => Some(*why),
                    StepResult::Interrupted => Some(FailWhy::Interrupted),
                    StepResult::Done
                    | StepResult::Found { .. }
                    | StepResult::Back { .. }
                    | StepResult::Unreachable
                    | StepResult::NotStarted
                    | StepResult::Protected { .. }
                    | StepResult::Answered { .. } => None,
                };
                Some(Stands::Stuck { why, since })
            }
            Then::Step { .. } | Then::End { .. } | Then::Nothing => {
                return Err(Fault::new("a visit follows from the end of a removal"));
            }
        };
        #[cfg(feature = "planted-bugs")]
        let stands = if stands.is_none() && self.bug(crate::planted::Bug::RemovedTwice) {
            let (attempt, at) = (1, since);
            Some(Stands::Ending { attempt, at })
        } else {
            stands
        };
        if let Some(stands) = stands {
            if let Some(protection) = self.protections.of.get_mut(&key) {
                protection.stands = stands;
            }
            self.list_protection(key);
        } else {
            self.protections.of.remove(&key);
        }
        Ok(())
    }

    fn change_protection(
        &mut self,
        (rollout, slot, number): (RolloutId, u32, u32),
        change: impl FnOnce(&mut Protection),
    ) -> Result<(), Fault> {
        let r = self.index_of(rollout)?;
        let key = (crate::protection::number(r), slot, number);
        self.unlist_protection(key);
        let Some(protection) = self.protections.of.get_mut(&key) else {
            return Err(Fault::new(format!(
                "protection {number} of {rollout} is unknown"
            )));
        };
        change(protection);
        self.list_protection(key);
        Ok(())
    }

    fn unlist_protection(&mut self, key: Key) {
        let Some(protection) = self.protections.of.get(&key) else {
            return;
        };
        let ends = self.ends_at(protection);
        self.protections.ends.remove(&(ends, key));
        let protection = &self.protections.of[&key];
        if let Stands::Ending { at, .. } = protection.stands {
            self.protections.ending.remove(&(at, key));
        }
    }

    #[cfg_attr(
        not(feature = "planted-bugs"),
        expect(clippy::unused_self, reason = "only a planted mistake asks")
    )]
    const fn ends_at(&self, protection: &Protection) -> Timestamp {
        #[cfg(feature = "planted-bugs")]
        if matches!(self.planted, Some(crate::planted::Bug::KeepIgnored)) {
            return protection.made;
        }
        protection.until
    }

    /// Keeps the lists by time true after a change of a protection.
    fn list_protection(&mut self, key: Key) {
        self.unlist_protection(key);
        let Some(protection) = self.protections.of.get(&key) else {
            return;
        };
        // Whoever is gone is left to a person, until it is back.
        if protection.at.is_none_or(|host| self.has_vanished(host)) {
            return;
        }
        match protection.stands {
            Stands::Kept => {
                #[cfg(feature = "planted-bugs")]
                if self.bug(crate::planted::Bug::RemovalForgotten) {
                    return;
                }
                let r = key.0 as usize;
                if r < self.rollouts.len() && self.is_past(r) {
                    let ends = self.ends_at(protection);
                    self.protections.ends.insert((ends, key));
                }
            }
            Stands::Ending { at, .. } => {
                let r = key.0 as usize;
                if protection.asked.is_some() || r < self.rollouts.len() && self.is_past(r) {
                    self.protections.ending.insert((at, key));
                }
            }
            Stands::Removing { .. } | Stands::Stuck { .. } => {}
        }
    }

    /// The same for all of a rollout that is over now, or is not any more, and of those in whose place it is.
    pub(crate) fn list_protections_of(&mut self, r: usize) {
        let before: Vec<usize> = self.superseded_by(r).collect();
        let mut keys: Vec<Key> = Vec::new();
        for r in before.into_iter().chain([r]).map(number) {
            let all = &self.protections.of;
            keys.extend(
                all.range((r, 0, 0)..=(r, u32::MAX, u32::MAX))
                    .map(|(key, _)| *key),
            );
        }
        for key in keys {
            self.list_protection(key);
        }
    }

    /// The hosts of all protections in the fleet as it is now, and the lists by time.
    pub(crate) fn place_protections(&mut self) {
        if self.protections.of.is_empty() {
            return;
        }
        self.protections.ends.clear();
        self.protections.ending.clear();
        let hosts = self.fleet.spec.hosts.iter().enumerate();
        let known: BTreeMap<&str, HostId> = hosts
            .map(|(index, host)| (host.name.as_str(), HostId::at(index)))
            .collect();
        for protection in self.protections.of.values_mut() {
            protection.at = known.get(protection.host.as_str()).copied();
        }
        let keys: Vec<Key> = self.protections.of.keys().copied().collect();
        for key in keys {
            self.list_protection(key);
        }
    }

    /// The host on which an errand runs.
    pub(crate) fn errand_host(&self, r: usize, slot: u32, position: u8) -> HostId {
        let removed = (position == UNPROTECT)
            .then(|| self.removed_now(r, slot))
            .flatten();
        let removed = removed.and_then(|(_, protection)| protection.at);
        removed.unwrap_or_else(|| self.host_of(r, slot))
    }
}

fn check_reason(reason: &str) -> Result<(), Rejected> {
    if reason.trim().is_empty() {
        return Err(Rejected::new(
            "reason-missing",
            "removing what a host can be taken back by needs a reason",
            "say why: `--reason`",
        ));
    }
    check_length(reason, "reason")
}
