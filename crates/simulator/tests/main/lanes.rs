//! Lanes under faults: in every world people hurry, from the start or on the way, with plans that fit and with others.

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
            keep: 60,
            lanes: Some(100),
            ..Extra::default()
        };
        let report = run_seed_with(seed, extra);
        assert!(report.violation.is_none(), "{}", report.story());
        reach.add(&report.reach);
    }
    reach
}

#[test]
fn whoever_hurries_gives_way_on_nothing_that_never_does() {
    let (mut reach, other) = std::thread::scope(|scope| {
        let other = scope.spawn(|| run(1));
        (run(0), other.join().expect("a world does not break a rule"))
    });
    reach.add(&other);
    for event in [
        "ask for a lane",
        "approve a lane",
        "void a lane",
        "enter a lane",
        "leave a lane",
        "lapse a lane",
        "start in a lane",
    ] {
        let is_met = reach.rollouts.iter().any(|met| met.ends_with(event));
        assert!(is_met, "no world came to `{event}`");
    }
    assert!(
        reach.refused.contains("stale-plan"),
        "no plan that gives way was refused: {:?}",
        reach.refused
    );
}
