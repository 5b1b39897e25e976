//! Futures of rollouts: the same twice, no rule broken whatever goes wrong, and the means that arithmetic promises.

use std::sync::Arc;

use ringway_model::{Selector, Share, Span, StepKind};
use ringway_policy::validated::{
    AfterHalt, Away, Does, FaultModel, Flaky, HostModel, Regression, Shows, SpanRange, StepFails,
    Watch, World,
};
use ringway_policy::{Source, read};
use ringway_scheduler::{compile_fleet, make_plan};
use ringway_simulator::future::what_if::{Side, Tried, try_out, with_soaks};
use ringway_simulator::future::{Ended, Keep, Luck, Outcome, Setting};
use ringway_simulator::{Dice, Papers, Size, draw};

/// Random worlds that every run of the suite goes through; with `RINGWAY_SEEDS=1000..9000` any others.
const SEEDS: std::ops::Range<u64> = 0..400;

fn share(percent: u32) -> Share {
    Share::from_millionths(percent * 10_000).unwrap()
}

const fn range(low: Span, high: Span) -> SpanRange {
    SpanRange { low, high }
}

const fn exactly(span: Span) -> SpanRange {
    range(span, span)
}

/// A fleet of hosts that are all alike, and a policy of one ring; `policy` is what else it says.
fn one_ring(hosts: usize, policy: &str, world: &World) -> Setting {
    let names: Vec<String> = (0..hosts)
        .map(|host| format!("  - {{ name: h{host}, labels: {{ role: web }} }}"))
        .collect();
    let fleet = format!(
        "ringway: fleet/v1\nname: f\nprobes: {{ up: {{ tcp: {{ port: 80 }}, every: 30s }} }}\n\
         connect: [{{ select: all, local: {{}} }}]\nhosts:\n{}\n",
        names.join("\n")
    );
    let policy = format!(
        "ringway: policy/v1\nname: p\napplies_to: all\nrings: [{{ name: all, hosts: {{ select: all }}, soak: 30d }}]\n{policy}\n\
         gates: [{{ name: answers, probe: up, down: {{ for: 3m }} }}]\n"
    );
    setting(&fleet, &policy, world)
}

fn setting(fleet: &str, policy: &str, world: &World) -> Setting {
    let update = "ringway: update/v1\nname: u\nreleases: [{ select: all, id: u-2, build: \"2.0\" }]\nrecipe: r\n";
    let recipe = "ringway: recipe/v1\nname: r\nsteps:\n  apply: { run: \"install\", timeout: 1h }\n  rollback: { run: \"back\" }\n  inspect: { run: \"cat v\", installed_when: \"{build}\", previous: \"{output}\" }\n";
    let sources = [
        Source::new("fleet.yaml", fleet),
        Source::new("policy.yaml", policy),
        Source::new("update.yaml", update),
        Source::new("recipe.yaml", recipe),
    ];
    let documents = read(&sources).unwrap_or_else(|problems| panic!("{problems}"));
    let fleet = compile_fleet(documents.fleet.as_ref().unwrap()).unwrap();
    let plan = make_plan(&fleet, &documents, "p", "u", 1).unwrap();
    let texts = documents.texts.into_iter().collect();
    Setting::new(
        Arc::new(fleet),
        vec![(Arc::new(plan), Span::ZERO)],
        texts,
        world,
        4096,
    )
    .unwrap()
}

/// A world in which every inspection takes 10 s and every installation 5 minutes.
fn punctual() -> World {
    World {
        hosts: vec![HostModel {
            select: Selector::All,
            steps: [
                (StepKind::Inspect, exactly(Span::seconds(10))),
                (StepKind::Apply, exactly(Span::minutes(5))),
                (StepKind::Rollback, exactly(Span::minutes(5))),
            ]
            .into_iter()
            .collect(),
            fails: Vec::new(),
            offline: None,
            flaky: None,
            already: Share::default(),
            recovers: Share::ALL,
        }],
        ..World::default()
    }
}

fn harmful(does: Does, shows: Shows, percent: u32) -> Regression {
    Regression {
        name: "harm".to_owned(),
        update: None,
        select: Selector::All,
        share: share(percent),
        does,
        shows,
    }
}

fn checked(setting: &Setting, seed: u64) -> Outcome {
    let keep = Keep {
        checked: true,
        trace: Some(60),
        ..Keep::default()
    };
    setting.run(seed, Luck::Certain, keep)
}

fn tried(setting: &Setting, seeds: u64) -> Vec<Tried> {
    try_out(setting, Luck::Certain, 0..seeds)
}

// What is watched.

/// Two hosts are taken down together. That leaves the set of all short of what must serve, and not the set of one label's value
/// that may be down; hosts without the label are in no set.
#[test]
fn a_world_watches_sets_of_its_own_in_place_of_groups() {
    let lost = |watch: Vec<Watch>| {
        let world = World {
            watch,
            ..punctual()
        };
        let policy = "pace: { at_once: 3, ramp: off }\nhalt: { failed: 9 }";
        let setting = one_ring(3, policy, &with_harm(world, "name = h0 | h1"));
        let keep = Keep {
            journal: true,
            ..Keep::default()
        };
        let outcome = setting.run(1, Luck::Certain, keep);
        let names: Vec<String> = setting.kept().map(str::to_owned).collect();
        let cells = outcome.struck.cells.iter().map(|&cell| names[cell].clone());
        (outcome.groups_lost, cells.collect::<Vec<_>>())
    };
    let watch = |name: &str, select: &str, per: Option<&str>, at_least| Watch {
        name: name.to_owned(),
        select: Selector::parse(select).unwrap(),
        per: per.map(str::to_owned),
        at_least,
    };
    assert_eq!(lost(Vec::new()), (0, Vec::new()), "the fleet has no groups");
    let all = |at_least| vec![watch("all", "all", None, at_least)];
    assert_eq!(lost(all(1)), (0, Vec::new()), "h2 serves");
    assert_eq!(lost(all(2)), (1, vec!["all".to_owned()]));
    let roles = vec![watch("role", "name = h0 | h1", Some("role"), 1)];
    assert_eq!(lost(roles), (1, vec!["role role=web".to_owned()]));
    let sites = vec![watch("site", "all", Some("site"), 1)];
    assert_eq!(lost(sites), (0, Vec::new()), "no host has a site");
}

/// A world in which the update breaks these hosts at once.
fn with_harm(world: World, select: &str) -> World {
    World {
        regressions: vec![Regression {
            select: Selector::parse(select).unwrap(),
            ..harmful(Does::Down, Shows::AtOnce, 100)
        }],
        ..world
    }
}

// What arithmetic knows.

/// 40 hosts at once: each is without the update for 10 s of inspection and 5 minutes of installation, and nothing else
/// may be counted.
#[test]
fn without_harm_nobody_is_hit_and_the_exposure_is_a_product() {
    let setting = one_ring(40, "pace: { at_once: 40, ramp: off }", &punctual());
    for tried in tried(&setting, 20) {
        assert!(tried.is_completed && !tried.is_halted);
        assert_eq!((tried.hit, tried.carrying, tried.groups_lost), (0, 0, 0));
        let each = Span::minutes(5).plus(Span::seconds(10));
        assert_eq!(tried.exposure_ms, each.times(40).millis());
        // 5m of settling and 30d of soak come after the last host has it.
        let over = each.plus(Span::minutes(5)).plus(Span::hours(30 * 24));
        assert_eq!(tried.over, Some(over));
    }
}

/// One host after another, harm that shows at once on every fourth, a halt on the third failure: exactly three hosts are
/// hit, and 3 / 0.25 = 12 have been visited in the mean (negative binomial, standard deviation 6).
#[test]
fn harm_that_shows_at_once_hits_as_many_hosts_as_the_policy_says() {
    let mut world = punctual();
    world
        .regressions
        .push(harmful(Does::Down, Shows::AtOnce, 25));
    world.people.after_halt = AfterHalt::Leave;
    let policy = "pace: { at_once: 1, ramp: off }\nhalt: { failed: 3 }";
    let setting = one_ring(400, policy, &world);
    let mut visited = 0;
    for seed in 0..1500 {
        let outcome = setting.run(seed, Luck::Certain, Keep::default());
        let first = &outcome.rollouts[0];
        assert_eq!(first.ended, Ended::LeftHalted);
        assert_eq!(first.hit, 3, "seed {seed}");
        visited += u64::from(first.updated);
    }
    // Five standard errors: 5 * 6 / sqrt(1500) = 0.775.
    let mean = u32::try_from(visited).unwrap();
    let mean = f64::from(mean) / 1500.0;
    assert!((11.22..12.78).contains(&mean), "{mean}");
}

/// All hosts at once and harm of which each host's time is without memory (mean 6 h): the first of 50 shows after 6 h / 50
/// in the mean and halts the rollout 3 minutes later, by when each of the 49 others has shown with 1 - exp(-3 m / 6 h).
#[test]
fn exponential_harm_hits_what_shows_within_the_gates_patience() {
    let mut world = punctual();
    let mean = Span::hours(6);
    world
        .regressions
        .push(harmful(Does::Down, Shows::Mean(mean), 100));
    world.people.after_halt = AfterHalt::Leave;
    let setting = one_ring(
        50,
        "pace: { at_once: 50, ramp: off }\nhalt: { failed: 1 }",
        &world,
    );
    let tried = tried(&setting, 2000);
    assert!(tried.iter().all(|tried| tried.is_halted));
    let hits: u32 = tried.iter().map(|tried| tried.hit).sum();
    let found = f64::from(hits) / 2000.0;
    let late = 1.0 - libm::exp(-3.0 / 360.0);
    let expected = 1.0 + 49.0 * late;
    // A binomial's standard deviation over sqrt(2000), five times.
    let error = 5.0 * libm::sqrt(49.0 * late * (1.0 - late) / 2000.0);
    assert!(
        (found - expected).abs() < error,
        "{found}, not {expected} +- {error}"
    );
    // The halt comes 3 m after the least of 50: 6 h / 50 + 3 m = 10.2 m after the last installation, whose standard
    // deviation is 7.2 m; 0.01 m is what whole seconds add.
    let halts: Vec<u64> = (0..2000)
        .filter_map(|seed| setting.run(seed, Luck::Certain, Keep::default()).rollouts[0].halt)
        .map(|halt| halt.at_ms.millis())
        .collect();
    let sum: u64 = halts.iter().sum();
    let minutes = f64::from(u32::try_from(sum / halts.len() as u64).unwrap()) / 60_000.0;
    let expected = 5.0 + 10.0 / 60.0 + 7.2 + 3.0 + 0.01;
    let error = 5.0 * 7.2 / libm::sqrt(2000.0);
    assert!(
        (minutes - expected).abs() < error,
        "{minutes}, not {expected} +- {error}"
    );
}

/// What shows only after the soak is over is seen by nobody: a quarter of the soak lets more of it through than all.
#[test]
fn longer_soaks_let_less_latent_harm_through() {
    let mut world = punctual();
    world
        .regressions
        .push(harmful(Does::Down, Shows::Mean(Span::hours(40 * 24)), 4));
    let setting = one_ring(50, "pace: { at_once: 50, ramp: off }", &world);
    let halted = |times, by| {
        let plan = with_soaks(setting.plans().next().unwrap(), times, by);
        let scaled = setting.with_plans(vec![(plan, Span::ZERO)]).unwrap();
        Side::of(&tried(&scaled, 300)).halted
    };
    let (none, quarter, whole, twice) = (halted(0, 1), halted(1, 4), halted(1, 1), halted(2, 1));
    assert!(
        none < quarter && quarter < whole && whole < twice,
        "{none} {quarter} {whole} {twice}"
    );
}

// What worlds do.

#[test]
fn the_same_seed_twice_is_the_same_future() {
    let mut world = punctual();
    world
        .regressions
        .push(harmful(Does::RestartLoop, Shows::Mean(Span::hours(2)), 10));
    let setting = one_ring(60, "pace: { at_once: 8 }\nhalt: { failed: 3 }", &world);
    let of = |seed| {
        let outcome = checked(&setting, seed);
        (outcome.digest, outcome.rollouts, outcome.trace)
    };
    assert_eq!(of(7), of(7));
    assert_ne!(of(7).0, of(8).0);
}

/// A host that can never be reached is debt with a name; what breaks is taken back by people and is well again.
#[test]
fn people_take_back_what_did_harm() {
    let mut world = punctual();
    world
        .regressions
        .push(harmful(Does::Down, Shows::AtOnce, 30));
    let setting = one_ring(30, "pace: { at_once: 4 }\nhalt: { failed: 2 }", &world);
    for seed in 0..20 {
        let outcome = checked(&setting, seed);
        let first = &outcome.rollouts[0];
        assert_eq!(outcome.violation, None, "{:#?}", outcome.trace);
        assert_eq!(first.ended, Ended::RolledBack, "{:#?}", outcome.trace);
        assert_eq!((first.updated, first.carrying), (0, 0));
        assert!(first.hit >= 2);
    }
}

#[test]
fn a_bad_update_is_drawn_with_the_chance_that_the_world_says() {
    let mut world = punctual();
    world.priors.bad = share(20);
    let setting = one_ring(10, "pace: { at_once: 10 }", &world);
    let drawn = |luck| {
        (0..1000)
            .filter(|&seed| setting.run(seed, luck, Keep::default()).drawn.is_some())
            .count()
    };
    assert_eq!(drawn(Luck::Certain), 0);
    assert_eq!(drawn(Luck::Bad), 1000);
    // Five standard deviations of 12.6.
    let some = drawn(Luck::Drawn);
    assert!((137..263).contains(&some), "{some}");
}

// Random documents in random worlds, with the checkers on.

fn random_spans(dice: &mut Dice, low: Span, high: Span) -> SpanRange {
    let low = dice.span(low, high);
    range(low, dice.span(low, high))
}

fn random_faults(dice: &mut Dice) -> FaultModel {
    if !dice.chance(60) {
        return FaultModel::default();
    }
    FaultModel {
        lasts: dice.span(Span::hours(1), Span::hours(48)),
        crashes: u16::try_from(dice.below(6)).unwrap(),
        back: random_spans(dice, Span::seconds(1), Span::minutes(30)),
        lost: share(u32::try_from(dice.below(10)).unwrap()),
        late: share(u32::try_from(dice.below(20)).unwrap()),
        late_by: random_spans(dice, Span::seconds(2), Span::minutes(5)),
        doubled: share(u32::try_from(dice.below(20)).unwrap()),
        bad_writes: share(u32::try_from(dice.below(5)).unwrap()),
        clock_jumps: u16::try_from(dice.below(3)).unwrap(),
    }
}

fn random_world(dice: &mut Dice) -> World {
    let mut world = World::default();
    let spans = random_spans;
    if dice.chance(70) {
        let always = dice.chance(30);
        world.hosts.push(HostModel {
            select: Selector::parse(dice.pick::<&str>(&["all", "role = web", "env = prod"]))
                .unwrap(),
            steps: [(
                StepKind::Apply,
                spans(dice, Span::seconds(5), Span::minutes(20)),
            )]
            .into_iter()
            .collect(),
            fails: vec![StepFails {
                step: *dice.pick(&StepKind::ALL),
                share: share(u32::try_from(dice.below(20)).unwrap()),
                times: (!always).then_some(1),
                hangs: dice.chance(30),
            }],
            offline: dice.chance(40).then(|| Away {
                share: share(u32::try_from(dice.below(30)).unwrap()),
                lasts: spans(dice, Span::minutes(5), Span::hours(72)),
            }),
            flaky: dice.chance(40).then(|| Flaky {
                share: share(u32::try_from(dice.below(30)).unwrap()),
                every: dice.span(Span::minutes(30), Span::hours(48)),
                lasts: spans(dice, Span::seconds(30), Span::minutes(20)),
            }),
            already: share(u32::try_from(dice.below(20)).unwrap()),
            recovers: Share::ALL,
        });
    }
    for _ in 0..dice.below(3) {
        let late = spans(dice, Span::minutes(1), Span::minutes(20));
        let does = *dice.pick(&[
            Does::Down,
            Does::RestartLoop,
            Does::InstallFails,
            Does::VerifyFails,
            Does::Late(late),
        ]);
        let mean = dice.span(Span::minutes(5), Span::hours(12));
        let within = spans(dice, Span::minutes(5), Span::hours(12));
        let shows = *dice.pick(&[
            Shows::AtOnce,
            Shows::Mean(mean),
            Shows::Within(within),
            Shows::Trigger(mean),
        ]);
        let mut regression = harmful(does, shows, u32::try_from(dice.below(100)).unwrap());
        regression.select =
            Selector::parse(dice.pick::<&str>(&["all", "role = dc", "site = fra"])).unwrap();
        world.regressions.push(regression);
    }
    world.people.after_halt =
        *dice.pick(&[AfterHalt::Rollback, AfterHalt::Resume, AfterHalt::Cancel]);
    world.people.mistakes = share(u32::try_from(dice.below(50)).unwrap());
    world.faults = random_faults(dice);
    world
}

fn random(seed: u64) -> Option<Setting> {
    let mut dice = Dice::new(seed, "a future");
    let size = Size {
        hosts: (5, 40),
        rollouts: if dice.chance(40) { 2 } else { 1 },
    };
    let Papers {
        documents,
        rollouts,
    } = draw(&mut dice, size);
    let world = random_world(&mut dice);
    let fleet = compile_fleet(documents.fleet.as_ref()?).ok()?;
    let mut plans = Vec::new();
    for (policy, update) in &rollouts {
        let plan = make_plan(&fleet, &documents, policy, update, seed).ok()?;
        plans.push((Arc::new(plan), dice.span(Span::ZERO, Span::hours(3))));
    }
    let texts = ringway_simulator::texts();
    let workers = *dice.pick(&[1, 4, 64]);
    Some(Setting::new(Arc::new(fleet), plans, texts, &world, workers).unwrap())
}

#[test]
fn no_rule_is_broken_in_any_random_future() {
    let seeds = std::env::var("RINGWAY_SEEDS").map_or(SEEDS, |asked| {
        let (from, to) = asked.split_once("..").expect("a range of seeds");
        from.parse().unwrap()..to.parse().unwrap()
    });
    let mut ends = std::collections::BTreeMap::new();
    let mut broken = Vec::new();
    for seed in seeds {
        let Some(setting) = random(seed) else {
            continue;
        };
        let outcome = checked(&setting, seed);
        if let Some(violation) = &outcome.violation {
            broken.push(format!(
                "seed {seed}: {violation}\n{}",
                outcome.trace.join("\n")
            ));
        }
        for rollout in &outcome.rollouts {
            *ends.entry(rollout.ended.word()).or_insert(0_u32) += 1;
            if let Ended::Waits(why) = &rollout.ended {
                println!("seed {seed} waits: {why}");
            }
        }
    }
    println!("{ends:?}");
    assert!(broken.is_empty(), "{}", broken.join("\n\n"));
    for end in ["completed", "rolled back", "cancelled"] {
        assert!(ends.get(end).is_some_and(|&count| count > 10), "{ends:?}");
    }
}

/// Tells one random future whole: `RINGWAY_SEED=7 cargo test -p ringway-simulator one_future -- --nocapture`. Without the
/// variable it tells seed 0 again.
#[test]
fn one_future() {
    let seed = std::env::var("RINGWAY_SEED").map_or(0, |text| text.parse().expect("a number"));
    let setting = (seed..).find_map(|seed| Some((seed, random(seed)?)));
    let (seed, setting) = setting.unwrap();
    let keep = Keep {
        checked: true,
        trace: Some(usize::MAX),
        ..Keep::default()
    };
    let outcome = setting.run(seed, Luck::Certain, keep);
    println!("{}", outcome.trace.join("\n"));
    println!("{:#?}", outcome.rollouts);
    assert_eq!(outcome.violation, None);
}
