//! What is known of a host: names and values, as written.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A host's labels in the order of their names. Values are kept as written: `no` stays `no`.
///
/// There are as many of these as hosts, and several holders of each: all texts of one host stand one after another, and a
/// copy shares them.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Labels {
    /// Name, value, name, value, ..., by name.
    text: Arc<str>,
    /// Where each of them ends.
    ends: Arc<[u32]>,
}

impl Labels {
    /// The value of a label, if the host has it.
    pub fn get(&self, name: &str) -> Option<&str> {
        let (mut from, mut to) = (0, self.len());
        while from < to {
            let middle = from.midpoint(to);
            match self.part(2 * middle).cmp(name) {
                std::cmp::Ordering::Less => from = middle + 1,
                std::cmp::Ordering::Greater => to = middle,
                std::cmp::Ordering::Equal => return Some(self.part(2 * middle + 1)),
            }
        }
        None
    }

    /// Sets a label and returns the value it had. All labels of the host are copied: many are better collected.
    pub fn set(&mut self, name: impl Into<String>, value: impl Into<String>) -> Option<String> {
        let (name, value) = (name.into(), value.into());
        let mut all: BTreeMap<&str, &str> = self.iter().collect();
        let before = all.insert(&name, &value).map(str::to_owned);
        let set = Self::packed(&all);
        *self = set;
        before
    }

    /// All labels, by name.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &str)> {
        (0..self.len()).map(|at| (self.part(2 * at), self.part(2 * at + 1)))
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.ends.len() / 2
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    fn part(&self, at: usize) -> &str {
        let from = at.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.text[from as usize..self.ends[at] as usize]
    }

    fn packed<T: AsRef<str> + Ord>(all: &BTreeMap<T, T>) -> Self {
        let parts = || {
            all.iter()
                .flat_map(|(name, value)| [name.as_ref(), value.as_ref()])
        };
        let mut text = String::with_capacity(parts().map(str::len).sum());
        let mut ends = Vec::with_capacity(2 * all.len());
        for part in parts() {
            text.push_str(part);
            ends.push(u32::try_from(text.len()).expect("documents are far shorter than 4 GiB"));
        }
        Self {
            text: text.into(),
            ends: ends.into(),
        }
    }
}

impl<N: Into<String>, V: Into<String>> FromIterator<(N, V)> for Labels {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(labels: I) -> Self {
        let all: BTreeMap<String, String> = labels
            .into_iter()
            .map(|(name, value)| (name.into(), value.into()))
            .collect();
        Self::packed(&all)
    }
}

impl fmt::Debug for Labels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

/// As a mapping of names to values.
impl Serialize for Labels {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}

impl<'de> Deserialize<'de> for Labels {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let all = BTreeMap::<String, String>::deserialize(deserializer)?;
        Ok(Self::packed(&all))
    }
}

/// The spelling that stands for a label value: `true` for `yes` and `false` for `no`, however large their letters are, because
/// inventories arrive with either, and spreadsheets write `TRUE`; every other value stands for itself. Two values are the
/// same exactly when this is.
pub fn canonical_value(value: &str) -> &str {
    // Of most values the length says that they are neither.
    let is = |word: &str| value.eq_ignore_ascii_case(word);
    match value.len() {
        3 | 4 if is("yes") || is("true") => "true",
        2 | 5 if is("no") || is("false") => "false",
        _ => value,
    }
}

/// Whether two label values are the same.
pub(crate) fn same_value(a: &str, b: &str) -> bool {
    canonical_value(a) == canonical_value(b)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_a_mapping_in_the_order_of_their_names() {
        let mut labels: Labels = [("role", "web"), ("os", "debian-12"), ("empty", "")]
            .into_iter()
            .collect();
        assert_eq!(labels.set("tier", "low"), None);
        assert_eq!(labels.set("role", "db"), Some("web".to_owned()));
        let expected = [
            ("empty", ""),
            ("os", "debian-12"),
            ("role", "db"),
            ("tier", "low"),
        ];
        assert_eq!(labels.iter().collect::<Vec<_>>(), expected);
        assert_eq!(labels, expected.into_iter().rev().collect());
        for (name, value) in expected {
            assert_eq!(labels.get(name), Some(value));
        }
        for name in ["", "a", "ro", "roles", "z"] {
            assert_eq!(labels.get(name), None, "{name}");
        }
        assert_eq!((labels.len(), labels.is_empty()), (4, false));
        assert!(Labels::default().is_empty() && Labels::default().get("role").is_none());
    }

    /// A spreadsheet writes `TRUE` where an inventory has `yes`. No other word is taken for another.
    #[test]
    fn yes_and_true_are_the_same_however_they_are_written() {
        for (same, values) in [
            (
                "true",
                ["yes", "Yes", "YES", "true", "True", "TRUE", "tRuE"],
            ),
            ("false", ["no", "No", "NO", "false", "False", "FALSE", "nO"]),
        ] {
            for value in values {
                assert_eq!(canonical_value(value), same, "{value}");
            }
        }
        for other in ["y", "on", "1", "Web", "trueish", "none", ""] {
            assert_eq!(canonical_value(other), other);
        }
        assert!(!same_value("Web", "web") && !same_value("YES", "NO"));
    }

    /// The parts of one host stand one after another, and must not run into each other.
    #[test]
    fn labels_that_read_the_same_in_a_row_are_not_the_same() {
        let one: Labels = [("ab", "c")].into_iter().collect();
        let other: Labels = [("a", "bc")].into_iter().collect();
        assert_ne!(one, other);
        assert_eq!((one.get("ab"), one.get("a")), (Some("c"), None));
    }
}
