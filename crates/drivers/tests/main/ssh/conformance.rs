//! What the remote driver shows over every transport, over this one.

use std::path::PathBuf;
use std::sync::Arc;

use ringway_drivers::Reach;
use ringway_drivers::transport::Transport;
use ringway_farm::{Host, Switch};
use ringway_policy::validated::HostKeys;

use super::site::{self, farm, text};
use crate::remote::site::{Site, plain_ssh, reach};

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
        ssh.keys = vec![text(&farm().key())];
        ssh.host_keys = HostKeys::KnownHosts(vec![text(&farm().known_hosts())]);
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
    let here = site::Site::new();
    Some(OverSsh {
        transport: Arc::clone(&here.transport) as Arc<dyn Transport>,
        here,
        host: site::host(),
    })
}

crate::remote::conformance::conformance!(over_ssh);
