//! A store and a fleet as values around the loop, with virtual time. It carries requests out at once and checks on the
//! way what must hold of every request.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use ringway_engine::{Accepted, Command, Event, Rejected};
use ringway_executor::codec::Batch;
use ringway_executor::fold::Fold;
use ringway_executor::port::{
    AppendFailure, Arrival, Blob, Ended, Loaded, Order, Request, Row, Snapshot, Start,
};
use ringway_executor::{Config, Executor, Library};
use ringway_model::{
    Actor, Epoch, HostId, HostOutcome, IntentId, RawReport, RolloutId, Sample, StepKind, Timestamp,
};

use crate::fixture;

pub(crate) const ROLLOUT: RolloutId = RolloutId(1);
pub(crate) const START: Timestamp = Timestamp(1_776_186_000_000);

/// What survives a crash: the store, and what happened on the hosts.
#[derive(Clone, Debug, Default)]
pub(crate) struct World {
    pub(crate) rows: Vec<Row>,
    pub(crate) blobs: Vec<Blob>,
    pub(crate) snapshots: Vec<Snapshot>,
    pub(crate) epoch: u64,
    /// Every step that ever began, with how it ended.
    pub(crate) begun: BTreeMap<IntentId, RawReport>,
    /// Steps that a search has found not to have begun, so that they never will.
    pub(crate) tombs: BTreeSet<IntentId>,
    /// Hosts whose probe is bad.
    pub(crate) bad: BTreeSet<HostId>,
    /// The verdict of a step that fails, by kind.
    pub(crate) failing: Option<StepKind>,
}

/// What is done with the next append.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It becomes durable.
    Durable,
    /// It becomes durable, and nobody hears of it.
    DurableButFailed,
    /// It does not become durable.
    Failed(AppendFailure),
    /// The process dies before it.
    CrashBefore,
    /// The process dies after it.
    CrashAfter,
}

/// The loop with everything around it.
pub(crate) struct Rig {
    pub(crate) world: World,
    pub(crate) executor: Executor,
    pub(crate) now: Timestamp,
    pub(crate) wake: Option<Timestamp>,
    /// What people were to be told, with the row it was to be written with.
    pub(crate) notices: Vec<(u64, ringway_executor::notices::Notices)>,
    pub(crate) queue: VecDeque<Arrival>,
    pub(crate) replies: BTreeMap<u64, Result<Accepted, Rejected>>,
    pub(crate) ended: Option<Ended>,
    /// Steps handed out and not reported, when `hold_steps`.
    pub(crate) held: Vec<Start>,
    pub(crate) hold_steps: bool,
    pub(crate) withdrawals: Vec<IntentId>,
    /// Appends so far, over all processes.
    pub(crate) appends: u64,
    /// The append (from 1) with another fate than to become durable.
    pub(crate) fate: Option<(u64, Fate)>,
    pub(crate) config: Config,
    pub(crate) uses_snapshots: bool,
    steps: u64,
}

impl Rig {
    pub(crate) fn new() -> Self {
        Self::with(World::default(), START)
    }

    pub(crate) fn with(world: World, now: Timestamp) -> Self {
        let config = Config {
            workers: 3,
            snapshot_every: 16,
            ..Config::default()
        };
        let mut rig = Self {
            world,
            executor: Executor::new(config),
            now,
            wake: None,
            notices: Vec::new(),
            queue: VecDeque::new(),
            replies: BTreeMap::new(),
            ended: None,
            held: Vec::new(),
            hold_steps: false,
            withdrawals: Vec::new(),
            appends: 0,
            fate: None,
            config,
            uses_snapshots: true,
            steps: 0,
        };
        rig.start();
        rig
    }

    /// A process starts.
    fn start(&mut self) {
        self.world.epoch += 1;
        self.executor = Executor::new(self.config);
        self.queue = VecDeque::from([Arrival::Woken]);
        self.held.clear();
        self.wake = None;
    }

    /// The process dies and another one starts; everything that was on its way is gone.
    pub(crate) fn crash(&mut self) {
        self.start();
    }

    pub(crate) fn command(&mut self, ticket: u64, command: Command) {
        self.order(ticket, Order::Command(command));
    }

    pub(crate) fn order(&mut self, ticket: u64, order: Order) {
        self.queue.push_back(Arrival::Commanded {
            ticket,
            actor: Actor("ana".to_owned()),
            order,
        });
    }

    pub(crate) fn propose(&mut self, ticket: u64) {
        self.order(ticket, Order::Propose(Box::new(fixture::proposal())));
    }

    /// Gives one arrival to the loop and carries out what it asks for.
    pub(crate) fn deliver(&mut self, arrival: Arrival) {
        self.steps += 1;
        assert!(self.steps < 100_000, "the loop does not come to rest");
        let mut out = Vec::new();
        self.executor.step(self.now, arrival, &mut out);
        for request in out {
            if self.carry_out(request) {
                return;
            }
        }
    }

    /// Goes on until nothing is on its way, or the next wake is after `until`.
    pub(crate) fn run_to(&mut self, until: Timestamp) {
        while self.ended.is_none() {
            if let Some(arrival) = self.queue.pop_front() {
                self.now = Timestamp(self.now.0 + 1);
                self.deliver(arrival);
            } else if let Some(wake) = self.wake.filter(|wake| *wake <= until) {
                self.now = self.now.max(wake);
                self.wake = None;
                self.deliver(Arrival::Woken);
            } else {
                return;
            }
        }
    }

    /// Goes on until nothing is on its way.
    pub(crate) fn settle(&mut self) {
        self.run_to(self.now);
    }

    /// Goes on until the rollout is over.
    pub(crate) fn finish(&mut self) {
        while !self.is_over() {
            assert!(self.ended.is_none(), "{:?}", self.ended);
            let before = self.now;
            match (self.queue.is_empty(), self.wake) {
                (false, _) => self.settle(),
                (true, Some(wake)) => self.run_to(wake),
                (true, None) => panic!("nothing will ever happen: {:?}", self.view()),
            }
            assert!(
                self.now.since(before).millis() < 86_400_000,
                "a day went by: {:?}",
                self.view()
            );
        }
    }

    fn is_over(&self) -> bool {
        // What is decided counts once it is durable.
        self.queue.is_empty()
            && !self.executor.is_disk_full()
            && self
                .executor
                .engine()
                .view(self.now)
                .rollouts
                .first()
                .is_some_and(|rollout| rollout.is_final)
    }

    pub(crate) fn view(&self) -> ringway_engine::view::FleetView {
        self.executor.engine().view(self.now)
    }

    pub(crate) fn outcomes(&self) -> Vec<HostOutcome> {
        let hosts = self.executor.engine().hosts_of(ROLLOUT, None);
        hosts.into_iter().map(|host| host.outcome).collect()
    }

    /// Everything that is durable, read back.
    pub(crate) fn journal(&self) -> (Vec<Batch>, Fold) {
        let mut fold = Fold::new(&Library::read(&self.world.blobs).unwrap());
        let batches = self.world.rows.iter().map(|row| fold.row(row).unwrap());
        (batches.collect(), fold)
    }

    pub(crate) fn events(&self) -> Vec<Event> {
        let batches = self.journal().0;
        batches.into_iter().flat_map(|batch| batch.events).collect()
    }

    /// Carries a request out; true when the process died of it.
    #[expect(clippy::too_many_lines, reason = "it is read as one list")]
    fn carry_out(&mut self, request: Request) -> bool {
        match request {
            Request::Load => {
                let loaded = self.load(self.uses_snapshots);
                self.queue.push_back(Arrival::Loaded(Box::new(loaded)));
            }
            Request::LoadAll => {
                let loaded = self.load(false);
                self.queue.push_back(Arrival::Loaded(Box::new(loaded)));
            }
            Request::Append {
                row,
                blobs,
                notices,
            } => {
                self.notices.push((row.seq, notices));
                return self.append(row, blobs);
            }
            Request::KeepSnapshot(snapshot) => {
                let last = self.world.rows.last().unwrap();
                assert_eq!((snapshot.seq, snapshot.hash), (last.seq, last.hash));
                self.world.snapshots.push(snapshot);
            }
            Request::Start(start) => self.begin(start),
            Request::Withdraw(intent) => {
                self.withdrawals.push(intent);
                if let Some(at) = self.held.iter().position(|start| start.intent == intent) {
                    self.held.remove(at);
                    self.world.begun.remove(&intent);
                    self.report(intent, RawReport::Withdrawn);
                }
            }
            Request::Probe { host, probe } => {
                let sample = if self.world.bad.contains(&host) {
                    Sample::Down("refused".to_owned())
                } else {
                    Sample::Up
                };
                self.queue.push_back(Arrival::Probed {
                    host,
                    probe,
                    sample,
                });
            }
            Request::SeeBoot { host, .. } => {
                let boot = Some("a".to_owned());
                self.queue.push_back(Arrival::BootSeen { host, boot });
            }
            Request::AskGate { .. } => {}
            Request::Calendar {
                rollout,
                plan,
                from,
            } => {
                let zones = ringway_calendar::Zones::utc();
                let calendar = ringway_engine::instants(&plan, &zones, from).unwrap();
                let calendar = Some(Box::new(calendar));
                self.queue.push_back(Arrival::CalendarTold {
                    rollout,
                    plan,
                    calendar,
                });
            }
            Request::WakeAt(at) => {
                assert!(at > self.now, "a wake in the past is a busy loop");
                self.wake = Some(at);
            }
            Request::Reply { ticket, answer } => {
                let before = self.replies.insert(ticket, answer);
                assert_eq!(before, None, "ticket {ticket} was answered twice");
            }
            Request::End(why) => self.ended = Some(why),
        }
        false
    }

    fn load(&self, with_snapshot: bool) -> Loaded {
        let snapshot = self.world.snapshots.last().filter(|_| with_snapshot);
        let after = snapshot.map_or(0, |snapshot| snapshot.seq);
        Loaded {
            incarnation: 7,
            epoch: Epoch(self.world.epoch),
            snapshot: snapshot.cloned(),
            rows: self.world.rows[usize::try_from(after).unwrap()..].to_vec(),
            blobs: self.world.blobs.clone(),
        }
    }

    fn append(&mut self, row: Row, blobs: Vec<Blob>) -> bool {
        self.appends += 1;
        let fate = match &self.fate {
            Some((append, fate)) if *append == self.appends => fate.clone(),
            Some(_) | None => Fate::Durable,
        };
        let seq = row.seq;
        let is_kept = match fate {
            Fate::Durable | Fate::DurableButFailed | Fate::CrashAfter => true,
            Fate::Failed(_) | Fate::CrashBefore => false,
        };
        if is_kept {
            let prev = self.world.rows.last().map_or(Row::GENESIS, |row| row.hash);
            assert_eq!(seq, self.world.rows.len() as u64 + 1);
            assert_eq!(row.hash, row.hash_after(&prev));
            self.world.rows.push(row);
            self.world.blobs.extend(blobs);
        }
        match fate {
            Fate::Durable => self.queue.push_back(Arrival::Appended { seq }),
            Fate::DurableButFailed => self.fail(seq, AppendFailure::Other("no answer".to_owned())),
            Fate::Failed(why) => self.fail(seq, why),
            Fate::CrashBefore | Fate::CrashAfter => {
                self.crash();
                return true;
            }
        }
        false
    }

    fn fail(&mut self, seq: u64, why: AppendFailure) {
        self.queue.push_back(Arrival::AppendFailed { seq, why });
    }

    /// A worker takes a step. Here is what must hold of every start.
    fn begin(&mut self, start: Start) {
        let intent = start.intent;
        let is_durable = self.world.rows.iter().any(|row| {
            let batch = Batch::decode(&row.body).unwrap();
            batch
                .events
                .iter()
                .any(|event| matches!(event, Event::StepIssued { intent: issued, .. } if *issued == intent))
        });
        assert!(is_durable, "{intent} was handed out before it was durable");
        assert_eq!(start.epoch, Epoch(self.world.epoch));
        assert_eq!(start.incarnation, 7);
        if start.attach {
            let report = self.world.begun.get(&intent).cloned();
            if report.is_none() {
                self.world.tombs.insert(intent);
            }
            return self.report(intent, report.unwrap_or(RawReport::NeverStarted));
        }
        assert!(!self.world.tombs.contains(&intent), "{intent} was given up");
        let kind = start.plan.routes[start.route.index()]
            .step(start.visit, start.position)
            .unwrap()
            .kind;
        let report = RawReport::Ended {
            exit: i32::from(self.world.failing == Some(kind)),
            output: if kind == StepKind::Inspect { "1.0" } else { "" }.to_owned(),
            restarts: u16::from(kind == StepKind::Reboot),
        };
        let before = self.world.begun.insert(intent, report.clone());
        assert_eq!(before, None, "{intent} was begun twice");
        if self.hold_steps {
            self.held.push(start);
        } else {
            self.report(intent, report);
        }
    }

    pub(crate) fn report(&mut self, intent: IntentId, report: RawReport) {
        self.queue
            .push_back(Arrival::StepReported { intent, report });
    }

    /// Steps that were held end now.
    pub(crate) fn release(&mut self) {
        self.hold_steps = false;
        for start in std::mem::take(&mut self.held) {
            let report = self.world.begun[&start.intent].clone();
            self.report(start.intent, report);
        }
    }
}

/// Whether a state is what a rollout that went well ends in.
pub(crate) fn is_completed(rig: &Rig) -> bool {
    rig.view().rollouts[0].state == "completed"
        && rig
            .outcomes()
            .iter()
            .all(|outcome| *outcome == HostOutcome::Updated)
}
