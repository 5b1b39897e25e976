//! Security updates that are settled once: `debian-upgrade`.

use std::collections::BTreeMap;

use ringway_policy::{Source, read};

use super::{Ground, MAIN, SECURITY};

const UPDATE: &str = "
ringway: update/v1
name: security
recipe: debian-upgrade
releases:
  - { select: all, id: bookworm-1, with: { reboot: never } }
";

/// Hosts with a service and a library, or, where they are called `bare`, with the service alone. The security archive
/// has a fix for both, with this fault in that of the service; the other archive has a newer version, which is nobody's
/// security update.
fn ground(hosts: &[&str], fault: &str) -> Option<Ground> {
    let ground = Ground::lay(hosts)?;
    ground.publish(
        MAIN,
        &[
            ["ringway-web", "1.0-1", "none"],
            ["ringway-web", "2.0-2", "none"],
            ["ringway-lib", "1.0-1", "none"],
        ],
    );
    ground.publish(
        SECURITY,
        &[
            ["ringway-web", "1.0-1+deb12u1", fault],
            ["ringway-lib", "1.0-1+deb12u1", "none"],
        ],
    );
    ground.install(hosts, "ringway-web=1.0-1");
    for host in hosts.iter().filter(|host| !host.starts_with("bare")) {
        ground.install(&[host], "ringway-lib=1.0-1");
    }
    ground.document("update", UPDATE);
    Some(ground)
}

/// The update's document with what a host says of it.
fn settle(ground: &Ground, host: &str) -> String {
    let said = ground.ringway_with_documents(&["manifest", "--on", host, "security"]);
    assert_eq!(said.code, Some(0), "{said:?}");
    said.data
}

fn versions(of: &[(&str, &str)]) -> BTreeMap<String, String> {
    of.iter()
        .map(|(name, version)| ((*name).to_owned(), format!("installed {version}")))
        .collect()
}

/// What was approved is what is installed, everywhere, whatever the archive has by then.
#[test]
fn what_was_settled_is_installed_and_not_what_appeared_meanwhile() {
    let hosts = ["web-1", "web-2", "bare-1"];
    let Some(ground) = ground(&hosts, "none") else {
        return;
    };
    let settled = settle(&ground, "web-1");
    let documents = read(&[Source::new("update.yaml", settled.as_bytes())]);
    let documents = documents.unwrap_or_else(|problems| panic!("{problems}"));
    let manifest = &documents.updates["security"].releases[0].with["manifest"];
    let pinned = "ringway-lib=1.0-1+deb12u1\nringway-web=1.0-1+deb12u1";
    assert_eq!(manifest.trim(), pinned);

    ground.publish(SECURITY, &[["ringway-web", "1.0-1+deb12u2", "none"]]);
    for host in hosts {
        ground.tell(host, "sudo apt-get -q update", "");
        let offered = ground.tell(host, "apt-cache madison ringway-web", "");
        assert!(offered.contains("1.0-1+deb12u2"), "{host}: {offered}");
    }
    ground.document("update", &settled);
    let said = ground.ringway_with_documents(&["run"]);
    assert_eq!(said.code, Some(0), "{said:?}");
    let new = "1.0-1+deb12u1";
    for host in hosts {
        // A manifest installs nothing that was not there.
        let mut wanted = versions(&[("ringway-lib", new), ("ringway-web", new)]);
        if host == "bare-1" {
            wanted.remove("ringway-lib");
        }
        assert_eq!(ground.installed(host), wanted, "{host}");
        assert_eq!(ground.answer(host), Some(format!("ok {new}")), "{host}");
    }
    let audit = ground.ringway(&["audit"]);
    assert_eq!(audit.code, Some(0), "{audit:?}");
}

/// A security update can be bad, too. Every package of it goes back, not only the one that is at fault.
#[test]
fn a_bad_security_update_is_halted_by_its_probe_and_all_of_it_is_taken_back() {
    let hosts = ["web-1", "web-2"];
    let Some(ground) = ground(&hosts, "mute") else {
        return;
    };
    let settled = settle(&ground, "web-1");
    ground.document("update", &settled);
    let said = ground.ringway_with_documents(&["run"]);
    assert_eq!(said.code, Some(3), "{said:?}");
    let fixed = hosts.map(|host| ground.installed(host)["ringway-web"].ends_with("u1"));
    assert_ne!(fixed[0], fixed[1], "it was halted after one host of two");
    let said = ground.ringway(&["rollback", "--reason", "it answers nothing"]);
    assert_eq!(said.code, Some(0), "{said:?}");
    for host in hosts {
        let wanted = versions(&[("ringway-lib", "1.0-1"), ("ringway-web", "1.0-1")]);
        assert_eq!(ground.installed(host), wanted, "{host}");
        assert_eq!(ground.answer(host).as_deref(), Some("ok 1.0-1"), "{host}");
    }
}

/// A fix that was taken out of the archive again, or a slip of the pen.
#[test]
fn a_manifest_with_a_version_that_no_archive_has_is_refused_by_its_name_before_any_change() {
    let hosts = ["web-1", "web-2"];
    let Some(ground) = ground(&hosts, "none") else {
        return;
    };
    let settled = settle(&ground, "web-1");
    let missing = "ringway-web=1.0-1+deb12u9";
    let wrong = settled.replace("ringway-web=1.0-1+deb12u1", missing);
    assert_ne!(wrong, settled);
    ground.document("update", &wrong);
    let logs = || hosts.map(|host| (ground.log(host), ground.history(host)));
    let before = logs();
    let said = ground.ringway_with_documents(&["run"]);
    assert_eq!(said.code, Some(3), "{said:?}");
    let why = format!("apt does not offer: {missing}\n");
    assert!(said.words.contains(&why), "{said:?}");
    assert_eq!(
        logs(),
        before,
        "no package was touched, not even those that apt has"
    );
}
