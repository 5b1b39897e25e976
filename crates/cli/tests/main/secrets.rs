//! Passphrases and passwords: in nothing that is printed, logged or kept.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::Command;

use crate::place::Place;

/// Put together here, so that it is in no document as it is.
const PARTS: (&str, &str) = ("correct-horse", "battery-staple");

/// A fleet over SSH to a port where nobody listens, with commands that print what must not be seen.
const FLEET: &str = r#"
ringway: fleet/v1
name: f
hosts:
  - { name: a, address: 127.0.0.1, labels: { role: x } }
probes:
  up: { run: 'true', every: 1s, timeout: 5s }
connect:
  - select: all
    ssh:
      user: nobody
      port: 1
      key: key
      passphrase: { run: 'touch unlocked; printf "%s-%s\n" correct-horse battery-staple' }
      host_keys: { accept_new: known }
      become: { user: root, password: { run: 'printf "%s-%s\n" correct-horse battery-staple' } }
      connect_timeout: 2s
---
ringway: update/v1
name: u
releases: [{ select: all, id: R2, build: "2" }]
recipe: r
---
ringway: recipe/v1
name: r
steps:
  inspect: { run: 'echo 1', installed_when: "{build}", timeout: 5s }
  apply: { run: 'true' }
---
ringway: policy/v1
name: p
applies_to: all
rings: [{ name: first, hosts: rest, soak: 0s }]
offline: { allow: 0%, or: 0, retry: 1h }
"#;

#[test]
fn nothing_secret_is_printed_logged_or_kept() {
    let secret = format!("{}-{}", PARTS.0, PARTS.1);
    let place = Place::new();
    place.remove("common.yaml");
    place.remove("policy.yaml");
    place.write("fleet.yaml", FLEET);
    if !make_key(&place.path("key"), &secret) {
        return;
    }
    for arguments in ["doctor --all", "doctor --output json", "check"] {
        let said = place.traced(arguments);
        for text in [&said.out, &said.err] {
            assert!(!text.contains(&secret), "{arguments}: {text}");
        }
    }
    let running = place.spawn_traced("run --no-wait");
    place.until_status(|view| view["rollouts"][0]["rings"][0]["debt"] == 1);
    running.interrupt();
    let said = running.end();
    assert!(
        said.err.contains("a: inspect: ") && said.err.contains(" DEBUG "),
        "{}",
        said.err
    );
    assert!(!said.err.contains(&secret), "{}", said.err);
    assert!(
        place.path("unlocked").exists(),
        "nobody asked for the passphrase"
    );
    for found in files(&place.path("")) {
        let bytes = fs::read(&found).unwrap_or_default();
        let is_there = bytes
            .windows(secret.len())
            .any(|window| window == secret.as_bytes());
        assert!(!is_there, "{}", found.display());
    }
}

/// A key with a passphrase, made by the system's own tool. Says so where that is not there, and fails where it must be.
fn make_key(path: &Path, passphrase: &str) -> bool {
    let made = Command::new("ssh-keygen")
        .args(["-q", "-t", "ed25519", "-N", passphrase, "-f"])
        .arg(path)
        .status();
    match made {
        Ok(status) => {
            assert!(status.success(), "ssh-keygen: {status}");
            true
        }
        Err(error) => {
            let in_ci = std::env::var_os("CI").is_some_and(|value| !value.is_empty());
            assert!(!in_ci, "ssh-keygen: {error}");
            drop(writeln!(
                std::io::stderr(),
                "not run: there is no ssh-keygen"
            ));
            false
        }
    }
}

fn files(directory: &Path) -> Vec<std::path::PathBuf> {
    let mut all = Vec::new();
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            all.extend(files(&path));
        } else if path.is_file() {
            all.push(path);
        }
    }
    all
}
