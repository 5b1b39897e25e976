//! The loop with the real engine, a store and a fleet that are values, and faults between every two steps.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod codec;
mod codec_lanes;
mod crashes;
mod errands;
mod fixture;
mod interpret;
mod journal;
mod keeping;
mod notices;
mod rig;
mod stopping;
mod time;
mod words;
