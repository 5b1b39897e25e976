//! All hosts of a farm as the one who minds them knows them, and what may happen to one: it restarts, its connections
//! are cut, something of it breaks, everything is mended.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::here::{self, FARM, HOST};
use crate::{ledger, processes};

/// How long a restart takes where nothing else is said.
const RESTART: Duration = Duration::from_millis(300);
/// How long after the command the host goes down: long enough for the command to end, usually.
const GOES_DOWN_AFTER: Duration = Duration::from_millis(50);
/// How long a host that restarts again and again is up in between.
const UP_BETWEEN: Duration = Duration::from_millis(400);

/// How often a host restarts again with a version that makes it do so.
const LOOPS: u64 = 3;

/// Whether a host can be connected to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Door {
    /// Connections get an `sshd`.
    Open,
    /// Connections are accepted, and left alone.
    Silent,
    /// Nothing listens.
    Shut,
}

/// What the plan says of a host.
pub(crate) struct Host {
    /// Its name.
    pub(crate) name: String,
    /// Where it listens.
    pub(crate) address: Ipv4Addr,
    /// The host through which alone it can be reached.
    pub(crate) behind: Option<String>,
    /// Whether it has a service.
    pub(crate) serves: bool,
    state: Mutex<State>,
    changed: Condvar,
    /// Held while it restarts or is mended.
    life: Mutex<()>,
}

struct State {
    door: Door,
    listening: bool,
    sshds: BTreeSet<u32>,
}

impl Host {
    /// A host whose door is still shut.
    pub(crate) fn new(name: &str, address: Ipv4Addr, behind: Option<&str>, serves: bool) -> Self {
        Self {
            name: name.to_owned(),
            address,
            behind: behind.map(str::to_owned),
            serves,
            state: Mutex::new(State {
                door: Door::Shut,
                listening: false,
                sshds: BTreeSet::new(),
            }),
            changed: Condvar::new(),
            life: Mutex::new(()),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How its door is now.
    pub(crate) fn door(&self) -> Door {
        self.state().door
    }

    /// Waits until its door is not shut.
    pub(crate) fn wait_until_not_shut(&self) {
        let state = self.state();
        drop(
            self.changed
                .wait_while(state, |state| state.door == Door::Shut),
        );
    }

    /// Tells whether somebody listens at its door.
    pub(crate) fn listens(&self, listening: bool) {
        self.state().listening = listening;
        self.changed.notify_all();
    }

    /// Remembers the `sshd` of a connection as long as it runs.
    pub(crate) fn sshd(&self, pid: u32, runs: bool) {
        let mut state = self.state();
        if runs {
            state.sshds.insert(pid);
        } else {
            state.sshds.remove(&pid);
        }
    }

    /// The `sshd`s of its connections.
    pub(crate) fn sshds(&self) -> BTreeSet<u32> {
        self.state().sshds.clone()
    }

    /// Cuts every connection of it. What ran in them is not told.
    pub(crate) fn drop_connections(&self) -> io::Result<()> {
        processes::kill(&processes::with_their_sshds(&self.sshds()))
    }

    /// Changes its door, and waits until that is so. `wake` makes a listener look up.
    fn set_door(&self, door: Door, wake: impl Fn(&Self)) {
        self.state().door = door;
        self.changed.notify_all();
        if door == Door::Shut {
            wake(self);
        }
        let state = self.state();
        drop(self.changed.wait_while(state, |state| {
            state.door == door && state.listening != (door != Door::Shut)
        }));
    }
}

/// The farm.
pub(crate) struct Yard {
    /// Its folder.
    pub(crate) farm: PathBuf,
    /// The port of every host's `sshd`.
    pub(crate) port: u16,
    /// The `sshd` program.
    pub(crate) sshd: PathBuf,
    /// Its hosts by name.
    pub(crate) hosts: BTreeMap<String, Host>,
}

impl Yard {
    /// The host of this name.
    pub(crate) fn host(&self, name: &str) -> io::Result<&Host> {
        self.hosts
            .get(name)
            .ok_or_else(|| io::Error::other(format!("there is no host `{name}`")))
    }

    /// Whether a switch of a host is on.
    pub(crate) fn is_on(&self, host: &Host, switch: &str) -> bool {
        here::switch(&self.farm, &host.name, switch).is_some()
    }

    /// Turns a switch of a host on.
    pub(crate) fn break_host(&self, host: &Host, switch: &str, argument: &str) -> io::Result<()> {
        let known = switch
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte == b'-');
        if switch.is_empty() || !known {
            return Err(io::Error::other(format!("there is no switch `{switch}`")));
        }
        let switches = here::etc(&self.farm, &host.name).join("switches");
        fs::create_dir_all(&switches)?;
        here::put(&switches.join(switch), argument)?;
        match switch {
            "change-key" => self.make_key(host, "changed_key")?,
            "wrong-login" => {}
            "refuse" | "hang-banner" => self.settle_door(host),
            _ => return Ok(()),
        }
        self.configure(host)
    }

    /// Turns every switch of a host off, and brings it back where it is away.
    pub(crate) fn heal(&self, host: &Host) -> io::Result<()> {
        let switches = here::etc(&self.farm, &host.name).join("switches");
        if switches.exists() {
            fs::remove_dir_all(&switches)?;
        }
        let _life = host.life.lock().unwrap_or_else(PoisonError::into_inner);
        self.configure(host)?;
        if here::home(&self.farm, &host.name)
            .join("stayed-away")
            .exists()
            && host.door() == Door::Shut
        {
            // It was off all the while, and begins now.
            self.new_boot(host)?;
        }
        self.settle_door(host);
        self.start_service(host)
    }

    /// Opens a host's door for the first time, its keys and its configuration in place.
    pub(crate) fn bring_up(&self, host: &Host) -> io::Result<()> {
        self.configure(host)?;
        self.new_boot(host)?;
        self.settle_door(host);
        self.start_service(host)
    }

    /// Restarts a host, as its switches have it.
    pub(crate) fn reboot(&self, host: &Host) -> io::Result<()> {
        let _life = host.life.lock().unwrap_or_else(PoisonError::into_inner);
        here::pause(GOES_DOWN_AFTER);
        if self.is_on(host, "fake-reboot") {
            self.shut(host);
            host.drop_connections()?;
            here::pause(self.takes(host));
            self.settle_door(host);
            return Ok(());
        }
        let home = here::home(&self.farm, &host.name);
        let version = fs::read_to_string(home.join("version")).unwrap_or_default();
        let fault = here::fault(&self.farm, &host.name, version.trim());
        let again = match self.number(host, "reboot-loop") {
            Some(again) => again,
            None if fault == "restart-loop" => LOOPS,
            None => 0,
        };
        for round in 0..=again {
            self.shut(host);
            self.end_everything(host)?;
            // Once: whoever heals it has seen to what kept it away.
            let stays_away = fault == "stays-away" && put_once(&home.join("stayed-away"))?;
            if stays_away || self.is_on(host, "never-back") {
                return Ok(());
            }
            here::pause(self.takes(host));
            let boot = self.new_boot(host)?;
            ledger::append(
                &here::home(&self.farm, &host.name),
                &format!("note boot id={boot}"),
            )?;
            self.settle_door(host);
            self.start_service(host)?;
            if round < again {
                here::pause(UP_BETWEEN);
                if fault != "restart-loop" && !self.is_on(host, "reboot-loop") {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// Ends everything that runs on a host. What is just starting is found in a later round.
    fn end_everything(&self, host: &Host) -> io::Result<()> {
        loop {
            let mut left = processes::with_their_sshds(&host.sshds());
            left.extend(processes::of(&self.farm, Some(&host.name)));
            if left.is_empty() {
                return Ok(());
            }
            processes::kill(&left)?;
            here::pause(Duration::from_millis(2));
        }
    }

    /// Ends everything on every host.
    pub(crate) fn end(&self) -> io::Result<()> {
        let sshds: BTreeSet<u32> = self.hosts.values().flat_map(Host::sshds).collect();
        processes::kill(&processes::with_their_sshds(&sshds))?;
        loop {
            let left = processes::of(&self.farm, None);
            if left.is_empty() {
                return Ok(());
            }
            processes::kill(&left)?;
            here::pause(Duration::from_millis(2));
        }
    }

    fn number(&self, host: &Host, switch: &str) -> Option<u64> {
        here::switch(&self.farm, &host.name, switch)?
            .trim()
            .parse()
            .ok()
    }

    fn takes(&self, host: &Host) -> Duration {
        self.number(host, "reboot-takes")
            .map_or(RESTART, Duration::from_millis)
    }

    fn new_boot(&self, host: &Host) -> io::Result<String> {
        let id = fs::read_to_string("/proc/sys/kernel/random/uuid")?;
        here::put(&here::home(&self.farm, &host.name).join("boot-id"), &id)?;
        Ok(id.trim().to_owned())
    }

    fn shut(&self, host: &Host) {
        host.set_door(Door::Shut, |host| self.wake(host));
    }

    /// Makes the listener look up: it waits for a connection, so it gets one.
    fn wake(&self, host: &Host) {
        drop(std::net::TcpStream::connect((host.address, self.port)));
    }

    /// The door as the switches have it.
    fn settle_door(&self, host: &Host) {
        if self.is_on(host, "refuse") {
            self.shut(host);
        } else if self.is_on(host, "hang-banner") {
            host.set_door(Door::Silent, |_| {});
        } else {
            host.set_door(Door::Open, |_| {});
        }
    }

    /// A key of the host's own, where there is none of this name.
    pub(crate) fn make_key(&self, host: &Host, name: &str) -> io::Result<()> {
        let key = here::etc(&self.farm, &host.name).join(name);
        if key.exists() {
            return Ok(());
        }
        let status = Command::new("ssh-keygen")
            .args(["-q", "-t", "ed25519", "-N", "", "-C"])
            .arg(&host.name)
            .arg("-f")
            .arg(&key)
            .stdin(Stdio::null())
            .status()?;
        if status.success() {
            return Ok(());
        }
        Err(io::Error::other(format!("ssh-keygen: {status}")))
    }

    /// Writes what the host's next `sshd` reads.
    fn configure(&self, host: &Host) -> io::Result<()> {
        let etc = here::etc(&self.farm, &host.name);
        let key = if self.is_on(host, "change-key") {
            etc.join("changed_key")
        } else {
            etc.join("host_key")
        };
        let authorized = if self.is_on(host, "wrong-login") {
            PathBuf::from("none")
        } else {
            self.farm.join("authorized_keys")
        };
        let extra = fs::read_to_string(etc.join("sshd_extra")).unwrap_or_default();
        let text = format!(
            "{extra}\nHostKey {key}\nAuthorizedKeysFile {authorized}\nForceCommand {program} session {name}\n{COMMON}",
            key = quoted(&key),
            authorized = quoted(&authorized),
            program = quoted(&self.farm.join("farm-host")),
            name = host.name,
        );
        here::put(&etc.join("sshd_config"), &text)
    }

    /// Starts a host's service by the command that starts it there.
    fn start_service(&self, host: &Host) -> io::Result<()> {
        if !host.serves {
            return Ok(());
        }
        let home = here::home(&self.farm, &host.name);
        // What it says is in the service's log; a version that does not start is the host's own trouble.
        Command::new(home.join("bin/service"))
            .arg("start")
            .env(FARM, &self.farm)
            .env(HOST, &host.name)
            .current_dir(&home)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .map(drop)
    }
}

const COMMON: &str = "PidFile none
StrictModes no
UsePAM no
UseDNS no
PrintMotd no
PrintLastLog no
PubkeyAuthentication yes
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitUserEnvironment no
PermitUserRC no
X11Forwarding no
AllowTcpForwarding yes
MaxSessions 100
LogLevel ERROR
";

fn quoted(path: &Path) -> String {
    format!("\"{}\"", path.display())
}

/// Makes an empty file; false where it is there already.
fn put_once(path: &Path) -> io::Result<bool> {
    if path.exists() {
        return Ok(false);
    }
    here::put(path, "")?;
    Ok(true)
}
