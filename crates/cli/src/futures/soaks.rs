//! `--soaks`: how many times as long as written the soaks are. Pure.

use std::fmt;

use crate::exit::{End, Failure};

/// What one policy is asked about by itself.
const USUAL: [Times; 5] = [
    Times { times: 0, by: 1 },
    Times { times: 1, by: 4 },
    Times { times: 1, by: 2 },
    Times { times: 1, by: 1 },
    Times { times: 2, by: 1 },
];

/// Variants at the most: what fits on a screen.
const MOST: usize = 12;

/// The largest number on either side of a fraction.
const LARGEST: u64 = 1000;

/// So many times as long: a fraction in its lowest terms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Times {
    pub(super) times: u64,
    pub(super) by: u64,
}

impl Times {
    /// As written.
    pub(super) const ONE: Self = Self { times: 1, by: 1 };
}

impl fmt::Display for Times {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.by == 1 {
            write!(f, "{}", self.times)
        } else {
            write!(f, "{}/{}", self.times, self.by)
        }
    }
}

/// The list that was asked for, or the usual one.
///
/// # Errors
///
/// Exit code 2: not such a list.
pub(super) fn wanted(list: Option<&str>, policies: usize) -> Result<Vec<Times>, Failure> {
    let Some(list) = list else {
        return Ok(if policies > 1 {
            vec![Times::ONE]
        } else {
            USUAL.to_vec()
        });
    };
    let mut all: Vec<Times> = Vec::new();
    for word in list.split(',') {
        let times = read(word.trim()).ok_or_else(|| {
            let why = format!(
                "`{word}` in `--soaks {list}` is no whole number and no fraction up to {LARGEST}"
            );
            Failure::new(End::Invalid, why).hint("for example `--soaks 0,1/4,1/2,1,3/2`")
        })?;
        if !all.contains(&times) {
            all.push(times);
        }
    }
    if all.len() * policies.max(1) > MOST {
        let why = format!("more than {MOST} variants do not fit on a screen");
        return Err(Failure::new(End::Invalid, why).hint("ask for fewer soaks or policies"));
    }
    Ok(all)
}

fn read(word: &str) -> Option<Times> {
    let number = |text: &str| {
        let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let number: u64 = text.parse().ok().filter(|_| is_number)?;
        (number <= LARGEST).then_some(number)
    };
    let (times, by) = word.split_once('/').unwrap_or((word, "1"));
    let (times, by) = (number(times)?, number(by).filter(|&by| by > 0)?);
    let (mut divisor, mut rest) = (by, times);
    while rest > 0 {
        (divisor, rest) = (rest, divisor % rest);
    }
    Some(Times {
        times: times / divisor,
        by: by / divisor,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fractions_are_read_in_their_lowest_terms_and_nothing_else_is() {
        let shown = |list: &str| -> Vec<String> {
            let all = wanted(Some(list), 1).unwrap();
            all.iter().map(Times::to_string).collect()
        };
        assert_eq!(
            shown("0, 1/4,2/4,1/2,1,6/4"),
            ["0", "1/4", "1/2", "1", "3/2"]
        );
        for bad in [
            "",
            "1,",
            "x",
            "1/0",
            "-1",
            "+1",
            "0.5",
            "1/2/3",
            "1001",
            "1 /2",
            "1,2,3,4,5,6,7,8,9,10,11,12,13",
        ] {
            assert_eq!(wanted(Some(bad), 1).unwrap_err().end, End::Invalid, "{bad}");
        }
        assert_eq!(wanted(None, 1).unwrap().len(), 5);
        assert_eq!(wanted(None, 2).unwrap(), [Times::ONE]);
        assert!(wanted(Some("1,2,3,4,5,6,7"), 2).is_err());
    }
}
