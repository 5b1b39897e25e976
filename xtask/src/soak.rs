//! Worlds by the hour: `cargo xtask soak`.
//!
//! What is looked for and what is said of it is the simulator's own test `soak`; this only builds it and says for how long.

use crate::cargo::cargo;
use crate::{Failure, Outcome};

/// Tells seeds for so many hours, from a seed on.
///
/// # Errors
///
/// When it is not asked for properly, and when a rule is broken in a world.
pub(crate) fn run(words: &[String]) -> Outcome {
    let (mut hours, mut from) = ("1", "100000");
    let mut words = words.iter();
    while let Some(word) = words.next() {
        let value = words.next().map(String::as_str);
        match (word.as_str(), value) {
            ("--hours", Some(value)) if value.parse::<f64>().is_ok() => hours = value,
            ("--from", Some(value)) if value.parse::<u64>().is_ok() => from = value,
            ("--hours" | "--from", _) => {
                return Err(Failure::Usage(format!("`{word}` needs a number")));
            }
            (unknown, _) => {
                return Err(Failure::Usage(format!("`{unknown}` is not expected here")));
            }
        }
    }
    let status = cargo()
        .args(["test", "--release", "--package", "ringway-simulator"])
        .args(["--test", "main", "--", "--exact", "--nocapture"])
        .arg("soak::soak")
        .env("RINGWAY_HOURS", hours)
        .env("RINGWAY_FROM", from)
        .status()?;
    if status.success() {
        return Ok(());
    }
    Err(Failure::Failed(
        "a rule is broken in a world; its seed is told above".to_owned(),
    ))
}
