//! The commands, each from its arguments to an exit code.

mod announced;
mod calendar;
mod completions;
mod diff;
mod documents;
mod due;
mod freezes;
mod hosts;
mod inventory;
mod later;
mod lint;
mod man;
mod manifest;
mod orders;
mod recipes;
mod refresh;
mod run;
mod status;
mod wait;

pub(crate) use calendar::calendar;
pub(crate) use completions::completions;
pub(crate) use diff::diff;
pub(crate) use documents::{check, plan, schema};
pub(crate) use due::due;
pub(crate) use freezes::override_freeze;
pub(crate) use hosts::{comment, hold, maintenance, release, retry, skip};
pub(crate) use inventory::hosts;
pub(crate) use lint::lint;
pub(crate) use man::man;
pub(crate) use manifest::manifest;
pub(crate) use orders::{Aim, adopt, approve, fleet_order, order};
pub(crate) use recipes::recipes;
pub(crate) use refresh::{because, refresh};
pub(crate) use run::run;
pub(crate) use status::{status, why};
pub(crate) use wait::wait;
