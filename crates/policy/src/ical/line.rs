//! The lines of an iCalendar file: unfolded, and taken apart into name, parameters and value.

use crate::problem::{Code, Found, Report};
use crate::yaml::Place;

/// One property, with its place.
#[derive(Clone, Debug)]
pub(super) struct Line {
    /// Its name in upper case.
    pub(super) name: String,
    /// Parameters: the name in upper case, and the values as one text without quotes.
    params: Vec<(String, String)>,
    pub(super) value: String,
    /// All of it as written, unfolded.
    pub(super) text: String,
    /// Its first line in the file.
    pub(super) place: Place,
    /// Its value; its first line where the value is folded.
    pub(super) value_place: Place,
}

impl Line {
    pub(super) fn param(&self, name: &str) -> Option<&str> {
        let mut params = self.params.iter();
        params.find_map(|(key, value)| (key == name).then_some(value.as_str()))
    }

    pub(super) fn fail(
        &self,
        found: &mut Found,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) {
        found.report(Report::new(Code::BadCalendar, self.value_place, message).hint(hint));
    }
}

/// How an iCalendar file begins.
const BEGIN: &str = "BEGIN:VCALENDAR";
/// Lines that are no properties are told one by one up to here; a file with more of them is another kind of file.
const MAX_BAD: usize = 20;

/// All lines of a file; none where it is another kind of file. What is no property is a problem.
pub(super) fn lines(source: usize, text: &str, found: &mut Found) -> Option<Vec<Line>> {
    let mut lines = Vec::new();
    let mut open: Option<(usize, usize, String, bool)> = None;
    let (text, mut at) = text
        .strip_prefix('\u{feff}')
        .map_or((text, 0), |rest| (rest, 3));
    let begins = text.trim_start();
    let is_calendar = begins
        .get(..BEGIN.len())
        .is_some_and(|first| first.eq_ignore_ascii_case(BEGIN));
    if !is_calendar {
        let first = begins.lines().next().unwrap_or_default();
        // Where there is nothing but blanks, the file as a whole is meant.
        let blank = text.len() - begins.len();
        let start = at + if begins.is_empty() { 0 } else { blank };
        let place = Place {
            source,
            start,
            end: start + first.len(),
        };
        let report = Report::new(Code::BadCalendar, place, "this is no iCalendar file");
        found.report(report.hint("it begins with `BEGIN:VCALENDAR`; in most programs it is what is exported or subscribed to as `.ics`"));
        return None;
    }
    let before = found.reports.len();
    for raw in text.split_inclusive('\n') {
        let line = raw.trim_end_matches(['\r', '\n']);
        match (line.strip_prefix([' ', '\t']), &mut open) {
            (Some(more), Some((_, _, joined, folded))) => {
                joined.push_str(more);
                *folded = true;
            }
            (_, taken) => {
                finish(source, taken.take(), &mut lines, found);
                if !line.trim().is_empty() {
                    *taken = Some((at, at + line.len(), line.to_owned(), false));
                }
            }
        }
        at += raw.len();
        if found.reports.len() > before + MAX_BAD {
            return None;
        }
    }
    finish(source, open, &mut lines, found);
    Some(lines)
}

fn finish(
    source: usize,
    open: Option<(usize, usize, String, bool)>,
    lines: &mut Vec<Line>,
    found: &mut Found,
) {
    let Some((start, end, text, folded)) = open else {
        return;
    };
    let place = Place { source, start, end };
    if let Some(line) = line(&text, place, folded) {
        lines.push(line);
        return;
    }
    let message = "this line is no property of an iCalendar file";
    let hint = "each line is `NAME:value`; a long one goes on after a space";
    found.report(Report::new(Code::BadCalendar, place, message).hint(hint));
}

fn line(text: &str, place: Place, folded: bool) -> Option<Line> {
    let name_end = text.find([';', ':'])?;
    let name = &text[..name_end];
    let is_word = |word: &str| {
        !word.is_empty() && word.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
    };
    if !is_word(name) {
        return None;
    }
    let mut params = Vec::new();
    let mut at = name_end;
    while text[at..].starts_with(';') {
        let equals = at + text[at..].find('=')?;
        let key = &text[at + 1..equals];
        if !is_word(key) {
            return None;
        }
        let mut quoted = false;
        let length = text[equals + 1..].find(|c: char| {
            quoted ^= c == '"';
            !quoted && matches!(c, ';' | ':')
        })?;
        let end = equals + 1 + length;
        let value = text[equals + 1..end].replace('"', "");
        params.push((key.to_ascii_uppercase(), value));
        at = end;
    }
    let value = text.get(at + 1..)?;
    let value_place = if folded {
        place
    } else {
        Place {
            start: place.start + at + 1,
            ..place
        }
    };
    Some(Line {
        name: name.to_ascii_uppercase(),
        params,
        value: value.to_owned(),
        text: text.to_owned(),
        place,
        value_place,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (Vec<Line>, usize) {
        let mut found = Found::default();
        let lines = lines(0, text, &mut found).unwrap_or_default();
        (lines, found.reports.len())
    }

    #[test]
    fn lines_are_unfolded_and_taken_apart() {
        let text = "\u{feff}begin:vcalendar\nsummary:Two\r\n  words, and\r\n\t more\r\n\r\nDTSTART;TZID=\"Europe/Berlin\";X-A=b,c:2026:x\n";
        let (lines, problems) = read(text);
        assert_eq!(problems, 0);
        assert_eq!(
            (lines[1].name.as_str(), lines[1].value.as_str()),
            ("SUMMARY", "Two words, and more")
        );
        assert_eq!(lines[2].param("TZID"), Some("Europe/Berlin"));
        assert_eq!(lines[2].param("X-A"), Some("b,c"));
        assert_eq!(lines[2].value, "2026:x");
        let place = lines[2].value_place;
        assert_eq!(&text[place.start..place.end], "2026:x");
    }

    #[test]
    fn what_is_no_property_is_counted() {
        let (lines, problems) = read(
            "BEGIN:VCALENDAR\nhello\nA;B:c\nA;=x:c\n:x\n;A=b:c\nA;B=\"c:d\nA;B=c\né:x\n x\nOK:\n",
        );
        assert_eq!((lines.len(), problems), (2, 8));
        assert_eq!(read("<html>\n<p>").1, 1);
        assert!(read(&format!("BEGIN:VCALENDAR\n{}", "x\n".repeat(1000))).1 < 25);
    }
}
