//! A question put to this machine: a short command that changes nothing, within bounds.
//!
//! Unlike a step it has no envelope: nobody looks for its result after a crash, it is asked again. It runs in a process
//! group of its own, which is killed when its time is over or nobody waits for the answer any more.

use std::io;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use ringway_policy::validated::Command;
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::unix::pipe;
use tokio::process::{Child, ChildStdin};

use crate::quote::{self, QuoteError};
use crate::run_directory::bounded;

/// How many bytes of the end of its output are kept.
const OUTPUT_LIMIT: usize = 64 * 1024;

/// How long what it printed last may take to arrive when the command has ended. Only something that it left behind and
/// that holds its output makes this matter.
const DRAIN: Duration = Duration::from_millis(200);

/// How the command ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    /// By itself; 128 + n where signal n ended it.
    Ended { exit: i32, output: String },
    /// It did not end in time.
    TimedOut { output: String },
    /// It could not be run.
    Cannot(String),
}

/// The environment every command has, beyond the values it is given.
pub(crate) fn environment() -> [(&'static str, String); 3] {
    let own = |name, default: &str| std::env::var(name).unwrap_or_else(|_| default.to_owned());
    [
        (
            "PATH",
            own(
                "PATH",
                "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            ),
        ),
        ("HOME", own("HOME", "/")),
        // One language everywhere: what commands print is compared with what documents expect.
        ("LANG", "C.UTF-8".to_owned()),
    ]
}

/// Asks.
pub(crate) async fn ask<'a>(
    command: &Command,
    values: impl IntoIterator<Item = (&'a str, &'a str)>,
    directory: &Path,
    timeout: Duration,
) -> Asked {
    match Question::spawn(command, values, directory) {
        Ok(question) => question.answer(timeout).await,
        Err(why) => Asked::Cannot(why),
    }
}

/// A running command, killed with its group when it is dropped before its end.
struct Question {
    child: Child,
    group: Option<Pid>,
    output: pipe::Receiver,
    text: Option<(ChildStdin, String)>,
}

impl Question {
    fn spawn<'a>(
        command: &Command,
        values: impl IntoIterator<Item = (&'a str, &'a str)>,
        directory: &Path,
    ) -> Result<Self, String> {
        let (mut process, text) = match command {
            Command::Shell(text) => {
                let script = shell_script(text).map_err(|error| error.to_string())?;
                (tokio::process::Command::new("/bin/sh"), Some(script))
            }
            Command::Program(words) => {
                let (program, arguments) =
                    words.split_first().ok_or("there is no program to run")?;
                let mut process = tokio::process::Command::new(program);
                process.args(arguments);
                (process, None)
            }
        };
        process.env_clear().envs(environment());
        for (name, value) in values {
            quote::check_name(name).map_err(|error| error.to_string())?;
            process.env(name, value);
        }
        let fail = |error: io::Error| format!("`{}` cannot be run: {error}", shown(command));
        let (reader, writer) = io::pipe().map_err(fail)?;
        process
            .current_dir(directory)
            .process_group(0)
            .kill_on_drop(true)
            .stdin(if text.is_some() {
                Stdio::piped()
            } else {
                Stdio::null()
            })
            .stderr(writer.try_clone().map_err(fail)?)
            .stdout(writer);
        let output = pipe::Receiver::from_owned_fd(reader.into()).map_err(fail)?;
        let mut child = process.spawn().map_err(fail)?;
        // The parent's ends of the pipe go with `process`, or the output would never end.
        drop(process);
        let group = child
            .id()
            .and_then(|pid| i32::try_from(pid).ok())
            .and_then(Pid::from_raw);
        let text = child.stdin.take().zip(text);
        Ok(Self {
            child,
            group,
            output,
            text,
        })
    }

    async fn answer(mut self, timeout: Duration) -> Asked {
        let mut kept = Kept::default();
        let ended = tokio::time::timeout(timeout, self.read_to_end(&mut kept)).await;
        let output = kept.text();
        match ended {
            Ok(Ok(status)) => Asked::Ended {
                exit: exit_code(status),
                output,
            },
            Ok(Err(error)) => Asked::Cannot(error.to_string()),
            Err(_) => {
                self.kill();
                // It is dead or about to be; waiting leaves no zombie behind.
                if let Err(error) = self.child.wait().await {
                    return Asked::Cannot(error.to_string());
                }
                Asked::TimedOut { output }
            }
        }
    }

    async fn read_to_end(&mut self, kept: &mut Kept) -> io::Result<ExitStatus> {
        if let Some((mut stdin, text)) = self.text.take() {
            // A shell that ended without reading it all is judged by its exit code, not by this.
            drop(stdin.write_all(text.as_bytes()).await);
        }
        let mut chunk = vec![0; 8192];
        let status = loop {
            tokio::select! {
                read = self.output.read(&mut chunk) => match read? {
                    0 => break self.child.wait().await?,
                    n => kept.push(&chunk[..n]),
                },
                status = self.child.wait() => {
                    let rest = async {
                        while let n @ 1.. = self.output.read(&mut chunk).await? {
                            kept.push(&chunk[..n]);
                        }
                        io::Result::Ok(())
                    };
                    if tokio::time::timeout(DRAIN, rest).await.is_err() {
                        // Something it left behind still holds its output, so its group still exists.
                        self.kill();
                    }
                    break status?;
                }
            }
        };
        self.group = None;
        Ok(status)
    }

    fn kill(&mut self) {
        if let Some(group) = self.group.take() {
            // It fails where nothing is left to kill.
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}

impl Drop for Question {
    fn drop(&mut self) {
        self.kill();
    }
}

/// The text stays out of the arguments that every user of the machine can read; standard input is empty for it.
fn shell_script(text: &str) -> Result<String, QuoteError> {
    Ok(format!(
        "{{\nexec </dev/null\neval {}\nexit\n}}\n",
        quote::quote(text)?
    ))
}

fn shown(command: &Command) -> &str {
    match command {
        Command::Shell(_) => "/bin/sh",
        Command::Program(words) => words.first().map_or("", String::as_str),
    }
}

/// The exit code as a shell gives it.
pub(crate) fn exit_code(status: ExitStatus) -> i32 {
    status
        .code()
        .unwrap_or_else(|| 128 + status.signal().unwrap_or(0))
}

/// The end of an output.
#[derive(Default)]
struct Kept {
    bytes: Vec<u8>,
    dropped: u64,
}

impl Kept {
    fn push(&mut self, chunk: &[u8]) {
        self.bytes.extend_from_slice(chunk);
        if self.bytes.len() > 2 * OUTPUT_LIMIT {
            self.shorten();
        }
    }

    fn shorten(&mut self) {
        let excess = self.bytes.len().saturating_sub(OUTPUT_LIMIT);
        self.bytes.drain(..excess);
        self.dropped += excess as u64;
    }

    fn text(mut self) -> String {
        self.shorten();
        bounded(&self.bytes, self.dropped)
    }
}
