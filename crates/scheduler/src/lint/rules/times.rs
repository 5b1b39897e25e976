//! Windows in which no visit fits, and those that are never open together.

use std::collections::BTreeMap;

use ringway_calendar::{Timetable, Whose};
use ringway_model::{Slot, Span, VisitKind};

use super::super::facts::{Dates, Facts};
use super::super::finding::Found;
use super::list;
use crate::plan::Route;
use crate::terms::{KNOWN_FOR, Rule};
use crate::when::Times;
use crate::words::hosts;

/// The longest that a visit by this route may take: what a window must have room for.
fn longest(route: &Route) -> Span {
    let steps = route.visit(VisitKind::Update).iter();
    let steps = steps.filter_map(|&index| route.steps.get(usize::from(index)));
    steps.fold(Span::ZERO, |sum, step| sum.plus(step.longest()))
}

/// Hosts whose visit is longer than every window they may be visited in.
pub(in super::super) fn too_short(facts: &Facts<'_>, into: &mut Found) {
    let times = &facts.plan.times;
    let visits: Vec<Span> = facts.plan.routes.iter().map(longest).collect();
    for (at, ring) in facts.plan.rings.iter().enumerate() {
        // By the longest window and the visit: how many hosts, and the windows' names.
        let mut short: BTreeMap<(Span, Span), (usize, Vec<&str>)> = BTreeMap::new();
        for index in ring.slots() {
            let Some(&number) = times.of_slot.get(index) else {
                continue;
            };
            let visit = visits[facts.plan.slots[index].route.index()];
            for layer in &times.tables[number as usize].layers {
                let lengths = layer.windows.values().map(|window| window.length);
                let Some(window) = lengths.max().filter(|length| *length < visit) else {
                    continue;
                };
                let entry = short.entry((window, visit)).or_default();
                entry.0 += 1;
                if entry.1.is_empty() {
                    entry.1 = layer.windows.keys().map(String::as_str).collect();
                }
            }
        }
        for ((window, visit), (count, names)) in short {
            into.add(
                facts.in_ring(at),
                format!(
                    "ring `{}`: a visit of {} may take {visit}, and no window of {} is longer than {window}: \
                     it may never start",
                    ring.name,
                    hosts(count),
                    names.join(", ")
                ),
                "lengthen the window, or bound the recipe's steps with `timeout`",
            );
        }
    }
}

/// Hosts that no instant of the calendar is for: their windows and those of the policy and the ring are never open together, not
/// for as long as a visit may take, or only while a freeze holds.
pub(in super::super) fn never_open(facts: &Facts<'_>, into: &mut Found) {
    let Some(dates) = facts.calendar else { return };
    let times = &facts.plan.times;
    let visits: Vec<Span> = facts.plan.routes.iter().map(longest).collect();
    let open: Vec<Option<Span>> = dates.rules.iter().map(widest).collect();
    for (at, ring) in facts.plan.rings.iter().enumerate() {
        // By rule: the hosts, and the shortest of their visits.
        let mut closed: BTreeMap<u32, (Vec<&str>, Span)> = BTreeMap::new();
        for index in ring.slots() {
            let Some(number) = times.of(Slot::at(index)) else {
                continue;
            };
            let slot = &facts.plan.slots[index];
            let visit = visits[slot.route.index()];
            let table = &times.tables[number as usize];
            let widest = open.get(number as usize).copied().flatten();
            if widest.is_some_and(|widest| widest >= visit) || is_too_short(table, visit) {
                continue;
            }
            let (names, shortest) = closed.entry(number).or_insert((Vec::new(), visit));
            names.push(&facts.host(slot.host).name);
            *shortest = visit.min(*shortest);
        }
        for (number, (names, visit)) in closed {
            let table = &times.tables[number as usize];
            let why = why_closed(dates, table, open[number as usize], visit);
            into.add(
                facts.in_ring(at),
                format!(
                    "ring `{}`: no visit of {} may start within {KNOWN_FOR} ({}): {why}",
                    ring.name,
                    hosts(names.len()),
                    list(names.iter().copied())
                ),
                "let these windows be open at the same time, or give the hosts a ring or a policy with other windows",
            );
        }
    }
}

/// Whether a window of one layer has no room for the visit, which is told of by itself.
fn is_too_short(table: &Timetable, visit: Span) -> bool {
    table.layers.iter().any(|layer| {
        let lengths = layer.windows.values().map(|window| window.length);
        lengths.max().is_some_and(|length| length < visit)
    })
}

/// The longest time without an interruption.
fn widest(open: &Times) -> Option<Span> {
    open.iter().map(|(start, end)| end.since(*start)).max()
}

/// Why no time is long enough, in words.
fn why_closed(dates: &Dates<'_>, table: &Timetable, open: Option<Span>, visit: Span) -> String {
    let layers = table.layers.iter().map(|layer| {
        let whose = match layer.whose {
            Whose::Fleet => "the host's",
            Whose::Policy => "the policy's",
            Whose::Ring => "the ring's",
        };
        let names: Vec<&str> = layer.windows.keys().map(String::as_str).collect();
        format!("{} ({whose})", names.join(" | "))
    });
    let layers: Vec<String> = layers.collect();
    let windows = format!("the windows {} are", layers.join(" and "));
    let together = if layers.len() > 1 { " together" } else { "" };
    let free = Rule::Windows(table);
    let free = free.instants(dates.zones, dates.from, dates.from + KNOWN_FOR);
    let free = free.map(|free| free.iter().map(|one| (one.start, one.end)).collect());
    let is_frozen = !table.freezes.is_empty()
        && free.is_ok_and(|free: Times| widest(&free).is_some_and(|widest| widest >= visit));
    let freezes: Vec<&str> = table.freezes.iter().map(|one| one.name.as_str()).collect();
    match open {
        _ if is_frozen && layers.is_empty() => format!("a freeze holds ({})", list_of(&freezes)),
        _ if is_frozen => format!(
            "{windows} open{together} for a visit of {visit} only while a freeze holds ({})",
            list_of(&freezes)
        ),
        None => format!("{windows} never open{together}"),
        Some(widest) => {
            format!("{windows} open{together} for at most {widest}, and a visit may take {visit}")
        }
    }
}

fn list_of(names: &[&str]) -> String {
    list(names.iter().copied())
}
