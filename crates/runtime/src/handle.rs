//! Starting the runtime, and ending it.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use ringway_drivers::{Driver, LocalDriver};
use ringway_executor::{Config as ExecutorConfig, Executor};
use ringway_store::{OpenError, SqliteStore, Store};
use tokio::sync::{Notify, mpsc, watch};
use tokio::task::JoinHandle;

use crate::caller::Caller;
use crate::clock::Clock;
use crate::decider::{Decider, Over};
use crate::identify::Identify;
use crate::inbox::Inbox;
use crate::keeper::Job;
use crate::observing::{self, Mixed, Observing};
use crate::probing::Probing;
use crate::socket::{Door, serve};
use crate::stopfile::StopFile;
use crate::telling::Teller;
use crate::tidy::Tidy;
use crate::workers::Workers;
use crate::{keeper, workers};

/// Calls that wait for the decider before a caller has to.
const CALLS_WAITING: usize = 256;

/// How long an end in order waits for messages to be delivered: longer than a chat takes, shorter than people wait.
const LAST_WORDS: Duration = Duration::from_secs(10);

/// What a runtime is started with.
#[derive(Clone)]
pub struct Config {
    /// The data directory: journal, control socket, run directories. Made where there is none.
    pub data: PathBuf,
    /// Steps at once.
    pub workers: u32,
    /// Who a user id is.
    pub identify: Arc<dyn Identify>,
    /// Whether hosts are only looked at: inspected, checked and probed, and never changed. Needs a data directory of its
    /// own.
    pub observe: bool,
    /// What time it is.
    pub clock: Arc<Clock>,
}

/// Why a runtime did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The data directory cannot be used, for one because another process holds it.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The journal in the data directory is of the other kind of run.
    #[error(transparent)]
    Mixed(#[from] Mixed),
    /// The driver cannot work here.
    #[error("find the current directory")]
    Driver(#[source] std::io::Error),
    /// The control socket cannot be made.
    #[error("make the control socket in `{}`", data.display())]
    Socket {
        /// The data directory.
        data: PathBuf,
        /// What the operating system says.
        source: std::io::Error,
    },
}

/// A fleet that is being decided over by this process.
pub struct Runtime {
    caller: Caller,
    decider: JoinHandle<Over>,
    keeper: JoinHandle<()>,
    door: JoinHandle<()>,
    teller: JoinHandle<()>,
    /// Tells the teller that it is about to end.
    ending: Arc<Notify>,
    /// While it is there, the store stays open.
    jobs: mpsc::UnboundedSender<Job>,
    tasks: workers::Tasks,
}

impl Runtime {
    /// Takes the data directory's fleet over and goes on with what its journal says.
    ///
    /// # Errors
    ///
    /// The data directory is held by another process or cannot be used, or the control socket cannot be made. Nothing
    /// was started then.
    pub async fn start(config: Config) -> Result<Self, StartError> {
        let local = LocalDriver::new(&config.data).map_err(StartError::Driver)?;
        Self::start_with(config, Arc::new(local)).await
    }

    /// The same, with steps carried to hosts by this driver.
    ///
    /// # Errors
    ///
    /// As [`Runtime::start`].
    #[expect(
        clippy::too_many_lines,
        reason = "the order in which parts are started matters and is read as one"
    )]
    pub async fn start_with(config: Config, driver: Arc<dyn Driver>) -> Result<Self, StartError> {
        observing::mark(&config.data, config.observe)?;
        let driver: Arc<dyn Driver> = if config.observe {
            Arc::new(Observing::new(driver))
        } else {
            driver
        };
        let store: Arc<dyn Store> = Arc::new(SqliteStore::open(&config.data).await?);
        let socket = |source| StartError::Socket {
            data: config.data.clone(),
            source,
        };
        let door = Door::open(&config.data).map_err(socket)?;
        let (calls_in, calls) = mpsc::channel(CALLS_WAITING);
        let (told_in, arrivals) = mpsc::unbounded_channel();
        let (jobs_in, jobs) = mpsc::unbounded_channel();
        let (views_in, views) = watch::channel(None);
        let tasks = workers::Tasks::default();
        let stop = StopFile::new(&config.data, Arc::clone(&config.identify));
        let workers = Workers::new(
            Arc::clone(&driver),
            Arc::clone(&store),
            stop.clone(),
            told_in.clone(),
            tasks.clone(),
            config.observe,
        );
        let (clock, outbox) = (Arc::clone(&config.clock), Arc::new(Notify::new()));
        let ending = Arc::new(Notify::new());
        let teller = Teller {
            store: Arc::clone(&store),
            clock: Arc::clone(&clock),
            boots: workers.boots(),
            outbox: Arc::clone(&outbox),
            ending: Arc::clone(&ending),
            observing: config.observe,
        };
        let decider = Decider {
            executor: Executor::new(ExecutorConfig {
                workers: config.workers,
                ..ExecutorConfig::default()
            }),
            clock,
            calls,
            arrivals,
            store: jobs_in.clone(),
            probing: Probing::new(
                Arc::clone(&driver),
                told_in.clone(),
                tasks.clone(),
                workers.boots(),
            ),
            tidy: Tidy::new(driver, tasks.clone(), workers.boots()),
            workers,
            stop,
            inbox: Inbox::new(&config.data, Arc::clone(&config.identify)),
            observing: config.observe,
            views: views_in,
        };
        let caller = Caller::new(calls_in, views, config.observe);
        Ok(Self {
            keeper: tokio::spawn(keeper::run(store, jobs, told_in, outbox)),
            teller: tokio::spawn(teller.run()),
            ending,
            jobs: jobs_in,
            decider: tokio::spawn(decider.run()),
            door: tokio::spawn(serve(door, caller.clone(), config.identify)),
            caller,
            tasks,
        })
    }

    /// To ask it.
    pub const fn caller(&self) -> &Caller {
        &self.caller
    }

    /// Waits until the decider ends by itself.
    pub async fn ended(&mut self) -> Over {
        (&mut self.decider).await.unwrap_or(Over::Shutdown)
    }

    /// Ends in order: everything decided is durable and answered, and nothing new starts. Steps that run go on in their
    /// envelopes, and the next process finds them.
    pub async fn shutdown(mut self) -> Over {
        self.caller.shutdown().await;
        let over = (&mut self.decider).await.unwrap_or(Over::Shutdown);
        self.shut_door().await;
        self.tell_the_last().await;
        self.tasks.end_all().await;
        // The store's task ends when the last one who could give it a job is gone.
        drop((&mut self.keeper).await);
        over
    }

    /// Tells what is to be told of what was decided last, for a bounded time; the rest is told by the next process.
    async fn tell_the_last(&mut self) {
        self.ending.notify_one();
        drop(tokio::time::timeout(LAST_WORDS, &mut self.teller).await);
        self.teller.abort();
        // The store's task ends when nobody can give it a job any more.
        let (nobody, _) = mpsc::unbounded_channel();
        self.jobs = nobody;
    }

    /// Nobody is told anything any more; what was on its way is told again by the next process.
    async fn silence(&mut self) {
        self.teller.abort();
        drop((&mut self.teller).await);
    }

    /// Nobody is let in any more once this is over: whoever comes later is told that nobody is there.
    async fn shut_door(&mut self) {
        self.door.abort();
        drop((&mut self.door).await);
    }

    /// Ends at once, as a crash would: whatever was on its way is lost, and the next process finds it.
    pub async fn kill(mut self) {
        self.decider.abort();
        self.shut_door().await;
        self.silence().await;
        self.tasks.abort_all();
        self.keeper.abort();
        // Only to know that the data directory is free again.
        drop((&mut self.decider).await);
        self.tasks.end_all().await;
        drop((&mut self.keeper).await);
    }
}

impl Drop for Runtime {
    fn drop(&mut self) {
        self.decider.abort();
        self.door.abort();
        self.teller.abort();
        self.keeper.abort();
        self.tasks.abort_all();
    }
}
