//! No page shows a command or an option that does not exist: every `ringway` line of every page is read by the parser.
//!
//! Which pages' commands are also run, and how a page says so, is in `tests/tests/main/pages.rs`.

use std::fs;
use std::path::{Path, PathBuf};

use clap::{Command, CommandFactory, Parser};

use super::Cli;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Every page for users: the top ones, and those below `docs`.
fn pages() -> Vec<PathBuf> {
    let mut pages: Vec<PathBuf> = ["README.md", "CONTRIBUTING.md"]
        .map(|name| root().join(name))
        .into();
    let mut open = vec![root().join("docs")];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|ending| ending == "md") {
                pages.push(path);
            }
        }
    }
    pages.sort();
    pages
}

/// The words of each simple command of a line of a shell, up to what it does not know: comments and what follows a pipe
/// or a redirection begin another one.
fn commands(line: &str) -> Vec<Vec<String>> {
    let mut commands = vec![Vec::new()];
    let mut word: Option<String> = None;
    let mut chars = line.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\'' | '"' => {
                let word = word.get_or_insert_default();
                word.extend(chars.by_ref().take_while(|next| *next != c));
            }
            '\\' => word.get_or_insert_default().extend(chars.next()),
            '#' if word.is_none() => break,
            '|' | ';' | '&' | '>' | '<' | '(' | ')' => {
                // The number of a redirected stream is no word.
                let stream = matches!(c, '>' | '<')
                    && word
                        .as_deref()
                        .is_some_and(|w| w.len() == 1 && w.bytes().all(|b| b.is_ascii_digit()));
                if !stream {
                    commands.last_mut().unwrap().extend(word.take());
                }
                word = None;
                commands.push(Vec::new());
            }
            c if c.is_whitespace() => commands.last_mut().unwrap().extend(word.take()),
            c => word.get_or_insert_default().push(c),
        }
    }
    commands.last_mut().unwrap().extend(word.take());
    commands.retain(|words| !words.is_empty());
    commands
}

/// The lines of blocks of commands, with their numbers; lines that end in a backslash with what follows.
fn shown(text: &str) -> Vec<(usize, String)> {
    let mut lines: Vec<(usize, String)> = Vec::new();
    let (mut language, mut document) = (None::<&str>, None::<String>);
    let mut goes_on = false;
    for (number, line) in (1..).zip(text.lines()) {
        if let Some(fence) = line.trim_start().strip_prefix("```") {
            language = if language.is_some() {
                None
            } else {
                Some(fence.trim())
            };
            (document, goes_on) = (None, false);
            continue;
        }
        let line = match language {
            Some("sh") => line,
            Some("console") => match line.strip_prefix("$ ") {
                Some(line) => line,
                None => continue,
            },
            Some(_) | None => continue,
        };
        // A document inside of a command is none.
        if let Some(end) = &document {
            if line == end {
                document = None;
            }
            continue;
        }
        if let Some((_, end)) = line.split_once("<<") {
            let end = end.trim_matches(['\'', '"', '-']);
            document = Some(end.trim_end_matches('\'').to_owned());
        }
        let (part, more) = match line.strip_suffix('\\') {
            Some(part) => (part, true),
            None => (line, false),
        };
        match lines.last_mut().filter(|_| goes_on) {
            Some((_, before)) => before.push_str(part),
            None => lines.push((number, part.to_owned())),
        }
        goes_on = more;
    }
    lines
}

/// What stands for something in a line is a value of its kind.
fn with_values(words: &[String]) -> Vec<String> {
    let value = |word: &String| match word.as_str() {
        "DIGEST" => "0".repeat(64),
        other => other.to_owned(),
    };
    words.iter().map(value).collect()
}

#[test]
fn every_command_that_a_page_shows_is_one_that_is_accepted() {
    let (mut seen, mut wrong) = (0, Vec::new());
    for page in pages() {
        let text = fs::read_to_string(&page).unwrap();
        for (number, line) in shown(&text) {
            for words in commands(&line) {
                let Some(at) = words.iter().position(|word| word == "ringway") else {
                    continue;
                };
                // What stands before it sets variables, or runs it as somebody: `RINGWAY_LOG=info`, `sudo -u ops`.
                let is_command =
                    at == 0 || words[0].contains('=') || words[0] == "sudo" || words[0] == "watch";
                if !is_command || words.len() == at + 1 {
                    continue;
                }
                seen += 1;
                if let Err(error) = Cli::try_parse_from(with_values(&words[at..]))
                    && error.use_stderr()
                {
                    wrong.push(format!("{}:{number}: {line}\n{error}", page.display()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(seen > 60, "{seen} commands");
}

/// Commands in the middle of a sentence are shorter than they are typed; what is there must exist all the same.
#[test]
fn every_command_and_option_in_a_sentence_exists() {
    let cli = Cli::command();
    let mut wrong = Vec::new();
    let mut seen = 0;
    for page in pages() {
        let text = fs::read_to_string(&page).unwrap();
        let mut in_block = false;
        for (number, line) in (1..).zip(text.lines()) {
            in_block ^= line.trim_start().starts_with("```");
            if in_block {
                continue;
            }
            for span in line.split('`').skip(1).step_by(2) {
                let Some(rest) = span.strip_prefix("ringway ") else {
                    continue;
                };
                seen += 1;
                if let Some(why) = unknown(&cli, rest) {
                    wrong.push(format!("{}:{number}: `{span}`: {why}", page.display()));
                }
            }
        }
    }
    assert_eq!(wrong, [""; 0]);
    assert!(seen > 60, "{seen} commands");
}

/// The first word of a command line that names nothing.
fn unknown(cli: &Command, text: &str) -> Option<String> {
    let words = commands(text).into_iter().next()?;
    let mut command = cli;
    for word in &words {
        if let Some(option) = word.strip_prefix("--") {
            let name = option.split('=').next().unwrap_or_default();
            let has = |command: &Command| {
                command
                    .get_arguments()
                    .any(|argument| argument.get_long() == Some(name))
            };
            if !name.is_empty() && name != "help" && name != "version" && !has(command) && !has(cli)
            {
                return Some(format!("no option `--{name}`"));
            }
            continue;
        }
        if let Some(next) = command.find_subcommand(word) {
            command = next;
        } else if std::ptr::eq(command, cli)
            && word.chars().any(char::is_lowercase)
            && !word.starts_with('-')
        {
            return Some(format!("no command `{word}`"));
        }
    }
    None
}

#[test]
fn lines_are_taken_apart_as_a_shell_does() {
    for (line, expected) in [
        (
            "ringway why web-7   # why",
            vec![vec!["ringway", "why", "web-7"]],
        ),
        (
            "ringway wait --until done && ./tell 'the team'",
            vec![
                vec!["ringway", "wait", "--until", "done"],
                vec!["./tell", "the team"],
            ],
        ),
        (
            "ringway plan >plan.txt 2>&1",
            vec![vec!["ringway", "plan"], vec!["plan.txt"], vec!["1"]],
        ),
        (
            "(cd x; ringway doctor)",
            vec![vec!["cd", "x"], vec!["ringway", "doctor"]],
        ),
    ] {
        assert_eq!(commands(line), expected, "{line}");
    }
    let block = "text\n```sh\ncat > x <<'END'\nringway: fleet/v1\nEND\nringway run \\\n  --no-wait\n```\n```console\n$ ringway plan\nringway output\n```\n";
    let lines: Vec<String> = shown(block).into_iter().map(|(_, line)| line).collect();
    assert_eq!(
        lines,
        ["cat > x <<'END'", "ringway run   --no-wait", "ringway plan"]
    );
}
