//! A directory with hosts, their services, and the ledger of their steps. When it is dropped, every process of it ends.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use tempfile::TempDir;

use super::documents::Setup;

/// Far longer than anything here takes on a machine that is busy with other things.
pub(crate) const LONG: Duration = Duration::from_mins(2);
/// How long a directory may be written to after its processes were ended.
const GONE_WITHIN: Duration = Duration::from_secs(10);
/// How often something is looked at that cannot be listened to.
pub(crate) const LOOK_EVERY: Duration = Duration::from_millis(5);

/// A host: a service at an address of this machine.
#[derive(Clone, Debug)]
pub(crate) struct Host {
    pub(crate) name: String,
    pub(crate) address: String,
    pub(crate) port: u16,
}

impl Host {
    /// The version its service answers with; `None` where it does not answer.
    pub(crate) fn answer(&self) -> Option<String> {
        let address = SocketAddr::new(self.address.parse().unwrap(), self.port);
        let mut stream = TcpStream::connect_timeout(&address, Duration::from_secs(5)).ok()?;
        stream.set_read_timeout(Some(Duration::from_secs(5))).ok()?;
        stream
            .write_all(b"GET /health HTTP/1.1\r\nHost: e2e\r\n\r\n")
            .ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        let body = answer.split_once("\r\n\r\n")?.1;
        body.trim().strip_prefix("ok ").map(str::to_owned)
    }
}

/// A line of the ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Line {
    pub(crate) is_start: bool,
    /// Milliseconds since the epoch.
    pub(crate) at: i64,
    pub(crate) host: String,
    pub(crate) kind: String,
    pub(crate) intent: String,
}

/// The directory and what lives there.
pub(crate) struct Ground {
    root: TempDir,
    pub(crate) hosts: Vec<Host>,
    pub(crate) texts: Vec<(&'static str, String)>,
    /// Held as long as the services shall live.
    _alive: File,
    children: Vec<Child>,
}

impl Ground {
    /// Lays the fleet out and starts its services, all of version 1.0.
    pub(crate) fn lay(setup: &Setup<'_>) -> Self {
        let root = tempfile::tempdir().unwrap();
        let alive = File::create(root.path().join("alive")).unwrap();
        alive.lock().unwrap();
        std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_service"), root.path().join("service"))
            .unwrap();
        fs::write(root.path().join("step"), include_str!("step.sh")).unwrap();
        fs::write(root.path().join("ledger"), "").unwrap();
        let hosts: Vec<Host> = setup.hosts.iter().map(|(name, _)| host(name)).collect();
        let texts = setup.texts(&hosts);
        for (name, text) in &texts {
            fs::write(root.path().join(name), text).unwrap();
        }
        let mut ground = Self {
            root,
            hosts,
            texts,
            _alive: alive,
            children: Vec::new(),
        };
        for host in ground.hosts.clone() {
            fs::create_dir_all(ground.home(&host.name)).unwrap();
            ground.put(&host.name, "version", "1.0\n");
            ground.serve(&host);
        }
        let begun = Instant::now();
        while ground.hosts.iter().any(|host| host.answer().is_none()) {
            assert!(begun.elapsed() < LONG, "the services do not come up");
            std::thread::park_timeout(LOOK_EVERY);
        }
        ground
    }

    /// Starts a host's service.
    pub(crate) fn serve(&mut self, host: &Host) {
        let child = Command::new(self.root().join("service"))
            .args([
                format!("hosts/{}", host.name),
                host.address.clone(),
                host.port.to_string(),
            ])
            .current_dir(self.root())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        self.children.push(child);
    }

    pub(crate) fn root(&self) -> &Path {
        self.root.path()
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.root().join("data")
    }

    pub(crate) fn home(&self, host: &str) -> PathBuf {
        self.root().join("hosts").join(host)
    }

    /// Writes a file of a host.
    pub(crate) fn put(&self, host: &str, file: &str, text: &str) {
        fs::write(self.home(host).join(file), text).unwrap();
    }

    /// Removes a file of a host.
    pub(crate) fn take(&self, host: &str, file: &str) {
        fs::remove_file(self.home(host).join(file)).unwrap();
    }

    /// A file of a host; empty where there is none.
    pub(crate) fn text(&self, host: &str, file: &str) -> String {
        let text = fs::read_to_string(self.home(host).join(file)).unwrap_or_default();
        text.trim().to_owned()
    }

    pub(crate) fn host(&self, name: &str) -> &Host {
        self.hosts.iter().find(|host| host.name == name).unwrap()
    }

    /// Hosts that a step has taken out of service and none has put back.
    pub(crate) fn drained(&self) -> Vec<&str> {
        let is_drained = |host: &&Host| self.home(&host.name).join("drained").exists();
        let drained = self.hosts.iter().filter(is_drained);
        drained.map(|host| host.name.as_str()).collect()
    }

    /// What every service answers, by host.
    pub(crate) fn answers(&self) -> BTreeMap<&str, Option<String>> {
        let hosts = self.hosts.iter();
        hosts.map(|h| (h.name.as_str(), h.answer())).collect()
    }

    /// Asserts that everything is in service, with this version everywhere.
    pub(crate) fn serves(&self, version: &str) {
        assert_eq!(self.drained(), [""; 0], "drained");
        for (host, answer) in self.answers() {
            assert_eq!(answer.as_deref(), Some(version), "{host}");
        }
    }

    /// The ledger so far.
    pub(crate) fn ledger(&self) -> Vec<Line> {
        let text = fs::read_to_string(self.root().join("ledger")).unwrap();
        // What is behind the last newline is being written.
        let whole = text.rfind('\n').map_or("", |end| &text[..end]);
        whole.lines().map(line).collect()
    }

    /// Steps begun so far, as `host kind`, in order.
    pub(crate) fn starts(&self) -> Vec<String> {
        let starts = self.ledger().into_iter().filter(|line| line.is_start);
        starts.map(|l| format!("{} {}", l.host, l.kind)).collect()
    }

    /// Whether a step of this kind has begun on this host.
    pub(crate) fn has_begun(&self, host: &str, kind: &str) -> bool {
        self.starts().contains(&format!("{host} {kind}"))
    }

    /// What the ledger shows that must not be.
    pub(crate) fn wrong(&self) -> Vec<String> {
        wrong(&self.ledger())
    }

    /// Ends a host's service, as somebody else would.
    pub(crate) fn kill_service(&self, host: &str) {
        let pid = self
            .ours(&self.text(host, "pid"))
            .expect("its service runs");
        // A later step must not take a stranger's process for it.
        self.take(host, "pid");
        kill_process(pid, Signal::KILL).unwrap();
    }

    /// A process of this ground, from what a file says: never another one that has its number by now.
    pub(crate) fn ours(&self, pid: &str) -> Option<Pid> {
        let home = fs::read_link(format!("/proc/{pid}/cwd")).ok()?;
        (home == fs::canonicalize(self.root()).ok()?).then(|| Pid::from_raw(pid.parse().ok()?))?
    }
}

impl Drop for Ground {
    fn drop(&mut self) {
        for host in &self.hosts {
            if let Some(step) = self.ours(&self.text(&host.name, "step")) {
                let _ = kill_process_group(step, Signal::KILL);
            }
            if let Some(service) = self.ours(&self.text(&host.name, "pid")) {
                let _ = kill_process(service, Signal::KILL);
            }
        }
        for child in &mut self.children {
            let _ = child.kill();
            let _ = child.wait();
        }
        // The envelope of a step that was killed just now may still be writing down how it ended.
        let begun = Instant::now();
        while self.root().exists() && begun.elapsed() < GONE_WITHIN {
            if fs::remove_dir_all(self.root()).is_err() {
                std::thread::park_timeout(LOOK_EVERY);
            }
        }
    }
}

/// A host at an address that no other process of tests uses: the process's id is in it.
fn host(name: &str) -> Host {
    static NEXT: AtomicU16 = AtomicU16::new(20_000);
    let id = std::process::id();
    let port = NEXT.fetch_add(1, Ordering::Relaxed);
    Host {
        name: name.to_owned(),
        address: format!(
            "127.{}.{}.{}",
            64 + (id >> 16 & 63),
            id >> 8 & 255,
            id & 255
        ),
        port,
    }
}

fn line(text: &str) -> Line {
    let words: Vec<&str> = text.split(' ').collect();
    let [what, at, host, kind, intent] = words[..] else {
        panic!("not a line of the ledger: {text}");
    };
    Line {
        is_start: what == "start",
        at: at.parse().unwrap(),
        host: host.to_owned(),
        kind: kind.to_owned(),
        intent: intent.to_owned(),
    }
}

/// What a ledger shows that must not be: an intent that was run twice, two steps of one host at once.
fn wrong(ledger: &[Line]) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut runs: BTreeMap<&str, u32> = BTreeMap::new();
    let mut open: BTreeMap<&str, &str> = BTreeMap::new();
    for line in ledger {
        let (host, intent) = (line.host.as_str(), line.intent.as_str());
        if line.is_start {
            *runs.entry(intent).or_default() += 1;
            if let Some(before) = open.insert(host, intent) {
                wrong.push(format!("{intent} began during {before} of {host}"));
            }
        } else if open.remove(host) != Some(intent) {
            wrong.push(format!("{intent} ended and was not under way on {host}"));
        }
    }
    let twice = runs.into_iter().filter(|&(_, count)| count > 1);
    wrong.extend(twice.map(|(intent, count)| format!("{intent} ran {count} times")));
    wrong
}

#[test]
fn a_step_that_ran_twice_and_two_at_once_are_found_in_a_ledger() {
    let ledger = |text: &str| text.lines().map(line).collect::<Vec<_>>();
    let good = "start 1 a drain r1-s0-1\nstart 1 b drain r1-s1-1\nend 2 a drain r1-s0-1\n\
                end 2 b drain r1-s1-1\nstart 3 a apply r1-s0-2";
    assert_eq!(wrong(&ledger(good)), [""; 0]);
    for (more, found) in [
        (
            "start 4 a verify r1-s0-3",
            "r1-s0-3 began during r1-s0-2 of a",
        ),
        ("start 4 b drain r1-s1-1", "r1-s1-1 ran 2 times"),
        (
            "end 4 b drain r1-s1-1",
            "r1-s1-1 ended and was not under way on b",
        ),
    ] {
        assert_eq!(wrong(&ledger(&format!("{good}\n{more}"))), [found]);
    }
}

/// Waits until something outside of Ringway is so.
pub(crate) async fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < LONG, "it never was so: {what}");
        tokio::time::sleep(LOOK_EVERY).await;
    }
}
