//! Advisories: nobody whom one holds is given what it is about, nobody else is left out, what nobody has verified does nothing,
//! and nobody who is believed less lifts anything.
//!
//! Whom a selector may mean is worked out here once more, another way: by whether it can be true and whether it must be,
//! where an absent label can be anything.

use ringway_engine::{Advisory, Event, HostState, Ruling};
use ringway_model::selector::Comparison;
use ringway_model::{
    Effect, HostId, IntentId, Labels, Rank, RolloutId, Selector, StepKind, VisitKind,
};
use ringway_scheduler::plan::Route;

use super::facts::{Class, Facts, RolloutFacts, ring_of};
use super::{Broken, Invariant, ensure};

/// An advisory, as far as rules ask for it.
#[derive(Clone, Debug)]
pub(super) struct Notice {
    advisory: Advisory,
    /// Absent: every host.
    hosts: Option<Selector>,
    /// What a person said of it last.
    ruled: Option<Ruling>,
}

impl Notice {
    /// Whether it does what it asks for.
    fn is_in_force(&self) -> bool {
        match self.ruled {
            None => self.advisory.rank != Rank::Unverified,
            Some(Ruling::Accept) => true,
            Some(Ruling::Withdraw | Ruling::Dismiss) => false,
        }
    }

    fn is_of(&self, route: &Route) -> bool {
        self.advisory.about.iter().any(|about| {
            let by_id = about.name == route.release;
            let by_build = route.build.as_ref() == Some(&about.name);
            match &about.build {
                Some(_) => by_id && about.build == route.build,
                None => by_id || by_build,
            }
        })
    }

    fn can_mean(&self, name: &str, labels: &Labels) -> bool {
        let selector = self.hosts.as_ref();
        selector.is_none_or(|selector| can(selector, name, labels))
    }
}

/// Whether a selector can mean a host, where labels that it lacks can be anything.
fn can(selector: &Selector, name: &str, labels: &Labels) -> bool {
    match selector {
        Selector::All => true,
        Selector::Has(_) => selector.matches(name, labels),
        Selector::Compare(label, ..) => {
            let is_lacking = labels.get(&label.name).is_none() && label.name != "name";
            is_lacking || selector.matches(name, labels)
        }
        Selector::Not(inner) => !must(inner, name, labels),
        Selector::And(parts) => !parts.iter().any(|part| !can(part, name, labels)),
        Selector::Or(parts) => parts.iter().any(|part| can(part, name, labels)),
    }
}

/// Whether it must.
fn must(selector: &Selector, name: &str, labels: &Labels) -> bool {
    match selector {
        Selector::All => true,
        Selector::Has(_) => selector.matches(name, labels),
        Selector::Compare(label, Comparison::Eq | Comparison::Ne | Comparison::StartsWith, _) => {
            let is_there = labels.get(&label.name).is_some() || label.name == "name";
            is_there && selector.matches(name, labels)
        }
        Selector::Not(inner) => !can(inner, name, labels),
        Selector::And(parts) => !parts.iter().any(|part| !must(part, name, labels)),
        Selector::Or(parts) => parts.iter().any(|part| must(part, name, labels)),
    }
}

impl Facts {
    /// Somebody's word is known, or a person said what becomes of it.
    pub(super) fn advisory_said(&mut self, event: &Event) -> Result<(), Broken> {
        if let Event::Advised { advisory, .. } = event {
            self.advised(advisory)?;
        }
        if let Event::AdvisoryRuled {
            id, ruling, reason, ..
        } = event
        {
            self.advisory_ruled(id, *ruling, reason)?;
        }
        Ok(())
    }

    fn advised(&mut self, advisory: &Advisory) -> Result<(), Broken> {
        let id = &advisory.id;
        ensure!(
            !advisory.about.is_empty() && !advisory.source.trim().is_empty(),
            Story,
            "advisory {id} is about nothing, or nobody's"
        );
        ensure!(
            advisory.effect != Effect::Poison || advisory.affects.is_none(),
            Story,
            "advisory {id} poisons for some hosts only"
        );
        let parsed = advisory.affects.as_deref().map(Selector::parse);
        let Ok(hosts) = parsed.transpose() else {
            let what = format!("advisory {id} is of hosts that nobody can tell");
            return Err((Invariant::Story, what));
        };
        if let Some(known) = self.notices.get(id).filter(|known| known.is_in_force()) {
            ensure!(
                advisory.rank >= known.advisory.rank,
                Advised,
                "advisory {id} of rank {} takes the place of one of rank {}",
                advisory.rank,
                known.advisory.rank
            );
            ensure!(
                known.ruled.is_none() || advisory.rank != Rank::Unverified,
                Advised,
                "advisory {id} was accepted, and another text takes its place unread"
            );
        }
        let notice = Notice {
            advisory: advisory.clone(),
            hosts,
            ruled: None,
        };
        self.notices.insert(id.clone(), notice);
        self.exceptions_changed = true;
        Ok(())
    }

    /// A person said what becomes of one.
    fn advisory_ruled(&mut self, id: &str, ruling: Ruling, reason: &str) -> Result<(), Broken> {
        ensure!(
            !reason.trim().is_empty(),
            Story,
            "somebody decides about advisory {id} and does not say why"
        );
        let Some(notice) = self.notices.get_mut(id) else {
            let what = format!("advisory {id} is decided about and not known");
            return Err((Invariant::Story, what));
        };
        let is_proposal = notice.advisory.rank == Rank::Unverified;
        let fits = match (ruling, notice.ruled) {
            (_, Some(Ruling::Withdraw)) => false,
            (Ruling::Withdraw, None | Some(Ruling::Accept | Ruling::Dismiss)) => true,
            (Ruling::Accept, before) => is_proposal && before != Some(Ruling::Accept),
            (Ruling::Dismiss, before) => is_proposal && before.is_none(),
        };
        ensure!(
            fits,
            Story,
            "advisory {id} is {} after {:?}",
            ruling.done(),
            notice.ruled
        );
        notice.ruled = Some(ruling);
        self.exceptions_changed = true;
        Ok(())
    }

    /// The advisory that keeps what a route installs from a host, if one does.
    pub(super) fn held_by(&self, host: HostId, route: &Route) -> Option<&str> {
        if self.notices.is_empty() {
            return None;
        }
        let spec = self.fleet.as_ref()?.hosts.get(host.index())?;
        let mut all = self.notices.iter();
        let found = all.find(|(_, one)| {
            one.is_in_force()
                && one.advisory.effect == Effect::Hold
                && one.is_of(route)
                && one.can_mean(&spec.name, &spec.labels)
        });
        found.map(|(id, _)| id.as_str())
    }

    /// The same of a host in a rollout.
    pub(super) fn advisory_over(&self, rollout: &RolloutFacts, slot: usize) -> Option<&str> {
        let planned = rollout.plan.slots.get(slot)?;
        let route = rollout.plan.routes.get(planned.route.index())?;
        self.held_by(planned.host, route)
    }

    /// Whether an advisory in force poisons what a route installs.
    pub(super) fn is_advised_poison(&self, route: &Route) -> bool {
        let mut all = self.notices.values();
        all.any(|one| {
            one.is_in_force() && one.advisory.effect == Effect::Poison && one.is_of(route)
        })
    }

    /// Whether an advisory in force poisons what an inspection found.
    pub(super) fn is_advised_poison_found(&self, found: &str) -> bool {
        let mut all = self.notices.values();
        all.any(|one| {
            let about = one.advisory.about.iter();
            let mut names = about.flat_map(|it| std::iter::once(&it.name).chain(&it.build));
            one.is_in_force()
                && one.advisory.effect == Effect::Poison
                && names.any(|name| name == found)
        })
    }

    /// No step that installs what an advisory holds, or restarts into it, is issued or handed out, nor one that only leads
    /// there.
    pub(super) fn check_advised(
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
        // What is fetched ahead changes nothing, and what was done may be undone.
        if brings_back || matches!(visit, VisitKind::Rollback | VisitKind::Errand) {
            return Ok(());
        }
        let (rollout, slot) = self.place(intent.rollout(), intent.slot())?;
        let over = self.advisory_over(rollout, slot);
        ensure!(
            over.is_none(),
            Advised,
            "{intent} starts `{kind}` of a {} visit although advisory {over:?} holds its host",
            visit.word()
        );
        Ok(())
    }

    /// How many hosts of a ring were not restarted for nothing but an advisory.
    pub(super) fn restarts_kept(&self, id: RolloutId, ring: usize) -> u32 {
        let Some(rollout) = self.rollouts.get(&id).filter(|_| !self.notices.is_empty()) else {
            return 0;
        };
        let slots = rollout.slots.iter().enumerate();
        let kept = slots.filter(|(slot, facts)| {
            ring_of(&rollout.plan, *slot) == ring
                && facts.visit.is_none()
                && facts.class() == Class::Withheld
                && self.advisory_over(rollout, *slot).is_some()
        });
        u32::try_from(kept.count()).unwrap_or(u32::MAX)
    }

    /// Whether what is told of a host that is left out fits: an advisory does, and no exception.
    pub(super) fn is_left_out_by_advisory(&self, id: RolloutId, slot: usize) -> bool {
        let Some(rollout) = self.rollouts.get(&id) else {
            return false;
        };
        let is_out = rollout
            .slots
            .get(slot)
            .is_some_and(|facts| facts.rest == HostState::Excepted);
        is_out && (rollout.phase.is_over() || self.advisory_over(rollout, slot).is_some())
    }
}
