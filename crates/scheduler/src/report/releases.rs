//! Product lines: which release how many hosts have, what its vendor says of it, and what hosts are like that have none.

use std::collections::{BTreeMap, BTreeSet};

use ringway_policy::validated::Update;

use super::parts::ReleaseReport;
use crate::plan::Plan;
use crate::spec::FleetSpec;

/// Every release, also those that no host has.
pub(super) fn releases(plan: &Plan, update: &Update) -> Vec<ReleaseReport> {
    let mut hosts: BTreeMap<(&str, Option<&str>), usize> = BTreeMap::new();
    for slot in &plan.slots {
        let route = &plan.routes[slot.route.index()];
        let key = (route.release.as_str(), route.build.as_deref());
        *hosts.entry(key).or_default() += 1;
    }
    update
        .releases
        .iter()
        .map(|release| {
            let mut cves: BTreeMap<String, usize> = BTreeMap::new();
            for cve in update.mends(release) {
                *cves
                    .entry(cve.severity.clone().unwrap_or_default())
                    .or_default() += 1;
            }
            // Releases that are the same content are one: their hosts are told with the first.
            let key = (release.id.as_str(), release.build.as_deref());
            ReleaseReport {
                id: release.id.clone(),
                build: release.build.clone(),
                select: release.select.to_string(),
                hosts: hosts.remove(&key).unwrap_or_default(),
                restart: release.vendor.restart,
                hotpatch: release.vendor.hotpatch,
                supersedes: release.vendor.supersedes.clone(),
                cves,
                exploited: update.mends(release).filter(|cve| cve.exploited).count(),
            }
        })
        .collect()
}

/// What hosts without a release have of the labels that releases are chosen by.
pub(super) fn left_out_by(
    fleet: &FleetSpec,
    plan: &Plan,
    update: &Update,
) -> BTreeMap<String, BTreeMap<String, usize>> {
    if plan.not_applicable.is_empty() {
        return BTreeMap::new();
    }
    let asked = update
        .releases
        .iter()
        .flat_map(|release| release.select.labels());
    let asked: BTreeSet<&str> = asked.map(|label| label.name.as_str()).collect();
    asked
        .into_iter()
        .filter(|name| *name != "name")
        .map(|name| {
            let mut values: BTreeMap<String, usize> = BTreeMap::new();
            for host in &plan.not_applicable {
                let value = fleet.hosts[host.index()]
                    .labels
                    .get(name)
                    .unwrap_or_default();
                *values.entry(value.to_owned()).or_default() += 1;
            }
            (name.to_owned(), values)
        })
        .collect()
}
