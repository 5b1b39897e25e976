//! How the rest of the process speaks to the task that decides.

use std::sync::Arc;

use ringway_engine::Command;
use ringway_engine::view::{FleetView, HostView, ProtectionView, Waiting};
use ringway_executor::Executor;
use ringway_executor::port::{HandIn, Order, Proposal, Refresh, Supersession};
use ringway_model::{Actor, RingIndex, RolloutId, Timestamp};
use tokio::sync::{mpsc, oneshot, watch};

use crate::decider::{Answered, Call};

/// The decider is not there any more; what was asked was not carried out, or its answer is lost. Asking again is safe.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the decider has ended")]
pub struct Gone;

/// Asks the decider of this process. Cheap to clone.
#[derive(Clone)]
pub struct Caller {
    calls: mpsc::Sender<Call>,
    views: watch::Receiver<Option<Arc<FleetView>>>,
    observing: bool,
}

impl Caller {
    pub(crate) const fn new(
        calls: mpsc::Sender<Call>,
        views: watch::Receiver<Option<Arc<FleetView>>>,
        observing: bool,
    ) -> Self {
        Self {
            calls,
            views,
            observing,
        }
    }

    /// Asks for a new rollout.
    ///
    /// # Errors
    ///
    /// [`Gone`]; a proposal that does not fit is an answer, not an error.
    pub async fn propose(&self, actor: Actor, proposal: Proposal) -> Result<Answered, Gone> {
        self.order(actor, Order::Propose(Box::new(proposal))).await
    }

    /// Takes a fleet that was read anew into rollouts in flight.
    ///
    /// # Errors
    ///
    /// [`Gone`]; a fleet that does not fit is an answer, not an error.
    pub async fn refresh(&self, actor: Actor, refresh: Refresh) -> Result<Answered, Gone> {
        self.order(actor, Order::Refresh(Box::new(refresh))).await
    }

    /// Puts a new rollout in the place of another one.
    ///
    /// # Errors
    ///
    /// [`Gone`]; one that does not fit is an answer, not an error.
    pub async fn supersede(
        &self,
        actor: Actor,
        supersession: Supersession,
    ) -> Result<Answered, Gone> {
        self.order(actor, Order::Supersede(Box::new(supersession)))
            .await
    }

    /// Gives a command. The answer comes when it is durable.
    ///
    /// # Errors
    ///
    /// [`Gone`]; a command that does not fit is an answer, not an error.
    pub async fn command(&self, actor: Actor, command: Command) -> Result<Answered, Gone> {
        self.order(actor, Order::Command(command)).await
    }

    /// Gives a command with the file that it names. The answer comes when both are durable.
    ///
    /// # Errors
    ///
    /// [`Gone`]; a command that does not fit is an answer, not an error.
    pub async fn hand_in(&self, actor: Actor, handed: HandIn) -> Result<Answered, Gone> {
        self.order(actor, Order::HandIn(Box::new(handed))).await
    }

    async fn order(&self, actor: Actor, order: Order) -> Result<Answered, Gone> {
        let (reply, answer) = oneshot::channel();
        self.calls
            .send(Call::Order {
                actor,
                order,
                reply,
            })
            .await
            .map_err(|_| Gone)?;
        answer.await.map_err(|_| Gone)
    }

    /// The fleet as it is now.
    ///
    /// # Errors
    ///
    /// [`Gone`].
    pub async fn view(&self) -> Result<FleetView, Gone> {
        let view = self
            .look(|executor, now| executor.engine().view(now))
            .await?;
        Ok(FleetView {
            observing: self.observing,
            ..view
        })
    }

    /// A host in every rollout it is part of; empty where the fleet has no such host.
    ///
    /// # Errors
    ///
    /// [`Gone`].
    pub async fn host(&self, name: String) -> Result<Vec<HostView>, Gone> {
        self.look(move |executor, _| executor.host_views(&name))
            .await
    }

    /// What was made of hosts before they were changed, and is there: of one host, or of all.
    ///
    /// # Errors
    ///
    /// [`Gone`].
    pub async fn protections(&self, host: Option<String>) -> Result<Vec<ProtectionView>, Gone> {
        self.look(move |executor, _| executor.protections(host.as_deref()))
            .await
    }

    /// The hosts of a rollout, or of one of its rings.
    ///
    /// # Errors
    ///
    /// [`Gone`].
    pub async fn hosts(
        &self,
        rollout: RolloutId,
        ring: Option<String>,
    ) -> Result<Vec<HostView>, Gone> {
        self.look(move |executor, _| executor.hosts_of(rollout, ring.as_deref()))
            .await
    }

    /// Why a ring of a rollout does not move; empty where it does, or there is no such ring.
    ///
    /// # Errors
    ///
    /// [`Gone`].
    pub async fn ring(&self, rollout: RolloutId, ring: RingIndex) -> Result<Vec<Waiting>, Gone> {
        self.look(move |executor, _| {
            executor
                .engine()
                .ring_waiting(rollout, ring)
                .into_iter()
                .map(Waiting::from)
                .collect()
        })
        .await
    }

    async fn look<T: Send + 'static>(
        &self,
        look: impl FnOnce(&Executor, Timestamp) -> T + Send + 'static,
    ) -> Result<T, Gone> {
        let (reply, answer) = oneshot::channel();
        let look = Box::new(move |executor: &Executor, now: Timestamp| {
            // Whoever asked may have gone away.
            drop(reply.send(look(executor, now)));
        });
        self.calls.send(Call::Look(look)).await.map_err(|_| Gone)?;
        answer.await.map_err(|_| Gone)
    }

    /// The fleet's views as they change, the newest each time.
    pub fn follow(&self) -> Views {
        let mut views = self.views.clone();
        // The first one asked for is what is so now, not the next change.
        views.mark_changed();
        Views { views }
    }

    /// Waits until the fleet's view is as asked for, and gives that view. It waits for ever where that never comes: the
    /// bound is the caller's.
    ///
    /// # Errors
    ///
    /// [`Gone`].
    pub async fn wait_until(
        &self,
        wanted: impl Fn(&FleetView) -> bool,
    ) -> Result<Arc<FleetView>, Gone> {
        let mut views = self.follow();
        loop {
            let view = views.next().await?;
            if wanted(&view) {
                return Ok(view);
            }
        }
    }

    pub(crate) async fn shutdown(&self) {
        // One that is gone has shut down.
        drop(self.calls.send(Call::Shutdown).await);
    }
}

/// The fleet's views as they change. Views in between may be left out; the last one never is.
#[derive(Clone)]
pub struct Views {
    views: watch::Receiver<Option<Arc<FleetView>>>,
}

impl Views {
    /// The next view.
    ///
    /// # Errors
    ///
    /// [`Gone`].
    pub async fn next(&mut self) -> Result<Arc<FleetView>, Gone> {
        loop {
            self.views.changed().await.map_err(|_| Gone)?;
            let view = self.views.borrow_and_update().clone();
            if let Some(view) = view {
                return Ok(view);
            }
        }
    }
}
