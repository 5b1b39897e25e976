//! People who put a fix in the place of a rollout, at any moment: in flight, halted, over, and once more where the fix does harm
//! too. They make the plan from what they see, and may be late with it.

use std::collections::BTreeMap;
use std::sync::Arc;

use ringway_engine::Event;
use ringway_executor::port::{Order, Proposal, Supersession};
use ringway_model::{Content, Digest, RolloutId, Span};
use ringway_policy::validated::{Documents, Update};
use ringway_scheduler::plan::Route;
use ringway_scheduler::{Plan, make_superseding};

use super::{Happening, World};
use crate::dice::Dice;
use crate::documents::Papers;

/// How often a world's rollouts are superseded at the most.
const MOST: u32 = 3;

/// Fixes of every update: the fix may be superseded as well.
const FIXES: u32 = 3;

/// Who does.
#[derive(Clone, Debug)]
pub(super) struct Superseders {
    dice: Dice,
    documents: Documents,
    /// Plans that they made.
    made: BTreeMap<Digest, Arc<Plan>>,
    /// How often they asked.
    asked: u32,
    /// How often it was so.
    done: u32,
}

/// What a fix of an update is called.
fn fix_of(update: &str, number: u32) -> String {
    format!("{update}-fix-{number}")
}

/// What the recipe of a fix is called that comes by another way than what it mends.
const OUT_OF_BAND: &str = "-oob";

/// The recipe that one mends what was installed by, where it is another one.
pub(super) fn mends(recipe: &str) -> Option<&str> {
    recipe.strip_suffix(OUT_OF_BAND)
}

/// Has fixes among the documents, of every update. The first ones may come by a recipe of their own.
pub(crate) fn with_fixes(papers: &mut Papers, is_out_of_band: bool) {
    let updates: Vec<Update> = papers.documents.updates.values().cloned().collect();
    for update in updates {
        for number in 1..=FIXES {
            let mut fix = update.clone();
            fix.name = fix_of(&update.name, number);
            fix.digest = Digest::of(fix.name.as_bytes());
            let recipe = papers.documents.recipes.get(&fix.recipe).cloned();
            if let Some(mut recipe) = recipe.filter(|_| is_out_of_band && number == 1) {
                recipe.name.push_str(OUT_OF_BAND);
                recipe.digest = Digest::of(recipe.name.as_bytes());
                fix.recipe.clone_from(&recipe.name);
                let recipes = &mut papers.documents.recipes;
                recipes.insert(recipe.name.clone(), recipe);
            }
            for release in &mut fix.releases {
                release.id = format!("{}-fix-{number}", release.id);
                release.build = Some(format!("3.{number}"));
            }
            papers.documents.updates.insert(fix.name.clone(), fix);
        }
    }
}

impl World {
    /// People supersede rollouts.
    pub(crate) fn supersede(&mut self, seed: u64, papers: &Papers) {
        self.superseders = Some(Box::new(Superseders {
            dice: Dice::new(seed, "people who supersede"),
            documents: papers.documents.clone(),
            made: BTreeMap::new(),
            asked: 0,
            done: 0,
        }));
    }

    /// A person hears of a fix.
    pub(super) fn think_of_superseding(&mut self) {
        let Some(superseders) = &mut self.superseders else {
            return;
        };
        if self.healing || superseders.done >= MOST || !superseders.dice.chance(18) {
            return;
        }
        let rollouts = self.rollouts();
        // Who is proposed under which number is simple only where all are.
        if rollouts.is_empty() || rollouts.len() < self.plans.len() {
            return;
        }
        let Some(superseders) = &mut self.superseders else {
            return;
        };
        let open: Vec<RolloutId> = rollouts
            .iter()
            .filter(|one| one.superseded_by.is_none())
            .map(|one| one.id)
            .collect();
        let any: Vec<RolloutId> = rollouts.iter().map(|one| one.id).collect();
        let all = if superseders.dice.chance(92) {
            open
        } else {
            any
        };
        if all.is_empty() {
            return;
        }
        let rollout = *superseders.dice.pick(&all);
        let late = if superseders.dice.chance(30) {
            superseders.dice.span(Span::seconds(1), Span::minutes(2))
        } else {
            Span::ZERO
        };
        if let Some(supersession) = self.fix_for(rollout) {
            self.after(late, Happening::Supersedes(Box::new(supersession)));
        }
    }

    pub(super) fn supersedes(&mut self, supersession: Supersession) {
        if self.executor.is_some() {
            self.ask("ana", Order::Supersede(Box::new(supersession)));
        }
    }

    /// The fix of what a rollout installs, planned for the parts in which the fleet is now.
    fn fix_for(&mut self, rollout: RolloutId) -> Option<Supersession> {
        let executor = self.executor.as_ref().filter(|it| it.is_ready())?;
        let engine = executor.engine();
        let situation = engine.situation(rollout)?;
        let (before, before_fleet) = engine.plan_of(rollout)?;
        let fleet = Arc::clone(engine.fleet());
        let superseders = self.superseders.as_mut()?;
        let update = before.update.split("-fix-").next()?.to_owned();
        let number: u32 = before
            .update
            .rsplit_once("-fix-")
            .and_then(|(_, number)| number.parse().ok())
            .unwrap_or(0);
        if number >= FIXES {
            return None;
        }
        let documents = self
            .renewals
            .as_ref()
            .map_or(&superseders.documents, |renewals| renewals.documents());
        // The document may have been edited beyond what was taken in.
        let document = documents.fleet.as_ref()?;
        if document.digest != fleet.document {
            return None;
        }
        let names = (&*before.policy, &*fix_of(&update, number + 1));
        let old = (&*before, &*before_fleet);
        let (plan, _) = make_superseding(&fleet, documents, names, old, &situation, None).ok()?;
        let plan = Arc::new(plan);
        superseders.made.insert(plan.digest(), Arc::clone(&plan));
        superseders.asked += 1;
        let mut poison: Vec<Content> = before.routes.iter().map(Route::content).collect();
        if !superseders.dice.chance(60) {
            poison.clear();
        }
        let reason = if superseders.dice.chance(6) {
            String::new()
        } else {
            "the vendor ships a fix".to_owned()
        };
        let key = superseders
            .dice
            .chance(50)
            .then(|| format!("supersedes-{}", superseders.asked));
        let mut texts = self.texts();
        texts.push(("update".to_owned(), plan.update.clone()));
        Some(Supersession {
            rollout,
            proposal: Proposal {
                fleet,
                plan,
                documents: texts,
                key,
                change: None,
                reason: None,
            },
            poison,
            reason,
        })
    }

    /// A rollout that takes the place of another one is there.
    pub(super) fn note_superseding(&mut self, event: &Event) {
        let Some(superseders) = &mut self.superseders else {
            return;
        };
        if let Event::SupersedeBegan { rollout, .. } = event {
            self.reach.supersessions += 1;
            let mut outstanding = self.checkers.outstanding().into_iter();
            let in_flight = outstanding.any(|intent| intent.rollout() == *rollout);
            self.reach.supersessions_in_flight += u32::from(in_flight);
            return;
        }
        let Event::Proposed { rollout, plan, .. } = event else {
            return;
        };
        let index = rollout.0 as usize - 1;
        if let Some(plan) = superseders
            .made
            .get(plan)
            .filter(|_| index == self.plans.len())
        {
            self.plans.push(Arc::clone(plan));
            self.proposed.insert(index);
            superseders.done += 1;
        }
    }
}
