//! Who answers for a data directory: the process that decides there, this process once it has taken the fleet over, or
//! the journal when nothing runs.

mod answers;
mod informant;

use std::fs::DirBuilder;
use std::io::ErrorKind;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ringway_engine::Command;
use ringway_engine::view::{FleetView, HostView};
use ringway_executor::port::{HandIn, Proposal, Refresh, Supersession};
use ringway_model::{Actor, RolloutId};
use ringway_runtime::{
    Answer, Bundle, Client, Config, Following, Handed, Question, Renewal, Runtime, StartError,
    Superseding, SystemUsers, Unreachable, Views, is_observed,
};
use ringway_store::OpenError;

use crate::args::Bounds;
use crate::clock;
use crate::exit::{End, Failure, chain};
use crate::reaching;

use answers::{answered, given, gone, hosts, odd, over, silent, unreachable};
pub(crate) use answers::{cannot_open, is_ending, refused};
pub(crate) use informant::Informant;

/// How long a process may hold a data directory without answering for it: on its way in it opens the journal first, and on
/// its way out it closes it last.
pub(crate) const CHANGES_WITHIN: Duration = Duration::from_secs(3);
/// How soon is looked again.
pub(crate) const LOOK_EVERY: Duration = Duration::from_millis(50);

/// How this process decides, where it has to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Beginning {
    /// How much it does at once.
    pub(crate) bounds: Bounds,
    /// Whether it only looks at hosts.
    pub(crate) observe: bool,
}

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
    pub(crate) async fn open_or_start(data: &Path, beginning: Beginning) -> Result<Self, Failure> {
        make_parents(data)?;
        let begun = Instant::now();
        loop {
            if let Some(there) = Self::running(data).await? {
                return if is_observed(data) == beginning.observe {
                    Ok(there)
                } else {
                    Err(mixed(data, beginning.observe))
                };
            }
            let error = match Self::start(data, beginning).await {
                Ok(session) => return Ok(session),
                Err(error) => error,
            };
            match error {
                // Whoever holds it is about to open its socket, or about to let go.
                StartError::Open(OpenError::Held { .. }) if begun.elapsed() < CHANGES_WITHIN => {
                    tokio::time::sleep(LOOK_EVERY).await;
                }
                StartError::Open(error) => return Err(cannot_open(&error)),
                StartError::Mixed(_) | StartError::Socket { .. } | StartError::Driver(_) => {
                    return Err(Failure::new(End::Refused, chain(&error)));
                }
            }
        }
    }

    async fn start(data: &Path, beginning: Beginning) -> Result<Self, StartError> {
        let config = Config {
            data: data.to_owned(),
            workers: beginning.bounds.workers.get(),
            identify: Arc::new(SystemUsers),
            observe: beginning.observe,
            clock: clock::clock(),
        };
        let drivers =
            reaching::drivers(data, beginning.bounds.connections).map_err(StartError::Driver)?;
        Runtime::start_with(config, Arc::new(drivers))
            .await
            .map(|runtime| Self::Here(Box::new(runtime)))
    }

    /// The process that decides, if there is one that answers.
    ///
    /// # Errors
    ///
    /// Exit code 6: somebody is there, but may not be asked or does not answer properly.
    pub(crate) async fn running(data: &Path) -> Result<Option<Self>, Failure> {
        let client = Client::new(data);
        let begun = Instant::now();
        loop {
            match client.ask(&Question::Ping).await {
                Ok(Answer::Pong { .. }) => return Ok(Some(Self::There(client))),
                Ok(_) => return Err(silent(data)),
                Err(Unreachable::Nobody { .. }) => return Ok(None),
                // It went away while it was asked.
                Err(Unreachable::Broken { .. }) if begun.elapsed() < CHANGES_WITHIN => {
                    tokio::time::sleep(LOOK_EVERY).await;
                }
                Err(error) => return Err(unreachable(error)),
            }
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

    /// Has a fleet that was read anew taken into rollouts in flight.
    pub(crate) async fn refresh(&self, refresh: Refresh) -> Result<Answered, Failure> {
        match self {
            Self::Here(runtime) => answered(runtime.caller().refresh(me(), refresh).await),
            Self::There(client) => given(
                client
                    .ask(&Question::Refresh(Renewal::pack(&refresh)))
                    .await,
            ),
        }
    }

    /// Has a new rollout put in the place of another one.
    pub(crate) async fn supersede(&self, supersession: Supersession) -> Result<Answered, Failure> {
        match self {
            Self::Here(runtime) => answered(runtime.caller().supersede(me(), supersession).await),
            Self::There(client) => given(
                client
                    .ask(&Question::Supersede(Superseding::pack(&supersession)))
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

    /// Gives a command with the file that it names.
    pub(crate) async fn hand_in(&self, handed: HandIn) -> Result<Answered, Failure> {
        match self {
            Self::Here(runtime) => answered(runtime.caller().hand_in(me(), handed).await),
            Self::There(client) => {
                given(client.ask(&Question::HandIn(Handed::pack(&handed))).await)
            }
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

    /// The hosts of a ring of a rollout.
    pub(crate) async fn hosts(
        &self,
        rollout: RolloutId,
        ring: Option<String>,
    ) -> Result<Vec<HostView>, Failure> {
        match self {
            Self::Here(runtime) => runtime.caller().hosts(rollout, ring).await.map_err(gone),
            Self::There(client) => hosts(client.ask(&Question::Hosts { rollout, ring }).await),
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

/// A real run must not be handed to a process that only observes, nor the other way round.
fn mixed(data: &Path, observe: bool) -> Failure {
    let (does, wanted) = if observe {
        ("carries rollouts out", "only observe")
    } else {
        ("only observes", "carry a rollout out")
    };
    let why = format!(
        "the process that decides over `{}` {does}, and this one is to {wanted}",
        data.display()
    );
    Failure::new(End::Refused, why).hint("`--data` names another data directory")
}

/// Who gives commands from this process.
pub(crate) fn me() -> Actor {
    SystemUsers.me()
}

/// Makes the data directory where there is none, for its owner alone as the store makes it, so that something can be left there.
///
/// # Errors
///
/// Exit code 1: it cannot be made.
pub(crate) fn make(data: &Path) -> Result<(), Failure> {
    make_parents(data)?;
    match DirBuilder::new().mode(0o700).create(data) {
        Err(e) if e.kind() != ErrorKind::AlreadyExists => {
            let why = format!("`{}` cannot be made: {e}", data.display());
            Err(Failure::new(End::Refused, why))
        }
        Ok(()) | Err(_) => Ok(()),
    }
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
