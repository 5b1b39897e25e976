//! `maintenance import`: announced work becomes what a person would have said with `maintenance add` and `maintenance end`.
//!
//! It can be run again and again, by `cron` for example: work that has begun is declared, work that is over or no longer
//! announced ends, and what is so already is left alone. Which words are its own it sees by a mark at the end of their
//! reason; what people declared is theirs, and left as it is.
//! `events` has what iCalendar files announce.

mod events;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use ringway_engine::view::HoldView;
use ringway_engine::{Command, HoldKind};
use ringway_model::{Selector, Timestamp};
use ringway_policy::validated::{Announced, AnnouncedFor, ZoneName};
use ringway_scheduler::FleetSpec;

use super::orders::{Aim, Order, give};
use crate::args::Import;
use crate::clock;
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
    /// When the first of that begins.
    next: Option<Timestamp>,
}

/// What somebody announced.
pub(super) struct Announcement {
    /// By which later imports know what they said.
    pub(super) name: String,
    pub(super) works: Vec<Work>,
}

/// One announced work.
pub(super) struct Work {
    /// As it is told where something is wrong with it.
    pub(super) name: String,
    pub(super) hosts: Selector,
    pub(super) from: Timestamp,
    pub(super) until: Timestamp,
    /// What is declared.
    pub(super) reason: String,
}

/// `ringway maintenance import`.
pub(crate) async fn import(out: Out, data: &Path, args: Import) -> Outcome {
    let now = clock::now();
    let announced = match &args.hosts {
        Some(hosts) => vec![events::announced(out, &args, hosts, now)?],
        None => of_document(out, &args, now)?,
    };
    let (informant, view) = Informant::look(data).await?;
    let past = journal::fold(data).await?;
    let mut nothing = true;
    for announcement in &announced {
        let change = change(announcement, past.engine.fleet(), &view.holds, now)?;
        for (host, by) in &change.others {
            out.say(&format!(
                "{host}: {by} declared maintenance already; left as it is"
            ));
        }
        if let Some(first) = change.next {
            let works = if change.later == 1 {
                "work has"
            } else {
                "works have"
            };
            out.say(&format!(
                "{} {works} not begun, the next begins {first}; import again when it has",
                change.later
            ));
        }
        for command in commands(&change, announcement) {
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

/// What `maintenance/v1` documents announce.
fn of_document(out: Out, args: &Import, now: Timestamp) -> Result<Vec<Announcement>, Failure> {
    let file = args.file.as_path();
    if events::is_calendar(file) {
        let why = format!(
            "`{}` is an iCalendar file, which does not say on which hosts its events are",
            file.display()
        );
        let hint = "name them: `--hosts SELECTOR`, for example `--hosts 'site = fra'`";
        return Err(Failure::new(End::Invalid, why).hint(hint));
    }
    let read = documents::read(out, &[file.to_path_buf()])?;
    let announced = &read.documents.maintenances;
    if announced.is_empty() {
        let why = format!("there is no maintenance in `{}`", file.display());
        return Err(
            Failure::new(End::Invalid, why).hint("it begins with `ringway: maintenance/v1`")
        );
    }
    let until = now + args.within;
    let mut all = Vec::new();
    for maintenance in announced.values() {
        let mut works = Vec::new();
        for work in &maintenance.work {
            works.extend(works_of(out, work, now, until)?);
        }
        all.push(Announcement {
            name: maintenance.name.clone(),
            works,
        });
    }
    Ok(all)
}

/// One work, or those of the events in its file.
fn works_of(
    out: Out,
    work: &Announced,
    now: Timestamp,
    until: Timestamp,
) -> Result<Vec<Work>, Failure> {
    let one = |from, until, why: &str| Work {
        name: work.name.clone(),
        hosts: work.hosts.clone(),
        from,
        until,
        reason: format!("{why}, {} by {}", work.name, work.owner),
    };
    let reason = work.reason.as_deref();
    match &work.when {
        AnnouncedFor::Once { from, until } => {
            Ok(vec![one(*from, *until, reason.unwrap_or_default())])
        }
        AnnouncedFor::Events {
            file, zone, events, ..
        } => {
            // Only events that name their own zone have none beside them.
            let zone = zone.clone().unwrap_or_else(ZoneName::utc);
            let ahead = events::ahead(events, &zone, now, until)?;
            if ahead.is_empty() {
                events::nothing(out, file, until);
            }
            let works = ahead.into_iter().map(|(interval, event)| {
                let why = event.summary.as_deref().or(reason);
                let why = why.unwrap_or("an event without a name");
                one(interval.start, interval.end, why)
            });
            Ok(works.collect())
        }
    }
}

/// What ends a reason that was imported.
fn mark(maintenance: &Announcement) -> String {
    format!(" [{}]", maintenance.name)
}

/// What is to be said so that what is announced is declared.
fn change(
    maintenance: &Announcement,
    fleet: &FleetSpec,
    holds: &[HoldView],
    now: Timestamp,
) -> Result<Change, Failure> {
    let mark = mark(maintenance);
    let mut change = Change::default();
    let mut wanted: BTreeMap<&str, Word> = BTreeMap::new();
    for work in maintenance.works.iter().filter(|work| now < work.until) {
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
            let hint = "mend on which hosts it is, or take it out";
            return Err(Failure::new(End::Invalid, why).hint(hint));
        }
        if now < work.from {
            change.later += 1;
            change.next = change.next.into_iter().chain([work.from]).min();
            continue;
        }
        let reason = format!("{}{mark}", work.reason);
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

fn commands(change: &Change, maintenance: &Announcement) -> Vec<Command> {
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
