//! The loop with the real engine, a store and a fleet that are values, and faults between every two steps.

mod codec;
mod crashes;
mod fixture;
mod interpret;
mod journal;
mod rig;
mod stopping;
mod time;
