//! `maintenance import`: announced work becomes what a person would have said with `maintenance add` and `maintenance end`.
//!
//! It can be run again and again, by `cron` for example: work that has begun is declared, work that is over or no longer
//! announced ends, and what is so already is left alone. Which words are its own it sees by a mark at the end of their
//! reason; what people declared is theirs, and left as it is. Documents that are imported together are one announcement of several
//! parts: where two of them are at work on a host, the work that ends last is what is declared.
//! `events` has what iCalendar files announce.

mod events;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use ringway_engine::view::HoldView;
use ringway_engine::{Command, HoldKind};
use ringway_model::{Selector, Timestamp};
use ringway_policy::validated::{Announced, AnnouncedFor, ZoneName};
use ringway_scheduler::FleetSpec;

use super::hosts::knows_a_fleet;
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

/// How many works of an announcement have not begun, and when the first of them does.
#[derive(Debug, Default, PartialEq, Eq)]
struct Later {
    works: usize,
    next: Option<Timestamp>,
}

/// What is to be said.
#[derive(Debug, Default, PartialEq, Eq)]
struct Change {
    /// Hosts to be declared, by what is said of them.
    begins: BTreeMap<Word, BTreeSet<String>>,
    /// Hosts of which it is over, by the mark of what announced it.
    ends: BTreeMap<String, BTreeSet<String>>,
    /// Hosts that somebody else declared, who that was and why.
    others: BTreeMap<String, (String, String)>,
    /// Announced work that has not begun.
    later: Later,
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
    let (informant, view) = Informant::look_early(data).await?;
    knows_a_fleet(data, &view)?;
    let past = journal::fold(data).await?;
    let change = change(&announced, past.engine.fleet(), &view.holds, now)?;
    for (host, (by, reason)) in &change.others {
        out.say(&format!(
            "{host}: {by} declared maintenance already (\"{reason}\"); left as it is"
        ));
    }
    if let Some(first) = change.later.next {
        let works = if change.later.works == 1 {
            "work has"
        } else {
            "works have"
        };
        out.say(&format!(
            "{} {works} not begun, the next begins {first}; import again when it has",
            change.later.works
        ));
    }
    let commands = commands(&change);
    if commands.is_empty() {
        out.say("nothing changes");
    }
    for command in commands {
        let order = Order {
            command,
            rollout: None,
            aim: Aim::Hold,
            when: args.when,
        };
        give(out, data, &informant, order).await?;
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
    let of_calendars = [
        ("--zone", args.zone.is_some()),
        ("--name", args.name.is_some()),
    ];
    if let Some((option, _)) = of_calendars.into_iter().find(|(_, given)| *given) {
        let why = format!(
            "`{option}` is for an iCalendar file, and `{}` is none",
            file.display()
        );
        let hint = "a `maintenance/v1` document says its name, and `zone` beside `ical`, itself";
        return Err(Failure::new(End::Invalid, why).hint(hint));
    }
    let none = || {
        let why = format!("there is no maintenance in `{}`", file.display());
        Failure::new(End::Invalid, why).hint("it begins with `ringway: maintenance/v1`")
    };
    // What else is wrong with a document of another kind is not what is to be mended.
    if std::fs::read_to_string(file).is_ok_and(|text| !text.contains("maintenance/")) {
        return Err(none());
    }
    let read = documents::read(out, &[file.to_path_buf()])?;
    let announced = &read.documents.maintenances;
    if announced.is_empty() {
        return Err(none());
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
    announced: &[Announcement],
    fleet: &FleetSpec,
    holds: &[HoldView],
    now: Timestamp,
) -> Result<Change, Failure> {
    let marks: Vec<String> = announced.iter().map(mark).collect();
    let mut change = Change::default();
    let mut wanted: BTreeMap<&str, Word> = BTreeMap::new();
    for (announcement, mark) in announced.iter().zip(&marks) {
        want(
            announcement,
            mark,
            fleet,
            now,
            (&mut wanted, &mut change.later),
        )?;
    }
    let declared = holds
        .iter()
        .filter(|hold| hold.kind == HoldKind::Maintenance);
    let mut held: BTreeMap<&str, &HoldView> = BTreeMap::new();
    for hold in declared {
        held.extend(hold.hosts.iter().map(|host| (host.as_str(), hold)));
    }
    let of = |hold: &HoldView| marks.iter().find(|mark| hold.reason.ends_with(*mark));
    for (host, word) in &wanted {
        match held.get(host) {
            Some(hold) if of(hold).is_none() => {
                let other = (hold.by.clone(), hold.reason.clone());
                change.others.insert((*host).to_owned(), other);
            }
            Some(hold) if hold.reason == word.0 && hold.until == Some(word.1) => {}
            Some(_) | None => {
                let hosts = change.begins.entry(word.clone()).or_default();
                hosts.insert((*host).to_owned());
            }
        }
    }
    for (host, hold) in held {
        if let Some(mark) = of(hold)
            && !wanted.contains_key(host)
        {
            let hosts = change.ends.entry(mark.clone()).or_default();
            hosts.insert(host.to_owned());
        }
    }
    Ok(change)
}

/// What one announcement wants declared now, where no other wants it for longer.
fn want<'f>(
    announcement: &Announcement,
    mark: &str,
    fleet: &'f FleetSpec,
    now: Timestamp,
    (wanted, later): (&mut BTreeMap<&'f str, Word>, &mut Later),
) -> Result<(), Failure> {
    for work in announcement.works.iter().filter(|work| now < work.until) {
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
            later.works += 1;
            later.next = later.next.into_iter().chain([work.from]).min();
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
    Ok(())
}

fn commands(change: &Change) -> Vec<Command> {
    let begins = change
        .begins
        .iter()
        .map(|((reason, until), hosts)| Command::Hold {
            hosts: hosts.iter().cloned().collect(),
            kind: HoldKind::Maintenance,
            reason: reason.clone(),
            until: Some(*until),
        });
    let ends = change.ends.iter().map(|(mark, hosts)| Command::Release {
        hosts: hosts.iter().cloned().collect(),
        kind: HoldKind::Maintenance,
        reason: format!("no longer announced{mark}"),
    });
    begins.chain(ends).collect()
}
