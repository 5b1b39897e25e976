//! Options of `ssh` in `ansible_ssh_common_args` and its kin: the few that a connection of ours can say too.

use super::words;
use crate::elements::jump;
use crate::validated::{HostKeys, Jump, Ssh};

/// Applies options to a connection; what is not understood is the error.
pub(super) fn apply(arguments: &str, ssh: &mut Ssh) -> Result<(), String> {
    let words = words::split(arguments, false).map_err(str::to_owned)?;
    let mut words = words.iter().map(String::as_str);
    while let Some(word) = words.next() {
        let (flag, glued) = word.split_at_checked(2).unwrap_or((word, ""));
        let mut value = || {
            let value = if glued.is_empty() {
                words.next()
            } else {
                Some(glued)
            };
            value.ok_or_else(|| format!("nothing follows `{word}`"))
        };
        match flag {
            "-J" => ssh.jump = jumps(value()?)?,
            "-o" => option(value()?, ssh)?,
            // Sessions are kept anyway, and nothing needs to be said of it.
            "-C" | "-q" if glued.is_empty() => {}
            _ => return Err(format!("`{word}` is not understood here")),
        }
    }
    Ok(())
}

fn option(text: &str, ssh: &mut Ssh) -> Result<(), String> {
    let (name, value) = text
        .split_once(['=', ' '])
        .ok_or_else(|| format!("`-o {text}` has no value"))?;
    let value = value.trim().trim_matches('"');
    let not_understood = || Err(format!("`-o {name}={value}` is not understood here"));
    match name.trim().to_ascii_lowercase().as_str() {
        "proxyjump" => ssh.jump = jumps(value)?,
        "proxycommand" => match through(value) {
            Some(jump) => ssh.jump = vec![jump],
            None => return not_understood(),
        },
        "stricthostkeychecking" => {
            let files = match &ssh.host_keys {
                HostKeys::KnownHosts(files) | HostKeys::AcceptNew(files) => files.clone(),
                HostKeys::Pinned(_) => Vec::new(),
            };
            ssh.host_keys = match value.to_ascii_lowercase().as_str() {
                "accept-new" => HostKeys::AcceptNew(files),
                "yes" | "ask" => HostKeys::KnownHosts(files),
                _ => {
                    return Err(format!(
                        "`-o {name}={value}` would accept any host; `accept-new` is understood"
                    ));
                }
            };
        }
        "userknownhostsfile" if value != "/dev/null" => {
            let files = value.split_whitespace().map(str::to_owned).collect();
            ssh.host_keys = match &ssh.host_keys {
                HostKeys::AcceptNew(_) => HostKeys::AcceptNew(files),
                HostKeys::KnownHosts(_) | HostKeys::Pinned(_) => HostKeys::KnownHosts(files),
            };
        }
        "connecttimeout" | "serveraliveinterval" => {
            let Some(seconds) = value.parse::<u32>().ok().filter(|n| (1..=3600).contains(n)) else {
                return not_understood();
            };
            let span = ringway_model::Span::seconds(seconds.into());
            if name.trim().eq_ignore_ascii_case("connecttimeout") {
                ssh.connect_timeout = span;
            } else {
                ssh.keepalive = span;
            }
        }
        // One connection for many commands is what Ringway does by itself.
        "controlmaster" | "controlpersist" | "controlpath" | "compression" => {}
        _ => return not_understood(),
    }
    Ok(())
}

fn jumps(value: &str) -> Result<Vec<Jump>, String> {
    value
        .split(',')
        .map(|hop| {
            let hop = hop.strip_prefix("ssh://").unwrap_or(hop);
            jump::parse(hop).map_err(|_| format!("`{hop}` is not a jump host"))
        })
        .collect()
}

/// `ssh -W %h:%p user@host`, which is a jump host in older words.
fn through(command: &str) -> Option<Jump> {
    let words = words::split(command, false).ok()?;
    let mut words = words.iter().map(String::as_str);
    if words.next()?.rsplit('/').next() != Some("ssh") {
        return None;
    }
    let (mut forwards, mut port, mut user, mut to) = (false, None, None, None);
    while let Some(word) = words.next() {
        match word {
            "-W" => forwards = matches!(words.next()?, "%h:%p" | "[%h]:%p"),
            "-p" => port = Some(words.next()?.parse().ok()?),
            "-l" => user = Some(words.next()?.to_owned()),
            "-q" => {}
            word if word.starts_with('-') => return None,
            word if to.is_none() => to = Some(jump::parse(word).ok()?),
            _ => return None,
        }
    }
    let mut jump = to.filter(|_| forwards)?;
    jump.port = port.or(jump.port);
    jump.user = user.or(jump.user);
    Some(jump)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::elements::ssh;

    #[test]
    fn options_that_a_connection_can_say_are_understood() {
        let jump = |user: Option<&str>, address: &str, port| Jump {
            address: address.to_owned(),
            user: user.map(str::to_owned),
            port,
            keys: Vec::new(),
            host_keys: None,
        };
        for (arguments, jumps) in [
            (
                "-J ops@bastion:2222",
                vec![jump(Some("ops"), "bastion", Some(2222))],
            ),
            ("-Ja,b", vec![jump(None, "a", None), jump(None, "b", None)]),
            ("-o ProxyJump=bastion", vec![jump(None, "bastion", None)]),
            ("-oProxyJump=bastion", vec![jump(None, "bastion", None)]),
            (
                "-o ProxyCommand=\"ssh -W %h:%p -q -p 22 ops@bastion\"",
                vec![jump(Some("ops"), "bastion", Some(22))],
            ),
            ("-C -o ControlMaster=auto -o ControlPersist=60s", vec![]),
        ] {
            let mut it = ssh::defaults();
            assert_eq!(apply(arguments, &mut it), Ok(()), "{arguments}");
            assert_eq!(it.jump, jumps, "{arguments}");
        }
        let mut it = ssh::defaults();
        apply(
            "-o StrictHostKeyChecking=accept-new -o UserKnownHostsFile=~/hosts -o ConnectTimeout=3",
            &mut it,
        )
        .unwrap();
        assert_eq!(
            it.host_keys,
            HostKeys::AcceptNew(vec!["~/hosts".to_owned()])
        );
        assert_eq!(it.connect_timeout, ringway_model::Span::seconds(3));
    }

    /// Whoever turned the check off must decide anew: nobody is let past a changed key in silence.
    #[test]
    fn what_is_not_understood_is_an_error() {
        for arguments in [
            "-o StrictHostKeyChecking=no",
            "-o UserKnownHostsFile=/dev/null",
            "-o ProxyCommand='nc -X connect %h %p'",
            "-o ForwardAgent=yes",
            "-A",
            "-J",
            "-o ProxyJump",
            "-o 'ProxyJump=a b'",
            "'",
        ] {
            assert!(
                apply(arguments, &mut ssh::defaults()).is_err(),
                "{arguments}"
            );
        }
    }
}
