//! A small fleet and a hand that drives it. After every input the journal so far is folded into a second engine, which
//! must be the same: so every test is a test of recovery too.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU32;
use std::sync::Arc;

use ringway_engine::{Command, Engine, Event, Handled, Input, Rejected};
use ringway_model::{
    Actor, CellId, Digest, Epoch, Evidence, GroupId, HostId, IntentId, Place, ProbeId, RolloutId,
    RouteId, Share, Slot, Span, StepKind, StepResult, Timestamp, VisitKind,
};
use ringway_policy::validated::{
    AlreadyUnhealthy, Ask, Command as Run, Connection, OnHalt, Pace, Probe, Ramp, Retry,
    RingSpread, Step,
};
use ringway_scheduler::plan::{ApprovalPlan, GatePlan, More, RingPlan, Route, SlotPlan, StepPlan};
use ringway_scheduler::spec::{CellSpec, GroupSpec, HostSpec, ProbeSpec};
use ringway_scheduler::{FleetSpec, Plan};

pub(crate) const UP: ProbeId = ProbeId(0);
pub(crate) const ONE: RolloutId = RolloutId(1);

pub(crate) fn step(kind: StepKind) -> StepPlan {
    let more = match kind {
        StepKind::Inspect => More::Inspect {
            installed_when: "new".into(),
            previous: Some("{output}".into()),
        },
        StepKind::Reboot => More::Reboot {
            when: ringway_policy::validated::When::Always,
            boot_id: Some(Run::Shell("boot".into())),
            restarts: (1, 2),
            back_within: Span::minutes(5),
        },
        StepKind::Ready => More::Ready {
            within: Span::minutes(10),
            every: Span::minutes(1),
        },
        StepKind::Last => More::Last {
            every: Span::minutes(5),
        },
        StepKind::Silence | StepKind::Unsilence => More::Silence {
            at_most: Span::minutes(60),
        },
        StepKind::Stage => More::Stage { at_once: 10 },
        StepKind::Recovery => More::Recovery {
            back_within: Span::minutes(10),
        },
        StepKind::Protect => More::Protect {
            keep: Span::hours(48),
        },
        _ => More::Nothing,
    };
    let step = Step {
        run: Run::Shell(kind.word().into()),
        at: Place::Host,
        timeout: Span::minutes(10),
        after_crash: ringway_model::AfterCrash::Inspect,
        expect: None,
    };
    StepPlan { kind, step, more }
}

/// Every kind of step there is, in the order of their visits.
pub(crate) fn full_route() -> Route {
    use StepKind::{
        Apply, CareVerify, Drain, Inspect, Precheck, Reboot, Rollback, Undrain, Verify,
    };
    let kinds = [
        Inspect, Precheck, Drain, Apply, Reboot, Verify, CareVerify, Undrain, Rollback,
    ];
    Route {
        release: "new".into(),
        build: None,
        recipe: "recipe".into(),
        care: Some("care".into()),
        parameters: BTreeMap::new(),
        steps: kinds.into_iter().map(step).collect(),
        settings: std::collections::BTreeSet::new(),
        visits: [
            vec![0, 1, 2, 3, 4, 5, 6, 7],
            vec![2, 4, 5, 6, 7],
            vec![2, 8, 4, 5, 6, 7],
        ],
    }
}

/// `hosts` hosts `h0`, `h1`, ... in rings of the given sizes; no gates, no groups, no settle, everything at once.
pub(crate) fn plan(rings: &[u32]) -> (FleetSpec, Plan) {
    let hosts: u32 = rings.iter().sum();
    let fleet = FleetSpec {
        name: "test".into(),
        document: Digest::of(b"fleet"),
        hosts: (0..hosts)
            .map(|i| HostSpec {
                name: format!("h{i}"),
                address: format!("h{i}"),
                labels: [("n", i.to_string())].into_iter().collect(),
                group: None,
                cell: None,
                connect: 0,
            })
            .collect(),
        groups: Vec::new(),
        cells: Vec::new(),
        probes: vec![ProbeSpec {
            name: "up".into(),
            probe: Probe {
                ask: Ask::Tcp { port: "1".into() },
                every: Span::seconds(30),
                timeout: Span::seconds(5),
            },
        }],
        connections: vec![Connection::Local],
        vanished: std::collections::BTreeSet::new(),
    };
    let mut first = 0;
    let rings = rings
        .iter()
        .enumerate()
        .map(|(k, &planned)| {
            let ring = RingPlan {
                name: format!("ring{k}"),
                first: Slot(first),
                planned,
                halt_on: Some(1),
                debt_allowed: 0,
                soak: Span::ZERO,
                after_soak: None,
            };
            first += planned;
            ring
        })
        .collect();
    let plan = Plan {
        seed: 1,
        fleet: Digest::default(),
        documents: BTreeMap::new(),
        policy: "policy".into(),
        update: "update".into(),
        rings,
        slots: (0..hosts)
            .map(|i| SlotPlan {
                host: HostId(i),
                route: RouteId(0),
            })
            .collect(),
        routes: vec![full_route()],
        gates: Vec::new(),
        pace: Pace {
            at_once: NonZeroU32::new(100).unwrap(),
            ramp: Ramp::Off,
            settle: Span::ZERO,
        },
        budget_down: None,
        retry: Retry {
            times: 0,
            wait: Span::minutes(1),
        },
        offline_retry: Span::minutes(10),
        already_unhealthy: AlreadyUnhealthy::Hold,
        on_halt: OnHalt::Withhold,
        start: None,
        author: Some("dora".into()),
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
    };
    (fleet, plan)
}

/// A gate on the probe `up`: three minutes down are harm.
pub(crate) fn gate() -> GatePlan {
    GatePlan {
        name: "answers".into(),
        probe: UP,
        down_for: Span::minutes(3),
        min_reporting: Share::ALL,
    }
}

pub(crate) fn approvals(needed: u8, people: &[&str]) -> ApprovalPlan {
    let people: BTreeSet<String> = people.iter().map(|&name| name.to_owned()).collect();
    let by = if people.is_empty() {
        Vec::new()
    } else {
        vec!["operators".to_owned()]
    };
    ApprovalPlan {
        needed,
        by,
        people,
        not_by: Vec::new(),
    }
}

/// Puts hosts into one group; its availability group is all of them, of which `must_stay_up` must.
pub(crate) fn group(
    fleet: &mut FleetSpec,
    name: &str,
    hosts: &[u32],
    after: &[u16],
    must_stay_up: Option<u32>,
) {
    let group = GroupId(u16::try_from(fleet.groups.len()).unwrap());
    fleet.groups.push(GroupSpec {
        name: name.into(),
        after: after.iter().map(|&g| (GroupId(g), false)).collect(),
        rings: RingSpread::Any,
        care: None,
    });
    let cell = must_stay_up.map(|must_stay_up| {
        let cell = CellId(u32::try_from(fleet.cells.len()).unwrap());
        fleet.cells.push(CellSpec {
            group,
            name: name.into(),
            members: hosts.iter().map(|&host| HostId(host)).collect(),
            must_stay_up,
            down_at_most: 1,
            probe: UP,
            fresh: Span::seconds(60),
            accept_outage: None,
        });
        cell
    });
    for &host in hosts {
        fleet.hosts[host as usize].group = Some(group);
        fleet.hosts[host as usize].cell = cell;
    }
}

pub(crate) struct Hand {
    pub(crate) engine: Engine,
    pub(crate) now: Timestamp,
    /// All events, each with its instant.
    pub(crate) journal: Vec<(Timestamp, Event)>,
    pub(crate) fleets: Vec<(Digest, Arc<FleetSpec>)>,
    pub(crate) plans: Vec<(Digest, Arc<Plan>)>,
    pub(crate) workers: u32,
}

impl Hand {
    pub(crate) fn idle() -> Self {
        let mut engine = Engine::new();
        engine.after_fold();
        let mut hand = Self {
            engine,
            now: Timestamp(1_000_000),
            journal: Vec::new(),
            fleets: Vec::new(),
            plans: Vec::new(),
            workers: 1000,
        };
        let _ = hand.take(Input::Recovered {
            epoch: Epoch(1),
            last_alive: Timestamp(1_000_000),
        });
        hand
    }

    /// A rollout of this plan, proposed by `olga` and as far as it goes by itself.
    pub(crate) fn start((fleet, plan): (FleetSpec, Plan)) -> Self {
        let mut hand = Self::idle();
        hand.propose(fleet, plan);
        hand
    }

    pub(crate) fn propose(&mut self, fleet: FleetSpec, mut plan: Plan) {
        let fleet_digest = Digest::of(format!("{fleet:?}").as_bytes());
        plan.fleet = fleet_digest;
        let plan_digest = Digest::of(format!("{plan:?}").as_bytes());
        self.fleets.push((fleet_digest, Arc::new(fleet)));
        self.plans.push((plan_digest, Arc::new(plan)));
        self.engine
            .provide_fleet(fleet_digest, self.fleets.last().unwrap().1.clone());
        self.engine
            .provide_plan(plan_digest, self.plans.last().unwrap().1.clone());
        let command = Command::Propose {
            fleet: fleet_digest,
            plan: plan_digest,
            key: None,
        };
        self.command("olga", command).unwrap();
    }

    pub(crate) fn take(&mut self, input: Input) -> Handled {
        let mut out = Vec::new();
        let handled = self.engine.handle(self.now, &input, &mut out);
        let running = u32::try_from(self.engine.outstanding().len()).unwrap();
        self.engine
            .advance(self.now, self.workers.saturating_sub(running), &mut out);
        self.journal
            .extend(out.into_iter().map(|event| (self.now, event)));
        assert!(
            !self
                .journal
                .iter()
                .any(|(_, event)| matches!(event, Event::Faulted { .. })),
            "{:?}",
            self.journal.last()
        );
        assert_eq!(
            self.folded().state_digest(),
            self.engine.state_digest(),
            "the fold differs after {input:?}"
        );
        handled
    }

    /// A second engine made from the journal alone.
    pub(crate) fn folded(&self) -> Engine {
        let mut engine = Engine::new();
        for (digest, fleet) in &self.fleets {
            engine.provide_fleet(*digest, fleet.clone());
        }
        for (digest, plan) in &self.plans {
            engine.provide_plan(*digest, plan.clone());
        }
        for (at, event) in &self.journal {
            engine.apply(*at, event).unwrap();
        }
        engine
    }

    /// The engine of a snapshot.
    pub(crate) fn decoded(&self, bytes: &[u8]) -> Engine {
        let fleets = self.fleets.iter().cloned().collect();
        let plans = self.plans.iter().cloned().collect();
        let mut engine = Engine::decode(bytes, fleets, plans).unwrap();
        engine.after_fold();
        engine
    }

    /// The process ends and another takes over; nothing was lost that was decided.
    pub(crate) fn crash(&mut self, down_for: Span) {
        let last_alive = self.now;
        self.now = self.now + down_for;
        let mut engine = self.folded();
        engine.after_fold();
        self.engine = engine;
        let _ = self.take(Input::Recovered {
            epoch: Epoch(2),
            last_alive,
        });
    }

    pub(crate) fn command(&mut self, actor: &str, command: Command) -> Result<bool, Rejected> {
        match self.take(Input::Command {
            actor: Actor(actor.into()),
            command,
        }) {
            Handled::Accepted(accepted) => Ok(accepted.changed),
            Handled::Rejected(rejected) => Err(rejected),
        }
    }

    pub(crate) fn pass(&mut self, span: Span) {
        self.now = self.now + span;
        let _ = self.take(Input::Tick);
    }

    /// The step that runs on a host, if one does.
    pub(crate) fn running(&self, host: u32) -> Option<StepKind> {
        self.running_in(ONE, host).map(|(_, kind)| kind)
    }

    pub(crate) fn running_in(&self, rollout: RolloutId, host: u32) -> Option<(IntentId, StepKind)> {
        let intents = self.engine.outstanding();
        intents
            .into_iter()
            .filter(|intent| intent.rollout() == rollout)
            .find_map(|intent| {
                let order = self.engine.order(intent).unwrap();
                let step = order.plan.routes[order.route.index()]
                    .step(order.visit, order.position)
                    .unwrap();
                (order.host == HostId(host)).then_some((intent, step.kind))
            })
    }

    pub(crate) fn end(&mut self, host: u32, result: StepResult) {
        let (intent, _) = self
            .running_in(ONE, host)
            .unwrap_or_else(|| panic!("no step runs on h{host}"));
        let _ = self.take(Input::StepEnded { intent, result });
    }

    /// The step that runs on a host does what it is for.
    pub(crate) fn good(&mut self, host: u32) {
        let (_, kind) = self
            .running_in(ONE, host)
            .unwrap_or_else(|| panic!("no step runs on h{host}"));
        self.end(host, good(kind));
    }

    /// Every step of the host's visit does what it is for, until one of this kind runs.
    pub(crate) fn until(&mut self, host: u32, kind: StepKind) {
        while self.running(host) != Some(kind) {
            self.good(host);
        }
    }

    /// Every step of the host's visit does what it is for, to its end.
    pub(crate) fn visit(&mut self, host: u32) {
        while self.running(host).is_some() {
            self.good(host);
        }
    }

    pub(crate) fn evidence(&mut self, host: u32, to: Evidence) {
        let _ = self.take(Input::Evidence {
            host: HostId(host),
            probe: UP,
            to,
        });
    }

    pub(crate) fn state(&self, host: u32) -> String {
        let view = self.engine.host_views(&format!("h{host}"));
        view.first()
            .map(|view| view.words.clone())
            .unwrap_or_default()
    }

    pub(crate) fn rollout(&self) -> String {
        self.engine.view(self.now).rollouts[0].state.clone()
    }

    pub(crate) fn waiting(&self) -> Vec<&'static str> {
        self.engine
            .waiting(ONE)
            .iter()
            .map(ringway_model::WaitingOn::name)
            .collect()
    }

    pub(crate) fn host_waiting(&self, host: u32) -> Vec<String> {
        let views = self.engine.host_views(&format!("h{host}"));
        views[0]
            .waiting
            .iter()
            .map(|waiting| waiting.on.name().to_owned())
            .collect()
    }

    /// Every step issued for a host so far, in order.
    pub(crate) fn steps(&self, host: u32) -> Vec<(VisitKind, StepKind)> {
        let plan = &self.plans[0].1;
        let issued = self.journal.iter().filter_map(|(_, event)| match event {
            Event::StepIssued {
                intent,
                visit,
                position,
                ..
            } if intent.rollout() == ONE => Some((intent.slot(), *visit, *position)),
            _ => None,
        });
        issued
            .filter(|(slot, ..)| plan.slots[slot.index()].host == HostId(host))
            .map(|(slot, visit, position)| {
                let route = &plan.routes[plan.slots[slot.index()].route.index()];
                (visit, route.step(visit, position).unwrap().kind)
            })
            .collect()
    }
}

/// The result by which a step of this kind does what it is for.
pub(crate) fn good(kind: StepKind) -> StepResult {
    match kind {
        StepKind::Inspect => StepResult::Found {
            installed: false,
            previous: Some("old".into()),
        },
        StepKind::Reboot => StepResult::Back { restarts: 1 },
        StepKind::Precheck
        | StepKind::Drain
        | StepKind::Apply
        | StepKind::Rollback
        | StepKind::Verify
        | StepKind::CareVerify
        | StepKind::Undrain
        | StepKind::Silence
        | StepKind::Unsilence
        | StepKind::Unprotect
        | StepKind::Stage
        | StepKind::Recovery => StepResult::Done,
        StepKind::Protect => StepResult::Protected {
            name: "snap".into(),
        },
        StepKind::Ready => StepResult::Answered { yes: true },
        StepKind::Last => StepResult::Answered { yes: false },
    }
}
