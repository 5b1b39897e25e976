//! What must not be shown of a line: what stands after a key that is called like a secret, and private keys.
//!
//! A snippet shows a whole line, and the slip it points at may stand beside a password. It looks at the text alone, so
//! it also works where the text is no YAML.

/// Words that name a secret wherever they stand in a name.
const WORDS: [&str; 4] = ["password", "passwd", "passphrase", "secret"];
/// Words that do so alone, or at the end of a longer name.
const LAST_WORDS: [&str; 9] = [
    "pass",
    "pw",
    "pwd",
    "token",
    "credentials",
    "api_key",
    "apikey",
    "access_key",
    "private_key",
];
/// How the names of values begin that are usually kept in an encrypted file.
const ENCRYPTED: &str = "vault_";

/// What is shown instead.
const INSTEAD: &str = "[hidden]";

/// Whether a key is called like a secret: `password`, `ansible_become_pass`, `api-token`.
pub(crate) fn is_secret_key(key: &str) -> bool {
    let key = key.to_lowercase().replace('-', "_");
    let ends = |word: &str| {
        key.strip_suffix(word)
            .is_some_and(|before| before.is_empty() || before.ends_with(['_', '.']))
    };
    key.starts_with(ENCRYPTED) || names_secret(&key) || LAST_WORDS.iter().any(|word| ends(word))
}

/// Whether a text speaks of a secret.
pub(crate) fn names_secret(text: &str) -> bool {
    let text = text.to_lowercase();
    WORDS.iter().any(|word| text.contains(word))
}

/// A line without its secret.
#[derive(Debug)]
pub(crate) struct Hidden {
    pub(crate) text: String,
    /// How many characters of the line are as they were.
    pub(crate) from: usize,
}

/// The line without its secret, if it has one; `before` is all that stands before the line.
pub(crate) fn line(text: &str, before: &str) -> Option<Hidden> {
    let from_byte = if text.contains("PRIVATE KEY") || is_in_private_key(before) {
        0
    } else {
        secret_value(text)?
    };
    Some(Hidden {
        text: format!("{}{INSTEAD}", &text[..from_byte]),
        from: text[..from_byte].chars().count(),
    })
}

/// Whether the text ends inside a private key.
fn is_in_private_key(text: &str) -> bool {
    let Some(begin) = text.rfind("-----BEGIN ") else {
        return false;
    };
    let since = &text[begin..];
    let head = since.lines().next().unwrap_or_default();
    head.contains("PRIVATE KEY") && !since.contains("-----END ")
}

/// Where a value begins whose key is called like a secret.
fn secret_value(text: &str) -> Option<usize> {
    for (at, _) in text.match_indices([':', '=']) {
        let key = text[..at].trim_end().trim_end_matches(['"', '\'']);
        let begin = key
            .rfind(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | '-' | '.')))
            .map_or(0, |before| before + 1);
        let is_key = key.get(begin..).is_some_and(is_secret_key);
        let value = text[at + 1..].trim_start();
        // Commands are no secrets: a list, or keys and values.
        if !is_key || value.is_empty() || value.starts_with(['[', '{']) {
            continue;
        }
        return Some(text.len() - value.len());
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_of_a_private_key_is_hidden() {
        let before = "key: |\n  -----BEGIN OPENSSH PRIVATE KEY-----\n";
        assert_eq!(line("  b3BlbnNzaC1rZXk", before).unwrap().text, INSTEAD);
        let after = format!("{before}  b3Blb\n  -----END OPENSSH PRIVATE KEY-----\n");
        assert!(line("user: ops", &after).is_none());
    }

    #[test]
    fn the_value_of_a_key_that_is_called_like_a_secret_is_hidden_with_the_rest_of_its_line() {
        for (text, shown) in [
            ("password: hunter2", Some("password: [hidden]")),
            (
                "  - { become: { password: hun,ter2 }, usr: x }",
                Some("  - { become: { password: [hidden]"),
            ),
            (
                "web-1 ansible_host=10.0.0.1 ansible_become_pass=x a=b",
                Some("web-1 ansible_host=10.0.0.1 ansible_become_pass=[hidden]"),
            ),
            ("\"api-token\": \"x\"", Some("\"api-token\": [hidden]")),
            ("  -----BEGIN OPENSSH PRIVATE KEY-----", Some("[hidden]")),
            ("password: [pass, show, it]", None),
            ("password: { run: ./it }", None),
            ("passport: 1", None),
            ("compass: north", None),
            ("key: ~/.ssh/id", None),
        ] {
            let line = line(text, "");
            assert_eq!(
                line.as_ref().map(|line| line.text.as_str()),
                shown,
                "{text}"
            );
        }
    }
}
