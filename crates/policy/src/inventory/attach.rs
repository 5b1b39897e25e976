//! What a fleet imports: which files the edge must hand over, and how they get into the fleet.

use std::collections::{BTreeMap, BTreeSet};

use ringway_model::Digest;

use super::data::Data;
use super::files::{self, File};
use super::group_files::Beside;
use super::hosts::{self, Around, LeftOut};
use super::redact;
use crate::problem::{Code, Found, Report};
use crate::read::Source;
use crate::render;
use crate::validated::Fleet;
use crate::yaml::{self, Entry, Node, Place, Value};

/// The largest file of an inventory, in bytes. A million hosts of a line each, several times over.
const MAX_BYTES: usize = 256 << 20;

/// A file that a document asks for: an inventory, or a calendar.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Wanted {
    /// The name of the source in which it is asked for.
    pub source: String,
    /// The path as written: absolute, or below the directory of that source.
    pub path: String,
}

/// What was found: a file with `group_vars/` and `host_vars/` beside it, or a directory of several.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Attachment {
    /// The file's own name, where the path names a file; absent: it names a directory.
    pub file: Option<String>,
    /// The contents of files, by their names below the directory (the named one, or the one the file lies in), with `/`.
    /// Of a file's directory only the file itself and what lies below `group_vars` and `host_vars`.
    pub files: BTreeMap<String, Vec<u8>>,
}

/// What documents ask for, as far as it was found; where it was not, why.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Attachments {
    /// By what was asked for.
    pub found: BTreeMap<Wanted, Result<Attachment, String>>,
    /// The names of all time zones that exist where documents are followed; empty: nobody says, and any name may be one.
    pub zones: BTreeSet<String>,
}

/// The inventories and calendars that documents in these sources ask for. What is wrong with the sources is not said here.
pub fn imports(sources: &[Source]) -> Vec<Wanted> {
    let mut wanted = Vec::new();
    for (index, source) in sources.iter().enumerate() {
        let Ok(text) = std::str::from_utf8(&source.bytes) else {
            continue;
        };
        if !(text.contains("import") || text.contains("ical")) || text.len() > yaml::MAX_BYTES {
            continue;
        }
        let mut found = Found::default();
        for tree in yaml::read(index, text, &mut found) {
            let Value::Map { entries, .. } = &tree.root.value else {
                continue;
            };
            wanted.extend(calendars(entries).map(|path| Wanted {
                source: source.name.clone(),
                path: path.to_owned(),
            }));
            let imports = entries.iter().filter(|entry| entry.key == "import");
            for entry in imports {
                let Value::List(items) = &entry.value.value else {
                    continue;
                };
                for item in items {
                    let Value::Map { entries, .. } = &item.value else {
                        continue;
                    };
                    wanted.extend(entries.iter().filter_map(|entry| match &entry.value.value {
                        Value::Scalar { text, .. } if entry.key == "ansible" => Some(Wanted {
                            source: source.name.clone(),
                            path: text.to_string(),
                        }),
                        Value::Scalar { .. } | Value::List(_) | Value::Map { .. } => None,
                    }));
                }
            }
        }
    }
    wanted.sort();
    wanted.dedup();
    wanted
}

/// The files that the freezes of a document name.
fn calendars<'e>(entries: &'e [Entry<'_>]) -> impl Iterator<Item = &'e str> {
    fn inside<'e>(node: &'e Node<'_>) -> &'e [Entry<'e>] {
        match &node.value {
            Value::Map { entries, .. } => entries,
            Value::Scalar { .. } | Value::List(_) => &[],
        }
    }
    entries
        .iter()
        .filter(|entry| entry.key == "freezes")
        .flat_map(|entry| inside(&entry.value))
        .flat_map(|entry| inside(&entry.value))
        .filter(|entry| entry.key == "ical")
        .filter_map(|entry| match &entry.value.value {
            Value::Scalar { text, .. } => Some(text.as_ref()),
            Value::List(_) | Value::Map { .. } => None,
        })
}

/// An import as it is written.
#[derive(Clone, Debug)]
pub(crate) struct Import {
    pub(crate) path: String,
    pub(crate) place: Place,
}

/// A file that problems can point into.
pub(crate) struct Shown<'a> {
    pub(crate) name: String,
    pub(crate) text: &'a str,
}

/// The attached files of a fleet's imports, numbered after the sources.
pub(crate) struct Files<'a> {
    pub(crate) shown: Vec<Shown<'a>>,
    imports: Vec<(&'a Attachment, BTreeMap<String, File<'a>>)>,
}

impl<'a> Files<'a> {
    /// Finds what is attached; what is not there, or is no text, is a problem.
    pub(crate) fn of(
        imports: &[Import],
        sources: &[Source],
        attachments: &'a Attachments,
        found: &mut Found,
    ) -> Self {
        let mut files = Self {
            shown: Vec::new(),
            imports: Vec::new(),
        };
        for import in imports {
            let wanted = Wanted {
                source: sources[import.place.source].name.clone(),
                path: import.path.clone(),
            };
            let attachment = match attachments.found.get(&wanted) {
                Some(Ok(attachment)) => attachment,
                Some(Err(why)) => {
                    let message = format!("`{}` cannot be read: {why}", import.path);
                    let hint =
                        "a path that is not absolute is below the directory of this document";
                    let report = Report::new(Code::ImportUnreadable, import.place, message);
                    found.incomplete(report.hint(hint));
                    continue;
                }
                None => {
                    let message = format!("`{}` was not looked for", import.path);
                    let hint = "imports are read by `ringway` from files, not from a text alone";
                    let report = Report::new(Code::ImportUnreadable, import.place, message);
                    found.incomplete(report.hint(hint));
                    continue;
                }
            };
            files.one(import, attachment, sources.len(), found);
        }
        files
    }

    fn one(
        &mut self,
        import: &Import,
        attachment: &'a Attachment,
        first: usize,
        found: &mut Found,
    ) {
        let base = match &attachment.file {
            Some(file) => import.path.strip_suffix(file.as_str()).unwrap_or_default(),
            None => import.path.trim_end_matches('/'),
        };
        let slash = if base.is_empty() || base.ends_with('/') {
            ""
        } else {
            "/"
        };
        let mut read = BTreeMap::new();
        for (path, bytes) in &attachment.files {
            let is_the_file = attachment.file.as_deref() == Some(path);
            if !is_the_file && files::is_passed_over(path) {
                continue;
            }
            let name = format!("{base}{slash}{path}");
            let text = match std::str::from_utf8(bytes) {
                Ok(text) if bytes.len() <= MAX_BYTES => text,
                problem => {
                    let why = if problem.is_ok() {
                        format!("has more than {} MiB", MAX_BYTES >> 20)
                    } else {
                        "is not UTF-8".to_owned()
                    };
                    let message = format!("`{name}` {why}");
                    let report = Report::new(Code::ImportUnreadable, import.place, message);
                    found.incomplete(
                        report.hint("save it as UTF-8, or take it out of the directory"),
                    );
                    continue;
                }
            };
            let source = first + self.shown.len();
            read.insert(path.clone(), File { source, text });
            self.shown.push(Shown { name, text });
        }
        self.imports.push((attachment, read));
    }
}

/// How many conflicts are told one by one.
const SHOWN: usize = 10;

/// What came of the imports.
pub(crate) struct Imported {
    /// The texts that are kept, by name.
    pub(crate) texts: BTreeMap<String, String>,
    /// Lines for the end of the fleet's text, so that its digest covers what it imports.
    pub(crate) seal: String,
    /// What was left out.
    left_out: LeftOut,
    /// Files that are encrypted as a whole.
    encrypted: Vec<String>,
}

/// Reads all imports and puts their hosts into the fleet.
pub(crate) fn run(
    files: &Files<'_>,
    fleet: &mut Fleet,
    written: &BTreeMap<String, Place>,
    found: &mut Found,
) -> Imported {
    let mut data = Data::new();
    let mut around = Vec::new();
    let before = found.reports.len();
    for (attachment, files) in &files.imports {
        let inventories = match &attachment.file {
            Some(file) => vec![file.as_str()],
            None => files::in_directory(files),
        };
        for path in inventories {
            if let Some(file) = files.get(path) {
                files::read(path, *file, &mut data, found);
            }
        }
        around.push(Around {
            groups: Beside::read("group_vars", files, found),
            hosts: Beside::read("host_vars", files, found),
        });
    }
    data.settle();
    let left_out = hosts::join(&data, &around, fleet, written, found);
    // Of what could not be read nobody can say what is missing.
    found.is_incomplete |= found.reports.len() > before;
    let encrypted = around
        .iter()
        .flat_map(|around| {
            around
                .groups
                .encrypted
                .iter()
                .chain(&around.hosts.encrypted)
        })
        .cloned()
        .collect();
    let mut texts = BTreeMap::new();
    let mut seal = String::new();
    for (number, shown) in files.shown.iter().enumerate() {
        let text = redact::text(number, shown.text);
        let digest = Digest::of(text.as_bytes());
        // A file's name can be anything, a line of its own too; here it must stay in its comment.
        let name = render::escaped(&shown.name);
        seal.extend(["# import ", &name, ": ", &digest.to_string(), "\n"]);
        texts.insert(format!("inventory/{}", shown.name), text);
    }
    Imported {
        texts,
        seal,
        left_out,
        encrypted,
    }
}

impl Imported {
    /// What was left out, in sentences. `line` says where a place is.
    pub(crate) fn notes(&self, line: impl Fn(Place) -> String) -> Vec<String> {
        let left_out = &self.left_out;
        let mut notes = Vec::new();
        let mut note = |names: &std::collections::BTreeSet<String>, what: &str| {
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            if !names.is_empty() {
                let listed = crate::together::listed(&names);
                notes.push(format!("left out of the labels: {what}: {listed}"));
            }
        };
        note(&left_out.nested, "variables with several values");
        note(&left_out.templates, "variables that are templates");
        note(&left_out.encrypted, "variables that are encrypted");
        note(&left_out.secrets, "variables that are called like secrets");
        note(
            &left_out.names,
            "variables whose name or value no label can have",
        );
        note(&left_out.groups, "groups whose name no label can have");
        if !self.encrypted.is_empty() {
            let names: Vec<&str> = self.encrypted.iter().map(String::as_str).collect();
            notes.push(format!(
                "not read, since they are encrypted: {}",
                crate::together::listed(&names)
            ));
        }
        if left_out.passwords > 0 {
            notes.push(
                "passwords of the inventory are not used: log in with keys, and name what prints the password for `sudo` in `connect`"
                    .to_owned(),
            );
        }
        for (words, first, second) in left_out.conflicts.iter().take(SHOWN) {
            let mut words = words.splitn(3, crate::problem::LINE);
            let mut part = || words.next().unwrap_or_default();
            notes.push([part(), &line(*first), part(), &line(*second), part()].concat());
        }
        if let Some(more) = left_out
            .conflicts
            .len()
            .checked_sub(SHOWN)
            .filter(|n| *n > 0)
        {
            notes.push(format!(
                "... and {more} more that the fleet says otherwise than the inventory"
            ));
        }
        notes
    }
}
