//! Runs every suite, one after the other, and sums up.
//!
//! Suites run one at a time, so that the time printed is the suite's own; inside a suite tests run in parallel. A suite
//! that fails does not keep the others from running.

use std::io::{BufRead as _, BufReader, Write};
use std::num::NonZero;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::cargo::{cargo, packages};
use crate::components::{self, in_ci};
use crate::say::{heading, line, say, seconds};
use crate::suites::{Built, Suite, build_all, optimised};
use crate::{Failure, Outcome};

/// How long one suite may take. The longest takes four minutes on two cores that do nothing else, and a machine may be three
/// times as slow; what takes longer hangs, and without a bound the log would end without its name.
const SUITE_LIMIT: Duration = Duration::from_mins(15);

/// How a suite ended.
struct Ran {
    name: String,
    took: Duration,
    /// What its test harness says at its end, without the words `test result: `; absent: it did not get there.
    closing: Option<String>,
    ok: bool,
}

/// Runs everything.
///
/// # Errors
///
/// When a component is missing although nothing may be skipped, when something does not build, and when a test fails.
pub(crate) fn run() -> Outcome {
    let began = Instant::now();
    let missing = components::look()?;

    heading("build");
    let built = build_all()?;
    let building = began.elapsed();
    say!(
        "built {} suites in {}",
        built.suites.len(),
        seconds(building)
    );

    let mut out = std::io::stdout();
    let mut ran = Vec::new();
    for suite in &built.suites {
        heading(&suite.name);
        ran.push(watch(&suite.name, suite_command(suite, &built), &mut out)?);
    }
    heading("examples in the documentation");
    for (name, arguments) in documentation(&packages()?) {
        let mut examples = cargo();
        examples.args(arguments);
        ran.push(watch(name, examples, &mut out)?);
    }

    heading("summary");
    say!("{}", table(&ran, building, began.elapsed(), &missing));
    verdict(&ran)?;
    say!("all {} suites passed", ran.len());
    Ok(())
}

/// The names and arguments of the documentation's suites. A crate whose tests are optimised has a suite of its own here,
/// too: what it was built with is there, and its planted bugs would have the others built once more with them.
fn documentation(packages: &[Value]) -> Vec<(&'static str, Vec<String>)> {
    let optimised = optimised(packages);
    let with = |first: &[&str], option: &str| {
        let first = first.iter().copied();
        let packages = optimised.iter().flat_map(|package| [option, package]);
        first.chain(packages).map(str::to_owned).collect()
    };
    let plain = ["test", "--workspace", "--doc", "--no-fail-fast"];
    let release = ["test", "--release", "--doc", "--no-fail-fast"];
    let mut suites = vec![("documentation", with(&plain, "--exclude"))];
    if !optimised.is_empty() {
        suites.push(("documentation, optimised", with(&release, "--package")));
    }
    suites
}

/// The program with what cargo would have given it, and with the `ringway` program for tests from outside.
fn suite_command(suite: &Suite, built: &Built) -> Command {
    let mut command = Command::new(&suite.program);
    command
        .current_dir(&suite.folder)
        .env("CARGO_MANIFEST_DIR", &suite.folder)
        .env("CARGO_PKG_NAME", &suite.package)
        .arg("--show-output");
    if let Some(ringway) = &built.ringway {
        command.env("RINGWAY_BIN", ringway);
    }
    if suite.waits {
        let processors = std::thread::available_parallelism().map_or(2, NonZero::get);
        command.arg(format!("--test-threads={}", processors * 2));
    }
    if in_ci() {
        command.arg("--include-ignored");
    }
    command
}

/// Runs one program to its end or its limit, passing its lines on as they come.
fn watch(name: &str, mut command: Command, out: &mut dyn Write) -> Outcome<Ran> {
    let began = Instant::now();
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()?;
    let mut closing = Closing::default();
    let in_time = pass_on(&mut child, began + SUITE_LIMIT, &mut closing, out);
    if !in_time {
        child.kill()?;
        line(
            out,
            &format!("{name} did not end within {}", seconds(SUITE_LIMIT)),
        );
    }
    let status = child.wait()?;
    let took = began.elapsed();
    line(out, &format!("{name} took {}", seconds(took)));
    Ok(Ran {
        name: name.to_owned(),
        took,
        closing: closing.text(),
        ok: in_time && status.success(),
    })
}

/// Prints the child's lines until it has no more; false when the deadline came first.
fn pass_on(
    child: &mut Child,
    deadline: Instant,
    closing: &mut Closing,
    out: &mut dyn Write,
) -> bool {
    let Some(output) = child.stdout.take() else {
        return true;
    };
    let (lines, arrived) = mpsc::channel();
    // Not joined: a grandchild that holds the pipe open must not hold us.
    std::thread::spawn(move || {
        for line in BufReader::new(output).split(b'\n').map_while(Result::ok) {
            if lines.send(line).is_err() {
                return;
            }
        }
    });
    loop {
        match arrived.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            Ok(line) => {
                let text = String::from_utf8_lossy(&line);
                closing.read(&text);
                crate::say::line(out, &text);
            }
            Err(RecvTimeoutError::Disconnected) => return true,
            Err(RecvTimeoutError::Timeout) => return false,
        }
    }
}

/// The counts of one or, for the documentation, several harnesses.
#[derive(Default)]
struct Closing {
    passed: u64,
    failed: u64,
    ignored: u64,
    seen: bool,
}

impl Closing {
    /// Takes a line like `test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; ...`.
    fn read(&mut self, line: &str) {
        let Some(rest) = line.strip_prefix("test result: ") else {
            return;
        };
        self.seen = true;
        let words: Vec<&str> = rest
            .split([' ', ';'])
            .filter(|word| !word.is_empty())
            .collect();
        for pair in words.windows(2) {
            let count: u64 = pair[0].parse().unwrap_or(0);
            match pair[1] {
                "passed" => self.passed += count,
                "failed" => self.failed += count,
                "ignored" => self.ignored += count,
                _ => {}
            }
        }
    }

    fn text(&self) -> Option<String> {
        self.seen.then(|| {
            format!(
                "{:>5} passed {:>3} failed {:>3} ignored",
                self.passed, self.failed, self.ignored
            )
        })
    }
}

/// The closing table.
fn table(ran: &[Ran], building: Duration, all: Duration, missing: &[String]) -> String {
    let mut lines = vec![format!("{:>9}  build", seconds(building))];
    lines.extend(ran.iter().map(|suite| {
        format!(
            "{:>9}  {:<24} {} {}",
            seconds(suite.took),
            suite.name,
            if suite.ok { "ok    " } else { "FAILED" },
            suite.closing.as_deref().unwrap_or("did not reach its end"),
        )
    }));
    lines.push(format!("{:>9}  altogether", seconds(all)));
    lines.extend(missing.iter().map(|line| format!("not tested: {line}")));
    lines.join("\n")
}

/// An error that names what failed, if anything did.
fn verdict(ran: &[Ran]) -> Outcome {
    let failed: Vec<&str> = ran
        .iter()
        .filter(|s| !s.ok)
        .map(|s| s.name.as_str())
        .collect();
    if failed.is_empty() {
        return Ok(());
    }
    Err(Failure::Failed(format!(
        "{} of {} suites failed: {}",
        failed.len(),
        ran.len(),
        failed.join(", ")
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_harness_is_counted_by_its_closing_lines_only() {
        let mut closing = Closing::default();
        closing.read("test reads_9_passed_lines ... ok");
        assert_eq!(closing.text(), None);
        closing.read("test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.01s");
        closing.read("test result: FAILED. 2 passed; 1 failed; 0 ignored; 0 measured; 7 filtered out; finished in 0.01s");
        assert_eq!((closing.passed, closing.failed, closing.ignored), (5, 1, 1));
    }

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    /// A program that prints a good result and then dies must not pass.
    #[test]
    fn the_exit_code_decides_not_the_words() {
        let good = "echo 'test result: ok. 1 passed; 0 failed; 0 ignored'";
        for (script, ok) in [
            (good.to_owned(), true),
            (format!("{good}; exit 101"), false),
        ] {
            let mut out = Vec::new();
            let ran = watch("a suite", shell(&script), &mut out).ok().unwrap();
            assert_eq!(ran.ok, ok, "{script}");
            assert!(
                String::from_utf8(out)
                    .unwrap()
                    .starts_with("test result: ok. 1")
            );
        }
    }

    #[test]
    fn a_suite_that_does_not_end_is_left_at_its_deadline() {
        let mut child = shell("cat")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut closing = Closing::default();
        assert!(!pass_on(
            &mut child,
            Instant::now(),
            &mut closing,
            &mut Vec::new()
        ));
        child.kill().unwrap();
        child.wait().unwrap();
    }

    #[test]
    fn every_crate_has_its_examples_tried_in_one_of_the_two_builds() {
        let package = |name: &str, tests: &str| {
            let metadata = format!(r#"{{"ringway": {{"tests": "{tests}"}}}}"#);
            serde_json::from_str::<Value>(&format!(
                r#"{{"name": "{name}", "metadata": {metadata}}}"#
            ))
            .unwrap()
        };
        let suites = |packages: &[Value]| {
            let suites = documentation(packages).into_iter();
            suites.map(|(_, words)| words.join(" ")).collect::<Vec<_>>()
        };
        assert_eq!(
            suites(&[package("model", "plain"), package("sim", "release")]),
            [
                "test --workspace --doc --no-fail-fast --exclude sim",
                "test --release --doc --no-fail-fast --package sim"
            ]
        );
        assert_eq!(
            suites(&[package("model", "plain")]),
            ["test --workspace --doc --no-fail-fast"]
        );
    }

    #[test]
    fn one_failed_suite_fails_the_whole_and_is_named() {
        let suite = |name: &str, ok| Ran {
            name: name.to_owned(),
            took: Duration::ZERO,
            closing: None,
            ok,
        };
        assert!(verdict(&[suite("model", true), suite("engine", true)]).is_ok());
        let Err(Failure::Failed(why)) = verdict(&[suite("model", true), suite("engine", false)])
        else {
            panic!("a failed suite was taken for good");
        };
        assert_eq!(why, "1 of 2 suites failed: engine");
        let missing = ["busybox".to_owned()];
        let table = table(
            &[suite("engine", false)],
            Duration::ZERO,
            Duration::ZERO,
            &missing,
        );
        assert!(table.contains("FAILED did not reach its end"), "{table}");
        assert!(table.contains("not tested: busybox"), "{table}");
    }
}
