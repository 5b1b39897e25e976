//! `supersede`: puts a newer rollout in the place of one that did harm.
//!
//! In which parts the old one left the fleet follows from the journal, and the plan from the documents and those parts; both
//! are worked out here. Whether they still fit is the decider's to say. Where they do not, because hosts have moved to
//! another part meanwhile, they are worked out again.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ringway_engine::{Command, Engine};
use ringway_executor::port::Supersession;
use ringway_model::{Content, Digest, RolloutId};
use ringway_policy::validated::{Documents, Update};
use ringway_runtime::inbox::{self, Errand};
use ringway_runtime::{DIRECTORY, Superseding, is_observed};
use ringway_scheduler::{
    FleetSpec, Part, Plan, PlanReport, Situation, explain, explain_at, make_superseding,
    refresh_fleet, render, superseded_by,
};
use serde::Serialize;

use super::{advisories, exceptions, later, refresh};
use crate::args;
use crate::asking;
use crate::clock;
use crate::documents::{self, Prepared, Read, choose};
use crate::exit::{End, Failure, Outcome};
use crate::follow::{Until, follow};
use crate::journal;
use crate::out::Out;
use crate::session::{Beginning, Session};
use crate::show::{self, put};

/// How often it is worked out again before a person is asked to. Hosts move within seconds while a rollout advances, and not
/// any more once it is halted.
const TRIES: u32 = 5;

/// Hosts that are named of a part; the rest is counted.
const NAMED: usize = 8;

/// What a supersession would do, or did.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Told {
    /// The rollout whose place is taken.
    rollout: RolloutId,
    /// The one that takes it; absent where nothing was changed.
    by: Option<RolloutId>,
    /// The new update.
    update: String,
    /// By part: its hosts. Whoever is in none is untouched.
    parts: BTreeMap<Part, Vec<String>>,
    /// Targets of the new rollout that have nothing of the old one.
    untouched: usize,
    /// Hosts of a part for which the new update has no release, or its policy no ring.
    left_out: Vec<String>,
    /// What is poisoned with it.
    poison: Vec<String>,
    /// The plan, where it is only shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    plan: Option<Box<PlanReport>>,
}

/// What is asked for, read.
struct Asked {
    rollout: RolloutId,
    read: Read,
    update: String,
    policy: Option<String>,
    lane: Option<String>,
    poison: bool,
}

/// What was worked out.
struct Made {
    prepared: Prepared,
    situation: Situation,
    poison: Vec<Content>,
}

/// `ringway supersede`.
pub(crate) async fn supersede(out: Out, data: &Path, args: args::Supersede) -> Outcome {
    if args.reason.trim().is_empty() && !args.dry_run {
        let why = "superseding a rollout needs a reason";
        return Err(Failure::new(End::Invalid, why).hint("say why: `--reason`"));
    }
    let (read, update) = read(out, &args)?;
    let asked = Asked {
        rollout: args.rollout,
        read,
        update,
        policy: args.policy.clone(),
        lane: args.lane.clone(),
        poison: args.poison,
    };
    if args.dry_run {
        let past = journal::fold(data).await?;
        let fleet = fleet_as_it_would_be(&past.engine, &asked.read)?;
        let made = asked.make(&past.engine, fleet, is_observed(data))?;
        asked.would_fit(past.engine, &made, &args)?;
        exceptions::would_bring(out, &asked.read.documents)?;
        advisories::would_bring(out, &asked.read.documents);
        let mut told = made.told(asked.rollout, None);
        told.plan = Some(Box::new(report(out, &made.prepared)));
        out.value(&told, words);
        return Ok(End::Done);
    }
    if args.when.later && Session::running(data).await?.is_none() {
        return leave(out, data, &asked, args).await;
    }
    let waited = later::waiting(data)?;
    let beginning = Beginning {
        bounds: args.when.bounds,
        observe: is_observed(data),
    };
    let session = Session::open_or_start(data, beginning).await?;
    if session.is_here() {
        later::tell(out, data, waited).await;
    }
    let told = match carry_out(out, data, &session, &asked, &args).await {
        Ok(told) => told,
        Err(failure) => {
            session.close().await;
            return Err(failure);
        }
    };
    out.value(&told, words);
    if !session.is_here() {
        return Ok(End::Done);
    }
    out.say("nothing ran here, so this process goes on with it; Ctrl-C leaves it safely");
    let until = Until {
        rollout: told.by,
        or_a_person: true,
        taken_back: false,
    };
    follow(out, session, until).await
}

/// Reads the documents, and finds the update that is meant.
fn read(out: Out, args: &args::Supersede) -> Result<(Read, String), Failure> {
    let file = Path::new(&args.with);
    let mut paths = args.documents.paths.clone();
    if !file.is_file() {
        let read = documents::read(out, &paths)?;
        let update = choose("update", Some(&args.with), read.documents.updates.keys())?;
        return Ok((read, update));
    }
    if paths.is_empty() {
        paths.push(PathBuf::from("."));
    }
    paths.push(file.to_owned());
    let read = documents::read(out, &paths)?;
    let text = std::fs::read_to_string(file).map_err(|e| {
        let why = format!("`{}` cannot be read: {e}", file.display());
        Failure::new(End::Invalid, why)
    })?;
    let is_there = |name: &&String| {
        let written = read.documents.texts.get(&format!("update/{name}"));
        written.is_some_and(|written| text.contains(written.trim()))
    };
    let updates: Vec<&String> = read.documents.updates.keys().filter(is_there).collect();
    match updates.as_slice() {
        [one] => {
            let update = (*one).clone();
            Ok((read, update))
        }
        [] => Err(
            Failure::new(End::Invalid, format!("`{}` has no update", file.display()))
                .hint("an update begins with `ringway: update/v1`"),
        ),
        several => {
            let names: Vec<&str> = several.iter().map(|name| name.as_str()).collect();
            let why = format!("`{}` has several updates", file.display());
            let hint = format!("say which by its name: {}", names.join(", "));
            Err(Failure::new(End::Invalid, why).hint(hint))
        }
    }
}

/// Takes the place of the old rollout, and makes the plan again where hosts have moved meanwhile.
async fn carry_out(
    out: Out,
    data: &Path,
    session: &Session,
    asked: &Asked,
    args: &args::Supersede,
) -> Result<Told, Failure> {
    exceptions::bring(out, session, &asked.read.documents).await?;
    advisories::bring(out, session, &asked.read.documents).await?;
    let mut tries = 1;
    loop {
        let past = journal::fold(data).await?;
        let fleet = if takes_fleet_in(&past.engine, &asked.read)? {
            let (fleet, changes) = refresh::take_in(data, session, &asked.read).await?;
            refresh::words(&changes)
                .lines()
                .for_each(|line| out.say(line));
            fleet
        } else {
            fleet_as_it_would_be(&past.engine, &asked.read)?
        };
        let past = journal::fold(data).await?;
        let made = asked.make(&past.engine, fleet, is_observed(data))?;
        match session.supersede(made.supersession(asked, args)).await {
            Ok(accepted) => {
                if !accepted.changed {
                    out.say("it was superseded by just this already");
                }
                return Ok(made.told(asked.rollout, accepted.rollout));
            }
            Err(failure) if is_stale(&failure) && tries < TRIES => tries += 1,
            Err(failure) => return Err(failure),
        }
    }
}

fn is_stale(failure: &Failure) -> bool {
    ["(stale-parts)", "(stale-fleet)", "(fleet-changed)"]
        .iter()
        .any(|code| failure.why.ends_with(code))
}

/// Leaves it for whoever decides next. What it means is worked out after everything that waits already.
async fn leave(out: Out, data: &Path, asked: &Asked, args: args::Supersede) -> Outcome {
    let past = journal::fold(data).await?;
    let mut engine = past.engine.clone();
    for one in later::waiting(data)? {
        // Whether it fits is for its own answer to say.
        drop(one.errand.map(|errand| later::foresee(&mut engine, errand)));
    }
    if takes_fleet_in(&engine, &asked.read)? {
        let why = "the fleet is another one than rollouts in flight run over";
        return Err(Failure::new(End::Refused, why)
            .hint("`ringway refresh` takes it in; or leave `--later` out"));
    }
    let fleet = fleet_as_it_would_be(&engine, &asked.read)?;
    // As `run` does: what its documents leave out, and what is known of contents, is so before anybody is visited.
    let mut errands = Vec::new();
    for command in brought(&asked.read.documents)? {
        let errand = Errand::Command(command);
        if later::foresee(&mut engine, errand.clone())? {
            errands.push(errand);
        }
    }
    let made = asked.make(&engine, fleet, is_observed(data))?;
    let errand = Errand::Supersede(Superseding::pack(&made.supersession(asked, &args)));
    if !later::foresee(&mut engine, errand.clone())? {
        out.say("it was superseded by just this already, or will be by what waits");
        out.value(&made.told(asked.rollout, None), words);
        return Ok(End::Done);
    }
    errands.push(errand);
    for errand in &errands {
        inbox::leave(data, errand).map_err(|e| later::not_left(&e))?;
    }
    out.value(&made.told(asked.rollout, None), words);
    out.say(&format!(
        "nothing runs on `{}` now; this is done first when it runs next (`ringway run --resume`)",
        data.display()
    ));
    Ok(End::Done)
}

/// What a decider takes of documents before anything else of them.
fn brought(documents: &Documents) -> Result<Vec<Command>, Failure> {
    let exceptions = exceptions::written(documents, clock::now())?.in_force;
    let advisories = advisories::written(documents);
    let except = (!exceptions.is_empty()).then_some(Command::Except { exceptions });
    let advise = (!advisories.is_empty()).then_some(Command::Advise { advisories });
    Ok(except.into_iter().chain(advise).collect())
}

/// Whether the fleet of the documents must be taken into rollouts in flight first.
fn takes_fleet_in(engine: &Engine, read: &Read) -> Result<bool, Failure> {
    if engine.open().is_empty() {
        return Ok(false);
    }
    let fleet = fleet_as_it_would_be(engine, read)?;
    Ok(engine.fleet_digest() != Some(fleet.digest()))
}

/// The fleet of the documents, with the numbers by which rollouts in flight know its hosts.
fn fleet_as_it_would_be(engine: &Engine, read: &Read) -> Result<Arc<FleetSpec>, Failure> {
    let Some(document) = read.documents.fleet.as_ref() else {
        let why = "there is no fleet among the documents";
        return Err(Failure::new(End::Invalid, why));
    };
    if engine.open().is_empty() {
        return Ok(Arc::new(asking::fleet(&read.documents)?));
    }
    if engine.fleet().name != document.name {
        let why = format!(
            "the documents are of fleet `{}`, and rollouts in flight of `{}`",
            document.name,
            engine.fleet().name
        );
        return Err(Failure::new(End::Invalid, why));
    }
    let fleet = refresh_fleet(engine.fleet(), document);
    let fleet = fleet.map_err(|e| Failure::new(End::Invalid, e.to_string()))?;
    Ok(Arc::new(fleet))
}

impl Asked {
    /// Asks the engine whether it could be done, on a copy of the state. Where the fleet must be taken in first, that changes
    /// what it is asked about: then only whether another one has the place already.
    fn would_fit(
        &self,
        mut engine: Engine,
        made: &Made,
        args: &args::Supersede,
    ) -> Result<(), Failure> {
        let mut supersession = made.supersession(self, args);
        if supersession.reason.trim().is_empty() {
            "it is only asked".clone_into(&mut supersession.reason);
        }
        if takes_fleet_in(&engine, &self.read)? {
            let by = engine.rollout(self.rollout).and_then(|it| it.superseded_by);
            return by.map_or(Ok(()), |by| {
                let why = format!("rollout {} was superseded by rollout {by}", self.rollout);
                Err(Failure::new(End::Refused, why).hint(format!(
                    "`ringway supersede {by}` takes the place of that one"
                )))
            });
        }
        for command in brought(&self.read.documents)? {
            later::foresee(&mut engine, Errand::Command(command))?;
        }
        later::foresee(
            &mut engine,
            Errand::Supersede(Superseding::pack(&supersession)),
        )
        .map(|_| ())
    }

    /// Works out the parts and the plan.
    fn make(
        &self,
        engine: &Engine,
        fleet: Arc<FleetSpec>,
        is_observed: bool,
    ) -> Result<Made, Failure> {
        let id = self.rollout;
        let missing = || {
            Failure::new(End::Refused, format!("there is no rollout {id}"))
                .hint("`ringway status` lists them")
        };
        let (before, before_fleet) = engine.plan_of(id).ok_or_else(missing)?;
        let situation = engine.situation(id).ok_or_else(missing)?;
        let documents = &self.read.documents;
        let is_there = documents.policies.contains_key(&before.policy);
        let wanted = self.policy.as_deref();
        let wanted = wanted.or_else(|| is_there.then_some(&*before.policy));
        let policy = choose("policy", wanted, documents.policies.keys())?;
        let names = (&*policy, &*self.update);
        let old = (&*before, &*before_fleet);
        let lane = self.lane.as_deref();
        let made = make_superseding(&fleet, documents, names, old, &situation, lane);
        let (mut plan, with_rings) = made.map_err(|e| Failure::new(End::Invalid, e))?;
        ringway_runtime::zones_of_plan(&plan).map_err(|e| Failure::new(End::Invalid, e))?;
        let directory = self.read.directory.to_string_lossy();
        let directory = Digest::of(directory.as_bytes());
        plan.documents.insert(DIRECTORY.to_owned(), directory);
        let plan = is_observed
            .then(|| plan.observed())
            .flatten()
            .unwrap_or(plan);
        let poison = if self.poison {
            poisoned_by(&documents.updates[&self.update], &before)?
        } else {
            Vec::new()
        };
        let read = Read {
            documents: with_rings,
            files: self.read.files,
            directory: self.read.directory.clone(),
            sources: Vec::new(),
            origins: None,
        };
        let prepared = Prepared {
            read,
            fleet,
            plan: Arc::new(plan),
        };
        Ok(Made {
            prepared,
            situation,
            poison,
        })
    }
}

/// What of the old rollout the new update says that it supersedes: by the id of a release, or by the update's name.
fn poisoned_by(update: &Update, before: &Plan) -> Result<Vec<Content>, Failure> {
    let contents = superseded_by(update, before);
    if contents.is_empty() {
        let why = format!(
            "update `{}` does not say that it supersedes `{}`, or any release of it",
            update.name, before.update
        );
        return Err(Failure::new(End::Invalid, why).hint(
            "name it in `supersedes` of the update; `ringway poison` poisons what nobody has named",
        ));
    }
    Ok(contents)
}

impl Made {
    fn supersession(&self, asked: &Asked, args: &args::Supersede) -> Supersession {
        let mut proposal = self.prepared.as_proposal();
        proposal.key.clone_from(&args.key);
        proposal.change.clone_from(&args.change);
        Supersession {
            rollout: asked.rollout,
            proposal,
            poison: self.poison.clone(),
            reason: args.reason.clone(),
        }
    }

    fn told(&self, rollout: RolloutId, by: Option<RolloutId>) -> Told {
        let (plan, fleet) = (&self.prepared.plan, &self.prepared.fleet);
        let name = |slot: usize| fleet.hosts[plan.slots[slot].host.index()].name.clone();
        let mut parts = BTreeMap::new();
        let mut untouched = 0;
        for (at, ring) in plan.rings.iter().enumerate() {
            match plan.part_of(at) {
                Some(part) => {
                    parts.insert(part, ring.slots().map(name).collect());
                }
                None => untouched += ring.slots().len(),
            }
        }
        // A set: they may be most of a large fleet.
        let planned: BTreeSet<&String> = parts
            .values()
            .flat_map(|hosts: &Vec<String>| hosts)
            .collect();
        let hosts = self.situation.hosts.keys();
        let left_out = hosts.filter(|host| !planned.contains(host));
        let left_out =
            left_out.map(|host| format!("{host} ({})", self.situation.part(host).words()));
        Told {
            rollout,
            by,
            update: plan.update.clone(),
            left_out: left_out.collect(),
            parts,
            untouched,
            poison: self.poison.iter().map(ToString::to_string).collect(),
            plan: None,
        }
    }
}

fn report(out: Out, prepared: &Prepared) -> PlanReport {
    let (fleet, plan) = (&prepared.fleet, &prepared.plan);
    let documents = &prepared.read.documents;
    let mut names = plan.zones();
    let zone = documents.fleet.as_ref();
    names.extend(zone.and_then(|fleet| fleet.calendar.zone.clone()));
    let zones = ringway_runtime::zones(&names).map_err(|e| e.to_string());
    let now = clock::now();
    let report = zones.and_then(|zones| {
        explain_at(fleet, plan, documents, &zones, now).map_err(|e| e.to_string())
    });
    report.unwrap_or_else(|why| {
        out.say(&format!("when rings can be is not said: {why}"));
        explain(fleet, plan, documents)
    })
}

fn words(told: &Told) -> String {
    let mut text = match told.by {
        Some(by) => format!("{} is superseded by {by}", told.rollout),
        None => format!("{} would be superseded", told.rollout),
    };
    put(&mut text, format_args!(" with update `{}`\n", told.update));
    for part in Part::TOUCHED {
        let none = Vec::new();
        let hosts = told.parts.get(&part).unwrap_or(&none);
        let named: Vec<&str> = hosts.iter().take(NAMED).map(String::as_str).collect();
        let more = match hosts.len().saturating_sub(NAMED) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        let names = if hosts.is_empty() {
            String::new()
        } else {
            format!(": {}{more}", named.join(", "))
        };
        put(
            &mut text,
            format_args!("  {:<17}{}{names}\n", part.words(), count(hosts.len())),
        );
    }
    put(
        &mut text,
        format_args!(
            "  {:<17}{}\n",
            Part::Untouched.words(),
            count(told.untouched)
        ),
    );
    for host in &told.left_out {
        put(
            &mut text,
            format_args!("note: {host} is no target of the new rollout: look after it by hand\n"),
        );
    }
    for content in &told.poison {
        put(&mut text, format_args!("{content} is poisoned with it\n"));
    }
    if let Some(plan) = &told.plan {
        put(&mut text, format_args!("\n{}", render(plan)));
    }
    text.trim_end().to_owned()
}

fn count(hosts: usize) -> String {
    show::hosts(u32::try_from(hosts).unwrap_or(u32::MAX))
}
