//! `run --key`: asked twice, it is one rollout, whoever asks and whatever happened in between.

use crate::place::{Place, until};

#[test]
fn asked_again_it_is_the_same_rollout_over_or_not() {
    let place = Place::with_approval();
    place.expect("run --key c-1 --no-wait", 4);
    let again = place.expect("run --key c-1 --no-wait", 4);
    assert!(
        again.err.contains("r1 is there already as `c-1`"),
        "{}",
        again.err
    );
    place.expect("approve --yes", 0);
    let over = place.expect("run --key c-1", 0);
    assert!(over.err.contains("r1 is there already"), "{}", over.err);
    assert_eq!(place.rollouts(), 1);
    // Another name is another request.
    place.expect("run --key c-2 --no-wait", 4);
    assert_eq!(place.rollouts(), 2);
}

/// The caller cannot know how far a process came that was killed: asking again must be safe.
#[test]
fn a_crash_in_between_makes_no_second_one() {
    let place = Place::new();
    place.write("hold", "");
    let running = place.spawn("run --key c-1");
    until(|| place.path("began").exists());
    running.kill();
    place.remove("hold");
    let again = place.expect("run --key c-1", 0);
    assert!(again.err.contains("r1 is there already"), "{}", again.err);
    assert_eq!(place.rollouts(), 1);
    assert_eq!(place.versions(), "2 2 2");
    place.expect("audit", 0);
}

#[test]
fn two_processes_at_once_make_one() {
    let place = Place::with_approval();
    let both = [
        place.spawn("run --key c-1 --no-wait"),
        place.spawn("run --key c-1 --no-wait"),
    ];
    let said = both.map(crate::place::Running::end);
    for one in &said {
        assert_eq!(one.code, 4, "{}", one.err);
    }
    assert_eq!(place.rollouts(), 1);
}
