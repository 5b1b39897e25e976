//! Which ring claims which host.
//!
//! Rings claim in order and the first wins. A ring that takes all it selects has no choice; one that takes some
//! chooses, in this order: an example of every stratum that may come later (`cover`), members of availability groups
//! that could not be kept apart otherwise, then by `spread` and the drawn order. It never chooses by the order of the
//! document.
//!
//! # Invariants
//!
//! * A host is in at most one ring.
//! * A unit that belongs together is claimed whole, by the first ring that claims any member.
//! * A ring takes more than it may only to cover (where allowed), or where it would be empty otherwise.

use std::collections::{BTreeMap, BTreeSet};

use crate::units::{UnitId, Units};

/// What a ring asks for.
pub(crate) struct Wish {
    /// How many; absent: all it selects.
    pub(crate) take: Option<u32>,
    /// By host: whether it is selected; absent: all are.
    pub(crate) selects: Option<Vec<bool>>,
    /// By host: its stratum by the labels of `cover.by`.
    pub(crate) cover: Option<Vec<u32>>,
    /// By host: its stratum by the labels of `spread`.
    pub(crate) spread: Option<Vec<u32>>,
}

impl Wish {
    fn wants(&self, host: u32) -> bool {
        self.selects
            .as_ref()
            .is_none_or(|selected| selected[host as usize])
    }
}

/// Who is in which ring.
pub(crate) struct Claims {
    /// By ring, in the order they were claimed.
    pub(crate) rings: Vec<Vec<u32>>,
    /// By ring: how many hosts it claimed to cover strata.
    pub(crate) covering: Vec<usize>,
    /// Hosts that no ring claimed, in drawn order.
    pub(crate) unclaimed: Vec<u32>,
}

/// Lets every ring claim, in order. `targets` are in drawn order.
pub(crate) fn claim(wishes: &[Wish], units: &Units, targets: Vec<u32>, hosts: usize) -> Claims {
    let mut claiming = Claiming {
        wishes,
        units,
        ring: 0,
        open: vec![false; hosts],
        left_of_unit: vec![0; units.len()],
        seen: BTreeSet::new(),
        picked: Vec::new(),
    };
    for &host in &targets {
        claiming.open[host as usize] = true;
        if let Some(unit) = units.apart(host) {
            claiming.left_of_unit[unit as usize] += 1;
        }
    }
    let mut claims = Claims {
        rings: Vec::new(),
        covering: Vec::new(),
        unclaimed: targets,
    };
    for ring in 0..wishes.len() {
        claiming.ring = ring;
        claiming.seen.clear();
        claims.covering.push(claiming.one_ring(&claims.unclaimed));
        claims.rings.push(std::mem::take(&mut claiming.picked));
        claims
            .unclaimed
            .retain(|&host| claiming.open[host as usize]);
    }
    claims
}

struct Claiming<'w> {
    wishes: &'w [Wish],
    units: &'w Units,
    /// The ring that claims now.
    ring: usize,
    /// By host: a target that no ring has claimed.
    open: Vec<bool>,
    /// By unit that belongs apart: members that no ring has claimed.
    left_of_unit: Vec<usize>,
    /// Units that belong apart and have a member in this ring.
    seen: BTreeSet<UnitId>,
    /// This ring's hosts so far.
    picked: Vec<u32>,
}

impl Claiming<'_> {
    /// Fills `picked` and returns how many of them were claimed to cover.
    fn one_ring(&mut self, left: &[u32]) -> usize {
        let wish = &self.wishes[self.ring];
        let candidates: Vec<u32> = left
            .iter()
            .copied()
            .filter(|&host| wish.wants(host))
            .collect();
        let Some(take) = wish.take else {
            for &host in &candidates {
                self.pick(host);
            }
            return 0;
        };
        let take = take as usize;
        if let Some(strata) = &wish.cover {
            self.cover(strata, &candidates, left);
        }
        let covering = self.picked.len();
        for &host in &candidates {
            let unit = self
                .units
                .apart(host)
                .filter(|unit| !self.seen.contains(unit));
            if self.picked.len() < take && unit.is_some_and(|unit| self.is_urgent(unit)) {
                self.pick(host);
            }
        }
        let first_of_its_unit = self.one_of_each_unit(&candidates);
        self.fill(first_of_its_unit, take);
        let others = candidates
            .iter()
            .copied()
            .filter(|&host| !self.can_wait(host))
            .collect();
        self.fill(others, take);
        if self.picked.is_empty() {
            // Every choice belongs to a unit that is larger than the ring may be; a ring without hosts would prove
            // nothing about any of them.
            let smallest = candidates.iter().min_by_key(|&&host| self.size(host));
            if let Some(&host) = smallest {
                self.pick(host);
            }
        }
        covering
    }

    /// Claims a host, and with it all that belongs together with it.
    fn pick(&mut self, host: u32) {
        let units = self.units;
        let own = [host];
        let all = units
            .together(host)
            .map_or(&own[..], |unit| units.members(unit));
        for &host in all {
            if std::mem::replace(&mut self.open[host as usize], false) {
                self.picked.push(host);
            }
        }
        if let Some(unit) = units.apart(host) {
            self.seen.insert(unit);
            self.left_of_unit[unit as usize] -= 1;
        }
    }

    /// How many hosts come with this one, itself included.
    fn size(&self, host: u32) -> usize {
        self.units
            .together(host)
            .map_or(1, |unit| self.units.members(unit).len())
    }

    /// Claims an example of every stratum that a later ring may have. Rare strata first, so that what belongs
    /// together and covers several of them is met early.
    fn cover(&mut self, strata: &[u32], candidates: &[u32], left: &[u32]) {
        let later = &self.wishes[self.ring + 1..];
        let needed: BTreeSet<u32> = left
            .iter()
            .filter(|&&host| later.iter().any(|wish| wish.wants(host)))
            .map(|&host| strata[host as usize])
            .collect();
        let mut examples: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
        let mut drawn = Vec::new();
        for &host in candidates {
            let stratum = strata[host as usize];
            if needed.contains(&stratum) {
                let hosts = examples.entry(stratum).or_default();
                if hosts.is_empty() {
                    drawn.push(stratum);
                }
                hosts.push(host);
            }
        }
        drawn.sort_by_key(|stratum| examples[stratum].len());
        let mut covered: BTreeSet<u32> = BTreeSet::new();
        for stratum in drawn {
            if covered.contains(&stratum) {
                continue;
            }
            let cost = |host: u32| {
                let beside = self
                    .units
                    .apart(host)
                    .is_some_and(|unit| self.seen.contains(&unit));
                (beside, self.size(host))
            };
            let best = examples[&stratum]
                .iter()
                .copied()
                .min_by_key(|&host| cost(host));
            let before = self.picked.len();
            self.pick(best.expect("a stratum is drawn with its first example"));
            covered.extend(
                self.picked[before..]
                    .iter()
                    .map(|&host| strata[host as usize]),
            );
        }
    }

    /// How many rings from `from` on select a member of the unit.
    fn rings_from(&self, from: usize, unit: UnitId) -> usize {
        let members = self.units.members(unit);
        self.wishes[from..]
            .iter()
            .filter(|wish| {
                members
                    .iter()
                    .any(|&host| self.open[host as usize] && wish.wants(host))
            })
            .count()
    }

    /// Whether the unit can only be kept apart if this ring takes one of its members.
    fn is_urgent(&self, unit: UnitId) -> bool {
        self.left_of_unit[unit as usize] >= self.rings_from(self.ring, unit)
    }

    /// Whether a host may be left to a later ring so that its unit stays apart: enough rings come, and one of them
    /// takes everything that is left of the unit, so that nobody is left out.
    fn can_wait(&self, host: u32) -> bool {
        let Some(unit) = self
            .units
            .apart(host)
            .filter(|unit| self.seen.contains(unit))
        else {
            return false;
        };
        let open = |&&member: &&u32| self.open[member as usize];
        let left: Vec<u32> = self
            .units
            .members(unit)
            .iter()
            .filter(open)
            .copied()
            .collect();
        left.len() <= self.rings_from(self.ring + 1, unit)
            && self.wishes[self.ring + 1..]
                .iter()
                .any(|wish| wish.take.is_none() && left.iter().all(|&host| wish.wants(host)))
    }

    /// Hosts that are still open, of each unit only the first, and of units that belong apart none that have a member
    /// here already.
    fn one_of_each_unit(&self, candidates: &[u32]) -> Vec<u32> {
        let mut met = self.seen.clone();
        let mut chosen = Vec::new();
        for &host in candidates {
            let unit = self.units.apart(host).or_else(|| self.units.together(host));
            if self.open[host as usize] && unit.is_none_or(|unit| met.insert(unit)) {
                chosen.push(host);
            }
        }
        chosen
    }

    /// Claims from these in order, evenly over the values of the `spread` labels, until the ring is full. What comes
    /// only together with more than there is room for is left to a later ring.
    fn fill(&mut self, mut hosts: Vec<u32>, take: usize) {
        hosts.retain(|&host| self.open[host as usize]);
        for host in self.spread(hosts) {
            if self.picked.len() >= take {
                break;
            }
            if self.open[host as usize] && self.size(host) <= take - self.picked.len() {
                self.pick(host);
            }
        }
    }

    /// Round robin over the values of the `spread` labels: the n-th host of a value stands beside the n-th of every
    /// other value, counting those that the ring has already.
    fn spread(&self, hosts: Vec<u32>) -> Vec<u32> {
        let Some(strata) = &self.wishes[self.ring].spread else {
            return hosts;
        };
        let mut counts: BTreeMap<u32, u32> = BTreeMap::new();
        let mut rank = |host: u32| {
            let count = counts.entry(strata[host as usize]).or_default();
            *count += 1;
            *count
        };
        for &host in &self.picked {
            rank(host);
        }
        let mut ranked: Vec<(u32, u32)> =
            hosts.into_iter().map(|host| (rank(host), host)).collect();
        ranked.sort_by_key(|&(rank, _)| rank);
        ranked.into_iter().map(|(_, host)| host).collect()
    }
}
