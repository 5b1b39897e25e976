//! How a host proves that it is the one meant.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use ringway_drivers::transport::Refusal;
use ringway_farm::{Host, Switch};
use ringway_policy::validated::{HostKeys, Ssh};

use super::site::{Site, host, public, text, until};

fn name(host: &Host) -> String {
    format!("[{}]:{}", host.address(), host.port())
}

/// A file of known hosts with these lines.
fn known(site: &Site, lines: &str) -> PathBuf {
    let path = site.path("known_hosts");
    fs::write(&path, lines).unwrap();
    path
}

fn by(path: &Path) -> impl FnOnce(&mut Ssh) {
    let file = text(path);
    move |ssh| ssh.host_keys = HostKeys::KnownHosts(vec![file])
}

fn accept_new(path: &Path) -> impl FnOnce(&mut Ssh) {
    let file = text(path);
    move |ssh| ssh.host_keys = HostKeys::AcceptNew(vec![file])
}

fn fingerprint(line: &str) -> String {
    russh::keys::PublicKey::from_openssh(line)
        .unwrap()
        .fingerprint(russh::keys::HashAlg::Sha256)
        .to_string()
}

async fn is_trusted(site: &Site, host: &Host, change: impl FnOnce(&mut Ssh)) -> bool {
    match site.run(&site.reach(host, change), "true").await {
        Ok(_) => true,
        Err(Refusal::HostKeyUnknown(_) | Refusal::HostKeyChanged(_)) => false,
        Err(refusal) => panic!("{refusal}"),
    }
}

#[tokio::test]
async fn a_host_is_known_by_any_line_that_means_it() {
    let site = Site::new();
    let host = host();
    let key = host.public_key().unwrap();
    let other = public(&site.make_key("other", &["-t", "ed25519"]));
    let name = name(host);
    let address = host.address().to_string();
    for (lines, is_known) in [
        (format!("{name} {key}\n"), true),
        (format!("web-9,{name} {key} with a comment\n"), true),
        (format!("{name} {other}\n{name} {key}\n"), true),
        (format!("[127.*]:{} {key}\n", host.port()), true),
        (format!("*,!{name},!{address} {key}\n"), false),
        // A port of its own may be another machine's, so this speaks for the key and not against it.
        (format!("{address} {key}\n"), true),
        (format!("{address} {other}\n"), false),
        (format!("# {name} {key}\n"), false),
        (format!("[{address}]:9 {key}\n"), false),
        (format!("@cert-authority {name} {key}\n"), false),
        (format!("{name} {key}\n@revoked * {key}\n"), false),
        (String::new(), false),
    ] {
        let path = known(&site, &lines);
        // A connection that is open already is not judged again.
        let site = Site::new();
        assert_eq!(
            is_trusted(&site, host, by(&path)).await,
            is_known,
            "{lines}"
        );
    }
}

#[tokio::test]
async fn hashed_names_are_known() {
    let site = Site::new();
    let host = host();
    let path = known(
        &site,
        &format!("{} {}\n", name(host), host.public_key().unwrap()),
    );
    let hashed = Command::new("ssh-keygen")
        .args(["-q", "-H", "-f"])
        .arg(&path)
        .output()
        .unwrap();
    assert!(hashed.status.success());
    assert!(fs::read_to_string(&path).unwrap().starts_with("|1|"));
    assert!(is_trusted(&site, host, by(&path)).await);
}

#[tokio::test]
async fn a_changed_key_is_told_with_both_keys_and_the_way_out() {
    let site = Site::new();
    let host = host();
    let old = public(&site.make_key("old", &["-t", "ed25519"]));
    let path = known(&site, &format!("# of old\n{} {old}\n", name(host)));
    for change in [
        HostKeys::KnownHosts(vec![text(&path)]),
        // Trust on first meeting is not trust on every meeting.
        HostKeys::AcceptNew(vec![text(&path)]),
    ] {
        let reach = site.reach(host, |ssh| ssh.host_keys = change);
        let Refusal::HostKeyChanged(said) = site.refusal(&reach).await else {
            panic!("its key has changed");
        };
        for part in [
            format!("`{}:{}`", host.address(), host.port()),
            format!(
                "shows the ssh-ed25519 key {}",
                fingerprint(&host.public_key().unwrap())
            ),
            format!(
                "`{}` line 2 knows it by the ssh-ed25519 key {}",
                path.display(),
                fingerprint(&old)
            ),
            format!("`ssh-keygen -R '{}' -f '{}'`", name(host), path.display()),
        ] {
            assert!(said.contains(&part), "{part} in {said}");
        }
    }
    assert_eq!(fs::read_to_string(&path).unwrap().lines().count(), 2);
}

/// Somebody who has no key of the host must not get in by showing one of another kind.
#[tokio::test]
async fn a_key_of_another_kind_does_not_make_a_host_new() {
    let site = Site::new();
    let host = host();
    let rsa = public(&site.make_key("rsa", &["-t", "rsa", "-b", "2048"]));
    let path = known(&site, &format!("{} {rsa}\n", name(host)));
    let before = fs::read_to_string(&path).unwrap();
    let refused = site.refusal(&site.reach(host, accept_new(&path))).await;
    assert!(matches!(refused, Refusal::HostKeyChanged(_)), "{refused}");
    assert_eq!(fs::read_to_string(&path).unwrap(), before);
}

#[tokio::test]
async fn a_key_that_changes_later_is_noticed_and_a_new_line_too() {
    let site = Site::new();
    let host = host();
    let line = |key: String| format!("{} {key}\n", name(host));
    let path = known(&site, &line(host.public_key().unwrap()));
    let reach = site.reach(host, by(&path));
    site.run(&reach, "true").await.unwrap();
    host.set(Switch::ChangeKey).unwrap();
    host.drop_connections().unwrap();
    let refused = site.refusal(&reach).await;
    assert!(matches!(refused, Refusal::HostKeyChanged(_)), "{refused}");
}

/// A host with several keys is asked for the one that is known: it would show its Ed25519 key by itself.
#[tokio::test]
async fn a_host_is_asked_for_the_key_it_is_known_by() {
    let site = Site::new();
    let host = host();
    let mut lines = Vec::new();
    for kind in ["rsa", "ecdsa"] {
        let key = site.make_key(kind, &["-t", kind]);
        let theirs = host.folder().join(format!("key_{kind}"));
        fs::copy(&key, &theirs).unwrap();
        own(&theirs, &host.folder());
        lines.push((theirs, public(&key)));
    }
    let mut configuration = vec![format!(
        "HostKey {}",
        host.folder().join("host_key").display()
    )];
    configuration.extend(
        lines
            .iter()
            .map(|(path, _)| format!("HostKey {}", path.display())),
    );
    host.configure(&configuration.iter().map(String::as_str).collect::<Vec<_>>())
        .unwrap();
    for (_, key) in &lines {
        let path = known(&site, &format!("{} {key}\n", name(host)));
        assert!(is_trusted(&Site::new(), host, by(&path)).await, "{key}");
        let pinned = HostKeys::Pinned(vec![key.clone()]);
        assert!(is_trusted(&Site::new(), host, |ssh| ssh.host_keys = pinned).await);
    }
}

fn own(file: &Path, like: &Path) {
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
    let is = fs::metadata(like).unwrap();
    std::os::unix::fs::chown(file, Some(is.uid()), Some(is.gid())).unwrap();
    fs::set_permissions(file, fs::Permissions::from_mode(0o600)).unwrap();
}

#[tokio::test]
async fn an_unknown_host_is_told_with_its_key_and_the_way_in() {
    let site = Site::new();
    let host = host();
    let path = known(&site, "");
    let Refusal::HostKeyUnknown(said) = site.refusal(&site.reach(host, by(&path))).await else {
        panic!("nobody knows it");
    };
    for part in [
        format!(
            "shows the ssh-ed25519 key {}",
            fingerprint(&host.public_key().unwrap())
        ),
        format!(
            "`ssh-keyscan -p {} {} >> {}`",
            host.port(),
            host.address(),
            path.display()
        ),
        "`host_keys: accept-new`".to_owned(),
    ] {
        assert!(said.contains(&part), "{part} in {said}");
    }
}

#[tokio::test]
async fn a_new_host_is_written_down_once_however_many_meet_it() {
    let host = host();
    let sites: Vec<_> = (0..4).map(|_| Site::new()).collect();
    let home = Site::new();
    // A folder that does not exist yet, and a last line without an end.
    let path = home.path("new/known_hosts");
    let mut meetings = tokio::task::JoinSet::new();
    for site in sites {
        let reach = site.reach(host, accept_new(&path));
        meetings.spawn(async move { site.run(&reach, "true").await.map(drop) });
    }
    while let Some(met) = meetings.join_next().await {
        met.unwrap().unwrap();
    }
    let line = format!("{} {}\n", name(host), host.public_key().unwrap());
    assert_eq!(fs::read_to_string(&path).unwrap(), line);

    let other = super::site::host();
    fs::write(&path, line.trim_end()).unwrap();
    let site = Site::new();
    site.run(&site.reach(other, accept_new(&path)), "true")
        .await
        .unwrap();
    let second = format!("{} {}\n", name(other), other.public_key().unwrap());
    assert_eq!(fs::read_to_string(&path).unwrap(), line + &second);
    // What was written is believed, and what the system's own tool makes of it is the same.
    assert!(is_trusted(&Site::new(), other, by(&path)).await);
    let found = Command::new("ssh-keygen")
        .args(["-F", &name(other), "-f"])
        .arg(&path)
        .output()
        .unwrap();
    assert!(found.status.success());
}

#[tokio::test]
async fn without_files_named_those_of_the_user_count() {
    let site = Site::new();
    let host = host();
    let own = |ssh: &mut Ssh| ssh.host_keys = HostKeys::KnownHosts(Vec::new());
    assert!(!is_trusted(&site, host, own).await);
    fs::create_dir(site.path(".ssh")).unwrap();
    let line = format!("{} {}\n", name(host), host.public_key().unwrap());
    fs::write(site.path(".ssh/known_hosts"), line).unwrap();
    assert!(is_trusted(&site, host, own).await);
}

#[tokio::test]
async fn a_pinned_host_must_show_its_pin() {
    let site = Site::new();
    let host = host();
    let key = host.public_key().unwrap();
    let other = public(&site.make_key("other", &["-t", "ed25519"]));
    for (pins, is_it) in [
        (vec![fingerprint(&key)], true),
        (vec![key.clone()], true),
        (vec![format!("{key} with a comment")], true),
        (vec![fingerprint(&other), key.clone()], true),
        (vec![fingerprint(&other), other.clone()], false),
    ] {
        let pinned = HostKeys::Pinned(pins.clone());
        assert_eq!(
            is_trusted(&Site::new(), host, |ssh| ssh.host_keys = pinned).await,
            is_it,
            "{pins:?}"
        );
    }
}

/// Has the host show a certificate of its key by this authority.
fn certify(site: &Site, host: &Host, by: &Path, arguments: &[&str]) {
    let copy = site.path("host_key.pub");
    fs::copy(host.folder().join("host_key.pub"), &copy).unwrap();
    let signed = Command::new("ssh-keygen")
        .args(["-q", "-I", "host", "-s"])
        .arg(by)
        .args(arguments)
        .arg(&copy)
        .status()
        .unwrap();
    assert!(signed.success());
    let theirs = host.folder().join("host_key-cert.pub");
    fs::copy(site.path("host_key-cert.pub"), &theirs).unwrap();
    own(&theirs, &host.folder());
    host.configure(&[&format!("HostCertificate {}", theirs.display())])
        .unwrap();
}

#[tokio::test]
async fn a_certificate_of_a_trusted_authority_is_enough() {
    let site = Site::new();
    let host = host();
    let authority = site.make_key("authority", &["-t", "ed25519"]);
    let stranger = site.make_key("stranger", &["-t", "ed25519"]);
    let address = host.address().to_string();
    let line = format!("@cert-authority * {}\n", public(&authority));
    let certified = |by: &Path, arguments: &[&str]| certify(&site, host, by, arguments);
    for (signer, arguments, why) in [
        (&authority, &["-h", "-n", &*address][..], None),
        (&authority, &["-h", "-n", "127.*"], None),
        (
            &stranger,
            &["-h", "-n", &address],
            Some("no `@cert-authority` line names for this host"),
        ),
        (
            &authority,
            &["-h", "-n", "10.0.0.9"],
            Some("it is for `10.0.0.9`"),
        ),
        (&authority, &["-h"], Some("it is for ``")),
        (
            &authority,
            &["-h", "-n", &address, "-V", "20200101:20200102"],
            Some("it is not valid at this time"),
        ),
        (
            &authority,
            &["-h", "-n", &address, "-V", "20900101:20900102"],
            Some("it is not valid at this time"),
        ),
    ] {
        certified(signer, arguments);
        let path = known(&site, &line);
        // It is judged by who signed it even where new hosts are let in.
        for change in [
            HostKeys::KnownHosts(vec![text(&path)]),
            HostKeys::AcceptNew(vec![text(&path)]),
        ] {
            let site = Site::new();
            let met = site
                .run(&site.reach(host, |ssh| ssh.host_keys = change), "true")
                .await;
            match (why, met) {
                (None, Ok(_)) => {}
                (Some(why), Err(Refusal::HostKeyUnknown(said))) => {
                    assert!(said.contains(why), "{why} in {said}");
                }
                (why, met) => panic!("{arguments:?} {why:?} {met:?}"),
            }
        }
        assert_eq!(fs::read_to_string(&path).unwrap(), line);
    }
    // A revoked authority is none, and a revoked key stays revoked whoever signs it.
    certified(&authority, &["-h", "-n", &address]);
    for revoked in [public(&authority), host.public_key().unwrap()] {
        let path = known(&site, &format!("{line}@revoked * {revoked}\n"));
        let site = Site::new();
        let refused = site.refusal(&site.reach(host, by(&path))).await;
        assert!(
            matches!(&refused, Refusal::HostKeyChanged(said) if said.contains("revoked")),
            "{refused}"
        );
    }
}

/// Not a word of the login must reach a host that is not the one meant.
#[tokio::test]
async fn a_host_that_is_not_the_one_meant_is_offered_no_key() {
    let site = Site::new();
    let host = host();
    host.configure(&["LogLevel DEBUG1"]).unwrap();
    let path = known(&site, "");
    site.refusal(&site.reach(host, by(&path))).await;
    let log = || fs::read_to_string(host.folder().join("sshd.log")).unwrap();
    until("the host has come to the end of it", || {
        let log = log();
        log.contains("KEX done") || log.contains("SSH2_MSG_NEWKEYS")
    })
    .await;
    let log = log();
    assert!(!log.contains("userauth-request"), "{log}");
}
