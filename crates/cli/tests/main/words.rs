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

/// A first failure halts, and its host is to be tried again: nobody should have to guess which one that is.
#[test]
fn a_host_that_failed_and_is_to_be_tried_again_is_named_everywhere() {
    let place = Place::new();
    place.write(
        "policy.yaml",
        "ringway: policy/v1\nname: p\napplies_to: all\nrings: [{ name: all, hosts: rest, soak: 0s }]\npace: { at_once: 1, ramp: off, settle: 0s }\nretry: { times: 1, wait: 1h }\nhalt: { failed: 1 }\n",
    );
    place.write("fail-a", "");
    place.write("complaint-a", "no space left on device");
    let said = place.expect("run", 3).err;
    for part in [
        "halts on no. 1): a",
        "a: apply: ",
        "no space left on device",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
    let status = place.expect("status", 0).out;
    for part in [
        "1 failed and tried again",
        "halts on no. 1): a",
        "no space left on device",
    ] {
        assert!(status.contains(part), "{part}: {status}");
    }
    assert!(!status.contains("visits in flight"), "{status}");
    let why = place.expect("why a", 0).out;
    assert!(
        why.contains("counts as a failure until one goes well"),
        "{why}"
    );
    let handover = place.expect("handover --since 1h", 0).out;
    assert!(
        handover.contains("failed, to be visited again: a"),
        "{handover}"
    );
    // What was mended since is not forgotten either.
    place.remove("fail-a");
    place.expect("resume --reason mended", 0);
    let history = place.expect("history a", 0).out;
    for part in ["attempt 1 at `apply` failed", "no space left on device"] {
        assert!(history.contains(part), "{part}: {history}");
    }
}
