//! Content that must not be installed any more, whoever would do it.
//!
//! This module decides what a poisoning changes and whom it keeps; `fold` carries it out. What is poisoned is content (an
//! id, a build, what a plan's release installs with its values), never an update's name. It holds in every rollout of the
//! fleet, those to come too, until somebody takes it back.
//!
//! # Invariants
//!
//! * Poisoned content is never issued again (I10): by no rollout, no attempt after the first, no host that joins later, no
//!   rollback, no intent of before a crash. A step that was decided and has not begun is withdrawn.
//! * It holds exactly the hosts whose release it is; all others go on.
//! * What was begun is brought back into service as after a halt: in `apply` it ends, and its restart is withheld, whatever
//!   the policy says of halts.

use std::collections::{BTreeMap, BTreeSet};

use ringway_model::{Actor, Content, Effect, RouteId, StepKind, Timestamp, VisitKind, WaitingOn};
use ringway_scheduler::Plan;
use ringway_scheduler::plan::{More, Route};
use serde::{Deserialize, Serialize};

use crate::command::{Poisoning, Rejected};
use crate::consent::check_length;
use crate::engine::Engine;
use crate::event::Event;
use crate::host::HostState;
use crate::rollout::{Record, Rollout};
use crate::slot::SlotRec;
use crate::view::PoisonView;

/// The longest id or build in a poisoning, in bytes.
const LONGEST_NAME: usize = 256;

/// A poisoning in force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Poison {
    pub(crate) content: Content,
    pub(crate) by: Actor,
    pub(crate) reason: String,
    pub(crate) since: Timestamp,
    /// The advisory that asks for it; it is there as long as that counts, and not written beside it.
    #[serde(skip)]
    pub(crate) advisory: Option<String>,
}

impl Poison {
    /// Whether it is of this content. An advisory may know a release by its build alone.
    pub(crate) fn covers(&self, other: &Content) -> bool {
        let by_build = self.advisory.is_some()
            && self.content.build.is_none()
            && other.build.as_ref() == Some(&self.content.id);
        self.content.covers(other) || by_build
    }
}

/// What inspections print of a host that has something poisoned.
#[derive(Clone, Debug, Default)]
pub(crate) struct PoisonWords {
    /// Ids and builds: whatever inspection prints them.
    names: BTreeSet<String>,
    /// By recipe: what its inspection prints where the release is there. Another one's may mean something else by it.
    by_recipe: BTreeMap<String, BTreeSet<String>>,
}

impl PoisonWords {
    /// Of all that these poisonings cover of what rollouts install, by whatever name somebody gave it.
    fn new(poisons: &[Poison], rollouts: &[Rollout]) -> Self {
        let mut words = Self::default();
        for Content { id, build, .. } in poisons.iter().map(|poison| &poison.content) {
            words.names.insert(id.clone());
            words.names.extend(build.clone());
        }
        let covered = rollouts.iter().flat_map(|rollout| {
            let routes = rollout.plan.routes.iter().zip(&rollout.poisoned);
            routes.filter_map(|(route, by)| by.map(|_| route))
        });
        for route in covered {
            words.names.insert(route.release.clone());
            words.names.extend(route.build.clone());
            let inspects = route.step_for(StepKind::Inspect).map(|step| &step.more);
            let Some(More::Inspect { installed_when, .. }) = inspects else {
                continue;
            };
            let printed = installed_when.trim();
            if !printed.is_empty() && !printed.contains("{output}") {
                let of_recipe = words.by_recipe.entry(route.recipe.clone()).or_default();
                of_recipe.insert(printed.to_owned());
            }
        }
        words
    }

    /// Whether they name what an inspection by this recipe found: its whole text, or the first word of it, behind which may
    /// stand in what state that is.
    fn mean(&self, recipe: &str, found: &str) -> bool {
        let printed = self.by_recipe.get(recipe);
        let is_one =
            |text: &str| self.names.contains(text) || printed.is_some_and(|it| it.contains(text));
        let found = found.trim();
        is_one(found) || found.split_whitespace().next().is_some_and(is_one)
    }
}

/// Which of these poisonings covers each route of a plan, by `RouteId`.
pub(crate) fn of_routes(poisons: &[Poison], plan: &Plan) -> Vec<Option<usize>> {
    if poisons.is_empty() {
        return Vec::new();
    }
    let routes = plan.routes.iter().map(|route| {
        let (content, former) = (route.content(), route.former_digest());
        let is_of_it =
            |poison: &Poison| poison.covers(&content) || poison.content.digest == Some(former);
        poisons.iter().position(is_of_it)
    });
    routes.collect()
}

/// Whether content has a name that nobody could type or read.
pub(crate) fn is_badly_named(content: &Content) -> bool {
    let is_bad = |text: &String| {
        text.trim().is_empty() || text.len() > LONGEST_NAME || text.chars().any(char::is_control)
    };
    std::iter::once(&content.id)
        .chain(&content.build)
        .any(is_bad)
}

pub(crate) fn bad_content() -> Rejected {
    let why = format!(
        "an id or build has 1 to {LONGEST_NAME} characters, and none that a terminal obeys"
    );
    let hint = "for example `ringway poison KB5082142 --build 20348.5020`";
    Rejected::new("bad-content", why, hint)
}

impl Rollout {
    /// The number of the poisoning that covers a route.
    fn poison_of(&self, route: RouteId) -> Option<usize> {
        self.poisoned.get(route.index()).copied().flatten()
    }
}

impl Engine {
    /// The poisoning that covers what a rollout installs on a host.
    pub(crate) fn poison_on(&self, r: usize, slot: u32) -> Option<&Poison> {
        let rollout = &self.rollouts[r];
        self.poisons.get(rollout.poison_of(rollout.route_id(slot))?)
    }

    /// Whether visits that install, or restart into what was installed, are kept from a host (I10).
    pub(crate) fn is_poisoned(&self, r: usize, slot: u32, visit: VisitKind) -> bool {
        #[cfg(feature = "planted-bugs")]
        if self.bug(crate::planted::Bug::PoisonNotInVisit) {
            return false;
        }
        visit != VisitKind::Rollback && self.poison_on(r, slot).is_some()
    }

    /// Why a visit of a host does not start.
    pub(crate) fn poison_keeps(&self, r: usize, slot: u32, visit: VisitKind) -> Option<WaitingOn> {
        #[cfg(feature = "planted-bugs")]
        if self.bug(crate::planted::Bug::PoisonNotAtStart) {
            return None;
        }
        let poison = self
            .poison_on(r, slot)
            .filter(|_| visit != VisitKind::Rollback)?;
        if let Some(known) = self.advisory_behind(poison) {
            return Some(known.waiting_on(&[]));
        }
        let content = Content {
            digest: None,
            ..self.rollouts[r].route(slot).content()
        };
        if let Some(on) = self.unpoisoning_on(poison, &content) {
            return Some(on);
        }
        Some(WaitingOn::Poisoned {
            content,
            by: poison.by.clone(),
            reason: poison.reason.clone(),
        })
    }

    /// Whether what a rollback would put back on a host is poisoned.
    pub(crate) fn goes_back_to_poison(&self, r: usize, slot: u32) -> bool {
        #[cfg(feature = "planted-bugs")]
        if self.bug(crate::planted::Bug::PoisonPutBack) {
            return false;
        }
        if self.poisons.is_empty() {
            return false;
        }
        let rollout = &self.rollouts[r];
        let previous = rollout.previous(slot);
        let recipe = &rollout.route(slot).recipe;
        previous.is_some_and(|previous| self.poison_words.mean(recipe, previous))
            || self.was_given_poison(r, slot)
    }

    /// Whether what a host had before a rollout changed it is what another rollout gave it, and poisoned by now: whatever an
    /// inspection printed of it. What another recipe installed is beside that and stays, but where this rollout took the place
    /// of that one.
    fn was_given_poison(&self, r: usize, slot: u32) -> bool {
        let recipe = &self.rollouts[r].route(slot).recipe;
        let all = self.last_changes.all_of(self.host_of(r, slot));
        let mut before = all.skip_while(|change| *change != (r, slot)).skip(1);
        let given = before.find(|&(other, at)| {
            let rollout = &self.rollouts[other];
            rollout.rec.slots[at as usize].state != HostState::RolledBack
                && (rollout.route(at).recipe == *recipe || self.has_superseded(r, other))
        });
        given.is_some_and(|(other, at)| self.poison_on(other, at).is_some())
    }

    /// Whether a step of a rollback would put poisoned content back.
    pub(crate) fn puts_poison_back(
        &self,
        r: usize,
        slot: u32,
        visit: VisitKind,
        position: u8,
    ) -> bool {
        visit == VisitKind::Rollback
            && self.rollouts[r]
                .step(slot, visit, position)
                .is_some_and(|step| step.kind == StepKind::Rollback)
            && self.goes_back_to_poison(r, slot)
    }

    /// Whether the plan would install anything that is poisoned: what, and why.
    pub(crate) fn refuses_poisoned(&self, plan: &Plan) -> Result<(), Rejected> {
        #[cfg(feature = "planted-bugs")]
        if self.bug(crate::planted::Bug::PoisonProposed) {
            return Ok(());
        }
        let poisoned = of_routes(&self.poisons, plan);
        let mut slots = plan.slots.iter();
        let found = slots.find_map(|slot| {
            let number = poisoned.get(slot.route.index()).copied().flatten()?;
            Some((plan.routes.get(slot.route.index())?, number))
        });
        let Some((route, number)) = found else {
            return Ok(());
        };
        let poison = &self.poisons[number];
        let why = format!(
            "{} is poisoned by {}: {}",
            route.content_words(),
            poison.by,
            poison.reason
        );
        let hint = match &poison.advisory {
            Some(id) => format!(
                "leave the release out of the update, or have the advisory withdrawn: `ringway advisory withdraw {id}`"
            ),
            None => "leave the release out of the update, or take the poisoning back: `ringway unpoison`".to_owned(),
        };
        Err(Rejected::new("poisoned", why, &hint))
    }

    /// Which poisonings cover what the plans of rollouts install, anew for all of them.
    pub(crate) fn mark_poisoned(&mut self) {
        for rollout in &mut self.rollouts {
            rollout.poisoned = of_routes(&self.poisons, &rollout.plan);
        }
        self.poison_words = PoisonWords::new(&self.poisons, &self.rollouts);
        self.mark_unpoisonings();
    }

    /// The same for one of them.
    pub(crate) fn mark_poisoned_in(&mut self, r: usize) {
        let rollout = &mut self.rollouts[r];
        rollout.poisoned = of_routes(&self.poisons, &rollout.plan);
        self.poison_words = PoisonWords::new(&self.poisons, &self.rollouts);
        self.mark_unpoisonings();
    }

    /// What a command names: releases of a rollout, or content by its id.
    fn contents(&self, what: &Poisoning) -> Result<Vec<Content>, Rejected> {
        match what {
            Poisoning::Content { contents } => {
                if contents.is_empty() || contents.iter().any(is_badly_named) {
                    return Err(bad_content());
                }
                Ok(contents.clone())
            }
            Poisoning::Rollout { rollout, releases } => {
                let plan = &self.rollouts[self.known(*rollout)?].plan;
                let mut contents: Vec<Content> = plan.routes.iter().map(Route::content).collect();
                contents.sort();
                contents.dedup();
                if let Some(unknown) = releases
                    .iter()
                    .find(|id| !contents.iter().any(|content| content.id == **id))
                {
                    let ids: Vec<&str> = contents.iter().map(|content| &*content.id).collect();
                    let hint = format!("it has {}", ids.join(", "));
                    return Err(Rejected::new(
                        "not-found",
                        format!("rollout {rollout} installs no release `{unknown}`"),
                        &hint,
                    ));
                }
                contents.retain(|content| releases.is_empty() || releases.contains(&content.id));
                Ok(contents)
            }
        }
    }

    /// Content must not be installed any more.
    pub(crate) fn poison(
        &mut self,
        actor: &Actor,
        what: &Poisoning,
        reason: &str,
        out: &mut Vec<Event>,
    ) -> Result<(), Rejected> {
        if reason.trim().is_empty() {
            return Err(Rejected::new(
                "reason-missing",
                "a poisoning needs a reason",
                "say why: `--reason`",
            ));
        }
        check_length(reason, "reason")?;
        let mut contents = self.contents(what)?;
        self.poisoned_again(actor, &contents, reason, out);
        contents.retain(|content| {
            let given = self.poisons_given();
            !given.into_iter().any(|known| known.content == *content)
        });
        if contents.is_empty() {
            return Ok(());
        }
        self.emit(
            Event::Poisoned {
                contents,
                actor: actor.clone(),
                reason: reason.to_owned(),
            },
            out,
        );
        self.heed_poison(out);
        Ok(())
    }

    /// What was begun of poisoned content is brought back into service.
    pub(crate) fn heed_poison(&mut self, out: &mut Vec<Event>) {
        for r in 0..self.rollouts.len() {
            if self.rollouts[r].poisoned.iter().any(Option::is_some) || self.is_rolling_back(r) {
                self.take_back(r, out);
            }
        }
    }

    /// The poisonings that people gave, in the order in which they did.
    pub(crate) fn poisons_given(&self) -> Vec<&Poison> {
        let given = self.poisons.iter();
        given.filter(|poison| poison.advisory.is_none()).collect()
    }

    /// The advisory that asks for a poisoning.
    fn advisory_behind(&self, poison: &Poison) -> Option<&crate::advisory::Known> {
        self.advisories.of.get(poison.advisory.as_ref()?)
    }

    /// What advisories poison stands behind what people do, and nowhere else than in them.
    pub(crate) fn poison_as_advised(&mut self) {
        self.poisons.retain(|poison| poison.advisory.is_none());
        let known = self.advisories.of.values();
        let asking =
            known.filter(|known| known.counts() && known.advisory.effect == Effect::Poison);
        let poisons = asking.flat_map(|known| {
            let advisory = &known.advisory;
            advisory.about.iter().map(|about| Poison {
                content: Content {
                    id: about.name.clone(),
                    build: about.build.clone(),
                    digest: None,
                },
                by: known.accepted_by().unwrap_or(&known.by).clone(),
                reason: format!(
                    "advisory {} of {} ({})",
                    advisory.id, advisory.source, advisory.rank
                ),
                since: known.since,
                advisory: Some(advisory.id.clone()),
            })
        });
        self.poisons.extend(poisons);
        self.mark_poisoned();
    }

    /// A poisoning was taken back: whoever waited because of one is looked at again. Before, by rollout: what covered its
    /// routes.
    pub(crate) fn after_unpoisoned(&mut self, before: &[Vec<Option<usize>>]) {
        for (r, before) in before.iter().enumerate() {
            if self.is_rolling_back(r) {
                // Hosts that could not go back, for what they had was poisoned, are in no queue.
                self.fill_queues(r);
            } else {
                self.wake_unpoisoned(r, before);
            }
        }
    }

    /// Hosts that waited because of what they would be given are looked at again.
    fn wake_unpoisoned(&mut self, r: usize, before: &[Option<usize>]) {
        if before.iter().all(Option::is_none) {
            return;
        }
        self.wake_withheld(r);
        let parked: Vec<u32> = self.rollouts[r].idx.parked_hosts.iter().copied().collect();
        for slot in parked {
            let route = self.rollouts[r].route_id(slot);
            if before.get(route.index()).copied().flatten().is_some() {
                self.wake_parked_host(r, slot);
            }
        }
    }

    /// Applies a poisoning, or the end of one.
    pub(crate) fn fold_poison(&mut self, event: &Event) {
        if let Event::Poisoned {
            contents,
            actor,
            reason,
        } = event
        {
            self.fold_poisoned(contents, actor, reason);
        }
        if let Event::Unpoisoned { contents, .. } = event {
            self.fold_unpoisoned(contents);
        }
    }

    fn fold_poisoned(&mut self, contents: &[Content], actor: &Actor, reason: &str) {
        let since = self.last_event;
        let new = contents.iter().map(|content| Poison {
            content: content.clone(),
            by: actor.clone(),
            reason: reason.to_owned(),
            since,
            advisory: None,
        });
        self.poisons.extend(new);
        self.poison_as_advised();
    }

    fn fold_unpoisoned(&mut self, contents: &[Content]) {
        self.poisons
            .retain(|poison| poison.advisory.is_some() || !contents.contains(&poison.content));
        self.mark_poisoned();
        self.forget_unpoisoned();
    }

    /// What is poisoned, with the hosts that have it and those that wait because of it.
    pub(crate) fn poison_views(&self) -> Vec<PoisonView> {
        let mut found: Vec<(Vec<String>, u32)> = vec![(Vec::new(), 0); self.poisons.len()];
        for (r, rollout) in self.rollouts.iter().enumerate() {
            if rollout.poisoned.iter().all(Option::is_none) {
                continue;
            }
            let hosts = self.fleets.get(&rollout.plan.fleet);
            let slots = rollout.rec.slots.iter().zip(&rollout.plan.slots);
            for (index, (record, slot)) in slots.enumerate() {
                let of = rollout.poison_of(slot.route);
                let Some((has, kept)) = of.and_then(|number| found.get_mut(number)) else {
                    continue;
                };
                if self.may_have(r, &rollout.rec, index) {
                    let host = hosts.and_then(|fleet| fleet.hosts.get(slot.host.index()));
                    has.extend(host.map(|host| host.name.clone()));
                } else if !rollout.rec.state.is_final() {
                    *kept += u32::from(record.state.class() == crate::slot::Class::Pending);
                }
            }
        }
        let views = self.poisons.iter().zip(found);
        let views = views.map(|(poison, (mut has, kept))| {
            has.sort();
            has.dedup();
            PoisonView {
                content: poison.content.clone(),
                by: poison.by.0.clone(),
                reason: poison.reason.clone(),
                since: poison.since,
                advisory: poison.advisory.clone(),
                has,
                kept,
            }
        });
        views.collect()
    }

    /// What a host has of a rollout that is poisoned, in words.
    pub(crate) fn poison_had(&self, r: usize, slot: u32) -> Option<String> {
        self.poison_on(r, slot)?;
        let rollout = &self.rollouts[r];
        let has = self.may_have(r, &rollout.rec, slot as usize);
        has.then(|| rollout.route(slot).content_words())
    }

    /// Whether a host may have what a rollout installs, as far as the rollout knows and nobody changed it since.
    fn may_have(&self, r: usize, record: &Record, slot: usize) -> bool {
        let slots = &record.slots;
        let is_back = slots[slot].state == HostState::RolledBack;
        let had = slots[slot].state == HostState::Already;
        let is_changed = slots[slot].is(SlotRec::CHANGED | SlotRec::APPLYING) && !is_back;
        let slot = u32::try_from(slot).unwrap_or(u32::MAX);
        // Also where it has done harm since: whoever put it there, it is there.
        let from_outside = !is_changed && !is_back && record.outside.contains_key(&slot);
        (is_changed || had || from_outside) && !self.is_changed_since(r, slot, from_outside)
    }

    /// Whether a later rollout has changed a host after this one did, or after it found it changed by somebody else.
    fn is_changed_since(&self, r: usize, slot: u32, from_outside: bool) -> bool {
        let rollout = &self.rollouts[r];
        if !rollout.same_hosts {
            return false;
        }
        let own = rollout.changed(slot as usize);
        let host = rollout.plan.slots[slot as usize].host;
        self.last_changes.of(host).is_some_and(|(other, theirs)| {
            // What an older rollout put there is what somebody else replaced.
            let is_later = if from_outside { other > r } else { other != r };
            is_later && self.rollouts[other].changed(theirs as usize) > own
        })
    }
}
