//! Seeded worlds with every checker after every batch.

use ringway_simulator::{Extra, run_seed_with};

/// Tells one seed's whole story: `RINGWAY_SEED=7 cargo test -p ringway-simulator one_seed -- --nocapture`.
#[test]
fn one_seed() {
    let Ok(seed) = std::env::var("RINGWAY_SEED") else {
        return;
    };
    let seed: u64 = seed.parse().expect("a seed is a number");
    let keep = std::env::var("RINGWAY_LINES").map_or(40, |lines| lines.parse().unwrap());
    let extra = Extra {
        keep,
        ..Extra::default()
    };
    let report = run_seed_with(seed, extra);
    println!("{}", report.story());
    assert!(report.violation.is_none());
}

#[test]
fn survey() {
    let (from, to) = std::env::var("RINGWAY_SEEDS")
        .ok()
        .and_then(|text| {
            let (from, to) = text.split_once("..")?;
            Some((from.parse().ok()?, to.parse().ok()?))
        })
        .unwrap_or((0, 20));
    let mut broken = 0;
    for seed in from..to {
        let report = run_seed_with(
            seed,
            Extra {
                keep: 40,
                ..Extra::default()
            },
        );
        if let Some(violation) = &report.violation {
            broken += 1;
            println!("{seed}: {violation}");
        } else if !report.planned {
            println!("{seed}: no plan: {}", report.trace.join(" "));
        }
    }
    println!("broken: {broken}");
}
