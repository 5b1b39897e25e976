//! Time zones from the bytes of a time zone database: which instants a clock means by what it shows.
//!
//! The bytes are an input. Nothing here looks for a database, and none is built in.

use std::collections::BTreeMap;

use jiff::tz::{AmbiguousOffset, TimeZone};
use ringway_model::{Digest, Hasher, Timestamp};
use ringway_policy::validated::ZoneName;

use crate::civil::{DAY, Day, Local};
use crate::interval::{Interval, Intervals};

/// No clock differs from UTC by more than this, with room: 15 h 13 m was the most there ever was.
const MOST_OFFSET: i64 = 26 * 3600;

/// The first and the last instant that are computed with, in seconds: the years 1 and 9998. What is asked before and
/// after is answered as if it were there; no rollout is.
const FIRST: i64 = -62_135_596_800;
const LAST: i64 = 253_370_764_800;

/// A zone whose bytes are not those of a zone.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the time zone database's file for `{zone}` cannot be read: {why}")]
pub struct BadZone {
    /// The zone.
    pub zone: ZoneName,
    /// Why.
    pub why: String,
}

/// A zone that a rule names and nobody handed over.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("time zone `{zone}` is not in version {version} of the time zone database")]
pub struct UnknownZone {
    /// The zone.
    pub zone: ZoneName,
    /// The version of what was handed over.
    pub version: String,
}

/// Time zones by name, all of one version of the time zone database.
#[derive(Clone, Debug)]
pub struct Zones {
    version: String,
    digest: Digest,
    by_name: BTreeMap<ZoneName, Zone>,
}

impl Zones {
    /// The zones in these files (`TZif`, RFC 9636) of a version of the database, as `2025b`. UTC is always among them.
    ///
    /// # Errors
    ///
    /// The first file that is none.
    pub fn new(
        version: impl Into<String>,
        files: &BTreeMap<ZoneName, Vec<u8>>,
    ) -> Result<Self, BadZone> {
        let version = version.into();
        let mut hasher = Hasher::default().part(version.as_bytes());
        let mut zones = BTreeMap::from([(ZoneName::utc(), Zone(TimeZone::UTC))]);
        for (name, bytes) in files {
            hasher = hasher.part(name.as_str().as_bytes()).part(bytes);
            let zone = TimeZone::tzif(name.as_str(), bytes).map_err(|error| BadZone {
                zone: name.clone(),
                why: error.to_string(),
            })?;
            zones.insert(name.clone(), Zone(zone));
        }
        Ok(Self {
            version,
            digest: hasher.finish(),
            by_name: zones,
        })
    }

    /// UTC alone.
    pub fn utc() -> Self {
        Self::new("none", &BTreeMap::new()).expect("there is no file that could be bad")
    }

    /// The version of the database.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// The digest of the version and of every file.
    pub const fn digest(&self) -> Digest {
        self.digest
    }

    /// Whether a zone is among them.
    pub fn has(&self, name: &ZoneName) -> bool {
        self.by_name.contains_key(name)
    }

    pub(crate) fn get(&self, name: &ZoneName) -> Result<&Zone, UnknownZone> {
        self.by_name.get(name).ok_or_else(|| UnknownZone {
            zone: name.clone(),
            version: self.version.clone(),
        })
    }
}

/// One zone.
#[derive(Clone, Debug)]
pub(crate) struct Zone(TimeZone);

/// When a clock shows something, in seconds.
enum Shown {
    /// Once.
    Once(i64),
    /// Twice.
    Twice(i64, i64),
    /// Not at all: it jumps over it at `jump`, by so many seconds; before that it was ahead of UTC by `before`.
    Never { jump: i64, by: i64, before: i64 },
}

fn stamp(seconds: i64) -> Timestamp {
    Timestamp(seconds * 1000)
}

fn jiff_stamp(seconds: i64) -> jiff::Timestamp {
    jiff::Timestamp::from_second(seconds.clamp(FIRST, LAST))
        .expect("the years 1 to 9998 are within what it has")
}

/// An instant within the years that are computed with.
pub(crate) fn clamped(instant: Timestamp) -> Timestamp {
    Timestamp(instant.0.clamp(FIRST * 1000, LAST * 1000))
}

/// The second an instant is in.
pub(crate) const fn second(instant: Timestamp) -> i64 {
    instant.0.div_euclid(1000)
}

impl Zone {
    /// Seconds that its clock is ahead of UTC.
    fn offset(&self, second: i64) -> i64 {
        i64::from(self.0.to_offset(jiff_stamp(second)).seconds())
    }

    /// What its clock shows at an instant.
    pub(crate) fn local(&self, instant: Timestamp) -> Local {
        let second = second(clamped(instant));
        Local(second + self.offset(second))
    }

    fn shown(&self, local: Local) -> Shown {
        let local = Local(local.0.clamp(FIRST, LAST));
        let offset = |offset: jiff::tz::Offset| i64::from(offset.seconds());
        match self.0.to_ambiguous_timestamp(date_time(local)).offset() {
            AmbiguousOffset::Unambiguous { offset: it } => Shown::Once(local.0 - offset(it)),
            AmbiguousOffset::Fold { before, after } => {
                Shown::Twice(local.0 - offset(before), local.0 - offset(after))
            }
            AmbiguousOffset::Gap { before, after } => {
                let (before, after) = (offset(before), offset(after));
                let is_jump = |at: &i64| at + before <= local.0 && local.0 < at + after;
                let jump = self
                    .jumps_after(local.0 - after)
                    .take_while(|at| *at <= local.0 - before)
                    .find(is_jump);
                Shown::Never {
                    jump: jump.unwrap_or(local.0 - before),
                    by: after - before,
                    before,
                }
            }
        }
    }

    /// The seconds after this one at which something changes.
    fn jumps_after(&self, second: i64) -> impl Iterator<Item = i64> {
        self.0
            .following(jiff_stamp(second))
            .map(|transition| transition.timestamp().as_second())
    }

    /// When something begins that was announced for this time: the first time the clock shows it; where it skips it,
    /// later by as much as it skips.
    pub(crate) fn forward(&self, local: Local) -> Timestamp {
        stamp(match self.shown(local) {
            Shown::Once(at) | Shown::Twice(at, _) => at,
            Shown::Never { before, .. } => local.0 - before,
        })
    }

    /// As [`Zone::forward`]; nothing where the whole day was skipped.
    pub(crate) fn start(&self, local: Local) -> Option<Timestamp> {
        match self.shown(local) {
            Shown::Never { by, .. } if by >= DAY => None,
            Shown::Once(_) | Shown::Twice(..) | Shown::Never { .. } => Some(self.forward(local)),
        }
    }

    /// The first instant at which the clock shows this, or jumps over it.
    pub(crate) fn first(&self, local: Local) -> Timestamp {
        stamp(match self.shown(local) {
            Shown::Once(at) | Shown::Twice(at, _) | Shown::Never { jump: at, .. } => at,
        })
    }

    /// The instant at which the clock has come to this for good.
    pub(crate) fn last(&self, local: Local) -> Timestamp {
        stamp(match self.shown(local) {
            Shown::Once(at) | Shown::Twice(_, at) | Shown::Never { jump: at, .. } => at,
        })
    }

    /// All instants at which the clock shows something from one time until before another.
    pub(crate) fn while_shown(&self, from: Local, until: Local) -> Intervals {
        let (from, until) = (from.0.clamp(FIRST, LAST), until.0.clamp(FIRST, LAST));
        let end = until + MOST_OFFSET;
        let mut start = from - MOST_OFFSET;
        let mut parts = Vec::new();
        for jump in self
            .jumps_after(start)
            .take_while(|at| *at < end)
            .chain([end])
        {
            let offset = self.offset(start);
            let (low, high) = ((from - offset).max(start), (until - offset).min(jump));
            parts.extend(Interval::new(stamp(low), stamp(high)));
            start = jump;
        }
        parts.into_iter().collect()
    }
}

fn date_time(local: Local) -> jiff::civil::DateTime {
    let (month, day) = local.day().civil();
    let small =
        |number: i64| i8::try_from(number).expect("months, days, hours and minutes are small");
    let time = local.time();
    jiff::civil::DateTime::new(
        i16::try_from(month.year).expect("it was clamped to years that exist"),
        small(month.month),
        small(day),
        small(time / 3600),
        small(time / 60 % 60),
        small(time % 60),
        0,
    )
    .expect("each part is within its bounds")
}

/// The days that a clock somewhere shows at some of these instants, with room.
pub(crate) fn days_around(from: Timestamp, until: Timestamp) -> (Day, Day) {
    (
        Local(second(clamped(from)) - MOST_OFFSET).day(),
        Local(second(clamped(until)) + MOST_OFFSET).day(),
    )
}
