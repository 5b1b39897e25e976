//! SQLite passes the conformance suite.

use std::fs;

use ringway_store::{Reader, SqliteReader, SqliteStore, Store};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection};
use tempfile::TempDir;

use crate::conformance::{Place, conformance};
use crate::support::{append_rows, wait};

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

/// A database of version 1 has no place for what people are to be told: it reads as it is, and has one once it is opened.
#[test]
fn a_database_of_an_earlier_version_is_read_and_brought_up_to_this_one() {
    wait(async {
        let place = Directory(tempfile::tempdir().unwrap());
        let store = place.open().await;
        let rows = append_rows(&*store, 2).await;
        store.close().await;
        drop(store);
        let options =
            SqliteConnectOptions::new().filename(place.0.path().join(ringway_store::DATABASE));
        let mut conn = options.connect().await.unwrap();
        let old = "DROP TABLE outbox; PRAGMA user_version = 1;";
        sqlx::raw_sql(old).execute(&mut conn).await.unwrap();
        conn.close().await.unwrap();
        let reader = place.reader().await;
        assert!(reader.outbox().await.unwrap().is_empty());
        assert_eq!(reader.rows(1, 10).await.unwrap(), rows);
        let store = place.open().await;
        assert!(store.outbox().await.unwrap().is_empty());
        store.write_outbox(&[], &[1]).await.unwrap();
        append_rows(&*store, 1).await;
    });
}
