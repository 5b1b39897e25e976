//! Names of people's choosing as single plain words: of a path, or of a line that a shell reads word by word.

use std::fmt::Write as _;

/// `name` as one word in which only letters, digits, `-`, `_` and `.` stand for themselves, the last not at the front.
/// Whatever could mean something else is written as `%` and its code. Two names never become the same word.
pub(crate) fn encode(name: &str) -> String {
    let mut word = String::with_capacity(name.len());
    for byte in name.bytes() {
        let plain = byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
        if plain && !(word.is_empty() && byte == b'.') {
            word.push(char::from(byte));
        } else {
            write!(word, "%{byte:02x}").expect("writing to a string cannot fail");
        }
    }
    if word.is_empty() {
        // No name at all must still be a word; no other name is encoded so.
        word.push('%');
    }
    word
}

/// The name a word stands for. What is no code is taken as it is: the word may come from a host.
pub(crate) fn decode(word: &str) -> String {
    let mut bytes = Vec::with_capacity(word.len());
    let mut rest = word.as_bytes();
    while let [first, after @ ..] = rest {
        let code = after
            .get(..2)
            .filter(|_| *first == b'%')
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        rest = if let Some(byte) = code {
            bytes.push(byte);
            &after[2..]
        } else {
            bytes.push(*first);
            after
        };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_leaves_its_directory_or_its_line() {
        for (name, word) in [
            ("web-1.example", "web-1.example"),
            ("..", "%2e."),
            ("a/b", "a%2fb"),
            ("@controller", "%40controller"),
            ("ü", "%c3%bc"),
            ("%", "%25"),
            ("two words\n", "two%20words%0a"),
        ] {
            assert_eq!(encode(name), word);
            assert_eq!(decode(word), name);
        }
        assert_eq!(encode(""), "%");
        assert_eq!(decode("%zz%4"), "%zz%4");
    }
}
