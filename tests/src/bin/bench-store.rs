//! The whole loop with null workers on the real store: 100,000 hosts through the journal in SQLite (`synchronous=FULL`),
//! and the recovery from that journal.
//!
//! Every batch is durable before its steps are handed out, as in the product; a step's result comes back at once.
//! Recovery is timed from opening the database to an engine that decides, by a fold of all rows (no snapshot).
#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]
#![expect(clippy::cast_precision_loss, reason = "figures are far below 2^52")]

use std::collections::VecDeque;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use ringway_executor::port::{Arrival, Order, Proposal, Request};
use ringway_executor::{Config, Executor};
use ringway_model::{Actor, RawReport, Timestamp};
use ringway_store::{LoadFrom, Reader, SqliteStore, Store};
use ringway_tests::big::{self, cpu_seconds};

const HOSTS: u32 = 100_000;
const GROUPS: u16 = 1_000;
const AT_ONCE: u32 = 8_000;

fn main() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let directory = tempfile::Builder::new()
        .prefix("bench-store")
        .tempdir_in(".")
        .expect("a directory here");
    let data = directory.path().join("data");
    runtime.block_on(run(&data));
    runtime.block_on(recover(&data));
}

async fn run(data: &Path) {
    let store = SqliteStore::open(data).await.expect("a new data directory");
    let fleet = Arc::new(big::fleet(HOSTS, GROUPS));
    let plan = Arc::new(big::plan(fleet.encode().0, HOSTS, GROUPS, AT_ONCE));
    let mut driver = Driver::new(&store);
    driver.step(Arrival::Woken).await;
    let proposal = Proposal {
        fleet,
        plan,
        documents: Vec::new(),
        key: None,
        change: None,
        reason: None,
    };
    let order = Order::Propose(Box::new(proposal));
    let (began, cpu) = (Instant::now(), cpu_seconds());
    driver
        .step(Arrival::Commanded {
            ticket: 1,
            actor: Actor("bench".into()),
            order,
        })
        .await;
    let (wall, cpu) = (began.elapsed().as_secs_f64(), cpu_seconds() - cpu);
    let view = driver.executor.engine().view(driver.now);
    assert_eq!(
        view.rollouts[0].state, "completed",
        "the benchmark must have done its work"
    );
    let (transitions, rows, bytes) = (driver.results as f64, driver.rows, driver.bytes);
    println!(
        "| hosts | transitions | batches | journal MB | wall s | CPU s | transitions/s (wall) | in the store |"
    );
    println!("| ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |");
    println!(
        "| {HOSTS} | {transitions} | {rows} | {:.1} | {wall:.2} | {cpu:.2} | {:.0} | {:.0} % |",
        bytes as f64 / 1e6,
        transitions / wall,
        driver.storing / wall * 100.0
    );
    store.close().await;
}

async fn recover(data: &Path) {
    let began = Instant::now();
    let store = SqliteStore::open(data).await.expect("the data directory");
    let opened = began.elapsed().as_secs_f64();
    let mut driver = Driver::new(&store);
    driver.from = LoadFrom::FirstRow;
    driver.step(Arrival::Woken).await;
    assert!(driver.executor.is_ready(), "recovery must have ended");
    let all = began.elapsed().as_secs_f64();
    println!();
    println!(
        "recovery of that journal: {all:.2} s, of which opening {opened:.2} s and reading {:.2} s",
        driver.loading
    );
}

/// Carries out what the loop asks for, at once.
struct Driver<'s> {
    executor: Executor,
    store: &'s SqliteStore,
    from: LoadFrom,
    now: Timestamp,
    arrivals: VecDeque<Arrival>,
    results: u64,
    rows: u64,
    bytes: usize,
    storing: f64,
    loading: f64,
}

impl<'s> Driver<'s> {
    fn new(store: &'s SqliteStore) -> Self {
        Self {
            executor: Executor::new(Config {
                workers: AT_ONCE,
                ..Config::default()
            }),
            store,
            from: LoadFrom::Snapshot,
            now: Timestamp(1_800_000_000_000),
            arrivals: VecDeque::new(),
            results: 0,
            rows: 0,
            bytes: 0,
            storing: 0.0,
            loading: 0.0,
        }
    }

    /// Hands the loop one arrival, and everything that follows from it.
    async fn step(&mut self, arrival: Arrival) {
        let mut requests = Vec::new();
        self.arrivals.push_back(arrival);
        while let Some(arrival) = self.arrivals.pop_front() {
            self.executor.step(self.now, arrival, &mut requests);
            for request in requests.drain(..) {
                self.carry_out(request).await;
            }
        }
    }

    async fn carry_out(&mut self, request: Request) {
        let began = Instant::now();
        match request {
            Request::Load => {
                let loaded = self.store.load(self.from).await.expect("the journal reads");
                self.loading += began.elapsed().as_secs_f64();
                self.arrivals.push_back(Arrival::Loaded(Box::new(loaded)));
            }
            Request::LoadAll => panic!("the snapshot does not read"),
            Request::Append {
                row,
                blobs,
                notices,
            } => {
                let seq = row.seq;
                self.rows += 1;
                self.bytes += row.body.len();
                self.store
                    .append_and_tell(&[row], &blobs, &notices)
                    .await
                    .expect("the batch is durable");
                self.storing += began.elapsed().as_secs_f64();
                // What was on its way when the batch was decided arrives before the news that it is durable.
                self.arrivals.push_back(Arrival::Appended { seq });
            }
            Request::Start(start) => {
                self.results += 1;
                let output = if start.position == 0 { "old" } else { "" };
                let report = RawReport::Ended {
                    exit: 0,
                    output: output.into(),
                    restarts: 0,
                };
                self.arrivals.push_back(Arrival::StepReported {
                    intent: start.intent,
                    report,
                });
            }
            Request::Reply { answer, .. } => {
                answer.expect("the proposal is taken");
            }
            Request::KeepSnapshot(snapshot) => {
                self.store
                    .keep_snapshot(&snapshot)
                    .await
                    .expect("the snapshot is kept");
                self.storing += began.elapsed().as_secs_f64();
            }
            Request::End(ended) => panic!("the loop ended: {ended}"),
            Request::Withdraw(_)
            | Request::Probe { .. }
            | Request::SeeBoot { .. }
            | Request::Calendar { .. }
            | Request::AskGate { .. }
            | Request::WakeAt(_) => {}
        }
    }
}
