//! The connections of one route: which of them has room for one more channel, and what becomes of it when a channel is
//! declined, a connection dies, or nobody uses it any more.
//!
//! A connection that is of no use leaves its slot at once, and lives on for those who still have a channel on it.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use russh::client::Msg;
use russh::{Channel, ChannelOpenFailure};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::Instant;

use super::pool::Limits;
use super::route::Route;
use super::session::Session;
use super::tunnel::Tunnel;
use crate::transport::Refusal;

/// How long it may take a host that is being waited for to say that it is still there.
const ANSWERS_WITHIN: Duration = Duration::from_secs(3);

/// The places of open connections.
#[derive(Debug)]
pub(super) struct Room {
    pub(super) places: Arc<Semaphore>,
    /// Those who wait for one.
    pub(super) waiting: AtomicUsize,
}

/// Somebody who waits for a place.
pub(super) struct Waiting<'a>(&'a Room);

impl<'a> Waiting<'a> {
    pub(super) fn new(room: &'a Room) -> Self {
        room.waiting.fetch_add(1, Ordering::SeqCst);
        Self(room)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::SeqCst);
    }
}

/// The connections of one route.
pub(super) struct Slot {
    pub(super) route: Arc<Route>,
    /// Commands at once.
    pub(super) seats: Arc<Semaphore>,
    pub(super) room: Arc<Room>,
    pub(super) inner: Mutex<Inner>,
}

#[derive(Default)]
pub(super) struct Inner {
    pub(super) connections: Vec<Connection>,
    pub(super) opening: Option<watch::Receiver<Option<Result<(), Refusal>>>>,
    /// When it last did not answer.
    pub(super) silent: Option<Instant>,
}

/// A connection, and what is open on it.
pub(super) struct Connection {
    session: Arc<Session>,
    /// Its place among the open ones; none for a hop's.
    place: Option<OwnedSemaphorePermit>,
    commands: usize,
    /// Commands that the host allows on it, as far as it is known.
    most_commands: usize,
    tunnels: usize,
    /// Whether a channel was ever opened on it.
    is_proven: bool,
    pub(super) idle_since: Instant,
}

/// How long a connection that was opened for somebody is kept for them although others wait.
const UNUSED: Duration = Duration::from_secs(1);

/// What a channel is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Use {
    Command,
    Tunnel,
}

/// The right to one channel of a connection.
pub(super) struct Lease {
    slot: Arc<Slot>,
    session: Arc<Session>,
    r#use: Use,
    /// Whether nothing was ever done with the connection: what fails on it fails for good.
    pub(super) is_fresh: bool,
}

impl Connection {
    pub(super) fn new(session: Session, place: Option<OwnedSemaphorePermit>) -> Self {
        Self {
            session: Arc::new(session),
            place,
            commands: 0,
            most_commands: usize::MAX,
            tunnels: 0,
            is_proven: false,
            idle_since: Instant::now(),
        }
    }

    fn is_idle(&self) -> bool {
        self.commands == 0 && self.tunnels == 0
    }

    /// Whether closing it makes room for another. One that was just opened is about to be used by whoever wanted it.
    pub(super) fn may_make_room(&self) -> bool {
        self.place.is_some() && (self.is_proven || self.idle_since.elapsed() > UNUSED)
    }
}

impl Inner {
    /// A channel on a connection that has room for one.
    pub(super) fn lease(&mut self, slot: &Arc<Slot>, r#use: Use) -> Option<Lease> {
        self.connections
            .retain(|connection| !connection.session.is_closed());
        let connection = self.connections.iter_mut().find(|has| match r#use {
            Use::Command => has.commands < has.most_commands,
            Use::Tunnel => has.tunnels < Limits::TUNNELS,
        })?;
        match r#use {
            Use::Command => connection.commands += 1,
            Use::Tunnel => {
                connection.tunnels += 1;
                // A hop is not counted, so that hosts behind it never wait for a place that it has.
                connection.place = None;
            }
        }
        Some(Lease {
            slot: Arc::clone(slot),
            session: Arc::clone(&connection.session),
            r#use,
            is_fresh: !connection.is_proven,
        })
    }

    fn of(&mut self, session: &Arc<Session>) -> Option<&mut Connection> {
        self.connections
            .iter_mut()
            .find(|connection| Arc::ptr_eq(&connection.session, session))
    }

    /// Since when the connection that could make room has been idle.
    pub(super) fn idle_since(&self) -> Option<Instant> {
        self.connections
            .iter()
            .filter(|connection| connection.is_idle() && connection.may_make_room())
            .map(|connection| connection.idle_since)
            .min()
    }
}

impl Slot {
    pub(super) fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Forgets its connections; what runs on them is left alone.
    pub(super) fn renew(&self) {
        self.inner().connections.clear();
    }

    /// Forgets a connection that leads nowhere.
    fn retire(&self, session: &Arc<Session>) {
        self.inner()
            .connections
            .retain(|connection| !Arc::ptr_eq(&connection.session, session));
    }

    pub(super) fn close_idle(&self, which: impl Fn(&Connection) -> bool) {
        self.inner()
            .connections
            .retain(|connection| !(connection.is_idle() && which(connection)));
    }

    /// What became of a hop, as those behind it are told.
    pub(super) fn as_hop(&self, refusal: Refusal) -> Refusal {
        match refusal {
            // A hop before this one.
            Refusal::Jump { .. } => refusal,
            Refusal::Unreachable(_)
            | Refusal::HostKeyChanged(_)
            | Refusal::HostKeyUnknown(_)
            | Refusal::Login(_)
            | Refusal::Here(_) => Refusal::Jump {
                hop: self.route.end().address.clone(),
                why: Box::new(refusal),
            },
        }
    }
}

/// What opening a channel came to.
pub(super) enum Failed {
    /// Its connection is dead, for this reason; it was forgotten.
    Lost(String),
    /// The host opens no such channel.
    Declined(ChannelOpenFailure),
    /// There is nothing to be had.
    Refused(Refusal),
}

impl Failed {
    /// What is said of something behind `hop`.
    pub(super) fn refusal(self, hop: Option<&Slot>) -> Refusal {
        let as_hop = |refusal| match hop {
            Some(hop) => hop.as_hop(refusal),
            None => refusal,
        };
        match self {
            Self::Refused(refusal) => refusal,
            Self::Lost(why) => as_hop(Refusal::Unreachable(why)),
            Self::Declined(ChannelOpenFailure::ConnectFailed) => Refusal::Unreachable(match hop {
                Some(hop) => format!("`{}` gets no connection to it", hop.route.end()),
                None => "no connection".to_owned(),
            }),
            Self::Declined(reason) => as_hop(Refusal::Login(format!(
                "it does not forward connections for this user ({reason:?}; see `AllowTcpForwarding` and `PermitOpen` \
                 of its sshd)"
            ))),
        }
    }
}

impl Lease {
    /// Opens a channel for a command.
    pub(super) async fn command(&self) -> Result<Channel<Msg>, Failed> {
        let limit = self.slot.route.connect_timeout;
        let opened = tokio::time::timeout(limit, self.session.command()).await;
        self.opened(opened.unwrap_or_else(|_| Err(russh::Error::ConnectionTimeout)))
    }

    /// Connects to somewhere else. Whoever asks bounds the time: what takes it may be what is connected to.
    pub(super) async fn tunnel(self, address: &str, port: u16) -> Result<Tunnel, Failed> {
        let opened = self.session.tunnel(address, port).await;
        let channel = self.opened(opened)?;
        Ok(Tunnel::new(channel, self))
    }

    /// Somebody waited in vain for what is behind this hop: whether the hop is still there itself. Where it is not, its
    /// connection is forgotten.
    pub(super) fn doubt(&self) -> impl Future<Output = ()> + Send + use<> {
        let (slot, session) = (Arc::clone(&self.slot), Arc::clone(&self.session));
        async move {
            if !session.answers(ANSWERS_WITHIN).await {
                slot.retire(&session);
            }
        }
    }

    fn opened(&self, opened: Result<Channel<Msg>, russh::Error>) -> Result<Channel<Msg>, Failed> {
        match opened {
            Ok(channel) => {
                if let Some(connection) = self.slot.inner().of(&self.session) {
                    connection.is_proven = true;
                }
                Ok(channel)
            }
            Err(russh::Error::ChannelOpenFailure(reason)) => Err(Failed::Declined(reason)),
            Err(russh::Error::ConnectionTimeout) => {
                // It vanished without a word, and with it all that lead to the same machine.
                self.slot.renew();
                Err(Failed::Lost(format!(
                    "`{}` does not answer any more",
                    self.slot.route.end()
                )))
            }
            Err(_) => {
                self.slot.retire(&self.session);
                Err(Failed::Lost(format!(
                    "`{}`: {}",
                    self.slot.route.end(),
                    self.session.end().why()
                )))
            }
        }
    }

    /// Makes use of a host's refusal to open one more channel for a command: as many as there are is what it allows on one
    /// connection. Where there is none but this one, what was ended there still counts, and the connection is of no use.
    pub(super) fn declined(&self) {
        let mut inner = self.slot.inner();
        let Some(connection) = inner.of(&self.session) else {
            return;
        };
        let others = connection.commands.saturating_sub(1);
        if others > 0 {
            connection.most_commands = connection.most_commands.min(others);
        } else {
            drop(inner);
            self.slot.retire(&self.session);
        }
    }

    /// Why the connection ended.
    pub(super) fn end(&self) -> String {
        self.session.end().why()
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let mut inner = self.slot.inner();
        let Some(connection) = inner.of(&self.session) else {
            return;
        };
        match self.r#use {
            Use::Command => connection.commands -= 1,
            Use::Tunnel => connection.tunnels -= 1,
        }
        if connection.is_idle() {
            connection.idle_since = Instant::now();
            let is_wanted = self.slot.room.waiting.load(Ordering::SeqCst) > 0;
            if is_wanted && connection.may_make_room() {
                drop(inner);
                self.slot.retire(&self.session);
            }
        }
    }
}
