//! The life of every rollout of a fleet.
//!
//! One pure, synchronous, deterministic machine: inputs in, events out. It reads no clock, no disk and no network;
//! `now` is an argument. The product, the simulator and the replay all run exactly this code.

mod command;
mod event;
mod host;
mod input;
mod rollout;

pub use command::{Accepted, Command, Rejected, Subject};
pub use event::{Conditions, Event, Final, HaltCause, Then};
pub use host::{Ending, HostState};
pub use input::Input;
pub use rollout::{RolloutState, Stage};
