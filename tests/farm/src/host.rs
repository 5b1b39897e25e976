//! One host of a running farm.

use std::fs;
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::net::{IpAddr, Ipv4Addr};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use crate::ledger::{self, Entry};
use crate::plan::HostPlan;
use crate::switch::Switch;

/// One host of a running farm.
#[derive(Debug)]
pub struct Host {
    pub(crate) plan: HostPlan,
    pub(crate) farm: PathBuf,
    pub(crate) address: Ipv4Addr,
    pub(crate) port: u16,
}

impl Host {
    /// Its name.
    pub fn name(&self) -> &str {
        &self.plan.name
    }

    /// Its role.
    pub fn role(&self) -> &str {
        &self.plan.role
    }

    /// What was planned of it.
    pub fn plan(&self) -> &HostPlan {
        &self.plan
    }

    /// Where its `sshd` and its service listen.
    pub fn address(&self) -> IpAddr {
        IpAddr::V4(self.address)
    }

    /// The port of its `sshd`.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The home of its sessions.
    pub fn home(&self) -> PathBuf {
        self.farm.join("hosts").join(&self.plan.name)
    }

    /// What it is made of, beside its home: `host_key`, `sshd.log`, `switches`.
    pub fn folder(&self) -> PathBuf {
        self.farm.join("etc").join(&self.plan.name)
    }

    /// Its public key, as in `ssh-ed25519 AAAA...`, the one that the farm's known hosts have.
    ///
    /// # Errors
    ///
    /// When it cannot be read.
    pub fn public_key(&self) -> io::Result<String> {
        let text = fs::read_to_string(self.folder().join("host_key.pub"))?;
        Ok(text.split(' ').take(2).collect::<Vec<_>>().join(" "))
    }

    /// What is installed.
    pub fn version(&self) -> String {
        self.read("version")
    }

    /// What changes with every restart.
    pub fn boot_id(&self) -> String {
        self.read("boot-id")
    }

    /// What stands in a file of its home, trimmed; empty where there is none.
    pub fn read(&self, file: &str) -> String {
        fs::read_to_string(self.home().join(file))
            .map(|text| text.trim().to_owned())
            .unwrap_or_default()
    }

    /// What was done on it, in order.
    ///
    /// # Panics
    ///
    /// On a line that no ledger has.
    pub fn ledger(&self) -> Vec<Entry> {
        ledger::read(&self.read("ledger"))
    }

    /// Breaks something. It is so when this returns.
    ///
    /// # Errors
    ///
    /// When the farm does not do it.
    #[expect(clippy::needless_pass_by_value, reason = "a switch is made in place")]
    pub fn set(&self, switch: Switch) -> io::Result<()> {
        self.ask(&format!(
            "break {} {} {}",
            self.plan.name,
            switch.name(),
            switch.argument()
        ))
    }

    /// Mends everything, and brings it back where it is away. It is so when this returns.
    ///
    /// # Errors
    ///
    /// When the farm does not do it.
    pub fn heal(&self) -> io::Result<()> {
        self.ask(&format!("heal {}", self.plan.name))
    }

    /// Cuts every SSH connection. What runs in them is not told, and goes on.
    ///
    /// # Errors
    ///
    /// When the farm does not do it.
    pub fn drop_connections(&self) -> io::Result<()> {
        self.ask(&format!("drop {}", self.plan.name))
    }

    /// Restarts it, as its switches have it: in a moment.
    ///
    /// # Errors
    ///
    /// When the farm does not do it.
    pub fn reboot(&self) -> io::Result<()> {
        self.ask(&format!("reboot {}", self.plan.name))
    }

    /// Lines of `sshd_config` that come before all others, for the connections to come.
    ///
    /// # Errors
    ///
    /// When they cannot be written, or the farm does not take them.
    pub fn configure(&self, lines: &[&str]) -> io::Result<()> {
        fs::write(self.folder().join("sshd_extra"), lines.join("\n"))?;
        self.ask(&format!("heal {}", self.plan.name))
    }

    fn ask(&self, request: &str) -> io::Result<()> {
        ask(&self.farm, request).map(drop)
    }
}

/// Asks who minds the farm, and waits for the answer.
pub(crate) fn ask(farm: &Path, request: &str) -> io::Result<String> {
    if request.contains('\n') {
        return Err(io::Error::other("a request is one line"));
    }
    let mut stream = UnixStream::connect(farm.join("control"))?;
    writeln!(stream, "{request}")?;
    let mut answer = String::new();
    BufReader::new(stream).read_line(&mut answer)?;
    match answer.trim_end().strip_prefix("ok") {
        Some(rest) => Ok(rest.trim().to_owned()),
        None => Err(io::Error::other(format!(
            "`{request}`: {}",
            answer.trim_end()
        ))),
    }
}
