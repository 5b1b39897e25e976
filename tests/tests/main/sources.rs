//! The shape of the sources: what a reader may rely on in every file.

use std::fs;
use std::path::{Path, PathBuf};

use ringway_tests::root;

/// Lines of a source file. Above this it is two files that nobody has separated yet.
const MOST_LINES: usize = 800;

/// Files with this ending under a folder, without what was built or generated.
pub(crate) fn files(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![folder.to_owned()];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if path.is_dir() && !name.starts_with('.') && name != "target" {
                open.push(path);
            } else if name.ends_with(ending) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// What is wrong with a source file, if anything is.
fn wrong(source: &str) -> Option<String> {
    let lines = source.lines().count();
    if lines > MOST_LINES {
        return Some(format!("{lines} lines, more than {MOST_LINES}"));
    }
    (!source.starts_with("//! ")).then(|| "does not begin by saying what it is".to_owned())
}

#[test]
fn every_source_file_says_what_it_is_and_is_of_readable_length() {
    let files = files(root(), ".rs");
    assert!(files.len() > 50, "{}", files.len());
    let found: Vec<String> = files
        .iter()
        .filter_map(|file| {
            let why = wrong(&fs::read_to_string(file).unwrap())?;
            let name = file.strip_prefix(root()).unwrap().display().to_string();
            Some(format!("{name}: {why}"))
        })
        .collect();
    assert_eq!(found, [""; 0]);
}

#[test]
fn a_file_without_a_header_or_too_long_is_found() {
    assert_eq!(wrong("//! What it is.\n\nfn main() {}\n"), None);
    assert!(wrong("fn main() {}\n").unwrap().contains("what it is"));
    let long = format!("//! What it is.\n{}", "\n".repeat(MOST_LINES));
    assert!(wrong(&long).unwrap().contains("801 lines"));
}
