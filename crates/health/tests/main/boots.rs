//! Restarts nobody asked for.

use ringway_health::{Boots, Pace};
use ringway_model::{HostId, Span, Timestamp};

const HOST: HostId = HostId(3);
const PERIOD: Pace = Pace::every(Span::seconds(10));

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
    boots.watch(at(0), HOST, Pace::TOLD);
    assert_eq!(asks(&mut boots, 0), 1);
    assert!(!boots.seen(at(0), HOST, Some("a")));
    assert_eq!(asks(&mut boots, 365 * 86_400), 0);
    assert!(boots.seen(at(400), HOST, Some("b")), "without a question");
    assert!(!boots.seen(at(401), HOST, Some("b")));
}

/// Reads whatever is due until an instant, and says when; the host has this id from then on.
fn readings(boots: &mut Boots, (from, until): (i64, i64), id: &str) -> Vec<i64> {
    let mut read = Vec::new();
    for second in from..until {
        if asks(boots, second) > 0 {
            let _ = boots.seen(at(second), HOST, Some(id));
            read.push(second);
        }
    }
    read
}

/// A loop shows soon, or hours later and then again and again; in between each reading is a command on one of thousands of hosts.
#[test]
fn a_quiet_host_is_read_ever_less_often_until_it_restarts() {
    let mut boots = Boots::new();
    let pace = Pace {
        first: Span::seconds(10),
        settle: Span::seconds(60),
        longest: Span::seconds(100),
    };
    boots.watch(at(0), HOST, pace);
    let quiet = readings(&mut boots, (0, 600), "a");
    assert_eq!(
        quiet,
        [
            0, 10, 20, 30, 40, 50, 60, 75, 98, 132, 183, 259, 359, 459, 559
        ]
    );
    // It is seen late, and from then on as often as at first.
    let again = readings(&mut boots, (600, 760), "b");
    assert_eq!(again, [659, 669, 679, 689, 699, 709, 719, 734, 757]);
}

/// Silence is no sign of quiet: whoever does not answer may be in the middle of it.
#[test]
fn a_host_that_does_not_answer_is_not_read_less_often() {
    let mut boots = Boots::new();
    let pace = Pace {
        first: Span::seconds(10),
        settle: Span::ZERO,
        longest: Span::seconds(100),
    };
    boots.watch(at(0), HOST, pace);
    for second in [0, 10, 20, 30] {
        assert_eq!(asks(&mut boots, second), 1, "{second}");
        assert!(!boots.seen(at(second), HOST, None));
    }
}
