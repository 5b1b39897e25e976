//! The policies in `policies/`, against the fleets that are shipped beside them: each can be planned, and a lint has
//! nothing against any.

#![expect(
    clippy::disallowed_methods,
    reason = "the files are those of the repository"
)]

use std::fs;
use std::path::{Path, PathBuf};

use ringway_model::{Span, StepKind, Timestamp};
use ringway_policy::validated::{Documents, OnHalt};
use ringway_policy::{Source, read};
use ringway_scheduler::lint::{Finding, Here, Question, lint};
use ringway_scheduler::plan::{More, StepPlan};
use ringway_scheduler::{Plan, compile_fleet, make_plan};

use crate::support::zones;

/// Which fleet each policy is for.
const POLICIES: [(&str, &str); 5] = [
    ("appliances-by-hand", "appliances"),
    ("kernel-with-reboot", "servers"),
    ("minimal", "alike"),
    ("monthly-linux", "servers"),
    ("monthly-windows", "windows"),
];

const UPDATE: &str = "\
ringway: update/v1
name: it
released: 2026-11-28T12:00:00Z
severity: important
recipe: debian-package
releases: [{ select: all, id: a, build: 1.2-3, with: { package: linux-image-amd64 } }]
";

/// An update that people bring by hand.
const BY_HAND: &str = "\
ringway: update/v1
name: it
severity: important
recipe: manual
releases: [{ select: all, id: a, with: { instructions: do it } }]
";

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../policies")
}

fn shipped(policy: &str, fleet: &str) -> Vec<Source> {
    let shipped = |name: String| {
        let bytes = fs::read(directory().join(&name)).unwrap();
        Source::new(name, bytes)
    };
    vec![
        shipped(format!("{policy}.yaml")),
        shipped(format!("fleets/{fleet}.yaml")),
    ]
}

/// What a lint finds that nobody accepted, with its rules about windows.
fn linted(documents: &Documents) -> Vec<Finding> {
    let fleet = compile_fleet(documents.fleet.as_ref().unwrap()).unwrap();
    let question = Question {
        fleet: &fleet,
        documents,
        policy: None,
        update: None,
        seed: 1,
        now: Timestamp(1_795_953_600_000),
        here: &Here::default(),
        zones: Some(&zones()),
    };
    let report = lint(&question).unwrap_or_else(|e| panic!("{e}"));
    let all = report.findings.into_iter();
    all.filter(|one| one.accepted.is_none()).collect()
}

fn tried(policy: &str, fleet: &str) -> (Plan, Vec<Finding>) {
    let mut sources = shipped(policy, fleet);
    let by_hand = policy == "appliances-by-hand";
    let update = if by_hand { BY_HAND } else { UPDATE };
    sources.push(Source::new("update.yaml", update));
    let documents = read(&sources).unwrap_or_else(|problems| panic!("{problems}"));
    let fleet = compile_fleet(documents.fleet.as_ref().unwrap()).unwrap();
    let plan = make_plan(&fleet, &documents, policy, "it", 1);
    let found = linted(&documents);
    (plan.unwrap_or_else(|e| panic!("{e}")), found)
}

#[test]
fn every_shipped_policy_lints_clean_against_a_shipped_fleet() {
    for (policy, fleet) in POLICIES {
        let (plan, found) = tried(policy, fleet);
        assert_eq!(found, [], "{policy} against {fleet}");
        assert!(plan.unclaimed.is_empty() && plan.not_applicable.is_empty());
    }
}

/// As people do who have no update yet: rules about updates are left out, and nothing is said of a recipe that nobody wrote.
#[test]
fn every_shipped_policy_lints_clean_without_an_update() {
    for (policy, fleet) in POLICIES {
        let documents =
            read(&shipped(policy, fleet)).unwrap_or_else(|problems| panic!("{problems}"));
        let found = linted(&documents);
        assert_eq!(found, [], "{policy} against {fleet}");
    }
}

/// A policy that nobody plans and lints here would be shipped as it is.
#[test]
fn no_shipped_policy_or_fleet_is_left_out() {
    let names = |folder: &str| -> Vec<String> {
        let entries = fs::read_dir(directory().join(folder)).unwrap();
        let mut names: Vec<String> = entries
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.extension().is_some_and(|e| e == "yaml"))
            .map(|path| path.file_stem().unwrap().to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    };
    assert_eq!(names(""), POLICIES.map(|(policy, _)| policy));
    let mut fleets = POLICIES.map(|(_, fleet)| fleet).to_vec();
    fleets.sort_unstable();
    fleets.dedup();
    assert_eq!(names("fleets"), fleets);
}

/// What its comments promise: people do all of it, few at a time, and silence promotes nobody.
#[test]
fn appliances_are_for_people_and_for_probes_from_here() {
    let (plan, _) = tried("appliances-by-hand", "appliances");
    for route in &plan.routes {
        assert!(route.steps.iter().all(StepPlan::is_by_hand));
    }
    assert_eq!(plan.budget_down, Some(1));
    assert!(!plan.gates.is_empty());
}

/// What would run on a host that nothing reaches is told before anything begins, each with its hosts and a way out.
#[test]
fn what_cannot_run_on_a_host_that_nothing_reaches_makes_no_plan() {
    let fleet = "ringway: fleet/v1\nname: f\nconnect: none\nprobes: { up: { run: ./ask } }\nhosts: [{ name: pacs-1 }, { name: pacs-2 }]\n";
    let policy = "ringway: policy/v1\nname: p\napplies_to: all\nrings: [{ name: all, hosts: rest, soak: 1h }]\ngates: [{ name: answers, probe: up }]\n";
    let update = "ringway: update/v1\nname: it\nrecipe: r\nreleases: [{ select: all, id: a }]\n";
    let recipe = "ringway: recipe/v1\nname: r\nsteps: { apply: { manual: { instructions: do it } }, verify: { run: ./ask } }\n";
    let sources = [fleet, policy, update, recipe].map(|text| Source::new("it.yaml", text));
    let documents = read(&sources).unwrap_or_else(|problems| panic!("{problems}"));
    let fleet = compile_fleet(documents.fleet.as_ref().unwrap()).unwrap();
    let problems = make_plan(&fleet, &documents, "p", "it", 1)
        .unwrap_err()
        .problems;
    let told: Vec<&str> = problems.iter().map(|one| one.code).collect();
    assert_eq!(told, ["step-unreached", "probe-unreached"]);
    assert_eq!(
        problems[0].message,
        "step `verify` of recipe `r` runs at the host or a peer, and nothing reaches pacs-1, pacs-2 (`connect: none`)"
    );
}

/// Whoever took a recipe for servers is told so once for all its steps, however many releases there are.
#[test]
fn a_recipe_that_cannot_run_on_hosts_that_nothing_reaches_is_one_problem() {
    let fleet = "ringway: fleet/v1\nname: f\nconnect: [{ select: role = web, ssh: { user: ops } }, { select: all, none: {} }]\nhosts:\n  - { name: ct-1, labels: { role: ct } }\n  - { name: mr-1, labels: { role: mr } }\n  - { name: web-1, labels: { role: web } }\n";
    let policy = "ringway: policy/v1\nname: p\napplies_to: all\nrings: [{ name: all, hosts: rest, soak: 1h }]\n";
    let with = "with: { apply: a, inspect: b, verify: c, rollback: d }";
    let update = format!(
        "ringway: update/v1\nname: it\nrecipe: script\nreleases: [{{ select: role = ct, id: a, build: b, {with} }}, {{ select: all, id: c, build: b, {with} }}]\n"
    );
    let sources = [fleet, policy, &update].map(|text| Source::new("it.yaml", text.to_owned()));
    let documents = read(&sources).unwrap_or_else(|problems| panic!("{problems}"));
    let fleet = compile_fleet(documents.fleet.as_ref().unwrap()).unwrap();
    let problems = make_plan(&fleet, &documents, "p", "it", 1)
        .unwrap_err()
        .problems;
    let [one] = problems.as_slice() else {
        panic!("{problems:?}");
    };
    assert!(
        one.message.starts_with("steps `inspect`, ")
            && one.message.ends_with(" of recipe `script` run at the host or a peer, and nothing reaches ct-1, mr-1 (`connect: none`)"),
        "{}",
        one.message
    );
    assert!(one.hint.contains("each product line"), "{}", one.hint);
}

/// What its comments promise.
#[test]
fn a_kernel_is_restarted_into_with_care() {
    let (plan, _) = tried("kernel-with-reboot", "servers");
    assert_eq!(plan.on_halt, OnHalt::Withhold);
    assert!(plan.rings.iter().all(|ring| ring.halt_on == Some(1)));
    assert!(plan.rings.iter().all(|ring| ring.soak >= Span::hours(24)));
    assert!(plan.pace.settle > plan.gates[0].down_for);
    for route in &plan.routes {
        let mut steps = route.steps.iter();
        let restart = steps.find(|step| step.kind == StepKind::Reboot).unwrap();
        assert!(
            matches!(
                &restart.more,
                More::Reboot {
                    boot_id: Some(_),
                    ..
                }
            ),
            "restarts in a loop are only seen with a boot id"
        );
    }
}
