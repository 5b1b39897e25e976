//! A fleet that does not exist: virtual time, faults, and checkers that share nothing with what they check.

pub mod checkers;
mod dice;

pub use dice::Dice;
