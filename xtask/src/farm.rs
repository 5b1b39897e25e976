//! Hosts by hand: `cargo xtask farm`.
//!
//! What there is to say about farms is said by the program of the farm's own package, which this builds and runs.

use crate::cargo::cargo;
use crate::{Failure, Outcome};

/// Hands the words over.
///
/// # Errors
///
/// When the program does not build, and when it does not do what it is asked for.
pub(crate) fn run(words: &[String]) -> Outcome {
    let status = cargo()
        .args(["run", "--quiet", "--release", "--package", "ringway-farm"])
        .args(["--bin", "ringway-farm", "--"])
        .args(words)
        .status()?;
    if status.success() {
        return Ok(());
    }
    Err(Failure::Failed("`ringway-farm` says why above".to_owned()))
}
