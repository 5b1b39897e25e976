//! A farm as others read it: a fleet's document, a configuration for `ssh`, the hosts it knows.

use std::fmt::Write as _;
use std::io;

use crate::farm::Farm;
use crate::host::Host;

/// A document `ringway: fleet/v1` of the farm.
pub(crate) fn yaml(farm: &Farm, name: &str, more: &str) -> String {
    let mut text = format!(
        "ringway: fleet/v1\nname: {name}\nprobes:\n  up: {{ http: {{ port: 8080, path: /health, status: 200 }}, every: 500ms, timeout: 2s }}\nhosts:\n"
    );
    for host in farm.hosts() {
        let mut labels = format!("role: {}", host.role());
        for (label, value) in &host.plan.labels {
            let _ = write!(labels, ", {label}: {value}");
        }
        if let Some(jump) = &host.plan.behind {
            let _ = write!(labels, ", behind: {jump}");
        }
        let _ = writeln!(
            text,
            "  - {{ name: {}, address: {}, labels: {{ {labels} }} }}",
            host.name(),
            host.address()
        );
    }
    text.push_str("connect:\n");
    let common = format!(
        "user: {}, port: {}, key: {}, host_keys: {{ known_hosts: {} }}{more}",
        farm.user(),
        farm.port(),
        farm.key().display(),
        farm.known_hosts().display()
    );
    let mut jumps: Vec<&String> = farm
        .hosts()
        .iter()
        .filter_map(|host| host.plan.behind.as_ref())
        .collect();
    jumps.sort();
    jumps.dedup();
    for jump in jumps {
        let hop = farm.host(jump);
        let _ = writeln!(
            text,
            "  - {{ select: behind = {jump}, ssh: {{ {common}, jump: [\"{}@{}:{}\"] }} }}",
            farm.user(),
            hop.address(),
            hop.port()
        );
    }
    let _ = writeln!(text, "  - {{ select: all, ssh: {{ {common} }} }}");
    text
}

/// A configuration with which `ssh -F FILE web-1` reaches a host by its name.
pub(crate) fn ssh_config(farm: &Farm) -> String {
    let mut text = String::new();
    for host in farm.hosts() {
        let _ = writeln!(
            text,
            "Host {} {}\n  HostName {}",
            host.name(),
            host.address(),
            host.address()
        );
        if let Some(jump) = &host.plan.behind {
            let _ = writeln!(text, "  ProxyJump {jump}");
        }
    }
    let _ = write!(
        text,
        "Host *\n  User {}\n  Port {}\n  IdentityFile {}\n  IdentitiesOnly yes\n  UserKnownHostsFile {}\n  \
         GlobalKnownHostsFile /dev/null\n  StrictHostKeyChecking yes\n  BatchMode yes\n  LogLevel ERROR\n",
        farm.user(),
        farm.port(),
        farm.key().display(),
        farm.known_hosts().display()
    );
    text
}

/// A line for each host, as `ssh` keeps them.
pub(crate) fn known_hosts(hosts: &[Host]) -> io::Result<String> {
    let mut text = String::new();
    for host in hosts {
        let _ = writeln!(
            text,
            "[{}]:{} {}",
            host.address(),
            host.port(),
            host.public_key()?
        );
    }
    Ok(text)
}
