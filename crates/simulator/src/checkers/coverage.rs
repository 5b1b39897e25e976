//! Evidence of kinds of hosts: no ring begins and no visit does before as much of a stratum was seen healthy as the policy asks
//! for, or a person said that it may.
//!
//! By stratum the time is added up as it passes: so many hosts at once, for so long. What a host had of it is kept beside, and
//! taken away with the host.

use std::collections::{BTreeMap, BTreeSet};

use ringway_engine::HostState;
use ringway_model::{Evidence, HostId, IntentId, RolloutId, Timestamp};
use ringway_policy::validated::WhereMissing;
use ringway_scheduler::Plan;

use super::facts::{Class, Facts, RolloutFacts, SlotFacts, ring_of};
use super::{Broken, ensure};

/// One stratum.
#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    /// Host-milliseconds up to `at`.
    hours: u128,
    at: Timestamp,
    /// Hosts that are seen healthy now.
    rate: u32,
    /// Hosts that have the update and were seen healthy with it.
    seen: u32,
    /// Hosts on which the update was tried or is.
    exposed: u32,
}

impl Tally {
    fn pass(&mut self, until: Timestamp) {
        let passed = until.since(self.at).millis();
        self.hours += u128::from(self.rate) * u128::from(passed);
        self.at = self.at.max(until);
    }
}

/// One host.
#[derive(Clone, Copy, Debug, Default)]
struct Own {
    /// Healthy milliseconds up to `at`, while it was or is healthy.
    hours: u128,
    at: Timestamp,
    healthy: bool,
    seen: bool,
    exposed: bool,
}

/// One rollout.
#[derive(Clone, Debug, Default)]
pub(super) struct CoverageFacts {
    strata: Vec<Tally>,
    hosts: BTreeMap<usize, Own>,
    accepted: BTreeSet<String>,
}

impl CoverageFacts {
    /// Hosts are in other places of another plan, and may be of another stratum there: each takes along what it showed.
    pub(super) fn renumbered(
        &mut self,
        plan: &Plan,
        now: Timestamp,
        place: impl Fn(usize) -> usize,
    ) {
        let hosts = std::mem::take(&mut self.hosts).into_iter();
        self.hosts = hosts.map(|(slot, own)| (place(slot), own)).collect();
        let strata = plan.evidence.as_ref().map_or(0, |of| of.strata.names.len());
        self.strata = vec![Tally::default(); strata];
        for tally in &mut self.strata {
            tally.at = now;
        }
        for (slot, own) in &mut self.hosts {
            let Some(of) = stratum(plan, *slot) else {
                continue;
            };
            if own.healthy {
                own.hours += u128::from(now.since(own.at).millis());
            }
            own.at = now;
            let tally = &mut self.strata[of];
            tally.hours += own.hours;
            tally.rate += u32::from(own.healthy);
            tally.seen += u32::from(own.seen);
            tally.exposed += u32::from(own.exposed);
        }
    }
}

fn stratum(plan: &Plan, slot: usize) -> Option<usize> {
    let strata = &plan.evidence.as_ref()?.strata;
    strata.of_slot.get(slot).copied().map(usize::from)
}

/// The first ring with hosts is asked for nothing, nor are those in which what another rollout left is mended.
fn is_asked(plan: &Plan, ring: usize) -> bool {
    let mends = plan
        .supersedes
        .iter()
        .map(|of| of.parts.len())
        .sum::<usize>();
    ring >= mends && plan.rings[..ring].iter().any(|before| before.planned > 0)
}

/// Whether the update was tried on the host, or is.
fn is_exposed(facts: &SlotFacts) -> bool {
    match facts.class() {
        Class::Moving | Class::Done | Class::Withheld => true,
        Class::Pending | Class::Debt | Class::Skipped => false,
        Class::Other => facts.rest != HostState::RolledBack,
    }
}

impl RolloutFacts {
    /// What happened to a host between two looks at it is added up.
    fn look(&mut self, slot: usize, now: Timestamp, sound: bool) {
        let Some(of) = stratum(&self.plan, slot) else {
            return;
        };
        let facts = &self.slots[slot];
        let (has_it, exposed) = (facts.class() == Class::Done, is_exposed(facts));
        let strata = self
            .plan
            .evidence
            .as_ref()
            .map_or(0, |of| of.strata.names.len());
        self.coverage.strata.resize_with(strata, Tally::default);
        let tally = &mut self.coverage.strata[of];
        let own = self.coverage.hosts.entry(slot).or_default();
        tally.pass(now);
        if own.healthy {
            own.hours += u128::from(now.since(own.at).millis());
        }
        own.at = now;
        let was = *own;
        own.exposed = exposed;
        own.healthy = has_it && sound;
        own.seen = has_it && (own.seen || own.healthy);
        if !has_it {
            tally.hours = tally.hours.saturating_sub(own.hours);
            own.hours = 0;
        }
        let one = |was: bool, is: bool, count: &mut u32| {
            *count = count
                .wrapping_add(u32::from(is))
                .wrapping_sub(u32::from(was));
        };
        one(was.healthy, own.healthy, &mut tally.rate);
        one(was.seen, own.seen, &mut tally.seen);
        one(was.exposed, own.exposed, &mut tally.exposed);
    }

    /// Time of which nobody knows: what was so until `from` counts, and again from `to` on.
    pub(super) fn nobody_saw(&mut self, from: Timestamp, to: Timestamp) {
        for tally in &mut self.coverage.strata {
            tally.pass(from);
            tally.at = to;
        }
        for own in self.coverage.hosts.values_mut() {
            if own.healthy {
                own.hours += u128::from(from.since(own.at).millis());
            }
            own.at = to;
        }
    }

    /// Whether enough is known of a stratum, or a person said that it may go on.
    fn is_known(&self, of: usize, now: Timestamp) -> bool {
        let Some(wanted) = &self.plan.evidence else {
            return true;
        };
        if self.coverage.accepted.contains(&wanted.strata.names[of]) {
            return true;
        }
        let mut tally = self.coverage.strata.get(of).copied().unwrap_or_default();
        tally.pass(now);
        tally.seen >= wanted.hosts && tally.hours >= u128::from(wanted.healthy.millis())
    }
}

impl Facts {
    /// What is known of a host, or what is done with it, may be another thing now.
    pub(super) fn look_at_coverage(&mut self, host: HostId) {
        let seats = self.hosts[host.index()].seats.clone();
        for &(id, slot) in &seats {
            let slot = slot as usize;
            let Some(rollout) = self.rollouts.get(&id) else {
                continue;
            };
            if rollout.plan.evidence.is_none() {
                continue;
            }
            let facts = &self.hosts[host.index()];
            let mut gates = rollout.plan.gates.iter();
            let up = gates.all(|gate| facts.evidence(gate.probe).0 == Evidence::Up);
            let elsewhere = seats.iter().filter(|(other, _)| *other != id);
            let visited = elsewhere.filter_map(|(other, slot)| {
                let other = self.rollouts.get(other)?;
                other.slots.get(*slot as usize)
            });
            let mut visited = visited.filter(|facts| facts.class() == Class::Moving);
            let sound = up && facts.holds.is_empty() && visited.next().is_none();
            let now = self.now;
            if let Some(rollout) = self.rollouts.get_mut(&id) {
                rollout.look(slot, now, sound);
            }
        }
    }

    /// The same for all.
    pub(super) fn look_at_all_coverage(&mut self) {
        if self
            .rollouts
            .values()
            .any(|rollout| rollout.plan.evidence.is_some())
        {
            for host in 0..self.hosts.len() {
                self.look_at_coverage(HostId::at(host));
            }
        }
    }

    /// A person lets a stratum go on untested.
    pub(super) fn untested_accepted(
        &mut self,
        id: RolloutId,
        stratum: &str,
        reason: &str,
    ) -> Result<(), Broken> {
        ensure!(
            !reason.trim().is_empty(),
            Story,
            "`{stratum}` of {id} is accepted untested and nobody says why"
        );
        let rollout = self.rollout_mut(id)?;
        let names = rollout.plan.evidence.iter();
        let mut names = names.flat_map(|wanted| &wanted.strata.names);
        ensure!(
            names.any(|name| name == stratum),
            Story,
            "{id} has no stratum `{stratum}` that could be accepted untested"
        );
        rollout.coverage.accepted.insert(stratum.to_owned());
        Ok(())
    }

    /// An update visit begins: enough is known of its host's kind, or it is one of so many that may go first.
    pub(super) fn check_covered(&self, intent: IntentId, slot: usize) -> Result<(), Broken> {
        let rollout = self.rollout(intent.rollout())?;
        let ring = ring_of(&rollout.plan, slot);
        let (Some(wanted), Some(of)) = (&rollout.plan.evidence, stratum(&rollout.plan, slot))
        else {
            return Ok(());
        };
        if !is_asked(&rollout.plan, ring) || rollout.is_known(of, self.now) {
            return Ok(());
        }
        let tally = rollout.coverage.strata.get(of).copied().unwrap_or_default();
        ensure!(
            wanted.where_missing == WhereMissing::Canary && tally.exposed < wanted.hosts,
            I11,
            "{intent} begins a visit in ring {ring} of `{}`, of which {} hosts were seen healthy for {} ms and {} have been tried",
            wanted.strata.names[of],
            tally.seen,
            tally.hours,
            tally.exposed
        );
        Ok(())
    }

    /// A ring opens: where its policy holds, enough is known of every stratum that it has hosts to come of.
    pub(super) fn check_ring_covered(&self, id: RolloutId, ring: usize) -> Result<(), Broken> {
        let rollout = self.rollout(id)?;
        let Some(wanted) = &rollout.plan.evidence else {
            return Ok(());
        };
        if wanted.where_missing != WhereMissing::Hold || !is_asked(&rollout.plan, ring) {
            return Ok(());
        }
        for slot in rollout.plan.rings[ring].slots() {
            let comes = matches!(rollout.slots[slot].class(), Class::Pending | Class::Debt);
            let Some(of) = stratum(&rollout.plan, slot).filter(|_| comes) else {
                continue;
            };
            ensure!(
                rollout.is_known(of, self.now),
                I11,
                "{id} opens ring {ring}, which has hosts of `{}`, and too little was seen of it",
                wanted.strata.names[of]
            );
        }
        Ok(())
    }

    /// What a yes was shown of kinds of hosts in the ring that it opens, as it is bound: those too little is known of, and those that
    /// somebody let go on all the same. None where no evidence is asked for.
    pub(super) fn coverage_said(
        &self,
        id: RolloutId,
        ring: usize,
    ) -> Result<Option<Vec<u8>>, Broken> {
        let rollout = self.rollout(id)?;
        let Some(wanted) = &rollout.plan.evidence else {
            return Ok(None);
        };
        let (mut lacking, mut here) = (BTreeSet::new(), BTreeSet::new());
        let slots = rollout
            .plan
            .rings
            .get(ring)
            .map_or(0..0, ringway_scheduler::plan::RingPlan::slots);
        for slot in slots {
            let Some(of) = stratum(&rollout.plan, slot) else {
                continue;
            };
            here.insert(of);
            let comes = matches!(rollout.slots[slot].class(), Class::Pending | Class::Debt);
            if comes && is_asked(&rollout.plan, ring) && !rollout.is_known(of, self.now) {
                lacking.insert(of);
            }
        }
        here.retain(|of| {
            rollout
                .coverage
                .accepted
                .contains(&wanted.strata.names[*of])
        });
        let line = |word: &str, of: &usize| format!("{word} {}\n", wanted.strata.names[*of]);
        let lacking = lacking.iter().map(|of| line("lacking", of));
        let said: String = lacking
            .chain(here.iter().map(|of| line("accepted", of)))
            .collect();
        Ok(Some(said.into_bytes()))
    }
}
