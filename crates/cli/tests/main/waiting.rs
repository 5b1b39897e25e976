//! `wait`: through the socket while a process decides, from the journal when none does.

use rustix::process::Signal;

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

#[test]
fn a_wait_and_a_watch_end_when_nobody_decides_any_more() {
    let place = Place::with_approval();
    let running = place.spawn("run");
    place.until_status(|view| view["rollouts"][0]["approval"]["due"] == true);
    let (waiting, watching) = (place.spawn("wait"), place.spawn("status --watch"));
    place.until_status(|_| true);
    running.interrupt();
    assert_eq!(running.end().code, 130);
    let waited = waiting.end();
    assert_eq!(waited.code, 6, "{}", waited.err);
    assert!(waited.err.contains("nothing runs here"), "{}", waited.err);
    let watched = watching.end();
    assert_eq!(watched.code, 0, "{}", watched.err);
    assert!(watched.out.contains("r1"), "{}", watched.out);
}

/// Whoever restarts the process that decides must not thereby end what waits for the rollout.
#[test]
fn a_wait_goes_on_with_the_process_that_took_over() {
    let place = Place::with_approval();
    let first = place.spawn("run");
    place.until_status(|view| view["rollouts"][0]["approval"]["due"] == true);
    let waiting = place.spawn("wait");
    place.until_status(|_| true);
    waiting.signal(Signal::STOP);
    first.kill();
    let second = place.spawn("run --resume");
    // Asked of the process, not of the journal.
    place.until_answered();
    waiting.signal(Signal::CONT);
    place.expect("approve --yes", 0);
    let waited = waiting.end();
    assert_eq!((second.end().code, waited.code), (0, 0), "{}", waited.err);
}

#[test]
fn a_process_that_stands_still_is_named_with_what_would_wake_it() {
    let place = Place::with_approval();
    let running = place.spawn("run");
    place.until_status(|view| view["rollouts"][0]["approval"]["due"] == true);
    running.signal(Signal::STOP);
    let said = place.expect("status", 6);
    assert!(
        said.err.contains("does not answer") && said.err.contains("hint: `kill -CONT "),
        "{}",
        said.err
    );
    running.signal(Signal::CONT);
    place.expect("approve --yes", 0);
    assert_eq!(running.end().code, 0);
}
