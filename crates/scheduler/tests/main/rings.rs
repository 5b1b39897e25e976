//! Who goes in which ring: takes, covers, spreads, and peers apart or together.

use std::collections::BTreeSet;

use ringway_model::{RingIndex, Slot};
use ringway_policy::validated::{Host, RingSpread};

use crate::support::{
    after, compiled, covering, group, host, keeping_up, plan, rest, ring, ring_by_name, rings_of,
    spreading, taking,
};

/// `n` hosts of each of these kinds: `web-fra` makes `web-fra-1`, ... with `role=web site=fra`.
fn hosts(n: usize, kinds: &[&str]) -> Vec<Host> {
    let one = |kind: &&str| {
        let (role, site) = kind.split_once('-').unwrap();
        let labels = format!("role={role} site={site}");
        (1..=n)
            .map(move |i| host(&format!("{role}-{site}-{i}"), &labels))
            .collect::<Vec<_>>()
    };
    kinds.iter().flat_map(one).collect()
}

#[test]
fn rings_claim_in_order_and_the_first_wins() {
    let fleet = compiled(hosts(5, &["web-fra", "web-ham", "sql-fra"]), vec![]);
    let plan = plan(
        &fleet,
        vec![
            ring("one", "site = ham"),
            ring("two", "role = web"),
            rest("three"),
        ],
        1,
    );
    let rings = rings_of(&fleet, &plan);
    assert!(rings[0].iter().all(|name| name.starts_with("web-ham")));
    assert!(rings[1].iter().all(|name| name.starts_with("web-fra")));
    assert!(rings[2].iter().all(|name| name.starts_with("sql-fra")));
    assert_eq!(rings.map_lengths(), [5, 5, 5]);
}

trait Lengths {
    fn map_lengths(&self) -> Vec<usize>;
}

impl Lengths for Vec<Vec<String>> {
    fn map_lengths(&self) -> Vec<usize> {
        self.iter().map(Vec::len).collect()
    }
}

#[test]
fn a_share_is_of_all_that_applies_and_the_seed_decides_who() {
    let fleet = compiled(hosts(30, &["web-fra", "sql-ham"]), vec![]);
    let rings = || vec![taking("canary", "role = web", "2%"), rest("broad")];
    let canary = |seed| rings_of(&fleet, &plan(&fleet, rings(), seed))[0].clone();
    // 2 % of 60, although only 30 of them are selected.
    assert_eq!(canary(1).len(), 2);
    let drawn: BTreeSet<_> = (0..20).map(canary).collect();
    assert!(
        drawn.len() > 10,
        "twenty seeds draw {} canaries",
        drawn.len()
    );
}

#[test]
fn an_empty_ring_and_hosts_that_nobody_claims_are_said() {
    let fleet = compiled(hosts(2, &["web-fra", "sql-fra"]), vec![]);
    let plan = plan(
        &fleet,
        vec![ring("none", "role = dc"), ring("web", "role = web")],
        1,
    );
    assert_eq!((plan.rings[0].planned, plan.rings[1].planned), (0, 2));
    assert_eq!(plan.unclaimed.len(), 2);
    assert_eq!(plan.ring_of(Slot(0)), RingIndex(1));
}

#[test]
fn a_covering_ring_has_one_host_of_every_kind_that_comes_later() {
    let kinds = ["web-fra", "web-ham", "sql-fra", "sql-ham", "dc-fra"];
    let fleet = compiled(hosts(8, &kinds), vec![]);
    for seed in 0..20 {
        let canary = covering(taking("canary", "all", "1"), &["role", "site"], true);
        let rings = rings_of(&fleet, &plan(&fleet, vec![canary, rest("broad")], seed));
        let covered: BTreeSet<_> = rings[0]
            .iter()
            .map(|name| name.rsplit_once('-').unwrap().0)
            .collect();
        assert_eq!((covered, rings[0].len()), (kinds.into(), 5), "seed {seed}");
    }
}

/// What an earlier ring has used up, and what no later ring has, needs no example.
#[test]
fn a_covering_ring_takes_no_more_than_what_comes_later_asks_for() {
    let fleet = compiled(hosts(4, &["web-fra", "sql-fra", "dc-fra"]), vec![]);
    let canary = covering(taking("canary", "role != dc", "2"), &["role"], false);
    let plan = plan(
        &fleet,
        vec![ring("lab", "role = dc"), canary, rest("broad")],
        3,
    );
    assert_eq!(rings_of(&fleet, &plan).map_lengths(), [4, 2, 6]);
}

#[test]
fn spreading_takes_evenly_from_every_value() {
    let mut all = hosts(40, &["web-fra"]);
    all.extend(hosts(6, &["web-ham", "web-muc"]));
    let fleet = compiled(all, vec![]);
    let rings = vec![
        spreading(taking("early", "all", "9"), &["site"]),
        rest("broad"),
    ];
    let early = rings_of(&fleet, &plan(&fleet, rings, 5))[0].clone();
    for site in ["fra", "ham", "muc"] {
        let count = early.iter().filter(|name| name.contains(site)).count();
        assert_eq!(count, 3, "{site}: {early:?}");
    }
}

/// Hosts of pairs: `dc-a` makes two with `domain=a`.
fn pairs(names: &[&str]) -> Vec<Host> {
    let pair = |name: &&str| {
        [1, 2].map(|n| host(&format!("dc-{name}-{n}"), &format!("role=dc domain={name}")))
    };
    names.iter().flat_map(pair).collect()
}

#[test]
fn pairs_that_belong_apart_are_in_different_rings_where_there_is_room() {
    let directory = keeping_up(group("directory", "role = dc"), "domain", RingSpread::Apart);
    let fleet = compiled(pairs(&["a", "b", "c", "d"]), vec![directory]);
    for seed in 0..50 {
        let plan = plan(
            &fleet,
            vec![taking("early", "all", "5"), rest("broad")],
            seed,
        );
        let ring = ring_by_name(&fleet, &plan);
        for domain in ["a", "b", "c", "d"] {
            let of = |n: u8| ring[&format!("dc-{domain}-{n}")];
            assert_ne!(of(1), of(2), "domain {domain}, seed {seed}");
        }
        // The fifth host would have stood beside its peer, so it waits for the ring that takes the rest.
        assert_eq!(plan.rings[0].planned, 4);
    }
}

/// A ring must not be left short, and its hosts without any ring, for the sake of spreading.
#[test]
fn nobody_is_left_out_so_that_peers_are_apart() {
    let directory = keeping_up(group("directory", "role = dc"), "domain", RingSpread::Apart);
    let fleet = compiled(pairs(&["a", "b"]), vec![directory]);
    let plan = plan(&fleet, vec![taking("only", "all", "100%")], 1);
    assert_eq!((plan.rings[0].planned, plan.unclaimed.len()), (4, 0));
}

#[test]
fn members_that_belong_together_are_claimed_whole_by_the_first_ring_that_claims_any() {
    let mut all = pairs(&["a", "b", "c"]);
    all.extend(hosts(6, &["web-fra"]));
    let directory = keeping_up(
        group("directory", "role = dc"),
        "domain",
        RingSpread::Together,
    );
    let fleet = compiled(all, vec![directory]);
    for seed in 0..50 {
        let rings = vec![
            ring("one", "name = dc-b-1"),
            taking("early", "all", "3"),
            rest("broad"),
        ];
        let plan = plan(&fleet, rings, seed);
        let ring = ring_by_name(&fleet, &plan);
        for domain in ["a", "b", "c"] {
            let of = |n: u8| ring[&format!("dc-{domain}-{n}")];
            assert_eq!(of(1), of(2), "domain {domain}, seed {seed}");
        }
        assert_eq!(rings_of(&fleet, &plan)[0].len(), 2);
        assert!(plan.rings[1].planned <= 3, "what comes along counts");
    }
}

/// Were it empty, it would be promoted without anything having been tried.
#[test]
fn a_ring_that_only_larger_units_fit_takes_the_smallest_of_them() {
    let directory = keeping_up(
        group("directory", "role = dc"),
        "domain",
        RingSpread::Together,
    );
    let mut all = pairs(&["a", "b"]);
    all.push(host("dc-a-3", "role=dc domain=a"));
    let fleet = compiled(all, vec![directory]);
    let plan = plan(&fleet, vec![taking("canary", "all", "1"), rest("broad")], 1);
    let rings = rings_of(&fleet, &plan);
    assert_eq!(
        rings[0],
        rings[0]
            .iter()
            .filter(|n| n.starts_with("dc-b"))
            .cloned()
            .collect::<Vec<_>>()
    );
    assert_eq!(rings.map_lengths(), [2, 3]);
}

#[test]
fn within_a_ring_groups_follow_their_order_and_peers_take_turns() {
    let mut all = hosts(3, &["web-fra", "sql-fra", "sql-ham", "other-fra"]);
    all.extend(pairs(&["a", "b"]));
    let fleet = compiled(
        all,
        vec![
            after(group("web", "role = web"), &["databases"]),
            after(
                keeping_up(group("databases", "role = sql"), "site", RingSpread::Any),
                &["directory"],
            ),
            keeping_up(group("directory", "role = dc"), "domain", RingSpread::Any),
        ],
    );
    let rings = rings_of(&fleet, &plan(&fleet, vec![rest("all")], 11));
    let kind = |name: &String| name.rsplit_once('-').unwrap().0.to_owned();
    let kinds: Vec<String> = rings[0].iter().map(kind).collect();
    let turn = |of: &[String]| of.iter().cloned().collect::<BTreeSet<_>>().len();
    assert_eq!(
        (turn(&kinds[0..2]), turn(&kinds[2..4])),
        (2, 2),
        "{kinds:?}"
    );
    for pair in [4..6, 6..8, 8..10] {
        assert!(
            kinds[pair.clone()]
                .iter()
                .all(|kind| kind.starts_with("sql")),
            "{kinds:?}"
        );
        assert_eq!(turn(&kinds[pair]), 2, "{kinds:?}");
    }
    assert!(
        kinds[10..13].iter().all(|kind| kind == "web-fra"),
        "{kinds:?}"
    );
    assert!(
        kinds[13..16].iter().all(|kind| kind == "other-fra"),
        "{kinds:?}"
    );
}
