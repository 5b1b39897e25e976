//! The engine's rules, each as a sentence, over small fleets driven by hand.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod holds;
mod people;
mod rings;
mod support;
mod visits;
