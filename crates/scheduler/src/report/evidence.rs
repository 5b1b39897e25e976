//! What will be known of each stratum when a ring comes to it, if all goes well, and what becomes of the ring where that is
//! too little. Reads it off the plan and the estimate; the engine counts what is really seen.

use ringway_model::Span;
use ringway_policy::validated::WhereMissing;
use serde::Serialize;

use super::parts::{PlanReport, RingReport};
use crate::evidence::{EvidencePlan, first_ring};
use crate::plan::Plan;
use crate::text::Text;
use crate::words::{counted, hosts, push, several};

/// Strata shown of one ring; those that lack something come first.
const STRATA: usize = 12;

/// What must be known of every stratum before a ring after the first visits more of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct EvidenceReport {
    /// The labels whose combinations are the strata.
    pub by: Vec<String>,
    /// Hosts of a stratum that must have been seen healthy with the update.
    pub hosts: u32,
    /// For how long, together.
    pub healthy_ms: Span,
    /// What becomes of a ring with a stratum that lacks it.
    pub where_missing: &'static str,
    /// Every ring after the first that has hosts.
    pub rings: Vec<RingEvidence>,
}

/// One ring's strata.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RingEvidence {
    /// The ring's name.
    pub ring: String,
    /// Every stratum it has hosts of.
    pub strata: Vec<StratumEvidence>,
}

/// What will be known of a stratum when a ring comes to it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct StratumEvidence {
    /// Its labels and values.
    pub stratum: String,
    /// Its hosts in this ring.
    pub hosts: u32,
    /// Its hosts in the rings before.
    pub hosts_before: u32,
    /// How long these will have been seen healthy, together, when the ring before has soaked.
    pub healthy_before_ms: Span,
    /// What follows from that.
    pub then: Then,
}

/// What becomes of a ring's hosts of a stratum.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Then {
    /// Enough is known: they are visited like all others.
    Enough,
    /// The ring begins later by so much.
    RingWaits {
        /// How much.
        ms: Span,
    },
    /// The ring begins, and they wait for so much longer.
    HostsWait {
        /// How much.
        ms: Span,
    },
    /// So many of them go first; the others wait for them to have been seen healthy for so long, together.
    SomeGoFirst {
        /// How many.
        hosts: u32,
        /// For how long.
        ms: Span,
    },
    /// None of them waits: they are as few as must go first.
    AllGoFirst,
}

/// The report of a plan that asks for evidence.
pub(super) fn of_plan(plan: &Plan, rings: &[RingReport]) -> Option<EvidenceReport> {
    let evidence = plan.evidence.as_ref()?;
    let in_rings = evidence.in_rings(plan);
    let first = first_ring(plan);
    let later = (first + 1..plan.rings.len()).filter(|ring| plan.rings[*ring].planned > 0);
    let of_ring = |ring: usize| {
        let strata = in_rings[ring].iter().zip(0_u16..);
        let strata = strata.filter(|(here, _)| **here > 0);
        let soaked = rings[ring - 1].estimate.ends_ms;
        let mut strata: Vec<StratumEvidence> = strata
            .map(|(here, stratum)| {
                let at = usize::from(stratum);
                let before = (0..ring).map(|ring| in_rings[ring][at]);
                let hours = (0..ring).fold(Span::ZERO, |sum, before| {
                    let each = soaked.less(rings[before].estimate.settled_ms);
                    sum.plus(each.times(u64::from(in_rings[before][at])))
                });
                let before: u32 = before.sum();
                StratumEvidence {
                    stratum: evidence.name(stratum).to_owned(),
                    hosts: *here,
                    hosts_before: before,
                    healthy_before_ms: hours,
                    then: then(evidence, *here, (before, hours)),
                }
            })
            .collect();
        strata.sort_by(|a, b| a.stratum.cmp(&b.stratum));
        RingEvidence {
            ring: plan.rings[ring].name.clone(),
            strata,
        }
    };
    Some(EvidenceReport {
        by: evidence.by.clone(),
        hosts: evidence.hosts,
        healthy_ms: evidence.healthy,
        where_missing: evidence.where_missing.word(),
        rings: later.map(of_ring).collect(),
    })
}

fn then(evidence: &EvidencePlan, here: u32, (before, healthy): (u32, Span)) -> Then {
    let left = evidence.healthy.less(healthy);
    if before >= evidence.hosts && left == Span::ZERO {
        return Then::Enough;
    }
    let together = |hosts: u32| Span(left.millis().div_ceil(u64::from(hosts.max(1))));
    match evidence.where_missing {
        WhereMissing::Hold => Then::RingWaits {
            ms: together(before),
        },
        WhereMissing::Canary if before >= evidence.hosts => Then::HostsWait {
            ms: together(before),
        },
        WhereMissing::Canary => {
            let first = (evidence.hosts - before).min(here);
            if first == here {
                Then::AllGoFirst
            } else {
                Then::SomeGoFirst {
                    hosts: first,
                    ms: left,
                }
            }
        }
    }
}

/// What is asked for, in words.
pub(crate) fn in_words(by: &[String], wanted: u32, healthy: Span, where_missing: &str) -> String {
    let otherwise = match where_missing {
        "canary" => format!("{} of it first, and the others wait", several_go(wanted)),
        _ => "the ring waits".to_owned(),
    };
    format!(
        "by {}: {} of a stratum and {healthy} of their time seen healthy before a later ring visits more of it; else {otherwise}",
        by.join(", "),
        hosts(wanted as usize)
    )
}

fn several_go(hosts: u32) -> String {
    match hosts {
        1 => "1 host goes".to_owned(),
        hosts => format!("{hosts} hosts go"),
    }
}

/// Writes what is asked for and what each ring will find.
pub(super) fn render(text: &mut Text, report: &PlanReport) {
    let Some(evidence) = &report.evidence else {
        return;
    };
    let EvidenceReport {
        by,
        hosts: wanted,
        healthy_ms,
        where_missing,
        rings,
    } = evidence;
    text.heading(&format!(
        "Evidence {}",
        in_words(by, *wanted, *healthy_ms, where_missing)
    ));
    for ring in rings {
        let enough = ring.strata.iter();
        let enough = enough.filter(|one| one.then == Then::Enough).count();
        let mut summary = format!(
            "{} of {} known well enough when its turn comes",
            enough,
            several(ring.strata.len(), "stratum", "strata")
        );
        if enough < ring.strata.len() {
            summary.push(':');
        }
        text.entry(&ring.ring, &summary);
        let short = ring.strata.iter().filter(|one| one.then != Then::Enough);
        for one in short.clone().take(STRATA) {
            text.entry("", &stratum(one));
        }
        let more = short.count().saturating_sub(STRATA);
        if more > 0 {
            text.entry("", &format!("... and {more} more"));
        }
    }
}

fn stratum(one: &StratumEvidence) -> String {
    let mut words = format!("{} ({})", one.stratum, hosts(one.hosts as usize));
    let known = match one.hosts_before {
        0 => "none before".to_owned(),
        before => format!(
            "{} before, {} seen healthy",
            hosts(before as usize),
            one.healthy_before_ms
        ),
    };
    push(&mut words, format_args!(": {known}; "));
    let then = match one.then {
        Then::Enough => "enough".to_owned(),
        Then::RingWaits { ms } => format!("the ring waits {ms} longer"),
        Then::HostsWait { ms } => format!("they wait {ms} longer"),
        Then::SomeGoFirst { hosts, ms } => {
            format!(
                "{}, the others when {ms} of it is seen healthy",
                goes_first(hosts)
            )
        }
        Then::AllGoFirst => "none waits: they go first".to_owned(),
    };
    words.push_str(&then);
    words
}

fn goes_first(hosts: u32) -> String {
    if hosts == 1 {
        "1 goes first".to_owned()
    } else {
        format!("{} go first", counted(hosts as usize, "host"))
    }
}
