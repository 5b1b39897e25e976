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
use ringway_model::{Actor, Digest, Epoch, Span, StepKind, StepResult, Timestamp};
use ringway_tests::big::{self, KINDS, cpu_seconds, resident};

const HOSTS: u32 = 1_000_000;
const GROUPS: u16 = 1_000;
const AT_ONCE: u32 = 2_000;

fn main() {
    let fleet = Arc::new(big::fleet(HOSTS, GROUPS));
    let before = resident();
    let mut engine = Engine::new();
    engine.after_fold();
    engine.provide_fleet(Digest::of(b"fleet"), fleet);
    let plan = big::plan(Digest::of(b"fleet"), HOSTS, GROUPS, AT_ONCE);
    engine.provide_plan(Digest::of(b"plan"), Arc::new(plan));
    let (began, cpu) = (Instant::now(), cpu_seconds());
    let counts = run(&mut engine);
    let (wall, cpu) = (began.elapsed().as_secs_f64(), cpu_seconds() - cpu);
    let bytes = resident().saturating_sub(before);
    let Counts {
        transitions,
        events,
        batches,
    } = counts;
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

#[derive(Default)]
struct Counts {
    transitions: u64,
    events: u64,
    batches: u64,
}

/// A whole rollout: every step that is issued ends at once, as it should.
fn run(engine: &mut Engine) -> Counts {
    let mut counts = Counts::default();
    let (mut out, mut now) = (Vec::new(), Timestamp(0));
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
    let actor = Actor("bench".into());
    let _ = engine.handle(now, &Input::Command { actor, command }, &mut out);
    loop {
        engine.advance(now, AT_ONCE, &mut out);
        counts.events += out.len() as u64;
        counts.batches += 1;
        let ended: Vec<Input> = out
            .drain(..)
            .filter_map(|event| result_of(&event))
            .collect();
        if ended.is_empty() {
            break;
        }
        now = now + Span(1);
        for input in &ended {
            let _ = engine.handle(now, input, &mut out);
            counts.transitions += 1;
        }
    }
    let state = &engine.view(now).rollouts[0].state;
    assert_eq!(state, "completed", "the benchmark must have done its work");
    counts
}

/// The good end of the step that an event issued.
fn result_of(event: &Event) -> Option<Input> {
    let Event::StepIssued {
        intent, position, ..
    } = event
    else {
        return None;
    };
    let result = if KINDS[usize::from(*position)] == StepKind::Inspect {
        StepResult::Found {
            installed: false,
            previous: None,
        }
    } else {
        StepResult::Done
    };
    Some(Input::StepEnded {
        intent: *intent,
        result,
    })
}
