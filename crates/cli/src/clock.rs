//! What time it is, for every command: the machine's, or a rehearsal's where one is asked for.

use std::path::Path;
use std::sync::{Arc, OnceLock};

use ringway_model::Timestamp;
use ringway_runtime::Clock;

use crate::exit::{End, Failure, chain};

/// One for the process: it is chosen by the command line, before anything else is done.
static CLOCK: OnceLock<Arc<Clock>> = OnceLock::new();

/// Chooses the clock: this file's, or the machine's.
///
/// # Errors
///
/// Exit code 2: the file is no rehearsal's clock.
pub(crate) fn choose(rehearsal: Option<&Path>) -> Result<(), Failure> {
    if let Some(path) = rehearsal {
        let clock = Clock::rehearsal(path).map_err(|error| {
            Failure::new(End::Invalid, chain(&error))
                .hint("make it with `echo '2026-04-14T17:00:00.000Z x720' > FILE`; without `--clock` and `RINGWAY_CLOCK` the machine's time is used")
        })?;
        // It is chosen once, at the beginning.
        drop(CLOCK.set(Arc::new(clock)));
    }
    Ok(())
}

/// The clock, for what runs by it.
pub(crate) fn clock() -> Arc<Clock> {
    Arc::clone(CLOCK.get_or_init(Arc::default))
}

/// This instant.
pub(crate) fn now() -> Timestamp {
    clock().now()
}
