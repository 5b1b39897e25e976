//! One step on its way through the remote driver: what its report is.
//!
//! Everything turns on one question: may something of the step have begun? Before anything was given to the host, and
//! where the envelope itself says that it did nothing, the answer is no, and the report says so. From then on only the
//! host knows. It is asked until it answers or the step's time and a margin are over.

use std::path::{Path, PathBuf};
use std::pin::{Pin, pin};
use std::time::Duration;

use ringway_model::{RawReport, StepClass, StepKind};
use tokio::time::Instant;

use super::asking::{HOME, values};
use super::rights::{NoRights, Rights};
use super::talk::{Heard, Talk, Unsaid};
use super::{RemoteDriver, root};
use crate::envelope::{self, Answer, Event, How, Outcome, Restarts};
use crate::local::{duration, foreign, foreign_fleet, refused};
use crate::port::{RebootRequest, StepRequest, Withdrawal};
use crate::quote::QuoteError;
use crate::restarts::{self, Awaited, Before};
use crate::transport::Refusal;

/// One step, at its host.
pub(super) struct Visit<'a> {
    pub(super) driver: &'a RemoteDriver,
    pub(super) step: StepRequest,
}

/// Attempts to reach a host, one after the other.
struct Again {
    until: Instant,
    pause: Duration,
    longest: Duration,
}

impl Again {
    /// Waits before the next attempt; false where there is none, since it would not end otherwise or the time is over.
    async fn after(&mut self, refusal: &Refusal) -> bool {
        let next = Instant::now() + self.pause;
        if !refusal.may_pass() || next > self.until {
            return false;
        }
        tokio::time::sleep_until(next).await;
        self.pause = (self.pause * 2).min(self.longest);
        true
    }
}

/// Why a step was not found, this time.
enum Unfound {
    /// The host was not reached: why.
    Away(String),
    /// It was, and did not say.
    Unsaid(String),
}

impl<'a> Visit<'a> {
    pub(super) const fn new(driver: &'a RemoteDriver, step: StepRequest) -> Self {
        Self { driver, step }
    }

    /// Runs the step and waits for its end.
    pub(super) async fn run(&self, mut withdrawal: Withdrawal) -> RawReport {
        if withdrawal.is_asked() {
            return RawReport::Withdrawn;
        }
        let (rights, script) = tokio::select! {
            biased;
            // Nothing of the step is given to the host meanwhile.
            () = withdrawal.asked() => return RawReport::Withdrawn,
            prepared = self.prepare() => match prepared {
                Ok(prepared) => prepared,
                Err(report) => return report,
            },
        };
        let report = self.give(&rights, script, withdrawal).await;
        clean(report, &rights)
    }

    /// Finds the step, and waits for its end.
    pub(super) async fn attach(&self) -> RawReport {
        let report = self.find(false, self.deadline()).await;
        match self.driver.rights(&self.step.reach).await {
            Ok(rights) => clean(report, &rights),
            // Without a password nothing was heard of the host either.
            Err(_) => report,
        }
    }

    /// When nobody waits any more to hear what became of the step.
    fn deadline(&self) -> Instant {
        let spans = &self.driver.spans;
        let back = self.step.reboot.as_ref().map(|r| duration(r.back_within));
        Instant::now()
            + duration(self.step.timeout)
            + back.unwrap_or_default()
            + spans.grace
            + spans.busy
            + spans.margin
    }

    /// Everything that is done before anything is given to the host: the login, the password, what must be known before
    /// a restart.
    async fn prepare(&self) -> Result<(Rights, String), RawReport> {
        let (driver, reach) = (self.driver, &self.step.reach);
        let mut again = self.again();
        loop {
            let login = driver.transport.ready(reach.clone());
            match tokio::time::timeout_at(self.deadline(), login).await {
                Ok(Ok(())) => break,
                Ok(Err(refusal)) if again.after(&refusal).await => {}
                Ok(Err(refusal)) => return Err(unreachable(&refusal)),
                Err(_) => {
                    return Err(RawReport::Unreachable {
                        why: "nobody was logged in within the step's time".to_owned(),
                    });
                }
            }
        }
        let rights = driver.rights(reach).await;
        let rights = rights.map_err(NoRights::report)?;
        let note = self.before().await?;
        let root = root(reach).map_err(|why| restarts::failed(125, format!("ringway: {why}")))?;
        let script = self
            .start_script(&root, &note)
            .map_err(|error| refused(&error))?;
        Ok((rights, script))
    }

    /// What must be known before a step begins, as the note that is kept with it; or the report, where it need not run.
    async fn before(&self) -> Result<String, RawReport> {
        let Some(request) = &self.step.reboot else {
            return Ok(String::new());
        };
        // Started before: its note is written, and its `when` may be answered by the restart itself.
        if self.restarts(None).await.is_ok() {
            return Ok(String::new());
        }
        match restarts::before(self, &self.step, request).await {
            Before::NotNeeded => Err(restarts::failed(0, String::new())),
            Before::Needed { note } => Ok(note),
            Before::Report(report) => Err(report),
        }
    }

    fn start_script(&self, root: &Path, note: &str) -> Result<String, QuoteError> {
        let (step, spans) = (&self.step, &self.driver.spans);
        envelope::start(
            &self.of_run(root),
            &envelope::Work {
                command: &step.command,
                values: &values(&step.values),
                directory: Path::new(HOME),
                timeout: duration(step.timeout),
                grace: spans.grace,
                patience: spans.busy,
                output_limit: step.output_limit as u64,
                note,
                follow: true,
                durable: step.kind.takes_down() || step.kind == StepKind::Undrain,
            },
        )
    }

    fn of_run<'b>(&'b self, root: &'b Path) -> envelope::Run<'b> {
        envelope::Run {
            root,
            fleet: &self.step.fleet,
            incarnation: self.step.incarnation,
            adopts: &self.step.adopts,
            epoch: self.step.epoch,
            intent: self.step.intent,
            errand_for: self.step.errand_for.as_deref(),
        }
    }

    /// Gives the step to its host, and hears what becomes of it.
    async fn give(&self, rights: &Rights, script: String, mut withdrawal: Withdrawal) -> RawReport {
        let deadline = self.deadline();
        let mut again = self.again();
        let begun = loop {
            match self.begin(rights, &script, deadline).await {
                Err(Unsaid::Refusal(_)) if withdrawal.is_asked() => return RawReport::Withdrawn,
                Err(Unsaid::Refusal(refusal)) => {
                    // Nothing of the step is given to the host meanwhile.
                    let goes_on = tokio::select! {
                        biased;
                        () = withdrawal.asked() => return RawReport::Withdrawn,
                        goes_on = again.after(&refusal) => goes_on,
                    };
                    if !goes_on {
                        return unreachable(&refusal);
                    }
                }
                begun => break begun,
            }
        };
        // It is many times larger than everything else that is kept of a step while it runs.
        drop(script);
        let mut talk = match begun {
            Ok(talk) => talk,
            Err(Unsaid::Refusal(refusal)) => return unreachable(&refusal),
            Err(Unsaid::Quote(error)) => return refused(&error),
            Err(Unsaid::Late) => return self.find(withdrawal.is_asked(), deadline).await,
        };
        let answer_by = deadline.min(Instant::now() + self.patience());
        let mut taken_back = false;
        let mut forbidding: Option<Pin<Box<dyn Future<Output = ()> + Send + '_>>> = None;
        loop {
            let until = if talk.has_answered() {
                deadline
            } else {
                answer_by
            };
            let heard = {
                let mut next = pin!(talk.next(until));
                loop {
                    tokio::select! {
                        heard = &mut next => break heard,
                        () = withdrawal.asked(), if !taken_back => {
                            taken_back = true;
                            forbidding = Some(Box::pin(self.forbid(deadline)));
                        }
                        () = done(&mut forbidding), if forbidding.is_some() => forbidding = None,
                    }
                }
            };
            match self.read(heard, &mut talk, rights, taken_back).await {
                Some(Read::Report(report)) => return report,
                Some(Read::Outcome(outcome)) => return self.over(outcome, None).await,
                Some(Read::Ask) => return self.find(taken_back, deadline).await,
                None => {}
            }
        }
    }

    async fn begin(&self, rights: &Rights, script: &str, until: Instant) -> Result<Talk, Unsaid> {
        let (driver, reach) = (self.driver, &self.step.reach);
        let limit = self.step.output_limit;
        Talk::begin(&*driver.transport, reach, rights, script, limit, until).await
    }

    /// For how long its host is tried again where it cannot be reached. One to which nothing was done yet is left alone at
    /// once, for nobody waits for it; one that is out of service or changed would be called lost, and count as failed.
    fn again(&self) -> Again {
        let spans = &self.driver.spans;
        let patience = match self.step.kind.class() {
            StepClass::Preparing => Duration::ZERO,
            StepClass::Disruptive | StepClass::Restorative => spans.again,
        };
        Again {
            until: Instant::now() + patience,
            pause: spans.pause.0,
            longest: spans.pause.1,
        }
    }

    /// How long an answer may take: the host's step before this one, and moments.
    fn patience(&self) -> Duration {
        self.driver.spans.busy + self.driver.spans.answer
    }

    /// What follows from what was heard of a step that was just given to its host; nothing, where more is to come.
    async fn read(
        &self,
        heard: Heard,
        talk: &mut Talk,
        rights: &Rights,
        taken_back: bool,
    ) -> Option<Read> {
        let answer = match heard {
            Heard::Event(Event::Outcome(outcome)) => return Some(Read::Outcome(outcome)),
            Heard::Event(Event::Answer(answer)) => answer,
            Heard::Over if !talk.has_answered() => {
                let printed = talk.printed();
                self.driver.doubt(&self.step.reach, rights, &printed).await;
                let why = rights.refusal(talk.exit(), &printed);
                if rights.has_refused(talk.exit(), &printed) {
                    return Some(Read::Report(RawReport::Refused { why }));
                }
                return Some(self.settle(why, false).await);
            }
            // The envelope was killed, or nobody knows.
            Heard::Over => return Some(Read::Ask),
            Heard::Lost(why) => {
                self.lost(&why);
                return Some(Read::Ask);
            }
            Heard::Late => {
                self.lost("nothing came back in time");
                return Some(Read::Ask);
            }
        };
        let report = match answer {
            Answer::Accepted => return None,
            Answer::Exists | Answer::Begun => return Some(Read::Ask),
            Answer::Never => never(taken_back),
            Answer::Busy(holder) => {
                tracing::error!(intent = %self.step.intent, host = self.step.reach.host, holder, "the host's step before this one did not end: two steps were decided at once");
                RawReport::NeverStarted
            }
            Answer::Fenced(seen) => RawReport::Fenced { seen },
            Answer::Foreign(incarnation) => foreign(incarnation),
            Answer::ForeignFleet(fleet) => foreign_fleet(&fleet),
            Answer::Cannot(why) => return Some(self.settle(not_here(&why), true).await),
            Answer::Tidied(_) => return Some(self.settle(not_here("it tidied"), false).await),
        };
        Some(Read::Report(report))
    }

    /// After a script that did not accept the step: an earlier one may have, and this one too unless it is `certain` that it
    /// did not. Where it is not, a host that lets itself be asked and says nothing either has no envelopes at all; one that
    /// is gone may have begun the step.
    async fn settle(&self, why: String, certain: bool) -> Read {
        let until = Instant::now() + self.patience();
        match self.look(until, until).await {
            Ok(Read::Report(RawReport::NeverStarted)) | Err(Unfound::Unsaid(_)) => {
                Read::Report(RawReport::Refused { why })
            }
            Err(Unfound::Away(_)) if certain => Read::Report(RawReport::Refused { why }),
            Err(Unfound::Away(_)) | Ok(Read::Report(RawReport::Unreachable { .. })) => Read::Ask,
            Ok(read) => read,
        }
    }

    fn lost(&self, why: &str) {
        tracing::warn!(intent = %self.step.intent, host = self.step.reach.host, why, "the connection to a step was lost; it is looked for");
        self.driver.transport.renew(&self.step.reach);
    }

    /// Decides that the step never begins, unless it has begun. What came of it is heard where the step is followed.
    async fn forbid(&self, deadline: Instant) {
        let spans = &self.driver.spans;
        let mut pause = spans.pause.0;
        while Instant::now() < deadline {
            let why = match self.script(envelope::forbid) {
                Ok(script) => match self
                    .driver
                    .tell(&self.step.reach, &script, spans.answer)
                    .await
                {
                    Ok(Answer::Cannot(why)) | Err(why) => why,
                    Ok(_) => return,
                },
                Err(why) => why,
            };
            tracing::warn!(intent = %self.step.intent, why, "a step could not be taken back yet");
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(spans.pause.1);
        }
    }

    /// Looks for a step that may have begun until the host says what became of it, or its time is over.
    async fn find(&self, taken_back: bool, deadline: Instant) -> RawReport {
        let spans = &self.driver.spans;
        let since = Instant::now();
        let mut pause = spans.pause.0;
        let mut away: Option<Instant> = None;
        let mut last;
        loop {
            let answer_by = deadline.min(Instant::now() + self.patience());
            match self.look(answer_by, deadline).await {
                Ok(Read::Report(RawReport::NeverStarted)) => return never(taken_back),
                Ok(Read::Report(report)) => return report,
                Ok(Read::Outcome(outcome)) => return self.over(outcome, Some(since)).await,
                Ok(Read::Ask) => last = "it did not say".to_owned(),
                Err(Unfound::Unsaid(why)) => {
                    away = None;
                    last = why;
                }
                Err(Unfound::Away(why)) => {
                    let gone = away.get_or_insert_with(Instant::now).elapsed();
                    if let Some(report) = self.not_back(gone, &why) {
                        return report;
                    }
                    last = why;
                }
            }
            if Instant::now() + pause >= deadline {
                break;
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(spans.pause.1);
        }
        tracing::warn!(intent = %self.step.intent, host = self.step.reach.host, why = last, "nobody knows what became of a step");
        RawReport::Interrupted
    }

    /// A restart whose host has been away for longer than it may.
    fn not_back(&self, gone: Duration, why: &str) -> Option<RawReport> {
        let request = self.step.reboot.as_ref()?;
        request.boot_id.as_ref()?;
        (gone >= duration(request.back_within)).then(|| RawReport::NotBack {
            restarts: 0,
            why: format!("not back within {}: {why}", request.back_within),
        })
    }

    /// Looks for the step once. The host decides that it never begins, where it has not.
    async fn look(&self, answer_by: Instant, deadline: Instant) -> Result<Read, Unfound> {
        let limit = self.step.output_limit as u64;
        let grace = self.driver.spans.grace;
        let script = self
            .script(|run| envelope::attach(run, limit, grace))
            .map_err(Unfound::Unsaid)?;
        let rights = self.driver.rights(&self.step.reach).await;
        let rights = rights.map_err(|none| Unfound::Unsaid(none.words()))?;
        let begun = self.begin(&rights, &script, answer_by).await;
        let mut talk = begun.map_err(|unsaid| match unsaid {
            Unsaid::Refusal(refusal) => Unfound::Away(refusal.to_string()),
            Unsaid::Quote(error) => Unfound::Unsaid(error.to_string()),
            Unsaid::Late => Unfound::Away("nothing came back in time".to_owned()),
        })?;
        loop {
            let until = if talk.has_answered() {
                deadline
            } else {
                answer_by
            };
            let answer = match talk.next(until).await {
                Heard::Event(Event::Outcome(outcome)) => return Ok(Read::Outcome(outcome)),
                Heard::Event(Event::Answer(answer)) => answer,
                Heard::Over if talk.has_answered() => {
                    return Err(Unfound::Unsaid("it ended without a word".to_owned()));
                }
                Heard::Over => {
                    let printed = talk.printed();
                    self.driver.doubt(&self.step.reach, &rights, &printed).await;
                    return Err(Unfound::Unsaid(rights.refusal(talk.exit(), &printed)));
                }
                Heard::Lost(why) => {
                    self.lost(&why);
                    return Err(Unfound::Away(why));
                }
                Heard::Late => {
                    self.lost("nothing came back in time");
                    return Err(Unfound::Away("nothing came back in time".to_owned()));
                }
            };
            return match answer {
                Answer::Begun => continue,
                Answer::Never => Ok(Read::Report(RawReport::NeverStarted)),
                Answer::Fenced(seen) => Ok(Read::Report(RawReport::Fenced { seen })),
                // It may have begun while the host was still ours, and nobody can be asked any more.
                Answer::Foreign(_) | Answer::ForeignFleet(_) => {
                    Ok(Read::Report(RawReport::Interrupted))
                }
                Answer::Cannot(why) => Err(Unfound::Unsaid(not_here(&why))),
                other @ (Answer::Accepted
                | Answer::Exists
                | Answer::Busy(_)
                | Answer::Tidied(_)) => Err(Unfound::Unsaid(format!("it answered {other:?}"))),
            };
        }
    }

    fn script(
        &self,
        make: impl FnOnce(&envelope::Run<'_>) -> Result<String, QuoteError>,
    ) -> Result<String, String> {
        let root: PathBuf = root(&self.step.reach)?;
        make(&self.of_run(&root)).map_err(|error| error.to_string())
    }

    /// What the host has written down of the step's restarts, after writing down one more boot id.
    ///
    /// # Errors
    ///
    /// Why it cannot be had: the host is away, or has no run directory of the step.
    pub(super) async fn restarts(&self, seen: Option<&str>) -> Result<Restarts, String> {
        let script = self.script(|run| envelope::restarts(run, seen))?;
        let reach = &self.step.reach;
        let rights = self.driver.rights(reach).await.map_err(NoRights::words)?;
        let within = self.driver.spans.answer;
        let heard = self
            .driver
            .hear(reach, &rights, &script, 64 * 1024, within)
            .await;
        match heard {
            Ok(Event::Outcome(outcome)) => Ok(Restarts::read(&outcome)),
            Ok(Event::Answer(Answer::Cannot(why))) => Err(not_here(&why)),
            Ok(Event::Answer(other)) => Err(format!("it answered {other:?}")),
            Err(unanswered) => Err(unanswered.words()),
        }
    }

    /// The report of a step that is over. `sought` is since when its host was looked for, where it was.
    async fn over(&self, outcome: Outcome, sought: Option<Instant>) -> RawReport {
        let output = outcome.text();
        match (outcome.how, &self.step.reboot) {
            (How::Late, _) => RawReport::TimedOut { output },
            (How::Ended, Some(request)) if outcome.code == 0 => {
                let spent = self.spent(sought).await;
                self.await_back(request, spent).await.report(output)
            }
            // A restart may take its own envelope with it, or end its command by a signal first, so that its success is
            // judged by the host being back.
            (How::Ended | How::Interrupted, Some(request))
                if request.boot_id.is_some()
                    && (outcome.how == How::Interrupted || outcome.code > 128) =>
            {
                let spent = sought.map_or(Duration::ZERO, |since| since.elapsed());
                let back = self.await_back(request, spent).await;
                match (back.has_restarted(), outcome.how) {
                    (true, _) => back.report(output),
                    (false, How::Ended) => restarts::failed(outcome.code, output),
                    (false, How::Interrupted | How::Late) => RawReport::Interrupted,
                }
            }
            (How::Ended, _) => restarts::failed(outcome.code, output),
            (How::Interrupted, _) => RawReport::Interrupted,
        }
    }

    /// How long ago the command of a restart ended, where its end was not seen from here.
    async fn spent(&self, sought: Option<Instant>) -> Duration {
        let Some(since) = sought else {
            return Duration::ZERO;
        };
        let told = self.restarts(None).await.ok();
        told.and_then(|told| told.ended_ago)
            .unwrap_or_else(|| since.elapsed())
    }

    async fn await_back(&self, request: &RebootRequest, spent: Duration) -> restarts::Back {
        let spans = &self.driver.spans;
        restarts::await_back(Awaited {
            host: self,
            step: &self.step,
            request,
            spent,
            stable: spans.stable,
            pace: spans.pace,
        })
        .await
    }
}

/// What follows from something heard.
enum Read {
    /// The step's report.
    Report(RawReport),
    /// The step is over.
    Outcome(Outcome),
    /// The host must be asked.
    Ask,
}

async fn done(forbidding: &mut Option<Pin<Box<dyn Future<Output = ()> + Send + '_>>>) {
    match forbidding {
        Some(forbidding) => forbidding.await,
        None => std::future::pending().await,
    }
}

fn never(taken_back: bool) -> RawReport {
    if taken_back {
        RawReport::Withdrawn
    } else {
        RawReport::NeverStarted
    }
}

fn unreachable(refusal: &Refusal) -> RawReport {
    RawReport::Unreachable {
        why: refusal.to_string(),
    }
}

fn not_here(why: &str) -> String {
    format!("the envelope does not work here: {why}")
}

/// A report without the password.
fn clean(report: RawReport, rights: &Rights) -> RawReport {
    match report {
        RawReport::Ended {
            exit,
            output,
            restarts,
        } => RawReport::Ended {
            exit,
            output: rights.redact(&output),
            restarts,
        },
        RawReport::TimedOut { output } => RawReport::TimedOut {
            output: rights.redact(&output),
        },
        RawReport::Unreachable { why } => RawReport::Unreachable {
            why: rights.redact(&why),
        },
        RawReport::Refused { why } => RawReport::Refused {
            why: rights.redact(&why),
        },
        RawReport::NotBack { restarts, why } => RawReport::NotBack {
            restarts,
            why: rights.redact(&why),
        },
        same @ (RawReport::Interrupted
        | RawReport::NeverStarted
        | RawReport::Withdrawn
        | RawReport::Fenced { .. }) => same,
    }
}
