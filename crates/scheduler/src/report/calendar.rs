//! When rings can be at the earliest, on the clocks of those who wait for them.

use std::collections::{BTreeMap, BTreeSet};

use ringway_calendar::{Opening, Timetable, UnknownZone, Zones};
use ringway_model::{Slot, Timestamp};
use ringway_policy::validated::{Documents, ZoneName};

use super::parts::{NoTimeReport, RingWhenReport, WhenReport};
use crate::plan::{Plan, RingPlan};
use crate::spec::FleetSpec;
use crate::terms::KNOWN_FOR;
use crate::when::{NoTime, RingWhen, Stands, Times, forecast};

/// The instants of a plan's rules from one on, in their order.
///
/// # Errors
///
/// A zone that a rule names and that is not among those.
pub(crate) fn instants(
    plan: &Plan,
    zones: &Zones,
    from: Timestamp,
) -> Result<Vec<Times>, UnknownZone> {
    let rules = plan.rules().map(|rule| {
        let open = rule.instants(zones, from, from + KNOWN_FOR)?;
        Ok(open.iter().map(|one| (one.start, one.end)).collect())
    });
    rules.collect()
}

/// When a plan's rings can be, where it starts at an instant.
pub(super) fn when(
    fleet: &FleetSpec,
    plan: &Plan,
    documents: &Documents,
    zones: &Zones,
    from: Timestamp,
) -> Result<WhenReport, UnknownZone> {
    let calendar = instants(plan, zones, from)?;
    let of_fleet = documents.fleet.as_ref();
    let of_fleet = of_fleet.map_or_else(ZoneName::utc, |fleet| fleet.calendar.default_zone());
    // What no rule names the caller may not have read; then it is told in UTC, as everything else is.
    let of_fleet = if zones.has(&of_fleet) {
        of_fleet
    } else {
        ZoneName::utc()
    };
    let rings = forecast(
        fleet,
        plan,
        &calendar,
        from,
        (Stands::Before, &BTreeMap::new()),
    );
    let no_time = rings.as_ref().err().map(|what| no_time(plan, *what));
    let rings = rings.unwrap_or_default();
    let finish = rings.last().map(|ring| ring.promoted);
    let due = plan.terms.due.as_ref().map(|due| due.at(from));
    let rings = rings.iter().map(|one| {
        let ring = &plan.rings[one.ring];
        let zone = zone_of(plan, ring).unwrap_or_else(|| of_fleet.clone());
        told(ring, one, &zone, zones)
    });
    Ok(WhenReport {
        from,
        zones: zones.version().to_owned(),
        rings: rings.collect::<Result<_, _>>()?,
        finish,
        finish_local: local(finish, &of_fleet, zones)?,
        no_time,
        due,
        due_local: local(due, &of_fleet, zones)?,
    })
}

/// What there is no time for, by its name.
pub(crate) fn no_time(plan: &Plan, what: NoTime) -> NoTimeReport {
    match what {
        NoTime::Start => NoTimeReport::Start,
        NoTime::Ring(ring) => NoTimeReport::Ring(plan.rings[ring].name.clone()),
    }
}

fn told(
    ring: &RingPlan,
    when: &RingWhen,
    zone: &ZoneName,
    zones: &Zones,
) -> Result<RingWhenReport, UnknownZone> {
    Ok(RingWhenReport {
        name: ring.name.clone(),
        starts: when.starts,
        settled: when.settled,
        soaked: when.soaked,
        promoted: when.promoted,
        starts_local: on_the_clock(when.starts, zone, zones)?,
        promoted_local: on_the_clock(when.promoted, zone, zones)?,
    })
}

/// The zone of a ring's hosts, where they have one together and a rule says which.
fn zone_of(plan: &Plan, ring: &RingPlan) -> Option<ZoneName> {
    let numbers = ring.slots().map(|slot| plan.times.of(Slot::at(slot)));
    let zones: Option<BTreeSet<&ZoneName>> = numbers
        .map(|number| Some(&plan.times.tables.get(number? as usize)?.zone))
        .collect();
    let zones = zones?;
    let first = zones.first().copied()?;
    (zones.len() == 1).then(|| first.clone())
}

/// What the clock of a zone shows at an instant: `sat 2026-03-14 04:10 (Europe/Berlin)`.
pub(crate) fn on_the_clock(
    at: Timestamp,
    zone: &ZoneName,
    zones: &Zones,
) -> Result<String, UnknownZone> {
    let clock = Timetable {
        zone: zone.clone(),
        ..Timetable::always()
    };
    Ok(Opening::new(&clock, zones)?.on_the_clock(at))
}

fn local(
    at: Option<Timestamp>,
    zone: &ZoneName,
    zones: &Zones,
) -> Result<Option<String>, UnknownZone> {
    at.map(|at| on_the_clock(at, zone, zones)).transpose()
}
