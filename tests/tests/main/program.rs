//! The `ringway` program starts.

use std::process::Command;

#[test]
fn the_program_starts_and_says_how_it_is_used() {
    let output = Command::new(ringway_tests::ringway())
        .arg("--help")
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
}
