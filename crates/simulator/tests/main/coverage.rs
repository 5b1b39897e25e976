//! Evidence of kinds of hosts under faults: policies ask for it in every world.

use ringway_simulator::{Extra, Reach, run_seed_with};

/// `RINGWAY_SEEDS` asks for others.
const SEEDS: std::ops::Range<u64> = 80_000..80_600;

fn seeds() -> std::ops::Range<u64> {
    crate::asked::seeds(SEEDS)
}

fn run(half: u64) -> Reach {
    let mut reach = Reach::default();
    for seed in seeds().filter(|seed| seed % 2 == half) {
        let extra = Extra {
            keep: 40,
            evidence: Some(100),
            ..Extra::default()
        };
        let report = run_seed_with(seed, extra);
        assert!(report.violation.is_none(), "{}", report.story());
        reach.add(&report.reach);
    }
    reach
}

#[test]
fn no_kind_of_host_is_visited_on_less_evidence_than_its_policy_asks_for_whatever_happens() {
    let (mut reach, other) = std::thread::scope(|scope| {
        let other = scope.spawn(|| run(1));
        (run(0), other.join().expect("a world does not break a rule"))
    });
    reach.add(&other);
    println!(
        "{} worlds: {} crashes, {} takeovers, waiting for {:?}",
        seeds().count(),
        reach.crashes,
        reach.takeovers,
        reach.waiting
    );
    assert!(reach.waiting.contains("evidence"), "nobody waits for any");
    for code in ["not-found", "not-allowed", "reason-missing"] {
        assert!(reach.refused.contains(code), "nobody is refused by {code}");
    }
}
