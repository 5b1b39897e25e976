//! The runtime in one process, with the real store and the local driver: hosts are directories, steps are real processes.

mod control;
mod place;
mod resting;
mod rollouts;
