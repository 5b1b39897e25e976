//! A secret that a command prints: a passphrase, or the password that `sudo` wants. It is the first line of its output,
//! lives in memory only, and nothing of what the command says, not even its complaints, gets into a message.

use std::fmt;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use ringway_policy::validated::Command;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use zeroize::Zeroizing;

use crate::command::environment;
use crate::quote;

/// A password manager that asks somebody over a network is faster than this, or will not answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// No passphrase is longer than this.
const MOST: u64 = 64 * 1024;

/// A text that is overwritten when it is dropped, and that no message shows.
#[derive(Clone)]
pub(crate) struct Secret(Zeroizing<String>);

impl Secret {
    /// A secret that is known already.
    #[cfg(test)]
    pub(crate) fn new(text: &str) -> Self {
        Self(Zeroizing::new(text.to_owned()))
    }

    /// The text, for whoever must be told it.
    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

/// Runs the command that prints it. It is killed when nobody waits any more.
pub(crate) async fn printed_by(command: &Command, directory: &Path) -> Result<Secret, String> {
    let (mut process, script) = match command {
        Command::Shell(text) => {
            let text = quote::quote(text).map_err(|error| error.to_string())?;
            // Its text is no argument, which every user of the machine could read.
            let script = format!("{{\nexec </dev/null\neval {text}\nexit\n}}\n");
            (tokio::process::Command::new("/bin/sh"), script)
        }
        Command::Program(words) => {
            let (program, arguments) = words.split_first().ok_or("it names no program")?;
            let mut process = tokio::process::Command::new(program);
            process.args(arguments);
            (process, String::new())
        }
    };
    let mut child = process
        .envs(environment())
        .current_dir(directory)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| format!("it cannot be run: {error}"))?;
    let output = child.stdout.take().expect("its output is a pipe");
    let mut input = child.stdin.take().expect("its input is a pipe");
    let read = async {
        // A shell that ended without reading it all is judged by how it ended.
        drop(input.write_all(script.as_bytes()).await);
        drop(input);
        let mut bytes = Zeroizing::new(Vec::with_capacity(1024));
        output.take(MOST).read_to_end(&mut bytes).await?;
        std::io::Result::Ok((bytes, child.wait().await?))
    };
    let (bytes, status) = tokio::time::timeout(PATIENCE, read)
        .await
        .map_err(|_| format!("it did not end within {} seconds", PATIENCE.as_secs()))?
        .map_err(|error| error.to_string())?;
    if !status.success() {
        return Err(format!("it failed: {status}"));
    }
    let text = std::str::from_utf8(&bytes).map_err(|_| "what it printed is not UTF-8")?;
    match text.lines().next() {
        None | Some("") => Err("it printed nothing".to_owned()),
        Some(line) => Ok(Secret(Zeroizing::new(line.to_owned()))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn of(text: &str) -> Result<String, String> {
        printed_by(&Command::Shell(text.to_owned()), Path::new("/"))
            .await
            .map(|secret| secret.reveal().to_owned())
    }

    #[tokio::test]
    async fn the_first_line_is_the_secret() {
        assert_eq!(of("echo one; echo two").await.as_deref(), Ok("one"));
        assert_eq!(of("printf 'no newline'").await.as_deref(), Ok("no newline"));
        assert_eq!(of("echo warning >&2; echo it").await.as_deref(), Ok("it"));
    }

    #[tokio::test]
    async fn a_command_that_fails_says_nothing_of_what_it_printed() {
        let said = of("echo hunter2; echo hunter2 >&2; exit 3")
            .await
            .unwrap_err();
        assert_eq!(said, "it failed: exit status: 3");
        assert_eq!(of("true").await.unwrap_err(), "it printed nothing");
        let secret = printed_by(&Command::Shell("echo hunter2".to_owned()), Path::new("/"))
            .await
            .unwrap();
        assert_eq!(format!("{secret:?}"), "[redacted]");
    }
}
