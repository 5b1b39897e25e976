//! What documents ask for beyond themselves: inventories and calendars in files, and the output of commands.
//!
//! Reads and runs; decides nothing about what it finds.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use ringway_policy::{Attachment, Attachments, Source, Wanted, What};

use crate::output;

/// More files than this below one inventory are no inventory.
const MAX_FILES: usize = 100_000;
/// All files of one inventory together, in bytes.
const MAX_BYTES: u64 = 1 << 30;

/// Reads what documents ask for, and runs the commands of imports. What cannot be had is told at its place in the document.
pub(crate) fn attachments(sources: &[Source], wanted: &[Wanted]) -> Attachments {
    let found = wanted
        .iter()
        .map(|wanted| (wanted.clone(), attachment(wanted)));
    let mut attachments = Attachments {
        found: found.collect(),
        ..Attachments::default()
    };
    // The time zone database is asked only where somebody may have named a zone: it has a thousand files.
    let names_zones = |source: &Source| {
        let has = |word: &[u8]| source.bytes.windows(word.len()).any(|bytes| bytes == word);
        has(b"zone:") || has(b"csv:") || has(b"command:")
    };
    if sources.iter().any(names_zones) {
        attachments.zones = ringway_runtime::zone_names();
    }
    attachments
}

/// Where a file that a document asks for lies.
fn path_of(source: &str, path: &str) -> Result<PathBuf, String> {
    if let Some(rest) = path.strip_prefix("~/") {
        let home = std::env::var_os("HOME").ok_or("there is no `HOME` in the environment")?;
        return Ok(Path::new(&home).join(rest));
    }
    Ok(beside(source).join(path))
}

/// The directory of a document.
fn beside(source: &str) -> &Path {
    Path::new(source).parent().unwrap_or(Path::new(""))
}

/// The file that is asked for, as the system knows it; of a command there is none.
pub(crate) fn canonical(wanted: &Wanted) -> Option<PathBuf> {
    match &wanted.what {
        What::File(path) => fs::canonicalize(path_of(&wanted.source, path).ok()?).ok(),
        What::Output(_) => None,
    }
}

/// What is asked for, or why it cannot be had.
pub(crate) fn attachment(wanted: &Wanted) -> Result<Attachment, String> {
    let path = match &wanted.what {
        What::File(path) => path_of(&wanted.source, path)?,
        What::Output(program) => {
            let printed = output::of(program, beside(&wanted.source))?;
            return Ok(Attachment {
                file: Some("output".to_owned()),
                files: [("output".to_owned(), printed)].into(),
            });
        }
    };
    let meta = fs::metadata(&path).map_err(|e| e.to_string())?;
    let mut files = Files::default();
    if meta.is_dir() {
        files.below(&path, "")?;
        return Ok(Attachment {
            file: None,
            files: files.read,
        });
    }
    let name = path
        .file_name()
        .and_then(|name| name.to_str())
        .ok_or("its name is not UTF-8")?
        .to_owned();
    files.one(&path, name.clone(), meta.len())?;
    let directory = path.parent().unwrap_or(Path::new(""));
    for folder in ["group_vars", "host_vars"] {
        let folder_path = directory.join(folder);
        if folder_path.is_dir() {
            files.below(&folder_path, &format!("{folder}/"))?;
        }
    }
    Ok(Attachment {
        file: Some(name),
        files: files.read,
    })
}

/// Files that are being read, within bounds.
#[derive(Default)]
struct Files {
    read: BTreeMap<String, Vec<u8>>,
    bytes: u64,
}

impl Files {
    fn one(&mut self, path: &Path, name: String, length: u64) -> Result<(), String> {
        self.bytes = self.bytes.saturating_add(length);
        if self.bytes > MAX_BYTES || self.read.len() >= MAX_FILES {
            return Err(format!(
                "it has more than {MAX_FILES} files or {} MiB",
                MAX_BYTES >> 20
            ));
        }
        let bytes = fs::read(path).map_err(|e| format!("`{name}`: {e}"))?;
        self.read.insert(name, bytes);
        Ok(())
    }

    /// Everything below a directory that is not hidden; `prefix` stands before the names.
    fn below(&mut self, directory: &Path, prefix: &str) -> Result<(), String> {
        /// Deeper than this lies no inventory: a link has led around in a circle.
        const MAX_DEPTH: usize = 16;
        if prefix.matches('/').count() > MAX_DEPTH {
            return Err(format!("`{prefix}` lies too deep"));
        }
        for entry in fs::read_dir(directory).map_err(|e| e.to_string())? {
            let entry = entry.map_err(|e| e.to_string())?;
            let Ok(name) = entry.file_name().into_string() else {
                return Err("the name of a file in it is not UTF-8".to_owned());
            };
            if name.starts_with('.') {
                continue;
            }
            let path = entry.path();
            let name = format!("{prefix}{name}");
            // Links are followed, as Ansible does; one that leads nowhere is told.
            let meta = fs::metadata(&path).map_err(|e| format!("`{name}`: {e}"))?;
            if meta.is_dir() {
                self.below(&path, &format!("{name}/"))?;
            } else if meta.is_file() {
                self.one(&path, name, meta.len())?;
            }
        }
        Ok(())
    }
}
