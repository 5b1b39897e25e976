//! A fleet that does not exist: virtual time, faults, and checkers that share nothing with what they check.
//!
//! * [`checkers`] rebuild what is so from events and judge every decision; `ringway audit` runs them over a journal.
//! * [`World`] drives the product's own loop in virtual time; [`run_seed`] tells one story from one number.

mod behaviour;
mod cares;
pub mod checkers;
mod dice;
mod documents;
mod errands;
mod evidence;
mod expected;
pub mod future;
pub mod history;
mod reach;
mod scenario;
mod terms;
mod trace;
mod world;

pub use dice::Dice;
pub use documents::{Papers, Size, draw, texts};
pub use expected::Kind;
pub use reach::Reach;
pub use scenario::{Extra, Report, record_seed, run_seed, run_seed_with};
pub use trace::Trace;
pub use world::{
    BEGIN, Cure, Effect, Execution, Fate, Faults, Flaky, Harm, LOST, MemoryStore, Met, Mishap,
    NoPlan, Run, SimHost, Trouble, Twists, Ways, World,
};
