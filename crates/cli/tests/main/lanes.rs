//! Lanes by the command line alone: what a plan in one says, starting in it, entering it on the way, going back.

use crate::place::{Place, json};

const LANES: &str = "
lanes:
  expedite:
    allowed_when: exploited or severity = critical
    soak: { scale: 0.0001, at_least: 1s }
    windows: ignore
    freezes: { override: with_reason }
    start: { approvals: 1 }
";

/// Two rings with long soaks, a lane, and an update that is exploited, or is not.
fn place(exploited: bool) -> Place {
    let place = Place::with_rings(
        "  - { name: first, hosts: { select: role = y }, soak: 0s, after_soak: { approvals: 1 } }
  - { name: second, hosts: rest, soak: 4h }",
    );
    let policy = std::fs::read_to_string(place.path("policy.yaml")).expect("it was written");
    place.write("policy.yaml", &format!("{policy}{}", LANES.trim_start()));
    let common = std::fs::read_to_string(place.path("common.yaml")).expect("it was written");
    let cves = format!("name: u\ncves: [{{ id: CVE-1, exploited: {exploited} }}]\n");
    place.write("common.yaml", &common.replace("name: u\n", &cves));
    place
}

#[test]
fn a_plan_in_a_lane_says_what_that_changes_and_for_which_updates_it_is() {
    let at = place(true);
    let text = at.expect("plan --lane expedite", 0).out;
    let flat = text.split_whitespace().collect::<Vec<_>>().join(" ");
    for words in [
        "under policy `p` in lane `expedite`",
        "after 2s of soak (4h without the lane)",
        "windows do not count",
        "needs 1 approval",
    ] {
        assert!(flat.contains(words), "{words}: {text}");
    }
    let data = json(&at.expect("plan --lane expedite --output json", 0).out);
    assert_eq!(data["lane"]["name"], "expedite");
    assert_eq!(data["lane"]["without"][1]["soak_ms"], 4 * 3_600_000);
    at.expect("calendar --lane expedite", 0);
    at.expect("simulate --lane expedite", 0);
    let said = at.expect("plan --lane faster", 2);
    assert!(said.err.contains("has no lane `faster`"), "{}", said.err);
    for command in ["plan", "run", "simulate", "what-if --trials 2"] {
        let said = place(false).expect(&format!("{command} --lane expedite"), 2);
        assert!(
            said.err
                .contains("without a severity, not exploited, not disclosed"),
            "{command}: {}",
            said.err
        );
    }
}

#[test]
fn a_rollout_starts_in_a_lane_with_its_approvals_and_a_reason() {
    let place = place(true);
    let said = place.expect("run --reason exploited --no-wait", 1);
    assert!(
        said.err.contains("a reason is said for a lane"),
        "{}",
        said.err
    );
    assert_eq!(place.versions(), "1 1 1");
    place.expect("run --lane expedite --reason exploited --no-wait", 4);
    assert_eq!(
        place.versions(),
        "1 1 1",
        "it waits for the lane's approval"
    );
    let status = place.expect("status", 0).out;
    assert!(status.contains("in lane expedite"), "{status}");
    place.expect("approve --yes", 4);
    assert_eq!(place.versions(), "1 1 2");
    place.expect("approve --yes", 0);
    assert_eq!(place.versions(), "2 2 2");
    let journal = place.expect("journal", 0).out;
    assert!(journal.contains("starts in lane `expedite`"), "{journal}");
    let report = place.expect("report rollout r1", 0).out;
    assert!(report.contains("In lane `expedite`"), "{report}");
    place.expect("audit", 0);
}

#[test]
fn a_saved_plan_in_a_lane_is_run_as_it_was_reviewed() {
    let place = place(true);
    place.expect("plan --lane expedite --save april.plan", 0);
    place.expect("run --plan april.plan --reason exploited --no-wait", 4);
    let status = json(&place.expect("status --output json", 0).out);
    assert_eq!(status["rollouts"][0]["lane"]["name"], "expedite");
    assert_eq!(status["rollouts"][0]["lane"]["reason"], "exploited");
}

#[test]
fn a_rollout_enters_a_lane_on_its_way_and_goes_back() {
    let place = place(true);
    place.expect("run --no-wait", 4);
    place.expect("expedite r1 --lane expedite", 2);
    let said = place.expect("expedite r9 --lane expedite --reason exploited", 1);
    assert!(said.err.contains("there is no rollout r9"), "{}", said.err);
    let said = place.expect("expedite r1 --lane expedite --reason exploited", 4);
    for words in [
        "second: soak 4h -> 2s",
        "with 1 person's yes",
        "works in those that are not binding",
    ] {
        assert!(said.err.contains(words), "{words}: {}", said.err);
    }
    let screen = place.expect("approve --show", 0).out;
    for words in [
        "going on in lane `expedite`",
        "exploited",
        "second 4h -> 2s",
    ] {
        assert!(screen.contains(words), "{words}: {screen}");
    }
    let status = place.expect("status", 0).out;
    assert!(status.contains("asks for lane expedite"), "{status}");
    place.expect("expedite r1 --end --reason calm", 4);
    let status = json(&place.expect("status --output json", 0).out);
    assert!(
        status["rollouts"][0]["lane-asked"].is_null(),
        "it was withdrawn"
    );
    place.expect("expedite r1 --lane expedite --reason exploited", 4);
    place.expect("approve --yes", 4);
    let status = json(&place.expect("status --output json", 0).out);
    assert_eq!(status["rollouts"][0]["lane"]["name"], "expedite");
    assert_eq!(status["rollouts"][0]["approval"]["starts"], "second");
    place.expect("expedite r1 --end --reason calm", 4);
    let status = json(&place.expect("status --output json", 0).out);
    assert!(status["rollouts"][0]["lane"].is_null());
    // Left in the inbox it is decided first when something runs next.
    place.expect("expedite r1 --lane expedite --reason exploited --later", 0);
    place.expect("run --resume --no-wait", 4);
    place.expect("approve --yes", 4);
    let journal = place.expect("journal", 0).out;
    assert!(journal.contains("goes on in lane `expedite`"), "{journal}");
    assert!(
        journal.contains("goes on as its policy says for everybody"),
        "{journal}"
    );
    place.expect("handover", 0);
    place.expect("audit", 0);
}

#[test]
fn a_lane_changes_only_under_the_documents_of_the_rollout() {
    let place = place(true);
    place.expect("run --no-wait", 4);
    let policy = std::fs::read_to_string(place.path("policy.yaml")).expect("it was written");
    place.write(
        "policy.yaml",
        &policy.replace("scale: 0.0001", "scale: 0.00001"),
    );
    let said = place.expect("expedite r1 --lane expedite --reason exploited", 2);
    assert!(
        said.err
            .contains("is another one than the rollout was planned with"),
        "{}",
        said.err
    );
}
