//! The `ringway` program, for tests from outside.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use serde_json::Value;

use crate::workspace::root;

/// The program's path. `cargo xtask test` has built it and says where; under a plain `cargo test` it is built here, once
/// per test program, which takes cargo a moment when nothing has changed.
///
/// # Panics
///
/// When it does not build: no test can go on then.
pub fn ringway() -> PathBuf {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM
        .get_or_init(|| {
            // Of the whole workspace's features, as its tests are built: nothing is compiled for it alone.
            std::env::var_os("RINGWAY_BIN").map_or_else(
                || build(&["--workspace", "--profile", "test"]),
                PathBuf::from,
            )
        })
        .clone()
}

/// The program's path, built as it is shipped, for what measures it; or the one that `RINGWAY_BIN` names.
///
/// # Panics
///
/// When it does not build.
pub fn ringway_as_shipped() -> PathBuf {
    std::env::var_os("RINGWAY_BIN").map_or_else(
        || build(&["--package", "ringway-cli", "--profile", "release"]),
        PathBuf::from,
    )
}

fn build(of: &[&str]) -> PathBuf {
    let output = Command::new(env!("CARGO"))
        .current_dir(root())
        .args(["build", "--bin", "ringway"])
        .args(of)
        .arg("--message-format=json-render-diagnostics")
        .stderr(Stdio::inherit())
        .output()
        .expect("cargo starts: it started this test");
    assert!(output.status.success(), "`ringway` does not build");
    String::from_utf8_lossy(&output.stdout)
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter(|message| message["target"]["name"] == "ringway")
        .find_map(|message| message["executable"].as_str().map(PathBuf::from))
        .expect("cargo names the program it built")
}
