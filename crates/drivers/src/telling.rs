//! Tells somebody something: by a command on this machine, or by a post.
//!
//! It decides neither what is told nor to whom. A message may be delivered twice, never in part as far as a good answer goes:
//! exit code 0, or a status of 2xx.
//!
//! # Invariants
//!
//! * It ends within its time, whatever a command or a server does; a command is killed with everything it started.
//! * Nothing of a secret, of the message or of an answer gets into an error.

use std::fs;
use std::io::Read as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::pin::pin;
use std::process::Stdio;
use std::time::Duration;

use http_body_util::Full;
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::header::{self, HeaderName, HeaderValue};
use hyper::{Request, Uri};
use hyper_util::rt::TokioIo;
use ring::hmac;
use ringway_policy::validated::{Command, NotifyTo};
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use zeroize::Zeroizing;

use crate::command::environment;
use crate::tls;

/// The longest secret. Keys of an HMAC are a few dozen bytes.
const LONGEST_SECRET: u64 = 4096;

/// Delivers a message; `directory` is where commands run and where files that are not absolute lie.
///
/// # Errors
///
/// Why it was not told, for people.
pub async fn tell(
    to: &NotifyTo,
    directory: &Path,
    message: &str,
    limit: Duration,
) -> Result<(), String> {
    let telling = async {
        match to {
            NotifyTo::Run(command) => run(command, directory, message).await,
            NotifyTo::Webhook { url, secret_file } => {
                let post = Post::to(url)?.signed(secret_file.as_ref(), directory, message)?;
                let stream = post.connect(80).await?;
                post.send(stream, message).await
            }
            NotifyTo::Secure {
                url,
                secret_file,
                header_file,
                ca,
            } => {
                let post = Post::to(url)?.signed(secret_file.as_ref(), directory, message)?;
                let post = post.with_header(header_file.as_ref(), directory)?;
                let ca = ca.as_ref().map(|file| directory.join(file));
                let trust = tls::trust(ca).await?;
                let stream = post.connect(443).await?;
                let stream = tls::shake_hands(trust, post.bare(), stream).await;
                let stream = stream.map_err(|why| format!("{}: {why}", post.authority()))?;
                post.send(stream, message).await
            }
        }
    };
    tokio::time::timeout(limit, telling)
        .await
        .unwrap_or_else(|_| Err(format!("no good end within {} seconds", limit.as_secs())))
}

/// A command with everything it starts; killed when nobody waits for it any more.
struct Group(Option<Pid>);

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(group) = self.0.take() {
            // It may have ended by itself.
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}

async fn run(command: &Command, directory: &Path, message: &str) -> Result<(), String> {
    let mut process = match command {
        Command::Shell(text) => {
            let mut process = tokio::process::Command::new("/bin/sh");
            // Arguments can be read by every user of the machine, the environment only by its own.
            let script = "text=$RINGWAY_SCRIPT; unset RINGWAY_SCRIPT; eval \"$text\"";
            process.env_clear().env("RINGWAY_SCRIPT", text);
            process.args(["-c", script]);
            process
        }
        Command::Program(words) => {
            let (program, arguments) = words.split_first().ok_or("there is no program to run")?;
            let mut process = tokio::process::Command::new(program);
            process.env_clear().args(arguments);
            process
        }
    };
    let mut child = process
        .envs(environment())
        .current_dir(directory)
        .process_group(0)
        .kill_on_drop(true)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| format!("the command cannot be run: {error}"))?;
    let group = child.id().and_then(|pid| i32::try_from(pid).ok());
    let mut group = Group(group.and_then(Pid::from_raw));
    let mut input = child.stdin.take().expect("its input is a pipe");
    // One that reads nothing is judged by how it ends.
    drop(input.write_all(message.as_bytes()).await);
    drop(input);
    let status = child.wait().await;
    let status = status.map_err(|error| format!("the command is lost: {error}"))?;
    if status.success() {
        group.0 = None;
        Ok(())
    } else {
        Err(format!("the command failed: {status}"))
    }
}

/// The first line of a file with a secret, which nobody but its owner may read.
fn first_line(file: &Path) -> Result<Zeroizing<String>, String> {
    let fail = |why: String| format!("`{}`: {why}", file.display());
    let opened = fs::File::open(file).map_err(|error| fail(error.to_string()))?;
    let meta = opened.metadata().map_err(|error| fail(error.to_string()))?;
    if !meta.is_file() || meta.mode() & 0o077 != 0 {
        return Err(fail(
            "others than its owner may read it, or it is no file".to_owned(),
        ));
    }
    let mut text = Zeroizing::new(String::new());
    let read = opened.take(LONGEST_SECRET).read_to_string(&mut text);
    read.map_err(|error| fail(error.to_string()))?;
    let line = text.lines().next().unwrap_or_default();
    if line.is_empty() {
        return Err(fail("its first line is empty".to_owned()));
    }
    Ok(Zeroizing::new(line.to_owned()))
}

/// The signature of the message by the secret in the first line of this file.
fn sign(file: &Path, message: &str) -> Result<String, String> {
    let secret = first_line(file)?;
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    let tag = hmac::sign(&key, message.as_bytes());
    let hex: Vec<String> = tag
        .as_ref()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    Ok(format!("sha256={}", hex.concat()))
}

/// The header in the first line of this file.
fn header_of(file: &Path) -> Result<(HeaderName, HeaderValue), String> {
    let line = first_line(file)?;
    let wrong = || {
        let file = file.display();
        format!("`{file}`: its first line is no header, for example `Authorization: Bearer ..`")
    };
    let (name, value) = line.split_once(':').ok_or_else(wrong)?;
    let name = HeaderName::from_bytes(name.trim().as_bytes()).map_err(|_| wrong())?;
    let mut value = HeaderValue::from_str(value.trim()).map_err(|_| wrong())?;
    value.set_sensitive(true);
    Ok((name, value))
}

/// A post that is made ready.
struct Post {
    url: String,
    uri: Uri,
    headers: Vec<(HeaderName, HeaderValue)>,
}

impl Post {
    fn to(url: &str) -> Result<Self, String> {
        let uri: Uri = url.parse().map_err(|error| format!("`{url}`: {error}"))?;
        if uri.host().is_none() {
            return Err(format!("`{url}` names no host"));
        }
        Ok(Self {
            url: url.to_owned(),
            uri,
            headers: Vec::new(),
        })
    }

    fn signed(
        mut self,
        file: Option<&String>,
        directory: &Path,
        message: &str,
    ) -> Result<Self, String> {
        if let Some(file) = file {
            let signature = sign(&directory.join(file), message)?;
            let value = HeaderValue::from_str(&signature).map_err(|error| error.to_string())?;
            let name = HeaderName::from_static("ringway-signature");
            self.headers.push((name, value));
        }
        Ok(self)
    }

    fn with_header(mut self, file: Option<&String>, directory: &Path) -> Result<Self, String> {
        if let Some(file) = file {
            self.headers.push(header_of(&directory.join(file))?);
        }
        Ok(self)
    }

    /// Host and port as written.
    fn authority(&self) -> &str {
        self.uri.authority().map_or("", |it| it.as_str())
    }

    /// The host, without what an IPv6 address has around it.
    fn bare(&self) -> &str {
        let host = self.uri.host().unwrap_or_default();
        host.trim_start_matches('[').trim_end_matches(']')
    }

    async fn connect(&self, usual_port: u16) -> Result<TcpStream, String> {
        let port = self.uri.port_u16().unwrap_or(usual_port);
        TcpStream::connect((self.bare(), port))
            .await
            .map_err(|error| format!("{}: {error}", self.authority()))
    }

    async fn send(
        self,
        stream: impl AsyncRead + AsyncWrite + Unpin,
        message: &str,
    ) -> Result<(), String> {
        let authority = self.authority();
        let path = self.uri.path_and_query().map_or("/", |it| it.as_str());
        let mut request = Request::post(path)
            .header(header::HOST, authority)
            .header(header::USER_AGENT, "ringway")
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::CONNECTION, "close");
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        let request = request
            .body(Full::new(Bytes::copy_from_slice(message.as_bytes())))
            .map_err(|error| format!("`{}`: {error}", self.url))?;
        let broken = |error: hyper::Error| format!("{authority}: not an HTTP answer: {error}");
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream))
            .await
            .map_err(broken)?;
        let mut exchange = pin!(sender.send_request(request));
        let mut connection = pin!(connection);
        // The connection must be driven for the exchange to go on; when it ends first, what has arrived is still there.
        let answer = tokio::select! {
            biased;
            answer = &mut exchange => answer,
            ended = &mut connection => match ended {
                Ok(()) => exchange.await,
                Err(error) => Err(error),
            },
        };
        let status = answer.map_err(broken)?.status();
        if status.is_success() {
            Ok(())
        } else {
            Err(format!("{authority}: status {}", status.as_u16()))
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[tokio::test]
    async fn a_command_gets_the_message_and_says_nothing_of_it() {
        let place = tempfile::tempdir().unwrap();
        let shell = |text: &str| NotifyTo::Run(Command::Shell(text.to_owned()));
        let limit = Duration::from_mins(1);
        let told = tell(&shell("cat >got"), place.path(), "{\"a\":1}", limit).await;
        assert_eq!(told, Ok(()));
        let got = fs::read_to_string(place.path().join("got")).unwrap();
        assert_eq!(got, "{\"a\":1}");
        let failed = tell(&shell("cat; exit 3"), place.path(), "hunter2", limit).await;
        assert_eq!(failed, Err("the command failed: exit status: 3".to_owned()));
        let slow = tell(
            &shell("sleep 600"),
            place.path(),
            "",
            Duration::from_millis(50),
        )
        .await;
        assert!(slow.unwrap_err().contains("no good end"));
        let missing = NotifyTo::Run(Command::Program(vec!["/nowhere/at/all".to_owned()]));
        let missing = tell(&missing, place.path(), "", limit).await;
        assert!(missing.unwrap_err().contains("cannot be run"));
    }

    /// The signature is that of any other implementation of HMAC with SHA-256.
    #[test]
    fn a_post_is_signed_by_a_file_that_only_its_owner_may_read() {
        let place = tempfile::tempdir().unwrap();
        let file = place.path().join("secret");
        fs::write(&file, "key\nsecond line\n").unwrap();
        let open = sign(&file, "m").unwrap_err();
        assert!(
            open.contains("others than its owner") && !open.contains("second"),
            "{open}"
        );
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
        assert_eq!(
            sign(&file, "The quick brown fox jumps over the lazy dog").unwrap(),
            "sha256=f7bc83f430538424b13298e6aa6fb143ef4d59a14946175997479dbc2d1a3cd8"
        );
        fs::write(&file, "\n").unwrap();
        assert!(sign(&file, "m").unwrap_err().contains("is empty"));
    }
}
