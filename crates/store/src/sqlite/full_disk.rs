//! A disk without room, or one that cannot be written: nothing of a batch stays, nothing before it is lost, and the
//! store goes on by itself when it can.

use ringway_executor::port::{AppendFailure, Blob, Row};
use ringway_model::{Digest, Timestamp};
use tempfile::TempDir;

use super::SqliteStore;
use crate::port::{LoadFrom, Reader, Store, WriteError};

/// Runs with a store on which `count` rows were appended.
fn with_store<F: AsyncFnOnce(&TempDir, SqliteStore)>(count: u64, test: F) {
    tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap()
        .block_on(async {
            let datadir = tempfile::tempdir().unwrap();
            let store = SqliteStore::open(datadir.path()).await.unwrap();
            let rows = next_rows(&store, count, 100).await;
            store.append(&rows, &[]).await.unwrap();
            test(&datadir, store).await;
        });
}

/// The next rows of the journal, each with a body of `size` bytes.
async fn next_rows(store: &SqliteStore, count: u64, size: usize) -> Vec<Row> {
    let head = store.head().await.unwrap();
    let (mut seq, mut hash) = (head.seq, head.hash);
    (0..count)
        .map(|_| {
            seq += 1;
            let mut row = Row {
                seq,
                at: Timestamp(0),
                epoch: head.epoch,
                body: vec![b'x'; size],
                hash,
            };
            row.hash = row.hash_after(&hash);
            hash = row.hash;
            row
        })
        .collect()
}

async fn journal(store: &SqliteStore) -> Vec<Row> {
    store.load(LoadFrom::FirstRow).await.unwrap().rows
}

/// Makes the writer's connection behave as if the disk had this; the next connection is a sound one again.
async fn break_writer(store: &SqliteStore, pragma: &'static str) {
    let mut idle = store.writer.idle().await;
    let conn = idle.as_mut().unwrap();
    sqlx::raw_sql(pragma).execute(conn).await.unwrap();
}

#[test]
fn a_batch_that_does_not_fit_on_the_disk_leaves_nothing_behind() {
    with_store(10, async |datadir, store| {
        let before = journal(&store).await;
        let plan = Blob {
            digest: Digest::of(b"a plan"),
            kind: "plan".into(),
            bytes: b"a plan".to_vec(),
        };
        // Full at the first statement, in the midst of one, and after some statements went well.
        for (count, size) in [(1, 200_000), (500, 1000), (9, 6 << 20)] {
            break_writer(&store, "PRAGMA max_page_count = 40").await;
            let rows = next_rows(&store, count, size).await;
            let error = store.append(&rows, std::slice::from_ref(&plan)).await;
            let error = error.unwrap_err();
            assert!(matches!(error, WriteError::DiskFull), "{error}");
            assert_eq!(AppendFailure::from(error), AppendFailure::DiskFull);
            assert_eq!(journal(&store).await, before);
            assert!(store.blob(plan.digest).await.unwrap().is_none());
            // There is room again: a new connection knows nothing of the limit.
            store.append(&[], &[]).await.unwrap();
        }
        let rows = next_rows(&store, 500, 1000).await;
        store
            .append(&rows, std::slice::from_ref(&plan))
            .await
            .unwrap();
        assert_eq!(journal(&store).await.len(), 510);
        drop(store);
        let store = SqliteStore::open(datadir.path()).await.unwrap();
        assert_eq!(journal(&store).await.len(), 510);
        assert_eq!(store.blob(plan.digest).await.unwrap(), Some(plan));
    });
}

/// On the first connection and on one that was made after a failure: a commit is on the disk before it is acknowledged.
#[test]
fn every_connection_that_writes_waits_for_the_disk() {
    with_store(1, async |_, store| {
        for _ in 0..2 {
            let mut idle = store.writer.idle().await;
            let modes: (i64, String) = sqlx::query_as(
                "SELECT synchronous, journal_mode FROM pragma_synchronous, pragma_journal_mode",
            )
            .fetch_one(idle.as_mut().unwrap())
            .await
            .unwrap();
            assert_eq!(modes, (2, "wal".to_owned()));
            drop(idle);
            break_writer(&store, "PRAGMA query_only = 1").await;
            let rows = next_rows(&store, 1, 1).await;
            assert!(store.append(&rows, &[]).await.is_err());
            store.append(&rows, &[]).await.unwrap();
        }
    });
}

#[test]
fn a_database_that_cannot_be_written_says_so_and_keeps_what_it_has() {
    with_store(10, async |_, store| {
        let before = journal(&store).await;
        break_writer(&store, "PRAGMA query_only = 1").await;
        let rows = next_rows(&store, 5, 100).await;
        let error = store.append(&rows, &[]).await.unwrap_err();
        assert!(matches!(error, WriteError::Database(_)), "{error}");
        let AppendFailure::Other(why) = AppendFailure::from(error) else {
            panic!("not every failure is a full disk");
        };
        assert!(why.contains("readonly"), "{why}");
        assert_eq!(journal(&store).await, before);
        store.append(&rows, &[]).await.unwrap();
        assert_eq!(journal(&store).await.len(), 15);
    });
}

/// The file is gone and something else is in its place: a new connection must not begin a new journal there.
#[test]
fn a_writer_never_makes_the_database_anew() {
    with_store(3, async |datadir, store| {
        break_writer(&store, "PRAGMA query_only = 1").await;
        let rows = next_rows(&store, 1, 100).await;
        std::fs::remove_file(datadir.path().join("ringway.db")).unwrap();
        for _ in 0..2 {
            let error = store.append(&rows, &[]).await.unwrap_err();
            assert!(matches!(error, WriteError::Database(_)), "{error}");
        }
        assert!(!datadir.path().join("ringway.db").exists());
    });
}
