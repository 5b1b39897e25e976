//! When a connection is opened, kept, lost, and made anew; and what hosts that do not answer cost the others.

use std::collections::BTreeSet;
use std::num::NonZeroU16;
use std::sync::Arc;
use std::time::Duration;

use ringway_drivers::ssh::Limits;
use ringway_drivers::transport::{Refusal, Said, Transport as _};
use ringway_farm::{Farm, Plan, Switch};
use ringway_model::Span;

use super::site::{Site, Wire, end, host, soon, until};

#[tokio::test]
async fn a_connection_that_died_while_idle_is_replaced_before_anything_is_said() {
    let site = Site::new();
    let host = host();
    let reach = site.reach(host, |_| {});
    let before = site.connection(&reach).await;
    host.drop_connections().unwrap();
    let after = site.connection(&reach).await;
    assert_ne!(before, after);
}

/// The host vanished without a word: only that it does not answer any more shows it.
#[tokio::test]
async fn a_connection_that_leads_nowhere_is_replaced_too() {
    let site = Site::new();
    let host = host();
    let wire = Wire::to(host, "127.0.0.1").unwrap();
    let reach = at_wire(&site, host, &wire, |ssh| ssh.connect_timeout = Span(700));
    let before = site.connection(&reach).await;
    wire.swallow();
    let late = site.refusal(&reach).await;
    assert!(matches!(late, Refusal::Unreachable(_)), "{late}");
    wire.carry();
    let after = site.connection(&reach).await;
    assert_ne!(before, after);
}

fn at_wire(
    site: &Site,
    host: &ringway_farm::Host,
    wire: &Wire,
    change: impl FnOnce(&mut ringway_policy::validated::Ssh),
) -> Arc<ringway_drivers::Reach> {
    let key = host.public_key().unwrap();
    site.reach_at(&wire.address.ip().to_string(), wire.address.port(), |ssh| {
        ssh.host_keys = ringway_policy::validated::HostKeys::Pinned(vec![key]);
        change(ssh);
    })
}

#[tokio::test]
async fn a_connection_that_breaks_under_a_command_is_a_loss() {
    let site = Site::new();
    let host = host();
    let reach = site.reach(host, |_| {});
    let mut running = site
        .start(
            &reach,
            "echo begun; until [ -e go ]; do sleep 0.01; done; echo on > on",
            "",
        )
        .await
        .unwrap();
    assert_eq!(
        soon(running.next()).await,
        Ok(Some(Said::Output(b"begun\n".to_vec())))
    );
    host.drop_connections().unwrap();
    let lost = end(running).await.unwrap_err();
    assert!(lost.0.contains("closed the connection"), "{lost}");
    // What runs there is not ended by that, and the host can be talked to again at once.
    assert_eq!(
        site.run(&reach, "touch go; echo back")
            .await
            .unwrap()
            .output,
        "back"
    );
    until("it goes on", || host.read("on") == "on").await;
}

#[tokio::test]
async fn a_host_that_leaves_questions_unanswered_is_lost() {
    let site = Site::new();
    let host = host();
    let wire = Wire::to(host, "127.0.0.1").unwrap();
    let reach = at_wire(&site, host, &wire, |ssh| ssh.keepalive = Span(100));
    let mut running = site
        .start(&reach, "echo begun; sleep 600", "")
        .await
        .unwrap();
    assert!(matches!(
        soon(running.next()).await,
        Ok(Some(Said::Output(_)))
    ));
    wire.swallow();
    let lost = end(running).await.unwrap_err();
    assert!(lost.0.contains("unanswered"), "{lost}");
}

/// A command that is silent for long is not lost as long as its host answers.
#[tokio::test]
async fn a_silent_command_is_not_a_lost_one() {
    let site = Site::new();
    let reach = site.reach(host(), |ssh| ssh.keepalive = Span(100));
    let ended = site.run(&reach, "sleep 1; echo done").await.unwrap();
    assert_eq!(ended.output, "done");
}

#[tokio::test]
async fn each_way_of_not_answering_has_its_words() {
    let host = host();
    for (switch, why) in [
        (Switch::Refuse, "refuses the connection"),
        (Switch::HangBanner, "no SSH banner within 500ms"),
    ] {
        host.set(switch).unwrap();
        let site = Site::new();
        let reach = site.reach(host, |ssh| ssh.connect_timeout = Span(500));
        let Refusal::Unreachable(said) = site.refusal(&reach).await else {
            panic!("it does not answer");
        };
        assert!(said.contains(why), "{said}");
        assert!(said.contains(&host.address().to_string()), "{said}");
        host.heal().unwrap();
    }
    let site = Site::new();
    let wire = Wire::to(host, "127.0.0.1").unwrap();
    let http = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = http.local_addr().unwrap().port();
    let other = tokio::spawn(async move {
        use tokio::io::AsyncWriteExt as _;
        let (mut stream, _) = http.accept().await.unwrap();
        // Whoever is not an SSH server says something else, or nothing, and goes.
        let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
    });
    let reach = site.reach_at("127.0.0.1", port, |_| {});
    let refused = site.refusal(&reach).await;
    assert!(matches!(&refused, Refusal::Unreachable(_)), "{refused}");
    other.await.unwrap();
    drop(wire);
    let reach = site.reach_at("no-such-host.invalid", 22, |_| {});
    let refused = site.refusal(&reach).await;
    assert!(
        matches!(&refused, Refusal::Unreachable(said) if said.contains("has no address")),
        "{refused}"
    );
}

/// A host that falls silent in the middle of the key exchange, and the socket to it: neither is kept.
#[tokio::test]
async fn a_host_that_falls_silent_in_the_key_exchange_is_left() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let site = Site::new();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let reach = site.reach_at("127.0.0.1", listener.local_addr().unwrap().port(), |ssh| {
        ssh.connect_timeout = Span(400);
    });
    let half = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        stream.write_all(b"SSH-2.0-half\r\n").await.unwrap();
        // It ends when the other side closes.
        stream.read_to_end(&mut Vec::new()).await
    });
    let refused = site.refusal(&reach).await;
    assert!(
        matches!(&refused, Refusal::Unreachable(said) if said.contains("the key exchange within 400ms")),
        "{refused}"
    );
    soon(half).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_host_is_reached_by_ipv6() {
    let site = Site::new();
    let host = host();
    let wire = match Wire::to(host, "::1") {
        Ok(wire) => wire,
        Err(error) => {
            eprintln!("skipped: no IPv6 on this machine: {error}");
            return;
        }
    };
    let known = format!(
        "[::1]:{} {}\n",
        wire.address.port(),
        host.public_key().unwrap()
    );
    std::fs::write(site.path("known"), known).unwrap();
    let reach = site.reach_at("::1", wire.address.port(), |ssh| {
        ssh.host_keys = ringway_policy::validated::HostKeys::KnownHosts(vec!["known".to_owned()]);
    });
    assert_eq!(site.run(&reach, "echo in").await.unwrap().output, "in");
}

/// Nothing was given to the host by making ready, and the connection is there for the command.
#[tokio::test]
async fn a_host_can_be_logged_in_to_ahead_and_forgotten() {
    let site = Site::new();
    let host = host();
    host.configure(&["LogLevel VERBOSE"]).unwrap();
    let reach = site.reach(host, |_| {});
    let logins = || {
        let log = std::fs::read_to_string(host.folder().join("sshd.log")).unwrap_or_default();
        (
            log.matches("Accepted publickey").count(),
            log.matches("Starting session").count(),
        )
    };
    soon(site.transport.ready(Arc::clone(&reach)))
        .await
        .unwrap();
    assert_eq!(logins(), (1, 0));
    let before = site.connection(&reach).await;
    assert_eq!(logins(), (1, 1));
    let mut running = site
        .start(
            &reach,
            "echo begun; until [ -e go ]; do sleep 0.01; done; echo end",
            "",
        )
        .await
        .unwrap();
    assert!(matches!(
        soon(running.next()).await,
        Ok(Some(Said::Output(_)))
    ));
    site.transport.renew(&reach);
    let after = site.connection(&reach).await;
    assert_ne!(before, after);
    // What runs over the forgotten one is left alone.
    site.run(&reach, "touch go").await.unwrap();
    assert_eq!(end(running).await.unwrap().output, "end");
    host.set(Switch::Refuse).unwrap();
    host.drop_connections().unwrap();
    site.transport.renew(&reach);
    let refused = soon(site.transport.ready(reach)).await.unwrap_err();
    assert!(matches!(refused, Refusal::Unreachable(_)), "{refused}");
}

/// Those who wait for the same connection wait for one attempt, and learn of its failure together.
#[tokio::test]
async fn a_failure_is_shared_by_all_who_waited_for_it() {
    let site = Site::new();
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let reach = site.reach_at("127.0.0.1", silent.local_addr().unwrap().port(), |ssh| {
        ssh.connect_timeout = Span(500);
        ssh.at_once = NonZeroU16::new(20).unwrap();
    });
    for refused in join((0..8).map(|_| site.refusal(&reach)).collect()).await {
        assert!(matches!(refused, Refusal::Unreachable(_)), "{refused}");
    }
    soon(silent.accept()).await.unwrap();
    // Nobody else came: there was no second attempt.
    let mut second = std::pin::pin!(silent.accept());
    let second = std::future::poll_fn(|cx| std::task::Poll::Ready(second.as_mut().poll(cx))).await;
    assert!(second.is_pending());
}

async fn join<F: Future>(all: Vec<F>) -> Vec<F::Output> {
    let mut done = Vec::new();
    let mut all: Vec<_> = all.into_iter().map(Box::pin).collect();
    std::future::poll_fn(|cx| {
        all.retain_mut(|one| match one.as_mut().poll(cx) {
            std::task::Poll::Ready(output) => {
                done.push(output);
                false
            }
            std::task::Poll::Pending => true,
        });
        if all.is_empty() {
            std::task::Poll::Ready(())
        } else {
            std::task::Poll::Pending
        }
    })
    .await;
    done
}

#[tokio::test]
async fn an_idle_connection_is_closed_after_a_while() {
    let limits = Limits {
        idle: Duration::from_millis(200),
        ..Limits::default()
    };
    let farm = Farm::start(Plan::of(1)).unwrap();
    let site = Site::with(limits, None);
    let reach = of(&site, &farm, &farm.hosts()[0]);
    site.run(&reach, "true").await.unwrap();
    until("it is closed", || farm.connections().unwrap() == 0).await;
    assert_eq!(
        site.run(&reach, "echo again").await.unwrap().output,
        "again"
    );
}

/// What is idle costs memory here and a process there, so only some of it is kept: what was used last.
#[tokio::test]
async fn only_so_many_idle_connections_are_kept() {
    let limits = Limits {
        kept: 2,
        ..Limits::default()
    };
    let farm = Farm::start(Plan::of(6)).unwrap();
    let site = Site::with(limits, None);
    let mut last = String::new();
    let reaches: Vec<_> = farm
        .hosts()
        .iter()
        .map(|host| of(&site, &farm, host))
        .collect();
    for reach in &reaches {
        last = site.connection(reach).await;
    }
    until("two are left", || farm.connections().unwrap() == 2).await;
    assert_eq!(site.connection(&reaches[5]).await, last);
}

fn of(site: &Site, farm: &Farm, host: &ringway_farm::Host) -> Arc<ringway_drivers::Reach> {
    let (key, known) = (farm.key(), farm.known_hosts());
    site.reach(host, |ssh| {
        ssh.keys = vec![super::site::text(&key)];
        ssh.host_keys =
            ringway_policy::validated::HostKeys::KnownHosts(vec![super::site::text(&known)]);
    })
}

/// Sixteen hosts, three places: all have their turn, and there are never more connections than places, plus those that
/// are being opened.
#[tokio::test]
async fn many_hosts_have_their_turn_on_few_connections() {
    let limits = Limits {
        connecting: 2,
        stalled: 1,
        open: 3,
        ..Limits::default()
    };
    let farm = Farm::start(Plan::of(16)).unwrap();
    let site = Site::with(limits, None);
    let all = farm.hosts().iter().map(|host| {
        let reach = of(&site, &farm, host);
        let (site, farm) = (&site, &farm);
        async move {
            for _ in 0..3 {
                assert_eq!(site.run(&reach, "echo in").await.unwrap().output, "in");
                // Those that were just given up may not have closed their sockets yet.
                until("there are no more than places", || open_to(farm) <= 3 + 3).await;
            }
        }
    });
    join(all.collect()).await;
    until("few are left", || open_to(&farm) <= 3).await;
}

/// Connections of this machine to hosts of a farm, as the kernel knows them.
fn open_to(farm: &Farm) -> usize {
    let table = std::fs::read_to_string("/proc/net/tcp").unwrap();
    let remote = format!("{:02X}7F:{:04X}", farm.network(), farm.port());
    table
        .lines()
        .skip(1)
        .filter(|line| {
            let fields: Vec<_> = line.split_whitespace().collect();
            fields[2].ends_with(&remote) && fields[3] == "01"
        })
        .count()
}

/// Twenty silent hosts in front of one that answers, two places to connect: the one must not wait for the twenty.
#[tokio::test]
async fn silent_hosts_do_not_hold_up_those_that_answer() {
    let limits = Limits {
        connecting: 2,
        stalled: 64,
        ..Limits::default()
    };
    let site = Site::with(limits, None);
    let silent = std::net::TcpListener::bind("0.0.0.0:0").unwrap();
    let port = silent.local_addr().unwrap().port();
    let silents: Vec<_> = (0..20)
        .map(|n| {
            site.reach_at(&format!("127.0.1.{n}"), port, |ssh| {
                ssh.connect_timeout = Span::seconds(100);
            })
        })
        .collect();
    let good = site.reach(host(), |_| {});
    let waiting = join(silents.iter().map(|reach| site.refusal(reach)).collect());
    tokio::pin!(waiting);
    tokio::select! {
        biased;
        _ = &mut waiting => panic!("silence is no answer"),
        ended = async {
            // All twenty are in front.
            tokio::task::yield_now().await;
            site.run(&good, "echo in").await
        } => assert_eq!(ended.unwrap().output, "in"),
    }
    drop(silent);
}

/// The sessions of a connection that is closed because others need its place are not.
#[tokio::test]
async fn a_connection_in_use_is_not_closed_for_another() {
    let limits = Limits {
        open: 1,
        ..Limits::default()
    };
    let site = Site::with(limits, None);
    let (one, two) = (host(), host());
    let (first, second) = (site.reach(one, |_| {}), site.reach(two, |_| {}));
    let running = site
        .start(&first, "until [ -e go ]; do sleep 0.01; done; echo end", "")
        .await
        .unwrap();
    let other = site.run(&second, "echo in");
    tokio::pin!(other);
    // The running one goes on over the only connection there may be, as a third command shows.
    tokio::select! {
        biased;
        _ = &mut other => panic!("there is no place for it"),
        ended = site.run(&first, "touch go") => assert_eq!(ended.unwrap().exit, Some(0)),
    }
    assert_eq!(end(running).await.unwrap().output, "end");
    assert_eq!(other.await.unwrap().output, "in");
    let distinct = BTreeSet::from([site.connection(&first).await, site.connection(&first).await]);
    assert_eq!(distinct.len(), 1);
}

/// Those that are in use count too: a large fleet's connections are those of the hosts it is at.
#[tokio::test]
async fn idle_connections_make_way_for_those_in_use() {
    let limits = Limits {
        kept: 2,
        ..Limits::default()
    };
    let farm = Farm::start(Plan::of(3)).unwrap();
    let site = Site::with(limits, None);
    let reaches: Vec<_> = farm
        .hosts()
        .iter()
        .map(|host| of(&site, &farm, host))
        .collect();
    let wait = "until [ -e go ]; do sleep 0.01; done; echo end";
    let mut running = Vec::new();
    for reach in &reaches[..2] {
        running.push(site.start(reach, wait, "").await.unwrap());
    }
    site.connection(&reaches[2]).await;
    until("two are left", || farm.connections().unwrap() == 2).await;
    for (running, host) in running.into_iter().zip(farm.hosts()) {
        std::fs::write(host.home().join("go"), "").unwrap();
        assert_eq!(end(running).await.unwrap().output, "end");
    }
}
