//! Runs benchmarks and prints what belongs into `docs/benchmarks.md`.
//!
//! A benchmark is a program of the workspace named `bench-NAME`, by convention `tests/src/bin/bench-NAME.rs`. It prints
//! its figures as Markdown; this module puts the machine and the command in front of them, since a figure without
//! either says nothing.

use std::process::{Command, Stdio};

use crate::cargo::{array, cargo, packages, root, text};
use crate::say::say;
use crate::{Failure, Outcome};

/// A benchmark: its name, and the package that has it.
struct Bench {
    name: String,
    package: String,
    /// Without which it is not built, with commas between them.
    features: String,
}

/// Lists the benchmarks, or runs those named.
///
/// # Errors
///
/// When there is no benchmark, or none of such a name, and when one fails.
pub(crate) fn run(names: &[String]) -> Outcome {
    let benches = all()?;
    if benches.is_empty() {
        return Err(Failure::Failed(
            "no program of the workspace is named `bench-NAME`".to_owned(),
        ));
    }
    if names.is_empty() {
        say!("cargo xtask bench NAME, of:");
        for bench in &benches {
            say!("  {}", bench.name);
        }
        return Ok(());
    }
    let chosen = choose(&benches, names)?;
    say!("{}", machine());
    for bench in chosen {
        say!("\n## {0}\n\n`cargo xtask bench {0}`\n", bench.name);
        let program = format!("bench-{}", bench.name);
        let status = cargo()
            .args([
                "run",
                "--quiet",
                "--release",
                "--package",
                &bench.package,
                "--bin",
                &program,
                "--features",
                &bench.features,
            ])
            .status()?;
        if !status.success() {
            return Err(Failure::Failed(format!(
                "benchmark `{}` failed",
                bench.name
            )));
        }
    }
    Ok(())
}

/// Every benchmark of the workspace, by name.
fn all() -> Outcome<Vec<Bench>> {
    let mut benches = Vec::new();
    for package in packages()? {
        for target in array(&package["targets"]) {
            let is_program = array(&target["kind"]).iter().any(|kind| kind == "bin");
            let name = text(&target["name"]).strip_prefix("bench-");
            if let (true, Some(name)) = (is_program, name) {
                let features = array(&target["required-features"]).iter().map(text);
                benches.push(Bench {
                    name: name.to_owned(),
                    package: text(&package["name"]).to_owned(),
                    features: features.collect::<Vec<_>>().join(","),
                });
            }
        }
    }
    benches.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(benches)
}

fn choose<'a>(benches: &'a [Bench], names: &[String]) -> Outcome<Vec<&'a Bench>> {
    if names.iter().any(|name| name == "all") {
        return Ok(benches.iter().collect());
    }
    names
        .iter()
        .map(|name| {
            benches
                .iter()
                .find(|bench| &bench.name == name)
                .ok_or_else(|| {
                    let known: Vec<&str> =
                        benches.iter().map(|bench| bench.name.as_str()).collect();
                    Failure::Usage(format!(
                        "there is no benchmark `{name}`; there is: {}",
                        known.join(", ")
                    ))
                })
        })
        .collect()
}

/// What the figures were measured on.
fn machine() -> String {
    let cpu = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let memory = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let cores = std::thread::available_parallelism().map_or(0, std::num::NonZero::get);
    format!(
        "{cpu}, {cores} cores, {memory} of memory; {kernel}; {rustc}; commit {commit}",
        cpu = field(&cpu, "model name"),
        memory = field(&memory, "MemTotal"),
        kernel = answer("uname", &["-sr"]),
        rustc = answer("rustc", &["--version"]),
        commit = answer("git", &["describe", "--always", "--dirty"]),
    )
}

/// The value of the first line `name : value`.
fn field<'a>(content: &'a str, name: &str) -> &'a str {
    content
        .lines()
        .filter_map(|line| line.split_once(':'))
        .find(|(key, _)| key.trim() == name)
        .map_or("unknown", |(_, value)| value.trim())
}

/// What a program prints, or `unknown` where it cannot be asked.
fn answer(program: &str, arguments: &[&str]) -> String {
    Command::new(program)
        .args(arguments)
        .current_dir(root())
        .stderr(Stdio::null())
        .output()
        .ok()
        .filter(|output| output.status.success())
        .map_or_else(
            || "unknown".to_owned(),
            |output| String::from_utf8_lossy(&output.stdout).trim().to_owned(),
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn benches() -> Vec<Bench> {
        ["engine", "halt"]
            .map(|name| Bench {
                name: name.to_owned(),
                package: "ringway-tests".to_owned(),
                features: String::new(),
            })
            .into()
    }

    fn chosen(names: &[&str]) -> Option<Vec<String>> {
        let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        let benches = benches();
        let chosen = choose(&benches, &names).ok()?;
        Some(chosen.iter().map(|bench| bench.name.clone()).collect())
    }

    #[test]
    fn benchmarks_run_in_the_order_they_are_named_in() {
        assert_eq!(chosen(&["halt", "engine"]).unwrap(), ["halt", "engine"]);
        assert_eq!(chosen(&["all"]).unwrap(), ["engine", "halt"]);
        assert_eq!(chosen(&["engine", "stroe"]), None);
    }

    #[test]
    fn the_machine_is_read_from_lines_with_a_colon() {
        assert_eq!(
            field("processor\t: 0\nmodel name\t: A Fine CPU\n", "model name"),
            "A Fine CPU"
        );
        assert_eq!(field("", "model name"), "unknown");
    }
}
