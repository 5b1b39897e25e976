//! The one connection that writes, and its transactions.
//!
//! # Invariants
//!
//! * A connection is used again only after a transaction that ended well: after anything else (an error, a refusal, a
//!   future that was dropped) it is closed, and SQLite takes back what it had begun.

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection, SqliteConnection};
use tokio::sync::{Mutex, MutexGuard};

/// The one connection that writes.
pub(super) struct Writer {
    options: SqliteConnectOptions,
    idle: Mutex<Option<SqliteConnection>>,
}

impl Writer {
    /// A writer that goes on with `conn`, and makes others with `options` when that one fails.
    pub(super) fn new(options: SqliteConnectOptions, conn: SqliteConnection) -> Self {
        let idle = Mutex::new(Some(conn));
        Self { options, idle }
    }

    /// Begins a transaction that has the right to write from its start.
    pub(super) async fn begin(&self) -> sqlx::Result<Transaction<'_>> {
        let mut idle = self.idle.lock().await;
        let mut conn = match idle.take() {
            Some(conn) => conn,
            None => self.options.connect().await?,
        };
        begin(&mut conn).await?;
        Ok(Transaction { conn, idle })
    }

    /// Closes the connection. A later transaction makes another one.
    pub(super) async fn close(&self) {
        if let Some(conn) = self.idle.lock().await.take()
            && let Err(error) = conn.close().await
        {
            tracing::warn!(%error, "the database was not closed in order; the next start mends it");
        }
    }

    /// The connection itself, to make it behave as a broken disk does.
    #[cfg(test)]
    pub(super) async fn idle(&self) -> MutexGuard<'_, Option<SqliteConnection>> {
        self.idle.lock().await
    }
}

/// Something being written. Dropped without [`Transaction::commit`], it never was.
pub(super) struct Transaction<'w> {
    /// Closed before the next one may begin.
    conn: SqliteConnection,
    idle: MutexGuard<'w, Option<SqliteConnection>>,
}

impl Transaction<'_> {
    /// The connection, for the statements of the transaction.
    pub(super) fn conn(&mut self) -> &mut SqliteConnection {
        &mut self.conn
    }

    /// Makes it durable.
    pub(super) async fn commit(mut self) -> sqlx::Result<()> {
        commit(&mut self.conn).await?;
        *self.idle = Some(self.conn);
        Ok(())
    }
}

/// Begins a transaction that has the right to write from its start, so that it never waits in its middle.
pub(super) async fn begin(conn: &mut SqliteConnection) -> sqlx::Result<()> {
    sqlx::query("BEGIN IMMEDIATE").execute(conn).await?;
    Ok(())
}

/// Ends a transaction; what it wrote is durable when this returns.
pub(super) async fn commit(conn: &mut SqliteConnection) -> sqlx::Result<()> {
    sqlx::query("COMMIT").execute(conn).await?;
    Ok(())
}
