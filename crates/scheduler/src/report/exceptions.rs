//! Which hosts of a plan documents leave out, and until when. Whether an exception is in force is the engine's to say: this
//! is what the documents would have it be.

use std::collections::BTreeSet;

use ringway_calendar::{UnknownZone, Zones, ends};
use ringway_model::{HostId, Selector, Timestamp};
use ringway_policy::validated::{Documents, Exception, ZoneName};

use super::parts::ExceptionReport;
use crate::plan::Plan;
use crate::spec::FleetSpec;

/// The exceptions that are about a plan's update and at least one of its hosts, by id.
pub(super) fn of_plan(
    fleet: &FleetSpec,
    plan: &Plan,
    documents: &Documents,
) -> Vec<ExceptionReport> {
    let all = documents.exceptions.values();
    let all = all.filter(|one| one.updates.covers(&plan.update));
    let reports = all.map(|one| ExceptionReport {
        id: one.id.clone(),
        hosts: targets(fleet, plan, &one.hosts),
        select: one.written.clone(),
        until: one.until.to_string(),
        ends: None,
        ends_in_ms: None,
        owner: one.owner.clone(),
        reason: one.reason.clone(),
        approved_by: one.approved_by.clone(),
    });
    reports.filter(|one| !one.hosts.is_empty()).collect()
}

/// The same with their instants; those that are over by then have no effect and are left out.
pub(super) fn from(
    reports: Vec<ExceptionReport>,
    documents: &Documents,
    zones: &Zones,
    from: Timestamp,
) -> Result<Vec<ExceptionReport>, UnknownZone> {
    let mut dated = Vec::new();
    for mut report in reports {
        let Some(one) = documents.exceptions.get(&report.id) else {
            continue;
        };
        let at = end_of(one, documents, zones)?;
        if at > from {
            report.ends = Some(at);
            report.ends_in_ms = Some(at.since(from));
            dated.push(report);
        }
    }
    Ok(dated)
}

/// When an exception ends, by the fleet's zone.
pub(crate) fn end_of(
    exception: &Exception,
    documents: &Documents,
    zones: &Zones,
) -> Result<Timestamp, UnknownZone> {
    let fleet = documents.fleet.as_ref();
    let zone = fleet.map_or_else(ZoneName::utc, |fleet| fleet.calendar.default_zone());
    ends(&exception.until, &zone, zones)
}

/// The names of a plan's hosts that a selector means.
fn targets(fleet: &FleetSpec, plan: &Plan, selector: &Selector) -> Vec<String> {
    let hosts = plan.slots.iter().map(|slot| slot.host);
    let hosts: BTreeSet<HostId> = hosts.chain(plan.unclaimed.iter().copied()).collect();
    let hosts = hosts.iter().map(|host| &fleet.hosts[host.index()]);
    let meant = hosts.filter(|host| selector.matches(&host.name, &host.labels));
    meant.map(|host| host.name.clone()).collect()
}
