//! Who can be asked how things stand, without anything being started for it.

use std::path::Path;
use std::time::Instant;

use ringway_engine::view::{FleetView, HostView, ProtectionView, Waiting};
use ringway_model::{RingIndex, RolloutId};
use ringway_runtime::{Answer, Client, Question};

use super::answers::{hosts, odd, unreachable};
use super::{CHANGES_WITHIN, LOOK_EVERY, Session};
use crate::exit::{End, Failure};
use crate::journal::{self, Past};

/// Somebody who can be asked how things stand; nothing is started for it.
pub(crate) enum Informant {
    /// The process that decides.
    Running(Client),
    /// The journal: nothing runs.
    Journal(Box<Past>),
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

    /// Whoever knows, and the fleet as it is now. Where a process went away between the two, whoever came after it.
    ///
    /// # Errors
    ///
    /// As [`Self::find`].
    pub(crate) async fn look(data: &Path) -> Result<(Self, FleetView), Failure> {
        let begun = Instant::now();
        loop {
            let informant = Self::find(data).await?;
            match informant.view().await {
                Err(failure)
                    if failure.end == End::Unavailable && begun.elapsed() < CHANGES_WITHIN =>
                {
                    tokio::time::sleep(LOOK_EVERY).await;
                }
                view => return Ok((informant, view?)),
            }
        }
    }

    /// The same for what can be asked and said before anything ran: then nothing is known of a fleet.
    ///
    /// # Errors
    ///
    /// As [`Self::find`], but for a journal that is not there.
    pub(crate) async fn look_early(data: &Path) -> Result<(Self, FleetView), Failure> {
        if Session::running(data).await?.is_none() {
            let past = journal::fold_or_nothing(data).await?;
            let view = past.view();
            return Ok((Self::Journal(Box::new(past)), view));
        }
        Self::look(data).await
    }

    /// Whether a process decides.
    pub(crate) const fn is_running(&self) -> bool {
        matches!(self, Self::Running(_))
    }

    /// The fleet as it is now.
    async fn view(&self) -> Result<FleetView, Failure> {
        match self {
            Self::Running(client) => Session::There(client.clone()).view().await,
            Self::Journal(past) => Ok(past.view()),
        }
    }

    /// What the journal says, where nothing runs.
    pub(crate) const fn past(&self) -> Option<&Past> {
        match self {
            Self::Running(_) => None,
            Self::Journal(past) => Some(past),
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
            Self::Journal(past) => Ok(past.filled(past.engine.host_views(name))),
        }
    }

    /// What was made of hosts before they were changed, and is there.
    pub(crate) async fn protections(
        &self,
        host: Option<&str>,
    ) -> Result<Vec<ProtectionView>, Failure> {
        match self {
            Self::Running(client) => {
                let host = host.map(str::to_owned);
                let answer = client
                    .ask(&Question::Protections { host })
                    .await
                    .map_err(unreachable)?;
                if let Answer::Protections(protections) = answer {
                    Ok(protections)
                } else {
                    Err(odd(&answer))
                }
            }
            Self::Journal(past) => Ok(past.protections(host)),
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
            Self::Journal(past) => Ok(past.filled(past.engine.hosts_of(rollout, ring))),
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
            Self::Journal(past) => Ok(past
                .engine
                .ring_waiting(rollout, ring)
                .into_iter()
                .map(Waiting::from)
                .collect()),
        }
    }
}
