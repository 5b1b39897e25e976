//! The plan of a very large fleet, from texts: 1,000,000 hosts of an inventory in 10,000 groups with 50,000 edges between
//! them.
//!
//! What people wait for is one command, so every part of it is timed: reading and checking the documents, compiling the
//! fleet with its graph of groups, making the plan, its digest, and how long the same documents take in the program. The
//! aim is 2 s from parsed documents to a plan.
#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]

use std::fmt::Write as _;
use std::time::Instant;

use ringway_policy::{Attachment, Attachments, Source, imports, read_with};
use ringway_scheduler::{compile_fleet, make_plan};
use ringway_tests::big::cpu_seconds;

const HOSTS: usize = 1_000_000;
const GROUPS: usize = 10_000;
/// Edges into a group, from groups of the chain before it.
const EDGES: usize = 5;
/// Groups of a chain.
const CHAIN: usize = 1000;

fn main() {
    let fleet = fleet();
    let sources = [
        Source::new("fleet.yaml", fleet),
        Source::new("policy.yaml", POLICY),
        Source::new("update.yaml", UPDATE),
    ];
    let inventory = inventory();
    let bytes = inventory.len() + sources.iter().map(|one| one.bytes.len()).sum::<usize>();
    println!(
        "{HOSTS} hosts, {GROUPS} groups; {} MiB of texts\n",
        bytes >> 20
    );
    let attachment = Attachment {
        file: Some("hosts.ini".to_owned()),
        files: [("hosts.ini".to_owned(), inventory.into_bytes())].into(),
    };
    let found = imports(&sources)
        .into_iter()
        .map(|wanted| (wanted, Ok(attachment.clone())))
        .collect();
    let attachments = Attachments {
        found,
        ..Attachments::default()
    };
    println!("| part | CPU s | wall s |");
    println!("| --- | ---: | ---: |");
    let documents = timed("read and check the documents", || {
        read_with(&sources, &attachments)
    });
    let documents = documents.unwrap_or_else(|problems| panic!("{problems}"));
    let both = (Instant::now(), cpu_seconds());
    let spec = timed("compile the fleet", || {
        compile_fleet(documents.fleet.as_ref().expect("a fleet"))
    })
    .expect("a fleet that can be compiled");
    let plan = timed("make the plan", || {
        make_plan(&spec, &documents, "p", "u", 1)
    })
    .expect("documents that can be planned");
    line("from parsed documents to the plan", both);
    let edges: usize = spec.groups.iter().map(|group| group.after.len()).sum();
    timed("its digest", || plan.digest());
    assert_eq!(
        (plan.slots.len(), spec.groups.len(), plan.rings.len()),
        (HOSTS, GROUPS, 4),
        "the benchmark must have done its work"
    );
    println!("\n{edges} edges");
}

/// Hosts of a group are neighbours.
fn inventory() -> String {
    let mut text = String::with_capacity(64 * HOSTS);
    for host in 0..HOSTS {
        writeln!(
            text,
            "h{host} g=g{} os=os-{} site=s{} env={}",
            host * GROUPS / HOSTS,
            host % 5,
            host % 97,
            if host % 1000 == 0 { "lab" } else { "prod" },
        )
        .expect("a string takes every text");
    }
    text
}

/// Each group comes after some of those just before it, in chains of a thousand.
fn fleet() -> String {
    let mut text = String::from("ringway: fleet/v1\nname: f\nimport:\n- ansible: hosts.ini\n");
    let mut put = |line: std::fmt::Arguments<'_>| {
        text.write_fmt(line).expect("a string takes every text");
    };
    put(format_args!("groups:\n"));
    for group in 0..GROUPS {
        put(format_args!("- {{ name: g{group}, select: g = g{group}"));
        let place = group % CHAIN;
        let first = group - place;
        // Fifteen of a chain make up for the first ones, which have fewer before them.
        let edges = if (10..25).contains(&place) {
            EDGES + 1
        } else {
            EDGES
        };
        let before: Vec<String> = (first..group)
            .rev()
            .take(edges)
            .map(|before| format!("g{before}"))
            .collect();
        if !before.is_empty() {
            put(format_args!(", after: [{}]", before.join(", ")));
        }
        put(format_args!(" }}\n"));
    }
    put(format_args!("connect:\n- {{ select: all, local: {{}} }}\n"));
    text
}

const POLICY: &str = "\
ringway: policy/v1
name: p
applies_to: all
rings:
  - { name: lab, hosts: { select: env = lab }, soak: 1h }
  - { name: canary, hosts: { select: env = prod, take: 1%, cover: { by: [os, site], may_exceed_take: yes } }, soak: 1h }
  - { name: early, hosts: { select: env = prod, take: 20%, spread: [site] }, soak: 1h }
  - { name: broad, hosts: rest, soak: 1h }
";

const UPDATE: &str = "\
ringway: update/v1
name: u
releases: [{ select: all, id: R, build: '2' }]
recipe: r
---
ringway: recipe/v1
name: r
steps:
  inspect: { run: cat version, installed_when: '{build}', previous: '{output}' }
  apply: { run: 'true' }
";

fn timed<T>(what: &str, work: impl FnOnce() -> T) -> T {
    let begun = (Instant::now(), cpu_seconds());
    let done = work();
    line(what, begun);
    done
}

fn line(what: &str, (wall, cpu): (Instant, f64)) {
    println!(
        "| {what} | {:.2} | {:.2} |",
        cpu_seconds() - cpu,
        wall.elapsed().as_secs_f64()
    );
}
