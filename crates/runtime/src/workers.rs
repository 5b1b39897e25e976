//! Runs steps: one task for each, through the driver that reaches its host.
//!
//! How many run at once is the loop's decision, so there is no queue here in which a step could wait past a halt. A
//! worker looks for the stop file once more before a step that may disturb a host, and takes back what may not begin.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ringway_drivers::{Driver, RebootRequest, StepRequest, Withdraw, Withdrawal, withdrawal};
use ringway_executor::port::{Arrival, Proposal, Start};
use ringway_model::{Digest, IntentId, Place, RawReport, Span};
use ringway_scheduler::Plan;
use ringway_scheduler::plan::{More, StepPlan};
use ringway_store::Store;
use tokio::sync::{Notify, mpsc};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::Instant;

use crate::decider::Told;
use crate::observing;
use crate::stopfile::StopFile;
use crate::values;

/// The key under which a plan names, by its digest, the registered text that is the directory its commands run in.
pub const DIRECTORY: &str = "directory";

/// Bytes of the end of a step's output that are reported and journaled: enough for an error message with its context,
/// little enough that a fleet that fails everywhere does not fill the journal.
const OUTPUT_LIMIT: usize = 16 * 1024;

/// How long after its timeout a step that cannot be asked for counts as ended: its envelope ends it at its timeout, gives
/// it a few seconds to heed that, and its host may have been slow.
const AFTER_TIMEOUT: Duration = Duration::from_mins(1);

/// How often a step that cannot be asked for is asked for again.
const FIND_AGAIN_EVERY: Duration = Duration::from_secs(2);

/// Every task that runs something for the decider, so that all can be let go at once.
#[derive(Clone, Default)]
pub(crate) struct Tasks(Arc<Mutex<JoinSet<()>>>);

impl Tasks {
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) -> AbortHandle {
        let mut tasks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Those that are over are forgotten here, so that the set stays as large as what runs.
        while tasks.try_join_next().is_some() {}
        tasks.spawn(task)
    }

    /// Lets all go, and waits until none is left: only then nobody uses the store any more.
    pub(crate) async fn end_all(&self) {
        let mut tasks = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        tasks.shutdown().await;
    }

    pub(crate) fn abort_all(&self) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .abort_all();
    }
}

/// Runs steps.
pub(crate) struct Workers {
    shared: Arc<Shared>,
    tasks: Tasks,
    /// Steps handed out and not reported.
    running: BTreeMap<IntentId, Withdraw>,
}

/// What every worker uses.
struct Shared {
    driver: Arc<dyn Driver>,
    store: Arc<dyn Store>,
    stop: StopFile,
    stop_seen: Notify,
    told: mpsc::UnboundedSender<Told>,
    /// Whether hosts are only looked at.
    observing: bool,
    /// Directories by the digest of their registered text.
    directories: Mutex<BTreeMap<Digest, PathBuf>>,
}

impl Workers {
    pub(crate) fn new(
        driver: Arc<dyn Driver>,
        store: Arc<dyn Store>,
        stop: StopFile,
        told: mpsc::UnboundedSender<Told>,
        tasks: Tasks,
        observing: bool,
    ) -> Self {
        let shared = Shared {
            driver,
            store,
            stop,
            stop_seen: Notify::new(),
            told,
            observing,
            directories: Mutex::new(BTreeMap::new()),
        };
        Self {
            shared: Arc::new(shared),
            tasks,
            running: BTreeMap::new(),
        }
    }

    /// Knows a proposal's directory without having to ask the store for it.
    pub(crate) fn remember(&self, proposal: &Proposal) {
        for (_, text) in proposal
            .documents
            .iter()
            .filter(|(name, _)| name == DIRECTORY)
        {
            self.shared
                .keep_directory(Digest::of(text.as_bytes()), PathBuf::from(text));
        }
    }

    /// Ends when a worker has met the stop file.
    pub(crate) async fn stop_seen(&self) {
        self.shared.stop_seen.notified().await;
    }

    /// Starts a step, or finds it again.
    pub(crate) fn start(&mut self, start: Start) {
        let (hand, ear) = withdrawal();
        let intent = start.intent;
        self.running.insert(intent, hand);
        let shared = Arc::clone(&self.shared);
        self.tasks.spawn(async move {
            let report = shared.work(start, ear).await;
            tracing::debug!(%intent, ?report, "a step was reported");
            // Nobody listens any more only when this process ends; the next one attaches.
            drop(
                shared
                    .told
                    .send(Told::Arrival(Arrival::StepReported { intent, report })),
            );
        });
    }

    /// Takes a step back if it has not begun.
    pub(crate) fn withdraw(&self, intent: IntentId) {
        if let Some(hand) = self.running.get(&intent) {
            hand.now();
        }
    }

    /// A step was reported.
    pub(crate) fn reported(&mut self, intent: IntentId) {
        self.running.remove(&intent);
    }

    #[cfg(test)]
    pub(crate) async fn request(&self, start: &Start) -> Result<StepRequest, String> {
        self.shared.request(start).await
    }

    /// What reads boot ids.
    pub(crate) fn boots(&self) -> Boots {
        Boots {
            shared: Arc::clone(&self.shared),
        }
    }
}

/// Reads boot ids through the same driver.
#[derive(Clone)]
pub(crate) struct Boots {
    shared: Arc<Shared>,
}

impl Boots {
    /// Where the plan's commands run.
    pub(crate) async fn directory(&self, plan: &Plan) -> Result<PathBuf, String> {
        self.shared.directory(plan).await
    }

    /// The host's boot id; `None` where it cannot be read in this time.
    pub(crate) async fn read(&self, start: Start, limit: Duration) -> Option<String> {
        let mut request = self.shared.request(&start).await.ok()?;
        // The step's own time is that of a restart.
        let limit = Span(u64::try_from(limit.as_millis()).unwrap_or(u64::MAX));
        request.timeout = request.timeout.min(limit);
        self.shared.driver.boot_id(request).await.ok()
    }
}

impl Shared {
    async fn work(&self, start: Start, withdrawal: Withdrawal) -> RawReport {
        if start.attach {
            return self.find_again(&start).await;
        }
        let request = match self.request(&start).await {
            Ok(request) => request,
            // What a step is made of is not there: it cannot run, and it cannot have run.
            Err(why) => return RawReport::Unreachable { why },
        };
        if !start.may_run_when_held && self.stop.is_there() {
            self.stop_seen.notify_one();
            return RawReport::Withdrawn;
        }
        if step_of(&start).is_some_and(StepPlan::is_by_hand) {
            let why = "a person does this step by hand".to_owned();
            return RawReport::Refused { why };
        }
        if self.observing
            && let Some(report) = step_of(&start).and_then(observing::pretended)
        {
            return report;
        }
        self.driver.run(request, withdrawal).await
    }

    /// Finds a step that may have begun. Where it cannot be asked for, it is asked for again until its envelope has surely
    /// ended it: "unreachable" would say that it never began, and nobody knows that.
    async fn find_again(&self, start: &Start) -> RawReport {
        let timeout = step_of(start).map_or(0, |step| step.step.timeout.millis());
        let patience = Duration::from_millis(timeout).saturating_add(AFTER_TIMEOUT);
        let began = Instant::now();
        loop {
            if let Ok(request) = self.request(start).await {
                let report = self.driver.attach(request).await;
                // Neither a host that cannot be reached nor one that lets nobody look says whether the step began.
                if !matches!(
                    report,
                    RawReport::Unreachable { .. } | RawReport::Refused { .. }
                ) {
                    return report;
                }
            }
            if began.elapsed() > patience {
                return RawReport::Interrupted;
            }
            tokio::time::sleep(FIND_AGAIN_EVERY).await;
        }
    }

    async fn request(&self, start: &Start) -> Result<StepRequest, String> {
        let host = start
            .fleet
            .hosts
            .get(start.host.index())
            .ok_or("the fleet has no such host")?;
        let route = start
            .plan
            .routes
            .get(start.route.index())
            .ok_or("the plan has no such route")?;
        let step = step_of(start).ok_or("the plan has no such step")?;
        let directory = self.directory(&start.plan).await?;
        let peer = match (step.step.at, start.peer) {
            (Place::Peer, peer) => {
                let peer = peer.and_then(|peer| start.fleet.hosts.get(peer.index()));
                Some(peer.ok_or("nobody was chosen to run it")?)
            }
            (Place::Host | Place::Controller, _) => None,
        };
        Ok(StepRequest {
            intent: start.intent,
            epoch: start.epoch,
            incarnation: start.incarnation,
            fleet: start.fleet.name.clone(),
            adopts: Arc::clone(&start.adopts),
            reach: Arc::new(values::reach(&start.fleet, peer.unwrap_or(host), directory)),
            errand_for: peer.map(|_| host.name.clone()),
            kind: step.kind,
            place: step.step.at,
            command: step.step.run.clone(),
            values: values::of_step(
                (host, peer),
                &start.plan.update,
                (route, &step.more),
                start.visit,
                (start.previous.as_deref(), start.protection.as_deref()),
            ),
            timeout: step.step.timeout,
            output_limit: OUTPUT_LIMIT,
            reboot: reboot(step),
        })
    }

    /// Where the plan's commands run.
    async fn directory(&self, plan: &Plan) -> Result<PathBuf, String> {
        let digest = plan
            .documents
            .get(DIRECTORY)
            .ok_or("the plan names no directory")?;
        let known = self
            .directories
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(digest)
            .cloned();
        if let Some(directory) = known {
            return Ok(directory);
        }
        let blob = self.store.blob(*digest).await.map_err(|e| e.to_string())?;
        let text = blob.ok_or("the plan's directory is not registered")?.bytes;
        let directory = PathBuf::from(String::from_utf8(text).map_err(|e| e.to_string())?);
        self.keep_directory(*digest, directory.clone());
        Ok(directory)
    }

    fn keep_directory(&self, digest: Digest, directory: PathBuf) {
        self.directories
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(digest, directory);
    }
}

fn step_of(start: &Start) -> Option<&StepPlan> {
    start
        .plan
        .routes
        .get(start.route.index())?
        .step(start.visit, start.position)
}

fn reboot(step: &StepPlan) -> Option<RebootRequest> {
    match &step.more {
        More::Reboot {
            when,
            boot_id,
            restarts: (least, most),
            back_within,
        } => {
            let right = |n: u16| std::num::NonZeroU16::new(n).unwrap_or(std::num::NonZeroU16::MIN);
            Some(RebootRequest {
                when: when.clone(),
                boot_id: boot_id.clone(),
                restarts: (right(*least), right(*most)),
                back_within: *back_within,
            })
        }
        More::Nothing
        | More::Inspect { .. }
        | More::Ready { .. }
        | More::Last { .. }
        | More::Silence { .. }
        | More::Stage { .. }
        | More::Recovery { .. }
        | More::Protect { .. }
        | More::Manual { .. } => None,
    }
}
