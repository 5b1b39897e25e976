//! Commands given while nothing runs: those that hold wait in the inbox, those that move something start it.

use crate::place::Place;

/// A person at three in the morning says halt and goes back to bed: nothing may start before it is heard.
#[test]
fn what_holds_waits_and_is_done_before_anything_starts() {
    for (command, state) in [
        ("halt --reason smoke", "halted"),
        ("pause --reason smoke", "paused"),
        ("reject --reason smoke", "paused"),
        ("stop --reason smoke", "stopped"),
    ] {
        let place = Place::with_approval();
        place.expect("run --no-wait", 4);
        let said = place.expect(command, 0);
        assert!(
            said.out.contains("nothing runs on `.ringway` now")
                && said.out.contains("`ringway run --resume`"),
            "{command}: {}",
            said.out
        );
        let status = place.expect("status", 0).out;
        assert!(
            status.contains("in the inbox") && status.contains("smoke"),
            "{status}"
        );
        let again = place.expect(
            "run --resume --no-wait",
            if state == "halted" { 3 } else { 4 },
        );
        assert!(
            again.err.contains("from the inbox: ") && again.err.contains("done, for "),
            "{command}: {}",
            again.err
        );
        let status = place.expect("status", 0).out;
        assert!(
            status.contains(state) && !status.contains("in the inbox"),
            "{status}"
        );
        assert_eq!(place.versions(), "1 1 2", "{command}");
        place.expect("audit", 0);
    }
}

/// Whoever looks for what they just said must not believe that it was lost.
#[test]
fn lists_tell_what_waits_to_change_them() {
    let place = Place::with_approval();
    place.expect("run --no-wait", 4);
    place.write(
        "EXC-1.yaml",
        "ringway: exception/v1\nid: EXC-1\nhosts: name = a\nupdates: all\nuntil: 2099-01-01T00:00:00Z\nowner: radiology\nreason: certified quarterly\napproved_by: [ciso]\n",
    );
    place.write(
        "MS-1.yaml",
        "ringway: advisory/v1\nid: MS-1\nsource: { name: Microsoft, rank: vendor }\nabout: [R2]\neffect: hold\n",
    );
    for (said, list, words) in [
        (
            "maintenance add a --reason ups",
            "maintenance list",
            "not to touch a",
        ),
        ("exception add EXC-1.yaml", "exception list", "EXC-1"),
        ("advisory add MS-1.yaml", "advisory list", "MS-1"),
    ] {
        assert!(
            !place.expect(list, 0).err.contains("in the inbox"),
            "{list}"
        );
        place.expect(&format!("{said} --later"), 0);
        let told = place.expect(list, 0).err;
        assert!(
            told.contains("in the inbox, and not so yet") && told.contains(words),
            "{list}: {told}"
        );
    }
    let nobody = place.expect("protections --host nobody", 0).err;
    assert!(
        nobody.contains("no rollout has a host `nobody`"),
        "{nobody}"
    );
    assert!(!place.expect("protections --host a", 0).err.contains("note"));
}

#[test]
fn what_cannot_fit_is_refused_at_once_in_the_engines_words() {
    let place = Place::new();
    place.expect("run", 0);
    for command in ["halt", "pause", "resume --later", "approve --later"] {
        let said = place.expect(command, 1);
        assert!(said.err.starts_with("error: "), "{command}: {}", said.err);
    }
    assert!(!place.path(".ringway/inbox").exists());
    // Somebody else's rollout id is a mistake, too.
    place.expect("halt --rollout r9", 1);
}

#[test]
fn asked_for_twice_it_waits_once() {
    let place = Place::with_approval();
    place.expect("run --no-wait", 4);
    place.expect("pause", 0);
    let said = place.expect("pause", 0);
    assert!(said.out.contains("it was so already"), "{}", said.out);
    let json: serde_json::Value =
        serde_json::from_str(&place.expect("status --output json", 0).out).unwrap();
    assert_eq!(json["inbox"], serde_json::json!(["pause r1"]));
    let json: serde_json::Value =
        serde_json::from_str(&place.expect("stop --output json", 0).out).unwrap();
    assert_eq!(json["left"], true);
}

/// What was asked for first is judged first: a resume after a pause fits, though nothing is paused yet.
#[test]
fn what_is_left_is_judged_after_what_waits_already() {
    let place = Place::with_approval();
    place.expect("run --no-wait", 4);
    let said = place.expect("resume --later", 0);
    assert!(said.out.contains("it was so already"), "{}", said.out);
    place.expect("pause", 0);
    place.expect("resume --later --reason slept", 0);
    place.expect("approve --yes --later", 0);
    place.expect("run --resume", 0);
    assert_eq!(place.versions(), "2 2 2");
    let journal = place.expect("journal", 0).out;
    let at = |words: &str| {
        journal
            .find(words)
            .unwrap_or_else(|| panic!("{words}: {journal}"))
    };
    assert!(at("paused by") < at("resumed by") && at("resumed by") < at("approved by"));
}

#[test]
fn what_moves_something_starts_at_once_and_later_leaves_it() {
    let place = Place::with_approval();
    place.expect("run --no-wait", 4);
    let said = place.expect("rollback --later --reason no", 0);
    assert!(said.out.contains("done first"), "{}", said.out);
    assert_eq!(place.versions(), "1 1 2");
    place.expect("run --resume", 5);
    assert_eq!(place.versions(), "1 1 1");
}

/// A mistyped name must not set a fleet going that somebody left at rest.
#[test]
fn what_changes_nothing_or_is_refused_starts_nothing() {
    // The second ring would start as soon as anybody takes the fleet over.
    let place = Place::with_approval();
    place.expect("run --no-wait", 4);
    place.expect("approve --yes --later", 0);
    let epochs = || {
        let journal = place.expect("journal", 0).out;
        journal.matches("taken over as epoch").count()
    };
    let before = epochs();
    for (order, code) in [
        ("maintenance end a --now", 0),
        ("retry b", 0),
        ("retry nobody", 1),
        ("release a", 0),
        ("exception end EXC-9 --reason over", 1),
    ] {
        let said = place.expect(order, code);
        if code == 0 {
            assert!(
                said.out.contains("it was so already") && said.err.contains("nothing was started"),
                "{order}: {} {}",
                said.out,
                said.err
            );
        }
        assert_eq!(epochs(), before, "{order}");
        assert_eq!(place.versions(), "1 1 2", "{order}");
    }
    place.expect("run --resume", 0);
    assert_eq!(place.versions(), "2 2 2");
}

#[test]
fn a_hold_with_now_is_carried_out_at_once() {
    let place = Place::with_approval();
    place.expect("run --no-wait", 4);
    let said = place.expect("halt --now --reason smoke", 0);
    assert!(said.out.contains("r1 is halted"), "{}", said.out);
    assert!(place.expect("status", 0).out.contains("halted"));
    place.expect("halt --now --later", 2);
}

/// Whoever thinks that a fleet at rest is whole must be told of hosts that were left in the middle.
#[test]
fn hosts_that_were_begun_are_named_when_a_hold_is_left() {
    let place = Place::new();
    place.write("hold", "");
    let running = place.spawn("run");
    crate::place::until(|| place.path("began").exists());
    running.interrupt();
    assert_eq!(running.end().code, 130);
    let said = place.expect("halt --reason smoke", 0);
    assert!(
        said.err.contains("1 host is in the middle of a visit") && said.err.contains("--now"),
        "{}",
        said.err
    );
    place.remove("hold");
    place.expect("run --resume", 3);
    assert_eq!(place.versions(), "1 1 2");
}

#[test]
fn an_adoption_needs_a_reason_and_may_wait_too() {
    let place = Place::with_approval();
    place.expect("run --no-wait", 4);
    place.expect("adopt 42", 2);
    place.expect("adopt 42 --reason=", 1);
    place.expect("adopt 42 --later --reason lost", 0);
    place.expect("run --resume --no-wait", 4);
    let journal = place.expect("journal", 0).out;
    assert!(
        journal.contains("took over the hosts of database 42: lost"),
        "{journal}"
    );
    // At once, it stays until nothing moves by itself.
    place.expect("adopt 43 --reason lost", 0);
}
