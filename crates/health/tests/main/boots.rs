//! Restarts nobody asked for.

use ringway_health::Boots;
use ringway_model::{HostId, Span, Timestamp};

const HOST: HostId = HostId(3);
const PERIOD: Span = Span::seconds(10);

fn at(seconds: i64) -> Timestamp {
    Timestamp(seconds * 1000)
}

fn asks(boots: &mut Boots, second: i64) -> usize {
    let mut asks = Vec::new();
    boots.advance(at(second), &mut asks);
    asks.len()
}

fn watched() -> Boots {
    let mut boots = Boots::new();
    boots.watch(at(0), HOST, PERIOD);
    boots
}

#[test]
fn a_change_from_what_was_read_before_is_a_restart_each_time() {
    let mut boots = watched();
    for (second, boot, restarted) in [
        (0, Some("a"), false),
        (10, Some("a\n"), false),
        (20, None, false),
        (30, Some("b"), true),
        (40, Some("b"), false),
        (50, Some("c"), true),
    ] {
        assert_eq!(asks(&mut boots, second), 1, "at {second}");
        assert_eq!(boots.seen(at(second), HOST, boot), restarted, "at {second}");
    }
}

#[test]
fn answers_nobody_waits_for_change_nothing() {
    let mut boots = watched();
    assert!(!boots.seen(at(0), HOST, Some("a")), "not asked yet");
    assert_eq!(asks(&mut boots, 0), 1);
    assert!(!boots.seen(at(0), HOST, Some("b")), "the first that counts");
    assert!(
        !boots.seen(at(0), HOST, Some("c")),
        "a second answer to one question"
    );
    assert!(!boots.seen(at(0), HostId(4), Some("a")));
}

/// What must not happen: a restart that a step was told to do looks like one by itself.
#[test]
fn an_answer_from_before_the_watch_began_is_not_its_measure() {
    for restart in [false, true] {
        let mut boots = watched();
        assert_eq!(asks(&mut boots, 0), 1);
        if restart {
            boots.restart();
        }
        boots.watch(at(1), HOST, PERIOD);
        assert_eq!(asks(&mut boots, 1), 1);
        assert!(!boots.seen(at(2), HOST, Some("before")));
        assert!(!boots.seen(at(2), HOST, Some("after")));
        assert_eq!(asks(&mut boots, 12), 1);
        assert!(!boots.seen(at(12), HOST, Some("after")));
    }
}

#[test]
fn an_answer_that_never_comes_is_asked_for_again() {
    let mut boots = watched();
    assert_eq!(asks(&mut boots, 0), 1);
    assert_eq!(asks(&mut boots, 29), 0);
    assert_eq!(asks(&mut boots, 30), 1);
    assert!(!boots.seen(at(31), HOST, Some("a")));
    assert_eq!(boots.next(), Some(at(41)));
    boots.unwatch(HOST);
    assert_eq!(boots.next(), None);
    assert!(!boots.seen(at(32), HOST, Some("b")));
}

#[test]
fn a_watch_that_is_told_is_asked_once_and_takes_every_later_id() {
    let mut boots = Boots::new();
    boots.watch(at(0), HOST, ringway_health::TOLD);
    assert_eq!(asks(&mut boots, 0), 1);
    assert!(!boots.seen(at(0), HOST, Some("a")));
    assert_eq!(asks(&mut boots, 365 * 86_400), 0);
    assert!(boots.seen(at(400), HOST, Some("b")), "without a question");
    assert!(!boots.seen(at(401), HOST, Some("b")));
}
