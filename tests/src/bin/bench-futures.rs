//! Thousands of futures: 10,000 hosts in four rings, with a regression on one stratum, through the product's own loop.
//!
//! Three questions, since what a future costs hangs on how far its rollout gets: one in which nothing is wrong and every
//! host is visited, one in which the harm is let through by a policy that does not halt (every host is visited and every
//! tenth is broken), and one that halts in the canary ring and is taken back.
#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]
#![expect(clippy::cast_precision_loss, reason = "figures are far below 2^52")]

use std::sync::Arc;
use std::time::Instant;

use ringway_model::Span;
use ringway_policy::validated::{Documents, Does, Regression, Shows, World};
use ringway_policy::{Source, read};
use ringway_scheduler::{compile_fleet, make_plan};
use ringway_simulator::future::what_if::{Side, try_out};
use ringway_simulator::future::{Luck, Setting};
use ringway_tests::big::cpu_seconds;

const HOSTS: u32 = 10_000;

fn main() {
    let trials = std::env::args()
        .nth(1)
        .and_then(|text| text.parse().ok())
        .unwrap_or(1000);
    println!(
        "| futures | of | hosts visited in each (median) | CPU s | wall s | CPU ms a future | CPU us a visit |"
    );
    println!("| --- | ---: | ---: | ---: | ---: | ---: | ---: |");
    for (what, halts, harm) in [
        ("all goes well", true, false),
        ("harm that is let through", false, true),
        ("harm that halts in the canary ring", true, true),
    ] {
        let setting = setting(halts, harm);
        let (began, cpu) = (Instant::now(), cpu_seconds());
        let tried = on_all_cores(&setting, trials);
        let (wall, cpu) = (began.elapsed().as_secs_f64(), cpu_seconds() - cpu);
        let side = Side::of(&tried);
        let visited = if halts && harm {
            let halt = setting.run(0, Luck::Certain, ringway_simulator::future::Keep::default());
            halt.rollouts[0]
                .halt
                .map_or(0, |halt| u64::from(halt.updated))
        } else {
            u64::from(HOSTS)
        };
        assert_eq!(
            (side.completed == side.futures, side.halted == side.futures),
            (!(halts && harm), halts && harm),
            "the benchmark must have done its work: {side:?}"
        );
        println!(
            "| {what} | {trials} | {visited} | {cpu:.2} | {wall:.2} | {:.2} | {:.2} |",
            cpu * 1000.0 / trials as f64,
            cpu * 1e6 / trials as f64 / visited.max(1) as f64,
        );
    }
}

fn on_all_cores(setting: &Setting, trials: u64) -> Vec<ringway_simulator::future::what_if::Tried> {
    let cores = std::thread::available_parallelism().map_or(1, |cores| cores.get() as u64);
    std::thread::scope(|scope| {
        let parts: Vec<_> = (0..cores)
            .map(|core| {
                let seeds = trials * core / cores..trials * (core + 1) / cores;
                scope.spawn(move || try_out(setting, Luck::Certain, seeds))
            })
            .collect();
        parts
            .into_iter()
            .flat_map(|part| part.join().expect("a future does not panic"))
            .collect()
    })
}

fn setting(halts: bool, harm: bool) -> Setting {
    let documents = documents(halts);
    let fleet = compile_fleet(documents.fleet.as_ref().expect("it is written above"))
        .expect("the fleet is whole");
    let plan = make_plan(&fleet, &documents, "p", "u", 1).expect("the documents have a plan");
    let mut world = World::default();
    if harm {
        world.regressions.push(Regression {
            name: "one stratum".to_owned(),
            update: None,
            select: ringway_model::Selector::parse("role = r3").expect("a selector"),
            share: ringway_model::Share::ALL,
            does: Does::Down,
            shows: Shows::AtOnce,
        });
    }
    let texts = documents.texts.into_iter().collect();
    Setting::new(
        Arc::new(fleet),
        vec![(Arc::new(plan), Span::ZERO)],
        texts,
        &world,
        512,
    )
    .expect("the plan is of this fleet")
}

fn documents(halts: bool) -> Documents {
    use std::fmt::Write as _;
    let mut fleet = "ringway: fleet/v1\nname: f\nprobes: { up: { tcp: { port: 80 }, every: 30s } }\nconnect: [{ select: all, local: {} }]\nhosts:\n".to_owned();
    for host in 0..HOSTS {
        let (role, env) = (host % 10, if host % 100 < 2 { "lab" } else { "prod" });
        writeln!(
            fleet,
            "  - {{ name: h{host}, labels: {{ role: r{role}, env: {env} }} }}"
        )
        .expect("a string takes every text");
    }
    // A failure freezes the ramp, so harm that is let through would be carried to one host at a time.
    let (halt, ramp) = if halts {
        ("halt: { failed: 1 }", "double")
    } else {
        ("halt: { failed: 10000 }", "off")
    };
    let policy = format!(
        "ringway: policy/v1\nname: p\napplies_to: all\nrings:\n\
         \x20 - {{ name: lab, hosts: {{ select: env = lab }}, soak: 4h }}\n\
         \x20 - {{ name: canary, hosts: {{ select: env = prod, take: 2%, cover: {{ by: [role] }} }}, soak: 24h }}\n\
         \x20 - {{ name: early, hosts: {{ select: env = prod, take: 20% }}, soak: 2d }}\n\
         \x20 - {{ name: broad, hosts: rest, soak: 2d }}\n\
         pace: {{ at_once: 200, ramp: {ramp}, settle: 5m }}\n{halt}\n\
         gates: [{{ name: answers, probe: up, down: {{ for: 3m }} }}]\n"
    );
    let update = "ringway: update/v1\nname: u\nreleases: [{ select: all, id: u-2, build: \"2.0\" }]\nrecipe: r\n";
    let recipe = "ringway: recipe/v1\nname: r\nsteps:\n\
         \x20 inspect: { run: \"cat v\", installed_when: \"{build}\", previous: \"{output}\" }\n\
         \x20 apply: { run: \"install\", timeout: 20m }\n\
         \x20 verify: { run: \"check\" }\n\
         \x20 rollback: { run: \"back\" }\n";
    let sources = [
        Source::new("fleet.yaml", fleet),
        Source::new("policy.yaml", policy),
        Source::new("update.yaml", update),
        Source::new("recipe.yaml", recipe),
    ];
    read(&sources).unwrap_or_else(|problems| panic!("{problems}"))
}
