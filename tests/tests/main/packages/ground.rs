//! Archives with packages, hosts that install from them, and the program that tells them to.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use ringway_farm::{Farm, HostPlan, Plan};
use tempfile::TempDir;

/// The archive that most packages come from: its folder, its label, its suite.
pub(super) const MAIN: [&str; 3] = ["main", "Debian", "stable"];
/// The archive of security updates.
pub(super) const SECURITY: [&str; 3] = ["security", "Debian-Security", "stable-security"];

/// What this needs, and the package of Debian that has it.
const COMPONENTS: [(&str, &str); 7] = [
    ("apt-get", "apt"),
    ("apt-ftparchive", "apt-utils"),
    ("busybox", "busybox"),
    ("dpkg-deb", "dpkg"),
    ("fakeroot", "fakeroot"),
    ("ssh", "openssh-client"),
    ("timeout", "coreutils"),
];
/// The port of the hosts' service.
const PORT: u16 = 8080;
/// Longer than any command here takes on a machine that is busy with other things, in seconds.
const LONG: &str = "300";

const POLICY: &str = "
ringway: policy/v1
name: careful
applies_to: all
rings:
  - { name: canary, hosts: { select: all, take: 1 }, soak: 1s }
  - { name: rest, hosts: rest, soak: 1s }
pace: { at_once: 4, ramp: off, settle: 3s }
gates: [{ name: answers, probe: up, down: { for: 1s } }]
";

/// What the program said, and its exit code.
#[derive(Debug)]
pub(super) struct Said {
    pub(super) code: Option<i32>,
    pub(super) data: String,
    pub(super) words: String,
}

/// Archives, hosts, documents.
pub(super) struct Ground {
    // Ends before its folder is taken away.
    farm: Farm,
    root: TempDir,
}

impl Ground {
    /// Hosts of these names with nothing installed, which read from both archives; these are empty. `None` where the
    /// machine has not what is needed for that, which is told; where nothing may be skipped, that is a failure.
    pub(super) fn lay(hosts: &[&str]) -> Option<Self> {
        let missing: Vec<&str> = COMPONENTS
            .iter()
            .filter(|(program, _)| !is_there(program))
            .map(|(_, package)| *package)
            .collect();
        if !missing.is_empty() {
            let notice = format!("not tried: `apt-get install {}`", missing.join(" "));
            let may_skip = std::env::var_os("CI").is_none_or(|ci| ci.is_empty());
            assert!(may_skip, "{notice}");
            println!("{notice}");
            return None;
        }
        let root = tempfile::tempdir().unwrap();
        // The hosts are another user's where this one is root.
        fs::set_permissions(root.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let plan = Plan {
            base: Some(root.path().join("farm")),
            services: Some(false),
            ..Plan::made_of(
                hosts
                    .iter()
                    .map(|name| HostPlan::new(name, "web"))
                    .collect(),
            )
        };
        let ground = Self {
            farm: Farm::start(plan).unwrap(),
            root,
        };
        for archive in [MAIN, SECURITY] {
            ground.publish(archive, &[]);
        }
        let archives = ground.root.path().join("archives");
        for host in ground.farm.hosts() {
            let listen = format!("{}:{PORT}", host.address());
            let words = ["sh", "-s", "--", archives.to_str().unwrap(), &listen];
            ground.tell(host.name(), &words.join(" "), include_str!("host.sh"));
        }
        let fleet = ground.fleet();
        ground.document("fleet", &fleet);
        ground.document("policy", POLICY);
        Some(ground)
    }

    fn fleet(&self) -> String {
        self.farm
            .fleet_yaml_with("packages", "become: sudo, root: .ringway")
    }

    fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    /// Puts versions of packages into an archive: name, version, and what is wrong with it; see `package.sh`.
    pub(super) fn publish(&self, archive: [&str; 3], packages: &[[&str; 3]]) {
        let [folder, label, suite] = archive;
        let folder = self.path("archives").join(folder);
        let folder = folder.to_str().unwrap();
        let pool = format!("{folder}/pool");
        for [name, version, fault] in packages {
            let words = [pool.as_str(), name, version, fault];
            script(include_str!("package.sh"), &words);
        }
        script(include_str!("archive.sh"), &[folder, label, suite]);
    }

    /// Takes a version of a package out of an archive again.
    pub(super) fn withdraw(&self, archive: [&str; 3], name: &str, version: &str) {
        let pool = self.path("archives").join(archive[0]).join("pool");
        fs::remove_file(pool.join(format!("{name}_{version}_all.deb"))).unwrap();
        self.publish(archive, &[]);
    }

    /// Installs packages as a person would, on these hosts.
    pub(super) fn install(&self, hosts: &[&str], packages: &str) {
        for host in hosts {
            let install = format!(
                "sudo apt-get -q update && sudo apt-get -q -y -o Dpkg::Options::=--force-confold install {packages}"
            );
            self.tell(host, &install, "");
        }
    }

    /// Runs a command on a host, with this as its standard input; returns what it printed.
    pub(super) fn tell(&self, host: &str, command: &str, input: &str) -> String {
        let mut ssh = bounded();
        ssh.arg("ssh").arg("-F").arg(self.farm.ssh_config());
        good(fed(ssh.args([host, command]), input), command)
    }

    /// Writes a document.
    pub(super) fn document(&self, name: &str, text: &str) {
        fs::write(self.path(&format!("{name}.yaml")), text.trim_start()).unwrap();
    }

    /// Runs the program with these arguments, then the documents `fleet`, `policy` and `update`.
    pub(super) fn ringway_with_documents(&self, arguments: &[&str]) -> Said {
        let documents = ["fleet.yaml", "policy.yaml", "update.yaml"];
        self.ringway(&[arguments, &documents].concat())
    }

    /// Runs the program to its end.
    pub(super) fn ringway(&self, arguments: &[&str]) -> Said {
        let mut command = bounded();
        command
            .arg(ringway_tests::ringway())
            .arg("--data")
            .arg(self.path("data"))
            .args(arguments)
            .current_dir(self.root.path())
            .stdin(Stdio::null());
        let output = command.output().unwrap();
        Said {
            code: output.status.code(),
            data: String::from_utf8(output.stdout).unwrap(),
            words: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// What dpkg has on a host: state and version by package.
    pub(super) fn installed(&self, host: &str) -> BTreeMap<String, String> {
        let list = "dpkg-query -W -f='${Package}=${db:Status-Status} ${Version}\\n'";
        let list = self.tell(host, list, "");
        let entries = list.lines().filter_map(|line| line.split_once('='));
        entries
            .map(|(name, state)| (name.to_owned(), state.to_owned()))
            .collect()
    }

    /// What dpkg wrote down of what it did on a host.
    pub(super) fn log(&self, host: &str) -> String {
        self.farm.host(host).read("system/var/log/dpkg.log")
    }

    /// The same of apt.
    pub(super) fn history(&self, host: &str) -> String {
        self.farm.host(host).read("system/var/log/apt/history.log")
    }

    /// Upgrades and downgrades that dpkg did on a host, as `ringway-web 1.0-1 2.0-1`.
    pub(super) fn changes(&self, host: &str) -> Vec<String> {
        let log = self.log(host);
        let lines = log.lines().filter_map(|line| line.split_once(" upgrade "));
        lines.map(|(_, what)| what.replace(":all", "")).collect()
    }

    /// A file of a host's system.
    pub(super) fn file(&self, host: &str, path: &str) -> String {
        self.farm.host(host).read(&format!("system/{path}"))
    }

    /// What a host's service answers when it is asked how it is; `None` where that is not well.
    pub(super) fn answer(&self, host: &str) -> Option<String> {
        let address = SocketAddr::new(self.farm.host(host).address(), PORT);
        let patience = Duration::from_secs(20);
        let mut stream = TcpStream::connect_timeout(&address, patience).ok()?;
        stream.set_read_timeout(Some(patience)).ok()?;
        stream.write_all(b"GET /health HTTP/1.0\r\n\r\n").ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        let (head, body) = answer.split_once("\r\n\r\n")?;
        let status = head.split(' ').nth(1)?;
        (status == "200").then(|| body.trim().to_owned())
    }
}

fn is_there(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
}

/// A program that does not outlive its time.
fn bounded() -> Command {
    let mut command = Command::new("timeout");
    command.args(["--kill-after=5", LONG]);
    command
}

/// Runs a script of ours on this machine.
fn script(text: &str, words: &[&str]) {
    let mut command = bounded();
    command.args(["sh", "-s", "--"]).args(words);
    command.current_dir(Path::new("/"));
    good(fed(&mut command, text), &words.join(" "));
}

fn fed(command: &mut Command, input: &str) -> Output {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(input.as_bytes()).unwrap();
    drop(stdin);
    child.wait_with_output().unwrap()
}

/// What a command printed that has to succeed.
fn good(output: Output, what: &str) -> String {
    assert!(output.status.success(), "{what}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}
