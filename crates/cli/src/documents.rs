//! Finds and reads documents, and makes a plan of them. Reads files; writes nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ringway_executor::port::Proposal;
use ringway_model::{ChangeId, Digest};
use ringway_policy::validated::Documents;
use ringway_policy::{Attachment, Attachments, Problems, Source, Wanted};
use ringway_scheduler::{FleetSpec, Plan, make_plan};

use crate::args::{Output, Planned};
use crate::asking;
use crate::exit::{End, Failure};
use crate::near::nearest;
use crate::out::Out;

/// The key under which a plan names the directory its commands run in, beside the documents it was made from.
const DIRECTORY: &str = ringway_runtime::DIRECTORY;

/// Documents as read.
pub(crate) struct Read {
    /// The validated documents.
    pub(crate) documents: Documents,
    /// How many files they were read from.
    pub(crate) files: usize,
    /// The directory the documents lie in, absolute: where their commands run.
    pub(crate) directory: PathBuf,
    /// The files, to find places in them.
    pub(crate) sources: Vec<Source>,
}

/// Everything a rollout is made of.
pub(crate) struct Prepared {
    /// The documents.
    pub(crate) read: Read,
    /// The fleet.
    pub(crate) fleet: Arc<FleetSpec>,
    /// The plan.
    pub(crate) plan: Arc<Plan>,
}

impl Prepared {
    /// The plan's digest.
    pub(crate) fn digest(&self) -> Digest {
        self.plan.digest()
    }

    /// As the loop takes it.
    pub(crate) fn proposal(self, key: Option<String>, change: Option<ChangeId>) -> Proposal {
        let mut documents: Vec<(String, String)> = self.read.documents.texts.into_iter().collect();
        documents.push((
            DIRECTORY.to_owned(),
            self.read.directory.to_string_lossy().into_owned(),
        ));
        Proposal {
            fleet: self.fleet,
            plan: self.plan,
            documents,
            key,
            change,
        }
    }
}

/// Reads the documents at these paths, `.` where there are none.
///
/// # Errors
///
/// Exit code 2: a path that cannot be read, or documents with problems, all of which are reported.
pub(crate) fn read(out: Out, paths: &[PathBuf]) -> Result<Read, Failure> {
    read_all(out, paths, None)
}

/// As [`read`], with the policies of one file, which need not be among the paths, instead of all others.
///
/// # Errors
///
/// As [`read`].
pub(crate) fn read_with_policies_of(
    out: Out,
    paths: &[PathBuf],
    policies: &Path,
) -> Result<Read, Failure> {
    read_all(out, paths, Some(policies))
}

fn read_all(out: Out, paths: &[PathBuf], policies: Option<&Path>) -> Result<Read, Failure> {
    let here = [PathBuf::from(".")];
    let paths = if paths.is_empty() { &here } else { paths };
    let files = find(paths)?;
    let mut sources = files
        .iter()
        .map(|path| source(path))
        .collect::<Result<Vec<_>, _>>()?;
    let wanted = ringway_policy::imports(&sources);
    // An inventory beside the documents is no document, whatever its name ends in.
    let inventories: Vec<PathBuf> = wanted.iter().filter_map(canonical).collect();
    sources.retain(|source| {
        let is_inventory = |file: PathBuf| inventories.iter().any(|path| file.starts_with(path));
        !fs::canonicalize(&source.name).is_ok_and(is_inventory)
    });
    sources.extend(policies.map(source).transpose()?);
    // A policy that lies elsewhere may name a calendar.
    let mut attachments = attachments(&ringway_policy::imports(&sources));
    // The time zone database is asked only where somebody may have named a zone: it has a thousand files.
    let names_zones = |source: &Source| source.bytes.windows(5).any(|word| word == b"zone:");
    if sources.iter().any(names_zones) {
        attachments.zones = ringway_runtime::zone_names();
    }
    let documents = if policies.is_some() {
        ringway_policy::read_with_last_policies(&sources, &attachments)
    } else {
        ringway_policy::read_with(&sources, &attachments)
    };
    let documents = documents.map_err(|problems| report(out, &problems))?;
    for note in &documents.notes {
        out.say(&format!("note: {note}"));
    }
    Ok(Read {
        documents,
        files: sources.len(),
        directory: directory_of(&paths[0])?,
        sources,
    })
}

/// Reads the documents and makes the plan.
///
/// # Errors
///
/// Exit code 2, as [`read`], and where the documents cannot be planned.
pub(crate) fn prepare(out: Out, planned: &Planned) -> Result<Prepared, Failure> {
    let read = read(out, &planned.documents.paths)?;
    let documents = &read.documents;
    let spec = asking::fleet(documents)?;
    let policy = choose(
        "policy",
        planned.policy.as_deref(),
        documents.policies.keys(),
    )?;
    let update = choose(
        "update",
        planned.update.as_deref(),
        documents.updates.keys(),
    )?;
    let mut plan = make_plan(&spec, documents, &policy, &update, planned.seed)
        .map_err(|e| Failure::new(End::Invalid, e))?;
    ringway_runtime::zones_of_plan(&plan).map_err(|e| Failure::new(End::Invalid, e))?;
    // Where commands run is part of what is planned, approved and journaled.
    let directory = read.directory.to_string_lossy();
    plan.documents
        .insert(DIRECTORY.to_owned(), Digest::of(directory.as_bytes()));
    Ok(Prepared {
        fleet: Arc::new(spec),
        plan: Arc::new(plan),
        read,
    })
}

/// The name that was asked for, or the only one there is.
pub(crate) fn choose<'a>(
    kind: &str,
    wanted: Option<&str>,
    names: impl Iterator<Item = &'a String>,
) -> Result<String, Failure> {
    let names: Vec<&String> = names.collect();
    let list = || {
        names
            .iter()
            .map(|n| format!("`{n}`"))
            .collect::<Vec<_>>()
            .join(", ")
    };
    match (wanted, names.as_slice()) {
        (None, []) => Err(Failure::new(
            End::Invalid,
            format!("there is no {kind} among the documents"),
        )),
        (None, [only]) => Ok((*only).clone()),
        (None, _) => Err(Failure::new(
            End::Invalid,
            format!("there is more than one {kind}: {}", list()),
        )
        .hint(format!("say which with `--{kind} NAME`"))),
        (Some(wanted), names) if names.iter().any(|name| *name == wanted) => Ok(wanted.to_owned()),
        (Some(wanted), _) => Err(Failure::new(
            End::Invalid,
            format!("there is no {kind} `{wanted}`"),
        )
        .hint(if names.is_empty() {
            "there is none at all".to_owned()
        } else if let Some(near) = nearest(wanted, names.iter().map(|name| name.as_str())) {
            format!("did you mean `{near}`?")
        } else {
            format!("there are: {}", list())
        })),
    }
}

/// Prints all problems: as data where data was asked for, for people otherwise.
pub(crate) fn report(out: Out, problems: &Problems) -> Failure {
    match out.format() {
        Output::Text => out.say(problems.to_string().trim_end()),
        Output::Json | Output::Ndjson => out.value(&problems.to_json(), ToString::to_string),
    }
    Failure {
        end: End::Invalid,
        why: String::new(),
        hint: None,
    }
}

/// All files that the paths mean, each once, in the order of the paths and then of their names.
fn find(paths: &[PathBuf]) -> Result<Vec<PathBuf>, Failure> {
    let mut files = Vec::new();
    for path in paths {
        let meta = fs::metadata(path).map_err(|e| unreadable(path, &e))?;
        if meta.is_dir() {
            let mut found = yaml_files(path)?;
            let recipes = path.join("recipes");
            if recipes.is_dir() {
                found.extend(yaml_files(&recipes)?);
            }
            if found.is_empty() {
                return Err(Failure::new(
                    End::Invalid,
                    format!("`{}` has no documents", path.display()),
                )
                .hint("documents are files whose names end in .yaml or .yml"));
            }
            files.extend(found);
        } else {
            files.push(path.clone());
        }
    }
    let mut seen = BTreeSet::new();
    files.retain(|file| seen.insert(fs::canonicalize(file).unwrap_or_else(|_| file.clone())));
    Ok(files)
}

/// Whether documents lie in this directory.
pub(crate) fn has_any(directory: &Path) -> bool {
    yaml_files(directory).is_ok_and(|files| !files.is_empty())
}

pub(crate) fn yaml_files(directory: &Path) -> Result<Vec<PathBuf>, Failure> {
    let fail = |e: std::io::Error| unreadable(directory, &e);
    let mut files = Vec::new();
    for entry in fs::read_dir(directory).map_err(fail)? {
        let path = entry.map_err(fail)?.path();
        let is_yaml = path.extension().is_some_and(|e| e == "yaml" || e == "yml");
        // A directory's hidden files are an editor's, not a person's.
        let is_hidden = path
            .file_name()
            .is_some_and(|n| n.as_encoded_bytes().starts_with(b"."));
        if is_yaml && !is_hidden && path.is_file() {
            files.push(
                path.strip_prefix(".")
                    .map_or(path.clone(), Path::to_path_buf),
            );
        }
    }
    files.sort();
    Ok(files)
}

fn source(path: &Path) -> Result<Source, Failure> {
    let bytes = fs::read(path).map_err(|e| unreadable(path, &e))?;
    Ok(Source {
        name: path.display().to_string(),
        bytes,
    })
}

/// More files than this below one inventory are no inventory.
const MAX_FILES: usize = 100_000;
/// All files of one inventory together, in bytes.
const MAX_BYTES: u64 = 1 << 30;

/// Reads the inventories that fleets ask for. What cannot be read is told at its place in the fleet.
fn attachments(wanted: &[Wanted]) -> Attachments {
    let found = wanted
        .iter()
        .map(|wanted| (wanted.clone(), attachment(wanted)));
    Attachments {
        found: found.collect(),
        ..Attachments::default()
    }
}

/// Where what a fleet asks for lies.
fn path_of(wanted: &Wanted) -> Result<PathBuf, String> {
    if let Some(rest) = wanted.path.strip_prefix("~/") {
        let home = std::env::var_os("HOME").ok_or("there is no `HOME` in the environment")?;
        return Ok(Path::new(&home).join(rest));
    }
    let beside = Path::new(&wanted.source).parent();
    Ok(beside.unwrap_or(Path::new("")).join(&wanted.path))
}

fn canonical(wanted: &Wanted) -> Option<PathBuf> {
    fs::canonicalize(path_of(wanted).ok()?).ok()
}

pub(crate) fn attachment(wanted: &Wanted) -> Result<Attachment, String> {
    let path = path_of(wanted)?;
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

fn unreadable(path: &Path, error: &std::io::Error) -> Failure {
    Failure::new(
        End::Invalid,
        format!("`{}` cannot be read: {error}", path.display()),
    )
}

/// The directory a path names, or lies in, absolute.
fn directory_of(path: &Path) -> Result<PathBuf, Failure> {
    let absolute = fs::canonicalize(path).map_err(|e| unreadable(path, &e))?;
    if absolute.is_dir() {
        return Ok(absolute);
    }
    Ok(absolute
        .parent()
        .map_or_else(|| PathBuf::from("/"), Path::to_path_buf))
}
