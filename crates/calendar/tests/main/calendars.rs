//! Freezes from iCalendar files: which days a rule names, and which events of a series there are.

use ringway_calendar::{Intervals, open};
use ringway_model::Digest;
use ringway_policy::validated::{Documents, Frozen};

use crate::fixtures::{at, documents, fleet, timetable_of, zones};

fn of(calendar: &str) -> Documents {
    let text = fleet("zone: Europe/Berlin\nfreezes: { it: { ical: it.ics } }", "");
    documents(&text, &[("it.ics", calendar)])
}

fn calendar(events: &str) -> String {
    format!(
        "BEGIN:VCALENDAR\r\nVERSION:2.0\r\n{}END:VCALENDAR\r\n",
        events.replace('\n', "\r\n")
    )
}

fn frozen(calendar: &str, from: &str, until: &str) -> Intervals {
    let timetable = timetable_of(&of(calendar));
    let (from, until) = (at(from), at(until));
    let open = open(&timetable, &zones(), from, until).unwrap();
    Intervals::whole(from, until).difference(&open)
}

/// The first minutes of what is frozen in a year, `12-24 17:00`.
fn starts(calendar: &str) -> Vec<String> {
    frozen(calendar, "2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z")
        .iter()
        .map(|interval| interval.start.to_string()[5..16].replace('T', " "))
        .collect()
}

/// What each rule of the table names, from the beginning and where it is only looked at late.
#[test]
fn rules_name_the_days_that_another_reading_names() {
    let table = include_str!("../recurrences.txt");
    let mut count = 0;
    for line in table.lines().filter(|line| !line.starts_with('#')) {
        let (rule, days) = line.split_once(": ").unwrap();
        let (first, rule) = rule.split_once(' ').unwrap();
        let days: Vec<&str> = days.split(' ').collect();
        let event = format!(
            "BEGIN:VEVENT\nSUMMARY:x\nDTSTART:{first}T120000Z\nDURATION:PT1H\nRRULE:{rule}\nEND:VEVENT\n"
        );
        let calendar = calendar(&event);
        let noon = |day: &str| {
            at(&format!(
                "{}-{}-{}T12:00:00Z",
                &day[..4],
                &day[4..6],
                &day[6..]
            ))
        };
        let timetable = timetable_of(&of(&calendar));
        let zones = zones();
        for begin in [noon(first), noon(days[days.len() / 2])] {
            let end = noon("20991231");
            let is = open(&timetable, &zones, begin, end).unwrap();
            let frozen = Intervals::whole(begin, end).difference(&is);
            let starts: Vec<_> = frozen.iter().map(|interval| interval.start).collect();
            let expected: Vec<_> = days
                .iter()
                .map(|day| noon(day))
                .filter(|day| *day >= begin)
                .collect();
            assert_eq!(starts, expected, "{first} {rule}");
        }
        count += 1;
    }
    assert!(count > 35);
}

#[test]
fn a_series_without_an_end_goes_on() {
    let calendar = calendar(
        "BEGIN:VEVENT\nSUMMARY:x\nDTSTART;VALUE=DATE:19800105\nRRULE:FREQ=MONTHLY;BYDAY=1SA\nEND:VEVENT\n",
    );
    let days = frozen(&calendar, "2190-01-01T00:00:00Z", "2190-12-15T00:00:00Z");
    assert_eq!(days.iter().count(), 12);
    assert_eq!(days.as_slice()[0].start, at("2190-01-01T23:00:00Z"));
}

#[test]
fn single_events_of_a_series_are_left_out_added_moved_and_cancelled() {
    let series = "BEGIN:VEVENT\nUID:1\nSUMMARY:x\nDTSTART;TZID=Europe/Berlin:20260302T180000\nDURATION:PT1H\nRRULE:FREQ=WEEKLY;COUNT=6\n";
    let all = starts(&calendar(&format!("{series}END:VEVENT\n")));
    assert_eq!(
        all,
        [
            "03-02 17:00",
            "03-09 17:00",
            "03-16 17:00",
            "03-23 17:00",
            "03-30 16:00",
            "04-06 16:00"
        ]
    );
    // Left out by the same clock, by another one, by the instant, and by the day; a count counts them all the same.
    let without = starts(&calendar(&format!(
        "{series}EXDATE;TZID=Europe/Berlin:20260309T180000,20260310T180000\nEXDATE:20260316T170000Z\nEXDATE;VALUE=DATE:20260323\nEXDATE;TZID=America/New_York:20260330T120000\nEND:VEVENT\n"
    )));
    assert_eq!(without, ["03-02 17:00", "04-06 16:00"]);
    let with = starts(&calendar(&format!(
        "{series}RDATE;TZID=Europe/Berlin:20260501T120000\nRDATE;VALUE=DATE:20260601\nEND:VEVENT\n"
    )));
    assert_eq!(with[6..], ["05-01 10:00", "06-01 16:00"]);
    let moved = starts(&calendar(&format!(
        "{series}END:VEVENT\nBEGIN:VEVENT\nUID:1\nSUMMARY:moved\nRECURRENCE-ID;TZID=Europe/Berlin:20260309T180000\nDTSTART;TZID=Europe/Berlin:20260310T080000\nDTEND;TZID=Europe/Berlin:20260310T090000\nEND:VEVENT\nBEGIN:VEVENT\nUID:1\nSTATUS:CANCELLED\nRECURRENCE-ID;TZID=Europe/Berlin:20260316T180000\nDTSTART;TZID=Europe/Berlin:20260316T180000\nEND:VEVENT\nBEGIN:VEVENT\nUID:1\nTRANSP:TRANSPARENT\nRECURRENCE-ID:20260323T170000Z\nDTSTART;TZID=Europe/Berlin:20260323T180000\nEND:VEVENT\n"
    )));
    assert_eq!(
        moved,
        ["03-02 17:00", "03-10 07:00", "03-30 16:00", "04-06 16:00"]
    );
    // A date with the time of midnight leaves a whole day out, as some programs write it.
    let days = "BEGIN:VEVENT\nSUMMARY:x\nDTSTART;VALUE=DATE:20260302\nRRULE:FREQ=WEEKLY;COUNT=3\nEXDATE;TZID=Europe/Berlin:20260309T000000\nEND:VEVENT\n";
    assert_eq!(starts(&calendar(days)), ["03-01 23:00", "03-15 23:00"]);
}

#[test]
fn a_series_ends_with_the_moment_it_names() {
    let until = |start: &str, until: &str| {
        let event = format!(
            "BEGIN:VEVENT\nSUMMARY:x\nDTSTART{start}\nDURATION:PT1H\nRRULE:FREQ=DAILY;UNTIL={until}\nEND:VEVENT\n"
        );
        starts(&calendar(&event)).len()
    };
    let berlin = ";TZID=Europe/Berlin:20260302T180000";
    assert_eq!(until(berlin, "20260305T170000Z"), 4);
    assert_eq!(until(berlin, "20260305T165959Z"), 3);
    assert_eq!(until(berlin, "20260305T180000"), 4);
    assert_eq!(until(berlin, "20260305"), 4);
    assert_eq!(until(":20260302T180000", "20260305T170000Z"), 4);
    assert_eq!(until(":20260302T180000Z", "20260305T175959Z"), 3);
    // The first one is always there.
    assert_eq!(until(berlin, "20250101"), 1);
}

/// Times without a zone are on the host's clock, those with one are not.
#[test]
fn floating_times_are_on_the_clock_of_the_host() {
    let event = |start: &str| {
        format!("BEGIN:VEVENT\nSUMMARY:x\nDTSTART{start}\nDURATION:PT1H\nEND:VEVENT\n")
    };
    let events = [
        event(":20260702T180000"),
        event(":20260703T180000Z"),
        event(";TZID=Asia/Tokyo:20260704T180000"),
        event(";TZID=\"/mozilla.org/20050126_1/America/New_York\":20260705T180000"),
    ];
    assert_eq!(
        starts(&calendar(&events.concat())),
        ["07-02 16:00", "07-03 18:00", "07-04 09:00", "07-05 22:00"]
    );
}

/// Whole days end with the first day that is not theirs, or with their only one.
#[test]
fn whole_days_have_three_spellings() {
    for end in [
        "",
        "DTEND;VALUE=DATE:20261224\n",
        "DTEND;VALUE=DATE:20261225\n",
        "DURATION:P1D\n",
    ] {
        let event =
            format!("BEGIN:VEVENT\nSUMMARY:x\nDTSTART;VALUE=DATE:20261224\n{end}END:VEVENT\n");
        let day = frozen(
            &calendar(&event),
            "2026-12-01T00:00:00Z",
            "2027-01-01T00:00:00Z",
        );
        let expected = Intervals::whole(at("2026-12-23T23:00:00Z"), at("2026-12-24T23:00:00Z"));
        assert_eq!(day, expected, "{end}");
    }
}

/// What blocks no time is left out and said; nested alarms and folded lines do no harm.
#[test]
fn events_that_block_no_time_are_noted() {
    let text = calendar(
        "X-WR-CALNAME:Holidays\nBEGIN:VTODO\nSUMMARY:not an event\nEND:VTODO\nBEGIN:VEVENT\nSUMMARY:Christmas\\, and\n  the day\n  after\nDTSTART;VALUE=DATE:20261225\nDTEND;VALUE=DATE:20261227\nDESCRIPTION:folded\n  BEGIN:VEVENT\nBEGIN:VALARM\nTRIGGER:-PT15M\nDTSTART:20260101T000000Z\nEND:VALARM\nEND:VEVENT\nBEGIN:VEVENT\nSUMMARY:Birthday\nTRANSP:TRANSPARENT\nDTSTART;VALUE=DATE:20260301\nEND:VEVENT\nBEGIN:VEVENT\nSUMMARY:Off\nSTATUS:CANCELLED\nDTSTART;VALUE=DATE:20260302\nEND:VEVENT\nBEGIN:VEVENT\nSUMMARY:Reminder\nDTSTART:20260303T100000Z\nEND:VEVENT\n",
    );
    let documents = of(&text);
    assert_eq!(
        documents.notes,
        [
            "freeze `it`: events of `it.ics` that block no time: 1 cancelled, 1 marked as free, 1 without a length"
        ]
    );
    let freeze = &documents.fleet.as_ref().unwrap().calendar.freezes["it"];
    let Frozen::Events { events, file, .. } = &freeze.when else {
        panic!("it is in a file");
    };
    assert_eq!(file, "it.ics");
    assert_eq!(events.len(), 1);
    assert_eq!(
        events[0].summary.as_deref(),
        Some("Christmas, and the day after")
    );
    assert_eq!(starts(&text), ["12-24 23:00"]);
}

/// Whoever approves a document approves when the files it names hold, and nothing else of them: a program that exports
/// a calendar writes the time of the export into every event.
#[test]
fn the_digest_of_a_document_covers_the_events_of_the_calendars_it_names() {
    let export = |day: &str, stamp: &str| {
        calendar(&format!(
            "X-WR-CALNAME:Plans\nBEGIN:VTIMEZONE\nTZID:X\nX-LIC-LOCATION:Asia/Tokyo\nEND:VTIMEZONE\nBEGIN:VEVENT\nDTSTAMP:{stamp}\nSUMMARY:Cl\n osed\nDTSTART;TZID=X:{day}T080000\nDTEND;TZID=X:{day}T180000\nDESCRIPTION:password 1234\nATTENDEE:ana\nEND:VEVENT\n"
        ))
    };
    let (one, again) = (
        of(&export("20261224", "20260101T000000Z")),
        of(&export("20261224", "20260102T000000Z")),
    );
    assert_eq!(one, again);
    let other = of(&export("20261225", "20260101T000000Z"));
    let digest = |documents: &Documents| documents.fleet.as_ref().map(|fleet| fleet.digest);
    assert_ne!(digest(&one), digest(&other));
    let kept = &one.texts["calendar/fleet/corp/it.ics"];
    assert!(!kept.contains("1234") && !kept.contains("ana"), "{kept}");
    let text = &one.texts["fleet/corp"];
    let last = text.lines().last().unwrap();
    assert_eq!(
        last,
        format!("# calendar it.ics: {}", Digest::of(kept.as_bytes()))
    );
    assert_eq!(Some(Digest::of(text.as_bytes())), digest(&one));
    // What is kept is a calendar with the same events.
    assert_eq!(of(kept), one);
}

#[test]
fn a_policy_has_calendars_of_its_own() {
    let text = "ringway: fleet/v1\nname: corp\nconnect: local\nhosts: [{ name: web-1 }]\n---\nringway: policy/v1\nname: monthly\napplies_to: all\nfreezes: { override: with_reason, it: { ical: it.ics } }\nrings: [{ name: all, hosts: rest, soak: 1h }]\n";
    let ics = calendar("BEGIN:VEVENT\nSUMMARY:Launch\nDTSTART;VALUE=DATE:20261124\nEND:VEVENT\n");
    let documents = documents(text, &[("it.ics", &ics)]);
    let timetable = timetable_of(&documents);
    assert_eq!(timetable.freezes.len(), 1);
    let open = open(
        &timetable,
        &zones(),
        at("2026-11-23T12:00:00Z"),
        at("2026-11-25T12:00:00Z"),
    )
    .unwrap();
    assert_eq!(open.as_slice()[0].end, at("2026-11-24T00:00:00Z"));
    assert!(documents.texts["policy/monthly"].contains("# calendar it.ics: "));
}
