//! Formatting and lints, as CI checks them.

use crate::say::say;
use crate::{Outcome, cargo};

/// Fails on the first of the two that finds something.
pub(crate) fn run() -> Outcome {
    cargo::run(&["fmt", "--all", "--check"])?;
    say!("formatting: nothing to change");
    cargo::run(&[
        "clippy",
        "--workspace",
        "--all-targets",
        "--",
        "-D",
        "warnings",
    ])?;
    say!("lints: nothing to complain about");
    Ok(())
}
