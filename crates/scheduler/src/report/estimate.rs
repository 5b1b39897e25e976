//! How long a ring takes if all goes well.
//!
//! A simple model: no attempt fails, nobody waits for approvals, windows or workers, every host is reachable, and every
//! step takes as long as assumed here (or its own limit, where that is shorter). It is a lower bound wherever steps
//! are not quicker than assumed. A ring takes the longer of two times:
//!
//! * the *pipeline*: with a ramp, waves of 1, 2, 4, ... visits, each of which settles before the next, up to the limit
//!   (`at_once` or the budget, whichever is smaller); from then on that many visits at a time, and a last settling;
//! * the *chain*: the longest path of groups that wait for one another, each of which visits as many members of every
//!   availability group at a time as may be down, and settles.

use std::collections::BTreeMap;

use ringway_model::{CellId, Span, StepKind, VisitKind};
use ringway_policy::validated::Ramp;

use super::parts::RingEstimate;
use crate::plan::{Plan, RingPlan, Route, StepPlan};
use crate::spec::{CellSpec, FleetSpec};

/// What a step is assumed to take. Typical of one server: a check answers in seconds, a package or a cumulative update
/// installs in minutes, a restart takes a few.
const ASSUMED: [(StepKind, Span); 13] = [
    (StepKind::Inspect, Span::seconds(5)),
    (StepKind::Precheck, Span::seconds(5)),
    (StepKind::Protect, Span::minutes(1)),
    (StepKind::Drain, Span::minutes(1)),
    (StepKind::Apply, Span::minutes(3)),
    (StepKind::Reboot, Span::minutes(3)),
    (StepKind::Verify, Span::seconds(15)),
    (StepKind::CareVerify, Span::seconds(15)),
    (StepKind::Undrain, Span::seconds(15)),
    (StepKind::Ready, Span::seconds(5)),
    (StepKind::Last, Span::seconds(5)),
    (StepKind::Silence, Span::seconds(5)),
    (StepKind::Unsilence, Span::seconds(5)),
];

/// What a step of this kind is assumed to take; a `rollback` as long as an `apply`, and nothing what is done outside visits.
pub fn assumed(kind: StepKind) -> Span {
    let like = match kind {
        StepKind::Rollback => StepKind::Apply,
        StepKind::Inspect
        | StepKind::Precheck
        | StepKind::Drain
        | StepKind::Apply
        | StepKind::Reboot
        | StepKind::Verify
        | StepKind::CareVerify
        | StepKind::Undrain
        | StepKind::Ready
        | StepKind::Last
        | StepKind::Silence
        | StepKind::Unsilence
        | StepKind::Stage
        | StepKind::Recovery
        | StepKind::Protect
        | StepKind::Unprotect => kind,
    };
    ASSUMED
        .iter()
        .find_map(|(kind, span)| (*kind == like).then_some(*span))
        .unwrap_or(Span::ZERO)
}

/// The assumptions about the kinds of steps that this plan has.
pub(super) fn assumptions(plan: &Plan) -> BTreeMap<StepKind, Span> {
    let has = |kind| {
        plan.routes
            .iter()
            .any(|r| r.position(VisitKind::Update, kind).is_some())
    };
    ASSUMED.into_iter().filter(|(kind, _)| has(*kind)).collect()
}

/// What the visits of each ring take where no calendar limits them.
pub(crate) fn works(fleet: &FleetSpec, plan: &Plan) -> Vec<Span> {
    let visits: Vec<Span> = plan.routes.iter().map(visit).collect();
    let rings = plan.rings.iter();
    rings.map(|ring| work(fleet, plan, ring, &visits)).collect()
}

/// When each ring is.
pub(crate) fn rings(fleet: &FleetSpec, plan: &Plan) -> Vec<RingEstimate> {
    let visits: Vec<Span> = plan.routes.iter().map(visit).collect();
    let mut now = Span::ZERO;
    plan.rings
        .iter()
        .map(|ring| {
            let starts = now;
            let settled = starts.plus(work(fleet, plan, ring, &visits));
            now = if ring.planned == 0 {
                settled
            } else {
                settled.plus(ring.soak)
            };
            RingEstimate {
                starts_ms: starts,
                settled_ms: settled,
                ends_ms: now,
            }
        })
        .collect()
}

/// One update visit by this route.
fn visit(route: &Route) -> Span {
    let steps = route.visit(VisitKind::Update).iter();
    steps.fold(Span::ZERO, |sum, &at| {
        sum.plus(step(&route.steps[usize::from(at)]))
    })
}

fn step(step: &StepPlan) -> Span {
    let assumed = ASSUMED.iter().find(|(kind, _)| *kind == step.kind);
    // Nobody assumes anything about a person: as long as it should take.
    if step.is_by_hand() {
        return step.longest();
    }
    let limit = step.longest();
    assumed.map_or(Span::ZERO, |(_, span)| (*span).min(limit))
}

/// From a ring's first visit to its last host settled.
fn work(fleet: &FleetSpec, plan: &Plan, ring: &RingPlan, visits: &[Span]) -> Span {
    let hosts = u64::from(ring.planned);
    if hosts == 0 {
        return Span::ZERO;
    }
    let slots = &plan.slots[ring.slots()];
    let sum = slots
        .iter()
        .fold(Span::ZERO, |sum, slot| sum.plus(visits[slot.route.index()]));
    let mean = Span(sum.millis() / hosts);
    let at_once = plan
        .pace
        .at_once
        .get()
        .min(plan.budget_down.unwrap_or(u32::MAX));
    let pipeline = pipeline(
        hosts,
        mean,
        plan.pace.settle,
        u64::from(at_once),
        plan.pace.ramp,
    );
    pipeline.max(chain(fleet, plan, ring, visits))
}

fn pipeline(hosts: u64, visit: Span, settle: Span, at_once: u64, ramp: Ramp) -> Span {
    let (mut left, mut took) = (hosts, Span::ZERO);
    if ramp == Ramp::Double {
        let mut wave = 1;
        while wave < at_once && left > 0 {
            left -= wave.min(left);
            took = took.plus(visit).plus(settle);
            wave *= 2;
        }
    }
    if left == 0 {
        return took;
    }
    took.plus(visit.times(left.div_ceil(at_once))).plus(settle)
}

fn chain(fleet: &FleetSpec, plan: &Plan, ring: &RingPlan, visits: &[Span]) -> Span {
    let mut longest_visit: Vec<Option<Span>> = vec![None; fleet.groups.len()];
    let mut in_cell: BTreeMap<CellId, u64> = BTreeMap::new();
    for slot in &plan.slots[ring.slots()] {
        let host = &fleet.hosts[slot.host.index()];
        let Some(group) = host.group else { continue };
        let longest = &mut longest_visit[group.index()];
        *longest = (*longest).max(Some(visits[slot.route.index()]));
        if let Some(cell) = host.cell {
            *in_cell.entry(cell).or_default() += 1;
        }
    }
    let mut rounds = vec![1_u64; fleet.groups.len()];
    for (cell, count) in in_cell {
        let cell = &fleet.cells[cell.index()];
        let rounds = &mut rounds[cell.group.index()];
        *rounds = (*rounds).max(count.div_ceil(down_together(cell)));
    }
    let mut done = vec![Span::ZERO; fleet.groups.len()];
    // Groups stand in topological order, so what a group waits for is computed before it.
    for (at, group) in fleet.groups.iter().enumerate() {
        let Some(visit) = longest_visit[at] else {
            continue;
        };
        let first = group
            .after
            .iter()
            .map(|(group, _)| done[group.index()])
            .max();
        let own = visit.times(rounds[at]).plus(plan.pace.settle);
        done[at] = first.unwrap_or(Span::ZERO).plus(own);
    }
    done.into_iter().max().unwrap_or(Span::ZERO)
}

/// Members of an availability group that may be down together; at least one, because what is never taken takes no time.
fn down_together(cell: &CellSpec) -> u64 {
    let spare = (cell.members.len() as u64).saturating_sub(u64::from(cell.must_stay_up));
    spare.min(u64::from(cell.down_at_most)).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waves_settle_one_after_another_until_the_limit_is_reached() {
        let (visit, settle) = (Span::minutes(4), Span::minutes(5));
        for (hosts, at_once, ramp, expected) in [
            (1, 50, Ramp::Double, 9),
            (3, 50, Ramp::Double, 18),
            (7, 50, Ramp::Double, 27),
            (8, 50, Ramp::Double, 36),
            // 1 + 2, then 3 rounds of at most 4: 9 + 9 + 3 x 4 + 5.
            (13, 4, Ramp::Double, 35),
            (13, 4, Ramp::Off, 21),
            (5, 1, Ramp::Double, 25),
        ] {
            let took = pipeline(hosts, visit, settle, at_once, ramp);
            assert_eq!(
                took,
                Span::minutes(expected),
                "{hosts} hosts, {at_once} at once, {ramp:?}"
            );
        }
    }
}
