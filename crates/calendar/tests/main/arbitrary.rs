//! Whatever bytes come, of a calendar or of a zone: an answer, never a panic.

use std::collections::BTreeMap;

use proptest::prelude::*;
use ringway_calendar::{Opening, Zones};
use ringway_model::Span;
use ringway_policy::validated::ZoneName;
use ringway_policy::{Attachment, Attachments, Source, imports, read_with};

use crate::fixtures::{FILES, at, fleet, timetable, timetable_of, zones};

/// Pieces that mean something to a calendar.
const PIECES: [&str; 44] = [
    "\r\n",
    "\n",
    "\r\n ",
    "\n\t",
    ":",
    ";",
    ",",
    "=",
    "\"",
    "\\n",
    "\\",
    "BEGIN:",
    "END:",
    "VCALENDAR\r\n",
    "VEVENT\r\n",
    "VTIMEZONE\r\n",
    "TZID",
    "X-LIC-LOCATION:",
    "DTSTART",
    "DTEND",
    "DURATION",
    ";VALUE=DATE",
    ":20261224",
    ":20260329T023000",
    "Z",
    ";TZID=Europe/Berlin",
    "RRULE:",
    "FREQ=DAILY",
    "FREQ=MONTHLY",
    "BYDAY=",
    "-1SU",
    "99MO",
    "BYSETPOS=",
    "COUNT=",
    "UNTIL=",
    "99999999999",
    "P1D",
    "PT",
    "RDATE",
    "EXDATE",
    "RECURRENCE-ID",
    "SUMMARY:é",
    "UID:a",
    "\u{feff}",
];

const EVENT: &str = "BEGIN:VCALENDAR\r\nBEGIN:VTIMEZONE\r\nTZID:X\r\nX-LIC-LOCATION:Asia/Tokyo\r\nEND:VTIMEZONE\r\nBEGIN:VEVENT\r\nUID:a\r\nSUMMARY:Long\r\n  and folded\r\nDTSTART;TZID=Europe/Berlin:20260329T023000\r\nDTEND;TZID=X:20260330T120000\r\nRRULE:FREQ=MONTHLY;INTERVAL=1;BYDAY=MO,-1SU,2TU;BYMONTH=1,3,10;BYSETPOS=1,-1;UNTIL=20301231T000000Z\r\nRDATE:20260601T000000Z\r\nEXDATE;VALUE=DATE:20261005\r\nEND:VEVENT\r\nBEGIN:VEVENT\r\nDTSTART;VALUE=DATE:20260101\r\nDURATION:P1D\r\nRRULE:FREQ=YEARLY;COUNT=30;BYMONTHDAY=1,-1\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n";

fn follow(bytes: Vec<u8>) -> bool {
    let text = fleet("zone: Europe/Berlin\nfreezes: { it: { ical: it.ics } }", "");
    let sources = [Source::new("it.yaml", text)];
    let attachment = Attachment {
        file: Some("it.ics".to_owned()),
        files: [("it.ics".to_owned(), bytes)].into(),
    };
    let found = imports(&sources)
        .into_iter()
        .map(|wanted| (wanted, Ok(attachment.clone())));
    let attachments = Attachments {
        found: found.collect(),
        ..Attachments::default()
    };
    match read_with(&sources, &attachments) {
        Ok(documents) => {
            let timetable = timetable_of(&documents);
            let zones = zones();
            if let Ok(opening) = Opening::new(&timetable, &zones) {
                let now = at("2026-03-29T00:30:00Z");
                let state = opening.at(now);
                let _ = opening.sentences(&state);
                let _ = opening.next_fit(now, Span::hours(5));
            }
            true
        }
        Err(problems) => {
            let _ = (problems.to_string(), problems.to_json());
            false
        }
    }
}

#[test]
fn the_calendar_that_is_broken_here_is_a_good_one() {
    assert!(follow(EVENT.as_bytes().to_vec()));
}

/// Years at both ends of what there is are years.
#[test]
fn far_years_are_years() {
    for (start, rule) in [
        ("00010101", "FREQ=YEARLY"),
        ("99991231", "FREQ=DAILY"),
        ("99981231", "FREQ=MONTHLY;COUNT=100"),
    ] {
        let event = format!(
            "BEGIN:VCALENDAR\nBEGIN:VEVENT\nSUMMARY:x\nDTSTART;VALUE=DATE:{start}\nRRULE:{rule}\nEND:VEVENT\nEND:VCALENDAR\n"
        );
        assert!(follow(event.into_bytes()), "{start}");
    }
    let (timetable, zones) = (
        timetable(
            "windows: { it: { days: mon, start: \"10:00\", for: 31d } }",
            ", window: it",
        ),
        zones(),
    );
    let opening = Opening::new(&timetable, &zones).unwrap();
    for instant in [i64::MIN, -1 << 50, 0, 1 << 50, i64::MAX] {
        let instant = ringway_model::Timestamp(instant);
        let _ = (
            opening.at(instant),
            opening.next_fit(instant, Span::hours(1)),
        );
        let _ = opening.open(
            instant,
            ringway_model::Timestamp(instant.0.saturating_add(1)),
        );
        let _ = opening.fits(instant, Span::hours(1));
        let _ = opening.on_the_clock(instant);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_bytes_of_a_calendar_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        follow(bytes.clone());
        follow([b"BEGIN:VCALENDAR\r\n".to_vec(), bytes].concat());
    }

    #[test]
    fn arbitrary_pieces_of_a_calendar_never_panic(pieces in proptest::collection::vec(0..PIECES.len(), 0..60)) {
        let text: String = pieces.into_iter().map(|i| PIECES[i]).collect();
        follow(format!("BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\n{text}").into_bytes());
    }

    #[test]
    fn a_good_calendar_with_a_piece_put_in_never_panics(at in 0..EVENT.len(), remove in 0..9_usize, piece in 0..PIECES.len()) {
        let mut bytes = EVENT.as_bytes().to_vec();
        let end = (at + remove).min(bytes.len());
        bytes.splice(at..end, PIECES[piece].bytes());
        follow(bytes);
    }

    #[test]
    fn arbitrary_bytes_of_a_zone_never_panic(zone in 0..FILES.len(), at in 0..3000_usize, byte in any::<u8>(), cut in 0..400_usize) {
        let mut bytes = FILES[zone].1.to_vec();
        let place = at % bytes.len();
        bytes[place] = byte;
        if cut < 100 {
            bytes.truncate(bytes.len() - cut.min(bytes.len()));
        }
        let name = ZoneName::new("Test/Broken").unwrap();
        let files = BTreeMap::from([(name, bytes)]);
        if let Ok(zones) = Zones::new("x", &files) {
            let timetable = timetable("zone: Test/Broken\nwindows: { it: { days: daily, start: \"02:30\", for: 1h } }", ", window: it");
            let opening = Opening::new(&timetable, &zones).unwrap();
            let now = crate::fixtures::at("2026-03-29T00:30:00Z");
            let _ = (opening.at(now), opening.next_fit(now, Span::minutes(30)));
        }
    }
}
