//! `check`, `plan` and `schema`: what can be said of documents without changing anything.

use ringway_model::{Effect, Rank, Selector, Weight};
use ringway_policy::validated::{self, Advisory};
use ringway_policy::{KINDS, Kind};
use serde::Serialize;

use crate::args::{Documents, Plan, Schema};
use crate::clock;
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
    advisories: Vec<Noticed>,
}

/// An advisory, and whom of the fleet it is about.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Noticed {
    id: String,
    source: String,
    rank: Rank,
    effect: Effect,
    /// Updates among the documents that install what it is about.
    updates: Vec<String>,
    /// Hosts of the fleet that it may affect.
    hosts: usize,
    /// Of these, those that lack labels on which that depends.
    unsure: usize,
}

impl Noticed {
    fn of(advisory: &Advisory, documents: &validated::Documents) -> Self {
        let affects = advisory.affects.as_deref();
        let selector = affects.map_or(Some(Selector::All), |text| Selector::parse(text).ok());
        let (mut hosts, mut unsure) = (0, 0);
        for host in documents.fleet.iter().flat_map(|fleet| &fleet.hosts) {
            let weight = selector
                .as_ref()
                .map(|it| it.weigh(&host.name, &host.labels));
            match weight {
                Some(Weight::Yes) => hosts += 1,
                Some(Weight::Unknown(_)) => {
                    hosts += 1;
                    unsure += 1;
                }
                Some(Weight::No) | None => {}
            }
        }
        let is_of = |update: &&validated::Update| {
            update.releases.iter().any(|release| {
                let mut about = advisory.about.iter();
                about.any(|one| one.means(&release.id, release.build.as_deref()))
            })
        };
        let updates = documents.updates.values().filter(is_of);
        Self {
            id: advisory.id.clone(),
            source: advisory.source.clone(),
            rank: advisory.rank,
            effect: advisory.effect,
            updates: updates.map(|update| update.name.clone()).collect(),
            hosts,
            unsure,
        }
    }

    fn words(&self) -> String {
        let of = if self.updates.is_empty() {
            "what no update here installs".to_owned()
        } else {
            format!("what {} installs", self.updates.join(", "))
        };
        let unsure = match self.unsure {
            0 => String::new(),
            1 => ", 1 of them for want of a label".to_owned(),
            more => format!(", {more} of them for want of labels"),
        };
        let proposal = if self.rank == Rank::Unverified {
            " (a proposal)"
        } else {
            ""
        };
        format!(
            "\nadvisory `{}` of {} ({}): {}{proposal}, of {of}; it may affect {} of the fleet{unsure}",
            self.id,
            self.source,
            self.rank,
            self.effect,
            crate::show::hosts(u32::try_from(self.hosts).unwrap_or(u32::MAX)),
        )
    }
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
        advisories: read
            .documents
            .advisories
            .values()
            .map(|one| Noticed::of(one, &read.documents))
            .collect(),
    };
    out.value(&found, |found| {
        let named = |names: &[String]| {
            if names.is_empty() {
                "none".to_owned()
            } else {
                names.join(", ")
            }
        };
        let mut text = format!(
            "{} files are valid: {} hosts; policies: {}; updates: {}",
            found.files,
            found.hosts,
            named(&found.policies),
            named(&found.updates)
        );
        for one in &found.advisories {
            text.push_str(&one.words());
        }
        text
    });
    if let Some(note) = lacks(&read.documents) {
        out.say(&note);
    }
    for note in on_nobody(&read.documents) {
        out.say(&note);
    }
    Ok(End::Done)
}

/// What no rollout could be planned without. Only a note: documents are checked one by one, too.
fn lacks(documents: &validated::Documents) -> Option<String> {
    let is_there = [
        ("fleet", documents.fleet.is_some()),
        ("policy", !documents.policies.is_empty()),
        ("update", !documents.updates.is_empty()),
    ];
    let missing: Vec<&str> = is_there
        .iter()
        .filter_map(|(kind, there)| (!there).then_some(*kind))
        .collect();
    // Of people, advisories and the like alone nobody expects a plan.
    (!missing.is_empty() && missing.len() < is_there.len()).then(|| {
        format!(
            "note: there is no {} among them, which a plan needs",
            missing.join(" and no ")
        )
    })
}

/// Announced work on hosts that the fleet does not have: it would be declared of nobody.
fn on_nobody(documents: &validated::Documents) -> Vec<String> {
    let Some(fleet) = &documents.fleet else {
        return Vec::new();
    };
    let all = documents.maintenances.values();
    let works = all.flat_map(|one| one.work.iter().map(move |work| (one, work)));
    let matches_none = |selector: &Selector| {
        let mut hosts = fleet.hosts.iter();
        !hosts.any(|host| selector.matches(&host.name, &host.labels))
    };
    works
        .filter(|(_, work)| matches_none(&work.hosts))
        .map(|(one, work)| {
            format!(
                "note: work `{}` of maintenance `{}` is on no host of fleet `{}`",
                work.name, one.name, fleet.name
            )
        })
        .collect()
}

/// `ringway plan`.
pub(crate) fn plan(out: Out, args: &Plan) -> Outcome {
    if let Some(path) = &args.save {
        crate::file::check(path)?;
    }
    let prepared = documents::prepare(out, &args.planned)?;
    let (fleet, plan) = (&prepared.fleet, &prepared.plan);
    let documents = &prepared.read.documents;
    let from = args.from.unwrap_or_else(clock::now);
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
