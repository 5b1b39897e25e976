//! The service of a host: a small HTTP server that is as well as the version that is installed.
//!
//! What is wrong with a version stands in its own name, `VERSION+FAULT` or `VERSION+FAULT:ROLE` where only hosts of that
//! role suffer from it:
//!
//! | fault | what happens |
//! |---|---|
//! | `crash` | it ends before it listens |
//! | `late-crash` | it ends a moment after it has begun to listen |
//! | `sick` | `/health` answers 500 |
//! | `late-sick` | `/health` answers 500 after a moment |
//! | `hang` | `/health` never answers |
//! | `late-start` | it listens only after a while |
//! | `refused` | `install` fails; nothing is installed |
//!
//! What a version does to single hosts stands in their own files `faults`, and may be two things more:
//!
//! | fault | what happens |
//! |---|---|
//! | `restart-loop` | after a restart the host restarts three times more; the service ends before it listens |
//! | `stays-away` | once, the host does not come back from a restart until it is healed |

use std::io::{self, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::here::{Here, hang, pause, put};

/// Where it listens, on the host's own address.
pub(crate) const PORT: u16 = 8080;
/// After how long a `late` fault strikes: after a restart and its check have gone well, and soon enough for a test.
const LATE: Duration = Duration::from_millis(1500);
/// How long the service before this one may still hold the port.
const PORT_WITHIN: Duration = Duration::from_secs(8);

/// Serves until it is killed, the farm ends, or the version's fault strikes.
pub(crate) fn serve() -> io::Result<ExitCode> {
    let here = Here::find()?;
    let address = here.fact("address");
    let version = here.read("version");
    let fault = here.fault(&version);
    end_with_the_farm(&here)?;
    match fault.as_str() {
        "crash" | "restart-loop" => return Ok(ExitCode::from(70)),
        "late-start" => {
            // It counts as started; what it promised comes later.
            put(
                &here.home().join("service.pid"),
                &std::process::id().to_string(),
            )?;
            pause(LATE);
        }
        _ => {}
    }
    let listener = listen(address.trim())?;
    put(
        &here.home().join("service.pid"),
        &std::process::id().to_string(),
    )?;
    let began = Instant::now();
    if fault == "late-crash" {
        std::thread::spawn(|| {
            pause(LATE);
            std::process::exit(70);
        });
    }
    let here = Arc::new(here);
    for stream in listener.incoming().flatten() {
        let (fault, version, here) = (fault.clone(), version.clone(), Arc::clone(&here));
        // A client that stalls holds up only itself.
        std::thread::spawn(move || {
            if let Some(time) = here.switch_time("slow") {
                pause(time);
            }
            let well = match fault.as_str() {
                "hang" => hang(),
                "sick" => false,
                "late-sick" => began.elapsed() < LATE,
                _ => true,
            };
            drop(respond(stream, &version, well));
        });
    }
    Ok(ExitCode::SUCCESS)
}

/// The kernel closes this connection however the farm ends.
fn end_with_the_farm(here: &Here) -> io::Result<()> {
    let mut farm = UnixStream::connect(here.farm.join("control"))?;
    writeln!(farm, "service {}", here.name)?;
    std::thread::spawn(move || {
        let _ = farm.read_to_end(&mut Vec::new());
        std::process::exit(0);
    });
    Ok(())
}

fn listen(address: &str) -> io::Result<TcpListener> {
    let began = Instant::now();
    loop {
        match TcpListener::bind((address, PORT)) {
            Err(error)
                if error.kind() == io::ErrorKind::AddrInUse && began.elapsed() < PORT_WITHIN =>
            {
                pause(Duration::from_millis(5));
            }
            other => return other,
        }
    }
}

fn respond(mut stream: TcpStream, version: &str, well: bool) -> io::Result<()> {
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    let mut request = [0; 1024];
    let read = stream.read(&mut request)?;
    let (status, body) = if !request[..read].starts_with(b"GET /health ") {
        ("404 Not Found", "not found\n".to_owned())
    } else if well {
        ("200 OK", format!("ok {version}\n"))
    } else {
        ("500 Internal Server Error", format!("sick {version}\n"))
    };
    write!(
        stream,
        "HTTP/1.1 {status}\r\nContent-Type: text/plain\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    )
}
