//! The machine: what it holds, and the three ways in (`handle`, `advance`, `apply`).
//!
//! Deciding code never changes the state by itself: it emits events, and every event is applied by the same code that
//! folds the journal. So what ran live and what is read back cannot differ.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};
use std::sync::Arc;

use ringway_model::{
    Actor, Digest, Epoch, HostId, IntentId, ProbeId, RouteId, Slot, Span, Timestamp, VisitKind,
};
use ringway_scheduler::{FleetSpec, Plan};

use crate::advisory::Advisories;
use crate::command::{Accepted, Rejected};
use crate::event::Event;
use crate::exception::Exceptions;
use crate::fleet::Fleet;
use crate::hold::Holds;
use crate::host::{Ending, HostState};
use crate::input::Input;
use crate::outside::LastChanges;
#[cfg(feature = "planted-bugs")]
use crate::planted::Bug;
use crate::poison::{Poison, PoisonWords};
use crate::protection::Protections;
use crate::rollout::Rollout;
use crate::unpoison::Unpoisonings;

/// One of the engine's own rules is broken: our bug, never the caller's. The fleet stops.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("broken invariant: {what}")]
pub struct Fault {
    /// What was found.
    pub what: String,
}

impl Fault {
    pub(crate) fn new(what: impl Into<String>) -> Self {
        Self { what: what.into() }
    }
}

/// How an input was taken.
#[must_use]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Handled {
    /// Taken; late, repeated and unknown results change nothing.
    Accepted(Accepted),
    /// A person asked for something that does not fit.
    Rejected(Rejected),
}

/// Whether anything may start in the fleet.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) enum FleetHold {
    #[default]
    Free,
    Stopped {
        by: Actor,
        reason: String,
    },
    Faulted {
        what: String,
    },
}

/// What should be probed from now on, and what no longer.
#[derive(Clone, Debug)]
pub enum WatchChange {
    /// Probe this host. Where it was watched already, what was known is forgotten and it is probed at once.
    Watch {
        /// The host.
        host: HostId,
        /// The probe.
        probe: ProbeId,
        /// How old positive evidence may be.
        freshest: Span,
    },
    /// Stop probing this host by this probe.
    Unwatch {
        /// The host.
        host: HostId,
        /// The probe.
        probe: ProbeId,
    },
    /// Watch this host's boot id: a change from what is read first is a restart.
    WatchBoot {
        /// The host.
        host: HostId,
        /// The plan whose route says how.
        plan: Arc<Plan>,
        /// The route.
        route: RouteId,
    },
    /// Stop watching this host's boot id.
    UnwatchBoot {
        /// The host.
        host: HostId,
    },
}

/// Everything a worker needs to know of an outstanding step.
#[derive(Clone, Debug)]
pub struct OrderView {
    /// The host.
    pub host: HostId,
    /// The fleet it is of.
    pub fleet: Arc<FleetSpec>,
    /// The plan the step is from.
    pub plan: Arc<Plan>,
    /// The route.
    pub route: RouteId,
    /// The kind of visit.
    pub visit: VisitKind,
    /// The step's position in it.
    pub position: u8,
    /// Which attempt, from 1.
    pub attempt: u8,
    /// What the visit is heading for.
    pub ending: Ending,
    /// What the host had before, as `inspect` found it.
    pub previous: Option<String>,
    /// What the last protection of it is called; for a `protect` what the one that it makes may be called.
    pub protection: Option<String>,
    /// The member of the host's availability group on which it runs, where it does not run on the host or here.
    pub peer: Option<HostId>,
    /// Whether it may begin although its scope is held: it brings the host back into service, or its policy wants it
    /// finished.
    pub may_run_when_held: bool,
}

/// Every rollout of one fleet, and all that is decided about them.
#[derive(Clone, Debug)]
pub struct Engine {
    pub(crate) now: Timestamp,
    /// The instant of the last event: part of the state, as `now` is not.
    pub(crate) last_event: Timestamp,
    pub(crate) epoch: Epoch,
    pub(crate) recovered_at: Timestamp,
    pub(crate) fleet_digest: Option<Digest>,
    pub(crate) hold: FleetHold,
    /// Databases whose hosts may be taken over.
    pub(crate) adopted: Arc<BTreeSet<u64>>,
    /// Hosts that are not to be touched.
    pub(crate) holds: Holds,
    /// Exceptions in force.
    pub(crate) exceptions: Exceptions,
    /// Which rollouts changed each host. Derived.
    pub(crate) last_changes: LastChanges,
    /// How often a host's content was changed, over all rollouts: which change was later is the order of these numbers.
    pub(crate) changes: u32,
    /// What must not be installed any more, in the order in which it was said.
    pub(crate) poisons: Vec<Poison>,
    /// What inspections print where that is installed. Derived.
    pub(crate) poison_words: PoisonWords,
    /// What people ask to take back of that.
    pub(crate) unpoisonings: Unpoisonings,
    /// What is said of the content of updates.
    pub(crate) advisories: Advisories,
    /// What was made of hosts before they were changed, and is there.
    pub(crate) protections: Protections,
    pub(crate) fleet: Fleet,
    pub(crate) rollouts: Vec<Rollout>,
    /// Due states, earliest first: instant, rollout index, slot. An entry is stale when the slot's `until` is another.
    pub(crate) timers: BinaryHeap<Reverse<(Timestamp, u32, u32)>>,
    pub(crate) fleets: BTreeMap<Digest, Arc<FleetSpec>>,
    pub(crate) plans: BTreeMap<Digest, Arc<Plan>>,
    pub(crate) watch: Vec<WatchChange>,
    /// Whether decisions are made on this state: during a fold no queue is kept.
    pub(crate) live: bool,
    /// How often it was looked at whether a visit may start. No part of the state.
    pub(crate) looks: u64,
    #[cfg(feature = "planted-bugs")]
    pub(crate) planted: Option<Bug>,
}

impl Default for Engine {
    fn default() -> Self {
        Self::new()
    }
}

impl Engine {
    /// An engine that knows no fleet and no rollout.
    pub fn new() -> Self {
        let empty = FleetSpec {
            name: String::new(),
            document: Digest::default(),
            hosts: Vec::new(),
            groups: Vec::new(),
            cells: Vec::new(),
            probes: Vec::new(),
            connections: Vec::new(),
            vanished: BTreeSet::new(),
        };
        Self {
            now: Timestamp(0),
            last_event: Timestamp(0),
            epoch: Epoch(0),
            recovered_at: Timestamp(i64::MIN),
            fleet_digest: None,
            hold: FleetHold::Free,
            adopted: Arc::default(),
            holds: Holds::default(),
            exceptions: Exceptions::default(),
            last_changes: LastChanges::default(),
            changes: 0,
            poisons: Vec::new(),
            poison_words: PoisonWords::default(),
            unpoisonings: Unpoisonings::default(),
            advisories: Advisories::default(),
            protections: Protections::default(),
            fleet: Fleet::new(Arc::new(empty)),
            rollouts: Vec::new(),
            timers: BinaryHeap::new(),
            fleets: BTreeMap::new(),
            plans: BTreeMap::new(),
            watch: Vec::new(),
            live: false,
            looks: 0,
            #[cfg(feature = "planted-bugs")]
            planted: None,
        }
    }

    /// Makes a fleet known by its digest. Needed before an input or event refers to it.
    pub fn provide_fleet(&mut self, digest: Digest, fleet: Arc<FleetSpec>) {
        self.fleets.insert(digest, fleet);
    }

    /// Makes a plan known by its digest. Needed before an input or event refers to it.
    pub fn provide_plan(&mut self, digest: Digest, plan: Arc<Plan>) {
        self.plans.insert(digest, plan);
    }

    /// Takes one thing that happened. Its events are applied to `self` and appended to `out`.
    pub fn handle(&mut self, now: Timestamp, input: &Input, out: &mut Vec<Event>) -> Handled {
        self.now = self.now.max(now);
        // Whose time has come is woken before anybody whom this input wakes: a look at the time leaves no trace in the
        // journal, and the order must not depend on whether there was one.
        self.wake_times();
        self.wake_strata();
        let accepted = Handled::Accepted(Accepted {
            rollout: None,
            changed: false,
        });
        match input {
            Input::Command { actor, command } => {
                return match self.command(actor, command, out) {
                    Ok(accepted) => Handled::Accepted(accepted),
                    Err(rejected) => Handled::Rejected(rejected),
                };
            }
            Input::StepEnded { intent, result } => self.step_ended(*intent, result, out),
            Input::Evidence { host, probe, to } => self.evidence(*host, *probe, *to, out),
            Input::Restarted { host } => self.restarted(*host, out),
            Input::Recovered { epoch, last_alive } => {
                self.emit(
                    Event::Recovered {
                        epoch: *epoch,
                        last_alive: *last_alive,
                    },
                    out,
                );
                // Where a rollout only waits to end, silence must not keep it from that: the bound is set anew.
                for r in 0..self.rollouts.len() {
                    if self.rollouts[r].rec.state.is_ending() {
                        self.take_back(r, out);
                    }
                }
            }
            Input::ClockJumped { from } => self.emit(Event::ClockJumped { from: *from }, out),
            Input::Tick => {}
            Input::Calendar { rollout, calendar } => self.calendar(*rollout, calendar, out),
            Input::GateSaid {
                rollout,
                gate,
                says,
                why,
            } => self.gate_said(*rollout, (*gate, *says), why, out),
            Input::Alive => {
                let due = self.next_look_at_due();
                if self.soaking() || due.is_some_and(|due| due <= self.now) {
                    self.emit(Event::Alive, out);
                }
            }
        }
        accepted
    }

    /// Does what time and the state call for: timers, phases of rollouts, next steps and new visits. At most
    /// `free_workers` steps are issued.
    pub fn advance(&mut self, now: Timestamp, free_workers: u32, out: &mut Vec<Event>) {
        self.now = self.now.max(now);
        let mut free = free_workers;
        loop {
            let before = out.len();
            self.end_holds(out);
            self.end_exceptions(out);
            self.end_protections(out);
            self.expire_approvals(out);
            self.lapse_unpoisonings(out);
            self.wake_times();
            self.wake_strata();
            self.fire_timers(out);
            for rollout in 0..self.rollouts.len() {
                while self.progress(rollout, out) {}
            }
            for rollout in self.by_precedence() {
                self.issue_next_steps(rollout, &mut free, out);
            }
            for rollout in self.by_precedence() {
                self.start_visits(rollout, &mut free, out);
            }
            for rollout in self.by_precedence() {
                self.start_stages(rollout, &mut free, out);
            }
            self.start_removals(&mut free, out);
            // What was just decided may let a phase go on: an empty ring, a host that was left behind.
            if out.len() == before {
                return;
            }
        }
    }

    /// Rollouts that may have something to start: repair before what hurries in a lane, that before the rest, then by age.
    /// Hosts that a superseded rollout broke are repair as well.
    fn by_precedence(&self) -> impl Iterator<Item = usize> + use<> {
        let (repair, rest): (Vec<usize>, Vec<usize>) = (0..self.rollouts.len())
            .filter(|&r| !self.rollouts[r].rec.state.is_final())
            .partition(|&r| self.is_rolling_back(r) || self.recovers(r));
        let (hurries, rest): (Vec<usize>, Vec<usize>) = rest
            .into_iter()
            .partition(|&r| self.rollouts[r].plan.lane.is_some());
        repair.into_iter().chain(hurries).chain(rest)
    }

    /// Applies an event that was journaled.
    ///
    /// # Errors
    ///
    /// The event does not fit the state: the journal was not written by this engine, or one of us is wrong.
    pub fn apply(&mut self, at: Timestamp, event: &Event) -> Result<(), Fault> {
        self.now = self.now.max(at);
        self.heed_silence(event);
        self.last_event = self.now;
        self.fold(event)
    }

    /// Decides: applies an event to the state and hands it out. An event that does not fit is our bug and stops the
    /// fleet.
    pub(crate) fn emit(&mut self, event: Event, out: &mut Vec<Event>) {
        self.heed_silence(&event);
        self.last_event = self.now;
        match self.fold(&event) {
            Ok(()) => {
                let follows = self.broken_meanwhile(&event);
                out.push(event);
                if let Some(follows) = follows {
                    self.emit(follows, out);
                }
            }
            Err(fault) => {
                self.hold = FleetHold::Faulted {
                    what: fault.what.clone(),
                };
                out.push(Event::Faulted { what: fault.what });
            }
        }
    }

    /// The instant it was told last.
    pub const fn now(&self) -> Timestamp {
        self.now
    }

    /// The next instant at which time alone changes something; spurious ones are harmless.
    pub fn next_wake(&self) -> Option<Timestamp> {
        let timer = self.timers.peek().map(|Reverse((at, ..))| *at);
        let soak = self
            .rollouts
            .iter()
            .filter_map(|rollout| self.soak_until(rollout))
            .min();
        let hold = self.holds.next_end();
        let exception = self.exceptions.next_end();
        let window = self.next_window();
        let yes = self.next_of_approvals();
        let all = timer.into_iter().chain(soak).chain(hold).chain(window);
        let all = all.chain(yes).chain(exception).chain(self.next_errand());
        let all = all.chain(self.next_evidence()).chain(self.next_removal());
        let all = all.chain(self.next_of_unpoisonings());
        all.min()
    }

    /// Steps that were issued and have no result.
    pub fn outstanding(&self) -> Vec<IntentId> {
        let mut found: Vec<IntentId> = self.errands_running().collect();
        for rollout in self
            .rollouts
            .iter()
            .filter(|rollout| rollout.idx.visiting > 0)
        {
            for (slot, rec) in rollout.rec.slots.iter().enumerate() {
                if matches!(rec.state, HostState::Running { .. }) {
                    found.push(IntentId::new(rollout.rec.id, Slot::at(slot), rec.serial));
                }
            }
        }
        found.sort_unstable();
        found
    }

    /// What a worker needs to know of an outstanding step; `None` for any other.
    pub fn order(&self, intent: IntentId) -> Option<OrderView> {
        let Some((r, slot)) = self.find(intent) else {
            return self.errand_order(intent);
        };
        let rollout = &self.rollouts[r];
        let HostState::Running {
            visit,
            position,
            attempt,
            ending,
        } = rollout.rec.slots[slot as usize].state
        else {
            return None;
        };
        Some(self.order_view((r, slot), visit, (position, attempt), ending))
    }

    /// What there is to know of a step that a host is at.
    pub(crate) fn order_view(
        &self,
        (r, slot): (usize, u32),
        visit: VisitKind,
        (position, attempt): (u8, u8),
        ending: Ending,
    ) -> OrderView {
        let rollout = &self.rollouts[r];
        OrderView {
            host: rollout.plan.slots[slot as usize].host,
            fleet: self.fleet.spec.clone(),
            plan: rollout.plan.clone(),
            route: rollout.route_id(slot),
            visit,
            position,
            attempt,
            ending,
            previous: self.previous_of(r, slot),
            protection: self.protection_for(r, slot, (visit, position)),
            peer: rollout.rec.peers.get(&slot).map(|(_, peer)| *peer),
            may_run_when_held: self.may_go_on_when_held(r, slot, visit, position),
        }
    }

    /// What a host had before the rollout, as `inspect` found it.
    fn previous_of(&self, r: usize, slot: u32) -> Option<String> {
        #[cfg(feature = "planted-bugs")]
        if self.bug(Bug::WrongPrevious) {
            return self.rollouts[r].rec.previous.first().cloned();
        }
        self.rollouts[r].previous(slot).cloned()
    }

    /// Whether an outstanding step may still begin: a hold revokes those that have not.
    pub fn still_wanted(&self, intent: IntentId) -> bool {
        self.errand_wanted(intent)
            || self.find(intent).is_some_and(|(r, slot)| {
                match self.rollouts[r].rec.slots[slot as usize].state.visit() {
                    Some((visit, position, ..)) => self.is_wanted(r, slot, visit, position),
                    None => false,
                }
            })
    }

    /// Whether a soak runs, so that the journal must say that Ringway is there.
    pub fn soaking(&self) -> bool {
        self.rollouts
            .iter()
            .any(|rollout| self.soak_until(rollout).is_some())
            || self.gathers_evidence()
    }

    /// The fleet that rollouts run over; one without hosts before the first.
    pub const fn fleet(&self) -> &Arc<FleetSpec> {
        &self.fleet.spec
    }

    /// Other databases of this fleet whose hosts may be taken over, by a person's decision.
    pub const fn adopted(&self) -> &Arc<BTreeSet<u64>> {
        &self.adopted
    }

    /// How often this engine looked at whether a visit of some host may start: what its work grows with.
    pub const fn looks(&self) -> u64 {
        self.looks
    }

    /// What should be probed differently since this was last asked.
    pub fn take_watch_changes(&mut self) -> Vec<WatchChange> {
        std::mem::take(&mut self.watch)
    }

    /// The rollout index and slot of a step that runs now; `None` for one that is over, unknown or not ours.
    pub(crate) fn find(&self, intent: IntentId) -> Option<(usize, u32)> {
        let r = (intent.rollout().0 as usize).checked_sub(1)?;
        let rec = self.rollouts.get(r)?.rec.slots.get(intent.slot().index())?;
        let is_last = rec.serial == intent.serial();
        #[cfg(feature = "planted-bugs")]
        let is_last = is_last || self.bug(Bug::LateResultCounts);
        let running = matches!(rec.state, HostState::Running { .. }) && is_last;
        running.then_some((r, intent.slot().0))
    }

    /// The same of a step that runs, or that a person does.
    pub(crate) fn find_open(&self, intent: IntentId) -> Option<(usize, u32)> {
        self.find(intent).or_else(|| {
            let r = (intent.rollout().0 as usize).checked_sub(1)?;
            let rec = self.rollouts.get(r)?.rec.slots.get(intent.slot().index())?;
            let by_hand = matches!(rec.state, HostState::ByHand { .. });
            (by_hand && rec.serial == intent.serial()).then_some((r, intent.slot().0))
        })
    }

    /// Whether a deliberate mistake is planted.
    #[cfg(feature = "planted-bugs")]
    pub(crate) fn bug(&self, bug: Bug) -> bool {
        self.planted == Some(bug)
    }

    /// Plants a deliberate mistake, for the proof that the checkers see it.
    #[cfg(feature = "planted-bugs")]
    pub fn plant(&mut self, bug: Option<Bug>) {
        self.planted = bug;
    }
}
