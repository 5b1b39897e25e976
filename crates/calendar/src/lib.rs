//! When work may run: windows, freezes and hours as documents have them, turned into instants.
//!
//! The crate decides which instants a rule means. It reads no clock and no time zone database: the time is an argument,
//! and the database's bytes are an input ([`Zones`]) with a version and a digest, so the same rules with the same bytes
//! give the same instants on every machine, for ever. A newer database is another input.
//!
//! * [`Timetable`] is the rule of one host in one ring of a policy: its own windows, narrowed, and the freezes it is in.
//!   It is plain data that a plan can carry.
//! * [`Opening`] reads a timetable with zones and answers: when is it open, is it now and until when, where does a visit
//!   of some length fit, and why is it closed.
//! * [`HoursIn`] does the same for hours of a week: how much working time has passed, and when enough will have.
//! * [`Intervals`] is the algebra below: sorted, disjoint, half-open.
//!
//! # What a clock means
//!
//! Rules speak of clocks, and clocks jump. These are the rules for every jump, of an hour, of half an hour (Lord Howe) or
//! of a day (Apia in 2011); `docs/explanation/calendars.md` has the reasons.
//!
//! * A window begins when its clock shows its start. Where the clock shows it twice, at the first time; where the clock
//!   skips it, later by as much as was skipped. A day that a place skipped altogether has no window.
//! * A window lasts its length in elapsed time, whatever the clock does meanwhile, and belongs to the day it begins on.
//! * Hours hold while the clock shows one of them: a skipped hour is no working time, one that comes twice counts twice.
//! * A freeze holds from the first instant at which its clock shows its beginning, or has passed it, until the clock
//!   has passed its end for good. A day is as long as it is there: 23 hours, 25, or none.
//! * Windows and freezes are joined as sets of instants. A freeze wins over every window.
//!
//! # Invariants
//!
//! * Nothing here fails once zones are known: a rule that never opens is an answer.
//! * Intervals are half-open, so two that touch are one, and a window may end at the instant at which a freeze begins.

mod civil;
mod freeze;
mod hours;
mod interval;
mod opening;
mod recur;
mod timetable;
mod window;
mod words;
mod zones;

pub use freeze::ends;
pub use freeze::{occurrences, zones_of_events};
pub use hours::HoursIn;
pub use interval::{Interval, Intervals};
pub use opening::{Because, Opening, State, open};
pub use timetable::{FreezeRule, Layer, Timetable, Timetables, Whose, zones_of};
pub use window::{Moved, moved};
pub use zones::{BadZone, UnknownZone, Zones};
