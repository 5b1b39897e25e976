//! The ledger of a host: what was done on it, in lines that are only ever appended.
//!
//! A line is `MILLISECONDS begin|end|note WHAT key=value...`. It is written with one system call to a file that is open
//! for appending, so lines of two processes never mix.

use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::here::Here;

/// Appends one line.
pub(crate) fn write(here: &Here, what: &str) -> io::Result<()> {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    let intent = ["RINGWAY_INTENT", "RW_INTENT"]
        .iter()
        .find_map(|name| std::env::var(name).ok())
        .map_or_else(String::new, |intent| format!(" intent={intent}"));
    let line = format!("{} {what}{intent}\n", since.as_millis());
    OpenOptions::new()
        .append(true)
        .create(true)
        .open(here.home().join("ledger"))?
        .write_all(line.as_bytes())
}
