//! Tables as RFC 4180 writes them, to lines of cells with their places.
//!
//! Stricter than most readers: a quote inside of a cell that does not begin with one, or text after the quote that ends a
//! cell, is said and not guessed at, since a cell that swallows its neighbours gives a host the labels of another. Ends of
//! lines may be those of any system; a byte order mark and empty lines are passed over; space around a cell is no part of it.

use std::borrow::Cow;

/// A cell. The place is that of all of it, quotes included.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Cell<'t> {
    pub(super) text: Cow<'t, str>,
    pub(super) start: usize,
    pub(super) end: usize,
}

/// Something that is no table, and where.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct NotCsv {
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) message: &'static str,
    pub(super) hint: &'static str,
}

/// The lines of a table, one after the other.
pub(super) struct Lines<'t> {
    text: &'t str,
    at: usize,
    delimiter: char,
}

impl<'t> Lines<'t> {
    pub(super) fn of(text: &'t str, delimiter: char) -> Self {
        let at = if text.starts_with('\u{feff}') { 3 } else { 0 };
        Self {
            text,
            at,
            delimiter,
        }
    }

    fn rest(&self) -> &'t str {
        &self.text[self.at..]
    }

    /// The next line that is not empty, or what is wrong with it. Nothing can be said of what follows a wrong one.
    pub(super) fn line(&mut self) -> Option<Result<Vec<Cell<'t>>, NotCsv>> {
        loop {
            let skipped = self.rest().len() - self.rest().trim_start_matches(['\r', '\n']).len();
            self.at += skipped;
            if self.rest().is_empty() {
                return None;
            }
            let mut cells = Vec::new();
            loop {
                match self.cell() {
                    Ok(cell) => cells.push(cell),
                    Err(wrong) => {
                        self.at = self.text.len();
                        return Some(Err(wrong));
                    }
                }
                match self.rest().chars().next() {
                    Some(c) if c == self.delimiter => self.at += c.len_utf8(),
                    Some(_) | None => break,
                }
            }
            let is_blank = cells.len() == 1 && cells[0].text.is_empty();
            if !is_blank {
                return Some(Ok(cells));
            }
        }
    }

    /// A cell, to the delimiter or the end of the line after it.
    fn cell(&mut self) -> Result<Cell<'t>, NotCsv> {
        let delimiter = self.delimiter;
        let is_space = |c: char| c != delimiter && matches!(c, ' ' | '\t');
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start_matches(is_space).len();
        let start = self.at;
        let rest = self.rest();
        if rest.starts_with('"') {
            return self.quoted(start, is_space);
        }
        let end = rest.find([delimiter, '\r', '\n']).unwrap_or(rest.len());
        let text = rest[..end].trim_end();
        self.at += end;
        if let Some(at) = text.find('"') {
            return Err(NotCsv {
                start: start + at,
                end: start + at + 1,
                message: "a quote stands inside of a cell that does not begin with one",
                hint: "put the whole cell into quotes, and write each quote in it twice",
            });
        }
        Ok(Cell {
            text: Cow::Borrowed(text),
            start,
            end: start + text.len(),
        })
    }

    fn quoted(
        &mut self,
        start: usize,
        is_space: impl Fn(char) -> bool,
    ) -> Result<Cell<'t>, NotCsv> {
        let rest = self.rest();
        let (mut text, mut at) = (String::new(), 1);
        let end = loop {
            let Some(quote) = rest[at..].find('"').map(|found| at + found) else {
                return Err(NotCsv {
                    start,
                    end: start + 1,
                    message: "a quote is never closed",
                    hint: "close it at the end of the cell; a quote in a cell is written twice",
                });
            };
            text.push_str(&rest[at..quote]);
            at = quote + 1;
            if !rest[at..].starts_with('"') {
                break at;
            }
            text.push('"');
            at += 1;
        };
        let after = rest[end..].trim_start_matches(is_space);
        self.at += rest.len() - after.len();
        let ends = after.is_empty() || after.starts_with([self.delimiter, '\r', '\n']);
        if !ends {
            return Err(NotCsv {
                start: self.at,
                end: self.at + after.chars().next().map_or(0, char::len_utf8),
                message: "text follows the quote that ends a cell",
                hint: "a quote in a cell is written twice: `\"a \"\"b\"\" c\"`",
            });
        }
        let trimmed = text.trim();
        let text = if trimmed.len() == text.len() {
            text
        } else {
            trimmed.to_owned()
        };
        Ok(Cell {
            text: Cow::Owned(text),
            start,
            end: start + end,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str, delimiter: char) -> Result<Vec<Vec<String>>, NotCsv> {
        let mut lines = Lines::of(text, delimiter);
        let mut all = Vec::new();
        while let Some(line) = lines.line() {
            let cells = line?.into_iter().map(|cell| cell.text.into_owned());
            all.push(cells.collect());
        }
        Ok(all)
    }

    #[test]
    fn tables_are_read_as_they_are_written_everywhere() {
        for (text, delimiter, lines) in [
            ("a,b\n1,2\n", ',', vec![vec!["a", "b"], vec!["1", "2"]]),
            ("a,b\r\n1,\r\n", ',', vec![vec!["a", "b"], vec!["1", ""]]),
            ("a,b\r1,2", ',', vec![vec!["a", "b"], vec!["1", "2"]]),
            (
                "\u{feff}a;b\n\n\n1;2",
                ';',
                vec![vec!["a", "b"], vec!["1", "2"]],
            ),
            ("\"a,b\",\"c\"\"d\"\n", ',', vec![vec!["a,b", "c\"d"]]),
            ("\"a\nb\" , c \n", ',', vec![vec!["a\nb", "c"]]),
            ("a\tb\n\t\n", '\t', vec![vec!["a", "b"], vec!["", ""]]),
            ("  \n,\n", ',', vec![vec!["", ""]]),
            ("", ',', vec![]),
            ("\"\"", ',', vec![]),
        ] {
            let lines: Vec<Vec<String>> = lines
                .into_iter()
                .map(|line| line.into_iter().map(str::to_owned).collect())
                .collect();
            assert_eq!(read(text, delimiter), Ok(lines), "{text:?}");
        }
    }

    /// A reader that guesses here gives a host the cells of its neighbours.
    #[test]
    fn what_is_no_table_is_said_in_its_place() {
        for (text, start, words) in [
            ("a,b\n\"1,2\n3,4\n", 4, "never closed"),
            ("a,\"b\"c\n", 5, "follows the quote"),
            ("a,b\"c\n", 3, "inside of a cell"),
        ] {
            let wrong = read(text, ',').unwrap_err();
            assert_eq!(wrong.start, start, "{text:?}");
            assert!(wrong.message.contains(words), "{wrong:?}");
        }
    }

    proptest! {
        /// Whatever stands in cells, what was written is what is read, but for space around it.
        #[test]
        fn what_is_written_is_read(
            table in proptest::collection::vec(proptest::collection::vec("[a-c,;\" \n\r\u{e9}]{0,6}", 2..4), 1..5),
            semicolon: bool,
        ) {
            let delimiter = if semicolon { ';' } else { ',' };
            let mut text = String::new();
            for line in &table {
                let cells: Vec<String> = line.iter().map(|cell| format!("\"{}\"", cell.replace('"', "\"\""))).collect();
                text.push_str(&cells.join(&delimiter.to_string()));
                text.push_str("\r\n");
            }
            let expected: Vec<Vec<String>> = table.iter().map(|line| line.iter().map(|cell| cell.trim().to_owned()).collect()).collect();
            prop_assert_eq!(read(&text, delimiter), Ok(expected));
        }

        #[test]
        fn whatever_comes_is_read_or_refused_at_a_place_in_it(text in "[a,;\" \n\r\u{e9}\u{feff}]{0,40}") {
            if let Err(wrong) = read(&text, ',') {
                prop_assert!(text.is_char_boundary(wrong.start) && text.is_char_boundary(wrong.end));
                prop_assert!(wrong.start <= wrong.end && wrong.end <= text.len());
            }
        }
    }
}
