//! How connections are made: the pragmas, each with its reason.

use std::path::Path;
use std::time::Duration;

use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use sqlx::{ConnectOptions, SqliteConnection};

/// How long a transaction waits for another one. The lock file leaves only people with a `sqlite3` shell to wait for,
/// and a writer that was thrown away and is still rolling back.
const BUSY: Duration = Duration::from_secs(5);

/// Readers at a time in one process: a status page, an audit and a listing, and one to spare.
const READERS: u32 = 4;

/// What every connection has in common.
fn common(database: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(database)
        .busy_timeout(BUSY)
        // Rows are handed over in lots; the driver's 50 cost more than reading them.
        .row_buffer_size(1024)
        // The file may have been made by somebody else: nothing in its schema is to be trusted.
        .pragma("trusted_schema", "OFF")
        .pragma("cell_size_check", "ON")
        .foreign_keys(false)
        // Statements carry whole batches, and how slow a disk is is not this crate's to report.
        .disable_statement_logging()
}

/// The writer's connections. The journal mode is not among the options: setting it writes, and the file has to prove
/// first that it is ours ([`use_wal`]).
pub(super) fn writing(database: &Path) -> SqliteConnectOptions {
    common(database)
        // In WAL mode anything less may lose commits that were acknowledged when the power fails.
        .synchronous(SqliteSynchronous::Full)
        // 16 MiB between checkpoints instead of 4: pages that many commits touch are written back once.
        .pragma("wal_autocheckpoint", "4096")
        // One large batch must not leave its size in the log for ever.
        .pragma("journal_size_limit", "67108864")
}

/// The readers' connections: they cannot write whatever they are asked.
pub(super) fn reading(database: &Path) -> SqliteConnectOptions {
    common(database).read_only(true)
}

/// A pool of readers; connections are made when they are needed.
pub(super) fn readers(database: &Path) -> SqlitePool {
    SqlitePoolOptions::new()
        .max_connections(READERS)
        .idle_timeout(None)
        .max_lifetime(None)
        .test_before_acquire(false)
        .connect_lazy_with(reading(database))
}

/// Puts a new database into WAL mode, which it keeps: readers and the writer do not wait for each other.
///
/// # Errors
///
/// Also where the file system cannot share memory between processes, as WAL needs.
pub(super) async fn use_wal(conn: &mut SqliteConnection) -> sqlx::Result<()> {
    let mode: String = sqlx::query_scalar("PRAGMA journal_mode = WAL")
        .fetch_one(conn)
        .await?;
    if mode.parse::<SqliteJournalMode>()? == SqliteJournalMode::Wal {
        return Ok(());
    }
    Err(sqlx::Error::Protocol(
        "the file system does not support a write-ahead log".into(),
    ))
}
