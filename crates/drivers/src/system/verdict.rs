//! What `ssh` meant by its complaints.
//!
//! It has one exit code for everything, so its words decide; they have been the same for many releases. What is not
//! recognised is passed on as it stands, as a host that cannot be reached.

use super::way::{Leg, Trust};
use crate::transport::Refusal;

/// Words of `ssh` when the fault is on this machine.
const HERE: [&str; 12] = [
    "Bad configuration option",
    "Bad owner or permissions",
    "Can't open user config file",
    "UNPROTECTED PRIVATE KEY FILE",
    "bad permissions",
    "no such identity",
    "not accessible",
    "invalid format",
    "error in libcrypto",
    "incorrect passphrase",
    "terminating, ",
    "missing argument",
];
/// Words when the host does not let the user in.
const LOGIN: [&str; 3] = [
    "Permission denied (",
    "Too many authentication failures",
    "Authentication failed",
];
/// Words of a hop when what is behind it does not answer.
const BEHIND: [&str; 2] = ["open failed:", "stdio forwarding failed"];

/// What the complaints of the legs mean: those of each hop, and those of the host.
pub(super) fn of_legs(hops: &[(&Leg, String)], end: &Leg, said: &str) -> Refusal {
    for (index, (hop, logged)) in hops.iter().enumerate() {
        if lines(logged).next().is_none() {
            continue;
        }
        let jump = |hop: &Leg, why| Refusal::Jump {
            hop: hop.address.clone(),
            why: Box::new(why),
        };
        if BEHIND.iter().any(|words| logged.contains(words)) {
            let behind = hops.get(index + 1).map_or(end, |(next, _)| *next);
            let why = Refusal::Unreachable(format!(
                "`{}` cannot be reached from the jump host `{}`: {}",
                place(behind),
                hop.address,
                open_failed(logged)
            ));
            return hops
                .get(index + 1)
                .map_or(why.clone(), |(next, _)| jump(next, why));
        }
        return jump(hop, of(hop, logged));
    }
    of(end, said)
}

/// What the complaints about one host mean.
pub(super) fn of(leg: &Leg, said: &str) -> Refusal {
    let place = place(leg);
    let has = |words: &str| said.contains(words);
    let last = || {
        lines(said)
            .last()
            .unwrap_or("`ssh` does not say why")
            .to_owned()
    };
    if has("REMOTE HOST IDENTIFICATION HAS CHANGED") || has("REVOKED HOST KEY") {
        return changed(leg, &place, said);
    }
    if has("Host key verification failed")
        || has("host key is known for")
        || has("no matching host key type")
    {
        return match leg.trust {
            Trust::Pinned(_) => Refusal::HostKeyChanged(format!(
                "`{place}` shows none of the keys that are pinned for it"
            )),
            Trust::Files { .. } => Refusal::HostKeyUnknown(format!(
                "nothing says which key `{place}` should have; compare its fingerprint with the host's own and add it with `ssh-keyscan`, or set `host_keys: accept-new`"
            )),
        };
    }
    if let Some(line) = lines(said).find(|line| HERE.iter().any(|words| line.contains(words))) {
        return Refusal::Here(line.to_owned());
    }
    if let Some(line) = lines(said).find(|line| LOGIN.iter().any(|words| line.contains(words))) {
        return Refusal::Login(format!("`{place}` does not let in: {line}"));
    }
    Refusal::Unreachable(format!("`{place}` cannot be reached: {}", last()))
}

/// Another key than the one that is known.
fn changed(leg: &Leg, place: &str, said: &str) -> Refusal {
    if matches!(leg.trust, Trust::Pinned(_)) {
        return Refusal::HostKeyChanged(format!(
            "`{place}` shows none of the keys that are pinned for it"
        ));
    }
    let shown = lines(said)
        .find_map(|line| line.strip_prefix("SHA256:"))
        .map_or_else(String::new, |print| {
            format!(" (SHA256:{})", print.trim_end_matches('.'))
        });
    let known = lines(said)
        .find_map(|line| {
            line.strip_prefix("Offending ")?
                .split_once(" key in ")
                .map(|(_, at)| at)
        })
        .map_or_else(|| "its known hosts".to_owned(), |at| format!("`{at}`"));
    Refusal::HostKeyChanged(format!(
        "`{place}` shows another key{shown} than {known} has; if it was reinstalled, make sure of its new key and take the old one away with `ssh-keygen -R`"
    ))
}

/// The lines that say something.
fn lines(said: &str) -> impl Iterator<Item = &str> {
    said.lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with('@') && !line.starts_with("debug"))
        .filter(|line| !line.starts_with("Warning: Permanently added"))
}

/// Why a hop could not connect, in its own words.
fn open_failed(logged: &str) -> &str {
    lines(logged)
        .find_map(|line| line.split_once("open failed: "))
        .map_or("it does not say why", |(_, why)| why)
}

/// A host as one writes it.
pub(super) fn place(leg: &Leg) -> String {
    match leg.port {
        Some(port) if leg.address.contains(':') => format!("[{}]:{port}", leg.address),
        Some(port) => format!("{}:{port}", leg.address),
        None => leg.address.clone(),
    }
}

/// Why a connection was lost, from what `ssh` says at its end.
pub(super) fn lost(logged: &str, said: &str) -> String {
    lines(logged)
        .last()
        .or_else(|| lines(said).last())
        .unwrap_or("`ssh` ended without saying why")
        .to_owned()
}
