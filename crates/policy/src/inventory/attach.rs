//! What a fleet imports: which files the edge must hand over, what it must run, and how all of it gets into the fleet.

use std::collections::{BTreeMap, BTreeSet};

use ringway_model::{Digest, Span};

use super::files::{self, File};
use super::hosts::{LeftOut, Reached, Reader};
use super::merge::{Merge, Named};
use super::origin::Origins;
use super::redact;
use super::sources::{Holds, Sources};
use super::table::Columns;
use crate::elements;
use crate::fields::{Notes, Reference, ZoneUse};
use crate::problem::{Code, Found, Report};
use crate::read::Source;
use crate::render;
use crate::validated::{Command, Fleet};
use crate::yaml::{self, Entry, Node, Place, Value};

/// The largest file of an inventory, in bytes. A million hosts of a line each, several times over.
const MAX_BYTES: usize = 256 << 20;

/// Something that a document asks for: an inventory, a calendar, or what a command prints.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Wanted {
    /// The name of the source in which it is asked for.
    pub source: String,
    /// What is asked for.
    pub what: What,
}

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum What {
    /// A file or a directory, by its path as written: absolute, or below the directory of the source.
    File(String),
    /// What a command prints, run in the directory of the source.
    Output(Program),
}

/// A command whose output is asked for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Program {
    /// What is run.
    pub command: Command,
    /// How long it may take.
    pub within: Span,
}

impl Program {
    /// As it is shown.
    pub fn shown(&self) -> String {
        match &self.command {
            Command::Shell(text) => text.trim().to_owned(),
            Command::Program(words) => words.join(" "),
        }
    }

    /// The program itself.
    pub(crate) fn first_word(&self) -> &str {
        match &self.command {
            Command::Shell(text) => text.split_whitespace().next().unwrap_or_default(),
            Command::Program(words) => words.first().map_or("", String::as_str),
        }
    }
}

impl What {
    /// As it is shown: the path, or the command.
    pub fn shown(&self) -> String {
        match self {
            Self::File(path) => path.clone(),
            Self::Output(program) => program.shown(),
        }
    }
}

/// What was found: a file with `group_vars/` and `host_vars/` beside it, or a directory of several; of a command its output,
/// as a file.
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
            let wants = |what| Wanted {
                source: source.name.clone(),
                what,
            };
            let files = calendars(entries).map(|path| What::File(path.to_owned()));
            wanted.extend(files.map(wants));
            let imports = entries.iter().filter(|entry| entry.key == "import");
            for entry in imports {
                let Value::List(items) = &entry.value.value else {
                    continue;
                };
                for item in items {
                    let Value::Map { entries, .. } = &item.value else {
                        continue;
                    };
                    let file = |entry: &Entry<'_>| match &entry.value.value {
                        Value::Scalar { text, .. } if matches!(&*entry.key, "ansible" | "csv") => {
                            Some(What::File(text.to_string()))
                        }
                        Value::Scalar { .. } | Value::List(_) | Value::Map { .. } => None,
                    };
                    wanted.extend(entries.iter().filter_map(file).map(wants));
                    let program = elements::import::unchecked(entries);
                    wanted.extend(program.map(What::Output).map(wants));
                }
            }
        }
    }
    wanted.sort();
    wanted.dedup();
    wanted
}

/// The files that the freezes or the works of a document name.
fn calendars<'e>(entries: &'e [Entry<'_>]) -> impl Iterator<Item = &'e str> {
    fn inside<'e>(node: &'e Node<'_>) -> &'e [Entry<'e>] {
        match &node.value {
            Value::Map { entries, .. } => entries,
            Value::Scalar { .. } | Value::List(_) => &[],
        }
    }
    fn items<'e>(node: &'e Node<'_>) -> &'e [Node<'e>] {
        match &node.value {
            Value::List(items) => items,
            Value::Scalar { .. } | Value::Map { .. } => &[],
        }
    }
    let of = |key| entries.iter().filter(move |entry| entry.key == key);
    let freezes = of("freezes").flat_map(|entry| inside(&entry.value));
    let freezes = freezes.flat_map(|entry| inside(&entry.value));
    let works = of("work").flat_map(|entry| items(&entry.value));
    let works = works.flat_map(inside);
    freezes
        .chain(works)
        .filter(|entry| entry.key == "ical")
        .filter_map(|entry| match &entry.value.value {
            Value::Scalar { text, .. } => Some(text.as_ref()),
            Value::List(_) | Value::Map { .. } => None,
        })
}

/// An import as it is written.
#[derive(Clone, Debug)]
pub(crate) struct Import {
    pub(crate) from: From,
    /// What the source is called.
    pub(crate) name: String,
    pub(crate) place: Place,
    pub(crate) name_place: Place,
}

/// What an import is from.
#[derive(Clone, Debug)]
pub(crate) enum From {
    /// An inventory of Ansible; all of them are one source.
    Ansible(String),
    /// A table.
    Csv(String, Columns),
    /// What a command prints.
    Output(Program),
}

impl Import {
    pub(crate) const fn is_ansible(&self) -> bool {
        matches!(self.from, From::Ansible(_))
    }

    fn what(&self) -> What {
        match &self.from {
            From::Ansible(path) | From::Csv(path, _) => What::File(path.clone()),
            From::Output(program) => What::Output(program.clone()),
        }
    }

    /// Why nothing is there, with what would help.
    fn missing(&self, why: Option<&str>) -> (String, &'static str) {
        let shown = self.what().shown();
        match (&self.from, why) {
            (_, None) => (
                format!("`{shown}` was not looked for"),
                "imports are read by `ringway`, not from a text alone",
            ),
            (From::Ansible(_) | From::Csv(..), Some(why)) => (
                format!("`{shown}` cannot be read: {why}"),
                "a path that is not absolute is below the directory of this document",
            ),
            (From::Output(_), Some(why)) => (
                format!("`{shown}` gave no inventory: {why}"),
                "run it by hand in the directory of this document, and see what it prints",
            ),
        }
    }
}

/// A file that problems can point into.
pub(crate) struct Shown<'a> {
    pub(crate) name: String,
    pub(crate) text: &'a str,
}

/// The attached files of a fleet's imports, numbered after the sources.
pub(crate) struct Files<'a> {
    pub(crate) shown: Vec<Shown<'a>>,
    imports: Vec<Attached<'a>>,
    /// How many sources stand before them.
    first: usize,
}

/// What is attached of one import.
pub(super) struct Attached<'a> {
    pub(super) import: Import,
    pub(super) attachment: &'a Attachment,
    pub(super) files: BTreeMap<String, File<'a>>,
}

impl<'a> Files<'a> {
    /// Finds what is attached; what is not there, or is no text, is a problem.
    pub(crate) fn of(
        imports: Vec<Import>,
        sources: &[Source],
        attachments: &'a Attachments,
        found: &mut Found,
    ) -> Self {
        let mut files = Self {
            shown: Vec::new(),
            imports: Vec::new(),
            first: sources.len(),
        };
        for import in imports {
            let wanted = Wanted {
                source: sources[import.place.source].name.clone(),
                what: import.what(),
            };
            match attachments.found.get(&wanted) {
                Some(Ok(attachment)) => files.one(import, attachment, found),
                missing => {
                    let why = missing.and_then(|missing| missing.as_ref().err());
                    let (message, hint) = import.missing(why.map(String::as_str));
                    let report = Report::new(Code::ImportUnreadable, import.place, message);
                    found.incomplete(report.hint(hint));
                }
            }
        }
        files
    }

    fn one(&mut self, import: Import, attachment: &'a Attachment, found: &mut Found) {
        let mut read = BTreeMap::new();
        for (path, bytes) in &attachment.files {
            let is_the_file = attachment.file.as_deref() == Some(path);
            // What lies beside a table says nothing of it.
            let is_beside = import.is_ansible() && !files::is_passed_over(path);
            if !is_the_file && !is_beside {
                continue;
            }
            let name = shown_name(&import, attachment, path);
            let text = match std::str::from_utf8(bytes) {
                Ok(text) if bytes.len() <= MAX_BYTES => text,
                problem => {
                    let why = if problem.is_ok() {
                        format!("has more than {} MiB", MAX_BYTES >> 20)
                    } else {
                        "is not UTF-8".to_owned()
                    };
                    let hint = match &import.from {
                        From::Ansible(_) => "save it as UTF-8, or take it out of the directory",
                        From::Csv(..) => "export it as UTF-8; spreadsheets call that `CSV UTF-8`",
                        From::Output(_) => "let the command print JSON in UTF-8",
                    };
                    let message = format!("`{name}` {why}");
                    let report = Report::new(Code::ImportUnreadable, import.place, message);
                    found.incomplete(report.hint(hint));
                    continue;
                }
            };
            let source = self.first + self.shown.len();
            read.insert(path.clone(), File { source, text });
            self.shown.push(Shown { name, text });
        }
        self.imports.push(Attached {
            import,
            attachment,
            files: read,
        });
    }
}

impl<'a> Files<'a> {
    /// What is attached, in the order of the imports.
    pub(super) fn imports(&self) -> &[Attached<'a>] {
        &self.imports
    }

    /// The number of a file among what is shown.
    pub(super) const fn number(&self, file: File<'_>) -> usize {
        file.source - self.first
    }
}

/// How a file of an import is called where it is spoken of.
fn shown_name(import: &Import, attachment: &Attachment, path: &str) -> String {
    let (From::Ansible(written) | From::Csv(written, _)) = &import.from else {
        return format!("output of {}", import.what().shown());
    };
    let base = match &attachment.file {
        Some(file) => written.strip_suffix(file.as_str()).unwrap_or_default(),
        None => written.trim_end_matches('/'),
    };
    let slash = if base.is_empty() || base.ends_with('/') {
        ""
    } else {
        "/"
    };
    format!("{base}{slash}{path}")
}

/// How many conflicts are told one by one.
const SHOWN: usize = 10;

/// What came of the imports.
pub(crate) struct Imported {
    /// The texts that are kept, by name.
    pub(crate) texts: BTreeMap<String, String>,
    /// Lines for the end of the fleet's text, so that its digest covers what it imports.
    pub(crate) seal: String,
    /// Windows and zones that hosts are said to have.
    named: Named,
    /// What was left out.
    left_out: LeftOut,
    /// Files that are encrypted as a whole.
    encrypted: Vec<String>,
}

/// Reads all imports and puts their hosts into the fleet.
pub(crate) fn run(
    files: &Files<'_>,
    prefer: &[String],
    fleet: &mut Fleet,
    written: &BTreeMap<String, Place>,
    origins: Option<&mut Origins>,
    found: &mut Found,
) -> Imported {
    let before = found.reports.len();
    let mut left_out = LeftOut::default();
    let mut sources = Sources::read(files, &mut left_out, found);
    let names = std::mem::take(&mut sources.names);
    let mut reached = Reached::new(fleet, names.len() > 1);
    let mut merge = Merge::new(fleet, written, &names, prefer, origins);
    let mut inventories = Vec::new();
    for (number, holds) in sources.hold.iter_mut().enumerate() {
        match holds {
            Holds::Hosts(hosts) => {
                for host in hosts.drain(..) {
                    merge.add(number, host, &mut left_out);
                }
            }
            Holds::Inventory(data, around) => {
                let mut reader = Reader::of(data, around);
                reader.join(number, &mut merge, &mut reached, &mut left_out, found);
                inventories.push((number, reader));
            }
        }
    }
    if names.len() > 1 {
        merge.settle(&mut left_out, found);
        // The source that counts first is asked first.
        inventories.sort_by_key(|(number, _)| (merge.rank(*number).unwrap_or(usize::MAX), *number));
        for (number, mut reader) in inventories {
            reader.reach(number, &mut merge, &mut reached, found);
        }
    }
    let named = std::mem::take(&mut merge.named);
    reached.finish(fleet, found);
    // Of what could not be read nobody can say what is missing.
    found.is_incomplete |= found.reports.len() > before;
    let mut texts = BTreeMap::new();
    let mut seal = String::new();
    for (number, shown) in files.shown.iter().enumerate() {
        let text = sources
            .kept
            .remove(&number)
            .unwrap_or_else(|| redact::text(number, shown.text));
        let digest = Digest::of(text.as_bytes());
        // A file's name can be anything, a line of its own too; here it must stay in its comment.
        let name = render::escaped(&shown.name);
        seal.extend(["# import ", &name, ": ", &digest.to_string(), "\n"]);
        texts.insert(format!("inventory/{}", shown.name), text);
    }
    Imported {
        texts,
        seal,
        named,
        left_out,
        encrypted: sources.encrypted(),
    }
}

impl Imported {
    /// Notes the windows and zones that hosts are said to have, so that they are looked for as written ones are.
    pub(crate) fn note_names(&self, notes: &mut Notes) {
        let by = |host: &str| format!("host `{host}`");
        for (name, (host, place)) in &self.named.windows {
            notes.references.push(Reference {
                to: crate::fields::Named::Window,
                name: name.clone(),
                place: *place,
                by: by(host),
            });
        }
        for (name, (host, place)) in &self.named.zones {
            notes.zones.push(ZoneUse {
                name: name.clone(),
                place: *place,
                by: by(host),
            });
        }
    }

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
        if !left_out.open.is_empty() {
            let hosts: Vec<&str> = left_out.open.iter().map(String::as_str).collect();
            notes.push(format!(
                "`window` names no windows of the fleet and is only a label of {}: work may run there at any time",
                crate::together::listed(&hosts)
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
                "... and {more} more that are said otherwise in two places"
            ));
        }
        notes
    }
}
