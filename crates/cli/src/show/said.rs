//! What failed steps said: all of it for whoever asks, the line that matters while it goes on. Pure.

use ringway_engine::view::LastWord;

use super::words::put;

/// Lines of a step's output that are shown of one host; the journal has the rest.
const LINES: usize = 12;

/// Words that mark the line in which a program says what is wrong.
const SIGNS: [&str; 12] = [
    "error",
    "e: ",
    "fail",
    "fatal",
    "cannot",
    "could not",
    "unable",
    "denied",
    "refused",
    "not found",
    "no space",
    "no such",
];

/// The last word of a host, as `why` and `status` show it.
pub(crate) fn last_word(word: &LastWord) -> String {
    let mut text = format!("  {}: {}\n", attempt(word), word.what);
    let lines: Vec<&str> = word.text.lines().collect();
    let hidden = lines.len().saturating_sub(LINES);
    if hidden > 0 {
        put(
            &mut text,
            format_args!("    | ... ({hidden} lines before)\n"),
        );
    }
    for line in &lines[hidden..] {
        put(&mut text, format_args!("    | {line}\n"));
    }
    text
}

/// The same in two lines at the most, for the account of a run.
pub(crate) fn last_word_briefly(host: &str, word: &LastWord) -> Vec<String> {
    let mut lines = vec![format!("    {host}: {}: {}", attempt(word), word.what)];
    if let Some(line) = telling(&word.text) {
        lines.push(format!("        {line}"));
    }
    lines
}

fn attempt(word: &LastWord) -> String {
    if word.attempt > 1 {
        format!("{}, attempt {}", word.step, word.attempt)
    } else {
        word.step.to_string()
    }
}

/// The line of an output that says most: the first one that looks like a complaint, or else the last one.
pub(crate) fn telling(text: &str) -> Option<&str> {
    let lines = || text.lines().map(str::trim).filter(|line| !line.is_empty());
    let complains = |line: &&str| {
        let line = line.to_lowercase();
        SIGNS.iter().any(|sign| line.contains(sign))
    };
    lines().find(complains).or_else(|| lines().next_back())
}

#[cfg(test)]
mod tests {
    use ringway_model::StepKind;

    use super::*;

    fn word(attempt: u8, text: &str) -> LastWord {
        LastWord {
            step: StepKind::Apply,
            attempt,
            what: "its command failed".to_owned(),
            text: text.to_owned(),
        }
    }

    #[test]
    fn the_line_that_complains_is_told() {
        for (text, line) in [
            ("", None),
            ("\n \n", None),
            ("one\ntwo\n\n", Some("two")),
            (
                "Reading package lists\nE: Unable to locate package\nbye\n",
                Some("E: Unable to locate package"),
            ),
        ] {
            assert_eq!(telling(text), line);
        }
    }

    #[test]
    fn a_long_output_is_cut_and_says_so() {
        let long: Vec<String> = (0..20).map(|n| format!("line {n}")).collect();
        let shown = last_word(&word(2, &long.join("\n")));
        assert!(shown.starts_with(
            "  apply, attempt 2: its command failed\n    | ... (8 lines before)\n    | line 8\n"
        ));
        assert!(shown.ends_with("    | line 19\n"));
        assert_eq!(
            last_word_briefly("web-1", &word(1, "")),
            ["    web-1: apply: its command failed"]
        );
    }
}
