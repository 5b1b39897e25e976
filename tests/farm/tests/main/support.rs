//! Logging in to a farm's hosts with the system's `ssh`.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use ringway_farm::{Farm, Host};

/// Longer than anything takes on a busy machine; a test that waits so long has failed.
pub(crate) const BOUND: Duration = Duration::from_mins(1);

/// `ssh HOST COMMAND` as far as `ssh`; the key exchange is the cheap one.
pub(crate) fn ssh(farm: &Farm, options: &[&str], host: &str, command: &str) -> Command {
    let mut ssh = Command::new("ssh");
    ssh.arg("-F")
        .arg(farm.ssh_config())
        .args(["-o", "KexAlgorithms=curve25519-sha256"])
        .args(options)
        .args([host, command])
        .stdin(Stdio::null());
    ssh
}

/// What it says.
pub(crate) fn run(farm: &Farm, host: &str, command: &str) -> Output {
    ssh(farm, &[], host, command).output().unwrap()
}

/// Its standard output, trimmed; it must end well.
#[track_caller]
pub(crate) fn says(farm: &Farm, host: &str, command: &str) -> String {
    let output = run(farm, host, command);
    assert!(output.status.success(), "{host}: {command}: {output:?}");
    text(&output.stdout)
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).trim().to_owned()
}

/// Waits for something to be so.
#[track_caller]
pub(crate) fn wait_for(what: &str, mut holds: impl FnMut() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < BOUND, "{what}: not within {BOUND:?}");
        std::thread::park_timeout(Duration::from_millis(5));
    }
}

/// The first line of what the host's service answers; empty where it does not.
pub(crate) fn health(host: &Host) -> String {
    let Ok(mut stream) = TcpStream::connect((host.address(), 8080)) else {
        return String::new();
    };
    stream.set_read_timeout(Some(BOUND)).unwrap();
    let mut answer = String::new();
    let _ = stream.write_all(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n");
    let _ = stream.read_to_string(&mut answer);
    answer.lines().next().unwrap_or_default().to_owned()
}
