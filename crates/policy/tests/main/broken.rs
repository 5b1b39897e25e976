//! Broken documents, each with the report that people see, reviewed.
//!
//! `RINGWAY_BLESS=1 cargo test -p ringway-policy` writes the reports anew; the diff is then to be read.

#![expect(
    clippy::disallowed_methods,
    reason = "goldens are files; the crate itself reads none"
)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use ringway_policy::{
    Attachment, Attachments, Code, Problems, Source, Wanted, What, imports, read_with,
};

fn broken() -> Vec<PathBuf> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/broken");
    let entries = fs::read_dir(directory).expect("the directory is in the repository");
    let mut paths: Vec<PathBuf> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|e| e == "yaml"))
        .collect();
    paths.sort();
    paths
}

fn source(path: &Path) -> Source {
    let name = path
        .file_name()
        .and_then(|name| name.to_str())
        .expect("names are plain");
    Source::new(name, fs::read(path).expect("it was listed"))
}

/// What is imported lies beside the documents; a command prints the file that is its last word, and fails with what that
/// says where there is none.
fn attachment(wanted: &Wanted) -> Result<Attachment, String> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/broken");
    let shown = wanted.what.shown();
    let (path, why) = match &wanted.what {
        What::File(path) => (path.as_str(), "there is no such file".to_owned()),
        What::Output(_) => {
            let last = shown.rsplit(' ').next().unwrap_or_default();
            (last, format!("it ended with exit code 1: no {last}"))
        }
    };
    let bytes = fs::read(directory.join(path)).map_err(|_| why)?;
    let file = path.rsplit('/').next().unwrap_or_default().to_owned();
    Ok(Attachment {
        files: [(file.clone(), bytes)].into(),
        file: Some(file),
    })
}

/// Time zones that exist for these documents.
const ZONES: [&str; 8] = [
    "America/Argentina/Buenos_Aires",
    "America/New_York",
    "Asia/Tokyo",
    "Australia/Lord_Howe",
    "CET",
    "Europe/Berlin",
    "Europe/London",
    "UTC",
];

fn read(source: &Source) -> Result<(), Problems> {
    let sources = std::slice::from_ref(source);
    let found = imports(sources)
        .into_iter()
        .map(|wanted| (wanted.clone(), attachment(&wanted)))
        .collect();
    let zones = ZONES.iter().map(|zone| (*zone).to_owned()).collect();
    read_with(sources, &Attachments { found, zones }).map(|_| ())
}

/// A report is what a person acts on at night; no word of one changes unseen.
#[test]
fn every_broken_document_has_its_reviewed_report() {
    let bless = std::env::var_os("RINGWAY_BLESS").is_some();
    let mut different = Vec::new();
    for path in broken() {
        let report = match read(&source(&path)) {
            Ok(()) => "no problem\n".to_owned(),
            Err(problems) => problems.to_string(),
        };
        let golden = path.with_extension("txt");
        if bless {
            fs::write(&golden, &report).unwrap();
        }
        let expected = fs::read_to_string(&golden).unwrap_or_default();
        if report != expected {
            different.push(format!(
                "{}\n--- expected\n{expected}\n--- is\n{report}",
                path.display()
            ));
        }
    }
    assert!(different.is_empty(), "{}", different.join("\n\n"));
    assert!(
        broken().len() >= 100,
        "fewer broken documents than there should be"
    );
}

#[test]
fn every_problem_has_a_hint_and_a_place_in_its_source() {
    for path in broken() {
        let source = source(&path);
        let problems = read(&source).unwrap_err();
        for problem in &problems.problems {
            let at = format!("{}: {}", path.display(), problem.message);
            assert!(problem.span.start <= problem.span.end, "{at}");
            if problem.source == source.name {
                assert!(problem.span.end <= source.bytes.len(), "{at}");
            }
            // One of a few words needs no hint beside the words.
            let listed = problem.message.contains("is not one of");
            assert!(problem.hint.is_some() || listed, "{at}");
            assert!(!problem.message.contains('\n'), "{at}");
        }
        let json = problems.to_json();
        let listed = json["problems"].as_array().unwrap();
        assert_eq!(listed.len(), problems.problems.len());
        assert_eq!(listed[0]["code"], problems.problems[0].code.text());
    }
}

/// Every kind of problem can be met, and is shown by some document here.
#[test]
fn every_code_has_a_broken_document() {
    let mut met: BTreeSet<Code> = BTreeSet::new();
    for path in broken() {
        let problems = read(&source(&path)).unwrap_err();
        met.extend(problems.problems.iter().map(|problem| problem.code));
    }
    // `limits.rs` shows it: nobody wants a file of that size here.
    met.insert(Code::TooLarge);
    let missing: Vec<Code> = Code::ALL
        .iter()
        .copied()
        .filter(|code| !met.contains(code))
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
    let texts: BTreeSet<&str> = Code::ALL.iter().map(|code| code.text()).collect();
    assert_eq!(texts.len(), Code::ALL.len());
}
