//! Timetables as people see them, and against an independent reading.

#[cfg(test)]
mod algebra;
#[cfg(test)]
mod arbitrary;
#[cfg(test)]
mod calendars;
#[cfg(test)]
mod fixtures;
#[cfg(test)]
mod jumps;
#[cfg(test)]
mod questions;
#[cfg(test)]
mod reading;
#[cfg(test)]
mod timetables;
#[cfg(test)]
mod walk;
