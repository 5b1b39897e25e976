//! What the hosts of a farm are made of: the program that minds them from outside, and the commands there are on them.
//!
//! One program under several names. `farm-host supervise FOLDER` minds all hosts of a farm: it opens and closes their
//! doors, hands each connection to an `sshd` of its own, restarts them, and ends everything that runs on them when it
//! ends. `farm-host session HOST` is what every login runs. Under the names `install`, `version`, `service`, `reboot`,
//! `ledger` and `sudo` it is a command of a host.
//!
//! It uses the standard library alone: see `build.rs`.

mod commands;
mod door;
mod here;
mod ledger;
mod processes;
mod service;
mod session;
mod sudo;
mod supervise;
mod yard;

use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    let called = arguments.first().map_or("", String::as_str);
    let called = Path::new(called)
        .file_name()
        .and_then(|name| name.to_str())
        .unwrap_or_default();
    let rest = arguments.get(1..).unwrap_or_default();
    let ended = if called == "farm-host" {
        match rest {
            [mode, folder] if mode == "supervise" => supervise::run(Path::new(folder), false),
            [mode, folder] if mode == "stay" => supervise::run(Path::new(folder), true),
            [mode, host] if mode == "session" => session::run(host),
            [mode] if mode == "serve" => service::serve(),
            _ => Err(io::Error::other(format!(
                "not a mode of farm-host: {rest:?}"
            ))),
        }
    } else {
        commands::run(called, rest)
    };
    ended.unwrap_or_else(|error| {
        let _ = writeln!(io::stderr(), "{called}: {error}");
        ExitCode::FAILURE
    })
}
