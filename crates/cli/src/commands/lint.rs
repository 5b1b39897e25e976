//! `lint`: what is valid and still a mistake, with its place. What is one is decided by the rules of the scheduler.

use std::fmt::Write as _;

use ringway_calendar::Zones;
use ringway_policy::validated::{Acceptance, Documents};
use ringway_policy::{Places, Spot};
use ringway_scheduler::lint::{
    Finding, LintReport, Pair, Question, Severity, Skipped, about, codes, intro, lint as look,
};
use serde::Serialize;

use crate::args::Lint;
use crate::asking;
use crate::clock;
use crate::documents::{self, choose};
use crate::exit::{End, Failure, Outcome};
use crate::here;
use crate::near::nearest;
use crate::out::Out;
use crate::show::{bold, put};

/// Plans named in one line.
const SHOWN: usize = 3;

/// Everything that was found, as data.
#[derive(Debug, Serialize)]
struct Told {
    fleet: String,
    seed: u64,
    plans: Vec<Pair>,
    skipped: Vec<Skipped>,
    errors: usize,
    warnings: usize,
    notes: usize,
    accepted: usize,
    findings: Vec<One>,
}

/// One finding, with its place.
#[derive(Debug, Serialize)]
struct One {
    code: &'static str,
    severity: Severity,
    /// Kind and name of the document it is about.
    about: String,
    /// Where; absent for a document that is built in.
    place: Option<Spot>,
    message: String,
    hint: String,
    /// The plans it is found in; empty where it is about no plan.
    plans: Vec<Pair>,
    accepted: Option<Accepted>,
}

/// Why a finding does not count.
#[derive(Debug, Serialize)]
struct Accepted {
    by: String,
    reason: String,
    until: Option<String>,
}

/// A kind of finding, as data.
#[derive(Debug, Serialize)]
struct Kind {
    code: &'static str,
    severity: Severity,
    in_plan: bool,
    can_be_accepted: bool,
    about: &'static str,
}

/// `ringway lint`.
pub(crate) fn lint(out: Out, args: &Lint) -> Outcome {
    if let Some(code) = &args.explain {
        return explain(out, code);
    }
    let read = documents::read(out, &args.documents.paths)?;
    let documents = &read.documents;
    let fleet = asking::fleet(documents)?;
    for (kind, wanted, names) in [
        (
            "policy",
            &args.policy,
            documents.policies.keys().collect::<Vec<_>>(),
        ),
        ("update", &args.update, documents.updates.keys().collect()),
    ] {
        if wanted.is_some() {
            choose(kind, wanted.as_deref(), names.into_iter())?;
        }
    }
    let here = here::here(&fleet);
    let zones = zones(&read.documents);
    if let Err(why) = &zones {
        out.say(&format!(
            "what only a calendar shows is not looked for: {why}"
        ));
    }
    let report = look(&Question {
        fleet: &fleet,
        documents,
        policy: args.policy.as_deref(),
        update: args.update.as_deref(),
        seed: args.seed,
        now: clock::now(),
        here: &here,
        zones: zones.as_ref().ok(),
    });
    let several = documents.policies.len() > 1 || documents.updates.len() > 1;
    let report = report.map_err(|e| {
        let failure = Failure::new(End::Invalid, e);
        if several {
            failure.hint("look at the others with `--policy NAME` or `--update NAME`; an update that is not for these hosts says so by the `select` of its releases")
        } else {
            failure
        }
    })?;
    let counts = report.findings.iter().any(Finding::counts);
    let told = told(report, &Places::of(&read.sources), &fleet.name, args.seed);
    out.value(&told, words);
    Ok(if counts { End::Refused } else { End::Done })
}

/// The time zone database, as far as the documents need it.
fn zones(documents: &Documents) -> Result<Zones, ringway_runtime::ZonesError> {
    let names = documents.fleet.as_ref().map(|fleet| {
        let policies = documents.policies.values();
        ringway_calendar::zones_of(fleet, policies)
    });
    ringway_runtime::zones(&names.unwrap_or_default())
}

/// With their places, in the order in which somebody reads the files.
fn told(report: LintReport, places: &Places<'_>, fleet: &str, seed: u64) -> Told {
    let count = |severity| {
        let open = report.findings.iter().filter(|one| one.accepted.is_none());
        open.filter(|one| one.severity == severity).count()
    };
    let (errors, warnings, notes) = (
        count(Severity::Error),
        count(Severity::Warning),
        count(Severity::Note),
    );
    let accepted = report.findings.len() - errors - warnings - notes;
    let mut findings: Vec<One> = report
        .findings
        .into_iter()
        .map(|one| One {
            code: one.code,
            severity: one.severity,
            about: one.at.of(),
            place: places.find(&one.at),
            message: one.message,
            hint: one.hint,
            plans: one.plans,
            accepted: one.accepted.map(accepted_by),
        })
        .collect();
    let key = |one: &One| {
        let place = one.place.as_ref();
        place.map(|spot| (spot.source.clone(), spot.line, spot.column))
    };
    findings.sort_by_key(key);
    Told {
        fleet: fleet.to_owned(),
        seed,
        plans: report.plans,
        skipped: report.skipped,
        errors,
        warnings,
        notes,
        accepted,
        findings,
    }
}

fn accepted_by(acceptance: Acceptance) -> Accepted {
    Accepted {
        until: acceptance.last_day(),
        by: acceptance.of,
        reason: acceptance.reason,
    }
}

/// For people: what counts first, each in its place, then what is accepted and why, and the sum.
fn words(told: &Told) -> String {
    let mut text = String::new();
    let open: Vec<&One> = told
        .findings
        .iter()
        .filter(|one| one.accepted.is_none())
        .collect();
    for of_source in open.chunk_by(|a, b| source(a) == source(b)) {
        let plural = if of_source.len() == 1 { "" } else { "s" };
        let head = format!(
            "{} has {} finding{plural}",
            source(of_source[0]),
            of_source.len()
        );
        put(&mut text, format_args!("{}\n", bold(&head)));
        for one in of_source {
            put(&mut text, format_args!("{}", said(one, &told.plans)));
        }
        text.push('\n');
    }
    let accepted = told.findings.iter().filter(|one| one.accepted.is_some());
    for (at, one) in accepted.enumerate() {
        if at == 0 {
            put(&mut text, format_args!("{}\n\n", bold("accepted")));
        }
        put(&mut text, format_args!("{}", accepted_words(one)));
    }
    if told.accepted > 0 {
        text.push('\n');
    }
    for skipped in &told.skipped {
        put(
            &mut text,
            format_args!("left out: {}: {}\n", in_words(&skipped.plan), skipped.why),
        );
    }
    put(&mut text, format_args!("{}\n", sum(told)));
    text
}

fn source(one: &One) -> String {
    match &one.place {
        Some(spot) => format!("{} `{}`", spot.document, spot.source),
        None => format!("`{}`", one.about),
    }
}

/// One finding: where, how grave, which, what, the line, a hint.
fn said(one: &One, plans: &[Pair]) -> String {
    let message = format!("{}[{}]: {}", one.severity.word(), one.code, one.message);
    let mut text = match &one.place {
        Some(spot) => spot.with(&message, &one.hint),
        None => format!("\n  {message}\n  hint: {}\n", one.hint),
    };
    // Where it is found in every plan, or in the only one, nobody has to be told in which.
    if !one.plans.is_empty() && one.plans.len() < plans.len() {
        let named: Vec<String> = one.plans.iter().take(SHOWN).map(in_words).collect();
        let more = match one.plans.len().saturating_sub(SHOWN) {
            0 => String::new(),
            more => format!(", and {more} more"),
        };
        put(
            &mut text,
            format_args!("  in: {}{more}\n", named.join(", ")),
        );
    }
    text
}

fn in_words(pair: &Pair) -> String {
    match &pair.update {
        Some(update) => format!("policy `{}` with update `{update}`", pair.policy),
        None => format!("policy `{}`", pair.policy),
    }
}

fn accepted_words(one: &One) -> String {
    let Some(accepted) = &one.accepted else {
        return String::new();
    };
    let place = match &one.place {
        Some(spot) => format!("{}:{}:{}", spot.source, spot.line, spot.column),
        None => one.about.clone(),
    };
    let until = match &accepted.until {
        Some(day) => format!(", until {day}"),
        None => String::new(),
    };
    format!(
        "  {place}  {}[{}]: {}\n  accepted by {}{until}: {}\n",
        one.severity.word(),
        one.code,
        one.message,
        accepted.by,
        accepted.reason
    )
}

fn sum(told: &Told) -> String {
    let mut parts = Vec::new();
    for (count, word) in [
        (told.errors, "error"),
        (told.warnings, "warning"),
        (told.notes, "note"),
    ] {
        match count {
            0 => {}
            1 => parts.push(format!("1 {word}")),
            count => parts.push(format!("{count} {word}s")),
        }
    }
    if told.accepted > 0 {
        parts.push(format!("{} accepted", told.accepted));
    }
    let what = if parts.is_empty() {
        "nothing".to_owned()
    } else {
        parts.join(", ")
    };
    let plans = match told.plans.as_slice() {
        [one] => in_words(one),
        all => format!("{} plans", all.len()),
    };
    let mut text = format!("{what} found in fleet `{}`: {plans}", told.fleet);
    if told.errors + told.warnings + told.notes > 0 {
        text.push_str("\n`ringway lint --explain CODE` says what a finding means");
    }
    text
}

/// `ringway lint --explain`.
fn explain(out: Out, code: &str) -> Outcome {
    let all: Vec<Kind> = codes()
        .into_iter()
        .map(|one| Kind {
            code: one.code,
            severity: one.severity,
            in_plan: one.in_plan,
            can_be_accepted: one.can_be_accepted,
            about: about(one.code).unwrap_or_default(),
        })
        .collect();
    if code.is_empty() {
        if out.is_text() {
            let mut text = format!("{}\n\n", intro());
            for one in &all {
                let word = one.severity.word();
                let _ = writeln!(text, "  {word:<8} {}", one.code);
            }
            out.text(&text);
        } else {
            out.values(&all, |one| one.code.to_owned());
        }
        return Ok(End::Done);
    }
    let Some(one) = all.iter().find(|one| one.code == code) else {
        let failure = Failure::new(End::Invalid, format!("there is no finding `{code}`"));
        let names = all.iter().map(|one| one.code);
        return Err(match nearest(code, names) {
            Some(near) => failure.hint(format!("did you mean `{near}`?")),
            None => failure.hint("`ringway lint --explain` lists them"),
        });
    };
    out.value(one, |one| one.about.to_owned());
    Ok(End::Done)
}
