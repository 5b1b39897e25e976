//! `simulate` and `what-if`: rollouts on a fleet that does not exist, through the very loop that carries real ones out.
//!
//! * `question` makes settings of documents: which world, which plans.
//! * `many` lets futures happen on all processors; the result does not depend on how many there are.
//! * `story` tells one future in the journal's words; `trials` sums many of them up; `variants` compares.
//! * `assumed` names what an answer rests on and where each of it comes from.
//! * `page` writes what was found as a page for a browser.
//!
//! # Invariants
//!
//! * Nothing here decides anything about a rollout, and nothing is sent to a host or written to a journal.
//! * The same documents and options print the same bytes.

mod answer;
mod assumed;
mod interrupted;
mod many;
mod page;
mod question;
mod simulate;
mod soaks;
mod story;
#[cfg(test)]
mod tests;
mod told;
mod trials;
mod variants;
mod words;

pub(crate) use simulate::simulate;
pub(crate) use variants::what_if;
