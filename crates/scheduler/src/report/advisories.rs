//! Which hosts of a plan advisories among the documents are about. Whether one counts is the engine's to say: this is what the
//! documents would have it be, and those that came another way are not in them.

use ringway_model::{Effect, Rank, Selector, Weight};
use ringway_policy::validated::{Advisory, Documents};

use super::parts::AdvisoryReport;
use crate::plan::Plan;
use crate::spec::FleetSpec;

/// The advisories that are about content which the plan installs on at least one host that they may affect; by id.
pub(super) fn of_plan(
    fleet: &FleetSpec,
    plan: &Plan,
    documents: &Documents,
) -> Vec<AdvisoryReport> {
    let all = documents.advisories.values();
    let reports = all.map(|one| of_one(fleet, plan, one));
    reports.filter(|one| !one.hosts.is_empty()).collect()
}

fn of_one(fleet: &FleetSpec, plan: &Plan, advisory: &Advisory) -> AdvisoryReport {
    // What was read has a selector.
    let affects = advisory.affects.as_deref();
    let selector = affects.map_or(Some(Selector::All), |text| Selector::parse(text).ok());
    let (mut hosts, mut unsure) = (Vec::new(), Vec::new());
    for slot in &plan.slots {
        let route = &plan.routes[slot.route.index()];
        let means = |one: &ringway_policy::validated::About| {
            one.means(&route.release, route.build.as_deref())
        };
        let host = &fleet.hosts[slot.host.index()];
        let Some(selector) = selector
            .as_ref()
            .filter(|_| advisory.about.iter().any(means))
        else {
            continue;
        };
        match selector.weigh(&host.name, &host.labels) {
            Weight::No => continue,
            Weight::Unknown(_) => unsure.push(host.name.clone()),
            Weight::Yes => {}
        }
        hosts.push(host.name.clone());
    }
    let counts = advisory.rank != Rank::Unverified;
    AdvisoryReport {
        id: advisory.id.clone(),
        source: advisory.source.clone(),
        rank: advisory.rank,
        effect: advisory.effect,
        held: if counts && advisory.effect != Effect::Note {
            hosts.len()
        } else {
            0
        },
        hosts,
        unsure,
        fixed_by: advisory.fixed_by.clone(),
        says: advisory.says.clone(),
    }
}
