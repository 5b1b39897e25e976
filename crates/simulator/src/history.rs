//! Recorded journals as text: one JSON object a line, so that a difference can be read, folded for ever and decided again.
//!
//! # Invariants
//!
//! * A history says nothing that the journal did not: a row that is read back has the hash it was written with.
//! * Within a `DECISION_VERSION` the recorded inputs lead to the recorded events, exactly. Across versions the first event
//!   that differs is named.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use ringway_engine::{DECISION_VERSION, Engine, Event, Handled, Input};
use ringway_executor::Library;
use ringway_executor::codec::{Batch, VERSION};
use ringway_executor::fold::Fold;
use ringway_executor::port::{Blob, Row};
use ringway_model::{Digest, Epoch, HostId, Timestamp};
use ringway_policy::validated::NotifyRule;
use ringway_policy::validated::OUTSIDE_PAUSE_AT;
use ringway_scheduler::consent::{Consent, UnpoisonPlan};
use ringway_scheduler::evidence::EvidencePlan;
use ringway_scheduler::lane::{LanePlan, LaneTerms};
use ringway_scheduler::plan::Revision;
use ringway_scheduler::terms::Terms;
use ringway_scheduler::times::Times;
use ringway_scheduler::{FleetSpec, Plan};
use serde::{Deserialize, Serialize};

/// A recorded journal.
#[derive(Clone, Debug)]
pub struct History {
    /// What it tells, in a sentence.
    pub what: String,
    /// The version of the decisions in it.
    pub decision_version: u32,
    /// The format its rows had.
    pub format: u8,
    /// Fleets and plans that it refers to.
    pub blobs: Vec<Blob>,
    /// Its rows, in order.
    pub rows: Vec<Recorded>,
    /// The digest of the state that its events add up to.
    pub state: Digest,
}

/// One row with its batch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recorded {
    seq: u64,
    at: Timestamp,
    epoch: Epoch,
    hash: Digest,
    #[serde(rename = "batch")]
    batch: Batch,
}

/// One line.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Line {
    History {
        what: String,
        decision_version: u32,
        format: u8,
    },
    Fleet(Digest, Box<FleetSpec>),
    /// The hosts of the fleet on the next line that have vanished; only where there are any, as in its own encoding.
    Vanished(BTreeSet<HostId>),
    /// The revision that the plan on the next line is, where it is one.
    Revises(Box<Revision>),
    /// When work may run on the hosts of the plan on the next line; only where something limits them, as in the plan's
    /// own encoding.
    Times(Box<Times>),
    /// The same of what approvals of the plan depend on.
    Consent(Box<Consent>),
    /// Its terms, where it has any.
    Terms(Box<Terms>),
    /// The hours in which soaks of the plan may be ended early, where there are any.
    Early(Vec<Option<u32>>),
    /// How many hosts of it others may change, where it is not the usual number.
    Outside(u32),
    /// What the next plan supersedes.
    Supersedes(Box<ringway_scheduler::Supersedes>),
    /// The evidence that it asks for, where it does.
    Evidence(Box<EvidencePlan>),
    /// By route, which of its parameters are settings, and what it knows of the lanes of its policy, where there is any of that.
    Settings(Vec<BTreeSet<String>>, BTreeMap<String, LaneTerms>),
    /// The lane that it is made in, where it is.
    Lane(Box<LanePlan>),
    /// Who must agree before its content may be installed again, where somebody must.
    Unpoison(Box<UnpoisonPlan>),
    /// Who is told what of its rollout, where anybody is.
    Notify(Vec<NotifyRule>),
    Plan(Digest, Box<Plan>),
    Row(Box<Recorded>),
    End {
        state: Digest,
    },
}

/// A history that does not read or does not fold.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HistoryError {
    /// A line is not one of a history.
    #[error("line {line}: {why}")]
    Line {
        /// The line, from 1.
        line: usize,
        /// Why not.
        why: String,
    },
    /// It has no first or no last line.
    #[error("it has no `{0}` line")]
    Missing(&'static str),
    /// It does not fold to what it says.
    #[error("it does not fold: {0}")]
    Fold(String),
}

/// The first event that is decided otherwise today.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct Difference {
    /// The row.
    pub seq: u64,
    /// Which event of it, from 1.
    pub number: usize,
    /// What was recorded; absent where nothing more was.
    pub recorded: Option<Event>,
    /// What is decided today; absent where nothing more is.
    pub decided: Option<Event>,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = |event: &Option<Event>| {
            let event = event.as_ref()?;
            Some(serde_json::to_string(event).expect("every event has a JSON form"))
        };
        let nothing = || "nothing".to_owned();
        write!(
            f,
            "row {} event {}:\n  recorded: {}\n  decided:  {}",
            self.seq,
            self.number,
            word(&self.recorded).unwrap_or_else(nothing),
            word(&self.decided).unwrap_or_else(nothing),
        )
    }
}

impl History {
    /// Records a journal.
    ///
    /// # Errors
    ///
    /// When it does not fold.
    pub fn of(what: &str, rows: &[Row], blobs: &[Blob]) -> Result<Self, HistoryError> {
        let unreadable = |why: String| HistoryError::Fold(why);
        let library = Library::read(blobs).map_err(|error| unreadable(error.to_string()))?;
        let mut fold = Fold::new(&library);
        let mut recorded = Vec::new();
        for row in rows {
            let batch = fold
                .row(row)
                .map_err(|error| unreadable(error.to_string()))?;
            recorded.push(Recorded {
                seq: row.seq,
                at: row.at,
                epoch: row.epoch,
                hash: row.hash,
                batch,
            });
        }
        let is_kept = |blob: &&Blob| matches!(blob.kind.as_str(), "fleet" | "plan");
        Ok(Self {
            what: what.to_owned(),
            decision_version: DECISION_VERSION,
            format: VERSION,
            blobs: blobs.iter().filter(is_kept).cloned().collect(),
            rows: recorded,
            state: fold.engine().state_digest(),
        })
    }

    /// The history as text.
    #[expect(clippy::too_many_lines, reason = "it is read as one list")]
    pub fn write(&self) -> String {
        let mut lines = vec![Line::History {
            what: self.what.clone(),
            decision_version: self.decision_version,
            format: self.format,
        }];
        for blob in &self.blobs {
            if blob.kind == "fleet" {
                let mut fleet = FleetSpec::decode(&blob.bytes).expect("it folded");
                let vanished = std::mem::take(&mut fleet.vanished);
                if !vanished.is_empty() {
                    lines.push(Line::Vanished(vanished));
                }
                lines.push(Line::Fleet(blob.digest, Box::new(fleet)));
            } else {
                let mut plan = Plan::decode(&blob.bytes).expect("it folded");
                let times = std::mem::take(&mut plan.times);
                if !times.is_empty() {
                    lines.push(Line::Times(Box::new(times)));
                }
                let consent = std::mem::take(&mut plan.consent);
                if !consent.is_empty() {
                    lines.push(Line::Consent(Box::new(consent)));
                }
                let early = std::mem::take(&mut plan.terms.early);
                if !early.is_empty() {
                    lines.push(Line::Early(early));
                }
                if let Some(supersedes) = plan.supersedes.take() {
                    lines.push(Line::Supersedes(Box::new(supersedes)));
                }
                if plan.outside_pause_at != OUTSIDE_PAUSE_AT {
                    lines.push(Line::Outside(plan.outside_pause_at));
                }
                let lanes = std::mem::take(&mut plan.lanes);
                let routes = plan.routes.iter_mut();
                let settings: Vec<BTreeSet<String>> = routes
                    .map(|route| std::mem::take(&mut route.settings))
                    .collect();
                if !lanes.is_empty() || settings.iter().any(|of| !of.is_empty()) {
                    lines.push(Line::Settings(settings, lanes));
                }
                if let Some(lane) = plan.lane.take() {
                    lines.push(Line::Lane(Box::new(lane)));
                }
                let notify = std::mem::take(&mut plan.notify);
                if !notify.is_empty() {
                    lines.push(Line::Notify(notify));
                }
                if let Some(unpoison) = plan.unpoison.take() {
                    lines.push(Line::Unpoison(Box::new(unpoison)));
                }
                if let Some(evidence) = plan.evidence.take() {
                    lines.push(Line::Evidence(Box::new(evidence)));
                }
                let terms = std::mem::take(&mut plan.terms);
                if !terms.is_empty() {
                    lines.push(Line::Terms(Box::new(terms)));
                }
                if let Some(revision) = plan.revises.take() {
                    lines.push(Line::Revises(Box::new(revision)));
                }
                lines.push(Line::Plan(blob.digest, Box::new(plan)));
            }
        }
        for row in &self.rows {
            lines.push(Line::Row(Box::new(row.clone())));
        }
        lines.push(Line::End { state: self.state });
        let mut text = String::new();
        for line in lines {
            text += &serde_json::to_string(&line).expect("every line has a JSON form");
            text.push('\n');
        }
        text
    }

    /// The history that a text tells.
    ///
    /// # Errors
    ///
    /// When a line does not read, or content has another digest than it is named by.
    #[expect(clippy::too_many_lines, reason = "one arm for each kind of line")]
    pub fn read(text: &str) -> Result<Self, HistoryError> {
        let (mut head, mut end) = (None, None);
        let (mut blobs, mut rows) = (Vec::new(), Vec::new());
        let mut times = Times::default();
        let mut terms = Terms::default();
        let mut consent = Consent::default();
        let mut revises = None;
        let (mut early, mut outside) = (Vec::new(), None);
        let (mut supersedes, mut evidence, mut lane, mut unpoison) = (None, None, None, None);
        let (mut settings, mut lanes, mut notify) = (Vec::new(), BTreeMap::new(), Vec::new());
        let mut vanished = BTreeSet::new();
        for (number, line) in text.lines().enumerate() {
            let wrong = |why: String| HistoryError::Line {
                line: number + 1,
                why,
            };
            let line = serde_json::from_str(line).map_err(|error| wrong(error.to_string()))?;
            let (kind, named, found) = match line {
                Line::History {
                    what,
                    decision_version,
                    format,
                } => {
                    head = Some((what, decision_version, format));
                    continue;
                }
                Line::Row(row) => {
                    rows.push(*row);
                    continue;
                }
                Line::End { state } => {
                    end = Some(state);
                    continue;
                }
                Line::Vanished(of_next) => {
                    vanished = of_next;
                    continue;
                }
                Line::Revises(of_next) => {
                    revises = Some(*of_next);
                    continue;
                }
                Line::Fleet(digest, mut fleet) => {
                    fleet.vanished = std::mem::take(&mut vanished);
                    ("fleet", digest, fleet.encode())
                }
                Line::Times(of_next) => {
                    times = *of_next;
                    continue;
                }
                Line::Consent(of_next) => {
                    consent = *of_next;
                    continue;
                }
                Line::Terms(of_next) => {
                    terms = *of_next;
                    continue;
                }
                Line::Early(of_next) => {
                    early = of_next;
                    continue;
                }
                Line::Outside(of_next) => {
                    outside = Some(of_next);
                    continue;
                }
                Line::Supersedes(of_next) => {
                    supersedes = Some(*of_next);
                    continue;
                }
                Line::Settings(of_routes, of_lanes) => {
                    (settings, lanes) = (of_routes, of_lanes);
                    continue;
                }
                Line::Lane(of_next) => {
                    lane = Some(*of_next);
                    continue;
                }
                Line::Notify(of_next) => {
                    notify = of_next;
                    continue;
                }
                Line::Unpoison(of_next) => {
                    unpoison = Some(*of_next);
                    continue;
                }
                Line::Evidence(of_next) => {
                    evidence = Some(*of_next);
                    continue;
                }
                Line::Plan(digest, mut plan) => {
                    plan.consent = std::mem::take(&mut consent);
                    plan.times = std::mem::take(&mut times);
                    plan.terms = std::mem::take(&mut terms);
                    plan.terms.early = std::mem::take(&mut early);
                    plan.outside_pause_at = outside.take().unwrap_or(OUTSIDE_PAUSE_AT);
                    plan.revises = revises.take();
                    plan.supersedes = supersedes.take();
                    plan.evidence = evidence.take();
                    plan.unpoison = unpoison.take();
                    plan.notify = std::mem::take(&mut notify);
                    plan.lane = lane.take();
                    plan.lanes = std::mem::take(&mut lanes);
                    let of_routes = std::mem::take(&mut settings);
                    for (route, settings) in plan.routes.iter_mut().zip(of_routes) {
                        route.settings = settings;
                    }
                    ("plan", digest, plan.encode())
                }
            };
            if found.0 != named {
                return Err(wrong(format!("the {kind} has another digest than it says")));
            }
            blobs.push(Blob {
                digest: named,
                kind: kind.to_owned(),
                bytes: found.1,
            });
        }
        let (what, decision_version, format) = head.ok_or(HistoryError::Missing("history"))?;
        Ok(Self {
            what,
            decision_version,
            format,
            blobs,
            rows,
            state: end.ok_or(HistoryError::Missing("end"))?,
        })
    }

    /// Every input with the instant of its row, for those who look for something in a history.
    pub fn events(&self) -> impl Iterator<Item = &Event> {
        self.rows.iter().flat_map(|row| &row.batch.events)
    }

    /// Each batch with its instant, as the checkers want it.
    pub fn batches(&self) -> impl Iterator<Item = (Timestamp, &[Input], &[Event])> {
        self.rows
            .iter()
            .map(|row| (row.at, &row.batch.inputs[..], &row.batch.events[..]))
    }

    /// Folds every event; where rows are written as they were then, their hashes are looked at too.
    ///
    /// # Errors
    ///
    /// When an event does not fit, a hash does not follow, or the state is another than was recorded.
    pub fn fold(&self) -> Result<(), HistoryError> {
        let wrong = |why: String| HistoryError::Fold(why);
        let mut engine = self.engine()?;
        let mut chain = Row::GENESIS;
        for row in &self.rows {
            if self.format == VERSION {
                let written = row.written();
                if written.hash_after(&chain) != row.hash {
                    let why = format!("the hash of row {} does not follow", row.seq);
                    return Err(wrong(why));
                }
            }
            chain = row.hash;
            for event in &row.batch.events {
                engine
                    .apply(row.at, event)
                    .map_err(|fault| wrong(format!("row {}: {fault}", row.seq)))?;
            }
        }
        if engine.state_digest() == self.state {
            Ok(())
        } else {
            Err(wrong("the state is another than was recorded".to_owned()))
        }
    }

    /// Decides every row again from its inputs. Where a decider took over, its state is the fold of what came before, as it
    /// was then.
    ///
    /// # Errors
    ///
    /// The first event that is decided otherwise.
    pub fn decide_again(&self) -> Result<(), Box<Difference>> {
        let mut folded = self.engine().unwrap_or_default();
        let mut live = folded.clone();
        for row in &self.rows {
            let takes_over = row
                .batch
                .inputs
                .iter()
                .any(|input| matches!(input, Input::Recovered { .. }));
            if takes_over {
                live = folded.clone();
                live.after_fold();
            }
            row.compare(&row.decide(&mut live))?;
            for event in &row.batch.events {
                // It folds: whoever wants to know whether, asks `fold`.
                drop(folded.apply(row.at, event));
            }
        }
        Ok(())
    }

    fn engine(&self) -> Result<Engine, HistoryError> {
        let library =
            Library::read(&self.blobs).map_err(|error| HistoryError::Fold(error.to_string()))?;
        let mut engine = Engine::new();
        library.provide(&mut engine);
        Ok(engine)
    }
}

impl Recorded {
    fn written(&self) -> Row {
        Row {
            seq: self.seq,
            at: self.at,
            epoch: self.epoch,
            body: self.batch.encode(),
            hash: self.hash,
        }
    }

    /// What an engine decides today.
    fn decide(&self, engine: &mut Engine) -> Vec<Event> {
        let mut decided = Vec::new();
        for input in &self.batch.inputs {
            match engine.handle(self.at, input, &mut decided) {
                Handled::Accepted(_) | Handled::Rejected(_) => {}
            }
        }
        engine.advance(self.at, self.batch.free_workers, &mut decided);
        drop(engine.take_watch_changes());
        decided
    }

    fn compare(&self, decided: &[Event]) -> Result<(), Box<Difference>> {
        let recorded = &self.batch.events;
        for at in 0..recorded.len().max(decided.len()) {
            if recorded.get(at) != decided.get(at) {
                return Err(Box::new(Difference {
                    seq: self.seq,
                    number: at + 1,
                    recorded: recorded.get(at).cloned(),
                    decided: decided.get(at).cloned(),
                }));
            }
        }
        Ok(())
    }
}
