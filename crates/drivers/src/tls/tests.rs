//! A server on loopback with certificates of an authority that only these tests know, valid until 2120. Made with
//! `openssl ca`; the authority's key was thrown away.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use ringway_policy::validated::NotifyTo;
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use super::*;
use crate::tell;

const CA: &str = include_str!("ca.pem");
const KEY: &str = include_str!("server.key");
const GOOD: &str = include_str!("leaf.pem");
const OTHER: &str = include_str!("other.pem");
const EXPIRED: &str = include_str!("expired.pem");

/// A server that shows this certificate, for one post; its port, and what it gets.
async fn server(certificate: &str) -> (u16, tokio::task::JoinHandle<Option<String>>) {
    let chain = CertificateDer::pem_slice_iter(certificate.as_bytes());
    let chain = chain.collect::<Result<Vec<_>, _>>().unwrap();
    let key = PrivateKeyDer::from_pem_slice(KEY.as_bytes()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider);
    let config = config.with_safe_default_protocol_versions().unwrap();
    let config = config.with_no_client_auth().with_single_cert(chain, key);
    let acceptor = TlsAcceptor::from(Arc::new(config.unwrap()));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let task = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let mut stream = acceptor.accept(stream).await.ok()?;
        let mut got = Vec::new();
        while !got.ends_with(b"the message") {
            let mut some = [0; 1024];
            let count = stream.read(&mut some).await.unwrap();
            assert!(count > 0, "it ends early");
            got.extend(&some[..count]);
        }
        let answer = b"HTTP/1.1 204 so\r\n\r\n";
        stream.write_all(answer).await.unwrap();
        stream.shutdown().await.unwrap();
        Some(String::from_utf8(got).unwrap())
    });
    (port, task)
}

async fn post(
    place: &Path,
    port: u16,
    header_file: Option<&str>,
    ca: Option<&str>,
) -> Result<(), String> {
    let to = NotifyTo::Secure {
        url: format!("https://127.0.0.1:{port}/hook"),
        secret_file: None,
        header_file: header_file.map(str::to_owned),
        ca: ca.map(str::to_owned),
    };
    tell(&to, place, "the message", Duration::from_mins(1)).await
}

fn place() -> tempfile::TempDir {
    let place = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let file = place.path().join(name);
        fs::write(&file, text).unwrap();
        fs::set_permissions(file, fs::Permissions::from_mode(0o600)).unwrap();
    };
    write("ca.pem", CA);
    write("header", "Authorization: Bearer hunter2\nmore\n");
    write("no-header", "hunter2\n");
    write("empty.pem", "");
    place
}

#[tokio::test]
async fn a_server_that_shows_who_it_is_gets_the_message_and_the_header() {
    let place = place();
    let (port, got) = server(GOOD).await;
    let told = post(place.path(), port, Some("header"), Some("ca.pem")).await;
    assert_eq!(told, Ok(()));
    let got = got.await.unwrap().unwrap();
    assert!(got.starts_with("POST /hook HTTP/1.1\r\n"), "{got}");
    assert!(got.contains("authorization: Bearer hunter2\r\n"), "{got}");
    assert!(!got.contains("more"), "{got}");
}

/// A message, or a header with a secret in it, must not reach a server that anybody can be.
#[tokio::test]
async fn a_server_that_does_not_gets_nothing_and_it_is_said_why() {
    let place = place();
    for (certificate, ca, part) in [
        (GOOD, None, "nobody who is trusted vouches"),
        (OTHER, Some("ca.pem"), "is for another name"),
        (EXPIRED, Some("ca.pem"), "has expired"),
    ] {
        let (port, got) = server(certificate).await;
        let why = post(place.path(), port, Some("header"), ca)
            .await
            .unwrap_err();
        // Where a machine has no authorities at all, that is what is said.
        let is_bare = ca.is_none() && why.contains("authorities of this machine");
        assert!(why.contains(part) || is_bare, "{why}");
        assert!(!why.contains("hunter2"), "{why}");
        if is_bare {
            got.abort();
        } else {
            assert!(why.starts_with(&format!("127.0.0.1:{port}: ")), "{why}");
            assert_eq!(got.await.unwrap(), None);
        }
    }
}

#[tokio::test]
async fn one_that_speaks_no_tls_and_files_that_are_no_good_are_named() {
    let place = place();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let plain = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        stream.write_all(b"HTTP/1.1 400 no\r\n\r\n").await.unwrap();
    });
    let why = post(place.path(), port, None, Some("ca.pem")).await;
    assert!(why.as_ref().unwrap_err().contains("no TLS"), "{why:?}");
    plain.await.unwrap();
    for (header, ca, part) in [
        (None, "missing.pem", "No such file"),
        (None, "empty.pem", "no certificate in it"),
        (Some("no-header"), "ca.pem", "is no header"),
    ] {
        let why = post(place.path(), port, header, Some(ca))
            .await
            .unwrap_err();
        assert!(why.contains(part), "{why}");
        assert!(!why.contains("hunter2"), "{why}");
    }
}
