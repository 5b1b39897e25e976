//! Plans in a lane of their policy, recomputed here from the documents.

use ringway_calendar::Timetable;
use ringway_model::{Digest, Share, Span};
use ringway_policy::validated::{
    Approvals, Documents, Fleet, FreezeOverride, Lane, LanePace, LaneSoak, Policy, Team,
};
use ringway_scheduler::refresh_fleet;
use ringway_scheduler::{
    FleetSpec, Plan, compile_fleet, explain, make_plan, make_plan_in, relane, render, revise,
};

use crate::support::{documents, fleet, host, policy, rest, ring};

const NAMES: (&str, &str) = ("monthly", "april");

fn lane() -> Lane {
    Lane {
        name: "expedite".to_owned(),
        allowed_when: ringway_model::Selector::parse_condition("exploited or severity = critical")
            .unwrap(),
        soak: Some(LaneSoak {
            scale: Share::from_millionths(100_000).unwrap(),
            at_least: Span::minutes(30),
        }),
        ignores_working_time: false,
        ignores_windows: true,
        overrides_freezes: true,
        start: Some(Approvals {
            needed: 2,
            by: vec!["security".to_owned()],
            not_by: Vec::new(),
            between: None,
            expire: None,
        }),
        after_soak: None,
        pace: LanePace::default(),
    }
}

/// Windows of two kinds: one that any lane ignores, and one that none does.
fn the_fleet() -> Fleet {
    let text = "ringway: fleet/v1\nname: f\nhosts: [{ name: a }]\nconnect: [{ select: all, local: {} }]\n\
        windows: { nights: { days: sun, start: \"02:00\", for: 3h }, theatres: { days: sat, start: \"02:00\", for: 3h, binding: always } }\n";
    let read = ringway_policy::read(&[ringway_policy::Source::new("f.yaml", text)]).unwrap();
    let calendar = read.fleet.unwrap().calendar;
    let mut hosts: Vec<_> = (0..12)
        .map(|at| host(&format!("h-{at}"), "role=web"))
        .collect();
    for (at, host) in hosts.iter_mut().enumerate() {
        let window = if at % 4 == 0 { "theatres" } else { "nights" };
        host.calendar.windows = vec![window.to_owned()];
    }
    Fleet {
        calendar,
        ..fleet(hosts, Vec::new())
    }
}

fn the_policy() -> Policy {
    let mut first = ring("lab", "name = h-0 | h-1");
    first.soak = Span::hours(24);
    let mut last = rest("broad");
    last.soak = Span::minutes(20);
    let mut policy = policy(vec![first, last]);
    policy.calendar.windows = vec!["nights".to_owned(), "theatres".to_owned()];
    policy.lanes = [("expedite".to_owned(), lane())].into();
    policy
}

fn papers(severity: Option<&str>) -> Documents {
    let mut documents = Documents {
        fleet: Some(the_fleet()),
        ..documents(the_policy())
    };
    documents.updates.get_mut("april").unwrap().severity = severity.map(str::to_owned);
    let team = Team {
        members: vec!["eve".to_owned(), "flo".to_owned()],
        deputies: Vec::new(),
    };
    documents.people.teams = [("security".to_owned(), team)].into();
    documents
}

fn planned(lane: Option<&str>) -> (FleetSpec, Plan) {
    let fleet = compile_fleet(&the_fleet()).unwrap();
    let plan = make_plan_in(&fleet, &papers(Some("critical")), NAMES, lane, 1).unwrap();
    (fleet, plan)
}

#[test]
fn a_plan_in_a_lane_differs_in_what_the_lane_names_and_in_nothing_else() {
    let (_, without) = planned(None);
    let (_, with) = planned(Some("expedite"));
    let soaks: Vec<Span> = with.rings.iter().map(|ring| ring.soak).collect();
    assert_eq!(
        soaks,
        [Span::minutes(144), Span::minutes(20)],
        "scaled; never over its own"
    );
    assert_eq!(with.start.as_ref().unwrap().needed, 2);
    assert!(with.terms.freeze_override && !without.terms.freeze_override);
    for (slot, of) in with.slots.iter().enumerate() {
        let table = with
            .times
            .of_slot
            .get(slot)
            .map(|at| &with.times.tables[*at as usize]);
        let windows: Vec<&String> = table
            .into_iter()
            .flat_map(|table| &table.layers)
            .flat_map(|layer| layer.windows.keys())
            .collect();
        let binds = of.host.0 % 4 == 0;
        assert_eq!(windows.contains(&&"theatres".to_owned()), binds, "{of:?}");
        assert!(binds || windows.is_empty(), "{of:?}");
    }
    let lane = with.lane.clone().unwrap();
    assert_eq!(lane.times, without.times);
    let back = Plan {
        rings: without.rings.clone(),
        start: without.start.clone(),
        times: without.times.clone(),
        terms: without.terms.clone(),
        consent: without.consent.clone(),
        lane: None,
        ..with
    };
    assert_eq!(back, without);
}

#[test]
fn a_lane_is_for_updates_of_which_its_condition_holds() {
    let fleet = compile_fleet(&the_fleet()).unwrap();
    let make =
        |documents: &Documents, lane: &str| make_plan_in(&fleet, documents, NAMES, Some(lane), 1);
    let refused = make(&papers(Some("low")), "expedite").unwrap_err();
    assert_eq!(refused.problems[0].code, "lane-not-allowed");
    let told = refused.to_string();
    assert!(
        told.contains("severity low, not exploited, not disclosed"),
        "{told}"
    );
    let refused = make(&papers(None), "expedite").unwrap_err();
    assert!(
        refused.to_string().contains("without a severity"),
        "{refused}"
    );
    let mut exploited = papers(None);
    let update = exploited.updates.get_mut("april").unwrap();
    update.cves = vec![ringway_policy::validated::Cve {
        id: "CVE-1".to_owned(),
        severity: None,
        exploited: true,
        disclosed: false,
    }];
    assert!(make(&exploited, "expedite").is_ok());
    let refused = make(&papers(Some("critical")), "faster").unwrap_err();
    assert_eq!(refused.problems[0].code, "unknown-lane");
    assert!(
        refused.to_string().contains("it has `expedite`"),
        "{refused}"
    );
}

#[test]
fn a_plan_in_a_lane_is_written_in_a_format_of_its_own_and_reads_back() {
    let (_, with) = planned(Some("expedite"));
    let (digest, bytes) = with.encode();
    assert_eq!(bytes[0], 12);
    let before = Plan {
        lanes: std::collections::BTreeMap::new(),
        ..with.clone()
    };
    assert_eq!(before.encode().1[0], 8, "as it was written before");
    let again = Plan::decode(&bytes).unwrap();
    assert_eq!((again.digest(), &again), (digest, &with));
    // One that says of itself what the lane does not permit is no plan.
    for change in [
        |plan: &mut Plan| plan.rings[0].soak = Span::minutes(143),
        |plan: &mut Plan| plan.rings[1].soak = Span::minutes(21),
        |plan: &mut Plan| plan.times = ringway_scheduler::times::Times::default(),
        |plan: &mut Plan| plan.lane.as_mut().unwrap().rings.truncate(1),
    ] {
        let mut plan = with.clone();
        change(&mut plan);
        assert!(Plan::decode(&plan.encode().1).is_err());
    }
}

#[test]
fn a_rollout_that_goes_into_a_lane_and_back_has_the_plan_it_had() {
    let (fleet, without) = planned(None);
    let documents = papers(Some("critical"));
    let with = relane(&without, &fleet, &documents, Some("expedite")).unwrap();
    let (_, fresh) = planned(Some("expedite"));
    assert_eq!(with.revises.as_ref().unwrap().of, without.digest());
    assert_eq!(
        Plan {
            revises: None,
            ..with.clone()
        },
        fresh
    );
    let back = relane(&with, &fleet, &documents, None).unwrap();
    assert_eq!(back.revises.as_ref().unwrap().of, with.digest());
    assert_eq!(
        Plan {
            revises: None,
            ..back
        },
        without
    );
}

#[test]
fn lanes_change_under_the_documents_of_the_rollout_only() {
    let (fleet, without) = planned(None);
    for (code, change) in [
        (
            "documents-changed",
            (|documents: &mut Documents| {
                documents.policies.get_mut("monthly").unwrap().digest = Digest::of(b"another");
            }) as fn(&mut Documents),
        ),
        ("documents-changed", |documents| {
            documents.people.digest = Digest::of(b"another");
        }),
        ("fleet-changed", |documents| {
            documents.fleet.as_mut().unwrap().digest = Digest::of(b"another");
        }),
        ("unknown-lane", |documents| {
            documents.policies.get_mut("monthly").unwrap().lanes.clear();
        }),
    ] {
        let mut documents = papers(Some("critical"));
        change(&mut documents);
        let refused = relane(&without, &fleet, &documents, Some("expedite")).unwrap_err();
        assert_eq!(refused.problems[0].code, code);
    }
}

#[test]
fn a_host_that_joins_a_rollout_in_a_lane_has_the_times_of_the_lane() {
    let (spec, with) = planned(Some("expedite"));
    let mut document = the_fleet();
    document.digest = Digest::of(b"larger");
    let mut late = host("late-1", "role=web");
    late.calendar.windows = vec!["nights".to_owned()];
    document.hosts.push(late);
    let mut documents = papers(Some("critical"));
    documents.fleet = Some(document.clone());
    let fleet = refresh_fleet(&spec, &document).unwrap();
    let revised = revise(&with, 1, &fleet, &documents).unwrap().unwrap();
    let slot = revised
        .slots
        .iter()
        .position(|slot| slot.host.0 == 12)
        .unwrap();
    let number = revised.times.of_slot[slot] as usize;
    assert!(revised.times.tables[number].is_always());
    let lane = revised.lane.as_ref().unwrap();
    let ordinary: &Timetable = &lane.times.tables[lane.times.of_slot[slot] as usize];
    assert!(!ordinary.is_always());
    assert!(Plan::decode(&revised.encode().1).is_ok());
}

#[test]
fn the_report_says_what_the_lane_changes_ring_by_ring() {
    let (fleet, with) = planned(Some("expedite"));
    let text = render(&explain(&fleet, &with, &papers(Some("critical"))));
    for words in [
        "in lane `expedite`",
        "for updates of which holds: exploited or severity = critical",
        "windows do not count, but for theatres, which are binding",
        "works in freezes where somebody gives a reason",
        "after 2h24m of soak (1d without the lane)",
        "needs 2 approvals",
    ] {
        let flat: Vec<&str> = text.split_whitespace().collect();
        assert!(flat.join(" ").contains(words), "{words}: {text}");
    }
}

#[test]
fn a_policy_with_lanes_makes_the_plan_it_makes_without() {
    let (fleet, without) = planned(None);
    let mut documents = papers(Some("critical"));
    documents.policies.get_mut("monthly").unwrap().lanes.clear();
    let plan = make_plan(&fleet, &documents, NAMES.0, NAMES.1, 1).unwrap();
    assert!(plan.lanes.is_empty());
    let without = Plan {
        lanes: std::collections::BTreeMap::new(),
        ..without
    };
    assert_eq!(plan, without);
    let policy = &documents.policies["monthly"];
    assert_eq!(policy.calendar.freeze_override, FreezeOverride::Never);
}

/// Whoever asks for a lane brings its plan, and is not believed what the lane is.
#[test]
fn a_plan_knows_what_its_lanes_are_and_no_other_passes_for_one() {
    type Change = fn(&mut Plan);
    let (fleet, without) = planned(None);
    let documents = papers(Some("critical"));
    assert!(without.is_of_a_known_lane());
    let with = relane(&without, &fleet, &documents, Some("expedite")).unwrap();
    assert!(with.is_of_a_known_lane());
    let changes: [(&str, Change); 6] = [
        ("nobody's yes", |plan| plan.start = None),
        ("fewer people", |plan| {
            let start = plan.start.as_mut();
            start.unwrap().people.insert("mallory".to_owned());
        }),
        ("whose yes a ring needs", |plan| {
            let start = plan.start.clone();
            let rule = &mut plan.rings[0].after_soak;
            *rule = start.filter(|_| rule.is_none());
        }),
        ("freezes", |plan| {
            let lane = plan.lane.as_mut().unwrap();
            lane.overrides_freezes = !lane.overrides_freezes;
        }),
        ("its pace", |plan| {
            plan.pace.at_once = std::num::NonZeroU32::new(999).unwrap();
        }),
        ("a lane that there is not", |plan| {
            plan.lane.as_mut().unwrap().name = "faster".to_owned();
        }),
    ];
    for (what, change) in changes {
        let mut plan = with.clone();
        change(&mut plan);
        assert!(!plan.is_of_a_known_lane(), "{what}");
    }
    let mut back = relane(&with, &fleet, &documents, None).unwrap();
    assert!(back.is_of_a_known_lane());
    back.pace.at_once = std::num::NonZeroU32::new(999).unwrap();
    assert!(!back.is_of_a_known_lane());
}
