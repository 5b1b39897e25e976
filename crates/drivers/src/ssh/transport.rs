//! The transport over connections that Ringway holds itself.

use std::fmt;
use std::sync::Arc;

use super::dial::dial;
use super::here::Here;
use super::pool::{Limits, Pool};
use super::route::{Route, place};
use super::running;
use super::slot::{Failed, Slot, Use};
use crate::port::Reach;
use crate::transport::{Connecting, Exec, Readying, Refusal, Running, Starting, Stream, Transport};

/// SSH, spoken by Ringway itself, over connections that are shared by all commands of a host.
pub struct Russh {
    pool: Arc<Pool>,
}

impl Russh {
    /// With at most so many connections. `here`: where keys and known hosts are looked up.
    pub fn new(here: Here, limits: Limits) -> Self {
        Self {
            pool: Arc::new(Pool::new(here, limits)),
        }
    }

    fn slot(&self, reach: &Reach) -> Result<Arc<Slot>, Refusal> {
        Ok(self.pool.slot(Route::to(reach, self.pool.here())?))
    }

    /// Opens a channel, and gives the command to the host on it. Until then nothing was given to anybody, and whatever does
    /// not work with a connection that was there before is tried again with a new one.
    async fn give(&self, slot: &Arc<Slot>, exec: Exec) -> Result<Box<dyn Running>, Refusal> {
        let seat = Arc::clone(&slot.seats)
            .acquire_owned()
            .await
            .expect("the seats are never taken away");
        loop {
            let lease = self.pool.lease(slot, Use::Command).await?;
            match lease.command().await {
                Ok(channel) => {
                    let patience = slot.route.connect_timeout;
                    return running::give(channel, exec, patience, lease, seat).await;
                }
                Err(Failed::Refused(refusal)) => return Err(refusal),
                Err(Failed::Lost(why)) if lease.is_fresh => return Err(Refusal::Unreachable(why)),
                Err(Failed::Lost(_)) => {}
                Err(Failed::Declined(reason)) if lease.is_fresh => {
                    return Err(Refusal::Login(format!(
                        "`{}` lets `{}` in, and opens no session for it ({reason:?})",
                        slot.route.end(),
                        slot.route.end().user,
                    )));
                }
                Err(Failed::Declined(_)) => lease.declined(),
            }
        }
    }

    async fn stream(&self, reach: &Reach, port: u16) -> Result<Box<dyn Stream>, Refusal> {
        let route = Route::to(reach, self.pool.here())?;
        if let Some(before) = route.before() {
            let slot = self.pool.slot(before);
            let tunnel = self.pool.connect(&slot, &reach.address, port).await?;
            return Ok(Box::new(tunnel));
        }
        match tokio::time::timeout(route.connect_timeout, dial(&reach.address, port)).await {
            Ok(stream) => Ok(Box::new(stream?)),
            Err(_) => Err(Refusal::Unreachable(format!(
                "`{}` does not answer",
                place(&reach.address, port)
            ))),
        }
    }
}

impl fmt::Debug for Russh {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Russh").finish_non_exhaustive()
    }
}

impl Transport for Russh {
    fn ready(&self, reach: Arc<Reach>) -> Readying<'_> {
        Box::pin(async move {
            let slot = self.slot(&reach)?;
            self.pool.lease(&slot, Use::Command).await.map(drop)
        })
    }

    fn renew(&self, reach: &Reach) {
        // What has no way has no connections either.
        if let Ok(slot) = self.slot(reach) {
            slot.renew();
        }
    }

    fn exec(&self, reach: Arc<Reach>, exec: Exec) -> Starting<'_> {
        Box::pin(async move {
            let slot = self.slot(&reach)?;
            self.give(&slot, exec).await
        })
    }

    fn connect(&self, reach: Arc<Reach>, port: u16) -> Connecting<'_> {
        Box::pin(async move { self.stream(&reach, port).await })
    }
}
