//! The loop of one future: instants in order, each carried out whole, and what the decider asks for in between.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};
use std::sync::Arc;

use ringway_executor::Executor;
use ringway_executor::codec::Batch;
use ringway_executor::port::{
    AppendFailure, Arrival, Blob, Ended as LoopEnded, GateAnswer, Request, Row,
};
use ringway_model::{Epoch, HostId, IntentId, ProbeId, RolloutId, Sample, Says, Span, Timestamp};
use ringway_scheduler::{FleetSpec, Plan};

use super::harm::{Drawn, Harm, Luck, draw};
use super::hosts::{Cause, Count, Hosts, NONE};
use super::outcome::{Ended, Halt, Outcome, Point, RingTimes, RolloutOutcome, Struck};
use super::people::Deed;
use super::setting::{Planned, Setting};
use super::steps::Doing;
use crate::checkers::{Checkers, Invariant, Violation};
use crate::trace::{Trace, dense};
use crate::world::MemoryStore;

/// How long a future may last.
///
/// The longest soaks and delays anybody writes are weeks; what is not over after a year waits for something that will not
/// come, and says what.
const HORIZON: Span = Span::hours(366 * 24);

/// What is kept of a future beyond its outcome. Everything costs time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Keep {
    /// Whether the checkers look at every batch.
    pub checked: bool,
    /// Whether every event becomes a line, and how many of the last lines are kept.
    pub trace: Option<usize>,
    /// Whether the points over time are kept.
    pub curve: bool,
    /// Whether the journal is kept.
    pub journal: bool,
}

/// Something that is going to happen.
#[derive(Clone, Copy, Debug)]
pub(super) enum Happening {
    /// A rollout is started.
    Starts(usize),
    /// A step on a host ends.
    Ends(Doing),
    /// A result that was lost or is told twice arrives.
    Reports(Doing),
    /// Work by hand ends.
    HandEnds(Doing),
    /// Somebody says again how their work ended.
    Tells(Doing),
    /// Harm shows.
    Breaks {
        host: u32,
        harm: u16,
        rollout: u8,
        era: u32,
    },
    /// A cause that kept a service down is over.
    Clears { host: u32, cause: Cause, era: u32 },
    /// A service goes away by itself.
    Flakes(u32),
    /// A person does something.
    Acts(Deed),
    /// An advisory arrives.
    Advises(usize),
    /// Ringway dies.
    Crashes(u16),
    /// Ringway comes back.
    Recovers,
    /// Ringway's clock jumps by so many milliseconds.
    Jumps(i64),
    /// Everything heals.
    Heals,
}

struct Entry {
    at: Timestamp,
    serial: u64,
    what: Happening,
}

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        (self.at, self.serial) == (other.at, other.serial)
    }
}

impl Eq for Entry {}

impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Entry {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.at, self.serial).cmp(&(other.at, other.serial))
    }
}

/// One rollout as it goes.
#[derive(Debug)]
pub(super) struct Track {
    /// Absent until it was accepted.
    pub(super) id: Option<RolloutId>,
    /// Where it stood when it was last looked at.
    stood: Option<Stood>,
    pub(super) ended: Option<Ended>,
    pub(super) began: Timestamp,
    over: Option<Timestamp>,
    rings: Vec<RingTimes>,
    halt: Option<Halt>,
    pub(super) count: Count,
    /// Raised whenever people have another reason to look than before.
    pub(super) page: u32,
}

/// A rollout's state, as far as somebody outside has to do something about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stood {
    Proposed,
    Visiting(u16),
    Soaking(u16),
    Promoting(u16),
    Paused,
    Halted(u16),
    Ending,
    Over,
}

/// One future while it happens.
pub(super) struct Future<'a> {
    pub(super) set: &'a Setting,
    /// The setting's, and of those that supersede others what was made when they did.
    pub(super) planned: Vec<Arc<Planned>>,
    pub(super) seed: u64,
    keep: Keep,
    pub(super) now: Timestamp,
    queue: BinaryHeap<Reverse<Entry>>,
    serial: u64,
    /// What the decider is told at this instant.
    arrivals: Vec<Arrival>,
    requests: Vec<Request>,
    pub(super) executor: Option<Executor>,
    wake: Option<Timestamp>,
    /// Milliseconds that Ringway's clock is ahead.
    pub(super) ahead: i64,
    pub(super) store: MemoryStore,
    /// The fencing number of the decider.
    pub(super) epoch: Epoch,
    pub(super) hosts: Hosts,
    pub(super) harms: Vec<Harm>,
    drawn: Option<Drawn>,
    pub(super) tracks: Vec<Track>,
    /// Tickets of proposals: which rollout.
    pub(super) proposals: BTreeMap<u64, usize>,
    /// Tickets of advisories that are brought: which.
    pub(super) advising: BTreeMap<u64, usize>,
    /// Advisories that Ringway has answered about.
    pub(super) advised: BTreeSet<usize>,
    /// Tickets of commands: what was asked.
    pub(super) asked: BTreeMap<u64, Deed>,
    pub(super) tickets: u64,
    pub(super) healed: bool,
    /// Steps that run, and results of those that ended: kept only where somebody may ask for them again.
    pub(super) running: BTreeSet<IntentId>,
    /// Steps that people do by hand and were not heard about.
    pub(super) hands: BTreeSet<IntentId>,
    pub(super) finished: BTreeMap<IntentId, Doing>,
    pub(super) results: u64,
    pub(super) writes: u64,
    checkers: Option<Checkers>,
    trace: Option<Trace>,
    violation: Option<Violation>,
    curve: Vec<Point>,
}

impl Setting {
    /// Lets one future happen.
    pub fn run(&self, seed: u64, luck: Luck, keep: Keep) -> Outcome {
        let mut future = Future::new(self, seed, luck, keep);
        future.prepare();
        future.go();
        future.outcome()
    }
}

impl<'a> Future<'a> {
    fn new(set: &'a Setting, seed: u64, luck: Luck, keep: Keep) -> Self {
        let mut harms = set.harms.clone();
        let drawn = draw(set, seed, luck).map(|(harm, drawn)| {
            harms.push(harm);
            drawn
        });
        let tracks = set
            .rollouts
            .iter()
            .map(|rollout| Track::new(&rollout.plan))
            .collect();
        Self {
            set,
            planned: set.rollouts.clone(),
            seed,
            keep,
            now: set.begins,
            queue: BinaryHeap::new(),
            serial: 0,
            arrivals: Vec::new(),
            requests: Vec::new(),
            executor: None,
            wake: None,
            ahead: 0,
            store: MemoryStore::default(),
            epoch: Epoch(0),
            hosts: Hosts::new(set.fleet.hosts.len(), &set.kept),
            harms,
            drawn,
            tracks,
            proposals: BTreeMap::new(),
            advising: BTreeMap::new(),
            advised: BTreeSet::new(),
            asked: BTreeMap::new(),
            tickets: 0,
            healed: set.world.faults.lasts == Span::ZERO,
            running: BTreeSet::new(),
            hands: BTreeSet::new(),
            finished: BTreeMap::new(),
            results: 0,
            writes: 0,
            checkers: keep.checked.then(Checkers::new),
            trace: keep.trace.map(|lines| Trace::new(set.begins, lines)),
            violation: None,
            curve: Vec::new(),
        }
    }

    fn prepare(&mut self) {
        self.install_first();
        self.schedule_faults();
        for index in 0..self.tracks.len() {
            self.after(self.planned[index].starts, Happening::Starts(index));
        }
        self.await_advisories();
        self.recovers();
    }

    /// Until everything is over, or nothing is left that could happen.
    fn go(&mut self) {
        let horizon = self.set.begins + HORIZON;
        loop {
            while !self.arrivals.is_empty() {
                self.tell();
            }
            self.look();
            if self.violation.is_some() || self.tracks.iter().all(|track| track.ended.is_some()) {
                return;
            }
            let queued = self.queue.peek().map(|Reverse(entry)| entry.at);
            let Some(next) = queued.into_iter().chain(self.wake).min() else {
                return;
            };
            if next > horizon {
                return;
            }
            self.now = next.max(self.now);
            if self.wake.is_some_and(|wake| wake <= self.now) {
                self.wake = None;
                self.arrivals.push(Arrival::Woken);
            }
            while let Some(Reverse(entry)) = self.queue.peek()
                && entry.at <= self.now
                && let Some(Reverse(entry)) = self.queue.pop()
            {
                self.happen(entry.what);
            }
        }
    }

    fn happen(&mut self, what: Happening) {
        match what {
            Happening::Starts(index) => self.starts(index),
            Happening::Ends(doing) => self.ends(doing),
            Happening::Reports(doing) => self.report(&doing),
            Happening::HandEnds(doing) => self.hand_ends(doing),
            Happening::Tells(doing) => self.tells(doing),
            Happening::Breaks {
                host,
                harm,
                rollout,
                era,
            } => self.breaks(host as usize, usize::from(harm), rollout, era),
            Happening::Clears { host, cause, era } => self.clears(host as usize, cause, era),
            Happening::Flakes(host) => self.flakes(host as usize),
            Happening::Acts(deed) => self.acts(deed),
            Happening::Advises(index) => self.advises(index),
            Happening::Crashes(number) => self.crashes(number),
            Happening::Recovers => self.recovers(),
            Happening::Jumps(by) => {
                self.say(&format!("! the clock jumps by {by} ms"));
                self.ahead = self.ahead.saturating_add(by);
                self.arrivals.push(Arrival::Woken);
            }
            Happening::Heals => self.heals(),
        }
    }

    pub(super) fn after(&mut self, span: Span, what: Happening) {
        let entry = Entry {
            at: self.set.at(self.now + span),
            serial: self.serial,
            what,
        };
        self.serial += 1;
        self.queue.push(Reverse(entry));
    }

    /// Something reaches the decider, if there is one.
    pub(super) fn arrives(&mut self, arrival: Arrival) {
        if self.executor.is_some() {
            self.arrivals.push(arrival);
        }
    }

    /// The decider is gone, with everything on its way to it.
    pub(super) fn die(&mut self) {
        self.executor = None;
        self.arrivals.clear();
        self.wake = None;
        self.proposals.clear();
        self.advising.clear();
        self.asked.clear();
    }

    /// Tells the decider everything that has arrived, and carries out what it asks for.
    fn tell(&mut self) {
        let told = Timestamp(self.now.0.saturating_add(self.ahead));
        let mut arrivals = std::mem::take(&mut self.arrivals);
        let Some(executor) = &mut self.executor else {
            return;
        };
        let mut requests = std::mem::take(&mut self.requests);
        executor.step_all(told, arrivals.drain(..), &mut requests);
        // Its room is used again.
        self.arrivals = arrivals;
        for request in requests.drain(..) {
            self.carry_out(request);
        }
        self.requests = requests;
    }

    fn carry_out(&mut self, request: Request) {
        match request {
            Request::Load => {
                let loaded = Arrival::Loaded(Box::new(self.store.load(self.epoch)));
                self.arrivals.push(loaded);
            }
            Request::LoadAll => {
                let loaded = Arrival::Loaded(Box::new(self.store.load_all(self.epoch)));
                self.arrivals.push(loaded);
            }
            Request::Append { row, blobs, .. } => self.append(row, blobs),
            Request::KeepSnapshot(snapshot) => self.store.keep(snapshot),
            Request::Start(start) => self.start(&start),
            // A step begins at the instant it is handed out, so there is none left to take back.
            Request::Withdraw(_) => {}
            Request::Probe { host, probe } => {
                self.hosts.all[host.index()].follow(probe);
                self.answer(host, probe);
            }
            Request::SeeBoot { host, .. } => {
                self.hosts.all[host.index()].boots_watched = true;
                self.tell_boot(host);
            }
            Request::Calendar {
                rollout,
                plan,
                from,
            } => {
                let told = self.set.calendar_told(rollout, plan, from);
                self.arrivals.push(told);
            }
            // Nobody knows what somebody else's system will say; an estimate is of what is here.
            Request::AskGate { rollout, gate, .. } => {
                let answer = GateAnswer {
                    says: Says::Open,
                    why: String::new(),
                };
                self.arrivals.push(Arrival::GateTold {
                    rollout,
                    gate,
                    answer,
                });
            }
            Request::WakeAt(at) => {
                let at = Timestamp(at.0.saturating_sub(self.ahead));
                self.wake = Some(at.max(self.now + Span(1)));
            }
            Request::Reply { ticket, answer } => self.replied(ticket, answer),
            Request::End(LoopEnded::Corrupt(what)) => self.broken(Invariant::I13, what),
            // There is one decider at a time in this world.
            Request::End(LoopEnded::Fenced) => {
                self.broken(Invariant::Story, "the only decider was fenced".to_owned());
            }
        }
    }

    /// Whether the checkers look, or somebody may look at the journal later.
    pub(super) const fn is_checked(&self) -> bool {
        self.keep.checked || self.keep.journal
    }

    /// What a probe finds on a host now.
    fn answer(&mut self, host: HostId, probe: ProbeId) {
        let sample = if self.hosts.all[host.index()].answers() {
            Sample::Up
        } else {
            Sample::Down(String::new())
        };
        self.arrivals.push(Arrival::Probed {
            host,
            probe,
            sample,
        });
    }

    pub(super) fn tell_boot(&mut self, host: HostId) {
        let boot = Some(self.hosts.all[host.index()].boots.to_string());
        self.arrives(Arrival::BootSeen { host, boot });
    }

    /// Adds a cause to what keeps a service down, or takes one away; an edge is told to whoever follows.
    pub(super) fn set_cause(&mut self, host: usize, cause: Cause, to: bool) {
        if self.hosts.set(host, cause, to) && self.executor.is_some() {
            for probe in self.hosts.all[host].followed() {
                self.answer(HostId::at(host), probe);
            }
        }
    }

    fn append(&mut self, row: Row, blobs: Vec<Blob>) {
        let seq = row.seq;
        let fate = self.fate();
        if self.checkers.is_some() {
            self.register(&blobs);
        }
        let shown = (self.checkers.is_some() || self.trace.is_some()).then(|| row.clone());
        let outcome = self.store.append(row, blobs, fate);
        let is_there = self.store.rows().last().is_some_and(|row| row.seq == seq);
        if let Some(row) = shown.filter(|_| is_there) {
            self.observe(&row);
        }
        match outcome {
            Ok(()) => self.arrivals.push(Arrival::Appended { seq }),
            Err(why) => {
                let word = match &why {
                    AppendFailure::Fenced => "fenced",
                    AppendFailure::DiskFull => "disk full",
                    AppendFailure::Other(_) => "failed",
                };
                self.say(&format!("! append {seq}: {word}"));
                self.arrivals.push(Arrival::AppendFailed { seq, why });
            }
        }
    }

    fn register(&mut self, blobs: &[Blob]) {
        let Some(checkers) = &mut self.checkers else {
            return;
        };
        for blob in blobs {
            match blob.kind.as_str() {
                "fleet" => {
                    if let Ok(fleet) = FleetSpec::decode(&blob.bytes) {
                        checkers.provide_fleet(blob.digest, Arc::new(fleet));
                    }
                }
                "plan" => {
                    if let Ok(plan) = Plan::decode(&blob.bytes) {
                        checkers.provide_plan(blob.digest, Arc::new(plan));
                    }
                }
                _ => {}
            }
        }
    }

    fn observe(&mut self, row: &Row) {
        let batch = match Batch::decode(&row.body) {
            Ok(batch) => batch,
            Err(error) => return self.broken(Invariant::I13, error.to_string()),
        };
        if self.trace.is_some() {
            for event in &batch.events {
                self.say(&dense(event));
            }
        }
        if let Some(checkers) = &mut self.checkers
            && let Err(violation) = checkers.observe(row.at, &batch.inputs, &batch.events)
        {
            self.violation.get_or_insert(violation);
        }
    }

    pub(super) fn check_hand_out(&mut self, intent: IntentId) {
        if let Some(checkers) = &self.checkers
            && let Err(violation) = checkers.may_hand_out(intent)
        {
            self.violation.get_or_insert(violation);
        }
    }

    pub(super) fn broken(&mut self, invariant: Invariant, what: String) {
        self.say(&format!("! {invariant}: {what}"));
        self.violation.get_or_insert(Violation {
            invariant,
            at: self.now,
            what,
        });
    }

    pub(super) fn say(&mut self, what: &str) {
        if let Some(trace) = &mut self.trace {
            trace.say(self.now, what);
        }
    }

    /// Whether every rollout stands where it stood; where not, people and the record hear of it.
    fn look(&mut self) {
        self.look_at_hands();
        for index in 0..self.tracks.len() {
            let Some(stood) = self.standing(index) else {
                continue;
            };
            if self.tracks[index].stood != Some(stood) {
                let before = self.tracks[index].stood.replace(stood);
                self.changed(index, before, stood);
            }
        }
        if self.keep.curve {
            self.draw_point();
        }
    }

    pub(super) fn standing(&self, index: usize) -> Option<Stood> {
        let id = self.tracks[index].id?;
        let state = self.executor.as_ref()?.engine().standing(id)?;
        Some(Stood::of(state))
    }

    fn changed(&mut self, index: usize, before: Option<Stood>, stood: Stood) {
        let now = self.now;
        let track = &mut self.tracks[index];
        track.page += 1;
        let since = now.since(track.began);
        // A ring that is passed in one instant is seen only behind it.
        match (before, stood) {
            (Some(Stood::Visiting(ring)), Stood::Soaking(_) | Stood::Promoting(_)) => {
                track.ring(ring, |times| &mut times.settled_ms, since);
            }
            (Some(Stood::Soaking(ring)), Stood::Promoting(_)) => {
                track.ring(ring, |times| &mut times.soaked_ms, since);
            }
            (_, _) => {}
        }
        let promoted = match stood {
            Stood::Visiting(ring) | Stood::Soaking(ring) | Stood::Promoting(ring) => ring,
            Stood::Over => NONE,
            Stood::Proposed | Stood::Paused | Stood::Halted(_) | Stood::Ending => 0,
        };
        match stood {
            Stood::Visiting(ring) | Stood::Soaking(ring) | Stood::Promoting(ring) => {
                track.promoted(promoted, since);
                track.ring(ring, |times| &mut times.opened_ms, since);
            }
            Stood::Halted(ring) => {
                let (updated, hit) = (track.count.with.iter().sum(), track.count.hit);
                track.halt.get_or_insert(Halt {
                    at_ms: since,
                    ring: ringway_model::RingIndex(ring),
                    updated,
                    hit,
                });
            }
            Stood::Over => self.over(index),
            Stood::Proposed | Stood::Paused | Stood::Ending => {}
        }
        self.people_see(index, stood);
    }

    fn over(&mut self, index: usize) {
        let Some(id) = self.tracks[index].id else {
            return;
        };
        let state = self
            .executor
            .as_ref()
            .and_then(|executor| executor.engine().standing(id));
        let ended = state.map_or(Ended::Cancelled, Ended::of);
        let since = self.now.since(self.tracks[index].began);
        if ended == Ended::Completed {
            self.tracks[index].promoted(NONE, since);
        }
        self.end(index, ended);
    }

    /// A rollout is over, or nobody will do anything about it any more.
    pub(super) fn end(&mut self, index: usize, ended: Ended) {
        let now = self.now;
        let track = &mut self.tracks[index];
        if track.ended.is_none() {
            track.count.pass(now);
            track.ended = Some(ended);
            track.over = Some(now);
        }
    }

    fn draw_point(&mut self) {
        let point = Point {
            at_ms: self.now.since(self.set.begins),
            updated: self
                .tracks
                .iter()
                .map(|track| track.count.with.clone())
                .collect(),
            broken: self.hosts.broken,
            hit: self.tracks.iter().map(|track| track.count.hit).collect(),
        };
        let same = |last: &Point| {
            (&last.updated, last.broken, &last.hit) == (&point.updated, point.broken, &point.hit)
        };
        if !self.curve.last().is_some_and(same) {
            self.curve.push(point);
        }
    }

    fn outcome(mut self) -> Outcome {
        if let (Some(checkers), None) = (&self.checkers, &self.violation)
            && self.tracks.iter().all(|track| track.over.is_some())
            && let Err(violation) = checkers.finish()
        {
            self.violation = Some(violation);
        }
        let waits: Vec<String> = (0..self.tracks.len())
            .map(|index| self.waits(index))
            .collect();
        let now = self.now;
        let begins = self.set.begins;
        let struck = if self.keep.journal {
            self.hosts.struck(self.tracks.len())
        } else {
            Struck::default()
        };
        let rollouts = self
            .tracks
            .drain(..)
            .zip(&self.planned)
            .zip(waits)
            .map(|((track, planned), waits)| track.outcome(&planned.plan, begins, now, waits))
            .collect();
        Outcome {
            seed: self.seed,
            rollouts,
            plans: self
                .planned
                .iter()
                .map(|planned| Arc::clone(&planned.plan))
                .collect(),
            groups_lost: self.hosts.lost,
            lasted: self.now.since(self.set.begins),
            drawn: self.drawn,
            violation: self.violation,
            digest: self
                .trace
                .as_ref()
                .map(|trace| (trace.digest(), trace.count())),
            trace: self.trace.map(|trace| trace.lines()).unwrap_or_default(),
            curve: self.curve,
            journal: self.keep.journal.then_some(self.store),
            struck,
        }
    }

    /// What a rollout that never came to an end waits for.
    fn waits(&self, index: usize) -> String {
        let executor = self
            .executor
            .as_ref()
            .filter(|_| self.tracks[index].ended.is_none());
        let view = executor
            .zip(self.tracks[index].id)
            .and_then(|(executor, id)| executor.engine().rollout(id));
        view.map_or_else(
            || "it was never started".to_owned(),
            |view| {
                let whys: Vec<&str> = view.waiting.iter().map(|on| on.why.as_str()).collect();
                whys.join("; ")
            },
        )
    }
}

impl Track {
    pub(super) fn new(plan: &Plan) -> Self {
        let targets = u32::try_from(plan.slots.len()).unwrap_or(u32::MAX);
        Self {
            id: None,
            stood: None,
            ended: None,
            began: Timestamp::default(),
            over: None,
            rings: plan
                .rings
                .iter()
                .map(|ring| RingTimes {
                    name: ring.name.clone(),
                    planned: ring.planned,
                    ..RingTimes::default()
                })
                .collect(),
            halt: None,
            count: Count::new(targets, plan.rings.len()),
            page: 0,
        }
    }

    fn ring(&mut self, ring: u16, which: fn(&mut RingTimes) -> &mut Option<Span>, at: Span) {
        if let Some(times) = self.rings.get_mut(usize::from(ring)) {
            which(times).get_or_insert(at);
        }
    }

    /// Every ring before this one is promoted.
    fn promoted(&mut self, ring: u16, at: Span) {
        for times in self.rings.iter_mut().take(usize::from(ring)) {
            times.opened_ms.get_or_insert(at);
            times.settled_ms.get_or_insert(at);
            times.soaked_ms.get_or_insert(at);
            times.promoted_ms.get_or_insert(at);
        }
    }

    fn outcome(
        mut self,
        plan: &Plan,
        begins: Timestamp,
        now: Timestamp,
        waits: String,
    ) -> RolloutOutcome {
        if self.ended.is_none() && self.id.is_some() {
            self.count.pass(now);
        }
        RolloutOutcome {
            policy: plan.policy.clone(),
            update: plan.update.clone(),
            began_ms: self.id.map(|_| self.began.since(begins)),
            over_ms: self.over.map(|over| over.since(self.began)),
            ended: self.ended.unwrap_or(Ended::Waits(waits)),
            rings: self.rings,
            halt: self.halt,
            targets: self.count.targets,
            updated: self.count.with.iter().sum(),
            hit: self.count.hit,
            carrying: self.count.carrying,
            exposure_ms: self.count.exposure,
        }
    }
}
