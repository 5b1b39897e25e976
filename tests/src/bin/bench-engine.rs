//! The engine alone with null workers: transitions per second on one core, and bytes per host without names.
//!
//! A transition is an accepted input that changes a host's state, with all rules on. The fleet has 1,000,000 hosts in
//! four rings and 1,000 groups, each after the group before it in chains of ten; every host is visited by `inspect`,
//! `drain`, `apply`, `verify` and `undrain`. Bytes per host are what the engine's state and the plan add to the process;
//! the fleet's names and labels are not in them.
#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]
#![expect(clippy::cast_precision_loss, reason = "figures are far below 2^52")]

use std::sync::Arc;
use std::time::Instant;

use ringway_engine::{Command, Engine, Event, Input};
use ringway_model::{Actor, Digest, Epoch, IntentId, Span, StepKind, StepResult, Timestamp};
use ringway_tests::big::{self, KINDS, cpu_seconds, resident};

const HOSTS: u32 = 1_000_000;
const GROUPS: u16 = 1_000;
const AT_ONCE: u32 = 2_000;

fn main() {
    let fleet = Arc::new(big::fleet(HOSTS, GROUPS));
    let before = resident();
    let plan = Arc::new(big::plan(Digest::of(b"fleet"), HOSTS, GROUPS, AT_ONCE));
    let mut engine = Engine::new();
    engine.after_fold();
    engine.provide_fleet(Digest::of(b"fleet"), fleet);
    engine.provide_plan(Digest::of(b"plan"), plan);
    let mut out: Vec<Event> = Vec::new();
    let mut now = Timestamp(0);
    let recovered = Input::Recovered {
        epoch: Epoch(1),
        last_alive: now,
    };
    let _ = engine.handle(now, &recovered, &mut out);
    let command = Command::Propose {
        fleet: Digest::of(b"fleet"),
        plan: Digest::of(b"plan"),
        key: None,
    };
    let _ = engine.handle(
        now,
        &Input::Command {
            actor: Actor("bench".into()),
            command,
        },
        &mut out,
    );
    let began = Instant::now();
    let cpu = cpu_seconds();
    let (mut transitions, mut events, mut batches) = (0_u64, 0_u64, 0_u64);
    let mut running = 0_u32;
    let mut results: Vec<(IntentId, StepKind)> = Vec::new();
    loop {
        engine.advance(now, AT_ONCE - running, &mut out);
        events += out.len() as u64;
        batches += 1;
        results.clear();
        for event in out.drain(..) {
            if let Event::StepIssued {
                intent, position, ..
            } = event
            {
                results.push((intent, KINDS[usize::from(position)]));
            }
        }
        if results.is_empty() {
            break;
        }
        running = 0;
        now = now + Span(1);
        for &(intent, kind) in &results {
            let result = match kind {
                StepKind::Inspect => StepResult::Found {
                    installed: false,
                    previous: None,
                },
                _ => StepResult::Done,
            };
            let _ = engine.handle(now, &Input::StepEnded { intent, result }, &mut out);
            transitions += 1;
        }
    }
    let (wall, cpu) = (began.elapsed().as_secs_f64(), cpu_seconds() - cpu);
    let view = engine.view(now);
    assert_eq!(
        view.rollouts[0].state, "completed",
        "the benchmark must have done its work"
    );
    let bytes = resident().saturating_sub(before);
    println!(
        "| hosts | groups | transitions | events | batches | CPU s | wall s | transitions/s (CPU) | bytes/host |"
    );
    println!("| ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |");
    let rate = transitions as f64 / cpu;
    let per_host = bytes as f64 / f64::from(HOSTS);
    println!(
        "| {HOSTS} | {GROUPS} | {transitions} | {events} | {batches} | {cpu:.2} | {wall:.2} | {rate:.0} | {per_host:.0} |"
    );
}
