//! Takes away what finished steps have left on hosts, so that their directories do not grow for ever.
//!
//! A run directory is the only record of a step until its result is in the journal; those are never touched.
//!
//! # Invariants
//!
//! * Nobody waits for it, and it never goes through the fleet twice at once: hosts that cannot be reached make it slow.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use ringway_drivers::{Driver, Keep, TidyRequest};
use ringway_model::IntentId;
use ringway_scheduler::{FleetSpec, Plan};
use tokio::sync::Mutex;

use crate::values;
use crate::workers::{Boots, Tasks};

/// When it is done first: a process that only looks around, or carries one command out, connects to nobody for it.
pub(crate) const FIRST: Duration = Duration::from_mins(1);

/// How often.
pub(crate) const EVERY: Duration = Duration::from_hours(1);

/// What is kept for people who look for the output of a step: a week, and never more than 200 steps of a host, which is
/// more than a dozen rollouts. A step that has ended and is not journaled yet is the youngest of its host, so it is kept
/// even where it began after the list of open ones was made.
const KEEP: Keep = Keep {
    younger_than: Duration::from_hours(7 * 24),
    at_most: 200,
};

/// Hosts at once. Each is one command on a host; 500 hosts that take ten seconds to show that they cannot be reached are
/// through in a quarter of an hour.
const AT_ONCE: usize = 8;

/// Tidies up.
pub(crate) struct Tidy {
    driver: Arc<dyn Driver>,
    tasks: Tasks,
    boots: Boots,
    /// One for each of those at once; held by the one that goes through its share of the hosts.
    shares: [Arc<Mutex<()>>; AT_ONCE],
}

impl Tidy {
    pub(crate) fn new(driver: Arc<dyn Driver>, tasks: Tasks, boots: Boots) -> Self {
        Self {
            driver,
            tasks,
            boots,
            shares: Default::default(),
        }
    }

    /// Goes through the fleet's hosts. `plan` is the one whose directory the files are in by which hosts are reached.
    pub(crate) fn up(
        &self,
        fleet: &Arc<FleetSpec>,
        plan: &Arc<Plan>,
        incarnation: u64,
        open: Vec<IntentId>,
    ) {
        let open: Arc<BTreeSet<IntentId>> = Arc::new(open.into_iter().collect());
        for (share, lock) in self.shares.iter().enumerate() {
            // Still at it from the last time.
            let Ok(lock) = Arc::clone(lock).try_lock_owned() else {
                continue;
            };
            let (driver, boots) = (Arc::clone(&self.driver), self.boots.clone());
            let (fleet, plan, open) = (Arc::clone(fleet), Arc::clone(plan), Arc::clone(&open));
            self.tasks.spawn(async move {
                match boots.directory(&plan).await {
                    Ok(directory) => {
                        for host in fleet.hosts.iter().skip(share).step_by(AT_ONCE) {
                            let request = TidyRequest {
                                reach: Arc::new(values::reach(&fleet, host, directory.clone())),
                                incarnation,
                                open: Arc::clone(&open),
                                keep: KEEP,
                                now: SystemTime::now(),
                            };
                            tidy(driver.as_ref(), request).await;
                        }
                    }
                    Err(error) => tracing::warn!(error, "run directories were not tidied up"),
                }
                drop(lock);
            });
        }
    }
}

async fn tidy(driver: &dyn Driver, request: TidyRequest) {
    let host = request.reach.host.clone();
    match driver.tidy(request).await {
        Ok(0) => {}
        Ok(removed) => tracing::info!(host, removed, "tidied up run directories"),
        Err(error) => tracing::warn!(host, error, "run directories were not tidied up"),
    }
}
