//! Worlds in which something goes wrong: what is told of it, and what a page shows.

use ringway_model::{Selector, Share, Span};
use ringway_policy::validated::{Does, Regression, Shows, World, WorldRollout};
use ringway_policy::{Source, read};
use ringway_simulator::checkers::{Invariant, Violation};
use ringway_simulator::future::{Keep, Luck, Outcome, Setting};

use super::page;
use super::question::Question;
use super::story::Story;
use super::told::FutureTold;

const DOCUMENTS: &str = r#"
ringway: fleet/v1
name: f
hosts:
  - { name: lab-1, labels: { role: web, ring: lab } }
  - { name: db-1, labels: { role: db } }
  - { name: db-2, labels: { role: db } }
  - { name: web-1, labels: { role: web } }
probes:
  up: { run: "true", every: 10s, timeout: 2s }
connect:
  - { select: all, local: {} }
---
ringway: policy/v1
name: p
applies_to: all
rings:
  - name: lab
    hosts: { select: ring = lab }
    soak: 10m
  - name: rest
    hosts: { select: role = web | db, cover: { by: [role], may_exceed_take: yes } }
    soak: 10m
pace: { at_once: 1, ramp: off, settle: 1m }
halt: { failed: 1 }
gates:
  - { name: answers, probe: up, down: { for: 1m } }
---
ringway: policy/v1
name: other
applies_to: role = db
rings:
  - { name: all-at-once, hosts: rest, soak: 0s }
---
ringway: update/v1
name: u
releases:
  - { select: all, id: R2, build: "2" }
recipe: r
---
ringway: recipe/v1
name: r
steps:
  inspect: { run: "x", installed_when: "{build}", previous: "{output}" }
  apply: { run: "x" }
  rollback: { run: "x" }
"#;

/// An update that breaks databases at once.
fn bad() -> World {
    World {
        name: "bad-on-db".to_owned(),
        regressions: vec![Regression {
            name: "db down".to_owned(),
            update: None,
            select: Selector::parse("role = db").unwrap(),
            share: Share::ALL,
            does: Does::Down,
            shows: Shows::AtOnce,
        }],
        ..World::default()
    }
}

fn asked(world: World) -> Question {
    let source = Source {
        name: "all.yaml".to_owned(),
        bytes: DOCUMENTS.as_bytes().to_vec(),
    };
    let mut documents = read(&[source]).unwrap();
    documents.worlds.insert(world.name.clone(), world);
    Question::of(documents, None, None).unwrap()
}

fn setting(question: &mut Question, policy: Option<&str>) -> Setting {
    let plans = question.plans(policy).unwrap();
    question.fill(plans.iter().map(|(plan, _)| plan));
    question.setting(plans).unwrap()
}

fn told(question: &Question, setting: &Setting) -> (Outcome, Story) {
    let keep = Keep {
        checked: true,
        trace: Some(usize::MAX),
        curve: true,
        journal: true,
    };
    let outcome = setting.run(1, Luck::Certain, keep);
    assert_eq!(outcome.violation, None, "{}", question.world.name);
    let story = Story::of(&outcome).unwrap();
    (outcome, story)
}

#[test]
fn a_halt_is_told_with_its_cause_and_with_the_names_of_those_who_were_hit() {
    let mut question = asked(bad());
    let setting = setting(&mut question, Some("p"));
    let (outcome, story) = told(&question, &setting);
    let future = FutureTold::of(&question, &setting, &outcome, &story, Some(30));
    let json = serde_json::to_value(&future).unwrap();
    let rollout = &json["rollouts"][0];
    assert_eq!(rollout["ended"], "rolled back", "{json:#}");
    assert_eq!(rollout["hit"], 1);
    let hit = rollout["rings"][1]["hit"].as_array().unwrap();
    assert_eq!(hit.len(), 1);
    assert!(hit[0].as_str().unwrap().starts_with("db-"), "{hit:?}");
    assert_eq!(rollout["rings"][1]["failed"], rollout["rings"][1]["hit"]);
    let halt = &rollout["halts"][0];
    assert_eq!(
        halt["why"],
        "1 failed in ring rest, which halts on failure no. 1"
    );
    let text = future.text(&story, Some(30));
    for words in [
        "HALTED: 1 failed in ring rest",
        "halted: 1 failed in ring rest",
        "    rest: db-",
        "is over: rolled back",
        "operator asks",
    ] {
        assert_eq!(
            text.contains(words),
            words != "operator asks",
            "{words}: {text}"
        );
    }
    let page = page::future(&future, &outcome);
    assert!(
        page.contains("class=\"halted\"") && page.contains(">promoted<"),
        "{page}"
    );
}

#[test]
fn the_kinds_of_hosts_are_those_the_policy_covers_unless_the_world_names_others() {
    let mut question = asked(bad());
    let setting = setting(&mut question, Some("p"));
    assert_eq!(setting.kinds().collect::<Vec<_>>(), ["role=db", "role=web"]);
    assert_eq!(question.kinds_from, ["p"]);
    let mut written = bad();
    written.priors.by = vec!["ring".to_owned()];
    let mut question = asked(written);
    let setting = self::setting(&mut question, Some("p"));
    assert_eq!(setting.kinds().collect::<Vec<_>>(), ["ring=lab"]);
    assert!(question.kinds_from.is_empty());
}

#[test]
fn a_world_may_have_several_rollouts_and_a_policy_that_is_named_stands_in_for_the_first() {
    let rollout = |policy: &str, starts| WorldRollout {
        policy: policy.to_owned(),
        update: "u".to_owned(),
        starts,
        supersedes: false,
        lane: None,
    };
    let world = World {
        name: "two".to_owned(),
        rollouts: vec![rollout("p", Span::ZERO), rollout("other", Span::hours(1))],
        ..World::default()
    };
    let mut question = asked(world.clone());
    let setting = setting(&mut question, None);
    let (outcome, story) = told(&question, &setting);
    let future = FutureTold::of(&question, &setting, &outcome, &story, None);
    let json = serde_json::to_value(&future).unwrap();
    assert_eq!(json["rollouts"][1]["policy"], "other");
    assert_eq!(json["rollouts"][1]["started"], "2026-01-05 10:00");
    let page = page::future(&future, &outcome);
    assert_eq!(page.matches("<svg").count(), 2);

    let policies = |question: &Question, named| -> Vec<String> {
        let plans = question.plans(named).unwrap();
        plans.iter().map(|(plan, _)| plan.policy.clone()).collect()
    };
    assert_eq!(policies(&question, Some("other")), ["other", "other"]);
    let mut hurried = world.clone();
    hurried.rollouts[1].lane = Some("expedite".to_owned());
    let failure = asked(hurried).plans(None).unwrap_err();
    assert!(
        failure
            .why
            .contains("policy `other` has no lane `expedite`"),
        "it is planned in the lane that the world names: {}",
        failure.why
    );
    let mut mistaken = world;
    mistaken.rollouts[1].policy = "othr".to_owned();
    let failure = asked(mistaken).plans(None).unwrap_err();
    assert_eq!(
        failure.why,
        "world `two` rolls out policy `othr`, which is not among the documents"
    );
    assert_eq!(failure.hint.as_deref(), Some("did you mean `other`?"));
}

#[test]
fn a_world_that_is_not_there_is_refused_and_the_only_one_need_not_be_named() {
    let question = asked(bad());
    assert_eq!(
        (question.world.name.as_str(), question.is_built_in),
        ("bad-on-db", false)
    );
    let documents = || {
        let source = Source {
            name: "all.yaml".to_owned(),
            bytes: DOCUMENTS.as_bytes().to_vec(),
        };
        let mut documents = read(&[source]).unwrap();
        for name in ["bad-on-db", "flaky"] {
            let world = World {
                name: name.to_owned(),
                ..World::default()
            };
            documents.worlds.insert(name.to_owned(), world);
        }
        documents
    };
    let refused = |world| Question::of(documents(), world, None).err().unwrap();
    assert_eq!(
        refused(Some("flakey")).hint.as_deref(),
        Some("did you mean `flaky`?")
    );
    assert!(refused(None).why.contains("there is more than one world"));
    assert!(
        Question::of(documents(), Some("calm"), None)
            .unwrap()
            .is_built_in
    );
}

/// A broken rule is never the documents' fault, and the seed shows it again.
#[test]
fn a_broken_rule_is_reported_with_its_seed() {
    let mut question = asked(bad());
    let setting = setting(&mut question, Some("p"));
    let (mut outcome, story) = told(&question, &setting);
    let of = |outcome: &Outcome| FutureTold::of(&question, &setting, outcome, &story, Some(3));
    assert_eq!(of(&outcome).fault(), None);
    outcome.violation = Some(Violation {
        invariant: Invariant::I11,
        at: setting.begins(),
        what: "r1 ends a soak too early".to_owned(),
    });
    assert_eq!(
        of(&outcome).fault().unwrap(),
        "rule I11 was broken at 2026-01-05T09:00:00Z: r1 ends a soak too early; seed 1 with these documents shows it again"
    );
    assert!(page::future(&of(&outcome), &outcome).contains("BROKEN: rule I11"));
}
