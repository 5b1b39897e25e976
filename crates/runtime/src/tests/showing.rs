//! What people are shown is durable: a crash never takes back what somebody has seen.

use std::sync::Arc;
use std::time::Duration;

use ringway_executor::port::{AppendFailure, Arrival, Loaded, Row};
use ringway_executor::{Config, Executor};
use ringway_model::{Actor, Epoch};
use ringway_store::Store;
use tokio::sync::{mpsc, watch};

use super::doubles::{Double, Everybody, Nothing, ended, proposal};
use crate::caller::Caller;
use crate::clock::Clock;
use crate::decider::{Decider, Told};
use crate::identify::Identify;
use crate::inbox::Inbox;
use crate::keeper::Job;
use crate::probing::Probing;
use crate::stopfile::StopFile;
use crate::tidy::Tidy;
use crate::workers::{Tasks, Workers};

/// A decider whose store answers when the test says so.
struct Stage {
    caller: Caller,
    jobs: mpsc::UnboundedReceiver<Job>,
    told: mpsc::UnboundedSender<Told>,
    data: tempfile::TempDir,
}

impl Stage {
    /// It has read its journal, which is empty, and its takeover is durable.
    async fn new() -> Self {
        let data = tempfile::tempdir().unwrap();
        let driver = Double::steps(|_, _| (Duration::ZERO, ended("1")));
        let (told, arrivals) = mpsc::unbounded_channel();
        let (store, jobs) = mpsc::unbounded_channel();
        let (calls_in, calls) = mpsc::channel(16);
        let (views_in, views) = watch::channel(None);
        let tasks = Tasks::default();
        let everybody: Arc<dyn Identify> = Arc::new(Everybody);
        let stop = StopFile::new(data.path(), Arc::clone(&everybody));
        let workers = Workers::new(
            Arc::clone(&driver) as _,
            Arc::new(Nothing) as Arc<dyn Store>,
            stop.clone(),
            told.clone(),
            tasks.clone(),
            false,
        );
        let boots = workers.boots();
        let probing = Probing::new(
            Arc::clone(&driver) as _,
            told.clone(),
            tasks.clone(),
            boots.clone(),
        );
        let decider = Decider {
            executor: Executor::new(Config::default()),
            clock: Arc::new(Clock::default()),
            calls,
            arrivals,
            store,
            workers,
            probing,
            tidy: Tidy::new(driver, tasks, boots),
            stop,
            inbox: Inbox::new(data.path(), everybody),
            observing: false,
            views: views_in,
        };
        tokio::spawn(decider.run());
        let mut stage = Self {
            caller: Caller::new(calls_in, views, false),
            jobs,
            told,
            data,
        };
        assert!(matches!(stage.jobs.recv().await, Some(Job::Load(_))));
        let loaded = Loaded {
            incarnation: 1,
            epoch: Epoch(1),
            ..Loaded::default()
        };
        stage.tell(Arrival::Loaded(Box::new(loaded)));
        let takeover = stage.appended().await;
        stage.tell(Arrival::Appended { seq: takeover.seq });
        stage
    }

    fn tell(&self, arrival: Arrival) {
        self.told.send(Told::Arrival(arrival)).unwrap();
    }

    /// The next batch that is to be made durable.
    async fn appended(&mut self) -> Row {
        loop {
            match self.jobs.recv().await {
                Some(Job::Append { row, .. }) => return row,
                Some(Job::Load(_) | Job::KeepSnapshot(_)) => {}
                None => panic!("the decider has ended"),
            }
        }
    }

    fn propose(&self) {
        let (caller, proposal) = (self.caller.clone(), proposal(2, self.data.path()));
        tokio::spawn(async move { caller.propose(Actor("ana".to_owned()), proposal).await });
    }
}

/// Long enough for everything that does not wait for the store, on a clock that goes on when everybody waits.
const LONG: Duration = Duration::from_secs(30);

#[tokio::test(start_paused = true)]
async fn what_is_not_durable_yet_is_shown_to_nobody() {
    let mut stage = Stage::new().await;
    let mut views = stage.caller.follow();
    assert!(views.next().await.unwrap().rollouts.is_empty());
    stage.propose();
    let row = stage.appended().await;
    let caller = stage.caller.clone();
    let asked = tokio::spawn(async move { caller.view().await });
    let followed = tokio::time::timeout(LONG, async {
        while views.next().await.unwrap().rollouts.is_empty() {}
    });
    assert!(followed.await.is_err(), "shown before it is durable");
    assert!(!asked.is_finished(), "told before it is durable");

    stage.tell(Arrival::Appended { seq: row.seq });
    assert_eq!(asked.await.unwrap().unwrap().rollouts.len(), 1);
    while views.next().await.unwrap().rollouts.is_empty() {}
}

/// A full disk may last for days, and people must see that it is full.
#[tokio::test(start_paused = true)]
async fn a_full_disk_keeps_nobody_waiting() {
    let mut stage = Stage::new().await;
    stage.propose();
    let row = stage.appended().await;
    let full = Arrival::AppendFailed {
        seq: row.seq,
        why: AppendFailure::DiskFull,
    };
    stage.tell(full);
    let asked = tokio::time::timeout(LONG, stage.caller.view()).await;
    assert_eq!(asked.unwrap().unwrap().rollouts.len(), 1);
}
