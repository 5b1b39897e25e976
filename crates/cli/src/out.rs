//! The only place that prints: data on standard output, everything else on standard error.
//!
//! A reader that went away (`ringway journal | head`) is no error, and changes nothing of what a command does or how it
//! ends: one that only prints on and on asks whether somebody still reads. Colour follows the terminal and `NO_COLOR`.

use std::borrow::Cow;
use std::io::{self, IsTerminal, Write};
use std::sync::atomic::{AtomicU8, Ordering};

use serde::Serialize;

use crate::args::Output;
use crate::exit::End;

/// Where the command prints, and how.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Out {
    format: Output,
    observing: bool,
}

/// How it is with standard output: one of the values below.
static READER: AtomicU8 = AtomicU8::new(THERE);
/// Whatever was printed was taken.
const THERE: u8 = 0;
/// The reader went away, as `head` does.
const GONE: u8 = 1;
/// It could not be written for another reason: a full disk, say.
const FAILED: u8 = 2;

/// What every line begins with that tells of a run in which nothing is changed.
const OBSERVE: &str = "observe: ";

#[expect(
    clippy::unused_self,
    reason = "whoever may print has the value; what it prints on is not its choice"
)]
impl Out {
    /// Prints data in this format.
    pub(crate) const fn new(format: Output) -> Self {
        Self {
            format,
            observing: false,
        }
    }

    /// The same; where nothing is changed, every line for people says so.
    pub(crate) const fn observing(self, observing: bool) -> Self {
        Self { observing, ..self }
    }

    fn marked(self, text: &str) -> Cow<'_, str> {
        if !self.observing {
            return Cow::Borrowed(text);
        }
        let lines: Vec<String> = text
            .lines()
            .map(|line| format!("{OBSERVE}{line}"))
            .collect();
        Cow::Owned(lines.join("\n"))
    }

    /// How data is printed.
    pub(crate) const fn format(self) -> Output {
        self.format
    }

    /// Whether data is for people.
    pub(crate) fn is_text(self) -> bool {
        self.format == Output::Text
    }

    /// Whether standard output is a terminal that shows text.
    pub(crate) fn is_live(self) -> bool {
        self.format == Output::Text && io::stdout().is_terminal()
    }

    /// Prints text on standard output, with a newline at its end.
    pub(crate) fn text(self, text: &str) {
        self.print(&self.marked(text));
    }

    /// Prints what is read by other programs exactly as it is.
    pub(crate) fn raw(self, text: &str) {
        self.print(text);
    }

    /// Prints one value as JSON, whatever `--output` says.
    pub(crate) fn pretty<T: Serialize>(self, value: &T) {
        self.json(value, true);
    }

    fn print(self, text: &str) {
        let mut stdout = anstream::stdout().lock();
        let end = if text.ends_with('\n') { "" } else { "\n" };
        let written = write!(stdout, "{text}{end}").and_then(|()| stdout.flush());
        drop(stdout);
        let Err(error) = written else { return };
        let gone = error.kind() == io::ErrorKind::BrokenPipe;
        let before = READER.fetch_max(if gone { GONE } else { FAILED }, Ordering::Relaxed);
        if !gone && before != FAILED {
            self.say(&format!(
                "error: standard output cannot be written: {error}"
            ));
        }
    }

    /// Whether somebody may still read what is printed on standard output.
    pub(crate) fn is_read(self) -> bool {
        READER.load(Ordering::Relaxed) == THERE
    }

    /// How a command ends that would end like this: not well where its data could not be written.
    pub(crate) fn ended(self, end: End) -> End {
        if end == End::Done && READER.load(Ordering::Relaxed) == FAILED {
            End::Refused
        } else {
            end
        }
    }

    /// Shows text in the place of what is on the terminal.
    pub(crate) fn redraw(self, text: &str) {
        self.print(&format!("\x1b[H\x1b[2J{}", self.marked(text)));
    }

    /// Prints one value as data: pretty for `json`, on one line for `ndjson`; `text` gives it for people.
    pub(crate) fn value<T: Serialize>(self, value: &T, text: impl FnOnce(&T) -> String) {
        match self.format {
            Output::Text => self.text(&text(value)),
            Output::Json => self.json(value, true),
            Output::Ndjson => self.json(value, false),
        }
    }

    /// Prints values as data: an array for `json`, a line each for `ndjson` and text.
    pub(crate) fn values<T: Serialize>(self, values: &[T], text: impl Fn(&T) -> String) {
        match self.format {
            Output::Json => self.json(&values, true),
            Output::Ndjson => values.iter().for_each(|value| self.json(value, false)),
            Output::Text => values.iter().for_each(|value| self.text(&text(value))),
        }
    }

    fn json<T: Serialize>(self, value: &T, pretty: bool) {
        let text = if pretty {
            serde_json::to_string_pretty(value)
        } else {
            serde_json::to_string(value)
        };
        self.print(&text.expect("views have string keys and no failing serialisers"));
    }

    /// Says something on standard error.
    pub(crate) fn say(self, text: &str) {
        let mut stderr = anstream::stderr().lock();
        // Nobody listens any more: the work goes on all the same.
        drop(writeln!(stderr, "{}", self.marked(text)));
    }

    /// Asks on standard error and waits for a line, trimmed; `None` where no more come.
    pub(crate) fn ask(self, question: &str) -> Option<String> {
        let mut stderr = anstream::stderr();
        drop(write!(stderr, "{question} ").and_then(|()| stderr.flush()));
        let mut line = String::new();
        match io::stdin().read_line(&mut line) {
            Ok(0) | Err(_) => None,
            Ok(_) => Some(line.trim().to_owned()),
        }
    }

    /// Whether somebody is there who can be asked.
    pub(crate) fn can_ask(self) -> bool {
        io::stdin().is_terminal() && io::stderr().is_terminal()
    }
}
