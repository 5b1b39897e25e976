//! Everything in `policies/`, planned against a small fleet: what is shipped can be used as it is.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command as Process, Stdio};

use ringway_model::StepKind;
use ringway_policy::validated::{Care, Command, Recipe, Step, When, Work};
use ringway_policy::{Source, built_in_recipes, read};
use ringway_scheduler::plan::Plan;
use ringway_scheduler::{compile_fleet, make_plan};

const FLEET: &str = "\
ringway: fleet/v1
name: small
connect: [{ select: all, ssh: { user: ops, key: id, become: sudo } }]
probes: { up: { http: { port: 80 }, every: 10s } }
hosts:
  - { name: web-1, labels: { os: debian-12, role: web, env: lab, site: a, tier: normal, machine: vm } }
  - { name: web-2, labels: { os: debian-12, role: web, env: prod, site: a, tier: normal, machine: vm } }
  - { name: web-3, labels: { os: debian-12, role: web, env: prod, site: b, tier: normal, machine: vm } }
  - { name: sql-0, labels: { os: debian-12, role: sql, env: prod, site: a, tier: normal, machine: vm } }
  - { name: sql-1, labels: { os: debian-12, role: sql, env: prod, site: b, tier: critical, machine: vm } }
groups: [{ name: web, select: role = web, care: CARE }]
---
ringway: people/v1
teams: { operators: { members: [ana, ben] }, cab: { members: [chris, dora] }, security: { members: [eve, flo] } }
";

fn shipped(path: &str) -> Source {
    let file = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../policies")
        .join(path);
    Source::new(path, fs::read(file).unwrap())
}

fn plan(policy: &str, care: &str, update: &str) -> Plan {
    let sources = [
        Source::new("fleet.yaml", FLEET.replace("CARE", care)),
        shipped(&format!("{policy}.yaml")),
        shipped(&format!("cares/{care}.yaml")),
        Source::new("update.yaml", update),
    ];
    let documents = read(&sources).unwrap_or_else(|problems| panic!("{problems}"));
    let fleet = compile_fleet(documents.fleet.as_ref().unwrap()).unwrap();
    make_plan(&fleet, &documents, policy, "it", 1).unwrap_or_else(|problems| panic!("{problems:?}"))
}

fn update(recipe: &str, with: &str) -> String {
    format!(
        "ringway: update/v1\nname: it\nrecipe: {recipe}\nreleases:\n  - {{ select: all, id: a, build: 1.2-3, with: {{ {with} }} }}\n"
    )
}

#[test]
fn every_built_in_recipe_can_be_planned_with_every_shipped_policy_and_care() {
    for recipe in built_in_recipes() {
        let with: Vec<String> = recipe
            .parameters
            .iter()
            .filter(|(_, default)| default.is_none())
            .map(|(name, _)| format!("{name}: \"a=1\""))
            .collect();
        let update = update(&recipe.name, &with.join(", "));
        for policy in ["kernel-with-reboot", "minimal", "monthly-linux"] {
            for care in ["haproxy", "nginx-upstream"] {
                let plan = plan(policy, care, &update);
                assert_eq!(plan.slots.len(), 5, "{policy} {care} {}", recipe.name);
                let route = plan
                    .routes
                    .iter()
                    .find(|route| route.care.is_some())
                    .unwrap();
                // A recipe by hand has what people do, and nothing else.
                let by_hand = recipe.apply.command().is_none();
                let kinds = [
                    StepKind::Inspect,
                    StepKind::Drain,
                    StepKind::Undrain,
                    StepKind::Rollback,
                ];
                for kind in kinds {
                    let is_care = matches!(kind, StepKind::Drain | StepKind::Undrain);
                    assert!(
                        by_hand && !is_care || route.steps.iter().any(|step| step.kind == kind),
                        "{} has no {kind:?}",
                        recipe.name
                    );
                }
            }
        }
    }
}

/// An update that does not say yet what it would install must not be approved or started.
#[test]
fn an_update_without_its_manifest_cannot_be_planned() {
    let sources = [
        Source::new("fleet.yaml", FLEET.replace(", care: CARE", "")),
        shipped("minimal.yaml"),
        Source::new("update.yaml", update("debian-upgrade", "")),
    ];
    let documents = read(&sources).unwrap_or_else(|problems| panic!("{problems}"));
    let fleet = compile_fleet(documents.fleet.as_ref().unwrap()).unwrap();
    let problems = make_plan(&fleet, &documents, "minimal", "it", 1).unwrap_err();
    let said = problems.to_string();
    assert!(said.contains("parameter `manifest`"), "{said}");
}

fn shells(recipe: &Recipe) -> Vec<(&'static str, &Command)> {
    let protect = recipe.protect.as_ref();
    let steps: [(&'static str, Option<&Step>); 8] = [
        ("protect", protect.map(|protect| &protect.step)),
        ("unprotect", protect.map(|protect| &protect.remove)),
        ("apply", recipe.apply.command()),
        ("precheck", recipe.precheck.as_ref()),
        ("verify", recipe.verify.as_ref()),
        ("rollback", recipe.rollback.as_ref().and_then(Work::command)),
        ("manifest", recipe.manifest.as_ref()),
        (
            "inspect",
            recipe.inspect.as_ref().map(|inspect| &inspect.step),
        ),
    ];
    let mut all: Vec<(&'static str, &Command)> = steps
        .into_iter()
        .filter_map(|(name, step)| Some((name, &step?.run)))
        .collect();
    if let Some(reboot) = &recipe.reboot {
        all.push(("reboot", &reboot.step.run));
        all.extend(reboot.boot_id.as_ref().map(|run| ("boot_id", run)));
        if let When::Run(run) = &reboot.when {
            all.push(("when", run));
        }
    }
    all
}

fn of_care(care: &Care) -> Vec<(&'static str, &Command)> {
    let silence = care.silence.as_ref();
    [
        ("ready", care.ready.as_ref().map(|ready| &ready.step)),
        ("last", care.last.as_ref().map(|last| &last.step)),
        ("silence", silence.map(|silence| &silence.begin)),
        ("unsilence", silence.map(|silence| &silence.end)),
        ("drain", care.drain.as_ref()),
        ("verify", care.verify.as_ref()),
        ("undrain", care.undrain.as_ref()),
    ]
    .into_iter()
    .filter_map(|(name, step)| Some((name, &step?.run)))
    .collect()
}

/// What is wrong with a script, by a shell that reads it and runs nothing.
fn complaint(shell: &[&str], script: &str) -> Option<String> {
    let child = Process::new(shell[0])
        .args(&shell[1..])
        .arg("-n")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn();
    let mut child = match child {
        Ok(child) => child,
        // Where nothing may be skipped the components are looked for before anything runs.
        Err(_) if std::env::var_os("CI").is_none_or(|ci| ci.is_empty()) => {
            println!("there is no `{}` here: not tried", shell[0]);
            return None;
        }
        Err(error) => panic!("{}: {error}", shell[0]),
    };
    let mut input = child.stdin.take().unwrap();
    input.write_all(script.as_bytes()).unwrap();
    drop(input);
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    (!output.status.success() || !said.is_empty()).then_some(said)
}

/// A slip in a quote must be found here and not on the first host.
#[test]
fn every_shipped_script_is_a_script_to_every_shell() {
    let mut scripts = Vec::new();
    for recipe in built_in_recipes() {
        for (step, run) in shells(&recipe) {
            scripts.push((format!("{} {step}", recipe.name), run.clone()));
        }
    }
    for care in [
        "alertmanager",
        "domain-controller",
        "failover-cluster",
        "haproxy",
        "nginx-upstream",
        "postgresql-pair",
        "sql-always-on",
    ] {
        let documents = read(&[shipped(&format!("cares/{care}.yaml"))]).unwrap();
        for (step, run) in of_care(&documents.cares[care]) {
            scripts.push((format!("{care} {step}"), run.clone()));
        }
    }
    assert!(scripts.len() > 20, "{}", scripts.len());
    for (name, run) in scripts {
        let Command::Shell(text) = run else {
            panic!("{name} is no text for a shell")
        };
        for shell in [
            &["sh"][..],
            &["dash"],
            &["bash", "--posix"],
            &["busybox", "sh"],
        ] {
            assert_eq!(complaint(shell, &text), None, "{name} in {shell:?}");
        }
    }
}
