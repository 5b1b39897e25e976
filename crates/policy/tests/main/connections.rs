//! Connections over SSH: what people write and what it means.

use ringway_model::Span;
use ringway_policy::validated::{Become, Command, Connection, HostKeys, Jump, Ssh, SshVia};
use ringway_policy::{Source, read};

use crate::whole::{CORP, documents};

fn ssh_of(connect: &str) -> Ssh {
    let text = format!(
        "ringway: fleet/v1\nname: it\nhosts: [{{ name: a, labels: {{ port: 22 }} }}]\nconnect: {connect}\n"
    );
    let fleet = documents(&[&text]).fleet.expect("it is a fleet");
    match &fleet.connect[0].with {
        Connection::Ssh(ssh) => (**ssh).clone(),
        Connection::Local | Connection::Unreached => panic!("{connect} is not over SSH"),
    }
}

fn ssh(keys: &str) -> Ssh {
    ssh_of(&format!("[{{ select: all, ssh: {{ {keys} }} }}]"))
}

/// A connection that says nothing must be the careful one: known keys only, nobody else's rights.
#[test]
fn a_connection_that_says_nothing_has_careful_defaults() {
    for short in [
        "ssh",
        "[{ select: all, ssh }]",
        "[{ select: all, ssh: {} }]",
    ] {
        let it = ssh_of(short);
        assert_eq!(it.via, SshVia::Ringway);
        assert_eq!((it.user, it.port, it.config), (None, None, None));
        assert!(it.keys.is_empty() && it.agent && it.passphrase.is_none());
        assert_eq!(it.host_keys, HostKeys::KnownHosts(Vec::new()));
        assert!(it.jump.is_empty() && it.r#become.is_none());
        assert_eq!(
            (it.connect_timeout, it.keepalive),
            (Span::seconds(10), Span::seconds(15))
        );
        assert_eq!((it.at_once.get(), it.root.as_str()), (4, ".ringway"));
    }
}

/// A key that is named is meant; an agent full of others would use up the server's patience first.
#[test]
fn the_agent_is_asked_when_no_key_is_written_or_when_somebody_says_so() {
    for (keys, agent) in [
        ("", true),
        ("key: id", false),
        ("key: id, agent: yes", true),
        ("key: [id, other]", false),
    ] {
        assert_eq!(ssh(keys).agent, agent, "{keys}");
    }
}

#[test]
fn host_keys_are_known_accepted_or_pinned() {
    let fingerprint = "SHA256:nThbg6kXUpJWGl7E1IGOCspRomTxdCARLviKw6E5SY8";
    let list = |file: &str| vec![file.to_owned()];
    for (written, meant) in [
        ("known_hosts".to_owned(), HostKeys::KnownHosts(Vec::new())),
        ("accept-new".to_owned(), HostKeys::AcceptNew(Vec::new())),
        (
            "{ known_hosts: hosts }".to_owned(),
            HostKeys::KnownHosts(list("hosts")),
        ),
        (
            "{ accept_new: hosts }".to_owned(),
            HostKeys::AcceptNew(list("hosts")),
        ),
        (
            format!("{{ pinned: [\"{fingerprint}\"] }}"),
            HostKeys::Pinned(list(fingerprint)),
        ),
        (
            format!("{{ pinned: \"{fingerprint}\" }}"),
            HostKeys::Pinned(list(fingerprint)),
        ),
    ] {
        assert_eq!(ssh(&format!("host_keys: {written}")).host_keys, meant);
    }
}

#[test]
fn become_is_root_by_sudo_and_moves_the_run_directories() {
    let root = |password| Become {
        user: "root".to_owned(),
        password,
    };
    let it = ssh("become: sudo");
    assert_eq!(
        (it.r#become, it.root.as_str()),
        (Some(root(None)), "/var/lib/ringway")
    );
    let it = ssh("become: { user: app }, root: /srv/x");
    assert_eq!(
        (it.r#become.unwrap().user, it.root.as_str()),
        ("app".to_owned(), "/srv/x")
    );
    let program = Command::Program(vec!["pass".to_owned(), "it".to_owned()]);
    let it = ssh("become: { password: [pass, it] }");
    assert_eq!(it.r#become, Some(root(Some(program))));
    let shell = Command::Shell("pass it | head -1".to_owned());
    let it = ssh("become: { password: { run: pass it | head -1 } }");
    assert_eq!(it.r#become, Some(root(Some(shell))));
}

#[test]
fn a_way_is_one_hop_or_several() {
    let hop = |user: Option<&str>, address: &str, port| Jump {
        address: address.to_owned(),
        user: user.map(str::to_owned),
        port,
        keys: Vec::new(),
        host_keys: None,
    };
    for (written, meant) in [
        ("bastion", vec![hop(None, "bastion", None)]),
        (
            "\"ops@[::1]:2222\"",
            vec![hop(Some("ops"), "::1", Some(2222))],
        ),
        (
            "{ address: \"[::1]\", port: 22 }",
            vec![hop(None, "::1", Some(22))],
        ),
        (
            "[first, ops@second]",
            vec![hop(None, "first", None), hop(Some("ops"), "second", None)],
        ),
    ] {
        assert_eq!(ssh(&format!("jump: {written}")).jump, meant, "{written}");
    }
}

#[test]
fn every_key_of_a_connection_is_kept_as_written() {
    let fleet = documents(&[CORP]).fleet.unwrap();
    let of = |at: usize| match &fleet.connect[at].with {
        Connection::Ssh(ssh) => ssh,
        Connection::Local | Connection::Unreached => panic!("it is not over SSH"),
    };
    let it = of(1);
    assert_eq!(it.user.as_deref(), Some("svc-{role}"));
    assert_eq!(it.port.as_deref(), Some("{port}"));
    assert_eq!(it.keys, ["~/.ssh/ringway", "keys/dc"]);
    assert!(it.agent && it.passphrase.is_some());
    assert_eq!((it.jump.len(), it.jump[1].keys.len()), (2, 1));
    assert!(matches!(it.jump[1].host_keys, Some(HostKeys::Pinned(_))));
    assert_eq!(
        (it.connect_timeout, it.keepalive),
        (Span::seconds(5), Span::seconds(30))
    );
    assert_eq!(
        (it.at_once.get(), it.root.as_str()),
        (2, "/srv/ringway/{host}")
    );
    let it = of(2);
    assert_eq!(
        (it.via, it.config.as_deref()),
        (SshVia::System, Some("ssh_config"))
    );
    assert!(matches!(fleet.connect[3].with, Connection::Local));
    assert_eq!(of(4).user, None);
}

/// The report goes to terminals, logs and tickets.
#[test]
fn no_problem_repeats_a_secret_whatever_is_wrong_beside_it() {
    const SECRETS: [&str; 3] = ["hunter2", "ter2", "b3BlbnNzaC1rZXktdjEAAAAA"];
    for ssh in [
        "{ key: id, passphrase: hunter2 }",
        "{ become: { user: root, password: hunter2 } }",
        "{ usr: x, password: hunter2 }",
        "{ become: { password: hun,ter2 } }",
        "{ become: { password: hunter2, usr: root } }",
        "{ become: { usr: root, password: hunter2 } }",
        "{ become: { password: hunter2 }, at_once: many }",
        "{ at_once: many, become: { password: \"hunter2\" } }",
        "{ become: { password: hunter2: x } }",
        "{ key: \"-----BEGIN OPENSSH PRIVATE KEY-----\\nb3BlbnNzaC1rZXktdjEAAAAA\" }",
        "{ key: b3BlbnNzaC1rZXktdjEAAAAA }",
        "\n      passphrase: >-\n        hunter2\n      key: id",
        "\n      key: |\n        -----BEGIN OPENSSH PRIVATE KEY-----\n        b3BlbnNzaC1rZXktdjEAAAAA\n",
        "\n      key: |\n        -----BEGIN OPENSSH PRIVATE KEY-----\n        b3BlbnNzaC1rZXktdjEAAAAA\n       : [",
    ] {
        let text = format!(
            "ringway: fleet/v1\nname: it\nhosts: [{{ name: a }}]\nconnect:\n  - select: all\n    ssh: {ssh}\n"
        );
        let problems = read(&[Source::new("it.yaml", text)]).expect_err(ssh);
        let shown = format!("{problems} {}", problems.to_json());
        for secret in SECRETS {
            assert!(!shown.contains(secret), "{ssh}: shown");
        }
    }
}
