//! When windows begin, day by day on the clock of their zone, and the intervals that makes.

use std::collections::BTreeSet;

use ringway_model::Timestamp;
use ringway_policy::validated::{
    Cron, CronDays, DayRule, Nth, Starts, TimeOfDay, Weekday, Window, ZoneName,
};

use crate::civil::{Day, Local, Month};
use crate::interval::{Interval, Intervals};
use crate::zones::{UnknownZone, Zone, Zones, clamped, days_around};

/// The instants at which a window is open, from one instant until before another.
pub(crate) fn open(window: &Window, zone: &Zone, from: Timestamp, until: Timestamp) -> Intervals {
    let before = clamped(clamped(from) - window.length);
    let (first, last) = days_around(before, until);
    let all: Intervals = starts(&window.starts, first, last)
        .into_iter()
        .filter_map(|local| zone.start(local))
        .filter_map(|start| Interval::new(start, start + window.length))
        .collect();
    all.clip(from, until)
}

/// A beginning that a clock skips.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moved {
    /// The day: `sun 2027-03-28`.
    pub day: String,
    /// When the window says it begins.
    pub said: TimeOfDay,
    /// What the clock shows when it does.
    pub shown: TimeOfDay,
}

/// The first beginning of a window that the clock skips, from one instant until before another; none where the window begins
/// at that instant anyway, by its own rule.
///
/// # Errors
///
/// The zone is not among those handed over.
pub fn moved(
    window: &Window,
    zone: &ZoneName,
    zones: &Zones,
    from: Timestamp,
    until: Timestamp,
) -> Result<Option<Moved>, UnknownZone> {
    let zone = zones.get(zone)?;
    let (first, last) = days_around(from, until);
    let all = starts(&window.starts, first, last);
    let said: BTreeSet<Local> = all.iter().copied().collect();
    let moved = all.into_iter().find_map(|local| {
        let start = zone.start(local)?;
        let shown = zone.local(start);
        let is_moved = shown != local && !said.contains(&shown);
        if !is_moved || start < from || until <= start {
            return None;
        }
        let (month, day) = shown.day().civil();
        let weekday = shown.day().weekday().short();
        Some(Moved {
            day: format!("{weekday} {:04}-{:02}-{day:02}", month.year, month.month),
            said: time_of(local),
            shown: time_of(shown),
        })
    });
    Ok(moved)
}

fn time_of(local: Local) -> TimeOfDay {
    let seconds = u32::try_from(local.time()).expect("less than a day");
    TimeOfDay::new(seconds / 3600, seconds / 60 % 60, seconds % 60).expect("a time of a day")
}

/// What the clock shows at each beginning on these days.
fn starts(starts: &Starts, first: Day, last: Day) -> Vec<Local> {
    match starts {
        Starts::On { days, at } => {
            let seconds = i64::from(at.seconds());
            let days = days
                .iter()
                .flat_map(|rule| named(*rule, first, last))
                .collect::<BTreeSet<Day>>();
            days.into_iter().map(|day| day.at(seconds)).collect()
        }
        Starts::Cron(cron) => each(first, last)
            .filter(|day| cron_names(cron, *day))
            .flat_map(|day| times(cron).map(move |seconds| day.at(seconds)))
            .collect(),
    }
}

fn each(first: Day, last: Day) -> impl Iterator<Item = Day> {
    (first.0..=last.0).map(Day)
}

/// The days that a rule names.
fn named(rule: DayRule, first: Day, last: Day) -> Vec<Day> {
    match rule {
        DayRule::Weekly(days) => each(first, last)
            .filter(|day| days.contains(day.weekday()))
            .collect(),
        DayRule::Monthly { nth, weekday, plus } => {
            // The day that is counted from may be in a month before or after.
            let plus = i64::from(plus);
            let (from, _) = first.plus(-plus).civil();
            let (to, _) = last.plus(-plus).civil();
            (from.number()..=to.number())
                .filter_map(|number| nth_of(Month::of_number(number), nth, weekday))
                .map(|day| day.plus(plus))
                .filter(|day| (first..=last).contains(day))
                .collect()
        }
    }
}

/// The n-th of its weekdays in a month; not every month has a fifth.
fn nth_of(month: Month, nth: Nth, weekday: Weekday) -> Option<Day> {
    let ahead = |from: Day| {
        let wanted = i64::from(weekday.number()) + 7 - i64::from(from.weekday().number());
        from.plus(wanted % 7)
    };
    let weeks = match nth {
        Nth::First => 0,
        Nth::Second => 1,
        Nth::Third => 2,
        Nth::Fourth => 3,
        Nth::Fifth => 4,
        // The seven days at the end have one of each.
        Nth::Last => return Some(ahead(month.first().plus(month.length() - 7))),
    };
    let day = ahead(month.first()).plus(7 * weeks);
    (day.civil().0 == month).then_some(day)
}

fn cron_names(cron: &Cron, day: Day) -> bool {
    let (month, of_month) = day.civil();
    let is_of_month = |days: u32| days >> of_month & 1 == 1;
    cron.months >> month.month & 1 == 1
        && match cron.days {
            CronDays::Every => true,
            CronDays::OfMonth(days) => is_of_month(days),
            CronDays::OfWeek(days) => days.contains(day.weekday()),
            CronDays::Either(of_month, of_week) => {
                is_of_month(of_month) || of_week.contains(day.weekday())
            }
        }
}

/// Seconds since midnight at which a cron rule begins.
fn times(cron: &Cron) -> impl Iterator<Item = i64> {
    let (hours, minutes) = (cron.hours, cron.minutes);
    (0..24_i64)
        .filter(move |hour| hours >> hour & 1 == 1)
        .flat_map(move |hour| {
            (0..60_i64)
                .filter(move |minute| minutes >> minute & 1 == 1)
                .map(move |minute| hour * 3600 + minute * 60)
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn days(nth: Nth, weekday: Weekday, plus: i16, from: Day, to: Day) -> Vec<(i64, i64, i64)> {
        named(DayRule::Monthly { nth, weekday, plus }, from, to)
            .into_iter()
            .map(|day| {
                let (month, of_month) = day.civil();
                (month.year, month.month, of_month)
            })
            .collect()
    }

    #[test]
    fn days_of_a_month_are_counted() {
        let (from, to) = (Day::of(2026, 1, 1), Day::of(2026, 4, 30));
        assert_eq!(
            days(Nth::Second, Weekday::Tuesday, 4, from, to),
            [(2026, 1, 17), (2026, 2, 14), (2026, 3, 14), (2026, 4, 18)]
        );
        assert_eq!(
            days(Nth::Last, Weekday::Friday, 0, from, to),
            [(2026, 1, 30), (2026, 2, 27), (2026, 3, 27), (2026, 4, 24)]
        );
        // Only months with a fifth one have a day.
        assert_eq!(
            days(Nth::Fifth, Weekday::Thursday, 0, from, to),
            [(2026, 1, 29), (2026, 4, 30)]
        );
    }

    #[test]
    fn an_offset_leads_into_another_month_and_another_year() {
        let (from, to) = (Day::of(2026, 12, 25), Day::of(2027, 2, 3));
        assert_eq!(
            days(Nth::Last, Weekday::Thursday, 5, from, to),
            [(2027, 1, 5), (2027, 2, 2)]
        );
        assert_eq!(
            days(Nth::First, Weekday::Friday, -3, from, to),
            [(2026, 12, 29), (2027, 2, 2)]
        );
        assert_eq!(
            days(
                Nth::First,
                Weekday::Friday,
                -31,
                Day::of(2026, 12, 1),
                Day::of(2026, 12, 1)
            ),
            [(2026, 12, 1)]
        );
    }
}
