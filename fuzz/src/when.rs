//! Questions to timetables whose answers must fit together, on clocks of real zones and of files that fuzzing makes up.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

use ringway_calendar::{HoursIn, Opening, State, Timetable, Zones};
use ringway_model::{Span, Timestamp};
use ringway_policy::validated::{Documents, ZoneName};
use ringway_policy::{Attachments, Source, read_with};

macro_rules! zone_files {
    ($($name:literal,)*) => {
        /// Files of the time zone database, by name.
        pub(crate) const FILES: [(&str, &[u8]); [$($name),*].len()] =
            [$(($name, include_bytes!(concat!("../../crates/calendar/tests/zones/", $name)))),*];
    };
}

zone_files! {
    "Africa/Casablanca",
    "America/New_York",
    "Asia/Tokyo",
    "Australia/Lord_Howe",
    "Europe/Berlin",
    "Pacific/Apia",
}

/// Instants at which is asked: in the middle of nothing, in the hour that comes twice, at the far ends.
const AT: [i64; 4] = [
    1_780_000_123_000,
    1_792_893_600_000,
    -62_135_596_800_000,
    253_370_764_799_999,
];

/// The names of the zones there are.
pub(crate) fn names() -> BTreeSet<String> {
    let names = FILES.iter().map(|(name, _)| (*name).to_owned());
    names.chain([ZoneName::UTC.to_owned()]).collect()
}

/// The zones there are.
pub(crate) fn all() -> &'static Zones {
    static ZONES: OnceLock<Zones> = OnceLock::new();
    ZONES.get_or_init(|| {
        let files = FILES.iter().filter_map(|(name, bytes)| {
            let name = ZoneName::new(name)?;
            Some((name, bytes.to_vec()))
        });
        Zones::new("2025b", &files.collect()).expect("the files are those of the database")
    })
}

/// Asks the timetables of every host in every ring of every policy.
pub(crate) fn of_documents(documents: &Documents, zones: &Zones) {
    let Some(fleet) = &documents.fleet else {
        return;
    };
    let mut asked: Vec<Timetable> = Vec::new();
    for policy in documents.policies.values() {
        for ring in &policy.rings {
            for host in fleet.hosts.iter().take(4) {
                let timetable = Timetable::of(fleet, host, policy, ring);
                if !timetable.is_always() && !asked.contains(&timetable) && asked.len() < 4 {
                    asked.push(timetable);
                }
            }
        }
    }
    for timetable in &asked {
        ask(timetable, zones, &AT[..2]);
    }
    let calendar = &fleet.calendar;
    if let Some(hours) = &calendar.working_hours {
        let zone = calendar.default_zone();
        let hours = HoursIn::new(hours, &zone, zones).expect("documents name zones there are");
        for at in AT.map(Timestamp) {
            let open = hours.open(at, at + Span::hours(24 * 14));
            assert_eq!(
                hours.contains(at),
                open.contains(at),
                "working hours at {at}"
            );
        }
    }
}

/// Asks a timetable everything there is to ask, and compares the answers with each other.
fn ask(timetable: &Timetable, zones: &Zones, at: &[i64]) {
    let opening = Opening::new(timetable, zones).expect("documents name zones there are");
    for at in at.iter().copied().map(Timestamp) {
        match opening.at(at) {
            State::Open { until } => {
                assert!(opening.open(at, at + Span(1)).contains(at), "open at {at}");
                if let Some(until) = until {
                    assert!(until > at, "open at {at} until {until}");
                    assert!(
                        opening.open(until, until + Span(1)).is_empty(),
                        "shut at {until}"
                    );
                    let last = Timestamp(until.0 - 1);
                    assert!(
                        opening.open(last, until).contains(last),
                        "open before {until}"
                    );
                }
            }
            State::Closed { because, opens } => {
                assert!(!because.is_empty(), "closed at {at} for no reason");
                assert!(opening.open(at, at + Span(1)).is_empty(), "shut at {at}");
                if let Some(opens) = opens {
                    assert!(opens > at, "shut at {at}, opens {opens}");
                    let last = Timestamp(opens.0 - 1);
                    assert!(opening.open(last, opens).is_empty(), "shut before {opens}");
                    assert!(
                        opening.open(opens, opens + Span(1)).contains(opens),
                        "open at {opens}"
                    );
                }
            }
        }
        let length = Span::minutes(90);
        if let Some(fit) = opening.next_fit(at, length) {
            assert!(
                fit.start >= at && fit.end >= fit.start + length,
                "a fit from {at}"
            );
            assert!(opening.fits(fit.start, length), "it fits at {}", fit.start);
        }
    }
}

/// A fleet with everything that asks a zone something.
const OF_ONE_ZONE: &str = "ringway: fleet/v1
name: corp
connect: local
zone: Test/Zone
working_hours: [mon-thu 08:00-18:00, fri 22:00-02:00]
windows:
  nights: { days: mon-thu, start: \"22:00\", for: 6h }
  twice: { days: daily, start: \"02:30\", for: 10m }
  patch: { days: second tuesday + 4d, start: \"00:00\", for: 26h }
  cron: { cron: \"*/20 1-3 * 3,10 0\", for: 5m }
freezes:
  year-end: { from: 2026-12-18, until: 2027-01-06, reason: closing }
  move: { from: 2026-10-25 02:30, until: 2026-10-25 03:00, reason: moving }
hosts:
  - { name: a, window: [nights, twice, patch, cron] }
  - { name: b, window: twice }
---
ringway: policy/v1
name: monthly
applies_to: all
rings: [{ name: all, hosts: rest, soak: 1h }]
";

/// A file of the time zone database.
pub(crate) fn zones(input: &[u8]) {
    static DOCUMENTS: OnceLock<Documents> = OnceLock::new();
    let zone = ZoneName::new("Test/Zone").expect("it is a name");
    let Ok(zones) = Zones::new("made-up", &BTreeMap::from([(zone, input.to_vec())])) else {
        return;
    };
    let documents = DOCUMENTS.get_or_init(|| {
        let attachments = Attachments {
            zones: BTreeSet::from(["Test/Zone".to_owned()]),
            ..Attachments::default()
        };
        read_with(&[Source::new("it.yaml", OF_ONE_ZONE)], &attachments).expect("it is valid")
    });
    of_documents(documents, &zones);
    let fleet = documents.fleet.as_ref().expect("it has one");
    let policy = &documents.policies["monthly"];
    for host in &fleet.hosts {
        ask(
            &Timetable::of(fleet, host, policy, &policy.rings[0]),
            &zones,
            &AT,
        );
    }
}
