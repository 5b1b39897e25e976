//! What is answered to somebody who says a word: what came of it, never that something is done which is not.

use crate::place::Place;

/// A rollout whose start needs an approval.
fn asking() -> Place {
    let place = Place::new();
    let policy = std::fs::read_to_string(place.path("policy.yaml")).unwrap();
    place.write(
        "policy.yaml",
        &format!("{policy}start: {{ approvals: 1 }}\n"),
    );
    place
}

/// A no ends what others have begun: they must learn that it did, whose it was, and why.
#[test]
fn a_no_needs_a_reason_and_is_told_with_it() {
    let place = asking();
    place.expect("run --no-wait", 4);
    place.expect("reject", 2);
    let empty = place.expect("reject --reason= --now", 1);
    assert!(
        empty.err.contains("a no needs a reason") && empty.err.contains("`--reason`"),
        "{}",
        empty.err
    );
    let said = place.expect("reject --reason unplanned --now", 0);
    assert!(
        said.out.contains("r1 is cancelled: declined"),
        "{}",
        said.out
    );
    for arguments in ["status", "why", "status --all"] {
        let told = place.expect(arguments, 0).out;
        assert!(
            told.contains("declined by ") && told.contains(": unplanned"),
            "{arguments}: {told}"
        );
    }
    let told: serde_json::Value =
        serde_json::from_str(&place.expect("status --output json", 0).out).unwrap();
    assert_eq!(told["cancelled"][0]["reason"], "unplanned");
    assert_eq!(told["cancelled"][0]["declined"], true);
}

#[test]
fn a_no_to_what_has_begun_says_that_it_pauses() {
    let place = Place::with_approval();
    place.expect("run --no-wait", 4);
    let said = place.expect("reject --reason smoke --now", 0);
    assert!(said.out.contains("r1 is paused: declined"), "{}", said.out);
    let said = place.expect("cancel --reason obsolete", 0);
    assert!(said.out.contains("r1 is cancel"), "{}", said.out);
    let told = place.expect("status", 0).out;
    assert!(
        told.contains("r1 cancelled by ") && told.contains(": obsolete"),
        "{told}"
    );
    assert!(!told.contains("declined by"), "{told}");
}

/// Whoever reads only what was answered must not take a halt for a success.
#[test]
fn what_was_only_begun_is_not_called_done() {
    let place = Place::with_approval();
    place.write("fail-a", "");
    place.expect("run --no-wait", 4);
    let held = place.expect("hold b --reason disk --until 4h --now", 0);
    assert!(held.out.starts_with("b is held until "), "{}", held.out);
    let freed = place.expect("release b --later", 0);
    assert!(freed.out.contains("done first"), "{}", freed.out);
    let said = place.expect("approve --yes", 3);
    assert_eq!(said.out, "r1: yes given\n");
    let again = place.expect("retry a --reason cable", 3);
    assert_eq!(again.out, "a is to be visited again in r1\n");
    let back = place.expect("rollback --reason broken", 0);
    assert!(back.out.starts_with("r1 is roll"), "{}", back.out);
}

#[test]
fn several_hosts_are_left_out_and_visited_again_each_on_its_own() {
    let place = Place::with_approval();
    place.expect("run --no-wait", 4);
    let left = place.expect("skip a b --reason disk --now", 0);
    assert_eq!(
        left.out, "a is left out of r1\nb is left out of r1\n",
        "{}",
        left.err
    );
    let again = place.expect("retry b a --reason mended", 4);
    assert_eq!(
        again.out,
        "b is to be visited again in r1\na is to be visited again in r1\n"
    );
    let refused = place.expect("skip a zebra b --reason disk --now", 1);
    assert_eq!(refused.out, "a is left out of r1\n");
    assert!(
        refused.err.contains("has no host `zebra`")
            && refused
                .err
                .contains("said before that: leave a out of r1: disk"),
        "{}",
        refused.err
    );
    place.expect("skip --reason disk", 2);
    // In the inbox, too.
    let kept = place.expect("skip b zebra --reason disk", 1);
    assert!(
        kept.err.contains("said before that: leave b"),
        "{}",
        kept.err
    );
    place.expect("run --resume --no-wait", 4);
    place.expect("audit", 0);
}

/// Whoever mistypes a name in the night must not look for it in a list.
#[test]
fn a_name_that_nobody_has_is_guessed_at() {
    let place = Place::with_rings(
        "  - { name: first, hosts: { select: role = y }, soak: 0s, after_soak: { approvals: 1, by: [operators] } }
  - { name: second, hosts: rest, soak: 0s }",
    );
    let common = std::fs::read_to_string(place.path("common.yaml")).unwrap();
    place.write("common.yaml", &common.replace("name: a,", "name: fs-1,"));
    place.write("version-fs-1", "1\n");
    place.write(
        "people.yaml",
        "ringway: people/v1\nteams: { operators: { members: [ana] }, wards: { members: [ben] } }\n",
    );
    place.expect("run --no-wait", 4);
    for arguments in [
        "hold fs1 --reason disk",
        "hold fs1 --reason disk --now",
        "skip fs1 --reason disk",
        "comment noted --host fs1",
        "hosts --host fs1",
    ] {
        let said = place.ringway(arguments);
        assert!(
            said.code != 0 && said.err.contains("did you mean `fs-1`?"),
            "{arguments}: {}",
            said.err
        );
    }
    let said = place.expect("ask which --to wards", 1);
    for part in [
        "policy `p` asks no team and no person `wards`",
        "which asks `operators`",
        "a people document has",
    ] {
        assert!(said.err.contains(part), "{part}: {}", said.err);
    }
}
