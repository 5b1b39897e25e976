//! Reading beside a running decider, or when nothing runs.

use std::path::Path;

use ringway_executor::notices::Told;
use ringway_executor::port::{Blob, Loaded, Row};
use ringway_model::Digest;
use sqlx::{ConnectOptions, Connection, SqlitePool};

use super::fault::{self, Fault};
use super::schema::{self, Found};
use super::{connect, outbox, read};
use crate::datadir::{DataDir, OpenError};
use crate::port::{Answer, Head, LoadFrom, ReadError, ReadModel, Reader};

/// Reads a data directory. It takes no lock and cannot write, so it never stands in a decider's way.
pub struct SqliteReader {
    pool: SqlitePool,
}

impl SqliteReader {
    /// Opens what is in a data directory for reading.
    ///
    /// # Errors
    ///
    /// When there is no database of ours, or not one this program can read.
    pub async fn open_read_only(datadir: &Path) -> Result<Self, OpenError> {
        let datadir = DataDir::find(datadir)?;
        let path = datadir.database();
        let found = async {
            let mut conn = connect::reading(&path).connect().await?;
            let found = schema::find(&mut conn).await?;
            conn.close().await?;
            Ok(found)
        };
        match found.await {
            Ok(Found::Ours | Found::Older) => Ok(Self::of(&path)),
            Ok(Found::Nothing) => Err(OpenError::Missing { path }),
            Ok(found) => Err(unusable(&path, found)),
            // Readers share the log's index in memory that has a file of its own, so they need a place to make it.
            Err(error) if fault::of(&error) == Fault::MaybeFull && !datadir.is_writable() => {
                Err(OpenError::ReadOnly { path })
            }
            Err(error) => Err(failed(&path, error)),
        }
    }

    /// A reader of a database that is known to be ours.
    pub(super) fn of(database: &Path) -> Self {
        let pool = connect::readers(database);
        Self { pool }
    }

    /// Closes the connections.
    pub(super) async fn close(&self) {
        self.pool.close().await;
    }

    /// Everything needed to fold the state, as of one instant.
    pub(super) async fn load_from(&self, from: LoadFrom) -> Result<Loaded, ReadError> {
        let mut instant = self.pool.begin().await?;
        let loaded = read::load(&mut instant, from).await?;
        instant.rollback().await?;
        Ok(loaded)
    }
}

impl Reader for SqliteReader {
    fn head(&self) -> Answer<'_, Head, ReadError> {
        Box::pin(async { read::head(&mut *self.pool.acquire().await?).await })
    }

    fn load(&self, from: LoadFrom) -> Answer<'_, Loaded, ReadError> {
        Box::pin(self.load_from(from))
    }

    fn rows(&self, from: u64, limit: u32) -> Answer<'_, Vec<Row>, ReadError> {
        Box::pin(async move { read::rows(&mut *self.pool.acquire().await?, from, limit).await })
    }

    fn fleets_and_plans(&self) -> Answer<'_, Vec<Blob>, ReadError> {
        Box::pin(async move { read::blobs_to_fold(&mut *self.pool.acquire().await?).await })
    }

    fn blob(&self, digest: Digest) -> Answer<'_, Option<Blob>, ReadError> {
        Box::pin(async move { read::blob(&mut *self.pool.acquire().await?, digest).await })
    }

    fn outbox(&self) -> Answer<'_, Vec<Told>, ReadError> {
        Box::pin(async { outbox::read(&mut *self.pool.acquire().await?).await })
    }

    fn read_model<'a>(&'a self, name: &'a str) -> Answer<'a, Option<ReadModel>, ReadError> {
        Box::pin(async move {
            let mut instant = self.pool.begin().await?;
            let model = read::read_model(&mut instant, name).await?;
            instant.rollback().await?;
            Ok(model)
        })
    }
}

/// Why a database that was found to be something else cannot be opened.
pub(super) fn unusable(database: &Path, found: Found) -> OpenError {
    let path = database.to_owned();
    match found {
        Found::Newer(found) => OpenError::NewerSchema {
            path,
            found,
            known: schema::VERSION,
        },
        Found::Nothing | Found::Ours | Found::Older | Found::Foreign => {
            OpenError::NotADatabase { path }
        }
    }
}

/// Why a database could not be opened.
pub(super) fn failed(database: &Path, error: sqlx::Error) -> OpenError {
    let path = database.to_owned();
    match fault::of(&error) {
        Fault::Full => OpenError::DiskFull { path },
        Fault::NotADatabase => OpenError::NotADatabase { path },
        Fault::ReadOnly => OpenError::ReadOnly { path },
        Fault::MaybeFull | Fault::Other => OpenError::Database {
            path,
            source: Box::new(error),
        },
    }
}
