//! Seeds beyond the suite's: a range that somebody asks for, or as many as fit into hours.

#![expect(
    clippy::disallowed_types,
    reason = "hours are measured on the clock of the machine; no world ever sees it"
)]

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use ringway_simulator::{Reach, Report, run_seed};

/// How often the soak says how far it is.
const TOLD_EVERY: Duration = Duration::from_mins(1);

/// Seeds in order, shared by threads, until there are no more or the time is up.
struct Seeds {
    next: AtomicU64,
    end: u64,
    until: Option<Instant>,
    over: AtomicBool,
}

impl Seeds {
    fn take(&self) -> Option<u64> {
        let is_late = self.until.is_some_and(|until| Instant::now() >= until);
        if is_late || self.over.load(Ordering::Relaxed) {
            return None;
        }
        let seed = self.next.fetch_add(1, Ordering::Relaxed);
        (seed < self.end).then_some(seed)
    }
}

/// What a soak led to.
#[derive(Default)]
struct Tally {
    told: u64,
    broken: Vec<String>,
    reach: Reach,
    slow: Vec<(u64, u64)>,
}

impl Tally {
    fn take(&mut self, report: &Report) {
        self.told += 1;
        self.reach.add(&report.reach);
        self.slow.push((report.happenings, report.seed));
        if report.violation.is_some() {
            let story = report.story();
            println!("{}", story.lines().next().unwrap_or_default());
            self.broken.push(story);
        }
    }

    fn progress(&self, began: Instant) -> String {
        let hours = began.elapsed().as_secs_f64() / 3600.0;
        format!(
            "{} seeds in {:.2} h ({:.0} per hour), {} of them with a broken rule",
            self.told,
            hours,
            f64::from(u32::try_from(self.told).unwrap_or(u32::MAX)) / hours.max(1e-9),
            self.broken.len()
        )
    }
}

fn tell(seeds: &Seeds, reports: &Sender<Report>) {
    while let Some(seed) = seeds.take() {
        if reports.send(run_seed(seed)).is_err() {
            return;
        }
    }
}

fn collect(reports: &Receiver<Report>, speaks: bool) -> Tally {
    let began = Instant::now();
    let mut told = began;
    let mut tally = Tally::default();
    while let Ok(report) = reports.recv() {
        tally.take(&report);
        if speaks && told.elapsed() >= TOLD_EVERY {
            println!("{}, at seed {}", tally.progress(began), report.seed);
            told = Instant::now();
        }
    }
    println!("{}", tally.progress(began));
    tally
}

fn number<T: std::str::FromStr>(name: &str) -> Option<T> {
    let text = std::env::var(name).ok()?;
    Some(
        text.parse()
            .unwrap_or_else(|_| panic!("{name} is a number")),
    )
}

/// `RINGWAY_SEEDS=3000..9000` is a range; `RINGWAY_HOURS=2` (and `RINGWAY_FROM=9000`) is as many as fit. Without either a few
/// seeds are told, so that this stays tried. `cargo xtask soak` sets them.
#[test]
fn soak() {
    let hours: Option<f64> = number("RINGWAY_HOURS");
    let asked = std::env::var("RINGWAY_SEEDS").unwrap_or_else(|_| "2500..2510".to_owned());
    let (from, end): (u64, u64) = if hours.is_some() {
        (number("RINGWAY_FROM").unwrap_or(2500), u64::MAX)
    } else {
        let (from, end) = asked.split_once("..").expect("a range of seeds");
        (from.parse().unwrap(), end.parse().unwrap())
    };
    let seeds = Seeds {
        next: AtomicU64::new(from),
        end,
        until: hours.map(|hours| Instant::now() + Duration::from_secs_f64(hours * 3600.0)),
        over: AtomicBool::new(false),
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let tally = std::thread::scope(|scope| {
        let (send, receive) = channel();
        for _ in 0..threads {
            let (send, seeds) = (send.clone(), &seeds);
            scope.spawn(move || tell(seeds, &send));
        }
        drop(send);
        let tally = collect(&receive, hours.is_some());
        seeds.over.store(true, Ordering::Relaxed);
        tally
    });
    if std::env::var_os("RINGWAY_REACH").is_some() {
        for line in tally.reach.hosts.iter().chain(&tally.reach.rollouts) {
            println!("reached: {line}");
        }
        let mut slow = tally.slow;
        slow.sort_unstable_by(|one, other| other.cmp(one));
        for (lines, seed) in slow.iter().take(15) {
            println!("slow: {seed} {lines}");
        }
        for ((fault, kind), times) in &tally.reach.faults {
            println!("fault: {fault} x {kind}: {times}");
        }
    }
    assert!(tally.broken.is_empty(), "{}", tally.broken.concat());
}
