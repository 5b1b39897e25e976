//! What vendors publish about their updates, read into updates as documents have them.
//!
//! The crate reads no file: the edge hands over the text. A feed is material, not truth: what is unknown, doubtful or
//! contradictory in it is a finding with its line, and content about which the feed contradicts itself is left out and
//! said, never guessed.

pub mod msrc;
mod xml;

use std::fmt;

/// A text that is not the feed it was taken for, and where that shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotRead {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong.
    pub message: String,
    /// What would be right, where there is a good guess.
    pub hint: Option<&'static str>,
}

impl fmt::Display for NotRead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.message)
    }
}

impl std::error::Error for NotRead {}
