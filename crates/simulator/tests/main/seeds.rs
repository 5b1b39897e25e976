//! Seeded worlds with every checker after every batch.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::sync::OnceLock;

use ringway_model::{FailWhy, WaitingOn};
use ringway_simulator::{Extra, Kind, LOST, Reach, Report, run_seed, run_seed_with};

use crate::unreached;

/// Seeds that every run of the suite goes through.
const SEEDS: std::ops::Range<u64> = 0..2500;

/// Seeds whose traces are compared with digests that were committed.
const PINNED: std::ops::Range<u64> = 0..10;

/// Runs every seed once for all tests of this file, on as many threads as the tests may use: every other seed on one, so that
/// both are done at about the same time.
fn reports() -> &'static [Report] {
    static REPORTS: OnceLock<Vec<Report>> = OnceLock::new();
    REPORTS.get_or_init(|| {
        let tell = |from| (from..SEEDS.end).step_by(2).map(run_seed);
        std::thread::scope(|scope| {
            let odd = scope.spawn(|| tell(SEEDS.start + 1).collect::<Vec<_>>());
            let even: Vec<_> = tell(SEEDS.start).collect();
            let odd = odd.join().expect("a world does not panic");
            let mut all: Vec<Report> = even.into_iter().chain(odd).collect();
            all.sort_by_key(|report| report.seed);
            all
        })
    })
}

#[test]
fn no_rule_is_broken_in_any_seeded_world() {
    let broken: Vec<String> = reports()
        .iter()
        .filter(|report| report.violation.is_some())
        .map(Report::story)
        .collect();
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

/// Fewer worlds than seeds: some documents have no plan, and they must stay few.
#[test]
fn at_least_two_thousand_worlds_have_a_plan() {
    let planned = reports().iter().filter(|report| report.planned).count();
    assert!(planned >= 2000, "only {planned} of the seeds have a plan");
}

/// Worlds of which it is known before what they must come to; what they came to is among the rules.
#[test]
fn some_worlds_are_calm_and_some_are_harmed_for_certain() {
    for kind in [Kind::Calm, Kind::Harmful] {
        let told = |report: &&Report| report.planned && report.kind == kind;
        let worlds = reports().iter().filter(told).count();
        assert!(worlds >= 50, "only {worlds} worlds are {kind:?}");
    }
}

#[test]
fn the_same_seed_twice_gives_the_same_bytes() {
    for seed in (SEEDS.start..SEEDS.end).step_by(125) {
        let first = &reports()[usize::try_from(seed - SEEDS.start).unwrap()];
        let again = run_seed(seed);
        assert_eq!(
            (first.digest, first.lines),
            (again.digest, again.lines),
            "seed {seed}"
        );
    }
}

/// Worlds that once broke a rule and lie outside of what the suites go through.
#[test]
fn worlds_that_once_broke_a_rule_break_none() {
    let poisons = Extra {
        poison: Some(100),
        ..Extra::default()
    };
    let supersedes = Extra {
        supersede: Some(100),
        ..Extra::default()
    };
    // A host was taken over by a word that was not written yet. A host was taken back on when a fix took over.
    for (seed, extra) in [(809, poisons), (1094, supersedes)] {
        let report = run_seed_with(seed, extra);
        assert!(report.violation.is_none(), "{}", report.story());
    }
}

/// Another machine, toolchain or optimisation gives the same traces. After a change that is meant to change what happens:
/// `RINGWAY_BLESS=1 cargo test -p ringway-simulator traces`.
#[test]
fn traces_are_the_ones_that_were_committed() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/digests.txt");
    let mut found = String::new();
    for seed in PINNED {
        let report = &reports()[usize::try_from(seed - SEEDS.start).unwrap()];
        writeln!(found, "{seed} {} {}", report.lines, report.digest).unwrap();
    }
    if std::env::var_os("RINGWAY_BLESS").is_some() {
        std::fs::write(path, &found).unwrap();
    }
    assert_eq!(std::fs::read_to_string(path).unwrap(), found);
}

fn reach() -> Reach {
    let mut all = Reach::default();
    for report in reports() {
        all.add(&report.reach);
    }
    all
}

#[test]
fn every_reason_to_wait_is_reached() {
    let reached = reach().waiting;
    let all: BTreeSet<&str> = WaitingOn::NAMES.into_iter().collect();
    let excused: BTreeSet<&str> = unreached::REASONS.iter().map(|(name, _)| *name).collect();
    let missed: Vec<&&str> = all
        .iter()
        .filter(|name| !reached.contains(**name) && !excused.contains(**name))
        .collect();
    assert!(missed.is_empty(), "never waited on {missed:?}");
    let needless: Vec<&&str> = excused
        .iter()
        .filter(|name| reached.contains(**name))
        .collect();
    assert!(needless.is_empty(), "excused and reached: {needless:?}");
}

/// The committed list is every transition that the suite goes through; what it does not go through stands in `unreached.rs`
/// with the reason. To write it anew: `RINGWAY_BLESS=1 cargo test -p ringway-simulator transition`.
#[test]
fn every_transition_is_reached() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/transitions.txt");
    let reach = reach();
    let reached: BTreeSet<&str> = reach
        .hosts
        .iter()
        .chain(&reach.rollouts)
        .map(String::as_str)
        .collect();
    if std::env::var_os("RINGWAY_BLESS").is_some() {
        let lines: Vec<&str> = reached.iter().copied().collect();
        std::fs::write(path, lines.join("\n") + "\n").unwrap();
    }
    let table = std::fs::read_to_string(path).unwrap();
    let missed: Vec<&str> = table
        .lines()
        .filter(|line| !reached.contains(line))
        .collect();
    assert!(missed.is_empty(), "no seed went through {missed:#?}");
    let excused: Vec<&str> = unreached::TRANSITIONS
        .iter()
        .map(|(line, _)| *line)
        .filter(|line| reached.contains(line))
        .collect();
    assert!(excused.is_empty(), "excused and reached: {excused:#?}");
}

fn at_least_a_fifth(what: &str, of: impl Fn(&Reach) -> bool) {
    let found = reports().iter().filter(|report| of(&report.reach)).count();
    let all = reports().len();
    assert!(found * 5 >= all, "in only {found} of {all} seeds {what}");
}

#[test]
fn a_fifth_of_the_seeds_crash_while_a_step_is_outstanding() {
    at_least_a_fifth("the decider dies with a step outstanding", |reach| {
        reach.crashes_with_steps > 0
    });
}

#[test]
fn a_fifth_of_the_seeds_have_a_fault_while_a_step_is_outstanding() {
    at_least_a_fifth("something goes wrong with a step outstanding", |reach| {
        reach.faults_with_steps > 0
    });
}

/// Everything that can go wrong does so while a step of every kind runs, or to its request or its result.
#[test]
fn every_fault_strikes_in_every_kind_of_step() {
    let reached = reach().faults;
    let mut missed = Vec::new();
    for fault in unreached::FAULTS {
        for kind in unreached::KINDS {
            if !reached.contains_key(&(*fault, kind)) {
                missed.push(format!("{fault} x {kind}"));
            }
        }
    }
    for ((fault, kind), times) in &reached {
        println!("{fault} x {kind}: {times}");
        assert!(
            unreached::FAULTS.contains(fault),
            "`{fault}` is not in the list"
        );
    }
    assert!(missed.is_empty(), "never: {missed:#?}");
}

/// A decider that was replaced goes on deciding until the store refuses it; the rules say that nothing came of it.
#[test]
fn deciders_are_replaced_while_they_live_and_find_out() {
    let reach = reach();
    assert!(reach.takeovers >= 500, "only {} takeovers", reach.takeovers);
    assert!(reach.fenced >= 100, "only {} found out", reach.fenced);
}

/// A host that was never reached by its step, because it would not let it begin, fails as well as any other.
#[test]
fn hosts_refuse_steps_and_belong_to_lost_databases() {
    let reach = reach();
    for why in [
        FailWhy::Exit,
        FailWhy::TimedOut,
        FailWhy::RestartLoop,
        FailWhy::Refused,
    ] {
        assert!(reach.whys.contains(&why), "no step failed with {why:?}");
    }
    assert_eq!(reach.adopted.into_iter().collect::<Vec<_>>(), [LOST]);
}

#[test]
fn people_are_refused_for_every_reason_that_is_documented() {
    let refused = reach().refused;
    for code in [
        "not-found",
        "wrong-state",
        "not-allowed",
        "stale-digest",
        "already-approved",
        "nothing-to-approve",
        "reason-missing",
        "nothing-to-roll-back",
    ] {
        assert!(
            refused.contains(code),
            "nobody was refused with `{code}`: {refused:?}"
        );
    }
}

/// Tells one seed's whole story: `RINGWAY_SEED=7 cargo test -p ringway-simulator one_seed -- --nocapture`, with all of
/// its lines where `RINGWAY_LINES` says so. Without the variable it tells seed 0 again.
#[test]
fn one_seed() {
    let number = |name: &str, otherwise| {
        std::env::var(name).map_or(otherwise, |text| text.parse().expect("a number"))
    };
    // Suites of their own go through worlds in all of which people poison, for example: `RINGWAY_POISON=100`.
    let asked = |name: &str| std::env::var(name).is_ok().then(|| number(name, 100));
    let extra = Extra {
        keep: usize::try_from(number("RINGWAY_LINES", 40)).unwrap(),
        poison: asked("RINGWAY_POISON"),
        lanes: asked("RINGWAY_LANES"),
        supersede: asked("RINGWAY_SUPERSEDE"),
        evidence: asked("RINGWAY_EVIDENCE"),
        advise: asked("RINGWAY_ADVISE"),
        protect: asked("RINGWAY_PROTECT"),
        ..Extra::default()
    };
    let report = run_seed_with(number("RINGWAY_SEED", 0), extra);
    println!("{}", report.story());
    assert!(report.violation.is_none());
}
