//! `kill -9` of the real program, again and again during one rollout in which some hosts fail: what comes of it is what
//! comes of a rollout that nobody disturbed.
//!
//! Moments are drawn by a seed; which of them a kill really meets is read from the ledger and the journal afterwards, and
//! the test asks for all of them: a step of every kind under way, a result that was not durable yet, an intent that was
//! durable and whose step had not begun.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::OpenOptions;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use ringway_engine::Event;

use super::documents::Setup;
use super::ground::{Ground, LONG, Line};
use super::journal::Journal;
use super::stage::play;

/// Kills, at the least.
const KILLS: u32 = 30;
/// Kills after which the test gives up on meeting every moment.
const MOST_KILLS: u32 = 80;
/// What moments are drawn with, unless `RINGWAY_SEED` says otherwise.
const SEED: u64 = 20_260_414;
/// How long a moment is waited for before the kill comes anyway.
const MOMENT_WITHIN: Duration = Duration::from_secs(2);

const KINDS: [&str; 8] = [
    "inspect",
    "precheck",
    "drain",
    "apply",
    "reboot",
    "verify",
    "care-verify",
    "undrain",
];

/// When a kill comes.
#[derive(Clone, Copy, Debug)]
enum Moment {
    /// While a step of this kind runs.
    During(&'static str),
    /// So long after a step has ended.
    AfterAnEnd(Duration),
    /// So long after the start of the program.
    AfterTheStart(Duration),
}

/// Numbers from a seed (SplitMix64).
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % limit
    }

    fn moment(&mut self, missing: &[&'static str]) -> Moment {
        let millis = |dice: &mut Self, limit| Duration::from_millis(dice.below(limit));
        match self.below(10) {
            0..5 => {
                let kinds = if missing.is_empty() {
                    &KINDS[..]
                } else {
                    missing
                };
                let count = kinds.len() as u64;
                Moment::During(kinds[usize::try_from(self.below(count)).unwrap()])
            }
            5..9 => Moment::AfterAnEnd(millis(self, 60)),
            _ => Moment::AfterTheStart(millis(self, 300)),
        }
    }
}

/// The program, carrying the rollout out. It does not outlive the test.
struct Run(Child);

impl Run {
    fn start(ground: &Ground, resume: bool) -> Self {
        let log = ground.root().join("run.log");
        let log = OpenOptions::new()
            .create(true)
            .append(true)
            .open(log)
            .unwrap();
        let mut command = Command::new(ringway_tests::ringway());
        command
            .args(["run", "--no-wait", "--data"])
            .arg(ground.data());
        if resume {
            command.arg("--resume");
        } else {
            command.arg(ground.root());
        }
        command
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log);
        Self(command.spawn().unwrap())
    }

    fn has_ended(&mut self) -> Option<ExitStatus> {
        self.0.try_wait().unwrap()
    }

    /// Waits until it ends by itself.
    async fn ended(&mut self) -> ExitStatus {
        let begun = Instant::now();
        loop {
            if let Some(status) = self.has_ended() {
                return status;
            }
            assert!(begun.elapsed() < LONG, "the rollout does not end");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// SIGKILL.
    fn kill(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What kills have met.
#[derive(Debug, Default)]
struct Met {
    kills: u32,
    /// Kinds of steps that were under way, and how often.
    during: BTreeMap<String, u32>,
    /// Kills after a step's end that was not durable yet.
    results_not_committed: u32,
    /// Kills after an intent was durable and before its step began.
    intents_not_begun: u32,
    /// Kills before the rollout was durable.
    nothing_committed: u32,
}

impl Met {
    fn missing(&self) -> Vec<&'static str> {
        let is_missing = |kind: &&'static str| !self.during.contains_key(*kind);
        KINDS.into_iter().filter(is_missing).collect()
    }

    fn is_enough(&self) -> bool {
        self.kills >= KILLS
            && self.missing().is_empty()
            && self.results_not_committed > 0
            && self.intents_not_begun > 0
    }

    fn note(&mut self, before: &[Line], after: &[Line], events: &[Event]) {
        self.kills += 1;
        let under_way: BTreeSet<String> = open(before)
            .intersection(&open(after))
            .map(|(_, kind)| kind.clone())
            .collect();
        for kind in under_way {
            *self.during.entry(kind).or_default() += 1;
        }
        let of = |is_start: bool| -> BTreeSet<&str> {
            let lines = after.iter().filter(move |line| line.is_start == is_start);
            lines.map(|line| line.intent.as_str()).collect()
        };
        let (begun, over) = (of(true), of(false));
        let mut waiting = BTreeSet::new();
        for event in events {
            if let Event::StepIssued { intent, .. } = event {
                waiting.insert(intent.to_string());
            } else if let Event::StepEnded { intent, .. } = event {
                waiting.remove(&intent.to_string());
            }
        }
        let has = |set: &BTreeSet<&str>| waiting.iter().any(|intent| set.contains(intent.as_str()));
        self.results_not_committed += u32::from(has(&over));
        let not_begun = waiting
            .iter()
            .any(|intent| !begun.contains(intent.as_str()));
        self.intents_not_begun += u32::from(not_begun);
        self.nothing_committed += u32::from(!is_proposed(events));
    }
}

/// Steps under way: intent and kind.
fn open(ledger: &[Line]) -> BTreeSet<(String, String)> {
    let mut open = BTreeSet::new();
    for line in ledger {
        let step = (line.intent.clone(), line.kind.clone());
        if line.is_start {
            open.insert(step);
        } else {
            open.remove(&step);
        }
    }
    open
}

fn is_proposed(events: &[Event]) -> bool {
    events
        .iter()
        .any(|event| matches!(event, Event::Proposed { .. }))
}

fn is_over(events: &[Event]) -> bool {
    events
        .iter()
        .any(|event| matches!(event, Event::Finished { .. }))
}

/// Waits for the moment. It may never come, if no such step is left.
async fn wait_for(moment: Moment, ground: &Ground, run: &mut Run) {
    let begun = Instant::now();
    let ends = |ledger: Vec<Line>| ledger.iter().filter(|line| !line.is_start).count();
    let before = ends(ground.ledger());
    loop {
        let waited = begun.elapsed();
        let is_now = match moment {
            Moment::During(kind) => open(&ground.ledger()).iter().any(|(_, k)| k == kind),
            Moment::AfterAnEnd(_) => ends(ground.ledger()) > before,
            Moment::AfterTheStart(after) => waited >= after,
        };
        if is_now || waited > MOMENT_WITHIN || run.has_ended().is_some() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    if let Moment::AfterAnEnd(after) = moment {
        tokio::time::sleep(after).await;
    }
}

fn lay() -> Ground {
    let names = (1..=16).map(|n| format!("host-{n}")).collect::<Vec<_>>();
    let hosts: Vec<(&str, &str)> = names
        .iter()
        .enumerate()
        .map(|(i, name)| {
            (
                name.as_str(),
                if i < 4 { "ring: canary" } else { "ring: broad" },
            )
        })
        .collect();
    let ground = Ground::lay(&Setup {
        hosts: &hosts,
        policy: "rings:
  - { name: canary, hosts: { select: ring = canary }, soak: 200ms }
  - { name: broad, hosts: rest, soak: 200ms }
pace: { at_once: 3, ramp: off, settle: 300ms }
retry: { times: 2, wait: 50ms }
halt: { failed: 16 }
gates: [{ name: answers, probe: up, down: { for: 700ms } }]",
        ..Setup::default()
    });
    for host in &names {
        ground.put(host, "slow", "0.06");
    }
    for (host, file, text) in [
        ("host-2", "fail-apply", "2"),
        ("host-3", "fail-apply", "99"),
        ("host-6", "service-2.0", "crash 100"),
        ("host-8", "fail-precheck", "99"),
        ("host-10", "fail-verify", "99"),
        ("host-12", "fail-drain", "1"),
    ] {
        ground.put(host, file, text);
    }
    ground
}

/// What became of every host, how often each of its steps began, and what its service answers.
async fn outcome(ground: &Ground) -> (BTreeMap<String, String>, Vec<String>, Vec<Option<String>>) {
    let journal = Journal::read(&ground.data()).await;
    let words = journal
        .hosts()
        .into_iter()
        .map(|host| (host.host, host.words));
    let mut starts = ground.starts();
    starts.sort();
    let answers = ground.hosts.iter().map(super::ground::Host::answer);
    (words.collect(), starts, answers.collect())
}

/// Kills and resumes until every moment was met, and then lets the rollout end.
async fn disturb(ground: &Ground, dice: &mut Dice) -> Met {
    let mut met = Met::default();
    loop {
        let events = Journal::events(&ground.data()).await;
        assert!(!is_over(&events), "it was over after {met:?}");
        let mut run = Run::start(ground, is_proposed(&events));
        if met.is_enough() || met.kills == MOST_KILLS {
            let status = run.ended().await;
            assert_eq!(status.code(), Some(0), "{met:?}");
            return met;
        }
        wait_for(dice.moment(&met.missing()), ground, &mut run).await;
        let before = ground.ledger();
        run.kill();
        let after = ground.ledger();
        let events = Journal::events(&ground.data()).await;
        met.note(&before, &after, &events);
    }
}

#[test]
fn a_rollout_that_is_killed_again_and_again_ends_as_one_that_is_not() {
    let seed = std::env::var("RINGWAY_SEED").map_or(SEED, |text| text.parse().unwrap());
    println!("RINGWAY_SEED={seed}");
    play(async {
        let begun = Instant::now();
        let quiet = lay();
        let mut undisturbed = Run::start(&quiet, false);
        let ground = lay();
        let met = disturb(&ground, &mut Dice(seed)).await;
        println!("{met:?} in {:.1} s", begun.elapsed().as_secs_f64());
        assert!(met.is_enough(), "{met:?}");

        assert_eq!(undisturbed.ended().await.code(), Some(0));
        assert_eq!(quiet.wrong(), [""; 0]);
        assert_eq!(ground.wrong(), [""; 0]);
        assert_eq!(ground.drained(), [""; 0]);
        let expected = outcome(&quiet).await;
        assert_eq!(expected.0["host-2"], "updated");
        assert_eq!(expected.0["host-3"], "failed (apply: its command failed)");
        assert!(expected.0["host-6"].starts_with("unhealthy"));
        assert_eq!(outcome(&ground).await, expected);
        let audit = Command::new(ringway_tests::ringway())
            .args(["audit", "--data"])
            .arg(ground.data())
            .output()
            .unwrap();
        assert!(audit.status.success(), "{audit:?}");
    });
}
