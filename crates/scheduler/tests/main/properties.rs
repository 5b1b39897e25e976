//! What holds for every plan, whatever the documents and the seed.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use proptest::test_runner::Config;
use ringway_model::{RingIndex, Slot};
use ringway_policy::validated::{Host, Ring, RingHosts, RingSpread};
use ringway_scheduler::{FleetSpec, Plan};

use crate::support::{
    after, compiled, covering, group, host, keeping_up, rest, ring, ring_by_name, rings_of,
    spreading, taking, try_plan,
};

/// Bounded, and no file of regressions: a case that fails is written down as a test of its own.
fn bounded() -> Config {
    Config {
        cases: 256,
        failure_persistence: None,
        ..Config::default()
    }
}

const ROLES: [&str; 4] = ["web", "sql", "dc", "other"];
const SITES: [&str; 3] = ["fra", "ham", "muc"];

fn any_host(n: usize) -> impl Strategy<Value = Host> {
    (0..ROLES.len(), 0..SITES.len(), 0..4_u8).prop_map(move |(role, site, tier)| {
        let tier = if tier == 0 { " tier=critical" } else { "" };
        host(
            &format!("h-{n}"),
            &format!("role={} site={}{tier}", ROLES[role], SITES[site]),
        )
    })
}

fn any_hosts() -> impl Strategy<Value = Vec<Host>> {
    (1_usize..70).prop_flat_map(|n| (0..n).map(any_host).collect::<Vec<_>>())
}

fn any_spread() -> impl Strategy<Value = RingSpread> {
    prop_oneof![
        Just(RingSpread::Any),
        Just(RingSpread::Apart),
        Just(RingSpread::Together)
    ]
}

fn any_ring(n: usize) -> impl Strategy<Value = Ring> {
    let selector = prop_oneof![
        Just("all"),
        Just("role = web | sql"),
        Just("tier != critical"),
        Just("site = fra or role = dc"),
    ];
    let amount = prop_oneof![Just(None), (1_u32..12).prop_map(Some)];
    (selector, amount, any::<bool>(), any::<bool>()).prop_map(
        move |(selector, amount, cover, spread)| {
            let name = format!("ring-{n}");
            let mut made = match amount {
                None => ring(&name, selector),
                Some(amount) => taking(&name, selector, &amount.to_string()),
            };
            if spread {
                made = spreading(made, &["site"]);
            }
            if cover {
                covering(made, &["role"], true)
            } else {
                made
            }
        },
    )
}

fn any_rings() -> impl Strategy<Value = Vec<Ring>> {
    (0_usize..4, any::<bool>()).prop_flat_map(|(n, with_rest)| {
        (0..n)
            .map(any_ring)
            .collect::<Vec<_>>()
            .prop_map(move |mut rings| {
                if with_rest || rings.is_empty() {
                    rings.push(rest("rest"));
                }
                rings
            })
    })
}

fn fleet_of(hosts: Vec<Host>, spreads: [RingSpread; 2]) -> FleetSpec {
    compiled(
        hosts,
        vec![
            after(group("web", "role = web"), &["sql"]),
            after(
                keeping_up(group("sql", "role = sql"), "site", spreads[0]),
                &["dc"],
            ),
            keeping_up(group("dc", "role = dc"), "site", spreads[1]),
        ],
    )
}

/// The stratum by role of a host, as the cover of these rings asks for.
fn roles<'f>(fleet: &'f FleetSpec, plan: &Plan, ring: usize) -> BTreeSet<Option<&'f str>> {
    let slots = plan.rings[ring].slots();
    slots
        .map(|slot| {
            fleet.hosts[plan.slots[slot].host.index()]
                .labels
                .get("role")
        })
        .collect()
}

proptest! {
    #![proptest_config(bounded())]

    #[test]
    fn every_plan_is_whole(
        hosts in any_hosts(),
        rings in any_rings(),
        spreads in [any_spread(), any_spread()],
        seed: u64,
    ) {
        let fleet = fleet_of(hosts, spreads);
        let Ok(plan) = try_plan(&fleet, rings.clone(), seed) else { return Ok(()) };

        // Every target is in exactly one ring, or named as unclaimed.
        let mut met: Vec<_> = plan.slots.iter().map(|slot| slot.host).collect();
        met.extend(&plan.unclaimed);
        met.sort_unstable();
        prop_assert_eq!(met.len(), fleet.hosts.len());
        prop_assert!(met.windows(2).all(|pair| pair[0] < pair[1]));

        // Rings are ranges of slots that follow one another from 0.
        let mut next = 0;
        for (at, ring) in plan.rings.iter().enumerate() {
            prop_assert_eq!(ring.first, Slot(next));
            next += ring.planned;
            for slot in ring.slots() {
                prop_assert_eq!(plan.ring_of(Slot::at(slot)), RingIndex::at(at));
            }
        }
        prop_assert_eq!(next as usize, plan.slots.len());

        for (at, (written, made)) in rings.iter().zip(&plan.rings).enumerate() {
            // Groups stand in topological order; hosts of no group come last.
            let order: Vec<_> = made
                .slots()
                .map(|slot| fleet.hosts[plan.slots[slot].host.index()].group)
                .map(|group| (group.is_none(), group))
                .collect();
            prop_assert!(order.is_sorted());

            let RingHosts::Select { take, cover, .. } = &written.hosts else { continue };
            // No ring takes more than it may, but for what belongs together or covers.
            if let (Some(take), None) = (take, cover) && !spreads.contains(&RingSpread::Together) {
                let ringway_policy::validated::Amount::Count(take) = take else { continue };
                prop_assert!(made.planned <= *take);
            }
            // A covering ring has an example of everything that comes later.
            if cover.is_some() {
                let here = roles(&fleet, &plan, at);
                for later in at + 1..plan.rings.len() {
                    prop_assert!(roles(&fleet, &plan, later).is_subset(&here));
                }
            }
        }

        // What belongs together is together.
        for cell in &fleet.cells {
            if fleet.groups[cell.group.index()].rings == RingSpread::Together {
                let rings = ring_by_name(&fleet, &plan);
                let of: BTreeSet<_> = cell
                    .members
                    .iter()
                    .map(|host| rings.get(&fleet.hosts[host.index()].name))
                    .collect();
                prop_assert_eq!(of.len(), 1, "{}: {:?}", &cell.name, of);
            }
        }

        let again = try_plan(&fleet, rings, seed).unwrap();
        prop_assert_eq!(plan.encode().1, again.encode().1);
    }

    /// Inventories are exported in any order; who goes when must not depend on it.
    #[test]
    fn the_order_of_the_document_decides_nothing(
        hosts in any_hosts(),
        rings in any_rings(),
        spreads in [any_spread(), any_spread()],
        seed: u64,
    ) {
        let names = |hosts: Vec<Host>| {
            let fleet = fleet_of(hosts, spreads);
            let plan = try_plan(&fleet, rings.clone(), seed).ok()?;
            Some(rings_of(&fleet, &plan))
        };
        let mut reversed = hosts.clone();
        reversed.reverse();
        prop_assert_eq!(names(hosts), names(reversed));
    }

    /// With numbers instead of shares (which a further host can raise), a further host takes at most one place in each
    /// ring that takes a part: whoever had it moves to a later ring, and nobody else moves.
    #[test]
    fn a_further_host_moves_at_most_one_host_out_of_each_ring_and_only_to_later_ones(
        hosts in any_hosts(),
        takes in prop::collection::vec(1_u32..12, 0..4),
        seed: u64,
        further in any_host(1000),
    ) {
        let rings = || {
            let selectors = ["all", "tier != critical", "role = web | sql", "all"];
            let mut rings: Vec<_> = takes
                .iter()
                .zip(selectors)
                .enumerate()
                .map(|(n, (take, selector))| taking(&format!("r{n}"), selector, &take.to_string()))
                .collect();
            rings.push(rest("rest"));
            rings
        };
        let by_name = |hosts: Vec<Host>| {
            let fleet = compiled(hosts, vec![]);
            ring_by_name(&fleet, &try_plan(&fleet, rings(), seed).unwrap())
        };
        let before = by_name(hosts.clone());
        let after = by_name(hosts.into_iter().chain([further]).collect());
        let mut left: BTreeMap<usize, u32> = BTreeMap::new();
        for (name, &ring) in &before {
            prop_assert!(after[name] >= ring, "{} moved forward", name);
            if after[name] > ring {
                *left.entry(ring).or_default() += 1;
            }
        }
        prop_assert!(left.values().all(|&count| count == 1), "{:?}", left);
    }

    /// Rings suffice when an availability group has no more members than there are rings that may have any of them,
    /// and every ring takes at least one of each.
    #[test]
    fn peers_are_apart_whenever_rings_suffice(
        sizes in prop::collection::vec(1_usize..=4, 1..10),
        others in 0_usize..20,
        spare in 0_u32..6,
        seed: u64,
    ) {
        let member = |cell: usize, n: usize| host(&format!("dc-{cell}-{n}"), &format!("role=dc site=s{cell}"));
        let mut hosts: Vec<_> =
            sizes.iter().enumerate().flat_map(|(cell, &size)| (0..size).map(move |n| member(cell, n))).collect();
        hosts.extend((0..others).map(|n| host(&format!("o-{n}"), "role=other")));
        let directory = keeping_up(group("dc", "role = dc"), "site", RingSpread::Apart);
        let fleet = compiled(hosts, vec![directory]);
        let take = (u32::try_from(sizes.len()).unwrap() + spare).to_string();
        let mut rings: Vec<_> = (0..3).map(|n| taking(&format!("r{n}"), "all", &take)).collect();
        rings.push(rest("rest"));
        let plan = try_plan(&fleet, rings, seed).unwrap();
        let ring = ring_by_name(&fleet, &plan);
        for cell in &fleet.cells {
            let of: BTreeSet<_> =
                cell.members.iter().map(|host| ring[&fleet.hosts[host.index()].name]).collect();
            prop_assert_eq!(of.len(), cell.members.len(), "{}", &cell.name);
        }
    }
}
