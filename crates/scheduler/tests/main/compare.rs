//! What changes for a fleet when one policy takes the place of another.

use std::num::NonZeroU32;

use ringway_model::{Share, Span};
use ringway_policy::validated::{
    Amount, Documents, Fleet, Gate, Group, Halt, Host, Policy, Ramp, Ring,
};
use ringway_scheduler::compare::{Comparison, Place, render};
use ringway_scheduler::{FleetSpec, compare, compile_fleet, make_plan};

use crate::support::{
    covering, documents, fleet, host, policy, release, rest, ring, select, taking,
};

/// Forty hosts: `web-1` to `web-30` of two systems, `sql-1` to `sql-8`, `dc-1` and `dc-2`.
fn hosts() -> Vec<Host> {
    let of = |role: &'static str, count: usize| {
        (1..=count).map(move |n| {
            let os = if n % 10 == 0 { "ubuntu" } else { "debian" };
            host(&format!("{role}-{n}"), &format!("role={role} os={os}"))
        })
    };
    of("web", 30)
        .chain(of("sql", 8))
        .chain(of("dc", 2))
        .collect()
}

fn gated(rings: Vec<Ring>) -> Policy {
    let mut policy = policy(rings);
    policy.gates.push(Gate {
        name: "answers".to_owned(),
        probe: "up".to_owned(),
        down_for: Span::minutes(3),
        min_reporting: Share::ALL,
    });
    policy
}

fn usual() -> Policy {
    gated(vec![
        ring("lab", "role = dc"),
        taking("canary", "role != dc", "4"),
        rest("broad"),
    ])
}

fn compared_over(fleet: &Fleet, before: &Policy, after: &Policy) -> Comparison {
    let spec: FleetSpec = compile_fleet(fleet).unwrap();
    let plan = |policy: &Policy| {
        let documents = Documents {
            fleet: Some(fleet.clone()),
            ..documents(policy.clone())
        };
        make_plan(&spec, &documents, &policy.name, "april", 7).unwrap()
    };
    compare(&spec, (&plan(before), before), (&plan(after), after))
}

fn compared(before: &Policy, after: &Policy) -> Comparison {
    compared_over(&fleet(hosts(), Vec::<Group>::new()), before, after)
}

/// Moves in short: `broad>canary 3`.
fn moves(comparison: &Comparison) -> Vec<String> {
    let place = |place: &Place| match place {
        Place::Ring(name) => name.clone(),
        Place::NoRing => "no-ring".to_owned(),
        Place::NoRelease => "no-release".to_owned(),
        Place::NotMeant => "not-meant".to_owned(),
    };
    let moves = comparison.moves.iter();
    moves
        .map(|one| {
            assert_eq!(one.count, one.hosts.len());
            format!("{}>{} {}", place(&one.from), place(&one.to), one.count)
        })
        .collect()
}

/// A reviewer who is told of a change that is none reads the next one less carefully.
#[test]
fn a_policy_that_is_only_written_otherwise_changes_nothing() {
    let mut after = usual();
    after.name = "another-name".to_owned();
    after.digest = ringway_model::Digest::of(b"another text");
    after.author = Some("dora".to_owned());
    after.applies_to = select("has role");
    let comparison = compared(&usual(), &after);
    assert!(!comparison.is_change(), "{comparison:?}");
    assert_eq!((moves(&comparison).len(), comparison.stay), (0, 40));
    assert!(comparison.coverage.changed.is_empty());
}

#[test]
fn hosts_move_between_rings_and_in_and_out_of_what_is_meant() {
    let larger = gated(vec![
        ring("lab", "role = dc"),
        taking("canary", "role != dc", "10"),
        rest("broad"),
    ]);
    let narrower = Policy {
        applies_to: select("role != sql"),
        ..usual()
    };
    let no_rest = gated(vec![ring("lab", "role = dc"), ring("broad", "role = web")]);
    for (what, before, after, expected, counts) in [
        (
            "larger",
            usual(),
            larger,
            vec!["broad>canary 6"],
            (34, 0, 0),
        ),
        (
            "wider",
            narrower.clone(),
            usual(),
            vec!["not-meant>broad 8"],
            (32, 8, 0),
        ),
        (
            "narrower",
            usual(),
            narrower,
            vec!["broad>not-meant 8"],
            (32, 0, 8),
        ),
        (
            "no ring for the rest",
            gated(vec![ring("lab", "role = dc"), rest("broad")]),
            no_rest,
            vec!["broad>no-ring 8"],
            (32, 0, 0),
        ),
    ] {
        let comparison = compared(&before, &after);
        assert_eq!(moves(&comparison), expected, "{what}");
        assert_eq!(
            (comparison.stay, comparison.gained, comparison.lost),
            counts,
            "{what}"
        );
        assert!(comparison.is_change(), "{what}");
    }
}

#[test]
fn hosts_of_a_ring_that_is_renamed_stay_and_those_of_one_that_is_new_or_gone_move() {
    let renamed = gated(vec![
        ring("lab", "role = dc"),
        taking("pilot", "role != dc", "4"),
        rest("broad"),
    ]);
    let one_more = gated(vec![
        ring("lab", "role = dc"),
        taking("canary", "role != dc", "4"),
        ring("databases", "role = sql"),
        rest("broad"),
    ]);
    for (what, before, after, expected, counts) in [
        ("renamed", usual(), renamed, vec![], (40, 0, 0)),
        (
            "one more",
            usual(),
            one_more.clone(),
            vec!["broad>databases 8"],
            (32, 0, 0),
        ),
        (
            "one less",
            one_more,
            usual(),
            vec!["databases>broad 8"],
            (32, 0, 0),
        ),
    ] {
        let comparison = compared(&before, &after);
        assert_eq!(moves(&comparison), expected, "{what}");
        assert_eq!(
            (comparison.stay, comparison.gained, comparison.lost),
            counts,
            "{what}"
        );
        assert!(comparison.is_change(), "{what}");
    }
}

#[test]
fn a_host_without_a_release_is_told_from_one_that_is_not_meant() {
    let fleet = fleet(hosts(), vec![]);
    let spec = compile_fleet(&fleet).unwrap();
    let plan = |policy: &Policy| {
        let mut documents = documents(policy.clone());
        let update = documents.updates.get_mut("april").unwrap();
        update.releases = vec![release("role = web | sql", "nginx")];
        make_plan(&spec, &documents, "monthly", "april", 7).unwrap()
    };
    let before = Policy {
        applies_to: select("role = web"),
        ..gated(vec![rest("broad")])
    };
    let after = gated(vec![rest("broad")]);
    let comparison = compare(&spec, (&plan(&before), &before), (&plan(&after), &after));
    assert_eq!(
        moves(&comparison),
        ["not-meant>broad 8", "not-meant>no-release 2"]
    );
    assert_eq!((comparison.gained, comparison.lost), (8, 0));
    assert_eq!(
        (
            comparison.before.not_applicable,
            comparison.after.not_applicable
        ),
        (0, 2)
    );
}

/// Rings that are new, gone or renamed are told apart, and the list reads in the order of both policies.
#[test]
fn rings_are_matched_by_name_and_then_by_position() {
    let named = |names: &[&str]| {
        let mut rings: Vec<Ring> = names.iter().map(|name| taking(name, "all", "4")).collect();
        rings.push(rest("broad"));
        gated(rings)
    };
    for (before, after, expected) in [
        (&["a", "b"][..], &["a", "b"][..], vec!["0=0", "1=1", "2=2"]),
        (&["a"], &["x"], vec!["0=0", "1=1"]),
        (&["a"], &["x", "a"], vec![".=0", "0=1", "1=2"]),
        (&["x", "a"], &["a"], vec!["0=.", "1=0", "2=1"]),
        (&["a", "b"], &["b", "a"], vec!["1=0", "0=1", "2=2"]),
        (
            &["a", "b", "c"],
            &["a", "c"],
            vec!["0=0", "1=.", "2=1", "3=2"],
        ),
        // Where the position of what is gone has a ring that is not new, nothing was renamed.
        (&["a", "b"], &["b", "c"], vec!["0=.", "1=0", ".=1", "2=2"]),
    ] {
        let comparison = compared(&named(before), &named(after));
        let number = |at: Option<usize>| at.map_or(".".to_owned(), |at| at.to_string());
        let pairs: Vec<String> = comparison
            .rings
            .iter()
            .map(|pair| format!("{}={}", number(pair.before), number(pair.after)))
            .collect();
        assert_eq!(pairs, expected, "{before:?} {after:?}");
    }
}

/// How many have the update when it halts: with every host failing in its visit, and with a fault that shows later.
#[test]
fn what_is_at_risk_follows_the_ramp_the_halt_and_the_budget() {
    let halt = |failed| Halt {
        failed: NonZeroU32::new(failed),
        failed_share: None,
    };
    for (ramp, failed, budget, expected) in [
        // Lab has 2 hosts, canary 4, broad 34; 10 at once.
        (Ramp::Double, 1, None, [(1, 2), (3, 6), (7, 40)]),
        (Ramp::Double, 3, None, [(2, 2), (5, 6), (9, 40)]),
        (Ramp::Off, 1, None, [(2, 2), (6, 6), (16, 40)]),
        (Ramp::Off, 3, None, [(2, 2), (6, 6), (18, 40)]),
        (Ramp::Off, 3, Some(5), [(2, 2), (6, 6), (11, 40)]),
        // No number halts: all of it.
        (Ramp::Double, 0, None, [(2, 2), (6, 6), (40, 40)]),
    ] {
        let mut policy = usual();
        policy.pace.ramp = ramp;
        policy.halt = halt(failed);
        policy.budget_down = budget.map(Amount::Count);
        let comparison = compared(&policy, &policy);
        let risks: Vec<(u32, u32)> = comparison
            .after
            .rings
            .iter()
            .map(|ring| (ring.risk.shows_at_once, ring.risk.shows_in_soak))
            .collect();
        assert_eq!(risks, expected, "{ramp:?} {failed} {budget:?}");
    }
}

/// A soak that cannot halt proves nothing: without a gate, without a span, with a limit that the ring cannot reach, or
/// in a ring without hosts.
#[test]
fn the_first_soak_is_the_first_that_can_halt() {
    let first = |policy: &Policy| {
        let comparison = compared(policy, policy);
        comparison
            .after
            .first_soak
            .map(|soak| (soak.ring, soak.hosts))
    };
    let found = |ring: &str, hosts| Some((ring.to_owned(), hosts));
    assert_eq!(first(&usual()), found("lab", 2));
    let mut policy = usual();
    policy.gates.clear();
    assert_eq!(first(&policy), None);
    policy = usual();
    policy.rings[0].soak = Span::ZERO;
    assert_eq!(first(&policy), found("canary", 6));
    policy = usual();
    policy.halt.failed = NonZeroU32::new(5);
    assert_eq!(first(&policy), found("broad", 40));
    policy = usual();
    policy.rings[0] = ring("lab", "role = none");
    assert_eq!(first(&policy), found("canary", 4));
    policy.halt.failed = None;
    assert_eq!(first(&policy), None);
}

#[test]
fn strata_that_another_ring_meets_first_are_named() {
    let covers = gated(vec![
        ring("lab", "role = dc"),
        covering(taking("canary", "role != dc", "1"), &["role", "os"], true),
        rest("broad"),
    ]);
    let misses = gated(vec![
        ring("lab", "role = dc"),
        ring("canary", "name = sql-1"),
        rest("broad"),
    ]);
    let comparison = compared(&covers, &misses);
    assert_eq!(comparison.coverage.by, ["role", "os"]);
    assert_eq!(comparison.coverage.strata, [4, 4]);
    let changed: Vec<_> = comparison
        .coverage
        .changed
        .iter()
        .map(|one| {
            let ring = |name: &Option<String>| name.clone().unwrap_or_default();
            format!(
                "{} {} {}>{}",
                one.stratum,
                one.hosts,
                ring(&one.before),
                ring(&one.after)
            )
        })
        .collect();
    assert_eq!(
        changed,
        [
            "role=web os=debian 27 canary>broad",
            "role=web os=ubuntu 3 canary>broad"
        ]
    );
    let seen = |side: &ringway_scheduler::compare::Side| -> Vec<_> {
        let rings = side.rings.iter();
        rings
            .map(|ring| (ring.strata_seen, ring.strata_new, ring.hosts_new))
            .collect()
    };
    assert_eq!(seen(&comparison.before), [(1, 1, 2), (4, 3, 3), (4, 0, 0)]);
    assert_eq!(seen(&comparison.after), [(1, 1, 2), (2, 1, 1), (4, 2, 30)]);
}

/// Two rings of one host each: a visit takes 7 minutes 40 seconds by what is assumed of its steps, and 5 settle.
#[test]
fn exposure_and_finish_are_those_of_the_plan_when_all_goes_well() {
    let two = |soak| {
        let mut policy = gated(vec![
            ring("one", "name = web-1"),
            ring("two", "name = web-2"),
        ]);
        policy.applies_to = select("name = web-1 | web-2");
        policy.rings[0].soak = soak;
        policy
    };
    let comparison = compared(&two(Span::hours(1)), &two(Span::hours(3)));
    let first = comparison.before.rings[0].estimate.settled_ms;
    for (side, soak) in [
        (&comparison.before, Span::hours(1)),
        (&comparison.after, Span::hours(3)),
    ] {
        let [one, two] = &side.rings[..] else {
            panic!("two rings");
        };
        assert_eq!(one.estimate.settled_ms, first);
        assert_eq!(two.estimate.starts_ms, first.plus(soak));
        assert_eq!(side.total_ms, two.estimate.ends_ms);
        let halfway = (first.millis() + 2 * first.plus(soak).millis() + first.millis()) / 2;
        assert_eq!(side.exposure_ms, Span(halfway));
    }
    assert_eq!(comparison.stay, 2);
    assert!(comparison.is_change());
}

/// What a reviewer reads: the first stop, what is at stake, and who moves.
#[test]
fn a_comparison_is_told_in_few_words() {
    let mut after = gated(vec![
        taking("canary", "role != dc", "10"),
        rest("broad"),
        ring("late", "role = none"),
    ]);
    after.rings[0].soak = Span::hours(2);
    after.gates[0].down_for = Span::minutes(1);
    after.name = "quick".to_owned();
    insta::assert_snapshot!("diff", render(&compared(&usual(), &after)));
    let none = render(&compared(&usual(), &usual()));
    assert!(
        none.contains("\n  no change  40 hosts would be updated in the same rings"),
        "{none}"
    );
}

/// What a reviewer is not told of, nobody reviews.
#[test]
#[expect(clippy::too_many_lines, reason = "one row for each part of a policy")]
fn every_part_of_a_policy_that_changes_a_rollout_is_told() {
    use ringway_model::{Span, Timestamp};
    use ringway_policy::validated::{
        Approvals, Binding, Command, Early, ExternalGate, Freeze, FreezeOverride, Frozen, Moment,
        NotBy,
    };
    let rule = |not_by: &[NotBy]| Approvals {
        needed: 1,
        by: Vec::new(),
        not_by: not_by.to_vec(),
        between: None,
        expire: None,
    };
    let gate = |run: &str| ExternalGate {
        name: "change".to_owned(),
        run: Command::Shell(run.to_owned()),
        every: Span::minutes(1),
        timeout: Span::seconds(10),
    };
    let freeze = |day: i64| Freeze {
        select: select("all"),
        reason: Some("year end".to_owned()),
        zone: None,
        when: Frozen::Between {
            from: Moment::Instant(Timestamp(day * 86_400_000)),
            until: Moment::Instant(Timestamp((day + 1) * 86_400_000)),
        },
        binding: Binding::Usual,
    };
    let with = |change: &dyn Fn(&mut Policy)| {
        let mut policy = usual();
        change(&mut policy);
        policy
    };
    let due = |days: u64| {
        move |p: &mut Policy| {
            p.due.insert("critical".to_owned(), Span::hours(24 * days));
        }
    };
    let none = |_: &mut Policy| {};
    let early = |rule: Approvals| {
        move |p: &mut Policy| {
            p.rings[1].early = Some(Early {
                at_least: Span::minutes(1),
                rule: rule.clone(),
            });
        }
    };
    for (before, after, part) in [
        (
            with(&none),
            with(&due(3)),
            "`critical`: no date -> within 3d",
        ),
        (
            with(&due(3)),
            with(&due(5)),
            "`critical`: within 3d -> within 5d",
        ),
        (
            with(&due(3)),
            with(&none),
            "`critical`: within 3d -> no date",
        ),
        (
            with(&none),
            with(&|p| p.calendar.windows = vec!["nights".to_owned()]),
            "no further limit -> nights",
        ),
        (
            with(&none),
            with(&|p| p.rings[2].windows = vec!["nights".to_owned()]),
            "no further limit -> nights",
        ),
        (
            with(&|p| drop(p.calendar.freezes.insert("x".to_owned(), freeze(1)))),
            with(&|p| drop(p.calendar.freezes.insert("x".to_owned(), freeze(2)))),
            "1970-01-02T00:00:00Z until 1970-01-03T00:00:00Z on all, year end -> from 1970-01-03",
        ),
        (
            with(&none),
            with(&|p| p.calendar.freeze_override = FreezeOverride::WithReason),
            "people may not -> may work in them",
        ),
        (
            with(&|p| p.external = vec![gate("a")]),
            with(&|p| p.external = vec![gate("b")]),
            "asked by another command every 1m",
        ),
        (
            with(&|p| p.start = Some(rule(&[]))),
            with(&|p| p.start = Some(rule(&[NotBy::Starter]))),
            "1 approval -> 1 approval, not by who starts it",
        ),
        (
            with(&early(rule(&[]))),
            with(&early(Approvals {
                expire: Some(Span::hours(2)),
                ..rule(&[])
            })),
            "1 approval, void after 2h",
        ),
    ] {
        let comparison = compared(&before, &after);
        assert!(comparison.is_change(), "{part}");
        let text = ringway_scheduler::compare::render(&comparison);
        let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(words.contains(part), "{part}: {text}");
    }
}
