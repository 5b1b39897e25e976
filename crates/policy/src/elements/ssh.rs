//! A connection over SSH: who logs in, with which keys, along which way, and with whose rights commands run.
//!
//! Decides what may be written and what its absence means; it opens no connection and reads no key. A password, a
//! passphrase or a private key that stands in the document itself is refused, and no message repeats it.

use std::num::NonZeroU16;

use ringway_model::Span;

use super::host_keys;
use super::jump::{self, JUMP};
use super::probe::{braced, placeholders, port};
use crate::fields::{Cx, Fields};
use crate::problem::{Code, Report};
use crate::scalar;
use crate::shape::{Is, Key, Shape, may, must};
use crate::validated::{Become, Command, HostKeys, Ssh, SshVia};
use crate::yaml::{Node, Value};

/// A host in the next room answers in milliseconds, one behind two jump hosts on another continent within this.
const CONNECT_TIMEOUT: Span = Span::seconds(10);
/// Below the idle timeout of the firewalls one meets (from 30 s on, usually minutes), and rare enough to cost nothing.
const KEEPALIVE: Span = Span::seconds(15);
/// Shorter than this a loaded network looks dead.
const LEAST: Span = Span(100);
/// A step and the probes beside it; below the ten sessions that OpenSSH's server allows for one connection.
const AT_ONCE: NonZeroU16 = NonZeroU16::new(4).expect("4 is not 0");
/// More commands at once on one host than this are no care for the host.
const MOST_AT_ONCE: u32 = 100;
/// Where run directories lie when commands have the rights of the user that logs in: below the home.
const ROOT: &str = ".ringway";
/// Where they lie when commands have another user's rights.
const ROOT_OF_ANOTHER: &str = "/var/lib/ringway";

/// Files, one or several.
const FILES: Is = Is::Either(&[Is::Text, Is::List(&Is::Text)]);
/// A command, and never the secret that it prints.
const PRINTS: Is = Is::Either(&[Is::List(&Is::Text), Is::Of(&PRINTS_SHAPE)]);

/// The key `key`, of a connection and of a jump host.
pub(crate) const KEY: Key = may(
    "key",
    FILES,
    "Files of private keys, tried in this order; a certificate beside one (`KEY-cert.pub`) is offered with it.",
);

/// The element.
pub(crate) static SSH: Shape = Shape {
    what: "`ssh`",
    about: "A connection over SSH. Files that are not absolute are below the directory of the documents; `~/` is the home of the user that Ringway runs as.",
    keys: &[
        may(
            "user",
            Is::Text,
            "The user to log in as; may contain `{label}`. Where absent: the user that Ringway runs as, or what `ssh_config` says.",
        ),
        may(
            "port",
            Is::Text,
            "The port; a label in braces is replaced by the host's own. Where absent: 22, or what `ssh_config` says.",
        ),
        KEY,
        may(
            "passphrase",
            PRINTS,
            "Prints the passphrase of the keys: the program and its arguments, or `{ run: COMMAND }`. Runs where Ringway runs.",
        ),
        may(
            "agent",
            Is::Flag,
            "Whether the agent at `SSH_AUTH_SOCK` is asked, after the keys; where absent, when no key is written.",
        ),
        may(
            "host_keys",
            host_keys::KIND,
            "How a host proves that it is the one meant; `known_hosts` where absent: `~/.ssh/known_hosts` and `/etc/ssh/ssh_known_hosts`.",
        ),
        may(
            "jump",
            Is::Either(&[
                Is::Text,
                Is::Of(&JUMP),
                Is::List(&Is::Either(&[Is::Text, Is::Of(&JUMP)])),
            ]),
            "Hosts on the way, the first reached from here: `user@host:port`, or with keys of their own.",
        ),
        may(
            "become",
            Is::Either(&[Is::Word(&["sudo"]), Is::Of(&BECOME)]),
            "Another user whose rights commands have, by `sudo`; `sudo` alone means root, without a password.",
        ),
        may(
            "via",
            Is::Word(&["ringway", "system"]),
            "What speaks the protocol: Ringway itself, or the system's `ssh` with everything in `ssh_config`; `ringway` where absent.",
        ),
        may(
            "connect_timeout",
            Is::Span,
            "How long one connection may take, from its start until the user is logged in; `10s` where absent.",
        ),
        may(
            "keepalive",
            Is::Span,
            "How often an idle connection is asked whether it still lives; after three questions without an answer it is lost; `15s` where absent.",
        ),
        may(
            "at_once",
            Is::Count,
            "Commands at once on one host, probes among them; 4 where absent.",
        ),
        may(
            "root",
            Is::Text,
            "The directory on the host below which run directories lie, absolute or below the login's home; may contain `{host}` and `{label}`. `.ringway` where absent, with `become` `/var/lib/ringway`.",
        ),
        may(
            "config",
            Is::Text,
            "The configuration file for the system's `ssh`; its own where absent. Needs `via: system`.",
        ),
    ],
    later: &[("shell", "shells other than POSIX `sh`")],
};

static PRINTS_SHAPE: Shape = Shape {
    what: "command that prints a secret",
    about: "A command that prints a secret; it runs where Ringway runs.",
    keys: &[must(
        "run",
        Is::Command,
        "pass show ringway/sudo",
        "The command.",
    )],
    later: &[],
};

static BECOME: Shape = Shape {
    what: "`become`",
    about: "Another user whose rights commands have, by `sudo`.",
    keys: &[
        may("user", Is::Text, "The user; `root` where absent."),
        may(
            "password",
            PRINTS,
            "Prints the password that `sudo` wants: the program and its arguments, or `{ run: COMMAND }`. Runs where Ringway runs. Where absent, `sudo` must not want one.",
        ),
    ],
    later: &[],
};

/// Everything as it is when nothing is written.
pub(crate) fn defaults() -> Ssh {
    Ssh {
        via: SshVia::Ringway,
        user: None,
        port: None,
        keys: Vec::new(),
        passphrase: None,
        agent: true,
        host_keys: HostKeys::KnownHosts(Vec::new()),
        jump: Vec::new(),
        connect_timeout: CONNECT_TIMEOUT,
        keepalive: KEEPALIVE,
        at_once: AT_ONCE,
        r#become: None,
        root: ROOT.to_owned(),
        config: None,
    }
}

/// The directory on the host where none is written.
pub(crate) fn default_root(r#become: bool) -> String {
    let root = if r#become { ROOT_OF_ANOTHER } else { ROOT };
    root.to_owned()
}

/// Reads a connection. A bad value counts as absent once it has been reported, so that all problems are found.
pub(crate) fn read(cx: &Cx<'_>, node: &Node<'_>) -> Option<Ssh> {
    if node.is_empty() {
        return Some(defaults());
    }
    let fields = Fields::open(cx, &SSH, node)?;
    let keys = fields.read("key", keys).unwrap_or_default();
    let r#become = fields.read("become", r#become);
    let has_become = fields.get("become").is_some();
    let ssh = Ssh {
        via: fields
            .read(
                "via",
                scalar::word(
                    &[("ringway", SshVia::Ringway), ("system", SshVia::System)],
                    &[],
                ),
            )
            .unwrap_or_default(),
        user: fields.read("user", user),
        port: fields.read("port", port),
        passphrase: fields.read("passphrase", prints),
        agent: fields
            .read("agent", scalar::flag)
            .unwrap_or(fields.get("key").is_none()),
        host_keys: fields
            .read("host_keys", host_keys::read)
            .unwrap_or(HostKeys::KnownHosts(Vec::new())),
        jump: fields.read("jump", jump::read).unwrap_or_default(),
        connect_timeout: fields
            .read("connect_timeout", scalar::span_from(LEAST))
            .unwrap_or(CONNECT_TIMEOUT),
        keepalive: fields
            .read("keepalive", scalar::span_from(LEAST))
            .unwrap_or(KEEPALIVE),
        at_once: fields
            .read("at_once", scalar::number(1, MOST_AT_ONCE))
            .and_then(|n| NonZeroU16::new(u16::try_from(n).ok()?))
            .unwrap_or(AT_ONCE),
        root: fields
            .read("root", root)
            .unwrap_or_else(|| default_root(has_become)),
        config: fields.read("config", file),
        keys,
        r#become,
    };
    together(&fields, &ssh);
    Some(ssh)
}

/// What cannot be written together.
fn together(fields: &Fields<'_, '_, '_, '_>, ssh: &Ssh) {
    let conflict = |key: &str, message: &str, hint: &str| {
        fields.cx.report(
            Report::new(Code::KeyConflict, fields.key_place(key), message.to_owned()).hint(hint),
        );
    };
    if fields.get("passphrase").is_some() && fields.get("key").is_none() {
        conflict(
            "passphrase",
            "there is a `passphrase` and no `key` that it opens",
            "name the key's file in `key`; keys of an agent need no passphrase here",
        );
    }
    if ssh.via == SshVia::Ringway && fields.get("key").is_none() && !ssh.agent {
        conflict(
            "agent",
            "with neither a `key` nor the agent nobody can log in",
            "name a key's file in `key`, or leave `agent: no` out",
        );
    }
    match ssh.via {
        SshVia::Ringway if fields.get("config").is_some() => conflict(
            "config",
            "`config` is for the system's `ssh`, and Ringway itself speaks the protocol here",
            "add `via: system`, or write what the file says into `ssh`",
        ),
        SshVia::Ringway => {}
        SshVia::System => {
            if matches!(&ssh.host_keys, HostKeys::Pinned(keys) if keys.iter().any(|key| host_keys::is_fingerprint(key)))
            {
                conflict(
                    "host_keys",
                    "the system's `ssh` cannot be told a fingerprint",
                    "pin the public key itself (`ssh-ed25519 AAAA...`), or leave `via: system` out",
                );
            }
            let has_own =
                |jump: &crate::validated::Jump| !jump.keys.is_empty() || jump.host_keys.is_some();
            if ssh.jump.iter().any(has_own) {
                conflict(
                    "jump",
                    "the system's `ssh` takes keys of a jump host only from its configuration file",
                    "write them into that file and name it with `config`, or leave `via: system` out",
                );
            }
        }
    }
}

/// The labels a host must have to be reached like this.
pub(crate) fn needs(ssh: &Ssh) -> Vec<&str> {
    let texts = [ssh.user.as_deref(), ssh.port.as_deref(), Some(&ssh.root)];
    let mut labels: Vec<&str> = texts
        .into_iter()
        .flatten()
        .flat_map(braced)
        .map(|(_, name)| name)
        .filter(|name| !matches!(*name, "host" | "address" | "name"))
        .collect();
    labels.sort_unstable();
    labels.dedup();
    labels
}

/// A user's name. The system's `ssh` and `sudo` get it as an argument, and must not take it for an option.
pub(crate) fn user(cx: &Cx<'_>, node: &Node<'_>) -> Option<String> {
    let name = scalar::braced_value(cx, node)?;
    placeholders(cx, node, &name);
    check_user(cx, node, name)
}

fn check_user(cx: &Cx<'_>, node: &Node<'_>, name: String) -> Option<String> {
    if !name.starts_with('-') && !name.contains(char::is_whitespace) {
        return Some(name);
    }
    let message = format!("`{name}` cannot be a user");
    let hint = "a user's name has no spaces and does not begin with `-`";
    cx.fail(Code::BadName, node.place, message, hint)
}

/// One file or several.
pub(crate) fn files(cx: &Cx<'_>, node: &Node<'_>) -> Option<Vec<String>> {
    scalar::one_or_more(cx, node, file)
}

/// Files of private keys.
pub(crate) fn keys(cx: &Cx<'_>, node: &Node<'_>) -> Option<Vec<String>> {
    scalar::one_or_more(cx, node, |cx, node| {
        if let Value::Scalar { text, .. } = &node.value {
            let is_private = text.contains("PRIVATE KEY") || text.starts_with("b3BlbnNzaC1rZXkt");
            if is_private {
                return secret(
                    cx,
                    node,
                    "a private key stands in the document",
                    "put it into a file that only Ringway's user can read, name the file, and replace the key: it has been in a document",
                );
            }
            if text.starts_with("ssh-") || text.starts_with("ecdsa-sha2-") {
                let hint = "name the file of the private key, for example `~/.ssh/ringway`";
                let message = "this is a public key, not a file".to_owned();
                return cx.fail(Code::BadValue, node.place, message, hint);
            }
        }
        let file = file(cx, node)?;
        if file.strip_suffix(".pub").is_some() {
            let message = format!("`{file}` is the file of a public key");
            let hint = "name the file of the private key, the one without `.pub`";
            return cx.fail(Code::BadValue, node.place, message, hint);
        }
        Some(file)
    })
}

/// A file's name, as written.
pub(crate) fn file(cx: &Cx<'_>, node: &Node<'_>) -> Option<String> {
    let file = scalar::value(cx, node)?;
    let other_home = file.starts_with('~') && !file.starts_with("~/");
    if other_home {
        let message = format!("`{file}` is not a file that can be found");
        let hint = "`~/` is the home of the user that Ringway runs as; write other homes out";
        return cx.fail(Code::BadValue, node.place, message, hint);
    }
    Some(file)
}

/// The directory on the host.
fn root(cx: &Cx<'_>, node: &Node<'_>) -> Option<String> {
    let root = scalar::braced_value(cx, node)?;
    placeholders(cx, node, &root);
    if root.starts_with('~') {
        let message = format!("`{root}` is not a directory on the host");
        let hint = "what is not absolute is below the login's home: leave `~/` out";
        return cx.fail(Code::BadValue, node.place, message, hint);
    }
    if root.split('/').any(|part| part == "..") || root.trim_matches('/').is_empty() {
        let message = format!("`{root}` cannot be the directory of run directories");
        let hint = "a directory of its own, without `..`, for example `/var/lib/ringway`";
        return cx.fail(Code::BadValue, node.place, message, hint);
    }
    Some(root)
}

/// A command that prints a secret. A plain text could be the secret itself, so it is refused unseen.
fn prints(cx: &Cx<'_>, node: &Node<'_>) -> Option<Command> {
    const HINT: &str =
        "write what prints it: `[pass, show, ringway]`, or `{ run: \"pass show ringway\" }`";
    match &node.value {
        Value::Scalar { .. } => secret(
            cx,
            node,
            "a plain text stands where only a command may: it could be the secret itself",
            HINT,
        ),
        Value::List(_) => scalar::command(cx, node),
        Value::Map { .. } => Fields::open(cx, &PRINTS_SHAPE, node)?.read("run", scalar::command),
    }
}

/// Reports a secret without showing the line it stands in.
fn secret<T>(cx: &Cx<'_>, node: &Node<'_>, message: &str, hint: &str) -> Option<T> {
    let report = Report::new(Code::SecretInDocument, node.place, message.to_owned());
    cx.report(report.hint(hint).absent());
    None
}

fn r#become(cx: &Cx<'_>, node: &Node<'_>) -> Option<Become> {
    let root = "root".to_owned();
    if !matches!(node.value, Value::Map { .. }) {
        scalar::word(&[("sudo", ())], &[])(cx, node)?;
        return Some(Become {
            user: root,
            password: None,
        });
    }
    let fields = Fields::open(cx, &BECOME, node)?;
    let user = fields.read("user", |cx, node| {
        let name = scalar::value(cx, node)?;
        check_user(cx, node, name)
    });
    let password = fields.read("password", prints);
    Some(Become {
        user: user.unwrap_or(root),
        password,
    })
}
