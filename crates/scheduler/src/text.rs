//! Plain text of a bounded width: keys on the left, wrapped values on the right.

use crate::words::push;

/// Columns a line has at the most.
pub(crate) const WIDTH: usize = 100;

/// Where values begin.
const VALUES: usize = 13;

/// Columns a key has at the most; one that is longer than usual moves the first line of its value.
const KEY: usize = 40;

/// Text that grows line by line.
#[derive(Default)]
pub(crate) struct Text {
    out: String,
}

impl Text {
    pub(crate) fn finish(self) -> String {
        self.out
    }

    /// A line of its own at the left edge, after an empty one unless it is the first.
    pub(crate) fn heading(&mut self, text: &str) {
        if !self.out.is_empty() {
            self.out.push('\n');
        }
        self.wrapped("", 0, text);
    }

    /// A key and its value; an empty key continues the one before.
    pub(crate) fn entry(&mut self, key: &str, value: &str) {
        let key = cut(key, KEY);
        let gap = if key.chars().count() < VALUES - 2 {
            ""
        } else {
            " "
        };
        self.wrapped(
            &format!("  {key:<width$}{gap}", width = VALUES - 2),
            VALUES,
            value,
        );
    }

    /// A line behind a mark, wrapped lines below its text.
    pub(crate) fn item(&mut self, mark: &str, text: &str) {
        self.wrapped(&format!("  {mark}"), mark.len() + 2, text);
    }

    /// Cells padded to their widths: the first to the left, numbers to the right, the last as it is.
    pub(crate) fn row(
        &mut self,
        name: &str,
        name_width: usize,
        numbers: &[(String, usize)],
        last: &str,
    ) {
        let mut line = format!("  {:<name_width$}", cut(name, name_width));
        for (number, width) in numbers {
            push(&mut line, format_args!("  {number:>width$}"));
        }
        line.push_str("  ");
        line.push_str(last);
        self.push(line.trim_end());
    }

    fn wrapped(&mut self, first: &str, indent: usize, text: &str) {
        let mut line = first.to_owned();
        let mut is_fresh = true;
        for word in text
            .split(' ')
            .flat_map(|word| chunks(word, WIDTH - indent))
        {
            let length = line.chars().count() + word.chars().count();
            if !is_fresh && length + 1 > WIDTH {
                self.push(line.trim_end());
                line = " ".repeat(indent);
                is_fresh = true;
            }
            if !is_fresh {
                line.push(' ');
            }
            line.push_str(word);
            is_fresh = false;
        }
        self.push(line.trim_end());
    }

    fn push(&mut self, line: &str) {
        self.out.push_str(line);
        self.out.push('\n');
    }
}

/// A text of at most `width` columns.
pub(crate) fn cut(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    let kept: String = text.chars().take(width.saturating_sub(3)).collect();
    format!("{kept}...")
}

/// A word in pieces that fit.
fn chunks(word: &str, width: usize) -> impl Iterator<Item = &str> {
    let mut rest = Some(word);
    std::iter::from_fn(move || {
        let text = rest.take()?;
        match text.char_indices().nth(width) {
            Some((at, _)) => {
                let (piece, more) = text.split_at(at);
                rest = Some(more);
                Some(piece)
            }
            None => Some(text),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_line_is_wider_than_said_whatever_is_in_it() {
        let mut text = Text::default();
        text.heading(&"word ".repeat(60));
        text.entry("key", &format!("{} {}", "x".repeat(300), "ä".repeat(99)));
        text.item("! ", &"ab ".repeat(100));
        text.entry("a-key-that-is-long", "its value");
        assert!(
            text.out.contains("  a-key-that-is-long its value\n"),
            "{}",
            text.out
        );
        text.row(&"n".repeat(80), 40, &[("1".to_owned(), 5)], "last");
        let text = text.finish();
        assert!(
            text.lines().all(|line| line.chars().count() <= WIDTH),
            "{text}"
        );
        assert_eq!(text.matches('x').count(), 300);
        assert_eq!(text.matches('ä').count(), 99);
    }
}
