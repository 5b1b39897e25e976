//! Exceptions by the command line alone: brought with documents and by command, listed, ended, and what becomes of hosts.

use crate::place::{Place, json};

const LATE: &str = "2099-07-31";

fn exception(place: &Place, id: &str, hosts: &str, until: &str) -> String {
    let file = format!("{id}.yaml");
    place.write(
        &file,
        &format!(
            "ringway: exception/v1\nid: {id}\nhosts: {hosts}\nupdates: all\nuntil: {until}\nowner: radiology\nreason: vendor certifies quarterly\napproved_by: [ciso]\n"
        ),
    );
    file
}

/// Whoever prepares a fleet says first who is left out: the first rollout knows it before anything starts.
#[test]
fn what_is_left_before_the_first_rollout_is_in_force_when_it_starts() {
    let place = Place::new();
    for (list, words) in [
        ("exception list", "no exception is in force"),
        ("maintenance list", "no maintenance is declared"),
        ("advisory list", "no advisory counts"),
    ] {
        assert!(place.expect(list, 0).out.contains(words), "{list}");
    }
    assert!(!place.path(".ringway").exists(), "a list wrote something");
    for hosts in ["hold a --reason ups", "maintenance add a --reason ups"] {
        let said = place.expect(hosts, 6);
        assert!(
            said.err.contains("no fleet is known yet") && said.err.contains("exception/v1"),
            "{hosts}: {}",
            said.err
        );
    }
    assert!(!place.path(".ringway").exists(), "what was refused is left");
    let file = exception(&place, "EXC-1", "name = a", "2099-07-31T22:00:00Z");
    place.write("not-here/EXC-1.yaml", "");
    std::fs::rename(place.path(&file), place.path("not-here/EXC-1.yaml")).unwrap();
    let said = place.expect("exception add not-here/EXC-1.yaml", 0);
    assert!(
        said.out.contains("nothing ran on `.ringway` yet"),
        "{}",
        said.out
    );
    let listed = place.expect("exception list", 0);
    assert!(
        listed.err.contains("in the inbox, and not so yet"),
        "{}",
        listed.err
    );
    let run = place.expect("run", 0);
    assert!(run.err.contains("from the inbox: "), "{}", run.err);
    assert_eq!(place.versions(), "1 2 2");
    place.expect("audit", 0);
}

/// The story of a device: left out by a document, listed, let go by a person, visited by the next rollout.
#[test]
fn a_host_that_documents_leave_out_is_not_visited_until_somebody_ends_that() {
    let place = Place::new();
    exception(&place, "EXC-0042", "name = a", LATE);
    let plan = place.expect("plan", 0).out;
    assert!(
        plan.contains("excepted") && plan.contains("EXC-0042 of radiology"),
        "{plan}"
    );
    let run = place.expect("run", 0);
    assert!(
        run.err.contains("exception EXC-0042 of radiology"),
        "{}",
        run.err
    );
    assert_eq!(place.versions(), "1 2 2");
    let status = place.expect("status", 0).out;
    for part in [
        "exception EXC-0042 of radiology ends in",
        "1 excepted",
        "1 host: a",
    ] {
        assert!(status.contains(part), "{part}: {status}");
    }
    let listed = json(&place.expect("exception list --output json", 0).out);
    assert_eq!(listed[0]["id"], "EXC-0042");
    assert_eq!(listed[0]["hosts"], serde_json::json!(["a"]));
    assert_eq!(listed[0]["approved-by"], serde_json::json!(["ciso"]));
    let why = place.expect("why a", 0).out;
    assert!(why.contains("excepted"), "{why}");
    let history = place.expect("history a", 0).out;
    assert!(
        history.contains("excepted until 2099-08-01T00:00:00Z by EXC-0042 of radiology"),
        "{history}"
    );
    let handover = place.expect("handover --since 8h", 0).out;
    assert!(handover.contains("exception EXC-0042"), "{handover}");
    let report = place.expect("report rollout r1", 0).out;
    assert!(
        report.contains("exception EXC-0042 of radiology"),
        "{report}"
    );
    // It goes on as long as the document is there, and no longer than a person says.
    place.remove("EXC-0042.yaml");
    let refused = place.expect("exception end EXC-0042", 2);
    assert!(refused.err.contains("--reason"), "{}", refused.err);
    place.expect("exception end EXC-0042 --reason certified", 0);
    let none = place.expect("exception list", 0).out;
    assert!(none.contains("no exception is in force"), "{none}");
    let again = place.expect("exception end EXC-0042 --reason certified", 1);
    assert!(
        again.err.contains("no exception `EXC-0042` is in force"),
        "{}",
        again.err
    );
    place.expect("run --key again", 0);
    assert_eq!(place.versions(), "2 2 2");
    let journal = place.expect("journal", 0).out;
    assert!(journal.contains("exception EXC-0042 ended by"), "{journal}");
    place.expect("audit", 0);
}

/// One that comes while a rollout waits holds back who has not begun; the yes before it was to another ring.
#[test]
fn an_exception_that_comes_in_the_middle_holds_back_who_has_not_begun() {
    let place = Place::with_approval();
    place.expect("run --no-wait", 4);
    let file = exception(&place, "EXC-1", "name = a", LATE);
    let no_zone = place.expect(&format!("exception add {file}"), 2);
    assert!(no_zone.err.contains("in which zone"), "{}", no_zone.err);
    let added = place.expect(&format!("exception add {file} common.yaml"), 0);
    assert!(added.out.contains("this is done first"), "{}", added.out);
    let status = place.expect("status", 0).out;
    assert!(status.contains("leave hosts out by EXC-1"), "{status}");
    let shown = place.expect("approve --show", 0).out;
    assert!(shown.contains("excepted: a"), "{shown}");
    place.expect("approve --yes", 0);
    assert_eq!(place.versions(), "1 2 2");
    let month = place.expect("journal --output ndjson", 0).out;
    let month = month.lines().next().map(json).unwrap_or_default();
    let month = month["at"].as_str().unwrap_or_default()[..7].to_owned();
    let csv = place
        .expect(
            &format!("report compliance --month {month} --format csv"),
            0,
        )
        .out;
    let line = csv
        .lines()
        .find(|line| line.starts_with("a,"))
        .unwrap_or_default();
    assert!(line.contains("exception EXC-1 of radiology until"), "{csv}");
    place.expect("audit", 0);
}

#[test]
fn what_is_no_exception_is_refused_and_one_that_is_over_leaves_nobody_out() {
    let place = Place::new();
    let over = exception(&place, "EXC-9", "all", "2020-01-01T00:00:00Z");
    let refused = place.expect(&format!("exception add {over}"), 2);
    assert!(refused.err.contains("ended at 2020"), "{}", refused.err);
    let lint = place.ringway("lint");
    assert!(lint.out.contains("exception-over"), "{}", lint.out);
    let run = place.expect("run", 0);
    assert!(run.err.contains("leaves nobody out"), "{}", run.err);
    assert_eq!(place.versions(), "2 2 2");
    place.remove("EXC-9.yaml");
    let none = place.expect("exception add common.yaml", 2);
    assert!(none.err.contains("exception/v1"), "{}", none.err);
    let schema = json(&place.expect("schema exception", 0).out);
    assert!(schema["properties"]["approved_by"].is_object(), "{schema}");
}

/// Somebody else installs what a rollout is about to: told apart from what was there before, kept, and a pause.
#[test]
fn hosts_that_somebody_else_changed_are_told_and_pause_the_rollout() {
    let place = Place::new();
    place.expect("run", 0);
    assert_eq!(place.versions(), "2 2 2");
    // The next update; another tool installs it on one host first.
    let common = std::fs::read_to_string(place.path("common.yaml")).unwrap_or_default();
    place.write(
        "common.yaml",
        &common.replace("id: R2, build: \"2\"", "id: R3, build: \"3\""),
    );
    let policy = std::fs::read_to_string(place.path("policy.yaml")).unwrap_or_default();
    place.write(
        "policy.yaml",
        &format!("{policy}outside: {{ pause_at: 0 }}\n"),
    );
    place.write("version-a", "3\n");
    let plan = place.expect("plan", 0).out;
    assert!(plan.contains("more than 0 hosts"), "{plan}");
    let run = place.expect("run --no-wait", 4);
    assert!(
        run.err
            .contains("1 host was changed outside Ringway, and the policy lets 0 pass"),
        "{}{}",
        run.out,
        run.err
    );
    let status = place.expect("status", 0).out;
    for part in [
        "1 changed outside",
        "1 host was changed outside Ringway",
        "paused by ringway",
    ] {
        assert!(status.contains(part), "{part}: {status}");
    }
    let why = place.expect("why a", 0).out;
    assert!(why.contains("changed outside (3, and it was R2)"), "{why}");
    place.expect("resume --reason meant", 0);
    assert_eq!(place.versions(), "3 3 3");
    let history = place.expect("history a", 0).out;
    assert!(history.contains("changed outside Ringway"), "{history}");
    place.expect("audit", 0);
}
