//! A command that was given to a host by an `ssh` of its own.

use std::collections::VecDeque;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::process::ExitStatus;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::folder::Papers;
use super::opening::Errors;
use super::transport::Places;
use super::verdict;
use crate::transport::{Lost, Running, Said};

/// What is read at once.
const CHUNK: usize = 16 * 1024;
/// How long the output may be held open by something else after `ssh` has ended, as by a connection that is shared.
const DRAIN: Duration = Duration::from_secs(1);
/// How much of the end of standard error is kept to say why a connection was lost.
const LAST_WORDS: usize = 1024;

/// The code `ssh` ends with when it failed itself, and when the command's is this.
const FAILED: i32 = 255;

/// An `ssh` whose command has begun.
pub(super) struct Command {
    child: Child,
    output: Option<ChildStdout>,
    complaints: Option<ChildStderr>,
    errors: Errors,
    last_words: Vec<u8>,
    ended: Option<ExitStatus>,
    said: VecDeque<Said>,
    over: bool,
    papers: Papers,
    leg: usize,
    giving: JoinHandle<()>,
    _places: Places,
}

/// The parts of an `ssh` that has said that its command can begin.
pub(super) struct Begun {
    pub(super) child: Child,
    pub(super) input: ChildStdin,
    pub(super) output: ChildStdout,
    pub(super) complaints: ChildStderr,
    pub(super) errors: Errors,
    /// What was said before and after the word.
    pub(super) besides: Vec<u8>,
    pub(super) papers: Papers,
    /// Which log is the host's.
    pub(super) leg: usize,
    pub(super) places: Places,
}

impl Command {
    /// Lets the command begin, and gives it its input, while it already speaks.
    pub(super) fn begin(
        begun: Begun,
        complaints: Vec<u8>,
        input: Vec<u8>,
        later: Option<oneshot::Receiver<Vec<u8>>>,
    ) -> Self {
        let mut stdin = begun.input;
        let giving = tokio::spawn(async move {
            // Whoever does not take all of it has ended, and that is told by its end.
            if stdin.write_all(&input).await.is_err() {
                return;
            }
            if let Some(later) = later
                && let Ok(later) = later.await
                && stdin.write_all(&later).await.is_err()
            {
                return;
            }
            let _ = stdin.shutdown().await;
        });
        let mut said = VecDeque::new();
        if !begun.besides.is_empty() {
            said.push_back(Said::Output(begun.besides));
        }
        if !complaints.is_empty() {
            said.push_back(Said::Errors(complaints));
        }
        Self {
            child: begun.child,
            output: Some(begun.output),
            complaints: Some(begun.complaints),
            errors: begun.errors,
            last_words: Vec::new(),
            ended: None,
            said,
            over: false,
            papers: begun.papers,
            leg: begun.leg,
            giving,
            _places: begun.places,
        }
    }

    async fn hear(&mut self) -> Result<Option<Said>, Lost> {
        loop {
            if let Some(said) = self.said.pop_front() {
                return Ok(Some(said));
            }
            if self.over {
                return Ok(None);
            }
            self.wait().await?;
        }
    }

    /// Waits for something to happen, and notes it.
    async fn wait(&mut self) -> Result<(), Lost> {
        let (mut output, mut complaints) = (Vec::new(), Vec::new());
        let ended = self.ended;
        tokio::select! {
            read = read(&mut self.output, &mut output), if self.output.is_some() => {
                if read {
                    self.said.push_back(Said::Output(output));
                } else {
                    self.output = None;
                }
            }
            read = read(&mut self.complaints, &mut complaints), if self.complaints.is_some() => {
                if read {
                    self.complain(&complaints);
                } else {
                    self.complaints = None;
                }
            }
            status = self.child.wait(), if ended.is_none() => {
                self.ended = Some(status.map_err(|error| Lost(error.to_string()))?);
            }
            () = tokio::time::sleep(DRAIN), if ended.is_some() => {
                self.output = None;
                self.complaints = None;
            }
        }
        if let (Some(status), None, None) = (self.ended, &self.output, &self.complaints) {
            self.finish(status)?;
        }
        Ok(())
    }

    fn complain(&mut self, more: &[u8]) {
        self.last_words.extend_from_slice(more);
        let excess = self.last_words.len().saturating_sub(LAST_WORDS);
        self.last_words.drain(..excess);
        let passed = self.errors.take(more);
        if !passed.is_empty() {
            self.said.push_back(Said::Errors(passed));
        }
    }

    fn finish(&mut self, status: ExitStatus) -> Result<(), Lost> {
        self.over = true;
        let rest = self.errors.rest();
        if !rest.is_empty() {
            self.said.push_back(Said::Errors(rest));
        }
        match status.code() {
            Some(FAILED) if !self.errors.is_own() => {
                let last_words = String::from_utf8_lossy(&self.last_words).into_owned();
                Err(Lost(verdict::lost(
                    &self.papers.logged(self.leg),
                    &last_words,
                )))
            }
            Some(code) => {
                self.said.push_back(Said::Exit(code));
                Ok(())
            }
            None => Err(Lost(format!("`ssh` was ended: {status}"))),
        }
    }
}

/// Appends what comes next; false at the end, and where nothing can be read any more.
async fn read(from: &mut Option<impl AsyncRead + Unpin>, into: &mut Vec<u8>) -> bool {
    let Some(from) = from else { return false };
    into.reserve(CHUNK);
    let read: io::Result<usize> = from.read_buf(into).await;
    matches!(read, Ok(1..))
}

impl Running for Command {
    fn next(&mut self) -> Pin<Box<dyn Future<Output = Result<Option<Said>, Lost>> + Send + '_>> {
        Box::pin(self.hear())
    }
}

impl Drop for Command {
    fn drop(&mut self) {
        self.giving.abort();
    }
}
