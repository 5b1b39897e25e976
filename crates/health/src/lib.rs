//! Probe samples into evidence, and evidence into verdicts.
//!
//! [`Board`] says which probe is due on which host and what is known of each host at this moment; [`Boots`] does the
//! same for boot ids; [`guard`] reads evidence over time into a verdict. The crate runs no probe, reads no clock and
//! decides nothing about a rollout: it reports changes of knowledge, and the engine decides.

mod board;
mod boots;
pub mod guard;

pub use board::{Board, Change, Rhythm};
pub use boots::{Boots, Pace};
pub use guard::Verdict;
