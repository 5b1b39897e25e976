//! A directory with hosts, their services, and the ledger of their steps. When it is dropped, every process of it ends.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};

use ringway_farm::{Farm, HostPlan, Plan};
use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use tempfile::TempDir;

use super::documents::{Carrier, Setup};

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
///
/// Where hosts are reached over SSH, all of it belongs to the user that they run as, whoever decides.
pub(crate) struct Ground {
    root: TempDir,
    /// What carries the hosts, where they are reached over SSH.
    farm: Option<Farm>,
    /// Whose processes the hosts' are.
    owner: (u32, u32),
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
        let farm = match setup.carrier {
            Carrier::Local => None,
            Carrier::Ssh => Some(farm(root.path(), setup)),
        };
        let about = fs::metadata(farm.as_ref().map_or(root.path(), Farm::base)).unwrap();
        let alive = File::create(root.path().join("alive")).unwrap();
        alive.lock().unwrap();
        lay_service(root.path());
        let hosts = setup
            .hosts
            .iter()
            .map(|(name, _)| host(name, farm.as_ref()));
        let hosts: Vec<Host> = hosts.collect();
        let texts = setup.texts(&hosts, root.path(), farm.as_ref());
        let mut ground = Self {
            root,
            farm,
            owner: (about.uid(), about.gid()),
            hosts,
            texts,
            _alive: alive,
            children: Vec::new(),
        };
        for (name, text) in &ground.texts {
            fs::write(ground.root().join(name), text).unwrap();
        }
        for directory in ["", "hosts"] {
            ground.make(directory);
        }
        ground.write("step", include_str!("step.sh"));
        ground.write("ledger", "");
        for host in ground.hosts.clone() {
            ground.make(&format!("hosts/{}", host.name));
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

    /// Makes a directory of the hosts' user.
    fn make(&self, directory: &str) {
        let path = self.root().join(directory);
        fs::create_dir_all(&path).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        self.own(&path);
    }

    /// Writes a file of the hosts' user.
    fn write(&self, file: &str, text: &str) {
        let path = self.root().join(file);
        fs::write(&path, text).unwrap();
        self.own(&path);
    }

    fn own(&self, path: &Path) {
        let (user, group) = self.owner;
        if fs::metadata(path).unwrap().uid() != user {
            std::os::unix::fs::chown(path, Some(user), Some(group)).unwrap();
        }
    }

    /// Starts a host's service.
    pub(crate) fn serve(&mut self, host: &Host) {
        let mut command = Command::new(self.root().join("service"));
        command
            .args([
                format!("hosts/{}", host.name),
                host.address.clone(),
                host.port.to_string(),
            ])
            .current_dir(self.root())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        if self.farm.is_some() && rustix::process::geteuid().is_root() {
            command.uid(self.owner.0).gid(self.owner.1);
        }
        self.children.push(command.spawn().unwrap());
    }

    /// A host as it is reached over SSH, with switches for what can be wrong with that.
    pub(crate) fn over_ssh(&self, host: &str) -> &ringway_farm::Host {
        let farm = self.farm.as_ref();
        farm.expect("the hosts are reached over SSH").host(host)
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
        self.write(&format!("hosts/{host}/{file}"), text);
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

    /// Steps that ran beside another one of their host.
    pub(crate) fn at_once(&self) -> Vec<String> {
        at_once(&self.ledger())
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
        drop(self.farm.take());
        // The envelope of a step that was killed just now may still be writing down how it ended.
        let begun = Instant::now();
        while self.root().exists() && begun.elapsed() < GONE_WITHIN {
            if fs::remove_dir_all(self.root()).is_err() {
                std::thread::park_timeout(LOOK_EVERY);
            }
        }
    }
}

/// A copy, as the hosts' user may not be let to where the service was built. Another program makes it: were it open for
/// writing here, whatever another test starts at this moment would keep it so, and it could not be executed.
fn lay_service(root: &Path) {
    let mut copy = Command::new("cp");
    copy.arg(env!("CARGO_BIN_EXE_service"))
        .arg(root.join("service"));
    assert!(copy.status().unwrap().success(), "{copy:?}");
}

/// What carries the hosts. Their services are those of the ground.
fn farm(root: &Path, setup: &Setup<'_>) -> Farm {
    fs::set_permissions(root, fs::Permissions::from_mode(0o755)).unwrap();
    let hosts = setup.hosts.iter().map(|(name, _)| {
        let host = HostPlan::new(name, "any");
        let behind = setup.behind.iter().find(|(behind, _)| behind == name);
        match behind {
            Some((_, gate)) => host.behind(gate),
            None => host,
        }
    });
    let plan = Plan {
        base: Some(root.join("farm")),
        services: Some(false),
        ..Plan::made_of(hosts.collect())
    };
    Farm::start(plan).unwrap()
}

/// A host where it is carried, or at an address that no other process of tests uses: the process's id is in it, outside
/// of the networks that farms choose among.
fn host(name: &str, farm: Option<&Farm>) -> Host {
    static NEXT: AtomicU16 = AtomicU16::new(20_000);
    let id = std::process::id();
    let [a, b, c] = [id >> 16 & 15, id >> 8 & 255, id & 255];
    let here = || format!("127.{}.{b}.{c}", 64 + a);
    Host {
        name: name.to_owned(),
        address: farm.map_or_else(here, |farm| farm.host(name).address().to_string()),
        port: NEXT.fetch_add(1, Ordering::Relaxed),
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
    let mut runs: BTreeMap<&str, u32> = BTreeMap::new();
    for line in ledger.iter().filter(|line| line.is_start) {
        *runs.entry(&line.intent).or_default() += 1;
    }
    let mut wrong = at_once(ledger);
    let twice = runs.into_iter().filter(|&(_, count)| count > 1);
    wrong.extend(twice.map(|(intent, count)| format!("{intent} ran {count} times")));
    wrong
}

fn at_once(ledger: &[Line]) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut open: BTreeMap<&str, &str> = BTreeMap::new();
    for line in ledger {
        let (host, intent) = (line.host.as_str(), line.intent.as_str());
        if line.is_start {
            if let Some(before) = open.insert(host, intent) {
                wrong.push(format!("{intent} began during {before} of {host}"));
            }
        } else if open.remove(host) != Some(intent) {
            wrong.push(format!("{intent} ended and was not under way on {host}"));
        }
    }
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
