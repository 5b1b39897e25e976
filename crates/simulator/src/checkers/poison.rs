//! I10: poisoned content is never issued again, and what is poisoned is said by somebody with a reason.
//!
//! What a route installs is compared with what was poisoned here once more, by the rule as it is written: the same id and
//! build, or the same digest of build and values; an id alone means every build, and a release without a build may be any.

use ringway_engine::HostState;
use ringway_model::{Content, IntentId, RolloutId, Slot, StepKind, StepResult, VisitKind};
use ringway_scheduler::Plan;
use ringway_scheduler::plan::Route;

use super::facts::Facts;
use super::starts::step_of;
use super::{Broken, ensure};

impl Facts {
    pub(super) fn poisoned(&mut self, contents: &[Content], reason: &str) -> Result<(), Broken> {
        ensure!(
            !contents.is_empty() && !reason.trim().is_empty(),
            Story,
            "something is poisoned and nobody says what or why"
        );
        for content in contents {
            ensure!(
                !self.poisons.contains(content),
                Story,
                "{content} is poisoned a second time"
            );
            self.poisons.push(content.clone());
        }
        Ok(())
    }

    pub(super) fn unpoisoned(&mut self, contents: &[Content], reason: &str) -> Result<(), Broken> {
        ensure!(
            !contents.is_empty() && !reason.trim().is_empty(),
            Story,
            "a poisoning is taken back and nobody says which or why"
        );
        for content in contents {
            let at = self.poisons.iter().position(|known| known == content);
            let Some(at) = at else {
                return Err((
                    super::Invariant::Story,
                    format!("{content} is not poisoned and is taken back"),
                ));
            };
            self.poisons.remove(at);
        }
        Ok(())
    }

    /// What an inspection found before anything was changed: what a rollback would put back.
    pub(super) fn note_found(&mut self, intent: IntentId, result: &StepResult) {
        let StepResult::Found {
            previous: Some(previous),
            ..
        } = result
        else {
            return;
        };
        let (id, slot) = (intent.rollout(), intent.slot());
        let changed = self
            .rollouts
            .get(&id)
            .is_none_or(|rollout| rollout.slots[slot.index()].changed);
        if !changed {
            self.found.insert((id, slot), previous.clone());
        }
    }

    /// An `apply` began on a host: from then on it has what that installs, or may.
    pub(super) fn note_given(&mut self, intent: IntentId, result: &StepResult) {
        let never_began = matches!(result, StepResult::NotStarted | StepResult::Unreachable);
        let at = (intent.rollout(), intent.slot());
        let (Some(rollout), Some(fleet)) = (self.rollouts.get(&at.0), &self.fleet) else {
            return;
        };
        let Some(visit) = rollout.slots.get(at.1.index()).and_then(|slot| slot.visit) else {
            return;
        };
        let step = step_of(rollout, at.1.index(), visit.kind, visit.at.0);
        let applies = step.is_some_and(|step| step.kind == StepKind::Apply);
        if never_began || !applies || visit.running != Some(intent) {
            return;
        }
        let host = rollout.plan.slots[at.1.index()].host;
        let name = fleet.hosts[host.index()].name.clone();
        let given = self.given.entry(name).or_default();
        given.retain(|known| *known != at);
        given.push(at);
    }

    /// Whether a host had something of another rollout before this one changed it, and that is poisoned. What another recipe
    /// installed there stays, unless this rollout took the place of that one.
    fn was_given_poison(&self, at: (RolloutId, Slot)) -> bool {
        let place = self.rollouts.get(&at.0).zip(self.fleet.as_ref());
        let Some((rollout, fleet)) = place else {
            return false;
        };
        let planned = rollout.plan.slots[at.1.index()];
        let recipe = &rollout.plan.routes[planned.route.index()].recipe;
        let mut olds = Vec::new();
        let mut next = self.supersedes(at.0);
        while let Some(old) = next {
            olds.push(old);
            next = self.supersedes(old);
        }
        let name = &fleet.hosts[planned.host.index()].name;
        let given = self.given.get(name).map_or(&[][..], Vec::as_slice);
        let Some(own) = given.iter().position(|known| *known == at) else {
            return false;
        };
        for (other, slot) in given[..own].iter().rev() {
            let Some(theirs) = self.rollouts.get(other) else {
                continue;
            };
            let facts = &theirs.slots[slot.index()];
            let is_back = facts.visit.is_none() && facts.rest == HostState::RolledBack;
            let route = &theirs.plan.routes[theirs.plan.slots[slot.index()].route.index()];
            if !is_back && (route.recipe == *recipe || olds.contains(other)) {
                return self.is_poison(route);
            }
        }
        false
    }

    /// A new rollout installs nothing that is poisoned.
    pub(super) fn check_proposed(&self, id: RolloutId, plan: &Plan) -> Result<(), Broken> {
        for slot in &plan.slots {
            let route = &plan.routes[slot.route.index()];
            ensure!(
                !self.is_poison(route),
                I10,
                "{id} begins and would install {}, which is poisoned",
                route.release
            );
        }
        Ok(())
    }

    /// No step that installs poisoned content, restarts into it or puts it back is issued or handed out, nor one that only
    /// leads there.
    pub(super) fn check_poison(
        &self,
        intent: IntentId,
        visit: VisitKind,
        kind: StepKind,
    ) -> Result<(), Broken> {
        if self.poisons.is_empty() && self.notices.is_empty() {
            return Ok(());
        }
        let (rollout, slot) = self.place(intent.rollout(), intent.slot())?;
        if visit == VisitKind::Rollback {
            let at = (intent.rollout(), Slot::at(slot));
            let is_poison = self.had_poison(at);
            let found = self.found.get(&at);
            ensure!(
                kind != StepKind::Rollback || !is_poison,
                I10,
                "{intent} puts {found:?} back, which is poisoned"
            );
            return Ok(());
        }
        let brings_back = matches!(
            kind,
            StepKind::Verify
                | StepKind::CareVerify
                | StepKind::Undrain
                | StepKind::Unsilence
                | StepKind::Recovery
        );
        let route = &rollout.plan.routes[rollout.plan.slots[slot].route.index()];
        ensure!(
            brings_back || !self.is_poison(route),
            I10,
            "{intent} starts `{kind}` of a {} visit that installs {}, which is poisoned",
            visit.word(),
            route.release
        );
        Ok(())
    }

    /// What an errand fetches is not poisoned, and no advisory keeps it from the host.
    pub(super) fn check_harmless(&self, intent: IntentId) -> Result<(), Broken> {
        let (rollout, slot) = self.place(intent.rollout(), intent.slot())?;
        let route = &rollout.plan.routes[rollout.plan.slots[slot].route.index()];
        ensure!(
            !self.is_poison(route),
            I10,
            "{intent} fetches {}, which is poisoned",
            route.release
        );
        let notice = self.advisory_over(rollout, slot);
        ensure!(
            notice.is_none(),
            Advised,
            "{intent} fetches {}, which advisory {notice:?} keeps from the host",
            route.release
        );
        Ok(())
    }

    /// Whether a step without a result is of a visit that installs what is poisoned.
    pub(super) fn poison_is_at_work(&self) -> bool {
        self.outstanding().into_iter().any(|intent| {
            self.place(intent.rollout(), intent.slot())
                .is_ok_and(|(rollout, slot)| {
                    let route = &rollout.plan.routes[rollout.plan.slots[slot].route.index()];
                    let visit = rollout.slots[slot].visit.map(|visit| visit.kind);
                    visit != Some(VisitKind::Rollback) && self.is_poison(route)
                })
        })
    }

    /// Whether what a host had before a rollout is poisoned.
    pub(super) fn had_poison(&self, at: (RolloutId, Slot)) -> bool {
        if self.was_given_poison(at) {
            return true;
        }
        self.found.get(&at).is_some_and(|found| {
            let first = found.split_whitespace().next().unwrap_or_default();
            let plans = self.rollouts.values().map(|rollout| &rollout.plan);
            let mut routes = plans.flat_map(|plan| &plan.routes);
            routes.any(|route| route.build.as_deref() == Some(first) && self.is_poison(route))
                || self.poisons.iter().any(|content| {
                    content.build.as_deref() == Some(found.trim()) || content.id == found.trim()
                })
                || self.is_advised_poison_found(found.trim())
        })
    }

    fn is_poison(&self, route: &Route) -> bool {
        let digest = route.content().digest;
        self.poisons.iter().any(|poison| {
            let same_build =
                poison.build.is_some() && (route.build.is_none() || poison.build == route.build);
            let any_build = poison.build.is_none() && poison.digest.is_none();
            (poison.id == route.release && (same_build || any_build))
                || (digest.is_some() && poison.digest == digest)
        }) || self.is_advised_poison(route)
    }
}
