//! Protections: nothing is applied on a host whose recipe has `protect` without one that this rollout made and that is there; none
//! is removed before its time or its rollout is over but by a person's word, on a host that is not to be touched, or twice; and
//! each is listed until it was removed or a person said that it is gone.

use std::collections::BTreeMap;

use ringway_engine::Then;
use ringway_model::{
    HostId, IntentId, Place, RolloutId, Slot, Span, StepKind, StepResult, Timestamp, VisitKind,
};
use ringway_scheduler::plan::More;

use super::facts::Facts;
use super::{Broken, Invariant, ensure};

/// Attempts at a removal.
const TRIES: u8 = 6;

/// How old a protection may be for a host that its rollout has not changed.
const DAY: Span = Span::hours(24);

/// The rollout, the slot, and which of those of that slot.
pub(super) type Which = (RolloutId, u32, u32);

/// What was made and is not known to be gone.
#[derive(Clone, Debug)]
pub(super) struct Made {
    host: String,
    name: String,
    at: Timestamp,
    keep: Span,
    ends: Option<Ends>,
}

/// It is to be removed.
#[derive(Clone, Copy, Debug)]
struct Ends {
    /// Whether a person wants that.
    asked: bool,
    /// The attempt that comes next or runs, and not before when.
    next: (u8, Timestamp),
    runs: Option<(IntentId, HostId)>,
    /// It is not tried any more.
    given_up: bool,
}

/// All of them.
pub(super) type Protections = BTreeMap<Which, Made>;

impl Facts {
    fn made_of(&self, id: RolloutId, slot: u32) -> impl DoubleEndedIterator<Item = (Which, &Made)> {
        let all = self.protections.range((id, slot, 0)..=(id, slot, u32::MAX));
        all.map(|(which, made)| (*which, made))
    }

    /// The host of this name in the fleet as it is.
    fn host_named(&self, name: &str) -> Option<HostId> {
        let hosts = &self.fleet.as_ref()?.hosts;
        let at = hosts.iter().position(|host| host.name == name)?;
        Some(HostId::at(at)).filter(|host| !self.is_gone(*host))
    }

    /// A step of a visit was issued: what changes a host needs that it is protected, where its plan says so.
    pub(super) fn check_protected(
        &self,
        intent: IntentId,
        (visit, kind): (VisitKind, StepKind),
    ) -> Result<(), Broken> {
        let (rollout, slot) = self.place(intent.rollout(), intent.slot())?;
        let route = &rollout.plan.routes[rollout.plan.slots[slot].route.index()];
        let protects = route
            .steps
            .iter()
            .any(|step| step.kind == StepKind::Protect);
        if visit != VisitKind::Update || kind != StepKind::Apply || !protects {
            return Ok(());
        }
        let there = self.made_of(intent.rollout(), intent.slot().0);
        let there = there.filter(|(_, made)| made.ends.is_none_or(|ends| ends.runs.is_none()));
        ensure!(
            there.count() > 0,
            Protected,
            "{intent} changes a host of which {} has made nothing that it could be taken back by",
            intent.rollout()
        );
        Ok(())
    }

    /// Whether a visit may leave `protect` out: its rollout has made one that shows what the host was like before it was changed, or
    /// a short while ago.
    pub(super) fn is_protected(&self, id: RolloutId, slot: usize) -> bool {
        let Some(rollout) = self.rollouts.get(&id) else {
            return false;
        };
        let changed = rollout.slots[slot].applied_to;
        let mut all = self.made_of(id, Slot::at(slot).0);
        all.any(|(_, made)| {
            let age = self.now.since(made.at);
            made.ends.is_none() && (changed || age < DAY && age.times(2) < made.keep)
        })
    }

    /// A step ended with a name: something was made.
    pub(super) fn note_protected(
        &mut self,
        intent: IntentId,
        kind: StepKind,
        result: &StepResult,
    ) -> Result<(), Broken> {
        let StepResult::Protected { name } = result else {
            ensure!(
                kind != StepKind::Protect || !matches!(result, StepResult::Done),
                Protected,
                "{intent} is a `protect` that ended well and nobody knows what it made"
            );
            return Ok(());
        };
        let (rollout, slot) = self.place(intent.rollout(), intent.slot())?;
        let place = &rollout.plan.slots[slot];
        let route = &rollout.plan.routes[place.route.index()];
        let keeps = route.steps.iter().find_map(|step| match step.more {
            More::Protect { keep } => Some(keep),
            More::Nothing
            | More::Inspect { .. }
            | More::Reboot { .. }
            | More::Ready { .. }
            | More::Last { .. }
            | More::Silence { .. }
            | More::Manual { .. }
            | More::Recovery { .. }
            | More::Stage { .. } => None,
        });
        let fleet = self.fleet.as_ref();
        let host = fleet.and_then(|fleet| fleet.hosts.get(place.host.index()));
        let (Some(keep), Some(host), StepKind::Protect) = (keeps, host, kind) else {
            let what = format!("{intent} (`{kind}`) made a protection, and its plan has none");
            return Err((Invariant::Protected, what));
        };
        let made = Made {
            host: host.name.clone(),
            name: name.clone(),
            at: self.now,
            keep,
            ends: None,
        };
        self.once_listed.insert((host.name.clone(), name.clone()));
        let slot = intent.slot().0;
        let last = self.made_of(intent.rollout(), slot).next_back();
        let number = last.map_or(1, |((.., last), _)| last + 1);
        self.protections
            .insert((intent.rollout(), slot, number), made);
        Ok(())
    }

    /// One is to be removed.
    pub(super) fn protection_ends(
        &mut self,
        which: Which,
        asked: bool,
        reason: &str,
    ) -> Result<(), Broken> {
        let now = self.now;
        let is_over = self.is_past(which.0);
        let Some(made) = self.protections.get_mut(&which) else {
            let what = format!("{which:?} is to be removed and is not there");
            return Err((Invariant::Protected, what));
        };
        ensure!(
            asked || made.at + made.keep <= now && is_over,
            Protected,
            "{which:?} was made at {} to be kept for {}, and ends by itself (its rollout is over: {is_over})",
            made.at,
            made.keep
        );
        ensure!(
            !reason.trim().is_empty(),
            Story,
            "{which:?} is to be removed and nobody says why"
        );
        let before = made.ends;
        ensure!(
            before.is_none_or(|ends| ends.runs.is_none()),
            Protected,
            "{which:?} is to be removed and is being removed"
        );
        ensure!(
            asked || before.is_none(),
            Protected,
            "{which:?} ends by itself for the second time, and is tried anew: {before:?}"
        );
        made.ends = Some(Ends {
            asked,
            next: (1, now),
            runs: None,
            given_up: false,
        });
        Ok(())
    }

    /// A person said that one is gone.
    pub(super) fn protection_gone(&mut self, which: Which, reason: &str) -> Result<(), Broken> {
        let rollout = self.rollout(which.0)?;
        let slot = rollout.slots.get(which.1 as usize);
        let visited = slot.is_some_and(|slot| slot.visit.is_some()) && !rollout.phase.is_over();
        ensure!(
            !visited && !reason.trim().is_empty(),
            Protected,
            "{which:?} is told to be gone in the middle of a visit, or nobody says why"
        );
        let gone = self.protections.remove(&which);
        let runs = gone.as_ref().and_then(|made| made.ends?.runs);
        ensure!(
            gone.is_some() && runs.is_none(),
            Protected,
            "{which:?} is told to be gone: there {}, being removed {runs:?}",
            gone.is_some()
        );
        Ok(())
    }

    /// Whether the errand of a slot that is issued next removes something.
    pub(super) fn may_remove(&self, intent: IntentId) -> bool {
        let (id, slot) = (intent.rollout(), intent.slot().0);
        let mut all = self.made_of(id, slot);
        all.any(|(_, made)| made.ends.is_some_and(|ends| !ends.given_up))
    }

    fn check_not_visited(&self, intent: IntentId, host: HostId) -> Result<(), Broken> {
        for (other, place) in &self.hosts[host.index()].seats {
            let visited = self.rollouts.get(other).is_some_and(|rollout| {
                !rollout.phase.is_over() && rollout.slots[*place as usize].visit.is_some()
            });
            ensure!(
                !visited,
                Protected,
                "{intent} removes something of host {}, which {other} visits",
                host.0
            );
        }
        Ok(())
    }

    /// A removal is decided.
    pub(super) fn removal_issued(
        &mut self,
        intent: IntentId,
        (at, attempt): (Place, u8),
    ) -> Result<(), Broken> {
        let (id, slot, now) = (intent.rollout(), intent.slot().0, self.now);
        let rollout = self.rollout(id)?;
        let is_over = self.is_past(id);
        let facts = rollout.slots.get(slot as usize);
        let serial = facts.map_or(0, |facts| facts.serial);
        ensure!(
            serial.checked_add(1) == Some(intent.serial()),
            I5,
            "{intent} follows step {serial} of its slot: an id was left out or used again"
        );
        let chosen = self.chosen.take().map(|(intent, _)| intent);
        ensure!(
            (at == Place::Peer) == (chosen == Some(intent)),
            I15,
            "{intent} removes at {at:?} and was given to a peer: {chosen:?}"
        );
        // The first of those that may be tried.
        let next = self.made_of(id, slot).find_map(|(which, made)| {
            let ends = made
                .ends
                .filter(|ends| !ends.given_up && ends.runs.is_none())?;
            (ends.next.1 <= now).then_some((which, ends, made))
        });
        let Some((which, ends, made)) = next else {
            let what =
                format!("{intent} removes what nobody made, or what is not to be removed now");
            return Err((Invariant::Protected, what));
        };
        ensure!(
            ends.next.0 == attempt && attempt <= TRIES,
            Protected,
            "{intent} is attempt {attempt} at a removal, and {} of {TRIES} is next",
            ends.next.0
        );
        ensure!(
            ends.asked || is_over && made.at + made.keep <= now,
            Protected,
            "{intent} removes {which:?} before its time, and nobody wants that"
        );
        let Some(host) = self.host_named(&made.host) else {
            let what = format!(
                "{intent} removes something of `{}`, which is gone",
                made.host
            );
            return Err((Invariant::I4, what));
        };
        self.check_removal_scope(intent, host)?;
        let running = self.hosts[host.index()].running;
        ensure!(
            running.is_none(),
            I2,
            "{intent} removes something of host {} while {running:?} runs there",
            host.0
        );
        self.check_not_visited(intent, host)?;
        if let Some(made) = self.protections.get_mut(&which) {
            let runs = Some((intent, host));
            made.ends = Some(Ends { runs, ..ends });
        }
        self.hosts[host.index()].running = Some(intent);
        if let Some(facts) = self.rollout_mut(id)?.slots.get_mut(slot as usize) {
            facts.serial = intent.serial();
        }
        Ok(())
    }

    /// I4: nothing is removed while everything is stopped, or on a host that is not to be touched.
    fn check_removal_scope(&self, intent: IntentId, host: HostId) -> Result<(), Broken> {
        ensure!(
            !self.stopped && !self.faulted,
            I4,
            "{intent} removes something while everything is stopped"
        );
        ensure!(
            self.hosts[host.index()].holds.is_empty() && !self.is_gone(host),
            I4,
            "{intent} removes something of host {}, which is not to be touched, or gone",
            host.0
        );
        Ok(())
    }

    /// The removal that a step is, where it is one that runs.
    fn removal(&self, intent: IntentId) -> Option<(Which, HostId)> {
        let mut all = self.made_of(intent.rollout(), intent.slot().0);
        all.find_map(|(which, made)| {
            let (runs, host) = made.ends?.runs?;
            (runs == intent).then_some((which, host))
        })
    }

    /// A removal is handed out, if it is one.
    pub(super) fn may_hand_removal_out(&self, intent: IntentId) -> Option<Result<(), Broken>> {
        let (which, host) = self.removal(intent)?;
        Some(
            self.check_still_wanted(intent, which)
                .and_then(|()| self.check_removal_scope(intent, host)),
        )
    }

    /// What its rollout may go back to is kept, and a rollback may have been decided since.
    fn check_still_wanted(&self, intent: IntentId, which: Which) -> Result<(), Broken> {
        let ends = self.protections.get(&which).and_then(|made| made.ends);
        let is_asked = ends.is_some_and(|ends| ends.asked);
        ensure!(
            is_asked || self.is_past(which.0),
            Protected,
            "{intent} removes {which:?}, to which its rollout may go back now"
        );
        Ok(())
    }

    /// A removal ended. Whether it was one.
    pub(super) fn removal_ended(
        &mut self,
        intent: IntentId,
        result: &StepResult,
        then: Then,
    ) -> Result<bool, Broken> {
        let Some((which, host)) = self.removal(intent) else {
            return Ok(false);
        };
        self.hosts[host.index()].running = None;
        let now = self.now;
        let Some(ends) = self
            .protections
            .get_mut(&which)
            .and_then(|made| made.ends.as_mut())
        else {
            return Ok(false);
        };
        let attempt = ends.next.0;
        ends.runs = None;
        match (then, result) {
            (Then::Over, StepResult::Done) => {
                self.protections.remove(&which);
            }
            (Then::Over, _) => {
                ensure!(
                    attempt >= TRIES && *result != StepResult::NotStarted,
                    Protected,
                    "{intent} was attempt {attempt} of {TRIES} and is the last one"
                );
                ends.given_up = true;
            }
            (
                Then::Retry {
                    attempt: next, at, ..
                },
                _,
            ) => {
                let never_began = *result == StepResult::NotStarted;
                let expected = if never_began { attempt } else { attempt + 1 };
                ensure!(
                    *result != StepResult::Done && next == expected && at.since(now) <= DAY,
                    Protected,
                    "{intent} ended with {result:?} and is repeated as attempt {next} at {at}"
                );
                ends.next = (next, at);
            }
            (Then::Step { .. } | Then::End { .. } | Then::Nothing, _) => {
                let what = format!("{intent} is a removal, and {then:?} follows for its host");
                return Err((Invariant::Story, what));
            }
        }
        Ok(true)
    }

    /// One of them: the host, and its name.
    pub(super) fn protection(
        &self,
        id: RolloutId,
        slot: Slot,
        number: u32,
    ) -> Option<(String, String)> {
        let made = self.protections.get(&(id, slot.0, number))?;
        Some((made.host.clone(), made.name.clone()))
    }

    /// What must be listed: the host, the rollout, and the name.
    pub(super) fn protections_listed(&self) -> Vec<(String, RolloutId, String)> {
        let all = self.protections.iter();
        all.map(|((id, ..), made)| (made.host.clone(), *id, made.name.clone()))
            .collect()
    }

    /// Whether this was listed once.
    pub(super) fn was_listed(&self, host: &str, name: &str) -> bool {
        let one = (host.to_owned(), name.to_owned());
        self.once_listed.contains(&one)
    }

    /// Whether a rollout is over, and whatever took its place: a fix that comes to nothing leaves it to be rolled back.
    fn is_past(&self, id: RolloutId) -> bool {
        let is_over = |id| self.rollouts.get(&id).is_some_and(|it| it.phase.is_over());
        let mut in_its_place = vec![id];
        let mut all = vec![id];
        while let Some(before) = in_its_place.pop() {
            let of = |&later: &RolloutId| later > before && self.supersedes(later) == Some(before);
            in_its_place.extend(self.rollouts.keys().copied().filter(of));
            all.extend(&in_its_place);
        }
        all.into_iter().all(is_over)
    }

    /// Whether something is to be removed, now or when its time is over, and nothing but time is in the way.
    pub(super) fn removal_to_come(&self) -> bool {
        self.protections.iter().any(|((id, ..), made)| {
            let over = self.is_past(*id);
            let host = self.host_named(&made.host);
            over && host.is_some_and(|host| self.hosts[host.index()].holds.is_empty())
                && made.ends.is_none_or(|ends| !ends.given_up)
        })
    }

    /// The first that should have been removed by now, where nothing has been in the way of that for so long.
    pub(super) fn overdue(&self, by: Span) -> Option<String> {
        let mut all = self.protections.iter();
        let found = all.find(|((id, ..), made)| {
            let over = self.is_past(*id);
            let due = (made.at + made.keep).0.saturating_add(by.0.cast_signed()) <= self.now.0;
            let free = self
                .host_named(&made.host)
                .is_some_and(|host| self.hosts[host.index()].holds.is_empty());
            let waits = match made.ends {
                None => over && due,
                Some(ends) => !ends.given_up && (ends.asked || over),
            };
            waits && free
        });
        let (which, made) = found?;
        Some(format!(
            "{which:?} of `{}` is kept since {} for {} and was not removed: {:?}",
            made.host, made.at, made.keep, made.ends
        ))
    }
}
