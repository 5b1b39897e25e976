//! Shares of a number of hosts, with their rounding named at every use.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A share between 0 % and 100 %, in millionths. Written `2%`, `0.5%`. The default is nothing, 0 %.
///
/// What must be *taken or kept up* rounds up; what *may go wrong or down* rounds down.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Share(u32);

impl Share {
    /// Everything.
    pub const ALL: Self = Self(1_000_000);

    /// From millionths; `None` above 100 %.
    pub const fn from_millionths(millionths: u32) -> Option<Self> {
        if millionths <= 1_000_000 {
            Some(Self(millionths))
        } else {
            None
        }
    }

    /// The share in millionths.
    pub const fn millionths(self) -> u32 {
        self.0
    }

    /// This share of `count`, rounded up.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a share of a number is no larger than it"
    )]
    pub const fn of_rounded_up(self, count: u32) -> u32 {
        ((count as u64 * self.0 as u64).div_ceil(1_000_000)) as u32
    }

    /// This share of `count`, rounded down.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a share of a number is no larger than it"
    )]
    pub const fn of_rounded_down(self, count: u32) -> u32 {
        (count as u64 * self.0 as u64 / 1_000_000) as u32
    }
}

/// A text that is not a share.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a share between 0% and 100%")]
pub struct ShareParseError(pub String);

impl FromStr for Share {
    type Err = ShareParseError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let fail = || ShareParseError(text.to_owned());
        let number = text.trim().strip_suffix('%').ok_or_else(fail)?.trim_end();
        let (whole, part) = number.split_once('.').unwrap_or((number, "0"));
        let digits = |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_digit());
        if !digits(whole) || !digits(part) || part.len() > 4 || whole.len() > 3 {
            return Err(fail());
        }
        let whole: u32 = whole.parse().map_err(|_| fail())?;
        let part: u32 = format!("{part:0<4}").parse().map_err(|_| fail())?;
        Self::from_millionths(whole * 10_000 + part).ok_or_else(fail)
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, part) = (self.0 / 10_000, self.0 % 10_000);
        if part == 0 {
            return write!(f, "{whole}%");
        }
        let part = format!("{part:04}");
        write!(f, "{whole}.{}%", part.trim_end_matches('0'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_read_written_and_rounded_both_ways() {
        for (text, millionths) in [
            ("2%", 20_000),
            ("0.5%", 5_000),
            ("100%", 1_000_000),
            ("33.3333%", 333_333),
        ] {
            let share: Share = text.parse().unwrap();
            assert_eq!(share.millionths(), millionths);
            assert_eq!(share.to_string(), text);
        }
        for text in [
            "",
            "%",
            "2",
            "101%",
            "100.0001%",
            "-1%",
            "1.23456%",
            "1e2%",
            ".5%",
            "5.%",
        ] {
            assert!(text.parse::<Share>().is_err(), "{text}");
        }
        let two: Share = "2%".parse().unwrap();
        assert_eq!((two.of_rounded_up(60), two.of_rounded_down(60)), (2, 1));
        assert_eq!(Share::ALL.of_rounded_up(u32::MAX), u32::MAX);
    }
}
