//! This machine: room for the journal, the clock's zone, and the files that connections name. Reads, and writes nothing.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use ringway_drivers::ssh::Here;
use ringway_policy::validated::{Connection, HostKeys, Ssh, SshVia};
use ringway_scheduler::FleetSpec;
use ringway_scheduler::spec::HostSpec;

use super::found;
use super::report::{Found, State};

/// A journal grows by some kilobytes for each visit; with less than this, a rollout over thousands of hosts may stop.
const LITTLE_ROOM: u64 = 1 << 30;
/// With less than this nothing should be begun.
const NO_ROOM: u64 = 64 << 20;

/// Looks at everything here that a rollout over these hosts needs.
pub(super) fn look(
    data: &Path,
    directory: &Path,
    fleet: &FleetSpec,
    hosts: &[HostSpec],
) -> Vec<Found> {
    let mut all = vec![room(data), zone()];
    let here = Here::of_this_process();
    let used: BTreeSet<u16> = hosts.iter().map(|host| host.connect).collect();
    let ways = used
        .into_iter()
        .filter_map(|index| fleet.connections.get(usize::from(index)));
    let mut seen = BTreeSet::new();
    for way in ways {
        let Connection::Ssh(ssh) = way else { continue };
        let found = keys(ssh, directory, &here)
            .into_iter()
            .chain(known_hosts(ssh, directory, &here))
            .chain(others(ssh, &here));
        // Many connections share a key.
        all.extend(found.filter(|one| seen.insert((one.check.clone(), one.what.clone()))));
    }
    all
}

fn room(data: &Path) -> Found {
    // The directory may not be there yet; what lies above it is on the same disk as a rule.
    let absolute = std::path::absolute(data).unwrap_or_else(|_| data.to_owned());
    let place = absolute.ancestors().find(|one| one.is_dir());
    let place = place.unwrap_or_else(|| Path::new("/"));
    let (state, what) = match rustix::fs::statvfs(place) {
        Err(error) => (
            State::Warning,
            format!("the room for `{}` cannot be seen: {error}", data.display()),
        ),
        Ok(stat) => {
            let free = stat.f_bavail.saturating_mul(stat.f_frsize);
            let what = format!("{} MiB are free for `{}`", free >> 20, data.display());
            let state = match free {
                0..NO_ROOM => State::Failure,
                NO_ROOM..LITTLE_ROOM => State::Warning,
                _ => State::Ok,
            };
            (state, what)
        }
    };
    let hint = (state != State::Ok)
        .then(|| "make room, or let `--data` name a directory on another disk".to_owned());
    found(None, "room", state, what, hint)
}

fn zone() -> Found {
    let zone = std::env::var("TZ")
        .ok()
        .filter(|zone| !zone.is_empty())
        .or_else(|| {
            let link = fs::read_link("/etc/localtime").ok()?;
            let text = link.to_str()?;
            text.split_once("zoneinfo/")
                .map(|(_, zone)| zone.to_owned())
        });
    let what = format!(
        "this machine's zone is {}; Ringway says all times in UTC",
        zone.as_deref().unwrap_or("UTC")
    );
    found(None, "zone", State::Ok, what, None)
}

fn keys(ssh: &Ssh, directory: &Path, here: &Here) -> Vec<Found> {
    let of_jumps = ssh.jump.iter().flat_map(|jump| &jump.keys);
    ssh.keys
        .iter()
        .chain(of_jumps)
        .map(|key| {
            let path = path(key, directory, here);
            let opened = File::open(&path).and_then(|file| file.metadata());
            let (state, what, hint) = match opened {
                Err(error) => (
                    State::Failure,
                    format!("the key `{key}` cannot be read: {error}"),
                    Some("name a file that the user who runs Ringway can read".to_owned()),
                ),
                Ok(meta) if meta.permissions().mode() & 0o077 != 0 => (
                    State::Warning,
                    format!("the key `{key}` can be read by others than its owner"),
                    Some(format!("chmod 600 {}", path.display())),
                ),
                Ok(_) => (State::Ok, format!("the key `{key}` can be read"), None),
            };
            found(None, "key", state, what, hint)
        })
        .collect()
}

fn known_hosts(ssh: &Ssh, directory: &Path, here: &Here) -> Option<Found> {
    // The system's `ssh` has its own files, and a pinned key or one that is learned needs none.
    let HostKeys::KnownHosts(files) = &ssh.host_keys else {
        return None;
    };
    if ssh.via == SshVia::System && files.is_empty() {
        return None;
    }
    let paths: Vec<PathBuf> = if files.is_empty() {
        here.known_hosts.clone()
    } else {
        files.iter().map(|one| path(one, directory, here)).collect()
    };
    let names: Vec<String> = paths.iter().map(|p| format!("`{}`", p.display())).collect();
    let names = names.join(" and ");
    let is_there = paths.iter().any(|path| File::open(path).is_ok());
    Some(if is_there {
        found(
            None,
            "known-hosts",
            State::Ok,
            format!("keys of hosts are in {names}"),
            None,
        )
    } else {
        let hint = "`ssh-keyscan` writes such lines, to be compared with the hosts' own keys; or `host_keys: accept-new`, or `pinned`";
        let what = format!("there is no file of known hosts: {names}");
        found(
            None,
            "known-hosts",
            State::Failure,
            what,
            Some(hint.to_owned()),
        )
    })
}

fn others(ssh: &Ssh, here: &Here) -> Vec<Found> {
    let mut all = Vec::new();
    if ssh.agent && ssh.via == SshVia::Ringway {
        all.push(match &here.agent {
            Some(_) => found(
                None,
                "agent",
                State::Ok,
                "an agent is named by SSH_AUTH_SOCK",
                None,
            ),
            None => found(
                None,
                "agent",
                State::Warning,
                "keys should come from an agent, and SSH_AUTH_SOCK names none",
                Some(
                    "start one and add the key (`ssh-add`), or write `key:` in `connect`"
                        .to_owned(),
                ),
            ),
        });
    }
    if ssh.via == SshVia::System {
        let on_path = std::env::var_os("PATH")
            .is_some_and(|path| std::env::split_paths(&path).any(|one| one.join("ssh").is_file()));
        all.push(if on_path {
            found(None, "ssh", State::Ok, "the system's `ssh` is there", None)
        } else {
            let hint = "install it (`openssh-client`), or leave `via: system` out";
            let what = "the system's `ssh` is not on the search path";
            found(None, "ssh", State::Failure, what, Some(hint.to_owned()))
        });
    }
    all
}

/// A file as documents name it: `~/` is home, and anything that is not absolute is below the documents.
fn path(text: &str, directory: &Path, here: &Here) -> PathBuf {
    match text.strip_prefix("~/") {
        Some(rest) => here.home.join(rest),
        None => directory.join(text),
    }
}
