//! `run --change`: the ticket of a rollout, shown wherever the rollout is.

use crate::place::{Place, json};

#[test]
fn a_ticket_is_kept_with_the_rollout_and_shown_in_every_line_about_it() {
    let place = Place::with_approval();
    let run = place.expect("run --no-wait --change CHG0012345", 4);
    assert!(run.err.contains("r1 [CHG0012345] is "), "{}", run.err);
    let status = place.expect("status", 0).out;
    assert!(status.contains("CHG0012345"), "{status}");
    let view = json(&place.expect("status --output json", 0).out);
    assert_eq!(view["rollouts"][0]["change"], "CHG0012345");
    for question in ["why", "why c"] {
        let why = place.expect(question, 0).out;
        assert!(why.contains("CHG0012345"), "{question}: {why}");
    }
    place.expect("comment hello", 0);
    place.expect("approve --yes", 0);
    let journal = place.expect("journal", 0).out;
    let about: Vec<&str> = journal.lines().filter(|l| l.contains(" r1 ")).collect();
    assert!(about.len() > 10, "{journal}");
    for line in about {
        assert!(line.contains("r1 [CHG0012345]"), "{line}");
    }
    let lines = place.expect("journal --output ndjson --inputs", 0).out;
    let proposed = lines
        .lines()
        .find(|line| line.contains("Proposed"))
        .unwrap();
    assert_eq!(json(proposed)["change"], "CHG0012345", "{proposed}");
    place.expect("audit", 0);
}

#[test]
fn a_rollout_is_never_taken_for_another_ticket() {
    let place = Place::with_approval();
    place.expect("run --no-wait --change CHG1 --key k", 4);
    place.expect("run --no-wait --change CHG1 --key k", 4);
    place.expect("run --no-wait --key k", 4);
    place.expect("run --no-wait", 4);
    place.expect("run --no-wait --change CHG1", 4);
    for wrong in ["--change CHG2", "--change CHG2 --key k"] {
        let said = place.expect(&format!("run --no-wait {wrong}"), 1);
        assert!(said.err.contains("change CHG1, not CHG2"), "{}", said.err);
    }
    assert_eq!(place.rollouts(), 1);
    place.write(
        "more.yaml",
        "ringway: people/v1\nteams: { t: { members: [ana] } }\n",
    );
    let other = place.expect("run --no-wait --key k", 4);
    assert!(other.err.contains("has another plan"), "{}", other.err);
    for wrong in ["=1+1", "-x", "a/$(id)", "ü"] {
        place.expect(&format!("run --change {wrong}"), 2);
    }
    assert_eq!(place.rollouts(), 1);
}
