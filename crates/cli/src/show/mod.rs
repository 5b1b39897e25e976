//! Views as text for people. Pure: values in, text out; nothing here asks or prints.

mod bar;
mod fleet;
mod host;
mod narrate;
mod paint;
mod progress;
mod words;

pub(crate) use fleet::{approval, fleet, rollout};
pub(crate) use host::{host, ring_waits, rollout_waits};
pub(crate) use narrate::Narrator;
pub(crate) use paint::bold;
pub(crate) use progress::changes;
pub(crate) use words::{hosts, put};
