//! The ledger of a host, read.

use std::str::FromStr;

/// What a line tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// Something began.
    Begin,
    /// It ended.
    End,
    /// It happened.
    Note,
}

/// One line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// When, in milliseconds since 1970.
    pub at: u64,
    /// What happened.
    pub event: Event,
    /// To what: `install`, or what a recipe's step says.
    pub what: String,
    /// `key=value` words behind it: `pid`, `version`, `code`, and `intent` where it is known.
    pub facts: Vec<(String, String)>,
}

impl Entry {
    /// One of its facts.
    pub fn fact(&self, name: &str) -> Option<&str> {
        self.facts
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }
}

impl FromStr for Entry {
    type Err = String;

    fn from_str(line: &str) -> Result<Self, String> {
        let wrong = || format!("not a line of a ledger: `{line}`");
        let mut words = line.split(' ');
        let at = words
            .next()
            .and_then(|at| at.parse().ok())
            .ok_or_else(wrong)?;
        let event = match words.next() {
            Some("begin") => Event::Begin,
            Some("end") => Event::End,
            Some("note") => Event::Note,
            _ => return Err(wrong()),
        };
        let mut what = Vec::new();
        let mut facts = Vec::new();
        for word in words {
            match word.split_once('=') {
                Some((name, value)) => facts.push((name.to_owned(), value.to_owned())),
                None => what.push(word),
            }
        }
        Ok(Self {
            at,
            event,
            what: what.join(" "),
            facts,
        })
    }
}

/// All lines of a ledger. A line that cannot be read is a mistake of who wrote it, and must not be passed over.
///
/// # Panics
///
/// On such a line.
pub(crate) fn read(text: &str) -> Vec<Entry> {
    text.lines()
        .map(|line| line.parse().unwrap_or_else(|why: String| panic!("{why}")))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_read_with_its_facts() {
        let entry: Entry = "12 begin install pid=7 version=2.0 intent=9"
            .parse()
            .unwrap();
        assert_eq!(
            (entry.at, entry.event, entry.what.as_str()),
            (12, Event::Begin, "install")
        );
        assert_eq!(
            (entry.fact("version"), entry.fact("code")),
            (Some("2.0"), None)
        );
        assert!("12 began install".parse::<Entry>().is_err());
        assert!("begin install".parse::<Entry>().is_err());
    }
}
