//! Validated documents in a few words.

use std::collections::BTreeMap;
use std::num::{NonZeroU16, NonZeroU32};

use ringway_calendar::Zones;
use ringway_model::{AfterCrash, Digest, Labels, Place, Selector, Share, Span};
use ringway_policy::validated::{
    After, AlreadyUnhealthy, Amount, Ask, Care, Command, Connect, Connection, Cover, Documents,
    Fleet, FleetCalendar, Group, Halt, Host, HostCalendar, Inspect, KeepUp, Minimum, Offline,
    OnHalt, Pace, Policy, PolicyCalendar, Probe, Ramp, Reboot, Recipe, Release, Retry, Ring,
    RingHosts, RingSpread, Step, Update, Vendor, When, Work, ZoneName,
};
use ringway_scheduler::{FleetSpec, Plan, PlanProblems, compile_fleet, make_plan};

pub(crate) fn select(text: &str) -> Selector {
    Selector::parse(text).unwrap()
}

pub(crate) fn share(text: &str) -> Share {
    text.parse().unwrap()
}

/// A host; labels as in `role=web os=debian-12`.
pub(crate) fn host(name: &str, labels: &str) -> Host {
    let labels: Labels = labels
        .split_whitespace()
        .map(|label| label.split_once('=').unwrap())
        .collect();
    Host {
        name: name.to_owned(),
        address: None,
        labels,
        calendar: HostCalendar::default(),
    }
}

pub(crate) fn group(name: &str, selector: &str) -> Group {
    Group {
        name: name.to_owned(),
        select: select(selector),
        after: Vec::new(),
        keep_up: None,
        rings: RingSpread::Any,
        care: None,
    }
}

pub(crate) fn after(mut group: Group, first: &[&str]) -> Group {
    let after = |first: &&str| After {
        group: (*first).to_owned(),
        across_rings: false,
    };
    group.after = first.iter().map(after).collect();
    group
}

/// One member of each availability group must stay up, told apart by a label.
pub(crate) fn keeping_up(mut group: Group, per: &str, rings: RingSpread) -> Group {
    group.keep_up = Some(KeepUp {
        per: Some(per.to_owned()),
        minimum: Minimum::AtLeast(1),
        down_at_most: NonZeroU32::new(1),
        probe: "up".to_owned(),
        fresh: Span::seconds(60),
        accept_outage: None,
    });
    group.rings = rings;
    group
}

pub(crate) fn fleet(hosts: Vec<Host>, groups: Vec<Group>) -> Fleet {
    let probe = Probe {
        ask: Ask::Tcp {
            port: "80".to_owned(),
        },
        every: Span::seconds(30),
        timeout: Span::seconds(5),
    };
    Fleet {
        name: "corp".to_owned(),
        digest: Digest::of(b"fleet"),
        hosts,
        probes: [("up".to_owned(), probe)].into(),
        groups,
        connect: vec![Connect {
            select: Selector::All,
            with: Connection::Local,
        }],
        calendar: FleetCalendar::default(),
    }
}

/// A ring that takes all it selects.
pub(crate) fn ring(name: &str, selector: &str) -> Ring {
    Ring {
        name: name.to_owned(),
        hosts: RingHosts::Select {
            select: select(selector),
            take: None,
            cover: None,
            spread: Vec::new(),
        },
        soak: Span::hours(1),
        working_time: None,
        windows: Vec::new(),
        after_soak: None,
        early: None,
    }
}

pub(crate) fn rest(name: &str) -> Ring {
    Ring {
        hosts: RingHosts::Rest,
        ..ring(name, "all")
    }
}

/// A ring that takes so many, `5` or `20%`.
pub(crate) fn taking(name: &str, selector: &str, amount: &str) -> Ring {
    let amount = amount
        .parse()
        .map_or_else(|_| Amount::Share(share(amount)), Amount::Count);
    let mut ring = ring(name, selector);
    if let RingHosts::Select { take, .. } = &mut ring.hosts {
        *take = Some(amount);
    }
    ring
}

pub(crate) fn covering(mut ring: Ring, labels: &[&str], may_exceed_take: bool) -> Ring {
    if let RingHosts::Select { cover, .. } = &mut ring.hosts {
        let by = labels.iter().map(|label| (*label).to_owned()).collect();
        *cover = Some(Cover {
            by,
            may_exceed_take,
        });
    }
    ring
}

pub(crate) fn spreading(mut ring: Ring, labels: &[&str]) -> Ring {
    if let RingHosts::Select { spread, .. } = &mut ring.hosts {
        *spread = labels.iter().map(|label| (*label).to_owned()).collect();
    }
    ring
}

pub(crate) fn policy(rings: Vec<Ring>) -> Policy {
    Policy {
        name: "monthly".to_owned(),
        digest: Digest::of(b"policy"),
        author: None,
        applies_to: Selector::All,
        start: None,
        rings,
        pace: Pace {
            at_once: NonZeroU32::new(10).unwrap(),
            ramp: Ramp::Double,
            settle: Span::minutes(5),
        },
        budget_down: None,
        retry: Retry {
            times: 0,
            wait: Span::minutes(1),
        },
        halt: Halt {
            failed: NonZeroU32::new(1),
            failed_share: None,
        },
        offline: Offline {
            allow: share("0%"),
            or: 0,
            retry: Span::minutes(10),
        },
        gates: Vec::new(),
        external: Vec::new(),
        already_unhealthy: AlreadyUnhealthy::Hold,
        on_halt: OnHalt::Withhold,
        calendar: PolicyCalendar::default(),
        due: BTreeMap::new(),
        outside_pause_at: 3,
        recovery_first: Vec::new(),
        lanes: BTreeMap::new(),
        evidence: None,
        unpoison: None,
    }
}

pub(crate) fn step(run: &str) -> Step {
    Step {
        run: Command::Shell(run.to_owned()),
        at: Place::Host,
        timeout: Span::minutes(10),
        after_crash: AfterCrash::Inspect,
        expect: None,
    }
}

/// A recipe with every step there is.
pub(crate) fn recipe() -> Recipe {
    Recipe {
        name: "package".to_owned(),
        digest: Digest::of(b"recipe"),
        parameters: [("version".to_owned(), None)].into(),
        stage: None,
        recovery: None,
        protect: None,
        inspect: Some(Inspect {
            step: step("inspect"),
            installed_when: "ii {version}".to_owned(),
            previous: Some("{output}".to_owned()),
        }),
        precheck: Some(step("precheck")),
        apply: Work::Run(step("apply")),
        reboot: Some(Reboot {
            step: step("reboot"),
            when: When::Always,
            boot_id: Some(Command::Shell("boot-id".to_owned())),
            restarts: (NonZeroU16::MIN, NonZeroU16::MIN),
            back_within: Span::minutes(5),
        }),
        verify: Some(step("verify")),
        rollback: Some(Work::Run(step("rollback"))),
        manifest: None,
    }
}

pub(crate) fn care(name: &str) -> Care {
    Care {
        ready: None,
        last: None,
        silence: None,
        name: name.to_owned(),
        digest: Digest::of(name.as_bytes()),
        drain: Some(step("drain")),
        verify: Some(step("care-verify")),
        undrain: Some(step("undrain")),
    }
}

pub(crate) fn release(selector: &str, id: &str) -> Release {
    Release {
        select: select(selector),
        id: id.to_owned(),
        build: Some("1.2".to_owned()),
        with: [("version".to_owned(), "1.2-3".to_owned())].into(),
        vendor: Vendor::default(),
    }
}

/// Documents with one policy, one update for all hosts, its recipe, and no people.
pub(crate) fn documents(policy: Policy) -> Documents {
    let update = Update {
        name: "april".to_owned(),
        digest: Digest::of(b"update"),
        released: None,
        severity: None,
        cves: Vec::new(),
        releases: vec![release("all", "nginx")],
        supersedes: Vec::new(),
        recipe: "package".to_owned(),
    };
    Documents {
        policies: [(policy.name.clone(), policy)].into(),
        updates: [(update.name.clone(), update)].into(),
        recipes: BTreeMap::from([("package".to_owned(), recipe())]),
        ..Documents::default()
    }
}

pub(crate) fn compiled(hosts: Vec<Host>, groups: Vec<Group>) -> FleetSpec {
    compile_fleet(&fleet(hosts, groups)).unwrap()
}

pub(crate) fn try_plan(
    fleet: &FleetSpec,
    rings: Vec<Ring>,
    seed: u64,
) -> Result<Plan, PlanProblems> {
    make_plan(fleet, &documents(policy(rings)), "monthly", "april", seed)
}

pub(crate) fn plan(fleet: &FleetSpec, rings: Vec<Ring>, seed: u64) -> Plan {
    try_plan(fleet, rings, seed).unwrap()
}

/// Names of the hosts of each ring, in the order they should start.
pub(crate) fn rings_of(fleet: &FleetSpec, plan: &Plan) -> Vec<Vec<String>> {
    let name = |slot: usize| fleet.hosts[plan.slots[slot].host.index()].name.clone();
    plan.rings
        .iter()
        .map(|ring| ring.slots().map(name).collect())
        .collect()
}

/// By host name: the ring it is in.
pub(crate) fn ring_by_name(fleet: &FleetSpec, plan: &Plan) -> BTreeMap<String, usize> {
    let rings = rings_of(fleet, plan).into_iter().enumerate();
    rings
        .flat_map(|(ring, hosts)| hosts.into_iter().map(move |host| (host, ring)))
        .collect()
}

/// Berlin as its rules are: the database itself is not there for every test.
pub(crate) fn zones() -> Zones {
    let berlin = ZoneName::new("Europe/Berlin").unwrap();
    let file = include_bytes!("../../../calendar/tests/zones/Europe/Berlin").to_vec();
    Zones::new("test", &[(berlin, file)].into()).unwrap()
}
