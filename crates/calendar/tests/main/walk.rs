//! An independent reading of windows, hours and freezes: time is walked through in steps, a clock is looked at, and what
//! is open is marked. It uses its own reader of zones, its own calendar and no intervals.

use ringway_calendar::{HoursIn, Intervals, Timetable, open};
use ringway_model::Timestamp;
use ringway_policy::validated::ZoneName;

use crate::fixtures::{FILES, at, documents, fleet, midnight, posix, timetable_of, zones};
use crate::reading::{Reading, date_of};

/// Ten minutes, which every change of a clock and every time used here is a multiple of.
const STEP: i64 = 600;

/// What a clock shows.
#[derive(Clone, Copy)]
struct Clock {
    day: i64,
    /// Seconds since midnight.
    time: i64,
    /// Monday is 0.
    weekday: i64,
}

fn clock(local: i64) -> Clock {
    let day = local.div_euclid(86_400);
    Clock {
        day,
        time: local.rem_euclid(86_400),
        weekday: (day + 3).rem_euclid(7),
    }
}

/// What a place shows at each step, before the first step included.
struct Walk {
    from: i64,
    locals: Vec<i64>,
}

impl Walk {
    fn new(zone: &Reading, from: Timestamp, until: Timestamp) -> Self {
        // Windows that began in the month before are still seen.
        let first = from.0 / 1000 - 32 * 86_400;
        let steps = (until.0 / 1000 - first) / STEP;
        let locals = (0..steps)
            .map(|step| first + step * STEP)
            .map(|second| second + zone.offset(second))
            .collect();
        Self {
            from: first,
            locals,
        }
    }

    /// The steps at which something begins that is announced for times of the clock: when it is shown for the first
    /// time; later by what is skipped, where it is skipped; not at all, where a day is.
    fn begins(&self, is_announced: impl Fn(Clock) -> bool) -> Vec<usize> {
        let mut begins = Vec::new();
        let mut seen = i64::MIN;
        for (step, local) in self.locals.iter().enumerate() {
            let before = if step == 0 {
                *local - STEP
            } else {
                self.locals[step - 1]
            };
            let skipped = local - before - STEP;
            if skipped > 0 && skipped < 86_400 {
                for late in (before + STEP..*local).step_by(600) {
                    if is_announced(clock(late)) {
                        let ahead = usize::try_from((late - before - STEP) / STEP).unwrap();
                        begins.push(step + ahead);
                    }
                }
            }
            if *local > seen {
                seen = *local;
                if is_announced(clock(*local)) {
                    begins.push(step);
                }
            }
        }
        begins
    }

    /// The steps that are in windows with these beginnings.
    fn window(&self, minutes: i64, is_announced: impl Fn(Clock) -> bool) -> Vec<bool> {
        let mut open = vec![false; self.locals.len()];
        let length = usize::try_from(minutes * 60 / STEP).unwrap();
        for begin in self.begins(is_announced) {
            for step in open.iter_mut().skip(begin).take(length) {
                *step = true;
            }
        }
        open
    }

    /// The steps from the first one at which the clock has come to `from` until it has come to `until` for good.
    fn frozen(&self, from: i64, until: i64) -> Vec<bool> {
        let first = self.locals.iter().position(|local| *local >= from);
        let last = self.locals.iter().rposition(|local| *local < until);
        (0..self.locals.len())
            .map(|step| {
                first.is_some_and(|first| first <= step) && last.is_some_and(|last| step <= last)
            })
            .collect()
    }

    /// The first step that differs, as UTC and as the clock.
    fn compare(&self, expected: &[bool], intervals: &Intervals, from: Timestamp, what: &str) {
        let mut count = 0;
        for (step, expected) in expected.iter().enumerate() {
            let second = self.from + i64::try_from(step).unwrap() * STEP;
            let instant = Timestamp(second * 1000);
            if instant < from {
                continue;
            }
            count += usize::from(*expected);
            let Clock { day, time, .. } = clock(self.locals[step]);
            assert_eq!(
                intervals.contains(instant),
                *expected,
                "{what} at {instant}, where the clock shows {:?} {:02}:{:02}",
                date_of(day),
                time / 3600,
                time / 60 % 60
            );
        }
        assert!(count > 100, "{what} is hardly ever open: {count}");
    }
}

fn reading(zone: &str) -> Reading {
    if zone == midnight().as_str() {
        return Reading::of(&posix("<-02>2<-01>,M3.5.0/23:30,M10.5.0/0:30"));
    }
    let (_, file) = FILES.iter().find(|(name, _)| *name == zone).unwrap();
    Reading::of(file)
}

fn of_month(day: i64) -> i64 {
    date_of(day).2
}

fn month(day: i64) -> i64 {
    date_of(day).1
}

/// Whether a day is the second Tuesday of a month.
fn second_tuesday(day: i64) -> bool {
    (day + 3).rem_euclid(7) == 1 && (8..=14).contains(&of_month(day))
}

fn last_friday(day: i64) -> bool {
    (day + 3).rem_euclid(7) == 4 && month(day) != month(day + 7)
}

fn fifth_sunday(day: i64) -> bool {
    (day + 3).rem_euclid(7) == 6 && of_month(day) > 28
}

/// A rule as it is written, how many minutes it is open, and when it begins.
type Rule = (&'static str, i64, fn(Clock) -> bool);

const RULES: [Rule; 10] = [
    ("days: fri, start: \"20:00\", for: 2h", 120, |clock| {
        clock.time == 20 * 3600 && clock.weekday == 4
    }),
    ("days: mon-thu, start: \"22:00\", for: 6h", 360, |clock| {
        clock.time == 22 * 3600 && clock.weekday < 4
    }),
    ("days: daily, start: \"2:30\", for: 40m", 40, |clock| {
        clock.time == 9000
    }),
    ("days: sat | sun, start: \"0:00\", for: 90m", 90, |clock| {
        clock.time == 0 && clock.weekday > 4
    }),
    (
        "days: second tuesday + 4d, start: \"20:00\", for: 10h",
        600,
        |clock| clock.time == 20 * 3600 && second_tuesday(clock.day - 4),
    ),
    (
        "days: last friday + 5d, start: \"23:40\", for: 26h",
        26 * 60,
        |clock| clock.time == 23 * 3600 + 2400 && last_friday(clock.day - 5),
    ),
    (
        "days: [fifth sun, last fri - 1d], start: \"1:30\", for: 5h",
        300,
        |clock| clock.time == 5400 && (fifth_sunday(clock.day) || last_friday(clock.day + 1)),
    ),
    ("cron: \"*/30 1-3 * * sun,wed\", for: 10m", 10, |clock| {
        clock.time % 1800 == 0
            && (3600..4 * 3600).contains(&clock.time)
            && matches!(clock.weekday, 2 | 6)
    }),
    ("cron: \"0 0,2 1,13,30 3-11 fri\", for: 3h", 180, |clock| {
        matches!(clock.time, 0 | 7200)
            && (3..=11).contains(&month(clock.day))
            && (matches!(of_month(clock.day), 1 | 13 | 30) || clock.weekday == 4)
    }),
    (
        "days: first mon, start: \"12:00\", for: 31d",
        31 * 24 * 60,
        |clock| clock.time == 12 * 3600 && clock.weekday == 0 && of_month(clock.day) < 8,
    ),
];

/// Every zone with five years in which its clock did something worth looking at.
const YEARS: [(&str, &str, &str); 9] = [
    (
        "Europe/Berlin",
        "2023-01-01T00:00:00Z",
        "2028-01-01T00:00:00Z",
    ),
    (
        "America/New_York",
        "2023-01-01T00:00:00Z",
        "2028-01-01T00:00:00Z",
    ),
    (
        "Australia/Lord_Howe",
        "2023-01-01T00:00:00Z",
        "2028-01-01T00:00:00Z",
    ),
    // Ramadan takes the clock back from +01 to +00, and on again.
    (
        "Africa/Casablanca",
        "2023-01-01T00:00:00Z",
        "2028-01-01T00:00:00Z",
    ),
    // Until 2019 it jumped over midnight.
    (
        "America/Sao_Paulo",
        "2015-01-01T00:00:00Z",
        "2020-01-01T00:00:00Z",
    ),
    ("Asia/Tokyo", "2023-01-01T00:00:00Z", "2028-01-01T00:00:00Z"),
    (
        "Australia/Sydney",
        "2034-01-01T00:00:00Z",
        "2039-01-01T00:00:00Z",
    ),
    // There was no 30 December 2011, a Friday.
    (
        "Pacific/Apia",
        "2009-01-01T00:00:00Z",
        "2014-01-01T00:00:00Z",
    ),
    (
        "Test/Midnight",
        "2023-01-01T00:00:00Z",
        "2028-01-01T00:00:00Z",
    ),
];

fn for_each_zone(check: impl Fn(&Walk, &ZoneName, Timestamp, Timestamp)) {
    for (name, from, until) in YEARS {
        let (from, until) = (at(from), at(until));
        let walk = Walk::new(&reading(name), from, until);
        check(&walk, &ZoneName::new(name).unwrap(), from, until);
    }
}

fn host_in(calendar: &str, zone: &ZoneName) -> Timetable {
    let text = fleet(calendar, &format!(", zone: {zone}, window: it"));
    timetable_of(&documents(&text, &[]))
}

#[test]
fn windows_are_open_when_a_clock_that_is_watched_says_so() {
    let zones = zones();
    for_each_zone(|walk, zone, from, until| {
        for (rule, minutes, begins) in RULES {
            let timetable = host_in(&format!("windows: {{ it: {{ {rule} }} }}"), zone);
            let is = open(&timetable, &zones, from, until).unwrap();
            let expected = walk.window(minutes, begins);
            walk.compare(&expected, &is, from, &format!("{rule} in {zone}"));
        }
    });
}

#[test]
fn hours_hold_while_a_clock_that_is_watched_shows_them() {
    let zones = zones();
    let text = fleet(
        "working_hours: mon-fri 08:00-18:00 | sat 22:30-03:00 | sun 0:00-24:00",
        "",
    );
    let documents = documents(&text, &[]);
    let hours = documents.fleet.unwrap().calendar.working_hours.unwrap();
    for_each_zone(|walk, zone, from, until| {
        let expected: Vec<bool> = walk
            .locals
            .iter()
            .map(|local| clock(*local))
            .map(|clock| match clock.weekday {
                0..=4 => (8 * 3600..18 * 3600).contains(&clock.time),
                5 => clock.time >= 22 * 3600 + 1800,
                _ => true,
            })
            .collect();
        let hours = HoursIn::new(&hours, zone, &zones).unwrap();
        walk.compare(
            &expected,
            &hours.open(from, until),
            from,
            &format!("hours in {zone}"),
        );
        let counted = expected
            .iter()
            .zip(0..)
            .filter(|(is, step)| **is && (walk.from + step * STEP) * 1000 >= from.0)
            .count();
        let elapsed = hours.elapsed(from, until);
        assert_eq!(
            elapsed.0,
            u64::try_from(counted).unwrap() * 600_000,
            "{zone}"
        );
        assert_eq!(
            hours.reached(from, elapsed),
            Some(hours.open(from, until).as_slice().last().unwrap().end)
        );
    });
}

/// Seconds that a clock has come to at a time of a day.
fn shown(year: i64, month: i64, of_month: i64, time: i64) -> i64 {
    let day = (0..40_000)
        .find(|day| date_of(*day) == (year, month, of_month))
        .unwrap();
    day * 86_400 + time
}

/// The host's windows, narrowed by the policy's and the ring's, less freezes of days and of times.
#[test]
fn windows_are_narrowed_and_freezes_win() {
    let zones = zones();
    for_each_zone(|walk, zone, from, until| {
        let year = 1970 + from.0 / (365 * 86_400_000) + 1;
        let calendar = format!(
            "windows:\n  it: {{ days: daily, start: \"20:00\", for: 9h }}\n  early: {{ days: mon-sat, start: \"19:00\", for: 3h }}\n  late: {{ days: tue-sun, start: \"1:00\", for: 7h }}\n  ring: {{ days: daily, start: \"21:30\", for: 20h, zone: Asia/Tokyo }}\nfreezes:\n  days: {{ from: {year}-03-20, until: {year}-04-05, reason: days }}\n  times: {{ from: {year}-10-03 02:10, until: {year}-11-01 01:30, reason: times }}"
        );
        let text = format!(
            "ringway: fleet/v1\nname: corp\nconnect: local\n{calendar}\nhosts: [{{ name: web-1, zone: {zone}, window: it }}]\n---\nringway: policy/v1\nname: monthly\napplies_to: all\nwindows: [early, late]\nrings: [{{ name: all, hosts: rest, soak: 1h, windows: [ring] }}]\n"
        );
        let timetable = timetable_of(&documents(&text, &[]));
        let is = open(&timetable, &zones, from, until).unwrap();
        let tokyo = Walk::new(&reading("Asia/Tokyo"), from, until);
        let own = walk.window(540, |clock| clock.time == 20 * 3600);
        let early = walk.window(180, |clock| clock.time == 19 * 3600 && clock.weekday < 6);
        let late = walk.window(420, |clock| clock.time == 3600 && clock.weekday > 0);
        let ring = tokyo.window(1200, |clock| clock.time == 21 * 3600 + 1800);
        let days = walk.frozen(shown(year, 3, 20, 0), shown(year, 4, 6, 0));
        let times = walk.frozen(shown(year, 10, 3, 7800), shown(year, 11, 1, 5400));
        let expected: Vec<bool> = (0..own.len())
            .map(|i| own[i] && (early[i] || late[i]) && ring[i] && !days[i] && !times[i])
            .collect();
        walk.compare(&expected, &is, from, &format!("narrowed in {zone}"));
    });
}

/// Where only the clock matters and no window, a freeze of a day is as long as the day.
#[test]
fn freezes_hold_from_day_to_day() {
    let zones = zones();
    for_each_zone(|walk, zone, from, until| {
        let calendar = "windows: { it: { days: daily, start: \"00:00\", for: 31d } }\nfreezes: { holidays: { ical: it.ics } }";
        let text = fleet(calendar, &format!(", zone: {zone}, window: it"));
        let ics = "BEGIN:VCALENDAR\nBEGIN:VEVENT\nSUMMARY:Sunday\nDTSTART;VALUE=DATE:20080106\nRRULE:FREQ=WEEKLY\nEND:VEVENT\nBEGIN:VEVENT\nSUMMARY:Nights\nDTSTART:20080101T230000\nDURATION:PT4H\nRRULE:FREQ=DAILY\nEND:VEVENT\nEND:VCALENDAR\n";
        let timetable = timetable_of(&documents(&text, &[("it.ics", ics)]));
        let is = open(&timetable, &zones, from, until).unwrap();
        let nights = walk.window(240, |clock| clock.time == 23 * 3600);
        let expected: Vec<bool> = walk
            .locals
            .iter()
            .zip(nights)
            .map(|(local, night)| clock(*local).weekday != 6 && !night)
            .collect();
        walk.compare(&expected, &is, from, &format!("events in {zone}"));
    });
}
