//! A fleet whose document people change while rollouts run over it: hosts come, go, come back, and become other ones.

use std::collections::BTreeMap;
use std::sync::Arc;

use ringway_engine::Event;
use ringway_executor::port::{Order, Refresh};
use ringway_model::{Digest, Span};
use ringway_policy::validated::{Documents, Fleet, Host};
use ringway_scheduler::{FleetSpec, Plan, make_plan, refresh_fleet, revise};

use super::faults::Mishap;
use super::host::SimHost;
use super::{Happening, World};
use crate::dice::Dice;
use crate::documents::{Papers, texts};

/// The fewest hosts that people leave in a fleet.
const FEWEST: usize = 3;

/// What people do to a fleet's document.
#[derive(Clone, Debug)]
pub(super) struct Renewals {
    dice: Dice,
    /// Whether people roll back what is over.
    back: Dice,
    documents: Documents,
    rollouts: Vec<(String, String)>,
    seed: u64,
    /// Hosts that were taken out.
    gone: Vec<Host>,
    /// How often the document was changed.
    edits: u32,
    /// Every fleet and plan that was registered.
    fleets: BTreeMap<Digest, Arc<FleetSpec>>,
    plans: BTreeMap<Digest, Arc<Plan>>,
}

impl World {
    /// People change the fleet while rollouts run, within this span.
    pub(crate) fn renew(&mut self, seed: u64, papers: &Papers, lasts: Span) {
        let mut dice = Dice::new(seed, "renewals");
        let times = dice.between(1, 5);
        for _ in 0..times {
            let at = dice.span(Span::seconds(30), lasts);
            self.after(at, Happening::Renews);
        }
        self.renewals = Some(Box::new(Renewals {
            dice,
            back: Dice::new(seed, "who rolls back what is over"),
            documents: papers.documents.clone(),
            rollouts: papers.rollouts.clone(),
            seed,
            gone: Vec::new(),
            edits: 0,
            fleets: BTreeMap::new(),
            plans: BTreeMap::new(),
        }));
    }

    pub(super) fn know_fleet(&mut self, digest: Digest, fleet: &Arc<FleetSpec>) {
        if let Some(renewals) = &mut self.renewals {
            renewals.fleets.insert(digest, Arc::clone(fleet));
        }
    }

    pub(super) fn know_plan(&mut self, digest: Digest, plan: &Arc<Plan>) {
        if let Some(renewals) = &mut self.renewals {
            renewals.plans.insert(digest, Arc::clone(plan));
        }
    }

    /// Whether a plan and a fleet are ones that people brought.
    pub(super) fn was_brought(&self, plan: &Arc<Plan>, fleet: &Arc<FleetSpec>) -> bool {
        let Some(renewals) = &self.renewals else {
            return false;
        };
        renewals.plans.values().any(|known| known == plan)
            && renewals.fleets.values().any(|known| known == fleet)
    }

    /// Somebody changes the document and has it taken in, at once or after looking at what that means for a while.
    pub(super) fn renews(&mut self) {
        let Some(executor) = self
            .executor
            .as_ref()
            .filter(|executor| executor.is_ready())
        else {
            self.after(Span::minutes(1), Happening::Renews);
            return;
        };
        let (engine, Some(mut renewals)) = (executor.engine(), self.renewals.take()) else {
            return;
        };
        let (before, open) = (Arc::clone(engine.fleet()), engine.open());
        if engine.fleet_digest().is_none() || open.is_empty() {
            self.renewals = Some(renewals);
            return;
        }
        renewals.edit();
        let documents = &renewals.documents;
        let document = documents.fleet.as_ref().expect("a world has a fleet");
        let refresh = refresh_fleet(&before, document).ok().map(|fleet| {
            let open = open.into_iter().filter(|open| open.takes_in);
            let plans = open.filter_map(|open| {
                let plan = revise(&open.plan, open.begun, &fleet, documents).ok()??;
                Some((open.rollout, Arc::new(plan)))
            });
            Refresh {
                plans: plans.collect(),
                fleet: Arc::new(fleet),
                documents: renewals.texts(),
            }
        });
        let later = if renewals.dice.chance(40) {
            renewals.dice.span(Span::seconds(1), Span::minutes(10))
        } else {
            Span::ZERO
        };
        self.renewals = Some(renewals);
        if let Some(refresh) = refresh {
            self.after(later, Happening::Brings(Box::new(refresh)));
        }
    }

    pub(super) fn brings(&mut self, refresh: Refresh) {
        if self.executor.is_some() {
            // Hosts are there before anybody hears of them.
            self.build_hosts(&refresh.fleet);
            self.ask("dora", Order::Refresh(Box::new(refresh)));
            self.goes_back_later();
        }
    }

    /// A refresh leaves rollouts that are over alone; somebody may roll one back soon after it.
    fn goes_back_later(&mut self) {
        let over = self.rollouts().into_iter();
        let mut over = over.filter(|one| one.is_final && one.state != "rolled back");
        let Some((renewals, one)) = self.renewals.as_mut().zip(over.next()) else {
            return;
        };
        if renewals.back.chance(60) {
            let wait = renewals.back.span(Span::seconds(5), Span::minutes(3));
            self.after(wait, Happening::Strikes(Mishap::TakenBack(one.id)));
        }
    }

    /// What was taken in is so from now on.
    pub(super) fn note_renewed(&mut self, event: &Event) {
        let Some(renewals) = &self.renewals else {
            return;
        };
        if let Event::FleetRefreshed { fleet, .. } = event {
            let Some(fleet) = renewals.fleets.get(fleet).cloned() else {
                return;
            };
            self.build_hosts(&fleet);
            self.fleet = fleet;
        } else if let Event::PlanRevised { rollout, plan } | Event::Proposed { rollout, plan, .. } =
            event
            && let Some(plan) = renewals.plans.get(plan).cloned()
            && let Some(known) = self.plans.get_mut(rollout.0 as usize - 1)
        {
            *known = plan;
        }
    }

    /// What a fleet has beyond the hosts that there are. A number that was given to one which never came may be another's.
    fn build_hosts(&mut self, fleet: &FleetSpec) {
        let first = self.hosts.first().map(|host| host.first.clone());
        for (index, host) in fleet.hosts.iter().enumerate().skip(self.fleet.hosts.len()) {
            let role = host.labels.get("role").unwrap_or("none");
            if let Some(known) = self.hosts.get_mut(index) {
                role.clone_into(&mut known.role);
                continue;
            }
            let mut new = SimHost::new(role, BTreeMap::new());
            for recipe in first.iter().flat_map(BTreeMap::keys) {
                new.content.insert(recipe.clone(), "1.0".to_owned());
            }
            new.first.clone_from(&new.content);
            self.hosts.push(new);
        }
    }

    /// The plan of a rollout to come is made for the fleet as it is by then; what has no plan over it is not proposed.
    pub(super) fn plan_anew(&mut self, next: usize) {
        let Some(renewals) = &self.renewals else {
            return;
        };
        if self.plans[next].fleet == self.fleet.digest() {
            return;
        }
        let (policy, update) = &renewals.rollouts[next];
        // The document may have been edited beyond what was taken in.
        let taken = renewals.documents.fleet.as_ref();
        let is_taken = taken.is_some_and(|fleet| fleet.digest == self.fleet.document);
        let plan = is_taken.then(|| {
            make_plan(
                &self.fleet,
                &renewals.documents,
                policy,
                update,
                renewals.seed,
            )
            .ok()
        });
        match plan.flatten() {
            Some(plan) => self.plans[next] = Arc::new(plan),
            None => self.plans.truncate(next),
        }
    }

    /// The documents as they were taken in last, where people change them.
    pub(super) fn documents_now(&self) -> Option<&Documents> {
        self.renewals.as_ref().map(|renewals| &renewals.documents)
    }

    /// The documents as written, with the fleet's as it is now.
    pub(super) fn texts(&self) -> Vec<(String, String)> {
        let renewals = self.renewals.as_ref();
        let mut all = renewals.map_or_else(texts, |renewals| renewals.texts());
        let notify = self.post.is_some().then_some(super::post::TEXT);
        all.extend(notify.map(|text| (text.to_owned(), text.to_owned())));
        all
    }
}

impl Renewals {
    /// The documents as people have them now.
    pub(super) const fn documents(&self) -> &Documents {
        &self.documents
    }

    fn texts(&self) -> Vec<(String, String)> {
        let mut all = texts();
        all.extend((1..=self.edits).map(|edit| ("fleet".to_owned(), text(edit))));
        all
    }

    fn edit(&mut self) {
        self.edits += 1;
        let edits = self.edits;
        let Self {
            dice,
            documents,
            gone,
            ..
        } = self;
        let fleet = documents.fleet.as_mut().expect("a world has a fleet");
        if dice.chance(55) {
            for _ in 0..dice.between(1, 2) {
                if fleet.hosts.len() > FEWEST {
                    let at = dice.index(fleet.hosts.len());
                    gone.push(fleet.hosts.remove(at));
                }
            }
        }
        if dice.chance(60) {
            for number in 0..dice.between(1, 3) {
                let mut host = dice.pick(&fleet.hosts).clone();
                host.name = format!("late-{edits}-{number}");
                host.address = None;
                let at = dice.index(fleet.hosts.len());
                fleet.hosts.insert(at, host);
            }
        }
        if dice.chance(50) && !gone.is_empty() && edits > 1 {
            let at = dice.index(gone.len());
            fleet.hosts.push(gone.remove(at));
        }
        if dice.chance(30) {
            let labels = dice.pick(&fleet.hosts).labels.clone();
            let at = dice.index(fleet.hosts.len());
            fleet.hosts[at].labels = labels;
        }
        if dice.chance(25) {
            let at = dice.index(fleet.hosts.len());
            fleet.hosts[at].address = Some(format!("moved-{edits}"));
        }
        rename(fleet, edits);
    }
}

fn text(edit: u32) -> String {
    format!("fleet, edit {edit}")
}

fn rename(fleet: &mut Fleet, edit: u32) {
    fleet.digest = Digest::of(text(edit).as_bytes());
}
