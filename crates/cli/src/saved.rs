//! A plan in a file: what was reviewed is what runs.
//!
//! The file has the plan, its fleet, and the text of every document, under one digest. It is no way around the documents: a
//! plan is run only where they still give it, so that what runs is what they say and what was reviewed.
//!
//! # Invariants
//!
//! * A file that was changed, or is not whole, is not run.
//! * Documents, fleet, directory and choices on disk give the very plan of the file, or nothing is run and what differs is named.
//! * Whoever runs it registers the documents, as with every other rollout.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use ringway_model::Digest;
use ringway_runtime::Bundle;
use ringway_scheduler::Plan;
use serde::{Deserialize, Serialize};

use crate::args::{Documents, Planned};
use crate::documents::{self, Prepared};
use crate::exit::{End, Failure};
use crate::file;
use crate::out::Out;

/// The format of the file.
const FORMAT: &str = "plan/v1";

/// Plans of a large fleet are some megabytes; more than this is something else.
const MAX_BYTES: u64 = 1 << 30;

/// What the file holds.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Saved {
    content: Content,
    /// Of the content, as it is written here.
    digest: Digest,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Content {
    ringway: String,
    /// The plan's digest, as approvals and the journal name it.
    plan: Digest,
    policy: String,
    update: String,
    /// The lane, where it is made in one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    lane: Option<String>,
    seed: u64,
    /// Where the documents were read, absolute.
    paths: Vec<PathBuf>,
    bundle: Bundle,
}

impl Content {
    fn digest(&self) -> Digest {
        let bytes = serde_json::to_vec(self).expect("it is plain values with string keys");
        Digest::of(&bytes)
    }
}

/// Writes the plan with everything it was made from.
///
/// # Errors
///
/// Exit code 1: it cannot be written. Exit code 2: a path that cannot be named in it.
pub(crate) fn write(path: &Path, planned: &Planned, prepared: &Prepared) -> Result<(), Failure> {
    let here = [PathBuf::from(".")];
    let paths = match planned.documents.paths.as_slice() {
        [] => &here,
        paths => paths,
    };
    let paths = paths
        .iter()
        .map(|path| {
            let absolute = fs::canonicalize(path)
                .map_err(|e| broken(path, &format!("it cannot be read: {e}")))?;
            // JSON has no names that are not UTF-8.
            let named = absolute.to_str().is_some();
            named
                .then_some(absolute)
                .ok_or_else(|| broken(path, &"its name is not UTF-8"))
        })
        .collect::<Result<_, _>>()?;
    let content = Content {
        ringway: FORMAT.to_owned(),
        plan: prepared.digest(),
        policy: prepared.plan.policy.clone(),
        update: prepared.plan.update.clone(),
        lane: prepared.plan.lane.as_ref().map(|lane| lane.name.clone()),
        seed: prepared.plan.seed,
        paths,
        bundle: Bundle::pack(&prepared.as_proposal()),
    };
    let saved = Saved {
        digest: content.digest(),
        content,
    };
    let text = serde_json::to_string_pretty(&saved).expect("it is plain values with string keys");
    file::write(path, &(text + "\n"))
}

/// Everything a rollout of the saved plan is made of, where the documents still give that plan.
///
/// # Errors
///
/// Exit code 2: the file is no saved plan or was changed, or the documents are invalid. Exit code 1: they give another plan.
pub(crate) fn prepare(out: Out, path: &Path) -> Result<Prepared, Failure> {
    let content = read(path)?;
    let planned = Planned {
        documents: Documents {
            paths: content.paths,
        },
        policy: Some(content.policy),
        update: Some(content.update),
        lane: content.lane,
        seed: content.seed,
    };
    let reviewed = content.bundle.unpack().map_err(|e| broken(path, &e))?;
    if reviewed.plan.digest() != content.plan {
        return Err(broken(path, &"its plan has another digest"));
    }
    for (name, digest) in &reviewed.plan.documents {
        let texts = reviewed.documents.iter();
        let text = texts.clone().find(|(of, _)| of == name);
        if text.is_none_or(|(_, text)| Digest::of(text.as_bytes()) != *digest) {
            return Err(broken(
                path,
                &format!("it does not have the text of {name}"),
            ));
        }
    }
    let prepared = documents::prepare(out, &planned)?;
    if prepared.digest() == content.plan {
        return Ok(prepared);
    }
    let why = format!(
        "the documents no longer give plan {} of `{}`: {}",
        content.plan.short(),
        path.display(),
        differences(&reviewed.plan, &prepared.plan)
    );
    Err(Failure::new(End::Refused, why).hint(
        "bring the documents back to what was reviewed, or make, review and save a new plan: `ringway plan --save FILE`",
    ))
}

fn read(path: &Path) -> Result<Content, Failure> {
    let unreadable = |e: std::io::Error| broken(path, &format!("it cannot be read: {e}"));
    let meta = fs::metadata(path).map_err(unreadable)?;
    if !meta.is_file() || meta.len() > MAX_BYTES {
        return Err(broken(path, &"it is no saved plan"));
    }
    let bytes = fs::read(path).map_err(unreadable)?;
    let saved: Saved = serde_json::from_slice(&bytes)
        .map_err(|e| broken(path, &format!("it is no saved plan: {e}")))?;
    if saved.content.ringway != FORMAT {
        let found = saved.content.ringway;
        return Err(broken(
            path,
            &format!("it is `{found}`, and this Ringway reads `{FORMAT}`"),
        ));
    }
    if saved.content.digest() != saved.digest {
        return Err(broken(
            path,
            &"it was changed after it was saved, or is not whole: its digest is another",
        ));
    }
    Ok(saved.content)
}

/// Which documents differ, by name.
fn differences(reviewed: &Plan, now: &Plan) -> String {
    let (before, after) = (&reviewed.documents, &now.documents);
    let missing = |one: &BTreeMap<String, Digest>, other: &BTreeMap<String, Digest>| {
        let names = one.keys().filter(|name| !other.contains_key(*name));
        names.map(|name| format!("`{name}`")).collect::<Vec<_>>()
    };
    let changed: Vec<String> = before
        .iter()
        .filter(|(name, digest)| after.get(*name).is_some_and(|now| now != *digest))
        .map(|(name, _)| format!("`{name}`"))
        .collect();
    let mut parts = Vec::new();
    for (what, names) in [
        ("changed", changed),
        ("gone", missing(before, after)),
        ("new", missing(after, before)),
    ] {
        if !names.is_empty() {
            parts.push(format!("{what}: {}", names.join(", ")));
        }
    }
    if parts.is_empty() {
        "every document is the same, and this version of Ringway makes another plan of them"
            .to_owned()
    } else {
        parts.join("; ")
    }
}

fn broken(path: &Path, why: &impl std::fmt::Display) -> Failure {
    Failure::new(End::Invalid, format!("`{}`: {why}", path.display()))
}
