//! A rollout over SSH to 2,000 hosts of which 500 cannot be reached: half of those refuse the connection, half accept it
//! and never say a word. The 1,500 others must not wait for them, and nothing may pile up.
//!
//! The hosts are real `sshd`s of `ringway-farm`; the program is the real one, built as it is shipped, and looked at from
//! outside through `/proc`.
#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]
#![expect(clippy::cast_precision_loss, reason = "figures are far below 2^52")]

use std::fs::{self, File};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use ringway_farm::{Farm, Plan, Switch};

const HOSTS: usize = 2_000;
/// Every fourth host is not reached.
const EVERY: usize = 4;
/// How often the program is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// How often all hosts are looked at.
const COUNT_EVERY: Duration = Duration::from_secs(1);
/// Many times what it takes.
const ENDS_WITHIN: Duration = Duration::from_mins(20);

const POLICY: &str = "ringway: policy/v1
name: careful
applies_to: all
rings:
  - { name: canary, hosts: { select: all, take: 100 }, soak: 1s }
  - { name: broad, hosts: rest, soak: 1s }
pace: { at_once: 64, ramp: off, settle: 1s }
offline: { allow: 60% }
";
const UPDATE: &str = "ringway: update/v1
name: april
releases: [{ select: all, id: KB1, build: \"2.0\" }]
recipe: by-hand
";
const RECIPE: &str = "ringway: recipe/v1
name: by-hand
steps:
  inspect: { run: version, installed_when: \"{build}\", previous: \"{output}\" }
  apply: { run: 'install \"$BUILD\"' }
  verify: { run: 'test \"$(version)\" = \"$BUILD\"' }
";

fn main() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let mut plan = Plan::of(HOSTS);
    for (index, host) in plan.hosts.iter_mut().enumerate() {
        if index % EVERY == 0 {
            host.switches.push(if index % (2 * EVERY) == 0 {
                Switch::Refuse
            } else {
                Switch::HangBanner
            });
        }
    }
    let farm = Farm::start(plan).expect("the farm starts");
    let texts = [
        ("fleet.yaml", farm.fleet_yaml("bench").as_str()),
        ("policy.yaml", POLICY),
        ("update.yaml", UPDATE),
        ("recipe.yaml", RECIPE),
    ]
    .map(|(name, text)| (name, text.to_owned()));
    for (name, text) in texts {
        fs::write(directory.path().join(name), text).expect("a document is written");
    }
    let figures = watch(&mut start(directory.path()), &farm);
    figures.print();
}

fn start(directory: &Path) -> Child {
    let log = File::create(directory.join("log")).expect("a file in a new directory");
    Command::new(ringway_tests::ringway_as_shipped())
        .args(["run", "--no-wait", "--data"])
        .arg(directory.join("data"))
        .arg(directory)
        .stdin(Stdio::null())
        .stdout(log.try_clone().expect("a second handle of a file"))
        .stderr(log)
        .spawn()
        .expect("`ringway` starts")
}

/// What was seen.
#[derive(Default)]
struct Figures {
    /// When the last host that can be reached had the update.
    updated: Option<Duration>,
    /// When the rollout was over.
    over: Duration,
    /// KiB.
    resident: u64,
    descriptors: usize,
    threads: u64,
    /// Processor time in hundredths of a second.
    ticks: u64,
    code: Option<i32>,
}

/// Looks at the program until it ends.
fn watch(child: &mut Child, farm: &Farm) -> Figures {
    let begun = Instant::now();
    let mut figures = Figures::default();
    let mut counted = begun;
    let reachable = HOSTS - HOSTS / EVERY;
    let process = Path::new("/proc").join(child.id().to_string());
    loop {
        if let Some(status) = child.try_wait().expect("it is this program's child") {
            figures.over = begun.elapsed();
            figures.code = status.code();
            break;
        }
        if begun.elapsed() > ENDS_WITHIN {
            drop(child.kill());
        }
        let status = fs::read_to_string(process.join("status")).unwrap_or_default();
        figures.resident = figures.resident.max(field(&status, "VmHWM:"));
        figures.threads = figures.threads.max(field(&status, "Threads:"));
        let open = fs::read_dir(process.join("fd")).map_or(0, Iterator::count);
        figures.descriptors = figures.descriptors.max(open);
        figures.ticks = figures.ticks.max(ticks(&process));
        if figures.updated.is_none() && counted.elapsed() > COUNT_EVERY {
            counted = Instant::now();
            if updated(farm) == reachable {
                figures.updated = Some(begun.elapsed());
            }
        }
        thread::park_timeout(LOOK_EVERY);
    }
    assert_eq!(figures.code, Some(0), "the rollout completes");
    assert_eq!(
        updated(farm),
        reachable,
        "whoever can be reached is updated, and nobody else"
    );
    figures
}

fn updated(farm: &Farm) -> usize {
    let hosts = farm.hosts().iter();
    hosts.filter(|host| host.version() == "2.0").count()
}

fn field(status: &str, name: &str) -> u64 {
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    line.and_then(|rest| rest.split_whitespace().next()?.parse().ok())
        .unwrap_or(0)
}

/// User and system time so far.
fn ticks(process: &Path) -> u64 {
    let stat = fs::read_to_string(process.join("stat")).unwrap_or_default();
    let behind_name = stat.rsplit_once(") ").map_or("", |(_, rest)| rest);
    let times = behind_name.split(' ').skip(11).take(2);
    times.filter_map(|time| time.parse::<u64>().ok()).sum()
}

impl Figures {
    fn print(&self) {
        let seconds = |time: Duration| time.as_secs_f64();
        println!(
            "| hosts | unreachable | s until the others had it | s in all | most memory MiB | most descriptors | most threads | CPU ms per host |"
        );
        println!("| ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |");
        println!(
            "| {HOSTS} | {} | {:.0} | {:.0} | {:.1} | {} | {} | {:.1} |",
            HOSTS / EVERY,
            self.updated.map_or(seconds(self.over), seconds),
            seconds(self.over),
            self.resident as f64 / 1024.0,
            self.descriptors,
            self.threads,
            self.ticks as f64 * 10.0 / HOSTS as f64,
        );
    }
}
