//! The user that hosts run as.
//!
//! An `sshd` that runs as root does much more than is wanted here: accounts, limits, logs of the machine. It and all
//! that runs on the hosts is therefore an ordinary user's.

use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, Stdio};

/// The system user that hosts run as where the caller is root.
const USER: &str = "ringway-farm";

/// A user of this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Account {
    /// Its name.
    pub(crate) name: String,
    /// Set where it is not the caller's own: user and group.
    other: Option<(u32, u32)>,
}

impl Account {
    /// The caller, or `ringway-farm`.
    pub(crate) fn find() -> io::Result<Self> {
        if !rustix::process::geteuid().is_root() {
            return Ok(Self {
                name: answer("id", &["-un"])?,
                other: None,
            });
        }
        let number = |option| -> io::Result<u32> {
            answer("id", &[option, USER])?
                .parse()
                .map_err(io::Error::other)
        };
        let found = || {
            Some(Self {
                name: USER.to_owned(),
                other: Some((number("-u").ok()?, number("-g").ok()?)),
            })
        };
        // Several tests may want the user at the same time, and a half-made one is of no use.
        let lock = std::fs::File::create(std::env::temp_dir().join("ringway-farm-user.lock"))?;
        lock.lock()?;
        if let Some(account) = found() {
            return Ok(account);
        }
        // The home is one that every machine has, and `*` is a password that none is, but no locked account.
        let made = Command::new("useradd")
            .args([
                "--system",
                "--user-group",
                "--no-create-home",
                "--home-dir",
                "/",
            ])
            .args(["--shell", "/bin/sh", "--password", "*", USER])
            .stdin(Stdio::null())
            .output()?;
        found().ok_or_else(|| {
            let why = String::from_utf8_lossy(&made.stderr);
            io::Error::other(format!("the user `{USER}` cannot be made: {}", why.trim()))
        })
    }

    /// The account that a farm in this folder runs as.
    pub(crate) fn of(folder: &Path) -> io::Result<Self> {
        let found = Self::find()?;
        let owner = std::fs::metadata(folder)?.uid();
        match found.other {
            Some((user, _)) if user != owner => Err(io::Error::other("the farm is another user's")),
            _ => Ok(found),
        }
    }

    /// Gives a file to it.
    pub(crate) fn own(&self, path: &Path) -> io::Result<()> {
        let Some((user, group)) = self.other else {
            return Ok(());
        };
        std::os::unix::fs::lchown(path, Some(user), Some(group))
    }

    /// Makes a program run as it.
    pub(crate) fn run(&self, command: &mut Command) {
        if let Some((user, group)) = self.other {
            command.uid(user).gid(group);
        }
    }
}

fn answer(program: &str, arguments: &[&str]) -> io::Result<String> {
    let output = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .output()?;
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    } else {
        Err(io::Error::other(format!(
            "`{program} {}`: {}",
            arguments.join(" "),
            output.status
        )))
    }
}
