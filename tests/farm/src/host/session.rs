//! What every login on a host runs: the host's own environment, then the command that was asked for.

use std::io::{self, Write as _};
use std::os::unix::process::CommandExt as _;
use std::process::{Command, ExitCode};

use crate::here::{FARM, HOST, Here, hang, pause};

/// What a login prints where the switch `noisy-login` is on.
const NOISE: &str = "Welcome! This system is for authorised use only.";
/// With a limit of no bytes, and the signal of it ignored, every write to a file fails and says so. It is what a full
/// disk looks like to a shell, except that empty files and directories can still be made.
const FULL: &str = r#"trap '' XFSZ; ulimit -f 0; exec "$@""#;

/// Becomes the command of this session.
pub(crate) fn run(host: &str) -> io::Result<ExitCode> {
    let program = std::env::current_exe()?;
    let farm = program
        .parent()
        .ok_or_else(|| io::Error::other("the program lies in the farm's folder"))?;
    let here = Here {
        farm: farm.to_owned(),
        name: host.to_owned(),
    };
    if here.switch("hang-login").is_some() {
        // With the host's mark, by which it ends with the host.
        if std::env::var_os(FARM).is_some() {
            hang();
        }
        return Err(Command::new(program)
            .args(["session", host])
            .env(FARM, &here.farm)
            .env(HOST, &here.name)
            .exec());
    }
    if let Some(time) = here.switch_time("slow-login") {
        pause(time);
    }
    if here.switch("noisy-login").is_some() {
        writeln!(io::stdout(), "{NOISE}")?;
    }
    let mut words = Vec::new();
    if here.switch("full-disk").is_some() {
        words.extend(["/bin/sh", "-c", FULL, "sh"].map(str::to_owned));
    }
    words.push("/bin/sh".to_owned());
    match std::env::var("SSH_ORIGINAL_COMMAND") {
        Ok(command) => words.extend(["-c".to_owned(), command]),
        Err(_) => words.push("-i".to_owned()),
    }
    let home = here.home();
    let mut path = home.join("bin").into_os_string();
    path.push(":/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin");
    let mut command = Command::new(&words[0]);
    command.args(&words[1..]).env_clear();
    for name in [
        "USER",
        "LOGNAME",
        "SSH_CONNECTION",
        "SSH_CLIENT",
        "SSH_TTY",
        "SSH_ORIGINAL_COMMAND",
        "TERM",
    ] {
        if let Some(value) = std::env::var_os(name) {
            command.env(name, value);
        }
    }
    Err(command
        .env("HOME", &home)
        .env("PATH", path)
        .env("SHELL", "/bin/sh")
        .env(FARM, &here.farm)
        .env(HOST, &here.name)
        .current_dir(&home)
        .exec())
}
