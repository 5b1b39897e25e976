//! How long steps still start after another process has said `halt` or `poison`: the real runtime, store and control
//! socket, null workers, 100,000 hosts under way.
//!
//! This program starts itself a second time as the process that says so. For each word the clock begins when that process
//! is about to connect, and ends with the last step that was started (after `poison`: the last `apply`, for what was begun
//! is ended); 0 where none was. Then it takes the word back, waits a little, and says it again, until the rollout is over
//! or a hundred are measured.
#![expect(
    clippy::print_stdout,
    reason = "a benchmark prints its figures, and talks to its other half"
)]
#![expect(clippy::cast_precision_loss, reason = "figures are far below 2^52")]

use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Command as Process, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use ringway_drivers::{
    BootReading, Driver, ProbeRequest, Reporting, Sampling, StepRequest, TidyRequest, Tidying,
    Withdrawal,
};
use ringway_engine::{Command, Poisoning};
use ringway_executor::port::Proposal;
use ringway_model::{Actor, Digest, RawReport, RolloutId, Sample};
use ringway_runtime::{Answer, Client, Config, DIRECTORY, Question, Runtime, SystemUsers};
use ringway_tests::big::{self, RELEASE};

const HOSTS: u32 = 100_000;
const GROUPS: u16 = 1_000;
const AT_ONCE: u32 = 2_000;
const WORDS: usize = 100;

/// What is said.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Word {
    Halt,
    Poison,
}

impl Word {
    const ALL: [Self; 2] = [Self::Halt, Self::Poison];

    const fn name(self) -> &'static str {
        match self {
            Self::Halt => "halt",
            Self::Poison => "poison",
        }
    }

    /// It, and what takes it back.
    fn commands(self) -> (Command, Command) {
        let (rollout, reason) = (RolloutId(1), || "bench".to_owned());
        match self {
            Self::Halt => (
                Command::Halt {
                    rollout,
                    reason: reason(),
                },
                Command::Resume {
                    rollout,
                    reason: reason(),
                },
            ),
            Self::Poison => (
                Command::Poison {
                    what: Poisoning::Rollout {
                        rollout,
                        releases: Vec::new(),
                    },
                    reason: reason(),
                },
                Command::Unpoison {
                    id: RELEASE.to_owned(),
                    build: None,
                    reason: reason(),
                },
            ),
        }
    }
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime");
    if let [data, said] = &arguments[1..] {
        let word = Word::ALL.into_iter().find(|word| word.name() == said);
        let word = word.expect("this program says which word");
        runtime.block_on(sayer(PathBuf::from(data), word));
        return;
    }
    println!("| word | hosts | steps started | said | median ms | p90 ms | p99 ms | most ms |");
    println!("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |");
    for word in Word::ALL {
        runtime.block_on(decider(word));
    }
}

/// A driver whose steps do nothing but note that they were started.
#[derive(Default)]
struct Null {
    started: AtomicU64,
    last: AtomicU64,
    last_apply: AtomicU64,
}

impl Null {
    fn done(&self, step: &StepRequest) -> Reporting<'_> {
        self.started.fetch_add(1, Ordering::Relaxed);
        self.last.fetch_max(now(), Ordering::Relaxed);
        if step.kind == ringway_model::StepKind::Apply {
            self.last_apply.fetch_max(now(), Ordering::Relaxed);
        }
        let output = if step.kind == ringway_model::StepKind::Inspect {
            "old"
        } else {
            ""
        };
        Box::pin(std::future::ready(RawReport::Ended {
            exit: 0,
            output: output.into(),
            restarts: 0,
        }))
    }
}

impl Driver for Null {
    fn run(&self, step: StepRequest, _: Withdrawal) -> Reporting<'_> {
        self.done(&step)
    }

    fn attach(&self, step: StepRequest) -> Reporting<'_> {
        self.done(&step)
    }

    fn question(&self, step: StepRequest) -> Reporting<'_> {
        self.done(&step)
    }

    fn probe(&self, _: ProbeRequest) -> Sampling<'_> {
        Box::pin(std::future::ready(Sample::Up))
    }

    fn tidy(&self, _: TidyRequest) -> Tidying<'_> {
        Box::pin(std::future::ready(Ok(0)))
    }

    fn boot_id(&self, _: StepRequest) -> BootReading<'_> {
        Box::pin(std::future::ready(Ok("boot".to_owned())))
    }
}

async fn decider(word: Word) {
    let directory = tempfile::Builder::new()
        .prefix("bench-halt")
        .tempdir_in(".")
        .expect("a directory here");
    let data = directory.path().join("data");
    let null = Arc::new(Null::default());
    let config = Config {
        data: data.clone(),
        workers: AT_ONCE,
        identify: Arc::new(SystemUsers),
        observe: false,
        clock: Arc::default(),
    };
    let runtime = Runtime::start_with(config, null.clone())
        .await
        .expect("the runtime starts");
    let fleet = Arc::new(big::fleet(HOSTS, GROUPS));
    let mut plan = big::plan(fleet.encode().0, HOSTS, GROUPS, AT_ONCE);
    // The directory its commands would run in is a document like the others.
    let text = "/".to_owned();
    plan.documents
        .insert(DIRECTORY.to_owned(), Digest::of(text.as_bytes()));
    let plan = Arc::new(plan);
    let proposal = Proposal {
        fleet,
        plan,
        documents: vec![(DIRECTORY.to_owned(), text)],
        key: None,
        change: None,
        reason: None,
    };
    let taken = runtime
        .caller()
        .propose(Actor("bench".into()), proposal)
        .await
        .expect("it is there");
    taken.expect("the proposal is taken");
    let null_too = null.clone();
    let latencies = tokio::task::spawn_blocking(move || measure(&data, &null_too, word))
        .await
        .expect("it was measured");
    let started = null.started.load(Ordering::Relaxed);
    runtime.shutdown().await;
    report(word, latencies, started);
}

/// Talks to the other half: it says when it is about to say its word, and that it was answered.
fn measure(data: &std::path::Path, null: &Null, word: Word) -> Vec<u64> {
    let last = match word {
        Word::Halt => &null.last,
        Word::Poison => &null.last_apply,
    };
    let program = std::env::current_exe().expect("this program has a path");
    let mut child = Process::new(program)
        .arg(data)
        .arg(word.name())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the other half starts");
    let mut to = child.stdin.take().expect("it is piped");
    let lines = BufReader::new(child.stdout.take().expect("it is piped")).lines();
    let mut latencies = Vec::new();
    for line in lines.map_while(Result::ok) {
        let Ok(began) = line.trim().parse::<u64>() else {
            break;
        };
        // It was answered; nothing may start any more, and what was already handed out has been.
        std::thread::park_timeout(Duration::from_millis(20));
        latencies.push(last.load(Ordering::Relaxed).saturating_sub(began));
        if writeln!(to, "go").is_err() {
            break;
        }
    }
    drop(to);
    drop(child.wait());
    latencies
}

async fn sayer(data: PathBuf, word: Word) {
    let client = Client::new(&data);
    let mut answers = std::io::stdin().lines();
    for round in 0..WORDS {
        // Not in step with anything: between 10 and 40 ms after the rollout went on.
        tokio::time::sleep(Duration::from_millis(10 + (round as u64 * 7919) % 30)).await;
        let (say, take_back) = word.commands();
        let began = now();
        if !matches!(client.ask(&Question::Command(say)).await, Ok(Answer::Accepted(done)) if done.changed)
        {
            break;
        }
        println!("{began}");
        if answers.next().is_none() {
            break;
        }
        if !matches!(
            client.ask(&Question::Command(take_back)).await,
            Ok(Answer::Accepted(_))
        ) {
            break;
        }
    }
    println!("over");
}

fn report(word: Word, mut latencies: Vec<u64>, started: u64) {
    assert!(!latencies.is_empty(), "no {} was measured", word.name());
    latencies.sort_unstable();
    let at = |share: f64| {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "an index into a short list"
        )]
        let index = ((latencies.len() - 1) as f64 * share).ceil() as usize;
        latencies[index] as f64 / 1e6
    };
    println!(
        "| {} | {HOSTS} | {started} | {} | {:.1} | {:.1} | {:.1} | {:.1} |",
        word.name(),
        latencies.len(),
        at(0.5),
        at(0.9),
        at(0.99),
        at(1.0)
    );
}

/// Nanoseconds since 1970: both halves are processes of one machine and share its clock.
fn now() -> u64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}
