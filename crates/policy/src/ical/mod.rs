//! iCalendar files (RFC 5545) as freezes: which events block time, and what they repeat by.
//!
//! The crate reads no file; the edge hands over what a freeze names, like an inventory. Read is what the calendars of
//! offices really contain; what means something else or cannot be followed exactly is refused by name, with its line. A
//! series is kept as its rule; the `calendar` crate finds its days.
//!
//! # Invariants
//!
//! * Whatever bytes come, the answer is events or problems, and its cost is bounded by the size of the file.
//! * An event that blocks time is never passed over in silence: it is kept, or the file is refused.

mod component;
mod event;
mod fill;
mod line;
mod rule;
mod value;
mod zone;

pub use fill::{CalendarFile, read_calendar};
pub(crate) use fill::{Ical, Texts, fill};
