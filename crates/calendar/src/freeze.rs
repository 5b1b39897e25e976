//! When freezes hold: once, or during the events of a calendar.

use std::collections::BTreeSet;

use ringway_model::{Span, Timestamp};
use ringway_policy::validated::{Event, EventLength, Frozen, Moment, RepeatEnds, ZoneName};

use crate::civil::{DAY, Day, Local};
use crate::interval::Interval;
use crate::recur;
use crate::timetable::FreezeRule;
use crate::zones::{UnknownZone, Zone, Zones, clamped, days_around};

/// The instants at which a freeze holds and that touch the time from one instant until before another, each with the
/// reason. They are not joined: two events at once have two reasons.
pub(crate) fn holds<'f>(
    rule: &'f FreezeRule,
    host: &Zone,
    zones: &Zones,
    from: Timestamp,
    until: Timestamp,
) -> Result<Vec<(Interval, &'f str)>, UnknownZone> {
    let zone = match &rule.zone {
        Some(zone) => zones.get(zone)?,
        None => host,
    };
    let reason = rule.reason.as_deref().unwrap_or_default();
    let clocks = Clocks { zone, zones };
    let mut all = Vec::new();
    match &rule.when {
        Frozen::Between { from, until } => {
            let interval = Interval::new(clocks.beginning(from)?, clocks.end(until)?);
            all.extend(interval.map(|interval| (interval, reason)));
        }
        Frozen::Events { events, .. } => {
            for event in events {
                let reason = event.summary.as_deref().unwrap_or(reason);
                let intervals = clocks.event(event, from, until)?;
                all.extend(intervals.into_iter().map(|interval| (interval, reason)));
            }
        }
    }
    all.retain(|(interval, _)| interval.start < until && from < interval.end);
    Ok(all)
}

/// When something ends at a moment: the clock of the zone has come to it for good, and a day is over.
///
/// # Errors
///
/// A zone that was not handed over.
pub fn ends(moment: &Moment, zone: &ZoneName, zones: &Zones) -> Result<Timestamp, UnknownZone> {
    let zone = zones.get(zone)?;
    Clocks { zone, zones }.end(moment)
}

/// When events of a calendar take place that touch the time from one instant until before another, each with its event, the
/// first first. `zone` is the clock of those that name none.
///
/// # Errors
///
/// A zone that is not among those handed over.
pub fn occurrences<'e>(
    events: &'e [Event],
    zone: &ZoneName,
    zones: &Zones,
    from: Timestamp,
    until: Timestamp,
) -> Result<Vec<(Interval, &'e Event)>, UnknownZone> {
    let clocks = Clocks {
        zone: zones.get(zone)?,
        zones,
    };
    let mut all = Vec::new();
    for event in events {
        let intervals = clocks.event(event, from, until)?;
        all.extend(intervals.into_iter().map(|interval| (interval, event)));
    }
    all.retain(|(interval, _)| interval.start < until && from < interval.end);
    all.sort_by_key(|(interval, _)| (interval.start, interval.end));
    Ok(all)
}

/// Every zone that events name.
pub fn zones_of_events(events: &[Event]) -> BTreeSet<ZoneName> {
    let mut zones = BTreeSet::new();
    for moment in events.iter().flat_map(Event::moments) {
        if let Moment::Zoned(_, zone) = moment {
            zones.insert(zone.clone());
        }
    }
    zones
}

/// What dates and times of a freeze mean.
struct Clocks<'z> {
    /// The zone of those that name none.
    zone: &'z Zone,
    zones: &'z Zones,
}

/// One beginning of a series on the clock of its zone.
#[derive(Clone, Copy)]
enum Begin<'z> {
    Day(Day, &'z Zone),
    Time(Local, &'z Zone),
    /// On the clock of UTC.
    Utc(Local),
}

impl Begin<'_> {
    fn day(self) -> Day {
        match self {
            Self::Day(day, _) => day,
            Self::Time(local, _) | Self::Utc(local) => local.day(),
        }
    }

    /// The same on another day.
    fn on(self, day: Day) -> Self {
        match self {
            Self::Day(_, zone) => Self::Day(day, zone),
            Self::Time(local, zone) => Self::Time(day.at(local.time()), zone),
            Self::Utc(local) => Self::Utc(day.at(local.time())),
        }
    }

    fn instant(self) -> Timestamp {
        match self {
            Self::Day(day, zone) => zone.first(day.at(0)),
            Self::Time(local, zone) => zone.forward(local),
            Self::Utc(local) => Timestamp(local.0 * 1000),
        }
    }

    /// The instant so many days of the calendar later.
    fn later(self, days: i64) -> Timestamp {
        match self {
            Self::Day(day, zone) => zone.last(day.plus(days).at(0)),
            // Elapsed time counts from the beginning itself.
            Self::Time(..) if days == 0 => self.instant(),
            Self::Time(local, zone) => zone.last(Local(local.0 + days * DAY)),
            Self::Utc(local) => Timestamp((local.0 + days * DAY) * 1000),
        }
    }
}

/// How long each event of a series is.
#[derive(Clone, Copy)]
enum Length {
    Days(i64, Span),
    Elapsed(Span),
}

impl<'z> Clocks<'z> {
    fn begin(&self, moment: &Moment) -> Result<Begin<'z>, UnknownZone> {
        Ok(match moment {
            Moment::Date(date) => Begin::Day(Day::on(*date), self.zone),
            Moment::Local(local) => Begin::Time(Local::of(*local), self.zone),
            Moment::Zoned(local, zone) => Begin::Time(Local::of(*local), self.zones.get(zone)?),
            Moment::Instant(instant) => Begin::Utc(Local(clamped(*instant).0.div_euclid(1000))),
        })
    }

    /// When a freeze begins at this moment: a clock that jumps over it has come to it.
    fn beginning(&self, moment: &Moment) -> Result<Timestamp, UnknownZone> {
        Ok(match (moment, self.begin(moment)?) {
            (Moment::Instant(instant), _) => *instant,
            (_, Begin::Time(local, zone)) => zone.first(local),
            (_, begin) => begin.instant(),
        })
    }

    /// When it ends at this moment: the clock has come to it for good, and a day is over.
    fn end(&self, moment: &Moment) -> Result<Timestamp, UnknownZone> {
        Ok(match (moment, self.begin(moment)?) {
            (Moment::Instant(instant), _) => *instant,
            (_, Begin::Time(local, zone)) => zone.last(local),
            (_, begin) => begin.later(1),
        })
    }

    fn length(&self, event: &Event) -> Result<Length, UnknownZone> {
        Ok(match &event.length {
            EventLength::For { days, time } => Length::Days(i64::from(*days), *time),
            EventLength::Until(end) => {
                if let (Some(first), Some(end)) = (event.start.as_date(), end.as_date()) {
                    // The end of a day is the first day that is not in it.
                    let days = Day::on(end).0 - Day::on(first).0;
                    return Ok(Length::Days(days, Span::ZERO));
                }
                let end = match (end, self.begin(end)?) {
                    (Moment::Instant(instant), _) => *instant,
                    (_, Begin::Time(local, zone)) => zone.last(local),
                    (_, begin) => begin.instant(),
                };
                Length::Elapsed(end.since(self.begin(&event.start)?.instant()))
            }
        })
    }

    /// The intervals of an event that may touch the time asked for.
    fn event(
        &self,
        event: &Event,
        from: Timestamp,
        until: Timestamp,
    ) -> Result<Vec<Interval>, UnknownZone> {
        let first = self.begin(&event.start)?;
        let length = self.length(event)?;
        let reach = match length {
            Length::Days(days, time) => Span::hours(24 * (days.unsigned_abs() + 1)).plus(time),
            Length::Elapsed(time) => time,
        };
        let (low, high) = days_around(clamped(clamped(from) - reach), until);
        let mut begins = match &event.repeats {
            None => vec![first],
            Some(rule) => {
                let mut days = recur::days(rule, first.day(), low, high);
                if let RepeatEnds::Through(last) = &rule.ends {
                    let last = self.through(last)?;
                    // The first one of a series is always there.
                    days.retain(|day| *day == first.day() || last(first.on(*day)));
                }
                days.into_iter().map(|day| first.on(day)).collect()
            }
        };
        for moment in &event.also {
            begins.push(match (self.begin(moment)?, first) {
                // A day of a series of times means its time.
                (Begin::Day(day, _), Begin::Time(..) | Begin::Utc(_)) => first.on(day),
                (begin, _) => begin,
            });
        }
        let without = self.without(event)?;
        begins.retain(|begin| !without.means(*begin));
        let intervals = begins.into_iter().filter_map(|begin| {
            let start = begin.instant();
            let end = match length {
                Length::Days(days, time) => begin.later(days) + time,
                Length::Elapsed(time) => start + time,
            };
            Interval::new(start, end)
        });
        Ok(intervals.collect())
    }

    fn without(&self, event: &Event) -> Result<Without, UnknownZone> {
        let mut without = Without::default();
        for moment in &event.except {
            let begin = self.begin(moment)?;
            match begin {
                Begin::Day(day, _) => {
                    without.days.insert(day);
                }
                Begin::Time(local, _) => {
                    without.days_of_times.insert(local.day());
                    without.instants.insert(begin.instant());
                }
                Begin::Utc(_) => {
                    without.instants.insert(begin.instant());
                }
            }
        }
        Ok(without)
    }

    /// Whether an event of a series that ends at this moment is still in it.
    fn through(&self, last: &Moment) -> Result<impl Fn(Begin<'z>) -> bool + use<'z>, UnknownZone> {
        let last = self.begin(last)?;
        Ok(move |begin: Begin<'z>| match (last, begin) {
            (Begin::Day(last, _), begin) => begin.day() <= last,
            (Begin::Time(last, _), Begin::Time(local, _)) => local <= last,
            (Begin::Time(last, _), begin) => begin.day() <= last.day(),
            (Begin::Utc(_), begin) => begin.instant() <= last.instant(),
        })
    }
}

/// What is left out of a series.
#[derive(Default)]
struct Without {
    days: BTreeSet<Day>,
    instants: BTreeSet<Timestamp>,
    /// The days of exceptions that name a time: those of a series of whole days mean the day.
    days_of_times: BTreeSet<Day>,
}

impl Without {
    fn means(&self, begin: Begin<'_>) -> bool {
        let is_day = self.days.contains(&begin.day());
        match begin {
            _ if is_day => true,
            Begin::Day(day, _) if self.days_of_times.contains(&day) => true,
            Begin::Day(..) | Begin::Time(..) | Begin::Utc(_) => {
                self.instants.contains(&begin.instant())
            }
        }
    }
}
