//! Who answers for a data directory: the process that decides there, this process once it has taken the fleet over, or
//! the journal when nothing runs.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use ringway_engine::view::{FleetView, HostView, Waiting};
use ringway_engine::{Command, Engine};
use ringway_executor::port::{Ended, Proposal};
use ringway_model::{Actor, RingIndex, RolloutId, Timestamp};
use ringway_runtime::{
    Answer, Bundle, Client, Config, Following, Gone, Over, Question, Runtime, StartError,
    SystemUsers, Unreachable, Views,
};
use ringway_store::OpenError;

use crate::exit::{End, Failure, chain};
use crate::journal;

/// Steps at once.
const WORKERS: u32 = 64;

/// Somebody who decides over the fleet.
pub(crate) enum Session {
    /// This process.
    Here(Box<Runtime>),
    /// Another process.
    There(Client),
}

/// What a command that was accepted says.
pub(crate) type Answered = ringway_engine::Accepted;

impl Session {
    /// The process that decides, or this one where none does.
    ///
    /// # Errors
    ///
    /// Exit code 6: another process holds the data directory and does not answer. Exit code 1: it cannot be used.
    pub(crate) async fn open_or_start(data: &Path) -> Result<Self, Failure> {
        if let Some(there) = Self::running(data).await? {
            return Ok(there);
        }
        make_parents(data)?;
        let config = Config {
            data: data.to_owned(),
            workers: WORKERS,
            identify: Arc::new(SystemUsers),
            observe: false,
        };
        match Runtime::start(config).await {
            Ok(runtime) => Ok(Self::Here(Box::new(runtime))),
            // It may have been started between the look and the attempt.
            Err(StartError::Open(OpenError::Held { .. })) => {
                Self::running(data).await?.ok_or_else(|| silent(data))
            }
            Err(StartError::Open(error)) => Err(cannot_open(&error)),
            Err(
                error @ (StartError::Mixed(_) | StartError::Socket { .. } | StartError::Driver(_)),
            ) => Err(Failure::new(End::Refused, chain(&error))),
        }
    }

    /// The process that decides, if there is one that answers.
    ///
    /// # Errors
    ///
    /// Exit code 6: somebody is there, but may not be asked or does not answer properly.
    pub(crate) async fn running(data: &Path) -> Result<Option<Self>, Failure> {
        let client = Client::new(data);
        match client.ask(&Question::Ping).await {
            Ok(Answer::Pong { .. }) => Ok(Some(Self::There(client))),
            Ok(_) => Err(silent(data)),
            Err(Unreachable::Nobody { .. }) => Ok(None),
            Err(error) => Err(Failure::new(End::Unavailable, error)),
        }
    }

    /// Whether this process decides.
    pub(crate) const fn is_here(&self) -> bool {
        matches!(self, Self::Here(_))
    }

    /// Asks for a new rollout.
    pub(crate) async fn propose(&self, proposal: Proposal) -> Result<Answered, Failure> {
        match self {
            Self::Here(runtime) => answered(runtime.caller().propose(me(), proposal).await),
            Self::There(client) => given(
                client
                    .ask(&Question::Propose(Bundle::pack(&proposal)))
                    .await,
            ),
        }
    }

    /// Gives a command.
    pub(crate) async fn command(&self, command: Command) -> Result<Answered, Failure> {
        match self {
            Self::Here(runtime) => answered(runtime.caller().command(me(), command).await),
            Self::There(client) => given(client.ask(&Question::Command(command)).await),
        }
    }

    /// The fleet as it is now.
    pub(crate) async fn view(&self) -> Result<FleetView, Failure> {
        match self {
            Self::Here(runtime) => runtime.caller().view().await.map_err(gone),
            Self::There(client) => {
                let answer = client.ask(&Question::View).await.map_err(unreachable)?;
                if let Answer::View(view) = answer {
                    Ok(*view)
                } else {
                    Err(odd(&answer))
                }
            }
        }
    }

    /// The fleet's views as they change, beginning with the one now.
    pub(crate) async fn watch(&self) -> Result<Watch, Failure> {
        match self {
            Self::Here(runtime) => Ok(Watch::Here(runtime.caller().follow())),
            Self::There(client) => client.follow().await.map(Watch::There).map_err(unreachable),
        }
    }

    /// Waits until the decider of this process ends by itself; for ever where another process decides.
    pub(crate) async fn ended(&mut self) -> Failure {
        match self {
            Self::Here(runtime) => over(&runtime.ended().await),
            Self::There(_) => std::future::pending().await,
        }
    }

    /// Ends what this process started. Steps that run go on and are found by the next process.
    pub(crate) async fn close(self) {
        if let Self::Here(runtime) = self {
            runtime.shutdown().await;
        }
    }
}

/// Views as they come.
pub(crate) enum Watch {
    Here(Views),
    There(Following),
}

impl Watch {
    /// The next view.
    pub(crate) async fn next(&mut self) -> Result<Arc<FleetView>, Failure> {
        match self {
            Self::Here(views) => views.next().await.map_err(gone),
            Self::There(following) => following.next().await.map(Arc::new).map_err(unreachable),
        }
    }
}

/// Somebody who can be asked how things stand; nothing is started for it.
pub(crate) enum Informant {
    /// The process that decides.
    Running(Client),
    /// The journal: nothing runs.
    Journal(Box<Engine>),
}

impl Informant {
    /// Whoever knows.
    ///
    /// # Errors
    ///
    /// Exit code 6: there is neither a process nor a journal. Exit code 7: the journal cannot be trusted.
    pub(crate) async fn find(data: &Path) -> Result<Self, Failure> {
        match Session::running(data).await? {
            Some(Session::There(client)) => Ok(Self::Running(client)),
            Some(Session::Here(_)) | None => {
                Ok(Self::Journal(Box::new(journal::fold(data).await?)))
            }
        }
    }

    /// Whether a process decides.
    pub(crate) const fn is_running(&self) -> bool {
        matches!(self, Self::Running(_))
    }

    /// The fleet as it is now.
    pub(crate) async fn view(&self) -> Result<FleetView, Failure> {
        match self {
            Self::Running(client) => Session::There(client.clone()).view().await,
            Self::Journal(engine) => Ok(engine.view(now())),
        }
    }

    /// A host in every rollout it is part of.
    pub(crate) async fn host(&self, name: &str) -> Result<Vec<HostView>, Failure> {
        match self {
            Self::Running(client) => hosts(
                client
                    .ask(&Question::Host {
                        name: name.to_owned(),
                    })
                    .await,
            ),
            Self::Journal(engine) => Ok(engine.host_views(name)),
        }
    }

    /// The hosts of a rollout, or of one of its rings.
    pub(crate) async fn hosts(
        &self,
        rollout: RolloutId,
        ring: Option<&str>,
    ) -> Result<Vec<HostView>, Failure> {
        match self {
            Self::Running(client) => hosts(
                client
                    .ask(&Question::Hosts {
                        rollout,
                        ring: ring.map(str::to_owned),
                    })
                    .await,
            ),
            Self::Journal(engine) => Ok(engine.hosts_of(rollout, ring)),
        }
    }

    /// Why a ring of a rollout does not move.
    pub(crate) async fn ring(
        &self,
        rollout: RolloutId,
        ring: RingIndex,
    ) -> Result<Vec<Waiting>, Failure> {
        match self {
            Self::Running(client) => {
                let answer = client
                    .ask(&Question::Ring { rollout, ring })
                    .await
                    .map_err(unreachable)?;
                if let Answer::Waiting(waiting) = answer {
                    Ok(waiting)
                } else {
                    Err(odd(&answer))
                }
            }
            Self::Journal(engine) => Ok(engine
                .ring_waiting(rollout, ring)
                .into_iter()
                .map(Waiting::from)
                .collect()),
        }
    }
}

fn now() -> Timestamp {
    ringway_runtime::Clock::default().now()
}

fn me() -> Actor {
    SystemUsers.me()
}

/// The data directory itself is made by the store; what lies above it is made here, as `mkdir -p` would.
fn make_parents(data: &Path) -> Result<(), Failure> {
    let Some(parent) = data.parent().filter(|p| !p.as_os_str().is_empty()) else {
        return Ok(());
    };
    std::fs::create_dir_all(parent).map_err(|e| {
        Failure::new(
            End::Refused,
            format!("`{}` cannot be made: {e}", parent.display()),
        )
    })
}

fn answered(
    answer: Result<Result<Answered, ringway_engine::Rejected>, Gone>,
) -> Result<Answered, Failure> {
    answer.map_err(gone)?.map_err(|r| refused(&r))
}

fn given(answer: Result<Answer, Unreachable>) -> Result<Answered, Failure> {
    let answer = answer.map_err(unreachable)?;
    match answer {
        Answer::Accepted(accepted) => Ok(accepted),
        Answer::Rejected(rejected) => Err(refused(&rejected)),
        Answer::Ending => Err(odd(&answer).hint("say it again: it is carried out once")),
        Answer::Pong { .. }
        | Answer::View(_)
        | Answer::Hosts(_)
        | Answer::Waiting(_)
        | Answer::NotUnderstood { .. } => Err(odd(&answer)),
    }
}

fn hosts(answer: Result<Answer, Unreachable>) -> Result<Vec<HostView>, Failure> {
    let answer = answer.map_err(unreachable)?;
    if let Answer::Hosts(hosts) = answer {
        Ok(hosts)
    } else {
        Err(odd(&answer))
    }
}

fn refused(rejected: &ringway_engine::Rejected) -> Failure {
    Failure {
        end: End::Refused,
        why: format!("{} ({})", rejected.why, rejected.code),
        hint: rejected.hint.clone(),
    }
}

fn gone(_: Gone) -> Failure {
    Failure::new(End::Fault, "the decider has ended")
}

fn unreachable(error: Unreachable) -> Failure {
    Failure::new(End::Unavailable, error)
}

fn odd(answer: &Answer) -> Failure {
    let why = match answer {
        Answer::NotUnderstood { why } => format!("the deciding process did not understand: {why}"),
        Answer::Ending => "the deciding process is ending".to_owned(),
        Answer::Pong { .. }
        | Answer::Accepted(_)
        | Answer::Rejected(_)
        | Answer::View(_)
        | Answer::Hosts(_)
        | Answer::Waiting(_) => "the deciding process answered another question".to_owned(),
    };
    Failure::new(End::Unavailable, why)
        .hint("both sides must be of one version; `ringway --version` says which")
}

fn silent(data: &Path) -> Failure {
    let why = format!(
        "another process holds `{}` and does not answer",
        data.display()
    );
    Failure::new(End::Unavailable, why)
        .hint(format!("its process id is in `{}`", holder(data).display()))
}

fn holder(data: &Path) -> PathBuf {
    data.join("lock")
}

/// A data directory that cannot be used, with the exit code it means.
pub(crate) fn cannot_open(error: &OpenError) -> Failure {
    let end = match error {
        OpenError::Held { .. } | OpenError::Missing { .. } => End::Unavailable,
        OpenError::NotADatabase { .. } | OpenError::NewerSchema { .. } => End::Fault,
        OpenError::NotADirectory { .. }
        | OpenError::WrongOwner { .. }
        | OpenError::ReadOnly { .. }
        | OpenError::DiskFull { .. }
        | OpenError::Io { .. }
        | OpenError::Database { .. } => End::Refused,
    };
    Failure {
        end,
        why: format!("failed to {}", chain(error)),
        hint: error.hint().map(str::to_owned),
    }
}

fn over(over: &Over) -> Failure {
    match over {
        Over::Shutdown => Failure::new(End::Fault, "the decider stopped by itself"),
        Over::Ended(ended @ Ended::Fenced) => Failure::new(End::Unavailable, ended),
        Over::Ended(ended @ Ended::Corrupt(_)) => {
            Failure::new(End::Fault, ended).hint("`ringway audit` says where; nothing was changed")
        }
    }
}
