//! `plan --save` and `run --plan`: what was reviewed is what runs.

use std::fs;

use crate::place::Place;

#[test]
fn what_was_saved_runs_exactly_and_once() {
    let place = Place::with_approval();
    let saved = place.expect("plan --save april.plan", 0);
    assert!(saved.err.contains("run --plan april.plan"), "{}", saved.err);
    // The file knows its documents; others beside it would be read by nobody.
    let two = place.expect("run --plan april.plan policy.yaml", 2);
    assert!(two.err.contains("PATH"), "{}", two.err);
    place.expect("run --plan april.plan --change CHG1 --no-wait", 4);
    let again = place.expect("run --no-wait", 4);
    assert!(again.err.contains("this very plan"), "{}", again.err);
    let text = fs::read_to_string(place.path("april.plan")).unwrap();
    for part in ["policy/p", "applies_to: all", "recipe/r"] {
        assert!(text.contains(part), "{part}");
    }
    // From another directory, too: it knows where its documents lie.
    let from = place.expect("--data .ringway run --plan ./april.plan --no-wait", 4);
    assert!(from.err.contains("this very plan"), "{}", from.err);
    place.expect("audit", 0);
}

#[test]
fn documents_that_changed_since_are_named_and_nothing_runs() {
    let place = Place::new();
    place.expect("plan --save p.plan", 0);
    let policy = fs::read_to_string(place.path("policy.yaml")).unwrap();
    place.write("policy.yaml", &policy.replace("at_once: 4", "at_once: 3"));
    let said = place.expect("run --plan p.plan", 1);
    assert!(said.err.contains("changed: `policy/p`"), "{}", said.err);
    place.write("policy.yaml", &policy);
    place.write(
        "more.yaml",
        "ringway: people/v1\nteams: { t: { members: [ana] } }\n",
    );
    let said = place.expect("run --plan p.plan", 1);
    assert!(said.err.contains("new: `people/people`"), "{}", said.err);
    place.write("more.yaml", "ringway: people/v1\n");
    place.expect("run --plan p.plan", 2);
    place.remove("more.yaml");
    assert!(!place.path(".ringway").exists(), "nothing was written");
    assert_eq!(place.versions(), "1 1 1");
    place.expect("run --plan p.plan", 0);
    assert_eq!(place.versions(), "2 2 2");
}

#[test]
fn a_file_that_was_changed_or_is_none_is_refused() {
    let place = Place::new();
    place.expect("plan --save p.plan", 0);
    let text = fs::read_to_string(place.path("p.plan")).unwrap();
    for (broken, part) in [
        (
            text.replace("\"seed\": 1", "\"seed\": 2"),
            "its digest is another",
        ),
        (
            text.replace("at_once: 4", "at_once: 9"),
            "its digest is another",
        ),
        (text.replace("plan/v1", "plan/v2"), "reads `plan/v1`"),
        (text[..text.len() / 2].to_owned(), "no saved plan"),
        (String::new(), "no saved plan"),
        ("{}".to_owned(), "no saved plan"),
    ] {
        place.write("p.plan", &broken);
        let said = place.expect("run --plan p.plan", 2);
        assert!(said.err.contains(part), "{part}: {}", said.err);
    }
    place.expect("run --plan nowhere.plan", 2);
    place.expect("run --plan .", 2);
    place.expect("run --plan p.plan policy.yaml", 2);
    place.expect("run --plan p.plan --seed 1", 2);
    place.expect("run --plan p.plan --resume", 2);
    place.expect("plan --save nowhere/p.plan", 1);
    assert!(!place.path(".ringway").exists());
}

/// A plan that was reviewed is of one fleet. Over the one that a rollout in flight has it would be another plan.
#[test]
fn a_reviewed_plan_is_not_run_over_another_fleet_than_its_own() {
    let place = Place::with_approval();
    place.expect("run --no-wait", 4);
    let common = fs::read_to_string(place.path("common.yaml")).unwrap();
    let first = common.find("  - { name:").unwrap();
    let joins = "  - { name: joins, labels: { role: x } }\n";
    place.write(
        "common.yaml",
        &format!("{}{joins}{}", &common[..first], &common[first..]),
    );
    place.write("version-joins", "1\n");
    place.expect("plan --save p.plan", 0);
    let rows = || {
        place
            .expect("journal --output ndjson", 0)
            .out
            .lines()
            .count()
    };
    let before = rows();
    let said = place.expect("run --plan p.plan --key other --no-wait", 1);
    assert!(
        said.err.contains("r1 in flight over another fleet"),
        "{}",
        said.err
    );
    let told = place.expect("journal", 0).out;
    assert!(
        !told.contains("took the fleet in"),
        "{before} rows before: {told}"
    );
}
