//! What people are shown of advisories: how each stands, whom it means, and which of them contradict one another.

use std::collections::BTreeSet;

use ringway_model::{HostId, RingIndex, RolloutId, VisitKind, WaitingOn};
use ringway_policy::validated::About;

use crate::advisory::{Advisory, Known, Ruling, Standing};
use crate::engine::Engine;
use crate::slot::Class;
use crate::view::{AdvisoryView, Unsure};

/// Whom an advisory is about, in rollouts under way.
#[derive(Default)]
struct Concerned {
    rollouts: Vec<RolloutId>,
    hosts: BTreeSet<HostId>,
    /// Those that it keeps from what it is about.
    held: BTreeSet<HostId>,
}

/// Whether two name content that can be the same.
fn meet(one: &About, other: &About) -> bool {
    let is_build =
        |bare: &About, of: &About| bare.build.is_none() && of.build.as_ref() == Some(&bare.name);
    let same_build = match (&one.build, &other.build) {
        (Some(one), Some(other)) => one == other,
        (None, _) | (_, None) => true,
    };
    one.name == other.name && same_build || is_build(one, other) || is_build(other, one)
}

/// Whether two say different things of content they have in common.
fn differ(one: &Advisory, other: &Advisory) -> bool {
    let mut pairs = one
        .about
        .iter()
        .flat_map(|a| other.about.iter().map(move |b| (a, b)));
    let told = |it: &Advisory| (it.effect, it.fixed_by.clone(), it.says.clone());
    pairs.any(|(a, b)| meet(a, b)) && told(one) != told(other)
}

/// Whether anybody still has to heed it: it counts, or may come to.
const fn is_open(known: &Known) -> bool {
    match &known.standing {
        Standing::Verified | Standing::Proposed => true,
        Standing::Ruled { ruling, .. } => matches!(ruling, Ruling::Accept),
    }
}

impl Engine {
    /// All advisories; those that count first, the most believed of them first, and proposals before what is over.
    pub fn advisories(&self) -> Vec<AdvisoryView> {
        let mut all: Vec<&Known> = self.advisories.of.values().collect();
        all.sort_by_key(|known| {
            let over = !is_open(known);
            (
                over,
                !known.counts(),
                std::cmp::Reverse(known.advisory.rank),
            )
        });
        all.into_iter()
            .map(|known| self.advisory_view(known))
            .collect()
    }

    fn advisory_view(&self, known: &Known) -> AdvisoryView {
        let advisory = &known.advisory;
        let (word, ruled) = match &known.standing {
            Standing::Verified => ("in-force", None),
            Standing::Proposed => ("proposed", None),
            Standing::Ruled { ruling, by, reason } => (ruling.done(), Some((by, reason))),
        };
        let there = || {
            let affected = self.advisories.affected(&advisory.id);
            affected.filter(|(host, _)| !self.has_vanished(*host))
        };
        let name = |host: HostId| self.fleet.spec.hosts[host.index()].name.clone();
        let unsure = there().filter(|(_, lacks)| !lacks.is_empty());
        let Concerned {
            rollouts,
            hosts,
            held,
        } = self.concerned_by(known);
        AdvisoryView {
            advisory: advisory.clone(),
            standing: word.to_owned(),
            counts: known.counts(),
            by: known.by.0.clone(),
            since: known.since,
            ruled_by: ruled.map(|(by, _)| by.0.clone()),
            reason: ruled.map(|(_, reason)| reason.clone()),
            affected: there().map(|(host, _)| name(host)).collect(),
            unsure: unsure
                .map(|(host, lacks)| Unsure {
                    host: name(host),
                    lacks: lacks.to_vec(),
                })
                .collect(),
            rollouts,
            concerned: hosts.into_iter().map(name).collect(),
            held: held.into_iter().map(name).collect(),
            conflicts: self.conflicts_of(known),
        }
    }

    /// Hosts of rollouts under way that an advisory may affect and that get what it is about, and those of them that it keeps
    /// from that.
    fn concerned_by(&self, known: &Known) -> Concerned {
        let mut concerned = Concerned::default();
        for r in 0..self.rollouts.len() {
            let rollout = &self.rollouts[r];
            let is_about = |route: &ringway_scheduler::plan::Route| {
                let advisory = &known.advisory;
                advisory.is_about(&route.release, route.build.as_deref())
            };
            if rollout.rec.state.is_final() || !rollout.plan.routes.iter().any(is_about) {
                continue;
            }
            for (host, _) in self.advisories.affected(&known.advisory.id) {
                let Some(slot) = self.slot_of(r, host) else {
                    continue;
                };
                let route = self.rollouts[r].route(slot);
                if !known
                    .advisory
                    .is_about(&route.release, route.build.as_deref())
                {
                    continue;
                }
                let id = self.rollouts[r].rec.id;
                if concerned.rollouts.last() != Some(&id) {
                    concerned.rollouts.push(id);
                }
                concerned.hosts.insert(host);
                let class = self.rollouts[r].rec.slots[slot as usize].state.class();
                let waits = matches!(
                    class,
                    Class::Pending | Class::Withheld | Class::Debt | Class::Excepted
                );
                let is_kept = self.is_held_by_advisory(r, slot)
                    || self.is_poisoned(r, slot, VisitKind::Update);
                if known.counts() && known.advisory.effect.keeps() && waits && is_kept {
                    concerned.held.insert(host);
                }
            }
        }
        concerned
    }

    /// Advisories that say something else of the same content for a host that both may affect.
    fn conflicts_of(&self, known: &Known) -> Vec<String> {
        if !is_open(known) {
            return Vec::new();
        }
        let own: BTreeSet<HostId> = self
            .advisories
            .affected(&known.advisory.id)
            .map(|(host, _)| host)
            .collect();
        let others = self.advisories.of.values().filter(|other| {
            other.advisory.id != known.advisory.id
                && is_open(other)
                && differ(&known.advisory, &other.advisory)
                && self
                    .advisories
                    .affected(&other.advisory.id)
                    .any(|(host, _)| own.contains(&host))
        });
        others.map(|other| other.advisory.id.clone()).collect()
    }

    /// What a promotion waits for beside visits: the advisory that keeps a restart away, where that is all that is left.
    pub(crate) fn restart_waits(&self, r: usize, ring: RingIndex) -> Option<WaitingOn> {
        let opened = self.rollouts[r].plan.rings[..=ring.index()].iter();
        let slots = opened.flat_map(ringway_scheduler::plan::RingPlan::slots);
        if self.rollouts[r].advised.is_empty() {
            return None;
        }
        let mut slots = slots.map(|slot| u32::try_from(slot).unwrap_or(u32::MAX));
        let slot = slots.find(|&slot| {
            let state = self.rollouts[r].rec.slots[slot as usize].state;
            state.class() == Class::Withheld && self.is_held_by_advisory(r, slot)
        })?;
        self.advisory_waits(r, slot)
    }

    /// The advisory that leaves a host of a ring out of which nobody has the update; the first one.
    pub(crate) fn all_advised(&self, r: usize, ring: RingIndex) -> Option<WaitingOn> {
        if self.rollouts[r].advised.is_empty() {
            return None;
        }
        let left_out = self.excepted_in(r, ring.index()).into_iter();
        let mut waits = left_out.filter_map(|slot| self.advisory_waits(r, slot));
        waits.next()
    }

    /// Advisories that are about what a rollout installs on a host and may affect it, whether they count or not: their ids.
    pub(crate) fn advised_of(&self, r: usize, slot: u32) -> Vec<String> {
        let route = self.rollouts[r].route(slot);
        let host = self.rollouts[r].plan.slots[slot as usize].host;
        let known = self.advisories.of.values().filter(|known| is_open(known));
        let about = known.filter(|known| {
            known
                .advisory
                .is_about(&route.release, route.build.as_deref())
                && self.advisories.affects(&known.advisory.id, host)
        });
        about.map(|known| known.advisory.id.clone()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_and_its_build_can_be_the_same_content() {
        let of = |name: &str, build: Option<&str>| About {
            name: name.to_owned(),
            build: build.map(str::to_owned),
        };
        let (id, build) = (of("KB1", None), of("10.1", None));
        let both = of("KB1", Some("10.1"));
        let later = of("KB1", Some("10.2"));
        for (one, other, is_met) in [
            (&id, &id, true),
            (&id, &both, true),
            (&build, &both, true),
            (&both, &later, false),
            (&build, &later, false),
            (&id, &build, false),
        ] {
            assert_eq!(meet(one, other), is_met, "{one} {other}");
            assert_eq!(meet(other, one), is_met, "{other} {one}");
        }
    }
}
