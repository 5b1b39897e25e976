//! The task that owns the loop: it tells it what happened and carries out what it asks for.
//!
//! It makes no choices. Nothing here waits while the loop works: the store, the drivers and the probes have tasks of
//! their own whose results come back as arrivals. People come before results, so a halt is never behind a queue.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use ringway_engine::view::FleetView;
use ringway_engine::{Accepted, Command, Rejected};
use ringway_executor::Executor;
use ringway_executor::port::{Arrival, Ended, Order, Proposal, Request};
use ringway_model::{Actor, Timestamp};
use ringway_scheduler::plan::StepPlan;
use ringway_store::LoadFrom;
use tokio::sync::{mpsc, oneshot, watch};

use crate::clock::Clock;
use crate::inbox::{Given, Inbox};
use crate::keeper::Job;
use crate::probing::Probing;
use crate::stopfile::{EVERY as LOOK_FOR_STOP_EVERY, StopFile};
use crate::tidy::{EVERY as TIDY_EVERY, FIRST as TIDY_FIRST, Tidy};
use crate::workers::Workers;
use crate::zones;

/// The shortest time between two published views: what a person can see, and cheap enough to forget about.
const VIEW_EVERY: Duration = Duration::from_millis(50);

/// The most arrivals that are told in one go before people are listened to again.
const ARRIVALS_AT_ONCE: usize = 256;

/// The answer to a command.
pub(crate) type Answered = Result<Accepted, Rejected>;

/// A look at the state between two steps of the loop.
pub(crate) type Look = Box<dyn FnOnce(&Executor, Timestamp) + Send>;

/// Something a caller in this process or at the socket wants.
pub(crate) enum Call {
    /// A command, and where its answer goes.
    Order {
        actor: Actor,
        order: Order,
        reply: oneshot::Sender<Answered>,
    },
    /// A look at the state.
    Look(Look),
    /// An orderly end.
    Shutdown,
}

/// What the other tasks tell this one.
pub(crate) enum Told {
    /// Something happened.
    Arrival(Arrival),
    /// The store cannot be read, so there is nothing to go on from.
    Broken(Ended),
}

/// Why the task is over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Over {
    /// Somebody asked for it.
    Shutdown,
    /// The loop ended by itself.
    Ended(Ended),
}

/// Everything the task needs.
pub(crate) struct Decider {
    pub(crate) executor: Executor,
    pub(crate) clock: Arc<Clock>,
    pub(crate) calls: mpsc::Receiver<Call>,
    pub(crate) arrivals: mpsc::UnboundedReceiver<Told>,
    pub(crate) store: mpsc::UnboundedSender<Job>,
    pub(crate) workers: Workers,
    pub(crate) probing: Probing,
    pub(crate) tidy: Tidy,
    pub(crate) stop: StopFile,
    pub(crate) inbox: Inbox,
    /// Whether nothing is changed on hosts, which every view says.
    pub(crate) observing: bool,
    pub(crate) views: watch::Sender<Option<Arc<FleetView>>>,
}

/// Who waits for the answer to a command.
enum Asker {
    /// A caller in this process or at the socket.
    Caller(oneshot::Sender<Answered>),
    /// Nobody at the moment: it was left in the inbox.
    Inbox(Box<Given>),
}

/// What changes while the task runs.
struct Progress {
    callers: BTreeMap<u64, Asker>,
    next_ticket: u64,
    /// Looks that came before the journal was read.
    looks: Vec<Look>,
    /// Answers that were there at once, to be told after all that was asked for with them.
    found: VecDeque<Arrival>,
    wake: Option<Timestamp>,
    /// Batches that were given to the store and not answered yet.
    appends: u32,
    closing: bool,
    ended: Option<Ended>,
    /// Which database this is, once it was read.
    incarnation: Option<u64>,
    /// When a view was published last, and whether something has happened since.
    published: Instant,
    stale: bool,
}

impl Decider {
    /// Runs until it is asked to end or the loop ends.
    pub(crate) async fn run(mut self) -> Over {
        let mut progress = Progress {
            callers: BTreeMap::new(),
            next_ticket: 1,
            looks: Vec::new(),
            found: VecDeque::new(),
            wake: None,
            appends: 0,
            closing: false,
            ended: None,
            incarnation: None,
            published: Instant::now(),
            stale: true,
        };
        let mut stop_timer = tokio::time::interval(LOOK_FOR_STOP_EVERY);
        stop_timer.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let first = tokio::time::Instant::now() + TIDY_FIRST;
        let mut tidy_timer = tokio::time::interval_at(first, TIDY_EVERY);
        tidy_timer.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut arrived = Vec::with_capacity(ARRIVALS_AT_ONCE);
        // Before anything else: what waits in the data directory must be known before the first start, a stop first.
        self.obey_stop_file(&mut progress);
        let left = self.inbox.take_all();
        self.give(&mut progress, left);
        self.tell(&mut progress, Arrival::Woken);
        loop {
            if let Some(ended) = progress.ended.take() {
                return Over::Ended(ended);
            }
            if progress.closing && progress.appends == 0 {
                return Over::Shutdown;
            }
            let wake = progress.wake.map_or_else(
                || self.clock.longest_sleep(),
                |at| self.clock.sleep_until(at),
            );
            let publish = VIEW_EVERY.saturating_sub(progress.published.elapsed());
            tokio::select! {
                biased;
                call = self.calls.recv(), if !progress.closing => match call {
                    Some(call) => self.called(&mut progress, call),
                    None => progress.closing = true,
                },
                count = self.arrivals.recv_many(&mut arrived, ARRIVALS_AT_ONCE) => {
                    if count == 0 {
                        return Over::Shutdown;
                    }
                    for told in arrived.drain(..) {
                        match told {
                            Told::Arrival(arrival) => self.arrived(&mut progress, arrival),
                            Told::Broken(why) => progress.ended = Some(why),
                        }
                    }
                }
                () = tokio::time::sleep(publish), if progress.stale && self.is_shown() => {
                    self.publish(&mut progress);
                }
                _ = stop_timer.tick() => {
                    self.obey_stop_file(&mut progress);
                    self.take_inbox(&mut progress);
                }
                _ = tidy_timer.tick(), if self.executor.is_ready() => self.tidy_up(&progress),
                () = self.workers.stop_seen() => self.obey_stop_file(&mut progress),
                () = tokio::time::sleep(wake), if !progress.closing => {
                    self.tell(&mut progress, Arrival::Woken);
                }
            }
        }
    }

    fn tidy_up(&self, progress: &Progress) {
        let engine = self.executor.engine();
        if let (Some(fleet), Some(plan), Some(incarnation)) = (
            self.executor.fleet(),
            engine.newest_plan(),
            progress.incarnation,
        ) {
            self.tidy.up(fleet, plan, incarnation, engine.outstanding());
        }
    }

    fn called(&mut self, progress: &mut Progress, call: Call) {
        match call {
            Call::Order {
                actor,
                order,
                reply,
            } => {
                self.ask(progress, Asker::Caller(reply), actor, order);
            }
            Call::Look(look) => {
                if self.is_shown() {
                    look(&self.executor, self.clock.now());
                } else {
                    progress.looks.push(look);
                }
            }
            Call::Shutdown => progress.closing = true,
        }
    }

    /// Gives a command to the loop.
    fn ask(&mut self, progress: &mut Progress, asker: Asker, actor: Actor, order: Order) {
        if matches!(order, Order::Command(Command::Go { .. })) && self.stop.is_there() {
            self.answer(asker, Err(stopped_by_file()));
            return;
        }
        let proposal = match &order {
            Order::Propose(proposal) => Some(&**proposal),
            Order::Supersede(supersession) => Some(&supersession.proposal),
            Order::Refresh(_) | Order::Command(_) | Order::HandIn(_) => None,
        };
        if let Some(proposal) = proposal {
            if self.observing && has_handwork(proposal) {
                self.answer(asker, Err(not_observed()));
                return;
            }
            self.workers.remember(proposal);
        }
        let ticket = progress.next_ticket;
        progress.next_ticket += 1;
        progress.callers.insert(ticket, asker);
        self.tell(
            progress,
            Arrival::Commanded {
                ticket,
                actor,
                order,
            },
        );
    }

    fn answer(&mut self, asker: Asker, answer: Answered) {
        match asker {
            // The caller may be gone; what it asked for is done all the same.
            Asker::Caller(caller) => drop(caller.send(answer)),
            Asker::Inbox(given) => self.inbox.answered(&given, answer),
        }
    }

    /// Gives the loop what people left while this process was about to start, or since.
    fn take_inbox(&mut self, progress: &mut Progress) {
        if !progress.closing {
            let left = self.inbox.take();
            self.give(progress, left);
        }
    }

    fn give(&mut self, progress: &mut Progress, left: Vec<Given>) {
        for given in left {
            let (actor, order) = (given.actor.clone(), given.order.clone());
            self.ask(progress, Asker::Inbox(Box::new(given)), actor, order);
        }
    }

    fn arrived(&mut self, progress: &mut Progress, arrival: Arrival) {
        let from_store = matches!(
            arrival,
            Arrival::Appended { .. } | Arrival::AppendFailed { .. }
        );
        if let Arrival::Loaded(loaded) = &arrival {
            progress.incarnation = Some(loaded.incarnation);
        }
        if let Arrival::StepReported { intent, .. } = &arrival {
            self.workers.reported(*intent);
        }
        if from_store {
            progress.appends = progress.appends.saturating_sub(1);
        }
        // On the way out only the store's answers count. Everything else is found again by the next process, by
        // re-attaching.
        if !progress.closing || from_store {
            self.tell(progress, arrival);
        }
    }

    fn tell(&mut self, progress: &mut Progress, arrival: Arrival) {
        progress.found.push_back(arrival);
        while let Some(arrival) = progress.found.pop_front() {
            let mut requests = Vec::new();
            self.executor
                .hear(self.clock.turn(), arrival, &mut requests);
            progress.stale = true;
            for request in requests.drain(..) {
                self.carry_out(progress, request);
            }
            // What is decided next is not durable at once, so the state is shown before.
            self.show(progress);
            self.executor.go_on(&mut requests);
            progress.stale = true;
            for request in requests {
                self.carry_out(progress, request);
            }
        }
        self.show(progress);
    }

    /// Whether the state may be shown: a crash must not undo what somebody has seen. A full disk is no reason to keep people
    /// waiting, and what is shown then is decided again after a crash.
    fn is_shown(&self) -> bool {
        self.executor.is_ready() && (self.executor.is_durable() || self.executor.is_disk_full())
    }

    /// Shows the state, where it may be, to those who asked for it and, where the last view is old enough, to those who follow.
    fn show(&mut self, progress: &mut Progress) {
        if !self.is_shown() {
            return;
        }
        for look in std::mem::take(&mut progress.looks) {
            look(&self.executor, self.clock.now());
        }
        if progress.published.elapsed() >= VIEW_EVERY {
            self.publish(progress);
        }
    }

    #[expect(clippy::too_many_lines, reason = "it is read as one list")]
    fn carry_out(&mut self, progress: &mut Progress, request: Request) {
        match request {
            Request::Load => self.keep(Job::Load(LoadFrom::Snapshot)),
            Request::LoadAll => {
                tracing::warn!(
                    "the last snapshot does not read; the journal is read from its first row"
                );
                self.keep(Job::Load(LoadFrom::FirstRow));
            }
            Request::Append {
                row,
                blobs,
                notices,
            } => {
                progress.appends += 1;
                self.keep(Job::Append {
                    row,
                    blobs,
                    notices,
                });
            }
            Request::KeepSnapshot(snapshot) => self.keep(Job::KeepSnapshot(snapshot)),
            // On the way out nothing new starts; its intent is durable, and the next process finds it never begun.
            Request::Start(start) => {
                if !progress.closing {
                    self.workers.start(start);
                }
            }
            Request::Withdraw(intent) => self.workers.withdraw(intent),
            Request::Probe { host, probe } => {
                let plan = self.executor.engine().newest_plan().map(Arc::clone);
                if let Some(fleet) = self.executor.fleet() {
                    self.probing.ask(Arc::clone(fleet), host, probe, plan);
                }
            }
            Request::SeeBoot { host, plan, route } => {
                if let Some(fleet) = self.executor.fleet() {
                    self.probing.see_boot(Arc::clone(fleet), host, plan, route);
                }
            }
            Request::Calendar {
                rollout,
                plan,
                from,
            } => {
                let calendar = zones::calendar(&plan, from);
                let calendar = calendar.map_err(|why| {
                    tracing::error!("when {rollout} may work is not known: {why}");
                });
                let calendar = calendar.ok().map(Box::new);
                let told = Arrival::CalendarTold {
                    rollout,
                    plan,
                    calendar,
                };
                progress.found.push_back(told);
            }
            Request::AskGate {
                rollout,
                gate,
                plan,
                ring,
                change,
            } => {
                let change = change.map(|change| change.to_string());
                self.probing.ask_gate(rollout, gate, plan, (ring, change));
            }
            Request::WakeAt(at) => progress.wake = Some(at),
            Request::Reply { ticket, answer } => {
                if let Some(caller) = progress.callers.remove(&ticket) {
                    // Whoever follows after the answer must not be shown what was so before it.
                    if self.is_shown() {
                        self.publish(progress);
                    }
                    self.answer(caller, answer);
                }
            }
            Request::End(ended) => progress.ended = Some(ended),
        }
    }

    fn keep(&self, job: Job) {
        // The store's task ends only after this one; a send that fails means that it broke, and then this task is
        // aborted with it.
        drop(self.store.send(job));
    }

    /// Stops the fleet where the file asks for it and the fleet is not stopped.
    fn obey_stop_file(&mut self, progress: &mut Progress) {
        let Some(wish) = self.stop.wish() else { return };
        let stopped = self.executor.is_ready()
            && self
                .executor
                .engine()
                .view(self.clock.now())
                .stopped
                .is_some();
        if stopped || progress.closing {
            return;
        }
        let ticket = progress.next_ticket;
        progress.next_ticket += 1;
        let order = Order::Command(Command::Stop {
            reason: wish.reason,
        });
        self.tell(
            progress,
            Arrival::Commanded {
                ticket,
                actor: wish.actor,
                order,
            },
        );
    }

    fn publish(&mut self, progress: &mut Progress) {
        progress.published = Instant::now();
        progress.stale = false;
        if self.executor.is_ready() {
            let mut view = self.executor.engine().view(self.clock.now());
            view.observing = self.observing;
            self.views.send_replace(Some(Arc::new(view)));
        }
    }
}

/// Whether somebody is to work on hosts by hand.
fn has_handwork(proposal: &Proposal) -> bool {
    let mut steps = proposal.plan.routes.iter().flat_map(|route| &route.steps);
    steps.any(StepPlan::is_by_hand)
}

fn not_observed() -> Rejected {
    Rejected {
        code: "not-supported".to_owned(),
        why: "work that a person does by hand cannot be observed".to_owned(),
        hint: Some("`ringway run --observe` counts such work as done: propose its plan".to_owned()),
    }
}

fn stopped_by_file() -> Rejected {
    Rejected {
        code: "stop-file".to_owned(),
        why: "the file STOP is in the data directory".to_owned(),
        hint: Some("remove it, then say `go` again".to_owned()),
    }
}
