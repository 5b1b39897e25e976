//! Restarts: whether one is needed, and whether the host is back from it, however the host is asked.
//!
//! A restart is seen by its boot id, something that changes with every restart, and by nothing else. Every id seen is
//! written down beside the step at once, so that whoever attaches after a crash counts on and not anew.
//!
//! # Invariants
//!
//! * Only a change from one id that was read to another one that was read is a restart. Where none could be read before the
//!   command, the first one after it is what later ones are held against, and no restart: that a host did not answer is no
//!   evidence of anything.

use std::collections::VecDeque;
use std::future::Future;
use std::time::Duration;

use ringway_model::RawReport;
use ringway_policy::validated::{Command, When};
use tokio::time::Instant;

use crate::command::Asked;
use crate::local::duration;
use crate::port::{RebootRequest, StepRequest};

/// How long one question for a boot id may take. A host that is on its way down may swallow a connection.
pub(crate) const ANSWER: Duration = Duration::from_secs(5);

/// How often the id before the command is asked for, and how long the pause in between is: without it no single restart
/// can be told, for which one lost answer must not be enough.
const TRIES: u32 = 3;
const TRY_AGAIN: Duration = Duration::from_millis(200);

/// A host that can be asked, and where it is written down what was seen of it.
pub(crate) trait Witness: Sync {
    /// Asks a question of the step's, with the step's values. An error is the step's report: it could not be asked.
    fn ask(
        &self,
        command: &Command,
        timeout: Duration,
    ) -> impl Future<Output = Result<Asked, RawReport>> + Send;

    /// Whether there is such a file. An error is the step's report.
    fn has(&self, file: &str) -> impl Future<Output = Result<bool, RawReport>> + Send;

    /// What was written down. An error says why it cannot be read now.
    fn seen(&self) -> impl Future<Output = Result<Seen, String>> + Send;

    /// Writes down one more id. Where that fails it is not known whether it was written, and it is tried again.
    fn note(&self, id: &str) -> impl Future<Output = Result<(), String>> + Send;
}

/// The ids that were written down.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Seen {
    /// The one before the command; empty where the host did not tell it.
    pub(crate) before: String,
    /// Those after it, the earliest first; one may stand there twice in a row.
    pub(crate) after: Vec<String>,
}

/// What is known before a restart.
pub(crate) enum Before {
    /// Its `when` says no.
    NotNeeded,
    /// The boot id before, as it is noted with the run: empty where the host did not tell it.
    Needed { note: String },
    /// It could not be found out whether it is needed.
    Report(RawReport),
}

/// Asks what must be known before the command begins.
pub(crate) async fn before(
    host: &impl Witness,
    step: &StepRequest,
    request: &RebootRequest,
) -> Before {
    match needed(host, step, &request.when).await {
        Ok(true) => {}
        Ok(false) => return Before::NotNeeded,
        Err(report) => return Before::Report(report),
    }
    Before::Needed {
        note: id_before(host, step, request).await,
    }
}

/// The id before the command; empty where it cannot be had. The command begins all the same: a host may be down before
/// its restart, in a rollback say, and up by it.
async fn id_before(host: &impl Witness, step: &StepRequest, request: &RebootRequest) -> String {
    if request.boot_id.is_none() {
        return String::new();
    }
    let mut tries = TRIES;
    loop {
        let why = match boot_id(host, step, ANSWER).await {
            Ok(id) => return id,
            Err(why) => why,
        };
        tries -= 1;
        if tries == 0 {
            tracing::warn!(intent = %step.intent, host = step.reach.host, why, "the boot id before a restart could not be read: a single restart cannot be told");
            return String::new();
        }
        tokio::time::sleep(TRY_AGAIN).await;
    }
}

async fn needed(host: &impl Witness, step: &StepRequest, when: &When) -> Result<bool, RawReport> {
    let command = match when {
        When::Always => return Ok(true),
        When::File(file) => return host.has(file).await,
        When::Run(command) => command,
    };
    match host.ask(command, duration(step.timeout)).await? {
        // A command that is not there says nothing about the host; to take it for a no would leave out a restart.
        Asked::Ended {
            exit: exit @ 126..,
            output,
        } => Err(failed(exit, output)),
        Asked::Ended { exit, .. } => Ok(exit == 0),
        Asked::TimedOut { output } => Err(RawReport::TimedOut { output }),
        Asked::Cannot(why) => Err(failed(127, format!("ringway: {why}"))),
    }
}

/// The report of a step that failed before its command began.
pub(crate) fn failed(exit: i32, output: String) -> RawReport {
    RawReport::Ended {
        exit,
        output,
        restarts: 0,
    }
}

/// Reads the boot id once: one line that is not empty.
///
/// # Errors
///
/// Why it could not be read: the host cannot be asked, or the command is absent, failed, took too long, or printed
/// nothing.
pub(crate) async fn boot_id(
    host: &impl Witness,
    step: &StepRequest,
    timeout: Duration,
) -> Result<String, String> {
    let Some(command) = step.reboot.as_ref().and_then(|r| r.boot_id.as_ref()) else {
        return Err("there is no `boot_id` to read".to_owned());
    };
    let asked = host.ask(command, timeout).await;
    match asked.map_err(|report| words(&report))? {
        Asked::Ended { exit: 0, output } => {
            let id = output.split_whitespace().collect::<Vec<_>>().join(" ");
            if id.is_empty() {
                Err("its boot id is empty".to_owned())
            } else {
                Ok(id)
            }
        }
        Asked::Ended { exit, output } => Err(format!(
            "reading its boot id ended with {exit}: {}",
            output.trim()
        )),
        Asked::TimedOut { .. } => Err("reading its boot id took too long".to_owned()),
        Asked::Cannot(why) => Err(why),
    }
}

/// What a report says of a host that could not be asked.
fn words(report: &RawReport) -> String {
    match report {
        RawReport::Unreachable { why } | RawReport::Refused { why } => why.clone(),
        RawReport::Ended { .. }
        | RawReport::TimedOut { .. }
        | RawReport::Interrupted
        | RawReport::NeverStarted
        | RawReport::Withdrawn
        | RawReport::NotBack { .. }
        | RawReport::Fenced { .. } => "it could not be asked".to_owned(),
    }
}

/// A host that is awaited.
pub(crate) struct Awaited<'a, W> {
    pub(crate) host: &'a W,
    pub(crate) step: &'a StepRequest,
    pub(crate) request: &'a RebootRequest,
    /// How much of `back_within` was over when the waiting began.
    pub(crate) spent: Duration,
    /// How long it must stay up.
    pub(crate) stable: Duration,
    /// How often it is asked: first, and then doubling up to the last. A restart loop that turns faster than this is seen
    /// as fewer restarts, and still as one that does not come to rest.
    pub(crate) pace: (Duration, Duration),
}

/// What became of it.
pub(crate) struct Back {
    restarts: u16,
    missing: Option<String>,
}

impl Back {
    pub(crate) const fn has_restarted(&self) -> bool {
        self.restarts > 0
    }

    pub(crate) fn report(self, output: String) -> RawReport {
        match self.missing {
            None => RawReport::Ended {
                exit: 0,
                output,
                restarts: self.restarts,
            },
            Some(why) => RawReport::NotBack {
                restarts: self.restarts,
                why,
            },
        }
    }
}

/// Waits until the host has restarted as often as is right and stays up, or until it is clear that it will not.
///
/// The deadline is for being up with the fewest restarts that are right; staying up may take `stable` longer. A host is
/// looked at for at least one whole spell, however late the waiting begins.
pub(crate) async fn await_back(awaited: Awaited<'_, impl Witness>) -> Back {
    let (min, max) = awaited.request.restarts;
    if awaited.request.boot_id.is_none() {
        return Back {
            restarts: min.get(),
            missing: None,
        };
    }
    let back_within = duration(awaited.request.back_within);
    let deadline = Instant::now() + back_within.saturating_sub(awaited.spent);
    let mut boots = Boots::default();
    let mut wait = awaited.pace.0;
    let mut up_since: Option<Instant> = None;
    loop {
        let why = match boots.look(&awaited).await {
            Ok(further) => {
                if further {
                    up_since = None;
                    wait = awaited.pace.0;
                }
                if boots.restarts > max.get() {
                    return boots.back(Some(format!(
                        "it restarted {} times, at most {max} are right",
                        boots.restarts
                    )));
                }
                let since = *up_since.get_or_insert_with(Instant::now);
                if boots.restarts >= min.get() {
                    let up = since.elapsed();
                    if up >= awaited.stable {
                        return boots.back(None);
                    }
                    tokio::time::sleep(wait.min(awaited.stable.saturating_sub(up))).await;
                    wait = (wait * 2).min(awaited.pace.1);
                    continue;
                }
                match boots.restarts {
                    0 if !boots.is_known_before => "its boot id could not be read before the restart and has not changed \
                                                    since, so that nobody knows whether it restarted"
                        .to_owned(),
                    0 => "it is up without having restarted".to_owned(),
                    n => format!("it restarted {n} times, at least {min} are right"),
                }
            }
            Err(why) => {
                up_since = None;
                why
            }
        };
        if Instant::now() >= deadline {
            return boots.back(Some(format!(
                "not back within {}: {why}",
                awaited.request.back_within
            )));
        }
        tokio::time::sleep(wait).await;
        wait = (wait * 2).min(awaited.pace.1);
    }
}

/// The ids seen: the one before, and every one that differed from the one seen last.
#[derive(Default)]
struct Boots {
    /// Whether what an earlier Ringway wrote down is counted in.
    loaded: bool,
    /// Whether there is an id from before the command.
    is_known_before: bool,
    /// The one seen last; empty while there is none.
    last: String,
    restarts: u16,
    /// What was seen and is not written down yet.
    unwritten: VecDeque<String>,
}

impl Boots {
    /// Looks once: whether the host has restarted further.
    async fn look(&mut self, awaited: &Awaited<'_, impl Witness>) -> Result<bool, String> {
        if !self.loaded {
            let seen = awaited.host.seen().await?;
            self.is_known_before = !seen.before.is_empty();
            self.last = seen.before;
            for id in seen.after {
                self.see(&id);
            }
            self.loaded = true;
        }
        let id = boot_id(awaited.host, awaited.step, ANSWER).await?;
        let is_new = id != self.last;
        let further = self.see(&id);
        if is_new {
            self.unwritten.push_back(id);
        }
        while let Some(id) = self.unwritten.front() {
            if let Err(why) = awaited.host.note(id).await {
                tracing::warn!(intent = %awaited.step.intent, why, "a restart that was seen could not be written down; it is tried again");
                break;
            }
            self.unwritten.pop_front();
        }
        Ok(further)
    }

    /// Whether this id tells of a further restart.
    fn see(&mut self, id: &str) -> bool {
        if id == self.last {
            return false;
        }
        let is_first = self.last.is_empty();
        id.clone_into(&mut self.last);
        if !is_first {
            self.restarts = self.restarts.saturating_add(1);
        }
        !is_first
    }

    fn back(&self, missing: Option<String>) -> Back {
        Back {
            restarts: self.restarts,
            missing,
        }
    }
}
