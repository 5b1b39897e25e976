//! Timetables as data: what is in one, what it is without windows or freezes, and how it is written.

use ringway_calendar::{Timetable, Timetables, Whose, zones_of};
use ringway_policy::validated::{Documents, ZoneName};

use crate::fixtures::documents;

const TEXT: &str = "ringway: fleet/v1
name: corp
connect: local
zone: Europe/Berlin
windows:
  nights: { days: mon-thu, start: \"22:00\", for: 6h }
  sundays: { days: sun, start: \"02:00\", for: 3h, zone: Asia/Tokyo }
  theatres: { days: sun, start: \"02:00\", for: 3h, binding: always }
freezes:
  closing: { from: 2026-12-18, until: 2027-01-06, reason: closing, select: env = prod, zone: America/New_York }
  holidays: { ical: it.ics }
hosts:
  - { name: web-1, labels: { env: prod }, window: nights }
  - { name: web-2, labels: { env: prod }, window: [nights] }
  - { name: web-3, labels: { env: lab }, window: [nights, sundays], zone: Australia/Sydney }
  - { name: web-4, labels: { env: lab }, window: [sundays, nights], zone: Australia/Sydney }
  - { name: or-1, labels: { env: prod }, window: theatres }
  - { name: free, labels: { env: prod } }
---
ringway: policy/v1
name: monthly
applies_to: all
windows: [nights, sundays, theatres]
freezes:
  launch: { from: 2026-11-02, until: 2026-11-02, reason: launch, select: env = prod }
rings:
  - { name: lab, hosts: { select: env = lab }, soak: 1h }
  - { name: all, hosts: rest, soak: 1h, windows: [sundays] }
";

const ICS: &str = "BEGIN:VCALENDAR\nBEGIN:VEVENT\nUID:1\nSUMMARY:x\nDTSTART;TZID=Africa/Casablanca:20260102T100000\nDTEND;TZID=Pacific/Apia:20260104T100000\nRRULE:FREQ=YEARLY;UNTIL=20300101\nEXDATE;TZID=America/Sao_Paulo:20270101T100000\nEND:VEVENT\nEND:VCALENDAR\n";

fn read() -> Documents {
    documents(TEXT, &[("it.ics", ICS)])
}

fn of(documents: &Documents, host: usize, ring: usize) -> Timetable {
    let (fleet, policy) = (
        documents.fleet.as_ref().unwrap(),
        &documents.policies["monthly"],
    );
    Timetable::of(fleet, &fleet.hosts[host], policy, &policy.rings[ring])
}

#[test]
fn a_timetable_has_what_applies_to_its_host() {
    let documents = read();
    let layers = |timetable: &Timetable| -> Vec<(Whose, String)> {
        let names = |layer: &ringway_calendar::Layer| {
            let names: Vec<&str> = layer.windows.keys().map(String::as_str).collect();
            (layer.whose, names.join(" "))
        };
        timetable.layers.iter().map(names).collect()
    };
    let freezes = |timetable: &Timetable| -> Vec<String> {
        timetable
            .freezes
            .iter()
            .map(|freeze| freeze.name.clone())
            .collect()
    };
    let web = of(&documents, 0, 1);
    let policy = (Whose::Policy, "nights sundays theatres".to_owned());
    let ring = (Whose::Ring, "sundays".to_owned());
    assert_eq!(
        layers(&web),
        [
            (Whose::Fleet, "nights".to_owned()),
            policy.clone(),
            ring.clone()
        ]
    );
    assert_eq!(freezes(&web), ["closing", "holidays", "launch"]);
    assert_eq!(web.zone.as_str(), "Europe/Berlin");
    let lab = of(&documents, 2, 0);
    assert_eq!(
        layers(&lab),
        [(Whose::Fleet, "nights sundays".to_owned()), policy.clone()]
    );
    assert_eq!(freezes(&lab), ["holidays"]);
    assert_eq!(lab.zone.as_str(), "Australia/Sydney");
    assert_eq!(layers(&of(&documents, 5, 1)), [policy, ring]);
}

/// What hurries may ignore windows, but not one that was promised to somebody whatever happens.
#[test]
fn binding_windows_are_never_ignored() {
    let documents = read();
    assert_eq!(of(&documents, 0, 1).ignoring_windows().layers, []);
    let theatre = of(&documents, 4, 1);
    let hurried = theatre.ignoring_windows();
    assert_eq!(hurried.layers, theatre.layers[..1]);
    assert_eq!(hurried.freezes, theatre.freezes);
    assert!(!hurried.is_always() && !hurried.ignoring_freezes().is_always());
    assert!(
        of(&documents, 0, 1)
            .ignoring_windows()
            .ignoring_freezes()
            .is_always()
    );
}

/// A policy whose windows are all binding binds its hosts; one that names others too is for hosts of both kinds.
#[test]
fn windows_of_a_policy_bind_what_hurries_where_all_of_them_are_binding() {
    for (text, bound) in [
        ("windows: [theatres]", 1),
        ("windows: [nights, sundays, theatres]", 0),
    ] {
        let text = TEXT.replace("windows: [nights, sundays, theatres]", text);
        let documents = documents(&text, &[("it.ics", ICS)]);
        let free = of(&documents, 5, 1);
        let hurried = free.ignoring_windows();
        assert_eq!(hurried.layers, free.layers[..bound], "{text}");
    }
    let text = TEXT.replace("windows: [sundays]", "windows: [theatres]");
    let documents = documents(&text, &[("it.ics", ICS)]);
    let hurried = of(&documents, 5, 1).ignoring_windows();
    let whose: Vec<Whose> = hurried.layers.iter().map(|layer| layer.whose).collect();
    assert_eq!(whose, [Whose::Ring]);
}

#[test]
fn every_zone_that_is_named_is_asked_for() {
    let documents = read();
    let fleet = documents.fleet.as_ref().unwrap();
    let all = zones_of(fleet, documents.policies.values());
    let names: Vec<&str> = all.iter().map(ZoneName::as_str).collect();
    assert_eq!(
        names,
        [
            "Africa/Casablanca",
            "America/New_York",
            "America/Sao_Paulo",
            "Asia/Tokyo",
            "Australia/Sydney",
            "Europe/Berlin",
            "Pacific/Apia",
            "UTC",
        ]
    );
    for host in 0..fleet.hosts.len() {
        assert!(of(&documents, host, 1).zones().is_subset(&all));
    }
}

#[test]
fn hosts_with_the_same_rule_share_it() {
    let documents = read();
    let (fleet, policy) = (
        documents.fleet.as_ref().unwrap(),
        &documents.policies["monthly"],
    );
    let mut timetables = Timetables::new(fleet, policy);
    let numbers: Vec<u32> = fleet
        .hosts
        .iter()
        .flat_map(|host| policy.rings.iter().map(move |ring| (host, ring)))
        .map(|(host, ring)| timetables.add(host, ring))
        .collect();
    assert_eq!(numbers, [0, 1, 0, 1, 2, 3, 2, 3, 4, 5, 6, 7]);
    let pairs = (0..fleet.hosts.len()).flat_map(|host| [(host, 0), (host, 1)]);
    for (number, (host, ring)) in numbers.iter().zip(pairs) {
        assert_eq!(
            timetables.all()[*number as usize],
            of(&documents, host, ring)
        );
    }
    assert_eq!(timetables.into_all().len(), 8);
}

/// A plan contains timetables and is digested: the same documents give the same bytes, and the bytes the same timetable.
#[test]
fn timetables_are_written_and_read_alike() {
    let documents = read();
    for host in 0..6 {
        let timetable = of(&documents, host, 1);
        let json = serde_json::to_string(&timetable).unwrap();
        assert_eq!(json, serde_json::to_string(&of(&read(), host, 1)).unwrap());
        assert_eq!(serde_json::from_str::<Timetable>(&json).unwrap(), timetable);
        let bytes = postcard::to_allocvec(&timetable).unwrap();
        assert_eq!(
            postcard::from_bytes::<Timetable>(&bytes).unwrap(),
            timetable
        );
    }
    // Documents as well: they are kept.
    let json = serde_json::to_string(&documents).unwrap();
    assert_eq!(serde_json::from_str::<Documents>(&json).unwrap(), documents);
}
