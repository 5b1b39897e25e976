//! A driver that answers by a script, a store that holds nothing, and a fleet of any size.

use std::collections::{BTreeMap, VecDeque};
use std::fmt::Write as _;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ringway_drivers::{
    BootReading, Driver, ProbeRequest, Reporting, Sampling, StepRequest, TidyRequest, Tidying,
    Withdrawal,
};
use ringway_executor::notices::{Notices, SoFar};
use ringway_executor::port::{Blob, Loaded, Proposal, Row, Snapshot, Start};
use ringway_model::{
    Actor, Digest, Epoch, HostId, IntentId, RawReport, RolloutId, RouteId, Sample, Slot, StepKind,
    VisitKind,
};
use ringway_policy::Source;
use ringway_store::{Answer, Head, LoadFrom, ReadError, ReadModel, Reader, Store, WriteError};

use crate::DIRECTORY;
use crate::identify::Identify;

/// How a question is answered, and after how long.
type Script<T> = Box<dyn Fn(&'static str, &StepRequest) -> (Duration, T) + Send + Sync>;
type ProbeScript = Box<dyn Fn(&str) -> (Duration, Sample) + Send + Sync>;

/// A driver that answers by a script.
pub(super) struct Double {
    steps: Script<RawReport>,
    probes: ProbeScript,
    /// What was asked, in order: the method, the host and the kind of step.
    pub(super) log: Mutex<Vec<String>>,
    busy: AtomicUsize,
    /// The most that was asked at once.
    pub(super) most: AtomicUsize,
}

impl Double {
    pub(super) fn steps(
        script: impl Fn(&'static str, &StepRequest) -> (Duration, RawReport) + Send + Sync + 'static,
    ) -> Arc<Self> {
        Self::new(Box::new(script), Box::new(|_| (Duration::ZERO, Sample::Up)))
    }

    /// Steps are reported as in this list, one after the other.
    pub(super) fn reports(reports: Vec<RawReport>) -> Arc<Self> {
        let reports = Mutex::new(VecDeque::from(reports));
        Self::steps(move |_, _| {
            let next = reports.lock().unwrap().pop_front();
            (Duration::ZERO, next.expect("nothing more is asked"))
        })
    }

    pub(super) fn probes(
        script: impl Fn(&str) -> (Duration, Sample) + Send + Sync + 'static,
    ) -> Arc<Self> {
        Self::new(
            Box::new(|_, _| (Duration::ZERO, ended(""))),
            Box::new(script),
        )
    }

    fn new(steps: Script<RawReport>, probes: ProbeScript) -> Arc<Self> {
        Arc::new(Self {
            steps,
            probes,
            log: Mutex::default(),
            busy: AtomicUsize::new(0),
            most: AtomicUsize::new(0),
        })
    }

    pub(super) fn log(&self) -> Vec<String> {
        self.log.lock().unwrap().clone()
    }

    async fn wait(&self, after: Duration) {
        let busy = self.busy.fetch_add(1, Ordering::Relaxed) + 1;
        self.most.fetch_max(busy, Ordering::Relaxed);
        tokio::time::sleep(after).await;
        self.busy.fetch_sub(1, Ordering::Relaxed);
    }

    fn answer(&self, how: &'static str, step: &StepRequest) -> Reporting<'_> {
        let line = format!("{how} {} {}", step.reach.host, step.kind.word());
        self.log.lock().unwrap().push(line);
        let (after, report) = (self.steps)(how, step);
        Box::pin(async move {
            self.wait(after).await;
            report
        })
    }
}

impl Driver for Double {
    fn run(&self, step: StepRequest, _: Withdrawal) -> Reporting<'_> {
        self.answer("run", &step)
    }

    fn attach(&self, step: StepRequest) -> Reporting<'_> {
        self.answer("attach", &step)
    }

    fn question(&self, step: StepRequest) -> Reporting<'_> {
        self.answer("question", &step)
    }

    fn boot_id(&self, _: StepRequest) -> BootReading<'_> {
        Box::pin(async { Ok("boot".to_owned()) })
    }

    fn probe(&self, probe: ProbeRequest) -> Sampling<'_> {
        let host = probe.reach.host.clone();
        self.log.lock().unwrap().push(format!("probe {host}"));
        let (after, sample) = (self.probes)(&host);
        Box::pin(async move {
            self.wait(after).await;
            sample
        })
    }

    fn tidy(&self, tidy: TidyRequest) -> Tidying<'_> {
        let line = format!("tidy {}", tidy.reach.host);
        self.log.lock().unwrap().push(line);
        Box::pin(async { Ok(0) })
    }
}

pub(super) fn ended(output: &str) -> RawReport {
    RawReport::Ended {
        exit: 0,
        output: output.to_owned(),
        restarts: 0,
    }
}

pub(super) fn unreachable() -> RawReport {
    RawReport::Unreachable {
        why: "no route to host".to_owned(),
    }
}

/// A store that holds nothing and takes everything.
pub(super) struct Nothing;

impl Reader for Nothing {
    fn head(&self) -> Answer<'_, Head, ReadError> {
        Box::pin(async {
            Ok(Head {
                incarnation: 1,
                epoch: Epoch(1),
                seq: 0,
                hash: Row::GENESIS,
            })
        })
    }

    fn load(&self, _: LoadFrom) -> Answer<'_, Loaded, ReadError> {
        Box::pin(async {
            Ok(Loaded {
                incarnation: 1,
                epoch: Epoch(1),
                ..Loaded::default()
            })
        })
    }

    fn rows(&self, _: u64, _: u32) -> Answer<'_, Vec<Row>, ReadError> {
        Box::pin(async { Ok(Vec::new()) })
    }

    fn fleets_and_plans(&self) -> Answer<'_, Vec<Blob>, ReadError> {
        Box::pin(async { Ok(Vec::new()) })
    }

    fn blob(&self, _: Digest) -> Answer<'_, Option<Blob>, ReadError> {
        Box::pin(async { Ok(None) })
    }

    fn outbox(&self) -> Answer<'_, Vec<ringway_executor::notices::Told>, ReadError> {
        Box::pin(async { Ok(Vec::new()) })
    }

    fn read_model<'a>(&'a self, _: &'a str) -> Answer<'a, Option<ReadModel>, ReadError> {
        Box::pin(async { Ok(None) })
    }
}

impl Store for Nothing {
    fn epoch(&self) -> Epoch {
        Epoch(1)
    }

    fn append_and_tell<'a>(
        &'a self,
        _: &'a [Row],
        _: &'a [Blob],
        _: &'a Notices,
    ) -> Answer<'a, (), WriteError> {
        Box::pin(async { Ok(()) })
    }

    fn write_outbox<'a>(
        &'a self,
        _: &'a [(u64, SoFar)],
        _: &'a [u64],
    ) -> Answer<'a, (), WriteError> {
        Box::pin(async { Ok(()) })
    }

    fn keep_snapshot<'a>(&'a self, _: &'a Snapshot) -> Answer<'a, (), WriteError> {
        Box::pin(async { Ok(()) })
    }

    fn replace_read_model<'a>(&'a self, _: &'a ReadModel) -> Answer<'a, (), WriteError> {
        Box::pin(async { Ok(()) })
    }

    fn close(&self) -> std::pin::Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(async {})
    }
}

/// Everybody is `ana`.
pub(super) struct Everybody;

impl Identify for Everybody {
    fn name_of(&self, _: u32) -> Actor {
        Actor("ana".to_owned())
    }
}

/// A rollout over hosts `h0`, `h1`, .. in one ring, with every kind of step, and commands that are never run.
pub(super) fn proposal(hosts: usize, directory: &Path) -> Proposal {
    let mut text = String::from(
        r#"
ringway: fleet/v1
name: f
probes:
  answers: { tcp: { port: "1" }, every: 30s, timeout: 5s }
groups:
  - { name: all, select: all, care: c }
connect:
  - { select: all, local: {} }
hosts:
"#,
    );
    for host in 0..hosts {
        writeln!(text, "  - {{ name: h{host}, labels: {{ role: x }} }}").unwrap();
    }
    text.push_str(
        r#"---
ringway: update/v1
name: u
releases:
  - { select: all, id: R2, build: "2" }
recipe: r
---
ringway: recipe/v1
name: r
steps:
  inspect: { run: "i", installed_when: "{build}", previous: "{output}" }
  precheck: { run: "p", expect: { at_least: 5 } }
  apply: { run: "a", timeout: 10m, expect: { contains: "installed" } }
  reboot: { when: always, run: "r", boot_id: "b", restarts: 2-3, back_within: 5m }
  verify: { run: "v", expect: { equals: "fine" } }
  rollback: { run: "b" }
---
ringway: care/v1
name: c
drain: { run: "d" }
undrain: { run: "u" }
---
ringway: policy/v1
name: p
applies_to: all
rings:
  - { name: all, hosts: rest, soak: 0s }
pace: { at_once: 64, ramp: double, settle: 0s }
offline: { allow: 30%, retry: 1h }
halt: { failed: 1 }
"#,
    );
    let sources = [Source::new("all.yaml", text)];
    let documents = ringway_policy::read(&sources)
        .map_err(|problems| problems.to_string())
        .unwrap();
    let fleet = ringway_scheduler::compile_fleet(documents.fleet.as_ref().unwrap()).unwrap();
    let mut plan = ringway_scheduler::make_plan(&fleet, &documents, "p", "u", 1).unwrap();
    let directory = directory.to_str().unwrap().to_owned();
    let digest = Digest::of(directory.as_bytes());
    plan.documents.insert(DIRECTORY.to_owned(), digest);
    let mut texts: Vec<_> = documents.texts.into_iter().collect();
    texts.push((DIRECTORY.to_owned(), directory));
    Proposal {
        fleet: Arc::new(fleet),
        plan: Arc::new(plan),
        documents: texts,
        key: None,
        change: None,
        reason: None,
    }
}

/// One step of the first host's update.
pub(super) fn start(proposal: &Proposal, kind: StepKind) -> Start {
    let position = proposal.plan.routes[0].position(VisitKind::Update, kind);
    Start {
        intent: IntentId::new(RolloutId(1), Slot(0), 1),
        epoch: Epoch(1),
        incarnation: 1,
        host: HostId(0),
        fleet: Arc::clone(&proposal.fleet),
        plan: Arc::clone(&proposal.plan),
        route: RouteId(0),
        visit: VisitKind::Update,
        position: position.expect("the recipe has every step"),
        attempt: 1,
        previous: None,
        protection: None,
        peer: None,
        adopts: Arc::default(),
        attach: false,
        may_run_when_held: false,
    }
}

/// The names and values of a list, for tables.
pub(super) fn count(lines: &[String]) -> BTreeMap<&str, usize> {
    let mut counts = BTreeMap::new();
    for line in lines {
        *counts.entry(line.as_str()).or_default() += 1;
    }
    counts
}
