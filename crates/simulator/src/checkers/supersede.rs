//! A rollout that takes the place of another one: the old one touches nobody any more, the new one begins with those that the
//! old one has touched, and what it broke is down until it is mended.
//!
//! Who was touched is read here from the steps that began and the states that followed, by the rules as they are written,
//! and not from what the decider says of it.

use std::collections::BTreeSet;

use ringway_engine::{Command, Event, HostState, Input};
use ringway_model::{HostId, IntentId, RolloutId, StepKind, VisitKind};
use ringway_scheduler::Part;

use super::facts::{Class, Facts, Phase, RolloutFacts, SlotFacts, ring_of};
use super::{Broken, ensure};

impl Facts {
    /// Another rollout takes the place of this one.
    pub(super) fn superseded(
        &mut self,
        old: RolloutId,
        by: RolloutId,
        reason: &str,
    ) -> Result<(), Broken> {
        ensure!(
            !reason.trim().is_empty(),
            Story,
            "{old} is superseded and nobody says why"
        );
        ensure!(
            self.superseded.insert(old, by).is_none(),
            Story,
            "{old} is superseded a second time, by {by}"
        );
        let new = self.rollout(by)?;
        let names_it = new.plan.supersedes.as_ref().map(|it| it.rollout);
        ensure!(
            new.phase == Phase::Proposed && new.opened == 0 && names_it == Some(old),
            Story,
            "{by} takes the place of {old}, and was not made for that"
        );
        ensure!(
            new.approvals.is_empty(),
            I9,
            "{by} takes the place of {old} and has approvals from before it was"
        );
        self.check_parts_of(by)?;
        if !self.rollout(old)?.phase.is_over() {
            self.set_phase(old, Phase::Superseding)?;
        }
        self.rollout_mut(old)?.superseded = true;
        let plan = self.rollout(by)?.plan.clone();
        for slot in 0..plan.slots.len() {
            if part_in(self.rollout(by)?, slot) == Some(Part::Broken) {
                self.change(by, slot, |facts| facts.rest = HostState::Again);
            }
        }
        Ok(())
    }

    /// Whoever has something of what is superseded is in a ring of the parts, and nobody else is.
    fn check_parts_of(&self, by: RolloutId) -> Result<(), Broken> {
        let new = self.rollout(by)?;
        for (slot, planned) in new.plan.slots.iter().enumerate() {
            let found = self.left_of(by, planned.host);
            let ring = ring_of(&new.plan, slot);
            let part = part_in(new, slot);
            let fits = match part {
                Some(Part::Broken) => found.broken,
                Some(Part::Withheld | Part::Latent) => found.has && !found.is_surely_broken,
                Some(Part::Untouched) | None => !found.has && !found.is_surely_broken,
            };
            ensure!(
                fits,
                Story,
                "{by} has host {} in ring {ring} as {part:?}, and it is {found:?}",
                planned.host.0
            );
        }
        Ok(())
    }

    /// What rollouts that a new one supersedes, directly or through others, have left on a host.
    fn left_of(&self, by: RolloutId, host: HostId) -> Left {
        let mut left = Left::default();
        let mut olds = BTreeSet::new();
        let mut next = self.supersedes(by);
        while let Some(old) = next {
            olds.insert(old);
            next = self.supersedes(old);
        }
        let contents: BTreeSet<_> = olds
            .iter()
            .filter_map(|old| self.rollouts.get(old))
            .flat_map(|old| old.plan.routes.iter().map(content_of))
            .collect();
        let name = self
            .fleet
            .as_ref()
            .map(|fleet| &fleet.hosts[host.index()].name);
        let (mut recipes, mut in_flight) = (BTreeSet::new(), BTreeSet::new());
        // Whether one of them has changed the host, or is about to: whatever its recipe, that is in the place of what was before.
        let (mut is_mended, mut is_being_mended) = (false, false);
        // The latest first: what one has changed is as that one left it. Another recipe changes something else.
        for (id, rollout) in self.rollouts.range(..by).rev() {
            let fleet = self.fleets.get(&rollout.plan.fleet);
            let is_it = |at: HostId| fleet.map(|fleet| &fleet.hosts[at.index()].name) == name;
            let mut slots = rollout.plan.slots.iter();
            let Some(slot) = slots.position(|planned| is_it(planned.host)) else {
                continue;
            };
            let route = &rollout.plan.routes[rollout.plan.slots[slot].route.index()];
            let is_told = !is_mended && !recipes.contains(&route.recipe);
            if contents.contains(&content_of(route)) && is_told {
                if is_being_mended || in_flight.contains(&route.recipe) {
                    // Whether what the later one does will mend it, nobody knows yet.
                    let mut before = Left::default();
                    before.note(rollout, slot);
                    left.has |= before.has;
                    left.broken |= before.broken;
                } else {
                    left.note(rollout, slot);
                }
            }
            let facts = &rollout.slots[slot];
            let by_hand = matches!(facts.rest, HostState::ByHand { .. });
            let is_of_them = olds.contains(id);
            if may_have(facts) && (facts.visit.is_some() || by_hand) {
                in_flight.insert(&route.recipe);
                is_being_mended |= is_of_them;
            } else if may_have(facts) && facts.rest != HostState::RolledBack {
                recipes.insert(&route.recipe);
                is_mended |= is_of_them;
            }
        }
        left
    }

    /// A rollout whose place another one took goes back only where nobody was visited in its place, and nobody will be.
    pub(super) fn check_place_is_free(&mut self, id: RolloutId) -> Result<(), Broken> {
        let mut last = id;
        while let Some(by) = self.superseded.get(&last).copied() {
            let new = self.rollout(by)?;
            ensure!(
                new.opened == 0 && new.phase.is_over(),
                I4,
                "{id} goes back and {by}, which took its place, has visited hosts, or may"
            );
            last = by;
        }
        self.superseded.remove(&id);
        self.rollout_mut(id)?.superseded = false;
        Ok(())
    }

    /// A host that was in flight in a superseded rollout broke: it is down where it is to be visited, too.
    pub(super) fn note_broken(&mut self, id: RolloutId, slot: usize) -> Result<(), Broken> {
        let rollout = self.rollout(id)?;
        if rollout.phase != Phase::Superseding || !rollout.slots[slot].is_down() {
            return Ok(());
        }
        let host = rollout.plan.slots[slot].host;
        let mut by = id;
        while let Some(next) = self.superseded.get(&by) {
            by = *next;
        }
        let new = self.rollout(by)?;
        let place = new.plan.slots.iter().position(|one| one.host == host);
        let waits = |slot: &usize| {
            let facts = &new.slots[*slot];
            facts.visit.is_none() && facts.class() == Class::Pending
        };
        let open = !new.phase.is_over();
        let place = place.filter(waits).filter(|_| open);
        self.broken_meanwhile.extend(place.map(|slot| (by, slot)));
        Ok(())
    }

    /// Nobody is told to be down who is not.
    pub(super) fn check_broken_meanwhile(&self, id: RolloutId, slot: usize) -> Result<(), Broken> {
        ensure!(
            self.broken_meanwhile.contains(&(id, slot)),
            Story,
            "slot {slot} of {id} is to be visited again and had not failed"
        );
        Ok(())
    }

    /// I3: at the end of the batch that broke them they are down.
    pub(super) fn check_broken(&mut self) -> Result<(), Broken> {
        for (id, slot) in std::mem::take(&mut self.broken_meanwhile) {
            let facts = &self.rollout(id)?.slots[slot];
            ensure!(
                facts.is_down() || facts.visit.is_some() || facts.class() != Class::Pending,
                I3,
                "slot {slot} of {id} broke in the rollout before, and counts as up"
            );
        }
        Ok(())
    }

    /// I4: no visit restarts its host into what another rollout installed there and withholds the restart of, but of a rollout
    /// that took the place of that one, or after one that did.
    pub(super) fn check_restart(
        &self,
        intent: IntentId,
        visit: VisitKind,
        kind: StepKind,
    ) -> Result<(), Broken> {
        if kind != StepKind::Reboot || visit == VisitKind::Rollback {
            return Ok(());
        }
        let (rollout, slot) = self.place(intent.rollout(), intent.slot())?;
        let host = rollout.plan.slots[slot].host;
        let Some(fleet) = &self.fleet else {
            return Ok(());
        };
        let given = self.given.get(&fleet.hosts[host.index()].name);
        let mut later = vec![intent.rollout()];
        for (other, at) in given.into_iter().flatten().rev() {
            let Some(theirs) = self.rollouts.get(other).filter(|_| !later.contains(other)) else {
                continue;
            };
            let facts = &theirs.slots[at.index()];
            let withheld = facts.visit.is_none() && facts.class() == Class::Withheld;
            let replaced = later.iter().any(|one| {
                let mut next = self.supersedes(*one);
                while let Some(old) = next {
                    if old == *other {
                        return true;
                    }
                    next = self.supersedes(old);
                }
                false
            });
            ensure!(
                !withheld || replaced || theirs.phase == Phase::Advancing,
                I4,
                "{intent} restarts host {}, whose restart {other} withholds ({})",
                host.0,
                theirs.word()
            );
            if facts.rest != HostState::RolledBack || facts.visit.is_some() {
                later.push(*other);
            }
        }
        Ok(())
    }

    /// What was decided with one command is so as a whole: with the end of the old rollout, everything is poisoned that was to be.
    pub(super) fn check_all_of_it(&self, inputs: &[Input], events: &[Event]) -> Result<(), Broken> {
        let is_taken_back = |event: &Event| matches!(event, Event::Unpoisoned { .. });
        if events.iter().any(is_taken_back) {
            return Ok(());
        }
        for input in inputs {
            let Input::Command {
                command:
                    Command::Supersede {
                        rollout, poison, ..
                    },
                ..
            } = input
            else {
                continue;
            };
            let begun = events.iter().any(
                |event| matches!(event, Event::SupersedeBegan { rollout: old, .. } if old == rollout),
            );
            for content in poison.iter().filter(|_| begun) {
                ensure!(
                    self.poisons.contains(content),
                    I10,
                    "{rollout} is superseded, and {content} was to be poisoned with it and is not"
                );
            }
        }
        Ok(())
    }

    pub(super) fn supersedes(&self, rollout: RolloutId) -> Option<RolloutId> {
        let plan = &self.rollouts.get(&rollout)?.plan;
        Some(plan.supersedes.as_ref()?.rollout)
    }

    /// Nothing of a rollout that was superseded installs, restarts or begins: what is in flight only comes back into service. What is
    /// being taken back is, as wherever work is held.
    pub(super) fn check_not_superseded(
        &self,
        intent: IntentId,
        visit: VisitKind,
        kind: StepKind,
    ) -> Result<(), Broken> {
        let brings_back = matches!(
            kind,
            StepKind::Verify
                | StepKind::CareVerify
                | StepKind::Undrain
                | StepKind::Unsilence
                | StepKind::Recovery
        );
        let by = self.superseded.get(&intent.rollout());
        let (rollout, slot) = self.place(intent.rollout(), intent.slot())?;
        let goes_back = visit == VisitKind::Rollback && rollout.slots[slot].visit.is_some();
        ensure!(
            by.is_none() || brings_back || goes_back,
            I4,
            "{intent} starts `{kind}` of a {} visit, and {by:?} has taken the place of its rollout",
            visit.word()
        );
        Ok(())
    }
}

impl RolloutFacts {
    /// Whether it only waits for what is in flight.
    pub(super) const fn is_ending(&self) -> bool {
        matches!(
            self.phase,
            Phase::Cancelling | Phase::RollingBack | Phase::Superseding
        )
    }
}

/// The part of the fleet that a host of a plan was taken for; none in a ring of the policy.
pub(super) fn part_in(rollout: &RolloutFacts, slot: usize) -> Option<Part> {
    let supersedes = rollout.plan.supersedes.as_ref()?;
    supersedes.parts.get(ring_of(&rollout.plan, slot)).copied()
}

fn content_of(
    route: &ringway_scheduler::plan::Route,
) -> (
    &str,
    Option<&str>,
    &std::collections::BTreeMap<String, String>,
) {
    (&route.release, route.build.as_deref(), &route.parameters)
}

/// Whether an `apply` began on a host, or was issued and is not known never to have.
fn may_have(facts: &SlotFacts) -> bool {
    facts.applied_to || facts.visit.is_some_and(|visit| visit.applying)
}

/// What old rollouts have left on a host.
#[derive(Clone, Copy, Debug, Default)]
struct Left {
    /// It may have something of them.
    has: bool,
    /// It may be broken.
    broken: bool,
    /// It is down by its outcome, so that it cannot be taken for anything else.
    is_surely_broken: bool,
}

impl Left {
    fn note(&mut self, rollout: &RolloutFacts, slot: usize) {
        let facts = &rollout.slots[slot];
        let is_back = facts.rest == HostState::RolledBack && facts.visit.is_none();
        let was_there = matches!(facts.rest, HostState::Already | HostState::ChangedOutside);
        self.has |= may_have(facts) && !is_back || was_there;
        let failed = matches!(
            facts.rest,
            HostState::Failed { .. }
                | HostState::Unhealthy { .. }
                | HostState::RollbackFailed { .. }
                | HostState::Lost
                | HostState::Again
        );
        let is_down = facts.visit.is_none() && facts.is_down();
        // What was broken before its rollout began stays so until its visit has ended.
        self.broken |= facts.visit.is_some() && part_in(rollout, slot) == Some(Part::Broken);
        self.is_surely_broken |= is_down;
        self.broken |= is_down
            || failed && (may_have(facts) || facts.out_of_service)
            || facts.suspected && (self.has || facts.out_of_service || facts.visit.is_some());
    }
}
