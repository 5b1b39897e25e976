//! A small fleet and a plan over it, written out.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::sync::Arc;

use ringway_executor::port::Proposal;
use ringway_model::{
    AfterCrash, Digest, HostId, Labels, Place, ProbeId, RouteId, Share, Slot, Span, StepKind,
};
use ringway_policy::validated::{
    AlreadyUnhealthy, Ask, Command, Connection, OnHalt, Pace, Probe, Ramp, Retry, Step, When,
};
use ringway_scheduler::plan::{GatePlan, More, RingPlan, Route, SlotPlan, StepPlan};
use ringway_scheduler::spec::{HostSpec, ProbeSpec};
use ringway_scheduler::{FleetSpec, Plan};

/// Text of the one document that the plan is made from.
const DOCUMENT: &str = "ringway: policy/v1\n";

/// Hosts in each ring.
pub(crate) const RINGS: [u32; 2] = [2, 6];

pub(crate) fn fleet() -> FleetSpec {
    let hosts = (0..RINGS.iter().sum())
        .map(|host| HostSpec {
            name: format!("web-{host}"),
            address: format!("10.0.0.{host}"),
            labels: Labels::default(),
            group: None,
            cell: None,
            connect: 0,
        })
        .collect();
    let probe = Probe {
        ask: Ask::Tcp {
            port: "80".to_owned(),
        },
        every: Span::seconds(10),
        timeout: Span::seconds(5),
    };
    FleetSpec {
        name: "test".to_owned(),
        document: Digest::of(b"fleet"),
        hosts,
        groups: Vec::new(),
        cells: Vec::new(),
        probes: vec![ProbeSpec {
            name: "up".to_owned(),
            probe,
        }],
        connections: vec![Connection::Local],
        vanished: std::collections::BTreeSet::new(),
    }
}

pub(crate) fn step(kind: StepKind, more: More) -> StepPlan {
    StepPlan {
        kind,
        step: Step {
            run: Command::Shell("true".to_owned()),
            at: Place::Host,
            timeout: Span::minutes(1),
            after_crash: AfterCrash::Inspect,
            expect: None,
        },
        more,
    }
}

pub(crate) fn inspect() -> More {
    More::Inspect {
        installed_when: "2.0".to_owned(),
        previous: Some("{output}".to_owned()),
    }
}

pub(crate) fn reboot() -> More {
    More::Reboot {
        when: When::Always,
        boot_id: Some(Command::Shell("cat boot".to_owned())),
        restarts: (1, 2),
        back_within: Span::minutes(5),
    }
}

fn route() -> Route {
    Route {
        release: "web".to_owned(),
        build: Some("2.0".to_owned()),
        recipe: "script".to_owned(),
        care: None,
        parameters: BTreeMap::new(),
        steps: vec![
            step(StepKind::Inspect, inspect()),
            step(StepKind::Drain, More::Nothing),
            step(StepKind::Apply, More::Nothing),
            step(StepKind::Reboot, reboot()),
            step(StepKind::Verify, More::Nothing),
            step(StepKind::Undrain, More::Nothing),
            step(StepKind::Rollback, More::Nothing),
        ],
        settings: std::collections::BTreeSet::new(),
        visits: [
            vec![0, 1, 2, 3, 4, 5],
            vec![1, 3, 4, 5],
            vec![1, 6, 3, 4, 5],
        ],
    }
}

pub(crate) fn plan() -> Plan {
    let mut first = 0;
    let rings = RINGS
        .iter()
        .enumerate()
        .map(|(index, &planned)| {
            let ring = RingPlan {
                name: format!("ring-{index}"),
                first: Slot(first),
                planned,
                halt_on: Some(1),
                debt_allowed: 0,
                soak: Span::minutes(3),
                after_soak: None,
            };
            first += planned;
            ring
        })
        .collect();
    let slots = (0..first)
        .map(|host| SlotPlan {
            host: HostId(host),
            route: RouteId(0),
        })
        .collect();
    Plan {
        seed: 1,
        fleet: fleet().encode().0,
        documents: BTreeMap::from([("policy test".to_owned(), Digest::of(DOCUMENT.as_bytes()))]),
        policy: "test".to_owned(),
        update: "web-2.0".to_owned(),
        rings,
        slots,
        routes: vec![route()],
        gates: vec![GatePlan {
            name: "answers".to_owned(),
            probe: ProbeId(0),
            down_for: Span::minutes(1),
            min_reporting: Share::ALL,
        }],
        pace: Pace {
            at_once: NonZeroU32::new(4).unwrap(),
            ramp: Ramp::Double,
            settle: Span::seconds(40),
        },
        budget_down: None,
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

pub(crate) fn proposal() -> Proposal {
    Proposal {
        fleet: Arc::new(fleet()),
        plan: Arc::new(plan()),
        documents: vec![("policy test".to_owned(), DOCUMENT.to_owned())],
        key: Some("first".to_owned()),
        change: None,
        reason: None,
    }
}
