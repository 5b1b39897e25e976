//! Gates that are not there, that have no time to fail a host, or that ask the wrong hosts.

use std::collections::BTreeSet;

use super::super::facts::Facts;
use super::super::finding::Found;
use super::list;
use super::rings::goes_straight_on;
use crate::words::hosts;

/// No gate at all.
pub(in super::super) fn none(facts: &Facts<'_>, into: &mut Found) {
    if facts.report.gates.is_empty() {
        into.add(
            facts.in_policy().key("gates"),
            "no gate observes updated hosts: harm that shows after the visit is not seen",
            "add a gate: `gates: [{ name: answers, probe: up, down: { for: 3m } }]`",
        );
    }
}

/// A soak that ends before a gate could fail a host that goes down in it.
pub(in super::super) fn soak_too_short(facts: &Facts<'_>, into: &mut Found) {
    let slowest = facts.plan.gates.iter().map(|gate| {
        let every = facts.fleet.probes[gate.probe.index()].probe.every;
        (gate.down_for.plus(every), gate.down_for, every, &gate.name)
    });
    let Some((needs, down_for, every, gate)) = slowest.max() else {
        return;
    };
    for at in facts.peopled() {
        let ring = &facts.plan.rings[at];
        // Without any soak before a large ring that is what is wrong, whatever the gates need.
        if ring.soak >= needs || goes_straight_on(facts, at).is_some() {
            continue;
        }
        into.add(
            facts.in_ring(at).key("soak"),
            format!(
                "ring `{}` soaks for {}, and gate `{gate}` needs {needs} to fail a host (down for \
                 {down_for}, asked every {every}): harm that begins in the soak is not seen in it",
                ring.name, ring.soak
            ),
            format!("set `soak: {needs}` or more, or let the gate fail hosts earlier"),
        );
    }
}

/// A gate on a probe by which nobody keeps up the hosts of a ring, while others are kept up by it.
pub(in super::super) fn foreign(facts: &Facts<'_>, into: &mut Found) {
    let cells = &facts.fleet.cells;
    for gate in &facts.plan.gates {
        if cells.iter().all(|cell| cell.probe != gate.probe) {
            continue;
        }
        for at in facts.peopled() {
            let ring = &facts.plan.rings[at];
            let slots = facts.plan.slots[ring.slots()].iter();
            let probes = slots.map(|slot| Some(cells[facts.host(slot.host).cell?.index()].probe));
            let probes: Option<BTreeSet<_>> = probes.collect();
            let Some(probes) = probes.filter(|probes| !probes.contains(&gate.probe)) else {
                continue;
            };
            let names = probes
                .iter()
                .map(|probe| facts.fleet.probes[probe.index()].name.as_str());
            into.add(
                facts
                    .in_policy()
                    .key("gates")
                    .named(&gate.name)
                    .key("probe"),
                format!(
                    "gate `{}` asks probe `{}`, and all of ring `{}` ({}) is kept up by other \
                     probes: {}",
                    gate.name,
                    facts.fleet.probes[gate.probe.index()].name,
                    ring.name,
                    hosts(ring.planned as usize),
                    list(names)
                ),
                "add a gate on a probe that says whether these hosts do their work",
            );
        }
    }
}
