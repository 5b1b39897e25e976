//! Zones from files of the repository, and documents in a few words.

use std::collections::BTreeMap;

use ringway_calendar::{Timetable, Zones};
use ringway_model::Timestamp;
use ringway_policy::validated::{Documents, ZoneName};
use ringway_policy::{Attachment, Attachments, Source, imports, read_with};

macro_rules! zones {
    ($($name:literal,)*) => {
        /// Files of version 2025b of the database.
        pub(crate) const FILES: [(&str, &[u8]); [$($name),*].len()] =
            [$(($name, include_bytes!(concat!("../zones/", $name)))),*];
    };
}

zones! {
    "Africa/Casablanca",
    "America/New_York",
    "America/Sao_Paulo",
    "Asia/Tokyo",
    "Australia/Lord_Howe",
    "Australia/Sydney",
    "Europe/Berlin",
    "Pacific/Apia",
}

pub(crate) fn zones() -> Zones {
    let mut files: BTreeMap<ZoneName, Vec<u8>> = FILES
        .iter()
        .map(|(name, bytes)| (ZoneName::new(name).unwrap(), bytes.to_vec()))
        .collect();
    // Zones that jump in ways that are rare.
    files.insert(midnight(), posix("<-02>2<-01>,M3.5.0/23:30,M10.5.0/0:30"));
    Zones::new("2025b", &files).unwrap()
}

/// A zone whose clock jumps from 23:30 to 00:30.
pub(crate) fn midnight() -> ZoneName {
    ZoneName::new("Test/Midnight").unwrap()
}

/// The file of a zone that has always had one rule, as POSIX writes it.
pub(crate) fn posix(rule: &str) -> Vec<u8> {
    let block = |version: u8| {
        let mut bytes = b"TZif".to_vec();
        bytes.push(version);
        bytes.extend([0; 15]);
        // No leap seconds, no transitions, one type, four characters of names.
        for count in [0_u32, 0, 0, 0, 1, 4] {
            bytes.extend(count.to_be_bytes());
        }
        bytes.extend(0_i32.to_be_bytes());
        bytes.extend([0, 0]);
        bytes.extend(b"XXX\0");
        bytes
    };
    let mut bytes = block(b'2');
    bytes.extend(block(b'2'));
    bytes.extend(format!("\n{rule}\n").bytes());
    bytes
}

/// `2026-03-29T01:00:00Z`.
pub(crate) fn at(text: &str) -> Timestamp {
    let instant: jiff::Timestamp = text.parse().unwrap();
    Timestamp(instant.as_millisecond())
}

/// A fleet with one host, `web-1`, of which every part of the calendar is given.
pub(crate) fn fleet(calendar: &str, host: &str) -> String {
    format!(
        "ringway: fleet/v1\nname: corp\nconnect: local\n{calendar}\nhosts:\n  - {{ name: web-1, labels: {{ env: prod }}{host} }}\n---\nringway: policy/v1\nname: monthly\napplies_to: all\nrings: [{{ name: all, hosts: rest, soak: 1h }}]\n"
    )
}

/// Documents of one text, with calendars by file name.
pub(crate) fn documents(text: &str, calendars: &[(&str, &str)]) -> Documents {
    let sources = [Source::new("it.yaml", text)];
    let attachment = |file: &str| {
        let (name, content) = calendars.iter().find(|(name, _)| *name == file)?;
        Some(Attachment {
            file: Some((*name).to_owned()),
            files: [((*name).to_owned(), content.as_bytes().to_vec())].into(),
        })
    };
    let found = imports(&sources)
        .into_iter()
        .filter_map(|wanted| Some((wanted.clone(), Ok(attachment(&wanted.what.shown())?))))
        .collect();
    let attachments = Attachments {
        found,
        ..Attachments::default()
    };
    read_with(&sources, &attachments).unwrap_or_else(|problems| panic!("{problems}"))
}

/// The timetable of the first host in the first ring of the only policy.
pub(crate) fn timetable_of(documents: &Documents) -> Timetable {
    let fleet = documents.fleet.as_ref().unwrap();
    let policy = documents.policies.values().next().unwrap();
    Timetable::of(fleet, &fleet.hosts[0], policy, &policy.rings[0])
}

pub(crate) fn timetable(calendar: &str, host: &str) -> Timetable {
    timetable_of(&documents(&fleet(calendar, host), &[]))
}
