//! The tables and their version, and which file is a database of ours at all.

use sqlx::SqliteConnection;

/// The version of the tables. It grows with every change of them; a database of a newer one is refused.
pub(super) const VERSION: i64 = 2;

/// Marks the file as Ringway's (`Ring`), as SQLite provides for.
const APPLICATION: i64 = 0x5269_6e67;

/// What kind of file it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// Nothing is in it: a new file, or one whose making was cut short.
    Nothing,
    /// Our tables in the version this program uses.
    Ours,
    /// Our tables in an earlier version, which lacks what came later and reads all the same.
    Older,
    /// Our tables in a version this program does not know.
    Newer(i64),
    /// A database of something else.
    Foreign,
}

/// Looks at the file; changes nothing.
pub(super) async fn find(conn: &mut SqliteConnection) -> sqlx::Result<Found> {
    let (application, version, tables): (i64, i64, i64) = sqlx::query_as(
        "SELECT (SELECT application_id FROM pragma_application_id),
                (SELECT user_version FROM pragma_user_version),
                (SELECT count(*) FROM sqlite_schema)",
    )
    .fetch_one(conn)
    .await?;
    Ok(match (application, version, tables) {
        (0, 0, 0) => Found::Nothing,
        (APPLICATION, VERSION, _) => Found::Ours,
        (APPLICATION, 1, _) => Found::Older,
        (APPLICATION, newer, _) if newer > VERSION => Found::Newer(newer),
        _ => Found::Foreign,
    })
}

/// Makes the tables, within the caller's transaction.
pub(super) async fn create(conn: &mut SqliteConnection, incarnation: u64) -> sqlx::Result<()> {
    sqlx::raw_sql(TABLES).execute(&mut *conn).await?;
    upgrade(conn).await?;
    sqlx::query("INSERT INTO meta (id, incarnation, epoch) VALUES (1, ?, 0)")
        .bind(incarnation.cast_signed())
        .execute(conn)
        .await?;
    Ok(())
}

/// Adds what came after version 1, within the caller's transaction.
pub(super) async fn upgrade(conn: &mut SqliteConnection) -> sqlx::Result<()> {
    sqlx::raw_sql(OUTBOX).execute(conn).await?;
    Ok(())
}

/// What people are to be told. A number is never used again, since messages are known by it.
const OUTBOX: &str = "
    CREATE TABLE outbox (
        id     INTEGER PRIMARY KEY AUTOINCREMENT,
        key    TEXT NOT NULL,
        opened INTEGER NOT NULL,       -- milliseconds since 1970
        closed INTEGER,                -- absent while it goes on
        matter TEXT NOT NULL,          -- JSON
        told   TEXT NOT NULL           -- JSON: how telling it went
    ) STRICT;
    CREATE INDEX outbox_open ON outbox (key) WHERE closed IS NULL;
    PRAGMA user_version = 2;
";

/// The tables of version 1. The journal's key is SQLite's own row number, so appending touches the end of one tree; content is found
/// through an index, so that large values stay out of it.
const TABLES: &str = "
    CREATE TABLE meta (
        id          INTEGER PRIMARY KEY CHECK (id = 1),
        incarnation INTEGER NOT NULL,  -- an unsigned number's 64 bits
        epoch       INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE journal (
        seq   INTEGER PRIMARY KEY,
        at    INTEGER NOT NULL,        -- milliseconds since 1970
        epoch INTEGER NOT NULL,
        hash  BLOB NOT NULL,
        body  BLOB NOT NULL
    ) STRICT;
    CREATE TABLE blob (
        digest BLOB NOT NULL,
        kind   TEXT NOT NULL,
        bytes  BLOB NOT NULL,
        UNIQUE (digest, kind)
    ) STRICT;
    CREATE TABLE snapshot (
        seq   INTEGER PRIMARY KEY,
        hash  BLOB NOT NULL,
        state BLOB NOT NULL,
        body  BLOB NOT NULL
    ) STRICT;
    CREATE TABLE read_model (
        name TEXT PRIMARY KEY,
        seq  INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE read_entry (
        model TEXT NOT NULL,
        key   TEXT NOT NULL,
        json  TEXT NOT NULL,
        PRIMARY KEY (model, key)
    ) STRICT, WITHOUT ROWID;
    PRAGMA application_id = 1382641255;
    PRAGMA user_version = 1;
";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_carry_the_marks_that_are_looked_for() {
        assert!(TABLES.contains(&format!("application_id = {APPLICATION};")));
        assert!(TABLES.contains("user_version = 1;"));
        assert!(OUTBOX.contains(&format!("user_version = {VERSION};")));
    }
}
