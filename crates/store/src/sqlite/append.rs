//! What may be stored, and the statements that store it.

use ringway_executor::port::{Blob, Row, Snapshot};
use ringway_model::{Digest, Epoch};
use sqlx::SqliteConnection;

use super::packed::Packed;
use crate::port::{Head, ReadModel, Refusal};

/// The largest value that is stored in one piece. SQLite's own limit is a billion bytes for a whole row, and a batch or
/// a state of half of that says that something else went wrong.
const PIECE: usize = 512 << 20;

/// How many bytes are bound to one statement, about: enough that the statement's own cost vanishes, little enough that
/// the copy of them does not matter.
const LOT: usize = 16 << 20;

/// Snapshots that are kept: the last, and the one before it for when the last is of no use.
const SNAPSHOTS: i64 = 2;

/// Whether a batch can be stored at all, as far as it says itself.
pub(super) fn check_batch(rows: &[Row], blobs: &[Blob], held: Epoch) -> Result<(), Refusal> {
    for blob in blobs {
        check_size(&blob.bytes)?;
        if Digest::of(&blob.bytes) != blob.digest {
            let digest = blob.digest;
            return Err(Refusal::WrongDigest { digest });
        }
    }
    for row in rows {
        check_size(&row.body)?;
        if row.epoch != held {
            return Err(Refusal::ForeignEpoch {
                seq: row.seq,
                found: row.epoch,
                held,
            });
        }
    }
    for pair in rows.windows(2) {
        let [before, row] = pair else { continue };
        let expected = before.seq.saturating_add(1);
        if row.seq != expected {
            let found = row.seq;
            return Err(Refusal::OutOfSequence { expected, found });
        }
        if row.hash != row.hash_after(&before.hash) {
            return Err(Refusal::BrokenChain { seq: row.seq });
        }
    }
    Ok(())
}

/// Whether the batch's first row follows the journal's last.
pub(super) fn check_place(rows: &[Row], head: &Head) -> Result<(), Refusal> {
    let Some(row) = rows.first() else {
        return Ok(());
    };
    let (expected, found) = (head.seq + 1, row.seq);
    if found != expected {
        return Err(Refusal::OutOfSequence { expected, found });
    }
    if row.hash != row.hash_after(&head.hash) {
        return Err(Refusal::BrokenChain { seq: found });
    }
    Ok(())
}

/// Whether a value fits into one piece.
pub(super) fn check_size(bytes: &[u8]) -> Result<(), Refusal> {
    if bytes.len() > PIECE {
        return Err(Refusal::TooLarge {
            bytes: bytes.len(),
            limit: PIECE,
        });
    }
    Ok(())
}

/// Stores rows, in as few statements as their size allows.
pub(super) async fn insert_rows(conn: &mut SqliteConnection, rows: &[Row]) -> sqlx::Result<()> {
    let mut rows = rows.iter().peekable();
    while rows.peek().is_some() {
        let mut lot = Packed::default();
        while let Some(row) =
            rows.next_if(|row| lot.len() == 0 || lot.len() + row.body.len() <= LOT)
        {
            // Both count up from what the database holds, so neither reaches the sign.
            let (seq, epoch) = (row.seq.cast_signed(), row.epoch.0.cast_signed());
            lot.push(&[seq, row.at.0, epoch], &[row.hash.as_bytes(), &row.body]);
        }
        let (index, bytes) = lot.into_values();
        sqlx::query(
            "INSERT INTO journal (seq, at, epoch, hash, body)
             SELECT value->>0, value->>1, value->>2,
                    substr(?2, value->>3, value->>4), substr(?2, value->>5, value->>6)
             FROM json_each(?1)",
        )
        .bind(index)
        .bind(bytes)
        .execute(&mut *conn)
        .await?;
    }
    Ok(())
}

/// Stores content. There are few: a rollout brings its fleet, its plan and the texts they were made from.
pub(super) async fn insert_blobs(conn: &mut SqliteConnection, blobs: &[Blob]) -> sqlx::Result<()> {
    for blob in blobs {
        sqlx::query(
            "INSERT INTO blob (digest, kind, bytes) VALUES (?, ?, ?)
             ON CONFLICT (digest, kind) DO NOTHING",
        )
        .bind(blob.digest.as_bytes().as_slice())
        .bind(&blob.kind)
        .bind(&blob.bytes)
        .execute(&mut *conn)
        .await?;
    }
    Ok(())
}

/// Stores a snapshot, and forgets the ones that are no longer needed.
pub(super) async fn insert_snapshot(
    conn: &mut SqliteConnection,
    snapshot: &Snapshot,
) -> sqlx::Result<()> {
    sqlx::query("INSERT OR REPLACE INTO snapshot (seq, hash, state, body) VALUES (?, ?, ?, ?)")
        .bind(snapshot.seq.cast_signed())
        .bind(snapshot.hash.as_bytes().as_slice())
        .bind(snapshot.state.as_bytes().as_slice())
        .bind(&snapshot.body)
        .execute(&mut *conn)
        .await?;
    sqlx::query(
        "DELETE FROM snapshot WHERE seq NOT IN
             (SELECT seq FROM snapshot ORDER BY seq DESC LIMIT ?)",
    )
    .bind(SNAPSHOTS)
    .execute(conn)
    .await?;
    Ok(())
}

/// Puts a read model in the place of the one of its name.
pub(super) async fn replace_model(
    conn: &mut SqliteConnection,
    model: &ReadModel,
) -> sqlx::Result<()> {
    sqlx::query("INSERT OR REPLACE INTO read_model (name, seq) VALUES (?, ?)")
        .bind(&model.name)
        .bind(model.seq.cast_signed())
        .execute(&mut *conn)
        .await?;
    sqlx::query("DELETE FROM read_entry WHERE model = ?")
        .bind(&model.name)
        .execute(&mut *conn)
        .await?;
    let mut entries = model.entries.iter().peekable();
    while entries.peek().is_some() {
        let mut lot = Packed::default();
        while let Some((key, json)) =
            entries.next_if(|(_, json)| lot.len() == 0 || lot.len() + json.len() <= LOT)
        {
            lot.push(&[], &[key.as_bytes(), json.as_bytes()]);
        }
        let (index, bytes) = lot.into_values();
        sqlx::query(
            "INSERT INTO read_entry (model, key, json)
             SELECT ?3, CAST(substr(?2, value->>0, value->>1) AS TEXT),
                    CAST(substr(?2, value->>2, value->>3) AS TEXT)
             FROM json_each(?1)",
        )
        .bind(index)
        .bind(bytes)
        .bind(&model.name)
        .execute(&mut *conn)
        .await?;
    }
    Ok(())
}
