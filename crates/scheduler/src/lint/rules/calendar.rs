//! Mistakes that only a calendar shows: due dates that nothing can meet, soaks while nobody is at work, windows whose start a
//! clock skips.

use std::collections::BTreeSet;

use ringway_calendar::{HoursIn, Moved, moved};
use ringway_model::{Span, VisitKind};
use ringway_policy::validated::ZoneName;

use super::super::facts::{Dates, Facts};
use super::super::finding::Found;
use crate::report::{assumed, no_time, on_the_clock};
use crate::terms::KNOWN_FOR;

/// A due date that windows, soaks and hours cannot meet, whatever happens.
pub(in super::super) fn due_missed(facts: &Facts<'_>, into: &mut Found) {
    let (Some(dates), Some(due)) = (facts.calendar, &facts.plan.terms.due) else {
        return;
    };
    let at = due.at(dates.from);
    let finish = dates.rings.as_ref().map(|rings| rings.last());
    let finish = finish.map(|last| last.map_or(dates.from, |ring| ring.promoted));
    if finish.is_ok_and(|finish| finish <= at) {
        return;
    }
    let zone = facts.documents.fleet.as_ref();
    let zone = zone.map_or_else(ZoneName::utc, |fleet| fleet.calendar.default_zone());
    let clock = |at| on_the_clock(at, &zone, dates.zones).unwrap_or_default();
    let earliest = match finish {
        Ok(finish) => format!("everywhere at the earliest {}", clock(finish)),
        Err(what) => format!(
            "nowhere near everywhere within {KNOWN_FOR}: {}",
            no_time(facts.plan, *what).words()
        ),
    };
    let after = match due.released {
        Some(_) => "its release",
        None => "a start now",
    };
    into.add(
        facts.in_policy().key("due"),
        format!(
            "update `{}` is due {} ({} after {after}, says `{}`), and would be {earliest}",
            facts.plan.update,
            clock(at),
            due.within,
            due.by
        ),
        "open more windows, shorten soaks where that is safe, or say a date that can be met",
    );
}

/// A soak that lies in idle time whenever its ring is visited.
pub(in super::super) fn idle_soak(facts: &Facts<'_>, into: &mut Found) {
    let Some(dates) = facts.calendar else { return };
    let Some(fleet) = &facts.documents.fleet else {
        return;
    };
    let Some(hours) = &fleet.calendar.working_hours else {
        return;
    };
    let zone = fleet.calendar.default_zone();
    let Ok(working) = HoursIn::new(hours, &zone, dates.zones) else {
        return;
    };
    for at in facts.peopled() {
        let ring = &facts.plan.rings[at];
        let is_observed = ring.soak > Span::ZERO && facts.plan.terms.working(at).is_none();
        if !is_observed || sees_work(facts, dates, at, &working) {
            continue;
        }
        into.add(
            facts.in_ring(at).key("soak"),
            format!(
                "ring `{}` soaks for {} after its windows, and that is never within {hours} ({zone}): nobody works with \
                 what was updated while it is observed",
                ring.name, ring.soak
            ),
            "say how much working time it needs: `soak: { for: 1d, working_time: 4h }`",
        );
    }
}

/// Whether some working time can lie in the soak of a ring, whichever of its windows its last visit is in.
fn sees_work(facts: &Facts<'_>, dates: &Dates<'_>, at: usize, working: &HoursIn<'_>) -> bool {
    let plan = facts.plan;
    let ring = &plan.rings[at];
    let slots = ring.slots();
    let tables: Option<BTreeSet<u32>> = slots
        .clone()
        .map(|slot| plan.times.of(ringway_model::Slot::at(slot)))
        .collect();
    // Where work may run at any time, so may a soak.
    let Some(tables) = tables else { return true };
    let quickest = slots.map(|slot| {
        let route = &plan.routes[plan.slots[slot].route.index()];
        let steps = route.visit(VisitKind::Update).iter();
        let steps = steps.filter_map(|&index| route.steps.get(usize::from(index)));
        steps.fold(Span::ZERO, |sum, step| {
            sum.plus(assumed(step.kind).min(step.step.timeout))
        })
    });
    let quickest = quickest.min().unwrap_or(Span::ZERO);
    let mut open = tables
        .iter()
        .filter_map(|&number| dates.rules.get(number as usize));
    let mut any = false;
    let sees = open.any(|open| {
        open.iter().any(|(start, end)| {
            any = true;
            let until = *end + plan.pace.settle + ring.soak;
            working.elapsed(*start + quickest, until) > Span::ZERO
        })
    });
    sees || !any
}

/// A window whose start the clock skips on some day of the year to come.
pub(in super::super) fn window_moved(facts: &Facts<'_>, into: &mut Found) {
    let Some(dates) = facts.calendar else { return };
    let mut seen: BTreeSet<(&str, &ZoneName)> = BTreeSet::new();
    for table in &facts.plan.times.tables {
        for (name, window) in table.layers.iter().flat_map(|layer| &layer.windows) {
            let zone = window.zone.as_ref().unwrap_or(&table.zone);
            if !seen.insert((name, zone)) {
                continue;
            }
            let year = dates.from + Span::hours(24 * 366);
            let Ok(Some(one)) = moved(window, zone, dates.zones, dates.from, year) else {
                continue;
            };
            let Moved { day, said, shown } = one;
            into.add(
                facts.in_fleet().key("windows").key(name),
                format!(
                    "window `{name}` begins at {shown} instead of {said} on {day} ({zone}): the clock skips its start, \
                     so it ends as much later, after {} as always",
                    window.length
                ),
                "let it begin at a time that no clock skips, for example an hour earlier or later",
            );
        }
    }
}
