//! Runs probes and reads boot ids, a bounded number at once.
//!
//! Which is due when, and what an answer means, is decided by the loop; a probe that waits here for its turn is late,
//! and late evidence is no evidence.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use ringway_executor::port::{Arrival, Start};
use ringway_model::{
    Epoch, HostId, IntentId, ProbeId, RolloutId, RouteId, Sample, Slot, StepKind, VisitKind,
};
use ringway_scheduler::{FleetSpec, Plan};
use tokio::sync::{Semaphore, mpsc};

use crate::decider::Told;
use crate::values;
use crate::workers::{Boots, Tasks};

/// Probes at once. Each is a connection or a small process for a few milliseconds; 64 of them answer for more than ten
/// thousand hosts every 30 s, and stay far below a process's usual limit of 1024 descriptors.
const AT_ONCE: usize = 64;

/// Runs probes.
pub(crate) struct Probing {
    room: Arc<Semaphore>,
    told: mpsc::UnboundedSender<Told>,
    tasks: Tasks,
    boots: Boots,
}

impl Probing {
    pub(crate) fn new(told: mpsc::UnboundedSender<Told>, tasks: Tasks, boots: Boots) -> Self {
        Self {
            room: Arc::new(Semaphore::new(AT_ONCE)),
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
        let boots = self.boots.clone();
        self.spawn(async move {
            let directory = match plan {
                Some(plan) => boots.directory(&plan).await,
                None => Err("no plan says where commands run".to_owned()),
            };
            let sample = match directory {
                Ok(directory) => sample(&fleet, host, probe, &directory).await,
                Err(why) => Sample::Blind(why),
            };
            Arrival::Probed {
                host,
                probe,
                sample,
            }
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
        self.spawn(async move {
            let boot = match reboot_step(fleet, host, plan, route) {
                Some(start) => boots.read(start).await,
                None => None,
            };
            Arrival::BootSeen { host, boot }
        });
    }

    fn spawn(&self, work: impl Future<Output = Arrival> + Send + 'static) {
        let (room, told) = (Arc::clone(&self.room), self.told.clone());
        self.tasks.spawn(async move {
            let Ok(_permit) = room.acquire_owned().await else {
                return;
            };
            // Nobody listens any more only when this process ends.
            drop(told.send(Told::Arrival(work.await)));
        });
    }
}

async fn sample(fleet: &FleetSpec, host: HostId, probe: ProbeId, directory: &Path) -> Sample {
    let (Some(host), Some(spec)) = (
        fleet.hosts.get(host.index()),
        fleet.probes.get(probe.index()),
    ) else {
        return Sample::Blind("the fleet has no such host or probe".to_owned());
    };
    let (target, probe) = (values::target(host), &spec.probe);
    ringway_drivers::ask(
        &probe.ask,
        target,
        &BTreeMap::new(),
        directory,
        probe.timeout,
    )
    .await
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
        adopts: Arc::default(),
        attach: false,
        may_run_when_held: true,
    })
}
