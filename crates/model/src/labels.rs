//! What is known of a host: names and values, as written.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// A host's labels in the order of their names. Values are kept as written: `no` stays `no`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Labels(BTreeMap<String, String>);

impl Labels {
    /// The value of a label, if the host has it.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// Sets a label and returns the value it had.
    pub fn set(&mut self, name: impl Into<String>, value: impl Into<String>) -> Option<String> {
        self.0.insert(name.into(), value.into())
    }

    /// All labels, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<N: Into<String>, V: Into<String>> FromIterator<(N, V)> for Labels {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(labels: I) -> Self {
        Self(
            labels
                .into_iter()
                .map(|(name, value)| (name.into(), value.into()))
                .collect(),
        )
    }
}

/// The spelling that stands for a label value: `true` for `yes` and `false` for `no`, because inventories arrive with
/// either; every other value stands for itself. Two values are the same exactly when this is.
pub fn canonical_value(value: &str) -> &str {
    match value {
        "yes" | "Yes" | "True" => "true",
        "no" | "No" | "False" => "false",
        other => other,
    }
}

/// Whether two label values are the same.
pub(crate) fn same_value(a: &str, b: &str) -> bool {
    canonical_value(a) == canonical_value(b)
}
