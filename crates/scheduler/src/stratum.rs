//! Strata: which differences between hosts count, and how they are named.

use ringway_model::canonical_value;

use crate::fleet::NONE;
use crate::index::value_of;
use crate::spec::HostSpec;

/// A host's stratum by these labels, as people are shown it: `os=debian-12 role=sql`.
pub(crate) fn of(host: &HostSpec, by: &[String]) -> String {
    let values: Vec<_> = by
        .iter()
        .map(|label| value_of(host, label).map(canonical_value))
        .collect();
    named(by, &values)
}

/// The name of the stratum with these values of these labels.
pub(crate) fn named(by: &[String], values: &[Option<&str>]) -> String {
    let parts = by.iter().zip(values);
    let parts = parts.map(|(label, value)| format!("{label}={}", value.unwrap_or(NONE)));
    parts.collect::<Vec<_>>().join(" ")
}
