//! Which connection a command gets, and when one is closed.
//!
//! There is one slot for every route. A slot has its connections, each with the channels that are open on it, and at most
//! one connection that is being opened: everybody who needs one waits for that, and shares its failure. A connection that
//! is of no use any more leaves its slot at once and lives on for those who still have a channel on it.
//!
//! # Invariants
//!
//! * No more connections to hosts are open than the limit, hops on the way not counted; where it is reached, the one that
//!   has been idle longest is closed, and where none is idle, the next one waits.
//! * A connection has its place among the open ones only when it is open: hosts that do not answer take none of them away.
//! * A hop's connection is never waited for by somebody who holds what it needs.

use std::collections::HashMap;
use std::ops::Range;
use std::pin::Pin;
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::Instant;

use super::dial::dial;
use super::here::Here;
use super::host_keys::Files;
use super::identity::KeyRing;
use super::lanes::Lanes;
use super::login::Means;
use super::route::{Route, place};
use super::session::{Progress, Session};
use super::slot::{Connection, Failed, Inner, Lease, Room, Slot, Use, Waiting};
use super::tunnel::Tunnel;
use crate::transport::{Refusal, Stream};

/// How many connections there may be. Each is one file descriptor at the most, so that the sum of the first three must
/// stay below what the process may have open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Being opened, as long as they do not stall: more at once are no faster, and cost both sides their processors.
    pub connecting: usize,
    /// Being opened to hosts that let one wait for more than a moment.
    pub stalled: usize,
    /// Open, to hosts; those to jump hosts come on top, one for [`TUNNELS`](Self::TUNNELS) hosts behind it.
    pub open: usize,
    /// How long a connection is kept that nobody uses.
    pub idle: Duration,
    /// How many connections there may be, used, unused or being opened, until those that nobody uses are closed sooner, the longest unused
    /// first: a small fleet keeps all of its, and a large one does not have those of the hosts it is done with beside
    /// those of the hosts it is at. Each costs about 100 KiB here, and a process on its host.
    pub kept: usize,
}

impl Limits {
    /// Connections through one connection to a jump host.
    pub const TUNNELS: usize = 64;
}

impl Default for Limits {
    /// Enough for fleets of thousands, with fewer than the 1,024 descriptors that a process has unless somebody gave it
    /// more.
    fn default() -> Self {
        Self {
            connecting: 64,
            stalled: 256,
            open: 512,
            idle: Duration::from_mins(1),
            kept: 64,
        }
    }
}

/// The shortest and the longest pause between two looks for connections that nobody uses. A look costs microseconds, and
/// connections of hosts that were done with in a pause are in memory for its length.
const SWEEPS: Range<Duration> = Duration::from_millis(10)..Duration::from_millis(250);

/// Longer than a host's connection is idle between two steps of a visit: what is decided in between is written to a disk.
const BETWEEN_STEPS: Duration = Duration::from_millis(300);

/// All connections.
pub(super) struct Pool {
    here: Here,
    limits: Limits,
    lanes: Lanes,
    room: Arc<Room>,
    files: Arc<Files>,
    keys: KeyRing,
    slots: Mutex<Slots>,
}

#[derive(Default)]
struct Slots {
    by_route: HashMap<Arc<Route>, Arc<Slot>>,
    is_swept: bool,
}

type Opening = Pin<Box<dyn Future<Output = ()> + Send>>;

impl Pool {
    pub(super) fn new(here: Here, limits: Limits) -> Self {
        Self {
            lanes: Lanes::new(limits.connecting, limits.stalled),
            room: Arc::new(Room {
                places: Arc::new(Semaphore::new(limits.open.max(1))),
                waiting: AtomicUsize::new(0),
            }),
            files: Arc::default(),
            keys: KeyRing::default(),
            slots: Mutex::default(),
            here,
            limits,
        }
    }

    pub(super) fn here(&self) -> &Here {
        &self.here
    }

    /// The slot of a route.
    pub(super) fn slot(&self, route: Route) -> Arc<Slot> {
        let mut slots = self.slots();
        if let Some(slot) = slots.by_route.get(&route) {
            return Arc::clone(slot);
        }
        let slot = Arc::new(Slot {
            seats: Arc::new(Semaphore::new(route.at_once.into())),
            route: Arc::new(route),
            room: Arc::clone(&self.room),
            inner: Mutex::default(),
        });
        slots
            .by_route
            .insert(Arc::clone(&slot.route), Arc::clone(&slot));
        slot
    }

    /// The right to a channel; opens a connection where there is none with room.
    pub(super) async fn lease(
        self: &Arc<Self>,
        slot: &Arc<Slot>,
        r#use: Use,
    ) -> Result<Lease, Refusal> {
        loop {
            let mut opened = {
                let mut inner = slot.inner();
                if let Some(lease) = inner.lease(slot, r#use) {
                    return Ok(lease);
                }
                match &inner.opening {
                    Some(opening) => opening.clone(),
                    None => self.start_opening(slot, &mut inner, r#use),
                }
            };
            let opened = opened.wait_for(Option::is_some).await;
            let Some(result) = opened.ok().and_then(|result| result.clone()) else {
                // Whoever was opening it is gone, by a fault of this program's. The next one tries anew.
                slot.inner()
                    .opening
                    .take_if(|opening| opening.has_changed().is_err());
                return Err(Refusal::Here("the connection was given up".to_owned()));
            };
            result?;
        }
    }

    /// Opens a connection on its own account: it is waited for by several, each of whom may stop waiting.
    fn start_opening(
        self: &Arc<Self>,
        slot: &Arc<Slot>,
        inner: &mut Inner,
        r#use: Use,
    ) -> watch::Receiver<Option<Result<(), Refusal>>> {
        let (tell, opening) = watch::channel(None);
        let is_suspect = inner.silent.is_some();
        inner.opening = Some(opening.clone());
        let (pool, slot) = (Arc::clone(self), Arc::clone(slot));
        let work: Opening = Box::pin(async move {
            let opened = pool.open(&slot.route, r#use, is_suspect).await;
            let mut inner = slot.inner();
            inner.opening = None;
            inner.silent = match &opened {
                Err(Refusal::Unreachable(_)) => Some(Instant::now()),
                Ok(_) | Err(_) => None,
            };
            tell.send_replace(Some(opened.map(|connection| {
                inner.connections.push(connection);
            })));
            drop(inner);
            pool.start_sweeping();
        });
        tokio::spawn(work);
        opening
    }

    async fn open(
        self: &Arc<Self>,
        route: &Arc<Route>,
        r#use: Use,
        is_suspect: bool,
    ) -> Result<Connection, Refusal> {
        let hop = route.end();
        let loaded = self.keys.load(&hop.keys).await;
        let means = Means {
            loaded: &loaded,
            agent: self.here.agent.as_deref().filter(|_| hop.keys.agent),
        };
        let before = route.before().map(|before| self.slot(before));
        let mut is_second = false;
        loop {
            let expected = self.files.expect(hop)?;
            let way = match &before {
                Some(before) => Some(self.lease_of_hop(before).await?),
                None => None,
            };
            let is_fresh = way.as_ref().is_none_or(|way| way.is_fresh);
            let doubt = way.as_ref().map(Lease::doubt);
            let progress = Arc::new(Progress::default());
            let opening = async {
                let stream: Box<dyn Stream> = match way {
                    Some(way) => Box::new(way.tunnel(&hop.address, hop.port).await?),
                    None => Box::new(
                        dial(&hop.address, hop.port)
                            .await
                            .map_err(Failed::Refused)?,
                    ),
                };
                progress.connected();
                Session::open(stream, route, expected, means, &progress)
                    .await
                    .map_err(Failed::Refused)
            };
            let limit = route.connect_timeout;
            // A connection that is open keeps its place in the lane until it has one among the open ones: both together
            // are what bounds their number.
            let opening = self.lanes.pass(is_suspect, async {
                match tokio::time::timeout(limit, opening).await {
                    Ok(Ok(session)) => Ok(Ok(self.connection(session, r#use).await)),
                    Ok(Err(failed)) => Ok(Err(failed)),
                    Err(elapsed) => Err(elapsed),
                }
            });
            match opening.await {
                Ok(Ok(connection)) => return Ok(connection),
                // The hop's connection was dead: one more time, with a new one.
                Ok(Err(Failed::Lost(_))) if !is_fresh && !is_second => is_second = true,
                Ok(Err(failed)) => return Err(failed.refusal(before.as_deref())),
                Err(_) => {
                    if let Some(doubt) = doubt {
                        doubt.await;
                    }
                    return Err(progress.too_late(hop, limit));
                }
            }
        }
    }

    async fn connection(&self, session: Session, r#use: Use) -> Connection {
        let place = match r#use {
            Use::Command => Some(self.place().await),
            Use::Tunnel => None,
        };
        Connection::new(session, place)
    }

    /// A channel through the last hop of a way.
    async fn lease_of_hop(self: &Arc<Self>, slot: &Arc<Slot>) -> Result<Lease, Refusal> {
        self.lease(slot, Use::Tunnel)
            .await
            .map_err(|refusal| slot.as_hop(refusal))
    }

    /// Connects to a port of an address from the end of `slot`'s way.
    pub(super) async fn connect(
        self: &Arc<Self>,
        slot: &Arc<Slot>,
        address: &str,
        port: u16,
    ) -> Result<Tunnel, Refusal> {
        loop {
            let way = self.lease_of_hop(slot).await?;
            let (is_fresh, doubt) = (way.is_fresh, way.doubt());
            let limit = slot.route.connect_timeout;
            match tokio::time::timeout(limit, way.tunnel(address, port)).await {
                Ok(Ok(tunnel)) => return Ok(tunnel),
                Ok(Err(Failed::Lost(_))) if !is_fresh => {}
                Ok(Err(failed)) => return Err(failed.refusal(Some(slot))),
                Err(_) => {
                    doubt.await;
                    return Err(Refusal::Unreachable(format!(
                        "`{}` does not answer through `{}`",
                        place(address, port),
                        slot.route.end()
                    )));
                }
            }
        }
    }

    /// A place among the open connections. Closes the one that has been idle longest where that makes room.
    async fn place(&self) -> OwnedSemaphorePermit {
        let places = &self.room.places;
        if let Ok(place) = Arc::clone(places).try_acquire_owned() {
            return place;
        }
        // Announced before looking for an idle one: a connection that becomes idle after the look sees that somebody waits.
        let _waiting = Waiting::new(&self.room);
        self.close_idlest();
        Arc::clone(places)
            .acquire_owned()
            .await
            .expect("the places are never closed")
    }

    fn close_idlest(&self) {
        let slots: Vec<_> = self.slots().by_route.values().cloned().collect();
        let idlest = slots
            .iter()
            .filter_map(|slot| Some((slot.inner().idle_since()?, slot)))
            .min_by_key(|(since, _)| *since);
        if let Some((_, slot)) = idlest {
            slot.close_idle(Connection::may_make_room);
        }
    }

    /// Takes away, from time to time, what nobody uses; for as long as there is anything.
    fn start_sweeping(self: &Arc<Self>) {
        let mut slots = self.slots();
        if std::mem::replace(&mut slots.is_swept, true) {
            return;
        }
        let pool = Arc::downgrade(self);
        let pause = (self.limits.idle / 4).clamp(SWEEPS.start, SWEEPS.end);
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(pause).await;
                let Some(pool) = Weak::upgrade(&pool) else {
                    return;
                };
                if !pool.sweep() {
                    return;
                }
            }
        });
    }

    /// Whether there is something left.
    fn sweep(&self) -> bool {
        let idle = self.limits.idle;
        let mut slots = self.slots();
        slots.by_route.retain(|_, slot| {
            slot.close_idle(|connection| connection.idle_since.elapsed() >= idle);
            let mut inner = slot.inner();
            // A host that was silent is remembered for longer than it takes to ask it again.
            inner
                .silent
                .take_if(|since| since.elapsed() >= idle.saturating_mul(10));
            let is_used = !inner.connections.is_empty()
                || inner.opening.is_some()
                || inner.silent.is_some()
                // The map's, and that of somebody who is about to do something with it.
                || Arc::strong_count(slot) > 1;
            drop(inner);
            is_used
        });
        let mut idle: Vec<_> = slots
            .by_route
            .values()
            .filter_map(|slot| Some((slot.inner().idle_since()?, slot)))
            .collect();
        idle.sort_by_key(|(since, _)| *since);
        let opening = slots.by_route.values();
        let opening = opening.filter(|slot| slot.inner().opening.is_some());
        let places = self.limits.open.max(1);
        let open = places.saturating_sub(self.room.places.available_permits());
        let excess = (open + opening.count()).saturating_sub(self.limits.kept);
        for (_, slot) in idle.iter().take(excess) {
            slot.close_idle(|connection| {
                connection.may_make_room() && connection.idle_since.elapsed() >= BETWEEN_STEPS
            });
        }
        slots.is_swept = !slots.by_route.is_empty();
        slots.is_swept
    }

    fn slots(&self) -> MutexGuard<'_, Slots> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use ringway_model::Span;

    use super::super::route::tests::{here, reach};
    use super::*;

    /// Whatever a host says that the library breaks on: it must not make the host unreachable for good.
    #[tokio::test]
    async fn a_connection_that_is_given_up_in_the_middle_is_opened_anew() {
        let pool = Arc::new(Pool::new(here(), Limits::default()));
        let mut to = reach(|ssh| ssh.connect_timeout = Span::seconds(10));
        "no-such-host.invalid".clone_into(&mut to.address);
        let slot = pool.slot(Route::to(&to, pool.here()).unwrap());
        let (_, given_up) = watch::channel(None);
        slot.inner().opening = Some(given_up);
        let mut refused = Vec::new();
        for _ in 0..2 {
            refused.push(pool.lease(&slot, Use::Command).await.err().unwrap());
        }
        assert!(matches!(refused[0], Refusal::Here(_)), "{refused:?}");
        assert!(matches!(refused[1], Refusal::Unreachable(_)), "{refused:?}");
    }
}
