//! Selectors: which hosts are meant, in words.
//!
//! ```text
//! os = debian-12 | ubuntu-24 and env = prod
//! os startswith windows and not role = dc
//! has pam        tier != critical        all
//! ```
//!
//! `not` binds tighter than `and`, `and` tighter than `or`; `|` separates values. No commas and no brackets, so a
//! selector survives inside YAML's `{ }`. A host without the label: `=` and `startswith` are false, `!=` is true.
//! `name` is the host's own name. `true`/`yes` and `false`/`no` compare equal.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::labels::{Labels, same_value};

/// A parsed selector.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Selector {
    /// Every host.
    All,
    /// Hosts that have the label, whatever its value.
    Has(Label),
    /// Hosts whose label compares so with at least one of the values (`Ne`: with none of them).
    Compare(Label, Comparison, Vec<String>),
    /// Hosts that the inner selector does not match.
    Not(Box<Selector>),
    /// Hosts that every part matches.
    And(Vec<Selector>),
    /// Hosts that at least one part matches.
    Or(Vec<Selector>),
}

/// A label's name, and where in the selector's text it stands (bytes), so that an unknown one can be pointed at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Label {
    /// The label's name.
    pub name: String,
    /// Where it begins in the selector's text, in bytes.
    pub at: u32,
}

/// How a label is compared with a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Comparison {
    /// `=`
    Eq,
    /// `!=`
    Ne,
    /// `startswith`
    StartsWith,
}

/// A text that is not a selector: what is wrong and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct SelectorError {
    /// Where the offending part begins in the selector's text, in bytes.
    pub at: usize,
    /// The length of the offending part in bytes; 0 at the end of the text.
    pub len: usize,
    /// What is wrong.
    pub message: String,
    /// What would be right, if there is a good guess.
    pub hint: Option<String>,
}

impl Selector {
    /// Parses a selector.
    ///
    /// # Errors
    ///
    /// The first place where the text stops being one.
    pub fn parse(text: &str) -> Result<Self, SelectorError> {
        Self::parse_as(text, false)
    }

    /// Parses a condition over what is not a host: as a selector, and a name alone means that it is so (`exploited`).
    ///
    /// # Errors
    ///
    /// The first place where the text stops being one.
    pub fn parse_condition(text: &str) -> Result<Self, SelectorError> {
        Self::parse_as(text, true)
    }

    fn parse_as(text: &str, bare: bool) -> Result<Self, SelectorError> {
        let mut parser = Parser {
            tokens: lex(text)?,
            next: 0,
            end: text.len(),
            bare,
        };
        let selector = parser.or(0)?;
        match parser.peek() {
            None => Ok(selector),
            Some(token) => Err(token.error(
                format!("`{}` is not expected here", token.text),
                Some("join conditions with `and` or `or`, and values with `|`".to_owned()),
            )),
        }
    }

    /// Whether the host with this name and these labels is meant.
    pub fn matches(&self, name: &str, labels: &Labels) -> bool {
        match self {
            Self::All => true,
            Self::Has(label) => label.of(name, labels).is_some(),
            Self::Compare(label, comparison, values) => {
                let value = label.of(name, labels);
                match comparison {
                    Comparison::Eq => {
                        value.is_some_and(|v| values.iter().any(|w| same_value(v, w)))
                    }
                    Comparison::Ne => {
                        !value.is_some_and(|v| values.iter().any(|w| same_value(v, w)))
                    }
                    Comparison::StartsWith => {
                        value.is_some_and(|v| values.iter().any(|w| v.starts_with(w.as_str())))
                    }
                }
            }
            Self::Not(inner) => !inner.matches(name, labels),
            Self::And(parts) => parts.iter().all(|part| part.matches(name, labels)),
            Self::Or(parts) => parts.iter().any(|part| part.matches(name, labels)),
        }
    }

    /// Every label the selector names, with its place.
    pub fn labels(&self) -> Vec<&Label> {
        match self {
            Self::All => Vec::new(),
            Self::Has(label) | Self::Compare(label, ..) => vec![label],
            Self::Not(inner) => inner.labels(),
            Self::And(parts) | Self::Or(parts) => parts.iter().flat_map(Self::labels).collect(),
        }
    }
}

impl Label {
    fn of<'h>(&self, name: &'h str, labels: &'h Labels) -> Option<&'h str> {
        labels
            .get(&self.name)
            .or_else(|| (self.name == "name").then_some(name))
    }
}

/// In the canonical form: single spaces, no needless words.
impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let join = |f: &mut fmt::Formatter<'_>, parts: &[Self], word: &str| {
            parts.iter().enumerate().try_for_each(|(i, part)| {
                if i > 0 {
                    write!(f, " {word} ")?;
                }
                write!(f, "{part}")
            })
        };
        match self {
            Self::All => f.write_str("all"),
            Self::Has(label) => write!(f, "has {}", label.name),
            Self::Compare(label, comparison, values) => {
                let word = match comparison {
                    Comparison::Eq => "=",
                    Comparison::Ne => "!=",
                    Comparison::StartsWith => "startswith",
                };
                write!(f, "{} {word} ", label.name)?;
                for (i, value) in values.iter().enumerate() {
                    if i > 0 {
                        f.write_str(" | ")?;
                    }
                    if is_plain(value) {
                        f.write_str(value)?;
                    } else if value.contains('\'') {
                        // A value was written in the quotes it does not have itself.
                        write!(f, "\"{value}\"")?;
                    } else {
                        write!(f, "'{value}'")?;
                    }
                }
                Ok(())
            }
            Self::Not(inner) => write!(f, "not {inner}"),
            Self::And(parts) => join(f, parts, "and"),
            Self::Or(parts) => join(f, parts, "or"),
        }
    }
}

const KEYWORDS: [&str; 7] = ["and", "or", "not", "has", "startswith", "in", "all"];

fn is_plain(value: &str) -> bool {
    !value.is_empty() && value.chars().all(is_word) && !KEYWORDS.contains(&value)
}

fn is_word(c: char) -> bool {
    !c.is_whitespace()
        && !matches!(
            c,
            '=' | '!' | '|' | ',' | '(' | ')' | '[' | ']' | '{' | '}' | '\'' | '"' | '~' | '&'
        )
}

#[derive(Clone, Debug)]
struct Token {
    at: usize,
    len: usize,
    text: String,
    quoted: bool,
}

impl Token {
    fn is(&self, text: &str) -> bool {
        !self.quoted && self.text == text
    }

    fn is_name(&self) -> bool {
        !self.quoted && self.text.chars().all(is_word) && !KEYWORDS.contains(&self.text.as_str())
    }

    fn is_value(&self) -> bool {
        self.quoted || self.is_name()
    }

    fn error(&self, message: String, hint: Option<String>) -> SelectorError {
        SelectorError {
            at: self.at,
            len: self.len,
            message,
            hint,
        }
    }
}

const NO_LIST: &str = "instead of `in` and a list write `=` and values separated by `|`: `os = debian-12 | debian-13`";
const NO_BRACKETS: &str =
    "there are no brackets: `not` binds tighter than `and`, `and` tighter than `or`";

fn lex(text: &str) -> Result<Vec<Token>, SelectorError> {
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(c) = text[at..].chars().next() {
        let rest = &text[at..];
        let fail = |message: String, hint: &str| {
            Err(SelectorError {
                at,
                len: c.len_utf8(),
                message,
                hint: Some(hint.to_owned()),
            })
        };
        let (len, quoted) = match c {
            _ if c.is_whitespace() => {
                at += c.len_utf8();
                continue;
            }
            '\'' | '"' => match rest[1..].find(c) {
                Some(end) => (end + 2, true),
                None => return fail("this quote is never closed".to_owned(), "close the quote"),
            },
            '!' if rest.starts_with("!=") => (2, false),
            '=' if rest.starts_with("==") => {
                return fail("`==` is not a comparison".to_owned(), "use one `=`");
            }
            '=' | '|' => (1, false),
            ',' => {
                return fail(
                    "a comma does not belong in a selector".to_owned(),
                    "join conditions with `and`, values with `|`",
                );
            }
            '(' | ')' | '[' | ']' | '{' | '}' => {
                let is_list = tokens.last().is_some_and(|token: &Token| token.is("in"));
                let hint = if is_list { NO_LIST } else { NO_BRACKETS };
                return fail(format!("`{c}` does not belong in a selector"), hint);
            }
            '&' => {
                return fail(
                    "`&` does not belong in a selector".to_owned(),
                    "use the word `and`",
                );
            }
            '!' | '~' => {
                return fail(
                    format!("`{c}` does not belong in a selector"),
                    "use `not`, `!=` or `startswith`",
                );
            }
            _ => (rest.find(|c| !is_word(c)).unwrap_or(rest.len()), false),
        };
        let body = if quoted {
            &rest[1..len - 1]
        } else {
            &rest[..len]
        };
        tokens.push(Token {
            at,
            len,
            text: body.to_owned(),
            quoted,
        });
        at += len;
    }
    Ok(tokens)
}

/// How many `not` may stand before one another: more is a slip, and unbounded recursion would be ours.
const MAX_NOT: usize = 16;

struct Parser {
    tokens: Vec<Token>,
    next: usize,
    end: usize,
    /// Whether a name alone is a condition.
    bare: bool,
}

impl Parser {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.next)
    }

    fn take(&mut self, text: &str) -> bool {
        let found = self.peek().is_some_and(|token| token.is(text));
        self.next += usize::from(found);
        found
    }

    fn missing(&self, what: &str, hint: &str) -> SelectorError {
        let hint = Some(hint.to_owned());
        match self.peek() {
            Some(token) => token.error(format!("expected {what}, found `{}`", token.text), hint),
            None => SelectorError {
                at: self.end,
                len: 0,
                message: format!("expected {what}, but the selector ends"),
                hint,
            },
        }
    }

    fn or(&mut self, depth: usize) -> Result<Selector, SelectorError> {
        let mut parts = vec![self.and(depth)?];
        while self.take("or") {
            parts.push(self.and(depth)?);
        }
        Ok(if parts.len() == 1 {
            parts.remove(0)
        } else {
            Selector::Or(parts)
        })
    }

    fn and(&mut self, depth: usize) -> Result<Selector, SelectorError> {
        let mut parts = vec![self.not(depth)?];
        while self.take("and") {
            parts.push(self.not(depth)?);
        }
        Ok(if parts.len() == 1 {
            parts.remove(0)
        } else {
            Selector::And(parts)
        })
    }

    fn not(&mut self, depth: usize) -> Result<Selector, SelectorError> {
        if depth > MAX_NOT {
            return Err(self.missing("a condition", "so many `not` in a row cannot be meant"));
        }
        if self.take("not") {
            return Ok(Selector::Not(Box::new(self.not(depth + 1)?)));
        }
        self.condition()
    }

    fn label(&mut self) -> Result<Label, SelectorError> {
        const HINT: &str = "for example `role = web`, `has pam`, `os startswith windows`";
        match self.peek() {
            Some(token) if token.is_name() => {
                let label = Label {
                    name: token.text.clone(),
                    at: u32::try_from(token.at).unwrap_or(u32::MAX),
                };
                self.next += 1;
                Ok(label)
            }
            _ => Err(self.missing("a label", HINT)),
        }
    }

    /// Whether a condition ends here.
    fn is_at_an_end(&self) -> bool {
        self.peek()
            .is_none_or(|token| token.is("and") || token.is("or"))
    }

    fn condition(&mut self) -> Result<Selector, SelectorError> {
        if self.take("all") {
            return Ok(Selector::All);
        }
        if self.take("has") {
            return Ok(Selector::Has(self.label()?));
        }
        let label = self.label()?;
        let comparison = if self.take("=") {
            Comparison::Eq
        } else if self.take("!=") {
            Comparison::Ne
        } else if self.take("startswith") {
            Comparison::StartsWith
        } else if self.bare && self.is_at_an_end() {
            return Ok(Selector::Compare(
                label,
                Comparison::Eq,
                vec!["yes".to_owned()],
            ));
        } else {
            let hint = if self.peek().is_some_and(|token| token.is("in")) {
                format!("write `{} = one | two`", label.name)
            } else if self.is_at_an_end() {
                // A host's name alone is what people write first.
                format!(
                    "write `name = {0}` for the host of this name; for a label `{0} = ...`, or `has {0}`",
                    label.name
                )
            } else {
                format!("write `{0} = ...`, or `has {0}`", label.name)
            };
            return Err(self.missing("`=`, `!=` or `startswith`", &hint));
        };
        let mut values = vec![self.value()?];
        while self.take("|") {
            values.push(self.value()?);
        }
        Ok(Selector::Compare(label, comparison, values))
    }

    fn value(&mut self) -> Result<String, SelectorError> {
        match self.peek() {
            Some(token) if token.is_value() => {
                let value = token.text.clone();
                self.next += 1;
                Ok(value)
            }
            _ => Err(self.missing(
                "a value",
                "quote a value that is a word of the language, as in `env = 'all'`",
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host() -> Labels {
        [
            ("role", "dc"),
            ("os", "windows-2022"),
            ("pam", "yes"),
            ("gc", "no"),
        ]
        .into_iter()
        .collect()
    }

    #[test]
    fn precedence_absence_and_truth_words_are_as_documented() {
        for (text, expected) in [
            ("all", true),
            ("role = dc", true),
            ("role = web | dc", true),
            ("role != web | dc", false),
            ("tier = critical", false),
            ("tier != critical", true),
            ("tier startswith c", false),
            ("has pam and not has tier", true),
            ("os startswith windows and role = web or pam = true", true),
            ("not role = web and gc = false", true),
            ("not role = dc or role = dc", true),
            ("name = dc-fra-1", true),
            ("name = 'dc-fra-1'", true),
            ("not not role = dc", true),
            ("role = \"it's\"", false),
            ("role = '\"dc\"' | dc", true),
        ] {
            let selector = Selector::parse(text).unwrap();
            assert_eq!(selector.matches("dc-fra-1", &host()), expected, "{text}");
            let again = Selector::parse(&selector.to_string()).unwrap();
            assert_eq!(again.to_string(), selector.to_string(), "{text}");
        }
    }

    #[test]
    fn a_name_alone_is_a_condition_and_no_selector() {
        let of = |exploited: &str, severity: &str| -> Labels {
            [("exploited", exploited), ("severity", severity)]
                .into_iter()
                .collect()
        };
        let condition = Selector::parse_condition("exploited or severity = critical").unwrap();
        for (labels, holds) in [
            (of("yes", "low"), true),
            (of("no", "critical"), true),
            (of("no", "low"), false),
        ] {
            assert_eq!(condition.matches("april", &labels), holds, "{labels:?}");
        }
        assert!(Selector::parse_condition("not exploited and disclosed").is_ok());
        assert!(Selector::parse_condition("exploited severity").is_err());
        assert!(Selector::parse("exploited").is_err());
    }

    /// What other languages have is told in the words of this one.
    #[test]
    fn an_error_says_what_is_to_be_written_instead() {
        for (text, hint) in [
            ("pg-pacs-1", "`name = pg-pacs-1`"),
            ("role = web and pg-1", "`name = pg-1`"),
            ("os in [debian-12, debian-13]", "separated by `|`"),
            ("role in web", "`role = one | two`"),
            ("role dc", "`role = ...`"),
            ("[role]", "no brackets"),
        ] {
            let error = Selector::parse(text).unwrap_err();
            let said = error.hint.unwrap_or_default();
            assert!(said.contains(hint), "{text}: {said}");
        }
    }

    #[test]
    fn an_error_points_at_its_place() {
        for (text, at, part) in [
            ("role = ", 7, "expected a value"),
            ("role dc", 5, "expected `=`"),
            ("role = web, dc", 10, "comma"),
            ("(role = web)", 0, "does not belong"),
            ("role == web", 5, "`==`"),
            ("role = web dc", 11, "not expected here"),
            ("and role = web", 0, "expected a label"),
            ("role in web", 5, "expected `=`"),
            ("role = 'web", 7, "never closed"),
            ("", 0, "selector ends"),
        ] {
            let error = Selector::parse(text).unwrap_err();
            assert_eq!(error.at, at, "{text}: {error}");
            assert!(error.message.contains(part), "{text}: {error}");
        }
        let deep = "not ".repeat(100_000);
        assert!(Selector::parse(&deep).is_err());
    }
}
