//! The envelope: what every step runs in, on whatever host, so that it is run at most once and is found again.
//!
//! One POSIX `sh` script, the same for every driver, read from standard input. Everything it is told (the command's
//! text, the values, the place) is data in that text, quoted by [`crate::quote`] and by nothing else; nothing of it is
//! ever an argument of a process. The script is one compound command: a shell that gets only a part of it, because a
//! connection broke or its sender was killed, finds a syntax error and runs nothing.
//!
//! # What lies on a host
//!
//! | path below the host's root | what it is |
//! |---|---|
//! | `gate` | a file that `flock(1)` locks for moments only; the kernel opens it again when its holder dies |
//! | `epochs/INCARNATION` | the highest epoch seen of that database; a lower one is refused |
//! | `holder` | the run that started last: `INCARNATION/INTENT` |
//! | `runs/INCARNATION/INTENT/` | the run directory; making it claims the intent |
//!
//! # What lies in a run directory
//!
//! | file | written | what it says |
//! |---|---|---|
//! | `supervisor` | by the envelope, after the directory | its pid and start |
//! | `command`, `note`, `timeout` | then | the step's text; what the driver wants to know again; seconds |
//! | `fate` | **once, by a hard link** | `begun PID START`: linked by the process that becomes the step, as its last act before; or `never`: a tombstone, linked by whoever decides that the step must not begin any more |
//! | `output`, `output.older`, `dropped` | while it runs | the end of what it printed, in two files that take turns; bytes dropped before them |
//! | `late`, `killed` | when its time is over | the watchdog ends the process group, its envelope alive or not; has ended it |
//! | `result` | last, by a rename | `ended CODE` or `late CODE` |
//!
//! # What that means
//!
//! | directory | `fate` | `result` | envelope | step | is |
//! |---|---|---|---|---|---|
//! | no | | | | | never started; whoever asks makes directory and tombstone, so it never will be |
//! | yes | none | | alive | | about to begin, or waiting for the host; a tombstone still prevents it |
//! | yes | none | | dead | | never started; as above |
//! | yes | `never` | | | | never started |
//! | yes | `begun` | none | alive | | running |
//! | yes | `begun` | none | dead | alive | running, without the one who would write its result |
//! | yes | `begun` | none | dead | dead | interrupted; or, with `late`, ended because its time was over |
//! | yes | `begun` | yes | | | ended |
//!
//! A start time goes with every pid (with the kernel's boot id), so that a later process with the same number is not
//! taken for it.
//!
//! # Invariants
//!
//! * An intent's command runs at most once, whoever starts or attaches to it, and whoever is killed when.
//! * Two steps of one host never run at once: a step starts only when the holder's run has ended, never began, or has
//!   neither an envelope nor a step alive.
//! * A decider with a lower epoch than the host has seen neither starts a step nor attaches to one.

use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use ringway_model::{Epoch, IntentId};
use ringway_policy::validated::Command;

use crate::quote::{self, QuoteError};

const FUNCTIONS: &str = include_str!("envelope.sh");

/// Where on its host a run lies, and on whose behalf.
#[derive(Clone, Copy, Debug)]
pub struct Run<'a> {
    /// The host's root: absolute, on the machine where the script will run.
    pub root: &'a Path,
    /// The database the intent is of.
    pub incarnation: u64,
    /// The decider's fencing number.
    pub epoch: Epoch,
    /// The step's id; it names the run directory.
    pub intent: IntentId,
}

/// What is executed, and within which bounds.
#[derive(Clone, Debug)]
pub struct Work<'a> {
    /// The command.
    pub command: &'a Command,
    /// Environment variables of the command, beyond those of the envelope itself.
    pub values: &'a [(&'a str, &'a str)],
    /// The directory the command starts in.
    pub directory: &'a Path,
    /// How long the command may take before its process group is ended.
    pub timeout: Duration,
    /// How long the process group may take to end after TERM, before KILL.
    pub grace: Duration,
    /// How long to wait for the host's step before this one.
    pub patience: Duration,
    /// How many bytes of the end of the output are kept at least; at most twice as many, and 128 KiB, lie on disk.
    pub output_limit: u64,
    /// Kept in the run directory before the step begins.
    pub note: &'a str,
}

/// The script that starts a step. Its answer is [`Answer::Accepted`], `Exists`, `Busy`, `Fenced` or `Cannot`.
///
/// # Errors
///
/// When a text cannot be carried by a shell: it has a NUL, or a value's name is no name of a variable.
pub fn start(run: &Run<'_>, work: &Work<'_>) -> Result<String, QuoteError> {
    let mut script = head(run)?;
    assign(&mut script, "COMMAND", &command_text(work.command)?)?;
    assign(&mut script, "NOTE", work.note)?;
    assign(&mut script, "DIRECTORY", &path(work.directory)?)?;
    assign(&mut script, "TIMEOUT", &seconds(work.timeout))?;
    assign(&mut script, "GRACE", &tenths(work.grace))?;
    assign(&mut script, "PATIENCE", &tenths(work.patience))?;
    assign(&mut script, "LIMIT", &work.output_limit.max(1).to_string())?;
    script.push_str("rw_values() {\n:\n");
    for (name, value) in work.values {
        quote::check_name(name)?;
        writeln!(script, "export {name}={}", quote::quote(value)?)
            .expect("writing to a string cannot fail");
    }
    script.push_str("}\n");
    Ok(close(script, "rw_start"))
}

/// The script that decides that a step never begins, unless it has begun. Its answer is [`Answer::Begun`], `Never`,
/// `Fenced` or `Cannot`.
///
/// # Errors
///
/// When the root cannot be carried by a shell.
pub fn forbid(run: &Run<'_>) -> Result<String, QuoteError> {
    Ok(close(head(run)?, "rw_forbid"))
}

fn head(run: &Run<'_>) -> Result<String, QuoteError> {
    let mut script = String::with_capacity(FUNCTIONS.len() + 1024);
    script.push_str("{\n");
    assign(&mut script, "ROOT", &path(run.root)?)?;
    assign(&mut script, "INCARNATION", &run.incarnation.to_string())?;
    assign(&mut script, "EPOCH", &run.epoch.to_string())?;
    assign(&mut script, "INTENT", &run.intent.to_string())?;
    script.push_str(FUNCTIONS);
    Ok(script)
}

/// The shell must not look at standard input any more when the first command runs: it may be the script's own source.
fn close(mut script: String, main: &str) -> String {
    script.push_str("exec </dev/null\n");
    script.push_str(main);
    script.push_str("\nexit 0\n}\n");
    script
}

fn assign(script: &mut String, name: &str, value: &str) -> Result<(), QuoteError> {
    writeln!(script, "RW_{name}={}", quote::quote(value)?)
        .expect("writing to a string cannot fail");
    Ok(())
}

fn path(path: &Path) -> Result<String, QuoteError> {
    path.to_str()
        .map(ToOwned::to_owned)
        .ok_or_else(|| QuoteError::NotText(path.display().to_string()))
}

/// The text that `/bin/sh` executes: a program and its arguments become one word each.
fn command_text(command: &Command) -> Result<String, QuoteError> {
    match command {
        Command::Shell(text) => Ok(text.clone()),
        Command::Program(words) => {
            let mut text = "exec".to_owned();
            for word in words {
                text.push(' ');
                text.push_str(&quote::quote(word)?);
            }
            Ok(text)
        }
    }
}

fn seconds(span: Duration) -> String {
    match span.subsec_millis() {
        0 => span.as_secs().to_string(),
        ms => format!("{}.{ms:03}", span.as_secs()),
    }
}

fn tenths(span: Duration) -> String {
    span.as_millis().div_ceil(100).to_string()
}

/// What the script says, in one line, before it closes its output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The run directory is made, the host is this step's, and it begins now.
    Accepted,
    /// There is a run directory already: somebody started it before.
    Exists,
    /// The step has begun, at some time.
    Begun,
    /// The step has not begun, and never will.
    Never,
    /// The host's step before this one (`INCARNATION/INTENT`) did not end in the time given; this one never begins.
    Busy(String),
    /// The host has seen this later epoch.
    Fenced(u64),
    /// The envelope itself does not work here, or said nothing that makes sense: why. Nothing has begun by it.
    Cannot(String),
}

impl Answer {
    /// Reads what the script printed. Lines that are not the script's (of a login shell, say) are passed over.
    pub fn read(printed: &str) -> Self {
        let Some(answer) = printed
            .lines()
            .rev()
            .find_map(|line| line.strip_prefix("ringway: "))
        else {
            let why = printed.trim();
            return Self::Cannot(if why.is_empty() {
                "it ended without an answer".to_owned()
            } else {
                why.to_owned()
            });
        };
        let (word, rest) = answer.split_once(' ').unwrap_or((answer, ""));
        match (word, rest.parse()) {
            ("accepted", _) => Self::Accepted,
            ("exists", _) => Self::Exists,
            ("begun", _) => Self::Begun,
            ("never", _) => Self::Never,
            ("busy", _) => Self::Busy(rest.to_owned()),
            ("fenced", Ok(seen)) => Self::Fenced(seen),
            ("cannot", _) => Self::Cannot(format!("it cannot {rest}")),
            _ => Self::Cannot(format!("it answered `{answer}`")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_read_among_other_lines() {
        for (printed, answer) in [
            ("ringway: accepted\n", Answer::Accepted),
            ("Welcome!\nringway: exists\n", Answer::Exists),
            ("ringway: begun\n", Answer::Begun),
            ("ringway: never\n", Answer::Never),
            (
                "ringway: busy 7/r1-s2-3\n",
                Answer::Busy("7/r1-s2-3".to_owned()),
            ),
            ("ringway: fenced 12\n", Answer::Fenced(12)),
            (
                "ringway: cannot find flock\n",
                Answer::Cannot("it cannot find flock".to_owned()),
            ),
            (
                "ringway: fenced off\n",
                Answer::Cannot("it answered `fenced off`".to_owned()),
            ),
            (
                "sh: syntax error\n",
                Answer::Cannot("sh: syntax error".to_owned()),
            ),
            ("", Answer::Cannot("it ended without an answer".to_owned())),
        ] {
            assert_eq!(Answer::read(printed), answer, "{printed:?}");
        }
    }

    #[test]
    fn spans_are_seconds_a_shell_can_sleep() {
        for (ms, text) in [(1200, "1.200"), (60_000, "60"), (5, "0.005")] {
            assert_eq!(seconds(Duration::from_millis(ms)), text);
        }
        assert_eq!(tenths(Duration::from_millis(101)), "2");
    }
}
