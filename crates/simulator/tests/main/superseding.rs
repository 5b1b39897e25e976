//! A fix takes over at any moment, under every fault: nothing of the old rollout goes on, and everybody comes to an end.

use ringway_simulator::{Extra, Reach, run_seed_with};

/// `RINGWAY_SEEDS` asks for others.
const SEEDS: std::ops::Range<u64> = 80_000..80_500;

fn seeds() -> std::ops::Range<u64> {
    crate::asked::seeds(SEEDS)
}

fn run(half: u64) -> (u32, Reach) {
    let (mut worlds, mut reach) = (0, Reach::default());
    for seed in seeds().filter(|seed| seed % 2 == half) {
        let extra = Extra {
            keep: 40,
            supersede: Some(100),
            ..Extra::default()
        };
        let report = run_seed_with(seed, extra);
        assert!(report.violation.is_none(), "{}", report.story());
        worlds += u32::from(report.reach.supersessions > 0);
        reach.add(&report.reach);
    }
    (worlds, reach)
}

#[test]
fn a_fix_takes_over_at_any_moment_and_nothing_of_the_old_rollout_goes_on() {
    let (one, other) = std::thread::scope(|scope| {
        let other = scope.spawn(|| run(1));
        (run(0), other.join().expect("a world does not break a rule"))
    });
    let mut reach = one.1;
    reach.add(&other.1);
    let all = u32::try_from(seeds().count()).unwrap();
    println!(
        "{all} worlds, {} with a fix; {} fixes, {} of them while a step of the old rollout ran, {} hosts brought back, {} crashes, {} takeovers",
        one.0 + other.0,
        reach.supersessions,
        reach.supersessions_in_flight,
        reach.recovered,
        reach.crashes,
        reach.takeovers
    );
    assert!(reach.supersessions * 2 >= all, "hardly anybody superseded");
    assert!(
        reach.supersessions_in_flight * 12 >= reach.supersessions,
        "hardly anything was in flight"
    );
    assert!(
        reach.recovered * 50 >= reach.supersessions,
        "hardly any broken host was brought back"
    );
    for code in ["stale-parts", "reason-missing"] {
        assert!(
            reach.refused.contains(code),
            "nobody is refused with {code}"
        );
    }
    assert!(
        reach.waiting.contains("superseded"),
        "nobody waits because of it"
    );
}
