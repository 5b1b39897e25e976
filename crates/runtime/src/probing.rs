//! Runs probes and reads boot ids, a bounded number at once.
//!
//! Which is due when, and what an answer means, is decided by the loop; a probe that waits here for its turn is late,
//! and late evidence is no evidence. So hosts that swallow what they are asked wait in a lane of their own: each holds a
//! place for its whole timeout, and five hundred of them would keep everybody else from being asked. And so do boot ids, each
//! of which is a command on a host: thousands of hosts that are watched after their update would keep probes from being asked.
//!
//! # Invariants
//!
//! * A probe's timeout counts from when it is asked, not from when it is due.
//! * The same question is not waiting twice: what is asked for again meanwhile gets the answer of the first.
//! * A place is given back in bounded time, whatever a driver does.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ringway_drivers::{Driver, ProbeRequest, gate};
use ringway_executor::port::{Arrival, GateAnswer, Start};
use ringway_model::{
    Epoch, HostId, IntentId, ProbeId, RolloutId, RouteId, Sample, Says, Slot, StepKind, VisitKind,
};
use ringway_scheduler::{FleetSpec, Plan};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::time::Instant;

use crate::decider::Told;
use crate::values;
use crate::workers::{Boots, Tasks};

/// Probes at once of hosts that answer, and of hosts whose last question went unanswered. Each is a connection or a small
/// process for a few milliseconds; 48 of them answer for more than ten thousand hosts every 30 s. 16 that wait for a
/// timeout of 5 s go through 500 silent hosts in less than three minutes, which is how long it may take to see that one
/// of them is back. Together they stay far below a process's usual limit of 1024 descriptors.
const AT_ONCE: (usize, usize) = (48, 16);

/// Boot ids at once, of hosts that answer and of others, and how long each keeps its place at least: forty in a second of hosts
/// that answer. Each is a command on a host, and without a bound they took most of two processors over SSH (decision 0030).
/// Twelve thousand quiet hosts are read every five minutes so.
const BOOTS_AT_ONCE: (usize, usize) = (8, 8);
const BOOT_TAKES: Duration = Duration::from_millis(200);

/// How long a boot id may take to be read.
const BOOT_TIMEOUT: Duration = Duration::from_secs(10);

/// How much longer than its timeout a driver may take to say that there was no answer.
const GRACE: Duration = Duration::from_secs(5);

/// A question that waits or is being asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Question {
    Probe(HostId, ProbeId),
    Boot(HostId),
    Gate(RolloutId, u16),
}

impl Question {
    /// The host that is asked, where it is one.
    const fn host(self) -> Option<HostId> {
        match self {
            Self::Probe(host, _) | Self::Boot(host) => Some(host),
            Self::Gate(..) => None,
        }
    }

    const fn reads_boot(self) -> bool {
        matches!(self, Self::Boot(_))
    }
}

/// Runs probes.
pub(crate) struct Probing {
    driver: Arc<dyn Driver>,
    lanes: Arc<Lanes>,
    told: mpsc::UnboundedSender<Told>,
    tasks: Tasks,
    boots: Boots,
}

impl Probing {
    pub(crate) fn new(
        driver: Arc<dyn Driver>,
        told: mpsc::UnboundedSender<Told>,
        tasks: Tasks,
        boots: Boots,
    ) -> Self {
        Self {
            driver,
            lanes: Arc::new(Lanes::new()),
            told,
            tasks,
            boots,
        }
    }

    /// Runs a probe once.
    ///
    /// `plan` is the one whose directory a command runs in; the newest of the fleet, for a fleet has no directory of
    /// its own.
    pub(crate) fn ask(
        &self,
        fleet: Arc<FleetSpec>,
        host: HostId,
        probe: ProbeId,
        plan: Option<Arc<Plan>>,
    ) {
        let (driver, boots) = (Arc::clone(&self.driver), self.boots.clone());
        let spec = fleet.probes.get(probe.index());
        let timeout = spec.map_or(Duration::ZERO, |spec| {
            Duration::from_millis(spec.probe.timeout.millis())
        });
        let probed = move |sample| Arrival::Probed {
            host,
            probe,
            sample,
        };
        let why = "the driver did not say in time that there was no answer".to_owned();
        let lost = probed(Sample::Blind(why));
        let ask = async move {
            let sample = match request(&fleet, host, probe, plan, &boots).await {
                Ok(request) => driver.probe(request).await,
                Err(why) => Sample::Blind(why),
            };
            let answered = sample == Sample::Up;
            (probed(sample), answered)
        };
        self.spawn(Question::Probe(host, probe), timeout, ask, lost);
    }

    /// Asks an external gate once. It waits for nobody: gates are few, and each is asked seldom.
    pub(crate) fn ask_gate(
        &self,
        rollout: RolloutId,
        gate: u16,
        plan: Arc<Plan>,
        about: (String, Option<String>),
    ) {
        if !self.lanes.begin(Question::Gate(rollout, gate)) {
            return;
        }
        let (lanes, told, boots) = (
            Arc::clone(&self.lanes),
            self.told.clone(),
            self.boots.clone(),
        );
        self.tasks.spawn(async move {
            let (says, why) = gate_answer(rollout, gate, &plan, about, &boots).await;
            lanes.answered(Question::Gate(rollout, gate));
            let answer = GateAnswer { says, why };
            let arrival = Arrival::GateTold {
                rollout,
                gate,
                answer,
            };
            // Nobody listens any more only when this process ends.
            drop(told.send(Told::Arrival(arrival)));
        });
    }

    /// Reads a boot id once.
    pub(crate) fn see_boot(
        &self,
        fleet: Arc<FleetSpec>,
        host: HostId,
        plan: Arc<Plan>,
        route: RouteId,
    ) {
        let boots = self.boots.clone();
        let ask = async move {
            let boot = match reboot_step(fleet, host, plan, route) {
                Some(start) => boots.read(start, BOOT_TIMEOUT).await,
                None => None,
            };
            let answered = boot.is_some();
            (Arrival::BootSeen { host, boot }, answered)
        };
        let lost = Arrival::BootSeen { host, boot: None };
        self.spawn(Question::Boot(host), BOOT_TIMEOUT, ask, lost);
    }

    /// Boot ids that wait to be read, or are being read.
    #[cfg(test)]
    pub(crate) fn open_boots(&self) -> usize {
        let open = |known: &mut Known| known.open.iter().filter(|one| one.reads_boot()).count();
        self.lanes.known(open)
    }

    /// Asks when there is room. What `ask` gives says whether the host answered; `lost` is told where it gives nothing in
    /// time.
    fn spawn(
        &self,
        question: Question,
        timeout: Duration,
        ask: impl Future<Output = (Arrival, bool)> + Send + 'static,
        lost: Arrival,
    ) {
        if !self.lanes.begin(question) {
            return;
        }
        let (lanes, told) = (Arc::clone(&self.lanes), self.told.clone());
        self.tasks.spawn(async move {
            let place = lanes.place(question).await;
            let began = Instant::now();
            let asked = tokio::time::timeout(timeout + GRACE, ask).await;
            let (arrival, answered) = asked.unwrap_or((lost, false));
            lanes.ended(question, answered || began.elapsed() < timeout);
            // Nobody listens any more only when this process ends.
            drop(told.send(Told::Arrival(arrival)));
            if question.reads_boot() {
                tokio::time::sleep(BOOT_TAKES.saturating_sub(began.elapsed())).await;
            }
            drop(place);
        });
    }
}

/// Who may be asked, and how many at once.
struct Lanes {
    probes: Places,
    boots: Places,
    known: Mutex<Known>,
}

/// Places for hosts that answer, and for those whose last question took its whole time.
struct Places {
    quick: Arc<Semaphore>,
    slow: Arc<Semaphore>,
}

impl Places {
    fn new((quick, slow): (usize, usize)) -> Self {
        Self {
            quick: Arc::new(Semaphore::new(quick)),
            slow: Arc::new(Semaphore::new(slow)),
        }
    }
}

#[derive(Default)]
struct Known {
    /// Hosts whose last question took its whole time.
    silent: BTreeSet<HostId>,
    /// Questions that wait or are being asked.
    open: BTreeSet<Question>,
}

impl Lanes {
    fn new() -> Self {
        Self {
            probes: Places::new(AT_ONCE),
            boots: Places::new(BOOTS_AT_ONCE),
            known: Mutex::default(),
        }
    }

    fn known<T>(&self, with: impl FnOnce(&mut Known) -> T) -> T {
        with(&mut self.known.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Whether the question is to be asked: not while it is already on its way.
    fn begin(&self, question: Question) -> bool {
        self.known(|known| known.open.insert(question))
    }

    fn is_silent(&self, host: Option<HostId>) -> bool {
        host.is_some_and(|host| self.known(|known| known.silent.contains(&host)))
    }

    /// Waits for a place in the host's lane. A host that was found silent while it waited changes lanes.
    async fn place(&self, question: Question) -> Option<OwnedSemaphorePermit> {
        let host = question.host();
        let places = if question.reads_boot() {
            &self.boots
        } else {
            &self.probes
        };
        if !self.is_silent(host) {
            let place = Arc::clone(&places.quick).acquire_owned().await.ok();
            if !self.is_silent(host) {
                return place;
            }
        }
        Arc::clone(&places.slow).acquire_owned().await.ok()
    }

    fn answered(&self, question: Question) {
        self.known(|known| known.open.remove(&question));
    }

    fn ended(&self, question: Question, in_time: bool) {
        self.answered(question);
        let Some(host) = question.host() else {
            return;
        };
        self.known(|known| {
            if in_time {
                known.silent.remove(&host);
            } else {
                known.silent.insert(host);
            }
        });
    }
}

/// What the command of an external gate says.
async fn gate_answer(
    rollout: RolloutId,
    gate: u16,
    plan: &Plan,
    about: (String, Option<String>),
    boots: &Boots,
) -> (Says, String) {
    let Some(external) = plan.terms.external.get(usize::from(gate)) else {
        return (Says::Unknown, "the plan has no such gate".to_owned());
    };
    let directory = match boots.directory(plan).await {
        Ok(directory) => directory,
        Err(why) => return (Says::Unknown, why),
    };
    let values = values::of_gate(rollout, &external.name, plan, about);
    let limit = Duration::from_millis(external.timeout.millis()) + GRACE;
    let asked = gate::ask(&external.run, &values, &directory, external.timeout);
    let answer = tokio::time::timeout(limit, asked).await;
    answer.unwrap_or_else(|_| (Says::Unknown, "its command did not end in time".to_owned()))
}

async fn request(
    fleet: &FleetSpec,
    host: HostId,
    probe: ProbeId,
    plan: Option<Arc<Plan>>,
    boots: &Boots,
) -> Result<ProbeRequest, String> {
    let (Some(host), Some(spec)) = (
        fleet.hosts.get(host.index()),
        fleet.probes.get(probe.index()),
    ) else {
        return Err("the fleet has no such host or probe".to_owned());
    };
    let plan = plan.ok_or("no plan says where commands run")?;
    let directory = boots.directory(&plan).await?;
    Ok(ProbeRequest {
        reach: Arc::new(values::reach(fleet, host, directory)),
        ask: spec.probe.ask.clone(),
        timeout: spec.probe.timeout,
    })
}

/// The route's `reboot` step for this host, as a step to be asked for its boot id; it is never run.
fn reboot_step(
    fleet: Arc<FleetSpec>,
    host: HostId,
    plan: Arc<Plan>,
    route: RouteId,
) -> Option<Start> {
    let position = plan
        .routes
        .get(route.index())?
        .position(VisitKind::Restart, StepKind::Reboot)?;
    Some(Start {
        intent: IntentId::new(RolloutId(0), Slot(0), 0),
        epoch: Epoch(0),
        incarnation: 0,
        host,
        fleet,
        plan,
        route,
        visit: VisitKind::Restart,
        position,
        attempt: 1,
        previous: None,
        protection: None,
        peer: None,
        adopts: Arc::default(),
        attach: false,
        may_run_when_held: true,
    })
}
