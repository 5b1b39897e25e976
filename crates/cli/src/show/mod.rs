//! Views as text for people. Pure: values in, text out; nothing here asks or prints.

mod advisory;
mod approving;
mod bar;
mod came;
mod coverage;
mod despite;
mod errand;
mod fleet;
mod host;
mod narrate;
mod observed;
mod paint;
mod progress;
mod protection;
mod said;
mod unpoison;
mod words;

pub(crate) use advisory::{about_rollout, advisories, advisory, asks};
pub(crate) use approving::approving;
pub(crate) use came::came_of;
pub(crate) use errand::errand;
pub(crate) use fleet::{exceptions, fleet, holds, poisons, reasons, rollout, shortened, shown};
pub(crate) use host::{host, ring_waits, rollout_waits};
pub(crate) use narrate::{Narrator, ending, host_state};
pub(crate) use observed::observed;
#[cfg(test)]
pub(crate) use paint::plain;
pub(crate) use paint::{Paint, bold, paint};
pub(crate) use progress::changes;
pub(crate) use protection::protections;
pub(crate) use said::{last_word_briefly, telling};
pub(crate) use unpoison::{after_a_yes, agreeing, became_of, unpoisonings};
pub(crate) use words::{due as due_at, hosts, in_words, named, put, until};
