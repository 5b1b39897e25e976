//! A crash at any moment loses nothing that was acknowledged.
//!
//! What a killed process leaves is what its files hold at that moment. They are copied while the store is open, and cut
//! in every way a power failure may cut a log that was not yet synced.

use std::fs::{self, OpenOptions};
use std::path::Path;
use std::process::Command;

use ringway_executor::port::Row;
use ringway_store::{LoadFrom, Reader, SqliteReader, SqliteStore, Store};
use tempfile::TempDir;

use crate::support::{append_rows, blob, is_chain, next_rows, wait};

/// What a crash would leave. Copied by another process: closing a database's file in this one would take away the
/// locks its connections hold.
fn crash(datadir: &Path) -> TempDir {
    let copy = tempfile::tempdir().unwrap();
    for file in ["ringway.db", "ringway.db-wal"] {
        let status = Command::new("cp")
            .arg(datadir.join(file))
            .arg(copy.path())
            .status();
        assert!(status.unwrap().success(), "copy {file}");
    }
    copy
}

/// The journal after recovery, by a reader first (nothing runs) and by the next decider.
async fn recovered(datadir: &Path) -> Vec<Row> {
    let reader = SqliteReader::open_read_only(datadir).await.unwrap();
    let seen = reader.load(LoadFrom::FirstRow).await.unwrap().rows;
    let store = SqliteStore::open(datadir).await.unwrap();
    let rows = store.load(LoadFrom::FirstRow).await.unwrap().rows;
    assert!(seen == rows, "a reader must see what the next decider sees");
    assert!(is_chain(&rows));
    append_rows(&store, 1).await;
    assert!(is_chain(
        &store.load(LoadFrom::FirstRow).await.unwrap().rows
    ));
    rows
}

/// Batches of all sizes, so that the log is also written back to the database on the way.
#[test]
fn after_a_crash_between_appends_every_acknowledged_row_is_there() {
    wait(async {
        let datadir = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(datadir.path()).await.unwrap();
        let mut copies = vec![(0, crash(datadir.path()))];
        for count in [1, 2, 50, 1, 3000, 1, 7] {
            append_rows(&store, count).await;
            let last = store.head().await.unwrap().seq;
            copies.push((last, crash(datadir.path())));
        }
        let rows = store.load(LoadFrom::FirstRow).await.unwrap().rows;
        for (last, copy) in copies {
            let found = recovered(copy.path()).await;
            assert_eq!(found.len() as u64, last);
            assert!(found[..] == rows[..found.len()]);
        }
    });
}

/// Cut the log anywhere: whole batches are missing from its end, never a part of one, and never one that a sync covers
/// that came before the cut.
#[test]
fn a_log_that_was_cut_off_loses_whole_batches_from_its_end_only() {
    wait(async {
        let datadir = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(datadir.path()).await.unwrap();
        let wal = datadir.path().join("ringway.db-wal");
        // Where the journal ended and how long its log was, after each acknowledged batch.
        let mut ends = vec![(0, fs::metadata(&wal).unwrap().len())];
        for count in [3, 100, 1, 40] {
            let rows = next_rows(&store, count).await;
            let plan = blob("plan", format!("plan {count}").as_bytes());
            store.append(&rows, &[plan]).await.unwrap();
            let last = store.head().await.unwrap().seq;
            ends.push((last, fs::metadata(&wal).unwrap().len()));
        }
        let made = ends[0].1;
        let length = ends[4].1;
        // A step that is prime to a page and its frame, so that cuts fall everywhere.
        for cut in (made..=length).step_by(1777).chain([length]) {
            let copy = crash(datadir.path());
            let file = OpenOptions::new()
                .write(true)
                .open(copy.path().join("ringway.db-wal"));
            file.unwrap().set_len(cut).unwrap();
            let found = recovered(copy.path()).await.len() as u64;
            let synced = ends.iter().rev().find(|(_, end)| *end <= cut).unwrap().0;
            assert_eq!(found, synced, "the log was cut at {cut} of {length}");
        }
    });
}

/// A page of the log that never reached the disk, with later ones that did.
#[test]
fn a_log_with_a_hole_is_read_up_to_the_last_whole_batch_before_it() {
    wait(async {
        let datadir = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(datadir.path()).await.unwrap();
        append_rows(&store, 5).await;
        let wal = datadir.path().join("ringway.db-wal");
        let kept = usize::try_from(fs::metadata(&wal).unwrap().len()).unwrap();
        append_rows(&store, 500).await;
        let copy = crash(datadir.path());
        let wal = copy.path().join("ringway.db-wal");
        let mut log = fs::read(&wal).unwrap();
        log[kept..kept + 512].fill(0);
        fs::write(&wal, log).unwrap();
        assert_eq!(recovered(copy.path()).await.len(), 5);
    });
}

/// A future that is dropped may have happened or not; the store goes on either way, and half of it is never there.
#[test]
fn an_append_that_nobody_waited_for_is_there_or_not_and_the_store_goes_on() {
    wait(async {
        let datadir = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(datadir.path()).await.unwrap();
        append_rows(&store, 2).await;
        let mut partly = 0;
        for polls in 0..12 {
            let before = store.head().await.unwrap().seq;
            let rows = next_rows(&store, 300).await;
            let mut append = store.append(&rows, &[]);
            let mut left = polls;
            let done = std::future::poll_fn(|context| {
                if left == 0 {
                    return std::task::Poll::Ready(false);
                }
                left -= 1;
                append.as_mut().poll(context).map(|result| result.is_ok())
            })
            .await;
            drop(append);
            // The next transaction waits for whatever the dropped one had begun.
            store.append(&[], &[]).await.unwrap();
            let after = store.head().await.unwrap().seq;
            assert!(after == before || after == before + 300, "{polls} polls");
            assert!(!done || after == before + 300);
            partly += u32::from(!done && polls > 0);
        }
        assert!(partly > 0, "no append was dropped halfway");
        assert!(is_chain(
            &store.load(LoadFrom::FirstRow).await.unwrap().rows
        ));
    });
}
