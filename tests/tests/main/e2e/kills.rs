//! `kill -9` of the real program, again and again during one rollout in which some hosts fail, and during its rollback:
//! what comes of it is what comes of a rollout that nobody disturbed.
//!
//! Moments are drawn by a seed; which of them a kill really meets is read from the ledger and the journal afterwards, and
//! the test asks for all of them: a step of every kind under way, a result that was not durable yet, an intent that was
//! durable and whose step had not begun.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use ringway_engine::{Event, Final};
use ringway_farm::Switch;
use ringway_model::{FailWhy, IntentId, StepResult};

use super::documents::{Carrier, Setup};
use super::ground::{Ground, Host, Line};
use super::journal::Journal;
use super::run::{Run, audit_is_clean};
use super::stage::play;

/// Kills during the rollout, at the least.
const KILLS: u32 = 30;
/// Kills during its rollback, at the least.
const KILLS_OF_THE_ROLLBACK: u32 = 8;
/// Kills of one of the two after which the test gives up on meeting every moment.
const MOST_KILLS: u32 = 80;
/// What moments are drawn with, unless `RINGWAY_SEED` says otherwise.
const SEED: u64 = 20_260_414;
/// How long a moment is waited for before the kill comes anyway.
const MOMENT_WITHIN: Duration = Duration::from_secs(2);

/// Every kind of step of an update's visit.
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

/// What is going on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Rollout,
    Rollback,
}

impl Phase {
    /// Whether it has begun, durably.
    fn has_begun(self, events: &[Event]) -> bool {
        events.iter().any(|event| match self {
            Self::Rollout => matches!(event, Event::Proposed { .. }),
            Self::Rollback => matches!(event, Event::RollbackBegan { .. }),
        })
    }

    fn is_over(self, events: &[Event]) -> bool {
        let end = match self {
            Self::Rollout => Final::Completed,
            Self::Rollback => Final::RolledBack,
        };
        let is_end = |event: &Event| matches!(event, Event::Finished { how, .. } if *how == end);
        events.iter().any(is_end)
    }

    /// What has not been met yet, of what this phase is there for.
    fn missing(self, met: &Met) -> Vec<&'static str> {
        let all = match self {
            Self::Rollout => &KINDS[..],
            Self::Rollback => &["rollback"],
        };
        let missing = all.iter().filter(|kind| !met.during.contains_key(**kind));
        missing.copied().collect()
    }

    fn is_enough(self, met: &Met) -> bool {
        let kills = match self {
            Self::Rollout => KILLS,
            Self::Rollback => KILLS_OF_THE_ROLLBACK,
        };
        met.kills >= kills
            && self.missing(met).is_empty()
            && met.results_not_committed > 0
            && met.intents_not_begun > 0
    }
}

/// When a kill comes.
#[derive(Clone, Debug)]
enum Moment {
    /// While a step of one of these kinds runs; of any kind, where there are none.
    During(Vec<&'static str>),
    /// So long after a step has ended.
    AfterAnEnd(Duration),
    /// So long after the start of the program.
    AfterTheStart(Duration),
}

/// Numbers from a seed (`SplitMix64`).
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % limit
    }

    fn moment(&mut self, missing: Vec<&'static str>) -> Moment {
        let millis = |dice: &mut Self, limit| Duration::from_millis(dice.below(limit));
        match self.below(10) {
            0..5 => Moment::During(missing),
            5..9 => Moment::AfterAnEnd(millis(self, 60)),
            _ => Moment::AfterTheStart(millis(self, 300)),
        }
    }
}

/// Goes on with what the data directory holds, or begins it.
fn start(ground: &Ground, phase: Phase, events: &[Event]) -> Run {
    let root = ground.root().to_str().unwrap();
    match (phase, phase.has_begun(events)) {
        (Phase::Rollout, false) => Run::start(ground, &["run", "--no-wait", root]),
        (Phase::Rollback, false) => {
            Run::start(ground, &["rollback", "--reason", "not good enough"])
        }
        (_, true) => Run::start(ground, &["run", "--no-wait", "--resume"]),
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
    /// Kills before it was durable that there is anything to do.
    nothing_committed: u32,
}

impl Met {
    fn note(&mut self, before: &[Line], after: &[Line], events: &[Event], phase: Phase) {
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
        self.nothing_committed += u32::from(!phase.has_begun(events));
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

/// Waits for the moment. It may never come, if no such step is left.
async fn wait_for(moment: &Moment, ground: &Ground, run: &mut Run) {
    let begun = Instant::now();
    let ends = |ledger: Vec<Line>| ledger.iter().filter(|line| !line.is_start).count();
    let before = ends(ground.ledger());
    loop {
        let waited = begun.elapsed();
        let is_now = match moment {
            Moment::During(kinds) => open(&ground.ledger())
                .iter()
                .any(|(_, kind)| kinds.is_empty() || kinds.contains(&kind.as_str())),
            Moment::AfterAnEnd(_) => ends(ground.ledger()) > before,
            Moment::AfterTheStart(after) => waited >= *after,
        };
        if is_now || waited > MOMENT_WITHIN || run.has_ended().is_some() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    if let Moment::AfterAnEnd(after) = moment {
        tokio::time::sleep(*after).await;
    }
}

fn lay(carrier: Carrier) -> Ground {
    let names = (1..=24).map(|n| format!("host-{n}")).collect::<Vec<_>>();
    let labels = |i| match i {
        0..4 => "ring: canary, sudo: no",
        13 => "ring: broad, sudo: yes",
        _ => "ring: broad, sudo: no",
    };
    let hosts = names.iter().enumerate();
    let hosts: Vec<(&str, &str)> = hosts.map(|(i, name)| (name.as_str(), labels(i))).collect();
    let ground = Ground::lay(&Setup {
        hosts: &hosts,
        policy: "rings:
  - { name: canary, hosts: { select: ring = canary }, soak: 200ms }
  - { name: broad, hosts: rest, soak: 200ms }
pace: { at_once: 3, ramp: off, settle: 300ms }
retry: { times: 2, wait: 50ms }
halt: { failed: 24 }
offline: { or: 1 }
gates: [{ name: answers, probe: up, down: { for: 700ms } }]",
        carrier,
        connect: &[("sudo = yes", "become: sudo")],
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
    if carrier == Carrier::Ssh {
        let faults = [
            ("host-14", Switch::SudoRefused),
            ("host-16", Switch::Refuse),
        ];
        for (host, switch) in faults {
            ground.over_ssh(host).set(switch).unwrap();
        }
    }
    ground
}

/// What has come of a phase.
#[derive(Debug)]
struct Outcome {
    /// How every host ended.
    words: BTreeMap<String, String>,
    /// Every step that began, `host kind`: one that ran once more than it had to is here once more.
    starts: Vec<String>,
    /// What the services answer.
    answers: Vec<Option<String>>,
    /// Hosts whose last step was under way at a kill and ended without a word.
    cut_off: BTreeSet<String>,
}

/// How a host ends that lets nothing run.
const REFUSED: &str = "failed (inspect: the host would not let it run)";

impl Outcome {
    /// Asserts on the way that everything is in order.
    async fn of(ground: &Ground, phase: Phase) -> Self {
        let journal = Journal::read(&ground.data()).await;
        let events: Vec<Event> = journal.events.iter().map(|(_, e)| e.clone()).collect();
        assert!(phase.is_over(&events), "{phase:?}");
        assert_eq!(ground.wrong(), [""; 0]);
        assert_eq!(ground.drained(), [""; 0]);
        let hosts = journal.hosts();
        let cut_off = cut_off(&events);
        let is_cut_off = |slot| cut_off.iter().any(|intent| intent.slot() == slot);
        let names = hosts.iter().filter(|host| is_cut_off(host.slot));
        Self {
            cut_off: names.map(|host| host.host.clone()).collect(),
            words: hosts.into_iter().map(|h| (h.host, h.words)).collect(),
            starts: ground.starts(),
            answers: ground.hosts.iter().map(Host::answer).collect(),
        }
    }
}

impl Outcome {
    /// In which respects this is not what was expected.
    fn differs_from(&self, expected: &Self) -> Vec<String> {
        let mut differs = Vec::new();
        for (host, words) in &self.words {
            let wanted = &expected.words[host];
            // Whether what was given to a host before a kill has begun, only the host knows; and this one answers nobody.
            let nobody_knows = wanted == REFUSED && self.cut_off.contains(host);
            let interrupted =
                || REFUSED.replace(FailWhy::Refused.words(), FailWhy::Interrupted.words());
            if words != wanted && !(nobody_knows && *words == interrupted()) {
                differs.push(format!("{host} is {words}, and should be {wanted}"));
            }
        }
        let (began, wanted) = (counted(&self.starts), counted(&expected.starts));
        for step in began.keys().chain(wanted.keys()).collect::<BTreeSet<_>>() {
            let times = [&began, &wanted].map(|counts| counts.get(step).copied().unwrap_or(0));
            if times[0] != times[1] {
                let [times, wanted] = times;
                differs.push(format!("{step} began {times} times, and should {wanted}"));
            }
        }
        if self.answers != expected.answers {
            let (answers, wanted) = (&self.answers, &expected.answers);
            differs.push(format!("they answer {answers:?}, and should {wanted:?}"));
        }
        differs
    }
}

/// The last step of each host, where a kill came while it was under way, and nobody heard what became of it.
fn cut_off(events: &[Event]) -> Vec<IntentId> {
    let mut open: BTreeMap<IntentId, bool> = BTreeMap::new();
    let mut last = BTreeMap::new();
    for event in events {
        if let Event::Recovered { .. } = event {
            for is_killed in open.values_mut() {
                *is_killed = true;
            }
        } else if let Event::StepIssued { intent, .. } = event {
            open.insert(*intent, false);
        } else if let Event::StepEnded { intent, result, .. } = event {
            let was_killed = open.remove(intent) == Some(true);
            let is_interrupted = *result == StepResult::Failed(FailWhy::Interrupted);
            last.insert(intent.slot(), (*intent, was_killed && is_interrupted));
        }
    }
    let cut_off = last.into_values().filter(|(_, is_cut_off)| *is_cut_off);
    cut_off.map(|(intent, _)| intent).collect()
}

fn counted(starts: &[String]) -> BTreeMap<&str, u32> {
    let mut counts = BTreeMap::new();
    for step in starts {
        *counts.entry(step.as_str()).or_default() += 1;
    }
    counts
}

/// Kills and goes on until every moment was met, and then lets it come to its end.
async fn disturb(ground: &Ground, dice: &mut Dice, phase: Phase) -> Met {
    let mut met = Met::default();
    loop {
        let events = Journal::events(&ground.data()).await;
        assert!(!phase.is_over(&events), "it was over after {met:?}");
        let mut run = start(ground, phase, &events);
        if phase.is_enough(&met) || met.kills == MOST_KILLS {
            run.ended().await;
            return met;
        }
        wait_for(&dice.moment(phase.missing(&met)), ground, &mut run).await;
        let before = ground.ledger();
        run.kill();
        let after = ground.ledger();
        let events = Journal::events(&ground.data()).await;
        met.note(&before, &after, &events, phase);
    }
}

/// The same without a kill.
async fn leave_alone(ground: &Ground) -> [Outcome; 2] {
    let mut outcomes = Vec::new();
    for phase in [Phase::Rollout, Phase::Rollback] {
        let events = Journal::events(&ground.data()).await;
        let status = start(ground, phase, &events).ended().await;
        let code = match phase {
            Phase::Rollout => 0,
            // The check of one host works for what it had before as little as it did for the update.
            Phase::Rollback => 1,
        };
        assert_eq!(status.code(), Some(code), "{phase:?}");
        outcomes.push(Outcome::of(ground, phase).await);
    }
    outcomes.try_into().unwrap()
}

#[test]
fn a_rollout_that_is_killed_again_and_again_ends_as_one_that_is_not() {
    kills_change_nothing(Carrier::Local);
}

/// The connections of a killed Ringway break, and the steps at their other ends go on.
#[test]
fn a_rollout_over_ssh_that_is_killed_again_and_again_ends_as_one_that_is_not() {
    kills_change_nothing(Carrier::Ssh);
}

fn kills_change_nothing(carrier: Carrier) {
    let seed = std::env::var("RINGWAY_SEED").map_or(SEED, |text| text.parse().unwrap());
    println!("RINGWAY_SEED={seed}");
    play(async {
        let begun = Instant::now();
        let quiet = lay(carrier);
        let undisturbed = tokio::spawn(async move { leave_alone(&quiet).await });
        let ground = lay(carrier);
        let mut dice = Dice(seed);
        let mut outcomes = Vec::new();
        for phase in [Phase::Rollout, Phase::Rollback] {
            let met = disturb(&ground, &mut dice, phase).await;
            println!("{phase:?}: {met:?}");
            assert!(phase.is_enough(&met), "{met:?}");
            outcomes.push(Outcome::of(&ground, phase).await);
        }
        let expected = undisturbed.await.unwrap();
        let words = &expected[0].words;
        assert_eq!(words["host-2"], "updated");
        assert_eq!(words["host-3"], "failed (apply: its command failed)");
        assert!(words["host-6"].starts_with("unhealthy"), "{words:?}");
        assert_eq!(expected[1].words["host-6"], "rolled back");
        let left: Vec<&str> = expected[1]
            .words
            .iter()
            .filter(|(_, words)| words.starts_with("rollback failed"))
            .map(|(host, _)| host.as_str())
            .collect();
        assert_eq!(left, ["host-10"]);
        if carrier == Carrier::Ssh {
            assert_eq!(words["host-14"], REFUSED);
            assert_eq!(words["host-16"], "offline");
        }
        for (outcome, expected) in outcomes.iter().zip(&expected) {
            assert_eq!(outcome.differs_from(expected), [""; 0]);
        }
        audit_is_clean(&ground);
        println!("{:.1} s in all", begun.elapsed().as_secs_f64());
    });
}
