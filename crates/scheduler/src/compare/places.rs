//! Which hosts change places, and which ring of one plan is which of the other.

use std::collections::BTreeMap;

use super::parts::{Move, Place, RingPair};
use crate::plan::Plan;
use crate::spec::FleetSpec;

/// Rings of the same name belong together; of the others, those in the same position, which were renamed.
pub(super) fn pairs(before: &Plan, after: &Plan) -> Vec<RingPair> {
    let named = |plan: &Plan, name: &str| plan.rings.iter().position(|ring| ring.name == name);
    let is_new = |ring: &str| named(before, ring).is_none();
    let is_gone = |ring: &str| named(after, ring).is_none();
    let old_of = |at: usize| {
        let name = &after.rings[at].name;
        named(before, name).or_else(|| {
            let renamed = before.rings.get(at).filter(|ring| is_gone(&ring.name));
            renamed.filter(|_| is_new(name)).map(|_| at)
        })
    };
    let mut pairs: Vec<RingPair> = (0..after.rings.len())
        .map(|at| RingPair {
            before: old_of(at),
            after: Some(at),
        })
        .collect();
    let gone: Vec<usize> = (0..before.rings.len())
        .filter(|&at| pairs.iter().all(|pair| pair.before != Some(at)))
        .collect();
    for at in gone {
        // Behind what it came after, so that the list reads in the order of both.
        let earlier = |pair: &RingPair| pair.before.is_some_and(|before| before < at);
        let place = pairs.iter().rposition(earlier).map_or(0, |place| place + 1);
        pairs.insert(
            place,
            RingPair {
                before: Some(at),
                after: None,
            },
        );
    }
    pairs
}

/// What became of every host.
pub(super) struct Changes {
    pub(super) moves: Vec<Move>,
    pub(super) stay: usize,
    pub(super) gained: usize,
    pub(super) lost: usize,
}

/// Where a host is: rings by their number among the pairs, so that a ring is the same in both plans.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum At {
    Ring(usize),
    NoRing,
    NoRelease,
    NotMeant,
}

impl At {
    fn is_target(self) -> bool {
        match self {
            Self::Ring(_) | Self::NoRing => true,
            Self::NoRelease | Self::NotMeant => false,
        }
    }
}

/// Holds every host's place in one plan against that in the other.
pub(super) fn changes(
    fleet: &FleetSpec,
    before: &Plan,
    after: &Plan,
    pairs: &[RingPair],
) -> Changes {
    let old = places(fleet, before, pairs, |pair| pair.before);
    let new = places(fleet, after, pairs, |pair| pair.after);
    let mut changes = Changes {
        moves: Vec::new(),
        stay: 0,
        gained: 0,
        lost: 0,
    };
    let mut moved: BTreeMap<(At, At), Vec<usize>> = BTreeMap::new();
    for (host, (&from, &to)) in old.iter().zip(&new).enumerate() {
        if from != to {
            moved.entry((from, to)).or_default().push(host);
        } else if let At::Ring(_) = from {
            changes.stay += 1;
        }
        match (from.is_target(), to.is_target()) {
            (false, true) => changes.gained += 1,
            (true, false) => changes.lost += 1,
            (true, true) | (false, false) => {}
        }
    }
    let ring = |plan: &Plan, number: Option<usize>| {
        let ring = &plan.rings[number.expect("a host is in no ring that its plan does not have")];
        Place::Ring(ring.name.clone())
    };
    let shown = |at: At, plan: &Plan, number: fn(&RingPair) -> Option<usize>| match at {
        At::Ring(pair) => ring(plan, number(&pairs[pair])),
        At::NoRing => Place::NoRing,
        At::NoRelease => Place::NoRelease,
        At::NotMeant => Place::NotMeant,
    };
    changes.moves = moved
        .into_iter()
        .map(|((from, to), hosts)| Move {
            from: shown(from, before, |pair| pair.before),
            to: shown(to, after, |pair| pair.after),
            count: hosts.len(),
            hosts: hosts
                .into_iter()
                .map(|host| fleet.hosts[host].name.clone())
                .collect(),
        })
        .collect();
    changes
}

/// By host: where it is.
fn places(
    fleet: &FleetSpec,
    plan: &Plan,
    pairs: &[RingPair],
    number: fn(&RingPair) -> Option<usize>,
) -> Vec<At> {
    let mut places = vec![At::NotMeant; fleet.hosts.len()];
    for (pair, own) in pairs.iter().map(number).enumerate() {
        let Some(own) = own else { continue };
        for slot in &plan.slots[plan.rings[own].slots()] {
            places[slot.host.index()] = At::Ring(pair);
        }
    }
    for (hosts, at) in [
        (&plan.unclaimed, At::NoRing),
        (&plan.not_applicable, At::NoRelease),
    ] {
        for host in hosts {
            places[host.index()] = at;
        }
    }
    places
}
