//! The ticket by which a change management system knows a rollout.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A ticket such as `CHG0012345`, taken as it is: nothing is looked up by it. Letters, digits and `. - _ : / #`, at most 64, a
/// letter or digit first, so that it does nothing to a terminal, a page or a spreadsheet wherever it is shown.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ChangeId(String);

/// A text that is no such ticket.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a change is 1 to {} letters, digits and `. - _ : / #`, a letter or digit first, as in `CHG0012345`",
    ChangeId::LONGEST
)]
pub struct ChangeParseError;

impl ChangeId {
    /// The longest one. Tickets are a dozen characters; every line about a rollout carries it.
    pub const LONGEST: usize = 64;

    /// As it is written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ChangeId {
    type Err = ChangeParseError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::try_from(text.to_owned())
    }
}

impl TryFrom<String> for ChangeId {
    type Error = ChangeParseError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let is_fine = |c: char| c.is_ascii_alphanumeric() || ".-_:/#".contains(c);
        let begins_well = text.starts_with(|c: char| c.is_ascii_alphanumeric());
        if begins_well && text.len() <= Self::LONGEST && text.chars().all(is_fine) {
            Ok(Self(text))
        } else {
            Err(ChangeParseError)
        }
    }
}

impl From<ChangeId> for String {
    fn from(change: ChangeId) -> Self {
        change.0
    }
}

impl fmt::Display for ChangeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ticket_is_short_plain_and_begins_with_a_letter_or_digit() {
        for good in ["CHG0012345", "4711", "OPS-12/3", "team:a#9", "x.y_z"] {
            assert_eq!(good.parse::<ChangeId>().unwrap().as_str(), good);
        }
        let long = "a".repeat(ChangeId::LONGEST + 1);
        for bad in [
            "",
            " CHG1",
            "CHG 1",
            "-1",
            "=1+1",
            "CHG\n1",
            "CHG\u{1b}",
            "ü1",
            &long,
        ] {
            assert_eq!(bad.parse::<ChangeId>(), Err(ChangeParseError), "{bad:?}");
        }
    }
}
