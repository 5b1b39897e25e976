//! A file that is there whole or not at all.
//!
//! # Invariants
//!
//! * What was at the path before is there until the new content is complete on the disk.
//! * After [`give_up`] this process makes no file any more, and none that is half-written is left.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use crate::exit::{End, Failure};

/// What this process is writing.
enum Writing {
    Nothing,
    To(PathBuf),
    GivenUp,
}

static WRITING: Mutex<Writing> = Mutex::new(Writing::Nothing);

/// Whether a file can be written at this path: asked before anything is calculated for it.
///
/// # Errors
///
/// Exit code 1: it cannot.
pub(crate) fn check(path: &Path) -> Result<(), Failure> {
    match fs::metadata(path) {
        Ok(there) if !there.is_file() => return Err(failed(path, &"it is there and is no file")),
        Ok(_) | Err(_) => {}
    }
    let beside = beside(path).ok_or_else(|| failed(path, &"it names no file"))?;
    begin(&beside).map_err(|e| failed(path, &e))?;
    end(fs::remove_file(&beside)).map_err(|e| failed(path, &e))
}

/// Writes a file.
///
/// # Errors
///
/// Exit code 1: it could not be written; what was there before still is.
pub(crate) fn write(path: &Path, content: &str) -> Result<(), Failure> {
    let beside = beside(path).ok_or_else(|| failed(path, &"it names no file"))?;
    let written = begin(&beside).and_then(|mut file| {
        let written = file
            .write_all(content.as_bytes())
            .and_then(|()| file.sync_all())
            .and_then(|()| fs::rename(&beside, path));
        if written.is_err() {
            // The reason it failed is what is told.
            drop(fs::remove_file(&beside));
        }
        end(written)
    });
    written.map_err(|e| failed(path, &e))
}

/// Takes away what is half-written; from now on nothing is begun.
pub(crate) fn give_up() {
    let mut writing = WRITING.lock().unwrap_or_else(PoisonError::into_inner);
    if let Writing::To(path) = &*writing {
        // It may be complete and renamed by now.
        drop(fs::remove_file(path));
    }
    *writing = Writing::GivenUp;
}

fn begin(beside: &Path) -> io::Result<File> {
    let mut writing = WRITING.lock().unwrap_or_else(PoisonError::into_inner);
    if matches!(*writing, Writing::GivenUp) {
        return Err(io::Error::other("interrupted"));
    }
    let file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(beside)?;
    *writing = Writing::To(beside.to_owned());
    Ok(file)
}

fn end<T>(result: io::Result<T>) -> io::Result<T> {
    let mut writing = WRITING.lock().unwrap_or_else(PoisonError::into_inner);
    if matches!(*writing, Writing::To(_)) {
        *writing = Writing::Nothing;
    }
    result
}

/// A name beside the file's, of this process alone.
fn beside(path: &Path) -> Option<PathBuf> {
    let mut name = OsString::from(".");
    name.push(path.file_name()?);
    name.push(format!(".{}", std::process::id()));
    Some(path.with_file_name(name))
}

fn failed(path: &Path, why: &dyn std::fmt::Display) -> Failure {
    Failure::new(
        End::Refused,
        format!("`{}` cannot be written: {why}", path.display()),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_written_whole_or_what_was_there_stays() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("page.html");
        check(&path).unwrap();
        assert!(!path.exists(), "a question leaves nothing");
        write(&path, "one").unwrap();
        write(&path, "two").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "two");
        let inside = path.join("page.html");
        assert_eq!(check(&inside).unwrap_err().end, End::Refused);
        assert_eq!(write(&inside, "three").unwrap_err().end, End::Refused);
        assert!(check(directory.path()).is_err() && check(Path::new("/")).is_err());
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
    }
}
