//! Arguments of the commands that tell what was done.

use std::num::NonZeroUsize;
use std::str::FromStr;

use clap::{Args, Subcommand, ValueEnum};
use ringway_model::{RolloutId, Span, Timestamp};

use super::rollout::Observed;

/// What happened to a host.
#[derive(Debug, Args)]
pub(crate) struct History {
    /// The host
    #[arg(value_name = "HOST")]
    pub(crate) host: String,
    /// Only from this instant on (`2026-11-01T00:00:00Z`), or so long ago (`30d`) [default: from the first row on]
    #[arg(long, value_name = "INSTANT|SPAN")]
    pub(crate) since: Option<Since>,
    /// At most so many entries, the newest
    #[arg(long, value_name = "NUMBER", default_value = "100")]
    pub(crate) limit: NonZeroUsize,
    /// Which journal.
    #[command(flatten)]
    pub(crate) observed: Observed,
}

/// One page for whoever comes next.
#[derive(Debug, Args)]
pub(crate) struct Handover {
    /// What was decided and happened since so long ago (`8h`), or since an instant
    #[arg(long, value_name = "INSTANT|SPAN", default_value = "8h")]
    pub(crate) since: Since,
    /// Which journal.
    #[command(flatten)]
    pub(crate) observed: Observed,
}

/// A report.
#[derive(Debug, Args)]
pub(crate) struct Report {
    /// About what.
    #[command(subcommand)]
    pub(crate) what: Reported,
}

/// What a report is about.
#[derive(Debug, Subcommand)]
pub(crate) enum Reported {
    /// What every host got in a month, and what it did not
    Compliance(Compliance),
    /// One rollout as evidence: who decided what, when, over which hosts, and whether the journal is sound
    Rollout(OneRollout),
}

impl Reported {
    /// Whether it is about what is observed.
    pub(crate) const fn observes(&self) -> bool {
        match self {
            Self::Compliance(args) => args.observed.observe,
            Self::Rollout(args) => args.observed.observe,
        }
    }
}

/// The report of a month.
#[derive(Debug, Args)]
pub(crate) struct Compliance {
    /// The month, in UTC
    #[arg(long, value_name = "YYYY-MM")]
    pub(crate) month: Month,
    /// How it is written [default: as `--output` says]
    #[arg(long, value_enum)]
    pub(crate) format: Option<Table>,
    /// Which journal.
    #[command(flatten)]
    pub(crate) observed: Observed,
}

/// The report of a rollout.
#[derive(Debug, Args)]
pub(crate) struct OneRollout {
    /// The rollout, as in `r3`
    #[arg(value_name = "ROLLOUT")]
    pub(crate) rollout: RolloutId,
    /// How it is written [default: as `--output` says]
    #[arg(long, value_enum)]
    pub(crate) format: Option<Written>,
    /// Which journal.
    #[command(flatten)]
    pub(crate) observed: Observed,
}

/// How a report with a table is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Table {
    /// For people, in a terminal
    Text,
    /// One JSON value
    Json,
    /// A line for each host and rollout, for spreadsheets
    Csv,
    /// A page for a browser that loads nothing
    Html,
}

/// How a report is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Written {
    /// For people, in a terminal
    Text,
    /// One JSON value
    Json,
    /// A page for a browser that loads nothing
    Html,
}

/// An instant, or a span before now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Since {
    /// That instant.
    At(Timestamp),
    /// So long before now.
    Ago(Span),
}

impl Since {
    /// As an instant.
    pub(crate) fn from(self, now: Timestamp) -> Timestamp {
        match self {
            Self::At(at) => at,
            Self::Ago(span) => now - span,
        }
    }
}

impl FromStr for Since {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Ok(span) = text.parse() {
            return Ok(Self::Ago(span));
        }
        let at: jiff::Timestamp = text.parse().map_err(|_| {
            "neither a span such as `8h` nor an instant such as `2026-11-29T06:00:00Z`".to_owned()
        })?;
        Ok(Self::At(Timestamp(at.as_millisecond())))
    }
}

/// A month of a year, in UTC.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Month {
    /// As written.
    pub(crate) name: String,
    /// Its first instant.
    pub(crate) from: Timestamp,
    /// The first instant after it.
    pub(crate) until: Timestamp,
}

impl FromStr for Month {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || "write year and month, for example `2026-11`".to_owned();
        let (year, month) = text.split_once('-').ok_or_else(wrong)?;
        let is_number =
            |part: &str, len| part.len() == len && part.bytes().all(|b| b.is_ascii_digit());
        if !is_number(year, 4) || !is_number(month, 2) {
            return Err(wrong());
        }
        let (year, month): (i16, i8) = (
            year.parse().map_err(|_| wrong())?,
            month.parse().map_err(|_| wrong())?,
        );
        let first = |year, month| {
            let day = jiff::civil::Date::new(year, month, 1).map_err(|_| wrong())?;
            let begins = day.to_zoned(jiff::tz::TimeZone::UTC).map_err(|_| wrong())?;
            Ok::<_, String>(Timestamp(begins.timestamp().as_millisecond()))
        };
        let (next_year, next) = if month == 12 {
            (year + 1, 1)
        } else {
            (year, month + 1)
        };
        Ok(Self {
            name: text.to_owned(),
            from: first(year, month)?,
            until: first(next_year, next)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_month_begins_and_ends_at_midnight_in_utc() {
        let month: Month = "2026-12".parse().unwrap();
        assert_eq!(month.from.to_string(), "2026-12-01T00:00:00Z");
        assert_eq!(month.until.to_string(), "2027-01-01T00:00:00Z");
        for wrong in [
            "",
            "2026",
            "2026-13",
            "2026-00",
            "26-11",
            "2026-1",
            "9999-12",
            "2026-11-01",
            "+026-11",
        ] {
            assert!(wrong.parse::<Month>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_beginning_is_an_instant_or_a_span_before_now() {
        let now = Timestamp(10_000);
        let at = |text: &str| text.parse::<Since>().map(|since| since.from(now).0);
        assert_eq!(at("2s"), Ok(8_000));
        assert_eq!(at("1970-01-01T00:00:09Z"), Ok(9_000));
        assert!(at("yesterday").is_err());
    }
}
