//! I10 under faults: content is poisoned in every world, and in many while a step that installs it runs.

use ringway_simulator::{Extra, Reach, run_seed_with};

/// As many worlds as the rule was asked to hold in; `RINGWAY_SEEDS` asks for others.
const SEEDS: std::ops::Range<u64> = 70_000..71_000;

fn seeds() -> std::ops::Range<u64> {
    crate::asked::seeds(SEEDS)
}

/// Runs half of the seeds, and says in how many a poisoning met a step at work.
fn run(half: u64) -> (u32, u32, Reach) {
    let (mut wild, mut at_work, mut reach) = (0, 0, Reach::default());
    for seed in seeds().filter(|seed| seed % 2 == half) {
        let extra = Extra {
            keep: 40,
            poison: Some(100),
            ..Extra::default()
        };
        let report = run_seed_with(seed, extra);
        assert!(report.violation.is_none(), "{}", report.story());
        wild += u32::from(report.reach.poisonings > 0);
        at_work += u32::from(report.reach.poisonings_at_work > 0);
        reach.add(&report.reach);
    }
    (wild, at_work, reach)
}

#[test]
fn poisoned_content_is_never_issued_again_whatever_happens() {
    let (one, other) = std::thread::scope(|scope| {
        let other = scope.spawn(|| run(1));
        (run(0), other.join().expect("a world does not break a rule"))
    });
    let mut reach = one.2;
    reach.add(&other.2);
    let (poisoned, at_work) = (one.0 + other.0, one.1 + other.1);
    let all = u32::try_from(seeds().count()).unwrap();
    println!(
        "{all} worlds, {poisoned} with a poisoning, {at_work} with one while such a step ran; {} poisonings, {} crashes, {} takeovers",
        reach.poisonings, reach.crashes, reach.takeovers
    );
    assert!(
        at_work * 5 >= all,
        "a poisoning met a step at work in {at_work} of {all} worlds only"
    );
    assert!(
        reach.waiting.contains("poisoned"),
        "nobody waits because of it"
    );
    assert!(
        reach.refused.contains("poisoned"),
        "nobody is refused because of it: {:?}",
        reach.refused
    );
}
