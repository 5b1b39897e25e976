//! The simulator's suites: seeds, planted mistakes, crash points.

mod seeds;
