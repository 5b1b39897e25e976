//! Hosts of a farm that all these tests share, one or more for each; and what a test says to them.

use std::fs;
use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::num::NonZeroU16;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;

use ringway_drivers::Reach;
use ringway_drivers::ssh::{Here, Limits, Russh};
use ringway_drivers::transport::{Exec, Lost, Refusal, Running, Said, Transport as _};
use ringway_farm::{Farm, Host, HostPlan, Plan};
use ringway_model::{Labels, Span};
use ringway_policy::validated::{Connection, HostKeys, Ssh, SshVia};
use tempfile::TempDir;

use crate::support::LONG;

/// Hosts that tests take one by one; the other farm has the rest. With more than 64 a farm's hosts all show the same key.
const HOSTS: [usize; 2] = [61, 32];

static FARM: LazyLock<Farm> = LazyLock::new(|| {
    let mut hosts: Vec<_> = (0..HOSTS[0])
        .map(|n| HostPlan::new(&format!("host-{n}"), "web"))
        .collect();
    hosts.push(HostPlan::new("gate", "jump"));
    hosts.push(HostPlan::new("inner", "jump").behind("gate"));
    hosts.push(HostPlan::new("deep", "web").behind("inner"));
    let mut plan = Plan::made_of(hosts);
    plan.services = Some(false);
    Farm::start(plan).unwrap()
});

static OTHER: LazyLock<Farm> = LazyLock::new(|| {
    let mut plan = Plan::of(HOSTS[1]);
    plan.services = Some(false);
    let farm = Farm::start(plan).unwrap();
    farm.authorize(&public(&FARM.key())).unwrap();
    farm
});

pub(super) fn farm() -> &'static Farm {
    &FARM
}

/// A host that no other test has.
pub(super) fn host() -> &'static Host {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    let next = NEXT.fetch_add(1, Ordering::Relaxed);
    if let Some(host) = FARM.hosts()[..HOSTS[0]].get(next) {
        return host;
    }
    let rest = OTHER.hosts().get(next - HOSTS[0]);
    rest.expect("more tests than hosts: raise `HOSTS`")
}

/// A transport, and a directory that documents could lie in.
pub(super) struct Site {
    pub(super) directory: TempDir,
    pub(super) transport: Arc<Russh>,
}

impl Site {
    pub(super) fn new() -> Self {
        Self::with(Limits::default(), None)
    }

    pub(super) fn with(limits: Limits, agent: Option<PathBuf>) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let here = Here {
            user: farm().user().to_owned(),
            home: directory.path().to_owned(),
            agent,
            known_hosts: vec![directory.path().join(".ssh/known_hosts")],
        };
        Self {
            directory,
            transport: Arc::new(Russh::new(here, limits)),
        }
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// A host as a good document reaches it, with changes.
    pub(super) fn reach(&self, host: &Host, change: impl FnOnce(&mut Ssh)) -> Arc<Reach> {
        self.reach_at(&host.address().to_string(), host.port(), change)
    }

    pub(super) fn reach_at(
        &self,
        address: &str,
        port: u16,
        change: impl FnOnce(&mut Ssh),
    ) -> Arc<Reach> {
        let mut ssh = ssh(port);
        change(&mut ssh);
        Arc::new(Reach {
            host: "web-1".to_owned(),
            address: address.to_owned(),
            labels: Labels::default(),
            with: Connection::Ssh(Box::new(ssh)),
            directory: self.directory.path().to_owned(),
        })
    }

    /// Runs a command to its end.
    pub(super) async fn run(&self, reach: &Arc<Reach>, command: &str) -> Result<Ended, Refusal> {
        self.run_with(reach, command, "").await
    }

    pub(super) async fn run_with(
        &self,
        reach: &Arc<Reach>,
        command: &str,
        input: &str,
    ) -> Result<Ended, Refusal> {
        let running = self.start(reach, command, input).await?;
        Ok(end(running).await.unwrap())
    }

    pub(super) async fn start(
        &self,
        reach: &Arc<Reach>,
        command: &str,
        input: &str,
    ) -> Result<Box<dyn Running>, Refusal> {
        let exec = Exec::new(command, input);
        soon(self.transport.exec(Arc::clone(reach), exec)).await
    }

    /// Which connection a command runs over.
    pub(super) async fn connection(&self, reach: &Arc<Reach>) -> String {
        let ended = self.run(reach, "echo $SSH_CONNECTION").await.unwrap();
        assert_eq!(ended.exit, Some(0), "{ended:?}");
        ended.output
    }

    pub(super) async fn refusal(&self, reach: &Arc<Reach>) -> Refusal {
        self.run(reach, "true").await.unwrap_err()
    }

    /// Makes a key with the system's own tool, for this user only.
    pub(super) fn make_key(&self, name: &str, arguments: &[&str]) -> PathBuf {
        let path = self.path(name);
        let mut keygen = Command::new("ssh-keygen");
        keygen.args(["-q", "-C", name, "-f"]).arg(&path);
        if !arguments.contains(&"-N") {
            keygen.args(["-N", ""]);
        }
        assert!(keygen.args(arguments).status().unwrap().success());
        path
    }

    /// A key that the farm lets in.
    pub(super) fn make_known_key(&self, name: &str, arguments: &[&str]) -> PathBuf {
        let path = self.make_key(name, arguments);
        for farm in [&FARM, &OTHER] {
            farm.authorize(&public(&path)).unwrap();
        }
        path
    }
}

/// The public half of a key.
pub(super) fn public(path: &Path) -> String {
    let mut name = path.as_os_str().to_owned();
    name.push(".pub");
    fs::read_to_string(name).unwrap().trim().to_owned()
}

fn ssh(port: u16) -> Ssh {
    Ssh {
        via: SshVia::Ringway,
        user: None,
        port: Some(port.to_string()),
        keys: vec![text(&farm().key())],
        passphrase: None,
        agent: false,
        host_keys: HostKeys::KnownHosts(vec![
            text(&FARM.known_hosts()),
            text(&OTHER.known_hosts()),
        ]),
        jump: Vec::new(),
        connect_timeout: Span::seconds(60),
        keepalive: Span::seconds(15),
        at_once: NonZeroU16::new(4).unwrap(),
        r#become: None,
        root: ".ringway".to_owned(),
        config: None,
    }
}

pub(super) fn text(path: &Path) -> String {
    path.to_str().unwrap().to_owned()
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
    while let Some(said) = soon(running.next()).await? {
        match said {
            Said::Output(bytes) => ended.output.push_str(&String::from_utf8_lossy(&bytes)),
            Said::Errors(bytes) => ended.errors.push_str(&String::from_utf8_lossy(&bytes)),
            Said::Exit(code) => ended.exit = Some(code),
        }
    }
    ended.output.truncate(ended.output.trim_end().len());
    Ok(ended)
}

/// What must come.
pub(super) async fn soon<F: Future>(it: F) -> F::Output {
    tokio::time::timeout(LONG, it)
        .await
        .expect("it does not come about")
}

/// Waits for something that nobody tells of.
pub(super) async fn until(what: &str, is_so: impl Fn() -> bool) {
    soon(async {
        while !is_so() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
    assert!(is_so(), "{what}");
}

/// A wire to a host, which can be cut and can swallow.
pub(super) struct Wire {
    pub(super) address: SocketAddr,
    streams: Arc<Mutex<Vec<TcpStream>>>,
    state: Arc<Mutex<State>>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Carries,
    /// Nothing comes through, and nothing is said of it.
    Swallows,
}

impl Wire {
    /// To `host`, from an address of this machine.
    pub(super) fn to(host: &Host, from: &str) -> io::Result<Self> {
        let listener = TcpListener::bind((from, 0))?;
        let wire = Self {
            address: listener.local_addr()?,
            streams: Arc::default(),
            state: Arc::new(Mutex::new(State::Carries)),
        };
        let (streams, state) = (Arc::clone(&wire.streams), Arc::clone(&wire.state));
        let host = SocketAddr::new(host.address(), host.port());
        // It lives as long as the process; the connections are cut with the wire.
        std::thread::spawn(move || {
            while let Ok((near, _)) = listener.accept() {
                let Ok(far) = TcpStream::connect(host) else {
                    continue;
                };
                for (mut from, mut to) in [
                    (near.try_clone().unwrap(), far.try_clone().unwrap()),
                    (far.try_clone().unwrap(), near.try_clone().unwrap()),
                ] {
                    let state = Arc::clone(&state);
                    std::thread::spawn(move || carry(&mut from, &mut to, &state));
                }
                streams.lock().unwrap().extend([near, far]);
            }
        });
        Ok(wire)
    }

    /// From now on nothing comes through on the connections there are, and new ones carry again.
    pub(super) fn swallow(&self) {
        *self.state.lock().unwrap() = State::Swallows;
    }

    pub(super) fn carry(&self) {
        *self.state.lock().unwrap() = State::Carries;
    }

    /// Ends the connections there are.
    pub(super) fn cut(&self) {
        for stream in self.streams.lock().unwrap().drain(..) {
            let _ = stream.shutdown(std::net::Shutdown::Both);
        }
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.cut();
    }
}

fn carry(from: &mut TcpStream, to: &mut TcpStream, state: &Mutex<State>) {
    use io::{Read as _, Write as _};
    let mut is_dead = false;
    let mut chunk = [0; 16 * 1024];
    loop {
        let Ok(n @ 1..) = from.read(&mut chunk) else {
            let _ = to.shutdown(std::net::Shutdown::Write);
            return;
        };
        is_dead |= *state.lock().unwrap() == State::Swallows;
        if !is_dead && to.write_all(&chunk[..n]).is_err() {
            return;
        }
    }
}
