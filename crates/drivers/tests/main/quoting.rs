//! What the quoting function makes is one word of every shell, byte for byte what it was given.

use std::io::{Read as _, Write as _};
use std::process::{Command, Stdio};

use proptest::prelude::*;
use ringway_drivers::quote::quote;

use crate::support::shells;

/// What a shell makes of these words, each ended by a NUL.
fn through(shell: &[&str], words: &[String]) -> Vec<u8> {
    let mut script = String::from("{\nexec </dev/null\n");
    for word in words {
        script.push_str("printf '%s\\000' ");
        script.push_str(&quote(word).unwrap());
        script.push('\n');
    }
    script.push_str("exit\n}\n");
    let mut sh = Command::new(shell[0])
        .args(&shell[1..])
        .env("LANG", "C.UTF-8")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
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
