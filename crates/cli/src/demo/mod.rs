//! The demo: two dozen real servers of this machine, one update that harms one role, and two ways to spread it.
//!
//! Everything runs through the product itself: the documents in `examples/demo`, the engine, the store, the local
//! driver. What it claims at its end it has measured: who answered, who was down together, who was left drained.

mod ground;
mod measure;
mod server;
mod story;

pub(crate) use server::serve as server;
pub(crate) use story::run;
