//! The parts of the runtime on a clock that stands still until everybody waits, with a driver that answers by a script.

mod client;
mod doubles;
mod inbox;
mod many;
mod observing;
mod probing;
mod showing;
mod telling;
mod workers;
