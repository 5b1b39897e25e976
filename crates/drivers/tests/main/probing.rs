//! Probes against small servers of this process.

use std::collections::BTreeMap;
use std::fs;
use std::net::Ipv4Addr;
use std::path::Path;

use ringway_drivers::{Target, ask};
use ringway_model::{Labels, Place, Sample, Span};
use ringway_policy::validated::{Ask, Command};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use crate::support::{closed_port, in_time, runs, until};

/// A server that reads a request, gives this answer and closes. An empty answer: it never answers.
async fn server(answer: impl Into<Vec<u8>>) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let answer = answer.into();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let answer = answer.clone();
            tokio::spawn(async move {
                let mut request = Vec::new();
                let mut chunk = [0; 1024];
                while !request.windows(4).any(|end| end == b"\r\n\r\n") {
                    match stream.read(&mut chunk).await {
                        Ok(n @ 1..) => request.extend_from_slice(&chunk[..n]),
                        Ok(0) | Err(_) => return,
                    }
                }
                if answer.is_empty() {
                    // Until the other side gives up.
                    drop(stream.read(&mut chunk).await);
                } else {
                    let echoed = String::from_utf8_lossy(&request).into_owned();
                    let answer = String::from_utf8_lossy(&answer).replace("@request@", &echoed);
                    drop(stream.write_all(answer.as_bytes()).await);
                }
            });
        }
    });
    port
}

fn http(port: u16) -> Ask {
    Ask::Http {
        port: port.to_string(),
        path: "/health".to_owned(),
        status: 200,
        body_contains: None,
    }
}

fn containing(port: u16, text: &str) -> Ask {
    Ask::Http {
        port: port.to_string(),
        path: "/health".to_owned(),
        status: 200,
        body_contains: Some(text.to_owned()),
    }
}

fn run(text: &str) -> Ask {
    Ask::Run {
        run: Command::Shell(text.to_owned()),
        at: Place::Host,
    }
}

async fn sample_of(question: &Ask, labels: &Labels, address: &str, timeout: Span) -> Sample {
    let target = Target {
        host: "web-1",
        address,
        labels,
    };
    let values = BTreeMap::new();
    in_time(ask(question, target, &values, Path::new("/"), timeout)).await
}

async fn sample(question: &Ask) -> Sample {
    sample_of(question, &Labels::default(), "127.0.0.1", Span::seconds(60)).await
}

fn assert_down(sample: &Sample, why: &str) {
    assert!(
        matches!(sample, Sample::Down(said) if said.contains(why)),
        "{sample:?}"
    );
}

fn assert_blind(sample: &Sample, why: &str) {
    assert!(
        matches!(sample, Sample::Blind(said) if said.contains(why)),
        "{sample:?}"
    );
}

#[tokio::test]
async fn the_expected_status_is_up_and_another_is_down() {
    let good = server("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await;
    assert_eq!(sample(&http(good)).await, Sample::Up);
    let bad = server("HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n").await;
    assert_down(&sample(&http(bad)).await, "status 503, expected 200");
}

#[tokio::test]
async fn the_body_must_contain_the_text() {
    let port = server("HTTP/1.1 200 OK\r\n\r\n{\"state\": \"ready\"}").await;
    assert_eq!(sample(&containing(port, "\"ready\"")).await, Sample::Up);
    assert_down(
        &sample(&containing(port, "steady")).await,
        "`steady` is not in the first 18 bytes",
    );
    let chunked =
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nrea\r\n2\r\ndy\r\n0\r\n\r\n";
    let port = server(chunked).await;
    assert_eq!(sample(&containing(port, "ready")).await, Sample::Up);
}

#[tokio::test]
async fn only_the_beginning_of_a_body_is_searched() {
    let body = format!("HTTP/1.1 200 OK\r\n\r\n{}late", "x".repeat(1_000_000));
    let port = server(body).await;
    assert_down(
        &sample(&containing(port, "late")).await,
        "first 65536 bytes",
    );
}

#[tokio::test]
async fn a_host_that_refuses_answers_nonsense_or_not_at_all_is_down() {
    let (_held, closed) = closed_port(Ipv4Addr::LOCALHOST.into());
    assert_down(&sample(&http(closed)).await, "refused");
    assert_down(
        &sample(&Ask::Tcp {
            port: closed.to_string(),
        })
        .await,
        "refused",
    );
    let nonsense = server("SSH-2.0-OpenSSH_9.2\r\n").await;
    assert_down(&sample(&http(nonsense)).await, "not an HTTP answer");
    let cut = server("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf").await;
    assert_down(
        &sample(&containing(cut, "whole")).await,
        "not an HTTP answer",
    );
    let mute = server("").await;
    let labels = Labels::default();
    let answer = sample_of(&http(mute), &labels, "127.0.0.1", Span(300)).await;
    assert_eq!(answer, Sample::Down("no answer within 300ms".to_owned()));
}

#[tokio::test]
async fn a_connection_that_is_accepted_is_up() {
    let port = server("").await;
    assert_eq!(
        sample(&Ask::Tcp {
            port: port.to_string()
        })
        .await,
        Sample::Up
    );
}

#[tokio::test]
async fn placeholders_are_the_hosts_own() {
    let port = server("HTTP/1.1 200 OK\r\n\r\n@request@").await;
    let labels = Labels::from_iter([("port", port.to_string()), ("app", "shop".to_owned())]);
    let question = |path: &str, text: &str| Ask::Http {
        port: "{port}".to_owned(),
        path: path.to_owned(),
        status: 200,
        body_contains: Some(text.to_owned()),
    };
    let good = question(
        "/{app}/{host}?a={address}",
        "GET /{app}/web-1?a=127.0.0.1 HTTP/1.1\r\n",
    );
    assert_eq!(
        sample_of(&good, &labels, "127.0.0.1", Span::seconds(60)).await,
        Sample::Up
    );
    let host_header = question("/", &format!("host: 127.0.0.1:{port}\r\n"));
    assert_eq!(
        sample_of(&host_header, &labels, "127.0.0.1", Span::seconds(60)).await,
        Sample::Up
    );
    let missing = question("/{rack}", "");
    assert_blind(
        &sample_of(&missing, &labels, "127.0.0.1", Span::seconds(60)).await,
        "`/{rack}` needs the label `rack`, which `web-1` does not have",
    );
}

/// What keeps us from asking says nothing about the host.
#[tokio::test]
async fn a_question_that_cannot_be_put_is_blind() {
    let labels = Labels::default();
    for (port, why) in [
        ("no", "`no` is not a port"),
        ("0", "`0` is not a port"),
        ("65536", "is not a port"),
    ] {
        assert_blind(
            &sample(&Ask::Tcp {
                port: port.to_owned(),
            })
            .await,
            why,
        );
    }
    let nowhere = sample_of(&http(80), &labels, "no such name", Span::seconds(60)).await;
    assert_blind(&nowhere, "`no such name` has no address");
    let odd = Ask::Http {
        port: "80".to_owned(),
        path: "/a b".to_owned(),
        status: 200,
        body_contains: None,
    };
    assert_blind(&sample(&odd).await, "`/a b`");
    assert_blind(
        &sample(&run("no-such-command-anywhere")).await,
        "could not be run (127)",
    );
    let program = |word: &str| Ask::Run {
        run: Command::Program(vec![word.to_owned()]),
        at: Place::Host,
    };
    assert_blind(
        &sample(&program("no-such-program-anywhere")).await,
        "cannot be run",
    );
    let target = Target {
        host: "a",
        address: "a",
        labels: &labels,
    };
    let values = BTreeMap::new();
    let gone = ask(
        &run("true"),
        target,
        &values,
        Path::new("/no/such/place"),
        Span::seconds(60),
    )
    .await;
    assert_blind(&gone, "cannot be run");
}

#[tokio::test]
async fn a_command_is_judged_by_its_exit_code() {
    assert_eq!(sample(&run("exit 0")).await, Sample::Up);
    assert_down(
        &sample(&run("echo first; echo 'not well' >&2; exit 3")).await,
        "ended with 3: not well",
    );
    assert_down(&sample(&run("kill -9 $$")).await, "ended with 137");
    let labels = Labels::from_iter([("failure-domain", "it's \"7\"")]);
    let told =
        run("[ \"$HOST $ADDRESS $LABEL_FAILURE_DOMAIN\" = \"web-1 10.0.0.1 it's \\\"7\\\"\" ]");
    assert_eq!(
        sample_of(&told, &labels, "10.0.0.1", Span::seconds(60)).await,
        Sample::Up
    );
    // Its text is not among its arguments, where everybody could read it; its standard input is empty.
    assert_eq!(
        sample(&run(
            "! tr '\\0' ' ' < /proc/$$/cmdline | grep -q cmdline; ! read -r line"
        ))
        .await,
        Sample::Up
    );
}

#[tokio::test]
async fn a_command_that_hangs_is_killed_with_its_children() {
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("child");
    let text = format!("sleep 1000 & echo $! > '{}'; wait", file.display());
    let answer = sample_of(&run(&text), &Labels::default(), "a", Span(1000)).await;
    assert_eq!(
        answer,
        Sample::Down("the command did not end in time".to_owned())
    );
    let child = fs::read_to_string(&file).unwrap().trim().parse().unwrap();
    until(|| !runs(child)).await;
}

/// A probe nobody waits for any more must leave nothing behind.
#[tokio::test]
async fn a_command_that_is_given_up_is_killed_with_its_children() {
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("child");
    let text = format!("sleep 1000 & echo $! > '{}'; wait", file.display());
    let probe = tokio::spawn(async move { sample(&run(&text)).await });
    until(|| fs::read_to_string(&file).is_ok_and(|text| text.ends_with('\n'))).await;
    probe.abort();
    drop(probe.await);
    let child = fs::read_to_string(&file).unwrap().trim().parse().unwrap();
    until(|| !runs(child)).await;
}

#[tokio::test]
async fn a_command_that_floods_is_bounded_and_judged() {
    assert_down(
        &sample(&run("yes | head -c 5000000; echo; echo last; exit 1")).await,
        "ended with 1: last",
    );
}

#[tokio::test]
async fn a_thousand_probes_leave_no_descriptor_behind() {
    let good = server("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await;
    let (_held, closed) = closed_port(Ipv4Addr::LOCALHOST.into());
    let descriptors = || fs::read_dir("/proc/self/fd").unwrap().count();
    let before = descriptors();
    for _ in 0..500 {
        assert_eq!(sample(&http(good)).await, Sample::Up);
        assert_down(&sample(&http(closed)).await, "refused");
    }
    for _ in 0..20 {
        assert_eq!(sample(&run("true")).await, Sample::Up);
    }
    // Other tests of this process come and go; one in ten leaked would show.
    until(|| descriptors() < before + 100).await;
}
