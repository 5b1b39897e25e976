//! `check`, `plan` and `schema`: what can be said of documents without changing anything.

use ringway_policy::{KINDS, Kind};
use ringway_runtime::Clock;
use serde::Serialize;

use crate::args::{Documents, Plan, Schema};
use crate::documents;
use crate::exit::{End, Failure, Outcome};
use crate::out::Out;
use crate::saved;

/// What a command of an import prints is no document that people write, and has a schema all the same.
const INVENTORY: &str = "inventory";

/// What a check found, where nothing is wrong.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Found {
    files: usize,
    hosts: usize,
    policies: Vec<String>,
    updates: Vec<String>,
}

/// `ringway check`: problems are printed where they are found.
pub(crate) fn check(out: Out, args: &Documents) -> Outcome {
    let read = documents::read(out, &args.paths)?;
    let found = Found {
        files: read.files,
        hosts: read
            .documents
            .fleet
            .as_ref()
            .map_or(0, |fleet| fleet.hosts.len()),
        policies: read.documents.policies.keys().cloned().collect(),
        updates: read.documents.updates.keys().cloned().collect(),
    };
    out.value(&found, |found| {
        let named = |names: &[String]| {
            if names.is_empty() {
                "none".to_owned()
            } else {
                names.join(", ")
            }
        };
        format!(
            "{} files are valid: {} hosts; policies: {}; updates: {}",
            found.files,
            found.hosts,
            named(&found.policies),
            named(&found.updates)
        )
    });
    Ok(End::Done)
}

/// `ringway plan`.
pub(crate) fn plan(out: Out, args: &Plan) -> Outcome {
    if let Some(path) = &args.save {
        crate::file::check(path)?;
    }
    let prepared = documents::prepare(out, &args.planned)?;
    let (fleet, plan) = (&prepared.fleet, &prepared.plan);
    let documents = &prepared.read.documents;
    let from = args.from.unwrap_or_else(|| Clock::default().now());
    let mut names = plan.zones();
    names.extend(
        documents
            .fleet
            .as_ref()
            .and_then(|fleet| fleet.calendar.zone.clone()),
    );
    // A plan is worth something without a calendar too.
    let zones = ringway_runtime::zones(&names).map_err(|e| e.to_string());
    let report = zones.and_then(|zones| {
        ringway_scheduler::explain_at(fleet, plan, documents, &zones, from)
            .map_err(|e| e.to_string())
    });
    let report = report.unwrap_or_else(|why| {
        out.say(&format!("when rings can be is not said: {why}"));
        ringway_scheduler::explain(fleet, plan, documents)
    });
    out.value(&report, ringway_scheduler::render);
    if let Some(path) = &args.save {
        saved::write(path, &args.planned, &prepared)?;
        out.say(&format!(
            "saved plan {} as `{}`; `ringway run --plan {}` runs exactly this",
            prepared.digest().short(),
            path.display(),
            path.display()
        ));
    }
    Ok(End::Done)
}

/// `ringway schema`.
pub(crate) fn schema(out: Out, args: &Schema) -> Outcome {
    if args.kind == INVENTORY {
        out.value(&ringway_policy::inventory_schema(), |schema| {
            format!("{schema:#}")
        });
        return Ok(End::Done);
    }
    let kind = Kind::of(&args.kind).ok_or_else(|| {
        let kinds = KINDS.map(Kind::word).join(", ");
        Failure::new(
            End::Invalid,
            format!("there is no kind of document `{}`", args.kind),
        )
        .hint(format!("there are: {kinds}, {INVENTORY}"))
    })?;
    // A schema is JSON whatever was asked for.
    out.value(&ringway_policy::schema(kind), |schema| {
        format!("{schema:#}")
    });
    Ok(End::Done)
}
