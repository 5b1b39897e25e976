//! What failed steps said: told while it goes on, and shown to whoever asks later.

use crate::place::Place;

#[test]
fn a_failed_host_says_why_in_run_status_and_why() {
    let place = Place::new();
    place.write("fail-c", "");
    place.write(
        "complaint-c",
        "reading the list\nE: the disk is full\nbye\n",
    );
    let said = place.expect("run", 3);
    assert!(
        said.err
            .contains("\n    c: apply: its command failed\n        E: the disk is full\n"),
        "{}",
        said.err
    );
    let why = place.expect("why c", 0).out;
    assert!(
        why.contains("apply: its command failed") && why.contains("    | reading the list\n"),
        "{why}"
    );
    let status = place.expect("status", 0).out;
    assert!(status.contains("        E: the disk is full\n"), "{status}");
    let json: serde_json::Value =
        serde_json::from_str(&place.expect("why c --output json", 0).out).unwrap();
    let text = &json["host"]["hosts"][0]["last-word"]["text"];
    assert!(
        text.as_str().unwrap().contains("the disk is full"),
        "{json}"
    );
    // Told when it was news, and not again by whoever comes later.
    let again = place.expect("run --resume", 3);
    assert!(!again.err.contains("the disk is full"), "{}", again.err);
    let journal = place.expect("journal", 0).out;
    assert!(journal.contains("the disk is full"), "{journal}");
}
