//! Announced work on nobody.

use ringway_policy::{At, Kind};

use super::super::facts::Facts;
use super::super::finding::Found;
use super::selectors::meant_by;

/// Work that no host of the fleet is meant by: it would be declared of nobody, and whoever has it done finds hosts visited.
pub(in super::super) fn of_nobody(facts: &Facts<'_>, into: &mut Found) {
    for one in facts.documents.maintenances.values() {
        for work in &one.work {
            let mut hosts = facts.fleet.hosts.iter();
            if hosts.any(|host| work.hosts.matches(&host.name, &host.labels)) {
                continue;
            }
            into.add(
                At::document(Kind::Maintenance, &one.name)
                    .key("work")
                    .named(&work.name)
                    .key("hosts"),
                format!(
                    "work `{}` of maintenance `{}` is on no host of fleet `{}`",
                    work.name, one.name, facts.fleet.name
                ),
                meant_by(facts.fleet, &work.hosts)
                    .unwrap_or_else(|| "take it out if its hosts are gone".to_owned()),
            );
        }
    }
}
