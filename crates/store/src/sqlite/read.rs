//! The statements that read. What they return is what is stored; a value that no store writes is reported as damage,
//! never repaired and never passed over.

use std::collections::BTreeMap;

use ringway_executor::port::{Blob, Loaded, Row, Snapshot};
use ringway_model::{Digest, Epoch, Timestamp};
use sqlx::SqliteConnection;

use crate::port::{Head, LoadFrom, ReadError, ReadModel};

/// How many bytes of rows a page holds, about.
const PAGE: i64 = 16 << 20;

impl From<sqlx::Error> for ReadError {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(Box::new(error))
    }
}

/// Where the journal ends, and who holds it.
pub(super) async fn head(conn: &mut SqliteConnection) -> Result<Head, ReadError> {
    type Stored = (i64, i64, Option<i64>, Option<Vec<u8>>);
    let (incarnation, epoch, seq, hash): Stored = sqlx::query_as(
        "SELECT incarnation, meta.epoch, seq, hash FROM meta
         LEFT JOIN (SELECT seq, hash FROM journal ORDER BY seq DESC LIMIT 1)",
    )
    .fetch_optional(conn)
    .await?
    .ok_or_else(|| damaged("the database's own record"))?;
    Ok(Head {
        incarnation: incarnation.cast_unsigned(),
        epoch: Epoch(epoch.cast_unsigned()),
        seq: seq.unwrap_or(0).cast_unsigned(),
        hash: hash.map_or(Ok(Row::GENESIS), |hash| {
            digest(&hash, || "the last row's hash".into())
        })?,
    })
}

/// What is needed to fold the state. The caller holds a read transaction, so all of it is of one instant.
pub(super) async fn load(conn: &mut SqliteConnection, from: LoadFrom) -> Result<Loaded, ReadError> {
    let head = head(conn).await?;
    let snapshot = match from {
        LoadFrom::Snapshot => snapshot(conn).await?,
        LoadFrom::FirstRow => None,
    };
    let first = snapshot.as_ref().map_or(0, |snapshot| snapshot.seq + 1);
    Ok(Loaded {
        incarnation: head.incarnation,
        epoch: head.epoch,
        snapshot,
        rows: rows_between(conn, first.cast_signed(), i64::MAX).await?,
        blobs: blobs_to_fold(conn).await?,
    })
}

/// At most `limit` rows from `from` on, and not many more bytes than a page holds.
pub(super) async fn rows(
    conn: &mut SqliteConnection,
    from: u64,
    limit: u32,
) -> Result<Vec<Row>, ReadError> {
    let Ok(from) = i64::try_from(from) else {
        return Ok(Vec::new());
    };
    // A value's length is known without reading it. One row is taken however large it is.
    let last: Option<i64> = sqlx::query_scalar(
        "SELECT max(seq) FROM (
             SELECT seq, sum(length(body)) OVER (ORDER BY seq) AS total, length(body) AS own
             FROM (SELECT seq, body FROM journal WHERE seq >= ?1 ORDER BY seq LIMIT ?2))
         WHERE total <= ?3 OR total = own",
    )
    .bind(from)
    .bind(limit)
    .bind(PAGE)
    .fetch_one(&mut *conn)
    .await?;
    match last {
        Some(last) => rows_between(conn, from, last).await,
        None => Ok(Vec::new()),
    }
}

async fn rows_between(
    conn: &mut SqliteConnection,
    from: i64,
    to: i64,
) -> Result<Vec<Row>, ReadError> {
    type Stored = (i64, i64, i64, Vec<u8>, Vec<u8>);
    let stored: Vec<Stored> = sqlx::query_as(
        "SELECT seq, at, epoch, hash, body FROM journal WHERE seq BETWEEN ? AND ? ORDER BY seq",
    )
    .bind(from)
    .bind(to)
    .fetch_all(conn)
    .await?;
    stored
        .into_iter()
        .map(|(seq, at, epoch, hash, body)| {
            Ok(Row {
                seq: seq.cast_unsigned(),
                at: Timestamp(at),
                epoch: Epoch(epoch.cast_unsigned()),
                hash: digest(&hash, || format!("row {seq}'s hash"))?,
                body,
            })
        })
        .collect()
}

/// The newest snapshot that belongs to a row of this journal.
async fn snapshot(conn: &mut SqliteConnection) -> Result<Option<Snapshot>, ReadError> {
    type Stored = (i64, Vec<u8>, Vec<u8>, Vec<u8>);
    let stored: Option<Stored> = sqlx::query_as(
        "SELECT seq, hash, state, snapshot.body FROM snapshot JOIN journal USING (seq, hash)
         ORDER BY seq DESC LIMIT 1",
    )
    .fetch_optional(conn)
    .await?;
    let Some((seq, hash, state, body)) = stored else {
        return Ok(None);
    };
    Ok(Some(Snapshot {
        seq: seq.cast_unsigned(),
        hash: digest(&hash, || format!("snapshot {seq}'s hash"))?,
        state: digest(&state, || format!("snapshot {seq}'s state digest"))?,
        body,
    }))
}

/// Whether the journal has this row.
pub(super) async fn has_row(
    conn: &mut SqliteConnection,
    seq: u64,
    hash: &Digest,
) -> sqlx::Result<bool> {
    let Ok(seq) = i64::try_from(seq) else {
        return Ok(false);
    };
    sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM journal WHERE seq = ? AND hash = ?)")
        .bind(seq)
        .bind(hash.as_bytes().as_slice())
        .fetch_one(conn)
        .await
}

/// Fleets and plans. The texts they were made from are not needed for folding.
pub(super) async fn blobs_to_fold(conn: &mut SqliteConnection) -> Result<Vec<Blob>, ReadError> {
    let stored: Vec<(Vec<u8>, String, Vec<u8>)> = sqlx::query_as(
        "SELECT digest, kind, bytes FROM blob WHERE kind IN ('fleet', 'plan') ORDER BY rowid",
    )
    .fetch_all(conn)
    .await?;
    stored.into_iter().map(as_blob).collect()
}

/// The content with this digest.
pub(super) async fn blob(
    conn: &mut SqliteConnection,
    digest: Digest,
) -> Result<Option<Blob>, ReadError> {
    let stored: Option<(Vec<u8>, String, Vec<u8>)> =
        sqlx::query_as("SELECT digest, kind, bytes FROM blob WHERE digest = ? LIMIT 1")
            .bind(digest.as_bytes().as_slice())
            .fetch_optional(conn)
            .await?;
    stored.map(as_blob).transpose()
}

fn as_blob((stored, kind, bytes): (Vec<u8>, String, Vec<u8>)) -> Result<Blob, ReadError> {
    Ok(Blob {
        digest: digest(&stored, || format!("the digest of a {kind}"))?,
        kind,
        bytes,
    })
}

/// The read model of this name. The caller holds a read transaction.
pub(super) async fn read_model(
    conn: &mut SqliteConnection,
    name: &str,
) -> Result<Option<ReadModel>, ReadError> {
    let seq: Option<i64> = sqlx::query_scalar("SELECT seq FROM read_model WHERE name = ?")
        .bind(name)
        .fetch_optional(&mut *conn)
        .await?;
    let Some(seq) = seq else { return Ok(None) };
    let entries: Vec<(String, String)> =
        sqlx::query_as("SELECT key, json FROM read_entry WHERE model = ?")
            .bind(name)
            .fetch_all(conn)
            .await?;
    Ok(Some(ReadModel {
        name: name.to_owned(),
        seq: seq.cast_unsigned(),
        entries: BTreeMap::from_iter(entries),
    }))
}

fn digest(stored: &[u8], what: impl FnOnce() -> String) -> Result<Digest, ReadError> {
    match stored.try_into() {
        Ok(bytes) => Ok(Digest::from_bytes(bytes)),
        Err(_) => Err(ReadError::Damaged { what: what() }),
    }
}

fn damaged(what: &str) -> ReadError {
    ReadError::Damaged { what: what.into() }
}
