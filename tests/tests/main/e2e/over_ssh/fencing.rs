//! Deciders and steps that were stopped, and databases that were lost: what wakes too late changes nothing, and what is
//! still there is not taken for gone.

use std::fs::{self, File};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use super::super::ground::Ground;
use super::super::journal::Journal;
use super::super::run::{Run, audit_is_clean, said, until};
use super::super::stage::play;
use super::{ONE_RING, setup};

/// Far less than a stopped process is stopped for, and far more than a look at a lock takes.
const SOON: Duration = Duration::from_secs(30);

fn lay(hosts: &[(&str, &str)], policy: &str) -> Ground {
    Ground::lay(&setup(hosts, policy))
}

fn path(ground: &Ground) -> &str {
    ground.root().to_str().unwrap()
}

/// What runs on a host: its processes bear its name. With the words each was called by.
fn processes(ground: &Ground, host: &str) -> Vec<(Pid, String)> {
    let farm = format!("RINGWAY_FARM={}", ground.root().join("farm").display());
    let host = format!("RINGWAY_FARM_HOST={host}");
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc").unwrap().flatten() {
        let Some(pid) = entry
            .file_name()
            .to_str()
            .and_then(|name| name.parse().ok())
        else {
            continue;
        };
        let environment = fs::read(entry.path().join("environ")).unwrap_or_default();
        let has = |entry: &str| {
            environment
                .split(|b| *b == 0)
                .any(|e| e == entry.as_bytes())
        };
        if has(&host) && has(&farm) {
            let words = fs::read_to_string(entry.path().join("cmdline")).unwrap_or_default();
            found.push((Pid::from_raw(pid).unwrap(), words.replace('\0', " ")));
        }
    }
    found
}

/// Stops everything that runs on a host, and what it still started before it stood. A signal takes effect when the
/// process next runs: until then it could take what it waits for.
async fn put_to_sleep(ground: &Ground, host: &str) -> Vec<Pid> {
    let mut stopped: Vec<Pid> = Vec::new();
    until(ground, "everything on it sleeps", || {
        let mut all_sleep = true;
        for (pid, _) in processes(ground, host) {
            if !stopped.contains(&pid) {
                let _ = kill_process(pid, Signal::STOP);
                stopped.push(pid);
            }
            all_sleep &= has_stopped(pid);
        }
        all_sleep
    })
    .await;
    stopped
}

/// Whether it is stopped, or gone.
fn has_stopped(pid: Pid) -> bool {
    let stat = fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero()));
    let stat = stat.unwrap_or_default();
    let behind_name = stat.rsplit_once(") ").map_or("T", |(_, rest)| rest);
    behind_name.starts_with(['T', 'Z', 'X'])
}

/// An envelope sleeps before it has begun its step, a later decider takes the host over, and then it wakes.
#[test]
fn an_envelope_that_wakes_after_a_takeover_changes_nothing() {
    play(async {
        let ground = lay(&[("sleepy", "n: 1"), ("awake", "n: 2")], ONE_RING);
        ground.put("sleepy", "hold-drain", "");
        let mut first = Run::start(&ground, &["run", "--no-wait", path(&ground)]);
        until(&ground, "it drains", || ground.has_begun("sleepy", "drain")).await;
        // Whoever holds the gate keeps the envelope of `apply` from its step.
        let gate = File::open(ground.over_ssh("sleepy").home().join(".ringway/gate")).unwrap();
        gate.lock().unwrap();
        ground.take("sleepy", "hold-drain");
        // It asks for the gate again and again, with such a pause in between.
        let waits = || {
            let found = processes(&ground, "sleepy");
            found.iter().any(|(_, words)| words == "sleep 0.1 ")
        };
        until(&ground, "the envelope waits at the gate", waits).await;
        let stopped = put_to_sleep(&ground, "sleepy").await;
        first.kill();
        drop(gate);
        let mut second = Run::start(&ground, &["run", "--no-wait", "--resume"]);
        assert_eq!(second.ended().await.code(), Some(0));
        let (ledger, runs) = (ground.ledger(), what_lies(&ground, "sleepy"));
        for pid in &stopped {
            let _ = kill_process(*pid, Signal::CONT);
        }
        until(&ground, "it wakes and ends", || {
            processes(&ground, "sleepy").is_empty()
        })
        .await;
        assert_eq!(ground.ledger(), ledger);
        assert_eq!(what_lies(&ground, "sleepy"), runs);
        assert_eq!(ground.wrong(), [""; 0]);
        ground.serves("2.0");
        Journal::read(&ground.data()).await;
        audit_is_clean(&ground);
    });
}

/// Every file that Ringway has on a host, and what is in it. Not the gate: whoever takes it writes down that it did, and
/// only then is told that it is too late.
fn what_lies(ground: &Ground, host: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut folders = vec![ground.over_ssh(host).home().join(".ringway")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap().flatten() {
            let path = entry.path();
            let kind = entry.file_type().unwrap();
            if kind.is_dir() {
                folders.push(path);
            } else if kind.is_file() && entry.file_name() != "gate" {
                let text = fs::read_to_string(&path).unwrap_or_default();
                found.push((path.display().to_string(), text));
            }
        }
    }
    found.sort();
    found
}

/// A stopped process is not a dead one: it may go on at any moment, and it still has the store.
#[test]
fn a_stopped_ringway_keeps_its_store_and_is_named() {
    play(async {
        let ground = lay(&[("only", "n: 1")], ONE_RING);
        ground.put("only", "hold-apply", "");
        let mut first = Run::start(&ground, &["run", "--no-wait", path(&ground)]);
        until(&ground, "its apply runs", || {
            ground.has_begun("only", "apply")
        })
        .await;
        first.signal(Signal::STOP);
        let begun = Instant::now();
        let second = said(&ground, &["run", "--no-wait", "--resume"]).await;
        assert!(begun.elapsed() < SOON, "{second:?}");
        assert_eq!(second.code, Some(6), "{second:?}");
        let id = first.id().to_string();
        assert!(second.text.contains(&id), "{id} is not in {second:?}");
        first.signal(Signal::CONT);
        ground.take("only", "hold-apply");
        assert_eq!(first.ended().await.code(), Some(0));
        assert_eq!(ground.wrong(), [""; 0]);
        ground.serves("2.0");
    });
}

/// The hosts remember whose they are. A database that replaces a lost one gets them by a person's decision, and even
/// then nothing of its own runs beside what the lost one has left running.
#[test]
fn a_database_made_anew_takes_its_hosts_over_by_a_decision_only() {
    play(async {
        let policy = format!("{ONE_RING}offline: {{ retry: 1h }}");
        let ground = lay(&[("left", "n: 1"), ("other", "n: 2")], &policy);
        ground.put("left", "hold-precheck", "");
        let mut first = Run::start(&ground, &["run", "--no-wait", path(&ground)]);
        until(&ground, "its precheck runs", || {
            ground.has_begun("left", "precheck")
        })
        .await;
        until(&ground, "the other is done", || {
            ground.has_begun("other", "undrain")
        })
        .await;
        first.kill();
        fs::remove_dir_all(ground.data()).unwrap();
        let begun = ground.starts();
        let mut second = Run::start(&ground, &["run", path(&ground)]);
        for host in ["left", "other"] {
            is_offline(&ground, host).await;
        }
        assert_eq!(
            ground.starts(),
            begun,
            "nothing began on hosts of another database"
        );
        let owner = fs::read_to_string(ground.over_ssh("left").home().join(".ringway/owner"));
        let owner = owner.unwrap();
        let lost = owner.split_whitespace().nth(1).unwrap();
        let adopted = said(&ground, &["adopt", lost, "--reason", "the disk was lost"]).await;
        assert_eq!(adopted.code, Some(0), "{adopted:?}");
        let is_visited = || ground.starts()[begun.len()..].contains(&"other inspect".to_owned());
        until(&ground, "the other host is visited", is_visited).await;
        // Two databases give the same names to their intents.
        assert_eq!(ground.at_once(), [""; 0], "beside the step that was left");
        ground.take("left", "hold-precheck");
        assert_eq!(second.ended().await.code(), Some(0));
        assert_eq!(ground.at_once(), [""; 0]);
        ground.serves("2.0");
        audit_is_clean(&ground);
    });
}

/// Waits until people are told that it belongs to another database.
async fn is_offline(ground: &Ground, host: &str) {
    let begun = Instant::now();
    loop {
        let why = said(ground, &["why", host]).await;
        if why.text.contains("another database") && why.text.contains("adopt") {
            return;
        }
        assert!(begun.elapsed() < super::super::ground::LONG, "{why:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
