//! One of two plans: its rings with what is at stake in each, and when it is over.

use ringway_model::Span;
use ringway_policy::validated::{ExternalGate, FreezeOverride, Policy, PolicyCalendar, Ramp, Ring};

use super::parts::{EvidenceTerms, ExternalSide, FirstSoak, RingSide, Risk, Side, Terms};
use super::strata::RingStrata;
use crate::plan::{Plan, RingPlan};
use crate::report::{self, RingEstimate};
use crate::spec::FleetSpec;

/// Everything about a plan that is held against the other one.
pub(super) fn side(fleet: &FleetSpec, plan: &Plan, policy: &Policy, strata: &[RingStrata]) -> Side {
    let estimates = report::estimates(fleet, plan);
    let mut before = 0;
    let mut rings = Vec::with_capacity(plan.rings.len());
    let rings_of = plan.rings.iter().enumerate();
    for (((at, ring), estimate), strata) in rings_of.zip(estimates).zip(strata) {
        let risk = risk(plan, ring, before);
        before = risk.shows_in_soak;
        rings.push(RingSide {
            name: ring.name.clone(),
            hosts: ring.planned,
            halts_on: ring.halt_on,
            debt_allowed: ring.debt_allowed,
            soak_ms: ring.soak,
            windows: windows_of(policy, at),
            after_soak: ring.after_soak.as_ref().map(|wanted| {
                report::approval(
                    wanted,
                    plan,
                    (plan.consent.after_soak(at), plan.terms.after_soak(at)),
                )
            }),
            early: report::early(plan, at),
            working_ms: plan.terms.working(at).map(|working| working.time),
            estimate,
            risk,
            strata_seen: strata.seen,
            strata_new: strata.new,
            hosts_new: strata.hosts_new,
        });
    }
    Side {
        plan: plan.digest(),
        policy: plan.policy.clone(),
        targets: plan.slots.len() + plan.unclaimed.len(),
        not_applicable: plan.not_applicable.len(),
        unclaimed: plan.unclaimed.len(),
        first_soak: first_soak(plan, &rings),
        total_ms: rings
            .last()
            .map(|ring| ring.estimate.ends_ms)
            .unwrap_or_default(),
        exposure_ms: rings.iter().map(exposure).fold(Span::ZERO, Span::plus),
        rings,
        terms: terms(fleet, plan, policy),
    }
}

/// A ring's own windows. A plan has a last ring more where hosts joined too late; a comparison's plans do not.
fn windows_of(policy: &Policy, ring: usize) -> Vec<String> {
    let ring = policy.rings.get(ring);
    ring.map_or_else(Vec::new, |ring| {
        let Ring {
            name: _,
            // Told by who is in it.
            hosts: _,
            soak: _,
            working_time: _,
            windows,
            after_soak: _,
            early: _,
        } = ring;
        windows.clone()
    })
}

/// What holds in all rings. Each field of a policy is named, so that nobody adds one without a thought for who compares two.
fn terms(fleet: &FleetSpec, plan: &Plan, policy: &Policy) -> Terms {
    let Policy {
        // What the documents are called, and their text, change no rollout.
        name: _,
        digest: _,
        // Told by who may approve.
        author: _,
        // Told by who is in which ring, and by what stops each.
        applies_to: _,
        rings: _,
        halt: _,
        offline: _,
        // Told as the plan has them.
        start: _,
        unpoison: _,
        pace: _,
        budget_down: _,
        retry: _,
        gates: _,
        already_unhealthy: _,
        on_halt: _,
        external,
        calendar:
            PolicyCalendar {
                windows,
                freezes,
                freeze_override,
            },
        due,
        // Told as the plan has it.
        outside_pause_at: _,
        // Only where something goes wrong, and told by the plan that mends it.
        recovery_first: _,
        // A plan is compared as it is in no lane.
        lanes: _,
        evidence: _,
    } = policy;
    let external = external.iter().map(|gate| {
        let ExternalGate {
            name,
            run,
            every,
            timeout,
        } = gate;
        ExternalSide {
            name: name.clone(),
            run: run.clone(),
            every_ms: *every,
            timeout_ms: *timeout,
        }
    });
    Terms {
        start: plan.start.as_ref().map(|wanted| {
            report::approval(wanted, plan, (Some(&plan.consent.start), plan.terms.start))
        }),
        unpoison: report::unpoison(plan),
        pace: report::pace(plan),
        gates: report::gates(fleet, plan),
        external: external.collect(),
        windows: windows.clone(),
        freezes: freezes.clone(),
        freeze_override: *freeze_override == FreezeOverride::WithReason,
        due_ms: due.clone(),
        offline_retry_ms: plan.offline_retry,
        outside_pause_at: plan.outside_pause_at,
        evidence: plan.evidence.as_ref().map(|evidence| EvidenceTerms {
            by: evidence.by.clone(),
            hosts: evidence.hosts,
            healthy_ms: evidence.healthy,
            where_missing: evidence.where_missing.word(),
        }),
        already_unhealthy: plan.already_unhealthy,
        on_halt: plan.on_halt,
    }
}

/// Hosts that have the update when this ring halts; so many have it before.
///
/// Where every host fails in its visit, those that are under way at the failure that halts have it as well: one with a
/// ramp, which a failure stops from growing. Failed hosts are down, so a budget bounds them too.
fn risk(plan: &Plan, ring: &RingPlan, before: u32) -> Risk {
    let down = plan.budget_down.unwrap_or(u32::MAX);
    let at_once = match plan.pace.ramp {
        Ramp::Double => 1,
        Ramp::Off => plan.pace.at_once.get(),
    };
    let failing = ring
        .halt_on
        .map_or(u32::MAX, |limit| (limit - 1).saturating_add(at_once))
        .min(down)
        .min(ring.planned);
    Risk {
        shows_at_once: before + failing,
        shows_in_soak: before + ring.planned,
    }
}

/// The first soak that can halt.
fn first_soak(plan: &Plan, rings: &[RingSide]) -> Option<FirstSoak> {
    if plan.gates.is_empty() {
        return None;
    }
    let ring = rings
        .iter()
        .find(|ring| ring.hosts > 0 && ring.soak_ms > Span::ZERO && ring.can_halt())?;
    Some(FirstSoak {
        ring: ring.name.clone(),
        hosts: ring.risk.shows_in_soak,
        begins_ms: ring.estimate.settled_ms,
        ends_ms: ring.estimate.ends_ms,
    })
}

/// Time without the update over the hosts of a ring.
fn exposure(ring: &RingSide) -> Span {
    let RingEstimate {
        starts_ms,
        settled_ms,
        ..
    } = ring.estimate;
    Span(
        starts_ms
            .plus(settled_ms)
            .times(u64::from(ring.hosts))
            .millis()
            / 2,
    )
}
