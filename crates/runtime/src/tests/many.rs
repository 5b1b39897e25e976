//! Two thousand hosts of which five hundred cannot be reached: the loop and the workers together, on a clock that jumps.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use ringway_drivers::{Driver, StepRequest};
use ringway_executor::port::{Arrival, Loaded, Order, Proposal, Request};
use ringway_executor::{Config, Executor};
use ringway_model::{Actor, Epoch, RawReport, StepKind, Timestamp};
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::doubles::{Double, Everybody, Nothing, ended, proposal, unreachable};
use crate::decider::Told;
use crate::stopfile::StopFile;
use crate::workers::{Tasks, Workers};

const HOSTS: usize = 2000;
const AWAY: usize = 500;
/// How long a connection to a host that is away takes to fail.
const CONNECT: Duration = Duration::from_secs(10);
const STEP: Duration = Duration::from_secs(1);

/// The loop with real workers, and nothing in between but a store that is quick.
struct Shell {
    executor: Executor,
    workers: Workers,
    arrivals: mpsc::UnboundedReceiver<Told>,
    waiting: Vec<Arrival>,
    began: Instant,
    wake: Option<Timestamp>,
    /// The most steps that were out at once, and the longest queue of arrivals.
    out: (usize, usize),
    longest: usize,
}

impl Shell {
    fn new(driver: Arc<Double>, data: &Path) -> Self {
        let (told, arrivals) = mpsc::unbounded_channel();
        let workers = Workers::new(
            driver as Arc<dyn Driver>,
            Arc::new(Nothing),
            StopFile::new(data, Arc::new(Everybody)),
            told,
            Tasks::default(),
            false,
        );
        Self {
            executor: Executor::new(Config::default()),
            workers,
            arrivals,
            waiting: vec![Arrival::Woken],
            began: Instant::now(),
            wake: None,
            out: (0, 0),
            longest: 0,
        }
    }

    fn now(&self) -> Timestamp {
        let since = i64::try_from(self.began.elapsed().as_millis()).unwrap();
        Timestamp(1_776_186_000_000 + since)
    }

    fn turn(&mut self) {
        while !self.waiting.is_empty() {
            for arrival in std::mem::take(&mut self.waiting) {
                let (now, mut requests) = (self.now(), Vec::new());
                self.executor.step(now, arrival, &mut requests);
                for request in requests {
                    self.carry_out(request);
                }
            }
        }
    }

    fn carry_out(&mut self, request: Request) {
        match request {
            Request::Load | Request::LoadAll => {
                let loaded = Loaded {
                    incarnation: 1,
                    epoch: Epoch(1),
                    ..Loaded::default()
                };
                self.waiting.push(Arrival::Loaded(Box::new(loaded)));
            }
            Request::Append { row, .. } => self.waiting.push(Arrival::Appended { seq: row.seq }),
            Request::Start(start) => {
                self.out.0 += 1;
                self.out.1 = self.out.1.max(self.out.0);
                self.workers.start(start);
            }
            Request::Withdraw(intent) => self.workers.withdraw(intent),
            Request::WakeAt(at) => self.wake = Some(at),
            Request::Reply { answer, .. } => assert!(answer.is_ok(), "{answer:?}"),
            Request::End(why) => panic!("{why}"),
            Request::KeepSnapshot(_)
            | Request::Probe { .. }
            | Request::SeeBoot { .. }
            | Request::Calendar { .. }
            | Request::AskGate { .. } => {}
        }
    }

    fn propose(&mut self, proposal: Proposal) {
        self.turn();
        self.workers.remember(&proposal);
        self.waiting.push(Arrival::Commanded {
            ticket: 1,
            actor: Actor("ana".to_owned()),
            order: Order::Propose(Box::new(proposal)),
        });
        self.turn();
    }

    /// Goes on until the ring is as asked for.
    async fn until(&mut self, wanted: impl Fn(u32, u32) -> bool) {
        loop {
            let view = self.executor.engine().view(self.now());
            let ring = &view.rollouts[0].rings[0];
            if wanted(ring.done, ring.debt) {
                return;
            }
            let wait = self.wake.map_or(Duration::from_hours(1), |at| {
                Duration::from_millis(at.since(self.now()).millis())
            });
            tokio::select! {
                told = self.arrivals.recv() => {
                    let mut all = vec![told.expect("workers are there")];
                    while let Ok(more) = self.arrivals.try_recv() {
                        all.push(more);
                    }
                    self.longest = self.longest.max(all.len());
                    for told in all {
                        if let Told::Arrival(arrival) = told {
                            if let Arrival::StepReported { intent, .. } = &arrival {
                                self.workers.reported(*intent);
                                self.out.0 -= 1;
                            }
                            self.waiting.push(arrival);
                        }
                    }
                }
                () = tokio::time::sleep(wait) => self.waiting.push(Arrival::Woken),
            }
            self.turn();
        }
    }
}

fn is_away(step: &StepRequest) -> bool {
    let host: usize = step.reach.host[1..].parse().unwrap();
    host.is_multiple_of(HOSTS / AWAY)
}

fn good(step: &StepRequest) -> RawReport {
    match step.kind {
        StepKind::Precheck => ended("5"),
        StepKind::Apply => ended("installed"),
        StepKind::Verify => ended("fine"),
        StepKind::Reboot => RawReport::Ended {
            exit: 0,
            output: String::new(),
            restarts: 2,
        },
        StepKind::Inspect
        | StepKind::Drain
        | StepKind::Rollback
        | StepKind::CareVerify
        | StepKind::Undrain
        | StepKind::Ready
        | StepKind::Last
        | StepKind::Silence
        | StepKind::Stage
        | StepKind::Recovery
        | StepKind::Protect
        | StepKind::Unprotect
        | StepKind::Unsilence => ended("1"),
    }
}

/// Each host that is away costs a worker for as long as a connection takes to fail, and nobody anything else.
#[tokio::test(start_paused = true)]
async fn the_rest_proceeds_while_five_hundred_hosts_cannot_be_reached() {
    let data = tempfile::tempdir().unwrap();
    let driver = Double::steps(|_, step| {
        if is_away(step) {
            (CONNECT, unreachable())
        } else {
            (STEP, good(step))
        }
    });
    let mut shell = Shell::new(Arc::clone(&driver), data.path());
    shell.propose(proposal(HOSTS, data.path()));
    let here = u32::try_from(HOSTS - AWAY).unwrap();
    shell.until(|done, _| done == here).await;
    let took = shell.began.elapsed();
    // 64 at once: 500 failed connections and 1500 visits of seven steps, with the ramp's beginning.
    let busy = CONNECT * u32::try_from(AWAY).unwrap() + STEP * 7 * here;
    let least = busy / 64;
    assert!(took < least * 3 / 2, "{took:?}, at least {least:?}");
    assert!(shell.out.1 <= 64, "{} steps out at once", shell.out.1);
    assert!(shell.longest <= 64, "{} results waiting", shell.longest);
    assert!(driver.most.load(Ordering::Relaxed) <= 64);
    shell.until(|_, debt| debt as usize == AWAY).await;
    // Each was tried once until now, and its last word says why.
    let tried = driver
        .log()
        .iter()
        .filter(|line| line.ends_with("inspect"))
        .count();
    assert_eq!(tried, HOSTS);
    let words = shell.executor.host_views("h0");
    let word = words[0].last_word.as_ref().expect("it was not reached");
    assert_eq!(
        (word.step, word.text.as_str()),
        (StepKind::Inspect, "no route to host")
    );
    assert_eq!(shell.executor.host_views("h1")[0].last_word, None);
}
