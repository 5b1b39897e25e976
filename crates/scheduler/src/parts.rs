//! What a rollout that supersedes another one makes of the fleet: the parts in which the old one left it, and the plan that
//! begins with them.
//!
//! The situation itself is the engine's to tell: it knows what became of every host. This module decides in which ring each
//! part is visited, and in which order within it. It decides nothing about when.
//!
//! | part | its ring | what is another than in the policy's rings |
//! |---|---|---|
//! | broken | `recovery`, the first | failures do not halt: what is broken already is not harmed; windows that are not binding do not keep it broken |
//! | restart withheld | `withheld` | |
//! | latent | `latent` | |
//! | untouched | the ring of the policy it was in | |
//!
//! Rings of parts ask for no approval of their own. They do not soak either, but for the last of them, which soaks as the
//! policy's first ring does: it is the first that shows what the new update does.
//!
//! # Invariants
//!
//! * Every target that the old rollout may have given something is in the ring of its part, and nobody else is.
//! * An untouched host that the old rollout had in a ring of the policy is in the ring of that name.

use std::collections::{BTreeMap, BTreeSet};

use ringway_model::{Content, Digest, Hasher, RolloutId, Selector};
use ringway_policy::validated::{Documents, Policy, Ring, RingHosts, Update};
use serde::{Deserialize, Serialize};

use crate::claim::Claims;
use crate::index::HostIndex;
use crate::make::{Making, Named, plan_in};
use crate::plan::{Plan, Route};
use crate::problem::PlanProblems;
use crate::spec::FleetSpec;

/// How a rollout that is superseded left a host. The order is that of the rings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Part {
    /// It failed, is unhealthy or lost, or could not be taken back.
    Broken,
    /// It has the update, and its restart was withheld.
    Withheld,
    /// It has the update and is well so far.
    Latent,
    /// It has nothing of it.
    Untouched,
}

impl Part {
    /// The parts that have rings of their own, in their order.
    pub const TOUCHED: [Self; 3] = [Self::Broken, Self::Withheld, Self::Latent];

    /// The words people are shown.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Broken => "broken",
            Self::Withheld => "restart withheld",
            Self::Latent => "latent",
            Self::Untouched => "untouched",
        }
    }

    /// What its ring is called.
    const fn ring(self) -> &'static str {
        match self {
            Self::Broken => "recovery",
            Self::Withheld => "withheld",
            Self::Latent | Self::Untouched => "latent",
        }
    }
}

/// How a rollout left the fleet's hosts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Situation {
    /// The rollout.
    pub rollout: RolloutId,
    /// By name: hosts that are not untouched.
    pub hosts: BTreeMap<String, Part>,
}

impl Situation {
    /// The part a host is in.
    pub fn part(&self, host: &str) -> Part {
        self.hosts.get(host).copied().unwrap_or(Part::Untouched)
    }

    /// Two that have the same digest are the same.
    pub fn digest(&self) -> Digest {
        let mut hasher = Hasher::default().part(&self.rollout.0.to_le_bytes());
        for (host, part) in &self.hosts {
            hasher = hasher.part(host.as_bytes()).part(&[*part as u8]);
        }
        hasher.finish()
    }
}

/// What a plan supersedes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Supersedes {
    /// The rollout.
    pub rollout: RolloutId,
    /// The digest of the situation that the plan was made for.
    pub situation: Digest,
    /// The parts that the first rings are for, one ring each.
    pub parts: Vec<Part>,
}

impl Plan {
    /// The part of the fleet that a ring is for; none for a ring of the policy.
    pub fn part_of(&self, ring: usize) -> Option<Part> {
        self.supersedes.as_ref()?.parts.get(ring).copied()
    }
}

/// Where hosts were, and how they are now.
pub(crate) struct Carried<'d> {
    pub(crate) situation: &'d Situation,
    pub(crate) parts: Vec<Part>,
    /// By host's name: the name of the ring of the policy it was in.
    rings: BTreeMap<&'d str, &'d str>,
}

/// The plan of a rollout that supersedes another one, and the documents as it reads them: its policy has the rings of the
/// parts before its own; where one is named, in that lane. `before` is the plan of the other one, with the fleet it is for.
///
/// # Errors
///
/// As [`make_plan_in`](crate::make_plan_in).
pub fn make_superseding(
    fleet: &FleetSpec,
    documents: &Documents,
    (policy, update): (&str, &str),
    (before, before_fleet): (&Plan, &FleetSpec),
    situation: &Situation,
    lane: Option<&str>,
) -> Result<(Plan, Documents), PlanProblems> {
    let named = Named::find(documents, policy, update)?;
    let seed = before.seed;
    let making = Making {
        fleet,
        documents,
        named,
        seed,
        carried: None,
    };
    let index = HostIndex::new(&fleet.hosts, making.labels());
    let targets = making.targets(&index);
    let of_targets: BTreeSet<Part> = targets
        .hosts
        .iter()
        .map(|&host| situation.part(&fleet.hosts[host as usize].name))
        .collect();
    let parts: Vec<Part> = Part::TOUCHED
        .into_iter()
        .filter(|part| of_targets.contains(part))
        .collect();
    let with_rings = with_rings_of(documents, policy, &parts);
    let of_parts = before.supersedes.as_ref().map_or(0, |it| it.parts.len());
    let rings = before.rings.iter().skip(of_parts).flat_map(|ring| {
        let slots = ring.slots().map(|slot| before.slots[slot].host);
        slots.filter_map(|host| {
            let host = before_fleet.hosts.get(host.index())?;
            Some((&*host.name, &*ring.name))
        })
    });
    let carried = Carried {
        situation,
        parts,
        rings: rings.collect(),
    };
    let making = Making {
        fleet,
        documents: &with_rings,
        named: Named::find(&with_rings, policy, update)?,
        seed,
        carried: Some(carried),
    };
    let plan = plan_in(making, lane)?;
    Ok((plan, with_rings))
}

/// What of an earlier plan a new update says that it supersedes, by the id of a release or by the update's name.
pub fn superseded_by(update: &Update, before: &Plan) -> Vec<Content> {
    let of_releases = update.releases.iter();
    let of_releases = of_releases.flat_map(|release| &release.vendor.supersedes);
    let named: Vec<&String> = update.supersedes.iter().chain(of_releases).collect();
    let all = named.iter().any(|name| **name == before.update);
    let routes = before.routes.iter();
    let meant = routes.filter(|route| all || named.iter().any(|name| **name == route.release));
    let mut contents: Vec<Content> = meant.map(Route::content).collect();
    contents.sort();
    contents.dedup();
    contents
}

/// Documents as a plan reads them that supersedes something; those themselves for any other.
pub(crate) fn documents_of(plan: &Plan, documents: &Documents) -> Option<Documents> {
    let supersedes = plan.supersedes.as_ref()?;
    Some(with_rings_of(documents, &plan.policy, &supersedes.parts))
}

/// Documents in which a policy has rings of parts before its own.
fn with_rings_of(documents: &Documents, policy: &str, parts: &[Part]) -> Documents {
    let mut documents = documents.clone();
    if let Some(policy) = documents.policies.get_mut(policy) {
        let rings: Vec<Ring> = parts
            .iter()
            .enumerate()
            .map(|(at, part)| ring_of(policy, *part, at + 1 == parts.len()))
            .collect();
        policy.rings.splice(..0, rings);
    }
    documents
}

fn ring_of(policy: &Policy, part: Part, is_last: bool) -> Ring {
    let is_taken = |name: &str| policy.rings.iter().any(|ring| ring.name == name);
    let mut name = part.ring().to_owned();
    while is_taken(&name) {
        name.push_str("-hosts");
    }
    let first = policy.rings.first().filter(|_| is_last);
    Ring {
        name,
        // Nobody is selected: its hosts are put there, and nobody joins it later.
        hosts: RingHosts::Select {
            select: Selector::Not(Box::new(Selector::All)),
            take: None,
            cover: None,
            spread: Vec::new(),
        },
        soak: first.map_or_else(Default::default, |ring| ring.soak),
        working_time: first.and_then(|ring| ring.working_time),
        windows: Vec::new(),
        after_soak: None,
        early: first.and_then(|ring| ring.early.clone()),
    }
}

impl Carried<'_> {
    /// Puts every host into the ring of its part, or the one it was in.
    pub(crate) fn place(&self, fleet: &FleetSpec, policy: &Policy, claims: &mut Claims) {
        let own = self.parts.len();
        let at_of: BTreeMap<&str, usize> = policy
            .rings
            .iter()
            .enumerate()
            .skip(own)
            .map(|(at, ring)| (&*ring.name, at))
            .collect();
        let place = |host: u32, claimed: Option<usize>| {
            let name = &*fleet.hosts[host as usize].name;
            let part = self.situation.part(name);
            let of_part = self.parts.iter().position(|one| *one == part);
            let was_in = self.rings.get(name).and_then(|ring| at_of.get(ring));
            of_part.or(was_in.copied()).or(claimed)
        };
        let mut rings = vec![Vec::new(); claims.rings.len()];
        let mut unclaimed = Vec::new();
        let claimed = claims.rings.iter().enumerate();
        let claimed =
            claimed.flat_map(|(at, hosts)| hosts.iter().map(move |host| (*host, Some(at))));
        let others = claims.unclaimed.iter().map(|host| (*host, None));
        for (host, at) in claimed.chain(others) {
            match place(host, at) {
                Some(ring) => rings[ring].push(host),
                None => unclaimed.push(host),
            }
        }
        claims.rings = rings;
        claims.unclaimed = unclaimed;
    }

    /// Puts the hosts of the parts into the order in which they are to be mended: those first that the policy names first, and
    /// of the broken ones then those of whose availability group the fewest members are left.
    pub(crate) fn most_critical_first(
        &self,
        fleet: &FleetSpec,
        policy: &Policy,
        rings: &mut [Vec<u32>],
    ) {
        let left = |host: u32| {
            let cell = fleet.hosts[host as usize].cell?;
            let members = fleet.cells[cell.index()].members.iter();
            let is_left = |name: &str| self.situation.part(name) != Part::Broken;
            let left = members.filter(|member| is_left(&fleet.hosts[member.index()].name));
            Some(left.count())
        };
        for (part, hosts) in self.parts.iter().zip(rings) {
            hosts.sort_by_cached_key(|&host| {
                let spec = &fleet.hosts[host as usize];
                let first = policy.recovery_first.iter();
                let rank = first
                    .clone()
                    .position(|select| select.matches(&spec.name, &spec.labels));
                let left = (*part == Part::Broken).then(|| left(host));
                // Of no availability group comes behind those of one.
                (
                    rank.unwrap_or(usize::MAX),
                    left.map(|left| (left.is_none(), left)),
                )
            });
        }
    }
}
