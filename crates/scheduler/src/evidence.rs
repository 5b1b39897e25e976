//! What must be known of a kind of host before a later ring visits more of them, for one plan: which host is of which
//! stratum, how much of each is asked for, and whether it can come about at all.
//!
//! This module decides nothing at run time: what is known is counted by the engine, host for host, while it is observed.
//!
//! # Invariants
//!
//! * The first ring that has hosts is asked for nothing: somebody must be first. Nor are rings in which a rollout mends what one
//!   before it left: what is broken already waits for no evidence.
//! * A plan that supersedes something begins with examples whatever its policy says: the harm has decided who is in which ring,
//!   and no fix must be refused for that.
//! * Where a ring does not begin without evidence, the rings before it have as many hosts of each of its strata as must have
//!   been seen: else it would wait for ever.

use std::collections::BTreeSet;

use ringway_model::{Slot, Span};
use ringway_policy::validated::{Policy, WhereMissing};
use serde::{Deserialize, Serialize};

use crate::consent::{MOST_STRATA, Strata};
use crate::plan::Plan;
use crate::problem::{PlanProblem, PlanProblems};
use crate::report::tell_apart;
use crate::spec::FleetSpec;
use crate::words::{hosts, several, shortened};

/// Strata named in one problem.
const SHOWN: usize = 6;

/// What a plan asks to be known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EvidencePlan {
    /// The labels by which hosts are told apart.
    pub by: Vec<String>,
    /// Hosts of a stratum that must have the update and have been seen healthy with it.
    pub hosts: u32,
    /// How long they must have been seen healthy with it, together.
    pub healthy: Span,
    /// What becomes of a ring with a stratum that lacks it.
    pub where_missing: WhereMissing,
    /// Which kinds of hosts there are, and which each slot's is.
    pub strata: Strata,
}

impl EvidencePlan {
    /// What a policy asks of a plan; nothing where it asks for nothing.
    ///
    /// # Errors
    ///
    /// More strata than can be told apart; strata of which too few hosts come early enough, where a ring would wait for
    /// them.
    pub(crate) fn of(
        fleet: &FleetSpec,
        plan: &Plan,
        policy: &Policy,
    ) -> Result<Option<Self>, PlanProblems> {
        let Some(wanted) = &policy.evidence else {
            return Ok(None);
        };
        let Some(strata) = tell_apart(fleet, plan, &wanted.by, &[]) else {
            return PlanProblems::none_of(vec![too_many(&wanted.by)]).map(|()| None);
        };
        let evidence = Self {
            by: wanted.by.clone(),
            hosts: wanted.hosts.get(),
            healthy: wanted.healthy,
            where_missing: if plan.supersedes.is_some() {
                WhereMissing::Canary
            } else {
                wanted.where_missing
            },
            strata,
        };
        PlanProblems::none_of(evidence.never(plan))?;
        Ok(Some(evidence))
    }

    /// The same for a revision of the plan, where hosts of further strata may have joined. Whether these can be known in time
    /// is not asked again: people have approved the plan, and a ring that waits says for what.
    pub(crate) fn revised(&self, fleet: &FleetSpec, plan: &Plan) -> Result<Self, PlanProblem> {
        let strata = tell_apart(fleet, plan, &self.by, &self.strata.names);
        Ok(Self {
            strata: strata.ok_or_else(|| too_many(&self.by))?,
            ..self.clone()
        })
    }

    /// The stratum of a slot's host.
    pub fn of_slot(&self, slot: Slot) -> Option<u16> {
        self.strata.of(slot)
    }

    /// What a stratum is called.
    pub fn name(&self, stratum: u16) -> &str {
        let name = self.strata.names.get(usize::from(stratum));
        name.map_or("", String::as_str)
    }

    /// By ring: its hosts of each stratum.
    pub fn in_rings(&self, plan: &Plan) -> Vec<Vec<u32>> {
        let rings = plan.rings.iter().map(|ring| {
            let mut counts = vec![0; self.strata.names.len()];
            for stratum in self.strata.of_slot.get(ring.slots()).unwrap_or(&[]) {
                counts[usize::from(*stratum)] += 1;
            }
            counts
        });
        rings.collect()
    }

    /// Rings that would wait for ever, each with the strata that too few hosts come early enough of.
    fn never(&self, plan: &Plan) -> Vec<PlanProblem> {
        if self.where_missing == WhereMissing::Canary {
            return Vec::new();
        }
        let in_rings = self.in_rings(plan);
        let first = first_ring(plan);
        let mut before = vec![0; self.strata.names.len()];
        let mut problems = Vec::new();
        for (at, here) in in_rings.iter().enumerate() {
            let short = here.iter().zip(&before).enumerate();
            let short = short.filter(|(_, (here, before))| **here > 0 && **before < self.hosts);
            let short: Vec<usize> = short.map(|(stratum, _)| stratum).collect();
            if at > first && !short.is_empty() {
                problems.push(self.waits_for_ever(plan, at, &short));
            }
            for (before, here) in before.iter_mut().zip(here) {
                *before += here;
            }
        }
        problems
    }

    fn waits_for_ever(&self, plan: &Plan, ring: usize, short: &[usize]) -> PlanProblem {
        let names: BTreeSet<&str> = short
            .iter()
            .map(|at| self.strata.names[*at].as_str())
            .collect();
        let name = &plan.rings[ring].name;
        let by = self.by.join(", ");
        let earlier = match ring {
            1 => format!("ring `{}` has", plan.rings[0].name),
            _ => "the rings before it have".to_owned(),
        };
        PlanProblem::new(
            "evidence-impossible",
            format!(
                "ring `{name}` could never begin: `evidence` asks for {} of every stratum by {by}, and {earlier} fewer of {}: {}",
                hosts(self.hosts as usize),
                several(short.len(), "stratum", "strata"),
                shortened(names.into_iter(), short.len(), SHOWN)
            ),
            format!(
                "`cover: {{ by: [{by}] }}` in an earlier ring, or `where_missing: canary` in `evidence`"
            ),
        )
    }
}

/// The last ring that is asked for nothing: the first that has hosts; where the plan supersedes something, the last of those in
/// which what that left is mended.
pub fn first_ring(plan: &Plan) -> usize {
    let parts = plan.supersedes.as_ref().map_or(0, |of| of.parts.len());
    if parts > 0 {
        return parts - 1;
    }
    let first = plan.rings.iter().position(|ring| ring.planned > 0);
    first.unwrap_or_default()
}

fn too_many(by: &[String]) -> PlanProblem {
    PlanProblem::new(
        "too-many",
        format!(
            "by {} there are more than {MOST_STRATA} strata, and evidence can be had of no more",
            by.join(", ")
        ),
        "take a label out of `evidence.by`",
    )
}
