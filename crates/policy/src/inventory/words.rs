//! A line split as a POSIX shell splits it, which is how INI inventories and options of `ssh` are written.

/// The words of a line; with `comments`, `#` ends it wherever it stands outside of quotes.
pub(crate) fn split(line: &str, comments: bool) -> Result<Vec<String>, &'static str> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        match c {
            c if c.is_whitespace() => words.extend(word.take()),
            '#' if comments => break,
            '\'' => {
                let word = word.get_or_insert_default();
                loop {
                    match chars.next() {
                        Some('\'') => break,
                        Some(c) => word.push(c),
                        None => return Err("a quote is never closed"),
                    }
                }
            }
            '"' => {
                let word = word.get_or_insert_default();
                loop {
                    match chars.next() {
                        Some('"') => break,
                        Some('\\') => match chars.next() {
                            Some(c @ ('"' | '\\')) => word.push(c),
                            Some(c) => word.extend(['\\', c]),
                            None => return Err("a quote is never closed"),
                        },
                        Some(c) => word.push(c),
                        None => return Err("a quote is never closed"),
                    }
                }
            }
            '\\' => match chars.next() {
                Some(c) => word.get_or_insert_default().push(c),
                None => return Err("there is nothing after the backslash"),
            },
            c => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    Ok(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_those_of_a_shell() {
        for (line, words) in [
            ("web-1 a=b  c=d", Ok(vec!["web-1", "a=b", "c=d"])),
            (
                "a='b c' d=\"e \\\"f\\\" \\g\"",
                Ok(vec!["a=b c", "d=e \"f\" \\g"]),
            ),
            ("a\\ b", Ok(vec!["a b"])),
            ("a=''", Ok(vec!["a="])),
            ("a # b", Ok(vec!["a"])),
            ("c=#fff", Ok(vec!["c="])),
            ("a='#'", Ok(vec!["a=#"])),
            ("a='b", Err("a quote is never closed")),
            ("", Ok(vec![])),
        ] {
            let words = words.map(|words| words.into_iter().map(str::to_owned).collect());
            assert_eq!(split(line, true), words, "{line}");
        }
    }
}
