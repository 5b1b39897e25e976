//! What a command of an import prints, within bounds of time and size.
//!
//! The command runs in a process group of its own, with nothing on its standard input; the group is killed when the time is
//! over or too much was printed. Standard error is shown only where the command fails: what it says there on a good day is
//! for whoever wrote it.

use std::io::{self, Read};
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use ringway_policy::Program;
use ringway_policy::validated;
use rustix::process::{Pid, Signal, kill_process_group};

/// More is no inventory: a million hosts with ten labels each are below it.
const MAX_BYTES: usize = 256 << 20;
/// How much of standard error is kept, in bytes: the last lines say why.
const COMPLAINT: usize = 64 << 10;
/// How often it is looked whether the command has ended, once it has closed its output.
const LOOK: Duration = Duration::from_millis(10);

/// Which of the two it was.
enum Printed {
    Output(io::Result<Vec<u8>>),
    Complaint(Vec<u8>),
}

/// Runs the program in this directory and returns what it prints on standard output.
///
/// # Errors
///
/// Why there is no answer, in words.
pub(crate) fn of(program: &Program, directory: &Path) -> Result<Vec<u8>, String> {
    let within = Duration::from_millis(program.within.millis());
    let until = Instant::now() + within;
    let mut child = command(program, directory)?
        .spawn()
        .map_err(|error| format!("it cannot be run: {error}"))?;
    let (sender, printed) = mpsc::channel();
    let stdout = child.stdout.take();
    let stderr = child.stderr.take();
    let to = sender.clone();
    thread::spawn(move || {
        let read = stdout.map_or_else(|| Ok(Vec::new()), |from| bounded(from, MAX_BYTES));
        drop(to.send(Printed::Output(read)));
    });
    thread::spawn(move || {
        let read = stderr.map(last).unwrap_or_default();
        drop(sender.send(Printed::Complaint(read)));
    });
    let late = || format!("it did not end within {}", program.within);
    let (mut output, mut complaint) = (None, Vec::new());
    // Both are awaited, but for what a child of the command still holds: then only the time that is left.
    for _ in 0..2 {
        match printed.recv_timeout(until.saturating_duration_since(Instant::now())) {
            Ok(Printed::Output(Ok(bytes))) if bytes.len() > MAX_BYTES => {
                end(&mut child);
                return Err(format!("it printed more than {} MiB", MAX_BYTES >> 20));
            }
            Ok(Printed::Output(Ok(bytes))) => output = Some(bytes),
            Ok(Printed::Output(Err(error))) => {
                end(&mut child);
                return Err(format!("what it printed cannot be read: {error}"));
            }
            Ok(Printed::Complaint(bytes)) => complaint = bytes,
            Err(_) => {
                end(&mut child);
                return Err(late());
            }
        }
    }
    let Some(status) = ended(&mut child, until) else {
        end(&mut child);
        return Err(late());
    };
    if status.success() {
        return Ok(output.unwrap_or_default());
    }
    Err(failed(status, &complaint))
}

fn command(program: &Program, directory: &Path) -> Result<Command, String> {
    let directory = if directory.as_os_str().is_empty() {
        Path::new(".")
    } else {
        directory
    };
    let directory = directory
        .canonicalize()
        .map_err(|error| format!("its directory cannot be found: {error}"))?;
    let mut command = match &program.command {
        validated::Command::Shell(text) => {
            let mut command = Command::new("/bin/sh");
            command.arg("-c").arg(text);
            command
        }
        validated::Command::Program(words) => {
            let (first, arguments) = words.split_first().ok_or("there is no program to run")?;
            // A path is below the document, wherever Ringway was started.
            let mut command = if first.contains('/') {
                Command::new(directory.join(first))
            } else {
                Command::new(first)
            };
            command.args(arguments);
            command
        }
    };
    command
        .current_dir(directory)
        .process_group(0)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    Ok(command)
}

/// Up to so many bytes, and one more where there are more.
fn bounded(from: impl Read, most: usize) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let most = u64::try_from(most).unwrap_or(u64::MAX);
    from.take(most + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// All of it is read, and the end is kept.
fn last(mut from: impl Read) -> Vec<u8> {
    let (mut kept, mut buffer) = (Vec::new(), [0; 8192]);
    while let Ok(read @ 1..) = from.read(&mut buffer) {
        kept.extend_from_slice(&buffer[..read]);
        if kept.len() > 2 * COMPLAINT {
            kept.drain(..kept.len() - COMPLAINT);
        }
    }
    kept
}

/// How the command ended, if it did by then.
fn ended(child: &mut Child, until: Instant) -> Option<ExitStatus> {
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return Some(status),
            Ok(None) if Instant::now() < until => thread::park_timeout(LOOK),
            Ok(None) | Err(_) => return None,
        }
    }
}

/// Ends the command and everything it started.
fn end(child: &mut Child) {
    if let Some(group) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
        // It may have ended by itself just now.
        let _ = kill_process_group(group, Signal::KILL);
    }
    drop(child.wait());
}

/// How it failed, with the last line it complained in.
fn failed(status: ExitStatus, complaint: &[u8]) -> String {
    /// What fits on a line beside the rest.
    const SHOWN: usize = 200;
    let how = match (status.code(), status.signal()) {
        (Some(code), _) => format!("it ended with exit code {code}"),
        (None, Some(signal)) => format!("signal {signal} ended it"),
        (None, None) => "it failed".to_owned(),
    };
    let text = String::from_utf8_lossy(complaint);
    let last = text
        .lines()
        .rev()
        .map(str::trim)
        .find(|line| !line.is_empty());
    match last {
        Some(line) => {
            let line: String = line.chars().take(SHOWN).collect();
            format!("{how}: {line}")
        }
        None => format!("{how}, and said nothing"),
    }
}

#[cfg(test)]
mod tests {
    use ringway_model::Span;
    use ringway_policy::validated::Command;

    use super::*;

    fn run(text: &str, within: Span) -> Result<String, String> {
        let program = Program {
            command: Command::Shell(text.to_owned()),
            within,
        };
        of(&program, Path::new("/")).map(|bytes| String::from_utf8(bytes).expect("it is ASCII"))
    }

    #[test]
    fn what_is_printed_is_returned_and_what_fails_says_why() {
        let long = Span::minutes(2);
        for (text, result) in [
            ("echo '{}'; echo chatter >&2", Ok("{}\n")),
            ("pwd", Ok("/\n")),
            ("cat", Ok("")),
            (
                "echo {}; echo a >&2; echo 'no credentials' >&2; exit 3",
                Err("it ended with exit code 3: no credentials"),
            ),
            ("exit 1", Err("it ended with exit code 1, and said nothing")),
            ("kill -9 $$", Err("signal 9 ended it, and said nothing")),
        ] {
            let result = result.map(str::to_owned).map_err(str::to_owned);
            assert_eq!(run(text, long), result, "{text}");
        }
        let nothing = Program {
            command: Command::Program(vec!["./is-not-there".to_owned()]),
            within: long,
        };
        assert!(
            of(&nothing, Path::new("/"))
                .unwrap_err()
                .starts_with("it cannot be run: ")
        );
    }

    /// A program that hangs, or leaves something behind that holds its output, must not hang a check.
    #[test]
    fn what_does_not_end_is_ended() {
        let late = Err("it did not end within 1s".to_owned());
        for text in [
            "sleep 600",
            "sleep 600 & echo {}",
            "exec >&- 2>&-; sleep 600",
        ] {
            assert_eq!(run(text, Span::seconds(1)), late, "{text}");
        }
    }
}
