//! What is said of a host that gets nothing, and that it got nothing.

use ringway_drivers::transport::Refusal;
use ringway_farm::Switch;
use ringway_model::Span;
use ringway_policy::validated::HostKeys;

use super::site::{Site, host, text};

/// What a document may say differently.
type Change = fn(&mut ringway_policy::validated::Ssh);

/// The kind of a refusal, and that it is one sentence.
fn kind(refusal: &Refusal) -> &'static str {
    let text = refusal.to_string();
    assert!(
        !text.is_empty() && !text.contains('\n'),
        "one sentence: {text}"
    );
    match refusal {
        Refusal::Unreachable(_) => "unreachable",
        Refusal::HostKeyChanged(_) => "changed",
        Refusal::HostKeyUnknown(_) => "unknown",
        Refusal::Login(_) => "login",
        Refusal::Here(_) => "here",
        Refusal::Jump { .. } => "jump",
    }
}

#[tokio::test]
async fn each_way_to_be_turned_away_has_its_name() {
    let site = Site::new();
    let host = host();
    let soon = |ssh: &mut ringway_policy::validated::Ssh| ssh.connect_timeout = Span::seconds(2);
    for (switch, wanted, words) in [
        (Switch::Refuse, "unreachable", "Connection refused"),
        (Switch::HangBanner, "unreachable", "timed out"),
        (Switch::WrongLogin, "login", "Permission denied (publickey)"),
        (Switch::ChangeKey, "changed", "shows another key (SHA256:"),
    ] {
        host.set(switch.clone()).unwrap();
        let refusal = site.refusal(&site.reach(host, soon)).await;
        assert_eq!(kind(&refusal), wanted, "{switch}: {refusal}");
        assert!(refusal.to_string().contains(words), "{refusal}");
        host.heal().unwrap();
    }
    assert_eq!(
        site.run(&site.reach(host, |_| {}), "ls", "").await.output,
        "bin\nboot-id\nledger\nversion\n"
    );
}

#[tokio::test]
async fn a_fault_on_this_machine_is_not_blamed_on_the_host() {
    let site = Site::new();
    let host = host();
    std::fs::write(site.path("bad_config"), "Nonsense yes\n").unwrap();
    std::fs::write(site.path("none"), "").unwrap();
    let open = site.make_key("open", "");
    std::fs::set_permissions(&open, std::os::unix::fs::PermissionsExt::from_mode(0o644)).unwrap();
    let changes: [(Change, &str); 7] = [
        (|ssh| ssh.config = Some("bad_config".to_owned()), "here"),
        (|ssh| ssh.config = Some("no_config".to_owned()), "here"),
        (|ssh| ssh.keys = vec!["missing".to_owned()], "here"),
        (|ssh| ssh.keys = vec!["open".to_owned()], "here"),
        (|ssh| ssh.port = Some("{rack}".to_owned()), "here"),
        (
            |ssh| ssh.host_keys = HostKeys::Pinned(vec!["SHA256:abc".to_owned()]),
            "here",
        ),
        (
            |ssh| ssh.host_keys = HostKeys::KnownHosts(vec!["none".to_owned()]),
            "unknown",
        ),
    ];
    for (number, (change, wanted)) in changes.into_iter().enumerate() {
        let refusal = site.refusal(&site.reach(host, change)).await;
        assert_eq!(kind(&refusal), wanted, "{number}: {refusal}");
    }
}

#[tokio::test]
async fn a_pinned_key_is_the_only_one_that_counts() {
    let site = Site::new();
    let (host, other) = (host(), host());
    let pinned = |keys: Vec<String>| site.reach(host, |ssh| ssh.host_keys = HostKeys::Pinned(keys));
    let (own, others) = (host.public_key().unwrap(), other.public_key().unwrap());
    let both = pinned(vec![others.clone(), own]);
    assert_eq!(site.run(&both, "echo in", "").await.output, "in\n");
    assert_eq!(kind(&site.refusal(&pinned(vec![others])).await), "changed");
}

/// A login that runs something else than it was asked to has not run what it was asked to.
#[tokio::test]
async fn a_login_that_runs_no_commands_is_said_so() {
    let site = Site::new();
    let host = host();
    let script = host.folder().join("nologin");
    std::fs::write(&script, "#!/bin/sh\necho not for you >&2; exit 1\n").unwrap();
    host.configure(&[&format!("ForceCommand /bin/sh {}", text(&script))])
        .unwrap();
    let refusal = site.refusal(&site.reach(host, |_| {})).await;
    assert_eq!(kind(&refusal), "login");
    assert!(
        refusal
            .to_string()
            .ends_with("it ended with 1: not for you"),
        "{refusal}"
    );
}

#[tokio::test]
async fn a_name_without_an_address_is_unreachable() {
    let site = Site::new();
    let mut reach = ringway_drivers::Reach::clone(&site.reach(host(), |_| {}));
    reach.address = "no-such-host.invalid".to_owned();
    let refusal = site.refusal(&std::sync::Arc::new(reach)).await;
    assert_eq!(kind(&refusal), "unreachable");
}
