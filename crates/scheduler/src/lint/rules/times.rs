//! Windows in which no visit fits.

use std::collections::BTreeMap;

use ringway_model::{Span, VisitKind};

use super::super::facts::Facts;
use super::super::finding::Found;
use crate::plan::Route;
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
