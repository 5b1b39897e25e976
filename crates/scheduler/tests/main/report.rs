//! The report people read before they approve: its figures, its width, its golden page.

use std::fmt::Write;

use ringway_policy::validated::RingSpread;
use ringway_policy::{Source, read};
use ringway_scheduler::{PlanReport, compile_fleet, explain, make_plan, render};

use crate::support::{compiled, documents, group, host, keeping_up, policy, rest, taking};

/// A fleet of some seventy hosts with what fleets have: redundant pairs, a site of its own, a lab, hosts nobody
/// thought of, one domain controller without a peer.
fn fleet() -> String {
    let mut hosts = String::new();
    let mut add = |name: String, labels: &str| {
        writeln!(hosts, "  - {{ name: {name}, labels: {{ {labels} }} }}").unwrap();
    };
    for role in ["web", "sql", "dc"] {
        let labels =
            format!("role: {role}, os: debian-12, env: lab, site: lab, ag: lab, domain: lab");
        add(format!("lab-{role}"), &labels);
    }
    for site in ["fra", "ham"] {
        for n in 1..=20 {
            let os = if n > 16 { "ubuntu-24" } else { "debian-12" };
            add(
                format!("web-{site}-{n:02}"),
                &format!("role: web, os: {os}, env: prod, site: {site}"),
            );
        }
    }
    for ag in ["crm", "erp", "shop", "logs"] {
        for n in ["a", "b"] {
            add(
                format!("sql-{ag}-{n}"),
                &format!("role: sql, os: debian-12, env: prod, ag: {ag}"),
            );
        }
    }
    for domain in ["corp", "plant"] {
        for n in 1..=2 {
            add(
                format!("dc-{domain}-{n}"),
                &format!("role: dc, os: ubuntu-24, env: prod, domain: {domain}"),
            );
        }
    }
    add(
        "dc-branch-1".to_owned(),
        "role: dc, os: debian-12, env: prod, domain: branch",
    );
    for n in 1..=7 {
        let tier = if n == 1 { "low" } else { "critical" };
        let labels = format!("role: batch, os: debian-12, env: prod, tier: {tier}");
        add(format!("batch-{n}"), &labels);
    }
    for n in 1..=4 {
        add(
            format!("legacy-{n}"),
            "role: batch, os: debian-10, env: prod",
        );
    }
    format!("{FLEET}{hosts}{GROUPS}")
}

const FLEET: &str = "
ringway: fleet/v1
name: corp
probes:
  up: { http: { port: 8080, path: /health, status: 200 }, every: 30s }
hosts:
";

const GROUPS: &str = "
groups:
  - name: directory
    select: role = dc and env = prod
    keep_up: { per: domain, at_least: 1, down_at_most: 1, probe: up, accept_outage: branch has one }
    rings: apart
  - name: databases
    select: role = sql and env = prod
    after: [directory]
    keep_up: { per: ag, at_least: 1, down_at_most: 1, probe: up }
    rings: apart
    care: drained
  - name: web
    select: role = web and env = prod
    after: [databases]
    keep_up: { per: site, share: 75%, probe: up }
    care: drained
connect:
  - { select: all, local: {} }
";

const OTHERS: &str = r#"
ringway: policy/v1
name: monthly
author: dora
applies_to: env = lab | prod
start: { approvals: 1, by: [cab] }
rings:
  - name: lab
    hosts: { select: env = lab }
    soak: 4h
  - name: canary
    hosts: { select: env = prod and tier != critical, take: 5%, cover: { by: [role, os], may_exceed_take: true } }
    soak: 24h
    after_soak: { approvals: 2, by: [operators], not_by: [policy-author, starter] }
  - name: early
    hosts: { select: tier != critical, take: 20%, spread: [site] }
    soak: 2d
  - name: broad
    hosts: rest
    soak: 2d
pace: { at_once: 20, ramp: double, settle: 5m }
budget: { down: 10% }
retry: { times: 2, wait: 10m }
halt: { failed: 2, failed_share: { limit: 2%, counts_from: 40 } }
offline: { allow: 10%, or: 1 }
gates:
  - { name: answers, probe: up, down: { for: 3m } }
---
ringway: update/v1
name: 2026-04-nginx
severity: critical
releases:
  - { select: os = debian-12, id: nginx, build: 1.24.0-2, with: { package: nginx, version: 1.24.0-2 } }
  - { select: os = ubuntu-24, id: nginx, build: 1.24.0-2u1, with: { package: nginx, version: 1.24.0-2u1 } }
recipe: debian-package
---
ringway: recipe/v1
name: debian-package
parameters: { package: required, version: required }
steps:
  inspect: { run: "dpkg-query -W \"$PACKAGE\"", installed_when: "ii  {version}", previous: "{output}" }
  precheck: { run: "df --output=avail / | tail -1", expect: { at_least: 500000 } }
  apply: { run: "apt-get install -y \"$PACKAGE=$VERSION\"", timeout: 20m }
  reboot: { when: { file: /run/reboot-required }, run: "systemctl reboot", boot_id: "cat /proc/sys/kernel/random/boot_id", restarts: 1-2, back_within: 10m }
  verify: { run: "dpkg --verify \"$PACKAGE\"" }
  rollback: { run: "apt-get install -y \"$PACKAGE=$PREVIOUS\"" }
---
ringway: care/v1
name: drained
drain: { run: ./drain }
undrain: { run: ./undrain }
---
ringway: people/v1
teams: { operators: { members: [ana, ben], deputies: [dora] }, cab: { members: [dora] } }
"#;

fn report() -> PlanReport {
    let source = |name: &str, text: &str| Source {
        name: name.to_owned(),
        bytes: text.as_bytes().to_vec(),
    };
    let sources = [
        source("fleet.yaml", &fleet()),
        source("others.yaml", OTHERS),
    ];
    let documents = read(&sources).unwrap_or_else(|problems| panic!("{problems}"));
    let fleet = compile_fleet(documents.fleet.as_ref().unwrap()).unwrap();
    let plan = make_plan(&fleet, &documents, "monthly", "2026-04-nginx", 7).unwrap();
    explain(&fleet, &plan, &documents)
}

/// Read it as the person who is asked for an approval.
#[test]
fn the_report_tells_a_change_manager_who_goes_when_and_why() {
    let text = render(&report());
    assert!(text.lines().all(|line| line.chars().count() <= 100));
    assert!(text.lines().count() <= 120);
    insta::assert_snapshot!("plan", text);
}

#[test]
fn the_report_is_the_same_every_time_and_its_json_keeps_its_names() {
    let json = serde_json::to_value(report()).unwrap();
    assert_eq!(json, serde_json::to_value(report()).unwrap());
    // Scripts read these names: one that changes breaks them.
    let names = |value: &serde_json::Value| -> Vec<String> {
        value.as_object().unwrap().keys().cloned().collect()
    };
    assert_eq!(
        names(&json).join(" "),
        "advisories applies_to author availability coverage documents due estimate exceptions external fleet fleet_hosts \
         freeze_override gates left_out_by not_applicable pace plan policy released releases rings routes seed severity start supersedes targets unclaimed update warnings \
         when without_rollback"
    );
    let canary = &json["rings"][1];
    assert_eq!(
        names(canary).join(" "),
        "after_soak asks covers debt_allowed differs estimate groups halts_by halts_on hosts name soak_ms \
         take times working_hours working_ms"
    );
    assert_eq!(
        (
            &canary["halts_on"],
            &canary["soak_ms"],
            &canary["groups"][1]["after"][0]["group"]
        ),
        (&2.into(), &86_400_000.into(), &"directory".into())
    );
    let hosts: usize = json["rings"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|ring| {
            let groups = ring["groups"].as_array().unwrap().iter();
            groups.map(|group| group["hosts"].as_array().unwrap().len())
        })
        .sum();
    assert_eq!(hosts, 63, "every target is named, however long the list");
}

/// A page must stay a page, whatever the fleet; JSON has everything.
#[test]
fn many_groups_rings_strata_and_long_names_stay_within_a_page() {
    let label = "x".repeat(60);
    let one = |n: usize| {
        host(
            &format!("{n}-{label}"),
            &format!("role={label}{n} team=t{} site=s{}", n % 40, n % 2),
        )
    };
    let team = |n: usize| {
        let group = group(
            &format!("team-with-a-long-name-{n}"),
            &format!("team = t{n}"),
        );
        keeping_up(group, "site", RingSpread::Apart)
    };
    let fleet = compiled((0..2000).map(one).collect(), (0..40).map(team).collect());
    let ring = |n: usize| taking(&format!("ring-with-a-long-name-{n}"), "all", "100");
    let rings = (0..9).map(ring).chain([rest("rest")]).collect();
    let documents = documents(policy(rings));
    let plan = make_plan(&fleet, &documents, "monthly", "april", 1).unwrap();
    let text = render(&explain(&fleet, &plan, &documents));
    let widest = text.lines().map(|line| line.chars().count()).max().unwrap();
    assert!(widest <= 100, "{text}");
    assert!(text.contains("... and 1976 more strata"), "{text}");
    assert!(text.contains("(the first 4 of 10 rings)"), "{text}");
    assert!(text.contains("... and 24 more groups"), "{text}");
}

/// Without a `cover`, a `role` and an `os` there are the groups of the fleet, which are no label; without those there is nothing.
#[test]
fn a_fleet_without_labels_is_told_apart_by_its_groups_or_not_at_all() {
    let hosts = || ["dc-1", "dc-2", "web-1"].map(|name| host(name, "env=prod"));
    let text = |groups| {
        let fleet = compiled(hosts().to_vec(), groups);
        let documents = documents(policy(vec![
            taking("one", "name = web-1", "1"),
            rest("all"),
        ]));
        let plan = make_plan(&fleet, &documents, "monthly", "april", 1).unwrap();
        render(&explain(&fleet, &plan, &documents))
    };
    let grouped = text(vec![group("directory", "name startswith dc")]);
    for part in [
        "Coverage by the fleet's groups (no ring asks for it)",
        "\n  directory ",
        "\n  (in no group) ",
        "give the hosts a label",
    ] {
        assert!(grouped.contains(part), "{part}: {grouped}");
    }
    let alone = text(vec![]);
    assert!(
        alone.contains("Coverage: nothing tells kinds of hosts apart\n"),
        "{alone}"
    );
    for text in [grouped, alone] {
        assert!(!text.contains("group="), "{text}");
    }
}
