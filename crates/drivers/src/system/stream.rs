//! A connection to another port of a host, from where its SSH connection comes from.
//!
//! `ssh -W` says nothing when it has connected, so it is made to say in detail what it does, and is believed when it
//! says that the channel is open.

use std::collections::BTreeMap;
use std::io;
use std::pin::Pin;
use std::process::Stdio;
use std::task::{Context, Poll};

use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncWrite, BufReader, Lines, ReadBuf};
use tokio::net::TcpStream;
use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout};

use super::arguments::{self, Wanted};
use super::folder::Papers;
use super::transport::{Places, SystemSsh, ssh, within};
use super::verdict::{self, place};
use super::way::{Leg, Trust, Way};
use crate::transport::{Refusal, Stream};

/// What `ssh` says in detail when the other end has accepted.
const OPEN: &str = "open confirm";
/// How much of what it says is kept to say why it did not connect.
const COMPLAINTS: usize = 64;

/// What `ssh_config` makes of a host.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Shown {
    hostname: Option<String>,
    jump: Option<String>,
    command: Option<String>,
}

impl Shown {
    /// Reads what `ssh -G` prints.
    pub(super) fn read(printed: &str) -> Self {
        let facts: BTreeMap<&str, &str> = printed
            .lines()
            .filter_map(|line| line.split_once(' '))
            .collect();
        let fact = |name| {
            facts
                .get(name)
                .filter(|value| **value != "none")
                .map(|value| (*value).to_owned())
        };
        Self {
            hostname: fact("hostname"),
            jump: fact("proxyjump"),
            command: fact("proxycommand"),
        }
    }
}

/// An `ssh` that passes bytes on; it ends with this.
struct Through {
    output: ChildStdout,
    /// Absent when the end of what is written has been told.
    input: Option<ChildStdin>,
    _ssh: Child,
    _places: Places,
}

impl AsyncRead for Through {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.output).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Through {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match &mut self.input {
            Some(input) => Pin::new(input).poll_write(cx, bytes),
            None => Poll::Ready(Err(io::ErrorKind::BrokenPipe.into())),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.input {
            Some(input) => Pin::new(input).poll_flush(cx),
            None => Poll::Ready(Ok(())),
        }
    }

    /// A pipe ends when it is closed, and in no other way.
    fn poll_shutdown(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.input = None;
        Poll::Ready(Ok(()))
    }
}

/// Connects to `port` of the end of a way.
pub(super) async fn connect(
    system: &SystemSsh,
    way: Way,
    port: u16,
) -> Result<Box<dyn Stream>, Refusal> {
    if let Some(last) = way.to_the_last_hop() {
        let target = address_and_port(&way.end.address, port);
        return through(system, last, target).await;
    }
    let shown = system.shown(&way).await?;
    let address = shown.hostname.unwrap_or_else(|| way.end.address.clone());
    if let Some(jump) = shown.jump {
        let target = address_and_port(&address, port);
        return through(system, by_configuration(&way, &jump), target).await;
    }
    if shown.command.is_some() {
        return Err(Refusal::Here(format!(
            "`ssh_config` reaches `{}` by a `ProxyCommand`, through which only its SSH port is reached; use `ProxyJump`",
            way.end.address
        )));
    }
    let unreachable = |why: &dyn std::fmt::Display| {
        Refusal::Unreachable(format!(
            "`{}` cannot be reached: {why}",
            address_and_port(&address, port)
        ))
    };
    let connecting = TcpStream::connect((address.as_str(), port));
    match tokio::time::timeout(way.connect_timeout, connecting).await {
        Ok(Ok(stream)) => Ok(Box::new(stream)),
        Ok(Err(error)) => Err(unreachable(&error)),
        Err(_) => Err(unreachable(&"no answer in time")),
    }
}

/// The way to the last hop that `ssh_config` names. What it says of the hops themselves stays said there.
fn by_configuration(way: &Way, jump: &str) -> Way {
    let hop = |written: &str| {
        let (user, place) = written
            .rsplit_once('@')
            .map_or((None, written), |(user, place)| (Some(user), place));
        let (address, port) = match place.rsplit_once(':') {
            Some((address, port)) if !address.contains(':') || address.ends_with(']') => {
                (address, port.parse().ok())
            }
            _ => (place, None),
        };
        Leg {
            address: address.trim_matches(['[', ']']).to_owned(),
            user: user.map(str::to_owned),
            port,
            keys: Vec::new(),
            trust: way.end.trust.clone(),
        }
    };
    let mut hops: Vec<Leg> = jump.split(',').map(str::trim).map(hop).collect();
    let end = hops.pop().unwrap_or_else(|| way.end.clone());
    // A pinned key is the host's, and the hops are what the configuration says they are.
    let unpinned = |leg: Leg| match leg.trust {
        Trust::Pinned(_) => Leg {
            trust: Trust::Files {
                files: Vec::new(),
                accept_new: false,
            },
            ..leg
        },
        Trust::Files { .. } => leg,
    };
    Way {
        hops: hops.into_iter().map(unpinned).collect(),
        end: unpinned(end),
        ..way.clone()
    }
}

/// Connects from the end of a way.
async fn through(system: &SystemSsh, way: Way, target: String) -> Result<Box<dyn Stream>, Refusal> {
    let places = system.places(&way).await?;
    let papers = system.papers()?;
    let wanted = Wanted::Stream(target.clone());
    let mut child = ssh(&way, &papers, arguments::of(&way, &papers, &wanted)?)?
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| Refusal::Here(format!("`ssh` cannot be run: {error}")))?;
    let (Some(input), Some(output), Some(complaints)) =
        (child.stdin.take(), child.stdout.take(), child.stderr.take())
    else {
        return Err(Refusal::Here(
            "`ssh` has no standard input and output".to_owned(),
        ));
    };
    let mut lines = BufReader::new(complaints).lines();
    let said = tokio::time::timeout(within(&way), open(&mut lines)).await;
    match said {
        Ok(None) => {
            // Somebody has to take what it goes on saying.
            tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
            Ok(Box::new(Through {
                output,
                input: Some(input),
                _ssh: child,
                _places: places,
            }))
        }
        Ok(Some(said)) => Err(refusal(&way, &papers, &target, &said)),
        Err(_) => Err(Refusal::Unreachable(format!(
            "`{}` does not answer in time",
            place(&way.end)
        ))),
    }
}

/// Nothing, when the channel is open; what was said instead otherwise.
async fn open(lines: &mut Lines<BufReader<ChildStderr>>) -> Option<String> {
    let mut said = Vec::new();
    while let Ok(Some(line)) = lines.next_line().await {
        if line.starts_with("debug") {
            if line.contains(OPEN) {
                return None;
            }
        } else if said.len() < COMPLAINTS {
            said.push(line);
        }
    }
    Some(said.join("\n"))
}

fn refusal(way: &Way, papers: &Papers, target: &str, said: &str) -> Refusal {
    if let Some((_, why)) = said.split_once("open failed: ") {
        let why = why.lines().next().unwrap_or_default().trim();
        return Refusal::Unreachable(format!(
            "`{target}` cannot be reached from the jump host `{}`: {why}",
            way.end.address
        ));
    }
    let hops: Vec<(&Leg, String)> = way
        .hops
        .iter()
        .enumerate()
        .map(|(index, hop)| (hop, papers.logged(index)))
        .collect();
    let why = verdict::of_legs(&hops, &way.end, said);
    if matches!(why, Refusal::Jump { .. }) {
        return why;
    }
    Refusal::Jump {
        hop: way.end.address.clone(),
        why: Box::new(why),
    }
}

fn address_and_port(address: &str, port: u16) -> String {
    if address.contains(':') {
        format!("[{address}]:{port}")
    } else {
        format!("{address}:{port}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_configuration_says_is_read() {
        let shown =
            Shown::read("user ops\nhostname 10.0.0.1\nproxyjump a@gate:2222\nproxycommand none\n");
        assert_eq!(shown.hostname.as_deref(), Some("10.0.0.1"));
        assert_eq!(shown.jump.as_deref(), Some("a@gate:2222"));
        assert_eq!(shown.command, None);
    }
}
