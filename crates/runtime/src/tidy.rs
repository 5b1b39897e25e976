//! Takes away what finished steps have left on this machine, so that a data directory does not grow for ever.
//!
//! A run directory is the only record of a step until its result is in the journal; those are never touched.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use ringway_drivers::{Driver, Keep, TidyRequest};
use ringway_model::IntentId;
use ringway_scheduler::FleetSpec;

use crate::values;
use crate::workers::Tasks;

/// How often.
pub(crate) const EVERY: Duration = Duration::from_hours(1);

/// What is kept for people who look for the output of a step: a week, and never more than 200 steps of a host, which is
/// more than a dozen rollouts. A step that has ended and is not journaled yet is the youngest of its host, so it is kept
/// even where it began after the list of open ones was made.
const KEEP: Keep = Keep {
    younger_than: Duration::from_hours(7 * 24),
    at_most: 200,
};

/// Tidies up.
pub(crate) struct Tidy {
    driver: Arc<dyn Driver>,
    tasks: Tasks,
}

impl Tidy {
    pub(crate) const fn new(driver: Arc<dyn Driver>, tasks: Tasks) -> Self {
        Self { driver, tasks }
    }

    /// Goes through the fleet's hosts, one after the other: nobody waits for it.
    pub(crate) fn up(&self, fleet: Arc<FleetSpec>, incarnation: u64, open: Vec<IntentId>) {
        let driver = Arc::clone(&self.driver);
        self.tasks.spawn(async move {
            let open: Arc<BTreeSet<IntentId>> = Arc::new(open.into_iter().collect());
            for host in &fleet.hosts {
                let request = TidyRequest {
                    reach: Arc::new(values::reach(&fleet, host, PathBuf::new())),
                    incarnation,
                    open: Arc::clone(&open),
                    keep: KEEP,
                    now: SystemTime::now(),
                };
                match driver.tidy(request).await {
                    Ok(0) => {}
                    Ok(removed) => tracing::info!(host = host.name, removed, "tidied up run directories"),
                    Err(error) => tracing::warn!(host = host.name, %error, "run directories were not tidied up"),
                }
            }
        });
    }
}
