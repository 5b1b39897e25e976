//! What people are shown of the evidence that a rollout has of kinds of hosts. Decides nothing.

use ringway_model::{Span, Timestamp};
use serde::{Deserialize, Serialize};

use crate::engine::Engine;

/// What is known of the kinds of hosts that are to come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct CoverageView {
    /// Hosts of a stratum that must have been seen healthy with the update.
    pub need_hosts: u32,
    /// For how long, together.
    pub need_healthy_ms: Span,
    /// What becomes of a ring with a stratum that lacks it: `hold` or `canary`.
    pub where_missing: String,
    /// Strata in all.
    pub strata: u32,
    /// Those that have hosts to come after the first ring.
    pub to_come: u32,
    /// Those of them that lack evidence, by the ring that comes to them first.
    pub lacking: Vec<StratumView>,
    /// Those that people accepted untested.
    pub accepted: Vec<UntestedView>,
}

/// A stratum that lacks evidence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct StratumView {
    /// Its labels and values.
    pub stratum: String,
    /// The first ring that has hosts of it to come.
    pub ring: String,
    /// Whether that ring is open, or the next one.
    pub is_next: bool,
    /// Its hosts to come there.
    pub to_come: u32,
    /// Its hosts that have the update and were seen healthy with it.
    pub hosts: u32,
    /// For how long, together.
    pub healthy_ms: Span,
    /// Its hosts that are being visited, or settle.
    pub under_way: u32,
    /// When it can be enough at the earliest; absent where that is open.
    pub until: Option<Timestamp>,
}

/// A stratum that a person accepted untested.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct UntestedView {
    /// Its labels and values.
    pub stratum: String,
    /// By whom.
    pub by: String,
    /// Why.
    pub reason: String,
    /// Since when.
    pub at: Timestamp,
}

impl Engine {
    /// What is known of the kinds of hosts of a rollout; absent where its plan asks for no evidence, and where it is over.
    pub(crate) fn coverage_view(&self, r: usize) -> Option<CoverageView> {
        let rollout = &self.rollouts[r];
        let evidence = rollout.plan.evidence.as_ref()?;
        if rollout.rec.state.is_final() {
            return None;
        }
        let next = usize::from(rollout.rec.opened);
        let coverage = &rollout.idx.coverage;
        let (mut to_come, mut lacking) = (vec![false; evidence.strata.names.len()], Vec::new());
        for ring in coverage.later_rings() {
            let lacks = self.lacking(r, ring);
            for (stratum, hosts) in coverage.coming(ring) {
                let is_known = std::mem::replace(&mut to_come[usize::from(stratum)], true);
                if is_known || lacks.binary_search(&stratum).is_err() {
                    continue;
                }
                let known = self.known_of(r, evidence, stratum);
                lacking.push(StratumView {
                    stratum: evidence.name(stratum).to_owned(),
                    ring: rollout.plan.rings[ring].name.clone(),
                    is_next: ring <= next,
                    to_come: hosts,
                    hosts: known.hosts,
                    healthy_ms: known.healthy,
                    under_way: known.under_way,
                    until: known.until,
                });
            }
        }
        let accepted = rollout.rec.coverage.accepted.iter();
        let coming = to_come.iter().filter(|is_coming| **is_coming).count();
        Some(CoverageView {
            need_hosts: evidence.hosts,
            need_healthy_ms: evidence.healthy,
            where_missing: evidence.where_missing.word().to_owned(),
            strata: u32::try_from(to_come.len()).unwrap_or(u32::MAX),
            to_come: u32::try_from(coming).unwrap_or(u32::MAX),
            lacking,
            accepted: accepted
                .map(|(stratum, untested)| UntestedView {
                    stratum: stratum.clone(),
                    by: rollout.plan.consent.person(&untested.by.0),
                    reason: untested.reason.clone(),
                    at: untested.at,
                })
                .collect(),
        })
    }
}
