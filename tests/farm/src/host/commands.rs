//! The commands of a host: what a recipe's steps call there.

use std::fs;
use std::io::{self, Write as _};
use std::os::unix::process::CommandExt as _;
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use crate::here::{Here, hang, pause, put};
use crate::{ledger, processes, sudo};

/// How long a service that was told to end may take, and how long one may take to listen.
const SERVICE_WITHIN: Duration = Duration::from_secs(10);

/// Runs the command of this name.
pub(crate) fn run(called: &str, arguments: &[String]) -> io::Result<ExitCode> {
    let here = Here::find()?;
    if called != "sudo"
        && let Some(time) = here.switch_time("slow")
    {
        pause(time);
    }
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match (called, &words[..]) {
        ("install", [version]) => install(&here, version),
        ("version", []) => {
            writeln!(io::stdout(), "{}", here.read("version"))?;
            Ok(ExitCode::SUCCESS)
        }
        ("service", ["start"]) => start(&here),
        ("service", ["stop"]) => stop(&here).map(|()| ExitCode::SUCCESS),
        ("service", ["restart"]) => {
            stop(&here)?;
            start(&here)
        }
        ("service", ["status"]) => Ok(status(&here)),
        ("reboot", []) => reboot(&here),
        ("ledger", [event @ ("begin" | "end" | "note"), what @ ..]) if !what.is_empty() => {
            let pid = std::os::unix::process::parent_id();
            ledger::write(&here, &format!("{event} {} pid={pid}", what.join(" ")))?;
            Ok(ExitCode::SUCCESS)
        }
        ("sudo", _) => sudo::run(&here, &words),
        _ => Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "usage: install VERSION | version | service start|stop|restart|status | reboot | ledger begin|end|note WORD..",
        )),
    }
}

/// Installs a version. The ledger says when it began and when it ended, so that two at once can be seen.
fn install(here: &Here, version: &str) -> io::Result<ExitCode> {
    let pid = std::process::id();
    ledger::write(here, &format!("begin install pid={pid} version={version}"))?;
    if here.switch("drop-in-install").is_some() {
        here.ask(&format!("dropped {}", here.name))?;
    }
    if here.switch("hang-install").is_some() {
        hang();
    }
    let code = if here.switch("fail-install").is_some() || here.fault(version) == "refused" {
        writeln!(io::stderr(), "install: `{version}` does not install")?;
        1
    } else {
        put(&here.home().join("version"), &format!("{version}\n"))?;
        0
    };
    ledger::write(
        here,
        &format!("end install pid={pid} version={version} code={code}"),
    )?;
    Ok(ExitCode::from(code))
}

/// The service's process, where it runs.
fn service(here: &Here) -> Option<u32> {
    let pid = here.read("service.pid").parse().ok()?;
    processes::is_of_host(pid, &here.farm, &here.name).then_some(pid)
}

fn status(here: &Here) -> ExitCode {
    if service(here).is_some() {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(3)
    }
}

fn stop(here: &Here) -> io::Result<()> {
    let Some(pid) = service(here) else {
        return Ok(());
    };
    processes::kill(&[pid])?;
    wait_for("the service does not end", || service(here).is_none())
}

/// Starts the service, and returns when it listens, or when it has ended instead.
fn start(here: &Here) -> io::Result<ExitCode> {
    if service(here).is_some() {
        return Ok(ExitCode::SUCCESS);
    }
    let log = fs::File::options()
        .append(true)
        .create(true)
        .open(here.home().join("service.log"))?;
    let mut child = Command::new(here.farm.join("farm-host"))
        .arg("serve")
        .current_dir(here.home())
        .process_group(0)
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log)
        .spawn()?;
    let pid = child.id();
    let mut ended = None;
    wait_for("the service does not listen", || {
        ended = child.try_wait().ok().flatten();
        ended.is_some() || here.read("service.pid") == pid.to_string()
    })?;
    if let Some(status) = ended {
        writeln!(io::stderr(), "service: it ended at once, {status}")?;
        return Ok(ExitCode::FAILURE);
    }
    Ok(ExitCode::SUCCESS)
}

fn wait_for(what: &'static str, mut holds: impl FnMut() -> bool) -> io::Result<()> {
    let began = Instant::now();
    while !holds() {
        if began.elapsed() > SERVICE_WITHIN {
            return Err(io::Error::new(io::ErrorKind::TimedOut, what));
        }
        pause(Duration::from_millis(2));
    }
    Ok(())
}

/// Restarts the host. As on a real one, the command ends well, and a moment later everything is gone.
fn reboot(here: &Here) -> io::Result<ExitCode> {
    let pid = std::process::id();
    ledger::write(here, &format!("note reboot pid={pid}"))?;
    if here.switch("no-reboot").is_some() {
        return Ok(ExitCode::SUCCESS);
    }
    match here.ask(&format!("reboot {}", here.name))?.as_str() {
        "ok" => Ok(ExitCode::SUCCESS),
        other => Err(io::Error::other(other.to_owned())),
    }
}
