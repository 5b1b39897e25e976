//! What the script says: its answers, what became of a step, and how both are found in a stream of bytes.
//!
//! A line of the script is `ringway: WORD ...`, alone on its line. Whatever a login shell prints around it is passed
//! over. What a step printed stands behind its length, so that nothing in it is ever taken for a line of the script.

/// What the script decided, in one line.
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
    /// The host belongs to this other database of the fleet, from which this one may not take it over.
    Foreign(u64),
    /// The host's root belongs to this other fleet.
    ForeignFleet(String),
    /// So many run directories were taken away.
    Tidied(usize),
    /// The envelope itself does not work here, or said nothing that makes sense: why. Nothing has begun by it.
    Cannot(String),
}

impl Answer {
    /// Reads what the script printed. Lines that are not the script's (of a login shell, say) are passed over.
    pub fn read(printed: &str) -> Self {
        printed
            .lines()
            .rev()
            .find_map(|line| line.strip_prefix(MARK))
            .map_or_else(|| Self::none(printed), Self::parse)
    }

    /// No answer at all: what was printed instead is the reason.
    fn none(printed: &str) -> Self {
        let why = printed.trim();
        Self::Cannot(if why.is_empty() {
            "it ended without an answer".to_owned()
        } else {
            why.to_owned()
        })
    }

    /// Reads one line without its mark.
    fn parse(answer: &str) -> Self {
        let (word, rest) = answer.split_once(' ').unwrap_or((answer, ""));
        match (word, rest.parse()) {
            ("accepted", _) => Self::Accepted,
            ("exists", _) => Self::Exists,
            ("begun", _) => Self::Begun,
            ("never", _) => Self::Never,
            ("busy", _) => Self::Busy(rest.to_owned()),
            ("fenced", Ok(seen)) => Self::Fenced(seen),
            ("foreign", Ok(incarnation)) => Self::Foreign(incarnation),
            ("foreign-fleet", _) => Self::ForeignFleet(super::word::decode(rest)),
            ("tidied", Ok(removed)) => Self::Tidied(usize::try_from(removed).unwrap_or(usize::MAX)),
            ("cannot", _) => Self::Cannot(format!("it cannot {rest}")),
            _ => Self::Cannot(format!("it answered `{answer}`")),
        }
    }
}

/// How a step, or a question, is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// By itself.
    Ended,
    /// Its time was over.
    Late,
    /// It began, does not run any more, and nobody wrote down how it ended.
    Interrupted,
}

/// What became of a step, or of a question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// How it is over.
    pub how: How,
    /// The exit code as a shell gives it: 128 + n where signal n ended it. Says nothing where it was interrupted.
    pub code: i32,
    /// How many bytes it printed before `output`.
    pub dropped: u64,
    /// The end of what it printed.
    pub output: Vec<u8>,
}

impl Outcome {
    /// Reads `ended|late|interrupted CODE DROPPED LENGTH`, without the mark: what is known before the output, and how
    /// many bytes of it follow. Nothing, where the line is no such line.
    pub fn parse(line: &str) -> Option<(Self, u64)> {
        let mut words = line.split(' ');
        let how = match words.next()? {
            "ended" => How::Ended,
            "late" => How::Late,
            "interrupted" => How::Interrupted,
            _ => return None,
        };
        let code = words.next()?.parse().ok()?;
        let dropped = words.next()?.parse().ok()?;
        let length = words.next()?.parse().ok()?;
        let outcome = Self {
            how,
            code,
            dropped,
            output: Vec::new(),
        };
        words.next().is_none().then_some((outcome, length))
    }

    /// The output as text; how many bytes are missing before it is said in its first line.
    pub fn text(&self) -> String {
        crate::run_directory::bounded(&self.output, self.dropped)
    }
}

/// What every line of the script begins with.
const MARK: &str = "ringway: ";

/// A longer line is none of the script's; no more of it is kept.
const LINE_LIMIT: usize = 8 * 1024;

/// How much is kept of what is not the script's: enough to show why it did not run.
const NOISE_LIMIT: usize = 2 * 1024;

/// Something the script said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// An answer. After `Accepted` a step that follows says one more thing: `Never`, or how it ended.
    Answer(Answer),
    /// What became of the step. Nothing comes after it.
    Outcome(Outcome),
}

/// Finds what the script says in what arrives, however it is cut into pieces.
#[derive(Debug)]
pub struct Reader {
    limit: usize,
    line: Vec<u8>,
    noise: Vec<u8>,
    output: Option<(Outcome, u64)>,
    answered: bool,
    over: bool,
}

impl Reader {
    /// One that keeps no more than `limit` bytes of a step's output, whatever the host claims.
    pub fn new(limit: usize) -> Self {
        Self {
            limit,
            line: Vec::new(),
            noise: Vec::new(),
            output: None,
            answered: false,
            over: false,
        }
    }

    /// Takes what has arrived on the script's standard output, and gives what is complete with it, in order.
    pub fn feed(&mut self, mut bytes: &[u8]) -> Vec<Event> {
        let mut events = Vec::new();
        while !bytes.is_empty() && !self.over {
            if self.output.is_some() {
                bytes = self.feed_output(bytes);
            } else if let Some(end) = bytes.iter().position(|byte| *byte == b'\n') {
                self.push(&bytes[..end]);
                bytes = &bytes[end + 1..];
                events.extend(self.end_line().map(Event::Answer));
            } else {
                self.push(bytes);
                bytes = &[];
            }
            if let Some((outcome, _)) = self.output.take_if(|(_, left)| *left == 0) {
                self.over = true;
                events.push(Event::Outcome(outcome));
            }
        }
        events
    }

    /// What the end of the stream says where the script said nothing: why it did not run, as far as that was printed.
    /// Nothing where it has answered, for how the step goes on is not known then.
    pub fn unanswered(&self) -> Option<Answer> {
        if self.answered || self.over {
            return None;
        }
        let mut noise = self.noise.clone();
        noise.extend_from_slice(&self.line);
        Some(Answer::none(&String::from_utf8_lossy(&noise)))
    }

    fn push(&mut self, part: &[u8]) {
        let room = LINE_LIMIT.saturating_sub(self.line.len());
        self.line.extend_from_slice(&part[..part.len().min(room)]);
    }

    fn end_line(&mut self) -> Option<Answer> {
        let line = std::mem::take(&mut self.line);
        // A terminal in between would put a carriage return there.
        let text = String::from_utf8_lossy(line.strip_suffix(b"\r").unwrap_or(&line));
        let Some(said) = text.strip_prefix(MARK) else {
            self.noise.extend_from_slice(&line);
            self.noise.push(b'\n');
            let excess = self.noise.len().saturating_sub(NOISE_LIMIT);
            self.noise.drain(..excess);
            return None;
        };
        if let Some(outcome) = Outcome::parse(said) {
            self.output = Some(outcome);
            return None;
        }
        self.answered = true;
        Some(Answer::parse(said))
    }

    fn feed_output<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        let Some((outcome, left)) = &mut self.output else {
            return bytes;
        };
        let here = usize::try_from(*left).map_or(bytes.len(), |left| left.min(bytes.len()));
        outcome.output.extend_from_slice(&bytes[..here]);
        *left -= here as u64;
        let excess = outcome.output.len().saturating_sub(self.limit);
        outcome.output.drain(..excess);
        outcome.dropped = outcome.dropped.saturating_add(excess as u64);
        &bytes[here..]
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
            ("ringway: foreign 9\n", Answer::Foreign(9)),
            (
                "ringway: foreign-fleet caf%c3%a9\n",
                Answer::ForeignFleet("café".to_owned()),
            ),
            ("ringway: tidied 3\n", Answer::Tidied(3)),
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

    fn outcome(how: How, code: i32, dropped: u64, output: &[u8]) -> Event {
        Event::Outcome(Outcome {
            how,
            code,
            dropped,
            output: output.to_vec(),
        })
    }

    /// What a step printed must never end the reading early, begin it late, or be taken for an answer.
    #[test]
    fn a_stream_says_the_same_however_it_is_cut() {
        let output = b"ringway: ended 0 0 4\nringway: never\n\xff\0 end";
        let mut stream = b"Welcome to ringway: accepted\n\nringway: accepted\r\n".to_vec();
        stream.extend(format!("\nringway: late -3 7 {}\n", output.len()).bytes());
        stream.extend_from_slice(output);
        stream.extend_from_slice(b"\nringway: ended 1 0 0\n");
        let expected = [
            Event::Answer(Answer::Accepted),
            outcome(How::Late, -3, 7, output),
        ];
        for first in 0..=stream.len() {
            for second in [
                first,
                first + 1,
                usize::midpoint(first, stream.len()),
                stream.len(),
            ] {
                let second = second.min(stream.len());
                let mut reader = Reader::new(1000);
                let mut events = reader.feed(&stream[..first]);
                events.extend(reader.feed(&stream[first..second]));
                events.extend(reader.feed(&stream[second..]));
                assert_eq!(events, expected, "cut at {first} and {second}");
                assert_eq!(reader.unanswered(), None);
            }
        }
    }

    #[test]
    fn an_outcome_without_output_is_there_with_its_line() {
        let mut reader = Reader::new(10);
        assert_eq!(
            reader.feed(b"ringway: begun\nringway: interrupted 0 0 0"),
            [Event::Answer(Answer::Begun)]
        );
        assert_eq!(reader.feed(b"\n"), [outcome(How::Interrupted, 0, 0, b"")]);
    }

    #[test]
    fn no_host_makes_a_reader_keep_more_than_its_limit() {
        let mut reader = Reader::new(4);
        assert_eq!(
            reader.feed(b"ringway: ended 0 5 9\n123456789"),
            [outcome(How::Ended, 0, 10, b"6789")]
        );
        let mut reader = Reader::new(4);
        let claim = format!("ringway: ended 0 0 {}\n", u64::MAX);
        assert_eq!(reader.feed(claim.as_bytes()), []);
        for _ in 0..100 {
            assert_eq!(reader.feed(&[b'x'; 1000]), []);
        }
        assert_eq!(reader.output.as_ref().unwrap().0.output, b"xxxx");
        let mut reader = Reader::new(4);
        for _ in 0..100 {
            assert_eq!(reader.feed(&[b'x'; 1000]), []);
            assert_eq!(reader.feed(b"\nring"), []);
        }
        assert!(reader.line.len() <= LINE_LIMIT);
        assert!(reader.noise.len() <= NOISE_LIMIT);
    }

    #[test]
    fn a_script_that_did_not_run_is_told_by_what_was_printed_instead() {
        let mut reader = Reader::new(10);
        assert_eq!(
            reader.unanswered(),
            Some(Answer::Cannot("it ended without an answer".to_owned()))
        );
        reader.feed(b"Welcome\nsh: not found");
        assert_eq!(
            reader.unanswered(),
            Some(Answer::Cannot("Welcome\nsh: not found".to_owned()))
        );
        reader.feed(b"\nringway: never\n");
        assert_eq!(reader.unanswered(), None);
    }

    #[test]
    fn only_whole_lines_tell_an_outcome() {
        for line in [
            "",
            "ended",
            "ended 0",
            "ended 0 0",
            "ended x 0 0",
            "ended 0 0 0 0",
            "ended 0 0 -1",
            "over 0 0 0",
            "ended  0 0 0",
        ] {
            assert_eq!(Outcome::parse(line), None, "{line:?}");
        }
        let (outcome, length) = Outcome::parse("ended 3 4 5").unwrap();
        assert_eq!((outcome.code, outcome.dropped, length), (3, 4, 5));
    }
}
