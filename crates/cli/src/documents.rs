//! Finds and reads documents, and makes a plan of them. Reads files; writes nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ringway_executor::port::Proposal;
use ringway_model::{ChangeId, Digest};
use ringway_policy::validated::Documents;
use ringway_policy::{HostOrigins, Problems, Source};
use ringway_scheduler::{FleetSpec, Plan, make_plan_in};

use crate::args::{Output, Planned};
use crate::asking;
use crate::attached;
use crate::exit::{End, Failure};
use crate::near::nearest;
use crate::out::Out;

/// The key under which a plan names the directory its commands run in, beside the documents it was made from.
const DIRECTORY: &str = ringway_runtime::DIRECTORY;

/// Documents as read.
#[derive(Clone)]
pub(crate) struct Read {
    /// The validated documents.
    pub(crate) documents: Documents,
    /// How many files they were read from.
    pub(crate) files: usize,
    /// The directory the documents lie in, absolute: where their commands run.
    pub(crate) directory: PathBuf,
    /// The files, to find places in them.
    pub(crate) sources: Vec<Source>,
    /// Where each value of each host is from, where that was asked for.
    pub(crate) origins: Option<BTreeMap<String, HostOrigins>>,
}

/// How documents are read.
#[derive(Clone, Copy)]
enum How<'p> {
    Plain,
    /// With the policies of this file instead of all others.
    PoliciesOf(&'p Path),
    /// With where each value of each host is from.
    Origins,
}

/// Everything a rollout is made of.
#[derive(Clone)]
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

    /// Makes the plan again for the same fleet as others know it.
    ///
    /// # Errors
    ///
    /// Exit code 2, where the documents cannot be planned over it.
    pub(crate) fn plan_over(&mut self, fleet: Arc<FleetSpec>) -> Result<(), Failure> {
        let names = (&*self.plan.policy, &*self.plan.update);
        let lane = self.plan.lane.as_ref().map(|lane| lane.name.as_str());
        let plan = plan_over(&fleet, &self.read, names, lane, self.plan.seed)?;
        self.plan = Arc::new(plan);
        self.fleet = fleet;
        Ok(())
    }

    /// As the loop takes it.
    pub(crate) fn proposal(
        self,
        key: Option<String>,
        change: Option<ChangeId>,
        reason: Option<String>,
    ) -> Proposal {
        Proposal {
            key,
            change,
            reason,
            ..self.as_proposal()
        }
    }

    /// The same, under no name.
    pub(crate) fn as_proposal(&self) -> Proposal {
        let texts = self.read.documents.texts.iter();
        let mut documents: Vec<(String, String)> = texts
            .map(|(name, text)| (name.clone(), text.clone()))
            .collect();
        documents.push((
            DIRECTORY.to_owned(),
            self.read.directory.to_string_lossy().into_owned(),
        ));
        Proposal {
            fleet: Arc::clone(&self.fleet),
            plan: Arc::clone(&self.plan),
            documents,
            key: None,
            change: None,
            reason: None,
        }
    }
}

/// Reads the documents at these paths, `.` where there are none.
///
/// # Errors
///
/// Exit code 2: a path that cannot be read, or documents with problems, all of which are reported.
pub(crate) fn read(out: Out, paths: &[PathBuf]) -> Result<Read, Failure> {
    read_all(out, paths, How::Plain)
}

/// As [`read`], with where each value of each host is from.
///
/// # Errors
///
/// As [`read`].
pub(crate) fn read_with_origins(out: Out, paths: &[PathBuf]) -> Result<Read, Failure> {
    read_all(out, paths, How::Origins)
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
    read_all(out, paths, How::PoliciesOf(policies))
}

fn read_all(out: Out, paths: &[PathBuf], how: How<'_>) -> Result<Read, Failure> {
    let here = [PathBuf::from(".")];
    let paths = if paths.is_empty() { &here } else { paths };
    let files = find(paths)?;
    let mut sources = files
        .iter()
        .map(|path| source(path))
        .collect::<Result<Vec<_>, _>>()?;
    let wanted = ringway_policy::imports(&sources);
    // An inventory beside the documents is no document, whatever its name ends in.
    let inventories: Vec<PathBuf> = wanted.iter().filter_map(attached::canonical).collect();
    sources.retain(|source| {
        let is_inventory = |file: PathBuf| inventories.iter().any(|path| file.starts_with(path));
        !fs::canonicalize(&source.name).is_ok_and(is_inventory)
    });
    if let How::PoliciesOf(policies) = how {
        sources.push(source(policies)?);
    }
    // A policy that lies elsewhere may name a calendar.
    let attachments = attached::attachments(&sources, &ringway_policy::imports(&sources));
    let mut origins = None;
    let documents = match how {
        How::Plain => ringway_policy::read_with(&sources, &attachments),
        How::PoliciesOf(_) => ringway_policy::read_with_last_policies(&sources, &attachments),
        How::Origins => ringway_policy::read_with_origins(&sources, &attachments).map(|read| {
            origins = Some(read.1);
            read.0
        }),
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
        origins,
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
    let (names, lane) = ((&*policy, &*update), planned.lane.as_deref());
    let plan = plan_over(&spec, &read, names, lane, planned.seed)?;
    Ok(Prepared {
        fleet: Arc::new(spec),
        plan: Arc::new(plan),
        read,
    })
}

fn plan_over(
    fleet: &FleetSpec,
    read: &Read,
    names: (&str, &str),
    lane: Option<&str>,
    seed: u64,
) -> Result<Plan, Failure> {
    let mut plan = make_plan_in(fleet, &read.documents, names, lane, seed)
        .map_err(|e| Failure::new(End::Invalid, e))?;
    ringway_runtime::zones_of_plan(&plan).map_err(|e| Failure::new(End::Invalid, e))?;
    // Where commands run is part of what is planned, approved and journaled.
    let directory = read.directory.to_string_lossy();
    plan.documents
        .insert(DIRECTORY.to_owned(), Digest::of(directory.as_bytes()));
    Ok(plan)
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
