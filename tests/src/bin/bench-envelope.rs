//! What the envelope around a step costs the host: processor time and processes, beside a shell that does nothing and a
//! shell that runs the same command, under every shell there is, in one run.
//!
//! The processor time is that of the whole tree: this program adopts whatever a script leaves behind, waits for it, and
//! reads what the kernel counted for its ended children. Processes are counted by the kernel for the whole machine, so
//! that the fewest of all rounds is what the script itself takes.
#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]
#![expect(clippy::cast_precision_loss, reason = "figures are far below 2^52")]

use std::collections::BTreeSet;
use std::io::{Read as _, Write as _};
use std::path::Path;
use std::process::{Command as Process, Stdio};
use std::time::{Duration, Instant};

use ringway_drivers::envelope::{self, Event, How, Question, Reader, Run, Work};
use ringway_model::{Epoch, IntentId, RolloutId, Slot};
use ringway_policy::validated::Command;
use rustix::process::{WaitOptions, getpid, set_child_subreaper, wait};

/// Enough for a hundredth of a millisecond, the kernel's clock for this being one of ten milliseconds.
const ROUNDS: u16 = 300;

/// How much of an output is told.
const LIMIT: u64 = 64 * 1024;

fn main() {
    set_child_subreaper(Some(getpid())).expect("Linux has subreapers");
    println!("| shell | what | processor time | processes | wall, median |");
    println!("|---|---|---|---|---|");
    for shell in [&["dash"][..], &["bash", "--posix"], &["busybox", "sh"]] {
        if Process::new(shell[0]).arg("--help").output().is_err() {
            println!("| {} | is not here | | | |", shell[0]);
            continue;
        }
        let directory = tempfile::tempdir().expect("a directory");
        let name = shell[0];
        row(name, "nothing: `sh -c true`", shell, |_| {
            "true\n".to_owned()
        });
        row(name, "the same command without an envelope", shell, |_| {
            "echo updated\n".to_owned()
        });
        for (what, text, durable) in [
            ("a step that prints nothing", "true", false),
            ("a step that prints a line", "echo updated", false),
            ("a step that changes its host", "true", true),
        ] {
            let root = directory.path().join(what.replace(' ', "-"));
            row(name, what, shell, |serial| {
                step(&root, serial, text, durable)
            });
        }
        let root = directory.path().join("a-step-that-prints-a-line");
        row(
            name,
            "attaching to a step that has ended",
            shell,
            |serial| {
                run(&root, serial, |run| {
                    envelope::attach(run, LIMIT, Duration::from_secs(5)).expect("a script")
                })
            },
        );
        row(name, "a question", shell, |_| question("echo updated"));
    }
}

fn run<T>(root: &Path, serial: u16, make: impl FnOnce(&Run<'_>) -> T) -> T {
    make(&Run {
        root,
        fleet: "bench",
        incarnation: 1,
        adopts: &BTreeSet::new(),
        epoch: Epoch(1),
        intent: IntentId::new(RolloutId(1), Slot(0), serial),
        errand_for: None,
    })
}

fn step(root: &Path, serial: u16, text: &str, durable: bool) -> String {
    let work = Work {
        command: &Command::Shell(text.to_owned()),
        values: &[("HOST", "web-1"), ("ADDRESS", "10.0.0.1")],
        directory: Path::new("/"),
        timeout: Duration::from_mins(10),
        grace: Duration::from_secs(5),
        patience: Duration::from_secs(10),
        output_limit: LIMIT,
        note: "",
        follow: true,
        durable,
    };
    run(root, serial, |run| {
        envelope::start(run, &work).expect("a script")
    })
}

fn question(text: &str) -> String {
    envelope::question(&Question {
        command: &Command::Shell(text.to_owned()),
        values: &[("HOST", "web-1")],
        directory: Path::new("/"),
        timeout: Duration::from_mins(1),
        output_limit: LIMIT,
    })
    .expect("a script")
}

fn row(name: &str, what: &str, shell: &[&str], script: impl Fn(u16) -> String) {
    let (mut fewest, mut walls) = (u64::MAX, Vec::new());
    let before = children_ms();
    for serial in 1..=ROUNDS {
        let script = script(serial);
        let made = processes();
        let began = Instant::now();
        let told = give(shell, &script);
        walls.push(began.elapsed());
        // What it left behind, such as a watchdog that is just ending.
        while let Ok(Some(_)) = wait(WaitOptions::empty()) {}
        fewest = fewest.min(processes() - made);
        if script.contains("RW_") {
            let events = Reader::new(100).feed(&told);
            let Some(Event::Outcome(end)) = events.last() else {
                panic!("{what}: {events:?}");
            };
            assert_eq!((end.how, end.code), (How::Ended, 0), "{what}");
        }
    }
    walls.sort_unstable();
    println!(
        "| {name} | {what} | {:.2} ms | {fewest} | {:.1} ms |",
        (children_ms() - before) as f64 / f64::from(ROUNDS),
        walls[walls.len() / 2].as_secs_f64() * 1000.0,
    );
}

fn give(shell: &[&str], script: &str) -> Vec<u8> {
    let mut child = Process::new(shell[0])
        .args(&shell[1..])
        .env_clear()
        .env("PATH", "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin")
        .env("LANG", "C.UTF-8")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("the shell is there");
    let mut stdin = child.stdin.take().expect("it is piped");
    stdin.write_all(script.as_bytes()).expect("it reads");
    drop(stdin);
    let mut told = Vec::new();
    let mut stdout = child.stdout.take().expect("it is piped");
    stdout.read_to_end(&mut told).expect("it is readable");
    child.wait().expect("it ends");
    told
}

/// What this process's ended children, and theirs, have taken: milliseconds of user and system time.
fn children_ms() -> u64 {
    let stat = std::fs::read_to_string("/proc/self/stat").expect("Linux");
    let (_, fields) = stat.rsplit_once(") ").expect("a name in parentheses");
    let ticks: u64 = fields
        .split(' ')
        .skip(13)
        .take(2)
        .map(|ticks| ticks.parse::<u64>().expect("a number"))
        .sum();
    ticks * 1000 / rustix::param::clock_ticks_per_second()
}

/// How many processes and threads the machine has made since it started.
fn processes() -> u64 {
    let stat = std::fs::read_to_string("/proc/stat").expect("Linux");
    stat.lines()
        .find_map(|line| line.strip_prefix("processes "))
        .and_then(|count| count.trim().parse().ok())
        .expect("the kernel counts them")
}
