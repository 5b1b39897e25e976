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

    /// How a version is bad for it; empty where it is not.
    pub(crate) fn fault(&self, version: &str) -> String {
        fault(&self.farm, &self.name, version)
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

/// How a version is bad for a host; empty where it is not. What stands in the version's own name holds for all hosts, or
/// for those of a role; the rest is in the host's file `faults`.
pub(crate) fn fault(farm: &Path, host: &str, version: &str) -> String {
    let read = |file: &str| fs::read_to_string(etc(farm, host).join(file)).unwrap_or_default();
    let named = version.split_once('+').map_or("", |(_, fault)| fault);
    let named = match named.split_once(':') {
        Some((fault, only)) if only == read("role").trim() => fault,
        Some(_) => "",
        None => named,
    };
    if !named.is_empty() {
        return named.to_owned();
    }
    let faults = read("faults");
    let own = faults
        .lines()
        .filter_map(|line| line.split_once(' '))
        .find(|(known, _)| *known == version);
    own.map_or_else(String::new, |(_, fault)| fault.to_owned())
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

#[cfg(test)]
mod tests {
    use super::{fault, put};

    #[test]
    fn a_version_names_its_fault_and_whom_it_hits_and_a_host_has_its_own() {
        let farm = std::env::temp_dir().join(format!("farm-faults-{}", std::process::id()));
        let etc = super::etc(&farm, "db-1");
        std::fs::create_dir_all(&etc).unwrap();
        put(&etc.join("role"), "db\n").unwrap();
        put(&etc.join("faults"), "3.0 restart-loop\n3.0.1 refused\n").unwrap();
        let of = |version| fault(&farm, "db-1", version);
        assert_eq!(of("2.0"), "");
        assert_eq!(of("2.0+crash"), "crash");
        assert_eq!(of("2.0+late-crash:db"), "late-crash");
        assert_eq!(of("2.0+late-crash:web"), "");
        assert_eq!(
            (of("3.0"), of("3.0.1")),
            ("restart-loop".to_owned(), "refused".to_owned())
        );
        std::fs::remove_dir_all(&farm).unwrap();
    }
}
