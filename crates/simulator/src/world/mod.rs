//! A fleet that does not exist, in virtual time: it drives the product's own loop with everything that can go wrong.
//!
//! # Invariants
//!
//! * Time is virtual and moves from one happening to the next; every choice is from the seed.
//! * Every row is shown to the checkers as soon as it is durable, and never before.

mod advisers;
mod approvers;
mod coverage;
mod deciders;
mod earliest;
mod exceptions;
mod faults;
mod hands;
mod host;
pub(crate) mod lanes;
mod patching;
mod people;
mod poisoners;
pub(crate) mod post;
mod protections;
mod renewals;
mod requests;
mod roles;
mod steps;
mod store;
pub(crate) mod superseders;
mod truth;
mod twists;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ringway_engine::{Event, Input};
use ringway_executor::codec::Batch;
use ringway_executor::port::{Arrival, Blob, Refresh, Row, Start, Supersession};
use ringway_executor::{Config, Executor};
use ringway_model::{Digest, HostId, IntentId, ProbeId, RolloutId, Sample, Slot, Span, Timestamp};
use ringway_scheduler::{FleetSpec, Plan, compile_fleet, make_plan};

use crate::checkers::{Checkers, Invariant, Violation};
use crate::dice::Dice;
use crate::documents::Papers;
use crate::reach::Reach;
use crate::terms::GateMoods;
use crate::trace::{Trace, dense};

use deciders::Former;

pub use faults::{Faults, Mishap};
pub use host::{Execution, Flaky, Harm, Met, Run, SimHost};
pub use steps::{Cure, Effect, LOST, Trouble, Ways};
pub use store::{Fate, MemoryStore};
pub use twists::Twists;

/// When every world begins.
pub const BEGIN: Timestamp = Timestamp(1_776_186_000_000);

/// Something that is going to happen.
#[derive(Clone, Debug)]
enum Happening {
    /// The decider of this generation is told something.
    Arrives { generation: u64, what: Arrival },
    /// A worker of this generation talks to a host's envelope.
    Asks {
        generation: u64,
        start: Box<Start>,
        since: Timestamp,
    },
    /// A process ends.
    Ends { on: steps::Runner, intent: IntentId },
    /// A role moves to another host.
    RoleMoves,
    /// A row reaches the disk, or fails to.
    Writes {
        generation: u64,
        row: Box<Row>,
        blobs: Vec<Blob>,
        fate: Fate,
    },
    /// A new decider starts.
    Recovers,
    /// Something goes wrong.
    Strikes(Mishap),
    /// A person looks, and may do something.
    PersonLooks,
    /// A host that restarts in a loop does so again.
    Loops(HostId),
    /// The decider of this generation, which was replaced, is gone.
    FormerDies(u64),
    /// Somebody changes the fleet's document.
    Renews,
    /// Somebody has a fleet taken in that was read before.
    Brings(Box<Refresh>),
    /// Somebody does the next thing about work by hand.
    Hand(IntentId),
    /// Somebody puts a fix in the place of a rollout, as it was planned before.
    Supersedes(Box<Supersession>),
    /// People are told what is due.
    Tells,
}

/// The world.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is one fact about the world that is asked for by its name"
)]
pub struct World {
    now: Timestamp,
    queue: BTreeMap<(Timestamp, u64), Happening>,
    serial: u64,
    store: MemoryStore,
    hosts: Vec<SimHost>,
    /// Where Ringway runs, as a host of steps at the controller.
    controller: SimHost,
    roles: roles::Roles,
    fleet: Arc<FleetSpec>,
    plans: Vec<Arc<Plan>>,
    proposed: BTreeSet<usize>,
    executor: Option<Executor>,
    generation: u64,
    /// The decider that was replaced, while it lives.
    former: Option<Former>,
    /// The generation whose requests are carried out.
    acting: u64,
    /// The pending wake-up of the decider.
    wake: Option<(Timestamp, u64)>,
    checkers: Checkers,
    /// Rows that the checkers have seen.
    observed: usize,
    /// Samples as they were told: the truth behind the evidence.
    told: BTreeMap<(HostId, ProbeId), truth::Found>,
    withdrawn: BTreeSet<(u64, IntentId)>,
    begun: BTreeSet<IntentId>,
    /// Where steps run that run on a peer, as was decided.
    peers: BTreeMap<IntentId, HostId>,
    /// By whom each step was decided, and what for.
    issued: BTreeMap<IntentId, truth::Issued>,
    /// Steps that were handed out, by the generation that did.
    handed: BTreeSet<(u64, IntentId)>,
    /// How many steps had been decided when a rollout opened its first ring.
    opened: BTreeMap<RolloutId, u64>,
    /// What people asked for, how often it is in the journal, and how often they were told so.
    acknowledged: truth::Acknowledged,
    /// What people were told of the future.
    stated: earliest::Stated,
    /// The hash of the last row, by arithmetic of its own.
    chain: Digest,
    ways: Ways,
    faults: Faults,
    network: Dice,
    people: Dice,
    /// What people do about approvals beyond saying yes when asked.
    consent: Dice,
    /// Who is on holiday, and until when.
    away: BTreeMap<&'static str, Timestamp>,
    /// For choices that are made again whenever they are asked for.
    scenario_seed: u64,
    /// What external gates say.
    gates: GateMoods,
    /// Who works in freezes.
    freezers: Dice,
    /// Who poisons content.
    poisoners: Dice,
    doubters: Dice,
    /// Whether anybody does.
    pub(crate) poisons: bool,
    /// Who hurries, where anybody does.
    hurry: Option<Box<lanes::Hurry>>,
    /// Who puts fixes in the place of rollouts, where anybody does.
    superseders: Option<Box<superseders::Superseders>>,
    /// What people do by hand.
    hands: Dice,
    /// Who else patches.
    patchers: Dice,
    /// Whether anybody does.
    pub(crate) patching: bool,
    /// Who speaks of advisories.
    advisers: Dice,
    /// Whether anybody does.
    pub(crate) advising: bool,
    /// Who has what was made of hosts removed.
    protectors: Dice,
    /// Whether recipes make something of hosts before they change them.
    pub(crate) protecting: bool,
    /// What somebody said was gone and is there: the host's name, and its own.
    thought_gone: BTreeSet<(String, String)>,
    /// Who leaves hosts out, and until when.
    exceptions: Dice,
    /// Whether people do.
    pub(crate) excepting: bool,
    handwork: BTreeMap<IntentId, hands::Handwork>,
    /// Who is told what, where somebody wants to be.
    post: Option<post::Post>,
    tickets: u64,
    patience: u32,
    looks: u32,
    /// Milliseconds that the decider's clock is ahead.
    ahead: i64,
    /// Rows that reached the disk or failed to.
    writes: u64,
    /// Writes after which, or before which, the decider dies: for the test of crash points.
    pub crash_points: BTreeMap<u64, Fate>,
    healing: bool,
    /// What people do to the fleet's document, where they do.
    renewals: Option<Box<renewals::Renewals>>,
    /// Whether people meddle while faults happen.
    pub(crate) meddling: bool,
    happenings: u64,
    /// What running steps will change when they end.
    effects: BTreeMap<IntentId, steps::Change>,
    #[cfg(feature = "planted-bugs")]
    planted: Option<ringway_engine::planted::Bug>,
    config: Config,
    trace: Trace,
    reach: Reach,
    violation: Option<Violation>,
}

/// Why a world could not be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the documents of this seed make no plan: {0}")]
pub struct NoPlan(pub String);

/// Whether a policy has a plan for what it is proposed with.
pub(crate) fn has_plan(papers: &Papers, policy: &str, seed: u64) -> bool {
    let fleet = papers.documents.fleet.as_ref();
    let fleet = fleet.and_then(|document| compile_fleet(document).ok());
    let mut rollouts = papers.rollouts.iter().filter(|(name, _)| name == policy);
    fleet.is_some_and(|fleet| {
        rollouts
            .all(|(name, update)| make_plan(&fleet, &papers.documents, name, update, seed).is_ok())
    })
}

impl World {
    /// A world in which nothing has happened.
    ///
    /// # Errors
    ///
    /// When the documents have no plan.
    #[expect(clippy::too_many_lines, reason = "everything that a world is made of")]
    pub fn new(
        seed: u64,
        papers: &Papers,
        ways: Ways,
        faults: Faults,
        config: Config,
        keep: usize,
    ) -> Result<Self, NoPlan> {
        let document = papers
            .documents
            .fleet
            .as_ref()
            .ok_or_else(|| NoPlan("there is no fleet".to_owned()))?;
        let fleet = compile_fleet(document).map_err(|error| NoPlan(error.to_string()))?;
        let mut plans = Vec::new();
        for (policy, update) in &papers.rollouts {
            let plan = make_plan(&fleet, &papers.documents, policy, update, seed)
                .map_err(|problems| NoPlan(problems.to_string()))?;
            plans.push(Arc::new(plan));
        }
        let hosts = document
            .hosts
            .iter()
            .map(|host| {
                let role = host.labels.get("role").unwrap_or("none");
                SimHost::new(role, BTreeMap::new())
            })
            .collect();
        let mut world = Self {
            now: BEGIN,
            queue: BTreeMap::new(),
            serial: 0,
            store: MemoryStore::default(),
            hosts,
            controller: SimHost::new("controller", BTreeMap::new()),
            roles: roles::Roles::new(seed, &fleet),
            peers: BTreeMap::new(),
            fleet: Arc::new(fleet),
            plans,
            proposed: BTreeSet::new(),
            executor: None,
            generation: 0,
            former: None,
            acting: 0,
            wake: None,
            checkers: Checkers::new(),
            observed: 0,
            told: BTreeMap::new(),
            withdrawn: BTreeSet::new(),
            begun: BTreeSet::new(),
            issued: BTreeMap::new(),
            opened: BTreeMap::new(),
            handed: BTreeSet::new(),
            acknowledged: truth::Acknowledged::default(),
            stated: earliest::Stated::default(),
            chain: Digest::from_bytes([0; 32]),
            ways,
            faults,
            network: Dice::new(seed, "network"),
            people: Dice::new(seed, "people"),
            consent: Dice::new(seed, "consenting people"),
            away: BTreeMap::new(),
            scenario_seed: seed,
            gates: GateMoods::new(seed),
            freezers: Dice::new(seed, "people in freezes"),
            poisoners: Dice::new(seed, "people who poison"),
            doubters: Dice::new(seed, "people who lack evidence"),
            poisons: false,
            hurry: None,
            superseders: None,
            hands: Dice::new(seed, "by hand"),
            patchers: Dice::new(seed, "patching by others"),
            patching: false,
            advisers: Dice::new(seed, "people who advise"),
            advising: false,
            protectors: Dice::new(seed, "people who look at snapshots"),
            protecting: false,
            thought_gone: BTreeSet::new(),
            exceptions: Dice::new(seed, "exceptions"),
            excepting: false,
            handwork: BTreeMap::new(),
            post: post::Post::new(seed, &papers.documents.notify.rules),
            tickets: 0,
            patience: 0,
            looks: 0,
            ahead: 0,
            writes: 0,
            crash_points: BTreeMap::new(),
            healing: false,
            renewals: None,
            meddling: false,
            happenings: 0,
            effects: BTreeMap::new(),
            #[cfg(feature = "planted-bugs")]
            planted: None,
            config,
            trace: Trace::new(BEGIN, keep),
            reach: Reach::default(),
            violation: None,
        };
        world.prepare();
        Ok(world)
    }

    /// The world's first happenings.
    fn prepare(&mut self) {
        self.install_first();
        self.prepare_roles();
        self.go_on_holiday();
        self.after(Span::ZERO, Happening::Recovers);
        self.after(Span::seconds(5), Happening::PersonLooks);
        for (at, mishap) in self.faults.schedule(self.hosts.len()) {
            self.after(at, Happening::Strikes(mishap));
        }
        for (at, mishap) in self.faults.twists.schedule(self.hosts.len()) {
            self.after(at, Happening::Strikes(mishap));
        }
    }

    /// Goes on until nothing is left to do, a rule is broken, or `until` has come.
    pub fn run(&mut self, until: Timestamp) {
        while self.violation.is_none() {
            let Some((&(at, serial), _)) = self.queue.first_key_value() else {
                return;
            };
            if at > until {
                self.now = until;
                return;
            }
            let Some(happening) = self.queue.remove(&(at, serial)) else {
                return;
            };
            self.now = at;
            self.happenings += 1;
            if self.wake == Some((at, serial)) {
                self.wake = None;
            }
            self.happen(happening);
        }
    }

    fn happen(&mut self, happening: Happening) {
        match happening {
            Happening::Arrives { generation, what } => {
                if self.is_alive(generation) {
                    self.tell_to(generation, what);
                }
            }
            Happening::Asks {
                generation,
                start,
                since,
            } => self.asks(generation, start, since),
            Happening::Ends { on, intent } => self.ends(on, intent),
            Happening::RoleMoves => self.role_moves(),
            Happening::Writes {
                generation,
                row,
                blobs,
                fate,
            } => self.reaches_disk(generation, *row, blobs, fate),
            Happening::Recovers => self.recovers(),
            Happening::Strikes(mishap) => self.strikes(mishap),
            Happening::PersonLooks => self.person_looks(),
            Happening::Loops(host) => self.loops(host),
            Happening::FormerDies(generation) => self.former_dies(generation),
            Happening::Renews => self.renews(),
            Happening::Brings(refresh) => self.brings(*refresh),
            Happening::Hand(intent) => self.hand(intent),
            Happening::Supersedes(supersession) => self.supersedes(*supersession),
            Happening::Tells => self.tells(),
        }
    }

    fn after(&mut self, span: Span, happening: Happening) -> (Timestamp, u64) {
        let key = (self.now + span, self.serial);
        self.serial += 1;
        self.queue.insert(key, happening);
        key
    }

    /// Shows every row that became durable to the checkers.
    fn observe(&mut self) {
        while self.observed < self.store.rows().len() && self.violation.is_none() {
            let row = self.store.rows()[self.observed].clone();
            self.observed += 1;
            self.check_row(&row);
            match Batch::decode(&row.body) {
                Ok(batch) => {
                    self.note_decided(row.epoch, &batch.inputs, &batch.events);
                    self.observe_batch(row.at, &batch.inputs, &batch.events);
                    self.post_row(&row, &batch.events);
                }
                Err(error) => self.broken(Invariant::I13, error.to_string()),
            }
        }
    }

    fn observe_batch(&mut self, at: Timestamp, inputs: &[Input], events: &[Event]) {
        for event in events {
            let line = dense(event);
            self.say(&line);
            self.reach.event(event);
            self.note_superseding(event);
            self.note_renewed(event);
            self.note_lane(event);
            self.note_gone(event);
        }
        if let Err(violation) = self.checkers.observe(at, inputs, events) {
            self.violation.get_or_insert(violation);
            return;
        }
        if events
            .iter()
            .any(|event| matches!(event, Event::Poisoned { .. }))
        {
            self.reach.poisonings += 1;
            self.reach.poisonings_at_work += u32::from(self.checkers.poison_is_at_work());
        }
        self.check_promoted(at, events);
        for event in events {
            if let Some(what) = self.stated.event(at, event) {
                self.broken(Invariant::I14, what);
            }
        }
        self.people_hear(events);
    }

    pub(crate) fn broken(&mut self, invariant: Invariant, what: String) {
        self.say(&format!("! {invariant}: {what}"));
        self.violation.get_or_insert(Violation {
            invariant,
            at: self.now,
            what,
        });
    }

    fn say(&mut self, what: &str) {
        self.trace.say(self.now, what);
    }

    /// The instant of the world.
    pub const fn now(&self) -> Timestamp {
        self.now
    }

    /// The first rule that was broken.
    pub const fn violation(&self) -> Option<&Violation> {
        self.violation.as_ref()
    }

    /// What was reached.
    pub const fn reach(&self) -> &Reach {
        &self.reach
    }

    /// How many things happened.
    pub const fn happenings(&self) -> u64 {
        self.happenings
    }

    /// Whether every rollout that is not over has halted, and so waits for a person to decide.
    pub(crate) fn is_halted(&self) -> bool {
        (0..self.plans.len()).all(|plan| self.proposed.contains(&plan))
            && self.executor.as_ref().is_some_and(|executor| {
                let view = executor.engine().view(self.now);
                let mut open = view.rollouts.iter().filter(|rollout| !rollout.is_final);
                open.all(|rollout| rollout.state == "halted")
            })
    }

    /// What happened.
    pub const fn trace(&self) -> &Trace {
        &self.trace
    }

    /// The checkers.
    pub const fn checkers(&self) -> &Checkers {
        &self.checkers
    }

    /// The hosts, by `HostId`.
    pub fn hosts(&self) -> &[SimHost] {
        &self.hosts
    }

    /// The host at a slot of the rollout with this number.
    pub(crate) fn slot_host(&self, rollout: usize, slot: Slot) -> HostId {
        self.plans[rollout].slots[slot.index()].host
    }

    /// Whether some availability group can never spare a member, so that even a world without faults does not get there.
    pub(crate) fn is_hopeless(&self) -> bool {
        self.fleet.cells.iter().any(|cell| {
            let members = u32::try_from(cell.members.len()).unwrap_or(u32::MAX);
            cell.accept_outage.is_none() && (cell.must_stay_up >= members || cell.down_at_most == 0)
        })
    }

    /// The store.
    pub const fn store(&self) -> &MemoryStore {
        &self.store
    }

    /// The decider, where it runs.
    pub const fn executor(&self) -> Option<&Executor> {
        self.executor.as_ref()
    }

    /// How many rows reached the disk or failed to.
    pub const fn writes(&self) -> u64 {
        self.writes
    }

    /// From now on nothing more goes wrong, and people do what is needed for an end.
    pub fn heal(&mut self) {
        self.healing = true;
        self.say("! everything heals");
        self.faults.stop();
        self.gates.heal();
        self.roles.heal();
        self.queue
            .retain(|_, happening| !matches!(happening, Happening::Strikes(_) | Happening::Renews));
        let now = self.now;
        for host in &mut self.hosts {
            host.offline_until = host.offline_until.min(now);
            host.killed_until = host.killed_until.min(now);
            host.blind_until = host.blind_until.min(now);
            host.flaky = None;
            host.revived = true;
        }
        if let Some(former) = &self.former {
            self.former_dies(former.generation);
        }
    }

    /// Whether every rollout was proposed and is over.
    pub fn is_done(&self) -> bool {
        // One that was refused may have been planned for hosts that are gone by now, and is not asked for again.
        (0..self.plans.len()).all(|plan| self.proposed.contains(&plan))
            && self.executor.as_ref().is_some_and(|executor| {
                let view = executor.engine().view(self.now);
                view.rollouts.len() >= self.plans.len()
                    && view.rollouts.iter().all(|rollout| rollout.is_final)
            })
    }

    fn sample_told(&mut self, host: HostId, probe: ProbeId, sample: &Sample) {
        let found = self.told.entry((host, probe)).or_default();
        found.take(self.now, matches!(sample, Sample::Up));
    }

    /// Plants a mistake in every decider of this world.
    #[cfg(feature = "planted-bugs")]
    pub fn plant(&mut self, bug: Option<ringway_engine::planted::Bug>) {
        self.planted = bug;
        if let Some(post) = &mut self.post {
            post.plant(bug);
        }
    }

    /// The end that had to come did not: says what everything waits for.
    pub(crate) fn say_what_waits(&mut self) {
        let Some(executor) = &self.executor else {
            self.broken(crate::scenario::NO_END, "no decider came back".to_owned());
            return;
        };
        let waits: Vec<String> = executor
            .engine()
            .view(self.now)
            .rollouts
            .iter()
            .filter(|rollout| !rollout.is_final)
            .map(|rollout| {
                let whys: Vec<&str> = rollout
                    .waiting
                    .iter()
                    .map(|waiting| waiting.why.as_str())
                    .collect();
                format!("{} ({}): {}", rollout.id, rollout.state, whys.join("; "))
            })
            .collect();
        let what = format!(
            "no end comes after everything healed: {}",
            waits.join(" | ")
        );
        self.broken(crate::scenario::NO_END, what);
    }
}
