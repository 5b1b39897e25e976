//! One host as commands and probes are told of it.

use std::collections::BTreeMap;

use ringway_model::Labels;

use crate::quote::variable_name;

/// A host's name, address and labels.
#[derive(Clone, Copy, Debug)]
pub struct Target<'a> {
    /// Its name.
    pub host: &'a str,
    /// Where it is reached.
    pub address: &'a str,
    /// What is known of it.
    pub labels: &'a Labels,
}

/// A text with a placeholder that means nothing for a host.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlaceholderError {
    /// There is no such label.
    #[error("`{text}` needs the label `{label}`, which `{host}` does not have")]
    Missing {
        /// The text.
        text: String,
        /// The label.
        label: String,
        /// The host.
        host: String,
    },
    /// A brace is never closed.
    #[error("`{0}` has a `{{` that is never closed")]
    Open(String),
}

impl Target<'_> {
    /// `text` with `{host}`, `{address}` and `{LABEL}` replaced by this host's own. A value that looks like a placeholder
    /// is not looked into again.
    ///
    /// # Errors
    ///
    /// When the host has no such label, or a brace is never closed.
    pub fn fill(&self, text: &str) -> Result<String, PlaceholderError> {
        let mut filled = String::with_capacity(text.len());
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('{') {
            let (name, after) = after
                .split_once('}')
                .ok_or_else(|| PlaceholderError::Open(text.to_owned()))?;
            filled.push_str(before);
            filled.push_str(match name {
                "host" => self.host,
                "address" => self.address,
                label => self
                    .labels
                    .get(label)
                    .ok_or_else(|| PlaceholderError::Missing {
                        text: text.to_owned(),
                        label: label.to_owned(),
                        host: self.host.to_owned(),
                    })?,
            });
            rest = after;
        }
        filled.push_str(rest);
        Ok(filled)
    }

    /// What every command is told of its host by environment variables: `HOST`, `ADDRESS`, `LABEL_<NAME>`.
    pub fn values(&self) -> BTreeMap<String, String> {
        let labels = self
            .labels
            .iter()
            .map(|(name, value)| (format!("LABEL_{}", variable_name(name)), value.to_owned()));
        [
            ("HOST".to_owned(), self.host.to_owned()),
            ("ADDRESS".to_owned(), self.address.to_owned()),
        ]
        .into_iter()
        .chain(labels)
        .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_are_the_hosts_own_values() {
        let labels = Labels::from_iter([("port", "8080"), ("odd", "{host}")]);
        let target = Target {
            host: "web-1",
            address: "10.0.0.1",
            labels: &labels,
        };
        for (text, filled) in [
            ("", ""),
            ("{port}", "8080"),
            ("/{host}/{address}?p={port}", "/web-1/10.0.0.1?p=8080"),
            ("{odd}", "{host}"),
            ("a}b", "a}b"),
        ] {
            assert_eq!(target.fill(text).as_deref(), Ok(filled));
        }
        let error = target.fill("{prot}").unwrap_err().to_string();
        assert_eq!(
            error,
            "`{prot}` needs the label `prot`, which `web-1` does not have"
        );
        let error = target.fill("x{port").unwrap_err().to_string();
        assert_eq!(error, "`x{port` has a `{` that is never closed");
    }

    #[test]
    fn commands_are_told_of_their_host() {
        let labels = Labels::from_iter([("failure-domain", "rack 7")]);
        let target = Target {
            host: "web-1",
            address: "10.0.0.1",
            labels: &labels,
        };
        let values = target.values();
        let values: Vec<_> = values
            .iter()
            .map(|(n, v)| (n.as_str(), v.as_str()))
            .collect();
        assert_eq!(
            values,
            [
                ("ADDRESS", "10.0.0.1"),
                ("HOST", "web-1"),
                ("LABEL_FAILURE_DOMAIN", "rack 7")
            ]
        );
    }
}
