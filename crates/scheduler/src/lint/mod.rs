//! What is valid and still a mistake.
//!
//! A document that [`ringway_policy::read`] takes can be carried out. Whether that is what its author wants is another
//! question: a soak that ends before its gate could fail a host, a share that is less than one host, a ring that never
//! gets one. Each such mistake is a *rule*: one row of [`RULES`] with its code, its severity and the function that
//! finds it in a plan and the documents the plan was made from. A plan's own warnings are those rules whose row says
//! so; there is no second place where a mistake is known.
//!
//! A finding says where it is by names ([`ringway_policy::At`]); the edge turns that into a line. Nothing here knows
//! files, a terminal or the day: what day it is, and which machine this is, are arguments.
//!
//! # Adding a rule
//!
//! A function in [`rules`], its row in the table, its section in `docs/reference/lint.md`, and a pair of documents in
//! `tests/lint`. The tests miss each of the last two when it is not there.

mod accept;
mod explain;
mod facts;
mod finding;
mod perform;
mod rules;
mod table;

pub use explain::{about, intro};
pub use facts::Here;
pub use finding::{Finding, Severity};
pub use perform::{LintFailure, LintReport, Pair, Question, Skipped, lint};
pub use rules::own_hosts;
pub use table::{Code, codes};

pub(crate) use facts::{Dates, Facts};
pub(crate) use table::warnings;
