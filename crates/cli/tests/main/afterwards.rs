//! What is told afterwards, by the command line alone: `history`, `handover`, `report`.

use crate::place::{Place, json};

/// One ring is done, and an approval is missing; nothing runs.
fn waiting() -> Place {
    let place = Place::with_approval();
    place.expect("run --no-wait --change CHG0012345", 4);
    place
}

fn month() -> String {
    let now = std::time::SystemTime::now();
    let seconds = now.duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let at = jiff::Timestamp::from_second(i64::try_from(seconds).unwrap()).unwrap();
    at.to_string()[..7].to_owned()
}

#[test]
fn a_hosts_history_has_what_was_installed_by_whom_and_what_people_said_newest_first() {
    let place = waiting();
    place.expect("hold a --reason month-end --until 4h", 0);
    place.expect("comment called-the-vendor --host a", 0);
    place.expect("skip b --reason its-disk", 0);
    let going = place.spawn("approve --yes");
    place.until_status(|view| view["rollouts"][0]["rings"][1]["debt"] == 1);
    place.expect("release a", 0);
    assert_eq!(going.end().code, 0);
    let told = json(&place.expect("history a --output json", 0).out);
    assert_eq!(told["host"], "a");
    let entries = told["entries"].as_array().unwrap();
    let whats: Vec<&str> = entries
        .iter()
        .map(|e| e["what"].as_str().unwrap())
        .collect();
    for what in ["updated", "visit-began", "released", "held", "commented"] {
        assert!(whats.contains(&what), "{what}: {whats:?}");
    }
    assert_eq!(whats[0], "updated", "{whats:?}");
    let installed = entries.iter().find(|e| e["what"] == "updated").unwrap();
    for (key, value) in [
        ("release", "R2"),
        ("build", "2"),
        ("previous", "1"),
        ("change", "CHG0012345"),
        ("ring", "second"),
    ] {
        assert_eq!(installed[key], value, "{key}: {installed}");
    }
    assert_eq!(installed["approved-by"].as_array().unwrap().len(), 1);
    let text = place.expect("history a", 0).out;
    for part in [
        "r1 [CHG0012345]  updated",
        "R2 (build 2), had 1",
        "approved by",
        "month-end",
        "called-the-vendor",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let skipped = place.expect("history b", 0).out;
    assert!(
        skipped.contains("left out by") && skipped.contains("its-disk"),
        "{skipped}"
    );
    let few = json(&place.expect("history a --limit 1 --output json", 0).out);
    assert_eq!(few["entries"].as_array().unwrap().len(), 1);
    assert_eq!(few["more"], whats.len() - 1);
    let none = place
        .expect("history a --since 2999-01-01T00:00:00Z", 0)
        .out;
    assert!(none.contains("nothing happened to a since 2999"), "{none}");
}

#[test]
fn a_failure_is_in_the_history_with_what_was_said_and_a_host_nobody_knows_is_named() {
    let place = Place::new();
    place.expect("history a", 6);
    place.write("fail-c", "");
    place.write("complaint-c", "E: no space left on device");
    place.expect("run", 3);
    let text = place.expect("history c", 0).out;
    assert!(
        text.contains("FAILED") && text.contains("| E: no space left"),
        "{text}"
    );
    let nobody = place.expect("history webb", 1);
    assert!(
        nobody
            .err
            .contains("no fleet of this journal has a host `webb`"),
        "{}",
        nobody.err
    );
    place.expect("history", 2);
    place.expect("history a --limit 0", 2);
    place.expect("history a --since yesterday", 2);
}

#[test]
fn the_next_shift_reads_who_decided_what_waits_for_whom_and_what_to_type() {
    let place = waiting();
    place.expect("hold a --reason month-end --until 4h --now", 0);
    let page = json(&place.expect("handover --output json", 0).out);
    let words = |part: &str, key: &str| -> Vec<String> {
        let all = page[part].as_array().unwrap().iter();
        all.map(|one| one[key].as_str().unwrap_or_default().to_owned())
            .collect()
    };
    let decided = words("decisions", "words");
    assert!(
        decided
            .iter()
            .any(|w| w.contains("r1 [CHG0012345] proposed by")),
        "{decided:?}"
    );
    assert!(
        decided
            .iter()
            .any(|w| w.contains("a not to be touched until")),
        "{decided:?}"
    );
    let happened = words("happened", "words");
    assert!(
        happened.iter().any(|w| w.contains("ring first begins")),
        "{happened:?}"
    );
    let waits = &page["waits"][0];
    assert_eq!(waits["commands"][0], "ringway approve --rollout r1");
    assert_eq!(waits["who"], "anybody who may give commands here");
    let comes = words("comes", "what");
    assert!(
        comes
            .iter()
            .any(|w| w.contains("hold of a ends (month-end)")),
        "{comes:?}"
    );
    let risks = page["risks"].to_string();
    assert!(risks.contains("nothing runs here"), "{risks}");
    let text = place.expect("handover", 0).out;
    for part in [
        "decided",
        "happened",
        "waits now",
        "comes",
        "risks",
        "type: ringway approve --rollout r1",
        "1 host updated: c",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
}

/// Whoever reads of a halt tomorrow must not have to look for what it was.
#[test]
fn a_halt_is_told_with_the_hosts_and_what_their_steps_said() {
    let place = Place::new();
    place.write("fail-c", "");
    place.write("complaint-c", "reading\nE: no space left on device\nbye\n");
    place.expect("run", 3);
    for _ in 0..3 {
        place.expect("run --resume", 3);
    }
    let halt = "HALTED: 1 failed in ring first, which halts on failure no. 1: c (its command failed: E: no space left on device)";
    for arguments in ["handover", "report rollout r1"] {
        let text = place.expect(arguments, 0).out;
        assert!(text.contains(halt), "{arguments}: {text}");
    }
    let text = place.expect("handover", 0).out;
    assert!(text.contains(", the last of 3 times in a row"), "{text}");
    assert_eq!(text.matches("taken over as epoch").count(), 2, "{text}");
}

/// Nobody looks for a host that was left out on purpose, until the date has passed.
#[test]
fn who_was_left_out_and_misses_the_date_is_a_risk() {
    let place = waiting();
    place.expect("skip b --reason odd --now", 0);
    let text = place.expect("handover", 0).out;
    assert!(!text.contains("when it is due"), "{text}");
    place.expect("cancel --reason again", 0);
    let policy = std::fs::read_to_string(place.path("policy.yaml")).unwrap();
    place.write("policy.yaml", &format!("{policy}due: {{ other: 90d }}\n"));
    place.expect("run --no-wait", 4);
    place.expect("skip b --reason odd --now", 0);
    let text = place.expect("handover", 0).out;
    assert!(
        text.contains("r2 1 host skipped, and will be without the update when it is due: b\n"),
        "{text}"
    );
}

#[test]
fn a_quiet_shift_says_so_and_who_is_missing_is_a_risk() {
    let place = Place::new();
    place.expect("handover", 6);
    place.expect("run", 0);
    let future = place.expect("handover --since 2999-01-01T00:00:00Z", 2);
    assert!(future.err.contains("is to come"), "{}", future.err);
    let text = place.expect("handover --since 0s", 0).out;
    for part in [
        "nobody decided anything",
        "nothing happened",
        "nothing waits",
        "nothing is due by time",
        "none that Ringway knows of",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    place.expect("handover --since soon", 2);
    let place = Place::new();
    place.write(
        "people.yaml",
        "ringway: people/v1\nteams: { t: { members: [ana, ben] } }\n",
    );
    let policy = std::fs::read_to_string(place.path("policy.yaml")).unwrap();
    let policy = policy.replacen(
        "soak: 0s",
        "soak: 0s, after_soak: { approvals: 2, by: [t] }",
        1,
    );
    place.write("policy.yaml", &policy);
    place.expect("run --no-wait", 4);
    let text = place.expect("handover", 0).out;
    assert!(text.contains("who: ana, ben"), "{text}");
    assert!(
        text.contains("going on after ring first needs everybody who may approve it: ana, ben"),
        "{text}"
    );
}

/// The author may not approve, whatever user they are here; whoever does not count is not told as somebody who could help.
#[test]
fn a_handover_counts_people_and_not_users() {
    let place = Place::new();
    place.write(
        "people.yaml",
        "ringway: people/v1\nteams: { t: { members: [ana, ben, cleo] } }\npeople: { cleo: { user: [c.lindt, admin-cl] } }\n",
    );
    let policy = std::fs::read_to_string(place.path("policy.yaml")).unwrap();
    let rule = "soak: 0s, after_soak: { approvals: 2, by: [t], not_by: [policy-author] }";
    let policy = policy.replacen("soak: 0s", rule, 1);
    let policy = policy.replacen("name: p\n", "name: p\nauthor: admin-cl\n", 1);
    place.write("policy.yaml", &policy);
    place.expect("run --no-wait", 4);
    let text = place.expect("handover", 0).out;
    assert!(
        text.contains("going on after ring first needs everybody who may approve it: ana, ben"),
        "{text}"
    );
    assert!(
        text.contains("who: ana, ben") && text.contains("not: cleo (wrote the policy)"),
        "{text}"
    );
}

/// A rollout in which one host was left out, and a month that is reported.
fn reported() -> (Place, String) {
    let place = waiting();
    place.expect("skip b --reason ='it,is\"odd", 0);
    // What is left in the inbox is done first, and then the ring to come has other hosts than were shown.
    place.expect("approve --yes", 0);
    (place, format!("report compliance --month {}", month()))
}

#[test]
fn a_month_is_reported_for_every_host() {
    let (place, command) = reported();
    let data = format!("{command} --output json");
    let report = json(&place.expect(&data, 0).out);
    assert_eq!(report["zone"], "UTC");
    assert_eq!(report["summary"]["hosts"], 3);
    assert_eq!(report["summary"]["severities"][0]["updated"], 2);
    assert_eq!(report["summary"]["severities"][0]["share-milli"], 666);
    assert!(report["summary"]["overdue"].is_null());
    let rows = report["rows"].as_array().unwrap();
    let hosts: Vec<&str> = rows
        .iter()
        .map(|row| row["host"].as_str().unwrap())
        .collect();
    assert_eq!(hosts, ["a", "b", "c"]);
    assert_eq!(rows[0]["outcome"], "updated");
    assert_eq!(rows[0]["change"], "CHG0012345");
    assert_eq!(rows[0]["approvers"].as_array().unwrap().len(), 1);
    let nobody = rows[2]["approvers"].as_array().unwrap();
    assert!(nobody.is_empty(), "its ring needed nobody");
    let exception = rows[1]["exception"].as_str().unwrap();
    assert!(exception.contains("left out by"), "{exception}");
    let again = json(&place.expect(&data, 0).out);
    assert_eq!(again, report, "the same journal, the same report");
}

#[test]
fn a_month_is_written_for_spreadsheets_browsers_and_people() {
    let (place, command) = reported();
    let csv = place.expect(&format!("{command} --format csv"), 0).out;
    let lines: Vec<&str> = csv.split("\r\n").collect();
    assert_eq!(lines.len(), 5, "{csv}");
    let columns = "host,update,severity,release,build,outcome,when,due,overdue,rollout,change";
    assert!(lines[0].starts_with(columns), "{csv}");
    assert!(lines[2].starts_with("b,u,,R2,2,left out,"), "{csv}");
    assert!(lines[2].contains("it,is\"\"odd\""), "{csv}");
    let html = place.expect(&format!("{command} --format html"), 0).out;
    assert!(html.starts_with("<!DOCTYPE html>"), "{html}");
    assert!(html.contains("CHG0012345"), "{html}");
    for load in ["http:", "https:", "<script", "src=", "<link"] {
        assert!(!html.contains(load), "{load}");
    }
    let text = place.expect(&command, 0).out;
    assert!(text.contains("in UTC"), "{text}");
    assert!(text.contains("2 of 3 have it, 66.6 %"), "{text}");
}

/// An auditor counts rows: a host must not be told as lacking by a rollout that another one has replaced.
#[test]
fn a_rollout_that_was_cancelled_before_a_host_gives_way_to_the_one_after_it() {
    let place = waiting();
    let command = format!("report compliance --month {} --output json", month());
    let rows = || -> Vec<String> {
        let report = json(&place.expect(&command, 0).out);
        let rows = report["rows"].as_array().unwrap().iter();
        rows.map(|row| {
            let text = |key: &str| row[key].as_str().unwrap_or_default().to_owned();
            format!("{} r{} {}", text("host"), row["rollout"], text("outcome"))
        })
        .collect()
    };
    place.expect("cancel --reason again", 0);
    assert_eq!(rows(), ["a r1 pending", "b r1 pending", "c r1 updated"]);
    place.expect("run --no-wait", 4);
    let both = [
        "a r2 pending",
        "b r2 pending",
        "c r1 updated",
        "c r2 already updated",
    ];
    assert_eq!(rows(), both);
}

#[test]
fn a_month_in_which_nothing_was_under_way_says_so() {
    let place = Place::new();
    place.expect("report compliance --month 2026-01", 6);
    place.expect("run", 0);
    let empty = place.expect("report compliance --month 2001-02", 0).out;
    assert!(
        empty.contains("No rollout was under way") && empty.contains("0 hosts"),
        "{empty}"
    );
    let csv = place
        .expect("report compliance --month 2001-02 --format csv", 0)
        .out;
    assert_eq!(csv.matches("\r\n").count(), 1, "{csv}");
    let future = place.expect("report compliance --month 2999-01", 1);
    assert!(future.err.contains("has not begun"), "{}", future.err);
    for wrong in ["2026-13", "november", "2026"] {
        place.expect(&format!("report compliance --month {wrong}"), 2);
    }
    place.expect("report compliance", 2);
}

#[test]
fn a_rollout_is_reported_with_its_approvals_their_digests_and_the_journals_head() {
    let place = waiting();
    place.expect("comment a-note", 0);
    place.expect("approve --yes", 0);
    let report = json(&place.expect("report rollout r1 --output json", 0).out);
    assert_eq!(report["change"], "CHG0012345");
    assert_eq!(report["state"], "completed");
    assert_eq!(report["audit"]["sound"], true);
    let audit = place.expect("audit", 0).out;
    assert!(
        audit.contains(report["audit"]["head"].as_str().unwrap()),
        "{audit}"
    );
    let yes = &report["approvals"][0];
    assert_eq!(yes["subject"], "going on after ring first");
    assert_eq!(yes["digest"].as_str().unwrap().len(), 64);
    assert_eq!(report["outcomes"]["updated"], 3);
    assert_eq!(report["hosts"][0]["previous"], "1");
    assert!(report["documents"]["policy/p"].is_string());
    let text = place.expect("report rollout r1", 0).out;
    for part in [
        "approvals",
        "decided",
        "happened",
        "hosts",
        "chain head",
        "a-note",
        "It is over since",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let html = place.expect("report rollout r1 --format html", 0).out;
    assert!(
        html.contains("chain head") && html.contains("digest shown"),
        "{html}"
    );
    let none = place.expect("report rollout r7", 1);
    assert!(none.err.contains("there is no rollout r7"), "{}", none.err);
    place.expect("report rollout seven", 2);
}

#[test]
fn what_was_due_and_not_there_is_overdue() {
    let place = Place::new();
    let policy = std::fs::read_to_string(place.path("policy.yaml")).unwrap();
    place.write(
        "policy.yaml",
        &format!("{policy}due: {{ critical: 1d, other: 90d }}\n"),
    );
    let common = std::fs::read_to_string(place.path("common.yaml")).unwrap();
    let critical = "name: u\nseverity: critical\nreleased: 2020-01-01T00:00:00Z\n";
    place.write("common.yaml", &common.replacen("name: u\n", critical, 1));
    place.expect("run", 0);
    let month = month();
    let report = json(
        &place
            .expect(
                &format!("report compliance --month {month} --output json"),
                0,
            )
            .out,
    );
    assert_eq!(report["summary"]["overdue"], 3, "they got it years late");
    assert_eq!(report["summary"]["severities"][0]["severity"], "critical");
    assert_eq!(report["rows"][0]["due"], "2020-01-02T00:00:00Z");
    assert_eq!(report["rows"][0]["overdue"], true);
}

/// What whoever comes next has to answer, and what they have to worry about.
#[test]
fn a_handover_has_open_questions_and_says_why_hosts_failed() {
    let place = Place::with_approval();
    let policy = std::fs::read_to_string(place.path("policy.yaml")).unwrap();
    let policy = policy.replace("rest, soak: 0s", "rest, soak: 1h");
    let policy = policy.replace("pace:", "due: { other: 1m }\npace:");
    place.write("policy.yaml", &policy);
    place.expect("run --no-wait", 4);
    place.expect("ask why-a? --now", 0);
    for _ in 0..3 {
        place.expect("run --resume --no-wait", 4);
    }
    let text = place.expect("handover", 0).out;
    // It is overdue only where this takes longer than a minute.
    let is_late = ["r1 it will miss its date: due ", "r1 it is overdue: due "];
    assert!(is_late.iter().any(|part| text.contains(part)), "{text}");
    for part in [": why-a?\n", "type: ringway answer 1 'TEXT' --rollout r1"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert_eq!(text.matches("taken over as epoch").count(), 3, "{text}");
    assert!(
        text.contains("epoch 5, the last of 3 times in a row"),
        "{text}"
    );
    place.expect("answer 1 its-disk", 0);
    place.expect("skip b --reason later", 0);
    place.write("fail-a", "");
    place.write("complaint-a", "E: no space left on device\n");
    place.expect("approve --yes", 3);
    let text = place.expect("handover", 0).out;
    assert!(!text.contains("type: ringway answer"), "{text}");
    for part in [
        "a (apply: ",
        "E: no space left on device",
        "1 host skipped, and will be without the update when it is due: b",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
}

#[test]
fn a_handover_tells_who_has_poison_and_promises_no_visit_that_nobody_makes() {
    let place = Place::new();
    place.write(
        "EXC-1.yaml",
        "ringway: exception/v1\nid: EXC-1\nhosts: name = a\nupdates: all\nuntil: 2099-01-01T00:00:00Z\nowner: radiology\nreason: certified quarterly\napproved_by: [ciso]\n",
    );
    place.expect("run", 0);
    place.expect("poison R2 --reason breaks-lsass --now", 0);
    let text = place.expect("handover", 0).out;
    for part in [
        "exception EXC-1 of radiology ends; only a new rollout visits a",
        "2 hosts have poisoned content R2 (breaks-lsass, says ",
        ": b, c",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
}
