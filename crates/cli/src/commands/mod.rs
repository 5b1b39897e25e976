//! The commands, each from its arguments to an exit code.

mod by_hand;
mod calendar;
mod completions;
mod diff;
mod documents;
mod due;
mod freezes;
mod hosts;
mod later;
mod lint;
mod manifest;
mod orders;
mod recipes;
mod run;
mod status;
mod wait;

pub(crate) use by_hand::{done, evidence};
pub(crate) use calendar::calendar;
pub(crate) use completions::completions;
pub(crate) use diff::diff;
pub(crate) use documents::{check, plan, schema};
pub(crate) use due::due;
pub(crate) use freezes::override_freeze;
pub(crate) use hosts::{comment, hold, maintenance, release, retry, skip};
pub(crate) use lint::lint;
pub(crate) use manifest::manifest;
pub(crate) use orders::{Aim, adopt, approve, fleet_order, order};
pub(crate) use recipes::recipes;
pub(crate) use run::run;
pub(crate) use status::{status, why};
pub(crate) use wait::wait;
