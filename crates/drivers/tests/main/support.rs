//! A data directory, a driver on it, and steps to give to it.

use std::collections::BTreeMap;
use std::fs;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use ringway_drivers::Driver as _;
use ringway_drivers::{LocalDriver, Patience, Reach, StepRequest, Withdrawal};
use ringway_model::{Epoch, IntentId, Labels, Place, RawReport, RolloutId, Slot, Span, StepKind};
use ringway_policy::validated::{Command, Connection};
use tempfile::TempDir;
use tokio::net::TcpSocket;

/// Far longer than anything here takes on a machine that is busy with other things.
pub(crate) const LONG: Duration = Duration::from_mins(2);

/// A port that refuses connections for as long as the socket lives: bound, so that nobody else is given it, and not
/// listening. One that a listener had and gave back may be another test's the next moment.
pub(crate) fn closed_port(address: IpAddr) -> (TcpSocket, u16) {
    let socket = if address.is_ipv4() {
        TcpSocket::new_v4()
    } else {
        TcpSocket::new_v6()
    }
    .unwrap();
    socket.bind(SocketAddr::from((address, 0))).unwrap();
    let port = socket.local_addr().unwrap().port();
    (socket, port)
}

pub(crate) const INCARNATION: u64 = 77;

pub(crate) struct World {
    data: TempDir,
    pub(crate) driver: LocalDriver,
}

impl World {
    pub(crate) fn new() -> Self {
        let data = tempfile::tempdir().unwrap();
        let driver = LocalDriver::new(data.path())
            .unwrap()
            .with_patience(Patience {
                grace: Duration::from_millis(300),
                busy: LONG,
                stable: Duration::from_millis(300),
            });
        fs::create_dir(data.path().join("work")).unwrap();
        Self { data, driver }
    }

    pub(crate) fn with_shell(shell: &[&str]) -> Self {
        let mut world = Self::new();
        let shell = shell.iter().map(|&word| word.to_owned()).collect();
        world.driver = world.driver.with_shell(shell);
        world
    }

    pub(crate) fn impatient(mut self, busy: Duration) -> Self {
        self.driver = self.driver.with_patience(Patience {
            grace: Duration::from_millis(300),
            busy,
            stable: Duration::from_millis(300),
        });
        self
    }

    /// A file in the directory that steps start in.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.data.path().join("work").join(name)
    }

    pub(crate) fn text(&self, name: &str) -> String {
        fs::read_to_string(self.file(name)).unwrap_or_default()
    }

    /// A step of host `web-1` that runs this text.
    pub(crate) fn step(&self, serial: u16, text: &str) -> StepRequest {
        StepRequest {
            intent: IntentId::new(RolloutId(1), Slot(0), serial),
            epoch: Epoch(1),
            incarnation: INCARNATION,
            fleet: "corp".to_owned(),
            adopts: Arc::default(),
            reach: Arc::new(Reach {
                host: "web-1".to_owned(),
                address: "127.0.0.1".to_owned(),
                labels: Labels::default(),
                with: Connection::Local,
                directory: self.data.path().join("work"),
            }),
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

    /// A file in the run directory of a step of `web-1`.
    pub(crate) fn marker(&self, serial: u16, name: &str) -> PathBuf {
        self.driver
            .host_root("web-1", Place::Host)
            .join("runs")
            .join(INCARNATION.to_string())
            .join(format!("r1-s0-{serial}"))
            .join(name)
    }

    /// The pid in one of a run's markers.
    pub(crate) fn pid(&self, serial: u16, marker: &str) -> i32 {
        let text = fs::read_to_string(self.marker(serial, marker)).unwrap();
        text.split(' ').next().unwrap().parse().unwrap()
    }

    pub(crate) async fn run(&self, step: StepRequest) -> RawReport {
        in_time(self.driver.run(step, Withdrawal::never())).await
    }

    pub(crate) async fn attach(&self, step: StepRequest) -> RawReport {
        in_time(self.driver.attach(step)).await
    }

    /// Starts a step and forgets it, as a Ringway that is killed does; ends when `sign` is there.
    pub(crate) async fn start_and_forget(&self, step: StepRequest, sign: &str) {
        let driver = self.driver.clone();
        let started = tokio::spawn(async move { driver.run(step, Withdrawal::never()).await });
        exists(&self.file(sign)).await;
        started.abort();
        drop(started.await);
    }
}

pub(crate) async fn in_time<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(LONG, future)
        .await
        .expect("it ends long before this")
}

/// Ends when the condition holds.
pub(crate) async fn until(mut condition: impl FnMut() -> bool) {
    in_time(async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    })
    .await;
}

pub(crate) async fn exists(path: &Path) {
    until(|| path.exists()).await;
}

/// Whether a process runs: not gone, and not just waiting to be waited for.
pub(crate) fn runs(pid: i32) -> bool {
    fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| {
        let (_, rest) = stat.rsplit_once(") ").unwrap();
        !rest.starts_with('Z') && !rest.starts_with('X')
    })
}

pub(crate) fn kill(pid: i32) {
    let pid = rustix::process::Pid::from_raw(pid).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
}

pub(crate) fn ended(exit: i32, output: &str) -> RawReport {
    RawReport::Ended {
        exit,
        output: output.to_owned(),
        restarts: 0,
    }
}

/// The shells the envelope must run in that this machine has. `/bin/sh` is always one of them.
pub(crate) fn shells() -> Vec<Vec<&'static str>> {
    let all: [&[&str]; 4] = [
        &["/bin/sh"],
        &["dash"],
        &["bash", "--posix"],
        &["busybox", "sh"],
    ];
    let path = std::env::var("PATH").unwrap();
    let there = |program: &str| {
        program.starts_with('/') || path.split(':').any(|d| Path::new(d).join(program).exists())
    };
    all.into_iter()
        .filter(|shell| there(shell[0]))
        .map(<[_]>::to_vec)
        .collect()
}
