//! `exception`: which hosts are left out until when; and what `run` and `refresh` do with the exceptions among their documents.
//!
//! A day or a time on the clock becomes an instant here, by the fleet's zone and this machine's time zone database. A document
//! that is not there any more ends nothing: `exception end` does, with a reason.

use std::collections::BTreeSet;
use std::path::Path;

use ringway_calendar::ends;
use ringway_engine::view::ExceptionView;
use ringway_engine::{Command, Exception};
use ringway_model::Timestamp;
use ringway_policy::validated::{Documents, Moment};
use serde::Serialize;

use super::later;
use super::orders::{Aim, Order, give};
use crate::args::{AboutExceptions, AddException, EndException};
use crate::clock;
use crate::documents;
use crate::exit::{End, Failure, Outcome};
use crate::out::Out;
use crate::session::{Informant, Session};
use crate::show::{self, put, until};

/// What documents say of exceptions.
#[derive(Debug, Default)]
pub(crate) struct Written {
    /// Those that have not ended.
    pub(crate) in_force: Vec<Exception>,
    /// Those that have, with when.
    pub(crate) over: Vec<(String, Timestamp)>,
}

/// `ringway exception`.
pub(crate) async fn exception(out: Out, data: &Path, what: AboutExceptions) -> Outcome {
    match what {
        AboutExceptions::List(_) => list(out, data).await,
        AboutExceptions::Add(args) => add(out, data, args).await,
        AboutExceptions::End(args) => end(out, data, args).await,
    }
}

/// One exception, with how long it goes on.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Listed {
    #[serde(flatten)]
    exception: ExceptionView,
    ends_in_ms: ringway_model::Span,
}

async fn list(out: Out, data: &Path) -> Outcome {
    let (_, view) = Informant::look_early(data).await?;
    let now = view.at;
    let listed: Vec<Listed> = view
        .exceptions
        .into_iter()
        .map(|exception| Listed {
            ends_in_ms: exception.until.since(now),
            exception,
        })
        .collect();
    out.value(&listed, |listed| {
        if listed.is_empty() {
            return "no exception is in force".to_owned();
        }
        let all = listed.iter().map(|one| one.exception.clone());
        show::exceptions(&all.collect::<Vec<_>>(), now)
    });
    later::tell_of(out, data, |command| {
        matches!(
            command,
            Command::Except { .. } | Command::EndException { .. }
        )
    })?;
    Ok(End::Done)
}

async fn add(out: Out, data: &Path, args: AddException) -> Outcome {
    let read = documents::read(out, &args.files)?;
    let now = clock::now();
    let written = written(&read.documents, now)?;
    if let Some((id, at)) = written.over.first() {
        let why = format!("exception `{id}` ended at {at}");
        return Err(Failure::new(End::Invalid, why)
            .hint("write an `until` that is to come, once it is approved"));
    }
    if written.in_force.is_empty() {
        let why = "there is no exception among these documents";
        return Err(Failure::new(End::Invalid, why).hint("it begins with `ringway: exception/v1`"));
    }
    let (informant, view) = Informant::look_early(data).await?;
    for one in &written.in_force {
        out.say(&words(one, now));
    }
    if view.fleet.is_none() {
        out.say("no fleet is known yet; the first rollout makes it known");
    }
    let order = Order {
        command: Command::Except {
            exceptions: written.in_force,
        },
        rollout: None,
        aim: Aim::Hold,
        when: args.when,
    };
    give(out, data, &informant, order).await
}

async fn end(out: Out, data: &Path, args: EndException) -> Outcome {
    let informant = Informant::find(data).await?;
    let order = Order {
        command: Command::EndException {
            id: args.id,
            reason: args.reason,
        },
        rollout: None,
        aim: Aim::GoOn,
        when: args.when,
    };
    give(out, data, &informant, order).await
}

/// `exception EXC-1 of radiology: `name = pacs-1` until 2026-07-31T22:00:00Z (in 9d)`.
fn words(one: &Exception, now: Timestamp) -> String {
    format!(
        "exception {} of {}: `{}` until {}",
        one.id,
        one.owner,
        one.hosts,
        until(now, one.until)
    )
}

/// The exceptions of documents, with the instants at which they end.
///
/// # Errors
///
/// Exit code 2: one ends on a day and no fleet says in which zone, or the time zone database lacks that.
pub(crate) fn written(documents: &Documents, now: Timestamp) -> Result<Written, Failure> {
    let mut written = Written::default();
    for one in documents.exceptions.values() {
        let until = match (&one.until, &documents.fleet) {
            (Moment::Instant(at), _) => *at,
            (_, Some(fleet)) => {
                let zone = fleet.calendar.default_zone();
                let names = BTreeSet::from([zone.clone()]);
                let invalid = |why: String| Failure::new(End::Invalid, why);
                let zones = ringway_runtime::zones(&names).map_err(|e| invalid(e.to_string()))?;
                ends(&one.until, &zone, &zones).map_err(|e| invalid(e.to_string()))?
            }
            (moment, None) => {
                let why = format!(
                    "exception `{}` ends on {moment}, and no fleet among the documents says in which zone that is",
                    one.id
                );
                return Err(Failure::new(End::Invalid, why).hint(
                    "name the fleet's document too, or write an instant as `2026-07-31T22:00:00Z`",
                ));
            }
        };
        if until <= now {
            written.over.push((one.id.clone(), until));
            continue;
        }
        written.in_force.push(Exception {
            id: one.id.clone(),
            hosts: one.written.clone(),
            updates: one.updates.clone(),
            until,
            owner: one.owner.clone(),
            reason: one.reason.clone(),
            approved_by: one.approved_by.clone(),
        });
    }
    Ok(written)
}

/// Has a decider take the exceptions of documents, before anything else of them.
///
/// # Errors
///
/// As [`written`]; exit code 1 where the decider refuses one.
pub(crate) async fn bring(
    out: Out,
    session: &Session,
    documents: &Documents,
) -> Result<(), Failure> {
    let now = clock::now();
    let Written { in_force, over } = written(documents, now)?;
    for (id, at) in over {
        out.say(&format!(
            "note: exception {id} ended at {at} and leaves nobody out"
        ));
    }
    if in_force.is_empty() {
        return Ok(());
    }
    let known = session.view().await?.exceptions;
    let is_known = |one: &Exception| {
        known
            .iter()
            .any(|view| (&view.id, &view.select, view.until) == (&one.id, &one.hosts, one.until))
    };
    let mut said = String::new();
    for one in in_force.iter().filter(|one| !is_known(one)) {
        put(&mut said, format_args!("{}\n", words(one, now)));
    }
    let exceptions = in_force;
    session.command(Command::Except { exceptions }).await?;
    said.lines().for_each(|line| out.say(line));
    Ok(())
}

/// What would be brought, in words: for those who only want to know.
///
/// # Errors
///
/// As [`written`].
pub(crate) fn would_bring(out: Out, documents: &Documents) -> Result<(), Failure> {
    let now = clock::now();
    for one in written(documents, now)?.in_force {
        out.say(&words(&one, now));
    }
    Ok(())
}
