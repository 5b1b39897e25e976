//! Numbers and lists as people read them.

use std::fmt::Write;

/// The first `limit` of `count` names, and how many more there are.
pub(crate) fn shortened<'n>(
    names: impl Iterator<Item = &'n str>,
    count: usize,
    limit: usize,
) -> String {
    let shown: Vec<&str> = names.take(limit).collect();
    let more = count - shown.len();
    let shown = shown.join(", ");
    if more == 0 {
        shown
    } else {
        format!("{shown}, ... and {more} more")
    }
}

/// `1 host`, `2 hosts`.
pub(crate) fn hosts(count: usize) -> String {
    counted(count, "host")
}

/// A number and its noun, of which both forms are given.
pub(crate) fn several(count: usize, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

/// A number and its noun, which takes an `s` unless it is one.
pub(crate) fn counted(count: usize, noun: &str) -> String {
    if count == 1 {
        format!("1 {noun}")
    } else {
        format!("{count} {noun}s")
    }
}

/// Adds to a text.
pub(crate) fn push(text: &mut String, part: std::fmt::Arguments<'_>) {
    text.write_fmt(part)
        .expect("a text in memory takes everything");
}
