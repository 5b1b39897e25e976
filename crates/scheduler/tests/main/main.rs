//! The scheduler from outside: documents in, fleets, plans and reports out.

#![expect(
    clippy::unwrap_used,
    reason = "all of it is test code; the lint sees only functions marked as tests"
)]

mod compare;
mod encoding;
mod evidence;
mod fleet;
mod lane;
mod lint;
mod parts;
mod problems;
mod properties;
mod report;
mod revising;
mod rings;
mod routes;
mod shipped;
mod support;
mod unchanged;
mod warnings;
mod when;
mod windows_of_parts;
