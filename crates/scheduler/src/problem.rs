//! Why there is no plan: every problem at once, each with a stable code, a sentence and a hint.

use std::fmt;

use serde::Serialize;

/// One reason why there is no plan.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct PlanProblem {
    /// The stable code of its kind, as `cover-impossible`.
    pub code: &'static str,
    /// What is wrong.
    pub message: String,
    /// What would be right.
    pub hint: String,
}

impl PlanProblem {
    pub(crate) fn new(
        code: &'static str,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) -> Self {
        Self {
            code,
            message: message.into(),
            hint: hint.into(),
        }
    }
}

/// Everything that is in the way of a plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PlanProblems {
    /// The problems, at least one, none twice.
    pub problems: Vec<PlanProblem>,
}

impl PlanProblems {
    /// `Ok` where there is none.
    pub(crate) fn none_of(mut problems: Vec<PlanProblem>) -> Result<(), Self> {
        let mut seen = std::collections::BTreeSet::new();
        problems.retain(|problem| seen.insert(problem.clone()));
        if problems.is_empty() {
            Ok(())
        } else {
            Err(Self { problems })
        }
    }
}

impl From<PlanProblem> for PlanProblems {
    fn from(problem: PlanProblem) -> Self {
        Self {
            problems: vec![problem],
        }
    }
}

/// The look of every report of problems: a headline, then each with its hint on a line of its own.
impl fmt::Display for PlanProblems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plural = if self.problems.len() == 1 { "" } else { "s" };
        write!(f, "the plan has {} problem{plural}", self.problems.len())?;
        for problem in &self.problems {
            write!(f, "\n\n  {}\n  hint: {}", problem.message, problem.hint)?;
        }
        Ok(())
    }
}

impl std::error::Error for PlanProblems {}
