//! The loop: collect, decide, commit, act, as a machine without IO.
//!
//! [`Executor::step`] takes one arrival and returns what is asked for. Nothing waits in here: a request's result is a
//! later arrival, and while a batch is being committed arrivals queue.
//!
//! # Invariants
//!
//! * Nothing is acknowledged and no step is handed out before the batch that decided it is durable.
//! * Commands are decided before everything else that has arrived, and decided before any step of the batch before is
//!   handed out, so that a halt wins over a step that was decided and not begun.
//! * When it is not known whether a batch is durable, the state is thrown away and read back; what was in that batch is
//!   found there or decided again, never both.
//! * At most one append is outstanding.
//! * Every step handed out is reported once to the engine, whatever happens in between.
//!
//! The parts: `decide` (a batch), `commit` (its way into the journal and what follows), `recover` (reading back).

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use ringway_engine::view::{HostView, ProtectionView};
use ringway_engine::{Calendar, Engine};
use ringway_model::{
    Actor, Digest, Epoch, HostId, IntentId, RawReport, RolloutId, Span, Timestamp,
};
use ringway_scheduler::{FleetSpec, Plan};

use crate::clock::Clock;
use crate::commit::Commit;
use crate::config::Config;
use crate::fold::Head;
use crate::gates::Gates;
use crate::ledger::Ledger;
use crate::library::Library;
use crate::port::{Arrival, Ended, GateAnswer, Order, Request};
use crate::recover::Lost;
use crate::watching::Watching;
use crate::words::Words;

/// How long until a calendar that is wanted and did not come is asked for again.
const CALENDAR_AGAIN: Span = Span::minutes(10);

/// What the loop is doing.
#[derive(Clone, Debug)]
pub(crate) enum Phase {
    /// It has to ask for the journal, not before this instant.
    Unread { at: Timestamp },
    /// The journal is being read.
    Loading,
    /// It decides what arrives.
    Idle,
    /// A batch is being made durable.
    Committing(Box<Commit>),
    /// The disk is full; the batch is tried again at this instant.
    Full {
        commit: Box<Commit>,
        again: Timestamp,
    },
    /// It has ended.
    Ended(Ended),
}

/// Something that arrived and is not a command.
#[derive(Clone, Debug)]
pub(crate) enum Happening {
    Report(IntentId, RawReport),
    Restarted(HostId),
    Calendar(RolloutId, Arc<Plan>, Box<Calendar>),
    Gate(RolloutId, u16, GateAnswer),
}

/// A command that waits to be decided.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) ticket: u64,
    pub(crate) actor: Actor,
    pub(crate) order: Order,
}

/// What arrived and is not decided.
#[derive(Clone, Debug, Default)]
pub(crate) struct Inbox {
    pub(crate) commands: VecDeque<Asked>,
    pub(crate) happenings: VecDeque<Happening>,
    /// The journal was read back, and Ringway was last known to run at this instant.
    pub(crate) recovered: Option<Timestamp>,
}

impl Inbox {
    pub(crate) fn is_empty(&self) -> bool {
        self.commands.is_empty() && self.happenings.is_empty() && self.recovered.is_none()
    }
}

/// The loop around the engine.
#[derive(Clone, Debug)]
pub struct Executor {
    pub(crate) config: Config,
    pub(crate) engine: Engine,
    /// What steps said that did not go well; as far ahead of the journal as the engine.
    pub(crate) words: Words,
    pub(crate) library: Library,
    /// The end of the journal, as far as it is durable.
    pub(crate) head: Head,
    /// The fleet that rollouts run over, as decided last.
    pub(crate) fleet: Option<Digest>,
    pub(crate) epoch: Epoch,
    pub(crate) incarnation: u64,
    pub(crate) clock: Clock,
    pub(crate) phase: Phase,
    pub(crate) inbox: Inbox,
    pub(crate) ledger: Ledger,
    pub(crate) watching: Watching,
    /// Whether steps may be handed out: the takeover is durable.
    pub(crate) is_ready: bool,
    /// When the journal said last that Ringway is there, or a soak began to need it.
    pub(crate) alive_since: Timestamp,
    pub(crate) growth: Growth,
    /// Failures to write or read since the last success.
    pub(crate) failures: u32,
    /// When each rollout's calendar was asked for last, by this decider.
    pub(crate) calendars_asked: BTreeMap<RolloutId, Timestamp>,
    /// When external gates are asked.
    pub(crate) gates: Gates,
    /// What was being committed when the state was thrown away.
    pub(crate) lost: Option<Lost>,
    /// The keys of the matters that are open by what was written down last; absent where nobody knows, as after a recovery.
    pub(crate) open_matters: Option<BTreeSet<String>>,
    /// The instant last asked for with `WakeAt`, until it has come.
    wake: Option<Timestamp>,
    /// A deliberate mistake that every engine of this loop has.
    #[cfg(feature = "planted-bugs")]
    pub(crate) planted: Option<ringway_engine::planted::Bug>,
}

/// How the journal has grown since the last snapshot.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Growth {
    pub(crate) batches: u64,
    pub(crate) bytes: u64,
    /// The size of the last snapshot.
    pub(crate) snapshot: u64,
}

impl Executor {
    /// A loop that has read nothing. Its first step asks for the journal.
    pub fn new(config: Config) -> Self {
        Self {
            config,
            engine: Engine::new(),
            words: Words::default(),
            library: Library::default(),
            head: Head::EMPTY,
            fleet: None,
            epoch: Epoch(0),
            incarnation: 0,
            clock: Clock::new(),
            phase: Phase::Unread {
                at: Timestamp(i64::MIN),
            },
            inbox: Inbox::default(),
            ledger: Ledger::default(),
            watching: Watching::default(),
            is_ready: false,
            alive_since: Timestamp(i64::MIN),
            growth: Growth::default(),
            failures: 0,
            calendars_asked: BTreeMap::new(),
            gates: Gates::default(),
            lost: None,
            open_matters: None,
            wake: None,
            #[cfg(feature = "planted-bugs")]
            planted: None,
        }
    }

    /// Plants a deliberate mistake, for the proof that the checkers see it.
    #[cfg(feature = "planted-bugs")]
    pub fn plant(&mut self, bug: Option<ringway_engine::planted::Bug>) {
        self.planted = bug;
        self.engine.plant(bug);
    }

    /// Takes one arrival in, at `now` by the wall clock, goes on as far as it can, and appends what is asked for to `out`.
    pub fn step(&mut self, now: Timestamp, arrival: Arrival, out: &mut Vec<Request>) {
        self.step_all(now, [arrival], out);
    }

    /// Takes in everything that has arrived by `now`, in order, before anything is decided: what came together is decided
    /// together, in one batch where there is room.
    pub fn step_all(
        &mut self,
        now: Timestamp,
        arrivals: impl IntoIterator<Item = Arrival>,
        out: &mut Vec<Request>,
    ) {
        self.hear_all(now, arrivals, out);
        self.go_on(out);
    }

    /// The first half of [`step`](Self::step): takes the arrival in and decides nothing yet, so that what an answer of the
    /// store made durable can be shown as it is there.
    pub fn hear(&mut self, now: Timestamp, arrival: Arrival, out: &mut Vec<Request>) {
        self.hear_all(now, [arrival], out);
    }

    fn hear_all(
        &mut self,
        now: Timestamp,
        arrivals: impl IntoIterator<Item = Arrival>,
        out: &mut Vec<Request>,
    ) {
        let time = self.clock.told(now, self.wake);
        // A timer that ran while the clock was set back comes before its instant; it is over all the same, and has to
        // be asked for again.
        let mut is_over = self.wake.is_some_and(|wake| wake <= time);
        for arrival in arrivals {
            let woken = matches!(arrival, Arrival::Woken);
            #[cfg(feature = "planted-bugs")]
            let woken = woken && !self.has(ringway_engine::planted::Bug::WakeLost);
            is_over |= woken;
            self.arrived(time, arrival, out);
        }
        if is_over {
            self.wake = None;
        }
    }

    /// The state that was decided last, for views. What it shows is a commit ahead of the journal unless
    /// [`is_durable`](Self::is_durable).
    pub const fn engine(&self) -> &Engine {
        &self.engine
    }

    /// What steps said that did not go well, for the hosts that are not well since.
    pub const fn words(&self) -> &Words {
        &self.words
    }

    /// A host in every rollout it is or was a target of, with its last words.
    pub fn host_views(&self, name: &str) -> Vec<HostView> {
        let mut views = self.engine.host_views(name);
        self.words.fill(&mut views);
        views
    }

    /// What was made of hosts before they were changed, of one host or of all, with what the last attempt to remove it said.
    pub fn protections(&self, host: Option<&str>) -> Vec<ProtectionView> {
        let mut views = self.engine.protections(host);
        self.words.fill_protections(&mut views);
        views
    }

    /// Every host of a rollout, or of one of its rings, with its last words.
    pub fn hosts_of(&self, rollout: RolloutId, ring: Option<&str>) -> Vec<HostView> {
        let mut views = self.engine.hosts_of(rollout, ring);
        self.words.fill(&mut views);
        views
    }

    /// The fleet that rollouts run over, and that probes are asked for; absent before the first rollout.
    pub fn fleet(&self) -> Option<&Arc<FleetSpec>> {
        self.library.fleets.get(&self.fleet?)
    }

    /// Registered fleets and plans.
    pub const fn library(&self) -> &Library {
        &self.library
    }

    /// The end of the journal, as far as it is durable.
    pub const fn head(&self) -> &Head {
        &self.head
    }

    /// Whether the journal was read and the takeover is durable, so that commands are decided and steps handed out.
    pub const fn is_ready(&self) -> bool {
        self.is_ready
    }

    /// Whether everything that was decided is in the journal. Where it is not, a crash may make it undone, so nobody should
    /// be shown it; the store's answer is milliseconds away, or the disk is full.
    pub const fn is_durable(&self) -> bool {
        matches!(self.phase, Phase::Idle)
    }

    /// Whether the disk is full, so that nothing new starts.
    pub const fn is_disk_full(&self) -> bool {
        matches!(self.phase, Phase::Full { .. })
    }

    /// Why the loop has ended, if it has.
    pub const fn ended(&self) -> Option<&Ended> {
        match &self.phase {
            Phase::Ended(why) => Some(why),
            Phase::Unread { .. }
            | Phase::Loading
            | Phase::Idle
            | Phase::Committing(_)
            | Phase::Full { .. } => None,
        }
    }

    fn arrived(&mut self, now: Timestamp, arrival: Arrival, out: &mut Vec<Request>) {
        match arrival {
            Arrival::Loaded(loaded) => self.loaded(now, &loaded, out),
            Arrival::Appended { seq } => self.appended(seq, out),
            Arrival::AppendFailed { seq, why } => self.append_failed(now, seq, &why, out),
            Arrival::Commanded {
                ticket,
                actor,
                order,
            } => {
                self.inbox.commands.push_back(Asked {
                    ticket,
                    actor,
                    order,
                });
                if let Phase::Ended(_) = self.phase {
                    self.refuse_commands(out);
                }
            }
            Arrival::StepReported { intent, report } => {
                let happening = Happening::Report(intent, report);
                self.inbox.happenings.push_back(happening);
            }
            Arrival::Probed {
                host,
                probe,
                sample,
            } => self.watching.probed(now, host, probe, &sample),
            Arrival::BootSeen { host, boot } => {
                if self.watching.boot_seen(now, host, boot.as_deref()) {
                    self.inbox.happenings.push_back(Happening::Restarted(host));
                }
            }
            Arrival::CalendarTold {
                rollout,
                plan,
                calendar,
            } => {
                let told = calendar.map(|calendar| Happening::Calendar(rollout, plan, calendar));
                self.inbox.happenings.extend(told);
            }
            Arrival::GateTold {
                rollout,
                gate,
                answer,
            } => {
                let told = self.gates.told(now, &self.engine, (rollout, gate), answer);
                self.inbox.happenings.extend(told);
            }
            Arrival::Woken => {}
        }
    }

    /// The second half of [`step`](Self::step): goes on as far as it can without waiting.
    pub fn go_on(&mut self, out: &mut Vec<Request>) {
        let now = self.clock.now();
        self.watching.advance(now, out);
        if self.is_ready {
            let stale = self.gates.take_stale(now, &self.engine);
            self.inbox.happenings.extend(stale);
        }
        match &self.phase {
            Phase::Unread { at } if *at <= now => {
                self.phase = Phase::Loading;
                out.push(Request::Load);
            }
            Phase::Full { again, .. } if *again <= now => self.append_again(out),
            Phase::Unread { .. }
            | Phase::Loading
            | Phase::Idle
            | Phase::Committing(_)
            | Phase::Full { .. } => {}
            Phase::Ended(_) => return,
        }
        loop {
            self.decide(now, out);
            self.hand_out(now, out);
            // A step that is not handed out after all is reported to the engine at once.
            if !matches!(self.phase, Phase::Idle) || self.inbox.is_empty() {
                break;
            }
        }
        self.watching.advance(now, out);
        self.ask_for_calendars(now, out);
        if self.is_ready {
            self.gates.ask(now, &self.engine, self.config.watch, out);
        }
        self.wish(now, out);
    }

    /// Asks for the instants of rules about time: of every rollout once after each takeover, for the time zone database may
    /// be another one since, and again where they are wanted and did not come.
    fn ask_for_calendars(&mut self, now: Timestamp, out: &mut Vec<Request>) {
        if !self.is_ready {
            return;
        }
        let asked = &mut self.calendars_asked;
        for (rollout, plan) in self.engine.open_rollouts() {
            if !plan.has_rules() {
                continue;
            }
            let before = asked.get(&rollout).copied();
            let is_due = before
                .is_none_or(|at| at + CALENDAR_AGAIN <= now && self.engine.wants_calendar(rollout));
            if is_due {
                asked.insert(rollout, now);
                out.push(Request::Calendar {
                    rollout,
                    plan: Arc::clone(plan),
                    from: now,
                });
            }
        }
    }

    /// Asks to be woken when something is due, if that was not asked for already.
    fn wish(&mut self, now: Timestamp, out: &mut Vec<Request>) {
        let own = match &self.phase {
            Phase::Idle => {
                let alive = self.engine.soaking().then(|| self.alive_due());
                let again = self.calendars_asked.iter().filter_map(|(rollout, at)| {
                    let wanted = self.engine.wants_calendar(*rollout);
                    wanted.then_some(*at + CALENDAR_AGAIN)
                });
                let looked = self.look_at_due().filter(|_| self.is_ready);
                let due = self.engine.next_wake().into_iter().chain(alive);
                let due = due.chain(looked).min();
                due.into_iter().chain(again).min()
            }
            Phase::Full { again, .. } => Some(*again),
            Phase::Unread { at } => Some(*at),
            Phase::Loading | Phase::Committing(_) | Phase::Ended(_) => None,
        };
        let observed = self.watching.next().into_iter().chain(self.gates.next());
        let due = own.into_iter().chain(observed).min();
        if let Some(due) = due.filter(|due| *due != Timestamp::NEVER) {
            // What is due by now was done by now; should it still be wished for, it must not become a busy loop.
            let due = due.max(now + Span(1));
            if self.wake != Some(due) {
                self.wake = Some(due);
                out.push(Request::WakeAt(due));
            }
        }
    }

    /// Ends the loop.
    pub(crate) fn end(&mut self, why: Ended, out: &mut Vec<Request>) {
        self.is_ready = false;
        self.phase = Phase::Ended(why.clone());
        self.refuse_commands(out);
        out.push(Request::End(why));
    }
}
