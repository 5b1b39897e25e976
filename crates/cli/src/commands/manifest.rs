//! `manifest`: asks one host of each product line what an update would install there now, and writes that into the
//! update's document. Changes nothing on the host but what the recipe's `manifest` step refreshes to be able to say it.

use std::path::Path;

use ringway_drivers::{Driver, Drivers, quote};
use ringway_model::RawReport;
use ringway_policy::validated::{Command, Recipe, Step, Update};
use ringway_scheduler::FleetSpec;
use serde::Serialize;

use crate::args::Manifest;
use crate::asking::{self, MANIFEST};
use crate::documents;
use crate::exit::{End, Failure, Outcome};
use crate::follow::Interrupts;
use crate::out::Out;
use crate::reaching;

/// What was settled.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Settled {
    update: String,
    releases: Vec<SettledRelease>,
    /// The update's document with the manifests in it.
    document: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct SettledRelease {
    release: String,
    host: String,
    manifest: String,
}

/// `ringway manifest`.
pub(crate) async fn manifest(out: Out, data: &Path, args: &Manifest) -> Outcome {
    let read = documents::read(out, &args.documents.paths)?;
    let updates = &read.documents.updates;
    let name = documents::choose("update", Some(&args.update), updates.keys())?;
    let mut update = updates[&name].clone();
    let recipe = read.documents.recipes.get(&update.recipe).ok_or_else(|| {
        Failure::new(
            End::Invalid,
            format!("there is no recipe `{}`", update.recipe),
        )
    })?;
    let Some(step) = &recipe.manifest else {
        let why = format!(
            "recipe `{}` installs what the release names: it has no manifest",
            recipe.name
        );
        return Err(Failure::new(End::Invalid, why).hint("`ringway recipes` says which have one"));
    };
    let fleet = asking::fleet(&read.documents)?;
    let drivers = reaching::drivers(data, args.connections).map_err(|e| {
        Failure::new(
            End::Refused,
            format!("failed to find the current directory: {e}"),
        )
    })?;
    let mut interrupts = Interrupts::listen()?;
    let mut releases = Vec::new();
    for host in &args.on {
        let asked = tokio::select! {
            asked = ask(&drivers, &fleet, &read.directory, &update, recipe, step, host) => asked?,
            () = interrupts.next() => return Ok(End::Interrupted),
        };
        let (index, manifest) = asked;
        let release = &mut update.releases[index];
        release.with.insert(MANIFEST.to_owned(), manifest.clone());
        releases.push(SettledRelease {
            release: release.id.clone(),
            host: host.clone(),
            manifest,
        });
    }
    let settled = Settled {
        update: name,
        releases,
        document: ringway_policy::write_update(&update),
    };
    out.value(&settled, |settled| settled.document.clone());
    Ok(End::Done)
}

/// The place of the host's release in the update, and its manifest.
async fn ask(
    drivers: &Drivers,
    fleet: &FleetSpec,
    directory: &Path,
    update: &Update,
    recipe: &Recipe,
    step: &Step,
    host: &str,
) -> Result<(usize, String), Failure> {
    let spec = asking::host(fleet, host)?;
    let (index, release) = asking::release(update, spec).ok_or_else(|| {
        let why = format!("update `{}` has no release for `{host}`", update.name);
        Failure::new(End::Invalid, why)
            .hint("its releases are chosen by `select`, the first that matches counts")
    })?;
    let mut release = release.clone();
    // What is asked for must not depend on what an earlier answer was.
    release.with.insert(MANIFEST.to_owned(), String::new());
    let route = asking::route(&release, recipe).map_err(|e| Failure::new(End::Invalid, e))?;
    let step = Step {
        run: apart(&step.run).map_err(|e| Failure::new(End::Invalid, e))?,
        ..step.clone()
    };
    let reach = asking::reach(fleet, spec, directory);
    let request = asking::question(fleet, spec, reach, &update.name, &route, &step);
    let failed = |why: String| {
        Failure::new(
            End::Refused,
            format!("`{host}` did not say its manifest: {why}"),
        )
    };
    let report = drivers.question(request).await;
    let RawReport::Ended {
        exit: 0, output, ..
    } = &report
    else {
        return Err(failed(words(report)));
    };
    let manifest = output.trim();
    if manifest.starts_with('[') && manifest.contains(" bytes before this were dropped]") {
        return Err(failed("it is longer than can be taken over".to_owned()));
    }
    if manifest.is_empty() {
        let why = "it printed nothing: there is nothing to install";
        return Err(failed(why.to_owned()));
    }
    Ok((index, manifest.to_owned()))
}

/// The command with its complaints kept apart: what it prints on standard error is no part of a manifest, and is shown
/// only where it fails.
fn apart(command: &Command) -> Result<Command, quote::QuoteError> {
    let text = match command {
        Command::Shell(text) => text.clone(),
        Command::Program(words) => {
            let words = words.iter().map(|word| quote::quote(word));
            words.collect::<Result<Vec<_>, _>>()?.join(" ")
        }
    };
    Ok(Command::Shell(format!(
        "exec 3>&1\nringway_errors=$( (\n{text}\n) 2>&1 >&3 3>&-)\nringway_exit=$?\nexec 3>&-\n\
         [ \"$ringway_exit\" -eq 0 ] || printf '%s\\n' \"$ringway_errors\"\nexit \"$ringway_exit\"\n"
    )))
}

fn words(report: RawReport) -> String {
    match report {
        RawReport::Ended { exit, output, .. } => {
            format!(
                "its command ended with exit code {exit}\n{}",
                output.trim_end()
            )
        }
        RawReport::TimedOut { output } => {
            format!("its command did not end in time\n{}", output.trim_end())
        }
        RawReport::Unreachable { why } | RawReport::Refused { why } => why,
        RawReport::Interrupted
        | RawReport::NeverStarted
        | RawReport::Withdrawn
        | RawReport::NotBack { .. }
        | RawReport::Fenced { .. } => "the connection was lost".to_owned(),
    }
}
