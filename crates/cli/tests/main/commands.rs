//! Rollouts by the command line alone, each to its documented exit code.

use crate::place::{Place, unread, until};

#[test]
fn where_nothing_ran_there_is_nobody_to_ask() {
    let place = Place::new();
    for arguments in [
        "status",
        "why",
        "journal",
        "audit",
        "run --resume",
        "approve",
        "pause",
    ] {
        place.expect(arguments, 6);
    }
    assert!(!place.path(".ringway").exists());
}

#[test]
fn a_rollout_that_completes_ends_with_0_and_leaves_a_sound_journal() {
    let place = Place::new();
    let said = place.expect("run", 0);
    assert!(
        said.out.is_empty() && said.err.contains("r1 is completed"),
        "{}",
        said.err
    );
    assert_eq!(place.versions(), "2 2 2");
    assert!(place.expect("status", 0).out.contains("completed"));
    assert!(place.expect("why a", 0).out.contains("updated"));
    assert!(
        place
            .expect("why first", 0)
            .out
            .contains("waits for nothing")
    );
    assert!(place.expect("audit", 0).out.contains("sound"));
    let journal = place.expect("journal --output ndjson", 0).out;
    assert!(journal.lines().count() > 10);
    for line in journal.lines() {
        serde_json::from_str::<serde_json::Value>(line).unwrap();
    }
    assert!(
        place
            .expect("journal", 0)
            .out
            .contains("r1 is over: completed")
    );
    place.expect("why nobody", 1);
    place.expect("rollback --rollout r7", 1);
}

/// Whoever asks why nothing happens to a host must learn whether it is the name or the policy.
#[test]
fn why_of_a_host_that_no_rollout_has_says_whether_it_is_known() {
    let place = Place::new();
    let policy = std::fs::read_to_string(place.path("policy.yaml")).unwrap();
    assert!(policy.contains("applies_to: all"), "{policy}");
    place.write(
        "policy.yaml",
        &policy.replace("applies_to: all", "applies_to: name != b"),
    );
    place.expect("run", 0);
    let known = place.expect("why b", 1).err;
    assert!(known.contains("no rollout has host `b`"), "{known}");
    assert!(known.contains("ringway history b"), "{known}");
    let unknown = place.expect("why b1", 1).err;
    assert!(unknown.contains("did you mean `b`?"), "{unknown}");
    let elsewhere = place.expect("why zebra", 1).err;
    assert!(elsewhere.contains("no host or ring `zebra`"), "{elsewhere}");
    assert!(!elsewhere.contains("did you mean"), "{elsewhere}");
    let other = place.expect("why a --rollout r7", 1).err;
    assert!(other.contains("r7"), "{other}");
}

/// Whoever asks why a host waits asks of what is under way, not of last month.
#[test]
fn why_of_a_host_tells_what_is_under_way_first() {
    let place = Place::with_approval();
    place.expect("run --no-wait", 4);
    place.expect("cancel --reason over", 0);
    place.expect("run --no-wait", 4);
    let why = place.expect("why c", 0).out;
    let (new, old) = (why.find("c in r2, "), why.find("c in r1, "));
    assert!(new.is_some() && new < old, "{why}");
    assert!(why.contains("its rollout is cancelled"), "{why}");
}

/// A halted rollout whose `run` is over must be mendable by one more command and nothing else.
#[test]
fn a_halt_ends_with_3_and_a_rollback_alone_mends_it() {
    let place = Place::new();
    place.write("fail-c", "");
    let said = place.expect("run", 3);
    assert!(said.err.contains("r1 halted: "), "{}", said.err);
    assert_eq!(place.versions(), "1 1 2");
    assert!(place.expect("why", 0).out.contains("halted"));
    let again = place.expect("run", 3);
    assert!(again.err.contains("going on with it"), "{}", again.err);
    place.expect("resume", 1);
    let back = place.expect("rollback --reason broken", 0);
    assert!(back.out.contains("r1 is roll"), "{}", back.out);
    assert_eq!(place.versions(), "1 1 1");
    place.expect("audit", 0);
    // Asked again about what is over: refused or nothing to do, never done twice.
    assert_ne!(place.ringway("cancel").code, 7);
}

/// A script that takes an update back and goes on must not go on with hosts that still have it.
#[test]
fn a_rollback_that_leaves_a_host_behind_ends_with_1_and_names_it() {
    let place = Place::new();
    place.write("fail-c", "");
    place.write("stuck-c", "");
    place.expect("run", 3);
    let said = place.expect("rollback --reason broken", 1);
    assert!(
        said.err
            .contains("not every host was taken back (c: rollback failed")
            && said.err.contains("`ringway why c`"),
        "{}",
        said.err
    );
    assert_eq!(place.versions(), "1 1 2");
    place.remove("stuck-c");
    // Asked again it is as it was, and nothing claims otherwise.
    place.expect("rollback", 1);
    place.expect("wait", 5);
    place.expect("audit", 0);
}

#[test]
fn a_rollback_of_a_stopped_fleet_is_not_done() {
    let place = Place::with_approval();
    place.expect("run --no-wait", 4);
    place.expect("stop --now --reason storm", 0);
    place.expect("rollback", 4);
    assert_eq!(place.versions(), "1 1 2");
    place.expect("go", 0);
    assert_eq!(place.versions(), "1 1 1");
}

#[test]
fn what_needs_a_person_ends_with_4_and_goes_on_with_the_yes() {
    let place = Place::with_approval();
    place.expect("run --no-wait", 4);
    assert_eq!(place.versions(), "1 1 2");
    let unsure = place.expect("approve", 1);
    assert!(
        unsure.err.contains("starts       `second`") && unsure.err.contains("--yes"),
        "{}",
        unsure.err
    );
    let zero = "0".repeat(64);
    place.expect(&format!("approve --digest {zero}"), 1);
    place.expect("approve --yes", 0);
    assert_eq!(place.versions(), "2 2 2");
}

#[test]
fn a_cancelled_rollout_ends_with_5_for_whoever_follows_it() {
    let place = Place::with_approval();
    let running = place.spawn("run");
    place.until_status(|view| view["rollouts"][0]["approval"]["due"] == true);
    place.expect("cancel --reason enough", 0);
    assert_eq!(running.end().code, 5);
    assert_eq!(place.versions(), "1 1 2");
}

/// Ctrl-C must lose nothing: the step goes on, is found again, and the rollout completes.
#[test]
fn an_interrupt_ends_with_130_and_resume_goes_on() {
    let place = Place::new();
    place.write("hold", "");
    let running = place.spawn("run");
    until(|| place.path("began").exists());
    running.interrupt();
    let said = running.end();
    assert_eq!(said.code, 130, "{}", said.err);
    assert!(said.err.contains("ringway run --resume"), "{}", said.err);
    place.remove("hold");
    place.expect("run --resume", 0);
    assert_eq!(place.versions(), "2 2 2");
    place.expect("audit", 0);
}

#[test]
fn a_second_run_hands_its_rollout_to_the_process_that_decides() {
    let place = Place::with_approval();
    let first = place.spawn("run");
    place.until_status(|view| view["rollouts"][0]["approval"]["due"] == true);
    let second = place.spawn("run");
    let third = place.expect("run --no-wait", 4);
    assert!(third.err.contains("handed"), "{}", third.err);
    place.expect("approve --yes", 0);
    assert_eq!((first.end().code, second.end().code), (0, 0));
    assert_eq!(place.versions(), "2 2 2");
}

#[test]
fn a_stopped_fleet_ends_with_4_and_goes_on_with_go() {
    let place = Place::with_approval();
    place.expect("run --no-wait", 4);
    place.expect("stop --reason storm", 0);
    let said = place.expect("run --resume --no-wait", 4);
    assert!(
        said.err
            .contains("from the inbox: stop the fleet: storm: done"),
        "{}",
        said.err
    );
    assert!(place.expect("status", 0).out.contains("storm"));
    place.expect("go", 0);
    place.expect("approve --yes", 0);
    assert_eq!(place.versions(), "2 2 2");
}

#[test]
fn a_journal_that_is_no_journal_ends_with_7() {
    let place = Place::new();
    place.expect("run", 0);
    place.write(
        ".ringway/ringway.db",
        "this is not a database, and it is long enough to be looked at as one",
    );
    for name in [".ringway/ringway.db-wal", ".ringway/ringway.db-shm"] {
        // Only there where the last process left them.
        let _ = std::fs::remove_file(place.path(name));
    }
    place.expect("audit", 7);
    place.expect("run", 7);
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let place = Place::new();
    place.expect("run", 0);
    for arguments in ["journal --inputs", "status", "why", "audit"] {
        let said = place.printing_to(unread(), arguments);
        assert_eq!((said.code, said.err.as_str()), (0, ""), "{arguments}");
    }
}

/// `ringway check | head` in a script must not turn a refusal into a yes.
#[test]
fn a_reader_that_goes_away_does_not_change_how_a_command_ends() {
    let place = Place::new();
    place.write("fail-c", "");
    place.expect("run", 3);
    let said = place.printing_to(unread(), "rollback");
    assert_eq!(said.code, 0, "{}", said.err);
    assert_eq!(place.versions(), "1 1 1", "it went on without its reader");
    place.write("policy.yaml", "ringway: policy/v1\nname: p\n");
    assert_eq!(place.printing_to(unread(), "check --output json").code, 2);
    place.write(".ringway/ringway.db", "this is not a database");
    assert_eq!(place.printing_to(unread(), "audit").code, 7);
}

#[test]
fn data_that_cannot_be_written_is_said_and_is_no_success() {
    let place = Place::new();
    place.expect("run", 0);
    let full = std::fs::OpenOptions::new()
        .write(true)
        .open("/dev/full")
        .unwrap();
    let said = place.printing_to(full, "status --output json");
    assert_eq!(said.code, 1);
    assert!(
        said.err
            .contains("standard output cannot be written: No space"),
        "{}",
        said.err
    );
}
