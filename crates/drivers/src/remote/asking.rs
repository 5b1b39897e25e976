//! Questions to a host: they change nothing, leave nothing behind, and nobody looks for their answer after a crash.
//!
//! A step's questions have the step's rights, so that they see what it would see; a probe's have the login's.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use ringway_model::{RawReport, Sample};
use ringway_policy::validated::Command;
use tokio::time::Instant;

use super::rights::{NoRights, Rights};
use super::step::Visit;
use super::talk::{Heard, Talk, Unsaid};
use super::{RemoteDriver, ssh};
use crate::command::Asked;
use crate::envelope::{self, Answer, Event, How, Outcome, Question};
use crate::local::duration;
use crate::port::{Reach, StepRequest};
use crate::probe::{self, of_refusal};
use crate::restarts::{self, Seen, Witness};
use crate::transport::{Exec, Refusal, Said};

/// How many bytes of a question's output are kept.
const OUTPUT_LIMIT: usize = 64 * 1024;

/// Where a host's commands start: the home of the user who is logged in.
pub(super) const HOME: &str = ".";

/// Why a question was not answered.
#[derive(Debug)]
pub(super) enum Unanswered {
    /// The host was not reached.
    Refusal(Refusal),
    /// This side cannot ask: why.
    Here(String),
    /// The host was reached, and would not run it: why.
    Refused(String),
    /// The connection broke, or nothing came back in time: why.
    Lost(String),
}

impl Unanswered {
    /// In a sentence.
    pub(super) fn words(self) -> String {
        match self {
            Self::Refusal(refusal) => refusal.to_string(),
            Self::Here(why) | Self::Refused(why) | Self::Lost(why) => why,
        }
    }

    /// As a step's report. Nothing has begun by a question, whatever became of it.
    pub(super) fn report(self) -> RawReport {
        match self {
            Self::Refusal(refusal) => RawReport::Unreachable {
                why: refusal.to_string(),
            },
            Self::Here(why) | Self::Lost(why) => RawReport::Unreachable { why },
            Self::Refused(why) => RawReport::Refused { why },
        }
    }
}

impl RemoteDriver {
    /// The rights of steps on a host.
    pub(super) async fn rights(&self, reach: &Reach) -> Result<Rights, NoRights> {
        let wanted = ssh(reach).and_then(|ssh| ssh.r#become.as_ref());
        Rights::of_steps(wanted, reach, &self.passwords).await
    }

    /// Asks for the password anew the next time, where what was printed says that it is wrong, and tells this host the same
    /// one not again.
    pub(super) async fn doubt(&self, reach: &Reach, rights: &Rights, printed: &str) {
        let wanted = ssh(reach).and_then(|ssh| ssh.r#become.as_ref());
        if let Some(command) = wanted.and_then(|wanted| wanted.password.as_ref())
            && let Some(password) = rights.wrong(printed)
        {
            self.passwords.refused(&reach.host, password);
            self.passwords.forget(command, &reach.directory).await;
        }
    }

    /// Gives a script that says one thing to a host, and hears it.
    pub(super) async fn hear(
        &self,
        reach: &Arc<Reach>,
        rights: &Rights,
        script: &str,
        limit: usize,
        within: Duration,
    ) -> Result<Event, Unanswered> {
        let until = Instant::now() + within;
        let begun = Talk::begin(&*self.transport, reach, rights, script, limit, until).await;
        let mut talk = begun.map_err(|unsaid| match unsaid {
            Unsaid::Refusal(refusal) => Unanswered::Refusal(refusal),
            Unsaid::Quote(error) => Unanswered::Here(error.to_string()),
            Unsaid::Late => Unanswered::Lost(format!("no answer within {within:?}")),
        })?;
        match talk.next(until).await {
            Heard::Event(event) => Ok(event),
            Heard::Over => {
                let printed = talk.printed();
                self.doubt(reach, rights, &printed).await;
                Err(Unanswered::Refused(rights.refusal(talk.exit(), &printed)))
            }
            Heard::Lost(why) => Err(Unanswered::Lost(format!("the connection was lost: {why}"))),
            Heard::Late => Err(Unanswered::Lost(format!("no answer within {within:?}"))),
        }
    }

    /// Gives a script to a host with the rights of steps, and hears its answer.
    pub(super) async fn tell(
        &self,
        reach: &Arc<Reach>,
        script: &str,
        within: Duration,
    ) -> Result<Answer, String> {
        let rights = self.rights(reach).await.map_err(NoRights::words)?;
        match self.hear(reach, &rights, script, 0, within).await {
            Ok(Event::Answer(answer)) => Ok(answer),
            Ok(Event::Outcome(outcome)) => Err(format!("it answered {:?}", outcome.how)),
            Err(unanswered) => Err(unanswered.words()),
        }
    }

    /// Puts a command to a host as a question.
    pub(super) async fn ask(
        &self,
        reach: &Arc<Reach>,
        rights: &Rights,
        command: &Command,
        values: &[(&str, &str)],
        timeout: Duration,
        limit: usize,
    ) -> Result<Asked, Unanswered> {
        let script = envelope::question(&Question {
            command,
            values,
            directory: Path::new(HOME),
            timeout,
            output_limit: limit as u64,
        })
        .map_err(|error| Unanswered::Here(error.to_string()))?;
        let within = timeout + self.spans.grace;
        match self.hear(reach, rights, &script, limit, within).await? {
            Event::Outcome(outcome) => Ok(asked(&outcome, rights)),
            Event::Answer(Answer::Cannot(why)) => Err(Unanswered::Refused(why)),
            Event::Answer(other) => Err(Unanswered::Refused(format!("it answered {other:?}"))),
        }
    }

    /// A step's command as a question.
    pub(super) async fn question_of(&self, step: &StepRequest) -> RawReport {
        let asked = self
            .ask_for(
                step,
                &step.command,
                duration(step.timeout),
                step.output_limit,
            )
            .await;
        match asked {
            Ok(Asked::Ended { exit, output }) => restarts::failed(exit, output),
            Ok(Asked::TimedOut { output }) => RawReport::TimedOut { output },
            Ok(Asked::Cannot(why)) => RawReport::Refused { why },
            Err(report) => report,
        }
    }

    /// A question of a step's, with its values and its rights.
    pub(super) async fn ask_for(
        &self,
        step: &StepRequest,
        command: &Command,
        timeout: Duration,
        limit: usize,
    ) -> Result<Asked, RawReport> {
        let rights = self.rights(&step.reach).await;
        let rights = rights.map_err(NoRights::report)?;
        let values = values(&step.values);
        self.ask(&step.reach, &rights, command, &values, timeout, limit)
            .await
            .map_err(Unanswered::report)
    }

    pub(super) async fn boot_id_of(&self, step: &StepRequest) -> Result<String, String> {
        let host = Looker { driver: self, step };
        restarts::boot_id(&host, step, duration(step.timeout)).await
    }

    /// Connects and logs in, as far as the transport can do that ahead.
    pub(crate) async fn log_in(&self, reach: &Arc<Reach>) -> Result<(), Refusal> {
        self.transport.ready(Arc::clone(reach)).await
    }

    /// Runs `true`, and gives what was printed all the same. An error is why nothing was run, or else that the connection
    /// was lost.
    pub(crate) async fn say_nothing(
        &self,
        reach: &Arc<Reach>,
    ) -> Result<String, Result<Refusal, String>> {
        let exec = Exec::new("true", "");
        let starting = self.transport.exec(Arc::clone(reach), exec);
        let mut running = starting.await.map_err(Ok)?;
        let mut printed = Vec::new();
        loop {
            match running.next().await {
                Ok(Some(Said::Output(bytes) | Said::Errors(bytes))) => {
                    let room = OUTPUT_LIMIT.saturating_sub(printed.len());
                    printed.extend_from_slice(&bytes[..bytes.len().min(room)]);
                }
                Ok(Some(Said::Exit(_))) => {}
                Ok(None) => return Ok(String::from_utf8_lossy(&printed).into_owned()),
                Err(lost) => return Err(Err(lost.0)),
            }
        }
    }

    /// Puts a text for `/bin/sh` to a host, with the rights of steps or with those of the login.
    ///
    /// # Errors
    ///
    /// Why it was not answered, in a sentence.
    pub(crate) async fn ask_text(
        &self,
        reach: &Arc<Reach>,
        text: &str,
        values: &[(&str, &str)],
        with_rights: bool,
        timeout: Duration,
    ) -> Result<Asked, String> {
        let rights = if with_rights {
            self.rights(reach).await.map_err(NoRights::words)?
        } else {
            Rights::Own
        };
        let command = Command::Shell(text.to_owned());
        self.ask(reach, &rights, &command, values, timeout, OUTPUT_LIMIT)
            .await
            .map_err(Unanswered::words)
    }

    /// Whether a host is well, by the exit code of a command on it.
    pub(super) async fn probe_by_command(
        &self,
        reach: &Arc<Reach>,
        command: &Command,
        timeout: Duration,
    ) -> Sample {
        let told = reach.target().values();
        let values = values(&told);
        let asking = self.ask(reach, &Rights::Own, command, &values, timeout, OUTPUT_LIMIT);
        match asking.await {
            Ok(asked) => probe::judge(asked).map_or_else(|sample| sample, |()| Sample::Up),
            Err(Unanswered::Refusal(refusal)) => of_refusal(&refusal),
            Err(Unanswered::Lost(why)) => Sample::Down(why),
            Err(Unanswered::Here(why) | Unanswered::Refused(why)) => Sample::Blind(why),
        }
    }
}

fn asked(outcome: &Outcome, rights: &Rights) -> Asked {
    let output = rights.redact(&outcome.text());
    match outcome.how {
        How::Ended => Asked::Ended {
            exit: outcome.code,
            output,
        },
        How::Late => Asked::TimedOut { output },
        How::Interrupted => Asked::Cannot("it was interrupted".to_owned()),
    }
}

/// A step's values, and one language everywhere: what commands print is compared with what documents expect, and a login
/// may come with any.
pub(super) fn values(told: &BTreeMap<String, String>) -> Vec<(&str, &str)> {
    [("LANG", "C.UTF-8"), ("LC_ALL", "")]
        .into_iter()
        .filter(|(name, _)| !told.contains_key(*name))
        .chain(told.iter().map(|(n, v)| (n.as_str(), v.as_str())))
        .collect()
}

/// A host that is only looked at.
struct Looker<'a> {
    driver: &'a RemoteDriver,
    step: &'a StepRequest,
}

impl Witness for Looker<'_> {
    async fn ask(&self, command: &Command, timeout: Duration) -> Result<Asked, RawReport> {
        self.driver
            .ask_for(self.step, command, timeout, OUTPUT_LIMIT)
            .await
    }

    async fn has(&self, file: &str) -> Result<bool, RawReport> {
        has(self.driver, self.step, file).await
    }

    async fn seen(&self) -> Result<Seen, String> {
        Ok(Seen::default())
    }

    async fn note(&self, _id: &str) -> Result<(), String> {
        Ok(())
    }
}

/// Whether there is such a file on the host, from the login's home on.
async fn has(driver: &RemoteDriver, step: &StepRequest, file: &str) -> Result<bool, RawReport> {
    let rights = driver.rights(&step.reach).await;
    let rights = rights.map_err(NoRights::report)?;
    let command = Command::Shell("[ -e \"$FILE\" ]".to_owned());
    let values = [("FILE", file)];
    let within = driver.spans.answer;
    let asked = driver.ask(
        &step.reach,
        &rights,
        &command,
        &values,
        within,
        OUTPUT_LIMIT,
    );
    match asked.await.map_err(Unanswered::report)? {
        Asked::Ended { exit: 0, .. } => Ok(true),
        Asked::Ended { exit: 1, .. } => Ok(false),
        Asked::Ended { exit, output } => Err(restarts::failed(exit, output)),
        Asked::TimedOut { output } => Err(RawReport::TimedOut { output }),
        Asked::Cannot(why) => Err(RawReport::Refused { why }),
    }
}

impl Witness for Visit<'_> {
    async fn ask(&self, command: &Command, timeout: Duration) -> Result<Asked, RawReport> {
        let asked = self
            .driver
            .ask_for(&self.step, command, timeout, OUTPUT_LIMIT)
            .await;
        if asked.is_err() {
            // A host that restarts does not say that its sessions are gone.
            self.driver.transport.renew(&self.step.reach);
        }
        asked
    }

    async fn has(&self, file: &str) -> Result<bool, RawReport> {
        has(self.driver, &self.step, file).await
    }

    async fn seen(&self) -> Result<Seen, String> {
        let told = self.restarts(None).await?;
        Ok(Seen {
            before: told.note,
            after: told.seen.into_iter().filter(|id| !id.is_empty()).collect(),
        })
    }

    async fn note(&self, id: &str) -> Result<(), String> {
        self.restarts(Some(id)).await.map(drop)
    }
}
