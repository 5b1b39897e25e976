//! Where a command's own output begins, and what its exit code means.

use crate::quote::{QuoteError, quote};
use crate::system::folder::random;

/// How much a login shell may say of its own before the command begins.
const NOISE_LIMIT: usize = 64 * 1024;

/// The words that were made up for one command.
#[derive(Clone, Debug)]
pub(super) struct Words {
    /// Printed when the command could begin.
    ready: String,
    /// Printed on standard error when the command's own exit code is 255.
    own: String,
}

impl Words {
    /// Words that nobody else says.
    pub(super) fn new() -> Self {
        let word = random();
        Self {
            ready: format!("ringway-ready-{word:016x}"),
            own: format!("ringway-own-{word:016x}"),
        }
    }

    /// The command with the wrapper around it, for any login shell.
    ///
    /// # Errors
    ///
    /// When no shell can carry it.
    pub(super) fn wrap(&self, command: &str) -> Result<String, QuoteError> {
        let Self { ready, own } = self;
        // The wrapper's own standard error is nobody's: a shell tells there which signal has ended a command.
        let script = format!(
            "echo {ready}; read -r go || exit 255; exec 3>&2 2>/dev/null; \
             (exec 2>&3 3>&-; {command}); code=$?; [ $code -ne 255 ] || echo {own} >&3; exit $code"
        );
        Ok(format!("exec /bin/sh -c {}", quote(&script)?))
    }

    /// What lets the command begin.
    pub(super) const GO: &str = "go\n";
}

/// What has been said so far.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Opened {
    /// The command has not said that it could begin.
    NotYet,
    /// It has. This was said besides.
    Ready(Vec<u8>),
    /// Whatever says all this, it is not the command.
    TooMuch,
}

/// Looks for the line that says that the command could begin.
#[derive(Debug, Default)]
pub(super) struct Opening {
    said: Vec<u8>,
}

impl Opening {
    /// Takes more of the output.
    pub(super) fn take(&mut self, words: &Words, more: &[u8]) -> Opened {
        self.said.extend_from_slice(more);
        let line = format!("{}\n", words.ready);
        if let Some(place) = find(&self.said, line.as_bytes()) {
            self.said.drain(place..place + line.len());
            return Opened::Ready(std::mem::take(&mut self.said));
        }
        if self.said.len() > NOISE_LIMIT {
            return Opened::TooMuch;
        }
        Opened::NotYet
    }
}

/// Takes the wrapper's word out of what is said on standard error.
#[derive(Debug)]
pub(super) struct Errors {
    word: Vec<u8>,
    held: Vec<u8>,
    own: bool,
}

impl Errors {
    pub(super) fn of(words: &Words) -> Self {
        Self {
            word: format!("{}\n", words.own).into_bytes(),
            held: Vec::new(),
            own: false,
        }
    }

    /// Takes more, and returns what can be passed on: all but what may be the beginning of the word.
    pub(super) fn take(&mut self, more: &[u8]) -> Vec<u8> {
        self.held.extend_from_slice(more);
        if let Some(place) = find(&self.held, &self.word) {
            self.held.drain(place..place + self.word.len());
            self.own = true;
        }
        let longest = self.word.len().min(self.held.len());
        let kept = (0..=longest)
            .rev()
            .find(|&length| self.held.ends_with(&self.word[..length]))
            .unwrap_or(0);
        let kept = if self.own { 0 } else { kept };
        let rest = self.held.split_off(self.held.len() - kept);
        std::mem::replace(&mut self.held, rest)
    }

    /// What was held back, when nothing more comes.
    pub(super) fn rest(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.held)
    }

    /// Whether an exit code of 255 is the command's own.
    pub(super) const fn is_own(&self) -> bool {
        self.own
    }
}

fn find(text: &[u8], word: &[u8]) -> Option<usize> {
    text.windows(word.len()).position(|window| window == word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_word_is_found_however_it_arrives() {
        let words = Words::new();
        let said = format!("Welcome\n{}\nfirst output", words.ready);
        for split in 0..=said.len() {
            let mut opening = Opening::default();
            let first = opening.take(&words, &said.as_bytes()[..split]);
            let rest = &said.as_bytes()[split..];
            let besides = if let Opened::Ready(besides) = first {
                [&besides[..], rest].concat()
            } else if let Opened::Ready(besides) = opening.take(&words, rest) {
                besides
            } else {
                panic!("split at {split}: it is not found");
            };
            assert_eq!(besides, b"Welcome\nfirst output", "split at {split}");
        }
    }

    #[test]
    fn a_shell_that_never_comes_to_the_command_is_not_listened_to_for_ever() {
        let mut opening = Opening::default();
        assert_eq!(
            opening.take(&Words::new(), &vec![b'x'; NOISE_LIMIT + 1]),
            Opened::TooMuch
        );
    }

    #[test]
    fn errors_pass_whole_and_without_the_word_however_they_arrive() {
        let words = Words::new();
        for (said, own) in [
            (format!("why\n{}\n", words.own), true),
            (format!("{}\nConnection closed", words.own), true),
            (format!("why ringway-own-{}", "r".repeat(8)), false),
        ] {
            for split in 0..=said.len() {
                let mut errors = Errors::of(&words);
                let mut passed = errors.take(&said.as_bytes()[..split]);
                passed.extend(errors.take(&said.as_bytes()[split..]));
                passed.extend(errors.rest());
                let whole = said.replace(&format!("{}\n", words.own), "");
                assert_eq!(
                    String::from_utf8(passed).unwrap(),
                    whole,
                    "split at {split}"
                );
                assert_eq!(errors.is_own(), own);
            }
        }
    }

    /// What the wrapper does, in a shell of this machine.
    #[test]
    fn a_command_begins_only_when_it_is_told_to() {
        use std::io::Write as _;
        use std::process::{Command, Stdio};
        let run = |command: &str, input: &str| {
            let words = Words::new();
            let mut shell = Command::new("/bin/sh")
                .args(["-c", &words.wrap(command).unwrap()])
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()
                .unwrap();
            shell
                .stdin
                .take()
                .unwrap()
                .write_all(input.as_bytes())
                .unwrap();
            let output = shell.wait_with_output().unwrap();
            let mut errors = Errors::of(&words);
            errors.take(&output.stderr);
            let Opened::Ready(said) = Opening::default().take(&words, &output.stdout) else {
                panic!("it never said that it could begin");
            };
            (
                output.status.code(),
                String::from_utf8(said).unwrap(),
                errors.is_own(),
            )
        };
        assert_eq!(
            run("echo 'it''s'; cat", ""),
            (Some(255), String::new(), false)
        );
        assert_eq!(
            run("echo 'it''s'; cat", "go\nrest"),
            (Some(0), "its\nrest".to_owned(), false)
        );
        assert_eq!(run("exit 255", "go\n"), (Some(255), String::new(), true));
        assert_eq!(
            run("exec /bin/sh -s", "go\nkill -9 $$"),
            (Some(137), String::new(), false)
        );
    }
}
