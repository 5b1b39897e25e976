//! What has to lie in files for `ssh`: what it logs, keys that are pinned, the program that prints a passphrase.
//!
//! All of it is in one directory that nobody else can look into. None of it is secret: the program that is to print a
//! passphrase is the document's own, and what it prints goes to `ssh` alone.

use std::collections::BTreeMap;
use std::fs::{self, DirBuilder, OpenOptions};
use std::hash::{BuildHasher as _, RandomState};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use ringway_policy::validated::Command;

use crate::quote::quote;
use crate::transport::Refusal;

/// How much of a log is read. What went wrong stands in a few lines.
const LOG_LIMIT: u64 = 16 * 1024;

/// The directory, made when it is first needed, and taken away with the last who uses it.
#[derive(Debug, Default)]
pub(super) struct Folder {
    made: Mutex<Option<PathBuf>>,
    /// Files by what is in them, so that each is written once.
    written: Mutex<BTreeMap<String, PathBuf>>,
    counted: AtomicU64,
}

impl Folder {
    /// Room for one `ssh`.
    ///
    /// # Errors
    ///
    /// When the directory cannot be made.
    pub(super) fn papers(self: &Arc<Self>) -> Result<Papers, Refusal> {
        let folder = self.path()?;
        let number = self.counted.fetch_add(1, Ordering::Relaxed);
        Ok(Papers {
            folder: Arc::clone(self),
            logs: folder.join(format!("log-{number}")),
        })
    }

    fn path(&self) -> Result<PathBuf, Refusal> {
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(path) = &*made {
            return Ok(path.clone());
        }
        let name = format!("ringway-ssh-{}-{:016x}", std::process::id(), random());
        let path = std::env::temp_dir().join(name);
        // Fails where it exists: nobody can have prepared it.
        DirBuilder::new()
            .mode(0o700)
            .create(&path)
            .map_err(|error| here(&path, &error))?;
        Ok(made.insert(path).clone())
    }

    /// A file with this content. It is there whole before its name is.
    fn file(&self, content: &str, mode: u32) -> Result<PathBuf, Refusal> {
        let folder = self.path()?;
        let mut written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(path) = written.get(content) {
            return Ok(path.clone());
        }
        let path = folder.join(format!("file-{}", written.len()));
        let write = || {
            let mut file = OpenOptions::new()
                .write(true)
                .create_new(true)
                .mode(mode)
                .open(&path)?;
            file.write_all(content.as_bytes())
        };
        write().map_err(|error| here(&path, &error))?;
        written.insert(content.to_owned(), path.clone());
        Ok(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let made = self.made.get_mut().unwrap_or_else(PoisonError::into_inner);
        if let Some(path) = made.take() {
            // What is left behind is of no use to anybody.
            let _ = fs::remove_dir_all(path);
        }
    }
}

/// The files of one `ssh`. Its logs are taken away with this.
#[derive(Debug)]
pub(super) struct Papers {
    folder: Arc<Folder>,
    logs: PathBuf,
}

impl Papers {
    /// Where the `ssh` of this leg logs: the hops from 0, the host after them.
    pub(super) fn log(&self, leg: usize) -> PathBuf {
        let mut path = self.logs.clone().into_os_string();
        path.push(format!("-{leg}"));
        PathBuf::from(path)
    }

    /// What stands there; empty where nothing does.
    pub(super) fn logged(&self, leg: usize) -> String {
        let mut text = Vec::new();
        if let Ok(log) = fs::File::open(self.log(leg)) {
            let _ = log.take(LOG_LIMIT).read_to_end(&mut text);
        }
        String::from_utf8_lossy(&text).into_owned()
    }

    /// A file of known hosts with these lines.
    pub(super) fn pinned(&self, lines: &str) -> Result<PathBuf, Refusal> {
        self.folder.file(lines, 0o600)
    }

    /// The program that `ssh` asks for a passphrase: the document's, started where its commands start.
    pub(super) fn askpass(&self, command: &Command, directory: &Path) -> Result<PathBuf, Refusal> {
        let quoted = |text: &str| quote(text).map_err(|error| Refusal::Here(error.to_string()));
        let directory = quoted(&directory.to_string_lossy())?;
        let run = match command {
            Command::Shell(text) => format!("eval {}", quoted(text)?),
            Command::Program(words) => {
                let words: Result<Vec<String>, Refusal> =
                    words.iter().map(|word| quoted(word)).collect();
                format!("exec {}", words?.join(" "))
            }
        };
        self.folder.file(
            &format!("#!/bin/sh\nexec </dev/null\ncd {directory} || exit\n{run}\n"),
            0o700,
        )
    }
}

impl Drop for Papers {
    fn drop(&mut self) {
        for leg in 0.. {
            if fs::remove_file(self.log(leg)).is_err() {
                // A leg that was never gone has no log, nor have those behind it.
                return;
            }
        }
    }
}

/// A number that nobody else has come upon.
pub(super) fn random() -> u64 {
    RandomState::new().hash_one(std::time::Instant::now())
}

fn here(path: &Path, error: &io::Error) -> Refusal {
    Refusal::Here(format!("`{}` cannot be made: {error}", path.display()))
}
