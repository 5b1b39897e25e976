//! Leaving a command, and finding out what became of it.

use std::fs;
use std::hash::{BuildHasher, Hasher};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use super::{DONE, Done, Errand, REJECTED, inbox, private_directory, put};

/// A command that was left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Left {
    /// The name of its file, by which [`became`] finds it.
    pub name: String,
}

/// Why a command was not left.
#[derive(Debug, thiserror::Error)]
pub enum LeaveError {
    /// Nothing ever ran there, so there is nothing the command could be about.
    #[error("leave a command in `{}`: there is no such data directory", data.display())]
    Nothing {
        /// The data directory.
        data: PathBuf,
    },
    /// Its owner could not read what this user leaves, and would not know whether to trust it.
    #[error("leave a command in `{}`: it belongs to user {owner}, not to user {us}", data.display())]
    NotOurs {
        /// The data directory.
        data: PathBuf,
        /// Whose it is.
        owner: u32,
        /// Who this process runs as.
        us: u32,
    },
    /// The operating system says no. Nothing was left.
    #[error("leave a command in `{}`", data.display())]
    Io {
        /// The data directory.
        data: PathBuf,
        /// What it says.
        source: io::Error,
    },
}

/// A command that waits.
#[derive(Clone, Debug)]
pub struct Waits {
    /// The name of its file.
    pub name: String,
    /// What it asks for; absent where the file does not read, so that it will be rejected.
    pub errand: Option<Errand>,
}

/// What became of a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Became {
    /// It was decided.
    Done(Done),
    /// It was no command, for this reason.
    Rejected(String),
}

/// Leaves a command for whoever takes this fleet over next. It is durable when this returns.
///
/// # Errors
///
/// There is no such data directory, it is another user's, or the file cannot be written.
pub fn leave(data: &Path, errand: &Errand) -> Result<Left, LeaveError> {
    let failed = |source: io::Error| LeaveError::Io {
        data: data.to_owned(),
        source,
    };
    let meta = match fs::metadata(data) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(LeaveError::Nothing {
                data: data.to_owned(),
            });
        }
        meta => meta.map_err(failed)?,
    };
    let us = rustix::process::geteuid().as_raw();
    if meta.uid() != us {
        return Err(LeaveError::NotOurs {
            data: data.to_owned(),
            owner: meta.uid(),
            us,
        });
    }
    let directory = inbox(data);
    private_directory(&directory).map_err(failed)?;
    let bytes = serde_json::to_vec(errand).map_err(|e| failed(io::Error::other(e)))?;
    let name = new_name();
    put(&directory, &name, &bytes).map_err(failed)?;
    Ok(Left { name })
}

/// Commands that wait, in the order in which they will be given. Empty where none does.
///
/// # Errors
///
/// The inbox cannot be read.
pub fn waiting(data: &Path) -> io::Result<Vec<Waits>> {
    let directory = inbox(data);
    let names = super::take::names(&directory)?;
    let waits = names.into_iter().map(|name| {
        let errand = fs::read(directory.join(&name))
            .ok()
            .and_then(|bytes| serde_json::from_slice(&bytes).ok());
        Waits { name, errand }
    });
    Ok(waits.collect())
}

/// What became of a command that was left; nothing where it still waits, or that was too long ago.
pub fn became(data: &Path, left: &str) -> Option<Became> {
    let directory = inbox(data);
    if let Ok(bytes) = fs::read(directory.join(DONE).join(left)) {
        return serde_json::from_slice(&bytes).ok().map(Became::Done);
    }
    let why = directory.join(REJECTED).join(format!("{left}.why"));
    let why = fs::read_to_string(why).ok()?;
    Some(Became::Rejected(why.trim_end().to_owned()))
}

/// A name that sorts behind every one that was made before on this machine, as far as its clock goes forward, and that
/// nobody else makes.
fn new_name() -> String {
    static LAST: AtomicU64 = AtomicU64::new(0);
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| u64::try_from(since.as_nanos()).unwrap_or(0));
    let last = LAST.fetch_max(now, Ordering::Relaxed);
    let at = if now > last {
        now
    } else {
        LAST.fetch_add(1, Ordering::Relaxed) + 1
    };
    let random = std::collections::hash_map::RandomState::new()
        .build_hasher()
        .finish();
    format!("{at:020}-{random:016x}.json")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_sort_in_the_order_in_which_they_are_made() {
        let names: Vec<String> = (0..1000).map(|_| new_name()).collect();
        assert!(names.is_sorted());
        let mut once = names.clone();
        once.dedup();
        assert_eq!(once.len(), names.len());
    }
}
