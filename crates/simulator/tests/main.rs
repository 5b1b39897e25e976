//! The simulator's suites: seeds, planted mistakes, crash points.

mod crash_points;
mod planted;
mod seeds;
mod unreached;
