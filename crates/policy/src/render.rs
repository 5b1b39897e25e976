//! Problems as people see them: bytes to lines and columns, snippets with carets, one report.
//!
//! Decides only the look. A text from a document is shown with its control characters escaped, so it can never pass
//! for a line of ours or move a terminal's cursor.

use std::borrow::Cow;
use std::fmt;

use crate::hidden;
use crate::problem::{Found, LINE, Problem, Problems, Report, Snippet};
use crate::read::Kind;
use crate::yaml::Place;

/// The widest snippet, in characters: a line of a terminal less the margin.
const WIDTH: usize = 100;
/// How many problems of one source are printed; the rest are counted. Nobody mends more than that at once, and the
/// list for machines has them all.
const SHOWN: usize = 50;

/// A source as problems are located in it.
#[derive(Debug)]
pub(crate) struct Located<'s> {
    pub(crate) name: Cow<'s, str>,
    pub(crate) text: &'s str,
    /// The kinds of its documents with the byte each begins at.
    pub(crate) kinds: Vec<(usize, Kind)>,
}

/// Everything found, in order of source and place, with lines and columns.
pub(crate) fn locate(found: Found, sources: &[Located<'_>]) -> Problems {
    let mut reports = found.reports;
    reports.sort_by(|a, b| {
        let key = |r: &Report| (r.place.source, r.place.start);
        key(a).cmp(&key(b))
    });
    let lines: Vec<Lines<'_>> = sources
        .iter()
        .map(|source| Lines::of(source.text))
        .collect();
    let mut problems: Vec<Problem> = Vec::with_capacity(reports.len());
    for report in reports {
        let problem = locate_one(report, sources, &lines);
        if problems.last() != Some(&problem) {
            problems.push(problem);
        }
    }
    Problems {
        problems,
        omitted: found.omitted,
    }
}

fn locate_one(report: Report, sources: &[Located<'_>], lines: &[Lines<'_>]) -> Problem {
    let place = report.place;
    let source = &sources[place.source];
    let (line, column) = lines[place.source].position(place.start);
    let mut message = String::with_capacity(report.message.len());
    let mut also = report.also.iter();
    for c in report.message.chars() {
        match also.as_slice().first().filter(|_| c == LINE) {
            Some(other) => {
                also.next();
                let (line, _) = lines[other.source].position(other.start);
                if other.source == place.source {
                    message.push_str("in line ");
                    message.push_str(&line.to_string());
                } else {
                    let name = escaped(&sources[other.source].name);
                    message.extend(["in `", &name, "`, line ", &line.to_string()]);
                }
            }
            None => push_escaped(&mut message, c),
        }
    }
    let kind = source
        .kinds
        .iter()
        .rev()
        .find(|(start, _)| *start <= place.start);
    let whole = source.text.is_empty();
    Problem {
        source: escaped(&source.name),
        document: kind.map(|(_, kind)| kind.word()),
        line: if whole { 0 } else { line },
        column: if whole { 0 } else { column },
        span: place.start..place.end,
        message,
        hint: report.hint.map(|hint| escaped(&hint)),
        code: report.code,
        snippet: (report.snippet && !whole)
            .then(|| lines[place.source].snippet(place.start, place.end)),
    }
}

fn push_escaped(out: &mut String, c: char) {
    if c.is_control()
        || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    {
        out.extend(c.escape_default());
    } else {
        out.push(c);
    }
}

pub(crate) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    text.chars().for_each(|c| push_escaped(&mut out, c));
    out
}

/// Where the lines of a text begin.
pub(crate) struct Lines<'s> {
    text: &'s str,
    starts: Vec<usize>,
}

impl<'s> Lines<'s> {
    pub(crate) fn of(text: &'s str) -> Self {
        let after = text
            .bytes()
            .enumerate()
            .filter(|(_, b)| *b == b'\n')
            .map(|(i, _)| i + 1);
        Self {
            text,
            starts: std::iter::once(0).chain(after).collect(),
        }
    }

    /// Line and column, both from 1, the column in characters.
    pub(crate) fn position(&self, at: usize) -> (usize, usize) {
        let line = self.starts.partition_point(|&start| start <= at).max(1);
        let start = self.starts[line - 1];
        let before = self.text.get(start..at).unwrap_or("");
        (
            line,
            before.trim_start_matches('\u{feff}').chars().count() + 1,
        )
    }

    pub(crate) fn snippet(&self, start: usize, end: usize) -> Snippet {
        let (line, column) = self.position(start);
        let from = self.starts[line - 1];
        let to = self
            .starts
            .get(line)
            .map_or(self.text.len(), |next| next - 1);
        let text = self.text.get(from..to).unwrap_or("");
        let text = text.trim_start_matches('\u{feff}').trim_end_matches('\r');
        let marked = self
            .text
            .get(start..end.min(to))
            .unwrap_or("")
            .trim_end()
            .chars()
            .count();
        let (mut before, mut marked) = (column - 1, marked.max(1));
        let hidden = hidden::line(text, self.text.get(..from).unwrap_or(""));
        let text = hidden.as_ref().map_or(text, |hidden| hidden.text.as_str());
        let length = text.chars().count();
        if let Some(hidden) = &hidden
            && before + marked > hidden.from
        {
            before = before.min(hidden.from);
            marked = length - before;
        }
        // A window around the place when the line is long: its beginning is worth most, so it is cut last.
        let skip = if length > WIDTH && before + marked.min(WIDTH / 2) > WIDTH {
            before.saturating_sub(WIDTH / 3)
        } else {
            0
        };
        let mut shown = String::new();
        if skip > 0 {
            shown.push_str("...");
            before = before - skip + 3;
        }
        // One character for each, so that the carets stand under what they mean.
        let plain = |c: char| if c.is_control() { ' ' } else { c };
        shown.extend(text.chars().skip(skip).take(WIDTH).map(plain));
        if length > skip + WIDTH {
            shown.push_str("...");
        }
        let marked = marked.min((shown.chars().count() + 1).saturating_sub(before).max(1));
        Snippet {
            text: shown,
            before,
            marked,
        }
    }
}

/// Where a place is, in words.
pub(crate) fn place_in_words(place: Place, sources: &[Located<'_>]) -> String {
    let source = &sources[place.source];
    let (line, _) = Lines::of(source.text).position(place.start);
    format!("`{}`, line {line}", escaped(&source.name))
}

/// How any place is called for short: `cmdb.csv:14`.
pub(crate) fn places(sources: &[Located<'_>]) -> impl Fn(Place) -> String {
    let lines: Vec<Lines<'_>> = sources
        .iter()
        .map(|source| Lines::of(source.text))
        .collect();
    move |place| {
        let (line, _) = lines[place.source].position(place.start);
        format!("{}:{line}", escaped(&sources[place.source].name))
    }
}

/// The report: a head line per source, then its problems.
pub(crate) fn problems(problems: &Problems, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let of_sources = problems.problems.chunk_by(|a, b| a.source == b.source);
    for (i, of_source) in of_sources.enumerate() {
        if i > 0 {
            writeln!(f)?;
        }
        let first = &of_source[0];
        let kind = match first.document {
            Some(kind) if of_source.iter().all(|p| p.document == Some(kind)) => kind,
            _ => "file",
        };
        let count = of_source.len();
        let plural = if count == 1 { "" } else { "s" };
        writeln!(
            f,
            "error: {kind} `{}` has {count} problem{plural}",
            first.source
        )?;
        for problem in of_source.iter().take(SHOWN) {
            one(problem, f)?;
        }
        if count > SHOWN {
            writeln!(f, "\n  ... and {} more", count - SHOWN)?;
        }
    }
    if problems.omitted > 0 {
        writeln!(f, "\n{} more problems are not listed", problems.omitted)?;
    }
    Ok(())
}

fn one(problem: &Problem, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let position = (problem.line > 0).then_some((problem.line, problem.column));
    let (snippet, hint) = (problem.snippet.as_ref(), problem.hint.as_deref());
    write!(f, "{}", said(position, &problem.message, snippet, hint))
}

/// One thing that is said: line and column, what, the line with carets, a hint. An empty line stands before it.
pub(crate) fn said<'t>(
    position: Option<(usize, usize)>,
    message: &'t str,
    snippet: Option<&'t Snippet>,
    hint: Option<&'t str>,
) -> impl fmt::Display + 't {
    fmt::from_fn(move |f| {
        writeln!(f)?;
        match position {
            Some((line, column)) => writeln!(f, "  {line}:{column}  {message}")?,
            None => writeln!(f, "  {message}")?,
        }
        if let Some(snippet) = snippet {
            let number = position.map_or_else(String::new, |(line, _)| line.to_string());
            let margin = " ".repeat(number.len().max(4) + 1);
            writeln!(f, "{margin}|")?;
            writeln!(f, "{number:>4} | {}", snippet.text)?;
            let (before, carets) = (" ".repeat(snippet.before), "^".repeat(snippet.marked));
            writeln!(f, "{margin}| {before}{carets}")?;
        }
        match hint {
            Some(hint) => writeln!(f, "  hint: {hint}"),
            None => Ok(()),
        }
    })
}
