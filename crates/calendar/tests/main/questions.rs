//! Is it open, until when, where does a visit fit, and why is it closed.

use proptest::prelude::*;
use ringway_calendar::{HoursIn, Interval, Intervals, Opening, State, Timetable, Zones};
use ringway_model::{Span, Timestamp};
use ringway_policy::validated::ZoneName;

use crate::fixtures::{at, documents, fleet, timetable, timetable_of, zones};

const WEEK: &str = "zone: Europe/Berlin
windows:
  weeknights: { days: mon-thu, start: \"22:00\", for: 6h }
  sundays: { days: sun, start: \"02:00\", for: 3h }
freezes:
  closing: { from: 2026-12-18, until: 2027-01-06, reason: year-end closing }
  audit: { from: 2027-01-07 00:00, until: 2027-01-08 12:00, reason: audit }";

fn interval(from: &str, until: &str) -> Interval {
    Interval::new(at(from), at(until)).unwrap()
}

#[test]
fn a_timetable_says_until_when_it_is_open() {
    let (timetable, zones) = (timetable(WEEK, ", window: [weeknights, sundays]"), zones());
    let opening = Opening::new(&timetable, &zones).unwrap();
    // A Monday in summer.
    let until = |instant: &str| match opening.at(at(instant)) {
        State::Open { until } => until.unwrap(),
        State::Closed { .. } => panic!("closed at {instant}"),
    };
    assert_eq!(until("2026-07-06T20:00:00Z"), at("2026-07-07T02:00:00Z"));
    assert_eq!(until("2026-07-07T01:59:59Z"), at("2026-07-07T02:00:00Z"));
    assert!(matches!(
        opening.at(at("2026-07-07T02:00:00Z")),
        State::Closed { .. }
    ));
    assert_eq!(
        opening.closes(at("2026-07-07T12:00:00Z")),
        Some(at("2026-07-07T12:00:00Z"))
    );
    assert_eq!(
        opening.next(at("2026-07-07T02:00:00Z")),
        Some(at("2026-07-07T20:00:00Z"))
    );
    let State::Open { until } = Opening::new(&Timetable::always(), &zones)
        .unwrap()
        .at(at("2026-07-07T02:00:00Z"))
    else {
        panic!("it is always open");
    };
    assert_eq!(until, None);
}

#[test]
fn a_visit_begins_only_where_all_of_it_fits() {
    let (timetable, zones) = (timetable(WEEK, ", window: [weeknights, sundays]"), zones());
    let opening = Opening::new(&timetable, &zones).unwrap();
    let fit = |from: &str, length| opening.next_fit(at(from), length);
    // Half an hour is left of Monday's night.
    let late = "2026-07-07T01:30:00Z";
    assert!(opening.fits(at(late), Span::minutes(30)));
    assert!(!opening.fits(at(late), Span::minutes(31)));
    assert_eq!(
        fit(late, Span::minutes(30)),
        Some(interval(late, "2026-07-07T02:00:00Z"))
    );
    let tuesday = Some(interval("2026-07-07T20:00:00Z", "2026-07-08T02:00:00Z"));
    assert_eq!(fit(late, Span::minutes(31)), tuesday);
    assert_eq!(fit(late, Span::hours(6)), tuesday);
    assert_eq!(fit(late, Span::hours(7)), None);
    // After Thursday's night comes Sunday, but not for four hours.
    assert_eq!(
        fit("2026-07-10T03:00:00Z", Span::hours(3)),
        Some(interval("2026-07-12T00:00:00Z", "2026-07-12T03:00:00Z"))
    );
    assert_eq!(
        fit("2026-07-10T03:00:00Z", Span::hours(4)),
        Some(interval("2026-07-13T20:00:00Z", "2026-07-14T02:00:00Z"))
    );
    // The night before the closing ends at midnight, and the next one is after the audit.
    assert_eq!(
        fit("2026-12-17T12:00:00Z", Span::hours(2)),
        Some(interval("2026-12-17T21:00:00Z", "2026-12-17T23:00:00Z"))
    );
    assert_eq!(
        fit("2026-12-17T12:00:00Z", Span::hours(3)),
        Some(interval("2027-01-10T01:00:00Z", "2027-01-10T04:00:00Z"))
    );
    // Windows that touch are one.
    let days = crate::fixtures::timetable(
        "windows: { it: { days: mon-fri, start: \"00:00\", for: 1d } }",
        ", window: it",
    );
    let opening = Opening::new(&days, &zones).unwrap();
    assert_eq!(
        opening.next_fit(at("2026-07-08T00:00:00Z"), Span::hours(80)),
        Some(interval("2026-07-13T00:00:00Z", "2026-07-18T00:00:00Z"))
    );
    let always = Timetable::always();
    let fit = Opening::new(&always, &zones)
        .unwrap()
        .next_fit(at(late), Span::hours(24 * 300))
        .unwrap();
    assert_eq!(fit.start, at(late));
}

/// A window on a leap day may be eight years away, and is found.
#[test]
fn rare_windows_are_found_and_impossible_ones_end_the_search() {
    let zones = zones();
    let leap = timetable(
        "windows: { it: { cron: \"0 3 29 2 *\", for: 1h } }",
        ", window: it",
    );
    let opening = Opening::new(&leap, &zones).unwrap();
    assert_eq!(
        opening.next(at("2096-03-01T00:00:00Z")),
        Some(at("2104-02-29T03:00:00Z"))
    );
    let text = "ringway: fleet/v1\nname: corp\nconnect: local\nwindows: { a: { days: mon, start: \"10:00\", for: 1h }, b: { days: tue, start: \"10:00\", for: 1h } }\nhosts: [{ name: web-1, window: a }]\n---\nringway: policy/v1\nname: monthly\napplies_to: all\nwindows: [b]\nrings: [{ name: all, hosts: rest, soak: 1h }]\n";
    let never = timetable_of(&documents(text, &[]));
    let opening = Opening::new(&never, &zones).unwrap();
    let state = opening.at(at("2026-07-06T09:00:00Z"));
    assert_eq!(
        opening.sentences(&state),
        [
            "the host's window `a` opens mon 2026-07-06 10:00 (UTC)",
            "the policy's window `b` opens tue 2026-07-07 10:00 (UTC)",
            "not open for years",
        ]
    );
    assert_eq!(
        opening.next_fit(at("2026-07-06T09:00:00Z"), Span::ZERO),
        None
    );
}

/// People who wait are told which window or which freeze, why, and until when on the clock of the host.
#[test]
fn a_timetable_says_why_it_is_closed() {
    let (timetable, zones) = (timetable(WEEK, ", window: [weeknights, sundays]"), zones());
    let opening = Opening::new(&timetable, &zones).unwrap();
    let why = |instant: &str| opening.sentences(&opening.at(at(instant)));
    assert_eq!(
        why("2026-07-06T20:00:00Z"),
        ["open until tue 2026-07-07 04:00 (Europe/Berlin)"]
    );
    assert_eq!(
        why("2026-07-06T12:00:00Z"),
        ["the host's windows `sundays`, `weeknights` open mon 2026-07-06 22:00 (Europe/Berlin)"]
    );
    assert_eq!(
        why("2026-12-21T22:00:00Z"),
        ["freeze `closing` holds until thu 2027-01-07 00:00 (Europe/Berlin): year-end closing"]
    );
    assert_eq!(
        why("2026-12-21T12:00:00Z"),
        [
            "the host's windows `sundays`, `weeknights` open mon 2026-12-21 22:00 (Europe/Berlin)",
            "freeze `closing` holds until thu 2027-01-07 00:00 (Europe/Berlin): year-end closing",
            "open from sun 2027-01-10 02:00 (Europe/Berlin)",
        ]
    );
    assert_eq!(
        Opening::new(&Timetable::always(), &zones)
            .unwrap()
            .sentences(&State::Open { until: None }),
        ["open, without an end for years"]
    );
}

/// Days in a row in a calendar are one freeze to who waits; the event says why.
#[test]
fn an_event_is_the_reason() {
    let ics = "BEGIN:VCALENDAR\nBEGIN:VEVENT\nSUMMARY:Christmas Eve\nDTSTART;VALUE=DATE:20261224\nEND:VEVENT\nBEGIN:VEVENT\nDTSTART;VALUE=DATE:20261225\nDTEND;VALUE=DATE:20261227\nEND:VEVENT\nEND:VCALENDAR\n";
    let text = fleet(
        "zone: Europe/Berlin\nfreezes: { holidays: { ical: it.ics, reason: holiday } }",
        "",
    );
    let (timetable, zones) = (timetable_of(&documents(&text, &[("it.ics", ics)])), zones());
    let opening = Opening::new(&timetable, &zones).unwrap();
    let why = |instant: &str| opening.sentences(&opening.at(at(instant)));
    assert_eq!(
        why("2026-12-24T12:00:00Z"),
        ["freeze `holidays` holds until sun 2026-12-27 00:00 (Europe/Berlin): Christmas Eve"]
    );
    assert_eq!(
        why("2026-12-25T12:00:00Z"),
        ["freeze `holidays` holds until sun 2026-12-27 00:00 (Europe/Berlin): holiday"]
    );
}

#[test]
fn a_zone_that_is_not_there_is_named() {
    let timetable = timetable(
        "windows: { it: { days: mon, start: \"10:00\", for: 1h, zone: Europe/Paris } }",
        ", window: it",
    );
    let error = Opening::new(&timetable, &zones()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "time zone `Europe/Paris` is not in version 2025b of the time zone database"
    );
    let files = [(ZoneName::new("Europe/Paris").unwrap(), b"nothing".to_vec())].into();
    let error = Zones::new("2025b", &files).unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("the time zone database's file for `Europe/Paris` cannot be read: "),
        "{error}"
    );
}

#[test]
fn working_time_is_counted() {
    let text = fleet("working_hours: mon-fri 08:00-18:00", "");
    let documents = documents(&text, &[]);
    let hours = documents.fleet.unwrap().calendar.working_hours.unwrap();
    let (zones, berlin) = (zones(), ZoneName::new("Europe/Berlin").unwrap());
    let hours = HoursIn::new(&hours, &berlin, &zones).unwrap();
    // From Friday afternoon to Monday morning.
    let friday = at("2026-07-10T14:00:00Z");
    assert!(hours.contains(friday));
    assert_eq!(
        hours.elapsed(friday, at("2026-07-13T07:30:00Z")),
        Span::minutes(210)
    );
    assert_eq!(
        hours.reached(friday, Span::minutes(120)),
        Some(at("2026-07-10T16:00:00Z"))
    );
    assert_eq!(
        hours.reached(friday, Span::minutes(121)),
        Some(at("2026-07-13T06:01:00Z"))
    );
    assert_eq!(hours.reached(friday, Span::ZERO), Some(friday));
    assert_eq!(hours.next(friday), Some(friday));
    assert_eq!(
        hours.next(at("2026-07-10T16:00:00Z")),
        Some(at("2026-07-13T06:00:00Z"))
    );
    assert_eq!(hours.elapsed(friday, friday), Span::ZERO);
    // Hours that a clock skips every year are never had more than a few times: none in thirty years is an answer.
    assert_eq!(hours.reached(friday, Span::hours(1_000_000)), None);
}

fn some_timetable() -> Timetable {
    timetable(
        "zone: America/New_York\nwindows:\n  a: { days: mon-fri, start: \"23:00\", for: 5h }\n  b: { days: second tue + 4d, start: \"01:00\", for: 30h, zone: Europe/Berlin }\nfreezes:\n  f: { from: 2026-03-06 12:00, until: 2026-03-10, reason: f }",
        ", window: [a, b]",
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    /// All questions have answers that agree with each other and with the list.
    #[test]
    fn answers_agree(minutes in 0..200_000_i64, length in 1..40_u64, span in 1..60_i64) {
        let (timetable, zones) = (some_timetable(), zones());
        let opening = Opening::new(&timetable, &zones).unwrap();
        let instant = Timestamp(at("2026-01-10T00:00:00Z").0 + minutes * 60_000);
        let end = Timestamp(instant.0 + span * 86_400_000);
        let list = opening.open(instant, end);
        // What is asked in two parts is what is asked at once.
        let middle = Timestamp(i64::midpoint(instant.0, end.0));
        prop_assert_eq!(&opening.open(instant, middle).union(&opening.open(middle, end)), &list);
        match opening.at(instant) {
            State::Open { until } => {
                let until = until.unwrap();
                prop_assert!(list.contains(instant));
                prop_assert_eq!(opening.open(instant, until), Intervals::whole(instant, until));
                prop_assert!(!opening.open(until, until + Span(1)).contains(until));
            }
            State::Closed { because, opens } => {
                prop_assert!(!list.contains(instant) && !because.is_empty());
                let opens = opens.unwrap();
                prop_assert!(opening.open(instant, opens).is_empty());
                prop_assert!(opening.fits(opens, Span(1)));
            }
        }
        let length = Span::minutes(15 * length);
        if let Some(fit) = opening.next_fit(instant, length) {
            prop_assert!(fit.start >= instant && fit.length() >= length);
            prop_assert!(opening.fits(fit.start, length));
            let before = opening.open(instant, fit.start);
            prop_assert!(before.iter().all(|open| open.length() < length));
            prop_assert_eq!(opening.closes(fit.start), Some(fit.end));
        } else {
            prop_assert!(length > Span::hours(5), "{}", length);
        }
    }
}
