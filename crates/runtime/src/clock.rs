//! The real clock, the only one in the product.
//!
//! Instants are the machine's wall time, because soaks and journals are read by people; they never go backwards within
//! one process, because the engine's time does not. A wall clock that was set back stands still here until it has caught
//! up; one that jumped ahead is passed on as it is, and the loop journals the jump.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use ringway_model::Timestamp;

/// The longest sleep before the wall clock is looked at again: a clock that is set ahead, or a machine that was
/// suspended, delays a timer by no more than this.
const LONGEST_SLEEP: Duration = Duration::from_secs(5);

/// Wall time that never goes backwards.
#[derive(Debug, Default)]
pub struct Clock {
    latest: AtomicI64,
}

impl Clock {
    /// This instant.
    pub fn now(&self) -> Timestamp {
        let wall = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |since| i64::try_from(since.as_millis()).unwrap_or(0));
        Timestamp(self.latest.fetch_max(wall, Ordering::Relaxed).max(wall))
    }

    /// How long to sleep before looking whether `at` has come.
    pub fn sleep_until(&self, at: Timestamp) -> Duration {
        Duration::from_millis(at.since(self.now()).millis()).min(LONGEST_SLEEP)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_never_goes_backwards() {
        let clock = Clock::default();
        let ahead = Timestamp(clock.now().0 + 3_600_000);
        clock.latest.store(ahead.0, Ordering::Relaxed);
        assert_eq!(
            clock.now(),
            ahead,
            "a wall clock behind the latest instant stands still"
        );
    }

    #[test]
    fn a_distant_instant_is_looked_at_again_soon() {
        let clock = Clock::default();
        assert_eq!(clock.sleep_until(Timestamp::NEVER), LONGEST_SLEEP);
        assert_eq!(clock.sleep_until(Timestamp(0)), Duration::ZERO);
    }
}
