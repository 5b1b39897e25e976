//! The engine's rules, each as a sentence, over small fleets driven by hand.

#![expect(clippy::too_many_lines, reason = "a table of cases is read as one")]
#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "a test looks for one event among all"
)]
#![expect(
    clippy::needless_pass_by_value,
    reason = "cases read better when they are handed over"
)]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod advisories;
mod by_hand;
mod care;
mod consent;
mod coverage;
mod due;
mod errands;
mod exceptions;
mod holds;
mod hosts;
mod lanes;
mod outside;
mod people;
mod poison;
mod protections;
mod reasons;
mod recovery;
mod refreshing;
mod rings;
mod rollbacks;
mod states;
mod superseded;
mod superseding;
mod support;
mod terms;
mod times;
mod unpoison;
mod visits;
