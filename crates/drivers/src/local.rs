//! The driver for "hosts" that are sets of processes of this machine.
//!
//! It starts the envelope, watches the run directory, and reports. It holds nothing that a restarted Ringway would
//! miss: killed at any moment, its steps go on, and [`Driver::attach`] finds them.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, SystemTime};

use ringway_model::{IntentId, Place, RawReport, Span, StepKind};
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::Child;
use tokio::time::Instant;

use crate::command::{self, Asked, environment};
use crate::envelope::{self, Answer, Event, Reader};
use crate::port::{
    BootReading, Driver, ProbeRequest, Reporting, Sampling, StepRequest, TidyRequest, Tidying,
    Withdrawal,
};
use crate::quote::QuoteError;
use crate::reboot::{self, Before};
use crate::run_directory::{self, Found, Keep, Orphan, RunDirectory};

/// The exit code of a step whose command could not even be handed to a shell.
const REFUSED: i32 = 125;

/// How often a run directory is looked at when nothing else tells of a change: first and then doubling up to the last.
const LOOK: (Duration, Duration) = (Duration::from_millis(2), Duration::from_millis(50));

/// How much longer than the host's patience the envelope may take to answer. Only a machine in great need takes longer
/// than moments; what is not answered by then is ended, and reported by what its run directory says.
const ANSWER: Duration = Duration::from_mins(1);

/// How long, beyond a step's own timeout, it is asked what became of it where that cannot be found out: while the machine
/// has no process or no room to spare, say. To say earlier that it never began could run it twice.
const MARGIN: Duration = Duration::from_mins(1);

/// The wait between two such questions.
const AGAIN: Duration = Duration::from_millis(500);

/// How long the driver waits, where no document says it.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// For a process group to end after TERM, before KILL.
    pub grace: Duration,
    /// For the host's step before this one. A step that comes too early is a fault of whoever decided it, so that this
    /// only covers the moments between the end of a command and the end of its envelope.
    pub busy: Duration,
    /// For a further restart after the one that was awaited: a host that stays up so long is back.
    pub stable: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            grace: Duration::from_secs(5),
            busy: Duration::from_secs(10),
            stable: Duration::from_secs(2),
        }
    }
}

/// Runs steps as processes of this machine, each host below a directory of its own.
#[derive(Clone, Debug)]
pub struct LocalDriver {
    root: PathBuf,
    shell: Vec<String>,
    patience: Patience,
}

impl LocalDriver {
    /// A driver that keeps its hosts in `DATADIR/hosts`. The directory is made by the first step.
    ///
    /// # Errors
    ///
    /// When `data` cannot be made absolute, which needs the current directory.
    pub fn new(data: &Path) -> io::Result<Self> {
        Ok(Self {
            root: std::path::absolute(data)?.join("hosts"),
            shell: vec!["/bin/sh".to_owned()],
            patience: Patience::default(),
        })
    }

    /// With other spans to wait.
    #[must_use]
    pub fn with_patience(mut self, patience: Patience) -> Self {
        self.patience = patience;
        self
    }

    /// With another shell for the envelope, as a program and its arguments. Commands still run in `/bin/sh`.
    #[must_use]
    pub fn with_shell(mut self, shell: Vec<String>) -> Self {
        self.shell = shell;
        self
    }

    /// Where the steps lie that run on a host, errands for others among them. Steps at the controller are apart, with a
    /// lock for each host that is visited.
    pub fn host_root(&self, host: &str, place: Place) -> PathBuf {
        match place {
            Place::Host | Place::Peer => self.root.join(envelope::encode(host)),
            Place::Controller => self.root.join("@controller").join(envelope::encode(host)),
        }
    }

    /// Takes away the run directories of finished steps of one host, and says how many. Blocks: a caller in
    /// asynchronous code gives it a thread.
    ///
    /// `open` are the intents without a journaled result: what lies of them is never touched.
    ///
    /// # Errors
    ///
    /// When a directory cannot be read or removed.
    pub fn tidy_host(
        &self,
        host: &str,
        incarnation: u64,
        open: &BTreeSet<IntentId>,
        keep: Keep,
        now: SystemTime,
    ) -> io::Result<usize> {
        let mut removed = 0;
        for place in [Place::Host, Place::Controller] {
            let root = self.host_root(host, place);
            removed += run_directory::tidy(&root, incarnation, open, keep, now)?;
        }
        Ok(removed)
    }

    async fn run_step(&self, step: StepRequest, mut withdrawal: Withdrawal) -> RawReport {
        if withdrawal.is_asked() {
            return RawReport::Withdrawn;
        }
        let visit = Visit::new(self, step);
        let note = match visit.before().await {
            Ok(note) => note,
            Err(report) => return report,
        };
        let script = match visit.start_script(&note) {
            Ok(script) => script,
            Err(error) => return refused(&error),
        };
        let (child, answer) = tokio::select! {
            biased;
            told = self.tell(script, visit.patience()) => told,
            () = withdrawal.asked() => match visit.forbid().await {
                Ok(Answer::Never) => return RawReport::Withdrawn,
                // It began, or nobody can tell: what its directory says counts.
                _ => (None, Ok(Answer::Exists)),
            },
        };
        match answer {
            Ok(Answer::Accepted | Answer::Exists | Answer::Begun) => {
                visit.watch(child, withdrawal, false).await
            }
            Ok(Answer::Never) if withdrawal.is_asked() => RawReport::Withdrawn,
            Ok(Answer::Never) => RawReport::NeverStarted,
            Ok(Answer::Busy(holder)) => {
                tracing::error!(intent = %visit.step.intent, host = visit.step.reach.host, holder, "the host's step before this one did not end: two steps were decided at once");
                RawReport::NeverStarted
            }
            Ok(Answer::Fenced(seen)) => RawReport::Fenced { seen },
            Ok(Answer::Foreign(incarnation)) => foreign(incarnation),
            Ok(Answer::ForeignFleet(fleet)) => foreign_fleet(&fleet),
            Ok(Answer::Cannot(why)) => {
                let report = RawReport::Refused {
                    why: not_here(&why),
                };
                visit.settle(child, report, true, withdrawal).await
            }
            Ok(answer @ Answer::Tidied(_)) => {
                let report = RawReport::Refused {
                    why: not_here(&format!("it answered {answer:?}")),
                };
                visit.settle(child, report, false, withdrawal).await
            }
            Err(why) if child.is_none() => {
                let report = RawReport::Unreachable {
                    why: not_here(&why),
                };
                visit.settle(child, report, true, withdrawal).await
            }
            Err(why) => {
                let report = RawReport::Refused {
                    why: not_here(&why),
                };
                visit.settle(child, report, false, withdrawal).await
            }
        }
    }

    async fn attach_step(&self, step: StepRequest) -> RawReport {
        let visit = Visit::new(self, step);
        let deadline = visit.deadline();
        loop {
            match visit.forbid().await {
                Ok(Answer::Begun) => return visit.watch(None, Withdrawal::never(), true).await,
                Ok(Answer::Never) => return RawReport::NeverStarted,
                Ok(Answer::Fenced(seen)) => return RawReport::Fenced { seen },
                Ok(Answer::Foreign(incarnation)) => return foreign(incarnation),
                Ok(Answer::ForeignFleet(fleet)) => return foreign_fleet(&fleet),
                told => {
                    tracing::warn!(intent = %visit.step.intent, ?told, "what became of a step cannot be found out yet");
                }
            }
            if Instant::now() >= deadline {
                return RawReport::Interrupted;
            }
            tokio::time::sleep(AGAIN).await;
        }
    }

    /// Gives a script to a shell in a session of its own, and waits for its answer. The process comes with it, so that
    /// its end can be waited for.
    ///
    /// An error is why there is no answer. Without a process nothing was given to the shell.
    async fn tell(
        &self,
        script: String,
        patience: Duration,
    ) -> (Option<Child>, Result<Answer, String>) {
        let mut process = tokio::process::Command::new("setsid");
        process
            .args(&self.shell)
            .env_clear()
            .envs(environment())
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        let mut child = match process.spawn() {
            Ok(child) => child,
            Err(error) => return (None, Err(error.to_string())),
        };
        let conversation = async {
            if let Some(mut stdin) = child.stdin.take() {
                // A shell that did not read it all has said why, or did nothing.
                drop(stdin.write_all(script.as_bytes()).await);
            }
            let mut printed = Vec::new();
            if let Some(stdout) = child.stdout.take() {
                drop(stdout.take(8192).read_to_end(&mut printed).await);
            }
            let mut reader = Reader::new(0);
            match reader.feed(&printed).pop() {
                Some(Event::Answer(answer)) => Ok(answer),
                Some(Event::Outcome(_)) | None => {
                    Err(String::from_utf8_lossy(&printed).trim().to_owned())
                }
            }
        };
        let answered = tokio::time::timeout(patience, conversation).await;
        let answer = answered.unwrap_or_else(|_| {
            if let Some(group) = child.id().and_then(|pid| pid.try_into().ok()) {
                kill_group(group, Signal::KILL);
            }
            Err(format!("no answer within {} s", patience.as_secs()))
        });
        (Some(child), answer)
    }
}

impl Driver for LocalDriver {
    fn run(&self, step: StepRequest, withdrawal: Withdrawal) -> Reporting<'_> {
        Box::pin(self.run_step(step, withdrawal))
    }

    fn attach(&self, step: StepRequest) -> Reporting<'_> {
        Box::pin(self.attach_step(step))
    }

    fn question(&self, step: StepRequest) -> Reporting<'_> {
        Box::pin(async move {
            let limit = duration(step.timeout);
            let values = step.values.iter().map(|(n, v)| (n.as_str(), v.as_str()));
            let directory = &step.reach.directory;
            match command::ask(&step.command, values, directory, limit).await {
                Asked::Ended { exit, output } => ended(exit, output, 0),
                Asked::TimedOut { output } => RawReport::TimedOut { output },
                Asked::Cannot(why) => RawReport::Refused { why },
            }
        })
    }

    fn boot_id(&self, step: StepRequest) -> BootReading<'_> {
        Box::pin(async move { reboot::read_boot_id(&step, duration(step.timeout)).await })
    }

    fn probe(&self, probe: ProbeRequest) -> Sampling<'_> {
        Box::pin(async move {
            let reach = &probe.reach;
            let (target, none) = (reach.target(), BTreeMap::new());
            crate::probe::ask(&probe.ask, target, &none, &reach.directory, probe.timeout).await
        })
    }

    fn tidy(&self, tidy: TidyRequest) -> Tidying<'_> {
        let driver = self.clone();
        Box::pin(async move {
            let work = move || {
                let (host, open) = (&tidy.reach.host, &tidy.open);
                driver.tidy_host(host, tidy.incarnation, open, tidy.keep, tidy.now)
            };
            match tokio::task::spawn_blocking(work).await {
                Ok(tidied) => tidied.map_err(|error| error.to_string()),
                Err(error) => Err(error.to_string()),
            }
        })
    }
}

/// One step on its way through this driver.
struct Visit<'a> {
    driver: &'a LocalDriver,
    root: PathBuf,
    directory: RunDirectory,
    step: StepRequest,
}

impl<'a> Visit<'a> {
    fn new(driver: &'a LocalDriver, step: StepRequest) -> Self {
        let root = driver.host_root(&step.reach.host, step.place);
        let directory = RunDirectory::new(&root, step.incarnation, step.intent);
        Self {
            driver,
            root,
            directory,
            step,
        }
    }

    fn run(&self) -> envelope::Run<'_> {
        envelope::Run {
            root: &self.root,
            fleet: &self.step.fleet,
            adopts: &self.step.adopts,
            incarnation: self.step.incarnation,
            epoch: self.step.epoch,
            intent: self.step.intent,
            errand_for: self.step.errand_for.as_deref(),
        }
    }

    fn patience(&self) -> Duration {
        self.driver.patience.busy + ANSWER
    }

    /// What must be known before a step begins, as the note that is kept with it; or the report, where it need not run.
    async fn before(&self) -> Result<String, RawReport> {
        let Some(request) = &self.step.reboot else {
            return Ok(String::new());
        };
        // Started before: its note is written.
        if !matches!(self.directory.look(), Ok(Found::Nothing)) {
            return Ok(String::new());
        }
        match reboot::before(&self.step, request).await {
            Before::NotNeeded => Err(ended(0, String::new(), 0)),
            Before::Needed { note } => Ok(note),
            Before::Report(report) => Err(report),
        }
    }

    fn start_script(&self, note: &str) -> Result<String, QuoteError> {
        let step = &self.step;
        let values: Vec<(&str, &str)> = step
            .values
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        envelope::start(
            &self.run(),
            &envelope::Work {
                command: &step.command,
                values: &values,
                directory: &step.reach.directory,
                timeout: duration(step.timeout),
                grace: self.driver.patience.grace,
                patience: self.driver.patience.busy,
                output_limit: step.output_limit as u64,
                note,
                follow: false,
                durable: step.kind.takes_down() || step.kind == StepKind::Undrain,
            },
        )
    }

    /// Decides that the step never begins, unless it has begun.
    async fn forbid(&self) -> Result<Answer, String> {
        match envelope::forbid(&self.run()) {
            Ok(script) => self.driver.tell(script, ANSWER).await.1,
            Err(error) => Err(error.to_string()),
        }
    }

    /// Until when it is asked what became of the step.
    fn deadline(&self) -> Instant {
        Instant::now() + duration(self.step.timeout) + MARGIN
    }

    /// After an envelope that did not accept the step. `report` says so, and is given only where it is clear that nothing
    /// has begun: an earlier envelope may have begun it, and this one too unless it is `certain` that it did not.
    async fn settle(
        &self,
        mut child: Option<Child>,
        report: RawReport,
        certain: bool,
        withdrawal: Withdrawal,
    ) -> RawReport {
        // What is gone makes no run directory any more, and without one nothing begins.
        let ended = tokio::time::timeout(AGAIN, gone(&mut child)).await;
        let ended = matches!(ended, Ok(Ok(())));
        let never = if certain {
            report.clone()
        } else {
            RawReport::NeverStarted
        };
        let deadline = self.deadline();
        loop {
            match self.directory.look() {
                Ok(Found::Nothing) if certain || ended => return report,
                Ok(Found::Undecided { supervised: false }) if certain => return report,
                Ok(Found::Never) => return never,
                Ok(Found::Nothing | Found::Undecided { .. }) | Err(_) => {
                    match self.forbid().await {
                        Ok(Answer::Begun) => break,
                        Ok(Answer::Never) => return never,
                        told => {
                            tracing::warn!(intent = %self.step.intent, ?told, "what became of a step cannot be found out yet");
                        }
                    }
                }
                Ok(
                    Found::Running
                    | Found::Orphaned(_)
                    | Found::Interrupted
                    | Found::Ended { .. }
                    | Found::Late,
                ) => break,
            }
            if Instant::now() >= deadline {
                return RawReport::Interrupted;
            }
            tokio::time::sleep(AGAIN).await;
        }
        self.watch(child, withdrawal, false).await
    }

    /// Waits for the end. `child` is the envelope where this process started it: its exit is waited for then, and the
    /// directory looked at only after it.
    async fn watch(
        &self,
        mut child: Option<Child>,
        mut withdrawal: Withdrawal,
        attached: bool,
    ) -> RawReport {
        let deadline = self.deadline();
        let mut wait = LOOK.0;
        let mut listening = true;
        loop {
            let mut forbid = false;
            let mut supervised = true;
            match self.directory.look() {
                Ok(Found::Ended { exit }) => return self.ended(exit, attached).await,
                Ok(Found::Late) => return self.timed_out(),
                Ok(Found::Interrupted) => return self.interrupted().await,
                Ok(Found::Never) if withdrawal.is_asked() => return RawReport::Withdrawn,
                Ok(Found::Never) => return RawReport::NeverStarted,
                // It was there; whoever removed it knows what became of it.
                Ok(Found::Nothing) => return RawReport::Interrupted,
                Ok(Found::Undecided { supervised: alive }) => {
                    supervised = alive;
                    forbid = !supervised || (withdrawal.is_asked() && listening);
                }
                Ok(Found::Running) => {}
                Ok(Found::Orphaned(orphan)) => {
                    if self.overdue(&orphan) {
                        return self.end_orphan(&orphan).await;
                    }
                }
                Err(error) => {
                    tracing::warn!(intent = %self.step.intent, %error, "its run directory cannot be read now");
                }
            }
            if withdrawal.is_asked() {
                listening = false;
            }
            if forbid {
                match self.forbid().await {
                    Ok(Answer::Begun | Answer::Never) => continue,
                    Ok(Answer::Fenced(seen)) if !supervised => return RawReport::Fenced { seen },
                    told => {
                        tracing::warn!(intent = %self.step.intent, ?told, "a step cannot be prevented yet");
                    }
                }
                if Instant::now() >= deadline {
                    return RawReport::Interrupted;
                }
                tokio::time::sleep(AGAIN).await;
                continue;
            }
            tokio::select! {
                () = withdrawal.asked(), if listening => {}
                ended = gone(&mut child), if child.is_some() => {
                    if let Err(error) = ended {
                        tracing::warn!(intent = %self.step.intent, %error, "its envelope cannot be waited for");
                    }
                    child = None;
                }
                () = tokio::time::sleep(wait), if child.is_none() => wait = (wait * 2).min(LOOK.1),
            }
        }
    }

    async fn ended(&self, exit: i32, attached: bool) -> RawReport {
        let output = self.directory.output(self.step.output_limit);
        match &self.step.reboot {
            Some(request) if exit == 0 => {
                let spent = match (attached, self.directory.ended_at()) {
                    (true, Some(at)) => SystemTime::now().duration_since(at).unwrap_or_default(),
                    _ => Duration::ZERO,
                };
                reboot::await_back(self.awaited(request, spent))
                    .await
                    .report(output)
            }
            _ => ended(exit, output, 0),
        }
    }

    /// A restart may take its own envelope with it, so that its success is judged by the host being back.
    async fn interrupted(&self) -> RawReport {
        if let Some(request) = &self.step.reboot
            && request.boot_id.is_some()
        {
            let back = reboot::await_back(self.awaited(request, Duration::ZERO)).await;
            if back.has_restarted() {
                return back.report(self.directory.output(self.step.output_limit));
            }
        }
        RawReport::Interrupted
    }

    fn awaited<'b>(
        &'b self,
        request: &'b crate::RebootRequest,
        spent: Duration,
    ) -> reboot::Awaited<'b> {
        reboot::Awaited {
            step: &self.step,
            request,
            directory: &self.directory,
            spent,
            stable: self.driver.patience.stable,
        }
    }

    fn timed_out(&self) -> RawReport {
        RawReport::TimedOut {
            output: self.directory.output(self.step.output_limit),
        }
    }

    fn overdue(&self, orphan: &Orphan) -> bool {
        let bound = orphan.timeout + self.driver.patience.grace;
        orphan.process.age().is_some_and(|age| age > bound)
    }

    /// Ends a step whose time is over and whose envelope, which would have done it, was killed.
    async fn end_orphan(&self, orphan: &Orphan) -> RawReport {
        for signal in [Signal::TERM, Signal::KILL] {
            kill_group(orphan.process.pid, signal);
            let dead = async {
                while orphan.process.is_alive() {
                    tokio::time::sleep(LOOK.1).await;
                }
            };
            if tokio::time::timeout(self.driver.patience.grace, dead)
                .await
                .is_ok()
            {
                break;
            }
        }
        // What is left of its group, if anything.
        kill_group(orphan.process.pid, Signal::KILL);
        self.timed_out()
    }
}

async fn gone(child: &mut Option<Child>) -> io::Result<()> {
    match child {
        Some(child) => child.wait().await.map(drop),
        None => Ok(()),
    }
}

fn kill_group(leader: i32, signal: Signal) {
    if let Some(group) = Pid::from_raw(leader) {
        // It fails where nothing is left to kill.
        let _ = kill_process_group(group, signal);
    }
}

pub(crate) fn duration(span: Span) -> Duration {
    Duration::from_millis(span.millis())
}

fn ended(exit: i32, output: String, restarts: u16) -> RawReport {
    RawReport::Ended {
        exit,
        output,
        restarts,
    }
}

fn not_here(why: &str) -> String {
    let why = if why.is_empty() {
        "it ended without an answer"
    } else {
        why
    };
    format!("the envelope does not work here: {why}")
}

/// The host refuses every database but its own: two that believe in the same hosts must not both change them.
pub(crate) fn foreign(incarnation: u64) -> RawReport {
    RawReport::Unreachable {
        why: format!(
            "the host belongs to another database of this fleet; `ringway adopt {incarnation}` takes it over"
        ),
    }
}

/// Two fleets cannot share a root, for neither would know of the other's steps.
pub(crate) fn foreign_fleet(fleet: &str) -> RawReport {
    RawReport::Unreachable {
        why: format!(
            "the host's root belongs to the fleet `{fleet}`; a host of two fleets needs a root for each"
        ),
    }
}

/// A request that no shell can carry fails as a command that cannot be executed does: it would fail again if repeated.
pub(crate) fn refused(error: &QuoteError) -> RawReport {
    ended(REFUSED, format!("ringway: nothing was run: {error}"), 0)
}
