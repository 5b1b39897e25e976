//! Which texts of an INI inventory are Python literals, and what value each then has.
//!
//! Ansible reads every value in INI as Python would, and takes it as a text where Python would not: `1.10` is a number,
//! `yes` is a text, `80,443` are two numbers.

use super::value::Value;

/// Nesting beyond this is nobody's inventory.
const MAX_DEPTH: usize = 50;

/// The value of a text.
pub(crate) fn value(text: &str) -> Value {
    let mut parser = Parser {
        rest: text.trim_start_matches([' ', '\t']),
    };
    parser
        .whole()
        .unwrap_or_else(|| Value::Text(text.to_owned()))
}

struct Parser<'t> {
    rest: &'t str,
}

impl Parser<'_> {
    fn whole(&mut self) -> Option<Value> {
        let first = self.item(0)?;
        self.skip();
        if !self.take(",") {
            return self.rest.is_empty().then_some(first);
        }
        // A tuple needs no brackets.
        self.items("", 0)?;
        Some(Value::Nested)
    }

    /// Skips what means nothing, comments among it.
    fn skip(&mut self) {
        self.rest = self.rest.trim_start();
        if self.rest.starts_with('#') {
            self.rest = self.rest.split_once('\n').map_or("", |(_, rest)| rest);
            self.skip();
        }
    }

    fn take(&mut self, text: &str) -> bool {
        match self.rest.strip_prefix(text) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn item(&mut self, depth: usize) -> Option<Value> {
        if depth > MAX_DEPTH {
            return None;
        }
        self.skip();
        let first = self.rest.chars().next()?;
        match first {
            '+' | '-' => {
                self.rest = &self.rest[1..];
                self.skip();
                let mut value = self.number()?;
                if first == '-' {
                    match &mut value {
                        Value::Int(digits) if digits != "0" => digits.insert(0, '-'),
                        Value::Float(number) => *number = -*number,
                        Value::Int(_)
                        | Value::Null
                        | Value::Bool(_)
                        | Value::Text(_)
                        | Value::Nested
                        | Value::Vault => {}
                    }
                }
                Some(value)
            }
            '0'..='9' | '.' => {
                if self.take("...") {
                    return Some(Value::Text("...".to_owned()));
                }
                self.number()
            }
            '(' => {
                self.take("(");
                self.skip();
                if self.take(")") {
                    return Some(Value::Nested);
                }
                let inner = self.item(depth + 1)?;
                self.skip();
                if self.take(")") {
                    return Some(inner);
                }
                self.take(",").then_some(())?;
                self.items(")", depth + 1)?;
                Some(Value::Nested)
            }
            '[' => {
                self.take("[");
                self.items("]", depth + 1)?;
                Some(Value::Nested)
            }
            '{' => {
                self.take("{");
                self.entries(depth + 1)?;
                Some(Value::Nested)
            }
            _ => self.word(),
        }
    }

    /// Items with commas between them, up to `close`; the comma before it may be there or not.
    fn items(&mut self, close: &str, depth: usize) -> Option<()> {
        loop {
            self.skip();
            let at_end = if close.is_empty() {
                self.rest.is_empty()
            } else {
                self.take(close)
            };
            if at_end {
                return Some(());
            }
            self.item(depth)?;
            self.skip();
            if !self.take(",") {
                return if close.is_empty() {
                    self.rest.is_empty()
                } else {
                    self.take(close)
                }
                .then_some(());
            }
        }
    }

    /// The entries of a dictionary, or the items of a set.
    fn entries(&mut self, depth: usize) -> Option<()> {
        loop {
            self.skip();
            if self.take("}") {
                return Some(());
            }
            self.item(depth)?;
            self.skip();
            if self.take(":") {
                self.item(depth)?;
                self.skip();
            }
            if !self.take(",") {
                return self.take("}").then_some(());
            }
        }
    }

    /// A number, that nothing of a word may follow.
    fn number(&mut self) -> Option<Value> {
        let bytes = self.rest.as_bytes();
        let mut end = 0;
        while end < bytes.len() {
            let c = bytes[end];
            let after_exponent = end > 0
                && matches!(bytes[end - 1], b'e' | b'E')
                && !self.rest.starts_with("0x")
                && !self.rest.starts_with("0X");
            if c.is_ascii_alphanumeric()
                || c == b'_'
                || c == b'.'
                || matches!(c, b'+' | b'-') && after_exponent
            {
                end += 1;
            } else {
                break;
            }
        }
        let (text, rest) = self.rest.split_at(end);
        if rest.starts_with(|c: char| !c.is_ascii()) {
            return None;
        }
        let value = number(text)?;
        self.rest = rest;
        Some(value)
    }

    /// `True`, `False`, `None`, `set()`, and texts in quotes, one after the other.
    fn word(&mut self) -> Option<Value> {
        for (word, value) in [
            ("True", Value::Bool(true)),
            ("False", Value::Bool(false)),
            ("None", Value::Null),
            ("set()", Value::Nested),
        ] {
            let follows = |rest: &str| rest.starts_with(|c: char| c.is_alphanumeric() || c == '_');
            if let Some(rest) = self.rest.strip_prefix(word)
                && !follows(rest)
            {
                self.rest = rest;
                return Some(value);
            }
        }
        let mut all = self.quoted()?;
        loop {
            self.skip();
            match self.quoted() {
                Some(more) => all.push_str(&more),
                None => return Some(Value::Text(all)),
            }
        }
    }

    fn quoted(&mut self) -> Option<String> {
        let prefix = self.rest.find(['"', '\''])?;
        let (letters, text) = self.rest.split_at(prefix);
        let raw = match letters.to_ascii_lowercase().as_str() {
            "" | "u" | "b" => false,
            "r" | "br" | "rb" => true,
            _ => return None,
        };
        let quote = text.chars().next()?;
        let triple: String = std::iter::repeat_n(quote, 3).collect();
        let close = if text.starts_with(&triple) {
            triple
        } else {
            quote.to_string()
        };
        let body = &text[close.len()..];
        let mut read = String::new();
        let mut at = 0;
        loop {
            let here = &body[at..];
            if here.starts_with(&close) {
                self.rest = &body[at + close.len()..];
                return Some(read);
            }
            let c = here.chars().next()?;
            if c == '\n' && close.len() == 1 {
                return None;
            }
            if c != '\\' {
                read.push(c);
                at += c.len_utf8();
                continue;
            }
            if raw {
                let next = here[1..].chars().next()?;
                read.push('\\');
                read.push(next);
                at += 1 + next.len_utf8();
                continue;
            }
            at += escape(here, &mut read)?;
        }
    }
}

/// Reads one escape into `read`; how long it was.
fn escape(text: &str, read: &mut String) -> Option<usize> {
    let c = text[1..].chars().next()?;
    let simple = match c {
        'n' => Some('\n'),
        't' => Some('\t'),
        'r' => Some('\r'),
        'a' => Some('\u{7}'),
        'b' => Some('\u{8}'),
        'f' => Some('\u{c}'),
        'v' => Some('\u{b}'),
        '\\' | '\'' | '"' => Some(c),
        _ => None,
    };
    if let Some(simple) = simple {
        read.push(simple);
        return Some(2);
    }
    let digits = match c {
        '\n' => return Some(2),
        'x' => 2,
        'u' => 4,
        'U' => 8,
        'N' => return None,
        '0'..='7' => {
            let octal: String = text[1..]
                .chars()
                .take(3)
                .take_while(|c| ('0'..='7').contains(c))
                .collect();
            read.push(char::from_u32(u32::from_str_radix(&octal, 8).ok()?)?);
            return Some(1 + octal.len());
        }
        _ => {
            read.push('\\');
            read.push(c);
            return Some(1 + c.len_utf8());
        }
    };
    let hex = text.get(2..2 + digits)?;
    read.push(char::from_u32(u32::from_str_radix(hex, 16).ok()?)?);
    Some(2 + digits)
}

/// The value of a number's text.
fn number(text: &str) -> Option<Value> {
    // One underscore between two digits, or after the prefix of a radix.
    if text.contains("__") || text.ends_with('_') || text.starts_with('_') {
        return None;
    }
    let plain = text.replace('_', "");
    let lower = plain.to_ascii_lowercase();
    for (prefix, radix) in [("0x", 16), ("0o", 8), ("0b", 2)] {
        if let Some(digits) = lower.strip_prefix(prefix) {
            return u128::from_str_radix(digits, radix)
                .ok()
                .map(|number| Value::Int(number.to_string()));
        }
    }
    if plain.bytes().all(|b| b.is_ascii_digit()) {
        let digits = plain.trim_start_matches('0');
        // Zeros before other digits are no number to Python.
        return match digits {
            "" => (!plain.is_empty()).then(|| Value::Int("0".to_owned())),
            digits if digits.len() == plain.len() => Some(Value::Int(plain)),
            _ => None,
        };
    }
    let only = |c: char| c.is_ascii_digit() || matches!(c, '.' | 'e' | 'E' | '+' | '-');
    if !plain.chars().all(only) || !plain.contains(|c: char| c.is_ascii_digit()) {
        return None;
    }
    plain.parse().ok().map(Value::Float)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_in_ini_is_what_python_takes_it_for() {
        let text = |text: &str| Value::Text(text.to_owned());
        let int = |digits: &str| Value::Int(digits.to_owned());
        for (written, value) in [
            ("web", text("web")),
            ("yes", text("yes")),
            ("True", Value::Bool(true)),
            ("true", text("true")),
            ("None", Value::Null),
            ("42", int("42")),
            ("-42", int("-42")),
            ("+42", int("42")),
            ("1_000", int("1000")),
            ("0755", text("0755")),
            ("00", int("0")),
            ("0x1F", int("31")),
            ("1.10", Value::Float(1.1)),
            ("1e3", Value::Float(1000.0)),
            ("10.0.0.1", text("10.0.0.1")),
            ("2026-04-14", text("2026-04-14")),
            ("1h", text("1h")),
            ("5 # five", int("5")),
            ("five # 5", text("five # 5")),
            ("'42'", text("42")),
            ("'a' 'b'", text("ab")),
            ("'it", text("'it")),
            ("\"a\\tb\"", text("a\tb")),
            ("r'a\\tb'", text("a\\tb")),
            ("80,443", Value::Nested),
            ("web,db", text("web,db")),
            ("[80, 443]", Value::Nested),
            ("[a, b]", text("[a, b]")),
            ("{'a': [1, (2,)]}", Value::Nested),
            ("{'a'", text("{'a'")),
            ("(1)", int("1")),
            ("()", Value::Nested),
            ("", text("")),
            ("-o X=y", text("-o X=y")),
            ("é", text("é")),
            ("1é", text("1é")),
            ("{{ x }}", text("{{ x }}")),
        ] {
            assert_eq!(super::value(written), value, "{written}");
        }
    }

    #[test]
    fn deep_nesting_is_a_text() {
        let deep = "[".repeat(10_000);
        assert_eq!(value(&deep), Value::Text(deep.clone()));
    }
}
