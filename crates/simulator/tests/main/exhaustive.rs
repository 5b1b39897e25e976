//! A rollout so small that everything that can happen to it can be tried: two rings, three hosts, one crash, one doubled
//! result and one halt, each at any time; in some also a person who resumes it.
//!
//! What is explored is the product itself: every state holds a real loop with a real engine in it, and the envelopes and the
//! store of the simulated worlds. Messages have no order: whatever is on its way may be the next to arrive. Time moves
//! only where something waits for it.
//!
//! # Invariants
//!
//! * States are taken for the same where what anybody can still do or see is the same; see [`Tiny::key`]. A sample of those
//!   that were taken for the same is expanded all the same, and must lead to the same states.

mod worlds;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::rc::Rc;
use std::sync::Arc;

use ringway_engine::planted::Bug;
use ringway_engine::{Command, Event, Told};
use ringway_executor::codec::Batch;
use ringway_executor::fold::Fold;
use ringway_executor::port::{Arrival, Blob, Order, Proposal, Request, Row, Start};
use ringway_executor::{Config, Executor, Library};
use ringway_model::{
    Actor, Digest, Epoch, HostId, HostOutcome, IntentId, RawReport, RolloutId, StepKind, Timestamp,
    WaitingOn,
};
use ringway_scheduler::{FleetSpec, Plan};
use ringway_simulator::checkers::Checkers;
use ringway_simulator::{BEGIN, Fate, MemoryStore, Met, Run, SimHost};

use worlds::{ASKED, BY_HAND, LARGE, LONG, PEOPLE, Shape, WIDE, world};

/// Everything that is the same in every state.
struct World {
    shape: Shape,
    fleet: Arc<FleetSpec>,
    plan: Arc<Plan>,
    documents: Vec<(String, String)>,
    bug: Option<Bug>,
}

/// Something on its way. It may arrive next, or after everything else.
#[derive(Clone)]
enum Message {
    /// A row, to the disk.
    Append { row: Box<Row>, blobs: Vec<Blob> },
    /// Something the decider is told.
    Told(Box<Arrival>),
    /// A worker's request, to its host. It may be of a decider that is dead.
    Ask(Box<Start>),
    /// A step's end, on its host.
    Ends {
        host: HostId,
        intent: IntentId,
        /// With which exit code.
        exit: i32,
    },
}

/// What may still happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Left {
    crashes: u8,
    doubles: u8,
    halts: u8,
    resumes: u8,
    /// Answers to questions that are not the usual ones.
    odd: u8,
    /// Words of a person about work by hand.
    words: u8,
    /// Yeses of people.
    yeses: u8,
    /// Noes of people.
    noes: u8,
}

/// How a state was reached, newest first.
struct Path(String, Option<Rc<Path>>);

/// One state.
#[derive(Clone)]
struct Tiny {
    now: Timestamp,
    executor: Executor,
    epoch: Epoch,
    store: MemoryStore,
    hosts: Vec<SimHost>,
    checkers: Checkers,
    observed: usize,
    flight: Vec<Message>,
    /// What the decider was told while a row was on its way.
    queued: Vec<String>,
    /// Steps that this decider handed out.
    handed: BTreeSet<IntentId>,
    /// Steps that began.
    begun: BTreeSet<IntentId>,
    /// Steps whose end a living worker waits for.
    watched: BTreeSet<IntentId>,
    wake: Option<Timestamp>,
    left: Left,
    /// Whether the order in which the engine looks at hosts again matters: after a resume it does, and the record of the
    /// state does not have it.
    has_queues: bool,
    broken: Option<String>,
    path: Option<Rc<Path>>,
}

fn decider(world: &World) -> Executor {
    let mut executor = Executor::new(Config {
        workers: 4,
        snapshot_every: u64::MAX,
        ..Config::default()
    });
    executor.plant(world.bug);
    executor
}

impl Tiny {
    /// The fleet with the rollout proposed and nothing of it begun.
    fn first(world: &World) -> Self {
        let mut checkers = Checkers::new();
        checkers.provide_fleet(world.fleet.encode().0, world.fleet.clone());
        checkers.provide_plan(world.plan.encode().0, world.plan.clone());
        let mut tiny = Self {
            now: BEGIN,
            executor: decider(world),
            epoch: Epoch(0),
            store: MemoryStore::default(),
            hosts: vec![SimHost::new("any", BTreeMap::new()); world.plan.slots.len()],
            checkers,
            observed: 0,
            flight: Vec::new(),
            queued: Vec::new(),
            handed: BTreeSet::new(),
            begun: BTreeSet::new(),
            watched: BTreeSet::new(),
            wake: None,
            left: world.shape.left,
            has_queues: world.shape.left.resumes > 0,
            broken: None,
            path: None,
        };
        tiny.starts(world);
        tiny.everything_but_asks();
        let proposal = Proposal {
            fleet: world.fleet.clone(),
            plan: world.plan.clone(),
            documents: world.documents.clone(),
            key: None,
            change: None,
            reason: None,
        };
        tiny.tell(commanded("starter", Order::Propose(Box::new(proposal))));
        tiny
    }

    /// Lets everything arrive that is on its way to the disk or to the decider.
    fn everything_but_asks(&mut self) {
        while let Some(index) = self
            .flight
            .iter()
            .position(|message| matches!(message, Message::Append { .. } | Message::Told(_)))
        {
            let message = self.flight.remove(index);
            self.arrives(message);
        }
    }

    /// A decider takes the fleet over, as at a start and after a crash.
    fn starts(&mut self, world: &World) {
        self.executor = decider(world);
        self.epoch = self.store.claim();
        self.wake = None;
        self.queued.clear();
        self.handed.clear();
        self.watched.clear();
        self.tell(Arrival::Woken);
    }

    fn tell(&mut self, what: Arrival) {
        let is_writing = self.row_on_its_way().is_some();
        let ends_it = matches!(what, Arrival::Appended { .. });
        if is_writing {
            self.queued.push(canonical(&what));
        }
        let mut requests = Vec::new();
        self.executor.step(self.now, what, &mut requests);
        if ends_it {
            self.queued.clear();
        }
        for request in requests {
            self.carry_out(request);
        }
    }

    fn carry_out(&mut self, request: Request) {
        match request {
            Request::Load | Request::LoadAll => {
                let loaded = self.store.load_all(self.epoch);
                self.tell(Arrival::Loaded(Box::new(loaded)));
            }
            Request::Append { row, blobs, .. } => self.flight.push(Message::Append {
                row: Box::new(row),
                blobs,
            }),
            Request::Start(start) => {
                if !start.attach
                    && let Err(violation) = self.checkers.may_hand_out(start.intent)
                {
                    self.broken.get_or_insert(violation.to_string());
                }
                if !self.handed.insert(start.intent) {
                    let what = format!("{} is handed out twice", start.intent);
                    self.broken.get_or_insert(what);
                }
                self.flight.push(Message::Ask(Box::new(start)));
            }
            // The worker has not begun it, or it is too late.
            Request::Withdraw(intent) => {
                let before = self.flight.len();
                let epoch = self.epoch;
                self.flight.retain(|message| {
                    !matches!(message, Message::Ask(start)
                        if start.intent == intent && start.epoch == epoch && !start.attach)
                });
                if self.flight.len() < before {
                    self.report(intent, RawReport::Withdrawn);
                }
            }
            Request::WakeAt(at) => self.wake = Some(at),
            Request::End(why) => {
                self.broken.get_or_insert(format!("the loop ended: {why}"));
            }
            Request::Reply { .. }
            | Request::KeepSnapshot(_)
            | Request::Probe { .. }
            | Request::SeeBoot { .. }
            | Request::Calendar { .. }
            | Request::AskGate { .. } => {}
        }
    }

    fn report(&mut self, intent: IntentId, report: RawReport) {
        let what = Arrival::StepReported { intent, report };
        self.flight.push(Message::Told(Box::new(what)));
    }

    fn arrives(&mut self, message: Message) {
        match message {
            Message::Append { row, blobs } => {
                let seq = row.seq;
                self.writes(*row, blobs);
                let what = Arrival::Appended { seq };
                self.flight.push(Message::Told(Box::new(what)));
            }
            Message::Told(what) => self.tell(*what),
            Message::Ask(start) => self.asks(&start),
            Message::Ends { host, intent, exit } => {
                let report = RawReport::Ended {
                    exit,
                    output: "ok".to_owned(),
                    restarts: 0,
                };
                let runs = &mut self.hosts[host.index()].runs;
                runs.insert(intent, Run::Over(report.clone()));
                if self.watched.remove(&intent) {
                    self.report(intent, report);
                }
            }
        }
    }

    fn writes(&mut self, row: Row, blobs: Vec<Blob>) {
        if let Err(error) = self.store.append(row, blobs, Fate::Written) {
            self.broken.get_or_insert(format!("{error:?}"));
        }
        while self.observed < self.store.rows().len() {
            let row = &self.store.rows()[self.observed];
            self.observed += 1;
            let batch = Batch::decode(&row.body).unwrap();
            let seen = self.checkers.observe(row.at, &batch.inputs, &batch.events);
            if let Err(violation) = seen {
                self.broken.get_or_insert(violation.to_string());
                return;
            }
        }
    }

    /// A worker talks to a host's envelope.
    fn asks(&mut self, start: &Start) {
        let (host, intent) = (start.host, start.intent);
        let lives = start.epoch == self.epoch;
        match self.hosts[host.index()].ask(intent, start.epoch, start.attach, None) {
            Met::Begins => {
                if !self.begun.insert(intent) {
                    let what = format!("{intent} begins a second time");
                    self.broken.get_or_insert(what);
                }
                let run = Run::Running {
                    until: Timestamp::NEVER,
                    report: RawReport::Interrupted,
                };
                let target = &mut self.hosts[host.index()];
                target.runs.insert(intent, run);
                let kind = start.plan.routes[start.route.index()]
                    .step(start.visit, start.position)
                    .map(|step| step.kind);
                if matches!(kind, Some(StepKind::Drain | StepKind::Undrain)) {
                    target.drained = kind == Some(StepKind::Drain);
                }
                // Usually a host is ready, and does not go last.
                let exit = i32::from(kind == Some(StepKind::Last));
                self.flight.push(Message::Ends { host, intent, exit });
                if lives {
                    self.watched.insert(intent);
                }
            }
            Met::Runs(_) => {
                if lives {
                    self.watched.insert(intent);
                }
            }
            Met::Report(report) => {
                if lives {
                    self.report(intent, report);
                }
            }
            Met::Locked(_) => {
                let what = format!("{intent} meets another step on its host");
                self.broken.get_or_insert(what);
            }
        }
    }

    fn row_on_its_way(&self) -> Option<Digest> {
        self.flight.iter().find_map(|message| match message {
            Message::Append { row, .. } => Some(Digest::of(&row.body)),
            Message::Told(what) if matches!(**what, Arrival::Appended { .. }) => {
                Some(Digest::default())
            }
            Message::Told(_) | Message::Ask(_) | Message::Ends { .. } => None,
        })
    }

    /// What anybody can still do or see: the engine's state, what waits to be decided or to become durable, what is on its
    /// way, what is true of every host, and what may still happen. Not how it came to this: rows, hashes and tickets.
    fn key(&self) -> Digest {
        let mut flight: Vec<String> = self
            .flight
            .iter()
            .map(|message| match message {
                Message::Append { row, .. } => format!("row {}", Digest::of(&row.body)),
                Message::Told(what) => canonical(what),
                Message::Ask(start) => format!("{} {} {}", start.intent, start.epoch, start.attach),
                Message::Ends { intent, exit, .. } => format!("end {intent} {exit}"),
            })
            .collect();
        flight.sort_unstable();
        let hosts: Vec<_> = self
            .hosts
            .iter()
            .map(|host| (&host.runs, host.drained, host.epoch))
            .collect();
        let rest = format!(
            "{:?} {flight:?} {:?} {:?} {hosts:?} {:?} {:?} {:?} {:?} {}",
            self.executor.engine().state_digest(),
            self.queued,
            self.handed,
            self.watched,
            self.wake,
            self.left,
            self.now,
            self.executor.is_ready(),
        );
        let queues = if self.has_queues {
            format!("{:?}", self.executor.engine())
        } else {
            String::new()
        };
        Digest::of((rest + &queues).as_bytes())
    }

    /// Every state that this one can become next.
    fn successors(&self, world: &World) -> Vec<Self> {
        let mut all = Vec::new();
        for index in 0..self.flight.len() {
            let mut next = self.clone();
            let message = next.flight.remove(index);
            let word = word_of(&message);
            if let Message::Told(what) = &message
                && matches!(**what, Arrival::StepReported { .. })
                && self.left.doubles > 0
            {
                let mut doubled = next.clone();
                doubled.left.doubles -= 1;
                doubled.flight.push(message.clone());
                doubled.arrives(message.clone());
                all.push(doubled.after(self, format!("{word}, and it is doubled")));
            }
            if let Message::Ends { host, intent, exit } = &message
                && self.left.odd > 0
                && self.is_question(world, *intent)
            {
                let (host, intent, exit) = (*host, *intent, 1 - *exit);
                let mut odd = next.clone();
                odd.left.odd -= 1;
                odd.arrives(Message::Ends { host, intent, exit });
                all.push(odd.after(self, format!("{intent} is answered the other way")));
            }
            next.arrives(message);
            all.push(next.after(self, word));
        }
        let is_ready = self.executor.is_ready();
        if self.left.halts > 0 && is_ready {
            let rollout = RolloutId(1);
            let reason = "stop".to_owned();
            let command = Command::Halt { rollout, reason };
            let mut next = self.clone();
            next.left.halts -= 1;
            next.tell(commanded("ana", Order::Command(command)));
            all.push(next.after(self, "ana halts it".to_owned()));
        }
        let is_held =
            self.left.halts < world.shape.left.halts || self.left.noes < world.shape.left.noes;
        if self.left.resumes > 0 && is_held && is_ready {
            let rollout = RolloutId(1);
            let reason = "all is well".to_owned();
            let command = Command::Resume { rollout, reason };
            let mut next = self.clone();
            next.left.resumes -= 1;
            next.tell(commanded("ben", Order::Command(command)));
            all.push(next.after(self, "ben resumes it".to_owned()));
        }
        if is_ready {
            self.people(&mut all);
        }
        if self.left.crashes > 0 {
            self.crashes(world, &mut all);
        }
        if let Some(wake) = self.wake.filter(|wake| *wake > self.now) {
            let mut next = self.clone();
            next.now = wake;
            next.wake = None;
            next.tell(Arrival::Woken);
            all.push(next.after(self, "time passes".to_owned()));
        }
        all
    }

    fn is_question(&self, world: &World, intent: IntentId) -> bool {
        let engine = self.executor.engine();
        let order = engine.order(intent);
        let step = order.as_ref().and_then(|order| {
            world.plan.routes[order.route.index()].step(order.visit, order.position)
        });
        matches!(
            step.map(|step| step.kind),
            Some(StepKind::Ready | StepKind::Last)
        )
    }

    /// What people may say now: about work by hand, and about going on.
    fn people(&self, all: &mut Vec<Self>) {
        let rollout = RolloutId(1);
        let engine = self.executor.engine();
        let mut say = |who: &str, command: Command, left: Left, word: String| {
            let mut next = self.clone();
            next.left = left;
            next.tell(commanded(who, Order::Command(command)));
            all.push(next.after(self, word));
        };
        if self.left.words > 0 {
            let words = self.left.words - 1;
            let left = Left { words, ..self.left };
            let hosts = engine.hosts_of(rollout, None);
            for host in hosts
                .iter()
                .filter(|host| matches!(host.outcome, HostOutcome::ByHand { .. }))
            {
                for told in [Told::Done, Told::Failed, Told::Untouched] {
                    let command = Command::Done {
                        rollout: Some(rollout),
                        host: host.host.clone(),
                        told,
                        reason: "so it is".to_owned(),
                        exhibit: None,
                    };
                    let word = format!("ana says of {} that it is {told:?}", host.host);
                    say("ana", command, left, word);
                }
            }
        }
        let view = engine.view(self.now);
        let Some(wish) = view.rollouts.first().and_then(|one| one.approval.as_ref()) else {
            return;
        };
        if self.left.yeses > 0 {
            let yeses = self.left.yeses - 1;
            for who in ["ana", "ben"] {
                let command = Command::Approve {
                    rollout,
                    subject: wish.subject,
                    digest: wish.digest,
                };
                let left = Left { yeses, ..self.left };
                say(who, command, left, format!("{who} says yes"));
            }
        }
        if self.left.noes > 0 {
            let noes = self.left.noes - 1;
            let reason = "not yet".to_owned();
            let command = Command::Reject { rollout, reason };
            let left = Left { noes, ..self.left };
            say("ana", command, left, "ana says no".to_owned());
        }
    }

    /// The decider dies and another one starts; a row on its way is on the disk or is not, and requests to hosts go on.
    fn crashes(&self, world: &World, all: &mut Vec<Self>) {
        let row = self
            .flight
            .iter()
            .find(|message| matches!(message, Message::Append { .. }));
        let mut dead = self.clone();
        dead.left.crashes -= 1;
        dead.flight
            .retain(|message| matches!(message, Message::Ask(_) | Message::Ends { .. }));
        if let Some(Message::Append { row, blobs }) = row {
            let mut written = dead.clone();
            written.writes((**row).clone(), blobs.clone());
            written.starts(world);
            all.push(written.after(self, "it dies behind its last row".to_owned()));
        }
        dead.starts(world);
        all.push(dead.after(self, "it dies".to_owned()));
    }

    fn after(mut self, before: &Self, word: String) -> Self {
        self.path = Some(Rc::new(Path(word, before.path.clone())));
        self
    }

    /// Where nothing more happens by itself, the rollout is over, or halted and says so.
    fn check_quiet(&self) -> Result<(), String> {
        let is_quiet = self.flight.is_empty() && self.wake.is_none_or(|wake| wake <= self.now);
        if !is_quiet {
            return Ok(());
        }
        let engine = self.executor.engine();
        let view = engine.view(self.now);
        for rollout in &view.rollouts {
            // It is for people to go on; that they may have said all they have to say is this world's doing.
            let for_people = rollout.waiting.iter().any(|one| {
                matches!(
                    one.on,
                    WaitingOn::Approval { .. } | WaitingOn::ByHand { .. } | WaitingOn::Pause { .. }
                )
            });
            let rests = rollout.state == "halted" && !rollout.waiting.is_empty();
            if !rollout.is_final && !rests && !for_people {
                return Err(format!(
                    "{} is {} and nothing moves",
                    rollout.id, rollout.state
                ));
            }
        }
        if !engine.outstanding().is_empty() {
            return Err(format!("{:?} never end", engine.outstanding()));
        }
        if let Some(host) = self.hosts.iter().position(|host| host.drained) {
            return Err(format!("host {host} is left drained"));
        }
        let blobs: Vec<Blob> = self.store.blobs().values().cloned().collect();
        let library = Library::read(&blobs).map_err(|error| error.to_string())?;
        let mut fold = Fold::new(&library);
        for row in self.store.rows() {
            fold.row(row).map_err(|error| error.to_string())?;
        }
        let (folded, _) = fold.finish();
        if folded.state_digest() == engine.state_digest() {
            Ok(())
        } else {
            Err("the journal folds to another state".to_owned())
        }
    }

    fn story(&self) -> String {
        let mut words = Vec::new();
        let mut at = self.path.as_ref();
        while let Some(path) = at {
            words.push(path.0.clone());
            at = path.1.as_ref();
        }
        words.reverse();
        words.join("\n")
    }
}

fn commanded(actor: &str, order: Order) -> Arrival {
    Arrival::Commanded {
        ticket: 1,
        actor: Actor(actor.to_owned()),
        order,
    }
}

fn canonical(what: &Arrival) -> String {
    match what {
        Arrival::Appended { .. } => "appended".to_owned(),
        Arrival::Commanded {
            actor,
            order: Order::Command(command),
            ..
        } => format!("command of {actor}: {command:?}"),
        Arrival::Commanded { actor, .. } => format!("command of {actor}"),
        Arrival::StepReported { intent, report } => format!("{intent} {report:?}"),
        Arrival::Loaded(_) => "loaded".to_owned(),
        Arrival::AppendFailed { .. } => "append failed".to_owned(),
        Arrival::Probed { .. } => "probed".to_owned(),
        Arrival::BootSeen { .. } => "boot seen".to_owned(),
        Arrival::CalendarTold { .. } => "calendar told".to_owned(),
        Arrival::GateTold { .. } => "gate told".to_owned(),
        Arrival::Woken => "woken".to_owned(),
    }
}

fn word_of(message: &Message) -> String {
    match message {
        Message::Append { row, .. } => {
            let batch = Batch::decode(&row.body).unwrap();
            let words: Vec<String> = batch.events.iter().map(short).collect();
            format!("row {} is durable: {}", row.seq, words.join(", "))
        }
        Message::Told(what) => format!("the decider hears: {}", canonical(what)),
        Message::Ask(start) => format!("h{} is asked for {}", start.host.0, start.intent),
        Message::Ends { intent, .. } => format!("{intent} ends"),
    }
}

fn short(event: &Event) -> String {
    let text = format!("{event:?}");
    text.chars().take(60).collect()
}

/// What an exploration came to.
struct Explored {
    states: usize,
    moves: usize,
    quiet: usize,
    confirmed: usize,
    broken: Option<String>,
}

/// States of which one is expanded although it was seen, to see that it leads to nothing new.
const SAMPLED: usize = 97;

fn explore(world: &World) -> Explored {
    let first = Tiny::first(world);
    let mut seen = BTreeSet::from([first.key()]);
    let mut frontier = VecDeque::from([first]);
    let mut explored = Explored {
        states: 1,
        moves: 0,
        quiet: 0,
        confirmed: 0,
        broken: None,
    };
    // States that were taken for known ones, with what they lead to, to be compared once everything is known.
    let mut sampled: Vec<BTreeSet<Digest>> = Vec::new();
    while let Some(state) = frontier.pop_front() {
        let nexts = state.successors(world);
        explored.quiet += usize::from(state.flight.is_empty() && state.wake.is_none());
        for next in nexts {
            explored.moves += 1;
            let what = next.broken.clone().or_else(|| next.check_quiet().err());
            if let Some(what) = what {
                explored.broken = Some(format!("{what}\n{}", next.story()));
                return explored;
            }
            if seen.insert(next.key()) {
                explored.states += 1;
                frontier.push_back(next);
            } else if explored.moves.is_multiple_of(SAMPLED) {
                let keys = next.successors(world).iter().map(Tiny::key).collect();
                sampled.push(keys);
            }
        }
    }
    for keys in sampled {
        assert!(
            keys.is_subset(&seen),
            "a state that was taken for a known one leads somewhere else"
        );
        explored.confirmed += 1;
    }
    explored
}

fn explore_all(name: &str, shape: Shape) -> usize {
    let explored = explore(&world(shape, None));
    println!(
        "{name}: {} states, {} moves between them, {} states at rest; {} samples of states taken for the same are the same",
        explored.states, explored.moves, explored.quiet, explored.confirmed
    );
    assert_eq!(explored.broken, None);
    assert!(explored.quiet > 0 && explored.confirmed > 10);
    explored.states
}

#[test]
fn no_order_of_events_breaks_a_rule_in_the_smallest_rollouts() {
    let long = explore_all("visits of three steps, one at a time", LONG);
    let wide = explore_all("visits of one step, two at a time", WIDE);
    let asked = explore_all("questions before a drain", ASKED);
    let by_hand = explore_all("work by hand", BY_HAND);
    let least = long.min(wide).min(asked).min(by_hand);
    assert!(least > 1_000, "that is not everything");
    if std::env::var_os("RINGWAY_EXHAUSTIVE").is_some() {
        for (name, shape) in LARGE {
            explore_all(name, shape);
        }
    }
}

/// The shortest story of each is told.
#[test]
fn the_smallest_rollout_shows_planted_mistakes_too() {
    for (bug, shape) in [
        (Bug::StartsWhileHalted, LONG),
        (Bug::ResultRevivesHalt, LONG),
        (Bug::LateResultCounts, LONG),
        (Bug::IntentForgotten, LONG),
        (Bug::ActsBeforeCommit, LONG),
        (Bug::RingsOverlap, WIDE),
        (Bug::SoakOverCrashGap, LONG),
        (Bug::HandedOutTwice, LONG),
        (Bug::OverdueIsDone, BY_HAND),
        (Bug::ExpiryIgnored, PEOPLE),
    ] {
        let explored = explore(&world(shape, Some(bug)));
        let story = explored
            .broken
            .unwrap_or_else(|| panic!("{bug:?} is not seen"));
        let lines = story.lines().count();
        let what = story.lines().next().unwrap_or_default();
        println!(
            "{bug:?}: after {} states, {lines} lines: {what}",
            explored.states
        );
    }
}
