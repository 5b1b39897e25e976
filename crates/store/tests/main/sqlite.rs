//! SQLite passes the conformance suite.

use std::fs;

use ringway_store::{Reader, SqliteReader, SqliteStore, Store};
use tempfile::TempDir;

use crate::conformance::{Place, conformance};
use crate::support::wait;

struct Directory(TempDir);

impl Place for Directory {
    async fn open(&self) -> Box<dyn Store> {
        Box::new(SqliteStore::open(self.0.path()).await.unwrap())
    }

    /// The lock's file was deleted by somebody who thought they knew better: what the epoch is for.
    async fn usurp(&self) -> Box<dyn Store> {
        fs::remove_file(self.0.path().join("lock")).unwrap();
        self.open().await
    }

    async fn reader(&self) -> Box<dyn Reader> {
        let reader = SqliteReader::open_read_only(self.0.path()).await;
        Box::new(reader.unwrap())
    }
}

#[test]
fn sqlite_does_what_every_store_must_do() {
    wait(conformance(|| Directory(tempfile::tempdir().unwrap())));
}
