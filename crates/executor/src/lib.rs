//! Advances rollouts ring by ring and halts them.
//!
//! The loop around the engine as a machine without IO: arrivals in, requests out. Batches, commits, outstanding steps,
//! withdrawal, recovery and probing are decided here; the runtime and the simulator only carry requests out.
//!
//! * [`Executor`] is the loop; [`port`] is what it is told and what it asks for.
//! * [`codec`] is a batch as bytes, [`fold`] reads rows back into a state, for recovery and for audits.
//! * [`interpret`] reads a driver's report by the declarations of its step.

mod clock;
pub mod codec;
mod commit;
mod config;
mod decide;
pub mod fold;
mod gates;
mod interpret;
mod ledger;
pub mod library;
mod machine;
pub mod notices;
pub mod port;
mod recover;
mod watching;
mod words;

pub use config::{Config, Watch};
pub use interpret::interpret;
pub use library::Library;
pub use machine::Executor;
pub use words::Words;
