//! Whether the rings that came out are what their policy asks for.
//!
//! This looks at the result alone, not at how hosts were chosen, so a stratum that a ring misses is found whatever the
//! reason.

use std::collections::BTreeMap;

use ringway_policy::validated::{Cover, Policy, RingHosts};

use crate::claim::{Claims, Wish};
use crate::problem::PlanProblem;
use crate::spec::FleetSpec;
use crate::stratum;
use crate::words::shortened;

/// Hosts named in one problem.
const SHOWN: usize = 5;

/// Adds a problem for rings that claim nothing at all, for every `cover` that needs more than its `take`, and for
/// every stratum that a `cover` should contain and does not.
pub(crate) fn check_claims(
    fleet: &FleetSpec,
    policy: &Policy,
    wishes: &[Wish],
    claims: &Claims,
    problems: &mut Vec<PlanProblem>,
) {
    if claims.rings.iter().all(Vec::is_empty) {
        problems.push(PlanProblem::new(
            "no-ring-claims",
            format!(
                "no ring of policy `{}` selects any of the targets",
                policy.name
            ),
            "end the rings with one that has `hosts: rest`",
        ));
    }
    for (at, (ring, wish)) in policy.rings.iter().zip(wishes).enumerate() {
        let RingHosts::Select {
            cover: Some(cover), ..
        } = &ring.hosts
        else {
            continue;
        };
        let needed = claims.covering[at];
        if let Some(take) = wish.take.filter(|&take| needed > take as usize)
            && !cover.may_exceed_take
        {
            problems.push(PlanProblem::new(
                "cover-exceeds-take",
                format!(
                    "ring `{}` may take {take}, and needs {needed} to have one host of every \
                     stratum by {} that comes later",
                    ring.name,
                    cover.by.join(", ")
                ),
                format!("set `may_exceed_take: true`, or `take: {needed}`"),
            ));
        }
        check_cover(fleet, policy, (at, wish, cover), claims, problems);
    }
}

/// Every stratum of a later ring that this ring has no example of.
fn check_cover(
    fleet: &FleetSpec,
    policy: &Policy,
    (at, wish, cover): (usize, &Wish, &Cover),
    claims: &Claims,
    problems: &mut Vec<PlanProblem>,
) {
    let Some(strata) = &wish.cover else { return };
    let mut here = vec![false; strata.count as usize];
    for &host in &claims.rings[at] {
        here[strata.of[host as usize] as usize] = true;
    }
    let mut missing: BTreeMap<_, (usize, Vec<u32>)> = BTreeMap::new();
    for (later, hosts) in claims.rings.iter().enumerate().skip(at + 1) {
        for &host in hosts {
            let stratum = strata.of[host as usize];
            if !here[stratum as usize] {
                missing
                    .entry(stratum)
                    .or_insert((later, Vec::new()))
                    .1
                    .push(host);
            }
        }
    }
    let name = &policy.rings[at].name;
    for (later, mut hosts) in missing.into_values() {
        hosts.sort_unstable();
        let names = hosts
            .iter()
            .map(|&host| fleet.hosts[host as usize].name.as_str());
        problems.push(PlanProblem::new(
            "cover-impossible",
            format!(
                "ring `{name}` can have no host of stratum {}, which comes in ring `{}`: {}",
                stratum::of(&fleet.hosts[hosts[0] as usize], &cover.by),
                policy.rings[later].name,
                shortened(names, hosts.len(), SHOWN)
            ),
            format!(
                "let `select` of ring `{name}` match one of them, or take a label out of `cover.by`"
            ),
        ));
    }
}
