//! The processes of a host: everything with its mark in the environment, logins that have not come to their command yet,
//! and what its `sshd`s are made of.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::here::{FARM, HOST};

/// Whether this process lives, and runs on that host.
pub(crate) fn is_of_host(pid: u32, farm: &Path, host: &str) -> bool {
    !is_dead(pid) && marked(pid, farm).is_some_and(|name| name == host)
}

/// Every living process of a farm's hosts, or of one of them.
pub(crate) fn of(farm: &Path, host: Option<&str>) -> Vec<u32> {
    all()
        .filter(|&pid| pid != std::process::id())
        .filter(|&pid| {
            marked(pid, farm).is_some_and(|name| host.is_none_or(|wanted| wanted == name))
        })
        .filter(|&pid| !is_dead(pid))
        .collect()
}

/// These processes and what they have started, as far as it is `sshd`: the commands of a session are not among them.
pub(crate) fn with_their_sshds(roots: &BTreeSet<u32>) -> Vec<u32> {
    let mut children: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    for pid in all() {
        if let Some((parent, "sshd" | "sshd-session")) = stat(pid)
            .as_ref()
            .map(|(name, _, parent)| (*parent, name.as_str()))
        {
            children.entry(parent).or_default().push(pid);
        }
    }
    let mut found: Vec<u32> = roots.iter().copied().collect();
    let mut next = 0;
    while let Some(pid) = found.get(next) {
        found.extend(children.get(pid).into_iter().flatten());
        next += 1;
    }
    found
}

/// Ends these processes at once. That some have ended by themselves meanwhile is no failure.
pub(crate) fn kill(pids: &[u32]) -> io::Result<()> {
    if pids.is_empty() {
        return Ok(());
    }
    Command::new("kill")
        .arg("-KILL")
        .args(pids.iter().map(u32::to_string))
        .env_remove(FARM)
        .env_remove(HOST)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .map(drop)
}

/// The sockets a process holds, by inode; none where it may not be asked.
pub(crate) fn sockets(pid: u32) -> Option<BTreeSet<u64>> {
    let entries = fs::read_dir(format!("/proc/{pid}/fd")).ok()?;
    Some(
        entries
            .flatten()
            .filter_map(|entry| fs::read_link(entry.path()).ok())
            .filter_map(|target| {
                let target = target
                    .to_str()?
                    .strip_prefix("socket:[")?
                    .strip_suffix(']')?;
                target.parse().ok()
            })
            .collect(),
    )
}

/// Every process there is.
pub(crate) fn all() -> impl Iterator<Item = u32> {
    fs::read_dir("/proc")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

/// The host a process runs on, where it runs on one of this farm.
fn marked(pid: u32, farm: &Path) -> Option<String> {
    let environment = fs::read(format!("/proc/{pid}/environ")).ok()?;
    let mut on_this_farm = false;
    let mut host = None;
    for entry in environment.split(|&byte| byte == 0) {
        let Some((name, value)) = std::str::from_utf8(entry)
            .ok()
            .and_then(|entry| entry.split_once('='))
        else {
            continue;
        };
        match name {
            FARM => on_this_farm = Path::new(value) == farm,
            HOST => host = Some(value.to_owned()),
            _ => {}
        }
    }
    host.filter(|_| on_this_farm).or_else(|| login(pid, farm))
}

/// The host that a login is on which has nothing but what its `sshd` gave it: it is slow, or hangs.
fn login(pid: u32, farm: &Path) -> Option<String> {
    let line = fs::read(format!("/proc/{pid}/cmdline")).ok()?;
    let mut words = line.split(|&byte| byte == 0);
    let program = Path::new(std::str::from_utf8(words.next()?).ok()?);
    if program != farm.join("farm-host") || words.next()? != b"session" {
        return None;
    }
    String::from_utf8(words.next()?.to_vec()).ok()
}

fn is_dead(pid: u32) -> bool {
    stat(pid).is_none_or(|(_, state, _)| matches!(state, 'Z' | 'X'))
}

/// A process's name, state and parent.
fn stat(pid: u32) -> Option<(String, char, u32)> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (start, end) = (stat.find('(')?, stat.rfind(')')?);
    let mut fields = stat.get(end + 2..)?.split(' ');
    let state = fields.next()?.chars().next()?;
    Some((
        stat.get(start + 1..end)?.to_owned(),
        state,
        fields.next()?.parse().ok()?,
    ))
}
