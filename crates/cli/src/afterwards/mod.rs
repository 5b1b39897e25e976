//! What is told afterwards: of a host, of the last hours, of a month, of a rollout. Reads the journal; writes nothing.
//!
//! Everything here goes over the journal row by row and keeps what it tells, never the rows: journals outgrow memories.

mod advised;
mod chronicle;
mod compliance;
mod csv;
mod ended;
mod exposure;
mod fallen;
mod handover;
mod happened;
mod history;
mod lines;
mod rollout;
mod superseded;
mod walk;

pub(crate) use compliance::compliance;
pub(crate) use ended::{Cancelled, cancelled};
pub(crate) use exposure::{Briefly, briefly, exposure};
pub(crate) use handover::handover;
pub(crate) use history::history;
pub(crate) use rollout::report as rollout_report;
pub(crate) use walk::{Walk, untrusted};
