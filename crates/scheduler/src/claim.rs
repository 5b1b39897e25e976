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

use crate::index::Strata;
use crate::units::{UnitId, Units};

/// What a ring asks for.
pub(crate) struct Wish {
    /// How many; absent: all it selects.
    pub(crate) take: Option<u32>,
    /// By host: whether it is selected; absent: all are.
    pub(crate) selects: Option<Vec<bool>>,
    /// Strata by the labels of `cover.by`.
    pub(crate) cover: Option<Strata>,
    /// Strata by the labels of `spread`.
    pub(crate) spread: Option<Strata>,
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
        seen: vec![false; units.len()],
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
        claiming.seen.fill(false);
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
    /// By unit: whether it belongs apart and has a member in this ring.
    seen: Vec<bool>,
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
        self.urgent(&candidates, take);
        let first_of_its_unit = self.one_of_each_unit(&candidates);
        self.fill(first_of_its_unit, take);
        if self.picked.len() < take {
            let others = candidates
                .iter()
                .copied()
                .filter(|&host| !self.can_wait(host))
                .collect();
            self.fill(others, take);
        }
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
            self.seen[unit as usize] = true;
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
    fn cover(&mut self, strata: &Strata, candidates: &[u32], left: &[u32]) {
        let later = &self.wishes[self.ring + 1..];
        let stratum = |host: u32| strata.of[host as usize] as usize;
        let mut needed = vec![false; strata.count as usize];
        for &host in left {
            let needed = &mut needed[stratum(host)];
            *needed = *needed || later.iter().any(|wish| wish.wants(host));
        }
        let mut examples: Vec<Vec<u32>> = vec![Vec::new(); needed.len()];
        let mut drawn = Vec::new();
        for &host in candidates {
            let stratum = stratum(host);
            if needed[stratum] {
                let hosts = &mut examples[stratum];
                if hosts.is_empty() {
                    drawn.push(stratum);
                }
                hosts.push(host);
            }
        }
        drawn.sort_by_key(|&stratum| examples[stratum].len());
        let mut covered = vec![false; needed.len()];
        for of in drawn {
            if covered[of] {
                continue;
            }
            let cost = |host: u32| {
                let unit = self.units.apart(host);
                let beside = unit.is_some_and(|unit| self.seen[unit as usize]);
                (beside, self.size(host))
            };
            let best = examples[of].iter().copied().min_by_key(|&host| cost(host));
            let before = self.picked.len();
            self.pick(best.expect("a stratum is drawn with its first example"));
            for &host in &self.picked[before..] {
                covered[stratum(host)] = true;
            }
        }
    }

    /// Claims members of units that can only be kept apart if this ring takes one, until the ring is full.
    fn urgent(&mut self, candidates: &[u32], take: usize) {
        // Until this ring has a member of a unit, nothing about the unit changes: it is looked at once.
        let mut can_wait = vec![false; self.units.len()];
        for &host in candidates {
            if self.picked.len() >= take {
                break;
            }
            let Some(unit) = self.units.apart(host) else {
                continue;
            };
            let at = unit as usize;
            if self.seen[at] || can_wait[at] {
                continue;
            }
            if self.is_urgent(unit) {
                self.pick(host);
            } else {
                can_wait[at] = true;
            }
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
            .filter(|&unit| self.seen[unit as usize])
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
            let is_first = |unit: UnitId| !std::mem::replace(&mut met[unit as usize], true);
            if self.open[host as usize] && unit.is_none_or(is_first) {
                chosen.push(host);
            }
        }
        chosen
    }

    /// Claims from these in order, evenly over the values of the `spread` labels, until the ring is full. What comes
    /// only together with more than there is room for is left to a later ring.
    fn fill(&mut self, mut hosts: Vec<u32>, take: usize) {
        if self.picked.len() >= take {
            return;
        }
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
        let mut counts = vec![0_u32; strata.count as usize];
        let mut rank = |host: u32| {
            let count = &mut counts[strata.of[host as usize] as usize];
            *count += 1;
            *count
        };
        for &host in &self.picked {
            rank(host);
        }
        let ranks: Vec<u32> = hosts.iter().map(|&host| rank(host)).collect();
        in_order_of(&ranks, &hosts)
    }
}

/// Hosts in the order of their ranks, which are not larger than there are hosts by much; those of the same rank as they
/// stand.
fn in_order_of(ranks: &[u32], hosts: &[u32]) -> Vec<u32> {
    let most = ranks.iter().max().map_or(0, |&most| most as usize);
    let mut next = vec![0_usize; most + 2];
    for &rank in ranks {
        next[rank as usize + 1] += 1;
    }
    for at in 1..next.len() {
        next[at] += next[at - 1];
    }
    let mut ordered = vec![0; hosts.len()];
    for (&rank, &host) in ranks.iter().zip(hosts) {
        let place = &mut next[rank as usize];
        ordered[*place] = host;
        *place += 1;
    }
    ordered
}
