//! What comes from outside: `deny.toml` against `Cargo.lock` and the licences, on machines without cargo-deny too.

use std::collections::BTreeSet;
use std::fs;

use ringway_tests::{Metadata, root};
use toml::{Table, Value};

fn read(file: &str) -> Table {
    fs::read_to_string(root().join(file))
        .unwrap()
        .parse()
        .unwrap()
}

fn texts(list: &Value) -> Vec<&str> {
    let list = list.as_array().unwrap().iter();
    list.map(|text| text.as_str().unwrap()).collect()
}

/// What is locked that `deny.toml` does not want.
fn unwanted(deny: &Table, lock: &Table) -> Vec<String> {
    let banned: BTreeSet<&str> = deny["bans"]["deny"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| entry["crate"].as_str().unwrap())
        .collect();
    let registries = texts(&deny["sources"]["allow-registry"]);
    let mut found = Vec::new();
    for package in lock["package"].as_array().unwrap() {
        let name = package["name"].as_str().unwrap();
        if banned.contains(name) {
            found.push(format!("{name} is banned"));
        }
        // A package without a source is one of ours.
        if let Some(source) = package.get("source").and_then(Value::as_str) {
            let registry = source.strip_prefix("registry+").unwrap_or(source);
            if !registries.contains(&registry) {
                found.push(format!("{name} comes from {source}"));
            }
        }
    }
    found
}

/// Whether an SPDX expression can be met with the allowed licences. `/` is the old way to write `OR`.
fn is_allowed(expression: &str, allowed: &[&str]) -> bool {
    let expression = expression.replace('/', " OR ");
    let any = |expression: &str| {
        expression
            .split(" OR ")
            .any(|licence| allowed.contains(&licence.trim()))
    };
    // As they are written in practice, parentheses enclose an `OR` inside an `AND`.
    if expression.contains(" AND ") && !expression.contains('(') {
        return expression
            .split(" OR ")
            .any(|side| side.split(" AND ").all(any));
    }
    expression
        .split(" AND ")
        .all(|side| any(side.trim().trim_matches(['(', ')'])))
}

#[test]
fn nothing_is_locked_that_is_banned_or_from_elsewhere() {
    let lock = read("Cargo.lock");
    assert!(lock["package"].as_array().unwrap().len() > 20);
    assert_eq!(unwanted(&read("deny.toml"), &lock), [""; 0]);
}

#[test]
fn a_banned_package_and_one_from_elsewhere_are_found() {
    let lock = "[[package]]\nname = \"atty\"\nversion = \"0.2.14\"\n\
                source = \"registry+https://github.com/rust-lang/crates.io-index\"\n\
                [[package]]\nname = \"odd\"\nversion = \"1.0.0\"\nsource = \"git+https://example.org/odd\"\n\
                [[package]]\nname = \"ringway-model\"\nversion = \"0.1.0\"\n";
    assert_eq!(
        unwanted(&read("deny.toml"), &lock.parse().unwrap()),
        [
            "atty is banned",
            "odd comes from git+https://example.org/odd"
        ]
    );
}

/// What fuzzing builds is locked in a workspace of its own, which no other build keeps up to date.
#[test]
fn the_lock_of_fuzzing_has_what_our_packages_ask_for() {
    let lock = read("fuzz/libfuzzer/Cargo.lock");
    let metadata = Metadata::read();
    let locked = lock["package"].as_array().unwrap();
    let mut looked_at = 0;
    for member in metadata.members() {
        let of_member = |package: &&Value| package["name"].as_str() == Some(&member.name);
        let Some(package) = locked.iter().find(of_member) else {
            continue;
        };
        looked_at += 1;
        let has = package.get("dependencies").map_or(Vec::new(), texts);
        let asked = member.dependencies.iter();
        for dependency in asked.filter(|one| one.kind.as_deref() != Some("dev") && !one.optional) {
            // With its version, where there are several.
            let is_there = has
                .iter()
                .any(|name| name.split(' ').next() == Some(&dependency.name));
            assert!(
                is_there,
                "{} asks for {}, and fuzz/libfuzzer/Cargo.lock does not know it: `cargo xtask fuzz zones --minutes 0.1` \
                 brings it up to date",
                member.name, dependency.name
            );
        }
    }
    assert!(looked_at > 5, "{looked_at}");
}

#[test]
fn every_licence_is_allowed() {
    let deny = read("deny.toml");
    let allowed = texts(&deny["licenses"]["allow"]);
    let refused: Vec<String> = Metadata::read()
        .packages
        .iter()
        .filter(|package| {
            let licence = package.license.as_deref();
            !licence.is_some_and(|licence| is_allowed(licence, &allowed))
        })
        .map(|package| format!("{}: {:?}", package.name, package.license))
        .collect();
    assert_eq!(refused, [""; 0]);
}

#[test]
fn licence_expressions_are_read_as_spdx_means_them() {
    let allowed = ["MIT", "Apache-2.0", "BSD-3-Clause", "Unicode-3.0"];
    for (expression, allows) in [
        ("MIT", true),
        ("AGPL-3.0-only", false),
        ("Unlicense OR MIT", true),
        ("MIT/GPL-2.0", true),
        ("(MIT OR Apache-2.0) AND Unicode-3.0", true),
        ("(MIT OR Apache-2.0) AND AGPL-3.0-only", false),
        ("(Apache-2.0 OR ISC) AND BSD-3-Clause", true),
        ("MIT AND AGPL-3.0-only", false),
        ("AGPL-3.0-only AND MIT OR Apache-2.0", true),
    ] {
        assert_eq!(is_allowed(expression, &allowed), allows, "{expression}");
    }
}
