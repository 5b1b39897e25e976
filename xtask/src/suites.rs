//! Which test programs there are: one per crate's unit tests and one per integration-test target.
//!
//! A crate whose tests are only worth their time when optimised says so in its own manifest, and all of its suites are
//! then built with `--release`:
//!
//! ```toml
//! [package.metadata.ringway]
//! tests = "release"
//! ```
//!
//! One whose tests mostly wait, for processes and connections, says `waits = true`: twice as many run at once as there are
//! processors.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use serde_json::Value;

use crate::cargo::{array, build, packages, text};
use crate::{Failure, Outcome};

/// One test program, built.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Suite {
    /// The crate's folder, or the name of an integration-test target behind it.
    pub(crate) name: String,
    /// The package's name.
    pub(crate) package: String,
    /// The program.
    pub(crate) program: PathBuf,
    /// The package's folder, where tests expect to be run.
    pub(crate) folder: PathBuf,
    /// Its tests mostly wait.
    pub(crate) waits: bool,
}

/// Everything that was built.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Built {
    /// The suites, by name.
    pub(crate) suites: Vec<Suite>,
    /// The `ringway` program, for tests from outside.
    pub(crate) ringway: Option<PathBuf>,
}

/// Builds every suite of the workspace.
///
/// # Errors
///
/// When something does not build, and when something from outside has to be built a second time for the `ringway` that
/// tests run.
pub(crate) fn build_all() -> Outcome<Built> {
    let packages = packages()?;
    let optimised = optimised(&packages);
    let mut arguments = words(&["test", "--workspace", "--no-run"]);
    for package in &optimised {
        arguments.extend(words(&["--exclude", package]));
    }
    let mut built = collect(&packages, &build(&arguments)?);
    if !optimised.is_empty() {
        let mut arguments = words(&["test", "--release", "--no-run"]);
        for package in &optimised {
            arguments.extend(words(&["--package", package]));
        }
        built
            .suites
            .extend(collect(&packages, &build(&arguments)?).suites);
    }
    // Built by itself: what the tests ask of a crate (its planted bugs, for one) must not be in the program they test.
    let arguments = [
        "build",
        "--workspace",
        "--profile",
        "test",
        "--bin",
        "ringway",
    ];
    let messages = build(&words(&arguments))?;
    built.ringway = collect(&packages, &messages).ringway;
    if built.ringway.is_none() {
        return Err(Failure::Failed("cargo built no `ringway`".to_owned()));
    }
    let twice = built_twice(&packages, &messages);
    if !twice.is_empty() {
        return Err(Failure::Failed(format!(
            "built a second time for `ringway`, with other features than for the tests: {}\n\
             hint: `cargo tree --workspace --edges features --invert NAME` says who asks for what; what tests ask for \
             belongs into tests/Cargo.toml, too",
            twice.join(", ")
        )));
    }
    built.suites.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(built)
}

/// What from outside was compiled for the program although the tests, which were built before, use it as well: minutes of
/// everybody's time for a feature that one side asks for and the other does not.
fn built_twice(packages: &[Value], messages: &[Value]) -> Vec<String> {
    let ours: BTreeSet<&str> = packages.iter().map(|p| text(&p["id"])).collect();
    let compiled: BTreeSet<String> = messages
        .iter()
        .filter(|message| {
            message["reason"] == "compiler-artifact" && message["fresh"] == Value::Bool(false)
        })
        .filter(|message| !ours.contains(text(&message["package_id"])))
        .map(|message| text(&message["target"]["name"]).to_owned())
        .collect();
    compiled.into_iter().collect()
}

/// Reads suites and programs out of cargo's messages.
fn collect(packages: &[Value], messages: &[Value]) -> Built {
    let by_id: BTreeMap<&str, &Value> = packages.iter().map(|p| (text(&p["id"]), p)).collect();
    let mut built = Built::default();
    for message in messages {
        let (Some(program), Some(package)) = (
            message["executable"].as_str(),
            by_id.get(text(&message["package_id"])),
        ) else {
            continue;
        };
        let target = &message["target"];
        if message["profile"]["test"] == Value::Bool(true) {
            let manifest = PathBuf::from(text(&package["manifest_path"]));
            let folder = manifest.parent().map(PathBuf::from).unwrap_or_default();
            built.suites.push(Suite {
                name: suite_name(name(package), target),
                package: name(package).to_owned(),
                program: PathBuf::from(program),
                folder,
                waits: package["metadata"]["ringway"]["waits"] == true,
            });
        } else if target["name"] == "ringway" {
            built.ringway = Some(PathBuf::from(program));
        }
    }
    built
}

/// `engine` for a crate's unit tests, `engine tests/main` for an integration-test target, `cli ringway` for a program.
fn suite_name(package: &str, target: &Value) -> String {
    let folder = package.strip_prefix("ringway-").unwrap_or(package);
    let kind = array(&target["kind"]).first().map_or("", text);
    match kind {
        "test" => format!("{folder} tests/{}", text(&target["name"])),
        "bin" if text(&target["name"]) != package => format!("{folder} {}", text(&target["name"])),
        _ => folder.to_owned(),
    }
}

/// The packages whose tests are built with `--release`.
pub(crate) fn optimised(packages: &[Value]) -> Vec<&str> {
    packages
        .iter()
        .filter(|p| wants_release(p))
        .map(name)
        .collect()
}

fn wants_release(package: &Value) -> bool {
    package["metadata"]["ringway"]["tests"] == "release"
}

fn name(package: &Value) -> &str {
    text(&package["name"])
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|&word| word.to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(text: &str) -> Value {
        serde_json::from_str(text).unwrap()
    }

    fn packages() -> Vec<Value> {
        vec![
            json(
                r#"{"id": "e#1", "name": "ringway-engine", "manifest_path": "/w/crates/engine/Cargo.toml"}"#,
            ),
            json(
                r#"{"id": "s#1", "name": "ringway-simulator", "manifest_path": "/w/crates/simulator/Cargo.toml",
                    "metadata": {"ringway": {"tests": "release"}}}"#,
            ),
        ]
    }

    /// A library of somebody else, a plain library and a message without a program must not be taken for suites.
    #[test]
    fn only_test_programs_of_the_workspace_are_suites() {
        let messages = [
            json(
                r#"{"reason": "compiler-artifact", "package_id": "serde#1", "executable": "/t/serde",
                     "profile": {"test": true}, "target": {"kind": ["lib"], "name": "serde"}}"#,
            ),
            json(
                r#"{"reason": "compiler-artifact", "package_id": "e#1", "executable": null,
                     "profile": {"test": false}, "target": {"kind": ["lib"], "name": "ringway_engine"}}"#,
            ),
            json(
                r#"{"reason": "compiler-artifact", "package_id": "e#1", "executable": "/t/unit",
                     "profile": {"test": true}, "target": {"kind": ["lib"], "name": "ringway_engine"}}"#,
            ),
            json(
                r#"{"reason": "compiler-artifact", "package_id": "e#1", "executable": "/t/main",
                     "profile": {"test": true}, "target": {"kind": ["test"], "name": "main"}}"#,
            ),
            json(
                r#"{"reason": "compiler-artifact", "package_id": "e#1", "executable": "/t/ringway",
                     "profile": {"test": false}, "target": {"kind": ["bin"], "name": "ringway"}}"#,
            ),
            json(r#"{"reason": "build-finished", "success": true}"#),
        ];
        let built = collect(&packages(), &messages);
        let suites: Vec<(&str, &str)> = built
            .suites
            .iter()
            .map(|suite| (suite.name.as_str(), suite.program.to_str().unwrap()))
            .collect();
        assert_eq!(
            suites,
            [("engine", "/t/unit"), ("engine tests/main", "/t/main")]
        );
        assert_eq!(built.suites[0].folder, PathBuf::from("/w/crates/engine"));
        assert_eq!(built.ringway, Some(PathBuf::from("/t/ringway")));
    }

    /// What is ours may differ between the two; what is fresh or not compiled at all costs nothing.
    #[test]
    fn what_is_compiled_again_for_the_program_and_comes_from_outside_is_named() {
        let artifact = |id: &str, name: &str, fresh: bool| {
            json(&format!(
                r#"{{"reason": "compiler-artifact", "package_id": "{id}", "fresh": {fresh},
                     "target": {{"kind": ["lib"], "name": "{name}"}}}}"#
            ))
        };
        let messages = [
            artifact("tokio#1", "tokio", false),
            artifact("tokio#1", "tokio", false),
            artifact("serde#1", "serde", true),
            artifact("e#1", "ringway_engine", false),
            artifact("hyper#1", "hyper", false),
            json(r#"{"reason": "build-script-executed", "package_id": "ring#1"}"#),
        ];
        assert_eq!(built_twice(&packages(), &messages), ["hyper", "tokio"]);
    }

    #[test]
    fn a_crate_asks_for_optimised_tests_in_its_manifest() {
        let asked: Vec<bool> = packages().iter().map(wants_release).collect();
        assert_eq!(asked, [false, true]);
    }
}
