//! When work may run and when it may not, as it was written: windows, freezes and hours. Nothing here knows what a time
//! zone says; the `calendar` crate turns these rules into instants.

use std::collections::BTreeMap;
use std::fmt;

use ringway_model::{Digest, Selector, Span, Timestamp};
use serde::{Deserialize, Serialize};

use super::events::Event;

/// The name of a time zone as the time zone database has it: `Europe/Berlin`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ZoneName(String);

impl ZoneName {
    /// The zone without offset and without change; every time zone database has it.
    pub const UTC: &'static str = "UTC";

    /// A name of the right form: words of letters, digits and `_+-`, separated by `/`.
    pub fn new(text: &str) -> Option<Self> {
        let is_word = |word: &str| {
            !word.is_empty()
                && word
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'+' | b'-'))
        };
        let begins = text.bytes().next().is_some_and(|b| b.is_ascii_alphabetic());
        (begins && text.len() <= 64 && text.split('/').all(is_word)).then(|| Self(text.to_owned()))
    }

    /// UTC.
    pub fn utc() -> Self {
        Self(Self::UTC.to_owned())
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ZoneName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A day of the week.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the days of the week")]
pub enum Weekday {
    Monday,
    Tuesday,
    Wednesday,
    Thursday,
    Friday,
    Saturday,
    Sunday,
}

impl Weekday {
    /// All of them, from Monday.
    pub const ALL: [Self; 7] = [
        Self::Monday,
        Self::Tuesday,
        Self::Wednesday,
        Self::Thursday,
        Self::Friday,
        Self::Saturday,
        Self::Sunday,
    ];

    /// Days since Monday.
    pub const fn number(self) -> u8 {
        self as u8
    }

    /// The day so many days after Monday, in any week.
    pub fn of_number(number: u8) -> Self {
        Self::ALL[usize::from(number % 7)]
    }

    /// As it is written in documents: `mon`.
    pub const fn short(self) -> &'static str {
        match self {
            Self::Monday => "mon",
            Self::Tuesday => "tue",
            Self::Wednesday => "wed",
            Self::Thursday => "thu",
            Self::Friday => "fri",
            Self::Saturday => "sat",
            Self::Sunday => "sun",
        }
    }

    /// Its full name: `monday`.
    pub const fn long(self) -> &'static str {
        match self {
            Self::Monday => "monday",
            Self::Tuesday => "tuesday",
            Self::Wednesday => "wednesday",
            Self::Thursday => "thursday",
            Self::Friday => "friday",
            Self::Saturday => "saturday",
            Self::Sunday => "sunday",
        }
    }
}

/// Some days of the week.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Weekdays(u8);

impl Weekdays {
    /// Every day.
    pub const DAILY: Self = Self(0x7f);

    /// With one more day.
    #[must_use]
    pub const fn with(self, day: Weekday) -> Self {
        Self(self.0 | 1 << day.number())
    }

    /// With the days of another set.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// From one day through another; over the end of the week where the other is earlier.
    pub fn range(from: Weekday, to: Weekday) -> Self {
        let length = (to.number() + 7 - from.number()) % 7;
        (0..=length).fold(Self::default(), |days, step| {
            days.with(Weekday::of_number(from.number() + step))
        })
    }

    /// Whether the day is one of them.
    pub const fn contains(self, day: Weekday) -> bool {
        self.0 >> day.number() & 1 == 1
    }

    /// Whether there is none.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }
}

impl FromIterator<Weekday> for Weekdays {
    fn from_iter<I: IntoIterator<Item = Weekday>>(days: I) -> Self {
        days.into_iter().fold(Self::default(), Self::with)
    }
}

/// As it would be written: `mon-thu`, `sat | sun`, `daily`.
impl fmt::Display for Weekdays {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if *self == Self::DAILY {
            return f.write_str("daily");
        }
        let mut separator = "";
        let mut at = 0;
        while at < 7 {
            if !self.contains(Weekday::of_number(at)) {
                at += 1;
                continue;
            }
            let first = at;
            while at < 7 && self.contains(Weekday::of_number(at)) {
                at += 1;
            }
            let (from, to) = (Weekday::of_number(first), Weekday::of_number(at - 1));
            match at - first {
                1 => write!(f, "{separator}{}", from.short())?,
                2 => write!(f, "{separator}{} | {}", from.short(), to.short())?,
                _ => write!(f, "{separator}{}-{}", from.short(), to.short())?,
            }
            separator = " | ";
        }
        Ok(())
    }
}

/// A time on the clock of some place, in seconds since midnight; 24:00 is the end of the day.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct TimeOfDay(u32);

impl TimeOfDay {
    /// The beginning of the day.
    pub const MIDNIGHT: Self = Self(0);
    /// Its end.
    pub const END: Self = Self(86_400);

    /// A time from 00:00:00 to 24:00:00.
    pub const fn new(hours: u32, minutes: u32, seconds: u32) -> Option<Self> {
        if hours > 24 || minutes > 59 || seconds > 59 {
            return None;
        }
        let total = hours * 3600 + minutes * 60 + seconds;
        if total > Self::END.0 {
            return None;
        }
        Some(Self(total))
    }

    /// Seconds since midnight.
    pub const fn seconds(self) -> u32 {
        self.0
    }
}

/// `22:00`, with seconds where there are some.
impl fmt::Display for TimeOfDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (hours, minutes, seconds) = (self.0 / 3600, self.0 / 60 % 60, self.0 % 60);
        write!(f, "{hours:02}:{minutes:02}")?;
        if seconds > 0 {
            write!(f, ":{seconds:02}")?;
        }
        Ok(())
    }
}

/// A day on the calendar of some place. It is a day of the Gregorian calendar in the years 1 to 9999.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Date {
    /// The year.
    pub year: i16,
    /// The month, from 1.
    pub month: u8,
    /// The day of the month, from 1.
    pub day: u8,
}

impl Date {
    /// The date, if there is such a day.
    pub fn new(year: i16, month: u8, day: u8) -> Option<Self> {
        let (m, d) = (i8::try_from(month).ok()?, i8::try_from(day).ok()?);
        let is_day = year >= 1 && jiff::civil::Date::new(year, m, d).is_ok();
        is_day.then_some(Self { year, month, day })
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}

/// A date and a time on the clock of some place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct LocalTime {
    /// The date.
    pub date: Date,
    /// The time.
    pub time: TimeOfDay,
}

impl fmt::Display for LocalTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.date, self.time)
    }
}

/// A point in time as people write it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Moment {
    /// A whole day, wherever it is read.
    Date(Date),
    /// A time on the clock, wherever it is read.
    Local(LocalTime),
    /// A time on the clock of one zone.
    Zoned(LocalTime, ZoneName),
    /// An instant.
    Instant(Timestamp),
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Date(date) => date.fmt(f),
            Self::Local(local) => local.fmt(f),
            Self::Zoned(local, zone) => write!(f, "{local} {zone}"),
            Self::Instant(instant) => instant.fmt(f),
        }
    }
}

/// Which one of the days of a month that have the same name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[expect(missing_docs, reason = "ordinal numbers")]
pub enum Nth {
    First,
    Second,
    Third,
    Fourth,
    /// Not every month has one; then it names no day.
    Fifth,
    Last,
}

impl Nth {
    /// All, with their words.
    pub const ALL: [(&'static str, Self); 6] = [
        ("first", Self::First),
        ("second", Self::Second),
        ("third", Self::Third),
        ("fourth", Self::Fourth),
        ("fifth", Self::Fifth),
        ("last", Self::Last),
    ];

    /// Its word.
    pub const fn word(self) -> &'static str {
        Self::ALL[self as usize].0
    }
}

/// A rule that names days.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum DayRule {
    /// These days of every week.
    Weekly(Weekdays),
    /// One day of every month, and so many days after it or before it: the day so found may be in another month.
    Monthly {
        /// Which one.
        nth: Nth,
        /// Of which.
        weekday: Weekday,
        /// Days after it; before it where negative.
        plus: i16,
    },
}

/// As it would be written: `second tuesday + 4d`.
impl fmt::Display for DayRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Weekly(days) => days.fmt(f),
            Self::Monthly { nth, weekday, plus } => {
                write!(f, "{} {}", nth.word(), weekday.long())?;
                match plus {
                    0 => Ok(()),
                    1.. => write!(f, " + {plus}d"),
                    ..0 => write!(f, " - {}d", plus.unsigned_abs()),
                }
            }
        }
    }
}

/// A rule of five fields as cron has it; each field as a set of bits.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Cron {
    /// Minutes 0 to 59.
    pub minutes: u64,
    /// Hours 0 to 23.
    pub hours: u32,
    /// Which days, within the months.
    pub days: CronDays,
    /// Months 1 to 12.
    pub months: u16,
    /// The rule as written.
    pub text: String,
}

/// Which days a cron rule means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum CronDays {
    /// All.
    Every,
    /// These of the month: bits 1 to 31.
    OfMonth(u32),
    /// These of the week.
    OfWeek(Weekdays),
    /// Either of both, as cron has always read two restricted fields.
    Either(u32, Weekdays),
}

/// When a window begins.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Starts {
    /// At a time of some days.
    On {
        /// Rules that name the days; at least one. A day that two name is named once.
        days: Vec<DayRule>,
        /// The time.
        at: TimeOfDay,
    },
    /// As a cron rule says.
    Cron(Cron),
}

/// Whether something stronger may ignore a window or a freeze.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Binding {
    /// A lane that was reviewed for it may, and of a freeze a person, where the policy lets them.
    #[default]
    Usual,
    /// Nothing may.
    Always,
}

/// A maintenance window: when work may run on hosts that have it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Window {
    /// When it begins.
    pub starts: Starts,
    /// How long it is open from then, in elapsed time.
    pub length: Span,
    /// Whose clock it means; absent: the host's.
    pub zone: Option<ZoneName>,
    /// Whether something may ignore it.
    pub binding: Binding,
}

/// As it would be written, in one line: `mon-thu 22:00 for 6h`.
impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.starts {
            Starts::On { days, at } => {
                for (i, rule) in days.iter().enumerate() {
                    let separator = if i == 0 { "" } else { " | " };
                    write!(f, "{separator}{rule}")?;
                }
                write!(f, " {at}")?;
            }
            Starts::Cron(cron) => write!(f, "cron `{}`", cron.text)?,
        }
        write!(f, " for {}", self.length)?;
        match &self.zone {
            Some(zone) => write!(f, " ({zone})"),
            None => Ok(()),
        }
    }
}

/// Hours of a week: working hours, and hours for approvals.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Hours(pub Vec<HoursOfDay>);

/// One range of hours on some days.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct HoursOfDay {
    /// The days on which it begins.
    pub days: Weekdays,
    /// From this time on the clock.
    pub from: TimeOfDay,
    /// Until before this one; of the next day where it is not later than `from`.
    pub until: TimeOfDay,
}

impl fmt::Display for Hours {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, HoursOfDay { days, from, until }) in self.0.iter().enumerate() {
            let separator = if i == 0 { "" } else { " | " };
            write!(f, "{separator}{days} {from}-{until}")?;
        }
        Ok(())
    }
}

/// When no work may run on some hosts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Freeze {
    /// Which hosts.
    pub select: Selector,
    /// Why; absent only where events say it themselves.
    pub reason: Option<String>,
    /// Whose clock dates and times without a zone mean; absent: each host's.
    pub zone: Option<ZoneName>,
    /// When.
    pub when: Frozen,
    /// Whether something may ignore it.
    pub binding: Binding,
}

/// When a freeze holds.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Frozen {
    /// Once.
    Between {
        /// From this moment; a date: from its beginning.
        from: Moment,
        /// Until before this moment; a date: until its end.
        until: Moment,
    },
    /// During the events of an iCalendar file.
    Events {
        /// The file as written.
        file: String,
        /// The digest of the lines of it that are about its events, which are kept with the documents.
        digest: Digest,
        /// Its events that block time.
        events: Vec<Event>,
    },
}

/// Whether people may work in a freeze of a policy's rollouts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum FreezeOverride {
    /// Nobody may.
    #[default]
    Never,
    /// Who gives a reason may.
    WithReason,
}

/// What a fleet says about when work may run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FleetCalendar {
    /// The zone of hosts that have none of their own; absent: UTC.
    pub zone: Option<ZoneName>,
    /// When people are at work, on the clock of the fleet's zone.
    pub working_hours: Option<Hours>,
    /// Windows by name.
    pub windows: BTreeMap<String, Window>,
    /// Freezes by name.
    pub freezes: BTreeMap<String, Freeze>,
}

impl FleetCalendar {
    /// The zone of hosts that have none of their own, of the working hours and of the hours for approvals.
    pub fn default_zone(&self) -> ZoneName {
        self.zone.clone().unwrap_or_else(ZoneName::utc)
    }
}

/// What a host says about when work may run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostCalendar {
    /// Its windows, of the fleet's: work may run in any of them. None: at any time.
    pub windows: Vec<String>,
    /// Its zone; absent: the fleet's.
    pub zone: Option<ZoneName>,
}

/// What a policy says about when work may run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyCalendar {
    /// Windows of the fleet of which one must be open too. None: no further limit.
    pub windows: Vec<String>,
    /// Freezes by name.
    pub freezes: BTreeMap<String, Freeze>,
    /// Whether people may work in a freeze.
    pub freeze_override: FreezeOverride,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_written_as_people_write_them() {
        use Weekday::{Friday, Monday, Saturday, Sunday, Thursday, Tuesday};
        for (days, text) in [
            (Weekdays::range(Monday, Thursday), "mon-thu"),
            (Weekdays::range(Saturday, Monday), "mon | sat | sun"),
            (Weekdays::range(Saturday, Sunday), "sat | sun"),
            (Weekdays::range(Tuesday, Monday), "daily"),
            (Weekdays::default().with(Friday), "fri"),
        ] {
            assert_eq!(days.to_string(), text);
        }
    }

    #[test]
    fn names_of_zones_have_a_form() {
        for name in [
            "UTC",
            "Europe/Berlin",
            "America/Argentina/Buenos_Aires",
            "Etc/GMT+5",
        ] {
            assert_eq!(ZoneName::new(name).unwrap().as_str(), name);
        }
        for name in [
            "",
            "/Berlin",
            "Europe/",
            "W. Europe",
            "+02:00",
            "Europe/Köln",
        ] {
            assert_eq!(ZoneName::new(name), None, "{name}");
        }
    }
}
