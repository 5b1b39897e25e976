//! Redundant peers that an outage stands before, or that a fault meets together.

use std::collections::{BTreeMap, BTreeSet};

use ringway_model::{StepKind, VisitKind};
use ringway_policy::validated::RingSpread;

use super::super::facts::Facts;
use super::super::finding::Found;
use super::list;
use crate::fleet::NONE;
use crate::report::{AvailabilityReport, CellReport, KeepUpReport};
use crate::words::{counted, hosts};

const GROUP: &str = "availability group";

fn names<'c>(cells: &[&'c CellReport]) -> impl Iterator<Item = &'c str> + Clone {
    let names: Vec<&str> = cells.iter().map(|cell| cell.name.as_str()).collect();
    names.into_iter()
}

/// Members of which not even one may be down.
pub(in super::super) fn never_kept_up(facts: &Facts<'_>, into: &mut Found) {
    for group in &facts.report.availability {
        let cells: Vec<_> = group
            .cells
            .iter()
            .filter(|cell| cell.is_impossible)
            .collect();
        if cells.is_empty() {
            continue;
        }
        let members = cells.iter().flat_map(|cell| &cell.in_rings).sum::<u32>();
        into.add(
            facts.in_group(&group.group).key("keep_up"),
            format!(
                "{} can never be taken, because not one member may be down: {}",
                hosts(members as usize),
                list(names(&cells))
            ),
            "add a member, or accept the outage with `accept_outage: \"reason\"`",
        );
    }
}

/// Outages that the fleet's document accepts.
pub(in super::super) fn outage_accepted(facts: &Facts<'_>, into: &mut Found) {
    for group in &facts.report.availability {
        let mut accepted: BTreeMap<&str, Vec<&CellReport>> = BTreeMap::new();
        for cell in &group.cells {
            let must_fail = |keep_up: &&KeepUpReport| keep_up.must_stay_up as usize >= cell.members;
            let keep_up = cell.keep_up.as_ref().filter(must_fail);
            if let Some(reason) = keep_up.and_then(|keep_up| keep_up.accept_outage.as_ref()) {
                accepted.entry(reason).or_default().push(cell);
            }
        }
        for (reason, cells) in accepted {
            into.add(
                facts
                    .in_group(&group.group)
                    .key("keep_up")
                    .key("accept_outage"),
                format!(
                    "{} will be down while a host is visited (\"{reason}\"): {}",
                    counted(cells.len(), GROUP),
                    list(names(&cells))
                ),
                "this was accepted in the fleet document",
            );
        }
    }
}

/// Peers that should be in different rings and are not.
pub(in super::super) fn not_apart(facts: &Facts<'_>, into: &mut Found) {
    let availability = facts.report.availability.iter();
    for group in availability.filter(|group| group.rings == RingSpread::Apart) {
        let beside: Vec<_> = group.cells.iter().filter(|cell| !cell.is_apart).collect();
        if beside.is_empty() {
            continue;
        }
        into.add(
            facts.in_group(&group.group).key("rings"),
            format!(
                "{} of {} asked to be apart {} two members in one ring: {}",
                beside.len(),
                counted(group.cells.len(), GROUP),
                if beside.len() == 1 { "has" } else { "have" },
                list(names(&beside))
            ),
            "more rings, or rings that `take` a part of what they select, keep members apart",
        );
    }
}

/// Groups whose care lets a host go last, and whose members are in several rings: nobody waits for a host of a ring that
/// is still to come.
pub(in super::super) fn last_across_rings(facts: &Facts<'_>, into: &mut Found) {
    let (plan, fleet) = (facts.plan, facts.fleet);
    let mut rings: BTreeMap<(u16, Option<u32>), BTreeSet<usize>> = BTreeMap::new();
    for (at, ring) in plan.rings.iter().enumerate() {
        for slot in &plan.slots[ring.slots()] {
            let host = &fleet.hosts[slot.host.index()];
            let route = &plan.routes[slot.route.index()];
            let asks = route.position(VisitKind::Update, StepKind::Last).is_some();
            if let Some(group) = host.group.filter(|_| asks) {
                let key = (group.0, host.cell.map(|cell| cell.0));
                rings.entry(key).or_default().insert(at);
            }
        }
    }
    let mut spread: BTreeMap<u16, Vec<&str>> = BTreeMap::new();
    for ((group, cell), _) in rings.iter().filter(|(_, rings)| rings.len() > 1) {
        let name = cell.map_or(&fleet.groups[usize::from(*group)].name, |cell| {
            &fleet.cells[cell as usize].name
        });
        spread.entry(*group).or_default().push(name);
    }
    for (group, names) in spread {
        let group = &fleet.groups[usize::from(group)].name;
        into.add(
            facts.in_group(group),
            format!(
                "`last` of its care counts within a ring only, and members of {} are in several \
                 rings, where one that goes last can be taken before the others: {}",
                counted(names.len(), GROUP),
                list(names.iter().copied())
            ),
            "set `rings: together` in the group, or let `drain` hand over whatever the order",
        );
    }
}

/// Members that lack the label by which availability groups are told apart.
pub(in super::super) fn label_missing(facts: &Facts<'_>, into: &mut Found) {
    let availability = &facts.report.availability;
    let cells = availability.iter().flat_map(|group| &group.cells);
    let concerned: BTreeSet<&str> = cells.map(|cell| cell.name.as_str()).collect();
    let suffix = format!("={NONE}");
    let mut lacking: BTreeMap<usize, Vec<&str>> = BTreeMap::new();
    for cell in &facts.fleet.cells {
        if cell.name.ends_with(&suffix) && concerned.contains(cell.name.as_str()) {
            let members = cell.members.iter();
            let members = members.map(|&host| facts.host(host).name.as_str());
            lacking
                .entry(cell.group.index())
                .or_default()
                .extend(members);
        }
    }
    for (group, members) in lacking {
        let group = &facts.fleet.groups[group];
        into.add(
            facts.in_group(&group.name).key("keep_up").key("per"),
            format!(
                "{} without the label that tells the peers of their group apart, so they count as \
                 peers of one another: {}",
                hosts(members.len()),
                list(members.iter().copied())
            ),
            "give them the label that `keep_up.per` of their group names",
        );
    }
}

/// All members of an availability group in one early ring, where nothing says how they are spread: a fault that shows
/// late takes the whole service, and the ring is early so that this does not happen. Early is a ring until which at most
/// half of the targets are updated; whatever is met after that was met before.
pub(in super::super) fn peers_early(facts: &Facts<'_>, into: &mut Found) {
    let mut updated = 0;
    for at in facts.peopled() {
        updated += facts.report.rings[at].hosts;
        if updated * 2 > facts.targets() {
            return;
        }
        for group in &facts.report.availability {
            let cells = together(group, at);
            if cells.is_empty() {
                continue;
            }
            let ring = &facts.report.rings[at];
            into.add(
                facts.in_ring(at),
                format!(
                    "ring `{}` has every member of {}, so one bad update takes all of it: {}",
                    ring.name,
                    counted(cells.len(), GROUP),
                    list(names(&cells))
                ),
                format!(
                    "set `rings: apart` in group `{}`, or let the ring `take` a part of what it \
                     selects",
                    group.group
                ),
            );
        }
    }
}

/// Availability groups of which this ring has every member.
fn together(group: &AvailabilityReport, at: usize) -> Vec<&CellReport> {
    if group.rings != RingSpread::Any {
        return Vec::new();
    }
    let has_all = |cell: &&CellReport| {
        cell.members > 1 && cell.in_rings.get(at).copied().unwrap_or(0) as usize == cell.members
    };
    group.cells.iter().filter(has_all).collect()
}
