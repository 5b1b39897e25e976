//! A server of the demo: answers `/health` on loopback with the version it was started with.
//!
//! One version carries a regression that only one role meets, and only after a while. The server lives no longer than
//! the demo: it looks several times a second whether the demo still holds its lock, which the kernel drops however the
//! demo ends.

use std::fs::{self, File, TryLockError};
use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process;
use std::thread;
use std::time::{Duration, Instant};

use crate::args::DemoServer;
use crate::exit::{End, Failure, Outcome};

/// The version with the regression, and the role that meets it.
pub(crate) const BAD_VERSION: &str = "2.0";
/// The role that the regression crashes.
pub(crate) const SENSITIVE_ROLE: &str = "directory";
/// How long after its start a server with the regression crashes: after the restart and its check have gone well, and
/// well before the policy's `settle` is over.
const CRASHES_AFTER: Duration = Duration::from_millis(2500);
/// How often it is looked whether the demo is still there.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// The longest life, whatever else goes wrong.
const LONGEST_LIFE: Duration = Duration::from_mins(5);
/// How long a restarted server waits for its port.
const PORT_WITHIN: Duration = Duration::from_secs(5);

/// Serves until the demo is over, or the regression strikes.
pub(crate) fn serve(args: &DemoServer) -> Outcome {
    let fail = |e: io::Error| Failure::new(End::Refused, format!("{}: {e}", args.home.display()));
    let version = fs::read_to_string(args.home.join("version"))
        .map_err(fail)?
        .trim()
        .to_owned();
    let listener = listen(args.port).map_err(fail)?;
    let started = Instant::now();
    let id = process::id();
    write(&args.home.join("pid"), &id.to_string()).map_err(fail)?;
    let boot = fs::read_to_string("/proc/uptime").map_err(fail)?;
    write(&args.home.join("boot"), &format!("{id}-{}", boot.trim())).map_err(fail)?;

    let answer = format!("ok {version}\n");
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let answer = answer.clone();
            // A client that stalls holds up only itself.
            thread::spawn(move || drop(respond(stream, &answer)));
        }
    });
    let bad = version == BAD_VERSION && args.role == SENSITIVE_ROLE;
    while started.elapsed() < LONGEST_LIFE && demo_is_there(&args.home) {
        if bad && started.elapsed() > CRASHES_AFTER {
            drop(fs::remove_file(args.home.join("pid")));
            return Ok(End::Fault);
        }
        thread::park_timeout(LOOK_EVERY);
    }
    Ok(End::Done)
}

/// The port may still be held by the server that is being replaced.
fn listen(port: u16) -> io::Result<TcpListener> {
    let begun = Instant::now();
    loop {
        match TcpListener::bind(("127.0.0.1", port)) {
            Err(e) if e.kind() == io::ErrorKind::AddrInUse && begun.elapsed() < PORT_WITHIN => {
                thread::park_timeout(Duration::from_millis(20));
            }
            other => return other,
        }
    }
}

/// The demo holds this lock as long as it lives; whoever gets it knows that the demo is gone.
fn demo_is_there(home: &Path) -> bool {
    let Ok(lock) = File::open(home.join("../../../alive")) else {
        return false;
    };
    matches!(lock.try_lock_shared(), Err(TryLockError::WouldBlock))
}

/// All or nothing, so that a reader never sees half of it.
fn write(path: &Path, text: &str) -> io::Result<()> {
    let new = path.with_extension("new");
    fs::write(&new, text)?;
    fs::rename(new, path)
}

fn respond(mut stream: TcpStream, answer: &str) -> io::Result<()> {
    stream.set_read_timeout(Some(Duration::from_secs(2)))?;
    let mut request = [0; 1024];
    let read = stream.read(&mut request)?;
    let status = if request[..read].starts_with(b"GET /health ") {
        "200 OK"
    } else {
        "404 Not Found"
    };
    let length = answer.len();
    write!(
        stream,
        "HTTP/1.1 {status}\r\nContent-Type: text/plain\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{answer}"
    )
}
