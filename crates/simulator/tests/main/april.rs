//! The story of April 2026 as `examples/april-2026` has it, over many seeds: what the careful policy and a fix in flight make of it,
//! and what percentages make of the same month.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use ringway_calendar::Zones;
use ringway_engine::{Advisory, Exception};
use ringway_model::{Rank, Span};
use ringway_policy::validated::ZoneName;
use ringway_policy::{Attachment, Attachments, Source, imports, read_with};
use ringway_scheduler::{Part, compile_fleet, make_plan_in};
use ringway_simulator::future::{Ended, Keep, Luck, Outcome, Setting};

/// How many futures every run of the suite looks at; with `RINGWAY_SEEDS=1000..9000` any others.
const SEEDS: std::ops::Range<u64> = 0..500;

/// The update's name, and the fix's.
const APRIL: &str = "2026-04-windows-security";
const FIX: &str = "2026-04-windows-oob";

/// The documents of the story.
const STORY: [&str; 8] = [
    "fleet.yaml",
    "policy.yaml",
    "april.yaml",
    "fix.yaml",
    "recipe.yaml",
    "exception.yaml",
    "advisories.yaml",
    "world.yaml",
];

fn seeds() -> std::ops::Range<u64> {
    crate::asked::seeds(SEEDS)
}

fn zones() -> Zones {
    let berlin = ZoneName::new("Europe/Berlin").unwrap();
    let file = include_bytes!("../../../calendar/tests/zones/Europe/Berlin").to_vec();
    Zones::new("test", &[(berlin, file)].into()).unwrap()
}

fn example(path: &str) -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/april-2026");
    fs::read(folder.join(path)).unwrap()
}

fn setting(paths: &[&str], policy: &str) -> Setting {
    let sources: Vec<Source> = paths
        .iter()
        .map(|path| Source::new(path.rsplit('/').next().unwrap(), example(path)))
        .collect();
    let found = imports(&sources).into_iter().map(|wanted| {
        let attachment = Attachment {
            file: Some("hosts.csv".to_owned()),
            files: BTreeMap::from([("hosts.csv".to_owned(), example("hosts.csv"))]),
        };
        (wanted, Ok(attachment))
    });
    let attachments = Attachments {
        found: found.collect(),
        ..Attachments::default()
    };
    let documents =
        read_with(&sources, &attachments).unwrap_or_else(|problems| panic!("{problems}"));
    let fleet = Arc::new(compile_fleet(documents.fleet.as_ref().unwrap()).unwrap());
    let world = documents.worlds.values().next().unwrap().clone();
    let plans = world.rollouts.iter().map(|rollout| {
        assert_eq!(rollout.policy, policy);
        let (names, lane) = ((policy, &*rollout.update), rollout.lane.as_deref());
        let plan = make_plan_in(&fleet, &documents, names, lane, 1);
        let plan = plan.unwrap_or_else(|problems| panic!("{problems:?}"));
        (Arc::new(plan), rollout.starts)
    });
    let texts = documents.texts.clone().into_iter().collect();
    let plans = plans.collect();
    let setting = Setting::new(fleet, plans, texts, &world, 64).unwrap();
    let exceptions = documents.exceptions.values().map(|one| Exception {
        id: one.id.clone(),
        hosts: one.written.clone(),
        updates: one.updates.clone(),
        // Its day is months after the story.
        until: setting.begins() + Span::hours(24 * 90),
        owner: one.owner.clone(),
        reason: one.reason.clone(),
        approved_by: one.approved_by.clone(),
    });
    let exceptions = exceptions.collect();
    let advisories = documents.advisories.values().map(|one| Advisory {
        id: one.id.clone(),
        source: one.source.clone(),
        rank: one.rank,
        about: one.about.clone(),
        affects: one.affects.clone(),
        effect: one.effect,
        fixed_by: one.fixed_by.clone(),
        published: one.published,
        reference: one.reference.clone(),
        says: one.says.clone(),
    });
    let advisories = advisories.collect();
    let setting = setting.with_zones(zones()).unwrap();
    setting
        .with_exceptions(exceptions)
        .with_advisories(advisories)
        .with_documents(Some(Arc::new(documents)))
}

/// How many hosts were hit, whether it halted, and which parts the fix met.
type Told = (u32, bool, Vec<Part>);

/// Futures of all seeds, each looked at by every checker, on two threads.
fn futures<T: Send>(setting: &Setting, look: impl Fn(&Outcome) -> T + Sync) -> Vec<T> {
    let keep = Keep {
        checked: true,
        trace: Some(40),
        ..Keep::default()
    };
    let half = |half: u64| {
        let seeds = seeds().filter(|seed| seed % 2 == half);
        let all = seeds.map(|seed| {
            let outcome = setting.run(seed, Luck::Certain, keep);
            assert!(
                outcome.violation.is_none(),
                "seed {seed}: {:?}\n{}",
                outcome.violation,
                outcome.trace.join("\n")
            );
            look(&outcome)
        });
        all.collect::<Vec<T>>()
    };
    std::thread::scope(|scope| {
        let other = scope.spawn(|| half(1));
        let mut all = half(0);
        all.extend(other.join().expect("a future breaks no rule"));
        all
    })
}

/// The highest ring in which a host has ever had the update, by the number of rings that have any.
fn got_to(outcome: &Outcome, rollout: usize) -> usize {
    let rings = &outcome.rollouts[rollout].rings;
    let opened = rings.iter().rposition(|ring| ring.opened_ms.is_some());
    opened.unwrap_or(0)
}

/// The shipped policy stops the regression in the canary ring; the fix then begins with what is broken, and every host ends on it but
/// the one with an exception. No domain loses its last controller. That poisoned content is never started again, and everything else
/// that holds always, the checkers say.
#[test]
fn the_careful_policy_stops_in_the_canary_ring_and_the_fix_reaches_everybody() {
    let setting = setting(&STORY, "careful");
    let all = futures(&setting, |outcome| {
        let seed = outcome.seed;
        let [april, fix] = &outcome.rollouts[..] else {
            panic!("seed {seed}: two rollouts");
        };
        assert_eq!((&*april.update, &*fix.update), (APRIL, FIX));
        assert!(got_to(outcome, 0) <= 1, "seed {seed}: {:?}", april.rings);
        assert_eq!(april.ended, Ended::Superseded, "seed {seed}");
        assert_eq!(outcome.groups_lost, 0, "seed {seed}: a domain was lost");
        assert_eq!(fix.ended, Ended::Completed, "seed {seed}");
        assert_eq!(
            (fix.updated + 1, fix.targets),
            (401, 401),
            "seed {seed}: all but the exception"
        );
        assert_eq!(april.carrying + fix.carrying + fix.hit, 0, "seed {seed}");
        let parts = outcome.plans[1]
            .supersedes
            .as_ref()
            .map(|it| it.parts.clone());
        (april.hit, april.halt.is_some(), parts.unwrap_or_default())
    });
    let count = |is: &dyn Fn(&Told) -> bool| all.iter().filter(|one| is(one)).count();
    let of = |part: Part| count(&|one| one.2.contains(&part));
    println!(
        "{} futures: halted in {}, at most {} hosts hit; the fix met broken hosts in {}, withheld restarts in {}, latent hosts in {}",
        all.len(),
        count(&|one| one.1),
        all.iter().map(|one| one.0).max().unwrap_or(0),
        of(Part::Broken),
        of(Part::Withheld),
        of(Part::Latent)
    );
    assert!(of(Part::Broken) > 0 && of(Part::Withheld) > 0 && of(Part::Latent) > 0);
}

/// What nobody has verified is a proposal: with it and without it the same happens to every host.
#[test]
fn the_unverified_advisory_changes_nothing() {
    let with = setting(&STORY, "careful");
    let all = setting(&STORY, "careful").advisories().to_vec();
    let believed = all.iter().filter(|one| one.rank != Rank::Unverified);
    let believed: Vec<Advisory> = believed.cloned().collect();
    assert_eq!((all.len(), believed.len()), (2, 1));
    let without = setting(&STORY, "careful").with_advisories(believed);
    for seed in seeds().take(20) {
        let of = |setting: &Setting| setting.run(seed, Luck::Certain, Keep::default()).rollouts;
        assert_eq!(of(&with), of(&without), "seed {seed}");
    }
}

/// Percentages with the installation's success as the gate bring the same update to everybody, and domains whose controllers are all at
/// risk are gone.
#[test]
fn percentages_bring_it_to_everybody() {
    let setting = setting(
        &[
            "plain/fleet.yaml",
            "plain/policy.yaml",
            "april.yaml",
            "plain/recipe.yaml",
            "plain/world.yaml",
        ],
        "percentages",
    );
    let all = futures(&setting, |outcome| {
        let april = &outcome.rollouts[0];
        assert_eq!(april.ended, Ended::Completed, "seed {}", outcome.seed);
        assert!(april.halt.is_none(), "seed {}", outcome.seed);
        (april.hit, outcome.groups_lost)
    });
    // One of its controllers may have been away for so long that the fix came first.
    let lost = all.iter().filter(|one| one.1 > 0).count();
    assert!(
        lost * 10 > all.len() * 9,
        "domains were lost in {lost} futures only"
    );
    println!(
        "{} futures: {} to {} hosts hit, {} to {} domains lost",
        all.len(),
        all.iter().map(|one| one.0).min().unwrap_or(0),
        all.iter().map(|one| one.0).max().unwrap_or(0),
        all.iter().map(|one| one.1).min().unwrap_or(0),
        all.iter().map(|one| one.1).max().unwrap_or(0)
    );
}

/// A fault that no canary shows is stopped where it shows, and the fix begins with those it broke.
#[test]
fn a_fault_that_escapes_the_canaries_is_stopped_and_mended() {
    let setting = setting(
        &[
            "fleet.yaml",
            "policy.yaml",
            "april.yaml",
            "fix.yaml",
            "recipe.yaml",
            "exception.yaml",
            "world-escapes.yaml",
        ],
        "careful",
    );
    let all = futures(&setting, |outcome| {
        let seed = outcome.seed;
        let [april, fix] = &outcome.rollouts[..] else {
            panic!("seed {seed}: two rollouts");
        };
        assert_eq!(got_to(outcome, 0), 3, "seed {seed}: {:?}", april.rings);
        assert!(
            april.halt.is_some() && april.ended == Ended::Superseded,
            "seed {seed}"
        );
        assert_eq!(
            (&fix.ended, fix.updated),
            (&Ended::Completed, 400),
            "seed {seed}"
        );
        assert_eq!((outcome.groups_lost, fix.carrying), (0, 0), "seed {seed}");
        april.halt.map_or(0, |halt| halt.hit)
    });
    println!(
        "{} futures: at most {} hosts hit when it halted",
        all.len(),
        all.iter().max().unwrap_or(&0)
    );
}
