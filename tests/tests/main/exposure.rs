//! `ringway exposure` and the product lines of a plan, over a rollout on the processes of this machine.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use ringway_tests::ringway;
use serde_json::Value;

const DOCUMENTS: &str = r#"ringway: fleet/v1
name: shop
hosts:
  - { name: web-1, labels: { role: web } }
  - { name: web-2, labels: { role: web } }
  - { name: db-1, labels: { role: db } }
  - { name: old-1, labels: { role: tape } }
connect: local
---
ringway: policy/v1
name: careful
applies_to: all
rings:
  - { name: web, hosts: { select: role = web }, soak: 1s, after_soak: { approvals: 1 } }
  - { name: rest, hosts: rest, soak: 1s }
pace: { settle: 0s }
due: { critical: 24h }
---
ringway: update/v1
name: fix
released: 2026-01-01T00:00:00Z
severity: critical
cves:
  - { id: CVE-1, severity: critical, exploited: yes }
  - { id: CVE-2, severity: moderate }
releases:
  - { select: role = web, id: KB1, build: "2", restart: never, hotpatch: yes, supersedes: [KB0], cves: [CVE-1, CVE-2] }
  - { select: role = db, id: KB2, build: "2", restart: always, cves: [CVE-2] }
  - { select: role = mail, id: KB3, build: "2" }
recipe: files
---
ringway: recipe/v1
name: files
steps:
  inspect: { run: 'cat "version-$HOST" || true', installed_when: "{build}" }
  apply: { run: 'printf %s "$BUILD" >"version-$HOST"' }
"#;

fn run(directory: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(ringway());
    command.current_dir(directory).args(arguments);
    command.output().unwrap()
}

fn text(output: &Output) -> String {
    let both = [&output.stdout[..], &output.stderr[..]].concat();
    String::from_utf8(both).unwrap()
}

fn told(directory: &Path, arguments: &[&str]) -> Value {
    let output = run(directory, arguments);
    assert!(output.status.success(), "{arguments:?}: {}", text(&output));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn exposed(sums: &Value, of: &str) -> (u64, u64, i64) {
    let sums = sums.as_array().unwrap().iter();
    let sum = { sums }.find(|sum| sum["of"] == of);
    let sum = sum.unwrap_or_else(|| panic!("nothing of {of}"));
    numbers(sum)
}

/// Hosts, those without it, and how long in milliseconds.
fn numbers(sum: &Value) -> (u64, u64, i64) {
    (
        sum["hosts"].as_u64().unwrap(),
        sum["without"].as_u64().unwrap(),
        sum["exposed-ms"].as_i64().unwrap(),
    )
}

#[test]
fn exposure_adds_up_and_names_who_is_late_and_a_plan_says_which_lines_are_left_out() {
    let directory = tempfile::tempdir().unwrap();
    let directory = directory.path();
    fs::write(directory.join("documents.yaml"), DOCUMENTS).unwrap();
    let plan = text(&run(directory, &["plan"]));
    for line in [
        "KB1: a hotpatch; no restart; mends CVEs: 1 critical, 1 moderate (1 exploited); takes the place of KB0",
        "KB2: needs a restart; mends CVEs: 1 moderate (0 exploited)",
        "on no host: KB3 (role = mail)",
        "by `role`: tape (1)",
    ] {
        let flat = plan.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(flat.contains(line), "no `{line}` in {plan}");
    }
    let begun = run(directory, &["run", "--no-wait"]);
    assert_eq!(begun.status.code(), Some(4), "{}", text(&begun));
    let all = told(directory, &["exposure", "--output", "json"]);
    let one = &all[0];
    let (from, until) = (
        one["from"].as_i64().unwrap(),
        one["until"].as_i64().unwrap(),
    );
    assert_eq!(
        (from, &one["since-released"]),
        (1_767_225_600_000, &Value::Bool(true))
    );
    let (hosts, without, total) = numbers(&one["total"]);
    assert_eq!((hosts, without), (3, 1));
    // The host that nobody visited was exposed all the time.
    let db = exposed(&one["strata"], "role=db");
    assert_eq!(db, (1, 1, until - from));
    let web = exposed(&one["strata"], "role=web");
    assert_eq!((web.0, web.1), (2, 0));
    assert!(web.2 > 0 && web.2 <= 2 * (until - from), "{web:?}");
    assert_eq!(db.2 + web.2, total);
    let severities = &one["severities"];
    assert_eq!(severities[0]["of"], "critical");
    assert_eq!(exposed(severities, "critical"), web);
    assert_eq!(exposed(severities, "moderate"), db);
    assert_eq!(numbers(&one["exploited"]), web);
    assert_eq!(one["not-applicable"], 1);
    let late = one["late"].as_array().unwrap();
    assert_eq!(late.len(), 1, "{late:?}");
    assert_eq!(late[0]["host"], "db-1");
    assert!(
        late[0]["why"].as_str().unwrap().ends_with("it was due"),
        "{late:?}"
    );
    let words = text(&run(directory, &["exposure", "r1"]));
    assert!(
        words.contains("1 of 3 hosts without it from its release, 2026-01-01T00:00:00Z"),
        "{words}"
    );
    let status = text(&run(directory, &["status"]));
    assert!(
        status.contains("host-hours, 1 of 3 hosts without it (`ringway exposure r1`)"),
        "{status}"
    );
    // It is over: nothing is added up any more, and it is told where it is asked for.
    let ended = run(directory, &["approve", "--yes"]);
    assert!(ended.status.success(), "{}", text(&ended));
    let none = told(directory, &["exposure", "--output", "json"]);
    assert_eq!(none, Value::Array(Vec::new()));
    let over = told(directory, &["exposure", "r1", "--output", "json"]);
    let again = told(directory, &["exposure", "r1", "--output", "json"]);
    assert_eq!(over, again, "time goes on, and this does not");
    assert_eq!(
        (numbers(&over[0]["total"]).1, &over[0]["state"]),
        (0, &Value::from("completed"))
    );
    let unknown = run(directory, &["exposure", "r9"]);
    assert_eq!(unknown.status.code(), Some(1));
    assert!(text(&unknown).contains("there is no rollout r9"));
}
