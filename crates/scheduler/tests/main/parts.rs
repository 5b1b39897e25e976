//! The plan of a fix that takes over: who is in which ring, in which order, and what stays as it was.

use std::collections::BTreeMap;

use ringway_model::{Digest, RolloutId, Span};
use ringway_policy::validated::{Documents, RingSpread, Update};
use ringway_scheduler::{
    FleetSpec, Part, Plan, Situation, make_superseding, refresh_fleet, revise,
};

use crate::support::{
    documents, fleet, group, host, keeping_up, policy, release, rest, ring_by_name, rings_of,
    select, taking,
};

/// Twelve hosts, two of each availability group, with the plan of the update that did harm.
fn before() -> (Documents, FleetSpec, Plan) {
    let hosts = (0..12).map(|n| {
        let role = if n < 6 { "dc" } else { "web" };
        host(&format!("h-{n}"), &format!("role={role} pair={}", n / 2))
    });
    let groups = vec![
        keeping_up(group("dc", "role = dc"), "pair", RingSpread::Any),
        keeping_up(group("web", "role = web"), "pair", RingSpread::Any),
    ];
    let mut all = documents(policy(vec![taking("canary", "all", "4"), rest("broad")]));
    let document = fleet(hosts.collect(), groups);
    let compiled = ringway_scheduler::compile_fleet(&document).unwrap();
    all.fleet = Some(document);
    let fix = Update {
        name: "fix".to_owned(),
        digest: Digest::of(b"fix"),
        releases: vec![release("all", "nginx-fixed")],
        ..all.updates["april"].clone()
    };
    all.updates.insert("fix".to_owned(), fix);
    let plan = ringway_scheduler::make_plan(&compiled, &all, "monthly", "april", 7).unwrap();
    (all, compiled, plan)
}

fn situation(hosts: &[(&str, Part)]) -> Situation {
    let hosts = hosts.iter().map(|(host, part)| ((*host).to_owned(), *part));
    Situation {
        rollout: RolloutId(7),
        hosts: hosts.collect(),
    }
}

fn fix(all: &Documents, fleet: &FleetSpec, before: &Plan, situation: &Situation) -> Plan {
    let names = ("monthly", "fix");
    let made = make_superseding(fleet, all, names, (before, fleet), situation, None);
    made.unwrap().0
}

/// The canaries by the names they have with this seed.
fn canaries(fleet: &FleetSpec, plan: &Plan) -> Vec<String> {
    rings_of(fleet, plan)[0].clone()
}

#[test]
fn parts_come_first_and_untouched_hosts_keep_their_rings() {
    let (all, fleet, before) = before();
    let canaries = canaries(&fleet, &before);
    let parts = situation(&[
        (&canaries[0], Part::Broken),
        (&canaries[1], Part::Withheld),
        (&canaries[2], Part::Latent),
    ]);
    let plan = fix(&all, &fleet, &before, &parts);
    let names: Vec<&str> = plan.rings.iter().map(|ring| ring.name.as_str()).collect();
    assert_eq!(names, ["recovery", "withheld", "latent", "canary", "broad"]);
    let rings = rings_of(&fleet, &plan);
    assert_eq!(rings[0], [canaries[0].as_str()]);
    assert_eq!(rings[1], [canaries[1].as_str()]);
    assert_eq!(rings[2], [canaries[2].as_str()]);
    assert_eq!(rings[3], [canaries[3].as_str()], "its place is its own");
    let was = ring_by_name(&fleet, &before);
    for host in &rings[4] {
        assert_eq!(was[host], 1, "{host}");
    }
    assert_eq!(plan.seed, before.seed);
    let supersedes = plan.supersedes.as_ref().unwrap();
    assert_eq!(supersedes.rollout, RolloutId(7));
    assert_eq!(supersedes.situation, parts.digest());
    assert_eq!(plan.part_of(0), Some(Part::Broken));
    assert_eq!(plan.part_of(3), None);
}

/// Another seed would draw other canaries for a plan that knows nothing; here nobody moves.
#[test]
fn with_nobody_touched_it_is_the_plan_of_any_update() {
    let (all, fleet, before) = before();
    let plan = fix(&all, &fleet, &before, &situation(&[]));
    assert_eq!(rings_of(&fleet, &plan), rings_of(&fleet, &before));
    assert_eq!(plan.supersedes.unwrap().parts, []);
}

#[test]
fn recovery_does_not_halt_and_only_the_last_part_soaks() {
    let (all, fleet, before) = before();
    let parts = [("h-0", Part::Broken), ("h-2", Part::Latent)];
    let plan = fix(&all, &fleet, &before, &situation(&parts));
    let soaks: Vec<Span> = plan.rings.iter().map(|ring| ring.soak).collect();
    assert_eq!(soaks[..3], [Span::ZERO, Span::hours(1), Span::hours(1)]);
    let halts: Vec<Option<u32>> = plan.rings.iter().map(|ring| ring.halt_on).collect();
    assert_eq!(halts, [None, Some(1), Some(1), Some(1)]);
    let alone = fix(&all, &fleet, &before, &situation(&parts[..1]));
    assert_eq!(
        alone.rings[0].soak,
        Span::hours(1),
        "it is the first that shows what the fix does"
    );
}

/// First whom the policy names, then those of whose availability group the fewest are left.
#[test]
fn the_most_critical_are_mended_first() {
    let (mut all, fleet, before) = before();
    let parts = situation(&[
        ("h-0", Part::Broken),
        ("h-2", Part::Broken),
        ("h-3", Part::Broken),
        ("h-8", Part::Broken),
    ]);
    let plan = fix(&all, &fleet, &before, &parts);
    let first = &rings_of(&fleet, &plan)[0];
    let pair: Vec<&str> = first[..2].iter().map(String::as_str).collect();
    assert!(pair.contains(&"h-2") && pair.contains(&"h-3"), "{first:?}");
    all.policies.get_mut("monthly").unwrap().recovery_first = vec![select("role = web")];
    let plan = fix(&all, &fleet, &before, &parts);
    assert_eq!(rings_of(&fleet, &plan)[0][0], "h-8");
}

#[test]
fn a_ring_of_the_policy_may_have_the_name_of_a_part() {
    let (mut all, fleet, before) = before();
    all.policies.get_mut("monthly").unwrap().rings[0].name = "recovery".to_owned();
    let plan = fix(&all, &fleet, &before, &situation(&[("h-0", Part::Broken)]));
    assert_eq!(plan.rings[0].name, "recovery-hosts");
}

#[test]
fn it_is_written_and_read_with_its_parts() {
    let (all, fleet, before) = before();
    let plan = fix(&all, &fleet, &before, &situation(&[("h-0", Part::Broken)]));
    let (digest, bytes) = plan.encode();
    let again = Plan::decode(&bytes).unwrap();
    assert_eq!((again.digest(), &again), (digest, &plan));
    let without = Plan {
        supersedes: None,
        ..plan
    };
    assert_ne!(without.digest(), digest);
}

/// A host that joins later joins a ring of the policy: it has nothing of what was superseded.
#[test]
fn nobody_joins_a_ring_of_a_part() {
    let (mut all, fleet, before) = before();
    let plan = fix(
        &all,
        &fleet,
        &before,
        &situation(&[("h-0", Part::Broken), ("h-2", Part::Latent)]),
    );
    let document = all.fleet.as_mut().unwrap();
    for n in 0..6 {
        document
            .hosts
            .push(host(&format!("late-{n}"), "role=web pair=9"));
    }
    let refreshed = refresh_fleet(&fleet, document).unwrap();
    let revision = revise(&plan, 1, &refreshed, &all).unwrap().unwrap();
    let rings: BTreeMap<String, usize> = ring_by_name(&refreshed, &revision);
    for n in 0..6 {
        assert!(rings[&format!("late-{n}")] >= 2, "{rings:?}");
    }
    assert_eq!(revision.rings[0], plan.rings[0]);
    assert_eq!(revision.supersedes, plan.supersedes);
}

#[test]
fn a_situation_is_named_by_who_is_where() {
    let one = situation(&[("a", Part::Broken), ("b", Part::Latent)]);
    let same = situation(&[("b", Part::Latent), ("a", Part::Broken)]);
    let other = situation(&[("a", Part::Withheld), ("b", Part::Latent)]);
    assert_eq!(one.digest(), same.digest());
    assert_ne!(one.digest(), other.digest());
    assert_eq!(one.part("c"), Part::Untouched);
}
