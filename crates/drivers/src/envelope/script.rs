//! The scripts: the functions of `envelope.sh`, with every value they are told in front of them.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;
use std::sync::LazyLock;
use std::time::Duration;

use ringway_model::{Epoch, IntentId};
use ringway_policy::validated::Command;

use super::word;
use crate::quote::{self, QuoteError};
use crate::run_directory::Keep;

/// How long a script asks for the gate, which is held for moments: for as long as a slow disk may take to write a few
/// files down. Shorter than anybody waits for an answer.
const GATE: Duration = Duration::from_secs(20);

/// The functions, without what is only for readers: it would be sent with every step. No text of several lines in them
/// has lines that begin with a tab or a `#`.
static FUNCTIONS: LazyLock<String> = LazyLock::new(|| {
    let lines = include_str!("envelope.sh").lines().map(str::trim_start);
    let code = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
    code.flat_map(|line| [line, "\n"]).collect()
});

/// Where on its host a run lies, and on whose behalf.
#[derive(Clone, Copy, Debug)]
pub struct Run<'a> {
    /// The host's root on the machine where the script will run: absolute, or below the directory its shell starts in.
    pub root: &'a Path,
    /// The fleet.
    pub fleet: &'a str,
    /// The database the intent is of.
    pub incarnation: u64,
    /// Databases of the fleet from which this one may take the host over.
    pub adopts: &'a BTreeSet<u64>,
    /// The decider's fencing number.
    pub epoch: Epoch,
    /// The step's id; it names the run directory.
    pub intent: IntentId,
    /// The host for which this one runs an errand, where it is not visited itself. Errands take turns with those for the
    /// same host, and neither with others nor with the steps of a visit of this host.
    pub errand_for: Option<&'a str>,
}

/// What is executed, and within which bounds.
#[derive(Clone, Debug)]
pub struct Work<'a> {
    /// The command.
    pub command: &'a Command,
    /// Environment variables of the command, beyond those of the envelope itself.
    pub values: &'a [(&'a str, &'a str)],
    /// The directory the command starts in: absolute, or below the one the envelope's shell starts in, which is `.`.
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
    /// Whether the script says on its own output what became of the step, when it is over. Otherwise it closes its
    /// output with its answer.
    pub follow: bool,
    /// Whether that it begins outlives a power failure: for a step that changes its host. One that does not may be
    /// taken for never started after one, and is asked again.
    pub durable: bool,
}

/// A short command that changes nothing.
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
    /// The command.
    pub command: &'a Command,
    /// Environment variables of the command.
    pub values: &'a [(&'a str, &'a str)],
    /// The directory it starts in: as of [`Work::directory`].
    pub directory: &'a Path,
    /// How long it may take before its process group is killed.
    pub timeout: Duration,
    /// How many bytes of the end of the output are told.
    pub output_limit: u64,
}

/// The script that starts a step. Its answer is [`Answer::Accepted`], `Exists`, `Never`, `Busy`, `Fenced`, `Foreign`,
/// `ForeignFleet` or `Cannot`; with [`Work::follow`] an [`Outcome`] or `Never` comes after `Accepted`.
///
/// [`Answer::Accepted`]: super::Answer::Accepted
/// [`Outcome`]: super::Outcome
///
/// # Errors
///
/// When a text cannot be carried by a shell: it has a NUL, or a value's name is no name of a variable.
pub fn start(run: &Run<'_>, work: &Work<'_>) -> Result<String, QuoteError> {
    let mut script = of_run(run)?;
    assign(&mut script, "COMMAND", &command_text(work.command)?)?;
    assign(&mut script, "NOTE", work.note)?;
    assign(&mut script, "DIRECTORY", &path(work.directory)?)?;
    assign(&mut script, "TIMEOUT", &seconds(work.timeout))?;
    assign(&mut script, "GRACE", &tenths(work.grace))?;
    assign(&mut script, "PATIENCE", &tenths(work.patience))?;
    assign(&mut script, "LIMIT", &work.output_limit.max(1).to_string())?;
    assign(&mut script, "FOLLOW", yes(work.follow))?;
    assign(&mut script, "DURABLE", yes(work.durable))?;
    values(&mut script, work.values)?;
    Ok(close(script, "rw_start"))
}

/// The script that decides that a step never begins, unless it has begun. Its answer is [`Answer::Begun`], `Never`,
/// `Fenced`, `Foreign`, `ForeignFleet` or `Cannot`.
///
/// [`Answer::Begun`]: super::Answer::Begun
///
/// # Errors
///
/// When the root cannot be carried by a shell.
pub fn forbid(run: &Run<'_>) -> Result<String, QuoteError> {
    Ok(close(of_run(run)?, "rw_forbid"))
}

/// The script that finds a step again: as [`forbid`], and after `Begun` it waits until the step is over and tells its
/// outcome with the last `output_limit` bytes of what it printed. A step whose envelope was killed is ended when its
/// time is over, with `grace` between TERM and KILL.
///
/// # Errors
///
/// When the root cannot be carried by a shell.
pub fn attach(run: &Run<'_>, output_limit: u64, grace: Duration) -> Result<String, QuoteError> {
    let mut script = of_run(run)?;
    assign(&mut script, "LIMIT", &output_limit.max(1).to_string())?;
    assign(&mut script, "GRACE", &tenths(grace))?;
    Ok(close(script, "rw_attach"))
}

/// The script that tells what a run directory says of restarts, after writing down one more boot id where there is one:
/// an outcome whose output is for [`Restarts::read`](super::Restarts::read), or `Cannot`.
///
/// # Errors
///
/// When the root or the id cannot be carried by a shell.
pub fn restarts(run: &Run<'_>, seen: Option<&str>) -> Result<String, QuoteError> {
    let mut script = of_run(run)?;
    assign(&mut script, "SEEN", seen.unwrap_or_default())?;
    Ok(close(script, "rw_restarts"))
}

/// The script that takes away run directories of finished steps of one database, and answers `Tidied`, or `Cannot`.
///
/// `open` are the intents without a journaled result. They are never touched, for their directories are the only record
/// of what happened; neither is anything that runs or may still begin. The host's own clock tells how old a run is.
///
/// # Errors
///
/// When the root cannot be carried by a shell.
pub fn tidy(
    root: &Path,
    incarnation: u64,
    open: &BTreeSet<IntentId>,
    keep: Keep,
) -> Result<String, QuoteError> {
    let mut script = head(root)?;
    assign(&mut script, "INCARNATION", &incarnation.to_string())?;
    let open: Vec<String> = open.iter().map(ToString::to_string).collect();
    assign(&mut script, "OPEN", &open.join(" "))?;
    let minutes = keep.younger_than.as_secs().div_ceil(60);
    assign(&mut script, "MINUTES", &minutes.to_string())?;
    assign(&mut script, "AT_MOST", &keep.at_most.to_string())?;
    Ok(close(script, "rw_tidy"))
}

/// The script that asks a question: no run directory, no lock, nothing written. It tells an outcome, or answers
/// `Cannot`.
///
/// # Errors
///
/// When a text cannot be carried by a shell.
pub fn question(question: &Question<'_>) -> Result<String, QuoteError> {
    let mut script = String::with_capacity(FUNCTIONS.len() + 1024);
    script.push_str("{\n");
    // As a script of its own, whose standard input is empty once it was read.
    let text = format!(
        "{{\nexec </dev/null\neval {}\nexit\n}}",
        quote::quote(&command_text(question.command)?)?
    );
    assign(&mut script, "COMMAND", &text)?;
    assign(&mut script, "DIRECTORY", &path(question.directory)?)?;
    assign(&mut script, "TIMEOUT", &seconds(question.timeout))?;
    let limit = question.output_limit.max(1).to_string();
    assign(&mut script, "LIMIT", &limit)?;
    script.push_str(&FUNCTIONS);
    values(&mut script, question.values)?;
    Ok(close(script, "rw_question"))
}

fn of_run(run: &Run<'_>) -> Result<String, QuoteError> {
    let mut script = head(run.root)?;
    assign(&mut script, "FLEET", &word::encode(run.fleet))?;
    assign(&mut script, "INCARNATION", &run.incarnation.to_string())?;
    let adopts: Vec<String> = run.adopts.iter().map(ToString::to_string).collect();
    assign(&mut script, "ADOPTS", &adopts.join(" "))?;
    assign(&mut script, "EPOCH", &run.epoch.to_string())?;
    assign(&mut script, "INTENT", &run.intent.to_string())?;
    assign(&mut script, "GATE", &tenths(GATE))?;
    let holder = run.errand_for.map_or_else(
        || "holder".to_owned(),
        |host| format!("holder.for.{}", word::encode(host)),
    );
    assign(&mut script, "HOLDER", &holder)?;
    Ok(script)
}

fn head(root: &Path) -> Result<String, QuoteError> {
    let mut script = String::with_capacity(FUNCTIONS.len() + 1024);
    script.push_str("{\n");
    assign(&mut script, "ROOT", &path(root)?)?;
    script.push_str(&FUNCTIONS);
    Ok(script)
}

/// The shell must not look at standard input any more when the first command runs: it may be the script's own source.
fn close(mut script: String, main: &str) -> String {
    script.push_str("exec </dev/null\n");
    script.push_str(main);
    script.push_str("\nexit 0\n}\n");
    script
}

fn values(script: &mut String, values: &[(&str, &str)]) -> Result<(), QuoteError> {
    script.push_str("rw_values() {\n:\n");
    for (name, value) in values {
        quote::check_name(name)?;
        writeln!(script, "export {name}={}", quote::quote(value)?)
            .expect("writing to a string cannot fail");
    }
    script.push_str("}\n");
    Ok(())
}

fn assign(script: &mut String, name: &str, value: &str) -> Result<(), QuoteError> {
    writeln!(script, "RW_{name}={}", quote::quote(value)?)
        .expect("writing to a string cannot fail");
    Ok(())
}

const fn yes(whether: bool) -> &'static str {
    if whether { "yes" } else { "" }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_seconds_a_shell_can_sleep() {
        for (ms, text) in [(1200, "1.200"), (60_000, "60"), (5, "0.005")] {
            assert_eq!(seconds(Duration::from_millis(ms)), text);
        }
        assert_eq!(tenths(Duration::from_millis(101)), "2");
    }
}
