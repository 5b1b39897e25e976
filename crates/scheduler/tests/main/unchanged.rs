//! Plans of a fleet in which everything occurs stay what they were, whatever is done to make them faster.

use std::fmt::Write;

use ringway_policy::{Source, read};
use ringway_scheduler::consent::Consent;
use ringway_scheduler::{compile_fleet, make_plan};

const OTHERS: &str = r#"
ringway: update/v1
name: april
releases:
  - { select: os = debian-12 and not has legacy, id: nginx, build: 1.24.0-2 }
  - { select: os startswith ubuntu, id: nginx, build: 1.24.0-2u1 }
recipe: package
---
ringway: recipe/v1
name: package
steps:
  inspect: { run: installed, installed_when: "{build}", previous: "{output}" }
  apply: { run: install }
  rollback: { run: back }
---
ringway: care/v1
name: drained
drain: { run: ./drain }
undrain: { run: ./undrain }
---
ringway: policy/v1
name: many
applies_to: env != none
rings:
  - { name: lab, hosts: { select: env = lab }, soak: 1h }
  - { name: canary, hosts: { select: env = prod and tier != critical, take: 2%, cover: { by: [os, role, pam], may_exceed_take: yes } }, soak: 1h }
  - { name: second, hosts: { select: role = r0 | r2 | r3 or site startswith b, take: 150, spread: [site, pam] }, soak: 1h }
  - { name: early, hosts: { select: tier != critical, take: 30%, spread: [name] }, soak: 1h }
  - { name: late, hosts: { select: all, take: 20%, cover: { by: [site], may_exceed_take: yes }, spread: [role] }, soak: 1h }
  - { name: broad, hosts: rest, soak: 1h }
halt: { failed: 3, failed_share: { limit: 2%, counts_from: 50 } }
budget: { down: 5% }
"#;

/// 3,000 hosts: values that compare equal, labels that are missing, peers apart and together, names in no order.
fn fleet() -> String {
    let mut text = "ringway: fleet/v1\nname: f\nprobes: { up: { tcp: { port: 22 } } }\n\
         connect:\n  - { select: role = r1, local: {} }\n  - { select: all, local: {} }\ngroups:\n"
        .to_owned();
    let keep = "keep_up: { per: shard, at_least: 1, probe: up, accept_outage: tested }";
    for (group, more) in [
        (
            "r0",
            "rings: apart, care: drained, keep_up: { per: pam, share: 50%, probe: up }",
        ),
        ("r1", "rings: together, after: [r0]"),
        (
            "r2",
            &format!("rings: apart, {keep}, after: [r0, {{ group: r1, across_rings: yes }}]"),
        ),
        ("r3", &format!("rings: together, {keep}")),
        ("r4", &format!("{keep}, after: [r3]")),
    ] {
        let select = format!("role = {group} and env = prod");
        writeln!(text, "  - {{ name: {group}, select: {select}, {more} }}").unwrap();
    }
    text.push_str("hosts:\n");
    for n in 0..3000_u32 {
        let drawn = |salt: u32, of: u32| n.wrapping_mul(2_654_435_761).rotate_left(salt) % of;
        let mut labels = format!(
            "role: r{}, env: {}, os: {}",
            drawn(3, 6),
            ["prod", "prod", "prod", "lab"][drawn(7, 4) as usize],
            ["debian-12", "ubuntu-24", "ubuntu-22"][drawn(11, 3) as usize],
        );
        if drawn(5, 5) > 0 {
            write!(labels, ", shard: s{}", drawn(13, 90)).unwrap();
        }
        if drawn(17, 3) > 0 {
            let pam = ["yes", "true", "no", "other"][drawn(19, 4) as usize];
            write!(
                labels,
                ", pam: {pam}, site: {}",
                ["a1", "b1", "b2"][drawn(23, 3) as usize]
            )
            .unwrap();
        }
        if drawn(29, 8) == 0 {
            labels.push_str(", tier: critical");
        }
        if n % 41 == 7 {
            labels.push_str(", legacy: x");
        }
        let name = n * 7919 % 3000;
        writeln!(text, "  - {{ name: h{name}, labels: {{ {labels} }} }}").unwrap();
    }
    text
}

/// The digests of the fleet and of its plans with a few seeds, with or without what approvals depend on.
fn digests(with_consent: bool) -> Vec<String> {
    let sources = [
        Source::new("fleet.yaml", fleet()),
        Source::new("others.yaml", OTHERS),
    ];
    let documents = read(&sources).unwrap_or_else(|problems| panic!("{problems}"));
    let fleet = compile_fleet(documents.fleet.as_ref().unwrap()).unwrap();
    let plan = |seed| {
        let mut plan = make_plan(&fleet, &documents, "many", "april", seed).unwrap();
        if !with_consent {
            plan.consent = Consent::default();
        }
        assert!(plan.rings.iter().all(|ring| ring.planned > 0));
        plan.encode().0.short()
    };
    std::iter::once(fleet.encode().0.short())
        .chain((0..6).map(plan))
        .collect()
}

/// Rollouts, approvals and journals name plans by their digests. A change that means to make other plans of the same
/// documents and seed says so and changes these; one that means to be quicker leaves them alone.
#[test]
fn the_same_documents_and_seed_make_the_plans_they_made_before() {
    assert_eq!(
        digests(true),
        [
            "6ea19a95b0aa",
            "2510cc4568c2",
            "20c6830f3dae",
            "0bfbf6ae7c82",
            "d107c90270b9",
            "42253e93a471",
            "e92d2a919eae"
        ]
    );
    // Everything else in them is what it was before plans had that.
    assert_eq!(
        digests(false),
        [
            "6ea19a95b0aa",
            "c81e146d1e23",
            "e86fa2f43794",
            "2828f7dfbbd3",
            "33c6c863ee45",
            "200488f903cf",
            "ddb1d3dc4a03"
        ]
    );
}
