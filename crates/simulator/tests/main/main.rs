//! The simulator's suites: seeds, planted mistakes, crash points.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![expect(
    clippy::print_stdout,
    reason = "what a seed led to is read by whoever runs it"
)]
#![expect(
    clippy::disallowed_methods,
    reason = "the suites read their tables, are told by variables what to show, and share the seeds among threads"
)]

mod advisories;
mod april;
mod asked;
mod coverage;
mod crash_points;
mod exhaustive;
mod futures;
mod histories;
mod lanes;
mod planted;
mod poison;
mod protections;
mod seeds;
mod soak;
mod superseding;
mod unreached;
