//! A host as its own commands see it: its home, its switches, and the one who minds it.

use std::fs;
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The variable with the farm's folder. Everything that runs on a host has it, and is found by it.
pub(crate) const FARM: &str = "RINGWAY_FARM";
/// The variable with the host's name.
pub(crate) const HOST: &str = "RINGWAY_FARM_HOST";

/// One host.
pub(crate) struct Here {
    /// The farm's folder.
    pub(crate) farm: PathBuf,
    /// The host's name.
    pub(crate) name: String,
}

impl Here {
    /// The host this process runs on.
    ///
    /// # Errors
    ///
    /// When it runs on none.
    pub(crate) fn find() -> io::Result<Self> {
        let variable = |name: &str| {
            std::env::var(name).map_err(|_| {
                io::Error::other(format!("${name} is not set: not on a host of a farm"))
            })
        };
        Ok(Self {
            farm: PathBuf::from(variable(FARM)?),
            name: variable(HOST)?,
        })
    }

    /// Where its commands start, and what they see of it.
    pub(crate) fn home(&self) -> PathBuf {
        home(&self.farm, &self.name)
    }

    /// A switch's argument, where it is on.
    pub(crate) fn switch(&self, name: &str) -> Option<String> {
        switch(&self.farm, &self.name, name)
    }

    /// A switch's argument as a time.
    pub(crate) fn switch_time(&self, name: &str) -> Option<Duration> {
        self.switch(name)?
            .trim()
            .parse()
            .ok()
            .map(Duration::from_millis)
    }

    /// What stands in a file of its home, trimmed; empty where there is none.
    pub(crate) fn read(&self, file: &str) -> String {
        fs::read_to_string(self.home().join(file))
            .map(|text| text.trim().to_owned())
            .unwrap_or_default()
    }

    /// What is written of it in the plan: its address, and its role.
    pub(crate) fn fact(&self, name: &str) -> String {
        fs::read_to_string(etc(&self.farm, &self.name).join(name)).unwrap_or_default()
    }

    /// Asks the one who minds the farm, and waits for the answer.
    pub(crate) fn ask(&self, request: &str) -> io::Result<String> {
        let mut stream = UnixStream::connect(self.farm.join("control"))?;
        writeln!(stream, "{request}")?;
        let mut answer = String::new();
        BufReader::new(stream).read_line(&mut answer)?;
        Ok(answer.trim().to_owned())
    }
}

/// A host's home.
pub(crate) fn home(farm: &Path, name: &str) -> PathBuf {
    farm.join("hosts").join(name)
}

/// What a host's own commands do not see: its keys, its configuration, its switches.
pub(crate) fn etc(farm: &Path, name: &str) -> PathBuf {
    farm.join("etc").join(name)
}

/// A switch's argument, where it is on.
pub(crate) fn switch(farm: &Path, host: &str, name: &str) -> Option<String> {
    fs::read_to_string(etc(farm, host).join("switches").join(name)).ok()
}

/// The file is there whole, or not at all.
pub(crate) fn put(path: &Path, text: &str) -> io::Result<()> {
    let mut new = path.as_os_str().to_owned();
    new.push(format!(".{}", std::process::id()));
    let new = PathBuf::from(new);
    fs::write(&new, text)?;
    fs::rename(new, path)
}

/// Waits. On a host that is what a slow command does.
pub(crate) fn pause(time: Duration) {
    let until = std::time::Instant::now() + time;
    while let Some(left) = until.checked_duration_since(std::time::Instant::now()) {
        if left.is_zero() {
            return;
        }
        std::thread::park_timeout(left);
    }
}

/// Never returns: a command that hangs.
pub(crate) fn hang() -> ! {
    loop {
        std::thread::park();
    }
}
