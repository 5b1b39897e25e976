//! Strata: which differences between hosts a ring has evidence for.

use ringway_model::canonical_value;

use crate::fleet::NONE;
use crate::index::value_of;
use crate::spec::HostSpec;

/// A host's stratum by these labels, as people are shown it: `os=debian-12 role=sql`.
pub(crate) fn stratum(host: &HostSpec, by: &[String]) -> String {
    let part = |label: &String| {
        let value = value_of(host, label).map_or(NONE, canonical_value);
        format!("{label}={value}")
    };
    by.iter().map(part).collect::<Vec<_>>().join(" ")
}
