//! A plan brought together with what it was made from.

use std::collections::BTreeMap;

use ringway_calendar::{UnknownZone, Zones};
use ringway_model::{HostId, Place, StepKind, Timestamp, VisitKind};
use ringway_policy::validated::{Binding, Documents, Ramp};

use super::parts::{
    ApprovalReport, DueReport, Estimate, ExternalReport, GateReport, LaneReport, PaceReport,
    PlanReport, RouteReport, Warning, WithoutLaneReport,
};
use super::{
    advisories, availability, coverage, estimate, evidence, exceptions, recovery, releases, rings,
};
use crate::lane::LanePlan;
use crate::lint::{self, Dates, Facts, Here};
use crate::plan::{More, Plan, Route};
use crate::spec::FleetSpec;

/// Explains a plan. `documents` should be those the plan was made from; where they no longer have its policy, the
/// report lacks what only the policy says (`asks`, `take`, which rule halts).
///
/// # Panics
///
/// When the plan is not one of this fleet.
pub fn explain(fleet: &FleetSpec, plan: &Plan, documents: &Documents) -> PlanReport {
    let mut report = unwarned(fleet, plan, documents);
    report.warnings = warnings(fleet, plan, documents, &report, None);
    report
}

/// What rules find in a plan that whoever says yes to it should know; with a calendar also what only that shows.
fn warnings(
    fleet: &FleetSpec,
    plan: &Plan,
    documents: &Documents,
    report: &PlanReport,
    calendar: Option<&Dates<'_>>,
) -> Vec<Warning> {
    lint::warnings(&Facts {
        fleet,
        plan,
        report,
        documents,
        here: &Here::default(),
        calendar,
    })
}

/// The same without its warnings.
pub(crate) fn unwarned(fleet: &FleetSpec, plan: &Plan, documents: &Documents) -> PlanReport {
    let policy = documents.policies.get(&plan.policy);
    let update = documents.updates.get(&plan.update);
    let names = |hosts: &[HostId]| -> Vec<String> {
        hosts
            .iter()
            .map(|host| fleet.hosts[host.index()].name.clone())
            .collect()
    };
    let cannot_go_back = |slot: &&crate::plan::SlotPlan| !can_roll_back(plan, slot.route.index());
    let without_rollback: Vec<HostId> = plan
        .slots
        .iter()
        .filter(cannot_go_back)
        .map(|slot| slot.host)
        .collect();
    let rings = rings::rings(fleet, plan, policy);
    let targets = plan.slots.len() + plan.unclaimed.len();
    PlanReport {
        plan: plan.digest(),
        seed: plan.seed,
        fleet: fleet.name.clone(),
        policy: plan.policy.clone(),
        author: plan.author.clone(),
        lane: plan.lane.as_ref().map(|of| lane(plan, of)),
        update: plan.update.clone(),
        severity: update.and_then(|update| update.severity.clone()),
        released: update.and_then(|update| update.released),
        supersedes: update.map_or_else(Vec::new, |update| update.supersedes.clone()),
        documents: plan.documents.clone(),
        fleet_hosts: fleet.hosts.len(),
        applies_to: targets + plan.not_applicable.len(),
        targets,
        not_applicable: names(&plan.not_applicable),
        left_out_by: update.map_or_else(BTreeMap::new, |update| {
            releases::left_out_by(fleet, plan, update)
        }),
        releases: update.map_or_else(Vec::new, |update| releases::releases(plan, update)),
        unclaimed: names(&plan.unclaimed),
        exceptions: exceptions::of_plan(fleet, plan, documents),
        advisories: advisories::of_plan(fleet, plan, documents),
        without_rollback: names(&without_rollback),
        routes: routes(plan),
        start: plan.start.as_ref().map(|wanted| {
            rings::approval(wanted, plan, (Some(&plan.consent.start), plan.terms.start))
        }),
        unpoison: unpoison(plan),
        recovery: recovery::of_plan(fleet, plan),
        pace: pace(plan),
        gates: gates(fleet, plan),
        external: external(plan),
        freeze_override: plan.terms.freeze_override,
        due: plan.terms.due.as_ref().map(|due| DueReport {
            by: due.by.clone(),
            within_ms: due.within,
            released: due.released,
        }),
        when: None,
        coverage: coverage::coverage(fleet, plan, policy),
        evidence: evidence::of_plan(plan, &rings),
        availability: availability::availability(fleet, plan),
        estimate: Estimate {
            total_ms: rings
                .last()
                .map(|ring| ring.estimate.ends_ms)
                .unwrap_or_default(),
            assumed_ms: estimate::assumptions(plan),
        },
        rings,
        warnings: Vec::new(),
    }
}

/// The same, with when its rings can be at the earliest where it starts at an instant.
///
/// # Errors
///
/// A zone that a rule names and the time zone database does not have.
///
/// # Panics
///
/// As [`explain`].
pub fn explain_at(
    fleet: &FleetSpec,
    plan: &Plan,
    documents: &Documents,
    zones: &Zones,
    from: Timestamp,
) -> Result<PlanReport, UnknownZone> {
    let mut report = unwarned(fleet, plan, documents);
    let dates = Dates::new(fleet, plan, zones, from)?;
    report.warnings = warnings(fleet, plan, documents, &report, Some(&dates));
    report.when = Some(super::calendar::when(fleet, plan, documents, zones, from)?);
    report.exceptions = exceptions::from(report.exceptions, documents, zones, from)?;
    Ok(report)
}

/// What a plan's lane changes.
fn lane(plan: &Plan, lane: &LanePlan) -> LaneReport {
    let rings = plan.rings.iter().zip(&lane.rings);
    let layers = plan.times.tables.iter().flat_map(|table| &table.layers);
    LaneReport {
        name: lane.name.clone(),
        allowed_when: lane.allowed_when.clone(),
        without: rings
            .map(|(ring, without)| WithoutLaneReport {
                ring: ring.name.clone(),
                soak_ms: without.soak,
                working_ms: without.working,
            })
            .collect(),
        ignores_windows: lane.ignores_windows,
        binding_windows: layers
            .flat_map(|layer| &layer.windows)
            .filter(|(_, window)| window.binding == Binding::Always)
            .map(|(name, _)| name.clone())
            .collect(),
        overrides_freezes: lane.overrides_freezes,
        binding_freezes: plan.terms.binding.clone(),
    }
}

fn can_roll_back(plan: &Plan, route: usize) -> bool {
    !plan.routes[route].visit(VisitKind::Rollback).is_empty()
}

fn routes(plan: &Plan) -> Vec<RouteReport> {
    let mut hosts = vec![0; plan.routes.len()];
    for slot in &plan.slots {
        hosts[slot.route.index()] += 1;
    }
    let routes = plan.routes.iter().zip(hosts).enumerate();
    routes
        .map(|(at, (route, hosts))| RouteReport {
            release: route.release.clone(),
            build: route.build.clone(),
            recipe: route.recipe.clone(),
            parameters: route.parameters.clone(),
            care: route.care.clone(),
            steps: route
                .visit(VisitKind::Update)
                .iter()
                .map(|&step| route.steps[usize::from(step)].kind)
                .collect(),
            about: about_steps(route),
            can_roll_back: can_roll_back(plan, at),
            hosts,
        })
        .collect()
}

/// What whoever approves should know of a role's care: what runs beside the hosts, what is waited for, and for how long.
fn about_steps(route: &Route) -> BTreeMap<StepKind, String> {
    let steps = route.steps.iter().filter_map(|step| {
        let place = (step.step.at == Place::Peer).then(|| "at a peer".to_owned());
        let more = match (&step.more, step.kind) {
            (More::Ready { within, every }, _) => Some(format!("every {every} up to {within}")),
            (More::Manual { .. }, _) => Some("by hand".to_owned()),
            (More::Stage { at_once }, _) => Some(format!(
                "ahead of the visit, at most {at_once} at once; else in the visit"
            )),
            (More::Recovery { back_within }, _) => Some(format!(
                "of broken hosts that do not answer, back within {back_within}"
            )),
            (More::Protect { keep }, _) => Some(format!("kept for {keep}")),
            (More::Silence { at_most }, StepKind::Silence) => Some(format!("up to {at_most}")),
            (
                More::Nothing
                | More::Inspect { .. }
                | More::Reboot { .. }
                | More::Last { .. }
                | More::Silence { .. },
                _,
            ) => None,
        };
        let parts: Vec<String> = place.into_iter().chain(more).collect();
        (!parts.is_empty()).then(|| (step.kind, parts.join(", ")))
    });
    steps.collect()
}

/// What taking back a poisoning of a plan's content needs besides a reason.
pub(crate) fn unpoison(plan: &Plan) -> Option<ApprovalReport> {
    let wanted = plan.unpoison.as_ref()?;
    Some(rings::approval(
        &wanted.rule,
        plan,
        (Some(&wanted.terms), None),
    ))
}

/// How fast a plan is.
pub(crate) fn pace(plan: &Plan) -> PaceReport {
    PaceReport {
        at_once: plan.pace.at_once.get(),
        ramp: plan.pace.ramp == Ramp::Double,
        settle_ms: plan.pace.settle,
        budget_down: plan.budget_down,
        retries: plan.retry.times,
        retry_wait_ms: plan.retry.wait,
        outside_pause_at: plan.outside_pause_at,
    }
}

/// What a plan asks outside the fleet.
pub(crate) fn external(plan: &Plan) -> Vec<ExternalReport> {
    let gates = plan.terms.external.iter();
    gates
        .map(|gate| ExternalReport {
            name: gate.name.clone(),
            every_ms: gate.every,
        })
        .collect()
}

/// What a plan's updated hosts are observed by.
pub(crate) fn gates(fleet: &FleetSpec, plan: &Plan) -> Vec<GateReport> {
    let gates = plan.gates.iter();
    gates
        .map(|gate| GateReport {
            name: gate.name.clone(),
            probe: fleet.probes[gate.probe.index()].name.clone(),
            down_for_ms: gate.down_for,
            min_reporting: gate.min_reporting.to_string(),
        })
        .collect()
}
