//! Plans in a lane of their policy: one that starts there, and one that goes into it, or out of it, on its way.
//!
//! A policy in a lane is a policy again, so that rings, thresholds and budgets are computed as for any other. What this
//! module adds is whether the lane is for the update at all, which windows are left, and what the plan would be without the
//! lane: that is in the plan, for whoever approves it, and for whoever checks it.
//!
//! # Invariants
//!
//! * A plan in a lane has the rings, the hosts, the routes, the gates, the thresholds and the budget it has without.
//! * No soak is under its part of the policy's, rounded up, and none is over it.
//! * A window that is binding for everybody holds in every lane.

use std::collections::{BTreeMap, BTreeSet};

use ringway_model::{Digest, Span};
use ringway_policy::validated::{Documents, Lane, LaneSoak, Pace, Policy, Update};
use serde::{Deserialize, Serialize};

use crate::consent::Consent;
use crate::make::{Making, Named};
use crate::parts::documents_of;
use crate::plan::{ApprovalPlan, Plan, Revision};
use crate::problem::{PlanProblem, PlanProblems};
use crate::revise::extend;
use crate::spec::FleetSpec;
use crate::terms::Terms;
use crate::times::Times;

/// The lane that a plan is made in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LanePlan {
    /// Its name.
    pub name: String,
    /// For which updates it is, as written.
    pub allowed_when: String,
    /// How much shorter soaks are.
    pub soak: Option<LaneSoak>,
    /// Whether windows do not count, those that are binding aside.
    pub ignores_windows: bool,
    /// Whether it works in freezes, those that are binding aside, where somebody said why.
    pub overrides_freezes: bool,
    /// By ring: what its policy says without the lane.
    pub rings: Vec<WithoutLane>,
    /// When work may run on each host without the lane.
    pub times: Times,
}

/// What a ring needs where its rollout is in no lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WithoutLane {
    /// Its soak.
    pub soak: Span,
    /// The working time in it.
    pub working: Option<Span>,
    /// How many approvals going on after it needs.
    pub after_soak: u8,
}

/// What somebody reviewed of a lane, as a digest: whose yes it needs, how fast it is, what gives way in it. The plan that a rollout
/// begins with has that of every lane of its policy, and of the policy itself under no name, so that whoever lets it into one
/// later takes nobody's word for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LaneTerms {
    /// Of how many rings: those of the policy. Rings that a revision adds go on as the last of them does.
    pub rings: u16,
    /// Freezes, by name, in which nobody may work in it.
    pub binding: BTreeSet<String>,
    /// The digest.
    pub digest: Digest,
}

/// The lanes of a policy, by name, and the policy without one.
pub(crate) fn terms_of_lanes(making: &Making<'_>) -> BTreeMap<String, LaneTerms> {
    let Named { policy, .. } = making.named;
    if policy.lanes.is_empty() {
        return BTreeMap::new();
    }
    let terms = |lane: Option<&Lane>| {
        let of = lane.map_or_else(|| policy.clone(), |lane| policy.in_lane(lane));
        let making = Making {
            fleet: making.fleet,
            documents: making.documents,
            named: Named {
                policy: &of,
                ..making.named
            },
            seed: making.seed,
            carried: None,
        };
        // What is wrong with them is told where the plan is made.
        let mut problems = Vec::new();
        let start = making.approvals(of.start.as_ref(), &mut problems);
        let rings = of.rings.iter();
        let after_soak: Vec<Option<ApprovalPlan>> = rings
            .map(|ring| making.approvals(ring.after_soak.as_ref(), &mut problems))
            .collect();
        let consent = making.consent(&mut problems);
        let lane = lane.map(|lane| LanePlan::of(lane, policy));
        let rings = u16::try_from(after_soak.len()).unwrap_or(u16::MAX);
        let after_soak: Vec<_> = after_soak.iter().map(Option::as_ref).collect();
        let terms = making.terms();
        let rest = (&of.pace, &terms);
        let digest = digest_of(lane.as_ref(), (start.as_ref(), &after_soak), &consent, rest);
        LaneTerms {
            rings,
            binding: terms.binding,
            digest,
        }
    };
    let lanes = policy.lanes.iter();
    let lanes = lanes.map(|(name, lane)| (name.clone(), terms(Some(lane))));
    std::iter::once((String::new(), terms(None)))
        .chain(lanes)
        .collect()
}

fn digest_of(
    lane: Option<&LanePlan>,
    (start, after_soak): (Option<&ApprovalPlan>, &[Option<&ApprovalPlan>]),
    consent: &Consent,
    (pace, terms): (&Pace, &Terms),
) -> Digest {
    let lane = lane.map(|lane| {
        let LanePlan {
            name,
            allowed_when,
            soak,
            ignores_windows,
            overrides_freezes,
            rings: _,
            times: _,
        } = lane;
        (name, allowed_when, soak, ignores_windows, overrides_freezes)
    });
    let rings = consent.rings.iter().take(after_soak.len());
    let rings: Vec<_> = rings.map(|ring| &ring.after_soak).collect();
    let working = (0..after_soak.len()).map(|ring| terms.working(ring).map(|working| working.time));
    let working: Vec<Option<Span>> = working.collect();
    let rest = (pace, terms.freeze_override, working);
    let all = (lane, start, after_soak, &consent.start, rings, rest);
    let bytes = postcard::to_allocvec(&all)
        .expect("these types have no lengths unknown in advance, and memory grows as needed");
    Digest::of(&bytes)
}

impl Plan {
    /// Whether its lane, or having none, is what the policy of its rollout says of that: as far as the plan knows what it says.
    pub fn is_of_a_known_lane(&self) -> bool {
        if self.lanes.is_empty() {
            return true;
        }
        let name = self.lane.as_ref().map_or("", |lane| lane.name.as_str());
        let Some(known) = self.lanes.get(name) else {
            return false;
        };
        let after_soak = self.rings.iter().map(|ring| ring.after_soak.as_ref());
        let after_soak: Vec<Option<&ApprovalPlan>> = after_soak.collect();
        let count = usize::from(known.rings);
        let Some((of_policy, added)) = after_soak.split_at_checked(count) else {
            return false;
        };
        let start = self.start.as_ref();
        let found = digest_of(
            self.lane.as_ref(),
            (start, of_policy),
            &self.consent,
            (&self.pace, &self.terms),
        );
        let last = of_policy.last().copied().flatten();
        let tables = self.without_lane().tables.iter();
        let mut freezes = tables.flat_map(|table| &table.freezes);
        found == known.digest
            && added.iter().all(|of| *of == last)
            // One that is not there any more binds nobody.
            && freezes.all(|freeze| {
                !known.binding.contains(&freeze.name) || self.terms.binding.contains(&freeze.name)
            })
    }
}

impl LanePlan {
    fn of(lane: &Lane, policy: &Policy) -> Self {
        let rings = policy.rings.iter().map(|ring| WithoutLane {
            soak: ring.soak,
            working: ring.working_time,
            after_soak: ring.after_soak.as_ref().map_or(0, |rule| rule.needed),
        });
        Self {
            name: lane.name.clone(),
            allowed_when: lane.condition(),
            soak: lane.soak,
            ignores_windows: lane.ignores_windows,
            overrides_freezes: lane.overrides_freezes,
            rings: rings.collect(),
            times: Times::default(),
        }
    }

    /// When work may run in the lane.
    pub(crate) fn times(&self) -> Times {
        if self.ignores_windows {
            self.times.ignoring_windows()
        } else {
            self.times.clone()
        }
    }
}

impl Plan {
    /// What of the plan's lane cannot be so, if anything: whoever computed it, no soak is under its part of what the policy
    /// says, or over it.
    pub(crate) fn check_lane(&self) -> Result<(), String> {
        let Some(lane) = &self.lane else {
            return Ok(());
        };
        let name = &lane.name;
        if lane.rings.len() != self.rings.len() {
            return Err(format!("lane `{name}` is of other rings than the plan"));
        }
        for (ring, without) in self.rings.iter().zip(&lane.rings) {
            let least = lane.soak.map_or(without.soak, |soak| soak.of(without.soak));
            if ring.soak != least {
                return Err(format!(
                    "ring `{}` soaks for {}, and in lane `{name}` it is to be {least}",
                    ring.name, ring.soak
                ));
            }
        }
        if lane.times() != self.times {
            return Err(format!("hosts have other times than in lane `{name}`"));
        }
        Ok(())
    }
}

/// A policy, and what it is in a lane.
pub(crate) struct Hurried {
    pub(crate) policy: Policy,
    pub(crate) lane: LanePlan,
}

/// What a policy is in one of its lanes, where that is for the update.
pub(crate) fn hurried(named: Named<'_>, lane: &str) -> Result<Hurried, PlanProblems> {
    let Named { policy, update, .. } = named;
    let Some(lane) = policy.lanes.get(lane) else {
        let known: Vec<String> = policy
            .lanes
            .keys()
            .map(|name| format!("`{name}`"))
            .collect();
        let hint = if known.is_empty() {
            "it has none: `lanes` in the policy would say how a rollout may hurry".to_owned()
        } else {
            format!("it has {}", known.join(", "))
        };
        let message = format!("policy `{}` has no lane `{lane}`", policy.name);
        let problem = PlanProblem::new("unknown-lane", message, hint);
        return Err(problem.into());
    };
    check_allowed(lane, policy, update)?;
    Ok(Hurried {
        policy: policy.in_lane(lane),
        lane: LanePlan::of(lane, policy),
    })
}

/// A lane is for updates of which something is so.
fn check_allowed(lane: &Lane, policy: &Policy, update: &Update) -> Result<(), PlanProblems> {
    let traits = update.traits_of();
    if lane.allowed_when.matches(&update.name, &traits) {
        return Ok(());
    }
    let severity = traits.get("severity");
    let is = |name: &str| traits.get(name) == Some("yes");
    let word = |name: &str| {
        if is(name) {
            name.to_owned()
        } else {
            format!("not {name}")
        }
    };
    let has = [
        severity.map_or("without a severity".to_owned(), |it| {
            format!("severity {it}")
        }),
        word("exploited"),
        word("disclosed"),
    ];
    let message = format!(
        "lane `{}` of policy `{}` is for updates of which `{}` holds, and update `{}` is {}",
        lane.name,
        policy.name,
        lane.condition(),
        update.name,
        has.join(", ")
    );
    let hint = "leave `--lane` out: the policy without it is for every update; or correct what the update's document says of it";
    let problem = PlanProblem::new("lane-not-allowed", message, hint.to_owned());
    Err(problem.into())
}

/// The next revision of a plan: in this lane of its policy, or in none. Rings, hosts and routes are what they were, and
/// windows are those that the plan was made with.
///
/// # Errors
///
/// Everything that is in the way: documents that the plan was made from and that are not there or are others now, no such
/// lane, a lane that is not for the update.
pub fn relane(
    before: &Plan,
    fleet: &FleetSpec,
    documents: &Documents,
    lane: Option<&str>,
) -> Result<Plan, PlanProblems> {
    let with_parts = documents_of(before, documents);
    let documents = with_parts.as_ref().unwrap_or(documents);
    let named = Named::find(documents, &before.policy, &before.update)?;
    let hurried = lane.map(|lane| hurried(named, lane)).transpose()?;
    let policy = hurried
        .as_ref()
        .map_or(named.policy, |hurried| &hurried.policy);
    let making = Making {
        fleet,
        documents,
        named: Named { policy, ..named },
        seed: before.seed,
        carried: None,
    };
    check_documents(before, &making)?;
    let mut problems = Vec::new();
    let start = making.approvals(policy.start.as_ref(), &mut problems);
    let mut rings = before.rings.clone();
    let (last, count) = (policy.rings.len().saturating_sub(1), rings.len());
    for (at, ring) in rings.iter_mut().enumerate() {
        // The ring of those that come too late goes on as the last one of the policy does.
        if let Some(of) = policy.rings.get(at.min(last)) {
            ring.soak = of.soak;
            ring.after_soak = making.approvals(of.after_soak.as_ref(), &mut problems);
        }
    }
    let mut consent = making.consent(&mut problems);
    PlanProblems::none_of(problems)?;
    consent.strata.clone_from(&before.consent.strata);
    extend(&mut consent.rings, last, count);
    let mut terms = making.terms();
    extend(&mut terms.working, last, count);
    extend(&mut terms.after_soak, last, count);
    extend(&mut terms.early, last, count);
    let times = before.without_lane();
    let lane = hurried.as_ref().map(|hurried| {
        let mut lane = hurried.lane.clone();
        extend(&mut lane.rings, last, count);
        lane.times.clone_from(times);
        lane
    });
    let known = before.revises.as_ref();
    Ok(Plan {
        rings,
        start,
        pace: policy.pace.clone(),
        times: lane.as_ref().map_or_else(|| times.clone(), LanePlan::times),
        terms,
        consent,
        revises: Some(Revision {
            of: before.digest(),
            joined: Vec::new(),
            too_late: known.map_or_else(Vec::new, |it| it.too_late.clone()),
            misfits: known.map_or_else(Vec::new, |it| it.misfits.clone()),
        }),
        lane,
        ..before.clone()
    })
}

/// The lane is the one of the documents that were planned with: those of the people who may approve it are no others either.
fn check_documents(before: &Plan, making: &Making<'_>) -> Result<(), PlanProblems> {
    crate::revise::check_documents(before, making)?;
    let now = making.digests(&before.routes);
    let people = "people/people";
    if now.get(people) != before.documents.get(people) {
        let message =
            "the people document is another one than the rollout was planned with".to_owned();
        let hint =
            "a rollout changes its lane only under its own documents: bring those".to_owned();
        return Err(PlanProblem::new("documents-changed", message, hint).into());
    }
    let fleet = making.documents.fleet.as_ref();
    if fleet.is_none_or(|fleet| fleet.digest != making.fleet.document) {
        let message = "the fleet's document is another one than rollouts run over now".to_owned();
        let hint = "take it in first: `ringway refresh`".to_owned();
        return Err(PlanProblem::new("fleet-changed", message, hint).into());
    }
    Ok(())
}

impl Plan {
    /// When work may run on its hosts where no lane says otherwise.
    pub fn without_lane(&self) -> &Times {
        self.lane.as_ref().map_or(&self.times, |lane| &lane.times)
    }

    /// What a ring needs where no lane says otherwise.
    pub fn without(&self, ring: usize) -> Option<WithoutLane> {
        if let Some(lane) = &self.lane {
            return lane.rings.get(ring).copied();
        }
        let of = self.rings.get(ring)?;
        Some(WithoutLane {
            soak: of.soak,
            working: self.terms.working(ring).map(|working| working.time),
            after_soak: of.after_soak.as_ref().map_or(0, |rule| rule.needed),
        })
    }
}
