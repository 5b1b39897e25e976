//! The tokio shell around the loop: real clock, workers, probes, control socket.
//!
//! It decides nothing. The loop says what to do; this crate does it, tells the loop what came of it, and lets people
//! and other processes speak to it.
//!
//! # Invariants
//!
//! * Nobody is answered before what the answer says is durable.
//! * Who gives a command is what the kernel says of the peer, never what the peer says.
//! * While the file `STOP` lies in the data directory nothing starts that may disturb a host.
//! * Ending, in order or not, ends no step: it goes on in its envelope and is found by the next process.

mod caller;
mod clock;
mod decider;
mod handle;
mod identify;
pub mod inbox;
mod keeper;
mod observing;
mod probing;
mod socket;
mod stopfile;
mod telling;
#[cfg(test)]
mod tests;
mod tidy;
mod values;
mod workers;
mod zones;

pub use caller::{Caller, Gone, Views};
pub use clock::{Clock, ClockError};
pub use decider::Over;
pub use handle::{Config, Runtime, StartError};
pub use identify::{Identify, SystemUsers};
pub use observing::{Mixed, is_observed};
pub use socket::{
    Answer, Bundle, Client, Following, Handed, Question, Renewal, Superseding, Unreachable,
};
pub use values::{of_step, reach};
pub use workers::DIRECTORY;
pub use zones::{ZonesError, zone_names, zones, zones_of_plan};
