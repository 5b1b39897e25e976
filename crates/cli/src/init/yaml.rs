//! Values as they are written into YAML and shown for shells. Pure.

/// A value of a mapping: plain where that means the same, else in double quotes, which JSON's are.
pub(super) fn value(text: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | '/' | '@' | '+');
    let is_word = |c: char| is_plain(c) || matches!(c, ' ' | '=' | '|' | '!');
    let starts_well = text
        .chars()
        .next()
        .is_some_and(|c| c.is_alphanumeric() || c == '/');
    if starts_well && text.chars().all(is_word) && text.trim() == text {
        text.to_owned()
    } else {
        serde_json::Value::from(text).to_string()
    }
}

/// A word of a command that people copy.
pub(super) fn shell(text: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | '/' | '+');
    if !text.is_empty() && text.chars().all(is_plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

/// Whether a text is a name in every document.
pub(super) fn is_name(text: &str) -> bool {
    let is_word = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | ':' | '@' | '+');
    text.chars().next().is_some_and(char::is_alphanumeric)
        && text.chars().all(is_word)
        && text.len() <= 200
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_mean_something_else_is_quoted() {
        for (text, written) in [
            ("web-1", "web-1"),
            ("env = lab | test", "env = lab | test"),
            ("../inventory.ini", r#""../inventory.ini""#),
            ("/srv/inventory", "/srv/inventory"),
            ("a: b", r#""a: b""#),
            ("# no", r##""# no""##),
            ("a, b", r#""a, b""#),
            ("", r#""""#),
            ("tab\t", r#""tab\t""#),
        ] {
            assert_eq!(value(text), written, "{text}");
        }
        assert_eq!(shell("a b's"), r"'a b'\''s'");
        assert!(is_name("web-1.example.com") && !is_name("-x") && !is_name("a b"));
    }
}
