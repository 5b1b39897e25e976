//! The way to a host: its legs, and what the document says of each. What it does not say is left to `ssh_config`.

use std::path::{Path, PathBuf};
use std::time::Duration;

use ringway_policy::validated::{Command, Connection, HostKeys, Ssh};

use crate::local::duration;
use crate::port::Reach;
use crate::transport::Refusal;

/// The legs to a host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Way {
    /// Hosts on the way, the first reached from here.
    pub(super) hops: Vec<Leg>,
    /// The host.
    pub(super) end: Leg,
    /// The configuration file, where it is not `ssh`'s own.
    pub(super) config: Option<PathBuf>,
    /// How long each leg may take until its end has introduced itself.
    pub(super) connect_timeout: Duration,
    /// How often a silent connection is asked whether it still lives.
    pub(super) keepalive: Duration,
    /// Commands at once.
    pub(super) at_once: u16,
    /// What prints the keys' passphrase, and where it runs.
    pub(super) passphrase: Option<(Command, PathBuf)>,
    /// Whether the agent is asked.
    pub(super) agent: bool,
}

/// One host on the way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Leg {
    pub(super) address: String,
    pub(super) user: Option<String>,
    pub(super) port: Option<u16>,
    pub(super) keys: Vec<PathBuf>,
    pub(super) trust: Trust,
}

/// How a host proves that it is the one meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Trust {
    /// A line in one of these files; in `ssh_config`'s where there is none.
    Files {
        files: Vec<PathBuf>,
        accept_new: bool,
    },
    /// One of these public keys.
    Pinned(Vec<String>),
}

impl Way {
    /// The way to a host. `home` is what `~/` stands for.
    ///
    /// # Errors
    ///
    /// When it is no way over SSH, or means nothing for this host.
    pub(super) fn to(reach: &Reach, home: &Path) -> Result<Self, Refusal> {
        let Connection::Ssh(ssh) = &reach.with else {
            let why = format!("`{}` is not reached over SSH", reach.host);
            return Err(Refusal::Here(why));
        };
        let fill = |text: &str| {
            let filled = reach.target().fill(text);
            filled.map_err(|error| Refusal::Here(error.to_string()))
        };
        let user = |user: Option<&String>| user.map(|user| fill(user)).transpose();
        let place = Place { reach, home };
        let mut hops = Vec::with_capacity(ssh.jump.len());
        for jump in &ssh.jump {
            let keys = if jump.keys.is_empty() {
                &ssh.keys
            } else {
                &jump.keys
            };
            hops.push(Leg {
                address: fill(&jump.address)?,
                user: user(jump.user.as_ref().or(ssh.user.as_ref()))?,
                port: jump.port,
                keys: place.of_all(keys),
                trust: place.trust(jump.host_keys.as_ref().unwrap_or(&ssh.host_keys))?,
            });
        }
        let end = Leg {
            address: reach.address.clone(),
            user: user(ssh.user.as_ref())?,
            port: ssh
                .port
                .as_ref()
                .map(|port| read_port(&fill(port)?))
                .transpose()?,
            keys: place.of_all(&ssh.keys),
            trust: place.trust(&ssh.host_keys)?,
        };
        Ok(place.finish(ssh, hops, end))
    }

    /// The same way to the last hop, where there is one.
    pub(super) fn to_the_last_hop(&self) -> Option<Self> {
        let (last, before) = self.hops.split_last()?;
        Some(Self {
            hops: before.to_vec(),
            end: last.clone(),
            ..self.clone()
        })
    }
}

/// What files in a document are relative to.
struct Place<'a> {
    reach: &'a Reach,
    home: &'a Path,
}

impl Place<'_> {
    fn of(&self, file: &str) -> PathBuf {
        file.strip_prefix("~/").map_or_else(
            || self.reach.directory.join(file),
            |below| self.home.join(below),
        )
    }

    fn of_all(&self, files: &[String]) -> Vec<PathBuf> {
        files.iter().map(|file| self.of(file)).collect()
    }

    fn trust(&self, host_keys: &HostKeys) -> Result<Trust, Refusal> {
        let files = |files: &[String], accept_new| Trust::Files {
            files: self.of_all(files),
            accept_new,
        };
        Ok(match host_keys {
            HostKeys::KnownHosts(written) => files(written, false),
            HostKeys::AcceptNew(written) => files(written, true),
            HostKeys::Pinned(keys) => {
                // `ssh` compares keys, and cannot be told what their digest is.
                if let Some(print) = keys.iter().find(|key| !key.contains(' ')) {
                    let why = format!(
                        "the system's `ssh` cannot be told the fingerprint `{print}`; pin the public key itself"
                    );
                    return Err(Refusal::Here(why));
                }
                Trust::Pinned(keys.clone())
            }
        })
    }

    fn finish(&self, ssh: &Ssh, hops: Vec<Leg>, end: Leg) -> Way {
        Way {
            hops,
            end,
            config: ssh.config.as_ref().map(|file| self.of(file)),
            connect_timeout: duration(ssh.connect_timeout),
            keepalive: duration(ssh.keepalive),
            at_once: ssh.at_once.get(),
            passphrase: ssh
                .passphrase
                .clone()
                .map(|command| (command, self.reach.directory.clone())),
            agent: ssh.agent,
        }
    }
}

fn read_port(text: &str) -> Result<u16, Refusal> {
    match text.parse() {
        Ok(0) | Err(_) => Err(Refusal::Here(format!("`{text}` is not a port"))),
        Ok(port) => Ok(port),
    }
}
