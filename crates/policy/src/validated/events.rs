//! Events of an iCalendar file that block time, with what they repeat by. Cancelled and transparent ones are not here.

use ringway_model::Span;
use serde::{Deserialize, Serialize};

use super::calendar::{Date, LocalTime, Moment, Weekday};

/// One event, or a series of them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Event {
    /// What it is called; a person sees it as the reason.
    pub summary: Option<String>,
    /// When it begins; the first one of a series.
    pub start: Moment,
    /// How long each one is.
    pub length: EventLength,
    /// How it repeats.
    pub repeats: Option<Repeat>,
    /// Further beginnings.
    pub also: Vec<Moment>,
    /// Beginnings of the series that are left out: excluded, cancelled, or events of their own.
    pub except: Vec<Moment>,
}

/// How long an event is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum EventLength {
    /// The first one ends then, and the others have the same elapsed time.
    Until(Moment),
    /// So many days of the calendar, and then so much elapsed time.
    For {
        /// Days of the calendar, of 23 to 25 hours.
        days: u32,
        /// Elapsed time.
        time: Span,
    },
}

/// How an event repeats.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Repeat {
    /// By what.
    pub every: Frequency,
    /// In every how many of them.
    pub interval: u32,
    /// How it ends.
    pub ends: RepeatEnds,
    /// Days of the week, each alone (0) or the n-th of its period, from the end where negative.
    pub by_day: Vec<(i16, Weekday)>,
    /// Days of the month, from 1; from the end where negative.
    pub by_month_day: Vec<i8>,
    /// Months, from 1.
    pub by_month: Vec<u8>,
    /// Which of the days found in each period, from 1; from the end where negative.
    pub by_position: Vec<i16>,
    /// On which day a week begins.
    pub week_start: Weekday,
}

/// By what an event repeats.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[expect(missing_docs, reason = "days, weeks, months and years")]
pub enum Frequency {
    Daily,
    Weekly,
    Monthly,
    Yearly,
}

/// How a series ends.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum RepeatEnds {
    /// Not at all.
    Never,
    /// After so many, the first among them.
    After(u32),
    /// With the last one that begins at this moment or before.
    Through(Moment),
}

impl Event {
    /// Every moment that it names.
    pub fn moments(&self) -> impl Iterator<Item = &Moment> {
        let end = match &self.length {
            EventLength::Until(end) => Some(end),
            EventLength::For { .. } => None,
        };
        let through = self.repeats.as_ref().and_then(|rule| match &rule.ends {
            RepeatEnds::Through(last) => Some(last),
            RepeatEnds::After(_) | RepeatEnds::Never => None,
        });
        let named = self.also.iter().chain(&self.except);
        let first = std::iter::once(&self.start);
        first.chain(end).chain(through).chain(named)
    }

    /// Whether it begins or ends on a clock that it does not name.
    pub fn needs_zone(&self) -> bool {
        self.moments().any(|moment| match moment {
            Moment::Date(_) | Moment::Local(_) => true,
            Moment::Zoned(..) | Moment::Instant(_) => false,
        })
    }
}

impl Moment {
    /// The date and the time on the clock as written; none for an instant.
    pub fn on_the_clock(&self) -> Option<LocalTime> {
        match self {
            Self::Date(date) => Some(LocalTime {
                date: *date,
                time: super::calendar::TimeOfDay::MIDNIGHT,
            }),
            Self::Local(local) | Self::Zoned(local, _) => Some(*local),
            Self::Instant(_) => None,
        }
    }

    /// The date, where it is a whole day.
    pub const fn as_date(&self) -> Option<Date> {
        match self {
            Self::Date(date) => Some(*date),
            Self::Local(_) | Self::Zoned(..) | Self::Instant(_) => None,
        }
    }
}
