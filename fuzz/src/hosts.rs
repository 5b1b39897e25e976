//! What hosts say, and files of keys: read the same however it arrives, and never more of it kept than is meant to be.

use ringway_drivers::envelope::{Answer, Event, Outcome, Reader, Restarts};
use ringway_drivers::fuzzing;

/// A `known_hosts` file, asked about names that its own lines have and others; and the same text as a private key.
pub(crate) fn known_hosts(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else {
        return;
    };
    let count = text.lines().count();
    let words = text.split([' ', '\n', ',']).filter(|word| !word.is_empty());
    let names = ["web-1.example.com", "[10.1.0.11]:2222", "10.1.0.11", ""];
    for name in names.into_iter().chain(words.take(12)) {
        let lines = fuzzing::known_hosts(text, name);
        assert!(lines.is_sorted(), "{lines:?} about `{name}`");
        assert!(
            lines.iter().all(|line| (1..=count).contains(line)),
            "{lines:?} of {count}"
        );
        let twice = lines.windows(2).any(|pair| pair[0] == pair[1]);
        assert!(!twice, "{lines:?} about `{name}`");
        let shouted = fuzzing::known_hosts(text, &name.to_uppercase());
        if name.is_ascii() {
            assert_eq!(lines, shouted, "about `{name}` in capitals");
        }
        // A line after all others that takes the name out must not change what the others say.
        let more = format!("{text}\n!{name} ssh-ed25519 AAAA\n");
        assert_eq!(
            lines,
            fuzzing::known_hosts(&more, name),
            "about `{name}` with one line more"
        );
    }
    if let Some((pattern, name)) = text.split_once('\n') {
        let name = name.lines().next().unwrap_or_default();
        if pattern.len() * name.len() < 1 << 12 {
            let expected = naive(pattern.as_bytes(), name.as_bytes());
            assert_eq!(
                fuzzing::matches_pattern(pattern, name),
                expected,
                "`{pattern}` and `{name}`"
            );
        }
    }
    let (is_encrypted, is_key) = fuzzing::private_key(text);
    assert!(
        !(is_encrypted && is_key) || text.contains("Proc-Type"),
        "an encrypted key is used without its passphrase"
    );
}

/// The same by a table: whether the first so many bytes of a pattern mean the first so many of a text.
fn naive(pattern: &[u8], text: &[u8]) -> bool {
    let mut means = vec![false; text.len() + 1];
    means[0] = true;
    for &byte in pattern {
        let mut next = vec![false; text.len() + 1];
        for at in 0..=text.len() {
            next[at] = match byte {
                b'*' => means[at] || at > 0 && next[at - 1],
                b'?' => at > 0 && means[at - 1],
                _ => at > 0 && means[at - 1] && text[at - 1] == byte,
            };
        }
        means = next;
    }
    means[text.len()]
}

/// What the envelope says; the first byte is the length of the pieces in which it arrives.
pub(crate) fn answers(input: &[u8]) {
    const LIMIT: usize = 256;
    let Some((&piece, said)) = input.split_first() else {
        return;
    };
    let mut whole = Reader::new(LIMIT);
    let events = whole.feed(said);
    let mut pieces = Reader::new(LIMIT);
    let mut in_pieces = Vec::new();
    for piece in said.chunks(usize::from(piece).max(1)) {
        in_pieces.extend(pieces.feed(piece));
    }
    assert_eq!(events, in_pieces, "in pieces of {piece}");
    assert_eq!(
        whole.unanswered(),
        pieces.unanswered(),
        "in pieces of {piece}"
    );
    for (at, event) in events.iter().enumerate() {
        if let Event::Outcome(outcome) = event {
            assert_eq!(at + 1, events.len(), "something after the outcome");
            assert!(
                outcome.output.len() <= LIMIT,
                "{} bytes are kept",
                outcome.output.len()
            );
            drop(outcome.text());
            drop(Restarts::read(outcome));
        }
    }
    let text = String::from_utf8_lossy(said);
    drop(Answer::read(&text));
    for line in text.lines() {
        if let Some((outcome, _)) = Outcome::parse(line) {
            assert!(outcome.output.is_empty());
        }
    }
}

/// What a host tells of itself, what `ssh` complains of, what a login shell prints.
pub(crate) fn examinations(input: &[u8]) {
    let Some((&piece, said)) = input.split_first() else {
        return;
    };
    let text = String::from_utf8_lossy(said);
    for finding in fuzzing::facts(&text) {
        assert!(!finding.what.trim().is_empty(), "{finding:?}");
    }
    assert!(!fuzzing::complaint(&text, None).is_empty());
    if let Some((first, second)) = text.split_once("\n\n") {
        assert!(!fuzzing::complaint(first, Some(second)).is_empty());
    }
    let (besides, passed_on) = fuzzing::opening(said, usize::from(piece));
    // The words are made up for each command, so that nothing that is printed can be one of them.
    assert_eq!(besides, None);
    assert_eq!(
        passed_on, said,
        "what is said on standard error is not lost"
    );
}
