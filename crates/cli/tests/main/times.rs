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
    for part in [
        "frozen until 2099-01-01T00:00:00Z",
        "`closing` (the books)",
        "freeze `closing` of the policy holds until thu 2099-01-01 00:00 (UTC): the books",
    ] {
        assert!(why.contains(part), "{part}: {why}");
    }
    let status = place.expect("status", 0).out;
    assert!(status.contains("2 hosts: "), "{status}");
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

#[test]
fn a_person_lets_a_rollout_work_in_a_freeze_where_its_policy_permits_it() {
    let place = Place::new();
    place.write("policy.yaml", LATER);
    let going = place.spawn("run");
    place.until_status(|view| view["rollouts"][0]["rings"][0]["done"] == 1);
    let refused = place.expect("override-freeze closing --until 2h --reason urgent", 1);
    assert!(
        refused
            .err
            .contains("policy `p` lets nobody work in a freeze"),
        "{}",
        refused.err
    );
    place.expect("cancel --reason enough", 0);
    assert_eq!(going.end().code, 5);
    let permitting = LATER.replacen("freezes:", "freezes:\n  override: with_reason", 1);
    place.write("policy.yaml", &permitting);
    let plan = place.expect("plan", 0).out;
    assert!(plan.contains("ringway override-freeze"), "{plan}");
    let going = place.spawn("run");
    place.until_status(|view| view["rollouts"][1]["rings"][0]["done"] == 1);
    for (command, part) in [
        (
            "override-freeze no-such --until 2h --reason urgent",
            "its hosts are in `closing`",
        ),
        (
            "override-freeze closing --until 2020-01-01T00:00:00Z --reason urgent",
            "has passed",
        ),
    ] {
        let said = place.expect(command, 1);
        assert!(said.err.contains(part), "{command}: {}", said.err);
    }
    place.expect("override-freeze closing --until 2h --reason urgent", 0);
    assert_eq!(going.end().code, 0);
    assert_eq!(place.versions(), "2 2 2");
    let journal = place.expect("journal", 0).out;
    assert!(
        journal.contains("r2 may work in freeze closing until"),
        "{journal}"
    );
    place.expect("audit", 0);
}

#[test]
fn nothing_begins_unless_an_external_gate_is_open() {
    let place = Place::new();
    let policy = std::fs::read_to_string(place.path("policy.yaml")).unwrap();
    let gate = "gates:\n  - { name: change-open, external: { run: 'echo \"$RING $UPDATE\"; test -e approved', every: 1s } }\n";
    place.write("policy.yaml", &format!("{policy}{gate}"));
    let plan = place.expect("plan", 0).out;
    assert!(
        plan.contains("`change-open` is asked at the controller"),
        "{plan}"
    );
    let going = place.spawn("run");
    place.until_status(|view| view["rollouts"][0]["gates"][0]["says"] == "closed");
    let why = place.expect("why", 0).out;
    assert!(
        why.contains("gate `change-open` is closed") && why.contains("(first u)"),
        "{why}"
    );
    let status = place.expect("status", 0).out;
    assert!(
        status.contains("gate change-open: closed since"),
        "{status}"
    );
    assert_eq!(place.versions(), "1 1 1");
    place.write("approved", "");
    assert_eq!(going.end().code, 0);
    assert_eq!(place.versions(), "2 2 2");
    let journal = place.expect("journal", 0).out;
    for part in [
        "r1 gate change-open is closed: first u",
        "r1 gate change-open is open",
    ] {
        assert!(journal.contains(part), "{part}: {journal}");
    }
    place.expect("audit", 0);
}

/// The weekday so many days from now, on the clock of UTC.
fn weekday(days_ahead: u64) -> &'static str {
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap();
    let day = now.as_secs() / 86_400 + days_ahead;
    ["thu", "fri", "sat", "sun", "mon", "tue", "wed"][usize::try_from(day % 7).unwrap()]
}

#[test]
fn a_yes_outside_its_hours_is_refused_and_says_when_it_counts() {
    let place = Place::with_approval();
    let policy = std::fs::read_to_string(place.path("policy.yaml")).unwrap();
    let between = format!("approvals: 1, between: \"{} 08:00-16:00\"", weekday(3));
    place.write("policy.yaml", &policy.replace("approvals: 1", &between));
    assert_eq!(place.ringway("run --no-wait").code, 4);
    let status = place.expect("status", 0).out;
    assert!(status.contains("does not count at this hour"), "{status}");
    assert!(status.contains("counts only"), "{status}");
    let refused = place.expect("approve --yes", 1);
    for part in ["counts only", "approve from"] {
        assert!(refused.err.contains(part), "{part}: {}", refused.err);
    }
    // Any day there is one that is now: today's, around the clock.
    place.expect("cancel --reason enough", 0);
    let always = "approvals: 1, between: \"daily 00:00-24:00\"";
    place.write("policy.yaml", &policy.replace("approvals: 1", always));
    assert_eq!(place.ringway("run --no-wait").code, 4);
    place.expect("approve --yes", 0);
    assert_eq!(place.versions(), "2 2 2");
    place.expect("audit", 0);
}

/// Windows on Saturdays, a soak that needs working time, and a date that both leave no way to meet.
#[test]
fn plan_says_when_rings_can_be_and_due_says_what_will_be_missed() {
    let place = Place::new();
    let fleet = std::fs::read_to_string(place.path("common.yaml")).unwrap();
    let times = "name: f\nworking_hours: mon-fri 08:00-18:00\nwindows:\n  saturdays: { days: sat, start: \"20:00\", for: 8h }\n";
    place.write("common.yaml", &fleet.replacen("name: f\n", times, 1));
    let policy = std::fs::read_to_string(place.path("policy.yaml")).unwrap();
    let policy = policy.replacen("soak: 0s", "soak: { for: 1h, working_time: 4h }", 1);
    let policy = format!("{policy}windows: [saturdays]\ndue: {{ other: 2d }}\n");
    place.write("policy.yaml", &policy);
    // A Monday: the first ring on the Saturday, its soak until Monday noon, the second ring a week later.
    let plan = place.expect("plan --from 2026-11-30T12:00:00Z", 0).out;
    for part in [
        "from sat 2026-12-05 20:00 (UTC) on",
        "goes on at mon 2026-12-07 12:00 (UTC) at the earliest",
        "from sat 2026-12-12 20:00 (UTC) on",
        "IT WILL BE MISSED",
    ] {
        let words = plan.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(words.contains(part), "{part}: {plan}");
    }
    let told = json(
        &place
            .expect("plan --from 2026-11-30T12:00:00Z --output json", 0)
            .out,
    );
    assert_eq!(
        told["when"]["rings"][0]["promoted"], 1_796_644_800_000_i64,
        "{told}"
    );
    // Whatever day it is, the window is three days ahead.
    let ahead = times.replace("days: sat", &format!("days: {}", weekday(3)));
    place.write("common.yaml", &fleet.replacen("name: f\n", &ahead, 1));
    let lint = place.ringway("lint").out;
    assert!(lint.contains("update `u` is due"), "{lint}");
    let going = place.spawn("run");
    place.until_status(|view| view["rollouts"][0]["due"]["missed"] == true);
    let due = place.expect("due", 0).out;
    for part in [
        "will miss its date",
        "complete at the earliest",
        "not updated yet: 3 hosts",
    ] {
        assert!(due.contains(part), "{part}: {due}");
    }
    let due = json(&place.expect("due --output json", 0).out);
    assert_eq!(due["rollouts"][0]["due"]["by"], "other");
    place.expect("cancel --reason enough", 0);
    assert_eq!(going.end().code, 5);
    place.expect("audit", 0);
}
