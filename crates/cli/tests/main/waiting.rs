//! `wait`: through the socket while a process decides, from the journal when none does.

use crate::place::Place;

#[test]
fn what_is_so_already_is_told_from_the_journal() {
    let place = Place::with_approval();
    place.expect("run --no-wait", 4);
    for (arguments, code) in [
        ("wait --until promoted:second --timeout 1s", 6),
        ("wait --until done", 6),
        ("wait r1 --until needs-person", 0),
        ("wait r2 --until needs-person", 1),
    ] {
        place.expect(arguments, code);
    }
    place.expect("approve --yes", 0);
    for (arguments, code) in [
        ("wait", 0),
        ("wait r1 --until promoted:first", 0),
        ("wait r1 --until promoted:second", 0),
        // It completed, and nobody was needed.
        ("wait --until needs-person", 1),
    ] {
        place.expect(arguments, code);
    }
}

#[test]
fn what_can_no_longer_be_ends_with_the_code_of_run() {
    let place = Place::new();
    place.write("fail-c", "");
    place.expect("run", 3);
    let said = place.expect("wait --until promoted:second", 3);
    assert!(said.err.contains("r1 is halted"), "{}", said.err);
    place.expect("wait", 3);
    place.expect("wait --until needs-person", 0);
    place.expect("rollback", 0);
    place.expect("wait", 5);
    place.expect("wait --until promoted:first", 5);
}

#[test]
fn a_mistyped_ring_is_not_waited_for() {
    let place = Place::new();
    place.expect("run", 0);
    let said = place.expect("wait --until promoted:frist", 1);
    assert!(said.err.contains("did you mean `first`?"), "{}", said.err);
    let said = place.expect("wait --until promoted:somewhere", 1);
    assert!(
        said.err.contains("there are: first, second"),
        "{}",
        said.err
    );
    place.expect("wait --until never", 2);
    place.expect("wait --timeout soon", 2);
}

/// Automation waits while people decide: both must see the same.
#[test]
fn it_waits_through_the_socket_while_another_process_decides() {
    let place = Place::with_approval();
    let running = place.spawn("run");
    place.until_status(|view| view["rollouts"][0]["approval"]["due"] == true);
    place.expect("wait --until needs-person", 0);
    let said = place.expect("wait --until done --timeout 50ms", 124);
    assert!(said.err.contains("the time is over"), "{}", said.err);
    let (ring, done) = (
        place.spawn("wait --until promoted:first --timeout 10m"),
        place.spawn("wait --until done"),
    );
    place.expect("approve --yes", 0);
    assert_eq!(running.end().code, 0);
    assert_eq!((ring.end().code, done.end().code), (0, 0));
}

#[test]
fn a_wait_ends_when_its_rollout_is_cancelled() {
    let place = Place::with_approval();
    let running = place.spawn("run");
    place.until_status(|view| view["rollouts"][0]["approval"]["due"] == true);
    let waiting = place.spawn("wait");
    place.expect("cancel --reason enough", 0);
    assert_eq!((running.end().code, waiting.end().code), (5, 5));
}
