//! Where the first documents are written: whole or not at all, and over nothing.
//!
//! # Invariants
//!
//! * A file that is there is never changed, not even one that came between the look and the writing.
//! * Where one file cannot be written, none is left.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Component, Path, PathBuf};

use super::yaml::is_name;
use crate::documents::yaml_files;
use crate::exit::{End, Failure};

/// What is written.
pub(super) const FILES: [&str; 4] = ["fleet.yaml", "policy.yaml", "update.yaml", "people.yaml"];

/// A directory that is to have documents.
#[derive(Debug)]
pub(super) struct Target {
    /// As it was named.
    written: PathBuf,
    /// Absolute; it may not be there yet, the directory above it is.
    path: PathBuf,
    is_there: bool,
}

impl Target {
    /// The directory of this name, free of documents as far as can be said before anything is asked.
    pub(super) fn new(written: &Path, inventory: Option<&Path>) -> Result<Self, Failure> {
        let fail = |why: String| {
            Failure::new(End::Invalid, why).hint("name a directory, in one that is there")
        };
        let shown = written.display();
        let (path, is_there) = match fs::metadata(written) {
            Ok(meta) if meta.is_dir() => {
                let path =
                    fs::canonicalize(written).map_err(|e| fail(format!("`{shown}`: {e}")))?;
                (path, true)
            }
            Ok(_) => return Err(fail(format!("`{shown}` is there and is no directory"))),
            Err(_) => {
                let above = match written.parent() {
                    Some(above) if !above.as_os_str().is_empty() => above,
                    Some(_) | None => Path::new("."),
                };
                let above = fs::canonicalize(above)
                    .map_err(|e| fail(format!("`{shown}` cannot be made: {e}")))?;
                let name = written
                    .file_name()
                    .ok_or_else(|| fail(format!("`{shown}` names no directory")))?;
                (above.join(name), false)
            }
        };
        let target = Self {
            written: written.to_owned(),
            path,
            is_there,
        };
        let inventory = inventory.and_then(|path| fs::canonicalize(path).ok());
        target.is_free(inventory.as_deref())?;
        Ok(target)
    }

    /// As it was named.
    pub(super) fn shown(&self) -> String {
        self.written.display().to_string()
    }

    /// What a fleet may be called that has its documents here.
    pub(super) fn name(&self) -> String {
        let name = self.path.file_name().unwrap_or_default().to_string_lossy();
        let is_kept = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.');
        let name: String = name
            .chars()
            .map(|c| if is_kept(c) { c } else { '-' })
            .collect();
        let name = name.trim_start_matches(|c: char| !c.is_alphanumeric());
        if is_name(name) {
            name.to_owned()
        } else {
            "fleet".to_owned()
        }
    }

    /// How a document here names a file.
    pub(super) fn toward(&self, file: &Path) -> String {
        relative(&self.path, file).display().to_string()
    }

    /// Refuses a directory that has documents, or files of the names that are to be written. An inventory is none.
    pub(super) fn is_free(&self, inventory: Option<&Path>) -> Result<(), Failure> {
        if !self.is_there {
            return Ok(());
        }
        let mut there = yaml_files(&self.path)?;
        let recipes = self.path.join("recipes");
        if recipes.is_dir() {
            there.extend(yaml_files(&recipes)?);
        }
        there.retain(|file| {
            let file = fs::canonicalize(file).unwrap_or_else(|_| file.clone());
            !inventory.is_some_and(|inventory| file.starts_with(inventory))
        });
        // Also what is no file: a link that leads nowhere, a directory.
        let names = FILES.iter().map(|name| self.path.join(name));
        there.extend(names.filter(|path| fs::symlink_metadata(path).is_ok()));
        there.sort();
        there.dedup();
        if there.is_empty() {
            return Ok(());
        }
        let names: Vec<String> = there
            .iter()
            .map(|file| {
                let below = file.strip_prefix(&self.path).unwrap_or(file);
                format!("`{}`", below.display())
            })
            .collect();
        let are = if names.len() == 1 { "is" } else { "are" };
        Err(Failure::new(
            End::Invalid,
            format!(
                "`{}` has documents already: {} {are} there",
                self.written.display(),
                names.join(", ")
            ),
        )
        .hint("nothing was written; name a directory that is new or has none"))
    }

    /// Writes all files.
    pub(super) fn write(&self, files: &[(&'static str, String)]) -> Result<(), Failure> {
        let beside = self.beside();
        let written = fs::create_dir(&beside)
            .and_then(|()| fill(&beside, files))
            .and_then(|()| {
                if self.is_there {
                    self.link(&beside, files)
                } else {
                    fs::rename(&beside, &self.path)
                }
            });
        if self.is_there || written.is_err() {
            // What is left of it is ours, and hidden; that it could not be removed is not what went wrong.
            drop(fs::remove_dir_all(&beside));
        }
        written.map_err(|e| {
            Failure::new(
                End::Refused,
                format!("`{}` cannot be written: {e}", self.written.display()),
            )
            .hint("nothing was written")
        })
    }

    /// A new directory of this process's own, on the same disk.
    fn beside(&self) -> PathBuf {
        let name = format!(".ringway-init-{}", std::process::id());
        if self.is_there {
            self.path.join(name)
        } else {
            self.path.with_file_name(name)
        }
    }

    /// Gives finished files their names. A link to a name that is taken fails, so nothing is ever replaced.
    fn link(&self, from: &Path, files: &[(&'static str, String)]) -> io::Result<()> {
        for (at, (name, _)) in files.iter().enumerate() {
            if let Err(error) = fs::hard_link(from.join(name), self.path.join(name)) {
                for (name, _) in &files[..at] {
                    drop(fs::remove_file(self.path.join(name)));
                }
                return Err(io::Error::new(error.kind(), format!("`{name}`: {error}")));
            }
        }
        File::open(&self.path)?.sync_all()
    }
}

fn fill(directory: &Path, files: &[(&'static str, String)]) -> io::Result<()> {
    for (name, text) in files {
        let mut file = File::create_new(directory.join(name))?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
    }
    File::open(directory)?.sync_all()
}

/// The way from one absolute directory to a file.
fn relative(from: &Path, to: &Path) -> PathBuf {
    let (from, to): (Vec<Component<'_>>, Vec<Component<'_>>) =
        (from.components().collect(), to.components().collect());
    let same = from.iter().zip(&to).take_while(|(a, b)| a == b).count();
    // Only the root in common: two trees that are moved one without the other.
    if same <= 1 {
        return to.iter().collect();
    }
    let up = from[same..].iter().map(|_| Component::ParentDir);
    up.chain(to[same..].iter().copied()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_to_a_file_is_short_and_right() {
        for (from, to, way) in [
            ("/srv/fleet", "/srv/fleet/hosts.ini", "hosts.ini"),
            (
                "/srv/fleet",
                "/srv/inventory/hosts.ini",
                "../inventory/hosts.ini",
            ),
            ("/srv/fleet", "/etc/ansible/hosts", "/etc/ansible/hosts"),
        ] {
            assert_eq!(relative(Path::new(from), Path::new(to)), Path::new(way));
        }
    }

    /// A file that comes between the look and the writing is somebody's work.
    #[test]
    fn a_file_that_came_in_between_is_kept_and_nothing_else_is_left() {
        let there = tempfile::tempdir().unwrap();
        let target = Target::new(there.path(), None).unwrap();
        fs::write(there.path().join("policy.yaml"), "mine").unwrap();
        let files = [
            ("fleet.yaml", "a".to_owned()),
            ("policy.yaml", "b".to_owned()),
        ];
        let failure = target.write(&files).unwrap_err();
        assert!(failure.why.contains("`policy.yaml`"), "{}", failure.why);
        let names: Vec<_> = fs::read_dir(there.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        assert_eq!(names, ["policy.yaml"]);
        let kept = fs::read_to_string(there.path().join("policy.yaml")).unwrap();
        assert_eq!(kept, "mine");
    }
}
