//! People who hurry: rollouts that start in a lane, requests for one at any moment, sensible or not, and second thoughts.

use std::collections::BTreeMap;
use std::sync::Arc;

use ringway_engine::{Command, Event};
use ringway_executor::port::{HandIn, Order};
use ringway_model::{Digest, Selector, Share, Span};
use ringway_policy::validated::{Approvals, Binding, Documents, Lane, LanePace, LaneSoak, NotBy};
use ringway_scheduler::{FleetSpec, Plan, make_plan_in, relane};

use super::World;
use crate::dice::Dice;
use crate::documents::Papers;

/// The only lane that policies of such worlds have.
const LANE: &str = "fast";

/// What people of a world know who hurry.
pub(super) struct Hurry {
    dice: Dice,
    documents: Documents,
    /// Every plan that rollouts had or somebody asked for.
    plans: BTreeMap<Digest, Arc<Plan>>,
}

/// Draws a lane for each policy, and windows that none ignores.
pub(crate) fn with_lanes(papers: &mut Papers, dice: &mut Dice) {
    if let Some(fleet) = &mut papers.documents.fleet {
        for window in fleet.calendar.windows.values_mut() {
            if dice.chance(30) {
                window.binding = Binding::Always;
            }
        }
    }
    for policy in papers.documents.policies.values_mut() {
        let lane = lane(dice);
        policy.lanes = [(LANE.to_owned(), lane)].into();
    }
}

fn approvals(dice: &mut Dice) -> Approvals {
    Approvals {
        needed: u8::try_from(dice.between(1, 2)).expect("small"),
        by: vec!["operators".to_owned()],
        not_by: if dice.chance(40) {
            vec![NotBy::Starter]
        } else {
            Vec::new()
        },
        between: None,
        expire: dice
            .chance(20)
            .then(|| dice.span(Span::minutes(2), Span::minutes(20))),
    }
}

fn lane(dice: &mut Dice) -> Lane {
    let scale = Share::from_millionths(*dice.pick(&[1_000, 100_000, 333_333, 1_000_000]));
    Lane {
        name: LANE.to_owned(),
        allowed_when: Selector::All,
        soak: dice.chance(85).then(|| LaneSoak {
            scale: scale.expect("at most all"),
            at_least: Span::seconds(*dice.pick(&[1, 30, 120, 600])),
        }),
        ignores_working_time: dice.chance(40),
        ignores_windows: dice.chance(65),
        overrides_freezes: dice.chance(65),
        start: dice.chance(80).then(|| approvals(dice)),
        after_soak: dice.chance(30).then(|| approvals(dice)),
        pace: LanePace {
            at_once: dice
                .chance(30)
                .then(|| {
                    std::num::NonZeroU32::new(u32::try_from(dice.between(1, 30)).expect("small"))
                })
                .flatten(),
            ramp: None,
        },
    }
}

/// A plan that gives way where no lane does.
fn tampered(plan: &Plan, dice: &mut Dice) -> Plan {
    let mut plan = plan.clone();
    match dice.below(4) {
        0 => plan.budget_down = None,
        1 => plan.rings.iter_mut().for_each(|ring| ring.halt_on = None),
        2 => plan.pace.settle = Span::ZERO,
        _ => {
            // The policy would have said less, and the lane makes the rest of it.
            if let Some(lane) = &mut plan.lane {
                let soak = lane.soak;
                for (ring, without) in plan.rings.iter_mut().zip(&mut lane.rings) {
                    without.soak = Span(without.soak.millis() / 2);
                    ring.soak = soak.map_or(without.soak, |soak| soak.of(without.soak));
                }
            }
        }
    }
    plan
}

impl World {
    /// People hurry in this world.
    pub(crate) fn hurry(&mut self, seed: u64, papers: &Papers) {
        let mut dice = Dice::new(seed, "people who hurry");
        let mut plans = BTreeMap::new();
        for (at, (policy, update)) in papers.rollouts.iter().enumerate() {
            if dice.chance(35)
                && let Ok(plan) = make_plan_in(
                    &self.fleet,
                    &papers.documents,
                    (policy, update),
                    Some(LANE),
                    seed,
                )
            {
                self.plans[at] = Arc::new(plan);
            }
            plans.insert(self.plans[at].digest(), Arc::clone(&self.plans[at]));
        }
        self.hurry = Some(Box::new(Hurry {
            dice,
            documents: papers.documents.clone(),
            plans,
        }));
    }

    /// Why a rollout is started in its lane; the same however often it is proposed.
    pub(super) fn hurry_of(&self, next: usize) -> Option<String> {
        let lane = self.plans[next].lane.as_ref();
        let mut dice = Dice::new(self.scenario_seed, &format!("hurry of rollout {next}"));
        lane.filter(|_| dice.chance(75))
            .map(|_| "it is exploited".to_owned())
    }

    /// Somebody asks for a lane, or has second thoughts about one.
    pub(super) fn think_of_lanes(&mut self) {
        let Some(mut hurry) = self.hurry.take() else {
            return;
        };
        if !self.healing && hurry.dice.chance(14) {
            self.ask_for_a_lane(&mut hurry);
        }
        self.hurry = Some(hurry);
    }

    fn ask_for_a_lane(&mut self, hurry: &mut Hurry) {
        let Some(executor) = self.executor.as_ref().filter(|it| it.is_ready()) else {
            return;
        };
        let engine = executor.engine();
        let open: Vec<_> = engine.open().into_iter().collect();
        if open.is_empty() {
            return;
        }
        let open = hurry.dice.pick(&open).clone();
        let documents = self.documents_now().unwrap_or(&hurry.documents);
        let goes_in = open.plan.lane.is_none() && hurry.dice.chance(85);
        let lane = goes_in.then_some(LANE);
        let Ok(plan) = relane(&open.plan, engine.fleet(), documents, lane) else {
            return;
        };
        let plan = if hurry.dice.chance(20) {
            tampered(&plan, &mut hurry.dice)
        } else {
            plan
        };
        let reason = if hurry.dice.chance(6) {
            String::new()
        } else {
            "it is exploited".to_owned()
        };
        let who = *hurry.dice.pick(&["ana", "ben", "chris", "eve"]);
        let (digest, bytes) = plan.encode();
        hurry.plans.insert(digest, Arc::new(plan));
        let command = Command::Expedite {
            rollout: open.rollout,
            plan: digest,
            reason,
        };
        self.ask(who, Order::HandIn(Box::new(HandIn { command, bytes })));
    }

    /// A plan that takes another's place is the rollout's from now on.
    pub(super) fn note_lane(&mut self, event: &Event) {
        if let Event::PlanRevised { rollout, plan } = event
            && let Some(hurry) = &self.hurry
            && let Some(plan) = hurry.plans.get(plan).cloned()
            && let Some(known) = self.plans.get_mut(rollout.0 as usize - 1)
        {
            *known = plan;
        }
    }

    /// Whether a plan is one of those that people who hurry brought, over the fleet that there is.
    pub(super) fn was_asked_for(&self, plan: &Arc<Plan>, fleet: &Arc<FleetSpec>) -> bool {
        let Some(hurry) = &self.hurry else {
            return false;
        };
        *fleet == self.fleet && hurry.plans.values().any(|known| known == plan)
    }
}
