//! A fleet and a plan as bytes: they read back, and their format cannot change unnoticed.

use ringway_model::{RouteId, Slot};
use ringway_policy::validated::RingSpread;
use ringway_scheduler::{DecodeError, FleetSpec, Plan};

use crate::support::{compiled, group, host, keeping_up, plan, rest, taking};

fn example() -> (FleetSpec, Plan) {
    let hosts = (0..20)
        .map(|n| host(&format!("h-{n}"), &format!("role=web site={}", n % 3)))
        .collect();
    let fleet = compiled(
        hosts,
        vec![keeping_up(
            group("web", "role = web"),
            "site",
            RingSpread::Apart,
        )],
    );
    let plan = plan(
        &fleet,
        vec![taking("canary", "all", "10%"), rest("broad")],
        7,
    );
    (fleet, plan)
}

#[test]
fn fleets_and_plans_read_back_as_they_were_written_and_keep_their_digests() {
    let (fleet, plan) = example();
    let (digest, bytes) = fleet.encode();
    assert_eq!(FleetSpec::decode(&bytes).unwrap(), fleet);
    assert_eq!((plan.fleet, fleet.digest()), (digest, digest));
    let (digest, bytes) = plan.encode();
    let again = Plan::decode(&bytes).unwrap();
    assert_eq!((again.encode().0, again.digest()), (digest, digest));
    assert_eq!(again, plan);
}

#[test]
fn hours_for_ending_a_soak_early_are_written_behind_everything_else() {
    let (_, mut plan) = example();
    let (without, bytes) = plan.encode();
    plan.terms.hours.push(ringway_scheduler::terms::HoursPlan {
        zone: ringway_policy::validated::ZoneName::utc(),
        hours: ringway_policy::validated::Hours(Vec::new()),
    });
    plan.terms.early = vec![None, Some(0)];
    let (digest, more) = plan.encode();
    assert_eq!((bytes[0], more[0]), (1, 5));
    assert_ne!(digest, without);
    let again = Plan::decode(&more).unwrap();
    assert_eq!((again.digest(), &again), (digest, &plan));
}

/// Which parameters are settings is behind everything else, and only where there are any: content is told by the others.
#[test]
fn settings_are_written_behind_everything_else_and_read_back() {
    let (_, mut plan) = example();
    let before = plan.encode();
    let route = &mut plan.routes[0];
    route.parameters.insert("wait".to_owned(), "60".to_owned());
    route.settings.insert("wait".to_owned());
    let (digest, bytes) = plan.encode();
    assert_eq!((before.1[0], bytes[0]), (1, 12));
    let again = Plan::decode(&bytes).unwrap();
    assert_eq!((again.digest(), &again), (digest, &plan));
    // A program of before would not know the content by them.
    let content = |plan: &Plan| plan.routes[0].content().digest;
    assert_eq!(content(&again), content(&plan));
    plan.routes[0].settings.clear();
    assert_ne!(content(&again), content(&plan));
    assert_eq!(
        content(&plan),
        Some(again.routes[0].former_digest()),
        "what was poisoned by a plan of before stays so"
    );
}

/// The digest is what approvals and journals name: if this changes, the format has changed and its version must too.
#[test]
fn the_format_of_a_plan_is_the_one_that_was_written_before() {
    let (fleet, plan) = example();
    assert_eq!(fleet.encode().1[0], 1);
    let digests = (fleet.encode().0.short(), plan.encode().0.short());
    assert_eq!(
        digests,
        ("7c72b23a886b".to_owned(), "04d73d95eb27".to_owned())
    );
}

#[test]
fn bytes_that_are_something_else_are_refused() {
    let (_, bytes) = example().1.encode();
    assert_eq!(Plan::decode(&[]), Err(DecodeError::Empty));
    assert_eq!(Plan::decode(&[10, 1, 2]), Err(DecodeError::Version(10)));
    let short = Plan::decode(&bytes[..bytes.len() / 2]);
    assert!(matches!(short, Err(DecodeError::Malformed(_))), "{short:?}");
    let long = [&bytes[..], &[0]].concat();
    assert_eq!(Plan::decode(&long), Err(DecodeError::Trailing(1)));
}

/// What is told, and what makes a plan unsound.
type Change = (&'static str, fn(&mut Plan));

/// Such a plan was kept by its digest, and whatever read it again fell over it.
#[test]
fn numbers_that_name_nothing_are_refused_where_bytes_are_read() {
    let (fleet, plan) = example();
    let changes: [Change; 5] = [
        ("host no. 0 has route no. 999", |plan| {
            plan.slots[0].route = RouteId(999);
        }),
        ("a visit with a step that is not there", |plan| {
            plan.routes[0].visits[0].push(250);
        }),
        ("the rings have", |plan| {
            plan.slots.pop();
        }),
        ("does not begin where", |plan| plan.rings[0].first = Slot(1)),
        ("hours that are not there", |plan| {
            plan.terms.start = Some(9);
        }),
    ];
    for (words, change) in changes {
        let mut plan = plan.clone();
        change(&mut plan);
        let refused = Plan::decode(&plan.encode().1).unwrap_err().to_string();
        assert!(refused.contains(words), "{refused}");
    }
    let mut lost = fleet.clone();
    lost.hosts[0].connect = 99;
    let refused = FleetSpec::decode(&lost.encode().1).unwrap_err().to_string();
    assert!(
        refused.contains("connection that is not there"),
        "{refused}"
    );
}
