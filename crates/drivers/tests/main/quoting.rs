//! What the quoting function makes is one word of every shell, byte for byte what it was given.

use std::io::{Read as _, Write as _};
use std::process::{Command, Stdio};

use proptest::prelude::*;
use ringway_drivers::quote::{check_name, quote};

use crate::support::shells;

/// What a shell makes of these words, each ended by a NUL.
fn through(shell: &[&str], words: &[String]) -> Vec<u8> {
    let lines = words
        .iter()
        .map(|word| format!("printf '%s\\000' {}\n", quote(word).unwrap()));
    run(shell, &lines.collect::<String>())
}

/// What a shell prints that is told these lines as one compound command.
fn run(shell: &[&str], lines: &str) -> Vec<u8> {
    let script = format!("{{\nexec </dev/null\n{lines}exit 0\n}}\n");
    let mut sh = Command::new(shell[0])
        .args(&shell[1..])
        .env("LANG", "C.UTF-8")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    sh.stdin
        .take()
        .unwrap()
        .write_all(script.as_bytes())
        .unwrap();
    let mut printed = Vec::new();
    sh.stdout.take().unwrap().read_to_end(&mut printed).unwrap();
    assert!(sh.wait().unwrap().success());
    printed
}

/// Mostly what means something to a shell; otherwise any character but NUL.
fn character() -> impl Strategy<Value = char> {
    prop_oneof![
        4 => prop::sample::select("'\"\\$`!#&;|<>()[]{}*?~=%^ \n\t\r\u{7f}\u{1b}-+0a".chars().collect::<Vec<_>>()),
        1 => any::<char>().prop_filter("NUL is refused", |c| *c != '\0'),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_text_is_one_word_of_every_shell(
        words in prop::collection::vec(prop::collection::vec(character(), 0..40), 1..40)
    ) {
        let words: Vec<String> = words.into_iter().map(String::from_iter).collect();
        let mut expected = Vec::new();
        for word in &words {
            expected.extend_from_slice(word.as_bytes());
            expected.push(0);
        }
        for shell in shells() {
            prop_assert_eq!(&through(&shell, &words), &expected, "{:?}", shell);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3, failure_persistence: None, ..ProptestConfig::default() })]

    /// Thousands of values in one shell: quoting is tried where it is cheap, so that it is tried often.
    #[test]
    fn thousands_of_values_stay_what_they_are_in_one_shell(
        values in prop::collection::vec(
            (prop::collection::vec(any::<u8>(), 0..24), "[A-Za-z_][A-Za-z0-9_]{0,12}"),
            2000,
        )
    ) {
        let values: Vec<(String, String)> = values
            .into_iter()
            .map(|(bytes, name)| (String::from_utf8_lossy(&bytes).replace('\0', "'"), name))
            .filter(|(_, name)| check_name(name).is_ok())
            .collect();
        // A name must not carry into the next value: some change what the shell itself does later.
        let lines: Vec<String> = values
            .iter()
            .map(|(value, name)| format!(
                "export {name}={}\nprintf '%s\\000' \"${name}\"\nunset {name}\n", quote(value).unwrap()
            ))
            .collect();
        let expected: Vec<u8> = values
            .iter()
            .flat_map(|(value, _)| [value.as_bytes(), b"\0"].concat())
            .collect();
        for shell in shells() {
            prop_assert!(run(&shell, &lines.concat()) == expected, "{:?}", shell);
        }
    }
}

/// Names that mean something to some shell. A refused one ends the shell after the step has begun; one with a value of
/// its own tells the command a lie.
#[test]
fn every_name_that_is_accepted_carries_any_value_in_every_shell() {
    const NAMES: &str = "BASH BASHOPTS BASHPID BASH_ALIASES BASH_ARGC BASH_ARGV BASH_ARGV0 BASH_CMDS BASH_COMMAND \
        BASH_COMPAT BASH_ENV BASH_EXECUTION_STRING BASH_LINENO BASH_LOADABLES_PATH BASH_REMATCH BASH_SOURCE BASH_SUBSHELL \
        BASH_VERSINFO BASH_VERSION CDPATH CHILD_MAX COLUMNS COMP_WORDBREAKS COPROC DIRSTACK EMACS ENV EPOCHREALTIME \
        EPOCHSECONDS EUID EXECIGNORE FCEDIT FIGNORE FUNCNAME FUNCNEST GLOBIGNORE GROUPS HISTCMD HISTCONTROL HISTFILE \
        HISTFILESIZE HISTIGNORE HISTSIZE HISTTIMEFORMAT HOME HOSTFILE HOSTNAME HOSTTYPE IFS IGNOREEOF INPUTRC LANG LC_ALL \
        LC_COLLATE LC_CTYPE LC_MESSAGES LC_NUMERIC LC_TIME LINENO LINES MACHTYPE MAIL MAILCHECK MAILPATH MAPFILE OLDPWD \
        OPTARG OPTERR OPTIND OSTYPE PATH PIPESTATUS POSIXLY_CORRECT PPID PROMPT_COMMAND PS0 PS1 PS2 PS3 PS4 PWD RANDOM \
        REPLY SECONDS SHELL SHELLOPTS SHLVL SRANDOM TERM TIMEFORMAT TMOUT TMPDIR UID _";
    let accepted: Vec<&str> = NAMES
        .split_whitespace()
        .filter(|name| check_name(name).is_ok())
        .collect();
    let lines: Vec<String> = accepted
        .iter()
        .map(|name| format!("(export {name}='x y'\nprintf '%s=%s\\n' {name} \"${name}\")\n"))
        .collect();
    let expected: Vec<String> = accepted
        .iter()
        .map(|name| format!("{name}=x y\n"))
        .collect();
    for shell in shells() {
        let told = String::from_utf8(run(&shell, &lines.concat())).unwrap();
        assert_eq!(told, expected.concat(), "{shell:?}");
    }
}
