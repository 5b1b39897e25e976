//! What `ssh` is told of a way.
//!
//! Nothing here is secret: a passphrase is asked for by `ssh` itself, from the program that the document names.

use std::ffi::OsString;
use std::path::Path;

use super::folder::Papers;
use super::way::{Leg, Trust, Way};
use crate::quote::quote;
use crate::transport::Refusal;

/// The name under which pinned keys stand in their file.
const PINNED: &str = "ringway-pinned";

/// What is asked of the host at the end.
#[derive(Clone, Debug)]
pub(super) enum Wanted {
    /// To run this; every login shell reads it alike.
    Command(String),
    /// To connect to this address and port, and to say in detail how that goes.
    Stream(String),
}

/// The arguments of `ssh`.
///
/// # Errors
///
/// When a file's name cannot be said to `ssh`.
pub(super) fn of(way: &Way, papers: &Papers, wanted: &Wanted) -> Result<Vec<OsString>, Refusal> {
    let mut arguments = leg(way, &way.end, papers)?;
    if !way.hops.is_empty() {
        arguments.push("-o".to_owned());
        arguments.push(format!("ProxyCommand={}", proxy(way, &way.hops, papers)?));
    }
    match wanted {
        Wanted::Command(command) => {
            arguments.extend(
                [
                    "-T",
                    "-E",
                    &text(&papers.log(way.hops.len()))?,
                    "-o",
                    "LogLevel=ERROR",
                ]
                .map(str::to_owned),
            );
            // An `ssh_config` may have both; neither is what was asked for.
            arguments.extend(option("RemoteCommand=none"));
            arguments.extend(option("ClearAllForwardings=yes"));
            arguments.extend(["--", &way.end.address, command].map(str::to_owned));
        }
        Wanted::Stream(place) => {
            arguments.extend(option("LogLevel=DEBUG2"));
            // A shared connection does not say whether it has connected.
            arguments.extend(option("ControlPath=none"));
            arguments.extend(option("RemoteCommand=none"));
            arguments.extend(["-W", place, "--", &way.end.address].map(str::to_owned));
        }
    }
    Ok(arguments.into_iter().map(OsString::from).collect())
}

/// The arguments that show what `ssh_config` makes of the end of a way.
pub(super) fn shown(way: &Way, papers: &Papers) -> Result<Vec<OsString>, Refusal> {
    let mut arguments = leg(way, &way.end, papers)?;
    arguments.extend(["-G", "--", &way.end.address].map(str::to_owned));
    Ok(arguments.into_iter().map(OsString::from).collect())
}

/// The command through which the host is reached: an `ssh` to the last of these hops, which is itself reached through
/// those before it. `ssh -J` would do, but passes on neither keys nor timeouts, and does not say which hop complained.
fn proxy(way: &Way, hops: &[Leg], papers: &Papers) -> Result<String, Refusal> {
    let Some((last, before)) = hops.split_last() else {
        return Ok("none".to_owned());
    };
    let mut words = vec!["ssh".to_owned()];
    words.extend(leg(way, last, papers)?);
    if !before.is_empty() {
        words.push("-o".to_owned());
        words.push(format!("ProxyCommand={}", proxy(way, before, papers)?));
    }
    let log = text(&papers.log(before.len()))?;
    words.extend(["-E", &log, "-o", "LogLevel=ERROR"].map(str::to_owned));
    // `ssh` puts its own values for what begins with `%` into the text, and the shell takes off the quotes.
    let mut line = String::new();
    for word in &words {
        line.push_str(&quoted(word)?.replace('%', "%%"));
        line.push(' ');
    }
    line.push_str("-W '[%h]:%p' -- ");
    line.push_str(&quoted(&last.address)?.replace('%', "%%"));
    Ok(line)
}

fn quoted(word: &str) -> Result<String, Refusal> {
    quote(word).map_err(|error| Refusal::Here(error.to_string()))
}

/// What is said of one leg.
fn leg(way: &Way, leg: &Leg, papers: &Papers) -> Result<Vec<String>, Refusal> {
    let mut arguments = Vec::new();
    if let Some(config) = &way.config {
        arguments.extend(["-F".to_owned(), text(config)?]);
    }
    let seconds = |time: std::time::Duration| time.as_millis().div_ceil(1000).max(1);
    arguments.extend(option(&format!(
        "ConnectTimeout={}",
        seconds(way.connect_timeout)
    )));
    arguments.extend(option(&format!(
        "ServerAliveInterval={}",
        seconds(way.keepalive)
    )));
    arguments.extend(option("ServerAliveCountMax=3"));
    arguments.extend(option("UpdateHostKeys=no"));
    arguments.extend(option("PermitLocalCommand=no"));
    // Nobody is there to be asked, except for who prints the passphrase.
    if way.passphrase.is_some() {
        arguments.extend(option("BatchMode=no"));
        arguments.extend(option("NumberOfPasswordPrompts=1"));
        arguments.extend(option("PasswordAuthentication=no"));
        arguments.extend(option("KbdInteractiveAuthentication=no"));
    } else {
        arguments.extend(option("BatchMode=yes"));
    }
    if let Some(user) = &leg.user {
        arguments.extend(["-l".to_owned(), user.clone()]);
    }
    if let Some(port) = leg.port {
        arguments.extend(["-p".to_owned(), port.to_string()]);
    }
    for key in &leg.keys {
        arguments.extend(["-i".to_owned(), expanded(key)?]);
    }
    if !way.agent {
        arguments.extend(option("IdentityAgent=none"));
        if !leg.keys.is_empty() {
            arguments.extend(option("IdentitiesOnly=yes"));
        }
    }
    arguments.extend(trust(&leg.trust, papers)?);
    Ok(arguments)
}

fn trust(trust: &Trust, papers: &Papers) -> Result<Vec<String>, Refusal> {
    let mut arguments = Vec::new();
    let known = |files: &[&Path]| -> Result<Vec<String>, Refusal> {
        let files: Result<Vec<String>, Refusal> = files
            .iter()
            .map(|file| Ok(format!("\"{}\"", expanded(file)?)))
            .collect();
        let mut options = option(&format!("UserKnownHostsFile={}", files?.join(" "))).to_vec();
        options.extend(option("GlobalKnownHostsFile=/dev/null"));
        Ok(options)
    };
    match trust {
        Trust::Files { files, accept_new } => {
            let checking = if *accept_new { "accept-new" } else { "yes" };
            arguments.extend(option(&format!("StrictHostKeyChecking={checking}")));
            if !files.is_empty() {
                let files: Vec<&Path> = files.iter().map(AsRef::as_ref).collect();
                arguments.extend(known(&files)?);
            }
        }
        Trust::Pinned(keys) => {
            let lines = keys.iter().fold(String::new(), |mut lines, key| {
                lines.extend([PINNED, " ", key, "\n"]);
                lines
            });
            arguments.extend(option("StrictHostKeyChecking=yes"));
            arguments.extend(option(&format!("HostKeyAlias={PINNED}")));
            arguments.extend(known(&[&papers.pinned(&lines)?])?);
        }
    }
    Ok(arguments)
}

fn option(text: &str) -> [String; 2] {
    ["-o".to_owned(), text.to_owned()]
}

fn text(path: &Path) -> Result<String, Refusal> {
    path.to_str()
        .map(str::to_owned)
        .ok_or_else(|| Refusal::Here(format!("`{}` is not UTF-8", path.display())))
}

/// A file's name where `ssh` puts values for `%` and `${`.
fn expanded(path: &Path) -> Result<String, Refusal> {
    let name = text(path)?;
    if name.contains("${") || name.contains('"') {
        return Err(Refusal::Here(format!(
            "`{name}` cannot be said to `ssh`: it has a quotation mark or a `${{`"
        )));
    }
    Ok(name.replace('%', "%%"))
}
