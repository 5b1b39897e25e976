//! Whether the numbers in a fleet and in a plan name something: a host, a route, a step, a rule.
//!
//! Both come from outside, as bytes that a client computed, and are kept for ever by their digest: what names nothing is
//! refused before it is kept. That a plan follows from its documents is not checked here.

use crate::fleet::MAX_PROBES;
use crate::plan::{Plan, Route};
use crate::spec::FleetSpec;

/// Refuses with words unless a condition holds.
fn holds(condition: bool, what: impl FnOnce() -> String) -> Result<(), String> {
    if condition { Ok(()) } else { Err(what()) }
}

impl FleetSpec {
    /// What of the fleet names nothing, if anything does.
    pub(crate) fn check_numbers(&self) -> Result<(), String> {
        let hosts = self.hosts.len();
        for host in &self.hosts {
            let group = host.group.is_none_or(|at| at.index() < self.groups.len());
            let cell = host.cell.is_none_or(|at| at.index() < self.cells.len());
            let connect = usize::from(host.connect) < self.connections.len();
            holds(group && cell && connect, || {
                let name = &host.name;
                format!(
                    "host `{name}` names a group, availability group or connection that is not there"
                )
            })?;
        }
        for group in &self.groups {
            let mut after = group.after.iter();
            holds(after.all(|(at, _)| at.index() < self.groups.len()), || {
                format!("group `{}` comes after one that is not there", group.name)
            })?;
        }
        for cell in &self.cells {
            let members = cell.members.iter().all(|host| host.index() < hosts);
            let probe = cell.probe.index() < self.probes.len();
            holds(
                members && probe && cell.group.index() < self.groups.len(),
                || {
                    let name = &cell.name;
                    format!(
                        "availability group `{name}` names a host, probe or group that is not there"
                    )
                },
            )?;
        }
        holds(self.probes.len() <= MAX_PROBES, || {
            format!("{} probes are more than {MAX_PROBES}", self.probes.len())
        })?;
        let mut vanished = self.vanished.iter();
        holds(vanished.all(|host| host.index() < hosts), || {
            "a host has vanished that never was".to_owned()
        })
    }
}

impl Route {
    fn is_whole(&self) -> bool {
        let mut visits = self.visits.iter().flatten();
        visits.all(|at| usize::from(*at) < self.steps.len())
    }
}

impl Plan {
    /// What of the plan names nothing, if anything does.
    pub(crate) fn check_numbers(&self) -> Result<(), String> {
        let (slots, rings) = (self.slots.len(), self.rings.len());
        let mut next = 0;
        for ring in &self.rings {
            holds(ring.first.index() == next, || {
                format!(
                    "ring `{}` does not begin where the one before it ends",
                    ring.name
                )
            })?;
            next = ring.slots().end;
        }
        holds(next == slots, || {
            format!("the rings have {next} hosts, and the plan {slots}")
        })?;
        for (at, slot) in self.slots.iter().enumerate() {
            let route = slot.route.index();
            holds(route < self.routes.len(), || {
                let routes = self.routes.len();
                format!("host no. {at} has route no. {route}, and there are {routes}")
            })?;
        }
        for (at, route) in self.routes.iter().enumerate() {
            holds(route.is_whole(), || {
                format!("route no. {at} has a visit with a step that is not there")
            })?;
        }
        for gate in &self.gates {
            holds(gate.probe.index() < MAX_PROBES, || {
                format!("gate `{}` names a probe that no fleet can have", gate.name)
            })?;
        }
        let parts = self.supersedes.as_ref().map_or(0, |it| it.parts.len());
        holds(parts <= rings, || "it has more parts than rings".to_owned())?;
        let times = &self.times;
        let of_slot = times.of_slot.len();
        holds(of_slot == 0 || of_slot == slots, || {
            format!("{of_slot} hosts have times, and the plan has {slots}")
        })?;
        let mut tables = times.of_slot.iter();
        let tables = tables.all(|at| (*at as usize) < times.tables.len());
        holds(tables, || "a host has times that are not there".to_owned())?;
        self.check_lane()?;
        self.evidence.as_ref().map_or(Ok(()), |evidence| {
            let strata = &evidence.strata;
            let mut kinds = strata.of_slot.iter();
            let named = kinds.all(|kind| usize::from(*kind) < strata.names.len());
            holds(named && strata.of_slot.len() == slots, || {
                "evidence is asked for by strata that are not there".to_owned()
            })?;
            holds(evidence.hosts > 0, || {
                "evidence is asked for of no host".to_owned()
            })
        })?;
        self.check_terms(rings)
    }

    fn check_terms(&self, rings: usize) -> Result<(), String> {
        let (terms, strata) = (&self.terms, &self.consent.strata);
        let working = terms.working.iter().flatten().map(|of| of.hours);
        let after = terms.after_soak.iter().flatten().copied();
        let early = terms.early.iter().flatten().copied();
        let mut hours = working.chain(after).chain(early).chain(terms.start);
        holds(hours.all(|at| (at as usize) < terms.hours.len()), || {
            "an approval or a soak has hours that are not there".to_owned()
        })?;
        let of_rings = [
            terms.working.len(),
            terms.after_soak.len(),
            terms.early.len(),
            self.consent.rings.len(),
        ];
        holds(of_rings.iter().all(|of| *of <= rings), || {
            "there are terms of a ring that is not there".to_owned()
        })?;
        let mut kinds = strata.of_slot.iter();
        holds(
            kinds.all(|kind| *kind == u16::MAX || usize::from(*kind) < strata.names.len()),
            || "a host is of a kind that is not there".to_owned(),
        )
    }
}
