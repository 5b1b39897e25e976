//! A fleet that changes while a rollout runs over it, by the command line alone.

use std::fs;

use crate::place::{Place, json};

/// The documents with these hosts, and a version for each of them that has none yet.
fn hosts(place: &Place, all: &[(&str, &str)]) {
    let text = fs::read_to_string(place.path("common.yaml")).unwrap_or_default();
    let (head, rest) = text.split_once("hosts:\n").unwrap_or_default();
    let (_, rest) = rest.split_once("connect:").unwrap_or_default();
    let lines: Vec<String> = all
        .iter()
        .map(|(name, role)| format!("  - {{ name: {name}, labels: {{ role: {role} }} }}\n"))
        .collect();
    let lines = lines.concat();
    place.write(
        "common.yaml",
        &format!("{head}hosts:\n{lines}connect:{rest}"),
    );
    for (name, _) in all {
        if !place.path(&format!("version-{name}")).exists() {
            place.write(&format!("version-{name}"), "1\n");
        }
    }
}

fn version(place: &Place, host: &str) -> String {
    let text = fs::read_to_string(place.path(&format!("version-{host}")));
    text.unwrap_or_default().trim().to_owned()
}

#[test]
fn hosts_join_vanish_and_return_while_a_rollout_waits_for_a_yes() {
    let place = Place::with_approval();
    let running = place.spawn("run");
    place.until_status(|view| view["rollouts"][0]["approval"]["due"] == true);
    let same = place.expect("refresh", 0).out;
    assert!(same.contains("the fleet is as it was"), "{same}");
    // `d` would be of the second ring, `e` of the first, which has begun; `a` and `b` are gone.
    hosts(&place, &[("e", "y"), ("d", "x"), ("c", "y")]);
    let told = place.expect("refresh --dry-run --output json", 0).out;
    assert_eq!(
        json(&told)["joined"].as_array().map(Vec::len),
        Some(2),
        "{told}"
    );
    assert!(!place.expect("status", 0).out.contains("vanished"));
    let told = place.expect("refresh", 0).out;
    for line in [
        "d joins r1 in ring `second`",
        "e joins r1 in ring `catch-up`: its own ring `first` has begun",
        "a is no longer of the fleet",
        "b is no longer of the fleet",
    ] {
        assert!(told.contains(line), "{line}: {told}");
    }
    let status = place.expect("status", 0).out;
    assert!(status.contains("2 vanished"), "{status}");
    let why = place.expect("why a", 0).out;
    assert!(why.contains("vanished (no longer of the fleet)"), "{why}");
    hosts(&place, &[("b", "x"), ("c", "y"), ("d", "x"), ("e", "y")]);
    let told = place.expect("refresh", 0).out;
    assert!(told.contains("b is back"), "{told}");
    place.expect("approve --yes", 0);
    assert_eq!(running.end().code, 0);
    let versions = ["a", "b", "c", "d", "e"].map(|host| version(&place, host));
    assert_eq!(versions, ["1", "2", "2", "2", "2"]);
    let journal = place.expect("journal", 0).out;
    for line in [
        "d joins ring second",
        "took the fleet in",
        "r1 a is no longer of the fleet",
    ] {
        assert!(journal.contains(line), "{line}: {journal}");
    }
    place.expect("audit", 0);
}

/// A freeze that is decided while a rollout runs holds for the hosts that are still to come.
#[test]
fn a_freeze_that_is_written_meanwhile_keeps_who_is_still_to_come() {
    let place = Place::with_approval();
    let running = place.spawn("run");
    place.until_status(|view| view["rollouts"][0]["approval"]["due"] == true);
    let text = fs::read_to_string(place.path("common.yaml")).unwrap();
    let freeze = "freezes:\n  audit: { from: 2020-01-01, until: 2100-01-01, reason: audit, select: name = b }\n";
    place.write(
        "common.yaml",
        &text.replace("hosts:\n", &format!("{freeze}hosts:\n")),
    );
    for asked in ["refresh --dry-run", "refresh"] {
        let told = place.expect(asked, 0).out;
        let line = "b has other windows or freezes in r1 from now on";
        assert!(told.contains(line), "{told}");
    }
    place.expect("approve --yes", 0);
    place.until_status(|view| view["rollouts"][0]["rings"][1]["done"] == 1);
    let why = place.expect("why b", 0).out;
    assert!(why.contains("audit"), "{why}");
    assert_eq!(version(&place, "b"), "1");
    place.write("common.yaml", &text);
    let told = place.expect("refresh", 0).out;
    assert!(told.contains("b has other windows"), "{told}");
    assert_eq!(running.end().code, 0);
    assert_eq!(version(&place, "b"), "2");
    place.expect("audit", 0);
}

#[test]
fn run_takes_the_fleet_as_it_is_into_what_is_in_flight() {
    let place = Place::with_approval();
    place.expect("run --no-wait", 4);
    hosts(&place, &[("a", "x"), ("b", "x"), ("c", "y"), ("d", "x")]);
    let said = place.expect("run --no-wait", 4);
    assert!(
        said.err.contains("d joins r1 in ring `second`"),
        "{}",
        said.err
    );
    assert!(said.err.contains("going on with it"), "{}", said.err);
    assert_eq!(place.rollouts(), 1);
    place.expect("approve --yes", 0);
    assert_eq!(version(&place, "d"), "2");
    let refused = place.expect("refresh --dry-run", 1);
    assert!(
        refused.err.contains("no rollout is in flight"),
        "{}",
        refused.err
    );
    place.expect("audit", 0);
}

/// The last ring has begun: whoever comes now is no part of it, and that is said.
#[test]
fn who_comes_when_the_last_ring_has_begun_is_named_and_left_to_the_next_rollout() {
    let place = Place::new();
    let running = place.spawn("run");
    place.until_answered();
    assert_eq!(running.end().code, 0);
    let place = Place::with_approval();
    place.expect("run --no-wait", 4);
    place.write("hold", "");
    fs::remove_file(place.path("began")).unwrap_or_default();
    let going = place.spawn("approve --yes");
    crate::place::until(|| place.path("began").exists());
    hosts(&place, &[("a", "x"), ("b", "x"), ("c", "y"), ("d", "x")]);
    let told = place.expect("refresh", 0).out;
    assert!(
        told.contains("d is no part of r1: its last ring has begun"),
        "{told}"
    );
    let status = place.expect("status", 0).out;
    assert!(
        status.contains("came too late, are no part of it: d"),
        "{status}"
    );
    place.remove("hold");
    assert_eq!(going.end().code, 0);
    assert_eq!(version(&place, "d"), "1");
    place.expect("audit", 0);
}

/// Nobody decides: what is left is done before anything else, each on top of what waits already.
#[test]
fn a_refresh_waits_in_the_inbox_where_nobody_decides() {
    let place = Place::with_approval();
    place.expect("run --no-wait", 4);
    let same = place.expect("refresh", 0);
    assert!(same.out.contains("the fleet is as it was"), "{}", same.out);
    let waiting = || place.expect("status", 0).out;
    assert!(!waiting().contains("inbox"), "{}", waiting());
    hosts(&place, &[("a", "x"), ("b", "x"), ("c", "y"), ("d", "x")]);
    let said = place.expect("refresh", 0);
    assert!(
        said.out.contains("d joins r1 in ring `second`"),
        "{}",
        said.out
    );
    assert!(said.err.contains("nothing runs on"), "{}", said.err);
    let again = place.expect("refresh", 0);
    assert!(
        again.out.contains("the fleet is as it was"),
        "{}",
        again.out
    );
    hosts(&place, &[("a", "x"), ("c", "y"), ("d", "x"), ("e", "x")]);
    let said = place.expect("refresh", 0).out;
    assert!(
        said.contains("e joins r1") && said.contains("b is no longer of the fleet"),
        "{said}"
    );
    assert!(!said.contains("d joins"), "{said}");
    assert!(
        waiting().contains("take the fleet as it is now"),
        "{}",
        waiting()
    );
    let said = place.expect("run --resume --no-wait", 4).err;
    let done = "from the inbox: take the fleet as it is now: done";
    assert_eq!(said.matches(done).count(), 2, "{said}");
    place.expect("approve --yes", 0);
    let versions = ["a", "b", "c", "d", "e"].map(|host| version(&place, host));
    assert_eq!(versions, ["2", "1", "2", "2", "2"]);
    place.expect("audit", 0);
}
