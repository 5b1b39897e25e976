//! `ringway import msrc`: Microsoft's month to updates, with what a person should look at.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use ringway_policy::feeds::msrc::{self, Draft, Drafted, Feed, KnownIssue, Wishes};
use ringway_policy::{Source, built_in_recipes, update_alone, write_update};

use super::content;
use super::told::{self, Made};
use crate::args::Msrc;
use crate::exit::{End, Failure, Outcome};
use crate::file;
use crate::out::Out;
use crate::show::put;

/// Ends with 1 where something was left out that was asked for: the document contradicts itself about it.
pub(super) fn import(out: Out, args: &Msrc) -> Outcome {
    let text = content::read(&args.file)?;
    let feed = msrc::read(&text).map_err(|wrong| {
        let why = format!(
            "`{}` is no document of Microsoft's month: {wrong}",
            args.file.display()
        );
        let failure = Failure::new(End::Invalid, why);
        match wrong.hint {
            Some(hint) => failure.hint(hint),
            None => failure,
        }
    })?;
    drop(text);
    if args.list {
        let findings = msrc::draft(&feed, &Wishes::everything(&feed)).findings;
        told::list(out, &feed, &findings, &args.file);
        return Ok(End::Done);
    }
    let wishes = wishes(&feed, args)?;
    let draft = msrc::draft(&feed, &wishes);
    let mut made = Vec::new();
    let mut proposed = BTreeSet::new();
    for drafted in &draft.updates {
        let document = document(&feed, &draft, drafted, &mut proposed);
        check(out, args, drafted, &document)?;
        made.push(Made::new(drafted, document));
    }
    if let Some(to) = &args.out {
        write(to, args.force, &mut made)?;
    }
    told::made(out, args, &feed, &draft, &made);
    let left_out = draft.findings.iter().any(|finding| finding.left_out);
    Ok(if left_out || made.is_empty() {
        End::Refused
    } else {
        End::Done
    })
}

fn wishes(feed: &Feed, args: &Msrc) -> Result<Wishes, Failure> {
    let wishes = Wishes::of(feed, &args.products, &args.map);
    let wishes = wishes.map_err(|wrong| {
        let why = format!("`{}`: {wrong}", args.file.display());
        Failure::new(End::Invalid, why).hint(wrong.hint)
    })?;
    Ok(Wishes {
        hotpatch: (!args.without_hotpatch).then(|| args.hotpatch.clone()),
        core: args.core.clone(),
        name: args.name.clone(),
        recipe: args.recipe.clone(),
        with: args.with.iter().cloned().collect(),
        ..wishes
    })
}

/// The document, with where it is from, and a note for each known issue of what is in it that none has a note on yet.
fn document<'d>(
    feed: &Feed,
    draft: &'d Draft,
    drafted: &Drafted,
    proposed: &mut BTreeSet<&'d str>,
) -> String {
    let revision = feed.revision.as_ref();
    let revision = revision.map(|(number, at)| format!(", revision {number} of {at}"));
    let mut text = format!(
        "# Microsoft, {} ({}{}).\n",
        feed.title,
        feed.id,
        revision.unwrap_or_default()
    );
    text += &write_update(&drafted.update);
    let releases = &drafted.update.releases;
    for issue in &draft.issues {
        let is_of = releases.iter().any(|release| release.id == issue.release);
        if is_of && proposed.insert(&issue.release) {
            text += &note(feed, issue);
        }
    }
    text
}

/// What the document says of a known issue: that there is one. Whom it harms is for a person to read and to write.
fn note(feed: &Feed, issue: &KnownIssue) -> String {
    let id = name_of(feed, issue);
    let lines: Vec<&str> = issue.lines.iter().map(String::as_str).collect();
    let mut text = format!(
        "---\n# Microsoft's document says that there is a known issue, and no more. Read what it is; where it harms hosts of yours, write\n# which in `affects`, and `effect: hold`. As a note it only tells people.\nringway: advisory/v1\nid: {id}\nsource: {{ name: Microsoft, rank: vendor }}\nabout: [{}]\neffect: note\n",
        issue.release
    );
    // Where it is not a place to read it is told in the report, and in no document.
    let url = issue.url.as_deref().filter(|url| {
        let is_plain = |c: char| c.is_ascii_graphic();
        url.len() > "https://".len() && url.starts_with("https://") && url.chars().all(is_plain)
    });
    if let Some(url) = url {
        put(&mut text, format_args!("reference: {}\n", quoted(url)));
    }
    put(
        &mut text,
        format_args!(
            "says: {}\n",
            quoted(&format!(
                "Microsoft lists a known issue of {} on {}",
                issue.release,
                lines.join(", ")
            ))
        ),
    );
    text
}

/// The id of the note on a known issue.
fn name_of(feed: &Feed, issue: &KnownIssue) -> String {
    let plain = |c: &char| c.is_ascii_alphanumeric() || *c == '-';
    let month: String = feed.id.chars().filter(plain).take(40).collect();
    format!("MSRC-{month}-{}", issue.release)
}

/// A text of one line, as YAML takes it whatever is in it.
fn quoted(text: &str) -> String {
    let inner: String = text
        .chars()
        .filter(|c| !c.is_control())
        .flat_map(|c| {
            matches!(c, '"' | '\\')
                .then_some('\\')
                .into_iter()
                .chain([c])
        })
        .collect();
    format!("\"{inner}\"")
}

/// What is written must be what `check` takes: a parameter that the recipe does not have is found here, and not later.
fn check(out: Out, args: &Msrc, drafted: &Drafted, document: &str) -> Result<(), Failure> {
    let name = format!("{} from {}", drafted.update.name, args.file.display());
    let is_built_in = built_in_recipes()
        .iter()
        .any(|known| known.name == args.recipe);
    let read = if is_built_in {
        ringway_policy::read(&[Source::new(&name, document)]).map(drop)
    } else if update_alone(document).is_some() {
        // The recipe is a document of theirs; `check` reads both.
        Ok(())
    } else {
        ringway_policy::read(&[Source::new(&name, document)]).map(drop)
    };
    read.map_err(|problems| crate::documents::report(out, &problems))
}

/// Writes all of them, or none where one of the files is there.
fn write(to: &Path, force: bool, made: &mut [Made]) -> Result<(), Failure> {
    let is_directory = to.is_dir() || to.as_os_str().to_string_lossy().ends_with('/');
    let paths: Vec<PathBuf> = if is_directory {
        made.iter()
            .map(|one| to.join(format!("{}.yaml", one.name)))
            .collect()
    } else {
        made.first().map(|_| to.to_owned()).into_iter().collect()
    };
    for path in &paths {
        if !force && path.symlink_metadata().is_ok() {
            let why = format!("`{}` is there, and nothing was written", path.display());
            return Err(Failure::new(End::Refused, why).hint("`--force` writes over it"));
        }
    }
    if is_directory {
        std::fs::create_dir_all(to).map_err(|e| {
            Failure::new(
                End::Refused,
                format!("`{}` cannot be made: {e}", to.display()),
            )
        })?;
    }
    for path in &paths {
        file::check(path)?;
    }
    if is_directory {
        for (one, path) in made.iter_mut().zip(paths) {
            file::write(&path, &one.document)?;
            one.file = Some(path);
        }
    } else if let [path] = paths.as_slice() {
        let all: Vec<&str> = made.iter().map(|one| one.document.as_str()).collect();
        file::write(path, &all.join("---\n"))?;
        for one in made {
            one.file = Some(path.clone());
        }
    }
    Ok(())
}
