//! Hosts on the way to others, by the document and by `ssh_config`.

use std::fs;
use std::sync::Arc;

use ringway_drivers::Reach;
use ringway_drivers::transport::{Refusal, Stream, Transport as _};
use ringway_farm::{Host, Switch};
use ringway_policy::validated::Ssh;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::site::{Site, farm, host, over, text};
use crate::support::{closed_port, in_time};

fn through<'a>(hops: &'a [&Host]) -> impl FnOnce(&mut Ssh) + use<'a> {
    move |ssh| ssh.jump = hops.iter().map(|hop| over(hop)).collect()
}

#[tokio::test]
async fn a_chain_of_hops_leads_to_a_host_that_is_reached_no_other_way() {
    let site = Site::new();
    let [gate, inner, deep] = ["gate", "inner", "deep"].map(|name| farm().host(name));
    let reach = site.reach(deep, through(&[gate, inner]));
    let ended = site.run(&reach, "pwd; cat", "through two hops").await;
    assert_eq!(
        ended.output,
        format!("{}\nthrough two hops", deep.home().display())
    );
    for hops in [&[][..], &[gate]] {
        let refusal = site.refusal(&site.reach(deep, through(hops))).await;
        assert!(matches!(refusal, Refusal::Unreachable(_)), "{refusal}");
    }
}

/// Whoever reads it must know which host to look at.
#[tokio::test]
async fn what_a_hop_meets_is_said_of_the_hop() {
    let site = Site::new();
    let (hop, end) = (host(), host());
    let reach = site.reach(end, through(&[hop]));
    for (switch, wanted) in [
        (Switch::Refuse, "Unreachable"),
        (Switch::WrongLogin, "Login"),
        (Switch::ChangeKey, "HostKeyChanged"),
    ] {
        hop.set(switch.clone()).unwrap();
        let Refusal::Jump { hop: named, why } = site.refusal(&reach).await else {
            panic!("{switch}: it is the hop");
        };
        assert_eq!(named, hop.address().to_string());
        assert!(format!("{why:?}").starts_with(wanted), "{why:?}");
        hop.heal().unwrap();
    }
    for (switch, wanted) in [
        (Switch::Refuse, "Unreachable"),
        (Switch::WrongLogin, "Login"),
        (Switch::ChangeKey, "HostKeyChanged"),
    ] {
        end.set(switch.clone()).unwrap();
        let refusal = site.refusal(&reach).await;
        assert!(
            format!("{refusal:?}").starts_with(wanted),
            "{switch}: {refusal:?}"
        );
        end.heal().unwrap();
    }
}

#[tokio::test]
async fn hops_have_keys_of_their_own_where_they_are_written() {
    let site = Site::new();
    let (hop, end) = (host(), host());
    let key = site.make_key("hop key", "");
    let mut jump = over(hop);
    jump.keys = vec![text(&key)];
    let reach = site.reach(end, |ssh| ssh.jump = vec![jump]);
    assert_eq!(site.run(&reach, "echo in", "").await.output, "in\n");
}

/// Serves one connection on a port of the host.
async fn echo(host: &Host) -> u16 {
    let listener = TcpListener::bind((host.address(), 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let (mut from, mut to) = stream.split();
            let _ = tokio::io::copy(&mut from, &mut to).await;
        }
    });
    port
}

async fn ask(site: &Site, reach: &Arc<Reach>, port: u16) -> Result<String, Refusal> {
    let mut stream: Box<dyn Stream> =
        in_time(site.transport.connect(Arc::clone(reach), port)).await?;
    stream.write_all(b"hello").await.unwrap();
    stream.shutdown().await.unwrap();
    let mut answer = String::new();
    in_time(stream.read_to_string(&mut answer)).await.unwrap();
    Ok(answer)
}

#[tokio::test]
async fn a_port_is_reached_from_where_the_host_is_reached() {
    let site = Site::new();
    let (hop, end) = (host(), host());
    let by_config = format!(
        "{}Host {}\n  ProxyJump {}@{}:{}\nHost *\n  IdentityFile {}\n",
        fs::read_to_string(site.path("ssh_config")).unwrap(),
        end.address(),
        farm().user(),
        hop.address(),
        hop.port(),
        farm().key().display()
    );
    fs::write(site.path("jump_config"), by_config).unwrap();
    let port = echo(end).await;
    let (_held, closed) = closed_port(end.address());
    let direct = site.reach(end, |_| {});
    let by_document = site.reach(end, through(&[hop]));
    let by_configuration = site.reach(end, |ssh| ssh.config = Some("jump_config".to_owned()));
    for (reach, jumps) in [
        (direct, false),
        (by_document, true),
        (by_configuration, true),
    ] {
        assert_eq!(ask(&site, &reach, port).await, Ok("hello".to_owned()));
        let refused = ask(&site, &reach, closed).await;
        assert!(
            matches!(refused, Err(Refusal::Unreachable(_))),
            "{refused:?}"
        );
        hop.set(Switch::WrongLogin).unwrap();
        let turned_away = ask(&site, &reach, port).await;
        match turned_away {
            Err(Refusal::Jump { why, .. }) if jumps => {
                assert!(matches!(*why, Refusal::Login(_)), "{why}");
            }
            Ok(_) if !jumps => {}
            other => panic!("jumps: {jumps}: {other:?}"),
        }
        hop.heal().unwrap();
    }
}
