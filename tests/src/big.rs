//! A fleet and a plan that are large and have nothing in them: what benchmarks run.

use std::collections::BTreeMap;
use std::num::NonZeroU32;

use ringway_model::{
    AfterCrash, Digest, GroupId, HostId, Labels, Place, RouteId, Slot, Span, StepKind,
};
use ringway_policy::validated::{
    AlreadyUnhealthy, Command as Run, Connection, OnHalt, Pace, Ramp, Retry, RingSpread, Step,
};
use ringway_scheduler::plan::{More, RingPlan, Route, SlotPlan, StepPlan};
use ringway_scheduler::spec::{GroupSpec, HostSpec};
use ringway_scheduler::{FleetSpec, Plan};

/// What the plan installs.
pub const RELEASE: &str = "1";

/// The steps of a visit, by position.
pub const KINDS: [StepKind; 5] = [
    StepKind::Inspect,
    StepKind::Drain,
    StepKind::Apply,
    StepKind::Verify,
    StepKind::Undrain,
];

/// A fleet of so many hosts without names or labels, in so many groups of the same size, each after the one before it in
/// chains of ten.
pub fn fleet(hosts: u32, groups: u16) -> FleetSpec {
    let per_group = hosts / u32::from(groups);
    FleetSpec {
        name: "bench".into(),
        document: Digest::of(b"fleet"),
        hosts: (0..hosts)
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
        groups: (0..groups)
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
        vanished: std::collections::BTreeSet::new(),
    }
}

/// A rollout over that fleet in four rings of 1 %, 10 %, 30 % and the rest, every ring with hosts of every group.
#[expect(clippy::too_many_lines, reason = "it is read as one list")]
pub fn plan(fleet: Digest, hosts: u32, groups: u16, at_once: u32) -> Plan {
    let sizes = [hosts / 100, hosts / 10, hosts * 3 / 10];
    let rest = hosts - sizes.iter().sum::<u32>();
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
    let per_group = hosts / u32::from(groups);
    let mut slots = Vec::new();
    for (begin, end) in [(0, 10), (10, 110), (110, 410), (410, 1000)] {
        for group in 0..u32::from(groups) {
            let (from, to) = (per_group * begin / 1000, per_group * end / 1000);
            slots.extend((from..to).map(|k| SlotPlan {
                host: HostId(group * per_group + k),
                route: RouteId(0),
            }));
        }
    }
    Plan {
        seed: 1,
        fleet,
        documents: BTreeMap::new(),
        policy: "bench".into(),
        update: "bench".into(),
        rings,
        slots,
        routes: vec![route()],
        gates: Vec::new(),
        pace: Pace {
            at_once: NonZeroU32::new(at_once).expect("not 0"),
            ramp: Ramp::Double,
            settle: Span::ZERO,
        },
        budget_down: Some(hosts / 20),
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
        times: ringway_scheduler::times::Times::default(),
        notify: Vec::new(),
        terms: ringway_scheduler::terms::Terms::default(),
        revises: None,
        outside_pause_at: 3,
        supersedes: None,
        lane: None,
        lanes: std::collections::BTreeMap::new(),
        evidence: None,
        unpoison: None,
        consent: ringway_scheduler::consent::Consent::default(),
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
        more: if kind == StepKind::Inspect {
            More::Inspect {
                installed_when: "new".into(),
                previous: Some("{output}".into()),
            }
        } else {
            More::Nothing
        },
    };
    Route {
        release: RELEASE.into(),
        build: None,
        recipe: "null".into(),
        care: None,
        parameters: BTreeMap::new(),
        steps: KINDS.into_iter().map(step).collect(),
        settings: std::collections::BTreeSet::new(),
        visits: [vec![0, 1, 2, 3, 4], vec![], vec![]],
    }
}

/// Resident memory of this process in bytes, as the kernel counts it.
pub fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages: u64 = status
        .split_whitespace()
        .nth(1)
        .and_then(|pages| pages.parse().ok())
        .unwrap_or(0);
    pages * 4096
}

/// CPU seconds this process has used, as the kernel counts them in ticks of 10 ms.
#[expect(
    clippy::cast_precision_loss,
    reason = "a benchmark's seconds are far below 2^52 ticks"
)]
pub fn cpu_seconds() -> f64 {
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
