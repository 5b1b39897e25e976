//! What each kind of finding means: the page of the reference, compiled in, so that the two cannot differ.

/// The page. A section for each code, whose heading is the code.
const PAGE: &str = include_str!("../../../../docs/reference/lint.md");

/// How a section of a code begins.
const HEADING: &str = "\n### `";

/// What the page says before its first section.
pub fn intro() -> &'static str {
    PAGE.split(HEADING).next().unwrap_or(PAGE).trim_end()
}

/// The section about a code, in Markdown; `None` where there is no such code.
pub fn about(code: &str) -> Option<&'static str> {
    sections().find_map(|(name, text)| (name == code).then_some(text))
}

/// Codes of the page with their sections, in its order.
fn sections() -> impl Iterator<Item = (&'static str, &'static str)> {
    let starts = PAGE.match_indices(HEADING).map(|(at, _)| at);
    starts.filter_map(|at| {
        // The line break before the heading belongs to what is before.
        let text = PAGE.get(at + 1..)?;
        let end = text
            .find("\n## ")
            .into_iter()
            .chain(text.find(HEADING))
            .min();
        let text = text.get(..end.unwrap_or(text.len()))?.trim_end();
        let (code, _) = text.strip_prefix("### `")?.split_once('`')?;
        Some((code, text))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lint::codes;

    /// Somebody who meets a code must find what it means, and nobody should read about what cannot be met.
    #[test]
    fn every_code_has_an_explanation_and_every_explanation_a_code() {
        let explained: Vec<&str> = sections().map(|(code, _)| code).collect();
        let mut sorted = explained.clone();
        sorted.sort_unstable();
        let mut known: Vec<&str> = codes().iter().map(|code| code.code).collect();
        known.sort_unstable();
        assert_eq!(sorted, known);
    }

    #[test]
    fn an_explanation_says_how_much_it_matters_why_and_what_to_do() {
        for code in codes() {
            let text = about(code.code).unwrap();
            let shown = if code.in_plan {
                " Shown by `plan` too."
            } else {
                ""
            };
            let first = format!("{}.{shown}", capital(code.severity.word()));
            assert!(
                text.lines().nth(2).is_some_and(|line| line == first),
                "{} should begin with `{first}`: {text}",
                code.code
            );
            assert!(text.contains("**Instead:**"), "{}", code.code);
            assert!(text.lines().count() >= 6, "{}", code.code);
        }
        assert_eq!(about("no-such-thing"), None);
        assert!(intro().starts_with("# "), "{}", intro());
    }

    fn capital(word: &str) -> String {
        let (first, rest) = word.split_at(1);
        format!("{}{rest}", first.to_uppercase())
    }
}
