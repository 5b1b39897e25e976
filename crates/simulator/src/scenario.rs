//! One seed, one story: documents, hosts, faults and people drawn from it, then healing, then an end that must come.

use std::collections::BTreeMap;

use ringway_executor::Config;
use ringway_model::{Digest, Span, StepKind};

use crate::checkers::{Invariant, Violation};
use crate::dice::Dice;
use crate::documents::{Papers, ROLES, Size, draw};
use crate::reach::Reach;
use crate::world::{BEGIN, Effect, Faults, NoPlan, Trouble, Ways, World};

/// How long after healing everything must be over.
const CONVERGES_IN: Span = Span::hours(12);

/// What a seed led to.
#[derive(Clone, Debug)]
pub struct Report {
    /// The seed.
    pub seed: u64,
    /// The last lines of its trace.
    pub trace: Vec<String>,
    /// The digest of its whole trace.
    pub digest: Digest,
    /// How many lines that was.
    pub lines: u64,
    /// What it reached.
    pub reach: Reach,
    /// Whether its documents had a plan at all.
    pub planned: bool,
    /// The first rule that was broken.
    pub violation: Option<Violation>,
}

impl Report {
    /// The story of a broken rule: seed, rule, last lines, and the command that tells it again.
    pub fn story(&self) -> String {
        let violation = self
            .violation
            .as_ref()
            .map_or_else(|| "no rule was broken".to_owned(), ToString::to_string);
        format!(
            "seed {}: {violation}\n{}\nagain: RINGWAY_SEED={} cargo test -p ringway-simulator one_seed -- --nocapture\n",
            self.seed,
            self.trace.join("\n"),
            self.seed
        )
    }
}

/// What a run may be told beyond its seed.
#[derive(Clone, Copy, Debug, Default)]
pub struct Extra {
    /// How many lines of the trace to keep.
    pub keep: usize,
    /// A mistake to plant in the engine.
    #[cfg(feature = "planted-bugs")]
    pub bug: Option<ringway_engine::planted::Bug>,
}

impl Extra {
    /// A run whose last lines are kept, and nothing planted.
    pub const fn keeping(lines: usize) -> Self {
        Self {
            keep: lines,
            #[cfg(feature = "planted-bugs")]
            bug: None,
        }
    }
}

/// Lines that a failure is told with.
const TOLD: usize = 40;

/// Runs a seed.
pub fn run_seed(seed: u64) -> Report {
    run_seed_with(seed, Extra::keeping(TOLD))
}

/// Runs a seed with more told, or with a mistake planted.
pub fn run_seed_with(seed: u64, extra: Extra) -> Report {
    let mut dice = Dice::new(seed, "documents");
    let size = Size {
        hosts: if dice.chance(75) { (5, 20) } else { (20, 60) },
        rollouts: if dice.chance(50) { 2 } else { 1 },
    };
    let papers = draw(&mut dice, size);
    let ways = ways(seed, &papers);
    let mut faults = Faults::some(seed);
    if dice.chance(10) {
        faults = Faults::none(seed);
        faults.lasts = Span::minutes(10);
    }
    let lasts = faults.lasts;
    let config = Config {
        workers: *dice.pick(&[1, 3, 64]),
        snapshot_every: *dice.pick(&[5, 50, 1024]),
        ..Config::default()
    };
    let mut world = match World::new(seed, &papers, ways, faults, config, extra.keep) {
        Ok(world) => world,
        Err(NoPlan(why)) => return no_plan(seed, why),
    };
    #[cfg(feature = "planted-bugs")]
    world.plant(extra.bug);
    world.meddling = dice.chance(60);
    world.run(BEGIN + lasts);
    if world.violation().is_none() {
        world.heal();
        converge(&mut world);
    }
    Report {
        seed,
        trace: world.trace().lines(),
        digest: world.trace().digest(),
        lines: world.trace().count(),
        reach: world.reach().clone(),
        planned: true,
        violation: world.violation().cloned(),
    }
}

/// Lets time pass until everything is over; it must come to that.
fn converge(world: &mut World) {
    let end = world.now() + CONVERGES_IN;
    while world.violation().is_none() && !world.is_done() {
        if world.now() >= end {
            world.say_what_waits();
            return;
        }
        let next = world.now() + Span::minutes(1);
        world.run(next);
    }
    if world.violation().is_none() {
        world.check_end();
    }
}

fn no_plan(seed: u64, why: String) -> Report {
    Report {
        seed,
        digest: Digest::of(why.as_bytes()),
        trace: vec![why],
        lines: 1,
        reach: Reach::default(),
        planned: false,
        violation: None,
    }
}

/// How the hosts of a seed behave.
fn ways(seed: u64, papers: &Papers) -> Ways {
    let mut dice = Dice::new(seed, "ways");
    let hosts = papers
        .documents
        .fleet
        .as_ref()
        .map_or(0, |fleet| fleet.hosts.len());
    let mut ways = Ways::good(seed);
    ways.longest = Span::seconds(*dice.pick(&[5, 30, 90]));
    let recipes: Vec<String> = papers.documents.recipes.keys().cloned().collect();
    for recipe in &recipes {
        if dice.chance(35) {
            let effect = match dice.below(4) {
                0 => Effect::Down,
                1 => Effect::Late(dice.span(Span::seconds(10), Span::minutes(5))),
                2 => Effect::Loop,
                _ => Effect::FailsVerify,
            };
            let role = dice.pick(&ROLES);
            ways.harm
                .insert((recipe.clone(), (*role).to_owned()), effect);
        }
        let difficult = *dice.pick(&[0, 5, 15, 30]);
        for host in 0..hosts {
            if dice.chance(difficult) {
                let trouble = trouble(&mut dice);
                ways.trouble.insert((host, recipe.clone()), trouble);
            }
            if dice.chance(4) {
                ways.already
                    .insert((host, recipe.clone()), "2.0".to_owned());
            }
        }
    }
    turn_away(seed, &recipes, hosts, &mut ways);
    if dice.chance(40) {
        ways.sick = (0..hosts)
            .filter_map(|host| {
                let sick = dice.chance(8);
                let span = dice.span(Span::minutes(2), Span::minutes(90));
                sick.then_some((host, span))
            })
            .collect::<BTreeMap<_, _>>();
    }
    ways
}

/// Hosts that would not let a step begin (a full disk, no `sudo`), and hosts that belong to a database that is lost. From
/// dice of their own, so that everything else in a seed stays as it was.
fn turn_away(seed: u64, recipes: &[String], hosts: usize, ways: &mut Ways) {
    let mut dice = Dice::new(seed, "owners and refusals");
    let (refusing, lost) = (dice.chance(20), dice.chance(10));
    for host in 0..hosts {
        for recipe in recipes.iter().filter(|_| refusing) {
            if dice.chance(8) {
                let trouble = trouble(&mut dice);
                ways.refuses
                    .insert((host, recipe.clone()), (trouble.kind, trouble.times));
            }
        }
        if lost && dice.chance(20) {
            ways.foreign.insert(host);
        }
    }
}

fn trouble(dice: &mut Dice) -> Trouble {
    Trouble {
        kind: *dice.pick(&[
            StepKind::Inspect,
            StepKind::Precheck,
            StepKind::Drain,
            StepKind::Apply,
            StepKind::Apply,
            StepKind::Rollback,
            StepKind::Reboot,
            StepKind::Verify,
            StepKind::CareVerify,
            StepKind::Undrain,
        ]),
        times: *dice.pick(&[1, 1, 2, 255]),
        hangs: dice.chance(20),
    }
}

/// The rule that an end which does not come breaks.
pub(crate) const NO_END: Invariant = Invariant::I14;
