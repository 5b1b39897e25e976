//! A host that the conformance suite can be run against, and steps to give to it.

use std::collections::BTreeMap;
use std::fs;
use std::num::NonZeroU16;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use ringway_drivers::transport::Transport;
use ringway_drivers::{Driver as _, Reach, RemoteDriver, Spans, StepRequest, Withdrawal};
use ringway_model::{Epoch, IntentId, Labels, Place, RawReport, RolloutId, Slot, Span, StepKind};
use ringway_policy::validated::{Command, Connection, HostKeys, Ssh, SshVia};

use crate::support::{INCARNATION, LONG, exists, in_time};

/// A transport, one host on this machine that it reaches, and what can be done to it.
pub(crate) trait Site: Send + Sync {
    /// The transport.
    fn transport(&self) -> Arc<dyn Transport>;

    /// The host.
    fn reach(&self) -> Reach;

    /// The directory in which the host's commands start.
    fn home(&self) -> PathBuf;

    /// From now on the host refuses connections; those there are go on.
    fn refuse(&self);

    /// Takes that back.
    fn heal(&self);

    /// Breaks every connection there is.
    fn cut(&self);
}

/// A connection with nothing special about it, as `user` and to `port` where they are given.
pub(crate) fn plain_ssh(user: Option<&str>, port: Option<u16>) -> Ssh {
    Ssh {
        via: SshVia::Ringway,
        user: user.map(str::to_owned),
        port: port.map(|port| port.to_string()),
        keys: Vec::new(),
        passphrase: None,
        agent: false,
        host_keys: HostKeys::KnownHosts(Vec::new()),
        jump: Vec::new(),
        connect_timeout: Span::seconds(20),
        keepalive: Span::seconds(10),
        at_once: NonZeroU16::new(8).unwrap(),
        r#become: None,
        root: ".ringway".to_owned(),
        config: None,
    }
}

/// A host over SSH, as drivers are told of it.
pub(crate) fn reach(address: &str, ssh: Ssh, directory: PathBuf) -> Reach {
    Reach {
        host: "web-1".to_owned(),
        address: address.to_owned(),
        labels: Labels::default(),
        with: Connection::Ssh(Box::new(ssh)),
        directory,
    }
}

/// The same host, reached in another way.
pub(crate) fn with_ssh(reach: &Reach, change: impl FnOnce(&mut Ssh)) -> Reach {
    let mut reach = reach.clone();
    if let Connection::Ssh(ssh) = &mut reach.with {
        change(ssh);
    }
    reach
}

/// Spans in which nothing that works takes long, and nothing that does not is waited for.
pub(crate) fn spans() -> Spans {
    Spans {
        grace: Duration::from_millis(300),
        busy: LONG,
        stable: Duration::from_millis(100),
        answer: LONG,
        margin: LONG,
        again: Duration::ZERO,
        pause: (Duration::from_millis(10), Duration::from_millis(100)),
        pace: (Duration::from_millis(10), Duration::from_millis(50)),
    }
}

pub(crate) fn driver(site: &dyn Site) -> RemoteDriver {
    RemoteDriver::new(site.transport()).with_spans(spans())
}

/// A step of the site's host that runs this text.
pub(crate) fn step(site: &dyn Site, serial: u16, text: &str) -> StepRequest {
    StepRequest {
        intent: IntentId::new(RolloutId(1), Slot(0), serial),
        epoch: Epoch(1),
        incarnation: INCARNATION,
        fleet: "corp".to_owned(),
        adopts: Arc::default(),
        reach: Arc::new(site.reach()),
        errand_for: None,
        kind: StepKind::Apply,
        place: Place::Host,
        command: Command::Shell(text.to_owned()),
        values: BTreeMap::new(),
        timeout: Span(u64::try_from(LONG.as_millis()).unwrap()),
        output_limit: 16 * 1024,
        reboot: None,
    }
}

pub(crate) async fn run(driver: &RemoteDriver, step: StepRequest) -> RawReport {
    in_time(driver.run(step, Withdrawal::never())).await
}

/// Starts a step and forgets it, as a Ringway that is killed does; ends when `sign` is there.
pub(crate) async fn start_and_forget(driver: &RemoteDriver, step: StepRequest, sign: PathBuf) {
    let driver = driver.clone();
    let started = tokio::spawn(async move { driver.run(step, Withdrawal::never()).await });
    exists(&sign).await;
    started.abort();
    drop(started.await);
}

/// What is in a file of the host's home; nothing where it is not there.
pub(crate) fn text(site: &dyn Site, name: &str) -> String {
    fs::read_to_string(site.home().join(name)).unwrap_or_default()
}

/// A file in the run directory of a step.
pub(crate) fn marker(site: &dyn Site, serial: u16, name: &str) -> PathBuf {
    let runs = site.home().join(".ringway/runs");
    let run = runs.join(format!("{INCARNATION}/r1-s0-{serial}"));
    if name.is_empty() { run } else { run.join(name) }
}

/// A command that says that it ran, says that it has begun, and waits for `go`.
pub(crate) fn waiting(what: &str) -> String {
    format!("echo {what} >> ledger; touch begun; while [ ! -e go ]; do sleep 0.02; done; echo done")
}
