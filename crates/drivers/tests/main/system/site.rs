//! Hosts of a farm that all these tests share, and what a test says to them.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock};

use ringway_drivers::Reach;
use ringway_drivers::ssh::Here;
use ringway_drivers::system::{Processes, SystemSsh};
use ringway_drivers::transport::{Exec, Lost, Refusal, Running, Said, Transport as _};
use ringway_farm::{Farm, Host, HostPlan, Plan};
use ringway_policy::validated::{HostKeys, Jump, Ssh, SshVia};
use tempfile::TempDir;

use crate::remote::site::{plain_ssh, reach};
use crate::support::in_time;

/// Hosts that tests take one by one.
const HOSTS: usize = 60;

static FARM: LazyLock<Farm> = LazyLock::new(|| {
    let mut hosts: Vec<_> = (0..HOSTS)
        .map(|n| HostPlan::new(&format!("host-{n}"), "web"))
        .collect();
    hosts.push(HostPlan::new("gate", "jump"));
    hosts.push(HostPlan::new("inner", "jump").behind("gate"));
    hosts.push(HostPlan::new("deep", "web").behind("inner"));
    let mut plan = Plan::made_of(hosts);
    plan.services = Some(false);
    Farm::start(plan).unwrap()
});

pub(super) fn farm() -> &'static Farm {
    &FARM
}

/// A host that no other test has.
pub(super) fn host() -> &'static Host {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    let next = NEXT.fetch_add(1, Ordering::Relaxed);
    assert!(next < HOSTS, "more tests than hosts: raise `HOSTS`");
    FARM.host(&format!("host-{next}"))
}

/// A transport, and a directory that documents could lie in.
pub(super) struct Site {
    pub(super) directory: TempDir,
    pub(super) transport: Arc<SystemSsh>,
}

impl Site {
    pub(super) fn new() -> Self {
        Self::with(Processes::default())
    }

    pub(super) fn with(processes: Processes) -> Self {
        let directory = tempfile::tempdir().unwrap();
        // The cheap key exchange, and nothing of whoever runs the tests.
        let config = "Host *\n  KexAlgorithms curve25519-sha256\n";
        fs::write(directory.path().join("ssh_config"), config).unwrap();
        let here = Here {
            user: farm().user().to_owned(),
            home: directory.path().to_owned(),
            agent: None,
            known_hosts: Vec::new(),
        };
        Self {
            transport: Arc::new(SystemSsh::new(&here, processes)),
            directory,
        }
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// A host as a good document reaches it, with changes.
    pub(super) fn reach(&self, host: &Host, change: impl FnOnce(&mut Ssh)) -> Arc<Reach> {
        let mut ssh = plain_ssh(Some(farm().user()), Some(host.port()));
        ssh.via = SshVia::System;
        ssh.keys = vec![text(&farm().key())];
        ssh.host_keys = HostKeys::KnownHosts(vec![text(&farm().known_hosts())]);
        ssh.config = Some("ssh_config".to_owned());
        change(&mut ssh);
        let directory = self.directory.path().to_owned();
        Arc::new(reach(&host.address().to_string(), ssh, directory))
    }

    pub(super) async fn start(
        &self,
        reach: &Arc<Reach>,
        command: &str,
        input: &str,
    ) -> Result<Box<dyn Running>, Refusal> {
        let exec = Exec::new(command, input);
        in_time(self.transport.exec(Arc::clone(reach), exec)).await
    }

    /// Runs a command to its end.
    pub(super) async fn run(&self, reach: &Arc<Reach>, command: &str, input: &str) -> Ended {
        let running = self.start(reach, command, input).await.unwrap();
        end(running).await.unwrap()
    }

    pub(super) async fn refusal(&self, reach: &Arc<Reach>) -> Refusal {
        match self.start(reach, "touch reached", "").await {
            Err(refusal) => refusal,
            Ok(_) => panic!("it lets in"),
        }
    }

    /// Makes a key with the system's own tool; the farm lets it in.
    pub(super) fn make_key(&self, name: &str, passphrase: &str) -> PathBuf {
        let path = self.path(name);
        let made = std::process::Command::new("ssh-keygen")
            .args(["-q", "-t", "ed25519", "-N", passphrase, "-f"])
            .arg(&path)
            .status()
            .unwrap();
        assert!(made.success());
        let public = fs::read_to_string(self.path(&format!("{name}.pub"))).unwrap();
        farm().authorize(public.trim()).unwrap();
        path
    }
}

pub(super) fn text(path: &Path) -> String {
    path.to_str().unwrap().to_owned()
}

pub(super) fn over(host: &Host) -> Jump {
    Jump {
        address: host.address().to_string(),
        user: None,
        port: Some(host.port()),
        keys: Vec::new(),
        host_keys: None,
    }
}

/// How a command ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Ended {
    pub(super) output: String,
    pub(super) errors: String,
    pub(super) exit: Option<i32>,
}

pub(super) async fn end(mut running: Box<dyn Running>) -> Result<Ended, Lost> {
    let mut ended = Ended::default();
    while let Some(said) = in_time(running.next()).await? {
        match said {
            Said::Output(bytes) => ended.output.push_str(&String::from_utf8_lossy(&bytes)),
            Said::Errors(bytes) => ended.errors.push_str(&String::from_utf8_lossy(&bytes)),
            Said::Exit(code) => ended.exit = Some(code),
        }
    }
    Ok(ended)
}
