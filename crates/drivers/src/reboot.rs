//! Restarts: whether one is needed, and whether the host is back from it.
//!
//! A restart is seen by its boot id, something that changes with every restart, and by nothing else. Every id seen is
//! written into the run directory at once, so that whoever attaches after a crash counts on and not anew.

use std::time::Duration;

use ringway_model::RawReport;
use ringway_policy::validated::When;
use tokio::time::Instant;

use crate::command::{self, Asked};
use crate::local::duration;
use crate::port::{RebootRequest, StepRequest};
use crate::run_directory::RunDirectory;

/// How often the boot id is asked for while a host is awaited: first, and then doubling up to the last. A restart loop
/// that turns faster than this is seen as fewer restarts, and still as one that does not come to rest.
const ASK: (Duration, Duration) = (Duration::from_millis(20), Duration::from_millis(250));

/// How long one question for a boot id may take. A host that is on its way down may swallow a connection.
const ANSWER: Duration = Duration::from_secs(5);

/// The file of the ids seen after the command began, one to a line.
const SEEN: &str = "boots";

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
pub(crate) async fn before(step: &StepRequest, request: &RebootRequest) -> Before {
    match needed(step, &request.when).await {
        Ok(true) => {}
        Ok(false) => return Before::NotNeeded,
        Err(report) => return Before::Report(report),
    }
    // A host may be down before its restart, in a rollback say. It has no id then, and the first one after counts.
    let note = read_boot_id(step, ANSWER).await.unwrap_or_default();
    Before::Needed { note }
}

async fn needed(step: &StepRequest, when: &When) -> Result<bool, RawReport> {
    let command = match when {
        When::Always => return Ok(true),
        When::File(file) => {
            let path = step.reach.directory.join(file);
            return path
                .try_exists()
                .map_err(|error| failed(126, format!("ringway: `{}`: {error}", path.display())));
        }
        When::Run(command) => command,
    };
    match ask(step, command, duration(step.timeout)).await {
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

fn failed(exit: i32, output: String) -> RawReport {
    RawReport::Ended {
        exit,
        output,
        restarts: 0,
    }
}

async fn ask(
    step: &StepRequest,
    command: &ringway_policy::validated::Command,
    timeout: Duration,
) -> Asked {
    let values = step.values.iter().map(|(n, v)| (n.as_str(), v.as_str()));
    command::ask(command, values, &step.reach.directory, timeout).await
}

/// Reads the boot id once: one line that is not empty.
///
/// # Errors
///
/// Why it could not be read: the command is absent, failed, took too long, or printed nothing.
pub(crate) async fn read_boot_id(step: &StepRequest, timeout: Duration) -> Result<String, String> {
    let Some(command) = step.reboot.as_ref().and_then(|r| r.boot_id.as_ref()) else {
        return Err("there is no `boot_id` to read".to_owned());
    };
    match ask(step, command, timeout).await {
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

/// A host that is awaited.
pub(crate) struct Awaited<'a> {
    pub(crate) step: &'a StepRequest,
    pub(crate) request: &'a RebootRequest,
    pub(crate) directory: &'a RunDirectory,
    /// How much of `back_within` was over when the waiting began.
    pub(crate) spent: Duration,
    /// How long it must stay up.
    pub(crate) stable: Duration,
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
pub(crate) async fn await_back(awaited: Awaited<'_>) -> Back {
    let (min, max) = awaited.request.restarts;
    if awaited.request.boot_id.is_none() {
        return Back {
            restarts: min.get(),
            missing: None,
        };
    }
    let back_within = duration(awaited.request.back_within);
    let deadline = Instant::now() + back_within.saturating_sub(awaited.spent);
    let mut boots = Boots::load(awaited.directory);
    let mut wait = ASK.0;
    let mut up_since: Option<Instant> = None;
    loop {
        let why = match read_boot_id(awaited.step, ANSWER).await {
            Ok(id) => {
                if boots.see(&id, awaited.directory) {
                    up_since = None;
                    wait = ASK.0;
                }
                if boots.restarts > max.get() {
                    return boots.back(Some(format!(
                        "it restarted {} times, at most {max} are right",
                        boots.restarts
                    )));
                }
                let since = *up_since.get_or_insert_with(Instant::now);
                if boots.restarts >= min.get() {
                    if since.elapsed() >= awaited.stable {
                        return boots.back(None);
                    }
                    tokio::time::sleep(wait.min(awaited.stable)).await;
                    wait = (wait * 2).min(ASK.1);
                    continue;
                }
                match boots.restarts {
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
        wait = (wait * 2).min(ASK.1);
    }
}

/// The ids seen: the one before, and every one that differed from the one seen last.
struct Boots {
    last: String,
    restarts: u16,
    lines: String,
}

impl Boots {
    fn load(directory: &RunDirectory) -> Self {
        let before = directory.note().ok().flatten().unwrap_or_default();
        let lines = directory.read(SEEN).ok().flatten().unwrap_or_default();
        Self {
            last: lines.lines().last().unwrap_or(&before).to_owned(),
            restarts: u16::try_from(lines.lines().count()).unwrap_or(u16::MAX),
            lines,
        }
    }

    /// Whether this id tells of a further restart.
    fn see(&mut self, id: &str, directory: &RunDirectory) -> bool {
        if id == self.last {
            return false;
        }
        id.clone_into(&mut self.last);
        self.restarts = self.restarts.saturating_add(1);
        self.lines.push_str(id);
        self.lines.push('\n');
        if let Err(error) = directory.write(SEEN, &self.lines) {
            tracing::warn!(%error, "a restart that was seen could not be written down");
        }
        true
    }

    fn back(&self, missing: Option<String>) -> Back {
        Back {
            restarts: self.restarts,
            missing,
        }
    }
}
