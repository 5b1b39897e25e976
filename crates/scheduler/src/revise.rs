//! A plan for a fleet that has changed since it was made: the next revision of it.
//!
//! Who is in a ring stays there, and rings that have begun are what they were, slot for slot. Hosts that joined the fleet
//! are put behind those of rings to come. Which ring that is follows from the plan's seed and the host's own name alone, so
//! that a host which joins moves nobody. A host whose ring has begun joins the catch-up ring, which comes last. When work may
//! run on a host is what the fleet says now: a freeze that was decided meanwhile is one for whoever is still to come. This module
//! decides neither when a fleet is read anew nor what becomes of hosts that are gone; the engine does.
//!
//! # Invariants
//!
//! * Every slot of a ring that has begun has the number, the host and the route it had.
//! * Every host of the plan is in the ring it was in, with the route it had.
//! * A host that joins is in no ring that has begun.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use ringway_calendar::Timetable;
use ringway_model::{CellId, Digest, GroupId, HostId, RingIndex, RouteId, Slot};
use ringway_policy::validated::{Amount, Care, Documents, Ring, RingHosts, RingSpread};

use crate::draw::{PLACES, in_drawn_order, place_in};
use crate::index::HostIndex;
use crate::make::{Making, NO_RELEASE, Named, Targets, Written, count, named};
use crate::parts::{Part, documents_of};
use crate::plan::{Joined, JoinsBecause, Misfit, Plan, Revision, RingPlan, Route, SlotPlan};
use crate::problem::{PlanProblem, PlanProblems};
use crate::spec::FleetSpec;
use crate::times::Placed;
use crate::{route, thresholds};

/// What the ring of those is called that come too late for their own.
const CATCH_UP: &str = "catch-up";

/// Computes the next revision of a plan for a fleet that keeps the numbers of the plan's; `begun` rings have begun. `None`
/// where nothing changes for this plan. The same arguments give the same plan, byte for byte.
///
/// # Errors
///
/// Everything that is in the way, at once: documents that the plan was made from and that are not there or are others now,
/// a care or a parameter that a host which joins would need.
pub fn revise(
    before: &Plan,
    begun: usize,
    fleet: &FleetSpec,
    documents: &Documents,
) -> Result<Option<Plan>, PlanProblems> {
    let with_parts = documents_of(before, documents);
    let documents = with_parts.as_ref().unwrap_or(documents);
    let named = Named::find(documents, &before.policy, &before.update)?;
    let making = Making {
        fleet,
        documents,
        named,
        seed: before.seed,
        carried: None,
    };
    check_documents(before, &making)?;
    let index = HostIndex::new(&fleet.hosts, making.labels());
    let targets = making.targets(&index);
    let rings = making.named.policy.rings.iter();
    let selects = rings.map(|ring| match &ring.hosts {
        RingHosts::Rest => None,
        RingHosts::Select { select, .. } => Some(index.select(select).into_iter().collect()),
    });
    let selects = selects.collect();
    let mut revising = Revising {
        before,
        begun,
        making,
        selects,
        rings: seats(before),
        routes: before.routes.clone(),
        revision: Revision {
            of: before.digest(),
            joined: Vec::new(),
            too_late: Vec::new(),
            misfits: Vec::new(),
        },
        unclaimed: Vec::new(),
        units: BTreeMap::new(),
    };
    revising.join(&targets)?;
    revising.find_misfits(&targets);
    revising.finish(&targets)
}

/// A place in a ring.
#[derive(Clone, Copy)]
struct Seat {
    host: HostId,
    route: RouteId,
    /// Where it was before.
    from: Option<Slot>,
}

/// Gives rings behind the last one what that one has, where any ring has it.
pub(crate) fn extend<T: Clone>(of_rings: &mut Vec<T>, last: usize, rings: usize) {
    if let Some(like) = of_rings.get(last).cloned() {
        of_rings.resize(rings, like);
    }
}

fn seats(plan: &Plan) -> Vec<Vec<Seat>> {
    let rings = plan.rings.iter();
    let seat = |index: usize| Seat {
        host: plan.slots[index].host,
        route: plan.slots[index].route,
        from: Some(Slot::at(index)),
    };
    rings.map(|ring| ring.slots().map(seat).collect()).collect()
}

/// Hosts join under the documents that were planned with, and approved.
pub(crate) fn check_documents(before: &Plan, making: &Making<'_>) -> Result<(), PlanProblems> {
    let now = making.digests(&before.routes);
    let binds = |name: &str| {
        let kinds = ["policy/", "update/", "recipe/", "care/"];
        kinds.iter().any(|kind| name.starts_with(kind))
    };
    let differs = |name: &str, digest: &Digest| now.get(name) != Some(digest);
    let changed = before.documents.iter();
    let changed = changed.filter(|(name, digest)| binds(name) && differs(name, digest));
    PlanProblems::none_of(
        changed
            .map(|(name, _)| {
                PlanProblem::new(
                    "documents-changed",
                    format!("{name} is another one than the rollout was planned with"),
                    "hosts join a rollout only under its own documents: bring those, or start another rollout",
                )
            })
            .collect(),
    )
}

struct Revising<'d> {
    before: &'d Plan,
    begun: usize,
    making: Making<'d>,
    /// By ring of the policy: the hosts it selects; all where there are none.
    selects: Vec<Option<BTreeSet<u32>>>,
    rings: Vec<Vec<Seat>>,
    routes: Vec<Route>,
    revision: Revision,
    unclaimed: Vec<HostId>,
    /// By group and availability group: their hosts, as far as somebody was placed with them in mind.
    units: BTreeMap<(GroupId, Option<CellId>), Rc<BTreeSet<HostId>>>,
}

impl Revising<'_> {
    /// Puts every target that is in no ring yet into the ring it belongs in.
    fn join(&mut self, targets: &Targets) -> Result<(), PlanProblems> {
        let hosts = &self.making.fleet.hosts;
        let planned: BTreeSet<HostId> = self.before.slots.iter().map(|slot| slot.host).collect();
        let new = targets.hosts.iter().copied();
        let new: Vec<u32> = new
            .filter(|host| !planned.contains(&HostId(*host)))
            .collect();
        let mut problems = Vec::new();
        for host in in_drawn_order(self.making.seed, hosts, &new) {
            let Some(drawn) = self.drawn(host) else {
                self.unclaimed.push(HostId(host));
                continue;
            };
            if self.begun >= self.before.rings.len() {
                self.revision.too_late.push(HostId(host));
                continue;
            }
            let Some(route) = self.route_of(host, targets, &mut problems) else {
                continue;
            };
            let (ring, why) = self.place(host, drawn);
            let host = HostId(host);
            self.rings[ring].push(Seat {
                host,
                route,
                from: None,
            });
            let ring = RingIndex::at(ring);
            self.revision.joined.push(Joined { host, ring, why });
        }
        self.revision.too_late.sort_unstable();
        self.unclaimed.sort_unstable();
        PlanProblems::none_of(problems)
    }

    /// The first ring of the policy that selects the host and of whose places the seed gives it one.
    fn drawn(&self, host: u32) -> Option<usize> {
        let name = &self.making.fleet.hosts[host as usize].name;
        let rings = &self.making.named.policy.rings;
        (0..rings.len()).find(|&at| {
            let is_selected = self.selects[at]
                .as_ref()
                .is_none_or(|selected| selected.contains(&host));
            is_selected
                && place_in(self.making.seed, &rings[at].name, name) < self.places(&rings[at])
        })
    }

    /// Of the places of a ring, how many it has.
    fn places(&self, ring: &Ring) -> u32 {
        let RingHosts::Select {
            take: Some(take), ..
        } = &ring.hosts
        else {
            return PLACES;
        };
        match take {
            Amount::Share(share) => share.of_rounded_up(PLACES),
            Amount::Count(hosts) => {
                let all = self.before.slots.len() + self.before.not_applicable.len();
                let share = u64::from(*hosts) * u64::from(PLACES) / (all as u64).max(1);
                u32::try_from(share).unwrap_or(PLACES)
            }
        }
    }

    /// The ring a host joins, and why that one.
    fn place(&mut self, host: u32, drawn: usize) -> (usize, JoinsBecause) {
        let begun = |ring: usize| JoinsBecause::Begun(RingIndex::at(ring));
        match self.unit(host) {
            Some((RingSpread::Together, peers)) => {
                if let Some(ring) = self.ring_with(&peers) {
                    return if ring < self.begun {
                        (self.catch_up(), begun(ring))
                    } else {
                        (ring, JoinsBecause::Together)
                    };
                }
            }
            Some((RingSpread::Apart, peers)) if drawn >= self.begun => {
                let there = self.rings[drawn].iter();
                if there.into_iter().any(|seat| peers.contains(&seat.host)) {
                    return (self.catch_up(), JoinsBecause::Apart(RingIndex::at(drawn)));
                }
            }
            Some((RingSpread::Apart | RingSpread::Any, _)) | None => {}
        }
        if drawn < self.begun {
            (self.catch_up(), begun(drawn))
        } else {
            (drawn, JoinsBecause::Seed)
        }
    }

    fn ring_with(&self, hosts: &BTreeSet<HostId>) -> Option<usize> {
        let has = |ring: &Vec<Seat>| ring.iter().any(|seat| hosts.contains(&seat.host));
        self.rings.iter().position(has)
    }

    /// The hosts that rings must see together with this one, or apart from it; none where it does not matter, which is not
    /// worth a look at all of a group for each host that joins.
    fn unit(&mut self, host: u32) -> Option<(RingSpread, Rc<BTreeSet<HostId>>)> {
        let fleet = self.making.fleet;
        let spec = &fleet.hosts[host as usize];
        let group = spec.group?;
        let spread = fleet.groups[group.index()].rings;
        if spread == RingSpread::Any {
            return None;
        }
        let peers = self.units.entry((group, spec.cell)).or_insert_with(|| {
            Rc::new(if let Some(cell) = spec.cell {
                fleet.cells[cell.index()].members.iter().copied().collect()
            } else {
                let hosts = fleet.hosts.iter().enumerate();
                let hosts = hosts.filter(|(_, other)| other.group == Some(group));
                hosts.map(|(at, _)| HostId::at(at)).collect()
            })
        });
        Some((spread, Rc::clone(peers)))
    }

    /// The number of the ring for those that come too late, which is made where there is none.
    fn catch_up(&mut self) -> usize {
        let at = self.making.named.policy.rings.len();
        if self.rings.len() == at {
            self.rings.push(Vec::new());
        }
        at
    }

    fn route_of(
        &mut self,
        host: u32,
        targets: &Targets,
        problems: &mut Vec<PlanProblem>,
    ) -> Option<RouteId> {
        let Making {
            fleet, documents, ..
        } = self.making;
        let Named { update, recipe, .. } = self.making.named;
        let release = &update.releases[usize::from(targets.release[host as usize])];
        let group = fleet.hosts[host as usize].group;
        let care = group.and_then(|group| fleet.groups[group.index()].care.as_deref());
        let care: Option<&Care> = match care {
            Some(name) => Some(named(&documents.cares, "care", name, problems)?),
            None => None,
        };
        let route = match route::compile(release, recipe, care) {
            Ok(route) => route,
            Err(found) => {
                problems.extend(found);
                return None;
            }
        };
        let known = self.routes.iter().position(|other| *other == route);
        let at = known.unwrap_or(self.routes.len());
        if known.is_none() {
            self.routes.push(route);
        }
        u16::try_from(at).ok().map(RouteId)
    }

    /// Hosts of the plan whose labels ask for another release now. Releases of one id are told apart by what they install:
    /// those of product lines may share it.
    fn find_misfits(&mut self, targets: &Targets) {
        let Named { update, recipe, .. } = self.making.named;
        let releases = &update.releases;
        // What cannot be compiled any more is told apart by its id alone.
        let compiled = releases.iter().map(|it| route::compile(it, recipe, None));
        let compiled: Vec<Option<Route>> = compiled.map(Result::ok).collect();
        for slot in &self.before.slots {
            if self.making.fleet.vanished.contains(&slot.host) {
                continue;
            }
            let planned = &self.before.routes[slot.route.index()];
            let number = targets.release[slot.host.index()];
            let now = (number != NO_RELEASE).then(|| usize::from(number));
            let is_other = now.is_none_or(|at| {
                let content = |route: &Route| (route.build.clone(), route.former_digest());
                let installs = compiled[at].as_ref().map(content);
                releases[at].id != planned.release
                    || installs.is_some_and(|now| now != content(planned))
            });
            if is_other {
                let same_id = now.is_some_and(|at| releases[at].id == planned.release);
                let called = |id: &str, build: Option<&String>| match build.filter(|_| same_id) {
                    Some(build) => format!("{id} {build}"),
                    None => id.to_owned(),
                };
                self.revision.misfits.push(Misfit {
                    host: slot.host,
                    planned: called(&planned.release, planned.build.as_ref()),
                    now: now.map(|at| called(&releases[at].id, releases[at].build.as_ref())),
                });
            }
        }
    }

    /// The revision, where it differs from the plan before.
    fn finish(self, targets: &Targets) -> Result<Option<Plan>, PlanProblems> {
        let before = self.before;
        let policy = self.making.named.policy;
        let mut documents = before.documents.clone();
        // Who may approve and who is told is in the plan, and stays: so do the documents that say it.
        let stays = |name: &str| ["people/people", "notify/notify"].contains(&name);
        let now = self.making.digests(&self.routes).into_iter();
        documents.extend(now.filter(|(name, _)| !stays(name)));
        let all = self.rings.iter().flatten();
        let there = all.clone().filter(|seat| self.is_there(seat)).count();
        let mut plan = Plan {
            fleet: self.making.fleet.digest(),
            documents,
            rings: self.ring_plans(),
            slots: all
                .map(|seat| SlotPlan {
                    host: seat.host,
                    route: seat.route,
                })
                .collect(),
            budget_down: policy
                .budget_down
                .map(|down| thresholds::budget_down(down, count(there))),
            not_applicable: targets.not_applicable.clone(),
            times: self.times(),
            revises: None,
            ..before.clone()
        };
        // The ring of those that come too late goes on as the last one of the policy does.
        let last = policy.rings.len().saturating_sub(1);
        extend(&mut plan.terms.working, last, plan.rings.len());
        extend(&mut plan.terms.after_soak, last, plan.rings.len());
        extend(&mut plan.terms.early, last, plan.rings.len());
        extend(&mut plan.consent.rings, last, plan.rings.len());
        let rings = plan.rings.len();
        if let Some(lane) = &mut plan.lane {
            extend(&mut lane.rings, last, rings);
            lane.times = std::mem::take(&mut plan.times);
            plan.times = lane.times();
        }
        plan.routes = self.routes;
        plan.unclaimed = self.unclaimed;
        let strata = &self.before.consent.strata.names;
        if !strata.is_empty() {
            let fleet = self.making.fleet;
            plan.consent.strata = crate::report::strata_of(fleet, &plan, policy, strata);
        }
        if let Some(evidence) = &before.evidence {
            match evidence.revised(self.making.fleet, &plan) {
                Ok(evidence) => plan.evidence = Some(evidence),
                Err(problem) => return PlanProblems::none_of(vec![problem]).map(|()| None),
            }
        }
        let known = before.revises.as_ref();
        let is_told = known.map_or_else(
            || self.revision.too_late.is_empty() && self.revision.misfits.is_empty(),
            |known| {
                known.too_late == self.revision.too_late && known.misfits == self.revision.misfits
            },
        );
        let same = is_told
            && plan.rings == before.rings
            && plan.slots == before.slots
            && plan.times == before.times
            && plan.without_lane() == before.without_lane()
            && plan.budget_down == before.budget_down;
        plan.revises = Some(self.revision);
        Ok((!same).then_some(plan))
    }

    fn is_there(&self, seat: &Seat) -> bool {
        !self.making.fleet.vanished.contains(&seat.host)
    }

    fn ring_plans(&self) -> Vec<RingPlan> {
        let policy = self.making.named.policy;
        let last = policy.rings.len().saturating_sub(1);
        let mut first = 0;
        let mut plans: Vec<RingPlan> = Vec::new();
        for (at, seats) in self.rings.iter().enumerate() {
            let planned = count(seats.len());
            let this = Slot(first);
            first += planned;
            let known = self.before.rings.get(at);
            let model = known.unwrap_or(&self.before.rings[last]);
            if at < self.begun {
                plans.push(model.clone());
                continue;
            }
            // Thresholds are of the hosts that are there: one that is gone can neither fail nor be left behind.
            let there = count(seats.iter().filter(|seat| self.is_there(seat)).count());
            plans.push(RingPlan {
                name: known.map_or_else(|| self.catch_up_name(), |ring| ring.name.clone()),
                first: this,
                planned,
                halt_on: thresholds::halt_on(&policy.halt, there)
                    .filter(|_| self.before.part_of(at) != Some(Part::Broken)),
                debt_allowed: thresholds::debt_allowed(&policy.offline, there),
                ..model.clone()
            });
        }
        plans
    }

    fn catch_up_name(&self) -> String {
        let is_taken = |name: &str| self.before.rings.iter().any(|ring| ring.name == name);
        let mut name = CATCH_UP.to_owned();
        while is_taken(&name) {
            name.push_str("-later");
        }
        name
    }

    /// When work may run on each host, lanes aside: as the fleet says it now, for a host that it still names.
    fn times(&self) -> crate::times::Times {
        let policy = self.making.named.policy;
        let Some(fleet) = &self.making.documents.fleet else {
            return self.before.without_lane().clone();
        };
        let written = Written::new(fleet, self.making.fleet);
        let rings = self.rings.iter().enumerate();
        let slots = rings.flat_map(|(at, seats)| {
            let ring = policy.rings.get(at).or(policy.rings.last());
            seats.iter().map(move |seat| (at, ring, seat))
        });
        self.before
            .without_lane()
            .revised(slots.map(|(at, ring, seat)| {
                let host = written.get(seat.host.0);
                match (seat.from, ring, host) {
                    (_, Some(ring), Some(host)) => {
                        let rule = Timetable::of(fleet, host, policy, ring);
                        // As when the plan was made: what is down already waits for no window.
                        Placed::New(Box::new(match self.before.part_of(at) {
                            Some(Part::Broken) => rule.ignoring_windows(),
                            Some(Part::Withheld | Part::Latent | Part::Untouched) | None => rule,
                        }))
                    }
                    (Some(from), ..) => Placed::Before(from),
                    (None, ..) => Placed::New(Box::new(Timetable::always())),
                }
            }))
    }
}
