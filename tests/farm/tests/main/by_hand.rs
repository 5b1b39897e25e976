//! A farm by hand, and what is left of one whose starter was killed.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Output, Stdio};

use ringway_farm::{Farm, Plan};

use crate::support::{says, text, wait_for};

fn farm(base: &Path, words: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_ringway-farm"))
        .args(words)
        .arg("--dir")
        .arg(base)
        .output()
        .unwrap()
}

/// The addresses of a farm by hand are fixed, so only one can be there at a time: this is one test.
#[test]
fn a_farm_stays_until_it_is_stopped_and_does_what_it_is_told() {
    let folder = tempfile::Builder::new().prefix("farm-").tempdir().unwrap();
    let base = folder.path();
    let network = "--network=84";
    let started = farm(base, &["start", "3", network]);
    assert!(started.status.success(), "{started:?}");
    let open = Farm::open(base).unwrap();
    assert_eq!(open.hosts().len(), 3);
    assert_eq!(open.host("web-1").address().to_string(), "127.84.0.1");
    assert_eq!(says(&open, "db-1", "install 2.0; version"), "2.0");
    assert_eq!(
        text(&farm(base, &["ledger", "db-1"]).stdout)
            .lines()
            .count(),
        2
    );
    assert!(
        farm(base, &["break", "web-1", "slow-login", "5"])
            .status
            .success()
    );
    let status = text(&farm(base, &["status"]).stdout);
    assert!(
        status.lines().next().unwrap().ends_with("slow-login"),
        "{status}"
    );
    assert!(farm(base, &["heal"]).status.success());
    for wrong in [
        &["break", "web-1", "slow-login"][..],
        &["break", "web-9", "refuse"],
        &["start", "3", network],
        &["stat"],
    ] {
        assert_eq!(farm(base, wrong).status.code(), Some(1), "{wrong:?}");
    }
    assert!(
        farm(base, &["fleet"])
            .stdout
            .starts_with(b"ringway: fleet/v1\n")
    );
    assert!(farm(base, &["stop"]).status.success());
    assert_eq!(farm(base, &["status"]).status.code(), Some(1));
}

#[test]
fn a_farm_ends_when_the_process_that_holds_it_is_killed() {
    let folder = tempfile::Builder::new().prefix("farm-").tempdir().unwrap();
    let mut holder = Command::new(env!("CARGO_BIN_EXE_ringway-farm"))
        .args(["hold", "2", "--network=85", "--dir"])
        .arg(folder.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    // Kept open: the holder must die of nothing else than being killed.
    let mut said = BufReader::new(holder.stdout.take().unwrap());
    let mut line = String::new();
    said.read_line(&mut line).unwrap();
    assert!(line.starts_with("2 hosts of "), "{line}");
    let farm = Farm::open(folder.path()).unwrap();
    let service = format!("/proc/{}", farm.host("web-1").read("service.pid"));
    assert!(Path::new(&service).exists());
    assert!(holder.try_wait().unwrap().is_none());
    holder.kill().unwrap();
    holder.wait().unwrap();
    wait_for("the farm ends", || Farm::open(folder.path()).is_err());
    wait_for("its services end", || !Path::new(&service).exists());
}

/// The example is a plain file, so it says again where the hosts of a farm are.
#[test]
fn the_example_has_the_hosts_that_a_farm_by_hand_has() {
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/farm/fleet.yaml");
    let example = std::fs::read_to_string(example).unwrap();
    let farm = Farm::start(Plan::of(24)).unwrap();
    let own = format!("127.{}.", farm.network());
    let document = farm.fleet_yaml("farm").replace(&own, "127.83.");
    let hosts = |text: &str| -> Vec<String> {
        text.lines()
            .filter(|line| line.starts_with("  - { name: "))
            .map(str::to_owned)
            .collect()
    };
    assert_eq!(hosts(&example), hosts(&document));
    assert_eq!(hosts(&example).len(), 24);
}
