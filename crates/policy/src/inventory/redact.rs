//! The text that is kept of an inventory: as it was, without its secrets.
//!
//! Its digest is that of this text and not of the original. The digest of a text of which all but a password is known
//! would let anybody who reads the journal try passwords until one fits.

use super::tree::{self, Is, Node};
use super::value::Value;
use crate::hidden::{is_secret_key, names_secret};

/// What stands for a secret.
const INSTEAD: &str = "[redacted]";

/// The text without secrets.
pub(super) fn text(source: usize, text: &str) -> String {
    if text.starts_with("$ANSIBLE_VAULT") {
        return format!("{INSTEAD}\n");
    }
    let is_json = text.trim_start().starts_with('{');
    let mut ranges = Vec::new();
    // INI is no YAML, or a text without keys; then its lines alone are looked at. Nobody reads a second document of a file, but
    // it is kept.
    for root in tree::read_all(source, text, is_json) {
        secrets(&root, &mut ranges);
    }
    let mut kept = String::with_capacity(text.len());
    let mut at = 0;
    ranges.sort_unstable();
    for (start, end) in ranges {
        // Values that an alias repeats stand in the text once, and one without a text nowhere.
        if start < at || end > text.len() || start == end {
            continue;
        }
        kept.push_str(text.get(at..start).unwrap_or_default());
        kept.push_str(if is_json { "\"[redacted]\"" } else { INSTEAD });
        let value = text.get(start..end).unwrap_or_default();
        // A block ends with the line before what follows.
        let lines = value.len() - value.trim_end().len();
        at = end - lines;
    }
    kept.push_str(text.get(at..).unwrap_or_default());
    if is_json {
        return kept;
    }
    kept.split_inclusive('\n').map(line).collect()
}

/// The ranges of values that are encrypted or called like secrets.
fn secrets(node: &Node, ranges: &mut Vec<(usize, usize)>) {
    match &node.is {
        Is::One(Value::Vault) => ranges.push((node.place.start, node.place.end)),
        Is::One(_) => {}
        Is::List(items) => items.iter().for_each(|item| secrets(item, ranges)),
        Is::Map(entries) => {
            for (name, value) in entries {
                if (is_secret_key(name) || name == "__ansible_vault") && !value.is_null() {
                    ranges.push((value.place.start, value.place.end));
                } else {
                    secrets(value, ranges);
                }
            }
        }
    }
}

/// A line of INI, or a comment: each value that is called like a secret.
fn line(line: &str) -> String {
    let mut kept = String::with_capacity(line.len());
    let mut rest = line;
    while let Some(at) = rest.find(['=', ':']) {
        let (before, after) = rest.split_at(at);
        let value = &after[1..];
        let key_start = before
            .trim_end()
            .rfind(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | '-' | '.')))
            .map_or(0, |at| {
                at + before[at..].chars().next().map_or(1, char::len_utf8)
            });
        let key = before.get(key_start..).unwrap_or_default().trim();
        let is_section = after.starts_with(':') && !value.starts_with([' ', '"', '\'']);
        let length = value_length(value);
        let held = value.get(..length).unwrap_or_default();
        let hides =
            !is_section && (is_secret_key(key) || after.starts_with('=') && names_secret(held));
        kept.push_str(before);
        kept.push_str(&after[..1]);
        let bare = held.trim_start();
        if hides && !bare.is_empty() && !bare.starts_with(INSTEAD) {
            kept.push_str(&held[..held.len() - bare.len()]);
            kept.push_str(INSTEAD);
            rest = &value[length..];
        } else {
            rest = value;
        }
    }
    kept.push_str(rest);
    kept
}

/// How long a value is: to the space after it outside of quotes; with a space before it, to the line's end.
fn value_length(value: &str) -> usize {
    let end = value.trim_end().len();
    if value.starts_with(' ') {
        return end;
    }
    let mut quote = None;
    for (at, c) in value.char_indices() {
        match (quote, c) {
            (None, '"' | '\'') => quote = Some(c),
            (Some(open), c) if open == c => quote = None,
            (None, c) if c.is_whitespace() => return at,
            _ => {}
        }
    }
    end
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_of_an_ini_are_not_kept() {
        for (written, kept) in [
            (
                "web-1 ansible_host=10.0.0.1 ansible_password=hunter2 role=web",
                "web-1 ansible_host=10.0.0.1 ansible_password=[redacted] role=web",
            ),
            (
                "a ansible_become_pass='hun ter2' b=c",
                "a ansible_become_pass=[redacted] b=c",
            ),
            ("db_password = hunter2\n", "db_password = [redacted]\n"),
            ("# password: hunter2\n", "# password: [redacted]\n"),
            (
                "web-1 db=\"{'password': 'hunter2'}\"",
                "web-1 db=[redacted]",
            ),
            ("[secret:children]\n", "[secret:children]\n"),
            ("web[1:3] tier=a\n", "web[1:3] tier=a\n"),
        ] {
            assert_eq!(text(0, written), kept);
        }
    }

    #[test]
    fn secrets_of_yaml_and_json_are_not_kept() {
        let written = "all:\n  vars:\n    db_password: hunter2  # the old one\n    key: !vault |\n      $ANSIBLE_VAULT;1.1\n      6162\n    \
                       db: { user: x, password: \"hunter2\" }\n  hosts:\n    web-1:\n";
        let kept = text(0, written);
        assert!(
            !kept.contains("hunter2") && !kept.contains("6162"),
            "{kept}"
        );
        assert!(
            kept.contains("user: x") && kept.contains("web-1:"),
            "{kept}"
        );
        tree::read(0, &kept, false).unwrap();
        let json = "{\"_meta\": {\"hostvars\": {\"a\": {\"x_token\": \"hunter2\", \"y\": {\"__ansible_vault\": \"6162\"}}}}}";
        let kept = text(0, json);
        assert!(!kept.contains("hunter2"), "{kept}");
        assert!(!kept.contains("6162"), "{kept}");
        tree::read(0, &kept, true).unwrap();
    }

    #[test]
    fn secrets_of_a_second_document_are_not_kept_either() {
        let written = "a: 1\n---\nb:\n  db_password:\n    - hunter2\n  key: !vault |\n    6162\n";
        let kept = text(0, written);
        assert!(
            !kept.contains("hunter2") && !kept.contains("6162"),
            "{kept}"
        );
        assert_eq!(text(0, &kept), kept);
    }

    /// Of a block that is indented less than its key nothing is its value.
    #[test]
    fn where_a_secret_has_no_text_nothing_stands_for_it() {
        let written = "      key: !vault |\n hosts.ini\n";
        assert_eq!(text(0, written), written);
    }

    #[test]
    fn a_file_that_is_encrypted_leaves_nothing() {
        assert_eq!(text(0, "$ANSIBLE_VAULT;1.1;AES256\n6162\n"), "[redacted]\n");
    }
}
