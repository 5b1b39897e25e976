//! Which way a request takes: to the host or past it, through a jump host or not.

use std::fs;
use std::net::Ipv4Addr;
use std::sync::Arc;

use ringway_drivers::{Driver as _, Drivers, ProbeRequest, Reach, Withdrawal};
use ringway_model::{Place, RawReport, Sample, Span};
use ringway_policy::validated::{Ask, Command, Connection, Jump};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::shell::Shell;
use super::site::{Site as _, driver, spans, step, text, with_ssh};
use crate::support::{closed_port, ended, in_time};

/// A host whose address means nothing here.
fn behind(site: &Shell) -> Reach {
    let mut reach = with_ssh(&site.reach(), |ssh| {
        ssh.jump = vec![Jump {
            address: "jump.invalid".to_owned(),
            user: None,
            port: None,
            keys: Vec::new(),
            host_keys: None,
        }];
    });
    "behind.invalid".clone_into(&mut reach.address);
    reach
}

async fn probe(site: &Shell, ask: Ask) -> Sample {
    let request = ProbeRequest {
        reach: Arc::new(behind(site)),
        ask,
        timeout: Span::seconds(100),
    };
    in_time(driver(site).probe(request)).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_behind_a_jump_host_is_asked_through_it() {
    let site = Shell::new();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let http = |port: u16| Ask::Http {
        port: port.to_string(),
        path: "/health".to_owned(),
        status: 204,
        body_contains: None,
    };
    let serve = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut asked = Vec::new();
        while !asked.ends_with(b"\r\n\r\n") {
            asked.push(stream.read_u8().await.unwrap());
        }
        let answer = b"HTTP/1.1 204 No Content\r\n\r\n";
        stream.write_all(answer).await.unwrap();
        stream
    };
    let (sample, _) = tokio::join!(probe(&site, http(port)), serve);
    assert_eq!(sample, Sample::Up);
    // That nothing listens there is about the host; that the way there is closed is not.
    let (_held, closed) = closed_port(Ipv4Addr::LOCALHOST.into());
    let sample = probe(&site, http(closed)).await;
    assert!(matches!(sample, Sample::Down(_)), "{sample:?}");
    site.refuse();
    let sample = probe(&site, http(port)).await;
    assert!(
        matches!(&sample, Sample::Blind(why) if why.contains("`jump.invalid`")),
        "{sample:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_runs_at_the_controller_needs_no_connection() {
    let site = Shell::new();
    site.refuse();
    let data = site.home().join("../data");
    let drivers = Drivers::over(&data, site.transport(), site.transport())
        .unwrap()
        .with_spans(spans());
    let run = |step| in_time(drivers.run(step, Withdrawal::never()));
    let mut here = step(&site, 1, "touch here; echo done");
    here.place = Place::Controller;
    assert_eq!(run(here).await, ended(0, "done\n"));
    assert!(site.home().join("../here").exists());

    let there = run(step(&site, 2, "true")).await;
    assert!(matches!(there, RawReport::Unreachable { .. }), "{there:?}");

    let mut local = step(&site, 3, "touch local");
    let mut reach = site.reach();
    reach.with = Connection::Local;
    reach.directory = site.home();
    local.reach = Arc::new(reach);
    assert_eq!(run(local).await, ended(0, ""));
    assert!(site.home().join("local").exists());

    // A host that nothing reaches is neither this machine nor asked over any connection.
    for place in [Place::Host, Place::Controller] {
        let mut unreached = step(&site, 4, "touch unreached");
        let mut reach = site.reach();
        reach.with = Connection::Unreached;
        reach.directory = site.home();
        unreached.reach = Arc::new(reach);
        unreached.place = place;
        let report = run(unreached).await;
        let is_refused = matches!(&report, RawReport::Refused { why } if why.contains("`none`"));
        assert_eq!(is_refused, place == Place::Host, "{report:?}");
        let is_there = site.home().join("unreached").exists();
        assert_eq!(is_there, place == Place::Controller);
    }

    let command = |at| Ask::Run {
        run: Command::Shell("touch probed".to_owned()),
        at,
    };
    for (at, up) in [(Place::Controller, true), (Place::Host, false)] {
        let request = ProbeRequest {
            reach: Arc::new(site.reach()),
            ask: command(at),
            timeout: Span::seconds(100),
        };
        let sample = in_time(drivers.probe(request)).await;
        assert_eq!(sample == Sample::Up, up, "{sample:?}");
    }
    assert!(fs::exists(site.home().join("../probed")).unwrap());
    assert_eq!(text(&site, "probed"), "");
}
