//! Fleets, policies, updates and recipes that nobody wrote: drawn from a seed, valid, and as varied as people's.

use std::collections::{BTreeMap, BTreeSet};
use std::num::{NonZeroU16, NonZeroU32};

use ringway_model::{AfterCrash, Digest, Labels, Place, Selector, Share, Span, Timestamp};
use ringway_policy::validated::{
    After, AlreadyUnhealthy, Amount, Approvals, Ask, Binding, Care, Command, Connect, Connection,
    Cover, DayRule, Documents, Early, FailedShare, Fleet, FleetCalendar, Freeze, Frozen, Gate,
    Group, Halt, Host, HostCalendar, Inspect, KeepUp, Manual, Minimum, Moment, NotBy, Offline,
    OnHalt, Pace, People, Person, Policy, PolicyCalendar, Probe, Ramp, Reboot, Recipe, Release,
    Retry, Ring, RingHosts, RingSpread, Starts, Step, Team, TimeOfDay, Update, Vendor, Weekdays,
    When, Window, Work,
};

use crate::dice::Dice;

/// The roles of hosts, in the order in which their groups depend on each other.
pub(crate) const ROLES: [&str; 4] = ["dc", "sql", "app", "web"];

/// The probe every fleet has, and the one some have beside it.
const PROBES: [&str; 2] = ["up", "deep"];

/// Updates, each with a policy and a recipe of its own.
pub(crate) const UPDATES: [&str; 3] = ["april", "may", "june"];

/// Everything a world is made from.
#[derive(Clone, Debug)]
pub struct Papers {
    /// The documents.
    pub documents: Documents,
    /// Policy and update of each rollout to come.
    pub rollouts: Vec<(String, String)>,
}

/// How large and how eventful the documents are.
#[derive(Clone, Copy, Debug)]
pub struct Size {
    /// The fewest and the most hosts.
    pub hosts: (u64, u64),
    /// Rollouts over the same hosts.
    pub rollouts: usize,
}

/// Draws documents.
pub fn draw(dice: &mut Dice, size: Size) -> Papers {
    let hosts = dice.between(size.hosts.0, size.hosts.1);
    let roles = usize::try_from(dice.between(1, 4)).expect("at most four");
    let fleet = fleet(dice, hosts, roles);
    let mut documents = Documents {
        fleet: Some(fleet),
        policies: BTreeMap::new(),
        updates: BTreeMap::new(),
        recipes: BTreeMap::new(),
        cares: BTreeMap::new(),
        worlds: BTreeMap::new(),
        maintenances: BTreeMap::new(),
        exceptions: BTreeMap::new(),
        advisories: BTreeMap::new(),
        people: people(),
        notify: ringway_policy::validated::Notify::default(),
        texts: BTreeMap::new(),
        acceptances: Vec::new(),
        notes: Vec::new(),
    };
    for role in &ROLES[..roles] {
        let care = care(dice, role);
        documents.cares.insert(care.name.clone(), care);
    }
    let mut rollouts = Vec::new();
    for name in UPDATES.iter().take(size.rollouts) {
        let recipe = recipe(dice, name);
        let update = Update {
            name: (*name).to_owned(),
            digest: Digest::of(name.as_bytes()),
            released: None,
            severity: None,
            cves: Vec::new(),
            releases: vec![Release {
                select: Selector::All,
                id: format!("id-{name}"),
                build: Some("2.0".to_owned()),
                with: BTreeMap::new(),
                vendor: Vendor::default(),
            }],
            supersedes: Vec::new(),
            recipe: recipe.name.clone(),
        };
        let policy = policy(dice, name, hosts);
        rollouts.push((policy.name.clone(), update.name.clone()));
        documents.recipes.insert(recipe.name.clone(), recipe);
        documents.updates.insert(update.name.clone(), update);
        documents.policies.insert(policy.name.clone(), policy);
    }
    Papers {
        documents,
        rollouts,
    }
}

/// Lets work run at some times only: in windows of the fleet, around freezes of the policy, or both, some of them for some
/// roles only. After a while nothing limits it any more, so that everything can come to an end.
pub(crate) fn in_windows(papers: &mut Papers, dice: &mut Dice, begins: Timestamp) {
    let Some(fleet) = &mut papers.documents.fleet else {
        return;
    };
    let daily = |hour| Window {
        starts: Starts::On {
            days: vec![DayRule::Weekly(Weekdays::DAILY)],
            at: TimeOfDay::new(hour, 0, 0).expect("an hour of the day"),
        },
        length: Span::hours(5),
        zone: None,
        binding: Binding::Usual,
    };
    let windowed = dice.chance(60);
    if windowed {
        let windows = [0, 6, 12, 18].map(|hour| (format!("from-{hour}"), daily(hour)));
        let names: Vec<String> = windows.iter().map(|(name, _)| name.clone()).collect();
        fleet.calendar.windows = windows.into();
        let role = (*dice.pick(&ROLES)).to_owned();
        for host in &mut fleet.hosts {
            if dice.chance(50) || host.labels.get("role") == Some(role.as_str()) {
                host.calendar.windows.clone_from(&names);
            }
        }
    }
    for policy in papers.documents.policies.values_mut() {
        if windowed && dice.chance(50) {
            // The night is left out.
            policy.calendar.windows = vec!["from-6".to_owned(), "from-12".to_owned()];
            policy.calendar.windows.push("from-18".to_owned());
        }
        if windowed && !dice.chance(60) {
            continue;
        }
        let mut at = begins;
        for number in 0..dice.between(1, 6) {
            let from = at + dice.span(Span::minutes(20), Span::hours(4));
            let until = from + dice.span(Span::minutes(10), Span::hours(3));
            let freeze = Freeze {
                select: Selector::All,
                reason: Some("a reason".to_owned()),
                zone: None,
                when: Frozen::Between {
                    from: Moment::Instant(from),
                    until: Moment::Instant(until),
                },
                binding: Binding::Usual,
            };
            policy
                .calendar
                .freezes
                .insert(format!("freeze-{number}"), freeze);
            at = until;
        }
    }
}

/// Lets people do by hand what commands did: what installs, and sometimes what takes back.
pub(crate) fn by_hand(papers: &mut Papers, dice: &mut Dice) {
    for recipe in papers.documents.recipes.values_mut() {
        if !dice.chance(60) {
            continue;
        }
        let manual = |dice: &mut Dice| Manual {
            instructions: "install {build} from the console".to_owned(),
            evidence: dice.chance(60),
            within: dice.span(Span::minutes(5), Span::minutes(60)),
        };
        recipe.apply = Work::Manual(manual(dice));
        if recipe.rollback.is_some() && dice.chance(50) {
            recipe.rollback = Some(Work::Manual(manual(dice)));
        }
    }
}

/// Makes a story of days out of one of hours: everything is slower, so that telling it takes no longer.
pub(crate) fn for_days(papers: &mut Papers) {
    if let Some(fleet) = &mut papers.documents.fleet {
        for probe in fleet.probes.values_mut() {
            probe.every = Span::minutes(5);
        }
        for group in &mut fleet.groups {
            if let Some(keep_up) = &mut group.keep_up {
                keep_up.fresh = Span::minutes(12);
            }
        }
    }
    for recipe in papers.documents.recipes.values_mut() {
        if let Some(reboot) = &mut recipe.reboot {
            // Boot ids are read every few seconds whatever the probes' rhythm.
            reboot.boot_id = None;
        }
    }
    for policy in papers.documents.policies.values_mut() {
        policy.offline.retry = Span::hours(1);
        policy.pace.settle = policy.pace.settle.times(10);
        for gate in &mut policy.gates {
            gate.down_for = gate.down_for.times(20);
        }
        for ring in &mut policy.rings {
            ring.soak = ring.soak.times(30);
        }
    }
}

/// Lets approvals depend on more: yeses that expire, soaks that people may end early, somebody with two user names.
pub(crate) fn with_consent(papers: &mut Papers, dice: &mut Dice) {
    let people = &mut papers.documents.people;
    if dice.chance(50) {
        let person = Person {
            users: vec!["ana".to_owned(), "anna".to_owned()],
            contact: Some("extension 17".to_owned()),
        };
        people.people.insert("ana".to_owned(), person);
    }
    for policy in papers.documents.policies.values_mut() {
        let after = policy
            .rings
            .iter_mut()
            .filter_map(|ring| ring.after_soak.as_mut());
        for rule in policy.start.iter_mut().chain(after) {
            if dice.chance(50) {
                rule.expire = Some(dice.span(Span::minutes(8), Span::minutes(40)));
            }
        }
        for ring in &mut policy.rings {
            if ring.after_soak.is_none() && dice.chance(25) {
                ring.after_soak = Some(approvals(dice));
            }
            if ring.soak >= Span::minutes(5) && dice.chance(50) {
                ring.early = Some(Early {
                    at_least: Span(ring.soak.millis() / 4),
                    rule: approvals(dice),
                });
            }
        }
    }
}

/// Lets policies say who must agree before what was poisoned may be installed again.
pub(crate) fn with_agreement(papers: &mut Papers, dice: &mut Dice) {
    for policy in papers.documents.policies.values_mut() {
        if dice.chance(60) {
            let expire = dice.chance(30);
            policy.unpoison = Some(Approvals {
                expire: expire.then(|| dice.span(Span::minutes(8), Span::hours(4))),
                ..approvals(dice)
            });
        }
    }
}

fn select(text: &str) -> Selector {
    Selector::parse(text).expect("the selectors here are written right")
}

fn fleet(dice: &mut Dice, hosts: u64, roles: usize) -> Fleet {
    let sites = ["fra", "ber", "ham"];
    let sites = &sites[..usize::try_from(dice.between(1, 3)).expect("at most three")];
    let hosts = (0..hosts)
        .map(|number| {
            let mut labels = Labels::default();
            labels.set("role", ROLES[dice.index(roles)]);
            labels.set("env", if number % 6 == 0 { "lab" } else { "prod" });
            labels.set("site", *dice.pick(sites));
            Host {
                name: format!("h{number:02}"),
                address: None,
                labels,
                calendar: HostCalendar::default(),
            }
        })
        .collect();
    let every = *dice.pick(&[10, 15, 20, 30]);
    let probes = if dice.chance(30) {
        &PROBES[..]
    } else {
        &PROBES[..1]
    };
    let chained = dice.chance(70);
    let groups: Vec<Group> = ROLES[..roles]
        .iter()
        .enumerate()
        .map(|(index, role)| group(dice, index, role, chained))
        .collect();
    Fleet {
        name: "corp".to_owned(),
        digest: Digest::of(b"fleet"),
        hosts,
        probes: probes
            .iter()
            .map(|name| ((*name).to_owned(), probe(every)))
            .collect(),
        groups,
        connect: vec![Connect {
            select: Selector::All,
            with: Connection::Local,
        }],
        calendar: FleetCalendar::default(),
    }
}

fn probe(every: u64) -> Probe {
    Probe {
        ask: Ask::Tcp {
            port: "80".to_owned(),
        },
        every: Span::seconds(every),
        timeout: Span::seconds(5),
    }
}

fn group(dice: &mut Dice, index: usize, role: &str, chained: bool) -> Group {
    let keep_up = dice.chance(60).then(|| KeepUp {
        per: dice.chance(60).then(|| "site".to_owned()),
        minimum: if dice.chance(50) {
            Minimum::AtLeast(u32::try_from(dice.between(0, 2)).expect("small"))
        } else {
            Minimum::Share(share(*dice.pick(&[30, 50, 75])))
        },
        down_at_most: dice
            .chance(40)
            .then(|| NonZeroU32::new(u32::try_from(dice.between(1, 2)).expect("small")))
            .flatten(),
        probe: "up".to_owned(),
        fresh: Span::seconds(*dice.pick(&[60, 60, 90])),
        accept_outage: dice.chance(15).then(|| "one of a kind".to_owned()),
    });
    Group {
        name: format!("{role}s"),
        select: select(&format!("role = {role}")),
        after: if chained && index > 0 && dice.chance(80) {
            vec![After {
                group: format!("{}s", ROLES[index - 1]),
                across_rings: dice.chance(40),
            }]
        } else {
            Vec::new()
        },
        keep_up,
        rings: *dice.pick(&[RingSpread::Any, RingSpread::Apart, RingSpread::Together]),
        care: dice.chance(75).then(|| format!("care-{role}")),
    }
}

fn share(percent: u32) -> Share {
    Share::from_millionths(percent * 10_000).expect("at most 100 %")
}

fn step(dice: &mut Dice) -> Step {
    Step {
        run: Command::Shell("true".to_owned()),
        at: Place::Host,
        timeout: Span::minutes(dice.between(2, 10)),
        after_crash: if dice.chance(25) {
            AfterCrash::Repeat
        } else {
            AfterCrash::Inspect
        },
        expect: None,
    }
}

fn care(dice: &mut Dice, role: &str) -> Care {
    let drains = dice.chance(85);
    Care {
        name: format!("care-{role}"),
        digest: Digest::of(role.as_bytes()),
        ready: None,
        last: None,
        silence: None,
        drain: drains.then(|| step(dice)),
        verify: dice.chance(50).then(|| step(dice)),
        undrain: drains.then(|| step(dice)),
    }
}

fn recipe(dice: &mut Dice, update: &str) -> Recipe {
    let inspects = dice.chance(85);
    Recipe {
        name: format!("package-{update}"),
        digest: Digest::of(update.as_bytes()),
        parameters: BTreeMap::new(),
        stage: None,
        recovery: None,
        protect: None,
        inspect: inspects.then(|| Inspect {
            step: step(dice),
            installed_when: "{build}".to_owned(),
            previous: Some("{output}".to_owned()),
        }),
        precheck: dice.chance(60).then(|| step(dice)),
        apply: Work::Run(step(dice)),
        reboot: dice.chance(60).then(|| Reboot {
            step: step(dice),
            when: When::Always,
            boot_id: Some(Command::Shell("cat boot_id".to_owned())),
            restarts: (
                NonZeroU16::MIN,
                NonZeroU16::new(u16::try_from(dice.between(1, 2)).expect("small"))
                    .unwrap_or(NonZeroU16::MIN),
            ),
            back_within: Span::minutes(5),
        }),
        verify: dice.chance(60).then(|| step(dice)),
        rollback: dice.chance(80).then(|| Work::Run(step(dice))),
        manifest: None,
    }
}

fn approvals(dice: &mut Dice) -> Approvals {
    Approvals {
        needed: u8::try_from(dice.between(1, 2)).expect("small"),
        by: if dice.chance(70) {
            vec!["operators".to_owned()]
        } else {
            Vec::new()
        },
        not_by: if dice.chance(60) {
            vec![NotBy::PolicyAuthor, NotBy::Starter]
        } else {
            Vec::new()
        },
        between: None,
        expire: None,
    }
}

fn rings(dice: &mut Dice) -> Vec<Ring> {
    let soak = |dice: &mut Dice| Span::minutes(*dice.pick(&[0, 2, 5, 10, 20, 40]));
    let mut rings = Vec::new();
    let has_lab = dice.chance(60);
    if has_lab {
        rings.push(Ring {
            name: "lab".to_owned(),
            hosts: RingHosts::Select {
                select: select("env = lab"),
                take: None,
                cover: None,
                spread: Vec::new(),
            },
            soak: soak(dice),
            working_time: None,
            windows: Vec::new(),
            after_soak: dice.chance(25).then(|| approvals(dice)),
            early: None,
        });
    }
    for name in ["canary", "early"] {
        if dice.chance(65) {
            rings.push(Ring {
                name: name.to_owned(),
                hosts: RingHosts::Select {
                    // Whatever comes later must be selectable here, or its stratum cannot be covered.
                    select: if has_lab {
                        select("env = prod")
                    } else {
                        Selector::All
                    },
                    take: Some(if dice.chance(50) {
                        Amount::Share(share(*dice.pick(&[5, 10, 25])))
                    } else {
                        Amount::Count(u32::try_from(dice.between(1, 6)).expect("small"))
                    }),
                    cover: dice.chance(50).then(|| Cover {
                        by: vec!["role".to_owned()],
                        may_exceed_take: true,
                    }),
                    spread: if dice.chance(30) {
                        vec!["site".to_owned()]
                    } else {
                        Vec::new()
                    },
                },
                soak: soak(dice),
                working_time: None,
                windows: Vec::new(),
                after_soak: dice.chance(35).then(|| approvals(dice)),
                early: None,
            });
        }
    }
    rings.push(Ring {
        name: "broad".to_owned(),
        hosts: RingHosts::Rest,
        soak: soak(dice),
        working_time: None,
        windows: Vec::new(),
        after_soak: dice.chance(15).then(|| approvals(dice)),
        early: None,
    });
    rings
}

fn policy(dice: &mut Dice, update: &str, hosts: u64) -> Policy {
    let rings = rings(dice);
    let gates = ["up", "up"]
        .iter()
        .take(usize::from(dice.chance(85)))
        .map(|probe| Gate {
            name: "answers".to_owned(),
            probe: (*probe).to_owned(),
            down_for: Span::seconds(*dice.pick(&[30, 60, 180])),
            min_reporting: share(*dice.pick(&[50, 80, 100])),
        })
        .collect();
    Policy {
        name: format!("policy-{update}"),
        digest: Digest::of(update.as_bytes()),
        author: Some("dora".to_owned()),
        applies_to: Selector::All,
        start: dice.chance(30).then(|| approvals(dice)),
        rings,
        pace: pace(dice),
        budget_down: dice.chance(75).then(|| {
            if dice.chance(50) {
                Amount::Share(share(*dice.pick(&[5, 10, 25])))
            } else {
                Amount::Count(u32::try_from(dice.between(1, 1 + hosts / 4)).expect("small"))
            }
        }),
        retry: Retry {
            times: u8::try_from(dice.between(0, 2)).expect("small"),
            wait: Span::seconds(*dice.pick(&[10, 60, 300])),
        },
        halt: Halt {
            failed: dice
                .chance(80)
                .then(|| NonZeroU32::new(u32::try_from(dice.between(1, 4)).expect("small")))
                .flatten(),
            failed_share: dice.chance(30).then(|| FailedShare {
                limit: share(*dice.pick(&[2, 10])),
                counts_from: 10,
            }),
        },
        offline: Offline {
            allow: share(*dice.pick(&[0, 10, 20])),
            or: u32::try_from(dice.between(0, 2)).expect("small"),
            retry: Span::minutes(*dice.pick(&[1, 5, 10])),
        },
        gates,
        external: Vec::new(),
        already_unhealthy: if dice.chance(70) {
            AlreadyUnhealthy::Hold
        } else {
            AlreadyUnhealthy::Update
        },
        on_halt: if dice.chance(75) {
            OnHalt::Withhold
        } else {
            OnHalt::Finish
        },
        calendar: PolicyCalendar::default(),
        due: BTreeMap::new(),
        outside_pause_at: 3,
        recovery_first: Vec::new(),
        lanes: BTreeMap::new(),
        evidence: None,
        unpoison: None,
    }
}

fn pace(dice: &mut Dice) -> Pace {
    Pace {
        at_once: NonZeroU32::new(u32::try_from(dice.between(1, 16)).expect("small"))
            .unwrap_or(NonZeroU32::MIN),
        ramp: if dice.chance(60) {
            Ramp::Double
        } else {
            Ramp::Off
        },
        settle: Span::seconds(*dice.pick(&[0, 30, 60, 180])),
    }
}

/// Ana, Ben and Chris operate; Dora wrote the policies; Eve is in no team.
fn people() -> People {
    let team = |names: &[&str]| Team {
        members: names.iter().map(|name| (*name).to_owned()).collect(),
        deputies: Vec::new(),
    };
    People {
        digest: Digest::of(b"people"),
        people: BTreeMap::new(),
        teams: BTreeMap::from([
            (
                "operators".to_owned(),
                Team {
                    deputies: vec!["chris".to_owned()],
                    ..team(&["ana", "ben", "dora"])
                },
            ),
            ("cab".to_owned(), team(&["dora"])),
        ]),
    }
}

/// Every document's text as written. What a document says is drawn, so its text is only what its digest is of.
pub fn texts() -> Vec<(String, String)> {
    ["fleet", "people"]
        .iter()
        .chain(&ROLES)
        .chain(&UPDATES)
        .map(|text| ((*text).to_owned(), (*text).to_owned()))
        .collect()
}

/// Hosts in the lab have a release of their own of every update, with the same content: who is moved there asks for another one.
pub(crate) fn with_lab_releases(papers: &mut Papers) {
    let lab = Selector::parse("env = lab").expect("it is written here");
    for update in papers.documents.updates.values_mut() {
        let own = Release {
            select: lab.clone(),
            id: format!("{}-lab", update.releases[0].id),
            ..update.releases[0].clone()
        };
        update.releases.insert(0, own);
    }
}

/// Everybody who may turn up.
pub(crate) fn everybody() -> BTreeSet<&'static str> {
    BTreeSet::from(["ana", "ben", "chris", "dora", "eve", "starter"])
}
