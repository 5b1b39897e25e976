//! Reads the journal: the state when nothing runs, its events for people and tools, and the audit. Writes nothing.

use std::path::Path;
use std::sync::Arc;

use ringway_engine::view::{FleetView, HostView, ProtectionView};
use ringway_engine::{Engine, Event};
use ringway_executor::codec::{What, lines};
use ringway_executor::fold::Fold;
use ringway_executor::port::Loaded;
use ringway_executor::{Library, Words};
use ringway_model::Digest;
use ringway_runtime::is_observed;
use ringway_simulator::checkers::Checkers;
use ringway_store::{LoadFrom, OpenError, Reader, SqliteReader};
use serde::Serialize;

use crate::afterwards::{Walk, untrusted};
use crate::args::{Journal, Output};
use crate::clock;
use crate::exit::{End, Failure, Outcome, chain};
use crate::out::Out;
use crate::session::cannot_open;
use crate::show::{Narrator, put};

/// What a journal says when nothing runs.
pub(crate) struct Past {
    /// The state at its end.
    pub(crate) engine: Engine,
    words: Words,
    observing: bool,
}

impl Past {
    /// The fleet as it would be now.
    pub(crate) fn view(&self) -> FleetView {
        FleetView {
            observing: self.observing,
            ..self.engine.view(clock::now())
        }
    }

    /// With what failed steps said.
    pub(crate) fn filled(&self, mut hosts: Vec<HostView>) -> Vec<HostView> {
        self.words.fill(&mut hosts);
        hosts
    }

    /// What was made of hosts, with what failed removals said.
    pub(crate) fn protections(&self, host: Option<&str>) -> Vec<ProtectionView> {
        let mut protections = self.engine.protections(host);
        self.words.fill_protections(&mut protections);
        protections
    }
}

/// The state at the end of the journal.
///
/// # Errors
///
/// Exit code 6: there is no journal. Exit code 7: it does not read back to what was written.
pub(crate) async fn fold(data: &Path) -> Result<Past, Failure> {
    let loaded = load(data, LoadFrom::Snapshot).await?;
    let library = library(&loaded)?;
    let mut fold = match &loaded.snapshot {
        Some(snapshot) => Fold::after(snapshot, &library).map_err(|e| untrusted(&e))?,
        None => Fold::new(&library),
    };
    for row in &loaded.rows {
        fold.row(row).map_err(|e| untrusted(&e))?;
    }
    let (engine, _, words) = fold.finish_with_words();
    Ok(Past {
        engine,
        words,
        observing: is_observed(data),
    })
}

/// The same; where nothing ran yet, a state in which nothing is known.
///
/// # Errors
///
/// As [`fold`], but for a journal that is not there.
pub(crate) async fn fold_or_nothing(data: &Path) -> Result<Past, Failure> {
    match SqliteReader::open_read_only(data).await {
        Err(OpenError::Missing { .. }) => Ok(Past {
            engine: Engine::new(),
            words: Words::default(),
            observing: is_observed(data),
        }),
        Ok(_) | Err(_) => fold(data).await,
    }
}

/// Which database this is; nothing where there is none that can be read.
pub(crate) async fn incarnation(data: &Path) -> Option<u64> {
    let loaded = load(data, LoadFrom::Snapshot).await.ok()?;
    Some(loaded.incarnation)
}

/// `ringway journal`.
pub(crate) async fn print(out: Out, data: &Path, args: &Journal) -> Outcome {
    // Names of hosts and rings are in the plans, and a row of the journal has only numbers.
    let (mut walk, library) = Walk::begin(data).await?;
    let mut narrator = Narrator::new(&library);
    let mut array = Vec::new();
    while out.is_read()
        && let Some((row, batch)) = walk.batch().await?
    {
        narrator.learn_changes(&batch.events);
        for mut line in lines(&row, &batch) {
            line.change = narrator.change(line.what).cloned();
            if let What::Event(event) = line.what {
                narrator.learn(event);
            }
            let wanted = row.seq >= args.from
                && (args.inputs || !matches!(line.what, What::Input(_)))
                && !matches!(line.what, What::Event(Event::Alive) if out.format() == Output::Text);
            if !wanted {
                continue;
            }
            match out.format() {
                Output::Text => out.text(&narrator.line(&line)),
                Output::Ndjson => out.value(&line, |_| String::new()),
                Output::Json => {
                    array.push(serde_json::to_value(&line).expect("lines are plain values"));
                }
            }
        }
    }
    if out.format() == Output::Json {
        out.values(&array, ToString::to_string);
    }
    Ok(End::Done)
}

/// What an audit found.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct Report {
    /// Whether everything is as it must be.
    pub(crate) sound: bool,
    /// Rows that were read and found to follow from one another.
    pub(crate) rows: u64,
    /// Events that were folded and checked against every invariant.
    events: u64,
    /// State digests in the journal that the fold reached.
    state_digests: u64,
    /// The hash of the last sound row: kept elsewhere, it shows later whether rows were taken away.
    pub(crate) head: Option<String>,
    /// What is wrong.
    pub(crate) wrong: Option<String>,
}

/// Shows every event of the journal, from the first one on.
///
/// # Errors
///
/// Exit code 6: there is no journal. Exit code 7: it does not read.
pub(crate) async fn events(data: &Path, mut hear: impl FnMut(&Event)) -> Result<(), Failure> {
    let (mut walk, _) = Walk::begin(data).await?;
    while let Some((_, batch)) = walk.batch().await? {
        batch.events.iter().for_each(&mut hear);
    }
    Ok(())
}

/// What lies beside the journal under this digest.
pub(crate) async fn content(data: &Path, digest: Digest) -> Result<Option<Vec<u8>>, Failure> {
    let blob = open(data).await?.blob(digest).await;
    let blob = blob.map_err(|e| Failure::new(End::Fault, chain(&e)))?;
    Ok(blob.map(|blob| blob.bytes))
}

/// `ringway audit`: from the first row, whatever snapshots there are.
pub(crate) async fn audit(out: Out, data: &Path) -> Outcome {
    let report = examine(data).await?;
    out.value(&report, words);
    Ok(if report.sound { End::Done } else { End::Fault })
}

/// What an audit of this journal says, in words.
pub(crate) async fn examined(data: &Path) -> Result<String, Failure> {
    Ok(words(&examine(data).await?))
}

/// Audits the journal row by row; what is wrong is in the answer.
///
/// # Errors
///
/// Exit code 6: there is no journal. Exit code 7: it cannot be read at all.
pub(crate) async fn examine(data: &Path) -> Result<Report, Failure> {
    let (mut walk, library) = Walk::begin(data).await?;
    let mut checkers = Checkers::new();
    for (digest, fleet) in &library.fleets {
        checkers.provide_fleet(*digest, Arc::clone(fleet));
    }
    for (digest, plan) in &library.plans {
        checkers.provide_plan(*digest, Arc::clone(plan));
    }
    let mut fold = Fold::new(&library);
    let mut report = Report::default();
    while let Some(row) = walk.row().await? {
        let seen = fold.row(&row).map_err(|e| e.to_string());
        let seen = seen.and_then(|batch| {
            let seen = checkers.observe(row.at, &batch.inputs, &batch.events);
            seen.map_err(|violation| format!("row {}: {violation}", row.seq))?;
            Ok(batch.events.len() as u64)
        });
        match seen {
            Ok(events) => report.events += events,
            Err(wrong) => {
                report.wrong = Some(wrong);
                return Ok(report);
            }
        }
        report.rows += 1;
        report.state_digests = fold.confirmed();
        report.head = Some(row.hash.to_string());
    }
    report.wrong = checkers.finish().map_err(|v| v.to_string()).err();
    report.sound = report.wrong.is_none();
    Ok(report)
}

/// An audit in words.
pub(crate) fn words(report: &Report) -> String {
    let mut text = format!(
        "{} rows, {} events, {} state digests reached\n",
        report.rows, report.events, report.state_digests
    );
    if let Some(head) = &report.head {
        put(&mut text, format_args!("chain head: {head}\n"));
    }
    match &report.wrong {
        Some(wrong) => put(&mut text, format_args!("NOT SOUND: {wrong}\n")),
        None => text.push_str(
            "sound: the chain is unbroken, the state is what was written, every invariant holds\n",
        ),
    }
    text
}

async fn open(data: &Path) -> Result<SqliteReader, Failure> {
    SqliteReader::open_read_only(data)
        .await
        .map_err(|e| cannot_open(&e))
}

async fn load(data: &Path, from: LoadFrom) -> Result<Loaded, Failure> {
    let reader = open(data).await?;
    reader
        .load(from)
        .await
        .map_err(|e| Failure::new(End::Fault, chain(&e)))
}

fn library(loaded: &Loaded) -> Result<Library, Failure> {
    Library::read(&loaded.blobs).map_err(|e| untrusted(&e))
}
