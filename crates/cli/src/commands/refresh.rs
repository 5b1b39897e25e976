//! `refresh`: takes a fleet that has changed into the rollouts that run over it.
//!
//! What that means is computed here, from the documents and from what the journal says is so now; whether it still fits is
//! the decider's to say. Where it does not, because a rollout has gone on meanwhile, it is computed again.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use ringway_engine::Engine;
use ringway_executor::port::Refresh;
use ringway_model::{HostId, RolloutId, Slot};
use ringway_runtime::inbox::{self, Errand};
use ringway_runtime::{Renewal, is_observed};
use ringway_scheduler::plan::{JoinsBecause, Revision};
use ringway_scheduler::{FleetSpec, Plan, refresh_fleet, revise};
use serde::Serialize;

use super::later;
use super::{advisories, exceptions};
use crate::args;
use crate::documents::{self, Read};
use crate::exit::{End, Failure, Outcome};
use crate::journal;
use crate::out::Out;
use crate::session::Session;
use crate::show::{put, shortened};

/// How often it is computed again before a person is asked to: rollouts open rings minutes apart, not seconds.
const TRIES: u32 = 5;

/// How many hosts are named that have other windows or freezes.
const NAMES: usize = 5;

/// What a fleet that was read anew changes.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct Changes {
    /// Hosts that join a rollout.
    joined: Vec<Joins>,
    /// Hosts that a rollout is for and that are no part of it: its last ring has begun.
    too_late: Vec<InRollout>,
    /// Hosts that the fleet does not name any more.
    vanished: Vec<String>,
    /// Hosts that are back.
    returned: Vec<String>,
    /// Hosts whose labels are others. They stay in their rings.
    relabelled: Vec<String>,
    /// Hosts that are held because their labels ask for another release than the planned one.
    held: Vec<InRollout>,
    /// Hosts that were planned before, and on which work may run at other times now.
    other_times: Vec<OtherTimes>,
    /// Rollouts that nobody can join, and why.
    closed: Vec<Closed>,
    /// Whether anything at all is another than before.
    changed: bool,
}

/// A host joins a rollout.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Joins {
    rollout: RolloutId,
    host: String,
    ring: String,
    why: String,
}

/// A host, and the rollout it is about.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct InRollout {
    rollout: RolloutId,
    host: String,
    why: String,
}

/// Hosts of a rollout that have other windows or freezes than they were planned with.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct OtherTimes {
    rollout: RolloutId,
    hosts: Vec<String>,
}

/// A rollout that nobody can join.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Closed {
    rollout: RolloutId,
    why: String,
}

/// `ringway refresh`.
pub(crate) async fn refresh(out: Out, data: &Path, args: &args::Refresh) -> Outcome {
    let read = documents::read(out, &args.documents.paths)?;
    if args.dry_run {
        let past = journal::fold(data).await?;
        let (_, changes) = compute(&past.engine, &read, is_observed(data))?;
        exceptions::would_bring(out, &read.documents)?;
        advisories::would_bring(out, &read.documents);
        out.value(&changes, words);
        return Ok(End::Done);
    }
    let Some(session) = Session::running(data).await? else {
        return leave(out, data, &read).await;
    };
    exceptions::bring(out, &session, &read.documents).await?;
    advisories::bring(out, &session, &read.documents).await?;
    let (_, changes) = take_in(data, &session, &read).await?;
    out.value(&changes, words);
    Ok(End::Done)
}

/// Leaves it for whoever decides next: what it means is computed after everything that waits already, for that is decided
/// first.
async fn leave(out: Out, data: &Path, read: &Read) -> Outcome {
    let past = journal::fold(data).await?;
    let mut engine = past.engine.clone();
    for one in later::waiting(data)? {
        // Whether it fits is for its own answer to say.
        drop(one.errand.map(|errand| later::foresee(&mut engine, errand)));
    }
    let (refresh, changes) = compute(&engine, read, is_observed(data))?;
    if changes.changed {
        let errand = Errand::Refresh(Renewal::pack(&refresh));
        later::foresee(&mut engine, errand.clone())?;
        inbox::leave(data, &errand).map_err(|e| later::not_left(&e))?;
    }
    out.value(&changes, words);
    if changes.changed {
        out.say(&format!(
            "nothing runs on `{}` now; this is done first when it runs next (`ringway run --resume`)",
            data.display()
        ));
    }
    Ok(End::Done)
}

/// Has a decider take the fleet of these documents into the rollouts in flight. The fleet as it is from then on, and what is
/// another by it.
///
/// # Errors
///
/// Exit code 2: the documents have no such fleet. Exit code 1: the decider refuses it.
pub(crate) async fn take_in(
    data: &Path,
    session: &Session,
    read: &Read,
) -> Result<(Arc<FleetSpec>, Changes), Failure> {
    let mut tries = 1;
    loop {
        let past = journal::fold(data).await?;
        let (refresh, changes) = compute(&past.engine, read, is_observed(data))?;
        let fleet = Arc::clone(&refresh.fleet);
        if !changes.changed {
            return Ok((fleet, changes));
        }
        match session.refresh(refresh).await {
            Ok(_) => return Ok((fleet, changes)),
            Err(failure) if failure.why.ends_with("(stale-fleet)") && tries < TRIES => tries += 1,
            Err(failure) => return Err(failure),
        }
    }
}

/// What a fleet means for rollouts in flight, and in words what is another by it.
fn compute(engine: &Engine, read: &Read, is_observed: bool) -> Result<(Refresh, Changes), Failure> {
    let invalid = |why: String| Failure::new(End::Invalid, why);
    let document = read.documents.fleet.as_ref();
    let document =
        document.ok_or_else(|| invalid("there is no fleet among the documents".into()))?;
    let (before, open) = (engine.fleet(), engine.open());
    if engine.fleet_digest().is_none() || open.is_empty() {
        return Err(Failure::new(End::Refused, "no rollout is in flight")
            .hint("the next `ringway run` takes the fleet as it is"));
    }
    let fleet = refresh_fleet(before, document).map_err(|e| invalid(e.to_string()))?;
    let mut changes = changes(before, &fleet);
    let mut plans = Vec::new();
    for open in open {
        let rollout = open.rollout;
        if !open.takes_in {
            let why = "it visits no more hosts for the update".to_owned();
            changes.closed.push(Closed { rollout, why });
            continue;
        }
        match revise(&open.plan, open.begun, &fleet, &read.documents) {
            Ok(Some(plan)) => {
                let observed = is_observed.then(|| plan.observed()).flatten();
                let plan = observed.unwrap_or(plan);
                ringway_runtime::zones_of_plan(&plan).map_err(|e| Failure::new(End::Invalid, e))?;
                let hosts = at_other_times(&open.plan, &plan, &fleet);
                if !hosts.is_empty() {
                    changes.other_times.push(OtherTimes { rollout, hosts });
                }
                if let Some(revision) = &plan.revises {
                    tell(&mut changes, rollout, revision, (before, &fleet, &plan));
                }
                plans.push((rollout, Arc::new(plan)));
            }
            Ok(None) => {}
            Err(problems) => {
                let first = problems.problems.first();
                let why = first.map_or_else(String::new, |problem| problem.message.clone());
                changes.closed.push(Closed { rollout, why });
            }
        }
    }
    changes.changed = engine.fleet_digest() != Some(fleet.digest()) || !plans.is_empty();
    let texts = read.documents.texts.clone();
    let refresh = Refresh {
        fleet: Arc::new(fleet),
        plans,
        documents: texts.into_iter().collect(),
    };
    Ok((refresh, changes))
}

/// Hosts of both plans that are there, and on which work may run at other times by the second.
fn at_other_times(before: &Plan, after: &Plan, fleet: &FleetSpec) -> Vec<String> {
    let rule = |plan: &Plan, slot: usize| {
        let number = plan.times.of(Slot::at(slot));
        number.map(|number| plan.times.tables[number as usize].clone())
    };
    let slots = before.slots.iter().enumerate();
    let was: BTreeMap<HostId, usize> = slots.map(|(at, slot)| (slot.host, at)).collect();
    let slots = after.slots.iter().enumerate();
    let slots = slots.filter(|(_, slot)| !fleet.vanished.contains(&slot.host));
    let other = slots.filter(|(at, slot)| {
        was.get(&slot.host)
            .is_some_and(|was| rule(before, *was) != rule(after, *at))
    });
    other
        .map(|(_, slot)| fleet.hosts[slot.host.index()].name.clone())
        .collect()
}

/// What is another in the fleet itself.
fn changes(before: &FleetSpec, after: &FleetSpec) -> Changes {
    let name = |host: &HostId| after.hosts[host.index()].name.clone();
    let relabelled = before.hosts.iter().zip(&after.hosts).enumerate();
    let relabelled = relabelled.filter(|(at, (was, is))| {
        was.labels != is.labels && !after.vanished.contains(&HostId::at(*at))
    });
    Changes {
        vanished: after
            .vanished
            .difference(&before.vanished)
            .map(name)
            .collect(),
        returned: before
            .vanished
            .difference(&after.vanished)
            .map(name)
            .collect(),
        relabelled: relabelled.map(|(_, (_, is))| is.name.clone()).collect(),
        ..Changes::default()
    }
}

/// What a revision says of hosts of its rollout.
fn tell(
    changes: &mut Changes,
    rollout: RolloutId,
    revision: &Revision,
    (before, after, plan): (&FleetSpec, &FleetSpec, &Plan),
) {
    let name = |host: HostId| after.hosts[host.index()].name.clone();
    let joined = revision.joined.iter().map(|joined| Joins {
        rollout,
        host: name(joined.host),
        ring: plan.rings[joined.ring.index()].name.clone(),
        why: because(joined.why, plan),
    });
    changes.joined.extend(joined);
    changes
        .too_late
        .extend(revision.too_late.iter().map(|host| InRollout {
            rollout,
            host: name(*host),
            why: "its last ring has begun".to_owned(),
        }));
    let relabelled: BTreeSet<&String> = changes.relabelled.iter().collect();
    let known = |host: HostId| before.hosts.len() > host.index();
    let held = revision.misfits.iter();
    let held = held.filter(|it| known(it.host) && relabelled.contains(&name(it.host)));
    let held: Vec<InRollout> = held
        .map(|misfit| InRollout {
            rollout,
            host: name(misfit.host),
            why: format!(
                "planned with `{}`, its labels ask for {}",
                misfit.planned,
                misfit
                    .now
                    .as_ref()
                    .map_or("nothing".to_owned(), |now| format!("`{now}`"))
            ),
        })
        .collect();
    changes.held.extend(held);
}

/// Why a host joins the ring it joins.
pub(crate) fn because(why: JoinsBecause, plan: &Plan) -> String {
    let ring = |ring: ringway_model::RingIndex| {
        let ring = plan.rings.get(ring.index());
        ring.map_or_else(|| "?".to_owned(), |ring| ring.name.clone())
    };
    match why {
        JoinsBecause::Seed => "by its name and the plan's seed".to_owned(),
        JoinsBecause::Begun(at) => format!("its own ring `{}` has begun", ring(at)),
        JoinsBecause::Together => "its peers are there".to_owned(),
        JoinsBecause::Apart(at) => format!("a peer of it is in ring `{}`", ring(at)),
    }
}

pub(crate) fn words(changes: &Changes) -> String {
    let mut text = String::new();
    if !changes.changed {
        text.push_str("the fleet is as it was\n");
    }
    for joined in &changes.joined {
        let Joins {
            rollout,
            host,
            ring,
            why,
        } = joined;
        put(
            &mut text,
            format_args!("{host} joins {rollout} in ring `{ring}`: {why}\n"),
        );
    }
    for (hosts, what) in [
        (&changes.vanished, "is no longer of the fleet"),
        (&changes.returned, "is back"),
        (
            &changes.relabelled,
            "has other labels, and stays in its ring",
        ),
    ] {
        for host in hosts {
            put(&mut text, format_args!("{host} {what}\n"));
        }
    }
    for held in &changes.held {
        let InRollout { rollout, host, why } = held;
        put(
            &mut text,
            format_args!(
                "{host} is held where it waits in {rollout}: {why}; `skip` or `release` it\n"
            ),
        );
    }
    for other in &changes.other_times {
        let OtherTimes { rollout, hosts } = other;
        let has = if hosts.len() == 1 { "has" } else { "have" };
        let hosts = shortened(hosts, NAMES);
        put(
            &mut text,
            format_args!("{hosts} {has} other windows or freezes in {rollout} from now on\n"),
        );
    }
    for late in &changes.too_late {
        let InRollout { rollout, host, why } = late;
        put(
            &mut text,
            format_args!("{host} is no part of {rollout}: {why}\n"),
        );
    }
    for closed in &changes.closed {
        let Closed { rollout, why } = closed;
        put(&mut text, format_args!("nobody joins {rollout}: {why}\n"));
    }
    text
}
