//! What is answered to somebody who says a word: what came of it, never that something is done which is not.

use crate::place::Place;

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
