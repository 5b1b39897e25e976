//! Fleets that change after a plan was made: who keeps which number, and who joins which ring.

use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::test_runner::Config;
use ringway_model::{Digest, HostId, Slot};
use ringway_policy::validated::{
    Binding, Date, Documents, Fleet, Freeze, Frozen, Group, Host, Moment, RingSpread,
};
use ringway_scheduler::plan::JoinsBecause;
use ringway_scheduler::{
    FleetProblem, FleetSpec, Plan, compile_fleet, make_plan, refresh_fleet, revise,
};

use crate::support::{
    documents, fleet, group, host, keeping_up, policy, rest, ring, ring_by_name, taking,
};

const SEED: u64 = 7;

/// Hosts `h-0` and so on, every third of them a web server, at three sites.
fn hosts(count: usize) -> Vec<Host> {
    let labels = |at: usize| {
        let role = if at.is_multiple_of(3) { "web" } else { "sql" };
        format!("role={role} site=s{}", at % 3)
    };
    (0..count)
        .map(|at| host(&format!("h-{at}"), &labels(at)))
        .collect()
}

fn late(number: usize, labels: &str) -> Host {
    host(&format!("late-{number}"), labels)
}

fn papers(fleet: &Fleet) -> Documents {
    let rings = vec![
        taking("canary", "role = web", "20%"),
        taking("early", "all", "30%"),
        rest("rest"),
    ];
    Documents {
        fleet: Some(fleet.clone()),
        ..documents(policy(rings))
    }
}

fn planned(fleet: &Fleet) -> (FleetSpec, Plan) {
    let spec = compile_fleet(fleet).unwrap();
    let plan = make_plan(&spec, &papers(fleet), "monthly", "april", SEED).unwrap();
    (spec, plan)
}

/// The document with other hosts, and with that another digest.
fn changed(before: &Fleet, hosts: Vec<Host>) -> Fleet {
    Fleet {
        digest: Digest::of(format!("{hosts:?}").as_bytes()),
        hosts,
        ..before.clone()
    }
}

#[test]
fn hosts_keep_their_numbers_whatever_becomes_of_the_others() {
    let before = fleet(hosts(6), vec![group("web", "role = web")]);
    let spec = compile_fleet(&before).unwrap();
    let mut now = before.hosts.clone();
    now.remove(3);
    now.remove(0);
    now.insert(0, late(0, "role=web"));
    now.reverse();
    let after = refresh_fleet(&spec, &changed(&before, now)).unwrap();
    let names: Vec<&str> = after.hosts.iter().map(|host| &*host.name).collect();
    assert_eq!(names, ["h-0", "h-1", "h-2", "h-3", "h-4", "h-5", "late-0"]);
    assert_eq!(
        Vec::from_iter(after.vanished.clone()),
        [HostId(0), HostId(3)]
    );
    assert!(after.keeps_numbers_of(&spec) && !spec.keeps_numbers_of(&after));
    // What is gone is nobody's peer and in no group.
    assert_eq!(
        (after.hosts[0].group, after.hosts[6].group.is_some()),
        (None, true)
    );
    // One that comes back is the same host again.
    let back = refresh_fleet(&after, &before).unwrap();
    assert_eq!(Vec::from_iter(back.vanished.clone()), [HostId(6)]);
    assert_eq!(back.hosts[..6], spec.hosts[..]);
    assert_eq!(FleetSpec::decode(&back.encode().1).unwrap(), back);
    assert_eq!(back.digest(), back.encode().0);
}

#[test]
fn a_fleet_of_another_name_takes_nobodys_place() {
    let before = fleet(hosts(2), Vec::new());
    let other = Fleet {
        name: "other".to_owned(),
        ..before.clone()
    };
    let spec = compile_fleet(&before).unwrap();
    let refused = refresh_fleet(&spec, &other).unwrap_err();
    assert!(matches!(refused, FleetProblem::Renamed { .. }), "{refused}");
}

#[test]
fn nothing_changes_for_a_plan_whose_targets_are_what_they_were() {
    let before = fleet(hosts(9), Vec::new());
    let (spec, plan) = planned(&before);
    let after = refresh_fleet(&spec, &changed(&before, before.hosts.clone())).unwrap();
    assert_eq!(revise(&plan, 1, &after, &papers(&before)).unwrap(), None);
}

#[test]
fn a_host_whose_ring_has_begun_catches_up_at_the_end_and_nobody_joins_the_last_ring() {
    let before = fleet(hosts(9), Vec::new());
    let (spec, plan) = planned(&before);
    let mut now = before.hosts.clone();
    now.extend((0..40).map(|at| late(at, "role=web site=s0")));
    let document = changed(&before, now);
    let after = refresh_fleet(&spec, &document).unwrap();
    let revised = revise(&plan, 2, &after, &papers(&document))
        .unwrap()
        .unwrap();
    let rings: Vec<&str> = revised.rings.iter().map(|ring| &*ring.name).collect();
    assert_eq!(rings, ["canary", "early", "rest", "catch-up"]);
    let revision = revised.revises.clone().unwrap();
    assert_eq!((revision.of, revision.joined.len()), (plan.digest(), 40));
    let caught_up = revision
        .joined
        .iter()
        .filter(|joined| joined.ring.index() == 3);
    assert!(
        caught_up
            .clone()
            .all(|joined| matches!(joined.why, JoinsBecause::Begun(_)))
    );
    // A fifth of web servers would be canaries and a third of the others early: some are, and not all.
    assert!((5..35).contains(&caught_up.count()));
    assert_eq!(revised.rings[3].soak, revised.rings[2].soak);
    assert_eq!(Plan::decode(&revised.encode().1).unwrap(), revised);
    assert_eq!(revised.digest(), revised.encode().0);
    // In the last ring, and in the catch-up ring as the last one, it is too late.
    for (plan, begun) in [(&plan, 3), (&revised, 4)] {
        let mut later = document.hosts.clone();
        later.push(late(99, "role=sql site=s1"));
        let document = changed(&before, later);
        let known = refresh_fleet(&after, &document).unwrap();
        let last = revise(plan, begun, &known, &papers(&document))
            .unwrap()
            .unwrap();
        assert_eq!(last.slots, plan.slots);
        assert!(last.revises.unwrap().too_late.contains(&HostId(49)));
    }
}

#[test]
fn peers_that_belong_together_or_apart_do_so_when_they_join_too() {
    for (spread, labels) in [
        (RingSpread::Together, "role=dc site=a"),
        (RingSpread::Apart, "role=dc site=a"),
    ] {
        let dcs: Vec<Group> = vec![keeping_up(group("dc", "role = dc"), "site", spread)];
        let mut all = hosts(4);
        all.push(host("dc-1", labels));
        let before = fleet(all, dcs);
        let papers = |fleet: &Fleet| Documents {
            fleet: Some(fleet.clone()),
            ..documents(policy(vec![
                ring("web", "role = web"),
                ring("dcs", "role = dc"),
                rest("rest"),
            ]))
        };
        let spec = compile_fleet(&before).unwrap();
        let plan = make_plan(&spec, &papers(&before), "monthly", "april", SEED).unwrap();
        let mut now = before.hosts.clone();
        now.push(host("dc-2", labels));
        let document = changed(&before, now);
        let after = refresh_fleet(&spec, &document).unwrap();
        let revised = revise(&plan, 1, &after, &papers(&document))
            .unwrap()
            .unwrap();
        let rings = ring_by_name(&after, &revised);
        let together = spread == RingSpread::Together;
        assert_eq!(
            rings["dc-1"] == rings["dc-2"],
            together,
            "{spread:?}: {rings:?}"
        );
    }
}

#[test]
fn who_asks_for_another_release_now_is_named_and_keeps_the_planned_one() {
    let before = fleet(hosts(6), Vec::new());
    let with_releases = |fleet: &Fleet| {
        let mut papers = papers(fleet);
        let update = papers.updates.get_mut("april").unwrap();
        let mut other = update.releases[0].clone();
        other.id = "sql-nginx".to_owned();
        other.select = crate::support::select("role = sql");
        update.releases.insert(0, other);
        papers
    };
    let spec = compile_fleet(&before).unwrap();
    let plan = make_plan(&spec, &with_releases(&before), "monthly", "april", SEED).unwrap();
    let mut now = before.hosts.clone();
    now[0].labels = now[1].labels.clone();
    let document = changed(&before, now);
    let after = refresh_fleet(&spec, &document).unwrap();
    let revised = revise(&plan, 0, &after, &with_releases(&document))
        .unwrap()
        .unwrap();
    let misfits = revised.revises.unwrap().misfits;
    assert_eq!(misfits.len(), 1);
    assert_eq!(
        (misfits[0].host, misfits[0].now.as_deref()),
        (HostId(0), Some("sql-nginx"))
    );
    assert_eq!((revised.slots, revised.routes), (plan.slots, plan.routes));
}

/// Product lines may share the id of a release: what is installed tells them apart.
#[test]
fn who_asks_for_another_build_of_the_same_id_is_named_too() {
    let before = fleet(hosts(6), Vec::new());
    let with_releases = |fleet: &Fleet| {
        let mut papers = papers(fleet);
        let update = papers.updates.get_mut("april").unwrap();
        let mut other = update.releases[0].clone();
        other.build = Some("1-ubu".to_owned());
        other.select = crate::support::select("role = sql");
        update.releases[0].build = Some("1-deb".to_owned());
        update.releases.insert(0, other);
        papers
    };
    let spec = compile_fleet(&before).unwrap();
    let papers = with_releases(&before);
    let plan = make_plan(&spec, &papers, "monthly", "april", SEED).unwrap();
    assert_eq!(revise(&plan, 0, &spec, &papers).unwrap(), None);
    let mut now = before.hosts.clone();
    now[0].labels = now[1].labels.clone();
    let document = changed(&before, now);
    let after = refresh_fleet(&spec, &document).unwrap();
    let revised = revise(&plan, 0, &after, &with_releases(&document))
        .unwrap()
        .unwrap();
    let misfits = revised.revises.unwrap().misfits;
    assert_eq!(misfits.len(), 1);
    let id = &plan.routes[0].release;
    assert_eq!(misfits[0].planned, format!("{id} 1-deb"));
    assert_eq!(misfits[0].now, Some(format!("{id} 1-ubu")));
}

/// A freeze that is decided while a rollout runs is for the hosts that are still to come, and ends for them when it is called
/// off.
#[test]
fn who_was_planned_before_is_under_the_freezes_of_the_fleet_as_it_is_now() {
    let before = fleet(hosts(6), Vec::new());
    let (spec, plan) = planned(&before);
    assert!(plan.times.is_empty());
    let mut frozen = changed(&before, before.hosts.clone());
    let moment = |day| {
        let date = Date::new(2026, 11, day).unwrap();
        Moment::Date(date)
    };
    let freeze = Freeze {
        select: crate::support::select("role = sql"),
        reason: Some("audit".to_owned()),
        zone: None,
        when: Frozen::Between {
            from: moment(1),
            until: moment(30),
        },
        binding: Binding::Usual,
    };
    frozen.calendar.freezes.insert("audit".to_owned(), freeze);
    frozen.digest = Digest::of(b"frozen");
    let after = refresh_fleet(&spec, &frozen).unwrap();
    let revised = revise(&plan, 1, &after, &papers(&frozen)).unwrap().unwrap();
    assert_eq!((&revised.slots, &revised.rings), (&plan.slots, &plan.rings));
    for (at, slot) in revised.slots.iter().enumerate() {
        let is_sql = spec.hosts[slot.host.index()].labels.get("role") == Some("sql");
        let times = revised.times.of(Slot::at(at));
        assert_eq!(times.is_some(), is_sql, "{at}");
    }
    assert_eq!(revise(&revised, 1, &after, &papers(&frozen)).unwrap(), None);
    let again = refresh_fleet(&after, &changed(&before, before.hosts.clone())).unwrap();
    let free = revise(&revised, 1, &again, &papers(&before))
        .unwrap()
        .unwrap();
    assert!((0..free.slots.len()).all(|at| free.times.of(Slot::at(at)).is_none()));
}

/// Who comes too late goes on as the last ring does, also in when a yes counts that ends its soak early.
#[test]
fn the_ring_of_those_that_come_too_late_has_the_hours_of_the_last_one() {
    let before = fleet(hosts(9), Vec::new());
    let (spec, mut plan) = planned(&before);
    plan.terms.early = vec![None, None, Some(0)];
    let mut now = before.hosts.clone();
    now.extend((0..40).map(|at| late(at, "role=web site=s0")));
    let document = changed(&before, now);
    let after = refresh_fleet(&spec, &document).unwrap();
    let revised = revise(&plan, 2, &after, &papers(&document))
        .unwrap()
        .unwrap();
    assert_eq!(revised.rings.len(), 4);
    assert_eq!(revised.terms.early(3), Some(0));
}

#[test]
fn hosts_join_only_under_the_documents_that_were_planned_with() {
    let before = fleet(hosts(6), Vec::new());
    let (spec, plan) = planned(&before);
    let mut other = papers(&before);
    other.policies.get_mut("monthly").unwrap().digest = Digest::of(b"another policy");
    let refused = revise(&plan, 0, &spec, &other).unwrap_err();
    assert_eq!(refused.problems[0].code, "documents-changed");
}

fn bounded() -> Config {
    Config {
        cases: 256,
        failure_persistence: None,
        ..Config::default()
    }
}

proptest! {
    #![proptest_config(bounded())]

    /// Whoever joins moves nobody, and where he goes does not depend on who joins with him.
    #[test]
    fn a_host_that_joins_reshuffles_nobody(
        count in 3_usize..60,
        gone in proptest::collection::vec(0_usize..60, 0..5),
        joins in 1_usize..8,
        begun in 0_usize..4,
        seed: u64,
    ) {
        let before = fleet(hosts(count), vec![group("web", "role = web")]);
        let spec = compile_fleet(&before).unwrap();
        let Ok(plan) = make_plan(&spec, &papers(&before), "monthly", "april", seed) else { return Ok(()) };
        let taken_in = |joins: usize| {
            let mut now = before.hosts.clone();
            now.retain(|host| !gone.iter().any(|at| host.name == format!("h-{at}")));
            let new = (0..joins).map(|at| late(at, if at % 2 == 0 { "role=web" } else { "role=sql" }));
            now.splice(0..0, new);
            let document = changed(&before, now);
            let after = refresh_fleet(&spec, &document).unwrap();
            let revised = revise(&plan, begun, &after, &papers(&document)).unwrap();
            (after, revised)
        };
        let (after, revised) = taken_in(joins);
        prop_assert!(after.keeps_numbers_of(&spec));
        let Some(revised) = revised else { return Ok(()) };
        let (was, is) = (ring_by_name(&spec, &plan), ring_by_name(&after, &revised));
        for (host, ring) in &was {
            prop_assert_eq!(is.get(host), Some(ring), "{} moved", host);
        }
        let slots: usize = plan.rings[..begun.min(3)].iter().map(|ring| ring.planned as usize).sum();
        prop_assert_eq!(&plan.slots[..slots], &revised.slots[..slots]);
        let new: BTreeMap<&String, usize> = is.iter().filter(|(host, _)| !was.contains_key(*host)).map(|(host, ring)| (host, *ring)).collect();
        prop_assert!(new.values().all(|ring| *ring >= begun));
        let (other, alone) = taken_in(1);
        if let Some(alone) = alone {
            let alone = ring_by_name(&other, &alone);
            let first = "late-0".to_owned();
            prop_assert_eq!(alone.get(&first).copied(), new.get(&first).copied());
        }
    }
}
