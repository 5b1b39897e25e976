//! Timetables as people see them, and against an independent reading.

mod algebra;
mod arbitrary;
mod calendars;
mod fixtures;
mod jumps;
mod questions;
mod reading;
mod timetables;
mod walk;
