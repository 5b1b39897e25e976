//! The control socket: how other processes on this machine talk to the one that decides.
//!
//! One JSON value per line, one question per connection. Who asks is what the kernel says of the peer, never what the
//! line says.

mod client;
mod path;
mod serve;
mod wire;

pub use client::{Client, Following, Unreachable};
pub(crate) use serve::{Door, serve};
pub use wire::{Answer, Bundle, Handed, Question, Renewal, Superseding};
