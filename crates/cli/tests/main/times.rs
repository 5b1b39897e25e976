//! Windows and freezes, from documents to a rollout that waits for them, and what `calendar` and `plan` say of them.

use crate::place::{Place, json};

/// A policy whose second ring may work in a window that is years away.
const LATER: &str = "\
ringway: policy/v1
name: p
applies_to: all
rings:
  - { name: first, hosts: { select: role = y }, soak: 0s }
  - { name: second, hosts: rest, soak: 0s }
freezes:
  closing: { from: 2020-01-01, until: 2098-12-31, reason: the books, select: role = x }
pace: { at_once: 4, ramp: off, settle: 0s }
";

#[test]
fn a_rollout_waits_where_a_freeze_holds_and_says_so() {
    let place = Place::new();
    place.write("policy.yaml", LATER);
    let plan = place.expect("plan", 0).out;
    assert!(plan.contains("not in closing (2 hosts, UTC)"), "{plan}");
    let going = place.spawn("run");
    place.until_status(|view| view["rollouts"][0]["rings"][0]["done"] == 1);
    let why = place.expect("why a", 0).out;
    for part in ["frozen until 2099-01-01T00:00:00Z", "`closing` (the books)"] {
        assert!(why.contains(part), "{part}: {why}");
    }
    let journal = place.expect("journal", 0).out;
    assert!(journal.contains("r1 knows when work may run"), "{journal}");
    place.expect("cancel --reason enough", 0);
    assert_eq!(going.end().code, 5);
    assert_eq!(place.versions(), "1 1 2");
    place.expect("audit", 0);
}

#[test]
fn a_rollout_runs_in_a_window_that_is_open() {
    let place = Place::new();
    let fleet = std::fs::read_to_string(place.path("common.yaml")).unwrap();
    let windows = "name: f\nzone: Europe/Berlin\nwindows:\n  always: { days: daily, start: \"00:00\", for: 24h }\n";
    place.write("common.yaml", &fleet.replacen("name: f\n", windows, 1));
    let without = |line: &&str| !line.starts_with("freezes:") && !line.starts_with("  closing:");
    let policy: Vec<&str> = LATER.lines().filter(without).collect();
    let policy = policy.join("\n");
    place.write("policy.yaml", &format!("{policy}\nwindows: [always]\n"));
    let said = place.ringway("run");
    if said.err.contains("zoneinfo") {
        println!("skipped: this machine has no time zone database");
        return;
    }
    assert_eq!(said.code, 0, "{}", said.err);
    assert_eq!(place.versions(), "2 2 2");
    place.expect("audit", 0);
    let shown = place
        .expect("calendar --from 2026-03-28T12:00:00Z --days 2", 0)
        .out;
    assert!(shown.contains("on the clock of Europe/Berlin"), "{shown}");
    assert!(shown.contains("sat 2026-03-28 13:00"), "{shown}");
    let future = place.expect("simulate", 0).out;
    assert!(future.contains("r1 is over: completed"), "{future}");
}

#[test]
fn calendar_shows_windows_less_freezes_for_people_and_programs() {
    let place = Place::new();
    place.write("policy.yaml", LATER);
    let shown = place
        .expect("calendar --from 2019-12-31T00:00:00Z --days 3", 0)
        .out;
    for part in [
        "first: c\n  at any time",
        "second: a, b   on the clock of UTC",
        "open    tue 2019-12-31 00:00 to wed 2020-01-01 00:00   1d",
        "frozen  wed 2020-01-01 00:00 to fri 2020-01-03 00:00   2d   closing: the books",
    ] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    let one = place.expect(
        "calendar --host b --from 2026-12-01T00:00:00Z --output json",
        0,
    );
    let one = json(&one.out);
    assert_eq!(one["rules"][0]["hosts"], serde_json::json!(["b"]));
    assert_eq!(one["rules"][0]["open"], serde_json::json!([]));
    for (command, part) in [
        ("calendar --host nobody", "nobody"),
        ("calendar --days 0", "--days"),
        ("calendar --from tomorrow", "date, time and zone"),
    ] {
        let said = place.expect(command, 2);
        assert!(said.err.contains(part), "{command}: {}", said.err);
    }
}

#[test]
fn a_zone_that_does_not_exist_is_found_by_check() {
    let place = Place::new();
    let fleet = std::fs::read_to_string(place.path("common.yaml")).unwrap();
    let zone = "name: f\nzone: Europe/Berlim\n";
    place.write("common.yaml", &fleet.replacen("name: f\n", zone, 1));
    let said = place.ringway("check");
    let all = format!("{}{}", said.out, said.err);
    if said.code == 0 {
        println!("skipped: this machine has no time zone database");
        return;
    }
    assert!(all.contains("did you mean `Europe/Berlin`?"), "{all}");
}
