//! The door of one host: who comes to its SSH port, and what he meets.
//!
//! Each connection gets an `sshd` of its own, started with the connection as its standard input: as `inetd` does it, and
//! as `systemd` does it with `ssh.socket`. So no daemon runs while nobody is connected, what a host's `sshd` reads can
//! change between two connections, and a host can shut its door without disturbing another.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use crate::here::{etc, pause};
use crate::processes;
use crate::yard::{Door, Host, Yard};

/// Plenty for what the threads here do; there are as many as hosts and connections.
const STACK: usize = 128 * 1024;

/// Minds the door of one host, for ever.
pub(crate) fn mind(yard: &Arc<Yard>, name: &str) -> io::Result<()> {
    let yard = Arc::clone(yard);
    let name = name.to_owned();
    thread::Builder::new()
        .stack_size(STACK)
        .spawn(move || {
            let Ok(host) = yard.host(&name) else { return };
            loop {
                host.wait_until_not_shut();
                let Some(listener) = listen(&yard, host) else {
                    continue;
                };
                host.listens(true);
                serve(&yard, host, &listener);
                drop(listener);
                host.listens(false);
            }
        })
        .map(drop)
}

/// A port that is still busy is asked for again, as long as the door is to be open.
fn listen(yard: &Yard, host: &Host) -> Option<TcpListener> {
    while host.door() != Door::Shut {
        if let Ok(listener) = TcpListener::bind((host.address, yard.port)) {
            return Some(listener);
        }
        pause(Duration::from_millis(10));
    }
    None
}

/// Until the door is shut.
fn serve(yard: &Arc<Yard>, host: &Host, listener: &TcpListener) {
    let mut left_alone = Vec::new();
    loop {
        let arrived = listener.accept();
        match host.door() {
            Door::Shut => return,
            Door::Silent => left_alone.extend(arrived.ok()),
            Door::Open => {
                left_alone.clear();
                match arrived {
                    Ok((stream, from)) => admit(yard, host, stream, from),
                    // No file descriptor is free: some will be.
                    Err(_) => pause(Duration::from_millis(20)),
                }
            }
        }
    }
}

/// Gives a connection to an `sshd`. Where that cannot be, the connection is closed.
fn admit(yard: &Arc<Yard>, host: &Host, stream: TcpStream, from: SocketAddr) {
    if let Some(jump) = host.behind.as_ref().and_then(|name| yard.host(name).ok())
        && !comes_through(yard, jump, from)
    {
        return;
    }
    let _ = stream.set_nodelay(true);
    let folder = etc(&yard.farm, &host.name);
    let Ok(output) = stream.try_clone() else {
        return;
    };
    let started = Command::new(&yard.sshd)
        .args(["-i", "-f"])
        .arg(folder.join("sshd_config"))
        .arg("-E")
        .arg(folder.join("sshd.log"))
        .stdin(Stdio::from(OwnedFd::from(stream)))
        .stdout(Stdio::from(OwnedFd::from(output)))
        .stderr(Stdio::null())
        .spawn();
    let Ok(mut child) = started else { return };
    let pid = child.id();
    host.sshd(pid, true);
    let (waiting, name) = (Arc::clone(yard), host.name.clone());
    let waits = thread::Builder::new().stack_size(STACK).spawn(move || {
        let _ = child.wait();
        if let Ok(host) = waiting.host(&name) {
            host.sshd(pid, false);
        }
    });
    if waits.is_err() {
        let _ = processes::kill(&[pid]);
    }
}

/// Whether a connection was made by an `sshd` of the jump host. On loopback every connection comes from the same
/// address, so the socket's owner is what tells them apart. An `sshd` may not be looked into; any other program of the
/// user it runs as may, and a program of another user has a socket of that user.
fn comes_through(yard: &Yard, jump: &Host, from: SocketAddr) -> bool {
    let Some((user, socket)) = owner(from, yard.port) else {
        return false;
    };
    let ours = std::fs::metadata(etc(&yard.farm, &jump.name)).map(|folder| {
        use std::os::unix::fs::MetadataExt as _;
        folder.uid()
    });
    let sshds = processes::with_their_sshds(&jump.sshds());
    if sshds.is_empty() || ours.is_ok_and(|ours| ours != user) {
        return false;
    }
    processes::all()
        .filter(|pid| processes::sockets(*pid).is_some_and(|sockets| sockets.contains(&socket)))
        .all(|pid| sshds.contains(&pid))
}

/// The user and the inode of the socket at the other end, from the kernel's table.
fn owner(from: SocketAddr, port: u16) -> Option<(u32, u64)> {
    let table = std::fs::read_to_string("/proc/net/tcp").ok()?;
    table.lines().skip(1).find_map(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let (local, remote) = (end(fields.get(1)?)?, end(fields.get(2)?)?);
        if SocketAddr::from(local) != from || remote.1 != port {
            return None;
        }
        Some((fields.get(7)?.parse().ok()?, fields.get(9)?.parse().ok()?))
    })
}

/// `0100007F:0016`: an address in the machine's byte order, and a port.
fn end(text: &str) -> Option<(Ipv4Addr, u16)> {
    let (address, port) = text.split_once(':')?;
    let address = u32::from_str_radix(address, 16).ok()?;
    Some((
        Ipv4Addr::from(address.to_ne_bytes()),
        u16::from_str_radix(port, 16).ok()?,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_other_end_of_a_connection_has_an_owner() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let client = TcpStream::connect(("127.0.0.1", port)).unwrap();
        let (_, inode) = owner(client.local_addr().unwrap(), port).unwrap();
        let holders: Vec<u32> = processes::all()
            .filter(|pid| processes::sockets(*pid).is_some_and(|sockets| sockets.contains(&inode)))
            .collect();
        assert_eq!(holders, [std::process::id()]);
    }
}
