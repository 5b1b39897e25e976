//! What the store promises, shown on real files.

#![expect(
    clippy::unwrap_used,
    reason = "all of it is test code; the lint sees only functions marked as tests"
)]

mod conformance;
mod crash;
mod directory;
mod sqlite;
mod support;
