//! Minds a farm: reads its plan, opens every host's door, carries out what it is asked for over its control socket, and
//! ends everything that runs on its hosts when it ends.
//!
//! It ends when it is told to, and, unless it was started to stay, when its standard input ends: that is a pipe whose
//! other end is held by the test, so the kernel closes it however the test ends. Where nobody has said `stop` in it, it
//! takes a temporary folder away too.
//!
//! # What it can be asked for, one line to a connection
//!
//! | request | |
//! |---|---|
//! | `break HOST SWITCH [ARGUMENT]`, `heal HOST` | turns a switch on; every switch off |
//! | `drop HOST` | cuts every connection of a host |
//! | `dropped HOST` | the same for the switch `drop-in-install`, which is off from then on |
//! | `reboot HOST` | restarts a host; answered before it goes down |
//! | `status` | how many connections there are |
//! | `stop` | ends the farm |
//! | `service HOST` | never answered: the connection's end tells a service that the farm has ended |

use std::fs;
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::thread;

use crate::door;
use crate::here::etc;
use crate::yard::{Host, Yard};

/// How many hosts are brought up at once.
const AT_ONCE: usize = 4;

/// A farm's plan as it stands in its folder.
struct Written {
    yard: Yard,
    /// The address that marks the network as taken.
    mark: Ipv4Addr,
    /// Whether all hosts show the same key: making thousands takes long.
    one_key: bool,
    /// Whether nobody has a use for the folder when its farm has ended.
    temporary: bool,
}

/// Minds the farm in this folder until it ends.
pub(crate) fn run(farm: &Path, stays: bool) -> io::Result<ExitCode> {
    let written = read(farm)?;
    // Two farms never share a network.
    let _mark = TcpListener::bind((written.mark, written.yard.port)).map_err(|error| {
        io::Error::new(
            error.kind(),
            format!("the network of {} is taken: {error}", written.mark),
        )
    })?;
    let yard = Arc::new(written.yard);
    let control = UnixListener::bind(farm.join("control"))?;
    let asked = Arc::clone(&yard);
    thread::spawn(move || {
        for stream in control.incoming().flatten() {
            let yard = Arc::clone(&asked);
            thread::spawn(move || drop(answer(&yard, &stream)));
        }
    });
    if !stays {
        let yard = Arc::clone(&yard);
        thread::spawn(move || {
            let mut told = Vec::new();
            let _ = io::stdin().read_to_end(&mut told);
            // Whoever was killed before it could say so takes nothing away either.
            let left_behind = told.is_empty() && written.temporary;
            end(&yard, left_behind);
        });
    }
    bring_up(&yard, written.one_key)?;
    let mut out = io::stdout();
    writeln!(out, "ready")?;
    out.flush()?;
    loop {
        thread::park();
    }
}

fn read(farm: &Path) -> io::Result<Written> {
    let plan = fs::read_to_string(farm.join("plan"))?;
    let wrong = |line: &str| io::Error::other(format!("not a line of a plan: `{line}`"));
    let mut written = Written {
        yard: Yard {
            farm: farm.to_owned(),
            port: 0,
            sshd: PathBuf::new(),
            hosts: std::collections::BTreeMap::new(),
        },
        mark: Ipv4Addr::UNSPECIFIED,
        one_key: false,
        temporary: false,
    };
    for line in plan.lines() {
        let words: Vec<&str> = line.split(' ').collect();
        match words[..] {
            ["port", port] => written.yard.port = port.parse().map_err(|_| wrong(line))?,
            ["mark", mark] => written.mark = mark.parse().map_err(|_| wrong(line))?,
            ["sshd", ..] => written.yard.sshd = PathBuf::from(&line["sshd ".len()..]),
            ["one-key"] => written.one_key = true,
            ["temporary"] => written.temporary = true,
            ["host", name, address, serves, behind] => {
                let address = address.parse().map_err(|_| wrong(line))?;
                let behind = Some(behind).filter(|behind| *behind != "-");
                let host = Host::new(name, address, behind, serves == "serves");
                written.yard.hosts.insert(name.to_owned(), host);
            }
            _ => return Err(wrong(line)),
        }
    }
    Ok(written)
}

/// Brings every host up, a few at a time.
fn bring_up(yard: &Arc<Yard>, one_key: bool) -> io::Result<()> {
    let names: Vec<&String> = yard.hosts.keys().collect();
    let mut shared = None;
    if one_key && let Some(first) = names.first() {
        yard.make_key(yard.host(first)?, "host_key")?;
        shared = Some(etc(&yard.farm, first).join("host_key"));
    }
    let share = names.len().div_ceil(AT_ONCE).max(1);
    thread::scope(|scope| {
        let workers: Vec<_> = names
            .chunks(share)
            .map(|names| {
                let shared = shared.as_deref();
                scope.spawn(move || {
                    names
                        .iter()
                        .try_for_each(|name| bring_one_up(yard, name, shared))
                })
            })
            .collect();
        workers.into_iter().try_for_each(|worker| {
            worker
                .join()
                .unwrap_or_else(|_| Err(io::Error::other("a host could not be brought up")))
        })
    })
}

fn bring_one_up(yard: &Arc<Yard>, name: &str, shared: Option<&Path>) -> io::Result<()> {
    let host = yard.host(name)?;
    match shared {
        None => yard.make_key(host, "host_key")?,
        Some(key) => {
            for file in ["host_key", "host_key.pub"] {
                let own = etc(&yard.farm, name).join(file);
                if !own.exists() {
                    fs::hard_link(key.with_file_name(file), own)?;
                }
            }
        }
    }
    door::mind(yard, name)?;
    yard.bring_up(host)
}

/// Carries out one request.
fn answer(yard: &Arc<Yard>, stream: &UnixStream) -> io::Result<()> {
    let mut request = String::new();
    BufReader::new(stream).read_line(&mut request)?;
    let mut reply = stream;
    let mut words = request.trim_end().splitn(4, ' ');
    let mut word = || words.next().unwrap_or_default();
    let (what, host, switch, argument) = (word(), word(), word(), word());
    let done = match what {
        "stop" => {
            writeln!(reply, "ok")?;
            end(yard, false);
        }
        "status" => {
            let connections: usize = yard.hosts.values().map(|host| host.sshds().len()).sum();
            writeln!(reply, "ok {connections}")?;
            return Ok(());
        }
        "service" => {
            // Kept open until this process ends.
            let _ = reply.read_to_end(&mut Vec::new());
            return Ok(());
        }
        _ => yard.host(host).and_then(|host| match what {
            "break" => yard.break_host(host, switch, argument),
            "heal" => yard.heal(host),
            "drop" => host.drop_connections(),
            "dropped" => {
                let switches = etc(&yard.farm, &host.name).join("switches");
                fs::remove_file(switches.join("drop-in-install"))?;
                host.drop_connections()
            }
            "reboot" => {
                writeln!(reply, "ok")?;
                yard.reboot(host)
            }
            _ => Err(io::Error::other(format!("there is no request `{what}`"))),
        }),
    };
    if what == "reboot" {
        return done;
    }
    match done {
        Ok(()) => writeln!(reply, "ok"),
        Err(error) => writeln!(reply, "error: {error}"),
    }
}

/// Ends everything that runs on the hosts, and this process.
fn end(yard: &Yard, take_away: bool) -> ! {
    let ended = yard.end();
    let _ = fs::remove_file(yard.farm.join("control"));
    if take_away {
        let _ = fs::remove_dir_all(&yard.farm);
    }
    std::process::exit(i32::from(ended.is_err()));
}
