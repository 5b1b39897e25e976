//! What happens when a clock jumps, case by case: what a person who is asked at night can look up.

use ringway_calendar::{Intervals, moved, open};

use crate::fixtures::{at, documents, fleet, timetable, timetable_of, zones};

/// The intervals as `from/until`, both in UTC without the year.
fn shown(intervals: &Intervals) -> String {
    let short = |instant: ringway_model::Timestamp| instant.to_string()[5..16].to_owned();
    intervals
        .iter()
        .map(|interval| format!("{}/{}", short(interval.start), short(interval.end)))
        .collect::<Vec<_>>()
        .join(" ")
}

fn window(zone: &str, rule: &str, from: &str, until: &str) -> String {
    let timetable = timetable(
        &format!("zone: {zone}\nwindows: {{ it: {{ {rule} }} }}"),
        ", window: it",
    );
    shown(&open(&timetable, &zones(), at(from), at(until)).unwrap())
}

fn freeze(zone: &str, rule: &str, from: &str, until: &str) -> String {
    let timetable = timetable(
        &format!("zone: {zone}\nfreezes: {{ it: {{ {rule}, reason: it }} }}"),
        "",
    );
    let open = open(&timetable, &zones(), at(from), at(until)).unwrap();
    shown(&Intervals::whole(at(from), at(until)).difference(&open))
}

/// At the end of March clocks in Berlin jump from 02:00 to 03:00, in October back from 03:00 to 02:00.
#[test]
fn a_window_begins_later_by_what_is_skipped_and_only_the_first_of_two_times() {
    let start = |from, until| {
        window(
            "Europe/Berlin",
            "days: sun, start: \"02:30\", for: 1h",
            from,
            until,
        )
    };
    assert_eq!(
        start("2026-03-28T12:00:00Z", "2026-03-29T12:00:00Z"),
        "03-29T01:30/03-29T02:30"
    );
    assert_eq!(
        start("2026-10-24T12:00:00Z", "2026-10-25T12:00:00Z"),
        "10-25T00:30/10-25T01:30"
    );
}

/// Whoever was promised six hours gets six hours; the clock shows five or seven later.
#[test]
fn a_window_over_a_change_of_the_clock_keeps_its_length() {
    let night = |from, until| {
        window(
            "Europe/Berlin",
            "days: sat, start: \"22:00\", for: 6h",
            from,
            until,
        )
    };
    assert_eq!(
        night("2026-03-28T12:00:00Z", "2026-03-29T12:00:00Z"),
        "03-28T21:00/03-29T03:00"
    );
    assert_eq!(
        night("2026-10-24T12:00:00Z", "2026-10-25T12:00:00Z"),
        "10-24T20:00/10-25T02:00"
    );
}

/// Lord Howe's clock jumps by half an hour, from 02:00 to 02:30.
#[test]
fn half_an_hour_is_skipped_on_lord_howe() {
    let start = |time| {
        let rule = format!("days: sun, start: \"{time}\", for: 1h");
        window(
            "Australia/Lord_Howe",
            &rule,
            "2026-10-03T12:00:00Z",
            "2026-10-04T12:00:00Z",
        )
    };
    assert_eq!(start("01:50"), "10-03T15:20/10-03T16:20");
    assert_eq!(start("02:10"), "10-03T15:40/10-03T16:40");
    assert_eq!(start("02:30"), "10-03T15:30/10-03T16:30");
}

/// In Ramadan Morocco's clock is an hour behind its standard time: 2026 from 15 February to 22 March.
#[test]
fn ramadan_takes_an_hour_back_in_casablanca() {
    let night = |from, until| {
        window(
            "Africa/Casablanca",
            "days: daily, start: \"22:00\", for: 2h",
            from,
            until,
        )
    };
    assert_eq!(
        night("2026-02-14T12:00:00Z", "2026-02-16T12:00:00Z"),
        "02-14T21:00/02-14T23:00 02-15T22:00/02-16T00:00"
    );
    assert_eq!(
        night("2026-03-21T12:00:00Z", "2026-03-23T12:00:00Z"),
        "03-21T22:00/03-22T00:00 03-22T21:00/03-22T23:00"
    );
}

/// Samoa skipped 30 December 2011, a Friday, to lie on the other side of the date line.
#[test]
fn a_day_that_was_skipped_has_no_window() {
    let nights = |days| {
        let rule = format!("days: {days}, start: \"20:00\", for: 2h");
        window(
            "Pacific/Apia",
            &rule,
            "2011-12-29T00:00:00Z",
            "2012-01-01T00:00:00Z",
        )
    };
    assert_eq!(nights("fri"), "");
    assert_eq!(
        nights("daily"),
        "12-29T06:00/12-29T08:00 12-30T06:00/12-30T08:00 12-31T06:00/12-31T08:00"
    );
    assert_eq!(
        freeze(
            "Pacific/Apia",
            "from: 2011-12-30, until: 2011-12-30",
            "2011-12-29T00:00:00Z",
            "2012-01-01T00:00:00Z"
        ),
        ""
    );
    assert_eq!(
        freeze(
            "Pacific/Apia",
            "from: 2011-12-29, until: 2011-12-31",
            "2011-12-28T00:00:00Z",
            "2012-01-02T00:00:00Z"
        ),
        "12-29T10:00/12-31T10:00"
    );
}

#[test]
fn a_day_is_as_long_as_it_is_there() {
    let day = |date: &str, from, until| {
        freeze(
            "Europe/Berlin",
            &format!("from: {date}, until: {date}"),
            from,
            until,
        )
    };
    // 23 and 25 hours.
    assert_eq!(
        day("2026-03-29", "2026-03-27T00:00:00Z", "2026-03-31T00:00:00Z"),
        "03-28T23:00/03-29T22:00"
    );
    assert_eq!(
        day("2026-10-25", "2026-10-23T00:00:00Z", "2026-10-27T00:00:00Z"),
        "10-24T22:00/10-25T23:00"
    );
    // In São Paulo the 4th of November 2018 began at 01:00.
    assert_eq!(
        freeze(
            "America/Sao_Paulo",
            "from: 2018-11-04, until: 2018-11-04",
            "2018-11-03T00:00:00Z",
            "2018-11-06T00:00:00Z"
        ),
        "11-04T03:00/11-05T02:00"
    );
    // Where clocks jump from 23:30 to 00:30, the day begins with the jump, not an hour after midnight would have been.
    assert_eq!(
        freeze(
            "Test/Midnight",
            "from: 2026-03-30, until: 2026-03-30",
            "2026-03-29T00:00:00Z",
            "2026-04-02T00:00:00Z"
        ),
        "03-30T01:30/03-31T01:00"
    );
}

/// A freeze begins when the clock first comes to its beginning, and ends when it has come to its end for good.
#[test]
fn a_freeze_takes_the_longer_way() {
    let rule = |from: &str, until: &str| format!("from: {from}, until: {until}");
    let berlin = |rule: &str, from, until| freeze("Europe/Berlin", rule, from, until);
    assert_eq!(
        berlin(
            &rule("2026-10-25 02:30", "2026-10-25 02:45"),
            "2026-10-24T00:00:00Z",
            "2026-10-26T00:00:00Z"
        ),
        "10-25T00:30/10-25T01:45"
    );
    assert_eq!(
        berlin(
            &rule("2026-03-29 02:15", "2026-03-29 03:15"),
            "2026-03-28T00:00:00Z",
            "2026-03-30T00:00:00Z"
        ),
        "03-29T01:00/03-29T01:15"
    );
    // Instants are instants.
    assert_eq!(
        berlin(
            &rule("2026-10-25T00:30:00Z", "2026-10-25T03:00:00+02:00"),
            "2026-10-24T00:00:00Z",
            "2026-10-26T00:00:00Z"
        ),
        "10-25T00:30/10-25T01:00"
    );
}

/// A date means each host's own day, unless the freeze names a zone.
#[test]
fn a_date_is_read_on_the_clock_of_the_host_or_of_the_freeze() {
    let day = "from: 2026-12-24, until: 2026-12-24";
    let (from, until) = ("2026-12-23T00:00:00Z", "2026-12-27T00:00:00Z");
    assert_eq!(
        freeze("Asia/Tokyo", day, from, until),
        "12-23T15:00/12-24T15:00"
    );
    assert_eq!(
        freeze("America/New_York", day, from, until),
        "12-24T05:00/12-25T05:00"
    );
    let in_berlin = format!("{day}, zone: Europe/Berlin");
    assert_eq!(
        freeze("America/New_York", &in_berlin, from, until),
        "12-23T23:00/12-24T23:00"
    );
}

/// Events keep their elapsed length where their end is written, and their days where days are.
#[test]
fn events_over_a_change_of_the_clock() {
    let event = |lines: &str| {
        let ics = format!(
            "BEGIN:VCALENDAR\nBEGIN:VEVENT\nSUMMARY:x\n{lines}\nEND:VEVENT\nEND:VCALENDAR\n"
        );
        let text = fleet("zone: Europe/Berlin\nfreezes: { it: { ical: it.ics } }", "");
        let timetable = timetable_of(&documents(&text, &[("it.ics", &ics)]));
        let (from, until) = (at("2026-03-27T00:00:00Z"), at("2026-03-31T00:00:00Z"));
        let open = open(&timetable, &zones(), from, until).unwrap();
        shown(&Intervals::whole(from, until).difference(&open))
    };
    let series = "DTSTART;TZID=Europe/Berlin:20260327T220000\nRRULE:FREQ=DAILY;COUNT=3";
    assert_eq!(
        event(&format!(
            "{series}\nDTEND;TZID=Europe/Berlin:20260328T060000"
        )),
        "03-27T21:00/03-28T05:00 03-28T21:00/03-29T05:00 03-29T20:00/03-30T04:00"
    );
    assert_eq!(
        event("DTSTART;TZID=Europe/Berlin:20260328T120000\nDURATION:P1D"),
        "03-28T11:00/03-29T10:00"
    );
    assert_eq!(
        event("DTSTART;TZID=Europe/Berlin:20260328T120000\nDURATION:PT24H"),
        "03-28T11:00/03-29T11:00"
    );
    assert_eq!(
        event("DTSTART;VALUE=DATE:20260329"),
        "03-28T23:00/03-29T22:00"
    );
    assert_eq!(
        event("DTSTART;TZID=Europe/Berlin:20260329T023000\nDURATION:PT1H"),
        "03-29T01:30/03-29T02:30"
    );
}

/// What a window begins at instead, in the year from this December on.
#[test]
fn a_beginning_that_the_clock_skips_is_named_by_cron_as_by_days() {
    let of = |rule: &str| {
        let timetable = timetable(
            &format!("zone: Europe/Berlin\nwindows: {{ it: {{ {rule}, for: 1h }} }}"),
            ", window: it",
        );
        let window = &timetable.layers[0].windows["it"];
        let (from, until) = (at("2025-12-01T00:00:00Z"), at("2026-12-01T00:00:00Z"));
        let moved = moved(window, &timetable.zone, &zones(), from, until).unwrap();
        moved.map(|one| format!("{}: {} instead of {}", one.day, one.shown, one.said))
    };
    let spring =
        |shown: &str, said: &str| Some(format!("sun 2026-03-29: {shown} instead of {said}"));
    for (rule, expected) in [
        ("days: daily, start: \"02:30\"", spring("03:30", "02:30")),
        ("days: daily, start: \"03:30\"", None),
        ("days: mon-sat, start: \"02:30\"", None),
        ("cron: \"30 2 * * *\"", spring("03:30", "02:30")),
        ("cron: \"15,45 2 * * sun\"", spring("03:15", "02:15")),
        ("cron: \"30 3 * * *\"", None),
        ("cron: \"30 2 1 * *\"", None),
        // It begins then anyway.
        ("cron: \"30 * * * *\"", None),
        ("cron: \"*/15 2-3 * * *\"", None),
        ("cron: \"30 2,4 * * *\"", spring("03:30", "02:30")),
    ] {
        assert_eq!(of(rule), expected, "{rule}");
    }
}
