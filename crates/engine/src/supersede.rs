//! A newer rollout takes over from another one, in flight or over.
//!
//! This module says in which parts a rollout left the fleet, and decides whether a plan that was made for those parts may
//! take its place. One command ends the old rollout, poisons what it is told to, and proposes the new one: all of it, or none.
//! It computes no plan, and decides nothing about who is visited when; the plan's rings do.
//!
//! # What carries over
//!
//! Who is in which ring, for those the old rollout has not touched. Nothing else: no soak, no evidence, no approval, no
//! accepted failure.
//!
//! # Invariants
//!
//! * In a rollout that is superseded nothing new starts. What is in flight ends by the rules of a halt, and never restarts into
//!   what was installed, whatever its policy says of halts.
//! * A plan is carried out for the parts it was made for: where a host has moved to another one since, it is refused.
//! * What is broken stays down in the account of budgets and availability groups, from the decision until its visit ended, and
//!   needs no slot of them meanwhile. So is what was in flight at the decision and broke since.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ringway_model::{
    Actor, Content, HostId, RingIndex, RolloutId, Slot, StepKind, Timestamp, VisitKind,
};
use ringway_scheduler::{FleetSpec, Part, Plan, Situation};

use crate::command::{Command, Rejected};
use crate::consent::check_length;
use crate::engine::Engine;
use crate::event::{Event, Then};
use crate::host::{Ending, HostState};
use crate::poison::{bad_content, is_badly_named};
use crate::propose::Asked;
use crate::rollout::{Rollout, RolloutState, Stage};
use crate::slot::{Class, SlotRec};

impl Rollout {
    /// In which part of the fleet it left a host, going by its own record.
    fn left(&self, slot: u32) -> Part {
        let record = self.rec.slots[slot as usize];
        let has = record.is(SlotRec::CHANGED | SlotRec::APPLYING);
        let or_broken = |harmed: bool| match (has, harmed) {
            (true, true) => Part::Broken,
            (true, false) => Part::Latent,
            (false, _) => Part::Untouched,
        };
        match record.state.class() {
            Class::Failed | Class::Pending if record.state.is_down() => Part::Broken,
            Class::Failed => or_broken(true),
            Class::Visiting => self.left_in_visit(slot, has),
            Class::Settling | Class::Done | Class::Outside => Part::Latent,
            Class::Withheld => Part::Withheld,
            Class::RolledBack => Part::Untouched,
            Class::Pending | Class::Debt | Class::Skipped | Class::Vanished | Class::Excepted => {
                or_broken(record.is(SlotRec::COUNTED))
            }
        }
    }

    /// The same of a host in a visit: by what has begun.
    fn left_in_visit(&self, slot: u32, has: bool) -> Part {
        let record = self.rec.slots[slot as usize];
        let Some((visit, position, _, ending)) = record.state.visit() else {
            return Part::Untouched;
        };
        let fails = match ending {
            Ending::Failed { step, .. } => has || !step.leaves_up(),
            Ending::Lost => true,
            Ending::Well | Ending::BackToPending | Ending::Withheld | Ending::Offline => false,
        };
        if fails || self.rec.again.contains(&slot) || has && record.is(SlotRec::COUNTED) {
            return Part::Broken;
        }
        if !has {
            return Part::Untouched;
        }
        let reboot = self.route(slot).position(visit, StepKind::Reboot);
        let restarts = visit != VisitKind::Rollback && reboot.is_some_and(|at| position <= at);
        if restarts || ending == Ending::Withheld {
            Part::Withheld
        } else {
            Part::Latent
        }
    }
}

impl Engine {
    /// How a rollout left the fleet's hosts, with the rollouts that it has superseded itself and any other that installs the
    /// same content. What a later rollout has changed by the same recipe since, or one that took the place of the one before, is
    /// not told of that. Absent where there is no such rollout.
    pub fn situation(&self, rollout: RolloutId) -> Option<Situation> {
        let r = self.index_of(rollout).ok()?;
        let contents = self.superseded_contents(r);
        let spec = &self.fleet.spec;
        let here = spec.hosts.iter().enumerate();
        let here: BTreeMap<&str, HostId> = here
            .map(|(at, host)| (host.name.as_str(), HostId::at(at)))
            .filter(|(_, host)| !spec.vanished.contains(host))
            .collect();
        let mut hosts: BTreeMap<String, Part> = BTreeMap::new();
        // By host and recipe: what a later rollout has changed is as that one left it. Another recipe changes something else.
        let mut changed: BTreeSet<(HostId, &str)> = BTreeSet::new();
        // One that took the place of another changes the same, whatever the recipe: these are its hosts.
        let mut mended: BTreeSet<HostId> = BTreeSet::new();
        for (at, one) in self.rollouts.iter().enumerate().rev() {
            let is_of_the_chain = at == r || self.has_superseded(r, at);
            let routes = one.plan.routes.iter();
            let is_meant: Vec<bool> = routes
                .map(|route| contents.contains(&route.content()))
                .collect();
            let Some(fleet) = self.fleets.get(&one.plan.fleet) else {
                continue;
            };
            for (slot, planned) in (0_u32..).zip(&one.plan.slots) {
                let named = fleet.hosts.get(planned.host.index());
                let Some((name, host)) = named.and_then(|host| here.get_key_value(&*host.name))
                else {
                    continue;
                };
                let what = (*host, one.route(slot).recipe.as_str());
                let part = one.left(slot);
                let is_told = is_meant[planned.route.index()] && part != Part::Untouched;
                if is_told && !changed.contains(&what) && !mended.contains(host) {
                    let known = hosts.entry((*name).to_owned()).or_insert(part);
                    *known = part.min(*known);
                }
                // Who was taken back has again what was there before.
                let record = one.rec.slots[slot as usize];
                if record.is(SlotRec::CHANGED) && record.state != HostState::RolledBack {
                    changed.insert(what);
                    if is_of_the_chain {
                        mended.insert(*host);
                    }
                }
            }
        }
        Some(Situation { rollout, hosts })
    }

    /// What a rollout installs, and those that it has superseded.
    fn superseded_contents(&self, r: usize) -> BTreeSet<Content> {
        let chain = std::iter::once(r).chain(self.superseded_by(r));
        let routes = chain.flat_map(|r| &self.rollouts[r].plan.routes);
        routes
            .map(ringway_scheduler::plan::Route::content)
            .collect()
    }

    /// The rollouts that one has superseded: the one in whose place it is, the one in whose place that was, and so on.
    pub(crate) fn superseded_by(&self, r: usize) -> impl Iterator<Item = usize> {
        std::iter::successors(Some(r), |&r| {
            let supersedes = self.rollouts[r].plan.supersedes.as_ref()?;
            let before = self.index_of(supersedes.rollout).ok()?;
            // Always an earlier one, so this comes to an end.
            (before < r).then_some(before)
        })
        .skip(1)
    }

    /// Whether one rollout is in the place of another, at once or by way of others.
    pub(crate) fn has_superseded(&self, r: usize, other: usize) -> bool {
        self.superseded_by(r).any(|before| before == other)
    }

    /// A rollout with its plan, and the fleet that is for: what a plan that supersedes it is made from.
    pub fn plan_of(&self, rollout: RolloutId) -> Option<(Arc<Plan>, Arc<FleetSpec>)> {
        let r = self.index_of(rollout).ok()?;
        let plan = &self.rollouts[r].plan;
        let fleet = self.fleets.get(&plan.fleet)?;
        Some((Arc::clone(plan), Arc::clone(fleet)))
    }

    /// Whether a rollout visits hosts that one before it broke.
    pub(crate) fn recovers(&self, r: usize) -> bool {
        let stage = self.rollouts[r].rec.state.stage();
        stage.is_some_and(|stage| match stage {
            Stage::Visiting { ring } => self.is_recovery(r, *ring),
            Stage::Soaking { .. } | Stage::Promoting { .. } => false,
        })
    }

    /// Whether a ring has the hosts that were broken when the rollout began.
    pub(crate) fn is_recovery(&self, r: usize, ring: RingIndex) -> bool {
        self.rollouts[r].plan.part_of(ring.index()) == Some(Part::Broken)
    }

    /// Whether a host was touched by what its rollout supersedes.
    pub(crate) fn is_of_a_part(&self, r: usize, slot: u32) -> bool {
        let rollout = &self.rollouts[r];
        rollout.plan.supersedes.is_some() && rollout.plan.part_of(rollout.ring_of(slot)).is_some()
    }

    /// Whether hosts of a rollout are not to restart into what it installed, even where its policy has visits finished.
    pub(crate) fn withholds_restarts(&self, r: usize) -> bool {
        #[cfg(feature = "planted-bugs")]
        if self.bug(crate::planted::Bug::SupersededRestarts) {
            return false;
        }
        self.rollouts[r].rec.state.superseded_by().is_some()
    }

    /// A new rollout takes the place of another one.
    #[expect(clippy::too_many_lines, reason = "it is read as one list")]
    pub(crate) fn supersede(
        &mut self,
        actor: &Actor,
        command: &Command,
        out: &mut Vec<Event>,
    ) -> Result<RolloutId, Rejected> {
        let Command::Supersede {
            rollout,
            fleet,
            plan,
            key,
            change,
            poison,
            reason,
        } = command
        else {
            return Err(Rejected::new("wrong-state", "nothing is superseded", ""));
        };
        let in_lane = self.plans.get(plan).is_some_and(|plan| plan.lane.is_some());
        let asked = Asked {
            key: key.as_deref(),
            change: change.as_ref(),
            reason: in_lane.then_some(reason.as_str()),
        };
        if let Some(known) = self.known_by(asked) {
            let known = known?;
            let r = self.known(*rollout)?;
            return self.said_before(r, known, asked);
        }
        if reason.trim().is_empty() {
            return Err(Rejected::new(
                "reason-missing",
                "superseding a rollout needs a reason",
                "say what is wrong with the old one: `--reason`",
            ));
        }
        check_length(reason, "reason")?;
        let r = self.known(*rollout)?;
        let by = self.rollouts[r].rec.state.superseded_by();
        #[cfg(feature = "planted-bugs")]
        let by = by.filter(|_| !self.bug(crate::planted::Bug::SupersededTwice));
        if let Some(by) = by {
            let index = self.known(by)?;
            // Said twice it is done once.
            if self.rollouts[index].rec.plan == *plan {
                return Ok(by);
            }
            let why = format!("rollout {rollout} was superseded by rollout {by}");
            let hint = format!("`ringway supersede {by}` takes the place of that one");
            return Err(Rejected::new("wrong-state", why, &hint));
        }
        self.check_plan(*fleet, *plan)?;
        let known = self.plans.get(plan).cloned();
        let Some(known) = known else {
            return Err(Rejected::new("not-found", "its plan is not registered", ""));
        };
        self.check_parts(*rollout, &known)?;
        check_poison(poison, &known)?;
        let by = self.begin(actor, *fleet, *plan, asked, out)?;
        self.emit(
            Event::SupersedeBegan {
                rollout: *rollout,
                by,
                actor: actor.clone(),
                reason: reason.clone(),
            },
            out,
        );
        let mut contents = poison.clone();
        #[cfg(feature = "planted-bugs")]
        if self.bug(crate::planted::Bug::SupersedePoisonsNothing) {
            contents.clear();
        }
        self.poisoned_again(actor, &contents, reason, out);
        contents.retain(|content| {
            !self
                .poisons_given()
                .iter()
                .any(|known| known.content == *content)
        });
        contents.sort();
        contents.dedup();
        if !contents.is_empty() {
            self.emit(
                Event::Poisoned {
                    contents,
                    actor: actor.clone(),
                    reason: reason.clone(),
                },
                out,
            );
            self.heed_poison(out);
        }
        if !self.rollouts[r].rec.state.is_final() {
            self.take_back(r, out);
        }
        Ok(by)
    }

    /// A rollout has the key that came with the wish already: the one in the old one's place, where it was said before. Any other
    /// was asked for by somebody else, and nothing would be done.
    fn said_before(
        &self,
        r: usize,
        known: RolloutId,
        asked: Asked<'_>,
    ) -> Result<RolloutId, Rejected> {
        if self.rollouts[r].rec.state.superseded_by() == Some(known) {
            return Ok(known);
        }
        let (id, key) = (self.rollouts[r].rec.id, asked.key.unwrap_or_default());
        Err(Rejected::new(
            "key-taken",
            format!("{known} has the key `{key}` and does not take the place of {id}"),
            "give this one a key of its own: `--key`",
        ))
    }

    /// Whether a rollout ended before it visited anybody, as where its start was rejected, and so did those in its place.
    pub(crate) fn came_to_nothing(&self, rollout: RolloutId) -> bool {
        let Ok(r) = self.index_of(rollout) else {
            return false;
        };
        let rec = &self.rollouts[r].rec;
        let ended = match rec.state {
            RolloutState::Cancelled => true,
            // Always a later one, so this comes to an end.
            RolloutState::Superseded { by } => by > rollout && self.came_to_nothing(by),
            RolloutState::Proposed
            | RolloutState::Advancing(_)
            | RolloutState::Paused { .. }
            | RolloutState::Halted { .. }
            | RolloutState::RollingBack
            | RolloutState::Cancelling
            | RolloutState::Superseding { .. }
            | RolloutState::Completed
            | RolloutState::RolledBack => false,
        };
        ended && rec.opened == 0
    }

    /// Whether a plan begins with the parts that the rollout has left by now.
    fn check_parts(&self, rollout: RolloutId, plan: &Plan) -> Result<(), Rejected> {
        #[cfg(feature = "planted-bugs")]
        if self.bug(crate::planted::Bug::PartsUnchecked) {
            return Ok(());
        }
        let stale = |why: String| {
            let hint = "supersede it again: the plan is made anew";
            Err(Rejected::new("stale-parts", why, hint))
        };
        let Some(supersedes) = plan.supersedes.as_ref().filter(|it| it.rollout == rollout) else {
            return stale(format!(
                "the plan was not made to supersede rollout {rollout}"
            ));
        };
        let Some(situation) = self.situation(rollout) else {
            return stale(format!("there is no rollout {rollout}"));
        };
        if supersedes.situation != situation.digest() {
            return stale(format!(
                "hosts of rollout {rollout} have moved to another part since the plan was made"
            ));
        }
        let fleet = self.fleets.get(&plan.fleet);
        for (at, ring) in plan.rings.iter().enumerate() {
            let wanted = plan.part_of(at).unwrap_or(Part::Untouched);
            for slot in &plan.slots[ring.slots()] {
                let host = fleet.and_then(|fleet| fleet.hosts.get(slot.host.index()));
                let is = host.map_or(Part::Untouched, |host| situation.part(&host.name));
                if is != wanted {
                    let name = host.map_or("?", |host| &*host.name);
                    return stale(format!(
                        "host `{name}` is {}, and the plan has it in ring `{}`",
                        is.words(),
                        ring.name
                    ));
                }
            }
        }
        Ok(())
    }

    /// A host that was in flight when its rollout was superseded broke since: it is down in the account of the rollout that will
    /// visit it, as what was broken before is.
    pub(crate) fn broken_meanwhile(&self, event: &Event) -> Option<Event> {
        let (rollout, slot, to) = if let Event::StepEnded {
            intent,
            then: Then::End { to, .. },
            ..
        } = event
        {
            (intent.rollout(), intent.slot(), to)
        } else if let Event::HostMoved {
            rollout, slot, to, ..
        } = event
        {
            (*rollout, *slot, to)
        } else {
            return None;
        };
        #[cfg(feature = "planted-bugs")]
        if self.bug(crate::planted::Bug::BrokenMeanwhileIsUp) {
            return None;
        }
        let r = self.index_of(rollout).ok().filter(|_| to.is_down())?;
        let mut last = r;
        // The one in its place may have been superseded in its turn.
        while let Some(by) = self.rollouts[last].rec.state.superseded_by() {
            last = self.index_of(by).ok().filter(|&by| by > last)?;
        }
        let is_superseding = matches!(self.rollouts[r].rec.state, RolloutState::Superseding { .. });
        if !is_superseding || self.rollouts[last].rec.state.is_final() {
            return None;
        }
        let at = self.slot_of(last, self.host_of(r, slot.0))?;
        let state = self.rollouts[last].rec.slots[at as usize].state;
        (state.class() == Class::Pending && state != HostState::Again).then(|| Event::HostMoved {
            rollout: self.rollouts[last].rec.id,
            slot: Slot(at),
            to: HostState::Again,
            until: Timestamp::NEVER,
        })
    }

    /// The old rollout is over, or ends; what it broke stays down in the new one's account.
    pub(crate) fn fold_supersede_began(&mut self, r: usize, by: usize) {
        let id = self.rollouts[by].rec.id;
        let state = &mut self.rollouts[r].rec.state;
        *state = if state.is_final() {
            RolloutState::Superseded { by: id }
        } else {
            RolloutState::Superseding { by: id }
        };
        #[cfg(feature = "planted-bugs")]
        if self.bug(crate::planted::Bug::BrokenCountsAsUp) {
            return;
        }
        let plan = Arc::clone(&self.rollouts[by].plan);
        let broken = plan.rings.iter().enumerate();
        let broken = broken.filter(|(ring, _)| plan.part_of(*ring) == Some(Part::Broken));
        for slot in broken.flat_map(|(_, ring)| ring.slots()) {
            let slot = u32::try_from(slot).unwrap_or(u32::MAX);
            self.set_slot(by, slot, HostState::Again, Timestamp::NEVER);
            self.rollouts[by].rec.again.insert(slot);
        }
    }
}

/// What is to be poisoned must be content, and must not be what is to be installed.
fn check_poison(poison: &[Content], plan: &Plan) -> Result<(), Rejected> {
    if poison.iter().any(is_badly_named) {
        return Err(bad_content());
    }
    let mut routes = plan.routes.iter();
    let own = routes.find(|route| {
        let content = route.content();
        poison.iter().any(|poison| poison.covers(&content))
    });
    let Some(route) = own else { return Ok(()) };
    Err(Rejected::new(
        "poisoned",
        format!(
            "the new rollout would install {}, which is to be poisoned",
            route.content_words()
        ),
        "supersede it with other content, or poison less",
    ))
}
