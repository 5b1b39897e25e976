//! `postgresql-pair`: a primary and its replica are updated over SSH under load. The replica goes first, the role moves, and
//! of the two one is up at every moment.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use ringway_farm::{Farm, HostPlan, Plan};

use super::ground::{answers, are_there, care, on_path, ringway, until};

const PORT: u16 = 5432;

/// What is done on a host before anything: one of them a primary, the other a replica made of it.
const LAY: &str = r#"
set -eu
PATH=$1:$PATH; own=$2; other=$3; first=$4
data=$PWD/pg
if [ "$first" = primary ]; then
  initdb -D "$data" -A trust --no-sync >/dev/null
  printf 'host all all 127.0.0.0/8 trust\nhost replication all 127.0.0.0/8 trust\n' >>"$data/pg_hba.conf"
  cat >>"$data/postgresql.conf" <<END
unix_socket_directories = ''
fsync = off
wal_retrieve_retry_interval = '200ms'
include 'own.conf'
include_if_exists 'patch.conf'
END
else
  pg_basebackup -D "$data" -h "$other" -p 5432 -d "host=$other dbname=postgres" -c fast
  : >"$data/standby.signal"
fi
printf "listen_addresses = '%s'\nport = 5432\nprimary_conninfo = 'host=%s port=5432'\n" "$own" "$other" >"$data/own.conf"
pg_ctl start -D "$data" -w -t 60 -l "$data/ringway.log" >/dev/null
"#;

const POLICY: &str = "
ringway: policy/v1
name: pairs
applies_to: all
rings: [{ name: all, hosts: rest, soak: 500ms }]
pace: { at_once: 2, ramp: off, settle: 1s }
gates: [{ name: answers, probe: postgresql, down: { for: 20s } }]
";

/// A patch is a configuration that only a restart takes up.
const UPDATE: &str = "
ringway: update/v1
name: april
recipe: script
releases:
  - select: all
    id: april
    build: patched
    with:
      inspect: cat version 2>/dev/null || echo old
      apply: >-
        echo \"cluster_name = '$BUILD'\" >\"$LABEL_PG_DATA/patch.conf\" && echo \"$BUILD\" >version &&
        PATH=$LABEL_PG_BIN:$PATH &&
        { ! pg_ctl status -D \"$LABEL_PG_DATA\" >/dev/null ||
        pg_ctl restart -D \"$LABEL_PG_DATA\" -w -m fast -l \"$LABEL_PG_DATA/ringway.log\" >/dev/null; }
";

/// The newest server's programs that are installed.
fn programs() -> Option<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql").ok()?;
    let mut found: Vec<PathBuf> = versions
        .filter_map(|version| Some(version.ok()?.path().join("bin")))
        .filter(|bin| bin.join("initdb").is_file())
        .collect();
    found.sort();
    found.pop()
}

/// Two servers on hosts of a farm.
struct Pair {
    bin: PathBuf,
    farm: Farm,
}

impl Pair {
    fn lay(bin: PathBuf, base: &Path) -> Self {
        let plan = Plan {
            base: Some(base.to_owned()),
            services: Some(false),
            ..Plan::made_of(vec![
                HostPlan::new("db-1", "postgresql"),
                HostPlan::new("db-2", "postgresql"),
            ])
        };
        let farm = Farm::start(plan).unwrap();
        let pair = Self { bin, farm };
        for (host, other, first) in [("db-1", "db-2", "primary"), ("db-2", "db-1", "replica")] {
            let (own, other) = (pair.address(host), pair.address(other));
            let (own, other) = (own.ip().to_string(), other.ip().to_string());
            pair.tell(
                host,
                &[&pair.bin.display().to_string(), &own, &other, first],
                LAY,
            );
        }
        pair
    }

    fn address(&self, host: &str) -> SocketAddr {
        SocketAddr::new(self.farm.host(host).address(), PORT)
    }

    /// Runs a script on a host, as its user.
    fn tell(&self, host: &str, words: &[&str], script: &str) {
        use std::io::Write as _;
        let mut ssh = Command::new("timeout");
        ssh.args(["--kill-after=5", "120", "ssh", "-F"])
            .arg(self.farm.ssh_config())
            .args([host, "sh", "-s", "--"])
            .args(words)
            .stdin(Stdio::piped());
        let mut child = ssh.spawn().unwrap();
        child
            .stdin
            .take()
            .unwrap()
            .write_all(script.as_bytes())
            .unwrap();
        assert!(child.wait().unwrap().success(), "{host}: {words:?}");
    }

    /// What one of the servers says, or the one of both that can write where none is named.
    fn ask(&self, host: Option<&str>, question: &str) -> Option<String> {
        let [one, two] = ["db-1", "db-2"].map(|host| self.address(host).ip());
        let (hosts, wish) = match host {
            Some(host) => (self.address(host).ip().to_string(), "any"),
            None => (format!("{one},{two}"), "read-write"),
        };
        let target = format!(
            "host={hosts} port={PORT} user={} dbname=postgres connect_timeout=2 target_session_attrs={wish}",
            self.farm.user()
        );
        let output = Command::new(self.bin.join("psql"))
            .args([
                "-XAtq",
                "-w",
                "-v",
                "ON_ERROR_STOP=1",
                "-d",
                &target,
                "-c",
                question,
            ])
            .env_remove("PGHOST")
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        output.status.success().then_some(said)
    }

    fn documents(&self, root: &Path) {
        let mut fleet = "ringway: fleet/v1
name: databases
probes: { postgresql: { tcp: { port: 5432 }, every: 300ms, timeout: 2s } }
groups:
  - name: databases
    select: role = postgresql
    rings: together
    care: postgresql-pair
    keep_up: { per: pair, at_least: 1, down_at_most: 1, probe: postgresql, fresh: 10s }
"
        .to_owned();
        // The farm's document has the hosts and the way to them.
        let farms = self.farm.fleet_yaml_with("databases", "root: .ringway");
        let (_, hosts) = farms.split_once("hosts:\n").unwrap();
        let mut hosts = format!("hosts:\n{hosts}");
        for (host, other) in [("db-1", "db-2"), ("db-2", "db-1")] {
            let own = self.address(host).ip().to_string();
            let labels = format!(
                "address: {own}, labels: {{ role: postgresql, pair: orders, pg_bin: {}, pg_data: {}, pg_socket: {own}, pg_peer: {}",
                self.bin.display(),
                self.farm.host(host).home().join("pg").display(),
                self.address(other).ip()
            );
            hosts = hosts.replace(
                &format!("address: {own}, labels: {{ role: postgresql"),
                &labels,
            );
        }
        fleet.push_str(&hosts);
        for (name, text) in [
            ("fleet", fleet.as_str()),
            ("policy", POLICY),
            ("update", UPDATE),
        ] {
            fs::write(root.join(format!("{name}.yaml")), text.trim_start()).unwrap();
        }
    }
}

impl Drop for Pair {
    fn drop(&mut self) {
        for host in ["db-1", "db-2"] {
            let data = self.farm.host(host).home().join("pg");
            let first = fs::read_to_string(data.join("postmaster.pid")).unwrap_or_default();
            let pid = first.lines().next().and_then(|pid| pid.parse().ok());
            if let Some(pid) = pid.and_then(rustix::process::Pid::from_raw) {
                // One that is gone already needs no end.
                rustix::process::kill_process(pid, rustix::process::Signal::INT).ok();
            }
        }
    }
}

/// How often both servers were away at once, and which was away at all.
fn watched(addresses: [SocketAddr; 2], enough: &AtomicBool) -> (usize, [bool; 2]) {
    let (mut both, mut away) = (0, [false; 2]);
    while !enough.load(Ordering::Relaxed) {
        let up = addresses.map(answers);
        // One may have come while the other was asked: asked again at once, nobody is up only where that is so.
        both += usize::from(up == [false; 2] && addresses.map(answers) == [false; 2]);
        for (away, up) in away.iter_mut().zip(up) {
            *away |= !up;
        }
        std::thread::park_timeout(Duration::from_millis(10));
    }
    (both, away)
}

/// Writes all the time, on a new connection each time; the longest time between two writes that were taken, and how many
/// there were.
fn writes(pair: &Pair, enough: &AtomicBool) -> (Duration, u32) {
    let (mut longest, mut last, mut count) = (Duration::ZERO, Instant::now(), 0);
    while !enough.load(Ordering::Relaxed) {
        if pair.ask(None, "insert into load default values").is_some() {
            longest = longest.max(last.elapsed());
            last = Instant::now();
            count += 1;
        }
    }
    (longest.max(last.elapsed()), count)
}

#[test]
fn the_primary_of_a_real_pair_goes_last_after_a_switchover_and_one_of_both_is_up_at_every_moment() {
    let programs = [
        ("postgresql", programs()),
        ("openssh-client", on_path("ssh")),
    ];
    if !are_there(&programs) {
        return;
    }
    let root = tempfile::tempdir().unwrap();
    // The hosts are another user's where this one is root.
    let all = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    fs::set_permissions(root.path(), all).unwrap();
    let [(_, Some(bin)), _] = programs else {
        return;
    };
    let pair = Pair::lay(bin, &root.path().join("farm"));
    pair.ask(
        Some("db-1"),
        "create table load (at timestamptz default clock_timestamp())",
    )
    .unwrap();
    pair.documents(root.path());
    let standby = |host: &str| pair.ask(Some(host), "select pg_is_in_recovery()");
    until("the replica has it", || {
        pair.ask(Some("db-2"), "select count(*) from load")
            .is_some()
    });
    let enough = Arc::new(AtomicBool::new(false));
    let addresses = ["db-1", "db-2"].map(|host| pair.address(host));
    let (said, seen, (longest, count)) = std::thread::scope(|scope| {
        let observer = scope.spawn(|| watched(addresses, &enough));
        let client = scope.spawn(|| writes(&pair, &enough));
        let care = care("postgresql-pair");
        let documents = ["run", "fleet.yaml", "policy.yaml", "update.yaml", &care];
        let said = ringway(root.path(), &documents);
        enough.store(true, Ordering::Relaxed);
        (said, observer.join().unwrap(), client.join().unwrap())
    });
    let (_, journal) = ringway(root.path(), &["journal"]);
    assert_eq!(said.0, Some(0), "{}\n{journal}", said.1);
    assert_eq!(seen.0, 0, "both were away at once\n{journal}");
    assert_eq!(
        seen.1,
        [true, true],
        "each was restarted, and that was seen"
    );
    let applied = |host: &str| journal.find(&format!(" {host} apply ")).unwrap();
    assert!(
        applied("db-2") < applied("db-1"),
        "the primary goes last\n{journal}"
    );
    assert_eq!(standby("db-1").as_deref(), Some("t"), "the role has moved");
    assert_eq!(standby("db-2").as_deref(), Some("f"));
    for host in ["db-1", "db-2"] {
        let name = pair.ask(Some(host), "show cluster_name");
        assert_eq!(name.as_deref(), Some("patched"), "{host}");
    }
    let written = pair.ask(None, "select count(*) from load").unwrap();
    // One that was written and not confirmed may be there; none that was confirmed may be missing.
    assert!(
        written.parse::<u32>().unwrap() >= count,
        "{written} of {count} writes"
    );
    println!("{count} writes, longest interruption {longest:?}");
    assert!(
        longest < Duration::from_secs(45),
        "nobody could write for {longest:?}"
    );
}
