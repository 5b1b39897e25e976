//! The service of a host in end-to-end tests: answers `/health` on loopback with the version it was started with.
//!
//! What goes wrong with a version is said by a file beside it, so that a test breaks a version and not the service:
//! `service-VERSION` holds `late MS` (answers only then), `crash MS` (ends then) or `loop MS` (starts itself anew then,
//! for ever). It lives no longer than its test: it looks whether the test still holds its lock, which the kernel drops
//! however the test ends.

use std::error::Error;
use std::fs::{self, File, TryLockError};
use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{self, Command};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// How often it is looked whether the test is still there.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// The longest life, whatever else goes wrong.
const LONGEST_LIFE: Duration = Duration::from_mins(10);
/// How long a restarted service waits for its port.
const PORT_WITHIN: Duration = Duration::from_secs(20);

/// What is wrong with a version.
enum Fault {
    None,
    Late(Duration),
    Crash(Duration),
    Loop(Duration),
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let mut next = || arguments.next().ok_or("service HOME ADDRESS PORT");
    let (home, address, port) = (PathBuf::from(next()?), next()?, next()?.parse()?);
    let version = fs::read_to_string(home.join("version"))?.trim().to_owned();
    let fault = fault(&home, &version)?;
    let started = Instant::now();
    write(&home.join("pid"), &process::id().to_string())?;
    let boot = SystemTime::now().duration_since(UNIX_EPOCH)?;
    write(
        &home.join("boot"),
        &format!("{}-{}", process::id(), boot.as_nanos()),
    )?;
    write(&home.join("started"), "")?;
    if let Fault::Late(after) = fault {
        live(&home, started, after);
    }
    let listener = listen(&address, port)?;
    let up = SystemTime::now().duration_since(UNIX_EPOCH)?;
    write(&home.join("up"), &up.as_millis().to_string())?;
    let answer = format!("ok {version}\n");
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let answer = answer.clone();
            // A client that stalls holds up only itself.
            thread::spawn(move || drop(respond(stream, &answer)));
        }
    });
    match fault {
        Fault::None | Fault::Late(_) => live(&home, started, LONGEST_LIFE),
        Fault::Crash(after) => {
            live(&home, started, after);
            // Nobody is to take a later process with this number for it.
            fs::remove_file(home.join("pid"))?;
        }
        Fault::Loop(after) => {
            live(&home, started, after);
            if test_is_there(&home) {
                return Err(Command::new(std::env::current_exe()?)
                    .args(std::env::args_os().skip(1))
                    .exec()
                    .into());
            }
        }
    }
    Ok(())
}

fn fault(home: &Path, version: &str) -> Result<Fault, Box<dyn Error>> {
    let Ok(text) = fs::read_to_string(home.join(format!("service-{version}"))) else {
        return Ok(Fault::None);
    };
    let (word, millis) = text
        .trim()
        .split_once(' ')
        .ok_or("a word and milliseconds")?;
    let after = Duration::from_millis(millis.parse()?);
    match word {
        "late" => Ok(Fault::Late(after)),
        "crash" => Ok(Fault::Crash(after)),
        "loop" => Ok(Fault::Loop(after)),
        other => Err(format!("no fault is called `{other}`").into()),
    }
}

/// Lets time pass, as long as the test is there.
fn live(home: &Path, since: Instant, until: Duration) {
    while since.elapsed() < until && test_is_there(home) {
        thread::park_timeout(LOOK_EVERY.min(until.saturating_sub(since.elapsed())));
    }
}

/// The test holds this lock as long as it lives; whoever gets it knows that the test is gone.
fn test_is_there(home: &Path) -> bool {
    let Ok(lock) = File::open(home.join("../../alive")) else {
        return false;
    };
    matches!(lock.try_lock_shared(), Err(TryLockError::WouldBlock))
}

/// The port may still be held by the process that is being replaced.
fn listen(address: &str, port: u16) -> io::Result<TcpListener> {
    let begun = Instant::now();
    loop {
        match TcpListener::bind((address, port)) {
            Err(e) if e.kind() == io::ErrorKind::AddrInUse && begun.elapsed() < PORT_WITHIN => {
                thread::park_timeout(Duration::from_millis(10));
            }
            other => return other,
        }
    }
}

/// All or nothing, so that a reader never sees half of it.
fn write(path: &Path, text: &str) -> io::Result<()> {
    let new = path.with_extension(process::id().to_string());
    fs::write(&new, text)?;
    fs::rename(new, path)
}

fn respond(mut stream: TcpStream, answer: &str) -> io::Result<()> {
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
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
