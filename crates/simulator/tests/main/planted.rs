//! Deliberate mistakes in the engine and in the loop around it: the checkers must see every one of them within the suite's
//! seeds.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicUsize, Ordering};

use ringway_engine::planted::Bug;
use ringway_simulator::checkers::Violation;
use ringway_simulator::{Extra, run_seed_with};

/// Seeds a mistake may take to be seen, where `RINGWAY_SEEDS` asks for no others.
const SEEDS: std::ops::Range<u64> = 0..2500;

/// In which world each mistake was seen when somebody looked through them from the first on, and which rule it broke:
/// `BudgetOffByOne 3 I3`. That world is looked at first, and all of them where it shows the mistake no more, so that the seed saves
/// time and decides nothing. The rule is held to: a mistake that another rule's checker stumbles over proves nothing of its own. To
/// write the table anew, which takes as long as going through all of them: `RINGWAY_BLESS=1 cargo test --release -p
/// ringway-simulator planted`.
const TABLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/planted.txt");

/// The seed and the rule of that table.
fn known(bug: Bug) -> Option<(u64, String)> {
    let table = std::fs::read_to_string(TABLE).unwrap();
    let name = format!("{bug:?}");
    let line = table
        .lines()
        .find_map(|line| line.strip_prefix(&name)?.strip_prefix(' '));
    let (seed, rule) = line?.split_once(' ').expect("a seed and a rule");
    Some((seed.parse().expect("a seed"), rule.to_owned()))
}

/// In which world a checker objects, and what it says; besides, which worlds break a rule without the mistake, where any did that
/// was looked at. What is said of these proves nothing of the mistake.
fn caught(bug: Bug) -> (Option<(u64, Violation)>, Vec<String>) {
    let first = if blesses() { None } else { known(bug) };
    let first = first.map(|(seed, _)| seed);
    let mut broken = Vec::new();
    let seeds = crate::asked::seeds(SEEDS);
    let found = first.into_iter().chain(seeds).find_map(|seed| {
        let what = run_seed_with(seed, world_for(bug)).violation?;
        let without = Extra {
            bug: None,
            ..world_for(bug)
        };
        match run_seed_with(seed, without).violation {
            Some(calm) => {
                broken.push(format!("seed {seed} of {bug:?} without it: {calm}"));
                None
            }
            None => Some((seed, what)),
        }
    });
    (found, broken)
}

fn blesses() -> bool {
    std::env::var_os("RINGWAY_BLESS").is_some()
}

/// Worlds in which the mistake can be made: where it is about poison, people poison in all worlds that a suite of its own goes
/// through; and so on.
fn world_for(bug: Bug) -> Extra {
    Extra {
        keep: 1,
        bug: Some(bug),
        poison: is_of_poison(bug).then_some(100),
        lanes: is_of_lanes(bug).then_some(100),
        supersede: is_of_superseding(bug).then_some(100),
        evidence: is_of_strata(bug).then_some(100),
        advise: is_of_advisories(bug).then_some(100),
        protect: is_of_protections(bug).then_some(100),
    }
}

const fn is_of_poison(bug: Bug) -> bool {
    matches!(
        bug,
        Bug::PoisonNotInVisit
            | Bug::PoisonNotAtStart
            | Bug::PoisonPutBack
            | Bug::PoisonProposed
            | Bug::HarmIsStaged
            | Bug::SnapshotForgetsPoison
            | Bug::WithdrawalUnpoisonsAll
            | Bug::UnpoisonCountsTwice
            | Bug::UnpoisonByAnybody
            | Bug::UnpoisonedWhenAsked
            | Bug::UnpoisonOutlivesPoison
            | Bug::UnpoisonAnyDigest
            | Bug::UnpoisonNoIgnored
    )
}

const fn is_of_advisories(bug: Bug) -> bool {
    matches!(
        bug,
        Bug::AdvisoryNotAtStart
            | Bug::AdvisoryNotInVisit
            | Bug::AdvisoryRestarts
            | Bug::UnverifiedCounts
            | Bug::AdvisoryTooWide
            | Bug::AdvisoryMissesUnknown
            | Bug::AdvisoryOutlivesItself
            | Bug::AdvisoryPoisonsNothing
            | Bug::WithdrawalUnpoisonsAll
            | Bug::SnapshotForgetsAdvisories
    )
}

const fn is_of_protections(bug: Bug) -> bool {
    matches!(
        bug,
        Bug::UnprotectedGoesOn
            | Bug::KeepIgnored
            | Bug::RemovedWhileHeld
            | Bug::FailedUnprotected
            | Bug::RemovedTwice
            | Bug::RemovalForgotten
            | Bug::AnyProtection
            | Bug::SnapshotForgetsProtections
    )
}

const fn is_of_lanes(bug: Bug) -> bool {
    matches!(
        bug,
        Bug::LaneWithTooFew
            | Bug::LaneKeepsApprovals
            | Bug::LaneEndsSoak
            | Bug::LaneNeedsNoReason
            | Bug::LaneWorksInEveryFreeze
            | Bug::LaneUnchecked
    )
}

const fn is_of_superseding(bug: Bug) -> bool {
    matches!(
        bug,
        Bug::SupersededGoesOn
            | Bug::SupersededRestarts
            | Bug::BrokenCountsAsUp
            | Bug::PartsUnchecked
            | Bug::ApprovalsCarryOver
            | Bug::SupersedePoisonsNothing
            | Bug::RestartsForOthers
            | Bug::BrokenMeanwhileIsUp
            | Bug::FailedCheckIsUp
            | Bug::SupersededTwice
            | Bug::RecoversAnybody
            | Bug::RecoversUnasked
            | Bug::RecoversWhatServes
            | Bug::RecoversForEver
            | Bug::RecoveredUninspected
            | Bug::ServesUnseen
    )
}

const fn is_of_strata(bug: Bug) -> bool {
    matches!(
        bug,
        Bug::StratumNotAtGate
            | Bug::StratumNotAtVisit
            | Bug::StratumOverGap
            | Bug::StratumOverJump
            | Bug::StratumWhileBlind
            | Bug::StratumWhileHeld
            | Bug::StratumOutlivesHost
            | Bug::StratumHostShort
            | Bug::StratumExampleTooMany
            | Bug::StratumAcceptedForAll
            | Bug::StratumToldTooLate
            | Bug::SnapshotForgetsStrata
    )
}

/// The mistakes that are asked for: all of them, or with `RINGWAY_BUGS=HaltOffByOne,NoIgnored` these.
fn asked_for() -> Vec<Bug> {
    let named = std::env::var("RINGWAY_BUGS").unwrap_or_default();
    let named: Vec<&str> = named.split(',').filter(|name| !name.is_empty()).collect();
    let is_named = |bug: &Bug| named.is_empty() || named.contains(&&*format!("{bug:?}"));
    Bug::ALL.into_iter().filter(is_named).collect()
}

/// A checker that sees nothing proves nothing.
#[test]
fn every_planted_mistake_is_caught() {
    let bugs = asked_for();
    let next = AtomicUsize::new(0);
    let look = || {
        let mut found = Vec::new();
        while let Some(bug) = bugs.get(next.fetch_add(1, Ordering::Relaxed)) {
            found.push((*bug, caught(*bug)));
        }
        found
    };
    let mut found = std::thread::scope(|scope| {
        let other = scope.spawn(look);
        let mut found = look();
        found.extend(other.join().expect("a world does not panic"));
        found
    });
    found.sort_by_key(|(bug, _)| *bug);
    assert_eq!(found.len(), bugs.len());
    assert!(!bugs.is_empty(), "no mistake has such a name");
    let (mut missed, mut broken, mut others) = (Vec::new(), Vec::new(), Vec::new());
    let mut table = String::new();
    for (bug, (caught, without)) in found {
        broken.extend(without);
        match caught {
            Some((seed, what)) => {
                println!("{bug:?}: caught in seed {seed}: {what}");
                let rule = what.invariant;
                writeln!(table, "{bug:?} {seed} {rule}").unwrap();
                if !blesses() && known(bug).is_none_or(|(_, known)| known != rule.to_string()) {
                    others.push(format!("{bug:?} in seed {seed}: {what}"));
                }
            }
            None => missed.push(bug),
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
    assert!(missed.is_empty(), "no checker saw {missed:?}");
    let others = others.join("\n");
    assert!(
        others.is_empty(),
        "another rule than the table's:\n{others}"
    );
    if blesses() && bugs.len() == Bug::ALL.len() {
        std::fs::write(TABLE, table).unwrap();
    }
}
