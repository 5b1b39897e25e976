//! What `wait` waits for, as it is written on the command line.

use std::str::FromStr;

/// What is waited for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Goal {
    /// The rollout is completed.
    Done,
    /// This ring was promoted.
    Promoted(String),
    /// Only a person can say how it goes on.
    NeedsPerson,
}

/// A text that says none of them.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there are: `done`, `promoted:RING`, `needs-person`")]
pub(crate) struct NoGoal;

impl FromStr for Goal {
    type Err = NoGoal;

    fn from_str(text: &str) -> Result<Self, NoGoal> {
        match (text, text.split_once(':')) {
            ("done", _) => Ok(Self::Done),
            ("needs-person", _) => Ok(Self::NeedsPerson),
            (_, Some(("promoted", ring))) if !ring.is_empty() => {
                Ok(Self::Promoted(ring.to_owned()))
            }
            _ => Err(NoGoal),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn goals_are_read_as_written() {
        for (text, goal) in [
            ("done", Ok(Goal::Done)),
            ("needs-person", Ok(Goal::NeedsPerson)),
            ("promoted:lab", Ok(Goal::Promoted("lab".to_owned()))),
            ("promoted:", Err(NoGoal)),
            ("promoted", Err(NoGoal)),
            ("lab", Err(NoGoal)),
        ] {
            assert_eq!(text.parse(), goal, "{text}");
        }
    }
}
