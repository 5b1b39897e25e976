//! Protections under faults: recipes make snapshots in every world, steps fail and hang, people have snapshots removed before their time
//! or do it themselves, and the world goes on until each was removed, given up, or is of a host that nobody may touch.

use std::collections::BTreeMap;

use ringway_simulator::{Extra, Reach, run_seed_with};

/// As many worlds as a suite of its own goes through; `RINGWAY_SEEDS` asks for others.
const SEEDS: std::ops::Range<u64> = 90_300..90_600;

/// The errand that removes, by the journal's numbers.
const UNPROTECT: u8 = 1;

fn run(half: u64) -> Reach {
    let mut reach = Reach::default();
    for seed in crate::asked::seeds(SEEDS).filter(|seed| seed % 2 == half) {
        let extra = Extra {
            keep: 40,
            protect: Some(100),
            ..Extra::default()
        };
        let report = run_seed_with(seed, extra);
        assert!(report.violation.is_none(), "{}", report.story());
        reach.add(&report.reach);
    }
    reach
}

#[test]
fn nothing_is_changed_unprotected_and_each_protection_is_listed_until_it_is_gone() {
    let (mut reach, other) = std::thread::scope(|scope| {
        let other = scope.spawn(|| run(1));
        (run(0), other.join().expect("a world does not break a rule"))
    });
    reach.add(&other);
    let removals = reach.errands.iter();
    let removals: Vec<&str> = removals
        .filter(|(position, _)| *position == UNPROTECT)
        .map(|(_, word)| *word)
        .collect();
    let asked: BTreeMap<&str, usize> = [
        "unprotect",
        "end a protection by time",
        "tell a protection gone",
    ]
    .into_iter()
    .map(|word| {
        let has = |line: &&String| line.ends_with(&format!("+ {word}"));
        (word, reach.rollouts.iter().filter(has).count())
    })
    .collect();
    println!("removals ended as {removals:?}; {asked:?}");
    for word in [
        "done",
        "failed",
        "interrupted",
        "not started",
        "unreachable",
    ] {
        assert!(
            removals.contains(&word),
            "no removal ended as `{word}`: {removals:?}"
        );
    }
    assert!(asked.values().all(|times| *times > 0), "{asked:?}");
    let protects = |line: &&String| line.contains("protected -> ");
    assert!(
        reach.hosts.iter().any(|line| protects(&line)),
        "nothing was made"
    );
}
