//! One future of a rollout: the product's own loop over hosts, people and faults as a `world/v1` document describes them.
//!
//! [`crate::World`] is the other world of this crate. That one is made to break the loop: every host has an envelope that
//! keeps the product's rules, every probe is asked, and everything that can go wrong between two messages does. This one
//! is made to be asked about a policy: it knows when anything changes and says so ([`Watch::Told`]), so a week of soak
//! over ten thousand hosts costs as little as a minute, and thousands of futures are a question of seconds. What decides
//! is the same executor and engine in both; nothing here decides anything about a rollout.
//!
//! * [`Setting`] is what all futures of a question share; [`Setting::run`] lets one of them happen.
//! * [`Outcome`] is what became of it, measured on the hosts themselves and not on what the decider believes.
//! * [`what_if`] sums many outcomes up.
//!
//! # Invariants
//!
//! * The same setting and seed give the same outcome, byte for byte, on every machine and on any number of threads.
//! * Everything random is a function of the seed, of what it is about (a host, a step, an attempt) and of nothing that
//!   happened before: an entry more in a world changes no host that it does not name, and two policies that are compared
//!   meet the same hosts.
//! * Instants are whole seconds after the world's beginning, of a large fleet whole tens of seconds.
//!
//! [`Watch::Told`]: ringway_executor::Watch::Told

mod brought;
mod faults;
mod harm;
mod hosts;
mod outcome;
mod people;
mod roll;
mod run;
mod setting;
mod steps;
pub mod what_if;

pub use harm::{Drawn, Luck};
pub use outcome::{Ended, Halt, Outcome, Point, RingTimes, RolloutOutcome, Struck};
pub use run::Keep;
pub use setting::{Setting, Unfit};
