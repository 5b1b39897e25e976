//! The drivers on real processes of this machine. Nothing here waits by sleeping: conditions are polled with bounds so
//! generous that reaching one means that something is wrong.
#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on has failed, and says where"
)]

mod attaching;
mod envelope;
mod probing;
mod quoting;
#[cfg(test)]
mod remote;
mod restarts;
#[cfg(test)]
mod ssh;
mod steps;
mod support;
#[cfg(test)]
mod system;
