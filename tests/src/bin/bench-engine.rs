//! The engine alone with null workers: transitions per second on one core, and bytes per host without names.
//!
//! A transition is an accepted input that changes a host's state, with all rules on. The fleet has 1,000,000 hosts in
//! four rings and 1,000 groups, each after the group before it in chains of ten; every host is visited by `inspect`,
//! `drain`, `apply`, `verify` and `undrain`. Bytes per host are what the engine's state and the plan add to the process;
//! the fleet's names and labels are not in them.
#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Instant;

use ringway_engine::{Command, Engine, Event, Input};
use ringway_model::{
    Actor, AfterCrash, Digest, Epoch, GroupId, HostId, IntentId, Labels, Place, RouteId, Slot,
    Span, StepKind, StepResult, Timestamp,
};
use ringway_policy::validated::{
    AlreadyUnhealthy, Command as Run, Connection, OnHalt, Pace, Ramp, Retry, RingSpread, Step,
};
use ringway_scheduler::plan::{More, RingPlan, Route, SlotPlan, StepPlan};
use ringway_scheduler::spec::{GroupSpec, HostSpec};
use ringway_scheduler::{FleetSpec, Plan};

const HOSTS: u32 = 1_000_000;
const GROUPS: u16 = 1_000;
const AT_ONCE: u32 = 2_000;

fn main() {
    let fleet = Arc::new(fleet());
    let before = resident();
    let plan = Arc::new(plan());
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

const KINDS: [StepKind; 5] = [
    StepKind::Inspect,
    StepKind::Drain,
    StepKind::Apply,
    StepKind::Verify,
    StepKind::Undrain,
];

fn fleet() -> FleetSpec {
    let per_group = HOSTS / u32::from(GROUPS);
    FleetSpec {
        name: "bench".into(),
        document: Digest::of(b"fleet"),
        hosts: (0..HOSTS)
            .map(|host| HostSpec {
                name: String::new(),
                address: String::new(),
                labels: Labels::default(),
                group: Some(GroupId(
                    u16::try_from(host / per_group).expect("1,000 groups"),
                )),
                cell: None,
                connect: 0,
            })
            .collect(),
        groups: (0..GROUPS)
            .map(|group| GroupSpec {
                name: format!("g{group}"),
                after: if group % 10 == 0 {
                    Vec::new()
                } else {
                    vec![(GroupId(group - 1), false)]
                },
                rings: RingSpread::Any,
                care: None,
            })
            .collect(),
        cells: Vec::new(),
        probes: Vec::new(),
        connections: vec![Connection::Local],
    }
}

fn plan() -> Plan {
    let sizes = [HOSTS / 100, HOSTS / 10, HOSTS * 3 / 10];
    let rest = HOSTS - sizes.iter().sum::<u32>();
    let mut first = 0;
    let rings = sizes
        .into_iter()
        .chain([rest])
        .enumerate()
        .map(|(ring, planned)| {
            let plan = RingPlan {
                name: format!("ring{ring}"),
                first: Slot(first),
                planned,
                halt_on: Some(1),
                debt_allowed: 0,
                soak: Span::ZERO,
                after_soak: None,
            };
            first += planned;
            plan
        });
    let rings: Vec<RingPlan> = rings.collect();
    // Every ring has hosts of every group, in the groups' order, as the scheduler lays them out.
    let per_group = HOSTS / u32::from(GROUPS);
    let mut slots = Vec::new();
    for (begin, end) in [(0, 10), (10, 110), (110, 410), (410, 1000)] {
        for group in 0..u32::from(GROUPS) {
            let (from, to) = (per_group * begin / 1000, per_group * end / 1000);
            slots.extend((from..to).map(|k| SlotPlan {
                host: HostId(group * per_group + k),
                route: RouteId(0),
            }));
        }
    }
    Plan {
        seed: 1,
        fleet: Digest::of(b"fleet"),
        documents: BTreeMap::new(),
        policy: "bench".into(),
        update: "bench".into(),
        rings,
        slots,
        routes: vec![route()],
        gates: Vec::new(),
        pace: Pace {
            at_once: NonZeroU32::new(AT_ONCE).expect("not 0"),
            ramp: Ramp::Double,
            settle: Span::ZERO,
        },
        budget_down: Some(HOSTS / 20),
        retry: Retry {
            times: 1,
            wait: Span::minutes(1),
        },
        offline_retry: Span::minutes(10),
        already_unhealthy: AlreadyUnhealthy::Hold,
        on_halt: OnHalt::Withhold,
        start: None,
        author: None,
        not_applicable: Vec::new(),
        unclaimed: Vec::new(),
    }
}

fn route() -> Route {
    let step = |kind: StepKind| StepPlan {
        kind,
        step: Step {
            run: Run::Shell("true".into()),
            at: Place::Host,
            timeout: Span::minutes(1),
            after_crash: AfterCrash::Inspect,
            expect: None,
        },
        more: More::Nothing,
    };
    Route {
        release: "1".into(),
        build: None,
        recipe: "null".into(),
        care: None,
        parameters: BTreeMap::new(),
        steps: KINDS.into_iter().map(step).collect(),
        visits: [vec![0, 1, 2, 3, 4], vec![], vec![]],
    }
}

/// Resident memory of this process in bytes, as the kernel counts it.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages: u64 = status
        .split_whitespace()
        .nth(1)
        .and_then(|pages| pages.parse().ok())
        .unwrap_or(0);
    pages * 4096
}

/// CPU seconds this process has used, as the kernel counts them in ticks of 10 ms.
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<&str> = stat
        .rsplit(')')
        .next()
        .unwrap_or_default()
        .split_whitespace()
        .collect();
    let ticks: u64 = fields
        .iter()
        .skip(11)
        .take(2)
        .filter_map(|ticks| ticks.parse::<u64>().ok())
        .sum();
    ticks as f64 / 100.0
}
