//! `run --observe`: like a real run, and nothing is changed.

use crate::place::Place;

#[test]
fn an_observed_run_changes_nothing_and_says_so_on_every_line() {
    let place = Place::new();
    place.write("version-a", "2\n");
    let said = place.expect("run --observe", 0);
    assert_eq!(place.versions(), "2 1 1");
    assert!(!place.path("began").exists());
    for line in said.err.lines() {
        assert!(line.starts_with("observe: "), "{line}");
    }
    for words in [
        "nothing on them is changed",
        "r1 is completed",
        "would update: 2 hosts",
        "would find it there already: 1 host",
        "nothing was changed",
    ] {
        assert!(said.err.contains(words), "{words}: {}", said.err);
    }
    for command in [
        "status --observe",
        "why --observe",
        "journal --observe",
        "audit --observe",
    ] {
        for line in place.expect(command, 0).out.lines() {
            assert!(line.starts_with("observe: "), "{command}: {line}");
        }
    }
    let json: serde_json::Value =
        serde_json::from_str(&place.expect("status --observe --output json", 0).out).unwrap();
    assert_eq!(json["observing"], true);
    place.expect("wait --observe", 0);
}

/// What was only looked at must not count as done, nor the other way round.
#[test]
fn observed_and_real_runs_have_nothing_to_do_with_each_other() {
    let place = Place::new();
    place.expect("run --observe", 0);
    place.expect("status", 6);
    place.expect("run", 0);
    assert_eq!(place.versions(), "2 2 2");
    let said = place.expect("run --data .ringway/observe", 1);
    assert!(said.err.contains("observed run"), "{}", said.err);
    place.expect("status", 0);
    let json: serde_json::Value =
        serde_json::from_str(&place.expect("status --output json", 0).out).unwrap();
    assert_eq!(json["observing"], false);
}

#[test]
fn an_observed_run_waits_for_people_as_a_real_one_does() {
    let place = Place::with_approval();
    place.expect("run --observe --no-wait", 4);
    place.expect("halt --observe --reason enough", 0);
    place.expect("run --observe --resume", 3);
    place.expect("resume --observe --reason fine --later", 0);
    place.expect("run --observe --resume --no-wait", 4);
    place.expect("approve --observe --yes", 0);
    assert_eq!(place.versions(), "1 1 1");
}

#[test]
fn a_real_run_is_not_handed_to_a_process_that_observes() {
    let place = Place::with_approval();
    let running = place.spawn("run --observe");
    crate::place::until(|| {
        let said = place.ringway("status --observe --output json");
        said.code == 0 && said.out.contains("\"due\": true")
    });
    let said = place.expect("run --data .ringway/observe", 1);
    assert!(said.err.contains("only observes"), "{}", said.err);
    running.interrupt();
    assert_eq!(running.end().code, 130);
    assert_eq!(place.versions(), "1 1 1");
}

/// Nobody is asked to work on anything: what a person would do counts as done, as what Ringway would do does.
#[test]
fn work_by_hand_is_observed_without_asking_anybody() {
    let place = Place::new();
    let common = std::fs::read_to_string(place.path("common.yaml")).unwrap();
    let (head, rest) = common.split_once("  apply:").unwrap();
    let (_, tail) = rest.split_once('\n').unwrap();
    let by_hand = "  apply: { manual: { instructions: 'install it', within: 8h } }";
    place.write("common.yaml", &format!("{head}{by_hand}\n{tail}"));
    let said = place.expect("run --observe", 0);
    for words in ["work by hand counts as done", "would update: 3 hosts"] {
        assert!(said.err.contains(words), "{words}: {}", said.err);
    }
    let again = place.expect("run --observe", 0);
    assert!(
        again.err.contains("work by hand counts as done"),
        "{}",
        again.err
    );
    assert_eq!(place.versions(), "1 1 1");
    let journal = place.expect("journal --observe", 0).out;
    assert!(!journal.contains("a person is asked"), "{journal}");
    place.expect("audit --observe", 0);
    // A real run asks, and says whom it waits for.
    for arguments in ["run --no-wait", "run --resume --no-wait"] {
        let asks = place.expect(arguments, 4).err;
        assert!(
            asks.contains("a person is to work on `c` by hand")
                && asks.contains("`ringway done c --evidence FILE` tells"),
            "{arguments}: {asks}"
        );
    }
}
