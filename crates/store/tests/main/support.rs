//! Rows that chain, and a runtime to wait in.

use ringway_executor::port::{Blob, Row, Snapshot};
use ringway_model::{Digest, Epoch, Timestamp};
use ringway_store::{Head, Store};

/// Waits for a future on this thread.
pub(crate) fn wait<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap()
        .block_on(future)
}

/// The row after `seq` and `hash`.
pub(crate) fn row_after(seq: u64, hash: &Digest, epoch: Epoch, body: &[u8]) -> Row {
    let seq = seq + 1;
    let mut row = Row {
        seq,
        at: Timestamp(1_776_186_000_000 + i64::try_from(seq).unwrap()),
        epoch,
        body: body.to_vec(),
        hash: Row::GENESIS,
    };
    row.hash = row.hash_after(hash);
    row
}

/// `count` rows after `head`, in the epoch that wrote it or took over from it.
pub(crate) fn rows_after(head: &Head, count: u64) -> Vec<Row> {
    let (mut seq, mut hash) = (head.seq, head.hash);
    (0..count)
        .map(|_| {
            let row = row_after(seq, &hash, head.epoch, format!("batch {seq}").as_bytes());
            (seq, hash) = (row.seq, row.hash);
            row
        })
        .collect()
}

/// The next rows of a store's journal.
pub(crate) async fn next_rows(store: &dyn Store, count: u64) -> Vec<Row> {
    rows_after(&store.head().await.unwrap(), count)
}

/// Appends the next `count` rows and returns them.
pub(crate) async fn append_rows(store: &dyn Store, count: u64) -> Vec<Row> {
    let rows = next_rows(store, count).await;
    store.append(&rows, &[]).await.unwrap();
    rows
}

/// Content of a kind.
pub(crate) fn blob(kind: &str, bytes: &[u8]) -> Blob {
    Blob {
        digest: Digest::of(bytes),
        kind: kind.into(),
        bytes: bytes.to_vec(),
    }
}

/// A snapshot at a row.
pub(crate) fn snapshot_at(row: &Row) -> Snapshot {
    let body = format!("state at {}", row.seq).into_bytes();
    Snapshot {
        seq: row.seq,
        hash: row.hash,
        state: Digest::of(&body),
        body,
    }
}

/// Whether rows are numbered from 1 without gaps, each chained on the one before.
pub(crate) fn is_chain(rows: &[Row]) -> bool {
    let mut prev = Row::GENESIS;
    (1..).zip(rows).all(|(seq, row)| {
        let fits = row.seq == seq && row.hash == row.hash_after(&prev);
        prev = row.hash;
        fits
    })
}
