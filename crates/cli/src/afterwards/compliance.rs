//! `report compliance`: what every host got in a month, and what it did not.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use ringway_engine::{Event, HoldKind, HostState};
use ringway_executor::Library;
use ringway_model::{ChangeId, HostId, RolloutId, Slot, Timestamp, VisitKind};
use serde::Serialize;

use super::advised::{Advisories, advised};
use super::chronicle::{Chronicle, Course, Exceptions, Stood, excepted};
use super::csv;
use super::walk::Walk;
use crate::args::{Compliance, Month, Output, Table};
use crate::clock;
use crate::exit::{End, Failure, Outcome};
use crate::out::Out;
use crate::page::page;
use crate::show::{self, put};

/// A report of a month.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Report {
    fleet: Option<String>,
    month: String,
    /// The zone of the month and of every instant.
    zone: &'static str,
    /// The first instant of the month.
    from: String,
    /// The first instant after it.
    until: String,
    /// Whether the month was over when the report was made.
    is_over: bool,
    /// The journal's last row and its hash, by which the report can be checked later.
    journal: Head,
    rollouts: Vec<Rollout>,
    summary: Summary,
    rows: Vec<Row>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Head {
    rows: u64,
    head: String,
}

/// A rollout of the month.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
#[expect(
    clippy::struct_field_names,
    reason = "the fields are the keys that people and programs read"
)]
struct Rollout {
    rollout: RolloutId,
    change: Option<ChangeId>,
    policy: String,
    update: String,
    severity: Option<String>,
    released: Option<String>,
    starter: String,
    proposed: String,
    /// At the end of the month.
    state: String,
    ended: Option<String>,
}

/// The month in numbers.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Summary {
    hosts: usize,
    hosts_in_no_rollout: usize,
    severities: Vec<Severity>,
    /// How often a host did not have an update when it was due; absent: nothing was due.
    overdue: Option<u32>,
}

/// Hosts of the rollouts of one severity.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
#[expect(
    clippy::struct_field_names,
    reason = "the fields are the keys that people and programs read"
)]
struct Severity {
    /// Absent: the update names none.
    severity: Option<String>,
    /// Each host once for each rollout that was neither cancelled nor superseded.
    targets: u32,
    /// Those that have the update.
    updated: u32,
    /// In thousandths.
    share_milli: u32,
}

/// One host in one rollout, or in none.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Row {
    host: String,
    update: Option<String>,
    severity: Option<String>,
    release: Option<String>,
    build: Option<String>,
    /// At the end of the month.
    outcome: String,
    /// Whether it has the update by then.
    #[serde(skip)]
    is_updated: bool,
    #[serde(skip)]
    is_target: bool,
    /// Whether its rollout was cancelled before the host was visited.
    #[serde(skip)]
    is_untouched: bool,
    /// Since when.
    when: Option<String>,
    /// By when it was to have it, by the policy's due dates.
    due: Option<String>,
    /// Whether it did not by then; absent where nothing is due.
    overdue: Option<bool>,
    rollout: Option<RolloutId>,
    change: Option<ChangeId>,
    policy: Option<String>,
    ring: Option<String>,
    approvers: Vec<String>,
    /// Why it was left out or not to be touched: by whom, and their reason.
    exception: Option<String>,
    /// In this rollout, by the last row of the journal.
    last_known_state: Option<String>,
    last_known_since: Option<String>,
}

/// `ringway report compliance`.
pub(crate) async fn compliance(out: Out, data: &Path, args: &Compliance) -> Outcome {
    let now = clock::now();
    if args.month.from > now {
        let why = format!("{} has not begun", args.month.name);
        return Err(Failure::new(End::Refused, why));
    }
    let report = report(data, &args.month, now).await?;
    match (args.format, out.format()) {
        (Some(Table::Csv), _) => out.raw(&report.csv()),
        (Some(Table::Html), _) => out.raw(&report.html()),
        (Some(Table::Text), _) | (None, Output::Text) => out.text(&report.words()),
        (Some(Table::Json), _) => out.pretty(&report),
        (None, Output::Json | Output::Ndjson) => out.value(&report, Report::words),
    }
    Ok(End::Done)
}

/// The state at the end of the month.
struct Then {
    /// Its last instant, or now.
    at: Timestamp,
    fleet: Option<std::sync::Arc<ringway_scheduler::FleetSpec>>,
    courses: BTreeMap<RolloutId, Course>,
    holds: Holds,
    exceptions: Exceptions,
    advisories: Advisories,
}

/// Hosts that are not to be touched, with the words of whoever said so.
type Holds = BTreeMap<(String, HoldKind), String>;

async fn report(data: &Path, month: &Month, now: Timestamp) -> Result<Report, Failure> {
    let (mut walk, library) = Walk::begin(data).await?;
    let mut chronicle = Chronicle::new(&library);
    let mut holds = Holds::new();
    let mut then = None;
    let at = month.until.min(now);
    while let Some((row, batch)) = walk.batch().await? {
        if row.at >= month.until && then.is_none() {
            then = Some(at_the_end(at, &chronicle, &holds));
        }
        for event in &batch.events {
            chronicle.learn(row.at, event);
            hold(&mut holds, event, |host| chronicle.host(host));
        }
    }
    let then = then.unwrap_or_else(|| at_the_end(at, &chronicle, &holds));
    let updates = updates(&walk, &library, &then).await?;
    let mut rollouts = Vec::new();
    let mut rows: Vec<Row> = Vec::new();
    for course in then.courses.values().filter(|course| is_in(course, month)) {
        let update = updates.get(&course.id);
        rollouts.push(told(course, update));
        rows.extend(rows_of(
            course,
            &then,
            update,
            chronicle.courses.get(&course.id),
        ));
    }
    let mut rows = without_replaced(rows);
    let (idle, hosts) = idle(&then, &rows);
    let hosts_in_no_rollout = idle.len();
    rows.extend(idle);
    rows.sort_by(|one, other| (&one.host, one.rollout).cmp(&(&other.host, other.rollout)));
    Ok(Report {
        fleet: then.fleet.as_ref().map(|fleet| fleet.name.clone()),
        month: month.name.clone(),
        zone: "UTC",
        from: month.from.to_string(),
        until: month.until.to_string(),
        is_over: now >= month.until,
        journal: Head {
            rows: walk.head().seq,
            head: walk.head().hash.to_string(),
        },
        summary: Summary {
            hosts,
            hosts_in_no_rollout,
            severities: severities(&rows),
            overdue: overdue(&rows),
        },
        rollouts,
        rows,
    })
}

fn at_the_end(at: Timestamp, chronicle: &Chronicle<'_>, holds: &Holds) -> Then {
    Then {
        at,
        fleet: chronicle.fleet.clone(),
        courses: chronicle.courses.clone(),
        holds: holds.clone(),
        exceptions: chronicle.exceptions.clone(),
        advisories: chronicle.advisories.clone(),
    }
}

/// Whether the rollout was under way in the month.
fn is_in(course: &Course, month: &Month) -> bool {
    course.proposed < month.until && course.ended.is_none_or(|(at, _)| at >= month.from)
}

fn hold(holds: &mut Holds, event: &Event, name: impl Fn(HostId) -> String) {
    if let Event::HostHeld {
        host,
        kind,
        actor,
        reason,
        until,
    } = event
    {
        let until = until.map_or_else(String::new, |at| format!(" until {at}"));
        let words = format!("{} by {actor}{until}: {reason}", kind.word());
        holds.insert((name(*host), *kind), words);
    }
    if let Event::HostReleased { host, kind, .. } = event {
        holds.remove(&(name(*host), *kind));
    }
}

/// What the update of a rollout says of itself.
#[derive(Clone)]
struct Update {
    severity: Option<String>,
    released: Option<String>,
}

/// The updates of all rollouts, from the texts they were registered with.
async fn updates(
    walk: &Walk,
    library: &Library,
    then: &Then,
) -> Result<BTreeMap<RolloutId, Update>, Failure> {
    let mut updates = BTreeMap::new();
    for course in then.courses.values() {
        let Some(plan) = library.plans.get(&course.digest) else {
            continue;
        };
        let Some(digest) = plan.documents.get(&format!("update/{}", plan.update)) else {
            continue;
        };
        let text = walk.text(*digest).await?;
        let read = text.as_deref().and_then(ringway_policy::update_alone);
        if let Some(update) = read {
            let update = Update {
                severity: update.severity,
                released: update.released.map(|at| at.to_string()),
            };
            updates.insert(course.id, update);
        }
    }
    Ok(updates)
}

fn told(course: &Course, update: Option<&Update>) -> Rollout {
    Rollout {
        rollout: course.id,
        change: course.change.clone(),
        policy: course.policy(),
        update: course.update(),
        severity: update.and_then(|update| update.severity.clone()),
        released: update.and_then(|update| update.released.clone()),
        starter: course.person(&course.starter),
        proposed: course.proposed.to_string(),
        state: course.state_words(),
        ended: course.ended.map(|(at, _)| at.to_string()),
    }
}

fn rows_of(
    course: &Course,
    then: &Then,
    update: Option<&Update>,
    last: Option<&Course>,
) -> Vec<Row> {
    let due = course
        .plan
        .as_ref()
        .and_then(|plan| plan.terms.due.as_ref());
    let due = due.map(|due| due.at(course.proposed));
    let severity = update.and_then(|update| update.severity.clone());
    let bare = |host: String, outcome: String| Row {
        exception: exception(then, &host, Some(&course.update())),
        host,
        update: Some(course.update()),
        severity: severity.clone(),
        release: None,
        build: None,
        outcome,
        is_updated: false,
        is_target: false,
        is_untouched: false,
        when: None,
        due: None,
        overdue: None,
        rollout: Some(course.id),
        change: course.change.clone(),
        policy: Some(course.policy()),
        ring: None,
        approvers: Vec::new(),
        last_known_state: None,
        last_known_since: None,
    };
    let targets = course.hosts.iter().enumerate().map(|(index, stood)| {
        let slot = Slot::at(index);
        let (ring, route) = (course.ring_of(slot), course.route(slot));
        let row = bare(course.host(slot), course.outcome(stood.state));
        let last = last.and_then(|course| course.hosts.get(index));
        let skipped = stood.skipped.as_ref();
        let fleet = then.fleet.as_deref();
        let advised = route
            .filter(|_| !has_it(stood.state))
            .and_then(|route| advised(&then.advisories, fleet, (&row.host, route), false));
        Row {
            release: route.map(|route| route.release.clone()),
            build: route.and_then(|route| route.build.clone()),
            is_updated: has_it(stood.state),
            // Of what was cancelled, or overtaken by a fix, nobody expects that it is everywhere.
            is_target: !matches!(course.state, "cancelled" | "superseded"),
            is_untouched: course.state == "cancelled" && is_untouched(stood.state),
            when: stood.since.map(|at| at.to_string()),
            due: due.map(|at| at.to_string()),
            overdue: due.map(|due| is_overdue(stood, due, then.at)),
            ring: Some(course.ring_name(ring)),
            approvers: course.approvers(ring),
            exception: skipped
                .map(|(by, reason)| format!("left out by {by}: {reason}"))
                .or_else(|| {
                    let both: Vec<String> = row.exception.into_iter().chain(advised).collect();
                    (!both.is_empty()).then(|| both.join("; "))
                }),
            last_known_state: last.map(|stood| show::host_state(stood.state)),
            last_known_since: last.and_then(|stood| Some(stood.since?.to_string())),
            ..row
        }
    });
    let mut rows: Vec<Row> = targets.collect();
    let name = |host: &HostId| host_name(course, *host);
    if let Some(plan) = &course.plan {
        let not_applicable = plan.not_applicable.iter().filter_map(name);
        rows.extend(not_applicable.map(|host| bare(host, "not applicable".to_owned())));
        let unclaimed = plan.unclaimed.iter().filter_map(name);
        rows.extend(unclaimed.map(|host| bare(host, "in no ring".to_owned())));
    }
    rows
}

fn host_name(course: &Course, host: HostId) -> Option<String> {
    let known = course.fleet.as_ref()?.hosts.get(host.index())?;
    Some(known.name.clone())
}

/// Whether a host has the update, whoever put it there.
const fn has_it(state: HostState) -> bool {
    matches!(
        state,
        HostState::Updated | HostState::Already | HostState::ChangedOutside
    )
}

/// Whether a host did not have the update when it was due, or does not have it after that.
fn is_overdue(stood: &Stood, due: Timestamp, at: Timestamp) -> bool {
    if has_it(stood.state) {
        stood.since.is_some_and(|since| since > due)
    } else {
        at > due
    }
}

fn exception(then: &Then, host: &str, update: Option<&str>) -> Option<String> {
    let excepted = excepted(&then.exceptions, then.fleet.as_deref(), (host, update));
    let holds = [HoldKind::Hold, HoldKind::Maintenance]
        .into_iter()
        .filter_map(|kind| then.holds.get(&(host.to_owned(), kind)).cloned());
    let holds: Vec<String> = excepted.into_iter().chain(holds).collect();
    (!holds.is_empty()).then(|| holds.join("; "))
}

/// Whether nothing was done to a host in this state.
const fn is_untouched(state: HostState) -> bool {
    matches!(
        state,
        HostState::Pending
            | HostState::OnHold
            | HostState::CatchUp
            | HostState::NotReady {
                visit: VisitKind::Update
            }
            | HostState::GoesLast {
                visit: VisitKind::Update
            }
    )
}

/// A rollout that was cancelled before it visited a host says nothing of that host where another one of the same update does: an
/// auditor would count one thing twice, and once as lacking. Where there is none but such rollouts, the newest says it.
fn without_replaced(rows: Vec<Row>) -> Vec<Row> {
    let mut last: BTreeMap<(String, Option<String>), (bool, Option<RolloutId>)> = BTreeMap::new();
    for row in &rows {
        let of = (row.host.clone(), row.update.clone());
        let this = (!row.is_untouched, row.rollout);
        let best = last.entry(of).or_insert(this);
        *best = this.max(*best);
    }
    let is_told = |row: &Row| {
        let of = (row.host.clone(), row.update.clone());
        !row.is_untouched || last.get(&of) == Some(&(false, row.rollout))
    };
    rows.into_iter().filter(is_told).collect()
}

/// Hosts of the fleet that are in none of these rows, and how many hosts there are in all.
fn idle(then: &Then, rows: &[Row]) -> (Vec<Row>, usize) {
    let mut names: BTreeSet<&str> = rows.iter().map(|row| row.host.as_str()).collect();
    let fleet = then.fleet.iter().flat_map(|fleet| &fleet.hosts);
    let idle: Vec<Row> = fleet
        .clone()
        .filter(|host| !names.contains(host.name.as_str()))
        .map(|host| Row {
            exception: exception(then, &host.name, None),
            host: host.name.clone(),
            update: None,
            severity: None,
            release: None,
            build: None,
            outcome: "in no rollout".to_owned(),
            is_updated: false,
            is_target: false,
            is_untouched: false,
            when: None,
            due: None,
            overdue: None,
            rollout: None,
            change: None,
            policy: None,
            ring: None,
            approvers: Vec::new(),
            last_known_state: None,
            last_known_since: None,
        })
        .collect();
    names.extend(fleet.map(|host| host.name.as_str()));
    (idle, names.len())
}

/// How many hosts were or are overdue; nothing where nothing was due.
fn overdue(rows: &[Row]) -> Option<u32> {
    let mut known = rows.iter().filter_map(|row| row.overdue).peekable();
    known.peek()?;
    Some(known.map(u32::from).sum())
}

fn severities(rows: &[Row]) -> Vec<Severity> {
    let mut found: BTreeMap<Option<String>, Severity> = BTreeMap::new();
    for row in rows.iter().filter(|row| row.is_target) {
        let one = found.entry(row.severity.clone()).or_default();
        one.severity.clone_from(&row.severity);
        one.targets += 1;
        one.updated += u32::from(row.is_updated);
    }
    let mut severities: Vec<Severity> = found.into_values().collect();
    for one in &mut severities {
        let share = u64::from(one.updated) * 1000 / u64::from(one.targets.max(1));
        one.share_milli = u32::try_from(share).unwrap_or(u32::MAX);
    }
    severities
}

/// The columns, as in JSON.
const COLUMNS: [&str; 17] = [
    "host",
    "update",
    "severity",
    "release",
    "build",
    "outcome",
    "when",
    "due",
    "overdue",
    "rollout",
    "change",
    "policy",
    "ring",
    "approvers",
    "exception",
    "last-known-state",
    "last-known-since",
];

impl Row {
    fn cells(&self) -> [String; 17] {
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        [
            self.host.clone(),
            text(&self.update),
            text(&self.severity),
            text(&self.release),
            text(&self.build),
            self.outcome.clone(),
            text(&self.when),
            text(&self.due),
            self.overdue
                .map_or("", |overdue| if overdue { "yes" } else { "no" })
                .to_owned(),
            self.rollout.map_or_else(String::new, |id| id.to_string()),
            self.change
                .as_ref()
                .map_or_else(String::new, ToString::to_string),
            text(&self.policy),
            text(&self.ring),
            self.approvers.join(", "),
            text(&self.exception),
            text(&self.last_known_state),
            text(&self.last_known_since),
        ]
    }
}

impl Severity {
    fn cells(&self) -> [String; 4] {
        [
            self.severity
                .clone()
                .unwrap_or_else(|| "not stated".to_owned()),
            self.targets.to_string(),
            self.updated.to_string(),
            format!("{}.{} %", self.share_milli / 10, self.share_milli % 10),
        ]
    }
}

impl Report {
    fn csv(&self) -> String {
        let mut text = csv::line(COLUMNS);
        for row in &self.rows {
            text.push_str(&csv::line(row.cells().iter().map(String::as_str)));
        }
        text
    }

    /// What is true of the whole report, in sentences.
    fn facts(&self) -> Vec<String> {
        let fleet = self.fleet.as_deref().unwrap_or("no fleet yet");
        let so_far = if self.is_over {
            ""
        } else {
            ", which is not over"
        };
        let mut facts = vec![format!(
            "Fleet {fleet}, month {}{so_far}: from {} until {}, in {}. Outcomes are those at its end.",
            self.month, self.from, self.until, self.zone
        )];
        facts.push(if self.rollouts.is_empty() {
            "No rollout was under way in this month.".to_owned()
        } else {
            format!("{} rollouts were under way.", self.rollouts.len())
        });
        facts.push(format!(
            "{} hosts, {} of them in no rollout of this month.",
            self.summary.hosts, self.summary.hosts_in_no_rollout
        ));
        facts.push(match self.summary.overdue {
            Some(count) => format!("{count} times a host did not have an update when it was due."),
            None => "Nothing was due: no policy of these rollouts states due dates.".to_owned(),
        });
        facts.push(format!(
            "From a journal of {} rows; its head is {}.",
            self.journal.rows, self.journal.head
        ));
        facts
    }

    fn words(&self) -> String {
        let mut text = self.facts().join("\n");
        text.push('\n');
        for one in &self.summary.severities {
            let [severity, targets, updated, share] = one.cells();
            put(
                &mut text,
                format_args!("severity {severity}: {updated} of {targets} have it, {share}\n"),
            );
        }
        for one in &self.rollouts {
            put(
                &mut text,
                format_args!(
                    "{} {} by policy {}: {}\n",
                    show::named(one.rollout, one.change.as_ref()),
                    one.update,
                    one.policy,
                    one.state
                ),
            );
        }
        let width = |of: fn(&Row) -> usize| self.rows.iter().map(of).max().unwrap_or(0);
        let (host, outcome) = (width(|row| row.host.len()), width(|row| row.outcome.len()));
        for row in &self.rows {
            let rollout = row.rollout.map_or_else(String::new, |id| id.to_string());
            let release = row.release.as_deref().unwrap_or_default();
            let when = row.when.as_deref().unwrap_or_default();
            let exception = row
                .exception
                .as_ref()
                .map_or_else(String::new, |words| format!("  ({words})"));
            let line = format!(
                "{:host$}  {:outcome$}  {rollout:4}  {release}  {when}{exception}",
                row.host, row.outcome
            );
            put(&mut text, format_args!("{}\n", line.trim_end()));
        }
        text
    }

    fn html(&self) -> String {
        page(&format!("Compliance in {}", self.month), |body| {
            body.tell("p", &[("class", &"facts")], &self.facts().join("\n"));
            if !self.summary.severities.is_empty() {
                body.tell("h2", &[], "By severity");
                let rows: Vec<[String; 4]> = self
                    .summary
                    .severities
                    .iter()
                    .map(Severity::cells)
                    .collect();
                body.table(["severity", "targets", "have the update", "share"], &rows);
            }
            if !self.rollouts.is_empty() {
                body.tell("h2", &[], "Rollouts");
                let rows: Vec<[String; 6]> = self.rollouts.iter().map(Rollout::cells).collect();
                let heading = [
                    "rollout",
                    "update",
                    "policy",
                    "started by",
                    "proposed",
                    "state",
                ];
                body.tag("div", &[("class", &"words")], |words| {
                    words.table(heading, &rows);
                });
            }
            body.tell("h2", &[], "Hosts");
            let rows: Vec<[String; 17]> = self.rows.iter().map(Row::cells).collect();
            body.tag("div", &[("class", &"words")], |words| {
                words.table(COLUMNS, &rows);
            });
        })
    }
}

impl Rollout {
    fn cells(&self) -> [String; 6] {
        [
            show::named(self.rollout, self.change.as_ref()),
            self.update.clone(),
            self.policy.clone(),
            self.starter.clone(),
            self.proposed.clone(),
            self.state.clone(),
        ]
    }
}
