//! `report rollout`: one rollout as evidence for somebody who was not there.

use std::collections::BTreeMap;
use std::path::Path;

use ringway_engine::{Event, HoldKind, HostState};
use ringway_model::{ChangeId, Digest, HostId, RolloutId, Slot};
use serde::Serialize;

use super::advised::{Advisories, advised};
use super::chronicle::{Chronicle, Course, Exceptions, Yes, excepted};
use super::fallen::Fallen;
use super::lines::{Kind, Line, Lines, kind};
use super::walk::Walk;
use crate::args::{OneRollout, Output, Written};
use crate::exit::{End, Failure, Outcome};
use crate::journal;
use crate::out::Out;
use crate::page::page;
use crate::show::{self, Narrator, put};

/// The report.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Report {
    rollout: RolloutId,
    change: Option<ChangeId>,
    key: Option<String>,
    fleet: Option<String>,
    policy: String,
    update: String,
    /// The lane it is in, or was when it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    lane: Option<String>,
    /// The plan's digest.
    plan: Digest,
    starter: String,
    /// In UTC, as all instants.
    proposed: String,
    state: String,
    ended: Option<String>,
    /// Every document it was made from, with the digest of its text.
    documents: BTreeMap<String, Digest>,
    approvals: Vec<Approval>,
    /// What people decided about it, and about the fleet while it was under way.
    decisions: Vec<Line>,
    /// What happened to it as a whole.
    timeline: Vec<Line>,
    /// How many hosts by what became of them.
    outcomes: BTreeMap<String, u32>,
    hosts: Vec<Host>,
    audit: journal::Report,
}

/// A yes, and what it was bound to.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Approval {
    at: String,
    subject: String,
    /// The person.
    by: String,
    /// Their user on this machine.
    user: String,
    /// The digest of what was shown.
    digest: Digest,
    /// Why it no longer counts.
    void: Option<String>,
}

/// A host.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
#[expect(
    clippy::struct_field_names,
    reason = "the fields are the keys that people and programs read"
)]
struct Host {
    host: String,
    ring: String,
    release: String,
    build: Option<String>,
    previous: Option<String>,
    outcome: String,
    since: Option<String>,
    /// Who left it out, and why.
    exception: Option<String>,
}

/// `ringway report rollout`: it ends with 7 where the journal is not sound, for then it is no evidence.
pub(crate) async fn report(out: Out, data: &Path, args: &OneRollout) -> Outcome {
    let (mut walk, library) = Walk::begin(data).await?;
    let mut chronicle = Chronicle::new(&library);
    let mut narrator = Narrator::new(&library);
    let (mut decisions, mut timeline) = (Lines::default(), Lines::default());
    let mut fallen = Fallen::default();
    while let Some((row, batch)) = walk.batch().await? {
        narrator.learn_changes(&batch.events);
        fallen.hear(&batch);
        for event in &batch.events {
            chronicle.learn(row.at, event);
            narrator.learn(event);
            if !is_about(event, &chronicle, args.rollout) {
                continue;
            }
            match kind(event).0 {
                Kind::Decision => decisions.add(row.seq, row.at, event, &narrator, &chronicle),
                Kind::Happening => {
                    timeline.add(row.seq, row.at, event, &narrator, &chronicle);
                    if let Some(who) = fallen.behind(event, &chronicle) {
                        timeline.tell_more(&who);
                    }
                }
                Kind::Detail => {}
            }
        }
    }
    let course = chronicle.courses.get(&args.rollout).ok_or_else(|| {
        let why = format!("there is no rollout {}", args.rollout);
        Failure::new(End::Refused, why).hint("`ringway status --all` lists them")
    })?;
    let audit = journal::examine(data).await?;
    let excepted = (&chronicle.ever_excepted, &chronicle.advisories);
    let report = told(course, decisions.told, timeline.told, audit, excepted);
    match (args.format, out.format()) {
        (Some(Written::Html), _) => out.raw(&report.html()),
        (Some(Written::Text), _) | (None, Output::Text) => out.text(&report.words()),
        (Some(Written::Json), _) => out.pretty(&report),
        (None, Output::Json | Output::Ndjson) => out.value(&report, Report::words),
    }
    Ok(if report.audit.sound {
        End::Done
    } else {
        End::Fault
    })
}

/// Whether an event belongs into the report: what is about the rollout, and what is about the fleet or its hosts while the
/// rollout was under way.
fn is_about(event: &Event, chronicle: &Chronicle<'_>, rollout: RolloutId) -> bool {
    if let Some(about) = event.rollout() {
        return about == rollout;
    }
    let Some(course) = chronicle.courses.get(&rollout) else {
        return false;
    };
    if course.ended.is_some() {
        return false;
    }
    let host = held(event).map(|(host, _)| chronicle.host(host));
    host.is_none_or(|name| course.slot_of(&name).is_some())
}

const fn held(event: &Event) -> Option<(HostId, HoldKind)> {
    if let Event::HostHeld { host, kind, .. } | Event::HostReleased { host, kind, .. } = event {
        Some((*host, *kind))
    } else {
        None
    }
}

fn told(
    course: &Course,
    decisions: Vec<Line>,
    timeline: Vec<Line>,
    audit: journal::Report,
    (exceptions, advisories): (&Exceptions, &Advisories),
) -> Report {
    let hosts: Vec<Host> = course
        .hosts
        .iter()
        .enumerate()
        .map(|(index, stood)| {
            let slot = Slot::at(index);
            let route = course.route(slot);
            Host {
                host: course.host(slot),
                ring: course.ring_name(course.ring_of(slot)),
                release: route.map_or_else(String::new, |route| route.release.clone()),
                build: route.and_then(|route| route.build.clone()),
                previous: stood.previous.clone(),
                outcome: course.outcome(stood.state),
                since: stood.since.map(|at| at.to_string()),
                exception: stood
                    .skipped
                    .as_ref()
                    .map(|(by, reason)| format!("left out by {by}: {reason}"))
                    .or_else(|| {
                        let update = course.update();
                        let host = course.host(slot);
                        let is_excepted = stood.state == HostState::Excepted;
                        let about = (host.as_str(), Some(update.as_str()));
                        let advised = || {
                            let about = (host.as_str(), route?);
                            advised(advisories, course.fleet.as_deref(), about, true)
                        };
                        let excepted = excepted(exceptions, course.fleet.as_deref(), about);
                        excepted.or_else(advised).filter(|_| is_excepted)
                    }),
            }
        })
        .collect();
    let mut outcomes = BTreeMap::new();
    for host in &hosts {
        *outcomes.entry(host.outcome.clone()).or_default() += 1;
    }
    let approvals = course.approvals.iter().map(|yes| Approval::of(course, yes));
    Report {
        rollout: course.id,
        change: course.change.clone(),
        key: course.key.clone(),
        fleet: course.fleet.as_ref().map(|fleet| fleet.name.clone()),
        policy: course.policy(),
        update: course.update(),
        lane: course.lane.clone(),
        plan: course.digest,
        starter: course.person(&course.starter),
        proposed: course.proposed.to_string(),
        state: course.state_words(),
        ended: course.ended.map(|(at, _)| at.to_string()),
        documents: course
            .plan
            .as_ref()
            .map(|plan| plan.documents.clone())
            .unwrap_or_default(),
        approvals: approvals.collect(),
        decisions,
        timeline,
        outcomes,
        hosts,
        audit,
    }
}

impl Report {
    fn title(&self) -> String {
        format!(
            "{} {} by policy {}",
            show::named(self.rollout, self.change.as_ref()),
            self.update,
            self.policy
        )
    }

    fn facts(&self) -> Vec<String> {
        let mut facts = vec![
            format!(
                "Fleet {}. Proposed by {} at {}. All instants are in UTC.",
                self.fleet.as_deref().unwrap_or("unknown"),
                self.starter,
                self.proposed
            ),
            match &self.ended {
                Some(at) => format!("It is over since {at}: {}.", self.state),
                None => format!("It is not over: {}.", self.state),
            },
            format!("Plan {}.", self.plan),
        ];
        if let Some(lane) = &self.lane {
            facts.push(format!(
                "In lane `{lane}`: the decisions say who let it in, and why."
            ));
        }
        if let Some(key) = &self.key {
            facts.push(format!("Asked for as `{key}`."));
        }
        let outcomes = self.outcomes.iter();
        let outcomes: Vec<String> = outcomes.map(|(what, n)| format!("{n} {what}")).collect();
        facts.push(format!("Hosts: {}.", outcomes.join(", ")));
        facts
    }

    fn words(&self) -> String {
        let mut text = format!(
            "{}\n{}\n",
            show::bold(&self.title()),
            self.facts().join("\n")
        );
        heading(&mut text, "documents");
        for (name, digest) in &self.documents {
            put(&mut text, format_args!("  {digest}  {name}\n"));
        }
        heading(&mut text, "approvals");
        for yes in &self.approvals {
            let void = yes
                .void
                .as_ref()
                .map_or_else(String::new, |why| format!("; void: {why}"));
            put(
                &mut text,
                format_args!(
                    "  {}  {} by {}, digest {}{void}\n",
                    yes.at,
                    yes.subject,
                    yes.who(),
                    yes.digest
                ),
            );
        }
        if self.approvals.is_empty() {
            text.push_str("  none\n");
        }
        for (name, lines) in [("decided", &self.decisions), ("happened", &self.timeline)] {
            heading(&mut text, name);
            for line in lines {
                put(&mut text, format_args!("  {}  {}\n", line.at, line.words));
            }
        }
        heading(&mut text, "hosts");
        for host in &self.hosts {
            let previous = host
                .previous
                .as_ref()
                .map_or_else(String::new, |had| format!(", had {had}"));
            let since = host
                .since
                .as_ref()
                .map_or_else(String::new, |at| format!(" since {at}"));
            let exception = host
                .exception
                .as_ref()
                .map_or_else(String::new, |words| format!(" ({words})"));
            put(
                &mut text,
                format_args!(
                    "  {}, ring {}: {}{previous}; {}{since}{exception}\n",
                    host.host,
                    host.ring,
                    host.content(),
                    host.outcome
                ),
            );
        }
        heading(&mut text, "journal");
        for line in journal::words(&self.audit).lines() {
            put(&mut text, format_args!("  {line}\n"));
        }
        text
    }

    fn html(&self) -> String {
        page(&self.title(), |body| {
            body.tell("p", &[("class", &"facts")], &self.facts().join("\n"));
            body.tell("h2", &[], "The journal");
            body.tell("pre", &[], journal::words(&self.audit).trim_end());
            let lines = |lines: &[Line]| -> Vec<[String; 3]> {
                let cells = |line: &Line| {
                    let by = line.by.clone().unwrap_or_default();
                    [line.at.clone(), by, line.words.clone()]
                };
                lines.iter().map(cells).collect()
            };
            body.tag("div", &[("class", &"words")], |body| {
                body.tell("h2", &[], "Approvals");
                let rows: Vec<[String; 5]> = self.approvals.iter().map(Approval::cells).collect();
                body.table(["at", "for", "by", "digest shown", "void"], &rows);
                body.tell("h2", &[], "Decided by people");
                body.table(["at", "by", "what"], &lines(&self.decisions));
                body.tell("h2", &[], "Happened");
                body.table(["at", "by", "what"], &lines(&self.timeline));
                body.tell("h2", &[], "Hosts");
                let rows: Vec<[String; 7]> = self.hosts.iter().map(Host::cells).collect();
                let heading = [
                    "host",
                    "ring",
                    "release",
                    "had",
                    "outcome",
                    "since",
                    "exception",
                ];
                body.table(heading, &rows);
                body.tell("h2", &[], "Documents");
                let documents = self.documents.iter();
                let rows: Vec<[String; 2]> = documents
                    .map(|(name, digest)| [name.clone(), digest.to_string()])
                    .collect();
                body.table(["document", "digest of its text"], &rows);
            });
        })
    }
}

impl Approval {
    fn of(course: &Course, yes: &Yes) -> Self {
        Self {
            at: yes.at.to_string(),
            subject: course.subject(yes.subject),
            by: yes.person.clone(),
            user: yes.actor.0.clone(),
            digest: yes.digest,
            void: yes.void.clone(),
        }
    }

    /// `Ana Lee`, or `Ana Lee (user ana)`.
    fn who(&self) -> String {
        if self.by == self.user {
            self.by.clone()
        } else {
            format!("{} (user {})", self.by, self.user)
        }
    }

    fn cells(&self) -> [String; 5] {
        [
            self.at.clone(),
            self.subject.clone(),
            self.who(),
            self.digest.to_string(),
            self.void.clone().unwrap_or_default(),
        ]
    }
}

impl Host {
    /// The release, with its build where it has one.
    fn content(&self) -> String {
        self.build.as_ref().map_or_else(
            || self.release.clone(),
            |build| format!("{} (build {build})", self.release),
        )
    }

    fn cells(&self) -> [String; 7] {
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        [
            self.host.clone(),
            self.ring.clone(),
            self.content(),
            text(&self.previous),
            self.outcome.clone(),
            text(&self.since),
            text(&self.exception),
        ]
    }
}

fn heading(text: &mut String, name: &str) {
    put(text, format_args!("\n{}\n", show::bold(name)));
}
