//! Kinds of hosts that a ring meets without anything known about them.

use ringway_policy::validated::WhereMissing;

use super::super::facts::Facts;
use super::super::finding::Found;
use super::list;
use crate::words::{hosts, several};

/// Strata that no earlier ring has an example of.
pub(in super::super) fn unseen(facts: &Facts<'_>, into: &mut Found) {
    let report = facts.report;
    // Where examples go first nothing is met without anything known about it, whichever ring meets it.
    let examples = facts.plan.evidence.as_ref();
    let examples = examples.filter(|of| of.where_missing == WhereMissing::Canary);
    let by = &report.coverage.by;
    if examples.is_some_and(|of| by.iter().all(|label| of.by.contains(label))) {
        return;
    }
    for (at, ring) in report.rings.iter().enumerate() {
        let strata = report.coverage.strata.iter();
        let new = strata.filter(|stratum| stratum.unseen_before && stratum.first_ring == at);
        let count = new.clone().count();
        if count == 0 {
            continue;
        }
        let affected: u32 = new.clone().map(|stratum| stratum.in_rings[at]).sum();
        let counted = match count {
            1 => "a stratum".to_owned(),
            count => several(count, "stratum", "strata"),
        };
        let message = format!(
            "ring `{}` is the first to meet {counted}, {affected} of its {}: {}",
            ring.name,
            hosts(ring.hosts),
            list(new.map(|stratum| {
                let name = stratum.stratum.as_str();
                let of_group = report.coverage.is_by_groups();
                let group = name.split_once('=').filter(|_| of_group);
                group.map_or(name, |(_, group)| group)
            }))
        );
        let hint = if report.coverage.is_by_groups() {
            "give the hosts a label that tells their groups apart, for example `role`, and an earlier ring `cover: { by: [role] }`"
                .to_owned()
        } else {
            format!("`cover: {{ by: [{}] }}` in an earlier ring", by.join(", "))
        };
        into.add(facts.in_ring(at), message, hint);
    }
}
