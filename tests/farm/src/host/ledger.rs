//! The ledger of a host: what was done on it, in lines that are only ever appended.
//!
//! A line is `MILLISECONDS begin|end|note WHAT key=value...`. It is written with one system call to a file that is open
//! for appending, so lines of two processes never mix.

use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::here::Here;

/// Appends one line, with the intent it is done for where that is known.
pub(crate) fn write(here: &Here, what: &str) -> io::Result<()> {
    let intent = ["RINGWAY_INTENT", "RW_INTENT"]
        .iter()
        .find_map(|name| std::env::var(name).ok())
        .map_or_else(String::new, |intent| format!(" intent={intent}"));
    append(&here.home(), &format!("{what}{intent}"))
}

/// Appends one line.
pub(crate) fn append(home: &Path, what: &str) -> io::Result<()> {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    OpenOptions::new()
        .append(true)
        .create(true)
        .open(home.join("ledger"))?
        .write_all(format!("{} {what}\n", since.as_millis()).as_bytes())
}
