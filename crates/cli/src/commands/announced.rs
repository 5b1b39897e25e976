//! `maintenance import`: announced work becomes what a person would have said with `maintenance add` and `maintenance end`.
//!
//! It can be run again and again, by `cron` for example: work that has begun is declared, work that is over or no longer
//! announced ends, and what is so already is left alone. Which words are its own it sees by a mark at the end of their
//! reason; what people declared is theirs, and left as it is.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use ringway_engine::view::HoldView;
use ringway_engine::{Command, HoldKind};
use ringway_model::Timestamp;
use ringway_policy::validated::Maintenance;
use ringway_runtime::Clock;
use ringway_scheduler::FleetSpec;

use super::orders::{Aim, Order, give};
use crate::args::Import;
use crate::documents;
use crate::exit::{End, Failure, Outcome};
use crate::journal;
use crate::out::Out;
use crate::session::Informant;

/// What is declared of some hosts: why, and until when.
type Word = (String, Timestamp);

/// What is to be said.
#[derive(Debug, Default, PartialEq, Eq)]
struct Change {
    /// Hosts to be declared, by what is said of them.
    begins: BTreeMap<Word, BTreeSet<String>>,
    /// Hosts of which it is over.
    ends: BTreeSet<String>,
    /// Hosts that somebody else declared, and who that was.
    others: BTreeMap<String, String>,
    /// Announced work that has not begun.
    later: usize,
}

/// `ringway maintenance import`.
pub(crate) async fn import(out: Out, data: &Path, args: Import) -> Outcome {
    let read = documents::read(out, std::slice::from_ref(&args.file))?;
    let announced = &read.documents.maintenances;
    if announced.is_empty() {
        let why = format!("there is no maintenance in `{}`", args.file.display());
        return Err(
            Failure::new(End::Invalid, why).hint("it begins with `ringway: maintenance/v1`")
        );
    }
    let (informant, view) = Informant::look(data).await?;
    let past = journal::fold(data).await?;
    let now = Clock::default().now();
    let mut nothing = true;
    for maintenance in announced.values() {
        let change = change(maintenance, past.engine.fleet(), &view.holds, now)?;
        for (host, by) in &change.others {
            out.say(&format!(
                "{host}: {by} declared maintenance already; left as it is"
            ));
        }
        if change.later > 0 {
            let works = if change.later == 1 {
                "work has"
            } else {
                "works have"
            };
            out.say(&format!(
                "{} {works} not begun; import again when they have",
                change.later
            ));
        }
        for command in commands(&change, maintenance) {
            nothing = false;
            let order = Order {
                command,
                rollout: None,
                aim: Aim::Hold,
                when: args.when,
            };
            give(out, data, &informant, order).await?;
        }
    }
    if nothing {
        out.say("nothing changes");
    }
    Ok(End::Done)
}

/// What ends a reason that was imported.
fn mark(maintenance: &Maintenance) -> String {
    format!(" [{}]", maintenance.name)
}

/// What is to be said so that what is announced is declared.
fn change(
    maintenance: &Maintenance,
    fleet: &FleetSpec,
    holds: &[HoldView],
    now: Timestamp,
) -> Result<Change, Failure> {
    let mark = mark(maintenance);
    let mut change = Change::default();
    let mut wanted: BTreeMap<&str, Word> = BTreeMap::new();
    for work in maintenance.work.iter().filter(|work| now < work.until) {
        let hosts = fleet
            .hosts
            .iter()
            .filter(|host| work.hosts.matches(&host.name, &host.labels));
        let hosts: Vec<&str> = hosts.map(|host| host.name.as_str()).collect();
        if hosts.is_empty() {
            let why = format!(
                "work `{}` is on no host of fleet `{}`",
                work.name, fleet.name
            );
            let hint = "mend its `hosts`, or take it out of the document";
            return Err(Failure::new(End::Invalid, why).hint(hint));
        }
        if now < work.from {
            change.later += 1;
            continue;
        }
        let reason = format!("{}, {} by {}{mark}", work.reason, work.name, work.owner);
        for host in hosts {
            // Of two at once the one that ends last counts: until then somebody works there.
            let word = (reason.clone(), work.until);
            let known = wanted.entry(host).or_insert_with(|| word.clone());
            if known.1 < word.1 {
                *known = word;
            }
        }
    }
    let declared = holds
        .iter()
        .filter(|hold| hold.kind == HoldKind::Maintenance);
    let mut held: BTreeMap<&str, &HoldView> = BTreeMap::new();
    for hold in declared {
        held.extend(hold.hosts.iter().map(|host| (host.as_str(), hold)));
    }
    for (host, word) in &wanted {
        match held.get(host) {
            Some(hold) if !hold.reason.ends_with(&mark) => {
                change.others.insert((*host).to_owned(), hold.by.clone());
            }
            Some(hold) if hold.reason == word.0 && hold.until == Some(word.1) => {}
            Some(_) | None => {
                let hosts = change.begins.entry(word.clone()).or_default();
                hosts.insert((*host).to_owned());
            }
        }
    }
    let over = held
        .iter()
        .filter(|(host, hold)| hold.reason.ends_with(&mark) && !wanted.contains_key(*host));
    change.ends = over.map(|(host, _)| (*host).to_owned()).collect();
    Ok(change)
}

fn commands(change: &Change, maintenance: &Maintenance) -> Vec<Command> {
    let mut commands: Vec<Command> = change
        .begins
        .iter()
        .map(|((reason, until), hosts)| Command::Hold {
            hosts: hosts.iter().cloned().collect(),
            kind: HoldKind::Maintenance,
            reason: reason.clone(),
            until: Some(*until),
        })
        .collect();
    if !change.ends.is_empty() {
        commands.push(Command::Release {
            hosts: change.ends.iter().cloned().collect(),
            kind: HoldKind::Maintenance,
            reason: format!("no longer announced{}", mark(maintenance)),
        });
    }
    commands
}
