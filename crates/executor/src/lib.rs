//! Advances rollouts ring by ring and halts them.
//!
//! The loop around the engine as a machine without IO: arrivals in, requests out. Batches, commits, outstanding steps,
//! withdrawal, recovery and probing are decided here; the runtime and the simulator only carry requests out.

pub mod port;
