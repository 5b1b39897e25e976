//! What an examination finds on a host, and that it leaves nothing there.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;

use ringway_drivers::examine::{Check, Examination, Finding, State};
use ringway_drivers::{Driver as _, Drivers, Reach, Withdrawal};
use ringway_policy::validated::{Become, Connection};

use super::shell::{Fault, Shell};
use super::site::{Site as _, spans, step, with_ssh};
use crate::support::{INCARNATION, ended, in_time};

fn drivers(site: &Shell) -> Drivers {
    let data = site.home().join("../data");
    Drivers::over(&data, site.transport(), site.transport())
        .unwrap()
        .with_spans(spans())
}

async fn examine(site: &Shell, reach: Reach) -> Vec<Finding> {
    let examination = Examination {
        reach: Arc::new(reach),
        fleet: "corp".to_owned(),
        incarnation: Some(INCARNATION + 1),
    };
    let findings = in_time(drivers(site).examine(examination)).await;
    assert_eq!(findings.len(), 12, "one for each check: {findings:?}");
    findings
}

fn found(findings: &[Finding], check: Check) -> &Finding {
    findings.iter().find(|found| found.check == check).unwrap()
}

fn state(findings: &[Finding], check: Check) -> State {
    found(findings, check).state
}

fn program(site: &Shell, name: &str, text: &str) {
    let file = site.home().join("bin").join(name);
    fs::write(&file, format!("#!/bin/sh\n{text}\n")).unwrap();
    fs::set_permissions(file, fs::Permissions::from_mode(0o755)).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_host_that_is_ready_is_found_ready_and_left_as_it_was() {
    let site = Shell::new();
    let before = listing(&site.home());
    let findings = examine(&site, site.reach()).await;
    for check in [
        Check::Connect,
        Check::HostKey,
        Check::Login,
        Check::Shell,
        Check::Tools,
        Check::Envelope,
        Check::Clock,
        Check::OtherDatabase,
    ] {
        assert_eq!(state(&findings, check), State::Ok, "{findings:?}");
    }
    assert_eq!(state(&findings, Check::Sudo), State::Skipped);
    assert_eq!(listing(&site.home()), before);
}

fn listing(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).unwrap();
    let mut names: Vec<_> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_host_that_does_not_answer_is_told_once() {
    let site = Shell::new();
    site.refuse();
    let findings = examine(&site, site.reach()).await;
    assert_eq!(state(&findings, Check::Connect), State::Failure);
    let others = findings
        .iter()
        .filter(|found| found.check != Check::Connect);
    for other in others {
        assert_eq!(other.state, State::Skipped, "{other:?}");
        assert!(other.what.contains("`connect`"), "{other:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_root_that_cannot_be_written_is_found() {
    let site = Shell::new();
    let reach = with_ssh(&site.reach(), |ssh| ssh.root = "/proc/ringway".to_owned());
    let findings = examine(&site, reach).await;
    let envelope = found(&findings, Check::Envelope);
    assert_eq!(envelope.state, State::Failure);
    assert!(envelope.what.contains("/proc/ringway"), "{envelope:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sudo_that_wants_a_password_is_found_and_the_rest_is_looked_at_all_the_same() {
    let site = Shell::new();
    program(
        &site,
        "sudo",
        "echo 'sudo: a password is required' >&2; exit 1",
    );
    let wanted = Become {
        user: "root".to_owned(),
        password: None,
    };
    let reach = with_ssh(&site.reach(), |ssh| ssh.r#become = Some(wanted));
    let findings = examine(&site, reach).await;
    let sudo = found(&findings, Check::Sudo);
    assert_eq!(sudo.state, State::Failure);
    assert!(sudo.what.contains("wants a password"), "{sudo:?}");
    assert_eq!(state(&findings, Check::Shell), State::Ok);
    assert_eq!(state(&findings, Check::Clock), State::Ok);
    assert_eq!(state(&findings, Check::Envelope), State::Skipped);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clock_that_is_wrong_and_a_tool_that_is_missing_are_found() {
    let site = Shell::new();
    program(&site, "date", "echo 1000000000");
    program(&site, "apt-config", "echo \"armed='1'\"");
    let findings = examine(&site, site.reach()).await;
    assert_eq!(state(&findings, Check::Clock), State::Failure);
    if !Path::new("/run/systemd/system").exists() {
        let patcher = found(&findings, Check::Patcher);
        assert_eq!(patcher.state, State::Warning);
        assert!(
            patcher.what.contains("`unattended-upgrades`"),
            "{patcher:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_host_of_another_database_is_found() {
    let site = Shell::new();
    let driver = super::site::driver(&site);
    let report = in_time(driver.run(step(&site, 1, "true"), Withdrawal::never())).await;
    assert_eq!(report, ended(0, ""));
    let findings = examine(&site, site.reach()).await;
    let other = found(&findings, Check::OtherDatabase);
    assert_eq!(other.state, State::Failure);
    let hint = other.hint.as_deref().unwrap();
    assert!(
        hint.contains(&format!("ringway adopt {INCARNATION}")),
        "{hint}"
    );
    // It still could run a step for whoever it belongs to.
    assert_eq!(state(&findings, Check::Envelope), State::Ok);
    assert!(site.home().join(".ringway/owner").exists());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_that_breaks_in_the_middle_is_no_riddle() {
    let site = Shell::new();
    site.fault("rw_start", Fault::Refuse);
    let findings = examine(&site, site.reach()).await;
    let envelope = found(&findings, Check::Envelope);
    assert_eq!(envelope.state, State::Failure);
    assert_eq!(envelope.what, "connection refused");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_host_of_this_machine_is_looked_at_without_a_connection() {
    let site = Shell::new();
    let mut reach = site.reach();
    reach.with = Connection::Local;
    reach.directory = site.home();
    site.refuse();
    let findings = examine(&site, reach).await;
    assert_eq!(state(&findings, Check::Connect), State::Skipped);
    assert_eq!(state(&findings, Check::Envelope), State::Ok, "{findings:?}");
    assert_eq!(state(&findings, Check::Tools), State::Ok);
}
