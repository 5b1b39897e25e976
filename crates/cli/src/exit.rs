//! How the command ends: the exit codes that automation branches on, and the error that carries one.

use std::fmt;
use std::process::ExitCode;

/// How the command ends. The numbers are part of the interface and are documented in `docs/reference/cli.md`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// What was asked for is so.
    Done = 0,
    /// The request does not fit the state, or another error.
    Refused = 1,
    /// Invalid documents or usage; nothing was changed.
    Invalid = 2,
    /// A rollout is halted.
    Halted = 3,
    /// A rollout waits for a person.
    Waiting = 4,
    /// A rollout was cancelled or rolled back.
    Ended = 5,
    /// The data directory is held and its holder does not answer, or there is nobody to ask.
    Unavailable = 6,
    /// The engine found a fault of its own, or the journal cannot be trusted.
    Fault = 7,
    /// `wait` waited as long as it was allowed to. The number is that of `timeout(1)`.
    TimedOut = 124,
    /// Interrupted by the person at the terminal.
    Interrupted = 130,
}

impl From<End> for ExitCode {
    fn from(end: End) -> Self {
        Self::from(end as u8)
    }
}

/// A command that could not do what it was asked for.
#[derive(Debug)]
pub(crate) struct Failure {
    /// How the command ends.
    pub(crate) end: End,
    /// Why, complete, as printed after `error: `. Empty where everything has been said.
    pub(crate) why: String,
    /// What would help.
    pub(crate) hint: Option<String>,
}

impl Failure {
    /// A failure with a reason.
    pub(crate) fn new(end: End, why: impl fmt::Display) -> Self {
        Self {
            end,
            why: why.to_string(),
            hint: None,
        }
    }

    /// With what would help.
    pub(crate) fn hint(mut self, hint: impl fmt::Display) -> Self {
        self.hint = Some(hint.to_string());
        self
    }
}

/// The error with everything behind it, once, at the edge.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}

/// What a command comes to.
pub(crate) type Outcome = Result<End, Failure>;
