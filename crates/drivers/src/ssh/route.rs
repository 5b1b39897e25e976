//! The way to a host: which hops lead there, and who logs in at each of them with which keys.
//!
//! A route is a value made from the document alone; nothing is looked up or opened. Hosts with equal routes share
//! connections, and a chain of hops is itself the route to the last of them.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::path::{Path, PathBuf};
use std::time::Duration;

use ringway_policy::validated::{Command, Connection, HostKeys, Ssh};

use super::here::Here;
use crate::local::duration;
use crate::port::Reach;
use crate::transport::Refusal;

/// SSH's port.
const PORT: u16 = 22;

/// A host, the hops before it, and how connections on this way are kept.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Route {
    /// The hops in order; the last is the host. Never empty.
    hops: Vec<Hop>,
    /// How long one connection may take until the user is logged in.
    pub(super) connect_timeout: Duration,
    /// How often a silent connection is asked whether it still lives.
    pub(super) keepalive: Duration,
    /// Commands at once.
    pub(super) at_once: u16,
}

/// One host on the way, and who logs in there.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Hop {
    pub(super) address: String,
    pub(super) port: u16,
    pub(super) user: String,
    pub(super) keys: Keys,
    pub(super) trust: Trust,
}

/// What a user proves with who it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Keys {
    /// Files of private keys.
    pub(super) files: Vec<PathBuf>,
    /// What prints their passphrase, and where it runs.
    pub(super) passphrase: Option<(Command, PathBuf)>,
    /// Whether the agent is asked.
    pub(super) agent: bool,
}

impl Hash for Keys {
    fn hash<H: Hasher>(&self, state: &mut H) {
        // A command has no hash of its own; equal keys still have equal hashes.
        self.files.hash(state);
        self.agent.hash(state);
    }
}

/// What a host proves with that it is the one meant.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Trust {
    /// A line in one of these files; with `accept_new` a host without any line is written into the first.
    Files {
        files: Vec<PathBuf>,
        accept_new: bool,
    },
    /// One of these fingerprints or public keys.
    Pinned(Vec<String>),
}

impl Route {
    /// The way to a host.
    pub(super) fn to(reach: &Reach, here: &Here) -> Result<Self, Refusal> {
        let Connection::Ssh(ssh) = &reach.with else {
            return Err(Refusal::Here(format!(
                "`{}` is not reached over SSH",
                reach.host
            )));
        };
        let fill = |text: &str| {
            reach
                .target()
                .fill(text)
                .map_err(|error| Refusal::Here(error.to_string()))
        };
        let mut hops = Vec::with_capacity(ssh.jump.len() + 1);
        for jump in &ssh.jump {
            let keys = if jump.keys.is_empty() {
                &ssh.keys
            } else {
                &jump.keys
            };
            hops.push(Hop {
                address: fill(&jump.address)?,
                port: jump.port.unwrap_or(PORT),
                user: user(jump.user.as_deref().or(ssh.user.as_deref()), here, fill)?,
                keys: keys_of(ssh, keys, reach, here),
                trust: trust(
                    jump.host_keys.as_ref().unwrap_or(&ssh.host_keys),
                    reach,
                    here,
                ),
            });
        }
        hops.push(Hop {
            address: reach.address.clone(),
            port: match &ssh.port {
                Some(port) => parse_port(&fill(port)?)?,
                None => PORT,
            },
            user: user(ssh.user.as_deref(), here, fill)?,
            keys: keys_of(ssh, &ssh.keys, reach, here),
            trust: trust(&ssh.host_keys, reach, here),
        });
        Ok(Self {
            hops,
            connect_timeout: duration(ssh.connect_timeout),
            keepalive: duration(ssh.keepalive),
            at_once: ssh.at_once.get(),
        })
    }

    /// The host this way leads to.
    pub(super) fn end(&self) -> &Hop {
        self.hops.last().expect("a route has at least one hop")
    }

    /// The way to the last hop before the host.
    pub(super) fn before(&self) -> Option<Self> {
        let (_, before) = self.hops.split_last()?;
        (!before.is_empty()).then(|| Self {
            hops: before.to_vec(),
            ..self.clone()
        })
    }
}

impl fmt::Display for Hop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&place(&self.address, self.port))
    }
}

/// An address and a port as one writes them.
pub(super) fn place(address: &str, port: u16) -> String {
    if address.contains(':') {
        format!("[{address}]:{port}")
    } else {
        format!("{address}:{port}")
    }
}

fn user(
    written: Option<&str>,
    here: &Here,
    fill: impl Fn(&str) -> Result<String, Refusal>,
) -> Result<String, Refusal> {
    written.map_or_else(|| Ok(here.user.clone()), fill)
}

fn parse_port(text: &str) -> Result<u16, Refusal> {
    match text.parse() {
        Ok(0) | Err(_) => Err(Refusal::Here(format!("`{text}` is not a port"))),
        Ok(port) => Ok(port),
    }
}

fn keys_of(ssh: &Ssh, files: &[String], reach: &Reach, here: &Here) -> Keys {
    Keys {
        files: files.iter().map(|file| at(file, reach, here)).collect(),
        passphrase: ssh
            .passphrase
            .clone()
            .map(|command| (command, reach.directory.clone())),
        agent: ssh.agent,
    }
}

fn trust(host_keys: &HostKeys, reach: &Reach, here: &Here) -> Trust {
    let files = |written: &[String], accept_new| Trust::Files {
        files: if written.is_empty() {
            here.known_hosts.clone()
        } else {
            written.iter().map(|file| at(file, reach, here)).collect()
        },
        accept_new,
    };
    match host_keys {
        HostKeys::KnownHosts(written) => files(written, false),
        HostKeys::AcceptNew(written) => files(written, true),
        HostKeys::Pinned(pins) => Trust::Pinned(pins.clone()),
    }
}

/// Where a file of the document lies.
fn at(file: &str, reach: &Reach, here: &Here) -> PathBuf {
    file.strip_prefix("~/").map_or_else(
        || reach.directory.join(Path::new(file)),
        |below| here.home.join(below),
    )
}

#[cfg(test)]
pub(super) mod tests {
    use std::num::NonZeroU16;

    use ringway_model::{Labels, Span};
    use ringway_policy::validated::{Jump, SshVia};

    use super::*;

    pub(crate) fn here() -> Here {
        Here {
            user: "ops".to_owned(),
            home: PathBuf::from("/home/ops"),
            agent: None,
            known_hosts: vec![PathBuf::from("/home/ops/.ssh/known_hosts")],
        }
    }

    pub(crate) fn reach(change: impl FnOnce(&mut Ssh)) -> Reach {
        let mut ssh = Ssh {
            via: SshVia::Ringway,
            user: None,
            port: None,
            keys: vec!["~/.ssh/id".to_owned(), "keys/ringway".to_owned()],
            passphrase: None,
            agent: false,
            host_keys: HostKeys::KnownHosts(Vec::new()),
            jump: Vec::new(),
            connect_timeout: Span::seconds(10),
            keepalive: Span::seconds(15),
            at_once: NonZeroU16::new(4).unwrap(),
            r#become: None,
            root: ".ringway".to_owned(),
            config: None,
        };
        change(&mut ssh);
        let mut labels = Labels::default();
        labels.set("login", "svc");
        labels.set("port", "2201");
        Reach {
            host: "web-1".to_owned(),
            address: "10.0.0.1".to_owned(),
            labels,
            with: Connection::Ssh(Box::new(ssh)),
            directory: PathBuf::from("/fleet"),
        }
    }

    #[test]
    fn what_is_not_written_is_that_of_this_machine() {
        let route = Route::to(&reach(|_| {}), &here()).unwrap();
        let end = route.end();
        assert_eq!((end.user.as_str(), end.port), ("ops", 22));
        assert_eq!(
            end.keys.files,
            [
                Path::new("/home/ops/.ssh/id"),
                Path::new("/fleet/keys/ringway")
            ]
        );
        assert_eq!(
            end.trust,
            Trust::Files {
                files: here().known_hosts,
                accept_new: false
            }
        );
        assert_eq!(route.before(), None);
    }

    #[test]
    fn labels_fill_user_and_port() {
        let route = Route::to(
            &reach(|ssh| {
                ssh.user = Some("{login}".to_owned());
                ssh.port = Some("{port}".to_owned());
            }),
            &here(),
        )
        .unwrap();
        assert_eq!((route.end().user.as_str(), route.end().port), ("svc", 2201));
    }

    #[test]
    fn a_port_that_is_none_is_our_fault() {
        for (port, why) in [
            ("{login}", "`svc` is not a port"),
            ("0", "`0` is not a port"),
            (
                "{rack}",
                "`{rack}` needs the label `rack`, which `web-1` does not have",
            ),
        ] {
            let refused = Route::to(&reach(|ssh| ssh.port = Some(port.to_owned())), &here());
            assert_eq!(refused, Err(Refusal::Here(why.to_owned())));
        }
    }

    /// The way to a hop must not depend on the host behind it, or every host would have a connection of its own to it.
    #[test]
    fn hosts_behind_the_same_hops_share_the_way_to_them() {
        let jump = |ssh: &mut Ssh| {
            ssh.jump = vec![
                Jump {
                    address: "gate".to_owned(),
                    user: Some("jumper".to_owned()),
                    port: Some(2222),
                    keys: vec!["gate-key".to_owned()],
                    host_keys: Some(HostKeys::Pinned(vec!["SHA256:x".to_owned()])),
                },
                Jump {
                    address: "inner".to_owned(),
                    user: None,
                    port: None,
                    keys: Vec::new(),
                    host_keys: None,
                },
            ];
        };
        let one = Route::to(&reach(jump), &here()).unwrap();
        let mut other = reach(jump);
        other.host = "web-2".to_owned();
        other.address = "10.0.0.2".to_owned();
        let other = Route::to(&other, &here()).unwrap();
        assert_ne!(one, other);
        assert_eq!(one.before(), other.before());
        let inner = one.before().unwrap();
        assert_eq!(inner.end().keys, one.end().keys);
        let gate = inner.before().unwrap();
        assert_eq!(gate.end().user, "jumper");
        assert_eq!(gate.end().keys.files, [Path::new("/fleet/gate-key")]);
        assert_eq!(gate.end().trust, Trust::Pinned(vec!["SHA256:x".to_owned()]));
        assert_eq!(gate.before(), None);
    }

    #[test]
    fn places_are_written_as_people_write_them() {
        assert_eq!(place("web-1", 22), "web-1:22");
        assert_eq!(place("::1", 2222), "[::1]:2222");
    }
}
