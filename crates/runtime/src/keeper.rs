//! The task that talks to the store: one job at a time, in the order they were given.

use std::sync::Arc;

use ringway_executor::notices::Notices;
use ringway_executor::port::{AppendFailure, Arrival, Blob, Ended, Row, Snapshot};
use ringway_store::{LoadFrom, Store};
use tokio::sync::{Notify, mpsc};

use crate::decider::Told;

/// Something for the store to do.
#[derive(Debug)]
pub(crate) enum Job {
    /// Read everything needed to fold the state.
    Load(LoadFrom),
    /// Make this durable.
    Append {
        row: Row,
        blobs: Vec<Blob>,
        notices: Notices,
    },
    /// Keep this snapshot.
    KeepSnapshot(Snapshot),
}

/// Works until nobody can send a job any more, then leaves the database in order.
pub(crate) async fn run(
    store: Arc<dyn Store>,
    mut jobs: mpsc::UnboundedReceiver<Job>,
    arrivals: mpsc::UnboundedSender<Told>,
    outbox: Arc<Notify>,
) {
    while let Some(job) = jobs.recv().await {
        let told = match job {
            Job::Load(from) => match store.load(from).await {
                Ok(loaded) => Told::Arrival(Arrival::Loaded(Box::new(loaded))),
                Err(error) => Told::Broken(Ended::Corrupt(error.to_string())),
            },
            Job::Append {
                row,
                blobs,
                notices,
            } => {
                let seq = row.seq;
                let rows = std::slice::from_ref(&row);
                match store.append_and_tell(rows, &blobs, &notices).await {
                    Ok(()) => {
                        if !notices.is_empty() {
                            outbox.notify_one();
                        }
                        Told::Arrival(Arrival::Appended { seq })
                    }
                    Err(error) => {
                        let why = AppendFailure::from(error);
                        tracing::warn!(seq, ?why, "a batch was not stored");
                        Told::Arrival(Arrival::AppendFailed { seq, why })
                    }
                }
            }
            Job::KeepSnapshot(snapshot) => {
                // Nobody waits for a snapshot, and a recovery without it only folds longer.
                if let Err(error) = store.keep_snapshot(&snapshot).await {
                    tracing::warn!(%error, "a snapshot was not kept");
                }
                continue;
            }
        };
        if arrivals.send(told).is_err() {
            break;
        }
    }
    store.close().await;
}
