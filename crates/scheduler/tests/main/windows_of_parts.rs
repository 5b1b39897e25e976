//! Plans that begin with the parts in which another rollout has left the fleet.

use ringway_model::{RolloutId, Slot};
use ringway_policy::{Source, read};
use ringway_scheduler::{Part, Situation, compile_fleet, make_plan, make_superseding};

/// A window says when a service may be interrupted; one that is down waits only for those that nothing ignores.
#[test]
fn windows_keep_nobody_broken_but_those_that_bind_everybody() {
    let fleet = "ringway: fleet/v1\nname: f\nconnect: local\nwindows:\n  nights: { days: daily, start: \"22:00\", for: 6h }\n  theatre: { days: sun, start: \"02:00\", for: 3h, binding: always }\nhosts:\n  - { name: broken, window: nights }\n  - { name: theatre, window: theatre }\n  - { name: latent, window: nights }\n  - { name: untouched, window: nights }\n";
    let policy = "ringway: policy/v1\nname: p\napplies_to: all\nrings: [{ name: all, hosts: rest, soak: 0s }]\n";
    let update = |name: &str, build: &str| {
        let with = "with: { apply: a, inspect: b, rollback: c }";
        format!(
            "ringway: update/v1\nname: {name}\nrecipe: script\nreleases: [{{ select: all, id: a, build: \"{build}\", {with} }}]\n"
        )
    };
    let sources = [
        Source::new("f", fleet.to_owned()),
        Source::new("p", policy.to_owned()),
        Source::new("bad", update("bad", "1")),
        Source::new("fix", update("fix", "2")),
    ];
    let documents = read(&sources).unwrap_or_else(|problems| panic!("{problems}"));
    let fleet = compile_fleet(documents.fleet.as_ref().unwrap()).unwrap();
    let before = make_plan(&fleet, &documents, "p", "bad", 1).unwrap();
    let parts = [
        ("broken", Part::Broken),
        ("theatre", Part::Broken),
        ("latent", Part::Latent),
    ];
    let situation = Situation {
        rollout: RolloutId(1),
        hosts: parts.map(|(host, part)| (host.to_owned(), part)).into(),
    };
    let (plan, _) = make_superseding(
        &fleet,
        &documents,
        ("p", "fix"),
        (&before, &fleet),
        &situation,
        None,
    )
    .unwrap();
    assert_eq!(plan.part_of(0), Some(Part::Broken));
    let limited: Vec<(&str, bool)> = (0_u32..)
        .zip(&plan.slots)
        .map(|(slot, planned)| {
            let host = &fleet.hosts[planned.host.index()];
            (&*host.name, plan.times.of(Slot(slot)).is_some())
        })
        .collect();
    for (host, has_windows) in [
        ("broken", false),
        ("theatre", true),
        ("latent", true),
        ("untouched", true),
    ] {
        assert!(limited.contains(&(host, has_windows)), "{limited:?}");
    }
}
