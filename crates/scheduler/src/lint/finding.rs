//! One finding, and how much it matters.

use ringway_policy::At;
use ringway_policy::validated::Acceptance;
use serde::Serialize;

use super::perform::Pair;

/// How much a finding matters. In the order of the words: a note is the least.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// Worth knowing; nothing has to be done.
    Note,
    /// Most probably not what was meant.
    Warning,
    /// Something that was asked for can never happen.
    Error,
}

impl Severity {
    /// Its word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// Something that is valid and most probably a mistake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The stable code of its kind, as `no-gate`.
    pub code: &'static str,
    /// How much it matters.
    pub severity: Severity,
    /// Where.
    pub at: At,
    /// What, with numbers.
    pub message: String,
    /// What could be done.
    pub hint: String,
    /// The plans it is found in; empty where it is about no plan.
    pub plans: Vec<Pair>,
    /// The acceptance that covers it.
    pub accepted: Option<Acceptance>,
}

impl Finding {
    /// Whether somebody has to do something: it is more than a note, and nobody accepts it.
    pub fn counts(&self) -> bool {
        self.accepted.is_none() && self.severity >= Severity::Warning
    }
}

/// What the rules find, while they look.
pub(crate) struct Found {
    code: &'static str,
    severity: Severity,
    pub(super) findings: Vec<Finding>,
}

impl Found {
    /// Nothing yet, by the rule of this code.
    pub(super) const fn by(code: &'static str, severity: Severity) -> Self {
        Self {
            code,
            severity,
            findings: Vec::new(),
        }
    }

    /// Adds a finding.
    pub(super) fn add(&mut self, at: At, message: impl Into<String>, hint: impl Into<String>) {
        self.findings.push(Finding {
            code: self.code,
            severity: self.severity,
            at,
            message: message.into(),
            hint: hint.into(),
            plans: Vec::new(),
            accepted: None,
        });
    }
}
