//! Hours of a week on the clock of one zone: working hours, and hours in which people approve.

use ringway_model::{Span, Timestamp};
use ringway_policy::validated::{Hours, ZoneName};

use crate::civil::{DAY, Day};
use crate::interval::Intervals;
use crate::zones::{UnknownZone, Zone, Zones, clamped, days_around};

/// How far ahead is looked for hours. They come every week.
const AHEAD: Span = Span::hours(24 * 15);

/// How often it is looked so far ahead for enough of them: some thirty years.
const MOST_LOOKS: usize = 800;

/// Hours with the zone whose clock shows them.
#[derive(Clone, Debug)]
pub struct HoursIn<'h> {
    hours: &'h Hours,
    zone: &'h Zone,
}

impl<'h> HoursIn<'h> {
    /// These hours on the clock of a zone.
    ///
    /// # Errors
    ///
    /// A zone that is not among those.
    pub fn new(hours: &'h Hours, zone: &ZoneName, zones: &'h Zones) -> Result<Self, UnknownZone> {
        let zone = zones.get(zone)?;
        Ok(Self { hours, zone })
    }

    /// The instants at which the clock shows one of them, from one instant until before another.
    pub fn open(&self, from: Timestamp, until: Timestamp) -> Intervals {
        if from >= until {
            return Intervals::default();
        }
        let (first, last) = days_around(from, until);
        let mut all = Vec::new();
        // Hours over midnight begin on the day before.
        for day in (first.0 - 1..=last.0).map(Day) {
            for hours in &self.hours.0 {
                if !hours.days.contains(day.weekday()) {
                    continue;
                }
                let over_midnight = if hours.until > hours.from { 0 } else { DAY };
                let from = day.at(i64::from(hours.from.seconds()));
                let until = day.at(i64::from(hours.until.seconds()) + over_midnight);
                all.extend(self.zone.while_shown(from, until).iter().copied());
            }
        }
        all.into_iter().collect::<Intervals>().clip(from, until)
    }

    /// Whether the clock shows one of them.
    pub fn contains(&self, instant: Timestamp) -> bool {
        self.open(instant, instant + Span(1)).contains(instant)
    }

    /// How much of them passes from one instant to another.
    pub fn elapsed(&self, from: Timestamp, until: Timestamp) -> Span {
        self.open(from, until).total()
    }

    /// The first instant from this one on at which the clock shows one of them.
    pub fn next(&self, from: Timestamp) -> Option<Timestamp> {
        self.reached(from, Span(1)).map(|reached| reached - Span(1))
    }

    /// When so much of them has passed since an instant; none where that takes longer than thirty years.
    pub fn reached(&self, from: Timestamp, needed: Span) -> Option<Timestamp> {
        if needed == Span::ZERO {
            return Some(from);
        }
        let (mut cursor, mut missing) = (clamped(from), needed);
        for _ in 0..MOST_LOOKS {
            let end = cursor + AHEAD;
            for interval in &self.open(cursor, end) {
                if interval.length() >= missing {
                    return Some(interval.start + missing);
                }
                missing = missing.less(interval.length());
            }
            cursor = end;
        }
        None
    }
}
