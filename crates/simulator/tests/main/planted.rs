//! Deliberate mistakes in the engine: the checkers must see every one of them within the suite's seeds.

use ringway_engine::planted::Bug;
use ringway_simulator::{Extra, run_seed_with};

/// Seeds a mistake may take to be seen.
const SEEDS: std::ops::Range<u64> = 0..400;

/// After how many seeds the first checker objects, and what it says.
fn caught(bug: Bug) -> Option<(u64, String)> {
    SEEDS.into_iter().find_map(|seed| {
        let report = run_seed_with(
            seed,
            Extra {
                keep: 1,
                bug: Some(bug),
            },
        );
        report
            .violation
            .map(|violation| (seed - SEEDS.start + 1, violation.to_string()))
    })
}

/// A checker that sees nothing proves nothing.
#[test]
fn every_planted_mistake_is_caught() {
    let mut missed = Vec::new();
    for bug in Bug::ALL {
        match caught(bug) {
            Some((seeds, what)) => println!("{bug:?}: caught after {seeds} seeds: {what}"),
            None => missed.push(bug),
        }
    }
    assert!(missed.is_empty(), "no checker saw {missed:?}");
}
