//! One package at one version: `debian-package`.

use std::collections::BTreeMap;

use super::{Ground, MAIN};

const HOSTS: [&str; 4] = ["web-1", "web-2", "web-3", "web-4"];

/// The update to a version. Whether the machine below wants to be restarted is nothing to its hosts.
fn update(version: &str) -> String {
    format!(
        "ringway: update/v1
name: web
recipe: debian-package
releases:
  - select: all
    id: web-{version}
    build: {version}
    with: {{ package: ringway-web, service: ringway-web, reboot: never }}
"
    )
}

/// Everywhere version 1.0-1, with the configuration of each host.
fn ground() -> Option<Ground> {
    let ground = Ground::lay(&HOSTS)?;
    ground.publish(
        MAIN,
        &[
            ["ringway-web", "1.0-1", "none"],
            ["ringway-web", "2.0-1", "mute"],
            ["ringway-web", "2.0-2", "none"],
            ["ringway-web", "3.0-1", "broken"],
        ],
    );
    ground.install(&HOSTS, "ringway-web=1.0-1");
    for host in HOSTS {
        assert_eq!(ground.answer(host).as_deref(), Some("ok 1.0-1"), "{host}");
    }
    Some(ground)
}

fn logs(ground: &Ground) -> BTreeMap<&'static str, String> {
    HOSTS.map(|host| (host, ground.log(host))).into()
}

/// The one host on which anything was done since.
fn touched(ground: &Ground, before: &BTreeMap<&'static str, String>) -> &'static str {
    let touched: Vec<&str> = HOSTS
        .into_iter()
        .filter(|host| ground.log(host) != before[host])
        .collect();
    assert_eq!(touched.len(), 1, "{touched:?}");
    touched[0]
}

/// Asserts that a host has this version, whole and at work, with its own configuration.
fn has(ground: &Ground, host: &str, version: &str) {
    let installed = ground.installed(host);
    assert_eq!(installed["ringway-web"], format!("installed {version}"));
    assert_eq!(ground.tell(host, "sudo dpkg --audit", ""), "", "{host}");
    assert_eq!(ground.answer(host), Some(format!("ok {version}")), "{host}");
    let listen = ground.file(host, "etc/ringway-web/listen");
    assert!(!listen.contains("127.0.0.1:80"), "{host}: {listen}");
}

/// The bad version installs and starts well; only its probe tells. Nobody beyond the first ring gets it, and nothing of
/// it stays where it was.
#[test]
fn a_bad_version_is_halted_by_its_probe_and_taken_back_by_apt_and_a_good_one_goes_everywhere() {
    let Some(ground) = ground() else { return };
    let before = logs(&ground);
    ground.document("update", &update("2.0-1"));
    let said = ground.ringway_with_documents(&["run"]);
    assert_eq!(said.code, Some(3), "{said:?}");
    let hit = touched(&ground, &before);
    assert_eq!(ground.installed(hit)["ringway-web"], "installed 2.0-1");
    assert_eq!(ground.answer(hit), None, "{hit}");
    let why = ground.ringway(&["why", hit]);
    assert!(why.data.contains("its probe was down"), "{why:?}");

    let said = ground.ringway(&["rollback", "--reason", "it answers nothing"]);
    assert_eq!(said.code, Some(0), "{said:?}");
    for host in HOSTS {
        has(&ground, host, "1.0-1");
    }
    assert_eq!(touched(&ground, &before), hit);
    assert_eq!(
        ground.changes(hit),
        ["ringway-web 1.0-1 2.0-1", "ringway-web 2.0-1 1.0-1"]
    );
    let history = ground.history(hit);
    assert!(history.contains("\nDowngrade: ringway-web:"), "{history}");

    ground.document("update", &update("2.0-2"));
    let said = ground.ringway_with_documents(&["run"]);
    assert_eq!(said.code, Some(0), "{said:?}");
    for host in HOSTS {
        has(&ground, host, "2.0-2");
        let changes = ground.changes(host);
        assert_eq!(changes.last().unwrap(), "ringway-web 1.0-1 2.0-2", "{host}");
        assert_eq!(changes.len(), if host == hit { 3 } else { 1 }, "{host}");
    }
    let audit = ground.ringway(&["audit"]);
    assert_eq!(audit.code, Some(0), "{audit:?}");
}

/// What dpkg leaves half-done is made whole again with the version before.
#[test]
fn a_version_that_does_not_configure_is_taken_back_from_where_dpkg_left_it() {
    let Some(ground) = ground() else { return };
    let before = logs(&ground);
    ground.document("update", &update("3.0-1"));
    let said = ground.ringway_with_documents(&["run"]);
    assert_eq!(said.code, Some(3), "{said:?}");
    assert!(said.words.contains("apply"), "{said:?}");
    let hit = touched(&ground, &before);
    assert_eq!(
        ground.installed(hit)["ringway-web"],
        "half-configured 3.0-1"
    );
    let why = ground.ringway(&["why", hit]);
    let own_words = "the database has another format";
    assert!(why.data.contains(own_words), "{why:?}");

    let said = ground.ringway(&["rollback", "--reason", "it does not configure"]);
    assert_eq!(said.code, Some(0), "{said:?}");
    for host in HOSTS {
        has(&ground, host, "1.0-1");
    }
    assert_eq!(touched(&ground, &before), hit);
}

/// A version that no archive has is refused by its name before its host is drained, and nothing is changed.
#[test]
fn a_version_that_no_archive_has_is_not_installed() {
    let Some(ground) = ground() else { return };
    let before = logs(&ground);
    ground.document("update", &update("9.9-9"));
    let said = ground.ringway_with_documents(&["run"]);
    assert_eq!(said.code, Some(3), "{said:?}");
    let why = "apt does not offer ringway-web=9.9-9: no archive of this host has it";
    assert!(said.words.contains(why), "{said:?}");
    let hosts = HOSTS.map(|host| ground.ringway(&["why", host]).data);
    assert!(
        hosts.iter().any(|why| why.contains("failed (precheck")),
        "{hosts:?}"
    );
    assert_eq!(logs(&ground), before);
    for host in HOSTS {
        has(&ground, host, "1.0-1");
    }
}

/// Nothing is pretended of a rollback that cannot be: the host says what it lacks, and keeps what it has.
#[test]
fn a_rollback_to_a_version_that_no_archive_has_any_more_says_so_and_changes_nothing() {
    let Some(ground) = ground() else { return };
    let before = logs(&ground);
    ground.document("update", &update("2.0-1"));
    let said = ground.ringway_with_documents(&["run"]);
    assert_eq!(said.code, Some(3), "{said:?}");
    let hit = touched(&ground, &before);
    ground.withdraw(MAIN, "ringway-web", "1.0-1");
    ground.tell(hit, "sudo apt-get -q update", "");
    let log = ground.log(hit);
    let said = ground.ringway(&["rollback", "--reason", "it answers nothing"]);
    let why = ground.ringway(&["why", hit]);
    let lacks = "neither a repository nor apt's archive has ringway-web=1.0-1";
    assert!(said.words.contains(lacks), "{said:?}");
    assert!(why.data.contains("rollback failed"), "{why:?}");
    assert!(why.data.contains(lacks), "{why:?}");
    assert_eq!(ground.log(hit), log);
    assert_eq!(ground.installed(hit)["ringway-web"], "installed 2.0-1");
}
