//! Fuzzing of everything that reads what comes from outside: `cargo xtask fuzz`.
//!
//! What is fuzzed, and what must hold, is in `fuzz`; this builds it with the compiler's coverage counters and libFuzzer,
//! runs it for as long as was asked, and puts what was found into the corpus, which ordinary tests replay. Everything it
//! needs is a C++ compiler besides Rust; the compiler that is there is enough.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::cargo::{cargo, root};
use crate::components::find;
use crate::say::{heading, say};
use crate::{Failure, Outcome};

/// What makes the compiler count which parts of a program an input reaches, and what it is compared with there.
const COVERAGE: [&str; 8] = [
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
    "-Cllvm-args=-simplifycfg-branch-fold-threshold=0",
    "-Ccodegen-units=1",
    "--cfg=fuzzing",
];

/// How long a target is fuzzed where nobody says it.
const MINUTES: f64 = 20.0;

/// What is left of a target's time and is not worth another start.
const LEAST: Duration = Duration::from_secs(3);

/// The clock's bound on one input, in seconds: for what does not end at all. What takes long is found by its processor
/// time, in the program itself.
const HANGS_AFTER: u32 = 60;

/// A target as `fuzz-corpus list` has it.
struct Target {
    name: String,
    longest: String,
    about: String,
}

/// What was asked for.
struct Asked {
    names: Vec<String>,
    minutes: f64,
}

/// What came of one target.
struct Ran {
    name: String,
    told: Told,
    cpu: Duration,
    /// The input that failed, where one did.
    crash: Option<PathBuf>,
}

/// Lists the targets, or fuzzes those named.
///
/// # Errors
///
/// When it is not asked for properly, when something is missing, and when an input was found for which something does not
/// hold.
pub(crate) fn run(words: &[String]) -> Outcome {
    let asked = read(words)?;
    let targets = targets()?;
    if asked.names.is_empty() {
        say!("cargo xtask fuzz NAME.. [--minutes N], of (or `all`):");
        for target in &targets {
            say!("  {:<13} {}", target.name, target.about);
        }
        return Ok(());
    }
    let chosen = choose(&targets, &asked.names)?;
    heading("build");
    let program = build()?;
    let mut ran = Vec::new();
    for target in chosen {
        heading(&target.name);
        ran.push(one(&program, target, asked.minutes)?);
    }
    heading("summary");
    say!("{}", table(&ran));
    verdict(&ran)
}

fn read(words: &[String]) -> Outcome<Asked> {
    let mut asked = Asked {
        names: Vec::new(),
        minutes: MINUTES,
    };
    let mut words = words.iter();
    while let Some(word) = words.next() {
        if word == "--minutes" {
            let minutes = words.next().and_then(|value| value.parse::<f64>().ok());
            let is_time = |minutes: &f64| minutes.is_finite() && *minutes > 0.0;
            asked.minutes = minutes
                .filter(is_time)
                .ok_or_else(|| Failure::Usage("`--minutes` needs a number above 0".to_owned()))?;
        } else if word.starts_with('-') {
            return Err(Failure::Usage(format!("`{word}` is not expected here")));
        } else {
            asked.names.push(word.clone());
        }
    }
    Ok(asked)
}

fn choose<'t>(targets: &'t [Target], names: &[String]) -> Outcome<Vec<&'t Target>> {
    if names.iter().any(|name| name == "all") {
        return Ok(targets.iter().collect());
    }
    let find = |name: &String| {
        let found = targets.iter().find(|target| target.name == *name);
        found.ok_or_else(|| {
            let known: Vec<&str> = targets.iter().map(|target| target.name.as_str()).collect();
            Failure::Usage(format!(
                "there is no target `{name}`; there is: {}",
                known.join(", ")
            ))
        })
    };
    names.iter().map(find).collect()
}

/// `fuzz-corpus` with these words, and what it prints.
fn corpus(words: &[&str]) -> Outcome<String> {
    let output = cargo()
        .args([
            "run",
            "--quiet",
            "--package",
            "ringway-fuzz",
            "--bin",
            "fuzz-corpus",
            "--",
        ])
        .args(words)
        .stderr(Stdio::inherit())
        .output()?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    Err(Failure::Failed(format!(
        "`fuzz-corpus {}` failed",
        words.join(" ")
    )))
}

fn targets() -> Outcome<Vec<Target>> {
    let list = corpus(&["list"])?;
    let line = |line: &str| {
        let mut cells = line.split('\t').map(str::to_owned);
        Some(Target {
            name: cells.next()?,
            longest: cells.next()?,
            about: cells.next()?,
        })
    };
    Ok(list.lines().filter_map(line).collect())
}

/// The name of the platform that is compiled for. Given to cargo, it keeps the counters out of what runs at build time.
fn platform() -> Outcome<String> {
    let output = Command::new("rustc").arg("-vV").output()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let host = text.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned)
        .ok_or_else(|| Failure::Failed("`rustc -vV` does not name its host".to_owned()))
}

/// Builds libFuzzer around the targets, with counters in everything that is Rust.
fn build() -> Outcome<PathBuf> {
    if find("c++").is_none() {
        return Err(Failure::Failed(
            "there is no C++ compiler, with which libFuzzer is built; `apt-get install g++`"
                .to_owned(),
        ));
    }
    let platform = platform()?;
    let folder = root().join("target/fuzz");
    let status = cargo()
        .args(["build", "--release", "--target", &platform])
        .args(["--manifest-path", "fuzz/libfuzzer/Cargo.toml"])
        .env("CARGO_TARGET_DIR", &folder)
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .env("RUSTFLAGS", COVERAGE.join(" "))
        .status()?;
    if !status.success() {
        return Err(Failure::Failed("the fuzzing does not build".to_owned()));
    }
    Ok(folder.join(platform).join("release/ringway-libfuzzer"))
}

/// Makes a folder, empty where it must be.
fn folder(path: PathBuf, empty: bool) -> Outcome<PathBuf> {
    if empty && path.exists() {
        fs::remove_dir_all(&path)?;
    }
    fs::create_dir_all(&path)?;
    Ok(path)
}

/// Fuzzes one target, and keeps what it found.
fn one(program: &Path, target: &Target, minutes: f64) -> Outcome<Ran> {
    let work = root().join("target/fuzz/work").join(&target.name);
    let found = folder(work.join("found"), false)?;
    let crashes = folder(work.join("crashes"), false)?;
    say!(
        "{}",
        corpus(&["unpack", &target.name, &found.display().to_string()])?
    );
    let (mut told, mut cpu) = (Told::default(), Duration::ZERO);
    let asked = Duration::from_secs_f64(minutes * 60.0);
    // libFuzzer counts by the clock, and on a busy machine that is not what it had.
    while told.artifact.is_none()
        && let Some(left) = asked
            .checked_sub(cpu)
            .filter(|left| *left >= LEAST || cpu.is_zero())
    {
        let (more, took) = go_on(program, target, &found, &crashes, left)?;
        told.add(more);
        cpu += took;
    }
    merge(program, target, &work)?;
    say!(
        "{}",
        corpus(&[
            "pack",
            &target.name,
            &work.join("kept").display().to_string()
        ])?
    );
    Ok(Ran {
        name: target.name.clone(),
        crash: told.artifact.clone().map(PathBuf::from),
        told,
        cpu,
    })
}

/// Fuzzes from what was found so far for as long as this by the clock.
fn go_on(
    program: &Path,
    target: &Target,
    found: &Path,
    crashes: &Path,
    left: Duration,
) -> Outcome<(Told, Duration)> {
    let mut command = Command::new(program);
    command
        .env("RINGWAY_FUZZ_TARGET", &target.name)
        .arg(found)
        .arg(format!("-max_total_time={:.0}", left.as_secs_f64().ceil()))
        .arg(format!("-max_len={}", target.longest))
        .arg(format!("-timeout={HANGS_AFTER}"))
        .arg(format!("-artifact_prefix={}/", crashes.display()))
        .args(["-rss_limit_mb=2048", "-print_final_stats=1", "-reload=0"]);
    let words = found.with_extension("words");
    if fs::metadata(&words).is_ok_and(|words| words.len() > 0) {
        command.arg(format!("-dict={}", words.display()));
    }
    let (told, took) = watch(&mut command)?;
    if told.executions == 0 {
        return Err(Failure::Failed(format!(
            "`{}` ended before it had tried an input",
            target.name
        )));
    }
    Ok((told, took))
}

/// Keeps of what was found only what reaches something that nothing shorter reaches.
fn merge(program: &Path, target: &Target, work: &Path) -> Outcome {
    let kept = folder(work.join("kept"), true)?;
    let status = Command::new(program)
        .env("RINGWAY_FUZZ_TARGET", &target.name)
        .args(["-merge=1", "-rss_limit_mb=2048"])
        .arg(format!("-max_len={}", target.longest))
        .arg(format!("-timeout={HANGS_AFTER}"))
        // An input that fails in the merge is one that fails anyway, and is told once.
        .arg(format!("-artifact_prefix={}/", work.display()))
        .arg(&kept)
        .arg(work.join("found"))
        .stderr(Stdio::null())
        .status()?;
    if status.success() {
        return Ok(());
    }
    Err(Failure::Failed(format!(
        "what was found for `{}` could not be merged; it lies in `{}`",
        target.name,
        work.display()
    )))
}

/// What libFuzzer said, as far as somebody wants to know it.
#[derive(Debug, Default, PartialEq, Eq)]
struct Told {
    executions: u64,
    coverage: u64,
    features: u64,
    /// Where it put the input that failed.
    artifact: Option<String>,
}

impl Told {
    /// Goes on with what a later run of the same target said.
    fn add(&mut self, later: Self) {
        self.executions += later.executions;
        self.coverage = later.coverage;
        self.features = later.features;
        self.artifact = later.artifact;
    }

    /// Takes a line like `#8192 pulse cov: 10 ft: 12 corp: 3/9b exec/s: 2048 rss: 40Mb`.
    fn read(&mut self, line: &str) {
        if let Some((_, path)) = line.split_once("Test unit written to ") {
            self.artifact = Some(path.trim().to_owned());
        }
        let mut words = line.split_whitespace().peekable();
        if let Some(count) = words.peek().and_then(|word| word.strip_prefix('#')) {
            self.executions = self.executions.max(count.parse().unwrap_or(0));
        }
        while let Some(word) = words.next() {
            let into = match word {
                "cov:" => &mut self.coverage,
                "ft:" => &mut self.features,
                "stat::number_of_executed_units:" => &mut self.executions,
                _ => continue,
            };
            *into = words
                .peek()
                .and_then(|count| count.parse().ok())
                .unwrap_or(*into);
        }
    }
}

/// Runs it to its end, its lines going where ours go, and says how much processor time it took.
fn watch(command: &mut Command) -> Outcome<(Told, Duration)> {
    let mut child = command.stderr(Stdio::piped()).spawn()?;
    let mut told = Told::default();
    if let Some(output) = child.stderr.take() {
        for line in BufReader::new(output).split(b'\n').map_while(Result::ok) {
            let line = String::from_utf8_lossy(&line);
            told.read(&line);
            // One line for every input that is found is more than anybody reads.
            if !line.contains(" NEW ") && !line.contains(" REDUCE ") {
                say!("{line}");
            }
        }
    }
    // It has closed its output and is not waited for yet, so that the kernel still knows.
    let cpu = fs::read_to_string(format!("/proc/{}/stat", child.id())).unwrap_or_default();
    child.wait()?;
    Ok((told, processor_time(&cpu)))
}

/// User and system time of a process, from its `stat`; hundredths of a second on every Linux that there is.
fn processor_time(stat: &str) -> Duration {
    let after = stat.rsplit_once(") ").map_or("", |(_, fields)| fields);
    let ticks = after
        .split(' ')
        .skip(11)
        .take(2)
        .map(|field| field.parse().unwrap_or(0));
    Duration::from_millis(10 * ticks.sum::<u64>())
}

/// The rows for `docs/fuzzing.md`.
fn table(ran: &[Ran]) -> String {
    let row = |ran: &Ran| {
        format!(
            "| `{}` | {:.1} | {} | {} | {} |",
            ran.name,
            ran.cpu.as_secs_f64() / 60.0,
            ran.told.executions,
            ran.told.coverage,
            ran.told.features
        )
    };
    let head = "| target | minutes of processor time | executions | edges | features |\n|---|---|---|---|---|";
    let rows = ran.iter().map(row);
    std::iter::once(head.to_owned())
        .chain(rows)
        .collect::<Vec<_>>()
        .join("\n")
}

/// An error that says how to see each failure again, if there is any.
fn verdict(ran: &[Ran]) -> Outcome {
    let failed: Vec<String> = ran
        .iter()
        .filter_map(|ran| {
            let path = ran.crash.as_ref()?;
            Some(format!(
                "  cargo run --package ringway-fuzz --bin fuzz-corpus -- replay {} {}",
                ran.name,
                path.display()
            ))
        })
        .collect();
    if failed.is_empty() {
        return Ok(());
    }
    Err(Failure::Failed(format!(
        "inputs were found for which something does not hold; each is seen again with\n{}",
        failed.join("\n")
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(words: &[&str]) -> Vec<String> {
        words.iter().map(|&word| word.to_owned()).collect()
    }

    #[test]
    fn names_and_minutes_are_read_and_nothing_else() {
        let asked = read(&words(&["zones", "--minutes", "0.5", "plans"]))
            .ok()
            .unwrap();
        assert_eq!(
            (asked.names.join(" ").as_str(), asked.minutes),
            ("zones plans", 0.5)
        );
        for wrong in [
            &["--minutes"][..],
            &["--minutes", "-1"],
            &["--minutes", "NaN"],
            &["--hours", "1"],
        ] {
            assert!(
                matches!(read(&words(wrong)), Err(Failure::Usage(_))),
                "{wrong:?}"
            );
        }
    }

    #[test]
    fn a_target_that_is_not_there_is_refused_by_name() {
        let targets = ["zones", "plans"].map(|name| Target {
            name: name.to_owned(),
            longest: "1".to_owned(),
            about: String::new(),
        });
        assert_eq!(choose(&targets, &words(&["all"])).ok().unwrap().len(), 2);
        let Err(Failure::Usage(why)) = choose(&targets, &words(&["zonse"])) else {
            panic!("it was taken");
        };
        assert_eq!(why, "there is no target `zonse`; there is: zones, plans");
    }

    #[test]
    fn what_libfuzzer_says_is_counted() {
        let mut told = Told::default();
        for line in [
            "#2\tINITED cov: 10 ft: 11 corp: 1/1b exec/s: 0 rss: 40Mb",
            "#8192\tpulse  cov: 12 ft: 15 corp: 3/9b lim: 4 exec/s: 2048 rss: 40Mb",
            "artifact_prefix='./'; Test unit written to ./crash-12",
            "stat::number_of_executed_units: 9000",
        ] {
            told.read(line);
        }
        assert_eq!(
            (told.executions, told.coverage, told.features),
            (9000, 12, 15)
        );
        assert_eq!(told.artifact.as_deref(), Some("./crash-12"));
    }

    #[test]
    fn processor_time_is_user_and_system_time() {
        let stat = "7 (a (b) c) R 1 7 7 0 -1 4194304 100 0 0 0 250 50 0 0 20 0 1 0 100 0 0";
        assert_eq!(processor_time(stat), Duration::from_secs(3));
        assert_eq!(processor_time(""), Duration::ZERO);
    }
}
