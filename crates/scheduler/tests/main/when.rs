//! When rings can be at the earliest, from documents to instants, over a change of the clock.

use ringway_calendar::Zones;
use ringway_model::{Span, Timestamp};
use ringway_policy::validated::ZoneName;
use ringway_policy::{Source, read};
use ringway_scheduler::report::{NoTimeReport, WhenReport};
use ringway_scheduler::{compile_fleet, explain_at, make_plan, render};

/// Thursday, 2026-03-26T12:00:00Z. Clocks in Berlin jump on the Sunday after.
const FROM: Timestamp = Timestamp(1_774_526_400_000);

const HOUR: i64 = 3_600_000;

fn zones() -> Zones {
    let berlin = ZoneName::new("Europe/Berlin").unwrap();
    let file = include_bytes!("../../../calendar/tests/zones/Europe/Berlin").to_vec();
    Zones::new("test", &[(berlin, file)].into()).unwrap()
}

/// When a policy's rings can be, and the printed plan.
fn when(hosts: usize, calendar: &str, policy: &str) -> (WhenReport, String) {
    let hosts: Vec<String> = (0..hosts)
        .map(|number| format!("  - {{ name: h{number}, labels: {{ role: x }} }}\n"))
        .collect();
    let hosts = hosts.concat();
    let fleet = format!(
        "ringway: fleet/v1\nname: f\nzone: Europe/Berlin\n{calendar}connect: local\nhosts:\n{hosts}"
    );
    let policy = format!(
        "ringway: policy/v1\nname: p\napplies_to: all\npace: {{ at_once: 1, settle: 0s }}\n{policy}"
    );
    let update = "ringway: update/v1\nname: u\nrecipe: script\nreleases: [{ select: all, id: a, build: b, with: { apply: a, inspect: b, rollback: c } }]\n";
    let sources = [
        Source::new("f", fleet),
        Source::new("p", policy),
        Source::new("u", update.to_owned()),
    ];
    let documents = read(&sources).unwrap_or_else(|problems| panic!("{problems}"));
    let fleet = compile_fleet(documents.fleet.as_ref().unwrap()).unwrap();
    let plan = make_plan(&fleet, &documents, "p", "u", 1).unwrap();
    let report = explain_at(&fleet, &plan, &documents, &zones(), FROM).unwrap();
    let text = render(&report);
    (report.when.unwrap(), text)
}

const SATURDAYS: &str = "working_hours: mon-fri 08:00-18:00\nwindows: { saturdays: { days: sat, start: \"20:00\", for: 8h } }\n";

#[test]
fn windows_working_time_and_hours_of_approvals_say_when_a_ring_is_over_the_change_of_clocks() {
    let rings = "windows: [saturdays]\nrings:\n  - { name: one, hosts: { select: role = x, take: 1 }, soak: { for: 1h, working_time: 4h }, after_soak: { approvals: 1, between: tue 09:00-10:00 } }\n  - { name: two, hosts: rest, soak: 0s }\n";
    let (when, text) = when(2, SATURDAYS, rings);
    let (one, two) = (&when.rings[0], &when.rings[1]);
    assert_eq!(one.starts_local, "sat 2026-03-28 20:00 (Europe/Berlin)");
    assert!(one.settled > one.starts && one.settled < one.starts + Span::hours(1));
    // Monday from 08:00 on, in summer time: 06:00Z to 10:00Z. The yes counts on Tuesday at the earliest, from 07:00Z on.
    assert_eq!(one.soaked, Timestamp(1_774_526_400_000 + 94 * HOUR));
    assert_eq!(one.promoted, Timestamp(1_774_526_400_000 + 115 * HOUR));
    assert_eq!(two.starts_local, "sat 2026-04-04 20:00 (Europe/Berlin)");
    assert_eq!(when.finish, Some(two.promoted));
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    for part in [
        "after 1h of soak, 4h of it within mon-fri 08:00-18:00 (Europe/Berlin)",
        "only tue 09:00-10:00 (Europe/Berlin)",
        "from sat 2026-03-28 20:00 (Europe/Berlin) on, and goes on at tue 2026-03-31 09:00 (Europe/Berlin) at the earliest",
    ] {
        assert!(words.contains(part), "{part}: {text}");
    }
}

/// What does not fit into one window any more begins in the next.
#[test]
fn visits_that_do_not_fit_into_a_window_wait_for_the_next_one() {
    let calendar = "windows: { short: { days: sat, start: \"20:00\", for: 90m } }\n";
    let rings = "windows: [short]\nrings: [{ name: all, hosts: rest, soak: 0s }]\n";
    let (few, _) = when(2, calendar, rings);
    let (many, _) = when(12, calendar, rings);
    assert_eq!(few.rings[0].starts, many.rings[0].starts);
    let week = few.rings[0].starts + Span::hours(7 * 24 - 1);
    assert!(few.rings[0].settled < few.rings[0].starts + Span::minutes(30));
    assert!(many.rings[0].settled > week, "{many:?}");
}

#[test]
fn a_ring_that_never_has_time_is_said_to_have_none() {
    let calendar = "windows: { short: { days: sat, start: \"20:00\", for: 5m } }\n";
    let rings =
        "windows: [short]\ndue: { other: 30d }\nrings: [{ name: all, hosts: rest, soak: 0s }]\n";
    let (never, text) = when(1, calendar, rings);
    assert_eq!((never.rings.len(), never.finish), (0, None));
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        words.contains("never, as far as the calendar is known"),
        "{text}"
    );
    assert!(words.contains("IT WILL BE MISSED"), "{text}");
}

/// A policy that says nothing of time is told in instants too.
#[test]
fn without_a_calendar_rings_follow_on_one_another() {
    let rings = "rings:\n  - { name: one, hosts: { select: role = x, take: 1 }, soak: 1h }\n  - { name: two, hosts: rest, soak: 1h }\n";
    let (when, _) = when(2, "", rings);
    let (one, two) = (&when.rings[0], &when.rings[1]);
    assert_eq!((one.starts, two.starts), (FROM, one.promoted));
    assert_eq!(one.soaked, one.settled + Span::hours(1));
}

/// Windows with no hour in common: whoever reads the plan is told of which ring, whose hosts, and which windows.
#[test]
fn a_ring_whose_windows_are_never_open_together_is_named_with_its_hosts() {
    let calendar = "windows: { nights: { days: mon-fri, start: \"01:00\", for: 2h }, days: { days: mon-fri, start: \"09:00\", for: 2h } }\n";
    let rings = "windows: [nights]\ndue: { other: 30d }\nrings:\n  - { name: one, hosts: { select: role = x, take: 1 }, soak: 1h }\n  - { name: two, hosts: rest, soak: 1h, windows: [days] }\n";
    let (when, text) = when(3, calendar, rings);
    assert_eq!(when.no_time, Some(NoTimeReport::Ring("two".to_owned())));
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    for part in [
        "Look at this first (1 error, 1 warning)",
        "ring `two`: no visit of 2 hosts may start within 400d",
        "the windows nights (the policy's) and days (the ring's) are never open together",
        "ring `two` has no time for its visits or its soak",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
}
