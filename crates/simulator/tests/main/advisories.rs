//! Advisories under faults: people bring some of every rank and effect in every world, and rule on them.

use ringway_simulator::{Extra, Reach, run_seed_with};

/// Worlds that the rules hold in; `RINGWAY_SEEDS` asks for others.
const SEEDS: std::ops::Range<u64> = 80_000..80_500;

fn seeds() -> std::ops::Range<u64> {
    crate::asked::seeds(SEEDS)
}

/// Runs half of the seeds, and says in how many an advisory came.
fn run(half: u64) -> (u32, Reach) {
    let (mut advised, mut reach) = (0, Reach::default());
    for seed in seeds().filter(|seed| seed % 2 == half) {
        let extra = Extra {
            keep: 40,
            advise: Some(100),
            ..Extra::default()
        };
        let report = run_seed_with(seed, extra);
        assert!(report.violation.is_none(), "{}", report.story());
        let came = report
            .reach
            .rollouts
            .iter()
            .any(|what| what.contains("advise"));
        advised += u32::from(came);
        reach.add(&report.reach);
    }
    (advised, reach)
}

#[test]
fn exactly_whom_advisories_affect_is_held_whatever_happens() {
    let (one, other) = std::thread::scope(|scope| {
        let other = scope.spawn(|| run(1));
        (run(0), other.join().expect("a world does not break a rule"))
    });
    let mut reach = one.1;
    reach.add(&other.1);
    let advised = one.0 + other.0;
    let all = u32::try_from(seeds().count()).unwrap();
    println!(
        "{all} worlds, {advised} with an advisory; {} crashes, {} takeovers",
        reach.crashes, reach.takeovers
    );
    assert!(advised * 2 >= all, "{advised} of {all} worlds had one only");
    assert!(
        reach.waiting.contains("advisory"),
        "nobody waits because of one"
    );
    for code in ["bad-advisory", "lower-rank", "accepted-as-it-was"] {
        assert!(reach.refused.contains(code), "nobody is refused: {code}");
    }
    for what in [
        "accept an advisory",
        "dismiss an advisory",
        "withdraw an advisory",
    ] {
        assert!(
            reach
                .rollouts
                .iter()
                .any(|transition| transition.contains(what)),
            "{what}"
        );
    }
}
