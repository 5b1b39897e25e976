//! What the remote driver shows over every transport, over this one.

use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock};

use ringway_drivers::Reach;
use ringway_drivers::transport::Transport;
use ringway_farm::{Farm, Host, Plan, Switch};
use ringway_policy::validated::HostKeys;

use super::site::{self, text};
use crate::remote::site::{Site, plain_ssh, reach};

/// Hosts for the cases, one for each.
static FARM: LazyLock<Farm> = LazyLock::new(|| {
    let mut plan = Plan::of(32);
    plan.services = Some(false);
    Farm::start(plan).unwrap()
});

struct OverSsh {
    here: site::Site,
    transport: Arc<dyn Transport>,
    host: &'static Host,
}

impl Site for OverSsh {
    fn transport(&self) -> Arc<dyn Transport> {
        Arc::clone(&self.transport)
    }

    fn reach(&self) -> Reach {
        let mut ssh = plain_ssh(None, Some(self.host.port()));
        ssh.keys = vec![text(&FARM.key())];
        ssh.host_keys = HostKeys::KnownHosts(vec![text(&FARM.known_hosts())]);
        let directory = self.here.directory.path().to_owned();
        reach(&self.host.address().to_string(), ssh, directory)
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
async fn over_ssh() -> Option<OverSsh> {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    let here = site::Site::new();
    Some(OverSsh {
        transport: Arc::clone(&here.transport) as Arc<dyn Transport>,
        here,
        host: &FARM.hosts()[NEXT.fetch_add(1, Ordering::Relaxed)],
    })
}

crate::remote::conformance::conformance!(over_ssh);
