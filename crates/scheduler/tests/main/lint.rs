//! Every rule with a pair of documents: one that it speaks about, with what it says, and one like it that it does not.
//!
//! `tests/lint/CODE/fires.yaml` and `clean.yaml` have what differs from the documents in `tests/lint/common`.
//! `RINGWAY_BLESS=1 cargo test -p ringway-scheduler lint` writes the texts anew; the diff is then to be read.

#![expect(
    clippy::disallowed_methods,
    reason = "goldens are files; the crate itself reads none"
)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use ringway_model::Timestamp;
use ringway_policy::validated::Documents;
use ringway_policy::{Places, Source, read};
use ringway_scheduler::lint::{Finding, Here, LintFailure, LintReport, Question, codes, lint};
use ringway_scheduler::{compile_fleet, make_plan};

use crate::support::{compiled, documents, group, host, keeping_up, policy, rest, zones};

/// 2026-11-29T12:00:00Z.
const NOW: Timestamp = Timestamp(1_795_953_600_000);

/// Codes that the reader of documents refuses before a lint could speak; they are shown by documents that no text can
/// be read into.
const NOT_WRITTEN: [&str; 3] = ["no-halt", "never-kept-up", "approval-impossible"];

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/lint")
}

/// The sources of a case: its own, and those of the common documents of whose kind it has none.
fn sources(code: &str, which: &str) -> Vec<Source> {
    let file = directory().join(code).join(which);
    let own = fs::read_to_string(&file).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
    let common = ["fleet", "policy", "update"].into_iter();
    let common = common.filter(|kind| !own.contains(&format!("ringway: {kind}/v1")));
    let mut sources: Vec<Source> = common
        .map(|kind| format!("common/{kind}.yaml"))
        .map(|name| Source::new(name.clone(), fs::read(directory().join(name)).unwrap()))
        .collect();
    sources.push(Source::new(format!("{code}/{which}"), own));
    sources
}

fn here() -> Here {
    Here {
        names: ["deploy.example.net".to_owned()].into(),
        addresses: ["192.0.2.10".parse().unwrap()].into(),
    }
}

fn ask(documents: &Documents) -> Result<LintReport, LintFailure> {
    let fleet = compile_fleet(documents.fleet.as_ref().unwrap()).unwrap();
    lint(&Question {
        fleet: &fleet,
        documents,
        policy: None,
        update: None,
        seed: 1,
        now: NOW,
        here: &here(),
        zones: Some(&zones()),
    })
}

fn found(sources: &[Source]) -> Vec<Finding> {
    let documents = read(sources).unwrap_or_else(|problems| panic!("{problems}"));
    ask(&documents).unwrap_or_else(|e| panic!("{e}")).findings
}

/// What is said of one code, as people see it.
fn said(sources: &[Source], findings: &[Finding], code: &str) -> String {
    let places = Places::of(sources);
    let texts = findings.iter().filter(|finding| finding.code == code);
    texts
        .map(|finding| {
            let message = format!("{}: {}", finding.severity.word(), finding.message);
            match places.find(&finding.at) {
                Some(spot) => format!("{}{}", spot.source, spot.with(&message, &finding.hint)),
                None => format!(
                    "{}\n\n  {message}\n  hint: {}\n",
                    finding.at.of(),
                    finding.hint
                ),
            }
        })
        .collect::<Vec<_>>()
        .join("\n")
}

fn written() -> impl Iterator<Item = &'static str> {
    let codes = codes().into_iter().map(|code| code.code);
    codes.filter(|code| !NOT_WRITTEN.contains(code))
}

/// A finding is what somebody changes a policy for; no word of one changes unseen.
#[test]
fn every_rule_speaks_about_the_one_document_and_not_about_the_other() {
    let bless = std::env::var_os("RINGWAY_BLESS").is_some();
    let mut wrong = Vec::new();
    for code in written() {
        let fires = sources(code, "fires.yaml");
        let text = said(&fires, &found(&fires), code);
        let golden = directory().join(code).join("fires.txt");
        if bless {
            fs::write(&golden, &text).unwrap();
        }
        let expected = fs::read_to_string(&golden).unwrap_or_default();
        if text != expected || text.is_empty() {
            wrong.push(format!("{code}\n--- expected\n{expected}\n--- is\n{text}"));
        }
        let clean = sources(code, "clean.yaml");
        let text = said(&clean, &found(&clean), code);
        if !text.is_empty() {
            wrong.push(format!("{code} speaks about what is right:\n{text}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

/// Where something is said, it is said at a line of the document it is about.
#[test]
fn every_finding_has_a_place_and_a_hint() {
    for code in written() {
        let sources = sources(code, "fires.yaml");
        let places = Places::of(&sources);
        for finding in found(&sources) {
            assert!(places.find(&finding.at).is_some(), "{code}: {finding:?}");
            assert!(!finding.hint.is_empty(), "{code}: {finding:?}");
            assert!(!finding.message.contains('\n'), "{code}: {finding:?}");
        }
    }
}

/// A rule that fires on what is common to all pairs would hide behind every one of them.
#[test]
fn what_the_pairs_have_in_common_is_clean() {
    let sources = sources("no-gate", "clean.yaml");
    assert_eq!(found(&sources), []);
    let mut seen = BTreeSet::new();
    assert!(
        codes().iter().all(|code| seen.insert(code.code)),
        "a code is there twice"
    );
}

#[test]
fn what_the_reader_refuses_is_found_in_what_was_made_otherwise() {
    let codes = |documents: &Documents| -> Vec<&'static str> {
        let found = ask(documents).unwrap().findings.into_iter();
        let codes = found.map(|finding| finding.code);
        codes.filter(|code| NOT_WRITTEN.contains(code)).collect()
    };
    let with = |groups, hosts| {
        let mut documents = documents(policy(vec![rest("all")]));
        documents.fleet = Some(crate::support::fleet(hosts, groups));
        documents
    };
    let dc = || vec![host("dc-1", "role=dc domain=a")];
    assert_eq!(codes(&with(vec![], dc())), [""; 0]);
    let group = keeping_up(
        group("directory", "role = dc"),
        "domain",
        ringway_policy::validated::RingSpread::Any,
    );
    assert_eq!(codes(&with(vec![group], dc())), ["never-kept-up"]);
    let mut endless = with(vec![], dc());
    let policy = endless.policies.get_mut("monthly").unwrap();
    policy.halt.failed = None;
    policy.start = Some(ringway_policy::validated::Approvals {
        needed: 1,
        by: vec!["cab".to_owned()],
        not_by: Vec::new(),
        between: None,
        expire: None,
    });
    endless
        .people
        .teams
        .insert("cab".to_owned(), ringway_policy::validated::Team::default());
    assert_eq!(codes(&endless), ["no-halt", "approval-impossible"]);
}

/// One text that says the same of two plans is one finding; a policy's acceptance covers its own plans only.
#[test]
fn an_acceptance_of_a_policy_covers_that_policy_and_one_of_the_fleet_covers_all() {
    let policy = |name: &str, accept: &str| {
        format!(
            "ringway: policy/v1\nname: {name}\n{accept}applies_to: all\nrings: [{{ name: all, hosts: rest, soak: 1h }}]\n"
        )
    };
    let accept = "accept: [{ lint: no-gate, reason: none yet }]\n";
    let fleet = |accept: &str| {
        format!(
            "ringway: fleet/v1\nname: f\n{accept}connect: ssh\nhosts: [{{ name: a, labels: {{ role: x }} }}]\n"
        )
    };
    let counting = |fleet: String, first: String, second: String| -> Vec<(String, &'static str)> {
        let sources = [fleet, first, second].map(|text| Source::new("it.yaml", text));
        let findings = found(&sources).into_iter().filter(Finding::counts);
        findings.map(|one| (one.at.of(), one.code)).collect()
    };
    let open = |name: &str| (format!("policy/{name}"), "no-gate");
    assert_eq!(
        counting(fleet(""), policy("p", accept), policy("q", "")),
        [open("q")]
    );
    assert_eq!(
        counting(fleet(accept), policy("p", ""), policy("q", "")),
        []
    );
    assert_eq!(
        counting(fleet(""), policy("p", ""), policy("q", "")),
        [open("p"), open("q")]
    );
}

/// A monthly policy for one system and an update for another are no mistake beside one another.
#[test]
fn what_has_no_host_in_common_is_left_out_and_told_unless_nothing_else_is_there() {
    let fleet = "ringway: fleet/v1\nname: f\nconnect: ssh\nhosts:\n  - { name: a, labels: { os: debian } }\n  - { name: b, labels: { os: windows } }\n";
    let policy = "ringway: policy/v1\nname: debian\napplies_to: os = debian\nrings: [{ name: all, hosts: rest, soak: 1h }]\n";
    let update = |os: &str| {
        format!(
            "ringway: update/v1\nname: {os}\nrecipe: script\nreleases: [{{ select: os = {os}, id: a, build: b, with: {{ apply: a, inspect: b, rollback: c }} }}]\n"
        )
    };
    let documents = |updates: &[&str]| {
        let mut sources = vec![Source::new("f", fleet), Source::new("p", policy)];
        sources.extend(updates.iter().map(|os| Source::new(*os, update(os))));
        read(&sources).unwrap_or_else(|problems| panic!("{problems}"))
    };
    let report = ask(&documents(&["debian", "windows"])).unwrap();
    assert_eq!((report.plans.len(), report.skipped.len()), (1, 1));
    assert!(report.skipped[0].why.contains("no release"), "{report:?}");
    let failure = ask(&documents(&["windows"])).unwrap_err().to_string();
    assert!(
        failure.starts_with("policy `debian` with update `windows`: the plan has 1 problem"),
        "{failure}"
    );
    // Without any update a policy can be looked at all the same, and nobody speaks of recipes.
    let found: Vec<_> = ask(&documents(&[])).unwrap().findings;
    let codes: Vec<_> = found.iter().map(|finding| finding.code).collect();
    assert_eq!(codes, ["no-gate"]);
    assert_eq!(found[0].plans[0].update, None);
}

/// What a plan warns of and what a lint finds is one and the same.
#[test]
fn a_plan_warns_of_what_a_lint_finds_in_the_same_words() {
    let fleet = compiled(vec![host("a", "role=x"), host("b", "role=y")], vec![]);
    let documents = documents(policy(vec![crate::support::ring("some", "role = x")]));
    let plan = make_plan(&fleet, &documents, "monthly", "april", 1).unwrap();
    let report = ringway_scheduler::explain(&fleet, &plan, &documents);
    let here = Here::default();
    let question = Question {
        fleet: &fleet,
        documents: &documents,
        policy: None,
        update: None,
        seed: 1,
        now: NOW,
        here: &here,
        zones: None,
    };
    let found = lint(&question).unwrap().findings;
    assert_eq!(report.warnings.len(), 2, "{:?}", report.warnings);
    for warning in &report.warnings {
        let same = |one: &&Finding| one.code == warning.code && one.message == warning.message;
        assert!(found.iter().any(|one| same(&one)), "{warning:?}");
    }
}
