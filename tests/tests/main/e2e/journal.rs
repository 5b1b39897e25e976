//! A journal as it lies in a data directory: its events, the state they fold to, and its audit.

use std::path::Path;
use std::sync::Arc;

use ringway_engine::view::HostView;
use ringway_engine::{Engine, Event};
use ringway_executor::Library;
use ringway_executor::codec::Batch;
use ringway_executor::fold::Fold;
use ringway_model::{RolloutId, Timestamp};
use ringway_simulator::checkers::Checkers;
use ringway_store::{LoadFrom, Reader, SqliteReader};

/// A journal that was read, folded and audited.
pub(crate) struct Journal {
    pub(crate) events: Vec<(Timestamp, Event)>,
    pub(crate) engine: Engine,
}

impl Journal {
    /// Reads, folds and audits.
    pub(crate) async fn read(data: &Path) -> Self {
        let reader = SqliteReader::open_read_only(data).await.unwrap();
        let loaded = reader.load(LoadFrom::FirstRow).await.unwrap();
        let library = Library::read(&loaded.blobs).unwrap();
        let mut checkers = Checkers::new();
        for (digest, fleet) in &library.fleets {
            checkers.provide_fleet(*digest, Arc::clone(fleet));
        }
        for (digest, plan) in &library.plans {
            checkers.provide_plan(*digest, Arc::clone(plan));
        }
        let mut fold = Fold::new(&library);
        let mut events = Vec::new();
        for row in &loaded.rows {
            let batch = fold.row(row).unwrap();
            let checked = checkers.observe(row.at, &batch.inputs, &batch.events);
            checked.unwrap_or_else(|violation| panic!("row {}: {violation}", row.seq));
            events.extend(batch.events.into_iter().map(|event| (row.at, event)));
        }
        checkers
            .finish()
            .unwrap_or_else(|violation| panic!("{violation}"));
        let engine = fold.finish().0;
        Self { events, engine }
    }

    /// The events so far, of a journal that may still be written; none where there is no journal yet.
    pub(crate) async fn events(data: &Path) -> Vec<Event> {
        let Ok(reader) = SqliteReader::open_read_only(data).await else {
            return Vec::new();
        };
        let rows = reader.rows(1, u32::MAX).await.unwrap();
        let batches = rows.iter().map(|row| Batch::decode(&row.body).unwrap());
        batches.flat_map(|batch| batch.events).collect()
    }

    /// The hosts of the one rollout.
    pub(crate) fn hosts(&self) -> Vec<HostView> {
        self.engine.hosts_of(RolloutId(1), None)
    }

    /// When the first event of which this is so was decided.
    pub(crate) fn when(&self, is_it: impl Fn(&Event) -> bool) -> Timestamp {
        let found = self.events.iter().find(|(_, event)| is_it(event));
        found.expect("it was decided at some time").0
    }

    pub(crate) fn has(&self, is_it: impl Fn(&Event) -> bool) -> bool {
        self.events.iter().any(|(_, event)| is_it(event))
    }
}
