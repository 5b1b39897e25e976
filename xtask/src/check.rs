//! Formatting and lints, as CI checks them.

use crate::say::say;
use crate::{Outcome, cargo};

/// Fails on the first that finds something.
///
/// Lints are asked for twice: of everything with its tests, which plant bugs in the engine, and of the program as it is
/// built without them. Only what differs is looked at again.
pub(crate) fn run() -> Outcome {
    cargo::run(&["fmt", "--all", "--check"])?;
    say!("formatting: nothing to change");
    let everything = ["--all-targets", "--features", "ringway-tests/measure"];
    for targets in [&everything[..], &["--bin", "ringway"]] {
        let lints = [
            &["clippy", "--workspace"],
            targets,
            &["--", "-D", "warnings"],
        ];
        cargo::run(&lints.concat())?;
    }
    say!("lints: nothing to complain about");
    Ok(())
}
