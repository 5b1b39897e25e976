//! A scripted rollout of fifty hosts, some of which fail, with the decider dying before and after every single write.

use std::collections::BTreeMap;
use std::num::NonZeroU32;

use ringway_executor::Config;
use ringway_model::{RolloutId, Span, StepKind};
use ringway_policy::validated::{Halt, OnHalt, Pace, Ramp, Retry};
use ringway_simulator::{BEGIN, Dice, Fate, Faults, Papers, Size, Trouble, Ways, World, draw};

const SEED: u64 = 50;

/// What a run comes to: of every host its outcome in words, what is installed in truth, whether it is out of service, and
/// every step that ever began on it.
type End = BTreeMap<String, (String, BTreeMap<String, String>, bool, Vec<StepKind>)>;

/// Documents with every kind of step, and a policy under which failures are told and the rollout goes on.
fn papers() -> Papers {
    let mut papers = (0..1000)
        .map(|number| {
            let size = Size {
                hosts: (50, 50),
                rollouts: 1,
            };
            draw(&mut Dice::new(number, "crash points"), size)
        })
        .find(|papers| {
            let has_every_step = papers.documents.recipes.values().all(|recipe| {
                recipe.inspect.is_some()
                    && recipe.precheck.is_some()
                    && recipe.reboot.is_some()
                    && recipe.verify.is_some()
            });
            let fleet = papers.documents.fleet.as_ref().unwrap();
            let policy = papers.documents.policies.values().next().unwrap();
            let drains = papers
                .documents
                .cares
                .values()
                .any(|care| care.drain.is_some())
                && fleet.groups.iter().any(|group| group.care.is_some());
            has_every_step && drains && policy.rings.len() >= 3 && fleet.groups.len() >= 2
        })
        .unwrap();
    let fleet = papers.documents.fleet.as_mut().unwrap();
    for group in &mut fleet.groups {
        group.after.clear();
        group.keep_up = None;
    }
    for policy in papers.documents.policies.values_mut() {
        policy.start = None;
        for ring in &mut policy.rings {
            ring.after_soak = None;
            ring.soak = Span::minutes(1);
        }
        policy.pace = Pace {
            at_once: NonZeroU32::new(16).unwrap(),
            ramp: Ramp::Off,
            settle: Span::seconds(20),
        };
        policy.budget_down = None;
        policy.retry = Retry {
            times: 2,
            wait: Span::seconds(10),
        };
        policy.halt = Halt {
            failed: None,
            failed_share: None,
        };
        policy.on_halt = OnHalt::Withhold;
    }
    papers
}

/// Some hosts fail twice and then work, some fail for good, at every kind of step.
fn ways(papers: &Papers) -> Ways {
    let mut ways = Ways::good(SEED);
    let recipe = papers.documents.recipes.keys().next().unwrap().clone();
    let kinds = [
        StepKind::Inspect,
        StepKind::Precheck,
        StepKind::Drain,
        StepKind::Apply,
        StepKind::Reboot,
        StepKind::Verify,
        StepKind::Undrain,
    ];
    for (number, &kind) in kinds.iter().enumerate() {
        for (host, times) in [(number * 3 + 10, 2), (number * 3 + 11, 255)] {
            let trouble = Trouble {
                kind,
                times,
                hangs: false,
            };
            ways.trouble.insert((host, recipe.clone()), trouble);
        }
    }
    ways
}

fn world(papers: &Papers) -> World {
    let config = Config {
        workers: 64,
        snapshot_every: 40,
        ..Config::default()
    };
    World::new(SEED, papers, ways(papers), Faults::none(SEED), config, 40).unwrap()
}

fn finish(world: &mut World) -> End {
    while world.violation().is_none() && !world.is_done() {
        let next = world.now() + Span::seconds(30);
        world.run(next);
        assert!(
            world.now() < BEGIN + Span::hours(6),
            "no end comes: {:#?}",
            world.trace().lines()
        );
    }
    assert!(
        world.violation().is_none(),
        "{}\n{}",
        world.violation().unwrap(),
        world.trace().lines().join("\n")
    );
    let views = world
        .executor()
        .unwrap()
        .engine()
        .hosts_of(RolloutId(1), None);
    assert_eq!(views.len(), 50);
    views
        .into_iter()
        .map(|view| {
            let number: usize = view.host[1..].parse().unwrap();
            let host = &world.hosts()[number];
            let steps = host.ledger.iter().map(|execution| execution.kind).collect();
            let end = (view.words, host.content.clone(), host.drained, steps);
            (view.host, end)
        })
        .collect()
}

/// Crashes at every single write and compares with the run that nothing disturbed.
fn crash_at_every_write(fate: Fate) {
    let papers = papers();
    let mut undisturbed = world(&papers);
    let expected = finish(&mut undisturbed);
    let writes = undisturbed.writes();
    assert!(writes > 100, "only {writes} writes");
    assert!(
        expected.values().any(|end| end.0.starts_with("failed"))
            && expected.values().any(|end| end.0 == "updated"),
        "some hosts must fail and some succeed"
    );
    for write in 1..=writes {
        let mut crashing = world(&papers);
        crashing.crash_points.insert(write, fate);
        let found = finish(&mut crashing);
        assert_eq!(crashing.reach().crashes, 1, "write {write} was not reached");
        for (host, end) in &expected {
            assert_eq!(
                &found[host], end,
                "{host}, crash at write {write} ({fate:?})"
            );
        }
    }
    println!("{writes} crash points ({fate:?})");
}

/// What was decided is lost: nobody was told of it and nothing of it was begun, so it is decided again.
#[test]
fn a_crash_before_any_write_changes_no_outcome_and_repeats_no_step() {
    crash_at_every_write(Fate::Refused);
}

/// What was decided is there and nobody was told: every step of it is found or begun, and none twice.
#[test]
fn a_crash_after_any_write_changes_no_outcome_and_repeats_no_step() {
    crash_at_every_write(Fate::Written);
}
