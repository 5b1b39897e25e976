//! Hosts on the way to others.

use std::collections::BTreeSet;
use std::fs;
use std::sync::Arc;

use ringway_drivers::Reach;
use ringway_drivers::transport::{Refusal, Transport as _};
use ringway_farm::Host;
use ringway_model::Span;
use ringway_policy::validated::{HostKeys, Jump, Ssh};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::site::{Site, Wire, farm, host, soon, text};

fn over(host: &Host) -> Jump {
    Jump {
        address: host.address().to_string(),
        user: None,
        port: Some(host.port()),
        keys: Vec::new(),
        host_keys: None,
    }
}

fn through<'a>(hops: &'a [&Host]) -> impl FnOnce(&mut Ssh) + use<'a> {
    move |ssh| ssh.jump = hops.iter().map(|hop| over(hop)).collect()
}

#[tokio::test]
async fn a_chain_of_hops_leads_to_a_host_that_is_reached_no_other_way() {
    let site = Site::new();
    let [gate, inner, deep] = ["gate", "inner", "deep"].map(|name| farm().host(name));
    let reach = site.reach(deep, through(&[gate, inner]));
    let ended = site
        .run_with(&reach, "pwd; cat", "through two hops")
        .await
        .unwrap();
    assert_eq!(
        ended.output,
        format!("{}\nthrough two hops", deep.home().display())
    );
    for hops in [&[][..], &[gate]] {
        let reach = site.reach(deep, through(hops));
        let refused = site.refusal(&reach).await;
        assert!(matches!(refused, Refusal::Unreachable(_)), "{refused}");
    }
}

/// Each hop logs in with its own key, and is judged by its own known hosts.
#[tokio::test]
async fn hops_have_keys_and_known_hosts_of_their_own() {
    let site = Site::new();
    let (hop, end) = (host(), host());
    let key = site.make_key("hop-key", &["-t", "ed25519"]);
    let allowed = hop.folder().join("allowed");
    fs::write(&allowed, super::site::public(&key)).unwrap();
    hop.configure(&[&format!("AuthorizedKeysFile {}", allowed.display())])
        .unwrap();
    let jump = Jump {
        keys: vec![text(&key)],
        host_keys: Some(HostKeys::Pinned(vec![hop.public_key().unwrap()])),
        ..over(hop)
    };
    let reach = site.reach(end, |ssh| ssh.jump = vec![jump.clone()]);
    assert_eq!(site.run(&reach, "echo in").await.unwrap().output, "in");
    let without = Site::new();
    let reach = without.reach(end, |ssh| {
        ssh.jump = vec![Jump {
            keys: Vec::new(),
            ..jump
        }];
    });
    let Refusal::Jump { hop: named, why } = without.refusal(&reach).await else {
        panic!("it is the hop");
    };
    assert_eq!(named, hop.address().to_string());
    assert!(matches!(*why, Refusal::Login(_)), "{why}");
}

#[tokio::test]
async fn what_a_hop_meets_is_told_of_the_hop() {
    let (hop, end) = (host(), host());
    let site = Site::new();
    let of = |change: &dyn Fn(&mut Ssh)| -> Arc<Reach> {
        site.reach(end, |ssh| {
            ssh.jump = vec![over(hop)];
            change(ssh);
        })
    };
    let jumped = |refusal: Refusal| {
        let Refusal::Jump { hop: named, why } = refusal else {
            panic!("it is the hop: {refusal}");
        };
        assert_eq!(named, hop.address().to_string());
        *why
    };
    fs::write(site.path("empty"), "").unwrap();
    let unknown = of(&|ssh| {
        ssh.jump[0].host_keys = Some(HostKeys::KnownHosts(vec!["empty".to_owned()]));
    });
    let why = jumped(site.refusal(&unknown).await);
    assert!(matches!(why, Refusal::HostKeyUnknown(_)), "{why}");

    let nobody = of(&|ssh| ssh.jump[0].user = Some("nobody-at-all".to_owned()));
    let why = jumped(site.refusal(&nobody).await);
    assert!(matches!(why, Refusal::Login(_)), "{why}");

    hop.configure(&["AllowTcpForwarding no"]).unwrap();
    let why = jumped(site.refusal(&of(&|_| {})).await);
    assert!(
        matches!(&why, Refusal::Login(said) if said.contains("AllowTcpForwarding")),
        "{why}"
    );

    hop.configure(&[]).unwrap();
    // What is behind the hop is not the hop's fault.
    let site = Site::new();
    let end_refuses = site.reach_at(&end.address().to_string(), 1, |ssh| {
        ssh.jump = vec![over(hop)];
    });
    let refused = site.refusal(&end_refuses).await;
    assert!(
        matches!(&refused, Refusal::Unreachable(said) if said.contains(&hop.address().to_string())),
        "{refused}"
    );

    hop.set(ringway_farm::Switch::Refuse).unwrap();
    let site = Site::new();
    let reach = site.reach(end, through(&[hop]));
    let why = jumped(site.refusal(&reach).await);
    assert!(matches!(why, Refusal::Unreachable(_)), "{why}");
}

/// Hosts behind a hop come over the hop's one connection: their sshd sees one and the same process of it.
#[tokio::test]
async fn hosts_behind_a_hop_share_its_connection() {
    let site = Site::new();
    let hop = host();
    hop.configure(&["LogLevel VERBOSE"]).unwrap();
    let ends = [host(), host(), host()];
    let reaches = ends.map(|end| site.reach(end, through(&[hop])));
    let (one, two, three) = tokio::join!(
        site.connection(&reaches[0]),
        site.connection(&reaches[1]),
        site.connection(&reaches[2]),
    );
    assert_eq!(BTreeSet::from([one, two, three]).len(), 3);
    let log = fs::read_to_string(hop.folder().join("sshd.log")).unwrap();
    assert_eq!(log.matches("Accepted publickey").count(), 1, "{log}");
}

#[tokio::test]
async fn a_hop_whose_connection_died_is_connected_to_again() {
    let site = Site::new();
    let (hop, end) = (host(), host());
    let reach = site.reach(end, through(&[hop]));
    let before = site.connection(&reach).await;
    hop.drop_connections().unwrap();
    let after = site.connection(&reach).await;
    assert_ne!(before, after);
}

/// The hop vanished without a word. That a host behind it does not answer must not hide it for long, and a host behind it
/// that does not answer must not cost the others their hop.
#[tokio::test]
async fn a_hop_that_vanished_is_told_from_a_silent_host_behind_it() {
    let site = Site::new();
    let (hop, end) = (host(), host());
    hop.configure(&["LogLevel VERBOSE"]).unwrap();
    let wire = Wire::to(hop, "127.0.0.1").unwrap();
    let key = hop.public_key().unwrap();
    let jump = Jump {
        address: wire.address.ip().to_string(),
        port: Some(wire.address.port()),
        host_keys: Some(HostKeys::Pinned(vec![key])),
        ..over(hop)
    };
    let through_wire = |ssh: &mut Ssh| {
        ssh.jump = vec![jump.clone()];
        ssh.connect_timeout = Span::seconds(2);
    };
    let reach = site.reach(end, through_wire);
    site.run(&reach, "true").await.unwrap();
    let logins = || {
        let log = fs::read_to_string(hop.folder().join("sshd.log")).unwrap();
        log.matches("Accepted publickey").count()
    };
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let nobody = site.reach_at(
        "127.0.0.1",
        silent.local_addr().unwrap().port(),
        through_wire,
    );
    let refused = site.refusal(&nobody).await;
    assert!(
        matches!(&refused, Refusal::Unreachable(said) if said.contains("no SSH banner")),
        "{refused}"
    );
    assert_eq!(logins(), 1);
    wire.swallow();
    let other = site.reach(host(), through_wire);
    let refused = site.refusal(&other).await;
    assert!(matches!(refused, Refusal::Unreachable(_)), "{refused}");
    wire.carry();
    assert_eq!(site.run(&other, "echo in").await.unwrap().output, "in");
    assert_eq!(logins(), 2);
}

#[tokio::test]
async fn a_port_behind_a_hop_is_connected_to_from_there() {
    let site = Site::new();
    let hop = host();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let echo = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut said = String::new();
        stream.read_to_string(&mut said).await.unwrap();
        stream
            .write_all(said.to_uppercase().as_bytes())
            .await
            .unwrap();
    });
    let reach = site.reach_at("127.0.0.1", 22, through(&[hop]));
    let mut stream = soon(site.transport.connect(Arc::clone(&reach), port))
        .await
        .unwrap();
    stream.write_all(b"hello").await.unwrap();
    stream.shutdown().await.unwrap();
    let mut answer = String::new();
    soon(stream.read_to_string(&mut answer)).await.unwrap();
    assert_eq!(answer, "HELLO");
    drop(stream);
    soon(echo).await.unwrap();
    let refused = soon(site.transport.connect(reach, port))
        .await
        .err()
        .unwrap();
    assert!(matches!(refused, Refusal::Unreachable(_)), "{refused}");
}

#[tokio::test]
async fn a_port_without_a_hop_is_connected_to_from_here() {
    let site = Site::new();
    let host = host();
    let reach = site.reach(host, |_| {});
    let mut stream = soon(site.transport.connect(Arc::clone(&reach), host.port()))
        .await
        .unwrap();
    let mut banner = [0; 8];
    soon(stream.read_exact(&mut banner)).await.unwrap();
    assert_eq!(&banner, b"SSH-2.0-");
    let refused = soon(site.transport.connect(reach, 1)).await.err().unwrap();
    assert!(matches!(refused, Refusal::Unreachable(_)), "{refused}");
}
