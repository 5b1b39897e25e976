//! What the remote driver shows over every transport, over this one.

use std::path::PathBuf;
use std::sync::Arc;

use ringway_drivers::Reach;
use ringway_drivers::transport::Transport;
use ringway_farm::{Host, Switch};

use super::site::{self, host};
use crate::remote::site::Site;

struct OverSystem {
    here: site::Site,
    host: &'static Host,
}

impl Site for OverSystem {
    fn transport(&self) -> Arc<dyn Transport> {
        Arc::clone(&self.here.transport) as Arc<dyn Transport>
    }

    fn reach(&self) -> Reach {
        Reach::clone(&self.here.reach(self.host, |_| {}))
    }

    fn home(&self) -> PathBuf {
        self.host.home()
    }

    fn refuse(&self) {
        self.host.set(Switch::Refuse).unwrap();
    }

    fn heal(&self) {
        self.host.heal().unwrap();
    }

    fn cut(&self) {
        self.host.drop_connections().unwrap();
    }
}

#[expect(
    clippy::unused_async,
    reason = "other transports' sites take time to make"
)]
async fn over_system() -> Option<OverSystem> {
    Some(OverSystem {
        here: site::Site::new(),
        host: host(),
    })
}

crate::remote::conformance::conformance!(over_system);
