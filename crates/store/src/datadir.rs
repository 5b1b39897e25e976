//! The data directory: whose it is, what lies in it, and which one process may use it.
//!
//! The lock is an OS lock on an open file, so it ends with its process however that ends; the pid written into the file
//! is only for people. It keeps two processes from an honest mistake. What keeps a replaced decider from writing is the
//! epoch in the database, because a lock file can be deleted.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// The database's file in the data directory.
pub const DATABASE: &str = "ringway.db";
/// The lock's file in the data directory.
const LOCK: &str = "lock";

/// Why a data directory cannot be used. [`OpenError::hint`] says what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process uses it.
    #[error("open `{}`: {} uses it", .dir.display(), holder(*.pid))]
    Held {
        /// The data directory.
        dir: PathBuf,
        /// The process, where it has said so.
        pid: Option<u32>,
    },
    /// There is no database.
    #[error("open `{}`: there is none", .path.display())]
    Missing {
        /// The database's file.
        path: PathBuf,
    },
    /// It is something else than a directory.
    #[error("open `{}`: it is not a directory", .dir.display())]
    NotADirectory {
        /// The data directory.
        dir: PathBuf,
    },
    /// It belongs to somebody else.
    #[error("open `{}`: it belongs to user {owner}, not to user {us}", .path.display())]
    WrongOwner {
        /// The directory or file.
        path: PathBuf,
        /// The user id it belongs to.
        owner: u32,
        /// The user id of this process.
        us: u32,
    },
    /// It is there, and somebody else may read it.
    #[error("open `{}`: only user {owner}, whose it is, may read it", .path.display())]
    Private {
        /// The database's file.
        path: PathBuf,
        /// The user id it belongs to.
        owner: u32,
    },
    /// It cannot be written.
    #[error("open `{}`: it is read-only", .path.display())]
    ReadOnly {
        /// The directory or file.
        path: PathBuf,
    },
    /// The file is something else than a database of Ringway.
    #[error("open `{}`: it is not a database of Ringway", .path.display())]
    NotADatabase {
        /// The database's file.
        path: PathBuf,
    },
    /// A newer Ringway wrote it.
    #[error("open `{}`: its schema is {found}, this program knows {known}", .path.display())]
    NewerSchema {
        /// The database's file.
        path: PathBuf,
        /// Its schema version.
        found: i64,
        /// The newest schema version this program knows.
        known: i64,
    },
    /// There is no room for taking the fleet over.
    #[error("open `{}`: the disk is full", .path.display())]
    DiskFull {
        /// The database's file.
        path: PathBuf,
    },
    /// The operating system says no.
    #[error("open `{}`", .path.display())]
    Io {
        /// The directory or file.
        path: PathBuf,
        /// What it says.
        source: io::Error,
    },
    /// The database says no.
    #[error("open `{}`", .path.display())]
    Database {
        /// The database's file.
        path: PathBuf,
        /// What it says.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

fn holder(pid: Option<u32>) -> String {
    pid.map_or_else(|| "another process".into(), |pid| format!("process {pid}"))
}

impl OpenError {
    /// What to do about it, where there is something to say.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Held { .. } => Some(
                "one process decides for a fleet: send it commands, or end it before starting another",
            ),
            Self::Missing { .. } => Some("nothing ran here yet; check the data directory's path"),
            Self::NotADirectory { .. } => Some("name a directory, or one that can be made"),
            Self::WrongOwner { .. } => {
                Some("run as the user it belongs to, or use another data directory")
            }
            Self::Private { .. } => Some(
                "`status`, `why`, `approve` and orders are answered by the process that decides, while there is one; what is read from the journal, its owner can print for you",
            ),
            Self::ReadOnly { .. } => {
                Some("make it writable; to only look, copy the directory to a writable place")
            }
            Self::NotADatabase { .. } => {
                Some("use another data directory; nothing in this one was changed")
            }
            Self::NewerSchema { .. } => {
                Some("use the newer program; a database does not go back to an older one")
            }
            Self::DiskFull { .. } => Some("make room, then try again; nothing is lost"),
            Self::Io { source, .. } if source.kind() == io::ErrorKind::PermissionDenied => {
                Some("run as the user it belongs to")
            }
            Self::Io { .. } | Self::Database { .. } => None,
        }
    }

    fn io(path: &Path, source: io::Error) -> Self {
        let path = path.to_owned();
        if source.kind() == io::ErrorKind::NotADirectory {
            Self::NotADirectory { dir: path }
        } else if source.kind() == io::ErrorKind::ReadOnlyFilesystem {
            Self::ReadOnly { path }
        } else if is_full(&source) {
            Self::DiskFull { path }
        } else {
            Self::Io { path, source }
        }
    }
}

/// Whether this says that there is no room, on the disk or in somebody's share of it.
fn is_full(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded
    )
}

/// A data directory that exists.
#[derive(Clone, Debug)]
pub(crate) struct DataDir {
    dir: PathBuf,
}

impl DataDir {
    /// Finds a directory that should be there, for reading.
    ///
    /// # Errors
    ///
    /// When there is no database in it, or it is no directory.
    pub(crate) fn find(dir: &Path) -> Result<Self, OpenError> {
        let found = Self {
            dir: dir.to_owned(),
        };
        let database = found.database();
        match fs::metadata(&database) {
            Ok(meta) if meta.is_file() => {
                // Asked for by name, since the database's own answer is the same as where the disk is mounted read-only.
                match rustix::fs::access(&database, rustix::fs::Access::READ_OK) {
                    Err(rustix::io::Errno::ACCESS) => {
                        let owner = meta.uid();
                        Err(OpenError::Private {
                            path: database,
                            owner,
                        })
                    }
                    // Anything else is for whoever reads it to find.
                    Ok(()) | Err(_) => Ok(found),
                }
            }
            Ok(_) => Err(OpenError::NotADatabase { path: database }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Err(OpenError::Missing { path: database })
            }
            Err(error) if error.kind() == io::ErrorKind::NotADirectory => {
                Err(OpenError::NotADirectory { dir: found.dir })
            }
            Err(error) => Err(OpenError::io(&database, error)),
        }
    }

    /// Whether files can be made in it. By asking: a file system that is mounted read-only shows in no mode.
    pub(crate) fn is_writable(&self) -> bool {
        rustix::fs::access(&self.dir, rustix::fs::Access::WRITE_OK).is_ok()
    }

    /// Makes the directory (0700) where there is none, and checks that it is ours to write.
    ///
    /// # Errors
    ///
    /// When it cannot be made, is no directory, belongs to somebody else or is read-only.
    pub(crate) fn prepare(dir: &Path) -> Result<Self, OpenError> {
        match DirBuilder::new().mode(0o700).create(dir) {
            Ok(()) => sync_parent(dir)?,
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(OpenError::io(dir, error)),
        }
        let meta = fs::metadata(dir).map_err(|error| OpenError::io(dir, error))?;
        if !meta.is_dir() {
            return Err(OpenError::NotADirectory { dir: dir.into() });
        }
        check_ours(dir, &meta, our_uid())?;
        Ok(Self { dir: dir.into() })
    }

    /// The database's file.
    pub(crate) fn database(&self) -> PathBuf {
        self.dir.join(DATABASE)
    }

    /// Makes the database's file (0600) where there is none, before the database does it with the usual mode.
    ///
    /// # Errors
    ///
    /// When it cannot be made, or the one that is there is not ours to write.
    pub(crate) fn prepare_database(&self) -> Result<PathBuf, OpenError> {
        let path = self.database();
        let fail = |error| OpenError::io(&path, error);
        match fs::metadata(&path) {
            Ok(meta) if meta.is_file() => check_ours(&path, &meta, our_uid())?,
            Ok(_) => return Err(OpenError::NotADatabase { path }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                private(OpenOptions::new().create_new(true))
                    .open(&path)
                    .map_err(fail)?;
            }
            Err(error) => return Err(fail(error)),
        }
        Ok(path)
    }

    /// Takes the directory for this process, until the lock is dropped or the process ends.
    ///
    /// # Errors
    ///
    /// [`OpenError::Held`] when another process has it.
    pub(crate) fn lock(&self) -> Result<Lock, OpenError> {
        let path = self.dir.join(LOCK);
        let fail = |error| OpenError::io(&path, error);
        loop {
            let mut file = private(OpenOptions::new().read(true).create(true))
                .open(&path)
                .map_err(fail)?;
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => {
                    let mut text = String::new();
                    // What cannot be read is an unknown holder, not another error.
                    let pid = match file.read_to_string(&mut text) {
                        Ok(_) => text.trim().parse().ok(),
                        Err(_) => None,
                    };
                    let dir = self.dir.clone();
                    return Err(OpenError::Held { dir, pid });
                }
                Err(TryLockError::Error(error)) => return Err(fail(error)),
            }
            // A lock on a file that somebody has just deleted keeps nobody out.
            let ours = file.metadata().map_err(fail)?.ino();
            if fs::metadata(&path).is_ok_and(|meta| meta.ino() == ours) {
                let pid = format!("{}\n", std::process::id());
                file.set_len(0)
                    .and_then(|()| file.rewind())
                    .and_then(|()| file.write_all(pid.as_bytes()))
                    .map_err(fail)?;
                return Ok(Lock { file });
            }
        }
    }

    /// Whether the disk has no room, by trying. Blocks.
    ///
    /// For errors that leave it open: a database that could not grow its shared memory, or whose share of the disk is
    /// used up, says only that writing failed.
    pub(crate) fn is_full(&self) -> bool {
        // More than a page and less than anybody would miss.
        const ROOM: usize = 256 * 1024;
        let path = self.dir.join(".room");
        let tried = private(OpenOptions::new().create(true).truncate(true))
            .open(&path)
            .and_then(|mut file| {
                file.write_all(&vec![1; ROOM])
                    .and_then(|()| file.sync_all())
            });
        // The next attempt truncates what could not be removed.
        let _ = fs::remove_file(&path);
        tried.is_err_and(|error| is_full(&error))
    }
}

/// This process's hold on a data directory.
#[derive(Debug)]
pub(crate) struct Lock {
    file: File,
}

impl Drop for Lock {
    /// Said aloud: a child that this process is just starting has a copy of the file until it becomes its own program,
    /// and closing ours would leave the lock to it that long.
    fn drop(&mut self) {
        if let Err(error) = self.file.unlock() {
            tracing::warn!(%error, "the data directory's lock ends with this process only");
        }
    }
}

fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    options.write(true).mode(0o600)
}

fn our_uid() -> u32 {
    rustix::process::geteuid().as_raw()
}

/// Whether `path` belongs to `us` and may be written. A superuser may write everything, but what it makes in somebody
/// else's directory that somebody could not use afterwards; and who took the owner's right to write away meant it.
fn check_ours(path: &Path, meta: &fs::Metadata, us: u32) -> Result<(), OpenError> {
    let path = path.to_owned();
    let owner = meta.uid();
    if owner != us {
        return Err(OpenError::WrongOwner { path, owner, us });
    }
    if meta.mode() & 0o200 == 0 {
        return Err(OpenError::ReadOnly { path });
    }
    Ok(())
}

/// Makes the entry of a new directory durable.
fn sync_parent(dir: &Path) -> Result<(), OpenError> {
    let parent = match dir.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    File::open(parent)
        .and_then(|parent| parent.sync_all())
        .map_err(|error| OpenError::io(parent, error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_belongs_to_somebody_else_is_not_used() {
        let dir = tempfile::tempdir().unwrap();
        let meta = fs::metadata(dir.path()).unwrap();
        assert!(check_ours(dir.path(), &meta, meta.uid()).is_ok());
        let error = check_ours(dir.path(), &meta, meta.uid() + 1).unwrap_err();
        assert!(matches!(
            error,
            OpenError::WrongOwner { owner, us, .. } if owner == meta.uid() && us == owner + 1
        ));
    }

    /// No room on the disk and no room in one's quota are the same to an operator; a broken disk is not.
    #[test]
    fn only_a_lack_of_room_counts_as_full() {
        use rustix::io::Errno;
        for (errno, full) in [
            (Errno::NOSPC, true),
            (Errno::DQUOT, true),
            (Errno::IO, false),
            (Errno::ACCESS, false),
            (Errno::ROFS, false),
        ] {
            let error = io::Error::from_raw_os_error(errno.raw_os_error());
            assert_eq!(is_full(&error), full, "{errno}");
        }
        let dir = tempfile::tempdir().unwrap();
        assert!(!DataDir::prepare(dir.path()).unwrap().is_full());
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    }
}
